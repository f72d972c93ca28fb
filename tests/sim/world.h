/*
 * world.h - one run: a whole cluster, its clients and its faults in virtual time.
 *
 * Everything happens in world_run(): the next occurrence is taken from the
 * schedule, time jumps to it, and whoever it concerns handles it. All chance
 * comes from generators seeded by the plan, one for each part, so that a change in
 * one part does not shift the others.
 *
 * Order of reading: plan.h, schedule.h, machine.h, network.h, client.h, oracle.h,
 * nemesis.h, settle.h.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "ring/ring.h"
#include "sim/marks.h"
#include "sim/plan.h"
#include "sim/schedule.h"

/* What is wrong on purpose, to see that it is noticed. */
enum mutant {
    MUTANT_NONE,
    MUTANT_ACK_BEFORE_SYNC,        /* `late` is handed over while the batch is still being synced */
    MUTANT_GO_ON_AFTER_WRITE_ERROR /* a batch that failed is taken for written */
};

/* Exit codes of ringsim. */
enum verdict {
    VERDICT_OK = 0,
    VERDICT_CRASH = 127,
    VERDICT_NO_CONVERGENCE = 128,
    VERDICT_WRONG = 129
};

struct machine;
struct network;
struct client_set;
struct operators;
struct dropper;
struct sketchers;
struct oracle;
struct register_oracle;
struct nemesis;
struct settle;
struct silent_loss;
struct placements;
struct movers;
struct gateways;
struct script_client;
struct script_run;
struct traps;
struct absences;
struct gray_slow;

/* Where the parent process sees how far a run came, in case it crashes. */
struct world_progress {
    uint64_t seed;
    uint64_t now_us;
    uint64_t events;
};

enum { FAILURE_TEXT_MAX = 512 };

struct world {
    struct plan plan;
    enum mutant mutant;
    FILE *trace; /* a line for each thing of interest, or NULL */
    volatile struct world_progress *progress;
    uint64_t now_us;
    uint64_t event_count;
    uint64_t event_max;
    uint64_t trace_hash;
    uint64_t calm_until_us;       /* no fault begins before */
    uint64_t clock_changed_at_us; /* when a wall clock last jumped */
    uint64_t wall_max_ms;         /* highest wall clock that any machine has read */
    int64_t ahead_max_ms;         /* the most that any of them was ahead of the true time */
    bool time_was_lost; /* two were far off at once, or one with too few beside it to tell */
    struct schedule schedule;
    struct ring *first_ring; /* that all begin with */
    struct ring *ring;       /* as it is by the newest value that was chosen (placements.h) */
    struct placements *placements;
    struct machine *machines; /* plan_machines() */
    struct network *network;
    struct client_set *clients;
    struct operators *operators;
    struct dropper *dropper;
    struct sketchers *sketchers;
    struct gateways *gateways;
    struct movers *movers;
    struct talk *talks; /* talk.h */
    struct register_oracle *register_oracle;
    struct oracle *oracle;
    struct nemesis *nemesis;
    struct settle *settle;
    struct silent_loss *silent_loss;
    struct script_client *script_client;
    struct script_run *script;
    struct traps *traps;
    struct absences *absences;
    struct gray_slow *gray_slow; /* NULL for other profiles */
    uint64_t compared_leaves;    /* listings that were judged, in all */
    uint64_t sync_cells;         /* that pages of log sync brought, in all */
    uint64_t copies_sent;        /* frames that carry cells to owners and fallbacks, in all */
    struct marks *marks;
    bool finished;
    enum verdict verdict;
    char kind[32]; /* of the failure: the invariant */
    char text[FAILURE_TEXT_MAX];
};

struct world_result {
    enum verdict verdict;
    uint64_t trace_hash;
    uint64_t events;
    uint64_t virtual_us;
    uint64_t commands;
    char kind[32];
    char text[FAILURE_TEXT_MAX];
};

struct world_params {
    const struct plan *plan;
    enum mutant mutant;
    FILE *trace;
    struct marks *marks;                      /* added to */
    volatile struct world_progress *progress; /* written while running */
};

/* Run to the end or to the first failure. */
void world_run(const struct world_params *params, struct world_result *out);

/* The true time in ms since 1970. */
uint64_t world_true_ms(const struct world *world);
/*
 * No node can believe that it is later. One that is fenced goes by what it has seen of the others'
 * clocks, and these may be set back, or their machines be gone, since.
 */
uint64_t world_latest_ms(const struct world *world);
/* Let `what` happen `delay_us` from now. Takes its bytes. */
void world_after(struct world *world, uint64_t delay_us, const struct occurrence *what);
/* Nothing happens for so long; what is due meanwhile happens late, in its order. */
void world_skip(struct world *world, uint64_t length_us);
/* Let the right part handle it; takes it. */
void world_dispatch(struct world *world, struct occurrence *what);
/* Mix something into the trace. */
void world_trace(struct world *world, uint64_t number, struct slice bytes);
/* A line for --verbose. */
void world_note(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The run is over: `kind` names the invariant. Only the first failure counts. */
void world_fail(struct world *world, enum verdict verdict, const char *kind, const char *format,
                ...) __attribute__((format(printf, 4, 5)));

#endif
