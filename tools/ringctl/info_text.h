/*
 * info_text.h - reads the text of INFO: "name:value" on each line.
 *
 * A node may be of another version, or refuse: a line that is missing has a default.
 */
#ifndef RINGCTL_INFO_TEXT_H
#define RINGCTL_INFO_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/resp_reply.h"

/* The text of a reply; an empty slice when it is NULL, an error or anything else. */
struct slice info_text_of(const struct resp_value *reply);

/* The value of the line `name`, up to its end; an empty slice: there is none. */
struct slice info_text_line(struct slice info, const char *name);
/* The same as a text of at most `room` - 1 bytes. */
void info_text_copy(struct slice info, const char *name, char *out, size_t room);
/* A whole number that may be below 0; `otherwise` when the line is missing or says no such thing.
 */
int64_t info_text_number(struct slice info, const char *name, int64_t otherwise);

#endif
