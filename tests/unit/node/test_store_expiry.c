/*
 * test_store_expiry.c - expired values of three owners: who drops them when, and who is waited for.
 */
#include "store_host.h"

#include <stdlib.h>

#include "replica/replica.h"
#include "wire/message_expiry.h"
#include "wire/message_garbage.h"
#include "wire/record.h"
#include "wire/record_expiry.h"

enum { OWNERS = 3, TTL_MS = 3000 };

struct trio {
    struct ring *ring;
    struct store_host hosts[OWNERS];
};

static void tell_clock(struct store_host *host)
{
    struct buffer body = {0};
    struct message_clock clock = {.base_us = (int64_t)(host->now.wall_ms * 1000) -
                                             (int64_t)host->now.mono_us};
    message_clock_encode(&clock, &body);
    store_host_write(host, MESSAGE_CLOCK, buffer_slice(&body));
    buffer_deinit(&body);
}

static void init_trio(struct trio *trio)
{
    trio->ring = store_host_ring("eu:3");
    for (unsigned i = 0; i < OWNERS; i++) {
        store_host_init(&trio->hosts[i], trio->ring, i + 1, 1);
        store_host_open(&trio->hosts[i]);
        tell_clock(&trio->hosts[i]);
        store_host_raise_ceiling(&trio->hosts[i]);
    }
}

static void deinit_trio(struct trio *trio)
{
    for (unsigned i = 0; i < OWNERS; i++)
        store_host_deinit(&trio->hosts[i]);
    ring_free(trio->ring);
}

static void pass(struct trio *trio, uint64_t ms)
{
    for (unsigned i = 0; i < OWNERS; i++) {
        trio->hosts[i].now.mono_us += ms * 1000;
        trio->hosts[i].now.wall_ms += ms;
    }
}

/* SET at the first, or what `mutation` says; `takers`: bits of the owners that get it. */
static void write_at(struct trio *trio, unsigned maker, struct mutation mutation, unsigned takers)
{
    struct store_host *host = &trio->hosts[maker];
    struct key_entry entry = {.key = slice_text("k"), .mutation = mutation};
    struct key_request request = {.kind = KEY_WRITE,
                                  .partition = store_host_partition(host, "k"),
                                  .entry_count = 1,
                                  .entries = &entry};
    struct frame frame;
    struct message_minted minted;
    store_host_forget(host);
    store_host_mint(host, &request);
    store_host_commit(host);
    bool early = store_host_count(&host->early, MESSAGE_MINTED) > 0;
    assert_true(store_host_find(early ? &host->early : &host->late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    assert_int_equal(minted.status, STATUS_OK);
    for (unsigned i = 0; i < OWNERS; i++) {
        if (i == maker || (takers >> i & 1) == 0)
            continue;
        store_host_write(&trio->hosts[i], MESSAGE_REPLICATE, minted.replicate);
        store_host_commit(&trio->hosts[i]);
    }
}

static void set_expiring(struct trio *trio, unsigned takers)
{
    write_at(trio, 0,
             (struct mutation){.operation = REGISTER_SET,
                               .value = slice_text("v"),
                               .expire_at_ms = trio->hosts[0].now.wall_ms + TTL_MS},
             takers);
}

static void step(struct store_host *host, struct message_stability_step step)
{
    struct buffer body = {0};
    message_stability_step_encode(&step, &body);
    store_host_write(host, MESSAGE_STABILITY_STEP, buffer_slice(&body));
    buffer_deinit(&body);
}

/* `from` reports to `to`, which hears and confirms it; `kind`: ASK or, on a new link, AFRESH. */
static void report_as(struct trio *trio, unsigned from, unsigned to, uint8_t kind)
{
    struct store_host *sender = &trio->hosts[from], *receiver = &trio->hosts[to];
    struct frame frame;
    struct message_stability message;
    store_host_forget(sender);
    step(sender, (struct message_stability_step){.kind = kind, .node = to + 1});
    store_host_commit(sender);
    assert_true(store_host_find(&sender->late, MESSAGE_STABILITY, 0, &frame));
    assert_int_equal(message_stability_decode(frame.body, &message), STATUS_OK);
    store_host_forget(receiver);
    step(receiver, (struct message_stability_step){
                       .kind = STABILITY_STEP_REPORT, .node = from + 1, .body = frame.body});
    store_host_commit(receiver);
    step(sender, (struct message_stability_step){.kind = STABILITY_STEP_HEARD,
                                                 .node = to + 1,
                                                 .number = message.number,
                                                 .heard_us = receiver->now.mono_us});
    store_host_commit(sender);
}

static void report(struct trio *trio, unsigned from, unsigned to)
{
    report_as(trio, from, to, STABILITY_STEP_ASK);
}

static void report_all(struct trio *trio)
{
    for (unsigned i = 0; i < OWNERS; i++)
        for (unsigned k = 0; k < OWNERS; k++)
            if (i != k)
                report(trio, i, k);
}

static struct message_expiry_state expire(struct store_host *host)
{
    struct buffer body = {0};
    struct frame frame;
    struct message_expiry_state state;
    store_host_forget(host);
    message_expiry_step_encode(&(struct message_expiry_step){0}, &body);
    store_host_write(host, MESSAGE_EXPIRY_STEP, buffer_slice(&body));
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_EXPIRY_STATE, 0, &frame));
    assert_int_equal(message_expiry_state_decode(frame.body, &state), STATUS_OK);
    assert_false(state.more);
    buffer_deinit(&body);
    return state;
}

/* Owners look and tell until `host` has dropped something; how many ms that took. */
static uint64_t drop_in_time(struct trio *trio, unsigned host)
{
    for (uint64_t ms = 0; ms < 20000; ms += 1000) {
        report_all(trio);
        if (expire(&trio->hosts[host]).dropped > 0)
            return ms;
        pass(trio, 1000);
    }
    fail_msg("nothing was dropped");
    return 0;
}

static void an_expired_value_goes_when_all_owners_are_past_it(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 7);
    report_all(&trio);
    assert_int_equal(expire(&trio.hosts[0]).waiting, 0);
    pass(&trio, TTL_MS);
    report_all(&trio);
    struct message_expiry_state seen = expire(&trio.hosts[0]);
    assert_int_equal(seen.dropped, 0);
    assert_int_equal(seen.waiting, 1);
    assert_true(seen.lag_ms > 0);
    uint64_t ms = drop_in_time(&trio, 0);
    assert_true(ms >= 2 * trio.hosts[0].settings.max_clock_skew_ms);
    assert_true(ms <= 5000); /* idle stores raise their ceilings for it */
    assert_int_equal(expire(&trio.hosts[0]).waiting, 0);
    deinit_trio(&trio);
}

static size_t bytes_of_report(struct store_host *host, node_id to)
{
    step(host, (struct message_stability_step){.kind = STABILITY_STEP_ASK, .node = to});
    size_t bytes = host->out.batch.length;
    store_host_commit(host);
    return bytes;
}

static void an_owner_that_is_not_heard_keeps_it_on_the_disk_and_is_named(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 7);
    report_all(&trio);
    step(&trio.hosts[0], (struct message_stability_step){.kind = STABILITY_STEP_FORGET, .node = 3});
    for (unsigned i = 0; i < 20; i++) {
        pass(&trio, 60000);
        report(&trio, 1, 0);
        struct message_expiry_state seen = expire(&trio.hosts[0]);
        assert_int_equal(seen.dropped, 0);
        assert_int_equal(seen.waiting, 1);
        assert_int_equal(seen.holder_count, 1);
        assert_int_equal(seen.holders[0].node, 3);
        assert_int_equal(seen.holders[0].partitions, 1);
        assert_false(seen.go_soon);
        assert_int_equal(bytes_of_report(&trio.hosts[0], 2), 0); /* nor is anything hurried */
    }
    report_as(&trio, 2, 0, STABILITY_STEP_AFRESH);
    drop_in_time(&trio, 0);
    deinit_trio(&trio);
}

/* Owner 3 has let the value live on, and owner 1 has not heard of that yet. */
static void a_value_that_was_extended_in_time_is_not_dropped(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 7);
    pass(&trio, TTL_MS - 1);
    write_at(&trio, 2, (struct mutation){.operation = REGISTER_PERSIST}, 0);
    for (unsigned i = 0; i < 10; i++) {
        pass(&trio, 2000);
        report_all(&trio);
        struct message_expiry_state seen = expire(&trio.hosts[0]);
        assert_int_equal(seen.dropped, 0);
        assert_int_equal(seen.holders[0].node, 3); /* it has something that is missing here */
    }
    deinit_trio(&trio);
}

static void what_has_expired_is_not_extended_any_more(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 7);
    pass(&trio, TTL_MS);
    drop_in_time(&trio, 0);
    trio.hosts[2].now.wall_ms -= 2 * TTL_MS; /* its clock goes back */
    tell_clock(&trio.hosts[2]);
    struct key_entry entry = {.key = slice_text("k"), .mutation = {.operation = REGISTER_PERSIST}};
    struct key_request request = {.kind = KEY_WRITE,
                                  .partition = store_host_partition(&trio.hosts[2], "k"),
                                  .entry_count = 1,
                                  .entries = &entry};
    struct frame frame;
    struct message_minted minted;
    store_host_forget(&trio.hosts[2]);
    store_host_mint(&trio.hosts[2], &request);
    store_host_commit(&trio.hosts[2]);
    assert_true(store_host_find(&trio.hosts[2].late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &minted), STATUS_OK);
    assert_false(minted.written);
    deinit_trio(&trio);
}

/* What was known of its own state may be lost with the group. */
static void a_failed_commit_begins_with_nothing_known(void **state)
{
    struct trio trio;
    struct buffer body = {0};
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 7);
    pass(&trio, TTL_MS);
    drop_in_time(&trio, 1);
    message_expiry_step_encode(&(struct message_expiry_step){0}, &body);
    store_host_write(&trio.hosts[0], MESSAGE_EXPIRY_STEP, buffer_slice(&body));
    assert_true(trio.hosts[0].out.batch.length > 0);
    store_host_fail(&trio.hosts[0], false);
    store_host_open(&trio.hosts[0]);
    assert_int_equal(store_host_count(&trio.hosts[0].late, MESSAGE_EXPIRY_STATE), 0);
    assert_int_equal(expire(&trio.hosts[0]).dropped, 1); /* what others said stays true */
    buffer_deinit(&body);
    deinit_trio(&trio);
}

/* An idle cluster writes nothing for the sake of times, unless somebody waits for them. */
static void a_report_writes_only_for_who_waits(void **state)
{
    struct trio trio;
    (void)state;
    init_trio(&trio);
    set_expiring(&trio, 3); /* the third has nothing of it */
    report_all(&trio);
    pass(&trio, TTL_MS + 1);
    assert_int_equal(bytes_of_report(&trio.hosts[2], 1), 0);
    expire(&trio.hosts[0]);
    report(&trio, 0, 2); /* it says that it waits */
    assert_true(bytes_of_report(&trio.hosts[2], 1) > 0);
    assert_int_equal(bytes_of_report(&trio.hosts[2], 1), 0); /* for a while */
    deinit_trio(&trio);
}

static void a_lone_node_waits_for_nobody(void **state)
{
    struct ring *ring = store_host_ring("eu:1");
    struct store_host host;
    uint32_t dropped = 0;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    struct key_entry entry = {.key = slice_text("k"),
                              .mutation = {.operation = REGISTER_SET,
                                           .value = slice_text("v"),
                                           .expire_at_ms = host.now.wall_ms + TTL_MS}};
    struct key_request request = {.kind = KEY_WRITE,
                                  .partition = store_host_partition(&host, "k"),
                                  .entry_count = 1,
                                  .entries = &entry};
    store_host_mint(&host, &request);
    store_host_commit(&host);
    for (unsigned i = 0; i < 10 && dropped == 0; i++) {
        host.now.wall_ms += 1000;
        host.now.mono_us += 1000000;
        dropped += (uint32_t)expire(&host).dropped;
    }
    assert_int_equal(dropped, 1);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_value_goes_when_all_owners_are_past_it),
        cmocka_unit_test(an_owner_that_is_not_heard_keeps_it_on_the_disk_and_is_named),
        cmocka_unit_test(a_value_that_was_extended_in_time_is_not_dropped),
        cmocka_unit_test(what_has_expired_is_not_extended_any_more),
        cmocka_unit_test(a_failed_commit_begins_with_nothing_known),
        cmocka_unit_test(a_report_writes_only_for_who_waits),
        cmocka_unit_test(a_lone_node_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
