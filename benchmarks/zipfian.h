/*
 * zipfian.h - numbers of which a few come often: rank k with a probability as 1 / k^theta.
 *
 * Drawn by rejection-inversion: exact for every count and theta, in constant time and without a
 * table, so the count may grow with every draw. (YCSB's own generator is exact for the
 * first two ranks and approximate for the others.)
 * Source: Hoermann and Derflinger, "Rejection-inversion to generate variates from monotone
 * discrete distributions", ACM TOMACS 6(3), 1996.
 */
#ifndef BENCHMARKS_ZIPFIAN_H
#define BENCHMARKS_ZIPFIAN_H

#include <stdint.h>

#include "base/random.h"

/* A plain value. */
struct zipfian {
    uint64_t count;
    double theta;
    double h_first, h_last, shortcut;
};

/* `count` is at least 1; `theta` is above 0 and not 1. */
struct zipfian zipfian_make(uint64_t count, double theta);
/* 0 .. count-1, 0 the most frequent. */
uint64_t zipfian_next(const struct zipfian *zipfian, struct random *random);

/*
 * Where rank `rank` lies among `count` numbers, so that what is frequent is spread over all of
 * them. As YCSB does, several ranks may meet at one number.
 */
uint64_t zipfian_scatter(uint64_t rank, uint64_t count);

#endif
