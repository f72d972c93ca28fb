/*
 * keyspace.h - how a keyspace is shown; RING.KEYSPACE and RING.STATUS show it alike.
 */
#ifndef COMMANDS_KEYSPACE_H
#define COMMANDS_KEYSPACE_H

#include "ring/ring.h"
#include "wire/resp_writer.h"

/* A map of names and values. */
void keyspace_write(struct resp_writer writer, const struct ring_keyspace *keyspace);

#endif
