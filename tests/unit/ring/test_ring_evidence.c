/* What nodes say of partitions that move, and under which tag it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring_evidence.h"
#include "ring/transition.h"
#include "ring_fixture.h"

enum { OWNERS = 3, MEMBERS = 4 };

/* Partition 0 moves from its first owner to the member that does not own it. */
static struct ring *moving(node_id *joins)
{
    struct ring *ring = fixture_ring("eu:3", 16);
    char reason[RING_REASON_MAX];
    node_id row[OWNERS];
    fixture_add_many(ring, MEMBERS, "eu", MEMBERS);
    fixture_place(ring, NULL);
    memcpy(row, ring_owners(ring, 0), sizeof row);
    for (node_id id = 1; id <= MEMBERS; id++)
        if (!ring_owns(ring, id, 0))
            *joins = row[0] = id;
    assert_int_equal(ring_begin(ring, 0, ring->tag, row, reason), STATUS_OK);
    return ring;
}

static void what_is_said_counts_under_the_tag_of_the_partition_alone(void **state)
{
    node_id joins = 0;
    struct ring *ring = moving(&joins);
    struct ring_evidence evidence = {0};
    struct ring_holding holding = {.partition = 0,
                                   .tag = ring->tag, /* from before the change */
                                   .flags = RING_HOLDING_COMPLETE | RING_HOLDING_QUIET};
    (void)state;
    assert_false(ring_evidence_note(&evidence, ring, joins, &holding));
    holding.tag = ring_tag_of(ring, 0);
    assert_true(ring_evidence_note(&evidence, ring, joins, &holding));
    assert_true(node_set_has(&evidence.complete, joins));
    assert_true(node_set_has(&evidence.goes_by, joins));
    holding.tag.phase = RING_SWITCHED; /* of a ring that this one is behind */
    assert_false(ring_evidence_note(&evidence, ring, ring_owners(ring, 0)[1], &holding));
    assert_int_equal(evidence.complete.count, 1);
    ring_free(ring);
}

static void each_is_counted_for_what_it_says_and_no_more(void **state)
{
    node_id joins = 0;
    struct ring *ring = moving(&joins);
    struct ring_evidence evidence = {0};
    struct ring_holding holding = {.tag = ring_tag_of(ring, 0), .flags = RING_HOLDING_QUIET};
    (void)state;
    assert_true(ring_evidence_note(&evidence, ring, joins, &holding));
    assert_false(node_set_has(&evidence.complete, joins));
    assert_true(node_set_has(&evidence.goes_by, joins));
    assert_false(ring_evidence_note(&evidence, ring, MEMBERS + 1, &holding)); /* no replica */
    holding.partition = 16;
    assert_false(ring_evidence_note(&evidence, ring, joins, &holding));
    ring_free(ring);
}

static void a_partition_is_found_in_a_testimony(void **state)
{
    struct ring_testimony testimony = {0};
    (void)state;
    for (partition_id p = 1; p < 100; p = (partition_id)(p + 3))
        ring_testimony_add(&testimony, &(struct ring_holding){.partition = p});
    for (partition_id p = 0; p < 110; p++) {
        const struct ring_holding *found = ring_testimony_of(&testimony, p);
        assert_int_equal(found != NULL, p < 100 && p % 3 == 1);
        assert_true(found == NULL || found->partition == p);
    }
    ring_testimony_deinit(&testimony);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_counts_under_the_tag_of_the_partition_alone),
        cmocka_unit_test(each_is_counted_for_what_it_says_and_no_more),
        cmocka_unit_test(a_partition_is_found_in_a_testimony),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
