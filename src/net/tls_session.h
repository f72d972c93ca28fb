/*
 * tls_session.h - TLS on one connection, between bytes in memory and bytes in memory.
 *
 *     socket -> sealed bytes -> tls_session_open() -> plain bytes -> node
 *     node -> plain bytes -> tls_session_seal() -> session->sealed -> socket
 *
 * OpenSSL never sees the socket, so the rule of net/stream.h holds with TLS as without: one read
 * and one write call a turn, however many records they carry. (With the socket in its hands it
 * takes two reads a record and a write for every 16 KiB.) Its reads are served from the very
 * bytes that recv() has filled and its writes go straight to what send() is given, so this costs
 * no copy that OpenSSL would not make by itself.
 *
 * Who is at the other end is known once `established`; before, no plain byte passes.
 */
#ifndef NET_TLS_SESSION_H
#define NET_TLS_SESSION_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "net/tls.h"

enum tls_role { TLS_ACCEPT_CLIENT, TLS_ACCEPT_PEER, TLS_DIAL_PEER };

enum {
    /* What OpenSSL may hold back of sealed bytes that it was given: less than one record. */
    TLS_HELD_BYTES_MAX = (16 << 10) + 512,
    TLS_FAILURE_MAX = 200
};

struct tls_session {
    SSL *ssl;
    enum tls_role role;
    struct tls_identity self;
    struct slice input;   /* within tls_session_open(): sealed bytes not read yet */
    struct buffer sealed; /* for the other side; its owner sends and consumes it */
    bool established;
    bool ended;                    /* the other side has said that it sends no more */
    node_id node;                  /* of a peer, once established */
    char failure[TLS_FAILURE_MAX]; /* why it failed and what to do; "" while it has not */
};

/* NULL: OpenSSL has no memory. What `tls` offers must include `role`. A dialer's first bytes
 * are in `sealed` at once. */
struct tls_session *tls_session_new(const struct tls *tls, enum tls_role role);
void tls_session_free(struct tls_session *session);

/*
 * Take `sealed` bytes from the other side; plain ones go to `into`, which has room for as many
 * and TLS_HELD_BYTES_MAX. The handshake goes on by itself.
 * STATUS_NOT_FOUND: no plain byte came of it. STATUS_IO: the other side has ended, or `failure`
 * says what is wrong; an alert may stand in `sealed` for it.
 */
MUST_USE enum status tls_session_open(struct tls_session *session, struct slice sealed,
                                      uint8_t *into, size_t room, size_t *got);

/* Append `plain`, sealed, to `sealed`. It must be established. STATUS_IO: `failure` says why. */
MUST_USE enum status tls_session_seal(struct tls_session *session, struct slice plain);

/* Say that nothing more will be sent. */
void tls_session_end(struct tls_session *session);

/* Whether it began with the very rules of `tls`. */
bool tls_session_is_current(const struct tls_session *session, const struct tls *tls);

/*
 * Would the other side's certificate be accepted by the rules of `tls` and at this time?
 * True when it has shown none. Else `failure` says why not.
 */
bool tls_session_verify(struct tls_session *session, const struct tls *tls);

#endif
