/*
 * ring_tls.c - RING.TLS: certificates, keys and CRLs of this node, read from their files again.
 *
 * What they are and when they run out stands in INFO tls.
 */
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/server_version.h"

static void start_reload(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct buffer reason = {0};
    if (environment->tls_reload == NULL)
        call_reply_error(call, "ERR this node has no TLS");
    else if (environment->tls_reload(environment->host, &reason) != STATUS_OK)
        call_reply_error(call, "ERR nothing has changed: %.*s", (int)reason.length,
                         (const char *)reason.data);
    else
        call_reply_ok(call);
    buffer_deinit(&reason);
}

static const struct command ring_tls_subcommands[] = {
    HELP_ROW("ring.tls", RINGDB_SINCE_FIRST, 0),
    {
        .name = "reload",
        .container = "ring.tls",
        .group = "server",
        .since = RINGDB_SINCE_FIRST,
        .summary = "Reads certificates, keys and CRLs of this node again, all or none.",
        .complexity = "O(N) in the number of open TLS connections.",
        .syntax = "",
        .arity = 2,
        .access = ACCESS_ALONE,
        .flags = COMMAND_ADMIN | COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
        .start = start_reload,
    },
    {0},
};

const struct command command_ring_tls = {
    .name = "ring.tls",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Certificates of this node.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = ring_tls_subcommands,
};
