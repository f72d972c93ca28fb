/*
 * write.c - a write after its read phase: mint, replicate, count. Fallbacks are in fallbacks.c.
 */
#include "coordinator/collection.h"
#include "coordinator/request_state.h"

#include <assert.h>

#include "ring/transition.h"
#include "wire/message_lookup.h"

void write_start(struct coordinated_request *c, struct coordinated_output *out)
{
    uint8_t room[SMALL_BODY_BYTES];
    struct buffer body = buffer_on(room, sizeof room);
    struct message_mint mint = {.address = c->address, .request = buffer_slice(&c->bytes)};
    if (!quorum_met_with(&c->write, c->params.usable)) { /* owners went away during the read */
        request_fail(c, STATUS_UNAVAILABLE, &c->write, out);
        return;
    }
    if (c->merged.length > 0) {
        mint.cell_count = c->request.entry_count;
        mint.cells = buffer_slice(&c->merged);
    }
    mint.lookup = buffer_slice(&c->lookup);
    message_mint_encode(&mint, &body);
    c->phase = PHASE_MINT;
    c->mint_tag = c->address.tag;
    c->open = 0;
    c->failed = 0;
    request_send(c, request_self_index(c), MESSAGE_MINT, buffer_slice(&body), out);
    buffer_deinit(&body);
}

/* A write that has read may have to tell what stands beside a key that it deletes. */
static void note_beside(struct coordinated_request *c)
{
    struct reader reader = reader_make(buffer_slice(&c->minted));
    struct buffer encoded = {0};
    struct key_result result;
    if (c->merged.length == 0)
        return;
    enum status status = key_result_decode(&reader, &result);
    assert(status == STATUS_OK); /* own store side */
    collection_note_beside(c, &result);
    key_result_encode(&result, &encoded);
    key_result_deinit(&result);
    buffer_deinit(&c->minted);
    c->minted = encoded;
}

/* The minted result with the number of those that hold it. */
static void answer_ok(struct coordinated_request *c, struct coordinated_output *out)
{
    note_beside(c);
    key_result_set_acks(&c->minted, quorum_counted(&c->write), quorum_needed(&c->write),
                        quorum_counted_fallbacks(&c->write));
    request_answer(c, buffer_slice(&c->minted), out);
}

/* Nothing had to be written; of what is there the client is told what a majority holds. */
static void answer_nothing(struct coordinated_request *c, struct coordinated_output *out)
{
    note_beside(c);
    if (c->merged.length == 0 || !repair_start(c, buffer_slice(&c->minted), out))
        request_answer(c, buffer_slice(&c->minted), out);
}

/* Once more, after a read: then what that counts is replaced too. */
static void write_again(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer encoded = {0};
    struct key_request request = c->request;
    request.flags |= KEY_AGAIN;
    key_request_encode(&request, &encoded);
    request_answer(c, buffer_slice(&encoded), out);
    out->again = true;
    buffer_deinit(&encoded);
}

void write_check(struct coordinated_request *c, struct coordinated_output *out)
{
    if (c->answered)
        return;
    bool met = quorum_met(&c->write);
    if (met && c->unseen_increments && !key_request_needs_read(&c->request)) {
        write_again(c, out);
        return;
    }
    if (met) { /* C3 */
        answer_ok(c, out);
        return;
    }
    fallbacks_replace_lost(c, out);
    if (!fallbacks_may_be_met(c))
        request_fail(c, STATUS_UNCERTAIN, &c->write, out);
}

static void send_replicas(struct coordinated_request *c, bool itself_too, struct slice body,
                          struct coordinated_output *out)
{
    owner_mask asked = 0;
    for (uint8_t i = 0; i < preference_list_replicas(&c->owners); i++) {
        owner_mask bit = (owner_mask)1 << i;
        if (c->owners.nodes[i] == c->params.self && !itself_too)
            continue;
        if ((c->params.usable & bit) != 0)
            asked |= bit;
        else
            c->failed |= bit;
    }
    request_send_all(c, asked, MESSAGE_REPLICATE, body, out);
}

/* To all other replicas at once; who cannot be reached now gets it by log sync. */
static void replicate(struct coordinated_request *c, struct slice body,
                      struct coordinated_output *out)
{
    c->phase = PHASE_REPLICATE;
    buffer_append_slice(&c->replicate, body);
    if (moves_is_stale(c)) { /* since it was sent to be minted */
        out->moved = true;
        return;
    }
    send_replicas(c, false, body, out); /* its own MESSAGE_REPLICATED follows the commit */
    write_check(c, out);
}

/* Whether one of those who were asked knew the request. */
static bool is_known(const struct coordinated_request *c)
{
    struct mint_lookup lookup;
    return c->lookup.length > 0 &&
           mint_lookup_decode(buffer_slice(&c->lookup), &lookup) == STATUS_OK &&
           lookup.record.length > 0;
}

void write_minted(struct coordinated_request *c, struct slice body, struct coordinated_output *out)
{
    struct message_minted minted;
    enum status status = message_minted_decode(body, &minted);
    assert(status == STATUS_OK); /* own store side */
    if (minted.status == STATUS_STALE_TAG || (!minted.written && moves_is_stale(c))) {
        c->open = 0; /* nothing was written */
        c->tag_refused = c->held = true;
        if (moves_is_stale(c))
            moves_begin_anew(c, out);
        return;
    }
    if (minted.status != STATUS_OK) {
        c->open = 0;
        request_fail(c, minted.status, &c->write, out); /* C2: nothing was minted */
        return;
    }
    buffer_append_slice(&c->minted, minted.result);
    if (!minted.written) {
        c->open = 0;
        answer_nothing(c, out);
    } else {
        out->repeated = minted.repeated;
        out->repeated_by_quorum = minted.repeated && is_known(c);
        replicate(c, minted.replicate, out);
    }
}

void write_reply(struct coordinated_request *c, uint8_t holder, struct slice body,
                 struct coordinated_output *out)
{
    struct message_replicated replicated; /* a hint is acknowledged in the same form */
    enum status status = message_replicated_decode(body, &replicated);
    if (status == STATUS_OK)
        status = (enum status)replicated.status;
    moves_note(c, status);
    if (status == STATUS_OK) {
        fallbacks_count(c, holder);
        c->unseen_increments = c->unseen_increments || replicated.unseen_increments;
    } else {
        c->failed |= (owner_mask)1 << holder;
    }
    write_check(c, out);
}

/* What the store minted names the tag of then. */
static void encode_under(struct coordinated_request *c, struct buffer *body)
{
    struct message_replicate message;
    enum status status = message_replicate_decode(buffer_slice(&c->replicate), &message);
    assert(status == STATUS_OK); /* own store side */
    message.address = c->address;
    message_replicate_encode(&message, body);
}

void write_send_anew(struct coordinated_request *c, struct coordinated_output *out)
{
    struct buffer body = {0};
    partition_id partition = c->address.partition;
    uint8_t home =
        c->request.region > 0 ? (uint8_t)(c->request.region - 1) : c->params.home; /* LOCAL's */
    c->held = c->tag_refused = false;
    c->open = c->failed = 0;
    c->address.tag = ring_tag_of(c->params.ring, partition);
    preference_list_build(c->params.ring, partition, c->params.home, &c->owners);
    enum status status =
        quorum_init(&c->write, &c->owners, home, &c->request.options, QUORUM_WRITE);
    if (status != STATUS_OK || !ring_replicates(c->params.ring, c->params.self, partition)) {
        request_fail(c, STATUS_UNCERTAIN, &c->write, out); /* T2: it cannot answer for it */
        return;
    }
    c->params.usable &= quorum_holders(&c->write) | c->owners.other_set;
    encode_under(c, &body);
    buffer_clear(&c->replicate);
    buffer_append_slice(&c->replicate, buffer_slice(&body));
    send_replicas(c, true, buffer_slice(&body), out);
    write_check(c, out);
    buffer_deinit(&body);
}
