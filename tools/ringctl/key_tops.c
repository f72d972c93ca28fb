#include "key_tops.h"

#include <stdlib.h>

#include "fields.h"

static const struct top_key NOT_LOOKED_UP = {.elements = -1, .size = -1};

/* The entry of that key; NULL when there is no room for another one. */
static struct top_key *entry_of(struct key_tops *tops, const struct resp_value *row)
{
    const struct resp_value *key = fields_get(row, "key");
    keyspace_id keyspace = (keyspace_id)fields_integer(row, "keyspace", 0);
    if (key == NULL || key->type != RESP_TYPE_BULK)
        return NULL;
    uint64_t length = (uint64_t)fields_integer(row, "length", (int64_t)key->text.length);
    for (size_t i = 0; i < tops->count; i++) {
        struct top_key *known = &tops->keys[i];
        if (known->keyspace == keyspace && known->length == length &&
            slice_equal(known->key, key->text))
            return known;
    }
    if (tops->count == KEY_TOPS_MAX)
        return NULL;
    struct top_key *fresh = &tops->keys[tops->count++];
    *fresh = NOT_LOOKED_UP;
    fresh->keyspace = keyspace;
    fresh->key = key->text;
    fresh->length = length;
    return fresh;
}

static double number_of(const struct resp_value *map, const char *name)
{
    int64_t number = fields_integer(map, name, 0);
    return number < 0 ? 0 : (double)number;
}

void key_tops_take(struct key_tops *tops, const struct resp_value *reply)
{
    const struct resp_value *rows = fields_get(reply, "keys");
    double seconds = number_of(reply, "ms") / 1000;
    if (seconds > 0)
        tops->requests += number_of(reply, "requests") / seconds;
    for (size_t i = 0; i < fields_count(rows); i++) {
        const struct resp_value *row = fields_at(rows, i);
        struct top_key *key = entry_of(tops, row);
        if (key == NULL)
            continue;
        key->bytes += (uint64_t)number_of(row, "bytes");
        if (seconds <= 0)
            continue;
        key->requests += number_of(row, "requests") / seconds;
        key->writes += number_of(row, "writes") / seconds;
    }
}

static int by_requests(const void *a, const void *b)
{
    double left = ((const struct top_key *)a)->requests;
    double right = ((const struct top_key *)b)->requests;
    return (left < right) - (left > right);
}

static int by_bytes(const void *a, const void *b)
{
    uint64_t left = ((const struct top_key *)a)->bytes;
    uint64_t right = ((const struct top_key *)b)->bytes;
    return (left < right) - (left > right);
}

static int by_size(const void *a, const void *b)
{
    const struct top_key *left = a, *right = b;
    if (left->elements != right->elements)
        return (left->elements < right->elements) - (left->elements > right->elements);
    return (left->size < right->size) - (left->size > right->size);
}

static void keep(struct key_tops *tops, size_t count)
{
    if (tops->count > count)
        tops->count = count;
}

void key_tops_by_requests(struct key_tops *tops, size_t count)
{
    qsort(tops->keys, tops->count, sizeof *tops->keys, by_requests);
    keep(tops, count);
}

void key_tops_by_bytes(struct key_tops *tops, size_t count)
{
    qsort(tops->keys, tops->count, sizeof *tops->keys, by_bytes);
    keep(tops, count);
}

void key_tops_by_size(struct key_tops *tops)
{
    qsort(tops->keys, tops->count, sizeof *tops->keys, by_size);
}

int64_t key_tops_estimate(uint64_t found, uint64_t cursor)
{
    if (cursor == 0)
        return (int64_t)found;
    double share = (double)cursor / 18446744073709551616.0; /* of 2^64 places */
    double elements = (double)found / share;
    return elements > 9e18 ? INT64_MAX : (int64_t)elements;
}

void key_tops_show(const struct top_key *key, struct buffer *out)
{
    for (size_t i = 0; i < key->key.length; i++) {
        uint8_t byte = key->key.data[i];
        if (byte >= ' ' && byte < 0x7f && byte != '\\')
            buffer_put_u8(out, byte);
        else
            buffer_printf(out, "\\x%02x", byte);
    }
    if (key->length > key->key.length)
        buffer_printf(out, "...");
}
