/*
 * store_requests.c - requests with ids at the replica: is it known, and may it be minted?
 *
 * A lookup asks the replicas of a read quorum; what they say comes back with the mint. In the
 * step that mints both questions are asked again, of this replica and for what it holds
 * by then:
 *
 *   the request is known here, or to one of those asked    its first answer is given, and what it
 *                                                          wrote goes to the other owners once more
 *   some of its effect is here, or some of what the keys
 *   hold was absorbed by nobody who was asked              nothing is minted: it cannot be told
 *   its id carries a time, and the window is over          nothing is minted: it may have been
 *   else                                                   it is minted, with stamp and record
 *
 * Source: reference "algorithms" 4.6; tests/models/request_ids.py.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/key_request.h"
#include "node/store_elements.h"
#include "node/store_side_state.h"
#include "replica/replica_requests.h"
#include "ring/position.h"

/* ---- lookups ------------------------------------------------------------------------------- */

static enum status load_cell(struct store_side *side, keyspace_id keyspace, struct slice key,
                             struct buffer *record, struct cell *out)
{
    struct slice encoded;
    *out = (struct cell){0};
    buffer_clear(record);
    enum status status = replica_load_cell(&side->context, keyspace, key, record);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = record_cell_open(buffer_slice(record), &encoded);
    if (status != STATUS_OK)
        return status;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, out);
    return reader_end(&reader);
}

struct looked_up {
    struct buffer cells, covered, record, collections;
    struct version_vector *contexts; /* for each key */
    uint16_t count;
};

static void looked_up_deinit(struct looked_up *found)
{
    for (uint16_t i = 0; i < found->count; i++)
        version_vector_deinit(&found->contexts[i]);
    free(found->contexts);
    buffer_deinit(&found->cells);
    buffer_deinit(&found->covered);
    buffer_deinit(&found->collections);
    buffer_deinit(&found->record);
}

static enum status look_up_cells(struct store_side *side, const struct replica *replica,
                                 const struct message_lookup *lookup, struct looked_up *found)
{
    struct reader keys = reader_make(lookup->keys);
    struct buffer record = {0}, encoded = {0};
    enum status status = STATUS_OK;
    found->contexts = memory_new(lookup->key_count, sizeof *found->contexts);
    while (found->count < lookup->key_count && status == STATUS_OK) {
        struct slice key = reader_bytes(&keys);
        struct cell cell = {0};
        if (key.length > RECORD_KEY_BYTES_MAX ||
            ring_partition_of_slot(ring_slot(key), side->ring->partition_count) !=
                replica->partition)
            status = STATUS_INVALID;
        if (status == STATUS_OK)
            status = load_cell(side, lookup->keyspace, key, &record, &cell);
        uint8_t type = 0;
        if (status == STATUS_OK) /* as committed: what was acknowledged is */
            status = store_collection_of(side->port, side->ring->seed, lookup->keyspace, key, &cell,
                                         false, side->context.wall_ms, &type);
        if (status == STATUS_OK) {
            buffer_put_u8(&found->collections, type);
            buffer_clear(&encoded);
            cell_encode_versions(&cell, lookup->value_bytes_max, &encoded);
            buffer_put_bytes(&found->cells, buffer_slice(&encoded));
            buffer_put_u8(&found->covered, clock_covers_vector(&replica->clock, &cell.context));
            version_vector_copy(&cell.context, &found->contexts[found->count++]);
        }
        cell_deinit(&cell);
        if (found->cells.length > MESSAGE_PAYLOAD_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    buffer_deinit(&record);
    buffer_deinit(&encoded);
    return status;
}

/* What is known of the request, with its record in `found`. */
static enum status look_up_request(struct store_side *side, const struct replica *replica,
                                   const struct request_identity *identity, struct looked_up *found,
                                   uint8_t *state)
{
    struct request_record record;
    *state = REQUEST_NOT_KNOWN;
    enum status status = replica_find_request(replica, identity, &side->context, &found->record);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = request_record_decode(buffer_slice(&found->record), &record);
    if (status == STATUS_OK)
        *state = (uint8_t)replica_request_state(replica, &record, found->contexts, found->count);
    return status;
}

void store_reply_lookup(const struct frame *frame, enum status status,
                        const struct message_lookup_result *found, struct buffer *out)
{
    struct buffer failed = {0};
    struct message_lookup_result result = {0};
    if (found != NULL) {
        result = *found;
    } else {
        message_read_result_encode(&(struct message_read_result){.status = status}, &failed);
        result.read = buffer_slice(&failed);
    }
    size_t offset = frame_start(out, MESSAGE_LOOKUP_RESULT, frame->request, 0);
    message_lookup_result_encode(&result, out);
    frame_finish_inside(out, offset);
    buffer_deinit(&failed);
}

void store_handle_lookup(struct store_side *side, const struct frame *frame,
                         struct store_output *out)
{
    struct message_lookup lookup;
    struct looked_up found = {0};
    struct message_lookup_result result = {0};
    struct replica *replica = NULL;
    struct buffer read = {0};
    enum status status = message_lookup_decode(frame->body, &lookup);
    if (status == STATUS_OK)
        replica = store_find_replica(side, &lookup.address, &status);
    if (status == STATUS_OK && replica->state != REPLICA_ACTIVE)
        status = STATUS_NOT_READY;
    if (status == STATUS_OK)
        status = look_up_cells(side, replica, &lookup, &found);
    if (status == STATUS_OK)
        status = look_up_request(side, replica, &lookup.identity, &found, &result.state);
    if (status == STATUS_OK) {
        message_read_result_encode(
            &(struct message_read_result){.cell_count = lookup.key_count,
                                          .collections = buffer_slice(&found.collections),
                                          .cells = buffer_slice(&found.cells)},
            &read);
        result.record = buffer_slice(&found.record);
        result.covered = buffer_slice(&found.covered);
        result.read = buffer_slice(&read);
    }
    store_reply_lookup(frame, status, status == STATUS_OK ? &result : NULL, &out->late);
    looked_up_deinit(&found);
    buffer_deinit(&read);
}

/* ---- minting ------------------------------------------------------------------------------- */

/* The answer to a request whose record has none, from the version that it made. */
static enum status derive_result(const struct key_request *request,
                                 const struct request_record *record, struct buffer *out)
{
    const struct mutation *mutation = &request->entries[0].mutation;
    struct key_outcome outcome = {.written = true, .number = 1};
    struct reader reader = reader_make(record->dots);
    uint16_t entry;
    if (request->entry_count != 1 || record->dot_count != 1 ||
        (mutation->flags & MUTATION_RETURN_OLD) != 0 ||
        mutation->operation >= REGISTER_OPERATION_COUNT)
        return STATUS_REQUEST_DONE;
    request_dot_decode(&reader, &entry, &outcome.dot);
    if (mutation->operation == REGISTER_APPEND || mutation->operation == REGISTER_SET_RANGE)
        outcome.number = record->length;
    key_result_encode(&(struct key_result){.outcome_count = 1, .outcomes = &outcome}, out);
    return STATUS_OK;
}

/* What the keys hold here, and the record, for the other owners. */
static enum status encode_repeated(struct store_side *side, const struct key_request *request,
                                   struct slice record, const struct replica_address *address,
                                   struct buffer *out)
{
    struct buffer deliveries = {0}, stored = {0}, encoded = {0}, requests = {0};
    enum status status = STATUS_OK;
    buffer_put_bytes(&requests, record);
    for (uint16_t i = 0; i < request->entry_count && status == STATUS_OK; i++) {
        struct cell cell;
        status = load_cell(side, request->keyspace, request->entries[i].key, &stored, &cell);
        buffer_clear(&encoded);
        if (status == STATUS_OK)
            cell_encode(&cell, true, &encoded);
        struct cell_delivery delivery = {.keyspace = request->keyspace,
                                         .key = request->entries[i].key,
                                         .cell = buffer_slice(&encoded)};
        if (i == 0)
            delivery.requests = buffer_slice(&requests);
        cell_delivery_encode(&delivery, &deliveries);
        cell_deinit(&cell);
        if (deliveries.length > MESSAGE_PAYLOAD_BYTES_MAX)
            status = STATUS_TOO_LARGE;
    }
    struct message_replicate replicate = {.address = *address,
                                          .delivery_count = request->entry_count,
                                          .deliveries = buffer_slice(&deliveries)};
    if (status == STATUS_OK)
        message_replicate_encode(&replicate, out);
    buffer_deinit(&deliveries);
    buffer_deinit(&stored);
    buffer_deinit(&encoded);
    buffer_deinit(&requests);
    return status;
}

/* The first answer once more; the copies of its effect are counted as those of a new write. */
static enum status answer_repeated(struct store_side *side, const struct frame *frame,
                                   const struct message_mint *message,
                                   const struct key_request *request, struct slice encoded,
                                   struct store_output *out)
{
    struct request_record record;
    struct buffer derived = {0}, replicate = {0};
    enum status status = request_record_decode(encoded, &record);
    struct message_minted minted = {.written = true, .repeated = true};
    if (status == STATUS_OK) {
        minted.result = record.result;
        if (record.result.length == 0)
            status = derive_result(request, &record, &derived);
    }
    if (status == STATUS_OK && record.result.length == 0)
        minted.result = buffer_slice(&derived);
    if (status == STATUS_OK)
        status = encode_repeated(side, request, encoded, &message->address, &replicate);
    if (status == STATUS_OK) {
        minted.replicate = buffer_slice(&replicate);
        store_reply_minted(frame, &minted, &out->late);
        store_reply_replicated(frame, STATUS_OK, &out->late);
    }
    buffer_deinit(&derived);
    buffer_deinit(&replicate);
    return status;
}

/* One of those asked knows the request: what it has said of its effect becomes ours. */
static enum status take_over(struct store_side *side, struct replica *replica,
                             const struct message_mint *message, const struct key_request *request,
                             struct slice record)
{
    struct reader cells = reader_make(message->cells);
    struct buffer requests = {0};
    enum status status = STATUS_OK;
    enum merge_policy policy = store_policy_of(side, request->keyspace, &status);
    buffer_put_bytes(&requests, record);
    if (message->cell_count != request->entry_count)
        status = STATUS_CORRUPT;
    for (uint16_t i = 0; i < request->entry_count && status == STATUS_OK; i++) {
        bool changed;
        struct cell_delivery delivery = {.keyspace = request->keyspace,
                                         .key = request->entries[i].key,
                                         .cell = reader_bytes(&cells)};
        if (i == 0)
            delivery.requests = buffer_slice(&requests);
        status = replica_apply(replica, &delivery, policy, &side->context, &changed);
    }
    buffer_deinit(&requests);
    return status;
}

/* Whether each event that entry `index` would be minted on was absorbed here or by one asked. */
static enum status check_covered(struct store_side *side, const struct replica *replica,
                                 const struct key_request *request, uint16_t index,
                                 struct slice read_cell, const struct version_vector *vouched)
{
    struct buffer record = {0};
    struct cell local, read = {0};
    struct reader reader = reader_make(read_cell);
    enum status status =
        load_cell(side, request->keyspace, request->entries[index].key, &record, &local);
    if (status == STATUS_OK && read_cell.length > 0) {
        cell_decode(&reader, &read);
        status = reader_end(&reader);
    }
    if (status == STATUS_OK) {
        version_vector_join(&local.context, &read.context);
        for (uint32_t i = 0; i < local.context.count && status == STATUS_OK; i++) {
            const struct dot *top = &local.context.entries[i];
            struct version_vector one = {.entries = &local.context.entries[i], .count = 1};
            if (top->sequence > version_vector_get(vouched, &top->actor) &&
                !clock_covers_vector(&replica->clock, &one))
                status = STATUS_REQUEST_UNKNOWN;
        }
    }
    cell_deinit(&local);
    cell_deinit(&read);
    buffer_deinit(&record);
    return status;
}

static enum status check_all_covered(struct store_side *side, const struct replica *replica,
                                     const struct message_mint *message,
                                     const struct key_request *request,
                                     const struct mint_lookup *lookup)
{
    struct reader vectors = reader_make(lookup->vectors);
    struct reader cells = reader_make(message->cells);
    enum status status = STATUS_OK;
    if (lookup->vector_count != request->entry_count)
        return STATUS_REQUEST_UNKNOWN;
    for (uint16_t i = 0; i < request->entry_count && status == STATUS_OK; i++) {
        struct version_vector vouched;
        version_vector_decode(&vectors, &vouched);
        struct slice cell = message->cell_count > 0 ? reader_bytes(&cells) : slice_make(NULL, 0);
        status = check_covered(side, replica, request, i, cell, &vouched);
        version_vector_deinit(&vouched);
    }
    return status;
}

/* What this replica knows of the request, by what its keys hold now. */
static enum status look_here(struct store_side *side, const struct replica *replica,
                             const struct key_request *request, struct looked_up *found,
                             uint8_t *state)
{
    struct buffer keys = {0};
    struct message_lookup lookup = {.keyspace = request->keyspace,
                                    .key_count = request->entry_count};
    for (uint16_t i = 0; i < request->entry_count; i++)
        buffer_put_bytes(&keys, request->entries[i].key);
    lookup.keys = buffer_slice(&keys);
    enum status status = look_up_cells(side, replica, &lookup, found);
    if (status == STATUS_OK)
        status = look_up_request(side, replica, &request->identity, found, state);
    buffer_deinit(&keys);
    return status;
}

static bool has_answer(struct slice encoded)
{
    struct request_record record;
    return request_record_decode(encoded, &record) == STATUS_OK && record.result.length > 0;
}

static bool is_same_command(struct slice encoded, const struct key_request *request)
{
    struct request_record record;
    return request_record_decode(encoded, &record) == STATUS_OK &&
           record.stamp.identity.digest == request->identity.digest &&
           record.stamp.entry_count == request->entry_count;
}

enum status store_check_request(struct store_side *side, struct replica *replica,
                                const struct frame *frame, const struct message_mint *message,
                                const struct key_request *request, struct store_output *out,
                                bool *answered)
{
    struct mint_lookup lookup;
    struct looked_up found = {0};
    uint8_t state = REQUEST_NOT_KNOWN;
    *answered = false;
    enum status status = mint_lookup_decode(message->lookup, &lookup);
    if (status == STATUS_OK)
        status = look_here(side, replica, request, &found, &state);
    struct slice record = state == REQUEST_NOT_KNOWN ? lookup.record : buffer_slice(&found.record);
    if (status == STATUS_OK && record.length > 0 && !is_same_command(record, request))
        status = STATUS_REQUEST_CONFLICT;
    bool knows_more = lookup.record.length > 0 &&
                      (state != REQUEST_KNOWN ||
                       (!has_answer(buffer_slice(&found.record)) && has_answer(lookup.record)));
    if (status == STATUS_OK && knows_more) {
        record = lookup.record;
        status = take_over(side, replica, message, request, record);
        out->discard = out->discard || (status != STATUS_OK && request->entry_count > 1);
        state = REQUEST_KNOWN;
    }
    if (status == STATUS_OK && state == REQUEST_KNOWN) {
        status = answer_repeated(side, frame, message, request, record, out);
        *answered = status == STATUS_OK;
    } else if (status == STATUS_OK && state == REQUEST_KNOWN_IN_PART) {
        status = STATUS_REQUEST_UNKNOWN;
    } else if (status == STATUS_OK) {
        status = request_time_check(request->identity.id, side->context.wall_ms);
        if (status == STATUS_OK)
            status = check_all_covered(side, replica, message, request, &lookup);
        if (status == STATUS_OK && side->context.requests.count >= side->context.requests.count_max)
            status = STATUS_OVERLOADED;
    }
    looked_up_deinit(&found);
    return status;
}

/* It is remembered for a window, and for as long as it would be taken if it were not. */
struct request_stamp store_stamp(const struct store_side *side, const struct key_request *request)
{
    uint64_t from_ms = request_time_ms(request->identity.id);
    if (from_ms < side->context.wall_ms)
        from_ms = side->context.wall_ms;
    return (struct request_stamp){.identity = request->identity,
                                  .entry_count = request->entry_count,
                                  .expire_at_ms = from_ms + REQUEST_WINDOW_MS};
}

enum status store_keep_minted(struct store_side *side, const struct replica *replica,
                              const struct key_request *request, const struct key_result *result,
                              struct slice encoded, struct buffer *deliveries)
{
    struct request_record record = {.stamp = store_stamp(side, request), .result = encoded};
    struct buffer dots = {0}, bytes = {0}, requests = {0}, cell = {0};
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        if (!result->outcomes[i].written)
            continue;
        request_dot_encode(i, &result->outcomes[i].dot, &dots);
        record.dot_count++;
    }
    record.dots = buffer_slice(&dots);
    enum status status = replica_keep_request(replica, &record, &side->context);
    /* A delivery of no versions carries it to the other owners, in one batch with the others. */
    request_record_encode(&record, &bytes);
    buffer_put_bytes(&requests, buffer_slice(&bytes));
    cell_encode(&(struct cell){0}, true, &cell);
    struct cell_delivery delivery = {.keyspace = request->keyspace,
                                     .key = request->entries[0].key,
                                     .cell = buffer_slice(&cell),
                                     .requests = buffer_slice(&requests)};
    cell_delivery_encode(&delivery, deliveries);
    buffer_deinit(&dots);
    buffer_deinit(&bytes);
    buffer_deinit(&requests);
    buffer_deinit(&cell);
    return status;
}
