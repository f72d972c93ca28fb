#include "wire/message_fetch.h"

void fetch_key_encode(const struct fetch_key *key, struct buffer *out)
{
    buffer_put_bytes(out, key->key);
    buffer_put_varint(out, key->dot_count);
    buffer_append_slice(out, key->dots);
}

void fetch_key_decode(struct reader *reader, struct fetch_key *out)
{
    struct dot dot;
    out->key = reader_bytes(reader);
    out->dot_count = (uint16_t)reader_varint_max(reader, CELL_SIBLINGS_MAX);
    struct reader before = *reader;
    for (uint16_t i = 0; i < out->dot_count && !reader->failed; i++)
        dot_decode(reader, &dot);
    size_t length = reader->failed ? 0 : reader_left(&before) - reader_left(reader);
    out->dots = reader_take(&before, length);
}

void message_fetch_encode(const struct message_fetch *fetch, struct buffer *out)
{
    replica_address_encode(&fetch->address, out);
    buffer_put_u16(out, fetch->keyspace);
    buffer_put_u16(out, fetch->key_count);
    buffer_append_slice(out, fetch->keys);
}

enum status message_fetch_decode(struct slice body, struct message_fetch *out)
{
    struct reader reader = reader_make(body);
    replica_address_decode(&reader, &out->address);
    out->keyspace = reader_u16(&reader);
    out->key_count = reader_u16(&reader);
    out->keys = reader_take(&reader, reader_left(&reader));
    struct reader keys = reader_make(out->keys);
    struct fetch_key key;
    for (uint16_t i = 0; i < out->key_count && !keys.failed; i++)
        fetch_key_decode(&keys, &key);
    return reader_end(&reader) == STATUS_OK ? reader_end(&keys) : STATUS_CORRUPT;
}
