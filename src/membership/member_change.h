/*
 * member_change.h - who becomes a member of the ring, and who is one no more.
 *
 * A member gets the next id, which nobody had before. One that leaves is fenced: its id is below
 * the last that was given and no member's, so nothing of it is ever taken again. Who is to store
 * data comes as a joining member, which owns nothing; so gateways and joining members go at once,
 * and who stores data goes by a plan (ring/change_plan.h).
 */
#ifndef MEMBERSHIP_MEMBER_CHANGE_H
#define MEMBERSHIP_MEMBER_CHANGE_H

#include "base/status.h"
#include "ring/ring.h"

enum { MEMBER_WEIGHT = 100 }; /* of one that is to store data, where none is named */

/*
 * `wanted` is as it will be, but for its id, and its region by name: that is looked up in the ring
 * that it joins. STATUS_INVALID: `reason` has one sentence, and the ring is as it was.
 */
MUST_USE enum status member_add(struct ring *ring, const struct ring_member *wanted,
                                const char *region, char reason[RING_REASON_MAX]);
MUST_USE enum status member_remove(struct ring *ring, node_id id, char reason[RING_REASON_MAX]);
/* The member goes, whatever it is; whoever calls has seen that it owns nothing. */
void member_retire(struct ring *ring, node_id id);

#endif
