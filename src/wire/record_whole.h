/*
 * record_whole.h - how far a partition has come that is brought whole (replica/replica_whole.h).
 *
 *     'M' partition(2) 'w'     struct whole_record; none stands while none is under way
 */
#ifndef WIRE_RECORD_WHOLE_H
#define WIRE_RECORD_WHOLE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/clock.h"

void record_whole_name(partition_id partition, struct buffer *out);

struct whole_record {
    node_id source;              /* 0: none is under way */
    uint16_t source_incarnation; /* of its storage */
    struct buffer next;          /* the place (message_partition.h): all before it has come */
    struct clock clock;          /* of the source when it began; joined when all has come */
};

void whole_record_deinit(struct whole_record *record);
void whole_record_encode(const struct whole_record *record, struct buffer *out);
/* `out` is to be released with whole_record_deinit(), also after a failure. */
MUST_USE enum status whole_record_decode(struct slice bytes, struct whole_record *out);

#endif
