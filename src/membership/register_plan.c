#include "membership/register_plan.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "membership/plan_change.h"
#include "ring/ring_steps.h"
#include "ring/transition.h"

static struct slice steps_of(const struct register_change *change)
{
    return slice_make(change->words, change->words_length);
}

static bool is_under_way(const struct register_change *change, const struct register_value *value)
{
    return value->work.plan_id != 0 && value->work.plan_id == change->plan_id;
}

static enum status check_under_way(const struct register_change *change,
                                   const struct register_value *value,
                                   char reason[REGISTER_REASON_MAX])
{
    if (is_under_way(change, value))
        return STATUS_OK;
    const struct plan_task *task = plan_tasks_find(&value->tasks, change->plan_id);
    return ring_refuse(STATUS_INVALID, reason, "plan %016" PRIx64 " is not under way%s",
                       change->plan_id,
                       task == NULL                        ? ""
                       : task->state == PLAN_TASK_FINISHED ? ": it has finished"
                                                           : ": it was aborted");
}

/* ---- what leaves the value as it is ---- */

/* All of them were taken, or given up, by somebody else. */
static bool no_step_is_left(const struct register_change *change,
                            const struct register_value *value)
{
    struct ring *ring = ring_copy(value->ring);
    struct ring_work work;
    char reason[RING_REASON_MAX];
    uint32_t taken = 0;
    ring_work_copy(&value->work, &work);
    bool none =
        plan_steps(ring, &work, steps_of(change), &taken, reason) == STATUS_OK && taken == 0;
    ring_work_deinit(&work);
    ring_free(ring);
    return none;
}

static bool is_lost_already(const struct register_value *value, node_id node)
{
    bool lost = false;
    for (uint32_t i = 0; i < value->ring->transition_count; i++) {
        partition_id partition = value->ring->transitions[i].partition;
        if (!ring_replicates(value->ring, node, partition))
            continue;
        lost = true;
        if (!ring_is_lost(value->ring, node, partition))
            return false;
    }
    return ring_work_leaves(&value->work, node) ? ring_work_has_lost(&value->work, node) : lost;
}

static bool is_retired(const struct register_value *value)
{
    for (uint16_t i = 0; i < value->work.leaver_count; i++)
        if (ring_member(value->ring, value->work.leavers[i])->role != MEMBER_LEAVING)
            return false;
    return true;
}

static bool can_be_steward(const void *context, node_id node)
{
    const struct register_value *value = context;
    return !ring_work_leaves(&value->work, node);
}

/* Whether that leaver is a steward, and nobody or this one can take its place. */
static bool may_follow(const struct register_change *change, const struct register_value *value)
{
    node_id leaver = change->member.id, next = change->steward.node;
    if (value->coming.count > 0 || !steward_set_has_node(&value->stewards, leaver) ||
        !ring_work_leaves(&value->work, leaver))
        return false;
    if (next == 0)
        return value->stewards.count > 1 &&
               register_value_next_steward(value, leaver, can_be_steward, value) == 0;
    return ring_member(value->ring, next) != NULL && can_be_steward(value, next) &&
           !steward_set_has_node(&value->stewards, next) && change->steward.incarnation != 0;
}

bool register_plan_is_idle(const struct register_change *change, const struct register_value *value)
{
    const struct plan_task *task = plan_tasks_find(&value->tasks, change->plan_id);
    switch ((enum register_change_kind)change->kind) {
    case REGISTER_CHANGE_RING_STEPS:
        return no_step_is_left(change, value);
    case REGISTER_CHANGE_PLAN_PAUSE:
        return is_under_way(change, value) && value->work.paused;
    case REGISTER_CHANGE_PLAN_RESUME:
        return is_under_way(change, value) && !value->work.paused;
    case REGISTER_CHANGE_PLAN_ABORT:
        return task != NULL &&
               (task->state == PLAN_TASK_ABORTING || task->state == PLAN_TASK_ABORTED);
    case REGISTER_CHANGE_PLAN_LOSE:
        return is_under_way(change, value) && is_lost_already(value, change->member.id);
    case REGISTER_CHANGE_PLAN_RETIRE:
        return !is_under_way(change, value) || is_retired(value);
    case REGISTER_CHANGE_PLAN_STEWARD:
        return !is_under_way(change, value) || !may_follow(change, value);
    case REGISTER_CHANGE_PLAN_END:
        return !is_under_way(change, value);
    default:
        return false;
    }
}

/* ---- what changes it ---- */

static enum status commit(const struct register_change *change, struct register_value *next,
                          char reason[REGISTER_REASON_MAX])
{
    struct plan_task task = {.id = change->plan_id,
                             .state = PLAN_TASK_RUNNING,
                             .node = change->member.id,
                             .started_ms = change->now_ms};
    _Static_assert(sizeof task.user == sizeof change->user, "both are names of users");
    memcpy(task.user, change->user, sizeof task.user);
    for (uint16_t i = 0; i < next->ring->member_count; i++)
        task.joins = (uint16_t)(task.joins + (next->ring->members[i].role == MEMBER_JOINING));
    enum status status =
        plan_commit(next->ring, &next->staged, &next->work, change->plan_id, reason);
    if (status != STATUS_OK)
        return status;
    task.partitions = next->work.target_count;
    task.leaves = next->work.leaver_count;
    plan_tasks_begin(&next->tasks, &task);
    return STATUS_OK;
}

static uint32_t count_joint(const struct ring *ring)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->transition_count; i++)
        count += ring->transitions[i].phase == RING_JOINT;
    return count;
}

static enum status abort_it(struct register_value *next, char reason[REGISTER_REASON_MAX])
{
    struct plan_task *task = plan_tasks_running(&next->tasks);
    uint32_t given_up = next->work.target_count + count_joint(next->ring);
    enum status status = plan_abort(next->ring, &next->work, reason);
    if (status != STATUS_OK)
        return status;
    next->work.paused = false;
    task->given_up = given_up < task->partitions ? given_up : task->partitions;
    task->state = PLAN_TASK_ABORTING;
    return STATUS_OK;
}

static void name_coming(const struct register_change *change, struct register_value *next)
{
    struct steward_set *coming = &next->coming;
    *coming = (struct steward_set){0};
    for (uint8_t i = 0; i < next->stewards.count; i++)
        if (next->stewards.items[i].node != change->member.id)
            coming->items[coming->count++] = next->stewards.items[i];
    if (change->steward.node == 0)
        return;
    uint8_t at = coming->count++;
    for (; at > 0 && coming->items[at - 1].node > change->steward.node; at--)
        coming->items[at] = coming->items[at - 1];
    coming->items[at] = change->steward;
}

static enum status end(const struct register_change *change, struct register_value *next,
                       char reason[REGISTER_REASON_MAX])
{
    for (uint16_t i = 0; i < next->work.leaver_count; i++) {
        node_id leaver = next->work.leavers[i];
        if (steward_set_has_node(&next->stewards, leaver) ||
            steward_set_has_node(&next->coming, leaver))
            return ring_refuse(STATUS_INVALID, reason, "node %u is still a steward", leaver);
    }
    struct ring_work leaving;
    ring_work_copy(&next->work, &leaving);
    enum status status = plan_end(next->ring, &next->work, reason);
    for (uint16_t i = 0; status == STATUS_OK && i < leaving.leaver_count; i++)
        (void)ring_wishes_forget(&next->staged, leaving.leavers[i]);
    if (status == STATUS_OK)
        plan_tasks_end(&next->tasks, change->now_ms);
    ring_work_deinit(&leaving);
    return status;
}

enum status register_plan_make(const struct register_change *change, struct register_value *next,
                               char reason[REGISTER_REASON_MAX])
{
    uint32_t taken;
    enum status status = STATUS_OK;
    if (change->kind != REGISTER_CHANGE_RING_STEPS && change->kind != REGISTER_CHANGE_PLAN_COMMIT)
        status = check_under_way(change, next, reason);
    if (status != STATUS_OK)
        return status;
    switch ((enum register_change_kind)change->kind) {
    case REGISTER_CHANGE_RING_STEPS:
        return plan_steps(next->ring, &next->work, steps_of(change), &taken, reason);
    case REGISTER_CHANGE_PLAN_COMMIT:
        return commit(change, next, reason);
    case REGISTER_CHANGE_PLAN_PAUSE:
        return plan_tasks_running(&next->tasks)->state == PLAN_TASK_ABORTING
                   ? ring_refuse(STATUS_INVALID, reason, "a plan that was aborted begins nothing")
                   : plan_pause(&next->work, true, reason);
    case REGISTER_CHANGE_PLAN_RESUME:
        return plan_pause(&next->work, false, reason);
    case REGISTER_CHANGE_PLAN_ABORT:
        return abort_it(next, reason);
    case REGISTER_CHANGE_PLAN_LOSE:
        return plan_lose(next->ring, &next->work, change->member.id, reason);
    case REGISTER_CHANGE_PLAN_RETIRE:
        return plan_retire(next->ring, &next->work, reason);
    case REGISTER_CHANGE_PLAN_STEWARD:
        name_coming(change, next);
        return STATUS_OK;
    case REGISTER_CHANGE_PLAN_END:
        return end(change, next, reason);
    default:
        assert(false); /* no change of a plan */
        return STATUS_INVALID;
    }
}
