#include "wire/record_order.h"

#include <assert.h>

#include "wire/record.h"

void record_order_bound(uint64_t position, struct buffer *out)
{
    buffer_put_u8(out, RECORD_ORDER);
    buffer_put_u64(out, position);
}

void record_order_prefix(uint64_t position, keyspace_id keyspace, struct slice key, uint8_t tag,
                         struct buffer *out)
{
    assert(key.length <= RECORD_KEY_BYTES_MAX);
    record_order_bound(position, out);
    buffer_put_u16(out, keyspace);
    buffer_put_u16(out, (uint16_t)key.length);
    buffer_append_slice(out, key);
    buffer_put_u8(out, tag);
}

enum status record_order_decode(struct slice name, struct order_name *out)
{
    struct reader reader = reader_make(name);
    *out = (struct order_name){0};
    if (name.length == 0 || reader_u8(&reader) != RECORD_ORDER)
        return STATUS_NOT_FOUND;
    out->position = reader_u64(&reader);
    out->keyspace = reader_u16(&reader);
    out->key = reader_take(&reader, reader_u16(&reader));
    out->tag = reader_u8(&reader);
    out->rest = reader_take(&reader, reader_left(&reader));
    if (out->tag > ORDER_SCORES ||
        (out->tag == ORDER_SCORES && out->rest.length < ORDER_SCORE_BYTES))
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void order_value_encode(const struct order_value *value, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    buffer_put_u8(out, value->looks);
    if (!value->looks)
        dot_encode(&value->dot, out);
}

enum status order_value_decode(struct slice bytes, struct order_value *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct order_value){0};
    uint8_t version = reader_u8(&reader), looks = reader_u8(&reader);
    out->looks = looks == 1;
    if (version != RECORD_VERSION || looks > 1)
        return STATUS_CORRUPT;
    if (!out->looks)
        dot_decode(&reader, &out->dot);
    return reader_end(&reader);
}
