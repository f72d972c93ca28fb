#include "repair/tree_exchange.h"

#include <assert.h>

enum exchange_state {
    EXCHANGE_IDLE,
    EXCHANGE_ROOT_MADE,  /* asked of the own store side */
    EXCHANGE_ROOT_ASKED, /* of the peer */
    EXCHANGE_NODES_MADE,
    EXCHANGE_NODES_ASKED,
    EXCHANGE_LEAF_MADE,
    EXCHANGE_LEAF_ASKED,
    EXCHANGE_APPLYING,
    EXCHANGE_REPAIR_ASKED,
    EXCHANGE_OVER
};

void tree_exchange_deinit(struct tree_exchange *exchange)
{
    buffer_deinit(&exchange->from);
    *exchange = (struct tree_exchange){0};
}

bool tree_exchange_is_idle(const struct tree_exchange *exchange)
{
    return exchange->state == EXCHANGE_IDLE;
}

static void finish(struct tree_exchange *exchange, enum status status,
                   struct tree_exchange_output *out)
{
    exchange->state = EXCHANGE_OVER;
    exchange->result.status = status;
    exchange->result.complete = status == STATUS_OK && !exchange->overflowed;
    buffer_clear(&out->body);
    out->want = TREE_EXCHANGE_OVER;
}

void tree_exchange_fail(struct tree_exchange *exchange, enum status status,
                        struct tree_exchange_output *out)
{
    if (exchange->state != EXCHANGE_IDLE && exchange->state != EXCHANGE_OVER)
        finish(exchange, status, out);
}

void tree_exchange_end(struct tree_exchange *exchange)
{
    assert(exchange->state == EXCHANGE_OVER);
    exchange->state = EXCHANGE_IDLE;
    buffer_clear(&exchange->from);
}

static void ask_store(struct tree_exchange *exchange, const struct message_tree_ask *ask,
                      enum exchange_state state, struct tree_exchange_output *out)
{
    out->want = TREE_EXCHANGE_ASK_STORE;
    out->type = MESSAGE_TREE_ASK;
    message_tree_ask_encode(ask, &out->body);
    exchange->state = state;
}

static void ask_peer(struct tree_exchange *exchange, uint16_t type, struct slice body,
                     enum exchange_state state, struct tree_exchange_output *out)
{
    out->want = TREE_EXCHANGE_ASK_PEER;
    out->type = type;
    buffer_append_slice(&out->body, body);
    exchange->result.bytes_sent += body.length;
    exchange->state = state;
}

void tree_exchange_begin(struct tree_exchange *exchange, const struct tree_exchange_params *params,
                         struct tree_exchange_output *out)
{
    assert(tree_exchange_is_idle(exchange));
    exchange->flags = params->flags;
    exchange->partition = params->partition;
    exchange->peer = params->peer;
    exchange->turn = params->turn;
    exchange->node_count = exchange->node_next = exchange->below_count = 0;
    exchange->bits = exchange->below_bits = 0;
    exchange->overflowed = false;
    exchange->result = (struct tree_exchange_result){0};
    ask_store(exchange,
              &(struct message_tree_ask){.partition = params->partition, .ask = MESSAGE_TREE_ROOT},
              EXCHANGE_ROOT_MADE, out);
}

/* ---- down the levels ------------------------------------------------------------------------ */

/* The next listing of the present leaf. */
static void ask_for_leaf(struct tree_exchange *exchange, struct tree_exchange_output *out)
{
    ask_store(exchange,
              &(struct message_tree_ask){.partition = exchange->partition,
                                         .ask = MESSAGE_TREE_LEAF,
                                         .flags = exchange->flags,
                                         .bits = exchange->depth,
                                         .index = exchange->nodes[exchange->node_next],
                                         .from = buffer_slice(&exchange->from)},
              EXCHANGE_LEAF_MADE, out);
}

/* The next node that is known to differ: its children, or its cells. */
static void go_on(struct tree_exchange *exchange, struct tree_exchange_output *out)
{
    if (exchange->node_next == exchange->node_count && exchange->bits < exchange->depth) {
        exchange->node_count = exchange->below_count;
        for (uint32_t i = 0; i < exchange->below_count; i++)
            exchange->nodes[i] = exchange->below[i];
        exchange->bits = exchange->below_bits;
        exchange->node_next = exchange->below_count = 0;
    }
    if (exchange->node_next == exchange->node_count) {
        finish(exchange, STATUS_OK, out);
        return;
    }
    if (exchange->bits == exchange->depth) {
        buffer_clear(&exchange->from);
        ask_for_leaf(exchange, out);
        return;
    }
    uint8_t below = (uint8_t)(exchange->bits + TREE_LEVEL_BITS);
    exchange->below_bits = below < exchange->depth ? below : exchange->depth;
    ask_store(exchange,
              &(struct message_tree_ask){.partition = exchange->partition,
                                         .ask = MESSAGE_TREE_NODES,
                                         .parent_bits = exchange->bits,
                                         .bits = exchange->below_bits,
                                         .index = exchange->nodes[exchange->node_next]},
              EXCHANGE_NODES_MADE, out);
}

static void root_answered(struct tree_exchange *exchange, struct slice body,
                          struct tree_exchange_output *out)
{
    struct message_tree_root_result result;
    enum status status = message_tree_root_result_decode(body, &result);
    if (status == STATUS_OK)
        status = result.status;
    if (status != STATUS_OK || result.equal) {
        exchange->result.equal = status == STATUS_OK;
        finish(exchange, status, out);
        return;
    }
    exchange->result.clocks_equal = result.clocks_equal;
    exchange->depth = result.bits;
    exchange->nodes[0] = 0;
    exchange->node_count = 1;
    go_on(exchange, out);
}

/* Of more than there is room for, those that come first depend on the turn. */
static void nodes_answered(struct tree_exchange *exchange, struct slice body,
                           struct tree_exchange_output *out)
{
    struct message_tree_nodes_result result;
    enum status status = message_tree_nodes_result_decode(body, &result);
    if (status == STATUS_OK)
        status = result.status;
    for (uint16_t i = 0; status == STATUS_OK && i < result.count; i++)
        if (result.differ[i] >> exchange->below_bits != 0)
            status = STATUS_CORRUPT;
    if (status != STATUS_OK) {
        finish(exchange, status, out);
        return;
    }
    for (uint16_t i = 0; i < result.count; i++) {
        if (exchange->below_count == TREE_EXCHANGE_LEAVES_MAX) {
            exchange->overflowed = true;
            break;
        }
        uint32_t at = (uint32_t)((i + (uint64_t)exchange->turn * 31) % result.count);
        exchange->below[exchange->below_count++] = result.differ[at];
    }
    exchange->node_next++;
    go_on(exchange, out);
}

/* ---- cells ---------------------------------------------------------------------------------- */

static void leaf_over(struct tree_exchange *exchange, struct tree_exchange_output *out)
{
    if (exchange->from.length > 0) {
        ask_for_leaf(exchange, out);
        return;
    }
    exchange->result.leaves++;
    exchange->node_next++;
    go_on(exchange, out);
}

static void apply(struct tree_exchange *exchange, struct slice body,
                  struct tree_exchange_output *out)
{
    struct message_tree_apply message = {.from = exchange->peer, .result = body};
    out->want = TREE_EXCHANGE_ASK_STORE;
    out->type = MESSAGE_TREE_APPLY;
    message_tree_apply_encode(&message, &out->body);
    exchange->state = EXCHANGE_APPLYING;
}

static void applied(struct tree_exchange *exchange, struct slice body,
                    struct tree_exchange_output *out)
{
    struct message_tree_applied message;
    enum status status = message_tree_applied_decode(body, &message);
    assert(status == STATUS_OK); /* own store side */
    if (message.status != STATUS_OK) {
        finish(exchange, message.status, out);
        return;
    }
    /* A listing that does not get further would be asked for without end. */
    if (message.next.length > 0 &&
        slice_compare(message.next, buffer_slice(&exchange->from)) <= 0) {
        finish(exchange, STATUS_CORRUPT, out);
        return;
    }
    tree_differences_add(&exchange->result.differences, &message.differences);
    exchange->result.repaired += message.repaired;
    buffer_clear(&exchange->from);
    buffer_append_slice(&exchange->from, message.next);
    if (message.repair.length > 0)
        ask_peer(exchange, MESSAGE_TREE_REPAIR, message.repair, EXCHANGE_REPAIR_ASKED, out);
    else
        leaf_over(exchange, out);
}

static void repaired(struct tree_exchange *exchange, struct slice body,
                     struct tree_exchange_output *out)
{
    struct message_tree_repaired message;
    enum status status = message_tree_repaired_decode(body, &message);
    if (status == STATUS_OK)
        status = message.status;
    if (status != STATUS_OK) {
        finish(exchange, status, out);
        return;
    }
    exchange->result.repaired += message.repaired;
    leaf_over(exchange, out);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* A question that the own store side has made; empty when it cannot. */
static void made(struct tree_exchange *exchange, uint16_t type, struct slice body,
                 enum exchange_state next, struct tree_exchange_output *out)
{
    if (body.length == 0)
        finish(exchange, STATUS_NOT_READY, out);
    else
        ask_peer(exchange, type, body, next, out);
}

static uint16_t awaited_type(const struct tree_exchange *exchange)
{
    static const uint16_t types[] = {
        [EXCHANGE_ROOT_MADE] = MESSAGE_TREE_ROOT,
        [EXCHANGE_ROOT_ASKED] = MESSAGE_TREE_ROOT_RESULT,
        [EXCHANGE_NODES_MADE] = MESSAGE_TREE_NODES,
        [EXCHANGE_NODES_ASKED] = MESSAGE_TREE_NODES_RESULT,
        [EXCHANGE_LEAF_MADE] = MESSAGE_TREE_LEAF,
        [EXCHANGE_LEAF_ASKED] = MESSAGE_TREE_LEAF_RESULT,
        [EXCHANGE_APPLYING] = MESSAGE_TREE_APPLIED,
        [EXCHANGE_REPAIR_ASKED] = MESSAGE_TREE_REPAIRED,
        [EXCHANGE_OVER] = 0,
    };
    return types[exchange->state];
}

void tree_exchange_frame(struct tree_exchange *exchange, uint16_t type, struct slice body,
                         struct tree_exchange_output *out)
{
    if (exchange->state == EXCHANGE_IDLE || exchange->state == EXCHANGE_OVER)
        return;
    if (type != awaited_type(exchange)) {
        finish(exchange, STATUS_CORRUPT, out);
        return;
    }
    switch ((enum exchange_state)exchange->state) {
    case EXCHANGE_ROOT_MADE:
        made(exchange, type, body, EXCHANGE_ROOT_ASKED, out);
        break;
    case EXCHANGE_NODES_MADE:
        made(exchange, type, body, EXCHANGE_NODES_ASKED, out);
        break;
    case EXCHANGE_LEAF_MADE:
        made(exchange, type, body, EXCHANGE_LEAF_ASKED, out);
        break;
    case EXCHANGE_ROOT_ASKED:
        exchange->result.bytes_received += body.length;
        root_answered(exchange, body, out);
        break;
    case EXCHANGE_NODES_ASKED:
        exchange->result.bytes_received += body.length;
        nodes_answered(exchange, body, out);
        break;
    case EXCHANGE_LEAF_ASKED:
        exchange->result.bytes_received += body.length;
        apply(exchange, body, out);
        break;
    case EXCHANGE_APPLYING:
        applied(exchange, body, out);
        break;
    case EXCHANGE_REPAIR_ASKED:
        exchange->result.bytes_received += body.length;
        repaired(exchange, body, out);
        break;
    case EXCHANGE_IDLE:
    case EXCHANGE_OVER:
        break;
    }
}
