/*
 * address.h - "HOST:PORT" as text, as ring_address and as socket address.
 *
 * The forms are `127.0.0.1:6379`, `[::1]:6379` and `name:6379`. A name is looked
 * up by address_resolve() only, which may block: call it before the loop runs.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/status.h"
#include "ring/ring.h"

/* "[" IPv6 with zone "]:" port and the NUL, or the longest name, whatever is more. */
enum { ADDRESS_TEXT_MAX = RING_HOST_MAX + 9 };

struct socket_address {
    socklen_t length;
    struct sockaddr_storage storage;
};

/* STATUS_INVALID: not HOST:PORT with a port in 1..65535; `out` is untouched. */
MUST_USE enum status address_parse(const char *text, struct ring_address *out);

/* The form that address_parse() reads. Returns `out`. */
const char *address_format(const struct ring_address *address, char out[ADDRESS_TEXT_MAX]);

/*
 * Look the host up; the first TCP address is taken. Port 0 is passed through.
 * STATUS_NOT_FOUND: the name has no address now.
 */
MUST_USE enum status address_resolve(const struct ring_address *address,
                                     struct socket_address *out);

/* Whether `address` is a number, so that address_resolve() asks nobody. */
bool address_is_numeric(const struct ring_address *address);

/* 127.0.0.0/8, ::1, and 127.0.0.0/8 written as an IPv6 address. */
bool address_is_loopback(const struct socket_address *address);

/* The numbers of a socket address in the form above; "?" for other families. */
const char *address_describe(const struct sockaddr *address, char out[ADDRESS_TEXT_MAX]);

#endif
