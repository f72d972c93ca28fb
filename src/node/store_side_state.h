/*
 * store_side_state.h - the inside of a store side, for the files that are one together.
 *
 * store_side.c opens, dispatches and ends groups; store_mint.c makes new versions, and
 * store_collections.c those of elements; store_requests.c keeps requests with ids from acting
 * twice; store_sync.c answers and applies log sync; store_hints.c keeps copies for owners
 * elsewhere; store_stability.c collects garbage, store_expiry.c what has expired, store_drop.c what
 * dropped keyspaces have left; store_fold.c lets counters fold their ids; store_lineage.c counts
 * commits; store_tree.c does anti-entropy and scrubs; store_whole.c sends and takes whole
 * partitions; store_trim.c cuts logs. A handler of frames is called with its group under way, and
 * puts its answer into `early` or `late` of the output (store_side.h).
 */
#ifndef NODE_STORE_SIDE_STATE_H
#define NODE_STORE_SIDE_STATE_H

#include "base/log.h"
#include "coordinator/key_request.h"
#include "node/store_clock.h"
#include "node/store_register.h"
#include "node/store_side.h"
#include "replica/hint_store.h"
#include "replica/replica.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/message_collection.h"
#include "wire/message_key_state.h"
#include "wire/message_lineage.h"
#include "wire/message_lookup.h"
#include "wire/message_partition.h"

/* Of one replica's log, in memory alone. */
struct log_care {
    uint64_t kept_from;     /* log position: for who is sent the partition, */
    uint64_t until_us;      /* until then */
    uint64_t seen_position; /* of the newest record when the last round of collecting came by */
};

struct store_side {
    struct ring *ring;
    struct settings settings;
    struct log_sink log;
    node_id self;
    uint16_t storage_incarnation;
    uint32_t boot_epoch; /* of the last opening */
    const struct store_port *port;
    struct store_port port_copy;
    struct cell_cache *cache;
    struct store_clock clock;
    struct store_register config;
    struct replica_context context;
    struct store_holdings *holdings; /* store_holdings.c */
    struct replica *replicas;        /* of the partitions that are held, ascending */
    uint32_t replica_count;
    struct log_care *log_cares; /* by index into replicas */
    struct debt_book *debts;    /* what other owners lack */
    struct hint_store *hints;   /* of partitions that this node does not own */
    uint16_t *replica_index;    /* partition -> index into replicas, or NO_REPLICA */
    struct buffer pulls;        /* frames that wait for the commit of the group */
    struct lineage lineage;
    uint64_t life;
    bool unsynced;
    bool commit_counted;               /* the batch of the present group has the coming count */
    uint64_t warned_us, refused_us;    /* of the last lines about siblings; 0: none yet */
    bool requests_purged;              /* in the present group */
    struct store_stability *stability; /* store_stability.c */
    uint64_t collect_failed_us;        /* of the last line about it */
    struct store_expiry *expiry;       /* store_expiry.c */
    struct store_fold *fold;           /* store_fold.c */
    uint64_t expire_failed_us;
    struct store_drop *drop; /* store_drop.c */
    uint64_t drop_failed_us;
    uint64_t unreadable_us, forced_us; /* and about what a comparison found */
    bool placement_moved;              /* by the value that has just come into force */
    bool open;
};

struct store_holdings;

/* How the indexes into side->replicas have changed: all that is kept by them follows. */
struct holdings_change {
    uint32_t before, count; /* of replicas */
    const partition_id *partitions;
    const uint16_t *from; /* by new index: the old one, or NO_REPLICA */
    const bool *afresh;   /* by new index: new, or its tag has moved */
    const bool *kept;     /* by old index: it has a new one */
};

enum {
    NO_REPLICA = UINT16_MAX,
    LOG_EVERY_US = 60 * 1000 * 1000 /* for lines that a client could cause without end */
};

/* store_side.c */
/* NULL with STATUS_NOT_OWNER: this node does not hold the partition. */
struct replica *store_own_replica(struct store_side *side, partition_id partition,
                                  enum status *status);
/* NULL with the reason in `status`: another tag than the partition's here (T1), or not held. */
struct replica *store_find_replica(struct store_side *side, const struct replica_address *address,
                                   enum status *status);
/* Leaves `status` alone unless the ring has no such keyspace: STATUS_NO_KEYSPACE. */
enum merge_policy store_policy_of(const struct store_side *side, keyspace_id keyspace,
                                  enum status *status);
/* Whether a cell of that name can lie in the partition. */
bool store_may_hold(struct store_side *side, const struct cell_delivery *delivery,
                    partition_id partition);
void store_checkpoint_if_due(struct store_side *side, struct replica *replica);
/* Whether a line of this kind is due; it then counts as written. */
bool store_may_log(uint64_t *last_us, struct instant now);
void store_append_state(const struct replica *replica, struct buffer *out);
/* Say how long nothing is minted here, for other owners can do it meanwhile. */
void store_append_mint_from(const struct store_side *side, struct buffer *out);
void store_reply_replicated(const struct frame *frame, enum status status, struct buffer *out);
/*
 * Apply `count` deliveries; `changed` counts those that brought something new. One that
 * would make its cell too large is left out, and those after it are not. What belongs to a
 * dropped keyspace is discarded, and counted in the context.
 */
MUST_USE enum status store_apply_deliveries(struct store_side *side, struct replica *replica,
                                            struct slice deliveries, uint32_t count,
                                            struct instant now, uint32_t *changed);

/* store_holdings.c */
void store_holdings_new(struct store_side *side);
void store_holdings_free(struct store_side *side);
/*
 * The register was opened: what is held, as the disk and the ring say; replicas are to be opened.
 * STATUS_CORRUPT, STATUS_IO.
 */
MUST_USE enum status store_holdings_open(struct store_side *side, struct buffer *out);
struct replica_open_params store_open_params(const struct store_side *side, partition_id partition);
/* The batch of this group has a value with this ring: mark the copies that it gives up. */
void store_holdings_mark(struct store_side *side, const struct ring *coming);
/* It has come into force. */
void store_holdings_follow(struct store_side *side, struct buffer *out);
void store_handle_holdings_step(struct store_side *side, const struct frame *frame,
                                struct instant now, struct store_output *out);
/* To whom hints are owed is to be read again; until then they are left alone. */
bool store_hints_are_stale(const struct store_side *side);
/* The array in the new order; what has no place in it any more was released, new is all zero. */
void *store_follow_array(void *items, size_t size, const struct holdings_change *change);

/* store_mint.c */
void store_handle_mint(struct store_side *side, const struct frame *frame, struct instant now,
                       struct store_output *out);
void store_reply_minted(const struct frame *frame, const struct message_minted *minted,
                        struct buffer *out);

/* The limits and the default expiry of what is minted there. */
void store_go_by_keyspace(struct store_side *side, keyspace_id number);
/* Answer a mint; `deliveries`, `written` of them, are for the other owners. */
void store_finish_mint(struct store_side *side, struct replica *replica, const struct frame *frame,
                       const struct message_mint *message, struct message_minted *minted,
                       uint16_t written, const struct buffer *deliveries, struct store_output *out);

/* store_collections.c */
void store_mint_collection(struct store_side *side, struct replica *replica,
                           const struct frame *frame, const struct message_mint *message,
                           const struct key_request *request, struct store_output *out);
void store_handle_collection_clock(struct store_side *side, const struct frame *frame,
                                   struct store_output *out);
void store_reply_collection_clock(const struct frame *frame,
                                  const struct message_collection_clock_result *result,
                                  struct buffer *out);

/* store_requests.c */
void store_handle_lookup(struct store_side *side, const struct frame *frame,
                         struct store_output *out);
/* `found` NULL: it could not be looked up, for the reason in `status`. */
void store_reply_lookup(const struct frame *frame, enum status status,
                        const struct message_lookup_result *found, struct buffer *out);
/*
 * Before a request with an id is minted. STATUS_OK: it was answered, or is to be minted now.
 * Else nothing was and is to be minted: STATUS_REQUEST_UNKNOWN, STATUS_REQUEST_DONE,
 * STATUS_REQUEST_CONFLICT, STATUS_REQUEST_TOO_OLD, STATUS_REQUEST_AHEAD, STATUS_OVERLOADED (too
 * many are remembered), or a failed store.
 */
MUST_USE enum status store_check_request(struct store_side *side, struct replica *replica,
                                         const struct frame *frame,
                                         const struct message_mint *message,
                                         const struct key_request *request,
                                         struct store_output *out, bool *answered);
/* The stamp of what is minted for the request now. */
struct request_stamp store_stamp(const struct store_side *side, const struct key_request *request);
/* Remember what was minted, in the batch of its cells; one more delivery tells the others. */
MUST_USE enum status store_keep_minted(struct store_side *side, const struct replica *replica,
                                       const struct key_request *request,
                                       const struct key_result *result, struct slice encoded,
                                       struct buffer *deliveries);

/* store_lineage.c */
/* Read the lineage; a new life goes into the batch. STATUS_CORRUPT, STATUS_IO. */
MUST_USE enum status store_lineage_open(struct store_side *side, struct buffer *batch);
/* Append MESSAGE_STORE_LINEAGE. STATUS_CORRUPT, STATUS_IO. */
MUST_USE enum status store_lineage_tell(const struct store_side *side, struct buffer *out);
/* The batch of this group changes the store. */
void store_lineage_count(struct store_side *side, struct buffer *batch);
void store_lineage_committed(struct store_side *side, struct buffer *out);
void store_lineage_failed(struct store_side *side);
void store_handle_witness(struct store_side *side, const struct frame *frame,
                          struct store_output *out);

/* store_sync.c */
void store_handle_sync_clocks(struct store_side *side, const struct frame *frame,
                              struct store_output *out);
/* Answer a pull from the committed state: partition by partition until the page is full. */
void store_answer_pull(struct store_side *side, const struct frame *frame, struct buffer *out);
void store_handle_sync_apply(struct store_side *side, const struct frame *frame, struct instant now,
                             struct store_output *out);

/* store_whole.c */
void store_handle_partition_ask(struct store_side *side, const struct frame *frame,
                                struct store_output *out);
/* Answer a pull from the committed state. */
void store_answer_partition_pull(struct store_side *side, const struct frame *frame,
                                 struct instant now, struct buffer *out);
void store_handle_partition_apply(struct store_side *side, const struct frame *frame,
                                  struct instant now, struct store_output *out);
void store_reply_partition(const struct frame *frame,
                           const struct message_partition_applied *applied, struct buffer *out);
/* The log position from which on the log of a replica is needed by who is sent its partition. */
uint64_t store_log_kept_from(const struct store_side *side, uint32_t index, struct instant now);

/* store_hints.c */
void store_handle_hint(struct store_side *side, const struct frame *frame,
                       struct store_output *out);
void store_handle_hints_scan(struct store_side *side, const struct frame *frame,
                             struct store_output *out);
void store_handle_hints_drop(struct store_side *side, const struct frame *frame,
                             struct store_output *out);
/* False: the frame is none of these. */
bool store_refuse_hints(const struct frame *frame, enum status status, struct buffer *out);
/* What has changed since the last time. */
void store_report_hints(struct store_side *side, struct buffer *out);
/* store_tree.c */
/* False: a frame of another kind. `bytes` is the whole frame. */
bool store_tree_frame(struct store_side *side, const struct frame *frame, struct slice bytes,
                      struct instant now, struct store_output *out);
/* Answer one that waited for the commit. */
void store_tree_committed(struct store_side *side, const struct frame *frame, struct instant now,
                          struct buffer *out);
/* `doubted`: have all cells read again whatever the depth. */
void store_append_tree_state(const struct replica *replica, bool doubted, struct buffer *out);
void store_tree_unreadable(struct store_side *side, const struct replica *replica,
                           enum status status, struct instant now);

/* store_key_state.c */
/* Answer from the committed state. */
void store_answer_key_state(struct store_side *side, const struct frame *frame, struct buffer *out);
void store_reply_key_state(const struct frame *frame,
                           const struct message_key_state_result *result, struct buffer *out);

/* store_debt.c */
struct debt_book *store_debt_new(const struct store_side *side);
void store_debt_free(struct debt_book *book);
/* What was marked may have been lost with a group that failed: the next question marks anew. */
void store_debt_reopened(struct store_side *side);
void store_debt_follow(struct store_side *side, const struct holdings_change *change);
/* Deliveries that came here, for their mean size. */
void store_debt_count_events(struct debt_book *book, uint64_t count, uint64_t bytes);
/* The clock in a question of pull number `request`. */
void store_debt_note(struct store_side *side, const struct replica *replica, request_id request,
                     const struct clock *clock);
/* Pull number `request` has shown all its clocks. It may come in a later group than its name. */
void store_debt_answered(struct debt_book *book, request_id request);
void store_handle_log_debt(struct store_side *side, const struct frame *frame,
                           struct store_output *out);

/* store_trim.c */
bool store_has_log(const struct replica *replica);
/* Trim the log of a replica if it is worth it; `more`: a step was too short for it. */
MUST_USE enum status store_trim(struct store_side *side, uint32_t index,
                                const struct stability *stability, struct instant now, bool *more);

/* store_stability.c; a peer's reports outlive a failed commit, the own ones do not. */
void store_stability_new(struct store_side *side);
void store_stability_free(struct store_side *side);
/* Members that store data have come or gone. */
void store_stability_follow_members(struct store_side *side);
void store_stability_follow(struct store_side *side, const struct holdings_change *change);
void store_stability_reopened(struct store_side *side);
void store_handle_stability(struct store_side *side, const struct frame *frame, struct instant now,
                            struct store_output *out);
/* By index into side->replicas. */
const struct stability *store_stability_of(const struct store_side *side, uint32_t index);

/* store_fold.c */
void store_fold_new(struct store_side *side);
void store_fold_free(struct store_side *side);
void store_fold_follow(struct store_side *side, const struct holdings_change *change);
void store_fold_reopened(struct store_side *side);
/* Up to when all that happened in the partition is settled; 0: unknown. */
uint64_t store_fold_settled_ms(const struct store_side *side, const struct replica *replica);
/* A counter there has ids whose window is over. */
void store_fold_want(struct store_side *side, const struct replica *replica, struct instant now);
bool store_fold_is_wanted(const struct store_side *side, uint32_t index);
/* Whether ids wait, here, for a later safe time, and for nobody who cannot be heard. */
bool store_fold_waits(const struct store_side *side);
void store_fold_look(struct store_side *side, uint32_t index, struct instant now,
                     uint64_t hint_free_us);

/* store_drop.c */
void store_drop_new(struct store_side *side);
void store_drop_free(struct store_side *side);
void store_drop_follow(struct store_side *side, const struct holdings_change *change);
/* Tell the loop side what is left to remove: all replicas were opened, or drops became known. */
void store_drop_opened(struct store_side *side, struct buffer *out);
void store_drop_learned(struct store_side *side, struct buffer *out);
void store_handle_drop_step(struct store_side *side, const struct frame *frame, struct instant now,
                            struct store_output *out);

/* store_expiry.c */
void store_expiry_new(struct store_side *side);
void store_expiry_free(struct store_side *side);
void store_expiry_follow(struct store_side *side, const struct holdings_change *change);
void store_expiry_reopened(struct store_side *side);
void store_handle_expiry_step(struct store_side *side, const struct frame *frame,
                              struct instant now, struct store_output *out);
/* The own promise; what is minted later in this group is later (store_clock_promise()). */
hybrid_time store_closed_time(struct store_side *side, struct instant now);
/* So that the next promise is not held back by an old ceiling. */
void store_raise_ceiling(struct store_side *side, struct instant now);
/* Whether an expired value waits for the safe time here, and the others can make it rise. */
bool store_expiry_waits(const struct store_side *side);

#endif
