/*
 * register.h - the register on the loop side: what this node knows, who else knows it, and changes.
 *
 * A value that is known to be chosen goes to the own disk first, then into force here, then its
 * number to the peers (MESSAGE_REGISTER_KNOWN); who is behind pulls it. Numbers are told again
 * each REGISTER_TELL_MS, so a lost frame costs that long.
 *
 * One change runs at a time; the others wait for their turn, REGISTER_TICKETS_MAX together. When a
 * change is made, its ticket is over once all peers that are up know of it, or after
 * REGISTER_SPREAD_MS: so what an operator has created is there for clients of all nodes.
 *
 * A value that this node accepted and never heard to be chosen may be chosen all the same: its
 * proposer may have died. After REGISTER_DOUBT_MS a steward asks, by a change that changes nothing.
 *
 * A store that took the place of a lost one is used for nothing before the register was read
 * (register_new_store.c).
 *
 * A steward whose store was lost makes itself one again with the store that it has now, in two
 * changes: both stores are named, then the new one alone.
 * Source: reference "algorithms" 1.6, A.2.
 */
#ifndef NODE_REGISTER_H
#define NODE_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/environment.h"
#include "membership/register_change.h"
#include "node/node.h"
#include "wire/frame.h"

struct pending;
struct node_register;

enum {
    REGISTER_TICKETS_MAX = 8,
    REGISTER_TICKET_KEPT_MS = 10000, /* for who never takes its outcome */
    REGISTER_TELL_MS = 1000,
    REGISTER_PULL_MS = 1000,  /* until another peer is asked */
    REGISTER_LEARN_MS = 1000, /* until the own store is asked again */
    REGISTER_SPREAD_MS = 2000,
    REGISTER_DOUBT_MS = 8000,
    REGISTER_STEWARDS_MS = 2000
};

struct node_register *node_register_new(struct node *node, const struct node_params *params);
void node_register_free(struct node_register *reg);

/* The members of the ring have changed. */
void node_register_follow_ring(struct node *node);
void node_register_peer_up(struct node *node, node_id peer);
void node_register_peer_down(struct node *node, node_id peer);
/* Whether frames of this type come here instead of to peer_request(). */
bool node_register_takes(uint16_t type);
void node_register_peer_frame(struct node *node, node_id from, link_id link,
                              const struct frame *frame);
/*
 * The own store is what it was. Before that no change is proposed here: a store that has forgotten
 * rounds gives a ballot twice, and the second change would be taken for the first.
 */
void node_register_confirmed(struct node *node);
/* False: the store is new, and what the one before it went by is still being asked for (T8). */
bool node_register_is_read(const struct node *node);
/* MESSAGE_REGISTER_STATE. */
void node_register_state(struct node *node, struct slice body);
/* An answer of the own store side to a PENDING_REGISTER. */
void node_register_store_answer(struct node *node, struct pending *pending, uint16_t type,
                                struct slice body);
/* No answer will come. */
void node_register_store_silent(struct node *node, struct pending *pending);
void node_register_tick(struct node *node);
uint64_t node_register_deadline_us(const struct node *node);

/* environment.h */
uint64_t node_register_change(void *context, const struct register_change *change);
bool node_register_take(void *context, uint64_t ticket, struct change_outcome *out);
void node_register_view(void *context, struct register_view *out);
void node_register_export(void *context, struct buffer *out);

#endif
