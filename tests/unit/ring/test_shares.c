/* Exact shares: proportional until something is full, and then on in the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ring/shares.h"

enum { NODES_MAX = 8 };

struct region {
    uint32_t partitions, replicas, rack_limit, nodes, racks;
    uint32_t weights[NODES_MAX];
    uint16_t rack_of[NODES_MAX];
};

static void fill(const struct region *region, struct share *shares)
{
    shares_fill(&(struct shares_params){.partition_count = region->partitions,
                                        .replicas = region->replicas,
                                        .rack_limit = region->rack_limit,
                                        .node_count = region->nodes,
                                        .rack_count = region->racks,
                                        .weights = region->weights,
                                        .racks = region->rack_of},
                shares);
}

static void assert_share(struct share share, uint64_t numerator, uint64_t denominator)
{
    assert_true(share.numerator * denominator == numerator * share.denominator);
}

static void shares_are_proportional_to_weight(void **state)
{
    struct share shares[NODES_MAX];
    const struct region region = {16, 1, 1, 3, 3, {1, 2, 4}, {0, 1, 2}};
    (void)state;
    fill(&region, shares);
    assert_share(shares[0], 16, 7);
    assert_share(shares[1], 32, 7);
    assert_share(shares[2], 64, 7);
    assert_int_equal(share_floor(shares[0]), 2);
    assert_false(share_is_whole(shares[0]));
}

static void a_node_takes_no_partition_twice(void **state)
{
    struct share shares[NODES_MAX];
    const struct region region = {16, 2, 1, 4, 4, {100, 1, 1, 2}, {0, 1, 2, 3}};
    (void)state;
    fill(&region, shares);
    assert_share(shares[0], 16, 1);
    assert_true(share_is_whole(shares[0]));
    assert_share(shares[1], 4, 1);
    assert_share(shares[2], 4, 1);
    assert_share(shares[3], 8, 1);
}

static void a_rack_takes_no_more_than_its_limit(void **state)
{
    struct share shares[NODES_MAX];
    const struct region region = {16, 2, 1, 4, 3, {3, 1, 1, 1}, {0, 0, 1, 2}};
    (void)state;
    fill(&region, shares);
    assert_share(shares[0], 12, 1);
    assert_share(shares[1], 4, 1);
    assert_share(shares[2], 8, 1);
    assert_share(shares[3], 8, 1);
}

/*
 * The rack may hold two copies of each of 16 partitions, and its heavy node one:
 * the light ones of the rack must get what is left, not the heavy one a share above 16.
 */
static void a_full_node_leaves_the_rest_of_its_rack_to_the_others(void **state)
{
    struct share shares[NODES_MAX];
    const struct region region = {16, 3, 2, 5, 2, {100, 1, 3, 1, 1}, {0, 0, 0, 1, 1}};
    (void)state;
    fill(&region, shares);
    assert_share(shares[0], 16, 1);
    /* Left: 32 copies over weights 1 3 1 1 with at most 16 for each node and 16 in rack 0. */
    assert_share(shares[1], 16 * 1, 4);
    assert_share(shares[2], 16 * 3, 4);
    assert_share(shares[3], 8, 1);
    assert_share(shares[4], 8, 1);
}

static void as_many_nodes_as_replicas_take_everything(void **state)
{
    struct share shares[NODES_MAX];
    const struct region region = {64, 3, 2, 3, 2, {1, 7, 10000}, {0, 0, 1}};
    (void)state;
    fill(&region, shares);
    for (uint32_t i = 0; i < 3; i++)
        assert_share(shares[i], 64, 1);
}

static void the_rack_limit_is_the_least_that_gives_room(void **state)
{
    (void)state;
    assert_int_equal(shares_rack_limit(3, 3, (const uint32_t[]){1, 1, 1}), 1);
    assert_int_equal(shares_rack_limit(3, 6, (const uint32_t[]){1, 1, 1, 1, 1, 9}), 1);
    assert_int_equal(shares_rack_limit(3, 2, (const uint32_t[]){2, 2}), 2);
    assert_int_equal(shares_rack_limit(3, 1, (const uint32_t[]){5}), 3);
    assert_int_equal(shares_rack_limit(4, 2, (const uint32_t[]){1, 3}), 3);
    assert_int_equal(shares_rack_limit(5, 4, (const uint32_t[]){1, 1, 5, 5}), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_proportional_to_weight),
        cmocka_unit_test(a_node_takes_no_partition_twice),
        cmocka_unit_test(a_rack_takes_no_more_than_its_limit),
        cmocka_unit_test(a_full_node_leaves_the_rest_of_its_rack_to_the_others),
        cmocka_unit_test(as_many_nodes_as_replicas_take_everything),
        cmocka_unit_test(the_rack_limit_is_the_least_that_gives_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
