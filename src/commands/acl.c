/*
 * acl.c - ACL: users are made, changed and dropped once, for the whole cluster.
 *
 * A change is one of the register, as keyspaces are. What says ">password" becomes the hash of it
 * here, so the password goes no further than this node; and it is this node's command table that
 * says which commands there are. What a rule does to a user is membership/user_rules.h's.
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
        append_hex(user->passwords[i], USER_HASH_BYTES, out);
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
        append_hex(user->passwords[i], USER_HASH_BYTES, &call->scratch);
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

/* ---- ACL SETUSER, DELUSER ---- */

/* Whether the option is one of RING.SESSION, with a value that this ring can meet. */
static bool option_is_known(struct call *call, struct slice rule, struct buffer *reason)
{
    static const char level[] = "level:";
    size_t length = sizeof level - 1;
    struct request_options ignored = {0};
    if (rule.length <= length || !slice_is_word(slice_make(rule.data, length), level))
        return true;
    struct slice option = slice_make(rule.data + length, rule.length - length);
    if (!option_is(option))
        return true; /* user_rules.h has the text */
    const uint8_t *equals = memchr(option.data, '=', option.length);
    if (slice_is_word(slice_make(option.data, (size_t)(equals - option.data)), "traceparent")) {
        buffer_printf(reason, "ERR a traceparent is of one request: give it with WITH");
        return false;
    }
    return option_parse(option, call_environment(call)->ring, &ignored, reason) == STATUS_OK;
}

/* Of an error that begins with "ERR ". */
static const char *text_behind_code(struct buffer *error)
{
    buffer_put_u8(error, 0);
    return (const char *)error->data + strlen("ERR ");
}

static bool refuse_rule(struct call *call, struct slice rule, const char *why)
{
    call_reply_error(call, "ERR Error in ACL SETUSER modifier '%.*s': %s", argument_shown(rule),
                     (const char *)rule.data, why);
    return false;
}

/* The rule in the form that the register keeps, which has hashes for passwords. */
static void write_rule(const struct environment *environment, struct slice rule, struct buffer *out)
{
    uint8_t hash[USER_HASH_BYTES];
    if (rule.length == 0 || (rule.data[0] != '>' && rule.data[0] != '<')) {
        buffer_append_slice(out, rule);
        return;
    }
    environment->hash_password(slice_make(rule.data + 1, rule.length - 1), hash);
    buffer_put_u8(out, rule.data[0] == '>' ? '#' : '!');
    append_hex(hash, sizeof hash, out);
}

/* What is wrong with a rule shows at `user`, before anybody is asked. false: the error is sent. */
static bool take_rule(struct call *call, struct slice rule, struct user *user, struct buffer *out)
{
    const struct environment *environment = call_environment(call);
    uint8_t first = rule.length == 0 ? 0 : rule.data[0];
    struct buffer written = {0}, reason = {0};
    char why[USER_REASON_MAX];
    bool taken = false;
    if ((first == '>' || first == '<') && environment->hash_password == NULL)
        return refuse_rule(call, rule, "this node has no hash for passwords: give them as #HASH");
    write_rule(environment, rule, &written);
    if ((first == '+' || first == '-') && !user_rule_is_known(rule))
        refuse_rule(call, rule, "Unknown command or category name in ACL");
    else if (!option_is_known(call, rule, &reason))
        refuse_rule(call, rule, text_behind_code(&reason));
    else if (user_apply_rule(user, buffer_slice(&written), why) != STATUS_OK)
        refuse_rule(call, rule, why);
    else
        taken = true;
    if (taken && out->length > 0)
        buffer_put_u8(out, ' ');
    if (taken)
        buffer_append_slice(out, buffer_slice(&written));
    buffer_deinit(&written);
    buffer_deinit(&reason);
    return taken;
}

/* false: the error is sent. */
static bool take_words(struct call *call, const struct buffer *words,
                       struct register_change *change)
{
    if (words->length > sizeof change->words) {
        call_reply_error(call,
                         "TOOLARGE one change of users has at most %d bytes of rules or "
                         "names; nothing was changed",
                         REGISTER_WORDS_BYTES_MAX);
        return false;
    }
    if (words->length > 0)
        memcpy(change->words, words->data, words->length);
    change->words_length = (uint16_t)words->length;
    return true;
}

static void reply_set(struct call *call, const struct change_outcome *outcome)
{
    (void)outcome;
    call_reply_ok(call);
}

/* The user as this node knows it, or a new one. */
static void begin_user(const struct call *call, const char *name, struct user *out)
{
    const struct user_rights *present =
        user_table_find(call_environment(call)->users, slice_text(name));
    if (present != NULL)
        user_copy(&present->user, out);
    else
        user_init(out, name);
}

static bool take_name(struct call *call, struct slice name, struct register_change *change)
{
    if (!user_name_is_valid(name)) {
        call_reply_error(call, name.length > USER_NAME_BYTES_MAX
                                   ? "ERR the name of a user has at most 64 bytes"
                                   : "ERR Usernames can't contain spaces or null characters");
        return false;
    }
    memcpy(change->user, name.data, name.length);
    return true;
}

static void start_setuser(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_USER_SET};
    struct buffer *words = &call->scratch;
    if (!call_environment(call)->users->known) {
        reply_unknown_yet(call);
        return;
    }
    if (!take_name(call, call_argument(call, 2), &change))
        return;
    struct user user;
    bool taken = true;
    begin_user(call, change.user, &user);
    for (uint32_t i = 3; i < call->argument_count && taken; i++)
        taken = take_rule(call, call_argument(call, i), &user, words);
    user_deinit(&user);
    if (taken && take_words(call, words, &change))
        change_call_start(call, &change, reply_set);
}

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
    if (take_words(call, &words, &change))
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
        setuser, start_setuser, "6.0.0", -3, COMMAND_ADMIN, "username [rule [rule ...]]",
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
