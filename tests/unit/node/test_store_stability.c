/*
 * test_store_stability.c - reports of what is durable, who has heard them, and what is collected
 * then.
 */
#include "store_host.h"

#include "replica/replica.h"
#include "wire/message_garbage.h"
#include "wire/record.h"

enum { OTHERS = 2 };

/* Three nodes that all own everything. */
struct trio {
    struct ring *ring;
    struct store_host hosts[OTHERS + 1];
};

static void init_trio(struct trio *trio)
{
    trio->ring = store_host_ring("eu:3");
    for (unsigned i = 0; i <= OTHERS; i++) {
        store_host_init(&trio->hosts[i], trio->ring, i + 1, 1);
        store_host_open(&trio->hosts[i]);
        store_host_forget(&trio->hosts[i]);
    }
}

static void deinit_trio(struct trio *trio)
{
    for (unsigned i = 0; i <= OTHERS; i++)
        store_host_deinit(&trio->hosts[i]);
    ring_free(trio->ring);
}

static void step(struct store_host *host, struct message_stability_step step)
{
    struct buffer body = {0};
    message_stability_step_encode(&step, &body);
    store_host_write(host, MESSAGE_STABILITY_STEP, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The report of `from` for node `to`, taken out of what is handed over after the commit. */
static struct message_stability report_of(struct store_host *from, node_id to, bool afresh,
                                          struct buffer *body)
{
    struct frame frame;
    struct message_stability message;
    store_host_forget(from);
    step(from, (struct message_stability_step){
                   .kind = afresh ? STABILITY_STEP_AFRESH : STABILITY_STEP_ASK, .node = to});
    assert_int_equal(store_host_count(&from->early, MESSAGE_STABILITY), 0);
    store_host_commit(from);
    assert_true(store_host_find(&from->late, MESSAGE_STABILITY, 0, &frame));
    buffer_clear(body);
    buffer_append_slice(body, frame.body);
    assert_int_equal(message_stability_decode(buffer_slice(body), &message), STATUS_OK);
    return message;
}

/* `to` hears a report; whether it confirms it. */
static bool hear(struct store_host *to, node_id from, const struct buffer *body)
{
    store_host_forget(to);
    step(to, (struct message_stability_step){
                 .kind = STABILITY_STEP_REPORT, .node = from, .body = buffer_slice(body)});
    store_host_commit(to);
    return store_host_count(&to->late, MESSAGE_STABILITY_HEARD) == 1;
}

static void confirm(struct store_host *host, node_id by, uint64_t number, uint64_t heard_us)
{
    step(host,
         (struct message_stability_step){
             .kind = STABILITY_STEP_HEARD, .node = by, .number = number, .heard_us = heard_us});
    store_host_commit(host);
}

/* Everybody tells everybody. */
static void report_all(struct trio *trio)
{
    struct buffer body = {0};
    for (unsigned i = 0; i <= OTHERS; i++)
        for (unsigned k = 0; k <= OTHERS; k++) {
            if (i == k)
                continue;
            struct message_stability message = report_of(&trio->hosts[i], k + 1, false, &body);
            assert_true(hear(&trio->hosts[k], i + 1, &body));
            confirm(&trio->hosts[i], k + 1, message.number, trio->hosts[k].now.mono_us);
        }
    buffer_deinit(&body);
}

static struct message_garbage collect(struct store_host *host)
{
    struct frame frame;
    struct message_garbage garbage;
    store_host_forget(host);
    step(host, (struct message_stability_step){.kind = STABILITY_STEP_COLLECT});
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_GARBAGE, 0, &frame));
    assert_int_equal(message_garbage_decode(frame.body, &garbage), STATUS_OK);
    return garbage;
}

static void pass(struct store_host *host, uint64_t ms)
{
    host->now.mono_us += ms * 1000;
    host->now.wall_ms += ms;
}

/* Node 1 deletes what it has set, and the first `owners` others get both. */
static void set_and_delete(struct trio *trio, const char *key, unsigned owners)
{
    struct mutation mutations[] = {{.operation = REGISTER_SET, .value = slice_text("v")},
                                   {.operation = REGISTER_DELETE}};
    struct store_host *maker = &trio->hosts[0];
    for (unsigned m = 0; m < 2; m++) {
        struct key_entry entry = {.key = slice_text(key), .mutation = mutations[m]};
        struct key_request request = {.kind = KEY_WRITE,
                                      .partition = store_host_partition(maker, key),
                                      .entry_count = 1,
                                      .entries = &entry};
        struct frame frame;
        struct message_minted minted;
        store_host_forget(maker);
        store_host_mint(maker, &request);
        store_host_commit(maker);
        bool early = store_host_count(&maker->early, MESSAGE_MINTED) > 0;
        assert_true(
            store_host_find(early ? &maker->early : &maker->late, MESSAGE_MINTED, 0, &frame));
        assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
        assert_true(minted.written);
        for (unsigned i = 1; i <= owners; i++) {
            store_host_write(&trio->hosts[i], MESSAGE_REPLICATE, minted.replicate);
            store_host_commit(&trio->hosts[i]);
        }
    }
}

static void a_report_has_what_the_peer_has_not_confirmed(void **state)
{
    struct trio trio;
    struct buffer body = {0};
    (void)state;
    init_trio(&trio);
    struct message_stability first = report_of(&trio.hosts[0], 2, true, &body);
    assert_int_equal(first.count, 16);
    struct message_stability again = report_of(&trio.hosts[0], 2, false, &body);
    assert_int_equal(again.count, 16); /* the first may be lost */
    assert_true(again.number > first.number);
    confirm(&trio.hosts[0], 2, first.number, 1);
    assert_int_equal(report_of(&trio.hosts[0], 2, false, &body).count, 16);
    confirm(&trio.hosts[0], 2, again.number + 1, 1);
    assert_int_equal(report_of(&trio.hosts[0], 2, false, &body).count, 0);
    store_host_set(&trio.hosts[0], "k", "v");
    assert_int_equal(report_of(&trio.hosts[0], 2, false, &body).count, 1);
    assert_int_equal(report_of(&trio.hosts[0], 3, false, &body).count, 16);
    assert_int_equal(report_of(&trio.hosts[0], 2, true, &body).count, 16);
    buffer_deinit(&body);
    deinit_trio(&trio);
}

/* What a report says is on the disk of who says it. */
static void a_report_of_a_group_that_failed_is_not_sent(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    store_host_set(&trio.hosts[0], "k", "v");
    store_host_forget(&trio.hosts[0]);
    step(&trio.hosts[0], (struct message_stability_step){.kind = STABILITY_STEP_ASK, .node = 2});
    store_host_fail(&trio.hosts[0], false);
    assert_int_equal(store_host_count(&trio.hosts[0].early, MESSAGE_STABILITY), 0);
    assert_int_equal(store_host_count(&trio.hosts[0].late, MESSAGE_STABILITY), 0);
    deinit_trio(&trio);
}

static void what_everybody_has_is_collected_after_the_longest_request(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_and_delete(&trio, "k", OTHERS);
    report_all(&trio);
    struct message_garbage garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.tombstones, 1);
    assert_int_equal(garbage.waiting, 1);
    assert_int_equal(garbage.holder_count, 0);
    pass(&trio.hosts[0], trio.hosts[0].settings.request_timeout_max_ms - 1);
    assert_int_equal(collect(&trio.hosts[0]).purged, 0);
    pass(&trio.hosts[0], 1);
    report_all(&trio);
    assert_int_equal(collect(&trio.hosts[0]).purged, 0); /* who keeps hints was said before */
    report_all(&trio);
    garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.purged, 1);
    assert_int_equal(garbage.tombstones, 0);
    assert_int_equal(collect(&trio.hosts[0]).purged, 0);
    deinit_trio(&trio);
}

/* G6: node 3 says that it keeps hints; they may hold what no owner knows of any more. */
static void a_hint_anywhere_holds_everything_back(void **state)
{
    struct trio trio;
    struct buffer body = {0};
    (void)state;
    init_trio(&trio);
    set_and_delete(&trio, "k", OTHERS);
    report_all(&trio);
    collect(&trio.hosts[0]);
    pass(&trio.hosts[0], 60000);
    report_all(&trio);
    report_all(&trio);
    struct message_stability message = report_of(&trio.hosts[2], 1, false, &body);
    message.keeps_hints = true;
    message.echo_us = trio.hosts[0].now.mono_us;
    buffer_clear(&body);
    message_stability_encode(&message, &body);
    assert_true(hear(&trio.hosts[0], 3, &body));
    struct message_garbage garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.purged, 0);
    assert_int_equal(garbage.holder_count, 1);
    assert_int_equal(garbage.holders[0].node, 3);
    assert_true(garbage.holders[0].may_hint);
    report_all(&trio); /* they are delivered */
    garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.purged, 1);
    assert_int_equal(garbage.holder_count, 0);
    buffer_deinit(&body);
    deinit_trio(&trio);
}

static void an_owner_that_lacks_it_or_is_not_heard_is_named(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_and_delete(&trio, "k", 1); /* node 3 gets nothing */
    struct message_garbage garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.holder_count, 1);
    assert_int_not_equal(garbage.holders[0].node, 1); /* one of two that were not heard */
    report_all(&trio);
    for (unsigned i = 0; i < 3; i++)
        garbage = collect(&trio.hosts[0]), pass(&trio.hosts[0], 60000);
    assert_int_equal(garbage.tombstones, 1);
    assert_int_equal(garbage.holder_count, 1);
    assert_int_equal(garbage.holders[0].node, 3);
    assert_int_equal(garbage.holders[0].partitions, 1);
    deinit_trio(&trio);
}

static void a_peer_that_went_away_holds_everything_back(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_and_delete(&trio, "k", OTHERS);
    report_all(&trio);
    collect(&trio.hosts[0]);
    step(&trio.hosts[0], (struct message_stability_step){.kind = STABILITY_STEP_FORGET, .node = 3});
    pass(&trio.hosts[0], 60000);
    struct message_garbage garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.purged, 0);
    assert_int_equal(garbage.holders[0].node, 3);
    deinit_trio(&trio);
}

/* A store that failed and was opened again reports as another actor, and everything. */
static void a_reopened_store_reports_afresh(void **state)
{
    struct trio trio;
    struct buffer body = {0};
    (void)state;
    init_trio(&trio);
    report_all(&trio);
    assert_int_equal(report_of(&trio.hosts[0], 2, false, &body).count, 0);
    store_host_fail(&trio.hosts[0], false);
    store_host_open(&trio.hosts[0]);
    assert_int_equal(report_of(&trio.hosts[0], 2, false, &body).count, 16);
    buffer_deinit(&body);
    deinit_trio(&trio);
}

/* Frames of a link may change places; what was confirmed is not told again. */
static void a_report_that_was_overtaken_takes_nothing_back(void **state)
{
    struct trio trio;
    struct buffer older = {0}, newer = {0};
    (void)state;
    init_trio(&trio);
    report_of(&trio.hosts[2], 1, true, &older);
    set_and_delete(&trio, "k", OTHERS);
    report_all(&trio);
    struct message_stability message = report_of(&trio.hosts[2], 1, true, &newer);
    assert_true(hear(&trio.hosts[0], 3, &newer));
    confirm(&trio.hosts[2], 1, message.number, trio.hosts[0].now.mono_us);
    assert_true(hear(&trio.hosts[0], 3, &older));
    struct message_garbage garbage = collect(&trio.hosts[0]);
    assert_int_equal(garbage.holder_count, 0);
    assert_int_equal(garbage.waiting, 1);
    buffer_deinit(&older);
    buffer_deinit(&newer);
    deinit_trio(&trio);
}

static void a_report_that_does_not_decode_is_not_confirmed(void **state)
{
    struct trio trio;
    struct buffer body = {0};
    (void)state;
    init_trio(&trio);
    report_of(&trio.hosts[0], 2, true, &body);
    body.length--;
    assert_false(hear(&trio.hosts[1], 1, &body));
    buffer_deinit(&body);
    deinit_trio(&trio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_has_what_the_peer_has_not_confirmed),
        cmocka_unit_test(a_report_of_a_group_that_failed_is_not_sent),
        cmocka_unit_test(what_everybody_has_is_collected_after_the_longest_request),
        cmocka_unit_test(a_hint_anywhere_holds_everything_back),
        cmocka_unit_test(an_owner_that_lacks_it_or_is_not_heard_is_named),
        cmocka_unit_test(a_peer_that_went_away_holds_everything_back),
        cmocka_unit_test(a_reopened_store_reports_afresh),
        cmocka_unit_test(a_report_that_was_overtaken_takes_nothing_back),
        cmocka_unit_test(a_report_that_does_not_decode_is_not_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
