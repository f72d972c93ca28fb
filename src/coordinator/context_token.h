/*
 * context_token.h - what a client has read of one key, as a text that it gives back with a write.
 *
 *     u8      version, 1
 *     u16     keyspace
 *     u32     hash of the key: only tells a foreign token from a damaged one
 *     u64     time: the highest hybrid time that was read
 *     vector  the events that were read, at most CONTEXT_ENTRIES_MAX actors
 *     8 B     MAC over the bytes before, and the key itself
 *
 * written in base64url. A write with a token replaces what the token covers, and
 * that may not be more than its reader saw: a forged vector with a huge sequence
 * would delete later writes in silence. So a token is believed only with its MAC,
 * and only for its own key.
 *
 * The MAC is HMAC-SHA-256, cut to 8 bytes; whoever runs the node brings it, for the
 * core has no cryptography. Its key is the ring's secret, which no answer gives away: the seed
 * of positions is no secret to whoever can compare keys with the positions that are shown.
 * Source: reference "algorithms" 3.5; RFC 2104 and its section 5 on truncation.
 */
#ifndef COORDINATOR_CONTEXT_TOKEN_H
#define COORDINATOR_CONTEXT_TOKEN_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/hybrid_time.h"
#include "causal/version_vector.h"
#include "ring/ring.h"

enum {
    CONTEXT_ENTRIES_MAX = 64,
    CONTEXT_MAC_BYTES = 32,    /* of the function */
    CONTEXT_MAC_KEPT_BYTES = 8 /* of a token */
};

/* A keyed hash that cannot be guessed without the key. */
typedef void context_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES]);

/* What binds a token: tokens of another cluster, keyspace or key are refused. */
struct context_place {
    const struct ring *ring;
    context_mac *mac;
    keyspace_id keyspace;
    struct slice key;
};

/* Append the token's text. `vector` has at most CONTEXT_ENTRIES_MAX entries. */
void context_token_encode(const struct context_place *place, const struct version_vector *vector,
                          hybrid_time time, struct buffer *out);

/*
 * `vector` is overwritten; release it with version_vector_deinit(). STATUS_INVALID: the
 * token is refused, `why` says what it is in words that follow "the context", and the
 * vector is empty. Costs no more memory than in proportion to the text.
 */
MUST_USE enum status context_token_decode(const struct context_place *place, struct slice text,
                                          struct version_vector *vector, hybrid_time *time,
                                          const char **why);

/*
 * Cut `vector` to CONTEXT_ENTRIES_MAX entries: those of `shown` first, in their order, then
 * others. What a token does not cover is not replaced, so cutting loses nothing; events
 * without a live version have been superseded and go with what superseded them.
 */
void context_cut(struct version_vector *vector, const struct dot *shown, size_t shown_count);

#endif
