/*
 * resp_reader.h - a client's bytes become requests: a command name and its arguments.
 *
 * Two forms are read, as in Redis: a multibulk request
 *
 *     *2\r\n$3\r\nGET\r\n$3\r\nkey\r\n
 *
 * and an inline command, a line of words ended by \n or \r\n, where "..." may
 * hold \n \r \t \b \a \xHH and any other escaped byte, and '...' may hold \'.
 * Empty lines and multibulk requests of no or fewer arguments are skipped.
 *
 * The caller keeps the bytes, the reader keeps where it stands in them: a
 * request that arrives in any number of pieces is looked at once. Nothing is
 * allocated for what a header announces, only for arguments that have arrived:
 * at most 40 bytes for each (the shortest has 6 on the wire), and nothing at
 * all for a multibulk request of up to 16 arguments.
 *
 *     size_t offset = 0;
 *     while ((progress = resp_reader_next(reader, buffer_slice(&in), &offset, &request)) ==
 *            RESP_READER_REQUEST)
 *         handle(&request);
 *     if (progress == RESP_READER_MORE)
 *         buffer_consume(&in, offset); // receive more after what is left, call again
 *     else
 *         ... send resp_reader_error(), then close
 *
 * Stricter than Redis, so that two programs cannot disagree on where a request
 * ends: a bulk must be followed by \r\n, and \r in a header by \n. A header that
 * starts with anything but `$` is refused at its first byte.
 * Source: the Redis serialization protocol specification, redis.io/docs/reference/protocol-spec.
 */
#ifndef WIRE_RESP_READER_H
#define WIRE_RESP_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct resp_reader; /* opaque; one per client connection */

/* What one request may cost; what lies above a limit is a protocol error. */
struct resp_limits {
    uint32_t arguments_max;     /* arguments of a request with its name, 1.. */
    uint32_t bulk_bytes_max;    /* one argument */
    uint32_t inline_bytes_max;  /* an inline command, or a header line; 64 .. request_bytes_max */
    uint32_t request_bytes_max; /* a request as it came, headers and all */
    bool authenticated;         /* false: errors say that it was too much for before a login */
};

/* For a connection that has not logged in: 10 arguments, 16 KiB each, 1 MiB together. */
extern const struct resp_limits resp_limits_before_login;

/*
 * The request as slices. For a multibulk request the slices borrow from the
 * input; for an inline command, from the reader. In both cases they are valid
 * until the next call of resp_reader_next() or resp_reader_free(), and only as
 * long as the caller neither changes nor moves the input.
 */
struct resp_request {
    const struct slice *arguments; /* the command's name first */
    uint32_t argument_count;       /* 1.. */
    uint32_t wire_bytes;           /* length as it came */
};

enum resp_reader_progress {
    RESP_READER_REQUEST, /* `out` is filled, `*offset` is behind the request */
    RESP_READER_MORE,    /* `*offset` is at the start of a request that is not complete */
    RESP_READER_ERROR,   /* the client broke the protocol; see resp_reader_error() */
};

MUST_USE struct resp_reader *resp_reader_new(const struct resp_limits *limits);
void resp_reader_free(struct resp_reader *reader); /* accepts NULL */

/* From the next header on; a request that is already under way keeps what it has. */
void resp_reader_set_limits(struct resp_reader *reader, const struct resp_limits *limits);

/*
 * Read one request from `input`, starting at `*offset`. After RESP_READER_MORE the
 * caller may drop the bytes before `*offset` and append new ones; the next call
 * must see the bytes from `*offset` on unchanged, at whatever address. After
 * RESP_READER_ERROR every call answers the same and `*offset` stays.
 *
 * Cost: linear in the bytes that are new since the last call, plus one step per
 * argument when the request is complete.
 */
MUST_USE enum resp_reader_progress resp_reader_next(struct resp_reader *reader, struct slice input,
                                                    size_t *offset, struct resp_request *out);

/*
 * After RESP_READER_ERROR: the error reply's text, such as "ERR Protocol error:
 * invalid bulk length", printable ASCII without line ends; lives as long as the
 * reader. Before: NULL. The connection is to be closed once the text is sent:
 * where the next request starts is not known any more.
 */
const char *resp_reader_error(const struct resp_reader *reader);

#endif
