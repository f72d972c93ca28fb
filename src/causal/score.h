/*
 * score.h - scores of sorted sets: a member's value is its score, as text.
 *
 * The text is the one of Redis 7.0, seventeen digits, from which the number comes back exactly. So
 * an increment adds to it what a counter adds to any number (counter.h).
 */
#ifndef CAUSAL_SCORE_H
#define CAUSAL_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The whole text as a number, as strtod() reads it; infinity is one. false: it is none. */
bool score_parse(struct slice text, double *out);
/* Append its text; of -0 that of 0, as Redis shows it of small sets. */
void score_format(double score, struct buffer *out);
/* Numbers in the order of scores; -0 is 0. */
uint64_t score_to_order(double score);
double score_of_order(uint64_t order);
/* Of a value that was stored: 0 when it is no number, which only damage can make it. */
double score_of_value(struct slice value);

#endif
