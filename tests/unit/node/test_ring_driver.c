/*
 * test_ring_driver.c - the rounds of whoever drives a plan: node 1 of five, the first of the
 * stewards, with store and peers played by hand. Node 5 leaves.
 */
#include "loop_host.h"

#include <string.h>

#include "membership/plan_drive.h"
#include "node/ring_driver.h"
#include "ring/change_plan.h"
#include "ring/transition.h"
#include "wire/message_register.h"
#include "wire/message_ring.h"

enum { MEMBERS = 5, LEAVER = 5 };

static struct register_value *next_value(struct register_value *value,
                                         const struct register_change *change)
{
    char reason[REGISTER_REASON_MAX];
    struct register_value *next;
    struct ballot id = {.round = value->seq + 1, .node = 2, .incarnation = 1};
    assert_int_equal(register_change_apply(change, id, value, &next, reason), STATUS_OK);
    assert_non_null(next);
    register_value_free(value);
    return next;
}

/* A value in which a plan was committed; `moves`: and some partitions have begun. */
static struct register_value *value_with_plan(const struct loop_host *host, bool moves)
{
    struct register_value *value = register_value_first(host->ring);
    struct ring_wish leave = {.node = LEAVER, .kind = RING_WISH_LEAVE};
    struct register_change change = {.kind = REGISTER_CHANGE_PLAN_COMMIT};
    struct change_plan plan;
    struct plan_round round;
    char reason[REGISTER_REASON_MAX];
    assert_true(ring_wishes_put(&value->staged, &leave));
    assert_int_equal(change_plan_make(value->ring, &value->staged, &plan, reason), STATUS_OK);
    change.plan_id = plan.id;
    change_plan_deinit(&plan);
    value = next_value(value, &change);
    if (!moves)
        return value;
    plan_round_begin(value, &round);
    assert_true(plan_round_propose(&round, value, 1, &change));
    plan_round_deinit(&round);
    return next_value(value, &change);
}

/* The store opens, and this is what stands there. */
static void open_store(struct loop_host *host, const struct register_value *value)
{
    struct buffer bytes = {0}, body = {0};
    register_value_encode(value, &bytes);
    message_register_state_encode(&(struct message_register_state){.value = buffer_slice(&bytes)},
                                  &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_STATE, 0, buffer_slice(&body));
    buffer_deinit(&bytes);
    buffer_deinit(&body);
}

static bool sends(const struct loop_host *host, uint16_t type)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, type, &frame, &link);
}

static request_id asked(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    assert_true(loop_host_find(host, MESSAGE_RING_ASK, &frame, &link));
    return frame.request;
}

static void tell(struct loop_host *host, const struct register_value *value, node_id peer,
                 request_id request, bool complete)
{
    struct ring_testimony told = {.storage_incarnation = 1, .seq = value->seq};
    struct buffer body = {0};
    for (uint32_t i = 0; i < value->ring->transition_count; i++) {
        partition_id partition = value->ring->transitions[i].partition;
        if (ring_replicates(value->ring, peer, partition))
            ring_testimony_add(&told,
                               &(struct ring_holding){.partition = partition,
                                                      .tag = ring_tag_of(value->ring, partition),
                                                      .flags = complete ? RING_HOLDING_FLAGS : 0});
    }
    message_ring_told_encode(&told, &body);
    loop_host_give(host, peer, MESSAGE_RING_TOLD, request, buffer_slice(&body));
    buffer_deinit(&body);
    ring_testimony_deinit(&told);
}

/* All peers that take part tell; whether a change was then proposed. */
static bool all_tell(struct loop_host *host, const struct register_value *value, bool complete)
{
    request_id request = asked(host);
    bool proposed = false;
    for (node_id peer = 2; peer <= MEMBERS; peer++) {
        tell(host, value, peer, request, complete);
        proposed |= sends(host, MESSAGE_REGISTER_RESERVE);
    }
    return proposed;
}

static void pass_until(struct loop_host *host, uint16_t type)
{
    for (unsigned i = 0; i < 200 && !sends(host, type); i++)
        loop_host_pass(host, 20, 0);
    assert_true(sends(host, type));
}

static void nothing_is_asked_while_there_is_no_plan(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    struct register_value *value = register_value_first(host.ring);
    value->seq = 1;
    loop_host_let_all_in(&host);
    open_store(&host, value);
    for (unsigned i = 0; i < 100; i++) {
        loop_host_pass(&host, 100, 0);
        assert_false(sends(&host, MESSAGE_RING_ASK));
    }
    assert_true(ring_driver_deadline_us(host.node) == UINT64_MAX);
    register_value_free(value);
    loop_host_deinit(&host);
}

static void what_can_begin_is_proposed_at_once(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    struct register_value *value = value_with_plan(&host, false);
    open_store(&host, value);
    loop_host_pass(&host, RING_DRIVER_SOON_MS, 0);
    assert_false(sends(&host, MESSAGE_RING_ASK)); /* nobody has anything to say yet */
    assert_true(sends(&host, MESSAGE_REGISTER_RESERVE));
    loop_host_pass(&host, RING_DRIVER_LOOK_MS, 0);
    assert_false(sends(&host, MESSAGE_REGISTER_RESERVE)); /* one change at a time */
    register_value_free(value);
    loop_host_deinit(&host);
}

static void a_round_ends_with_what_the_last_one_says(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    struct register_value *value = value_with_plan(&host, true);
    open_store(&host, value);
    pass_until(&host, MESSAGE_RING_ASK);
    request_id first = asked(&host);
    assert_false(all_tell(&host, value, false)); /* nothing can go on */
    pass_until(&host, MESSAGE_RING_ASK);
    for (node_id peer = 2; peer <= MEMBERS; peer++) {
        tell(&host, value, peer, first, true); /* late: it is of an earlier round */
        assert_false(sends(&host, MESSAGE_REGISTER_RESERVE));
    }
    pass_until(&host, MESSAGE_RING_ASK);
    assert_true(all_tell(&host, value, true));
    register_value_free(value);
    loop_host_deinit(&host);
}

static void give_news(struct loop_host *host, node_id peer)
{
    loop_host_give(host, peer, MESSAGE_RING_NEWS, 0, slice_make(NULL, 0));
}

/* Else a partition that is filled would stand for as long as the pause has grown. */
static void news_end_the_pause(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    struct register_value *value = value_with_plan(&host, true);
    open_store(&host, value);
    for (unsigned i = 0; i < 5; i++) {
        pass_until(&host, MESSAGE_RING_ASK);
        assert_false(all_tell(&host, value, false));
    }
    loop_host_pass(&host, 5 * RING_DRIVER_SOON_MS, 0);
    assert_false(sends(&host, MESSAGE_RING_ASK)); /* it waits by now */
    give_news(&host, 3);
    loop_host_pass(&host, RING_DRIVER_SOON_MS, 0);
    request_id request = asked(&host);
    give_news(&host, 4); /* after it was asked: what it says may be from before */
    for (node_id peer = 2; peer <= MEMBERS; peer++)
        tell(&host, value, peer, request, false);
    loop_host_pass(&host, RING_DRIVER_SOON_MS, 0);
    assert_true(sends(&host, MESSAGE_RING_ASK));
    assert_false(all_tell(&host, value, false));
    loop_host_pass(&host, 5 * RING_DRIVER_SOON_MS, 0);
    assert_false(sends(&host, MESSAGE_RING_ASK)); /* news count once */
    register_value_free(value);
    loop_host_deinit(&host);
}

static void news_without_a_plan_ask_nobody(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    struct register_value *value = register_value_first(host.ring);
    value->seq = 1;
    loop_host_let_all_in(&host);
    open_store(&host, value);
    give_news(&host, 3);
    loop_host_pass(&host, 1000, 0);
    assert_false(sends(&host, MESSAGE_RING_ASK));
    register_value_free(value);
    loop_host_deinit(&host);
}

/* It is asked again, now and then, and the others are heard all the same. */
static void a_silent_peer_ends_no_round_and_hurries_none(void **state)
{
    struct loop_host host;
    struct ring_wait wait;
    unsigned rounds = 0;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    struct register_value *value = value_with_plan(&host, true);
    partition_id partition = value->ring->transitions[0].partition;
    open_store(&host, value);
    assert_false(ring_driver_wait(host.node, partition, &wait));
    for (unsigned ms = 0; ms < 20000; ms += 50) {
        loop_host_pass(&host, 50, 0);
        if (sends(&host, MESSAGE_RING_ASK)) {
            request_id request = asked(&host);
            rounds++;
            for (node_id peer = 2; peer < MEMBERS; peer++)
                tell(&host, value, peer, request, false);
        }
        for (node_id peer = 2; ms % 500 == 0 && peer <= MEMBERS; peer++)
            loop_host_beat(&host, peer, 0);
    }
    assert_in_range(rounds, 4, 12);
    assert_true(ring_driver_wait(host.node, partition, &wait));
    assert_int_not_equal(wait.kind, RING_WAIT_NOTHING);
    register_value_free(value);
    loop_host_deinit(&host);
}

/* Only a steward's change is one of those who decide; and a store in doubt drives nothing. */
static void who_is_no_steward_drives_nothing(void **state)
{
    (void)state;
    for (int doubt = 0; doubt < 2; doubt++) {
        struct loop_host host;
        if (doubt)
            loop_host_init_unconfirmed(&host, "eu:3", MEMBERS);
        else
            loop_host_init(&host, "eu:3", MEMBERS);
        loop_host_let_all_in(&host);
        struct register_value *value = value_with_plan(&host, true);
        if (!doubt) {
            value->stewards.count--;
            memmove(value->stewards.items, value->stewards.items + 1,
                    value->stewards.count * sizeof value->stewards.items[0]);
        }
        open_store(&host, value);
        for (unsigned ms = 0; ms < 2000; ms += 100) {
            loop_host_pass(&host, 100, 0);
            assert_false(sends(&host, MESSAGE_RING_ASK));
        }
        register_value_free(value);
        loop_host_deinit(&host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_while_there_is_no_plan),
        cmocka_unit_test(what_can_begin_is_proposed_at_once),
        cmocka_unit_test(a_round_ends_with_what_the_last_one_says),
        cmocka_unit_test(news_end_the_pause),
        cmocka_unit_test(news_without_a_plan_ask_nobody),
        cmocka_unit_test(a_silent_peer_ends_no_round_and_hurries_none),
        cmocka_unit_test(who_is_no_steward_drives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
