/*
 * message_tree_local.h - anti-entropy and scrub between the two sides of a node: messages 130 to
 * 139.
 */
#ifndef WIRE_MESSAGE_TREE_LOCAL_H
#define WIRE_MESSAGE_TREE_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "wire/message_tree.h"

/*
 * Make a question for another owner. It comes back as a frame of the type `ask`:
 * MESSAGE_TREE_ROOT, MESSAGE_TREE_NODES or MESSAGE_TREE_LEAF; empty when this replica
 * cannot ask (it is not whole, or its store cannot be read).
 */
struct message_tree_ask {
    partition_id partition;
    uint16_t ask;
    uint8_t flags;
    uint8_t parent_bits;
    uint8_t bits;
    uint32_t index;    /* of the parent, or of the leaf */
    struct slice from; /* MESSAGE_TREE_LEAF: where the listing begins; empty: at its start */
};

void message_tree_ask_encode(const struct message_tree_ask *ask, struct buffer *out);
MUST_USE enum status message_tree_ask_decode(struct slice body, struct message_tree_ask *out);

/* What a peer answered to MESSAGE_TREE_LEAF. */
struct message_tree_apply {
    node_id from;
    struct slice result; /* the body of MESSAGE_TREE_LEAF_RESULT */
};

void message_tree_apply_encode(const struct message_tree_apply *apply, struct buffer *out);
MUST_USE enum status message_tree_apply_decode(struct slice body, struct message_tree_apply *out);

struct message_tree_applied {
    enum status status;
    struct tree_differences differences; /* of both sides */
    uint32_t repaired;                   /* here */
    uint32_t refused;                    /* here: the cell had changed meanwhile */
    struct slice next;                   /* go on with the leaf from here; empty: it is done */
    struct slice repair; /* the body of MESSAGE_TREE_REPAIR for the peer; empty: none */
};

void message_tree_applied_encode(const struct message_tree_applied *applied, struct buffer *out);
MUST_USE enum status message_tree_applied_decode(struct slice body,
                                                 struct message_tree_applied *out);

enum scrub_flags { SCRUB_BEGIN = 1 << 0 /* from the first cell on */ };

/* Read some cells of a replica (replica/scrub.h). */
struct message_scrub {
    partition_id partition;
    uint8_t flags;
    uint32_t cells_max;
    uint32_t bytes_max;
};

void message_scrub_encode(const struct message_scrub *scrub, struct buffer *out);
MUST_USE enum status message_scrub_decode(struct slice body, struct message_scrub *out);

struct message_scrubbed {
    enum status status; /* NOT_FOUND: none was under way here. CORRUPT: the store is damaged */
    bool finished;      /* and what was found is in the tree */
    uint32_t cells;
    uint64_t bytes;
    uint32_t leaves_wrong;
};

void message_scrubbed_encode(const struct message_scrubbed *scrubbed, struct buffer *out);
MUST_USE enum status message_scrubbed_decode(struct slice body, struct message_scrubbed *out);

/* Unasked, when the store opens and when this changes. */
struct message_tree_state {
    partition_id partition;
    bool fits; /* false: the tree is to be made, or made anew, by a scrub */
    uint64_t cells;
    uint64_t scrubbed_ms;
};

void message_tree_state_encode(const struct message_tree_state *state, struct buffer *out);
MUST_USE enum status message_tree_state_decode(struct slice body, struct message_tree_state *out);

#endif
