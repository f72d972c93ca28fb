/*
 * test_register.c - the register on the loop side: one node of three, whose store and peers are
 * played by hand. All three are stewards.
 */
#include "loop_host.h"

#include <string.h>

#include "membership/register_value.h"
#include "node/register.h"
#include "wire/message_register.h"

static const char CREATE[] = "RING.KEYSPACE CREATE nine number=9";

static void open_store(struct loop_host *host, uint64_t accepted_seq, struct slice value)
{
    struct buffer body = {0};
    message_register_state_encode(
        &(struct message_register_state){.accepted_seq = accepted_seq, .value = value}, &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_STATE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void init(struct loop_host *host)
{
    loop_host_init(host, "eu:3", 3);
    open_store(host, 0, slice_make(NULL, 0));
    loop_host_let_all_in(host);
}

/* A value of seq `seq` with a keyspace 9. */
static void make_value(const struct loop_host *host, uint64_t seq, struct buffer *out)
{
    struct register_value *value = register_value_first(host->ring);
    value->ring->keyspaces[value->ring->keyspace_count++] =
        (struct ring_keyspace){.number = 9, .name = "other"};
    value->seq = seq;
    register_value_encode(value, out);
    register_value_free(value);
}

/* The node has asked its store for a round: it gets `round`, 0 when that fails. */
static void give_round(struct loop_host *host, uint64_t round)
{
    struct frame frame;
    link_id link;
    struct buffer body = {0};
    assert_true(loop_host_find(host, MESSAGE_REGISTER_RESERVE, &frame, &link));
    message_register_reserved_encode(
        &(struct message_register_reserved){.status = round == 0 ? STATUS_IO : STATUS_OK,
                                            .round = round},
        &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_RESERVED, frame.request, buffer_slice(&body));
    buffer_deinit(&body);
}

static struct ballot prepared(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    struct message_register_prepare prepare;
    assert_true(loop_host_find(host, MESSAGE_REGISTER_PREPARE, &frame, &link));
    assert_int_equal(message_register_prepare_decode(frame.body, &prepare), STATUS_OK);
    return prepare.ballot;
}

static void promise(struct loop_host *host, node_id steward, struct ballot ballot)
{
    struct buffer body = {0};
    message_register_promise_encode(
        &(struct message_register_promise){.ballot = ballot, .incarnation = 1, .promised = ballot},
        &body);
    loop_host_give(host, steward, MESSAGE_REGISTER_PROMISE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void accept(struct loop_host *host, node_id steward, struct ballot ballot)
{
    struct buffer body = {0};
    message_register_accepted_encode(
        &(struct message_register_accepted){.ballot = ballot, .incarnation = 1, .promised = ballot},
        &body);
    loop_host_give(host, steward, MESSAGE_REGISTER_ACCEPTED, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void tell_known(struct loop_host *host, node_id peer, uint64_t seq, uint64_t digest)
{
    struct buffer body = {0};
    message_register_known_encode(
        &(struct message_register_known){.generation = 1, .seq = seq, .digest = digest}, &body);
    loop_host_give(host, peer, MESSAGE_REGISTER_KNOWN, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The store has learnt what it was asked to; fails when it was asked nothing in the last step. */
static void learnt(struct loop_host *host, enum status status)
{
    struct frame frame;
    link_id link;
    struct buffer body = {0};
    assert_true(loop_host_find(host, MESSAGE_REGISTER_LEARN, &frame, &link));
    assert_int_equal(link, 0);
    message_register_learned_encode(&(struct message_register_learned){.status = status}, &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_LEARNED, frame.request, buffer_slice(&body));
    buffer_deinit(&body);
}

static bool sends(const struct loop_host *host, uint16_t type)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, type, &frame, &link);
}

/* From the command to a chosen value, by peers 2 and 3. */
static void choose(struct loop_host *host, const char *command)
{
    loop_host_say(host, command);
    give_round(host, 1);
    struct ballot ballot = prepared(host);
    assert_int_equal(ballot.node, LOOP_HOST_SELF);
    promise(host, 2, ballot);
    assert_false(sends(host, MESSAGE_REGISTER_ACCEPT));
    promise(host, 3, ballot);
    assert_true(sends(host, MESSAGE_REGISTER_ACCEPT));
    accept(host, 2, ballot);
    assert_false(sends(host, MESSAGE_REGISTER_LEARN));
    accept(host, 3, ballot);
}

static void deinit(struct loop_host *host)
{
    loop_host_deinit(host);
}

static uint64_t told_digest(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    struct message_register_known known;
    assert_true(loop_host_find(host, MESSAGE_REGISTER_KNOWN, &frame, &link));
    assert_int_equal(message_register_known_decode(frame.body, &known), STATUS_OK);
    return known.digest;
}

static void a_change_is_in_force_when_the_own_disk_has_it(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host);
    choose(&host, CREATE);
    loop_host_assert_reply(&host, "");
    learnt(&host, STATUS_OK);
    uint64_t digest = told_digest(&host);
    tell_known(&host, 2, 1, digest);
    loop_host_pass(&host, 10, 0);
    loop_host_assert_reply(&host, ""); /* node 3 has not told that it has it */
    tell_known(&host, 3, 1, digest);
    loop_host_pass(&host, 10, 0);
    assert_true(loop_host_reply_has(&host, "known_by\r\n:3"));
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "+OK");
    deinit(&host);
}

/* A node that is up and does not say so may be slow: the operator is told how many know it. */
static void the_answer_waits_for_others_only_so_long(void **state)
{
    struct loop_host host;
    bool answered = false;
    unsigned ms = 0;
    (void)state;
    init(&host);
    choose(&host, CREATE);
    learnt(&host, STATUS_OK);
    tell_known(&host, 2, 1, 0); /* of another value: it does not count */
    for (; ms < 2 * REGISTER_SPREAD_MS && !answered; ms += 50) {
        loop_host_pass(&host, 50, 0);
        answered = loop_host_reply_has(&host, "known_by\r\n:1");
        for (node_id peer = 2; peer <= 3 && !answered; peer++)
            loop_host_beat(&host, peer, 0);
    }
    assert_true(answered);
    assert_true(ms >= REGISTER_SPREAD_MS && ms < REGISTER_SPREAD_MS + 200);
    deinit(&host);
}

static void without_a_majority_nothing_is_asked_to_be_accepted(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host);
    for (link_id link = 2; link <= 3; link++)
        loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = link});
    loop_host_say(&host, CREATE);
    give_round(&host, 1);
    assert_false(sends(&host, MESSAGE_REGISTER_ACCEPT));
    loop_host_pass(&host, 10, 0);
    assert_true(loop_host_reply_has(&host, "-NOREPLICAS 2 of 3 stewards must agree"));
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "-ERR DB index is out of range");
    deinit(&host);
}

/* Whoever was asked to accept may have done so. */
static void a_change_without_an_end_is_uncertain(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host);
    loop_host_say(&host, CREATE);
    give_round(&host, 1);
    struct ballot ballot = prepared(&host);
    promise(&host, 2, ballot);
    promise(&host, 3, ballot);
    accept(&host, 2, ballot);
    for (unsigned i = 0; i < 60; i++) {
        loop_host_pass(&host, 100, 0);
        if (loop_host_reply_has(&host, "-"))
            break;
        if (sends(&host, MESSAGE_REGISTER_RESERVE))
            give_round(&host, 2 + i);
        for (node_id peer = 2; peer <= 3; peer++)
            loop_host_beat(&host, peer, 0);
    }
    assert_true(loop_host_reply_has(&host, "-UNCERTAIN "));
    deinit(&host);
}

static void a_store_that_reserves_nothing_ends_the_change(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host);
    loop_host_say(&host, CREATE);
    for (unsigned i = 0; i < 60 && !loop_host_reply_has(&host, "-"); i++) {
        if (sends(&host, MESSAGE_REGISTER_RESERVE))
            give_round(&host, 0);
        assert_false(sends(&host, MESSAGE_REGISTER_PREPARE));
        loop_host_pass(&host, 100, 0);
        for (node_id peer = 2; peer <= 3 && !loop_host_reply_has(&host, "-"); peer++)
            if (!sends(&host, MESSAGE_REGISTER_RESERVE))
                loop_host_beat(&host, peer, 0);
    }
    assert_true(loop_host_reply_has(&host, "-NOREPLICAS "));
    deinit(&host);
}

static void who_is_behind_pulls_and_learns(void **state)
{
    struct loop_host host;
    struct buffer value = {0};
    struct frame frame;
    link_id link;
    (void)state;
    init(&host);
    make_value(&host, 4, &value);
    tell_known(&host, 3, 4, register_value_digest(buffer_slice(&value)));
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_PULL, &frame, &link));
    assert_int_equal(link, 3);
    tell_known(&host, 2, 4, register_value_digest(buffer_slice(&value)));
    assert_false(sends(&host, MESSAGE_REGISTER_PULL)); /* one is under way */
    loop_host_give(&host, 3, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&value));
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "-ERR"); /* not on the own disk yet */
    loop_host_give(&host, 3, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&value));
    assert_false(sends(&host, MESSAGE_REGISTER_LEARN)); /* on its way already */
    deinit(&host);

    init(&host);
    loop_host_give(&host, 3, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&value));
    learnt(&host, STATUS_OK);
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "+OK");
    loop_host_give(&host, 2, MESSAGE_REGISTER_PULL, 0, slice_make(NULL, 0));
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_VALUE, &frame, &link));
    assert_int_equal(link, 2);
    assert_true(slice_equal(frame.body, buffer_slice(&value)));
    buffer_deinit(&value);
    deinit(&host);
}

static void a_lost_pull_is_made_again(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host);
    tell_known(&host, 3, 4, 1);
    assert_true(sends(&host, MESSAGE_REGISTER_PULL));
    loop_host_pass(&host, REGISTER_PULL_MS / 2, 0);
    assert_false(sends(&host, MESSAGE_REGISTER_PULL));
    loop_host_pass(&host, REGISTER_PULL_MS, 0);
    assert_true(sends(&host, MESSAGE_REGISTER_PULL));
    deinit(&host);
}

static void a_value_that_could_not_be_stored_is_stored_later(void **state)
{
    struct loop_host host;
    struct buffer value = {0};
    (void)state;
    init(&host);
    make_value(&host, 4, &value);
    loop_host_give(&host, 3, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&value));
    learnt(&host, STATUS_NOT_READY);
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "-ERR");
    loop_host_pass(&host, REGISTER_LEARN_MS, 0);
    learnt(&host, STATUS_OK);
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "+OK");
    buffer_deinit(&value);
    deinit(&host);
}

/* Its proposer may have died between a majority and telling of it. */
static void what_was_accepted_and_never_heard_of_is_asked_for(void **state)
{
    struct loop_host host;
    bool asked = false;
    (void)state;
    init(&host);
    open_store(&host, 1, slice_make(NULL, 0));
    assert_false(sends(&host, MESSAGE_REGISTER_RESERVE));
    for (unsigned ms = 0; ms < 2 * REGISTER_DOUBT_MS && !asked; ms += 500) {
        loop_host_pass(&host, 500, 0);
        asked = sends(&host, MESSAGE_REGISTER_RESERVE);
        assert_true(!asked || ms >= REGISTER_DOUBT_MS / 2);
        for (node_id peer = 2; peer <= 3 && !asked; peer++)
            loop_host_beat(&host, peer, 0);
    }
    assert_true(asked);
    deinit(&host);
}

/* Before the store has told what it has, "there is no such keyspace" would be a guess. */
static void a_keyspace_is_not_denied_before_the_store_is_open(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init_unopened(&host, "eu:3", 3, 1);
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "-LOADING");
    loop_host_say(&host, "SELECT 0");
    loop_host_assert_reply(&host, "+OK");
    open_store(&host, 0, slice_make(NULL, 0));
    loop_host_say(&host, "SELECT 9");
    loop_host_assert_reply(&host, "-ERR DB index is out of range");
    deinit(&host);
}

/* ---- users ---- */

/* A value of seq 4 in which the user `default` has a password. */
static void make_users(const struct loop_host *host, struct buffer *out)
{
    static const char rules[] =
        "resetpass #148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940";
    struct register_value *value = register_value_first(host->ring), *next;
    struct register_change change = {.kind = REGISTER_CHANGE_USER_SET, .user = "default"};
    char reason[REGISTER_REASON_MAX];
    change.words_length = sizeof rules - 1;
    memcpy(change.words, rules, sizeof rules - 1);
    assert_int_equal(register_change_apply(&change, (struct ballot){3, 2, 1}, value, &next, reason),
                     STATUS_OK);
    next->seq = 4;
    register_value_encode(next, out);
    register_value_free(value);
    register_value_free(next);
}

static void tell(struct loop_host *host, node_id peer, uint64_t seq)
{
    struct buffer body = {0}, bytes = {0};
    struct register_value *first = register_value_first(host->ring);
    register_value_encode(first, &bytes);
    message_register_known_encode(
        &(struct message_register_known){.generation = host->ring->generation,
                                         .seq = seq,
                                         .digest = register_value_digest(buffer_slice(&bytes))},
        &body);
    loop_host_give(host, peer, MESSAGE_REGISTER_KNOWN, 0, buffer_slice(&body));
    register_value_free(first);
    buffer_deinit(&body);
    buffer_deinit(&bytes);
}

/* What the disk says is in force before the first command is carried out. */
static void nobody_is_let_in_before_the_store_is_open(void **state)
{
    struct loop_host host;
    struct buffer value = {0};
    (void)state;
    loop_host_init_unopened(&host, "eu:3", 3, 1);
    loop_host_let_all_in(&host);
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-LOADING");
    make_users(&host, &value);
    open_store(&host, 0, buffer_slice(&value));
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-NOAUTH");
    buffer_deinit(&value);
    deinit(&host);
}

/* Its ring file says that everybody may come in, and its disk has forgotten who may not. */
static void a_store_in_the_place_of_a_lost_one_asks_a_peer_first(void **state)
{
    struct loop_host host;
    struct buffer value = {0};
    struct frame frame;
    link_id link;
    (void)state;
    loop_host_init_unopened(&host, "eu:3", 3, 2);
    open_store(&host, 0, slice_make(NULL, 0));
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-LOADING");
    loop_host_let_all_in(&host);
    tell(&host, 2, 4);
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_PULL, &frame, &link));
    tell(&host, 3, 0); /* which has not learnt it either */
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-LOADING");
    make_users(&host, &value);
    loop_host_give(&host, 2, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&value));
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_LEARN, &frame, &link));
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-LOADING"); /* it is not on the disk yet */
    open_store(&host, 0, buffer_slice(&value));
    loop_host_say(&host, "GET k");
    loop_host_assert_reply(&host, "-NOAUTH");
    buffer_deinit(&value);
    deinit(&host);
}

/* Nobody has changed anything, as far as a peer knows. */
static void a_peer_that_knows_no_more_lets_a_replaced_store_begin(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init_unopened(&host, "eu:3", 3, 2);
    open_store(&host, 0, slice_make(NULL, 0));
    loop_host_let_all_in(&host);
    loop_host_say(&host, "CLIENT SETNAME a\r\nCONFIG GET save");
    assert_true(loop_host_reply_has(&host, "-LOADING"));
    tell(&host, 3, 0);
    loop_host_say(&host, "CONFIG GET save");
    loop_host_assert_reply(&host, "*2");
    deinit(&host);
}

/* A steward's answer to a peer comes from its disk. */
static void a_peers_question_goes_to_the_store_and_back(void **state)
{
    struct loop_host host;
    struct ballot ballot = {.round = 3, .node = 2, .incarnation = 1};
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    (void)state;
    init(&host);
    message_register_prepare_encode(&(struct message_register_prepare){.ballot = ballot}, &body);
    loop_host_give(&host, 2, MESSAGE_REGISTER_PREPARE, 77, buffer_slice(&body));
    assert_false(sends(&host, MESSAGE_REGISTER_PROMISE));
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_PREPARE, &frame, &link));
    assert_int_equal(link, 0);
    buffer_clear(&body);
    message_register_promise_encode(
        &(struct message_register_promise){.ballot = ballot, .incarnation = 1, .promised = ballot},
        &body);
    loop_host_give(&host, 0, MESSAGE_REGISTER_PROMISE, frame.request, buffer_slice(&body));
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_PROMISE, &frame, &link));
    assert_int_equal(link, 2);
    assert_int_equal(frame.request, 77);
    buffer_deinit(&body);
    deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_in_force_when_the_own_disk_has_it),
        cmocka_unit_test(the_answer_waits_for_others_only_so_long),
        cmocka_unit_test(without_a_majority_nothing_is_asked_to_be_accepted),
        cmocka_unit_test(a_change_without_an_end_is_uncertain),
        cmocka_unit_test(a_store_that_reserves_nothing_ends_the_change),
        cmocka_unit_test(who_is_behind_pulls_and_learns),
        cmocka_unit_test(a_lost_pull_is_made_again),
        cmocka_unit_test(a_value_that_could_not_be_stored_is_stored_later),
        cmocka_unit_test(what_was_accepted_and_never_heard_of_is_asked_for),
        cmocka_unit_test(a_keyspace_is_not_denied_before_the_store_is_open),
        cmocka_unit_test(nobody_is_let_in_before_the_store_is_open),
        cmocka_unit_test(a_store_in_the_place_of_a_lost_one_asks_a_peer_first),
        cmocka_unit_test(a_peer_that_knows_no_more_lets_a_replaced_store_begin),
        cmocka_unit_test(a_peers_question_goes_to_the_store_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
