/*
 * ring_wish.h - what an operator wants of nodes that store data: the wishes that a plan follows.
 *
 * A wish says how one node is to be, not what is to happen, so a later wish of the same kind takes
 * the place of an earlier one. A node that joins needs no wish: a member that is joining gets its
 * share in any plan.
 *
 * Bytes of a set: { varint node, u8 kind, and by kind }, by (node, kind), ascending
 *     LEAVE, REPEAT_RACKS   nothing
 *     REPLACE               varint node that comes in its place
 *     WEIGHT                varint
 *     RACK                  bytes
 */
#ifndef RING_RING_WISH_H
#define RING_RING_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"

/* The numbers are stored and sent: none ever changes. */
enum ring_wish_kind {
    RING_WISH_LEAVE = 1,   /* own nothing any more, then be no member any more */
    RING_WISH_REPLACE = 2, /* the same; what it owned goes to `by`, which owns nothing yet */
    RING_WISH_WEIGHT = 3,
    RING_WISH_RACK = 4,
    /* Of node 0: copies may stand together in a rack more than they do today. */
    RING_WISH_REPEAT_RACKS = 5
};

struct ring_wish {
    node_id node;
    uint8_t kind;                 /* enum ring_wish_kind */
    node_id by;                   /* REPLACE */
    uint32_t weight;              /* WEIGHT */
    char rack[RING_NAME_MAX + 1]; /* RACK */
};

enum { RING_WISHES_MAX = 1024 };

/* All zero is none. Release with ring_wishes_deinit(). */
struct ring_wishes {
    uint32_t count;
    struct ring_wish *items; /* by node, then kind; owned */
};

void ring_wishes_deinit(struct ring_wishes *wishes);
void ring_wishes_copy(const struct ring_wishes *from, struct ring_wishes *to);
/*
 * In the place of one of its node and kind; of LEAVE and REPLACE a node has one. False: there are
 * RING_WISHES_MAX already, and nothing was changed.
 */
MUST_USE bool ring_wishes_put(struct ring_wishes *wishes, const struct ring_wish *wish);
/* NULL: there is none. */
const struct ring_wish *ring_wishes_find(const struct ring_wishes *wishes, node_id node,
                                         enum ring_wish_kind kind);
/* Drop all that name the node, as the one that goes or the one that comes. How many there were. */
uint32_t ring_wishes_forget(struct ring_wishes *wishes, node_id node);
/* Whether the node is to own nothing: it leaves, or is replaced. */
bool ring_wishes_remove(const struct ring_wishes *wishes, node_id node);

/*
 * Whether the ring as it is can have the wish, be it feasible together with others or not.
 * STATUS_INVALID: `reason` has one sentence for the operator.
 */
MUST_USE enum status ring_wish_check(const struct ring *ring, const struct ring_wish *wish,
                                     char reason[RING_REASON_MAX]);

void ring_wish_encode(const struct ring_wish *wish, struct buffer *out);
/* Sets `reader->failed` when the bytes are no wish. */
void ring_wish_decode(struct reader *reader, struct ring_wish *out);
void ring_wishes_encode(const struct ring_wishes *wishes, struct buffer *out);
/* STATUS_CORRUPT: not canonical; `*out` is none. The caller owns what is in `*out`. */
MUST_USE enum status ring_wishes_decode(struct slice bytes, struct ring_wishes *out);

#endif
