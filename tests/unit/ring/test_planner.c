/*
 * The planner on chosen rings: what it promises at full size, and what it says when it cannot.
 *
 * PLANNER_TIMES=1 in the environment prints how long large rings take; no test
 * depends on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "placement_checker.h"
#include "base/hash.h"
#include "ring/planner.h"
#include "ring_fixture.h"

/* 60 nodes in 6 racks, every fourth of weight 2. */
static struct ring *large_ring(void)
{
    struct ring *ring = fixture_ring("eu:3", 4096);
    for (node_id id = 1; id <= 60; id++) {
        char rack[8];
        snprintf(rack, sizeof rack, "r%u", id % 6);
        fixture_add(ring, id, "eu", rack, id % 4 == 3 ? 2 : 1);
    }
    return ring;
}

static struct planner_report place(struct ring *ring, const struct ring *before)
{
    struct planner_report report;
    assert_int_equal(planner_place(ring, before, &report), STATUS_OK);
    return report;
}

static void a_large_ring_keeps_every_promise(void **state)
{
    struct ring *ring = large_ring();
    struct planner_report report = place(ring, NULL);
    (void)state;
    check_placement(ring, NULL, &report);
    assert_int_equal(report.rack_repeats, 0);
    assert_int_equal(report.moves, 0);
    assert_true(report.share_min_permille[0] >= 990);
    assert_true(report.share_max_permille[0] <= 1010);
    assert_string_equal(report.reason, "");
    /* All nodes of other racks; those of its own it can never stand beside. */
    assert_int_equal(report.scatter_width_min, 50);
    ring_free(ring);
}

static void adding_a_node_moves_its_share_and_nothing_else(void **state)
{
    struct ring *before = large_ring();
    struct ring *after = large_ring();
    (void)state;
    fixture_add(after, 1000, "eu", "r0", 1);
    place(before, NULL);
    struct planner_report report = place(after, before);
    check_placement(after, before, &report);
    uint32_t received = 0;
    for (uint32_t p = 0; p < after->partition_count; p++)
        received += ring_owns(after, 1000, (partition_id)p);
    assert_int_equal(report.moves, report.moves_lower_bound);
    assert_int_equal(report.moves, received);
    assert_true(received >= 3 * 4096 / 76 - 1); /* one of 60 + 15 + 1 parts */
    ring_free(before);
    ring_free(after);
}

static void removing_a_node_moves_what_it_held_and_nothing_else(void **state)
{
    struct ring *before = large_ring();
    struct ring *after = large_ring();
    uint32_t held = 0;
    (void)state;
    fixture_remove(after, 10);
    place(before, NULL);
    struct planner_report report = place(after, before);
    check_placement(after, before, &report);
    for (uint32_t p = 0; p < before->partition_count; p++)
        held += ring_owns(before, 10, (partition_id)p);
    assert_int_equal(report.moves, report.moves_lower_bound);
    assert_true(report.moves >= held && report.moves <= held + 4);
    ring_free(before);
    ring_free(after);
}

static void what_did_not_change_stays_byte_for_byte(void **state)
{
    struct ring *before = large_ring();
    struct ring *after = large_ring();
    (void)state;
    place(before, NULL);
    struct planner_report report = place(after, before);
    assert_int_equal(report.moves, 0);
    assert_int_equal(ring_digest(after), ring_digest(before));
    ring_free(before);
    ring_free(after);
}

static void a_replacement_takes_the_place_of_the_renamed_node(void **state)
{
    struct ring *before = large_ring();
    (void)state;
    place(before, NULL);
    struct ring *renamed = ring_copy(before);
    fixture_remove(renamed, 10);
    fixture_add(renamed, 1000, "eu", "r4", 1);
    for (uint32_t i = 0; i < 3 * 4096; i++)
        renamed->owners[i] = before->owners[i] == 10 ? 1000 : before->owners[i];
    struct ring *after = ring_copy(renamed);
    struct planner_report report = place(after, renamed);
    assert_int_equal(report.moves, 0);
    assert_int_equal(ring_digest(after), ring_digest(renamed));
    ring_free(before);
    ring_free(renamed);
    ring_free(after);
}

static void the_ring_before_may_be_the_ring_itself(void **state)
{
    struct ring *ring = large_ring();
    (void)state;
    place(ring, NULL);
    uint64_t digest = ring_digest(ring);
    struct planner_report report = place(ring, ring);
    assert_int_equal(report.moves, 0);
    assert_int_equal(ring_digest(ring), digest);
    ring_free(ring);
}

static uint64_t table_hash(const struct ring *ring)
{
    struct buffer bytes = {0};
    for (size_t i = 0; i < (size_t)ring->partition_count * ring->owner_count; i++)
        buffer_put_u32(&bytes, ring->owners[i]);
    uint64_t hash = hash64(buffer_slice(&bytes), 0);
    buffer_deinit(&bytes);
    return hash;
}

/* Pinned: a change of this number is a change of every new cluster's table. */
static void the_same_input_gives_the_same_table_everywhere(void **state)
{
    struct ring *ring = large_ring();
    struct ring *again = large_ring();
    (void)state;
    place(ring, NULL);
    place(again, NULL);
    assert_int_equal(ring_digest(ring), ring_digest(again));
    assert_true(table_hash(ring) == 0xb35ebeb530c5149e);
    ring_free(ring);
    ring_free(again);
}

/* A lost node's work must not fall on one other. */
static void second_owners_of_one_first_owner_are_spread(void **state)
{
    struct ring *ring = fixture_ring("eu:3", 1024);
    (void)state;
    fixture_add_many(ring, 8, "eu", 8);
    place(ring, NULL);
    for (node_id lost = 1; lost <= 8; lost++) {
        uint32_t seconds[9] = {0};
        for (uint32_t p = 0; p < 1024; p++) {
            const node_id *owners = ring_owners(ring, (partition_id)p);
            if (owners[0] == lost)
                seconds[owners[1]]++;
        }
        for (node_id id = 1; id <= 8; id++)
            assert_true(id == lost || (seconds[id] >= 5 && seconds[id] <= 40));
    }
    ring_free(ring);
}

/* Each step one node goes and one comes: 30 nodes in 6 racks of 5, one of which changes. */
static void replace_ten_nodes(uint32_t rack_shift, uint32_t moves_max, uint32_t scatter_min)
{
    struct ring *ring = fixture_ring("eu:3", 1024);
    fixture_add_many(ring, 30, "eu", 6);
    place(ring, NULL);
    for (node_id step = 0; step < 10; step++) {
        struct ring *after = ring_copy(ring);
        char rack[8];
        snprintf(rack, sizeof rack, "r%u", (step + rack_shift * (step % 2)) % 6);
        fixture_remove(after, 1 + step);
        fixture_add(after, 100 + step, "eu", rack, 1);
        struct planner_report report = place(after, ring);
        check_placement(after, ring, &report);
        check_moves_are_fewest(after, ring);
        assert_true(report.moves <= moves_max);
        assert_true(report.scatter_width_min >= scatter_min);
        ring_free(ring);
        ring = after;
    }
    ring_free(ring);
}

/* 102 or 103 copies are one node's share. */
static void a_newcomer_in_the_same_rack_takes_the_leavers_copies(void **state)
{
    (void)state;
    replace_ten_nodes(0, 103, 25);
}

/* Where the newcomer's rack has a copy already, a third node takes part. */
static void a_newcomer_in_another_rack_costs_few_moves_more(void **state)
{
    (void)state;
    replace_ten_nodes(1, 150, 22);
}

static void regions_do_not_disturb_each_other(void **state)
{
    struct ring *before = fixture_ring("eu:2,us:2", 256);
    (void)state;
    for (node_id id = 1; id <= 10; id++)
        fixture_add(before, id, id <= 5 ? "eu" : "us", "a", 1);
    struct ring *after = ring_copy(before);
    fixture_add(after, 11, "us", "a", 1);
    place(before, NULL);
    place(after, before);
    for (uint32_t p = 0; p < 256; p++)
        assert_memory_equal(ring_owners(before, (partition_id)p),
                            ring_owners(after, (partition_id)p), 2 * sizeof(node_id));
    ring_free(before);
    ring_free(after);
}

static void more_replicas_copy_and_fewer_move_nothing(void **state)
{
    struct ring *two = fixture_ring("eu:2", 256);
    struct ring *three = fixture_ring("eu:3", 256);
    struct ring *back = fixture_ring("eu:2", 256);
    (void)state;
    fixture_add_many(two, 9, "eu", 3);
    fixture_add_many(three, 9, "eu", 3);
    fixture_add_many(back, 9, "eu", 3);
    place(two, NULL);
    struct planner_report report = place(three, two);
    check_placement(three, two, &report);
    assert_int_equal(report.moves, 256);
    report = place(back, three);
    check_placement(back, three, &report);
    assert_int_equal(report.moves, 0);
    ring_free(two);
    ring_free(three);
    ring_free(back);
}

static void a_region_without_replicas_owns_nothing(void **state)
{
    struct ring *ring = fixture_ring("eu:0,us:2", 16);
    (void)state;
    fixture_add(ring, 1, "eu", "a", 1);
    fixture_add(ring, 2, "us", "a", 1);
    fixture_add(ring, 3, "us", "b", 1);
    struct planner_report report = place(ring, NULL);
    check_placement(ring, NULL, &report);
    assert_int_equal(report.share_min_permille[0], 0);
    assert_int_equal(report.scatter_width_min, 1);
    ring_free(ring);
}

static void one_node_owns_everything(void **state)
{
    struct ring *ring = fixture_ring("eu:1", PARTITION_COUNT_MAX);
    (void)state;
    fixture_add(ring, 7, "eu", "a", 1);
    struct planner_report report = place(ring, NULL);
    assert_int_equal(report.share_min_permille[0], 1000);
    assert_int_equal(report.share_max_permille[0], 1000);
    assert_int_equal(report.scatter_width_min, 0);
    assert_int_equal(ring_owners(ring, PARTITION_COUNT_MAX - 1)[0], 7);
    ring_free(ring);
}

static void too_few_nodes_are_named_and_nothing_changes(void **state)
{
    struct ring *ring = fixture_ring("eu:2,us:3", 16);
    struct planner_report report;
    node_id untouched = 77;
    (void)state;
    fixture_add(ring, 1, "eu", "a", 1);
    fixture_add(ring, 2, "eu", "a", 1);
    fixture_add(ring, 3, "us", "a", 1);
    assert_int_equal(planner_place(ring, NULL, &report), STATUS_INFEASIBLE);
    assert_null(ring->owners);
    assert_string_equal(report.reason,
                        "region us has 1 node for 3 replicas of each partition: add 2 nodes there, "
                        "or set its replicas to 1");
    ring->owners = &untouched;
    assert_int_equal(planner_place(ring, NULL, &report), STATUS_INFEASIBLE);
    assert_ptr_equal(ring->owners, &untouched);
    assert_int_equal(untouched, 77);
    ring->owners = NULL;
    ring_free(ring);
}

static void too_few_racks_are_relaxed_and_named(void **state)
{
    struct ring *ring = fixture_ring("eu:3", 64);
    (void)state;
    fixture_add_many(ring, 6, "eu", 2);
    struct planner_report report = place(ring, NULL);
    check_placement(ring, NULL, &report);
    assert_int_equal(report.rack_repeats, 64);
    assert_string_equal(report.reason,
                        "region eu has 2 racks for 3 replicas, so one rack holds up to 2 copies of "
                        "a partition; nodes in 1 more rack would separate them");
    ring_free(ring);
}

/* With one node in the one rack and three in the other, 2 + 2 of 4 replicas cannot be had. */
static void uneven_racks_are_relaxed_as_far_as_needed(void **state)
{
    struct ring *ring = fixture_ring("eu:4", 16);
    (void)state;
    fixture_add(ring, 1, "eu", "small", 1);
    fixture_add(ring, 2, "eu", "big", 1);
    fixture_add(ring, 3, "eu", "big", 1);
    fixture_add(ring, 4, "eu", "big", 1);
    struct planner_report report = place(ring, NULL);
    check_placement(ring, NULL, &report);
    assert_non_null(strstr(report.reason, "up to 3 copies"));
    ring_free(ring);
}

/* Its due is 3/5 of the copies, 1.8 of the 3 of each partition; a rack has one. */
static void a_rack_too_heavy_is_named_with_its_loss(void **state)
{
    struct ring *ring = fixture_ring("eu:3", 64);
    (void)state;
    fixture_add(ring, 1, "eu", "heavy", 3);
    fixture_add(ring, 2, "eu", "heavy", 3);
    fixture_add(ring, 3, "eu", "b", 2);
    fixture_add(ring, 4, "eu", "c", 1);
    fixture_add(ring, 5, "eu", "d", 1);
    struct planner_report report = place(ring, NULL);
    check_placement(ring, NULL, &report);
    assert_string_equal(report.reason,
                        "rack heavy of region eu cannot use 44 % of its weight, because it holds "
                        "one copy of each partition already; add nodes in other racks");
    ring_free(ring);
}

static void a_node_too_heavy_is_named_with_its_loss(void **state)
{
    struct ring *ring = fixture_ring("eu:2", 64);
    (void)state;
    fixture_add(ring, 1, "eu", "a", 1);
    fixture_add(ring, 2, "eu", "b", 1);
    fixture_add(ring, 9, "eu", "c", 6);
    struct planner_report report = place(ring, NULL);
    check_placement(ring, NULL, &report);
    assert_string_equal(report.reason,
                        "node 9 of region eu cannot use 33 % of its weight, because it holds a "
                        "copy of each partition already; add other nodes");
    ring_free(ring);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void gateways_are_given_nothing(void **state)
{
    struct ring *ring = fixture_ring("eu:2", 16);
    (void)state;
    fixture_add_many(ring, 3, "eu", 3);
    fixture_add(ring, 4, "eu", "r3", 0);
    place(ring, NULL);
    for (partition_id p = 0; p < ring->partition_count; p++)
        assert_false(ring_owns(ring, 4, p));
    ring_free(ring);
    ring = fixture_ring("eu:2", 16); /* nor do they count as one that could */
    fixture_add(ring, 1, "eu", "r1", 1);
    fixture_add(ring, 2, "eu", "r2", 0);
    struct planner_report report;
    assert_int_equal(planner_place(ring, NULL, &report), STATUS_INFEASIBLE);
    ring_free(ring);
}

static void print_time(const char *what, struct ring *ring, const struct ring *before)
{
    double start = seconds_now();
    struct planner_report report = place(ring, before);
    print_message("%-40s %.3f s, %u moves (at least %u), scatter width %u\n", what,
                  seconds_now() - start, report.moves, report.moves_lower_bound,
                  report.scatter_width_min);
}

static void print_times(void **state)
{
    (void)state;
    if (getenv("PLANNER_TIMES") == NULL)
        skip();
    struct ring *ring = large_ring();
    print_time("60 nodes, 4096 partitions, first", ring, NULL);
    struct ring *added = ring_copy(ring);
    fixture_add(added, 1000, "eu", "r0", 1);
    print_time("  one node added", added, ring);
    struct ring *removed = ring_copy(ring);
    fixture_remove(removed, 10);
    print_time("  one node removed", removed, ring);
    struct ring *heavier = ring_copy(ring);
    heavier->members[4].weight *= 2;
    print_time("  one weight doubled", heavier, ring);
    ring_free(ring);
    ring_free(added);
    ring_free(removed);
    ring_free(heavier);

    ring = fixture_ring("eu:3", PARTITION_COUNT_MAX);
    fixture_add_many(ring, RING_MEMBERS_MAX - 1, "eu", 10);
    print_time("511 nodes, 16384 partitions, first", ring, NULL);
    added = ring_copy(ring);
    fixture_add(added, 1000, "eu", "r0", 1);
    print_time("  one node added", added, ring);
    ring_free(ring);
    ring_free(added);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_ring_keeps_every_promise),
        cmocka_unit_test(adding_a_node_moves_its_share_and_nothing_else),
        cmocka_unit_test(removing_a_node_moves_what_it_held_and_nothing_else),
        cmocka_unit_test(what_did_not_change_stays_byte_for_byte),
        cmocka_unit_test(a_replacement_takes_the_place_of_the_renamed_node),
        cmocka_unit_test(the_ring_before_may_be_the_ring_itself),
        cmocka_unit_test(the_same_input_gives_the_same_table_everywhere),
        cmocka_unit_test(second_owners_of_one_first_owner_are_spread),
        cmocka_unit_test(a_newcomer_in_the_same_rack_takes_the_leavers_copies),
        cmocka_unit_test(a_newcomer_in_another_rack_costs_few_moves_more),
        cmocka_unit_test(regions_do_not_disturb_each_other),
        cmocka_unit_test(more_replicas_copy_and_fewer_move_nothing),
        cmocka_unit_test(a_region_without_replicas_owns_nothing),
        cmocka_unit_test(one_node_owns_everything),
        cmocka_unit_test(too_few_nodes_are_named_and_nothing_changes),
        cmocka_unit_test(too_few_racks_are_relaxed_and_named),
        cmocka_unit_test(uneven_racks_are_relaxed_as_far_as_needed),
        cmocka_unit_test(a_rack_too_heavy_is_named_with_its_loss),
        cmocka_unit_test(a_node_too_heavy_is_named_with_its_loss),
        cmocka_unit_test(gateways_are_given_nothing),
        cmocka_unit_test(print_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
