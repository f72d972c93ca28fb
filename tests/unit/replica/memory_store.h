/*
 * memory_store.h - a store port in memory for unit tests: a sorted array.
 *
 * Batches are applied whole. An iterator walks a copy, so it sees one unchanging
 * view. A record can be made unreadable to see what its reader does.
 */
#ifndef TESTS_UNIT_REPLICA_MEMORY_STORE_H
#define TESTS_UNIT_REPLICA_MEMORY_STORE_H

#include <stddef.h>

#include "replica/store_port.h"

struct memory_record {
    struct buffer key;
    struct buffer value;
};

struct memory_store {
    struct memory_record *records; /* ascending by key */
    size_t count;
    size_t capacity;
    struct buffer broken; /* key whose get fails with STATUS_CORRUPT; empty: none */
};

void memory_store_deinit(struct memory_store *store);
void memory_store_apply(struct memory_store *store, struct slice batch);
/* The port; `store` must outlive it. */
struct store_port memory_store_port(struct memory_store *store);

#endif
