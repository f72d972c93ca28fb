/*
 * command_facts.h - what the client must know of a command: may it be repeated, where is its key?
 *
 * A command that is not in the tables is taken for a write with its key as first argument.
 * A wrong key costs one hop between nodes; a read that is taken for a write costs a retry.
 * Only what surely writes nothing is in the table of reads, so nothing is repeated wrongly.
 */
#ifndef CLIENT_COMMAND_FACTS_H
#define CLIENT_COMMAND_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "client/ringdb.h"

struct ringdb_command_facts {
    bool read_only;
    unsigned key;        /* index of the first key; 0: none */
    const char *refused; /* why this client does not send it; NULL: it does */
};

struct ringdb_command_facts ringdb_command_facts(struct ringdb_bytes name);

#endif
