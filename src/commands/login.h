/*
 * login.h - a call that logs its connection in: AUTH, and HELLO with AUTH.
 *
 * A password is compared by its slow hash (membership/users.h), which is made elsewhere while the
 * call sleeps; the users may have changed meanwhile, so they are looked at again afterwards. A name
 * that is nobody's takes as long as one that is somebody's.
 *
 * Connections of one pool log in again and again with the same password, so what was right is kept
 * for LOGIN_CACHE_MS: not the password, but a digest of it under a key that only this process
 * knows, beside the slow hash. A hit says what the slow hash is, and whether the user has it still
 * is asked as always; so a password that was taken away is refused at once.
 *
 * Failures are limited (login_limits.h) and counted, and stand in ACL LOG, the log and the audit
 * log. A password that was right a while ago is not held up by them.
 */
#ifndef COMMANDS_LOGIN_H
#define COMMANDS_LOGIN_H

#include <stdbool.h>

#include "commands/call.h"
#include "membership/users.h"

enum { LOGIN_CACHE_MAX = 64, LOGIN_CACHE_MS = 600000 };

/* All zero is empty. */
struct login_cache {
    bool has_key;
    uint8_t key[USER_HASH_BYTES];
    struct {
        uint64_t until_us; /* 0: free */
        uint8_t digest[USER_HASH_BYTES];
        uint8_t hash[USER_HASH_BYTES];
    } entries[LOGIN_CACHE_MAX];
};

/*
 * `then` goes on once the connection is the user's; else the error is sent, and the connection
 * stays what it was. The call must have no work of its own; `name` and `password` are arguments of
 * it. `command` is for ACL LOG.
 */
void login_start(struct call *call, struct slice name, struct slice password, const char *command,
                 call_next *then);

#endif
