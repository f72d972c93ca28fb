#include "store_helpers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"

enum { VALUE_BYTES = 200 };

static void count_fatal(void *context, const char *reason)
{
    (void)reason;
    ++*(int *)context;
}

struct leveldb_store_params helper_params(const char *path, int *fatal_count)
{
    struct leveldb_store_params params;
    leveldb_store_params_init(&params);
    params.path = path;
    params.compress = false; /* so that tests find what they damage */
    params.fatal = count_fatal;
    params.fatal_context = fatal_count;
    return params;
}

struct leveldb_store *helper_create(const struct leveldb_store_params *params)
{
    struct leveldb_store *store = NULL;
    char reason[STORE_REASON_MAX] = "";
    if (leveldb_store_create(params, &store, reason) != STATUS_OK)
        fail_msg("%s", reason);
    return store;
}

struct leveldb_store *helper_open(const struct leveldb_store_params *params)
{
    struct leveldb_store *store = NULL;
    char reason[STORE_REASON_MAX] = "";
    if (leveldb_store_open(params, &store, reason) != STATUS_OK)
        fail_msg("%s", reason);
    return store;
}

enum status helper_put(struct leveldb_store *store, const char *key, const char *value)
{
    struct buffer batch = {0};
    store_batch_put(&batch, slice_text(key), slice_text(value));
    enum status status = leveldb_store_apply(store, buffer_slice(&batch), true);
    buffer_deinit(&batch);
    return status;
}

enum status helper_get(struct leveldb_store *store, const char *key, const char *value)
{
    const struct store_port *port = leveldb_store_port(store);
    struct buffer found = {0};
    enum status status = port->get(port->context, slice_text(key), &found);
    if (status == STATUS_OK)
        assert_true(slice_equal(buffer_slice(&found), slice_text(value)));
    buffer_deinit(&found);
    return status;
}

/* Noise behind the text, so that nothing is compressed and every byte counts. */
static void fill_value(unsigned i, char key[16], char value[VALUE_BYTES + 1])
{
    struct random random = random_make(i);
    snprintf(key, 16, "key%06u", i);
    int length = snprintf(value, VALUE_BYTES, "value of %s ", key);
    for (int at = length; at < VALUE_BYTES; at++)
        value[at] = (char)('a' + random_below(&random, 26));
    value[VALUE_BYTES] = 0;
}

void helper_fill(struct leveldb_store *store, unsigned count, unsigned per_batch)
{
    struct buffer batch = {0};
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        char value[VALUE_BYTES + 1];
        fill_value(i, key, value);
        store_batch_put(&batch, slice_text(key), slice_text(value));
        if ((i + 1) % per_batch != 0 && i + 1 < count)
            continue;
        assert_int_equal(leveldb_store_apply(store, buffer_slice(&batch), true), STATUS_OK);
        buffer_clear(&batch);
    }
    buffer_deinit(&batch);
}

struct helper_census helper_census_by_get(struct leveldb_store *store, unsigned count)
{
    struct helper_census census = {0};
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        char value[VALUE_BYTES + 1];
        fill_value(i, key, value);
        enum status status = helper_get(store, key, value);
        census.right += status == STATUS_OK;
        census.missing += status == STATUS_NOT_FOUND;
        census.failed += status != STATUS_OK && status != STATUS_NOT_FOUND;
    }
    return census;
}

struct helper_census helper_census_by_walk(struct leveldb_store *store, enum status *error)
{
    const struct store_port *port = leveldb_store_port(store);
    struct helper_census census = {0};
    bool same = true;
    struct store_iterator *iterator = port->iterator_new(port->context);
    for (port->seek(iterator, slice_text("key")); port->valid(iterator); port->next(iterator)) {
        char key[16];
        char value[VALUE_BYTES + 1];
        fill_value(census.right, key, value);
        same = same && slice_equal(port->key(iterator), slice_text(key)) &&
               slice_equal(port->value(iterator), slice_text(value));
        census.right++;
    }
    *error = port->error(iterator);
    port->iterator_free(iterator); /* before anything can fail: close waits for it */
    assert_true(same);
    return census;
}
