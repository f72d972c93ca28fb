/*
 * inside.h - what an operator's command does inside a node, for operators of whom commands are
 * still refused (movers.h).
 */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

#include <stdint.h>

#include "node/event.h"

struct node;
struct register_change;
struct register_value;

/* The newest value that the node goes by; borrowed until its next step. */
const struct register_value *inside_value(const struct node *node);
/* It proposes the change; effects as of a step. */
void inside_change(struct node *node, struct instant now, const struct register_change *change,
                   struct effects *out);

#endif
