#!/usr/bin/python3
"""Runs the cases with redis-py: client_redis_py.py plain|cluster PORT.

Settings are the client's own; commands go through execute_command(), which is what its
methods call. Some idioms of programs that use it follow.
"""

import json
import logging
import sys

import redis

import compare


def plain(value):
    """A reply as JSON has it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def run_step(client, step):
    try:
        if "send" in step:
            words = step["send"]
            # What its set() method adds, so that the old value is not taken for a success.
            options = {"get": True} if words[0] == "SET" and "GET" in words else {}
            return plain(client.execute_command(*words, **options))
        name, *options = step["scan"]
        found, cursor = set(), 0
        while True:
            cursor, keys = client.execute_command(name, cursor, *options)
            found.update(plain(keys))
            if cursor == 0:
                return sorted(found)
    except redis.RedisError as error:
        return {"error": str(error)}


def idioms(client):
    """What programs do with methods; the first one that fails ends the program."""
    assert client.set("{i}a", "1", ex=100)
    assert client.get("{i}a") == b"1"
    assert client.ttl("{i}a") in range(90, 101)
    assert client.mset({"{i}b": "2", "{i}c": "3"})
    assert client.mget("{i}a", "{i}b", "{i}c") == [b"1", b"2", b"3"]
    assert client.delete("{i}a", "{i}b", "{i}c") == 3
    assert client.geoadd("{i}g", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")) == 2
    assert client.geosearch("{i}g", longitude=15, latitude=37, radius=100, unit="km") == [b"Catania"]
    assert round(client.geodist("{i}g", "Palermo", "Catania")) == 166274
    assert client.expire("{i}g", 100) and client.ttl("{i}g") in range(90, 101)
    assert client.delete("{i}g") == 1
    pipe = client.pipeline(transaction=False)
    for i in range(100):
        pipe.set("pipe:%d" % i, i)
    for i in range(100):
        pipe.get("pipe:%d" % i)
    for i in range(100):
        pipe.delete("pipe:%d" % i)
    replies = pipe.execute()
    assert replies == [True] * 100 + [b"%d" % i for i in range(100)] + [1] * 100, replies


def main():
    mode, port = sys.argv[1], int(sys.argv[2])
    logging.disable()  # the cluster client logs every error reply with a traceback
    if mode == "cluster":
        client = redis.RedisCluster(host="127.0.0.1", port=port)
        kinds = ()
    else:
        client = redis.Redis(host="127.0.0.1", port=port)
        kinds = ("plain", "connection")
    replies = [run_step(client, step) for step in compare.load("redis-py", kinds)]
    idioms(client)
    print(json.dumps(replies))


if __name__ == "__main__":
    main()
