#include "sim/contexts.h"

#include <assert.h>

#include "base/hash.h"

void contexts_deinit(struct contexts *contexts)
{
    for (uint32_t key = 0; key < CONTEXT_KEYS_MAX; key++)
        for (uint32_t age = 0; age < CONTEXT_AGES; age++)
            buffer_deinit(&contexts->held[key][age]);
}

void contexts_keep(struct contexts *contexts, uint32_t key, struct slice token)
{
    assert(key < CONTEXT_KEYS_MAX);
    struct buffer *held = contexts->held[key];
    struct buffer oldest = held[CONTEXT_AGES - 1];
    for (uint32_t age = CONTEXT_AGES - 1; age > 0; age--)
        held[age] = held[age - 1];
    held[0] = oldest;
    buffer_clear(&held[0]);
    buffer_append_slice(&held[0], token);
}

/* Another character of the alphabet in the place of one. */
static void damage(struct buffer *token, struct random *random)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t *at = &token->data[random_below(random, token->length)];
    uint8_t before = *at;
    while (*at == before)
        *at = (uint8_t)digits[random_below(random, sizeof digits - 1)];
}

bool contexts_take(const struct contexts *contexts, uint32_t key, enum context_use use,
                   struct random *random, struct buffer *out)
{
    uint32_t age = use == CONTEXT_STALE ? 1 + (uint32_t)random_below(random, CONTEXT_AGES - 1) : 0;
    if (use == CONTEXT_FOREIGN)
        key = (key + 1) % CONTEXT_KEYS_MAX;
    const struct buffer *held = &contexts->held[key][age];
    if (held->length == 0)
        return false;
    buffer_append_slice(out, buffer_slice(held));
    if (use == CONTEXT_FORGED)
        damage(out, random);
    return true;
}

void contexts_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES])
{
    uint64_t hash = hash64(key, 0);
    for (unsigned i = 0; i < CONTEXT_MAC_BYTES; i++) {
        hash = hash64(message, hash);
        out[i] = (uint8_t)hash;
    }
}
