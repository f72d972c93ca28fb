#include "membership/plan_change.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "membership/member_change.h"
#include "ring/ring_change.h"
#include "ring/ring_steps.h"
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

/* ---- steps ---- */

/* A partition begins as the work says, or not by this. */
static bool may_begin(const struct ring *ring, const struct ring_work *work,
                      const struct ring_step *step)
{
    const struct ring_target *target = ring_work_target(work, step->partition);
    return target != NULL && !work->paused &&
           ring_tag_compare(step->from, ring_tag_of(ring, step->partition)) == 0 &&
           memcmp(target->owners, step->owners, ring->owner_count * sizeof target->owners[0]) == 0;
}

/* False: they cannot be read. */
static bool leave_out_beginnings(const struct ring *ring, const struct ring_work *work,
                                 struct slice steps, struct buffer *out)
{
    struct reader reader = reader_make(steps);
    while (!reader.failed && reader_left(&reader) > 0) {
        struct ring_step step;
        ring_step_decode(&reader, ring->owner_count, &step);
        if (reader.failed || step.partition >= ring->partition_count)
            return false;
        if (step.kind != RING_STEP_BEGIN || may_begin(ring, work, &step))
            ring_step_encode(&step, ring->owner_count, out);
    }
    return !reader.failed;
}

/* Of every partition that moves and has it for a replica. */
static void lose_in_all(struct ring *ring, node_id node)
{
    char reason[RING_REASON_MAX];
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        partition_id partition = ring->transitions[i].partition;
        if (!ring_replicates(ring, node, partition))
            continue;
        enum status status =
            ring_declare_lost(ring, partition, ring_tag_of(ring, partition), node, reason);
        assert(status == STATUS_OK); /* it moves, by its own tag, and the node is a replica */
    }
}

enum status plan_steps(struct ring *ring, struct ring_work *work, struct slice steps,
                       uint32_t *taken, char reason[RING_REASON_MAX])
{
    struct buffer left = {0};
    enum status status = STATUS_CORRUPT;
    *taken = 0;
    if (leave_out_beginnings(ring, work, steps, &left))
        status = ring_steps_apply(ring, buffer_slice(&left), taken, reason);
    else
        (void)ring_refuse(STATUS_CORRUPT, reason, "the steps of a ring change cannot be read");
    buffer_deinit(&left);
    if (status != STATUS_OK)
        return status;
    for (uint16_t i = 0; i < work->lost_count; i++)
        lose_in_all(ring, work->lost[i]);
    ring_work_settle(work, ring);
    return STATUS_OK;
}

enum status plan_lose(struct ring *ring, struct ring_work *work, node_id node,
                      char reason[RING_REASON_MAX])
{
    enum status status = check_under_way(work, reason);
    if (status != STATUS_OK)
        return status;
    bool waited_for = ring_work_leaves(work, node);
    for (uint32_t i = 0; i < ring->transition_count; i++)
        waited_for |= ring_replicates(ring, node, ring->transitions[i].partition);
    if (!waited_for)
        return ring_refuse(STATUS_INVALID, reason, "the plan does not wait for node %u", node);
    lose_in_all(ring, node);
    if (ring_work_leaves(work, node))
        ring_work_lose(work, node);
    return STATUS_OK;
}

/* ---- its ends ---- */

static struct ring_member *member_of(struct ring *ring, node_id id)
{
    const struct ring_member *member = ring_member(ring, id);
    assert(member != NULL); /* a leaver is one until the end */
    return &ring->members[member - ring->members];
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
    if (status != STATUS_OK)
        return status;
    for (uint16_t i = 0; i < work->leaver_count; i++)
        member_of(ring, work->leavers[i])->role = MEMBER_DATA;
    ring_work_abandon(work);
    return STATUS_OK;
}

static enum status check_over(const struct ring *ring, const struct ring_work *work,
                              char reason[RING_REASON_MAX])
{
    enum status status = check_under_way(work, reason);
    if (status == STATUS_OK && !ring_work_is_over(work, ring))
        status = ring_refuse(STATUS_INVALID, reason,
                             "%" PRIu32 " partitions move and %" PRIu32 " are still to begin",
                             ring->transition_count, work->target_count);
    return status;
}

enum status plan_retire(struct ring *ring, struct ring_work *work, char reason[RING_REASON_MAX])
{
    enum status status = check_over(ring, work, reason);
    for (uint16_t i = 0; status == STATUS_OK && i < work->leaver_count; i++)
        member_of(ring, work->leavers[i])->role = MEMBER_LEAVING;
    return status;
}

enum status plan_end(struct ring *ring, struct ring_work *work, char reason[RING_REASON_MAX])
{
    enum status status = check_over(ring, work, reason);
    if (status != STATUS_OK)
        return status;
    for (uint16_t i = 0; i < work->leaver_count; i++)
        if (member_of(ring, work->leavers[i])->role != MEMBER_LEAVING)
            return ring_refuse(STATUS_INVALID, reason, "node %u may still be given hints",
                               work->leavers[i]);
    for (uint16_t i = 0; i < work->leaver_count; i++)
        member_retire(ring, work->leavers[i]);
    ring_work_deinit(work);
    return STATUS_OK;
}
