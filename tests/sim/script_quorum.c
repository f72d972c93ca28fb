/*
 * script_quorum.c - reference "reliability" 4.5: quorums and what a session sees.
 */
#include "coordinator/level.h"
#include "sim/act.h"
#include "sim/script_tables.h"
#include "sim/world.h"

enum { ROAM_ROUNDS = 40, ROAM_AT_MS = 3000, ROAM_EVERY_MS = 500 };

static void fit_strict(struct plan *plan)
{
    fit_light(plan);
    for (unsigned i = 0; i < LEVEL_COUNT; i++)
        plan->level_weight[i] = 0;
    plan->level_weight[LEVEL_QUORUM] = 1;
    plan->sloppy_percent = 0;
    plan->key_count = 5;
    plan->think_us = 100000;
}

/* What a read must see is judged with each answer. */
static const struct script strict_quorums = {
    .name = "strict-quorums",
    .row = 59,
    .about = "R = W = 2 of 3 under a cut, a kill, a pause and a lost disk: reads see every ack",
    .fit = fit_strict,
    .steps = (const struct script_step[]){DO(5000, cut_off, 0),
                                          DO(9000, rejoin, 0),
                                          DO(10000, power_off, 1),
                                          DO(12000, start, 1),
                                          DO(14000, pause, 2),
                                          DO(18000, resume, 2),
                                          DO(20000, wipe, 3),
                                          DO(21000, start, 3),
                                          DO(26000, kill_hard, 4),
                                          DO(27000, start, 4),
                                          {0}},
    .marks = (const enum mark[]){MARK_READ_FLOOR_CHECKED, MARK_REBUILT, MARK_COUNT}};

#define SEEN(at, place, what)                                                                      \
    ASK(at, place, .kind = COMMAND_GET, .level = LEVEL_QUORUM, .expect = (what))

/*
 * The write is at one owner only when it fails. A read of all owners shows it; from then on
 * every quorum has it, also without that owner.
 */
static const struct script failed_write = {
    .name = "failed-write",
    .row = 60,
    .about = "a write that failed with one copy: once read, all later reads show it",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){
            ASK(3000, OWNER(1), .kind = COMMAND_SET, .level = LEVEL_ALL, .expect = EXPECT_OK),
            DO(5000, cut_off, OWNER(0)),
            ASK(5001, OWNER(0), .kind = COMMAND_SET, .level = LEVEL_QUORUM,
                .expect = EXPECT_UNCERTAIN),
            SEEN(6000, OWNER(1), EXPECT_LAST),
            DO(8000, rejoin, OWNER(0)),
            ASK(14500, OWNER(0), .kind = COMMAND_GET, .level = LEVEL_ALL),
            DO(14800, cut_off, OWNER(0)),
            SEEN(14810, OWNER(1), EXPECT_ANYTHING),
            SEEN(15500, OWNER(2), EXPECT_SAME),
            DO(17000, rejoin, OWNER(0)),
            SEEN(25000, OWNER(0), EXPECT_SAME),
            {0}},
    .marks = (const enum mark[]){MARK_COMMAND_UNCERTAIN, MARK_READ_FLOOR_CHECKED, MARK_COUNT}};

/* One session: each write and the read after it go to different nodes, owners or not. */
static void add_roaming(struct world *world, struct script_step *steps)
{
    for (uint32_t round = 0; round < ROAM_ROUNDS; round++) {
        for (uint32_t reads = 0; reads < 2; reads++) {
            uint32_t at_ms = ROAM_AT_MS + round * ROAM_EVERY_MS + reads * ROAM_EVERY_MS / 2;
            bool away = at_ms >= 6000 && at_ms < 16000; /* as the table says of the last owner */
            uint32_t place = (round * 2 + reads * 3) % world->plan.node_count;
            *steps++ = (struct script_step){.at_ms = at_ms,
                                            .act = act_ask,
                                            .a = HOME + (away && place == 2 ? 0 : place),
                                            .ask = {.kind = reads ? COMMAND_GET : COMMAND_SET,
                                                    .level = LEVEL_QUORUM,
                                                    .expect = reads ? EXPECT_LAST : EXPECT_OK}};
        }
    }
}

static const struct script roaming_session = {
    .name = "roaming-session",
    .row = 61,
    .about = "a session that asks another node each time reads what it wrote, with one owner down",
    .fit = fit_quiet,
    .steps =
        (const struct script_step[]){DO(5900, stop, OWNER(2)), DO(12000, start, OWNER(2)), {0}},
    .more = add_roaming,
    .marks = (const enum mark[]){MARK_FORWARD, MARK_READ_FLOOR_CHECKED, MARK_COUNT}};

const struct script *const scripts_of_quorums[] = {&strict_quorums, &failed_write, &roaming_session,
                                                   NULL};
