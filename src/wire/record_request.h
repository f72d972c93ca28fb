/*
 * record_request.h - what is remembered of a request with an id, so that sent again it acts once.
 *
 * A version carries the stamp of its request for as long as it lives (causal/cell.h). A
 * replica keeps a record of the request until the window has passed:
 *
 *     'Q' 'r' partition(2) part(4) id            -> struct request_record
 *     'Q' 'e' expiry(8) partition(2) part(4) id  -> nothing: what to forget next
 *     'Q' 'd' partition(2) dot                   -> part(4) id: whose event that was
 *
 * Source: reference "algorithms" 4.6; tests/models/request_ids.py.
 */
#ifndef WIRE_RECORD_REQUEST_H
#define WIRE_RECORD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/counter.h" /* REQUEST_ID_BYTES_MAX */
#include "causal/dot.h"
#include "causal/request_time.h" /* REQUEST_WINDOW_MS */

enum { REQUEST_STAMP_BYTES_MAX = 96 };

/* Which key request of which command. All zero: none. */
struct request_identity {
    struct slice id; /* as the client gave it, 1..REQUEST_ID_BYTES_MAX bytes */
    uint32_t part;   /* of the command's key requests, counted from 0 */
    uint64_t digest; /* of the command's words: another command is not the same request */
};

struct request_stamp {
    struct request_identity identity;
    uint16_t entry_count; /* of the key request */
    uint64_t expire_at_ms;
};

void request_stamp_encode(const struct request_stamp *stamp, struct buffer *out);
void request_stamp_decode(struct reader *reader, struct request_stamp *out);

struct request_record {
    struct request_stamp stamp;
    uint16_t dot_count;  /* at most entry_count; entries that wrote nothing have none */
    struct slice dots;   /* dot_count times: varint entry, dot */
    struct slice result; /* an encoded struct key_result; empty: not known here */
    int64_t length;      /* without result: of the value that the only dot made; -1: a tombstone */
};

void request_record_encode(const struct request_record *record, struct buffer *out);
MUST_USE enum status request_record_decode(struct slice bytes, struct request_record *out);
void request_dot_encode(uint16_t entry, const struct dot *dot, struct buffer *out);
void request_dot_decode(struct reader *reader, uint16_t *entry, struct dot *out);

/* Names; each appends to `out`. */
void record_request_name(partition_id partition, const struct request_identity *identity,
                         struct buffer *out);
void record_request_expiry_name(uint64_t expire_at_ms, partition_id partition,
                                const struct request_identity *identity, struct buffer *out);
/* What the record names of a partition begin with. */
void record_request_bound(partition_id partition, struct buffer *out);
/* The least expiry name of `expire_at_ms` or later. */
void record_request_expiry_bound(uint64_t expire_at_ms, struct buffer *out);
/* What the names of a partition's dots begin with. */
void record_request_dot_bound(partition_id partition, struct buffer *out);
void record_request_dot_name(partition_id partition, const struct dot *dot, struct buffer *out);
/* STATUS_NOT_FOUND: the name is not of an expiry. `identity` gets id and part. */
MUST_USE enum status record_request_expiry_decode(struct slice name, uint64_t *expire_at_ms,
                                                  partition_id *partition,
                                                  struct request_identity *identity);
/* The value of a dot's record. */
void request_owner_encode(const struct request_identity *identity, struct buffer *out);
MUST_USE enum status request_owner_decode(struct slice bytes, struct request_identity *out);

#endif
