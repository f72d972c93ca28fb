/*
 * oracle_end.c - which versions may be the last ones of a key, and whether they are.
 *
 * Ported from the final check of models/cells.py: wanted is what no event has
 * observed. Acknowledged events must be there; those in doubt may be.
 */
#include <inttypes.h>

#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"
#include "sim/oracle_tally.h"
#include "sim/oracle_state.h"
#include "sim/resurrection.h"

/* The highest version that must not be lost, or NULL. */
static const struct version *highest_promised(const struct oracle_key *key)
{
    const struct version *highest = NULL;
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->acked && !key->versions[i]->excused &&
            oracle_is_above(key->versions[i], highest))
            highest = key->versions[i];
    return highest;
}

static bool shows_nothing(const struct oracle *oracle, const struct version *version)
{
    return version->kind == SIBLING_TOMBSTONE ||
           (version->expire_at_ms != 0 && version->expire_at_ms <= world_latest_ms(oracle->world));
}

bool oracle_may_be_last(const struct oracle *oracle, uint32_t index, const struct version *version)
{
    const struct oracle_key *key = &oracle->keys[index];
    const struct version *promised = highest_promised(key);
    if (version != NULL)
        return promised == NULL || !oracle_is_above(promised, version);
    if (promised == NULL)
        return true;
    for (uint32_t i = 0; i < key->version_count; i++)
        if (!oracle_is_above(promised, key->versions[i]) && shows_nothing(oracle, key->versions[i]))
            return true;
    return false;
}

static void fail_end(struct oracle *oracle, const struct machine *owner,
                     const struct oracle_key *key, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, "end", "n%u %s (keyspace %u): %s", owner->id,
               key->name, key->keyspace, what);
}

/* Whether the key may be gone altogether: what is promised, or above it, was collected. */
static bool may_be_gone(const struct oracle *oracle, const struct oracle_key *key,
                        const struct version *promised)
{
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->collected && shows_nothing(oracle, key->versions[i]) &&
            !oracle_is_above(promised, key->versions[i]))
            return true;
    return false;
}

static void check_winner(struct oracle *oracle, const struct machine *owner,
                         const struct oracle_key *key, const struct cell *cell)
{
    const struct version *promised = highest_promised(key);
    const struct version *last =
        cell->count == 0 ? NULL : oracle_find_version(oracle, key, &cell->siblings[0].dot);
    if (last == NULL && promised != NULL && may_be_gone(oracle, key, promised))
        return;
    if (promised != NULL && (last == NULL || oracle_is_above(promised, last)))
        fail_end(oracle, owner, key, "an acknowledged write lost to nothing or to an older one");
}

void oracle_check_end(struct oracle *oracle)
{
    const struct world *world = oracle->world;
    for (uint32_t k = 0; k < oracle->key_count; k++) {
        const struct oracle_key *key = &oracle->keys[k];
        const node_id *owners = ring_owners(world->ring, key->partition);
        for (uint8_t i = 0; i < world->ring->owner_count; i++) {
            const struct machine *owner = &world->machines[owners[i] - 1];
            struct cell cell;
            oracle_load(oracle, &owner->image.synced, key, &cell);
            for (uint32_t j = 0; j < cell.count; j++)
                if (oracle_find_version(oracle, key, &cell.siblings[j].dot) == NULL)
                    fail_end(oracle, owner, key, "a live version that nobody made");
            if (key->tally != TALLY_NONE)
                oracle_tally_end(oracle, owner, key, &cell);
            else if (key->hash != 0)
                oracle_hash_end(oracle, owner, key, &cell);
            else if (key->counter != NULL)
                oracle_counter_end(oracle, owner, key, &cell);
            else if (oracle_keeps_siblings(key))
                oracle_siblings_end(oracle, owner, key, &cell);
            else
                check_winner(oracle, owner, key, &cell);
            cell_deinit(&cell);
        }
    }
    resurrection_check_end(oracle);
    struct registered *registered, *next;
    HASH_ITER(hh, oracle->versions, registered, next)
    {
        const struct version *version = &registered->version;
        uint32_t copies = 0;
        for (uint32_t i = 0; i < world->plan.node_count; i++)
            copies += oracle_holds(oracle, &world->machines[i].image.synced, version);
        if (copies == 0)
            marks_hit(world->marks, MARK_NEVER_COMMITTED_VERSION);
    }
}
