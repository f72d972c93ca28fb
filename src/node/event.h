/*
 * event.h - what a node is told, and what it wants done.
 *
 * A node is two step functions that share nothing and talk by frames
 * (wire/frame.h): the loop side (node.h) holds connections, requests and
 * repair; the store side (store_side.h) holds the replicas. An adapter - src/net
 * with src/store, or the simulator - carries events in and effects out.
 */
#ifndef NODE_EVENT_H
#define NODE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

/* Time as the adapter sees it when it calls a step. */
struct instant {
    uint64_t mono_us; /* monotonic; may stall, never runs back */
    uint64_t wall_ms; /* ms since 1970; may jump */
};

enum event_kind {
    EVENT_START,           /* first event; nothing else comes before it */
    EVENT_TICK,            /* node_deadline_us() has come */
    EVENT_LINK_UP,         /* link; node = whom we dialed, 0 for an incoming one; proven */
    EVENT_LINK_FRAMES,     /* link; bytes = one or more whole frames */
    EVENT_LINK_DOWN,       /* link; no more events of it follow */
    EVENT_DIAL_FAILED,     /* node; the EFFECT_DIAL did not become a link */
    EVENT_CLIENT_OPEN,     /* connection; bytes = peer address as text; stranger */
    EVENT_CLIENT_BYTES,    /* connection; bytes */
    EVENT_CLIENT_CLOSED,   /* connection; no more events of it follow */
    EVENT_STORE_FRAMES,    /* bytes = one or more frames from the own store side */
    EVENT_STORE_CONDITION, /* status: how new client writes are refused now; OK: they are welcome */
    EVENT_PASSWORD_HASHED  /* bytes = one or more results (wire/password_job.h) */
};

struct event {
    enum event_kind kind;
    node_id node;
    link_id link;
    connection_id connection;
    node_id proven;     /* whom the other side has proved to be; 0: nobody had to prove it */
    bool stranger;      /* comes from elsewhere and has not shown who it is: a password must do */
    enum status status; /* STATUS_OK, STATUS_NO_SPACE, STATUS_OVERLOADED */
    struct slice bytes; /* borrowed for the step */
    struct instant now;
};

enum effect_kind {
    EFFECT_DIAL,         /* node: connect to its peer address; bytes = port (u16) and host */
    EFFECT_LINK_SEND,    /* link, bytes: append to its output */
    EFFECT_LINK_CLOSE,   /* link: close; EVENT_LINK_DOWN does not follow */
    EFFECT_CLIENT_SEND,  /* connection, bytes: append to its output */
    EFFECT_CLIENT_CLOSE, /* connection: send what is queued, then close; no EVENT_CLIENT_CLOSED
                            follows */
    EFFECT_CLIENT_PAUSE, /* connection: read nothing more until EFFECT_CLIENT_RESUME */
    EFFECT_CLIENT_RESUME,
    EFFECT_STORE_WRITE, /* bytes = one frame for store_side_write() */
    EFFECT_STORE_READ,  /* bytes = one frame for store_side_read(), which may run beside writes */
    EFFECT_STORE_QUARANTINE, /* bytes = why: answer nothing more from this store, and rebuild it
                                under a storage incarnation above its own and above `node` */
    EFFECT_LEAVE,            /* this node is no member any more: end it, for good */
    EFFECT_PASSWORD_HASH     /* bytes = one job (wire/password_job.h), which has one result */
};

struct effect {
    enum effect_kind kind;
    node_id node;
    link_id link;
    connection_id connection;
    size_t offset; /* of its bytes in effects.bytes; several may share them */
    size_t length;
};

/* Effects in their order, started after the step has returned. All zero is empty. */
struct effects {
    struct effect *items;
    size_t count;
    size_t capacity;
    struct buffer bytes;
};

void effects_deinit(struct effects *effects);
void effects_clear(struct effects *effects); /* keeps the memory */
struct slice effect_bytes(const struct effects *effects, const struct effect *effect);

/* Append an effect without bytes; fill in whom it concerns. */
struct effect *effects_add(struct effects *effects, enum effect_kind kind);
/* Append an effect whose bytes are `bytes`. */
struct effect *effects_add_bytes(struct effects *effects, enum effect_kind kind,
                                 struct slice bytes);

#endif
