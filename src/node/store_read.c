/*
 * store_read.c - gets and scans from committed state.
 *
 * Nothing here looks at a replica's memory, so it may run on any thread. The loop
 * side checks, before it asks and again when the answer comes, that this node's
 * replica may answer reads under the asked tag.
 */
#include <assert.h>

#include "causal/counter.h"
#include "node/store_elements.h"
#include "node/store_order.h"
#include "node/store_hint_read.h"
#include "node/store_side.h"
#include "ring/element_key.h"
#include "ring/position.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/message_fetch.h"
#include "wire/record.h"

enum { RANGE_CELLS_MAX = 20000, RANGE_BYTES_MAX = 1 << 20 };

/* Of what is small: see buffer_on(). */
enum { NAME_ROOM_BYTES = 128, RECORD_ROOM_BYTES = 512 };

/* `out` is empty; see cell_decode_on(). */
static enum status decode_record(struct slice record, struct slice *encoded, struct cell *out)
{
    enum status status = record_cell_open(record, encoded);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(*encoded);
    cell_decode_on(&reader, out);
    return reader_end(&reader);
}

static bool has_longer_values(const struct cell *cell, uint32_t value_bytes_max)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].value.length > value_bytes_max)
            return true;
    return false;
}

/* Append a decoded cell with those of its values that are not longer than `value_bytes_max`. */
static void append_values(const struct cell *cell, struct slice encoded, uint32_t value_bytes_max,
                          struct buffer *out)
{
    struct buffer versions = {0};
    if (!has_longer_values(cell, value_bytes_max)) {
        buffer_put_bytes(out, encoded);
        return;
    }
    cell_encode_versions(cell, value_bytes_max, &versions);
    buffer_put_bytes(out, buffer_slice(&versions));
    buffer_deinit(&versions);
}

static enum status append_cell(struct slice record, uint32_t value_bytes_max, struct buffer *out)
{
    struct slice encoded;
    struct cell_room room;
    struct cell cell = cell_on(&room);
    enum status status = decode_record(record, &encoded, &cell);
    if (status == STATUS_OK)
        append_values(&cell, encoded, value_bytes_max, out);
    cell_deinit(&cell);
    return status;
}

static void append_empty_cell(struct buffer *out)
{
    struct buffer encoded = {0};
    cell_encode(&(struct cell){0}, true, &encoded);
    buffer_put_bytes(out, buffer_slice(&encoded));
    buffer_deinit(&encoded);
}

static bool is_wanted(const struct fetch_key *wanted, const struct dot *dot)
{
    struct reader reader = reader_make(wanted->dots);
    for (uint16_t i = 0; i < wanted->dot_count; i++) {
        struct dot other;
        dot_decode(&reader, &other);
        if (dot_compare(&other, dot) == 0)
            return true;
    }
    return false;
}

/* Append the wanted values alone or, when a wanted version is gone, all there are. */
static enum status append_wanted(struct slice record, const struct fetch_key *wanted,
                                 struct buffer *out)
{
    struct slice encoded;
    struct cell cell = {0};
    struct buffer versions = {0};
    uint16_t found = 0;
    enum status status = decode_record(record, &encoded, &cell);
    for (uint32_t i = 0; i < cell.count && status == STATUS_OK; i++) {
        struct sibling *sibling = &cell.siblings[i];
        if (is_wanted(wanted, &sibling->dot))
            found++;
        else if (sibling->kind == SIBLING_STRING)
            sibling->omitted_bytes = (uint32_t)sibling->value.length;
    }
    if (status == STATUS_OK && found == wanted->dot_count) {
        cell_encode_versions(&cell, UINT64_MAX, &versions);
        buffer_put_bytes(out, buffer_slice(&versions));
    } else if (status == STATUS_OK) {
        buffer_put_bytes(out, encoded);
    }
    buffer_deinit(&versions);
    cell_deinit(&cell);
    return status;
}

/* The record of a key; perhaps it is not of this partition, and then absence is no evidence. */
static enum status get_record(const struct store_port *port, const struct ring *ring,
                              const struct replica_address *address, keyspace_id keyspace,
                              struct slice key, struct buffer *record)
{
    uint8_t room[NAME_ROOM_BYTES];
    struct buffer name = buffer_on(room, sizeof room);
    if (key.length > RECORD_KEY_BYTES_MAX)
        return STATUS_INVALID;
    uint64_t position = ring_position(key, keyspace, ring->seed);
    if (ring_partition_of_position(position, ring->partition_count) != address->partition)
        return STATUS_INVALID;
    record_cell_name(position, keyspace, key, &name);
    enum status status = port->get(port->context, buffer_slice(&name), record);
    buffer_deinit(&name);
    return status;
}

static void reply_cells(const struct frame *frame, uint16_t type,
                        struct message_read_result *result, const struct buffer *cells,
                        struct buffer *replies)
{
    if (result->status == STATUS_OK)
        result->cells = buffer_slice(cells);
    else
        result->cell_count = 0;
    size_t offset = frame_start(replies, type, frame->request, 0);
    message_read_result_encode(result, replies);
    frame_finish_inside(replies, offset);
}

/* Of which type the key has elements; `record` is its cell's, empty when it has none. */
static enum status collection_of(const struct store_port *port, const struct ring *ring,
                                 keyspace_id keyspace, struct slice key, struct slice record,
                                 uint64_t wall_ms, uint8_t *type)
{
    struct slice encoded;
    struct cell head = {0};
    enum status status = record.length > 0 ? decode_record(record, &encoded, &head) : STATUS_OK;
    if (status == STATUS_OK)
        status = store_collection_of(port, ring->seed, keyspace, key, &head, false, wall_ms, type);
    cell_deinit(&head);
    return status;
}

/* Append the cell of a key, and tell of which type the key has elements. */
static enum status read_cell(const struct store_port *port, const struct ring *ring,
                             const struct message_read *read, struct slice key, uint64_t wall_ms,
                             struct buffer *record, struct buffer *cells, uint8_t *type)
{
    struct slice encoded;
    struct cell_room room;
    struct cell cell = cell_on(&room);
    buffer_clear(record);
    *type = COLLECTION_NONE;
    enum status status = get_record(port, ring, &read->address, read->keyspace, key, record);
    if (status == STATUS_OK)
        status = decode_record(buffer_slice(record), &encoded, &cell);
    else if (status != STATUS_NOT_FOUND)
        return status;
    if (status == STATUS_OK)
        append_values(&cell, encoded, read->value_bytes_max, cells);
    else if (status == STATUS_NOT_FOUND)
        append_empty_cell(cells);
    /* A string hides what is beside it: most reads end here. */
    bool string = cell.count > 0 && cell.siblings[0].kind == SIBLING_STRING;
    if (status == STATUS_OK && string && !read->hidden)
        *type = COLLECTION_NONE;
    else if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = store_collection_of(port, ring->seed, read->keyspace, key, &cell, read->hidden,
                                     wall_ms, type);
    cell_deinit(&cell);
    return status;
}

/* Most keys have no elements; where none has, nothing is said and `types` is empty. */
static void note_type(struct buffer *types, uint16_t index, uint8_t type)
{
    if (type == COLLECTION_NONE && types->length == 0)
        return;
    while (types->length < index)
        buffer_put_u8(types, COLLECTION_NONE);
    buffer_put_u8(types, type);
}

static void read_cells(const struct store_port *port, const struct ring *ring,
                       const struct frame *frame, uint64_t wall_ms, struct buffer *replies)
{
    struct message_read read;
    struct message_read_result result = {0};
    uint8_t cells_room[RECORD_ROOM_BYTES], record_room[RECORD_ROOM_BYTES];
    struct buffer cells = buffer_on(cells_room, sizeof cells_room);
    struct buffer record = buffer_on(record_room, sizeof record_room), types = {0};
    result.status = message_read_decode(frame->body, &read);
    if (result.status == STATUS_OK && keyspace_has_elements(read.keyspace)) {
        uint8_t type = COLLECTION_NONE;
        result.status = store_read_named(port, ring, &read, wall_ms, &cells, &type);
        if (type != COLLECTION_NONE) {
            note_type(&types, 0, type);
            while (types.length < read.key_count)
                buffer_put_u8(&types, COLLECTION_NONE);
        }
        result.cell_count = read.key_count;
        read.key_count = 0;
    }
    struct reader keys = reader_make(read.keys);
    for (uint16_t i = 0; result.status == STATUS_OK && i < read.key_count; i++) {
        uint8_t type;
        result.status =
            read_cell(port, ring, &read, reader_bytes(&keys), wall_ms, &record, &cells, &type);
        note_type(&types, i, type);
        result.cell_count++;
        if (cells.length > MESSAGE_PAYLOAD_BYTES_MAX)
            result.status = STATUS_TOO_LARGE;
    }
    result.collections = result.status == STATUS_OK ? buffer_slice(&types) : slice_make(NULL, 0);
    reply_cells(frame, MESSAGE_READ_RESULT, &result, &cells, replies);
    buffer_deinit(&cells);
    buffer_deinit(&record);
    buffer_deinit(&types);
}

static void fetch_values(const struct store_port *port, const struct ring *ring,
                         const struct frame *frame, struct buffer *replies)
{
    struct message_fetch fetch;
    struct message_read_result result = {0};
    struct buffer cells = {0}, record = {0};
    result.status = message_fetch_decode(frame->body, &fetch);
    struct reader keys = reader_make(fetch.keys);
    for (uint16_t i = 0; result.status == STATUS_OK && i < fetch.key_count; i++) {
        struct fetch_key wanted;
        enum status status = STATUS_NOT_FOUND;
        fetch_key_decode(&keys, &wanted);
        buffer_clear(&record);
        if (wanted.dot_count > 0)
            status = get_record(port, ring, &fetch.address, fetch.keyspace, wanted.key, &record);
        if (status == STATUS_OK)
            result.status = append_wanted(buffer_slice(&record), &wanted, &cells);
        else if (status == STATUS_NOT_FOUND)
            append_empty_cell(&cells);
        else
            result.status = status;
        result.cell_count++;
        if (cells.length > MESSAGE_PAYLOAD_BYTES_MAX)
            result.status = STATUS_TOO_LARGE;
    }
    reply_cells(frame, MESSAGE_FETCH_RESULT, &result, &cells, replies);
    buffer_deinit(&cells);
    buffer_deinit(&record);
}

struct range_walk {
    const struct store_port *port;
    const struct ring *ring;
    struct buffer skip; /* go on here; empty: with the next record */
    const struct message_range *range;
    uint64_t wall_ms;
    uint64_t last; /* position of the partition */
    uint32_t live;
    uint32_t seen;
    uint64_t previous;
    struct buffer entries;
    struct message_range_result *result;
};

static bool record_is_live(struct slice record)
{
    struct slice encoded;
    struct cell cell = {0};
    bool live = false;
    if (record_cell_open(record, &encoded) != STATUS_OK)
        return false; /* append_cell() tells */
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    live = cell_is_live(&cell);
    cell_deinit(&cell);
    return live;
}

/* A key with elements: one entry, with the key's cell, and then behind all of them. */
static void take_collection(struct range_walk *walk, const struct cell_name *name)
{
    struct message_range_result *result = walk->result;
    keyspace_id keyspace = keyspace_of_keys(name->keyspace);
    struct element_key parts;
    struct buffer rest = {0}, head = {0}, record = {0}, empty = {0};
    struct range_entry entry = {.position = name->position};
    enum status status = element_key_decode(name->key, &parts);
    assert(status == STATUS_OK); /* or the record's name would not have been decoded */
    entry.key = parts.key;
    element_key_prefix(parts.key, &rest);
    buffer_put_u8(&rest, UINT8_MAX); /* above every type */
    record_cell_name(name->position, name->keyspace, buffer_slice(&rest), &walk->skip);
    if (keyspace == walk->range->keyspace) {
        record_cell_name(name->position, keyspace, parts.key, &head);
        status = walk->port->get(walk->port->context, buffer_slice(&head), &record);
        if (status == STATUS_OK || status == STATUS_NOT_FOUND)
            status = collection_of(walk->port, walk->ring, keyspace, parts.key,
                                   buffer_slice(&record), walk->wall_ms, &entry.type);
        cell_encode(&(struct cell){0}, true, &empty);
        entry.cell = buffer_slice(&empty);
        if (status == STATUS_OK && record.length > 0)
            status = record_cell_open(buffer_slice(&record), &entry.cell);
        result->status = status;
    }
    if (entry.type != COLLECTION_NONE && result->status == STATUS_OK) {
        range_entry_encode(&entry, &walk->entries);
        walk->live++;
        result->entry_count++;
    }
    buffer_deinit(&rest);
    buffer_deinit(&head);
    buffer_deinit(&record);
    buffer_deinit(&empty);
}

/* Take one record; false when the walk is over. */
static bool visit(struct range_walk *walk, struct slice name, struct slice record)
{
    struct cell_name cell;
    struct message_range_result *result = walk->result;
    enum status status = record_cell_name_decode(name, &cell);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && cell.position > walk->last)) {
        result->done = true;
        return false;
    }
    if (status != STATUS_OK) {
        result->status = status;
        return false;
    }
    bool full = walk->live >= walk->range->limit || walk->seen >= RANGE_CELLS_MAX ||
                walk->entries.length >= RANGE_BYTES_MAX;
    if (full && walk->seen > 0 && cell.position != walk->previous) {
        result->next_position = cell.position; /* keys of one position are never torn apart */
        return false;
    }
    walk->previous = cell.position;
    walk->seen++;
    if (keyspace_has_elements(cell.keyspace)) {
        take_collection(walk, &cell);
        return result->status == STATUS_OK;
    }
    if (cell.keyspace != walk->range->keyspace)
        return true;
    buffer_put_u64(&walk->entries, cell.position);
    buffer_put_bytes(&walk->entries, cell.key);
    result->status = append_cell(record, walk->range->with_values ? UINT32_MAX : 0, &walk->entries);
    buffer_put_u8(&walk->entries, COLLECTION_NONE); /* the end of a struct range_entry */
    walk->live += record_is_live(record);
    result->entry_count++;
    return result->status == STATUS_OK;
}

static void read_range(const struct store_port *port, const struct ring *ring,
                       const struct frame *frame, uint64_t wall_ms, struct buffer *replies)
{
    struct message_range range;
    struct message_range_result result = {0};
    struct range_walk walk = {
        .port = port, .ring = ring, .range = &range, .wall_ms = wall_ms, .result = &result};
    struct buffer bound = {0};
    result.status = message_range_decode(frame->body, &range);
    if (result.status == STATUS_OK && range.address.partition >= ring->partition_count)
        result.status = STATUS_INVALID;
    if (result.status == STATUS_OK) {
        struct store_iterator *iterator = port->iterator_new(port->context);
        uint64_t first = ring_position_first(range.address.partition, ring->partition_count);
        walk.last = ring_position_last(range.address.partition, ring->partition_count);
        record_cell_bound(range.position > first ? range.position : first, &bound);
        port->seek(iterator, buffer_slice(&bound));
        while (port->valid(iterator) && visit(&walk, port->key(iterator), port->value(iterator))) {
            if (walk.skip.length > 0)
                port->seek(iterator, buffer_slice(&walk.skip));
            else
                port->next(iterator);
            buffer_clear(&walk.skip);
        }
        if (result.status == STATUS_OK)
            result.status = port->error(iterator);
        if (!port->valid(iterator))
            result.done = true;
        port->iterator_free(iterator);
    }
    if (result.status == STATUS_OK)
        result.entries = buffer_slice(&walk.entries);
    else
        result.entry_count = 0;
    size_t offset = frame_start(replies, MESSAGE_RANGE_RESULT, frame->request, 0);
    message_range_result_encode(&result, replies);
    frame_finish_inside(replies, offset);
    buffer_deinit(&walk.entries);
    buffer_deinit(&walk.skip);
    buffer_deinit(&bound);
}

void store_side_read(const struct store_port *port, const struct ring *ring, struct slice bytes,
                     struct instant now, struct buffer *replies)
{
    struct frame frame;
    size_t used;
    enum status status = frame_open(bytes, &frame, &used);
    assert(status == STATUS_OK && used == bytes.length);
    if (frame.left_ms != 0 && (int32_t)((uint32_t)(now.mono_us / 1000) - frame.left_ms) > 0)
        return; /* nobody waits for it any longer */
    if (frame.type == MESSAGE_READ)
        read_cells(port, ring, &frame, now.wall_ms, replies);
    else if (frame.type == MESSAGE_FETCH)
        fetch_values(port, ring, &frame, replies);
    else if (frame.type == MESSAGE_HINT_READ)
        store_read_hint(port, ring, &frame, replies);
    else if (frame.type == MESSAGE_RANGE)
        read_range(port, ring, &frame, now.wall_ms, replies);
    else if (frame.type == MESSAGE_ELEMENTS)
        store_read_elements(port, ring, &frame, now.wall_ms, replies);
    else if (frame.type == MESSAGE_ORDER)
        store_read_order(port, ring, &frame, now.wall_ms, replies);
    else
        assert(!"a frame of this type goes to the read path");
}
