#include "causal/bits.h"

#include <assert.h>
#include <string.h>

#define OFFSET_MAX (UINT64_C(1) << 40)

__extension__ typedef __int128 wide; /* sums of two 64-bit numbers are exact */

bool bits_get(struct slice value, uint64_t offset)
{
    uint64_t byte = offset / 8;
    return byte < value.length && (value.data[byte] >> (7 - offset % 8) & 1) != 0;
}

void bits_set(struct buffer *value, uint64_t offset, bool bit)
{
    uint8_t mask = (uint8_t)(1u << (7 - offset % 8));
    assert(offset / 8 < value->length);
    if (bit)
        value->data[offset / 8] |= mask;
    else
        value->data[offset / 8] &= (uint8_t)~mask;
}

/* The byte with the bits outside first..last set to `fill`. */
static uint8_t cut_byte(struct slice value, uint64_t index, uint64_t first, uint64_t last,
                        bool fill)
{
    unsigned keep = 0xff;
    if (index == first / 8)
        keep &= 0xffu >> first % 8;
    if (index == last / 8)
        keep &= 0xffu << (7 - last % 8);
    return (uint8_t)((value.data[index] & keep) | (fill ? ~keep & 0xff : 0));
}

uint64_t bits_count(struct slice value, uint64_t first, uint64_t last)
{
    uint64_t count = 0;
    assert(first <= last && last / 8 < value.length);
    for (uint64_t i = first / 8; i <= last / 8; i++)
        count += (uint64_t)__builtin_popcount(cut_byte(value, i, first, last, false));
    return count;
}

int64_t bits_find(struct slice value, bool bit, uint64_t first, uint64_t last)
{
    const uint8_t barren = bit ? 0 : 0xff;
    assert(first <= last && last / 8 < value.length);
    for (uint64_t i = first / 8; i <= last / 8; i++) {
        uint8_t byte = cut_byte(value, i, first, last, !bit);
        if (byte == barren)
            continue;
        unsigned wanted = bit ? byte : (unsigned)~byte & 0xff;
        return (int64_t)(i * 8) + __builtin_clz(wanted << 24);
    }
    return -1;
}

/* ---- programs ---- */

void bit_step_encode(const struct bit_step *step, struct buffer *out)
{
    buffer_put_u8(out, step->operation);
    buffer_put_u8(out, step->overflow);
    buffer_put_u8(out, step->is_signed);
    buffer_put_u8(out, step->width);
    buffer_put_varint(out, step->offset);
    buffer_put_u64(out, (uint64_t)step->number);
}

void bit_step_decode(struct reader *reader, struct bit_step *out)
{
    *out = (struct bit_step){0};
    out->operation = reader_u8(reader);
    out->overflow = reader_u8(reader);
    uint8_t is_signed = reader_u8(reader);
    out->is_signed = is_signed == 1;
    out->width = reader_u8(reader);
    out->offset = reader_varint_max(reader, OFFSET_MAX);
    out->number = (int64_t)reader_u64(reader);
    if (out->operation >= BIT_OPERATION_COUNT || out->overflow >= BIT_OVERFLOW_COUNT ||
        is_signed > 1 || out->width < 1 || out->width > 63 + out->is_signed)
        reader->failed = true;
}

void bit_result_encode(const struct bit_result *result, struct buffer *out)
{
    buffer_put_u8(out, result->failed);
    buffer_put_u64(out, (uint64_t)result->number);
}

void bit_result_decode(struct reader *reader, struct bit_result *out)
{
    uint8_t failed = reader_u8(reader);
    out->failed = failed == 1;
    out->number = (int64_t)reader_u64(reader);
    if (failed > 1)
        reader->failed = true;
}

/* The lowest `width` bits as a number of the step's type. */
static int64_t of_type(const struct bit_step *step, uint64_t bits)
{
    unsigned unused = 64u - step->width;
    if (step->is_signed)
        return (int64_t)(bits << unused) >> unused;
    return (int64_t)(bits << unused >> unused);
}

static int64_t read_field(const struct bit_step *step, struct slice value)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < step->width; i++)
        bits = bits << 1 | bits_get(value, step->offset + i);
    return of_type(step, bits);
}

static void write_field(const struct bit_step *step, int64_t number, struct buffer *value)
{
    for (unsigned i = 0; i < step->width; i++)
        bits_set(value, step->offset + i, ((uint64_t)number >> (step->width - 1 - i) & 1) != 0);
}

/* What is to be written for `wanted`, which may not fit; false: nothing. */
static bool fit(const struct bit_step *step, wide wanted, int64_t *out)
{
    wide most = ((wide)1 << (step->width - step->is_signed)) - 1;
    wide least = step->is_signed ? -most - 1 : 0;
    if (wanted >= least && wanted <= most) {
        *out = (int64_t)wanted;
        return true;
    }
    if (step->overflow == BIT_SATURATE)
        *out = (int64_t)(wanted > most ? most : least);
    else
        *out = of_type(step, (uint64_t)wanted);
    return step->overflow != BIT_FAIL;
}

static struct bit_result run_step(const struct bit_step *step, struct buffer *value)
{
    int64_t before = read_field(step, buffer_slice(value)), after;
    struct bit_result result = {.number = before};
    if (step->operation == BIT_GET)
        return result;
    /* A negative number for an unsigned field counts as the large one with its bits. */
    wide wanted = step->operation == BIT_INCREMENT ? (wide)before + step->number
                  : step->is_signed                ? (wide)step->number
                                                   : (wide)(uint64_t)step->number;
    if (!fit(step, wanted, &after))
        return (struct bit_result){.failed = true};
    write_field(step, after, value);
    if (step->operation == BIT_INCREMENT)
        result.number = after;
    return result;
}

static enum status needed_bytes(struct slice program, uint64_t *bytes)
{
    struct reader reader = reader_make(program);
    *bytes = 0;
    while (reader_left(&reader) > 0) {
        struct bit_step step;
        bit_step_decode(&reader, &step);
        if (reader.failed)
            return STATUS_INVALID;
        uint64_t end = (step.offset + step.width + 7) / 8;
        if (step.operation != BIT_GET && end > *bytes)
            *bytes = end;
    }
    return STATUS_OK;
}

enum status bits_run(struct slice program, uint64_t value_bytes_max, struct buffer *value,
                     struct buffer *results)
{
    struct reader reader = reader_make(program);
    uint64_t bytes;
    enum status status = needed_bytes(program, &bytes);
    if (status != STATUS_OK)
        return status;
    if (bytes > value_bytes_max)
        return STATUS_TOO_LARGE;
    if (bytes > value->length) {
        uint8_t *to = buffer_reserve(value, bytes - value->length);
        memset(to, 0, bytes - value->length);
        value->length = bytes;
    }
    while (reader_left(&reader) > 0) {
        struct bit_step step;
        bit_step_decode(&reader, &step);
        struct bit_result result = run_step(&step, value);
        bit_result_encode(&result, results);
    }
    return STATUS_OK;
}
