/*
 * evidence.c - what this node says of its replicas of partitions that move (ring/ring_evidence.h).
 *
 * The ring here is never ahead of the one on the disk, so a tag that is told is a tag that lasts.
 */
#include "node/register_state.h"
#include "node/ring_driver.h"
#include "ring/transition.h"
#include "wire/message_ring.h"

/* T4: a write that was minted under an earlier tag is not over yet. */
static bool is_quiet(const struct node *node, partition_id partition)
{
    struct ring_tag tag = ring_tag_of(node->ring, partition);
    for (const struct pending *pending = node->pending; pending != NULL; pending = pending->next)
        if (pending->kind == PENDING_COORDINATED &&
            coordinated_request_is_from_before(pending->coordinated, partition, tag))
            return false;
    return true;
}

void node_evidence(const struct node *node, struct ring_testimony *out)
{
    struct hint_totals hints;
    hint_handoff_totals(node->hints.handoff, &hints);
    *out = (struct ring_testimony){.storage_incarnation = node->environment.storage_incarnation,
                                   .dropping = node->holdings.state.dropping,
                                   .seq = node_store_serves(node) ? node->config->known->seq : 0,
                                   .hints = hints.cells};
    for (uint32_t i = 0; i < node->ring->transition_count && node_store_serves(node); i++) {
        partition_id partition = node->ring->transitions[i].partition;
        struct ring_holding holding = {.partition = partition,
                                       .tag = ring_tag_of(node->ring, partition)};
        if (!ring_replicates(node->ring, node->self, partition))
            continue;
        if (node_replica_ready(node, partition))
            holding.flags |= RING_HOLDING_COMPLETE;
        if (is_quiet(node, partition))
            holding.flags |= RING_HOLDING_QUIET;
        ring_testimony_add(out, &holding);
    }
}

static bool takes_part(const struct node *node)
{
    for (uint32_t i = 0; i < node->ring->transition_count; i++)
        if (ring_replicates(node->ring, node->self, node->ring->transitions[i].partition))
            return true;
    return false;
}

void evidence_changed(struct node *node)
{
    if (node->config->known == NULL || !takes_part(node))
        return;
    const struct steward_set *stewards = &node->config->known->stewards;
    for (uint8_t i = 0; i < stewards->count; i++) {
        node_id steward = stewards->items[i].node;
        if (steward == node->self)
            ring_driver_news(node);
        else if (peers_is_up(node->peers, steward))
            node_send_link(node, peers_link(node->peers, steward), MESSAGE_RING_NEWS, 0, 0,
                           slice_make(NULL, 0));
    }
}

void evidence_asked(struct node *node, link_id link, request_id request)
{
    struct ring_testimony testimony;
    struct buffer body = {0};
    node_evidence(node, &testimony);
    message_ring_told_encode(&testimony, &body);
    node_send_link(node, link, MESSAGE_RING_TOLD, request, 0, buffer_slice(&body));
    ring_testimony_deinit(&testimony);
    buffer_deinit(&body);
}
