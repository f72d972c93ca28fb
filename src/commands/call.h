/*
 * call.h - one command under way: its arguments, the key requests it waits for, its reply.
 *
 * A call is a small machine. The command's `start` looks at the arguments and does
 * one of these, then returns:
 *
 *     call_reply_...()   answer at once
 *     call_read() ...    ask for a key; the function given there goes on with the result
 *     call_scatter()     ask for many, CALL_REQUESTS_OPEN_MAX at a time
 *     call_sleep()       go on at a later time
 *
 * and the function that goes on has the same choice. A reply is written in one
 * piece: after the first byte of it nothing is waited for. So a call needs no
 * memory of its own for a reply whose turn has come.
 *
 * Arguments live as long as the call. Key entries in a request live until the next
 * step of the session (session.h); take them from call_entries().
 */
#ifndef COMMANDS_CALL_H
#define COMMANDS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "commands/command.h"
#include "commands/environment.h"
#include "coordinator/key_request.h"
#include "node/event.h"
#include "wire/resp_writer.h"

struct session;
struct call;

enum {
    CALL_REQUESTS_OPEN_MAX = 128, /* key requests of one call under way at once */
    CALL_INDEX_BITS = 21          /* of a token; above the highest index of a request */
};

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_DONE };

/* Goes on with the outcome of the one key asked for; only when its level was met. */
typedef void call_take(struct call *call, const struct key_outcome *outcome);
/* Fills in request number `index`: kind, partition, entries and what the kind needs. */
typedef void call_make(struct call *call, uint32_t index, struct key_request *request);
/* Takes the result of request number `index`, good or bad. */
typedef void call_collect(struct call *call, uint32_t index, const struct key_result *result);
typedef void call_next(struct call *call);

/* A look at what a key holds beside strings (types.h). */
struct type_check {
    uint8_t kind; /* of the request that was made */
    keyspace_id keyspace;
    struct slice key;
    struct mutation mutation;
    call_take *take;
    call_next *then; /* of type_look() */
    uint8_t type;    /* that is walked over */
    uint64_t place;
    int64_t number;        /* of the write that was made */
    uint64_t expire_at_ms; /* of the elements */
    uint8_t tries;
    bool present; /* one of that type is there */
    bool string;
    struct key_result failure;
};

/* Where a removal of flagged keys is (types.h). */
struct collection_removal {
    uint32_t at;  /* index of the key */
    uint8_t type; /* whose counting elements are listed: of a hash, then of a sorted set */
    struct buffer names;
    uint32_t name_count; /* of fields that are to be removed next; 0: list more */
    call_collect *collect;
    call_next *then;
};

struct call {
    struct session *session;
    const struct command *command; /* the row, of the subcommand where there is one */
    uint32_t number;               /* of the row in the table; COMMAND_COUNT: rejected */
    struct slice *arguments;       /* the command's name first */
    uint32_t argument_count;
    struct request_options options; /* of the connection, then of WITH */
    keyspace_id keyspace;
    bool has_context; /* of WITH context= */
    struct slice context_text;
    struct version_vector context; /* once the call runs */
    hybrid_time context_time;
    struct slice request_id; /* of WITH id=; empty: none */
    uint64_t request_digest;

    bool grows_value;       /* set by commands whose value may outgrow the limit */
    bool adds_decimal;      /* set by those that add numbers with a fraction */
    bool adds_to_field;     /* and by those that add to a field of a hash */
    const char *failed_sum; /* the error when adding to a score fails; NULL: it is none */
    bool times_each;        /* set by those of which each request has the whole time */
    bool takes_collections; /* set by those that want to be told of one instead of an error */
    const char *type_text;  /* the error for one; NULL: WRONGTYPE */
    struct buffer scratch, spare, place; /* the command's own bytes; */
    struct buffer gathered;              /* these no selection of elements touches */
    void *work;                          /* the command's own state; see call_work() */

    /* The rest belongs to call.c and session.c. */
    uint64_t serial; /* place in the connection's order */
    enum call_state state;
    bool silent;       /* the client asked for no reply */
    uint32_t blockers; /* earlier calls that must be done first */
    uint64_t *keys;    /* hashes of the keys, for conflicts */
    uint32_t key_count, key_capacity;
    uint8_t access;
    bool writes;
    struct instant started;
    uint64_t started_bytes; /* length of the output before the reply */
    uint32_t wire_bytes;
    struct buffer reply;
    struct buffer text; /* the arguments' bytes */
    uint32_t slice_capacity;
    call_take *take;
    call_make *make;
    call_collect *collect;
    call_next *done;
    struct slice asked_key;
    keyspace_id asked_keyspace;
    uint8_t asked_kind;
    struct mutation asked_mutation;
    struct type_check check;
    struct buffer flagged; /* of struct flagged_key */
    struct key_result flagged_failure;
    struct collection_removal removal;
    uint32_t request_total, request_next, request_open;
    call_next *wake;
    uint64_t wake_us;
    struct call *pool_next;
};

/* Of the session around the call. */
struct environment *call_environment(const struct call *call);
struct instant call_now(const struct call *call);
enum resp_version call_version(const struct call *call);

/* Argument number `index`, which must be there. */
struct slice call_argument(const struct call *call, uint32_t index);
bool call_argument_is(const struct call *call, uint32_t index, const char *word);

/* Zeroed memory for the command's state, released with the call; asked for once. */
void *call_work(struct call *call, size_t bytes);

/* ---- asking ---- */

void call_read(struct call *call, struct slice key, call_take *take);
void call_write(struct call *call, struct slice key, const struct mutation *mutation,
                call_take *take);
/* In another keyspace than the connection's. */
void call_read_in(struct call *call, keyspace_id keyspace, struct slice key, call_take *take);
void call_write_in(struct call *call, keyspace_id keyspace, struct slice key,
                   const struct mutation *mutation, call_take *take);
/* `total` requests, at least one; `done` when the last result was collected. */
void call_scatter(struct call *call, uint32_t total, call_make *make, call_collect *collect,
                  call_next *done);
/* In a collect function: ask for `index` once more before `done`. */
void call_repeat(struct call *call, uint32_t index);
/* In a collect function: ask for no more than what is under way. */
void call_scatter_stop(struct call *call);
/* Zeroed; they live until the next step of the session. */
struct key_entry *call_entries(struct call *call, uint32_t count);
/* To an entry that writes the command's own key: what WITH context= says was read of it. */
void call_give_context(const struct call *call, struct key_entry *entry);
/* Of a value that a client writes in the connection's keyspace. */
uint32_t call_value_bytes_max(const struct call *call);
partition_id call_partition(const struct call *call, struct slice key);
/* Go on at `when_us` of the monotonic clock, or earlier when the client is unblocked. */
void call_sleep(struct call *call, uint64_t when_us, call_next *wake);
/* WAIT asks for the connection's last write: tell it which that is. */
void call_note_write(struct call *call, keyspace_id keyspace, struct slice key,
                     const struct key_result *result, const struct key_outcome *outcome);

/* The same of an element of a collection. */
void call_note_element(struct call *call, struct slice key, uint8_t collection,
                       struct slice element, const struct key_result *result,
                       const struct key_outcome *outcome);

/* ---- answering ---- */

/* For a reply of several values; call_finish() ends it. */
struct resp_writer call_writer(struct call *call);
void call_finish(struct call *call);

void call_reply_ok(struct call *call);
void call_reply_simple(struct call *call, const char *text);
void call_reply_integer(struct call *call, int64_t value);
void call_reply_bulk(struct call *call, struct slice bytes);
void call_reply_verbatim(struct call *call, struct slice text);
void call_reply_null(struct call *call);
/* The text begins with its code: "ERR ...". */
void call_reply_error(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The error for a result that is not OK. */
void call_reply_failure(struct call *call, uint8_t kind, const struct key_result *result);
/* Only its text, for commands of several requests. */
void call_failure_text(uint8_t kind, const struct key_result *result, struct buffer *out);

#define NOT_A_FLOAT     "ERR value is not a valid float"
#define FLOAT_OVERFLOW  "ERR increment would produce NaN or Infinity"
#define STRING_TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

void call_reply_syntax_error(struct call *call);
void call_reply_not_an_integer(struct call *call);

#endif
