/*
 * call.h - one call under way: its words, its time, what has happened to it.
 *
 * A call is in one of these states, and on the list that belongs to it:
 *
 *     READY   on the client's list: to be given to a node
 *     QUEUED  on a node's list: waits for room on a connection
 *     SENT    on a connection's list: its bytes are written, or will be, and the reply comes
 *     PAUSED  on no list: tried, and to be tried again at retry_us
 *     LEFT    on a connection's list, its user answered: only its reply is waited for
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/memory.h"
#include "client/ringdb.h"

enum call_state { CALL_READY, CALL_QUEUED, CALL_SENT, CALL_PAUSED, CALL_LEFT };

enum { CALL_OPTIONS_MAX = 8, CALL_REQUEST_ID_MAX = 64 };

struct call {
    struct call *next, *previous;
    enum call_state state;
    size_t heap_index;
    uint64_t due_us; /* its deadline; while PAUSED, the earlier of that and retry_us */
    uint64_t deadline_us;
    uint64_t request_end;   /* SENT, LEFT: bytes of the connection's stream up to its last one */
    struct node *queued_at; /* QUEUED: where */
    struct connection *sent_on; /* SENT, LEFT: likewise */
    struct node *avoided;       /* where the last attempt failed; NULL: nowhere */
    struct node *pinned;        /* where it was told to go; NULL: by its key */

    uint16_t slot;
    bool has_slot;
    bool read_only;
    bool has_id;
    bool uncertain; /* an attempt may have been applied */
    bool tells_timeout;
    bool internal;   /* of the client itself */
    bool may_repeat; /* another attempt is paid from the budget, and not sent yet */
    uint32_t attempts;
    struct ringdb_reply *last_error; /* of the latest attempt; NULL: none came */

    void (*done)(void *context, struct ringdb_result *result);
    void *done_context;

    size_t argument_count;
    size_t option_count; /* words of WITH, without timeout= */
    size_t words_bytes;  /* of all words in RESP, headers and line ends too */
    /* The options' words, then the arguments; their bytes stand behind in the same block. */
    struct ringdb_bytes words[];
};

/*
 * ERROR_NONE, INVALID, UNSUPPORTED or MEMORY; then `message` has a sentence. `timeout_ms` is
 * the client's default.
 */
MUST_USE enum ringdb_error ringdb_call_new(const struct ringdb_memory *memory,
                                           const struct ringdb_call *from, uint64_t now_us,
                                           uint32_t timeout_ms, struct call **out, char *message);
void ringdb_call_free(const struct ringdb_memory *memory, struct call *call); /* accepts NULL */

/*
 * Append the request to `out`; the servers are told how long the client will wait. False: no
 * memory, and nothing was appended.
 */
MUST_USE bool ringdb_call_encode(const struct call *call, uint64_t now_us,
                                 const struct ringdb_memory *memory, struct ringdb_queue *out);
/* A command of plain words, without options; as above. */
MUST_USE bool ringdb_words_encode(const struct ringdb_bytes *words, size_t count,
                                  const struct ringdb_memory *memory, struct ringdb_queue *out);

/* ---- lists ---- */

struct call_list {
    struct call *first, *last;
    size_t count;
};

void ringdb_call_list_append(struct call_list *list, struct call *call);
void ringdb_call_list_remove(struct call_list *list, struct call *call);

#endif
