/*
 * test_clock_fence.c - what a node with a wrong clock refuses, hands on, and goes on doing.
 */
#include "loop_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/register_value.h"
#include "node/node_state.h"
#include "node/register_state.h"
#include "ring/position.h"
#include "ring/preference_list.h"
#include "wire/message_register.h"

enum { HOUR_MS = 3600000 };

static void say(struct loop_host *host, const char *format, const char *key)
{
    char command[128];
    snprintf(command, sizeof command, format, key);
    loop_host_say(host, command);
}

static bool is_sent(const struct loop_host *host, uint16_t type)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, type, &frame, &link);
}

/* What the store side was told in the last step; false when nothing was. */
static bool was_told(const struct loop_host *host, struct message_clock *out)
{
    struct frame frame;
    link_id link;
    if (!loop_host_find(host, MESSAGE_CLOCK, &frame, &link))
        return false;
    assert_int_equal(link, 0);
    assert_int_equal(message_clock_decode(frame.body, out), STATUS_OK);
    return true;
}

static void start(struct loop_host *host)
{
    loop_host_init(host, "eu:3", 5);
    loop_host_let_all_in(host);
}

/* ---- whose clock was not compared yet -------------------------------------------------------- */

static void nothing_is_minted_before_the_clock_was_compared(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    loop_host_init(&host, "eu:3", 5);
    loop_host_find_key(&host, 0, key);
    loop_host_let_in(&host, 2);
    loop_host_let_in(&host, 3);
    loop_host_let_in(&host, 4);
    say(&host, "WITH cl=ONE SET %s v", key);
    assert_false(is_sent(&host, MESSAGE_MINT));
    assert_true(is_sent(&host, MESSAGE_FORWARD)); /* others may have compared theirs */
    loop_host_beat(&host, 2, 0);
    say(&host, "WITH cl=ONE SET %s v", key);
    assert_false(is_sent(&host, MESSAGE_FORWARD));
    loop_host_deinit(&host);
}

/* A heartbeat leaves with the HELLO, and the peer's first one is answered at once. */
static void clocks_are_compared_one_round_trip_after_a_peer_is_up(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct message_heartbeat sent, answer;
    struct buffer body = {0};
    link_id link;
    (void)state;
    loop_host_init(&host, "eu:3", 5);
    loop_host_let_in(&host, 4);
    assert_true(loop_host_find(&host, MESSAGE_HEARTBEAT, &frame, &link));
    assert_int_equal(link, 4);
    assert_int_equal(message_heartbeat_decode(frame.body, &sent), STATUS_OK);
    assert_true(sent.wall_ms == host.now.wall_ms && sent.echo_us == 0);
    host.now.mono_us += 1000;
    message_heartbeat_encode(&(struct message_heartbeat){.sent_us = 777, .wall_ms = 5}, &body);
    loop_host_give(&host, 4, MESSAGE_HEARTBEAT, 0, buffer_slice(&body));
    assert_true(loop_host_find(&host, MESSAGE_HEARTBEAT, &frame, &link));
    assert_int_equal(message_heartbeat_decode(frame.body, &answer), STATUS_OK);
    assert_true(answer.echo_us == 777 && answer.held_us == 0);
    loop_host_give(&host, 4, MESSAGE_HEARTBEAT, 0, buffer_slice(&body));
    assert_false(is_sent(&host, MESSAGE_HEARTBEAT)); /* but not for ever */
    loop_host_pass(&host, 500, 0);
    assert_true(loop_host_find(&host, MESSAGE_HEARTBEAT, &frame, &link));
    assert_int_equal(message_heartbeat_decode(frame.body, &answer), STATUS_OK);
    assert_true(answer.echo_us == 777 && answer.held_us == 500000);
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

static void a_node_alone_in_its_ring_believes_its_clock(void **state)
{
    struct loop_host host;
    struct message_clock told;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    loop_host_say(&host, "SET k v");
    assert_true(is_sent(&host, MESSAGE_MINT));
    loop_host_pass(&host, 1, HOUR_MS);
    assert_false(was_told(&host, &told));
    loop_host_say(&host, "SET j v");
    assert_true(is_sent(&host, MESSAGE_MINT));
    loop_host_deinit(&host);
}

/* ---- writes --------------------------------------------------------------------------------- */

static void a_fenced_owner_hands_the_writes_of_its_clients_to_another(void **state)
{
    static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS};
    static const char *const writes[] = {"SET %s v", "APPEND %s v", "DEL %s"};
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct loop_host host;
        struct frame frame;
        link_id link;
        char key[16];
        start(&host);
        loop_host_find_key(&host, 0, key);
        loop_host_pass(&host, 1, jumps_ms[i % 2]);
        say(&host, writes[i / 2], key);
        assert_false(is_sent(&host, MESSAGE_MINT) || is_sent(&host, MESSAGE_READ));
        assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
        assert_true(link > LOOP_HOST_SELF);
        loop_host_deinit(&host);
    }
}

static void it_takes_up_minting_when_its_clock_is_right_again(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    loop_host_pass(&host, 1, HOUR_MS);
    loop_host_pass(&host, 1, -HOUR_MS);
    say(&host, "SET %s v", key);
    assert_true(is_sent(&host, MESSAGE_MINT));
    loop_host_deinit(&host);
}

static void when_no_other_owner_can_the_client_is_told_of_the_clock(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    loop_host_pass(&host, 1, HOUR_MS);
    say(&host, "SET %s v", key);
    for (int i = 0; i < 2; i++) { /* its two other owners */
        assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
        loop_host_answer_forward(&host, link, frame.request, STATUS_NOT_READY);
    }
    assert_false(is_sent(&host, MESSAGE_FORWARD));
    assert_false(is_sent(&host, MESSAGE_MINT));
    loop_host_assert_reply(&host, "-CLOCKSKEW ");
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_requests_clock_skew:1\r\n"));
    loop_host_deinit(&host);
}

/* A node whose own clock is right: the fenced owner is passed over. */
static void an_owner_that_is_fenced_is_passed_over(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id first, second;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, -1, key);
    say(&host, "SET %s v", key);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &first));
    loop_host_answer_forward(&host, first, frame.request, STATUS_CLOCK_SKEW);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &second));
    assert_true(second != first);
    loop_host_assert_reply(&host, "");
    loop_host_answer_forward(&host, second, frame.request, STATUS_CLOCK_SKEW);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &second));
    loop_host_answer_forward(&host, second, frame.request, STATUS_CLOCK_SKEW);
    loop_host_assert_reply(&host, "-CLOCKSKEW ");
    loop_host_deinit(&host);
}

static void the_second_owner_does_it_when_the_first_is_fenced(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    char key[16];
    (void)state;
    loop_host_init(&host, "eu:2", 2);
    loop_host_let_all_in(&host);
    loop_host_find_key(&host, 1, key);
    say(&host, "WITH cl=ONE APPEND %s v", key);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    loop_host_answer_forward(&host, link, frame.request, STATUS_CLOCK_SKEW);
    assert_true(is_sent(&host, MESSAGE_READ)); /* to append */
    loop_host_deinit(&host);
}

static void a_node_that_is_no_owner_forwards_although_it_is_fenced(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, -1, key);
    loop_host_pass(&host, 1, -HOUR_MS);
    say(&host, "SET %s v", key);
    assert_true(is_sent(&host, MESSAGE_FORWARD));
    loop_host_deinit(&host);
}

static void forward_to(struct loop_host *host, node_id from, uint8_t kind, const char *key)
{
    struct key_entry entry = {.key = slice_text(key)};
    struct key_request request = {.kind = kind,
                                  .partition =
                                      ring_partition_of_slot(ring_slot(slice_text(key)), 16),
                                  .entry_count = 1,
                                  .entries = &entry};
    struct buffer body = {0};
    entry.mutation = (struct mutation){.operation = REGISTER_APPEND, .value = slice_text("v")};
    key_request_encode(&request, &body);
    loop_host_give(host, from, MESSAGE_FORWARD, 9, buffer_slice(&body));
    buffer_deinit(&body);
}

static void a_write_that_is_forwarded_to_a_fenced_owner_is_refused(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct key_result result;
    link_id link;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    loop_host_pass(&host, 1, HOUR_MS);
    forward_to(&host, 3, KEY_WRITE, key);
    assert_false(is_sent(&host, MESSAGE_READ)); /* it would be for nothing */
    assert_true(loop_host_find(&host, MESSAGE_FORWARD_RESULT, &frame, &link));
    assert_int_equal(link, 3);
    struct reader reader = reader_make(frame.body);
    assert_int_equal(key_result_decode(&reader, &result), STATUS_OK);
    assert_int_equal(result.status, STATUS_CLOCK_SKEW);
    key_result_deinit(&result);
    loop_host_deinit(&host);
}

/* Between its read and its mint the clock jumped: nothing was minted, and the client knows. */
static void a_write_whose_read_is_under_way_at_the_jump_is_refused(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct buffer body = {0}, cells = {0}, encoded = {0};
    link_id link;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    say(&host, "WITH r=1 w=1 APPEND %s v", key);
    assert_true(loop_host_find(&host, MESSAGE_READ, &frame, &link));
    assert_int_equal(link, 0);
    cell_encode(&(struct cell){0}, true, &encoded);
    buffer_put_bytes(&cells, buffer_slice(&encoded));
    message_read_result_encode(
        &(struct message_read_result){.cell_count = 1, .cells = buffer_slice(&cells)}, &body);
    host.now.wall_ms += HOUR_MS;
    loop_host_give(&host, 0, MESSAGE_READ_RESULT, frame.request, buffer_slice(&body));
    assert_false(is_sent(&host, MESSAGE_MINT));
    loop_host_assert_reply(&host, "-CLOCKSKEW ");
    assert_true(loop_host_reply_has(&host, "nothing was written"));
    buffer_deinit(&body);
    buffer_deinit(&cells);
    buffer_deinit(&encoded);
    loop_host_deinit(&host);
}

/* ---- what a fenced node goes on doing -------------------------------------------------------- */

static void a_fenced_node_serves_reads_and_takes_replicas(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct buffer body = {0};
    link_id link;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    loop_host_pass(&host, 1, HOUR_MS);
    say(&host, "GET %s", key);
    assert_true(is_sent(&host, MESSAGE_READ));
    forward_to(&host, 3, KEY_READ, key);
    assert_true(is_sent(&host, MESSAGE_READ));
    struct replica_address address = {
        .partition = ring_partition_of_slot(ring_slot(slice_text(key)), 16), .tag = host.ring->tag};
    message_replicate_encode(&(struct message_replicate){.address = address}, &body);
    loop_host_give(&host, 3, MESSAGE_REPLICATE, 9, buffer_slice(&body));
    assert_true(loop_host_find(&host, MESSAGE_REPLICATE, &frame, &link));
    assert_int_equal(link, 0);
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* The owner that it forwards to would else take an hour from the key, or give it one. */
static void a_time_to_live_counts_from_the_agreed_time(void **state)
{
    static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct loop_host host;
        struct frame frame;
        struct key_request request;
        struct key_contexts contexts;
        link_id link;
        char key[16];
        start(&host);
        loop_host_find_key(&host, -1, key);
        loop_host_pass(&host, 1, jumps_ms[i]);
        say(&host, "SET %s v EX 100", key);
        assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
        struct reader reader = reader_make(frame.body);
        assert_int_equal(key_request_decode(&reader, &request, &contexts), STATUS_OK);
        uint64_t expected_ms = host.true_ms + 100000;
        assert_in_range(request.entries[0].mutation.expire_at_ms, expected_ms - 2, expected_ms + 2);
        key_contexts_free(&contexts);
        loop_host_deinit(&host);
    }
}

/* Were it told of the agreed time, the others could not see that the clock is wrong. */
static void heartbeats_tell_the_clock_as_it_is(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct message_heartbeat heartbeat;
    link_id link;
    (void)state;
    start(&host);
    loop_host_pass(&host, 500, HOUR_MS);
    assert_true(loop_host_find(&host, MESSAGE_HEARTBEAT, &frame, &link));
    assert_int_equal(message_heartbeat_decode(frame.body, &heartbeat), STATUS_OK);
    assert_true(heartbeat.wall_ms == host.now.wall_ms);
    loop_host_deinit(&host);
}

/* ---- the store side -------------------------------------------------------------------------- */

static void the_store_side_is_told_before_it_mints_and_at_every_jump(void **state)
{
    struct loop_host host;
    struct message_clock told;
    (void)state;
    loop_host_init(&host, "eu:3", 5);
    loop_host_let_in(&host, 2);
    loop_host_beat(&host, 2, 0);
    loop_host_pass(&host, 1, 100); /* more than the store side should have to guess */
    assert_true(was_told(&host, &told));
    assert_false(told.skewed);
    int64_t own_base_us = (int64_t)(host.now.wall_ms * 1000) - (int64_t)host.now.mono_us;
    assert_true(llabs(told.base_us - own_base_us) <= 1000);
    loop_host_pass(&host, 1, 0);
    assert_false(was_told(&host, &told)); /* no news */
    loop_host_pass(&host, 1, HOUR_MS);
    assert_true(was_told(&host, &told));
    assert_true(told.skewed);
    int64_t true_base_us = (int64_t)(host.true_ms * 1000) - (int64_t)host.now.mono_us;
    assert_true(llabs(told.base_us - true_base_us) < 200000);
    loop_host_pass(&host, 1, -HOUR_MS - 100);
    assert_true(was_told(&host, &told));
    assert_false(told.skewed);
    loop_host_deinit(&host);
}

static void what_the_store_queue_did_not_take_is_told_again(void **state)
{
    struct loop_host host;
    struct message_clock told;
    (void)state;
    start(&host);
    loop_host_pass(&host, 1, HOUR_MS);
    assert_true(was_told(&host, &told));
    loop_host_give(&host, 0, MESSAGE_STORE_REFUSED, 0, slice_text(""));
    loop_host_pass(&host, 10, 0);
    assert_true(was_told(&host, &told));
    assert_true(told.skewed);
    loop_host_deinit(&host);
}

/* A value of the register with `gateway` as another member, or without it, is agreed on. */
static void learn_members(struct loop_host *host, node_id gateway, bool is_member, uint64_t seq)
{
    struct register_value *value = register_value_first(host->ring);
    struct buffer learned = {0};
    struct frame frame;
    link_id link;
    if (is_member)
        fixture_add(value->ring, gateway, "eu", "r9", 0);
    value->seq = seq;
    effects_clear(&host->effects);
    host->node->out = &host->effects;
    register_learn(host->node, value);
    assert_true(loop_host_find(host, MESSAGE_REGISTER_LEARN, &frame, &link));
    message_register_learned_encode(&(struct message_register_learned){.status = STATUS_OK},
                                    &learned);
    loop_host_give(host, 0, MESSAGE_REGISTER_LEARNED, frame.request, buffer_slice(&learned));
    assert_int_equal(host->node->ring->member_count, is_member ? 2 : 1);
    register_value_free(value);
    buffer_deinit(&learned);
}

/* Else a suspension would make the store side doubt a clock that nobody is left to confirm. */
static void who_is_left_alone_goes_by_its_own_clock_and_goes_on_telling_it(void **state)
{
    struct loop_host host;
    struct message_clock told;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    learn_members(&host, 2, true, 1);
    loop_host_let_in(&host, 2);
    loop_host_beat(&host, 2, 0);
    loop_host_pass(&host, 1, 100);
    assert_true(was_told(&host, &told));
    learn_members(&host, 2, false, 2);
    loop_host_pass(&host, 1, HOUR_MS);
    assert_true(was_told(&host, &told));
    assert_false(told.skewed);
    assert_true(llabs(told.base_us -
                      ((int64_t)host.now.wall_ms * 1000 - (int64_t)host.now.mono_us)) <= 1000);
    loop_host_say(&host, "SET k v");
    assert_true(is_sent(&host, MESSAGE_MINT));
    loop_host_deinit(&host);
}

/* Else each refusal makes one, as fast as the processor can, until there is room. */
static void a_store_queue_that_is_full_is_not_asked_at_once(void **state)
{
    struct loop_host host;
    struct message_clock told;
    (void)state;
    start(&host);
    for (unsigned i = 0; i < 3; i++) {
        loop_host_give(&host, 0, MESSAGE_STORE_REFUSED, 0, slice_text(""));
        assert_false(was_told(&host, &told));
    }
    loop_host_pass(&host, 9, 0);
    assert_false(was_told(&host, &told));
    loop_host_pass(&host, 1, 0);
    assert_true(was_told(&host, &told));
    loop_host_deinit(&host);
}

static void a_mint_never_goes_before_what_it_relies_on(void **state)
{
    struct loop_host host;
    struct message_clock told;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    loop_host_give(&host, 0, MESSAGE_STORE_REFUSED, 0, slice_text(""));
    say(&host, "SET %s v", key);
    assert_true(was_told(&host, &told));
    assert_true(is_sent(&host, MESSAGE_MINT));
    for (size_t i = 0, clocks = 0; i < host.effects.count; i++) {
        const struct effect *effect = &host.effects.items[i];
        struct frame frame;
        size_t used;
        if (effect->kind != EFFECT_STORE_WRITE)
            continue;
        assert_int_equal(frame_open(effect_bytes(&host.effects, effect), &frame, &used), STATUS_OK);
        clocks += frame.type == MESSAGE_CLOCK;
        assert_true(frame.type != MESSAGE_MINT || clocks == 1);
    }
    loop_host_deinit(&host);
}

static void while_the_store_side_waits_for_the_clock_others_mint(void **state)
{
    struct loop_host host;
    struct buffer body = {0};
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    message_mint_from_encode(&(struct message_mint_from){.wall_ms = host.now.wall_ms + 1500},
                             &body);
    loop_host_give(&host, 0, MESSAGE_MINT_FROM, 0, buffer_slice(&body));
    say(&host, "SET %s v", key);
    assert_false(is_sent(&host, MESSAGE_MINT));
    assert_true(is_sent(&host, MESSAGE_FORWARD));
    loop_host_pass(&host, 1500, 0);
    forward_to(&host, 3, KEY_WRITE, key);
    assert_true(is_sent(&host, MESSAGE_READ)); /* and then it mints */
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* ---- writes that wait ----------------------------------------------------------------------- */

static void wait_for_ceiling(struct loop_host *host, uint64_t wait_ms)
{
    struct buffer body = {0};
    message_mint_from_encode(&(struct message_mint_from){.wall_ms = host->now.wall_ms + wait_ms},
                             &body);
    loop_host_give(host, 0, MESSAGE_MINT_FROM, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The newest forward is refused by who got it: it may mint in `wait_ms`, 0: it does not know. */
static bool refuse_forward(struct loop_host *host, uint32_t wait_ms)
{
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    if (!loop_host_find(host, MESSAGE_FORWARD, &frame, &link))
        return false;
    struct key_result result = key_result_failed(STATUS_CLOCK_SKEW, 0, 0);
    result.wait_ms = wait_ms;
    key_result_encode(&result, &body);
    loop_host_give(host, link, MESSAGE_FORWARD_RESULT, frame.request, buffer_slice(&body));
    buffer_deinit(&body);
    return true;
}

/* After a crash of all of them no owner may mint at once, and all know when they may. */
static void a_write_is_held_until_this_node_may_mint(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    wait_for_ceiling(&host, 1500);
    say(&host, "SET %s v", key);
    while (refuse_forward(&host, 1600))
        ;
    loop_host_assert_reply(&host, "");
    loop_host_pass(&host, 1400, 0);
    assert_false(is_sent(&host, MESSAGE_MINT) || is_sent(&host, MESSAGE_FORWARD));
    loop_host_pass(&host, 100, 0);
    assert_true(is_sent(&host, MESSAGE_MINT));
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_OPEN,
                                         .connection = LOOP_HOST_CLIENT + 1,
                                         .bytes = slice_text("127.0.0.1:2")});
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_BYTES,
                                         .connection = LOOP_HOST_CLIENT + 1,
                                         .bytes = slice_text("INFO ring\r\n")});
    assert_true(loop_host_reply_has(&host, "ring_requests_held:1\r\n"));
    loop_host_deinit(&host);
}

static void a_write_is_held_until_the_first_owner_may_mint(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, -1, key);
    say(&host, "SET %s v", key);
    assert_true(refuse_forward(&host, 900));
    assert_true(refuse_forward(&host, 0));
    assert_true(refuse_forward(&host, 300));
    loop_host_assert_reply(&host, "");
    loop_host_pass(&host, 299, 0);
    assert_false(is_sent(&host, MESSAGE_FORWARD));
    loop_host_pass(&host, 1, 0);
    for (int i = 0; i < 3; i++) /* once more around, and then nobody knows */
        assert_true(refuse_forward(&host, 0));
    loop_host_assert_reply(&host, "-CLOCKSKEW ");
    loop_host_deinit(&host);
}

static void a_write_that_cannot_wait_so_long_is_refused_at_once(void **state)
{
    struct loop_host host;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    wait_for_ceiling(&host, 1500);
    say(&host, "WITH timeout=1400 SET %s v", key);
    while (refuse_forward(&host, 1500))
        ;
    loop_host_assert_reply(&host, "-CLOCKSKEW ");
    loop_host_deinit(&host);
}

static void an_owner_that_is_asked_says_how_long_it_waits(void **state)
{
    struct loop_host host;
    struct frame frame;
    struct key_result result;
    link_id link;
    char key[16];
    (void)state;
    start(&host);
    loop_host_find_key(&host, 0, key);
    wait_for_ceiling(&host, 1500);
    forward_to(&host, 3, KEY_WRITE, key);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD_RESULT, &frame, &link));
    struct reader reader = reader_make(frame.body);
    assert_int_equal(key_result_decode(&reader, &result), STATUS_OK);
    assert_true(result.status == STATUS_CLOCK_SKEW && result.wait_ms == 1500);
    key_result_deinit(&result);
    loop_host_deinit(&host);
}

/* What is held takes memory: no more than requests-max of them. */
static void no_more_writes_are_held_than_requests_max(void **state)
{
    struct loop_host host;
    struct settings settings;
    char key[16];
    (void)state;
    start(&host);
    settings = host.settings;
    settings.requests_max = 1;
    node_set_settings(host.node, &settings);
    loop_host_find_key(&host, 0, key);
    wait_for_ceiling(&host, 1500);
    for (int i = 0; i < 2; i++) {
        loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_OPEN,
                                             .connection = LOOP_HOST_CLIENT + 1,
                                             .bytes = slice_text("127.0.0.1:2")});
        struct buffer bytes = {0};
        buffer_printf(&bytes, "SET %s v\r\n", key);
        loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_BYTES,
                                             .connection = LOOP_HOST_CLIENT + (connection_id)i,
                                             .bytes = buffer_slice(&bytes)});
        buffer_deinit(&bytes);
        while (refuse_forward(&host, 1500))
            ;
        loop_host_assert_reply(&host, i == 0 ? "" : "-CLOCKSKEW ");
    }
    loop_host_pass(&host, 1500, 0);
    assert_true(is_sent(&host, MESSAGE_MINT)); /* the first one */
    loop_host_deinit(&host);
}

/* ---- what is shown --------------------------------------------------------------------------- */

static void the_fence_and_the_offset_are_shown(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_clock_fenced:0\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_clock_offset_max_ms:0\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_clocks_compared:5\r\n"));
    loop_host_beat(&host, 2, 90);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_clock_offset_max_ms:90\r\n"));
    loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = 2});
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_clocks_compared:4\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_clock_offset_max_ms:0\r\n"));
    loop_host_pass(&host, 1, -HOUR_MS);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_clock_fenced:1\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_clock_offset_ms:-3"));
    assert_true(loop_host_reply_has(&host, "ring_clock_fences:1\r\n"));
    loop_host_say(&host, "RING.STATUS");
    assert_true(loop_host_reply_has(&host, "$6\r\nfenced\r\n:1\r\n$9\r\noffset_ms\r\n:-3"));
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_minted_before_the_clock_was_compared),
        cmocka_unit_test(clocks_are_compared_one_round_trip_after_a_peer_is_up),
        cmocka_unit_test(a_node_alone_in_its_ring_believes_its_clock),
        cmocka_unit_test(a_fenced_owner_hands_the_writes_of_its_clients_to_another),
        cmocka_unit_test(it_takes_up_minting_when_its_clock_is_right_again),
        cmocka_unit_test(when_no_other_owner_can_the_client_is_told_of_the_clock),
        cmocka_unit_test(an_owner_that_is_fenced_is_passed_over),
        cmocka_unit_test(the_second_owner_does_it_when_the_first_is_fenced),
        cmocka_unit_test(a_node_that_is_no_owner_forwards_although_it_is_fenced),
        cmocka_unit_test(a_write_that_is_forwarded_to_a_fenced_owner_is_refused),
        cmocka_unit_test(a_write_whose_read_is_under_way_at_the_jump_is_refused),
        cmocka_unit_test(a_fenced_node_serves_reads_and_takes_replicas),
        cmocka_unit_test(a_time_to_live_counts_from_the_agreed_time),
        cmocka_unit_test(heartbeats_tell_the_clock_as_it_is),
        cmocka_unit_test(the_store_side_is_told_before_it_mints_and_at_every_jump),
        cmocka_unit_test(what_the_store_queue_did_not_take_is_told_again),
        cmocka_unit_test(who_is_left_alone_goes_by_its_own_clock_and_goes_on_telling_it),
        cmocka_unit_test(a_store_queue_that_is_full_is_not_asked_at_once),
        cmocka_unit_test(a_mint_never_goes_before_what_it_relies_on),
        cmocka_unit_test(while_the_store_side_waits_for_the_clock_others_mint),
        cmocka_unit_test(a_write_is_held_until_this_node_may_mint),
        cmocka_unit_test(a_write_is_held_until_the_first_owner_may_mint),
        cmocka_unit_test(a_write_that_cannot_wait_so_long_is_refused_at_once),
        cmocka_unit_test(an_owner_that_is_asked_says_how_long_it_waits),
        cmocka_unit_test(no_more_writes_are_held_than_requests_max),
        cmocka_unit_test(the_fence_and_the_offset_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
