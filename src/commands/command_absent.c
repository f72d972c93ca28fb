/*
 * command_absent.c - commands of Redis that RingDB does not offer, each with its reason.
 */
#include "commands/arguments.h"
#include "commands/command_table.h"

#include <string.h>

const struct command_absent commands_absent[] = {
    {"LCS", "there are no comparisons of values yet"},
    {"PFDEBUG PFSELFTEST", "it is a tool for the insides of a Redis"},
    {"LPUSH LPUSHX RPUSH RPUSHX LPOP RPOP LRANGE LLEN LINDEX LINSERT LREM LSET LTRIM LPOS LMOVE "
     "LMPOP RPOPLPUSH",
     "there are no lists yet"},
    {"BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP",
     "there are no blocking commands yet"},
    {"XADD XACK XAUTOCLAIM XCLAIM XDEL XGROUP XINFO XLEN XPENDING XRANGE XREAD XREADGROUP "
     "XREVRANGE XSETID XTRIM",
     "there are no streams yet"},
    {"MULTI EXEC DISCARD WATCH UNWATCH", "there are no transactions yet"},
    {"EVAL EVAL_RO EVALSHA EVALSHA_RO SCRIPT FCALL FCALL_RO FUNCTION", "there are no scripts yet"},
    {"DUMP RESTORE RESTORE-ASKING MIGRATE", "values are not exported in Redis' form"},
    {"SORT SORT_RO", "there are no collections to sort yet"},
    {"MOVE SWAPDB", "a keyspace has a policy of its own; COPY takes a value to another one"},
    {"SAVE BGSAVE BGREWRITEAOF LASTSAVE", "every acknowledged write is on disk already"},
    {"SHUTDOWN", "a node is stopped by a signal"},
    {"REPLICAOF SLAVEOF PSYNC SYNC REPLCONF FAILOVER ROLE", "the ring has no masters and replicas "
                                                            "of whole nodes"},
    {"MONITOR DEBUG MODULE", "it is a tool for the insides of a Redis"},
    {"SENTINEL", "clients find the ring at any node"},
    {"CLUSTER|ADDSLOTS CLUSTER|ADDSLOTSRANGE CLUSTER|BUMPEPOCH "
     "CLUSTER|COUNT-FAILURE-REPORTS CLUSTER|DELSLOTS "
     "CLUSTER|DELSLOTSRANGE CLUSTER|FAILOVER CLUSTER|FLUSHSLOTS CLUSTER|FORGET CLUSTER|LINKS "
     "CLUSTER|MEET CLUSTER|REPLICAS CLUSTER|REPLICATE CLUSTER|RESET CLUSTER|SAVECONFIG "
     "CLUSTER|SET-CONFIG-EPOCH CLUSTER|SETSLOT CLUSTER|SLAVES",
     "the ring is changed with ringctl cluster, and has no masters and replicas of whole nodes"},
    {"LATENCY|GRAPH", "LATENCY HISTORY has the numbers"},
    {"MEMORY|MALLOC-STATS MEMORY|PURGE", "the allocator is the system's"},
};

const uint32_t commands_absent_count = sizeof commands_absent / sizeof commands_absent[0];

static bool has_word(const char *words, struct slice name)
{
    while (*words != '\0') {
        size_t length = strcspn(words, " ");
        if (length == name.length) {
            size_t i = 0;
            while (i < length && (name.data[i] & ~0x20) == (words[i] & ~0x20))
                i++;
            if (i == length)
                return true;
        }
        words += length + (words[length] == ' ');
    }
    return false;
}

const char *command_absent_reason(struct slice name)
{
    if (name.length == 0)
        return NULL;
    for (uint32_t i = 0; i < commands_absent_count; i++) {
        if (has_word(commands_absent[i].names, name))
            return commands_absent[i].reason;
    }
    return NULL;
}
