/*
 * repair_view.h - what commands see of anti-entropy and scrub, and what they may order.
 *
 * A pair is a partition and one other owner of it, at the one of both that begins the comparisons.
 */
#ifndef COMMANDS_REPAIR_VIEW_H
#define COMMANDS_REPAIR_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/status.h"

/* Cells that differed; wire/message_tree.h says what the classes mean. */
struct repair_differences {
    uint64_t behind, superseded, in_flight, corrupt, expired;
};

/* Totals are since the start of the node. */
struct repair_view {
    bool paused;
    bool yielding; /* held back by the latency of requests */
    uint64_t interval_ms, scrub_interval_ms, bytes_per_second;
    uint32_t pairs, pairs_compared, replicas; /* compared: since the start */
    uint64_t exchanges, exchanges_equal, exchanges_failed;
    uint64_t bytes_sent, bytes_received;
    struct repair_differences differences;
    uint64_t repaired; /* cells, on either side, by exchanges that this node began */
    uint64_t run;      /* number of the latest run; 0: none */
    bool dry_run;
    uint32_t run_pairs, run_done;
    uint64_t scrubs, scrub_cells, scrub_bytes, scrub_ranges_wrong;
    uint32_t scrub_run_replicas, scrub_run_done; /* of the latest that was ordered */
    bool scrub_runs;
    partition_id scrub_partition; /* while one runs */
};

struct repair_pair_view {
    partition_id partition;
    node_id peer;
    bool compared;
    uint64_t age_ms;                       /* since it was last fully compared */
    enum status status;                    /* of the latest exchange */
    bool equal;                            /* in the latest exchange that ended well */
    bool run_pending;                      /* ordered, and not done yet */
    struct repair_differences differences; /* in that one */
    uint64_t repaired;
};

struct repair_replica_view {
    partition_id partition;
    uint64_t cells;
    bool tree_fits;
    bool damaged;  /* the latest scrub could not read it */
    bool scrubbed; /* ever */
    uint64_t age_ms;
    bool run_pending;
};

enum repair_order { REPAIR_RUN, REPAIR_DRY_RUN, REPAIR_SCRUB, REPAIR_PAUSE, REPAIR_RESUME };

enum { REPAIR_ALL_PARTITIONS = UINT32_MAX };

#endif
