#include "membership/lineage.h"

#include <assert.h>

/* N1: what is delivered twice may be older than what came between. */
static void remember(struct lineage_witness *witness, const struct lineage *shown)
{
    const struct lineage_life *last = &shown->lives[shown->count - 1];
    if (witness->storage_incarnation == shown->storage_incarnation && witness->life == last->id &&
        witness->commits > shown->commits)
        return;
    witness->storage_incarnation = shown->storage_incarnation;
    witness->life = last->id;
    witness->commits = shown->commits;
}

/* Whether the history that is shown goes through what the witness has seen. */
static bool continues(const struct lineage_witness *witness, const struct lineage *shown)
{
    for (uint8_t i = 0; i < shown->count; i++) {
        if (shown->lives[i].id != witness->life)
            continue;
        /* The life that it still lives has forgotten nothing. */
        return i + 1 == shown->count || shown->lives[i + 1].opened >= witness->commits;
    }
    /* Its life may be one of those that the list has no room for. */
    return shown->count == LINEAGE_LIVES_MAX && shown->lives[0].opened >= witness->commits;
}

enum lineage_verdict lineage_judge(struct lineage_witness *witness, const struct lineage *shown)
{
    assert(shown->count <= LINEAGE_LIVES_MAX);
    if (shown->count == 0 || shown->storage_incarnation == 0)
        return LINEAGE_UNKNOWN;
    if (shown->storage_incarnation < witness->storage_incarnation)
        return LINEAGE_OLD_INCARNATION;
    if (shown->storage_incarnation > witness->storage_incarnation) {
        remember(witness, shown);
        return LINEAGE_UNKNOWN;
    }
    if (!continues(witness, shown))
        return LINEAGE_ROLLED_BACK;
    remember(witness, shown);
    return LINEAGE_GOOD;
}

bool lineage_raise(struct lineage_witness *witness, uint64_t commits)
{
    if (witness->storage_incarnation == 0 || commits <= witness->commits)
        return false;
    witness->commits = commits;
    return true;
}
