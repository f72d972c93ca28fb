/*
 * audit.h - who came, and what was done to the cluster: lines for the audit log.
 *
 *     login outcome=ok user=app address=10.0.0.7:40112
 *     command outcome=ok user=ops address=10.0.0.7:40112 name=config|set arguments="save \\"\\""
 *
 * A login is ok, wrong, or limited (it was not looked at). A command is one of the category admin;
 * its outcome is ok or the first word of the error. Arguments are quoted, bytes that would break
 * the line are escaped, and after AUDIT_ARGUMENTS_MAX bytes they are cut. Of a command whose
 * arguments may hold a password only the name of the user that it is about is shown. The sink adds
 * the time.
 */
#ifndef COMMANDS_AUDIT_H
#define COMMANDS_AUDIT_H

#include "commands/call.h"

enum { AUDIT_ARGUMENTS_MAX = 512 };

/* `user`: a name that there is, or a word in its place. */
void audit_login(const struct session *session, const char *user, const char *outcome);
/* A call is over. `error`: the reply from behind its '-' on; empty: it went well. */
void audit_call(const struct call *call, struct slice error);

#endif
