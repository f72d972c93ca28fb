#include "replica/store_port.h"

#include <assert.h>

void store_batch_put(struct buffer *batch, struct slice key, struct slice value)
{
    buffer_put_u8(batch, STORE_PUT);
    buffer_put_bytes(batch, key);
    buffer_put_bytes(batch, value);
}

void store_batch_delete(struct buffer *batch, struct slice key)
{
    buffer_put_u8(batch, STORE_DELETE);
    buffer_put_bytes(batch, key);
}

bool store_batch_next(struct reader *reader, enum store_operation *operation, struct slice *key,
                      struct slice *value)
{
    if (reader_left(reader) == 0)
        return false;
    *operation = reader_u8(reader);
    *key = reader_bytes(reader);
    *value = *operation == STORE_PUT ? reader_bytes(reader) : slice_make(NULL, 0);
    assert(!reader->failed);
    assert(*operation == STORE_PUT || *operation == STORE_DELETE);
    return true;
}
