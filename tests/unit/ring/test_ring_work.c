/* What is left of a committed plan: what it makes of members, its rows, its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring_change.h"
#include "ring/ring_work.h"
#include "ring/transition.h"
#include "ring_fixture.h"

enum { OWNERS = 3, PARTITIONS = 32 };

/* Five nodes, of which the last is joining; node 1 leaves, node 2 gets another weight and rack. */
struct fixture {
    struct ring *ring;
    struct ring_wishes wishes;
    struct change_plan plan;
    struct ring_work work;
};

static void wish(struct fixture *fixture, struct ring_wish one)
{
    assert_true(ring_wishes_put(&fixture->wishes, &one));
}

static int setup(void **state)
{
    static struct fixture fixture;
    char reason[RING_REASON_MAX];
    fixture = (struct fixture){.ring = fixture_ring("eu:3", PARTITIONS)};
    fixture_add_many(fixture.ring, 4, "eu", 4);
    fixture_place(fixture.ring, NULL);
    fixture_add(fixture.ring, 5, "eu", "r4", 1);
    fixture.ring->members[4].role = MEMBER_JOINING;
    wish(&fixture, (struct ring_wish){.node = 1, .kind = RING_WISH_LEAVE});
    wish(&fixture, (struct ring_wish){.node = 2, .kind = RING_WISH_WEIGHT, .weight = 2});
    wish(&fixture, (struct ring_wish){.node = 2, .kind = RING_WISH_RACK, .rack = "r9"});
    assert_int_equal(change_plan_make(fixture.ring, &fixture.wishes, &fixture.plan, reason),
                     STATUS_OK);
    ring_work_begin(fixture.ring, &fixture.wishes, &fixture.plan, &fixture.work);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ring_work_deinit(&fixture->work);
    change_plan_deinit(&fixture->plan);
    ring_wishes_deinit(&fixture->wishes);
    ring_free(fixture->ring);
    return 0;
}

static void begin_first(struct fixture *fixture)
{
    char reason[RING_REASON_MAX];
    const struct ring_target *first = &fixture->work.targets[0];
    assert_int_equal(ring_begin(fixture->ring, first->partition,
                                ring_tag_of(fixture->ring, first->partition), first->owners,
                                reason),
                     STATUS_OK);
}

/* Nobody owns anything else yet, so nothing is lost by it. */
static void committing_makes_members_what_was_wished_and_moves_nothing(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(ring_member(fixture->ring, 5)->role, MEMBER_DATA);
    assert_int_equal(ring_member(fixture->ring, 2)->weight, 2);
    assert_string_equal(ring_member(fixture->ring, 2)->rack, "r9");
    assert_non_null(ring_member(fixture->ring, 1));
    assert_int_equal(ring_validate(fixture->ring, reason), STATUS_OK);
    assert_int_equal(fixture->ring->transition_count, 0);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_false(ring_owns(fixture->ring, 5, (partition_id)p));
    assert_int_equal(fixture->work.plan_id, fixture->plan.id);
    assert_int_equal(fixture->work.target_count, fixture->plan.changed_count);
    assert_int_equal(fixture->work.leaver_count, 1);
    assert_int_equal(fixture->work.leavers[0], 1);
    assert_false(ring_work_is_over(&fixture->work, fixture->ring));
}

static void what_begins_takes_its_row_away(void **state)
{
    struct fixture *fixture = *state;
    partition_id first = fixture->work.targets[0].partition;
    uint32_t before = fixture->work.target_count;
    begin_first(fixture);
    ring_work_settle(&fixture->work, fixture->ring);
    assert_int_equal(fixture->work.target_count, before - 1);
    assert_int_not_equal(fixture->work.targets[0].partition, first);
    ring_work_settle(&fixture->work, fixture->ring);
    assert_int_equal(fixture->work.target_count, before - 1);
}

static void it_is_over_when_nothing_is_left_and_nothing_moves(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    begin_first(fixture);
    partition_id partition = fixture->ring->transitions[0].partition;
    ring_work_abandon(&fixture->work);
    assert_int_equal(fixture->work.leaver_count, 0);
    assert_false(ring_work_is_over(&fixture->work, fixture->ring));
    assert_int_equal(
        ring_abort(fixture->ring, partition, ring_tag_of(fixture->ring, partition), reason),
        STATUS_OK);
    assert_true(ring_work_is_over(&fixture->work, fixture->ring));
}

static void only_what_has_not_begun_has_a_target(void **state)
{
    struct fixture *fixture = *state;
    partition_id first = fixture->work.targets[0].partition;
    assert_ptr_equal(ring_work_target(&fixture->work, first), &fixture->work.targets[0]);
    begin_first(fixture);
    ring_work_settle(&fixture->work, fixture->ring);
    assert_null(ring_work_target(&fixture->work, first));
    for (uint32_t i = 0; i < fixture->work.target_count; i++)
        assert_ptr_equal(ring_work_target(&fixture->work, fixture->work.targets[i].partition),
                         &fixture->work.targets[i]);
    assert_null(ring_work_target(&(struct ring_work){0}, first));
}

static void bytes_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct ring_work read, copy;
    struct buffer bytes = {0}, again = {0};
    fixture->work.paused = true;
    assert_false(ring_work_has_lost(&fixture->work, 1));
    ring_work_lose(&fixture->work, 1);
    ring_work_copy(&fixture->work, &copy);
    ring_work_encode(&fixture->work, fixture->ring, &bytes);
    assert_int_equal(ring_work_decode(buffer_slice(&bytes), fixture->ring, &read), STATUS_OK);
    ring_work_encode(&read, fixture->ring, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    buffer_clear(&again);
    ring_work_encode(&copy, fixture->ring, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    ring_work_deinit(&read);
    ring_work_deinit(&copy);
    ring_work_encode(&read, fixture->ring, &again);
    assert_int_equal(again.length, bytes.length); /* none has no bytes */
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(ring_work_decode(slice_make(bytes.data, length), fixture->ring, &read),
                         STATUS_CORRUPT);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

/* Any byte may be another one: then it is refused, or says something else that can be. */
static void damaged_bytes_are_refused_or_canonical(void **state)
{
    struct fixture *fixture = *state;
    struct buffer bytes = {0};
    unsigned refused = 0;
    ring_work_encode(&fixture->work, fixture->ring, &bytes);
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned byte = 0; byte < 256; byte += 3) {
            struct ring_work read;
            struct buffer again = {0};
            uint8_t kept = bytes.data[at];
            bytes.data[at] = (uint8_t)byte;
            if (ring_work_decode(buffer_slice(&bytes), fixture->ring, &read) == STATUS_OK) {
                ring_work_encode(&read, fixture->ring, &again);
                assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
                ring_work_deinit(&read);
            } else {
                refused++;
            }
            bytes.data[at] = kept;
            buffer_deinit(&again);
        }
    }
    assert_true(refused > bytes.length * 40);
    buffer_deinit(&bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(committing_makes_members_what_was_wished_and_moves_nothing),
        TEST(what_begins_takes_its_row_away),
        TEST(it_is_over_when_nothing_is_left_and_nothing_moves),
        TEST(only_what_has_not_begun_has_a_target),
        TEST(bytes_come_back),
        TEST(damaged_bytes_are_refused_or_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
