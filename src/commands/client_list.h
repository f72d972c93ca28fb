/*
 * client_list.h - CLIENT INFO, LIST and KILL: connections of this node by what they are.
 */
#ifndef COMMANDS_CLIENT_LIST_H
#define COMMANDS_CLIENT_LIST_H

#include "base/bytes.h"
#include "node/event.h"

struct call;
struct session;

/* One line without its end, with the names and the order of Redis 7.2. */
void client_describe(const struct session *session, struct instant now, struct buffer *out);
void client_info_start(struct call *call);
void client_list_start(struct call *call);
void client_kill_start(struct call *call);

#endif
