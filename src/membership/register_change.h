/*
 * register_change.h - what may be done to the register: a pure function from value to value.
 *
 * A proposer may apply a change several times, to whatever value it finds, so a change says
 * what is wanted and never what was there.
 */
#ifndef MEMBERSHIP_REGISTER_CHANGE_H
#define MEMBERSHIP_REGISTER_CHANGE_H

#include <stdbool.h>

#include "base/status.h"
#include "membership/register_value.h"
#include "membership/users.h"

enum { REGISTER_WORDS_BYTES_MAX = 2048 };

enum register_change_kind {
    REGISTER_CHANGE_NONE,            /* a read: the value stands */
    REGISTER_CHANGE_KEYSPACE_CREATE, /* `keyspace`; the first free number with `any_number` */
    REGISTER_CHANGE_KEYSPACE_SET,    /* the `fields` of the keyspace with that name */
    REGISTER_CHANGE_KEYSPACE_DROP,   /* the one with that name; its id is never given again */
    /*
     * A steward lost its store and has a new one, `steward`. The value then names the stewards
     * as they were and, as the coming ones, as they will be; SETTLE makes the coming ones the
     * only ones. Nothing is done when the value is not such.
     */
    REGISTER_CHANGE_STEWARD_RETURN,
    REGISTER_CHANGE_STEWARDS_SETTLE,
    REGISTER_CHANGE_USER_SET,      /* `words` are rules (user_rules.h) for the `user`, new or not */
    REGISTER_CHANGE_USER_DROP,     /* `words` are names of users, who may be gone already */
    REGISTER_CHANGE_MEMBER_ADD,    /* `member`, in the region named by `words`; member_change.h */
    REGISTER_CHANGE_MEMBER_REMOVE, /* the one with the id of `member` */
    /* `words` are steps of partitions to other owners (ring/ring_steps.h); taken ones are left out
     */
    REGISTER_CHANGE_RING_STEPS,
    REGISTER_CHANGE_STAGE,       /* `words` are wishes (ring/ring_wish.h) for the next plan */
    REGISTER_CHANGE_STAGE_CLEAR, /* all of them are dropped; who is joining stays */
    /* The life of the plan `plan_id`: register_plan.h. */
    REGISTER_CHANGE_PLAN_COMMIT, /* by `user`, at the node `member.id` */
    REGISTER_CHANGE_PLAN_PAUSE,
    REGISTER_CHANGE_PLAN_RESUME,
    REGISTER_CHANGE_PLAN_ABORT,
    REGISTER_CHANGE_PLAN_LOSE,   /* the store of the node `member.id` */
    REGISTER_CHANGE_PLAN_RETIRE, /* those that leave */
    /* `steward` takes the place of `member.id`, which leaves; its node 0: nobody can. */
    REGISTER_CHANGE_PLAN_STEWARD,
    REGISTER_CHANGE_PLAN_END
};

/* Bits of `fields`: what KEYSPACE_SET changes. */
enum keyspace_field {
    KEYSPACE_READ_LEVEL = 1 << 0,
    KEYSPACE_WRITE_LEVEL = 1 << 1,
    KEYSPACE_SLOPPY = 1 << 2,
    KEYSPACE_DEFAULT_TTL = 1 << 3,
    KEYSPACE_VALUE_BYTES_MAX = 1 << 4,
    KEYSPACE_SIBLINGS_MAX = 1 << 5
};

struct register_change {
    uint8_t kind; /* enum register_change_kind */
    bool any_number;
    uint16_t fields;
    struct ring_keyspace keyspace;
    struct steward steward;
    struct ring_member member;
    uint64_t plan_id;
    uint64_t now_ms; /* of the proposer's clock, since 1970; for tasks alone */
    char user[USER_NAME_BYTES_MAX + 1];
    uint16_t words_length;
    uint8_t words[REGISTER_WORDS_BYTES_MAX]; /* separated by one space */
};

enum { REGISTER_REASON_MAX = RING_REASON_MAX };

/*
 * STATUS_OK: `*out` is the next value, or NULL when the value stands as it is.
 * STATUS_INVALID: the value does not allow it; `reason` has one sentence for the operator. The
 * caller owns `*out`, whose seq and changes are already those of the next value.
 */
MUST_USE enum status register_change_apply(const struct register_change *change, struct ballot id,
                                           const struct register_value *value,
                                           struct register_value **out,
                                           char reason[REGISTER_REASON_MAX]);

#endif
