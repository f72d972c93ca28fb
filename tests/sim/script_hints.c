/*
 * script_hints.c - reference "reliability" 4.3: lost stores, and copies kept for others.
 */
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/script_tables.h"
#include "sim/world.h"

static const struct script replace_empty = {
    .name = "replace-empty",
    .row = 33,
    .about = "a node comes back with an empty disk and is rebuilt under load",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO(8000, wipe, 0), DO(9000, start, 0), {0}},
    .marks = (const enum mark[]){MARK_WIPE, MARK_REBUILT, MARK_COUNT}};

static void fit_operators(struct plan *plan)
{
    fit_light(plan);
    fit_usual_timers(plan);
    plan->operator_count = 3;
}

/* Changes of members are a later part; that two values never share a place is seen here already. */
static const struct script two_operators = {
    .name = "two-operators",
    .row = 29,
    .about = "operators on both sides of a split change the register: one order of changes",
    .fit = fit_operators,
    .steps = (const struct script_step[]){DO(5000, split, 0x03), DO(20000, unsplit, 0x03), {0}},
    .marks = (const enum mark[]){MARK_REGISTER_CHANGED, MARK_COUNT}};

static void fit_doubling(struct plan *plan)
{
    fit_quiet(plan);
    plan->duplicate_ppm = 1000000;
    plan->reorder_ppm = 500000;
    plan->reorder_us = 300000;
}

/* Three versions wait for the third owner; all that carries them comes twice and out of order. */
static const struct script hints_twice = {
    .name = "hints-twice",
    .row = 36,
    .about = "every frame of a handoff comes twice, many out of order",
    .fit = fit_doubling,
    .steps =
        (const struct script_step[]){
            DO(3000, power_off, OWNER(2)),
            ASK(8000, OWNER(0), .kind = COMMAND_SET, .w = 3, .sloppy = SLOPPY_YES),
            ASK(9000, OWNER(1), .kind = COMMAND_SET, .w = 3, .sloppy = SLOPPY_YES),
            ASK(10000, OWNER(0), .kind = COMMAND_SET, .w = 3, .sloppy = SLOPPY_YES),
            DO2(13000, check_hints, 0, 1),
            DO(13000, start, OWNER(2)),
            DO2(30000, check_hints, 0, 0),
            DO2(30000, check_live, 0, 3),
            {0}},
    .marks = (const enum mark[]){MARK_HINT_DELIVERED, MARK_FRAME_DUPLICATED, MARK_FRAME_REORDERED,
                                 MARK_COUNT}};

static const struct script hint_store_loss = {
    .name = "hint-store-loss",
    .row = 38,
    .about = "the disk with the hints is lost; repair brings what they held",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){DO(3000, power_off, OWNER(2)),
                                          ASK(8000, OWNER(0), .kind = COMMAND_SET, .w = 3,
                                              .sloppy = SLOPPY_YES, .expect = EXPECT_OK),
                                          DO2(9000, check_hints, 0, 1),
                                          DO(10000, wipe, FALLBACK(0)),
                                          DO2(10000, check_hints, 0, 0),
                                          DO(11000, start, FALLBACK(0)),
                                          DO(12000, start, OWNER(2)),
                                          DO2(30000, check_live, 0, 3),
                                          ASK(31000, OWNER(2), .kind = COMMAND_GET,
                                              .level = LEVEL_ONE, .expect = EXPECT_LAST),
                                          {0}},
    .marks =
        (const enum mark[]){MARK_SLOPPY_WRITE, MARK_HINT_DESTROYED, MARK_SYNC_PAGE, MARK_COUNT}};

/* Nobody asks for anything when the fallback is back: it must remember by itself. */
static const struct script fallback_restart = {
    .name = "fallback-restart",
    .row = 41,
    .about = "a fallback that restarts delivers its hints without any request",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){DO(3000, power_off, OWNER(2)),
                                          ASK(8000, OWNER(0), .kind = COMMAND_SET, .w = 3,
                                              .sloppy = SLOPPY_YES, .expect = EXPECT_OK),
                                          DO(10000, power_off, FALLBACK(0)),
                                          DO(12000, start, OWNER(2)),
                                          DO2(20000, check_hints, 0, 1),
                                          DO(20000, start, FALLBACK(0)),
                                          DO2(35000, check_hints, 0, 0),
                                          {0}},
    .marks = (const enum mark[]){MARK_SLOPPY_WRITE, MARK_HINT_DELIVERED, MARK_COUNT}};

/* The hint must be there for the new incarnation as for the old one. */
static const struct script hint_for_wiped = {
    .name = "hint-for-wiped",
    .row = 33,
    .about = "an owner comes back empty while a hint waits for it",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(4000, wipe, OWNER(2)),
            ASK(9000, OWNER(0), .kind = COMMAND_SET, .w = 3, .sloppy = SLOPPY_YES,
                .expect = EXPECT_OK),
            DO(10000, start, OWNER(2)),
            DO2(28000, check_hints, 0, 0),
            DO2(28000, check_live, 0, 3),
            ASK(29000, OWNER(2), .kind = COMMAND_GET, .level = LEVEL_ONE, .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_HINT_DELIVERED, MARK_REBUILT, MARK_COUNT}};

const struct script *const scripts_of_hints[] = {
    &replace_empty,    &two_operators,  &hints_twice, &hint_store_loss,
    &fallback_restart, &hint_for_wiped, NULL};
