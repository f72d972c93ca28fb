/*
 * workload.h - what is asked: the operations of YCSB's workloads, and on which keys.
 *
 *     a  half reads, half updates            zipfian
 *     b  95 % reads, 5 % updates             zipfian
 *     c  reads                               zipfian
 *     d  95 % reads, 5 % inserts             the newest keys most often
 *     e  95 % scans of 1 to 100, 5 % inserts zipfian
 *     f  half reads, half read-modify-writes zipfian
 *     w  updates                             zipfian (not of YCSB)
 *
 * A ring has no order of keys, so a scan reads on from the key's slot in ring order.
 * Source: Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010.
 */
#ifndef BENCHMARKS_WORKLOAD_H
#define BENCHMARKS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "zipfian.h"

enum operation_kind {
    OPERATION_READ,
    OPERATION_UPDATE,
    OPERATION_INSERT,
    OPERATION_SCAN,
    OPERATION_READ_MODIFY_WRITE,
    OPERATION_COUNT
};

extern const char *const operation_names[OPERATION_COUNT];

enum distribution { DISTRIBUTION_ZIPFIAN, DISTRIBUTION_LATEST, DISTRIBUTION_UNIFORM };

enum { KEY_BYTES_MAX = 32, SCAN_KEYS_MAX = 100 };

struct workload_mix {
    char letter;
    unsigned percent[OPERATION_COUNT]; /* sum 100 */
    enum distribution distribution;
};

/* NULL: there is no such workload. */
const struct workload_mix *workload_find(char letter);

struct workload {
    const struct workload_mix *mix;
    enum distribution distribution;
    double theta;
    struct random random;
    struct zipfian zipfian; /* of key_count keys, made anew as that grows */
    uint64_t key_count;     /* keys that are there */
    uint64_t next_insert;   /* number of the next new key */
    /* Inserts that ended while an earlier one has not: a ring of flags from key_count on. */
    bool *ended;
    uint64_t window; /* a power of two; inserts open at once are fewer */
};

/* Zero `ended` and `window` when the mix has no inserts. */
void workload_init(struct workload *workload, const struct workload_mix *mix,
                   enum distribution distribution, double theta, uint64_t key_count, uint64_t seed,
                   bool *ended, uint64_t window);
enum operation_kind workload_next_kind(struct workload *workload);
/* The number of the key for a kind; of a new key for OPERATION_INSERT. */
uint64_t workload_next_key(struct workload *workload, enum operation_kind kind);
void workload_insert_ended(struct workload *workload, uint64_t number);
/* 1 .. SCAN_KEYS_MAX */
unsigned workload_scan_length(struct workload *workload);

/* "user" and the number, mixed as YCSB does so that neighbours are no neighbours. */
size_t workload_key(uint64_t number, char out[KEY_BYTES_MAX]);
/*
 * Fill a value that compresses to about a half: its first half from a pool of noise, its
 * second one letter.
 */
void workload_value(struct random *random, char *out, size_t bytes);

#endif
