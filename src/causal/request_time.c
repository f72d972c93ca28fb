#include "causal/request_time.h"

#include <stdbool.h>

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* "tttttttt-tttt-7rrr-vrrr-" with the time in t, the variant 8 to b in v. */
uint64_t request_time_ms(struct slice id)
{
    enum { TIME_BYTES = 13, VERSION_AT = 14, VARIANT_AT = 19 };
    uint64_t time_ms = 0;
    if (id.length < REQUEST_TIME_BYTES)
        return 0;
    for (unsigned i = 0; i < REQUEST_TIME_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = digit_of(id.data[i]);
        if (dash ? id.data[i] != '-' : digit < 0)
            return 0;
        if (!dash && i < TIME_BYTES)
            time_ms = time_ms << 4 | (unsigned)digit;
    }
    bool is_variant = (digit_of(id.data[VARIANT_AT]) & 0xc) == 0x8;
    return id.data[VERSION_AT] == '7' && is_variant ? time_ms : 0;
}

enum status request_time_check(struct slice id, uint64_t now_ms)
{
    uint64_t time_ms = request_time_ms(id);
    if (time_ms == 0)
        return STATUS_OK;
    if (time_ms + REQUEST_WINDOW_MS <= now_ms)
        return STATUS_REQUEST_TOO_OLD;
    return time_ms > now_ms + REQUEST_WINDOW_MS ? STATUS_REQUEST_AHEAD : STATUS_OK;
}
