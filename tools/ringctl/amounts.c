#include "amounts.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *amount_time(uint64_t ms, char out[AMOUNT_TEXT_MAX])
{
    uint64_t seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (hours >= 24)
        snprintf(out, AMOUNT_TEXT_MAX, "%" PRIu64 " d %" PRIu64 " h", hours / 24, hours % 24);
    else if (hours > 0)
        snprintf(out, AMOUNT_TEXT_MAX, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
    else if (minutes > 0)
        snprintf(out, AMOUNT_TEXT_MAX, "%" PRIu64 " min", minutes);
    else
        snprintf(out, AMOUNT_TEXT_MAX, "%" PRIu64 " s", seconds);
    return out;
}

const char *amount_size(uint64_t bytes, char out[AMOUNT_TEXT_MAX])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double amount = (double)bytes;
    size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        amount /= 1024;
    snprintf(out, AMOUNT_TEXT_MAX, unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
    return out;
}
