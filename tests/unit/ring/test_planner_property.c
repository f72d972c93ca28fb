/*
 * The planner on random topologies, judged by placement_checker.
 *
 * PLANNER_TOPOLOGIES=2000 in the environment asks for more than the default;
 * PLANNER_SEED=N starts elsewhere. A failure prints the seed of its topology:
 * repeat it with PLANNER_SEED=that PLANNER_TOPOLOGIES=1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "placement_checker.h"
#include "ring/planner.h"
#include "ring_fixture.h"

enum { TOPOLOGIES = 300, CHANGES = 3 };

static const char *const REGIONS[] = {"eu", "us", "ap"};

static uint64_t setting(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

static uint32_t random_weight(struct random *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return 1 + (uint32_t)random_below(random, RING_WEIGHT_MAX);
    case 1:
        return 1 + (uint32_t)random_below(random, 4);
    default:
        return 100;
    }
}

static void add_random_node(struct ring *ring, struct random *random, node_id id, uint8_t region,
                            uint32_t racks)
{
    char rack[RING_NAME_MAX + 1];
    /* Squared, so that racks differ in size. */
    uint64_t r = random_below(random, racks * racks);
    uint32_t number = 0;
    while ((uint64_t)(number + 1) * (number + 1) <= r)
        number++;
    snprintf(rack, sizeof rack, "r%u", number);
    fixture_add(ring, id, ring->regions[region].name, rack, random_weight(random));
}

static struct ring *random_ring(struct random *random, uint32_t racks[3], node_id *next_id)
{
    char text[64] = "";
    uint32_t regions = 1 + (uint32_t)random_below(random, 3);
    size_t length = 0;
    for (uint32_t i = 0; i < regions; i++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%s%s:%u", i == 0 ? "" : ",",
                             REGIONS[i], (unsigned)random_below(random, 5) + (i == 0));
    struct ring *ring = fixture_ring(text, 16u << random_below(random, 4));
    for (uint8_t i = 0; i < regions; i++) {
        uint64_t extra =
            random_below(random, 3) == 0 ? random_below(random, 20) : random_below(random, 6);
        racks[i] = 1 + (uint32_t)random_below(random, 7);
        for (uint64_t left = ring->regions[i].replicas + extra; left > 0; left--)
            add_random_node(ring, random, (*next_id)++, i, racks[i]);
    }
    return ring;
}

/* A node comes, goes, or gets another weight; a region keeps as many nodes as replicas. */
static void change_randomly(struct ring *ring, struct random *random, const uint32_t racks[3],
                            node_id *next_id)
{
    uint64_t kind = random_below(random, 3);
    struct ring_member *member = &ring->members[random_below(random, ring->member_count)];
    uint32_t in_region = 0;
    for (uint32_t i = 0; i < ring->member_count; i++)
        in_region += ring->members[i].region == member->region;
    if (kind == 0 && in_region > ring->regions[member->region].replicas && in_region > 1)
        fixture_remove(ring, member->id);
    else if (kind == 1)
        member->weight = random_weight(random);
    else
        add_random_node(ring, random, (*next_id)++, member->region, racks[member->region]);
}

static void place_and_check(struct ring *ring, const struct ring *before)
{
    struct planner_report report;
    assert_int_equal(planner_place(ring, before, &report), STATUS_OK);
    check_placement(ring, before, &report);
    if (before != NULL && ring->partition_count <= 64)
        check_moves_are_fewest(ring, before);
}

static void check_topology(uint64_t seed)
{
    struct random random = random_make(seed);
    uint32_t racks[3];
    node_id next_id = 1;
    struct ring *ring = random_ring(&random, racks, &next_id);
    place_and_check(ring, NULL);
    for (unsigned i = 0; i < CHANGES; i++) {
        struct ring *after = ring_copy(ring);
        for (uint64_t left = 1 + random_below(&random, 3); left > 0; left--)
            change_randomly(after, &random, racks, &next_id);
        place_and_check(after, ring);
        ring_free(ring);
        ring = after;
    }
    ring_free(ring);
}

static void every_random_topology_keeps_every_promise(void **state)
{
    uint64_t *seed = *state;
    uint64_t end = *seed + setting("PLANNER_TOPOLOGIES", TOPOLOGIES);
    for (; *seed < end; ++*seed)
        check_topology(*seed);
    *seed = 0; /* no seed has failed */
}

static int start_at_the_first_seed(void **state)
{
    static uint64_t seed;
    seed = setting("PLANNER_SEED", 1);
    *state = &seed;
    return 0;
}

static int print_the_failed_seed(void **state)
{
    uint64_t seed = *(uint64_t *)*state;
    if (seed != 0)
        print_error("repeat with PLANNER_SEED=%llu PLANNER_TOPOLOGIES=1\n",
                    (unsigned long long)seed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_random_topology_keeps_every_promise,
                                        start_at_the_first_seed, print_the_failed_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
