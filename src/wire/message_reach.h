/*
 * message_reach.h - body of what nodes tell each other of whom they reach
 * (membership/reach_matrix.h).
 *
 * As wire/message.h says of encoders and decoders. MESSAGE_REACH has no answer: a later one says it
 * all again. It is a row of bytes for each report, the sender's own first:
 *
 *     report = node, life, number, age_ms, count, then `count` items by rising member id:
 *     item   = 2 x (id less the one before) + reached, and when it is not reached since_ms
 */
#ifndef WIRE_MESSAGE_REACH_H
#define WIRE_MESSAGE_REACH_H

#include "wire/message.h"

enum { REACH_CELLS_MAX = 512 };

/* What one node says of one other member. */
struct reach_cell {
    node_id node;
    bool reached;
    uint64_t since_ms; /* not reached: for so long, when the report was made */
};

struct reach_report {
    node_id node;    /* who reports */
    uint64_t life;   /* its storage incarnation above its boot epoch: goes up with each start */
    uint64_t number; /* goes up within a life */
    uint64_t age_ms; /* since it was made, when it was sent */
    uint32_t count;
};

/* Begins a report; its `count` cells follow. */
void reach_report_encode(const struct reach_report *report, struct buffer *out);
/* `before`: the node of the cell before it, 0 for the first. */
void reach_cell_encode(const struct reach_cell *cell, node_id before, struct buffer *out);

/* Both fail the reader. */
void reach_report_decode(struct reader *reader, struct reach_report *out);
void reach_cell_decode(struct reader *reader, node_id before, struct reach_cell *out);

#endif
