/*
 * config_value.h - how the values of settings are written: sizes, times, numbers, words.
 *
 *   size      bytes, or a number with k m g (powers of 1000) or kb mb gb (of 1024)
 *   duration  a number with ms, s, m or h; a bare number is refused, for it
 *             means seconds to one reader and milliseconds to the next; 0 needs no unit
 *   number    decimal digits
 *   flag      yes or no
 *
 * Units may be upper case. Signs, fractions and blanks are refused.
 */
#ifndef RINGD_CONFIG_VALUE_H
#define RINGD_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

enum { CONFIG_NUMBER_TEXT_MAX = 24, CONFIG_ADDRESSES_MAX = 8 };

struct config_addresses {
    size_t count;
    struct ring_address items[CONFIG_ADDRESSES_MAX];
};

/* False: `text` is not one; `out` is untouched. */
bool config_parse_number(const char *text, uint64_t *out);
bool config_parse_size(const char *text, uint64_t *out_bytes);
bool config_parse_duration(const char *text, uint64_t *out_ms);
bool config_parse_flag(const char *text, bool *out);
/* Addresses (net/address.h) separated by blanks or commas; none at all is an empty list. */
bool config_parse_addresses(const char *text, struct config_addresses *out);

/* With the largest unit that leaves a whole number. Return `out`. */
const char *config_format_size(uint64_t bytes, char out[CONFIG_NUMBER_TEXT_MAX]);
const char *config_format_duration(uint64_t ms, char out[CONFIG_NUMBER_TEXT_MAX]);

#endif
