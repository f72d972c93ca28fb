/*
 * turn.h - what one turn of the loop gathers: the node's effects, and counters.
 *
 * Clients and links step the node through here and never carry out an effect
 * themselves: a step may ask for something on the very connection that is
 * being handled. The loop carries effects out when a turn's reading is over,
 * or earlier, between two connections, when they have become large.
 */
#ifndef NET_TURN_H
#define NET_TURN_H

#include <ev.h>
#include <stdint.h>

#include "base/log.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls.h"
#include "node/event.h"
#include "node/node.h"
#include "node/settings.h"

/* Effects of more bytes than this are carried out before the next connection is read. */
enum { TURN_EFFECT_BYTES_MAX = 4 << 20 };

struct turn {
    struct ev_loop *ev;
    struct node *node;     /* NULL until the loop is started */
    const struct tls *tls; /* what new connections go by; NULL: no TLS anywhere */
    struct settings settings;
    struct log_sink log;
    struct effects effects;
    uint64_t stepped_us; /* when the last step began */
    struct loop_statistics statistics;
    uint8_t scratch[STREAM_READ_BYTES]; /* what a client's read fills */
    void (*carry_out)(void *context);
    void *context;
};

struct instant turn_now(void);

/* Step the node by `event`, whose time is filled in here. */
void turn_step(struct turn *turn, struct event event);

/* Call after a read: carries the effects out when they have become large. */
void turn_relieve(struct turn *turn);

#endif
