/*
 * listener.h - a listening socket that survives running out of descriptors.
 *
 * Without a free descriptor accept() fails and the connection stays queued, so
 * a level-triggered loop would spin. One descriptor is held in reserve: it is
 * given up to take the connection and close it, so the other side learns at
 * once, and the listener then rests for LISTENER_REST_MS.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <ev.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/status.h"
#include "net/address.h"

enum { LISTENER_REST_MS = 100, LISTENER_BATCH = 64 /* connections per turn */ };

struct listener_params {
    struct ev_loop *ev;
    struct socket_address address; /* port 0: the system chooses; see listener_port() */
    struct log_sink log;
    /* Takes `fd`, which does not block and is closed on exec. */
    void (*on_accept)(void *context, int fd, const struct sockaddr *peer);
    void *context;
};

struct listener;

/*
 * Bind, but do not listen yet: until listener_start() a connection is refused.
 * STATUS_IO: the address is taken or not of this machine; one line was logged.
 */
MUST_USE enum status listener_new(const struct listener_params *params, struct listener **out);
void listener_free(struct listener *listener);

/* STATUS_IO: another process listens there; one line was logged. */
MUST_USE enum status listener_start(struct listener *listener);
/* Close the socket: new connections are refused from now on. */
void listener_stop(struct listener *listener);

uint16_t listener_port(const struct listener *listener);
/* Times that accept() failed for want of descriptors or memory. */
uint64_t listener_failure_count(const struct listener *listener);

#endif
