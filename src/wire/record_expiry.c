#include "wire/record_expiry.h"

#include <assert.h>

#include "wire/record.h"

void record_expiry_bound(partition_id partition, struct buffer *out)
{
    buffer_put_u8(out, RECORD_EXPIRY);
    buffer_put_u16(out, partition);
}

void record_expiry_name(const struct expiry_name *name, struct buffer *out)
{
    assert(name->key.length <= RECORD_KEY_BYTES_MAX);
    record_expiry_bound(name->partition, out);
    buffer_put_u64(out, name->expire_at_ms);
    buffer_put_u16(out, name->keyspace);
    buffer_put_u16(out, (uint16_t)name->key.length);
    buffer_append_slice(out, name->key);
}

enum status record_expiry_name_decode(struct slice name, struct expiry_name *out)
{
    struct reader reader = reader_make(name);
    *out = (struct expiry_name){0};
    if (name.length == 0 || reader_u8(&reader) != RECORD_EXPIRY)
        return STATUS_NOT_FOUND;
    out->partition = reader_u16(&reader);
    out->expire_at_ms = reader_u64(&reader);
    out->keyspace = reader_u16(&reader);
    out->key = reader_take(&reader, reader_u16(&reader));
    return reader_end(&reader);
}

void expiry_record_encode(struct buffer *out)
{
    buffer_put_u8(out, RECORD_VERSION);
}

enum status expiry_record_decode(struct slice bytes)
{
    return bytes.length == 1 && bytes.data[0] == RECORD_VERSION ? STATUS_OK : STATUS_CORRUPT;
}
