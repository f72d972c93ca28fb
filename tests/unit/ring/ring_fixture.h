/*
 * ring_fixture.h - rings for tests: filled in, unplaced, valid once they are placed.
 */
#ifndef TESTS_UNIT_RING_RING_FIXTURE_H
#define TESTS_UNIT_RING_RING_FIXTURE_H

#include <stdint.h>

#include "ring/ring.h"

/* Epoch 1, generation 1, a fixed cluster id and seed, `replication` as "eu:2,us:1", no members. */
struct ring *fixture_ring(const char *replication, uint32_t partition_count);

/*
 * Add a member; ids may come in any order. Its addresses follow from its id. Weight 0 makes a
 * gateway.
 */
void fixture_add(struct ring *ring, node_id id, const char *region, const char *rack,
                 uint32_t weight);
void fixture_remove(struct ring *ring, node_id id);

/* Ids 1..count, racks "r0".. in turn, all of weight 1, in region `region`. */
void fixture_add_many(struct ring *ring, uint32_t count, const char *region, uint32_t racks);

/* Places `ring`, and fails the test when that fails. `before` may be NULL. */
void fixture_place(struct ring *ring, const struct ring *before);

/*
 * Five nodes: eu 1, 2, 3 and us 4, 5; replication eu:2,us:1; two keyspaces; 16 partitions, placed.
 */
struct ring *fixture_small_ring(void);

#endif
