/*
 * member_change.h - who becomes a member of the ring, and who is one no more.
 *
 * A member gets the next id, which nobody had before. One that leaves is fenced: its id is below
 * the last that was given and no member's, so nothing of it is ever taken again. Only gateways come
 * and go, for they store nothing: no partition moves.
 */
#ifndef MEMBERSHIP_MEMBER_CHANGE_H
#define MEMBERSHIP_MEMBER_CHANGE_H

#include "base/status.h"
#include "ring/ring.h"

/*
 * `wanted` is as it will be, but for its id, and its region by name: that is looked up in the ring
 * that it joins. STATUS_INVALID: `reason` has one sentence, and the ring is as it was.
 */
MUST_USE enum status member_add(struct ring *ring, const struct ring_member *wanted,
                                const char *region, char reason[RING_REASON_MAX]);
MUST_USE enum status member_remove(struct ring *ring, node_id id, char reason[RING_REASON_MAX]);

#endif
