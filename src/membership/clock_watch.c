/*
 * clock_watch.c - intervals in, a verdict out.
 *
 * Why the bounds hold: every clock's base lies in its interval, so the k-th smallest base
 * lies between the k-th smallest of the lower ends and the k-th smallest of the upper ends.
 */
#include "membership/clock_watch.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ring/roster.h"

enum { WALL_STEP_US = 999 }; /* wall clocks are told in whole milliseconds */
enum { JUDGE_EVERY_US = 100000, JUDGE_MOVED_US = 2000 };

#define WALL_MS_MAX ((uint64_t)1 << 48) /* the room that a hybrid time has */

struct interval {
    int64_t low_us, high_us;
};

struct sample {
    struct interval base;
    uint64_t at_us;
};

struct peer_clock {
    node_id id;
    uint8_t count, next; /* samples[] is a ring */
    struct sample samples[CLOCK_SAMPLES];
};

struct clock_watch {
    struct clock_watch_params params;
    struct peer_clock *peers; /* all members but self */
    uint32_t peer_count;
    int64_t *lows, *highs; /* scratch: one for each peer, the own clock and the last agreed time */
    uint64_t start_us;
    bool compared; /* with any peer since the start */
    bool agreed_before;
    struct sample agreed; /* by two clocks or more */
    bool changed;         /* something was told since the last judgement */
    uint64_t judged_at_us;
    bool warned;
    struct clock_judgement judgement;
};

void clock_watch_follow_ring(struct clock_watch *watch)
{
    static const struct roster_kind CLOCKS = {.size = sizeof(struct peer_clock)};
    watch->peers = roster_follow(watch->peers, &watch->peer_count, watch->params.ring,
                                 watch->params.self, &CLOCKS, NULL);
    watch->lows = memory_resize(watch->lows, watch->peer_count + 2, sizeof *watch->lows);
    watch->highs = memory_resize(watch->highs, watch->peer_count + 2, sizeof *watch->highs);
    if (watch->peer_count == 0)
        watch->agreed_before =
            false; /* it would stand against the own clock, and nobody corrects it */
    watch->changed = true;
}

struct clock_watch *clock_watch_new(const struct clock_watch_params *params)
{
    struct clock_watch *watch = memory_new(1, sizeof *watch);
    watch->params = *params;
    clock_watch_follow_ring(watch);
    return watch;
}

void clock_watch_free(struct clock_watch *watch)
{
    if (watch == NULL)
        return;
    free(watch->peers);
    free(watch->lows);
    free(watch->highs);
    free(watch);
}

void clock_watch_start(struct clock_watch *watch, uint64_t now_us)
{
    watch->start_us = now_us;
    watch->changed = true;
}

static struct peer_clock *find_peer(const struct clock_watch *watch, node_id id)
{
    for (uint32_t i = 0; i < watch->peer_count; i++)
        if (watch->peers[i].id == id)
            return &watch->peers[i];
    return NULL;
}

/* ---- samples ------------------------------------------------------------------------------ */

static struct interval aged(const struct sample *sample, uint64_t now_us)
{
    uint64_t age_us = now_us > sample->at_us ? now_us - sample->at_us : 0;
    int64_t drift_us = (int64_t)((age_us * CLOCK_DRIFT_PPM + 999999) / 1000000);
    return (struct interval){.low_us = sample->base.low_us - drift_us,
                             .high_us = sample->base.high_us + drift_us};
}

static int64_t width_us(struct interval interval)
{
    return interval.high_us - interval.low_us;
}

static int64_t middle_us(struct interval interval)
{
    return interval.low_us + width_us(interval) / 2;
}

/* The narrowest of what is known. */
static bool estimate(const struct peer_clock *peer, uint64_t now_us, struct interval *out)
{
    for (uint8_t i = 0; i < peer->count; i++) {
        struct interval base = aged(&peer->samples[i], now_us);
        if (i == 0 || width_us(base) < width_us(*out))
            *out = base;
    }
    return peer->count > 0;
}

void clock_watch_exchange(struct clock_watch *watch, node_id node,
                          const struct clock_exchange *exchange)
{
    struct peer_clock *peer = find_peer(watch, node);
    struct interval known;
    if (peer == NULL || exchange->wall_ms >= WALL_MS_MAX ||
        exchange->sent_us > exchange->received_us ||
        exchange->held_us > exchange->received_us - exchange->sent_us)
        return;
    int64_t wall_us = (int64_t)(exchange->wall_ms * 1000);
    int64_t earliest_us = (int64_t)(exchange->sent_us + exchange->held_us);
    struct sample sample = {.base = {.low_us = wall_us - (int64_t)exchange->received_us,
                                     .high_us = wall_us + WALL_STEP_US - earliest_us},
                            .at_us = exchange->received_us};
    if (estimate(peer, sample.at_us, &known) &&
        (sample.base.low_us > known.high_us || sample.base.high_us < known.low_us))
        peer->count = peer->next = 0; /* a clock was set */
    peer->samples[peer->next] = sample;
    peer->next = (uint8_t)((peer->next + 1) % CLOCK_SAMPLES);
    if (peer->count < CLOCK_SAMPLES)
        peer->count++;
    watch->compared = true;
    watch->changed = true;
}

void clock_watch_forget(struct clock_watch *watch, node_id node)
{
    struct peer_clock *peer = find_peer(watch, node);
    if (peer == NULL)
        return;
    peer->count = peer->next = 0;
    watch->changed = true;
}

static struct interval own_base(uint64_t now_us, uint64_t wall_ms)
{
    int64_t low_us = (int64_t)(wall_ms * 1000) - (int64_t)now_us;
    return (struct interval){.low_us = low_us, .high_us = low_us + WALL_STEP_US};
}

/* ---- judgement ---------------------------------------------------------------------------- */

static int compare_us(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void add_clock(struct clock_watch *watch, uint32_t *count, struct interval base)
{
    watch->lows[*count] = base.low_us;
    watch->highs[(*count)++] = base.high_us;
}

/* The lower median of all clocks; `clocks` gets how many were compared. */
static struct interval agree(struct clock_watch *watch, uint64_t now_us, struct interval own,
                             uint32_t *clocks)
{
    uint32_t count = 0;
    struct interval base;
    add_clock(watch, &count, own);
    for (uint32_t i = 0; i < watch->peer_count; i++)
        if (estimate(&watch->peers[i], now_us, &base))
            add_clock(watch, &count, base);
    *clocks = count;
    if (count < 3 && watch->agreed_before)
        add_clock(watch, &count, aged(&watch->agreed, now_us));
    qsort(watch->lows, count, sizeof *watch->lows, compare_us);
    qsort(watch->highs, count, sizeof *watch->highs, compare_us);
    uint32_t lower_middle = (count - 1) / 2;
    return (struct interval){.low_us = watch->lows[lower_middle],
                             .high_us = watch->highs[lower_middle]};
}

/* How far the two are apart at least. */
static int64_t distance_us(struct interval a, struct interval b)
{
    if (a.low_us > b.high_us)
        return a.low_us - b.high_us;
    return b.low_us > a.high_us ? b.low_us - a.high_us : 0;
}

static enum clock_verdict decide(const struct clock_watch *watch, uint64_t now_us, int64_t apart_us)
{
    int64_t limit_us = (int64_t)watch->params.max_skew_ms * 1000 / 2;
    uint64_t patience_us = (uint64_t)watch->params.patience_ms * 1000;
    bool skewed = watch->judgement.verdict == CLOCK_SKEWED;
    if (apart_us > (skewed ? limit_us / 2 : limit_us))
        return CLOCK_SKEWED;
    if (!watch->compared && watch->peer_count > 0 && now_us - watch->start_us < patience_us)
        return CLOCK_UNCOMPARED;
    return CLOCK_TRUSTED;
}

static void say(const struct clock_watch *watch, enum log_level level, const char *what)
{
    const struct clock_judgement *judgement = &watch->judgement;
    log_line(&watch->params.log, level, "%s offset_ms=%lld uncertainty_ms=%u clocks=%u", what,
             (long long)judgement->offset_ms, judgement->uncertainty_ms, judgement->clocks);
}

static void log_change(struct clock_watch *watch, enum clock_verdict before, int64_t apart_us)
{
    int64_t warn_us = (int64_t)CLOCK_WARN_MS * 1000;
    int64_t limit_us = (int64_t)watch->params.max_skew_ms * 1000 / 2;
    bool skewed = watch->judgement.verdict == CLOCK_SKEWED;
    warn_us = warn_us < limit_us ? warn_us : limit_us;
    if (skewed && before != CLOCK_SKEWED)
        say(watch, LOG_WARN,
            "clock is too far from the others, no write is coordinated here until it is right");
    else if (!skewed && before == CLOCK_SKEWED)
        say(watch, LOG_INFO, "clock is right again, writes are coordinated here");
    else if (!skewed && !watch->warned && apart_us >= warn_us)
        say(watch, LOG_WARN, "clock differs from the others, see to the time service");
    if (skewed || apart_us >= warn_us)
        watch->warned = true;
    else if (apart_us < warn_us / 2)
        watch->warned = false;
}

static bool is_fresh(const struct clock_watch *watch, uint64_t now_us, struct interval own)
{
    int64_t moved_us = middle_us(own) - watch->judgement.own_base_us;
    return !watch->changed && now_us - watch->judged_at_us < JUDGE_EVERY_US &&
           llabs(moved_us) < JUDGE_MOVED_US;
}

const struct clock_judgement *clock_watch_judge(struct clock_watch *watch, uint64_t now_us,
                                                uint64_t wall_ms)
{
    struct clock_judgement *judgement = &watch->judgement;
    struct interval own = own_base(now_us, wall_ms);
    if (is_fresh(watch, now_us, own))
        return judgement;
    enum clock_verdict before = judgement->verdict;
    struct interval agreed = agree(watch, now_us, own, &judgement->clocks);
    int64_t apart_us = distance_us(own, agreed);
    if (judgement->clocks > 1) {
        watch->agreed = (struct sample){.base = agreed, .at_us = now_us};
        watch->agreed_before = true;
    }
    judgement->own_base_us = middle_us(own);
    judgement->agreed_base_us = agreed.low_us;
    judgement->offset_ms = (judgement->own_base_us - middle_us(agreed)) / 1000;
    judgement->uncertainty_ms = (uint32_t)((width_us(agreed) / 2 + 999) / 1000);
    judgement->verdict = decide(watch, now_us, apart_us);
    log_change(watch, before, apart_us);
    judgement->number++;
    watch->judged_at_us = now_us;
    watch->changed = false;
    return judgement;
}

bool clock_watch_peer(const struct clock_watch *watch, node_id node, uint64_t now_us,
                      uint64_t wall_ms, struct clock_estimate *out)
{
    const struct peer_clock *peer = find_peer(watch, node);
    struct interval base;
    if (peer == NULL || !estimate(peer, now_us, &base))
        return false;
    out->offset_ms = (middle_us(base) - middle_us(own_base(now_us, wall_ms))) / 1000;
    out->uncertainty_ms = (uint32_t)((width_us(base) / 2 + 999) / 1000);
    return true;
}
