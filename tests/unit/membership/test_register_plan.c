/* Changes of the register that are about plans: every order of them, and what each leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "base/random.h"
#include "membership/register_change.h"
#include "ring/change_plan.h"
#include "ring/ring_drive.h"
#include "ring/ring_steps.h"
#include "ring/transition.h"

enum { PARTITIONS = 32, LEAVER = 1, JOINER = 5, SEEDS = 60, TURNS = 80 };

/* Four nodes and one that is joining; node 1 is to leave. */
struct fixture {
    struct register_value *value;
    uint64_t plan_id;
    uint64_t round;
    uint64_t now_ms;
};

static struct register_value *first_value(void)
{
    struct ring *ring = fixture_ring("eu:3", PARTITIONS);
    fixture_add_many(ring, 4, "eu", 4);
    fixture_place(ring, NULL);
    fixture_add(ring, JOINER, "eu", "r4", 1);
    ring->members[4].role = MEMBER_JOINING;
    struct register_value *value = register_value_first(ring);
    struct ring_wish leave = {.node = LEAVER, .kind = RING_WISH_LEAVE};
    assert_true(ring_wishes_put(&value->staged, &leave));
    ring_free(ring);
    return value;
}

static uint64_t plan_now(const struct register_value *value)
{
    struct change_plan plan;
    char reason[RING_REASON_MAX];
    if (change_plan_make(value->ring, &value->staged, &plan, reason) != STATUS_OK)
        return 1; /* true of nothing */
    uint64_t id = plan.id;
    change_plan_deinit(&plan);
    return id;
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.value = first_value(), .now_ms = 1000000};
    fixture.plan_id = plan_now(fixture.value);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    register_value_free(((struct fixture *)*state)->value);
    return 0;
}

static void check_bytes(const struct register_value *value)
{
    struct register_value *read;
    struct buffer bytes = {0}, again = {0};
    register_value_encode(value, &bytes);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &read), STATUS_OK);
    register_value_encode(read, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    register_value_free(read);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

enum outcome { REFUSED, IDLE, MADE };

static enum outcome apply(struct fixture *fixture, const struct register_change *change,
                          char reason[REGISTER_REASON_MAX])
{
    struct ballot id = {.round = ++fixture->round, .node = 1, .incarnation = 1};
    struct register_value *next;
    reason[0] = '\0';
    if (register_change_apply(change, id, fixture->value, &next, reason) != STATUS_OK) {
        assert_null(next);
        assert_true(reason[0] != '\0');
        return REFUSED;
    }
    if (next == NULL)
        return IDLE;
    register_value_free(fixture->value);
    fixture->value = next;
    check_bytes(next);
    return MADE;
}

static struct register_change about_plan(const struct fixture *fixture,
                                         enum register_change_kind kind)
{
    return (struct register_change){.kind = (uint8_t)kind,
                                    .plan_id = fixture->plan_id,
                                    .now_ms = fixture->now_ms,
                                    .member = {.id = 2},
                                    .user = "otto"};
}

static enum outcome change(struct fixture *fixture, enum register_change_kind kind)
{
    struct register_change wanted = about_plan(fixture, kind);
    char reason[REGISTER_REASON_MAX];
    return apply(fixture, &wanted, reason);
}

static void refused(struct fixture *fixture, enum register_change_kind kind, const char *words)
{
    struct register_change wanted = about_plan(fixture, kind);
    char reason[REGISTER_REASON_MAX];
    assert_int_equal(apply(fixture, &wanted, reason), REFUSED);
    if (strstr(reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

static enum outcome steward(struct fixture *fixture, node_id leaver, node_id next)
{
    struct register_change wanted = about_plan(fixture, REGISTER_CHANGE_PLAN_STEWARD);
    char reason[REGISTER_REASON_MAX];
    wanted.member.id = leaver;
    wanted.steward = (struct steward){.node = next, .incarnation = 3};
    return apply(fixture, &wanted, reason);
}

static enum outcome lose(struct fixture *fixture, node_id node)
{
    struct register_change wanted = about_plan(fixture, REGISTER_CHANGE_PLAN_LOSE);
    char reason[REGISTER_REASON_MAX];
    wanted.member.id = node;
    return apply(fixture, &wanted, reason);
}

static struct register_change steps_now(const struct register_value *value, bool said)
{
    struct register_change wanted = {.kind = REGISTER_CHANGE_RING_STEPS};
    struct ring_evidence evidence[PARTITIONS] = {0};
    struct buffer steps = {0};
    for (uint32_t i = 0; said && i < value->ring->transition_count; i++) {
        for (node_id id = 1; id <= JOINER; id++) {
            node_set_add(&evidence[i].complete, id);
            node_set_add(&evidence[i].goes_by, id);
        }
    }
    (void)ring_drive_next(value->ring, &value->work, evidence, sizeof wanted.words, &steps);
    memcpy(wanted.words, steps.data, steps.length);
    wanted.words_length = (uint16_t)steps.length;
    buffer_deinit(&steps);
    return wanted;
}

/* One round of a driver, in which all that moves has been said to be complete, or nothing. */
static enum outcome drive(struct fixture *fixture, bool said)
{
    struct register_change wanted = steps_now(fixture->value, said);
    char reason[REGISTER_REASON_MAX];
    return apply(fixture, &wanted, reason);
}

static void drive_to_the_end(struct fixture *fixture)
{
    for (unsigned round = 0; !ring_work_is_over(&fixture->value->work, fixture->value->ring);
         round++) {
        assert_true(round < 200);
        assert_int_equal(drive(fixture, true), MADE);
    }
}

static const struct plan_task *last_task(const struct fixture *fixture)
{
    return &fixture->value->tasks.items[fixture->value->tasks.count - 1];
}

/* ---- its life ---- */

static void a_plan_goes_from_its_commit_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    assert_int_equal(fixture->value->staged.count, 0);
    assert_int_equal(last_task(fixture)->state, PLAN_TASK_RUNNING);
    assert_int_equal(last_task(fixture)->joins, 1);
    assert_int_equal(last_task(fixture)->leaves, 1);
    assert_int_equal(last_task(fixture)->node, 2);
    assert_string_equal(last_task(fixture)->user, "otto");
    drive_to_the_end(fixture);
    refused(fixture, REGISTER_CHANGE_PLAN_END, "still a steward");
    assert_int_equal(steward(fixture, LEAVER, 0), MADE); /* all others are stewards already */
    refused(fixture, REGISTER_CHANGE_PLAN_END, "still a steward");
    assert_int_equal(change(fixture, REGISTER_CHANGE_STEWARDS_SETTLE), MADE);
    refused(fixture, REGISTER_CHANGE_PLAN_END, "may still be given hints");
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_RETIRE), MADE);
    assert_int_equal(ring_member(fixture->value->ring, LEAVER)->role, MEMBER_LEAVING);
    fixture->now_ms += 5000;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_END), MADE);
    assert_null(ring_member(fixture->value->ring, LEAVER));
    assert_true(ring_is_fenced(fixture->value->ring, LEAVER));
    assert_int_equal(fixture->value->work.plan_id, 0);
    assert_int_equal(last_task(fixture)->state, PLAN_TASK_FINISHED);
    assert_int_equal(last_task(fixture)->ended_ms - last_task(fixture)->started_ms, 5000);
}

/* In each state, all that can be asked; what is done late meets nothing. */
static void no_order_is_taken_that_is_not_legal(void **state)
{
    enum { NONE, RUNNING, PAUSED, ABORTING, OVER, ENDED, STATES };
    static const struct {
        enum register_change_kind kind;
        enum outcome in[STATES];
    } ROWS[] = {
        {REGISTER_CHANGE_PLAN_PAUSE, {REFUSED, MADE, IDLE, REFUSED, MADE, REFUSED}},
        {REGISTER_CHANGE_PLAN_RESUME, {REFUSED, IDLE, MADE, IDLE, IDLE, REFUSED}},
        {REGISTER_CHANGE_PLAN_RETIRE, {IDLE, REFUSED, REFUSED, IDLE, MADE, IDLE}},
        {REGISTER_CHANGE_PLAN_END, {IDLE, REFUSED, REFUSED, REFUSED, REFUSED, IDLE}},
        {REGISTER_CHANGE_PLAN_COMMIT, {MADE, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED}},
        {REGISTER_CHANGE_PLAN_ABORT, {REFUSED, MADE, MADE, IDLE, MADE, REFUSED}},
    };
    (void)state;
    for (size_t row = 0; row < sizeof ROWS / sizeof ROWS[0]; row++) {
        for (int in = NONE; in < STATES; in++) {
            struct fixture fixture = {.value = first_value(), .now_ms = 7};
            fixture.plan_id = plan_now(fixture.value);
            if (in != NONE)
                assert_int_equal(change(&fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
            if (in == PAUSED)
                assert_int_equal(change(&fixture, REGISTER_CHANGE_PLAN_PAUSE), MADE);
            if (in == ABORTING) {
                drive(&fixture, false);
                drive(&fixture, true); /* some have switched, so it is not over at once */
                assert_int_equal(change(&fixture, REGISTER_CHANGE_PLAN_ABORT), MADE);
            }
            if (in >= OVER)
                drive_to_the_end(&fixture);
            if (in == ENDED) {
                assert_int_equal(steward(&fixture, LEAVER, 0), MADE);
                assert_int_equal(change(&fixture, REGISTER_CHANGE_STEWARDS_SETTLE), MADE);
                assert_int_equal(change(&fixture, REGISTER_CHANGE_PLAN_RETIRE), MADE);
                assert_int_equal(change(&fixture, REGISTER_CHANGE_PLAN_END), MADE);
            }
            enum outcome got = change(&fixture, ROWS[row].kind);
            if (got != ROWS[row].in[in])
                fail_msg("change %d in state %d: %d", ROWS[row].kind, in, got);
            register_value_free(fixture.value);
        }
    }
}

/* The id of another plan, or of one that is over, moves nothing of this one. */
static void what_names_another_plan_is_refused_or_does_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    fixture->plan_id++;
    refused(fixture, REGISTER_CHANGE_PLAN_PAUSE, "is not under way");
    refused(fixture, REGISTER_CHANGE_PLAN_ABORT, "is not under way");
    refused(fixture, REGISTER_CHANGE_PLAN_COMMIT, "is under way");
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_RETIRE), IDLE);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_END), IDLE);
    assert_int_equal(steward(fixture, LEAVER, 0), IDLE);
    fixture->plan_id--;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_ABORT), MADE);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_END), MADE);
    refused(fixture, REGISTER_CHANGE_PLAN_RESUME, "it was aborted");
    assert_int_equal(last_task(fixture)->state, PLAN_TASK_ABORTED);
    assert_int_equal(last_task(fixture)->given_up, last_task(fixture)->partitions);
    assert_non_null(ring_member(fixture->value->ring, LEAVER));
}

/* Two operators at once: whoever is second has a plan of what is no more. */
static void of_two_who_commit_one_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct register_change weight = {.kind = REGISTER_CHANGE_STAGE};
    struct ring_wish wish = {.node = 2, .kind = RING_WISH_WEIGHT, .weight = 2};
    struct buffer bytes = {0};
    char reason[REGISTER_REASON_MAX];
    ring_wish_encode(&wish, &bytes);
    memcpy(weight.words, bytes.data, bytes.length);
    weight.words_length = (uint16_t)bytes.length;
    buffer_deinit(&bytes);
    assert_int_equal(apply(fixture, &weight, reason), MADE);
    refused(fixture, REGISTER_CHANGE_PLAN_COMMIT, "no longer true");
    fixture->plan_id = plan_now(fixture->value);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    refused(fixture, REGISTER_CHANGE_PLAN_COMMIT, "is under way");
}

/* ---- steps ---- */

/* A driver that was slow proposes what the plan said before it was paused, or given up. */
static void what_was_to_begin_begins_only_as_the_work_says(void **state)
{
    struct fixture *fixture = *state;
    char reason[REGISTER_REASON_MAX];
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    struct register_change slow = steps_now(fixture->value, false);
    assert_true(slow.words_length > 0);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_PAUSE), MADE);
    assert_int_equal(apply(fixture, &slow, reason), IDLE);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_ABORT), MADE);
    assert_int_equal(apply(fixture, &slow, reason), IDLE);
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_END), MADE);
    assert_int_equal(apply(fixture, &slow, reason), IDLE);
    assert_int_equal(fixture->value->ring->transition_count, 0);
    slow.words_length--;
    assert_int_equal(apply(fixture, &slow, reason), REFUSED);
    assert_non_null(strstr(reason, "cannot be read"));
}

static void of_two_drivers_the_second_finds_nothing_to_do(void **state)
{
    struct fixture *fixture = *state;
    char reason[REGISTER_REASON_MAX];
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    struct register_change both = steps_now(fixture->value, false);
    assert_int_equal(apply(fixture, &both, reason), MADE);
    assert_int_equal(apply(fixture, &both, reason), IDLE);
    both = steps_now(fixture->value, true);
    assert_int_equal(apply(fixture, &both, reason), MADE);
    assert_int_equal(apply(fixture, &both, reason), IDLE);
}

/* ---- lost stores ---- */

static void a_lost_leaver_is_waited_for_nowhere(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    drive(fixture, false);
    assert_int_equal(lose(fixture, LEAVER), MADE);
    assert_int_equal(lose(fixture, LEAVER), IDLE);
    for (unsigned round = 0; round < 200; round++) {
        const struct ring *ring = fixture->value->ring;
        for (uint32_t i = 0; i < ring->transition_count; i++)
            if (ring_leaves(ring, LEAVER, ring->transitions[i].partition))
                assert_true(ring_is_lost(ring, LEAVER, ring->transitions[i].partition));
        if (drive(fixture, true) != MADE)
            break;
    }
    assert_true(ring_work_is_over(&fixture->value->work, fixture->value->ring));
    assert_true(ring_work_has_lost(&fixture->value->work, LEAVER));
    assert_int_equal(lose(fixture, 2), REFUSED); /* nothing waits for it */
}

/* Another replica may come back with a new store, and all it then says counts. */
static void another_lost_store_is_given_up_where_it_moves_now(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    drive(fixture, false);
    assert_int_equal(lose(fixture, JOINER), MADE);
    assert_int_equal(lose(fixture, JOINER), IDLE);
    assert_int_equal(fixture->value->work.lost_count, 0);
}

/* ---- stewards ---- */

static void one_leaver_at_a_time_is_replaced_as_steward_by_who_stays(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    fixture->value->stewards.count = 3;                       /* nodes 1, 2, 3 */
    assert_int_equal(steward(fixture, LEAVER, 0), IDLE);      /* there is somebody */
    assert_int_equal(steward(fixture, LEAVER, 2), IDLE);      /* who is one already */
    assert_int_equal(steward(fixture, LEAVER, LEAVER), IDLE); /* who goes too */
    assert_int_equal(steward(fixture, LEAVER, 99), IDLE);     /* who is no member */
    assert_int_equal(steward(fixture, 3, 4), IDLE);           /* who stays */
    assert_int_equal(steward(fixture, LEAVER, JOINER), MADE);
    assert_int_equal(fixture->value->coming.count, 3);
    assert_int_equal(steward_set_find(&fixture->value->coming, JOINER, 3), 2);
    assert_false(steward_set_has_node(&fixture->value->coming, LEAVER));
    assert_int_equal(steward(fixture, LEAVER, 4), IDLE); /* first that one is settled */
}

/* ---- bytes ---- */

static void a_value_without_plans_has_the_bytes_that_it_had(void **state)
{
    struct fixture *fixture = *state;
    struct register_change clear = {.kind = REGISTER_CHANGE_STAGE_CLEAR};
    struct buffer bytes = {0};
    char reason[REGISTER_REASON_MAX];
    assert_int_equal(apply(fixture, &clear, reason), MADE);
    register_value_encode(fixture->value, &bytes);
    assert_int_equal(bytes.data[0], 1);
    buffer_deinit(&bytes);
}

/* The checksum is made right again, so that the sections themselves must be looked at. */
static void damaged_bytes_are_refused_or_whole_others(void **state)
{
    struct fixture *fixture = *state;
    struct register_value *read;
    struct buffer bytes = {0}, again = {0};
    unsigned refused_count = 0;
    assert_int_equal(change(fixture, REGISTER_CHANGE_PLAN_COMMIT), MADE);
    drive(fixture, false);
    assert_int_equal(lose(fixture, LEAVER), MADE);
    register_value_encode(fixture->value, &bytes);
    for (size_t at = bytes.length - 200; at < bytes.length - 8; at++) {
        for (unsigned byte = 1; byte < 256; byte += 7) {
            struct buffer damaged = {0}, checked = {0};
            buffer_append(&damaged, bytes.data, bytes.length - 8);
            damaged.data[at] ^= (uint8_t)byte;
            buffer_append_slice(&checked, buffer_slice(&damaged));
            buffer_put_u64(&checked, register_value_digest(buffer_slice(&damaged)));
            if (register_value_decode(buffer_slice(&checked), &read) == STATUS_OK) {
                buffer_clear(&again);
                register_value_encode(read, &again);
                assert_true(slice_equal(buffer_slice(&checked), buffer_slice(&again)));
                register_value_free(read);
            } else {
                refused_count++;
            }
            buffer_deinit(&damaged);
            buffer_deinit(&checked);
        }
    }
    assert_true(refused_count > 1000);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

/* ---- in any order ---- */

static enum outcome take_a_turn(struct fixture *fixture, struct random *random,
                                struct register_change *slow)
{
    static const enum register_change_kind KINDS[] = {
        REGISTER_CHANGE_PLAN_COMMIT, REGISTER_CHANGE_PLAN_PAUSE, REGISTER_CHANGE_PLAN_RESUME,
        REGISTER_CHANGE_PLAN_RESUME, REGISTER_CHANGE_PLAN_ABORT, REGISTER_CHANGE_STEWARDS_SETTLE,
        REGISTER_CHANGE_PLAN_RETIRE, REGISTER_CHANGE_PLAN_END,   REGISTER_CHANGE_STAGE_CLEAR};
    char reason[REGISTER_REASON_MAX];
    uint64_t draw = random_below(random, 40);
    if (draw < sizeof KINDS / sizeof KINDS[0]) {
        if (KINDS[draw] == REGISTER_CHANGE_PLAN_ABORT && random_below(random, 4) > 0)
            return IDLE;
        if (KINDS[draw] == REGISTER_CHANGE_PLAN_COMMIT)
            fixture->plan_id = plan_now(fixture->value);
        return change(fixture, KINDS[draw]);
    }
    if (draw < 12) {
        enum outcome outcome = apply(fixture, slow, reason);
        *slow = steps_now(fixture->value, true);
        return outcome;
    }
    if (draw == 12)
        return lose(fixture, (node_id)(1 + random_below(random, JOINER)));
    if (draw < 15)
        return steward(fixture, LEAVER, (node_id)random_below(random, JOINER + 1));
    return drive(fixture, random_below(random, 3) > 0);
}

/* What was proposed before is proposed again after anything: each value is whole, and follows. */
static void any_order_keeps_the_value_whole(void **state)
{
    unsigned ended = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct fixture fixture = {.value = first_value(), .now_ms = 1};
        struct random random = random_make(seed);
        struct register_change slow = {.kind = REGISTER_CHANGE_RING_STEPS};
        fixture.plan_id = plan_now(fixture.value);
        for (unsigned turn = 0; turn < TURNS; turn++) {
            struct register_value *before = register_value_copy(fixture.value);
            fixture.now_ms += 1000;
            if (take_a_turn(&fixture, &random, &slow) == MADE) {
                char reason[RING_REASON_MAX];
                assert_int_equal(ring_validate(fixture.value->ring, reason), STATUS_OK);
                assert_true(ring_placement_follows(fixture.value->ring, before->ring));
                if (before->work.plan_id == 0 || before->work.paused)
                    assert_true(fixture.value->ring->transition_count <=
                                before->ring->transition_count);
            }
            register_value_free(before);
        }
        ended += fixture.value->tasks.count > 0 && plan_task_is_over(last_task(&fixture));
        register_value_free(fixture.value);
    }
    assert_true(ended > 0 && ended < SEEDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_goes_from_its_commit_to_its_end),
        cmocka_unit_test(no_order_is_taken_that_is_not_legal),
        TEST(what_names_another_plan_is_refused_or_does_nothing),
        TEST(of_two_who_commit_one_is_refused),
        TEST(what_was_to_begin_begins_only_as_the_work_says),
        TEST(of_two_drivers_the_second_finds_nothing_to_do),
        TEST(a_lost_leaver_is_waited_for_nowhere),
        TEST(another_lost_store_is_given_up_where_it_moves_now),
        TEST(one_leaver_at_a_time_is_replaced_as_steward_by_who_stays),
        TEST(a_value_without_plans_has_the_bytes_that_it_had),
        TEST(damaged_bytes_are_refused_or_whole_others),
        cmocka_unit_test(any_order_keeps_the_value_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
