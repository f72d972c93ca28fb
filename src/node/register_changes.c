/*
 * register_changes.c - the changes that this node proposes: an operator's, one after the other, and
 * its own, which agree on what is in doubt and take stewards back.
 */
#include "node/register_state.h"

#include <assert.h>
#include <string.h>

static void run_next(struct node *node);

/* ---- tickets ---- */

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
    ticket->until_us = register_after_ms(node, REGISTER_TICKET_KEPT_MS);
}

static bool is_spread(const struct node *node, uint64_t seq)
{
    const struct node_register *reg = node->config;
    if (reg->known->seq < seq)
        return false;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        if (register_peer_is_behind(&reg->peers[i], reg->known->ring->generation, seq) &&
            peers_is_up(node->peers, reg->peers[i].id))
            return false;
    return true;
}

void register_look_at_spreading(struct node *node)
{
    struct node_register *reg = node->config;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state != TICKET_SPREADING)
            continue;
        if (!is_spread(node, ticket->outcome.seq) && node->now.mono_us < ticket->until_us)
            continue;
        ticket->outcome.known_by = register_count_knowing(reg, ticket->outcome.seq);
        ticket_over(node, ticket);
    }
}

static void free_old_tickets(struct node *node)
{
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &node->config->tickets[i];
        if (ticket->state == TICKET_OVER && node->now.mono_us >= ticket->until_us)
            ticket->state = TICKET_FREE;
    }
}

static void end_change(struct node *node)
{
    struct node_register *reg = node->config;
    struct register_proposer *p = reg->proposer;
    struct ticket *ticket = running_ticket(reg);
    reg->proposer = NULL;
    if (p->chosen != NULL)
        register_learn(node, p->chosen);
    if (ticket != NULL) {
        ticket->outcome.status = p->outcome;
        ticket->outcome.members = reg->peer_count + 1;
        memcpy(ticket->outcome.reason, p->reason, sizeof ticket->outcome.reason);
        ticket->outcome.seq = p->chosen != NULL ? p->chosen->seq : 0;
        if (p->outcome == STATUS_OK) {
            ticket->state = TICKET_SPREADING;
            ticket->until_us = register_after_ms(node, REGISTER_SPREAD_MS);
        } else {
            ticket_over(node, ticket);
        }
    }
    register_new_store_ended(node, p);
    register_proposer_free(p);
    register_new_store_look(node);
    register_look_at_spreading(node);
    run_next(node);
}

/* ---- the proposer ---- */

static bool ask_steward(struct node *node, node_id steward)
{
    struct node_register *reg = node->config;
    struct slice body = buffer_slice(&reg->output.body);
    if (steward == node->self) {
        register_ask_store(node, reg->output.type, body);
        return true;
    }
    if (!peers_is_up(node->peers, steward))
        return false;
    link_id link = peers_link(node->peers, steward);
    node_send_link(node, link, reg->output.type, 0, REGISTER_ROUND_MS, body);
    return true;
}

/* Carry out what the proposer wants; it may be over afterwards. */
void register_carry_out(struct node *node)
{
    struct node_register *reg = node->config;
    struct proposer_output *out = &reg->output;
    node_id missing[REGISTER_TARGETS_MAX];
    uint8_t missing_count = 0;
    if (out->reserve) {
        struct buffer body = {0};
        message_register_reserve_encode(&(struct message_register_reserve){.above = out->above},
                                        &body);
        register_ask_store(node, MESSAGE_REGISTER_RESERVE, buffer_slice(&body));
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

void register_start_change(struct node *node, const struct register_change *change)
{
    struct node_register *reg = node->config;
    proposer_output_clear(&reg->output);
    reg->proposer = register_proposer_new(
        &(struct register_proposer_params){.self = node->self,
                                           .incarnation = reg->incarnation,
                                           .random_seed = random_u64(&reg->random),
                                           .known = register_newest(reg),
                                           .change = change},
        node->now.mono_us, &reg->output);
    register_carry_out(node);
}

static void run_next(struct node *node)
{
    struct node_register *reg = node->config;
    struct ticket *next = NULL;
    if (reg->proposer != NULL || !lineage_is_confirmed(node))
        return;
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++) {
        struct ticket *ticket = &reg->tickets[i];
        if (ticket->state == TICKET_WAITING && (next == NULL || ticket->id < next->id))
            next = ticket;
    }
    if (next == NULL)
        return;
    next->state = TICKET_RUNNING;
    register_start_change(node, &next->change);
}

enum status register_take_promise(struct node *node, node_id from, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_promise promise;
    enum status status = message_register_promise_decode(body, &promise);
    if (status != STATUS_OK || reg->proposer == NULL)
        return status;
    register_proposer_promise(reg->proposer, from, &promise, node->now.mono_us, &reg->output);
    register_carry_out(node);
    return STATUS_OK;
}

enum status register_take_accepted(struct node *node, node_id from, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_accepted accepted;
    enum status status = message_register_accepted_decode(body, &accepted);
    if (status != STATUS_OK || reg->proposer == NULL)
        return status;
    register_proposer_accepted(reg->proposer, from, &accepted, node->now.mono_us, &reg->output);
    register_carry_out(node);
    return STATUS_OK;
}

void register_take_reserved(struct node *node, struct slice body)
{
    struct node_register *reg = node->config;
    struct message_register_reserved reserved;
    enum status status = message_register_reserved_decode(body, &reserved);
    assert(status == STATUS_OK);
    if (reg->proposer == NULL)
        return;
    uint64_t round = reserved.status == STATUS_OK ? reserved.round : 0;
    register_proposer_reserved(reg->proposer, round, node->now.mono_us, &reg->output);
    register_carry_out(node);
}

void register_changes_store_silent(struct node *node, uint16_t type)
{
    struct node_register *reg = node->config;
    if (reg->proposer == NULL)
        return;
    if (type == MESSAGE_REGISTER_RESERVE)
        register_proposer_reserved(reg->proposer, 0, node->now.mono_us, &reg->output);
    else
        register_proposer_unreachable(reg->proposer, node->self, node->now.mono_us, &reg->output);
    register_carry_out(node);
}

void register_changes_peer_down(struct node *node, node_id peer)
{
    struct node_register *reg = node->config;
    if (reg->proposer == NULL)
        return;
    register_proposer_unreachable(reg->proposer, peer, node->now.mono_us, &reg->output);
    register_carry_out(node);
}

/* ---- the node's own changes ---- */

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
        register_after_ms(node, REGISTER_DOUBT_MS + random_below(&reg->random, REGISTER_DOUBT_MS));
    if (lineage_is_confirmed(node))
        register_start_change(node, &nothing);
}

/* What the stewards need, as far as it is this node's business; NONE: nothing. */
static enum register_change_kind steward_change(const struct node *node)
{
    const struct node_register *reg = node->config;
    const struct register_value *known = reg->known;
    for (uint8_t i = 0; i < known->stewards.count; i++) {
        if (known->stewards.items[i].node != node->self)
            continue;
        if (known->coming.count > 0)
            return REGISTER_CHANGE_STEWARDS_SETTLE;
        if (known->stewards.items[i].incarnation < reg->incarnation)
            return REGISTER_CHANGE_STEWARD_RETURN;
    }
    return REGISTER_CHANGE_NONE;
}

/*
 * A steward whose store was lost comes back by itself: stewards that are lost one by one would in
 * the end leave no majority. All stewards look after a change of stewards that was left half way.
 */
static void look_after_stewards(struct node *node)
{
    struct node_register *reg = node->config;
    if (node->now.mono_us < reg->stewards_at_us)
        return;
    struct register_change change = {
        .kind = (uint8_t)steward_change(node),
        .steward = {.node = node->self, .incarnation = reg->incarnation}};
    reg->stewards_at_us = register_after_ms(
        node, REGISTER_STEWARDS_MS + random_below(&reg->random, REGISTER_STEWARDS_MS));
    if (change.kind != REGISTER_CHANGE_NONE && reg->proposer == NULL && reg->is_open &&
        lineage_is_confirmed(node))
        register_start_change(node, &change);
}

void node_register_confirmed(struct node *node)
{
    run_next(node);
}

/* ---- time ---- */

void register_changes_tick(struct node *node)
{
    struct node_register *reg = node->config;
    if (reg->proposer != NULL) {
        register_proposer_tick(reg->proposer, node->now.mono_us, &reg->output);
        register_carry_out(node);
    }
    if (node->now.mono_us >= reg->doubt_at_us)
        resolve_doubt(node);
    look_after_stewards(node);
    register_look_at_spreading(node);
    free_old_tickets(node);
}

uint64_t register_changes_deadline_us(const struct node *node)
{
    const struct node_register *reg = node->config;
    uint64_t deadline = UINT64_MAX;
    if (steward_change(node) != REGISTER_CHANGE_NONE)
        deadline = reg->stewards_at_us;
    if (reg->proposer != NULL)
        deadline = register_earlier(deadline, register_proposer_deadline_us(reg->proposer));
    else
        deadline = register_earlier(deadline, reg->doubt_at_us);
    for (unsigned i = 0; i < REGISTER_TICKETS_MAX; i++)
        if (reg->tickets[i].state == TICKET_SPREADING || reg->tickets[i].state == TICKET_OVER)
            deadline = register_earlier(deadline, reg->tickets[i].until_us);
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
