/*
 * arguments.h - the command line of ringctl, read by the table of verbs and the table of options.
 *
 *     ringctl [OPTION ...] VERB [WORD ...] [OPTION ...]
 *
 * Options may stand anywhere; "--" ends them, for keys that begin with "-". An option
 * that the verb does not know is an error, as an unknown one is.
 */
#ifndef RINGCTL_ARGUMENTS_H
#define RINGCTL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/ring.h"

struct arguments;

enum { OPERANDS_MAX = 2, SETTINGS_MAX = 10, SETTING_TEXT_MAX = 96 };

/* Exit codes that scripts rely on. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_DEGRADED = 4,
    EXIT_CONFLICT = 5, /* what it goes by is no longer true */
};

/* Bits of `struct verb.options`: what a verb takes beside what all take. */
enum verb_option {
    OPTION_WAIT = 1 << 0,
    OPTION_KEYSPACE = 1 << 1,
    OPTION_NEW_KEYSPACE = 1 << 8, /* what a keyspace is given for ever */
    OPTION_OF_KEYSPACE = 1 << 9,  /* what can be changed later */
    OPTION_PARTITION = 1 << 10,
    OPTION_DRY_RUN = 1 << 11,
    OPTION_YES = 1 << 12,
    OPTION_MEMBER = 1 << 13, /* what a member is given for ever */
    OPTION_ROLE = 1 << 14,
    OPTION_USER = 1 << 15, /* what a user is given */
    OPTION_REPEAT_RACKS = 1 << 16,
    OPTION_DRAIN = 1 << 17,
    OPTION_WATCH = 1 << 18 /* it only looks, so it may look again and again */
};

struct verb {
    const char *words;   /* "ring verify" */
    const char *operand; /* what follows, such as "KEY"; NULL: nothing */
    uint8_t operands_min, operands_max;
    unsigned options;    /* enum verb_option */
    const char *summary; /* one line */
    const char *help;    /* more, for --help; ends with a newline */
    enum exit_code (*run)(const struct arguments *arguments);
};

struct option {
    const char *name;    /* "--wait" or "-h" */
    const char *value;   /* "SECONDS"; NULL: takes none */
    unsigned verbs_with; /* enum verb_option; 0: every verb takes it */
    const char *summary;
};

/* The end of both tables has NULL as first member. */
extern const struct verb VERBS[]; /* main.c */
extern const struct option OPTIONS[];

/* How to speak with nodes; paths of PEM files, NULL where there is none. */
struct tls_choice {
    bool wanted;      /* by --tls, or by any of the others */
    bool insecure;    /* believe whoever answers */
    const char *ca;   /* NULL: whom the system trusts */
    const char *cert; /* with its key, or neither */
    const char *key;
};

struct arguments {
    const struct verb *verb; /* NULL: none was named */
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
    struct ring_address address;
    const char *user;          /* NULL: none was named */
    const char *password_file; /* likewise */
    struct tls_choice tls;
    const char *rules;             /* of a user, separated by blanks; NULL: none were named */
    const char *new_password_file; /* "-": standard input; NULL: none was named */
    bool json;
    bool help;
    bool version;
    const char *completion; /* the shell; NULL: not asked */
    unsigned timeout_ms;    /* for each round of questions */
    bool waits;
    unsigned wait_seconds;
    unsigned watch_seconds; /* 0: once */
    keyspace_id keyspace;
    char settings[SETTINGS_MAX]
                 [SETTING_TEXT_MAX]; /* of a keyspace: "name=value", as the node reads it */
    size_t setting_count;
    bool has_partition;
    uint32_t partition;
    bool dry_run;
    bool gateway;
    bool repeat_racks;
    bool yes; /* do not ask */
    bool undo;
    bool force; /* although something speaks against it */
};

/* STATUS_INVALID: one sentence with what to do instead was appended to `problem`. */
MUST_USE enum status arguments_parse(int argc, char **argv, struct arguments *out,
                                     struct buffer *problem);

/* The verb of exactly these words; NULL when there is none. */
const struct verb *verb_find(const char *words);

#endif
