/* Who becomes a member, who is one no more, and that an id is never given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "membership/member_change.h"
#include "membership/register_change.h"

static struct ring_member gateway(unsigned number)
{
    struct ring_member member = {.storage_incarnation = 1, .role = MEMBER_GATEWAY, .rack = "rack1"};
    snprintf(member.client.host, sizeof member.client.host, "10.9.1.%u", number);
    snprintf(member.peer.host, sizeof member.peer.host, "10.9.2.%u", number);
    member.client.port = 6379;
    member.peer.port = 7379;
    return member;
}

static node_id add(struct ring *ring, unsigned number)
{
    char reason[RING_REASON_MAX] = "";
    struct ring_member wanted = gateway(number);
    assert_int_equal(member_add(ring, &wanted, "us", reason), STATUS_OK);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    return ring->members[ring->member_count - 1].id;
}

static void assert_refused(enum status status, const char *reason, const char *word)
{
    assert_int_equal(status, STATUS_INVALID);
    if (strstr(reason, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, word);
}

static void ids_go_up_whoever_leaves(void **state)
{
    struct ring *ring = fixture_small_ring();
    char reason[RING_REASON_MAX] = "";
    (void)state;
    assert_int_equal(add(ring, 1), 6);
    assert_int_equal(ring_member(ring, 6)->region, 1);
    assert_int_equal(member_remove(ring, 6, reason), STATUS_OK);
    assert_int_equal(add(ring, 1), 7);
    assert_int_equal(add(ring, 2), 8);
    assert_int_equal(member_remove(ring, 7, reason), STATUS_OK);
    assert_int_equal(add(ring, 3), 9);
    assert_true(ring_is_fenced(ring, 6) && ring_is_fenced(ring, 7));
    assert_false(ring_is_fenced(ring, 8) || ring_is_fenced(ring, 9) || ring_is_fenced(ring, 10));
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    ring_free(ring);
}

static void two_nodes_at_one_address_are_refused(void **state)
{
    struct ring *ring = fixture_small_ring();
    char reason[RING_REASON_MAX] = "";
    struct ring_member wanted = gateway(1);
    (void)state;
    add(ring, 1);
    assert_refused(member_add(ring, &wanted, "eu", reason), reason, "node 6");
    wanted = gateway(2);
    wanted.client = ring_member(ring, 3)->peer;
    assert_refused(member_add(ring, &wanted, "eu", reason), reason, "node 3");
    wanted = gateway(2);
    wanted.peer = wanted.client;
    assert_refused(member_add(ring, &wanted, "eu", reason), reason, "an address each");
    assert_int_equal(ring->member_count, 6);
    ring_free(ring);
}

static void what_cannot_be_is_said(void **state)
{
    struct ring *ring = fixture_small_ring();
    char reason[RING_REASON_MAX] = "";
    struct ring_member wanted = gateway(1);
    (void)state;
    assert_refused(member_add(ring, &wanted, "asia", reason), reason, "no region asia");
    ring->last_id = UINT32_MAX;
    assert_refused(member_add(ring, &wanted, "eu", reason), reason, "ids");
    ring->last_id = 0;
    assert_refused(member_remove(ring, 2, reason), reason, "stores data");
    assert_refused(member_remove(ring, 7, reason), reason, "no member");
    add(ring, 1);
    assert_int_equal(member_remove(ring, 6, reason), STATUS_OK);
    assert_refused(member_remove(ring, 6, reason), reason, "it has left");
    ring_free(ring);
}

static void a_full_ring_takes_nobody(void **state)
{
    struct ring *ring = fixture_small_ring();
    char reason[RING_REASON_MAX] = "";
    (void)state;
    for (unsigned i = 0; ring->member_count < RING_MEMBERS_MAX; i++) {
        struct ring_member wanted = gateway(1);
        wanted.client.port = wanted.peer.port = (uint16_t)(i + 1);
        assert_int_equal(member_add(ring, &wanted, "eu", reason), STATUS_OK);
    }
    struct ring_member wanted = gateway(2);
    assert_refused(member_add(ring, &wanted, "eu", reason), reason, "512");
    ring_free(ring);
}

/* The same change proposed twice is made once, and what others see of it has the same bytes. */
static void the_register_makes_it_once(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *first = register_value_first(ring), *next = NULL, *again = NULL;
    struct register_change change = {.kind = REGISTER_CHANGE_MEMBER_ADD, .member = gateway(1)};
    struct ballot ballot = {.round = 4, .node = 2};
    char reason[REGISTER_REASON_MAX] = "";
    bool moved;
    (void)state;
    change.words_length = 2;
    memcpy(change.words, "eu", 2);
    assert_int_equal(register_change_apply(&change, ballot, first, &next, reason), STATUS_OK);
    assert_int_equal(next->seq, 1);
    assert_int_equal(ring_member(next->ring, 6)->role, MEMBER_GATEWAY);
    assert_int_equal(register_change_apply(&change, ballot, next, &again, reason), STATUS_OK);
    assert_null(again);
    assert_true(register_value_apply(next, ring, &moved));
    assert_int_equal(ring_digest(ring), ring_digest(next->ring));
    change = (struct register_change){.kind = REGISTER_CHANGE_MEMBER_REMOVE, .member = {.id = 6}};
    ballot.round++;
    assert_int_equal(register_change_apply(&change, ballot, next, &again, reason), STATUS_OK);
    assert_true(register_value_apply(again, ring, &moved));
    assert_true(ring_is_fenced(ring, 6));
    assert_int_equal(ring_digest(ring), ring_digest(again->ring));
    register_value_free(first);
    register_value_free(next);
    register_value_free(again);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_go_up_whoever_leaves),
        cmocka_unit_test(two_nodes_at_one_address_are_refused),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(a_full_ring_takes_nobody),
        cmocka_unit_test(the_register_makes_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
