/*
 * partition_schedule.c - carries out what the whole-partition sync wants.
 */
#include "node/node_state.h"

static void carry_out(struct node *node)
{
    struct partition_sync_output *out = &node->partition_output;
    struct origin origin = {.node = out->peer};
    uint64_t deadline_us = partition_sync_deadline_us(node->partitions);
    if (out->want == PARTITION_SYNC_NOTHING)
        return;
    struct pending *pending = pending_add(node, PENDING_PARTITION, &origin, deadline_us);
    link_id link = peers_link(node->peers, out->peer);
    switch (out->want) {
    case PARTITION_SYNC_ASK_STORE:
        node_send_store(node, MESSAGE_PARTITION_ASK, pending->id, deadline_us,
                        buffer_slice(&out->body));
        break;
    case PARTITION_SYNC_ASK_PEER:
        if (link != 0)
            node_send_link(node, link, MESSAGE_PARTITION_PULL, pending->id,
                           (uint32_t)((deadline_us - node->now.mono_us) / 1000 + 1),
                           buffer_slice(&out->body));
        break;
    case PARTITION_SYNC_APPLY:
        node_send_store(node, MESSAGE_PARTITION_APPLY, pending->id, deadline_us,
                        buffer_slice(&out->body));
        break;
    case PARTITION_SYNC_NOTHING:
        break;
    }
    *out = (struct partition_sync_output){.body = out->body};
    buffer_clear(&out->body);
}

void partition_tick(struct node *node)
{
    partition_sync_tick(node->partitions, node->now.mono_us, &node->partition_output);
    carry_out(node);
}

void partition_frame(struct node *node, struct pending *pending, node_id from, uint16_t type,
                     struct slice body)
{
    struct message_partition_applied applied;
    pending_remove(node, pending);
    if (type == MESSAGE_PARTITION_PULL) {
        partition_sync_cursor(node->partitions, body, node->now.mono_us, &node->partition_output);
    } else if (type == MESSAGE_PARTITION_PAGE) {
        partition_sync_page(node->partitions, from, body, node->now.mono_us,
                            &node->partition_output);
    } else if (type == MESSAGE_PARTITION_APPLIED &&
               message_partition_applied_decode(body, &applied) == STATUS_OK) {
        node->statistics.sync_cells_received += applied.cell_count;
        node->statistics.partitions_received += applied.done;
        partition_sync_applied(node->partitions, &applied, node->now.mono_us,
                               &node->partition_output);
    }
    carry_out(node);
}
