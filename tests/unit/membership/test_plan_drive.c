/*
 * Plans driven to their ends by rounds of made-up answers: drivers are lost at every step, two
 * drive at once by values of different age, nodes are silent, slow, or come with another store.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "base/random.h"
#include "membership/plan_drive.h"
#include "ring/change_plan.h"
#include "ring/ring_drive.h"
#include "ring/transition.h"

enum { PARTITIONS = 16, LEAVER = 1, JOINER = 6, NODES = 6, SEEDS = 120, ROUNDS_MAX = 400 };

/* Nodes 1 to 5, of which 1 leaves, and node 6 that joins; nodes 1 to 5 are the stewards. */
struct world {
    struct register_value *value;
    uint64_t last_round; /* of ballots */
    bool silent[NODES + 1];
    bool empty[NODES + 1]; /* what it joins is not there yet */
    bool busy[NODES + 1];  /* with requests from before */
    uint64_t hints[NODES + 1];
    uint64_t behind[NODES + 1]; /* by so many values of the register */
};

static void commit(struct world *world)
{
    struct ring *ring = fixture_ring("eu:3", PARTITIONS);
    struct ring_wish leave = {.node = LEAVER, .kind = RING_WISH_LEAVE};
    struct register_change change = {.kind = REGISTER_CHANGE_PLAN_COMMIT, .now_ms = 1};
    struct change_plan plan;
    char reason[REGISTER_REASON_MAX];
    *world = (struct world){0};
    fixture_add_many(ring, NODES - 1, "eu", NODES - 1);
    fixture_place(ring, NULL);
    fixture_add(ring, JOINER, "eu", "r9", 1);
    ring->members[JOINER - 1].role = MEMBER_JOINING;
    world->value = register_value_first(ring);
    assert_true(ring_wishes_put(&world->value->staged, &leave));
    assert_int_equal(change_plan_make(ring, &world->value->staged, &plan, reason), STATUS_OK);
    change.plan_id = plan.id;
    change_plan_deinit(&plan);
    ring_free(ring);
    struct register_value *next;
    struct ballot id = {.round = ++world->last_round, .node = 2, .incarnation = 1};
    assert_int_equal(register_change_apply(&change, id, world->value, &next, reason), STATUS_OK);
    register_value_free(world->value);
    world->value = next;
}

static int setup(void **state)
{
    static struct world world;
    commit(&world);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    register_value_free(((struct world *)*state)->value);
    return 0;
}

/* False: it leaves the value as it is. */
static bool apply(struct world *world, const struct register_change *change)
{
    char reason[REGISTER_REASON_MAX] = "";
    struct register_value *next;
    struct ballot id = {.round = ++world->last_round, .node = 2, .incarnation = 1};
    enum status status = register_change_apply(change, id, world->value, &next, reason);
    if (status != STATUS_OK || next == NULL)
        return false;
    assert_true(ring_placement_follows(next->ring, world->value->ring));
    register_value_free(world->value);
    world->value = next;
    return true;
}

static struct ring_testimony testimony_of(const struct world *world, node_id node)
{
    const struct ring *ring = world->value->ring;
    struct ring_testimony out = {.storage_incarnation = (uint16_t)(node + 10),
                                 .seq = world->value->seq - world->behind[node],
                                 .hints = world->hints[node]};
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        partition_id partition = ring->transitions[i].partition;
        struct ring_holding holding = {.partition = partition, .tag = ring_tag_of(ring, partition)};
        if (!ring_replicates(ring, node, partition))
            continue;
        if (!world->empty[node] || !ring_joins(ring, node, partition))
            holding.flags |= RING_HOLDING_COMPLETE;
        if (!world->busy[node])
            holding.flags |= RING_HOLDING_QUIET;
        ring_testimony_add(&out, &holding);
    }
    return out;
}

/* A whole round of a driver who has that value. */
static void ask(const struct world *world, const struct register_value *value,
                struct plan_round *round)
{
    plan_round_begin(value, round);
    for (node_id node = 1; node <= NODES; node++) {
        if (world->silent[node] || ring_member(world->value->ring, node) == NULL)
            continue;
        struct ring_testimony testimony = testimony_of(world, node);
        plan_round_note(round, value, node, &testimony);
        ring_testimony_deinit(&testimony);
    }
}

static bool propose(const struct world *world, const struct register_value *value,
                    struct register_change *out)
{
    struct plan_round round;
    ask(world, value, &round);
    bool any = plan_round_propose(&round, value, 1000, out);
    plan_round_deinit(&round);
    return any;
}

static bool drive(struct world *world)
{
    struct register_change change;
    return propose(world, world->value, &change) && apply(world, &change);
}

/* As the stewards do by themselves. */
static bool settle(struct world *world)
{
    struct register_change change = {.kind = REGISTER_CHANGE_STEWARDS_SETTLE};
    return apply(world, &change);
}

static void check_limits(const struct ring *ring)
{
    for (uint16_t i = 0; i < ring->member_count; i++) {
        uint32_t in = 0, out = 0;
        for (uint32_t k = 0; k < ring->transition_count; k++) {
            in += ring_joins(ring, ring->members[i].id, ring->transitions[k].partition);
            out += ring_leaves(ring, ring->members[i].id, ring->transitions[k].partition);
        }
        assert_true(in <= RING_DRIVE_IN && out <= RING_DRIVE_OUT);
    }
}

static bool is_over(const struct world *world)
{
    return world->value->work.plan_id == 0;
}

static void check_arrived(const struct world *world)
{
    const struct register_value *value = world->value;
    assert_true(is_over(world));
    assert_false(plan_is_driven(value));
    assert_int_equal(value->tasks.items[0].state, PLAN_TASK_FINISHED);
    assert_null(ring_member(value->ring, LEAVER));
    assert_false(steward_set_has_node(&value->stewards, LEAVER));
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_false(ring_owns(value->ring, LEAVER, (partition_id)p));
}

/* ---- one driver ---- */

static void a_plan_is_driven_to_its_end(void **state)
{
    struct world *world = *state;
    unsigned rounds = 0;
    for (; !is_over(world); rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        check_limits(world->value->ring);
        if (!drive(world))
            assert_true(settle(world));
    }
    check_arrived(world);
    assert_int_equal(world->value->stewards.count, 5); /* node 6 took the place */
    assert_true(steward_set_find(&world->value->stewards, JOINER, JOINER + 10) >= 0);
    struct plan_round round;
    plan_round_begin(world->value, &round);
    struct register_change change;
    assert_false(plan_round_propose(&round, world->value, 1, &change)); /* and nothing goes on */
    plan_round_deinit(&round);
}

static struct ring_wait first_wait(const struct world *world)
{
    struct plan_round round;
    ask(world, world->value, &round);
    struct ring_wait wait =
        plan_round_wait(&round, world->value, world->value->ring->transitions[0].partition);
    plan_round_deinit(&round);
    return wait;
}

static struct ring_wait end_wait(const struct world *world)
{
    struct plan_round round;
    ask(world, world->value, &round);
    struct ring_wait wait = plan_round_end_wait(&round, world->value);
    plan_round_deinit(&round);
    return wait;
}

static void assert_waits(struct ring_wait wait, enum ring_wait_kind kind, node_id node)
{
    assert_int_equal(wait.kind, kind);
    assert_int_equal(wait.node, node);
}

/* No joining owner, no leaving one: nothing is switched, and nothing finished, without them. */
static void what_is_missing_is_waited_for_and_named(void **state)
{
    struct world *world = *state;
    assert_true(drive(world));
    world->silent[JOINER] = true;
    for (node_id node = 2; node <= 5; node++)
        world->empty[node] = true;
    uint32_t moving = world->value->ring->transition_count;
    while (drive(world))
        ;
    assert_int_equal(world->value->ring->transition_count, moving);
    struct ring_wait wait = first_wait(world);
    assert_true(wait.kind == RING_WAIT_SILENT || wait.kind == RING_WAIT_INCOMPLETE);
    world->silent[JOINER] = false;
    for (node_id node = 2; node <= 5; node++)
        world->empty[node] = false;
    world->silent[LEAVER] = true;
    while (drive(world))
        ;
    assert_true(world->value->ring->transition_count > 0);
    assert_waits(first_wait(world), RING_WAIT_SILENT, LEAVER);
    world->silent[LEAVER] = false;
    world->busy[LEAVER] = true;
    while (drive(world))
        ;
    assert_waits(first_wait(world), RING_WAIT_BEHIND, LEAVER);
    world->busy[LEAVER] = false;
    assert_true(drive(world));
}

static void a_silent_node_holds_up_only_what_it_is_needed_for(void **state)
{
    struct world *world = *state;
    world->silent[4] = true; /* it stays where it is, or joins some */
    while (drive(world))
        ;
    for (uint32_t i = 0; i < world->value->ring->transition_count; i++)
        assert_true(
            ring_replicates(world->value->ring, 4, world->value->ring->transitions[i].partition));
    world->silent[4] = false;
    for (unsigned rounds = 0; !is_over(world); rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        if (!drive(world))
            assert_true(settle(world));
    }
}

static void move_all(struct world *world)
{
    while (!ring_work_is_over(&world->value->work, world->value->ring))
        assert_true(drive(world));
}

static void who_leaves_hands_its_hints_over_first(void **state)
{
    struct world *world = *state;
    world->hints[LEAVER] = 3;
    move_all(world);
    while (drive(world) || settle(world))
        ;
    assert_int_equal(ring_member(world->value->ring, LEAVER)->role, MEMBER_LEAVING);
    assert_waits(end_wait(world), RING_WAIT_HINTS, LEAVER);
    world->hints[LEAVER] = 0;
    world->behind[LEAVER] = 1; /* by a value in which it may still be given some */
    assert_false(drive(world));
    world->behind[LEAVER] = 0;
    world->silent[LEAVER] = true;
    assert_false(drive(world));
    assert_waits(end_wait(world), RING_WAIT_SILENT, LEAVER);
    world->silent[LEAVER] = false;
    assert_waits(end_wait(world), RING_WAIT_NOTHING, 0);
    assert_true(drive(world));
    check_arrived(world);
}

static void a_leaver_that_is_lost_is_not_waited_for(void **state)
{
    struct world *world = *state;
    struct register_change lose = {.kind = REGISTER_CHANGE_PLAN_LOSE,
                                   .plan_id = world->value->work.plan_id,
                                   .member = {.id = LEAVER}};
    world->silent[LEAVER] = true;
    for (unsigned turn = 0; turn < 20; turn++)
        (void)drive(world);
    assert_false(is_over(world));
    assert_true(apply(world, &lose));
    for (unsigned rounds = 0; !is_over(world); rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        if (!drive(world))
            assert_true(settle(world));
    }
    check_arrived(world);
}

/* Whoever is to vote must say with which store; else its votes would not count. */
static void a_steward_is_one_that_answers(void **state)
{
    struct world *world = *state;
    move_all(world);
    world->silent[JOINER] = true; /* the only one that is none yet */
    while (drive(world))
        ;
    assert_waits(end_wait(world), RING_WAIT_STEWARD, LEAVER);
    assert_int_equal(world->value->coming.count, 0);
    world->silent[JOINER] = false;
    assert_true(drive(world));
    assert_int_equal(steward_set_find(&world->value->coming, JOINER, JOINER + 10), 4);
    assert_false(drive(world)); /* first that is settled */
}

static void nothing_begins_while_it_is_paused(void **state)
{
    struct world *world = *state;
    struct register_change pause = {.kind = REGISTER_CHANGE_PLAN_PAUSE,
                                    .plan_id = world->value->work.plan_id};
    assert_true(drive(world));
    assert_true(apply(world, &pause));
    while (drive(world))
        ;
    assert_int_equal(world->value->ring->transition_count, 0); /* what had begun is over */
    assert_true(world->value->work.target_count > 0);
    assert_waits(
        ring_wait_to_begin(world->value->ring, &world->value->work, &world->value->work.targets[0]),
        RING_WAIT_PAUSED, 0);
    pause.kind = REGISTER_CHANGE_PLAN_RESUME;
    assert_true(apply(world, &pause));
    assert_true(drive(world));
    assert_true(world->value->ring->transition_count > 0);
    assert_int_equal(
        ring_wait_to_begin(world->value->ring, &world->value->work, &world->value->work.targets[0])
            .kind,
        RING_WAIT_TURN);
}

static void an_aborted_plan_is_driven_to_its_end_too(void **state)
{
    struct world *world = *state;
    struct register_change abort = {.kind = REGISTER_CHANGE_PLAN_ABORT,
                                    .plan_id = world->value->work.plan_id};
    assert_true(drive(world));
    assert_true(drive(world)); /* some have switched */
    assert_true(apply(world, &abort));
    assert_true(world->value->ring->transition_count > 0);
    for (unsigned rounds = 0; !is_over(world); rounds++) {
        assert_true(rounds < ROUNDS_MAX);
        assert_true(drive(world));
    }
    assert_int_equal(world->value->tasks.items[0].state, PLAN_TASK_ABORTED);
    assert_non_null(ring_member(world->value->ring, LEAVER));
}

/* ---- what counts ---- */

static void an_answer_counts_once_and_of_who_was_asked(void **state)
{
    struct world *world = *state;
    struct plan_round round;
    struct ring_testimony none = {.storage_incarnation = 1};
    assert_true(drive(world));
    plan_round_begin(world->value, &round);
    assert_true(plan_round_is_of(&round, world->value));
    for (node_id node = 1; node <= NODES; node++) {
        struct ring_testimony testimony = testimony_of(world, node);
        plan_round_note(&round, world->value, node, &none);
        plan_round_note(&round, world->value, node, &testimony); /* too late */
        assert_int_equal(round.heard[node - 1].told, round.heard[node - 1].asked);
        ring_testimony_deinit(&testimony);
    }
    plan_round_note(&round, world->value, 99, &none);
    for (uint32_t i = 0; i < world->value->ring->transition_count; i++) {
        assert_int_equal(round.evidence[i].complete.count, 0);
        assert_int_equal(round.evidence[i].goes_by.count, 0);
    }
    plan_round_deinit(&round);
    assert_false(plan_round_is_of(&round, world->value));
}

/* ---- many drivers ---- */

struct driver {
    struct register_value *known;
    struct register_change proposed; /* and on its way; kind NONE: nothing */
};

static void follow(const struct world *world, struct driver *driver)
{
    register_value_free(driver->known);
    driver->known = register_value_copy(world->value);
}

/* What was proposed long ago, by a driver that is no more, may come at any time, and twice. */
static void drivers_that_are_lost_or_late_do_no_harm(void **state)
{
    unsigned late = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world world;
        struct driver drivers[2] = {0};
        struct random random = random_make(seed);
        unsigned rounds = 0;
        commit(&world);
        follow(&world, &drivers[0]);
        follow(&world, &drivers[1]);
        for (; !is_over(&world); rounds++) {
            struct driver *driver = &drivers[random_below(&random, 2)];
            node_id node = (node_id)(1 + random_below(&random, NODES));
            assert_true(rounds < 50 * ROUNDS_MAX);
            world.silent[node] = random_chance(&random, 1, 4);
            world.empty[node] = random_chance(&random, 1, 4);
            world.busy[node] = random_chance(&random, 1, 4);
            world.hints[node] = random_below(&random, 2);
            switch (random_below(&random, 5)) {
            case 0:
                follow(&world, driver);
                break;
            case 1:
            case 2:
                if (plan_is_driven(driver->known) &&
                    !propose(&world, driver->known, &driver->proposed))
                    driver->proposed.kind = REGISTER_CHANGE_NONE;
                break;
            case 3:
                if (driver->proposed.kind != REGISTER_CHANGE_NONE)
                    late += !apply(&world, &driver->proposed);
                break;
            default:
                (void)settle(&world);
            }
            char reason[RING_REASON_MAX];
            assert_int_equal(ring_validate(world.value->ring, reason), STATUS_OK);
        }
        check_arrived(&world);
        register_value_free(drivers[0].known);
        register_value_free(drivers[1].known);
        register_value_free(world.value);
    }
    assert_true(late > SEEDS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_is_driven_to_its_end),
        TEST(what_is_missing_is_waited_for_and_named),
        TEST(a_silent_node_holds_up_only_what_it_is_needed_for),
        TEST(who_leaves_hands_its_hints_over_first),
        TEST(a_leaver_that_is_lost_is_not_waited_for),
        TEST(a_steward_is_one_that_answers),
        TEST(nothing_begins_while_it_is_paused),
        TEST(an_aborted_plan_is_driven_to_its_end_too),
        TEST(an_answer_counts_once_and_of_who_was_asked),
        cmocka_unit_test(drivers_that_are_lost_or_late_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
