#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void ask_the_store(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind != EVENT_CLIENT_BYTES)
        return;
    effects_add_bytes(out, EFFECT_STORE_WRITE, slice_text("w1"));
    effects_add_bytes(out, EFFECT_STORE_READ, slice_text("r1"));
    effects_add_bytes(out, EFFECT_STORE_WRITE, slice_text("w2"));
}

static void store_frames_are_submitted_in_order(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = ask_the_store;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    TURNS_UNTIL(&f, f.written.length == 4);
    assert_memory_equal(f.written.data, "w1w2", 4);
    assert_int_equal(f.read.length, 2);
    assert_memory_equal(f.read.data, "r1", 2);
    close(fd);
    fixture_deinit(&f);
}

static void *wake(void *loop)
{
    loop_wake(loop);
    return NULL;
}

static void a_wake_up_from_another_thread_brings_replies(void **state)
{
    struct fixture f;
    pthread_t thread;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_FRAMES), 0);
    buffer_append(&f.replies, "reply", 5);
    assert_int_equal(pthread_create(&thread, NULL, wake, f.loop), 0);
    /* Waits in the poll: only the other thread can end this turn. */
    ev_run(loop_ev(f.loop), EVRUN_ONCE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_FRAMES), 1);
    assert_memory_equal(fake_node_last(f.node, EVENT_STORE_FRAMES)->bytes.data, "reply", 5);
    fixture_deinit(&f);
}

static void replies_from_before_the_start_are_taken(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    assert_int_equal(loop_new(&f.params, &f.loop), STATUS_OK);
    buffer_append(&f.replies, "early", 5);
    loop_wake(f.loop);
    ev_run(loop_ev(f.loop), EVRUN_NOWAIT);
    assert_int_equal(loop_start(f.loop, f.node), STATUS_OK);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_STORE_FRAMES) == 1);
    assert_int_equal(f.node->events[0].kind, EVENT_START);
    fixture_deinit(&f);
}

static void answer_with_store_frames(struct node *node, const struct event *event,
                                     struct effects *out)
{
    ask_the_store(node, event, out);
    if (event->kind == EVENT_STORE_FRAMES) {
        connection_id client = fake_node_last(node, EVENT_CLIENT_OPEN)->connection;
        effects_add_bytes(out, EFFECT_CLIENT_SEND, event->bytes)->connection = client;
    }
}

static void a_refused_frame_is_told_in_the_same_turn(void **state)
{
    struct fixture f;
    uint8_t got[3];
    (void)state;
    fixture_init(&f);
    f.node->react = answer_with_store_frames;
    f.submit_answer = STATUS_OVERLOADED;
    buffer_append(&f.refusals, "E", 1);
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 1);
    fixture_turn(&f); /* the one turn that carries out, is refused, and answers */
    assert_true(has_input(fd));
    read_exactly(&f, fd, got, sizeof got);
    assert_memory_equal(got, "EEE", 3);
    assert_int_equal(f.refused_count, 3);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_FRAMES), 1);
    assert_int_equal(statistics_of(&f).store_frames_refused, 3);
    close(fd);
    fixture_deinit(&f);
}

/* A write that arrives in the same turn is already judged by the new condition. */
static void a_changed_condition_is_told_once_and_first(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_OPEN) == 1);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_CONDITION), 0);
    f.condition = STATUS_NO_SPACE;
    send_text(fd, "x");
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 1);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_CONDITION), 1);
    assert_int_equal(fake_node_last(f.node, EVENT_STORE_CONDITION)->status, STATUS_NO_SPACE);
    assert_true(fake_node_last(f.node, EVENT_STORE_CONDITION) <
                fake_node_last(f.node, EVENT_CLIENT_BYTES));
    fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_STORE_CONDITION), 1);
    f.condition = STATUS_OK;
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_STORE_CONDITION) == 2);
    assert_int_equal(fake_node_last(f.node, EVENT_STORE_CONDITION)->status, STATUS_OK);
    close(fd);
    fixture_deinit(&f);
}

static void insist(struct node *node, const struct event *event, struct effects *out)
{
    (void)node;
    if (event->kind == EVENT_CLIENT_BYTES || event->kind == EVENT_STORE_FRAMES)
        effects_add_bytes(out, EFFECT_STORE_WRITE, slice_text("again"));
}

/* A node that asks again at once must not keep the loop from its sockets. */
static void a_turn_ends_even_if_the_store_always_refuses(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = insist;
    f.submit_answer = STATUS_OVERLOADED;
    buffer_append(&f.refusals, "E", 1);
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    TURNS_UNTIL(&f, f.refused_count > 0);
    size_t before = f.refused_count;
    /* Does not wait although nothing happens outside: effects are left. */
    ev_run(loop_ev(f.loop), EVRUN_ONCE);
    assert_int_equal(f.refused_count, before + LOOP_ROUNDS_MAX);
    send_text(fd, "y");
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_CLIENT_BYTES) == 2);
    f.submit_answer = STATUS_OK;
    TURNS_UNTIL(&f, f.written.length > 0);
    close(fd);
    fixture_deinit(&f);
}

static void forget_deadline(struct node *node, const struct event *event, struct effects *out)
{
    (void)out;
    if (event->kind == EVENT_TICK)
        node->deadline_us = UINT64_MAX;
}

static void a_tick_comes_at_the_deadline_and_once(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = forget_deadline;
    fixture_start(&f);
    fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_TICK), 0);
    uint64_t deadline_us = now_us() + 5000;
    f.node->deadline_us = deadline_us;
    while (fake_node_count(f.node, EVENT_TICK) == 0)
        ev_run(loop_ev(f.loop), EVRUN_ONCE);
    assert_true(now_us() >= deadline_us);
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_TICK), 1);
    fixture_deinit(&f);
}

static void an_earlier_deadline_moves_the_tick(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = forget_deadline;
    f.node->deadline_us = now_us() + 3600u * 1000000;
    fixture_start(&f);
    fixture_turn(&f);
    f.node->deadline_us = now_us() + 1000;
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_TICK) == 1);
    fixture_deinit(&f);
}

static void a_later_deadline_is_waited_for(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = forget_deadline;
    f.node->deadline_us = now_us() + 1000;
    fixture_start(&f);
    fixture_turn(&f);
    /* On a busy machine the first one may have come already, and then in time. */
    size_t ticks = fake_node_count(f.node, EVENT_TICK);
    uint64_t deadline_us = now_us() + 10000;
    f.node->deadline_us = deadline_us;
    TURNS_UNTIL(&f, fake_node_count(f.node, EVENT_TICK) == ticks + 1);
    assert_true(now_us() >= deadline_us);
    fixture_deinit(&f);
}

static void stop_when_asked(struct node *node, const struct event *event, struct effects *out)
{
    if (event->kind == EVENT_CLIENT_BYTES) {
        effects_add_bytes(out, EFFECT_CLIENT_SEND, slice_text("bye"))->connection =
            event->connection;
        loop_stop(node->context);
    }
}

static void stop_sends_what_its_turn_has_gathered(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f);
    f.node->react = stop_when_asked;
    fixture_start(&f);
    f.node->context = f.loop;
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    loop_run(f.loop);
    assert_true(has_input(fd));
    close(fd);
    fixture_deinit(&f);
}

static void drain_when_asked(struct node *node, const struct event *event, struct effects *out)
{
    struct fixture *f = node->context;
    (void)out;
    if (event->kind == EVENT_CLIENT_BYTES) {
        loop_drain(f->loop);
        buffer_append(&f->replies, "answer", 6);
        loop_wake(f->loop);
    }
    if (event->kind == EVENT_STORE_FRAMES) {
        connection_id client = fake_node_last(node, EVENT_CLIENT_OPEN)->connection;
        effects_add_bytes(out, EFFECT_CLIENT_SEND, event->bytes)->connection = client;
    }
}

static void drain_answers_what_was_asked_and_takes_nothing_new(void **state)
{
    struct fixture f;
    uint8_t got[6];
    (void)state;
    fixture_init(&f);
    f.node->react = drain_when_asked;
    f.node->context = &f;
    fixture_start(&f);
    int fd = fixture_connect_client(&f);
    send_text(fd, "x");
    loop_run(f.loop);
    assert_int_equal(recv(fd, got, sizeof got, MSG_DONTWAIT), 6);
    assert_memory_equal(got, "answer", 6);
    assert_int_equal(loop_client_port(f.loop, 0), 0);
    assert_int_equal(loop_peer_port(f.loop, 0), 0);
    send_text(fd, "too late");
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    assert_int_equal(fake_node_count(f.node, EVENT_CLIENT_BYTES), 1);
    close(fd);
    fixture_deinit(&f);
}

static void an_address_in_use_is_refused(void **state)
{
    struct fixture f, other;
    (void)state;
    fixture_init(&f);
    fixture_start(&f);
    fixture_init(&other);
    other.params.client_listen[0].port = loop_client_port(f.loop, 0);
    assert_int_equal(loop_new(&other.params, &other.loop), STATUS_IO);
    assert_null(other.loop);
    fixture_deinit(&other);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(store_frames_are_submitted_in_order),
        cmocka_unit_test(a_wake_up_from_another_thread_brings_replies),
        cmocka_unit_test(replies_from_before_the_start_are_taken),
        cmocka_unit_test(a_refused_frame_is_told_in_the_same_turn),
        cmocka_unit_test(a_changed_condition_is_told_once_and_first),
        cmocka_unit_test(a_turn_ends_even_if_the_store_always_refuses),
        cmocka_unit_test(a_tick_comes_at_the_deadline_and_once),
        cmocka_unit_test(an_earlier_deadline_moves_the_tick),
        cmocka_unit_test(a_later_deadline_is_waited_for),
        cmocka_unit_test(stop_sends_what_its_turn_has_gathered),
        cmocka_unit_test(drain_answers_what_was_asked_and_takes_nothing_new),
        cmocka_unit_test(an_address_in_use_is_refused),
    };
    alarm(60);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
