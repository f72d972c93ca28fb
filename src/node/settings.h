/*
 * settings.h - the numbers of a node that an operator may set; ringd.conf(5) describes them.
 *
 * settings_defaults() gives what a node has without configuration. The simulator
 * draws its own.
 */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The least request_timeout_max_ms. Nothing is purged before it was stable for so long, so what may
 * bring back what it found earlier (TREE_CLAIM_MS_MAX) must be over by then.
 */
enum { REQUEST_TIMEOUT_MAX_MS_MIN = 5000 };

/* Whither published messages go. */
enum pubsub_regions { PUBSUB_REGIONS_LOCAL, PUBSUB_REGIONS_ALL };

struct settings {
    /* limits for clients */
    uint32_t clients_max;
    uint32_t login_failures_max;      /* of one address in a minute; 0: no limit */
    uint32_t login_user_failures_max; /* of one user, likewise */
    uint32_t key_bytes_max;
    uint32_t value_bytes_max;
    uint32_t siblings_warn;   /* concurrent versions of one key: worth a line in the log */
    uint32_t request_ids_max; /* remembered for their window; then requests with ids are refused */
    uint32_t siblings_max;    /* a client write that adds one more is refused */
    uint32_t arguments_max;   /* of one command */
    uint32_t request_bytes_max;       /* of one command */
    uint32_t pipeline_max;            /* commands of one connection in flight */
    uint32_t client_output_bytes_max; /* a client that does not read is closed above it */
    uint32_t tls_handshakes_max;      /* of clients, under way; the oldest gives way */
    uint32_t tls_handshake_timeout_ms;
    /* requests */
    uint32_t request_timeout_ms;
    uint32_t request_timeout_max_ms; /* no request takes longer; the same on all nodes */
    uint32_t read_retry_ms;         /* ask one more owner when an asked one is silent for so long */
    uint32_t requests_max;          /* that this node coordinates at once */
    uint32_t peer_inflight_max;     /* unanswered requests to one peer */
    uint32_t peer_output_bytes_max; /* a peer that does not read is closed above it */
    uint32_t pubsub_regions;        /* enum pubsub_regions */
    uint32_t flush_commands;        /* 0: FLUSHDB and FLUSHALL are refused */
    /* peers */
    uint32_t heartbeat_ms;
    uint32_t peer_timeout_ms; /* silent for so long: unreachable */
    uint32_t handshake_timeout_ms;
    uint32_t reconnect_min_ms;
    uint32_t reconnect_max_ms;
    uint32_t max_clock_skew_ms; /* of a version; a clock half of it off mints nothing */
    /* repair */
    uint32_t sync_interval_ms; /* between clock exchanges with one peer when nothing differs */
    uint32_t sync_page_bytes;  /* of cells in one answer */
    uint32_t sync_settle_ms;   /* events younger than this are left to their coordinator */
    uint32_t transfer_bytes_per_second; /* of partitions that come whole; 0: no limit */
    /* changes of owners */
    uint32_t ring_changes; /* 0: no plan is committed at this node */
    /* hints: copies that this node keeps for owners that could not be reached */
    uint32_t hint_bytes_max;           /* of all of them; 0: this node keeps none */
    uint32_t hint_partition_bytes_max; /* of one partition */
    uint32_t hint_rate_bytes_max;      /* delivered to one owner in a second */
    uint32_t hint_delay_ms;            /* at most so long after an owner is back until it begins */
    uint32_t log_bytes_max; /* of all logs; beyond it they are cut although an owner needs them */
    uint32_t stability_interval_ms; /* between reports of what is durable; a fifth with garbage */
    uint32_t repair_interval_ms; /* between comparisons of one partition with one peer; 0: never */
    uint32_t scrub_interval_ms;  /* between readings of all cells of a replica; 0: never */
    uint32_t repair_bytes_per_second; /* of comparisons and scrubs; 0: no limit */
    /* store */
    uint32_t group_records_max;
    uint32_t group_bytes_max;
    uint32_t store_queue_max; /* frames waiting for the store side */
    uint32_t cell_cache_bytes;
    uint32_t checkpoint_records; /* log records between checkpoints of a partition */
};

void settings_defaults(struct settings *settings);

#endif
