#include "sim/oracle_tally.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"

static const char hash_name[] = "tally";

static struct oracle_key *add_key(struct oracle *oracle, enum tally_part part, uint8_t type,
                                  uint32_t field)
{
    const struct ring *ring = oracle->world->ring;
    struct oracle_key *key = &oracle->keys[oracle->key_count++];
    struct buffer name = {0};
    *key = (struct oracle_key){.tally = part};
    if (part == TALLY_KEY) {
        snprintf(key->name, sizeof key->name, "%s", hash_name);
    } else {
        key->keyspace = KEYSPACE_ELEMENTS;
        snprintf(key->name, sizeof key->name, "%s.%s%u", hash_name,
                 part == TALLY_SUM ? "f" : "name-of-f", field);
        element_key_encode(slice_text(hash_name), type,
                           slice_text(key->name + strlen(key->name) - 2), ring->seed, &name);
        memcpy(key->stored, name.data, name.length);
        key->stored_length = (uint8_t)name.length;
    }
    key->position = ring_position(oracle_key_name(key), key->keyspace, ring->seed);
    key->partition = ring_partition_of_position(key->position, ring->partition_count);
    buffer_deinit(&name);
    return key;
}

bool oracle_tally_is_sorted(const struct oracle *oracle)
{
    return oracle->world->ring->seed % 2 != 0;
}

void oracle_tally_add_keys(struct oracle *oracle)
{
    uint8_t type = oracle_tally_is_sorted(oracle) ? COLLECTION_ZSET : COLLECTION_HASH;
    add_key(oracle, TALLY_KEY, COLLECTION_NONE, 0);
    for (uint32_t i = 0; i < TALLY_FIELDS; i++) {
        oracle_counter_begin(add_key(oracle, TALLY_SUM, type, i));
        add_key(oracle, TALLY_NAME, collection_counts_of(type), i);
    }
}

uint32_t oracle_tally_key(const struct oracle *oracle)
{
    return oracle->key_count - HASH_KEY_COUNT - COUNTER_KEY_COUNT - TALLY_KEY_COUNT;
}

uint32_t oracle_tally_sum(const struct oracle *oracle, uint32_t field)
{
    return oracle_tally_key(oracle) + 1 + 2 * field;
}

const char *oracle_tally_field_name(const struct oracle_key *key)
{
    return key->name + strlen(key->name) - 2;
}

void oracle_tally_removed(struct oracle *oracle, const struct machine *machine,
                          const struct command *command)
{
    marks_hit(oracle->world->marks, MARK_TALLY_CLEARED);
    for (uint32_t i = 0; i < TALLY_FIELDS; i++)
        oracle_counter_removed(oracle, machine, command, oracle_tally_sum(oracle, i));
}

static bool shows(struct oracle *oracle, const struct ordered_map *map,
                  const struct oracle_key *key)
{
    struct cell cell;
    oracle_load(oracle, map, key, &cell);
    bool live = cell_is_live(&cell);
    cell_deinit(&cell);
    return live;
}

void oracle_tally_end(struct oracle *oracle, const struct machine *owner,
                      const struct oracle_key *key, const struct cell *cell)
{
    if (key->tally == TALLY_KEY && cell->count > 0)
        world_fail(oracle->world, VERDICT_WRONG, "end", "n%u %s: a cut is still there", owner->id,
                   key->name);
    if (key->tally != TALLY_SUM)
        return;
    oracle_counter_end(oracle, owner, key, cell);
    if (shows(oracle, &owner->image.synced, key) && !shows(oracle, &owner->image.synced, key + 1))
        world_fail(oracle->world, VERDICT_WRONG, "end", "n%u %s: no name leads to the sum",
                   owner->id, key->name);
}

bool oracle_tally_is_there(struct oracle *oracle)
{
    const struct world *world = oracle->world;
    const struct oracle_key *head = &oracle->keys[oracle_tally_key(oracle)];
    const struct machine *owner =
        &world->machines[ring_owners(world->ring, head->partition)[0] - 1];
    for (uint32_t i = 0; i < TALLY_FIELDS; i++)
        if (shows(oracle, &owner->image.synced, &oracle->keys[oracle_tally_sum(oracle, i)]))
            return true;
    return false;
}
