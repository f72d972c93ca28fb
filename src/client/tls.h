/*
 * tls.h - TLS under a connection of the client: whom to believe, and bytes through OpenSSL.
 *
 * A server must show a certificate that is signed by whom the options trust and that names the
 * host or number that was dialed, unless they say `tls_insecure`.
 *
 * OpenSSL's memory comes from the C library, whatever the options' `resize`.
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/memory.h"
#include "client/ringdb.h"

struct ringdb_tls; /* of a client */

enum { RINGDB_TLS_WHY_MAX = 96 };

enum ringdb_tls_step {
    RINGDB_TLS_DONE,
    RINGDB_TLS_WAIT,  /* for the socket */
    RINGDB_TLS_CLOSED /* the other side has ended, or `why` says what is wrong */
};

/* Reads the files that the options name. Otherwise `*out` is untouched and `message` says why. */
enum ringdb_error ringdb_tls_new(const struct ringdb_options *options,
                                 const struct ringdb_memory *memory, struct ringdb_tls **out,
                                 char *message);
/* No connection uses it any more. Accepts NULL. */
void ringdb_tls_free(struct ringdb_tls *tls, const struct ringdb_memory *memory);

/* For the connected or connecting socket `fd` to `host`; NULL: there is no memory. */
SSL *ringdb_tls_begin(const struct ringdb_tls *tls, int fd, const char *host);

enum ringdb_tls_step ringdb_tls_shake_hands(SSL *ssl, char why[RINGDB_TLS_WHY_MAX]);
/* `*sent` bytes can be opened by the other side: the system has all that is sealed of them. */
enum ringdb_tls_step ringdb_tls_send(SSL *ssl, const uint8_t *bytes, size_t length, size_t *sent,
                                     char why[RINGDB_TLS_WHY_MAX]);
/* At least one byte when DONE; call it again until it says WAIT. */
enum ringdb_tls_step ringdb_tls_receive(SSL *ssl, uint8_t *room, size_t length, size_t *got,
                                        char why[RINGDB_TLS_WHY_MAX]);

#endif
