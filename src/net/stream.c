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

void stream_secure(struct stream *stream, struct tls_session *session)
{
    assert(stream->tls == NULL && stream->output.length == 0);
    stream->tls = session;
}

void stream_deinit(struct stream *stream, struct ev_loop *ev)
{
    ev_io_stop(ev, &stream->reader);
    ev_io_stop(ev, &stream->writer);
    close(stream->fd);
    buffer_deinit(&stream->output);
    tls_session_free(stream->tls);
    stream->tls = NULL;
    stream->fd = -1;
}

const char *stream_describe_peer(const struct stream *stream, char out[ADDRESS_TEXT_MAX])
{
    struct socket_address peer = {.length = sizeof peer.storage};
    struct sockaddr *address = (struct sockaddr *)&peer.storage;
    if (getpeername(stream->fd, address, &peer.length) != 0)
        address->sa_family = AF_UNSPEC; /* it has gone meanwhile */
    return address_describe(address, out);
}

void stream_want_read(struct stream *stream, struct ev_loop *ev, bool wanted)
{
    if (wanted)
        ev_io_start(ev, &stream->reader);
    else
        ev_io_stop(ev, &stream->reader);
}

static enum status receive(struct stream *stream, uint8_t *into, size_t room, size_t *got,
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

enum status stream_read(struct stream *stream, uint8_t *into, size_t room, size_t *got,
                        struct stream_counters *counters)
{
    uint8_t sealed[STREAM_SEALED_READ_BYTES];
    size_t count = 0;
    if (stream->tls == NULL)
        return receive(stream, into, room, got, counters);
    assert(room >= STREAM_READ_BYTES);
    enum status status = receive(stream, sealed, sizeof sealed, &count, counters);
    if (status != STATUS_OK)
        return status;
    return tls_session_open(stream->tls, slice_make(sealed, count), into, room, got);
}

void stream_append(struct stream *stream, struct slice bytes)
{
    assert(stream_is_established(stream));
    /* Amortised: at least half of the buffer goes away with each move. */
    if (stream->sent >= COMPACT_BYTES && stream->sent > stream->output.length / 2) {
        buffer_consume(&stream->output, stream->sent);
        stream->sent = 0;
    }
    buffer_append_slice(&stream->output, bytes);
}

static size_t sealed_unsent(const struct stream *stream)
{
    return stream->tls == NULL ? 0 : stream->tls->sealed.length - stream->sealed_sent;
}

size_t stream_unsent(const struct stream *stream)
{
    return stream->output.length - stream->sent + sealed_unsent(stream);
}

static void forget(struct buffer *buffer, size_t *sent, size_t keep_bytes)
{
    *sent = 0;
    if (buffer->capacity > keep_bytes)
        buffer_deinit(buffer);
    else
        buffer_clear(buffer);
}

/* Seal some of what waits, once all that was sealed before is sent. */
static enum status seal(struct stream *stream, size_t keep_bytes)
{
    size_t plain = stream->output.length - stream->sent;
    if (plain == 0 || !stream->tls->established || sealed_unsent(stream) > 0)
        return STATUS_OK;
    if (plain > STREAM_SEAL_BYTES)
        plain = STREAM_SEAL_BYTES;
    enum status status =
        tls_session_seal(stream->tls, slice_make(stream->output.data + stream->sent, plain));
    stream->sent += plain;
    if (stream->sent == stream->output.length)
        forget(&stream->output, &stream->sent, keep_bytes);
    return status;
}

/* What the next write call is for: `sent` bytes of `output` are done with. */
static enum status offer(struct stream *stream, size_t keep_bytes, struct buffer **output,
                         size_t **sent)
{
    *output = &stream->output;
    *sent = &stream->sent;
    if (stream->tls == NULL)
        return STATUS_OK;
    *output = &stream->tls->sealed;
    *sent = &stream->sealed_sent;
    return seal(stream, keep_bytes);
}

enum status stream_flush(struct stream *stream, struct ev_loop *ev, size_t keep_bytes,
                         struct stream_counters *counters)
{
    struct buffer *output;
    size_t *sent;
    if (stream_unsent(stream) == 0 || stream->blocked)
        return STATUS_OK;
    if (offer(stream, keep_bytes, &output, &sent) != STATUS_OK)
        return STATUS_IO;
    size_t unsent = output->length - *sent;
    if (unsent == 0)
        return STATUS_OK; /* waits for the end of a handshake */
    ssize_t count = send(stream->fd, output->data + *sent, unsent, MSG_NOSIGNAL);
    counters->write_calls++;
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        return STATUS_IO;
    if (count > 0) {
        counters->write_bytes += (uint64_t)count;
        *sent += (size_t)count;
    }
    if (*sent == output->length)
        forget(output, sent, keep_bytes);
    if (stream_unsent(stream) == 0) {
        ev_io_stop(ev, &stream->writer);
    } else {
        stream->blocked = true;
        ev_io_start(ev, &stream->writer);
    }
    return STATUS_OK;
}

void stream_shut(struct stream *stream)
{
    assert(stream_unsent(stream) == 0);
    if (stream->tls != NULL) {
        tls_session_end(stream->tls);
        /* Some bytes into an empty socket; lost, the other side sees the end all the same. */
        (void)!send(stream->fd, stream->tls->sealed.data, stream->tls->sealed.length, MSG_NOSIGNAL);
        buffer_clear(&stream->tls->sealed);
    }
    (void)shutdown(stream->fd, SHUT_WR); /* fails only when the peer is gone */
}
