/* A plan from its commit to its end, as the register has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "membership/plan_change.h"
#include "ring/ring_drive.h"
#include "ring/ring_steps.h"
#include "ring/transition.h"

enum { PARTITIONS = 32 };

/* Four nodes and one that is joining; node 1 is to leave. */
struct fixture {
    struct ring *ring;
    struct ring_wishes staged;
    struct ring_work work;
    uint64_t plan_id;
};

static uint64_t plan_now(const struct fixture *fixture)
{
    struct change_plan plan;
    char reason[RING_REASON_MAX];
    assert_int_equal(change_plan_make(fixture->ring, &fixture->staged, &plan, reason), STATUS_OK);
    uint64_t id = plan.id;
    change_plan_deinit(&plan);
    return id;
}

static void stage(struct fixture *fixture, struct ring_wish wish)
{
    assert_true(ring_wishes_put(&fixture->staged, &wish));
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.ring = fixture_ring("eu:3", PARTITIONS)};
    fixture_add_many(fixture.ring, 4, "eu", 4);
    fixture_place(fixture.ring, NULL);
    fixture_add(fixture.ring, 5, "eu", "r4", 1);
    fixture.ring->members[4].role = MEMBER_JOINING;
    stage(&fixture, (struct ring_wish){.node = 1, .kind = RING_WISH_LEAVE});
    fixture.plan_id = plan_now(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    ring_work_deinit(&fixture->work);
    ring_wishes_deinit(&fixture->staged);
    ring_free(fixture->ring);
    return 0;
}

static enum status commit(struct fixture *fixture, uint64_t id, const char *words)
{
    char reason[RING_REASON_MAX] = "";
    enum status status = plan_commit(fixture->ring, &fixture->staged, &fixture->work, id, reason);
    if (strstr(reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
    return status;
}

/* One round of the driver, in which all that moves has been said to be complete, or nothing. */
static void drive(struct fixture *fixture, bool said)
{
    struct ring_evidence evidence[PARTITIONS] = {0};
    struct buffer steps = {0};
    char reason[RING_REASON_MAX];
    uint32_t taken;
    for (uint32_t i = 0; said && i < fixture->ring->transition_count; i++) {
        for (node_id id = 1; id <= 5; id++) {
            node_set_add(&evidence[i].complete, id);
            node_set_add(&evidence[i].goes_by, id);
        }
    }
    (void)ring_drive_next(fixture->ring, &fixture->work, evidence, 2048, &steps);
    assert_int_equal(ring_steps_apply(fixture->ring, buffer_slice(&steps), &taken, reason),
                     STATUS_OK);
    ring_work_settle(&fixture->work, fixture->ring);
    buffer_deinit(&steps);
}

static void a_plan_is_committed_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    assert_int_equal(fixture->work.plan_id, fixture->plan_id);
    assert_int_equal(fixture->staged.count, 0);
    assert_int_equal(commit(fixture, fixture->plan_id, "is under way"), STATUS_INVALID);
}

/* Two operators at once: who comes second has a plan of what is no more. */
static void a_plan_that_is_no_longer_true_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    uint64_t before = ring_digest(fixture->ring);
    stage(fixture, (struct ring_wish){.node = 2, .kind = RING_WISH_WEIGHT, .weight = 2});
    assert_int_equal(commit(fixture, fixture->plan_id, "has changed"), STATUS_STALE_TAG);
    ring_wishes_deinit(&fixture->staged);
    fixture->ring->members[4].role = MEMBER_GATEWAY;
    fixture->ring->members[4].weight = 0;
    assert_int_equal(commit(fixture, fixture->plan_id, "nothing would change"), STATUS_STALE_TAG);
    fixture->ring->members[4].role = MEMBER_JOINING;
    fixture->ring->members[4].weight = 1;
    assert_int_equal(ring_digest(fixture->ring), before);
    assert_int_equal(fixture->work.plan_id, 0);
}

static void who_was_to_leave_is_a_member_until_the_end(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    for (unsigned round = 0; !ring_work_is_over(&fixture->work, fixture->ring); round++) {
        assert_true(round < 200);
        assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_INVALID);
        assert_non_null(ring_member(fixture->ring, 1));
        drive(fixture, true);
    }
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "may still be given hints"));
    assert_int_equal(plan_retire(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_int_equal(ring_member(fixture->ring, 1)->role, MEMBER_LEAVING);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_null(ring_member(fixture->ring, 1));
    assert_true(ring_is_fenced(fixture->ring, 1));
    assert_int_equal(ring_validate(fixture->ring, reason), STATUS_OK);
    assert_int_equal(fixture->work.plan_id, 0);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_INVALID);
}

static void an_aborted_plan_ends_with_all_members(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(plan_abort(fixture->ring, &fixture->work, reason), STATUS_INVALID);
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    drive(fixture, false);
    assert_true(fixture->ring->transition_count > 0);
    assert_int_equal(plan_abort(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_int_equal(fixture->ring->transition_count, 0);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_non_null(ring_member(fixture->ring, 1));
    assert_int_equal(ring_member(fixture->ring, 5)->role, MEMBER_DATA);
    stage(fixture, (struct ring_wish){.node = 1, .kind = RING_WISH_LEAVE});
    assert_int_not_equal(plan_now(fixture), fixture->plan_id); /* epochs have gone up */
}

/* It has no partition any more, and is a fallback again. */
static void who_was_retired_stays_when_the_plan_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    assert_int_equal(plan_retire(fixture->ring, &fixture->work, reason), STATUS_INVALID);
    while (!ring_work_is_over(&fixture->work, fixture->ring))
        drive(fixture, true);
    assert_int_equal(plan_retire(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_int_equal(plan_abort(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_int_equal(ring_member(fixture->ring, 1)->role, MEMBER_DATA);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_non_null(ring_member(fixture->ring, 1));
}

/* Reads have moved: going back would lose what was written since. */
static void what_has_switched_goes_on_after_an_abort(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    drive(fixture, false);
    drive(fixture, true);
    uint32_t moving = fixture->ring->transition_count;
    assert_int_equal(plan_abort(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_int_equal(fixture->ring->transition_count, moving);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_INVALID);
    drive(fixture, true);
    assert_int_equal(plan_end(fixture->ring, &fixture->work, reason), STATUS_OK);
    assert_non_null(ring_member(fixture->ring, 1));
}

static void a_pause_holds_back_what_has_not_begun(void **state)
{
    struct fixture *fixture = *state;
    char reason[RING_REASON_MAX];
    assert_int_equal(plan_pause(&fixture->work, true, reason), STATUS_INVALID);
    assert_int_equal(commit(fixture, fixture->plan_id, ""), STATUS_OK);
    assert_int_equal(plan_pause(&fixture->work, true, reason), STATUS_OK);
    drive(fixture, true);
    assert_int_equal(fixture->ring->transition_count, 0);
    assert_int_equal(plan_pause(&fixture->work, false, reason), STATUS_OK);
    drive(fixture, true);
    assert_true(fixture->ring->transition_count > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_is_committed_once),
        TEST(a_plan_that_is_no_longer_true_changes_nothing),
        TEST(who_was_to_leave_is_a_member_until_the_end),
        TEST(an_aborted_plan_ends_with_all_members),
        TEST(who_was_retired_stays_when_the_plan_is_given_up),
        TEST(what_has_switched_goes_on_after_an_abort),
        TEST(a_pause_holds_back_what_has_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
