#include "wire/message_order.h"

#include "ring/element_key.h"
#include "wire/message_parts.h"

void message_order_encode(const struct message_order *order, struct buffer *out)
{
    replica_address_encode(&order->address, out);
    buffer_put_u16(out, order->keyspace);
    buffer_put_u8(out, order->reversed);
    buffer_put_u32(out, order->limit);
    buffer_put_bytes(out, order->key);
    buffer_append_slice(out, order->from);
}

enum status message_order_decode(struct slice body, struct message_order *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->reversed = get_bool(&reader);
    out->limit = reader_u32(&reader);
    out->key = reader_bytes(&reader);
    out->from = reader_take(&reader, reader_left(&reader));
    if (keyspace_has_elements(out->keyspace) || !element_key_fits(out->key, out->from))
        return STATUS_CORRUPT;
    return reader_end(&reader);
}

void order_entry_encode(const struct order_entry *entry, struct buffer *out)
{
    buffer_put_bytes(out, entry->name);
    order_value_put(&entry->value, out);
}

void order_entry_decode(struct reader *reader, struct order_entry *out)
{
    *out = (struct order_entry){0};
    out->name = reader_bytes(reader);
    order_value_get(reader, &out->value);
    if (out->name.length < ORDER_SCORE_BYTES)
        reader->failed = true;
}

void message_order_result_encode(const struct message_order_result *result, struct buffer *out)
{
    put_status(out, result->status);
    buffer_put_u8(out, result->done);
    buffer_put_u8(out, result->counts);
    buffer_put_u8(out, result->type);
    buffer_put_bytes(out, result->head);
    buffer_put_bytes(out, result->next);
    buffer_put_u32(out, result->entry_count);
    buffer_append_slice(out, result->entries);
}

enum status message_order_result_decode(struct slice body, struct message_order_result *out)
{
    struct reader reader = reader_make(body);
    out->status = get_status(&reader);
    out->done = get_bool(&reader);
    out->counts = get_bool(&reader);
    out->type = reader_u8(&reader);
    out->head = reader_bytes(&reader);
    out->next = reader_bytes(&reader);
    out->entry_count = reader_u32(&reader);
    out->entries = reader_take(&reader, reader_left(&reader));
    struct reader entries = reader_make(out->entries);
    for (uint32_t i = 0; i < out->entry_count && !entries.failed; i++) {
        struct order_entry entry;
        order_entry_decode(&entries, &entry);
    }
    if (out->type >= COLLECTION_TYPE_END || reader_end(&reader) != STATUS_OK)
        return STATUS_CORRUPT;
    return reader_end(&entries);
}
