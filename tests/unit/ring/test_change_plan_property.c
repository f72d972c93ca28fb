/*
 * Plans for random wishes on random topologies, judged by what the planner alone would place.
 *
 * PLAN_TOPOLOGIES=2000 in the environment asks for more than the default; PLAN_SEED=N starts
 * elsewhere. A failure prints the seed of its topology.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "placement_checker.h"
#include "ring/change_plan.h"
#include "ring_fixture.h"

enum { TOPOLOGIES = 300, NODES_MAX = 24 };

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

static void random_rack(struct random *random, char out[RING_NAME_MAX + 1])
{
    snprintf(out, RING_NAME_MAX + 1, "r%u", (unsigned)random_below(random, 5));
}

static void add_nodes(struct ring *ring, struct random *random, uint32_t count, node_id *next)
{
    for (; count > 0; count--) {
        char rack[RING_NAME_MAX + 1];
        random_rack(random, rack);
        fixture_add(ring, (*next)++, ring->regions[random_below(random, ring->region_count)].name,
                    rack, 1 + (uint32_t)random_below(random, 5));
    }
}

static struct ring *random_ring(struct random *random, node_id *next)
{
    static const char *const REPLICATIONS[] = {"eu:1",      "eu:2",      "eu:3",     "eu:5",
                                               "eu:2,us:1", "eu:3,us:3", "eu:3,us:0"};
    struct ring *ring =
        fixture_ring(REPLICATIONS[random_below(random, 7)], 16u << random_below(random, 3));
    for (uint8_t region = 0; region < ring->region_count; region++)
        for (uint8_t i = 0; i < ring->regions[region].replicas; i++) {
            char rack[RING_NAME_MAX + 1];
            random_rack(random, rack);
            fixture_add(ring, (*next)++, ring->regions[region].name, rack, 1);
        }
    add_nodes(ring, random, (uint32_t)random_below(random, 8), next);
    fixture_place(ring, NULL);
    return ring;
}

static struct ring_wishes random_wishes(const struct ring *ring, struct random *random)
{
    struct ring_wishes wishes = {0};
    for (uint64_t left = random_below(random, 5); left > 0; left--) {
        struct ring_wish wish = {.kind = (uint8_t)(1 + random_below(random, 5)),
                                 .node = ring->members[random_below(random, ring->member_count)].id,
                                 .by = ring->members[ring->member_count - 1].id,
                                 .weight = 1 + (uint32_t)random_below(random, 9)};
        random_rack(random, wish.rack);
        if (wish.kind == RING_WISH_REPEAT_RACKS)
            wish.node = 0;
        char reason[RING_REASON_MAX];
        if (ring_wish_check(ring, &wish, reason) == STATUS_OK)
            assert_true(ring_wishes_put(&wishes, &wish));
    }
    return wishes;
}

/* The members as they are wished, and the old owners under the ids of who takes their place. */
static void expect(const struct ring *ring, const struct ring_wishes *wishes, struct ring **wished,
                   struct ring **renamed)
{
    *wished = ring_copy(ring);
    *renamed = ring_copy(ring);
    for (uint32_t i = 0; i < wishes->count; i++) {
        const struct ring_wish *wish = &wishes->items[i];
        for (uint16_t m = 0; m < (*wished)->member_count; m++) {
            struct ring_member *member = &(*wished)->members[m];
            if (member->id == wish->node && wish->kind == RING_WISH_WEIGHT)
                member->weight = wish->weight;
            if (member->id == wish->node && wish->kind == RING_WISH_RACK)
                memcpy(member->rack, wish->rack, sizeof member->rack);
        }
        size_t copies = (size_t)ring->partition_count * ring->owner_count;
        for (size_t at = 0; wish->kind == RING_WISH_REPLACE && at < copies; at++)
            if ((*renamed)->owners[at] == wish->node)
                (*renamed)->owners[at] = wish->by;
    }
    for (uint32_t i = 0; i < wishes->count; i++)
        if (wishes->items[i].kind <= RING_WISH_REPLACE)
            fixture_remove(*wished, wishes->items[i].node);
}

static void check_same_rows(const struct ring *a, const struct ring *b, const node_id *table)
{
    for (uint32_t p = 0; p < a->partition_count; p++)
        for (uint8_t i = 0; i < a->owner_count; i++)
            assert_true(ring_owns(b, table[(size_t)p * a->owner_count + i], (partition_id)p));
}

static void check_counts(const struct ring *ring, const struct change_plan *plan)
{
    uint32_t in = 0, out = 0, before = 0, after = 0, copies = ring->partition_count;
    copies *= ring->owner_count;
    for (uint16_t i = 0; i < plan->node_count; i++) {
        const struct change_plan_node *node = &plan->nodes[i];
        assert_int_equal(node->before + node->in, node->after + node->out);
        in += node->in;
        out += node->out;
        before += node->before;
        after += node->after;
        assert_true(!node->leaves || node->after == 0);
    }
    assert_int_equal(before, copies);
    assert_int_equal(after, copies);
    assert_int_equal(in, out);
    assert_int_equal(in, plan->moves);
    assert_true(plan->moves >= plan->moves_lower_bound);
}

static void check_changed(const struct ring *ring, const struct change_plan *plan)
{
    uint32_t next = 0;
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *row = change_plan_owners(ring, plan, (partition_id)p);
        bool same =
            memcmp(row, ring_owners(ring, (partition_id)p), ring->owner_count * sizeof *row) == 0;
        bool changed = next < plan->changed_count && plan->changed[next] == p;
        assert_true(same != changed);
        next += changed;
    }
    assert_int_equal(next, plan->changed_count);
}

static void check_plan(const struct ring *ring, const struct ring_wishes *wishes)
{
    char reason[RING_REASON_MAX];
    struct change_plan plan, again;
    struct ring *wished, *renamed;
    if (change_plan_make(ring, wishes, &plan, reason) != STATUS_OK) {
        assert_true(strlen(reason) > 10);
        return;
    }
    assert_int_equal(change_plan_make(ring, wishes, &again, reason), STATUS_OK);
    size_t bytes = (size_t)ring->partition_count * ring->owner_count * sizeof(node_id);
    assert_int_equal(plan.id, again.id);
    assert_memory_equal(plan.owners, again.owners, bytes);
    check_counts(ring, &plan);
    check_changed(ring, &plan);
    expect(ring, wishes, &wished, &renamed);
    fixture_place(wished, renamed);
    check_same_rows(ring, wished, plan.owners);
    memcpy(wished->owners, plan.owners, bytes);
    assert_int_equal(ring_validate(wished, reason), STATUS_OK);
    check_moves_are_fewest(wished, renamed);
    ring_free(wished);
    ring_free(renamed);
    change_plan_deinit(&plan);
    change_plan_deinit(&again);
}

static void check_topology(uint64_t seed)
{
    struct random random = random_make(seed);
    node_id next = 1;
    struct ring *ring = random_ring(&random, &next);
    add_nodes(ring, &random, (uint32_t)random_below(&random, 4), &next);
    struct ring_wishes wishes = random_wishes(ring, &random);
    assert_true(ring->member_count <= NODES_MAX);
    check_plan(ring, &wishes);
    ring_wishes_deinit(&wishes);
    ring_free(ring);
}

static void every_random_plan_moves_what_it_must_and_no_more(void **state)
{
    uint64_t first = setting("PLAN_SEED", 1);
    (void)state;
    for (uint64_t seed = first; seed < first + setting("PLAN_TOPOLOGIES", TOPOLOGIES); seed++) {
        char number[24];
        snprintf(number, sizeof number, "%llu", (unsigned long long)seed);
        setenv("PLAN_FAILED", number, 1);
        check_topology(seed);
    }
    unsetenv("PLAN_FAILED");
}

static int print_the_failed_seed(void **state)
{
    (void)state;
    if (getenv("PLAN_FAILED") != NULL)
        print_error("repeat with PLAN_SEED=%s PLAN_TOPOLOGIES=1\n", getenv("PLAN_FAILED"));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_random_plan_moves_what_it_must_and_no_more, NULL,
                                        print_the_failed_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
