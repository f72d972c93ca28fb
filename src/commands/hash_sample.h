/*
 * hash_sample.h - what commands on any key say of one that holds a hash.
 *
 * Each walks over the fields at the level of the request, and ends the call.
 */
#ifndef COMMANDS_HASH_SAMPLE_H
#define COMMANDS_HASH_SAMPLE_H

#include "commands/call.h"

/* As Redis would keep it: "listpack" or "hashtable". `argument` names the key. */
void hash_reply_encoding(struct call *call, uint32_t argument);
/* About how many bytes it takes at one owner. */
void hash_reply_usage(struct call *call, uint32_t argument);
/* Whether the call's keyspace has hashes; false: the error is sent (hashes.c). */
bool hash_keyspace_is_right(struct call *call);

#endif
