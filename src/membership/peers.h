/*
 * peers.h - whom can this node reach: links, handshake, heartbeats, own-path failure detection.
 *
 * Between two members there is one link; the one with the lower id dials. Both
 * ends say HELLO first; a peer is up when its HELLO fits: same cluster, same
 * ring, a member, and a storage incarnation not below any that was seen of it.
 * Silence for `peer_timeout_ms` makes it down and its link closed; what was in
 * flight is then known to be lost. A lost peer is dialed again after a wait that
 * doubles with every link that did not work. A node that reaches nobody for long dials all the
 * others too. Nothing here ever changes the ring.
 *
 * What was seen outlives this process: peers_note_incarnation(), from the own store.
 *
 * Invariants:
 *   P1  a member has at most one link that is up
 *   P2  data is taken only from a link whose HELLO was accepted
 *   P3  a storage incarnation below one that was seen, or that the ring names, is refused
 *   P4  who has proved to be one node cannot say HELLO as another
 * Source: reference "algorithms" 2.1, 2.2, 2.4.
 */
#ifndef MEMBERSHIP_PEERS_H
#define MEMBERSHIP_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "membership/clock_watch.h"
#include "ring/ring.h"

struct peers;

struct peers_params {
    const struct ring *ring; /* outlives it */
    node_id self;
    uint16_t storage_incarnation;
    uint32_t boot_epoch;
    uint32_t heartbeat_ms;
    uint32_t peer_timeout_ms;
    uint32_t handshake_timeout_ms;
    uint32_t reconnect_min_ms;
    uint32_t reconnect_max_ms;
    uint64_t random_seed;
    struct log_sink log;
    struct clock_watch *clocks; /* outlives it; told what heartbeats say. NULL: nobody listens */
};

enum peers_action_kind {
    PEERS_DIAL,  /* node */
    PEERS_SEND,  /* link, type, body */
    PEERS_CLOSE, /* link */
    PEERS_UP,    /* node, link: requests may be sent */
    PEERS_DOWN   /* node: what was asked of it will not be answered */
};

struct peers_action {
    enum peers_action_kind kind;
    node_id node;
    link_id link;
    uint16_t type;
    size_t offset; /* of the body in `bodies` */
    size_t length;
};

/* Actions in their order. All zero is empty; cleared by the caller between steps. */
struct peers_output {
    struct peers_action *actions;
    uint32_t count;
    uint32_t capacity;
    struct buffer bodies;
};

void peers_output_clear(struct peers_output *output);
void peers_output_deinit(struct peers_output *output);

struct peers *peers_new(const struct peers_params *params);
void peers_free(struct peers *peers);

void peers_start(struct peers *peers, uint64_t now_us, struct peers_output *out);
/*
 * The members of the ring have changed. Links to past members are closed, and they are down; who
 * is new is dialed at the next tick.
 */
void peers_follow_ring(struct peers *peers, struct peers_output *out);

struct peers_link {
    link_id id;
    node_id dialed; /* 0: it came in */
    node_id proven; /* whom the other side has proved to be; 0: nobody had to */
};

void peers_link_up(struct peers *peers, struct peers_link link, uint64_t now_us,
                   struct peers_output *out);
void peers_link_down(struct peers *peers, link_id link, uint64_t now_us, struct peers_output *out);
void peers_dial_failed(struct peers *peers, node_id node, uint64_t now_us,
                       struct peers_output *out);
/*
 * A frame came on `link`. `wall_ms` is the own wall clock as it stands, right or wrong. Returns
 * whose it is when it is for others to handle (P2), 0 when it was a matter of this module or is
 * refused.
 */
node_id peers_frame(struct peers *peers, link_id link, uint16_t type, struct slice body,
                    uint64_t now_us, uint64_t wall_ms, struct peers_output *out);
void peers_tick(struct peers *peers, uint64_t now_us, uint64_t wall_ms, struct peers_output *out);
uint64_t peers_deadline_us(const struct peers *peers);

/* Refuse older ones of it from now on (P3). */
void peers_note_incarnation(struct peers *peers, node_id node, uint16_t incarnation);

bool peers_is_up(const struct peers *peers, node_id node);
/* 0 when it is not up. */
link_id peers_link(const struct peers *peers, node_id node);
/* UINT64_MAX when nothing was ever heard of it. */
uint64_t peers_silence_ms(const struct peers *peers, node_id node, uint64_t now_us);
uint64_t peers_refused_count(const struct peers *peers);

#endif
