/*
 * client_list.h - CLIENT INFO, LIST and KILL: connections of this node by what they are.
 */
#ifndef COMMANDS_CLIENT_LIST_H
#define COMMANDS_CLIENT_LIST_H

struct call;

void client_info_start(struct call *call);
void client_list_start(struct call *call);
void client_kill_start(struct call *call);

#endif
