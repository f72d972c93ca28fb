#include "client/fake_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct resp_limits LIMITS = {.arguments_max = 1024,
                                          .bulk_bytes_max = 1 << 20,
                                          .inline_bytes_max = 1024,
                                          .request_bytes_max = 2 << 20,
                                          .authenticated = true};

enum { TURNS_MAX = 200000 };

static void listen_on(struct fake_server *server, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t length = sizeof address;
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%u", server->port);
}

void fake_server_start(struct fake_server *server)
{
    *server = (struct fake_server){.close_received = SIZE_MAX, .close_sent = SIZE_MAX};
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++)
        server->peers[i].fd = -1;
    listen_on(server, 0);
}

static void close_peer(struct fake_server *server, struct fake_peer *peer)
{
    if (peer->fd < 0)
        return;
    close(peer->fd);
    buffer_deinit(&peer->in);
    buffer_deinit(&peer->out);
    resp_reader_free(peer->reader);
    *peer = (struct fake_peer){.fd = -1};
    server->closed++;
}

void fake_server_stop(struct fake_server *server)
{
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++)
        close_peer(server, &server->peers[i]);
    if (server->listener >= 0)
        close(server->listener);
    server->listener = -1;
}

void fake_server_restart(struct fake_server *server)
{
    listen_on(server, server->port);
}

void fake_server_deinit(struct fake_server *server)
{
    fake_server_stop(server);
    buffer_deinit(&server->words);
}

static struct fake_key *find_key(struct fake_server *server, struct slice name)
{
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        struct fake_key *key = &server->keys[i];
        if (key->name[0] == '\0')
            snprintf(key->name, sizeof key->name, "%.*s", (int)name.length, name.data);
        if (slice_equal(slice_text(key->name), name))
            return key;
    }
    fail_msg("more keys than the fake server has room for");
    return NULL;
}

unsigned fake_server_applied(const struct fake_server *server, const char *key)
{
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        if (strcmp(server->keys[i].name, key) == 0)
            return server->keys[i].applied;
    }
    return 0;
}

/* Whether a request with this id was seen before; it is now. */
static bool is_repeated(struct fake_server *server, struct slice id)
{
    for (size_t i = 0; i < FAKE_KEYS_MAX; i++) {
        if (server->ids[i][0] == '\0') {
            snprintf(server->ids[i], sizeof server->ids[i], "%.*s", (int)id.length, id.data);
            return false;
        }
        if (slice_equal(slice_text(server->ids[i]), id))
            return true;
    }
    return false;
}

/* False: the connection is closed. */
static bool answer(struct fake_server *server, struct fake_peer *peer,
                   const struct resp_request *request)
{
    const struct slice *words = request->arguments;
    size_t count = request->argument_count;
    bool repeated = false;
    buffer_clear(&server->words);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&server->words, "%s%.*s", i == 0 ? "" : " ", (int)words[i].length,
                      (const char *)words[i].data);
    if (slice_equal(words[0], slice_text("WITH"))) {
        for (words++, count--; memchr(words[0].data, '=', words[0].length) != NULL;
             words++, count--) {
            if (words[0].length > 3 && memcmp(words[0].data, "id=", 3) == 0)
                repeated = is_repeated(server, words[0]);
        }
    }
    if (slice_equal(words[0], slice_text("HELLO"))) {
        buffer_printf(&peer->out, "%%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
        return true;
    }
    bool set = slice_equal(words[0], slice_text("SET"));
    bool get = slice_equal(words[0], slice_text("GET"));
    server->sets += set;
    server->gets += get;
    if (server->silent)
        return true;
    if (slice_equal(words[0], slice_text("RING.SLOTS"))) {
        server->slots_asked++;
        buffer_printf(&peer->out, "%s",
                      server->slots == NULL ? "-ERR unknown command 'RING.SLOTS'\r\n"
                                            : server->slots);
    } else if ((set || get) && server->refusals > 0) {
        server->refusals--;
        buffer_printf(&peer->out, "-%s\r\n", server->refusal);
    } else if (set) {
        struct fake_key *key = find_key(server, words[1]);
        if (!repeated) {
            key->applied++;
            snprintf(key->value, sizeof key->value, "%.*s", (int)words[2].length, words[2].data);
        }
        if (server->loses_answers) {
            close_peer(server, peer);
            return false;
        }
        buffer_printf(&peer->out, "+OK\r\n");
    } else if (get) {
        const struct fake_key *key = find_key(server, words[1]);
        buffer_printf(&peer->out, "$%zu\r\n%s\r\n", strlen(key->value), key->value);
    } else if (slice_equal(words[0], slice_text("PING"))) {
        buffer_printf(&peer->out, "+PONG\r\n");
    } else if (slice_equal(words[0], slice_text("SELECT"))) {
        buffer_printf(&peer->out, "+OK\r\n");
    } else {
        buffer_printf(&peer->out, "-ERR unknown command '%.*s'\r\n", (int)words[0].length,
                      (const char *)words[0].data);
    }
    return true;
}

static bool is_cut(struct fake_server *server, struct fake_peer *peer)
{
    if (peer->received < server->close_received && peer->sent < server->close_sent)
        return false;
    if (!server->closes_always)
        server->close_received = server->close_sent = SIZE_MAX;
    close_peer(server, peer);
    return true;
}

static bool receive(struct fake_server *server, struct fake_peer *peer)
{
    /* No further than where the test wants the end. */
    size_t most = server->close_received - peer->received;
    size_t wanted = most < 4096 ? most : 4096;
    ssize_t length = wanted == 0 ? 0 : recv(peer->fd, buffer_reserve(&peer->in, wanted), wanted, 0);
    if (length < 0)
        return errno != EAGAIN;
    if (length == 0 && wanted > 0) {
        close_peer(server, peer);
        return true;
    }
    peer->in.length += (size_t)length;
    peer->received += (size_t)length;
    size_t offset = 0;
    struct resp_request request;
    while (resp_reader_next(peer->reader, buffer_slice(&peer->in), &offset, &request) ==
           RESP_READER_REQUEST) {
        if (!answer(server, peer, &request))
            return true;
    }
    buffer_consume(&peer->in, offset);
    (void)is_cut(server, peer);
    return true;
}

static bool send_some(struct fake_server *server, struct fake_peer *peer)
{
    size_t length = peer->out.length;
    if (length == 0)
        return false;
    if (server->piece > 0 && length > server->piece)
        length = server->piece;
    if (length > server->close_sent - peer->sent)
        length = server->close_sent - peer->sent;
    ssize_t sent = send(peer->fd, peer->out.data, length, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN)
            close_peer(server, peer);
        return errno != EAGAIN;
    }
    buffer_consume(&peer->out, (size_t)sent);
    peer->sent += (size_t)sent;
    (void)is_cut(server, peer);
    return true;
}

bool fake_server_step(struct fake_server *server)
{
    bool happened = false, nobody = false;
    if (server->listener < 0 || server->mute)
        return false;
    for (size_t i = 0; i < FAKE_PEERS_MAX; i++) {
        struct fake_peer *peer = &server->peers[i];
        if (peer->fd < 0) {
            if (nobody)
                continue;
            int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                nobody = true;
                continue;
            }
            int one = 1;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            *peer = (struct fake_peer){.fd = fd, .reader = resp_reader_new(&LIMITS)};
            server->accepted++;
            happened = true;
            continue;
        }
        happened = receive(server, peer) || happened;
        if (peer->fd >= 0)
            happened = send_some(server, peer) || happened;
    }
    return happened;
}

static size_t slot_owner(char *out, size_t bytes, const struct fake_server *server)
{
    char host[] = "127.0.0.1";
    return (size_t)snprintf(out, bytes,
                            "*4\r\n$%zu\r\n%s\r\n:%u\r\n$1\r\nx\r\n*2\r\n$6\r\nregion\r\n"
                            "$2\r\neu\r\n",
                            strlen(host), host, server->port);
}

const char *fake_slots(char *out, size_t bytes, const struct fake_server *low,
                       const struct fake_server *high)
{
    size_t at = (size_t)snprintf(out, bytes, "*2\r\n*4\r\n:0\r\n:8191\r\n");
    at += slot_owner(out + at, bytes - at, low);
    at += slot_owner(out + at, bytes - at, high);
    at += (size_t)snprintf(out + at, bytes - at, "*4\r\n:8192\r\n:16383\r\n");
    at += slot_owner(out + at, bytes - at, high);
    at += slot_owner(out + at, bytes - at, low);
    assert_true(at < bytes);
    return out;
}

static bool client_step(struct ringdb *client, uint64_t now_us)
{
    struct pollfd polls[FAKE_PEERS_MAX];
    size_t count = ringdb_wait_count(client);
    assert_true(count <= FAKE_PEERS_MAX);
    for (size_t i = 0; i < count; i++) {
        struct ringdb_wait wait = ringdb_wait_at(client, i);
        polls[i] = (struct pollfd){.fd = wait.fd};
        polls[i].events = (short)((wait.events & RINGDB_WAIT_READ ? POLLIN : 0) |
                                  (wait.events & RINGDB_WAIT_WRITE ? POLLOUT : 0));
    }
    int ready = poll(polls, count, 0);
    for (size_t i = 0; ready > 0 && i < count; i++) {
        unsigned events = (polls[i].revents & (POLLIN | POLLHUP | POLLERR) ? RINGDB_WAIT_READ : 0) |
                          (polls[i].revents & POLLOUT ? RINGDB_WAIT_WRITE : 0);
        if (events != 0)
            ringdb_ready(client, polls[i].fd, events, now_us);
    }
    ringdb_advance(client, now_us);
    return ready > 0;
}

void fake_run(struct ringdb *client, struct fake_server *servers, size_t count,
              const unsigned *open, uint64_t *now_us, uint64_t step_us)
{
    unsigned idle = 0;
    ringdb_advance(client, *now_us);
    for (unsigned turn = 0; *open > 0; turn++) {
        bool happened = client_step(client, *now_us);
        for (size_t i = 0; i < count; i++)
            happened = fake_server_step(&servers[i]) || happened;
        /* The system may need a moment to carry bytes over. */
        idle = happened ? 0 : idle + 1;
        if (idle > 3)
            *now_us += step_us;
        if (turn > TURNS_MAX)
            fail_msg("the call does not end");
    }
}
