#include "sim/disk.h"
#include "sim/oracle.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "coordinator/level.h"
#include "ring/position.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"
#include "sim/oracle_tally.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "wire/record.h"

enum { SIBLING_KEY_COUNT = 6 };
_Static_assert((int)SIBLING_KEY_COUNT <= (int)CONTEXT_KEYS_MAX, "clients hold contexts of all");

uint32_t oracle_key_tag(uint32_t index)
{
    return index % 5 == 4 ? index % ORACLE_TAGS : ORACLE_TAGS;
}

static void add_key(struct oracle *oracle, keyspace_id keyspace, uint32_t number)
{
    struct oracle_key *key = &oracle->keys[oracle->key_count++];
    *key = (struct oracle_key){.keyspace = keyspace};
    if (oracle_key_tag(number) < ORACLE_TAGS)
        snprintf(key->name, sizeof key->name, "{tag%u}:%u", oracle_key_tag(number), number);
    else
        snprintf(key->name, sizeof key->name, "key:%u", number);
    key->position = ring_position(slice_text(key->name), keyspace, oracle->world->ring->seed);
    key->partition =
        ring_partition_of_position(key->position, oracle->world->ring->partition_count);
    oracle->key_counts[keyspace]++;
}

struct oracle *oracle_new(struct world *world)
{
    struct oracle *oracle = memory_new(1, sizeof *oracle);
    oracle->world = world;
    oracle->keys = memory_new(world->plan.key_count + SIBLING_KEY_COUNT + TALLY_KEY_COUNT +
                                  COUNTER_KEY_COUNT + HASH_KEY_COUNT,
                              sizeof *oracle->keys);
    for (uint32_t i = 0; i < world->plan.key_count; i++)
        add_key(oracle, 0, i);
    for (uint32_t i = 0; world->plan.sibling_keyspace && i < SIBLING_KEY_COUNT; i++)
        add_key(oracle, 1, i);
    oracle_tally_add_keys(oracle);
    oracle_counter_add_keys(oracle);
    oracle_hash_add_keys(oracle);
    oracle->listed = memory_new(oracle->key_count, sizeof *oracle->listed);
    oracle->tags = oracle_tags_new(world);
    oracle->dropped = memory_new(world->plan.partition_count, sizeof *oracle->dropped);
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    struct registered *version, *next;
    if (oracle == NULL)
        return;
    for (uint32_t i = 0; i < oracle->key_count; i++)
        oracle_counter_free(&oracle->keys[i]);
    HASH_ITER(hh, oracle->versions, version, next)
    {
        HASH_DEL(oracle->versions, version);
        version_vector_deinit(&version->version.observed);
        clock_deinit(&version->version.beside);
        clock_deinit(&version->version.cut);
        free(version);
    }
    for (uint32_t i = 0; i < oracle->key_count; i++) {
        free(oracle->keys[i].versions);
        version_vector_deinit(&oracle->keys[i].given);
    }
    for (uint32_t i = 0; i < oracle->write_count; i++) {
        version_vector_deinit(&oracle->writes[i]->observed);
        free(oracle->writes[i]);
    }
    free(oracle->writes);
    free(oracle->keys);
    free(oracle->listed);
    free(oracle->dropped);
    oracle_tags_free(oracle->tags);
    free(oracle);
}

uint32_t oracle_key_count(const struct oracle *oracle, keyspace_id keyspace)
{
    return oracle->key_counts[keyspace];
}

uint32_t oracle_key_total(const struct oracle *oracle)
{
    return oracle->key_count;
}

struct oracle_key *oracle_key(struct oracle *oracle, uint32_t index)
{
    assert(index < oracle->key_count);
    return &oracle->keys[index];
}

uint32_t oracle_key_index(const struct oracle *oracle, const struct oracle_key *key)
{
    return (uint32_t)(key - oracle->keys);
}

struct slice oracle_key_name(const struct oracle_key *key)
{
    return key->stored_length > 0 ? slice_make(key->stored, key->stored_length)
                                  : slice_text(key->name);
}

struct oracle_key *oracle_find_key(struct oracle *oracle, keyspace_id keyspace, struct slice name)
{
    for (uint32_t i = 0; i < oracle->key_count; i++)
        if (oracle->keys[i].keyspace == keyspace &&
            slice_equal(oracle_key_name(&oracle->keys[i]), name))
            return &oracle->keys[i];
    return NULL;
}

struct write *oracle_write(struct oracle *oracle, enum command_kind kind, uint32_t key)
{
    if (oracle->write_count == oracle->write_capacity) {
        oracle->write_capacity = oracle->write_capacity * 2 + 64;
        oracle->writes =
            memory_resize(oracle->writes, oracle->write_capacity, sizeof(struct write *));
    }
    struct write *write = memory_new(1, sizeof *write);
    *write = (struct write){.number = oracle->write_count + 1,
                            .kind = kind,
                            .key = key,
                            .start_us = oracle->world->now_us};
    oracle->writes[oracle->write_count++] = write;
    oracle->keys[key].writes_started++;
    return write;
}

struct write *oracle_find_write(const struct oracle *oracle, uint32_t number)
{
    return number >= 1 && number <= oracle->write_count ? oracle->writes[number - 1] : NULL;
}

uint32_t oracle_write_count(const struct oracle *oracle)
{
    return oracle->write_count;
}

uint64_t oracle_command_count(const struct oracle *oracle)
{
    return oracle->command_count;
}

struct version *oracle_find_version(const struct oracle *oracle, const struct oracle_key *key,
                                    const struct dot *dot)
{
    (void)oracle;
    for (uint32_t i = 0; i < key->version_count; i++)
        if (dot_compare(&key->versions[i]->dot, dot) == 0)
            return key->versions[i];
    return NULL;
}

bool oracle_read_numbers(struct slice value, uint32_t *numbers, uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; i < value.length; i++) {
        uint32_t number = 0;
        if (value.data[i] != '<') {
            if (i == 0)
                return false;
            continue;
        }
        for (i++; i < value.length && value.data[i] >= '0' && value.data[i] <= '9'; i++)
            number = number * 10 + (uint32_t)(value.data[i] - '0');
        if (i == value.length || value.data[i] != '>' || *count == TOKENS_MAX)
            return false;
        numbers[(*count)++] = number;
    }
    return true;
}

bool oracle_sibling_is_above(const struct sibling *a, const struct sibling *b)
{
    if (a->time != b->time)
        return a->time > b->time;
    return dot_compare(&a->dot, &b->dot) > 0;
}

bool oracle_is_above(const struct version *a, const struct version *b)
{
    if (b == NULL || a->time != b->time)
        return b == NULL || a->time > b->time;
    return dot_compare(&a->dot, &b->dot) > 0;
}

/* ---- levels ---- */

static uint8_t majority(uint32_t count)
{
    return (uint8_t)(count / 2 + 1);
}

static uint8_t level_owners(const struct oracle *oracle, uint8_t level, uint8_t region)
{
    const struct ring *ring = oracle->world->ring;
    uint8_t total = 0;
    switch (level) {
    case LEVEL_ONE:
    case LEVEL_LOCAL_ONE:
    case LEVEL_ANY:
        return 1;
    case LEVEL_TWO:
        return 2;
    case LEVEL_THREE:
        return 3;
    case LEVEL_ALL:
        return ring->owner_count;
    case LEVEL_LOCAL_QUORUM:
        return majority(ring->regions[region].replicas); /* of none it is one that nobody has */
    case LEVEL_EACH_QUORUM:
        for (uint8_t i = 0; i < ring->region_count; i++)
            if (ring->regions[i].replicas > 0)
                total = (uint8_t)(total + majority(ring->regions[i].replicas));
        return total;
    default:
        return majority(ring->owner_count);
    }
}

static uint8_t larger(uint8_t a, uint8_t b)
{
    return a > b ? a : b;
}

bool oracle_is_sloppy(const struct command *command)
{
    return command->sloppy == SLOPPY_YES ||
           (command->level == LEVEL_ANY && command->sloppy != SLOPPY_NO);
}

uint8_t oracle_write_owners(const struct oracle *oracle, const struct command *command)
{
    uint8_t owners =
        command->w > 0 ? command->w : level_owners(oracle, command->level, command->region);
    return larger(owners, larger(command->dw, command->pw));
}

/* Whether the level asks for owners, whatever else is counted. */
static bool names_owners(const struct command *command, uint8_t number)
{
    return number == 0 &&
           (command->level == LEVEL_ALL || command->level == LEVEL_LOCAL_ONE ||
            command->level == LEVEL_LOCAL_QUORUM || command->level == LEVEL_EACH_QUORUM);
}

uint8_t oracle_write_certain(const struct oracle *oracle, const struct command *command)
{
    uint8_t named = 0;
    if (!oracle_is_sloppy(command))
        return oracle_write_owners(oracle, command);
    if (names_owners(command, command->w))
        named = level_owners(oracle, command->level, command->region);
    return larger(named, command->pw);
}

/* Scans, and reads of what writes as well, ask owners alone. */
static bool reads_sloppily(const struct command *command)
{
    return oracle_is_sloppy(command) && command->writes[0] == NULL &&
           command->kind != COMMAND_SCAN && command->kind != COMMAND_KEYS;
}

uint8_t oracle_read_owners(const struct oracle *oracle, const struct command *command)
{
    uint8_t owners =
        command->r > 0 ? command->r : level_owners(oracle, command->level, command->region);
    if (reads_sloppily(command) && !names_owners(command, command->r))
        owners = 0;
    return larger(owners, command->pr);
}

bool oracle_write_met(const struct oracle *oracle, const struct command *command,
                      const uint8_t *by_region, uint8_t hints)
{
    const struct ring *ring = oracle->world->ring;
    uint32_t total = 0;
    bool each = true;
    bool local = false;
    for (uint8_t i = 0; i < ring->region_count; i++) {
        uint8_t replicas = ring->regions[i].replicas;
        bool met = replicas > 0 && by_region[i] >= majority(replicas);
        total += by_region[i];
        each = each && (replicas == 0 || met);
        local = local || (met && i == command->region);
    }
    if (total < oracle_write_certain(oracle, command) ||
        total + hints < oracle_write_owners(oracle, command))
        return false;
    if (command->w == 0 && command->level == LEVEL_EACH_QUORUM)
        return each;
    return command->w > 0 || command->level != LEVEL_LOCAL_QUORUM || local;
}

/* ---- disks ---- */

bool oracle_load(struct oracle *oracle, const struct ordered_map *map, const struct oracle_key *key,
                 struct cell *out)
{
    struct buffer name = {0};
    struct slice record, bytes;
    *out = (struct cell){0};
    record_cell_name(key->position, key->keyspace, oracle_key_name(key), &name);
    bool found = ordered_map_get(map, buffer_slice(&name), &record);
    buffer_deinit(&name);
    if (!found)
        return false;
    struct reader reader = reader_make(slice_make(NULL, 0));
    if (record_cell_open(record, &bytes) == STATUS_OK) {
        reader = reader_make(bytes);
        cell_decode(&reader, out);
        if (reader_end(&reader) == STATUS_OK)
            return true;
    }
    world_fail(oracle->world, VERDICT_WRONG, "I10", "the cell of %s does not decode", key->name);
    return false;
}

bool oracle_holds(struct oracle *oracle, const struct ordered_map *map,
                  const struct version *version)
{
    struct cell cell;
    bool holds = oracle_load(oracle, map, &oracle->keys[version->key], &cell) &&
                 version_vector_covers(&cell.context, &version->dot);
    cell_deinit(&cell);
    if (!holds && version->collected) {
        struct clock clock;
        disk_clock(map, oracle->keys[version->key].partition, &clock);
        holds = clock_has(&clock, &version->dot);
        clock_deinit(&clock);
    }
    return holds;
}

/* Whether a disk has the version, as an owner's copy or as a hint. */
static bool has_copy(struct oracle *oracle, const struct machine *machine,
                     const struct version *version)
{
    const struct oracle_key *key = &oracle->keys[version->key];
    if (placements_holds(oracle->world, machine, key->partition))
        return oracle_holds(oracle, &machine->image.synced, version);
    return oracle_is_hinted(oracle, &machine->image.synced, version);
}

bool oracle_is_elsewhere(struct oracle *oracle, const struct machine *machine,
                         const struct version *version)
{
    const struct world *world = oracle->world;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        if (&world->machines[i] != machine && has_copy(oracle, &world->machines[i], version))
            return true;
    return false;
}

/*
 * Count which versions lose a copy with this disk. One that was promised on
 * more disks than have been destroyed must still be on another.
 */
void oracle_disk_lost(struct oracle *oracle, const struct machine *machine)
{
    struct world *world = oracle->world;
    struct registered *registered, *next;
    oracle_tags_lost(oracle, machine);
    HASH_ITER(hh, oracle->versions, registered, next)
    {
        struct version *version = &registered->version;
        const struct oracle_key *key = &oracle->keys[version->key];
        if (!has_copy(oracle, machine, version))
            continue;
        version->destroyed++;
        marks_hit(world->marks, ring_owns(world->ring, machine->id, key->partition)
                                    ? MARK_COPY_DESTROYED
                                    : MARK_HINT_DESTROYED);
        if (oracle_is_elsewhere(oracle, machine, version))
            continue;
        if (version->acked && version->destroyed < version->copies)
            world_fail(world, VERDICT_WRONG, "I2",
                       "%s: write <%u> was promised on %u disks, %u were lost, none is left",
                       key->name, version->write, version->copies, version->destroyed);
        version->excused = true;
        marks_hit(world->marks, MARK_ACKED_AT_ONE_LOST);
    }
}
