#include "exchange.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"
#include "wire/resp_writer.h"

enum { READ_BYTES = 64 << 10 };

static const struct resp_reply_limits REPLY_LIMITS = {
    .text_bytes_max = 8 << 20,
    .elements_max = 4 << 20,
    .reply_bytes_max = 64 << 20,
};

/* One exchange under way. */
struct conversation {
    struct exchange *exchange;
    int socket; /* -1: over */
    bool connected;
    size_t sent;     /* bytes of the request */
    size_t received; /* replies */
    struct buffer input;
    struct resp_reply_reader *reader;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void exchange_ask(struct exchange *exchange, const struct slice *words, size_t count)
{
    struct resp_writer writer = {.out = &exchange->request, .version = RESP_VERSION_2};
    resp_writer_array(writer, count);
    for (size_t i = 0; i < count; i++)
        resp_writer_bulk(writer, words[i]);
    exchange->asked++;
}

void exchange_ask_texts(struct exchange *exchange, const char *const *words)
{
    struct slice slices[8];
    size_t count = 0;
    for (; words[count] != NULL; count++) {
        assert(count < sizeof slices / sizeof *slices);
        slices[count] = slice_text(words[count]);
    }
    exchange_ask(exchange, slices, count);
}

static void finish(struct conversation *one, enum status status, const char *reason)
{
    one->exchange->status = status;
    snprintf(one->exchange->reason, sizeof one->exchange->reason, "%s", reason);
    if (one->socket >= 0)
        close(one->socket);
    one->socket = -1;
}

static void begin(struct conversation *one, struct exchange *exchange)
{
    struct socket_address address;
    *one = (struct conversation){.exchange = exchange, .socket = -1};
    exchange->replies = memory_new(exchange->asked, sizeof *exchange->replies);
    one->reader = resp_reply_reader_new(&REPLY_LIMITS);
    if (address_resolve(&exchange->address, &address) != STATUS_OK) {
        finish(one, STATUS_UNAVAILABLE, "the host name has no address");
        return;
    }
    one->socket = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one->socket < 0) {
        finish(one, STATUS_UNAVAILABLE, strerror(errno));
        return;
    }
    if (connect(one->socket, (struct sockaddr *)&address.storage, address.length) != 0 &&
        errno != EINPROGRESS)
        finish(one, STATUS_UNAVAILABLE, strerror(errno));
}

static bool is_over(int error)
{
    return error != EAGAIN && error != EWOULDBLOCK && error != EINTR;
}

static void send_more(struct conversation *one)
{
    const struct buffer *request = &one->exchange->request;
    if (!one->connected) {
        int error = 0;
        socklen_t length = sizeof error;
        if (getsockopt(one->socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
            error = errno;
        if (error != 0) {
            finish(one, STATUS_UNAVAILABLE, strerror(error));
            return;
        }
        one->connected = true;
    }
    ssize_t sent =
        send(one->socket, request->data + one->sent, request->length - one->sent, MSG_NOSIGNAL);
    if (sent >= 0)
        one->sent += (size_t)sent;
    else if (is_over(errno))
        finish(one, STATUS_UNAVAILABLE, strerror(errno));
}

/* Take the replies that are complete. */
static void take_replies(struct conversation *one)
{
    struct exchange *exchange = one->exchange;
    size_t offset = 0;
    while (one->received < exchange->asked) {
        struct resp_value *reply;
        enum resp_reply_progress progress =
            resp_reply_reader_next(one->reader, buffer_slice(&one->input), &offset, &reply);
        if (progress == RESP_REPLY_ERROR) {
            finish(one, STATUS_CORRUPT, "it does not speak the Redis protocol");
            return;
        }
        if (progress == RESP_REPLY_MORE)
            break;
        if (reply->type == RESP_TYPE_PUSH)
            resp_value_free(reply);
        else
            exchange->replies[one->received++] = reply;
    }
    buffer_consume(&one->input, offset);
    if (one->received == exchange->asked)
        finish(one, STATUS_OK, "");
}

static void receive_more(struct conversation *one)
{
    uint8_t *room = buffer_reserve(&one->input, READ_BYTES);
    ssize_t length = recv(one->socket, room, READ_BYTES, 0);
    if (length > 0) {
        one->input.length += (size_t)length;
        take_replies(one);
    } else if (length == 0) {
        finish(one, STATUS_UNAVAILABLE, "it closed the connection");
    } else if (is_over(errno)) {
        finish(one, STATUS_UNAVAILABLE, strerror(errno));
    }
}

/* Wait once for whatever comes first. False: nothing is under way any more. */
static bool turn(struct conversation *all, struct pollfd *waits, size_t count, uint64_t deadline_ms)
{
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        bool sends = all[i].sent < all[i].exchange->request.length;
        waits[i] =
            (struct pollfd){.fd = all[i].socket, .events = (short)(POLLIN | (sends ? POLLOUT : 0))};
        waiting += all[i].socket >= 0;
    }
    uint64_t now = now_ms();
    if (waiting == 0 || now >= deadline_ms)
        return false;
    if (poll(waits, count, (int)(deadline_ms - now)) < 0 && errno != EINTR)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (all[i].socket >= 0 && (waits[i].revents & (POLLOUT | POLLERR)) != 0)
            send_more(&all[i]);
        if (all[i].socket >= 0 && (waits[i].revents & (POLLIN | POLLHUP)) != 0)
            receive_more(&all[i]);
    }
    return true;
}

void exchange_run(struct exchange *exchanges, size_t count, unsigned timeout_ms)
{
    struct conversation *all = memory_new(count, sizeof *all);
    struct pollfd *waits = memory_new(count, sizeof *waits);
    uint64_t deadline_ms = now_ms() + timeout_ms;
    for (size_t i = 0; i < count; i++)
        begin(&all[i], &exchanges[i]);
    while (turn(all, waits, count, deadline_ms))
        continue;
    for (size_t i = 0; i < count; i++) {
        if (all[i].socket >= 0)
            finish(&all[i], STATUS_TIMEOUT, "no answer in time");
        resp_reply_reader_free(all[i].reader);
        buffer_deinit(&all[i].input);
    }
    free(waits);
    free(all);
}

void exchange_deinit(struct exchange *exchange)
{
    for (size_t i = 0; exchange->replies != NULL && i < exchange->asked; i++)
        resp_value_free(exchange->replies[i]);
    free(exchange->replies);
    buffer_deinit(&exchange->request);
    *exchange = (struct exchange){.address = exchange->address};
}
