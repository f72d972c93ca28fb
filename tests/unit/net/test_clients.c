#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "fixture.h"
#include "net/clients.h"
#include "net/listener.h"
#include "net/turn.h"

static void send_effect(struct effects *out, connection_id id, struct slice bytes)
{
    effects_add_bytes(out, EFFECT_CLIENT_SEND, bytes)->connection = id;
}

static void echo(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind == EVENT_CLIENT_BYTES)
        send_effect(out, event->connection, event->bytes);
}

static void bytes_arrive_in_order_one_by_one(void **state)
{
    struct fixture f;
    struct buffer got = {0};
    (void)state;
    fixture_init(&f);
    f.node->react = echo;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    for (const char *c = "PING\r\n"; *c != '\0'; c++) {
        uint8_t back;
        send_all(fd, c, 1);
        read_exactly(&f, fd, &back, 1);
        assert_int_equal(back, *c);
    }
    fake_node_bytes(f.node, EVENT_CLIENT_BYTES, &got);
    assert_memory_equal(got.data, "PING\r\n", 6);
    assert_int_equal(got.length, 6);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_BYTES), 6);
    const struct fake_event *open = fake_node_last(f.node, EVENT_CLIENT_OPEN);
    assert_memory_equal(open->bytes.data, "127.0.0.1:", 10);
    buffer_deinit(&got);
    close(fd);
    fixture_deinit(&f);
}

static void start_is_the_first_event(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    fixture_turn(&f);
    assert_int_equal(f.node->events[0].kind, EVENT_START);
    assert_int_equal(fake_node_count(f.node, EVENT_START), 1);
    fixture_deinit(&f);
}

static void answer_in_three(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind != EVENT_CLIENT_BYTES)
        return;
    for (int i = 0; i < 3; i++)
        send_effect(out, event->connection, slice_text("abc"));
}

static void a_turn_writes_once_per_connection(void **state)
{
    struct fixture f;
    uint8_t got[18];
    (void)state;
    fixture_init(&f);
    f.node->react = answer_in_three;
    fixture_start(&f);
    int one = fixture_connect_client(&f);
    int two = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == 2);
    send_text(one, "x");
    send_text(two, "x");
    read_exactly(&f, one, got, 9);
    read_exactly(&f, two, got + 9, 9);
    assert_memory_equal(got, "abcabcabcabcabcabc", 18);
    assert_int_equal(statistics_of(&f).client_write_calls, 2);
    assert_int_equal(statistics_of(&f).client_read_calls, 2);
    assert_int_equal(statistics_of(&f).client_write_bytes, 18);
    close(one);
    close(two);
    fixture_deinit(&f);
}

static void one_client_too_many_is_told_and_closed(void **state)
{
    static const char text[] = "-ERR max number of clients reached\r\n";
    struct fixture f;
    uint8_t got[sizeof text - 1];
    (void)state;
    fixture_init(&f);
    f.settings.clients_max = 2;
    fixture_start(&f);
    int one = fixture_connect_client(&f);
    int two = fixture_connect_client(&f);
    int three = fixture_connect_client(&f);
    read_exactly(&f, three, got, sizeof got);
    assert_memory_equal(got, text, sizeof got);
    expect_end(&f, three);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_OPEN), 2);
    assert_int_equal(statistics_of(&f).clients_refused, 1);
    /* A place that is given up can be taken again. */
    close(one);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_CLOSED) == 1);
    int four = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == 3);
    assert_int_equal(statistics_of(&f).clients_open, 2);
    close(two);
    close(three);
    close(four);
    fixture_deinit(&f);
}

static void the_end_of_a_client_is_told_once(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == 1);
    close(fd);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_CLOSED) == 1);
    for (int i = 0; i < 10; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_CLOSED), 1);
    assert_int_equal(fake_node_last(f.node, EVENT_CLIENT_CLOSED)->connection,
                     fake_node_last(f.node, EVENT_CLIENT_OPEN)->connection);
    assert_int_equal(statistics_of(&f).clients_open, 0);
    fixture_deinit(&f);
}

static void answer_the_dead(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind != EVENT_CLIENT_CLOSED)
        return;
    send_effect(out, event->connection, slice_text("late"));
    effects_add(out, EFFECT_CLIENT_PAUSE)->connection = event->connection;
    effects_add(out, EFFECT_CLIENT_CLOSE)->connection = event->connection;
}

static void effects_for_a_gone_client_are_ignored(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = answer_the_dead;
    fixture_start(&f);
    close(fixture_connect_client(&f));
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_CLOSED) == 1);
    fixture_turn(&f);
    assert_int_equal(statistics_of(&f).client_write_calls, 0);
    fixture_deinit(&f);
}

enum { LARGE = 32 << 20 };

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 2654435761u >> 13);
}

static void answer_large(struct node *node, const struct event *event, struct effects *out)
{
    if (event->kind != EVENT_CLIENT_BYTES || fake_node_count(node, EVENT_CLIENT_BYTES) > 1)
        return;
    uint8_t *bytes = memory_new(LARGE, 1);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = pattern(i);
    send_effect(out, event->connection, slice_make(bytes, LARGE));
    free(bytes);
}

/* The answer is far larger than the sockets' buffers, so most of it waits in the loop. */
static void a_client_that_does_not_read_is_not_read(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = answer_large;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "first");
    TURNS_UNTIL(&f, statistics_of(&f).client_write_calls > 0);
    send_text(fd, "second");
    uint64_t write_calls = statistics_of(&f).client_write_calls;
    for (int i = 0; i < 50; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_BYTES), 1);
    assert_true(statistics_of(&f).client_write_calls <= write_calls + 1);

    uint8_t *got = memory_new(LARGE, 1);
    read_exactly(&f, fd, got, LARGE);
    for (size_t i = 0; i < LARGE; i++) {
        if (got[i] != pattern(i))
            fail_msg("byte %zu differs", i);
    }
    free(got);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 2);
    close(fd);
    fixture_deinit(&f);
}

static void a_client_over_its_output_limit_is_closed(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.settings.client_output_bytes_max = LARGE - 1;
    f.node->react = answer_large;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_CLOSED) == 1);
    expect_end(&f, fd);
    assert_int_equal(statistics_of(&f).clients_closed_output, 1);
    assert_int_equal(statistics_of(&f).client_write_calls, 0);
    close(fd);
    fixture_deinit(&f);
}

static void pause_on_p_resume_on_start_of_other(struct node *node, const struct event *event,
                                                struct effects *out)
{
    connection_id *first = node->context;
    if (event->kind == EVENT_CLIENT_OPEN && *first == 0) {
        *first = event->connection;
        effects_add(out, EFFECT_CLIENT_PAUSE)->connection = *first;
    } else if (event->kind == EVENT_CLIENT_OPEN) {
        effects_add(out, EFFECT_CLIENT_RESUME)->connection = *first;
    }
}

static void a_paused_client_is_read_after_resume_only(void **state)
{
    struct fixture f;
    connection_id first = 0;
    (void)state;
    fixture_init(&f);
    f.node->react = pause_on_p_resume_on_start_of_other;
    f.node->context = &first;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    TURNS_UNTIL(&f, first != 0);
    fixture_turn(&f);
    send_text(fd, "waiting");
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_BYTES), 0);
    int other = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 1);
    assert_int_equal(fake_node_last(f.node, EVENT_CLIENT_BYTES)->connection, first);
    close(fd);
    close(other);
    fixture_deinit(&f);
}

static void answer_large_and_close(struct node *node, const struct event *event,
                                   struct effects *out)
{
    answer_large(node, event, out);
    if (event->kind == EVENT_CLIENT_BYTES)
        effects_add(out, EFFECT_CLIENT_CLOSE)->connection = event->connection;
}

/* Input that nobody reads any longer must not reset the connection under the answer. */
static void close_sends_everything_first(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = answer_large_and_close;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 1);
    send_text(fd, "ignored");
    uint8_t *got = memory_new(LARGE, 1);
    read_exactly(&f, fd, got, LARGE);
    assert_int_equal(got[LARGE - 1], pattern(LARGE - 1));
    free(got);
    expect_end(&f, fd);
    send_text(fd, "ignored");
    close(fd);
    TURNS_UNTIL(&f, statistics_of(&f).clients_open == 0);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_BYTES), 1);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_CLOSED), 0);
    fixture_deinit(&f);
}

static void echo_to_first(struct node *node, const struct event *event, struct effects *out)
{
    connection_id *first = node->context;
    if (event->kind == EVENT_CLIENT_OPEN && *first == 0)
        *first = event->connection;
    answer_large(node, event, out);
    if (event->kind == EVENT_CLIENT_BYTES)
        send_effect(out, *first, event->bytes);
}

/* The kernel said that it is full: asking it each turn again would only cost time. */
static void a_blocked_client_is_not_written_to(void **state)
{
    struct fixture f;
    connection_id first = 0;
    (void)state;
    fixture_init(&f);
    f.node->react = echo_to_first;
    f.node->context = &first;
    fixture_start(&f);
    int blocked = fixture_connect_client(&f);
    TURNS_UNTIL(&f, first != 0);
    int other = fixture_connect_client(&f);
    send_text(blocked, "x");
    TURNS_UNTIL(&f, statistics_of(&f).client_write_calls > 0);
    for (int i = 0; i < 50; i++)
        fixture_turn(&f);
    uint64_t before = statistics_of(&f).client_write_calls;
    for (size_t i = 2; i < 12; i++) {
        send_text(other, "more");
        TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == i);
        fixture_turn(&f);
    }
    assert_int_equal(statistics_of(&f).client_write_calls, before);
    close(blocked);
    close(other);
    fixture_deinit(&f);
}

enum { ECHOES = 4 };

/* Keeps the most effect bytes that a step has found in its context. */
static void echo_often(struct node *node, const struct event *event, struct effects *out)
{
    size_t *most = node->context;
    *most = out->bytes.length > *most ? out->bytes.length : *most;
    for (int i = 0; i < ECHOES && event->kind == EVENT_CLIENT_BYTES; i++)
        send_effect(out, event->connection, event->bytes);
}

/* Effects are carried out between two reads when they are many, and none goes astray. */
static void many_busy_clients_do_not_pile_up_effects(void **state)
{
    enum { CLIENTS = 64, BYTES = 32 << 10 };
    static uint8_t bytes[BYTES], back[ECHOES * BYTES];
    struct fixture f;
    int fds[CLIENTS];
    size_t most = 0;
    (void)state;
    fixture_init(&f);
    f.node->react = echo_often;
    f.node->context = &most;
    fixture_start(&f);
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        memset(bytes, i, sizeof bytes);
        send_all(fds[i], bytes, sizeof bytes);
    }
    for (int i = 0; i < CLIENTS; i++) {
        read_exactly(&f, fds[i], back, sizeof back);
        for (size_t at = 0; at < sizeof back; at++) {
            if (back[at] != i)
                fail_msg("client %d got a byte of client %d", i, back[at]);
        }
        close(fds[i]);
    }
    assert_true(most > TURN_EFFECT_BYTES_MAX / 2);
    assert_true(most <= TURN_EFFECT_BYTES_MAX);
    fixture_deinit(&f);
}

/* Without a free descriptor the connection is closed at once, and later ones work again. */
static void running_out_of_descriptors_is_survived(void **state)
{
    struct fixture f;
    struct rlimit limit, low;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    int second = fixture_connect_client(&f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = (rlim_t)second + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    TURNS_UNTIL(&f, statistics_of(&f).accepts_failed == 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    expect_end(&f, fd);
    /* The listener rests; what waits is taken afterwards. */
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == 1);
    assert_int_equal(statistics_of(&f).accepts_failed, 1);
    close(fd);
    close(second);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_the_first_event),
        cmocka_unit_test(bytes_arrive_in_order_one_by_one),
        cmocka_unit_test(a_turn_writes_once_per_connection),
        cmocka_unit_test(one_client_too_many_is_told_and_closed),
        cmocka_unit_test(the_end_of_a_client_is_told_once),
        cmocka_unit_test(effects_for_a_gone_client_are_ignored),
        cmocka_unit_test(a_client_that_does_not_read_is_not_read),
        cmocka_unit_test(a_client_over_its_output_limit_is_closed),
        cmocka_unit_test(a_paused_client_is_read_after_resume_only),
        cmocka_unit_test(close_sends_everything_first),
        cmocka_unit_test(a_blocked_client_is_not_written_to),
        cmocka_unit_test(many_busy_clients_do_not_pile_up_effects),
        cmocka_unit_test(running_out_of_descriptors_is_survived),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
