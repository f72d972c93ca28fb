/*
 * decimal.h - exact decimal numbers with 17 digits after the point: what counters add.
 *
 * Sums of these do not depend on their order, nor on the machine. That is why they are no
 * floating point numbers: replicas that add the same increments must show the same text.
 * Seventeen digits after the point are what Redis writes for INCRBYFLOAT.
 */
#ifndef CAUSAL_DECIMAL_H
#define CAUSAL_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* In units of 10^-17. Those that are kept lie within -DECIMAL_MAX .. DECIMAL_MAX. */
__extension__ typedef __int128 decimal;
__extension__ typedef unsigned __int128 decimal_magnitude;

#define DECIMAL_ONE ((decimal)100000000000000000)
#define DECIMAL_MAX (DECIMAL_ONE * (decimal)1000000000 * (decimal)1000000000000) /* 10^21 */

enum decimal_text {
    DECIMAL_TEXT_OK,
    DECIMAL_TEXT_BAD,      /* not a number */
    DECIMAL_TEXT_TOO_LARGE /* a number beyond DECIMAL_MAX, infinity among them */
};

/*
 * The whole text as a number: sign, digits, point, exponent, as strtold() reads decimal
 * ones. Digits behind the seventeenth after the point are rounded, halves away from zero.
 */
enum decimal_text decimal_parse(struct slice text, decimal *out);
static inline decimal decimal_of(int64_t number)
{
    return (decimal)number * DECIMAL_ONE;
}
/* false: it has a fraction, or does not fit. */
bool decimal_to_integer(decimal number, int64_t *out);
/* The shortest text: no zeros at the end of the fraction, no "-0". */
void decimal_format(decimal number, struct buffer *out);

#endif
