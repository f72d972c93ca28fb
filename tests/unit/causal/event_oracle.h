/*
 * event_oracle.h - what must be live, from plain sets of events alone.
 *
 * It knows nothing of dots, clocks and contexts: an event is hidden by those that
 * observed it, or by every later one. Sets are bits; an event is its number.
 */
#ifndef TESTS_EVENT_ORACLE_H
#define TESTS_EVENT_ORACLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "causal/cell.h"

enum { EVENTS_MAX = 256, EVENT_WORDS = EVENTS_MAX / 64 };

struct event_set {
    uint64_t words[EVENT_WORDS];
};

struct event {
    struct dot dot;
    hybrid_time time;
    unsigned key;
    bool tombstone;
    struct event_set observed;
    uint8_t number; /* of itself; its address is the value that is written */
};

static inline void set_add(struct event_set *set, unsigned event)
{
    set->words[event / 64] |= (uint64_t)1 << event % 64;
}

static inline bool set_has(const struct event_set *set, unsigned event)
{
    return (set->words[event / 64] >> event % 64 & 1) != 0;
}

static inline void set_join(struct event_set *into, const struct event_set *from)
{
    for (unsigned i = 0; i < EVENT_WORDS; i++)
        into->words[i] |= from->words[i];
}

static inline bool set_equal(const struct event_set *a, const struct event_set *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool is_later(const struct event *a, const struct event *b)
{
    return a->time != b->time ? a->time > b->time : dot_compare(&a->dot, &b->dot) > 0;
}

/* The values that a replica must hold which has the effects of `known`. */
static inline struct event_set live_values(const struct event *events, unsigned count,
                                           const struct event_set *known, enum merge_policy policy)
{
    struct event_set observed = {0};
    struct event_set live = {0};
    const struct event *latest = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (!set_has(known, i))
            continue;
        set_join(&observed, &events[i].observed);
        if (latest == NULL || is_later(&events[i], latest))
            latest = &events[i];
    }
    for (unsigned i = 0; i < count; i++) {
        bool stays = policy == MERGE_LWW ? &events[i] == latest : !set_has(&observed, i);
        if (set_has(known, i) && stays && !events[i].tombstone)
            set_add(&live, i);
    }
    return live;
}

#endif
