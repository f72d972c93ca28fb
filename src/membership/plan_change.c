#include "membership/plan_change.h"

#include <assert.h>
#include <inttypes.h>

#include "membership/member_change.h"
#include "ring/ring_change.h"
#include "ring/transition.h"

static enum status check_under_way(const struct ring_work *work, char reason[RING_REASON_MAX])
{
    return work->plan_id != 0 ? STATUS_OK
                              : ring_refuse(STATUS_INVALID, reason, "no plan is under way");
}

enum status plan_commit(struct ring *ring, struct ring_wishes *staged, struct ring_work *work,
                        uint64_t plan_id, char reason[RING_REASON_MAX])
{
    struct change_plan plan;
    char why[RING_REASON_MAX] = "";
    if (work->plan_id != 0)
        return ring_refuse(STATUS_INVALID, reason,
                           "plan %016" PRIx64 " is under way: wait for its end, or abort it",
                           work->plan_id);
    if (change_plan_make(ring, staged, &plan, why) != STATUS_OK)
        return ring_refuse(STATUS_STALE_TAG, reason,
                           "plan %016" PRIx64 " is no longer true: %.160s", plan_id, why);
    bool same = plan.id == plan_id;
    if (same) {
        ring_work_begin(ring, staged, &plan, work);
        ring_wishes_deinit(staged);
    }
    change_plan_deinit(&plan);
    return same ? STATUS_OK
                : ring_refuse(STATUS_STALE_TAG, reason,
                              "plan %016" PRIx64
                              " is no longer true: what it follows from has changed; plan again",
                              plan_id);
}

enum status plan_pause(struct ring_work *work, bool pause, char reason[RING_REASON_MAX])
{
    enum status status = check_under_way(work, reason);
    if (status == STATUS_OK)
        work->paused = pause;
    return status;
}

enum status plan_abort(struct ring *ring, struct ring_work *work, char reason[RING_REASON_MAX])
{
    enum status status = check_under_way(work, reason);
    for (uint32_t i = ring->transition_count; status == STATUS_OK && i > 0; i--) {
        const struct ring_transition *transition = &ring->transitions[i - 1];
        partition_id partition = transition->partition;
        if (transition->phase != RING_JOINT)
            continue;
        status = ring_abort(ring, partition, ring_tag_of(ring, partition), reason);
        assert(status == STATUS_OK); /* it is JOINT, by its own tag */
    }
    if (status == STATUS_OK)
        ring_work_abandon(work);
    return status;
}

enum status plan_end(struct ring *ring, struct ring_work *work, char reason[RING_REASON_MAX])
{
    enum status status = check_under_way(work, reason);
    if (status != STATUS_OK)
        return status;
    if (!ring_work_is_over(work, ring))
        return ring_refuse(STATUS_INVALID, reason,
                           "%" PRIu32 " partitions move and %" PRIu32 " are still to begin",
                           ring->transition_count, work->target_count);
    for (uint16_t i = 0; i < work->leaver_count; i++)
        member_retire(ring, work->leavers[i]);
    ring_work_deinit(work);
    return STATUS_OK;
}
