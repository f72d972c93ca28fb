/*
 * request_time.h - the time that a request id carries, and for how long the id is taken.
 *
 * An id that is, or begins with, a UUID of version 7 carries the milliseconds since 1970 at which
 * it was made. So everybody can tell when it is too old, and nobody has to remember it for ever.
 * Of any other id this is unknown, and who must never forget it keeps it.
 *
 * Source: RFC 9562, section 5.7.
 */
#ifndef CAUSAL_REQUEST_TIME_H
#define CAUSAL_REQUEST_TIME_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/* One for all nodes: what an owner folds no other one may take (counter_fold.h). */
enum { REQUEST_WINDOW_MS = 10 * 60 * 1000 };

/* So many bytes of an id say whether and which time it carries. */
enum { REQUEST_TIME_BYTES = 24 };

/* 0: it carries none. */
uint64_t request_time_ms(struct slice id);
/*
 * Whether a request may be carried out that was not before. STATUS_REQUEST_TOO_OLD: its window is
 * over, and it may have been. STATUS_REQUEST_AHEAD: its time is a whole window ahead of `now_ms`.
 */
MUST_USE enum status request_time_check(struct slice id, uint64_t now_ms);

#endif
