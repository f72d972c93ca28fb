/*
 * act.h - what a step of a script can do. `a` and `b` are places unless said otherwise.
 */
#ifndef SIM_ACT_H
#define SIM_ACT_H

#include "sim/script.h"

struct plan;

/* ---- fits */
/* Five nodes, three copies, some clients at work for 80 s; and fewer for 30 s. */
void fit_load(struct plan *plan);
void fit_light(struct plan *plan);
/* Five nodes, three copies, nobody at work but the script. */
void fit_quiet(struct plan *plan);
/*
 * Timers as an operator sets them, whatever was drawn: where the script counts on when things
 * happen.
 */
void fit_usual_timers(struct plan *plan);

/* Steps of a table; and a question at a place and time. */
#define DO(at, action, place)                                                                      \
    {                                                                                              \
        .at_ms = (at), .act = act_##action, .a = (place)                                           \
    }
#define DO2(at, action, first, second)                                                             \
    {                                                                                              \
        .at_ms = (at), .act = act_##action, .a = (first), .b = (second)                            \
    }
#define ASK(at, place, ...)                                                                        \
    {                                                                                              \
        .at_ms = (at), .act = act_ask, .a = (place), .ask = { __VA_ARGS__ }                        \
    }

/* ---- the network */
void act_cut(struct world *world, const struct script_step *step); /* from a to b */
void act_mend(struct world *world, const struct script_step *step);
void act_cut_pair(struct world *world, const struct script_step *step); /* both ways */
void act_mend_pair(struct world *world, const struct script_step *step);
void act_cut_off(struct world *world, const struct script_step *step); /* a from all others */
void act_rejoin(struct world *world, const struct script_step *step);
void act_mute(struct world *world, const struct script_step *step); /* nothing from a gets out */
void act_unmute(struct world *world, const struct script_step *step);
/* a: one side by bits, of machines or, when b is HOME, of places in the preference list. */
void act_split(struct world *world, const struct script_step *step);
void act_unsplit(struct world *world, const struct script_step *step);
void act_slow_link(struct world *world,
                   const struct script_step *step); /* between a and b, 8 kbit/s */
void act_fast_link(struct world *world, const struct script_step *step);
void act_meet_ghost(struct world *world, const struct script_step *step); /* of a, at b */

/* ---- processes and clocks */
void act_power_off(struct world *world, const struct script_step *step); /* peers are not told */
void act_kill_hard(struct world *world, const struct script_step *step); /* they are */
void act_stop(struct world *world, const struct script_step *step);
void act_start(struct world *world, const struct script_step *step); /* a, when it is down */
void act_power_off_all(struct world *world, const struct script_step *step);
void act_start_all(struct world *world, const struct script_step *step);
void act_pause(struct world *world, const struct script_step *step);
void act_resume(struct world *world, const struct script_step *step);
void act_set_clock(struct world *world,
                   const struct script_step *step); /* of a, to b seconds off (int32_t) */

/* ---- disks */
void act_stall_disk(struct world *world,
                    const struct script_step *step); /* of a, by up to b ms; 0: no more */
void act_fill_disk(struct world *world, const struct script_step *step);
void act_free_disk(struct world *world, const struct script_step *step);
void act_fail_writes(struct world *world,
                     const struct script_step *step); /* of a, b in a million; 0: none */
void act_fail_reads(struct world *world, const struct script_step *step);
void act_wipe(struct world *world,
              const struct script_step *step); /* power off a, with a new disk */
void act_lose_cell(struct world *world,
                   const struct script_step *step); /* a has no cell of the key, and no notice */
void act_copy_disk(struct world *world, const struct script_step *step);
void act_roll_back(struct world *world,
                   const struct script_step *step); /* power off a, with its copied disk */

/* ---- clients */
void act_ask(struct world *world, const struct script_step *step);   /* step->ask at a */
void act_watch(struct world *world, const struct script_step *step); /* count answers from now on */
/* The machines of `a`, by bits, answered well nearly all that was asked of them since. */
void act_check_answered(struct world *world, const struct script_step *step);

/* ---- what is on disks now */
/* `b` owners have a live version of the key. */
void act_check_live(struct world *world, const struct script_step *step);
/* Some disk keeps a hint (b = 1), or none does (b = 0). */
void act_check_hints(struct world *world, const struct script_step *step);
/*
 * No owner has a record of the key at all: its tombstone is collected (b = 1), or some has (b = 0).
 */
void act_check_collected(struct world *world, const struct script_step *step);

#endif
