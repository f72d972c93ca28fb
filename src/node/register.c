#include "node/register_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/roster.h"

static void follow_ring(const struct node *node, struct node_register *reg)
{
    static const struct roster_kind PEERS = {.size = sizeof(struct register_peer)};
    reg->peers = roster_follow(reg->peers, &reg->peer_count, node->ring, node->self, &PEERS, NULL);
}

void node_register_follow_ring(struct node *node)
{
    follow_ring(node, node->config);
}

struct node_register *node_register_new(struct node *node, const struct node_params *params)
{
    struct node_register *reg = memory_new(1, sizeof *reg);
    reg->incarnation = params->storage_incarnation;
    reg->new_store.asks = params->storage_incarnation > 1;
    reg->random = random_make(params->random_seed ^ 0x7265u);
    reg->known = params->first != NULL ? register_value_copy(params->first)
                                       : register_value_first(params->ring);
    register_value_encode(reg->known, &reg->known_bytes);
    follow_ring(node, reg);
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

static void send(struct node *node, node_id to, uint16_t type, struct slice body)
{
    link_id link = peers_link(node->peers, to);
    if (link != 0)
        node_send_link(node, link, type, 0, 0, body);
}

/* A question to the own store side, which answers or is given up. */
request_id register_ask_store(struct node *node, uint16_t type, struct slice body)
{
    struct origin nobody = {0};
    struct pending *pending =
        pending_add(node, PENDING_REGISTER, &nobody, register_after_ms(node, REGISTER_CHANGE_MS));
    pending->type = type;
    node_send_store(node, type, pending->id, pending->deadline_us, body);
    return pending->id;
}

/* ---- what is known, and telling it ---- */

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
    reg->tell_at_us = register_after_ms(node, REGISTER_TELL_MS);
}

/* The newest that this node has, be it on its disk yet or not. */
const struct register_value *register_newest(const struct node_register *reg)
{
    return reg->learning != NULL ? reg->learning : reg->known;
}

static void pull(struct node *node)
{
    struct node_register *reg = node->config;
    const struct register_value *mine = register_newest(reg);
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
        reg->pull_until_us = register_after_ms(node, REGISTER_PULL_MS);
        return;
    }
}

static void ask_to_learn(struct node *node)
{
    struct node_register *reg = node->config;
    reg->learning_request =
        register_ask_store(node, MESSAGE_REGISTER_LEARN, buffer_slice(&reg->learning_bytes));
}

void register_learn(struct node *node, const struct register_value *value)
{
    struct node_register *reg = node->config;
    if (register_value_compare(value, register_newest(reg)) <= 0)
        return;
    register_value_free(reg->learning);
    reg->learning = register_value_copy(value);
    buffer_clear(&reg->learning_bytes);
    register_value_encode(value, &reg->learning_bytes);
    ask_to_learn(node); /* an answer about an earlier one is no longer waited for */
}

/* Members that have the value on their disks, this one included. */
uint32_t register_count_knowing(const struct node_register *reg, uint64_t seq)
{
    uint64_t generation = reg->known->ring->generation;
    uint32_t count = reg->known->seq >= seq;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        count += !register_peer_is_behind(&reg->peers[i], generation, seq);
    return count;
}

/* ---- users ---- */

/*
 * A store that took the place of a lost one has forgotten what was agreed on, and who may log in
 * with it: then a peer is asked before anybody is let in. What stands on the disk, or in the ring
 * file of a store that was never lost, is what this node goes by, as one does that was down
 * meanwhile.
 */
static bool users_are_known(const struct node *node)
{
    const struct node_register *reg = node->config;
    const struct ring_member *self = ring_member(node->ring, node->self);
    if (!reg->is_open)
        return false;
    if (reg->known->seq > 0 || reg->incarnation <= self->storage_incarnation ||
        reg->peer_count == 0)
        return true;
    for (uint32_t i = 0; i < reg->peer_count; i++)
        if (!register_peer_is_behind(&reg->peers[i], reg->known->ring->generation,
                                     reg->known->seq + 1))
            return false; /* it has a newer one, which is being pulled */
    return reg->is_heard;
}

static void follow_users(struct node *node)
{
    if (users_are_known(node))
        user_table_take(&node->environment, &node->config->known->users);
}

/* ---- frames of peers ---- */

void node_register_peer_up(struct node *node, node_id peer)
{
    tell(node, peer);
}

void node_register_peer_down(struct node *node, node_id peer)
{
    register_changes_peer_down(node, peer);
    register_look_at_spreading(node);
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
    bool first = !reg->is_heard;
    reg->is_heard = peer->has_told = true;
    if (!register_peer_is_behind(peer, known.generation, known.seq)) {
        register_new_store_look(node);
        if (first)
            follow_users(node);
        return STATUS_OK; /* late */
    }
    peer->generation = known.generation;
    peer->seq = known.seq;
    register_new_store_look(node);
    register_look_at_spreading(node);
    pull(node);
    if (first)
        follow_users(node);
    return STATUS_OK;
}

static enum status take_value(struct node *node, struct slice body)
{
    struct node_register *reg = node->config;
    struct register_value *value;
    enum status status = register_value_decode(body, &value);
    if (status == STATUS_UNSUPPORTED)
        log_line(&node->log, LOG_ERROR,
                 "cannot go by the register: a later version has agreed on what this one does not "
                 "know; upgrade this node");
    if (status != STATUS_OK)
        return status;
    if (memcmp(value->ring->cluster_id, node->ring->cluster_id, sizeof node->ring->cluster_id) != 0)
        status = STATUS_INVALID;
    else
        register_learn(node, value);
    register_value_free(value);
    reg->pull_until_us = 0;
    return status;
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
        status = register_take_promise(node, from, frame->body);
        break;
    default:
        status = register_take_accepted(node, from, frame->body);
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
    if (ring_member(value->ring, node->self) == NULL) {
        node_leave(node, "the register names it no more");
        return;
    }
    struct register_value *copy = register_value_copy(value);
    register_value_free(reg->known);
    reg->known = copy;
    buffer_clear(&reg->known_bytes);
    register_value_encode(value, &reg->known_bytes);
    bool moved;
    if (register_value_apply(value, node->ring, &moved))
        log_line(&node->log, LOG_INFO,
                 "ring has changed seq=%llu members=%u keyspaces=%u partitions_moving=%u",
                 (unsigned long long)value->seq, value->ring->member_count,
                 value->ring->keyspace_count, value->ring->transition_count);
    node_follow_ring(node);
    if (moved)
        placement_changed(node);
    if (value->seq >= reg->accepted_seq)
        reg->doubt_at_us = UINT64_MAX;
    if (reg->proposer != NULL) {
        register_proposer_learned(reg->proposer, reg->known, node->now.mono_us, &reg->output);
        register_carry_out(node);
    }
    follow_users(node);
    tell_all(node);
    register_new_store_look(node);
    register_look_at_spreading(node);
    ring_driver_follow(node);
    evidence_changed(node);
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
    reg->new_store.asks = reg->new_store.asks && !state.asked;
    if (value != NULL)
        come_into_force(node, value);
    register_value_free(value);
    register_new_store_look(node);
    follow_users(node);
    if (state.accepted_seq > reg->known->seq && reg->doubt_at_us == UINT64_MAX)
        reg->doubt_at_us = register_after_ms(
            node, REGISTER_DOUBT_MS + random_below(&reg->random, REGISTER_DOUBT_MS));
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
        reg->learn_at_us = register_after_ms(node, REGISTER_LEARN_MS);
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
        register_take_reserved(node, body);
        break;
    case MESSAGE_REGISTER_LEARNED:
        take_learned(node, request, body);
        break;
    case MESSAGE_REGISTER_PROMISE:
        status = register_take_promise(node, node->self, body);
        break;
    default:
        status = register_take_accepted(node, node->self, body);
    }
    assert(status == STATUS_OK); /* own store side */
}

void node_register_store_silent(struct node *node, struct pending *pending)
{
    struct node_register *reg = node->config;
    uint16_t type = pending->type;
    request_id request = pending->id;
    pending_remove(node, pending);
    if (type != MESSAGE_REGISTER_LEARN) {
        register_changes_store_silent(node, type);
    } else if (request == reg->learning_request) {
        reg->learning_request = 0;
        reg->learn_at_us = register_after_ms(node, REGISTER_LEARN_MS);
    }
}

/* ---- time ---- */

void node_register_tick(struct node *node)
{
    struct node_register *reg = node->config;
    uint64_t now_us = node->now.mono_us;
    if (reg->learning != NULL && reg->learning_request == 0 && now_us >= reg->learn_at_us)
        ask_to_learn(node);
    if (now_us >= reg->tell_at_us)
        tell_all(node);
    pull(node);
    register_new_store_tick(node);
    register_changes_tick(node);
}

uint64_t node_register_deadline_us(const struct node *node)
{
    const struct node_register *reg = node->config;
    uint64_t deadline =
        register_earlier(register_changes_deadline_us(node), register_new_store_deadline_us(node));
    if (reg->peer_count > 0)
        deadline = register_earlier(deadline, reg->tell_at_us);
    if (reg->learning != NULL && reg->learning_request == 0)
        deadline = register_earlier(deadline, reg->learn_at_us);
    return deadline;
}

void node_register_view(void *context, struct register_view *out)
{
    const struct node *node = context;
    const struct node_register *reg = node->config;
    *out = (struct register_view){.is_open = reg->is_open,
                                  .generation = reg->known->ring->generation,
                                  .seq = reg->known->seq,
                                  .digest = register_value_digest(buffer_slice(&reg->known_bytes)),
                                  .known_by = register_count_knowing(reg, reg->known->seq),
                                  .steward_count = reg->known->stewards.count};
    for (uint8_t i = 0; i < reg->known->stewards.count; i++) {
        node_id steward = reg->known->stewards.items[i].node;
        out->stewards[i] = steward;
        out->stewards_up += steward == node->self || peers_is_up(node->peers, steward);
    }
}

void node_register_export(void *context, struct buffer *out)
{
    const struct node *node = context;
    buffer_append_slice(out, buffer_slice(&node->config->known_bytes));
}
