/*
 * client.c - CLIENT: names, lists, ends and unblocks connections of this node.
 *
 * An id is unique on its node only. What needs the server to remember keys for a
 * client (TRACKING, CACHING) or to hold all clients at once (PAUSE) is refused.
 */
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/client_list.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/maintenance.h"
#include "commands/session_state.h"

static void start_id(struct call *call)
{
    call_reply_integer(call, (int64_t)call->session->id);
}

static void start_getname(struct call *call)
{
    if (call->session->name.length == 0)
        call_reply_null(call);
    else
        call_reply_bulk(call, buffer_slice(&call->session->name));
}

static void set_word(struct buffer *to, struct slice word)
{
    buffer_clear(to);
    buffer_append_slice(to, word);
}

static void start_setname(struct call *call)
{
    struct slice name = call_argument(call, 2);
    if (!is_plain_word(name)) {
        call_reply_error(call,
                         "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    set_word(&call->session->name, name);
    call_reply_ok(call);
}

static void start_setinfo(struct call *call)
{
    struct slice value = call_argument(call, 3);
    bool is_name = call_argument_is(call, 2, "lib-name");
    if (!is_name && !call_argument_is(call, 2, "lib-ver")) {
        struct slice word = call_argument(call, 2);
        call_reply_error(call, "ERR Unrecognized option '%.*s'",
                         word.length > 128 ? 128 : (int)word.length, (const char *)word.data);
        return;
    }
    if (!is_plain_word(value)) {
        call_reply_error(call, "ERR %s cannot contain spaces, newlines or special characters.",
                         is_name ? "lib-name" : "lib-ver");
        return;
    }
    set_word(is_name ? &call->session->library_name : &call->session->library_version, value);
    call_reply_ok(call);
}

/* 1 on, 0 off; -1: the error is sent. */
static int parse_switch(struct call *call, uint32_t at)
{
    if (call_argument_is(call, at, "on"))
        return 1;
    if (call_argument_is(call, at, "off"))
        return 0;
    call_reply_syntax_error(call);
    return -1;
}

static void start_no_evict(struct call *call)
{
    int on = parse_switch(call, 2);
    if (on < 0)
        return;
    call->session->no_evict = on == 1;
    call_reply_ok(call);
}

static void start_no_touch(struct call *call)
{
    int on = parse_switch(call, 2);
    if (on < 0)
        return;
    call->session->no_touch = on == 1;
    call_reply_ok(call);
}

static void start_reply(struct call *call)
{
    struct session *session = call->session;
    if (call_argument_is(call, 2, "on")) {
        session->reply_mode = REPLY_ON;
        call->silent = false;
        call_reply_ok(call);
    } else if (call_argument_is(call, 2, "off")) {
        session->reply_mode = REPLY_OFF;
        call_finish(call);
    } else if (call_argument_is(call, 2, "skip")) {
        session->reply_skip = session->reply_mode == REPLY_ON;
        call_finish(call);
    } else {
        call_reply_syntax_error(call);
    }
}

static void start_unblock(struct call *call)
{
    int64_t id;
    struct environment *environment = call_environment(call);
    bool with_error = false;
    if (call->argument_count == 4 && call_argument_is(call, 3, "error")) {
        with_error = true;
    } else if (call->argument_count > 4 ||
               (call->argument_count == 4 && !call_argument_is(call, 3, "timeout"))) {
        call_reply_error(call, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (!parse_integer(call_argument(call, 2), &id)) {
        call_reply_not_an_integer(call);
        return;
    }
    struct session *target = session_find(environment, (connection_id)id);
    if (target == NULL || session_deadline_us(target) == UINT64_MAX ||
        environment->client_wake == NULL) {
        call_reply_integer(call, 0);
        return;
    }
    target->unblocked = true;
    target->unblocked_with_error = with_error;
    environment->client_wake(environment->node, target->id);
    call_reply_integer(call, 1);
}

static void start_tracking(struct call *call)
{
    int on = parse_switch(call, 2);
    if (on == 1)
        call_reply_error(call, "ERR CLIENT TRACKING is not offered by RingDB: it does not tell "
                               "clients when keys change");
    else if (on == 0)
        call_reply_ok(call);
}

static void start_caching(struct call *call)
{
    call_reply_error(call, "ERR CLIENT CACHING can be called only when the client is in tracking "
                           "mode with OPTIN or OPTOUT mode enabled");
}

static void start_trackinginfo(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 3);
    resp_writer_bulk(writer, slice_text("flags"));
    resp_writer_set(writer, 1);
    resp_writer_bulk(writer, slice_text("off"));
    resp_writer_bulk(writer, slice_text("redirect"));
    resp_writer_integer(writer, -1);
    resp_writer_bulk(writer, slice_text("prefixes"));
    resp_writer_array(writer, 0);
    call_finish(call);
}

static void start_getredir(struct call *call)
{
    call_reply_integer(call, -1);
}

static void start_pause(struct call *call)
{
    call_reply_error(call, "ERR CLIENT PAUSE is not offered by RingDB: other nodes would go on "
                           "serving the same keys");
}

static void start_unpause(struct call *call)
{
    call_reply_ok(call); /* nothing is ever paused */
}

#define CLIENT_ROW(word, handler, version, count, more_flags, arguments, what)                     \
    {                                                                                              \
        .name = word, .container = "client", .group = "connection", .since = version,              \
        .summary = what, .complexity = "O(1)", .syntax = arguments, .arity = count,                \
        .access = ACCESS_ALONE,                                                                    \
        .flags = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE | (more_flags),                \
        .categories = CATEGORY_CONNECTION, .start = handler,                                       \
    }

static const struct command client_subcommands[] = {
    CLIENT_ROW("caching", start_caching, "6.0.0", 3, 0, "<YES | NO>",
               "An error: keys are not tracked for clients."),
    CLIENT_ROW("getname", start_getname, "2.6.9", 2, 0, "", "The name of this connection."),
    CLIENT_ROW("getredir", start_getredir, "6.0.0", 2, 0, "", "-1: keys are not tracked."),
    HELP_ROW("client", "5.0.0", CATEGORY_CONNECTION),
    CLIENT_ROW("id", start_id, "5.0.0", 2, 0, "", "The number of this connection on its node."),
    CLIENT_ROW("info", client_info_start, "6.2.0", 2, 0, "",
               "This connection as CLIENT LIST "
               "shows it."),
    CLIENT_ROW("kill", client_kill_start, "2.4.0", -3, COMMAND_ADMIN,
               "[ip-port] [ID client-id] [TYPE client-type] [USER username] [ADDR addr] "
               "[LADDR laddr] [SKIPME yes-no] [MAXAGE seconds]",
               "Ends connections of this node."),
    CLIENT_ROW("list", client_list_start, "2.4.0", -2, COMMAND_ADMIN,
               "[TYPE client-type] [ID client-id ...]", "The connections of this node."),
    CLIENT_ROW("maint_notifications", client_maintenance_start, "8.2.0", -3, 0,
               "<ON | OFF> [MOVING-ENDPOINT-TYPE endpoint-type]",
               "Whether this connection is sent MOVING, with another node, when this one drains; "
               "in RESP3."),
    CLIENT_ROW("no-evict", start_no_evict, "7.0.0", 3, COMMAND_ADMIN, "<ON | OFF>",
               "Accepted; connections are not ended for memory in another way."),
    CLIENT_ROW("no-touch", start_no_touch, "7.2.0", 3, 0, "<ON | OFF>",
               "Accepted; times of access are not kept."),
    CLIENT_ROW("pause", start_pause, "2.9.50", -3, COMMAND_ADMIN, "timeout [WRITE | ALL]",
               "An error: one node cannot hold back the clients of all."),
    CLIENT_ROW("reply", start_reply, "3.2.0", 3, 0, "<ON | OFF | SKIP>",
               "Whether this connection gets replies."),
    CLIENT_ROW("setinfo", start_setinfo, "7.2.0", 4, 0, "<LIB-NAME libname | LIB-VER libver>",
               "Names the client's library."),
    CLIENT_ROW("setname", start_setname, "2.6.9", 3, 0, "connection-name",
               "Names this connection."),
    CLIENT_ROW("tracking", start_tracking, "6.0.0", -3, 0, "<ON | OFF> [arg ...]",
               "OFF is accepted, ON an error: keys are not tracked for clients."),
    CLIENT_ROW("trackinginfo", start_trackinginfo, "6.2.0", 2, 0, "",
               "Says that keys are not tracked."),
    CLIENT_ROW("unblock", start_unblock, "5.0.0", -3, COMMAND_ADMIN, "client-id [TIMEOUT | ERROR]",
               "Ends the WAIT of a connection of this node."),
    CLIENT_ROW("unpause", start_unpause, "6.2.0", 2, COMMAND_ADMIN, "",
               "Accepted; nothing is paused."),
    {0},
};

const struct command command_client = {
    .name = "client",
    .group = "connection",
    .since = "2.4.0",
    .summary = "Works with connections of this node.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = client_subcommands,
};
