#include "node/register.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "membership/register_proposer.h"
#include "node/node_state.h"
#include "wire/message_register.h"

enum ticket_state { TICKET_FREE, TICKET_WAITING, TICKET_RUNNING, TICKET_SPREADING, TICKET_OVER };

struct ticket {
    uint64_t id;
    enum ticket_state state;
    struct register_change change;
    struct change_outcome outcome;
    uint64_t until_us; /* of spreading, or of keeping the outcome */
};

/* What a peer has told to be on its disk. */
struct register_peer {
    node_id id;
    uint64_t generation, seq;
};

struct node_register {
    uint16_t incarnation;
    struct random random;
    struct register_value *known; /* on the own disk, or the ring file's */
    struct buffer known_bytes;
    struct register_value *learning; /* on its way there; NULL: nothing */
    struct buffer learning_bytes;
    request_id learning_request; /* 0: to be asked again at learn_at_us */
    uint64_t learn_at_us;
    struct register_peer *peers;
    uint32_t peer_count;
    uint64_t tell_at_us;
    uint64_t pull_until_us;             /* a pull is under way */
    uint64_t accepted_seq;              /* as a steward */
    uint64_t doubt_at_us;               /* UINT64_MAX: nothing is in doubt */
    uint64_t stewards_at_us;            /* look then whether stewards are to be changed */
    struct register_proposer *proposer; /* NULL: no change is under way */
    struct proposer_output output;
    struct ticket tickets[REGISTER_TICKETS_MAX];
    uint64_t last_ticket;
    bool is_open; /* the store side has told what it has */
};

static void run_next(struct node *node);

struct node_register *node_register_new(struct node *node, const struct node_params *params)
{
    struct node_register *reg = memory_new(1, sizeof *reg);
    reg->incarnation = params->storage_incarnation;
    reg->random = random_make(params->random_seed ^ 0x7265u);
    reg->known = register_value_first(params->ring);
    register_value_encode(reg->known, &reg->known_bytes);
    reg->peers = memory_new(node->load_count, sizeof *reg->peers);
    for (uint32_t i = 0; i < node->load_count; i++)
        reg->peers[i].id = node->loads[i].id;
    reg->peer_count = node->load_count;
    reg->doubt_at_us = UINT64_MAX;
    return reg;
}

void node_register_free(struct node_register *reg)
{
    if (reg == NULL)
        return;
    register_value_free(reg->known);
    register_value_free(reg->learning);
    register_proposer_free(reg->proposer);
    proposer_output_deinit(&reg->output);
    buffer_deinit(&reg->known_bytes);
    buffer_deinit(&reg->learning_bytes);
    free(reg->peers);
    free(reg);
}

static struct register_peer *find_peer(struct node_register *reg, node_id id)
{
    for (uint32_t i = 0; i < reg->peer_count; i++)
        if (reg->peers[i].id == id)
            return &reg->peers[i];
    return NULL;
}

static uint64_t after_ms(const struct node *node, uint64_t ms)
{
    return node->now.mono_us + ms * 1000;
}

static void send(struct node *node, node_id to, uint16_t type, struct slice body)
{
    link_id link = peers_link(node->peers, to);
    if (link != 0)
        node_send_link(node, link, type, 0, 0, body);
}

/* A question to the own store side, which answers or is given up. */
static request_id ask_store(struct node *node, uint16_t type, struct slice body)
{
    struct origin nobody = {0};
    struct pending *pending =
        pending_add(node, PENDING_REGISTER, &nobody, after_ms(node, REGISTER_CHANGE_MS));
    pending->type = type;
    node_send_store(node, type, pending->id, pending->deadline_us, body);
    return pending->id;
}

/* ---- what is known, and telling it ---- */

static bool peer_is_behind(const struct register_peer *peer, uint64_t generation, uint64_t seq)
{
    return peer->generation != generation ? peer->generation < generation : peer->seq < seq;
}

static void tell(struct node *node, node_id to)
{
    const struct node_register *reg = node->config;
    struct buffer body = {0};
    message_register_known_encode(
        &(struct message_register_known){
            .generation = reg->known->ring->generation,
            .seq = reg->known->seq,
            .digest = register_value_digest(buffer_slice(&reg->known_bytes))},
        &body);
    send(node, to, MESSAGE_REGISTER_KNOWN, buffer_slice(&body));
    buffer_deinit(&body);
}

static void tell_all(struct node *node)
{
    struct node_register *reg = node->config;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        tell(node, reg->peers[i].id);
    reg->tell_at_us = after_ms(node, REGISTER_TELL_MS);
}

/* The newest that this node has, be it on its disk yet or not. */
static const struct register_value *newest(const struct node_register *reg)
{
    return reg->learning != NULL ? reg->learning : reg->known;
}

static void pull(struct node *node)
{
    struct node_register *reg = node->config;
    const struct register_value *mine = newest(reg);
    if (node->now.mono_us < reg->pull_until_us)
        return;
    for (uint32_t i = 0; i < reg->peer_count; i++) {
        const struct register_peer *peer = &reg->peers[i];
        bool newer = peer->generation != mine->ring->generation
                         ? peer->generation > mine->ring->generation
                         : peer->seq > mine->seq;
        if (!newer || !peers_is_up(node->peers, peer->id))
            continue;
        send(node, peer->id, MESSAGE_REGISTER_PULL, slice_make(NULL, 0));
        reg->pull_until_us = after_ms(node, REGISTER_PULL_MS);
        return;
    }
}

static void ask_to_learn(struct node *node)
{
    struct node_register *reg = node->config;
    reg->learning_request =
        ask_store(node, MESSAGE_REGISTER_LEARN, buffer_slice(&reg->learning_bytes));
}

static void learn(struct node *node, const struct register_value *value)
{
    struct node_register *reg = node->config;
    if (register_value_compare(value, newest(reg)) <= 0)
        return;
    register_value_free(reg->learning);
    reg->learning = register_value_copy(value);
    buffer_clear(&reg->learning_bytes);
    register_value_encode(value, &reg->learning_bytes);
    ask_to_learn(node); /* an answer about an earlier one is no longer waited for */
}

/* ---- a change under way ---- */

static struct ticket *running_ticket(struct node_register *reg)
{
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++)
        if (reg->tickets[i].state == TICKET_RUNNING)
            return &reg->tickets[i];
    return NULL; /* the change is the node's own */
}

static void ticket_over(struct node *node, struct ticket *ticket)
{
    ticket->state = TICKET_OVER;
    ticket->until_us = after_ms(node, REGISTER_TICKET_KEPT_MS);
}

/* Members that have the value on their disks, this one included. */
static uint32_t count_knowing(const struct node_register *reg, uint64_t seq)
{
    uint64_t generation = reg->known->ring->generation;
    uint32_t count = reg->known->seq >= seq;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        count += !peer_is_behind(&reg->peers[i], generation, seq);
    return count;
}

static bool is_spread(const struct node *node, uint64_t seq)
{
    const struct node_register *reg = node->config;
    if (reg->known->seq < seq)
        return false;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        if (peer_is_behind(&reg->peers[i], reg->known->ring->generation, seq) &&
            peers_is_up(node->peers, reg->peers[i].id))
            return false;
    return true;
}

static void look_at_spreading(struct node *node)
{
    struct node_register *reg = node->config;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state != TICKET_SPREADING)
            continue;
        if (!is_spread(node, ticket->outcome.seq) && node->now.mono_us < ticket->until_us)
            continue;
        ticket->outcome.known_by = count_knowing(reg, ticket->outcome.seq);
        ticket_over(node, ticket);
    }
}

static void end_change(struct node *node)
{
    struct node_register *reg = node->config;
    struct register_proposer *p = reg->proposer;
    struct ticket *ticket = running_ticket(reg);
    reg->proposer = NULL;
    if (p->chosen != NULL)
        learn(node, p->chosen);
    if (ticket != NULL) {
        ticket->outcome.status = p->outcome;
        ticket->outcome.members = reg->peer_count + 1;
        memcpy(ticket->outcome.reason, p->reason, sizeof ticket->outcome.reason);
        ticket->outcome.seq = p->chosen != NULL ? p->chosen->seq : 0;
        if (p->outcome == STATUS_OK) {
            ticket->state = TICKET_SPREADING;
            ticket->until_us = after_ms(node, REGISTER_SPREAD_MS);
        } else {
            ticket_over(node, ticket);
        }
    }
    register_proposer_free(p);
    look_at_spreading(node);
    run_next(node);
}

static bool ask_steward(struct node *node, node_id steward)
{
    struct node_register *reg = node->config;
    struct slice body = buffer_slice(&reg->output.body);
    if (steward == node->self) {
        ask_store(node, reg->output.type, body);
        return true;
    }
    if (!peers_is_up(node->peers, steward))
        return false;
    link_id link = peers_link(node->peers, steward);
    node_send_link(node, link, reg->output.type, 0, REGISTER_ROUND_MS, body);
    return true;
}

/* Carry out what the proposer wants; it may be over afterwards. */
static void carry_out(struct node *node)
{
    struct node_register *reg = node->config;
    struct proposer_output *out = &reg->output;
    node_id missing[REGISTER_TARGETS_MAX];
    uint8_t missing_count = 0;
    if (out->reserve) {
        struct buffer body = {0};
        message_register_reserve_encode(&(struct message_register_reserve){.above = out->above},
                                        &body);
        ask_store(node, MESSAGE_REGISTER_RESERVE, buffer_slice(&body));
        buffer_deinit(&body);
    }
    for (uint8_t i = 0; i < out->target_count; i++)
        if (!ask_steward(node, out->targets[i]))
            missing[missing_count++] = out->targets[i];
    proposer_output_clear(out);
    for (uint8_t i = 0; i < missing_count; i++)
        register_proposer_unreachable(reg->proposer, missing[i], node->now.mono_us, out);
    assert(!out->reserve && out->target_count == 0); /* being unreachable asks for nothing */
    if (register_proposer_is_over(reg->proposer))
        end_change(node);
}

static void start_change(struct node *node, const struct register_change *change)
{
    struct node_register *reg = node->config;
    proposer_output_clear(&reg->output);
    reg->proposer = register_proposer_new(
        &(struct register_proposer_params){.self = node->self,
                                           .incarnation = reg->incarnation,
                                           .random_seed = random_u64(&reg->random),
                                           .known = newest(reg),
                                           .change = change},
        node->now.mono_us, &reg->output);
    carry_out(node);
}

static void run_next(struct node *node)
{
    struct node_register *reg = node->config;
    struct ticket *next = NULL;
    if (reg->proposer != NULL)
        return;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state == TICKET_WAITING && (next == NULL || ticket->id < next->id))
            next = ticket;
    }
    if (next == NULL)
        return;
    next->state = TICKET_RUNNING;
    start_change(node, &next->change);
}

/* ---- frames of peers ---- */

void node_register_peer_up(struct node *node, node_id peer)
{
    tell(node, peer);
}

void node_register_peer_down(struct node *node, node_id peer)
{
    struct node_register *reg = node->config;
    if (reg->proposer != NULL) {
        register_proposer_unreachable(reg->proposer, peer, node->now.mono_us, &reg->output);
        carry_out(node);
    }
    look_at_spreading(node);
}

bool node_register_takes(uint16_t type)
{
    return type == MESSAGE_REGISTER_KNOWN || type == MESSAGE_REGISTER_PULL ||
           type == MESSAGE_REGISTER_VALUE || type == MESSAGE_REGISTER_PROMISE ||
           type == MESSAGE_REGISTER_ACCEPTED;
}

static enum status take_known(struct node *node, node_id from, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_known known;
    struct register_peer *peer = find_peer(reg, from);
    enum status status = message_register_known_decode(body, &known);
    if (status != STATUS_OK)
        return status;
    if (known.generation == reg->known->ring->generation && known.seq == reg->known->seq &&
        known.digest != register_value_digest(buffer_slice(&reg->known_bytes))) {
        log_line(&node->log, LOG_ERROR,
                 "a peer has another value of the register under the same number: one of the two "
                 "was not agreed on peer=%u generation=%llu seq=%llu",
                 from, (unsigned long long)known.generation, (unsigned long long)known.seq);
        return STATUS_CORRUPT;
    }
    if (!peer_is_behind(peer, known.generation, known.seq))
        return STATUS_OK; /* late */
    peer->generation = known.generation;
    peer->seq = known.seq;
    look_at_spreading(node);
    pull(node);
    return STATUS_OK;
}

static enum status take_value(struct node *node, struct slice body)
{
    struct node_register *reg = node->config;
    struct register_value *value;
    enum status status = register_value_decode(body, &value);
    if (status != STATUS_OK)
        return status;
    if (memcmp(value->ring->cluster_id, node->ring->cluster_id, sizeof node->ring->cluster_id) != 0)
        status = STATUS_INVALID;
    else
        learn(node, value);
    register_value_free(value);
    reg->pull_until_us = 0;
    return status;
}

static enum status take_promise(struct node *node, node_id from, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_promise promise;
    enum status status = message_register_promise_decode(body, &promise);
    if (status != STATUS_OK || reg->proposer == NULL)
        return status;
    register_proposer_promise(reg->proposer, from, &promise, node->now.mono_us, &reg->output);
    carry_out(node);
    return STATUS_OK;
}

static enum status take_accepted(struct node *node, node_id from, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_accepted accepted;
    enum status status = message_register_accepted_decode(body, &accepted);
    if (status != STATUS_OK || reg->proposer == NULL)
        return status;
    register_proposer_accepted(reg->proposer, from, &accepted, node->now.mono_us, &reg->output);
    carry_out(node);
    return STATUS_OK;
}

void node_register_peer_frame(struct node *node, node_id from, link_id link,
                              const struct frame *frame)
{
    const struct node_register *reg = node->config;
    enum status status = STATUS_OK;
    switch (frame->type) {
    case MESSAGE_REGISTER_KNOWN:
        status = take_known(node, from, frame->body);
        break;
    case MESSAGE_REGISTER_PULL:
        node_send_link(node, link, MESSAGE_REGISTER_VALUE, 0, 0, buffer_slice(&reg->known_bytes));
        break;
    case MESSAGE_REGISTER_VALUE:
        status = take_value(node, frame->body);
        break;
    case MESSAGE_REGISTER_PROMISE:
        status = take_promise(node, from, frame->body);
        break;
    default:
        status = take_accepted(node, from, frame->body);
    }
    node->statistics.frames_refused += status != STATUS_OK;
}

/* ---- the own store side ---- */

/* It is on the disk: from now on this node goes by it, and tells. */
static void come_into_force(struct node *node, const struct register_value *value)
{
    struct node_register *reg = node->config;
    if (register_value_compare(value, reg->known) <= 0)
        return;
    struct register_value *copy = register_value_copy(value);
    register_value_free(reg->known);
    reg->known = copy;
    buffer_clear(&reg->known_bytes);
    register_value_encode(value, &reg->known_bytes);
    if (register_value_apply(value, node->ring))
        log_line(&node->log, LOG_INFO, "ring has changed seq=%llu keyspaces=%u",
                 (unsigned long long)value->seq, value->ring->keyspace_count);
    if (value->seq >= reg->accepted_seq)
        reg->doubt_at_us = UINT64_MAX;
    if (reg->proposer != NULL) {
        register_proposer_learned(reg->proposer, reg->known, node->now.mono_us, &reg->output);
        carry_out(node);
    }
    tell_all(node);
    look_at_spreading(node);
}

void node_register_state(struct node *node, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_state state;
    struct register_value *value = NULL;
    enum status status = message_register_state_decode(body, &state);
    if (status == STATUS_OK && state.value.length > 0)
        status = register_value_decode(state.value, &value);
    assert(status == STATUS_OK); /* own store side */
    reg->is_open = true;
    reg->accepted_seq = state.accepted_seq;
    if (value != NULL)
        come_into_force(node, value);
    register_value_free(value);
    if (state.accepted_seq > reg->known->seq && reg->doubt_at_us == UINT64_MAX)
        reg->doubt_at_us =
            after_ms(node, REGISTER_DOUBT_MS + random_below(&reg->random, REGISTER_DOUBT_MS));
}

static void take_reserved(struct node *node, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_reserved reserved;
    enum status status = message_register_reserved_decode(body, &reserved);
    assert(status == STATUS_OK);
    if (reg->proposer == NULL)
        return;
    uint64_t round = reserved.status == STATUS_OK ? reserved.round : 0;
    register_proposer_reserved(reg->proposer, round, node->now.mono_us, &reg->output);
    carry_out(node);
}

static void take_learned(struct node *node, request_id request, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_learned learned;
    enum status status = message_register_learned_decode(body, &learned);
    assert(status == STATUS_OK);
    if (reg->learning == NULL || request != reg->learning_request)
        return; /* a newer one is on its way */
    reg->learning_request = 0;
    if (learned.status != STATUS_OK) {
        reg->learn_at_us = after_ms(node, REGISTER_LEARN_MS);
        return;
    }
    struct register_value *value = reg->learning;
    reg->learning = NULL;
    come_into_force(node, value);
    register_value_free(value);
}

void node_register_store_answer(struct node *node, struct pending *pending, uint16_t type,
                                struct slice body)
{
    enum status status = STATUS_OK;
    request_id request = pending->id;
    pending_remove(node, pending);
    switch (type) {
    case MESSAGE_REGISTER_RESERVED:
        take_reserved(node, body);
        break;
    case MESSAGE_REGISTER_LEARNED:
        take_learned(node, request, body);
        break;
    case MESSAGE_REGISTER_PROMISE:
        status = take_promise(node, node->self, body);
        break;
    default:
        status = take_accepted(node, node->self, body);
    }
    assert(status == STATUS_OK); /* own store side */
}

void node_register_store_silent(struct node *node, struct pending *pending)
{
    struct node_register *reg = node->config;
    uint16_t type = pending->type;
    request_id request = pending->id;
    pending_remove(node, pending);
    if (type == MESSAGE_REGISTER_LEARN) {
        if (request == reg->learning_request) {
            reg->learning_request = 0;
            reg->learn_at_us = after_ms(node, REGISTER_LEARN_MS);
        }
        return;
    }
    if (reg->proposer == NULL)
        return;
    if (type == MESSAGE_REGISTER_RESERVE)
        register_proposer_reserved(reg->proposer, 0, node->now.mono_us, &reg->output);
    else
        register_proposer_unreachable(reg->proposer, node->self, node->now.mono_us, &reg->output);
    carry_out(node);
}

/* ---- time ---- */

/* What the stewards need, as far as it is this node's business; NONE: nothing. */
static struct register_change steward_change(const struct node *node)
{
    const struct node_register *reg = node->config;
    const struct register_value *known = reg->known;
    struct register_change change = {
        .steward = {.node = node->self, .incarnation = reg->incarnation}};
    for (uint8_t i = 0; i < known->stewards.count; i++) {
        if (known->stewards.items[i].node != node->self)
            continue;
        if (known->coming.count > 0)
            change.kind = REGISTER_CHANGE_STEWARDS_SETTLE;
        else if (known->stewards.items[i].incarnation < reg->incarnation)
            change.kind = REGISTER_CHANGE_STEWARD_RETURN;
    }
    return change;
}

/*
 * A steward whose store was lost comes back by itself: stewards that are lost one by one would in
 * the end leave no majority. All stewards look after a change of stewards that was left half way.
 */
static void look_after_stewards(struct node *node)
{
    struct node_register *reg = node->config;
    struct register_change change = steward_change(node);
    if (node->now.mono_us < reg->stewards_at_us)
        return;
    reg->stewards_at_us =
        after_ms(node, REGISTER_STEWARDS_MS + random_below(&reg->random, REGISTER_STEWARDS_MS));
    if (change.kind != REGISTER_CHANGE_NONE && reg->proposer == NULL && reg->is_open)
        start_change(node, &change);
}

static void free_old_tickets(struct node *node)
{
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &node->config->tickets[i];
        if (ticket->state == TICKET_OVER && node->now.mono_us >= ticket->until_us)
            ticket->state = TICKET_FREE;
    }
}

/* A value may be chosen without anybody who knows: agree on whatever it is. */
static void resolve_doubt(struct node *node)
{
    struct node_register *reg = node->config;
    struct register_change nothing = {.kind = REGISTER_CHANGE_NONE};
    if (reg->proposer != NULL)
        return; /* it will find out */
    if (reg->accepted_seq <= reg->known->seq) {
        reg->doubt_at_us = UINT64_MAX;
        return;
    }
    reg->doubt_at_us =
        after_ms(node, REGISTER_DOUBT_MS + random_below(&reg->random, REGISTER_DOUBT_MS));
    start_change(node, &nothing);
}

void node_register_tick(struct node *node)
{
    struct node_register *reg = node->config;
    uint64_t now_us = node->now.mono_us;
    if (reg->proposer != NULL) {
        register_proposer_tick(reg->proposer, now_us, &reg->output);
        carry_out(node);
    }
    if (reg->learning != NULL && reg->learning_request == 0 && now_us >= reg->learn_at_us)
        ask_to_learn(node);
    if (now_us >= reg->tell_at_us)
        tell_all(node);
    if (now_us >= reg->doubt_at_us)
        resolve_doubt(node);
    look_after_stewards(node);
    pull(node);
    look_at_spreading(node);
    free_old_tickets(node);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t node_register_deadline_us(const struct node *node)
{
    const struct node_register *reg = node->config;
    uint64_t deadline = reg->peer_count > 0 ? reg->tell_at_us : UINT64_MAX;
    if (steward_change(node).kind != REGISTER_CHANGE_NONE)
        deadline = earlier(deadline, reg->stewards_at_us);
    if (reg->proposer != NULL)
        deadline = earlier(deadline, register_proposer_deadline_us(reg->proposer));
    else
        deadline = earlier(deadline, reg->doubt_at_us);
    if (reg->learning != NULL && reg->learning_request == 0)
        deadline = earlier(deadline, reg->learn_at_us);
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++)
        if (reg->tickets[i].state == TICKET_SPREADING || reg->tickets[i].state == TICKET_OVER)
            deadline = earlier(deadline, reg->tickets[i].until_us);
    return deadline;
}

/* ---- for commands ---- */

uint64_t node_register_change(void *context, const struct register_change *change)
{
    struct node *node = context;
    struct node_register *reg = node->config;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state != TICKET_FREE)
            continue;
        *ticket =
            (struct ticket){.id = ++reg->last_ticket, .state = TICKET_WAITING, .change = *change};
        uint64_t id = ticket->id;
        run_next(node);
        return id;
    }
    return 0;
}

bool node_register_take(void *context, uint64_t id, struct change_outcome *out)
{
    struct node_register *reg = ((struct node *)context)->config;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state == TICKET_FREE || ticket->id != id)
            continue;
        if (ticket->state != TICKET_OVER)
            return false;
        *out = ticket->outcome;
        ticket->state = TICKET_FREE;
        return true;
    }
    *out = (struct change_outcome){.status = STATUS_UNCERTAIN,
                                   .reason = "the outcome was not kept: look what is there"};
    return true;
}

void node_register_view(void *context, struct register_view *out)
{
    const struct node *node = context;
    const struct node_register *reg = node->config;
    *out = (struct register_view){.is_open = reg->is_open,
                                  .generation = reg->known->ring->generation,
                                  .seq = reg->known->seq,
                                  .digest = register_value_digest(buffer_slice(&reg->known_bytes)),
                                  .known_by = count_knowing(reg, reg->known->seq),
                                  .steward_count = reg->known->stewards.count};
    for (uint8_t i = 0; i < reg->known->stewards.count; i++) {
        node_id steward = reg->known->stewards.items[i].node;
        out->stewards[i] = steward;
        out->stewards_up += steward == node->self || peers_is_up(node->peers, steward);
    }
}
