/*
 * hyperloglog.h - how many different elements a key has seen, estimated from 16384 registers.
 *
 * A register holds the highest rank of the elements that fall to it, so two of them join by
 * their maximum: adding is idempotent, and the order of additions and joins does not matter.
 * A value that PFADD or PFMERGE made is a version like any other, and says so (struct sibling,
 * `sketch`): of such versions that are concurrent none is dropped, and a reader is shown their
 * join (cell_shown()).
 *
 * The bytes are those of Redis, so a value may be taken from there with SET, and back:
 *
 *   "HYLL", u8 form, 3 zero bytes, 8 bytes of a cached count, whose top bit says "stale"
 *   dense (0)   16384 registers of 6 bits, the lowest bits first
 *   sparse (1)  runs: 00nnnnnn            n + 1 registers of zero
 *                     01nnnnnn nnnnnnnn   as many, up to 16384
 *                     1vvvvvnn            n + 1 registers of v + 1
 *
 * What is made here is canonical: equal registers have equal bytes. Runs are as long as can be,
 * the sparse form is taken as long as it fits (HYPERLOGLOG_SPARSE_BYTES_MAX), the count is stale.
 *
 * Source: Flajolet et al., "HyperLogLog", AofA 2007; the estimate without bias tables is of Ertl,
 * "New cardinality estimation algorithms for HyperLogLog sketches", arXiv 1702.01284, sections 2
 * and 4. Hash and form are those of Redis 7.0, so that counts are equal.
 */
#ifndef CAUSAL_HYPERLOGLOG_H
#define CAUSAL_HYPERLOGLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    HYPERLOGLOG_REGISTERS = 16384,
    HYPERLOGLOG_RANK_MAX = 51,           /* of a hash of 64 bits, 14 of which name the register */
    HYPERLOGLOG_SPARSE_BYTES_MAX = 3000, /* of runs */
    HYPERLOGLOG_BYTES_MAX = 16 + HYPERLOGLOG_REGISTERS * 6 / 8
};

/* All zero has seen nothing. */
struct hyperloglog {
    uint8_t registers[HYPERLOGLOG_REGISTERS];
};

enum hyperloglog_form {
    HYPERLOGLOG_SOUND,
    HYPERLOGLOG_OTHER,  /* a string that is something else */
    HYPERLOGLOG_CORRUPT /* it begins as one, and its registers make no sense */
};

/*
 * Join what a value holds; `changed`, not NULL, is set when a register rose. Unless the value is
 * sound nothing is joined.
 */
enum hyperloglog_form hyperloglog_join(struct hyperloglog *sketch, struct slice value,
                                       bool *changed);
void hyperloglog_add(struct hyperloglog *sketch, struct slice element);
void hyperloglog_encode(const struct hyperloglog *sketch, struct buffer *out);
/* Whether it can be joined. */
bool hyperloglog_is_sound(struct slice value);
uint64_t hyperloglog_count(const struct hyperloglog *sketch);

#endif
