/*
 * set_user.h - ACL SETUSER: rules become one change of the register.
 *
 * What says ">password" becomes a hash with the user's salt here, so the password goes no further
 * than this node; so does "#digest", which is a SHA-256 as Redis shows it. Slow hashes are made
 * elsewhere while the call sleeps, one after the other. It is this node's command table that says
 * which commands there are; what a rule does to a user is membership/user_rules.h's.
 *
 * A user of before there was salt gets one with the first rule that adds or takes away a password:
 * all that he has is hashed once more. Nothing of this is lost to somebody who changes the same
 * user meanwhile: a hash that does not fit what the user has then is refused, with the whole
 * change. Source: redis.io "ACL SETUSER".
 */
#ifndef COMMANDS_SET_USER_H
#define COMMANDS_SET_USER_H

#include "commands/call.h"
#include "membership/register_change.h"

void set_user_start(struct call *call);

/* The words of a change; false: they are too many, and the error is sent. */
bool set_user_take_words(struct call *call, const struct buffer *words,
                         struct register_change *change);

#endif
