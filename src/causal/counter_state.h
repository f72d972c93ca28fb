/*
 * counter_state.h - the inside of a counter, for the files that are one together.
 */
#ifndef CAUSAL_COUNTER_STATE_H
#define CAUSAL_COUNTER_STATE_H

#include "causal/counter.h"

/* The last number of a run: of 18 digits, and kept one higher (run_of() in counter.c). */
#define COUNTER_NUMBER_MAX UINT64_C(1000000000000000000)

/* Whether b could be one run with a: then it must be. */
bool counter_run_is_continued(const struct counter_run *a, const struct counter_run *b);
/* Fails the reader; `out` is to be released also then. Prefixes borrow from its bytes. */
void counter_decode(struct reader *reader, struct counter *out);

#endif
