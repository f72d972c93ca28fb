/*
 * store_side_state.h - the inside of a store side, for the files that are one together.
 *
 * store_side.c opens, dispatches and ends groups; store_mint.c makes new versions; store_sync.c
 * answers and applies log sync; store_whole.c sends and takes whole partitions; store_hints.c keeps
 * copies for owners elsewhere; store_stability.c collects garbage. A handler of frames is called
 * with its group under way, and puts
 * its answer into `early` or `late` of the output (store_side.h).
 */
#ifndef NODE_STORE_SIDE_STATE_H
#define NODE_STORE_SIDE_STATE_H

#include "base/log.h"
#include "node/store_clock.h"
#include "node/store_register.h"
#include "node/store_side.h"
#include "replica/hint_store.h"
#include "replica/replica.h"
#include "wire/frame.h"
#include "wire/message.h"

struct store_side {
    struct ring *ring;
    struct settings settings;
    struct log_sink log;
    node_id self;
    uint16_t storage_incarnation;
    const struct store_port *port;
    struct store_port port_copy;
    struct cell_cache *cache;
    struct store_clock clock;
    struct store_register config;
    struct replica_context context;
    struct replica *replicas; /* of the owned partitions, ascending */
    uint32_t replica_count;
    struct hint_store *hints; /* of partitions that this node does not own */
    uint16_t *replica_index;        /* partition -> index into replicas, or NO_REPLICA */
    struct buffer pulls;            /* frames that wait for the commit of the group */
    uint64_t warned_us, refused_us; /* of the last lines about siblings; 0: none yet */
    struct store_stability *stability; /* store_stability.c */
    uint64_t collect_failed_us;        /* of the last line about it */
    bool open;
};

enum {
    NO_REPLICA = UINT16_MAX,
    LOG_EVERY_US = 60 * 1000 * 1000 /* for lines that a client could cause without end */
};

/* store_side.c */
/* NULL with the reason in `status`: no owner, or another tag than the replica's. */
struct replica *store_find_replica(struct store_side *side, const struct replica_address *address,
                                   enum status *status);
/* Leaves `status` alone unless the ring has no such keyspace. */
enum merge_policy store_policy_of(const struct store_side *side, keyspace_id keyspace,
                                  enum status *status);
void store_checkpoint_if_due(struct store_side *side, struct replica *replica);
/* Whether a line of this kind is due; it then counts as written. */
bool store_may_log(uint64_t *last_us, struct instant now);
void store_append_state(const struct replica *replica, struct buffer *out);
/* Say how long nothing is minted here, for other owners can do it meanwhile. */
void store_append_mint_from(const struct store_side *side, struct buffer *out);
void store_reply_replicated(const struct frame *frame, enum status status, struct buffer *out);
/*
 * Apply `count` deliveries; `changed` counts those that brought something new. One that
 * would make its cell too large is left out, and those after it are not. `seen` is the clock
 * of a sender that sends all it has, or NULL.
 */
MUST_USE enum status store_apply_deliveries(struct store_side *side, struct replica *replica,
                                            struct slice deliveries, uint32_t count,
                                            const struct clock *seen, struct instant now,
                                            uint32_t *changed);

/* store_mint.c */
void store_handle_mint(struct store_side *side, const struct frame *frame, struct instant now,
                       struct store_output *out);
void store_reply_minted(const struct frame *frame, const struct message_minted *minted,
                        struct buffer *out);

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
void store_answer_partition_pull(struct store_side *side, const struct frame *frame,
                                 struct buffer *out);
void store_handle_partition_apply(struct store_side *side, const struct frame *frame,
                                  struct instant now, struct store_output *out);

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

/* store_stability.c; a peer's reports outlive a failed commit, the own ones do not. */
void store_stability_new(struct store_side *side);
void store_stability_free(struct store_side *side);
void store_stability_reopened(struct store_side *side);
void store_handle_stability(struct store_side *side, const struct frame *frame, struct instant now,
                            struct store_output *out);

#endif
