#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "coordinator/owner_rank.h"

enum { SECOND_US = 1000 * 1000 };

struct bench {
    struct ring *ring;
    struct preference_list owners;
    struct owner_rank *rank;
    struct owner_facts facts;
    uint64_t now_us;
    request_id last;
};

/* Owners by their place in the list of partition 0; this node is the first. */
static void start(struct bench *bench, const char *replication)
{
    static const char *const racks[] = {"a", "b", "c", "d", "e", "f"};
    node_id id = 1;
    *bench = (struct bench){.ring = fixture_ring(replication, 16), .now_us = SECOND_US};
    for (unsigned region = 0; region < bench->ring->region_count; region++)
        for (unsigned i = 0; i < bench->ring->regions[region].replicas; i++)
            fixture_add(bench->ring, id++, bench->ring->regions[region].name, racks[i], 1);
    fixture_place(bench->ring, NULL);
    preference_list_build(bench->ring, 0, 0, &bench->owners);
    bench->rank = owner_rank_new(bench->ring, bench->owners.nodes[0]);
}

static void end(struct bench *bench)
{
    owner_rank_free(bench->rank);
    ring_free(bench->ring);
}

static void answer(struct bench *bench, uint8_t owner, uint64_t took_us, uint32_t queue)
{
    node_id node = bench->owners.nodes[owner];
    owner_rank_asked(bench->rank, node, RANK_READ, ++bench->last, bench->now_us);
    bench->now_us += took_us;
    owner_rank_answered(bench->rank, node, RANK_READ, bench->last,
                        owner_load_pack(queue, took_us / 2), bench->now_us);
}

static void answer_often(struct bench *bench, uint8_t owner, uint64_t took_us, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        answer(bench, owner, took_us, 0);
        bench->now_us += SECOND_US / 10;
    }
}

static void assert_order(struct bench *bench, const char *expected)
{
    uint8_t order[RING_OWNERS_MAX];
    char text[RING_OWNERS_MAX + 1] = {0};
    owner_rank_order(bench->rank, RANK_READ, &bench->owners, 0, &bench->facts, bench->now_us,
                     order);
    for (uint8_t i = 0; i < bench->owners.primary_count; i++)
        text[i] = (char)('0' + order[i]);
    assert_string_equal(text, expected);
}

static void own_replica_then_own_region_then_the_others(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3,us:2");
    assert_order(&bench, "01234");
    answer_often(&bench, 3, 40000, 3); /* far, not slow beside others that nobody knows */
    for (unsigned i = 0; i < 5; i++) {
        answer(&bench, 0, 900, 0);
        answer(&bench, 1, 1200, 0);
        answer(&bench, 2, 800, 0);
        answer(&bench, 3, 41000, 0);
        answer(&bench, 4, 40000, 0);
    }
    assert_order(&bench, "02143");
    end(&bench);
}

/* A reader in another region has it the other way round. */
static void a_region_is_that_of_the_asker(void **state)
{
    struct bench bench;
    uint8_t order[RING_OWNERS_MAX];
    (void)state;
    start(&bench, "eu:2,us:2");
    preference_list_build(bench.ring, 0, 1, &bench.owners);
    owner_rank_free(bench.rank);
    bench.rank = owner_rank_new(bench.ring, bench.owners.nodes[1]);
    owner_rank_order(bench.rank, RANK_READ, &bench.owners, 1, &bench.facts, bench.now_us, order);
    assert_int_equal(order[0], 1);
    assert_int_equal(order[1], 0);
    assert_int_equal(bench.owners.regions[order[0]], 1);
    assert_int_equal(bench.owners.regions[order[2]], 0);
    end(&bench);
}

static void a_slow_owner_is_last_and_returns_once_it_has_healed(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    answer_often(&bench, 0, 300, 10);
    answer_often(&bench, 1, 300, 10);
    answer_often(&bench, 2, 400, 10);
    assert_order(&bench, "012");
    answer_often(&bench, 1, 30000, 3);
    assert_order(&bench, "021");
    answer_often(&bench, 1, 300, 100);
    answer_often(&bench, 2, 400, 1);
    assert_order(&bench, "012");
    end(&bench);
}

/* The disk of this node may be the slow one. */
static void the_own_replica_is_last_when_it_is_slow(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    answer_often(&bench, 1, 500, 5);
    answer_often(&bench, 2, 400, 5);
    answer_often(&bench, 0, 1500, 5); /* slower than the others, and not slow */
    assert_order(&bench, "021");
    answer_often(&bench, 0, 50000, 5);
    assert_order(&bench, "210");
    end(&bench);
}

/* Another region is not asked for an owner that is only a little slow. */
static void a_slow_neighbour_is_better_than_another_continent(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:2,us:1");
    answer_often(&bench, 0, 300, 5);
    answer_often(&bench, 2, 80000, 5);
    answer_often(&bench, 1, 8000, 5);
    assert_order(&bench, "012");
    answer_often(&bench, 1, 300000, 10);
    assert_order(&bench, "021");
    end(&bench);
}

static void one_that_stopped_is_last_before_it_answers_again(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    answer_often(&bench, 1, 300, 5);
    answer_often(&bench, 2, 400, 5);
    owner_rank_asked(bench.rank, bench.owners.nodes[1], RANK_READ, 900, bench.now_us);
    assert_order(&bench, "012");
    bench.now_us += 10000;
    assert_order(&bench, "021");
    owner_rank_lost(bench.rank, bench.owners.nodes[1]);
    assert_order(&bench, "012");
    end(&bench);
}

static void a_queue_costs_by_its_cube(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    answer(&bench, 1, 300, 0);
    answer(&bench, 2, 500, 0);
    assert_order(&bench, "012");
    bench.facts.in_flight[1] = 1; /* 150 * 2^3 and 150 of the network, beside 500 */
    assert_order(&bench, "021");
    bench.facts.in_flight[2] = 1;
    assert_order(&bench, "012");
    answer(&bench, 1, 300, 3); /* says that three wait there */
    assert_order(&bench, "021");
    bench.now_us += 2 * SECOND_US; /* no news any more */
    assert_order(&bench, "012");
    end(&bench);
}

static void who_refuses_or_is_not_ready_is_last(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    for (uint8_t i = 0; i < 3; i++)
        answer(&bench, i, 300 + 300 * i, 0);
    bench.facts.unready = 1 << 0;
    assert_order(&bench, "120");
    bench.facts.unready = 0;
    owner_rank_refused(bench.rank, bench.owners.nodes[1], RANK_READ, 7, bench.now_us);
    assert_order(&bench, "021");
    bench.now_us += OWNER_REFUSED_US;
    assert_order(&bench, "012");
    owner_rank_refused(bench.rank, bench.owners.nodes[1], RANK_READ, 7, bench.now_us);
    answer(&bench, 1, 300, 0);
    assert_order(&bench, "012");
    end(&bench);
}

static void who_was_not_heard_of_may_be_explored_near_by(void **state)
{
    struct bench bench;
    const owner_mask all = 0xff;
    (void)state;
    start(&bench, "eu:3,us:1");
    answer(&bench, 1, 300, 0);
    assert_int_equal(
        owner_rank_candidates(bench.rank, RANK_READ, &bench.owners, 0, all, bench.now_us), 0x5);
    assert_int_equal(
        owner_rank_candidates(bench.rank, RANK_READ, &bench.owners, 0, 0x2, bench.now_us), 0);
    bench.now_us += OWNER_UNMEASURED_US + 1;
    assert_int_equal(
        owner_rank_candidates(bench.rank, RANK_READ, &bench.owners, 0, 0x2, bench.now_us), 0x2);
    end(&bench);
}

/* A percentile alone grows as its owner ails. */
static void patience_is_the_percentile_within_bounds(void **state)
{
    struct bench bench;
    (void)state;
    start(&bench, "eu:3");
    const node_id *nodes = bench.owners.nodes;
    assert_int_equal(owner_rank_patience_us(bench.rank, nodes[1], RANK_READ), OWNER_PATIENCE_US);
    answer_often(&bench, 1, 3000, 40);
    assert_in_range(owner_rank_patience_us(bench.rank, nodes[1], RANK_READ), 3000, 4000);
    answer_often(&bench, 2, 100, 40);
    assert_int_equal(owner_rank_patience_us(bench.rank, nodes[2], RANK_READ),
                     OWNER_PATIENCE_MIN_US);
    for (unsigned i = 0; i < 100; i++) { /* all of it at the owner, none on the way */
        owner_rank_asked(bench.rank, nodes[1], RANK_READ, ++bench.last, bench.now_us);
        bench.now_us += SECOND_US / 5;
        owner_rank_answered(bench.rank, nodes[1], RANK_READ, bench.last,
                            owner_load_pack(0, SECOND_US / 5), bench.now_us);
    }
    assert_in_range(owner_rank_patience_us(bench.rank, nodes[1], RANK_READ), OWNER_PATIENCE_US,
                    OWNER_PATIENCE_US + 100);
    end(&bench);
}

/* An answer's own words are bounded by what was measured here. */
static void a_load_that_cannot_be_is_no_harm(void **state)
{
    struct bench bench;
    struct owner_rank_view view;
    (void)state;
    start(&bench, "eu:3");
    owner_rank_asked(bench.rank, bench.owners.nodes[1], RANK_READ, 1, bench.now_us);
    owner_rank_answered(bench.rank, bench.owners.nodes[1], RANK_READ, 1, UINT32_MAX,
                        bench.now_us + 300);
    owner_rank_look(bench.rank, bench.owners.nodes[1], bench.now_us + 300, &view);
    assert_int_equal(view.expected_us[RANK_READ], 300);
    assert_int_equal(view.queue, 4095);
    assert_false(view.slow);
    assert_int_equal(owner_load_pack(UINT32_MAX, UINT64_MAX), UINT32_MAX);
    owner_rank_asked(bench.rank, 999, RANK_READ, 1, bench.now_us); /* no member */
    owner_rank_answered(bench.rank, 999, RANK_READ, 1, 0, bench.now_us);
    owner_rank_look(bench.rank, 999, bench.now_us, &view);
    assert_int_equal(view.expected_us[RANK_READ], 0);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_replica_then_own_region_then_the_others),
        cmocka_unit_test(a_region_is_that_of_the_asker),
        cmocka_unit_test(a_slow_owner_is_last_and_returns_once_it_has_healed),
        cmocka_unit_test(the_own_replica_is_last_when_it_is_slow),
        cmocka_unit_test(a_slow_neighbour_is_better_than_another_continent),
        cmocka_unit_test(one_that_stopped_is_last_before_it_answers_again),
        cmocka_unit_test(a_queue_costs_by_its_cube),
        cmocka_unit_test(who_refuses_or_is_not_ready_is_last),
        cmocka_unit_test(who_was_not_heard_of_may_be_explored_near_by),
        cmocka_unit_test(patience_is_the_percentile_within_bounds),
        cmocka_unit_test(a_load_that_cannot_be_is_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
