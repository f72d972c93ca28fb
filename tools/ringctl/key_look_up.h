/*
 * key_look_up.h - types and sizes of keys, as one node finds them now.
 *
 * Of a collection one page is read, and how far it reaches into the places of all elements, which
 * are spread evenly, says about how many there are; so a large one costs no more than a small one.
 */
#ifndef RINGCTL_KEY_LOOK_UP_H
#define RINGCTL_KEY_LOOK_UP_H

#include "arguments.h"
#include "key_tops.h"

/*
 * At the first node, in two rounds of questions. What is cut or cannot be looked up stays unknown.
 */
void key_look_up(struct key_tops *tops, const struct arguments *arguments);

#endif
