#include "causal/hyperloglog.h"

#include <math.h>
#include <string.h>

enum {
    HEADER_BYTES = 16,
    FORM_DENSE = 0,
    FORM_SPARSE = 1,
    FORM_AT = 4,
    STALE_AT = 15, /* of the byte with the top bit of the cached count */
    STALE = 0x80,
    REGISTER_BITS = 6,
    INDEX_BITS = 14,
    SHORT_ZEROS_MAX = 64,
    RUN_MAX = 4,       /* registers of one value */
    RUN_RANK_MAX = 32, /* that a run can tell */
    ZEROS_LONG = 0x40,
    RUN = 0x80
};

static const uint8_t MAGIC[4] = {'H', 'Y', 'L', 'L'};

/* ---- elements ---- */

static uint64_t scramble(uint64_t word)
{
    const uint64_t factor = 0xc6a4a7935bd1e995;
    word *= factor;
    word ^= word >> 47;
    return word * factor;
}

/* Little-endian, whatever the machine. */
static uint64_t load(const uint8_t *from, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)from[i] << (8 * i);
    return word;
}

/* MurmurHash64A, with the seed that Redis takes. */
static uint64_t hash_of(struct slice element)
{
    const uint64_t factor = 0xc6a4a7935bd1e995, seed = 0xadc83b19;
    uint64_t hash = seed ^ (element.length * factor);
    size_t at = 0;
    for (; element.length - at >= 8; at += 8)
        hash = (hash ^ scramble(load(element.data + at, 8))) * factor;
    if (at < element.length)
        hash = (hash ^ load(element.data + at, element.length - at)) * factor;
    hash = (hash ^ (hash >> 47)) * factor;
    return hash ^ (hash >> 47);
}

void hyperloglog_add(struct hyperloglog *sketch, struct slice element)
{
    uint64_t hash = hash_of(element);
    uint8_t *place = &sketch->registers[hash & (HYPERLOGLOG_REGISTERS - 1)];
    /* Zeros before the first one of the other bits; the bit behind them ends it. */
    uint64_t rest = hash >> INDEX_BITS | (uint64_t)1 << (64 - INDEX_BITS);
    uint8_t rank = (uint8_t)(1 + __builtin_ctzll(rest));
    if (rank > *place)
        *place = rank;
}

/* ---- bytes ---- */

static bool read_dense(struct slice bytes, struct hyperloglog *out)
{
    uint32_t bits = 0, have = 0, at = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        bits |= (uint32_t)bytes.data[i] << have;
        for (have += 8; have >= REGISTER_BITS; have -= REGISTER_BITS) {
            uint8_t rank = (uint8_t)(bits & ((1 << REGISTER_BITS) - 1));
            if (rank > HYPERLOGLOG_RANK_MAX)
                return false;
            out->registers[at++] = rank;
            bits >>= REGISTER_BITS;
        }
    }
    return true;
}

static bool read_sparse(struct slice bytes, struct hyperloglog *out)
{
    uint32_t at = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        uint8_t first = bytes.data[i], rank = 0;
        uint32_t count = (uint32_t)(first & 0x3f) + 1;
        if ((first & RUN) != 0) {
            rank = (uint8_t)((first >> 2 & 0x1f) + 1);
            count = (uint32_t)(first & 3) + 1;
        } else if ((first & ZEROS_LONG) != 0) {
            if (++i == bytes.length)
                return false;
            count = ((uint32_t)(first & 0x3f) << 8 | bytes.data[i]) + 1;
        }
        if (count > HYPERLOGLOG_REGISTERS - at)
            return false;
        memset(out->registers + at, rank, count);
        at += count;
    }
    return at == HYPERLOGLOG_REGISTERS;
}

static enum hyperloglog_form read_value(struct slice value, struct hyperloglog *out)
{
    if (value.length < HEADER_BYTES || memcmp(value.data, MAGIC, sizeof MAGIC) != 0 ||
        value.data[FORM_AT] > FORM_SPARSE)
        return HYPERLOGLOG_OTHER;
    struct slice bytes = slice_make(value.data + HEADER_BYTES, value.length - HEADER_BYTES);
    if (value.data[FORM_AT] == FORM_SPARSE)
        return read_sparse(bytes, out) ? HYPERLOGLOG_SOUND : HYPERLOGLOG_CORRUPT;
    if (value.length != HYPERLOGLOG_BYTES_MAX)
        return HYPERLOGLOG_OTHER;
    return read_dense(bytes, out) ? HYPERLOGLOG_SOUND : HYPERLOGLOG_CORRUPT;
}

enum hyperloglog_form hyperloglog_join(struct hyperloglog *sketch, struct slice value,
                                       bool *changed)
{
    struct hyperloglog read;
    enum hyperloglog_form form = read_value(value, &read);
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS && form == HYPERLOGLOG_SOUND; i++) {
        if (read.registers[i] <= sketch->registers[i])
            continue;
        sketch->registers[i] = read.registers[i];
        if (changed != NULL)
            *changed = true;
    }
    return form;
}

static uint32_t run_length(const struct hyperloglog *sketch, uint32_t at)
{
    uint32_t end = at + 1;
    while (end < HYPERLOGLOG_REGISTERS && sketch->registers[end] == sketch->registers[at])
        end++;
    return end - at;
}

/* false: it does not fit, and part of it stands in `out`. */
static bool write_sparse(const struct hyperloglog *sketch, struct buffer *out)
{
    size_t limit = out->length + HYPERLOGLOG_SPARSE_BYTES_MAX;
    for (uint32_t at = 0; at < HYPERLOGLOG_REGISTERS;) {
        uint8_t rank = sketch->registers[at];
        uint32_t count = run_length(sketch, at);
        if (rank > RUN_RANK_MAX)
            return false;
        if (rank > 0) {
            count = count < RUN_MAX ? count : RUN_MAX;
            buffer_put_u8(out, (uint8_t)(RUN | (rank - 1) << 2 | (count - 1)));
        } else if (count <= SHORT_ZEROS_MAX) {
            buffer_put_u8(out, (uint8_t)(count - 1));
        } else {
            buffer_put_u8(out, (uint8_t)(ZEROS_LONG | (count - 1) >> 8));
            buffer_put_u8(out, (uint8_t)((count - 1) & 0xff));
        }
        at += count;
        if (out->length > limit)
            return false;
    }
    return true;
}

static void write_dense(const struct hyperloglog *sketch, struct buffer *out)
{
    uint32_t bits = 0, have = 0;
    for (uint32_t at = 0; at < HYPERLOGLOG_REGISTERS; at++) {
        bits |= (uint32_t)sketch->registers[at] << have;
        for (have += REGISTER_BITS; have >= 8; have -= 8) {
            buffer_put_u8(out, (uint8_t)(bits & 0xff));
            bits >>= 8;
        }
    }
}

void hyperloglog_encode(const struct hyperloglog *sketch, struct buffer *out)
{
    uint8_t header[HEADER_BYTES] = {0};
    size_t start = out->length;
    memcpy(header, MAGIC, sizeof MAGIC);
    header[FORM_AT] = FORM_SPARSE;
    header[STALE_AT] = STALE;
    buffer_append(out, header, sizeof header);
    if (write_sparse(sketch, out))
        return;
    out->length = start + HEADER_BYTES;
    out->data[start + FORM_AT] = FORM_DENSE;
    write_dense(sketch, out);
}

bool hyperloglog_is_sound(struct slice value)
{
    struct hyperloglog read;
    return read_value(value, &read) == HYPERLOGLOG_SOUND;
}

/* ---- the estimate ---- */

/* What registers without any element add: the sum of x^(2^k) * 2^(k-1), k from 1 on, and x. */
static double sigma(double x)
{
    double sum = x, before, weight = 1;
    if (x == 1)
        return INFINITY;
    do {
        before = sum;
        x *= x;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

/* And those that can rise no further: 1 - x minus the sum of (1 - x^(2^-k))^2 * 2^-k, by 3. */
static double tau(double x)
{
    double sum = 1 - x, before, weight = 1;
    if (x == 0 || x == 1)
        return 0;
    do {
        before = sum;
        x = sqrt(x);
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != before);
    return sum / 3;
}

uint64_t hyperloglog_count(const struct hyperloglog *sketch)
{
    const double count = HYPERLOGLOG_REGISTERS, alpha = 0.721347520444481703680; /* 1 / (2 ln 2) */
    uint32_t of_rank[HYPERLOGLOG_RANK_MAX + 1] = {0};
    for (uint32_t i = 0; i < HYPERLOGLOG_REGISTERS; i++)
        of_rank[sketch->registers[i]]++;
    double sum = count * tau((count - of_rank[HYPERLOGLOG_RANK_MAX]) / count);
    for (uint32_t rank = HYPERLOGLOG_RANK_MAX - 1; rank >= 1; rank--)
        sum = (sum + of_rank[rank]) / 2;
    sum += count * sigma(of_rank[0] / count);
    return (uint64_t)llround(alpha * count * count / sum);
}
