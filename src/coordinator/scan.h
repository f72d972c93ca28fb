/*
 * scan.h - merging the ranges that several owners answered.
 *
 * Each answer holds everything its owner has up to a position. What lies below
 * the least of those positions is known from all of them and can be merged cell by
 * cell; the rest is asked again by the next call. Memory: the answers.
 * Source: reference "algorithms" A.5.
 */
#ifndef COORDINATOR_SCAN_H
#define COORDINATOR_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct coordinated_request;
struct message_range_result;

/*
 * Whether all entries decode and ascend by position from `position` on, and the
 * answer is done or gets ahead: else a scan would go round for ever.
 */
bool scan_is_sound(const struct message_range_result *result, uint64_t position);
/* Append the encoded struct key_result of the answers of the counted owners. */
void scan_merge(const struct coordinated_request *request, uint64_t wall_ms, struct buffer *out);

#endif
