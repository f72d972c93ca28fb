#include "sim/gray_slow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/environment.h"
#include "coordinator/level.h"
#include "sim/command.h"
#include "sim/machine.h"
#include "sim/world.h"
#include "wire/frame.h"

enum {
    SLOW = 0, /* this machine */
    SLOW_FACTOR = 100,
    READ_US = 200,
    SLOW_AT_US = 10000000,
    WATCH_AT_US = 15000000, /* by then everybody has noticed */
    HEAL_AT_US = 30000000,
    HEALED_AT_US = 36000000,
    END_AT_US = 40000000,
    READS_MAX = 1 << 20,
    READS_MIN = 1000, /* fewer would say nothing */
    P99_US_MAX = READ_US * SLOW_FACTOR / 4,
    SHARE_PERCENT_SLOW = 10, /* of what the others serve, at most and at least */
    SHARE_PERCENT_HEALED = 20,
    EXTRA_PERCENT = 5,
    EXTRA_SAVED = 10 /* beside these, at each node */
};

enum step { STEP_SLOW, STEP_WATCH, STEP_HEAL, STEP_HEALED, STEP_END };

struct gray_slow {
    bool watching;
    uint64_t reads; /* of all nodes since the start */
    uint32_t count;
    uint32_t *took_us;               /* reads at the other nodes while it is watched */
    uint64_t served[PLAN_NODES_MAX]; /* since the last step */
};

static bool is_gray_slow(const struct plan *plan)
{
    return strcmp(plan->profile, "gray-slow") == 0;
}

void gray_slow_fit(struct plan *plan)
{
    static const uint32_t weights[COMMAND_KIND_COUNT] = {[COMMAND_GET] = 80, [COMMAND_SET] = 20};
    if (!is_gray_slow(plan))
        return;
    plan->node_count = 5;
    plan->region_count = 1;
    plan->replicas[0] = 3;
    plan->partition_count = 16;
    plan->duration_us = END_AT_US + 1000000;
    plan->client_count = 6;
    plan->pipeline = 1;
    plan->think_us = 10000;
    plan->key_count = PLAN_KEYS_MAX;
    plan->value_bytes_max = 1024;
    plan->request_timeout_ms = 0;
    plan->numbers = plan->request_ids = plan->sibling_keyspace = plan->split_bytes = false;
    plan->operator_count = plan->sloppy_percent = 0;
    memcpy(plan->command_weight, weights, sizeof weights);
    memset(plan->level_weight, 0, sizeof plan->level_weight);
    plan->level_weight[LEVEL_ONE] = plan->level_weight[LEVEL_QUORUM] = 1;
    plan->delay_us = 100;
    plan->delay_tail_us = 50;
    plan->sync_us = 500;
    plan->sync_tail_us = 100;
    plan->store_read_us = READ_US;
    plan->group_frames_max = 256;
    settings_defaults(&plan->settings);
    plan->settings.sync_interval_ms = plan->settings.stability_interval_ms = 1000;
    plan->settings.repair_interval_ms = plan->settings.scrub_interval_ms = 5000;
    plan->settings.request_timeout_max_ms = 5000;
}

static void step_at(struct world *world, uint64_t time_us, enum step step)
{
    world_after(world, time_us, &(struct occurrence){.kind = AT_GRAY_SLOW, .id = step});
}

struct gray_slow *gray_slow_new(struct world *world)
{
    if (!is_gray_slow(&world->plan))
        return NULL;
    struct gray_slow *gray = memory_new(1, sizeof *gray);
    gray->took_us = memory_new(READS_MAX, sizeof *gray->took_us);
    step_at(world, SLOW_AT_US, STEP_SLOW);
    step_at(world, WATCH_AT_US, STEP_WATCH);
    step_at(world, HEAL_AT_US, STEP_HEAL);
    step_at(world, HEALED_AT_US, STEP_HEALED);
    step_at(world, END_AT_US, STEP_END);
    return gray;
}

void gray_slow_free(struct gray_slow *gray)
{
    if (gray == NULL)
        return;
    free(gray->took_us);
    free(gray);
}

void gray_slow_answered(struct world *world, const struct machine *machine,
                        const struct command *command)
{
    struct gray_slow *gray = world->gray_slow;
    if (gray == NULL || command->kind != COMMAND_GET)
        return;
    gray->reads++;
    if (gray->watching && machine->index != SLOW && command->start_us >= WATCH_AT_US &&
        gray->count < READS_MAX)
        gray->took_us[gray->count++] = (uint32_t)(world->now_us - command->start_us);
}

void gray_slow_reads(struct world *world, const struct machine *machine, struct slice bytes)
{
    struct frame frame;
    size_t used;
    if (world->gray_slow != NULL && frame_open(bytes, &frame, &used) == STATUS_OK &&
        frame.type == MESSAGE_READ)
        world->gray_slow->served[machine->index]++;
}

static int compare_times(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void check_times(struct world *world)
{
    struct gray_slow *gray = world->gray_slow;
    if (gray->count < READS_MIN) {
        world_fail(world, VERDICT_WRONG, "gray-slow", "only %u reads", gray->count);
        return;
    }
    qsort(gray->took_us, gray->count, sizeof *gray->took_us, compare_times);
    uint32_t p99_us = gray->took_us[gray->count - 1 - gray->count / 100];
    world_note(world, "reads=%u p50_us=%u p99_us=%u p999_us=%u worst_us=%u", gray->count,
               gray->took_us[gray->count / 2], p99_us,
               gray->took_us[gray->count - 1 - gray->count / 1000], gray->took_us[gray->count - 1]);
    if (p99_us > P99_US_MAX)
        world_fail(world, VERDICT_WRONG, "gray-slow",
                   "the 99th of 100 reads at other nodes takes %u us beside a slow one", p99_us);
}

/* What the slow node serves, as a percentage of what the others do on average. */
static uint32_t share_percent(const struct gray_slow *gray, uint32_t node_count)
{
    uint64_t others = 0;
    for (uint32_t i = 0; i < node_count; i++)
        others += i == SLOW ? 0 : gray->served[i];
    return others == 0 ? 0 : (uint32_t)(gray->served[SLOW] * 100 * (node_count - 1) / others);
}

static void check_extra(struct world *world)
{
    uint64_t extra = 0, most;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        const struct node_statistics *statistics = node_statistics(world->machines[i].loop);
        extra += statistics->speculative_reads_sent + statistics->exploring_reads_sent;
    }
    most = world->gray_slow->reads * EXTRA_PERCENT / 100 +
           (uint64_t)EXTRA_SAVED * world->plan.node_count;
    world_note(world, "reads=%" PRIu64 " extra=%" PRIu64, world->gray_slow->reads, extra);
    if (extra > most)
        world_fail(world, VERDICT_WRONG, "gray-slow",
                   "%" PRIu64 " reads were asked beyond need, for %" PRIu64 " reads", extra,
                   world->gray_slow->reads);
}

static void check_share(struct world *world, const char *when, uint32_t least, uint32_t most)
{
    uint32_t percent = share_percent(world->gray_slow, world->plan.node_count);
    world_note(world, "share=%u%% of the others', %s", percent, when);
    if (percent < least || percent > most)
        world_fail(world, VERDICT_WRONG, "gray-slow",
                   "n%u serves %u%% of the reads that others do, %s", SLOW + 1, percent, when);
}

void gray_slow_handle(struct world *world, const struct occurrence *what)
{
    struct gray_slow *gray = world->gray_slow;
    switch ((enum step)what->id) {
    case STEP_SLOW:
        world->machines[SLOW].slow_factor = SLOW_FACTOR;
        break;
    case STEP_WATCH:
        gray->watching = true;
        break;
    case STEP_HEAL:
        world->machines[SLOW].slow_factor = 0;
        gray->watching = false;
        check_times(world);
        check_share(world, "while its disk is slow", 0, SHARE_PERCENT_SLOW);
        break;
    case STEP_HEALED:
        break;
    case STEP_END:
        check_share(world, "after its disk has healed", SHARE_PERCENT_HEALED, UINT32_MAX);
        check_extra(world);
        break;
    }
    memset(gray->served, 0, sizeof gray->served);
}
