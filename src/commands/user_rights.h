/*
 * user_rights.h - what a user may do, ready to be asked: its words against the command table.
 *
 * One bit for each command and each subcommand. What it may do to keys is asked of its patterns,
 * which most users have not: "~*" is a flag.
 *
 * Words that this version does not know stand in a value that a later one has made. To guess what
 * they allow or forbid would be wrong either way, so such a user cannot log in at this node.
 */
#ifndef COMMANDS_USER_RIGHTS_H
#define COMMANDS_USER_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/command_table.h"
#include "coordinator/level.h"
#include "membership/users.h"
#include "ring/ring.h"

enum { USER_SUBCOMMANDS_MAX = 31 }; /* of a command; a row's bits are one number */

struct user_rights {
    struct user user; /* owned */
    bool understood;  /* false: nobody logs in */
    bool all_commands, all_keys;
    bool has_options;
    struct request_options options;   /* for all requests of its connections */
    uint32_t commands[COMMAND_COUNT]; /* bit 0: the command; 1 + i: its subcommand number i */
};

/* A copy of the user. `ring` says how many owners its options may ask for. */
struct user_rights *user_rights_new(const struct user *user, const struct ring *ring);
void user_rights_free(struct user_rights *rights); /* accepts NULL */

/* `number` is the row's, `command` the row or one of its subcommands. */
bool user_may_run(const struct user_rights *rights, uint32_t number, const struct command *command);
/*
 * NULL: it may use all keys of the request in the ways that this does; else the first that it may
 * not.
 */
const struct slice *user_denied_key(const struct user_rights *rights, const struct command *command,
                                    const struct slice *arguments, uint32_t argument_count);

/* Whether a rule of ACL SETUSER with + or - names what is there. */
bool user_rule_is_known(struct slice rule);
/* -1: there is no such category; 0: it is one of Redis' without commands here. */
int64_t user_category(struct slice name);

#endif
