#include "ring/ring_work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/transition.h"

enum { FLAG_PAUSED = 1 };

void ring_work_deinit(struct ring_work *work)
{
    free(work->leavers);
    free(work->lost);
    free(work->targets);
    *work = (struct ring_work){0};
}

void ring_work_copy(const struct ring_work *from, struct ring_work *to)
{
    *to = *from;
    to->leavers = NULL;
    to->lost = NULL;
    to->targets = NULL;
    if (from->leaver_count > 0)
        to->leavers = memory_copy(from->leavers, from->leaver_count * sizeof *from->leavers);
    if (from->lost_count > 0) {
        to->lost = memory_new(from->leaver_count, sizeof *to->lost);
        memcpy(to->lost, from->lost, from->lost_count * sizeof *to->lost);
    }
    if (from->target_count > 0)
        to->targets = memory_copy(from->targets, from->target_count * sizeof *from->targets);
}

/* ---- its life ---- */

static void make_members(struct ring *ring, const struct ring_wishes *wishes)
{
    for (uint16_t i = 0; i < ring->member_count; i++) {
        struct ring_member *member = &ring->members[i];
        const struct ring_wish *weight = ring_wishes_find(wishes, member->id, RING_WISH_WEIGHT);
        const struct ring_wish *rack = ring_wishes_find(wishes, member->id, RING_WISH_RACK);
        if (member->role == MEMBER_JOINING)
            member->role = MEMBER_DATA;
        if (weight != NULL)
            member->weight = weight->weight;
        if (rack != NULL)
            memcpy(member->rack, rack->rack, sizeof member->rack);
    }
}

static void note_leavers(const struct ring *ring, const struct ring_wishes *wishes,
                         struct ring_work *work)
{
    work->leavers = memory_new(ring->member_count, sizeof *work->leavers);
    for (uint16_t i = 0; i < ring->member_count; i++)
        if (ring_wishes_remove(wishes, ring->members[i].id))
            work->leavers[work->leaver_count++] = ring->members[i].id;
}

void ring_work_begin(struct ring *ring, const struct ring_wishes *wishes,
                     const struct change_plan *plan, struct ring_work *work)
{
    assert(work->plan_id == 0 && plan->id != 0);
    work->plan_id = plan->id;
    note_leavers(ring, wishes, work);
    work->targets = memory_new(plan->changed_count + 1u, sizeof *work->targets);
    for (uint32_t i = 0; i < plan->changed_count; i++) {
        struct ring_target *target = &work->targets[work->target_count++];
        target->partition = plan->changed[i];
        memcpy(target->owners, change_plan_owners(ring, plan, plan->changed[i]),
               ring->owner_count * sizeof target->owners[0]);
    }
    make_members(ring, wishes);
}

static bool has_begun(const struct ring *ring, const struct ring_target *target)
{
    return ring_transition(ring, target->partition) != NULL ||
           memcmp(ring_owners(ring, target->partition), target->owners,
                  ring->owner_count * sizeof target->owners[0]) == 0;
}

void ring_work_settle(struct ring_work *work, const struct ring *ring)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < work->target_count; i++)
        if (!has_begun(ring, &work->targets[i]))
            work->targets[kept++] = work->targets[i];
    work->target_count = kept;
}

void ring_work_abandon(struct ring_work *work)
{
    work->target_count = 0;
    work->leaver_count = 0;
    work->lost_count = 0;
}

static bool is_among(const node_id *nodes, uint16_t count, node_id node)
{
    for (uint16_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

bool ring_work_leaves(const struct ring_work *work, node_id node)
{
    return is_among(work->leavers, work->leaver_count, node);
}

bool ring_work_has_lost(const struct ring_work *work, node_id node)
{
    return is_among(work->lost, work->lost_count, node);
}

void ring_work_lose(struct ring_work *work, node_id node)
{
    assert(ring_work_leaves(work, node));
    if (ring_work_has_lost(work, node))
        return;
    if (work->lost == NULL)
        work->lost = memory_new(work->leaver_count, sizeof *work->lost);
    uint16_t at = work->lost_count++;
    for (; at > 0 && work->lost[at - 1] > node; at--)
        work->lost[at] = work->lost[at - 1];
    work->lost[at] = node;
}

const struct ring_target *ring_work_target(const struct ring_work *work, partition_id partition)
{
    uint32_t low = 0, high = work->target_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (work->targets[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < work->target_count && work->targets[low].partition == partition;
    return found ? &work->targets[low] : NULL;
}

bool ring_work_is_over(const struct ring_work *work, const struct ring *ring)
{
    return work->target_count == 0 && ring->transition_count == 0;
}

/* ---- bytes ---- */

void ring_work_encode(const struct ring_work *work, const struct ring *ring, struct buffer *out)
{
    if (work->plan_id == 0)
        return;
    buffer_put_u64(out, work->plan_id);
    buffer_put_u8(out, work->paused ? FLAG_PAUSED : 0);
    buffer_put_varint(out, work->leaver_count);
    for (uint16_t i = 0; i < work->leaver_count; i++)
        buffer_put_varint(out, work->leavers[i]);
    buffer_put_varint(out, work->lost_count);
    for (uint16_t i = 0; i < work->lost_count; i++)
        buffer_put_varint(out, work->lost[i]);
    buffer_put_varint(out, work->target_count);
    for (uint32_t i = 0; i < work->target_count; i++) {
        buffer_put_varint(out, work->targets[i].partition);
        for (uint8_t k = 0; k < ring->owner_count; k++)
            buffer_put_varint(out, work->targets[i].owners[k]);
    }
}

static void read_leavers(struct reader *reader, const struct ring *ring, struct ring_work *out)
{
    uint16_t count = (uint16_t)reader_varint_max(reader, ring->member_count);
    out->leavers = memory_new(count + 1u, sizeof *out->leavers);
    for (uint16_t i = 0; i < count && !reader->failed; i++) {
        node_id node = (node_id)reader_varint_max(reader, UINT32_MAX);
        if (ring_member(ring, node) == NULL || (i > 0 && node <= out->leavers[i - 1]))
            reader->failed = true;
        out->leavers[out->leaver_count++] = node;
    }
}

static void read_lost(struct reader *reader, struct ring_work *out)
{
    uint16_t count = (uint16_t)reader_varint_max(reader, out->leaver_count);
    node_id last = 0;
    for (uint16_t i = 0; i < count && !reader->failed; i++) {
        node_id node = (node_id)reader_varint_max(reader, UINT32_MAX);
        if (node <= last || !ring_work_leaves(out, node))
            reader->failed = true;
        else
            ring_work_lose(out, node);
        last = node;
    }
}

static void read_targets(struct reader *reader, const struct ring *ring, struct ring_work *out)
{
    char reason[RING_REASON_MAX];
    uint32_t count = (uint32_t)reader_varint_max(reader, ring->partition_count);
    out->targets = memory_new(count + 1u, sizeof *out->targets);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        struct ring_target *target = &out->targets[out->target_count++];
        target->partition = (partition_id)reader_varint_max(reader, ring->partition_count - 1);
        if (i > 0 && target->partition <= target[-1].partition)
            reader->failed = true;
        for (uint8_t k = 0; k < ring->owner_count; k++)
            target->owners[k] = (node_id)reader_varint_max(reader, UINT32_MAX);
        if (!reader->failed &&
            (has_begun(ring, target) ||
             ring_validate_row(ring, target->partition, target->owners, reason) != STATUS_OK))
            reader->failed = true;
    }
}

enum status ring_work_decode(struct slice bytes, const struct ring *ring, struct ring_work *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct ring_work){.plan_id = reader_u64(&reader)};
    uint8_t flags = reader_u8(&reader);
    out->paused = flags == FLAG_PAUSED;
    if (flags > FLAG_PAUSED || out->plan_id == 0)
        reader.failed = true;
    if (!reader.failed)
        read_leavers(&reader, ring, out);
    if (!reader.failed)
        read_lost(&reader, out);
    if (!reader.failed)
        read_targets(&reader, ring, out);
    if (reader_end(&reader) == STATUS_OK)
        return STATUS_OK;
    ring_work_deinit(out);
    return STATUS_CORRUPT;
}
