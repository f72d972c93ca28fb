#include "wire/message_tree_local.h"

#include "wire/message_parts.h"

/* These never leave the process, so what does not decode is a bug that its reader asserts. */

static struct slice get_rest(struct reader *reader)
{
    return reader_take(reader, reader_left(reader));
}

void message_tree_ask_encode(const struct message_tree_ask *ask, struct buffer *out)
{
    buffer_put_u16(out, ask->partition);
    buffer_put_u16(out, ask->ask);
    buffer_put_u8(out, ask->flags);
    buffer_put_u8(out, ask->parent_bits);
    buffer_put_u8(out, ask->bits);
    buffer_put_u32(out, ask->index);
    buffer_append_slice(out, ask->from);
}

enum status message_tree_ask_decode(struct slice body, struct message_tree_ask *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->ask = reader_u16(&reader);
    out->flags = reader_u8(&reader);
    out->parent_bits = reader_u8(&reader);
    out->bits = reader_u8(&reader);
    out->index = reader_u32(&reader);
    out->from = get_rest(&reader);
    return reader_end(&reader);
}

void message_tree_apply_encode(const struct message_tree_apply *apply, struct buffer *out)
{
    buffer_put_u32(out, apply->from);
    buffer_append_slice(out, apply->result);
}

enum status message_tree_apply_decode(struct slice body, struct message_tree_apply *out)
{
    struct reader reader = reader_make(body);
    out->from = reader_u32(&reader);
    out->result = get_rest(&reader);
    return reader_end(&reader);
}

void message_tree_applied_encode(const struct message_tree_applied *applied, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)applied->status);
    buffer_put_u32(out, applied->differences.behind);
    buffer_put_u32(out, applied->differences.superseded);
    buffer_put_u32(out, applied->differences.in_flight);
    buffer_put_u32(out, applied->differences.corrupt);
    buffer_put_u32(out, applied->differences.expired);
    buffer_put_u32(out, applied->repaired);
    buffer_put_u32(out, applied->refused);
    buffer_put_bytes(out, applied->next);
    buffer_append_slice(out, applied->repair);
}

enum status message_tree_applied_decode(struct slice body, struct message_tree_applied *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->differences.behind = reader_u32(&reader);
    out->differences.superseded = reader_u32(&reader);
    out->differences.in_flight = reader_u32(&reader);
    out->differences.corrupt = reader_u32(&reader);
    out->differences.expired = reader_u32(&reader);
    out->repaired = reader_u32(&reader);
    out->refused = reader_u32(&reader);
    out->next = reader_bytes(&reader);
    out->repair = get_rest(&reader);
    return reader_end(&reader);
}

void message_scrub_encode(const struct message_scrub *scrub, struct buffer *out)
{
    buffer_put_u16(out, scrub->partition);
    buffer_put_u8(out, scrub->flags);
    buffer_put_u32(out, scrub->cells_max);
    buffer_put_u32(out, scrub->bytes_max);
}

enum status message_scrub_decode(struct slice body, struct message_scrub *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->flags = reader_u8(&reader);
    out->cells_max = reader_u32(&reader);
    out->bytes_max = reader_u32(&reader);
    return reader_end(&reader);
}

void message_scrubbed_encode(const struct message_scrubbed *scrubbed, struct buffer *out)
{
    put_status(out, scrubbed->status);
    buffer_put_u8(out, scrubbed->finished);
    buffer_put_u32(out, scrubbed->cells);
    buffer_put_u64(out, scrubbed->bytes);
    buffer_put_u32(out, scrubbed->leaves_wrong);
}

enum status message_scrubbed_decode(struct slice body, struct message_scrubbed *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->finished = get_bool(&reader);
    out->cells = reader_u32(&reader);
    out->bytes = reader_u64(&reader);
    out->leaves_wrong = reader_u32(&reader);
    return reader_end(&reader);
}

void message_tree_state_encode(const struct message_tree_state *state, struct buffer *out)
{
    buffer_put_u16(out, state->partition);
    buffer_put_u8(out, state->fits);
    buffer_put_u64(out, state->cells);
    buffer_put_u64(out, state->scrubbed_ms);
}

enum status message_tree_state_decode(struct slice body, struct message_tree_state *out)
{
    struct reader reader = reader_make(body);
    out->partition = reader_u16(&reader);
    out->fits = get_bool(&reader);
    out->cells = reader_u64(&reader);
    out->scrubbed_ms = reader_u64(&reader);
    return reader_end(&reader);
}
