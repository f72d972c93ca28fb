#include "store/clock.h"

#include <time.h>

uint64_t clock_mono_us(void)
{
    struct timespec mono;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000;
}

struct instant clock_now(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    struct instant now = {
        .mono_us = clock_mono_us(),
        .wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
    };
    return now;
}
