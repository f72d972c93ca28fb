#include "ring/ring_wait.h"

#include "ring/ring_drive.h"
#include "ring/transition.h"

static struct ring_wait wait_for(enum ring_wait_kind kind, node_id node,
                                 const struct node_set *heard)
{
    bool silent = heard != NULL && !node_set_has(heard, node);
    return (struct ring_wait){.kind = (uint8_t)(silent ? RING_WAIT_SILENT : kind), .node = node};
}

/* The first of a row that `set` has not, and that is not lost; 0: there is none. */
static node_id first_missing(const struct ring *ring, partition_id partition, const node_id *row,
                             const struct node_set *set)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (!node_set_has(set, row[i]) && !ring_is_lost(ring, row[i], partition))
            return row[i];
    return 0;
}

struct ring_wait ring_wait_of(const struct ring *ring, partition_id partition,
                              const struct ring_evidence *evidence, const struct node_set *heard)
{
    const node_id *old = ring_owners(ring, partition), *row = ring_coming_owners(ring, partition);
    struct ring_wait nothing = {.kind = RING_WAIT_NOTHING};
    if (ring_may_switch(ring, partition, evidence) || ring_may_finish(ring, partition, evidence))
        return nothing;
    node_id node = first_missing(ring, partition, row, &evidence->complete);
    if (node != 0)
        return wait_for(RING_WAIT_INCOMPLETE, node, heard);
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (ring_leaves(ring, old[i], partition) && !ring_is_lost(ring, old[i], partition) &&
            !node_set_has(&evidence->goes_by, old[i]))
            return wait_for(RING_WAIT_BEHIND, old[i], heard);
    node = first_missing(ring, partition, old, &evidence->goes_by);
    return node == 0 ? nothing : wait_for(RING_WAIT_BEHIND, node, heard);
}

static uint32_t count(const struct ring *ring, node_id node,
                      bool (*is)(const struct ring *, node_id, partition_id))
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < ring->transition_count; i++)
        found += is(ring, node, ring->transitions[i].partition);
    return found;
}

static bool is_in(const struct ring *ring, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

struct ring_wait ring_wait_to_begin(const struct ring *ring, const struct ring_work *work,
                                    const struct ring_target *target)
{
    const node_id *old = ring_owners(ring, target->partition);
    if (work->paused)
        return (struct ring_wait){.kind = RING_WAIT_PAUSED};
    for (uint8_t i = 0; i < ring->owner_count; i++) {
        if (!is_in(ring, old, target->owners[i]) &&
            count(ring, target->owners[i], ring_joins) >= RING_DRIVE_IN)
            return wait_for(RING_WAIT_TURN, target->owners[i], NULL);
        if (!is_in(ring, target->owners, old[i]) &&
            count(ring, old[i], ring_leaves) >= RING_DRIVE_OUT)
            return wait_for(RING_WAIT_TURN, old[i], NULL);
    }
    return (struct ring_wait){.kind = RING_WAIT_NOTHING};
}

void ring_wait_print(struct ring_wait wait, struct buffer *out)
{
    switch ((enum ring_wait_kind)wait.kind) {
    case RING_WAIT_NOTHING:
        break;
    case RING_WAIT_SILENT:
        buffer_printf(out, "node %u does not answer", wait.node);
        break;
    case RING_WAIT_INCOMPLETE:
        buffer_printf(out, "node %u is being sent what it lacks", wait.node);
        break;
    case RING_WAIT_BEHIND:
        buffer_printf(out, "node %u has not ended what it began before", wait.node);
        break;
    case RING_WAIT_TURN:
        buffer_printf(out, "node %u takes part in as many moves as it may at a time", wait.node);
        break;
    case RING_WAIT_PAUSED:
        buffer_printf(out, "the plan is paused");
        break;
    case RING_WAIT_STEWARD:
        buffer_printf(out, "another node is to be a steward in the place of node %u", wait.node);
        break;
    case RING_WAIT_HINTS:
        buffer_printf(out, "node %u hands over the hints that it keeps", wait.node);
        break;
    }
}
