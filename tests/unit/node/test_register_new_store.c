/*
 * test_register_new_store.c - node 1 of three comes back with a second store; all three are
 * stewards, the first by the store that was lost.
 */
#include "loop_host.h"

#include "membership/register_value.h"
#include "ring/position.h"
#include "wire/message_lineage.h"
#include "wire/message_register.h"

static void open_store(struct loop_host *host, bool asked)
{
    struct buffer body = {0}, lineage = {0};
    message_register_state_encode(&(struct message_register_state){.asked = asked}, &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_STATE, 0, buffer_slice(&body));
    lineage_encode(&(struct lineage){0}, &lineage); /* it shows nothing: nobody must know it */
    loop_host_give(host, 0, MESSAGE_STORE_LINEAGE, 0, buffer_slice(&lineage));
    buffer_deinit(&body);
    buffer_deinit(&lineage);
}

static void init(struct loop_host *host, bool asked)
{
    loop_host_init_unopened(host, "eu:3", 3, 2);
    open_store(host, asked);
    loop_host_let_all_in(host);
}

/* Whether a write of a peer goes to the store. */
static bool serves(struct loop_host *host)
{
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    message_replicate_encode(
        &(struct message_replicate){.address = {.partition = 0, .tag = host->ring->tag}}, &body);
    loop_host_give(host, 2, MESSAGE_REPLICATE, 77, buffer_slice(&body));
    buffer_deinit(&body);
    if (loop_host_find(host, MESSAGE_REPLICATE, &frame, &link) && link == 0)
        return true;
    struct message_replicated refused;
    assert_true(loop_host_find(host, MESSAGE_REPLICATED, &frame, &link));
    assert_int_equal(message_replicated_decode(frame.body, &refused), STATUS_OK);
    assert_int_equal(refused.status, STATUS_NOT_READY);
    return false;
}

/* Peers stay up. */
static void pass(struct loop_host *host)
{
    loop_host_beat(host, 2, 0);
    loop_host_beat(host, 3, 0);
    loop_host_pass(host, 100, 0);
}

/* The round that it asks by; its ballot. */
static struct ballot begin_round(struct loop_host *host, uint64_t round)
{
    struct frame frame;
    link_id link;
    struct buffer body = {0};
    struct message_register_prepare prepare;
    for (int i = 0; i < 100 && !loop_host_find(host, MESSAGE_REGISTER_RESERVE, &frame, &link); i++)
        pass(host);
    assert_true(loop_host_find(host, MESSAGE_REGISTER_RESERVE, &frame, &link));
    message_register_reserved_encode(&(struct message_register_reserved){.round = round}, &body);
    loop_host_give(host, 0, MESSAGE_REGISTER_RESERVED, frame.request, buffer_slice(&body));
    buffer_deinit(&body);
    assert_true(loop_host_find(host, MESSAGE_REGISTER_PREPARE, &frame, &link));
    assert_int_equal(message_register_prepare_decode(frame.body, &prepare), STATUS_OK);
    return prepare.ballot;
}

/* The steward, with the store that it became one with, has accepted `value` in an earlier round. */
static void promise(struct loop_host *host, node_id steward, struct ballot ballot,
                    struct slice value)
{
    struct buffer body = {0};
    struct message_register_promise message = {
        .ballot = ballot, .incarnation = 1, .promised = ballot, .value = value};
    if (value.length > 0)
        message.accepted = (struct ballot){.round = 1, .node = 2, .incarnation = 1};
    message_register_promise_encode(&message, &body);
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

static void tell_known(struct loop_host *host, node_id peer, uint64_t seq)
{
    struct register_value *value = register_value_first(host->ring);
    struct buffer body = {0}, bytes = {0};
    register_value_encode(value, &bytes);
    message_register_known_encode(
        &(struct message_register_known){
            .generation = 1, .seq = seq, .digest = register_value_digest(buffer_slice(&bytes))},
        &body);
    loop_host_give(host, peer, MESSAGE_REGISTER_KNOWN, 0, buffer_slice(&body));
    register_value_free(value);
    buffer_deinit(&bytes);
    buffer_deinit(&body);
}

static bool asked_is_kept(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, MESSAGE_REGISTER_ASKED, &frame, &link) && link == 0;
}

static void it_is_no_replica_before_a_majority_of_stewards_agrees(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host, false);
    assert_false(serves(&host));
    struct ballot ballot = begin_round(&host, 7);
    promise(&host, 2, ballot, slice_make(NULL, 0));
    promise(&host, 3, ballot, slice_make(NULL, 0));
    accept(&host, 2, ballot);
    assert_false(serves(&host));
    accept(&host, 3, ballot);
    assert_true(asked_is_kept(&host));
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

/* Going by it means having it on the disk: the next store would have to ask for it, too. */
static void what_they_agree_on_is_on_its_disk_first(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    struct buffer bytes = {0}, body = {0};
    (void)state;
    init(&host, false);
    struct register_value *value = register_value_first(host.ring);
    value->seq = 3;
    register_value_encode(value, &bytes);
    register_value_free(value);
    struct ballot ballot = begin_round(&host, 7);
    promise(&host, 2, ballot, buffer_slice(&bytes));
    promise(&host, 3, ballot, slice_make(NULL, 0));
    accept(&host, 2, ballot);
    accept(&host, 3, ballot);
    assert_true(loop_host_find(&host, MESSAGE_REGISTER_LEARN, &frame, &link));
    request_id request = frame.request;
    assert_false(serves(&host));
    message_register_learned_encode(&(struct message_register_learned){.status = STATUS_OK}, &body);
    loop_host_give(&host, 0, MESSAGE_REGISTER_LEARNED, request, buffer_slice(&body));
    assert_true(serves(&host));
    buffer_deinit(&bytes);
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* Who has forgotten rounds, or is away, leaves no majority; what all others know is enough then. */
static void all_other_members_may_tell_instead(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host, false);
    tell_known(&host, 2, 0);
    assert_false(serves(&host));
    tell_known(&host, 3, 0);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

static void what_a_member_knows_beyond_is_learnt_first(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host, false);
    tell_known(&host, 2, 0);
    tell_known(&host, 3, 4);
    assert_false(serves(&host));
    loop_host_deinit(&host);
}

static void it_asks_again_when_nobody_answers(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host, false);
    struct ballot first = begin_round(&host, 7);
    promise(&host, 2, first, slice_make(NULL, 0));
    for (int i = 0; i < 52; i++) /* as long as a change may take */
        pass(&host);
    assert_false(serves(&host));
    struct ballot second = begin_round(&host, 8);
    assert_int_equal(second.round, 8);
    loop_host_deinit(&host);
}

static void a_store_that_asked_once_serves_when_it_is_opened_again(void **state)
{
    struct loop_host host;
    (void)state;
    init(&host, true);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

/* Nothing was ever counted upon that it does not have. */
static void the_first_store_of_a_node_asks_nobody(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init_unopened(&host, "eu:3", 3, 1);
    open_store(&host, false);
    loop_host_let_all_in(&host);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_no_replica_before_a_majority_of_stewards_agrees),
        cmocka_unit_test(what_they_agree_on_is_on_its_disk_first),
        cmocka_unit_test(all_other_members_may_tell_instead),
        cmocka_unit_test(what_a_member_knows_beyond_is_learnt_first),
        cmocka_unit_test(it_asks_again_when_nobody_answers),
        cmocka_unit_test(a_store_that_asked_once_serves_when_it_is_opened_again),
        cmocka_unit_test(the_first_store_of_a_node_asks_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
