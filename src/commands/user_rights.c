#include "commands/user_rights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/arguments.h"
#include "commands/options.h"

/* Of Redis, and of no command here; rules that are written for Redis name them. */
static const char *const empty_categories[] = {"list", "stream", "transaction", "scripting"};

static struct slice rest_of(struct slice word, size_t from)
{
    return slice_make(word.data + from, word.length - from);
}

int64_t user_category(struct slice name)
{
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        if (slice_is_word(name, command_category_names[i]))
            return (int64_t)1 << i;
    for (size_t i = 0; i < sizeof empty_categories / sizeof empty_categories[0]; i++)
        if (slice_is_word(name, empty_categories[i]))
            return 0;
    return -1;
}

/* ---- commands ---- */

static uint32_t bit_of(const struct command *row, const struct command *command)
{
    if (row == command)
        return 1;
    ptrdiff_t index = command - row->subcommands;
    assert(index >= 0 && index < USER_SUBCOMMANDS_MAX);
    return (uint32_t)1 << (1 + index);
}

static void give(uint32_t *bits, uint32_t which, bool allowed)
{
    if (allowed)
        *bits |= which;
    else
        *bits &= ~which;
}

static void give_category(struct user_rights *rights, uint32_t category, bool allowed)
{
    for (uint32_t number = 0; number < COMMAND_COUNT; number++) {
        const struct command *row = command_at(number), *inner = row->subcommands;
        if (command_categories(row) & category)
            give(&rights->commands[number], 1, allowed);
        for (; inner != NULL && inner->name != NULL; inner++)
            if (command_categories(inner) & category)
                give(&rights->commands[number], bit_of(row, inner), allowed);
    }
}

/* Of "name" or "name|sub", behind the + or -. NULL: there is none. */
static const struct command *find(struct slice name, uint32_t *number)
{
    const struct command *command = command_find_full(name);
    if (command != NULL)
        *number = (uint32_t)command_find(
            slice_text(command->container != NULL ? command->container : command->name));
    return command;
}

/* false: the word names what is not there. */
static bool give_word(struct user_rights *rights, struct slice word)
{
    bool allowed = word.data[0] == '+';
    struct slice name = rest_of(word, 1);
    uint32_t number = 0;
    if (slice_is_word(name, "@all")) {
        memset(rights->commands, allowed ? 0xff : 0, sizeof rights->commands);
        return true;
    }
    if (name.length > 0 && name.data[0] == '@') {
        int64_t category = user_category(rest_of(name, 1));
        if (category > 0)
            give_category(rights, (uint32_t)category, allowed);
        return category >= 0;
    }
    const struct command *command = find(name, &number);
    if (command == NULL)
        return false;
    bool whole = command == command_at(number); /* with all its subcommands */
    give(&rights->commands[number], whole ? UINT32_MAX : bit_of(command_at(number), command),
         allowed);
    return true;
}

bool user_rule_is_known(struct slice rule)
{
    uint32_t number;
    if (rule.length < 2)
        return false;
    struct slice name = rest_of(rule, 1);
    if (name.data[0] == '@')
        return slice_is_word(name, "@all") || user_category(rest_of(name, 1)) >= 0;
    return find(name, &number) != NULL;
}

bool user_may_run(const struct user_rights *rights, uint32_t number, const struct command *command)
{
    if (rights->all_commands || (command->flags & COMMAND_NO_AUTH) != 0)
        return true;
    return (rights->commands[number] & bit_of(command_at(number), command)) != 0;
}

/* ---- keys ---- */

/* Whether a word of user.keys gives these rights (KEY_FLAG_*, as in its row) on the key. */
static bool pattern_allows(struct slice word, uint32_t flags, struct slice key)
{
    const uint8_t *tilde = memchr(word.data, '~', word.length);
    assert(tilde != NULL);
    size_t length = (size_t)(tilde - word.data);
    bool reads = length == 0 || memchr(word.data, 'R', length) != NULL;
    bool writes = length == 0 || memchr(word.data, 'W', length) != NULL;
    if ((flags & KEY_FLAG_ACCESS) != 0 && !reads)
        return false;
    if ((flags & (KEY_FLAG_INSERT | KEY_FLAG_DELETE | KEY_FLAG_UPDATE)) != 0 && !writes)
        return false;
    return glob_matches(rest_of(word, length + 1), key, false);
}

static bool may_use_key(const struct user_rights *rights, uint32_t flags, struct slice key)
{
    struct slice word;
    for (size_t at = 0; user_next_word(buffer_slice(&rights->user.keys), &at, &word);)
        if (pattern_allows(word, flags, key))
            return true;
    return false;
}

const struct slice *user_denied_key(const struct user_rights *rights, const struct command *command,
                                    const struct slice *arguments, uint32_t argument_count)
{
    struct key_walk walk = key_walk_make(command, arguments, argument_count);
    if (rights->all_keys)
        return NULL;
    while (key_walk_next(&walk))
        if (!may_use_key(rights, key_walk_flags(&walk, arguments), arguments[walk.position]))
            return &arguments[walk.position];
    return NULL;
}

/* ---- making ---- */

static bool take_commands(struct user_rights *rights)
{
    struct slice word;
    for (size_t at = 0; user_next_word(buffer_slice(&rights->user.commands), &at, &word);)
        if (!give_word(rights, word))
            return false;
    rights->all_commands = slice_equal(buffer_slice(&rights->user.commands), slice_text("+@all"));
    return true;
}

static bool take_keys(struct user_rights *rights)
{
    struct slice word;
    for (size_t at = 0; user_next_word(buffer_slice(&rights->user.keys), &at, &word);)
        if (memchr(word.data, '~', word.length) == NULL)
            return false;
    rights->all_keys = slice_equal(buffer_slice(&rights->user.keys), slice_text("~*"));
    return true;
}

static bool take_options(struct user_rights *rights, const struct ring *ring)
{
    struct slice word;
    for (size_t at = 0; user_next_word(buffer_slice(&rights->user.options), &at, &word);) {
        struct buffer reason = {0};
        bool taken =
            option_is(word) && option_parse(word, ring, &rights->options, &reason) == STATUS_OK;
        buffer_deinit(&reason);
        if (!taken)
            return false;
        rights->has_options = true;
    }
    return true;
}

struct user_rights *user_rights_new(const struct user *user, const struct ring *ring)
{
    struct user_rights *rights = memory_new(1, sizeof *rights);
    user_copy(user, &rights->user);
    rights->understood = take_commands(rights) && take_keys(rights) && take_options(rights, ring);
    if (!rights->understood) {
        rights->all_commands = rights->all_keys = false;
        memset(rights->commands, 0, sizeof rights->commands);
    }
    return rights;
}

void user_rights_free(struct user_rights *rights)
{
    if (rights == NULL)
        return;
    user_deinit(&rights->user);
    free(rights);
}
