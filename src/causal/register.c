/*
 * register.c - Redis' string commands as a pure function.
 *
 * "Absent" is one thing here: no value, a tombstone on top, or an expired value
 * (the caller passes NULL for all). A time of expiry that is not in the future
 * never gives a version that is born dead: it gives a tombstone.
 */
#include "causal/register.h"

#include <assert.h>
#include <string.h>

#include "causal/bits.h"
#include "causal/hyperloglog.h"
#include "causal/score.h"

bool mutation_reads(const struct mutation *mutation)
{
    const uint16_t reading = MUTATION_IF_ABSENT | MUTATION_IF_PRESENT | MUTATION_KEEP_EXPIRY |
                             MUTATION_RETURN_OLD | MUTATION_SCORE_GT | MUTATION_SCORE_LT;
    return mutation->operation != REGISTER_SET || (mutation->flags & reading) != 0;
}

static void write_value(struct register_effect *out, struct slice value, uint64_t expire_at_ms)
{
    out->write = out->replaces = true;
    out->kind = SIBLING_STRING;
    out->value = value;
    out->expire_at_ms = expire_at_ms;
}

static void write_tombstone(struct register_effect *out)
{
    out->write = out->replaces = true;
    out->kind = SIBLING_TOMBSTONE;
}

/* Whether what is there forbids it. */
static bool is_forbidden(uint16_t flags, const struct sibling *seen)
{
    return ((flags & MUTATION_IF_ABSENT) != 0 && seen != NULL) ||
           ((flags & MUTATION_IF_PRESENT) != 0 && seen == NULL);
}

/* A score that is not there yet is neither higher nor lower. */
static bool score_may_become(uint16_t flags, const struct sibling *seen, struct slice value)
{
    const uint16_t compares = MUTATION_SCORE_GT | MUTATION_SCORE_LT;
    if (seen == NULL || (flags & compares) == 0)
        return true;
    double before = score_of_value(seen->value), after = score_of_value(value);
    return (flags & MUTATION_SCORE_GT) != 0 ? after > before : after < before;
}

static enum status apply_set(const struct mutation *mutation, const struct sibling *seen,
                             uint64_t now_ms, uint64_t value_bytes_max, struct register_effect *out)
{
    if (is_forbidden(mutation->flags, seen) ||
        !score_may_become(mutation->flags, seen, mutation->value))
        return STATUS_OK;
    if (mutation->value.length > value_bytes_max)
        return STATUS_TOO_LARGE;
    out->number = 1;
    if (mutation->expire_at_ms != 0 && mutation->expire_at_ms <= now_ms) {
        /*
         * The key must end up absent. Without a read quorum `seen` is one owner's view,
         * and others may hold a value: then only a tombstone makes the answer true.
         */
        if (seen != NULL || !mutation_reads(mutation))
            write_tombstone(out);
        return STATUS_OK;
    }
    uint64_t expire_at_ms = mutation->expire_at_ms;
    if ((mutation->flags & MUTATION_KEEP_EXPIRY) != 0 && expire_at_ms == 0 && seen != NULL)
        expire_at_ms = seen->expire_at_ms;
    write_value(out, mutation->value, expire_at_ms);
    return STATUS_OK;
}

static void apply_delete(const struct sibling *seen, struct register_effect *out)
{
    if (seen == NULL)
        return;
    write_tombstone(out);
    out->number = 1;
}

static enum status apply_append(const struct mutation *mutation, const struct sibling *seen,
                                uint64_t value_bytes_max, struct buffer *built,
                                struct register_effect *out)
{
    struct slice old = seen != NULL ? seen->value : slice_make(NULL, 0);
    struct slice value = old.length == 0 ? mutation->value : old;
    if (old.length > value_bytes_max || mutation->value.length > value_bytes_max - old.length)
        return STATUS_TOO_LARGE;
    if (old.length > 0 && mutation->value.length > 0) {
        buffer_reserve(built, old.length + mutation->value.length);
        buffer_append_slice(built, old);
        buffer_append_slice(built, mutation->value);
        value = buffer_slice(built);
    }
    write_value(out, value, seen != NULL ? seen->expire_at_ms : 0);
    out->number = (int64_t)value.length;
    return STATUS_OK;
}

static enum status apply_set_range(const struct mutation *mutation, const struct sibling *seen,
                                   uint64_t value_bytes_max, struct buffer *built,
                                   struct register_effect *out)
{
    struct slice old = seen != NULL ? seen->value : slice_make(NULL, 0);
    struct slice patch = mutation->value;
    if (patch.length == 0) {
        out->number = (int64_t)old.length;
        return STATUS_OK;
    }
    if (old.length > value_bytes_max || patch.length > value_bytes_max ||
        mutation->offset > value_bytes_max - patch.length)
        return STATUS_TOO_LARGE;
    size_t offset = (size_t)mutation->offset;
    size_t length = old.length > offset + patch.length ? old.length : offset + patch.length;
    uint8_t *to = buffer_reserve(built, length);
    memset(to, 0, length);
    if (old.length > 0)
        memcpy(to, old.data, old.length);
    memcpy(to + offset, patch.data, patch.length);
    built->length = length;
    write_value(out, buffer_slice(built), seen != NULL ? seen->expire_at_ms : 0);
    out->number = (int64_t)length;
    return STATUS_OK;
}

static enum status apply_set_bit(const struct mutation *mutation, const struct sibling *seen,
                                 uint64_t value_bytes_max, struct buffer *built,
                                 struct register_effect *out)
{
    struct slice old = seen != NULL ? seen->value : slice_make(NULL, 0);
    uint64_t needed = mutation->offset / 8 + 1;
    if (mutation->value.length != 1 || needed > value_bytes_max)
        return mutation->value.length != 1 ? STATUS_INVALID : STATUS_TOO_LARGE;
    size_t length = old.length > needed ? old.length : (size_t)needed;
    uint8_t *to = buffer_reserve(built, length);
    if (old.length > 0)
        memcpy(to, old.data, old.length);
    memset(to + old.length, 0, length - old.length);
    built->length = length;
    out->number = bits_get(old, mutation->offset);
    bits_set(built, mutation->offset, mutation->value.data[0] == '1');
    write_value(out, buffer_slice(built), seen != NULL ? seen->expire_at_ms : 0);
    return STATUS_OK;
}

/* The results stand behind the value. */
static enum status apply_bit_field(const struct mutation *mutation, const struct sibling *seen,
                                   uint64_t value_bytes_max, struct buffer *built,
                                   struct register_effect *out)
{
    struct buffer results = {0};
    if (seen != NULL)
        buffer_append_slice(built, seen->value);
    enum status status = bits_run(mutation->value, value_bytes_max, built, &results);
    if (status == STATUS_OK) {
        size_t length = built->length;
        buffer_append_slice(built, buffer_slice(&results));
        write_value(out, slice_make(built->data, length), seen != NULL ? seen->expire_at_ms : 0);
        out->has_old = true;
        out->old = slice_make(built->data + length, results.length);
    }
    buffer_deinit(&results);
    return status;
}

/* A value without expiry lives for ever, which GT and LT compare as infinitely late. */
static bool may_expire(uint16_t flags, uint64_t present_ms, uint64_t wanted_ms)
{
    if ((flags & MUTATION_EXPIRY_NX) != 0 && present_ms != 0)
        return false;
    if ((flags & MUTATION_EXPIRY_XX) != 0 && present_ms == 0)
        return false;
    if ((flags & MUTATION_EXPIRY_GT) != 0 && (present_ms == 0 || wanted_ms <= present_ms))
        return false;
    if ((flags & MUTATION_EXPIRY_LT) != 0 && present_ms != 0 && wanted_ms >= present_ms)
        return false;
    return true;
}

static void apply_expire(const struct mutation *mutation, const struct sibling *seen,
                         uint64_t now_ms, struct register_effect *out)
{
    if (seen == NULL || !may_expire(mutation->flags, seen->expire_at_ms, mutation->expire_at_ms))
        return;
    out->number = 1;
    if (mutation->expire_at_ms <= now_ms) {
        write_tombstone(out);
        return;
    }
    write_value(out, seen->value, mutation->expire_at_ms);
    out->sketch = seen->sketch;
    out->count = COUNT_KEEP;
}

static void apply_persist(const struct sibling *seen, struct register_effect *out)
{
    if (seen == NULL || seen->expire_at_ms == 0)
        return;
    write_value(out, seen->value, 0);
    out->sketch = seen->sketch;
    out->count = COUNT_KEEP;
    out->number = 1;
}

bool register_is_integer(struct slice value, int64_t *out)
{
    struct buffer text = {0};
    decimal number;
    bool is = decimal_parse(value, &number) == DECIMAL_TEXT_OK && decimal_to_integer(number, out);
    if (is) {
        decimal_format(number, &text);
        is = slice_equal(buffer_slice(&text), value);
    }
    buffer_deinit(&text);
    return is;
}

static enum status add_integer(const struct sibling *seen, struct register_effect *out)
{
    int64_t before = 0, amount;
    if (seen != NULL && !register_is_integer(seen->value, &before))
        return STATUS_NOT_A_NUMBER;
    if (!decimal_to_integer(out->amount, &amount))
        return STATUS_NOT_A_NUMBER;
    return __builtin_add_overflow(before, amount, &out->number) ? STATUS_OVERFLOW : STATUS_OK;
}

static enum status add_decimal(const struct sibling *seen, struct buffer *built,
                               struct register_effect *out)
{
    decimal before = 0;
    if (seen != NULL && decimal_parse(seen->value, &before) != DECIMAL_TEXT_OK)
        return STATUS_NOT_A_NUMBER;
    decimal sum = before + out->amount; /* both are far from the ends of the type */
    if (sum > DECIMAL_MAX || sum < -DECIMAL_MAX)
        return STATUS_OVERFLOW;
    decimal_format(sum, built);
    out->has_old = true;
    out->old = buffer_slice(built);
    return STATUS_OK;
}

static enum status apply_increment(const struct mutation *mutation, const struct sibling *seen,
                                   struct buffer *built, struct register_effect *out)
{
    if (decimal_parse(mutation->value, &out->amount) != DECIMAL_TEXT_OK)
        return STATUS_NOT_A_NUMBER;
    if (is_forbidden(mutation->flags, seen))
        return STATUS_OK;
    enum status status = (mutation->flags & MUTATION_DECIMAL) != 0 ? add_decimal(seen, built, out)
                                                                   : add_integer(seen, out);
    out->write = status == STATUS_OK;
    out->count = COUNT_ADD;
    if (out->write && !score_may_become(mutation->flags, seen, buffer_slice(built)))
        *out = (struct register_effect){0};
    return status;
}

/* What changes nothing writes nothing: whoever answers it has written back what was read. */
static enum status apply_sketch(const struct mutation *mutation, const struct sibling *seen,
                                uint64_t value_bytes_max, struct buffer *built,
                                struct register_effect *out)
{
    struct hyperloglog sketch = {{0}};
    bool changed = seen == NULL;
    if (seen != NULL && hyperloglog_join(&sketch, seen->value, NULL) != HYPERLOGLOG_SOUND)
        return STATUS_NOT_A_NUMBER;
    if (hyperloglog_join(&sketch, mutation->value, &changed) != HYPERLOGLOG_SOUND)
        return STATUS_INVALID;
    if (!changed)
        return STATUS_OK;
    hyperloglog_encode(&sketch, built);
    if (built->length > value_bytes_max)
        return STATUS_TOO_LARGE;
    write_value(out, buffer_slice(built), seen != NULL ? seen->expire_at_ms : 0);
    out->sketch = true;
    out->number = 1;
    return STATUS_OK;
}

enum status register_mutate(const struct mutation *mutation, const struct sibling *seen,
                            uint64_t now_ms, uint64_t value_bytes_max, struct buffer *built,
                            struct register_effect *out)
{
    assert(seen == NULL || seen->kind == SIBLING_STRING);
    assert(mutation->operation < REGISTER_OPERATION_COUNT);
    *out = (struct register_effect){0};
    buffer_clear(built);
    if ((mutation->flags & MUTATION_RETURN_OLD) != 0 && seen != NULL) {
        out->has_old = true;
        out->old = seen->value;
    }
    switch ((enum register_operation)mutation->operation) {
    case REGISTER_SET:
        return apply_set(mutation, seen, now_ms, value_bytes_max, out);
    case REGISTER_DELETE:
        apply_delete(seen, out);
        break;
    case REGISTER_APPEND:
        return apply_append(mutation, seen, value_bytes_max, built, out);
    case REGISTER_SET_RANGE:
        return apply_set_range(mutation, seen, value_bytes_max, built, out);
    case REGISTER_EXPIRE:
        apply_expire(mutation, seen, now_ms, out);
        break;
    case REGISTER_PERSIST:
        apply_persist(seen, out);
        break;
    case REGISTER_SET_BIT:
        return apply_set_bit(mutation, seen, value_bytes_max, built, out);
    case REGISTER_BIT_FIELD:
        return apply_bit_field(mutation, seen, value_bytes_max, built, out);
    case REGISTER_INCREMENT:
        return apply_increment(mutation, seen, built, out);
    case REGISTER_SKETCH:
        return apply_sketch(mutation, seen, value_bytes_max, built, out);
    case REGISTER_OPERATION_COUNT:
        break;
    }
    return STATUS_OK;
}

void mutation_encode(const struct mutation *mutation, struct buffer *out)
{
    assert(mutation->operation < REGISTER_OPERATION_COUNT);
    assert((mutation->flags & ~MUTATION_FLAGS_ALL) == 0);
    buffer_put_u8(out, mutation->operation);
    buffer_put_varint(out, mutation->flags);
    buffer_put_varint(out, mutation->expire_at_ms);
    buffer_put_varint(out, mutation->offset);
    buffer_put_bytes(out, mutation->value);
}

void mutation_decode(struct reader *reader, struct mutation *out)
{
    *out = (struct mutation){0};
    struct mutation mutation = {0};
    mutation.operation = reader_u8(reader);
    mutation.flags = (uint16_t)reader_varint_max(reader, MUTATION_FLAGS_ALL);
    mutation.expire_at_ms = reader_varint(reader);
    mutation.offset = reader_varint(reader);
    mutation.value = reader_bytes(reader);
    if (mutation.operation >= REGISTER_OPERATION_COUNT)
        reader->failed = true;
    if (!reader->failed)
        *out = mutation;
}
