/*
 * test_stability_schedule.c - when a peer is told what is durable here.
 */
#include "loop_host.h"

#include "wire/message_garbage.h"

enum { PEER = 2 };

static void start(struct loop_host *host)
{
    loop_host_init(host, "eu:2", 2);
    loop_host_let_all_in(host);
}

/* The number of the last step of a kind from `first` to `last` about the peer; 0: there is none. */
static request_id find_step(const struct loop_host *host, uint8_t first, uint8_t last)
{
    request_id request = 0;
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        struct message_stability_step step;
        struct frame frame;
        size_t used;
        if (effect->kind != EFFECT_STORE_WRITE)
            continue;
        assert_int_equal(frame_parse(effect_bytes(&host->effects, effect), &frame, &used),
                         STATUS_OK);
        if (frame.type != MESSAGE_STABILITY_STEP)
            continue;
        assert_int_equal(message_stability_step_decode(frame.body, &step), STATUS_OK);
        if (step.node == PEER && step.kind >= first && step.kind <= last)
            request = frame.request;
    }
    return request;
}

/* The request of the own store that makes a report for the peer; 0: none was asked for. */
static request_id asked(const struct loop_host *host)
{
    return find_step(host, STABILITY_STEP_ASK, STABILITY_STEP_AFRESH);
}

/* The store has made the report, and it is sent. */
static void report(struct loop_host *host, request_id request, uint64_t number)
{
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    message_stability_encode(&(struct message_stability){.number = number}, &body);
    loop_host_give(host, 0, MESSAGE_STABILITY, request, buffer_slice(&body));
    assert_true(loop_host_find(host, MESSAGE_STABILITY, &frame, &link));
    assert_int_equal(link, PEER);
    buffer_deinit(&body);
}

static void hear(struct loop_host *host, uint64_t number)
{
    struct buffer body = {0};
    message_stability_heard_encode(
        &(struct message_stability_heard){.number = number, .sent_us = host->now.mono_us}, &body);
    loop_host_give(host, PEER, MESSAGE_STABILITY_HEARD, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* Garbage makes the turns come five times as often as stability_interval_ms says. */
static void have_garbage(struct loop_host *host)
{
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    loop_host_pass(host, host->settings.stability_interval_ms, 0);
    assert_true(loop_host_find(host, MESSAGE_STABILITY_STEP, &frame, &link));
    message_garbage_encode(&(struct message_garbage){.tombstones = 1}, &body);
    loop_host_give(host, 0, MESSAGE_GARBAGE, frame.request, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The first one that is asked for in the next `ms`, the peer being there; 0: none. */
static request_id asked_within(struct loop_host *host, uint64_t ms)
{
    enum { STEP_MS = 100 };
    request_id request = 0;
    for (uint64_t passed = 0; request == 0 && passed < ms; passed += STEP_MS) {
        loop_host_beat(host, PEER, 0);
        loop_host_pass(host, STEP_MS, 0);
        request = asked(host);
    }
    return request;
}

static void one_report_is_under_way_at_a_time(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host);
    have_garbage(&host);
    loop_host_let_all_in(&host);
    request_id request = asked_within(&host, host.settings.stability_interval_ms);
    assert_int_not_equal(request, 0);
    report(&host, request, 1);
    assert_int_equal(asked_within(&host, host.settings.stability_interval_ms - 1000), 0);
    hear(&host, 1); /* its next turn was long ago */
    assert_int_not_equal(asked(&host), 0);
    loop_host_deinit(&host);
}

static void a_report_that_is_not_heard_of_is_followed_by_another(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host);
    uint64_t patience_ms = host.settings.stability_interval_ms + host.settings.request_timeout_ms;
    request_id request = asked_within(&host, patience_ms);
    assert_int_not_equal(request, 0);
    report(&host, request, 1);
    assert_int_not_equal(asked_within(&host, patience_ms), 0);
    loop_host_deinit(&host);
}

static void get_report(struct loop_host *host)
{
    struct buffer body = {0};
    message_stability_encode(&(struct message_stability){.number = 1}, &body);
    loop_host_give(host, PEER, MESSAGE_STABILITY, 9, buffer_slice(&body));
    buffer_deinit(&body);
}

static request_id forgets(const struct loop_host *host)
{
    return find_step(host, STABILITY_STEP_FORGET, STABILITY_STEP_FORGET);
}

/* A full queue refuses the step: what the peer said in an earlier life would stand for good. */
static void a_report_waits_until_those_of_the_last_link_are_forgotten(void **state)
{
    struct loop_host host;
    struct buffer heard = {0};
    (void)state;
    start(&host);
    loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = PEER});
    request_id request = forgets(&host);
    assert_int_not_equal(request, 0);
    loop_host_let_all_in(&host);
    loop_host_give(&host, 0, MESSAGE_STORE_REFUSED, request, slice_make(NULL, 0));
    get_report(&host);
    assert_int_equal(find_step(&host, STABILITY_STEP_REPORT, STABILITY_STEP_REPORT), 0);

    loop_host_beat(&host, PEER, 0);
    loop_host_pass(&host, 200, 0);
    request = forgets(&host); /* once more */
    assert_int_not_equal(request, 0);
    message_stability_heard_encode(&(struct message_stability_heard){.number = 0}, &heard);
    loop_host_give(&host, 0, MESSAGE_STABILITY_HEARD, request, buffer_slice(&heard));
    get_report(&host);
    assert_int_not_equal(find_step(&host, STABILITY_STEP_REPORT, STABILITY_STEP_REPORT), 0);
    buffer_deinit(&heard);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_report_is_under_way_at_a_time),
        cmocka_unit_test(a_report_that_is_not_heard_of_is_followed_by_another),
        cmocka_unit_test(a_report_waits_until_those_of_the_last_link_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
