/*
 * record_hint.h - the layout of hints in the store: copies that a fallback keeps for owners.
 *
 *     'H' 'c' partition(2) position(8) keyspace(2) length(2) key    the hint of a cell
 *     'H' 'q' partition(2) position(8) keyspace(2) length(2) key    one set aside: never delivered
 *
 * They lie by partition, not by node: when a hint is delivered, the ring says who owns the
 * partition by then. Inside a partition they lie in the order of ring positions, so
 * that owners store a page of them next to each other.
 * Source: reference "algorithms" 5.2.
 */
#ifndef WIRE_RECORD_HINT_H
#define WIRE_RECORD_HINT_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"

enum { RECORD_HINT = 'H', RECORD_HINT_CELL = 'c', RECORD_HINT_ASIDE = 'q' };

struct hint_name {
    partition_id partition;
    uint64_t position;
    keyspace_id keyspace;
    struct slice key;
};

/* `kind` is RECORD_HINT_CELL or RECORD_HINT_ASIDE. */
void record_hint_name(uint8_t kind, const struct hint_name *name, struct buffer *out);
/* The least name of a hint of `partition` or a later one. */
void record_hint_bound(uint8_t kind, partition_id partition, struct buffer *out);
/*
 * STATUS_NOT_FOUND: the name is not of a hint of that kind. STATUS_CORRUPT: it should be, and
 * is not well formed.
 */
MUST_USE enum status record_hint_name_decode(uint8_t kind, struct slice name,
                                             struct hint_name *out);
/* The name under which the hint of this name is set aside. `name` is of a RECORD_HINT_CELL. */
void record_hint_name_aside(struct slice name, struct buffer *out);

/* One merged copy of one cell. */
struct hint_record {
    uint8_t intended_count;
    node_id intended[RING_OWNERS_MAX]; /* owners that were missing and lack it still, ascending */
    uint64_t first_ms;                 /* wall clock when the oldest write in it came */
    struct slice dots;                 /* an encoded clock: the events that went into it */
    struct slice cell;                 /* encoded */
};

void hint_record_encode(const struct hint_record *record, struct buffer *out);
/* The slices borrow from `bytes`; what is inside them is left to who decodes them. */
MUST_USE enum status hint_record_decode(struct slice bytes, struct hint_record *out);

#endif
