/*
 * register_value.h - the one value that a cluster agrees on: its ring, and who decides about it.
 *
 * Every node starts from the ring file that all were given, which is seq 0: the same
 * bytes everywhere. Each chosen change makes the next value. Nothing else ever
 * changes a ring, least of all a failure detector.
 *
 *     u8      format version: 1, or 2 with sections
 *     16 B    cluster id
 *     varint  generation, seq
 *     u8      stewards:  { varint node, varint storage incarnation }
 *     u8      coming:    the same, empty but while stewards change
 *     u8      changes:   { ballot }, the newest last
 *     bytes   ring (ring.h)
 *     sections: { u8 kind, bytes }, by kind, ascending; only those that say something
 *               2 users (users.h)
 *               3 epochs and transitions of partitions (ring/transition.h)
 *               4 what is staged for the next plan (ring/ring_wish.h)
 *               5 what is left of the plan under way (ring/ring_work.h)
 *               6 plans as tasks, this one and earlier ones (plan_tasks.h)
 *     u64     XXH3 of all bytes before
 *
 * A steward is a node with the store it had when it became one: a store that was lost has
 * forgotten its promises, and votes no more. Stewards change by a value that names both the old
 * and the coming ones; while it does, both must agree to everything.
 * A value that uses nothing newer is written in version 1, so members of an earlier version go on
 * until something is used that they do not have; then they refuse the value, and say so.
 * Source: reference "algorithms" 1.6, A.2.
 */
#ifndef MEMBERSHIP_REGISTER_VALUE_H
#define MEMBERSHIP_REGISTER_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "membership/plan_tasks.h"
#include "membership/users.h"
#include "ring/ring.h"
#include "ring/ring_wish.h"
#include "ring/ring_work.h"
#include "wire/message_register.h"

enum {
    REGISTER_STEWARDS_MAX = 7,
    REGISTER_STEWARDS = 5,     /* of a ring with as many members; 3 of one with at least 3 */
    REGISTER_CHANGES_MAX = 16, /* that a value remembers, so that a repeated one is made once */
    REGISTER_VALUE_BYTES_MAX = 4 << 20
};

struct steward {
    node_id node;
    uint16_t incarnation;
};

struct steward_set {
    uint8_t count;
    struct steward items[REGISTER_STEWARDS_MAX]; /* by node, ascending */
};

/* An opaque owner would hide nothing: a value is not changed once made. */
struct register_value {
    uint64_t seq;
    struct steward_set stewards; /* at least one */
    struct steward_set coming;   /* none, but while stewards change */
    uint8_t change_count;
    struct ballot changes[REGISTER_CHANGES_MAX]; /* the first ballot of each, the newest last */
    struct ring *ring;                           /* owned */
    struct user_set users;                       /* owned; without `default` as it comes */
    struct ring_wishes staged;                   /* owned */
    struct ring_work work;                       /* owned; none while no plan is under way */
    struct plan_tasks tasks;                     /* the plan of `work` is the one that runs */
};

/* The value of seq 0 that follows from a ring. The stewards are spread over regions and racks. */
struct register_value *register_value_first(const struct ring *ring);
struct register_value *register_value_copy(const struct register_value *value);
void register_value_free(struct register_value *value);

void register_value_encode(const struct register_value *value, struct buffer *out);
/*
 * STATUS_CORRUPT: damaged or not canonical. STATUS_UNSUPPORTED: whole, with a version or a section
 * that this version does not know. The caller owns `*out`.
 */
MUST_USE enum status register_value_decode(struct slice bytes, struct register_value **out);
uint64_t register_value_digest(struct slice bytes);

/*
 * Make `ring` what the value says, in place, so that whoever borrows it keeps what he has, but for
 * its members and the rows of its table. `moved`: partitions have other owners or tags than before.
 * False when keys would lie in other partitions, or a partition would have other owners without
 * another tag, which no change of the register makes: then nothing was changed.
 */
MUST_USE bool register_value_apply(const struct register_value *value, struct ring *ring,
                                   bool *moved);

/* By generation, then seq: <0, 0, >0. */
int register_value_compare(const struct register_value *a, const struct register_value *b);
/* Whether a change that began with this ballot is in the value. */
bool register_value_holds(const struct register_value *value, struct ballot change);
/* Put it there; the oldest one is forgotten when there are too many. */
void register_value_note(struct register_value *value, struct ballot change);

/* Index of the steward, with exactly that store, or -1. */
int steward_set_find(const struct steward_set *set, node_id node, uint16_t incarnation);
bool steward_set_has_node(const struct steward_set *set, node_id node);
/*
 * Who is to be a steward in the place of `leaver`: of the members of whom `may` says so, which are
 * none yet, the one where fewest of the others are. 0: there is none.
 */
node_id register_value_next_steward(const struct register_value *value, node_id leaver,
                                    bool (*may)(const void *context, node_id node),
                                    const void *context);
static inline uint8_t steward_set_majority(const struct steward_set *set)
{
    return (uint8_t)(set->count / 2 + 1);
}

#endif
