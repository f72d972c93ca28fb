"""Clients that write and read at QUORUM while nodes come, go and die, and remember what they saw.

Each is a process of its own. A client goes to another node when its connection ends, as client
libraries do, and only to nodes that it may use: who joins, drains or is dead is not among them.
"""

import collections
import multiprocessing
import random
import time

import harness

NODES_MAX = 16
SHARED_KEYS = 10  # of each client, written again and again
SOCKET_SECONDS = 20
PAUSE_SECONDS = 0.003

Trouble = collections.namedtuple("Trouble", "at node kind text")


class Nodes:
    """Which nodes clients may use; shared with all of them."""

    def __init__(self):
        self.ports = multiprocessing.Array("i", NODES_MAX)

    def use(self, node, port):
        self.ports[node] = port

    def avoid(self, node):
        self.ports[node] = 0

    def has(self, node):
        return self.ports[node] != 0

    def all(self):
        return [(node, port) for node, port in enumerate(self.ports[:]) if port != 0]


class Client:
    """Writes a key once, writes and reads one that it writes often; in that order, for ever."""

    def __init__(self, number, nodes, seed):
        self.number, self.nodes, self.random = number, nodes, random.Random(seed)
        self.acknowledged = {}  # key -> value; each written once
        self.allowed = {}  # key -> numbers that it may have now: the last acknowledged and later
        self.times = []  # (when it was over, how long it took)
        self.troubles = []
        self.node, self.connection = 0, None

    def leave(self):
        self.connection.close()
        self.connection = None

    def connect(self):
        if self.connection is not None and not self.nodes.has(self.node):
            self.leave()
        while self.connection is None:
            self.node, port = self.random.choice(self.nodes.all())
            try:
                self.connection = harness.Connection(port, SOCKET_SECONDS)
            except OSError:
                time.sleep(PAUSE_SECONDS)  # nothing was sent

    def ask(self, *words):
        """Its reply; None when it is not known whether it was done, or it was refused."""
        self.connect()
        began = time.monotonic()
        try:
            reply = self.connection.ask("WITH", "cl=QUORUM", *words)
        except OSError as error:
            self.troubles.append(Trouble(time.monotonic(), self.node, "closed", repr(error)))
            self.leave()
            return None
        self.times.append((time.monotonic(), time.monotonic() - began))
        if isinstance(reply, harness.Error):
            self.troubles.append(Trouble(time.monotonic(), self.node, reply.split(" ")[0], reply))
            return None
        return reply

    def write_often(self, key, count):
        allowed = self.allowed.setdefault(key, {0})
        allowed.add(count)
        if self.ask("SET", key, count) == "OK":
            self.allowed[key] = {count}

    def read_often(self, key):
        failed = len(self.troubles)
        reply = self.ask("GET", key)
        found = int(reply or 0)
        if len(self.troubles) > failed:
            return
        if found not in self.allowed[key]:
            self.troubles.append(Trouble(time.monotonic(), self.node, "stale",
                                         "%s: %d, not of %r" % (key, found, self.allowed[key])))
        # What was read once is never followed by something older.
        self.allowed[key] = {count for count in self.allowed[key] if count >= found}

    def run(self, stop):
        count = 0
        while not stop.is_set():
            count += 1
            key = "unique:%d:%d" % (self.number, count)
            if self.ask("SET", key, key) == "OK":
                self.acknowledged[key] = key
            key = "often:%d:%d" % (self.number, count % SHARED_KEYS)
            self.write_often(key, count)
            self.read_often(key)
            time.sleep(PAUSE_SECONDS)
        self.leave()
        self.nodes = None


def run_client(client, stop, done):
    client.run(stop)
    done.send(client)


class Load:
    """All of them."""

    def __init__(self, count, nodes, seed):
        self.stop = multiprocessing.Event()
        self.ends = []
        for number in range(count):
            here, there = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(
                target=run_client,
                args=(Client(number, nodes, seed * 1000 + number), self.stop, there), daemon=True)
            process.start()
            there.close()
            self.ends.append((process, here))

    def finish(self):
        """The clients, as they are at their end."""
        self.stop.set()
        clients = [here.recv() for _, here in self.ends]
        for process, _ in self.ends:
            process.join()
        return clients


def percentile(seconds, part):
    """In milliseconds; 0 of none."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0
