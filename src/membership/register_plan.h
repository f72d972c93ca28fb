/*
 * register_plan.h - the changes of the register that are about plans (register_change.h).
 *
 *     none -> COMMIT -> running <-> paused -> END -> none
 *                          |           |
 *                          +-- ABORT --+-> aborting -> END -> none
 *
 *   steps     RING_STEPS move partitions on, as the plan says (plan_change.h)
 *   leaving   when nothing moves any more: RETIRE, then STEWARD for each leaver that is one, which
 *             names the coming stewards and is settled as any other change of them, then END
 *
 * All but COMMIT name the plan that they are about: what comes late, after it was over, does
 * nothing or is refused, and never meets the next plan. Who may not be proposed twice at once:
 * COMMIT is refused while a plan is under way.
 *
 * One steward is replaced at a time, so that the stewards before and after have all but one in
 * common: whoever the new one is, the others still have a majority in both.
 */
#ifndef MEMBERSHIP_REGISTER_PLAN_H
#define MEMBERSHIP_REGISTER_PLAN_H

#include <stdbool.h>

#include "base/status.h"
#include "membership/register_change.h"
#include "membership/register_value.h"

/* Of the kinds RING_STEPS and PLAN_*: whether the change leaves the value as it is. */
bool register_plan_is_idle(const struct register_change *change,
                           const struct register_value *value);
/*
 * Change `next`. Not STATUS_OK: it may not be; `reason` has one sentence, and `next` is of no use
 * any more.
 */
MUST_USE enum status register_plan_make(const struct register_change *change,
                                        struct register_value *next,
                                        char reason[REGISTER_REASON_MAX]);

#endif
