/*
 * script.h - scenarios by name: faults at fixed virtual times, what clients ask meanwhile, and
 * what must have come of it.
 *
 * A script is a row of a table (script_network.c and its like): what to change in a drawn plan, and
 * steps. A step is a time, an action (act.h) and its arguments. All that holds of any run
 * is judged as always; a script adds what its own questions must be answered (script_client.h), an
 * end of its own, and marks: paths that it must have taken, or it has shown nothing. The seed still
 * decides delays, sizes and settings, so a script is run with several.
 *
 * Source of the scenarios: reference "reliability" 4.1-4.6; `row` is the number there.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/marks.h"
#include "sim/script_client.h"

struct machine;
struct occurrence;
struct plan;
struct script_run;
struct world;

/* Steps that are made by rule, all at once, before the first one. */
enum { SCRIPT_STEPS_MAX = 480 };

struct script_step {
    uint32_t at_ms;
    void (*act)(struct world *world, const struct script_step *step);
    uint32_t a, b; /* what they are is said at the action; machines are places, see below */
    struct script_ask ask;
};

/* Which key a script asks for, and whose preference list its places count. */
enum script_key { KEY_PLAIN, KEY_SIBLINGS, KEY_COUNTER };

struct script {
    const char *name;
    uint8_t row;
    const char *about;                                            /* one line */
    void (*fit)(struct plan *plan);                               /* after the draw */
    const struct script_step *steps;                              /* the last one has no action */
    void (*more)(struct world *world, struct script_step *steps); /* or NULL: further ones */
    void (*end)(struct world *world);                             /* or NULL */
    const enum mark *marks; /* hit at least once; MARK_COUNT ends them; NULL: none */
    enum script_key key;
};

/*
 * Places: a machine by its index, or by its place in the preference list of the script's key:
 * first the owners, then those that would stand in.
 */
enum { HOME = 0x10 };
#define OWNER(i)    (HOME + (i))
#define FALLBACK(i) (HOME + 3 + (i)) /* where a key has three owners */
struct machine *script_machine(const struct world *world, uint32_t place);
/* Index of the script's key among those of the oracle. */
uint32_t script_key_index(const struct world *world);

/* NULL: none is called that. */
const struct script *script_find(const char *name);
/* All scripts by number; NULL behind the last. */
const struct script *script_at(unsigned index);

/* ---- a run */
struct script_run *script_run_new(struct world *world);
void script_run_free(struct script_run *run);
/* AT_FAULT of a scripted run. */
void script_step(struct world *world, unsigned first);
/* When everything has settled: whether the script's own claims hold; fails the world if not. */
void script_check_end(struct world *world);
/* How often a mark was hit in this run. */
uint64_t script_hits(const struct world *world, enum mark mark);
/* Something the script claims is not so. */
void script_fail(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
