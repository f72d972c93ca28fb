/*
 * register_proposer.h - one change of the register, from the wish to its outcome: CASPaxos'
 * proposer.
 *
 *     reserve -> prepare -> accept -> over
 *        ^__________|__________|        a lost or unknown attempt: a new ballot, after a pause
 *
 * An attempt asks the stewards for promises, takes the newest value that any of them has
 * accepted, applies the change to it, and asks the stewards to accept the result. It succeeds
 * only with majorities: of the stewards that the value names, and of the coming ones while
 * there are some, both before and after the change.
 *
 * Invariants:
 *   P1  a ballot is reserved on disk before its first use, and carries at most one value: any
 *       outcome but success burns it
 *   P2  what was accepted with the highest ballot is built on, or proposed again as it is; what
 *       this node knew before is no substitute for it
 *   P3  a refusal is told only once the value it goes by is chosen
 *   P4  STATUS_UNAVAILABLE only if no steward was ever asked to accept the change; if one was and
 *       the end is not known, STATUS_UNCERTAIN
 *   P5  a change is made once, however many attempts it takes: the value remembers its first ballot
 * Model: tests/models/register.py. Sources: Rystsov, "CASPaxos", arXiv 1802.07000; reference
 * "algorithms" 9.3 and A.2, "reliability" 2.4.
 */
#ifndef MEMBERSHIP_REGISTER_PROPOSER_H
#define MEMBERSHIP_REGISTER_PROPOSER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "membership/register_change.h"
#include "membership/register_value.h"

enum {
    REGISTER_CHANGE_MS = 5000, /* at most, for all attempts of a change */
    REGISTER_ROUND_MS = 1000,  /* at most, for the answers of one round */
    REGISTER_PAUSE_MIN_MS = 2, /* between attempts, doubled up to the maximum, full jitter */
    REGISTER_PAUSE_MAX_MS = 200,
    REGISTER_TARGETS_MAX = 4 * REGISTER_STEWARDS_MAX
};

enum proposer_phase {
    PROPOSER_RESERVING,
    PROPOSER_PREPARING,
    PROPOSER_ACCEPTING,
    PROPOSER_PAUSING,
    PROPOSER_OVER
};

/* Who has answered the round under way. */
struct proposer_votes {
    uint8_t count;
    struct steward voters[REGISTER_TARGETS_MAX];
};

struct register_proposer {
    node_id self;
    uint16_t incarnation; /* of the own store */
    struct random random;
    enum proposer_phase phase;
    struct register_change change;
    struct ballot id;             /* the first ballot; none before it is reserved */
    struct ballot ballot;         /* of the attempt under way */
    struct register_value *known; /* the newest that is known to be chosen */
    struct register_value *base;  /* whose stewards are asked in this attempt */
    struct register_value *best;  /* accepted with best_ballot; NULL: none yet */
    struct ballot best_ballot;
    struct register_value *next; /* what is to be accepted */
    bool changes;                /* `next` has the change in it */
    enum status refusal;         /* what the change comes to when `next` is chosen without it */
    struct proposer_votes yes;
    struct proposer_votes no;
    bool conflict;                /* a steward has promised a higher ballot */
    struct register_value *floor; /* what was known to be chosen when the attempt began */
    uint64_t round_seen;          /* the highest of any ballot heard of */
    bool sent;                    /* a steward may have accepted the change */
    uint64_t sent_seq;            /* in a value of this seq at first */
    uint32_t attempts;
    uint64_t deadline_us;          /* of the change */
    uint64_t until_us;             /* of the round or pause */
    enum status outcome;           /* once over */
    struct register_value *chosen; /* once over with OK or INVALID: the value it ended with */
    char reason[REGISTER_REASON_MAX];
};

/* What a step wants done; cleared by the caller before each step. */
struct proposer_output {
    bool reserve; /* a round above `above`; the answer is register_proposer_reserved() */
    uint64_t above;
    uint16_t type; /* MESSAGE_REGISTER_PREPARE or _ACCEPT with `body`, to `targets`; 0: nothing */
    uint8_t target_count;
    node_id targets[REGISTER_TARGETS_MAX];
    struct buffer body;
};

void proposer_output_clear(struct proposer_output *output);
void proposer_output_deinit(struct proposer_output *output);

struct register_proposer_params {
    node_id self;
    uint16_t incarnation;
    uint64_t random_seed;
    const struct register_value *known; /* copied */
    const struct register_change *change;
};

struct register_proposer *register_proposer_new(const struct register_proposer_params *params,
                                                uint64_t now_us, struct proposer_output *out);
void register_proposer_free(struct register_proposer *proposer);

/* `round` is on disk and was never used; 0: it could not be reserved. */
void register_proposer_reserved(struct register_proposer *proposer, uint64_t round, uint64_t now_us,
                                struct proposer_output *out);
void register_proposer_promise(struct register_proposer *proposer, node_id from,
                               const struct message_register_promise *promise, uint64_t now_us,
                               struct proposer_output *out);
void register_proposer_accepted(struct register_proposer *proposer, node_id from,
                                const struct message_register_accepted *accepted, uint64_t now_us,
                                struct proposer_output *out);
/* A target of the last output cannot be asked, or its answer will not come. */
void register_proposer_unreachable(struct register_proposer *proposer, node_id node,
                                   uint64_t now_us, struct proposer_output *out);
/* Somebody else has learnt of a newer chosen value. */
void register_proposer_learned(struct register_proposer *proposer,
                               const struct register_value *value, uint64_t now_us,
                               struct proposer_output *out);
void register_proposer_tick(struct register_proposer *proposer, uint64_t now_us,
                            struct proposer_output *out);
uint64_t register_proposer_deadline_us(const struct register_proposer *proposer);
static inline bool register_proposer_is_over(const struct register_proposer *proposer)
{
    return proposer->phase == PROPOSER_OVER;
}

#endif
