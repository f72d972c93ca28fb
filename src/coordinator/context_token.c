#include "coordinator/context_token.h"

#include <assert.h>
#include <string.h>

#include "base/base64url.h"
#include "base/hash.h"

enum {
    TOKEN_VERSION = 1,
    HEADER_BYTES = 1 + 2 + 4 + 8,
    DOT_BYTES_MAX = 5 + 3 + 3 + 5 + 5 + 10, /* its varints at their longest */
    TOKEN_BYTES_MAX =
        HEADER_BYTES + 1 + CONTEXT_ENTRIES_MAX * DOT_BYTES_MAX + CONTEXT_MAC_KEPT_BYTES,
    TEXT_BYTES_MAX = (TOKEN_BYTES_MAX + 2) / 3 * 4
};

static uint32_t key_hash(const struct context_place *place)
{
    return (uint32_t)hash64(place->key, place->keyspace);
}

/* The label keeps these MACs apart from any other use of the same key. */
static void compute_mac(const struct context_place *place, struct slice token,
                        uint8_t out[CONTEXT_MAC_BYTES])
{
    struct slice key = slice_make(place->ring->secret, sizeof place->ring->secret);
    struct buffer message = {0};
    buffer_append_slice(&message, slice_text("ringdb context"));
    buffer_put_bytes(&message, token);
    buffer_put_bytes(&message, place->key);
    place->mac(key, buffer_slice(&message), out);
    buffer_deinit(&message);
}

/* In a time that says nothing of where they differ. */
static bool same_mac(const uint8_t *a, const uint8_t *b)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < CONTEXT_MAC_KEPT_BYTES; i++)
        difference = (uint8_t)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

void context_token_encode(const struct context_place *place, const struct version_vector *vector,
                          hybrid_time time, struct buffer *out)
{
    struct buffer token = {0};
    uint8_t mac[CONTEXT_MAC_BYTES];
    assert(vector->count <= CONTEXT_ENTRIES_MAX);
    buffer_put_u8(&token, TOKEN_VERSION);
    buffer_put_u16(&token, place->keyspace);
    buffer_put_u32(&token, key_hash(place));
    buffer_put_u64(&token, time);
    version_vector_encode(vector, &token);
    compute_mac(place, buffer_slice(&token), mac);
    buffer_append(&token, mac, CONTEXT_MAC_KEPT_BYTES);
    base64url_encode(buffer_slice(&token), out);
    buffer_deinit(&token);
}

/* NULL: the token is good. */
static const char *judge(const struct context_place *place, struct slice token,
                         struct version_vector *vector, hybrid_time *time)
{
    uint8_t mac[CONTEXT_MAC_BYTES];
    if (token.length < HEADER_BYTES + CONTEXT_MAC_KEPT_BYTES)
        return "is cut short";
    struct slice body = slice_make(token.data, token.length - CONTEXT_MAC_KEPT_BYTES);
    struct reader reader = reader_make(body);
    if (reader_u8(&reader) != TOKEN_VERSION)
        return "has an unknown version";
    if (reader_u16(&reader) != place->keyspace || reader_u32(&reader) != key_hash(place))
        return "is of another key or keyspace";
    compute_mac(place, body, mac);
    if (!same_mac(mac, token.data + body.length))
        return "is damaged or forged";
    *time = reader_u64(&reader);
    version_vector_decode(&reader, vector);
    if (reader_end(&reader) != STATUS_OK)
        return "does not decode";
    return vector->count > CONTEXT_ENTRIES_MAX ? "has too many entries" : NULL;
}

enum status context_token_decode(const struct context_place *place, struct slice text,
                                 struct version_vector *vector, hybrid_time *time, const char **why)
{
    struct buffer token = {0};
    *vector = (struct version_vector){0};
    *time = 0;
    *why = "is no text that RING.GET gives";
    if (text.length <= TEXT_BYTES_MAX && base64url_decode(text, &token) == STATUS_OK)
        *why = judge(place, buffer_slice(&token), vector, time);
    buffer_deinit(&token);
    if (*why == NULL)
        return STATUS_OK;
    version_vector_deinit(vector);
    *time = 0;
    return STATUS_INVALID;
}

static void take(const struct version_vector *from, const struct actor *actor,
                 struct version_vector *to)
{
    struct dot dot = {.actor = *actor, .sequence = version_vector_get(from, actor)};
    if (dot.sequence > 0 && to->count < CONTEXT_ENTRIES_MAX)
        version_vector_raise(to, &dot);
}

void context_cut(struct version_vector *vector, const struct dot *shown, size_t shown_count)
{
    struct version_vector kept = {0};
    if (vector->count <= CONTEXT_ENTRIES_MAX)
        return;
    for (size_t i = 0; i < shown_count; i++)
        take(vector, &shown[i].actor, &kept);
    for (uint32_t i = 0; i < vector->count; i++)
        take(vector, &vector->entries[i].actor, &kept);
    version_vector_deinit(vector);
    *vector = kept;
}
