/*
 * partition_schedule.c - carries out what the whole-partition sync wants, at the pace that the
 * setting transfer-rate and the requests of clients leave it.
 *
 * Whoever sends a partition keeps its log for a while after each page (store_whole.c), so one goes
 * at least every PAGE_PAUSE_US, whatever the rate is.
 */
#include "node/node_state.h"

enum { PAGE_PAUSE_US = 20000000, YIELD_US = 100000 };

static void carry_out(struct node *node)
{
    struct partition_sync_output *out = &node->partition_output;
    uint64_t deadline_us = partition_sync_deadline_us(node->partitions);
    if (out->want == PARTITION_SYNC_NOTHING)
        return;
    bool asks_peer = out->want == PARTITION_SYNC_ASK_PEER;
    struct origin origin = {.node = asks_peer ? out->peer : 0};
    struct pending *pending = pending_add(node, PENDING_PARTITION, &origin, deadline_us);
    if (asks_peer)
        node_send_link(node, peers_link(node->peers, out->peer), MESSAGE_PARTITION_PULL,
                       pending->id, (uint32_t)((deadline_us - node->now.mono_us) / 1000 + 1),
                       buffer_slice(&out->body));
    else
        node_send_store(node,
                        out->want == PARTITION_SYNC_ASK_STORE ? MESSAGE_PARTITION_ASK
                                                              : MESSAGE_PARTITION_APPLY,
                        pending->id, deadline_us, buffer_slice(&out->body));
    out->want = PARTITION_SYNC_NOTHING;
    buffer_clear(&out->body);
}

/* The rate may have been changed, or requests may have become quick again. */
static void set_pace(struct node *node)
{
    struct repair_pace *pace = &node->transfer_pace;
    pace->bytes_per_second = node->settings.transfer_bytes_per_second;
    pace->yield_us = YIELD_US;
    if (pace->free_at_us > pace->worked_at_us + PAGE_PAUSE_US)
        pace->free_at_us = pace->worked_at_us + PAGE_PAUSE_US;
    if (pace->bytes_per_second == 0)
        pace->free_at_us = 0;
    partition_sync_hold(node->partitions, repair_pace_next_us(pace, node->now.mono_us));
}

void partition_tick(struct node *node)
{
    if (node->now.mono_us >= partition_sync_deadline_us(node->partitions))
        set_pace(node);
    partition_sync_tick(node->partitions, node->now.mono_us, &node->partition_output);
    carry_out(node);
}

void partition_peer_down(struct node *node, node_id peer)
{
    partition_sync_peer_down(node->partitions, peer, node->now.mono_us);
}

void partition_log_trimmed(struct node *node, node_id peer, struct log_sync_output *out)
{
    for (uint16_t i = 0; i < out->trimmed_count; i++)
        partition_sync_trimmed(node->partitions, out->trimmed[i], peer, node->now.mono_us);
    out->trimmed_count = 0;
}

void partition_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body)
{
    struct message_partition_applied applied;
    node_id from = pending->origin.node;
    pending_remove(node, pending);
    if (type == MESSAGE_PARTITION_ASK) {
        partition_sync_place(node->partitions, body, node->now.mono_us, &node->partition_output);
    } else if (type == MESSAGE_PARTITION_PAGE) {
        repair_pace_note_work(&node->transfer_pace, body.length, node->now.mono_us);
        partition_sync_page(node->partitions, from, body, node->now.mono_us,
                            &node->partition_output);
    } else if (type == MESSAGE_PARTITION_APPLIED &&
               message_partition_applied_decode(body, &applied) == STATUS_OK) {
        node->statistics.sync_cells_received += applied.cell_count;
        node->statistics.partitions_received += applied.done;
        set_pace(node);
        partition_sync_applied(node->partitions, &applied, node->now.mono_us,
                               &node->partition_output);
    }
    carry_out(node);
}
