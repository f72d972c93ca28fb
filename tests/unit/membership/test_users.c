/*
 * test_users.c - the users in the register: what rules do, and that bytes come back or are refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "base/random.h"
#include "membership/register_change.h"
#include "membership/user_rules.h"

#define HASH_P "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940"
#define HASH_X "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"

static const char *text_of(const struct user *user, struct buffer *out)
{
    buffer_clear(out);
    buffer_printf(out, "%s%s%s", (user->flags & USER_ON) != 0 ? "on" : "off",
                  (user->flags & USER_NOPASS) != 0 ? " nopass" : "",
                  (user->flags & USER_ALL_CHANNELS) != 0 ? " &*" : "");
    buffer_printf(out, " %u [%.*s] [%.*s] [%.*s]", user->password_count, (int)user->keys.length,
                  (const char *)user->keys.data, (int)user->commands.length,
                  (const char *)user->commands.data, (int)user->options.length,
                  (const char *)user->options.data);
    buffer_put_u8(out, 0);
    return (const char *)out->data;
}

/* Flags, passwords, keys, commands, options after all rules. */
static void rules_say_what_a_user_may_do(void **state)
{
    static const struct {
        const char *rules, *made;
    } cases[] = {
        {"", "off 0 [] [-@all] []"},
        {"on nopass ~* &* +@all", "on nopass &* 0 [~*] [+@all] []"},
        {"ON ALLKEYS allchannels allcommands", "on &* 0 [~*] [+@all] []"},
        {"allkeys resetkeys allchannels resetchannels allcommands nocommands",
         "off 0 [] [-@all] []"},
        {"#" HASH_P " #" HASH_P, "off 1 [] [-@all] []"},
        {"nopass #" HASH_P, "off 1 [] [-@all] []"},
        {"#" HASH_P " nopass", "off nopass 0 [] [-@all] []"},
        {"#" HASH_P " #" HASH_X " !" HASH_P, "off 1 [] [-@all] []"},
        {"nopass #" HASH_P " resetpass", "off 0 [] [-@all] []"},
        {"+get +set -get", "off 0 [] [-@all +set -get] []"},
        {"+GET +get", "off 0 [] [-@all +get] []"},
        {"+@read -@write +@read", "off 0 [] [-@all -@write +@read] []"},
        {"+config|get -config|set +config", "off 0 [] [-@all +config] []"},
        {"+configure +config|get -config", "off 0 [] [-@all +configure -config] []"},
        {"+get +@all -set", "off 0 [] [+@all -set] []"},
        {"+@all -set -@all +get", "off 0 [] [-@all +get] []"},
        {"~a ~b ~a", "off 0 [~b ~a] [-@all] []"},
        {"%R~a %W~a", "off 0 [~a] [-@all] []"},
        {"%R~a ~b %rw~c", "off 0 [%R~a ~b ~c] [-@all] []"},
        {"%R~* %W~*", "off 0 [%RW~*] [-@all] []"},
        {"~", "off 0 [~] [-@all] []"},
        {"~a ~*", "off 0 [~*] [-@all] []"},
        {"level:cl=ONE level:w=2 level:CL=quorum", "off 0 [] [-@all] [w=2 CL=quorum]"},
        {"level:cl=ONE level:w=2 level:cl=default", "off 0 [] [-@all] [w=2]"},
        {"level:cl=ONE resetlevel", "off 0 [] [-@all] []"},
        {"on #" HASH_P " ~a +get &* level:w=1 reset", "off 0 [] [-@all] []"},
        {"sanitize-payload clearselectors", "off 0 [] [-@all] []"},
    };
    struct buffer text = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct user user;
        char reason[USER_REASON_MAX];
        user_init(&user, "somebody");
        assert_int_equal(user_apply_rules(&user, slice_text(cases[i].rules), reason), STATUS_OK);
        assert_string_equal(text_of(&user, &text), cases[i].made);
        assert_string_equal(user.name, "somebody");
        user_deinit(&user);
    }
    buffer_deinit(&text);
}

static void a_wrong_rule_changes_nothing(void **state)
{
    static const struct {
        const char *rules, *reason;
    } cases[] = {
        {"on foo", "Error in ACL SETUSER modifier 'foo': Syntax error"},
        {"on +", "Error in ACL SETUSER modifier '+': Syntax error"},
        {"on %", "Error in ACL SETUSER modifier '%': Syntax error"},
        {"on %X~a", "Error in ACL SETUSER modifier '%X~a': Syntax error"},
        {"on %~a", "Error in ACL SETUSER modifier '%~a': Syntax error"},
        {"on ~* ~a",
         "Error in ACL SETUSER modifier '~a': Adding a pattern after the * pattern (or the "
         "'allkeys' "
         "flag) is not valid and does not have any effect. Try 'resetkeys' to start with an empty "
         "list of patterns"},
        {"on #12",
         "Error in ACL SETUSER modifier '#12': The password hash must be exactly 64 characters and "
         "contain only lowercase hexadecimal characters"},
        {"on !" HASH_P,
         "Error in ACL SETUSER modifier '!148de9c5a7a44d19e56cd9ae1a554bf': The password you are "
         "trying to remove from the user does not exist"},
        {"on &news", "Error in ACL SETUSER modifier '&news': patterns of channels are not offered: "
                     "a user has allchannels or resetchannels"},
        {"on (~a)", "Error in ACL SETUSER modifier '(~a)': selectors are not offered yet: give the "
                    "rules to the user itself"},
        {"on level:cl", "Error in ACL SETUSER modifier 'level:cl': a level is given as "
                        "level:NAME=VALUE, with the options of RING.SESSION"},
        {"on level:=x", "Error in ACL SETUSER modifier 'level:=x': a level is given as "
                        "level:NAME=VALUE, with the options of RING.SESSION"},
        {"on skip-sanitize-payload",
         "Error in ACL SETUSER modifier 'skip-sanitize-payload': Syntax error"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct user user;
        char reason[USER_REASON_MAX];
        user_init(&user, "somebody");
        assert_int_equal(user_apply_rules(&user, slice_text(cases[i].rules), reason),
                         STATUS_INVALID);
        assert_string_equal(reason, cases[i].reason);
        assert_int_equal(user.flags, 0); /* the first rule neither */
        user_deinit(&user);
    }
}

#define SALT_A "000102030405060708090a0b0c0d0e0f"
#define SALT_B "ff0102030405060708090a0b0c0d0e0f"

/* All passwords of a user have one salt, which goes with the last of them. */
static void a_user_has_one_salt(void **state)
{
    static const char *const wrong[] = {
        "#scrypt:14:" SALT_B ":" HASH_X, /* another salt */
        "#scrypt:15:" SALT_A ":" HASH_X, /* another cost */
        "#" HASH_X,                      /* none */
        "#scrypt:00:" SALT_A ":" HASH_X,
        "#scrypt:21:" SALT_A ":" HASH_X,
        "#scrypt:1x:" SALT_A ":" HASH_X,
        "#scrypt:14:" SALT_A ":" HASH_X "0",
        "#scrypt:14-" SALT_A ":" HASH_X,
        "#scrypt:14:" SALT_A "-" HASH_X,
        "#scrypt:14:" SALT_A ":G" HASH_X,
        "#bcrypt:14:" SALT_A ":" HASH_X,
        "!scrypt:14:" SALT_B ":" HASH_P,
        "!" HASH_P,
    };
    struct user user;
    char reason[USER_REASON_MAX];
    struct buffer word = {0};
    (void)state;
    user_init(&user, "somebody");
    assert_int_equal(user_apply_rule(&user, slice_text("#scrypt:14:" SALT_A ":" HASH_P), reason),
                     STATUS_OK);
    assert_int_equal(user.cost, 14);
    assert_int_equal(user.salt[15], 15);
    user_write_password(user.cost, user.salt, user.passwords[0], &word);
    assert_true(slice_equal(buffer_slice(&word), slice_text("scrypt:14:" SALT_A ":" HASH_P)));
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(user_apply_rule(&user, slice_text(wrong[i]), reason), STATUS_INVALID);
        assert_int_equal(user.password_count, 1);
    }
    assert_int_equal(user_apply_rule(&user, slice_text("#scrypt:14:" SALT_A ":" HASH_X), reason),
                     STATUS_OK);
    assert_int_equal(user.password_count, 2);
    assert_int_equal(user_apply_rule(&user, slice_text("!scrypt:14:" SALT_A ":" HASH_P), reason),
                     STATUS_OK);
    assert_int_equal(user_apply_rule(&user, slice_text("!scrypt:14:" SALT_A ":" HASH_X), reason),
                     STATUS_OK);
    assert_int_equal(user.cost, 0);
    assert_int_equal(user_apply_rule(&user, slice_text("#scrypt:15:" SALT_B ":" HASH_P), reason),
                     STATUS_OK);
    assert_int_equal(user_apply_rule(&user, slice_text("resetpass"), reason), STATUS_OK);
    assert_int_equal(user.cost, 0);
    buffer_deinit(&word);
    user_deinit(&user);
}

static void a_salt_comes_back_or_is_refused(void **state)
{
    struct user_set set = {0}, back;
    struct user user;
    char reason[USER_REASON_MAX];
    struct buffer bytes = {0};
    (void)state;
    user_init(&user, "u");
    assert_int_equal(user_apply_rule(&user, slice_text("#scrypt:14:" SALT_A ":" HASH_P), reason),
                     STATUS_OK);
    user_set_put(&set, &user);
    user_set_encode(&set, &bytes);
    assert_int_equal(user_set_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_true(user_set_equal(&set, &back));
    assert_int_equal(back.items[0].cost, 14);
    assert_int_equal(back.items[0].salt[15], 15);
    user_set_deinit(&back);
    size_t cost_at = 1 + 2 + 1 + 1 + USER_HASH_BYTES;
    assert_int_equal(bytes.data[cost_at], 14);
    bytes.data[cost_at] = 0;
    assert_int_equal(user_set_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    bytes.data[cost_at] = USER_COST_MAX + 1;
    assert_int_equal(user_set_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_deinit(&bytes);
    user_set_deinit(&set);
}

static void a_user_has_bounds(void **state)
{
    struct user user;
    char rule[USER_WORDS_BYTES_MAX + 8], reason[USER_REASON_MAX];
    (void)state;
    user_init(&user, "somebody"); /* "-@all" is there */
    memset(rule, 'k', sizeof rule);
    rule[0] = '~';
    size_t most = USER_WORDS_BYTES_MAX - user_words_bytes(&user);
    assert_int_equal(user_apply_rule(&user, slice_make(rule, most + 1), reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "at most 2048 bytes"));
    assert_int_equal(user_apply_rule(&user, slice_make(rule, most), reason), STATUS_OK);
    assert_int_equal(user_words_bytes(&user), USER_WORDS_BYTES_MAX);
    for (unsigned i = 0; i <= USER_PASSWORDS_MAX; i++) {
        snprintf(rule, sizeof rule, "#%064x", i);
        assert_int_equal(user_apply_rule(&user, slice_text(rule), reason),
                         i < USER_PASSWORDS_MAX ? STATUS_OK : STATUS_INVALID);
    }
    user_deinit(&user);
    char name[USER_NAME_BYTES_MAX + 1];
    memset(name, 'n', sizeof name);
    assert_true(user_name_is_valid(slice_make(name, USER_NAME_BYTES_MAX)));
    assert_false(user_name_is_valid(slice_make(name, USER_NAME_BYTES_MAX + 1)));
    assert_false(user_name_is_valid(slice_make("", 0)));
    assert_false(user_name_is_valid(slice_text("a b")));
    assert_false(user_name_is_valid(slice_text("a\nb")));
    assert_false(user_name_is_valid(slice_make("a\0b", 3)));
}

/* ---- the register ---- */

static struct register_change set_user(const char *name, const char *rules)
{
    struct register_change change = {.kind = REGISTER_CHANGE_USER_SET};
    snprintf(change.user, sizeof change.user, "%s", name);
    change.words_length = (uint16_t)strlen(rules);
    memcpy(change.words, rules, change.words_length);
    return change;
}

static struct register_change drop_users(const char *names)
{
    struct register_change change = set_user("", names);
    change.kind = REGISTER_CHANGE_USER_DROP;
    return change;
}

static enum status apply(struct register_change change, struct register_value **value, char *reason)
{
    static uint64_t round; /* ids only have to differ */
    struct register_value *next;
    enum status status =
        register_change_apply(&change, (struct ballot){++round, 1, 1}, *value, &next, reason);
    if (status == STATUS_OK && next != NULL) {
        register_value_free(*value);
        *value = next;
    }
    return status;
}

static struct register_value *read_back(const struct register_value *value)
{
    struct buffer bytes = {0}, again = {0};
    struct register_value *read;
    register_value_encode(value, &bytes);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &read), STATUS_OK);
    register_value_encode(read, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    return read;
}

static void users_are_made_changed_and_dropped(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    struct buffer text = {0};
    (void)state;
    assert_int_equal(apply(set_user("bob", "on ~b* +get"), &value, reason), STATUS_OK);
    assert_int_equal(apply(set_user("alice", "on #" HASH_P " level:cl=ONE"), &value, reason),
                     STATUS_OK);
    assert_int_equal(apply(set_user("bob", "+set"), &value, reason), STATUS_OK);
    /* The user `default` begins as he is when nobody has changed him. */
    assert_int_equal(apply(set_user("default", "#" HASH_P), &value, reason), STATUS_OK);
    assert_int_equal(apply(set_user("bob", "+"), &value, reason), STATUS_INVALID);
    struct register_value *read = read_back(value);
    assert_int_equal(read->users.count, 3);
    assert_string_equal(text_of(user_set_find(&read->users, slice_text("bob")), &text),
                        "on 0 [~b*] [-@all +get +set] []");
    assert_string_equal(text_of(user_set_find(&read->users, slice_text("alice")), &text),
                        "on 1 [] [-@all] [cl=ONE]");
    assert_string_equal(text_of(user_set_find(&read->users, slice_text("default")), &text),
                        "on &* 1 [~*] [+@all] []");
    register_value_free(read);
    uint64_t seq = value->seq;
    assert_int_equal(apply(drop_users("carol dave"), &value, reason), STATUS_OK);
    assert_true(value->seq == seq); /* nobody was there */
    assert_int_equal(apply(drop_users("carol bob"), &value, reason), STATUS_OK);
    assert_null(user_set_find(&value->users, slice_text("bob")));
    assert_int_equal(value->users.count, 2);
    assert_int_equal(apply(drop_users("alice default"), &value, reason), STATUS_INVALID);
    assert_string_equal(reason, "The 'default' user cannot be removed");
    assert_int_equal(value->users.count, 2);
    buffer_deinit(&text);
    register_value_free(value);
    ring_free(ring);
}

static void there_are_so_many_users(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX], name[16];
    (void)state;
    for (unsigned i = 0; i < USERS_MAX; i++) {
        snprintf(name, sizeof name, "u%03u", i);
        assert_int_equal(apply(set_user(name, "on"), &value, reason), STATUS_OK);
    }
    assert_int_equal(apply(set_user("more", "on"), &value, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "256 users"));
    assert_int_equal(apply(set_user("u007", "nopass"), &value, reason), STATUS_OK);
    register_value_free(read_back(value));
    register_value_free(value);
    ring_free(ring);
}

/* ---- versions ---- */

static void seal(struct buffer *bytes)
{
    size_t body = bytes->length - 8;
    buffer_set_u64(bytes, body, register_value_digest(slice_make(bytes->data, body)));
}

static enum status decode(const struct buffer *bytes)
{
    struct register_value *value;
    enum status status = register_value_decode(buffer_slice(bytes), &value);
    if (status == STATUS_OK)
        register_value_free(value);
    return status;
}

/* A member of an earlier version goes on until there is a user. */
static void a_value_without_users_is_one_of_the_first_version(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    struct buffer bytes = {0};
    char reason[REGISTER_REASON_MAX];
    (void)state;
    register_value_encode(value, &bytes);
    assert_int_equal(bytes.data[0], 1);
    bytes.data[0] = 2; /* which has sections */
    seal(&bytes);
    assert_int_equal(decode(&bytes), STATUS_CORRUPT);
    buffer_clear(&bytes);
    assert_int_equal(apply(set_user("bob", "on"), &value, reason), STATUS_OK);
    register_value_encode(value, &bytes);
    assert_int_equal(bytes.data[0], 2);
    bytes.data[0] = 1;
    seal(&bytes);
    assert_int_equal(decode(&bytes), STATUS_CORRUPT);
    buffer_deinit(&bytes);
    register_value_free(value);
    ring_free(ring);
}

/* It is whole, so the store is not damaged: this program is too old for it. */
static void a_value_of_a_later_version_is_told_from_a_damaged_one(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    struct buffer bytes = {0}, more = {0};
    char reason[REGISTER_REASON_MAX];
    (void)state;
    assert_int_equal(apply(set_user("bob", "on"), &value, reason), STATUS_OK);
    register_value_encode(value, &bytes);
    buffer_append(&more, bytes.data, bytes.length - 8);
    buffer_put_u8(&more, 200); /* a section of which nothing is known */
    buffer_put_bytes(&more, slice_text("what"));
    buffer_put_u64(&more, 0);
    seal(&more);
    assert_int_equal(decode(&more), STATUS_UNSUPPORTED);
    bytes.data[0] = 9;
    assert_int_equal(decode(&bytes), STATUS_CORRUPT);
    seal(&bytes);
    assert_int_equal(decode(&bytes), STATUS_UNSUPPORTED);
    buffer_deinit(&bytes);
    buffer_deinit(&more);
    register_value_free(value);
    ring_free(ring);
}

/* ---- chance ---- */

static void random_rules(struct random *random, struct buffer *out)
{
    static const char *const parts[] = {
        "on",  "off",  "nopass",    "reset", "+",   "-",      "@all", "get",    "|",
        "~",   "%",    "R",         "W",     "*",   "&",      "(",    "level:", "cl=",
        "ONE", "=",    "resetkeys", "@r",    "set", "#",      "!",    "a",      " ",
        " ",   HASH_P, HASH_X,      " ",     "x",   "default"};
    uint64_t count = 1 + random_below(random, 12);
    buffer_clear(out);
    for (uint64_t i = 0; i < count; i++)
        buffer_append_slice(
            out, slice_text(parts[random_below(random, sizeof parts / sizeof parts[0])]));
    if (random_chance(random, 1, 8))
        buffer_put_u8(out, (uint8_t)random_below(random, 256));
}

/* Whatever the rules, what was made of them can be read back, and is what it was. */
static void users_of_any_rules_can_be_read_back(void **state)
{
    struct random random = random_make(7);
    struct user_set set = {0};
    struct buffer rules = {0};
    unsigned taken = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct user user;
        char name[4] = {'u', (char)('0' + random_below(&random, 4)), 0}, reason[USER_REASON_MAX];
        const struct user *old = user_set_find(&set, slice_text(name));
        if (old != NULL)
            user_copy(old, &user);
        else
            user_init(&user, name);
        random_rules(&random, &rules);
        enum status status = user_apply_rules(&user, buffer_slice(&rules), reason);
        taken += status == STATUS_OK;
        user_set_put(&set, &user);
        struct buffer bytes = {0};
        struct user_set read;
        user_set_encode(&set, &bytes);
        assert_int_equal(user_set_decode(buffer_slice(&bytes), &read), STATUS_OK);
        assert_true(user_set_equal(&set, &read));
        user_set_deinit(&read);
        buffer_deinit(&bytes);
    }
    assert_true(taken > 1000 && taken < 19000);
    user_set_deinit(&set);
    buffer_deinit(&rules);
}

static void damaged_users_are_refused_or_equal(void **state)
{
    struct random random = random_make(9);
    struct user_set set = {0}, read;
    struct user user;
    char reason[USER_REASON_MAX];
    struct buffer bytes = {0}, again = {0};
    unsigned refused = 0;
    (void)state;
    user_init(&user, "alice");
    assert_int_equal(
        user_apply_rules(&user, slice_text("on #" HASH_P " ~a +@read level:cl=ONE"), reason),
        STATUS_OK);
    user_set_put(&set, &user);
    user_init(&user, "bob");
    user_set_put(&set, &user);
    for (unsigned i = 0; i < 20000; i++) {
        buffer_clear(&bytes);
        buffer_clear(&again);
        user_set_encode(&set, &bytes);
        bytes.data[random_below(&random, bytes.length)] ^=
            (uint8_t)(1 + random_below(&random, 255));
        if (random_chance(&random, 1, 4))
            bytes.length = random_below(&random, bytes.length);
        if (user_set_decode(buffer_slice(&bytes), &read) != STATUS_OK) {
            refused++;
            continue;
        }
        user_set_encode(&read, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        user_set_deinit(&read);
    }
    assert_true(refused > 5000);
    user_set_deinit(&set);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_what_a_user_may_do),
        cmocka_unit_test(a_wrong_rule_changes_nothing),
        cmocka_unit_test(a_user_has_one_salt),
        cmocka_unit_test(a_salt_comes_back_or_is_refused),
        cmocka_unit_test(a_user_has_bounds),
        cmocka_unit_test(users_are_made_changed_and_dropped),
        cmocka_unit_test(there_are_so_many_users),
        cmocka_unit_test(a_value_without_users_is_one_of_the_first_version),
        cmocka_unit_test(a_value_of_a_later_version_is_told_from_a_damaged_one),
        cmocka_unit_test(users_of_any_rules_can_be_read_back),
        cmocka_unit_test(damaged_users_are_refused_or_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
