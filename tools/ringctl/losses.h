/*
 * losses.h - what else can be lost before partitions lose the majority of their owners.
 *
 * Counted from the table of owners and from who answers; a partition that moves needs a majority of
 * those that it has and of those that it gets. At levels that count one region alone other losses
 * matter.
 */
#ifndef RINGCTL_LOSSES_H
#define RINGCTL_LOSSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "cluster.h"

struct losses {
    const struct cluster *cluster;
    const bool *answers; /* by index into the members */
};

/* Partitions with fewer than `owners` owners that answer and are not `lost` (NULL: none is). */
uint32_t losses_below(const struct losses *losses, const bool *lost, uint32_t owners);
/* A majority of the owners of a partition. */
uint32_t losses_quorum(const struct losses *losses);

/*
 * How many more nodes, whichever they are, can be lost at one time, so that every partition keeps
 * its quorum; 0 also when one has none already.
 */
uint32_t losses_nodes(const struct losses *losses);

/*
 * One line: the nodes, racks and regions that can be lost, each by itself, so that every partition
 * keeps its quorum.
 */
void losses_describe(const struct losses *losses, struct buffer *out);

#endif
