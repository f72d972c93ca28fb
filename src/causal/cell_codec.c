/*
 * cell_codec.c - cells to bytes and back, and the hash that anti-entropy sums.
 *
 *   cell     context (a version vector), varint sibling count, siblings
 *   sibling  varint index    of its actor in the context
 *            varint behind   context sequence of that actor - sequence of the dot
 *            u8     kind, and 0x80 when the value is omitted, 0x40 when there is a stamp,
 *                   0x20 when it is a sketch
 *            u64    time
 *            varint expire_at_ms
 *            varint length, stamp of the request, if there is one
 *            varint length, value unless it is omitted
 *
 * A dot is named through the context that covers it, so the usual sibling spends
 * two bytes on its dot, and a sibling outside the context cannot be written down.
 * Order makes the rest canonical: index ascends, and behind descends within one.
 */
#include "causal/cell.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "causal/counter.h"
#include "causal/cut.h"
#include "causal/deadline.h"
#include "causal/garbage.h"
#include "causal/hyperloglog.h"

enum { SIBLING_BYTES_MIN = 13, DOT_IMAGE_BYTES = 24 };
enum { KIND_OMITTED = 0x80, KIND_REQUEST = 0x40, KIND_SKETCH = 0x20 }; /* beside the kind */

static void encode_sibling(const struct sibling *sibling, uint64_t index, uint64_t behind,
                           uint64_t value_bytes_max, struct buffer *out)
{
    uint64_t omitted = sibling->omitted_bytes;
    if (omitted == 0 && sibling->kind == SIBLING_STRING && sibling->value.length > value_bytes_max)
        omitted = sibling->value.length;
    buffer_put_varint(out, index);
    buffer_put_varint(out, behind);
    buffer_put_u8(out, (uint8_t)(sibling->kind | (omitted > 0 ? KIND_OMITTED : 0) |
                                 (sibling->sketch ? KIND_SKETCH : 0) |
                                 (sibling->request.length > 0 ? KIND_REQUEST : 0)));
    buffer_put_u64(out, sibling->time);
    buffer_put_varint(out, sibling->expire_at_ms);
    if (sibling->request.length > 0)
        buffer_put_bytes(out, sibling->request);
    if (omitted > 0)
        buffer_put_varint(out, omitted);
    else
        buffer_put_bytes(out, sibling->value);
}

void cell_encode(const struct cell *cell, bool with_values, struct buffer *out)
{
    assert(!cell_omits_values(cell));
    cell_encode_versions(cell, with_values ? UINT64_MAX : 0, out);
}

void cell_encode_versions(const struct cell *cell, uint64_t value_bytes_max, struct buffer *out)
{
    assert(cell->count <= CELL_SIBLINGS_MAX);
    version_vector_encode(&cell->context, out);
    buffer_put_varint(out, cell->count);
    uint32_t index = 0;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        assert(i == 0 || dot_compare(&sibling[-1].dot, &sibling->dot) < 0);
        const struct dot *covering = cell->context.entries;
        while (index < cell->context.count &&
               actor_compare(&covering[index].actor, &sibling->dot.actor) < 0)
            index++;
        assert(index < cell->context.count);
        assert(actor_compare(&covering[index].actor, &sibling->dot.actor) == 0);
        assert(sibling->dot.sequence <= covering[index].sequence);
        encode_sibling(sibling, index, covering[index].sequence - sibling->dot.sequence,
                       value_bytes_max, out);
    }
}

static bool counts_well(const struct sibling *sibling)
{
    struct counter counter = {0};
    enum status status = counter_join(&counter, sibling->value);
    counter_deinit(&counter);
    return status == STATUS_OK;
}

/* So that whoever has a decoded cell can count with it, and cut by it. */
static bool is_well_made(const struct sibling *sibling)
{
    switch (sibling->kind) {
    case SIBLING_TOMBSTONE:
        return sibling->value.length == 0;
    case SIBLING_COUNTER:
        return sibling->expire_at_ms == 0 && counts_well(sibling);
    case SIBLING_CUT:
        return sibling->expire_at_ms == 0 && cut_is_sound(sibling->value);
    case SIBLING_DEADLINE:
        return deadline_is_sound(sibling);
    default:
        return sibling->kind == SIBLING_STRING && (!sibling->sketch || sibling->omitted_bytes > 0 ||
                                                   hyperloglog_is_sound(sibling->value));
    }
}

static void decode_sibling(struct reader *reader, const struct version_vector *context,
                           bool may_omit, struct sibling *out)
{
    *out = (struct sibling){0};
    uint64_t index = reader_varint_max(reader, UINT32_MAX);
    uint64_t behind = reader_varint(reader);
    uint8_t kind = reader_u8(reader);
    bool omitted = (kind & KIND_OMITTED) != 0;
    bool stamped = (kind & KIND_REQUEST) != 0;
    out->sketch = (kind & KIND_SKETCH) != 0;
    out->kind = (uint8_t)(kind & ~(KIND_OMITTED | KIND_REQUEST | KIND_SKETCH));
    out->time = reader_u64(reader);
    out->expire_at_ms = reader_varint(reader);
    if (stamped)
        out->request = reader_bytes(reader);
    if (stamped && (out->request.length == 0 || out->request.length > SIBLING_REQUEST_BYTES_MAX))
        reader->failed = true;
    if (omitted)
        out->omitted_bytes = (uint32_t)reader_varint_max(reader, UINT32_MAX);
    else
        out->value = reader_bytes(reader);
    if (omitted && (!may_omit || out->omitted_bytes == 0 || out->kind != SIBLING_STRING))
        reader->failed = true;
    if (reader->failed || index >= context->count || behind >= context->entries[index].sequence ||
        (out->sketch && out->kind != SIBLING_STRING) || !is_well_made(out)) {
        reader->failed = true;
        return;
    }
    out->dot = context->entries[index];
    out->dot.sequence -= behind;
}

static void decode_siblings(struct reader *reader, bool may_omit, struct cell *out)
{
    uint64_t count = reader_varint_max(reader, CELL_SIBLINGS_MAX);
    if (count > reader_left(reader) / SIBLING_BYTES_MIN)
        reader->failed = true;
    if (reader->failed || count == 0)
        return;
    cell_reserve(out, (uint32_t)count);
    while (out->count < count && !reader->failed) {
        struct sibling *sibling = &out->siblings[out->count];
        decode_sibling(reader, &out->context, may_omit, sibling);
        if (out->count > 0 && dot_compare(&sibling[-1].dot, &sibling->dot) >= 0)
            reader->failed = true;
        out->count++;
    }
}

static void decode(struct reader *reader, bool may_omit, struct cell *out)
{
    assert(out->count == 0);
    version_vector_decode_on(reader, &out->context);
    decode_siblings(reader, may_omit, out);
    if (reader->failed)
        cell_deinit(out);
}

void cell_decode(struct reader *reader, struct cell *out)
{
    *out = (struct cell){0};
    decode(reader, false, out);
}

void cell_decode_on(struct reader *reader, struct cell *out)
{
    decode(reader, false, out);
}

void cell_decode_versions(struct reader *reader, struct cell *out)
{
    *out = (struct cell){0};
    decode(reader, true, out);
}

void cell_decode_versions_on(struct reader *reader, struct cell *out)
{
    decode(reader, true, out);
}

/* Fixed width and big-endian: the same bytes on every machine. */
static void dot_image(const struct dot *dot, uint8_t image[DOT_IMAGE_BYTES])
{
    bytes_store_u32(image, dot->actor.node);
    bytes_store_u32(image + 4, (uint32_t)dot->actor.storage_incarnation << 16 | dot->actor.kind);
    bytes_store_u32(image + 8, dot->actor.boot_epoch);
    bytes_store_u32(image + 12, dot->actor.adopt_epoch);
    bytes_store_u64(image + 16, dot->sequence);
}

/* A chain of hashes, each seeding the next: sorted dots need no buffer. `hash`: of the name. */
static uint64_t hash_versions(const struct cell *cell, uint64_t hash)
{
    for (uint32_t i = 0; i < cell->count; i++) {
        uint8_t image[DOT_IMAGE_BYTES];
        dot_image(&cell->siblings[i].dot, image);
        hash = hash64(slice_make(image, sizeof image), hash);
    }
    return hash;
}

static uint64_t hash_live(const struct cell *cell, uint64_t name_hash)
{
    struct cell rest;
    if (!cell_is_live(cell) && !cell_has_deadline(cell))
        return 0;
    if (!cell_has_garbage(cell))
        return hash_versions(cell, name_hash);
    cell_without_garbage(cell, &rest);
    uint64_t hash = rest.count > 0 ? hash_versions(&rest, name_hash) : 0;
    cell_deinit(&rest);
    return hash;
}

uint64_t cell_hash(const struct cell *cell, struct slice name, uint64_t seed)
{
    return hash_live(cell, hash64(name, seed));
}

uint64_t cell_hash_change(const struct cell *before, const struct cell *after, struct slice name,
                          uint64_t seed)
{
    uint64_t name_hash = hash64(name, seed);
    return hash_live(after, name_hash) - hash_live(before, name_hash);
}
