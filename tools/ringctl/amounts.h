/*
 * amounts.h - times and sizes in words, for sentences.
 */
#ifndef RINGCTL_AMOUNTS_H
#define RINGCTL_AMOUNTS_H

#include <stdint.h>

enum { AMOUNT_TEXT_MAX = 48 };

/* "3 d 4 h", "2 h 5 min", "7 min", "12 s". Returns `out`. */
const char *amount_time(uint64_t ms, char out[AMOUNT_TEXT_MAX]);
/* "1.5 GiB", "17 B". Returns `out`. */
const char *amount_size(uint64_t bytes, char out[AMOUNT_TEXT_MAX]);

#endif
