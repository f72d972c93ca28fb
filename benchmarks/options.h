/*
 * options.h - the command line of ringbench.
 */
#ifndef BENCHMARKS_OPTIONS_H
#define BENCHMARKS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "workload.h"

enum {
    CLIENTS_MAX = 10000,
    OPEN_OPERATIONS_MAX = 65536, /* calls under way at once, in both loops */
    SECONDS_MAX = 86400,
    VALUE_BYTES_MAX = 1 << 20,
    RATE_MAX = 10000000
};

struct bench_options {
    const char *hosts;
    const char *user, *password; /* REDISCLI_AUTH; NULL: none */
    const struct workload_mix *mix;
    enum distribution distribution;
    double theta;
    unsigned clients, pipeline; /* closed loop */
    double rate;                /* open loop: arrivals a second; 0: closed loop */
    unsigned seconds, warmup_seconds;
    uint64_t operations_max; /* 0: by time alone */
    uint64_t keys;
    size_t value_bytes;
    const char *level, *r, *w, *region;
    uint16_t keyspace;
    unsigned timeout_ms; /* 0: the servers' */
    bool loads, runs;
    bool json, quiet, help, version;
    const char *chart; /* file; NULL: none */
    uint64_t seed;
};

/* False: one sentence stands on standard error. */
bool options_parse(int argc, char **argv, struct bench_options *out);
void options_print_help(void);

#endif
