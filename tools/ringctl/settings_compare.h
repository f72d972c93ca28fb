/*
 * settings_compare.h - one setting at all members: which value is usual, and who has another one.
 *
 * What names a node, its addresses and its files is its own and is not compared. The value that
 * most members have is taken for the one that is meant; of equally many, that of the first.
 */
#ifndef RINGCTL_SETTINGS_COMPARE_H
#define RINGCTL_SETTINGS_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/resp_reply.h"

struct setting_values {
    const char *name;
    const char **values; /* of each member; NULL: it does not say. The caller's. */
    const char *usual;   /* one of them; NULL: nobody says */
    size_t others;       /* members that say something else */
};

/* Whether it is not compared: each member has its own, or it is another name of one that is. */
bool setting_is_own(const char *name);
/* Whether members that differ in it break what others rely on. */
bool setting_must_agree(const char *name);

/*
 * The setting `name` from replies to CONFIG GET, one of each of `count` members (NULL: none).
 * out->values has room for `count` texts, which are borrowed from the replies.
 */
void setting_values_take(const char *name, const struct resp_value *const *replies, size_t count,
                         struct setting_values *out);

#endif
