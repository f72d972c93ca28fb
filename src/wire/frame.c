#include "wire/frame.h"

#include <assert.h>

#include "base/hash.h"

enum {
    OFFSET_VERSION = 4,
    OFFSET_TYPE = 6,
    OFFSET_REQUEST = 8,
    OFFSET_LEFT = 16,
    OFFSET_CHECKSUM = 20,
    CHECKSUM_SEED = 0x52444231
};

static uint64_t checksum(const uint8_t *frame, size_t body_bytes)
{
    uint64_t head =
        hash64(slice_make(frame + OFFSET_VERSION, OFFSET_CHECKSUM - OFFSET_VERSION), CHECKSUM_SEED);
    return hash64(slice_make(frame + FRAME_HEADER_BYTES, body_bytes), head);
}

size_t frame_start(struct buffer *out, uint16_t type, request_id request, uint32_t left_ms)
{
    size_t offset = out->length;
    uint8_t *header = buffer_reserve(out, FRAME_HEADER_BYTES);
    bytes_store_u32(header, 0); /* length and checksum: frame_finish() */
    bytes_store_u16(header + OFFSET_VERSION, FRAME_VERSION);
    bytes_store_u16(header + OFFSET_TYPE, type);
    bytes_store_u64(header + OFFSET_REQUEST, request);
    bytes_store_u32(header + OFFSET_LEFT, left_ms);
    bytes_store_u64(header + OFFSET_CHECKSUM, 0);
    out->length += FRAME_HEADER_BYTES;
    return offset;
}

void frame_finish(struct buffer *out, size_t offset)
{
    size_t length = out->length - offset;
    assert(length >= FRAME_HEADER_BYTES && length <= FRAME_BYTES_MAX);
    buffer_set_u32(out, offset, (uint32_t)(length - 4));
    buffer_set_u64(out, offset + OFFSET_CHECKSUM,
                   checksum(out->data + offset, length - FRAME_HEADER_BYTES));
}

void frame_finish_inside(struct buffer *out, size_t offset)
{
    size_t length = out->length - offset;
    assert(length >= FRAME_HEADER_BYTES && length <= FRAME_BYTES_MAX);
    buffer_set_u32(out, offset, (uint32_t)(length - 4));
}

static enum status parse(struct slice bytes, struct frame *out, size_t *used, uint64_t *sum)
{
    struct reader reader = reader_make(bytes);
    if (bytes.length < 4)
        return STATUS_NOT_FOUND;
    uint32_t length = reader_u32(&reader);
    if (length < FRAME_HEADER_BYTES - 4 || length > FRAME_BYTES_MAX - 4)
        return STATUS_CORRUPT;
    if (bytes.length - 4 < length)
        return STATUS_NOT_FOUND;
    uint16_t version = reader_u16(&reader);
    out->type = reader_u16(&reader);
    out->request = reader_u64(&reader);
    out->left_ms = reader_u32(&reader);
    *sum = reader_u64(&reader);
    if (version != FRAME_VERSION)
        return STATUS_CORRUPT;
    out->body =
        slice_make(bytes.data + FRAME_HEADER_BYTES, length - (size_t)(FRAME_HEADER_BYTES - 4));
    *used = (size_t)length + 4;
    return STATUS_OK;
}

/* What is corrupt is of no length: a caller that goes on by `used` must not step over it. */
enum status frame_parse(struct slice bytes, struct frame *out, size_t *used)
{
    uint64_t sum;
    size_t length;
    enum status status = parse(bytes, out, &length, &sum);
    if (status != STATUS_OK)
        return status;
    if (sum != checksum(bytes.data, out->body.length))
        return STATUS_CORRUPT;
    *used = length;
    return STATUS_OK;
}

enum status frame_open(struct slice bytes, struct frame *out, size_t *used)
{
    uint64_t sum;
    return parse(bytes, out, used, &sum);
}
