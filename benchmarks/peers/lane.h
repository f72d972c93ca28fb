/*
 * lane.h - one connection to a server that is measured, and the protocols that it may speak.
 *
 * A protocol turns operations into bytes and bytes into ends of operations. An operation is known
 * by its token: of a protocol that answers in order the running number, else what the server
 * repeats.
 */
#ifndef BENCHMARKS_PEERS_LANE_H
#define BENCHMARKS_PEERS_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct load; /* load.c */

enum { LANE_OPEN_MAX = 256, LANE_REASON_BYTES = 160 };

/* An operation that was asked and has not ended. */
struct lane_operation {
    uint32_t token;
    bool writes;
    bool answered;   /* a part of its answer has come, */
    bool failed;     /* and was bad */
    uint64_t due_ns; /* 0: it is not measured */
};

struct lane {
    struct load *load;
    int socket;
    uint32_t open_count;
    struct lane_operation open[LANE_OPEN_MAX]; /* in the order in which they were asked */
    uint32_t next_token;
    struct buffer in, out;
    uint32_t wait_copies; /* resp: each write is followed by WAIT for so many; 0: by none */
    uint32_t send_window; /* etcd: bytes that the server takes yet, */
    uint64_t read_bytes;  /* and that came since it was told of */
    char reason[LANE_REASON_BYTES]; /* of the first operation that failed; empty: none */
};

struct lane_protocol {
    const char *name;
    void (*greet)(struct lane *lane); /* what is said before the first operation */
    /* Append an operation; false: the server takes no more now. `value` is of a write. */
    bool (*ask)(struct lane *lane, bool writes, struct slice key, struct slice value);
    /*
     * Take what is whole from `in`, and tell lane_end() what has ended. False: the server does not
     * speak this protocol, or has ended the conversation; `reason` says how.
     */
    bool (*take)(struct lane *lane);
};

extern const struct lane_protocol lane_resp, lane_memcached, lane_etcd;

/* The loop, for the protocols: an operation has ended; NULL: well. */
void lane_end(struct lane *lane, struct lane_operation *operation, const char *why);
/* The operation with that token; NULL: none. */
struct lane_operation *lane_find(struct lane *lane, uint32_t token);
/* Remember a reason unless there is one. */
void lane_note(struct lane *lane, struct slice why);

#endif
