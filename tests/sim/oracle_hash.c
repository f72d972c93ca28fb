#include "sim/oracle_hash.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "sim/oracle_ends.h"

static struct oracle_key *add_key(struct oracle *oracle, keyspace_id keyspace, uint32_t hash)
{
    struct oracle_key *key = &oracle->keys[oracle->key_count++];
    *key = (struct oracle_key){.keyspace = keyspace, .hash = hash + 1};
    return key;
}

static void place_key(struct oracle *oracle, struct oracle_key *key)
{
    const struct ring *ring = oracle->world->ring;
    key->position = ring_position(oracle_key_name(key), key->keyspace, ring->seed);
    key->partition = ring_partition_of_position(key->position, ring->partition_count);
}

static uint8_t type_of_field(uint32_t hash, uint32_t field)
{
    static const uint8_t of_all[HASH_FIELDS] = {COLLECTION_HASH, COLLECTION_HASH, COLLECTION_SET,
                                                COLLECTION_ZSET, COLLECTION_ZSET};
    return hash == HASH_COUNT - 3   ? COLLECTION_SET
           : hash == HASH_COUNT - 2 ? COLLECTION_ZSET
           : hash == HASH_COUNT - 1 ? of_all[field]
                                    : COLLECTION_HASH;
}

uint8_t oracle_hash_draw_type(uint32_t hash, struct random *random)
{
    return type_of_field(hash, random == NULL ? 0 : (uint32_t)random_below(random, HASH_FIELDS));
}

void oracle_hash_add_keys(struct oracle *oracle)
{
    for (uint32_t h = 0; h < HASH_COUNT; h++) {
        struct oracle_key *head = add_key(oracle, 0, h);
        snprintf(head->name, sizeof head->name, "hash:%u", h);
        place_key(oracle, head);
        for (uint32_t f = 0; f < HASH_FIELDS; f++) {
            struct oracle_key *key = add_key(oracle, KEYSPACE_ELEMENTS, h);
            struct buffer name = {0};
            snprintf(key->name, sizeof key->name, "hash:%u.f%u", h, f);
            key->is_field = true;
            key->type = type_of_field(h, f);
            element_key_encode(slice_text(head->name), key->type,
                               slice_text(oracle_hash_field_name(key)), oracle->world->ring->seed,
                               &name);
            memcpy(key->stored, name.data, name.length);
            key->stored_length = (uint8_t)name.length;
            buffer_deinit(&name);
            place_key(oracle, key);
        }
    }
}

uint32_t oracle_hash_key(const struct oracle *oracle, uint32_t hash)
{
    return oracle->key_count - HASH_KEY_COUNT + hash * (1 + HASH_FIELDS);
}

uint32_t oracle_hash_field(const struct oracle *oracle, uint32_t hash, uint32_t field)
{
    return oracle_hash_key(oracle, hash) + 1 + field;
}

const char *oracle_hash_field_name(const struct oracle_key *key)
{
    return strchr(key->name, '.') + 1;
}

static const struct oracle_key *head_of(const struct oracle *oracle, const struct oracle_key *key)
{
    return &oracle->keys[oracle_hash_key(oracle, key->hash - 1)];
}

static void fail(struct oracle *oracle, const struct machine *machine, const struct oracle_key *key,
                 const char *kind, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, kind, "n%u %s: %s", machine->id, key->name, what);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool has_observed(const struct version *later, const struct version *earlier)
{
    return later != earlier && version_vector_covers(&later->observed, &earlier->dot) &&
           !clock_has(&later->beside, &earlier->dot);
}

static bool is_cut_by(const struct version *cut, const struct version *version)
{
    return cut->kind == SIBLING_CUT && clock_has(&cut->cut, &version->dot);
}

/* Whether some event has observed the version. */
static bool is_observed(const struct oracle *oracle, const struct oracle_key *key,
                        const struct version *version)
{
    const struct oracle_key *head = head_of(oracle, key);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (has_observed(key->versions[i], version))
            return true;
    for (uint32_t i = 0; key->is_field && i < head->version_count; i++)
        if (is_cut_by(head->versions[i], version))
            return true;
    return key->is_field && oracle_ends_may(oracle, head, version);
}

/*
 * A tombstone that no client can have asked for takes what deletes and ends have killed, and
 * nothing that was to live on.
 */
static void check_buried(struct oracle *oracle, const struct oracle_key *key,
                         const struct version *tombstone)
{
    const struct oracle_key *head = head_of(oracle, key);
    uint32_t index = (uint32_t)(key - oracle->keys);
    for (uint32_t i = 1; i <= oracle_write_count(oracle); i++) {
        const struct write *write = oracle_find_write(oracle, i);
        if (write != NULL && write->key == index && write->kind == COMMAND_HASH_DEL &&
            write->outcome != OUTCOME_FAILED && write->outcome != OUTCOME_NOTHING)
            return;
    }
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        bool dead = version->kind != SIBLING_STRING || !has_observed(tombstone, version);
        for (uint32_t c = 0; c < head->version_count && !dead; c++)
            dead = is_cut_by(head->versions[c], version);
        for (uint32_t j = 0; j < key->version_count && !dead; j++)
            dead = key->versions[j] != tombstone && has_observed(key->versions[j], version);
        if (!dead && oracle_ends_was_extended(oracle, head, version))
            world_fail(oracle->world, VERDICT_WRONG, "expiry",
                       "%s: write <%u> is removed, and nothing has ended it", key->name,
                       version->write);
    }
}

/* Whether it is of another type, and has a value that nobody has observed. */
static bool has_unobserved(const struct oracle *oracle, const struct oracle_key *key, uint8_t type)
{
    for (uint32_t i = 0; key->type != type && i < key->version_count; i++)
        if (key->versions[i]->kind == SIBLING_STRING && !is_observed(oracle, key, key->versions[i]))
            return true;
    return false;
}

void oracle_hash_made(struct oracle *oracle, const struct oracle_key *key, struct version *version,
                      const struct cell *cell, const struct sibling *sibling)
{
    version_vector_copy(&cell->context, &version->observed);
    /* A tombstone of a sweep takes what is dead alone. */
    for (uint32_t i = 0; key->is_field && i < cell->count; i++)
        if (dot_compare(&cell->siblings[i].dot, &version->dot) != 0)
            clock_add(&version->beside, &cell->siblings[i].dot);
    for (uint32_t f = 0; key->is_field && sibling->kind == SIBLING_STRING && f < HASH_FIELDS; f++)
        if (has_unobserved(oracle, &oracle->keys[oracle_hash_field(oracle, key->hash - 1, f)],
                           key->type))
            marks_hit(oracle->world->marks, MARK_TYPES_AT_ONCE);
    if (sibling->kind == SIBLING_DEADLINE)
        oracle_ends_made(oracle, version, cell, sibling);
    if (sibling->kind == SIBLING_TOMBSTONE && key->is_field)
        check_buried(oracle, key, version);
    if (sibling->kind != SIBLING_CUT)
        return;
    struct reader reader = reader_make(sibling->value);
    clock_decode(&reader, &version->cut);
    marks_hit(oracle->world->marks, MARK_HASH_CUT);
    for (uint32_t f = 0; f < HASH_FIELDS; f++) {
        const struct oracle_key *field = &oracle->keys[oracle_hash_field(oracle, key->hash - 1, f)];
        for (uint32_t i = 0; i < field->version_count; i++)
            if (field->versions[i]->kind == SIBLING_STRING &&
                !clock_has(&version->cut, &field->versions[i]->dot))
                marks_hit(oracle->world->marks, MARK_HASH_CUT_LEAVES);
    }
}

/* Whether an event that this cell covers, or a cut, has observed it. */
static bool may_leave(const struct oracle *oracle, const struct oracle_key *key,
                      const struct version *version, const struct cell *after)
{
    const struct oracle_key *head = head_of(oracle, key);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (version_vector_covers(&after->context, &key->versions[i]->dot) &&
            has_observed(key->versions[i], version))
            return true;
    for (uint32_t i = 0; key->is_field && i < head->version_count; i++)
        if (is_cut_by(head->versions[i], version))
            return true;
    return false;
}

void oracle_hash_stored(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after)
{
    for (uint32_t i = 0; i < before->count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &before->siblings[i].dot);
        if (version != NULL && cell_find(after, &version->dot) == NULL &&
            !may_leave(oracle, key, version, after))
            fail(oracle, machine, key, "I3", "a version left its cell that nobody had observed");
    }
    for (uint32_t i = 0; i < after->count; i++)
        if ((after->siblings[i].kind == SIBLING_CUT ||
             after->siblings[i].kind == SIBLING_DEADLINE) == key->is_field)
            fail(oracle, machine, key, "I3", "a version of a kind that does not belong there");
}

void oracle_hash_purged(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *before,
                        const struct cell *after, const struct ordered_map *map)
{
    for (uint32_t i = 0; !key->is_field && i < before->count; i++) {
        const struct version *cut = oracle_find_version(oracle, key, &before->siblings[i].dot);
        bool stays = cut == NULL || cell_find(after, &cut->dot) != NULL;
        for (uint32_t f = 0; !stays && f < HASH_FIELDS; f++) {
            const struct oracle_key *field =
                &oracle->keys[oracle_hash_field(oracle, key->hash - 1, f)];
            struct cell cell;
            oracle_load(oracle, map, field, &cell);
            for (uint32_t s = 0; s < cell.count; s++)
                if (cell.siblings[s].kind == SIBLING_STRING &&
                    (clock_has(&cut->cut, &cell.siblings[s].dot) ||
                     hybrid_time_ms(cell.siblings[s].time) < cut->floor_ms))
                    fail(oracle, machine, key, "purge", "a cut went before what it had removed");
            cell_deinit(&cell);
        }
        if (cut != NULL && cell_find(after, &cut->dot) == NULL)
            marks_hit(oracle->world->marks,
                      cut->kind == SIBLING_CUT ? MARK_HASH_CUT_COLLECTED : MARK_HASH_END_COLLECTED);
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Whether a read that began then must know of it. */
static bool must_be_known(const struct oracle *oracle, const struct command *command,
                          const struct version *version)
{
    return version->acked && version->acked_us < command->first_us &&
           oracle_meets(oracle, version, oracle_read_owners(oracle, command));
}

static const struct version *find_value(const struct oracle_key *key, struct slice value)
{
    uint64_t digest = hash64(value, 0);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->kind == SIBLING_STRING && key->versions[i]->value_digest == digest)
            return key->versions[i];
    return NULL;
}

/* The newest value of the field that no cut on this disk has; NULL: there is none. */
static const struct version *on_disk(struct oracle *oracle, const struct oracle_key *key,
                                     const struct ordered_map *map)
{
    const struct oracle_key *head = head_of(oracle, key);
    const struct version *newest = NULL;
    struct cell cell, cuts;
    uint64_t floor_ms = oracle_ends_floor_ms(oracle, head, map);
    oracle_load(oracle, map, key, &cell);
    oracle_load(oracle, map, head, &cuts);
    for (uint32_t i = 0; i < cell.count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &cell.siblings[i].dot);
        bool dead = version == NULL || version->kind != SIBLING_STRING ||
                    hybrid_time_ms(version->time) < floor_ms;
        for (uint32_t c = 0; c < cuts.count && !dead; c++) {
            const struct version *cut = oracle_find_version(oracle, head, &cuts.siblings[c].dot);
            dead = cut != NULL && is_cut_by(cut, version);
        }
        if (!dead && oracle_is_above(version, newest))
            newest = version;
    }
    cell_deinit(&cell);
    cell_deinit(&cuts);
    return newest;
}

static const struct ordered_map *first_disk(const struct oracle *oracle,
                                            const struct oracle_key *key)
{
    const struct world *world = oracle->world;
    return &world->machines[ring_owners(world->ring, key->partition)[0] - 1].image.synced;
}

/* Whether nothing that the command must know of has removed the version. */
static bool may_live(const struct oracle *oracle, const struct command *command,
                     const struct oracle_key *key, const struct version *version)
{
    const struct oracle_key *head = head_of(oracle, key);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (has_observed(key->versions[i], version) &&
            must_be_known(oracle, command, key->versions[i]))
            return false;
    for (uint32_t i = 0; i < head->version_count; i++)
        if (is_cut_by(head->versions[i], version) &&
            must_be_known(oracle, command, head->versions[i]))
            return false;
    return version->kind == SIBLING_STRING && !oracle_ends_must(oracle, command, head, version);
}

/* Elements of the command's key of that type: whether one may live; `must`: and certainly does. */
static bool has_live(const struct oracle *oracle, const struct command *command, uint8_t type,
                     bool must)
{
    uint32_t hash = oracle->keys[command->keys[0]].hash - 1;
    for (uint32_t f = 0; f < HASH_FIELDS; f++) {
        const struct oracle_key *key = &oracle->keys[oracle_hash_field(oracle, hash, f)];
        for (uint32_t i = 0; key->type == type && i < key->version_count; i++) {
            const struct version *version = key->versions[i];
            if (must ? version->kind == SIBLING_STRING && !is_observed(oracle, key, version) &&
                           must_be_known(oracle, command, version)
                     : may_live(oracle, command, key, version))
                return true;
        }
    }
    return false;
}

/* The answer must be what the disks have; not while clocks may differ about an end. */
static bool is_last(const struct oracle *oracle, const struct command *command)
{
    const struct oracle_key *key = &oracle->keys[command->keys[0]];
    return command->last && !oracle_ends_are_near(oracle, head_of(oracle, key));
}

static uint8_t type_on_disk(struct oracle *oracle, const struct oracle_key *key)
{
    uint8_t type = COLLECTION_NONE;
    for (uint32_t f = 0; f < HASH_FIELDS; f++) {
        const struct oracle_key *field = &oracle->keys[oracle_hash_field(oracle, key->hash - 1, f)];
        if ((type == COLLECTION_NONE || field->type < type) &&
            on_disk(oracle, field, first_disk(oracle, field)) != NULL)
            type = field->type;
    }
    return type;
}

static const uint8_t TYPES[] = {COLLECTION_HASH, COLLECTION_SET, COLLECTION_ZSET};
enum { TYPE_COUNT = sizeof TYPES / sizeof TYPES[0] };

/* Each type hides those behind it. */
void oracle_hash_taken(struct oracle *oracle, const struct machine *machine,
                       const struct command *command)
{
    uint32_t index = command->keys[0];
    uint8_t shown =
        is_last(oracle, command) ? type_on_disk(oracle, &oracle->keys[index]) : COLLECTION_NONE;
    for (unsigned i = 0; i < TYPE_COUNT && TYPES[i] < command->collection; i++)
        if (has_live(oracle, command, TYPES[i], true))
            oracle_fail_answer(oracle, machine, command, index, "type",
                               "a type was not refused that another hides");
    if (shown != COLLECTION_NONE && shown != command->collection)
        oracle_fail_answer(oracle, machine, command, index, "end",
                           "a type was not refused that is not the one on the disks");
}

void oracle_hash_refused(struct oracle *oracle, const struct machine *machine,
                         const struct command *command)
{
    uint32_t index = command->keys[0];
    uint8_t own = command->collection, shown = COLLECTION_NONE;
    bool hidden = false;
    marks_hit(oracle->world->marks, MARK_WRONG_TYPE);
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        if (TYPES[i] < own || (TYPES[i] > own && !has_live(oracle, command, own, true)))
            hidden = hidden || has_live(oracle, command, TYPES[i], false);
    if (!hidden)
        oracle_fail_answer(oracle, machine, command, index, "type",
                           "a type was refused that is the one of the key");
    if (is_last(oracle, command))
        shown = type_on_disk(oracle, &oracle->keys[index]);
    if (is_last(oracle, command) && (shown == own || shown == COLLECTION_NONE))
        oracle_fail_answer(oracle, machine, command, index, "end",
                           "a type was refused that no other hides on the disks");
}

/* It has no value that would tell which addition is shown. */
static void check_member(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, uint32_t index, bool has)
{
    const struct oracle_key *key = &oracle->keys[index];
    bool may = false;
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        may = may || may_live(oracle, command, key, version);
        if (!has && version->kind == SIBLING_STRING && !is_observed(oracle, key, version) &&
            must_be_known(oracle, command, version))
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "an acknowledged member was not seen");
    }
    if (has && !may)
        oracle_fail_answer(oracle, machine, command, index, "read",
                           "a member is shown that an acknowledged change had removed");
    if (is_last(oracle, command) && has != (on_disk(oracle, key, first_disk(oracle, key)) != NULL))
        oracle_fail_answer(oracle, machine, command, index, "end",
                           "a member is shown, or not, other than on the disks");
}

void oracle_hash_has_member(struct oracle *oracle, const struct machine *machine,
                            const struct command *command, bool has)
{
    oracle_hash_taken(oracle, machine, command);
    check_member(oracle, machine, command, command->keys[0], has);
}

/* The field shows `shown`, or nothing. */
static void check_field(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, uint32_t index, const struct version *shown)
{
    const struct oracle_key *key = &oracle->keys[index];
    const struct oracle_key *head = head_of(oracle, key);
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version == shown || !must_be_known(oracle, command, version))
            continue;
        if (shown != NULL && has_observed(version, shown))
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "a field shows what an acknowledged change had replaced");
        if (version->kind == SIBLING_STRING && !is_observed(oracle, key, version) &&
            !oracle_is_above(shown == NULL ? NULL : shown, version))
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "an acknowledged value of a field was not seen");
    }
    for (uint32_t i = 0; shown != NULL && i < head->version_count; i++)
        if (must_be_known(oracle, command, head->versions[i]) &&
            is_cut_by(head->versions[i], shown))
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "a field shows what an acknowledged delete had removed");
    if (shown != NULL && oracle_ends_must(oracle, command, head, shown))
        oracle_fail_answer(oracle, machine, command, index, "read",
                           "a field shows what its end has reached");
    if (is_last(oracle, command) && shown != on_disk(oracle, key, first_disk(oracle, key)))
        oracle_fail_answer(oracle, machine, command, index, "end",
                           "the last value of a field is not the one on the disks");
}

static const struct version *value_of(struct oracle *oracle, const struct machine *machine,
                                      const struct command *command, uint32_t index,
                                      struct slice value)
{
    const struct version *shown = find_value(&oracle->keys[index], value);
    if (shown == NULL)
        oracle_fail_answer(oracle, machine, command, index, "read",
                           "a value of a field that nobody wrote");
    return shown;
}

/* ---- ranges of scores ---- */

static bool is_asked_for(const struct command *command, const struct version *version)
{
    return command->high == 0 ||
           (version->write >= command->low && version->write <= command->high);
}

/* Not in the answer: so what it shows, which may be anything newer, is of another score. */
static void check_outside(struct oracle *oracle, const struct machine *machine,
                          const struct command *command, uint32_t index)
{
    const struct oracle_key *key = &oracle->keys[index];
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        bool newest = version->kind == SIBLING_STRING && is_asked_for(command, version) &&
                      must_be_known(oracle, command, version) && !is_observed(oracle, key, version);
        for (uint32_t j = 0; j < key->version_count && newest; j++)
            newest = key->versions[j]->kind != SIBLING_STRING ||
                     !oracle_is_above(key->versions[j], version);
        if (newest)
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "an acknowledged score was not in its range");
    }
}

static void check_order(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, const struct resp_value *reply)
{
    const struct version *before = NULL;
    uint32_t hash = oracle->keys[command->keys[0]].hash - 1;
    for (size_t i = 0; i + 2 <= reply->element_count; i += 2) {
        for (uint32_t f = 0; f < HASH_FIELDS; f++) {
            uint32_t index = oracle_hash_field(oracle, hash, f);
            const struct version *shown;
            if (!slice_equal(reply->elements[i].text,
                             slice_text(oracle_hash_field_name(&oracle->keys[index]))))
                continue;
            shown = find_value(&oracle->keys[index], reply->elements[i + 1].text);
            if (shown == NULL || !is_asked_for(command, shown) ||
                (before != NULL && before->write >= shown->write))
                oracle_fail_answer(oracle, machine, command, index, "read",
                                   "a range of scores is out of order, or too wide");
            before = shown;
        }
    }
    marks_hit(oracle->world->marks, command->high == 0 ? MARK_SORTED_WALK : MARK_SORTED_RANGE);
}

static void check_all(struct oracle *oracle, const struct machine *machine,
                      const struct command *command, const struct resp_value *reply)
{
    uint32_t hash = oracle->keys[command->keys[0]].hash - 1;
    uint32_t met = 0;
    bool is_set = command->collection == COLLECTION_SET;
    size_t step = is_set ? 1 : 2;
    if (command->collection == COLLECTION_ZSET)
        check_order(oracle, machine, command, reply);
    else
        marks_hit(oracle->world->marks, is_set ? MARK_SET_WALK : MARK_HASH_WALK);
    for (uint32_t f = 0; f < HASH_FIELDS; f++) {
        uint32_t index = oracle_hash_field(oracle, hash, f);
        const struct version *shown = NULL;
        uint32_t before = met;
        if (oracle->keys[index].type != command->collection)
            continue;
        for (size_t i = 0; i + step <= reply->element_count; i += step) {
            if (!slice_equal(reply->elements[i].text,
                             slice_text(oracle_hash_field_name(&oracle->keys[index]))))
                continue;
            if (!is_set)
                shown = value_of(oracle, machine, command, index, reply->elements[i + 1].text);
            met++;
        }
        if (is_set)
            check_member(oracle, machine, command, index, met > before);
        else if (met == before && command->high != 0)
            check_outside(oracle, machine, command, index);
        else
            check_field(oracle, machine, command, index, shown);
    }
    if (step * met != reply->element_count)
        oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                           "a hash shows a field that is none, or one twice");
}

void oracle_hash_shown(struct oracle *oracle, const struct machine *machine,
                       const struct command *command, const struct resp_value *reply)
{
    uint32_t index = command->keys[0];
    oracle_hash_taken(oracle, machine, command);
    if (command->kind == COMMAND_HASH_ALL)
        check_all(oracle, machine, command, reply);
    else
        check_field(oracle, machine, command, index,
                    reply->type == RESP_TYPE_BULK
                        ? value_of(oracle, machine, command, index, reply->text)
                        : NULL);
}

void oracle_hash_not_there(struct oracle *oracle, const struct machine *machine,
                           const struct command *command)
{
    for (unsigned i = 0; i < TYPE_COUNT; i++)
        if (has_live(oracle, command, TYPES[i], true))
            oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                               "an end was given to nothing, and an element is there");
}

static void check_removed(struct oracle *oracle, const struct machine *machine,
                          const struct command *command, uint32_t index)
{
    const struct oracle_key *key = &oracle->keys[index];
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->kind == SIBLING_STRING &&
            must_be_known(oracle, command, key->versions[i]) &&
            !is_observed(oracle, key, key->versions[i]))
            oracle_fail_answer(oracle, machine, command, index, "read",
                               "a value acknowledged before has survived its removal");
}

void oracle_hash_removed(struct oracle *oracle, const struct machine *machine,
                         const struct command *command)
{
    uint32_t index = command->keys[0];
    if (oracle->keys[index].is_field) {
        check_removed(oracle, machine, command, index);
        return;
    }
    for (uint32_t f = 0; f < HASH_FIELDS; f++)
        check_removed(oracle, machine, command,
                      oracle_hash_field(oracle, oracle->keys[index].hash - 1, f));
}

/* ---- the end ------------------------------------------------------------------------------- */

void oracle_hash_end(struct oracle *oracle, const struct machine *owner,
                     const struct oracle_key *key, const struct cell *cell)
{
    for (uint32_t i = 0; key->is_field && i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind == SIBLING_STRING && version->acked && !version->excused &&
            cell_find(cell, &version->dot) == NULL && !is_observed(oracle, key, version))
            fail(oracle, owner, key, "end", "an acknowledged value of a field is lost");
    }
    if (!key->is_field && cell->count > 0 && !oracle_ends_is_pending(oracle, key, cell) &&
        !oracle_ends_are_near(oracle, key))
        fail(oracle, owner, key, "end", "a cut, or an end that has come, is still there");
}

bool oracle_hash_is_there(struct oracle *oracle, const struct oracle_key *key)
{
    for (uint32_t f = 0; f < HASH_FIELDS; f++)
        if (on_disk(oracle, &oracle->keys[oracle_hash_field(oracle, key->hash - 1, f)],
                    first_disk(oracle, key)) != NULL)
            return true;
    return false;
}
