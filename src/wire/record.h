/*
 * record.h - the layout of the store: names of records, and the log and checkpoint records.
 *
 *     'D' position(8) keyspace(2) length(2) key      the cell of a key (causal/cell.h)
 *     'D' position(8) keyspace(2) ...                an element of one (ring/element_key.h)
 *     'L' partition(2) log position(8)               one event of the partition's log
 *     'M' partition(2) 'c'                           checkpoint of the replica's state
 *     'M' partition(2) 'd'                           a copy that is being dropped
 *     'M' partition(2) 'w'                           a partition that comes whole (record_whole.h)
 *     'Z' position(8) ...                            score index (record_order.h)
 *     'Q' ...                                        requests with ids (wire/record_request.h)
 *     'C' ...                                        the register (message_register.h)
 *     'H' ...                                        hints (record_hint.h)
 *     'E' partition(2) ...                           expiry index (record_expiry.h)
 *     'G' partition(2) log position(8)               a cell in which this event left garbage
 *     'R' partition(2) ...                           sum-tree of the replica (wire/record_tree.h)
 *     'T'                                            ceiling of the times that the store issues
 *     'I'                                            identity of the store (src/store/identity.h)
 *     'W' ...                                        lineage, and more of message_lineage.h
 *
 * Numbers are big-endian, so records sort by ring position: a partition is one
 * contiguous range, and a scan or a transfer resumes at a position. Elements have the
 * top bit of the keyspace set, so they stand behind all keys of their position.
 * The store adapter adds a checksum to every record.
 * Source: reference "algorithms" 0.4.
 */
#ifndef WIRE_RECORD_H
#define WIRE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/cell.h"
#include "causal/clock.h"
#include "causal/hybrid_time.h"

enum {
    RECORD_CELL = 'D',
    RECORD_LOG = 'L',
    RECORD_META = 'M',
    RECORD_REQUEST = 'Q', /* wire/record_request.h */
    RECORD_REGISTER = 'C',
    RECORD_GARBAGE = 'G',
    RECORD_TREE = 'R',
    RECORD_CEILING = 'T',
    RECORD_IDENTITY = 'I'
};
enum { RECORD_VERSION = 1, RECORD_KEY_BYTES_MAX = UINT16_MAX };

/* Names; each appends to `out`. */
void record_cell_name(uint64_t position, keyspace_id keyspace, struct slice key,
                      struct buffer *out);
/* The least name of a cell at `position` or later. */
void record_cell_bound(uint64_t position, struct buffer *out);
void record_log_name(partition_id partition, uint64_t log_position, struct buffer *out);
void record_checkpoint_name(partition_id partition, struct buffer *out);
void record_dropping_name(partition_id partition, struct buffer *out);
/* The least name of what stands in 'M' of `partition` or a later one. */
void record_meta_bound(partition_id partition, struct buffer *out);
void record_garbage_name(partition_id partition, uint64_t log_position, struct buffer *out);
void record_ceiling_name(struct buffer *out);

struct cell_name {
    uint64_t position;
    keyspace_id keyspace;
    struct slice key;
};

/*
 * STATUS_NOT_FOUND: the name is not of a cell. STATUS_CORRUPT: it should be, and is not well
 * formed.
 */
MUST_USE enum status record_cell_name_decode(struct slice name, struct cell_name *out);
/* STATUS_NOT_FOUND: not a name of an 'M'. */
MUST_USE enum status record_meta_decode(struct slice name, partition_id *partition);
MUST_USE enum status record_log_name_decode(struct slice name, partition_id *partition,
                                            uint64_t *log_position);
MUST_USE enum status record_garbage_name_decode(struct slice name, partition_id *partition,
                                                uint64_t *log_position);

/* The value of a cell record: a version byte and the encoded cell. */
void record_cell_encode(const struct cell *cell, struct buffer *out);
/* The same of a cell that is encoded already, with its values. */
void record_cell_wrap(struct slice encoded, struct buffer *out);
/* The encoded cell inside the record, borrowed. */
MUST_USE enum status record_cell_open(struct slice record, struct slice *cell);

/* No time above `ceiling` has left the store side. */
void ceiling_record_encode(hybrid_time ceiling, struct buffer *out);
MUST_USE enum status ceiling_record_decode(struct slice bytes, hybrid_time *out);

/*
 * One event of a partition's log, in the same batch as the cell that it
 * changed. The deltas rebuild count and digest after the last checkpoint.
 */
struct log_record {
    uint64_t written_ms; /* wall clock of the writer of this log */
    keyspace_id keyspace;
    struct slice key;      /* which cell holds the dots' effect */
    int8_t count_delta;    /* of cells with a live value: -1, 0, 1 */
    int8_t garbage_delta;  /* of cells with garbage: -1, 0, 1 */
    bool left_garbage;     /* there is a garbage record of this position */
    uint64_t digest_delta; /* of the content digest, modulo 2^64 */
    struct clock dots;     /* that this event added to the clock; may be empty */
};

void log_record_encode(const struct log_record *record, struct buffer *out);
/* `out->dots` is to be released with clock_deinit(), also after a failure. */
MUST_USE enum status log_record_decode(struct slice bytes, struct log_record *out);

/*
 * A cell that has a tombstone, or nothing but a context, since the event of this log position.
 * It may go when everything in the context is stable (replica/stability.h). When the cell's
 * context is another one by now, a later event has its own record.
 */
struct garbage_record {
    keyspace_id keyspace;
    struct slice key;
    struct version_vector context;
};

void garbage_record_encode(const struct garbage_record *record, struct buffer *out);
/* `out->context` is to be released with version_vector_deinit(), also after a failure. */
MUST_USE enum status garbage_record_decode(struct slice bytes, struct garbage_record *out);

struct checkpoint_count {
    keyspace_id keyspace;
    uint64_t count;
};

/* Each keyspace, its elements apart, and all that were dropped together. */
enum { CHECKPOINT_KEYSPACES_MAX = 129, CHECKPOINT_PEERS_MAX = 24 };

/* The state of a replica up to a log position. */
struct checkpoint_record {
    uint8_t state; /* enum replica_state */
    struct ring_tag tag;
    uint32_t adopt_epoch;
    uint64_t log_position; /* the newest log record that is included; 0: none */
    uint64_t digest;
    uint16_t count_count;
    struct checkpoint_count counts[CHECKPOINT_KEYSPACES_MAX];
    uint8_t rebuilt_from_count; /* while rebuilding: owners whose state was absorbed whole */
    node_id rebuilt_from[CHECKPOINT_PEERS_MAX];
    uint64_t garbage_count; /* cells with garbage */
    uint64_t garbage_first; /* no garbage record stands below this log position */
    uint64_t garbage_last;  /* nor above this one */
    uint64_t log_first;     /* the oldest log record that is left, log_position + 1 when none is */
    uint64_t log_bytes;     /* of the names and values of those that are left */
    struct clock trimmed;   /* dots of the clock that have no log record any more */
    struct clock clock;
};

void checkpoint_record_encode(const struct checkpoint_record *record, struct buffer *out);
/* Both clocks are to be released with clock_deinit(), also after a failure. */
MUST_USE enum status checkpoint_record_decode(struct slice bytes, struct checkpoint_record *out);

#endif
