"""Nodes on hosts of their own: network namespaces, so that paths between them can be cut for real.

The test runs again in a network namespace of its own. There a bridge joins the namespaces of the
nodes, each held open by a process that ends with the test; so nothing is left behind, and nothing
outside is touched. Nodes speak TLS, as hosts do. A cut loses packets in silence, as a network does:
who sends has a wrong hardware address for the other, and nothing answers to that.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile

import harness

NETWORK = "10.71.0."
OWN_HOST = NETWORK + "254"
INSIDE = "RINGDB_TEST_INSIDE"
NOWHERE = "02:00:00:00:00:01"


def enter():
    """Go on in a network namespace of this test alone; to be called before anything is started."""
    if os.environ.get(INSIDE) == "yes":
        return
    harness.need_programs("ip", "unshare", "nsenter")
    tried = subprocess.run(["unshare", "--net", "true"], stderr=subprocess.PIPE, text=True,
                           check=False)
    if tried.returncode != 0:
        raise harness.Skip("network namespaces cannot be made here: %s" % tried.stderr.strip())
    os.environ[INSIDE] = "yes"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def command(*words):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError("%s: %s" % (" ".join(words), result.stdout.strip()))
    return result.stdout


class Hosts:
    """`count` hosts on one bridge; numbers begin at 1, as those of nodes."""

    def __init__(self, count):
        self.addresses = ["%s%d" % (NETWORK, number) for number in range(1, count + 1)]
        self.holders = []
        command("ip", "link", "set", "lo", "up")
        command("ip", "link", "add", "ringdb", "type", "bridge")
        command("ip", "address", "add", OWN_HOST + "/24", "dev", "ringdb")
        command("ip", "link", "set", "ringdb", "up")
        for number in range(1, count + 1):
            self.add(number)

    def add(self, number):
        # It reads what never comes, and ends with the test. pylint: disable=consider-using-with
        holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        self.holders.append(holder)
        own = os.stat("/proc/self/ns/net").st_ino
        harness.until(lambda: os.stat("/proc/%d/ns/net" % holder.pid).st_ino != own, 10,
                      "host %d is there" % number)
        command("ip", "link", "add", "host%d" % number, "type", "veth", "peer", "name", "eth0",
                "netns", str(holder.pid))
        command("ip", "link", "set", "host%d" % number, "master", "ringdb", "up")
        self.on(number, "ip", "link", "set", "lo", "up")
        self.on(number, "ip", "address", "add", self.addresses[number - 1] + "/24", "dev", "eth0")
        self.on(number, "ip", "link", "set", "eth0", "up")

    def on(self, number, *words):
        return command("nsenter", "--net=/proc/%d/ns/net" % self.holders[number - 1].pid, *words)

    def cut_one_way(self, source, target):
        """Nothing that `source` sends to `target` arrives any more."""
        self.on(source, "ip", "neigh", "replace", self.addresses[target - 1], "lladdr", NOWHERE,
                "dev", "eth0", "nud", "permanent")

    def mend_one_way(self, source, target):
        self.on(source, "ip", "neigh", "del", self.addresses[target - 1], "dev", "eth0")

    def cut(self, one, other):
        self.cut_one_way(one, other)
        self.cut_one_way(other, one)

    def mend(self, one, other):
        self.mend_one_way(one, other)
        self.mend_one_way(other, one)

    def write_ringd(self, directory):
        """A program that is ringd on the host of the node whose configuration it is given."""
        path = os.path.join(directory, "ringd")
        lines = ["#!/bin/sh", "for word; do case $word in"]
        for number, holder in enumerate(self.holders, 1):
            lines.append("*/node%d/ringd.conf) exec nsenter --net=/proc/%d/ns/net %s \"$@\" ;;"
                         % (number, holder.pid, shlex.quote(harness.RINGD)))
        lines += ["esac; done", "exec %s \"$@\"" % shlex.quote(harness.RINGD), ""]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines))
        os.chmod(path, 0o755)
        os.symlink(harness.RINGCA, os.path.join(directory, "ringca"))
        return path

    def end(self):
        for holder in self.holders:
            holder.stdin.close()
            holder.wait()


class Clients:
    """Ways to the nodes of such a cluster."""

    def __init__(self, made, hosts):
        self.made, self.hosts = made, hosts
        self.context = made.tls_context()

    def connect(self, node):
        return harness.Connection(self.made.port(node), tls=self.context,
                                  host=self.hosts.addresses[node - 1])

    def ask(self, node, *words):
        with self.connect(node) as connection:
            return connection.ask(*words)

    def heard(self, node):
        """Whom each node reaches and misses, as one has heard it."""
        rows = [dict(zip(row[::2], row[1::2])) for row in self.ask(node, "RING.REACH")]
        return {row[b"node"]: (row[b"reaches"], [miss[1] for miss in row[b"misses"]])
                for row in rows}

    def ringctl(self, node, *words):
        reach = ("-h", self.hosts.addresses[node - 1], "--tls",
                 "--cacert", self.made.tls_file("clients-ca.crt"),
                 "--cert", self.made.tls_file("client-admin.crt"),
                 "--key", self.made.tls_file("client-admin.key"))
        return harness.ringctl(self.made.port(node), *words, reach=reach)


@contextlib.contextmanager
def cluster(nodes, **shape):
    """A running cluster whose nodes have hosts of their own: the cluster, the hosts, ways to them."""
    directory = tempfile.mkdtemp(prefix="ringdb-test-")
    hosts = None
    try:
        hosts = Hosts(nodes)
        with harness.cluster(tls=True, ringd=hosts.write_ringd(directory), hosts=hosts.addresses,
                             **shape) as made:
            yield made, hosts, Clients(made, hosts)
    finally:
        if hosts is not None:
            hosts.end()
        shutil.rmtree(directory, ignore_errors=True)
