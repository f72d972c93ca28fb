/*
 * ring_driver.h - whoever drives a committed plan: its rounds, one after the other.
 *
 *     idle -> asking -> proposing -> idle       a round ends with a change of the register, or
 *                  \________________^           with nothing, and then the next one comes later
 *
 * Any steward can, and several may at once (membership/plan_drive.h). So that mostly one does, a
 * steward waits RING_DRIVER_TURN_MS for each one with a lower id that it reaches, from the last
 * change of the register on; one that is up and stands still is passed by so.
 *
 * A round lasts RING_DRIVER_ASK_MS at most, whoever is silent. While nothing can be done the pause
 * between rounds doubles up to RING_DRIVER_PAUSE_MAX_MS; a new value of the register ends the round
 * and the pause, and news that somebody has more to say ends the pause (evidence.c). There is one
 * round at a time, whose memory is bounded by members and by partitions that move; nothing at all
 * is done while there is nothing to drive.
 */
#ifndef NODE_RING_DRIVER_H
#define NODE_RING_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring_wait.h"

struct node;
struct pending;
struct ring_driver;

enum {
    RING_DRIVER_SOON_MS = 20,
    RING_DRIVER_TURN_MS = 5000,
    RING_DRIVER_ASK_MS = 1000,
    RING_DRIVER_PAUSE_MIN_MS = 100,
    RING_DRIVER_PAUSE_MAX_MS = 2000,
    RING_DRIVER_LOOK_MS = 50,    /* whether the change that it proposed is over */
    RING_DRIVER_FAILED_MS = 1000 /* after one that was not made */
};

struct ring_driver *ring_driver_new(void);
void ring_driver_free(struct ring_driver *driver);

/* A new value of the register is in force, or what was known of it is known to be right. */
void ring_driver_follow(struct node *node);
/* MESSAGE_RING_TOLD of a peer that was asked in the round of `pending`. */
void ring_driver_told(struct node *node, struct pending *pending, node_id from, struct slice body);
/* Somebody has more to say than when it was asked last; for a steward that drives. */
void ring_driver_news(struct node *node);
void ring_driver_tick(struct node *node);
uint64_t ring_driver_deadline_us(const struct node *node);

/* environment.h: false: no round of the present value is over here. */
bool ring_driver_wait(void *context, partition_id partition, struct ring_wait *out);
bool ring_driver_end_wait(void *context, struct ring_wait *out);

#endif
