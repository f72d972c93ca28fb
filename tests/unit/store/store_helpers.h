/*
 * store_helpers.h - short forms for tests that put, get and walk.
 */
#ifndef TESTS_STORE_HELPERS_H
#define TESTS_STORE_HELPERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "store/leveldb_store.h"

/*
 * Parameters for `path`; a fatal failure is counted in `*fatal_count` instead of ending the
 * process.
 */
struct leveldb_store_params helper_params(const char *path, int *fatal_count);
struct leveldb_store *helper_create(const struct leveldb_store_params *params);
struct leveldb_store *helper_open(const struct leveldb_store_params *params);

/* One synced put of texts. */
enum status helper_put(struct leveldb_store *store, const char *key, const char *value);
/* STATUS_OK when the value of `key` is `value`; asserts that no other value is ever returned. */
enum status helper_get(struct leveldb_store *store, const char *key, const char *value);

/*
 * Put "key000000" .. with values "value of key000000 ", padded to 200 bytes, `per_batch` in one
 * synced batch.
 */
void helper_fill(struct leveldb_store *store, unsigned count, unsigned per_batch);

struct helper_census {
    unsigned right;   /* as filled */
    unsigned missing; /* "not found" */
    unsigned failed;  /* any error; a wrong value fails the test at once */
};
/* Get every key of helper_fill(). */
struct helper_census helper_census_by_get(struct leveldb_store *store, unsigned count);
/*
 * Walk them all: `right` is how many were passed before the end or the error, which goes to
 * `error`.
 */
struct helper_census helper_census_by_walk(struct leveldb_store *store, enum status *error);

#endif
