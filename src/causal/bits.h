/*
 * bits.h - a string as a row of bits: what SETBIT, BITCOUNT, BITPOS and BITFIELD compute.
 *
 * Bit 0 is the highest of the first byte. Behind its end a string goes on with zeros.
 */
#ifndef CAUSAL_BITS_H
#define CAUSAL_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

bool bits_get(struct slice value, uint64_t offset);
/* `value` must be long enough. */
void bits_set(struct buffer *value, uint64_t offset, bool bit);
/* Ones among the bits first..last, which lie within the value. */
uint64_t bits_count(struct slice value, uint64_t first, uint64_t last);
/* The first bit of this kind among first..last, which lie within the value; -1: none. */
int64_t bits_find(struct slice value, bool bit, uint64_t first, uint64_t last);

/* ---- programs of BITFIELD ---- */

enum bit_operation { BIT_GET = 0, BIT_SET, BIT_INCREMENT, BIT_OPERATION_COUNT };
enum bit_overflow { BIT_WRAP = 0, BIT_SATURATE, BIT_FAIL, BIT_OVERFLOW_COUNT };

struct bit_step {
    uint8_t operation; /* enum bit_operation */
    uint8_t overflow;  /* enum bit_overflow */
    bool is_signed;
    uint8_t width;   /* 1..64, 63 when not signed */
    uint64_t offset; /* in bits */
    int64_t number;  /* BIT_SET, BIT_INCREMENT */
};

struct bit_result {
    bool failed; /* BIT_FAIL: the number does not fit, and nothing was written */
    int64_t number;
};

void bit_step_encode(const struct bit_step *step, struct buffer *out);
/* Fails the reader on what the rules above exclude, and on offsets of 2^40 and more. */
void bit_step_decode(struct reader *reader, struct bit_step *out);
void bit_result_encode(const struct bit_result *result, struct buffer *out);
void bit_result_decode(struct reader *reader, struct bit_result *out);

/*
 * Run an encoded program: a result for each step is appended to `results`. `value` is made as long
 * as its writing steps need. STATUS_TOO_LARGE: that is above `value_bytes_max`; STATUS_INVALID:
 * the program does not decode. Then nothing has changed.
 */
MUST_USE enum status bits_run(struct slice program, uint64_t value_bytes_max, struct buffer *value,
                              struct buffer *results);

#endif
