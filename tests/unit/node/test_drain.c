/*
 * test_drain.c - a node that hands over: who is told, who does its writes, and when it is done.
 */
#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "node/node_state.h"
#include "wire/message_drain.h"

enum { MEMBERS = 3, OTHER_CLIENT = 51 };

static void begin(struct loop_host *host)
{
    loop_host_init(host, "eu:3", MEMBERS);
    loop_host_let_all_in(host);
}

/* That peer says that it drains, or not any more. */
static void say(struct loop_host *host, node_id peer, uint64_t number, bool drains)
{
    struct buffer body = {0};
    message_drain_encode(&(struct message_drain){.number = number, .drains = drains}, &body);
    loop_host_give(host, peer, MESSAGE_DRAIN, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void confirm(struct loop_host *host, node_id peer, uint64_t number)
{
    struct buffer body = {0};
    message_drain_heard_encode(&(struct message_drain_heard){number}, &body);
    loop_host_give(host, peer, MESSAGE_DRAIN_HEARD, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The store side tells what node 2 has not shown; node 3 has shown all. */
static void show(struct loop_host *host, uint64_t mark, uint32_t unshown)
{
    struct buffer rows = {0}, body = {0};
    log_debt_encode(&(struct log_debt){.node = 2, .unshown = unshown}, &rows);
    message_log_debts_encode(
        &(struct message_log_debts){.count = 1, .mark = mark, .debts = buffer_slice(&rows)}, &body);
    loop_host_give(host, 0, MESSAGE_LOG_DEBT, 0, buffer_slice(&body));
    buffer_deinit(&rows);
    buffer_deinit(&body);
}

static unsigned told(const struct loop_host *host, struct message_drain *word)
{
    unsigned count = 0;
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        struct frame frame;
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND)
            continue;
        assert_int_equal(frame_parse(effect_bytes(&host->effects, effect), &frame, &used),
                         STATUS_OK);
        if (frame.type != MESSAGE_DRAIN)
            continue;
        assert_int_equal(message_drain_decode(frame.body, word), STATUS_OK);
        count++;
    }
    return count;
}

/* What clients were given to move is over; the peers are heard meanwhile. */
static void wait_for_clients(struct loop_host *host)
{
    for (unsigned i = 0; i < DRAIN_MOVE_SECONDS; i++) {
        loop_host_beat(host, 2, 0);
        loop_host_beat(host, 3, 0);
        loop_host_pass(host, 1000, 0);
    }
}

static bool is_state(struct loop_host *host, const char *state)
{
    loop_host_say(host, "RING.DRAIN");
    return loop_host_reply_has(host, state);
}

/* Nothing is left to do; `number`: of the last word. */
static void finish(struct loop_host *host, uint64_t number)
{
    confirm(host, 2, number);
    confirm(host, 3, number);
    show(host, number, 0);
    wait_for_clients(host);
}

static void a_drain_that_would_take_a_quorum_is_refused(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_in(&host, 2); /* node 3 is down: this one is needed */
    loop_host_say(&host, "RING.DRAIN START");
    loop_host_assert_reply(&host, "-ERR without this node 16 partitions would have no quorum");
    assert_true(is_state(&host, "serving"));
    loop_host_say(&host, "RING.DRAIN START FORCE");
    assert_true(loop_host_reply_has(&host, "draining"));
    loop_host_deinit(&host);
}

static void two_nodes_that_drain_at_once_are_both_not_done(void **state)
{
    struct loop_host host;
    (void)state;
    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    finish(&host, 1);
    assert_true(is_state(&host, "drained"));
    say(&host, 3, 1, true);
    assert_true(is_state(&host, "would lose their quorum"));
    say(&host, 3, 2, false);
    assert_true(is_state(&host, "drained"));
    loop_host_deinit(&host);
}

static void peers_are_told_until_they_confirm(void **state)
{
    struct loop_host host;
    struct message_drain word;
    (void)state;
    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    assert_int_equal(told(&host, &word), 2);
    assert_true(word.number == 1 && word.drains);
    confirm(&host, 2, 1);
    show(&host, 1, 0);
    loop_host_pass(&host, 1000, 0);
    assert_int_equal(told(&host, &word), 1);
    wait_for_clients(&host);
    assert_true(is_state(&host, "1 nodes have not confirmed"));
    confirm(&host, 3, 7); /* of a word that never was */
    assert_true(is_state(&host, "draining"));
    confirm(&host, 3, 1);
    assert_true(is_state(&host, "drained"));
    wait_for_clients(&host);
    assert_int_equal(told(&host, &word), 0);
    loop_host_say(&host, "RING.DRAIN UNDO");
    assert_int_equal(told(&host, &word), 2);
    assert_true(word.number == 2 && !word.drains);
    loop_host_deinit(&host);
}

/* The owner's clock is what counts: it may still lack what was acknowledged at level ONE. */
static void it_is_not_done_before_owners_have_shown_what_they_have(void **state)
{
    struct loop_host host;
    (void)state;
    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    finish(&host, 1);
    show(&host, 0, 0); /* an answer to an older question */
    assert_true(is_state(&host, "not known yet what other owners lack"));
    show(&host, 1, 4);
    assert_true(is_state(&host, "node 2 has not shown yet that it lacks nothing of 4 partitions"));
    show(&host, 1, 0);
    assert_true(is_state(&host, "drained"));
    loop_host_deinit(&host);
}

static void writes_of_its_clients_go_to_other_owners(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    char key[16], command[32];
    (void)state;
    begin(&host);
    loop_host_find_key(&host, 0, key);
    snprintf(command, sizeof command, "SET %s x", key);
    loop_host_say(&host, command);
    assert_true(loop_host_find(&host, MESSAGE_MINT, &frame, &link));
    loop_host_say(&host, "RING.DRAIN START");
    loop_host_say(&host, command);
    assert_false(loop_host_find(&host, MESSAGE_MINT, &frame, &link));
    loop_host_deinit(&host);

    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    loop_host_say(&host, command);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    node_id first = (node_id)link;
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNAVAILABLE);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_true(link != first);
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNAVAILABLE);
    /* N2: what nobody else can do is done here, and has to be handed over once more */
    assert_true(loop_host_find(&host, MESSAGE_MINT, &frame, &link));
    finish(&host, 1);
    assert_true(is_state(&host, "draining"));
    struct message_drain word;
    assert_true(told(&host, &word) == 0 && host.node->drain.number == 2);
    loop_host_deinit(&host);
}

static void an_owner_that_drains_is_asked_last(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    char key[16], command[32];
    (void)state;
    begin(&host);
    loop_host_find_key(&host, 2, key); /* the others stand before this node */
    snprintf(command, sizeof command, "INCR %s", key);
    loop_host_say(&host, command);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    node_id first = (node_id)link, second = 5 - first;
    loop_host_deinit(&host);

    begin(&host);
    say(&host, first, 1, true);
    loop_host_say(&host, command);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, second);
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNAVAILABLE);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, first);
    loop_host_deinit(&host);

    begin(&host);
    say(&host, first, 1, true);
    say(&host, second, 1, true);
    loop_host_say(&host, command); /* who comes first now is this node */
    assert_false(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    loop_host_deinit(&host);
}

static void an_old_word_changes_nothing_and_a_new_link_begins_anew(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    (void)state;
    begin(&host);
    say(&host, 2, 2, true);
    assert_true(loop_host_find(&host, MESSAGE_DRAIN_HEARD, &frame, &link));
    assert_true(drain_of(host.node, 2));
    say(&host, 2, 1, false);
    assert_true(drain_of(host.node, 2));
    assert_false(drain_of(host.node, 3));
    loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = 2});
    assert_false(drain_of(host.node, 2));
    loop_host_let_in(&host, 2);
    assert_false(drain_of(host.node, 2));
    say(&host, 2, 1, true); /* it was started again, and counts from one */
    assert_true(drain_of(host.node, 2));
    loop_host_give(&host, 2, MESSAGE_DRAIN, 0, slice_text("\1\2"));
    loop_host_give(&host, 2, MESSAGE_DRAIN_HEARD, 0, slice_text("\1\2"));
    assert_int_equal(node_statistics(host.node)->frames_refused, 2);
    loop_host_deinit(&host);
}

static void a_peer_that_comes_is_told_at_once(void **state)
{
    struct loop_host host;
    struct message_drain word;
    (void)state;
    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    finish(&host, 1);
    loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = 3});
    loop_host_let_in(&host, 3);
    assert_int_equal(told(&host, &word), 1);
    assert_true(is_state(&host, "draining"));
    confirm(&host, 3, 1);
    assert_true(is_state(&host, "drained"));
    loop_host_deinit(&host);
}

static void clients_that_asked_are_told_where_to_go_on(void **state)
{
    struct loop_host host;
    (void)state;
    begin(&host);
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS ON");
    loop_host_assert_reply(&host, "-ERR CLIENT MAINT_NOTIFICATIONS needs RESP3");
    loop_host_say(&host, "HELLO 3");
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type elsewhere");
    loop_host_assert_reply(&host, "-ERR moving-endpoint-type is one of");
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-ip");
    loop_host_assert_reply(&host, "+OK\r\n");
    assert_false(loop_host_reply_has(&host, "MOVING"));
    /* Another connection has the node drain. */
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_OPEN, .connection = OTHER_CLIENT});
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_BYTES,
                                         .connection = OTHER_CLIENT,
                                         .bytes = slice_text("RING.DRAIN START\r\n")});
    assert_true(loop_host_reply_has(&host, ">4\r\n$6\r\nMOVING\r\n:1\r\n:10\r\n$"));
    finish(&host, 1);
    assert_true(is_state(&host, "drained")); /* it stays although its time is over */
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none");
    loop_host_assert_reply(&host, "+OK\r\n>4\r\n$6\r\nMOVING\r\n:1\r\n:1\r\n_\r\n");
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS OFF");
    loop_host_assert_reply(&host, "+OK\r\n");
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS OFF moving-endpoint-type none");
    loop_host_assert_reply(&host, "-ERR syntax error");
    loop_host_say(&host, "RING.DRAIN UNDO");
    loop_host_say(&host, "RING.DRAIN START");
    assert_false(loop_host_reply_has(&host, "MOVING"));
    loop_host_deinit(&host);
}

static void its_followers_hold_it_up_for_as_long_as_they_were_given(void **state)
{
    struct loop_host host;
    (void)state;
    begin(&host);
    loop_host_say(&host, "HELLO 3");
    loop_host_say(&host, "CLIENT MAINT_NOTIFICATIONS ON");
    loop_host_say(&host, "RING.DRAIN START");
    confirm(&host, 2, 1);
    confirm(&host, 3, 1);
    show(&host, 1, 0);
    assert_true(is_state(&host, "1 connections were told to move, and have 10 s left"));
    wait_for_clients(&host);
    assert_true(is_state(&host, "drained"));
    loop_host_deinit(&host);
}

static void it_is_not_ready_for_new_clients(void **state)
{
    struct loop_host host;
    struct buffer why = {0};
    (void)state;
    begin(&host);
    loop_host_say(&host, "RING.DRAIN START");
    assert_false(node_is_ready(host.node, host.now, &why));
    assert_true(slice_equal(buffer_slice(&why), slice_text("this node drains\n")));
    loop_host_say(&host, "RING.DRAIN WHAT");
    loop_host_assert_reply(&host, "-ERR syntax error");
    loop_host_say(&host, "RING.DRAIN UNDO FORCE");
    loop_host_assert_reply(&host, "-ERR syntax error");
    buffer_deinit(&why);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drain_that_would_take_a_quorum_is_refused),
        cmocka_unit_test(two_nodes_that_drain_at_once_are_both_not_done),
        cmocka_unit_test(peers_are_told_until_they_confirm),
        cmocka_unit_test(it_is_not_done_before_owners_have_shown_what_they_have),
        cmocka_unit_test(writes_of_its_clients_go_to_other_owners),
        cmocka_unit_test(an_owner_that_drains_is_asked_last),
        cmocka_unit_test(an_old_word_changes_nothing_and_a_new_link_begins_anew),
        cmocka_unit_test(a_peer_that_comes_is_told_at_once),
        cmocka_unit_test(clients_that_asked_are_told_where_to_go_on),
        cmocka_unit_test(its_followers_hold_it_up_for_as_long_as_they_were_given),
        cmocka_unit_test(it_is_not_ready_for_new_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
