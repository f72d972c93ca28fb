/*
 * help.h - the HELP subcommand that every command with subcommands has, from its rows.
 */
#ifndef COMMANDS_HELP_H
#define COMMANDS_HELP_H

#include "commands/command.h"

/* Lists the subcommands of the call's command. */
void help_start(struct call *call);

#define HELP_ROW(command_name, first_version, extra_categories)                                    \
    {                                                                                              \
        .name = "help", .container = command_name, .group = "server", .since = first_version,      \
        .summary = "Lists the subcommands.", .complexity = "O(1)", .syntax = "", .arity = 2,       \
        .flags = COMMAND_LOADING | COMMAND_STALE, .categories = extra_categories,                  \
        .start = help_start,                                                                       \
    }

#endif
