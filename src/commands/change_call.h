/*
 * change_call.h - a call that changes the register, from its wish to its reply.
 *
 * The reply waits until a majority of the stewards has agreed and the members that are up have it
 * on their disks; or says which kind of failure it was.
 */
#ifndef COMMANDS_CHANGE_CALL_H
#define COMMANDS_CHANGE_CALL_H

#include "commands/call.h"
#include "membership/register_change.h"

/* Writes the reply of a change that was made. */
typedef void change_made(struct call *call, const struct change_outcome *outcome);

/* The call must have no work of its own. `change` is copied. */
void change_call_start(struct call *call, const struct register_change *change, change_made *made);

#endif
