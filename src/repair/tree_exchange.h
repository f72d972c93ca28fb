/*
 * tree_exchange.h - comparing one partition with one peer: roots, then nodes, then cells.
 *
 *     roots equal                   one small message each way, and it is over
 *     roots differ                  the level of 256 nodes below, and so on down to the leaves
 *     leaves that differ            listings of cells; what is corrupt is mended on either side
 *
 * The machine only remembers where it is: questions and verdicts are made by the store sides
 * (wire/message_tree.h). At most TREE_EXCHANGE_LEAVES_MAX leaves are compared; when more differ
 * the exchange ends incomplete, and the next one begins elsewhere. When to begin, when to take
 * the next step and how long to wait for an answer is decided in node/tree_schedule.c.
 * Source: reference "algorithms" 6.3.
 */
#ifndef REPAIR_TREE_EXCHANGE_H
#define REPAIR_TREE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "wire/message_tree_local.h"

enum { TREE_EXCHANGE_LEAVES_MAX = 256 };

enum tree_exchange_want {
    TREE_EXCHANGE_NOTHING,
    TREE_EXCHANGE_ASK_STORE, /* `type` with the body to the own store side */
    TREE_EXCHANGE_ASK_PEER,  /* `type` with the body to the peer */
    TREE_EXCHANGE_OVER       /* `result` of the exchange is final */
};

struct tree_exchange_output {
    enum tree_exchange_want want;
    uint16_t type; /* enum message_type */
    struct buffer body;
};

struct tree_exchange_result {
    enum status status; /* OK; else why it ended early */
    bool equal;         /* the roots were */
    bool clocks_equal;  /* then, too */
    bool complete;      /* every leaf that differed was compared */
    uint32_t leaves;    /* compared */
    struct tree_differences differences;
    uint32_t repaired; /* cells, on both sides */
    uint64_t bytes_sent, bytes_received;
};

/* All zero is idle. Release with tree_exchange_deinit(). */
struct tree_exchange {
    uint8_t state;
    uint8_t flags; /* enum tree_flags */
    partition_id partition;
    node_id peer;
    uint32_t turn;                            /* which of many leaves come first */
    uint8_t depth;                            /* of the leaves */
    uint8_t bits;                             /* of the nodes below */
    uint32_t nodes[TREE_EXCHANGE_LEAVES_MAX]; /* known to differ */
    uint32_t node_count, node_next;
    uint32_t below[TREE_EXCHANGE_LEAVES_MAX]; /* found so far, one level deeper */
    uint32_t below_count;
    uint8_t below_bits;
    bool overflowed;
    struct buffer from; /* where the present leaf's next listing begins */
    struct tree_exchange_result result;
};

struct tree_exchange_params {
    partition_id partition;
    node_id peer;
    uint8_t flags;
    uint32_t turn;
};

void tree_exchange_deinit(struct tree_exchange *exchange);
bool tree_exchange_is_idle(const struct tree_exchange *exchange);
/* It must be idle. */
void tree_exchange_begin(struct tree_exchange *exchange, const struct tree_exchange_params *params,
                         struct tree_exchange_output *out);
/*
 * A frame from the own store side or the peer, in answer to what was asked last. `type` is that of
 * the frame. One of another type ends the exchange.
 */
void tree_exchange_frame(struct tree_exchange *exchange, uint16_t type, struct slice body,
                         struct tree_exchange_output *out);
/* The peer went down, a queue was full, or the deadline passed. */
void tree_exchange_fail(struct tree_exchange *exchange, enum status status,
                        struct tree_exchange_output *out);
/* After TREE_EXCHANGE_OVER, when `result` was read. */
void tree_exchange_end(struct tree_exchange *exchange);

#endif
