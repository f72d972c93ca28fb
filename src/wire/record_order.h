/*
 * record_order.h - the layout of the score index: a sorted set's members in the order of scores.
 *
 *     'Z' position(8) keyspace(2) length(2) key 0 member              it counts; a version byte
 *     'Z' position(8) keyspace(2) length(2) key 1 score(8) member     it has this score
 *
 * `position` and keyspace are the key's, score is a number of causal/score.h, so records stand in
 * the order of Redis: by score, then by member. The value says which version gives that score; when
 * it takes more than one, as what counts does, it says that the cell must be looked at.
 *
 * A replica makes it from its own cells (replica/score_index.h); it is sent to nobody.
 */
#ifndef WIRE_RECORD_ORDER_H
#define WIRE_RECORD_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/dot.h"
#include "causal/hybrid_time.h"

enum { RECORD_ORDER = 'Z', ORDER_COUNTS = 0, ORDER_SCORES = 1, ORDER_SCORE_BYTES = 8 };

struct order_name {
    uint64_t position;
    keyspace_id keyspace;
    struct slice key;
    uint8_t tag;       /* ORDER_COUNTS, ORDER_SCORES */
    struct slice rest; /* the member, behind its score where it has one */
};

/* What all names of that key and tag begin with. */
void record_order_prefix(uint64_t position, keyspace_id keyspace, struct slice key, uint8_t tag,
                         struct buffer *out);
/* The least name at `position` or later. */
void record_order_bound(uint64_t position, struct buffer *out);
/* STATUS_NOT_FOUND: not of this kind. STATUS_CORRUPT: it should be, and is not well formed. */
MUST_USE enum status record_order_decode(struct slice name, struct order_name *out);

/* What a record says of its score; of `looks` dot and time are all zero. */
struct order_value {
    bool looks;
    struct dot dot;
    hybrid_time time; /* of the version; 0: the record is an old one, and does not say */
};

/* As it stands in messages, too. */
void order_value_put(const struct order_value *value, struct buffer *out);
void order_value_get(struct reader *reader, struct order_value *out);

void order_value_encode(const struct order_value *value, struct buffer *out);
MUST_USE enum status order_value_decode(struct slice bytes, struct order_value *out);

#endif
