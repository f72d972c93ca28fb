/*
 * counter_codec.c - the bytes of a counter's state.
 *
 *   state    varint slot count, slots, varint run count, runs
 *   slot     dot, varint events, varint reset events, amounts: up, down, reset up, reset down
 *   run      length and prefix, varint first, varint last - first, u8 flags, amount; dot if timed
 *   amount   varint high, varint low, varint fraction: whole part / 2^60 and rest, 10^-17ths
 *
 * With ids that can be folded, or with a cut or resets of such ids, there stands before it
 *
 *   folding  varint FORMAT_FOLDING, varint cut; if that is not 0: varint events, amounts up
 *            and down, vector basis; vector resets
 *
 * FORMAT_FOLDING is no count of slots that was ever accepted, so who does not know it refuses it.
 */
#include "causal/counter_state.h"

#include <assert.h>

#include "base/memory.h"
#include "causal/counter_fold.h"
#include "causal/request_time.h"

enum {
    SLOT_BYTES_MIN = 20,
    RUN_BYTES_MIN = 7,
    WHOLE_LOW_BITS = 60,
    DECODED_MAX = 1 << 20, /* slots and runs; above what clients can make, joined from all owners */
    FORMAT_FOLDING = DECODED_MAX + 1
};

enum run_flags {
    RUN_NEGATIVE = 1 << 0,
    RUN_RESET = 1 << 1,
    RUN_TIMED = 1 << 2,
    RUN_FLAGS_ALL = (1 << 3) - 1
};

static void put_amount(struct buffer *out, decimal amount)
{
    decimal_magnitude whole = (decimal_magnitude)amount / (decimal_magnitude)DECIMAL_ONE;
    assert(amount >= 0);
    buffer_put_varint(out, (uint64_t)(whole >> WHOLE_LOW_BITS));
    buffer_put_varint(out, (uint64_t)whole & (((uint64_t)1 << WHOLE_LOW_BITS) - 1));
    buffer_put_varint(out, (uint64_t)((decimal_magnitude)amount % (decimal_magnitude)DECIMAL_ONE));
}

static decimal get_amount(struct reader *reader)
{
    uint64_t high =
        reader_varint_max(reader, (uint64_t)(DECIMAL_MAX / DECIMAL_ONE >> WHOLE_LOW_BITS));
    uint64_t low = reader_varint_max(reader, ((uint64_t)1 << WHOLE_LOW_BITS) - 1);
    uint64_t fraction = reader_varint_max(reader, (uint64_t)DECIMAL_ONE - 1);
    decimal whole = ((decimal)high << WHOLE_LOW_BITS) + (decimal)low;
    if (whole > DECIMAL_MAX / DECIMAL_ONE || whole * DECIMAL_ONE > DECIMAL_MAX - (decimal)fraction)
        reader->failed = true;
    return reader->failed ? 0 : whole * DECIMAL_ONE + (decimal)fraction;
}

static bool has_folding(const struct counter *counter)
{
    bool has = counter->folded.cut_ms != 0 || counter->resets.count > 0;
    for (uint32_t i = 0; i < counter->run_count && !has; i++)
        has = counter_run_is_timed(&counter->runs[i]);
    return has;
}

static void put_folding(const struct counter *counter, struct buffer *out)
{
    const struct counter_folded *folded = &counter->folded;
    buffer_put_varint(out, FORMAT_FOLDING);
    buffer_put_varint(out, folded->cut_ms);
    if (folded->cut_ms != 0) {
        buffer_put_varint(out, folded->events);
        put_amount(out, folded->up);
        put_amount(out, folded->down);
        version_vector_encode(&folded->basis, out);
    }
    version_vector_encode(&counter->resets, out);
}

void counter_encode(const struct counter *counter, struct buffer *out)
{
    if (has_folding(counter))
        put_folding(counter, out);
    buffer_put_varint(out, counter->slot_count);
    for (uint32_t i = 0; i < counter->slot_count; i++) {
        const struct counter_slot *slot = &counter->slots[i];
        dot_encode(&slot->id, out);
        buffer_put_varint(out, slot->events);
        buffer_put_varint(out, slot->reset_events);
        put_amount(out, slot->up);
        put_amount(out, slot->down);
        put_amount(out, slot->reset_up);
        put_amount(out, slot->reset_down);
    }
    buffer_put_varint(out, counter->run_count);
    for (uint32_t i = 0; i < counter->run_count; i++) {
        const struct counter_run *run = &counter->runs[i];
        buffer_put_bytes(out, run->prefix);
        buffer_put_varint(out, run->first);
        buffer_put_varint(out, run->last - run->first);
        buffer_put_u8(out, (uint8_t)((run->amount < 0 ? RUN_NEGATIVE : 0) |
                                     (run->reset ? RUN_RESET : 0) |
                                     (counter_run_is_timed(run) ? RUN_TIMED : 0)));
        put_amount(out, run->amount < 0 ? -run->amount : run->amount);
        if (counter_run_is_timed(run))
            dot_encode(&run->dot, out);
    }
}

static void decode_slot(struct reader *reader, struct counter_slot *slot)
{
    dot_decode(reader, &slot->id);
    slot->events = reader_varint(reader);
    slot->reset_events = reader_varint_max(reader, slot->events);
    slot->up = get_amount(reader);
    slot->down = get_amount(reader);
    slot->reset_up = get_amount(reader);
    slot->reset_down = get_amount(reader);
    if (slot->events == 0 || slot->reset_up > slot->up || slot->reset_down > slot->down)
        reader->failed = true;
}

static void decode_run(struct reader *reader, struct counter_run *run)
{
    run->prefix = reader_bytes(reader);
    run->first = reader_varint_max(reader, COUNTER_NUMBER_MAX);
    run->last = run->first + reader_varint_max(reader, COUNTER_NUMBER_MAX - run->first);
    uint8_t flags = reader_u8(reader);
    run->amount = get_amount(reader);
    run->reset = (flags & RUN_RESET) != 0;
    if (run->prefix.length > REQUEST_ID_BYTES_MAX || flags > RUN_FLAGS_ALL ||
        ((flags & RUN_NEGATIVE) != 0 && run->amount == 0) || (run->reset && run->amount != 0))
        reader->failed = true;
    if ((flags & RUN_NEGATIVE) != 0)
        run->amount = -run->amount;
    if ((flags & RUN_TIMED) != 0) {
        dot_decode(reader, &run->dot);
        if (request_time_ms(run->prefix) == 0)
            reader->failed = true;
    }
}

bool counter_run_is_continued(const struct counter_run *a, const struct counter_run *b)
{
    return slice_equal(a->prefix, b->prefix) && a->last + 1 == b->first && a->reset == b->reset &&
           a->amount == b->amount && actor_compare(&a->dot.actor, &b->dot.actor) == 0 &&
           counter_run_is_timed(a) == counter_run_is_timed(b);
}

static bool run_is_before(const struct counter_run *a, const struct counter_run *b)
{
    int order = slice_compare(a->prefix, b->prefix);
    return order != 0 ? order < 0 : a->last < b->first;
}

/* F1, F3: a sum has events and a basis that is not reset, or none of either. */
static void decode_folding(struct reader *reader, struct counter *out)
{
    struct counter_folded *folded = &out->folded;
    folded->cut_ms = reader_varint(reader);
    if (folded->cut_ms != 0) {
        folded->events = reader_varint(reader);
        folded->up = get_amount(reader);
        folded->down = get_amount(reader);
        version_vector_decode(reader, &folded->basis);
    }
    version_vector_decode(reader, &out->resets);
    bool reset = version_vector_descends(&out->resets, &folded->basis);
    if ((folded->events > 0) != (folded->basis.count > 0) ||
        (folded->events == 0 && (folded->up != 0 || folded->down != 0)) ||
        (folded->events > 0 && reset))
        reader->failed = true;
}

void counter_decode(struct reader *reader, struct counter *out)
{
    uint64_t slots = reader_varint_max(reader, FORMAT_FOLDING);
    bool folding = slots == FORMAT_FOLDING;
    if (folding) {
        decode_folding(reader, out);
        slots = reader_varint_max(reader, DECODED_MAX);
    }
    if (slots > reader_left(reader) / SLOT_BYTES_MIN)
        reader->failed = true;
    if (reader->failed)
        return;
    out->slots = memory_new(slots, sizeof *out->slots);
    for (; out->slot_count < slots && !reader->failed; out->slot_count++) {
        struct counter_slot *slot = &out->slots[out->slot_count];
        decode_slot(reader, slot);
        if (out->slot_count > 0 && dot_compare(&slot[-1].id, &slot->id) >= 0)
            reader->failed = true;
    }
    uint64_t runs = reader_varint_max(reader, DECODED_MAX);
    if (runs > reader_left(reader) / RUN_BYTES_MIN)
        reader->failed = true;
    if (reader->failed)
        return;
    out->runs = memory_new(runs, sizeof *out->runs);
    for (; out->run_count < runs && !reader->failed; out->run_count++) {
        struct counter_run *run = &out->runs[out->run_count];
        decode_run(reader, run);
        if (out->run_count > 0 &&
            (!run_is_before(&run[-1], run) || counter_run_is_continued(&run[-1], run)))
            reader->failed = true;
    }
    if (!reader->failed &&
        (has_folding(out) != folding || counter_has_ids_below(out, out->folded.cut_ms)))
        reader->failed = true;
}
