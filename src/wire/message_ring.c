#include "wire/message_ring.h"

void message_ring_told_encode(const struct ring_testimony *testimony, struct buffer *out)
{
    uint32_t next = 0;
    buffer_put_varint(out, testimony->storage_incarnation);
    buffer_put_varint(out, testimony->dropping);
    buffer_put_varint(out, testimony->seq);
    buffer_put_varint(out, testimony->hints);
    buffer_put_varint(out, testimony->count);
    for (uint32_t i = 0; i < testimony->count; i++) {
        const struct ring_holding *holding = &testimony->holdings[i];
        buffer_put_varint(out, holding->partition - next);
        buffer_put_varint(out, holding->tag.epoch);
        buffer_put_u8(out, holding->tag.phase);
        buffer_put_u8(out, holding->flags);
        next = holding->partition + 1u;
    }
}

static void read_holding(struct reader *reader, uint32_t next, struct ring_holding *out)
{
    uint64_t partition = next + reader_varint_max(reader, PARTITION_COUNT_MAX - 1);
    out->tag.epoch = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->tag.phase = reader_u8(reader);
    out->flags = reader_u8(reader);
    if (partition >= PARTITION_COUNT_MAX || out->tag.phase > RING_SWITCHED ||
        (out->flags & ~RING_HOLDING_FLAGS) != 0)
        reader->failed = true;
    out->partition = (partition_id)partition;
}

enum status message_ring_told_decode(struct slice body, struct ring_testimony *out)
{
    struct reader reader = reader_make(body);
    uint32_t next = 0;
    *out = (struct ring_testimony){0};
    out->storage_incarnation = (uint16_t)reader_varint_max(&reader, UINT16_MAX);
    out->dropping = (uint32_t)reader_varint_max(&reader, PARTITION_COUNT_MAX);
    out->seq = reader_varint(&reader);
    out->hints = reader_varint(&reader);
    uint64_t count = reader_varint_max(&reader, PARTITION_COUNT_MAX);
    for (uint64_t i = 0; i < count && !reader.failed; i++) {
        struct ring_holding holding;
        read_holding(&reader, next, &holding);
        if (!reader.failed)
            ring_testimony_add(out, &holding);
        next = holding.partition + 1u;
    }
    return reader_end(&reader);
}

void message_holdings_state_encode(const struct message_holdings_state *state, struct buffer *out)
{
    buffer_put_u8(out, state->more);
    buffer_put_u8(out, state->waits);
    buffer_put_varint(out, state->dropping);
    buffer_put_varint(out, state->dropped);
}

enum status message_holdings_state_decode(struct slice body, struct message_holdings_state *out)
{
    struct reader reader = reader_make(body);
    uint8_t more = reader_u8(&reader), waits = reader_u8(&reader);
    *out = (struct message_holdings_state){.more = more == 1, .waits = waits == 1};
    out->dropping = (uint32_t)reader_varint_max(&reader, PARTITION_COUNT_MAX);
    out->dropped = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    return more > 1 || waits > 1 ? STATUS_CORRUPT : reader_end(&reader);
}
