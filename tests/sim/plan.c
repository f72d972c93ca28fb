#include "sim/plan.h"

#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "coordinator/level.h"
#include "sim/absence.h"
#include "sim/gray_slow.h"
#include "sim/script.h"
#include "sim/spread.h"

_Static_assert(PLAN_LEVEL_COUNT == (int)LEVEL_COUNT, "a weight for each level");

static const char *const fault_names[FAULT_CLASS_COUNT] = {
    [FAULT_CRASH] = "crash",
    [FAULT_STOP] = "stop",
    [FAULT_PAUSE] = "pause",
    [FAULT_CUT] = "cut",
    [FAULT_PARTITION] = "partition",
    [FAULT_ISOLATE] = "isolate",
    [FAULT_RESET] = "reset",
    [FAULT_SLOW_LINK] = "slow-link",
    [FAULT_GHOST] = "ghost",
    [FAULT_CLIENT_RESET] = "client-reset",
    [FAULT_CLOCK_JUMP] = "clock-jump",
    [FAULT_CLOCK_FAR] = "clock-far",
    [FAULT_DISK_STALL] = "disk-stall",
    [FAULT_WRITE_ERROR] = "write-error",
    [FAULT_DISK_FULL] = "disk-full",
    [FAULT_READ_ERROR] = "read-error",
    [FAULT_WIPE] = "wipe",
    [FAULT_CRASH_ALL] = "crash-all",
    [FAULT_ROT] = "rot",
    [FAULT_ROLLBACK] = "rollback",
};

const char *fault_class_name(enum fault_class class)
{
    return fault_names[class];
}

/* Which fault classes a profile may switch on. */
#define BIT(class) (1u << (class))
enum {
    CRASHES = BIT(FAULT_CRASH) | BIT(FAULT_STOP) | BIT(FAULT_PAUSE) | BIT(FAULT_CRASH_ALL),
    NETWORK = BIT(FAULT_CUT) | BIT(FAULT_PARTITION) | BIT(FAULT_ISOLATE) | BIT(FAULT_RESET) |
              BIT(FAULT_SLOW_LINK) | BIT(FAULT_GHOST) | BIT(FAULT_CLIENT_RESET),
    CLOCKS = BIT(FAULT_CLOCK_JUMP) | BIT(FAULT_CLOCK_FAR) | BIT(FAULT_PAUSE) | BIT(FAULT_CRASH),
    DISKS =
        BIT(FAULT_DISK_STALL) | BIT(FAULT_WRITE_ERROR) | BIT(FAULT_READ_ERROR) | BIT(FAULT_CRASH),
    WIPES = BIT(FAULT_WIPE) | BIT(FAULT_GHOST) | BIT(FAULT_CRASH) | BIT(FAULT_CUT),
    HINTS = CRASHES | WIPES | BIT(FAULT_ISOLATE) | BIT(FAULT_PARTITION) | BIT(FAULT_DISK_STALL) |
            BIT(FAULT_WRITE_ERROR),
    HUNT = (HINTS | BIT(FAULT_RESET) | BIT(FAULT_CLIENT_RESET)) & ~BIT(FAULT_CRASH_ALL),
    GROWTH = HINTS | WIPES | CRASHES | NETWORK | BIT(FAULT_READ_ERROR) | BIT(FAULT_ROLLBACK),
    /* A node that was rolled back must meet one that knows it before it takes itself for alone. */
    DAMAGE = BIT(FAULT_ROT) | BIT(FAULT_ROLLBACK) | BIT(FAULT_DISK_STALL) | BIT(FAULT_WRITE_ERROR) |
             BIT(FAULT_CLIENT_RESET),
    ALL_FAULTS = (BIT(FAULT_CLASS_COUNT) - 1) & ~BIT(FAULT_ROLLBACK)
};
#undef BIT

static const struct profile {
    const char *name;
    uint32_t faults;
    bool script;
    uint32_t weight; /* in the mix that a run without a profile draws from */
} profiles[] = {
    {"calm", 0, false, 5},
    {"crash", CRASHES, false, 15},
    {"network", NETWORK, false, 20},
    {"clock", CLOCKS, false, 8},
    {"disk", DISKS, false, 14},
    {"wipe", WIPES, false, 14},
    {"damage", DAMAGE, false, 10},
    {"everything", ALL_FAULTS, false, 20},
    {"hints", HINTS, false, 12},
    {"isolate-one", 0, true, 1},
    {"halves", 0, true, 1},
    {"one-way", 0, true, 1},
    {"flapping", 0, true, 1},
    {"kill-all-at-once", 0, true, 1},
    {"slow-link", 0, true, 1},
    {"pause-60s", 0, true, 1},
    {"slow-disk", 0, true, 1},
    {"resurrection", HUNT, false, 0},
    {"keyspace-drop", HINTS | WIPES | CRASHES, false, 0},
    {"gateways", HINTS | WIPES | CRASHES | NETWORK, false, 0},
    {"sketches", CRASHES | NETWORK, false, 0},
    {"growth", GROWTH, false, 0},
    {"gray-slow", 0, false, 1},
    {"folding", HUNT, false, 6},
};

enum { PROFILE_COUNT = sizeof profiles / sizeof profiles[0], SCRIPT_AFTER_MS = 1000 };

const char *plan_profile_name(unsigned index)
{
    return index < PROFILE_COUNT ? profiles[index].name : NULL;
}

static const struct profile *find_profile(const char *name, struct random *random)
{
    uint32_t sum = 0;
    if (name != NULL) {
        for (unsigned i = 0; i < PROFILE_COUNT; i++)
            if (strcmp(profiles[i].name, name) == 0)
                return &profiles[i];
        return NULL;
    }
    for (unsigned i = 0; i < PROFILE_COUNT; i++)
        sum += profiles[i].weight;
    uint64_t draw = random_below(random, sum);
    unsigned i = 0;
    while (draw >= profiles[i].weight)
        draw -= profiles[i++].weight;
    return &profiles[i];
}

static bool one_in(struct random *random, uint64_t count)
{
    return random_chance(random, 1, count);
}

/*
 * Each region gets nodes first, then replicas within them. The common case of three
 * copies is drawn more often than the others.
 */
static void draw_ring(struct random *random, struct plan *plan)
{
    plan->node_count = (uint32_t)spread_even(random, 1, 7);
    if (one_in(random, 2))
        plan->node_count = (uint32_t)spread_even(random, 3, 5);
    uint32_t regions_max =
        plan->node_count < PLAN_REGIONS_MAX ? plan->node_count : PLAN_REGIONS_MAX;
    plan->region_count = one_in(random, 2) ? 1 : (uint32_t)spread_even(random, 1, regions_max);
    plan->partition_count = 16u << random_below(random, one_in(random, 4) ? 3 : 1);
    uint32_t left = (uint32_t)spread_even(random, 1, PLAN_OWNERS_MAX);
    if (one_in(random, 2))
        left = 3;
    for (uint32_t i = 0; i < plan->region_count; i++) {
        uint32_t nodes = plan->node_count / plan->region_count +
                         (i < plan->node_count % plan->region_count ? 1 : 0);
        uint32_t share = (left + plan->region_count - i - 1) / (plan->region_count - i);
        plan->replicas[i] = share < nodes ? share : nodes;
        left -= plan->replicas[i];
    }
}

static void draw_commands(struct random *random, struct plan *plan)
{
    static const uint32_t usual[COMMAND_KIND_COUNT] = {
        [COMMAND_GET] = 30,        [COMMAND_SET] = 30,        [COMMAND_DEL] = 8,
        [COMMAND_APPEND] = 6,      [COMMAND_SETNX] = 5,       [COMMAND_GETSET] = 5,
        [COMMAND_EXPIRE_AT] = 4,   [COMMAND_PERSIST] = 2,     [COMMAND_MSET] = 4,
        [COMMAND_MGET] = 4,        [COMMAND_SCAN] = 1,        [COMMAND_EXISTS] = 3,
        [COMMAND_GETDEL] = 4,      [COMMAND_MSETNX] = 3,      [COMMAND_WAIT] = 2,
        [COMMAND_DBSIZE] = 1,      [COMMAND_INCREMENT] = 14,  [COMMAND_COUNTER_GET] = 4,
        [COMMAND_COUNTER_SET] = 2, [COMMAND_COUNTER_DEL] = 2, [COMMAND_HASH_SET] = 14,
        [COMMAND_HASH_GET] = 5,    [COMMAND_HASH_DEL] = 4,    [COMMAND_HASH_ALL] = 4,
        [COMMAND_HASH_CLEAR] = 3,  [COMMAND_HASH_END] = 3};
    for (unsigned i = 0; i < COMMAND_KIND_COUNT; i++)
        plan->command_weight[i] = one_in(random, 4) ? 0 : usual[i];
    plan->command_weight[COMMAND_GET] = usual[COMMAND_GET];
    plan->command_weight[COMMAND_SET] = usual[COMMAND_SET];
    static const uint32_t levels[LEVEL_COUNT] = {
        [LEVEL_DEFAULT] = 10,    [LEVEL_ONE] = 5, [LEVEL_TWO] = 3,       [LEVEL_THREE] = 2,
        [LEVEL_QUORUM] = 30,     [LEVEL_ALL] = 3, [LEVEL_LOCAL_ONE] = 3, [LEVEL_LOCAL_QUORUM] = 4,
        [LEVEL_EACH_QUORUM] = 3, [LEVEL_ANY] = 3};
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        plan->level_weight[i] = one_in(random, 2) ? 0 : levels[i];
    plan->level_weight[LEVEL_QUORUM] = levels[LEVEL_QUORUM];
    plan->numbers = one_in(random, 3);
}

static void draw_load(struct random *random, struct plan *plan)
{
    plan->client_count = (uint32_t)spread_even(random, 1, 10);
    plan->pipeline = one_in(random, 3) ? (uint32_t)spread_even(random, 2, 8) : 1;
    plan->think_us = spread_log(random, 5000, 300000);
    plan->split_bytes = one_in(random, 3);
    plan->key_count = (uint32_t)spread_log(random, 1, PLAN_KEYS_MAX);
    plan->zipf = one_in(random, 2);
    plan->value_bytes_max = (uint32_t)spread_log(random, 16, one_in(random, 20) ? 65536 : 2048);
    plan->request_timeout_ms = one_in(random, 3) ? (uint32_t)spread_log(random, 50, 5000) : 0;
    plan->sibling_keyspace = one_in(random, 3);
    plan->request_ids = one_in(random, 3);
    draw_commands(random, plan);
}

static void draw_machine(struct random *random, struct plan *plan)
{
    plan->delay_us = spread_log(random, 50, 2000);
    plan->delay_tail_us = spread_log(random, 20, 5000);
    plan->region_delay_us = spread_log(random, 1000, 80000);
    plan->sync_us = spread_log(random, 50, 20000);
    plan->sync_tail_us = spread_log(random, 50, 10000);
    plan->store_read_us = spread_log(random, 10, 2000);
    plan->group_frames_max = one_in(random, 4) ? (uint32_t)spread_even(random, 1, 4) : 256;
    plan->clock_offset_ms = (int64_t)random_below(random, 200);
    plan->clock_drift_ppm = (int32_t)random_below(random, 200);
}

/* Small bounds make the paths at bounds common; timeouts are scaled so that some are tight. */
static void draw_settings(struct random *random, struct plan *plan)
{
    struct settings *settings = &plan->settings;
    settings_defaults(settings);
    settings->value_bytes_max = 1 << 20;
    settings->request_timeout_ms = (uint32_t)spread_log(random, 300, 5000);
    settings->read_retry_ms = (uint32_t)spread_log(random, 20, 500);
    settings->heartbeat_ms = (uint32_t)spread_log(random, 100, 1000);
    settings->peer_timeout_ms = settings->heartbeat_ms * (uint32_t)spread_even(random, 3, 6);
    settings->handshake_timeout_ms = (uint32_t)spread_log(random, 500, 3000);
    settings->reconnect_max_ms = (uint32_t)spread_log(random, 200, 3000);
    settings->sync_interval_ms = (uint32_t)spread_log(random, 100, 3000);
    settings->request_timeout_max_ms = 5000;
    settings->stability_interval_ms = (uint32_t)spread_log(random, 200, 5000);
    settings->sync_settle_ms = (uint32_t)spread_log(random, 10, 2000);
    settings->sync_page_bytes = (uint32_t)spread_log(random, 200, 262144);
    settings->checkpoint_records = (uint32_t)spread_log(random, 1, 4096);
    settings->cell_cache_bytes =
        one_in(random, 2) ? (uint32_t)spread_log(random, 1, 100000) : settings->cell_cache_bytes;
    if (one_in(random, 3)) {
        settings->group_records_max = (uint32_t)spread_even(random, 1, 8);
        settings->pipeline_max = (uint32_t)spread_even(random, 1, 8);
    }
    if (one_in(random, 6)) {
        /* A command on all keys asks all partitions at once: these must fit. */
        uint32_t least = plan->partition_count * PLAN_OWNERS_MAX;
        settings->store_queue_max = (uint32_t)spread_even(random, least, 2 * least);
        settings->peer_inflight_max = (uint32_t)spread_even(random, least, 2 * least);
        settings->requests_max = (uint32_t)spread_even(random, plan->partition_count, least);
    }
    if (one_in(random, 2))
        settings->siblings_max = (uint32_t)spread_even(random, 2, 8);
    settings->siblings_warn = 2;
    if (one_in(random, 6))
        settings->request_ids_max = (uint32_t)spread_even(random, 1, 50);
    settings->repair_interval_ms = (uint32_t)spread_log(random, 500, 20000);
    settings->scrub_interval_ms = (uint32_t)spread_log(random, 1000, 20000);
    settings->repair_bytes_per_second =
        one_in(random, 2) ? 0 : (uint32_t)spread_log(random, 100000, 8 << 20);
    /* One answer with many values must fit, or it can never be given. */
    if (one_in(random, 6))
        settings->peer_output_bytes_max =
            (uint32_t)spread_even(random, 16, 64) * (plan->value_bytes_max + 4096);
    if (one_in(random, 3))
        settings->log_bytes_max = (uint32_t)spread_log(random, 1000, 1000000);
}

/* A network that breaks what TCP promises: what handlers must survive all the same. */
static void draw_harshness(struct random *random, struct plan *plan)
{
    if (one_in(random, 3))
        plan->lose_ppm = (uint32_t)spread_log(random, 100, 300000);
    if (one_in(random, 3))
        plan->duplicate_ppm = (uint32_t)spread_log(random, 1000, 500000);
    if (one_in(random, 3)) {
        plan->reorder_ppm = (uint32_t)spread_log(random, 1000, 300000);
        plan->reorder_us = spread_log(random, 1000, 5000000);
    }
    if (one_in(random, 4))
        plan->flip_ppm = (uint32_t)spread_log(random, 10, 10000);
}

static void draw_faults(struct random *random, const struct profile *profile, struct plan *plan)
{
    for (unsigned i = 0; i < FAULT_CLASS_COUNT; i++) {
        struct plan_fault *fault = &plan->faults[i];
        fault->on = (profile->faults >> i & 1) != 0 && one_in(random, 2);
        fault->interval_us = spread_log(random, 1000000, 20000000);
        fault->duration_us = spread_log(random, 50000, 8000000);
    }
    bool network = (profile->faults >> FAULT_CUT & 1) != 0 && profile->faults != WIPES;
    if (network && one_in(random, 3))
        draw_harshness(random, plan);
}

/*
 * Sloppy requests, and how much fallbacks keep. With `wanted` there are fallbacks, owners that
 * are missing, and levels that need copies.
 */
static void draw_hints(struct random *random, bool wanted, struct plan *plan)
{
    struct settings *settings = &plan->settings;
    bool any = wanted || one_in(random, 2);
    plan->sloppy_percent = any ? (uint32_t)spread_even(random, 10, 100) : 0;
    settings->hint_delay_ms = (uint32_t)spread_log(random, 1, 2000);
    settings->hint_rate_bytes_max = (uint32_t)spread_log(random, 1 << 16, 8 << 20);
    if (one_in(random, 3))
        settings->hint_bytes_max = (uint32_t)spread_log(random, 300, 100000);
    if (one_in(random, 3))
        settings->hint_partition_bytes_max = (uint32_t)spread_log(random, 300, 100000);
    if (!wanted)
        return;
    plan->node_count = (uint32_t)spread_even(random, 5, 7);
    plan->region_count = one_in(random, 3) ? 2 : 1;
    plan->replicas[0] = plan->region_count == 2 ? 2 : 3;
    plan->replicas[1] = plan->region_count == 2 ? 1 : 0;
    plan->level_weight[LEVEL_THREE] += 20;
    plan->level_weight[LEVEL_TWO] += 10;
}

/*
 * Counters that are fed with ids for longer than these take to settle, while little else happens.
 */
static void fit_folding(struct random *random, struct plan *plan)
{
    struct settings *settings = &plan->settings;
    plan->duration_us = spread_log(random, 40000000, 90000000);
    plan->request_ids = true;
    plan->client_count = (uint32_t)spread_even(random, 2, 5);
    plan->pipeline = 1;
    plan->think_us = spread_log(random, 200000, 500000);
    memset(plan->command_weight, 0, sizeof plan->command_weight);
    plan->command_weight[COMMAND_INCREMENT] = 40;
    plan->command_weight[COMMAND_COUNTER_GET] = 4;
    plan->command_weight[COMMAND_COUNTER_SET] = one_in(random, 2) ? 2 : 0;
    plan->command_weight[COMMAND_COUNTER_DEL] = one_in(random, 3) ? 1 : 0;
    plan->command_weight[COMMAND_SET] = 2;
    settings->request_timeout_ms = (uint32_t)spread_log(random, 300, 1000);
    settings->request_timeout_max_ms = 1000;
    settings->stability_interval_ms = (uint32_t)spread_log(random, 200, 1000);
    settings->hint_delay_ms = (uint32_t)spread_log(random, 1, 500);
    settings->hint_rate_bytes_max = 8 << 20;
    for (unsigned i = 0; i < FAULT_CLASS_COUNT; i++) {
        plan->faults[i].interval_us = spread_log(random, 8000000, 40000000);
        plan->faults[i].duration_us = spread_log(random, 50000, 4000000);
    }
}

/* A script that says nothing else lasts as long as its steps. */
static void fit_script(struct plan *plan)
{
    uint32_t last_ms = 0;
    plan->script->fit(plan);
    for (const struct script_step *step = plan->script->steps; step->act != NULL; step++)
        last_ms = step->at_ms > last_ms ? step->at_ms : last_ms;
    if (plan->duration_us == 0)
        plan->duration_us = (uint64_t)(last_ms + SCRIPT_AFTER_MS) * 1000;
}

/* From numbers of their own, so that the rest of a seed's plan does not hang on them. */
static void draw_droppers(struct plan *plan)
{
    struct random random = random_make(hash64(slice_text("droppers"), plan->seed));
    bool profile = strcmp(plan->profile, "keyspace-drop") == 0;
    bool others = plan->script == NULL && one_in(&random, 4) &&
                  strcmp(plan->profile, "resurrection") != 0 &&
                  strcmp(plan->profile, "gray-slow") != 0;
    if (profile || others)
        plan->dropper_count = (uint32_t)spread_even(&random, profile ? 2 : 1, 4);
}

/* Only where no disk is lost: then all that was acknowledged must be there at any time. */
static void draw_sketchers(struct plan *plan)
{
    static const char *const others[] = {"calm", "crash", "network", "halves", "flapping"};
    struct random random = random_make(hash64(slice_text("sketchers"), plan->seed));
    bool profile = strcmp(plan->profile, "sketches") == 0, other = false;
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++)
        other = other || strcmp(plan->profile, others[i]) == 0;
    if (profile || (other && plan->script == NULL && one_in(&random, 3)))
        plan->sketcher_count = (uint32_t)spread_even(&random, profile ? 2 : 1, 4);
}

/*
 * Nodes that own nothing of some partitions, so that these can go there. Who is rolled back must
 * meet somebody who knows.
 */
static void fit_growth(struct random *random, struct plan *plan)
{
    plan->mover_count = (uint32_t)spread_even(random, 1, 2);
    plan->duration_us = spread_log(random, 12000000, 40000000);
    plan->region_count = one_in(random, 4) ? 2 : 1;
    plan->node_count = (uint32_t)spread_even(random, plan->region_count == 2 ? 6 : 4, 7);
    plan->partition_count = 16;
    plan->replicas[0] = plan->region_count == 2 ? 2 : (uint32_t)spread_even(random, 2, 3);
    plan->replicas[1] = plan->region_count == 2 ? 1 : 0;
    if (plan->replicas[0] == 2 && plan->region_count == 1 && one_in(random, 2))
        plan->replicas[0] = 3;
    if (one_in(random, 8))
        plan->replicas[0] = 1;
    plan->first_count = plan->node_count;
    plan->node_count += (uint32_t)spread_even(random, 0, 3);
    plan->faults[FAULT_ROLLBACK].on = one_in(random, 5);
    for (unsigned i = 0; plan->faults[FAULT_ROLLBACK].on && i < FAULT_CLASS_COUNT; i++)
        plan->faults[i].on = plan->faults[i].on && (DAMAGE >> i & 1) != 0;
    for (unsigned i = 0; i < FAULT_CLASS_COUNT; i++)
        plan->faults[i].interval_us = spread_log(random, 2000000, 20000000);
}

/* Likewise. */
static void draw_gateways(struct plan *plan)
{
    struct random random = random_make(hash64(slice_text("gateways"), plan->seed));
    bool profile = strcmp(plan->profile, "gateways") == 0;
    bool others = plan->script == NULL && one_in(&random, 6) &&
                  strcmp(plan->profile, "resurrection") != 0 &&
                  strcmp(plan->profile, "growth") != 0 && /* ids are given to who comes there */
                  strcmp(plan->profile, "gray-slow") != 0;
    if (profile || others)
        plan->gateway_count = (uint32_t)spread_even(&random, profile ? 2 : 1, PLAN_GATEWAYS_MAX);
}

enum status plan_draw(uint64_t seed, const char *profile_name, struct plan *out)
{
    static const struct profile scripted = {.script = true};
    struct random random = random_make(hash64(slice_text("plan"), seed));
    const struct profile *profile = find_profile(profile_name, &random);
    if (profile == NULL && script_find(profile_name) != NULL)
        profile = &scripted;
    if (profile == NULL)
        return STATUS_NOT_FOUND;
    const char *name = profile->name != NULL ? profile->name : profile_name;
    *out = (struct plan){.seed = seed, .script = profile->script ? script_find(name) : NULL};
    snprintf(out->profile, sizeof out->profile, "%s", name);
    out->duration_us = spread_log(&random, 4000000, 24000000);
    out->settle_us = 180000000;
    draw_ring(&random, out);
    draw_load(&random, out);
    draw_machine(&random, out);
    draw_settings(&random, out);
    draw_faults(&random, profile, out);
    draw_hints(&random, strcmp(out->profile, "hints") == 0, out);
    out->operator_count = one_in(&random, 2) ? (uint32_t)spread_even(&random, 1, 3) : 0;
    if (strcmp(out->profile, "resurrection") == 0) {
        draw_hints(&random, true, out);
        absence_draw(&random, out);
        out->operator_count = 0;
    }
    if (strcmp(out->profile, "folding") == 0)
        fit_folding(&random, out);
    if (strcmp(out->profile, "growth") == 0)
        fit_growth(&random, out);
    draw_droppers(out);
    draw_sketchers(out);
    draw_gateways(out);
    if (out->script != NULL)
        fit_script(out);
    gray_slow_fit(out);
    if (out->first_count == 0)
        out->first_count = out->node_count;
    return STATUS_OK;
}

void plan_print(const struct plan *plan, FILE *out)
{
    fprintf(out, "plan seed=%llu profile=%s nodes=%u regions=%u partitions=%u replicas=",
            (unsigned long long)plan->seed, plan->profile, plan->node_count, plan->region_count,
            plan->partition_count);
    for (uint32_t i = 0; i < plan->region_count; i++)
        fprintf(out, "%s%u", i == 0 ? "" : "+", plan->replicas[i]);
    fprintf(out,
            " movers=%u operators=%u droppers=%u sketchers=%u gateways=%u clients=%u sloppy=%u "
            "pipeline=%u "
            "think_us=%llu "
            "keys=%u "
            "zipf=%d siblings=%d value_max=%u "
            "duration_ms=%llu delay_us=%llu sync_us=%llu lose=%u duplicate=%u reorder=%u flip=%u\n",
            plan->mover_count, plan->operator_count, plan->dropper_count, plan->sketcher_count,
            plan->gateway_count, plan->client_count, plan->sloppy_percent, plan->pipeline,
            (unsigned long long)plan->think_us, plan->key_count, plan->zipf, plan->sibling_keyspace,
            plan->value_bytes_max, (unsigned long long)plan->duration_us / 1000,
            (unsigned long long)plan->delay_us, (unsigned long long)plan->sync_us, plan->lose_ppm,
            plan->duplicate_ppm, plan->reorder_ppm, plan->flip_ppm);
    for (unsigned i = 0; i < FAULT_CLASS_COUNT; i++)
        if (plan->faults[i].on)
            fprintf(out, "  fault %s interval_ms=%llu duration_ms=%llu\n", fault_names[i],
                    (unsigned long long)plan->faults[i].interval_us / 1000,
                    (unsigned long long)plan->faults[i].duration_us / 1000);
}
