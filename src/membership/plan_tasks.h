/*
 * plan_tasks.h - the plans that were committed, as tasks: who began which when, and how they ended.
 *
 * The one that is under way is the last, and what is left of it is beside it (ring/ring_work.h).
 * The others are kept for PLAN_TASK_KEPT_MS after their end, the youngest PLAN_TASKS_MAX at most.
 * Times are those of the nodes that proposed the changes: they are for people, and decide nothing
 * else.
 *
 *     { u64 id, u8 state, varint node, bytes user, varint started_ms, varint ended_ms,
 *       varint partitions, varint given up, varint joins, varint leaves }, the oldest first
 */
#ifndef MEMBERSHIP_PLAN_TASKS_H
#define MEMBERSHIP_PLAN_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "membership/users.h"

#define PLAN_TASK_KEPT_MS ((uint64_t)7 * 24 * 3600 * 1000)

enum { PLAN_TASKS_MAX = 32 };

/* The numbers are stored: none ever changes. */
enum plan_task_state {
    PLAN_TASK_RUNNING = 1,
    PLAN_TASK_ABORTING = 2, /* what reads have left already goes on */
    PLAN_TASK_FINISHED = 3,
    PLAN_TASK_ABORTED = 4
};

struct plan_task {
    uint64_t id; /* of the plan: none is kept twice */
    uint8_t state;
    node_id node;                       /* at which it was committed */
    char user[USER_NAME_BYTES_MAX + 1]; /* who did */
    uint64_t started_ms, ended_ms;      /* since 1970; 0: it is not over */
    uint32_t partitions;                /* that were to get other owners */
    uint32_t given_up;                  /* of these, that stayed where they were */
    uint16_t joins, leaves;             /* nodes */
};

/* A plain value. */
struct plan_tasks {
    uint8_t count;
    struct plan_task items[PLAN_TASKS_MAX]; /* the oldest first */
};

static inline bool plan_task_is_over(const struct plan_task *task)
{
    return task->state == PLAN_TASK_FINISHED || task->state == PLAN_TASK_ABORTED;
}

/* The one under way; NULL: there is none. */
struct plan_task *plan_tasks_running(struct plan_tasks *tasks);
const struct plan_task *plan_tasks_find(const struct plan_tasks *tasks, uint64_t id);
/*
 * None is under way. It takes the place of an earlier one with its id, for the same plan can be
 * made again of what was given up; those that were over for too long, or are too many, go.
 */
void plan_tasks_begin(struct plan_tasks *tasks, const struct plan_task *task);
/* The one under way is over. */
void plan_tasks_end(struct plan_tasks *tasks, uint64_t now_ms);

/* Nothing is appended for none. */
void plan_tasks_encode(const struct plan_tasks *tasks, struct buffer *out);
/* STATUS_CORRUPT: not canonical, or none; `*out` has none then. */
MUST_USE enum status plan_tasks_decode(struct slice bytes, struct plan_tasks *out);

#endif
