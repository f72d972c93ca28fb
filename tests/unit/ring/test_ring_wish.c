/* Wishes: one of each kind for a node, their bytes, and what no ring can have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/ring_wish.h"
#include "ring_fixture.h"

static struct ring_wish weight(node_id node, uint32_t weight)
{
    return (struct ring_wish){.node = node, .kind = RING_WISH_WEIGHT, .weight = weight};
}

static struct ring_wish leave(node_id node)
{
    return (struct ring_wish){.node = node, .kind = RING_WISH_LEAVE};
}

static struct ring_wish replace(node_id node, node_id by)
{
    return (struct ring_wish){.node = node, .kind = RING_WISH_REPLACE, .by = by};
}

static void put(struct ring_wishes *wishes, struct ring_wish wish)
{
    assert_true(ring_wishes_put(wishes, &wish));
}

static void a_later_wish_takes_the_place_of_an_earlier_one(void **state)
{
    struct ring_wishes wishes = {0};
    (void)state;
    put(&wishes, weight(3, 2));
    put(&wishes, weight(1, 5));
    put(&wishes, weight(3, 7));
    assert_int_equal(wishes.count, 2);
    assert_int_equal(wishes.items[0].node, 1);
    assert_int_equal(ring_wishes_find(&wishes, 3, RING_WISH_WEIGHT)->weight, 7);
    ring_wishes_deinit(&wishes);
}

/* One that leaves and is replaced would be two changes of the same copies. */
static void a_node_leaves_or_is_replaced_and_never_both(void **state)
{
    struct ring_wishes wishes = {0};
    (void)state;
    put(&wishes, leave(2));
    put(&wishes, weight(2, 2));
    put(&wishes, replace(2, 9));
    assert_int_equal(wishes.count, 2);
    assert_true(ring_wishes_remove(&wishes, 2));
    assert_null(ring_wishes_find(&wishes, 2, RING_WISH_LEAVE));
    put(&wishes, leave(2));
    assert_null(ring_wishes_find(&wishes, 2, RING_WISH_REPLACE));
    assert_true(ring_wishes_remove(&wishes, 2));
    assert_false(ring_wishes_remove(&wishes, 9));
    ring_wishes_deinit(&wishes);
}

static void there_are_never_too_many(void **state)
{
    struct ring_wishes wishes = {0};
    struct ring_wish more = weight(5000, 1), again = weight(7, 9);
    (void)state;
    for (node_id node = 1; node <= RING_WISHES_MAX; node++)
        put(&wishes, weight(node, 1));
    assert_false(ring_wishes_put(&wishes, &more));
    assert_int_equal(wishes.count, RING_WISHES_MAX);
    assert_true(ring_wishes_put(&wishes, &again));
    assert_int_equal(wishes.count, RING_WISHES_MAX);
    ring_wishes_deinit(&wishes);
}

static struct ring_wish random_wish(struct random *random)
{
    struct ring_wish wish = {.node = 1 + (node_id)random_below(random, 9),
                             .kind = (uint8_t)(1 + random_below(random, 5))};
    if (wish.kind == RING_WISH_REPEAT_RACKS)
        wish.node = 0;
    if (wish.kind == RING_WISH_REPLACE)
        wish.by = 1 + (node_id)random_below(random, 400);
    if (wish.kind == RING_WISH_WEIGHT)
        wish.weight = 1 + (uint32_t)random_below(random, RING_WEIGHT_MAX);
    if (wish.kind == RING_WISH_RACK)
        snprintf(wish.rack, sizeof wish.rack, "r%u", (unsigned)random_below(random, 100));
    return wish;
}

/* Equal sets give equal bytes, whatever came first; cut or changed ones are no others. */
static void bytes_are_canonical(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random = random_make(seed);
        struct ring_wishes wishes = {0}, turned = {0}, read;
        struct buffer bytes = {0}, again = {0};
        for (uint64_t left = 1 + random_below(&random, 12); left > 0; left--)
            put(&wishes, random_wish(&random));
        for (uint32_t i = wishes.count; i > 0; i--)
            put(&turned, wishes.items[i - 1]);
        ring_wishes_encode(&wishes, &bytes);
        ring_wishes_encode(&turned, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        assert_int_equal(ring_wishes_decode(buffer_slice(&bytes), &read), STATUS_OK);
        assert_int_equal(read.count, wishes.count);
        buffer_clear(&again);
        ring_wishes_encode(&read, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        ring_wishes_deinit(&read);
        bytes.data[random_below(&random, bytes.length)] ^=
            (uint8_t)(1 + random_below(&random, 255));
        if (ring_wishes_decode(buffer_slice(&bytes), &read) == STATUS_OK) {
            buffer_clear(&again);
            ring_wishes_encode(&read, &again);
            assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
            ring_wishes_deinit(&read);
        }
        buffer_deinit(&bytes);
        buffer_deinit(&again);
        ring_wishes_deinit(&wishes);
        ring_wishes_deinit(&turned);
    }
}

static void wishes_out_of_order_are_refused(void **state)
{
    struct buffer bytes = {0};
    struct ring_wish first = leave(1), second = leave(2), other = replace(1, 3);
    struct ring_wishes read;
    (void)state;
    ring_wish_encode(&second, &bytes);
    ring_wish_encode(&first, &bytes);
    assert_int_equal(ring_wishes_decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    buffer_clear(&bytes);
    ring_wish_encode(&first, &bytes);
    ring_wish_encode(&other, &bytes); /* it leaves and is replaced */
    assert_int_equal(ring_wishes_decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    assert_null(read.items);
    buffer_deinit(&bytes);
}

static void check(const struct ring *ring, struct ring_wish wish, const char *expected)
{
    char reason[RING_REASON_MAX] = "";
    enum status status = ring_wish_check(ring, &wish, reason);
    assert_int_equal(status, expected == NULL ? STATUS_OK : STATUS_INVALID);
    if (expected != NULL)
        assert_non_null(strstr(reason, expected));
}

static void what_no_ring_can_have_is_named(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    fixture_add(ring, 6, "eu", "d", 1);
    fixture_add(ring, 7, "eu", "d", 0);
    fixture_add(ring, 9, "us", "d", 1);
    check(ring, leave(1), NULL);
    check(ring, leave(77), "no member");
    check(ring, leave(8), "it has left");
    check(ring, leave(7), "gateway");
    check(ring, replace(1, 6), NULL);
    check(ring, replace(1, 2), "owns partitions already");
    check(ring, replace(1, 7), "gateway");
    check(ring, replace(1, 9), "another region");
    check(ring, replace(1, 10), "let it join first");
    ring->members[ring->member_count - 1].role = MEMBER_JOINING;
    check(ring, leave(9), "remove it at once");
    check(ring, replace(9, 6), "remove it at once");
    check(ring, weight(9, 2), NULL);
    check(ring, weight(1, RING_WEIGHT_MAX), NULL);
    check(ring, weight(1, 0), "a weight is 1 to");
    check(ring, (struct ring_wish){.node = 1, .kind = RING_WISH_RACK, .rack = "No"}, "rack");
    check(ring, (struct ring_wish){.node = 1, .kind = RING_WISH_RACK, .rack = "e"}, NULL);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_wish_takes_the_place_of_an_earlier_one),
        cmocka_unit_test(a_node_leaves_or_is_replaced_and_never_both),
        cmocka_unit_test(there_are_never_too_many),
        cmocka_unit_test(bytes_are_canonical),
        cmocka_unit_test(wishes_out_of_order_are_refused),
        cmocka_unit_test(what_no_ring_can_have_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
