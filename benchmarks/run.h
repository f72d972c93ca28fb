/*
 * run.h - loads the keys, and puts the load on the cluster.
 *
 * Closed loop: a fixed number of requests is open at each moment; each answer brings the next
 * request. Open loop: requests are due at moments that are drawn beforehand (exponential
 * gaps), and a request's time counts from its due moment, so a standstill is charged
 * to every request that it delayed.
 */
#ifndef BENCHMARKS_RUN_H
#define BENCHMARKS_RUN_H

#include <stdbool.h>

#include "measure.h"
#include "options.h"
#include "servers.h"

/*
 * Load, then measure, as the options say. False: `message` (RINGDB_MESSAGE_MAX) says why nothing
 * was measured. SIGINT, which the caller turns into `*stop`, ends a run early and in order.
 */
bool run(const struct bench_options *options, const struct servers *servers,
         const volatile bool *stop, struct measure *out, char *message);

#endif
