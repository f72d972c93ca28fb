/*
 * absence.h - nodes that are away for weeks, and clusters that stand still for days.
 *
 * A run with sleeps has bursts of load and faults with days between them in which nothing happens
 * anywhere, as when all hosts are suspended: what was in flight arrives when they wake. To some
 * processes the monotonic clock stood still, to the others only the ticks are late. So a
 * virtual month costs nothing.
 *
 * Before the first sleep some machines go away: suspended with all that they were doing, powered
 * off with their hints, or cut off. Each comes back after one of the sleeps, as it was, with
 * an empty disk, or with its disk of before. The others go on in the bursts meanwhile.
 */
#ifndef SIM_ABSENCE_H
#define SIM_ABSENCE_H

#include <stdint.h>

struct absences;
struct occurrence;
struct plan;
struct random;
struct world;

/* Sleeps and bursts of a plan that hunts for what comes back; sets its duration. */
void absence_draw(struct random *random, struct plan *plan);

struct absences *absences_new(struct world *world);
void absences_free(struct absences *absences);
/* AT_SLEEP */
void absence_handle(struct world *world, const struct occurrence *what);

#endif
