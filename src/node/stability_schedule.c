/*
 * stability_schedule.c - whose turn it is to be told what is durable here, and to collect.
 *
 * Each owner reports to each other one, over the link of their present lives, and hears that the
 * report has come; what was not heard of stands in the next one. While there is garbage the
 * turns come five times as often. An idle node sends a few bytes in each interval.
 *
 * When a link ends, the own store forgets what came over it before it is given a report that came
 * over the next one: a report counts for the life in which it was made.
 */
#include <assert.h>

#include "node/node_state.h"

enum { EAGER_FACTOR = 5, STEP_PAUSE_US = 10000, FORGET_REFUSED_PAUSE_US = 100000 };

uint64_t stability_interval_us(const struct node *node)
{
    uint64_t us = (uint64_t)node->settings.stability_interval_ms * 1000;
    bool eager = node->garbage.tombstones > 0 || node->expiry.state.go_soon;
    return eager ? us / EAGER_FACTOR : us;
}

/* How long a report may be under way. */
static uint64_t patience_us(const struct node *node)
{
    uint64_t us = (uint64_t)node->settings.request_timeout_ms * 1000;
    return us > stability_interval_us(node) ? us : stability_interval_us(node);
}

static void step_store(struct node *node, const struct message_stability_step *step,
                       request_id request, uint64_t deadline_us)
{
    struct buffer body = {0};
    message_stability_step_encode(step, &body);
    node_send_store(node, MESSAGE_STABILITY_STEP, request, deadline_us, buffer_slice(&body));
    buffer_deinit(&body);
}

/* A step that is answered; its number. */
static request_id ask_store(struct node *node, uint8_t kind, node_id peer, uint64_t number)
{
    struct origin origin = {.node = peer};
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending = pending_add(node, PENDING_STABILITY, &origin, deadline_us);
    struct message_stability_step step = {.kind = kind, .node = peer, .number = number};
    step_store(node, &step, pending->id, deadline_us);
    return pending->id;
}

/* The own store may refuse it, so it is asked until it has done it. */
static void ask_to_forget(struct node *node, struct peer_load *load)
{
    load->forget = ask_store(node, STABILITY_STEP_FORGET, load->id, 0);
    load->forget_due_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
}

static bool is_forgotten(const struct peer_load *load)
{
    return load->forget_due_us == UINT64_MAX;
}

void stability_start(struct node *node)
{
    node->collect_due_us = node->now.mono_us + stability_interval_us(node);
}

/* A gateway has nothing to report, and is never what others wait for: it keeps no hints. */
static bool stores(const struct node *node, node_id id)
{
    return ring_member_keeps_hints(ring_member(node->ring, id));
}

void stability_peer_up(struct node *node, node_id peer)
{
    struct peer_load *load = node_load(node, peer);
    if (!stores(node, peer) || !stores(node, node->self))
        return;
    load->report_due_us = node->now.mono_us;
    load->report_afresh = true;
    load->report_waits = false;
}

void stability_peer_down(struct node *node, node_id peer)
{
    struct peer_load *load = node_load(node, peer);
    load->report_due_us = UINT64_MAX;
    ask_to_forget(node, load);
}

void stability_tick(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct peer_load *load = &node->loads[i];
        if (node->now.mono_us >= load->forget_due_us)
            ask_to_forget(node, load);
        if (node->now.mono_us < load->report_due_us)
            continue;
        load->reported_us = node->now.mono_us;
        load->report_waits = true;
        load->report_due_us = load->reported_us + patience_us(node);
        ask_store(node, load->report_afresh ? STABILITY_STEP_AFRESH : STABILITY_STEP_ASK, load->id,
                  0);
    }
    if (node->now.mono_us >= node->collect_due_us) {
        node->collect_due_us = node->now.mono_us + stability_interval_us(node);
        ask_store(node, STABILITY_STEP_COLLECT, 0, node->collect_goes_on);
        node->collect_goes_on = false;
    }
}

uint64_t stability_deadline_us(const struct node *node)
{
    uint64_t deadline_us = node->collect_due_us;
    for (uint32_t i = 0; i < node->load_count; i++) {
        const struct peer_load *load = &node->loads[i];
        uint64_t due_us =
            load->report_due_us < load->forget_due_us ? load->report_due_us : load->forget_due_us;
        if (due_us < deadline_us)
            deadline_us = due_us;
    }
    return deadline_us;
}

void stability_report_now(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++)
        if (node->loads[i].report_due_us != UINT64_MAX && !node->loads[i].report_waits)
            node->loads[i].report_due_us = node->now.mono_us;
}

_Static_assert((int)GC_HOLDERS_MAX == (int)GARBAGE_HOLDERS_MAX, "each is shown");

void stability_view(void *context, struct gc_view *out)
{
    struct node *node = context;
    const struct message_garbage *garbage = &node->garbage;
    *out = (struct gc_view){.tombstones = garbage->tombstones,
                            .waiting = garbage->waiting,
                            .log_records = garbage->log_records,
                            .log_bytes = garbage->log_bytes,
                            .partitions_wanted = partition_sync_count(node->partitions),
                            .holder_count = garbage->holder_count};
    for (uint8_t i = 0; i < garbage->holder_count; i++) {
        const struct garbage_holder *holder = &garbage->holders[i];
        uint8_t reason = holder->may_hint ? GC_MAY_HINT : GC_LACKS;
        out->holders[i] =
            (struct gc_holder){.node = holder->node,
                               .reason = reason,
                               .partitions = holder->partitions,
                               .since_us = node_load(node, holder->node)->holds_since_us[reason]};
    }
}

static bool is_holder(const struct message_garbage *garbage, node_id node, bool may_hint)
{
    for (uint8_t i = 0; i < garbage->holder_count; i++)
        if (garbage->holders[i].node == node && garbage->holders[i].may_hint == may_hint)
            return true;
    return false;
}

static void note_holders(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct peer_load *load = &node->loads[i];
        for (uint8_t reason = 0; reason < GC_REASON_COUNT; reason++) {
            uint64_t *since_us = &load->holds_since_us[reason];
            if (!is_holder(&node->garbage, load->id, reason == GC_MAY_HINT))
                *since_us = 0;
            else if (*since_us == 0)
                *since_us = node->now.mono_us;
        }
    }
}

static void note_garbage(struct node *node, struct slice body)
{
    bool was_eager = node->garbage.tombstones > 0;
    enum status status = message_garbage_decode(body, &node->garbage);
    assert(status == STATUS_OK); /* own store side */
    note_holders(node);
    node->statistics.tombstones_purged += node->garbage.purged;
    if (node->garbage.more) {
        node->collect_goes_on = true;
        node->collect_due_us = node->now.mono_us + STEP_PAUSE_US;
    }
    if (!was_eager && node->garbage.tombstones > 0)
        stability_report_now(node);
}

void stability_store_frame(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body)
{
    node_id peer = pending->origin.node;
    request_id request = pending->id;
    struct peer_load *load = node_load(node, peer); /* NULL: all */
    pending_remove(node, pending);
    if (type == MESSAGE_GARBAGE) {
        note_garbage(node, body);
    } else if (load != NULL && request == load->forget && !is_forgotten(load)) {
        load->forget_due_us = type == MESSAGE_STABILITY_HEARD
                                  ? UINT64_MAX
                                  : node->now.mono_us + FORGET_REFUSED_PAUSE_US;
    } else if (type == MESSAGE_STABILITY && peers_is_up(node->peers, peer)) {
        load->report_afresh = false;
        node_send_link(node, peers_link(node->peers, peer), MESSAGE_STABILITY, 0, 0, body);
    }
}

void stability_peer_frame(struct node *node, const struct origin *origin, const struct frame *frame)
{
    struct message_stability_step step = {.node = origin->node};
    struct message_stability_heard heard;
    struct peer_load *load = node_load(node, origin->node);
    if (frame->type == MESSAGE_STABILITY_HEARD) {
        step.kind = STABILITY_STEP_HEARD;
        if (message_stability_heard_decode(frame->body, &heard) != STATUS_OK) {
            node->statistics.frames_refused++;
            return;
        }
        if (load->report_waits && load->report_due_us != UINT64_MAX)
            load->report_due_us = load->reported_us + stability_interval_us(node);
        load->report_waits = false;
        step.number = heard.number;
        step.heard_us = heard.sent_us;
        step_store(node, &step, 0, 0);
        return;
    }
    if (!is_forgotten(load))
        return; /* else this life would be judged by what an earlier one said; it comes again */
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending = pending_add(node, PENDING_PEER_STORE, origin, deadline_us);
    pending->type = MESSAGE_STABILITY;
    load->asked++;
    node->asked_count++;
    step.kind = STABILITY_STEP_REPORT;
    step.body = frame->body;
    step_store(node, &step, pending->id, deadline_us);
}
