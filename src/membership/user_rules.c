#include "membership/user_rules.h"

#include <stdio.h>
#include <string.h>

#define SYNTAX_ERROR "Syntax error"

static bool is_word(struct slice slice, const char *word)
{
    size_t i = 0;
    for (; i < slice.length && word[i] != '\0'; i++) {
        uint8_t byte = slice.data[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte + 32);
        if (byte != (uint8_t)word[i])
            return false;
    }
    return i == slice.length && word[i] == '\0';
}

static void set_words(struct buffer *words, const char *text)
{
    buffer_clear(words);
    buffer_append_slice(words, slice_text(text));
}

static void add_word(struct buffer *words, struct slice word)
{
    if (words->length > 0)
        buffer_put_u8(words, ' ');
    buffer_append_slice(words, word);
}

/* Leave out the words that `matches`. */
static void remove_words(struct buffer *words, bool (*matches)(struct slice, struct slice),
                         struct slice with)
{
    struct buffer kept = {0};
    struct slice word;
    for (size_t at = 0; user_next_word(buffer_slice(words), &at, &word);)
        if (!matches(word, with))
            add_word(&kept, word);
    buffer_deinit(words);
    *words = kept;
}

/* ---- passwords ---- */

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool read_hex(struct slice text, uint8_t *out, size_t length)
{
    if (text.length != 2 * length)
        return false;
    for (size_t i = 0; i < length; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool user_read_digest(struct slice text, uint8_t out[USER_HASH_BYTES])
{
    return read_hex(text, out, USER_HASH_BYTES);
}

/* One password in the form of a rule. */
struct kept_password {
    uint8_t cost; /* 0: without salt */
    uint8_t salt[USER_SALT_BYTES];
    uint8_t hash[USER_HASH_BYTES];
};

static void write_hex(const uint8_t *bytes, size_t length, struct buffer *out)
{
    for (size_t i = 0; i < length; i++)
        buffer_printf(out, "%02x", bytes[i]);
}

#define SALTED "scrypt:"

void user_write_password(uint8_t cost, const uint8_t salt[USER_SALT_BYTES],
                         const uint8_t hash[USER_HASH_BYTES], struct buffer *out)
{
    buffer_printf(out, SALTED "%02u:", cost);
    write_hex(salt, USER_SALT_BYTES, out);
    buffer_put_u8(out, ':');
    write_hex(hash, USER_HASH_BYTES, out);
}

/* "scrypt:14:SALT:HASH", always as long as that, or a digest alone. */
static bool read_password(struct slice text, struct kept_password *out)
{
    enum {
        COST_AT = sizeof SALTED - 1,
        SALT_AT = COST_AT + 3,
        HASH_AT = SALT_AT + 2 * USER_SALT_BYTES + 1,
        LENGTH = HASH_AT + 2 * USER_HASH_BYTES
    };
    *out = (struct kept_password){0};
    if (text.length != LENGTH || memcmp(text.data, SALTED, COST_AT) != 0)
        return user_read_digest(text, out->hash);
    unsigned tens = text.data[COST_AT] - (unsigned)'0',
             ones = text.data[COST_AT + 1] - (unsigned)'0';
    if (tens > 9 || ones > 9 || text.data[SALT_AT - 1] != ':' || text.data[HASH_AT - 1] != ':')
        return false;
    out->cost = (uint8_t)(10 * tens + ones);
    return out->cost >= USER_COST_MIN && out->cost <= USER_COST_MAX &&
           read_hex(slice_make(text.data + SALT_AT, (size_t)2 * USER_SALT_BYTES), out->salt,
                    USER_SALT_BYTES) &&
           user_read_digest(slice_make(text.data + HASH_AT, (size_t)2 * USER_HASH_BYTES),
                            out->hash);
}

#define NO_PASSWORD                                                                                \
    "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "      \
    "characters"

static bool has_salt_of(const struct user *user, const struct kept_password *password)
{
    return user->cost == password->cost &&
           memcmp(user->salt, password->salt, sizeof user->salt) == 0;
}

static int find_password(const struct user *user, const struct kept_password *password)
{
    for (int i = 0; i < user->password_count && has_salt_of(user, password); i++)
        if (memcmp(user->passwords[i], password->hash, USER_HASH_BYTES) == 0)
            return i;
    return -1;
}

static void forget_salt(struct user *user)
{
    user->cost = 0;
    memset(user->salt, 0, sizeof user->salt);
}

static const char *add_password(struct user *user, struct slice text)
{
    struct kept_password password;
    if (!read_password(text, &password))
        return NO_PASSWORD;
    if (user->password_count > 0 && !has_salt_of(user, &password))
        return "the user's passwords have another salt, or none: give the password itself, or "
               "resetpass before";
    if (find_password(user, &password) < 0) {
        if (user->password_count == USER_PASSWORDS_MAX)
            return "a user has at most 8 passwords";
        user->cost = password.cost;
        memcpy(user->salt, password.salt, sizeof user->salt);
        memcpy(user->passwords[user->password_count++], password.hash, USER_HASH_BYTES);
    }
    user->flags &= (uint8_t)~USER_NOPASS;
    return NULL;
}

static const char *remove_password(struct user *user, struct slice text)
{
    struct kept_password password;
    if (!read_password(text, &password))
        return NO_PASSWORD;
    int at = find_password(user, &password);
    if (at < 0)
        return "The password you are trying to remove from the user does not exist";
    user->password_count--;
    memmove(user->passwords[at], user->passwords[at + 1],
            (size_t)(user->password_count - at) * USER_HASH_BYTES);
    memset(user->passwords[user->password_count], 0, USER_HASH_BYTES);
    if (user->password_count == 0)
        forget_salt(user);
    return NULL;
}

static void forget_passwords(struct user *user)
{
    memset(user->passwords, 0, sizeof user->passwords);
    user->password_count = 0;
    forget_salt(user);
}

/* ---- commands ---- */

/*
 * Whether the word, with + or - before it, says something of this command, or of a subcommand of
 * it.
 */
static bool is_about_command(struct slice word, struct slice name)
{
    return word.length > name.length && memcmp(word.data + 1, name.data, name.length) == 0 &&
           (word.length == name.length + 1 || word.data[name.length + 1] == '|');
}

static const char *change_commands(struct user *user, struct slice rule)
{
    char lower[USER_WORDS_BYTES_MAX];
    if (rule.length < 2 || rule.length > sizeof lower)
        return SYNTAX_ERROR;
    for (size_t i = 0; i < rule.length; i++)
        lower[i] =
            (char)(rule.data[i] >= 'A' && rule.data[i] <= 'Z' ? rule.data[i] + 32 : rule.data[i]);
    struct slice word = slice_make(lower, rule.length);
    if (is_word(word, "+@all") || is_word(word, "-@all")) {
        buffer_clear(&user->commands);
    } else {
        /* The first word, which says +@all or -@all, is about no command and stays. */
        remove_words(&user->commands, is_about_command, slice_make(lower + 1, rule.length - 1));
    }
    add_word(&user->commands, word);
    return NULL;
}

/* ---- keys ---- */

enum { KEY_READ_RIGHT = 1, KEY_WRITE_RIGHT = 2 };

/* The rights before the '~', and what stands behind it; 0: that is no pattern. */
static unsigned pattern_rights(struct slice rule, struct slice *pattern)
{
    size_t at = 0;
    unsigned rights = 0;
    if (rule.length > 0 && rule.data[0] == '%') {
        for (at = 1; at < rule.length && rule.data[at] != '~'; at++) {
            if (rule.data[at] == 'R' || rule.data[at] == 'r')
                rights |= KEY_READ_RIGHT;
            else if (rule.data[at] == 'W' || rule.data[at] == 'w')
                rights |= KEY_WRITE_RIGHT;
            else
                return 0;
        }
    } else {
        rights = KEY_READ_RIGHT | KEY_WRITE_RIGHT;
    }
    if (at >= rule.length || rule.data[at] != '~')
        return 0;
    *pattern = slice_make(rule.data + at + 1, rule.length - at - 1);
    return rights;
}

static bool has_pattern(struct slice word, struct slice pattern)
{
    struct slice own;
    return pattern_rights(word, &own) != 0 && slice_equal(own, pattern);
}

static const char *add_keys(struct user *user, struct slice rule)
{
    struct slice pattern, word, own;
    unsigned rights = pattern_rights(rule, &pattern);
    if (rights == 0)
        return SYNTAX_ERROR;
    bool all = rights == (KEY_READ_RIGHT | KEY_WRITE_RIGHT) && rule.data[0] == '~' &&
               slice_equal(pattern, slice_text("*"));
    if (all) {
        set_words(&user->keys, "~*");
        return NULL;
    }
    if (slice_equal(buffer_slice(&user->keys), slice_text("~*")))
        return "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and "
               "does not have any effect. Try 'resetkeys' to start with an empty list of patterns";
    for (size_t at = 0; user_next_word(buffer_slice(&user->keys), &at, &word);)
        if (has_pattern(word, pattern))
            rights |= pattern_rights(word, &own);
    remove_words(&user->keys, has_pattern, pattern);
    struct buffer made = {0};
    buffer_printf(&made, "%s~",
                  rights == KEY_READ_RIGHT                ? "%R"
                  : rights == KEY_WRITE_RIGHT             ? "%W"
                  : slice_equal(pattern, slice_text("*")) ? "%RW" /* "~*" would say more: allkeys */
                                                          : "");
    buffer_append_slice(&made, pattern);
    add_word(&user->keys, buffer_slice(&made));
    buffer_deinit(&made);
    return NULL;
}

/* ---- levels ---- */

/* Whether both are NAME=..., whatever the case. */
static bool has_option_name(struct slice word, struct slice option)
{
    const uint8_t *equals = memchr(word.data, '=', word.length);
    size_t length = (size_t)(equals - word.data);
    if (option.length <= length || option.data[length] != '=')
        return false;
    for (size_t i = 0; i < length; i++)
        if ((word.data[i] | 0x20) != (option.data[i] | 0x20))
            return false;
    return true;
}

static const char *set_option(struct user *user, struct slice option)
{
    const uint8_t *equals = option.length == 0 ? NULL : memchr(option.data, '=', option.length);
    if (equals == NULL || equals == option.data)
        return "a level is given as level:NAME=VALUE, with the options of RING.SESSION";
    size_t name = (size_t)(equals - option.data);
    remove_words(&user->options, has_option_name, option);
    if (!is_word(slice_make(equals + 1, option.length - name - 1), "default"))
        add_word(&user->options, option);
    return NULL;
}

/* ---- rules ---- */

static void reset(struct user *user)
{
    char name[sizeof user->name];
    memcpy(name, user->name, sizeof name);
    user_deinit(user);
    user_init(user, name);
}

/* Those of one word; false: it is none of them. */
static bool apply_plain(struct user *user, struct slice rule)
{
    if (is_word(rule, "on")) {
        user->flags |= USER_ON;
    } else if (is_word(rule, "off")) {
        user->flags &= (uint8_t)~USER_ON;
    } else if (is_word(rule, "nopass")) {
        user->flags |= USER_NOPASS;
        forget_passwords(user);
    } else if (is_word(rule, "resetpass")) {
        user->flags &= (uint8_t)~USER_NOPASS;
        forget_passwords(user);
    } else if (is_word(rule, "allcommands")) {
        set_words(&user->commands, "+@all");
    } else if (is_word(rule, "nocommands")) {
        set_words(&user->commands, "-@all");
    } else if (is_word(rule, "allkeys")) {
        set_words(&user->keys, "~*");
    } else if (is_word(rule, "resetkeys")) {
        buffer_clear(&user->keys);
    } else if (is_word(rule, "allchannels") || is_word(rule, "&*")) {
        user->flags |= USER_ALL_CHANNELS;
    } else if (is_word(rule, "resetchannels")) {
        user->flags &= (uint8_t)~USER_ALL_CHANNELS;
    } else if (is_word(rule, "resetlevel")) {
        buffer_clear(&user->options);
    } else if (is_word(rule, "reset")) {
        reset(user);
    } else {
        /* What Redis does by default, and what there is nothing of here. */
        return is_word(rule, "sanitize-payload") || is_word(rule, "clearselectors");
    }
    return true;
}

static const char *apply(struct user *user, struct slice rule)
{
    static const char level[] = "level:";
    if (rule.length == 0 || memchr(rule.data, ' ', rule.length) != NULL ||
        memchr(rule.data, 0, rule.length) != NULL)
        return SYNTAX_ERROR;
    if (apply_plain(user, rule))
        return NULL;
    struct slice rest = slice_make(rule.data + 1, rule.length - 1);
    switch (rule.data[0]) {
    case '#':
        return add_password(user, rest);
    case '!':
        return remove_password(user, rest);
    case '+':
    case '-':
        return change_commands(user, rule);
    case '~':
    case '%':
        return add_keys(user, rule);
    case '&':
        return "patterns of channels are not offered: a user has allchannels or resetchannels";
    case '(':
        return "selectors are not offered yet: give the rules to the user itself";
    default:
        break;
    }
    size_t length = sizeof level - 1;
    if (rule.length > length && is_word(slice_make(rule.data, length), level))
        return set_option(user, slice_make(rule.data + length, rule.length - length));
    return SYNTAX_ERROR;
}

enum status user_apply_rule(struct user *user, struct slice rule, char reason[USER_REASON_MAX])
{
    struct user changed;
    user_copy(user, &changed);
    const char *wrong = apply(&changed, rule);
    if (wrong == NULL && user_words_bytes(&changed) > USER_WORDS_BYTES_MAX)
        wrong = "the rules of a user have at most 2048 bytes";
    if (wrong != NULL) {
        snprintf(reason, USER_REASON_MAX, "%s", wrong);
        user_deinit(&changed);
        return STATUS_INVALID;
    }
    user_deinit(user);
    *user = changed;
    return STATUS_OK;
}

enum status user_apply_rules(struct user *user, struct slice rules, char reason[USER_REASON_MAX])
{
    struct user changed;
    struct slice rule;
    user_copy(user, &changed);
    for (size_t at = 0; user_next_word(rules, &at, &rule);) {
        char why[USER_REASON_MAX];
        if (user_apply_rule(&changed, rule, why) == STATUS_OK)
            continue;
        int shown = rule.length > 32 ? 32 : (int)rule.length;
        snprintf(reason, USER_REASON_MAX, "Error in ACL SETUSER modifier '%.*s': %.173s", shown,
                 (const char *)rule.data, why);
        user_deinit(&changed);
        return STATUS_INVALID;
    }
    user_deinit(user);
    *user = changed;
    return STATUS_OK;
}
