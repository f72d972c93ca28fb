/*
 * plan.h - everything about a run that is decided before it starts, from seed and profile.
 *
 * Swarm testing: each seed switches whole classes of faults and sizes on or off
 * instead of mixing a little of everything, because some bugs need the absence
 * of what hides them. Rates are drawn log-uniformly.
 * Source: Groce et al., "Swarm Testing", ISSTA 2012; reference "reliability" 6.4.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"
#include "node/settings.h"

enum {
    PLAN_NODES_MAX = 12, /* with gateways */
    PLAN_GATEWAYS_MAX = 4,
    PLAN_REGIONS_MAX = 3,
    PLAN_OWNERS_MAX = 5,
    PLAN_CLIENTS_MAX = 16,
    PLAN_KEYS_MAX = 300,
    PLAN_NAME_MAX = 24,
    PLAN_SLEEPS_MAX = 4
};

enum fault_class {
    FAULT_CRASH,        /* power loss of a node; it comes back */
    FAULT_STOP,         /* a clean end; it comes back */
    FAULT_PAUSE,        /* SIGSTOP, or a frozen virtual machine */
    FAULT_CUT,          /* one direction between two nodes, or both */
    FAULT_PARTITION,    /* the nodes fall into two groups */
    FAULT_ISOLATE,      /* one node from all others, one way or both */
    FAULT_RESET,        /* a peer connection ends, with all that is in flight */
    FAULT_SLOW_LINK,    /* a few kbit/s between two nodes */
    FAULT_GHOST,        /* a connection of what a node was before, or of another cluster */
    FAULT_CLIENT_RESET, /* a client connection ends */
    FAULT_CLOCK_JUMP,   /* the wall clock of a node, within what nodes accept */
    FAULT_CLOCK_FAR,    /* beyond it */
    FAULT_DISK_STALL,   /* syncs and reads of a node take up to seconds */
    FAULT_WRITE_ERROR,  /* a batch fails; whether it is in the store is unknown */
    FAULT_DISK_FULL,    /* a node's store says that it takes no new client writes */
    FAULT_READ_ERROR,   /* reads of a store fail at times */
    FAULT_WIPE,         /* a node comes back with an empty store */
    FAULT_CRASH_ALL,    /* power loss of all nodes at once */
    FAULT_ROT,          /* records of a disk become unreadable */
    FAULT_ROLLBACK,     /* an older copy of a disk is put back */
    FAULT_CLASS_COUNT
};

const char *fault_class_name(enum fault_class class);

struct plan_fault {
    bool on;
    uint64_t interval_us; /* mean, between two of them */
    uint64_t duration_us; /* mean */
};

/* Commands and levels are drawn by weight. */
enum command_kind {
    COMMAND_GET,
    COMMAND_SET,
    COMMAND_DEL,
    COMMAND_APPEND,
    COMMAND_SETNX,
    COMMAND_GETSET,
    COMMAND_EXPIRE_AT,
    COMMAND_PERSIST,
    COMMAND_MSET,
    COMMAND_MGET,
    COMMAND_SCAN,
    COMMAND_EXISTS,
    COMMAND_GETDEL,
    COMMAND_MSETNX,
    COMMAND_WAIT,
    COMMAND_DBSIZE,
    COMMAND_INCREMENT, /* INCRBY or DECRBY of a key that counts */
    COMMAND_COUNTER_GET,
    COMMAND_COUNTER_SET,
    COMMAND_COUNTER_DEL,
    COMMAND_HASH_SET, /* of one field, as the next two; of a set SADD, SISMEMBER, SREM */
    COMMAND_HASH_GET,
    COMMAND_HASH_DEL,
    COMMAND_HASH_ALL,   /* HGETALL, SMEMBERS */
    COMMAND_HASH_CLEAR, /* DEL of all of them */
    COMMAND_HASH_END,   /* PEXPIREAT of all of them */
    COMMAND_KEYS,       /* only at the end */
    COMMAND_RING_GET,   /* only where siblings are kept */
    COMMAND_KIND_COUNT
};

enum { PLAN_LEVEL_COUNT = 10 }; /* enum level */

struct script; /* script.h */

struct plan {
    uint64_t seed;
    char profile[PLAN_NAME_MAX];
    const struct script *script; /* fixed faults instead of drawn ones; NULL: none */
    uint64_t duration_us;        /* of load and faults; healing and settling follow */
    uint64_t settle_us;          /* at most, from healing to agreement */

    uint32_t node_count;    /* that store data, also those that join later (movers.h) */
    uint32_t first_count;   /* of these, there from the beginning */
    uint32_t gateway_count; /* that join later, and leave again (gateways.h) */
    uint32_t region_count;
    uint32_t replicas[PLAN_REGIONS_MAX];
    uint32_t partition_count;

    uint32_t mover_count;    /* who move partitions to other owners */
    uint32_t operator_count; /* who change the register */
    uint32_t dropper_count;  /* clients of a keyspace that is dropped again and again */
    uint32_t sketcher_count; /* clients of HyperLogLogs (sketchers.h) */
    uint32_t client_count;
    uint32_t pipeline; /* commands of a client in flight */
    uint64_t think_us; /* mean pause of a client between commands */
    bool split_bytes;  /* requests arrive in arbitrary pieces */
    uint32_t key_count;
    bool zipf; /* the i-th key is drawn i times as seldom as the first */
    uint32_t value_bytes_max;
    uint32_t request_timeout_ms; /* of WITH timeout=; 0: as the node is set */
    uint32_t command_weight[COMMAND_KIND_COUNT];
    uint32_t level_weight[PLAN_LEVEL_COUNT];
    uint32_t sloppy_percent; /* of commands say whether fallbacks may count, most that they may */
    bool numbers;            /* of owners, beside the named levels */
    bool request_ids;        /* writes have them, and are sent again */
    bool sibling_keyspace;   /* keyspace 1 keeps concurrent values */

    uint64_t delay_us;      /* one way between nodes of a region */
    uint64_t delay_tail_us; /* mean of the exponential part */
    uint64_t region_delay_us;
    uint32_t lose_ppm; /* of single frames inside a connection; harsher than TCP */
    uint32_t duplicate_ppm;
    uint32_t reorder_ppm;
    uint64_t reorder_us; /* by up to so much */
    uint32_t flip_ppm;   /* of deliveries with one wrong bit */

    int64_t clock_offset_ms; /* wall clocks start within +- of true time */
    int32_t clock_drift_ppm;

    uint64_t sync_us;
    uint64_t sync_tail_us;
    uint64_t store_read_us;
    uint32_t group_frames_max;

    uint32_t sleep_count; /* absence.h */
    struct {
        uint64_t at_us;
        uint64_t length_us;
    } sleeps[PLAN_SLEEPS_MAX];

    struct plan_fault faults[FAULT_CLASS_COUNT];
    struct settings settings; /* of every node */
};

/* Machines of a run: first those that store data. */
static inline uint32_t plan_machines(const struct plan *plan)
{
    return plan->node_count + plan->gateway_count;
}

/* `profile` may be the name of a script, too. STATUS_NOT_FOUND: nothing is called that. */
MUST_USE enum status plan_draw(uint64_t seed, const char *profile, struct plan *out);
/* Names of all profiles; NULL behind the last. */
const char *plan_profile_name(unsigned index);
void plan_print(const struct plan *plan, FILE *out);

#endif
