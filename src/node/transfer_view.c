/*
 * transfer_view.c - what an operator is told of replicas that are being filled here.
 *
 * A partition that comes whole has a place in the store, so how far it is is known after a start
 * too; bytes and pace are those since then. One that is filled from logs has no place: what it
 * lacks is known to nobody before it has come.
 */
#include "node/node_state.h"

static void show_pace(const struct partition_pull *pull, struct pull_view *out)
{
    uint32_t came = pull->thousandths - pull->first_thousandths;
    if (pull->took_us > 0)
        out->rate_bytes = pull->bytes * 1000000 / pull->took_us;
    if (came > 0)
        out->left_ms = pull->took_us / 1000 * (1000 - pull->thousandths) / came;
}

bool transfer_view_pull(void *context, partition_id partition, struct instant now,
                        struct pull_view *out)
{
    const struct node *node = context;
    struct partition_pull pull;
    if (!partition_sync_look(node->partitions, partition, now.mono_us, &pull)) {
        *out = (struct pull_view){.way = "log",
                                  .state = "running",
                                  .reason = "what owners have in their logs is pulled from them",
                                  .left_ms = 0};
        return node->replica_states[partition] == REPLICA_REBUILDING;
    }
    *out = (struct pull_view){.way = "whole",
                              .state = "running",
                              .reason = "",
                              .source = pull.source,
                              .bytes = pull.bytes,
                              .percent = pull.thousandths / 10};
    if (pull.state == PARTITION_PULL_RUNNING || pull.state == PARTITION_PULL_HELD) {
        show_pace(&pull, out);
        if (pull.state == PARTITION_PULL_HELD)
            out->reason = repair_pace_yields(&node->transfer_pace, now.mono_us)
                              ? "it gives way to requests, which take longer than they use to"
                              : "it goes as fast as transfer-rate lets it";
        return true;
    }
    out->state = "waiting";
    out->reason = pull.state == PARTITION_PULL_WAITS_TURN
                      ? "another partition comes first: one at a time is pulled"
                      : "its source cannot be reached, or cannot answer: another is asked when it "
                        "has been gone for 30 s";
    return true;
}
