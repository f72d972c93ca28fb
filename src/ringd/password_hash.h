/*
 * password_hash.h - hashes of passwords by OpenSSL, and random bytes of the system, for users.
 */
#ifndef RINGD_PASSWORD_HASH_H
#define RINGD_PASSWORD_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "membership/users.h"

/* SHA-256, as Redis stores passwords: one that is short can be guessed from it. */
void password_hash(struct slice password, uint8_t out[USER_HASH_BYTES]);
/*
 * As users are kept (membership/users.h): scrypt of such a digest. It takes as long as `cost` says,
 * and 2^cost KiB. STATUS_OVERLOADED: it had not so much.
 */
MUST_USE enum status password_hash_slowly(const uint8_t digest[USER_HASH_BYTES], uint8_t cost,
                                          const uint8_t salt[USER_SALT_BYTES],
                                          uint8_t out[USER_HASH_BYTES]);
/* false: the system has none. At most 512 bytes. */
bool random_secret(uint8_t *out, size_t length);

#endif
