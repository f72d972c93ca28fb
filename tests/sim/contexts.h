/*
 * contexts.h - the contexts that a simulated client has been given, and what it does with them.
 *
 * A good client writes with the newest one, a lazy one with an older one, a
 * malicious one with bytes that it changed or with the context of another key.
 */
#ifndef SIM_CONTEXTS_H
#define SIM_CONTEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/random.h"
#include "coordinator/context_token.h"

enum { CONTEXT_KEYS_MAX = 8, CONTEXT_AGES = 3 };

enum context_use {
    CONTEXT_NONE, /* a blind write */
    CONTEXT_FRESH,
    CONTEXT_STALE,
    CONTEXT_FORGED,
    CONTEXT_FOREIGN
};

/* All zero holds none. By the number of the key in its keyspace; the newest first. */
struct contexts {
    struct buffer held[CONTEXT_KEYS_MAX][CONTEXT_AGES];
};

void contexts_deinit(struct contexts *contexts);
void contexts_keep(struct contexts *contexts, uint32_t key, struct slice token);
/* A context for a write of `key` as `use` says; false: the client holds none that fits. */
bool contexts_take(const struct contexts *contexts, uint32_t key, enum context_use use,
                   struct random *random, struct buffer *out);

/* The nodes' context_mac: a keyed hash that nobody here tries to break. */
void contexts_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES]);

#endif
