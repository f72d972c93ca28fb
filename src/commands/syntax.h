/*
 * syntax.h - the arguments of a command, from their one line of notation.
 *
 *     key value [NX | XX] [EX seconds | PX milliseconds | KEEPTTL] <ON | OFF> [key ...]
 *
 *     word       an argument; its name says its type
 *     WORD       stands for itself; before a word or < >, it names that argument
 *     [ ... ]    may be left out
 *     a | b      one of them, within [ ] or < >
 *     x ...      once or more; [x ...] behind x: x once or more
 *
 * COMMAND DOCS shows the tree, the manual shows the line.
 */
#ifndef COMMANDS_SYNTAX_H
#define COMMANDS_SYNTAX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

enum { SYNTAX_NODES_MAX = 64 };

enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_INTEGER,
    SYNTAX_KEY,
    SYNTAX_PATTERN,
    SYNTAX_UNIX_TIME,
    SYNTAX_PURE_TOKEN,
    SYNTAX_ONE_OF,
    SYNTAX_BLOCK
};

const char *syntax_type_name(enum syntax_type type); /* "pure-token" */

/* Lists are linked by index; 0 ends one, because the root is nobody's child. */
struct syntax_node {
    enum syntax_type type;
    struct slice name;  /* as written; a token's case is upper */
    struct slice token; /* empty: none */
    bool optional, multiple;
    uint8_t first_child, next;
};

struct syntax {
    struct syntax_node nodes[SYNTAX_NODES_MAX]; /* 0 is the root, a block of all arguments */
    uint8_t count;
};

/* STATUS_INVALID: the line breaks the notation, or has too many parts. Slices borrow from it. */
MUST_USE enum status syntax_parse(const char *line, struct syntax *out);

#endif
