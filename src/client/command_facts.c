#include "client/command_facts.h"

#include <string.h>

struct row {
    const char *name;
    unsigned key;
};

/* Write nothing. Ascending by name. */
static const struct row READS[] = {
    {"bitcount", 1},
    {"bitfield_ro", 1},
    {"bitpos", 1},
    {"cluster", 0},
    {"command", 0},
    {"dbsize", 0},
    {"dump", 1},
    {"echo", 0},
    {"exists", 1},
    {"expiretime", 1},
    {"geodist", 1},
    {"geohash", 1},
    {"geopos", 1},
    {"georadius", 1},
    {"georadius_ro", 1},
    {"georadiusbymember", 1},
    {"georadiusbymember_ro", 1},
    {"geosearch", 1},
    {"get", 1},
    {"getbit", 1},
    {"getrange", 1},
    {"hexists", 1},
    {"hget", 1},
    {"hgetall", 1},
    {"hkeys", 1},
    {"hlen", 1},
    {"hmget", 1},
    {"hrandfield", 1},
    {"hscan", 1},
    {"hstrlen", 1},
    {"hvals", 1},
    {"info", 0},
    {"keys", 0},
    {"lcs", 1},
    {"lindex", 1},
    {"llen", 1},
    {"lolwut", 0},
    {"lpos", 1},
    {"lrange", 1},
    {"mget", 1},
    {"object", 2},
    {"pexpiretime", 1},
    {"pfcount", 1},
    {"ping", 0},
    {"pttl", 1},
    {"pubsub", 0},
    {"randomkey", 0},
    {"ring.digest", 0},
    {"ring.explain", 1},
    {"ring.gc", 0},
    {"ring.get", 1},
    {"ring.hints", 0},
    {"ring.latency", 0},
    {"ring.locate", 1},
    {"ring.pulls", 0},
    {"ring.reach", 0},
    {"ring.show", 0},
    {"ring.slots", 0},
    {"ring.status", 0},
    {"ring.tasks", 0},
    {"ring.top", 0},
    {"ring.transfers", 0},
    {"ring.version", 0},
    {"scan", 0},
    {"scard", 1},
    {"sdiff", 1},
    {"sinter", 1},
    {"sintercard", 2},
    {"sismember", 1},
    {"smembers", 1},
    {"smismember", 1},
    {"srandmember", 1},
    {"sscan", 1},
    {"strlen", 1},
    {"substr", 1},
    {"sunion", 1},
    {"time", 0},
    {"touch", 1},
    {"ttl", 1},
    {"type", 1},
    {"zcard", 1},
    {"zcount", 1},
    {"zdiff", 2},
    {"zinter", 2},
    {"zintercard", 2},
    {"zlexcount", 1},
    {"zmscore", 1},
    {"zrandmember", 1},
    {"zrange", 1},
    {"zrangebylex", 1},
    {"zrangebyscore", 1},
    {"zrank", 1},
    {"zrevrange", 1},
    {"zrevrangebylex", 1},
    {"zrevrangebyscore", 1},
    {"zrevrank", 1},
    {"zscan", 1},
    {"zscore", 1},
    {"zunion", 2},
};

/* Change something and have no key where the others have one. Ascending. */
static const struct row OTHERS[] = {
    {"bitop", 2},      {"client", 0},  {"config", 0},   {"flushall", 0},
    {"flushdb", 0},    {"latency", 0}, {"memory", 2},   {"publish", 0},
    {"ring.drain", 0}, {"slowlog", 0}, {"spublish", 0}, {"zmpop", 2},
};

static const char OF_A_CONNECTION[] =
    "it is about one connection, and this client sends calls over several";
static const char PUSHES[] = "it asks for messages beside the replies";

struct refusal {
    const char *name, *why;
};

static const struct refusal REFUSED[] = {
    {"asking", OF_A_CONNECTION},
    {"auth", "user and password are options of the client"},
    {"discard", OF_A_CONNECTION},
    {"exec", OF_A_CONNECTION},
    {"hello", "the client does that by itself"},
    {"monitor", PUSHES},
    {"multi", OF_A_CONNECTION},
    {"psubscribe", PUSHES},
    {"psync", PUSHES},
    {"punsubscribe", PUSHES},
    {"quit", "ringdb_free() ends the connections"},
    {"readonly", OF_A_CONNECTION},
    {"readwrite", OF_A_CONNECTION},
    {"reset", OF_A_CONNECTION},
    {"ring.session", "level, r, w and timeout are given with each call"},
    {"select", "the keyspace is an option of the client"},
    {"ssubscribe", PUSHES},
    {"subscribe", PUSHES},
    {"sunsubscribe", PUSHES},
    {"sync", PUSHES},
    {"unsubscribe", PUSHES},
    {"unwatch", OF_A_CONNECTION},
    {"wait", "it is about one connection; give the call a w instead"},
    {"waitaof", "it is about one connection; give the call a dw instead"},
    {"watch", OF_A_CONNECTION},
    {"with", "level, r, w, timeout and the like are given with the call"},
};

/* As strcmp() of `word` in lower case and `name`. */
static int compare(struct ringdb_bytes word, const char *name)
{
    const char *bytes = word.data;
    for (size_t i = 0; i < word.length; i++) {
        char byte = bytes[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (char)(byte + 32);
        if (byte != name[i])
            return (unsigned char)byte < (unsigned char)name[i] ? -1 : 1;
        if (byte == '\0')
            return 1;
    }
    return name[word.length] == '\0' ? 0 : -1;
}

static const struct row *find(const struct row *rows, size_t count, struct ringdb_bytes name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = compare(name, rows[middle].name);
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct ringdb_command_facts ringdb_command_facts(struct ringdb_bytes name)
{
    const struct row *row = find(READS, sizeof READS / sizeof *READS, name);
    if (row != NULL)
        return (struct ringdb_command_facts){.read_only = true, .key = row->key};
    row = find(OTHERS, sizeof OTHERS / sizeof *OTHERS, name);
    if (row != NULL)
        return (struct ringdb_command_facts){.key = row->key};
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        if (compare(name, REFUSED[i].name) == 0)
            return (struct ringdb_command_facts){.refused = REFUSED[i].why};
    }
    return (struct ringdb_command_facts){.key = 1};
}
