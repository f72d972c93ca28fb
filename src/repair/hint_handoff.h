/*
 * hint_handoff.h - gives the hints that this node keeps to the owners they are for.
 *
 *     pick a partition of which an owner in reach is owed hints
 *       --> ask the own store side for a page of them (MESSAGE_HINTS_SCAN, _PAGE)
 *       --> send it to the owner (MESSAGE_REPLICATE, as any other write)
 *       --> the owner holds it synced: tell the own store side (MESSAGE_HINTS_DROP, _DROPPED)
 *       --> the next page, then the next partition
 *
 * Each owner has a lane of its own, and one page at a time is under way in it. A lane begins a
 * random while after its owner came into reach, because others come back to it as well. Its
 * rate rises slowly while the owner answers quickly, and is halved when it does not (AIMD);
 * an owner that refuses, or says that its store is in trouble, is left alone for a pause
 * that doubles. Nothing is remembered that a crash could lose: the counts of the store say
 * what is left. Without hints there is nothing to do, and nothing is done.
 *
 * Invariants
 *   D1  a page is dropped only after the owner has answered that all of it is synced
 *   D2  at most one page of each lane is under way
 *   D3  what an owner refuses holds up the rest of its hints for one pass at most
 * Source: Dynamo, SOSP 2007, 4.6; reference "algorithms" 5.2.
 */
#ifndef REPAIR_HINT_HANDOFF_H
#define REPAIR_HINT_HANDOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/status.h"
#include "ring/ring.h"
#include "wire/message_hint.h"

struct hint_handoff;

struct hint_handoff_params {
    const struct ring *ring; /* outlives it */
    node_id self;
    uint32_t rate_bytes_max; /* to one owner, in a second */
    uint32_t delay_ms;       /* at most, from the owner's return to the first page */
    uint32_t timeout_ms;     /* of an answer */
    uint64_t random_seed;
    struct log_sink log;
};

enum hint_want { HINT_WANT_PAGE, HINT_WANT_DELIVERY, HINT_WANT_DROP };

/* A body for the own store side or, HINT_WANT_DELIVERY, MESSAGE_REPLICATE for `target`. */
struct hint_action {
    enum hint_want want;
    node_id target;  /* whose lane it is. The node itself, when it has become an owner */
    uint64_t serial; /* to give back with the answer: late ones are told by it */
    size_t offset;   /* of the body in `bodies` */
    size_t length;
};

/* Cleared by the caller between steps; all zero is empty. */
struct hint_output {
    struct hint_action *actions;
    uint32_t count;
    uint32_t capacity;
    struct buffer bodies;
};

void hint_output_clear(struct hint_output *output);
void hint_output_deinit(struct hint_output *output);

struct hint_handoff *hint_handoff_new(const struct hint_handoff_params *params);
/* The members of the ring have changed. */
void hint_handoff_follow_ring(struct hint_handoff *handoff);
void hint_handoff_free(struct hint_handoff *handoff);

/* What the own store side has told. */
void hint_handoff_counts(struct hint_handoff *handoff, const struct message_hint_counts *counts,
                         uint64_t now_us);
void hint_handoff_peer_up(struct hint_handoff *handoff, node_id peer, uint64_t now_us);
void hint_handoff_peer_down(struct hint_handoff *handoff, node_id peer);
/* The peer's store is in trouble, or is not any more. */
void hint_handoff_peer_pressed(struct hint_handoff *handoff, node_id peer, bool pressed,
                               uint64_t now_us);

/* `wall_ms` is the clock by which hints are dated. */
void hint_handoff_tick(struct hint_handoff *handoff, uint64_t now_us, uint64_t wall_ms,
                       struct hint_output *out);

/* An answer to an action. */
struct hint_answer {
    node_id target;
    uint64_t serial;
    enum status status; /* not OK: there will be no answer, or it is this one */
    struct slice body;  /* of MESSAGE_HINTS_PAGE or _DROPPED */
};

void hint_handoff_page(struct hint_handoff *handoff, const struct hint_answer *answer,
                       uint64_t now_us, struct hint_output *out);
void hint_handoff_delivered(struct hint_handoff *handoff, const struct hint_answer *answer,
                            uint64_t now_us, struct hint_output *out);
void hint_handoff_dropped(struct hint_handoff *handoff, const struct hint_answer *answer,
                          uint64_t now_us);
uint64_t hint_handoff_deadline_us(const struct hint_handoff *handoff);

/* ---- for operators ------------------------------------------------------------------------- */

enum hint_lane_state {
    HINT_LANE_IDLE, /* nothing is owed to it */
    HINT_LANE_DELIVERING,
    HINT_LANE_OUT_OF_REACH,
    HINT_LANE_STARTING, /* the random while after its return */
    HINT_LANE_PRESSED,  /* it said that its store is in trouble */
    HINT_LANE_REFUSED   /* it refused: `refusal` */
};

struct hint_lane_view {
    enum hint_lane_state state;
    enum status refusal;
    uint64_t cells;
    uint64_t bytes;
    uint64_t oldest_ms;  /* no hint for it is older; 0 without hints */
    uint64_t rate_bytes; /* that it may be sent in a second now */
    uint64_t wait_ms;    /* HINT_LANE_STARTING, _REFUSED: until the next try */
    uint64_t delivered_cells, delivered_bytes; /* since the start of this node */
};

/* Costs O(partitions with hints). */
void hint_handoff_view(const struct hint_handoff *handoff, node_id target, uint64_t now_us,
                       struct hint_lane_view *out);

struct hint_totals {
    uint64_t partitions, cells, bytes; /* a hint for several owners counts once */
    uint64_t oldest_ms;
    uint64_t delivered_cells, delivered_bytes, refused_cells;
};

void hint_handoff_totals(const struct hint_handoff *handoff, struct hint_totals *out);

#endif
