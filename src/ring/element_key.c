#include "ring/element_key.h"

#include <assert.h>

#include "base/hash.h"

uint64_t element_place(struct slice element, uint64_t seed)
{
    return hash64(element, seed ^ 0x656c656d656e74u);
}

bool element_key_fits(struct slice key, struct slice element)
{
    return key.length + element.length + ELEMENT_KEY_OVERHEAD <= ELEMENT_KEY_BYTES_MAX;
}

void element_key_prefix(struct slice key, struct buffer *out)
{
    assert(key.length <= ELEMENT_KEY_BYTES_MAX);
    buffer_put_u16(out, (uint16_t)key.length);
    buffer_append_slice(out, key);
}

void element_key_prefix_of_type(struct slice key, uint8_t type, struct buffer *out)
{
    element_key_prefix(key, out);
    buffer_put_u8(out, type);
}

void element_key_bound(struct slice key, uint8_t type, uint64_t place, struct buffer *out)
{
    element_key_prefix(key, out);
    buffer_put_u8(out, type);
    buffer_put_u64(out, place);
}

void element_key_encode(struct slice key, uint8_t type, struct slice element, uint64_t seed,
                        struct buffer *out)
{
    assert(element_key_fits(key, element));
    assert(type > COLLECTION_NONE);
    assert(type < COLLECTION_TYPE_END);
    element_key_bound(key, type, element_place(element, seed), out);
    buffer_append_slice(out, element);
}

enum status element_key_decode(struct slice name, struct element_key *out)
{
    struct reader reader = reader_make(name);
    *out = (struct element_key){0};
    out->key = reader_take(&reader, reader_u16(&reader));
    out->type = reader_u8(&reader);
    out->place = reader_u64(&reader);
    if (reader.failed || out->type == COLLECTION_NONE || out->type >= COLLECTION_TYPE_END ||
        name.length > ELEMENT_KEY_BYTES_MAX)
        return STATUS_CORRUPT;
    out->element = reader_take(&reader, reader_left(&reader));
    return reader_end(&reader);
}

bool cell_name_is_sound(keyspace_id keyspace, struct slice name, uint64_t seed)
{
    struct element_key parts;
    if (!keyspace_has_elements(keyspace))
        return true;
    return element_key_decode(name, &parts) == STATUS_OK &&
           parts.place == element_place(parts.element, seed);
}
