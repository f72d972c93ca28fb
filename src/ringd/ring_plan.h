/*
 * ring_plan.h - makes the first ring of a cluster from a list of nodes.
 *
 * A node is written as name=value pairs separated by commas:
 *
 *     id=1,region=eu,rack=r1,weight=100,client=127.0.0.1:7001,peer=127.0.0.1:8001
 *
 * id, client and peer must be there; without a region the ring may have only one,
 * the rack is "rack1" and the weight RING_PLAN_WEIGHT.
 *
 * The ring offers RING_PLAN_KEYSPACES keyspaces, as many as Redis has databases,
 * all with the policy that a Redis client expects (the last writer wins). Others are
 * written in the same way, and take the place of the one with their number:
 *
 *     number=1,name=carts,policy=siblings
 *
 * The number is below RING_KEYSPACES_MAX and must be there; the name is "db" and the
 * number, the policy lww or siblings.
 */
#ifndef RINGD_RING_PLAN_H
#define RINGD_RING_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "membership/member_change.h"
#include "ring/planner.h"
#include "ring/ring.h"

enum { RING_PLAN_WEIGHT = MEMBER_WEIGHT, RING_PLAN_KEYSPACES = 16, RING_PLAN_PARTITIONS = 256 };

/* What makes a cluster different from every other one, and its MACs unforgeable. */
struct ring_random {
    uint8_t cluster_id[16]; /* must never be given twice */
    uint64_t seed;
    uint8_t secret[RING_SECRET_BYTES];
};

/* From the system. STATUS_IO: one sentence was appended to `problems`. */
MUST_USE enum status ring_random_draw(struct ring_random *out, struct buffer *problems);

struct ring_plan {
    const char *replication; /* "eu:2,us:1" */
    uint32_t partition_count;
    const char *const *nodes;
    size_t node_count;
    const char *const *keyspaces;
    size_t keyspace_count;
    struct ring_random random;
};

/*
 * STATUS_INVALID (each wrong part added one line to `problems`), STATUS_INFEASIBLE (one
 * line: what binds). The caller owns `*out`.
 */
MUST_USE enum status ring_plan_make(const struct ring_plan *plan, struct ring **out,
                                    struct planner_report *report, struct buffer *problems);

/* A ring of one node in one region, reached at these addresses. Never fails. */
struct ring *ring_plan_one_node(node_id node, const struct ring_address *client,
                                const struct ring_address *peer, const struct ring_random *random);

/*
 * What the operator wants to know of a ring and its plan, as some lines of text. A share
 * is what a node got of what its weight asks for.
 */
void ring_plan_describe(const struct ring *ring, const struct planner_report *report,
                        struct buffer *out);

#endif
