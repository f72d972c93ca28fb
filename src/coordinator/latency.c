#include "coordinator/latency.h"

#include <assert.h>

enum {
    HALF_LIFE_US = 1000 * 1000,
    WEIGHT_MIN = 32,        /* one answer in a thousandth of a second moves the mean by 1/32 */
    ANSWERS_MAX = 1000,     /* then all counts are halved */
    P99_ANSWERS_MIN = 20,   /* fewer say nothing of the hundredth */
    P99_EVERY = 32,         /* answers between two looks at the counts */
    OVERTAKEN_US = 1000000, /* a question so much younger has its answer: this one has none */
    FIRST_OCTAVE = 4,       /* 16 us: all below count as one */
    PARTS = 4               /* buckets of one octave */
};

_Static_assert(LATENCY_BUCKETS / PARTS + FIRST_OCTAVE == 25, "half a minute fits");

static unsigned bucket_of(uint64_t us)
{
    if (us < 1u << FIRST_OCTAVE)
        return 0;
    unsigned octave = 63 - (unsigned)__builtin_clzll(us);
    unsigned part = (unsigned)(us >> (octave - 2)) & (PARTS - 1);
    unsigned bucket = (octave - FIRST_OCTAVE) * PARTS + part;
    return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/* The least time that is above the bucket. */
static uint64_t bucket_end_us(unsigned bucket)
{
    unsigned octave = bucket / PARTS + FIRST_OCTAVE;
    return (uint64_t)(PARTS + bucket % PARTS + 1) << (octave - 2);
}

static void take_p99(struct latency *latency)
{
    uint32_t above = latency->answers / 100;
    unsigned bucket = LATENCY_BUCKETS;
    latency->since_p99 = 0;
    if (latency->answers < P99_ANSWERS_MIN)
        return;
    for (uint32_t seen = 0; bucket > 0 && seen <= above;)
        seen += latency->counts[--bucket];
    latency->p99_us = bucket_end_us(bucket);
}

static void halve(struct latency *latency)
{
    latency->answers = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        latency->counts[i] /= 2;
        latency->answers += latency->counts[i];
    }
}

static void note(struct latency *latency, uint64_t took_us, uint64_t now_us)
{
    uint64_t since_us = now_us - latency->measured_us;
    if (latency->measured_us == 0 || since_us >= LATENCY_STALE_US) {
        latency->mean_us = took_us;
    } else {
        uint64_t whole_us = since_us + HALF_LIFE_US;
        if (since_us < whole_us / WEIGHT_MIN)
            since_us = whole_us / WEIGHT_MIN;
        latency->mean_us =
            (latency->mean_us * (whole_us - since_us) + took_us * since_us) / whole_us;
    }
    latency->measured_us = now_us;
    latency->counts[bucket_of(took_us)]++;
    latency->answers++;
    latency->since_p99++;
    if (latency->answers >= ANSWERS_MAX)
        halve(latency);
    if (latency->since_p99 >= P99_EVERY || latency->p99_us == 0)
        take_p99(latency);
}

static void close_at(struct latency *latency, uint8_t index)
{
    latency->open[index] = latency->open[--latency->open_count];
}

/* What was asked before `until_us` and is still open counts as having taken until now. */
static void give_up_before(struct latency *latency, uint64_t until_us, uint64_t now_us)
{
    for (uint8_t i = latency->open_count; i-- > 0;) {
        uint64_t asked_us = latency->open[i].asked_us;
        if (asked_us >= until_us)
            continue;
        close_at(latency, i);
        note(latency, now_us - asked_us, now_us);
    }
}

void latency_asked(struct latency *latency, request_id request, uint64_t now_us)
{
    if (latency->open_count > 0 && now_us > LATENCY_LOST_US)
        give_up_before(latency, now_us - LATENCY_LOST_US, now_us);
    if (latency->open_count == LATENCY_OPEN_MAX)
        return;
    latency->open[latency->open_count].request = request;
    latency->open[latency->open_count++].asked_us = now_us;
}

static bool close_request(struct latency *latency, request_id request, uint64_t *asked_us)
{
    for (uint8_t i = 0; i < latency->open_count; i++) {
        if (latency->open[i].request != request)
            continue;
        *asked_us = latency->open[i].asked_us;
        close_at(latency, i);
        return true;
    }
    return false;
}

bool latency_answered(struct latency *latency, request_id request, uint64_t now_us,
                      uint64_t *took_us)
{
    uint64_t asked_us;
    if (!close_request(latency, request, &asked_us))
        return false;
    assert(now_us >= asked_us);
    *took_us = now_us - asked_us;
    if (asked_us > OVERTAKEN_US)
        give_up_before(latency, asked_us - OVERTAKEN_US, now_us);
    note(latency, *took_us, now_us);
    return true;
}

void latency_refused(struct latency *latency, request_id request)
{
    uint64_t asked_us;
    (void)close_request(latency, request, &asked_us);
}

void latency_lost(struct latency *latency)
{
    latency->open_count = 0;
}

uint64_t latency_expected_us(const struct latency *latency, uint64_t now_us)
{
    uint64_t age_us = now_us - latency->measured_us, expected_us = 0;
    if (latency->measured_us != 0 && age_us < LATENCY_STALE_US)
        expected_us = latency->mean_us * (LATENCY_STALE_US - age_us) / LATENCY_STALE_US;
    for (uint8_t i = 0; i < latency->open_count; i++)
        if (now_us - latency->open[i].asked_us > expected_us)
            expected_us = now_us - latency->open[i].asked_us;
    return expected_us;
}

bool latency_is_older(const struct latency *latency, uint64_t age_us, uint64_t now_us)
{
    return latency->open_count == 0 &&
           (latency->measured_us == 0 || now_us - latency->measured_us > age_us);
}
