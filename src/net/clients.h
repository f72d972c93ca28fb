/*
 * clients.h - the client connections of a loop, by connection_id.
 *
 * A connection is in one of these states:
 *
 *   greeting  TLS only: the handshake is under way (net/handshakes.h), and the node does not
 *             know of it; it does not count as a client
 *   open      read when it is not paused and has little unsent output
 *   doomed    its output went over the limit, or its socket failed: the node is
 *             told at the next flush, then it is gone
 *   closing   EFFECT_CLIENT_CLOSE: input is thrown away; what is queued is sent, our side
 *             is shut, and the other side's end is waited for, all within
 *             CLIENT_LINGER_MS. close() with unread input would reset the connection,
 *             and the last answer could be lost on its way.
 *
 * The end of a connection that is not being read is seen when it is read again or
 * written to. Effects that name an unknown connection are for one that has just
 * gone; they are ignored.
 */
#ifndef NET_CLIENTS_H
#define NET_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/ids.h"

struct turn; /* net/turn.h */
struct clients;

enum { CLIENT_LINGER_MS = 5000, CLIENT_KEEP_BYTES = 16 << 10 /* of an idle connection's output */ };

/* `turn` must outlive the result. */
struct clients *clients_new(struct turn *turn);
void clients_free(struct clients *clients);

/* Takes `fd`. Over clients_max it is answered with an error and closed. */
void clients_accept(struct clients *clients, int fd);
/* Takes `fd`, for a client that speaks TLS. */
void clients_accept_tls(struct clients *clients, int fd);
/* The rules of TLS have changed: end those whose certificate is not accepted any more. */
void clients_verify(struct clients *clients);

void clients_send(struct clients *clients, connection_id id, struct slice bytes);
void clients_close(struct clients *clients, connection_id id);
void clients_pause(struct clients *clients, connection_id id, bool paused);

/* Write once what each connection has; step the node for those that are gone. */
void clients_flush(struct clients *clients);

/* Read no connection any longer. */
void clients_drain(struct clients *clients);
/* Whether nothing is left to be sent. */
bool clients_all_sent(const struct clients *clients);

#endif
