/*
 * client.h - simulated Redis clients: connections, pipelines, answers that are overdue.
 *
 * Requests go as bytes of the protocol, in one piece or many. Answers are read
 * at the moment when the node sends them: from then on the promise holds,
 * whether or not they reach the client. A client whose connection ends goes to
 * another node.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "sim/command.h"

struct client_set;
struct machine;
struct occurrence;
struct world;

struct client_set *client_set_new(struct world *world);
void client_set_free(struct client_set *set);

/* Begin working, and stop: commands under way are still answered. */
void client_set_start(struct world *world);
void client_set_stop(struct world *world);
/* Whether no command is under way. */
bool client_set_idle(const struct world *world);
/* Let one client of each machine ask for all keys; each answer must be exact. */
void client_set_audit(struct world *world);
bool client_set_audited(const struct world *world);

/* ---- effects of a machine */
void client_set_replied(struct machine *machine, connection_id connection, struct slice bytes);
void client_set_closed(struct machine *machine, connection_id connection);
void client_set_paused(struct machine *machine, connection_id connection, bool paused);
void client_set_machine_gone(struct machine *machine, bool power_loss);

/* ---- occurrences */
void client_set_arrived(struct machine *machine, const struct occurrence *what);
void client_set_handle(struct world *world, const struct occurrence *what);

/* Nothing has happened for so long, also to clients: nobody's answer is later for it. */
void client_set_stood_still(struct world *world, uint64_t length_us);
/* A client connection ends, drawn by `draw`. */
void client_set_reset_one(struct world *world, uint64_t draw);

/* Commands that ended well, of those started at or after a moment, by the machine asked. */
struct client_count {
    uint64_t started;
    uint64_t acked;
};
void client_set_count_from(struct world *world, uint64_t since_us);
struct client_count client_set_count(const struct world *world, uint32_t machine);

#endif
