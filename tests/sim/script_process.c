/*
 * script_process.c - reference "reliability" 4.2 and 4.6: processes, clocks of the host, disks.
 */
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/machine.h"
#include "sim/script_tables.h"
#include "sim/script_trap.h"
#include "sim/world.h"

static const struct script kill_all = {
    .name = "kill-all-at-once",
    .row = 14,
    .about = "all nodes lose power at once",
    .fit = fit_load,
    .steps =
        (const struct script_step[]){DO(10000, power_off_all, 0), DO(11000, start_all, 0), {0}},
    .marks = (const enum mark[]){MARK_CRASH, MARK_LINK_HALF_OPEN, MARK_COUNT}};

/* Four power losses of all nodes, so that some hits a batch between write and sync. */
static void fit_slow_sync(struct plan *plan)
{
    fit_light(plan);
    plan->sync_us = 20000;
    plan->sync_tail_us = 20000;
    plan->think_us = 100000;
}

static const struct script power_losses = {
    .name = "power-losses",
    .row = 72,
    .about = "all nodes lose power again and again, with batches not yet synced",
    .fit = fit_slow_sync,
    .steps = (const struct script_step[]){DO(6000, power_off_all, 0),
                                          DO(6100, start_all, 0),
                                          DO(13000, power_off_all, 0),
                                          DO(13100, start_all, 0),
                                          DO(20000, power_off_all, 0),
                                          DO(20100, start_all, 0),
                                          DO(26000, power_off_all, 0),
                                          DO(26100, start_all, 0),
                                          {0}},
    .marks = (const enum mark[]){MARK_CRASH, MARK_COUNT}};

static const struct script pause_60s = {
    .name = "pause-60s",
    .row = 16,
    .about = "one node stands still for a minute; the others answer",
    .fit = fit_load,
    .steps = (const struct script_step[]){DO(10000, pause, 0),
                                          DO(20000, watch, 0),
                                          DO(70000, check_answered, 0x1e),
                                          DO(70000, resume, 0),
                                          {0}},
    .marks = (const enum mark[]){MARK_PAUSE, MARK_COUNT}};

/* It coordinates a write when it stops, and is asked at the moment in which it goes on. */
static const struct script pause_10min = {
    .name = "pause-10min",
    .row = 17,
    .about = "an owner stands still longer than every timeout, then neither serves nor counts what "
             "is old",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            ASK(5000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM),
            DO(5001, pause, OWNER(0)),
            ASK(20000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            ASK(605000, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_QUORUM),
            DO(605000, resume, OWNER(0)),
            ASK(615000, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_QUORUM,
                .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_PAUSE, MARK_COUNT}};

static const struct script slow_disk = {
    .name = "slow-disk",
    .row = 18,
    .about = "syncs of one node take up to two seconds",
    .fit = fit_load,
    .steps =
        (const struct script_step[]){DO2(10000, stall_disk, 0, 2000), DO(20000, watch, 0), {0}}};

static void add_restarts(struct world *world, struct script_step *steps)
{
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        *steps++ = (struct script_step)DO(6000 + 4500 * i, stop, i);
        *steps++ = (struct script_step)DO(7500 + 4500 * i, start, i);
    }
}

static const struct script rolling_restart = {
    .name = "rolling-restart",
    .row = 23,
    .about = "each node in turn stops clean and comes back under load",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO(4000, watch, 0), DO(29000, check_answered, 0x1f), {0}},
    .more = add_restarts,
    .marks = (const enum mark[]){MARK_STOP, MARK_COUNT}};

/* What is refused and what is not, and that it is over at once when there is room again. */
static const struct script disk_full = {
    .name = "disk-full",
    .row = 69,
    .about = "all disks are full: writes fail cleanly, reads go on, and room ends it",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            DO(4000, fill_disk, 0),
            DO(4000, fill_disk, 1),
            DO(4000, fill_disk, 2),
            DO(4000, fill_disk, 3),
            DO(4000, fill_disk, 4),
            ASK(5000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM,
                .expect = EXPECT_DEFINITE),
            ASK(5500, FALLBACK(0), .kind = COMMAND_SET, .level = LEVEL_ONE,
                .expect = EXPECT_DEFINITE),
            ASK(6000, OWNER(1), .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_LAST),
            DO(7000, free_disk, 0),
            DO(7000, free_disk, 1),
            DO(7000, free_disk, 2),
            DO(7000, free_disk, 3),
            DO(7000, free_disk, 4),
            ASK(8000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            ASK(9000, OWNER(2), .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_COMMAND_DISK_FULL, MARK_COUNT}};

static const struct script write_errors = {
    .name = "write-errors",
    .row = 70,
    .about =
        "half the writes of one disk fail, then all; nothing is acknowledged that is not there",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO2(5000, fail_writes, 0, 500000),
                                          DO2(12000, fail_writes, 0, 1000000),
                                          DO2(16000, fail_writes, 0, 0),
                                          DO2(18000, fail_writes, 1, 300000),
                                          DO2(24000, fail_writes, 1, 0),
                                          {0}},
    .marks = (const enum mark[]){MARK_WRITE_ERROR_LOST, MARK_WRITE_ERROR_KEPT, MARK_COUNT}};

static void end_read_errors(struct world *world)
{
    if (world->machines[0].image.read_error_count == 0)
        script_fail(world, "no read failed");
}

static const struct script read_errors = {
    .name = "read-errors",
    .row = 71,
    .about = "reads of one disk fail at times; nobody is told that nothing is there",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO2(5000, fail_reads, 0, 100000),
                                          DO2(25000, fail_reads, 0, 0),
                                          {0}},
    .end = end_read_errors};

/* R5 is judged at each opening of a store, and that nobody finds a difference once all agree. */
static const struct script trees_after_kills = {
    .name = "trees-after-kills",
    .row = 73,
    .about = "nodes are killed while trees change; what is rebuilt equals what was kept",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO(5000, kill_hard, 0),
                                          DO(6000, start, 0),
                                          DO(9000, power_off, 1),
                                          DO(10000, start, 1),
                                          DO(13000, kill_hard, 2),
                                          DO(13500, start, 2),
                                          DO(17000, power_off, 0),
                                          DO(18000, start, 0),
                                          DO(21000, kill_hard, 3),
                                          DO(22000, start, 3),
                                          {0}},
    .marks = (const enum mark[]){MARK_TREE_EQUAL, MARK_SCRUB, MARK_COUNT}};

/* An owner that rebuilds is there and cannot serve: that is what it says. */
static const struct script rebuild_alone = {
    .name = "rebuild-alone",
    .row = 33,
    .about =
        "an owner has an empty disk and nobody to rebuild it from: it serves nothing till then",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(5000, power_off, OWNER(1)),
            DO(5000, power_off, OWNER(2)),
            DO(5000, wipe, OWNER(0)),
            DO(6000, start, OWNER(0)),
            ASK(12000, FALLBACK(0), .kind = COMMAND_SET, .level = LEVEL_ONE, .sloppy = SLOPPY_NO,
                .expect = EXPECT_DEFINITE),
            ASK(13000, FALLBACK(0), .kind = COMMAND_GET, .level = LEVEL_ONE, .sloppy = SLOPPY_NO,
                .expect = EXPECT_DEFINITE),
            DO(14000, start, OWNER(1)),
            DO(14000, start, OWNER(2)),
            ASK(22000, FALLBACK(0), .kind = COMMAND_GET, .level = LEVEL_ALL, .expect = EXPECT_LAST),
            ASK(23000, FALLBACK(0), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            {0}},
    .marks = (const enum mark[]){MARK_COMMAND_LOADING, MARK_REBUILT, MARK_COUNT}};

static const struct script old_snapshot = {
    .name = "old-snapshot",
    .row = 76,
    .about = "one node comes back with yesterday's disk: that is noticed, and it is rebuilt",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(5000, copy_disk, OWNER(1)),
            ASK(6000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            ASK(7000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(12000, roll_back, OWNER(1)),
            DO(13000, start, OWNER(1)),
            ASK(25000, OWNER(1), .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_LAST),
            ASK(26000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            {0}},
    .marks = (const enum mark[]){MARK_ROLLBACK_NOTICED, MARK_REBUILT, MARK_COUNT}};

/* Reads wait behind a slow disk; those that find no room are refused, and nothing else happens. */
static void fit_many_reads(struct plan *plan)
{
    fit_light(plan);
    for (unsigned i = 0; i < COMMAND_KIND_COUNT; i++)
        plan->command_weight[i] = 0;
    plan->command_weight[COMMAND_GET] = plan->command_weight[COMMAND_SET] = 10;
    plan->client_count = PLAN_CLIENTS_MAX;
    plan->pipeline = 8;
    plan->think_us = 20000;
    plan->duration_us = 8000000;
    plan->store_read_us = 300000;
    plan->settings.store_queue_max = 12;
    plan->key_count = 1;
    plan->settings.requests_max = 10000;
}

static const struct script many_reads = {
    .name = "many-reads",
    .row = 18,
    .about = "more reads wait for slow disks than a node has room for: refused, not queued",
    .fit = fit_many_reads,
    .steps = (const struct script_step[]){{0}},
    .marks = (const enum mark[]){MARK_STORE_READS_FULL, MARK_COUNT}};

/* Packets take long, and writes to the partition go on while its trees are compared. */
static void fit_far_apart(struct plan *plan)
{
    fit_light(plan);
    fit_usual_timers(plan);
    for (unsigned i = COMMAND_INCREMENT; i <= COMMAND_COUNTER_DEL; i++)
        plan->command_weight[i] = 0; /* the counters are the script's */
    plan->duration_us = 20000000;
    plan->client_count = 10;
    plan->think_us = 60000;
    plan->delay_us = 30000;
    plan->delay_tail_us = 5000;
    plan->settings.cell_cache_bytes = 1;
    plan->key_count = 160; /* others of the partition are written meanwhile */
    plan->zipf = false;
    plan->settings.sync_interval_ms = 4000;
    plan->settings.repair_interval_ms = 300;
    plan->settings.scrub_interval_ms = 1000;
    plan->settings.repair_bytes_per_second = 0;
}

static const struct script loss_beside_writes = {
    .name = "loss-beside-writes",
    .row = 73,
    .about = "a disk loses a cell again and again beside writes: nothing is concluded too early",
    .fit = fit_far_apart,
    .key = KEY_COUNTER,
    .steps = (const struct script_step[]){ASK(3000, OWNER(0), .kind = COMMAND_COUNTER_SET,
                                              .level = LEVEL_ALL, .expect = EXPECT_OK),
                                          DO2(5000, slow_link, OWNER(0), OWNER(2)),
                                          DO(6000, lose_cell, OWNER(1)),
                                          DO(9000, lose_cell, OWNER(1)),
                                          DO(12000, lose_cell, OWNER(1)),
                                          DO(15000, lose_cell, OWNER(1)),
                                          DO(18000, lose_cell, OWNER(1)),
                                          DO2(21000, fast_link, OWNER(0), OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_CELL_LOST, MARK_TREE_CORRUPT, MARK_COUNT}};

/* ---- crash points ---- */

static void fit_traps(struct plan *plan)
{
    fit_light(plan);
    fit_usual_timers(plan);
    plan->duration_us = 90000000;
    plan->think_us = 200000;
    plan->sloppy_percent = 100;
    plan->operator_count = 2;
    plan->key_count = 150; /* tombstones must have time to be collected */
    plan->settings.checkpoint_records = 16;
    plan->settings.hint_bytes_max = plan->settings.hint_partition_bytes_max = 1 << 20;
    plan->level_weight[LEVEL_THREE] = 20;
    plan->command_weight[COMMAND_DEL] = 20;
}

static const struct script crash_points = {
    .name = "crash-points",
    .row = 15,
    .about = "power is lost before, within and after the sync of each kind of batch",
    .fit = fit_traps,
    .steps = (const struct script_step[]){{.at_ms = 4000, .act = trap_begin}, {0}},
    .end = trap_check_all,
    .marks = (const enum mark[]){MARK_CRASH_LOST_BATCH, MARK_CRASH_KEPT_BATCH, MARK_COUNT}};

const struct script *const scripts_of_processes[] = {
    &many_reads,        &loss_beside_writes, &kill_all,      &crash_points,
    &pause_60s,         &pause_10min,        &slow_disk,     &rolling_restart,
    &disk_full,         &write_errors,       &read_errors,   &power_losses,
    &trees_after_kills, &old_snapshot,       &rebuild_alone, NULL};
