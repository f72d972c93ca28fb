/*
 * loop.h - drives one node with one libev loop: sockets, time and the own store side.
 *
 * A turn of the loop is
 *
 *     poll         wait for sockets, the node's deadline, or loop_wake()
 *     look         has the store's condition changed?
 *     read         one read call per readable connection; each is one node_step()
 *     carry out    the effects of all those steps, in their order
 *     write        one write call per connection that has output
 *
 * What the last two cause (a closed connection, a refused store frame) is
 * stepped at once and carried out in the same turn, up to LOOP_ROUNDS_MAX times.
 *
 * Bounds (S = struct settings):
 *   clients           S.clients_max; one more gets an error text and is closed
 *   client output     reading from it stops above CLIENT_OUTPUT_PAUSE_BYTES;
 *                     above S.client_output_bytes_max it is closed
 *   peer output       above S.peer_output_bytes_max the link is closed
 *   peer input        one frame, at most FRAME_BYTES_MAX, and one read; a link that
 *                     has shown no valid frame yet may announce LINK_UNPROVEN_BYTES_MAX
 *   links             LINKS_MAX, incoming and dialed; one more is closed
 *   TLS handshakes    of clients S.tls_handshakes_max, of peers LINK_HANDSHAKES_MAX; the oldest
 *                     one gives way (handshakes.h), and none takes longer than
 *                     S.tls_handshake_timeout_ms or S.handshake_timeout_ms
 *   descriptors       listener.h
 *
 * One thread owns a loop. Only loop_wake() may be called from others.
 *
 * Peer addresses are looked up once, in loop_new(); a name that changes its
 * address needs a restart, and who joins later is reached by number. Where a listener is plain,
 * nothing but loopback is meant to be listened on; who may listen where is checked by its caller.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/log_histogram.h"
#include "base/status.h"
#include "net/address.h"
#include "node/event.h"
#include "node/settings.h"
#include "ring/ring.h"

struct ev_loop; /* <ev.h> */
struct node;    /* node/node.h */
struct tls;     /* net/tls.h */
struct loop;

enum {
    LOOP_ROUNDS_MAX = 4,
    LOOP_LISTEN_MAX = 8, /* addresses of each kind */
    CLIENT_OUTPUT_PAUSE_BYTES = 1 << 20,
    LINK_UNPROVEN_BYTES_MAX = 64 << 10,
    LINKS_MAX = 2048,
    LOOP_DRAIN_QUIET_MS = 200
};

/* The own store side as the loop sees it. Nothing here may block or call back into the loop. */
struct loop_store {
    void *context;
    /* Copies the frame. STATUS_OVERLOADED: the queue is full; any failure goes to `refused`. */
    enum status (*submit_write)(void *context, struct slice frame);
    enum status (*submit_read)(void *context, struct slice frame);
    /* Append all waiting frames for the loop side; called once after each loop_wake(). */
    void (*take_replies)(void *context, struct buffer *replies);
    /*
     * A submit failed with `why` and nothing was done: append the frames, if any, that tell the
     * node so. They reach it as EVENT_STORE_FRAMES in the same turn.
     */
    void (*refused)(void *context, struct slice frame, enum status why, struct buffer *replies);
    /*
     * How new client writes are refused now, or STATUS_OK; the node gets each change as
     * EVENT_STORE_CONDITION. Asked once per turn, so it must be cheap.
     */
    enum status (*condition)(void *context);
    /* EFFECT_STORE_QUARANTINE (node/event.h). */
    void (*quarantine)(void *context, uint16_t above, struct slice why);
};

/* Who makes slow hashes (wire/password_job.h). All NULL: nobody, and the node asks for none. */
struct loop_passwords {
    void *context;
    /* Copies the job. */
    void (*submit)(void *context, struct slice job);
    /* Append the results that are there; called once after each loop_wake(). */
    void (*take_results)(void *context, struct buffer *results);
};

struct loop_params {
    node_id self;
    const struct ring *ring;         /* members' peer addresses; borrowed for the call */
    const struct settings *settings; /* copied */
    struct log_sink log;
    struct loop_store store;
    struct loop_passwords passwords;
    struct ring_address client_listen[LOOP_LISTEN_MAX]; /* port 0: the system chooses */
    struct ring_address tls_listen[LOOP_LISTEN_MAX];    /* of clients that speak TLS */
    struct ring_address peer_listen[LOOP_LISTEN_MAX];
    const struct tls *tls; /* NULL: no TLS; else it says what peers speak; see loop_set_tls() */
    size_t client_listen_count;
    size_t tls_listen_count; /* not 0: `tls` offers it */
    size_t peer_listen_count;
};

struct loop_statistics {
    uint64_t turns;
    uint64_t turn_us_max; /* longest time between two polls */
    uint64_t steps;       /* events given to the node */
    uint64_t store_frames_refused;
    uint64_t client_read_calls;
    uint64_t client_read_bytes;
    uint64_t client_write_calls;
    uint64_t client_write_bytes;
    uint64_t link_read_calls;
    uint64_t link_read_bytes;
    uint64_t link_write_calls;
    uint64_t link_write_bytes;
    uint64_t clients_accepted;
    uint64_t clients_refused;       /* over clients_max */
    uint64_t clients_closed_output; /* over client_output_bytes_max */
    uint64_t links_opened;
    uint64_t links_closed_output; /* over peer_output_bytes_max */
    uint64_t links_closed_corrupt;
    uint64_t dials_failed;
    uint64_t accepts_failed;        /* no descriptor or memory for a connection */
    uint64_t tls_handshakes_failed; /* late ones among them */
    uint32_t clients_open;
    uint32_t links_open;
    /* From bytes of a client that one read has brought to all requests in them, started. */
    struct log_histogram parse_us;
};

/*
 * Resolve the peers and bind the listeners; nothing is accepted yet, but
 * loop_wake() may be called from now on.
 * STATUS_IO: an address cannot be listened on. STATUS_NOT_FOUND: a listen address
 * has an unknown host. One line was logged, `out` is untouched.
 */
MUST_USE enum status loop_new(const struct loop_params *params, struct loop **out);

/* Closes every socket without a word to the node. NULL is fine. */
void loop_free(struct loop *loop);

/*
 * Step `node`, which must outlive the loop, by EVENT_START and accept connections.
 * STATUS_IO: another process listens there.
 */
MUST_USE enum status loop_start(struct loop *loop, struct node *node);

/* Run until loop_stop() or the end of loop_drain(). */
void loop_run(struct loop *loop);
/* Let loop_run() return once this turn's effects are carried out. */
void loop_stop(struct loop *loop);
/*
 * Accept no connection and read no client any longer; stop once everything is
 * sent and no client got a new answer for LOOP_DRAIN_QUIET_MS, and after
 * S.request_timeout_ms in any case. Peers are served meanwhile.
 */
void loop_drain(struct loop *loop);

/*
 * Replies are waiting in the store, or hashes of passwords. From any thread; many calls may become
 * one take_replies() and take_results().
 */
void loop_wake(struct loop *loop);

/* New bounds for what happens from now on; what is open stays open. */
void loop_set_settings(struct loop *loop, const struct settings *settings);

/*
 * `tls` instead of what the loop had, offering as much; it must outlive the loop or the next call.
 * New connections go by it. Of the open ones those end that it does not accept, once the current
 * turn's effects are carried out; the others go on.
 */
void loop_set_tls(struct loop *loop, const struct tls *tls);

/* For watchers of the caller, such as signals. */
struct ev_loop *loop_ev(struct loop *loop);
/* The time that events get, for a look at the node between two of them. */
struct instant loop_now(void);
/* Where the n-th listener of its kind listens; 0 after loop_drain(). */
uint16_t loop_client_port(const struct loop *loop, size_t index);
uint16_t loop_tls_port(const struct loop *loop, size_t index);
uint16_t loop_peer_port(const struct loop *loop, size_t index);
void loop_statistics(const struct loop *loop, struct loop_statistics *out);

#endif
