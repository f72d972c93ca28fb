#include "wire/message_garbage.h"

void message_stability_encode(const struct message_stability *stability, struct buffer *out)
{
    buffer_put_varint(out, stability->number);
    buffer_put_u16(out, stability->count);
    buffer_append_slice(out, stability->reports);
}

enum status message_stability_decode(struct slice body, struct message_stability *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    out->count = reader_u16(&reader);
    out->reports = reader_take(&reader, reader_left(&reader));
    struct reader entries = reader_make(out->reports);
    for (uint16_t i = 0; i < out->count && !entries.failed; i++) {
        struct stability_entry entry;
        stability_entry_decode(&entries, &entry);
        clock_deinit(&entry.clock);
    }
    return reader_end(&reader) == STATUS_OK && reader_end(&entries) == STATUS_OK ? STATUS_OK
                                                                                 : STATUS_CORRUPT;
}

void stability_entry_encode(const struct stability_entry *entry, struct buffer *out)
{
    replica_address_encode(&entry->address, out);
    actor_encode(&entry->actor, out);
    buffer_put_u8(out, entry->rebuilding);
    clock_encode(&entry->clock, out);
}

void stability_entry_decode(struct reader *reader, struct stability_entry *out)
{
    replica_address_decode(reader, &out->address);
    actor_decode(reader, &out->actor);
    uint8_t rebuilding = reader_u8(reader);
    if (rebuilding > 1)
        reader->failed = true;
    out->rebuilding = rebuilding == 1;
    clock_decode(reader, &out->clock);
}

void message_stability_heard_encode(const struct message_stability_heard *heard,
                                    struct buffer *out)
{
    buffer_put_varint(out, heard->number);
}

enum status message_stability_heard_decode(struct slice body, struct message_stability_heard *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    return reader_end(&reader);
}

void message_stability_step_encode(const struct message_stability_step *step, struct buffer *out)
{
    buffer_put_u8(out, step->kind);
    buffer_put_u32(out, step->node);
    buffer_put_varint(out, step->number);
    buffer_append_slice(out, step->body);
}

enum status message_stability_step_decode(struct slice body, struct message_stability_step *out)
{
    struct reader reader = reader_make(body);
    out->kind = reader_u8(&reader);
    out->node = reader_u32(&reader);
    out->number = reader_varint(&reader);
    out->body = reader_take(&reader, reader_left(&reader));
    if (out->kind >= STABILITY_STEP_KIND_COUNT)
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void message_garbage_encode(const struct message_garbage *garbage, struct buffer *out)
{
    buffer_put_u8(out, garbage->more);
    buffer_put_varint(out, garbage->tombstones);
    buffer_put_varint(out, garbage->waiting);
    buffer_put_varint(out, garbage->purged);
    buffer_put_varint(out, garbage->log_records);
    buffer_put_varint(out, garbage->log_bytes);
    buffer_put_u8(out, garbage->holder_count);
    for (uint8_t i = 0; i < garbage->holder_count; i++) {
        buffer_put_u32(out, garbage->holders[i].node);
        buffer_put_varint(out, garbage->holders[i].partitions);
    }
}

enum status message_garbage_decode(struct slice body, struct message_garbage *out)
{
    struct reader reader = reader_make(body);
    uint8_t more = reader_u8(&reader);
    out->more = more == 1;
    out->tombstones = reader_varint(&reader);
    out->waiting = reader_varint(&reader);
    out->purged = reader_varint(&reader);
    out->log_records = reader_varint(&reader);
    out->log_bytes = reader_varint(&reader);
    out->holder_count = reader_u8(&reader);
    if (more > 1 || out->holder_count > GARBAGE_HOLDERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->holder_count; i++) {
        out->holders[i].node = reader_u32(&reader);
        out->holders[i].partitions = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    }
    return reader_end(&reader);
}

static enum status get_status(struct reader *reader)
{
    uint8_t status = reader_u8(reader);
    if (status >= STATUS_COUNT)
        reader->failed = true;
    return (enum status)status;
}

static bool get_bool(struct reader *reader)
{
    uint8_t value = reader_u8(reader);
    if (value > 1)
        reader->failed = true;
    return value == 1;
}

void message_partition_pull_encode(const struct message_partition_pull *pull, struct buffer *out)
{
    replica_address_encode(&pull->address, out);
    buffer_put_u64(out, pull->position);
}

enum status message_partition_pull_decode(struct slice body, struct message_partition_pull *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->position = reader_u64(&reader);
    return reader_end(&reader);
}

void message_partition_page_encode(const struct message_partition_page *page, struct buffer *out)
{
    replica_address_encode(&page->address, out);
    buffer_put_u8(out, (uint8_t)page->status);
    buffer_put_u16(out, page->storage_incarnation);
    buffer_put_u8(out, page->done);
    buffer_put_u64(out, page->position);
    buffer_put_u64(out, page->next_position);
    buffer_put_bytes(out, page->clock);
    buffer_put_u32(out, page->delivery_count);
    buffer_append_slice(out, page->deliveries);
}

enum status message_partition_page_decode(struct slice body, struct message_partition_page *out)
{
    struct reader reader = reader_make(body);
    struct cell_delivery delivery;
    replica_address_decode(&reader, &out->address);
    out->status = get_status(&reader);
    out->storage_incarnation = reader_u16(&reader);
    out->done = get_bool(&reader);
    out->position = reader_u64(&reader);
    out->next_position = reader_u64(&reader);
    out->clock = reader_bytes(&reader);
    out->delivery_count = reader_u32(&reader);
    out->deliveries = reader_take(&reader, reader_left(&reader));
    struct reader deliveries = reader_make(out->deliveries);
    for (uint32_t i = 0; i < out->delivery_count && !deliveries.failed; i++)
        cell_delivery_decode(&deliveries, &delivery);
    return reader_end(&reader) == STATUS_OK && reader_end(&deliveries) == STATUS_OK
               ? STATUS_OK
               : STATUS_CORRUPT;
}

void message_partition_ask_encode(const struct message_partition_ask *ask, struct buffer *out)
{
    buffer_put_u16(out, ask->partition);
    buffer_put_u32(out, ask->source);
}

enum status message_partition_ask_decode(struct slice body, struct message_partition_ask *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->source = reader_u32(&reader);
    return reader_end(&reader);
}

void message_partition_apply_encode(const struct message_partition_apply *apply,
                                    struct buffer *out)
{
    buffer_put_u32(out, apply->from);
    buffer_append_slice(out, apply->page);
}

enum status message_partition_apply_decode(struct slice body, struct message_partition_apply *out)
{
    struct reader reader = reader_make(body);
    out->from = reader_u32(&reader);
    out->page = reader_take(&reader, reader_left(&reader));
    return reader_end(&reader);
}

void message_partition_applied_encode(const struct message_partition_applied *applied,
                                      struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)applied->status);
    buffer_put_u8(out, applied->done);
    buffer_put_u32(out, applied->cell_count);
}

enum status message_partition_applied_decode(struct slice body,
                                             struct message_partition_applied *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->done = get_bool(&reader);
    out->cell_count = reader_u32(&reader);
    return reader_end(&reader);
}
