/*
 * json.h - writes JSON texts (RFC 8259) to a stream, indented for people.
 *
 * The caller opens, names and closes in the right order; this module puts the commas, the
 * line ends and the escapes. Bytes that are not UTF-8 become U+FFFD.
 */
#ifndef RINGCTL_JSON_H
#define RINGCTL_JSON_H

#include <stdbool.h>
#include <stdio.h>

struct json {
    FILE *out;
    int depth;
    bool follows; /* something stands before in the same object or array */
};

/* `name` is NULL in an array and for the outermost value. */
void json_open(struct json *json, const char *name, char bracket);       /* '{' or '[' */
void json_close(struct json *json, char bracket);                        /* '}' or ']' */
void json_string(struct json *json, const char *name, const char *text); /* NULL is null */
/* `text` is a number, true, false or null as JSON writes it. */
void json_literal(struct json *json, const char *name, const char *text);

#endif
