/*
 * dot.h - the identity of one event: which actor, and its how-manieth.
 *
 * An actor is one node during one unbroken stretch of memory: a lost store
 * raises storage_incarnation, a start after an unclean end raises boot_epoch,
 * taking a partition over raises adopt_epoch. So a dot names one event for ever
 * (rules A1, A2 of src/causal/README.md). Sequence numbers count from 1 for
 * each actor and partition.
 */
#ifndef CAUSAL_DOT_H
#define CAUSAL_DOT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/ids.h"

struct actor {
    node_id node;
    uint16_t storage_incarnation;
    uint16_t kind; /* 0: an owner. Others are for minting by fallbacks, which is not offered */
    uint32_t boot_epoch;
    uint32_t adopt_epoch; /* ring epoch at which the node took the partition */
};

struct dot {
    struct actor actor;
    uint64_t sequence; /* 1.. */
};

/* A total order that is the same everywhere, field by field: <0, 0, >0. */
static inline int actor_compare(const struct actor *a, const struct actor *b)
{
    uint64_t a_first = (uint64_t)a->node << 32 | (uint32_t)a->storage_incarnation << 16 | a->kind;
    uint64_t b_first = (uint64_t)b->node << 32 | (uint32_t)b->storage_incarnation << 16 | b->kind;
    uint64_t a_second = (uint64_t)a->boot_epoch << 32 | a->adopt_epoch;
    uint64_t b_second = (uint64_t)b->boot_epoch << 32 | b->adopt_epoch;
    if (a_first != b_first)
        return a_first < b_first ? -1 : 1;
    return (a_second > b_second) - (a_second < b_second);
}

_Static_assert(sizeof(struct actor) == 16, "two words, and nothing between its fields");

/* As actor_compare() == 0, for a third of it. */
static inline bool actor_equal(const struct actor *a, const struct actor *b)
{
    uint64_t x[2], y[2];
    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return x[0] == y[0] && x[1] == y[1];
}

static inline int dot_compare(const struct dot *a, const struct dot *b)
{
    int order = actor_compare(&a->actor, &b->actor);
    return order != 0 ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Five varints; about six bytes. */
void actor_encode(const struct actor *actor, struct buffer *out);
void actor_decode(struct reader *reader, struct actor *out);
void dot_encode(const struct dot *dot, struct buffer *out);
void dot_decode(struct reader *reader, struct dot *out); /* sequence 0 fails the reader */

#endif
