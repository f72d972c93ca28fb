/*
 * client_state.h - what the parts of a client share: the client, its nodes, their connections.
 *
 * A call goes from the client's list to a node's, from there with its bytes to a connection,
 * and ends by its reply, its time, or the connection's end (call.h has the states).
 *
 * Which events may change what, so that nothing vanishes under a loop:
 *   ringdb_submit()   adds to `ready`; allowed within a call's `done`
 *   ringdb_ready()    reads and writes one connection, and may close that one
 *   ringdb_advance()  everything else: opens and closes connections, changes the ring
 */
#ifndef CLIENT_CLIENT_STATE_H
#define CLIENT_CLIENT_STATE_H

#include "base/random.h"
#include "base/retry_budget.h"
#include "client/call.h"
#include "client/due_heap.h"
#include "client/memory.h"
#include "client/reply_reader.h"
#include "client/ring_map.h"
#include "client/ringdb.h"
#include "client/tls.h"

enum {
    OUT_BYTES_FULL = 64 << 10, /* no further call is written behind so much */
    READ_BYTES = 64 << 10,
    CONNECTIONS_PER_NODE_MAX = 1024
};

enum connection_state {
    CONNECTION_CONNECTING,
    CONNECTION_SECURING, /* TLS only: the handshake */
    CONNECTION_GREETING,
    CONNECTION_OPEN
};

struct connection {
    struct node *node;
    struct connection *next; /* of the node */
    size_t index;            /* in the client's `connections` */
    int fd;
    SSL *ssl; /* NULL: the connection is plain */
    enum connection_state state;
    unsigned watched;     /* what `watch` was told */
    uint64_t deadline_us; /* to be OPEN by then */
    uint64_t heard_us;    /* when something came last, or the first of `calls` was written */
    unsigned greetings;   /* replies to come before it is OPEN */
    struct ringdb_queue out, in;
    uint64_t written, accepted; /* bytes put into `out`; bytes of them that the system took */
    struct ringdb_reply_reader reader;
    struct call_list calls; /* SENT and LEFT, in the order of their replies */
};

struct node {
    struct node *next;
    char address[MAP_ADDRESS_MAX];
    bool is_way_in; /* named by the options */
    bool in_map;
    struct connection *connections;
    unsigned connection_count, open_count;
    struct connection *next_to_use; /* turns among `connections`; NULL: the first */
    unsigned failures;              /* in a row; 0: it can be used */
    uint64_t retry_us;              /* when to connect again */
    struct call_list queue;
};

struct ringdb {
    struct ringdb_memory memory;
    struct ringdb_tls *tls;         /* NULL: connections are plain */
    char *region, *user, *password; /* NULL: none */
    uint16_t keyspace;
    bool direct;
    uint32_t timeout_ms, connect_timeout_ms, connections_per_node, pipeline_max, calls_max;
    uint32_t attempts_max, refresh_ms;
    size_t reply_bytes_max;
    void (*watch)(void *context, int fd, unsigned events);
    void *watch_context;
    struct random random;

    uint64_t now_us; /* of the latest event */
    struct call_list ready;
    struct ringdb_due_heap due; /* all calls but those LEFT */
    size_t call_count;          /* calls that are allocated, but for internal ones */

    struct node *nodes;
    struct node *next_node; /* turns for calls without a key; NULL: the first */
    struct connection **connections;
    size_t connection_count, connection_capacity;
    struct connection **by_fd; /* NULL where the descriptor is none of ours */
    size_t fd_capacity;

    struct ring_map map;
    struct node **map_nodes;      /* of map.addresses, by index */
    struct ringdb_reply *new_map; /* to be read by ringdb_advance() */
    bool asks_ring, asks_cluster; /* RING.SLOTS is unknown there, so CLUSTER SLOTS */
    uint64_t refresh_us;          /* when to ask next */
    uint64_t refresh_first_us;    /* not before, whatever happens */

    struct retry_budget retry_budget;
    uint64_t refreshes, retries, connections_lost;
    char last_error[RINGDB_MESSAGE_MAX];
};

/* ---- nodes.c: who there is, and whom to ask ---- */

/* The node of that address, made when it is new; NULL: no memory. */
MUST_USE struct node *ringdb_node_get(struct ringdb *client, const char *address);
void ringdb_nodes_free(struct ringdb *client); /* no connection, no call is left */
/*
 * Where to send the call now. NULL: nowhere before `*when_us`, UINT64_MAX when there is no node
 * at all.
 */
struct node *ringdb_node_choose(struct ringdb *client, const struct call *call, uint64_t *when_us);
/* The address of the first owner that can be used; NULL: none. */
const char *ringdb_node_nearest(const struct ringdb *client, const struct map_range *range);
/* The node could not be used: leave it alone for a while that grows. */
void ringdb_node_failed(struct ringdb *client, struct node *node);

/* No call can be sent there now: those that wait for it go elsewhere, or end when it is direct. */
void ringdb_node_release(struct ringdb *client, struct node *node);

/* ---- ring.c: learning the ring ---- */

/* Something tells that the map may be old: ask soon. */
void ringdb_ring_doubt(struct ringdb *client);
/* Ask for the ring if it is time; read what was answered. */
void ringdb_ring_advance(struct ringdb *client);
uint64_t ringdb_ring_deadline_us(const struct ringdb *client);
void ringdb_ring_free(struct ringdb *client);

/* ---- connection.c ---- */

/* Begin to connect. False: the node was marked as failed, or there is no memory. */
bool ringdb_connection_open(struct ringdb *client, struct node *node);
/* Its calls end or are tried again; `why` is a few words for people. */
void ringdb_connection_close(struct ringdb *client, struct connection *connection,
                             enum ringdb_error error, const char *why);
/* Whether another call may be written now. */
bool ringdb_connection_has_room(const struct ringdb *client, const struct connection *connection);
/* Write the call, which is on no list, and take it. False: no memory. */
MUST_USE bool ringdb_connection_take(struct ringdb *client, struct connection *connection,
                                     struct call *call);
/* Give to the system what it takes. False: the connection is closed. */
bool ringdb_connection_flush(struct ringdb *client, struct connection *connection);
unsigned ringdb_connection_events(const struct connection *connection);
void ringdb_connection_tell(struct ringdb *client, struct connection *connection);
/* `events` of RINGDB_WAIT_; the connection may be closed afterwards. */
void ringdb_connection_ready(struct ringdb *client, struct connection *connection, unsigned events);

/* ---- outcome.c: what an attempt's end means ---- */

/* The reply is taken; NULL: there was no memory for it. The call is on no list. */
void ringdb_outcome_reply(struct ringdb *client, struct node *node, struct call *call,
                          struct ringdb_reply *reply);
/* The connection ended. `sent`: the system took all of the request. The call is on no list. */
void ringdb_outcome_lost(struct ringdb *client, struct node *node, struct call *call, bool sent,
                         enum ringdb_error error, const char *why);
/* The call's time is up; it is where its state says. */
void ringdb_outcome_late(struct ringdb *client, struct call *call);
/*
 * The end: answer the user. `reply` is taken. A call that is SENT becomes LEFT, another is
 * freed and must be on no list.
 */
void ringdb_outcome_finish(struct ringdb *client, struct call *call, enum ringdb_outcome outcome,
                           enum ringdb_error error, struct ringdb_reply *reply,
                           const char *message);

/* ---- client.c ---- */

/* A call that was submitted or is to be tried again now. It is on no list. */
void ringdb_client_make_ready(struct ringdb *client, struct call *call);
void ringdb_client_pause(struct ringdb *client, struct call *call, uint64_t until_us);

#endif
