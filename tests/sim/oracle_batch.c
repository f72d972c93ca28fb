/*
 * oracle_batch.c - the register of versions, and what a batch may do to a disk.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "sim/dropper.h"
#include "sim/sketchers.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "sim/register_oracle.h"
#include "wire/record.h"
#include "wire/record_expiry.h"
#include "wire/record_order.h"
#include "wire/record_request.h"
#include "wire/record_hint.h"
#include "wire/record_whole.h"

enum { TIME_SLACK_MS = 3000 };

static void fail_key(struct oracle *oracle, const char *kind, const struct machine *machine,
                     const struct oracle_key *key, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, kind, "n%u %s (keyspace %u): %s", machine->id,
               key->name, key->keyspace, what);
}

static struct dot_name name_dot(partition_id partition, const struct dot *dot)
{
    struct dot_name name;
    uint64_t parts[] = {partition,       dot->actor.node,       dot->actor.storage_incarnation,
                        dot->actor.kind, dot->actor.boot_epoch, dot->actor.adopt_epoch,
                        dot->sequence};
    const size_t widths[] = {2, 4, 2, 2, 4, 4, 8};
    uint8_t *next = name.bytes;
    for (unsigned i = 0; i < sizeof widths / sizeof widths[0]; i++)
        for (size_t byte = widths[i]; byte > 0; byte--)
            *next++ = (uint8_t)(parts[i] >> 8 * (byte - 1));
    return name;
}

/* ---- a version that was never seen before ---- */

static void check_time(struct oracle *oracle, const struct machine *machine,
                       const struct oracle_key *key, const struct version *version)
{
    uint64_t time_ms = hybrid_time_ms(version->time);
    if (time_ms < machine_wall_ms(machine))
        fail_key(oracle, "time", machine, key, "a version is older than its maker's clock");
    if (time_ms > oracle->world->wall_max_ms + TIME_SLACK_MS)
        fail_key(oracle, "time", machine, key, "a version is newer than every clock");
}

static void check_maker(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct version *version)
{
    const struct actor *actor = &version->dot.actor;
    if (actor->node != machine->id || actor->storage_incarnation != machine->storage_incarnation ||
        actor->boot_epoch != machine->boot_epoch)
        fail_key(oracle, "I9", machine, key, "a version of an actor that this process is not");
}

/* The whole value is as asked: a set's own value, or an append's piece behind another value. */
static bool fits(const struct write *write, struct slice value)
{
    if (write->kind != COMMAND_APPEND)
        return hash64(value, 0) == write->value_digest;
    size_t at = value.length;
    while (at > 0 && value.data[at - 1] != '<')
        at--;
    return at > 0 &&
           hash64(slice_make(value.data + at - 1, value.length - at + 1), 0) == write->value_digest;
}

static void check_numbers(struct oracle *oracle, const struct machine *machine,
                          const struct oracle_key *key, const uint32_t *numbers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct write *write = oracle_find_write(oracle, numbers[i]);
        if (write == NULL || write->key != oracle_key_index(oracle, key))
            fail_key(oracle, "I3", machine, key, "a value that nobody wrote here");
        else if (i > 0 && write->kind != COMMAND_APPEND)
            fail_key(oracle, "I3", machine, key, "a value inside another one");
        for (uint32_t j = 0; j < i; j++)
            if (numbers[j] == numbers[i])
                fail_key(oracle, "append", machine, key, "something was appended twice");
    }
}

static void check_outcome(struct oracle *oracle, const struct machine *machine,
                          const struct oracle_key *key, struct write *write,
                          const struct version *version)
{
    if (write->outcome == OUTCOME_FAILED)
        fail_key(oracle, "definite", machine, key, "a write was made after a definite error");
    if (write->outcome == OUTCOME_NOTHING)
        fail_key(oracle, "definite", machine, key,
                 "a write was made that answered it wrote nothing");
    if (write->outcome == OUTCOME_UNCERTAIN)
        marks_hit(oracle->world->marks, MARK_MINTED_AFTER_UNCERTAIN);
    if (write->version == NULL)
        write->version = version;
    else if (key->expiry_writes == 0 && !write->has_id)
        fail_key(oracle, "once", machine, key, "one write made two versions");
}

/* A score is the number of its write. */
static bool read_score(struct slice value, uint32_t *numbers, uint32_t *count)
{
    *count = 1;
    numbers[0] = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        numbers[0] = numbers[0] * 10 + (value.data[i] - '0');
    }
    return value.length > 0;
}

static void check_value(struct oracle *oracle, const struct machine *machine,
                        struct oracle_key *key, struct version *version, struct slice value)
{
    uint32_t numbers[TOKENS_MAX];
    uint32_t count;
    struct write *write = key->empty_write;
    if (version->kind == SIBLING_TOMBSTONE) {
        marks_hit(oracle->world->marks, MARK_TOMBSTONE_MINTED);
        return;
    }
    if (key->counter != NULL || key->tally != TALLY_NONE || version->kind == SIBLING_CUT ||
        version->kind == SIBLING_DEADLINE || key->type == COLLECTION_SET)
        return; /* oracle_counter_stored() and oracle_hash_stored() look at all of the cell */
    if (key->type == COLLECTION_ZSET ? !read_score(value, numbers, &count)
                                     : !oracle_read_numbers(value, numbers, &count)) {
        fail_key(oracle, "I3", machine, key, "a value that no client sent");
        return;
    }
    if (count > 0) {
        check_numbers(oracle, machine, key, numbers, count);
        write = oracle_find_write(oracle, numbers[count - 1]);
        version->base_write = count > 1 ? numbers[count - 2] : 0;
    } else {
        marks_hit(oracle->world->marks, MARK_EMPTY_VALUE);
    }
    if (write == NULL || !fits(write, value)) {
        fail_key(oracle, "I3", machine, key, "a value differs from what was asked");
        return;
    }
    version->write = write->number;
    check_outcome(oracle, machine, key, write, version);
}

static void append_version(struct oracle_key *key, struct version *version)
{
    if (key->version_count == key->version_capacity) {
        key->version_capacity = key->version_capacity * 2 + 8;
        key->versions =
            memory_resize(key->versions, key->version_capacity, sizeof(struct version *));
    }
    key->versions[key->version_count++] = version;
}

static void first_seen(struct oracle *oracle, const struct machine *machine, struct oracle_key *key,
                       const struct sibling *sibling, const struct dot_name *name)
{
    struct registered *new = memory_new(1, sizeof *new);
    struct version *version = &new->version;
    new->name = *name;
    *version = (struct version){.dot = sibling->dot,
                                .key = oracle_key_index(oracle, key),
                                .time = sibling->time,
                                .expire_at_ms = sibling->expire_at_ms,
                                .kind = sibling->kind,
                                .value_digest = hash64(sibling->value, 0),
                                .made_us = oracle->world->now_us};
    HASH_ADD(hh, oracle->versions, name, sizeof new->name, new);
    append_version(key, version);
    marks_hit(oracle->world->marks, MARK_VERSION_MINTED);
    check_maker(oracle, machine, key, version);
    check_time(oracle, machine, key, version);
    if (version_vector_covers(&key->given, &version->dot))
        fail_key(oracle, "context", machine, key, "a context covered what was not made yet");
    check_value(oracle, machine, key, version, sibling->value);
    world_note(
        oracle->world,
        "n%u makes %s dot=%u.%u.%u:%" PRIu64 " time=%" PRIu64 " %s write=<%u> expires=%" PRIu64,
        machine->id, key->name, version->dot.actor.node, version->dot.actor.storage_incarnation,
        version->dot.actor.boot_epoch, version->dot.sequence, version->time,
        version->kind == SIBLING_TOMBSTONE  ? "tombstone"
        : version->kind == SIBLING_COUNTER  ? "counter"
        : version->kind == SIBLING_CUT      ? "cut"
        : version->kind == SIBLING_DEADLINE ? "deadline"
                                            : "value",
        version->write, version->expire_at_ms);
}

/* I1. */
static void register_sibling(struct oracle *oracle, const struct machine *machine,
                             struct oracle_key *key, const struct sibling *sibling)
{
    struct dot_name name = name_dot(key->partition, &sibling->dot);
    struct registered *known = NULL;
    HASH_FIND(hh, oracle->versions, &name, sizeof name, known);
    if (known == NULL) {
        first_seen(oracle, machine, key, sibling, &name);
        return;
    }
    const struct version *version = &known->version;
    bool dropped = version->kind == SIBLING_STRING && sibling->kind == SIBLING_TOMBSTONE &&
                   version->expire_at_ms != 0; /* oracle_expired() judges it */
    if (version->key != oracle_key_index(oracle, key) || version->time != sibling->time ||
        version->expire_at_ms != sibling->expire_at_ms ||
        (!dropped &&
         (version->kind != sibling->kind || version->value_digest != hash64(sibling->value, 0))))
        fail_key(oracle, "I1", machine, key, "one dot names two versions");
}

/* ---- a cell that replaces another ---- */

/* I3. */
static void check_replaced(struct oracle *oracle, const struct machine *machine,
                           const struct oracle_key *key, const struct cell *before,
                           const struct cell *after)
{
    for (uint32_t i = 0; i < before->count && !oracle_keeps_siblings(key); i++) {
        const struct sibling *old = &before->siblings[i];
        bool covered = cell_find(after, &old->dot) != NULL;
        for (uint32_t j = 0; j < after->count; j++)
            covered = covered || oracle_sibling_is_above(&after->siblings[j], old);
        if (!covered)
            fail_key(oracle, "I3", machine, key, "a live version vanished");
    }
    if (after->count > 1 && !oracle_keeps_siblings(key))
        fail_key(oracle, "I3", machine, key, "last-writer-wins kept two versions");
    if (after->count > 1)
        marks_hit(oracle->world->marks, MARK_SIBLINGS_KEPT);
}

/* Whether the newest version was made without knowledge of one of those shortly before it. */
static void mark_concurrent(struct oracle *oracle, const struct oracle_key *key,
                            const struct cell *cell)
{
    enum { LOOK_BACK = 8 };
    for (uint32_t i = 2; i < LOOK_BACK && i <= key->version_count; i++) {
        if (version_vector_covers(&cell->context, &key->versions[key->version_count - i]->dot))
            continue;
        marks_hit(oracle->world->marks, MARK_CONCURRENT_VERSIONS);
        return;
    }
}

/*
 * A request with an id may be made at two owners that know nothing of each other, and then
 * one of the two wins; never on top of what it has done already. In one batch the other's may
 * follow what was made here, so what counts is what was there before.
 */
static void check_once(struct oracle *oracle, const struct machine *machine,
                       const struct oracle_key *key, const struct cell *old,
                       const struct cell *cell)
{
    const struct version *newest =
        key->version_count > 0 ? key->versions[key->version_count - 1] : NULL;
    if (newest == NULL || newest->write == 0 || key->expiry_writes > 0 ||
        newest->made_us != oracle->world->now_us || cell_find(cell, &newest->dot) == NULL)
        return;
    for (uint32_t i = 0; i + 1 < key->version_count; i++) {
        const struct version *earlier = key->versions[i];
        bool made_here =
            earlier->made_us == oracle->world->now_us && earlier->dot.actor.node == machine->id;
        if (earlier->write == newest->write &&
            (made_here || version_vector_covers(&old->context, &earlier->dot)))
            fail_key(oracle, "once", machine, key, "a request acted again on what it had done");
    }
}

/* No event can have done that: each would have raised the context. */
static bool became_smaller(const struct cell *before, const struct cell *after)
{
    return !version_vector_descends(&after->context, &before->context) ||
           (version_vector_equal(&after->context, &before->context) &&
            after->count < before->count);
}

static void check_cell(struct oracle *oracle, const struct machine *machine,
                       const struct cell_name *name, struct slice record,
                       const struct ordered_map *before)
{
    struct cell cell = {0}, old = {0};
    struct buffer again = {0};
    struct slice bytes = {0};
    struct reader reader;
    struct oracle_key *key = oracle_find_key(oracle, name->keyspace, name->key);
    uint32_t versions = key == NULL ? 0 : key->version_count;
    if (key == NULL || key->position != name->position) {
        world_fail(oracle->world, VERDICT_WRONG, "I10", "n%u writes a key nobody asked for",
                   machine->id);
        return;
    }
    bool opened = record_cell_open(record, &bytes) == STATUS_OK;
    reader = reader_make(bytes);
    cell_decode(&reader, &cell);
    bool decoded = opened && reader_end(&reader) == STATUS_OK;
    if (decoded)
        record_cell_encode(&cell, &again);
    if (!decoded || !slice_equal(buffer_slice(&again), record))
        fail_key(oracle, "I10", machine, key, "a cell does not decode to itself");
    for (uint32_t i = 0; i < cell.count; i++) {
        if (!version_vector_covers(&cell.context, &cell.siblings[i].dot))
            fail_key(oracle, "I3", machine, key, "a cell does not cover its own version");
        uint32_t known = key->version_count;
        register_sibling(oracle, machine, key, &cell.siblings[i]);
        if (key->version_count > known)
            mark_concurrent(oracle, key, &cell);
        if (key->version_count > known && key->hash != 0)
            oracle_hash_made(oracle, key, key->versions[known], &cell, &cell.siblings[i]);
    }
    if (oracle->world->verdict != VERDICT_OK) /* a dot may name a version that is not this one */
        goto done;
    oracle_load(oracle, before, key, &old);
    check_once(oracle, machine, key, &old, &cell);
    oracle_stored_live(oracle, machine, key, &old, &cell, before);
    oracle_expired(oracle, machine, key, &old, &cell, before);
    if (key->version_count > versions)
        oracle_mark_extended(oracle, &old, &cell);
    if (became_smaller(&old, &cell)) {
        oracle_purged(oracle, machine, key, &old, &cell);
        if (key->hash != 0)
            oracle_hash_purged(oracle, machine, key, &old, &cell, before);
    } else if (key->hash != 0) {
        oracle_hash_stored(oracle, machine, key, &old, &cell);
    } else if (key->counter != NULL) {
        oracle_counter_stored(oracle, machine, key, &old, &cell);
    } else if (key->tally == TALLY_NONE) {
        check_replaced(oracle, machine, key, &old, &cell);
        if (oracle_keeps_siblings(key))
            oracle_siblings_stored(oracle, machine, key, &old, &cell);
    }
done:
    cell_deinit(&old);
    cell_deinit(&cell);
    buffer_deinit(&again);
}

static void check_removed(struct oracle *oracle, const struct machine *machine, struct slice name,
                          const struct ordered_map *before)
{
    struct cell_name decoded;
    struct cell old = {0};
    struct oracle_key *key = NULL;
    bool sound = record_cell_name_decode(name, &decoded) == STATUS_OK;
    if (sound &&
        placements_is_dropping(before, ring_partition_of_position(
                                           decoded.position, oracle->world->ring->partition_count)))
        return; /* what it was worth was judged when it was given up */
    if (sound && dropper_owns(decoded.keyspace)) {
        dropper_cell_removed(oracle->world, machine, &decoded, before);
        return;
    }
    if (sound)
        key = oracle_find_key(oracle, decoded.keyspace, decoded.key);
    if (key == NULL || !oracle_load(oracle, before, key, &old))
        world_fail(oracle->world, VERDICT_WRONG, "purge", "n%u removes a cell that is not there",
                   machine->id);
    else
        oracle_purged(oracle, machine, key, &old, &(struct cell){0});
    if (key != NULL && key->hash != 0)
        oracle_hash_purged(oracle, machine, key, &old, &(struct cell){0}, before);
    cell_deinit(&old);
}

/* ---- other records ---- */

static bool garbage_record_is_canonical(struct slice bytes)
{
    struct garbage_record record = {0};
    struct buffer again = {0};
    bool ok = garbage_record_decode(bytes, &record) == STATUS_OK;
    if (ok) {
        garbage_record_encode(&record, &again);
        ok = slice_equal(buffer_slice(&again), bytes);
    }
    version_vector_deinit(&record.context);
    buffer_deinit(&again);
    return ok;
}

static bool log_record_is_canonical(struct slice bytes)
{
    struct log_record record = {0};
    struct buffer again = {0};
    bool ok = log_record_decode(bytes, &record) == STATUS_OK;
    if (ok) {
        log_record_encode(&record, &again);
        ok = slice_equal(buffer_slice(&again), bytes);
    }
    clock_deinit(&record.dots);
    buffer_deinit(&again);
    return ok;
}

static bool request_is_canonical(struct slice bytes)
{
    struct request_record record = {0};
    struct buffer again = {0};
    bool ok = request_record_decode(bytes, &record) == STATUS_OK;
    if (ok) {
        request_record_encode(&record, &again);
        ok = slice_equal(buffer_slice(&again), bytes);
    }
    buffer_deinit(&again);
    return ok;
}

static bool checkpoint_is_canonical(struct slice bytes)
{
    struct checkpoint_record record = {0};
    struct buffer again = {0};
    bool ok = checkpoint_record_decode(bytes, &record) == STATUS_OK;
    if (ok) {
        checkpoint_record_encode(&record, &again);
        ok = slice_equal(buffer_slice(&again), bytes);
    }
    clock_deinit(&record.trimmed);
    clock_deinit(&record.clock);
    buffer_deinit(&again);
    return ok;
}

static bool whole_record_is_canonical(struct slice bytes)
{
    struct whole_record record = {0};
    struct buffer again = {0};
    bool ok = whole_record_decode(bytes, &record) == STATUS_OK;
    if (ok) {
        whole_record_encode(&record, &again);
        ok = slice_equal(buffer_slice(&again), bytes);
    }
    whole_record_deinit(&record);
    buffer_deinit(&again);
    return ok;
}

static void check_record(struct oracle *oracle, const struct machine *machine, struct slice key,
                         struct slice value, const struct ordered_map *before)
{
    struct cell_name name;
    partition_id partition;
    uint64_t position;
    bool ok = key.length > 0;
    if (ok && key.data[0] == RECORD_CELL) {
        ok = record_cell_name_decode(key, &name) == STATUS_OK;
        if (ok && dropper_owns(name.keyspace))
            dropper_cell_stored(oracle->world, machine, &name, value, before);
        else if (ok && sketchers_own(name.keyspace))
            sketchers_cell_stored(oracle->world, machine, &name, value, before);
        else if (ok)
            check_cell(oracle, machine, &name, value, before);
    } else if (ok && key.data[0] == RECORD_LOG) {
        ok = record_log_name_decode(key, &partition, &position) == STATUS_OK &&
             log_record_is_canonical(value);
    } else if (ok && key.data[0] == RECORD_REQUEST && key.length > 1 && key.data[1] == 'r') {
        ok = request_is_canonical(value);
    } else if (ok && key.data[0] == RECORD_HINT) {
        oracle_hint_stored(oracle, machine, key, value, before);
    } else if (ok && key.data[0] == RECORD_GARBAGE) {
        ok = record_garbage_name_decode(key, &partition, &position) == STATUS_OK &&
             garbage_record_is_canonical(value);
    } else if (ok && key.data[0] == RECORD_EXPIRY) {
        struct expiry_name expiry;
        ok = record_expiry_name_decode(key, &expiry) == STATUS_OK &&
             expiry_record_decode(value) == STATUS_OK;
    } else if (ok && key.data[0] == RECORD_ORDER) {
        struct order_name order;
        struct order_value says;
        ok = record_order_decode(key, &order) == STATUS_OK &&
             (order.tag == ORDER_COUNTS || order_value_decode(value, &says) == STATUS_OK);
    } else if (ok && key.data[0] == RECORD_META && key.data[key.length - 1] == 'w') {
        ok = whole_record_is_canonical(value);
    } else if (ok && key.data[0] == RECORD_META) {
        oracle_moves_put(oracle, machine, key, before);
        ok = key.data[key.length - 1] == 'd' || checkpoint_is_canonical(value);
        if (ok && key.data[key.length - 1] == 'c')
            oracle_tags_stored(oracle, machine, key, value, before);
    } else if (ok && key.data[0] == RECORD_REGISTER) {
        struct slice old = slice_make(NULL, 0);
        if (!ordered_map_get(before, key, &old))
            old = slice_make(NULL, 0);
        register_oracle_record(oracle->world->register_oracle, machine, key, value, old);
    }
    if (!ok)
        world_fail(oracle->world, VERDICT_WRONG, "I10", "n%u writes a record that is not canonical",
                   machine->id);
}

/* A page was taken, or the clock was stored between two pages. */
static bool tells_of_whole(struct slice key, const struct ordered_map *after)
{
    uint8_t place[4];
    struct slice value;
    if (key.length != sizeof place || key.data[0] != RECORD_META)
        return false;
    memcpy(place, key.data, sizeof place);
    place[3] = 'w';
    return key.data[3] == 'w' || ordered_map_get(after, slice_make(place, sizeof place), &value);
}

static void check_whole(struct oracle *oracle, const struct machine *machine, struct slice batch,
                        const struct ordered_map *after)
{
    struct reader reader = reader_make(batch);
    enum store_operation operation;
    struct slice key, value;
    while (store_batch_next(&reader, &operation, &key, &value))
        if (tells_of_whole(key, after))
            oracle_whole_stored(oracle, machine, (partition_id)(key.data[1] << 8 | key.data[2]),
                                after);
}

void oracle_batch(struct oracle *oracle, const struct machine *machine, struct slice batch)
{
    struct reader reader = reader_make(batch);
    struct ordered_map state = {0};
    enum store_operation operation;
    struct slice key, value;
    ordered_map_assign(&state, &machine->image.visible);
    while (store_batch_next(&reader, &operation, &key, &value)) {
        if (operation == STORE_PUT) {
            check_record(oracle, machine, key, value, &state);
            ordered_map_put(&state, key, value);
            continue;
        }
        if (key.length > 0 && key.data[0] == RECORD_CELL)
            check_removed(oracle, machine, key, &state);
        if (key.length > 0 && key.data[0] == RECORD_META)
            oracle_moves_removed(oracle, machine, key);
        if (key.length > 0 && key.data[0] == RECORD_LOG)
            marks_hit(oracle->world->marks, MARK_LOG_TRIMMED);
        if (key.length > 0 && key.data[0] == RECORD_HINT)
            oracle_hint_removed(oracle, machine, key, &state);
        ordered_map_remove(&state, key);
    }
    check_whole(oracle, machine, batch, &state);
    ordered_map_deinit(&state);
}
