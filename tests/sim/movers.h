/*
 * movers.h - operators who change which nodes there are and who owns what, while everything goes
 * on.
 *
 * Each stages wishes, commits plans, pauses, resumes and aborts them at random, through any node
 * and beside the others. Nodes join, leave, and replace each other; who drives a plan is the
 * product's business, and whoever has just proposed a step of one is made to crash at times.
 *
 *   G1  in the end no plan is under way, no partition moves, and nothing is left of any copy that
 *       was given up
 *   G2  a copy is given up only while every version that was acknowledged on it has another one
 */
#ifndef SIM_MOVERS_H
#define SIM_MOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct machine;
struct movers;
struct occurrence;
struct register_value;
struct ring_wish;
struct world;

struct movers *movers_new(struct world *world);
void movers_free(struct movers *movers);

/* AT_MOVER_STEP */
void movers_handle(struct world *world, const struct occurrence *what);
/* AT_DRIVER_CRASH */
void movers_crash_driver(struct world *world, const struct occurrence *what);
/* Nothing more begins; what has begun is finished or given up. */
void movers_heal(struct world *world);
/* G1; `reason` has room for `size` bytes. */
bool movers_are_quiet(struct world *world, char *reason, size_t size);

/* Through a machine that is up: what is wished beside what was; false: there is no plan for it. */
void movers_stage(struct machine *through, const struct ring_wish *wishes, uint32_t count);
bool movers_commit(struct machine *through);

/* A value was chosen that is newer than all before. */
void movers_value_chosen(struct world *world, const struct register_value *value);
/* `machine` asks stewards to accept this value now. */
void movers_value_proposed(struct machine *machine, struct slice value);

#endif
