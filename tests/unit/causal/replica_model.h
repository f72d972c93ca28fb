/*
 * replica_model.h - three owners and two keepers of hints in a bad world, from a seed.
 *
 * Owners write, read with quorums of one or two, use old contexts, lose and
 * double messages, keep hints, go down, lose their disk and come back as a new
 * actor, pull what they lack by their clocks, and purge tombstones that are
 * stable. All state changes go through the functions of src/causal.
 *
 * Beside each cell travels the set of events whose effect it should contain
 * (event_oracle.h). Every replica is compared with its set after every step, and
 * at the end, when all has healed, with all events there ever were.
 */
#ifndef TESTS_REPLICA_MODEL_H
#define TESTS_REPLICA_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "causal/cell.h"

/* Each breaks one rule, but for the first two. */
enum deviation {
    FAITHFUL,
    STRIP_WHOLE_STABLE_CELLS, /* allowed */
    NO_SEEN_FILTER,
    WIPE_KEEPS_ACTOR,
    STRIP_STABLE_ENTRIES,
    PURGE_BEFORE_RIVALS_ARRIVED, /* last-writer-wins only */
};

/* How often the rare paths were taken, over all runs of a test. */
struct marks {
    unsigned filtered;
    unsigned purged;
    unsigned wiped;
    unsigned dropped_values;
    unsigned stripped;
};

/* Whether the run with this seed was noticed to be wrong; adds to `marks`. */
bool replica_model_goes_wrong(uint64_t seed, enum merge_policy policy, enum deviation deviation,
                              struct marks *marks);

#endif
