/*
 * store_mint.c - new versions for client writes, at the owner that coordinates them.
 *
 * Of several entries all are evaluated before the first is written, so that an error is
 * definite; one alone either fails or is written. The answer goes out early, with what the other
 * owners need; the copy here is reported late, once it is durable.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/key_request.h"
#include "node/store_elements.h"
#include "node/store_side_state.h"
#include "ring/element_key.h"

enum { MINT_ROOM_BYTES = 512 }; /* of what is made of a small write: see buffer_on() */

void store_reply_minted(const struct frame *frame, const struct message_minted *minted,
                        struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_MINTED, frame->request, 0);
    message_minted_encode(minted, out);
    frame_finish_inside(out, offset);
}

/*
 * A string that is set where none was may hide elements: whoever asked removes them then. What was
 * written in this group, or is known to other owners alone, stays hidden.
 */
static enum status note_beside(struct store_side *side, const struct replica *replica,
                               const struct key_request *request, uint16_t index,
                               struct key_outcome *outcome)
{
    const struct key_entry *entry = &request->entries[index];
    struct buffer record = {0};
    struct slice encoded;
    struct cell head = {0};
    if (entry->mutation.operation != REGISTER_SET ||
        replica_count(replica, keyspace_of_elements(request->keyspace)) == 0)
        return STATUS_OK;
    enum status status = replica_load_cell(&side->context, request->keyspace, entry->key, &record);
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(&record), &encoded);
    if (status == STATUS_OK) {
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &head);
        status = reader_end(&reader);
    }
    if (status == STATUS_OK)
        status = store_collection_of(side->port, side->ring->seed, request->keyspace, entry->key,
                                     &head, true, side->context.wall_ms, &outcome->collection);
    cell_deinit(&head);
    buffer_deinit(&record);
    return status;
}

/* One pass over the entries of a write: evaluate them all, or make their new versions. */
static enum status mint_pass(struct store_side *side, struct replica *replica,
                             const struct key_request *request, const struct message_mint *message,
                             bool evaluate_only, struct key_outcome *outcomes, size_t *old_offsets,
                             struct buffer *old, struct buffer *deliveries, uint16_t *written)
{
    struct reader cells = reader_make(message->cells);
    enum status status = STATUS_OK;
    enum merge_policy policy = store_policy_of(side, request->keyspace, &status);
    size_t delivery_bytes = 0;
    bool has_id = key_request_is_recorded(request), reads = false;
    struct request_stamp request_stamp = store_stamp(side, request);
    struct buffer stamp = {0};
    if (has_id)
        request_stamp_encode(&request_stamp, &stamp);
    for (uint16_t i = 0; i < request->entry_count; i++)
        reads = reads || mutation_reads(&request->entries[i].mutation);
    *written = 0;
    for (uint16_t i = 0; i < request->entry_count && status == STATUS_OK; i++) {
        const struct key_entry *entry = &request->entries[i];
        struct mutation mutation = entry->mutation;
        struct replica_minted minted;
        bool judged = !evaluate_only && request->entry_count > 1;
        if (judged && (request->flags & KEY_ALL_OR_NOTHING) != 0)
            mutation.flags &= (uint16_t) ~(MUTATION_IF_ABSENT | MUTATION_IF_PRESENT);
        struct replica_mint mint = {.keyspace = request->keyspace,
                                    .policy = policy,
                                    .key = entry->key,
                                    .mutation = &mutation,
                                    .observed = entry->context,
                                    .observed_time = entry->context_time,
                                    .blind = !reads, /* only the lookup has read */
                                    .stamp = buffer_slice(&stamp),
                                    .id = request->identity.id,
                                    .delivery_bytes = delivery_bytes};
        if (message->cell_count > 0)
            mint.read_cell = reader_bytes(&cells);
        old_offsets[i] = old->length;
        status =
            replica_mint(replica, &mint, evaluate_only, &side->context, &minted, old, deliveries);
        outcomes[i] = (struct key_outcome){.written = minted.written,
                                           .visible = minted.had_old,
                                           .number = minted.number,
                                           .dot = minted.dot};
        if (status == STATUS_OK && !evaluate_only && minted.written && !minted.had_string &&
            !has_id)
            status = note_beside(side, replica, request, i, &outcomes[i]);
        *written = (uint16_t)(*written + minted.written);
        delivery_bytes += minted.delivery_bytes;
    }
    old_offsets[request->entry_count] = old->length;
    buffer_deinit(&stamp);
    return status;
}

void store_go_by_keyspace(struct store_side *side, keyspace_id number)
{
    const struct ring_keyspace *keyspace = ring_keyspace(side->ring, number);
    const struct settings *settings = &side->settings;
    if (keyspace == NULL)
        return; /* refused below */
    side->context.value_bytes_max =
        ring_keyspace_limit(keyspace->value_bytes_max, settings->value_bytes_max);
    side->context.siblings_max =
        ring_keyspace_limit(keyspace->siblings_max, settings->siblings_max);
    side->context.default_ttl_ms = keyspace->default_ttl_ms;
}

void store_finish_mint(struct store_side *side, struct replica *replica, const struct frame *frame,
                       const struct message_mint *message, struct message_minted *minted,
                       uint16_t written, const struct buffer *deliveries, struct store_output *out)
{
    uint8_t room[MINT_ROOM_BYTES];
    struct buffer body = buffer_on(room, sizeof room);
    if (!minted->written) {
        store_reply_minted(frame, minted, &out->late);
        return;
    }
    struct message_replicate replicate = {.address = message->address,
                                          .delivery_count = written,
                                          .deliveries = buffer_slice(deliveries)};
    message_replicate_encode(&replicate, &body);
    store_debt_count_events(side->debts, written, deliveries->length);
    minted->replicate = buffer_slice(&body);
    bool covered = store_clock_is_covered(&side->clock);
    store_reply_minted(frame, minted, covered ? &out->early : &out->late);
    store_reply_replicated(frame, STATUS_OK, &out->late);
    store_checkpoint_if_due(side, replica);
    buffer_deinit(&body);
}

/*
 * First all entries are evaluated, so that an error is definite: nothing was changed. Then
 * they are written; entries of one request see those before them. replica_mint() evaluates before
 * it changes anything, so one entry needs no pass of its own for that.
 */
static void mint_request(struct store_side *side, struct replica *replica,
                         const struct frame *frame, const struct message_mint *message,
                         const struct key_request *request, struct store_output *out)
{
    struct key_result result = {.outcome_count = request->entry_count};
    uint8_t deliveries_room[MINT_ROOM_BYTES], encoded_room[MINT_ROOM_BYTES];
    struct buffer old = {0};
    struct buffer deliveries = buffer_on(deliveries_room, sizeof deliveries_room);
    struct buffer encoded = buffer_on(encoded_room, sizeof encoded_room);
    size_t few[2], *offsets = few;
    struct key_outcome one = {0};
    struct message_minted minted = {0};
    uint16_t written = request->entry_count;
    bool all = (request->flags & KEY_ALL_OR_NOTHING) != 0;
    store_go_by_keyspace(side, request->keyspace);
    result.outcomes = &one;
    if (request->entry_count > 1) {
        offsets = memory_new((size_t)request->entry_count + 1, sizeof *offsets);
        result.outcomes = memory_new(request->entry_count, sizeof *result.outcomes);
    }
    if (request->entry_count > 1)
        minted.status = mint_pass(side, replica, request, message, true, result.outcomes, offsets,
                                  &old, &deliveries, &written);
    if (minted.status == STATUS_OK && (!all || written == request->entry_count)) {
        minted.status = mint_pass(side, replica, request, message, false, result.outcomes, offsets,
                                  &old, &deliveries, &written);
        /* A store that fails between the passes may not leave half a request behind. */
        out->discard = out->discard || (minted.status != STATUS_OK && written > 0);
    }
    bool refused = minted.status == STATUS_OK && all && written < request->entry_count;
    if (refused) {
        for (uint16_t i = 0; i < request->entry_count; i++)
            result.outcomes[i] = (struct key_outcome){0};
        written = 0;
    }
    minted.written = minted.status == STATUS_OK && written > 0;
    if (minted.status == STATUS_OK) {
        for (uint16_t i = 0; !refused && i < request->entry_count; i++)
            if (offsets[i + 1] > offsets[i])
                result.outcomes[i].value =
                    slice_make(old.data + offsets[i], offsets[i + 1] - offsets[i]);
        key_result_encode(&result, &encoded);
        minted.result = buffer_slice(&encoded);
    }
    if (minted.written && key_request_is_recorded(request)) {
        minted.status =
            store_keep_minted(side, replica, request, &result, minted.result, &deliveries);
        minted.written = minted.status == STATUS_OK;
        out->discard = out->discard || !minted.written;
        written++; /* deliveries */
    }
    store_finish_mint(side, replica, frame, message, &minted, written, &deliveries, out);
    if (request->entry_count > 1) {
        free(result.outcomes);
        free(offsets);
    }
    buffer_deinit(&old);
    buffer_deinit(&deliveries);
    buffer_deinit(&encoded);
}

void store_handle_mint(struct store_side *side, const struct frame *frame, struct instant now,
                       struct store_output *out)
{
    struct message_mint message;
    struct key_request request;
    struct key_contexts contexts = {0};
    enum status status = message_mint_decode(frame->body, &message);
    struct replica *replica = NULL;
    if (status == STATUS_OK) {
        struct reader reader = reader_make(message.request);
        status = key_request_decode(&reader, &request, &contexts);
    }
    if (status == STATUS_OK)
        replica = store_find_replica(side, &message.address, &status);
    if (status == STATUS_OK && replica->state != REPLICA_ACTIVE)
        status = STATUS_NOT_READY;
    if (status == STATUS_OK) {
        status = store_clock_may_mint(&side->clock, now);
        if (status != STATUS_OK)
            store_append_mint_from(side, &out->late);
    }
    bool answered = false;
    if (status == STATUS_OK && key_request_is_recorded(&request))
        status = store_check_request(side, replica, frame, &message, &request, out, &answered);
    if (status == STATUS_OK && !answered && key_request_is_collection(&request)) {
        store_mint_collection(side, replica, frame, &message, &request, out);
    } else if (status == STATUS_OK && !answered) {
        side->context.settled_ms = store_fold_settled_ms(side, replica);
        side->context.ids_wait = false;
        mint_request(side, replica, frame, &message, &request, out);
        if (side->context.ids_wait)
            store_fold_want(side, replica, now);
    }
    if (status != STATUS_OK)
        store_reply_minted(frame, &(struct message_minted){.status = status}, &out->late);
    key_contexts_free(&contexts);
}
