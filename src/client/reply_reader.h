/*
 * reply_reader.h - a server's bytes become replies, each in one block of memory.
 *
 * First the end of the reply is found, however the bytes come, and its values and text
 * bytes are counted; only then is one block allocated and filled:
 *
 *     | memory, to free it with | root | values, breadth within depth | texts, each with a NUL |
 *
 * So an allocation that fails leaves the reply unread and nothing else broken. The
 * other side may be hostile: nesting, values and bytes have limits, and nothing is allocated
 * for what is only announced. Attributes are left out; streamed forms ("$?") are refused.
 * Source: the Redis serialization protocol specification, version 3.
 */
#ifndef CLIENT_REPLY_READER_H
#define CLIENT_REPLY_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/memory.h"
#include "client/ringdb.h"

enum {
    REPLY_DEPTH_MAX = 8,
    REPLY_LINE_MAX = 64 << 10, /* an error or a short status */
    REPLY_VALUES_MAX = 4 << 20
};

/* Where the search for the end stands. All zero but `bytes_max` is at a reply's beginning. */
struct ringdb_reply_reader {
    size_t bytes_max;
    size_t scanned;      /* bytes of whole items */
    size_t line_scanned; /* bytes behind them without a line end */
    size_t values, text_bytes;
    unsigned depth;
    uint64_t missing[REPLY_DEPTH_MAX]; /* elements to come, 1.. */
    bool attribute[REPLY_DEPTH_MAX];   /* not a value */
};

enum ringdb_reply_progress {
    REPLY_DONE,   /* it takes `*wire_bytes`; read it with ringdb_reply_build() */
    REPLY_MORE,   /* not all has come */
    REPLY_REFUSED /* not the protocol, or over a limit */
};

/*
 * Go on. `bytes` begins where the reply does and holds what it held the last time, and more.
 * Cost: linear in what is new. After REPLY_DONE the reader is at the beginning of the next one.
 */
MUST_USE enum ringdb_reply_progress ringdb_reply_find(struct ringdb_reply_reader *reader,
                                                      const uint8_t *bytes, size_t length,
                                                      size_t *wire_bytes, size_t *values,
                                                      size_t *text_bytes);

/* The tree of a reply that ringdb_reply_find() has found, with its figures. NULL: no memory. */
MUST_USE struct ringdb_reply *ringdb_reply_build(const struct ringdb_memory *memory,
                                                 const uint8_t *bytes, size_t wire_bytes,
                                                 size_t values, size_t text_bytes);

#endif
