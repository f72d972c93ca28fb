/*
 * spread.h - draws of whole numbers over wide ranges, without floating point, so
 * that every compiler and C library gives the same ones.
 */
#ifndef SIM_SPREAD_H
#define SIM_SPREAD_H

#include <stdint.h>

#include "base/random.h"

/* low .. high, all alike. */
uint64_t spread_even(struct random *random, uint64_t low, uint64_t high);
/* low .. high, each doubling about as likely as every other; `low` is at least 1. */
uint64_t spread_log(struct random *random, uint64_t low, uint64_t high);
/* About `mean` on average, mostly below it, at times up to sixteen times as much. */
uint64_t spread_tail(struct random *random, uint64_t mean);

#endif
