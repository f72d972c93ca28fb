#include "repair/pace.h"

enum {
    RECENT_SHIFT = 5,
    NORM_SHIFT = 12,
    LATENCY_FLOOR_NS = 1000000, /* below this nobody waits for us */
    QUIET_US = 50000,           /* after a step: what comes later is not its doing */
    STALE_US = 2000000,         /* without requests for so long there is nobody to disturb */
    YIELD_US = 1000000,
    STEP_BYTES_MIN = 512 /* a step costs more than its bytes */
};

/* An average that starts at the first value and then forgets by 2^shift. */
static uint64_t mean(uint64_t old, uint64_t new, unsigned shift)
{
    if (old == 0)
        return new;
    return new > old ? old + ((new - old) >> shift) + 1 : old - ((old - new) >> shift);
}

void repair_pace_note_request(struct repair_pace *pace, uint64_t latency_us, uint64_t now_us)
{
    uint64_t latency_ns = latency_us * 1000 + 1;
    bool quiet = pace->worked_at_us == 0 || now_us - pace->worked_at_us > QUIET_US;
    pace->recent_ns = mean(pace->recent_ns, latency_ns, RECENT_SHIFT);
    if (quiet || pace->norm_ns == 0)
        pace->norm_ns = mean(pace->norm_ns, latency_ns, NORM_SHIFT);
    pace->sampled_at_us = now_us;
}

void repair_pace_note_work(struct repair_pace *pace, uint64_t bytes, uint64_t now_us)
{
    pace->worked_at_us = now_us;
    if (pace->bytes_per_second == 0)
        return;
    if (pace->free_at_us < now_us)
        pace->free_at_us = now_us;
    pace->free_at_us += (bytes + STEP_BYTES_MIN) * 1000000 / pace->bytes_per_second;
}

static bool disturbs(const struct repair_pace *pace, uint64_t now_us)
{
    return pace->norm_ns != 0 && now_us - pace->sampled_at_us < STALE_US &&
           pace->recent_ns > LATENCY_FLOOR_NS && pace->recent_ns > 2 * pace->norm_ns;
}

uint64_t repair_pace_next_us(const struct repair_pace *pace, uint64_t now_us)
{
    uint64_t next_us = pace->free_at_us > now_us ? pace->free_at_us : now_us;
    uint64_t yield_us = pace->yield_us == 0 ? YIELD_US : pace->yield_us;
    if (disturbs(pace, now_us) && next_us < pace->worked_at_us + yield_us)
        next_us = pace->worked_at_us + yield_us;
    return next_us;
}

bool repair_pace_yields(const struct repair_pace *pace, uint64_t now_us)
{
    uint64_t paid_us = pace->free_at_us > now_us ? pace->free_at_us : now_us;
    return pace->worked_at_us != 0 && repair_pace_next_us(pace, now_us) > paid_us;
}
