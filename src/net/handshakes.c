/*
 * handshakes.c - the queue of TLS handshakes under way, oldest first.
 *
 * Invariants:
 *   H1  the order of the queue is that of their beginnings
 *   H2  the timer runs while there are any, and not later than the oldest one's end
 */
#include "net/handshakes.h"

#include <assert.h>
#include <stddef.h>
#include <utlist.h>

static const double LOG_INTERVAL_S = 1.;

static void arm(struct handshakes *handshakes)
{
    ev_timer_stop(handshakes->ev, &handshakes->timer);
    if (handshakes->oldest == NULL)
        return;
    double left_s = handshakes->oldest->begun + handshakes->timeout_s - ev_now(handshakes->ev);
    ev_timer_set(&handshakes->timer, left_s > 0. ? left_s : 0., 0.);
    ev_timer_start(handshakes->ev, &handshakes->timer);
}

static void on_timer(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    struct handshakes *handshakes = timer->data;
    (void)events;
    while (handshakes->oldest != NULL &&
           handshakes->oldest->begun + handshakes->timeout_s <= ev_now(ev))
        handshakes->on_over(handshakes->oldest, "it took too long");
    arm(handshakes);
}

void handshakes_init(struct handshakes *handshakes, struct ev_loop *ev,
                     void (*on_over)(struct handshake *handshake, const char *why))
{
    *handshakes = (struct handshakes){.ev = ev, .on_over = on_over};
    ev_timer_init(&handshakes->timer, on_timer, 0., 0.);
    handshakes->timer.data = handshakes;
}

void handshakes_deinit(struct handshakes *handshakes)
{
    assert(handshakes->count == 0);
    ev_timer_stop(handshakes->ev, &handshakes->timer);
}

void handshakes_make_room(struct handshakes *handshakes, uint32_t count_max)
{
    assert(count_max > 0);
    while (handshakes->count >= count_max)
        handshakes->on_over(handshakes->oldest, "others came after it and there is no more room");
}

void handshakes_begin(struct handshakes *handshakes, struct handshake *handshake,
                      uint32_t timeout_ms)
{
    assert(!handshake->active);
    handshake->active = true;
    handshake->begun = ev_now(handshakes->ev);
    handshakes->timeout_s = timeout_ms / 1000.0;
    DL_APPEND(handshakes->oldest, handshake);
    handshakes->count++;
    if (!ev_is_active(&handshakes->timer))
        arm(handshakes);
}

bool handshakes_may_log(struct handshakes *handshakes, uint32_t *others)
{
    ev_tstamp now = ev_now(handshakes->ev);
    if (handshakes->logged != 0. && now - handshakes->logged < LOG_INTERVAL_S) {
        handshakes->unlogged++;
        return false;
    }
    *others = handshakes->unlogged;
    handshakes->unlogged = 0;
    handshakes->logged = now;
    return true;
}

void handshakes_end(struct handshakes *handshakes, struct handshake *handshake)
{
    if (!handshake->active)
        return;
    handshake->active = false;
    DL_DELETE(handshakes->oldest, handshake);
    handshakes->count--;
}
