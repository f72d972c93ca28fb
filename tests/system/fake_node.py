"""Nodes that say what a test wants them to say: for views that real nodes do not have on demand."""

import contextlib
import copy
import socketserver
import threading

import harness


def encode(value):
    """A reply in version 2 of the protocol; a dict is a map, sent as a list."""
    if isinstance(value, Exception):
        return b"-%s\r\n" % str(value).encode()
    if isinstance(value, bytes):
        return value  # ready for the wire
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, str):
        return b"$%d\r\n%s\r\n" % (len(value.encode()), value.encode())
    if isinstance(value, dict):
        value = [part for pair in value.items() for part in pair]
    return b"*%d\r\n" % len(value) + b"".join(map(encode, value))


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        while True:
            line = self.rfile.readline()
            if not line.startswith(b"*"):
                return
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2].decode())
            reply = self.server.replies.get(words[0].upper(), Exception("ERR unknown command"))
            if words[0].upper() == "HELLO":
                reply = {"server": "redis", "proto": 3}
            self.wfile.write(encode(reply))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Fakes:
    """Three nodes in one region that own everything; `replies[i]` may be changed before start."""

    SIZE = 3
    PARTITIONS = 16

    def __init__(self):
        self.first_port = harness.free_ports(self.SIZE)
        members = [{"id": i + 1, "region": "eu", "rack": "r%d" % i,
                    "client": "127.0.0.1:%d" % (self.first_port + i), "state": "up"}
                   for i in range(self.SIZE)]
        digest = [{"partition": p, "state": "ready", "keys": 5, "clock": "%016x" % (p + 1),
                   "content": "%016x" % (1000 + p)} for p in range(self.PARTITIONS)]
        show = [{"partition": p, "first_slot": p * 1024, "last_slot": p * 1024 + 1023,
                 "owners": [1, 2, 3]} for p in range(self.PARTITIONS)]
        self.replies = []
        for i in range(self.SIZE):
            status = {"node_id": i + 1, "cluster_id": "c" * 32, "epoch": 7, "version": "0.1.0",
                      "replication": "eu:3", "replicas": {"owned": 16, "ready": 16},
                      "members": copy.deepcopy(members)}
            status["members"][i]["state"] = "self"
            self.replies.append({"RING.STATUS": status, "RING.SHOW": copy.deepcopy(show),
                                 "RING.DIGEST": copy.deepcopy(digest)})

    @contextlib.contextmanager
    def running(self, which=(0, 1, 2)):
        servers = []
        try:
            for i in which:
                server = Server((harness.HOST, self.first_port + i), Handler)
                server.replies = self.replies[i]
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
                servers.append(server)
            yield self.first_port
        finally:
            for server in servers:
                server.shutdown()
                server.server_close()
