#include "sim/resurrection.h"

#include "sim/oracle_counter.h"

/*
 * What removes, and shows nothing: a rebuilt owner takes it again from one that has not dropped
 * it yet, for each drops it by itself.
 */
static bool is_delete(const struct version *version)
{
    return version->kind == SIBLING_TOMBSTONE || version->kind == SIBLING_CUT ||
           version->kind == SIBLING_DEADLINE ||
           (version->kind == SIBLING_COUNTER && oracle_counter_is_reset(version));
}

void resurrection_collected(struct oracle *oracle, const struct oracle_key *key,
                            const struct cell *before, const struct cell *after)
{
    for (uint32_t i = 0; i < key->version_count; i++) {
        struct version *version = key->versions[i];
        if (is_delete(version) || version->dead ||
            !version_vector_covers(&before->context, &version->dot) ||
            cell_find(after, &version->dot) != NULL)
            continue;
        version->dead = true;
        marks_hit(oracle->world->marks, MARK_VERSION_DEAD);
    }
}

void resurrection_stored(struct oracle *oracle, const struct machine *machine,
                         const struct oracle_key *key, const struct version *version)
{
    /*
     * What has expired stays at an owner that has not dropped it yet; a rebuild takes it from
     * there.
     */
    bool expired =
        version->expire_at_ms != 0 && version->expire_at_ms < world_true_ms(oracle->world);
    if (version->dead && !expired)
        world_fail(oracle->world, VERDICT_WRONG, "resurrection",
                   "n%u %s (keyspace %u): write <%u>, deleted and collected, is alive again",
                   machine->id, key->name, key->keyspace, version->write);
}

/* The newest delete that was acknowledged and has not lost the copies it was promised on. */
static const struct version *newest_delete(const struct oracle_key *key)
{
    const struct version *newest = NULL;
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind == SIBLING_TOMBSTONE && version->acked && !version->excused &&
            oracle_is_above(version, newest))
            newest = version;
    }
    return newest;
}

static void check_disk(struct oracle *oracle, const struct machine *machine,
                       const struct oracle_key *key, const struct version *deleted)
{
    struct cell cell;
    oracle_load(oracle, &machine->image.synced, key, &cell);
    for (uint32_t i = 0; i < cell.count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &cell.siblings[i].dot);
        if (version != NULL && !is_delete(version) && oracle_is_above(deleted, version))
            world_fail(oracle->world, VERDICT_WRONG, "resurrection",
                       "n%u %s: write <%u> is there, and its delete was acknowledged", machine->id,
                       key->name, version->write);
    }
    cell_deinit(&cell);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (!is_delete(key->versions[i]) && oracle_is_above(deleted, key->versions[i]) &&
            oracle_is_hinted(oracle, &machine->image.synced, key->versions[i]))
            world_fail(oracle->world, VERDICT_WRONG, "resurrection",
                       "n%u keeps a hint of write <%u>, whose delete was acknowledged", machine->id,
                       key->versions[i]->write);
}

void resurrection_check_end(struct oracle *oracle)
{
    const struct world *world = oracle->world;
    for (uint32_t k = 0; k < oracle->key_counts[0]; k++) {
        const struct oracle_key *key = &oracle->keys[k];
        const struct version *deleted = newest_delete(key);
        if (deleted == NULL)
            continue;
        marks_hit(world->marks, MARK_DELETE_JUDGED);
        for (uint32_t i = 0; i < world->plan.node_count; i++)
            check_disk(oracle, &world->machines[i], key, deleted);
    }
}
