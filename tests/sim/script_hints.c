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

#define GET_SLOPPILY(at, place, wanted)                                                            \
    ASK(at, place, .kind = COMMAND_GET, .r = 2, .sloppy = SLOPPY_YES, .expect = (wanted))

/* The hint is for the first owner that was lost; the other one comes back and has missed it all. */
static const struct script sloppy_read = {
    .name = "sloppy-read",
    .row = 2,
    .about = "two of three owners are gone, then the third: what was written sloppily is read so",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            DO(3000, power_off, OWNER(1)),
            DO(3000, power_off, OWNER(2)),
            ASK(8000, OWNER(0), .kind = COMMAND_SET, .w = 2, .sloppy = SLOPPY_YES,
                .expect = EXPECT_OK),
            GET_SLOPPILY(12000, OWNER(0), EXPECT_LAST),
            GET_SLOPPILY(12000, FALLBACK(0), EXPECT_LAST),
            GET_SLOPPILY(12000, FALLBACK(1), EXPECT_LAST),
            ASK(12000, OWNER(0), .kind = COMMAND_GET, .r = 2, .expect = EXPECT_DEFINITE),
            DO(13000, power_off, OWNER(0)),
            GET_SLOPPILY(19000, FALLBACK(0), EXPECT_DEFINITE),
            DO(20000, start, OWNER(2)),
            GET_SLOPPILY(29000, OWNER(2), EXPECT_LAST),
            ASK(30000, OWNER(2), .kind = COMMAND_GET, .level = LEVEL_ONE, .expect = EXPECT_LAST),
            DO(31000, start, OWNER(1)),
            DO(31000, start, OWNER(0)),
            DO2(50000, check_hints, 0, 0),
            DO2(50000, check_live, 0, 3),
            {0}},
    .marks = (const enum mark[]){MARK_SLOPPY_WRITE, MARK_SLOPPY_READ, MARK_HINT_READ, MARK_COUNT}};

/* The fallback was away while all owners had the value, and then its delete. */
static const struct script sloppy_read_old_hint = {
    .name = "sloppy-read-old-hint",
    .row = 49,
    .about = "a hint from before a delete does not bring the value back by a sloppy read",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){DO(3000, power_off, OWNER(2)),
                                          ASK(8000, OWNER(0), .kind = COMMAND_SET, .w = 3,
                                              .sloppy = SLOPPY_YES, .expect = EXPECT_OK),
                                          DO2(9000, check_hints, 0, 1),
                                          DO(10000, power_off, FALLBACK(0)),
                                          DO(11000, start, OWNER(2)),
                                          ASK(20000, OWNER(1), .kind = COMMAND_DEL,
                                              .level = LEVEL_ALL, .expect = EXPECT_OK),
                                          DO2(50000, check_collected, 0, 0),
                                          DO(51000, power_off, OWNER(1)),
                                          DO(51000, power_off, OWNER(2)),
                                          DO(57000, start, FALLBACK(0)),
                                          GET_SLOPPILY(66000, OWNER(0), EXPECT_NOTHING),
                                          GET_SLOPPILY(67000, FALLBACK(0), EXPECT_NOTHING),
                                          DO2(68000, check_hints, 0, 1),
                                          DO(69000, start, OWNER(1)),
                                          DO(69000, start, OWNER(2)),
                                          DO2(90000, check_hints, 0, 0),
                                          DO2(90000, check_live, 0, 0),
                                          DO2(120000, check_collected, 0, 1),
                                          {0}},
    .marks = (const enum mark[]){MARK_SLOPPY_READ, MARK_PURGE_HELD_BACK, MARK_TOMBSTONE_PURGED,
                                 MARK_COUNT}};

const struct script *const scripts_of_hints[] = {
    &replace_empty,   &two_operators,        &hints_twice,
    &hint_store_loss, &fallback_restart,     &hint_for_wiped,
    &sloppy_read,     &sloppy_read_old_hint, NULL};
