"""What the system tests share: clusters on free ports, raw questions, claims, and an end.

A test is a function that prints one line for each claim. Everything it starts is stopped by its
end, whatever happens; nothing that it did not start is touched. Tests wait for things
to become true, and never for a time to pass.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.realpath(__file__))
SRC = os.environ.get("SRC", os.path.dirname(os.path.dirname(HERE)))
BUILD = os.environ.get("BUILD", os.path.join(SRC, "build"))
RINGD = os.path.join(BUILD, "ringd")
RINGCTL = os.path.join(BUILD, "ringctl")
RINGCA = os.path.join(BUILD, "ringca")
RINGCLUSTER = os.path.join(SRC, "tools", "ringcluster")
SKIPPED = 77
HOST = "127.0.0.1"
POLL_SECONDS = 0.05
# Below the ports that the system gives to outgoing connections, which come and go.
PORTS = range(20000, 32000)


class Skip(Exception):
    """Something that the test needs is not here; the text says what."""


class Claims:
    """Counts what was claimed and what did not hold."""

    def __init__(self):
        self.failed = 0
        self.count = 0
        self.missing = []

    def check(self, good, text, detail=""):
        """One line, and whether it held."""
        self.count += 1
        if not good:
            self.failed += 1
        print("%s  %s" % ("ok    " if good else "FAILED", text), flush=True)
        if not good and detail != "":
            print("        %s" % (detail,), flush=True)
        return good

    def skip(self, text):
        """A part of the test needs what is not here; the rest goes on, and the test ends with 77."""
        self.missing.append(text)
        print("SKIPPED: %s" % text, flush=True)

    def equal(self, found, expected, text):
        return self.check(found == expected, text, "found %r, expected %r" % (found, expected))


def until(condition, seconds, what):
    """Wait until `condition()` is true, and give its value back."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError("not within %d s: %s" % (seconds, what))
        time.sleep(POLL_SECONDS)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_ports(count):
    """The first of `count` ports in a row that nobody listens on."""
    for _ in range(1000):
        first = random.randrange(PORTS.start, PORTS.stop - count)
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise Skip("there are no %d free ports in a row" % count)


def need_programs(*paths):
    for path in paths:
        if shutil.which(path) is None:
            raise Skip("%s is not there" % path)


# ---- raw questions ----


class Error(str):
    """An error reply, as it was sent but for its '-'."""


class Connection:
    """A client that shows every reply as it came (protocol version 2, bytes as bytes)."""

    def __init__(self, port, seconds=30, tls=None, host=HOST):
        """`tls` is an ssl.SSLContext, such as Cluster.tls_context() gives."""
        self.socket = socket.create_connection((host, port), seconds)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) +
                            b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))

    def receive(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return Error(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.take(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self.receive() for _ in range(int(rest))]
        raise ConnectionError("not the protocol: %r" % line)

    def take(self, length):
        body = self.stream.read(length + 2)
        if len(body) != length + 2:
            raise ConnectionError("closed")
        return body[:-2]

    def ask(self, *words):
        self.send(*words)
        return self.receive()


def ask(port, *words):
    with Connection(port) as connection:
        return connection.ask(*words)


# ---- clusters ----


class Cluster:
    """A cluster of real daemons in a temporary directory, made by ringcluster."""

    def __init__(self, directory, regions="eu:3,us:2", replication="eu:2,us:1", partitions=64,
                 keyspaces=(), tls=False, ringd=None, hosts=(), http=False):
        """`ringd` is started in its place, on `hosts`: see namespaces.py."""
        self.dir = directory
        self.tls = tls
        self.size = sum(int(part.rpartition(":")[2]) for part in regions.split(","))
        self.first_port = free_ports(3 * self.size)
        self.first_http_port = self.first_port + 2 * self.size
        self.command("create", "--regions", regions, "--replication", replication,
                     "--partitions", str(partitions), "--port", str(self.first_port),
                     "--peer-port", str(self.first_port + self.size), "--ringd", ringd or RINGD,
                     *(word for keyspace in keyspaces for word in ("--keyspace", keyspace)),
                     *(("--http-port", str(self.first_http_port)) if http else ()),
                     *(("--tls",) if tls else ()),
                     *(("--hosts", ",".join(hosts)) if hosts else ()))

    def command(self, *words, expect=0):
        """Run ringcluster; its output."""
        result = subprocess.run([RINGCLUSTER, *words, "--dir", self.dir], text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, check=False)
        if result.returncode != expect:
            raise AssertionError("ringcluster %s: exit status %d, not %d\n%s"
                                 % (" ".join(words), result.returncode, expect, result.stdout))
        return result.stdout

    def tls_file(self, name):
        return os.path.join(self.dir, "tls", name)

    def tls_context(self, name="client-admin", ca="clients-ca"):
        """What a client with the certificate `name` trusts and shows; None: it shows none."""
        context = ssl.create_default_context(cafile=self.tls_file(ca + ".crt"))
        if name is not None:
            context.load_cert_chain(self.tls_file(name + ".crt"), self.tls_file(name + ".key"))
        return context

    def port(self, node):
        return self.first_port + node - 1

    def http_port(self, node):
        return self.first_http_port + node - 1

    def ring_settled(self, dead=()):
        """Every living node sees every other one as it is."""
        alive = self.size - len(dead)
        rows = json.loads(subprocess.run([RINGCLUSTER, "status", "--json", "--dir", self.dir],
                                         stdout=subprocess.PIPE, check=False).stdout)["nodes"]
        return all(row["answers"] and row["peers_up"] == alive - 1
                   for row in rows if row["node"] not in dead)

    def end(self):
        """Kill what still runs; data and logs go with the directory."""
        for row in json.loads(subprocess.run(
                [RINGCLUSTER, "status", "--json", "--dir", self.dir], stdout=subprocess.PIPE,
                check=False).stdout)["nodes"]:
            if row["state"] != "stopped":
                self.command("kill", str(row["node"]))


@contextlib.contextmanager
def cluster(prepare=None, **shape):
    """A running cluster, gone at the end; after a failure its logs are shown.

    `prepare(made)` is called between its creation and its start.
    """
    need_programs(RINGD)
    directory = tempfile.mkdtemp(prefix="ringdb-test-")
    made = None
    try:
        made = Cluster(os.path.join(directory, "cluster"), **shape)
        if prepare is not None:
            prepare(made)
        made.command("start")
        yield made
    except BaseException:
        if made is not None:
            show_logs(made)
        raise
    finally:
        if made is not None:
            made.end()
        shutil.rmtree(directory, ignore_errors=True)


def show_logs(made):
    for node in range(1, made.size + 1):
        print("-- log of node %d" % node)
        sys.stdout.flush()
        subprocess.run([RINGCLUSTER, "logs", str(node), "--lines", "15", "--dir", made.dir],
                       check=False)


def ringctl(port, *words, reach=()):
    """Exit status and output of ringctl; `reach`: options that it needs to reach the node."""
    result = subprocess.run([RINGCTL, "-p", str(port), *reach, *words], text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False)
    return result.returncode, result.stdout, result.stderr


# ---- the frame of a test ----


def run(test):
    """Run `test(claims)`; ends the program with 0, 1 or 77."""
    claims = Claims()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that a time-out cleans up too
    try:
        test(claims)
    except Skip as skip:
        claims.skip(str(skip))
    except SystemExit as end:
        if end.code in (0, 2):  # --help, or a wrong use
            raise
        claims.check(False, "the test runs to its end", "ended early")
    except Exception:
        traceback.print_exc(file=sys.stdout)
        claims.check(False, "the test runs to its end")
    print("%d of %d claims hold" % (claims.count - claims.failed, claims.count))
    sys.exit(1 if claims.failed else SKIPPED if claims.missing else 0)
