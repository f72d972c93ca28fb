/*
 * oracle_expiry.c - what has expired leaves a disk no earlier than it may, and stays away.
 *
 * A value becomes its own tombstone when the safe time is past its expiry. So by then
 *
 *   its time has come, unless nobody could know it (time_was_lost), and it has by the clocks of
 *   all owners if none was changed lately
 *   each version of the partition from before, which is on the disk of the owner that made it,
 *   is here too; so whoever had extended the value would have been known
 *
 * The same holds when elements are said to be swept whose end has come.
 * And no tombstone becomes a value again. Disks are only asked which dots they have.
 */
#include "ring/transition.h"
#include "sim/disk.h"
#include "sim/oracle_ends.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"

enum { CLOCKS_SETTLED_US = 10000000 };

static void fail_expiry(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, "expiry", "n%u %s (keyspace %u): %s", machine->id,
               key->name, key->keyspace, what);
}

static void check_clocks(struct oracle *oracle, const struct machine *machine,
                         const struct oracle_key *key, uint64_t expire_at_ms)
{
    struct world *world = oracle->world;
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(placements_on_disk(world, machine), key->partition, owners);
    if (world->plan.node_count == 1)
        return; /* its clock is all there is */
    if (expire_at_ms >= world_true_ms(world) && !world->time_was_lost)
        fail_expiry(oracle, machine, key, "a value was dropped before it had expired");
    if (world->clock_changed_at_us + CLOCKS_SETTLED_US > world->now_us)
        return;
    for (uint8_t i = 0; i < count; i++)
        if (machine_wall_ms(&world->machines[owners[i] - 1]) <= expire_at_ms)
            fail_expiry(oracle, machine, key, "a value was dropped that an owner still shows");
}

/* The owner that made it may have lost it with its disk, and others have it later than it said. */
static bool may_be_late(const struct machine *maker, const struct version *version)
{
    return maker->wiped_at_us != 0 && maker->wiped_at_us >= version->made_us;
}

static void check_known(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, uint64_t expire_at_ms,
                        const struct ordered_map *map)
{
    struct world *world = oracle->world;
    node_id owners[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(placements_on_disk(world, machine), key->partition, owners);
    struct clock own, clocks[RING_REPLICAS_MAX];
    disk_clock(map, key->partition, &own);
    for (uint8_t i = 0; i < count; i++)
        disk_clock(&world->machines[owners[i] - 1].image.synced, key->partition, &clocks[i]);
    for (uint32_t k = 0; k < oracle->key_count; k++) {
        const struct oracle_key *other = &oracle->keys[k];
        for (uint32_t v = 0; other->partition == key->partition && v < other->version_count; v++) {
            const struct version *version = other->versions[v];
            uint8_t i = 0;
            while (i < count && owners[i] != version->dot.actor.node)
                i++;
            if (i == count || hybrid_time_ms(version->time) > expire_at_ms ||
                may_be_late(&world->machines[owners[i] - 1], version) ||
                !clock_has(&clocks[i], &version->dot) || clock_has(&own, &version->dot))
                continue;
            fail_expiry(oracle, machine, other,
                        "a value was dropped where an event from before is not known");
        }
    }
    for (uint8_t i = 0; i < count; i++)
        clock_deinit(&clocks[i]);
    clock_deinit(&own);
}

/* D4 of replica/collection.h; by the one who says so, and of what it has not heard from another. */
static void swept(struct oracle *oracle, const struct machine *machine,
                  const struct oracle_key *key, const struct sibling *said,
                  const struct ordered_map *map)
{
    const struct version *version = oracle_find_version(oracle, key, &said->dot);
    if (version == NULL || !version->swept || !oracle_ends_is_first_swept(key, version) ||
        version->made_us != oracle->world->now_us || said->dot.actor.node != machine->id)
        return;
    marks_hit(oracle->world->marks, MARK_HASH_END_SWEPT);
    check_clocks(oracle, machine, key, version->floor_ms);
    check_known(oracle, machine, key, version->floor_ms, map);
}

void oracle_expired(struct oracle *oracle, const struct machine *machine,
                    const struct oracle_key *key, const struct cell *before,
                    const struct cell *after, const struct ordered_map *map)
{
    for (uint32_t i = 0; i < after->count; i++) {
        const struct sibling *now = &after->siblings[i];
        const struct sibling *old = cell_find(before, &now->dot);
        if (old == NULL && now->kind == SIBLING_DEADLINE)
            swept(oracle, machine, key, now, map);
        if (old == NULL || old->kind == now->kind)
            continue;
        if (now->kind != SIBLING_TOMBSTONE) {
            fail_expiry(oracle, machine, key, "a value that was dropped came back");
            continue;
        }
        marks_hit(oracle->world->marks, MARK_EXPIRED_DROPPED);
        check_clocks(oracle, machine, key, now->expire_at_ms);
        if (version_vector_equal(&before->context, &after->context)) /* else it came so */
            check_known(oracle, machine, key, now->expire_at_ms, map);
    }
}

void oracle_mark_extended(struct oracle *oracle, const struct cell *before,
                          const struct cell *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        const struct sibling *old = &before->siblings[i];
        if (old->kind != SIBLING_STRING || old->expire_at_ms == 0 ||
            cell_find(after, &old->dot) != NULL)
            continue;
        for (uint32_t j = 0; j < after->count; j++) {
            const struct sibling *now = &after->siblings[j];
            if (now->kind == SIBLING_STRING && slice_equal(now->value, old->value) &&
                (now->expire_at_ms == 0 || now->expire_at_ms > old->expire_at_ms))
                marks_hit(oracle->world->marks, MARK_EXPIRY_EXTENDED);
        }
    }
}
