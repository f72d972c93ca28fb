/*
 * store_fold.c - the settled times of the own replicas, below which counters fold their ids.
 *
 * A counter folds when it is written anyway (causal/counter_write.c), so there is no step that
 * folds, and no event but that of the write. Here is only looked after how far it may. A replica
 * is looked at while a counter in it has ids that wait, and some minutes longer; others cost
 * nothing. Meanwhile the ceiling of times is raised, here and at the other owners, because safe
 * time stands still with it (store_expiry.c).
 */
#include <stdlib.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/settled_time.h"

enum { LOOKED_AFTER_US = 5 * 60 * 1000 * 1000 };

struct fold_look {
    struct settled_time time;
    uint64_t until_us; /* ids waited so lately; 0: none did */
};

struct store_fold {
    struct fold_look *replicas; /* by index into side->replicas */
};

void store_fold_new(struct store_side *side)
{
    side->fold = memory_new(1, sizeof *side->fold);
    side->fold->replicas = memory_new(side->replica_count, sizeof *side->fold->replicas);
}

/* What the replicas held may be lost (L4). */
void store_fold_reopened(struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        settled_time_deinit(&side->fold->replicas[i].time);
}

void store_fold_follow(struct store_side *side, const struct holdings_change *change)
{
    struct store_fold *fold = side->fold;
    for (uint32_t i = 0; i < change->before; i++)
        if (!change->kept[i])
            settled_time_deinit(&fold->replicas[i].time);
    fold->replicas = store_follow_array(fold->replicas, sizeof *fold->replicas, change);
    for (uint32_t i = 0; i < change->count; i++)
        if (change->afresh[i])
            settled_time_deinit(&fold->replicas[i].time);
}

void store_fold_free(struct store_side *side)
{
    store_fold_reopened(side);
    free(side->fold->replicas);
    free(side->fold);
}

uint64_t store_fold_settled_ms(const struct store_side *side, const struct replica *replica)
{
    return hybrid_time_ms(side->fold->replicas[replica - side->replicas].time.settled);
}

void store_fold_want(struct store_side *side, const struct replica *replica, struct instant now)
{
    side->fold->replicas[replica - side->replicas].until_us = now.mono_us + LOOKED_AFTER_US;
}

bool store_fold_is_wanted(const struct store_side *side, uint32_t index)
{
    return side->fold->replicas[index].until_us != 0;
}

/* As long as an owner is silent the others have nothing to hurry for. */
bool store_fold_waits(const struct store_side *side)
{
    for (uint32_t i = 0; i < side->replica_count; i++)
        if (store_fold_is_wanted(side, i) && !side->fold->replicas[i].time.safe.silent)
            return true;
    return false;
}

void store_fold_look(struct store_side *side, uint32_t index, struct instant now,
                     uint64_t hint_free_us)
{
    const struct replica *replica = &side->replicas[index];
    struct fold_look *look = &side->fold->replicas[index];
    if (look->until_us != 0 && now.mono_us >= look->until_us)
        look->until_us = 0;
    if (replica->state != REPLICA_ACTIVE)
        settled_time_deinit(&look->time); /* what it has may be older than what all others have */
    if (replica->state != REPLICA_ACTIVE || look->until_us == 0)
        return;
    struct settled_look with = {.self = side->self,
                                .clock = &replica->clock,
                                .closed = store_closed_time(side, now),
                                .now_us = now.mono_us,
                                .wait_us = (uint64_t)side->settings.request_timeout_max_ms * 1000,
                                .hint_free_us = hint_free_us};
    settled_time_advance(&look->time, store_stability_of(side, index), &with);
    if (!look->time.safe.silent)
        store_raise_ceiling(side, now);
}
