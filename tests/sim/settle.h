/*
 * settle.h - after the faults: heal everything, wait for agreement, then look at all of it.
 */
#ifndef SIM_SETTLE_H
#define SIM_SETTLE_H

struct world;
struct occurrence;
struct settle;

struct settle *settle_new(struct world *world);
void settle_free(struct settle *settle);
/* AT_SETTLE: the end of the load when it comes first, later a look whether all agree. */
void settle_handle(struct world *world, const struct occurrence *what);

#endif
