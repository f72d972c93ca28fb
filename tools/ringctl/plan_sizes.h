/*
 * plan_sizes.h - about how much a copy of each partition holds, as its owners say.
 *
 * An estimate: a node's tables, spread evenly over the partitions that it owns, and the mean of a
 * partition's owners. What was written last is not in a table yet, and what was deleted may still
 * be.
 */
#ifndef RINGCTL_PLAN_SIZES_H
#define RINGCTL_PLAN_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "arguments.h"
#include "ring/ring.h"

struct plan_sizes {
    double *bytes;   /* of a copy of each partition; 0 where no owner answers */
    bool is_known;   /* some node has tables */
    uint32_t silent; /* nodes that store data and did not answer */
};

/* Ask all nodes that store data. Release with plan_sizes_deinit(). */
void plan_sizes_ask(const struct arguments *arguments, const struct ring *ring,
                    struct plan_sizes *out);
void plan_sizes_deinit(struct plan_sizes *sizes);

#endif
