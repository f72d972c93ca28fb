/*
 * arguments.h - the words of a request as numbers, names and patterns, read as Redis reads them.
 */
#ifndef COMMANDS_ARGUMENTS_H
#define COMMANDS_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Case does not matter; `word` is in any case. */
bool slice_is_word(struct slice slice, const char *word);

/* Decimal, in its only form: no '+', no leading zeros or spaces, no "-0". */
bool parse_integer(struct slice text, int64_t *out);
bool parse_unsigned(struct slice text, uint64_t *out);

/*
 * Whether `text` matches the pattern of KEYS and SCAN: * ? [a-z] [^a] and \ before a
 * byte that stands for itself. At most `pattern length` times `text length` steps.
 */
bool glob_matches(struct slice pattern, struct slice text, bool ignore_case);

/* "NAME=VALUE" in its parts, cut at the first '='; false when there is none. */
bool parse_option(struct slice word, struct slice *name, struct slice *value);

/* How many of its bytes an error shows. */
int argument_shown(struct slice text);

/* Whether the text can be a client's name: '!' to '~' only. */
bool is_plain_word(struct slice text);

#endif
