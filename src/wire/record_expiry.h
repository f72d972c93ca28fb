/*
 * record_expiry.h - the layout of the expiry index: which cell has something to expire, and when.
 *
 *     'E' partition(2) expire_at_ms(8) keyspace(2) length(2) key     a version byte
 *
 * So what is due in a partition stands at its beginning, oldest first. The record is made and
 * removed in the batch of the cell that it names (replica/expiry.h).
 * Source: reference "algorithms" 0.4 and 8.6.
 */
#ifndef WIRE_RECORD_EXPIRY_H
#define WIRE_RECORD_EXPIRY_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

enum { RECORD_EXPIRY = 'E' };

struct expiry_name {
    partition_id partition;
    uint64_t expire_at_ms;
    keyspace_id keyspace;
    struct slice key; /* at most RECORD_KEY_BYTES_MAX */
};

void record_expiry_name(const struct expiry_name *name, struct buffer *out);
/* The least name in `partition`. */
void record_expiry_bound(partition_id partition, struct buffer *out);
/* STATUS_NOT_FOUND: not of this kind. STATUS_CORRUPT: it should be, and is not well formed. */
MUST_USE enum status record_expiry_name_decode(struct slice name, struct expiry_name *out);
/* The value of each. */
void expiry_record_encode(struct buffer *out);
MUST_USE enum status expiry_record_decode(struct slice bytes);

#endif
