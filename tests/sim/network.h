/*
 * network.h - peer connections over a network that delays, cuts, slows and breaks.
 *
 * A connection has two directions, each with its own fate. By default a
 * direction is as TCP makes it: in order, nothing lost, and what a cut holds up
 * comes after the cut; a reset loses everything in flight. Plans that
 * lose, double or reorder single frames inside a connection go beyond what TCP
 * allows: handlers must survive that as well.
 *
 * The receiving adapter cuts the bytes into frames as the real one does, and
 * closes the connection when one fails its checksum.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"

struct machine;
struct network;
struct occurrence;
struct world;

struct network *network_new(struct world *world);
void network_free(struct network *network);

/* ---- effects of a machine */
void network_dial(struct machine *from, node_id to);
/* Links that the machine does not have (any longer) are ignored. */
void network_send(struct machine *from, link_id link, struct slice bytes);
void network_close(struct machine *from, link_id link);
/* What one step sent on a link leaves as one piece. */
void network_flush(struct machine *from);
/* The process has ended. Without `power_loss` its host tells the peers. */
void network_machine_gone(struct machine *machine, bool power_loss);

/* ---- occurrences */
void network_arrived(struct machine *at, const struct occurrence *what);
void network_link_lost(struct machine *at, const struct occurrence *what);
void network_dial_arrived(struct world *world, const struct occurrence *what);

/* ---- faults; machines by index. Cuts are counted: each needs its own mend. */
void network_cut(struct world *world, uint32_t from, uint32_t to);
void network_mend(struct world *world, uint32_t from, uint32_t to);
/* 0: as fast as it comes. */
void network_limit(struct world *world, uint32_t from, uint32_t to, uint64_t bytes_per_second);
bool network_is_cut(const struct world *world, uint32_t from, uint32_t to);
/* Whether no path from or to the machine is cut. */
bool network_is_whole(const struct world *world, uint32_t machine);
/* Break one connection, drawn by `draw`. */
void network_reset_one(struct world *world, uint64_t draw);
/*
 * A connection reaches `at` that says it comes from `of`, but from before `of` lost its disk, or
 * with another ring. I9: the node may say hello and must say nothing else.
 */
void network_ghost(struct machine *of, struct machine *at);
/* Break nothing any more inside connections. */
void network_be_kind(struct world *world);

uint32_t network_open_count(const struct world *world);

#endif
