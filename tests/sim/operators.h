/*
 * operators.h - people who change the register through any node, several at once.
 *
 * Each asks for one change after the other over a connection of its own: a new keyspace,
 * other limits for one that it asked for before, or another level for a user of its own. What comes
 * back is judged by register_oracle.h.
 */
#ifndef SIM_OPERATORS_H
#define SIM_OPERATORS_H

#include <stdbool.h>

struct occurrence;
struct operators;
struct world;

struct operators *operators_new(struct world *world);
void operators_free(struct operators *operators);

void operators_stop(struct world *world);
/* Whether nobody waits for an answer. */
bool operators_idle(const struct world *world);

/* AT_OPERATOR_STEP */
void operators_handle(struct world *world, const struct occurrence *what);

#endif
