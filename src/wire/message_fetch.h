/*
 * message_fetch.h - the values that a read's answers named and did not bring.
 *
 * The answer is a struct message_read_result, one cell for each key. A cell whose wanted
 * versions are all still there has their values and omits the others; when one of
 * them is gone, the owner has something newer, and the whole cell comes with all values. So
 * a fetch always brings its asker further.
 */
#ifndef WIRE_MESSAGE_FETCH_H
#define WIRE_MESSAGE_FETCH_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "causal/dot.h"
#include "wire/message.h"

struct message_fetch {
    struct replica_address address;
    keyspace_id keyspace;
    uint16_t key_count;
    struct slice keys; /* key_count times as below */
};

/* One key, with the versions whose values are wanted: none leaves its cell empty. */
struct fetch_key {
    struct slice key;
    uint16_t dot_count; /* at most CELL_SIBLINGS_MAX */
    struct slice dots;  /* dot_count encoded dots */
};

void fetch_key_encode(const struct fetch_key *key, struct buffer *out);
void fetch_key_decode(struct reader *reader, struct fetch_key *out);

void message_fetch_encode(const struct message_fetch *fetch, struct buffer *out);
MUST_USE enum status message_fetch_decode(struct slice body, struct message_fetch *out);

#endif
