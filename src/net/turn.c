#include "net/turn.h"

#include <assert.h>
#include <time.h>

struct instant turn_now(void)
{
    struct timespec mono;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct instant){
        .mono_us = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000,
        .wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
    };
}

void turn_step(struct turn *turn, struct event event)
{
    assert(turn->node != NULL);
    event.now = turn_now();
    turn->stepped_us = event.now.mono_us;
    turn->statistics.steps++;
    node_step(turn->node, &event, &turn->effects);
}

void turn_relieve(struct turn *turn)
{
    if (turn->effects.bytes.length > TURN_EFFECT_BYTES_MAX)
        turn->carry_out(turn->context);
}
