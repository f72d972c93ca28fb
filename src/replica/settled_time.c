#include "replica/settled_time.h"

void settled_time_deinit(struct settled_time *time)
{
    clock_deinit(&time->dots);
    *time = (struct settled_time){0};
}

static void give_up(struct settled_time *time)
{
    clock_deinit(&time->dots);
    time->coming = 0;
    time->everywhere = false;
}

static void begin(struct settled_time *time, const struct clock *clock)
{
    time->coming = time->safe.safe;
    clock_copy(clock, &time->dots);
}

void settled_time_advance(struct settled_time *time, const struct stability *stability,
                          const struct settled_look *look)
{
    if (time->resets != stability->resets) /* an owner may have lost what it had reported */
        give_up(time);
    time->resets = stability->resets;
    safe_time_advance(&time->safe, stability, look->self, look->clock, look->closed);
    if (time->everywhere && look->now_us - time->since_us >= look->wait_us &&
        look->hint_free_us >= time->since_us + look->wait_us) { /* L3 */
        time->settled = time->coming;
        give_up(time);
    }
    if (time->coming == 0 && time->safe.safe > time->settled)
        begin(time, look->clock);
    if (time->coming != 0 && !time->everywhere && stability_everywhere(stability, &time->dots) &&
        stability_holds_all(stability, look->clock)) { /* L1 */
        time->everywhere = true;
        time->since_us = look->now_us;
        clock_deinit(&time->dots);
    }
}
