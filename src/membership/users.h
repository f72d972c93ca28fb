/*
 * users.h - the users of a cluster, as its register keeps them.
 *
 * What a user may do is kept as words, in the form in which ACL LIST shows them, and not as
 * numbers of commands: so members of different versions agree on the value, and a command that a
 * later version adds falls under the words that are there. What they mean is for the command
 * table to say (commands/user_rights.h).
 *
 *     bytes name, u8 flags, u8 passwords: { 32 B }, [u8 cost, 16 B salt,] bytes commands, bytes
 *     keys, bytes options
 *
 * A password is kept as scrypt(SHA-256(password), the user's salt, N = 2^cost, r = 8, p = 1). So
 * what has a SHA-256 alone, as Redis keeps it, can be made one of these without the password; and
 * all passwords of a user have one salt, so that a login costs one slow hash however many there
 * are. Users of before there was salt have cost 0 and plain SHA-256, until their passwords change.
 * Source: RFC 7914.
 *
 * The user `default` is always there. As long as nobody has changed it, it is in no set, and is
 * what user_init_default() says.
 */
#ifndef MEMBERSHIP_USERS_H
#define MEMBERSHIP_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum {
    USERS_MAX = 256,
    USER_NAME_BYTES_MAX = 64,
    USER_PASSWORDS_MAX = 8,
    USER_HASH_BYTES = 32,
    USER_SALT_BYTES = 16,
    USER_COST_MIN = 1,      /* of scrypt */
    USER_COST_DEFAULT = 14, /* 16 MiB, and some 40 ms of a processor */
    USER_COST_MAX = 20,
    USER_WORDS_BYTES_MAX = 2048 /* commands, keys and options of one user together */
};

#define USER_DEFAULT_NAME "default"

enum user_flags {
    USER_ON = 1 << 0,          /* may log in */
    USER_NOPASS = 1 << 1,      /* with any password */
    USER_ALL_CHANNELS = 1 << 2 /* else none */
};

/* Words of a list are separated by one space, and hold none. */
struct user {
    char name[USER_NAME_BYTES_MAX + 1];
    uint8_t flags;          /* enum user_flags */
    uint8_t password_count; /* none with USER_NOPASS */
    uint8_t passwords[USER_PASSWORDS_MAX][USER_HASH_BYTES];
    uint8_t cost; /* 0: without salt; always so without passwords */
    uint8_t salt[USER_SALT_BYTES];
    struct buffer commands; /* "+@all" or "-@all", then what is added and taken away, in order */
    struct buffer keys;     /* ~PATTERN, %R~PATTERN, %W~PATTERN; "~*" alone for all */
    struct buffer options;  /* name=value of RING.SESSION, each name once */
};

/* All zero is empty. */
struct user_set {
    uint16_t count;
    struct user *items; /* ascending by name */
};

/* Whether it has passwords, and they are kept as they were before there was salt. */
bool user_is_unsalted(const struct user *user);
/* A user that may do nothing, as ACL SETUSER begins with. */
void user_init(struct user *user, const char *name);
/* on nopass ~* &* +@all */
void user_init_default(struct user *user);
void user_copy(const struct user *from, struct user *to);
void user_deinit(struct user *user);
/* 1..USER_NAME_BYTES_MAX bytes, without spaces and control characters. */
bool user_name_is_valid(struct slice name);
size_t user_words_bytes(const struct user *user);

/* The next word of a list from `*at` on; false: there is none. */
bool user_next_word(struct slice words, size_t *at, struct slice *word);

void user_set_deinit(struct user_set *set);
void user_set_copy(const struct user_set *from, struct user_set *to);
/* NULL: none of that name is in it. */
const struct user *user_set_find(const struct user_set *set, struct slice name);
/*
 * Takes what `user` owns: in the place of the one with its name, or as a new one where there is
 * room.
 */
void user_set_put(struct user_set *set, struct user *user);
/* False: none of that name is in it. */
bool user_set_remove(struct user_set *set, struct slice name);
bool user_set_equal(const struct user_set *a, const struct user_set *b);

void user_set_encode(const struct user_set *set, struct buffer *out);
/* STATUS_CORRUPT: not canonical; then `out` is empty. Else release it with user_set_deinit(). */
MUST_USE enum status user_set_decode(struct slice bytes, struct user_set *out);

#endif
