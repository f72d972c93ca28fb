/*
 * fields.h - reads an administration reply: a map of names and values, or a list of such maps.
 *
 * Version 2 of the protocol sends a map as a list in which each value follows its
 * name; both forms are read. What is missing or of another type is a default, never a
 * crash: the node may be older or newer than this program.
 */
#ifndef RINGCTL_FIELDS_H
#define RINGCTL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/resp_reply.h"

bool fields_is_list(const struct resp_value *value); /* false for NULL; true for maps too */
size_t fields_count(const struct resp_value *value); /* elements; 0 for what has none */
/* The i-th element; NULL beyond the last one. */
const struct resp_value *fields_at(const struct resp_value *value, size_t i);

/* The value called `name`; NULL when there is none. */
const struct resp_value *fields_get(const struct resp_value *map, const char *name);
/* Borrowed, with a NUL behind; `otherwise` when there is no text of that name. */
const char *fields_text(const struct resp_value *map, const char *name, const char *otherwise);
int64_t fields_integer(const struct resp_value *map, const char *name, int64_t otherwise);
/* An integer that may come as text, such as a 64-bit number without sign. */
uint64_t fields_number(const struct resp_value *value);

#endif
