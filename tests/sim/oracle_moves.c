/*
 * oracle_moves.c - copies of partitions that come and go (G2 of movers.h).
 *
 * A copy that is given up is no copy any more from the batch that marks it. Each version on it that
 * was acknowledged is then on another disk that counts, or as many of its copies have been
 * destroyed as were promised: what remained of it beyond the promise may go.
 */
#include "ring/transition.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "wire/record.h"

static void give_up(struct oracle *oracle, const struct machine *machine, partition_id partition)
{
    struct world *world = oracle->world;
    struct registered *registered, *next;
    HASH_ITER(hh, oracle->versions, registered, next)
    {
        struct version *version = &registered->version;
        const struct oracle_key *key = &oracle->keys[version->key];
        if (key->partition != partition || version->excused ||
            !oracle_holds(oracle, &machine->image.synced, version) ||
            oracle_is_elsewhere(oracle, machine, version))
            continue;
        if (version->acked && version->destroyed < version->copies)
            world_fail(world, VERDICT_WRONG, "G2",
                       "n%u drops the last copy of write <%u> of %s, promised on %u disks of which "
                       "%u were lost",
                       machine->id, version->write, key->name, version->copies, version->destroyed);
        version->excused = true;
    }
}

static uint32_t bit_of(const struct machine *machine)
{
    return 1u << machine->index;
}

void oracle_moves_put(struct oracle *oracle, const struct machine *machine, struct slice name,
                      const struct ordered_map *before)
{
    partition_id partition;
    struct slice old;
    uint8_t kind = name.data[name.length - 1];
    if (record_meta_decode(name, &partition) != STATUS_OK || ordered_map_get(before, name, &old))
        return;
    if (kind == 'd') {
        give_up(oracle, machine, partition);
    } else if (kind == 'c' && ring_tag_of(oracle->world->ring, partition).epoch +
                                      ring_tag_of(oracle->world->ring, partition).phase >
                                  1) {
        bool again = (oracle->dropped[partition] & bit_of(machine)) != 0;
        marks_hit(oracle->world->marks, again ? MARK_MOVE_ADOPTED_AGAIN : MARK_MOVE_ADOPTED);
    }
}

void oracle_moves_removed(struct oracle *oracle, const struct machine *machine, struct slice name)
{
    partition_id partition;
    if (name.data[name.length - 1] != 'd' || record_meta_decode(name, &partition) != STATUS_OK)
        return;
    marks_hit(oracle->world->marks, MARK_MOVE_DROPPED);
    oracle->dropped[partition] |= bit_of(machine);
}

void oracle_moves_sealed(struct oracle *oracle, const struct machine *machine,
                         const struct ring *now, const struct ring *then)
{
    for (uint32_t i = 0; i < now->transition_count; i++) {
        partition_id partition = now->transitions[i].partition;
        if (now->transitions[i].phase == RING_JOINT && ring_owns(now, machine->id, partition) &&
            ring_tag_of(then, partition).phase == RING_STABLE)
            marks_hit(oracle->world->marks, MARK_MOVE_SEALED);
    }
}

void oracle_moves_answered(struct oracle *oracle, const struct oracle_key *key, bool is_write)
{
    static const enum mark marks[2][2] = {{MARK_MOVE_JOINT_READ, MARK_MOVE_JOINT_WRITE},
                                          {MARK_MOVE_SWITCHED_READ, MARK_MOVE_SWITCHED_WRITE}};
    uint8_t phase = ring_tag_of(oracle->world->ring, key->partition).phase;
    if (phase != RING_STABLE)
        marks_hit(oracle->world->marks, marks[phase - RING_JOINT][is_write]);
}
