#include "memory_store.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static size_t lower_bound(const struct memory_store *store, struct slice key)
{
    size_t low = 0, high = store->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slice_compare(buffer_slice(&store->records[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct memory_store *store, size_t at, struct slice key)
{
    return at < store->count && slice_equal(buffer_slice(&store->records[at].key), key);
}

static void put(struct memory_store *store, struct slice key, struct slice value)
{
    size_t at = lower_bound(store, key);
    if (!is_at(store, at, key)) {
        if (store->count == store->capacity) {
            store->capacity = store->capacity == 0 ? 16 : store->capacity * 2;
            store->records = memory_resize(store->records, store->capacity, sizeof *store->records);
        }
        memmove(&store->records[at + 1], &store->records[at],
                (store->count - at) * sizeof *store->records);
        store->count++;
        store->records[at] = (struct memory_record){0};
        buffer_append_slice(&store->records[at].key, key);
    }
    buffer_clear(&store->records[at].value);
    buffer_append_slice(&store->records[at].value, value);
}

static void remove_key(struct memory_store *store, struct slice key)
{
    size_t at = lower_bound(store, key);
    if (!is_at(store, at, key))
        return;
    buffer_deinit(&store->records[at].key);
    buffer_deinit(&store->records[at].value);
    store->count--;
    memmove(&store->records[at], &store->records[at + 1],
            (store->count - at) * sizeof *store->records);
}

void memory_store_apply(struct memory_store *store, struct slice batch)
{
    struct reader reader = reader_make(batch);
    enum store_operation operation;
    struct slice key, value;
    while (store_batch_next(&reader, &operation, &key, &value)) {
        if (operation == STORE_PUT)
            put(store, key, value);
        else
            remove_key(store, key);
    }
}

void memory_store_deinit(struct memory_store *store)
{
    for (size_t i = 0; i < store->count; i++) {
        buffer_deinit(&store->records[i].key);
        buffer_deinit(&store->records[i].value);
    }
    free(store->records);
    buffer_deinit(&store->broken);
    *store = (struct memory_store){0};
}

static enum status port_get(void *context, struct slice key, struct buffer *out)
{
    struct memory_store *store = context;
    size_t at = lower_bound(store, key);
    if (store->broken.length > 0 && slice_equal(buffer_slice(&store->broken), key))
        return STATUS_CORRUPT;
    if (!is_at(store, at, key))
        return STATUS_NOT_FOUND;
    buffer_append_slice(out, buffer_slice(&store->records[at].value));
    return STATUS_OK;
}

struct store_iterator {
    struct memory_store view;
    size_t at; /* view.count: at neither record */
};

static struct store_iterator *port_iterator_new(void *context)
{
    const struct memory_store *store = context;
    struct store_iterator *iterator = memory_new(1, sizeof *iterator);
    for (size_t i = 0; i < store->count; i++)
        put(&iterator->view, buffer_slice(&store->records[i].key),
            buffer_slice(&store->records[i].value));
    iterator->at = iterator->view.count;
    return iterator;
}

static void port_iterator_free(struct store_iterator *iterator)
{
    memory_store_deinit(&iterator->view);
    free(iterator);
}

static void port_seek(struct store_iterator *iterator, struct slice key)
{
    iterator->at = lower_bound(&iterator->view, key);
}

static void port_seek_before(struct store_iterator *iterator, struct slice key)
{
    size_t at = lower_bound(&iterator->view, key);
    iterator->at = at == 0 ? iterator->view.count : at - 1;
}

static void port_next(struct store_iterator *iterator)
{
    iterator->at++;
}

static void port_previous(struct store_iterator *iterator)
{
    iterator->at = iterator->at == 0 ? iterator->view.count : iterator->at - 1;
}

static bool port_valid(const struct store_iterator *iterator)
{
    return iterator->at < iterator->view.count;
}

static struct slice port_key(const struct store_iterator *iterator)
{
    return buffer_slice(&iterator->view.records[iterator->at].key);
}

static struct slice port_value(const struct store_iterator *iterator)
{
    return buffer_slice(&iterator->view.records[iterator->at].value);
}

static enum status port_error(const struct store_iterator *iterator)
{
    (void)iterator;
    return STATUS_OK;
}

struct store_port memory_store_port(struct memory_store *store)
{
    return (struct store_port){.context = store,
                               .get = port_get,
                               .iterator_new = port_iterator_new,
                               .iterator_free = port_iterator_free,
                               .seek = port_seek,
                               .seek_before = port_seek_before,
                               .next = port_next,
                               .previous = port_previous,
                               .valid = port_valid,
                               .key = port_key,
                               .value = port_value,
                               .error = port_error};
}
