#include "replica/safe_time.h"

void safe_time_close(struct stability *stability, node_id from, hybrid_time closed)
{
    for (uint8_t i = 0; i < stability->owner_count; i++) {
        struct stability_owner *owner = &stability->owners[i];
        if (owner->node == from && owner->heard && owner->closed < closed)
            owner->closed = closed;
    }
}

void safe_time_advance(struct safe_time *time, const struct stability *stability, node_id self,
                       const struct clock *clock, hybrid_time closed)
{
    hybrid_time least = closed;
    node_id holder = self;
    bool silent = false;
    for (uint8_t i = 0; i < stability->owner_count; i++) {
        const struct stability_owner *owner = &stability->owners[i];
        bool complete = owner->heard && clock_descends(clock, &owner->clock);
        hybrid_time upto = complete ? owner->closed : 0;
        silent = silent || !owner->heard;
        if (upto >= least)
            continue;
        least = upto;
        holder = owner->node;
    }
    time->holder = holder;
    time->silent = silent;
    if (least > time->safe)
        time->safe = least;
}
