#include "wire/message_partition.h"

#include <assert.h>

#include "wire/message_parts.h"
#include "wire/record_request.h"

static struct slice get_place(struct reader *reader)
{
    struct slice place = reader_bytes(reader);
    if (place.length > PARTITION_PLACE_BYTES_MAX)
        reader->failed = true;
    return place;
}

void message_partition_pull_encode(const struct message_partition_pull *pull, struct buffer *out)
{
    replica_address_encode(&pull->address, out);
    buffer_put_bytes(out, pull->from);
    buffer_put_bytes(out, pull->clock);
}

enum status message_partition_pull_decode(struct slice body, struct message_partition_pull *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->from = get_place(&reader);
    out->clock = reader_bytes(&reader);
    return reader_end(&reader);
}

void message_partition_page_encode(const struct message_partition_page *page, struct buffer *out)
{
    replica_address_encode(&page->address, out);
    put_status(out, page->status);
    buffer_put_u16(out, page->storage_incarnation);
    buffer_put_u8(out, page->done);
    buffer_put_bytes(out, page->from);
    buffer_put_bytes(out, page->next);
    buffer_put_bytes(out, page->clock);
    buffer_put_u32(out, page->request_count);
    buffer_put_bytes(out, page->requests);
    buffer_put_u32(out, page->delivery_count);
    buffer_append_slice(out, page->deliveries);
}

static bool has_deliveries(const struct message_partition_page *page)
{
    struct reader deliveries = reader_make(page->deliveries);
    for (uint32_t i = 0; i < page->delivery_count && !deliveries.failed; i++) {
        struct cell_delivery delivery;
        cell_delivery_decode(&deliveries, &delivery);
    }
    return reader_end(&deliveries) == STATUS_OK;
}

static bool has_requests(const struct message_partition_page *page)
{
    struct reader requests = reader_make(page->requests);
    for (uint32_t i = 0; i < page->request_count && !requests.failed; i++) {
        struct request_record record;
        if (request_record_decode(reader_bytes(&requests), &record) != STATUS_OK)
            return false;
    }
    return reader_end(&requests) == STATUS_OK;
}

enum status message_partition_page_decode(struct slice body, struct message_partition_page *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->status = get_status(&reader);
    out->storage_incarnation = reader_u16(&reader);
    out->done = get_bool(&reader);
    out->from = get_place(&reader);
    out->next = get_place(&reader);
    out->clock = reader_bytes(&reader);
    out->request_count = reader_u32(&reader);
    out->requests = reader_bytes(&reader);
    out->delivery_count = reader_u32(&reader);
    out->deliveries = reader_take(&reader, reader_left(&reader));
    bool moves = out->done ? out->next.length == 0 : slice_compare(out->next, out->from) > 0;
    if (reader_end(&reader) != STATUS_OK || (out->status == STATUS_OK && !moves) ||
        !has_deliveries(out) || !has_requests(out))
        return STATUS_CORRUPT;
    return STATUS_OK;
}

void message_partition_ask_encode(const struct message_partition_ask *ask, struct buffer *out)
{
    assert(ask->source_count > 0 && ask->source_count <= PARTITION_SOURCES_MAX);
    buffer_put_u16(out, ask->partition);
    buffer_put_u8(out, ask->source_count);
    for (uint8_t i = 0; i < ask->source_count; i++)
        buffer_put_u32(out, ask->sources[i]);
}

enum status message_partition_ask_decode(struct slice body, struct message_partition_ask *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->source_count = reader_u8(&reader);
    if (out->source_count == 0 || out->source_count > PARTITION_SOURCES_MAX)
        return STATUS_CORRUPT;
    for (uint8_t i = 0; i < out->source_count; i++)
        out->sources[i] = reader_u32(&reader);
    return reader_end(&reader);
}

void partition_place_encode(const struct partition_place *place, struct buffer *out)
{
    buffer_put_u32(out, place->source);
    buffer_put_u32(out, place->begun);
    buffer_append_slice(out, place->pull);
}

enum status partition_place_decode(struct slice body, struct partition_place *out)
{
    struct reader reader = reader_make(body);
    out->source = reader_u32(&reader);
    out->begun = reader_u32(&reader);
    out->pull = reader_take(&reader, reader_left(&reader));
    return out->source == 0 ? STATUS_CORRUPT : reader_end(&reader);
}

void message_partition_apply_encode(const struct message_partition_apply *apply, struct buffer *out)
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
    put_status(out, applied->status);
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
