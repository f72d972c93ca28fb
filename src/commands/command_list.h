/*
 * command_list.h - the names of all rows of the command table, in their order.
 *
 * COMMANDS(X) calls X once for each; the row of `get` is command_get. The order is
 * that of the upper bytes: command_find() searches by halves.
 */
#ifndef COMMANDS_COMMAND_LIST_H
#define COMMANDS_COMMAND_LIST_H

#include "commands/command.h"

/* clang-format off */
#define COMMANDS(X)                                                                               \
    X(acl) X(append) X(asking) X(auth) X(bitcount) X(bitfield) X(bitfield_ro) X(bitop) X(bitpos)  \
    X(client) X(cluster) X(command) X(config) X(copy) X(dbsize) X(decr) X(decrby) X(del) X(echo)  \
    X(exists) X(expire) X(expireat) X(expiretime) X(flushall) X(flushdb) X(geoadd) X(geodist)     \
    X(geohash) X(geopos) X(georadius) X(georadius_ro) X(georadiusbymember)                        \
    X(georadiusbymember_ro) X(geosearch) X(geosearchstore) X(get) X(getbit) X(getdel) X(getex)    \
    X(getrange) X(getset) X(hdel) X(hello) X(hexists) X(hget) X(hgetall) X(hincrby)               \
    X(hincrbyfloat) X(hkeys) X(hlen) X(hmget) X(hmset) X(hrandfield) X(hscan) X(hset) X(hsetnx)   \
    X(hstrlen) X(hvals) X(incr) X(incrby) X(incrbyfloat) X(info) X(keys) X(latency) X(lolwut)     \
    X(memory) X(mget) X(mset) X(msetnx) X(object) X(persist) X(pexpire) X(pexpireat)              \
    X(pexpiretime) X(pfadd) X(pfcount) X(pfmerge) X(ping) X(psetex) X(psubscribe) X(pttl)         \
    X(publish) X(pubsub) X(punsubscribe) X(quit) X(randomkey) X(readonly) X(readwrite) X(rename)  \
    X(renamenx) X(reset) X(ring_digest) X(ring_drain) X(ring_explain) X(ring_gc) X(ring_get)      \
    X(ring_hints) X(ring_keyspace) X(ring_latency) X(ring_locate) X(ring_member) X(ring_plan)     \
    X(ring_pulls) X(ring_reach) X(ring_repair) X(ring_session) X(ring_show) X(ring_slots)         \
    X(ring_status) X(ring_tasks) X(ring_tls) X(ring_top) X(ring_transfers) X(ring_version)        \
    X(sadd) X(scan) X(scard) X(sdiff) X(sdiffstore) X(select) X(set) X(setbit) X(setex) X(setnx)  \
    X(setrange) X(sinter) X(sintercard) X(sinterstore) X(sismember) X(slowlog) X(smembers)        \
    X(smismember) X(smove) X(spop) X(spublish) X(srandmember) X(srem) X(sscan) X(ssubscribe)      \
    X(strlen) X(subscribe) X(substr) X(sunion) X(sunionstore) X(sunsubscribe) X(time) X(touch)    \
    X(ttl) X(type) X(unlink) X(unsubscribe) X(wait) X(waitaof) X(with) X(zadd) X(zcard) X(zcount) \
    X(zdiff) X(zdiffstore) X(zincrby) X(zinter) X(zintercard) X(zinterstore) X(zlexcount)         \
    X(zmpop) X(zmscore) X(zpopmax) X(zpopmin) X(zrandmember) X(zrange) X(zrangebylex)             \
    X(zrangebyscore) X(zrangestore) X(zrank) X(zrem) X(zremrangebylex) X(zremrangebyrank)         \
    X(zremrangebyscore) X(zrevrange) X(zrevrangebylex) X(zrevrangebyscore) X(zrevrank) X(zscan)   \
    X(zscore) X(zunion) X(zunionstore)
/* clang-format on */

#define COMMAND_DECLARE(name) extern const struct command command_##name;
COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

#define COMMAND_NUMBER(name) COMMAND_NUMBER_##name,
enum command_number { COMMANDS(COMMAND_NUMBER) COMMAND_COUNT };
#undef COMMAND_NUMBER

#endif
