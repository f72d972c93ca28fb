/*
 * stream.h - one connected socket: at most one read and one write call per turn.
 *
 * Output is appended in memory during a turn of the loop and given to the
 * kernel once, at its end, by stream_flush(). What the kernel does not take
 * stays, and the stream is `blocked` until its owner's write watcher fires:
 * the owner clears `blocked` there and flushes at the end of that turn.
 * The owner bounds stream_unsent(); the stream does not.
 *
 * With a TLS session the bytes that are read and appended are the plain ones. Output is sealed
 * when it is sent, STREAM_SEAL_BYTES at most each time, so what waits for a slow reader waits
 * plain and once. Whoever reads must flush afterwards: TLS answers by itself.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "net/address.h"
#include "net/tls_session.h"

enum {
    STREAM_READ_BYTES = 64 << 10,
    STREAM_SEAL_BYTES = 256 << 10,
    STREAM_SEALED_READ_BYTES = STREAM_READ_BYTES - TLS_HELD_BYTES_MAX
};

typedef void (*stream_callback)(struct ev_loop *ev, struct ev_io *watcher, int events);

struct stream {
    struct ev_io reader; /* its `data` is the owner's */
    struct ev_io writer;
    struct buffer output;
    size_t sent;             /* bytes of `output` that the kernel has, or that are sealed */
    struct tls_session *tls; /* NULL: the connection is plain */
    size_t sealed_sent;      /* bytes of its `sealed` that the kernel has */
    int fd;
    bool blocked; /* the kernel took less than was offered */
};

/* Calls made and bytes moved, kept by the owner for its statistics. */
struct stream_counters {
    uint64_t read_calls;
    uint64_t read_bytes;
    uint64_t write_calls;
    uint64_t write_bytes;
};

/* Takes `fd`, which must not block. Nothing is watched yet. `owner` goes to the watchers' data. */
void stream_init(struct stream *stream, int fd, stream_callback on_readable,
                 stream_callback on_writable, void *owner);
/* Takes `session`. Before anything is read or appended. */
void stream_secure(struct stream *stream, struct tls_session *session);
/* Stops the watchers, closes the socket, drops unsent output. */
void stream_deinit(struct stream *stream, struct ev_loop *ev);

/* Who is at the other end, as address_describe() says it. Returns `out`. */
const char *stream_describe_peer(const struct stream *stream, char out[ADDRESS_TEXT_MAX]);

/* Start or stop watching for input. */
void stream_want_read(struct stream *stream, struct ev_loop *ev, bool wanted);

/*
 * One read call of at most `room` bytes; `got` gets their number. With TLS, `room` is
 * STREAM_READ_BYTES.
 * STATUS_NOT_FOUND: nothing is there now. STATUS_IO: the end, or an error.
 */
MUST_USE enum status stream_read(struct stream *stream, uint8_t *into, size_t room, size_t *got,
                                 struct stream_counters *counters);

void stream_append(struct stream *stream, struct slice bytes);
size_t stream_unsent(const struct stream *stream);

/*
 * One write call when there is output and the stream is not blocked. Keeps at
 * most `keep_bytes` of memory once all is sent.
 * STATUS_IO: the other side is gone.
 */
MUST_USE enum status stream_flush(struct stream *stream, struct ev_loop *ev, size_t keep_bytes,
                                  struct stream_counters *counters);

/* Everything has been flushed: say that nothing more comes, and shut our side down. */
void stream_shut(struct stream *stream);

/* Whether bytes of the node may pass: always on a plain connection. */
static inline bool stream_is_established(const struct stream *stream)
{
    return stream->tls == NULL || stream->tls->established;
}

/* Why TLS failed; "" when it has not. */
static inline const char *stream_failure(const struct stream *stream)
{
    return stream->tls == NULL ? "" : stream->tls->failure;
}

#endif
