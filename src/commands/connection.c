/*
 * connection.c - commands about the connection: HELLO, AUTH, SELECT, RESET and their like.
 *
 * A connection begins as the user `default`, where that takes no password, and becomes another by
 * AUTH or HELLO (user_table.h).
 */
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/login.h"
#include "commands/options.h"
#include "commands/server_version.h"
#include "commands/session_state.h"
#include "commands/user_table.h"

static void start_ping(struct call *call)
{
    const struct session *session = call->session;
    if (call->argument_count > 2) {
        call_reply_error(call, "ERR wrong number of arguments for 'ping' command");
    } else if (session->version == RESP_VERSION_2 && session->listener.first != NULL) {
        struct resp_writer writer = call_writer(call); /* told from messages by its first word */
        resp_writer_array(writer, 2);
        resp_writer_bulk(writer, slice_text("pong"));
        resp_writer_bulk(writer,
                         call->argument_count == 2 ? call_argument(call, 1) : slice_text(""));
        call_finish(call);
    } else if (call->argument_count == 2) {
        call_reply_bulk(call, call_argument(call, 1));
    } else {
        call_reply_simple(call, "PONG");
    }
}

static void start_echo(struct call *call)
{
    call_reply_bulk(call, call_argument(call, 1));
}

static void start_quit(struct call *call)
{
    session_close_after_reply(call->session);
    call_reply_ok(call);
}

static void start_reset(struct call *call)
{
    session_reset(call->session);
    call->silent = false;
    call_reply_simple(call, "RESET");
}

static void start_ok(struct call *call)
{
    call_reply_ok(call);
}

static void start_select(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct register_view known = {.is_open = true};
    int64_t number;
    if (environment->register_view != NULL)
        environment->register_view(environment->node, &known);
    if (!parse_integer(call_argument(call, 1), &number)) {
        call_reply_not_an_integer(call);
        return;
    }
    const struct ring_keyspace *keyspace =
        ring_keyspace_numbered(environment->ring, (uint64_t)number);
    if (keyspace == NULL && number >= 0 && number < RING_KEYSPACES_MAX && !known.is_open) {
        call_reply_error(call, "LOADING the store is being opened, and may know of this keyspace");
    } else if (keyspace == NULL) {
        call_reply_error(call, "ERR DB index is out of range");
    } else {
        call->session->keyspace = ring_keyspace_id(environment->ring, keyspace);
        call_reply_ok(call);
    }
}

static void start_auth(struct call *call)
{
    const struct slice standard = slice_text(USER_DEFAULT_NAME);
    if (call->argument_count > 3) {
        call_reply_syntax_error(call);
        return;
    }
    const struct user_rights *rights = user_table_find(call_environment(call)->users, standard);
    if (call->argument_count == 2 && call->session->stranger && rights != NULL &&
        (rights->user.flags & USER_NOPASS) != 0) {
        call_reply_error(call, "WRONGPASS the default user has no password, and without one nobody "
                               "is let in from another machine: set one from this machine (ACL "
                               "SETUSER), or show a certificate");
        return;
    }
    if (call->argument_count == 2 && rights != NULL && (rights->user.flags & USER_NOPASS) != 0) {
        call_reply_error(call, "ERR AUTH <password> called without any password configured for "
                               "the default user. Are you sure your configuration is correct?");
        return;
    }
    bool named = call->argument_count == 3;
    login_start(call, named ? call_argument(call, 1) : standard, call_argument(call, named ? 2 : 1),
                "AUTH", call_reply_ok);
}

struct hello {
    int64_t version; /* 0: as it is */
    bool has_name, has_user;
    struct slice name, user, password;
};

/* false: the error is sent. */
static bool parse_hello(struct call *call, struct hello *out)
{
    uint32_t at = 1;
    *out = (struct hello){0};
    if (call->argument_count > 1) {
        if (!parse_integer(call_argument(call, at++), &out->version)) {
            call_reply_error(call, "ERR Protocol version is not an integer or out of range");
            return false;
        }
        if (out->version < RESP_VERSION_2 || out->version > RESP_VERSION_3) {
            call_reply_error(call, "NOPROTO unsupported protocol version");
            return false;
        }
    }
    while (at < call->argument_count) {
        uint32_t left = call->argument_count - at - 1;
        if (call_argument_is(call, at, "auth") && left >= 2) {
            out->has_user = true;
            out->user = call_argument(call, at + 1);
            out->password = call_argument(call, at + 2);
            at += 3;
        } else if (call_argument_is(call, at, "setname") && left >= 1) {
            out->has_name = true;
            out->name = call_argument(call, at + 1);
            if (!is_plain_word(out->name)) {
                call_reply_error(call, "ERR Client names cannot contain spaces, newlines or "
                                       "special characters.");
                return false;
            }
            at += 2;
        } else {
            struct slice word = call_argument(call, at);
            call_reply_error(call, "ERR Syntax error in HELLO option '%.*s'",
                             word.length > 128 ? 128 : (int)word.length, (const char *)word.data);
            return false;
        }
    }
    return true;
}

/* Logged in, where that was asked for. */
static void greet(struct call *call)
{
    struct session *session = call->session;
    struct hello hello;
    if (!parse_hello(call, &hello))
        return;
    if (call_environment(call)->users->known && !session->logged_in) {
        call_reply_error(call, "NOAUTH HELLO must be called with the client already authenticated, "
                               "otherwise the HELLO <proto> AUTH <user> <pass> option can be used "
                               "to authenticate the client and select the RESP protocol version at "
                               "the same time");
        return;
    }
    if (hello.version != 0)
        session->version = (enum resp_version)hello.version;
    if (hello.has_name) {
        buffer_clear(&session->name);
        buffer_append_slice(&session->name, hello.name);
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 7);
    resp_writer_bulk(writer, slice_text("server"));
    resp_writer_bulk(writer, slice_text("redis"));
    resp_writer_bulk(writer, slice_text("version"));
    resp_writer_bulk(writer, slice_text(REDIS_VERSION));
    resp_writer_bulk(writer, slice_text("proto"));
    resp_writer_integer(writer, session->version);
    resp_writer_bulk(writer, slice_text("id"));
    resp_writer_integer(writer, (int64_t)session->id);
    resp_writer_bulk(writer, slice_text("mode"));
    resp_writer_bulk(writer, slice_text("standalone"));
    resp_writer_bulk(writer, slice_text("role"));
    resp_writer_bulk(writer, slice_text("master"));
    resp_writer_bulk(writer, slice_text("modules"));
    resp_writer_array(writer, 0);
    call_finish(call);
}

static void start_hello(struct call *call)
{
    struct hello hello;
    if (!parse_hello(call, &hello))
        return;
    if (hello.has_user)
        login_start(call, hello.user, hello.password, "HELLO", greet);
    else
        greet(call);
}

/* Without arguments: what holds for the connection. */
static void show_session_options(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, OPTION_COUNT);
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        struct buffer value = {0};
        option_value(&call->session->options, i, &value);
        resp_writer_bulk(writer, slice_text(option_name(i)));
        resp_writer_bulk(writer, buffer_slice(&value));
        buffer_deinit(&value);
    }
    call_finish(call);
}

static void start_ring_session(struct call *call)
{
    struct request_options options = call->session->options;
    struct buffer reason = {0};
    if (call->argument_count == 1) {
        show_session_options(call);
        return;
    }
    for (uint32_t i = 1; i < call->argument_count; i++) {
        struct slice word = call_argument(call, i);
        if (!option_is(word)) {
            call_reply_syntax_error(call);
            return;
        }
        if (option_parse(word, call_environment(call)->ring, &options, &reason) != STATUS_OK) {
            call_reply_error(call, "%.*s", (int)reason.length, (const char *)reason.data);
            buffer_deinit(&reason);
            return;
        }
    }
    call->session->options = options;
    call_reply_ok(call);
}

enum {
    HANDSHAKE = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST |
                COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY
};

const struct command command_ping = {
    .name = "ping",
    .group = "connection",
    .since = "1.0.0",
    .summary = "Answers PONG, or the message: the node is there.",
    .complexity = "O(1)",
    .syntax = "[message]",
    .tips = "request_policy:all_shards response_policy:all_succeeded",
    .arity = -1,
    .while_subscribed = true,
    .flags = COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_ping,
};

const struct command command_echo = {
    .name = "echo",
    .group = "connection",
    .since = "1.0.0",
    .summary = "Answers its argument.",
    .complexity = "O(1)",
    .syntax = "message",
    .arity = 2,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_echo,
};

const struct command command_quit = {
    .name = "quit",
    .group = "connection",
    .since = "1.0.0",
    .summary = "Ends the connection once everything asked before has been answered.",
    .complexity = "O(1)",
    .syntax = "",
    .arity = -1,
    .access = ACCESS_ALONE,
    .while_subscribed = true,
    .flags = HANDSHAKE,
    .categories = CATEGORY_CONNECTION,
    .start = start_quit,
};

const struct command command_reset = {
    .name = "reset",
    .group = "connection",
    .since = "6.2.0",
    .summary = "Puts the connection back to how it began.",
    .complexity = "O(1)",
    .syntax = "",
    .arity = 1,
    .access = ACCESS_ALONE,
    .while_subscribed = true,
    .flags = HANDSHAKE,
    .categories = CATEGORY_CONNECTION,
    .start = start_reset,
};

const struct command command_select = {
    .name = "select",
    .group = "connection",
    .since = "1.0.0",
    .summary = "Chooses the keyspace of this connection by its number.",
    .complexity = "O(1)",
    .syntax = "index",
    .arity = 2,
    .access = ACCESS_ALONE,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_select,
};

const struct command command_auth = {
    .name = "auth",
    .group = "connection",
    .since = "1.0.0",
    .summary = "Logs in as a user, or as the user default.",
    .complexity = "O(1)",
    .syntax = "[username] password",
    .arity = -2,
    .access = ACCESS_ALONE,
    .secret = true,
    .flags = HANDSHAKE,
    .categories = CATEGORY_CONNECTION,
    .start = start_auth,
};

const struct command command_hello = {
    .name = "hello",
    .group = "connection",
    .since = "6.0.0",
    .summary = "Chooses the protocol version and tells who answers.",
    .complexity = "O(1)",
    .syntax = "[protover [AUTH username password] [SETNAME clientname]]",
    .arity = -1,
    .access = ACCESS_ALONE,
    .secret = true,
    .flags = HANDSHAKE,
    .categories = CATEGORY_CONNECTION,
    .start = start_hello,
};

const struct command command_asking = {
    .name = "asking",
    .group = "cluster",
    .since = "3.0.0",
    .summary = "Answers OK: any node serves any key.",
    .complexity = "O(1)",
    .syntax = "",
    .arity = 1,
    .flags = COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_ok,
};

const struct command command_readonly = {
    .name = "readonly",
    .group = "cluster",
    .since = "3.0.0",
    .summary = "Answers OK: every node serves reads and writes.",
    .complexity = "O(1)",
    .syntax = "",
    .arity = 1,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_ok,
};

const struct command command_readwrite = {
    .name = "readwrite",
    .group = "cluster",
    .since = "3.0.0",
    .summary = "Answers OK: every node serves reads and writes.",
    .complexity = "O(1)",
    .syntax = "",
    .arity = 1,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_ok,
};

const struct command command_ring_session = {
    .name = "ring.session",
    .group = "connection",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Sets options for all later requests of this connection, or shows them.",
    .complexity = "O(1)",
    .syntax = "[name=value ...]",
    .arity = -1,
    .access = ACCESS_ALONE,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_FAST,
    .categories = CATEGORY_CONNECTION,
    .start = start_ring_session,
};

/* call.c takes the options off before a command starts, so WITH itself never does. */
const struct command command_with = {
    .name = "with",
    .group = "generic",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Runs one command with options of its own: cl, r, w, pr, pw, dw, sloppy, timeout, "
               "context, id, traceparent.",
    .complexity = "That of the command.",
    .syntax = "[name=value ...] command [arg ...]",
    .arity = -2,
    .access = ACCESS_ALONE,
    .flags = COMMAND_LOADING | COMMAND_STALE | COMMAND_MOVABLE_KEYS,
};
