/*
 * pubsub.h - messages of a channel to those connections of this node that listen to it.
 *
 * At most once: nothing is kept, nothing is sent again. A connection gets the messages of one
 * publisher's connection in their order.
 */
#ifndef COMMANDS_PUBSUB_H
#define COMMANDS_PUBSUB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "commands/environment.h"

struct call;

/*
 * To who listens to the channel, and, when it is not sharded, to who listens to a pattern that
 * fits, in this order. How many times it was given to somebody.
 */
uint32_t pubsub_deliver(struct environment *environment, bool sharded, struct slice channel,
                        struct slice message);

/* Whether the connection may run the call's command: with version 2, who listens has few. */
bool pubsub_allows(struct call *call);

#endif
