/*
 * acl.c - ACL: users are shown and dropped, once for the whole cluster; set_user.h makes them.
 *
 * A change is one of the register, as keyspaces are.
 * Source: redis.io "ACL" and the ACL commands of Redis 7.2, for shapes and texts.
 */
#include <stdio.h>
#include <string.h>

#include "commands/acl_log.h"
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/change_call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/options.h"
#include "commands/server_version.h"
#include "commands/session_state.h"
#include "commands/set_user.h"
#include "commands/user_rights.h"
#include "commands/user_table.h"
#include "membership/user_rules.h"

enum { GENPASS_BITS = 256, GENPASS_BITS_MAX = 4096 };

static void append_hex(const uint8_t *bytes, size_t length, struct buffer *out)
{
    for (size_t i = 0; i < length; i++)
        buffer_printf(out, "%02x", bytes[i]);
}

static void reply_unknown_yet(struct call *call)
{
    call_reply_error(call, "LOADING the store is being opened, and users are not known yet");
}

/* ---- showing ---- */

/* The flags in Redis' order; returns how many. */
static unsigned flags_of(const struct user *user, const char *out[3])
{
    unsigned count = 0;
    out[count++] = (user->flags & USER_ON) != 0 ? "on" : "off";
    if ((user->flags & USER_NOPASS) != 0)
        out[count++] = "nopass";
    out[count++] = "sanitize-payload";
    return count;
}

static void append_password(const struct user *user, uint8_t index, struct buffer *out)
{
    if (user->cost != 0)
        user_write_password(user->cost, user->salt, user->passwords[index], out);
    else
        append_hex(user->passwords[index], USER_HASH_BYTES, out);
}

/* As ACL LIST shows it, and as ACL SETUSER takes it. */
static void describe(const struct user *user, struct buffer *out)
{
    const char *flags[3];
    struct slice option;
    unsigned count = flags_of(user, flags);
    buffer_printf(out, "user %s", user->name);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(out, " %s", flags[i]);
    for (uint8_t i = 0; i < user->password_count; i++) {
        buffer_printf(out, " #");
        append_password(user, i, out);
    }
    buffer_printf(out, "%s%.*s", user->keys.length > 0 ? " " : "", (int)user->keys.length,
                  (const char *)user->keys.data);
    buffer_printf(out, (user->flags & USER_ALL_CHANNELS) != 0 ? " &*" : " resetchannels");
    buffer_printf(out, " %.*s", (int)user->commands.length, (const char *)user->commands.data);
    for (size_t at = 0; user_next_word(buffer_slice(&user->options), &at, &option);)
        buffer_printf(out, " level:%.*s", (int)option.length, (const char *)option.data);
}

static void start_list(struct call *call)
{
    const struct user_table *table = call_environment(call)->users;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, table->count);
    for (uint16_t i = 0; i < table->count; i++) {
        buffer_clear(&call->scratch);
        describe(&table->items[i]->user, &call->scratch);
        resp_writer_bulk(writer, buffer_slice(&call->scratch));
    }
    call_finish(call);
}

static void start_users(struct call *call)
{
    const struct user_table *table = call_environment(call)->users;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, table->count);
    for (uint16_t i = 0; i < table->count; i++)
        resp_writer_bulk(writer, slice_text(table->items[i]->user.name));
    call_finish(call);
}

static void start_whoami(struct call *call)
{
    if (call->session->rights == NULL)
        reply_unknown_yet(call);
    else
        call_reply_bulk(call, slice_text(session_user_name(call->session)));
}

static void write_pair(struct resp_writer writer, const char *name, struct slice value)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, value);
}

static void write_flags(struct resp_writer writer, const struct user *user)
{
    const char *flags[3];
    unsigned count = flags_of(user, flags);
    resp_writer_bulk(writer, slice_text("flags"));
    resp_writer_set(writer, count);
    for (unsigned i = 0; i < count; i++)
        resp_writer_bulk(writer, slice_text(flags[i]));
}

static void write_passwords(struct call *call, struct resp_writer writer, const struct user *user)
{
    resp_writer_bulk(writer, slice_text("passwords"));
    resp_writer_array(writer, user->password_count);
    for (uint8_t i = 0; i < user->password_count; i++) {
        buffer_clear(&call->scratch);
        append_password(user, i, &call->scratch);
        resp_writer_bulk(writer, buffer_slice(&call->scratch));
    }
}

static void start_getuser(struct call *call)
{
    const struct user_rights *rights =
        user_table_find(call_environment(call)->users, call_argument(call, 2));
    if (rights == NULL) {
        call_reply_null(call);
        return;
    }
    const struct user *user = &rights->user;
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 7);
    write_flags(writer, user);
    write_passwords(call, writer, user);
    write_pair(writer, "commands", buffer_slice(&user->commands));
    write_pair(writer, "keys", buffer_slice(&user->keys));
    write_pair(writer, "channels", slice_text((user->flags & USER_ALL_CHANNELS) != 0 ? "&*" : ""));
    resp_writer_bulk(writer, slice_text("selectors"));
    resp_writer_array(writer, 0);
    write_pair(writer, "level", buffer_slice(&user->options)); /* RingDB's own */
    call_finish(call);
}

/* ---- ACL DELUSER ---- */

/* Those who were there as far as this node knew; the count is behind the names in scratch. */
static void reply_dropped(struct call *call, const struct change_outcome *outcome)
{
    struct reader reader = reader_make(buffer_slice(&call->scratch));
    (void)outcome;
    call_reply_integer(call, reader_u32(&reader));
}

static void start_deluser(struct call *call)
{
    const struct user_table *table = call_environment(call)->users;
    struct register_change change = {.kind = REGISTER_CHANGE_USER_DROP};
    struct buffer words = {0};
    uint32_t present = 0;
    for (uint32_t i = 2; i < call->argument_count; i++) {
        struct slice name = call_argument(call, i);
        if (slice_equal(name, slice_text(USER_DEFAULT_NAME))) {
            call_reply_error(call, "ERR The 'default' user cannot be removed");
            buffer_deinit(&words);
            return;
        }
        if (!user_name_is_valid(name))
            continue; /* nobody's */
        present += user_table_find(table, name) != NULL;
        if (words.length > 0)
            buffer_put_u8(&words, ' ');
        buffer_append_slice(&words, name);
    }
    buffer_put_u32(&call->scratch, present);
    if (set_user_take_words(call, &words, &change))
        change_call_start(call, &change, reply_dropped);
    buffer_deinit(&words);
}

static void start_no_file(struct call *call)
{
    call_reply_error(call, "ERR users are kept by the cluster, and there is no ACL file: what ACL "
                           "SETUSER has answered OK to is kept");
}

/* ---- ACL CAT, GENPASS, DRYRUN, LOG ---- */

static void reply_too_many(struct call *call)
{
    call_reply_error(
        call, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try ACL HELP.",
        argument_shown(call_argument(call, 1)), (const char *)call_argument(call, 1).data);
}

static void list_category(struct call *call, uint32_t category)
{
    struct resp_writer body = {.out = &call->scratch, .version = call_version(call)};
    struct buffer name = {0};
    size_t count = 0;
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        const struct command *row = command_at(i), *inner = row->subcommands;
        if (command_categories(row) & category) {
            resp_writer_bulk(body, slice_text(row->name));
            count++;
        }
        for (; inner != NULL && inner->name != NULL; inner++) {
            if ((command_categories(inner) & category) == 0)
                continue;
            buffer_clear(&name);
            command_full_name(inner, &name);
            resp_writer_bulk(body, buffer_slice(&name));
            count++;
        }
    }
    buffer_deinit(&name);
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_cat(struct call *call)
{
    if (call->argument_count > 3) {
        reply_too_many(call);
        return;
    }
    if (call->argument_count == 3) {
        struct slice name = call_argument(call, 2);
        int64_t category = user_category(name);
        if (category < 0)
            call_reply_error(call, "ERR Unknown category '%.*s'", argument_shown(name),
                             (const char *)name.data);
        else
            list_category(call, (uint32_t)category);
        return;
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, CATEGORY_COUNT);
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        resp_writer_simple(writer, slice_text(command_category_names[i]));
    call_finish(call);
}

static void start_genpass(struct call *call)
{
    const struct environment *environment = call_environment(call);
    int64_t bits = GENPASS_BITS;
    uint8_t bytes[GENPASS_BITS_MAX / 8];
    if (call->argument_count > 3) {
        reply_too_many(call);
        return;
    }
    if (call->argument_count == 3 && !parse_integer(call_argument(call, 2), &bits)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (bits <= 0 || bits > GENPASS_BITS_MAX) {
        call_reply_error(call,
                         "ERR ACL GENPASS argument must be the number of bits for the output "
                         "password, a positive number up to %d",
                         GENPASS_BITS_MAX);
        return;
    }
    size_t digits = (size_t)(bits + 3) / 4;
    if (environment->random_bytes == NULL || !environment->random_bytes(bytes, (digits + 1) / 2)) {
        call_reply_error(call, "ERR this node has no random numbers that nobody can guess");
        return;
    }
    append_hex(bytes, (digits + 1) / 2, &call->scratch);
    call_reply_bulk(call, slice_make(call->scratch.data, digits));
}

/* Where the command begins, behind WITH and its options. */
static uint32_t command_start(const struct call *call, uint32_t at)
{
    if (!call_argument_is(call, at, "with"))
        return at;
    at++;
    while (at < call->argument_count && option_is(call_argument(call, at)))
        at++;
    return at;
}

static void start_dryrun(struct call *call)
{
    struct slice name = call_argument(call, 2);
    const struct user_rights *rights = user_table_find(call_environment(call)->users, name);
    uint32_t at = command_start(call, 3);
    int number = at < call->argument_count ? command_find(call_argument(call, at)) : -1;
    const struct command *command = number < 0 ? NULL : command_at((uint32_t)number);
    if (rights == NULL) {
        call_reply_error(call, "ERR User '%.*s' not found", argument_shown(name),
                         (const char *)name.data);
        return;
    }
    if (command != NULL && command->subcommands != NULL && at + 1 < call->argument_count)
        command = command_find_subcommand(command, call_argument(call, at + 1));
    if (command == NULL) {
        struct slice word = call_argument(call, at < call->argument_count ? at : 3);
        call_reply_error(call, "ERR Command '%.*s' not found", argument_shown(word),
                         (const char *)word.data);
        return;
    }
    command_full_name(command, &call->scratch);
    if (!command_arity_fits(command, call->argument_count - at)) {
        call_reply_error(call, "ERR wrong number of arguments for '%.*s' command",
                         (int)call->scratch.length, (const char *)call->scratch.data);
        return;
    }
    struct buffer text = {0};
    const struct slice *denied =
        user_denied_key(rights, command, call->arguments + at, call->argument_count - at);
    if (!user_may_run(rights, (uint32_t)number, command))
        buffer_printf(&text, "User %s has no permissions to run the '%.*s' command",
                      rights->user.name, (int)call->scratch.length,
                      (const char *)call->scratch.data);
    else if (denied != NULL)
        buffer_printf(&text, "User %s has no permissions to access the '%.*s' key",
                      rights->user.name, (int)denied->length, (const char *)denied->data);
    if (text.length == 0)
        call_reply_ok(call);
    else
        call_reply_bulk(call, buffer_slice(&text));
    buffer_deinit(&text);
}

static void start_log(struct call *call)
{
    struct acl_log *log = &call_environment(call)->users->log;
    int64_t maximum = 10;
    if (call->argument_count > 3) {
        reply_too_many(call);
        return;
    }
    if (call->argument_count == 3 && call_argument_is(call, 2, "reset")) {
        acl_log_clear(log);
        call_reply_ok(call);
        return;
    }
    if (call->argument_count == 3 &&
        (!parse_integer(call_argument(call, 2), &maximum) || maximum < 0)) {
        call_reply_not_an_integer(call);
        return;
    }
    acl_log_write(log, (uint64_t)maximum, call_now(call), call_writer(call));
    call_finish(call);
}

/* ---- rows ---- */

#define ACL_ROW(word, handler, version, count, more, arguments, what)                              \
    {                                                                                              \
        .name = #word, .container = "acl", .group = "server", .since = version, .summary = what,   \
        .complexity = "O(N) in the number of users.", .syntax = arguments, .arity = count,         \
        .access = ACCESS_ALONE, .secret = true,                                                    \
        .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | (more), .start = handler,    \
    }

static const struct command acl_subcommands[] = {
    ACL_ROW(cat, start_cat, "6.0.0", -2, 0, "[category]",
            "The categories of commands, or the commands of one."),
    ACL_ROW(deluser, start_deluser, "6.0.0", -3, COMMAND_ADMIN, "username [username ...]",
            "Drops users for the whole cluster and closes their connections."),
    ACL_ROW(dryrun, start_dryrun, "7.0.0", -4, COMMAND_ADMIN, "username command [arg ...]",
            "Whether a user might run a command, without running it."),
    ACL_ROW(genpass, start_genpass, "6.0.0", -2, 0, "[bits]",
            "A password that nobody can guess, as hexadecimal digits."),
    ACL_ROW(getuser, start_getuser, "6.0.0", 3, COMMAND_ADMIN, "username",
            "What a user may do, as this node knows it."),
    HELP_ROW("acl", "6.0.0", 0),
    ACL_ROW(list, start_list, "6.0.0", 2, COMMAND_ADMIN, "",
            "All users with their rules, as this node knows them."),
    ACL_ROW(load, start_no_file, "6.0.0", 2, COMMAND_ADMIN, "",
            "Refused: users are kept by the cluster, not in a file."),
    ACL_ROW(log, start_log, "6.0.0", -2, COMMAND_ADMIN, "[<count | RESET>]",
            "What was refused to users at this node lately."),
    ACL_ROW(save, start_no_file, "6.0.0", 2, COMMAND_ADMIN, "",
            "Refused: users are kept by the cluster, not in a file."),
    ACL_ROW(
        setuser, set_user_start, "6.0.0", -3, COMMAND_ADMIN, "username [rule [rule ...]]",
        "Makes or changes a user for the whole cluster, and for its connections at once. "
        "level:name=value is RingDB's own: the user's default for each option of RING.SESSION."),
    ACL_ROW(users, start_users, "6.0.0", 2, COMMAND_ADMIN, "",
            "The names of all users, as this node knows them."),
    ACL_ROW(whoami, start_whoami, "6.0.0", 2, 0, "", "The user of this connection."),
    {0},
};

const struct command command_acl = {
    .name = "acl",
    .group = "server",
    .since = "6.0.0",
    .summary = "Shows, makes and changes users.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = acl_subcommands,
};
