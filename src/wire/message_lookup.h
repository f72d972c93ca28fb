/*
 * message_lookup.h - is this request known, and what holds of the keys that it would change?
 *
 * A lookup is a read in the store thread: beside the cells it tells what the replica knows
 * of a request id, and for each key whether its clock covers the cell's context. Only then
 * is "not known" evidence (src/replica/replica_requests.h, Q1).
 */
#ifndef WIRE_MESSAGE_LOOKUP_H
#define WIRE_MESSAGE_LOOKUP_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "causal/version_vector.h"
#include "wire/message.h"
#include "wire/record_request.h"

struct message_lookup {
    struct replica_address address;
    struct request_identity identity;
    keyspace_id keyspace;
    uint32_t value_bytes_max; /* as in struct message_read, like those that follow */
    uint16_t key_count;
    struct slice keys;
};

void message_lookup_encode(const struct message_lookup *lookup, struct buffer *out);
MUST_USE enum status message_lookup_decode(struct slice body, struct message_lookup *out);

enum request_state {
    REQUEST_NOT_KNOWN = 0,
    REQUEST_KNOWN_IN_PART, /* some of its effect, or its answer, is not here */
    REQUEST_KNOWN,         /* the record, and all of its effect */
    REQUEST_STATE_COUNT
};

struct message_lookup_result {
    uint8_t state;        /* enum request_state */
    struct slice record;  /* encoded; empty when not known */
    struct slice covered; /* a byte for each key: 1 when the clock covers its context */
    struct slice read;    /* an encoded struct message_read_result, with the status */
};

void message_lookup_result_encode(const struct message_lookup_result *result, struct buffer *out);
MUST_USE enum status message_lookup_result_decode(struct slice body,
                                                  struct message_lookup_result *out);

/* What the lookup has found, for the replica that mints (struct message_mint). */
struct mint_lookup {
    struct slice record;   /* known to one of those asked: mint nothing, take this over */
    uint16_t vector_count; /* without a record: one for each entry */
    struct slice vectors;  /* what lies below was absorbed by one of those asked */
};

void mint_lookup_encode(const struct mint_lookup *lookup, struct buffer *out);
MUST_USE enum status mint_lookup_decode(struct slice bytes, struct mint_lookup *out);

#endif
