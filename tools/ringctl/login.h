/*
 * login.h - as whom ringctl asks nodes, and where the password comes from.
 *
 * A password is never an argument, which everybody on the machine can read. It comes from the
 * file named by --password-file, else from REDISCLI_AUTH, else, with --user, from the terminal.
 */
#ifndef RINGCTL_LOGIN_H
#define RINGCTL_LOGIN_H

#include "arguments.h"

enum { LOGIN_PASSWORD_MAX = 512 };

/*
 * STATUS_INVALID: one sentence was appended to `problem`. Without user and password nobody logs in.
 */
MUST_USE enum status login_prepare(const struct arguments *arguments, struct buffer *problem);

#endif
