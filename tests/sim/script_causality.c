/*
 * script_causality.c - reference "reliability" 4.4: what must not be lost.
 *
 * Those called kv679 are the ways in which Riak lost acknowledged writes (riak_kv #679, #1643):
 * a copy vanishes at a node that goes on making versions.
 */
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/script_tables.h"
#include "sim/world.h"

enum { EXPLOSION_ROUNDS = 20, EXPLOSION_AT_MS = 3000, EXPLOSION_EVERY_MS = 400 };

/* A write with all that its writer has read; `reader` 0 unless said otherwise. */
#define READ(at, place, rows)                                                                      \
    ASK(at, place, .kind = COMMAND_RING_GET, .level = LEVEL_QUORUM, .expect = EXPECT_ROWS,         \
        .count = (rows))
#define WRITE(at, place, wanted)                                                                   \
    ASK(at, place, .kind = COMMAND_SET, .w = (wanted), .sloppy = SLOPPY_YES,                       \
        .context = CONTEXT_FRESH, .expect = EXPECT_OK)
#define FIRST_WRITE(at, place)                                                                     \
    ASK(at, place, .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK)
#define READ_LAST(at, place)                                                                       \
    ASK(at, place, .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = EXPECT_LAST)

static const struct script kv679_lost_clock = {
    .name = "kv679-lost-clock",
    .row = 44,
    .about = "the coordinator's copy vanishes between two of its writes",
    .fit = fit_quiet,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){FIRST_WRITE(3000, OWNER(0)),
                                          READ(3500, OWNER(0), 1),
                                          WRITE(4000, OWNER(0), 3),
                                          READ(4500, OWNER(0), 1),
                                          WRITE(5000, OWNER(0), 3),
                                          READ(5500, OWNER(0), 1),
                                          DO(6000, lose_cell, OWNER(0)),
                                          WRITE(6010, OWNER(0), 2),
                                          READ(7000, OWNER(1), 1),
                                          READ_LAST(7500, OWNER(2)),
                                          DO2(25000, check_live, 0, 3),
                                          {0}},
    .marks = (const enum mark[]){MARK_CELL_LOST, MARK_SIBLING_REPLACED, MARK_COUNT}};

static const struct script kv679_lost_disk = {
    .name = "kv679-lost-disk",
    .row = 44,
    .about = "the coordinator's disk is lost between two of its writes",
    .fit = fit_quiet,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){FIRST_WRITE(3000, OWNER(0)),
                                          READ(3500, OWNER(0), 1),
                                          WRITE(4000, OWNER(0), 3),
                                          READ(4500, OWNER(0), 1),
                                          DO(5000, wipe, OWNER(0)),
                                          DO(5500, start, OWNER(0)),
                                          WRITE(14000, OWNER(0), 2),
                                          READ(15000, OWNER(1), 1),
                                          READ_LAST(15500, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_REBUILT, MARK_SIBLING_REPLACED, MARK_COUNT}};

static void fit_six(struct plan *plan)
{
    fit_quiet(plan);
    plan->node_count = 6;
}

/*
 * With two owners away a write goes to fallbacks; then the other side writes without having seen
 * it. Both survive, because neither saw the other.
 */
static const struct script kv679_fallback = {
    .name = "kv679-fallback",
    .row = 45,
    .about = "fallbacks hold what the owners that write next have not seen",
    .fit = fit_six,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){FIRST_WRITE(3000, OWNER(0)),
                                          READ(3500, OWNER(0), 1),
                                          DO(4000, power_off, OWNER(1)),
                                          DO(4000, power_off, OWNER(2)),
                                          WRITE(9000, OWNER(0), 3),
                                          DO(10000, power_off, OWNER(0)),
                                          DO(10000, power_off, FALLBACK(0)),
                                          DO(10000, power_off, FALLBACK(1)),
                                          DO(10500, start, OWNER(1)),
                                          DO(10500, start, OWNER(2)),
                                          WRITE(17000, OWNER(1), 2),
                                          DO(18000, start, FALLBACK(0)),
                                          DO(18000, start, FALLBACK(1)),
                                          DO(24000, start, OWNER(0)),
                                          READ(36000, OWNER(2), 2),
                                          {0}},
    .marks = (const enum mark[]){MARK_SLOPPY_WRITE, MARK_HINT_DELIVERED, MARK_SIBLINGS_KEPT,
                                 MARK_COUNT}};

/* The trace in eight steps that QuickCheck found: a replica forgets, is written to, then writes. */
static const struct script kv679_replica = {
    .name = "kv679-replica",
    .row = 46,
    .about = "a replica forgets, takes a write of another, then coordinates with fallbacks alone",
    .fit = fit_six,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){FIRST_WRITE(3000, OWNER(1)),
                                          READ(3500, OWNER(1), 1),
                                          WRITE(4000, OWNER(1), 3),
                                          READ(4500, OWNER(1), 1),
                                          DO(5000, lose_cell, OWNER(1)),
                                          WRITE(5010, OWNER(0), 3),
                                          READ(6000, OWNER(0), 1),
                                          DO(7000, power_off, OWNER(0)),
                                          DO(7000, power_off, OWNER(2)),
                                          WRITE(12000, OWNER(1), 3),
                                          DO(13000, start, OWNER(0)),
                                          DO(13000, start, OWNER(2)),
                                          READ(24000, OWNER(0), 1),
                                          READ_LAST(25000, OWNER(2)),
                                          {0}},
    .marks = (const enum mark[]){MARK_CELL_LOST, MARK_SLOPPY_WRITE, MARK_COUNT}};

/* Two writers, each with a context from before the other's newest write. */
static void add_explosion(struct world *world, struct script_step *steps)
{
    (void)world;
    for (uint32_t round = 0; round < EXPLOSION_ROUNDS; round++) {
        for (uint8_t who = 0; who < 4; who++) {
            bool writes = who >= 2;
            *steps++ = (struct script_step){
                .at_ms = EXPLOSION_AT_MS + round * EXPLOSION_EVERY_MS + who * 90,
                .act = act_ask,
                .a = OWNER((round + who) % 3),
                .ask = {.kind = writes ? COMMAND_SET : COMMAND_RING_GET,
                        .level = LEVEL_QUORUM,
                        .reader = who % 2,
                        .context = writes ? CONTEXT_FRESH : CONTEXT_NONE,
                        .expect = writes || round == 0 ? EXPECT_OK : EXPECT_ROWS,
                        .count = 2}};
        }
    }
}

static const struct script sibling_explosion = {
    .name = "sibling-explosion",
    .row = 51,
    .about = "two writers who never see each other in time leave two siblings, not more",
    .fit = fit_quiet,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){READ(14000, OWNER(0), 2), {0}},
    .more = add_explosion,
    .marks = (const enum mark[]){MARK_SIBLINGS_KEPT, MARK_SIBLING_REPLACED, MARK_COUNT}};

static void fit_few_siblings(struct plan *plan)
{
    fit_quiet(plan);
    plan->settings.siblings_max = 4;
}

#define BLIND(at, place, what)                                                                     \
    ASK(at, place, .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = (what))

/* The limit binds clients alone: a node that missed them all gets them all. */
static const struct script blind_writers = {
    .name = "blind-writers",
    .row = 52,
    .about = "writers without contexts reach the limit; what one owner missed still comes to it",
    .fit = fit_few_siblings,
    .key = KEY_SIBLINGS,
    .steps = (const struct script_step[]){BLIND(3000, OWNER(0), EXPECT_OK),
                                          DO(3500, cut_off, OWNER(2)),
                                          BLIND(8000, OWNER(0), EXPECT_OK),
                                          BLIND(8500, OWNER(1), EXPECT_OK),
                                          BLIND(9000, OWNER(0), EXPECT_OK),
                                          BLIND(9500, OWNER(0), EXPECT_DEFINITE),
                                          BLIND(10000, OWNER(1), EXPECT_DEFINITE),
                                          DO(11000, rejoin, OWNER(2)),
                                          READ(22000, OWNER(2), 4),
                                          WRITE(23000, OWNER(2), 2),
                                          READ(24000, OWNER(0), 1),
                                          {0}},
    .marks = (const enum mark[]){MARK_SIBLING_LIMIT, MARK_SIBLINGS_KEPT, MARK_COUNT}};

enum { HOUR_S = 3600, TEN_YEARS_S = 315360000 };

#define PLAIN(at, place, what)                                                                     \
    ASK(at, place, .kind = COMMAND_SET, .level = LEVEL_QUORUM, .expect = (what))

/* While a clock is off, its node may refuse; whatever it does, later writes must win. */
static const struct script clock_skew = {
    .name = "clock-skew",
    .row = 53,
    .about = "one clock is an hour ahead, an hour behind, ten years ahead; later writes win",
    .fit = fit_quiet,
    .steps = (const struct script_step[]){PLAIN(3000, OWNER(1), EXPECT_OK),
                                          DO2(4000, set_clock, OWNER(0), HOUR_S),
                                          PLAIN(4010, OWNER(0), EXPECT_ANYTHING),
                                          PLAIN(8000, OWNER(0), EXPECT_ANYTHING),
                                          PLAIN(9000, OWNER(1), EXPECT_OK),
                                          READ_LAST(10000, OWNER(2)),
                                          DO2(11000, set_clock, OWNER(0), (uint32_t)-HOUR_S),
                                          PLAIN(11010, OWNER(0), EXPECT_ANYTHING),
                                          PLAIN(15000, OWNER(0), EXPECT_ANYTHING),
                                          PLAIN(16000, OWNER(2), EXPECT_OK),
                                          READ_LAST(17000, OWNER(1)),
                                          DO2(18000, set_clock, OWNER(0), TEN_YEARS_S),
                                          PLAIN(18010, OWNER(0), EXPECT_ANYTHING),
                                          PLAIN(22000, OWNER(0), EXPECT_ANYTHING),
                                          ASK(23000, OWNER(1), .kind = COMMAND_DEL,
                                              .level = LEVEL_QUORUM, .expect = EXPECT_OK),
                                          ASK(24000, OWNER(2), .kind = COMMAND_GET,
                                              .level = LEVEL_QUORUM, .expect = EXPECT_NOTHING),
                                          PLAIN(25000, OWNER(1), EXPECT_OK),
                                          READ_LAST(26000, OWNER(2)),
                                          DO2(27000, set_clock, OWNER(0), 0),
                                          PLAIN(40000, OWNER(0), EXPECT_OK),
                                          READ_LAST(41000, OWNER(1)),
                                          {0}},
    .marks = (const enum mark[]){MARK_CLOCK_JUMP, MARK_COUNT}};

static void fit_counting(struct plan *plan)
{
    fit_light(plan);
    for (unsigned i = 0; i < COMMAND_KIND_COUNT; i++)
        plan->command_weight[i] = 0;
    plan->command_weight[COMMAND_INCREMENT] = 20;
    plan->command_weight[COMMAND_COUNTER_GET] = 5;
    plan->command_weight[COMMAND_COUNTER_DEL] = 1;
    plan->think_us = 150000;
}

static const struct script counter_exactness = {
    .name = "counter-exactness",
    .row = 54,
    .about = "increments under a cut, kills, a lost disk and handoff; each counts once",
    .fit = fit_counting,
    .steps = (const struct script_step[]){DO(5000, cut_off, 0),
                                          DO(9000, rejoin, 0),
                                          DO(10000, kill_hard, 1),
                                          DO(11000, start, 1),
                                          DO(14000, power_off_all, 0),
                                          DO(14500, start_all, 0),
                                          DO(21000, wipe, 2),
                                          DO(22000, start, 2),
                                          DO(26000, power_off, 3),
                                          DO(27000, start, 3),
                                          {0}},
    .marks = (const enum mark[]){MARK_INCREMENT, MARK_COUNTER_RESET, MARK_COUNT}};

/* Ids whose window ends while an owner stands still, for which nothing may be folded. */
static void fit_feeding(struct plan *plan)
{
    fit_counting(plan);
    plan->duration_us = 0; /* as long as its steps */
    plan->request_ids = true;
    plan->client_count = 2;
    plan->think_us = 600000;
    plan->settings.request_timeout_ms = 800;
    plan->settings.request_timeout_max_ms = 1000;
    plan->settings.stability_interval_ms = 500;
}

static const struct script ids_come_late = {
    .name = "ids-come-late",
    .row = 54,
    .about =
        "packets with ids stand still with an owner for a minute; then ids are folded, and a disk "
        "is lost",
    .fit = fit_feeding,
    .steps = (const struct script_step[]){DO(8000, pause, 2),
                                          DO(70000, resume, 2),
                                          DO(90000, kill_hard, 0),
                                          DO(91000, start, 0),
                                          DO(105000, wipe, 1),
                                          DO(106000, start, 1),
                                          DO(125000, power_off_all, 0),
                                          DO(125500, start_all, 0),
                                          DO(150000, pause, 3),
                                          DO(156000, resume, 3),
                                          {0}},
    .marks = (const enum mark[]){MARK_INCREMENT_FOLDED, MARK_INCREMENT_REPEATED, MARK_REBUILT,
                                 MARK_COUNT}};

/* An old context replaces what it saw, and nothing that came since; a changed one is refused. */
static const struct script contexts_old_and_forged = {
    .name = "contexts-old-and-forged",
    .row = 57,
    .about = "a context from before keeps what came since; a forged one does nothing",
    .fit = fit_quiet,
    .key = KEY_SIBLINGS,
    .steps =
        (const struct script_step[]){
            FIRST_WRITE(3000, OWNER(0)),
            ASK(3500, OWNER(0), .kind = COMMAND_RING_GET, .reader = 1, .level = LEVEL_QUORUM,
                .expect = EXPECT_ROWS, .count = 1),
            READ(3700, OWNER(1), 1),
            WRITE(4000, OWNER(1), 2),
            ASK(5000, OWNER(2), .kind = COMMAND_SET, .reader = 1, .context = CONTEXT_FRESH,
                .level = LEVEL_QUORUM, .expect = EXPECT_OK),
            READ(6000, OWNER(0), 2),
            ASK(7000, OWNER(0), .kind = COMMAND_SET, .context = CONTEXT_FORGED,
                .level = LEVEL_QUORUM, .expect = EXPECT_DEFINITE),
            READ(8000, OWNER(0), 2),
            WRITE(9000, OWNER(0), 2),
            READ(10000, OWNER(1), 1),
            {0}},
    .marks = (const enum mark[]){MARK_CONTEXT_WRITE, MARK_CONTEXT_REFUSED, MARK_SIBLINGS_KEPT,
                                 MARK_COUNT}};

const struct script *const scripts_of_causality[] = {&kv679_lost_clock,
                                                     &kv679_lost_disk,
                                                     &kv679_fallback,
                                                     &kv679_replica,
                                                     &sibling_explosion,
                                                     &blind_writers,
                                                     &clock_skew,
                                                     &counter_exactness,
                                                     &ids_come_late,
                                                     &contexts_old_and_forged,
                                                     NULL};
