/*
 * oracle_whole.c - a partition that comes whole: nothing counts as seen before it has come.
 *
 * With each page, with each checkpoint between two of them, and when the clock of the source is
 * joined at the end, every version that the disk's clock has must be covered by the cell of its key
 * there (R1 of replica.h), unless it was collected everywhere. A clock that is joined early claims
 * versions of keys that are still to come.
 */
#include "sim/disk.h"
#include "sim/oracle_state.h"
#include "sim/silent_loss.h"
#include "sim/world.h"

static bool is_there(struct oracle *oracle, const struct ordered_map *map,
                     const struct oracle_key *key, const struct dot *dot)
{
    struct cell cell;
    bool there = oracle_load(oracle, map, key, &cell) && version_vector_covers(&cell.context, dot);
    cell_deinit(&cell);
    return there;
}

void oracle_whole_stored(struct oracle *oracle, const struct machine *machine,
                         partition_id partition, const struct ordered_map *after)
{
    struct clock clock;
    if (silent_loss_has_hit(oracle->world, machine, partition))
        return; /* what its clock claims was there once */
    disk_clock(after, partition, &clock);
    for (uint32_t i = 0; i < oracle->key_count; i++) {
        const struct oracle_key *key = &oracle->keys[i];
        for (uint32_t k = 0; key->partition == partition && k < key->version_count; k++) {
            const struct version *version = key->versions[k];
            if (!version->collected && clock_has(&clock, &version->dot) &&
                !is_there(oracle, after, key, &version->dot))
                world_fail(oracle->world, VERDICT_WRONG, "whole",
                           "n%u %s (keyspace %u): a version counts as seen before it has come",
                           machine->id, key->name, key->keyspace);
        }
    }
    clock_deinit(&clock);
}
