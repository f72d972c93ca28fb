/*
 * siblings.h - RING.GET and the contexts that it gives: what a client has seen of a key.
 */
#ifndef COMMANDS_SIBLINGS_H
#define COMMANDS_SIBLINGS_H

#include <stdbool.h>

struct call;

/*
 * Check the token of WITH context= against the command and its key, and put what it
 * covers into the call. false: it is refused, and the error is sent.
 */
bool context_take(struct call *call);

#endif
