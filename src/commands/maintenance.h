/*
 * maintenance.h - clients that want to be told when this node is about to be stopped.
 *
 * CLIENT MAINT_NOTIFICATIONS ON asks for it, in RESP3. Such a connection is then sent
 *
 *     > "MOVING" sequence seconds "host:port"
 *
 * when the node drains: it has so many seconds to go on at that other node, and what it has sent by
 * then is answered here. A client that asked for no endpoint gets null, and connects anew to where
 * it was told to at first. Source: the maintenance notifications of current Redis clients;
 * reference "redis" 1.5.
 */
#ifndef COMMANDS_MAINTENANCE_H
#define COMMANDS_MAINTENANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "commands/environment.h"

struct call;

void client_maintenance_start(struct call *call);

/* The node drains: tell all that asked. */
void maintenance_announce(struct environment *environment);
/* Connections that asked, and are there still. */
uint32_t maintenance_count(const struct environment *environment);

#endif
