/*
 * rebuild_progress.c - what an operator wants to know of the own store: may it be read, how far
 * has it come, and since when and why.
 */
#include <assert.h>

#include "node/node_state.h"
#include "ring/transition.h"

void rebuild_progress_set(struct node *node, partition_id partition, uint8_t state)
{
    uint8_t *known = &node->replica_states[partition];
    if (*known == REPLICA_REBUILDING)
        node->rebuilding_count--;
    if (state == REPLICA_REBUILDING)
        node->rebuilding_count++;
    if (node->rebuilding_count > node->rebuild_total) {
        node->rebuild_total = node->rebuilding_count;
        node->rebuild_start_us = node->now.mono_us;
    }
    if (*known == REPLICA_REBUILDING && state == REPLICA_ACTIVE && node->rebuilding_count == 0) {
        log_line(&node->log, LOG_INFO, "all replicas are rebuilt replicas=%u took_ms=%llu",
                 node->rebuild_total,
                 (unsigned long long)(node->now.mono_us - node->rebuild_start_us) / 1000);
        node->rebuild_total = 0;
    }
    bool is_filled = *known == REPLICA_REBUILDING && state == REPLICA_ACTIVE;
    *known = state;
    if (is_filled && ring_transition(node->ring, partition) != NULL)
        evidence_changed(node);
}

void rebuild_progress_note(struct node *node, struct slice body)
{
    struct message_replica_state state;
    enum status status = message_replica_state_decode(body, &state);
    assert(status == STATUS_OK && state.partition < node->ring->partition_count);
    rebuild_progress_set(node, state.partition, state.state);
}

static const char *state_of(const struct node *node)
{
    if (node->lineage_lost)
        return "quarantined";
    if (!node->lineage_known && !lineage_is_confirmed(node))
        return "opening";
    if (!node_store_serves(node))
        return "unconfirmed";
    return node->rebuilding_count > 0 ? "rebuilding" : "serving";
}

void rebuild_progress_view(void *context, struct instant now, struct store_view *out)
{
    const struct node *node = context;
    *out = (struct store_view){.state = state_of(node),
                               .percent = 100,
                               .damage_times = node->damage.times,
                               .damage_ms = node->damage.last_ms,
                               .damage_reason = node->damage.reason};
    if (out->damage_reason == NULL)
        out->damage_reason = "";
    if (node->rebuilding_count == 0)
        return;
    uint32_t done = node->rebuild_total - node->rebuilding_count;
    uint64_t took_ms = (now.mono_us - node->rebuild_start_us) / 1000;
    out->percent = 100 * done / node->rebuild_total;
    if (done > 0)
        out->left_ms = took_ms * node->rebuilding_count / done;
}
