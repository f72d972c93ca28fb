/*
 * replica.h - one partition as one node holds it: its clock, its log and its cells.
 *
 * Every change goes one way: a cell is merged into the local one, the dots that
 * are new go into the clock, and cell and log record leave in one batch. Client
 * writes (mint), writes from other owners, read repair and log sync all use it.
 *
 * Invariants, held after every function:
 *   R1  a dot is in the clock iff its effect is in the cells, was superseded there, or belongs to a
 *       keyspace that was dropped (keyspace_drop.h)
 *   R2  every live dot of a cell is in the clock
 *   R3  every dot in the clock has a log record or is in `trimmed`; what the checkpoint does
 *       not hold has a log record
 *   R4  what is minted carries a dot above all that this actor minted before
 *   R5  every leaf of the tree = sum of cell_hash() over the cells of its range; counts likewise
 *   R6  every cell with garbage has a garbage record of the last event that changed it
 * Source: reference "algorithms" 3.2-3.4.
 */
#ifndef REPLICA_REPLICA_H
#define REPLICA_REPLICA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/cell.h"
#include "causal/clock.h"
#include "causal/hybrid_time.h"
#include "causal/past.h"
#include "causal/register.h"
#include "replica/cell_cache.h"
#include "replica/request_table.h"
#include "replica/stability.h"
#include "replica/store_port.h"
#include "replica/sum_tree.h"
#include "ring/ring.h"
#include "wire/message.h"
#include "wire/record.h"
#include "wire/record_whole.h"

/* What all replicas of a node share while a group is handled. */
/* A key with its position; longer ones are not kept. `key_bytes` is 0 when there is none. */
struct replica_place {
    uint64_t position;
    keyspace_id keyspace;
    uint16_t key_bytes;
    uint8_t key[64];
};

struct replica_context {
    const struct store_port *port;
    struct cell_cache *cache;
    struct hybrid_clock *clock;
    struct buffer *batch;    /* where changes go */
    const struct ring *ring; /* says which keyspaces were dropped; NULL: none was */
    uint64_t position_seed;
    uint64_t digest_seed;
    uint8_t partition_bits; /* log2 of the ring's number of partitions */
    uint64_t wall_ms;
    uint32_t max_clock_skew_ms;
    uint32_t value_bytes_max;
    /* For client writes alone: what others accepted is never refused for it. */
    uint32_t siblings_warn;
    uint32_t siblings_max;   /* at most SIBLINGS_LIMIT_MAX */
    uint64_t default_ttl_ms; /* of values that are minted without an expiry; 0: none */
    /* counted up */
    uint64_t lww_losses;      /* concurrent values that last-writer-wins dropped */
    uint64_t siblings_warned; /* writes that left more than siblings_warn versions */
    uint64_t warned_position; /* of the last one's key */
    struct request_table requests;
    bool expiry_indexed;        /* the present group has new records of replica/expiry.h */
    uint64_t settled_ms;        /* of the replica that mints (settled_time.h); 0: unknown */
    uint64_t ids_folded;        /* request ids that left their counters; counted up */
    bool ids_wait;              /* set when some are left whose window is over */
    uint64_t discarded;         /* deliveries of dropped keyspaces */
    uint64_t unseen_increments; /* deliveries of strings beside increments they do not cover */
    uint64_t groups;            /* that were committed since the store was opened */
    bool may_mint;              /* sweeps make tombstones (replica/collection.h) */
    struct replica_place place; /* of the key that was asked for last */
};

/*
 * As ring_position(), which costs a few instructions for each byte of a key; a write asks for the
 * same one at every turn.
 */
uint64_t replica_position(struct replica_context *context, keyspace_id keyspace, struct slice key);

/*
 * What clients may pile up at one owner. The versions that all owners accepted, cut off from
 * each other, then fit into one cell; so do their bytes with three owners.
 */
enum { SIBLINGS_LIMIT_MAX = CELL_SIBLINGS_MAX / RING_OWNERS_MAX, SIBLINGS_BYTES_MAX = 7 << 20 };
_Static_assert(3 * SIBLINGS_BYTES_MAX <= CELL_VALUES_BYTES_MAX, "what three owners accept fits");
_Static_assert((int)CELL_VALUES_BYTES_MAX < (int)MESSAGE_PAYLOAD_BYTES_MAX,
               "the largest cell fits into a message");

/* Cells with a live value in each keyspace; those of dropped ones together (keyspace_drop.h). */
struct replica_counts {
    uint16_t count;
    struct checkpoint_count keyspaces[CHECKPOINT_KEYSPACES_MAX];
};

void replica_counts_add(struct replica_counts *counts, keyspace_id keyspace, int64_t delta);

/* The place of one sweep, in memory alone, and what earlier groups have committed. */
struct sweep_place {
    struct buffer prefix; /* of the names of its elements; empty: none is under way */
    struct buffer next;
    struct clock settled, settling;
    uint64_t settled_ms, settling_ms; /* the same of safe times */
    uint64_t settling_group;
};

void sweep_place_deinit(struct sweep_place *place); /* replica/collection_sweep.c */

struct scrub; /* replica/scrub.c */

/* Not opaque so that the store side can hold them in one array. Release with replica_deinit(). */
struct replica {
    partition_id partition;
    uint8_t state; /* enum replica_state */
    struct ring_tag tag;
    struct actor actor; /* under which this replica mints */
    struct clock clock;
    uint64_t log_position; /* of the newest log record; 0: none */
    uint64_t checkpoint_position;
    struct sum_tree tree; /* its root is the content digest */
    struct replica_counts counts;
    uint64_t scrubbed_ms; /* wall clock when all cells were last read; 0: never */
    struct scrub *scrub;  /* NULL: none is under way */
    uint8_t rebuilt_from_count;
    node_id rebuilt_from[CHECKPOINT_PEERS_MAX];
    uint64_t garbage_count; /* cells that have a tombstone, or nothing but a context */
    uint64_t garbage_first; /* as in struct checkpoint_record, like those that follow */
    uint64_t garbage_last;
    uint64_t log_first;
    uint64_t log_bytes;
    struct clock trimmed;
    struct sweep_place sweep;  /* of what deletes removed; */
    struct sweep_place ended;  /* and of what its end has reached */
    uint64_t expiry_next_ms;   /* nothing that is committed expires before; 0: unknown */
    struct whole_record whole; /* how far the partition has come that is brought whole */
    uint64_t changes;          /* counts up with every change of clock, since it was opened */
};

void replica_deinit(struct replica *replica);

struct replica_open_params {
    partition_id partition;
    struct ring_tag tag; /* of the ring, under which it is opened; the stored one is not above it */
    node_id self;
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    bool rebuild; /* a replica that the store does not know starts by rebuilding */
};

/*
 * Read the replica from the store: the checkpoint, then the log after it. One
 * that is not there is made and its first checkpoint put into the batch.
 * STATUS_CORRUPT, STATUS_IO: the store cannot be trusted.
 */
MUST_USE enum status replica_open(struct replica *replica, const struct replica_open_params *params,
                                  struct replica_context *context);

/*
 * Merge one delivered cell (write path of other owners, read repair, log sync).
 * `changed` gets whether anything was new.
 * STATUS_CLOCK_SKEW: a version lies too far in the future; nothing was changed.
 * STATUS_CORRUPT: the cell does not decode, or the local one cannot be read.
 * STATUS_TOO_LARGE: the merged cell does not fit (cell_fits()); nothing was changed.
 */
MUST_USE enum status replica_apply(struct replica *replica, const struct cell_delivery *delivery,
                                   enum merge_policy policy, struct replica_context *context,
                                   bool *changed);

/*
 * Merge a cell that this replica has lost, or shows an older version of, although its clock has
 * it: the seen-filter, which would take it for superseded, is left out. Only for cells that
 * leaf_compare.h has judged, from a replica whose clock held all that this one's did.
 * `expected` is replica_version_hash() of the cell as it was judged: when it has changed since,
 * nothing is done, and `changed` is false.
 * Statuses as those of replica_apply().
 */
MUST_USE enum status replica_force(struct replica *replica, const struct cell_delivery *delivery,
                                   uint64_t expected, enum merge_policy policy,
                                   struct replica_context *context, bool *changed);
/* Of context and dots; 0 for a cell that is not there. */
uint64_t replica_version_hash(const struct cell *cell);

struct replica_mint {
    keyspace_id keyspace;
    enum merge_policy policy;
    struct slice key;
    const struct mutation *mutation;
    const struct version_vector *observed; /* what the writer read; NULL: nothing */
    hybrid_time observed_time;             /* the highest in it */
    struct slice read_cell;  /* encoded, what the read quorum holds; empty: not read */
    bool blind;              /* read_cell is looked at, and not replaced */
    struct slice stamp;      /* of the request; empty: it has no id */
    struct slice id;         /* by which an increment counts once; empty: none */
    const struct past *past; /* of an element: what of it is dead (causal/past.h); NULL: nothing */
    size_t delivery_bytes;   /* of what goes with it in one message, at most */
};

struct replica_minted {
    bool written;
    bool had_old;
    bool had_string;  /* when it was made: one that was visible or has expired, or a count */
    bool had_counter; /* likewise */
    int64_t number;
    size_t delivery_bytes; /* when written: at most so many are appended to `deliveries` */
    struct dot dot;        /* when written */
};

/*
 * Evaluate a mutation against the local cell merged with the read one, and make
 * a new version if it writes. It replaces
 *
 *   with last-writer-wins        whatever is there; so does an element
 *   with `observed`              what that covers; REGISTER_DELETE deletes that alone
 *   if the mutation reads        what the read quorum and this replica hold
 *   else                         nothing
 *
 * and with them the increments that the cell holds, except where it adds to these or changes
 * an expiry. So there may be two new versions, of dots in a row; `out->dot` is the higher.
 * Then a delivery for the other owners is appended to `deliveries`. With `evaluate_only`
 * nothing changes. The old value, when asked for, is appended to `old`.
 * STATUS_TOO_LARGE, STATUS_CORRUPT, STATUS_IO, STATUS_SIBLING_LIMIT (the write would add a
 * version to as many as a key may have), STATUS_CLOCK_SKEW, STATUS_NOT_A_NUMBER, STATUS_OVERFLOW,
 * STATUS_ID_CONFLICT, STATUS_ID_LIMIT, STATUS_UNSUPPORTED (increments where siblings are kept):
 * definite, nothing was changed.
 */
MUST_USE enum status replica_mint(struct replica *replica, const struct replica_mint *mint,
                                  bool evaluate_only, struct replica_context *context,
                                  struct replica_minted *out, struct buffer *old,
                                  struct buffer *deliveries);

/*
 * Answer a pull: cells for dots that are in this clock and not in the asker's,
 * newest first, until `page_bytes` are full or nothing is missing. Events younger
 * than `settle_ms` are left out unless the asker wants all; so are those that came
 * after the walk began. `out->deliveries` is set by the caller from `deliveries`.
 * STATUS_CORRUPT, STATUS_IO: the log or a cell could not be read.
 * STATUS_LOG_TRIMMED: some of it is in the log no more (replica_trim.h).
 */
MUST_USE enum status replica_sync_answer(const struct replica *replica,
                                         const struct sync_question *question, uint32_t settle_ms,
                                         size_t page_bytes, struct replica_context *context,
                                         struct sync_answer *out, struct buffer *deliveries);

/*
 * While rebuilding: everything that `from` had was absorbed. Once for each source, in
 * `rebuilt_from`; whoever holds the ring judges when they are enough, and activates.
 */
void replica_note_source(struct replica *replica, node_id from);
void replica_activate(struct replica *replica);

/* What one step of collecting has found; all zero before. */
struct purge_outcome {
    uint32_t purged;   /* cells */
    uint32_t buried;   /* elements of deleted collections that became tombstones */
    uint32_t waiting;  /* stable, and not for long enough */
    uint32_t unstable; /* seen; a walk ends after PURGE_UNSTABLE_MAX in a row */
    node_id holder;    /* of the first unstable one: an owner that lacks some of it; 0: none seen */
    bool more;         /* the budget ended the walk */
};

enum { PURGE_UNSTABLE_MAX = 256 };

/*
 * Take tombstones and contexts out of cells that are ripe (replica/stability.h), oldest first;
 * a cell that is empty then goes as a whole. At most `budget` records are looked at. No event:
 * clock and log stay as they are, and so does the digest, but for counts that nobody counts.
 * STATUS_CORRUPT, STATUS_IO: the store cannot be trusted.
 */
MUST_USE enum status replica_purge(struct replica *replica, const struct stability *stability,
                                   uint32_t budget, struct replica_context *context,
                                   struct purge_outcome *out);

/* Put the state into the batch, so that the log before it need not be replayed. */
void replica_checkpoint(struct replica *replica, struct replica_context *context);

uint64_t replica_count(const struct replica *replica, keyspace_id keyspace);
uint64_t replica_count_all(const struct replica *replica);

/* What a cell adds to the tree; 0 when it is not live (cell_is_live()). */
uint64_t replica_cell_hash(const struct replica_context *context, keyspace_id keyspace,
                           struct slice key, const struct cell *cell);

/* Append a delivery of the cell, without dots beside its own. */
void replica_append_delivery(keyspace_id keyspace, struct slice key, const struct cell *cell,
                             struct buffer *deliveries);

/*
 * Append the record value of a cell: from the cache or the store. STATUS_NOT_FOUND: surely absent.
 */
MUST_USE enum status replica_load_cell(struct replica_context *context, keyspace_id keyspace,
                                       struct slice key, struct buffer *out);

#endif
