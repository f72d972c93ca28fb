/*
 * nemesis.h - who breaks things, within what is promised.
 *
 * Each fault class of the plan comes back at random intervals and ends after a
 * random time. A disk is destroyed only while every other node that shares a
 * partition with it is whole, and a node that was wiped counts as damaged until
 * all its replicas say that they are rebuilt: so a write loses fewer copies than it was
 * promised on, or the oracle knows that it was promised on one.
 *
 * Scripts (script.h) are fixed scenarios instead.
 */
#ifndef SIM_NEMESIS_H
#define SIM_NEMESIS_H

#include <stdbool.h>

struct machine;
struct nemesis;
struct occurrence;
struct world;

struct nemesis *nemesis_new(struct world *world);
void nemesis_free(struct nemesis *nemesis);
/* AT_FAULT, AT_FAULT_END and AT_MACHINE_START. */
void nemesis_handle(struct world *world, const struct occurrence *what);
/* The budget: nothing else that holds what this disk holds is damaged. */
bool nemesis_may_wipe(const struct world *world, const struct machine *machine);
/* Undo everything, and let nothing more happen. */
void nemesis_heal(struct world *world);

#endif
