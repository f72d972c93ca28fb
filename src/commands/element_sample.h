/*
 * element_sample.h - samples of a collection, and what commands on any key say of one.
 *
 * Each ends the call.
 */
#ifndef COMMANDS_ELEMENT_SAMPLE_H
#define COMMANDS_ELEMENT_SAMPLE_H

#include "commands/call.h"

/* As Redis 7.0 would keep it. `argument` names the key, which is of that type. */
void element_reply_encoding(struct call *call, uint8_t type, uint32_t argument);
/* About how many bytes it takes at one owner. */
void element_reply_usage(struct call *call, uint8_t type, uint32_t argument);

#endif
