/*
 * oracle_purge.c - what may leave a disk for good, and what may not come back.
 *
 * A tombstone or a context goes only when every owner's synced disk has absorbed each version
 * that the cell covers, but for versions that are on no disk at all: their maker lost them with
 * its memory. A disk that was lost, and is not whole again, does not count: what it had was
 * seen before, and it is filled from the others.
 *
 * And no value comes to life where its dot was absorbed before and it was not alive: late
 * copies of any age must have no effect.
 */
#include <inttypes.h>

#include "ring/transition.h"
#include "sim/disk.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "sim/resurrection.h"

static void fail_purge(struct oracle *oracle, const struct machine *machine,
                       const struct oracle_key *key, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, "purge", "n%u %s (keyspace %u): %s", machine->id,
               key->name, key->keyspace, what);
}

/* Also one that an older copy has taken the place of, until its node has noticed. */
static bool is_lost(const struct machine *owner, const struct oracle_key *key)
{
    return owner->wiped_at_us != 0 &&
           (owner->loss_told || owner->replica_states[key->partition] != REPLICA_ACTIVE);
}

/* What it had counted under an earlier tag, and it may have given up its copy since (T6). */
static bool has_gone_on(struct oracle *oracle, const struct machine *owner,
                        const struct oracle_key *key, struct ring_tag tag)
{
    const struct ring *ring = placements_on_disk(oracle->world, owner);
    return ring_tag_of(ring, key->partition).epoch > tag.epoch;
}

/*
 * Whether the cell knows of the version no longer. While its context covers one, a late copy of
 * that is still none of it: so it is when another owner's cell, which has collected, is merged.
 */
static bool is_collected(const struct version *version, const struct cell *before,
                         const struct cell *after)
{
    bool shown = cell_find(before, &version->dot) != NULL;
    return version_vector_covers(&before->context, &version->dot) &&
           cell_find(after, &version->dot) == NULL &&
           (shown || !version_vector_covers(&after->context, &version->dot));
}

/* Whether what was collected is on the disks of all owners, each counted in `on`. */
static void check_everywhere(struct oracle *oracle, const struct machine *machine,
                             const struct oracle_key *key, const struct cell *before,
                             const struct cell *after)
{
    struct world *world = oracle->world;
    const struct ring *ring = placements_on_disk(world, machine);
    struct ring_tag tag = ring_tag_of(ring, key->partition);
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(ring, key->partition, owners);
    struct clock clocks[RING_REPLICAS_MAX];
    for (uint8_t i = 0; i < count; i++)
        disk_clock(&world->machines[owners[i] - 1].image.synced, key->partition, &clocks[i]);
    for (uint32_t k = 0; k < key->version_count; k++) {
        struct version *version = key->versions[k];
        uint8_t on = 0, wanted = 0;
        if (!is_collected(version, before, after))
            continue;
        for (uint8_t i = 0; i < count; i++) {
            bool has = clock_has(&clocks[i], &version->dot);
            on = (uint8_t)(on + has);
            const struct machine *owner = &world->machines[owners[i] - 1];
            wanted = (uint8_t)(wanted + (has || !(is_lost(owner, key) ||
                                                  has_gone_on(oracle, owner, key, tag))));
        }
        if (on != 0 && on < wanted) {
            world_note(world, "it is about dot=%u.%u.%u:%" PRIu64, version->dot.actor.node,
                       version->dot.actor.storage_incarnation, version->dot.actor.boot_epoch,
                       version->dot.sequence);
            fail_purge(oracle, machine, key, "was collected before all owners had it");
        }
        version->collected = true;
    }
    for (uint8_t i = 0; i < count; i++)
        clock_deinit(&clocks[i]);
}

void oracle_purged(struct oracle *oracle, const struct machine *machine,
                   const struct oracle_key *key, const struct cell *before,
                   const struct cell *after)
{
    for (uint32_t i = 0; i < before->count; i++)
        if (before->siblings[i].kind == SIBLING_STRING &&
            cell_find(after, &before->siblings[i].dot) == NULL)
            fail_purge(oracle, machine, key, "a value was collected");
    for (uint32_t i = 0; i < after->count; i++)
        if (cell_find(before, &after->siblings[i].dot) == NULL)
            fail_purge(oracle, machine, key, "collecting added something");
    if (key->counter != NULL)
        oracle_counter_purged(oracle, machine, key, before, after);
    marks_hit(oracle->world->marks, MARK_TOMBSTONE_PURGED);
    check_everywhere(oracle, machine, key, before, after);
    resurrection_collected(oracle, key, before, after);
}

void oracle_stored_live(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after, const struct ordered_map *map)
{
    struct clock clock = {0};
    bool loaded = false;
    for (uint32_t i = 0; i < after->count; i++) {
        const struct sibling *sibling = &after->siblings[i];
        struct version *version = oracle_find_version(oracle, key, &sibling->dot);
        bool was_here = (version->machines >> machine->index & 1) != 0;
        version->machines |= 1u << machine->index;
        if (cell_find(before, &sibling->dot) == NULL)
            resurrection_stored(oracle, machine, key, version);
        if (!was_here || sibling->kind == SIBLING_TOMBSTONE ||
            cell_find(before, &sibling->dot) != NULL)
            continue;
        if (!loaded)
            disk_clock(map, key->partition, &clock);
        loaded = true;
        if (clock_has(&clock, &sibling->dot))
            fail_purge(oracle, machine, key, "a value that was gone is alive again");
    }
    clock_deinit(&clock);
}
