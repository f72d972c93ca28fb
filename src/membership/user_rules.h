/*
 * user_rules.h - the rules of ACL SETUSER: what one word does to a user.
 *
 *     on off                          may log in, may not
 *     nopass resetpass                any password will do; no password does
 *     #scrypt:COST:SALT:HASH !...     a password as users.h keeps it is added, is taken away
 *     #HASH !HASH                     the same of one without salt, a SHA-256 in hexadecimal
 *     +CMD -CMD +CMD|SUB +@CATEGORY   commands; allcommands is +@all, nocommands -@all
 *     ~PATTERN %R~PATTERN %W~PATTERN  keys; allkeys is ~*, resetkeys none
 *     allchannels resetchannels       all or none; other patterns of channels are refused
 *     level:NAME=VALUE resetlevel     what RING.SESSION takes, for all connections of the user
 *     reset                           back to a user that may do nothing
 *
 * Rules are applied in their order, and a later one takes the place of what it overrides: a user's
 * words grow only with what they say. Whether there is such a command or option is asked by
 * whoever knows the command table, before; a password never comes here, only its hash. A hash with
 * another salt than the user's is refused: so is one that was made while somebody else gave the
 * user the first password.
 * Source: redis.io "ACL", and ACL SETUSER of Redis 7.2 for words and texts.
 */
#ifndef MEMBERSHIP_USER_RULES_H
#define MEMBERSHIP_USER_RULES_H

#include "membership/users.h"
#include "ring/ring.h"

enum { USER_REASON_MAX = RING_REASON_MAX };

/* STATUS_INVALID: `reason` says why not, and nothing has changed. */
MUST_USE enum status user_apply_rule(struct user *user, struct slice rule,
                                     char reason[USER_REASON_MAX]);
/* In their order, all or none; `reason` names the rule. */
MUST_USE enum status user_apply_rules(struct user *user, struct slice rules,
                                      char reason[USER_REASON_MAX]);

/* What stands behind '#' or '!' for a password that is kept with salt. */
void user_write_password(uint8_t cost, const uint8_t salt[USER_SALT_BYTES],
                         const uint8_t hash[USER_HASH_BYTES], struct buffer *out);
/* 64 digits of lower case, as Redis has them; false: it is something else. */
bool user_read_digest(struct slice text, uint8_t out[USER_HASH_BYTES]);

#endif
