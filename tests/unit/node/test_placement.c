/*
 * test_placement.c - the loop side when a value comes into force that moves partitions.
 *
 * Partition of KEY: three owners of four members; it moves from its last owner to the member that
 * does not own it, while node 1, its first owner, has a write of it under way.
 */
#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "membership/register_value.h"
#include "node/node_state.h"
#include "ring/position.h"
#include "ring/ring_change.h"
#include "ring/transition.h"
#include "wire/message_register.h"
#include "wire/message_ring.h"

enum { OWNERS = 3, MEMBERS = 4 };

struct moving {
    struct loop_host host;
    char key[16];
    partition_id partition;
    node_id joins, leaves;
};

static void init(struct moving *moving)
{
    loop_host_init(&moving->host, "eu:3", MEMBERS);
    loop_host_let_all_in(&moving->host);
    loop_host_find_key(&moving->host, 0, moving->key);
    moving->partition = ring_partition_of_slot(ring_slot(slice_text(moving->key)), 16);
    const node_id *row = ring_owners(moving->host.ring, moving->partition);
    moving->leaves = row[1] == LOOP_HOST_SELF ? row[2] : row[1];
    for (node_id id = 1; id <= MEMBERS; id++)
        if (!ring_owns(moving->host.ring, id, moving->partition))
            moving->joins = id;
}

/* A value with the partition in JOINT is on the disk of this node. */
static void come_into_force(struct moving *moving)
{
    struct loop_host *host = &moving->host;
    struct register_value *value = register_value_first(host->ring);
    struct buffer bytes = {0}, learned = {0};
    struct frame frame;
    link_id link;
    node_id row[OWNERS];
    char reason[RING_REASON_MAX];
    memcpy(row, ring_owners(value->ring, moving->partition), sizeof row);
    for (int i = 0; i < OWNERS; i++)
        if (row[i] == moving->leaves)
            row[i] = moving->joins;
    assert_int_equal(ring_begin(value->ring, moving->partition,
                                ring_tag_of(value->ring, moving->partition), row, reason),
                     STATUS_OK);
    value->seq = 1;
    register_value_encode(value, &bytes);
    loop_host_give(host, 2, MESSAGE_REGISTER_VALUE, 0, buffer_slice(&bytes));
    assert_true(loop_host_find(host, MESSAGE_REGISTER_LEARN, &frame, &link));
    message_register_learned_encode(&(struct message_register_learned){.status = STATUS_OK},
                                    &learned);
    loop_host_give(host, 0, MESSAGE_REGISTER_LEARNED, frame.request, buffer_slice(&learned));
    assert_int_equal(ring_tag_of(host->node->ring, moving->partition).phase, RING_JOINT);
    register_value_free(value);
    buffer_deinit(&bytes);
    buffer_deinit(&learned);
}

static request_id start_write(struct moving *moving)
{
    char command[64];
    struct frame frame;
    link_id link;
    snprintf(command, sizeof command, "SET %s v", moving->key);
    loop_host_say(&moving->host, command);
    assert_true(loop_host_find(&moving->host, MESSAGE_MINT, &frame, &link));
    return frame.request;
}

static void give_minted(struct moving *moving, request_id request)
{
    struct buffer result = {0}, replicate = {0}, body = {0};
    struct key_outcome outcome = {.written = true};
    outcome.dot = (struct dot){.actor = {.node = LOOP_HOST_SELF}, .sequence = 1};
    key_result_encode(&(struct key_result){.outcome_count = 1, .outcomes = &outcome}, &result);
    struct replica_address address = {.partition = moving->partition,
                                      .tag = moving->host.ring->tag};
    message_replicate_encode(&(struct message_replicate){.address = address}, &replicate);
    message_minted_encode(&(struct message_minted){.written = true,
                                                   .result = buffer_slice(&result),
                                                   .replicate = buffer_slice(&replicate)},
                          &body);
    loop_host_give(&moving->host, 0, MESSAGE_MINTED, request, buffer_slice(&body));
    buffer_deinit(&result);
    buffer_deinit(&replicate);
    buffer_deinit(&body);
}

static void acknowledge(struct moving *moving, node_id by, request_id request)
{
    struct buffer body = {0};
    message_replicated_encode(&(struct message_replicated){.status = STATUS_OK}, &body);
    loop_host_give(&moving->host, by == LOOP_HOST_SELF ? 0 : by, MESSAGE_REPLICATED, request,
                   buffer_slice(&body));
    buffer_deinit(&body);
}

/* Of the frames of the last step: to how many the cells were sent, and under which number. */
static unsigned sent(const struct moving *moving, request_id *number)
{
    const struct effects *effects = &moving->host.effects;
    unsigned count = 0;
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        struct frame frame;
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND && effect->kind != EFFECT_STORE_WRITE)
            continue;
        assert_int_equal(frame_parse(effect_bytes(effects, effect), &frame, &used), STATUS_OK);
        if (frame.type != MESSAGE_REPLICATE)
            continue;
        *number = frame.request;
        count++;
    }
    return count;
}

static void a_write_goes_on_under_another_number(void **state)
{
    struct moving moving = {0};
    request_id first, again = 0;
    (void)state;
    init(&moving);
    first = start_write(&moving);
    give_minted(&moving, first);
    assert_int_equal(sent(&moving, &again), OWNERS - 1);
    assert_int_equal(again, first);
    acknowledge(&moving, LOOP_HOST_SELF, first);
    loop_host_assert_reply(&moving.host, "");
    come_into_force(&moving);
    assert_int_equal(sent(&moving, &again), OWNERS + 1); /* itself and who joins, too */
    assert_true(again > first);
    for (node_id id = 1; id <= MEMBERS; id++)
        acknowledge(&moving, id, first); /* late: they are of the old tag */
    loop_host_assert_reply(&moving.host, "");
    acknowledge(&moving, LOOP_HOST_SELF, again);
    acknowledge(&moving, moving.leaves, again);
    loop_host_assert_reply(&moving.host, ""); /* two of C, and one of N */
    acknowledge(&moving, moving.joins, again);
    loop_host_assert_reply(&moving.host, "+OK");
    loop_host_deinit(&moving.host);
}

static void a_write_is_minted_once(void **state)
{
    struct moving moving = {0};
    request_id first, again = 0;
    struct frame frame;
    link_id link;
    (void)state;
    init(&moving);
    first = start_write(&moving);
    come_into_force(&moving);
    assert_false(loop_host_find(&moving.host, MESSAGE_MINT, &frame, &link));
    give_minted(&moving, first);
    assert_int_equal(sent(&moving, &again), OWNERS + 1);
    assert_true(again > first);
    assert_false(loop_host_find(&moving.host, MESSAGE_MINT, &frame, &link));
    loop_host_deinit(&moving.host);
}

static void a_mint_that_the_store_refused_is_asked_for_again(void **state)
{
    struct moving moving = {0};
    struct buffer body = {0};
    struct frame frame;
    struct message_mint mint;
    link_id link;
    (void)state;
    init(&moving);
    request_id first = start_write(&moving);
    message_minted_encode(&(struct message_minted){.status = STATUS_STALE_TAG}, &body);
    loop_host_give(&moving.host, 0, MESSAGE_MINTED, first, buffer_slice(&body));
    loop_host_assert_reply(&moving.host, "");
    come_into_force(&moving);
    assert_true(loop_host_find(&moving.host, MESSAGE_MINT, &frame, &link));
    assert_true(frame.request > first);
    assert_int_equal(message_mint_decode(frame.body, &mint), STATUS_OK);
    assert_int_equal(mint.address.tag.phase, RING_JOINT);
    buffer_deinit(&body);
    loop_host_deinit(&moving.host);
}

/* One step at a time, and again after one that failed. */
static void the_store_side_is_asked_as_long_as_it_has_something_to_do(void **state)
{
    struct moving moving = {0};
    struct buffer body = {0};
    struct frame frame;
    link_id link;
    (void)state;
    init(&moving);
    message_holdings_state_encode(&(struct message_holdings_state){.more = true, .dropping = 3},
                                  &body);
    loop_host_give(&moving.host, 0, MESSAGE_HOLDINGS_STATE, 0, buffer_slice(&body));
    loop_host_pass(&moving.host, 30, 0);
    assert_true(loop_host_find(&moving.host, MESSAGE_HOLDINGS_STEP, &frame, &link));
    assert_int_equal(link, 0);
    loop_host_give(&moving.host, 0, MESSAGE_STORE_REFUSED, frame.request, slice_make(NULL, 0));
    loop_host_pass(&moving.host, 30, 0);
    assert_true(loop_host_find(&moving.host, MESSAGE_HOLDINGS_STEP, &frame, &link));
    buffer_clear(&body);
    message_holdings_state_encode(&(struct message_holdings_state){0}, &body);
    loop_host_give(&moving.host, 0, MESSAGE_HOLDINGS_STATE, frame.request, buffer_slice(&body));
    loop_host_pass(&moving.host, 60000, 0);
    assert_false(loop_host_find(&moving.host, MESSAGE_HOLDINGS_STEP, &frame, &link));
    buffer_deinit(&body);
    loop_host_deinit(&moving.host);
}

/* Its messages have a tag that nobody answers any more; what was asked is awaited no longer. */
static void an_exchange_of_trees_begins_anew(void **state)
{
    struct moving moving = {0};
    struct frame frame;
    link_id link;
    bool asked = false;
    (void)state;
    init(&moving);
    for (int i = 0; !asked && i < 7000; i++) { /* the first comes within repair-interval */
        for (node_id id = 2; id <= MEMBERS; id++)
            loop_host_beat(&moving.host, id, 0);
        loop_host_pass(&moving.host, 100, 0);
        asked = loop_host_find(&moving.host, MESSAGE_TREE_ASK, &frame, &link);
    }
    assert_true(asked);
    come_into_force(&moving);
    loop_host_give(&moving.host, 0, MESSAGE_STORE_REFUSED, frame.request, slice_make(NULL, 0));
    loop_host_deinit(&moving.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_of_trees_begins_anew),
        cmocka_unit_test(a_write_goes_on_under_another_number),
        cmocka_unit_test(a_write_is_minted_once),
        cmocka_unit_test(a_mint_that_the_store_refused_is_asked_for_again),
        cmocka_unit_test(the_store_side_is_asked_as_long_as_it_has_something_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
