/*
 * drop_schedule.c - when the own store side goes on removing what dropped keyspaces have left.
 *
 * One bounded step at a time, with a pause behind each so that requests are served between them;
 * nothing at all while nothing is left.
 */
#include <assert.h>

#include "node/node_state.h"

enum { STEP_PAUSE_US = 20000, FAILED_PAUSE_US = 5000000 };

void drop_start(struct node *node)
{
    node->drop.due_us = UINT64_MAX;
}

static void set_due(struct node *node)
{
    const struct message_drop_state *state = &node->drop.state;
    node->drop.due_us = !state->more
                            ? UINT64_MAX
                            : node->now.mono_us + (state->waits ? FAILED_PAUSE_US : STEP_PAUSE_US);
}

static void take(struct node *node, struct slice body)
{
    enum status status = message_drop_state_decode(body, &node->drop.state);
    assert(status == STATUS_OK); /* own store side */
    node->statistics.dropped_keys_removed += node->drop.state.removed;
    node->statistics.dropped_hints_removed += node->drop.state.hints;
}

void drop_told(struct node *node, struct slice body)
{
    take(node, body);
    set_due(node);
}

void drop_tick(struct node *node)
{
    if (node->now.mono_us < node->drop.due_us)
        return;
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending = pending_add(node, PENDING_DROP, &(struct origin){0}, deadline_us);
    node->drop.due_us = deadline_us + STEP_PAUSE_US; /* if no answer comes */
    node_send_store(node, MESSAGE_DROP_STEP, pending->id, deadline_us, slice_make(NULL, 0));
}

void drop_store_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body)
{
    pending_remove(node, pending);
    if (type == MESSAGE_DROP_STATE) /* else it was refused: try again as it was told to */
        take(node, body);
    set_due(node);
}

uint64_t drop_deadline_us(const struct node *node)
{
    return node->drop.due_us;
}

void drop_view(void *context, struct message_drop_state *out)
{
    *out = ((const struct node *)context)->drop.state;
}
