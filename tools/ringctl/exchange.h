/*
 * exchange.h - questions to several nodes at once: requests out, replies in, until all have
 * answered or the time is up.
 *
 * One slow or dead node costs the others nothing: all of them are asked at the same
 * time, each by a client of libringdb that speaks with that node alone, in one poll() loop.
 * An exchange that fails holds a sentence that says why.
 */
#ifndef RINGCTL_EXCHANGE_H
#define RINGCTL_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/ring.h"
#include "wire/resp_reply.h"

enum { EXCHANGE_REASON_MAX = 160 };

/* All zero but `address` is a new one. Release with exchange_deinit(). */
struct exchange {
    struct ring_address address;
    keyspace_id keyspace;  /* in which the commands run */
    struct buffer request; /* commands, by exchange_ask(): their words, each with its length */
    size_t asked;          /* how many */
    struct resp_value **replies; /* owned; one for each command in their order, when OK */
    enum status status;          /* OK; UNAVAILABLE (no connection), TIMEOUT, CORRUPT */
    char reason[EXCHANGE_REASON_MAX];
};

/* As whom all exchanges of this process log in; copied. `user` NULL: the user `default`. */
void exchange_log_in_as(const char *user, const char *password);

/* Add the command of `count` words. */
void exchange_ask(struct exchange *exchange, const struct slice *words, size_t count);
/* The same for words that are texts; the last one is followed by NULL. */
void exchange_ask_texts(struct exchange *exchange, const char *const *words);

/* Run all of them side by side. Costs at most about `timeout_ms`, and name look-ups. */
void exchange_run(struct exchange *exchanges, size_t count, unsigned timeout_ms);

void exchange_deinit(struct exchange *exchange);

#endif
