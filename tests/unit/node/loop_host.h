/*
 * loop_host.h - the loop side of node 1 of one region, with peers, clients and store made by hand.
 *
 * Link n leads to member n. There is one client.
 */
#ifndef TESTS_UNIT_NODE_LOOP_HOST_H
#define TESTS_UNIT_NODE_LOOP_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coordinator/key_request.h"
#include "node/node.h"
#include "wire/frame.h"
#include "wire/message.h"

enum { LOOP_HOST_SELF = 1, LOOP_HOST_CLIENT = 50 };

struct loop_host {
    struct ring *ring;
    struct settings settings;
    struct node *node;
    struct effects effects; /* of the last step */
    struct instant now;     /* what the node's clocks show */
    uint64_t true_ms;       /* what the clocks of all others show */
};

/* A ring of 16 partitions and one keyspace; the own replicas are active, no peer is up. */
void loop_host_init(struct loop_host *host, const char *replication, uint32_t members);
/*
 * The same, before the store has opened: it has not told what of the register it knows. It is the
 * node's store number `incarnation`.
 */
void loop_host_init_unopened(struct loop_host *host, const char *replication, uint32_t members,
                             uint16_t incarnation);
/* The same, before the store has shown what it is (message_lineage.h): nothing is served. */
void loop_host_init_unconfirmed(struct loop_host *host, const char *replication, uint32_t members);
void loop_host_deinit(struct loop_host *host);

void loop_host_step(struct loop_host *host, struct event event);
/* `link` 0: from the own store side. */
void loop_host_give(struct loop_host *host, link_id link, uint16_t type, request_id request,
                    struct slice body);
/* Its link is up and its HELLO accepted. */
void loop_host_let_in(struct loop_host *host, node_id peer);
/* The peer answers a heartbeat of right now; its clock is ahead of the true time by `off_ms`. */
void loop_host_beat(struct loop_host *host, node_id peer, int64_t off_ms);
/* All peers let in, and compared with the true time. */
void loop_host_let_all_in(struct loop_host *host);
/* Both clocks go on; the wall clock jumps by `jump_ms` besides. Then a tick. */
void loop_host_pass(struct loop_host *host, uint64_t ms, int64_t jump_ms);

/* An inline command of the client. */
void loop_host_say(struct loop_host *host, const char *command);
/* Fails when what the client was sent in the last step does not begin so. "": nothing was. */
void loop_host_assert_reply(const struct loop_host *host, const char *start);
/* Whether it was sent something that holds `part`. */
bool loop_host_reply_has(const struct loop_host *host, const char *part);
/* The first frame of this type among the effects, and the link it goes to (0: the own store). */
bool loop_host_find(const struct loop_host *host, uint16_t type, struct frame *out, link_id *link);
void loop_host_answer_forward(struct loop_host *host, link_id link, request_id request,
                              enum status status);
/* A key of a partition that this node owns as its owner number `place`; -1: does not own. */
void loop_host_find_key(const struct loop_host *host, int place, char key[16]);

#endif
