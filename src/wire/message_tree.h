/*
 * message_tree.h - anti-entropy between two owners: messages 30 to 39, and those of the own store.
 *
 *     asker                                    answerer
 *       MESSAGE_TREE_ROOT     ------------>      equal? then nothing else follows
 *       MESSAGE_TREE_NODES    ------------>      which of these sums differ? (level by level)
 *       MESSAGE_TREE_LEAF     ------------>      a listing: versions of all cells of one range
 *                             <------------      forced copies for the asker, and a listing back
 *       MESSAGE_TREE_REPAIR   ------------>      forced copies for the answerer
 *
 * Each question is answered by the message type after its own. The asker's store side makes
 * the questions (MESSAGE_TREE_ASK) and handles the answers (MESSAGE_TREE_APPLY); its loop side
 * only carries them, so nothing of a partition is remembered between two messages.
 * Source: reference "algorithms" 6.3; what may be concluded: replica/leaf_compare.h.
 */
#ifndef WIRE_MESSAGE_TREE_H
#define WIRE_MESSAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/clock.h"
#include "wire/message.h"

enum {
    TREE_LEVEL_BITS = 8, /* a question about nodes is 256 wide */
    TREE_CHILDREN_MAX = 1 << TREE_LEVEL_BITS
};

/* ---- between owners ------------------------------------------------------------------------ */

struct message_tree_root {
    struct replica_address address;
    bool fits;    /* false: the asker's tree is to be made first */
    uint8_t bits; /* its depth */
    uint64_t hash;
    uint64_t count;
    uint64_t clock_hash;
};

void message_tree_root_encode(const struct message_tree_root *root, struct buffer *out);
MUST_USE enum status message_tree_root_decode(struct slice body, struct message_tree_root *out);

struct message_tree_root_result {
    enum status status; /* NOT_READY: the trees differ, and one of them is being made */
    bool equal;         /* the contents are */
    bool clocks_equal;
    uint8_t bits; /* the shallower depth of both trees */
};

void message_tree_root_result_encode(const struct message_tree_root_result *result,
                                     struct buffer *out);
MUST_USE enum status message_tree_root_result_decode(struct slice body,
                                                     struct message_tree_root_result *out);

/* The sums of all children, `bits` deep, of node `parent`, which is `parent_bits` deep. */
struct message_tree_nodes {
    struct replica_address address;
    uint8_t parent_bits;
    uint8_t bits; /* at most TREE_LEVEL_BITS more */
    uint32_t parent;
    uint16_t count; /* 1 << (bits - parent_bits) */
    uint64_t hashes[TREE_CHILDREN_MAX];
    uint64_t counts[TREE_CHILDREN_MAX];
};

void message_tree_nodes_encode(const struct message_tree_nodes *nodes, struct buffer *out);
MUST_USE enum status message_tree_nodes_decode(struct slice body, struct message_tree_nodes *out);

struct message_tree_nodes_result {
    enum status status;
    uint16_t count;
    uint32_t differ[TREE_CHILDREN_MAX]; /* ascending indexes of nodes `bits` deep */
};

void message_tree_nodes_result_encode(const struct message_tree_nodes_result *result,
                                      struct buffer *out);
MUST_USE enum status message_tree_nodes_result_decode(struct slice body,
                                                      struct message_tree_nodes_result *out);

/*
 * When a listing was made, by the clock of who made it. A forced copy comes back with it: it
 * is refused when it is too old, or the maker has started again since.
 */
struct tree_claim {
    uint64_t mono_ms;
    uint32_t boot_epoch;
};

/*
 * What a replica holds of a range of cell records, and its clock in the same moment. An entry
 * is a record's name and the cell without values. The range is [from, to); an empty `to`
 * stands for the end of the leaf. Of a listing back, entries are only those that differ.
 */
struct tree_listing {
    struct clock clock;
    struct tree_claim claim;
    struct slice from, to;
    uint16_t entry_count;
    struct slice entries; /* entry_count times: name, cell; ascending by name */
};

void tree_listing_encode(const struct tree_listing *listing, struct buffer *out);
/* Release `out->clock` with clock_deinit(), also after a failure. */
void tree_listing_decode(struct reader *reader, struct tree_listing *out);

enum tree_flags { TREE_DRY_RUN = 1 << 0 /* count differences, repair none */ };

struct message_tree_leaf {
    struct replica_address address;
    uint8_t flags;
    uint8_t bits;
    uint32_t index;
    struct tree_listing listing;
};

void message_tree_leaf_encode(const struct message_tree_leaf *leaf, struct buffer *out);
/* Release `out->listing.clock` with clock_deinit(), also after a failure. */
MUST_USE enum status message_tree_leaf_decode(struct slice body, struct message_tree_leaf *out);

/* Cells that differ, by what the clocks say of them. */
struct tree_differences {
    uint32_t behind;     /* one side lacks an event that the other has: log sync brings it */
    uint32_t superseded; /* one side has replaced what the other still shows: likewise */
    uint32_t in_flight;  /* nothing can be concluded before the clocks have met */
    uint32_t corrupt;    /* lost or aged behind an intact clock */
    uint32_t expired;    /* only in values that one side has dropped, and the other will */
};

void tree_differences_add(struct tree_differences *sum, const struct tree_differences *more);

/* A cell for a replica that lacks it although its clock says otherwise. */
struct forced_delivery {
    uint64_t expected;     /* hash of the versions that the lacker listed; 0: it listed none */
    struct slice delivery; /* an encoded struct cell_delivery */
};

void forced_delivery_encode(const struct forced_delivery *forced, struct buffer *out);
void forced_delivery_decode(struct reader *reader, struct forced_delivery *out);

struct message_tree_leaf_result {
    enum status status;
    struct replica_address address;
    uint8_t flags;                       /* of the question, as are index and bits */
    struct slice next;                   /* the range was compared up to here; empty: whole */
    struct tree_differences differences; /* without those of the listing back */
    struct tree_claim claim;             /* the asker's */
    uint16_t forced_count;
    struct slice forced;      /* forced_count times */
    struct tree_listing back; /* cells of which the answerer lacks something */
};

void message_tree_leaf_result_encode(const struct message_tree_leaf_result *result,
                                     struct buffer *out);
/* Release `out->back.clock` with clock_deinit(), also after a failure. */
MUST_USE enum status message_tree_leaf_result_decode(struct slice body,
                                                     struct message_tree_leaf_result *out);

struct message_tree_repair {
    struct replica_address address;
    struct tree_claim claim; /* of the answerer's listing back */
    uint16_t forced_count;
    struct slice forced;
};

void message_tree_repair_encode(const struct message_tree_repair *repair, struct buffer *out);
MUST_USE enum status message_tree_repair_decode(struct slice body, struct message_tree_repair *out);

struct message_tree_repaired {
    enum status status;
    uint32_t repaired;
    uint32_t refused; /* the cell had changed since it was listed */
};

void message_tree_repaired_encode(const struct message_tree_repaired *repaired, struct buffer *out);
MUST_USE enum status message_tree_repaired_decode(struct slice body,
                                                  struct message_tree_repaired *out);

#endif
