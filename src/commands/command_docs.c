/*
 * command_docs.c - COMMAND: the command table as clients read it.
 *
 * redis-cli takes its help and hints from DOCS, cluster clients take key positions
 * from INFO or ask GETKEYS; all of it comes from the rows.
 */
#include <assert.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_table.h"
#include "commands/help.h"
#include "commands/options.h"
#include "commands/syntax.h"

/* ---- COMMAND INFO ---- */

static void write_set(struct resp_writer writer, uint32_t bits, const char *const *names,
                      unsigned count, const char *prefix)
{
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += bits >> i & 1;
    resp_writer_set(writer, size);
    for (unsigned i = 0; i < count; i++) {
        char name[32] = "";
        if ((bits >> i & 1) == 0)
            continue;
        strncat(name, prefix, sizeof name - 1);
        strncat(name, names[i], sizeof name - 1 - strlen(name));
        resp_writer_simple(writer, slice_text(name));
    }
}

static void write_full_name(struct resp_writer writer, const struct command *command)
{
    struct buffer name = {0};
    command_full_name(command, &name);
    resp_writer_bulk(writer, buffer_slice(&name));
    buffer_deinit(&name);
}

static void write_tips(struct resp_writer writer, const char *tips)
{
    size_t count = tips != NULL;
    for (const char *at = tips; at != NULL && *at != '\0'; at++)
        count += *at == ' ';
    resp_writer_set(writer, count);
    while (tips != NULL && *tips != '\0') {
        size_t length = strcspn(tips, " ");
        resp_writer_bulk(writer, slice_make(tips, length));
        tips += length + (tips[length] == ' ');
    }
}

static void write_key_spec(struct resp_writer writer, const struct key_spec *spec)
{
    resp_writer_map(writer, 3);
    resp_writer_bulk(writer, slice_text("flags"));
    write_set(writer, spec->flags, key_flag_names, KEY_FLAG_COUNT, "");
    resp_writer_bulk(writer, slice_text("begin_search"));
    resp_writer_map(writer, 2);
    resp_writer_bulk(writer, slice_text("type"));
    resp_writer_bulk(writer, slice_text("index"));
    resp_writer_bulk(writer, slice_text("spec"));
    resp_writer_map(writer, 1);
    resp_writer_bulk(writer, slice_text("index"));
    resp_writer_integer(writer, spec->first);
    resp_writer_bulk(writer, slice_text("find_keys"));
    resp_writer_map(writer, 2);
    resp_writer_bulk(writer, slice_text("type"));
    if (spec->flags & KEYS_COUNTED) {
        resp_writer_bulk(writer, slice_text("keynum"));
        resp_writer_bulk(writer, slice_text("spec"));
        resp_writer_map(writer, 3);
        resp_writer_bulk(writer, slice_text("keynumidx"));
        resp_writer_integer(writer, 0);
        resp_writer_bulk(writer, slice_text("firstkey"));
        resp_writer_integer(writer, 1);
        resp_writer_bulk(writer, slice_text("keystep"));
        resp_writer_integer(writer, spec->step);
        return;
    }
    resp_writer_bulk(writer, slice_text("range"));
    resp_writer_bulk(writer, slice_text("spec"));
    resp_writer_map(writer, 3);
    resp_writer_bulk(writer, slice_text("lastkey"));
    resp_writer_integer(writer, spec->last);
    resp_writer_bulk(writer, slice_text("keystep"));
    resp_writer_integer(writer, spec->step);
    resp_writer_bulk(writer, slice_text("limit"));
    resp_writer_integer(writer, 0);
}

static unsigned key_spec_count(const struct command *command)
{
    unsigned count = 0;
    while (count < COMMAND_KEY_SPECS_MAX && command->keys[count].flags != 0)
        count++;
    return count;
}

static unsigned subcommand_count(const struct command *command)
{
    unsigned count = 0;
    while (command->subcommands != NULL && command->subcommands[count].name != NULL)
        count++;
    return count;
}

static void write_info(struct resp_writer writer, const struct command *command)
{
    unsigned specs = key_spec_count(command), inner = subcommand_count(command);
    int first = 0, last = 0, step = 0;
    if (specs > 0 && !(command->keys[0].flags & KEYS_COUNTED)) {
        const struct key_spec *end = &command->keys[specs - 1];
        first = command->keys[0].first;
        last = end->last < 0 ? end->last : end->first + end->last;
        step = command->keys[0].step;
    }
    resp_writer_array(writer, 10);
    write_full_name(writer, command);
    resp_writer_integer(writer, command->arity);
    write_set(writer, command->flags, command_flag_names, COMMAND_FLAG_COUNT, "");
    resp_writer_integer(writer, first);
    resp_writer_integer(writer, last);
    resp_writer_integer(writer, step);
    write_set(writer, command_categories(command), command_category_names, CATEGORY_COUNT, "@");
    write_tips(writer, command->tips);
    resp_writer_set(writer, specs);
    for (unsigned i = 0; i < specs; i++)
        write_key_spec(writer, &command->keys[i]);
    resp_writer_set(writer, inner);
    for (unsigned i = 0; i < inner; i++)
        write_info(writer, &command->subcommands[i]);
}

static void write_all(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, COMMAND_COUNT);
    for (uint32_t i = 0; i < COMMAND_COUNT; i++)
        write_info(writer, command_at(i));
    call_finish(call);
}

static void start_command(struct call *call)
{
    write_all(call);
}

static void start_info(struct call *call)
{
    if (call->argument_count == 2) {
        write_all(call);
        return;
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, call->argument_count - 2);
    for (uint32_t i = 2; i < call->argument_count; i++) {
        const struct command *command = command_find_full(call_argument(call, i));
        if (command != NULL)
            write_info(writer, command);
        else
            resp_writer_null(writer);
    }
    call_finish(call);
}

static void start_count(struct call *call)
{
    call_reply_integer(call, COMMAND_COUNT);
}

/* ---- COMMAND DOCS ---- */

static void write_pair(struct resp_writer writer, const char *name, struct slice value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, value);
}

/* Names are lower case in the documents, also those of tokens. */
static void write_lower(struct resp_writer writer, struct slice name)
{
    char lower[64];
    size_t length = name.length < sizeof lower ? name.length : sizeof lower;
    for (size_t i = 0; i < length; i++)
        lower[i] =
            (char)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32 : name.data[i]);
    resp_writer_bulk(writer, slice_make(lower, length));
}

static void write_arguments(struct resp_writer writer, const struct syntax *syntax, uint8_t first,
                            unsigned key_specs);

static void write_argument(struct resp_writer writer, const struct syntax *syntax, uint8_t at,
                           unsigned key_specs)
{
    const struct syntax_node *node = &syntax->nodes[at];
    bool second_key = slice_equal(node->name, slice_text("newkey")) ||
                      slice_equal(node->name, slice_text("destination"));
    bool is_key = node->type == SYNTAX_KEY && key_specs > 0;
    bool has_flags = node->optional || node->multiple;
    resp_writer_map(writer,
                    2u + is_key + (node->token.length > 0) + has_flags + (node->first_child != 0));
    resp_writer_bulk(writer, slice_text("name"));
    write_lower(writer, node->name);
    write_pair(writer, "type", slice_text(syntax_type_name(node->type)));
    if (is_key) {
        resp_writer_bulk(writer, slice_text("key_spec_index"));
        resp_writer_integer(writer, second_key && key_specs > 1 ? 1 : 0);
    }
    if (node->token.length > 0)
        write_pair(writer, "token", node->token);
    if (has_flags) {
        resp_writer_bulk(writer, slice_text("flags"));
        resp_writer_set(writer, (size_t)node->optional + node->multiple);
        if (node->optional)
            resp_writer_simple(writer, slice_text("optional"));
        if (node->multiple)
            resp_writer_simple(writer, slice_text("multiple"));
    }
    if (node->first_child != 0) {
        resp_writer_bulk(writer, slice_text("arguments"));
        write_arguments(writer, syntax, node->first_child, key_specs);
    }
}

static void write_arguments(struct resp_writer writer, const struct syntax *syntax, uint8_t first,
                            unsigned key_specs)
{
    size_t count = 0;
    for (uint8_t at = first; at != 0; at = syntax->nodes[at].next)
        count++;
    resp_writer_array(writer, count);
    for (uint8_t at = first; at != 0; at = syntax->nodes[at].next)
        write_argument(writer, syntax, at, key_specs);
}

static void write_docs(struct resp_writer writer, const struct command *command)
{
    struct syntax syntax;
    enum status status = syntax_parse(command->syntax, &syntax);
    unsigned inner = subcommand_count(command);
    assert(status == STATUS_OK);
    uint8_t arguments = syntax.nodes[0].first_child;
    resp_writer_map(writer, 4u + (arguments != 0) + (inner > 0));
    write_pair(writer, "summary", slice_text(command->summary));
    write_pair(writer, "since", slice_text(command->since));
    write_pair(writer, "group", slice_text(command->group));
    write_pair(writer, "complexity", slice_text(command->complexity));
    if (arguments != 0) {
        resp_writer_bulk(writer, slice_text("arguments"));
        write_arguments(writer, &syntax, arguments, key_spec_count(command));
    }
    if (inner == 0)
        return;
    resp_writer_bulk(writer, slice_text("subcommands"));
    resp_writer_map(writer, inner);
    for (unsigned i = 0; i < inner; i++) {
        write_full_name(writer, &command->subcommands[i]);
        write_docs(writer, &command->subcommands[i]);
    }
}

static void start_docs(struct call *call)
{
    uint32_t count = 0;
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    for (uint32_t i = 0; i < COMMAND_COUNT && call->argument_count == 2; i++, count++) {
        write_full_name(body, command_at(i));
        write_docs(body, command_at(i));
    }
    for (uint32_t i = 2; i < call->argument_count; i++) {
        const struct command *command = command_find_full(call_argument(call, i));
        if (command == NULL)
            continue; /* left out, as by Redis */
        write_full_name(body, command);
        write_docs(body, command);
        count++;
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

/* ---- COMMAND LIST ---- */

struct list_filter {
    enum { LIST_ALL, LIST_NONE, LIST_CATEGORY, LIST_PATTERN } by;
    struct slice word;
};

static bool in_category(const struct command *command, struct slice word)
{
    uint32_t categories = command_categories(command);
    for (unsigned i = 0; i < CATEGORY_COUNT; i++) {
        if ((categories >> i & 1) && slice_is_word(word, command_category_names[i]))
            return true;
    }
    return false;
}

static void list_one(const struct command *command, const struct list_filter *filter,
                     struct resp_writer writer, uint32_t *count)
{
    struct buffer name = {0};
    command_full_name(command, &name);
    if (filter->by == LIST_ALL ||
        (filter->by == LIST_CATEGORY && in_category(command, filter->word)) ||
        (filter->by == LIST_PATTERN && glob_matches(filter->word, buffer_slice(&name), true))) {
        resp_writer_bulk(writer, buffer_slice(&name));
        (*count)++;
    }
    buffer_deinit(&name);
}

static void start_list(struct call *call)
{
    struct list_filter filter = {.by = LIST_ALL};
    uint32_t count = 0;
    if (call->argument_count == 5 && call_argument_is(call, 2, "filterby")) {
        filter.word = call_argument(call, 4);
        if (call_argument_is(call, 3, "module"))
            filter.by = LIST_NONE;
        else if (call_argument_is(call, 3, "aclcat"))
            filter.by = LIST_CATEGORY;
        else if (call_argument_is(call, 3, "pattern"))
            filter.by = LIST_PATTERN;
    }
    if (call->argument_count != 2 && filter.by == LIST_ALL) {
        call_reply_syntax_error(call);
        return;
    }
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *command = command_at(i);
        list_one(command, &filter, body, &count);
        for (unsigned k = 0; k < subcommand_count(command); k++)
            list_one(&command->subcommands[k], &filter, body, &count);
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

/* ---- COMMAND GETKEYS ---- */

/* The row of the request that begins at `*at`, behind WITH and its options. */
static const struct command *inner_command(const struct call *call, uint32_t *at)
{
    if (call_argument_is(call, *at, "with")) {
        ++*at;
        while (*at < call->argument_count && option_is(call_argument(call, *at)))
            ++*at;
        if (*at == call->argument_count)
            return NULL;
    }
    int number = command_find(call_argument(call, *at));
    if (number < 0)
        return NULL;
    const struct command *command = command_at((uint32_t)number);
    if (command->subcommands != NULL && *at + 1 < call->argument_count)
        command = command_find_subcommand(command, call_argument(call, *at + 1));
    return command;
}

static void write_keys(struct call *call, bool with_flags)
{
    uint32_t at = 2, count = 0;
    const struct command *command = inner_command(call, &at);
    if (command == NULL) {
        call_reply_error(call, "ERR Invalid command specified");
        return;
    }
    if (!command_has_keys(command)) {
        call_reply_error(call, "ERR The command has no key arguments");
        return;
    }
    if (!command_arity_fits(command, call->argument_count - at)) {
        call_reply_error(call, "ERR Invalid number of arguments specified for command");
        return;
    }
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    struct key_walk walk = key_walk_make(command, call->arguments + at, call->argument_count - at);
    for (; key_walk_next(&walk); count++) {
        if (with_flags)
            resp_writer_array(body, 2);
        resp_writer_bulk(body, call_argument(call, at + walk.position));
        if (with_flags)
            write_set(body, key_walk_flags(&walk, call->arguments + at), key_flag_names,
                      KEY_FLAG_COUNT, "");
    }
    if (count == 0) { /* they are counted, and the number is none */
        call_reply_error(call, "ERR Invalid arguments specified for command");
        return;
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_getkeys(struct call *call)
{
    write_keys(call, false);
}

static void start_getkeysandflags(struct call *call)
{
    write_keys(call, true);
}

/* ---- rows ---- */

#define COMMAND_SUB_ROW(word, version, count, arguments, tip, what)                                \
    {                                                                                              \
        .name = #word, .container = "command", .group = "server", .since = version,                \
        .summary = what, .complexity = "O(N) in the number of commands.", .syntax = arguments,     \
        .tips = tip, .arity = count, .flags = COMMAND_LOADING | COMMAND_STALE,                     \
        .categories = CATEGORY_CONNECTION, .start = start_##word,                                  \
    }

static const struct command command_subcommands[] = {
    COMMAND_SUB_ROW(count, "2.8.13", 2, "", NULL, "How many commands there are."),
    COMMAND_SUB_ROW(docs, "7.0.0", -2, "[command-name [command-name ...]]",
                    "nondeterministic_output_order", "What commands do and take."),
    COMMAND_SUB_ROW(getkeys, "2.8.13", -4, "command [arg ...]", NULL, "The keys of a request."),
    COMMAND_SUB_ROW(getkeysandflags, "7.0.0", -4, "command [arg ...]", NULL,
                    "The keys of a request, and what is done to each."),
    HELP_ROW("command", "5.0.0", CATEGORY_CONNECTION),
    COMMAND_SUB_ROW(info, "2.8.13", -2, "[command-name [command-name ...]]",
                    "nondeterministic_output_order", "Arity, flags and key positions."),
    COMMAND_SUB_ROW(list, "7.0.0", -2,
                    "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
                    "nondeterministic_output_order", "The names of commands."),
    {0},
};

const struct command command_command = {
    .name = "command",
    .group = "server",
    .since = "2.8.13",
    .summary = "Describes all commands.",
    .complexity = "O(N) in the number of commands.",
    .syntax = "",
    .tips = "nondeterministic_output_order",
    .arity = -1,
    .flags = COMMAND_LOADING | COMMAND_STALE,
    .categories = CATEGORY_CONNECTION,
    .start = start_command,
    .subcommands = command_subcommands,
};
