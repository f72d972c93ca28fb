#include "net/clients.h"

#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/table.h"
#include "net/handshakes.h"
#include "net/stream.h"
#include "net/turn.h"

/* A client that vanished without a word is found by TCP within about five minutes. */
enum { KEEPALIVE_IDLE_S = 240, KEEPALIVE_INTERVAL_S = 20, KEEPALIVE_COUNT = 3 };

struct client {
    connection_id id;
    struct clients *owner;
    struct stream stream;
    struct handshake handshake; /* active while greeting */
    struct ev_timer linger;
    bool paused;
    bool doomed;
    bool closing;
    bool shut;   /* closing, and our side has been shut down */
    bool queued; /* in owner->dirty */
    struct client *prev;
    struct client *next;
    UT_hash_handle hh;
};

struct clients {
    struct turn *turn;
    struct client *by_id;
    struct client *dirty; /* to be looked at by the next flush, oldest first */
    struct handshakes handshakes;
    connection_id last_id;
    bool draining;
    struct stream_counters counters;
};

static const char TOO_MANY[] = "-ERR max number of clients reached\r\n";

static void enqueue(struct client *client)
{
    if (client->queued)
        return;
    client->queued = true;
    DL_APPEND(client->owner->dirty, client);
}

static void dequeue(struct client *client)
{
    if (!client->queued)
        return;
    client->queued = false;
    DL_DELETE(client->owner->dirty, client);
}

static void release(struct client *client)
{
    struct clients *clients = client->owner;
    dequeue(client);
    HASH_DEL(clients->by_id, client);
    ev_timer_stop(clients->turn->ev, &client->linger);
    stream_deinit(&client->stream, clients->turn->ev);
    if (client->handshake.active)
        handshakes_end(&clients->handshakes, &client->handshake);
    else
        clients->turn->statistics.clients_open--;
    free(client);
}

/* The connection is gone without the node having asked for it. */
static void lose(struct client *client)
{
    struct turn *turn = client->owner->turn;
    connection_id id = client->id;
    bool known = !client->closing && !client->handshake.active;
    release(client);
    if (known)
        turn_step(turn, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = id});
}

static void update_reading(struct client *client)
{
    bool wanted = client->closing ? client->shut
                  : client->handshake.active
                      ? true
                      : !client->paused && !client->owner->draining &&
                            stream_unsent(&client->stream) <= CLIENT_OUTPUT_PAUSE_BYTES;
    stream_want_read(&client->stream, client->owner->turn->ev, wanted);
}

static void end_handshake(struct client *client, const char *why)
{
    struct clients *clients = client->owner;
    struct turn *turn = clients->turn;
    char text[ADDRESS_TEXT_MAX];
    uint32_t others;
    turn->statistics.tls_handshakes_failed++;
    if (handshakes_may_log(&clients->handshakes, &others))
        log_line(&turn->log, LOG_INFO, "refused a TLS client from=%s reason=\"%s\" others=%" PRIu32,
                 stream_describe_peer(&client->stream, text), why, others);
    /* An alert tells the other side; it is closed whether that arrives or not. */
    (void)!stream_flush(&client->stream, turn->ev, 0, &clients->counters);
    release(client);
}

static void on_handshake_over(struct handshake *handshake, const char *why)
{
    end_handshake(handshake->owner, why);
}

/* Neither of this machine, nor known by a certificate. */
static bool is_stranger(const struct stream *stream)
{
    return !stream_is_local(stream) && (stream->tls == NULL || !stream->tls->certified);
}

static void tell_open(struct client *client)
{
    char text[ADDRESS_TEXT_MAX];
    struct turn *turn = client->owner->turn;
    turn->statistics.clients_accepted++;
    turn->statistics.clients_open++;
    update_reading(client);
    turn_step(turn,
              (struct event){.kind = EVENT_CLIENT_OPEN,
                             .connection = client->id,
                             .stranger = is_stranger(&client->stream),
                             .bytes = slice_text(stream_describe_peer(&client->stream, text))});
}

/* A read gave `status` while greeting. Whether it is open now. */
static bool greet(struct client *client, enum status status)
{
    struct clients *clients = client->owner;
    struct turn *turn = clients->turn;
    struct tls_session *tls = client->stream.tls;
    if (status == STATUS_IO) {
        end_handshake(client, tls->failure[0] != '\0' ? tls->failure : "it went away");
        return false;
    }
    if (!tls->established)
        return false;
    if (!tls_session_is_current(tls, turn->tls) && !tls_session_verify(tls, turn->tls)) {
        end_handshake(client, tls->failure);
        return false;
    }
    if (turn->statistics.clients_open >= turn->settings.clients_max) {
        turn->statistics.clients_refused++;
        stream_append(&client->stream, slice_make(TOO_MANY, sizeof TOO_MANY - 1));
        (void)!stream_flush(&client->stream, turn->ev, 0, &clients->counters);
        release(client);
        return false;
    }
    handshakes_end(&clients->handshakes, &client->handshake);
    tell_open(client);
    return true;
}

static void on_readable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    struct turn *turn = client->owner->turn;
    size_t got = 0;
    (void)ev;
    (void)events;
    enum status status = stream_read(&client->stream, turn->scratch, sizeof turn->scratch, &got,
                                     &client->owner->counters);
    if (client->stream.tls != NULL && stream_unsent(&client->stream) > 0)
        enqueue(client); /* TLS has its own to say */
    if (client->handshake.active && !greet(client, status))
        return;
    if (status == STATUS_IO) {
        lose(client);
    } else if (status == STATUS_OK && !client->closing && !client->doomed) {
        turn_step(turn, (struct event){.kind = EVENT_CLIENT_BYTES,
                                       .connection = client->id,
                                       .bytes = slice_make(turn->scratch, got)});
        log_histogram_add(&turn->statistics.parse_us, turn_now().mono_us - turn->stepped_us);
    }
    turn_relieve(turn);
}

static void on_writable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct client *client = watcher->data;
    (void)ev;
    (void)events;
    client->stream.blocked = false;
    enqueue(client);
}

static void on_linger_over(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    release(timer->data);
}

static void set_options(int fd)
{
    /* Every one of these only improves a connection that works without it. */
    const int yes = 1;
    const int idle = KEEPALIVE_IDLE_S;
    const int interval = KEEPALIVE_INTERVAL_S;
    const int count = KEEPALIVE_COUNT;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

struct clients *clients_new(struct turn *turn)
{
    struct clients *clients = memory_new(1, sizeof *clients);
    clients->turn = turn;
    handshakes_init(&clients->handshakes, turn->ev, on_handshake_over);
    return clients;
}

void clients_free(struct clients *clients)
{
    if (clients == NULL)
        return;
    struct client *client, *next;
    HASH_ITER(hh, clients->by_id, client, next)
    release(client);
    handshakes_deinit(&clients->handshakes);
    free(clients);
}

static void refuse(struct clients *clients, int fd)
{
    clients->turn->statistics.clients_refused++;
    /* The text fits into any fresh socket's buffer; the connection is closed either way. */
    (void)!send(fd, TOO_MANY, sizeof TOO_MANY - 1, MSG_NOSIGNAL);
    close(fd);
}

static struct client *add_client(struct clients *clients, int fd)
{
    set_options(fd);
    struct client *client = memory_new(1, sizeof *client);
    client->id = ++clients->last_id;
    client->owner = clients;
    stream_init(&client->stream, fd, on_readable, on_writable, client);
    ev_timer_init(&client->linger, on_linger_over, CLIENT_LINGER_MS / 1000.0, 0.);
    client->linger.data = client;
    HASH_ADD(hh, clients->by_id, id, sizeof client->id, client);
    return client;
}

void clients_accept(struct clients *clients, int fd)
{
    struct turn *turn = clients->turn;
    if (turn->statistics.clients_open >= turn->settings.clients_max)
        refuse(clients, fd);
    else
        tell_open(add_client(clients, fd));
}

void clients_accept_tls(struct clients *clients, int fd)
{
    struct turn *turn = clients->turn;
    struct tls_session *session = tls_session_new(turn->tls, TLS_ACCEPT_CLIENT);
    if (session == NULL) {
        turn->statistics.clients_refused++;
        close(fd);
        return;
    }
    handshakes_make_room(&clients->handshakes, turn->settings.tls_handshakes_max);
    struct client *client = add_client(clients, fd);
    stream_secure(&client->stream, session);
    client->handshake.owner = client;
    handshakes_begin(&clients->handshakes, &client->handshake,
                     turn->settings.tls_handshake_timeout_ms);
    update_reading(client);
}

void clients_verify(struct clients *clients)
{
    struct turn *turn = clients->turn;
    struct client *client, *next;
    char text[ADDRESS_TEXT_MAX];
    HASH_ITER(hh, clients->by_id, client, next)
    {
        struct tls_session *tls = client->stream.tls;
        if (tls == NULL || client->handshake.active || client->doomed ||
            tls_session_verify(tls, turn->tls))
            continue;
        log_line(&turn->log, LOG_WARN, "closed a TLS client from=%s reason=\"%s\"",
                 stream_describe_peer(&client->stream, text), tls->failure);
        client->doomed = true;
        enqueue(client);
    }
}

/* The connection that an effect names, unless it is on its way out. */
static struct client *find(struct clients *clients, connection_id id)
{
    struct client *client = NULL;
    HASH_FIND(hh, clients->by_id, &id, sizeof id, client);
    return client == NULL || client->closing || client->doomed ? NULL : client;
}

void clients_send(struct clients *clients, connection_id id, struct slice bytes)
{
    struct turn *turn = clients->turn;
    struct client *client = find(clients, id);
    if (client == NULL)
        return;
    stream_append(&client->stream, bytes);
    if (stream_unsent(&client->stream) > turn->settings.client_output_bytes_max) {
        log_line(&turn->log, LOG_WARN, "closed a client that does not read client=%" PRIu64, id);
        turn->statistics.clients_closed_output++;
        client->doomed = true;
    }
    enqueue(client);
}

void clients_close(struct clients *clients, connection_id id)
{
    struct client *client = find(clients, id);
    if (client == NULL)
        return;
    client->closing = true;
    ev_timer_start(clients->turn->ev, &client->linger);
    update_reading(client);
    enqueue(client);
}

void clients_pause(struct clients *clients, connection_id id, bool paused)
{
    struct client *client = find(clients, id);
    if (client == NULL)
        return;
    client->paused = paused;
    update_reading(client);
}

static void flush(struct client *client)
{
    struct clients *clients = client->owner;
    if (client->doomed || stream_flush(&client->stream, clients->turn->ev, CLIENT_KEEP_BYTES,
                                       &clients->counters) != STATUS_OK) {
        lose(client);
        return;
    }
    if (client->closing && !client->shut && stream_unsent(&client->stream) == 0) {
        client->shut = true;
        stream_shut(&client->stream);
    }
    update_reading(client);
}

void clients_flush(struct clients *clients)
{
    while (clients->dirty != NULL) {
        struct client *client = clients->dirty;
        dequeue(client);
        flush(client);
    }
    struct loop_statistics *statistics = &clients->turn->statistics;
    statistics->client_read_calls = clients->counters.read_calls;
    statistics->client_read_bytes = clients->counters.read_bytes;
    statistics->client_write_calls = clients->counters.write_calls;
    statistics->client_write_bytes = clients->counters.write_bytes;
}

void clients_drain(struct clients *clients)
{
    struct client *client, *next;
    clients->draining = true;
    HASH_ITER(hh, clients->by_id, client, next)
    {
        if (client->handshake.active)
            release(client);
        else
            update_reading(client);
    }
}

bool clients_all_sent(const struct clients *clients)
{
    struct client *client, *next;
    HASH_ITER(hh, clients->by_id, client, next)
    {
        if (stream_unsent(&client->stream) > 0)
            return false;
    }
    return true;
}
