/* Minimum-cost maximum flow, against hand-made networks and a slow independent solver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/flow.h"

static void takes_the_cheap_path_first_and_then_the_dear_one(void **state)
{
    struct flow *flow = flow_new(4, 4);
    uint32_t cheap = flow_add_arc(flow, 0, 1, 3, 1);
    flow_add_arc(flow, 1, 3, 2, 0);
    uint32_t dear = flow_add_arc(flow, 0, 2, 5, 10);
    flow_add_arc(flow, 2, 3, 4, 0);
    struct flow_result result = flow_solve(flow, 0, 3);
    (void)state;
    assert_int_equal(result.units, 6);
    assert_int_equal(result.cost, 2 + 40);
    assert_int_equal(flow_on_arc(flow, cheap), 2);
    assert_int_equal(flow_on_arc(flow, dear), 4);
    flow_free(flow);
}

/* The first path found takes 1 -> 2; the second must give that unit back. */
static void a_later_path_undoes_an_earlier_choice(void **state)
{
    struct flow *flow = flow_new(4, 5);
    flow_add_arc(flow, 0, 1, 1, 0);
    flow_add_arc(flow, 0, 2, 1, 5);
    uint32_t middle = flow_add_arc(flow, 1, 2, 1, 0);
    flow_add_arc(flow, 1, 3, 1, 5);
    flow_add_arc(flow, 2, 3, 1, 0);
    struct flow_result result = flow_solve(flow, 0, 3);
    (void)state;
    assert_int_equal(result.units, 2);
    assert_int_equal(result.cost, 10);
    assert_int_equal(flow_on_arc(flow, middle), 0);
    flow_free(flow);
}

static void nothing_flows_to_a_sink_out_of_reach(void **state)
{
    struct flow *flow = flow_new(3, 2);
    uint32_t arc = flow_add_arc(flow, 0, 1, 7, 1);
    flow_add_arc(flow, 2, 1, 7, 1);
    struct flow_result result = flow_solve(flow, 0, 2);
    (void)state;
    assert_int_equal(result.units, 0);
    assert_int_equal(result.cost, 0);
    assert_int_equal(flow_on_arc(flow, arc), 0);
    flow_free(flow);
    flow_free(NULL);
}

static void among_equals_the_arc_added_first_is_used(void **state)
{
    struct flow *flow = flow_new(4, 5);
    (void)state;
    flow_add_arc(flow, 0, 1, 1, 0);
    uint32_t first = flow_add_arc(flow, 1, 3, 1, 2);
    uint32_t second = flow_add_arc(flow, 1, 3, 1, 2);
    flow_solve(flow, 0, 3);
    assert_int_equal(flow_on_arc(flow, first), 1);
    assert_int_equal(flow_on_arc(flow, second), 0);
    flow_free(flow);
}

enum { VERTICES_MAX = 9, ARCS_MAX = 40 };

struct network {
    uint32_t vertex_count;
    uint32_t arc_count;
    struct {
        uint32_t from, to, capacity, cost;
    } arcs[ARCS_MAX];
};

static struct network random_network(struct random *random)
{
    struct network network = {0};
    network.vertex_count = 2 + (uint32_t)random_below(random, VERTICES_MAX - 1);
    network.arc_count = (uint32_t)random_below(random, ARCS_MAX + 1);
    for (uint32_t i = 0; i < network.arc_count; i++) {
        network.arcs[i].from = (uint32_t)random_below(random, network.vertex_count);
        network.arcs[i].to = (uint32_t)random_below(random, network.vertex_count);
        network.arcs[i].capacity = (uint32_t)random_below(random, 5);
        network.arcs[i].cost = (uint32_t)random_below(random, 8);
    }
    return network;
}

/*
 * The oracle: one unit at a time along a cheapest path in a matrix of rooms,
 * found by Bellman-Ford. Parallel arcs stay apart: arc i and its reverse are
 * entries of their own.
 */
static struct flow_result slow_flow(const struct network *network, uint32_t sink)
{
    uint32_t carried[ARCS_MAX] = {0};
    struct flow_result result = {0};
    for (;;) {
        int64_t distance[VERTICES_MAX];
        int came_by[VERTICES_MAX]; /* arc number, or -1 - number for its reverse */
        for (uint32_t v = 0; v < VERTICES_MAX; v++)
            distance[v] = v == 0 ? 0 : INT32_MAX;
        for (uint32_t round = 0; round < network->vertex_count; round++) {
            for (uint32_t i = 0; i < network->arc_count; i++) {
                uint32_t from = network->arcs[i].from;
                uint32_t to = network->arcs[i].to;
                int64_t cost = network->arcs[i].cost;
                if (carried[i] < network->arcs[i].capacity && distance[from] < INT32_MAX &&
                    distance[from] + cost < distance[to]) {
                    distance[to] = distance[from] + cost;
                    came_by[to] = (int)i;
                }
                if (carried[i] > 0 && distance[to] < INT32_MAX &&
                    distance[to] - cost < distance[from]) {
                    distance[from] = distance[to] - cost;
                    came_by[from] = -1 - (int)i;
                }
            }
        }
        if (distance[sink] == INT32_MAX)
            return result;
        for (uint32_t v = sink; v != 0;) {
            int by = came_by[v];
            if (by >= 0) {
                carried[by]++;
                v = network->arcs[by].from;
            } else {
                carried[-1 - by]--;
                v = network->arcs[-1 - by].to;
            }
        }
        result.units++;
        result.cost += (uint64_t)distance[sink];
    }
}

static void agrees_with_a_slow_solver_on_random_networks(void **state)
{
    struct random random = random_make(42);
    uint64_t units = 0;
    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        struct network network = random_network(&random);
        uint32_t sink = network.vertex_count - 1;
        struct flow *flow = flow_new(network.vertex_count, network.arc_count);
        for (uint32_t i = 0; i < network.arc_count; i++)
            flow_add_arc(flow, network.arcs[i].from, network.arcs[i].to, network.arcs[i].capacity,
                         network.arcs[i].cost);
        struct flow_result result = flow_solve(flow, 0, sink);
        struct flow_result expected = slow_flow(&network, sink);
        assert_int_equal(result.units, expected.units);
        assert_int_equal(result.cost, expected.cost);

        int64_t balance[VERTICES_MAX] = {0};
        uint64_t cost = 0;
        for (uint32_t i = 0; i < network.arc_count; i++) {
            uint32_t on_arc = flow_on_arc(flow, i);
            assert_true(on_arc <= network.arcs[i].capacity);
            balance[network.arcs[i].from] -= on_arc;
            balance[network.arcs[i].to] += on_arc;
            cost += (uint64_t)on_arc * network.arcs[i].cost;
        }
        for (uint32_t v = 1; v < sink; v++)
            assert_int_equal(balance[v], 0);
        assert_int_equal(balance[sink], result.units);
        assert_int_equal(cost, result.cost);
        units += result.units;
        flow_free(flow);
    }
    assert_true(units > 5000); /* most networks do carry something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_cheap_path_first_and_then_the_dear_one),
        cmocka_unit_test(a_later_path_undoes_an_earlier_choice),
        cmocka_unit_test(nothing_flows_to_a_sink_out_of_reach),
        cmocka_unit_test(among_equals_the_arc_added_first_is_used),
        cmocka_unit_test(agrees_with_a_slow_solver_on_random_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
