#include "commands/login_limits.h"

#include "base/hash.h"

/* Where the name is, or would be put. */
static unsigned find(const struct login_limits *limits, uint64_t name)
{
    unsigned least = 0;
    for (unsigned i = 0; i < LOGIN_LIMITS_MAX; i++) {
        if (limits->entries[i].ahead_us != 0 && limits->entries[i].name == name)
            return i;
        if (limits->entries[i].ahead_us < limits->entries[least].ahead_us)
            least = i;
    }
    return least;
}

static uint64_t ahead_of(const struct login_limits *limits, uint64_t name, uint64_t now_us)
{
    unsigned at = find(limits, name);
    uint64_t ahead_us = limits->entries[at].name == name ? limits->entries[at].ahead_us : 0;
    return ahead_us > now_us ? ahead_us : now_us;
}

uint64_t login_limits_wait_ms(const struct login_limits *limits, struct slice name, uint32_t limit,
                              uint64_t now_us)
{
    if (limit == 0)
        return 0;
    uint64_t next_us = ahead_of(limits, hash64(name, 0), now_us) + LOGIN_LIMITS_WINDOW_US / limit;
    uint64_t most_us = now_us + LOGIN_LIMITS_WINDOW_US;
    return next_us <= most_us ? 0 : (next_us - most_us + 999) / 1000;
}

void login_limits_failed(struct login_limits *limits, struct slice name, uint32_t limit,
                         uint64_t now_us)
{
    if (limit == 0)
        return;
    uint64_t hash = hash64(name, 0);
    uint64_t ahead_us = ahead_of(limits, hash, now_us);
    unsigned at = find(limits, hash);
    limits->entries[at].name = hash;
    limits->entries[at].ahead_us = ahead_us + LOGIN_LIMITS_WINDOW_US / limit;
}
