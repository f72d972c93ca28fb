/*
 * environment.h - what commands may see of the node around them.
 *
 * The node fills it in and owns everything in it; commands read it, and change
 * only the counters of `statistics` and the session list.
 */
#ifndef COMMANDS_ENVIRONMENT_H
#define COMMANDS_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "node/event.h"
#include "node/settings.h"
#include "ring/ring.h"

struct session;

/* Counters since the start of the node, for INFO and later the metrics. */
struct node_statistics {
    uint64_t connections_received;
    uint64_t commands_processed;
    uint64_t errors_replied;
    uint64_t keyspace_hits, keyspace_misses;
    uint64_t client_bytes_in, client_bytes_out;
    uint64_t requests_coordinated, requests_forwarded;
    uint64_t requests_unavailable, requests_uncertain, requests_timeout, requests_overloaded;
    uint64_t read_repairs;      /* cells written back before a read was answered */
    uint64_t lww_losses;        /* concurrent values that last-writer-wins dropped, at this node's replicas */
    uint64_t sync_pages_sent, sync_cells_received;
    uint64_t frames_refused;    /* from peers: wrong ring, incarnation, or not decodable */
    uint64_t store_errors;
};

enum peer_state { PEER_DOWN, PEER_UP, PEER_SELF };

/*
 * How the command layer asks the node about itself. Functions are implemented by
 * the node; `node` is their context.
 */
struct environment {
    node_id self;
    uint32_t boot_epoch;
    uint16_t storage_incarnation;
    uint64_t start_mono_us;
    const struct ring *ring;
    struct settings *settings;
    struct node_statistics *statistics;
    struct log_sink log;
    struct random random;
    void *node;
    enum peer_state (*peer_state)(void *node, node_id id);
    /* ms since the peer was heard; 0 for self */
    uint64_t (*peer_silence_ms)(void *node, node_id id, struct instant now);
    /* Whether this node's replica of the partition answers reads (false: not owner, or rebuilding). */
    bool (*replica_ready)(void *node, partition_id partition);
    /*
     * Settings by name for CONFIG GET and SET; NULL when the host has no settings
     * of its own (the simulator). config_next walks: pass NULL first, get NULL at the end.
     */
    const char *(*config_next)(const char *name);
    bool (*config_get)(const char *name, struct buffer *value);
    enum status (*config_set)(const char *name, struct slice value, struct buffer *reason);
    /* Lines of INFO that only the host knows (memory, CPU, network); appended to `out`. May be NULL. */
    void (*host_information)(void *host, const char *section, struct buffer *out);
    void *host;
    /* All sessions of the node, linked by the session module; NULL when none. */
    struct session *sessions;
    uint32_t session_count;
};

#endif
