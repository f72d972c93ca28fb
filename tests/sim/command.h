/*
 * command.h - one command of a simulated client: what was asked, and what may be answered.
 */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "sim/contexts.h"
#include "sim/plan.h"

struct version;
struct write;

enum { COMMAND_KEYS_MAX = 4 };

struct command {
    enum command_kind kind;
    bool last;        /* asked after everything has settled: the answer must be exact */
    uint8_t level;    /* enum level */
    uint8_t r, w, dw; /* numbers of owners that override it; 0: none */
    uint8_t sloppy;   /* enum sloppiness */
    uint8_t pr, pw;   /* that raise it; 0: none */
    uint8_t region;   /* of the machine that was asked: what LOCAL means */
    uint32_t timeout_ms;
    uint64_t serial;
    uint64_t start_us;
    uint64_t wall_min_ms;            /* the earliest wall clock of any machine when it was sent */
    uint64_t paused_us;              /* of its machine, until it was sent */
    uint64_t stood_still_us;         /* since then, with all hosts */
    uint32_t ahead;                  /* commands of the connection that were under way before it */
    const struct version *waits_for; /* COMMAND_WAIT: the last write, or NULL when not known */
    uint64_t expire_at_ms;           /* COMMAND_EXPIRE_AT, and COMMAND_SET with an expiry */
    uint8_t collection;              /* COMMAND_HASH_...: enum collection_type */
    uint32_t low, high;              /* COMMAND_HASH_ALL: of these scores; 0: of all */
    enum context_use context;
    uint64_t identity;        /* of WITH id=; 0: none */
    uint64_t identity_ms;     /* the time that the id carries; 0: none */
    uint32_t attempt;         /* sent so often before, with the same id */
    uint64_t first_us;        /* when it was sent first */
    uint64_t answered_digest; /* of a good answer before; 0: none yet */
    uint32_t key_count;
    uint32_t keys[COMMAND_KEYS_MAX];                /* indices into the oracle's keys */
    struct write *writes[COMMAND_KEYS_MAX];         /* NULL: does not write that key */
    const struct version *floors[COMMAND_KEYS_MAX]; /* what a read must not miss; NULL: nothing */
};

#endif
