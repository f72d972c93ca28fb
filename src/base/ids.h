/*
 * ids.h - the small numbers that name things, and the ring tag that orders them.
 */
#ifndef BASE_IDS_H
#define BASE_IDS_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t node_id;      /* 1.. ; 0 is nobody. Never given twice in a cluster's life */
typedef uint16_t partition_id; /* 0 .. partition_count-1 */
/*
 * What is stored and sent goes by it. Never given twice, unlike the number that SELECT takes
 * (ring.h).
 */
typedef uint16_t keyspace_id;
typedef uint64_t connection_id; /* a client connection of one node; never reused while it runs */
typedef uint64_t link_id;       /* a peer connection of one node; never reused while it runs */
typedef uint64_t request_id;    /* of the node that started the request; 0 is none */

enum { PARTITION_COUNT_MIN = 16, PARTITION_COUNT_MAX = 16384, SLOT_COUNT = 16384 };

/*
 * Phase of a ring change; see src/ring/README.md. Only RING_STABLE exists before rings can change.
 */
enum ring_phase { RING_STABLE = 0, RING_JOINT = 1, RING_SWITCHED = 2 };

/* Which ring a data request was made for. Ordered by epoch, then phase. */
struct ring_tag {
    uint32_t epoch; /* 1.. */
    uint8_t phase;  /* enum ring_phase */
};

static inline int ring_tag_compare(struct ring_tag a, struct ring_tag b)
{
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    return (a.phase > b.phase) - (a.phase < b.phase);
}

#endif
