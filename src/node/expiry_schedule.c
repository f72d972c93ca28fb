/*
 * expiry_schedule.c - when the own store side looks for expired values.
 *
 * As often as owners report (stability_schedule.c), for the safe time rises with their reports;
 * five times as often while something waits that may go soon. One step is under way at a time.
 */
#include <assert.h>

#include "node/node_state.h"

enum { STEP_PAUSE_US = 10000 };

void expiry_start(struct node *node)
{
    node->expiry.due_us = node->now.mono_us + stability_interval_us(node);
}

void expiry_tick(struct node *node)
{
    if (node->now.mono_us < node->expiry.due_us)
        return;
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending = pending_add(node, PENDING_EXPIRY, &(struct origin){0}, deadline_us);
    struct message_expiry_step step = {.goes_on = node->expiry.state.more};
    struct buffer body = {0};
    message_expiry_step_encode(&step, &body);
    node->expiry.due_us = deadline_us + STEP_PAUSE_US; /* if no answer comes */
    node->expiry.state.more = false;
    node_send_store(node, MESSAGE_EXPIRY_STEP, pending->id, deadline_us, buffer_slice(&body));
    buffer_deinit(&body);
}

uint64_t expiry_deadline_us(const struct node *node)
{
    return node->expiry.due_us;
}

void expiry_store_frame(struct node *node, struct pending *pending, uint16_t type,
                        struct slice body)
{
    bool was_eager = node->expiry.state.go_soon;
    pending_remove(node, pending);
    if (type == MESSAGE_EXPIRY_STATE) { /* else it was refused */
        enum status status = message_expiry_state_decode(body, &node->expiry.state);
        assert(status == STATUS_OK); /* own store side */
        node->statistics.expired_dropped += node->expiry.state.dropped;
    }
    node->expiry.due_us =
        node->now.mono_us + (node->expiry.state.more ? STEP_PAUSE_US : stability_interval_us(node));
    if (!was_eager && node->expiry.state.go_soon)
        stability_report_now(node);
}

void expiry_view(void *context, struct message_expiry_state *out)
{
    *out = ((const struct node *)context)->expiry.state;
}
