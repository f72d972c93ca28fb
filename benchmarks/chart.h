/*
 * chart.h - latency and throughput over time, as one SVG file without scripts.
 */
#ifndef BENCHMARKS_CHART_H
#define BENCHMARKS_CHART_H

#include <stdbool.h>

#include "measure.h"
#include "options.h"

/* False: `path` could not be written, and errno says why. */
bool chart_write(const char *path, const struct bench_options *options,
                 const struct measure *measure);

#endif
