/*
 * script_moves.c - partitions that get other owners, beside what makes their rules count: T3 and
 * T8 of tests/models/ring_change.py, and a source that cannot be read.
 */
#include "coordinator/level.h"
#include "ring/ring_wish.h"
#include "sim/act.h"
#include "sim/machine.h"
#include "sim/movers.h"
#include "sim/script_tables.h"
#include "sim/world.h"

/* Stage, through b, that a leaves. */
static void act_stage_leave(struct world *world, const struct script_step *step)
{
    const struct ring_wish wish = {.kind = RING_WISH_LEAVE,
                                   .node = script_machine(world, step->a)->id};
    movers_stage(script_machine(world, step->b), &wish, 1);
}

/* Commit through a what is staged. */
static void act_commit(struct world *world, const struct script_step *step)
{
    if (!movers_commit(script_machine(world, step->a)))
        script_fail(world, "there is no plan");
}

static void fit_moves(struct plan *plan)
{
    fit_quiet(plan);
    plan->settings.peer_timeout_ms = 6000; /* whoever stands still is not lost yet */
}

/* What it is asked is answered sooner than the value that it has missed can come. */
static void fit_far_apart(struct plan *plan)
{
    fit_moves(plan);
    plan->delay_us = 20000;
    plan->sync_us = 1000;
}

/* While it stands still the change begins; who joins has asked it before it hears of that. */
static const struct script source_stands_still = {
    .name = "source-stands-still",
    .row = 17,
    .about = "the owner that leaves is paused while the change begins",
    .fit = fit_far_apart,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO2(4000, stage_leave, OWNER(2), OWNER(0)),
            DO(5000, pause, OWNER(2)),
            DO(5100, commit, OWNER(0)),
            DO(9500, resume, OWNER(2)),
            ASK(9500, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_ONE),
            ASK(20000, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_ALL, .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_MOVE_SEALED, MARK_MOVE_ADOPTED, MARK_MOVE_FINISHED,
                                 MARK_MOVE_DROPPED, MARK_COUNT}};

/*
 * An owner went by the change, and loses its store: beside the one that has not heard of any, it
 * must not begin anew as if there had been none.
 */
static const struct script new_store_behind_cut = {
    .name = "new-store-behind-cut",
    .row = 32,
    .about = "an owner that went by a change is wiped and meets only who has not heard of it",
    .fit = fit_moves,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO2(4000, stage_leave, OWNER(0), OWNER(2)),
            DO(5000, cut_off, OWNER(1)),
            DO(5100, commit, OWNER(2)),
            ASK(12000, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_QUORUM),
            DO(13000, wipe, OWNER(2)),
            DO(13000, rejoin, OWNER(1)),
            DO2(13000, split, 0x06, HOME),
            DO(14000, start, OWNER(2)),
            ASK(20000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_QUORUM),
            DO2(24000, unsplit, 0x06, HOME),
            ASK(40000, OWNER(1), .kind = COMMAND_GET, .level = LEVEL_QUORUM),
            {0}},
    .marks = (const enum mark[]){MARK_MOVE_SWITCHED, MARK_NEW_STORE_ASKED, MARK_MOVE_FINISHED,
                                 MARK_COUNT}};

static void fit_many_keys(struct plan *plan)
{
    fit_light(plan);
    fit_usual_timers(plan);
    plan->duration_us = 0;
    plan->key_count = 60;
    plan->think_us = 60000;
    plan->settings.sync_page_bytes = 300; /* many pages, so many walks */
}

static void check_read_errors(struct world *world)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < world->plan.node_count; i++)
        count += world->machines[i].image.read_error_count;
    if (count == 0)
        script_fail(world, "no read has failed");
}

static const struct script source_reads_badly = {
    .name = "source-reads-badly",
    .row = 28,
    .about = "a partition is sent whole by owners whose disks cannot be read every time",
    .fit = fit_many_keys,
    .steps = (const struct script_step[]){DO2(11000, stage_leave, 1, 0),
                                          DO2(12000, fail_reads, 0, 50000),
                                          DO2(12000, fail_reads, 1, 50000),
                                          DO2(12000, fail_reads, 2, 50000),
                                          DO2(12000, fail_reads, 3, 50000),
                                          DO2(12000, fail_reads, 4, 50000),
                                          DO(12000, commit, 0),
                                          DO2(22000, fail_reads, 0, 0),
                                          DO2(22000, fail_reads, 1, 0),
                                          DO2(22000, fail_reads, 2, 0),
                                          DO2(22000, fail_reads, 3, 0),
                                          DO2(22000, fail_reads, 4, 0),
                                          {0}},
    .end = check_read_errors,
    .marks = (const enum mark[]){MARK_PARTITION_SENT_WHOLE, MARK_MOVE_FINISHED, MARK_COUNT}};

const struct script *const scripts_of_moves[] = {&source_stands_still, &new_store_behind_cut,
                                                 &source_reads_badly, NULL};
