/*
 * workload.h - what simulated clients ask: drawn commands, as structs and as bytes.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "sim/command.h"

struct contexts;
struct world;

/*
 * Draw the next command for a client that has selected `keyspace`, and append
 * its request to `out`. `cursor` is the client's place in its walk of SCAN, `contexts` what it
 * has been given where siblings are kept.
 */
void workload_draw(struct world *world, struct random *random, keyspace_id keyspace,
                   uint64_t cursor, const struct contexts *contexts, struct command *command,
                   struct buffer *out);
/*
 * The request of `command`, whose kind and options are set, on one key. `context` is added when
 * `command->context` is one.
 */
void workload_ask(struct world *world, struct random *random, uint32_t key,
                  const struct buffer *context, struct command *command, struct buffer *out);
/*
 * A read of one key (of all siblings, where these are kept), or KEYS of a keyspace, at level
 * QUORUM, when everything has settled.
 */
void workload_last_get(struct world *world, uint32_t key, struct command *command,
                       struct buffer *out);
void workload_last_keys(struct world *world, struct command *command, struct buffer *out);
void workload_select(keyspace_id keyspace, struct buffer *out);

#endif
