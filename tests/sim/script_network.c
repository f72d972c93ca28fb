/*
 * script_network.c - reference "reliability" 4.1: what networks do.
 */
#include "base/hash.h"
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/script_tables.h"
#include "sim/spread.h"
#include "sim/world.h"

enum { FLAP_UNTIL_MS = 610000, FLAP_MIN_MS = 200, FLAP_MAX_MS = 3000, DIALS_OF_A_FLAP = 12 };

static const struct script isolate_one = {
    .name = "isolate-one",
    .row = 1,
    .about = "one of five is cut off for a minute; the others answer",
    .fit = fit_load,
    .steps = (const struct script_step[]){DO(10000, cut_off, 0),
                                          DO(20000, watch, 0),
                                          DO(70000, check_answered, 0x1e),
                                          DO(70000, rejoin, 0),
                                          {0}},
    .marks = (const enum mark[]){MARK_BYTES_HELD_BY_CUT, MARK_DIAL_FAILED, MARK_COUNT}};

/* Some seeds draw no write at a lower level than QUORUM, so the script has some of its own. */
#define ASK_BOTH_SIDES(at)                                                                         \
    ASK(at, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_ONE),                                    \
        ASK(at, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_ONE)

static const struct script halves = {
    .name = "halves",
    .row = 2,
    .about = "two against three for a minute, clients on both sides",
    .fit = fit_load,
    .steps = (const struct script_step[]){DO2(10000, split, 0x09, HOME),
                                          DO(20000, watch, 0),
                                          ASK_BOTH_SIDES(30000),
                                          ASK_BOTH_SIDES(40000),
                                          ASK_BOTH_SIDES(50000),
                                          DO2(70000, unsplit, 0x09, HOME),
                                          {0}},
    .marks = (const enum mark[]){MARK_COMMAND_UNAVAILABLE, MARK_CONCURRENT_VERSIONS, MARK_COUNT}};

/* One owner and one fallback on the smaller side. */
static const struct script halves_levels = {
    .name = "halves-levels",
    .row = 2,
    .about = "strict writes on the majority's side only, sloppy ones on both, and both survive",
    .fit = fit_quiet,
    .key = KEY_SIBLINGS,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            ASK(3500, OWNER(0), .kind = COMMAND_RING_GET, .level = LEVEL_QUORUM,
                .expect = EXPECT_ROWS, .count = 1),
            DO2(4000, split, 0x09, HOME),
            ASK(8000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .sloppy = SLOPPY_NO,
                .context = CONTEXT_FRESH, .expect = EXPECT_DEFINITE),
            ASK(8500, OWNER(0), .kind = COMMAND_SET, .w = 2, .sloppy = SLOPPY_YES,
                .context = CONTEXT_FRESH, .expect = EXPECT_OK),
            ASK(9000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .sloppy = SLOPPY_NO,
                .context = CONTEXT_FRESH, .expect = EXPECT_OK),
            DO2(12000, unsplit, 0x09, HOME),
            ASK(24000, OWNER(1), .kind = COMMAND_RING_GET, .level = LEVEL_QUORUM,
                .expect = EXPECT_ROWS, .count = 2),
            {0}},
    .marks = (const enum mark[]){MARK_SLOPPY_WRITE, MARK_SIBLINGS_KEPT, MARK_COUNT}};

static const struct script bridge = {
    .name = "bridge",
    .row = 3,
    .about = "two pairs see each other only through the node between them",
    .fit = fit_light,
    .steps = (const struct script_step[]){DO2(8000, cut_pair, 0, 3),
                                          DO2(8000, cut_pair, 0, 4),
                                          DO2(8000, cut_pair, 1, 3),
                                          DO2(8000, cut_pair, 1, 4),
                                          DO(14000, watch, 0),
                                          DO(24000, check_answered, 1 << 2),
                                          DO2(24000, mend_pair, 0, 3),
                                          DO2(24000, mend_pair, 0, 4),
                                          DO2(24000, mend_pair, 1, 3),
                                          DO2(24000, mend_pair, 1, 4),
                                          {0}},
    .marks = (const enum mark[]){MARK_DIAL_FAILED, MARK_COUNT}};

static void fit_quiet_usual(struct plan *plan)
{
    fit_quiet(plan);
    fit_usual_timers(plan);
}

#define AT_ALL(at, place, what, wanted)                                                            \
    ASK(at, place, .kind = COMMAND_##what, .level = LEVEL_ALL, .sloppy = SLOPPY_NO,                \
        .expect = EXPECT_##wanted)

/*
 * Neither its own node nor the first owner reaches all owners; the second owner does, and both
 * know. With every path to the third owner cut, nobody does.
 */
static const struct script around_a_cut = {
    .name = "around-a-cut",
    .row = 3,
    .about = "who reaches too few owners asks a node that is known to reach more",
    .fit = fit_quiet_usual,
    .steps = (const struct script_step[]){AT_ALL(5000, OWNER(0), SET, OK),
                                          DO2(6000, cut_pair, OWNER(0), OWNER(2)),
                                          DO2(6000, cut_pair, FALLBACK(0), OWNER(2)),
                                          AT_ALL(20000, OWNER(0), SET, OK),
                                          AT_ALL(20500, FALLBACK(0), GET, LAST),
                                          AT_ALL(21000, OWNER(0), GET, LAST),
                                          AT_ALL(21500, FALLBACK(0), SET, OK),
                                          AT_ALL(22000, OWNER(1), GET, LAST),
                                          DO2(22500, cut_pair, OWNER(1), OWNER(2)),
                                          DO2(22500, cut_pair, FALLBACK(1), OWNER(2)),
                                          AT_ALL(40000, OWNER(0), SET, DEFINITE),
                                          AT_ALL(40500, FALLBACK(0), GET, ERROR),
                                          DO2(41000, mend_pair, OWNER(0), OWNER(2)),
                                          DO2(41000, mend_pair, OWNER(1), OWNER(2)),
                                          DO2(41000, mend_pair, FALLBACK(0), OWNER(2)),
                                          DO2(41000, mend_pair, FALLBACK(1), OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_FORWARD_AROUND, MARK_DIAL_FAILED, MARK_COUNT}};

static void fit_operators(struct plan *plan)
{
    fit_light(plan);
    fit_usual_timers(plan);
    plan->operator_count = 3;
}

/* Each node reaches its two neighbours in a ring. The register must be agreed on all the same. */
static const struct script majorities_ring = {
    .name = "majorities-ring",
    .row = 4,
    .about = "each node sees another majority while operators change the register",
    .fit = fit_operators,
    .steps = (const struct script_step[]){DO2(6000, cut_pair, 0, 2),
                                          DO2(6000, cut_pair, 1, 3),
                                          DO2(6000, cut_pair, 2, 4),
                                          DO2(6000, cut_pair, 3, 0),
                                          DO2(6000, cut_pair, 4, 1),
                                          DO2(24000, mend_pair, 0, 2),
                                          DO2(24000, mend_pair, 1, 3),
                                          DO2(24000, mend_pair, 2, 4),
                                          DO2(24000, mend_pair, 3, 0),
                                          DO2(24000, mend_pair, 4, 1),
                                          {0}},
    .marks = (const enum mark[]){MARK_REGISTER_CHANGED, MARK_DIAL_FAILED, MARK_COUNT}};

static const struct script one_way = {
    .name = "one-way",
    .row = 5,
    .about = "nothing of n1 reaches n2 for a minute, what n2 sends arrives",
    .fit = fit_load,
    .steps = (const struct script_step[]){DO2(10000, cut, 0, 1),
                                          DO(20000, watch, 0),
                                          DO(70000, check_answered, 0x1c),
                                          DO2(70000, mend, 0, 1),
                                          {0}},
    .marks = (const enum mark[]){MARK_BYTES_HELD_BY_CUT, MARK_COUNT}};

static void fit_flapping(struct plan *plan)
{
    fit_light(plan);
    plan->duration_us = (uint64_t)(FLAP_UNTIL_MS + 10000) * 1000;
    plan->think_us = 3000000;
}

static void add_flaps(struct world *world, struct script_step *steps)
{
    struct random random = random_make(hash64(slice_text("flaps"), world->plan.seed));
    uint32_t at_ms = 10000;
    for (bool up = false; at_ms < FLAP_UNTIL_MS || up; up = !up) {
        *steps++ = (struct script_step){
            .at_ms = at_ms, .act = up ? act_mend_pair : act_cut_pair, .a = 0, .b = 1};
        at_ms += (uint32_t)spread_even(&random, FLAP_MIN_MS, FLAP_MAX_MS);
    }
}

/* Who cannot reach a peer waits longer and longer before trying again. */
static void end_flapping(struct world *world)
{
    uint64_t flaps = (FLAP_UNTIL_MS - 10000) / (FLAP_MIN_MS + FLAP_MAX_MS);
    if (script_hits(world, MARK_DIAL_FAILED) > flaps * DIALS_OF_A_FLAP)
        script_fail(world, "a peer was dialed too often");
}

static const struct script flapping = {
    .name = "flapping",
    .row = 6,
    .about = "a link goes up and down every 0.2 to 3 s for ten minutes; dialing stays bounded",
    .fit = fit_flapping,
    .steps = (const struct script_step[]){DO(9000, watch, 0),
                                          DO(FLAP_UNTIL_MS, check_answered, 0x1c),
                                          {0}},
    .more = add_flaps,
    .end = end_flapping,
    .marks = (const enum mark[]){MARK_DIAL_FAILED, MARK_COUNT}};

/* Cut some nodes off one by one, and let them back in another order. */
static void add_swizzles(struct world *world, struct script_step *steps)
{
    struct random random = random_make(hash64(slice_text("swizzle"), world->plan.seed));
    uint32_t order[PLAN_NODES_MAX];
    uint32_t count = world->plan.node_count;
    uint32_t hit = (uint32_t)spread_even(&random, 2, count - 1);
    for (unsigned half = 0; half < 2; half++) {
        for (uint32_t i = 0; i < count; i++)
            order[i] = i;
        for (uint32_t i = half == 0 ? count : hit; i > 1; i--) {
            uint32_t other = (uint32_t)random_below(&random, i);
            uint32_t last = order[i - 1];
            order[i - 1] = order[other];
            order[other] = last;
        }
        for (uint32_t i = 0; i < hit && half == 0; i++)
            steps[i] = (struct script_step)DO(8000 + i * 2000, cut_off, order[i]);
        for (uint32_t i = 0; i < hit && half == 1; i++)
            steps[hit + i] = (struct script_step)DO(18000 + i * 2000, rejoin, steps[order[i]].a);
    }
}

static const struct script swizzle_clog = {
    .name = "swizzle-clog",
    .row = 7,
    .about = "some nodes are cut off one by one, and come back in another order",
    .fit = fit_light,
    .steps = (const struct script_step[]){{0}},
    .more = add_swizzles,
    .marks = (const enum mark[]){MARK_DIAL_FAILED, MARK_COUNT}};

static void fit_harsh(struct plan *plan)
{
    fit_light(plan);
    plan->lose_ppm = 300000;
    plan->duplicate_ppm = 500000;
    plan->reorder_ppm = 200000;
    plan->reorder_us = 5000000;
    /* Most commands come to nothing in time: as many that some of them count. */
    plan->client_count = 16;
    plan->command_weight[COMMAND_INCREMENT] = 100;
}

static const struct script harsh_frames = {
    .name = "harsh-frames",
    .row = 8,
    .about = "three in ten frames are lost, half come twice, some are 5 s late; counters are exact",
    .fit = fit_harsh,
    .steps = (const struct script_step[]){{0}},
    .marks = (const enum mark[]){MARK_FRAME_LOST, MARK_FRAME_DUPLICATED, MARK_FRAME_REORDERED,
                                 MARK_INCREMENT, MARK_COUNT}};

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

/*
 * What the first owner sent before it lost its disk waits at a process that stands still, and is
 * handled an hour later, beside the ghost of a former life.
 */
static const struct script late_packets = {
    .name = "late-packets",
    .row = 9,
    .about = "packets of an owner are handled an hour after it lost its disk",
    .fit = fit_hour,
    .steps =
        (const struct script_step[]){
            ASK(9000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(10000, pause, OWNER(1)),
            ASK(10000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            DO(13000, wipe, OWNER(0)),
            DO(14000, start, OWNER(0)),
            DO(3640000, resume, OWNER(1)),
            DO2(3655000, meet_ghost, OWNER(0), OWNER(1)),
            ASK(3660000, OWNER(1), .kind = COMMAND_GET, .level = LEVEL_QUORUM,
                .expect = EXPECT_LAST),
            ASK(3662000, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_QUORUM,
                .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_REBUILT, MARK_PACKET_LATE, MARK_GHOST_OLD_INCARNATION,
                                 MARK_COUNT}};

static const struct script slow_link = {
    .name = "slow-link",
    .row = 10,
    .about = "8 kbit/s between two nodes for a minute; the others do not notice",
    .fit = fit_load,
    .steps = (const struct script_step[]){DO2(10000, slow_link, 0, 1),
                                          DO(20000, watch, 0),
                                          DO(70000, check_answered, 0x1c),
                                          DO2(70000, fast_link, 0, 1),
                                          {0}}};

/* More is sent than the link takes, and than a node keeps for one that does not read. */
static void fit_full_link(struct plan *plan)
{
    fit_load(plan);
    plan->duration_us = 30000000;
    plan->client_count = 14;
    plan->think_us = 60000;
    plan->value_bytes_max = 4096;
    /* Of a few keys none may be written over that link, and of few writes too few. */
    plan->key_count = plan->key_count < 20 ? 20 : plan->key_count;
    plan->command_weight[COMMAND_SET] = 60;
    plan->settings.peer_timeout_ms =
        10000; /* else it may be lost for its silence, before it fills */
    plan->settings.peer_output_bytes_max = 2 * (plan->value_bytes_max + 4096);
}

static const struct script full_link = {
    .name = "full-link",
    .row = 10,
    .about = "a slow link fills: it is closed, not kept in memory, and the others do not notice",
    .fit = fit_full_link,
    .steps = (const struct script_step[]){DO2(3000, slow_link, 0, 1),
                                          DO(5000, watch, 0),
                                          DO(28000, check_answered, 0x1c),
                                          DO2(28000, fast_link, 0, 1),
                                          {0}},
    .marks = (const enum mark[]){MARK_LINK_OVERFLOWED, MARK_COUNT}};

static void fit_two_regions(struct plan *plan)
{
    fit_quiet(plan);
    plan->node_count = 6;
    plan->region_count = 2;
    plan->replicas[0] = plan->replicas[1] = 2;
}

/* The first two owners are of the first region, whose machines have even numbers. */
static const struct script region_cut = {
    .name = "region-cut",
    .row = 11,
    .about = "two regions apart: LOCAL levels work in both, others fail cleanly, then all merges",
    .fit = fit_two_regions,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_EACH_QUORUM,
                .expect = EXPECT_OK),
            DO(4000, split, 0x15),
            ASK(8000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_EACH_QUORUM,
                .expect = EXPECT_DEFINITE),
            ASK(8200, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_QUORUM,
                .expect = EXPECT_DEFINITE),
            ASK(8400, OWNER(2), .kind = COMMAND_GET, .level = LEVEL_LOCAL_QUORUM,
                .expect = EXPECT_LAST),
            ASK(9000, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_LOCAL_QUORUM,
                .expect = EXPECT_OK),
            ASK(10500, OWNER(2), .kind = COMMAND_SET, .level = LEVEL_LOCAL_QUORUM,
                .expect = EXPECT_OK),
            DO(12000, unsplit, 0x15),
            ASK(24000, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_EACH_QUORUM,
                .expect = EXPECT_LAST),
            ASK(24500, OWNER(1), .kind = COMMAND_GET, .level = LEVEL_ONE, .expect = EXPECT_LAST),
            {0}},
    .marks = (const enum mark[]){MARK_COMMAND_UNAVAILABLE, MARK_COUNT}};

const struct script *const scripts_of_networks[] = {
    &isolate_one,     &halves,    &halves_levels, &bridge,       &around_a_cut,
    &majorities_ring, &one_way,   &flapping,      &swizzle_clog, &harsh_frames,
    &late_packets,    &slow_link, &full_link,     &region_cut,   NULL};
