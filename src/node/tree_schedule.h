/*
 * tree_schedule.h - when partitions are compared with which peer, and when replicas are scrubbed.
 *
 * Of the two owners of a pair one begins, chosen by the partition, so each pair is compared once
 * in repair-interval. A pair whose comparison failed or found something comes again sooner. Two
 * exchanges and one scrub are under way at most; every step of them waits for the pace
 * (repair/pace.h). While paused, nothing begins and nothing goes on.
 *
 * A replica is scrubbed once in scrub-interval, and at once when its tree has the wrong depth.
 */
#ifndef NODE_TREE_SCHEDULE_H
#define NODE_TREE_SCHEDULE_H

#include "commands/repair_view.h"
#include "node/node.h"

struct pending;
struct frame;
struct tree_schedule;

struct tree_schedule *tree_schedule_new(const struct ring *ring, node_id self);
void tree_schedule_free(struct tree_schedule *schedule);
/* Partitions have other owners than before. */
void tree_schedule_follow_ring(struct node *node);
void tree_schedule_start(struct node *node);

void tree_schedule_tick(struct node *node);
uint64_t tree_schedule_deadline_us(const struct node *node);
/* An answer for a PENDING_TREE; removes it. */
void tree_schedule_frame(struct node *node, struct pending *pending, uint16_t type,
                         struct slice body);
/* No answer will come: the peer is down, a queue was full, time is up. Removes it. */
void tree_schedule_failed(struct node *node, struct pending *pending, enum status status);
/* MESSAGE_TREE_STATE of the own store side. */
void tree_schedule_state(struct node *node, struct slice body);
void tree_schedule_note_request(struct node *node, uint64_t started_us);

/* What commands ask; `node` is a struct node. */
void tree_schedule_view(void *node, struct instant now, struct repair_view *out);
void tree_schedule_pair(void *node, struct instant now, uint32_t index,
                        struct repair_pair_view *out);
void tree_schedule_replica(void *node, struct instant now, uint32_t index,
                           struct repair_replica_view *out);
/* STATUS_NOT_OWNER: this node has nothing to do with that partition. */
enum status tree_schedule_order(void *node, enum repair_order order, uint32_t partition);

#endif
