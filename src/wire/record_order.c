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

enum value_form { VALUE_DOT, VALUE_LOOKS, VALUE_DOT_AND_TIME, VALUE_FORM_COUNT };

void order_value_put(const struct order_value *value, struct buffer *out)
{
    buffer_put_u8(out, value->looks       ? VALUE_LOOKS
                       : value->time == 0 ? VALUE_DOT
                                          : VALUE_DOT_AND_TIME);
    if (value->looks)
        return;
    dot_encode(&value->dot, out);
    if (value->time != 0)
        buffer_put_u64(out, value->time);
}

void order_value_get(struct reader *reader, struct order_value *out)
{
    *out = (struct order_value){0};
    uint8_t form = reader_u8(reader);
    out->looks = form == VALUE_LOOKS;
    if (form >= VALUE_FORM_COUNT)
        reader->failed = true;
    if (form == VALUE_DOT || form == VALUE_DOT_AND_TIME)
        dot_decode(reader, &out->dot);
    if (form == VALUE_DOT_AND_TIME)
        out->time = reader_u64(reader);
    if (form == VALUE_DOT_AND_TIME && out->time == 0)
        reader->failed = true; /* it has a shorter form */
}

void order_value_encode(const struct order_value *value, struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
    order_value_put(value, out);
}

enum status order_value_decode(struct slice bytes, struct order_value *out)
{
    struct reader reader = reader_make(bytes);
    uint8_t version = reader_u8(&reader);
    *out = (struct order_value){0};
    if (version != RECORD_VERSION)
        return STATUS_CORRUPT;
    order_value_get(&reader, out);
    return reader_end(&reader);
}
