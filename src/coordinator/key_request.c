#include "coordinator/key_request.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "ring/element_key.h"

bool key_status_is_uncertain(enum status status)
{
    return status == STATUS_UNCERTAIN || status == STATUS_REQUEST_UNKNOWN ||
           status == STATUS_REQUEST_DONE || status == STATUS_REQUEST_TOO_OLD;
}

static bool has_collection(uint8_t kind)
{
    return kind == KEY_COVERAGE || kind >= KEY_ELEMENTS_GET;
}

/* Whether an entry of such a request has a mutation. */
static bool entry_changes(uint8_t kind, uint16_t index)
{
    return kind == KEY_WRITE || kind == KEY_COLLECTION_DEADLINE ||
           (kind == KEY_ELEMENTS_WRITE && index > 0);
}

bool key_request_is_recorded(const struct key_request *request)
{
    for (uint16_t i = 0; i < request->entry_count; i++)
        if (request->entries[i].mutation.operation == REGISTER_INCREMENT)
            return false;
    return request->kind == KEY_WRITE && request->identity.id.length > 0;
}

bool key_request_needs_read(const struct key_request *request)
{
    if (request->kind != KEY_WRITE || key_request_is_recorded(request) ||
        (request->flags & KEY_AGAIN) != 0)
        return true;
    for (uint16_t i = 0; i < request->entry_count; i++)
        if (mutation_reads(&request->entries[i].mutation))
            return true;
    return false;
}

void key_result_deinit(struct key_result *result)
{
    if (!result->lent)
        free(result->outcomes);
    version_vector_deinit(&result->context);
    result->outcomes = NULL;
    result->outcome_count = 0;
}

struct key_result key_result_failed(enum status status, uint8_t acks, uint8_t needed)
{
    return (struct key_result){.status = status, .acks = acks, .needed = needed};
}

void key_contexts_free(struct key_contexts *contexts)
{
    for (uint16_t i = 0; i < contexts->count; i++)
        version_vector_deinit(&contexts->vectors[i]);
    if (contexts->entries != &contexts->entry) {
        free(contexts->vectors);
        free(contexts->entries);
    }
    *contexts = (struct key_contexts){0};
}

/*
 * The first bytes of a request, written and read in one piece:
 *
 *   kind 1 | flags 1 | keyspace 2 | partition 2 | level 1 | r 1 | w 1 | dw 1 | pr 1 | pw 1 |
 *   region 1 | sloppy 1
 */
enum { HEAD_BYTES = 14 };

static void encode_head(const struct key_request *request, struct buffer *out)
{
    uint8_t *head = buffer_reserve(out, HEAD_BYTES);
    head[0] = request->kind;
    head[1] = request->flags;
    bytes_store_u16(head + 2, request->keyspace);
    bytes_store_u16(head + 4, request->partition);
    head[6] = request->options.level;
    head[7] = request->options.r;
    head[8] = request->options.w;
    head[9] = request->options.dw;
    head[10] = request->options.pr;
    head[11] = request->options.pw;
    head[12] = request->region;
    head[13] = request->options.sloppy;
    out->length += HEAD_BYTES;
}

static void decode_head(struct reader *reader, struct key_request *out)
{
    const uint8_t *head = reader_take(reader, HEAD_BYTES).data;
    if (head == NULL)
        return;
    out->kind = head[0];
    out->flags = head[1];
    out->keyspace = bytes_load_u16(head + 2);
    out->partition = bytes_load_u16(head + 4);
    out->options.level = head[6];
    out->options.r = head[7];
    out->options.w = head[8];
    out->options.dw = head[9];
    out->options.pr = head[10];
    out->options.pw = head[11];
    out->region = head[12];
    out->options.sloppy = head[13];
}

void key_request_encode(const struct key_request *request, struct buffer *out)
{
    encode_head(request, out);
    buffer_put_varint(out, request->options.timeout_ms);
    buffer_put_bytes(out, request->identity.id);
    if (request->identity.id.length > 0) {
        buffer_put_varint(out, request->identity.part);
        buffer_put_u64(out, request->identity.digest);
    }
    buffer_put_varint(out, request->entry_count);
    for (uint16_t i = 0; i < request->entry_count; i++) {
        const struct key_entry *entry = &request->entries[i];
        buffer_put_bytes(out, entry->key);
        if (!entry_changes(request->kind, i))
            continue;
        mutation_encode(&entry->mutation, out);
        buffer_put_u8(out, entry->context != NULL);
        if (entry->context != NULL) {
            version_vector_encode(entry->context, out);
            buffer_put_varint(out, entry->context_time);
        }
    }
    if (has_collection(request->kind))
        buffer_put_u8(out, request->collection);
    if (request->kind == KEY_SCAN || request->kind == KEY_ELEMENTS_WALK) {
        buffer_put_u64(out, request->position);
        buffer_put_varint(out, request->limit);
    }
    if (request->kind == KEY_COVERAGE)
        dot_encode(&request->dot, out);
}

static void decode_entry(struct reader *reader, uint8_t kind, uint16_t index,
                         struct key_entry *entry, struct version_vector *context)
{
    entry->key = reader_bytes(reader);
    if (!entry_changes(kind, index))
        return;
    mutation_decode(reader, &entry->mutation);
    uint8_t has_context = reader_u8(reader);
    if (has_context > 1)
        reader->failed = true;
    if (has_context == 1 && !reader->failed) {
        version_vector_decode(reader, context);
        entry->context = context;
        entry->context_time = reader_varint(reader);
    }
}

/* Whoever coordinates it makes names of the elements: they must fit. */
static void decode_collection(struct reader *reader, struct key_request *request)
{
    request->collection = reader_u8(reader);
    if (request->kind == KEY_COVERAGE && request->collection == COLLECTION_NONE)
        return;
    if (request->collection == COLLECTION_NONE || request->collection >= COLLECTION_TYPE_END ||
        request->entry_count == 0)
        reader->failed = true;
    for (uint16_t i = 0; i < request->entry_count && !reader->failed; i++)
        if (!element_key_fits(request->entries[0].key,
                              i == 0 ? slice_make(NULL, 0) : request->entries[i].key))
            reader->failed = true;
}

static void reserve_entries(struct key_contexts *contexts, uint16_t count)
{
    contexts->count = count;
    contexts->entries = &contexts->entry;
    contexts->vectors = &contexts->vector;
    if (count <= 1)
        return;
    contexts->entries = memory_new(count, sizeof *contexts->entries);
    contexts->vectors = memory_new(count, sizeof *contexts->vectors);
}

enum status key_request_decode(struct reader *reader, struct key_request *out,
                               struct key_contexts *contexts)
{
    *out = (struct key_request){0};
    *contexts = (struct key_contexts){0};
    decode_head(reader, out);
    out->options.timeout_ms = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    out->identity.id = reader_bytes(reader);
    if (out->identity.id.length > 0) {
        out->identity.part = (uint32_t)reader_varint_max(reader, UINT32_MAX);
        out->identity.digest = reader_u64(reader);
    }
    out->entry_count = (uint16_t)reader_varint_max(reader, KEY_ENTRIES_MAX);
    if (out->kind == 0 || out->kind >= KEY_REQUEST_KIND_COUNT ||
        out->options.level >= LEVEL_COUNT || out->region > RING_REGIONS_MAX ||
        out->identity.id.length > REQUEST_ID_BYTES_MAX || out->options.sloppy >= SLOPPY_COUNT ||
        out->entry_count > reader_left(reader))
        reader->failed = true;
    if (reader->failed)
        return STATUS_CORRUPT;
    reserve_entries(contexts, out->entry_count);
    out->entries = contexts->entries;
    for (uint16_t i = 0; i < out->entry_count && !reader->failed; i++)
        decode_entry(reader, out->kind, i, &contexts->entries[i], &contexts->vectors[i]);
    if (has_collection(out->kind))
        decode_collection(reader, out);
    if (out->kind == KEY_SCAN || out->kind == KEY_ELEMENTS_WALK) {
        out->position = reader_u64(reader);
        out->limit = (uint32_t)reader_varint_max(reader, SCAN_LIMIT_MAX);
    }
    if (out->kind == KEY_COVERAGE)
        dot_decode(reader, &out->dot);
    return reader_end(reader);
}

enum outcome_flags {
    OUTCOME_WRITTEN = 1 << 0,
    OUTCOME_VISIBLE = 1 << 1,
    OUTCOME_DOT = 1 << 2, /* dot and time stand in it */
    OUTCOME_COLLECTION = 1 << 3,
    OUTCOME_FLAGS_ALL = (1 << 4) - 1
};

static void encode_outcome(const struct key_outcome *outcome, struct buffer *out)
{
    bool has_dot = outcome->dot.sequence > 0;
    buffer_put_u8(out, (uint8_t)((outcome->written ? OUTCOME_WRITTEN : 0) |
                                 (outcome->visible ? OUTCOME_VISIBLE : 0) |
                                 (outcome->collection != 0 ? OUTCOME_COLLECTION : 0) |
                                 (has_dot ? OUTCOME_DOT : 0)));
    if (outcome->collection != 0)
        buffer_put_u8(out, outcome->collection);
    buffer_put_u64(out, (uint64_t)outcome->number);
    buffer_put_varint(out, outcome->expire_at_ms);
    if (has_dot) {
        dot_encode(&outcome->dot, out);
        buffer_put_varint(out, outcome->time);
    }
    buffer_put_bytes(out, outcome->key);
    buffer_put_bytes(out, outcome->value);
}

static void decode_outcome(struct reader *reader, struct key_outcome *out)
{
    uint8_t flags = reader_u8(reader);
    if (flags > OUTCOME_FLAGS_ALL)
        reader->failed = true;
    out->written = (flags & OUTCOME_WRITTEN) != 0;
    out->visible = (flags & OUTCOME_VISIBLE) != 0;
    if ((flags & OUTCOME_COLLECTION) != 0) {
        out->collection = reader_u8(reader);
        if (out->collection == COLLECTION_NONE || out->collection >= COLLECTION_TYPE_END)
            reader->failed = true;
    }
    out->number = (int64_t)reader_u64(reader);
    out->expire_at_ms = reader_varint(reader);
    if ((flags & OUTCOME_DOT) != 0) {
        dot_decode(reader, &out->dot);
        out->time = reader_varint(reader);
    }
    out->key = reader_bytes(reader);
    out->value = reader_bytes(reader);
}

enum result_offset { RESULT_ACKS = 1, RESULT_NEEDED, RESULT_HINTS, RESULT_OUTCOMES };

void key_result_set_acks(struct buffer *encoded, uint8_t acks, uint8_t needed, uint8_t hints)
{
    assert(encoded->length > RESULT_OUTCOMES);
    encoded->data[RESULT_ACKS] = acks;
    encoded->data[RESULT_NEEDED] = needed;
    encoded->data[RESULT_HINTS] = hints;
}

/* The first bytes stand where enum result_offset says. */
void key_result_encode(const struct key_result *result, struct buffer *out)
{
    buffer_put_u8(out, (uint8_t)result->status);
    buffer_put_u8(out, result->acks);
    buffer_put_u8(out, result->needed);
    buffer_put_u8(out, result->hints);
    buffer_put_varint(out, result->outcome_count);
    for (uint16_t i = 0; i < result->outcome_count; i++)
        encode_outcome(&result->outcomes[i], out);
    version_vector_encode(&result->context, out);
    buffer_put_varint(out, result->time);
    buffer_put_u64(out, result->next_position);
    buffer_put_u8(out, result->scan_done);
    buffer_put_varint(out, result->count);
    buffer_put_u64(out, result->clock_digest);
    buffer_put_u64(out, result->content_digest);
    buffer_put_varint(out, result->wait_ms);
}

enum status key_result_decode(struct reader *reader, struct key_result *out)
{
    return key_result_decode_on(reader, NULL, out);
}

enum status key_result_decode_on(struct reader *reader, struct key_outcome *one,
                                 struct key_result *out)
{
    *out = (struct key_result){0};
    uint8_t status = reader_u8(reader);
    out->acks = reader_u8(reader);
    out->needed = reader_u8(reader);
    out->hints = reader_u8(reader);
    uint16_t count = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    if (status >= STATUS_COUNT || count > reader_left(reader))
        reader->failed = true;
    if (reader->failed)
        return STATUS_CORRUPT;
    out->status = (enum status)status;
    out->lent = one != NULL && count == 1;
    if (out->lent)
        *one = (struct key_outcome){0};
    out->outcomes = out->lent ? one : memory_new(count, sizeof *out->outcomes);
    out->outcome_count = count;
    for (uint16_t i = 0; i < count && !reader->failed; i++)
        decode_outcome(reader, &out->outcomes[i]);
    version_vector_decode(reader, &out->context);
    out->time = reader_varint(reader);
    out->next_position = reader_u64(reader);
    uint8_t scan_done = reader_u8(reader);
    if (scan_done > 1)
        reader->failed = true;
    out->scan_done = scan_done == 1;
    out->count = reader_varint(reader);
    out->clock_digest = reader_u64(reader);
    out->content_digest = reader_u64(reader);
    out->wait_ms = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    if (reader_end(reader) == STATUS_OK)
        return STATUS_OK;
    key_result_deinit(out);
    return STATUS_CORRUPT;
}
