/*
 * subscriptions.h - which connections of this node listen to what.
 *
 * A topic is a channel, a pattern of channels or a sharded channel; the three do not know of each
 * other. Both ways are lists in the order of subscribing: the topics of a connection, and the
 * connections of a topic. A topic is there as long as somebody listens.
 *
 * Bounded by SUBSCRIPTION_BYTES_MAX for each connection.
 */
#ifndef COMMANDS_SUBSCRIPTIONS_H
#define COMMANDS_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct session;

enum topic_kind { TOPIC_CHANNEL, TOPIC_PATTERN, TOPIC_SHARD, TOPIC_KINDS };

enum {
    SUBSCRIPTION_BYTES_MAX = 16 << 20, /* of the names that one connection listens to, */
    SUBSCRIPTION_COST_BYTES = 128      /* and each counts so much beside its bytes */
};

struct topic;
struct subscription;
struct subscriptions;

/* What a session keeps of its own. All zero listens to nothing. */
struct listener {
    struct subscription *first, *last;
    uint32_t counts[TOPIC_KINDS];
    uint64_t bytes;
};

struct subscriptions *subscriptions_new(void);
/* Nobody may listen any more. Accepts NULL. */
void subscriptions_free(struct subscriptions *all);

/* STATUS_OVERLOADED: SUBSCRIPTION_BYTES_MAX; who listens already goes on, which is STATUS_OK too.
 */
MUST_USE enum status subscriptions_add(struct subscriptions *all, struct session *session,
                                       enum topic_kind kind, struct slice name);
/* Whoever does not listen to it: nothing is done. */
void subscriptions_remove(struct subscriptions *all, struct session *session, enum topic_kind kind,
                          struct slice name);
void subscriptions_remove_all(struct subscriptions *all, struct session *session);

/* The first topic of the kind that a session listens to; its name lives until that is removed. */
bool subscriptions_first(const struct session *session, enum topic_kind kind, struct slice *name);

/* NULL: nobody listens. */
const struct topic *subscriptions_find(const struct subscriptions *all, enum topic_kind kind,
                                       struct slice name);
/* All of a kind, the oldest first: NULL begins, and NULL is the end. */
const struct topic *subscriptions_next(const struct subscriptions *all, enum topic_kind kind,
                                       const struct topic *before);
uint32_t subscriptions_count(const struct subscriptions *all, enum topic_kind kind);

struct slice topic_name(const struct topic *topic);
uint32_t topic_listener_count(const struct topic *topic);
/* Calls `give` for each session that listens. It must not subscribe anybody, or end that. */
void topic_each(const struct topic *topic, void (*give)(struct session *session, void *context),
                void *context);

#endif
