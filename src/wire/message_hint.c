#include "wire/message_hint.h"

#include "wire/message_parts.h"

void message_hint_encode(node_id intended, struct slice replicate, struct buffer *out)
{
    buffer_put_u32(out, intended);
    buffer_append_slice(out, replicate);
}

enum status message_hint_decode(struct slice body, struct message_hint *out)
{
    struct reader reader = reader_make(body);
    out->intended = reader_u32(&reader);
    if (reader.failed)
        return STATUS_CORRUPT;
    return message_replicate_decode(reader_take(&reader, reader_left(&reader)), &out->replicate);
}

/* A count and so many partitions, ascending. */
static struct slice get_partitions(struct reader *reader, uint16_t *count)
{
    *count = (uint16_t)reader_varint_max(reader, PARTITION_COUNT_MAX);
    struct slice list = reader_take(reader, (size_t)*count * 2);
    struct reader items = reader_make(list);
    uint16_t previous = 0;
    for (uint16_t i = 0; i < *count && !reader->failed; i++) {
        uint16_t partition = reader_u16(&items);
        if (partition >= PARTITION_COUNT_MAX || (i > 0 && partition <= previous))
            reader->failed = true;
        previous = partition;
    }
    return list;
}

void message_hint_state_encode(const struct message_hint_state *state, struct buffer *out)
{
    buffer_put_u8(out, state->flags);
    buffer_put_varint(out, state->held_count);
    buffer_append_slice(out, state->held);
    buffer_put_varint(out, state->full_count);
    buffer_append_slice(out, state->full);
}

enum status message_hint_state_decode(struct slice body, struct message_hint_state *out)
{
    struct reader reader = reader_make(body);
    out->flags = reader_u8(&reader);
    if (out->flags > HINT_STATE_FLAGS_ALL)
        reader.failed = true;
    out->held = get_partitions(&reader, &out->held_count);
    out->full = get_partitions(&reader, &out->full_count);
    return reader_end(&reader);
}

void message_hints_scan_encode(const struct message_hints_scan *scan, struct buffer *out)
{
    buffer_put_u16(out, scan->partition);
    buffer_put_u32(out, scan->target);
    buffer_put_bytes(out, scan->after);
    buffer_put_varint(out, scan->bytes_max);
    buffer_put_varint(out, scan->count_max);
}

enum status message_hints_scan_decode(struct slice body, struct message_hints_scan *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->target = reader_u32(&reader);
    out->after = reader_bytes(&reader);
    out->bytes_max = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    out->count_max = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    return reader_end(&reader);
}

void hint_mark_encode(const struct hint_mark *mark, struct buffer *out)
{
    buffer_put_bytes(out, mark->name);
    buffer_put_u64(out, mark->digest);
    buffer_put_varint(out, mark->first_ms);
}

void hint_mark_decode(struct reader *reader, struct hint_mark *out)
{
    out->name = reader_bytes(reader);
    out->digest = reader_u64(reader);
    out->first_ms = reader_varint(reader);
}

static bool is_mark_list(struct slice marks, uint32_t count)
{
    struct reader reader = reader_make(marks);
    struct hint_mark mark;
    for (uint32_t i = 0; i < count && !reader.failed; i++)
        hint_mark_decode(&reader, &mark);
    return reader_end(&reader) == STATUS_OK;
}

static bool is_delivery_list(struct slice deliveries, uint32_t count)
{
    struct reader reader = reader_make(deliveries);
    struct cell_delivery delivery;
    for (uint32_t i = 0; i < count && !reader.failed; i++)
        cell_delivery_decode(&reader, &delivery);
    return reader_end(&reader) == STATUS_OK;
}

void message_hints_page_encode(const struct message_hints_page *page, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)page->status);
    buffer_put_u8(out, page->done);
    buffer_put_bytes(out, page->last);
    buffer_put_varint(out, page->count);
    buffer_put_bytes(out, page->marks);
    buffer_put_bytes(out, page->deliveries);
}

enum status message_hints_page_decode(struct slice body, struct message_hints_page *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->done = get_bool(&reader);
    out->last = reader_bytes(&reader);
    out->count = (uint32_t)reader_varint_max(&reader, UINT16_MAX);
    out->marks = reader_bytes(&reader);
    out->deliveries = reader_bytes(&reader);
    if (!reader.failed &&
        (!is_mark_list(out->marks, out->count) || !is_delivery_list(out->deliveries, out->count)))
        reader.failed = true;
    return reader_end(&reader);
}

void message_hints_drop_encode(const struct message_hints_drop *drop, struct buffer *out)
{
    buffer_put_u16(out, drop->partition);
    buffer_put_u32(out, drop->target);
    buffer_put_varint(out, drop->count);
    buffer_put_bytes(out, drop->marks);
}

enum status message_hints_drop_decode(struct slice body, struct message_hints_drop *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->target = reader_u32(&reader);
    out->count = (uint32_t)reader_varint_max(&reader, UINT16_MAX);
    out->marks = reader_bytes(&reader);
    if (!reader.failed && !is_mark_list(out->marks, out->count))
        reader.failed = true;
    return reader_end(&reader);
}

void message_hints_dropped_encode(const struct message_hints_dropped *dropped, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)dropped->status);
    buffer_put_varint(out, dropped->count);
}

enum status message_hints_dropped_decode(struct slice body, struct message_hints_dropped *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->count = (uint32_t)reader_varint_max(&reader, UINT16_MAX);
    return reader_end(&reader);
}

void message_hint_counts_encode(const struct message_hint_counts *counts, struct buffer *out)
{
    buffer_put_u16(out, counts->partition);
    buffer_put_varint(out, counts->cells);
    buffer_put_varint(out, counts->bytes);
    buffer_put_u8(out, counts->debt_count);
    for (uint8_t i = 0; i < counts->debt_count; i++) {
        buffer_put_u32(out, counts->debts[i].target);
        buffer_put_varint(out, counts->debts[i].cells);
        buffer_put_varint(out, counts->debts[i].bytes);
        buffer_put_varint(out, counts->debts[i].oldest_ms);
    }
    buffer_put_u8(out, counts->full);
    buffer_put_u8(out, counts->store_full);
    buffer_put_varint(out, counts->store_bytes);
    buffer_put_varint(out, counts->aside);
    buffer_put_varint(out, counts->stored);
    buffer_put_varint(out, counts->merged);
    buffer_put_varint(out, counts->repeated);
    buffer_put_varint(out, counts->refused);
}

enum status message_hint_counts_decode(struct slice body, struct message_hint_counts *out)
{
    struct reader reader = reader_make(body);
    *out = (struct message_hint_counts){.partition = reader_u16(&reader)};
    out->cells = reader_varint(&reader);
    out->bytes = reader_varint(&reader);
    out->debt_count = reader_u8(&reader);
    if (out->debt_count > RING_OWNERS_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->debt_count; i++) {
        out->debts[i].target = reader_u32(&reader);
        out->debts[i].cells = reader_varint(&reader);
        out->debts[i].bytes = reader_varint(&reader);
        out->debts[i].oldest_ms = reader_varint(&reader);
    }
    out->full = get_bool(&reader);
    out->store_full = get_bool(&reader);
    out->store_bytes = reader_varint(&reader);
    out->aside = reader_varint(&reader);
    out->stored = reader_varint(&reader);
    out->merged = reader_varint(&reader);
    out->repeated = reader_varint(&reader);
    out->refused = reader_varint(&reader);
    return reader_end(&reader);
}

void message_log_debt_encode(const struct message_log_debt *debt, struct buffer *out)
{
    buffer_put_u8(out, debt->kind);
    buffer_put_u64(out, debt->request);
    buffer_put_u32(out, debt->node);
}

enum status message_log_debt_decode(struct slice body, struct message_log_debt *out)
{
    struct reader reader = reader_make(body);
    out->kind = reader_u8(&reader);
    if (out->kind >= LOG_DEBT_KIND_COUNT)
        reader.failed = true;
    out->request = reader_u64(&reader);
    out->node = reader_u32(&reader);
    return reader_end(&reader);
}

void log_debt_encode(const struct log_debt *debt, struct buffer *out)
{
    buffer_put_u32(out, debt->node);
    buffer_put_varint(out, debt->unknown);
    buffer_put_varint(out, debt->events_at_pull);
    buffer_put_varint(out, debt->events);
    buffer_put_varint(out, debt->bytes);
    buffer_put_varint(out, debt->unshown);
}

void log_debt_decode(struct reader *reader, struct log_debt *out)
{
    out->node = reader_u32(reader);
    out->unknown = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->events_at_pull = reader_varint(reader);
    out->events = reader_varint(reader);
    out->bytes = reader_varint(reader);
    out->unshown = (uint32_t)reader_varint_max(reader, UINT32_MAX);
}

void message_log_debts_encode(const struct message_log_debts *debts, struct buffer *out)
{
    buffer_put_varint(out, debts->count);
    buffer_put_varint(out, debts->mark);
    buffer_append_slice(out, debts->debts);
}

enum status message_log_debts_decode(struct slice body, struct message_log_debts *out)
{
    struct reader reader = reader_make(body);
    struct log_debt debt;
    out->count = (uint16_t)reader_varint_max(&reader, UINT16_MAX);
    out->mark = reader_varint(&reader);
    out->debts = reader_take(&reader, reader_left(&reader));
    struct reader rows = reader_make(out->debts);
    for (uint16_t i = 0; i < out->count && !rows.failed; i++)
        log_debt_decode(&rows, &debt);
    return reader.failed ? STATUS_CORRUPT : reader_end(&rows);
}
