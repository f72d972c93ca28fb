/*
 * repair_schedule.c - gives the log sync of each peer its turn and carries out what it wants.
 */
#include <stdlib.h>

#include "node/node_state.h"

static void carry_out(struct node *node, struct peer_load *load)
{
    struct log_sync_output *out = &node->sync_output;
    struct origin origin = {.node = load->id};
    uint64_t deadline_us = log_sync_deadline_us(load->sync);
    if (out->want == LOG_SYNC_NOTHING)
        return;
    struct pending *pending = pending_add(node, PENDING_SYNC, &origin, deadline_us);
    switch (out->want) {
    case LOG_SYNC_ASK_STORE:
        node_send_store(node, MESSAGE_SYNC_CLOCKS, pending->id, deadline_us,
                        buffer_slice(&out->body));
        break;
    case LOG_SYNC_ASK_PEER:
        node_send_link(node, peers_link(node->peers, load->id), MESSAGE_SYNC_PULL, pending->id,
                       (uint32_t)((deadline_us - node->now.mono_us) / 1000 + 1),
                       buffer_slice(&out->body));
        break;
    case LOG_SYNC_APPLY:
        node_send_store(node, MESSAGE_SYNC_APPLY, pending->id, deadline_us,
                        buffer_slice(&out->body));
        break;
    case LOG_SYNC_NOTHING:
        break;
    }
    out->want = LOG_SYNC_NOTHING;
    buffer_clear(&out->body);
}

struct one_sync {
    const struct node *node;
    const struct log_sync *sync;
};

static bool is_asked_of_another(const void *context, partition_id partition, uint64_t since_us)
{
    const struct one_sync *one = context;
    for (uint32_t i = 0; i < one->node->load_count; i++) {
        const struct log_sync *sync = one->node->loads[i].sync;
        if (sync != one->sync && log_sync_asks(sync, partition, since_us, one->node->now.mono_us))
            return true;
    }
    return false;
}

void repair_tick(struct node *node)
{
    for (uint32_t i = 0; i < node->load_count; i++) {
        struct peer_load *load = &node->loads[i];
        struct one_sync one = {.node = node, .sync = load->sync};
        if (!peers_is_up(node->peers, load->id))
            continue;
        log_sync_tick(load->sync, node->now.mono_us, is_asked_of_another, &one, &node->sync_output);
        carry_out(node, load);
    }
}

void repair_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body)
{
    struct peer_load *load = node_load(node, pending->origin.node);
    struct message_sync_applied applied;
    pending_remove(node, pending);
    if (!peers_is_up(node->peers, load->id))
        return;
    if (type == MESSAGE_SYNC_PULL) {
        log_sync_clocks(load->sync, body, node->now.mono_us, &node->sync_output);
    } else if (type == MESSAGE_SYNC_PAGE) {
        log_sync_page(load->sync, body, node->rebuilding_count > 0, node->now.mono_us,
                      &node->sync_output);
        partition_log_trimmed(node, load->id, &node->sync_output);
    } else if (type == MESSAGE_SYNC_APPLIED &&
               message_sync_applied_decode(body, &applied) == STATUS_OK) {
        node->statistics.sync_cells_received += applied.cell_count;
        log_sync_applied(load->sync, &applied, node->now.mono_us, &node->sync_output);
    }
    carry_out(node, load);
}

uint64_t repair_deadline_us(const struct node *node)
{
    uint64_t deadline = UINT64_MAX;
    for (uint32_t i = 0; i < node->load_count; i++) {
        uint64_t one = log_sync_deadline_us(node->loads[i].sync);
        if (peers_is_up(node->peers, node->loads[i].id) && one < deadline)
            deadline = one;
    }
    return deadline;
}
