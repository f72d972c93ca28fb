/*
 * test_node.c - the loop side of one node: where a request goes, with peers and store made by hand.
 *
 * The node under test is member 1; link n leads to member n, and all are up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "coordinator/key_request.h"
#include "node/node.h"
#include "ring/position.h"
#include "ring/preference_list.h"
#include "wire/frame.h"
#include "wire/message.h"
#include "wire/message_lineage.h"
#include "wire/message_register.h"

enum { SELF = 1, CLIENT = 50 };

struct loop {
    struct ring *ring;
    struct settings settings;
    struct node *node;
    struct effects effects; /* of the last step */
    struct instant now;
    uint64_t true_ms; /* by the clocks of all others */
};

static void step(struct loop *loop, struct event event)
{
    effects_clear(&loop->effects);
    event.now = loop->now;
    node_step(loop->node, &event, &loop->effects);
}

static void put_frame(struct buffer *out, uint16_t type, request_id request, struct slice body)
{
    size_t offset = frame_start(out, type, request, 0);
    buffer_append_slice(out, body);
    frame_finish(out, offset);
}

static void give_frame(struct loop *loop, link_id link, uint16_t type, request_id request,
                       struct slice body)
{
    struct buffer bytes = {0};
    put_frame(&bytes, type, request, body);
    step(loop, (struct event){.kind = link == 0 ? EVENT_STORE_FRAMES : EVENT_LINK_FRAMES,
                              .link = link,
                              .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

static void let_in(struct loop *loop, node_id peer)
{
    struct buffer body = {0};
    struct message_hello hello = {.generation = loop->ring->generation,
                                  .placement_digest = ring_placement_digest(loop->ring),
                                  .tag = loop->ring->tag,
                                  .node = peer,
                                  .storage_incarnation = 1,
                                  .boot_epoch = 1};
    memcpy(hello.cluster_id, loop->ring->cluster_id, sizeof hello.cluster_id);
    message_hello_encode(&hello, &body);
    step(loop, (struct event){.kind = EVENT_LINK_UP, .link = peer, .node = peer});
    give_frame(loop, peer, MESSAGE_HELLO, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* The newest heartbeat to the peer is answered at once; its clock is ahead by `offset_ms`. */
static void beat(struct loop *loop, node_id peer, int64_t offset_ms)
{
    struct buffer body = {0};
    struct message_heartbeat heartbeat = {
        .sent_us = 1, .wall_ms = loop->true_ms + (uint64_t)offset_ms, .echo_us = loop->now.mono_us};
    message_heartbeat_encode(&heartbeat, &body);
    give_frame(loop, peer, MESSAGE_HEARTBEAT, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void init_loop(struct loop *loop, const char *replication, uint32_t members)
{
    *loop = (struct loop){.ring = fixture_ring(replication, 16),
                          .now = {.mono_us = 1000000, .wall_ms = 1700000000000},
                          .true_ms = 1700000000000};
    loop->ring->keyspaces[0] = (struct ring_keyspace){.name = "default"};
    loop->ring->keyspace_count = 1;
    fixture_add_many(loop->ring, members, "eu", members);
    fixture_place(loop->ring, NULL);
    settings_defaults(&loop->settings);
    loop->settings.value_bytes_max = 32 << 20;
    loop->node = node_new(&(struct node_params){.self = SELF,
                                                .storage_incarnation = 1,
                                                .boot_epoch = 1,
                                                .random_seed = 1,
                                                .ring = loop->ring,
                                                .settings = &loop->settings});
    step(loop, (struct event){.kind = EVENT_START});
    struct buffer known = {0};
    message_register_state_encode(&(struct message_register_state){0}, &known);
    give_frame(loop, 0, MESSAGE_REGISTER_STATE, 0, buffer_slice(&known));
    buffer_deinit(&known);
    loop->now.mono_us += 60000000; /* nobody is left to wait for to compare clocks with */
    loop->now.wall_ms += 60000;
    loop->true_ms += 60000;
    for (partition_id p = 0; p < 16; p++) {
        struct buffer body = {0};
        struct message_replica_state state = {.partition = p, .state = REPLICA_ACTIVE};
        message_replica_state_encode(&state, &body);
        if (ring_owns(loop->ring, SELF, p))
            give_frame(loop, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
        buffer_deinit(&body);
    }
    /* Its store shows nothing, so nobody has to find it good. */
    struct buffer lineage = {0};
    lineage_encode(&(struct lineage){0}, &lineage);
    give_frame(loop, 0, MESSAGE_STORE_LINEAGE, 0, buffer_slice(&lineage));
    buffer_deinit(&lineage);
    for (node_id peer = 2; peer <= members; peer++)
        let_in(loop, peer);
    for (node_id peer = 2; peer <= members; peer++)
        beat(loop, peer, 0);
    step(loop, (struct event){.kind = EVENT_CLIENT_OPEN,
                              .connection = CLIENT,
                              .bytes = slice_text("127.0.0.1:1")});
}

static void deinit_loop(struct loop *loop)
{
    node_free(loop->node);
    effects_deinit(&loop->effects);
    ring_free(loop->ring);
}

static void client_says(struct loop *loop, struct slice bytes)
{
    step(loop, (struct event){.kind = EVENT_CLIENT_BYTES, .connection = CLIENT, .bytes = bytes});
}

/* The first frame of this type among the effects, and the link it goes to (0: the own store). */
static bool find_frame(const struct loop *loop, uint16_t type, struct frame *out, link_id *link)
{
    for (size_t i = 0; i < loop->effects.count; i++) {
        const struct effect *effect = &loop->effects.items[i];
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND && effect->kind != EFFECT_STORE_WRITE &&
            effect->kind != EFFECT_STORE_READ)
            continue;
        assert_int_equal(frame_open(effect_bytes(&loop->effects, effect), out, &used), STATUS_OK);
        *link = effect->kind == EFFECT_LINK_SEND ? effect->link : 0;
        if (out->type == type)
            return true;
    }
    return false;
}

static void assert_client_reads(const struct loop *loop, const char *start)
{
    struct buffer text = {0};
    for (size_t i = 0; i < loop->effects.count; i++)
        if (loop->effects.items[i].kind == EFFECT_CLIENT_SEND)
            buffer_append_slice(&text, effect_bytes(&loop->effects, &loop->effects.items[i]));
    if (text.length < strlen(start) || memcmp(text.data, start, strlen(start)) != 0)
        fail_msg("the client reads '%.*s'", (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
}

/* A key of a partition that SELF owns, or not, and of which it is not the first choice. */
static void find_key(const struct loop *loop, bool owned, char key[16])
{
    for (unsigned i = 0; i < 10000; i++) {
        struct preference_list owners;
        snprintf(key, 16, "k%u", i);
        partition_id p = ring_partition_of_slot(ring_slot(slice_text(key)), 16);
        preference_list_build(loop->ring, p, 0, &owners);
        if (ring_owns(loop->ring, SELF, p) == owned && owners.nodes[0] != SELF)
            return;
    }
    fail_msg("no such key");
}

static void answer_forward(struct loop *loop, link_id link, request_id request, enum status status)
{
    struct buffer body = {0};
    struct key_result result = key_result_failed(status, 0, 0);
    key_result_encode(&result, &body);
    give_frame(loop, link, MESSAGE_FORWARD_RESULT, request, buffer_slice(&body));
    buffer_deinit(&body);
}

static void what_the_store_side_counts_is_shown(void **state)
{
    struct loop loop;
    struct buffer body = {0}, text = {0};
    (void)state;
    init_loop(&loop, "eu:3", 3);
    message_store_counts_encode(&(struct message_store_counts){.lww_losses = 4711}, &body);
    give_frame(&loop, 0, MESSAGE_STORE_COUNTS, 0, buffer_slice(&body));
    client_says(&loop, slice_text("INFO\r\n"));
    for (size_t i = 0; i < loop.effects.count; i++)
        if (loop.effects.items[i].kind == EFFECT_CLIENT_SEND)
            buffer_append_slice(&text, effect_bytes(&loop.effects, &loop.effects.items[i]));
    buffer_put_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "ring_lww_losses:4711\r\n"));
    buffer_deinit(&body);
    buffer_deinit(&text);
    deinit_loop(&loop);
}

/* ---- forwarding ---------------------------------------------------------------------------- */

/* A client of a node that does not own the key writes it: three others of five do. */
static void set_what_another_owns(struct loop *loop)
{
    struct buffer command = {0};
    char key[16];
    init_loop(loop, "eu:3", 5);
    find_key(loop, false, key);
    buffer_printf(&command, "SET %s v\r\n", key);
    client_says(loop, buffer_slice(&command));
    buffer_deinit(&command);
}

static void a_write_goes_once_to_the_best_owner(void **state)
{
    struct loop loop;
    struct frame frame;
    struct buffer command = {0};
    struct preference_list owners;
    link_id link;
    char key[16];
    (void)state;
    init_loop(&loop, "eu:3", 5);
    find_key(&loop, false, key);
    preference_list_build(loop.ring, ring_partition_of_slot(ring_slot(slice_text(key)), 16), 0,
                          &owners);
    buffer_printf(&command, "SET %s v\r\n", key);
    client_says(&loop, buffer_slice(&command));
    assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, owners.nodes[0]);
    assert_true(frame.left_ms > 0);
    answer_forward(&loop, link, frame.request, STATUS_UNCERTAIN);
    assert_client_reads(&loop, "-UNCERTAIN ");
    buffer_deinit(&command);
    deinit_loop(&loop);
}

/* Two tries at once would both mint: whoever was asked before has nothing to say any more. */
static void only_the_owner_that_was_asked_last_is_listened_to(void **state)
{
    struct loop loop;
    struct frame frame, other;
    link_id first, second, third;
    (void)state;
    set_what_another_owns(&loop);
    assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &first));
    request_id request = frame.request;
    answer_forward(&loop, first, request, STATUS_NOT_READY);
    assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &second));
    assert_true(second != first);
    answer_forward(&loop, first, request, STATUS_NOT_READY);
    assert_false(find_frame(&loop, MESSAGE_FORWARD, &other, &third));
    answer_forward(&loop, second, request, STATUS_TOO_LARGE);
    assert_true(loop.effects.count > 0);
    deinit_loop(&loop);
}

static void an_owner_that_is_lost_makes_a_forwarded_write_uncertain(void **state)
{
    struct loop loop;
    struct frame frame;
    link_id link;
    (void)state;
    set_what_another_owns(&loop);
    assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &link));
    step(&loop, (struct event){.kind = EVENT_LINK_DOWN, .link = link});
    assert_client_reads(&loop, "-UNCERTAIN ");
    deinit_loop(&loop);
}

/* Owners differ in whom they reach: the client hears of none before all have refused. */
static void an_owner_that_reaches_too_few_leaves_the_write_to_the_next(void **state)
{
    struct loop loop;
    struct frame frame;
    link_id links[3];
    (void)state;
    set_what_another_owns(&loop);
    for (unsigned i = 0; i < 3; i++) {
        struct buffer body = {0};
        struct key_result result = key_result_failed(STATUS_UNAVAILABLE, i == 1 ? 1 : 0, 2);
        assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &links[i]));
        key_result_encode(&result, &body);
        give_frame(&loop, links[i], MESSAGE_FORWARD_RESULT, frame.request, buffer_slice(&body));
        buffer_deinit(&body);
    }
    assert_true(links[0] != links[1] && links[1] != links[2] && links[0] != links[2]);
    assert_client_reads(&loop, "-NOREPLICAS not enough owners reachable: need 2, can reach 1;");
    deinit_loop(&loop);
}

/* The first choice is being rebuilt: this node owns the key too, and can do it. */
static void an_owner_coordinates_when_the_better_ones_cannot(void **state)
{
    struct loop loop;
    struct frame frame;
    struct buffer command = {0};
    link_id link;
    char key[16];
    (void)state;
    init_loop(&loop, "eu:2", 2);
    find_key(&loop, true, key);
    buffer_printf(&command, "WITH cl=ONE APPEND %s v\r\n", key);
    client_says(&loop, buffer_slice(&command));
    assert_true(find_frame(&loop, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, 2);
    answer_forward(&loop, link, frame.request, STATUS_NOT_READY);
    assert_true(find_frame(&loop, MESSAGE_READ, &frame, &link)); /* it reads, to append */
    assert_int_equal(link, 0);
    buffer_deinit(&command);
    deinit_loop(&loop);
}

/* The owner would refuse it as well, and no frame could carry it there. */
static void a_write_that_no_message_can_carry_is_not_forwarded(void **state)
{
    struct loop loop;
    struct frame frame;
    struct buffer command = {0};
    size_t value_bytes = MESSAGE_PAYLOAD_BYTES_MAX + 1000;
    link_id link;
    char key[16];
    (void)state;
    init_loop(&loop, "eu:3", 5);
    find_key(&loop, false, key);
    buffer_printf(&command, "*3\r\n$3\r\nSET\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(key), key,
                  value_bytes);
    memset(buffer_reserve(&command, value_bytes), 'v', value_bytes);
    command.length += value_bytes;
    buffer_append_slice(&command, slice_text("\r\n"));
    client_says(&loop, buffer_slice(&command));
    assert_false(find_frame(&loop, MESSAGE_FORWARD, &frame, &link));
    assert_client_reads(&loop, "-");
    buffer_deinit(&command);
    deinit_loop(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_store_side_counts_is_shown),
        cmocka_unit_test(a_write_goes_once_to_the_best_owner),
        cmocka_unit_test(only_the_owner_that_was_asked_last_is_listened_to),
        cmocka_unit_test(an_owner_that_is_lost_makes_a_forwarded_write_uncertain),
        cmocka_unit_test(an_owner_that_reaches_too_few_leaves_the_write_to_the_next),
        cmocka_unit_test(an_owner_coordinates_when_the_better_ones_cannot),
        cmocka_unit_test(a_write_that_no_message_can_carry_is_not_forwarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
