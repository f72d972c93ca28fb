/*
 * script_client.h - the questions of a script: one command each, through a machine of its choice.
 *
 * The oracle judges the answer as any other; beside that it must be what the script expects.
 * Each question has a connection of its own. Contexts are kept for each of a few readers, so that
 * one can write with what another did not see.
 */
#ifndef SIM_SCRIPT_CLIENT_H
#define SIM_SCRIPT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "sim/contexts.h"
#include "sim/plan.h"

struct machine;
struct occurrence;
struct script_client;
struct script_step;
struct world;

enum script_expect {
    EXPECT_ANYTHING,  /* what the oracle accepts */
    EXPECT_OK,        /* no error */
    EXPECT_LAST,      /* the value that was last acknowledged to a SET of the script */
    EXPECT_NOTHING,   /* no value, or nothing done */
    EXPECT_ERROR,     /* of any kind */
    EXPECT_DEFINITE,  /* an error that says that nothing was applied */
    EXPECT_UNCERTAIN, /* an error that says that it may have been */
    EXPECT_ROWS,      /* RING.GET: so many siblings as `count` */
    EXPECT_SAME       /* as the answer to the read before it */
};

struct script_ask {
    enum command_kind kind;
    uint8_t level, sloppy; /* enum level, enum sloppiness */
    uint8_t r, w;
    uint8_t reader;           /* whose contexts: 0 .. SCRIPT_READERS - 1 */
    enum context_use context; /* of a write where siblings are kept */
    uint32_t expires_ms;      /* COMMAND_EXPIRE_AT: from now */
    enum script_expect expect;
    uint32_t count;
};

enum { SCRIPT_READERS = 3, SCRIPT_ASKS_MAX = 200 };

struct script_client *script_client_new(struct world *world);
void script_client_free(struct script_client *client);

/* Ask `step->ask` of the machine at place `step->a`, which must be up. */
void script_client_ask(struct world *world, const struct script_step *step);
bool script_client_idle(const struct world *world);
/* Whether each question got an answer, as all do whose machine stays up. */
bool script_client_all_answered(const struct world *world);

/* ---- effects of a machine, and AT_CLIENT_BYTES; false: the connection is not the script's */
bool script_client_replied(struct machine *machine, connection_id connection, struct slice bytes);
bool script_client_closed(struct machine *machine, connection_id connection);
bool script_client_arrived(struct machine *machine, const struct occurrence *what);
void script_client_machine_gone(struct machine *machine);

#endif
