/* A roster keeps what belongs to a member with that member, whoever else comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/roster.h"
#include "ring_fixture.h"

struct item {
    node_id id;
    node_id mark; /* of the member it was begun for */
    unsigned uses;
};

struct counts {
    unsigned begun, ended;
};

static void begin(void *item, const struct ring_member *member, void *context)
{
    struct item *one = item;
    assert_int_equal(one->id, member->id);
    assert_int_equal(one->uses, 0);
    one->mark = member->id;
    ((struct counts *)context)->begun++;
}

static void end(void *item, void *context)
{
    const struct item *one = item;
    assert_int_equal(one->mark, one->id);
    ((struct counts *)context)->ended++;
}

static const struct roster_kind KIND = {sizeof(struct item), begin, end};

static void items_are_those_of_the_other_members(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct counts counts = {0};
    uint32_t count = 0;
    (void)state;
    struct item *items = roster_follow(NULL, &count, ring, 3, &KIND, &counts);
    const node_id expected[] = {1, 2, 4, 5};
    assert_int_equal(count, 4);
    assert_int_equal(counts.begun, 4);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(items[i].id, expected[i]);
    free(items);
    ring_free(ring);
}

static void what_was_kept_stays_with_its_member(void **state)
{
    struct random random = random_make(7);
    struct ring *ring = fixture_ring("eu:1", 16);
    struct counts counts = {0};
    struct item *items = NULL;
    uint32_t count = 0;
    unsigned uses[40] = {0};
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        node_id id = 1 + (node_id)random_below(&random, 39);
        if (ring_member(ring, id) == NULL) {
            fixture_add(ring, id, "eu", "r1", 1);
            uses[id] = 0;
        } else {
            fixture_remove(ring, id);
        }
        unsigned begun = counts.begun, ended = counts.ended;
        items = roster_follow(items, &count, ring, 20, &KIND, &counts);
        assert_int_equal(counts.begun + counts.ended, begun + ended + (id != 20));
        uint32_t at = 0;
        for (uint16_t i = 0; i < ring->member_count; i++) {
            if (ring->members[i].id == 20)
                continue;
            assert_true(at < count);
            assert_int_equal(items[at].id, ring->members[i].id);
            assert_int_equal(items[at].mark, ring->members[i].id);
            assert_int_equal(items[at].uses++, uses[ring->members[i].id]++);
            at++;
        }
        assert_int_equal(at, count);
    }
    free(items);
    ring_free(ring);
}

static void an_empty_ring_has_no_items(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct counts counts = {0};
    uint32_t count = 0;
    (void)state;
    struct item *items = roster_follow(NULL, &count, ring, 0, &KIND, &counts);
    assert_int_equal(count, 5);
    while (ring->member_count > 0)
        fixture_remove(ring, ring->members[0].id);
    items = roster_follow(items, &count, ring, 0, &KIND, &counts);
    assert_int_equal(count, 0);
    assert_int_equal(counts.ended, 5);
    free(items);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_those_of_the_other_members),
        cmocka_unit_test(what_was_kept_stays_with_its_member),
        cmocka_unit_test(an_empty_ring_has_no_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
