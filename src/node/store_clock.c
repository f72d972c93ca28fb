#include "node/store_clock.h"

#include <stdlib.h>

#include "wire/record.h"

static hybrid_time later(hybrid_time a, hybrid_time b)
{
    return a > b ? a : b;
}

static hybrid_time at_ms(uint64_t ms)
{
    return ms << 16;
}

enum status store_clock_open(struct store_clock *clock, const struct store_port *port)
{
    struct buffer name = {0};
    struct buffer value = {0};
    hybrid_time ceiling = 0;
    record_ceiling_name(&name);
    enum status status = port->get(port->context, buffer_slice(&name), &value);
    if (status == STATUS_OK)
        status = ceiling_record_decode(buffer_slice(&value), &ceiling);
    else if (status == STATUS_NOT_FOUND)
        status = STATUS_OK; /* a new store */
    if (status == STATUS_OK) {
        clock->ceiling = ceiling;
        clock->coming = 0;
        if (clock->hybrid.last == 0)
            clock->hybrid.last = ceiling; /* T2 */
    }
    buffer_deinit(&name);
    buffer_deinit(&value);
    return status;
}

static bool is_in_doubt(const struct store_clock *clock, struct instant now)
{
    int64_t base_us = (int64_t)(now.wall_ms * 1000) - (int64_t)now.mono_us;
    int64_t limit_us = (int64_t)clock->max_skew_ms * 1000 / 2;
    return clock->is_told &&
           (clock->told.skewed || llabs(base_us - clock->told.base_us) > limit_us);
}

static uint64_t believed_wall_ms(const struct store_clock *clock, struct instant now)
{
    if (!is_in_doubt(clock, now))
        return now.wall_ms;
    return (uint64_t)((int64_t)now.mono_us + clock->told.base_us) / 1000;
}

uint64_t store_clock_wall_ms(const struct store_clock *clock, struct instant now)
{
    uint64_t wall_ms = believed_wall_ms(clock, now);
    uint64_t closed_ms = hybrid_time_ms(clock->closed);
    return clock->closed != 0 && wall_ms <= closed_ms ? closed_ms + 1 : wall_ms; /* T4 */
}

uint64_t store_clock_mint_from_ms(const struct store_clock *clock)
{
    uint64_t next_ms = hybrid_time_ms(clock->hybrid.last + 1);
    return next_ms > clock->max_skew_ms ? next_ms - clock->max_skew_ms : 0;
}

enum status store_clock_may_mint(const struct store_clock *clock, struct instant now)
{
    bool waits = now.wall_ms < store_clock_mint_from_ms(clock);
    return waits || is_in_doubt(clock, now) ? STATUS_CLOCK_SKEW : STATUS_OK;
}

bool store_clock_is_covered(const struct store_clock *clock)
{
    return clock->hybrid.last <= clock->ceiling;
}

static void put_ceiling(hybrid_time ceiling, struct buffer *batch)
{
    struct buffer name = {0};
    struct buffer value = {0};
    record_ceiling_name(&name);
    ceiling_record_encode(ceiling, &value);
    store_batch_put(batch, buffer_slice(&name), buffer_slice(&value));
    buffer_deinit(&name);
    buffer_deinit(&value);
}

void store_clock_renew(struct store_clock *clock, uint64_t wall_ms, struct buffer *batch)
{
    hybrid_time reached = later(at_ms(wall_ms), clock->hybrid.last);
    if (reached + at_ms(STORE_CLOCK_RENEW_MS) <= later(clock->ceiling, clock->coming))
        return;
    clock->coming = reached + at_ms(STORE_CLOCK_AHEAD_MS);
    put_ceiling(clock->coming, batch);
}

static hybrid_time before(hybrid_time time, hybrid_time by)
{
    return time > by ? time - by : 0;
}

hybrid_time store_clock_promise(struct store_clock *clock, struct instant now, bool alone)
{
    hybrid_time skew = at_ms(clock->max_skew_ms);
    hybrid_time by_wall = before(at_ms(believed_wall_ms(clock, now)), 2 * skew);
    hybrid_time by_ceiling = before(clock->ceiling, skew);
    hybrid_time closed = by_wall < by_ceiling ? by_wall : by_ceiling;
    if ((clock->is_told || alone) && closed > clock->closed) {
        clock->closed = closed;
        hybrid_clock_observe(&clock->hybrid, closed);
    }
    return clock->closed;
}

void store_clock_committed(struct store_clock *clock)
{
    if (clock->coming != 0)
        clock->ceiling = clock->coming;
    clock->coming = 0;
}

void store_clock_failed(struct store_clock *clock)
{
    clock->coming = 0;
}

void store_clock_close(struct store_clock *clock, struct buffer *batch)
{
    hybrid_time least = clock->closed == 0 ? 0 : clock->closed + at_ms(clock->max_skew_ms);
    hybrid_time ceiling = later(clock->hybrid.last, least); /* T4 */
    if (ceiling != clock->ceiling)
        put_ceiling(ceiling, batch);
}
