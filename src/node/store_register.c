#include "node/store_register.h"

#include <assert.h>
#include <string.h>

#include "node/store_side_state.h"
#include "wire/message_register.h"

/* ---- records ---- */

static void put(struct store_side *side, const struct buffer *name, const struct buffer *value)
{
    store_batch_put(side->context.batch, buffer_slice(name), buffer_slice(value));
}

static void put_acceptor(struct store_side *side)
{
    struct buffer name = {0}, value = {0};
    record_register_acceptor_name(&name);
    register_acceptor_save(&side->config.acceptor, &value);
    put(side, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

static void put_round(struct store_side *side)
{
    struct buffer name = {0}, value = {0};
    record_register_round_name(&name);
    register_round_record_encode(side->config.round, &value);
    put(side, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

static void put_asked(struct store_side *side)
{
    struct buffer name = {0}, value = {0};
    record_register_asked_name(&name);
    buffer_put_u8(&value, RECORD_VERSION);
    put(side, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
    side->config.asked = true;
}

static void put_value(struct store_side *side, struct slice bytes)
{
    struct buffer name = {0}, value = {0};
    record_register_value_name(&name);
    register_value_record_encode(bytes, &value);
    put(side, &name, &value);
    buffer_deinit(&name);
    buffer_deinit(&value);
}

/* ---- life ---- */

static void forget(struct store_register *config)
{
    register_acceptor_deinit(&config->acceptor);
    register_value_free(config->coming);
    buffer_deinit(&config->value);
    buffer_deinit(&config->coming_bytes);
    *config = (struct store_register){0};
}

void store_register_failed(struct store_side *side)
{
    forget(&side->config);
}

static void come_into_force(struct store_side *side, const struct register_value *value,
                            struct slice bytes)
{
    struct store_register *config = &side->config;
    config->generation = value->ring->generation;
    config->seq = value->seq;
    buffer_clear(&config->value);
    buffer_append_slice(&config->value, bytes);
    if (ring_member(value->ring, side->self) == NULL)
        return; /* this node is a member no more, and ends */
    bool moved;
    if (!register_value_apply(value, side->ring, &moved))
        log_line(&side->log, LOG_ERROR,
                 "cannot go by the register, which has another ring under the same tags: this node "
                 "was started with a wrong ring file seq=%llu",
                 (unsigned long long)value->seq);
    side->placement_moved = side->placement_moved || moved;
}

static enum status seq_of(struct slice bytes, uint64_t *seq)
{
    struct register_value *value;
    enum status status = register_value_decode(bytes, &value);
    if (status == STATUS_OK)
        *seq = value->seq;
    if (status == STATUS_OK)
        register_value_free(value);
    return status;
}

static enum status load_acceptor(struct store_side *side, struct slice record)
{
    struct store_register *config = &side->config;
    enum status status = register_acceptor_load(&config->acceptor, record);
    if (status == STATUS_OK && config->acceptor.value.length > 0)
        status = seq_of(buffer_slice(&config->acceptor.value), &config->accepted_seq);
    return status;
}

static enum status load_round(struct store_side *side, struct slice record)
{
    return register_round_record_decode(record, &side->config.round);
}

static enum status load_asked(struct store_side *side, struct slice record)
{
    side->config.asked = true;
    return record.length == 1 && record.data[0] == RECORD_VERSION ? STATUS_OK : STATUS_CORRUPT;
}

static enum status load_value(struct store_side *side, struct slice record)
{
    struct slice bytes;
    struct register_value *value;
    enum status status = register_value_record_decode(record, &bytes);
    if (status == STATUS_OK)
        status = register_value_decode(bytes, &value);
    if (status != STATUS_OK)
        return status;
    come_into_force(side, value, bytes);
    register_value_free(value);
    return STATUS_OK;
}

static enum status load(struct store_side *side, void (*put_name)(struct buffer *),
                        enum status (*take)(struct store_side *, struct slice))
{
    struct buffer name = {0}, record = {0};
    put_name(&name);
    enum status status = side->port->get(side->port->context, buffer_slice(&name), &record);
    if (status == STATUS_OK)
        status = take(side, buffer_slice(&record));
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK;
    buffer_deinit(&name);
    buffer_deinit(&record);
    return status;
}

enum status store_register_open(struct store_side *side)
{
    forget(&side->config);
    enum status status = load(side, record_register_acceptor_name, load_acceptor);
    if (status == STATUS_OK)
        status = load(side, record_register_round_name, load_round);
    if (status == STATUS_OK)
        status = load(side, record_register_value_name, load_value);
    if (status == STATUS_OK)
        status = load(side, record_register_asked_name, load_asked);
    if (status != STATUS_OK)
        forget(&side->config);
    return status;
}

/* ---- answers ---- */

void store_register_append_state(const struct store_side *side, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REGISTER_STATE, 0, 0);
    message_register_state_encode(
        &(struct message_register_state){.accepted_seq = side->config.accepted_seq,
                                         .asked = side->config.asked,
                                         .value = buffer_slice(&side->config.value)},
        out);
    frame_finish_inside(out, offset);
}

static void reply_promise(const struct frame *frame, const struct message_register_promise *promise,
                          struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REGISTER_PROMISE, frame->request, 0);
    message_register_promise_encode(promise, out);
    frame_finish_inside(out, offset);
}

static void reply_accepted(const struct frame *frame,
                           const struct message_register_accepted *accepted, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REGISTER_ACCEPTED, frame->request, 0);
    message_register_accepted_encode(accepted, out);
    frame_finish_inside(out, offset);
}

static void reply_reserved(const struct frame *frame, enum status status, uint64_t round,
                           struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REGISTER_RESERVED, frame->request, 0);
    message_register_reserved_encode(
        &(struct message_register_reserved){.status = status, .round = round}, out);
    frame_finish_inside(out, offset);
}

static void reply_learned(const struct frame *frame, enum status status, struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_REGISTER_LEARNED, frame->request, 0);
    message_register_learned_encode(&(struct message_register_learned){.status = status}, out);
    frame_finish_inside(out, offset);
}

void store_register_refuse(const struct store_side *side, const struct frame *frame,
                           enum status status, struct buffer *out)
{
    struct message_register_prepare prepare;
    struct message_register_accept accept;
    switch (frame->type) {
    case MESSAGE_REGISTER_PREPARE:
        if (message_register_prepare_decode(frame->body, &prepare) == STATUS_OK)
            reply_promise(
                frame,
                &(struct message_register_promise){.status = status,
                                                   .ballot = prepare.ballot,
                                                   .incarnation = side->storage_incarnation},
                out);
        break;
    case MESSAGE_REGISTER_ACCEPT:
        if (message_register_accept_decode(frame->body, &accept) == STATUS_OK)
            reply_accepted(
                frame,
                &(struct message_register_accepted){.status = status,
                                                    .ballot = accept.ballot,
                                                    .incarnation = side->storage_incarnation},
                out);
        break;
    case MESSAGE_REGISTER_RESERVE:
        reply_reserved(frame, status, 0, out);
        break;
    case MESSAGE_REGISTER_ASKED:
        break; /* the next start asks once more */
    default:
        reply_learned(frame, status, out);
    }
}

/* ---- frames ---- */

static void handle_prepare(struct store_side *side, const struct frame *frame,
                           struct store_output *out)
{
    struct message_register_prepare prepare;
    struct register_acceptor *acceptor = &side->config.acceptor;
    if (message_register_prepare_decode(frame->body, &prepare) != STATUS_OK)
        return; /* no answer could name its ballot; the asker's deadline ends it */
    struct message_register_promise promise = {
        .status = register_acceptor_prepare(acceptor, prepare.ballot),
        .ballot = prepare.ballot,
        .incarnation = side->storage_incarnation,
        .promised = acceptor->promised};
    if (promise.status == STATUS_OK) {
        promise.accepted = acceptor->accepted;
        promise.value = buffer_slice(&acceptor->value);
        put_acceptor(side);
    }
    reply_promise(frame, &promise, &out->late);
}

/* Only what this cluster could have made, and what will decode for others, is kept. */
static enum status check_value(const struct store_side *side, struct slice bytes, uint64_t *seq)
{
    struct register_value *value;
    if (register_value_decode(bytes, &value) != STATUS_OK)
        return STATUS_INVALID;
    bool ours = memcmp(value->ring->cluster_id, side->ring->cluster_id,
                       sizeof value->ring->cluster_id) == 0;
    *seq = value->seq;
    register_value_free(value);
    return ours ? STATUS_OK : STATUS_INVALID;
}

static void handle_accept(struct store_side *side, const struct frame *frame,
                          struct store_output *out)
{
    struct message_register_accept accept;
    struct store_register *config = &side->config;
    uint64_t seq = 0;
    if (message_register_accept_decode(frame->body, &accept) != STATUS_OK)
        return;
    struct message_register_accepted accepted = {.ballot = accept.ballot,
                                                 .incarnation = side->storage_incarnation};
    accepted.status = check_value(side, accept.value, &seq);
    if (accepted.status == STATUS_OK)
        accepted.status = register_acceptor_accept(&config->acceptor, accept.ballot, accept.value);
    accepted.promised = config->acceptor.promised;
    if (accepted.status == STATUS_CORRUPT)
        log_line(&side->log, LOG_ERROR,
                 "refused a second value of one ballot: a proposer is wrong node=%u round=%llu",
                 accept.ballot.node, (unsigned long long)accept.ballot.round);
    if (accepted.status == STATUS_OK) {
        config->accepted_seq = seq;
        put_acceptor(side);
    }
    reply_accepted(frame, &accepted, &out->late);
    if (accepted.status == STATUS_OK)
        store_register_append_state(side, &out->late);
}

static void handle_reserve(struct store_side *side, const struct frame *frame,
                           struct store_output *out)
{
    struct message_register_reserve reserve;
    uint64_t *round = &side->config.round;
    enum status status = message_register_reserve_decode(frame->body, &reserve);
    assert(status == STATUS_OK); /* own loop side */
    if (reserve.above > *round)
        *round = reserve.above;
    if (*round == UINT64_MAX) {
        reply_reserved(frame, STATUS_TOO_LARGE, 0, &out->late);
        return;
    }
    ++*round;
    put_round(side);
    reply_reserved(frame, STATUS_OK, *round, &out->late);
}

static void handle_learn(struct store_side *side, const struct frame *frame,
                         struct store_output *out)
{
    struct store_register *config = &side->config;
    struct register_value *value;
    enum status status = register_value_decode(frame->body, &value);
    assert(status == STATUS_OK); /* own loop side has decoded it */
    uint64_t generation =
        config->coming == NULL ? config->generation : config->coming->ring->generation;
    uint64_t seq = config->coming == NULL ? config->seq : config->coming->seq;
    bool newer = value->ring->generation != generation ? value->ring->generation > generation
                                                       : value->seq > seq;
    reply_learned(frame, STATUS_OK, &out->late);
    if (!newer) {
        register_value_free(value);
        return;
    }
    register_value_free(config->coming);
    config->coming = value;
    buffer_clear(&config->coming_bytes);
    buffer_append_slice(&config->coming_bytes, frame->body);
    put_value(side, frame->body);
    store_holdings_mark(side, value->ring);
}

bool store_register_is_type(uint16_t type)
{
    return type == MESSAGE_REGISTER_PREPARE || type == MESSAGE_REGISTER_ACCEPT ||
           type == MESSAGE_REGISTER_RESERVE || type == MESSAGE_REGISTER_LEARN ||
           type == MESSAGE_REGISTER_ASKED;
}

void store_register_handle(struct store_side *side, const struct frame *frame,
                           struct store_output *out)
{
    switch (frame->type) {
    case MESSAGE_REGISTER_PREPARE:
        handle_prepare(side, frame, out);
        break;
    case MESSAGE_REGISTER_ACCEPT:
        handle_accept(side, frame, out);
        break;
    case MESSAGE_REGISTER_RESERVE:
        handle_reserve(side, frame, out);
        break;
    case MESSAGE_REGISTER_ASKED:
        put_asked(side);
        break;
    default:
        handle_learn(side, frame, out);
    }
}

void store_register_committed(struct store_side *side)
{
    struct store_register *config = &side->config;
    if (config->coming == NULL)
        return;
    come_into_force(side, config->coming, buffer_slice(&config->coming_bytes));
    register_value_free(config->coming);
    config->coming = NULL;
    buffer_clear(&config->coming_bytes);
}
