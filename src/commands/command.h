/*
 * command.h - one row of the command table: all that is known of a command.
 *
 * COMMAND and its subcommands, arity checks, the keys of a request, the order of
 * a pipeline and the manual's list come from these rows and from nothing else.
 * Each row stands beside its handler; command_table.h finds it.
 */
#ifndef COMMANDS_COMMAND_H
#define COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

struct call; /* commands/call.h */

/* In the order and by the names of COMMAND INFO; see command_flag_names. */
enum command_flags {
    COMMAND_WRITE = 1 << 0,
    COMMAND_READONLY = 1 << 1,
    COMMAND_DENYOOM = 1 << 2,
    COMMAND_ADMIN = 1 << 3,
    COMMAND_PUBSUB = 1 << 4,
    COMMAND_NOSCRIPT = 1 << 5,
    COMMAND_BLOCKING = 1 << 6,
    COMMAND_LOADING = 1 << 7,
    COMMAND_STALE = 1 << 8,
    COMMAND_FAST = 1 << 9,
    COMMAND_NO_AUTH = 1 << 10,
    COMMAND_NO_ASYNC_LOADING = 1 << 11,
    COMMAND_MOVABLE_KEYS = 1 << 12,
    COMMAND_ALLOW_BUSY = 1 << 13,
    COMMAND_FLAG_COUNT = 14
};

/*
 * In the order of Redis. A row names those that its flags do not imply: @write,
 * @read, @admin with @dangerous, @pubsub, @blocking, and @fast or @slow come by themselves.
 */
enum command_categories {
    CATEGORY_KEYSPACE = 1 << 0,
    CATEGORY_READ = 1 << 1,
    CATEGORY_WRITE = 1 << 2,
    CATEGORY_SET = 1 << 3,
    CATEGORY_SORTEDSET = 1 << 4,
    CATEGORY_HASH = 1 << 5,
    CATEGORY_STRING = 1 << 6,
    CATEGORY_BITMAP = 1 << 7,
    CATEGORY_HYPERLOGLOG = 1 << 8,
    CATEGORY_GEO = 1 << 9,
    CATEGORY_PUBSUB = 1 << 10,
    CATEGORY_ADMIN = 1 << 11,
    CATEGORY_FAST = 1 << 12,
    CATEGORY_SLOW = 1 << 13,
    CATEGORY_BLOCKING = 1 << 14,
    CATEGORY_DANGEROUS = 1 << 15,
    CATEGORY_CONNECTION = 1 << 16,
    CATEGORY_COUNT = 17
};

/* What is done to a key; by the names of COMMAND INFO. */
enum key_flags {
    KEY_FLAG_RO = 1 << 0,
    KEY_FLAG_RW = 1 << 1,
    KEY_FLAG_OW = 1 << 2,
    KEY_FLAG_RM = 1 << 3,
    KEY_FLAG_ACCESS = 1 << 4,
    KEY_FLAG_UPDATE = 1 << 5,
    KEY_FLAG_INSERT = 1 << 6,
    KEY_FLAG_DELETE = 1 << 7,
    KEY_FLAG_VARIABLE = 1 << 8,
    KEY_FLAG_COUNT = 9,
    KEYS_COUNTED = 1 << 15 /* no flag of the key: see struct key_spec */
};

/*
 * Which arguments are keys: `first`, and every `step`th up to `first + last`; last -1: to the end.
 * KEYS_COUNTED: `first` says how many, and they follow.
 */
struct key_spec {
    uint16_t flags; /* enum key_flags; 0: the spec is not there */
    uint8_t first;
    int8_t last;
    uint8_t step;
};

/* Beside which other commands of its connection a command may run. */
enum command_access {
    ACCESS_KEYS = 0, /* all that do not conflict on its keys; without keys, all */
    ACCESS_RING,     /* it sees every key, so only beside what writes none */
    ACCESS_ALONE     /* it changes the connection or looks at what came before: none */
};

enum { COMMAND_KEY_SPECS_MAX = 2 };

struct command {
    const char *name;      /* lower case */
    const char *container; /* of a subcommand: the name it stands behind; else NULL */
    const char *group;     /* as in COMMAND DOCS */
    const char *since;     /* version of Redis, or of RingDB for what is ours */
    const char *summary;
    const char *complexity;
    const char *syntax;    /* the arguments, in the notation of syntax.h */
    const char *tips;      /* separated by spaces; NULL for none */
    int8_t arity;          /* with the name, and the container's; -n: at least n */
    uint8_t access;        /* enum command_access */
    bool secret;           /* its arguments may hold a password: they are shown to nobody */
    bool while_subscribed; /* also with version 2, when the connection listens to channels */
    bool context;          /* WITH context=: the write replaces what that token's reader saw */
    bool repeatable; /* WITH id=: each of its key requests stands for itself, in the same order */
    uint32_t flags;
    uint32_t categories;
    struct key_spec keys[COMMAND_KEY_SPECS_MAX];
    /* Begins the work; the rest is call.h's. NULL for WITH and what has only subcommands. */
    void (*start)(struct call *call);
    const struct command *subcommands; /* ended by a row without a name; NULL for none */
};

extern const char *const command_flag_names[COMMAND_FLAG_COUNT];
extern const char *const command_category_names[CATEGORY_COUNT]; /* without the '@' */
extern const char *const key_flag_names[KEY_FLAG_COUNT];

#endif
