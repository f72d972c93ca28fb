/*
 * elements.h - what commands on collections share: named elements, and walks over all of them.
 *
 * Elements that are named are one key request, whatever else the collection holds; all of them are
 * read page by page. Where an owner knows the key by another type, it is looked at (types.h) before
 * the client is told.
 *
 * `call->work` of a command that asks here begins with a struct element_work.
 */
#ifndef COMMANDS_ELEMENTS_H
#define COMMANDS_ELEMENTS_H

#include "commands/call.h"

enum {
    ELEMENTS_MAX = KEY_ENTRIES_MAX - 1, /* of one request */
    ELEMENTS_PAGE = 1000,
    ELEMENTS_ANSWER_BYTES_MAX = 32 << 20 /* of what is gathered, and of an answer */
};

/* Goes on with a result that is OK: outcome 0 is the key's, the others are the elements'. */
typedef void element_take(struct call *call, const struct key_result *result);

struct element_ask {
    uint8_t kind; /* KEY_ELEMENTS_GET, KEY_ELEMENTS_WRITE */
    uint8_t type; /* enum collection_type */
    struct slice key;
    const struct slice *names; /* every `step`th names an element; with 2, its value is next */
    uint32_t step, count;
    struct mutation mutation; /* KEY_ELEMENTS_WRITE */
    const bool *removes;      /* NULL; or for each, whether it is a delete instead */
    bool begins;              /* they take the place of the key, whose end goes */
    element_take *take;       /* answers the client, unless there is `then` */
    element_take *fail;       /* has a failure instead of the client; NULL: that is answered */
    call_next *then;          /* goes on after `take` or `fail`; NULL: the call is over */
};

struct element_walk {
    uint8_t type;
    struct slice key;
    uint64_t place; /* where to begin, then where to go on */
    uint32_t limit; /* of a page */
    bool one_page;
    bool ordered; /* of a sorted set by scores: one page, see sorted_select.h */
    bool reversed;
    bool counts;       /* ordered: what was asked cannot be told from the order of owners */
    struct slice from; /* ordered: where to begin */
    bool stop;         /* may be set by `take` */
    void (*take)(struct call *call, const struct key_outcome *outcome);
    call_next *then;
    bool done; /* all was met */
    struct key_result failure;
};

struct element_work {
    struct element_ask ask;
    struct element_walk walk;
    bool seen;  /* no other type than the one that is asked for */
    bool empty; /* and none of that one either, when it was looked at */
    bool over;  /* a failure was answered */
    struct key_result refused;
};

/* Whether the call's keyspace has collections of the type; false: the error is sent. */
bool elements_keyspace_is_right(struct call *call, uint8_t type);
/* false, and the error is sent: it is refused before anything is asked. */
bool elements_ask(struct call *call, const struct element_ask *ask);
/* The same, of arguments that stand behind the key, the first one. */
void elements_ask_arguments(struct call *call, struct element_ask ask);
/* Ways to answer: how many had no value before, how many were removed, whether there is one. */
element_take elements_take_new, elements_take_removed, elements_take_presence;
/* `walk` says what of the first eight members is wanted. */
void elements_walk(struct call *call, const struct element_walk *walk);
/* true: the walk has failed, and that is answered. */
bool elements_walk_failed(struct call *call);

/*
 * HGETALL, SMEMBERS, SCARD and their like: all elements. What is shown of each is in call->scratch,
 * as it is answered, when `then` goes on.
 */
struct element_list {
    struct element_work work;
    bool names, values; /* are shown */
    uint64_t count;
};
/* Of the key that is the first argument; a wrong keyspace is answered. */
void elements_list(struct call *call, uint8_t type, bool names, bool values, call_next *then);
/* A way to go on: answer how many there are. */
call_next elements_reply_count;

/*
 * HSCAN, SSCAN: one page from a cursor on. `take` appends to call->scratch and counts what it has
 * appended in `shown`.
 */
struct element_scan {
    struct element_work work;
    bool has_pattern;
    struct slice pattern;
    uint64_t shown;
};
void elements_scan(struct call *call, uint8_t type,
                   void (*take)(struct call *call, const struct key_outcome *outcome));

/* The row of a command on one key, beside its handler. */
#define ELEMENTS_ROW(kind, category, word, number, what, cost, arguments, count, bits, key_bits)   \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = kind,                                                                             \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = arguments,                                                                       \
        .arity = count,                                                                            \
        .flags = bits,                                                                             \
        .categories = category,                                                                    \
        .keys = {{key_bits, 1, 0, 1}},                                                             \
        .start = start_##word,                                                                     \
    }

#endif
