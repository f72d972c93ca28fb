"""A node that joins a cluster, in a directory of its own.

Its machine gets the file that `ringctl cluster export` writes, as an operator would do it.
"""

import os
import signal
import subprocess

import harness

OK = 0


class Newcomer:
    """Without partitions: a gateway, or one that is to store data."""

    def __init__(self, made, number, first_port, peers):
        self.made = made
        self.number = number
        self.peers = peers
        self.port, self.peer_port = first_port, first_port + 1
        self.dir = os.path.join(made.dir, "newcomer%d" % number)
        self.process = None
        os.mkdir(self.dir)
        with open(self.path("ringd.conf"), "w", encoding="utf-8") as file:
            file.write("node-id %d\nlisten 127.0.0.1:%d\npeer-listen 127.0.0.1:%d\n"
                       "data-dir %s\nlog-file %s\n"
                       % (number, self.port, self.peer_port, self.path("data"), self.path("log")))

    def path(self, name):
        return os.path.join(self.dir, name)

    def join(self, node, *more):
        """As a gateway with "--gateway" among `more`."""
        return harness.ringctl(self.made.port(node), "cluster", "join", "--region", "eu",
                               "--client", "127.0.0.1:%d" % self.port, "--peer",
                               "127.0.0.1:%d" % self.peer_port, "--json", *more)

    def initialise(self, node):
        ring = self.path("ring")
        code, out, errors = harness.ringctl(self.made.port(node), "cluster", "export", ring)
        if code != OK:
            return code, out + errors, None
        mode = os.stat(ring).st_mode & 0o777
        result = subprocess.run([harness.RINGD, "--config", self.path("ringd.conf"), "--init",
                                 "--ring-file", ring], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
        return result.returncode, result.stdout, mode

    def start(self):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([harness.RINGD, "--config", self.path("ringd.conf")],
                                        stdin=subprocess.DEVNULL)

    def peers_up(self):
        try:
            reply = harness.ask(self.port, "RING.STATUS")
        except (OSError, ConnectionError):
            return -1
        members = dict(zip(reply[::2], reply[1::2]))[b"members"]
        return sum(dict(zip(row[::2], row[1::2]))[b"state"] == b"up" for row in members)

    def serves(self):
        return self.peers_up() == self.peers

    def ended(self):
        return self.process.poll() is not None

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
