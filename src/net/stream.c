#include "net/stream.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below it, moving the rest to the front is cheaper than thinking about it. */
enum { COMPACT_BYTES = 64 << 10 };

void stream_init(struct stream *stream, int fd, stream_callback on_readable,
                 stream_callback on_writable, void *owner)
{
    assert(fd >= 0);
    *stream = (struct stream){.fd = fd};
    ev_io_init(&stream->reader, on_readable, fd, EV_READ);
    ev_io_init(&stream->writer, on_writable, fd, EV_WRITE);
    stream->reader.data = owner;
    stream->writer.data = owner;
}

void stream_deinit(struct stream *stream, struct ev_loop *ev)
{
    ev_io_stop(ev, &stream->reader);
    ev_io_stop(ev, &stream->writer);
    close(stream->fd);
    buffer_deinit(&stream->output);
    stream->fd = -1;
}

void stream_want_read(struct stream *stream, struct ev_loop *ev, bool wanted)
{
    if (wanted)
        ev_io_start(ev, &stream->reader);
    else
        ev_io_stop(ev, &stream->reader);
}

enum status stream_read(struct stream *stream, uint8_t *into, size_t room, size_t *got,
                        struct stream_counters *counters)
{
    ssize_t count = recv(stream->fd, into, room, 0);
    counters->read_calls++;
    if (count > 0) {
        counters->read_bytes += (uint64_t)count;
        *got = (size_t)count;
        return STATUS_OK;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return STATUS_NOT_FOUND;
    return STATUS_IO;
}

void stream_append(struct stream *stream, struct slice bytes)
{
    /* Amortised: at least half of the buffer goes away with each move. */
    if (stream->sent >= COMPACT_BYTES && stream->sent > stream->output.length / 2) {
        buffer_consume(&stream->output, stream->sent);
        stream->sent = 0;
    }
    buffer_append_slice(&stream->output, bytes);
}

size_t stream_unsent(const struct stream *stream)
{
    return stream->output.length - stream->sent;
}

static void forget_sent(struct stream *stream, size_t keep_bytes)
{
    stream->sent = 0;
    if (stream->output.capacity > keep_bytes)
        buffer_deinit(&stream->output);
    else
        buffer_clear(&stream->output);
}

enum status stream_flush(struct stream *stream, struct ev_loop *ev, size_t keep_bytes,
                         struct stream_counters *counters)
{
    size_t unsent = stream_unsent(stream);
    if (unsent == 0 || stream->blocked)
        return STATUS_OK;
    ssize_t count = send(stream->fd, stream->output.data + stream->sent, unsent, MSG_NOSIGNAL);
    counters->write_calls++;
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return STATUS_IO;
    if (count > 0) {
        counters->write_bytes += (uint64_t)count;
        stream->sent += (size_t)count;
    }
    if (stream_unsent(stream) == 0) {
        forget_sent(stream, keep_bytes);
        ev_io_stop(ev, &stream->writer);
    } else {
        stream->blocked = true;
        ev_io_start(ev, &stream->writer);
    }
    return STATUS_OK;
}
