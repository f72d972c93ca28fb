/*
 * disk.h - what the records on a simulated disk say together.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "base/ids.h"
#include "causal/clock.h"
#include "sim/ordered_map.h"

/* The clock of a partition: its checkpoint and the log after it. Release with clock_deinit(). */
void disk_clock(const struct ordered_map *map, partition_id partition, struct clock *out);

#endif
