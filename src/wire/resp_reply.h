/*
 * resp_reply.h - a server's bytes become replies: the client's side of the protocol.
 *
 * For the tools and the tests (the client library has its own, which survives a failed
 * allocation). Reads version 2 and version 3, pushes included; attributes are read and
 * left out. A reply is a tree that owns its bytes, so the input may be dropped as soon as
 * it is consumed.
 *
 * The other side may be hostile or broken: nesting, elements and bytes have
 * limits, and memory grows with what has arrived, never with what is announced:
 * about 100 bytes for each element at most (the shortest has 3 on the wire).
 * Streamed strings and aggregates ("$?", "*?"), which no Redis server sends,
 * are refused.
 */
#ifndef WIRE_RESP_REPLY_H
#define WIRE_RESP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { RESP_REPLY_DEPTH_MAX = 8 }; /* aggregates within each other, attributes too */

enum resp_type {
    RESP_TYPE_SIMPLE,     /* text */
    RESP_TYPE_ERROR,      /* text, with its code */
    RESP_TYPE_BULK,       /* text: any bytes */
    RESP_TYPE_VERBATIM,   /* text, and format */
    RESP_TYPE_BIG_NUMBER, /* text: the digits */
    RESP_TYPE_INTEGER,    /* integer */
    RESP_TYPE_DOUBLE,     /* real */
    RESP_TYPE_BOOLEAN,    /* boolean */
    RESP_TYPE_NULL,       /* nothing; also the null string and null array of version 2 */
    RESP_TYPE_ARRAY,      /* elements */
    RESP_TYPE_MAP,        /* elements: each key with its value behind it, so an even number */
    RESP_TYPE_SET,        /* elements */
    RESP_TYPE_PUSH,       /* elements; not an answer to any request */
};

/* A reply or a part of one. Everything that it points at belongs to it. */
struct resp_value {
    enum resp_type type;
    char format[4]; /* of RESP_TYPE_VERBATIM, such as "txt" */
    union {
        struct slice text; /* a NUL that is not counted follows */
        int64_t integer;
        double real;
        bool boolean;
        struct {
            struct resp_value *elements;
            size_t element_count;
        };
    };
};

void resp_value_free(struct resp_value *value); /* the whole tree; accepts NULL */

struct resp_reply_limits {
    size_t text_bytes_max; /* one string, or one line */
    size_t elements_max;   /* values of a reply at all depths, attributes included */
    size_t reply_bytes_max;
};

struct resp_reply_reader; /* opaque; one per connection to a server */

enum resp_reply_progress {
    RESP_REPLY_VALUE, /* `*out` is the caller's, `*offset` is behind it */
    RESP_REPLY_MORE,  /* bytes before `*offset` are not needed any more */
    RESP_REPLY_ERROR, /* not the protocol, or over a limit: close the connection */
};

MUST_USE struct resp_reply_reader *resp_reply_reader_new(const struct resp_reply_limits *limits);
/* Frees also a reply that is half read. Accepts NULL. */
void resp_reply_reader_free(struct resp_reply_reader *reader);

/*
 * Read on from `*offset` of `input` until a reply is complete. After
 * RESP_REPLY_MORE the next call must see the bytes from `*offset` on unchanged, at
 * whatever address, with new ones behind. RESP_REPLY_ERROR stays.
 * On RESP_REPLY_VALUE the caller takes `*out`; release with resp_value_free().
 *
 * Cost: linear in the bytes that are new since the last call.
 */
MUST_USE enum resp_reply_progress resp_reply_reader_next(struct resp_reply_reader *reader,
                                                         struct slice input, size_t *offset,
                                                         struct resp_value **out);

#endif
