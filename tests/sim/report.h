/*
 * report.h - what ringsim says: one block for a failure, progress, and what a campaign has reached.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/marks.h"
#include "sim/world.h"

/* What was asked for on the command line. */
struct options {
    uint64_t first;
    uint64_t count; /* UINT64_MAX: until the time is over */
    double seconds; /* 0: no limit */
    const char *profile;
    const char *mutant_name;
    enum mutant mutant;
    unsigned jobs;
    bool one_seed;
    bool trace_hash;
    bool verbose;
    bool keep_going;
    bool is_script; /* `profile` is one */
    bool all_scripts;
    bool all_marks; /* one that was never hit is a failure */
    bool campaign;  /* the mix, at times the profile resurrection, at times a script */
};

/* What children tell the parent, in shared memory. */
struct child {
    struct world_progress progress;
    uint64_t seeds;
    uint64_t twice;
    uint64_t failures;
    uint64_t events;
    uint64_t commands;
    uint64_t virtual_us;
    uint64_t trace_hash; /* of the last run */
    double cpu_seconds;
    struct marks marks;
    bool failed;
    bool traces_differ;
    uint64_t failed_seed;
    struct world_result result; /* of the failure */
};

/* The profile of that seed; NULL: drawn from the mix. */
const char *options_profile(const struct options *options, uint64_t seed);
/* A failure, and the command that replays it. */
void report_failure(const struct options *options, const char *kind, const char *text,
                    uint64_t seed, uint64_t virtual_us, uint64_t events);
void report_progress(const struct child *children, unsigned jobs, double seconds);
void report_summary(const struct child *children, unsigned jobs, double seconds,
                    enum verdict verdict);
/* One line about the script `options->profile`. */
void report_script(const struct options *options, const struct child *children, double seconds,
                   enum verdict verdict);
/* The marks that none of the children hit; how many. */
unsigned report_unhit_marks(const struct child *children, unsigned jobs);

#endif
