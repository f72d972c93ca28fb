/*
 * placement.c - what the loop side does when partitions have got other owners, or tags.
 *
 * Nothing is carried over that an old tag was told: what is under way is refused by whoever goes by
 * a newer one, and begins anew. Taking partitions in and dropping copies is the store side's; it
 * does so one bounded step at a time, with a pause behind each so that requests are served between
 * them, and nothing at all while it has nothing to do.
 */
#include <assert.h>

#include "node/node_state.h"
#include "ring/transition.h"
#include "wire/message_ring.h"

enum { STEP_PAUSE_US = 20000, FAILED_PAUSE_US = 5000000 };

/* What the own store side has not said anything of yet, or will drop. */
static void forget_replicas(struct node *node)
{
    for (uint32_t p = 0; p < node->ring->partition_count; p++)
        if (!ring_replicates(node->ring, node->self, (partition_id)p))
            rebuild_progress_set(node, (partition_id)p, REPLICA_ABSENT);
}

void placement_changed(struct node *node)
{
    forget_replicas(node);
    for (uint32_t i = 0; i < node->load_count; i++)
        log_sync_follow_ring(node->loads[i].sync, node->ring, node->self, node->now.mono_us);
    partition_sync_follow_placement(node->partitions);
    tree_schedule_follow_ring(node);
    key_requests_follow_ring(node);
}

/* ---- steps of the store side ---------------------------------------------------------------- */

void placement_start(struct node *node)
{
    node->holdings.due_us = UINT64_MAX;
}

static void set_due(struct node *node)
{
    const struct message_holdings_state *state = &node->holdings.state;
    node->holdings.due_us =
        !state->more ? UINT64_MAX
                     : node->now.mono_us + (state->waits ? FAILED_PAUSE_US : STEP_PAUSE_US);
}

void placement_told(struct node *node, struct slice body)
{
    enum status status = message_holdings_state_decode(body, &node->holdings.state);
    assert(status == STATUS_OK); /* own store side */
    set_due(node);
}

void placement_store_frame(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body)
{
    pending_remove(node, pending);
    if (type == MESSAGE_HOLDINGS_STATE) /* else it was refused: try again as it was told to */
        placement_told(node, body);
    else
        set_due(node);
}

void placement_tick(struct node *node)
{
    if (node->now.mono_us < node->holdings.due_us)
        return;
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending = pending_add(node, PENDING_HOLDINGS, &(struct origin){0}, deadline_us);
    node->holdings.due_us = deadline_us + STEP_PAUSE_US; /* if no answer comes */
    node_send_store(node, MESSAGE_HOLDINGS_STEP, pending->id, deadline_us, slice_make(NULL, 0));
}

uint64_t placement_deadline_us(const struct node *node)
{
    return node->holdings.due_us;
}
