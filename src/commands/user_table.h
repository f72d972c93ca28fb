/*
 * user_table.h - the users as this node knows them, who is logged in as whom, and what it costs.
 *
 * The table follows the register: when a value comes into force, users that have changed are made
 * anew and their connections go by the new rules from the next command on; connections of users
 * that are gone are closed. A connection holds a pointer into the table, and the table never
 * drops a user without having looked at all connections.
 *
 * Before the store has told what the cluster agreed on, nobody is known: only commands that help to
 * watch a node come up are answered (I1). A user who has been dropped is nobody at once, whatever
 * of the connection is still under way (I2). Who comes from elsewhere and has shown no certificate
 * is never let in without a password, whatever its user needs (I4). A connection of a user who may
 * do everything asks one flag for each command (I3).
 *
 * Source: Redis ACL; reference "redis" 1.5, "reliability" 5.2.
 */
#ifndef COMMANDS_USER_TABLE_H
#define COMMANDS_USER_TABLE_H

#include "commands/acl_log.h"
#include "commands/environment.h"
#include "commands/login.h"
#include "commands/login_limits.h"
#include "commands/user_rights.h"
#include "membership/users.h"

struct call;
struct session;

struct user_table {
    bool known; /* what the cluster agreed on */
    struct user_set set;
    uint16_t count;
    struct user_rights **items; /* ascending by name; `default` is always there */
    struct acl_log log;
    struct login_cache logins;
    struct login_limits failed_addresses, failed_users;
};

/* With the user `default` alone, as he is when nobody has changed him. */
struct user_table *user_table_new(void);
void user_table_free(struct user_table *table); /* accepts NULL */

/* What the register has said may not be all; until user_table_take() nobody is known. */
void user_table_forget(struct environment *environment);
/* `set` is in force; copied. Connections follow. */
void user_table_take(struct environment *environment, const struct user_set *set);

/* NULL: there is no such user, or nobody is known. */
const struct user_rights *user_table_find(const struct user_table *table, struct slice name);

/* As a connection begins: the user `default`, logged in where that takes no password. */
void session_log_out(struct session *session);
/* From the next command on it is the user's (login.h says who may be). */
void session_become(struct session *session, const struct user_rights *rights);
/* Whether a hash made with his salt is one of the user's; the time it takes tells nothing. */
bool user_has_password(const struct user *user, const uint8_t hash[USER_HASH_BYTES]);
/* For ACL LOG and INFO. */
void session_note_denied(struct session *session, enum acl_reason reason, struct slice object,
                         struct slice user);
/* The name of the user; "default" also for who has not logged in. */
const char *session_user_name(const struct session *session);

/* Whether the user may use the channel, or a pattern of them; false: the error is sent. */
bool session_may_use_channel(struct call *call, struct slice channel);
/* Of a session that is not free to do everything: false: the error is sent. */
bool session_may_run(struct call *call);

#endif
