#include "replica/replica.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "replica/expiry.h"
#include "replica/keyspace_drop.h"
#include "replica/replica_requests.h"
#include "replica/replica_cells.h"
#include "replica/replica_tree.h"
#include "replica/replica_whole.h"
#include "replica/score_index.h"
#include "replica/scrub.h"
#include "ring/position.h"
#include "ring/transition.h"

_Static_assert((int)CHECKPOINT_PEERS_MAX >= (int)RING_REPLICAS_MAX, "each can be a source");

void local_cell_deinit(struct local_cell *local)
{
    cell_deinit(&local->cell);
    buffer_deinit(&local->record);
}

uint64_t replica_position(struct replica_context *context, keyspace_id keyspace, struct slice key)
{
    struct replica_place *place = &context->place;
    if (key.length == 0 || key.length > sizeof place->key)
        return ring_position(key, keyspace, context->position_seed);
    if (place->keyspace == keyspace && place->key_bytes == key.length &&
        memcmp(place->key, key.data, key.length) == 0)
        return place->position;
    place->position = ring_position(key, keyspace, context->position_seed);
    place->keyspace = keyspace;
    place->key_bytes = (uint16_t)key.length;
    memcpy(place->key, key.data, key.length);
    return place->position;
}

enum status replica_load_cell(struct replica_context *context, keyspace_id keyspace,
                              struct slice key, struct buffer *out)
{
    uint8_t name_room[NAME_ROOM_BYTES];
    struct buffer name = buffer_on(name_room, sizeof name_room);
    struct slice cached;
    enum status status = STATUS_OK;
    record_cell_name(replica_position(context, keyspace, key), keyspace, key, &name);
    if (cell_cache_get(context->cache, buffer_slice(&name), &cached)) {
        if (cached.length == 0)
            status = STATUS_NOT_FOUND; /* the present group has deleted it */
        buffer_append_slice(out, cached);
    } else {
        size_t offset = out->length;
        status = context->port->get(context->port->context, buffer_slice(&name), out);
        if (status == STATUS_OK)
            cell_cache_put(context->cache, buffer_slice(&name),
                           slice_make(out->data + offset, out->length - offset), false);
    }
    buffer_deinit(&name);
    return status;
}

void local_cell_init(struct local_cell *local)
{
    local->record = buffer_on(local->room, sizeof local->room);
    local->cell = cell_on(&local->cell_room);
    local->present = false;
}

enum status local_cell_load(struct replica_context *context, keyspace_id keyspace, struct slice key,
                            struct local_cell *local)
{
    struct slice cell;
    local_cell_init(local);
    enum status status = replica_load_cell(context, keyspace, key, &local->record);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(&local->record), &cell);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(cell);
    cell_decode_on(&reader, &local->cell);
    local->present = true;
    return reader_end(&reader);
}

uint64_t replica_cell_hash(const struct replica_context *context, keyspace_id keyspace,
                           struct slice key, const struct cell *cell)
{
    return cell_hash(cell, key, context->digest_seed + keyspace);
}

void replica_counts_add(struct replica_counts *counts, keyspace_id keyspace, int64_t delta)
{
    uint16_t i = 0;
    if (delta == 0)
        return;
    while (i < counts->count && counts->keyspaces[i].keyspace != keyspace)
        i++;
    if (i == counts->count) {
        assert(i < CHECKPOINT_KEYSPACES_MAX);
        counts->keyspaces[counts->count++] = (struct checkpoint_count){.keyspace = keyspace};
    }
    uint64_t *count = &counts->keyspaces[i].count;
    /* A damaged store may show fewer cells than were counted: a scrub finds that. */
    *count = delta < 0 && *count == 0 ? 0 : *count + (uint64_t)delta;
}

static struct cell_change put_cell_at(struct replica *replica, uint64_t position,
                                      keyspace_id keyspace, struct slice key,
                                      const struct cell *before, const struct cell *after,
                                      struct slice encoded, struct replica_context *context)
{
    uint8_t name_room[NAME_ROOM_BYTES], value_room[RECORD_ROOM_BYTES];
    struct buffer name = buffer_on(name_room, sizeof name_room);
    struct buffer value = buffer_on(value_room, sizeof value_room);
    struct cell_change change = {
        .digest_delta = cell_hash_change(before, after, key, context->digest_seed + keyspace),
        .count_delta = (int8_t)(cell_is_live(after) - cell_is_live(before)),
        .garbage_delta = (int8_t)(cell_has_garbage(after) - cell_has_garbage(before))};
    record_cell_name(position, keyspace, key, &name);
    if (after->count > 0 || after->context.count > 0) {
        if (encoded.length > 0)
            record_cell_wrap(encoded, &value);
        else
            record_cell_encode(after, &value);
        store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    } else {
        store_batch_delete(context->batch, buffer_slice(&name));
    }
    cell_cache_put(context->cache, buffer_slice(&name), buffer_slice(&value), true);
    replica_scrub_note(replica, buffer_slice(&name), position, keyspace, change.digest_delta,
                       change.count_delta, context);
    expiry_index_cell(replica, keyspace, key, before, after, context);
    score_index_cell(position, keyspace, key, before, after, context);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return change;
}

static void count_change_at(struct replica *replica, uint64_t position, keyspace_id keyspace,
                            const struct cell_change *change, const struct replica_context *context)
{
    sum_tree_add(&replica->tree, replica_tree_offset(context, position), change->digest_delta,
                 change->count_delta);
    replica_counts_add(&replica->counts, keyspace_counted_as(context, keyspace),
                       change->count_delta);
    if (change->garbage_delta >= 0 ||
        replica->garbage_count > 0) /* a damaged store may miss some */
        replica->garbage_count += (uint64_t)(int64_t)change->garbage_delta;
}

/* R5: these two are where tree and counts follow a cell. */
struct cell_change replica_put_cell(struct replica *replica, keyspace_id keyspace, struct slice key,
                                    const struct cell *before, const struct cell *after,
                                    struct replica_context *context)
{
    return put_cell_at(replica, ring_position(key, keyspace, context->position_seed), keyspace, key,
                       before, after, slice_make(NULL, 0), context);
}

void replica_count_change(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell_change *change, const struct replica_context *context)
{
    count_change_at(replica, ring_position(key, keyspace, context->position_seed), keyspace, change,
                    context);
}

/* `position`: of its key. */
static void absorb_log_record(struct replica *replica, uint64_t position,
                              const struct log_record *record, size_t record_bytes,
                              const struct replica_context *context)
{
    struct cell_change change = {.digest_delta = record->digest_delta,
                                 .count_delta = record->count_delta,
                                 .garbage_delta = record->garbage_delta};
    clock_join(&replica->clock, &record->dots);
    count_change_at(replica, position, record->keyspace, &change, context);
    replica->log_position++;
    if (record->left_garbage)
        replica->garbage_last = replica->log_position;
    replica->log_bytes += record_bytes;
    replica->changes += record->dots.count > 0;
}

/* Remember where the garbage is; it is found in the order in which it was left. */
static void put_garbage(const struct replica *replica, keyspace_id keyspace, struct slice key,
                        const struct cell *cell, uint64_t log_position,
                        struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct garbage_record record = {.keyspace = keyspace, .key = key, .context = cell->context};
    record_garbage_name(replica->partition, log_position, &name);
    garbage_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    buffer_deinit(&name);
    buffer_deinit(&value);
}

void replica_record_event(struct replica *replica, keyspace_id keyspace, struct slice key,
                          const struct cell *before, const struct cell *after, struct slice encoded,
                          const struct clock *new_dots, struct replica_context *context)
{
    uint8_t name_room[NAME_ROOM_BYTES], value_room[RECORD_ROOM_BYTES];
    struct buffer name = buffer_on(name_room, sizeof name_room);
    struct buffer value = buffer_on(value_room, sizeof value_room);
    uint64_t place = replica_position(context, keyspace, key);
    struct log_record record = {
        .written_ms = context->wall_ms, .keyspace = keyspace, .key = key, .dots = *new_dots};
    uint64_t position = replica->log_position + 1;
    if (after != NULL) {
        struct cell_change change =
            put_cell_at(replica, place, keyspace, key, before, after, encoded, context);
        record.digest_delta = change.digest_delta;
        record.count_delta = change.count_delta;
        record.garbage_delta = change.garbage_delta;
        record.left_garbage = cell_has_garbage(after);
        if (record.left_garbage)
            put_garbage(replica, keyspace, key, after, position, context);
    }
    record_log_name(replica->partition, position, &name);
    log_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    absorb_log_record(replica, place, &record, name.length + value.length, context);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

uint32_t replica_add_unseen_dots(const struct replica *replica, const struct cell *cell,
                                 struct clock *new_dots)
{
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        if (clock_has(&replica->clock, &cell->siblings[i].dot))
            continue;
        clock_add(new_dots, &cell->siblings[i].dot);
        unseen++;
    }
    return unseen;
}

bool replica_cell_is_too_far_ahead(const struct cell *cell, const struct replica_context *context)
{
    return hybrid_time_too_far_ahead(cell_time_max(cell), context->wall_ms,
                                     context->max_clock_skew_ms);
}

enum status replica_decode_cell(struct slice bytes, struct cell *out)
{
    struct reader reader = reader_make(bytes);
    cell_decode_on(&reader, out);
    return reader_end(&reader);
}

static enum status decode_dots(struct slice bytes, struct clock *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct clock){0};
    if (bytes.length == 0)
        return STATUS_OK;
    clock_decode(&reader, out);
    return reader_end(&reader);
}

enum status replica_decode_delivery(const struct cell_delivery *delivery,
                                    const struct replica_context *context, struct cell *cell,
                                    struct clock *dots)
{
    enum status status = replica_decode_cell(delivery->cell, cell);
    if (status == STATUS_OK)
        status = decode_dots(delivery->dots, dots);
    if (status == STATUS_OK && replica_cell_is_too_far_ahead(cell, context))
        status = STATUS_CLOCK_SKEW;
    return status;
}

/*
 * Whether `incoming` has a string or tombstone whose writer did not see what `merged` counts, or
 * joins.
 */
static bool has_unseen_increments(const struct cell *incoming, const struct cell *merged)
{
    bool unseen = false, replaces = false;
    for (uint32_t i = 0; i < incoming->count; i++)
        replaces = replaces || !sibling_is_beside(incoming->siblings[i].kind);
    for (uint32_t i = 0; replaces && i < merged->count; i++)
        unseen = unseen ||
                 ((merged->siblings[i].kind == SIBLING_COUNTER || merged->siblings[i].sketch) &&
                  !version_vector_covers(&incoming->context, &merged->siblings[i].dot));
    return unseen;
}

static enum status merge_delivered(struct replica *replica, const struct cell_delivery *delivery,
                                   enum merge_policy policy, const struct local_cell *local,
                                   struct cell *incoming, const struct clock *satisfied,
                                   struct replica_context *context, bool *changed)
{
    struct clock_room dots_room;
    struct clock new_dots = clock_on(&dots_room);
    struct cell_room merged_room;
    struct cell merged = cell_on(&merged_room);
    const struct cell *after = &merged;
    struct slice encoded = slice_make(NULL, 0);
    uint32_t losses = 0;
    enum status status = STATUS_OK;
    if (satisfied->count > 0)
        clock_difference(satisfied, &replica->clock, &new_dots);
    uint32_t unseen = replica_add_unseen_dots(replica, incoming, &new_dots);
    bool all_unseen = unseen == incoming->count;
    if (!all_unseen) /* else it would leave them all */
        cell_filter_seen(incoming, &replica->clock, local->present ? &local->cell : NULL);
    /*
     * Without news a whole cell stays as it is. One that was lost, or aged, behind the clock must
     * not: the filter has just left out what it lost, and the context would cover that for ever.
     */
    bool has_news = unseen > 0 || !clock_covers_vector(&replica->clock, &incoming->context);
    bool cell_changes = false;
    if (has_news && all_unseen && cell_overwrites(incoming, &local->cell)) {
        after = incoming; /* as it came, bytes and all */
        encoded = delivery->cell;
        cell_changes = true;
    } else if (has_news) {
        losses = cell_merge_on(&local->cell, incoming, policy, &merged);
        cell_changes = !local->present || !cell_same_version(&local->cell, &merged);
        if (!cell_fits(&merged))
            status = STATUS_TOO_LARGE;
        context->unseen_increments += has_unseen_increments(incoming, &merged);
    } else {
        context->unseen_increments += has_unseen_increments(incoming, &local->cell);
    }
    *changed = status == STATUS_OK && (cell_changes || new_dots.count > 0);
    if (*changed) {
        context->lww_losses += losses;
        replica_record_event(replica, delivery->keyspace, delivery->key, &local->cell,
                             cell_changes ? after : NULL, encoded, &new_dots, context);
    }
    cell_deinit(&merged);
    clock_deinit(&new_dots);
    return status;
}

enum status replica_apply(struct replica *replica, const struct cell_delivery *delivery,
                          enum merge_policy policy, struct replica_context *context, bool *changed)
{
    struct local_cell local;
    struct cell_room incoming_room;
    struct cell incoming = cell_on(&incoming_room);
    struct clock satisfied = {0};
    *changed = false;
    local_cell_init(&local);
    enum status status = replica_decode_delivery(delivery, context, &incoming, &satisfied);
    if (status == STATUS_OK)
        status = local_cell_load(context, delivery->keyspace, delivery->key, &local);
    if (status == STATUS_OK) {
        hybrid_clock_observe(context->clock, cell_time_max(&incoming));
        bool stamped = cell_has_requests(&incoming) || delivery->requests.length > 0;
        status = merge_delivered(replica, delivery, policy, &local, &incoming, &satisfied, context,
                                 changed);
        if (status == STATUS_OK && stamped) /* Q1 */
            status = replica_absorb_requests(replica, delivery, context);
    }
    clock_deinit(&satisfied);
    cell_deinit(&incoming);
    local_cell_deinit(&local);
    return status;
}

uint64_t replica_version_hash(const struct cell *cell)
{
    struct buffer bytes = {0};
    if (cell->count == 0 && cell->context.count == 0)
        return 0;
    cell_encode_versions(cell, 0, &bytes); /* canonical */
    uint64_t hash = hash64(buffer_slice(&bytes), 0);
    buffer_deinit(&bytes);
    return hash;
}

/* Each covers what the other shows, which no honest history does: then both stay as they are. */
static bool lose_all(const struct cell *a, const struct cell *b, const struct cell *merged)
{
    return merged->count == 0 && (a->count > 0 || b->count > 0);
}

static enum status merge_forced(struct replica *replica, const struct cell_delivery *delivery,
                                enum merge_policy policy, const struct local_cell *local,
                                const struct cell *incoming, struct replica_context *context,
                                bool *changed)
{
    struct clock new_dots = {0};
    struct cell merged = {0};
    enum status status = STATUS_OK;
    replica_add_unseen_dots(replica, incoming, &new_dots);
    uint32_t losses = cell_merge(&local->cell, incoming, policy, &merged);
    if (!cell_fits(&merged))
        status = STATUS_TOO_LARGE;
    *changed = status == STATUS_OK && !cell_same_version(&local->cell, &merged) &&
               !lose_all(&local->cell, incoming, &merged);
    if (*changed) {
        context->lww_losses += losses;
        replica_record_event(replica, delivery->keyspace, delivery->key, &local->cell, &merged,
                             slice_make(NULL, 0), &new_dots, context);
    }
    cell_deinit(&merged);
    clock_deinit(&new_dots);
    return status;
}

enum status replica_force(struct replica *replica, const struct cell_delivery *delivery,
                          uint64_t expected, enum merge_policy policy,
                          struct replica_context *context, bool *changed)
{
    struct local_cell local = {0};
    struct cell incoming = {0};
    struct buffer name = {0};
    *changed = false;
    enum status status = replica_decode_cell(delivery->cell, &incoming);
    if (status == STATUS_OK && replica_cell_is_too_far_ahead(&incoming, context))
        status = STATUS_CLOCK_SKEW;
    if (status == STATUS_OK) {
        /* The cache may show what the store has lost. */
        record_cell_name(ring_position(delivery->key, delivery->keyspace, context->position_seed),
                         delivery->keyspace, delivery->key, &name);
        cell_cache_forget(context->cache, buffer_slice(&name));
        status = local_cell_load(context, delivery->keyspace, delivery->key, &local);
    }
    if (status == STATUS_OK && replica_version_hash(&local.cell) == expected) {
        hybrid_clock_observe(context->clock, cell_time_max(&incoming));
        status = merge_forced(replica, delivery, policy, &local, &incoming, context, changed);
    }
    buffer_deinit(&name);
    cell_deinit(&incoming);
    local_cell_deinit(&local);
    return status;
}

void replica_note_source(struct replica *replica, node_id from)
{
    assert(replica->state == REPLICA_REBUILDING);
    for (uint8_t i = 0; i < replica->rebuilt_from_count; i++)
        if (replica->rebuilt_from[i] == from)
            return;
    if (replica->rebuilt_from_count < CHECKPOINT_PEERS_MAX)
        replica->rebuilt_from[replica->rebuilt_from_count++] = from;
}

void replica_activate(struct replica *replica)
{
    assert(replica->state == REPLICA_REBUILDING);
    replica->state = REPLICA_ACTIVE;
    replica->rebuilt_from_count = 0;
    replica->changes++; /* its clock counts from now on */
}

uint64_t replica_count(const struct replica *replica, keyspace_id keyspace)
{
    for (uint16_t i = 0; i < replica->counts.count; i++)
        if (replica->counts.keyspaces[i].keyspace == keyspace)
            return replica->counts.keyspaces[i].count;
    return 0;
}

uint64_t replica_count_all(const struct replica *replica)
{
    uint64_t count = 0;
    for (uint16_t i = 0; i < replica->counts.count; i++)
        count += replica->counts.keyspaces[i].count;
    return count;
}

void replica_checkpoint(struct replica *replica, struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct checkpoint_record record = {.state = replica->state,
                                       .tag = replica->tag,
                                       .adopt_epoch = replica->actor.adopt_epoch,
                                       .log_position = replica->log_position,
                                       .digest = replica->tree.root.hash,
                                       .count_count = replica->counts.count,
                                       .rebuilt_from_count = replica->rebuilt_from_count,
                                       .garbage_count = replica->garbage_count,
                                       .garbage_first = replica->garbage_first,
                                       .garbage_last = replica->garbage_last,
                                       .log_first = replica->log_first,
                                       .log_bytes = replica->log_bytes,
                                       .trimmed = replica->trimmed,
                                       .clock = replica->clock};
    memcpy(record.counts, replica->counts.keyspaces, sizeof record.counts);
    memcpy(record.rebuilt_from, replica->rebuilt_from, sizeof record.rebuilt_from);
    record_checkpoint_name(replica->partition, &name);
    checkpoint_record_encode(&record, &value);
    store_batch_put(context->batch, buffer_slice(&name), buffer_slice(&value));
    replica_tree_store(replica, context);
    replica->checkpoint_position = replica->log_position;
    buffer_deinit(&name);
    buffer_deinit(&value);
}

static void adopt_checkpoint(struct replica *replica, struct checkpoint_record *record)
{
    replica->state = record->state;
    replica->tag = record->tag;
    replica->actor.adopt_epoch = record->adopt_epoch;
    replica->log_position = replica->checkpoint_position = record->log_position;
    replica->counts.count = record->count_count;
    memcpy(replica->counts.keyspaces, record->counts, sizeof record->counts);
    /* One leaf that holds everything, until replica_tree_load() finds more. */
    sum_tree_set(&replica->tree, 0,
                 (struct tree_node){.hash = record->digest, .count = replica_count_all(replica)});
    replica->rebuilt_from_count = record->rebuilt_from_count;
    memcpy(replica->rebuilt_from, record->rebuilt_from, sizeof replica->rebuilt_from);
    replica->garbage_count = record->garbage_count;
    replica->garbage_first = record->garbage_first;
    replica->garbage_last = record->garbage_last;
    replica->log_first = record->log_first;
    replica->log_bytes = record->log_bytes;
    replica->trimmed = record->trimmed;
    record->trimmed = (struct clock){0};
    replica->clock = record->clock;
    record->clock = (struct clock){0};
}

static enum status replay_log(struct replica *replica, struct replica_context *context)
{
    const struct store_port *port = context->port;
    struct store_iterator *iterator = port->iterator_new(port->context);
    struct buffer name = {0};
    enum status status = STATUS_OK;
    record_log_name(replica->partition, replica->log_position + 1, &name);
    for (port->seek(iterator, buffer_slice(&name)); status == STATUS_OK && port->valid(iterator);
         port->next(iterator)) {
        partition_id partition;
        uint64_t position;
        struct log_record record;
        status = record_log_name_decode(port->key(iterator), &partition, &position);
        if (status == STATUS_NOT_FOUND ||
            (status == STATUS_OK && partition != replica->partition)) {
            status = STATUS_OK;
            break;
        }
        if (status == STATUS_OK)
            status = position == replica->log_position + 1 ? STATUS_OK : STATUS_CORRUPT;
        if (status != STATUS_OK)
            break;
        status = log_record_decode(port->value(iterator), &record);
        if (status == STATUS_OK)
            absorb_log_record(
                replica, ring_position(record.key, record.keyspace, context->position_seed),
                &record, port->key(iterator).length + port->value(iterator).length, context);
        clock_deinit(&record.dots);
    }
    if (status == STATUS_OK)
        status = port->error(iterator);
    port->iterator_free(iterator);
    buffer_deinit(&name);
    return status;
}

enum status replica_open(struct replica *replica, const struct replica_open_params *params,
                         struct replica_context *context)
{
    struct buffer name = {0};
    struct buffer value = {0};
    struct checkpoint_record record = {0};
    *replica = (struct replica){
        .partition = params->partition, .tag = params->tag, .log_first = 1, .garbage_first = 1};
    replica->actor = (struct actor){.node = params->self,
                                    .storage_incarnation = params->storage_incarnation,
                                    .boot_epoch = params->boot_epoch,
                                    .adopt_epoch = params->tag.epoch};
    sum_tree_init(&replica->tree, 0);
    record_checkpoint_name(params->partition, &name);
    enum status status = context->port->get(context->port->context, buffer_slice(&name), &value);
    if (status == STATUS_NOT_FOUND) {
        replica->state = params->rebuild ? REPLICA_REBUILDING : REPLICA_ACTIVE;
        replica_checkpoint(replica, context);
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = checkpoint_record_decode(buffer_slice(&value), &record);
        if (status == STATUS_OK && ring_tag_compare(record.tag, params->tag) > 0)
            status = STATUS_CORRUPT;
        if (status == STATUS_OK) {
            adopt_checkpoint(replica, &record);
            status = replica_tree_load(replica, context);
            replica_count_dropped_apart(replica, context);
        }
        if (status == STATUS_OK)
            status = replay_log(replica, context);
        if (status == STATUS_OK)
            status = replica_whole_load(replica, context);
        replica->tag = params->tag;
        clock_deinit(&record.trimmed);
        clock_deinit(&record.clock);
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    if (status != STATUS_OK)
        replica_deinit(replica);
    return status;
}

void replica_deinit(struct replica *replica)
{
    whole_record_deinit(&replica->whole);
    clock_deinit(&replica->trimmed);
    clock_deinit(&replica->clock);
    sum_tree_deinit(&replica->tree);
    sweep_place_deinit(&replica->sweep);
    sweep_place_deinit(&replica->ended);
    replica_scrub_abandon(replica);
}
