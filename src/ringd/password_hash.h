/*
 * password_hash.h - SHA-256 of passwords by OpenSSL, and random bytes of the system, for users.
 */
#ifndef RINGD_PASSWORD_HASH_H
#define RINGD_PASSWORD_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "membership/users.h"

/* As Redis stores passwords: without salt, so one that is short can be guessed from its hash. */
void password_hash(struct slice password, uint8_t out[USER_HASH_BYTES]);
/* false: the system has none. At most 512 bytes. */
bool random_secret(uint8_t *out, size_t length);

#endif
