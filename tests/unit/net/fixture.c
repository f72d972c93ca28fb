#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static enum status submit_write(void *context, struct slice frame)
{
    struct fixture *f = context;
    if (f->submit_answer == STATUS_OK)
        buffer_append_slice(&f->written, frame);
    return f->submit_answer;
}

static enum status submit_read(void *context, struct slice frame)
{
    struct fixture *f = context;
    if (f->submit_answer == STATUS_OK)
        buffer_append_slice(&f->read, frame);
    return f->submit_answer;
}

static void take_replies(void *context, struct buffer *replies)
{
    struct fixture *f = context;
    buffer_append_slice(replies, buffer_slice(&f->replies));
    buffer_clear(&f->replies);
}

static void refused(void *context, struct slice frame, enum status why, struct buffer *replies)
{
    struct fixture *f = context;
    assert_true(frame.length > 0);
    assert_int_equal(why, f->submit_answer);
    f->refused_count++;
    buffer_append_slice(replies, buffer_slice(&f->refusals));
}

static void quarantine(void *context, uint16_t above, struct slice why)
{
    struct fixture *f = context;
    f->quarantines++;
    (void)above;
    (void)why;
}

static enum status condition(void *context)
{
    const struct fixture *f = context;
    return f->condition;
}

void fixture_dial(struct effects *out, node_id node, const struct ring_address *address)
{
    struct buffer bytes = {0};
    buffer_put_u16(&bytes, address->port);
    buffer_append_slice(&bytes, slice_text(address->host));
    effects_add_bytes(out, EFFECT_DIAL, buffer_slice(&bytes))->node = node;
    buffer_deinit(&bytes);
}

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.node = fake_node_new()};
    settings_defaults(&f->settings);
    f->members[0] = (struct ring_member){.id = SELF, .peer = {.host = "127.0.0.1", .port = 1}};
    f->members[1] = (struct ring_member){.id = PEER, .peer = {.host = "127.0.0.1", .port = 1}};
    f->ring = (struct ring){.member_count = 2, .members = f->members};
    f->params = (struct loop_params){
        .self = SELF,
        .ring = &f->ring,
        .settings = &f->settings,
        .store = {.context = f,
                  .submit_write = submit_write,
                  .submit_read = submit_read,
                  .take_replies = take_replies,
                  .refused = refused,
                  .condition = condition,
                  .quarantine = quarantine},
        .client_listen = {{.host = "127.0.0.1"}},
        .peer_listen = {{.host = "127.0.0.1"}},
        .client_listen_count = 1,
        .peer_listen_count = 1,
    };
}

void fixture_start(struct fixture *f)
{
    assert_int_equal(loop_new(&f->params, &f->loop), STATUS_OK);
    assert_int_equal(loop_start(f->loop, f->node), STATUS_OK);
}

void fixture_deinit(struct fixture *f)
{
    loop_free(f->loop);
    node_free(f->node);
    buffer_deinit(&f->written);
    buffer_deinit(&f->read);
    buffer_deinit(&f->replies);
    buffer_deinit(&f->refusals);
}

void fixture_turn(struct fixture *f)
{
    ev_run(loop_ev(f->loop), EVRUN_NOWAIT);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

int fixture_connect_client(struct fixture *f)
{
    return connect_to(loop_client_port(f->loop, 0));
}

int fixture_connect_peer(struct fixture *f)
{
    return connect_to(loop_peer_port(f->loop, 0));
}

void send_all(int fd, const void *bytes, size_t length)
{
    assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

void send_text(int fd, const char *text)
{
    send_all(fd, text, strlen(text));
}

void read_exactly(struct fixture *f, int fd, uint8_t *into, size_t length)
{
    while (length > 0) {
        fixture_turn(f);
        ssize_t got = recv(fd, into, length, MSG_DONTWAIT);
        if (got < 0) {
            assert_int_equal(errno, EAGAIN);
            continue;
        }
        assert_true(got > 0);
        into += got;
        length -= (size_t)got;
    }
}

void expect_end(struct fixture *f, int fd)
{
    uint8_t byte;
    ssize_t got;
    do {
        fixture_turn(f);
        got = recv(fd, &byte, 1, MSG_DONTWAIT);
    } while (got < 0 && errno == EAGAIN);
    assert_true(got <= 0);
}

bool has_input(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

struct loop_statistics statistics_of(const struct fixture *f)
{
    struct loop_statistics statistics;
    loop_statistics(f->loop, &statistics);
    return statistics;
}
