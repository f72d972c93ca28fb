/*
 * http_server.c - reads heads, writes pages.
 *
 * Invariants:
 *   H1  a connection that has output takes no other request and reads nothing
 *   H2  one whose last page is sent is shut on our side; what it still sends is dropped, so that
 *       the client reads the page and not a reset, and the quiet time ends it
 */
#include "ringd/http_server.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/listener.h"
#include "net/stream.h"

enum { READ_BYTES = 4 << 10, KEEP_BYTES = 64 << 10 };

struct connection {
    struct http_server *server;
    bool open;
    bool ends; /* after the page that is sent now */
    bool shut;
    struct stream stream;
    struct buffer input;
    struct ev_timer quiet;
    uint64_t turn; /* when a byte was last moved, as the server counts */
};

struct http_server {
    struct http_server_params params;
    struct listener *listeners[CONFIG_ADDRESSES_MAX];
    size_t listener_count;
    struct stream_counters counters;
    uint64_t turn;
    struct connection connections[HTTP_CONNECTIONS_MAX];
};

static void release(struct connection *connection)
{
    struct ev_loop *ev = connection->server->params.ev;
    ev_timer_stop(ev, &connection->quiet);
    stream_deinit(&connection->stream, ev);
    buffer_deinit(&connection->input);
    connection->open = false;
}

/* A byte has moved. */
static void touch(struct connection *connection)
{
    struct ev_loop *ev = connection->server->params.ev;
    connection->turn = ++connection->server->turn;
    ev_timer_again(ev, &connection->quiet);
}

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        assert(0);
        return "";
    }
}

static void append_page(struct connection *connection, const struct http_page *page, bool body)
{
    struct buffer head = {0};
    buffer_printf(&head,
                  "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%s%s\r\n",
                  page->status, reason_of(page->status), page->type, page->body.length,
                  page->status == 405 ? "Allow: GET, HEAD\r\n" : "",
                  connection->ends ? "Connection: close\r\n" : "");
    stream_append(&connection->stream, buffer_slice(&head));
    if (body)
        stream_append(&connection->stream, buffer_slice(&page->body));
    buffer_deinit(&head);
}

static void answer(struct connection *connection, const struct http_request *request,
                   unsigned failure)
{
    const struct http_server_params *params = &connection->server->params;
    struct http_page page = {.status = failure != 0 ? failure : 404,
                             .type = "text/plain; charset=utf-8"};
    if (failure == 0 && request->method == HTTP_OTHER)
        page.status = 405;
    else if (failure == 0)
        params->make(params->context, request, &page);
    if (page.status >= 400 && page.body.length == 0)
        buffer_printf(&page.body, "%u %s\n", page.status, reason_of(page.status));
    connection->ends |= failure != 0 || !request->stays;
    append_page(connection, &page, failure != 0 || request->method != HTTP_HEAD);
    buffer_deinit(&page.body);
}

/* Answer what has come, as far as the answers go out. Releases the connection when it is over. */
static void serve(struct connection *connection)
{
    struct http_server *server = connection->server;
    struct ev_loop *ev = server->params.ev;
    struct http_request request;
    while (stream_unsent(&connection->stream) == 0 && !connection->ends) { /* H1 */
        enum http_progress progress =
            http_request_parse(buffer_slice(&connection->input), &request);
        if (progress == HTTP_MORE)
            break;
        answer(connection, &request,
               progress == HTTP_BAD         ? 400
               : progress == HTTP_TOO_LARGE ? 431
                                            : 0);
        if (progress == HTTP_REQUEST)
            buffer_consume(&connection->input, request.head_bytes);
        if (stream_flush(&connection->stream, ev, KEEP_BYTES, &server->counters) != STATUS_OK) {
            release(connection);
            return;
        }
    }
    bool sent = stream_unsent(&connection->stream) == 0;
    if (sent && connection->ends && !connection->shut) {
        connection->shut = true;
        stream_shut(&connection->stream);
    }
    stream_want_read(&connection->stream, ev, sent);
}

static void on_readable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;
    uint8_t bytes[READ_BYTES];
    size_t got = 0;
    (void)ev;
    (void)events;
    enum status status =
        stream_read(&connection->stream, bytes, sizeof bytes, &got, &connection->server->counters);
    if (status == STATUS_IO)
        release(connection);
    if (status != STATUS_OK || connection->shut) /* H2 */
        return;
    touch(connection);
    buffer_append(&connection->input, bytes, got);
    serve(connection);
}

static void on_writable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct connection *connection = watcher->data;
    (void)events;
    connection->stream.blocked = false;
    touch(connection);
    if (stream_flush(&connection->stream, ev, KEEP_BYTES, &connection->server->counters) !=
        STATUS_OK)
        release(connection);
    else
        serve(connection);
}

static void on_quiet(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    release(timer->data);
}

/* A free place; if need be, that of the connection that was quiet for longest. */
static struct connection *place(struct http_server *server)
{
    struct connection *oldest = &server->connections[0];
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        struct connection *connection = &server->connections[i];
        if (!connection->open)
            return connection;
        if (connection->turn < oldest->turn)
            oldest = connection;
    }
    release(oldest);
    return oldest;
}

static void on_accept(void *context, int fd, const struct sockaddr *peer)
{
    struct http_server *server = context;
    struct connection *connection = place(server);
    (void)peer;
    *connection = (struct connection){.server = server, .open = true};
    stream_init(&connection->stream, fd, on_readable, on_writable, connection);
    ev_init(&connection->quiet, on_quiet);
    connection->quiet.repeat = HTTP_QUIET_MS / 1000.0;
    connection->quiet.data = connection;
    touch(connection);
    stream_want_read(&connection->stream, server->params.ev, true);
}

static enum status listen_on(struct http_server *server, const struct ring_address *address)
{
    struct listener_params params = {.ev = server->params.ev,
                                     .log = server->params.log,
                                     .on_accept = on_accept,
                                     .context = server};
    char text[ADDRESS_TEXT_MAX];
    struct listener **listener = &server->listeners[server->listener_count];
    enum status status = address_resolve(address, &params.address);
    if (status != STATUS_OK) {
        log_line(&params.log, LOG_ERROR, "could not look up the address to listen on address=%s",
                 address_format(address, text));
        return status;
    }
    status = listener_new(&params, listener);
    if (status != STATUS_OK)
        return status;
    server->listener_count++;
    return listener_start(*listener);
}

enum status http_server_new(const struct http_server_params *params, struct http_server **out)
{
    struct http_server *server = memory_new(1, sizeof *server);
    server->params = *params;
    for (size_t i = 0; i < params->listen.count; i++) {
        enum status status = listen_on(server, &params->listen.items[i]);
        if (status != STATUS_OK) {
            http_server_free(server);
            return status;
        }
    }
    *out = server;
    return STATUS_OK;
}

void http_server_free(struct http_server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->listener_count; i++)
        listener_free(server->listeners[i]);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (server->connections[i].open)
            release(&server->connections[i]);
    free(server);
}

uint16_t http_server_port(const struct http_server *server, size_t index)
{
    return index < server->listener_count ? listener_port(server->listeners[index]) : 0;
}
