/*
 * session_state.h - the inside of a session, for session.c, call.c and the commands
 * that are about the connection itself.
 *
 * Calls stand in a ring by their serial number, from the oldest whose reply is not
 * out to the newest:
 *
 *     head_serial             tail_serial
 *      | done? running ...... waiting | free
 *
 * A call runs once none of those before it conflicts with it. A reply leaves when
 * its call is done and at the head.
 */
#ifndef COMMANDS_SESSION_STATE_H
#define COMMANDS_SESSION_STATE_H

#include "commands/call.h"
#include "commands/session.h"
#include "commands/subscriptions.h"
#include "commands/user_table.h"
#include "wire/resp_reader.h"
#include "wire/resp_writer.h"

/* Memory for one step's key entries; blocks do not move. */
struct entry_block {
    struct entry_block *next;
    uint32_t count, capacity;
    struct key_entry entries[];
};

enum reply_mode { REPLY_ON, REPLY_OFF };

/* Whether it wants to be told that the node is about to be stopped (maintenance.h), and how. */
enum maintenance_wish { MAINTENANCE_OFF, MAINTENANCE_ENDPOINT, MAINTENANCE_NO_ENDPOINT };

/* The last write of the connection, for WAIT. */
struct last_write {
    bool made;    /* there was one */
    bool unknown; /* its outcome is not known */
    uint64_t serial;
    keyspace_id keyspace;
    struct buffer key;
    uint8_t collection; /* not 0: it is the element of that type of the key */
    struct buffer element;
    struct dot dot;
    uint8_t acks; /* owners known to hold it durably */
};

struct session {
    connection_id id;
    struct environment *environment;
    struct session *previous, *next; /* in environment->sessions */
    struct buffer address;           /* with a NUL behind */
    struct instant opened, heard;

    struct resp_reader *reader;
    struct buffer input; /* what is not read yet */
    struct call **queue;
    uint32_t queue_capacity; /* a power of two */
    uint64_t head_serial, tail_serial;
    uint32_t waiting_count;
    uint32_t ready_count; /* waiting, and no longer blocked */
    uint64_t wire_bytes;  /* of the calls in the queue */
    struct call *pool;
    uint32_t pool_count;
    bool paused;
    bool closing;       /* nothing more is read or run */
    bool is_logging_in; /* nothing is read: how large it may be depends on the outcome */

    const struct user_rights *rights; /* NULL: nobody's */
    bool logged_in;
    bool stranger; /* session_distrust() */
    bool is_free;  /* logged in, and may do everything */
    bool expelled; /* its user is gone: it is closed, after the reply that it is owed */

    enum resp_version version;
    keyspace_id keyspace;
    struct buffer name, library_name, library_version;
    struct request_options options;
    enum reply_mode reply_mode;
    bool reply_skip; /* the next command's reply is left out */
    bool no_evict, no_touch;
    uint8_t maintenance;                  /* enum maintenance_wish */
    bool unblocked, unblocked_with_error; /* CLIENT UNBLOCK has asked for the end of a WAIT */
    struct last_write last_write;
    struct listener listener; /* what it is subscribed to */
    const struct command *last_command;
    int found_command; /* number of the last one that was looked up: clients repeat themselves */
    uint64_t command_count, bytes_in, bytes_out;

    /* of the step that runs */
    struct session_output *out;
    struct instant now;
    struct entry_block *entry_blocks;
};

/* NULL when no connection has this id. */
struct session *session_find(const struct environment *environment, connection_id id);
/* Back to how a connection begins, as RESET does. */
void session_reset(struct session *session);
/* By whether it has logged in: how large a request may be. */
void session_limit_requests(struct session *session);
/* Bytes out of the order of requests, between two replies. */
void session_push(struct session *session, struct slice bytes);
/* Ends the connection when the reply under way and those before it are out. */
void session_close_after_reply(struct session *session);

/* ---- between session.c and call.c ---- */

void session_request(struct session *session, struct call *call, uint32_t index,
                     const struct key_request *request);
void session_call_done(struct session *session, struct call *call);

/*
 * Fills in the command, its options and what it conflicts with; on error, a call that answers it.
 */
void call_prepare(struct call *call);
bool calls_conflict(const struct call *a, const struct call *b);
void call_start(struct call *call);
void call_deliver(struct call *call, uint32_t index, const struct key_result *result);
void call_set_arguments(struct call *call, const struct slice *arguments, uint32_t count);
void call_free(struct call *call);

#endif
