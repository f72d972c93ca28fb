/*
 * order.h - a page of a sorted set in the order of scores, as several owners know it.
 *
 * A request KEY_ELEMENTS_WALK with KEY_ORDERED. Entry 1, if there is one, says where to begin, as
 * bytes of an order name (wire/message_order.h); with `position` 1 it goes downwards, below that.
 *
 * Owners answer with pages of their score indexes; as far as all that are counted go, their names
 * are shown in one list. One stands (`visible`) when all have it by the same version: then no cell
 * has to be read. Any other may be a score that is past, or not yet known to all: whoever asked
 * reads such members by name (KEY_ELEMENTS_GET), which repairs them, and goes by what that says.
 *
 *   O1  a member whose score the quorum's cells together show in the page is named in it: the
 *       version that gives this score is in some owner's cell, and has a record there (Z1 of
 *       replica/score_index.h). That holds for what ZADD writes, and not for increments of several
 *       owners, whose sum no owner may have yet
 *   O2  so when some member counts, and the page cannot speak for it, `count` of the result is 1:
 *       then the set is walked over by places instead
 *   O3  what is shown to stand is held by all owners that were counted; so is the key's cell, which
 *       is written back where it differs
 *
 * Unless it is the last, the page ends with an outcome of number -1, whose key is where to go on.
 */
#ifndef COORDINATOR_ORDER_H
#define COORDINATOR_ORDER_H

#include "coordinator/request_state.h"

enum { ORDER_GOES_ON = -1 };

void order_encode(const struct coordinated_request *c, struct buffer *body);
/* Whether the body is a good answer to what was asked. */
MUST_USE enum status order_judge(const struct coordinated_request *c, struct slice body);
/* The level is met. */
void order_walked(struct coordinated_request *c, uint64_t wall_ms, struct coordinated_output *out);

#endif
