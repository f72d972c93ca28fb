/*
 * introspection.h - what a node remembers about the commands it ran: the slow log,
 * counters and times per command, and counters per kind of error.
 *
 * Times run from the start of a request's work to its reply as the node's steps saw
 * them: waiting for other nodes counts, waiting for earlier requests of the
 * connection and the write to the socket do not. All of it is of this node alone and
 * is gone with a restart.
 *
 * Bounds: 1024 slow entries of at most 32 arguments of 128 bytes each; 128 kinds of
 * errors, then those of new kinds are counted together.
 */
#ifndef COMMANDS_INTROSPECTION_H
#define COMMANDS_INTROSPECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "commands/command_list.h"
#include "commands/latency_monitor.h"
#include "node/event.h"

struct call;

enum {
    SLOW_ENTRIES_MAX = 1024,
    SLOW_ARGUMENTS_MAX = 32,
    SLOW_ARGUMENT_BYTES_MAX = 128,
    ERROR_KINDS_MAX = 128,
    ERROR_NAME_MAX = 32,
    LATENCY_BUCKETS = 40 /* bucket i counts up to 2^i microseconds */
};

struct slow_entry {
    uint64_t id;
    uint64_t wall_s;
    uint64_t duration_us;
    uint32_t argument_count;
    struct buffer arguments[SLOW_ARGUMENTS_MAX];
    struct buffer address; /* of the client */
    struct buffer name;    /* of the client */
};

struct command_counters {
    uint64_t calls, failed, microseconds;
    uint64_t latency[LATENCY_BUCKETS];
};

struct error_counter {
    char name[ERROR_NAME_MAX + 1];
    uint64_t count;
};

struct introspection {
    int64_t slower_than_us; /* below 0: nothing is logged */
    uint32_t slow_max;      /* entries kept, 0 .. SLOW_ENTRIES_MAX */
    uint64_t slow_next_id;
    uint32_t slow_count, slow_newest;
    struct slow_entry *slow[SLOW_ENTRIES_MAX]; /* a ring; NULL where none was yet */
    struct command_counters commands[COMMAND_COUNT];
    struct error_counter errors[ERROR_KINDS_MAX];
    uint32_t error_count;
    struct latency_monitor latency;
    uint64_t second, second_calls, last_second_calls; /* calls in this second, and in that before */
};

struct introspection *introspection_new(void);
void introspection_free(struct introspection *introspection); /* accepts NULL */

/* A call has its reply. */
void introspection_call(struct introspection *introspection, const struct call *call, bool failed,
                        struct instant now);
/* `reply` begins with "-CODE ". */
void introspection_error(struct introspection *introspection, struct slice reply);
/* Entry number `index` from the newest on; NULL when there are fewer. */
const struct slow_entry *introspection_slow(const struct introspection *introspection,
                                            uint32_t index);
void introspection_slow_clear(struct introspection *introspection);
void introspection_slow_resize(struct introspection *introspection, uint32_t maximum);
void introspection_counters_clear(struct introspection *introspection);
/* Calls in the last full second. */
uint64_t introspection_calls_per_second(const struct introspection *introspection,
                                        struct instant now);
/* The microseconds below which `percent` of the calls lie, to the next power of two. */
uint64_t introspection_percentile(const struct command_counters *counters, double percent);

#endif
