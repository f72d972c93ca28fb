/*
 * report.h - what a run has found, for people and for programs.
 */
#ifndef BENCHMARKS_REPORT_H
#define BENCHMARKS_REPORT_H

#include <stdio.h>

#include "measure.h"
#include "options.h"
#include "servers.h"

void report_text(FILE *out, const struct bench_options *options, const struct servers *servers,
                 const struct measure *measure);
void report_json(FILE *out, const struct bench_options *options, const struct servers *servers,
                 const struct measure *measure);

#endif
