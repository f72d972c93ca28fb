/*
 * fuzz_acl.c - rules of ACL SETUSER: what they leave can be kept, and bytes of names and keys never
 * grant more than they say.
 *
 * The input is rules with spaces between. Whatever rules are taken, the user can be encoded and
 * decoded; the rules in one piece do what they do one by one; what was refused has changed nothing;
 * and `reset` leaves a user who may do nothing.
 */
#include <assert.h>
#include <stdlib.h>

#include "commands/command_list.h"
#include "commands/user_rights.h"
#include "membership/user_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_one(const struct user *user, struct buffer *out)
{
    struct user copy;
    struct user_set set = {0};
    user_copy(user, &copy);
    user_set_put(&set, &copy);
    user_set_encode(&set, out);
    user_set_deinit(&set);
}

static bool same(const struct user *a, const struct user *b)
{
    struct buffer left = {0}, right = {0};
    encode_one(a, &left);
    encode_one(b, &right);
    bool equal = slice_equal(buffer_slice(&left), buffer_slice(&right));
    buffer_deinit(&left);
    buffer_deinit(&right);
    return equal;
}

/* false: a rule was refused, and the user is as it was before that one. */
static bool apply_singly(struct user *user, struct slice rules)
{
    struct slice rule;
    char reason[USER_REASON_MAX];
    for (size_t at = 0; user_next_word(rules, &at, &rule);) {
        struct user before;
        user_copy(user, &before);
        bool taken = user_apply_rule(user, rule, reason) == STATUS_OK;
        assert(taken || same(user, &before));
        user_deinit(&before);
        if (!taken)
            return false;
    }
    return true;
}

static void check_stored(const struct user *user)
{
    struct buffer bytes = {0};
    struct user_set set;
    encode_one(user, &bytes);
    assert(user_set_decode(buffer_slice(&bytes), &set) == STATUS_OK);
    assert(set.count == 1 && same(&set.items[0], user));
    user_set_deinit(&set);
    buffer_deinit(&bytes);
}

/* Whoever was given no command runs but those that come before a login. */
static void check_rights(const struct user *user)
{
    struct user_rights *rights = user_rights_new(user, NULL);
    if (rights->understood && slice_equal(buffer_slice(&user->commands), slice_text("-@all")))
        for (uint32_t i = 0; i < COMMAND_COUNT; i++)
            assert((command_at(i)->flags & COMMAND_NO_AUTH) != 0 ||
                   !user_may_run(rights, i, command_at(i)));
    assert(!rights->all_keys || user->keys.length > 0);
    user_rights_free(rights);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rules = slice_make(data, size);
    struct user whole, singly, nobody;
    char reason[USER_REASON_MAX];
    user_init(&whole, "u");
    user_init(&singly, "u");
    user_init(&nobody, "u");
    bool together = user_apply_rules(&whole, rules, reason) == STATUS_OK;
    assert(together == apply_singly(&singly, rules));
    assert(same(&whole, together ? &singly : &nobody));
    check_stored(&singly);
    check_rights(&singly);
    assert(user_apply_rule(&singly, slice_text("reset"), reason) == STATUS_OK);
    assert(same(&singly, &nobody));
    user_deinit(&whole);
    user_deinit(&singly);
    user_deinit(&nobody);
    return 0;
}
