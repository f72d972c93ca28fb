/*
 * options.h - name=value words that choose how one request is carried out.
 *
 * They stand before a command in WITH, and alone in RING.SESSION. A word for an
 * option that is known and not offered, or not known, is an error that says so.
 */
#ifndef COMMANDS_OPTIONS_H
#define COMMANDS_OPTIONS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/status.h"
#include "coordinator/level.h"
#include "ring/ring.h"

/* Whether the word is an option, that is, has a '=' behind its first byte. */
bool option_is(struct slice word);

/*
 * Whether the option is context=, and then what stands behind its '='. It belongs to one
 * request, so option_parse() refuses it.
 */
bool option_is_context(struct slice word, struct slice *token);

/*
 * Put the option into `options`. `ring` says how many owners there are to ask for.
 * Anything but STATUS_OK: `reason` has the error reply's text, and nothing changed.
 */
MUST_USE enum status option_parse(struct slice word, const struct ring *ring,
                                  struct request_options *options, struct buffer *reason);

enum { OPTION_COUNT = 8 };
/* Names and values of all options, for showing them; `index` is 0 .. OPTION_COUNT-1. */
const char *option_name(unsigned index);
void option_value(const struct request_options *options, unsigned index, struct buffer *out);

#endif
