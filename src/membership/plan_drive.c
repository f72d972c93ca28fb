#include "membership/plan_drive.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/ring_drive.h"
#include "ring/transition.h"

/* ---- a round ---- */

bool plan_is_driven(const struct register_value *value)
{
    return value->work.plan_id != 0 || value->ring->transition_count > 0;
}

static size_t place_of(const struct register_value *value, node_id node)
{
    return (size_t)(ring_member(value->ring, node) - value->ring->members);
}

static bool is_ending(const struct register_value *value)
{
    return value->work.plan_id != 0 && ring_work_is_over(&value->work, value->ring);
}

/* The first leaver that is still a steward; 0: none is. */
static node_id leaving_steward(const struct register_value *value)
{
    for (uint16_t i = 0; i < value->work.leaver_count; i++)
        if (steward_set_has_node(&value->stewards, value->work.leavers[i]) ||
            steward_set_has_node(&value->coming, value->work.leavers[i]))
            return value->work.leavers[i];
    return 0;
}

void plan_round_begin(const struct register_value *value, struct plan_round *out)
{
    const struct ring *ring = value->ring;
    *out = (struct plan_round){.generation = ring->generation,
                               .seq = value->seq,
                               .heard = memory_new(ring->member_count, sizeof *out->heard),
                               .evidence =
                                   memory_new(ring->transition_count + 1u, sizeof *out->evidence)};
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        node_id replicas[RING_REPLICAS_MAX];
        for (uint8_t k = ring_replicas(ring, ring->transitions[i].partition, replicas); k > 0; k--)
            out->heard[place_of(value, replicas[k - 1])].asked = true;
    }
    if (!is_ending(value))
        return;
    for (uint16_t i = 0; i < value->work.leaver_count; i++)
        out->heard[place_of(value, value->work.leavers[i])].asked = true;
    /* Whoever can be a steward: with the store that it says it has. */
    for (uint16_t i = 0; leaving_steward(value) != 0 && i < ring->member_count; i++)
        out->heard[i].asked |= !steward_set_has_node(&value->stewards, ring->members[i].id);
}

void plan_round_deinit(struct plan_round *round)
{
    free(round->heard);
    free(round->evidence);
    *round = (struct plan_round){0};
}

bool plan_round_is_of(const struct plan_round *round, const struct register_value *value)
{
    return round->heard != NULL && round->generation == value->ring->generation &&
           round->seq == value->seq;
}

void plan_round_note(struct plan_round *round, const struct register_value *value, node_id node,
                     const struct ring_testimony *testimony)
{
    const struct ring *ring = value->ring;
    assert(plan_round_is_of(round, value));
    if (ring_member(ring, node) == NULL)
        return;
    struct plan_heard *heard = &round->heard[place_of(value, node)];
    if (!heard->asked || heard->told)
        return;
    *heard = (struct plan_heard){.asked = true,
                                 .told = true,
                                 .incarnation = testimony->storage_incarnation,
                                 .seq = testimony->seq,
                                 .hints = testimony->hints};
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        const struct ring_holding *holding =
            ring_testimony_of(testimony, ring->transitions[i].partition);
        if (holding != NULL)
            (void)ring_evidence_note(&round->evidence[i], ring, node, holding);
    }
}

static const struct plan_heard *heard_of(const struct plan_round *round,
                                         const struct register_value *value, node_id node)
{
    return &round->heard[place_of(value, node)];
}

/* ---- what is proposed ---- */

static bool propose_steps(const struct plan_round *round, const struct register_value *value,
                          struct register_change *out)
{
    struct buffer steps = {0};
    uint32_t count =
        ring_drive_next(value->ring, &value->work, round->evidence, sizeof out->words, &steps);
    out->kind = REGISTER_CHANGE_RING_STEPS;
    if (count > 0)
        memcpy(out->words, steps.data, steps.length);
    out->words_length = (uint16_t)steps.length;
    buffer_deinit(&steps);
    return count > 0;
}

static bool is_retired(const struct register_value *value)
{
    for (uint16_t i = 0; i < value->work.leaver_count; i++)
        if (ring_member(value->ring, value->work.leavers[i])->role != MEMBER_LEAVING)
            return false;
    return true;
}

/* One that leaves, and whose last word on its hints is not that it keeps none; 0: none. */
static node_id who_keeps_hints(const struct plan_round *round, const struct register_value *value)
{
    for (uint16_t i = 0; i < value->work.leaver_count; i++) {
        node_id leaver = value->work.leavers[i];
        const struct plan_heard *heard = heard_of(round, value, leaver);
        bool keeps_none = heard->told && heard->seq >= round->seq && heard->hints == 0;
        if (!keeps_none && !ring_work_has_lost(&value->work, leaver))
            return leaver;
    }
    return 0;
}

struct candidates {
    const struct plan_round *round;
    const struct register_value *value;
    bool silent_too;
};

static bool is_candidate(const void *context, node_id node)
{
    const struct candidates *all = context;
    return !ring_work_leaves(&all->value->work, node) &&
           (all->silent_too || heard_of(all->round, all->value, node)->told);
}

/* False: those who could be asked are silent, or the stewards are changing already. */
static bool propose_steward(const struct plan_round *round, const struct register_value *value,
                            node_id leaver, struct register_change *out)
{
    struct candidates all = {.round = round, .value = value};
    if (value->coming.count > 0)
        return false;
    node_id next = register_value_next_steward(value, leaver, is_candidate, &all);
    all.silent_too = true;
    if (next == 0 && register_value_next_steward(value, leaver, is_candidate, &all) != 0)
        return false;
    out->kind = REGISTER_CHANGE_PLAN_STEWARD;
    out->member.id = leaver;
    if (next != 0)
        out->steward = (struct steward){.node = next,
                                        .incarnation = heard_of(round, value, next)->incarnation};
    return true;
}

bool plan_round_propose(const struct plan_round *round, const struct register_value *value,
                        uint64_t now_ms, struct register_change *out)
{
    assert(plan_round_is_of(round, value));
    *out = (struct register_change){.plan_id = value->work.plan_id, .now_ms = now_ms};
    if (!is_ending(value))
        return propose_steps(round, value, out);
    node_id steward = leaving_steward(value);
    if (!is_retired(value))
        out->kind = REGISTER_CHANGE_PLAN_RETIRE;
    else if (steward != 0)
        return propose_steward(round, value, steward, out);
    else if (who_keeps_hints(round, value) != 0)
        return false;
    else
        out->kind = REGISTER_CHANGE_PLAN_END;
    return true;
}

/* ---- what is waited for ---- */

struct ring_wait plan_round_wait(const struct plan_round *round, const struct register_value *value,
                                 partition_id partition)
{
    const struct ring *ring = value->ring;
    const struct ring_transition *transition = ring_transition(ring, partition);
    struct node_set heard = {0};
    node_id replicas[RING_REPLICAS_MAX];
    assert(transition != NULL && plan_round_is_of(round, value));
    for (uint8_t k = ring_replicas(ring, partition, replicas); k > 0; k--)
        if (heard_of(round, value, replicas[k - 1])->told)
            node_set_add(&heard, replicas[k - 1]);
    return ring_wait_of(ring, partition, &round->evidence[transition - ring->transitions], &heard);
}

struct ring_wait plan_round_end_wait(const struct plan_round *round,
                                     const struct register_value *value)
{
    struct ring_wait wait = {.kind = RING_WAIT_NOTHING};
    assert(plan_round_is_of(round, value));
    if (!is_ending(value))
        return wait;
    node_id steward = leaving_steward(value), keeper = who_keeps_hints(round, value);
    if (steward != 0)
        return (struct ring_wait){.kind = RING_WAIT_STEWARD, .node = steward};
    if (keeper != 0)
        wait = (struct ring_wait){.kind = heard_of(round, value, keeper)->told ? RING_WAIT_HINTS
                                                                               : RING_WAIT_SILENT,
                                  .node = keeper};
    return wait;
}
