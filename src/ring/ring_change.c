#include "ring/ring_change.h"

#include <assert.h>
#include <string.h>

/* ---- sets ---- */

bool node_set_has(const struct node_set *set, node_id node)
{
    for (uint8_t i = 0; i < set->count; i++)
        if (set->nodes[i] == node)
            return true;
    return false;
}

void node_set_add(struct node_set *set, node_id node)
{
    if (node_set_has(set, node))
        return;
    assert(set->count < RING_REPLICAS_MAX);
    set->nodes[set->count++] = node;
}

/* The owners of a row that stand for `region`. */
struct part {
    const node_id *nodes;
    uint8_t count;
};

static struct part part_of(const struct ring *ring, const node_id *row, uint8_t region)
{
    for (uint8_t i = 0; i < region; i++)
        row += ring->regions[i].replicas;
    return (struct part){.nodes = row, .count = ring->regions[region].replicas};
}

static uint8_t count_in(struct part part, const struct node_set *set)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < part.count; i++)
        count = (uint8_t)(count + node_set_has(set, part.nodes[i]));
    return count;
}

static bool has_majority(struct part part, const struct node_set *set)
{
    return part.count == 0 || count_in(part, set) >= part.count / 2 + 1;
}

/* Of all owners in a row, and of those of each region: levels count both. */
static bool has_majorities(const struct ring *ring, const node_id *row, const struct node_set *set)
{
    bool all = has_majority((struct part){.nodes = row, .count = ring->owner_count}, set);
    for (uint8_t region = 0; all && region < ring->region_count; region++)
        all = has_majority(part_of(ring, row, region), set);
    return all;
}

/* ---- when ---- */

/*
 * Whether `sources` meet every majority of the others and `node`: what a majority acknowledged
 * that may have counted a copy which this node never had, or has lost.
 */
static bool meets_majorities(struct part part, node_id node, const struct node_set *sources)
{
    uint8_t others = 0, absorbed = 0;
    for (uint8_t i = 0; i < part.count; i++) {
        if (part.nodes[i] == node)
            continue;
        others++;
        absorbed = (uint8_t)(absorbed + node_set_has(sources, part.nodes[i]));
    }
    uint8_t needed = (uint8_t)(part.count - part.count / 2);
    return absorbed >= (needed < others ? needed : others);
}

bool ring_is_complete(const struct ring *ring, partition_id partition, node_id node,
                      const struct node_set *sources)
{
    const node_id *row = ring_owners(ring, partition);
    uint8_t home = ring_member(ring, node)->region;
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (row[i] != node && ring_leaves(ring, row[i], partition) &&
            !ring_is_lost(ring, row[i], partition) && !node_set_has(sources, row[i]))
            return false;
    return meets_majorities((struct part){.nodes = row, .count = ring->owner_count}, node,
                            sources) &&
           meets_majorities(part_of(ring, row, home), node, sources);
}

static bool is_in_phase(const struct ring *ring, partition_id partition, enum ring_phase phase)
{
    return ring_tag_of(ring, partition).phase == phase;
}

bool ring_may_switch(const struct ring *ring, partition_id partition,
                     const struct ring_evidence *evidence)
{
    return is_in_phase(ring, partition, RING_JOINT) &&
           has_majorities(ring, ring_coming_owners(ring, partition), &evidence->complete);
}

/* Nobody counts on the partition as it was: T4 for those that leave. */
static bool may_leave(const struct ring *ring, partition_id partition,
                      const struct ring_evidence *evidence)
{
    const node_id *row = ring_owners(ring, partition);
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (ring_leaves(ring, row[i], partition) && !ring_is_lost(ring, row[i], partition) &&
            !node_set_has(&evidence->goes_by, row[i]))
            return false;
    return has_majorities(ring, row, &evidence->goes_by);
}

/* Somebody has all that those who leave have: one that lost its store once more has it not. */
static bool has_heir(const struct ring *ring, partition_id partition,
                     const struct ring_evidence *evidence)
{
    const node_id *old = ring_owners(ring, partition), *row = ring_coming_owners(ring, partition);
    bool leaving = false, heir = false;
    for (uint8_t i = 0; i < ring->owner_count; i++) {
        leaving |= ring_leaves(ring, old[i], partition) && !ring_is_lost(ring, old[i], partition);
        heir |= ring_joins(ring, row[i], partition) && node_set_has(&evidence->complete, row[i]);
    }
    return heir || !leaving;
}

bool ring_may_finish(const struct ring *ring, partition_id partition,
                     const struct ring_evidence *evidence)
{
    const node_id *row = ring_coming_owners(ring, partition);
    if (!is_in_phase(ring, partition, RING_SWITCHED))
        return false;
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (!ring_is_lost(ring, row[i], partition) && !node_set_has(&evidence->complete, row[i]))
            return false;
    return has_majorities(ring, row, &evidence->complete) && has_heir(ring, partition, evidence) &&
           may_leave(ring, partition, evidence);
}

/* ---- the steps ---- */

static bool is_at(const struct ring *ring, partition_id partition, struct ring_tag tag)
{
    return ring_tag_compare(ring_tag_of(ring, partition), tag) == 0;
}

static enum status wrong_phase(partition_id partition, const char *step, const char *phase,
                               char reason[RING_REASON_MAX])
{
    return ring_refuse(STATUS_INVALID, reason, "partition %u cannot be %s: it is not in phase %s",
                       partition, step, phase);
}

static struct ring_transition *transition_of(struct ring *ring, partition_id partition)
{
    return &ring->transitions[ring_transition(ring, partition) - ring->transitions];
}

enum status ring_begin(struct ring *ring, partition_id partition, struct ring_tag from,
                       const node_id *owners, char reason[RING_REASON_MAX])
{
    if (!is_at(ring, partition, from))
        return STATUS_STALE_TAG;
    if (from.phase != RING_STABLE)
        return wrong_phase(partition, "moved", "stable", reason);
    if (from.epoch == UINT32_MAX)
        return ring_refuse(STATUS_INVALID, reason, "partition %u has no epoch left", partition);
    enum status status = ring_validate_row(ring, partition, owners, reason);
    if (status != STATUS_OK)
        return status;
    struct ring_transition *transition = ring_add_transition(ring, partition);
    memcpy(transition->owners, owners, ring->owner_count * sizeof *owners);
    status = ring_validate_transitions(ring, reason);
    if (status != STATUS_OK)
        ring_remove_transition(ring, partition);
    return status;
}

enum status ring_switch(struct ring *ring, partition_id partition, struct ring_tag from,
                        const struct ring_evidence *evidence, char reason[RING_REASON_MAX])
{
    if (!is_at(ring, partition, from))
        return STATUS_STALE_TAG;
    if (from.phase != RING_JOINT)
        return wrong_phase(partition, "switched", "joint", reason);
    if (!ring_may_switch(ring, partition, evidence))
        return ring_refuse(STATUS_INVALID, reason,
                           "partition %u cannot be switched: too few coming owners are complete",
                           partition);
    transition_of(ring, partition)->phase = RING_SWITCHED;
    return STATUS_OK;
}

enum status ring_finish(struct ring *ring, partition_id partition, struct ring_tag from,
                        const struct ring_evidence *evidence, char reason[RING_REASON_MAX])
{
    if (!is_at(ring, partition, from))
        return STATUS_STALE_TAG;
    if (from.phase != RING_SWITCHED)
        return wrong_phase(partition, "finished", "switched", reason);
    if (!ring_may_finish(ring, partition, evidence))
        return ring_refuse(STATUS_INVALID, reason,
                           "partition %u cannot be finished: a coming owner is not complete, or a "
                           "leaving one may still be counted on",
                           partition);
    memcpy(ring->owners + (size_t)partition * ring->owner_count,
           ring_coming_owners(ring, partition), ring->owner_count * sizeof *ring->owners);
    ring_remove_transition(ring, partition);
    ring_set_epoch(ring, partition, from.epoch + 1);
    return STATUS_OK;
}

enum status ring_abort(struct ring *ring, partition_id partition, struct ring_tag from,
                       char reason[RING_REASON_MAX])
{
    if (!is_at(ring, partition, from))
        return STATUS_STALE_TAG;
    if (from.phase != RING_JOINT)
        return wrong_phase(partition, "given up", "joint", reason);
    ring_remove_transition(ring, partition);
    ring_set_epoch(ring, partition, from.epoch + 1);
    return STATUS_OK;
}

enum status ring_declare_lost(struct ring *ring, partition_id partition, struct ring_tag from,
                              node_id node, char reason[RING_REASON_MAX])
{
    if (!is_at(ring, partition, from))
        return STATUS_STALE_TAG;
    if (from.phase == RING_STABLE || !ring_replicates(ring, node, partition))
        return ring_refuse(STATUS_INVALID, reason, "no change of partition %u waits for node %u",
                           partition, node);
    if (ring_is_lost(ring, node, partition))
        return STATUS_OK;
    struct ring_transition *transition = transition_of(ring, partition);
    uint8_t at = transition->lost_count++;
    for (; at > 0 && transition->lost[at - 1] > node; at--)
        transition->lost[at] = transition->lost[at - 1];
    transition->lost[at] = node;
    return STATUS_OK;
}
