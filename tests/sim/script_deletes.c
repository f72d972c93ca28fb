/*
 * script_deletes.c - reference "reliability" 4.4: what must not come back.
 *
 * All of them delete and then give something old the chance to be taken for new: a hint, a
 * disk, packets, a node that was away. No tombstone may be collected before that chance is over.
 */
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/script_tables.h"
#include "sim/world.h"

#define SET_ALL(at, place)                                                                         \
    ASK(at, place, .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK)
#define SET_WITH_HINT(at, place)                                                                   \
    ASK(at, place, .kind = COMMAND_SET, .w = 3, .sloppy = SLOPPY_YES, .expect = EXPECT_OK)
#define DEL_AT(at, place, wanted)                                                                  \
    ASK(at, place, .kind = COMMAND_DEL, .level = (wanted), .expect = EXPECT_OK)
#define GET_NOTHING(at, place)                                                                     \
    ASK(at, place, .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_NOTHING)
#define GET_LAST(at, place)                                                                        \
    ASK(at, place, .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_LAST)

/* The fallback's tombstone is older than the value that is written anew. */
static const struct script doomstone = {
    .name = "doomstone",
    .row = 47,
    .about = "a tombstone that a fallback kept does not take what was written after it",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){SET_ALL(3000, OWNER(0)),
                                          DO(4000, power_off, OWNER(2)),
                                          ASK(9000, OWNER(0), .kind = COMMAND_DEL, .w = 3,
                                              .sloppy = SLOPPY_YES, .expect = EXPECT_OK),
                                          DO(10000, power_off, FALLBACK(0)),
                                          DO(11000, start, OWNER(2)),
                                          DO2(25000, check_collected, 0, 0),
                                          SET_ALL(26000, OWNER(1)),
                                          DO(28000, start, FALLBACK(0)),
                                          DO2(40000, check_hints, 0, 0),
                                          DO2(40000, check_live, 0, 3),
                                          GET_LAST(41000, OWNER(2)),
                                          DEL_AT(42000, OWNER(2), LEVEL_ALL),
                                          DO2(60000, check_collected, 0, 1),
                                          SET_ALL(61000, OWNER(0)),
                                          GET_LAST(62000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_HINT_DELIVERED, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

static const struct script owner_away = {
    .name = "owner-away",
    .row = 48,
    .about = "an owner is away for ten minutes while a key is deleted: its copy does not come back",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){SET_ALL(3000, OWNER(0)),
                                          DO(4000, power_off, OWNER(2)),
                                          DEL_AT(9000, OWNER(0), LEVEL_QUORUM),
                                          GET_NOTHING(10000, OWNER(1)),
                                          DO2(609000, check_collected, 0, 0),
                                          DO2(609000, check_live, 0, 1),
                                          DO(610000, start, OWNER(2)),
                                          DO2(640000, check_collected, 0, 1),
                                          GET_NOTHING(641000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_PURGE_HELD_BACK, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

/* scylladb #23712: the value's hint outlives the value's tombstone. */
static const struct script old_hint = {
    .name = "old-hint",
    .row = 49,
    .about = "a hint from before a delete is delivered long after it",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){DO(2500, power_off, OWNER(2)),
                                          SET_WITH_HINT(8000, OWNER(0)),
                                          DO(9000, power_off, FALLBACK(0)),
                                          DO(10000, start, OWNER(2)),
                                          DEL_AT(20000, OWNER(1), LEVEL_ALL),
                                          DO2(320000, check_collected, 0, 0),
                                          DO(320000, start, FALLBACK(0)),
                                          DO2(350000, check_hints, 0, 0),
                                          DO2(350000, check_live, 0, 0),
                                          DO2(350000, check_collected, 0, 1),
                                          GET_NOTHING(351000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_PURGE_HELD_BACK, MARK_TOMBSTONE_PURGED, MARK_HINT_DELIVERED,
                                 MARK_COUNT}};

/* The owner that the hint is for comes back empty and meets nobody else: to it, all is news. */
static const struct script old_hint_for_wiped = {
    .name = "old-hint-for-wiped",
    .row = 49,
    .about = "a hint from before a delete is all that an owner with an empty disk first hears of",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){DO(2500, power_off, OWNER(2)),
                                          SET_WITH_HINT(8000, OWNER(0)),
                                          DO(9000, power_off, FALLBACK(0)),
                                          DO(10000, start, OWNER(2)),
                                          DEL_AT(20000, OWNER(1), LEVEL_ALL),
                                          DO2(60000, check_collected, 0, 0),
                                          DO(60000, wipe, OWNER(2)),
                                          DO(60000, cut_off, OWNER(0)),
                                          DO(60000, cut_off, OWNER(1)),
                                          DO(61000, start, OWNER(2)),
                                          DO(61000, start, FALLBACK(0)),
                                          DO(85000, rejoin, OWNER(0)),
                                          DO(85000, rejoin, OWNER(1)),
                                          DO2(120000, check_live, 0, 0),
                                          DO2(120000, check_collected, 0, 1),
                                          GET_NOTHING(121000, OWNER(2)),
                                          {0}},
    .marks =
        (const enum mark[]){MARK_REBUILT, MARK_HINT_DELIVERED, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

static const struct script wiped_since_delete = {
    .name = "wiped-since-delete",
    .row = 48,
    .about = "an owner that missed a delete loses its disk before it hears of it",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){SET_ALL(3000, OWNER(0)),
                                          DO(4000, power_off, OWNER(2)),
                                          DEL_AT(9000, OWNER(0), LEVEL_QUORUM),
                                          DO(10000, wipe, OWNER(2)),
                                          DO(60000, start, OWNER(2)),
                                          DO2(90000, check_live, 0, 0),
                                          DO2(90000, check_collected, 0, 1),
                                          GET_NOTHING(91000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_REBUILT, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

/* The tombstone is gone everywhere; then a disk from before it comes back. */
static const struct script old_disk_after_purge = {
    .name = "old-disk-after-purge",
    .row = 76,
    .about = "a disk with a value that was deleted and collected is put back",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){SET_ALL(3000, OWNER(0)),
                                          DO(5000, copy_disk, OWNER(2)),
                                          DEL_AT(6000, OWNER(0), LEVEL_ALL),
                                          DO2(30000, check_collected, 0, 1),
                                          DO(31000, roll_back, OWNER(2)),
                                          DO(32000, start, OWNER(2)),
                                          DO2(50000, check_live, 0, 0),
                                          GET_NOTHING(51000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_ROLLBACK_NOTICED, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

/* The write is on its way to an owner that stands still; the delete overtakes it by an hour. */
static void fit_hour(struct plan *plan)
{
    fit_quiet(plan);
    plan->settings.heartbeat_ms = 2000;
    plan->settings.peer_timeout_ms = 8000;
    plan->settings.sync_interval_ms = 5000;
    plan->settings.stability_interval_ms = 5000;
    plan->settings.repair_interval_ms = 20000;
    plan->settings.scrub_interval_ms = 60000;
}

static const struct script late_value = {
    .name = "late-value",
    .row = 48,
    .about = "a write reaches an owner an hour after the key was deleted",
    .fit = fit_hour,
    .steps = (const struct script_step[]){SET_ALL(9000, OWNER(0)),
                                          DO(10000, pause, OWNER(2)),
                                          ASK(10000, OWNER(0), .kind = COMMAND_SET,
                                              .level = LEVEL_QUORUM, .expect = EXPECT_OK),
                                          DEL_AT(12000, OWNER(1), LEVEL_QUORUM),
                                          DO2(3640000, check_collected, 0, 0),
                                          DO(3640000, resume, OWNER(2)),
                                          DO2(3680000, check_live, 0, 0),
                                          DO2(3680000, check_collected, 0, 1),
                                          GET_NOTHING(3681000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_PACKET_LATE, MARK_TOMBSTONE_PURGED, MARK_COUNT}};

/* One owner has not heard of the expiry when it passes. */
static const struct script ttl_while_away = {
    .name = "ttl-while-away",
    .row = 58,
    .about = "a key expires while an owner is cut off; nobody shows it again, nothing storms",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){SET_ALL(3000, OWNER(0)),
                                          DO(4000, cut_off, OWNER(2)),
                                          ASK(9000, OWNER(0), .kind = COMMAND_EXPIRE_AT,
                                              .level = LEVEL_QUORUM, .expires_ms = 5000,
                                              .expect = EXPECT_OK),
                                          GET_LAST(10000, OWNER(1)),
                                          GET_NOTHING(16000, OWNER(1)),
                                          DO(17000, rejoin, OWNER(2)),
                                          GET_NOTHING(26000, OWNER(2)),
                                          DO(27000, wipe, OWNER(1)),
                                          DO(28000, start, OWNER(1)),
                                          GET_NOTHING(40000, OWNER(1)),
                                          {0}},
    .marks = (const enum mark[]){MARK_EXPIRED, MARK_REBUILT, MARK_COUNT}};

const struct script *const scripts_of_deletes[] = {
    &doomstone,          &owner_away,         &old_hint,
    &old_hint_for_wiped, &wiped_since_delete, &old_disk_after_purge,
    &late_value,         &ttl_while_away,     NULL};
