/*
 * command_table.h - the one table of commands: finding rows, checking arity, naming keys.
 *
 * Also what Redis has and RingDB does not: each with its reason, for the error and
 * for the manual.
 */
#ifndef COMMANDS_COMMAND_TABLE_H
#define COMMANDS_COMMAND_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "commands/command.h"
#include "commands/command_list.h"

/* Rows by number, 0 .. COMMAND_COUNT-1, ascending by name. */
const struct command *command_at(uint32_t number);
/* Case does not matter. -1: there is no such command. */
int command_find(struct slice name);
/* The same; `guess` is looked at first: the number of a command that often comes again, or -1. */
int command_find_again(struct slice name, int guess);
/* NULL: there is no such subcommand, or the command has none. */
const struct command *command_find_subcommand(const struct command *command, struct slice name);
/* By its full name, such as "client|list". */
const struct command *command_find_full(struct slice name);

bool command_arity_fits(const struct command *command, uint32_t argument_count);
/* "client|list" */
void command_full_name(const struct command *command, struct buffer *out);
/* With those that the flags imply. */
uint32_t command_categories(const struct command *command);
bool command_has_keys(const struct command *command);

/* Positions of a request's keys, one after the other. */
struct key_walk {
    const struct command *command;
    const struct slice *arguments;
    uint32_t argument_count;
    uint32_t spec;     /* of the position found last */
    uint32_t position; /* of the key found last */
    bool started;
};

/* `arguments` are borrowed while it goes on; NULL: they are as many keys as can be. */
struct key_walk key_walk_make(const struct command *command, const struct slice *arguments,
                              uint32_t argument_count);
/* false: there are no more; else `walk->position` is the next one. */
bool key_walk_next(struct key_walk *walk);
/*
 * What is done to the key found last, where its row can but say that this varies with the
 * `arguments`.
 */
uint32_t key_walk_flags(const struct key_walk *walk, const struct slice *arguments);

/* A command of Redis that RingDB does not offer. */
struct command_absent {
    const char *names; /* separated by spaces, upper case */
    const char *reason;
};

extern const struct command_absent commands_absent[];
extern const uint32_t commands_absent_count;
/* Why the command is not offered; NULL when Redis has no such command either. */
const char *command_absent_reason(struct slice name);

#endif
