/*
 * node_state.h - the inside of the loop side, shared by node.c, pending.c, peer_requests.c,
 * client_sessions.c, publications.c, owner_choice.c, clock_fence.c, lineage.c, rebuild_progress.c,
 * repair_schedule.c, partition_schedule.c, hint_schedule.c, reach_schedule.c, stability_schedule.c,
 * expiry_schedule.c, password_hashes.c and key_states.c.
 */
#ifndef NODE_NODE_STATE_H
#define NODE_NODE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline_heap.h"
#include "base/id_table.h"
#include "base/retry_budget.h"
#include "base/table.h"
#include "commands/environment.h"
#include "commands/session.h"
#include "commands/user_table.h"
#include "coordinator/owner_rank.h"
#include "coordinator/request.h"
#include "membership/clock_watch.h"
#include "membership/peers.h"
#include "membership/reach_matrix.h"
#include "node/drain.h"
#include "node/key_traffic.h"
#include "node/node.h"
#include "node/register.h"
#include "node/request_times.h"
#include "node/ring_driver.h"
#include "repair/hint_handoff.h"
#include "node/tree_schedule.h"
#include "repair/log_sync.h"
#include "repair/partition_sync.h"
#include "ring/ring_evidence.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/message_drop.h"
#include "wire/message_expiry.h"
#include "wire/message_garbage.h"
#include "wire/message_lineage.h"
#include "wire/message_ring.h"
#include "wire/password_job.h"

/* Who waits for an outcome. */
struct origin {
    connection_id connection; /* a client's session; 0: a peer's or our own */
    uint64_t token;           /* of the session */
    node_id node;             /* the peer */
    link_id link;             /* on which its request came: the answer goes nowhere else */
    request_id request;       /* its number there */
};

/* Who waits for one slow hash (password_hashes.c). */
struct password_slot {
    uint64_t ticket; /* 0: free */
    uint64_t job;    /* whose result it takes; that of `ticket`, or of an earlier one */
    connection_id connection;
    struct password_job asked;
    bool is_over;
    enum status status;
    uint8_t hash[PASSWORD_HASH_BYTES];
};

/* Who waits for what the own store side has of a key (key_states.c). */
struct key_state_slot {
    uint64_t ticket; /* the question's request number; 0: free */
    connection_id connection;
    bool is_over;
    enum status status; /* not OK: no answer came */
    struct buffer body; /* struct message_key_state_result, encoded */
};

enum { KEY_STATES_MAX = 16 }; /* at once; more are refused */

enum pending_kind {
    PENDING_COORDINATED, /* a key request that this node coordinates */
    PENDING_FORWARDED,   /* a key request that another owner coordinates for us */
    PENDING_PEER_STORE,  /* a peer's message that the own store side handles */
    PENDING_SYNC,        /* a step of log sync with a peer */
    PENDING_PARTITION,   /* a step of the whole-partition sync */
    PENDING_REGISTER,    /* the own store side is asked about the register */
    PENDING_HINT, /* a step of handing hints to the owner origin.node; `type`: enum hint_want */
    PENDING_STABILITY,  /* a report for a peer, or a step of collecting */
    PENDING_EXPIRY,     /* a step of dropping expired values */
    PENDING_DROP,       /* a step of removing what dropped keyspaces have left */
    PENDING_HOLDINGS,   /* a step of taking partitions in, and dropping others */
    PENDING_RING_ROUND, /* peers are asked of partitions that move */
    PENDING_KEY_STATE,  /* the own store side is asked what it has of a key */
    PENDING_TREE        /* a step of anti-entropy or of a scrub (tree_schedule.h) */
};

/* Something under way that an incoming frame's request number finds. */
struct pending {
    struct pending *previous, *next; /* in the order in which they were numbered */
    request_id id;
    enum pending_kind kind;
    struct origin origin;
    uint64_t started_us;
    uint64_t minted_us; /* of a write that is coordinated here; 0: not yet */
    uint64_t deadline_us;
    struct request_class class; /* of a key request */
    struct coordinated_request *coordinated;
    node_id awaited[PREFERENCE_LIST_MAX]; /* peers whose answer counts as in flight */
    uint8_t awaited_count;
    /* PENDING_FORWARDED */
    struct buffer request; /* encoded, for another try */
    node_id tried[RING_OWNERS_MAX];
    uint8_t tried_count;
    enum status refused;    /* what the client hears if nobody does better: nothing was written */
    uint8_t reached;        /* owners, by the one of those tried that reached most, and */
    uint8_t needed;         /* how many it takes */
    bool meets;             /* others like it at the first owner: it is not sent to the fastest */
    bool around;            /* this node reaches too few owners: it goes to who reaches more */
    bool reads;             /* and it changes nothing, wherever it is coordinated */
    uint32_t wait_ms;       /* the shortest after which one that was tried may mint; 0: unknown */
    uint64_t held_until_us; /* then it is tried again; 0: it is not held */
    /* PENDING_PEER_STORE, PENDING_REGISTER */
    uint16_t type; /* of the question */
    partition_id partition;
    struct ring_tag tag;        /* of the partition, when it was asked */
    struct pending *next_spare; /* of those that are over, and kept for the next ones */
};

/* A result for a session, delivered at the end of the step. */
struct completion {
    connection_id connection;
    uint64_t token;
    size_t offset; /* of the encoded result in node->completion_bytes */
    size_t length;
};

struct client {
    UT_hash_handle hh;
    connection_id id;
    struct session *session;
    uint64_t timer_us; /* the earliest entry in the heap, UINT64_MAX when none */
    bool doomed;       /* closed at the end of the step */
};

/* What a peer has told of the hints that it keeps. */
struct hint_peer {
    uint8_t flags;      /* enum hint_state_flags */
    uint64_t told_us;   /* 0: nothing yet */
    struct buffer held; /* partitions, as in struct message_hint_state */
    struct buffer full;
    struct log_debt debt; /* what it lacks of the logs here, as last told by the own store side */
};

/* The hints that this node keeps. */
struct hint_board {
    struct hint_handoff *handoff;
    struct hint_output output;
    struct buffer held, full; /* to tell, as above */
    bool store_full;
    uint64_t store_bytes;
    uint64_t aside;
    uint64_t tell_us; /* when the peers are told next */
    uint64_t debt_us; /* when the own store side is asked what owners lack */
};

/* Bytes of published messages, each way, since their link was up (publications.c). */
struct publication_lane {
    link_id link; /* of what was sent, and of what of it was taken */
    uint64_t sent, taken;
    link_id from_link; /* of what came, and of what of it the peer was told */
    uint64_t came, told;
};

struct peer_load {
    node_id id;
    uint32_t in_flight; /* asked of the peer, not answered */
    uint32_t asked;     /* by the peer, not answered */
    struct log_sync *sync;
    struct lineage_witness witness, saved; /* of its store; as it stands in the own one */
    bool judged_good;                      /* since its link is up */
    bool waits;                            /* for the own store to open, to be judged */
    struct lineage waiting;
    bool rebuilding; /* as it last said */
    struct hint_peer hints;
    struct drain_peer drain;
    struct publication_lane publications;
    uint64_t report_due_us; /* UINT64_MAX while it is down */
    uint64_t reported_us;   /* the last one was asked for then */
    bool report_waits;      /* it was not confirmed yet */
    bool report_afresh;     /* it has not had one on this link */
    uint64_t forget_due_us; /* the own store is asked again to forget what it said; or UINT64_MAX */
    request_id forget;      /* the number of that step */
    uint64_t holds_since_us[GC_REASON_COUNT]; /* it holds back garbage; 0: it does not */
};

struct node {
    node_id self;
    uint8_t home;
    struct ring *ring;
    struct settings settings;
    struct log_sink log;
    struct peers *peers;
    struct clock_watch *clocks;
    struct reach_matrix *reach;
    const struct clock_judgement *clock; /* of the present step; never NULL within one */
    struct message_clock clock_told;     /* to the store side */
    bool is_clock_told;
    uint64_t clock_told_of; /* number of the judgement that was last compared with it */
    uint64_t clock_tell_us; /* not before */
    uint64_t mint_from_ms;  /* the store side mints nothing before */
    bool mint_wait_logged;
    struct lineage lineage; /* of the own store */
    bool lineage_known, lineage_confirmed, lineage_lost;
    uint64_t lineage_known_us, lineage_shown_us;
    struct message_lineage_shown lineage_shown; /* to all peers, last */
    uint64_t witness_save_us;                   /* UINT64_MAX: nothing is to be saved */
    struct hint_board hints;
    struct drain drain;
    bool has_left;
    struct peer_load *loads; /* one for each other member */
    uint32_t load_count;
    uint32_t asked_count; /* by all peers, not answered */
    struct owner_rank *rank;
    struct retry_budget speculation, retries;
    struct node_register *config;
    struct ring_driver *driver;
    uint8_t *replica_states; /* enum replica_state, by partition */
    uint32_t rebuilding_count;
    uint32_t rebuild_total; /* of the rebuild under way */
    uint64_t rebuild_start_us;
    struct node_damage damage;
    enum status store_condition; /* not OK: client writes are not coordinated here */
    struct pending *pending, *pending_last;
    struct id_table pending_ids;
    struct pending *spare_pending; /* as many as were under way at once */
    uint32_t coordinated_count;
    uint32_t held_count;
    request_id last_request;
    struct deadline_heap timers; /* of pending; ids are request numbers */
    struct deadline_heap client_timers;
    struct client *clients;
    bool any_doomed;
    struct {
        uint64_t last_ticket;
        struct password_slot slots[PASSWORD_WAITERS_MAX];
    } passwords;
    struct key_state_slot key_states[KEY_STATES_MAX];
    struct environment environment;
    struct node_statistics statistics;
    struct request_times times;
    struct key_traffic traffic;
    struct completion *completions;
    size_t completion_count, completion_capacity;
    struct buffer completion_bytes;
    struct session_output session_output;
    struct coordinated_output coordinated_output;
    struct peers_output peers_output;
    struct log_sync_output sync_output;
    struct partition_sync *partitions; /* that come whole */
    struct partition_sync_output partition_output;
    uint64_t collect_due_us;
    bool collect_goes_on;           /* the next step belongs to the round under way */
    struct message_garbage garbage; /* as the store side last told */
    struct {
        uint64_t due_us;
        struct message_expiry_state state; /* as the store side last told */
    } expiry;
    struct {
        uint64_t due_us;
        struct message_drop_state state; /* as the store side last told */
    } drop;
    struct {
        uint64_t due_us;
        struct message_holdings_state state; /* as the store side last told */
    } holdings;
    struct tree_schedule *trees;
    uint64_t look_us;     /* events before this do not look at the schedules */
    struct instant now;   /* of the present step; by the agreed time when the own clock is skewed */
    uint64_t own_wall_ms; /* the wall clock as it stands, for peers to judge */
    struct effects *out;  /* of the present step */
};

/* password_hashes.c; the first two as commands/environment.h says */
uint64_t password_hash_start(void *context, connection_id id, uint8_t cost, const uint8_t *salt,
                             const uint8_t *digest);
enum status password_hash_take(void *context, uint64_t ticket, uint8_t *out);
/* EVENT_PASSWORD_HASHED. */
void password_hashes_take(struct node *node, struct slice results);
/* The client is gone. */
void password_hashes_forget(struct node *node, connection_id id);

/* key_states.c; the first two as commands/environment.h says */
uint64_t key_state_start(void *context, connection_id id, const struct message_key_state *question);
enum status key_state_take(void *context, uint64_t ticket, struct buffer *body);
/* The store side's answer; `status` not OK: none came. */
void key_state_answered(struct node *node, struct pending *pending, enum status status,
                        struct slice body);
/* The client is gone. */
void key_states_forget(struct node *node, connection_id id);
void key_states_deinit(struct node *node);

/* node.c */
void node_send_link(struct node *node, link_id link, uint16_t type, request_id request,
                    uint32_t left_ms, struct slice body);
/* What the effect before sends goes to another link as well. */
void node_send_link_too(struct node *node, link_id link);
/* `deadline_us` 0: none. */
void node_send_store(struct node *node, uint16_t type, request_id request, uint64_t deadline_us,
                     struct slice body);
struct peer_load *node_load(struct node *node, node_id id);
/* The members of the ring have changed: whoever keeps something of each one follows. */
void node_follow_ring(struct node *node);
/* This node is no member any more, and cannot be again: it ends. */
void node_leave(struct node *node, const char *why);
/* Whether the own replica may be read, mint and count for a level. */
bool node_replica_ready(const struct node *node, partition_id partition);

/* pending.c */
struct pending *pending_add(struct node *node, enum pending_kind kind, const struct origin *origin,
                            uint64_t deadline_us);
struct pending *pending_find(struct node *node, request_id id);
void pending_remove(struct node *node, struct pending *pending);
void pending_free_spare(struct node *node);
/* It goes on under another number: answers to what was sent so far find nobody. */
void pending_renumber(struct node *node, struct pending *pending);
void pending_await(struct node *node, struct pending *pending, node_id peer);
void pending_heard(struct node *node, struct pending *pending, node_id peer);

/* owner_choice.c */
void owner_choice_init(struct node *node);
void owner_choice_deinit(struct node *node);
/* Something is sent to another node, or to the own store side. */
void owner_choice_asked(struct node *node, node_id to, uint16_t type, request_id request);
/* An answer came, whether or not somebody waits for it. */
void owner_choice_answered(struct node *node, node_id from, const struct frame *frame);
void owner_choice_store_refused(struct node *node, request_id request);
void owner_choice_peer_down(struct node *node, node_id peer);
/* What an answer to a question that came at `started_us` tells of this node. */
uint32_t owner_choice_load(const struct node *node, uint64_t started_us);
/* Places of the owners, the best first. */
void owner_choice_order(struct node *node, enum rank_lane lane,
                        const struct preference_list *owners, partition_id partition,
                        uint8_t order[RING_OWNERS_MAX]);
/* The part of `params` that depends on what was measured; `order` outlives them. */
void owner_choice_prepare(struct node *node, const struct key_request *request,
                          const struct preference_list *owners, struct coordinate_params *params,
                          uint8_t order[RING_OWNERS_MAX]);
struct coordinate_allowance owner_choice_allowance(struct node *node);
/* What a step asked beyond need. */
void owner_choice_count(struct node *node, const struct coordinated_output *out);
void owner_choice_view(void *context, node_id id, struct instant now, struct owner_rank_view *out);

/* key_requests.c */
void key_request_start(struct node *node, const struct origin *origin,
                       const struct key_request *request, uint32_t timeout_ms, bool may_forward);
/* A reply frame for a PENDING_COORDINATED or PENDING_FORWARDED one. */
void key_request_frame(struct node *node, struct pending *pending, node_id from, uint16_t type,
                       struct slice body);
void key_request_refused(struct node *node, struct pending *pending, node_id by,
                         enum status status);
void key_request_tick(struct node *node, struct pending *pending);
/* Partitions have other owners, or tags, than before. */
void key_requests_follow_ring(struct node *node);

/* peer_requests.c */
void peer_request(struct node *node, node_id from, link_id link, const struct frame *frame);
void peer_request_answered(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body);
void peer_request_refused(struct node *node, struct pending *pending, enum status status);
void peer_request_expired(struct node *node, struct pending *pending);
/* The decided answer to a question that cannot be handled. */
void peer_request_fail(struct node *node, const struct origin *origin, uint16_t type,
                       partition_id partition, enum status status);

/* clock_fence.c */
/* First in every step: sets node->now. */
void clock_fence_step(struct node *node, struct instant now);
/* Whether this node may not mint nor coordinate writes. */
bool clock_fence_is_up(const struct node *node);
/* In how many ms this node may mint, when that is known and short; else 0. */
uint32_t clock_fence_wait_ms(const struct node *node);
/* MESSAGE_MINT_FROM of the store side. */
void clock_fence_mint_from(struct node *node, struct slice body);
/* The frame that told the store side was not taken: again before a mint, or a little later. */
void clock_fence_not_told(struct node *node);
void clock_fence_before_mint(struct node *node);
void clock_fence_view(void *context, struct instant now, struct clock_view *out);

/* drain.c */
void drain_init(struct node *node);
bool drain_is_on(const struct node *node);
/* The own store side is asked to mint for a request that is coordinated here. */
void drain_minted(struct node *node);
void drain_peer_up(struct node *node, node_id peer);
void drain_peer_down(struct node *node, node_id peer);
/* A peer's MESSAGE_DRAIN or MESSAGE_DRAIN_HEARD. */
void drain_peer_frame(struct node *node, node_id from, link_id link, const struct frame *frame);
/* Whether another owner can coordinate what is written, and this node drains. */
bool drain_hands_over(struct node *node, const struct preference_list *owners);
void drain_tick(struct node *node);
uint64_t drain_deadline_us(const struct node *node);
/* For struct environment. */
bool drain_of(void *context, node_id id);
enum status drain_set(void *context, bool on, bool forced, struct buffer *reason);
void drain_look(void *context, struct instant now, struct drain_view *out, struct buffer *reason);
bool drain_client_move(void *context, connection_id id, struct client_move *out);

/* lineage.c */
void lineage_start(struct node *node);
/* Whether the own replicas may be read, mint and count: their store is what it was. */
bool lineage_is_confirmed(const struct node *node);
/* Whether the own store is used as a replica: it is confirmed, and not new (register.h). */
bool node_store_serves(const struct node *node);
/* MESSAGE_STORE_LINEAGE and MESSAGE_STORE_COMMITS of the store side. */
void lineage_store_opened(struct node *node, struct slice body);
void lineage_store_committed(struct node *node, struct slice body);
/* A frame for the store side without a number was not taken. */
void lineage_not_saved(struct node *node);
void lineage_peer_up(struct node *node, node_id peer);
/* false: not of this part. */
bool lineage_peer_frame(struct node *node, node_id from, const struct frame *frame);
void lineage_tick(struct node *node);
uint64_t lineage_deadline_us(const struct node *node);

/* rebuild_progress.c */
/* MESSAGE_REPLICA_STATE of the store side. */
void rebuild_progress_note(struct node *node, struct slice body);
void rebuild_progress_set(struct node *node, partition_id partition, uint8_t state);
void rebuild_progress_view(void *context, struct instant now, struct store_view *out);

/* placement.c */
/* Partitions have other owners, or tags, than before. */
void placement_changed(struct node *node);
void placement_start(struct node *node);
/* MESSAGE_HOLDINGS_STATE that nobody asked for. */
void placement_told(struct node *node, struct slice body);
void placement_store_frame(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body);
void placement_tick(struct node *node);
uint64_t placement_deadline_us(const struct node *node);

/* evidence.c */
/* Of all partitions that move; release it with ring_testimony_deinit(). */
void node_evidence(const struct node *node, struct ring_testimony *out);
/* A peer's MESSAGE_RING_ASK. */
void evidence_asked(struct node *node, link_id link, request_id request);
/* What would be answered has changed: who may drive is told, if partitions move here. */
void evidence_changed(struct node *node);

/* stability_schedule.c */
void stability_start(struct node *node);
/* A member that is up may have begun to store data. */
void stability_follow_ring(struct node *node);
void stability_peer_up(struct node *node, node_id peer);
void stability_peer_down(struct node *node, node_id peer);
void stability_tick(struct node *node);
/* An answer of the own store side. */
void stability_store_frame(struct node *node, struct pending *pending, uint16_t type,
                           struct slice body);
/* A peer's MESSAGE_STABILITY or MESSAGE_STABILITY_HEARD. */
void stability_peer_frame(struct node *node, const struct origin *origin,
                          const struct frame *frame);
void stability_view(void *context, struct gc_view *out);
uint64_t stability_deadline_us(const struct node *node);
/* Between two reports, as things are now. */
uint64_t stability_interval_us(const struct node *node);
/* Something waits that did not before: do not wait for the turn of the next report. */
void stability_report_now(struct node *node);

/* expiry_schedule.c */
void expiry_start(struct node *node);
void expiry_tick(struct node *node);
/* MESSAGE_EXPIRY_STATE of the own store side, or that it could not take the step. */
void expiry_store_frame(struct node *node, struct pending *pending, uint16_t type,
                        struct slice body);
uint64_t expiry_deadline_us(const struct node *node);
void expiry_view(void *context, struct message_expiry_state *out);

/* drop_schedule.c */
void drop_start(struct node *node);
void drop_tick(struct node *node);
/*
 * MESSAGE_DROP_STATE of the own store side, unasked; then as the answer to a step, or its refusal.
 */
void drop_told(struct node *node, struct slice body);
void drop_store_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body);
uint64_t drop_deadline_us(const struct node *node);
void drop_view(void *context, struct message_drop_state *out);

/* reach_schedule.c */
void reach_start(struct node *node);
void reach_tick(struct node *node);
/* To all peers that pubsub-regions names; for struct environment. */
void publications_send(void *node, bool sharded, struct slice channel, struct slice message);
/* MESSAGE_PUBLISH and MESSAGE_PUBLISH_TAKEN of a peer. */
void publications_came(struct node *node, node_id from, link_id link, struct slice body);
void publications_taken(struct node *node, node_id from, link_id link, struct slice body);

/* MESSAGE_REACH of a peer. */
void reach_peer_frame(struct node *node, struct slice body);
uint64_t reach_deadline_us(const struct node *node);
struct reach_view reach_between(void *context, node_id from, node_id to, struct instant now);
uint64_t reach_age_ms(void *context, node_id from, struct instant now);
/*
 * The peer that is known to reach most of the owners, and more than this node does; 0: there is
 * none. `owners_alone`: it must be one of them.
 */
node_id reach_who_has_more(const struct node *node, const struct preference_list *owners,
                           bool owners_alone, const node_id *tried, uint8_t tried_count);

/* repair_schedule.c */
void repair_tick(struct node *node);
void repair_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body);
uint64_t repair_deadline_us(const struct node *node);

/* partition_schedule.c */
void partition_tick(struct node *node);
void partition_peer_down(struct node *node, node_id peer);
/* What a page of that peer's log sync has told of logs that are too short. */
void partition_log_trimmed(struct node *node, node_id peer, struct log_sync_output *out);
void partition_frame(struct node *node, struct pending *pending, uint16_t type, struct slice body);

/* transfer_view.c */
bool transfer_view_pull(void *context, partition_id partition, struct instant now,
                        struct pull_view *out);

/* hint_schedule.c */
void hints_init(struct node *node, const struct node_params *params);
void hints_deinit(struct node *node);
void hints_peer_up(struct node *node, node_id peer);
void hints_peer_down(struct node *node, node_id peer);
void hints_peer_state(struct node *node, node_id from, struct slice body);
/* MESSAGE_HINT_COUNTS of the store side. */
void hints_counted(struct node *node, struct slice body);
/* MESSAGE_LOG_DEBT of the store side. */
void hints_debts(struct node *node, struct slice body);
/* The pull that goes to the store side under this number is that peer's. */
void hints_note_puller(struct node *node, node_id peer, request_id request);
/* node->store_condition is another one. */
void hints_condition_changed(struct node *node);
/* This node takes hints no more, or again; and what owners lack of its log counts anew. */
void hints_drain_changed(struct node *node);
/* Whether a MESSAGE_HINT may go to the own store side, and for which partition it is. */
enum status hints_check(const struct node *node, struct slice body, partition_id *partition);
/* The same for a MESSAGE_HINT_READ. */
enum status hints_check_read(const struct node *node, struct slice body, partition_id *partition);
/*
 * Whether that peer would take a hint of the partition, and whether it keeps any; NULL: this node.
 */
bool hints_taken_by(const struct node *node, const struct peer_load *load, partition_id partition);
bool hints_held_by(const struct node *node, const struct peer_load *load, partition_id partition);
/* The answer to a PENDING_HINT, or why there is none; removes it. */
void hints_answered(struct node *node, struct pending *pending, enum status status,
                    struct slice body);
void hints_tick(struct node *node);
uint64_t hints_deadline_us(const struct node *node);
void hints_view(void *context, struct hint_view *out);
void hints_lane_view(void *context, node_id target, struct instant now, struct hint_lane_view *out,
                     struct log_debt *debt);

/* client_sessions.c */
void client_event(struct node *node, const struct event *event);
void client_complete(struct node *node, const struct origin *origin, struct slice result);
void client_sessions_run_completions(struct node *node);
void client_sessions_tick(struct node *node);
/* Let the session go on with the call that sleeps; false: there is no such client. */
bool client_wake(struct node *node, connection_id id);
/* Bytes for a client whose session is not in a step; for struct environment. */
void client_send(void *node, connection_id id, struct slice bytes);
/* At the end of the step: another session asked for it. */
void client_close_later(struct node *node, connection_id id);
void client_sessions_close_doomed(struct node *node);
void client_sessions_free(struct node *node);

#endif
