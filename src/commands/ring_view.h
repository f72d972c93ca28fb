/*
 * ring_view.h - the ring as this node sees it now: who is up, and what that means for
 * partitions.
 */
#ifndef COMMANDS_RING_VIEW_H
#define COMMANDS_RING_VIEW_H

#include <stdint.h>

#include "base/ids.h"
#include "commands/environment.h"

struct ring_view {
    uint32_t members_up; /* this node included */
    /* Partitions by how many of their owners are up: all, else a majority, else fewer. */
    uint32_t partitions_all, partitions_quorum, partitions_below;
    uint32_t owned, ready; /* partitions this node owns, and those whose replica is ready */
};

void ring_view_take(const struct environment *environment, struct ring_view *out);

enum { RING_HEX_ID_BYTES = 41 };
/* A node's name for Redis Cluster clients: 40 hexadecimal digits, the same everywhere. */
void ring_hex_id(const struct ring *ring, node_id node, char out[RING_HEX_ID_BYTES]);

/*
 * The owners of a partition as this node hands them to clients: those of its own
 * region first, each region's primary before the others, who drains behind who stays. Returns their
 * count.
 */
uint8_t ring_owners_from(const struct environment *environment, partition_id partition,
                         node_id out[RING_OWNERS_MAX]);

#endif
