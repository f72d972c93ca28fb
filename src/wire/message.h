/*
 * message.h - the bodies of frames: between nodes, and between the two sides of one node.
 *
 * Types below MESSAGE_LOCAL travel between nodes; the others never leave a
 * process. Every handler is idempotent, and a reply may be lost at any point.
 * Data messages name the partition and the ring tag that they were made for.
 *
 * Encoders append a body; decoders borrow slices from it, and answer STATUS_CORRUPT
 * (or fail the reader) when the body is not exactly one encoded message. Lists are
 * checked down to their items; the cells, clocks and key requests inside are left to
 * who decodes them (causal/, coordinator/key_request.h).
 */
#ifndef WIRE_MESSAGE_H
#define WIRE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/cell.h"
#include "causal/clock.h"

enum message_type {
    MESSAGE_HELLO = 1, /* first on every link, from both ends */
    MESSAGE_HEARTBEAT,
    MESSAGE_FORWARD,        /* body: struct key_request */
    MESSAGE_FORWARD_RESULT, /* body: struct key_result */
    MESSAGE_READ,
    MESSAGE_READ_RESULT,
    MESSAGE_RANGE,
    MESSAGE_RANGE_RESULT,
    MESSAGE_REPLICATE,
    MESSAGE_REPLICATED,
    MESSAGE_DIGEST,
    MESSAGE_DIGEST_RESULT,
    MESSAGE_SYNC_PULL, /* "here are my clocks: what do I lack?" */
    MESSAGE_SYNC_PAGE,
    MESSAGE_PUBLISH = 16, /* wire/message_publish.h, as the next */
    MESSAGE_PUBLISH_TAKEN = 17,
    MESSAGE_PARTITION_PULL = 20, /* wire/message_partition.h, as 120-122 */
    MESSAGE_PARTITION_PAGE = 21,
    MESSAGE_STABILITY = 22, /* "so much is durable here": wire/message_garbage.h */
    MESSAGE_STABILITY_HEARD = 23,
    MESSAGE_FETCH = 25,        /* wire/message_fetch.h */
    MESSAGE_FETCH_RESULT = 26, /* body: struct message_read_result */
    MESSAGE_LOOKUP = 27,       /* wire/message_lookup.h */
    MESSAGE_LOOKUP_RESULT = 28,
    MESSAGE_HINT = 40, /* this one and those after it: message_hint.h */
    MESSAGE_HINTED = 41,
    MESSAGE_HINT_READ = 42, /* what a fallback keeps of a key: message_hint_read.h */
    MESSAGE_HINT_READ_RESULT = 43,
    MESSAGE_HINT_STATE = 44,
    MESSAGE_LINEAGE = 46, /* message_lineage.h, as the next two */
    MESSAGE_LINEAGE_JUDGED = 47,
    MESSAGE_LINEAGE_SHOWN = 48,
    MESSAGE_REGISTER_KNOWN = 50, /* 50-59, 150-154: wire/message_register.h */
    MESSAGE_REGISTER_PULL = 51,
    MESSAGE_REGISTER_VALUE = 52,
    MESSAGE_REGISTER_PREPARE = 53,
    MESSAGE_REGISTER_PROMISE = 54,
    MESSAGE_REGISTER_ACCEPT = 55,
    MESSAGE_REGISTER_ACCEPTED = 56,
    MESSAGE_TREE_ROOT = 30, /* anti-entropy: wire/message_tree.h */
    MESSAGE_TREE_ROOT_RESULT = 31,
    MESSAGE_TREE_NODES = 32,
    MESSAGE_TREE_NODES_RESULT = 33,
    MESSAGE_TREE_LEAF = 34,
    MESSAGE_TREE_LEAF_RESULT = 35,
    MESSAGE_TREE_REPAIR = 36,
    MESSAGE_TREE_REPAIRED = 37,
    MESSAGE_REACH = 60,    /* whom the sender reaches: wire/message_reach.h */
    MESSAGE_ELEMENTS = 65, /* this one and those after it: message_collection.h */
    MESSAGE_ELEMENTS_RESULT = 66,
    MESSAGE_COLLECTION_CLOCK = 67,
    MESSAGE_COLLECTION_CLOCK_RESULT = 68,
    MESSAGE_ORDER = 72, /* this one and the next: message_order.h */
    MESSAGE_ORDER_RESULT = 73,
    MESSAGE_RING_ASK = 80, /* this one and the next two: message_ring.h */
    MESSAGE_RING_TOLD = 81,
    MESSAGE_RING_NEWS = 85,
    MESSAGE_DRAIN = 96, /* "I am about to be stopped": message_drain.h, as the next */
    MESSAGE_DRAIN_HEARD = 97,
    MESSAGE_LOCAL = 100,
    MESSAGE_MINT = 100, /* loop side -> store side: make new versions */
    MESSAGE_MINTED,     /* early when something was written, then MESSAGE_REPLICATED follows late */
    MESSAGE_SYNC_CLOCKS, /* loop side -> store side: which partitions to compare */
    MESSAGE_SYNC_APPLY,  /* loop side -> store side: a peer's MESSAGE_SYNC_PAGE */
    MESSAGE_SYNC_APPLIED,
    MESSAGE_REPLICA_STATE, /* store side -> loop side, unasked */
    MESSAGE_STORE_REFUSED, /* adapter -> loop side: the store queue was full; request names the
                              frame */
    MESSAGE_CLOCK,         /* loop side -> store side: what is thought of the wall clock */
    MESSAGE_MINT_FROM,     /* store side -> loop side, unasked */
    MESSAGE_STORE_COUNTS,  /* store side -> loop side, unasked: what the last groups have counted */
    MESSAGE_PARTITION_ASK = 120,   /* loop side -> store side: whence to go on with a partition */
    MESSAGE_PARTITION_APPLY = 121, /* loop side -> store side: a peer's MESSAGE_PARTITION_PAGE */
    MESSAGE_PARTITION_APPLIED = 122,
    MESSAGE_STABILITY_STEP =
        123,                  /* loop side -> store side: what a peer said, or whose turn it is */
    MESSAGE_GARBAGE = 124,    /* store side -> loop side: what is left to collect, and why */
    MESSAGE_HINTS_SCAN = 140, /* loop side -> store side; this one and those after it:
                                 message_hint.h */
    MESSAGE_HINTS_PAGE = 141,
    MESSAGE_HINTS_DROP = 142, /* loop side -> store side */
    MESSAGE_HINTS_DROPPED = 143,
    MESSAGE_HINT_COUNTS = 144,    /* store side -> loop side, unasked */
    MESSAGE_LOG_DEBT = 145,       /* both ways */
    MESSAGE_STORE_LINEAGE = 146,  /* store side -> loop side, unasked: message_lineage.h */
    MESSAGE_STORE_COMMITS = 147,  /* store side -> loop side, unasked: varint, after each commit */
    MESSAGE_WITNESS = 148,        /* loop side -> store side: a lineage_witness to keep */
    MESSAGE_REGISTER_STATE = 150, /* store side -> loop side, unasked */
    MESSAGE_REGISTER_RESERVE = 151,
    MESSAGE_REGISTER_RESERVED = 152,
    MESSAGE_REGISTER_LEARN = 153,
    MESSAGE_REGISTER_LEARNED = 154,
    MESSAGE_EXPIRY_STEP = 155, /* loop side -> store side; wire/message_expiry.h, as the next */
    MESSAGE_EXPIRY_STATE = 156,
    MESSAGE_DROP_STEP = 160,      /* loop side -> store side; wire/message_drop.h, as the next */
    MESSAGE_DROP_STATE = 161,     /* store side -> loop side, also unasked */
    MESSAGE_HOLDINGS_STEP = 170,  /* loop side -> store side: message_ring.h, as the next */
    MESSAGE_HOLDINGS_STATE = 171, /* store side -> loop side, also unasked */
    MESSAGE_REGISTER_ASKED = 180, /* loop side -> store side, bodiless and unanswered (T8) */
    MESSAGE_TREE_ASK = 130,       /* anti-entropy inside a node: wire/message_tree_local.h */
    MESSAGE_TREE_APPLY = 131,
    MESSAGE_TREE_APPLIED = 132,
    MESSAGE_SCRUB = 133,
    MESSAGE_SCRUBBED = 134,
    MESSAGE_TREE_STATE = 135, /* store side -> loop side, unasked */
    MESSAGE_KEY_STATE = 200,  /* loop side -> store side: message_key_state.h, as the next */
    MESSAGE_KEY_STATE_RESULT = 201
};

/*
 * Of the keys, values and cells that one message is for. A frame has room for two such
 * payloads (a mint: the request, and what the read quorum holds). Whoever makes a message
 * of things that grew elsewhere answers STATUS_TOO_LARGE above it.
 */
enum { MESSAGE_PAYLOAD_BYTES_MAX = 24 << 20 };

struct message_hello {
    uint8_t cluster_id[16];
    uint64_t generation;
    /* ring_placement_digest() of the ring that it has; 0: some of its partitions have moved */
    uint64_t placement_digest;
    struct ring_tag tag;
    node_id node;
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    uint64_t features; /* bits; none are defined yet, so 0 */
};

void message_hello_encode(const struct message_hello *hello, struct buffer *out);
MUST_USE enum status message_hello_decode(struct slice body, struct message_hello *out);

/*
 * Times in us are of monotonic clocks, the others' of no meaning to a node: it gives them back.
 * So each end can tell the offset of the other's wall clock (membership/clock_watch.h).
 */
struct message_heartbeat {
    uint64_t sent_us; /* when this one left; not 0 */
    uint64_t wall_ms; /* the sender's wall clock then, right or wrong */
    /* sent_us of the receiver's newest heartbeat on this link; 0: none came yet */
    uint64_t echo_us;
    uint64_t held_us; /* since that one came; 0 when there is none */
};

void message_heartbeat_encode(const struct message_heartbeat *heartbeat, struct buffer *out);
MUST_USE enum status message_heartbeat_decode(struct slice body, struct message_heartbeat *out);

/* Which replica a data message is for. */
struct replica_address {
    partition_id partition;
    struct ring_tag tag;
};

void replica_address_encode(const struct replica_address *address, struct buffer *out);
void replica_address_decode(struct reader *reader, struct replica_address *out);

/*
 * Read the cells of `key_count` keys: keys follow as bytes. A value longer than
 * `value_bytes_max` is named by its version alone (cell_encode_versions()).
 */
struct message_read {
    struct replica_address address;
    keyspace_id keyspace;
    uint32_t value_bytes_max; /* UINT32_MAX: all values come */
    bool hidden;              /* tell of collections that a string hides, too */
    uint16_t key_count;
    struct slice keys; /* key_count times: length and bytes */
};

void message_read_encode(const struct message_read *read, struct buffer *out);
MUST_USE enum status message_read_decode(struct slice body, struct message_read *out);

/* One encoded cell for each key, in the keys' order; an absent key has the empty cell. */
struct message_read_result {
    enum status status;
    uint16_t cell_count;
    /* For each cell, of which type its key has elements (enum collection_type); empty: of none. */
    struct slice collections;
    struct slice cells; /* cell_count times: length and bytes */
};

void message_read_result_encode(const struct message_read_result *result, struct buffer *out);
MUST_USE enum status message_read_result_decode(struct slice body, struct message_read_result *out);

/* Read cells of one keyspace in the order of ring positions, from `position` on. */
struct message_range {
    struct replica_address address;
    keyspace_id keyspace;
    uint64_t position;
    uint32_t limit; /* cells with a live value wanted; more come when positions are equal */
    bool with_values;
};

void message_range_encode(const struct message_range *range, struct buffer *out);
MUST_USE enum status message_range_decode(struct slice body, struct message_range *out);

/*
 * Everything the replica holds from the asked position up to, but not
 * including, `next_position`; with `done`, up to the end of the partition.
 */
struct message_range_result {
    enum status status;
    bool done;
    uint64_t next_position;
    uint32_t entry_count;
    struct slice entries; /* entry_count times struct range_entry, ascending */
};

struct range_entry {
    uint64_t position;
    struct slice key;
    struct slice cell; /* encoded */
    uint8_t type;      /* enum collection_type: the key has such elements here, and no string */
};

void range_entry_encode(const struct range_entry *entry, struct buffer *out);
void range_entry_decode(struct reader *reader, struct range_entry *out);

void message_range_result_encode(const struct message_range_result *result, struct buffer *out);
MUST_USE enum status message_range_result_decode(struct slice body,
                                                 struct message_range_result *out);

/*
 * One cell on its way to a replica, with the dots that its arrival satisfies beside its live ones.
 */
struct cell_delivery {
    keyspace_id keyspace;
    struct slice key;      /* at most RECORD_KEY_BYTES_MAX */
    struct slice cell;     /* encoded */
    struct slice dots;     /* an encoded clock; empty slice: none */
    struct slice requests; /* as bytes, each a struct request_record whose effect comes along */
};

void cell_delivery_encode(const struct cell_delivery *delivery, struct buffer *out);
void cell_delivery_decode(struct reader *reader, struct cell_delivery *out);

/* Apply all cells in one batch. */
struct message_replicate {
    struct replica_address address;
    uint16_t delivery_count;
    struct slice deliveries;
};

void message_replicate_encode(const struct message_replicate *replicate, struct buffer *out);
MUST_USE enum status message_replicate_decode(struct slice body, struct message_replicate *out);

/* STATUS_OK: the cells are in the synced state of the sender. */
struct message_replicated {
    enum status status;
    bool unseen_increments; /* a string came whose writer has not seen all that counts beside it */
};

void message_replicated_encode(const struct message_replicated *replicated, struct buffer *out);
MUST_USE enum status message_replicated_decode(struct slice body, struct message_replicated *out);

struct message_digest {
    struct replica_address address;
    keyspace_id keyspace;
};

void message_digest_encode(const struct message_digest *digest, struct buffer *out);
MUST_USE enum status message_digest_decode(struct slice body, struct message_digest *out);

struct message_digest_result {
    enum status status;
    uint64_t keyspace_count; /* cells with a live value in the asked keyspace */
    uint64_t element_count;  /* the same of its elements */
    uint64_t count;          /* in all keyspaces */
    uint64_t clock_digest;
    uint64_t content_digest;
};

void message_digest_result_encode(const struct message_digest_result *result, struct buffer *out);
MUST_USE enum status message_digest_result_decode(struct slice body,
                                                  struct message_digest_result *out);

/* ---- clock and log sync ------------------------------------------------------------------- */

enum sync_flags {
    SYNC_ALL = 1 << 0 /* the asker rebuilds: send young events too */
};

/* One partition of a pull. */
struct sync_question {
    struct replica_address address;
    uint8_t flags;
    uint64_t before; /* go on below this log position of the answerer; 0: from its newest record */
    uint64_t top;    /* the answerer's newest log position when this walk began; 0 with before 0 */
    struct clock clock;
};

void sync_question_encode(const struct sync_question *question, struct buffer *out);
void sync_question_decode(struct reader *reader, struct sync_question *out);

/* One partition of a page. Partitions that the page had no room for are not in it. */
struct sync_answer {
    struct replica_address address;
    enum status status; /* not OK: this replica cannot answer; nothing else counts */
    bool complete;      /* asker's clock + this page >= the answerer's clock when the walk began */
    uint64_t before;    /* when not complete: ask again with both */
    uint64_t top;
    uint32_t delivery_count;
    struct slice deliveries;
};

void sync_answer_encode(const struct sync_answer *answer, struct buffer *out);
void sync_answer_decode(struct reader *reader, struct sync_answer *out);

/* ---- between the two sides of a node ------------------------------------------------------- */

struct message_mint {
    struct replica_address address;
    struct slice request; /* an encoded struct key_request that writes */
    /*
     * A request with an id: an encoded struct mint_lookup. KEY_COLLECTION_DELETE: the clock of
     * what its read quorum has seen.
     */
    struct slice lookup;
    uint16_t cell_count; /* 0, or one for each entry: what the read quorum holds */
    struct slice cells;
};

void message_mint_encode(const struct message_mint *mint, struct buffer *out);
MUST_USE enum status message_mint_decode(struct slice body, struct message_mint *out);

struct message_minted {
    enum status status; /* not OK: definite, nothing was written */
    bool written;
    bool repeated;       /* the request was known: its first answer, and what is written is known */
    struct slice result; /* an encoded struct key_result */
    struct slice replicate; /* the body of MESSAGE_REPLICATE for the other owners */
};

void message_minted_encode(const struct message_minted *minted, struct buffer *out);
MUST_USE enum status message_minted_decode(struct slice body, struct message_minted *out);

/* A partition to compare with a peer, and where to go on in its log. */
struct sync_cursor {
    partition_id partition;
    uint64_t before;
    uint64_t top;
};

enum { SYNC_PARTITIONS_MAX = 64 }; /* in one pull */

struct message_sync_clocks {
    uint16_t count;
    struct sync_cursor cursors[SYNC_PARTITIONS_MAX];
};

void message_sync_clocks_encode(const struct message_sync_clocks *clocks, struct buffer *out);
MUST_USE enum status message_sync_clocks_decode(struct slice body, struct message_sync_clocks *out);

struct message_sync_apply {
    node_id from;
    struct slice page; /* the body of MESSAGE_SYNC_PAGE */
};

void message_sync_apply_encode(const struct message_sync_apply *apply, struct buffer *out);
MUST_USE enum status message_sync_apply_decode(struct slice body, struct message_sync_apply *out);

struct message_sync_applied {
    enum status status;  /* TOO_LARGE: all but cells that would not fit; they were logged */
    uint32_t cell_count; /* that brought something new */
};

void message_sync_applied_encode(const struct message_sync_applied *applied, struct buffer *out);
MUST_USE enum status message_sync_applied_decode(struct slice body,
                                                 struct message_sync_applied *out);

/*
 * The wall clock is `monotonic clock + base_us`: as it was when the loop side last looked and
 * found it right or, with `skewed`, as the other nodes agree it should be.
 */
struct message_clock {
    bool skewed;
    int64_t base_us;
};

void message_clock_encode(const struct message_clock *clock, struct buffer *out);
MUST_USE enum status message_clock_decode(struct slice body, struct message_clock *out);

/*
 * This store has issued, or may have issued, times so far ahead that it mints nothing until
 * the wall clock shows `wall_ms`.
 */
struct message_mint_from {
    uint64_t wall_ms;
};

void message_mint_from_encode(const struct message_mint_from *from, struct buffer *out);
MUST_USE enum status message_mint_from_decode(struct slice body, struct message_mint_from *out);

enum replica_state {
    REPLICA_ABSENT = 0,     /* this node does not hold the partition, or its store is not open */
    REPLICA_REBUILDING = 1, /* takes writes, answers no reads: its store was lost */
    REPLICA_ACTIVE = 2
};

struct message_replica_state {
    partition_id partition;
    uint8_t state; /* enum replica_state */
};

void message_replica_state_encode(const struct message_replica_state *state, struct buffer *out);
MUST_USE enum status message_replica_state_decode(struct slice body,
                                                  struct message_replica_state *out);

/* What happened since the last message of this kind; in groups that are durable. */
struct message_store_counts {
    uint64_t lww_losses;      /* concurrent values that last-writer-wins dropped */
    uint64_t siblings_warned; /* client writes that left more than siblings-warn versions */
    uint64_t ids_folded;      /* request ids that left their counters */
};

void message_store_counts_encode(const struct message_store_counts *counts, struct buffer *out);
MUST_USE enum status message_store_counts_decode(struct slice body,
                                                 struct message_store_counts *out);

#endif
