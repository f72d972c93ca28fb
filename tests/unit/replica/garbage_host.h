/*
 * garbage_host.h - one node's replica of partition 0 with its store, and the owners around it.
 *
 * Owners are 1, 2 and 3. Nothing is committed unless the test says so.
 */
#ifndef TESTS_UNIT_REPLICA_GARBAGE_HOST_H
#define TESTS_UNIT_REPLICA_GARBAGE_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory_store.h"
#include "replica/replica.h"

enum { GARBAGE_HOST_WALL_MS = 1000000, GARBAGE_HOST_WAIT_US = 1000 };

struct garbage_host {
    struct memory_store store;
    struct store_port port;
    struct cell_cache *cache;
    struct hybrid_clock clock;
    struct buffer batch;
    struct replica_context context;
    struct replica replica;
    struct stability stability;
    uint64_t now_us;
    node_id id;
    uint16_t incarnation;
    uint32_t boot_epoch;
};

void garbage_host_init(struct garbage_host *host, node_id id);
void garbage_host_deinit(struct garbage_host *host);
void garbage_host_commit(struct garbage_host *host);
/* As after kill -9: what is not committed is lost, and a new actor mints. */
void garbage_host_crash(struct garbage_host *host);
/* The store is lost; the replica rebuilds. */
void garbage_host_wipe(struct garbage_host *host);

/* SET key value, or DEL when `value` is NULL; `delivery` gets what goes to other owners. */
void garbage_host_write(struct garbage_host *host, const char *key, const char *value,
                        enum merge_policy policy, struct buffer *delivery);
/* Whether it brought something new. */
bool garbage_host_apply(struct garbage_host *host, const struct buffer *delivery,
                        enum merge_policy policy);
/* `a` makes it, and the other `count` hosts have it at once. */
void garbage_host_write_all(struct garbage_host *hosts, unsigned count, unsigned maker,
                            const char *key, const char *value);

/* `to` hears what `from` has. */
void garbage_host_report(struct garbage_host *to, const struct garbage_host *from);
/* All of them, in both directions. */
void garbage_host_report_all(struct garbage_host *hosts, unsigned count);
/* A vector is taken, and time passes until it is ripe. */
void garbage_host_ripen(struct garbage_host *host);
/* One step with a large budget; how many cells were purged. */
uint32_t garbage_host_purge(struct garbage_host *host);

/* Committed records whose name begins with this byte. */
size_t garbage_host_records(const struct garbage_host *host, uint8_t type);
/* The visible value; "" for none. */
void garbage_host_assert_value(struct garbage_host *host, const char *key, const char *value);
/* Whether the key has a cell, be it a tombstone. */
bool garbage_host_has_cell(struct garbage_host *host, const char *key);
/* Commits; digest, counts and garbage of the replica are those of a walk over its store. */
void garbage_host_assert_sums(struct garbage_host *host);

#endif
