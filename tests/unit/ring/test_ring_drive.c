/*
 * Which steps are taken next: on chosen rings, and whole plans with made-up evidence, in which
 * drivers are lost at every step and two drive at once by rings of different age.
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
#include "ring/ring_drive.h"
#include "ring/ring_steps.h"
#include "ring/transition.h"
#include "ring_fixture.h"

enum { OWNERS = 3, PARTITIONS = 32, NODES_MAX = 16, STEPS_BYTES = 2048, SEEDS = 200 };

/* A plan on its way, as the register has it. */
struct world {
    struct ring *ring;
    struct ring_wishes wishes;
    struct change_plan plan;
    struct ring_work work;
    /* Made up, of the tag that the partition has: what its replicas have said. */
    struct ring_evidence said[PARTITIONS];
};

static void wish(struct world *world, struct ring_wish one)
{
    assert_true(ring_wishes_put(&world->wishes, &one));
}

/* `nodes` in as many racks, and as many that join; with what was wished, committed. */
static void commit(struct world *world, uint32_t nodes, uint32_t joining)
{
    char reason[RING_REASON_MAX];
    world->ring = fixture_ring("eu:3", PARTITIONS);
    fixture_add_many(world->ring, nodes, "eu", nodes);
    fixture_place(world->ring, NULL);
    for (uint32_t i = 0; i < joining; i++) {
        char rack[8];
        snprintf(rack, sizeof rack, "new%u", i);
        fixture_add(world->ring, nodes + 1 + i, "eu", rack, 1);
        world->ring->members[nodes + i].role = MEMBER_JOINING;
    }
    assert_int_equal(change_plan_make(world->ring, &world->wishes, &world->plan, reason),
                     STATUS_OK);
    ring_work_begin(world->ring, &world->wishes, &world->plan, &world->work);
}

static void world_deinit(struct world *world)
{
    ring_work_deinit(&world->work);
    change_plan_deinit(&world->plan);
    ring_wishes_deinit(&world->wishes);
    ring_free(world->ring);
    *world = (struct world){0};
}

/* What a driver with that ring knows: what was said of a tag that it has. */
static void gather(const struct world *world, const struct ring *ring, struct ring_evidence *out)
{
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        partition_id partition = ring->transitions[i].partition;
        out[i] = (struct ring_evidence){0};
        if (ring_tag_compare(ring_tag_of(ring, partition), ring_tag_of(world->ring, partition)) ==
            0)
            out[i] = world->said[partition];
    }
}

static uint32_t propose(const struct world *world, const struct ring *ring,
                        const struct ring_work *work, size_t bytes_max, struct buffer *steps)
{
    struct ring_evidence evidence[PARTITIONS];
    gather(world, ring, evidence);
    return ring_drive_next(ring, work, evidence, bytes_max, steps);
}

/* As the register does it. What was said of a tag is worth nothing under the next one. */
static enum status take(struct world *world, struct slice steps, uint32_t *taken)
{
    struct ring_tag tags[PARTITIONS];
    char reason[RING_REASON_MAX];
    for (uint32_t p = 0; p < PARTITIONS; p++)
        tags[p] = ring_tag_of(world->ring, (partition_id)p);
    enum status status = ring_steps_apply(world->ring, steps, taken, reason);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        if (ring_tag_compare(tags[p], ring_tag_of(world->ring, (partition_id)p)) != 0)
            world->said[p] = (struct ring_evidence){0};
    if (status == STATUS_OK)
        ring_work_settle(&world->work, world->ring);
    return status;
}

/* All that can be said of partitions that move. */
static void say_all(struct world *world)
{
    for (uint32_t i = 0; i < world->ring->transition_count; i++) {
        partition_id partition = world->ring->transitions[i].partition;
        node_id replicas[RING_REPLICAS_MAX];
        for (uint8_t k = ring_replicas(world->ring, partition, replicas); k > 0; k--) {
            node_set_add(&world->said[partition].complete, replicas[k - 1]);
            node_set_add(&world->said[partition].goes_by, replicas[k - 1]);
        }
    }
}

static uint32_t drive(struct world *world)
{
    struct buffer steps = {0};
    uint32_t taken = 0, count = propose(world, world->ring, &world->work, STEPS_BYTES, &steps);
    assert_int_equal(take(world, buffer_slice(&steps), &taken), STATUS_OK);
    assert_int_equal(taken, count);
    buffer_deinit(&steps);
    return count;
}

static uint32_t in_phase(const struct ring *ring, enum ring_phase phase)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->transition_count; i++)
        count += ring->transitions[i].phase == phase;
    return count;
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

static void check_arrived(const struct world *world)
{
    char reason[RING_REASON_MAX];
    assert_true(ring_work_is_over(&world->work, world->ring));
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_memory_equal(ring_owners(world->ring, (partition_id)p),
                            change_plan_owners(world->ring, &world->plan, (partition_id)p),
                            OWNERS * sizeof(node_id));
    assert_int_equal(ring_validate(world->ring, reason), STATUS_OK);
}

/* ---- chosen ---- */

static void no_more_begin_than_a_node_may_join_or_leave(void **state)
{
    struct world world = {0};
    (void)state;
    commit(&world, 4, 1);
    assert_int_equal(drive(&world), RING_DRIVE_IN); /* one node joins them all */
    check_limits(world.ring);
    assert_int_equal(drive(&world), 0); /* and nothing has been said yet */
    world_deinit(&world);
}

static void what_has_evidence_goes_on_and_makes_room(void **state)
{
    struct world world = {0};
    (void)state;
    commit(&world, 4, 1);
    drive(&world);
    say_all(&world);
    assert_int_equal(drive(&world), RING_DRIVE_IN);
    assert_int_equal(in_phase(world.ring, RING_SWITCHED), RING_DRIVE_IN);
    say_all(&world);
    assert_int_equal(drive(&world), RING_DRIVE_IN); /* finished; the next round begins more */
    assert_int_equal(world.ring->transition_count, 0);
    assert_int_equal(drive(&world), RING_DRIVE_IN);
    world_deinit(&world);
}

/* A replacement has one source and one joining owner for all, and goes through all the same. */
static void a_replacement_arrives(void **state)
{
    struct world world = {0};
    (void)state;
    wish(&world, (struct ring_wish){.node = 2, .kind = RING_WISH_REPLACE, .by = 5});
    commit(&world, 4, 1);
    for (unsigned round = 0; !ring_work_is_over(&world.work, world.ring); round++) {
        assert_true(round < 200);
        drive(&world);
        check_limits(world.ring);
        say_all(&world);
    }
    check_arrived(&world);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        assert_false(ring_owns(world.ring, 2, (partition_id)p));
    world_deinit(&world);
}

static void a_paused_plan_ends_what_has_begun_and_begins_nothing(void **state)
{
    struct world world = {0};
    (void)state;
    commit(&world, 4, 1);
    drive(&world);
    world.work.paused = true;
    for (unsigned round = 0; round < 4; round++) {
        say_all(&world);
        drive(&world);
    }
    assert_int_equal(world.ring->transition_count, 0);
    assert_true(world.work.target_count > 0);
    assert_int_equal(drive(&world), 0);
    world.work.paused = false;
    assert_true(drive(&world) > 0);
    world_deinit(&world);
}

static void giving_up_takes_back_what_reads_have_not_left(void **state)
{
    struct world world = {0};
    struct buffer steps = {0};
    uint32_t taken;
    (void)state;
    commit(&world, 6, 2);
    drive(&world);
    partition_id switched = world.ring->transitions[0].partition;
    node_id replicas[RING_REPLICAS_MAX];
    for (uint8_t k = ring_replicas(world.ring, switched, replicas); k > 0; k--)
        node_set_add(&world.said[switched].complete, replicas[k - 1]);
    world.work.paused = true;
    drive(&world);
    assert_int_equal(in_phase(world.ring, RING_SWITCHED), 1);
    uint32_t joint = in_phase(world.ring, RING_JOINT);
    assert_true(joint > 0);
    ring_work_abandon(&world.work);
    assert_int_equal(ring_drive_abort(world.ring, STEPS_BYTES, &steps), joint);
    assert_int_equal(take(&world, buffer_slice(&steps), &taken), STATUS_OK);
    assert_int_equal(world.ring->transition_count, 1);
    say_all(&world);
    assert_int_equal(drive(&world), 1);
    assert_true(ring_work_is_over(&world.work, world.ring));
    buffer_deinit(&steps);
    world_deinit(&world);
}

static void steps_that_do_not_fit_wait_for_the_next_round(void **state)
{
    struct world world = {0};
    struct buffer steps = {0};
    uint32_t taken;
    (void)state;
    commit(&world, 6, 3);
    assert_int_equal(propose(&world, world.ring, &world.work, 4, &steps), 0);
    assert_int_equal(steps.length, 0);
    assert_int_equal(propose(&world, world.ring, &world.work, 12, &steps), 1);
    assert_true(steps.length <= 12);
    assert_int_equal(take(&world, buffer_slice(&steps), &taken), STATUS_OK);
    buffer_clear(&steps);
    assert_true(propose(&world, world.ring, &world.work, STEPS_BYTES, &steps) > 1);
    buffer_deinit(&steps);
    world_deinit(&world);
}

/* ---- whole plans ---- */

/* Each replica says each thing some time; a store that is lost takes back what it said. */
static void say_something(struct world *world, struct random *random)
{
    if (world->ring->transition_count == 0)
        return;
    uint32_t which = (uint32_t)random_below(random, world->ring->transition_count);
    partition_id partition = world->ring->transitions[which].partition;
    struct ring_evidence *said = &world->said[partition];
    node_id replicas[RING_REPLICAS_MAX];
    uint8_t count = ring_replicas(world->ring, partition, replicas);
    node_id node = replicas[random_below(random, count)];
    if (random_chance(random, 1, 40))
        *said = (struct ring_evidence){0};
    else
        node_set_add(random_chance(random, 1, 2) ? &said->complete : &said->goes_by, node);
}

/* One who drives: what he knows of the register is as old as when he looked last. */
struct driver {
    struct ring *ring;
    struct ring_work work;
    struct buffer steps; /* proposed, and perhaps on their way still */
};

static void driver_deinit(struct driver *driver)
{
    ring_free(driver->ring);
    ring_work_deinit(&driver->work);
    buffer_deinit(&driver->steps);
    *driver = (struct driver){0};
}

static void look(const struct world *world, struct driver *driver)
{
    struct buffer steps = driver->steps;
    driver->steps = (struct buffer){0};
    driver_deinit(driver);
    driver->steps = steps;
    driver->ring = ring_copy(world->ring);
    ring_work_copy(&world->work, &driver->work);
}

static void act(struct world *world, struct driver *driver, struct random *random,
                unsigned *refused)
{
    uint32_t taken;
    if (driver->ring == NULL || random_chance(random, 1, 4))
        look(world, driver);
    switch (random_below(random, 4)) {
    case 0: /* it is lost, and another one begins from nothing */
        driver_deinit(driver);
        break;
    case 1: /* its proposal comes, late or not, and perhaps once more */
        *refused += take(world, buffer_slice(&driver->steps), &taken) != STATUS_OK;
        if (random_chance(random, 2, 3))
            buffer_clear(&driver->steps);
        break;
    default:
        buffer_clear(&driver->steps);
        propose(world, driver->ring, &driver->work, random_chance(random, 1, 2) ? 40 : STEPS_BYTES,
                &driver->steps);
    }
}

static void follow_plan(uint64_t seed, uint32_t drivers, unsigned *refused)
{
    struct random random = random_make(seed);
    struct driver all[2] = {0};
    struct world world = {0};
    if (random_chance(&random, 1, 2))
        wish(&world, (struct ring_wish){.node = 2, .kind = RING_WISH_LEAVE});
    if (random_chance(&random, 1, 2))
        wish(&world, (struct ring_wish){.node = 3, .kind = RING_WISH_WEIGHT, .weight = 3});
    commit(&world, 4 + (uint32_t)random_below(&random, 4), 1 + (uint32_t)random_below(&random, 3));
    for (unsigned moment = 0; !ring_work_is_over(&world.work, world.ring); moment++) {
        assert_true(moment < 100000);
        if (random_chance(&random, 3, 4))
            say_something(&world, &random);
        else
            act(&world, &all[random_below(&random, drivers)], &random, refused);
        if (drivers == 1)
            check_limits(world.ring);
    }
    check_arrived(&world);
    driver_deinit(&all[0]);
    driver_deinit(&all[1]);
    world_deinit(&world);
}

static void a_plan_arrives_whenever_its_driver_is_lost(void **state)
{
    unsigned refused = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        follow_plan(seed, 1, &refused);
}

static void two_may_drive_at_once(void **state)
{
    unsigned refused = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        follow_plan(seed, 2, &refused);
    assert_true(refused > 0); /* they did meet */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_begin_than_a_node_may_join_or_leave),
        cmocka_unit_test(what_has_evidence_goes_on_and_makes_room),
        cmocka_unit_test(a_replacement_arrives),
        cmocka_unit_test(a_paused_plan_ends_what_has_begun_and_begins_nothing),
        cmocka_unit_test(giving_up_takes_back_what_reads_have_not_left),
        cmocka_unit_test(steps_that_do_not_fit_wait_for_the_next_round),
        cmocka_unit_test(a_plan_arrives_whenever_its_driver_is_lost),
        cmocka_unit_test(two_may_drive_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
