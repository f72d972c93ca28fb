/*
 * script.h - the fixed scenarios: five nodes, three copies, one fault at a known time.
 *
 * Beside the invariants they check that the nodes which the fault does not
 * touch go on answering.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

struct world;

void script_start(struct world *world);
void script_step(struct world *world, unsigned step);

#endif
