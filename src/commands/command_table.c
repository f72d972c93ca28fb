#include "commands/command_table.h"

#include <string.h>

#include "commands/arguments.h"

const char *const command_flag_names[COMMAND_FLAG_COUNT] = {
    "write",   "readonly", "denyoom", "admin",   "pubsub",           "noscript",    "blocking",
    "loading", "stale",    "fast",    "no_auth", "no_async_loading", "movablekeys", "allow_busy"};

const char *const command_category_names[CATEGORY_COUNT] = {
    "keyspace", "read",   "write",       "set",       "sortedset", "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "pubsub",    "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection"};

const char *const key_flag_names[KEY_FLAG_COUNT] = {
    "RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "variable_flags"};

#define COMMAND_ROW(name) &command_##name,
static const struct command *const rows[COMMAND_COUNT] = {COMMANDS(COMMAND_ROW)};
#undef COMMAND_ROW

const struct command *command_at(uint32_t number)
{
    return rows[number];
}

/* <0, 0, >0 as `word` stands to the lower-case `name`, whatever the case of `word`. */
static int compare_word(struct slice word, const char *name)
{
    for (size_t i = 0; i < word.length; i++) {
        uint8_t byte = word.data[i];
        if (byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte + 32);
        if (byte != (uint8_t)name[i])
            return byte < (uint8_t)name[i] ? -1 : 1;
        if (name[i] == '\0')
            return 1; /* a NUL within the word */
    }
    return name[word.length] == '\0' ? 0 : -1;
}

int command_find(struct slice name)
{
    int low = 0, high = COMMAND_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order = compare_word(name, rows[middle]->name);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

int command_find_again(struct slice name, int guess)
{
    if (guess >= 0 && guess < COMMAND_COUNT && compare_word(name, rows[guess]->name) == 0)
        return guess;
    return command_find(name);
}

const struct command *command_find_subcommand(const struct command *command, struct slice name)
{
    const struct command *inner = command->subcommands;
    for (; inner != NULL && inner->name != NULL; inner++) {
        if (compare_word(name, inner->name) == 0)
            return inner;
    }
    return NULL;
}

const struct command *command_find_full(struct slice name)
{
    const uint8_t *bar = name.length == 0 ? NULL : memchr(name.data, '|', name.length);
    size_t first = bar == NULL ? name.length : (size_t)(bar - name.data);
    int number = command_find(slice_make(name.data, first));
    if (number < 0)
        return NULL;
    if (bar == NULL)
        return rows[number];
    return command_find_subcommand(rows[number], slice_make(bar + 1, name.length - first - 1));
}

bool command_arity_fits(const struct command *command, uint32_t argument_count)
{
    if (command->arity >= 0)
        return argument_count == (uint32_t)command->arity;
    return argument_count >= (uint32_t)-command->arity;
}

void command_full_name(const struct command *command, struct buffer *out)
{
    if (command->container != NULL)
        buffer_printf(out, "%s|%s", command->container, command->name);
    else
        buffer_printf(out, "%s", command->name);
}

uint32_t command_categories(const struct command *command)
{
    uint32_t categories = command->categories;
    if (command->flags & COMMAND_WRITE)
        categories |= CATEGORY_WRITE;
    if (command->flags & COMMAND_READONLY)
        categories |= CATEGORY_READ;
    if (command->flags & COMMAND_ADMIN)
        categories |= CATEGORY_ADMIN | CATEGORY_DANGEROUS;
    if (command->flags & COMMAND_BLOCKING)
        categories |= CATEGORY_BLOCKING;
    return categories | (command->flags & COMMAND_FAST ? CATEGORY_FAST : CATEGORY_SLOW);
}

bool command_has_keys(const struct command *command)
{
    return command->keys[0].flags != 0;
}

struct key_walk key_walk_make(const struct command *command, const struct slice *arguments,
                              uint32_t argument_count)
{
    return (struct key_walk){
        .command = command, .arguments = arguments, .argument_count = argument_count};
}

/* What is no number of keys will be refused, so nothing is a key. */
static uint32_t counted_end(const struct key_walk *walk, const struct key_spec *spec)
{
    int64_t count;
    if (walk->arguments == NULL)
        return walk->argument_count;
    if (spec->first >= walk->argument_count ||
        !parse_integer(walk->arguments[spec->first], &count) || count < 0 ||
        count >= walk->argument_count - spec->first)
        return 0;
    return spec->first + 1 + (uint32_t)count;
}

bool key_walk_next(struct key_walk *walk)
{
    for (; walk->spec < COMMAND_KEY_SPECS_MAX; walk->spec++, walk->started = false) {
        const struct key_spec *spec = &walk->command->keys[walk->spec];
        if (spec->flags == 0)
            return false;
        uint32_t end = spec->last < 0 ? walk->argument_count
                                      : (uint32_t)spec->first + (uint32_t)spec->last + 1;
        bool counted = (spec->flags & KEYS_COUNTED) != 0;
        if (counted)
            end = counted_end(walk, spec);
        walk->position =
            walk->started ? walk->position + spec->step : (uint32_t)spec->first + counted;
        walk->started = true;
        if (walk->position < end && walk->position < walk->argument_count)
            return true;
    }
    return false;
}

/* SET reads the key only with GET. */
static bool set_reads(const struct key_walk *walk, const struct slice *arguments)
{
    for (uint32_t i = 3; i < walk->argument_count; i++)
        if (slice_is_word(arguments[i], "get"))
            return true;
    return false;
}

/* BITFIELD writes but for GET alone. What is not understood will be refused, and may write. */
static bool bitfield_writes(const struct key_walk *walk, const struct slice *arguments)
{
    for (uint32_t i = 2; i < walk->argument_count; i++) {
        if (slice_is_word(arguments[i], "get"))
            i += 2;
        else if (slice_is_word(arguments[i], "overflow"))
            i += 1;
        else
            return true;
    }
    return false;
}

uint32_t key_walk_flags(const struct key_walk *walk, const struct slice *arguments)
{
    uint32_t flags = walk->command->keys[walk->spec].flags;
    if ((flags & KEY_FLAG_VARIABLE) == 0)
        return flags;
    if (walk->command == &command_bitfield && !bitfield_writes(walk, arguments))
        return KEY_FLAG_RO | KEY_FLAG_ACCESS;
    if (walk->command == &command_set && !set_reads(walk, arguments))
        return KEY_FLAG_OW | KEY_FLAG_UPDATE;
    return flags & ~(uint32_t)KEY_FLAG_VARIABLE;
}
