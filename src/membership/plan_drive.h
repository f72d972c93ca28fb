/*
 * plan_drive.h - what whoever drives a plan asks, and what it then proposes to the register.
 *
 * A round asks all nodes that are concerned what they say of themselves, and ends with one change
 * of the register, or with the reason why there is none. All of a round is of one value of the
 * register and is forgotten with it: whoever drives has nothing to remember, so any steward goes on
 * where another one was lost, at every step, and two who drive at once propose the same.
 *
 *     partitions move     RING_STEPS, as ring/ring_drive.h says
 *     none does any more  RETIRE those that leave; a STEWARD in the place of each that is one;
 *                         END when they have said, by a value in which they are retired, that they
 *                         keep no hints
 *
 * Only what is said in the round counts, so a node that came with a new store meanwhile has said
 * nothing of it. A node that is silent holds up what it is needed for, and nothing else.
 * Source: tests/models/ring_change.py, T3, T4, T7, T8; reference "algorithms" 1.8.
 */
#ifndef MEMBERSHIP_PLAN_DRIVE_H
#define MEMBERSHIP_PLAN_DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "membership/register_change.h"
#include "membership/register_value.h"
#include "ring/ring_change.h"
#include "ring/ring_evidence.h"
#include "ring/ring_wait.h"

/* What one member has said. */
struct plan_heard {
    bool asked, told;
    uint16_t incarnation; /* of its store */
    uint64_t seq, hints;
};

/* All zero is none. Release with plan_round_deinit(). */
struct plan_round {
    uint64_t generation, seq;       /* of the value that it is about; seq 0: of none */
    struct plan_heard *heard;       /* in the order of the value's members; owned */
    struct ring_evidence *evidence; /* in the order of its transitions; owned */
};

/* Whether there is anything to drive. */
bool plan_is_driven(const struct register_value *value);

/* With nothing heard, and who is to be asked marked so. */
void plan_round_begin(const struct register_value *value, struct plan_round *out);
void plan_round_deinit(struct plan_round *round);
bool plan_round_is_of(const struct plan_round *round, const struct register_value *value);
/* What a member says; of one that was not asked, or has said it already, nothing is taken. */
void plan_round_note(struct plan_round *round, const struct register_value *value, node_id node,
                     const struct ring_testimony *testimony);

/* False: nothing can be done now. `now_ms` is the time for tasks. */
bool plan_round_propose(const struct plan_round *round, const struct register_value *value,
                        uint64_t now_ms, struct register_change *out);

/* What it waits for: of a partition that moves, and of the end when none does any more. */
struct ring_wait plan_round_wait(const struct plan_round *round, const struct register_value *value,
                                 partition_id partition);
struct ring_wait plan_round_end_wait(const struct plan_round *round,
                                     const struct register_value *value);

#endif
