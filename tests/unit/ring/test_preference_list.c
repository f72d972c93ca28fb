/* Preference lists: owners first, then the best stand-ins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ring/preference_list.h"
#include "ring_fixture.h"

static void owners_come_first_and_those_of_home_before_all(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    for (partition_id p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, p);
        struct preference_list list;
        preference_list_build(ring, p, 0, &list);
        assert_int_equal(list.primary_count, 3);
        assert_memory_equal(list.nodes, owners, 3 * sizeof *owners);
        preference_list_build(ring, p, 1, &list);
        assert_int_equal(list.primary_count, 3);
        assert_int_equal(list.nodes[0], owners[2]);
        assert_int_equal(list.nodes[1], owners[0]);
        assert_int_equal(list.nodes[2], owners[1]);
        assert_int_equal(list.regions[0], 1);
        assert_int_equal(list.regions[1], 0);
    }
    ring_free(ring);
}

static void every_other_member_is_a_fallback_once(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    for (partition_id p = 0; p < ring->partition_count; p++) {
        struct preference_list list;
        bool seen[6] = {false};
        preference_list_build(ring, p, 0, &list);
        assert_int_equal(list.count, 5);
        for (unsigned i = 0; i < list.count; i++) {
            assert_false(seen[list.nodes[i]]);
            seen[list.nodes[i]] = true;
            assert_int_equal(list.regions[i], ring_member(ring, list.nodes[i])->region);
        }
        assert_int_equal(list.regions[3], 0); /* the third of eu before the second of us */
        assert_int_equal(list.regions[4], 1);
    }
    ring_free(ring);
}

static bool holds_copy_in_rack(const struct ring *ring, partition_id partition,
                               const struct ring_member *member)
{
    for (unsigned i = 0; i < ring->owner_count; i++) {
        const struct ring_member *owner = ring_member(ring, ring_owners(ring, partition)[i]);
        if (owner->region == member->region && strcmp(owner->rack, member->rack) == 0)
            return true;
    }
    return false;
}

/* Racks of the same name in two regions are two racks. */
static void racks_without_a_copy_come_before_racks_with_one(void **state)
{
    struct ring *ring = fixture_ring("eu:2,us:1", 64);
    unsigned switches = 0;
    (void)state;
    for (node_id id = 1; id <= 16; id++) {
        char rack[8];
        snprintf(rack, sizeof rack, "r%u", id % 4);
        fixture_add(ring, id, id <= 8 ? "eu" : "us", rack, 1);
    }
    fixture_place(ring, NULL);
    for (partition_id p = 0; p < 64; p++) {
        struct preference_list list;
        preference_list_build(ring, p, 1, &list);
        assert_int_equal(list.count, 16);
        for (unsigned i = list.primary_count + 1u; i < list.count; i++) {
            const struct ring_member *a = ring_member(ring, list.nodes[i - 1]);
            const struct ring_member *b = ring_member(ring, list.nodes[i]);
            assert_true(a->region == b->region || (a->region == 1 && b->region == 0));
            if (a->region != b->region)
                continue;
            assert_true(holds_copy_in_rack(ring, p, a) <= holds_copy_in_rack(ring, p, b));
            switches += holds_copy_in_rack(ring, p, a) != holds_copy_in_rack(ring, p, b);
        }
    }
    assert_int_equal(switches, 2 * 64);
    ring_free(ring);
}

static void other_regions_follow_in_the_order_of_the_ring(void **state)
{
    struct ring *ring = fixture_ring("eu:1,us:1,ap:1", 16);
    static const char *const NAMES[] = {"eu", "us", "ap"};
    struct preference_list list;
    (void)state;
    for (node_id id = 1; id <= 6; id++)
        fixture_add(ring, id, NAMES[id % 3], "a", 1);
    fixture_place(ring, NULL);
    preference_list_build(ring, 5, 1, &list);
    assert_memory_equal(list.regions, ((uint8_t[]){1, 0, 2, 1, 0, 2}), 6);
    ring_free(ring);
}

static void a_large_ring_gives_a_full_list_of_the_best(void **state)
{
    struct ring *ring = fixture_ring("eu:3,us:2", 16);
    struct preference_list list;
    (void)state;
    for (node_id id = 1; id <= 120; id++)
        fixture_add(ring, id, id <= 60 ? "eu" : "us", id % 2 ? "a" : "b", 1);
    fixture_place(ring, NULL);
    preference_list_build(ring, 3, 1, &list);
    assert_int_equal(list.primary_count, 5);
    assert_int_equal(list.count, PREFERENCE_LIST_MAX);
    for (unsigned i = list.primary_count; i < list.count; i++)
        assert_int_equal(list.regions[i], 1);
    ring_free(ring);
}

/* The load of a node that is away falls on all others, not on one neighbour. */
static void first_fallbacks_are_spread_over_the_members(void **state)
{
    struct ring *ring = fixture_ring("eu:1", 1024);
    uint32_t chosen[11] = {0};
    (void)state;
    fixture_add_many(ring, 10, "eu", 1);
    fixture_place(ring, NULL);
    for (partition_id p = 0; p < 1024; p++) {
        struct preference_list list;
        preference_list_build(ring, p, 0, &list);
        chosen[list.nodes[1]]++;
    }
    for (node_id id = 1; id <= 10; id++)
        assert_true(chosen[id] > 60 && chosen[id] < 150);
    ring_free(ring);
}

static void a_gateway_is_never_a_fallback(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct preference_list list;
    (void)state;
    fixture_add(ring, 6, "eu", "r9", 0);
    for (partition_id p = 0; p < ring->partition_count; p++) {
        preference_list_build(ring, p, 0, &list);
        assert_int_equal(list.count, 5);
        for (uint8_t i = 0; i < list.count; i++)
            assert_int_not_equal(list.nodes[i], 6);
    }
    ring_free(ring);
}

static void a_ring_of_one_node_has_no_fallbacks(void **state)
{
    struct ring *ring = fixture_ring("eu:1", 16);
    struct preference_list list;
    (void)state;
    fixture_add(ring, 1, "eu", "a", 1);
    fixture_place(ring, NULL);
    preference_list_build(ring, 0, 0, &list);
    assert_int_equal(list.primary_count, 1);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.nodes[0], 1);
    ring_free(ring);
}

/* ---- a partition that moves ---- */

/* The first owner of eu goes, and the spare node of eu comes. */
static node_id move_first(struct ring *ring, partition_id partition, enum ring_phase phase)
{
    struct ring_transition *transition = ring_add_transition(ring, partition);
    for (node_id id = 1; id <= 3; id++)
        if (!ring_owns(ring, id, partition))
            transition->owners[0] = id;
    transition->phase = (uint8_t)phase;
    return transition->owners[0];
}

static void who_joins_or_leaves_follows_those_who_are_read(void **state)
{
    (void)state;
    for (uint8_t home = 0; home < 2; home++) {
        for (int phase = RING_JOINT; phase <= RING_SWITCHED; phase++) {
            struct ring *ring = fixture_small_ring();
            struct preference_list stable, list;
            node_id leaves = ring_owners(ring, 3)[0];
            preference_list_build(ring, 3, home, &stable);
            node_id joins = move_first(ring, 3, (enum ring_phase)phase);
            preference_list_build(ring, 3, home, &list);
            assert_int_equal(list.primary_count, 3);
            assert_int_equal(list.extra_count, 1);
            assert_int_equal(list.nodes[3], phase == RING_JOINT ? joins : leaves);
            assert_int_equal(list.regions[3], 0);
            for (unsigned i = 0; i < 3; i++) {
                bool goes = stable.nodes[i] == leaves;
                assert_int_equal(list.nodes[i],
                                 goes && phase == RING_SWITCHED ? joins : stable.nodes[i]);
                assert_int_equal(list.other_set >> i & 1, !goes);
            }
            assert_int_equal(list.other_set >> 3, 1);
            assert_int_equal(list.count, 5);
            assert_false(ring_replicates(ring, list.nodes[4], 3));
            ring_free(ring);
        }
    }
}

static void while_stable_there_is_one_set(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct preference_list list;
    (void)state;
    move_first(ring, 3, RING_JOINT);
    preference_list_build(ring, 4, 0, &list);
    assert_int_equal(list.extra_count, 0);
    assert_int_equal(list.other_set, 0);
    assert_int_equal(preference_list_replicas(&list), list.primary_count);
    ring_free(ring);
}

static void the_replicas_alone_are_the_head_of_the_list(void **state)
{
    (void)state;
    for (int phase = RING_STABLE; phase <= RING_SWITCHED; phase++) {
        struct ring *ring = fixture_small_ring();
        struct preference_list all, head;
        if (phase != RING_STABLE)
            move_first(ring, 3, (enum ring_phase)phase);
        preference_list_build(ring, 3, 1, &all);
        preference_list_replicas_build(ring, 3, 1, &head);
        assert_int_equal(head.count, preference_list_replicas(&all));
        assert_int_equal(head.primary_count, all.primary_count);
        assert_int_equal(head.extra_count, all.extra_count);
        assert_int_equal(head.other_set, all.other_set);
        assert_memory_equal(head.nodes, all.nodes, head.count * sizeof *head.nodes);
        assert_memory_equal(head.regions, all.regions, head.count);
        ring_free(ring);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_come_first_and_those_of_home_before_all),
        cmocka_unit_test(every_other_member_is_a_fallback_once),
        cmocka_unit_test(racks_without_a_copy_come_before_racks_with_one),
        cmocka_unit_test(other_regions_follow_in_the_order_of_the_ring),
        cmocka_unit_test(a_large_ring_gives_a_full_list_of_the_best),
        cmocka_unit_test(first_fallbacks_are_spread_over_the_members),
        cmocka_unit_test(a_gateway_is_never_a_fallback),
        cmocka_unit_test(a_ring_of_one_node_has_no_fallbacks),
        cmocka_unit_test(who_joins_or_leaves_follows_those_who_are_read),
        cmocka_unit_test(while_stable_there_is_one_set),
        cmocka_unit_test(the_replicas_alone_are_the_head_of_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
