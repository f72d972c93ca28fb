/*
 * connection.c - one connection to one node: connect, greet, write requests, read replies.
 *
 * With TLS the handshake comes first, and `accepted` counts what the other side can open: a
 * record of which a part is missing cannot be opened, so what it holds was not sent.
 *
 * Calls are written only after HELLO and SELECT were answered: a call must not reach the wrong
 * keyspace. What is written goes to the system in order, so a request was sent exactly when
 * the system has taken its last byte; one of which a part is missing cannot have been
 * carried out.
 *
 * Invariants
 *   I1  accepted <= written, and `out` holds the bytes between
 *   I2  the calls are those written and not answered, in the order of their request_end
 */
#include "client/client_state.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- opening ---- */

/* The bytes of `text` up to the port, without brackets, and the port. */
static bool split_address(const char *text, char host[MAP_ADDRESS_MAX], const char **port)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon[1] == '\0')
        return false;
    size_t length = (size_t)(colon - text);
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= MAP_ADDRESS_MAX)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = colon + 1;
    return true;
}

/* A name with several addresses: each attempt takes the next one. NULL: `why` says it. */
static struct addrinfo *look_up(const struct node *node, const struct addrinfo **chosen,
                                const char **why)
{
    char host[MAP_ADDRESS_MAX];
    const char *port;
    struct addrinfo *all = NULL;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    *why = "the address makes no sense";
    if (!split_address(node->address, host, &port))
        return NULL;
    int error = getaddrinfo(host, port, &hints, &all);
    if (error == EAI_NONAME) {
        hints.ai_flags = 0;
        error = getaddrinfo(host, port, &hints, &all);
    }
    *why = "the host name has no address";
    if (error != 0 || all == NULL)
        return NULL;
    size_t count = 0, index = 0;
    for (const struct addrinfo *one = all; one != NULL; one = one->ai_next)
        count++;
    *chosen = all;
    for (index = node->failures % count; index > 0; index--)
        *chosen = (*chosen)->ai_next;
    return all;
}

static int begin_connect(const struct addrinfo *address, const char **why)
{
    int one = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        *why = strerror(errno);
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
        *why = strerror(errno);
        close(fd);
        return -1;
    }
    return fd;
}

/* Room in both tables for one more connection with this descriptor. */
static bool reserve(struct ringdb *client, int fd)
{
    if (client->connection_count == client->connection_capacity) {
        size_t capacity = client->connection_capacity == 0 ? 16 : client->connection_capacity * 2;
        struct connection **all = ringdb_memory_resize(&client->memory, client->connections,
                                                       capacity * sizeof(struct connection *));
        if (all == NULL)
            return false;
        client->connections = all;
        client->connection_capacity = capacity;
    }
    if ((size_t)fd >= client->fd_capacity) {
        size_t capacity = client->fd_capacity == 0 ? 64 : client->fd_capacity;
        while (capacity <= (size_t)fd)
            capacity *= 2;
        struct connection **by_fd = ringdb_memory_resize(&client->memory, client->by_fd,
                                                         capacity * sizeof(struct connection *));
        if (by_fd == NULL)
            return false;
        memset(by_fd + client->fd_capacity, 0,
               (capacity - client->fd_capacity) * sizeof(struct connection *));
        client->by_fd = by_fd;
        client->fd_capacity = capacity;
    }
    return true;
}

static bool greet(struct ringdb *client, struct connection *c)
{
    char number[8];
    struct ringdb_bytes hello[5] = {ringdb_text("HELLO"), ringdb_text("3"), ringdb_text("AUTH"),
                                    ringdb_text(client->user == NULL ? "default" : client->user),
                                    ringdb_text(client->password)};
    snprintf(number, sizeof number, "%u", client->keyspace);
    struct ringdb_bytes select[2] = {ringdb_text("SELECT"), ringdb_text(number)};
    c->greetings = client->keyspace > 0 ? 2 : 1;
    bool good =
        ringdb_words_encode(hello, client->password != NULL ? 5 : 2, &client->memory, &c->out) &&
        (client->keyspace == 0 || ringdb_words_encode(select, 2, &client->memory, &c->out));
    c->written = ringdb_queue_length(&c->out);
    return good;
}

static void note_failure(struct ringdb *client, const struct node *node, const char *why)
{
    snprintf(client->last_error, sizeof client->last_error, "%.80s: %.70s", node->address, why);
}

/* True also when there is nothing to do. */
static bool begin_tls(const struct ringdb *client, struct connection *c, const struct node *node,
                      int fd)
{
    char host[MAP_ADDRESS_MAX];
    const char *port;
    if (client->tls == NULL)
        return true;
    if (split_address(node->address, host, &port))
        c->ssl = ringdb_tls_begin(client->tls, fd, host);
    return c->ssl != NULL;
}

bool ringdb_connection_open(struct ringdb *client, struct node *node)
{
    const struct addrinfo *address = NULL;
    const char *why;
    struct addrinfo *all = look_up(node, &address, &why);
    int fd = all == NULL ? -1 : begin_connect(address, &why);
    if (all != NULL)
        freeaddrinfo(all);
    struct connection *c = fd < 0 ? NULL : ringdb_memory_new(&client->memory, sizeof *c);
    if (c != NULL && reserve(client, fd) && greet(client, c) && begin_tls(client, c, node, fd)) {
        c->node = node;
        c->fd = fd;
        c->index = client->connection_count;
        c->deadline_us = client->now_us + (uint64_t)client->connect_timeout_ms * 1000;
        c->reader.bytes_max = client->reply_bytes_max;
        c->next = node->connections;
        node->connections = c;
        node->connection_count++;
        client->connections[client->connection_count++] = c;
        client->by_fd[fd] = c;
        return true;
    }
    if (fd >= 0) {
        why = "there is no memory";
        close(fd);
    }
    if (c != NULL)
        ringdb_queue_deinit(&c->out, &client->memory);
    ringdb_memory_free(&client->memory, c);
    note_failure(client, node, why);
    ringdb_node_failed(client, node);
    if (node->connection_count == 0)
        ringdb_node_release(client, node);
    return false;
}

/* ---- closing ---- */

static void unlink_connection(struct ringdb *client, struct connection *c)
{
    struct node *node = c->node;
    struct connection **place = &node->connections;
    while (*place != c)
        place = &(*place)->next;
    *place = c->next;
    node->connection_count--;
    node->open_count -= c->state == CONNECTION_OPEN;
    node->next_to_use = NULL;
    struct connection *last = client->connections[--client->connection_count];
    client->connections[c->index] = last;
    last->index = c->index;
    client->by_fd[c->fd] = NULL;
}

void ringdb_connection_close(struct ringdb *client, struct connection *c, enum ringdb_error error,
                             const char *why)
{
    struct node *node = c->node;
    unlink_connection(client, c);
    if (client->watch != NULL && c->watched != 0)
        client->watch(client->watch_context, c->fd, 0);
    SSL_free(c->ssl);
    close(c->fd);
    note_failure(client, node, why);
    client->connections_lost += c->state == CONNECTION_OPEN;
    if (node->open_count == 0)
        ringdb_node_failed(client, node);
    ringdb_ring_doubt(client);
    char text[RINGDB_MESSAGE_MAX];
    snprintf(text, sizeof text, "%s", client->last_error);
    while (c->calls.first != NULL) {
        struct call *call = c->calls.first;
        ringdb_call_list_remove(&c->calls, call);
        if (call->state == CALL_LEFT) {
            client->call_count -= !call->internal;
            ringdb_call_free(&client->memory, call);
            continue;
        }
        call->state = CALL_READY;
        ringdb_outcome_lost(client, node, call, call->request_end <= c->accepted, error, text);
    }
    if (node->connection_count == 0)
        ringdb_node_release(client, node);
    ringdb_queue_deinit(&c->out, &client->memory);
    ringdb_queue_deinit(&c->in, &client->memory);
    ringdb_memory_free(&client->memory, c);
}

/* ---- writing ---- */

bool ringdb_connection_has_room(const struct ringdb *client, const struct connection *c)
{
    return c->state == CONNECTION_OPEN && c->calls.count < client->pipeline_max &&
           ringdb_queue_length(&c->out) < OUT_BYTES_FULL;
}

bool ringdb_connection_take(struct ringdb *client, struct connection *c, struct call *call)
{
    size_t before = ringdb_queue_length(&c->out);
    if (!ringdb_call_encode(call, client->now_us, &client->memory, &c->out))
        return false;
    c->written += ringdb_queue_length(&c->out) - before;
    if (c->calls.count == 0)
        c->heard_us = client->now_us;
    call->request_end = c->written;
    call->state = CALL_SENT;
    call->sent_on = c;
    call->attempts++;
    call->may_repeat = false;
    client->retries += call->attempts > 1;
    ringdb_call_list_append(&c->calls, call);
    return true;
}

static bool is_over(int error)
{
    return error != EAGAIN && error != EWOULDBLOCK && error != EINTR;
}

static void note_sent(struct connection *c, size_t sent)
{
    ringdb_queue_consume(&c->out, sent);
    c->accepted += sent;
    assert(c->accepted <= c->written); /* I1 */
}

/* False: the connection is closed. */
static bool flush_tls(struct ringdb *client, struct connection *c, size_t length)
{
    char why[RINGDB_TLS_WHY_MAX];
    size_t sent;
    enum ringdb_tls_step step =
        ringdb_tls_send(c->ssl, ringdb_queue_data(&c->out), length, &sent, why);
    note_sent(c, sent);
    if (step == RINGDB_TLS_CLOSED)
        ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, why);
    return step != RINGDB_TLS_CLOSED;
}

bool ringdb_connection_flush(struct ringdb *client, struct connection *c)
{
    size_t length = ringdb_queue_length(&c->out);
    if (length == 0 || c->state <= CONNECTION_SECURING)
        return true;
    if (c->ssl != NULL)
        return flush_tls(client, c, length);
    ssize_t sent = send(c->fd, ringdb_queue_data(&c->out), length, MSG_NOSIGNAL);
    if (sent > 0) {
        note_sent(c, (size_t)sent);
    } else if (sent < 0 && is_over(errno)) {
        ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, strerror(errno));
        return false;
    }
    return true;
}

/* ---- reading ---- */

/* A reply to HELLO or SELECT. False: the connection is closed. */
static bool take_greeting(struct ringdb *client, struct connection *c, const uint8_t *bytes,
                          size_t length)
{
    if (bytes[0] == '-') {
        char why[96];
        const uint8_t *end = memchr(bytes, '\r', length);
        snprintf(why, sizeof why, "it refuses: %.*s", end == NULL ? 0 : (int)(end - bytes - 1),
                 (const char *)bytes + 1);
        ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, why);
        return false;
    }
    if (--c->greetings > 0)
        return true;
    c->state = CONNECTION_OPEN;
    c->node->open_count++;
    c->node->failures = 0;
    return true;
}

/* False: the connection is closed. */
static bool take_reply(struct ringdb *client, struct connection *c, const uint8_t *bytes,
                       size_t length, size_t values, size_t text_bytes)
{
    if (bytes[0] == '>')
        return true;
    if (c->state == CONNECTION_GREETING)
        return take_greeting(client, c, bytes, length);
    struct call *call = c->calls.first;
    if (call == NULL || call->request_end > c->accepted) {
        ringdb_connection_close(client, c, RINGDB_ERROR_PROTOCOL,
                                "it answered what it was not asked");
        return false;
    }
    ringdb_call_list_remove(&c->calls, call);
    if (call->state == CALL_LEFT) {
        client->call_count -= !call->internal;
        ringdb_call_free(&client->memory, call);
        return true;
    }
    call->state = CALL_READY;
    ringdb_outcome_reply(client, c->node, call,
                         ringdb_reply_build(&client->memory, bytes, length, values, text_bytes));
    return true;
}

/* False: the connection is closed. */
static bool take_replies(struct ringdb *client, struct connection *c)
{
    for (;;) {
        size_t length, values, text_bytes;
        switch (ringdb_reply_find(&c->reader, ringdb_queue_data(&c->in),
                                  ringdb_queue_length(&c->in), &length, &values, &text_bytes)) {
        case REPLY_MORE:
            return true;
        case REPLY_REFUSED:
            ringdb_connection_close(client, c, RINGDB_ERROR_PROTOCOL,
                                    "its answer is not the protocol, or too large");
            return false;
        case REPLY_DONE:
            break;
        }
        if (!take_reply(client, c, ringdb_queue_data(&c->in), length, values, text_bytes))
            return false;
        ringdb_queue_consume(&c->in, length);
    }
}

/* Room for READ_BYTES; NULL: the connection is closed. */
static uint8_t *make_room(struct ringdb *client, struct connection *c)
{
    uint8_t *room = ringdb_queue_reserve(&c->in, &client->memory, READ_BYTES);
    if (room == NULL)
        ringdb_connection_close(client, c, RINGDB_ERROR_MEMORY, "there is no memory for replies");
    return room;
}

/* All that OpenSSL holds, for the socket does not show it. False: the connection is closed. */
static bool receive_tls(struct ringdb *client, struct connection *c)
{
    for (;;) {
        char why[RINGDB_TLS_WHY_MAX];
        size_t got = 0;
        uint8_t *room = make_room(client, c);
        if (room == NULL)
            return false;
        switch (ringdb_tls_receive(c->ssl, room, READ_BYTES, &got, why)) {
        case RINGDB_TLS_WAIT:
            return true;
        case RINGDB_TLS_CLOSED:
            ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, why);
            return false;
        case RINGDB_TLS_DONE:
            break;
        }
        c->in.end += got;
        c->heard_us = client->now_us;
        if (!take_replies(client, c))
            return false;
        if (SSL_has_pending(c->ssl) == 0)
            return true; /* what comes later shows at the socket */
    }
}

/* False: the connection is closed. */
static bool receive(struct ringdb *client, struct connection *c)
{
    if (c->ssl != NULL)
        return receive_tls(client, c);
    uint8_t *room = make_room(client, c);
    if (room == NULL)
        return false;
    ssize_t length = recv(c->fd, room, READ_BYTES, 0);
    if (length > 0) {
        c->in.end += (size_t)length;
        c->heard_us = client->now_us;
        return take_replies(client, c);
    }
    if (length < 0 && !is_over(errno))
        return true;
    ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION,
                            length == 0 ? "it closed the connection" : strerror(errno));
    return false;
}

/* False: it could not connect, and is closed. */
static bool finish_connect(struct ringdb *client, struct connection *c)
{
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        error = errno;
    if (error == 0) {
        c->state = c->ssl != NULL ? CONNECTION_SECURING : CONNECTION_GREETING;
        return true;
    }
    ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, strerror(error));
    return false;
}

/* Whether the handshake is over; else it goes on later, or the connection is closed. */
static bool secure(struct ringdb *client, struct connection *c)
{
    char why[RINGDB_TLS_WHY_MAX];
    switch (ringdb_tls_shake_hands(c->ssl, why)) {
    case RINGDB_TLS_DONE:
        c->state = CONNECTION_GREETING;
        return true;
    case RINGDB_TLS_WAIT:
        ringdb_connection_tell(client, c);
        return false;
    case RINGDB_TLS_CLOSED:
        break;
    }
    ringdb_connection_close(client, c, RINGDB_ERROR_CONNECTION, why);
    return false;
}

unsigned ringdb_connection_events(const struct connection *c)
{
    if (c->state == CONNECTION_CONNECTING)
        return RINGDB_WAIT_WRITE;
    if (c->state == CONNECTION_SECURING)
        return SSL_want_write(c->ssl) ? RINGDB_WAIT_WRITE : RINGDB_WAIT_READ;
    return RINGDB_WAIT_READ | (ringdb_queue_length(&c->out) > 0 ? RINGDB_WAIT_WRITE : 0);
}

void ringdb_connection_tell(struct ringdb *client, struct connection *c)
{
    unsigned events = ringdb_connection_events(c);
    if (client->watch == NULL || events == c->watched)
        return;
    c->watched = events;
    client->watch(client->watch_context, c->fd, events);
}

void ringdb_connection_ready(struct ringdb *client, struct connection *c, unsigned events)
{
    if (c->state == CONNECTION_CONNECTING) {
        if (!finish_connect(client, c))
            return;
        events |= RINGDB_WAIT_WRITE;
    }
    if (c->state == CONNECTION_SECURING) {
        if (!secure(client, c))
            return;
        events |= RINGDB_WAIT_READ | RINGDB_WAIT_WRITE; /* an answer may be here already */
    }
    if ((events & RINGDB_WAIT_WRITE) != 0 && !ringdb_connection_flush(client, c))
        return;
    if ((events & RINGDB_WAIT_READ) != 0 && !receive(client, c))
        return;
    ringdb_connection_tell(client, c);
}
