#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "fixture.h"
#include "net/links.h"
#include "wire/frame.h"

static void put_frame(struct buffer *out, uint16_t type, size_t body_bytes)
{
    size_t offset = frame_start(out, type, 7, 0);
    for (size_t i = 0; i < body_bytes; i++)
        buffer_put_u8(out, (uint8_t)i);
    frame_finish(out, offset);
}

static void assert_received(const struct fixture *f, const struct buffer *expected)
{
    struct buffer got = {0};
    fake_node_bytes(f->node, EVENT_LINK_FRAMES, &got);
    assert_int_equal(got.length, expected->length);
    assert_memory_equal(got.data, expected->data, got.length);
    buffer_deinit(&got);
}

static void a_frame_is_handed_over_when_it_is_whole(void **state)
{
    struct fixture f;
    struct buffer frames = {0};
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_peer(&f);
    put_frame(&frames, 1, 3);
    for (size_t i = 0; i < frames.length; i++) {
        assert_int_equal(fake_node_count(f.node, EVENT_LINK_FRAMES), 0);
        uint64_t before = statistics_of(&f).link_read_bytes;
        send_all(fd, frames.data + i, 1);
        TURNS_UNTIL(&f, statistics_of(&f).link_read_bytes > before);
        fixture_turn(&f);
    }
    assert_int_equal(fake_node_count(f.node, EVENT_LINK_FRAMES), 1);
    assert_received(&f, &frames);
    assert_int_equal(fake_node_last(f.node, EVENT_LINK_UP)->node, 0);
    close(fd);
    buffer_deinit(&frames);
    fixture_deinit(&f);
}

static void the_start_of_a_frame_waits_behind_whole_ones(void **state)
{
    struct fixture f;
    struct buffer frames = {0};
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_peer(&f);
    put_frame(&frames, 1, 10);
    put_frame(&frames, 2, 0);
    size_t whole = frames.length;
    put_frame(&frames, 3, 20);
    send_all(fd, frames.data, whole + 30);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_FRAMES) == 1);
    assert_int_equal(fake_node_last(f.node, EVENT_LINK_FRAMES)->bytes.length, whole);
    send_all(fd, frames.data + whole + 30, frames.length - whole - 30);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_FRAMES) == 2);
    assert_received(&f, &frames);
    close(fd);
    buffer_deinit(&frames);
    fixture_deinit(&f);
}

static void a_corrupt_frame_ends_its_link_alone(void **state)
{
    struct fixture f;
    struct buffer frames = {0};
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int good = fixture_connect_peer(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_UP) == 1);
    int bad = fixture_connect_peer(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_UP) == 2);
    link_id bad_link = fake_node_last(f.node, EVENT_LINK_UP)->link;
    put_frame(&frames, 1, 5);
    size_t first = frames.length;
    put_frame(&frames, 2, 5);
    frames.data[frames.length - 1] ^= 1;
    send_all(bad, frames.data, frames.length);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_DOWN) == 1);
    assert_int_equal(fake_node_last(f.node, EVENT_LINK_DOWN)->link, bad_link);
    /* What was right before it counts. */
    assert_int_equal(fake_node_last(f.node, EVENT_LINK_FRAMES)->bytes.length, first);
    expect_end(&f, bad);
    send_all(good, frames.data, first);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_FRAMES) == 2);
    assert_int_equal(statistics_of(&f).links_closed_corrupt, 1);
    assert_int_equal(statistics_of(&f).links_open, 1);
    close(good);
    close(bad);
    buffer_deinit(&frames);
    fixture_deinit(&f);
}

static void an_unproven_link_may_not_announce_much(void **state)
{
    struct fixture f;
    struct buffer frame = {0};
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_peer(&f);
    put_frame(&frame, 1, LINK_UNPROVEN_BYTES_MAX - FRAME_HEADER_BYTES + 1);
    send_all(fd, frame.data, 4);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_DOWN) == 1);
    close(fd);

    /* Exactly the limit is a first frame; after it everything up to FRAME_BYTES_MAX is. */
    fd = fixture_connect_peer(&f);
    buffer_clear(&frame);
    put_frame(&frame, 1, LINK_UNPROVEN_BYTES_MAX - FRAME_HEADER_BYTES);
    send_all(fd, frame.data, frame.length);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_FRAMES) == 1);
    buffer_clear(&frame);
    put_frame(&frame, 1, 1 << 20);
    for (size_t sent = 0; sent < frame.length;) {
        ssize_t count = send(fd, frame.data + sent, frame.length - sent, MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
        fixture_turn(&f);
    }
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_FRAMES) == 2);
    assert_memory_equal(fake_node_last(f.node, EVENT_LINK_FRAMES)->bytes.data, frame.data,
                        frame.length);
    buffer_clear(&frame);
    buffer_put_u32(&frame, FRAME_BYTES_MAX - 4 + 1);
    send_all(fd, frame.data, frame.length);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_DOWN) == 2);
    close(fd);
    buffer_deinit(&frame);
    fixture_deinit(&f);
}

/* An address that the loop has known from its start. */
static struct ring_address peer_address;

/* A peer that the test plays: its address stands in the ring. */
static int listen_as_peer(struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    assert_int_equal(listen(fd, 8), 0);
    f->members[1].peer.port = ntohs(address.sin_port);
    peer_address = f->members[1].peer;
    return fd;
}

/* Dial at the start and whenever the link or the dial fails; greet on each link. */
static void keep_dialing(struct node *node, const struct event *event, struct effects *out)
{
    struct buffer frame = {0};
    (void)node;
    if (event->kind == EVENT_START || event->kind == EVENT_LINK_DOWN)
        fixture_dial(out, PEER, &peer_address);
    if (event->kind == EVENT_LINK_UP) {
        put_frame(&frame, 9, 4);
        effects_add_bytes(out, EFFECT_LINK_SEND, buffer_slice(&frame))->link = event->link;
        buffer_deinit(&frame);
    }
}

static void a_dialed_link_sends_and_is_dialed_again(void **state)
{
    struct fixture f;
    uint8_t got[FRAME_HEADER_BYTES + 4];
    struct frame frame;
    size_t used;
    (void)state;
    fixture_init(&f);
    int listener = listen_as_peer(&f);
    f.node->react = keep_dialing;
    fixture_start(&f);
    for (size_t i = 1; i <= 3; i++) {
        TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_UP) == i);
        assert_int_equal(fake_node_last(f.node, EVENT_LINK_UP)->node, PEER);
        int fd = accept(listener, NULL, NULL);
        read_exactly(&f, fd, got, sizeof got);
        assert_int_equal(frame_parse(slice_make(got, sizeof got), &frame, &used), STATUS_OK);
        assert_int_equal(frame.type, 9);
        close(fd);
        TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_DOWN) == i);
    }
    close(listener);
    fixture_deinit(&f);
}

static void dial_twice_at_start(struct node *node, const struct event *event, struct effects *out)
{
    const node_id *whom = node->context;
    if (event->kind != EVENT_START)
        return;
    fixture_dial(out, *whom, &peer_address);
    fixture_dial(out, *whom, &peer_address);
}

static void two_dials_to_one_node_are_one(void **state)
{
    struct fixture f;
    node_id whom = PEER;
    (void)state;
    fixture_init(&f);
    int listener = listen_as_peer(&f);
    f.node->react = dial_twice_at_start;
    f.node->context = &whom;
    fixture_start(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_UP) == 1);
    int fd = accept(listener, NULL, NULL);
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_LINK_UP), 1);
    assert_false(has_input(listener));
    close(fd);
    close(listener);
    fixture_deinit(&f);
}

static void a_refused_dial_is_told_once(void **state)
{
    struct fixture f;
    node_id whom = PEER;
    (void)state;
    fixture_init(&f);
    close(listen_as_peer(&f));
    f.node->react = dial_twice_at_start;
    f.node->context = &whom;
    fixture_start(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_DIAL_FAILED) == 1);
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_DIAL_FAILED), 1);
    assert_int_equal(fake_node_last(f.node, EVENT_DIAL_FAILED)->node, PEER);
    assert_int_equal(fake_node_count(f.node, EVENT_LINK_UP), 0);
    fixture_deinit(&f);
}

/* Looking it up would hold up the loop; by number it is reached without a restart. */
static void who_joins_later_is_dialed_by_number(void **state)
{
    struct fixture f;
    node_id whom = 99;
    (void)state;
    fixture_init(&f);
    int listener = listen_as_peer(&f);
    f.members[1].peer.port = 1;
    f.node->react = dial_twice_at_start;
    f.node->context = &whom;
    fixture_start(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_LINK_UP) == 1);
    assert_int_equal(fake_node_last(f.node, EVENT_LINK_UP)->node, 99);
    close(listener);
    fixture_deinit(&f);
}

static void who_joins_later_is_not_dialed_by_name(void **state)
{
    struct fixture f;
    node_id whom = 99;
    (void)state;
    fixture_init(&f);
    int listener = listen_as_peer(&f);
    snprintf(peer_address.host, sizeof peer_address.host, "localhost");
    f.node->react = dial_twice_at_start;
    f.node->context = &whom;
    fixture_start(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_DIAL_FAILED) == 1);
    assert_int_equal(fake_node_last(f.node, EVENT_DIAL_FAILED)->node, 99);
    close(listener);
    fixture_deinit(&f);
}

/* Nobody answers the handshake: the backlog of a listener that never accepts is full. */
static void a_dial_without_answer_times_out(void **state)
{
    struct fixture f;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    node_id whom = PEER;
    int fillers[8];
    (void)state;
    fixture_init(&f);
    f.settings.handshake_timeout_ms = 20;
    int listener = listen_as_peer(&f);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&address, length);
    }
    f.node->react = dial_twice_at_start;
    f.node->context = &whom;
    fixture_start(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_DIAL_FAILED) == 1);
    assert_int_equal(fake_node_count(f.node, EVENT_LINK_UP), 0);
    for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
        close(fillers[i]);
    close(listener);
    fixture_deinit(&f);
}

/* On each link, 1 MiB in one effect. */
static void send_a_megabyte(struct node *node, const struct event *event, struct effects *out)
{
    struct buffer frame = {0};
    (void)node;
    if (event->kind != EVENT_LINK_UP && event->kind != EVENT_LINK_FRAMES)
        return;
    put_frame(&frame, 4, 1 << 20);
    effects_add_bytes(out, EFFECT_LINK_SEND, buffer_slice(&frame))->link = event->link;
    buffer_deinit(&frame);
}

static void a_peer_over_its_output_limit_is_closed(void **state)
{
    struct fixture f;
    struct buffer frame = {0};
    (void)state;
    fixture_init(&f);
    f.settings.peer_output_bytes_max = 16 << 20;
    f.node->react = send_a_megabyte;
    fixture_start(&f);
    int fd = fixture_connect_peer(&f);
    put_frame(&frame, 1, 0);
    while (fake_node_count(f.node, EVENT_LINK_DOWN) == 0) {
        assert_true(fake_node_count(f.node, EVENT_LINK_FRAMES) < 64);
        send_all(fd, frame.data, frame.length);
        for (int i = 0; i < 3; i++)
            fixture_turn(&f);
    }
    assert_int_equal(statistics_of(&f).links_closed_output, 1);
    assert_int_equal(statistics_of(&f).links_open, 0);
    close(fd);
    buffer_deinit(&frame);
    fixture_deinit(&f);
}

static void greet_and_close(struct node *node, const struct event *event, struct effects *out)
{
    keep_dialing(node, event, out);
    if (event->kind == EVENT_LINK_UP)
        effects_add(out, EFFECT_LINK_CLOSE)->link = event->link;
}

static void a_closed_link_sends_what_it_has(void **state)
{
    struct fixture f;
    uint8_t got[FRAME_HEADER_BYTES + 4];
    (void)state;
    fixture_init(&f);
    close(listen_as_peer(&f));
    f.node->react = greet_and_close;
    fixture_start(&f);
    int fd = fixture_connect_peer(&f);
    read_exactly(&f, fd, got, sizeof got);
    expect_end(&f, fd);
    assert_int_equal(fake_node_count(f.node, EVENT_LINK_DOWN), 0);
    assert_int_equal(statistics_of(&f).links_open, 0);
    close(fd);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_handed_over_when_it_is_whole),
        cmocka_unit_test(the_start_of_a_frame_waits_behind_whole_ones),
        cmocka_unit_test(a_corrupt_frame_ends_its_link_alone),
        cmocka_unit_test(an_unproven_link_may_not_announce_much),
        cmocka_unit_test(a_dialed_link_sends_and_is_dialed_again),
        cmocka_unit_test(two_dials_to_one_node_are_one),
        cmocka_unit_test(a_refused_dial_is_told_once),
        cmocka_unit_test(who_joins_later_is_dialed_by_number),
        cmocka_unit_test(who_joins_later_is_not_dialed_by_name),
        cmocka_unit_test(a_dial_without_answer_times_out),
        cmocka_unit_test(a_peer_over_its_output_limit_is_closed),
        cmocka_unit_test(a_closed_link_sends_what_it_has),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
