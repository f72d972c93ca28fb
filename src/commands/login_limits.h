/*
 * login_limits.h - how often a login may fail: by address, and by user.
 *
 * Of each address `login-failures-max` wrong passwords a minute are answered, and of each user,
 * from wherever they come, `login-user-failures-max`; what is above is refused without a look at
 * the password, until time has passed. Both are limits of this node. Tables are of a fixed size;
 * when one is full, whoever has the least to wait for gives way, so many addresses that fail now
 * and then cannot hide one that fails all the time.
 *
 * Each failure puts an entry's time one interval further ahead, at least from now, and who would be
 * further ahead than a minute is refused (the generic cell rate algorithm: a burst of the limit,
 * then one for each interval). Nothing has to be cleared.
 */
#ifndef COMMANDS_LOGIN_LIMITS_H
#define COMMANDS_LOGIN_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum { LOGIN_LIMITS_MAX = 1024, LOGIN_LIMITS_WINDOW_US = 60000000 };

/* All zero is empty. */
struct login_limits {
    struct {
        uint64_t name;     /* hash of an address or of a user */
        uint64_t ahead_us; /* 0: free */
    } entries[LOGIN_LIMITS_MAX];
};

/* In how many ms one more failure would be answered; 0: now. `limit` a minute; 0: there is none. */
uint64_t login_limits_wait_ms(const struct login_limits *limits, struct slice name, uint32_t limit,
                              uint64_t now_us);
void login_limits_failed(struct login_limits *limits, struct slice name, uint32_t limit,
                         uint64_t now_us);

#endif
