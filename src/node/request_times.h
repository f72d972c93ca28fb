/*
 * request_times.h - what became of key requests at this node, and where their time went.
 *
 * A request that is coordinated here counts in the class of its kind and level, with its outcome
 * and the time from its start to its answer. One that was refused before anything was
 * started counts without a time. What another owner coordinated counts there; here its
 * time is a stage.
 *
 *     read     |---------------- gather ----------------| answer
 *     write    |-- mint --|------------ quorum ---------| answer
 *              a read that it needs is part of mint; the own store side has the version then
 *     forward  |---------------- forward ---------------| answer of the other owner
 *
 * Times are those of events (node/event.h), so what a step itself costs is not in them.
 */
#ifndef NODE_REQUEST_TIMES_H
#define NODE_REQUEST_TIMES_H

#include <stdint.h>

#include "base/log_histogram.h"
#include "base/status.h"
#include "coordinator/key_request.h"
#include "coordinator/level.h"
#include "ring/ring.h"

enum request_op {
    REQUEST_OP_READ,
    REQUEST_OP_WRITE,
    REQUEST_OP_SCAN,  /* ranges of keys, and the elements of collections */
    REQUEST_OP_CHECK, /* counts, coverage and digests: what commands ask about replicas */
    REQUEST_OP_COUNT
};

enum { REQUEST_LEVEL_COUNTED = LEVEL_COUNT, REQUEST_LEVELS }; /* counted: r= or w= was given */

enum request_outcome {
    REQUEST_DONE,        /* also when the answer is that a key holds another type, and the like */
    REQUEST_UNAVAILABLE, /* too few owners; nothing was written */
    REQUEST_UNCERTAIN,   /* sent, and the level was not met: it may apply */
    REQUEST_TIMEOUT,     /* a read whose time was over */
    REQUEST_OVERLOADED,  /* a queue was full, or the disk */
    REQUEST_NOT_READY,   /* owners are rebuilt, or of another epoch */
    REQUEST_CLOCK_SKEW,  /* refused because of a clock */
    REQUEST_REFUSED,     /* over a limit of its own, or an id that cannot be judged */
    REQUEST_OUTCOME_COUNT
};

enum request_stage {
    REQUEST_STAGE_GATHER,
    REQUEST_STAGE_MINT,
    REQUEST_STAGE_QUORUM,
    REQUEST_STAGE_FORWARD,
    REQUEST_STAGE_COUNT
};

/* A plain value. */
struct request_class {
    uint8_t op;    /* enum request_op */
    uint8_t level; /* enum level, never LEVEL_DEFAULT, or REQUEST_LEVEL_COUNTED */
};

struct request_class_counts {
    uint64_t outcomes[REQUEST_OUTCOME_COUNT];
    struct log_histogram times; /* us; of those that were started */
};

/* All zero is empty. Release with request_times_deinit(). */
struct request_times {
    struct request_class_counts *classes[REQUEST_OP_COUNT][REQUEST_LEVELS]; /* NULL: none yet */
    struct log_histogram stages[REQUEST_STAGE_COUNT];
};

void request_times_deinit(struct request_times *times);

/* As it will be coordinated in `ring`. */
struct request_class request_class_of(const struct key_request *request, const struct ring *ring);

/* It was answered so, `took_us` after its start. */
void request_times_answered(struct request_times *times, struct request_class class,
                            enum status status, uint64_t took_us);
/* Nothing was started. */
void request_times_refused(struct request_times *times, struct request_class class,
                           enum status status);
/* How long that part of one took. */
static inline void request_times_stage(struct request_times *times, enum request_stage stage,
                                       uint64_t took_us)
{
    log_histogram_add(&times->stages[stage], took_us);
}

/* Lower-case words for labels and tables. */
const char *request_op_name(enum request_op op);
const char *request_level_name(unsigned level); /* below REQUEST_LEVELS */
const char *request_outcome_name(enum request_outcome outcome);
const char *request_stage_name(enum request_stage stage);

#endif
