/*
 * clock_fence.c - a node whose clock is not to be trusted neither mints nor coordinates writes.
 *
 * It goes on to serve reads and to take the writes of others. While it is skewed it
 * goes by the time that the others agree on, so that an expiry means the same at every node.
 *
 * The store side reads the wall clock by itself. It is told what was thought of it here, in a
 * frame before the first mint that relies on that; see store_clock.h.
 */
#include <assert.h>
#include <stdlib.h>

#include "node/node_state.h"
#include "node/store_clock.h"

/* A first comparison takes one round trip from when the first peer is up. */
enum { UNCOMPARED_WAIT_MS = 50 };

/* A queue that is full is not filled with this: until a mint relies on it, it can wait so long. */
enum { TELL_PAUSE_US = 10000 };

static bool has_moved(const struct node *node, int64_t base_us)
{
    return llabs(base_us - node->clock_told.base_us) >
           (int64_t)node->settings.max_clock_skew_ms * 1000 / 8;
}

/* What the store side thinks of the wall clock must not lag behind what requests are refused by. */
static void tell_store(struct node *node)
{
    const struct clock_judgement *judgement = node->clock;
    bool skewed = judgement->verdict == CLOCK_SKEWED;
    struct message_clock clock = {
        .skewed = skewed, .base_us = skewed ? judgement->agreed_base_us : judgement->own_base_us};
    struct buffer body = {0};
    if (node->is_clock_told && node->clock_told_of == judgement->number)
        return; /* nothing else is thought of it since */
    if (node->ring->member_count == 1 && node->clock_told.base_us == 0)
        return; /* alone since the start: nobody ever doubted the clock */
    node->clock_told_of = judgement->number;
    if (node->is_clock_told && node->clock_told.skewed == skewed && !has_moved(node, clock.base_us))
        return;
    message_clock_encode(&clock, &body);
    node_send_store(node, MESSAGE_CLOCK, 0, 0, buffer_slice(&body));
    node->clock_told = clock;
    node->is_clock_told = true;
    buffer_deinit(&body);
}

static bool waits_for_ceiling(const struct node *node)
{
    return node->now.wall_ms < node->mint_from_ms;
}

static void end_wait(struct node *node)
{
    if (node->mint_wait_logged && !waits_for_ceiling(node)) {
        node->mint_wait_logged = false;
        log_line(
            &node->log, LOG_INFO,
            "clock has reached the times that were issued before, writes are coordinated here");
    }
}

void clock_fence_step(struct node *node, struct instant now)
{
    enum clock_verdict before = node->clock == NULL ? CLOCK_TRUSTED : node->clock->verdict;
    node->now = now;
    node->own_wall_ms = now.wall_ms;
    node->clock = clock_watch_judge(node->clocks, now.mono_us, now.wall_ms);
    if (node->clock->verdict == CLOCK_SKEWED) {
        int64_t agreed_us = (int64_t)now.mono_us + node->clock->agreed_base_us;
        node->now.wall_ms = agreed_us > 0 ? (uint64_t)agreed_us / 1000 : 0;
        node->statistics.clock_fences += before != CLOCK_SKEWED;
    }
    if (node->now.mono_us >= node->clock_tell_us)
        tell_store(node);
    end_wait(node);
}

void clock_fence_before_mint(struct node *node)
{
    tell_store(node);
}

void clock_fence_not_told(struct node *node)
{
    node->is_clock_told = false;
    node->clock_tell_us = node->now.mono_us + TELL_PAUSE_US;
}

void clock_fence_mint_from(struct node *node, struct slice body)
{
    struct message_mint_from from;
    enum status status = message_mint_from_decode(body, &from);
    assert(status == STATUS_OK); /* own store side */
    node->mint_from_ms = from.wall_ms;
    if (!waits_for_ceiling(node))
        return;
    uint64_t left_ms = node->mint_from_ms - node->now.wall_ms;
    bool usual = left_ms <= STORE_CLOCK_AHEAD_MS; /* after an end that was not clean */
    if (!node->mint_wait_logged)
        log_line(&node->log, usual ? LOG_INFO : LOG_WARN,
                 usual
                     ? "no write is coordinated here until the clock is past all times that may "
                       "have been issued wait_ms=%llu"
                     : "clock is behind the times that were issued before, no write is "
                       "coordinated here until it has caught up; if it is wrong set it right, else "
                       "raise max-clock-skew above the wait and start again wait_ms=%llu",
                 (unsigned long long)left_ms);
    node->mint_wait_logged = true;
}

bool clock_fence_is_up(const struct node *node)
{
    return node->clock->verdict != CLOCK_TRUSTED || waits_for_ceiling(node);
}

uint32_t clock_fence_wait_ms(const struct node *node)
{
    uint64_t wait_ms = node->clock->verdict == CLOCK_UNCOMPARED ? UNCOMPARED_WAIT_MS : 0;
    if (node->clock->verdict == CLOCK_SKEWED)
        return 0;
    if (waits_for_ceiling(node) && node->mint_from_ms - node->now.wall_ms > wait_ms)
        wait_ms = node->mint_from_ms - node->now.wall_ms;
    return wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
}

void clock_fence_view(void *context, struct instant now, struct clock_view *out)
{
    const struct node *node = context;
    const struct clock_judgement *judgement = node->clock;
    struct clock_estimate estimate;
    *out = (struct clock_view){.fenced = clock_fence_is_up(node),
                               .clocks = judgement->clocks,
                               .offset_ms = judgement->offset_ms,
                               .uncertainty_ms = judgement->uncertainty_ms,
                               .limit_ms = node->settings.max_clock_skew_ms / 2};
    if (waits_for_ceiling(node))
        out->wait_ms = node->mint_from_ms - node->now.wall_ms;
    for (uint16_t i = 0; i < node->ring->member_count; i++) {
        node_id id = node->ring->members[i].id;
        if (clock_watch_peer(node->clocks, id, now.mono_us, node->own_wall_ms, &estimate) &&
            (uint64_t)llabs(estimate.offset_ms) > out->offset_max_ms)
            out->offset_max_ms = (uint64_t)llabs(estimate.offset_ms);
    }
}
