/*
 * ringdb.h - libringdb, the C client of RingDB: routed, pipelined, and honest about outcomes.
 *
 * A client learns the ring and sends each call to the nearest owner of its key. It repeats
 * what is safe to repeat until the call's time is up, and then says which of three
 * things is true:
 *
 *     RINGDB_OK         the answer is there
 *     RINGDB_FAILED     definite: nothing was applied, by this call, anywhere
 *     RINGDB_UNCERTAIN  it was sent and may have been applied, or may yet be
 *
 * Reads, errors that promise that nothing was written, and requests whose last byte never
 * left this machine are repeated. A write of unknown outcome is repeated only when it
 * carries a request id, by which the servers apply it once.
 *
 * Two ways to use one client. Blocking: ringdb_execute(). On any event loop: hand the descriptors
 * of ringdb_wait_at() (or of the `watch` function) and ringdb_deadline_us() to the loop, tell
 * ringdb_ready() and ringdb_advance() what happened, and get results by the calls' `done`.
 *
 * No global state, no threads, no signals, no output. One client is for one thread at a
 * time; clients are independent. An allocation that fails is an error of the call. Host
 * names are looked up with getaddrinfo(3), which may block; addresses never do.
 */
#ifndef RINGDB_H
#define RINGDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ringdb; /* a client of one cluster */

/* Borrowed bytes. */
struct ringdb_bytes {
    const void *data; /* may be NULL when `length` is 0 */
    size_t length;
};

struct ringdb_bytes ringdb_bytes(const void *data, size_t length);
struct ringdb_bytes ringdb_text(const char *text); /* without its NUL; NULL is no bytes */

/* ---- replies ---- */

enum ringdb_type {
    RINGDB_SIMPLE,     /* text */
    RINGDB_ERROR,      /* text, with its code */
    RINGDB_BULK,       /* text: any bytes */
    RINGDB_VERBATIM,   /* text */
    RINGDB_BIG_NUMBER, /* text: the digits */
    RINGDB_INTEGER,    /* integer */
    RINGDB_DOUBLE,     /* real */
    RINGDB_BOOLEAN,    /* integer: 0 or 1 */
    RINGDB_NULL,       /* nothing */
    RINGDB_ARRAY,      /* elements */
    RINGDB_MAP,        /* elements: each key with its value behind it */
    RINGDB_SET,        /* elements */
    RINGDB_PUSH        /* elements; never given as a result */
};

/* One block of memory holds the whole tree; release its root with ringdb_reply_free(). */
struct ringdb_reply {
    enum ringdb_type type;
    union {
        struct ringdb_bytes text; /* a NUL that is not counted follows */
        int64_t integer;
        double real;
        struct {
            const struct ringdb_reply *elements;
            size_t element_count;
        };
    };
};

void ringdb_reply_free(struct ringdb_reply *reply); /* accepts NULL */
/* The value called `name` of a map, or of a list in which values follow names; NULL: none. */
const struct ringdb_reply *ringdb_reply_get(const struct ringdb_reply *map, const char *name);

/* ---- calls ---- */

enum ringdb_outcome { RINGDB_OK, RINGDB_FAILED, RINGDB_UNCERTAIN };

/* Why a call has no answer. */
enum ringdb_error {
    RINGDB_ERROR_NONE,
    RINGDB_ERROR_SERVER,      /* an error reply; it is in `reply` */
    RINGDB_ERROR_TIMEOUT,     /* the call's time is up */
    RINGDB_ERROR_CONNECTION,  /* no node could be reached, or a connection was lost */
    RINGDB_ERROR_PROTOCOL,    /* a node answered what is not the protocol, or too much */
    RINGDB_ERROR_MEMORY,      /* an allocation failed */
    RINGDB_ERROR_INVALID,     /* the call or an option makes no sense */
    RINGDB_ERROR_UNSUPPORTED, /* understood, and not offered */
    RINGDB_ERROR_BUSY,        /* `calls_max` calls are under way */
    RINGDB_ERROR_CANCELLED    /* the client was freed */
};

/* A few plain words, never NULL. */
const char *ringdb_error_name(enum ringdb_error error);

struct ringdb_result {
    enum ringdb_outcome outcome;
    enum ringdb_error error;    /* NONE exactly when the outcome is OK */
    struct ringdb_reply *reply; /* of OK, and the error reply of ERROR_SERVER; else NULL */
    char message[160];          /* one sentence; empty when OK */
    unsigned attempts;          /* how often it was sent or could not be */
};

/* What to do. All zero but `arguments` is a plain call. Everything is copied. */
struct ringdb_call {
    const struct ringdb_bytes *arguments; /* the command's name first */
    size_t argument_count;                /* 1.. */
    const char *level;                    /* "ONE" .. "ALL"; NULL: the keyspace's */
    const char *r, *w, *dw;               /* "1".., "quorum", "all"; NULL: the level's */
    struct ringdb_bytes context;          /* of RING.GET: the write replaces what that showed */
    struct ringdb_bytes request_id;       /* the same id is applied once; 1..64 bytes, no blanks */
    const char *traceparent;              /* W3C Trace Context; NULL: none */
    uint32_t timeout_ms; /* for all attempts; the servers are told. 0: the client's default */
    bool read_only;      /* a command unknown to this library writes nothing */
    /*
     * Gets the result, from within ringdb_ready(), ringdb_advance() or ringdb_free(), and never
     * from ringdb_submit(). The reply is freed when it returns, unless it has taken it and set
     * result->reply to NULL. It may submit further calls and nothing else. NULL: nobody asks.
     */
    void (*done)(void *context, struct ringdb_result *result);
    void *done_context;
};

/* ---- clients ---- */

/* All zero but `hosts` is good. Texts are copied. */
struct ringdb_options {
    const char *hosts;             /* ways in: "HOST:PORT,HOST:PORT"; port 6379 when left out */
    const char *region;            /* its owners are the nearest; NULL: as the nodes tell */
    const char *user, *password;   /* NULL: none */
    uint16_t keyspace;             /* its number */
    bool direct;                   /* only the first host, and no ring: for tools */
    bool tls;                      /* refused: not offered yet */
    uint32_t timeout_ms;           /* of calls that name none; the servers are not told. 0: 10000 */
    uint32_t connect_timeout_ms;   /* and for the handshake. 0: 1000 */
    uint32_t connections_per_node; /* 0: 1; at most 1024 */
    uint32_t pipeline_max;         /* calls on one connection at once. 0: 1024 */
    uint32_t calls_max;            /* calls under way at once. 0: 65536 */
    uint32_t attempts_max;         /* of one call. 0: 16 */
    uint32_t refresh_ms;           /* ask for the ring so often. 0: 30000 */
    size_t reply_bytes_max;        /* of one reply. 0: 64 MiB */
    uint64_t seed;                 /* of the jitter; 0: from the system */
    /* As realloc(), and frees for 0 bytes. NULL: the C library's. */
    void *(*resize)(void *context, void *old, size_t bytes);
    void *resize_context;
    /*
     * The wanted RINGDB_WAIT_ bits of a descriptor have changed; 0: forget it, it is closed next.
     */
    void (*watch)(void *context, int fd, unsigned events);
    void *watch_context;
};

enum { RINGDB_MESSAGE_MAX = 160 };

/*
 * Nothing is connected yet. On an error `*out` is untouched and `message`, of
 * RINGDB_MESSAGE_MAX bytes, has a sentence.
 */
enum ringdb_error ringdb_new(const struct ringdb_options *options, struct ringdb **out,
                             char *message);
/* Ends calls under way with ERROR_CANCELLED, sent writes as uncertain. Accepts NULL. */
void ringdb_free(struct ringdb *client);

/* ---- blocking ---- */

/*
 * Do one call; `done` is not used. Release with ringdb_result_free(). Other calls under way go
 * on meanwhile, and their `done` is called.
 */
void ringdb_execute(struct ringdb *client, const struct ringdb_call *call,
                    struct ringdb_result *out);
/* The same for `count` calls, sent together; each has its own result. */
void ringdb_execute_many(struct ringdb *client, const struct ringdb_call *calls, size_t count,
                         struct ringdb_result *out);
void ringdb_result_free(struct ringdb_result *result);
/* One turn: wait at most `timeout_ms` for something to happen, and handle it. -1: for ever. */
void ringdb_turn(struct ringdb *client, int timeout_ms);

/* ---- on an event loop ---- */

/* Times are microseconds of CLOCK_MONOTONIC, or of any clock that never goes back. */
uint64_t ringdb_now_us(void);

/*
 * Take a call; nothing is sent before ringdb_advance(). Anything but ERROR_NONE: it was not
 * taken, `done` will not be called, and `message` (may be NULL) has a sentence.
 */
enum ringdb_error ringdb_submit(struct ringdb *client, const struct ringdb_call *call,
                                uint64_t now_us, char *message);
/* Send what can be sent, and give up what is late. To be called last in each turn of a loop. */
void ringdb_advance(struct ringdb *client, uint64_t now_us);
/* When ringdb_advance() has something to do although nothing happens; UINT64_MAX: never. */
uint64_t ringdb_deadline_us(const struct ringdb *client);

enum { RINGDB_WAIT_READ = 1, RINGDB_WAIT_WRITE = 2 };

struct ringdb_wait {
    int fd;
    unsigned events; /* RINGDB_WAIT_ bits */
};

/* How many descriptors to wait for; they and their order change with every call but these two. */
size_t ringdb_wait_count(const struct ringdb *client);
struct ringdb_wait ringdb_wait_at(const struct ringdb *client, size_t index);
/* `fd` is ready for `events`; one that the client does not know is left alone. */
void ringdb_ready(struct ringdb *client, int fd, unsigned events, uint64_t now_us);

/* How many calls are under way; those that were given up and not answered yet count too. */
size_t ringdb_open_calls(const struct ringdb *client);

/* ---- what is known of the ring ---- */

struct ringdb_state {
    bool ring_known;          /* a map of slots was read */
    unsigned nodes;           /* known */
    unsigned nodes_connected; /* with a connection that is ready */
    unsigned connections;     /* that are ready */
    uint64_t refreshes;       /* maps read */
    uint64_t retries;         /* attempts after a call's first */
    uint64_t connections_lost;
    const char *last_error; /* why a node could not be used last; empty: never */
};

/* `last_error` lives until the next call of anything. */
void ringdb_state(const struct ringdb *client, struct ringdb_state *out);
/* "HOST:PORT" of the node that the key would be sent to now, or NULL. Lives as above. */
const char *ringdb_route(const struct ringdb *client, struct ringdb_bytes key);

/* ---- concurrent values ---- */

struct ringdb_sibling {
    struct ringdb_bytes value;
    int64_t time_ms; /* since 1970 */
    int64_t ttl_ms;  /* -1: none */
    uint32_t node;   /* that made it */
};

/*
 * Read the reply to RING.GET: the context, and up to `max` siblings, the newest first.
 * All borrow from the reply. False: it is not such a reply.
 */
bool ringdb_siblings(const struct ringdb_reply *reply, struct ringdb_bytes *context,
                     struct ringdb_sibling *siblings, size_t max, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
