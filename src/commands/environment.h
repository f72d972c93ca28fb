/*
 * environment.h - what commands may see of the node around them.
 *
 * environment_init() fills in what the command layer owns; the node fills in the
 * rest and owns it. Commands read it, and change only the counters of
 * `statistics`, the session list and what they own themselves.
 */
#ifndef COMMANDS_ENVIRONMENT_H
#define COMMANDS_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "commands/repair_view.h"
#include "coordinator/context_token.h"
#include "coordinator/owner_rank.h"
#include "membership/reach_matrix.h"
#include "membership/register_change.h"
#include "node/event.h"
#include "node/settings.h"
#include "repair/hint_handoff.h"
#include "ring/ring.h"
#include "ring/ring_wait.h"
#include "wire/message_drop.h"
#include "wire/message_expiry.h"
#include "wire/message_key_state.h"

struct session;
struct introspection; /* commands/introspection.h */
struct key_traffic;   /* node/key_traffic.h */
struct request_times; /* node/request_times.h */
struct subscriptions; /* commands/subscriptions.h */
struct user_table;    /* commands/user_table.h */

/* Counters since the start of the node, for INFO and later the metrics. */
struct node_statistics {
    uint64_t connections_received;
    uint64_t commands_processed;
    uint64_t errors_replied;
    uint64_t keyspace_hits, keyspace_misses;
    uint64_t client_bytes_in, client_bytes_out;
    uint64_t requests_coordinated, requests_forwarded;
    uint64_t requests_forwarded_around; /* cuts: to who reached more owners than this node */
    uint64_t requests_unavailable, requests_uncertain, requests_timeout, requests_overloaded;
    uint64_t requests_clock_skew; /* refused because of a clock */
    uint64_t requests_held;       /* writes that waited until an owner might mint */
    uint64_t clock_fences;        /* times that the own clock was found too far from the others */
    uint64_t requests_sibling_limit; /* writes refused because their key has too many values */
    uint64_t requests_repeated; /* with an id that was known: the first answer was given again */
    uint64_t requests_repeated_by_quorum; /* of these, known to another owner alone */
    uint64_t requests_unknown;            /* with an id, where it could not be told */
    uint64_t contexts_refused;            /* tokens that were not what RING.GET gave for the key */
    uint64_t read_repairs;                /* cells written back before a read was answered */
    uint64_t writes_again; /* of strings that owners stored beside increments they had not seen */
    uint64_t read_fetches; /* times that an owner was asked for values it had only named */
    /* Owners asked because others took longer than they use to, whether that helped, and how often
       the budget forbade it; asked to be measured; asked after silence, and how often that was
       forbidden */
    uint64_t speculative_reads_sent, speculative_reads_won, speculative_reads_refused;
    uint64_t exploring_reads_sent;
    uint64_t read_retries_sent, read_retries_refused;
    uint64_t read_bytes_omitted; /* of values that owners named and did not send */
    /* concurrent values that last-writer-wins dropped, at this node's replicas */
    uint64_t lww_losses;
    uint64_t increments_folded; /* whose ids left their counters with writes here */
    uint64_t siblings_warned;   /* writes here that left more than siblings-warn versions */
    uint64_t sloppy_reads;      /* reads that a fallback answered in the place of an owner */
    uint64_t hints_read;        /* that sloppy reads have met, and given to owners */
    uint64_t hints_stored, hints_merged; /* kept for other owners: new cells, and more of them */
    uint64_t hints_repeated;             /* that said nothing new */
    uint64_t hints_refused;              /* at a limit */
    uint64_t sync_pages_sent, sync_cells_received;
    uint64_t partitions_received;           /* whole, because no log reached back far enough */
    uint64_t peer_bytes_in, peer_bytes_out; /* of frames, whatever they are for */
    uint64_t tombstones_purged; /* cells that lost their tombstone or context: all owners have it */
    uint64_t expired_dropped;   /* values that had expired and left this node's disk */
    uint64_t dropped_keys_removed; /* of dropped keyspaces, from this node's disk */
    uint64_t dropped_hints_removed;
    uint64_t frames_refused; /* from peers: wrong ring, incarnation, or not decodable */
    uint64_t store_errors;
    uint64_t acl_denied_commands, acl_denied_keys, acl_denied_logins, acl_denied_channels;
    /* Published messages to and from other nodes; and not sent, for one took them too slowly. */
    uint64_t publications_sent, publications_received, publications_dropped;
    uint64_t acl_limited_logins; /* that were not looked at, after too many that failed */
};

/* What is known of the own clock. */
struct clock_view {
    bool fenced;             /* this node mints nothing and coordinates no writes */
    uint32_t clocks;         /* that were compared, the own one included */
    int64_t offset_ms;       /* of the own clock from the agreed time; above 0: ahead */
    uint32_t uncertainty_ms; /* of offset_ms, either way */
    uint32_t limit_ms;       /* fenced when surely further away */
    uint64_t offset_max_ms;  /* between the own clock and a peer's, the largest */
    uint64_t wait_ms;        /* not 0: until the clock has reached times issued before */
};

/* Whom the collection of garbage waits for, and why. */
enum gc_reason {
    GC_LACKS,    /* an owner has not said that it has what a tombstone covers */
    GC_MAY_HINT, /* a member has not said that it keeps no hints */
    GC_REASON_COUNT
};

struct gc_holder {
    node_id node;
    uint8_t reason;      /* enum gc_reason */
    uint32_t partitions; /* of this node, in which it is waited for */
    uint64_t since_us;   /* of the monotonic clock */
};

enum { GC_HOLDERS_MAX = 32 };

/* What the last round of collecting has left (wire/message_garbage.h). */
struct gc_view {
    uint64_t tombstones, waiting;
    uint64_t log_records, log_bytes;
    uint32_t partitions_wanted; /* whole: under way or waiting */
    uint8_t holder_count;
    struct gc_holder holders[GC_HOLDERS_MAX];
};

/* What is known of the own store. */
struct store_view {
    const char *state;     /* opening, unconfirmed, rebuilding, serving, quarantined */
    uint32_t percent;      /* of the replicas that were to be rebuilt, that are */
    uint64_t left_ms;      /* until all are, at the pace so far; 0: not known */
    uint32_t damage_times; /* that a store of this node was found damaged */
    uint64_t damage_ms;    /* the last time, since 1970 */
    const char *damage_reason;
};

/* What became of a change of the register (membership/register_change.h). */
struct change_outcome {
    enum status status; /* OK; INVALID, UNAVAILABLE: not made; UNCERTAIN: it may yet be made */
    uint64_t seq;       /* OK, INVALID: of the value that it ended with */
    uint32_t known_by;  /* OK: members that have it on their disks, of `members` */
    uint32_t members;
    char reason[REGISTER_REASON_MAX]; /* a sentence when not OK */
};

/* What is known of the register. */
struct register_view {
    bool is_open; /* the store has told what it has; before that, only the ring file is known */
    uint64_t generation, seq, digest;
    uint32_t known_by; /* members that have this, or newer, on their disks */
    uint8_t steward_count, stewards_up;
    node_id stewards[REGISTER_STEWARDS_MAX];
};

/* The hints that this node keeps for owners that could not be reached. */
struct hint_view {
    struct hint_totals totals;
    uint64_t aside;           /* set aside: they cannot be understood */
    uint64_t store_bytes;     /* of all, those set aside too */
    uint64_t partitions_full; /* of which no more is taken */
    bool is_full;             /* no more is taken at all */
};

/* A replica of this node that others fill. */
struct pull_view {
    const char *way;    /* whole: page by page from one source; log: from the logs of all owners */
    const char *state;  /* running, waiting */
    const char *reason; /* why it waits, or what it goes by; "" when there is nothing to say */
    node_id source;     /* 0: no single one */
    uint64_t bytes, rate_bytes, left_ms; /* 0: not known */
    uint32_t percent;
};

/* How far this node is with handing over what it does (node/drain.h). */
struct drain_view {
    bool on, forced;
    bool is_done; /* nothing below is left, or forced: nothing that can be waited for */
    uint64_t for_ms;
    uint32_t unconfirmed;    /* members in reach that have not confirmed that they know */
    uint32_t requests;       /* under way here, that others could not finish */
    uint32_t clients_told;   /* connections that asked to be told, and are here still */
    uint64_t hints;          /* kept for owners elsewhere */
    uint32_t log_partitions; /* of which an owner in reach may lack what the log here has */
    uint32_t without_quorum; /* partitions that would lose it */
};

/* Whither a client is to go on, and in which time. */
struct client_move {
    const struct ring_address *to; /* of a member; borrowed from the ring */
    uint64_t sequence;             /* rises with each drain of the node */
    uint32_t seconds;
};

enum peer_state { PEER_DOWN, PEER_UP, PEER_SELF };

/*
 * Whether stock cluster clients find a Redis Cluster here.
 *
 *   emulated  CLUSTER describes the ring and INFO says cluster_enabled:1, because
 *             cluster clients refuse a node without; INFO and HELLO still say
 *             "standalone", and SELECT works, so other clients see no difference
 *   no        CLUSTER answers as a Redis without cluster support does
 */
enum cluster_mode { CLUSTER_MODE_EMULATED, CLUSTER_MODE_NO };

/*
 * How the command layer asks the node about itself. Functions are implemented by
 * the node; `node` is their context.
 */
struct environment {
    node_id self;
    uint32_t boot_epoch;
    uint16_t storage_incarnation;
    uint64_t start_mono_us;
    const char *version; /* of RingDB, such as "0.1.0" */
    const struct ring *ring;
    struct settings *settings;
    struct node_statistics *statistics;
    struct request_times *times; /* may be NULL */
    struct key_traffic *traffic; /* may be NULL */
    struct log_sink log;
    struct log_sink audit; /* commands/audit.h */
    struct random random;
    void *node;
    enum peer_state (*peer_state)(void *node, node_id id);
    /* ms since the peer was heard; 0 for self */
    uint64_t (*peer_silence_ms)(void *node, node_id id, struct instant now);
    /*
     * Whether this node's replica of the partition answers reads (false: not owner, or rebuilding).
     */
    bool (*replica_ready)(void *node, partition_id partition);
    /* What a node last said of whom it reaches, and how old that is. NULL: nothing is known. */
    struct reach_view (*reach_between)(void *node, node_id from, node_id to, struct instant now);
    uint64_t (*reach_age_ms)(void *node, node_id from, struct instant now);
    /*
     * Begin or end the drain of this node; what is so already is STATUS_OK. STATUS_INVALID:
     * refused, and a sentence was appended to `reason`. Both, or NULL. The view's reason is why it
     * is not done; nothing when it is, or when the node does not drain.
     */
    enum status (*drain_set)(void *node, bool on, bool forced, struct buffer *reason);
    void (*drain_view)(void *node, struct instant now, struct drain_view *out,
                       struct buffer *reason);
    /* false: that partition is not being filled here. May be NULL: none is. */
    bool (*pull_view)(void *node, partition_id partition, struct instant now,
                      struct pull_view *out);
    /* Whether that node drains, as it last said. May be NULL: nobody does. */
    bool (*drains)(void *node, node_id id);
    /* false: the client may stay, or there is no other node. May be NULL. */
    bool (*client_move)(void *node, connection_id id, struct client_move *out);
    /* May be NULL: no hints are kept. */
    void (*hint_view)(void *node, struct hint_view *out);
    void (*expiry_view)(void *node, struct message_expiry_state *out); /* may be NULL */
    void (*drop_view)(void *node, struct message_drop_state *out);     /* may be NULL */
    /* May be NULL. */
    void (*gc_view)(void *node, struct gc_view *out);
    void (*hint_lane_view)(void *node, node_id target, struct instant now,
                           struct hint_lane_view *out, struct log_debt *debt);
    /* How fast a node answers, the own store side too. May be NULL: nothing is known. */
    void (*owner_view)(void *node, node_id id, struct instant now, struct owner_rank_view *out);
    /* May be NULL: nothing is known of clocks. */
    void (*clock_view)(void *node, struct instant now, struct clock_view *out);
    /* May be NULL: nothing is known of the store. */
    void (*store_view)(void *node, struct instant now, struct store_view *out);
    /* Begin a change of the register; 0: too many wait. NULL: there is no register. */
    uint64_t (*change_start)(void *node, const struct register_change *change);
    /* Whether it is over; its outcome is then taken, and forgotten. */
    bool (*change_take)(void *node, uint64_t ticket, struct change_outcome *out);
    void (*register_view)(void *node, struct register_view *out); /* may be NULL */
    /*
     * What a partition that moves, and the end of a plan, wait for; false: this node has not asked
     * since the register changed. May be NULL: it never does.
     */
    bool (*plan_wait)(void *node, partition_id partition, struct ring_wait *out);
    bool (*plan_end_wait)(void *node, struct ring_wait *out);
    /* Append the value of the register as it stands (membership/register_value.h). May be NULL. */
    void (*register_export)(void *node, struct buffer *out);
    /*
     * Anti-entropy and scrub; all four, or NULL. An index is below the view's `pairs`, `replicas`.
     */
    void (*repair_view)(void *node, struct instant now, struct repair_view *out);
    void (*repair_pair)(void *node, struct instant now, uint32_t index,
                        struct repair_pair_view *out);
    void (*repair_replica)(void *node, struct instant now, uint32_t index,
                           struct repair_replica_view *out);
    enum status (*repair_order)(void *node, enum repair_order order, uint32_t partition);
    /*
     * Close a connection of this node after what it has been sent, and free its
     * session; not before the call into the asking session has returned. May be NULL.
     */
    void (*client_close)(void *node, connection_id id);
    /* Bytes for another connection of this node than the session's that is called. May be NULL. */
    void (*client_send)(void *node, connection_id id, struct slice bytes);
    /* A message to the other nodes, for who listens there. NULL: there are none. */
    void (*publish)(void *node, bool sharded, struct slice channel, struct slice message);
    /* Call session_tick() of another connection soon: its deadline has changed. May be NULL. */
    void (*client_wake)(void *node, connection_id id);
    /* Keyed hash for the tokens of RING.GET; NULL: tokens are neither given nor taken. */
    context_mac *mac;
    /* SHA-256 of a password, USER_HASH_BYTES long. NULL: nobody logs in with one. */
    void (*hash_password)(struct slice password, uint8_t *out);
    /*
     * The slow hash of a digest (membership/users.h), made elsewhere meanwhile; both, or NULL with
     * hash_password. Begin one for a connection, whose session is woken when it is there; 0: too
     * many are under way.
     */
    uint64_t (*hash_start)(void *node, connection_id id, uint8_t cost, const uint8_t *salt,
                           const uint8_t *digest);
    /*
     * STATUS_NOT_READY: it is not there yet. Anything else ends the ticket: STATUS_OK, or
     * STATUS_OVERLOADED and no hash.
     */
    enum status (*hash_take)(void *node, uint64_t ticket, uint8_t *out);
    /*
     * What the own store has of a key (wire/message_key_state.h), for a connection, whose session
     * is woken when it is there; 0: too many are under way. Both, or NULL.
     */
    uint64_t (*key_state_start)(void *node, connection_id id,
                                const struct message_key_state *question);
    /*
     * STATUS_NOT_READY: it is not there yet. Anything else ends the ticket: STATUS_OK and an
     * encoded answer, or why there is none.
     */
    enum status (*key_state_take)(void *node, uint64_t ticket, struct buffer *body);
    /* Bytes that nobody can guess; false: there are none. NULL: likewise. */
    bool (*random_bytes)(uint8_t *out, size_t length);
    /*
     * Settings by name for CONFIG GET and SET; NULL when the host has no settings
     * of its own (the simulator). config_next walks: pass NULL first, get NULL at the end.
     */
    const char *(*config_next)(const char *name);
    bool (*config_get)(void *host, const char *name, struct buffer *value);
    enum status (*config_set)(void *host, const char *name, struct slice value,
                              struct buffer *reason);
    /* Write the settings in force to the configuration file. NULL: there is none. */
    enum status (*config_rewrite)(void *host, struct buffer *reason);
    /*
     * Read the certificates again (RING.TLS RELOAD). Any other status than STATUS_OK: nothing
     * has changed, and one sentence was appended to `reason`. NULL: there are none.
     */
    enum status (*tls_reload)(void *host, struct buffer *reason);
    /*
     * Lines of INFO that only the host knows (memory, CPU, network); appended to `out`. May be
     * NULL.
     */
    void (*host_information)(void *host, const char *section, struct buffer *out);
    void *host;

    /* ---- the command layer's own ---- */

    /* All sessions of the node, linked by the session module; NULL when none. */
    struct session *sessions;
    uint32_t session_count;
    struct user_table *users;
    struct subscriptions *subscriptions;
    struct introspection *introspection; /* slow log, counters per command and error */
    uint8_t cluster_mode;                /* enum cluster_mode */
    /* Keys of each keyspace in the whole ring as last counted, by its number. */
    struct {
        keyspace_id id; /* a later keyspace of the number was not counted yet */
        uint64_t keys;
    } keyspace_sizes[RING_KEYSPACES_MAX];
};

/* All zero, and the command layer's part ready for use. Release with environment_deinit(). */
void environment_init(struct environment *environment);
void environment_deinit(struct environment *environment);

#endif
