/*
 * drain.h - a node that is to be stopped hands over what it does, and says when it may be.
 *
 *     told to drain --> the others know (MESSAGE_DRAIN), and choose it last from then on
 *                   --> clients that asked to be told are sent MOVING (commands/maintenance.h)
 *                   --> its clients' writes are coordinated by other owners
 *                   --> its hints go to the owners they are for, and it takes no more
 *                   --> the other owners pull what they lack of its log
 *     drained       --> nothing of that is left: stopping it takes nothing from anybody
 *
 * It goes on as an owner all the while: it answers reads, takes copies and counts for levels, and
 * where no other owner can coordinate a write it does. So a drain costs no availability, and what
 * it says is of now: a new hint, a lost node or a write that had to be minted here makes it
 * "draining" again. It is not on the disk: a start ends it.
 *
 *   N1  "drained" is said only when every member in reach has confirmed the last word, and each
 *       other owner in reach has shown a clock that covers the own one as it was when that word
 *       was first told
 *   N2  a write minted here after a word begins a new word, so N1 covers it
 *   N3  when stopping this node would take the quorum of a partition, counting who is down or
 *       drains itself as gone, a drain is refused, and one under way is not done. Two nodes that
 *       drain at once hear of each other, so neither is done
 */
#ifndef NODE_DRAIN_H
#define NODE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

enum { DRAIN_MOVE_SECONDS = 10 }; /* that clients are given to move */

struct node;

/* Of one peer; all zero when its link comes up. */
struct drain_peer {
    bool drains;        /* as it last told */
    uint64_t heard;     /* the number of that word; 0: none came */
    uint64_t confirmed; /* the last own word that it has confirmed */
};

struct drain {
    bool on;
    bool forced;          /* quorums and hints that cannot be delivered do not matter */
    uint64_t number;      /* of the own last word; 0: there was none */
    uint64_t sequence;    /* of what clients are told */
    uint64_t since_us;    /* it drains */
    uint64_t moved_by_us; /* clients that were told to move have been given until then */
    uint64_t tell_us;     /* when who has not confirmed is told again; UINT64_MAX: all have */
    bool minted;          /* here, since the last word */
    uint64_t marked; /* the word since which the own store side counts what owners have shown */
};

#endif
