/*
 * measure.h - what a run has found: times and counts, as a whole and for each second.
 */
#ifndef BENCHMARKS_MEASURE_H
#define BENCHMARKS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "histogram.h"
#include "servers.h"
#include "workload.h"

enum { ERROR_CLASSES_MAX = 24, ERROR_CLASS_BYTES = 32 };

struct error_class {
    char name[ERROR_CLASS_BYTES]; /* the server's code, or the client's reason in lower case */
    uint64_t failed, uncertain;
};

struct second {
    uint64_t operations, errors;
    uint64_t p50_ns, p99_ns, max_ns;
};

struct measure {
    uint64_t began_ns, ended_ns; /* the first due moment, the last answer */
    struct histogram times[OPERATION_COUNT];
    uint64_t misses;      /* reads of keys that are not there */
    uint64_t scanned;     /* keys that scans have given */
    uint64_t value_bytes; /* keys and values that were written */
    uint64_t late_starts; /* open loop: begun after their due moment for want of room */
    struct error_class classes[ERROR_CLASSES_MAX];
    size_t class_count;
    struct second *seconds; /* second_count of them; owned */
    size_t second_count, second_capacity;
    struct histogram second_times; /* of the current second */
    uint64_t second_errors;
    struct server_usage usage_before, usage_after;
};

void measure_init(struct measure *measure, unsigned seconds, uint64_t began_ns);
void measure_deinit(struct measure *measure);
void measure_ok(struct measure *measure, enum operation_kind kind, uint64_t time_ns);
/* `name` ends at a blank or its NUL. */
void measure_error(struct measure *measure, const char *name, bool uncertain);
/* The current second is over; NULL: there are as many as asked for. */
const struct second *measure_second(struct measure *measure);

uint64_t measure_operations(const struct measure *measure);
uint64_t measure_errors(const struct measure *measure, bool uncertain_only);
double measure_elapsed_s(const struct measure *measure);
/* The index of the second with the fewest operations; SIZE_MAX: there is none. */
size_t measure_worst_second(const struct measure *measure);

#endif
