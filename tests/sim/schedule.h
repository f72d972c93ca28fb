/*
 * schedule.h - what will happen when: a heap ordered by virtual time.
 *
 * What falls on the same microsecond comes in an order drawn from the seed, so
 * that no outcome depends on the order in which things were scheduled.
 */
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"

enum occurrence_kind {
    /* in a process; wait while it is paused, vanish when it has ended */
    AT_LOOP_EVENT, /* detail = enum event_kind; peer, id, bytes */
    AT_LOOP_TICK,  /* id = version of the timer */
    AT_STORE_OPEN,
    AT_STORE_GROUP,
    AT_STORE_SYNCED,
    AT_STORE_REOPEN,
    AT_STORE_READ, /* bytes = frame */
    AT_STORE_CLOSED,
    AT_STORE_QUARANTINE,
    AT_MACHINE_LEAVE,
    AT_LINK_BYTES,   /* id = link of the sender; peer = its place in the order */
    AT_LINK_LOST,    /* id = link */
    AT_CLIENT_BYTES, /* id = connection of the machine */
    /* outside of processes */
    AT_DIAL, /* machine dials peer */
    AT_MACHINE_START,
    AT_CLIENT_STEP,   /* peer = client: its next action */
    AT_CLIENT_REPLY,  /* peer = client, id = its session: bytes have come */
    AT_CLIENT_GONE,   /* peer = client, id = its session: the connection has ended */
    AT_CLIENT_LATE,   /* peer = client, id = its session: is a reply overdue? */
    AT_OPERATOR_STEP, /* peer = operator */
    AT_DROPPER_STEP,  /* peer = one of these clients */
    AT_SKETCHER_STEP, /* likewise */
    AT_GATEWAY_STEP,  /* the next of who joins and leaves */
    AT_MOVER_STEP,    /* peer = who changes owners */
    AT_DRIVER_CRASH,  /* peer = index of a machine that has proposed something */
    AT_FAULT,         /* id = fault class */
    AT_FAULT_END,     /* id = fault class */
    AT_SLEEP,         /* id = number: nothing happens for days */
    AT_GRAY_SLOW,     /* id = step of that profile */
    AT_SETTLE         /* look whether everything agrees */
};

struct occurrence {
    enum occurrence_kind kind;
    uint32_t machine; /* index, for the kinds of a process */
    uint32_t life;    /* of that machine */
    uint32_t peer;
    uint32_t detail;
    uint64_t id;
    uint64_t time_us;
    struct buffer bytes;
};

struct schedule {
    struct schedule_slot *slots;
    size_t count;
    size_t capacity;
    uint64_t sequence;
    struct random random;
};

void schedule_init(struct schedule *schedule, uint64_t seed);
void schedule_deinit(struct schedule *schedule);
/* Copies `*what` and takes its bytes. */
void schedule_add(struct schedule *schedule, uint64_t time_us, const struct occurrence *what);
/* What lies later and is chosen comes at `time_us`, in an order drawn before. */
void schedule_hasten(struct schedule *schedule, uint64_t time_us,
                     bool (*is_chosen)(const struct occurrence *what, const void *context),
                     const void *context);
/* The next one, owned by the caller (occurrence_free), or NULL. */
struct occurrence *schedule_take(struct schedule *schedule);
void occurrence_free(struct occurrence *occurrence);

#endif
