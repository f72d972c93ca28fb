/*
 * stream.h - one connected socket: at most one read and one write call per turn.
 *
 * Output is appended in memory during a turn of the loop and given to the
 * kernel once, at its end, by stream_flush(). What the kernel does not take
 * stays, and the stream is `blocked` until its owner's write watcher fires:
 * the owner clears `blocked` there and flushes at the end of that turn.
 * The owner bounds stream_unsent(); the stream does not.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum { STREAM_READ_BYTES = 64 << 10 };

typedef void (*stream_callback)(struct ev_loop *ev, struct ev_io *watcher, int events);

struct stream {
    struct ev_io reader; /* its `data` is the owner's */
    struct ev_io writer;
    struct buffer output;
    size_t sent; /* bytes of `output` that the kernel has */
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
/* Stops the watchers, closes the socket, drops unsent output. */
void stream_deinit(struct stream *stream, struct ev_loop *ev);

/* Start or stop watching for input. */
void stream_want_read(struct stream *stream, struct ev_loop *ev, bool wanted);

/*
 * One read call of at most `room` bytes; `got` gets their number.
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

#endif
