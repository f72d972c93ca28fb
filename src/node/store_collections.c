/*
 * store_collections.c - writes of elements, and deletes of all of them, at the owner that
 * coordinates them.
 *
 * All elements of a command are evaluated before the first is written, against what deletes of
 * the key have removed and what its end has reached, as this replica and the read quorum know it.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "node/store_side_state.h"
#include "replica/collection.h"
#include "ring/element_key.h"
#include "wire/message_collection.h"

struct element_mint {
    struct store_side *side;
    struct replica *replica;
    const struct key_request *request;
    const struct message_mint *message;
    struct replica_past past;
    struct key_outcome *outcomes;
    size_t *old_offsets;
    struct buffer old, deliveries;
    uint16_t written;
};

static enum status mint_cell(struct element_mint *mint, const struct replica_mint *wish,
                             bool evaluate_only, size_t *delivery_bytes,
                             struct replica_minted *minted)
{
    enum status status = replica_mint(mint->replica, wish, evaluate_only, &mint->side->context,
                                      minted, &mint->old, &mint->deliveries);
    mint->written = (uint16_t)(mint->written + minted->written);
    *delivery_bytes += minted->delivery_bytes;
    return status == STATUS_OK && *delivery_bytes > MESSAGE_PAYLOAD_BYTES_MAX ? STATUS_TOO_LARGE
                                                                              : status;
}

static enum status load_element(struct element_mint *mint, uint8_t type, struct slice element,
                                struct buffer *record, struct cell *out)
{
    struct buffer name = {0};
    struct slice encoded;
    element_key_encode(mint->request->entries[0].key, type, element, mint->side->ring->seed, &name);
    enum status status =
        replica_load_cell(&mint->side->context, keyspace_of_elements(mint->request->keyspace),
                          buffer_slice(&name), record);
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(record), &encoded);
    if (status == STATUS_OK) {
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, out);
        status = reader_end(&reader);
    }
    buffer_deinit(&name);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Whether each increment that has written the name is covered by the field's cell, as it is now. */
static enum status name_is_matched(struct element_mint *mint, struct slice element, bool *matched)
{
    struct buffer field_record = {0}, name_record = {0};
    struct cell field = {0}, name = {0};
    uint8_t type = mint->request->collection;
    enum status status = load_element(mint, type, element, &field_record, &field);
    if (status == STATUS_OK)
        status = load_element(mint, collection_counts_of(type), element, &name_record, &name);
    *matched = true;
    for (uint32_t i = 0; i < name.count; i++) {
        struct dot increment = name.siblings[i].dot;
        increment.sequence--; /* minted just before it */
        if (name.siblings[i].kind == SIBLING_STRING &&
            !version_vector_covers(&field.context, &increment))
            *matched = false;
    }
    cell_deinit(&field);
    cell_deinit(&name);
    buffer_deinit(&field_record);
    buffer_deinit(&name_record);
    return status;
}

/*
 * The name of a field, or member of a sorted set, that counts is written with every increment,
 * anew, and goes with the field. So whoever removes all fields finds those that count: neither a
 * removal nor an increment takes a name away of which it has not seen the increment, though another
 * owner may have brought the name alone; an increment then writes its own beside it. A name that
 * stays behind is only looked at in vain. Rules S1-S3 of tests/models/hash_sums.py.
 */
static enum status mint_counting(struct element_mint *mint, const struct key_entry *entry,
                                 const struct replica_minted *field, bool evaluate_only,
                                 size_t *delivery_bytes)
{
    uint8_t counts_type = collection_counts_of(mint->request->collection);
    if (counts_type == COLLECTION_NONE)
        return STATUS_OK;
    bool counts = entry->mutation.operation == REGISTER_INCREMENT;
    bool removed = entry->mutation.operation == REGISTER_DELETE && !evaluate_only &&
                   (field->had_counter || (mint->request->flags & KEY_HIDDEN) != 0);
    struct mutation mutation = {.operation = counts ? REGISTER_SET : REGISTER_DELETE};
    struct buffer name = {0};
    struct replica_minted minted;
    enum status status = STATUS_OK;
    bool matched = true;
    if (counts || removed)
        status = name_is_matched(mint, entry->key, &matched); /* S2, S3 */
    removed = removed && matched;
    if (status != STATUS_OK || (!counts && !removed))
        return status;
    element_key_encode(mint->request->entries[0].key, counts_type, entry->key,
                       mint->side->ring->seed, &name);
    struct replica_mint wish = {.keyspace = keyspace_of_elements(mint->request->keyspace),
                                .policy = matched ? MERGE_ELEMENTS : MERGE_SIBLINGS,
                                .key = buffer_slice(&name),
                                .mutation = &mutation};
    status = mint_cell(mint, &wish, evaluate_only, delivery_bytes, &minted);
    buffer_deinit(&name);
    return status;
}

static enum status mint_element(struct element_mint *mint, uint16_t index, struct slice read_cell,
                                bool evaluate_only, size_t *delivery_bytes)
{
    const struct key_request *request = mint->request;
    const struct key_entry *entry = &request->entries[index];
    struct buffer name = {0};
    struct replica_minted minted;
    element_key_encode(request->entries[0].key, request->collection, entry->key,
                       mint->side->ring->seed, &name);
    struct replica_mint wish = {.keyspace = keyspace_of_elements(request->keyspace),
                                .policy = MERGE_ELEMENTS,
                                .key = buffer_slice(&name),
                                .mutation = &entry->mutation,
                                .read_cell = read_cell,
                                .past = &mint->past.past};
    mint->old_offsets[index] = mint->old.length;
    enum status status = mint_cell(mint, &wish, evaluate_only, delivery_bytes, &minted);
    mint->outcomes[index] = (struct key_outcome){.written = minted.written,
                                                 .visible = minted.had_old,
                                                 .number = minted.number,
                                                 .dot = minted.dot};
    if (status == STATUS_OK)
        status = mint_counting(mint, entry, &minted, evaluate_only, delivery_bytes);
    buffer_deinit(&name);
    return status;
}

static enum status mint_pass(struct element_mint *mint, bool evaluate_only)
{
    struct reader cells = reader_make(mint->message->cells);
    size_t delivery_bytes = 0;
    enum status status = STATUS_OK;
    mint->written = 0;
    reader_bytes(&cells); /* the key's */
    for (uint16_t i = 1; i < mint->request->entry_count && status == STATUS_OK; i++)
        status = mint_element(mint, i, reader_bytes(&cells), evaluate_only, &delivery_bytes);
    mint->old_offsets[mint->request->entry_count] = mint->old.length;
    return status;
}

/* L4: a look has shown no element, and the end of those that were there is not that of these. */
static enum status lift_old_end(struct element_mint *mint)
{
    const struct key_request *request = mint->request;
    struct reader cells = reader_make(mint->message->cells);
    const struct mutation lifts = {.operation = REGISTER_PERSIST};
    struct replica_deadline wish = {.keyspace = request->keyspace,
                                    .key = request->entries[0].key,
                                    .read_cell = reader_bytes(&cells),
                                    .mutation = &lifts};
    struct replica_minted minted;
    if ((request->flags & KEY_NEW_LIFE) == 0 || mint->past.deadline.expire_at_ms == 0)
        return STATUS_OK;
    enum status status = replica_set_deadline(mint->replica, &wish, &mint->side->context, &minted,
                                              &mint->deliveries);
    mint->written = (uint16_t)(mint->written + minted.written);
    return status;
}

static enum status mint_elements(struct element_mint *mint, struct store_output *out)
{
    struct store_side *side = mint->side;
    const struct key_request *request = mint->request;
    side->context.default_ttl_ms = 0; /* refused where there is one */
    side->context.settled_ms = 0;     /* of increments with ids, which elements have not */
    enum status status =
        replica_join_past(mint->replica, request->keyspace, request->entries[0].key,
                          mint->message->cells, &side->context, &mint->past);
    if (status == STATUS_OK)
        status = mint_pass(mint, true);
    if (status != STATUS_OK)
        return status;
    status = mint_pass(mint, false);
    if (status == STATUS_OK && mint->written > 0)
        status = lift_old_end(mint);
    /* A store that fails between the passes may not leave half a request behind. */
    out->discard = out->discard || status != STATUS_OK;
    for (uint16_t i = 1; i < request->entry_count && status == STATUS_OK; i++)
        if (mint->old_offsets[i + 1] > mint->old_offsets[i])
            mint->outcomes[i].value = slice_make(mint->old.data + mint->old_offsets[i],
                                                 mint->old_offsets[i + 1] - mint->old_offsets[i]);
    return status;
}

static enum status set_deadline(struct element_mint *mint)
{
    const struct key_request *request = mint->request;
    struct reader cells = reader_make(mint->message->cells);
    struct replica_deadline wish = {.keyspace = request->keyspace,
                                    .key = request->entries[0].key,
                                    .read_cell = reader_bytes(&cells),
                                    .mutation = &request->entries[0].mutation};
    struct replica_minted minted;
    uint8_t operation = wish.mutation->operation;
    if (operation != REGISTER_EXPIRE && operation != REGISTER_PERSIST)
        return STATUS_INVALID;
    enum status status = replica_set_deadline(mint->replica, &wish, &mint->side->context, &minted,
                                              &mint->deliveries);
    mint->outcomes[0] =
        (struct key_outcome){.written = minted.written, .number = minted.number, .dot = minted.dot};
    mint->written = minted.written;
    return status;
}

static enum status delete_all(struct element_mint *mint)
{
    const struct key_request *request = mint->request;
    struct reader cells = reader_make(mint->message->cells);
    struct reader reader = reader_make(mint->message->lookup);
    struct replica_minted minted = {0};
    struct clock seen;
    clock_decode(&reader, &seen);
    enum status status = reader_end(&reader);
    struct replica_cut cut = {.keyspace = request->keyspace,
                              .key = request->entries[0].key,
                              .read_cell = reader_bytes(&cells),
                              .seen = &seen};
    if (status == STATUS_OK)
        status = replica_cut(mint->replica, &cut, &mint->side->context, &minted, &mint->deliveries);
    mint->outcomes[0] =
        (struct key_outcome){.written = minted.written, .number = minted.number, .dot = minted.dot};
    mint->written = minted.written;
    clock_deinit(&seen);
    return status;
}

void store_mint_collection(struct store_side *side, struct replica *replica,
                           const struct frame *frame, const struct message_mint *message,
                           const struct key_request *request, struct store_output *out)
{
    struct element_mint mint = {
        .side = side, .replica = replica, .request = request, .message = message};
    struct key_result result = {.outcome_count = request->entry_count};
    struct message_minted minted = {0};
    struct buffer encoded = {0};
    mint.old_offsets = memory_new((size_t)request->entry_count + 1, sizeof *mint.old_offsets);
    mint.outcomes = result.outcomes = memory_new(request->entry_count, sizeof *result.outcomes);
    store_go_by_keyspace(side, request->keyspace);
    if (message->cell_count == 0 || request->entry_count == 0)
        minted.status = STATUS_CORRUPT;
    else if (request->kind == KEY_COLLECTION_DELETE)
        minted.status = delete_all(&mint);
    else if (request->kind == KEY_COLLECTION_DEADLINE)
        minted.status = set_deadline(&mint);
    else
        minted.status = mint_elements(&mint, out);
    minted.written = minted.status == STATUS_OK && mint.written > 0;
    if (minted.status == STATUS_OK) {
        key_result_encode(&result, &encoded);
        minted.result = buffer_slice(&encoded);
    }
    store_finish_mint(side, replica, frame, message, &minted, mint.written, &mint.deliveries, out);
    key_result_deinit(&result);
    free(mint.old_offsets);
    past_deinit(&mint.past.past);
    buffer_deinit(&mint.old);
    buffer_deinit(&mint.deliveries);
    buffer_deinit(&encoded);
}

/* ---- what a delete must know ---- */

void store_reply_collection_clock(const struct frame *frame,
                                  const struct message_collection_clock_result *result,
                                  struct buffer *out)
{
    size_t offset = frame_start(out, MESSAGE_COLLECTION_CLOCK_RESULT, frame->request, 0);
    message_collection_clock_result_encode(result, out);
    frame_finish_inside(out, offset);
}

void store_handle_collection_clock(struct store_side *side, const struct frame *frame,
                                   struct store_output *out)
{
    struct message_collection_clock asked;
    struct message_collection_clock_result result = {0};
    struct replica *replica = NULL;
    struct buffer record = {0}, clock = {0}, empty = {0};
    result.status = message_collection_clock_decode(frame->body, &asked);
    if (result.status == STATUS_OK)
        replica = store_find_replica(side, &asked.address, &result.status);
    if (result.status == STATUS_OK && replica->state != REPLICA_ACTIVE)
        result.status = STATUS_NOT_READY;
    struct cell_delivery named = {.keyspace = asked.keyspace, .key = asked.key};
    if (result.status == STATUS_OK && !store_may_hold(side, &named, replica->partition))
        result.status = STATUS_INVALID;
    if (result.status == STATUS_OK) {
        cell_encode(&(struct cell){0}, true, &empty);
        result.head = buffer_slice(&empty);
        result.status = replica_load_cell(&side->context, asked.keyspace, asked.key, &record);
        if (result.status == STATUS_OK)
            result.status = record_cell_open(buffer_slice(&record), &result.head);
        else if (result.status == STATUS_NOT_FOUND)
            result.status = STATUS_OK;
    }
    if (result.status == STATUS_OK) {
        clock_encode(&replica->clock, &clock);
        result.clock = buffer_slice(&clock);
    } else {
        result = (struct message_collection_clock_result){.status = result.status};
    }
    store_reply_collection_clock(frame, &result, &out->late);
    buffer_deinit(&record);
    buffer_deinit(&clock);
    buffer_deinit(&empty);
}
