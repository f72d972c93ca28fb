/*
 * gray_slow.h - the profile of a node that is up, answers everything, and has a disk a hundred
 * times slower than the others: no failure detector sees it, and only its readers do.
 *
 * What must hold at the other nodes (reference "reliability" 2.5):
 *   - of their reads, 99 in 100 do not wait for the slow disk
 *   - the slow node serves few of the reads, and its share again within seconds of its healing
 *   - the reads that were asked beyond need are within their budget
 */
#ifndef SIM_GRAY_SLOW_H
#define SIM_GRAY_SLOW_H

#include "base/bytes.h"

struct command;
struct gray_slow;
struct machine;
struct occurrence;
struct plan;
struct world;

/* Five nodes and many small reads, when the plan has this profile. */
void gray_slow_fit(struct plan *plan);
/* NULL for other profiles; the others below then do nothing. */
struct gray_slow *gray_slow_new(struct world *world);
void gray_slow_free(struct gray_slow *gray);

/* The machine has answered this command now. */
void gray_slow_answered(struct world *world, const struct machine *machine,
                        const struct command *command);
/* A frame comes to the read thread of the machine. */
void gray_slow_reads(struct world *world, const struct machine *machine, struct slice frame);
/* AT_GRAY_SLOW. */
void gray_slow_handle(struct world *world, const struct occurrence *what);

#endif
