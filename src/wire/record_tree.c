#include "wire/record_tree.h"

#include "wire/record.h"

static void put_name(partition_id partition, uint8_t kind, struct buffer *out)
{
    buffer_put_u8(out, RECORD_TREE);
    buffer_put_u16(out, partition);
    buffer_put_u8(out, kind);
}

void record_tree_header_name(partition_id partition, struct buffer *out)
{
    put_name(partition, 'h', out);
}

void record_tree_page_name(partition_id partition, uint32_t page, struct buffer *out)
{
    put_name(partition, 'p', out);
    buffer_put_u32(out, page);
}

void tree_header_encode(const struct tree_header_record *header, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u8(out, header->partition_bits);
    buffer_put_u8(out, header->bits);
    buffer_put_u64(out, header->log_position);
    buffer_put_u64(out, header->scrubbed_ms);
}

enum status tree_header_decode(struct slice bytes, struct tree_header_record *out)
{
    struct reader reader = reader_make(bytes);
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    out->partition_bits = reader_u8(&reader);
    out->bits = reader_u8(&reader);
    out->log_position = reader_u64(&reader);
    out->scrubbed_ms = reader_u64(&reader);
    return reader_end(&reader);
}

void tree_page_encode(const uint64_t *hashes, const uint32_t *counts, uint32_t count,
                      struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    for (uint32_t i = 0; i < count; i++) {
        buffer_put_u64(out, hashes[i]);
        buffer_put_varint(out, counts[i]);
    }
}

enum status tree_page_decode(struct slice bytes, uint32_t count, uint64_t *hashes, uint32_t *counts)
{
    struct reader reader = reader_make(bytes);
    if (reader_u8(&reader) != RECORD_VERSION)
        return STATUS_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = reader_u64(&reader);
        counts[i] = (uint32_t)reader_varint_max(&reader, UINT32_MAX);
    }
    return reader_end(&reader);
}
