#include "wire/message_garbage.h"

#include "wire/message_parts.h"

void message_stability_encode(const struct message_stability *stability, struct buffer *out)
{
    buffer_put_varint(out, stability->number);
    buffer_put_u8(out, stability->keeps_hints);
    buffer_put_varint(out, stability->echo_us);
    buffer_put_varint(out, stability->closed);
    buffer_put_u8(out, stability->waits_for_time);
    buffer_put_u16(out, stability->count);
    buffer_append_slice(out, stability->reports);
}

enum status message_stability_decode(struct slice body, struct message_stability *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    uint8_t keeps_hints = reader_u8(&reader);
    out->keeps_hints = keeps_hints == 1;
    out->echo_us = reader_varint(&reader);
    out->closed = reader_varint(&reader);
    uint8_t waits_for_time = reader_u8(&reader);
    out->waits_for_time = waits_for_time == 1;
    out->count = reader_u16(&reader);
    if (keeps_hints > 1 || waits_for_time > 1)
        reader.failed = true;
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

void message_stability_heard_encode(const struct message_stability_heard *heard, struct buffer *out)
{
    buffer_put_varint(out, heard->number);
    buffer_put_varint(out, heard->sent_us);
}

enum status message_stability_heard_decode(struct slice body, struct message_stability_heard *out)
{
    struct reader reader = reader_make(body);
    out->number = reader_varint(&reader);
    out->sent_us = reader_varint(&reader);
    return reader_end(&reader);
}

void message_stability_step_encode(const struct message_stability_step *step, struct buffer *out)
{
    buffer_put_u8(out, step->kind);
    buffer_put_u32(out, step->node);
    buffer_put_varint(out, step->number);
    buffer_put_varint(out, step->heard_us);
    buffer_append_slice(out, step->body);
}

enum status message_stability_step_decode(struct slice body, struct message_stability_step *out)
{
    struct reader reader = reader_make(body);
    out->kind = reader_u8(&reader);
    out->node = reader_u32(&reader);
    out->number = reader_varint(&reader);
    out->heard_us = reader_varint(&reader);
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
        buffer_put_u8(out, garbage->holders[i].may_hint);
        buffer_put_varint(out, garbage->holders[i].partitions);
    }
}

enum status message_garbage_decode(struct slice body, struct message_garbage *out)
{
    struct reader reader = reader_make(body);
    out->more = get_bool(&reader);
    out->tombstones = reader_varint(&reader);
    out->waiting = reader_varint(&reader);
    out->purged = reader_varint(&reader);
    out->log_records = reader_varint(&reader);
    out->log_bytes = reader_varint(&reader);
    out->holder_count = reader_u8(&reader);
    if (out->holder_count > GARBAGE_HOLDERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->holder_count; i++) {
        out->holders[i].node = reader_u32(&reader);
        out->holders[i].may_hint = get_bool(&reader);
        out->holders[i].partitions = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    }
    return reader_end(&reader);
}
