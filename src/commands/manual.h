/*
 * manual.h - ringdb-commands(7), written from the command table.
 */
#ifndef COMMANDS_MANUAL_H
#define COMMANDS_MANUAL_H

#include "base/bytes.h"

/* Append the whole page in mdoc; equal tables give equal bytes. */
void manual_write(struct buffer *out);

#endif
