/*
 * set_algebra.h - joins of sets: what all have, what any has, what the first has alone.
 *
 * With scores the sources may be sets and sorted sets. A member has the scores that its sources
 * give it, each times the weight of the source, as one; of a difference that of the first.
 */
#ifndef COMMANDS_SET_ALGEBRA_H
#define COMMANDS_SET_ALGEBRA_H

#include "commands/call.h"

enum set_operation { SET_INTERSECTION, SET_UNION, SET_DIFFERENCE };
enum score_aggregate { AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX };

struct set_algebra {
    uint8_t operation;     /* enum set_operation */
    uint8_t aggregate;     /* enum score_aggregate */
    bool sorted;           /* with scores */
    bool with_scores;      /* shows them */
    bool stores;           /* under the key that is the first argument */
    uint32_t first, count; /* arguments that name the sources */
    int64_t limit;         /* below 0: the members are wanted; else how many, up to it; 0: all */
    const double *weights; /* one for each source; NULL: 1 */
};

/* Begins it, and answers the client. */
void set_algebra_start(struct call *call, const struct set_algebra *wish);

#endif
