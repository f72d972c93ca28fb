/*
 * whole_node.h - both sides of one node on a store in memory: what a process is, without a process.
 *
 * Node 1 of a ring of 16 partitions that it owns with `members - 1` others, whom nobody plays: what
 * is meant for them is dropped. Each step goes on until nothing is left to do at that instant;
 * every group of writes is committed at once.
 */
#ifndef TESTS_FUZZ_WHOLE_NODE_H
#define TESTS_FUZZ_WHOLE_NODE_H

#include "../unit/node/store_host.h"
#include "node/node.h"

enum { WHOLE_NODE_CLIENT = 50, WHOLE_NODE_ASKED_MAX = 16 /* a power of two */ };

struct whole_node {
    struct store_host store;
    struct node *node;
    struct effects effects;
    struct buffer hashes;                   /* of passwords, for the next turn */
    struct buffer sent;                     /* to the client, all of it */
    uint64_t client_bytes;                  /* how much that was */
    request_id asked[WHOLE_NODE_ASKED_MAX]; /* the newest numbers that peers were sent, in turn */
    uint32_t asked_count;
    bool client_closed;
    bool left; /* the node wants to end */
};

/* It serves; the client is connected. `members` is 1 to 3. */
void whole_node_init(struct whole_node *whole, uint32_t members);
void whole_node_deinit(struct whole_node *whole);

void whole_node_step(struct whole_node *whole, struct event event);
/* Link number `peer` is up, and has said HELLO as that member. */
void whole_node_let_in(struct whole_node *whole, node_id peer);
void whole_node_frame(struct whole_node *whole, link_id link, uint16_t type, request_id request,
                      struct slice body);
void whole_node_say(struct whole_node *whole, struct slice bytes);
/* Time goes on by `ms`, with a tick at every deadline on the way, but at most `ticks` of them. */
void whole_node_pass(struct whole_node *whole, uint64_t ms, unsigned ticks);
/* As after kill -9: aborts when the store cannot be opened again. */
void whole_node_reopen_store(struct whole_node *whole);

#endif
