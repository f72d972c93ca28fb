#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "authority.h"
#include "fixture.h"
#include "net/stream.h"
#include "net/tls_session.h"
#include "wire/frame.h"

/* A loop of node 1 whose clients and peers speak TLS; the test plays them. */
struct secure {
    struct fixture f;
    struct authority authority;
    struct tls *own;
    struct tls *peer; /* of node 2 */
    SSL_CTX *client;
};

/* The other end of one connection. */
struct remote {
    int fd;
    struct tls_session *tls;
    struct buffer plain; /* what it has got */
    bool ended;
};

static struct tls *load(struct secure *s, node_id node, const char *file, bool crl)
{
    struct buffer reason = {0};
    struct tls *tls = NULL;
    struct tls_params params = {.for_clients = true,
                                .auth_clients = TLS_AUTH_REQUIRED,
                                .clients = authority_files(&s->authority, "server", "clients"),
                                .for_cluster = true,
                                .cluster = authority_files(&s->authority, file, "cluster"),
                                .self = authority_identity(node)};
    if (crl) {
        params.cluster.crl = authority_path(&s->authority, "cluster.crl");
        params.clients.crl = authority_path(&s->authority, "clients.crl");
    }
    if (tls_load(&params, &tls, &reason) != STATUS_OK)
        fail_msg("%.*s", (int)reason.length, (const char *)reason.data);
    return tls;
}

static void secure_init(struct secure *s)
{
    *s = (struct secure){0};
    authority_init(&s->authority);
    authority_issue_node(&s->authority, SELF);
    authority_issue_node(&s->authority, PEER);
    authority_issue(&s->authority, &s->authority.clients_ca, "server", CERTIFICATE_SERVER,
                    "DNS:localhost", 10);
    authority_issue(&s->authority, &s->authority.clients_ca, "client", CERTIFICATE_CLIENT, NULL,
                    10);
    s->own = load(s, SELF, "node-1", false);
    s->peer = load(s, PEER, "node-2", false);
    s->client = SSL_CTX_new(TLS_client_method());
    struct tls_files files = authority_files(&s->authority, "client", "clients");
    assert_int_equal(SSL_CTX_use_certificate_chain_file(s->client, files.certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(s->client, files.key, SSL_FILETYPE_PEM), 1);
    fixture_init(&s->f);
    s->f.params.tls = s->own;
    s->f.params.tls_listen[0] = s->f.params.client_listen[0];
    s->f.params.tls_listen_count = 1;
    s->f.params.client_listen_count = 0;
}

static void secure_deinit(struct secure *s)
{
    fixture_deinit(&s->f);
    tls_free(s->own);
    tls_free(s->peer);
    SSL_CTX_free(s->client);
    authority_deinit(&s->authority);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static struct remote remote_client(struct secure *s)
{
    struct tls tls = {.cluster = s->client, .self = authority_identity(77)};
    struct remote remote = {.fd = connect_to(loop_tls_port(s->f.loop, 0)),
                            .tls = tls_session_new(&tls, TLS_DIAL_PEER)};
    SSL_set_verify(remote.tls->ssl, SSL_VERIFY_NONE, NULL);
    return remote;
}

static void remote_deinit(struct remote *remote)
{
    close(remote->fd);
    tls_session_free(remote->tls);
    buffer_deinit(&remote->plain);
}

/* One turn of the loop, and what the other end does about it: `piece` bytes go at once. */
static void turn(struct secure *s, struct remote *remote, size_t piece)
{
    static uint8_t sealed[STREAM_SEALED_READ_BYTES], plain[STREAM_READ_BYTES];
    struct buffer *out = &remote->tls->sealed;
    size_t got = 0;
    if (out->length > 0) {
        ssize_t sent = send(remote->fd, out->data, out->length < piece ? out->length : piece,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            buffer_consume(out, (size_t)sent);
    }
    fixture_turn(&s->f);
    ssize_t count = recv(remote->fd, sealed, sizeof sealed, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0) {
        remote->ended = true;
        return;
    }
    enum status status =
        tls_session_open(remote->tls, slice_make(sealed, (size_t)count), plain, sizeof plain, &got);
    assert_true(status != STATUS_IO || remote->tls->failure[0] != '\0' || remote->tls->ended);
    buffer_append(&remote->plain, plain, got);
}

static void echo(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind == EVENT_CLIENT_BYTES)
        effects_add_bytes(out, EFFECT_CLIENT_SEND, event->bytes)->connection = event->connection;
}

static void a_client_is_served_once_it_is_known(void **state)
{
    static const size_t pieces[] = {100000, 1};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct secure s;
        secure_init(&s);
        s.f.node->react = echo;
        fixture_start(&s.f);
        struct remote client = remote_client(&s);
        do {
            assert_int_equal(fake_node_count(s.f.node, EVENT_CLIENT_OPEN), 0);
            turn(&s, &client, pieces[i]);
        } while (!client.tls->established);
        while (fake_node_count(s.f.node, EVENT_CLIENT_OPEN) == 0)
            turn(&s, &client, pieces[i]);
        assert_int_equal(statistics_of(&s.f).clients_open, 1);
        assert_int_equal(tls_session_seal(client.tls, slice_text("hello")), STATUS_OK);
        while (client.plain.length < 5)
            turn(&s, &client, pieces[i]);
        assert_memory_equal(client.plain.data, "hello", 5);
        remote_deinit(&client);
        TURNS_UNTIL(&s.f, fake_node_count(s.f.node, EVENT_CLIENT_CLOSED) == 1);
        secure_deinit(&s);
    }
}

static void answer_much(struct node *node, const struct event *event, struct effects *out)
{
    struct buffer bytes = {0};
    if (event->kind != EVENT_CLIENT_BYTES)
        return;
    while (bytes.length < 8 << 20)
        buffer_put_u64(&bytes, bytes.length);
    effects_add_bytes(out, EFFECT_CLIENT_SEND, buffer_slice(&bytes))->connection =
        event->connection;
    effects_add(out, EFFECT_CLIENT_CLOSE)->connection = event->connection;
    buffer_deinit(&bytes);
    (void)node;
}

/* More than the socket takes at once, then the end: all of it arrives, and the end is TLS' own. */
static void a_large_answer_arrives_whole_before_the_end(void **state)
{
    struct secure s;
    (void)state;
    secure_init(&s);
    s.f.node->react = answer_much;
    fixture_start(&s.f);
    struct remote client = remote_client(&s);
    while (!client.tls->established)
        turn(&s, &client, 100000);
    assert_int_equal(tls_session_seal(client.tls, slice_text("x")), STATUS_OK);
    while (!client.ended && !client.tls->ended)
        turn(&s, &client, 100000);
    assert_int_equal(client.plain.length, 8 << 20);
    for (uint64_t i = 0; i < 8 << 20; i += 8) {
        struct reader reader = reader_make(slice_make(client.plain.data + i, 8));
        assert_int_equal(reader_u64(&reader), i);
    }
    assert_true(client.tls->ended);
    remote_deinit(&client);
    secure_deinit(&s);
}

/* Whoever opens many and says nothing meets only its own. */
static void the_oldest_handshake_gives_way(void **state)
{
    enum { MAX = 8, MORE = 3 };
    struct secure s;
    int silent[MAX + MORE];
    (void)state;
    secure_init(&s);
    s.f.settings.tls_handshakes_max = MAX;
    fixture_start(&s.f);
    for (size_t i = 0; i < MAX + MORE; i++)
        silent[i] = connect_to(loop_tls_port(s.f.loop, 0));
    TURNS_UNTIL(&s.f, statistics_of(&s.f).tls_handshakes_failed == MORE);
    for (size_t i = 0; i < MAX + MORE; i++) {
        uint8_t byte;
        ssize_t got = recv(silent[i], &byte, 1, MSG_DONTWAIT);
        assert_int_equal(got, i < MORE ? 0 : -1);
    }
    struct remote client = remote_client(&s);
    while (fake_node_count(s.f.node, EVENT_CLIENT_OPEN) == 0)
        turn(&s, &client, 100000);
    assert_int_equal(fake_node_count(s.f.node, EVENT_CLIENT_CLOSED), 0);
    remote_deinit(&client);
    for (size_t i = 0; i < MAX + MORE; i++)
        close(silent[i]);
    secure_deinit(&s);
}

static void a_handshake_has_its_time(void **state)
{
    struct secure s;
    (void)state;
    secure_init(&s);
    s.f.settings.tls_handshake_timeout_ms = 100;
    fixture_start(&s.f);
    int silent = connect_to(loop_tls_port(s.f.loop, 0));
    expect_end(&s.f, silent);
    assert_int_equal(statistics_of(&s.f).tls_handshakes_failed, 1);
    assert_int_equal(fake_node_count(s.f.node, EVENT_CLIENT_OPEN), 0);
    close(silent);
    secure_deinit(&s);
}

static void one_client_too_many_is_told_so(void **state)
{
    struct secure s;
    (void)state;
    secure_init(&s);
    s.f.settings.clients_max = 1;
    fixture_start(&s.f);
    struct remote first = remote_client(&s), second = remote_client(&s);
    while (fake_node_count(s.f.node, EVENT_CLIENT_OPEN) == 0)
        turn(&s, &first, 100000);
    while (!second.ended)
        turn(&s, &second, 100000);
    assert_true(second.plain.length > 0);
    assert_memory_equal(second.plain.data, "-ERR max number of clients", 26);
    assert_int_equal(fake_node_count(s.f.node, EVENT_CLIENT_OPEN), 1);
    assert_int_equal(statistics_of(&s.f).clients_open, 1);
    remote_deinit(&first);
    remote_deinit(&second);
    secure_deinit(&s);
}

/* ---- peers ---- */

static struct ring_address peer_address;

static void dial_at_start(struct node *node, const struct event *event, struct effects *out)
{
    struct buffer frame = {0};
    (void)node;
    if (event->kind == EVENT_START)
        fixture_dial(out, PEER, &peer_address);
    if (event->kind != EVENT_LINK_UP)
        return;
    frame_finish(&frame, frame_start(&frame, 9, 0, 0));
    effects_add_bytes(out, EFFECT_LINK_SEND, buffer_slice(&frame))->link = event->link;
    buffer_deinit(&frame);
}

static int listen_as_peer(struct secure *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(fd, 8), 0);
    s->f.members[1].peer.port = ntohs(address.sin_port);
    peer_address = s->f.members[1].peer;
    return fd;
}

static void a_dialed_link_is_up_once_both_are_known(void **state)
{
    struct secure s;
    struct frame frame;
    size_t used;
    (void)state;
    secure_init(&s);
    int listener = listen_as_peer(&s);
    s.f.node->react = dial_at_start;
    fixture_start(&s.f);
    fixture_turn(&s.f);
    struct remote peer = {.fd = accept(listener, NULL, NULL),
                          .tls = tls_session_new(s.peer, TLS_ACCEPT_PEER)};
    while (peer.plain.length < FRAME_HEADER_BYTES) {
        assert_int_equal(fake_node_count(s.f.node, EVENT_DIAL_FAILED), 0);
        turn(&s, &peer, 3);
    }
    assert_int_equal(fake_node_count(s.f.node, EVENT_LINK_UP), 1);
    assert_int_equal(fake_node_last(s.f.node, EVENT_LINK_UP)->node, PEER);
    assert_int_equal(fake_node_last(s.f.node, EVENT_LINK_UP)->proven, PEER);
    assert_int_equal(frame_parse(buffer_slice(&peer.plain), &frame, &used), STATUS_OK);
    assert_int_equal(frame.type, 9);
    remote_deinit(&peer);
    TURNS_UNTIL(&s.f, fake_node_count(s.f.node, EVENT_LINK_DOWN) == 1);
    close(listener);
    secure_deinit(&s);
}

static void a_dial_of_who_speaks_no_tls_fails_once(void **state)
{
    struct secure s;
    (void)state;
    secure_init(&s);
    int listener = listen_as_peer(&s);
    s.f.node->react = dial_at_start;
    fixture_start(&s.f);
    fixture_turn(&s.f);
    int fd = accept(listener, NULL, NULL);
    send_text(fd, "-ERR what is this?\r\n");
    TURNS_UNTIL(&s.f, fake_node_count(s.f.node, EVENT_DIAL_FAILED) == 1);
    assert_int_equal(fake_node_last(s.f.node, EVENT_DIAL_FAILED)->node, PEER);
    for (int i = 0; i < 10; i++)
        fixture_turn(&s.f);
    assert_int_equal(fake_node_count(s.f.node, EVENT_DIAL_FAILED), 1);
    assert_int_equal(fake_node_count(s.f.node, EVENT_LINK_UP), 0);
    assert_int_equal(statistics_of(&s.f).links_open, 0);
    close(fd);
    close(listener);
    secure_deinit(&s);
}

static struct remote remote_peer(struct secure *s)
{
    return (struct remote){.fd = connect_to(loop_peer_port(s->f.loop, 0)),
                           .tls = tls_session_new(s->peer, TLS_DIAL_PEER)};
}

static void who_is_revoked_is_cut_off(void **state)
{
    struct secure s;
    (void)state;
    secure_init(&s);
    fixture_start(&s.f);
    struct remote peer = remote_peer(&s), client = remote_client(&s), late = remote_peer(&s);
    while (fake_node_count(s.f.node, EVENT_LINK_UP) == 0)
        turn(&s, &peer, 100000);
    assert_int_equal(fake_node_last(s.f.node, EVENT_LINK_UP)->proven, PEER);
    while (fake_node_count(s.f.node, EVENT_CLIENT_OPEN) == 0)
        turn(&s, &client, 100000);
    turn(&s, &late, 100); /* in the middle of its handshake */
    authority_issue_node(&s.authority, 3);
    authority_issue(&s.authority, &s.authority.clients_ca, "x", CERTIFICATE_CLIENT, NULL, 10);
    authority_revoke(&s.authority, &s.authority.cluster_ca, "cluster", "node-3", 10);
    authority_revoke(&s.authority, &s.authority.clients_ca, "clients", "x", 10);
    struct tls *others = load(&s, SELF, "node-1", true);
    loop_set_tls(s.f.loop, others);
    for (int i = 0; i < 10; i++) {
        turn(&s, &peer, 100000);
        turn(&s, &client, 100000);
    }
    assert_false(peer.ended || client.ended); /* others were revoked */
    authority_revoke(&s.authority, &s.authority.cluster_ca, "cluster", "node-2", 10);
    authority_revoke(&s.authority, &s.authority.clients_ca, "clients", "client", 10);
    struct tls *these = load(&s, SELF, "node-1", true);
    loop_set_tls(s.f.loop, these);
    assert_int_equal(fake_node_count(s.f.node, EVENT_LINK_DOWN), 0); /* not within the call */
    while (!peer.ended || !client.ended) {
        turn(&s, &peer, 100000);
        turn(&s, &client, 100000);
    }
    assert_int_equal(fake_node_count(s.f.node, EVENT_LINK_DOWN), 1);
    assert_int_equal(fake_node_count(s.f.node, EVENT_CLIENT_CLOSED), 1);
    /* A handshake that began by the old rules is judged by the new ones. */
    while (!late.ended)
        turn(&s, &late, 100000);
    assert_int_equal(fake_node_count(s.f.node, EVENT_LINK_UP), 1);
    remote_deinit(&peer);
    remote_deinit(&client);
    remote_deinit(&late);
    secure_deinit(&s);
    tls_free(others);
    tls_free(these);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_is_served_once_it_is_known),
        cmocka_unit_test(a_large_answer_arrives_whole_before_the_end),
        cmocka_unit_test(the_oldest_handshake_gives_way),
        cmocka_unit_test(a_handshake_has_its_time),
        cmocka_unit_test(one_client_too_many_is_told_so),
        cmocka_unit_test(a_dialed_link_is_up_once_both_are_known),
        cmocka_unit_test(a_dial_of_who_speaks_no_tls_fails_once),
        cmocka_unit_test(who_is_revoked_is_cut_off),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
