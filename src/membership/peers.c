#include "membership/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ring/roster.h"
#include "ring/transition.h"
#include "wire/message.h"
#include "wire/message_lineage.h"

struct peer {
    node_id id;
    uint16_t incarnation; /* the highest that was seen */
    link_id link;         /* up when not 0 */
    bool dialing;
    uint64_t dial_at_us; /* UINT64_MAX: not waiting to dial */
    uint32_t backoff_ms;
    uint64_t heard_us;   /* 0: never */
    uint64_t echo_us;    /* of its newest heartbeat on this link; 0: none yet */
    uint64_t echo_at_us; /* when that came */
};

/* A link whose HELLO has not come yet. */
struct stranger {
    link_id link;
    node_id dialed; /* 0: incoming */
    node_id proven; /* 0: nobody had to */
    uint64_t deadline_us;
};

struct peers {
    struct peers_params params;
    struct random random;
    struct peer *peers; /* all members but self */
    uint32_t count;
    struct stranger *strangers;
    uint32_t stranger_count;
    uint32_t stranger_capacity; /* a maximum: above it incoming links are closed at once */
    uint64_t heartbeat_at_us;
    uint64_t refused;
    bool is_started;
    uint64_t lonely_at_us; /* while no link is up: one that should dial here is dialed then */
    uint32_t lonely_next;
};

static bool we_dial(const struct peers *peers, const struct peer *peer)
{
    return peers->params.self < peer->id;
}

void peers_output_clear(struct peers_output *output)
{
    output->count = 0;
    buffer_clear(&output->bodies);
}

void peers_output_deinit(struct peers_output *output)
{
    free(output->actions);
    buffer_deinit(&output->bodies);
    *output = (struct peers_output){0};
}

static struct peers_action *add_action(struct peers_output *out, enum peers_action_kind kind)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity == 0 ? 8 : out->capacity * 2;
        out->actions = memory_resize(out->actions, out->capacity, sizeof *out->actions);
    }
    struct peers_action *action = &out->actions[out->count++];
    *action = (struct peers_action){.kind = kind, .offset = out->bodies.length};
    return action;
}

static void begin_peer(void *item, const struct ring_member *member, void *context)
{
    const struct peers *peers = context;
    struct peer *peer = item;
    peer->incarnation = member->storage_incarnation;
    peer->dial_at_us = peers->is_started && we_dial(peers, peer) ? 0 : UINT64_MAX;
    peer->backoff_ms = peers->params.reconnect_min_ms;
}

static void follow_ring(struct peers *peers)
{
    static const struct roster_kind PEERS = {.size = sizeof(struct peer), .begin = begin_peer};
    peers->peers = roster_follow(peers->peers, &peers->count, peers->params.ring,
                                 peers->params.self, &PEERS, peers);
    uint32_t capacity = 2 * peers->count + 16;
    if (capacity > peers->stranger_capacity) {
        peers->strangers = memory_resize(peers->strangers, capacity, sizeof *peers->strangers);
        peers->stranger_capacity = capacity;
    }
}

struct peers *peers_new(const struct peers_params *params)
{
    struct peers *peers = memory_new(1, sizeof *peers);
    peers->params = *params;
    peers->random = random_make(params->random_seed);
    follow_ring(peers);
    return peers;
}

void peers_free(struct peers *peers)
{
    if (peers == NULL)
        return;
    free(peers->peers);
    free(peers->strangers);
    free(peers);
}

static struct peer *find_peer(const struct peers *peers, node_id id)
{
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->peers[i].id == id)
            return &peers->peers[i];
    return NULL;
}

static struct peer *peer_of_link(const struct peers *peers, link_id link)
{
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->peers[i].link == link)
            return &peers->peers[i];
    return NULL;
}

static struct stranger *find_stranger(const struct peers *peers, link_id link)
{
    for (uint32_t i = 0; i < peers->stranger_count; i++)
        if (peers->strangers[i].link == link)
            return &peers->strangers[i];
    return NULL;
}

static void remove_stranger(struct peers *peers, struct stranger *stranger)
{
    *stranger = peers->strangers[--peers->stranger_count];
}

/*
 * Full jitter: each wait is drawn from the whole interval, which doubles up to its maximum. NULL
 * is who is no member any more.
 */
static void plan_dial(struct peers *peers, struct peer *peer, uint64_t now_us)
{
    if (peer == NULL)
        return;
    peer->dialing = false;
    if (!we_dial(peers, peer) || peer->link != 0)
        return;
    uint64_t wait_us = 1000 + random_below(&peers->random, (uint64_t)peer->backoff_ms * 1000 + 1);
    peer->dial_at_us = now_us + wait_us;
    peer->backoff_ms *= 2;
    if (peer->backoff_ms > peers->params.reconnect_max_ms)
        peer->backoff_ms = peers->params.reconnect_max_ms;
}

static void plan_lonely(struct peers *peers, uint64_t now_us, uint64_t wait_ms)
{
    peers->lonely_at_us = now_us + wait_ms * 1000;
}

static bool is_lonely(const struct peers *peers)
{
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->peers[i].link != 0)
            return false;
    return peers->count > 0;
}

static void dial(struct peer *peer, struct peers_output *out)
{
    peer->dialing = true;
    peer->dial_at_us = UINT64_MAX;
    add_action(out, PEERS_DIAL)->node = peer->id;
}

static void send(link_id link, uint16_t type, struct slice body, struct peers_output *out)
{
    struct peers_action *action = add_action(out, PEERS_SEND);
    action->link = link;
    action->type = type;
    action->length = body.length;
    buffer_append_slice(&out->bodies, body);
}

/*
 * Two nodes that have both never heard of a move must agree on the table. Once partitions move, one
 * may know more than the other, and no digest can tell: every message has its partition's tag (T1
 * of tests/models/ring_change.py), and two values under one number are noticed by the register.
 */
static uint64_t placement_digest(const struct ring *ring)
{
    return ring_has_moved(ring) ? 0 : ring_placement_digest(ring);
}

static bool places_alike(const struct ring *ring, uint64_t digest)
{
    return digest == 0 || ring_has_moved(ring) || digest == ring_placement_digest(ring);
}

static void send_hello(const struct peers *peers, link_id link, struct peers_output *out)
{
    struct buffer body = {0};
    struct message_hello hello = {.generation = peers->params.ring->generation,
                                  .placement_digest = placement_digest(peers->params.ring),
                                  .tag = peers->params.ring->tag,
                                  .node = peers->params.self,
                                  .storage_incarnation = peers->params.storage_incarnation,
                                  .boot_epoch = peers->params.boot_epoch};
    memcpy(hello.cluster_id, peers->params.ring->cluster_id, sizeof hello.cluster_id);
    message_hello_encode(&hello, &body);
    send(link, MESSAGE_HELLO, buffer_slice(&body), out);
    buffer_deinit(&body);
}

static void send_heartbeat(const struct peer *peer, uint64_t now_us, uint64_t wall_ms,
                           struct peers_output *out)
{
    struct buffer body = {0};
    struct message_heartbeat heartbeat = {.sent_us = now_us,
                                          .wall_ms = wall_ms,
                                          .echo_us = peer->echo_us,
                                          .held_us = now_us - peer->echo_at_us};
    if (peer->echo_us == 0)
        heartbeat.held_us = 0;
    message_heartbeat_encode(&heartbeat, &body);
    send(peer->link, MESSAGE_HEARTBEAT, buffer_slice(&body), out);
    buffer_deinit(&body);
}

static void send_judged(link_id link, enum lineage_verdict verdict, uint16_t incarnation,
                        struct peers_output *out)
{
    struct buffer body = {0};
    struct message_lineage_judged judged = {.verdict = (uint8_t)verdict,
                                            .storage_incarnation = incarnation};
    message_lineage_judged_encode(&judged, &body);
    send(link, MESSAGE_LINEAGE_JUDGED, buffer_slice(&body), out);
    buffer_deinit(&body);
}

static void forget_clock(struct peers *peers, struct peer *peer)
{
    peer->echo_us = 0;
    if (peers->params.clocks != NULL)
        clock_watch_forget(peers->params.clocks, peer->id);
}

static void take_down(struct peers *peers, struct peer *peer, uint64_t now_us,
                      struct peers_output *out)
{
    peer->link = 0;
    plan_lonely(peers, now_us, 3 * (uint64_t)peers->params.peer_timeout_ms);
    forget_clock(peers, peer);
    add_action(out, PEERS_DOWN)->node = peer->id;
    plan_dial(peers, peer, now_us);
    log_line(&peers->params.log, LOG_WARN, "lost peer node=%u", peer->id);
}

void peers_start(struct peers *peers, uint64_t now_us, struct peers_output *out)
{
    peers->is_started = true;
    plan_lonely(peers, now_us, 3 * (uint64_t)peers->params.peer_timeout_ms);
    peers->heartbeat_at_us = now_us + (uint64_t)peers->params.heartbeat_ms * 1000;
    for (uint32_t i = 0; i < peers->count; i++)
        if (we_dial(peers, &peers->peers[i]))
            dial(&peers->peers[i], out);
}

void peers_follow_ring(struct peers *peers, struct peers_output *out)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        struct peer *peer = &peers->peers[i];
        if (peer->link == 0 || ring_member(peers->params.ring, peer->id) != NULL)
            continue;
        forget_clock(peers, peer);
        send_judged(peer->link, LINEAGE_FENCED, 0, out); /* nobody will dial it again */
        add_action(out, PEERS_CLOSE)->link = peer->link;
        add_action(out, PEERS_DOWN)->node = peer->id;
        log_line(&peers->params.log, LOG_INFO, "a peer has left the cluster node=%u", peer->id);
    }
    follow_ring(peers);
}

void peers_link_up(struct peers *peers, struct peers_link link, uint64_t now_us,
                   struct peers_output *out)
{
    if (peers->stranger_count == peers->stranger_capacity) {
        peers->refused++;
        add_action(out, PEERS_CLOSE)->link = link.id;
        if (link.dialed != 0)
            plan_dial(peers, find_peer(peers, link.dialed), now_us);
        return;
    }
    peers->strangers[peers->stranger_count++] = (struct stranger){
        .link = link.id,
        .dialed = link.dialed,
        .proven = link.proven,
        .deadline_us = now_us + (uint64_t)peers->params.handshake_timeout_ms * 1000};
    send_hello(peers, link.id, out);
}

static void drop_stranger(struct peers *peers, struct stranger *stranger, uint64_t now_us)
{
    node_id dialed = stranger->dialed;
    remove_stranger(peers, stranger);
    if (dialed != 0)
        plan_dial(peers, find_peer(peers, dialed), now_us);
}

void peers_link_down(struct peers *peers, link_id link, uint64_t now_us, struct peers_output *out)
{
    struct stranger *stranger = find_stranger(peers, link);
    struct peer *peer = peer_of_link(peers, link);
    if (stranger != NULL)
        drop_stranger(peers, stranger, now_us);
    else if (peer != NULL)
        take_down(peers, peer, now_us, out);
}

void peers_dial_failed(struct peers *peers, node_id node, uint64_t now_us, struct peers_output *out)
{
    struct peer *peer = find_peer(peers, node);
    (void)out;
    if (peer != NULL && peer->dialing)
        plan_dial(peers, peer, now_us);
}

static const char OLD_INCARNATION[] = "old-storage-incarnation";
static const char FENCED[] = "it-has-left-the-cluster";

/* NULL when the HELLO fits, else what is wrong with it. */
static const char *judge_hello(const struct peers *peers, const struct message_hello *hello,
                               const struct stranger *stranger)
{
    const struct ring *ring = peers->params.ring;
    const struct peer *peer = find_peer(peers, hello->node);
    if (memcmp(hello->cluster_id, ring->cluster_id, sizeof ring->cluster_id) != 0)
        return "other-cluster";
    if (hello->generation != ring->generation || ring_tag_compare(hello->tag, ring->tag) != 0 ||
        !places_alike(ring, hello->placement_digest))
        return "other-ring";
    if (hello->node == peers->params.self)
        return "own-node-id";
    if (peer == NULL)
        return ring_is_fenced(ring, hello->node) ? FENCED : "not-a-member";
    if (stranger->dialed != 0 && stranger->dialed != hello->node)
        return "not-whom-we-dialed";
    if (stranger->proven != 0 && stranger->proven != hello->node) /* P4 */
        return "not-the-node-of-its-certificate";
    if (hello->storage_incarnation < peer->incarnation) /* P3 */
        return OLD_INCARNATION;
    if (hello->features != 0)
        return "unknown-features";
    return NULL;
}

static void accept_hello(struct peers *peers, link_id link, const struct message_hello *hello,
                         uint64_t now_us, uint64_t wall_ms, struct peers_output *out)
{
    struct peer *peer = find_peer(peers, hello->node);
    forget_clock(peers, peer);
    if (peer->link != 0) { /* P1: it came back before its end was noticed */
        add_action(out, PEERS_CLOSE)->link = peer->link;
        add_action(out, PEERS_DOWN)->node = peer->id;
    }
    peer->link = link;
    peer->dialing = false;
    peer->dial_at_us = UINT64_MAX;
    peer->incarnation = hello->storage_incarnation;
    peer->heard_us = now_us;
    struct peers_action *up = add_action(out, PEERS_UP);
    up->node = peer->id;
    up->link = link;
    send_heartbeat(peer, now_us, wall_ms, out); /* both clocks are compared at once */
    log_line(&peers->params.log, LOG_INFO, "peer is up node=%u incarnation=%u", peer->id,
             hello->storage_incarnation);
}

/* A node that begins with an old store, or is a member no more, must learn it from somebody. */
static void tell_why(const struct peers *peers, link_id link, const struct message_hello *hello,
                     const char *reason, struct peers_output *out)
{
    if (reason == FENCED)
        send_judged(link, LINEAGE_FENCED, 0, out);
    else if (reason == OLD_INCARNATION)
        send_judged(link, LINEAGE_OLD_INCARNATION, find_peer(peers, hello->node)->incarnation, out);
}

static void handle_hello(struct peers *peers, struct stranger *stranger, struct slice body,
                         uint64_t now_us, uint64_t wall_ms, struct peers_output *out)
{
    struct message_hello hello = {0};
    link_id link = stranger->link;
    const char *reason = "not-decodable";
    if (message_hello_decode(body, &hello) == STATUS_OK)
        reason = judge_hello(peers, &hello, stranger);
    if (reason == NULL) {
        node_id dialed = stranger->dialed;
        remove_stranger(peers, stranger);
        assert(dialed == 0 || dialed == hello.node);
        accept_hello(peers, link, &hello, now_us, wall_ms, out);
        return;
    }
    peers->refused++;
    log_line(&peers->params.log, LOG_WARN, "refused a peer reason=%s", reason);
    tell_why(peers, link, &hello, reason, out);
    add_action(out, PEERS_CLOSE)->link = link;
    drop_stranger(peers, stranger, now_us);
}

static void handle_heartbeat(struct peers *peers, struct peer *peer, struct slice body,
                             uint64_t now_us, uint64_t wall_ms, struct peers_output *out)
{
    struct message_heartbeat heartbeat;
    if (message_heartbeat_decode(body, &heartbeat) != STATUS_OK) {
        peers->refused++;
        return;
    }
    bool first = peer->echo_us == 0;
    peer->echo_us = heartbeat.sent_us;
    peer->echo_at_us = now_us;
    if (first)
        send_heartbeat(peer, now_us, wall_ms, out);
    if (heartbeat.echo_us != 0 && peers->params.clocks != NULL)
        clock_watch_exchange(peers->params.clocks, peer->id,
                             &(struct clock_exchange){.sent_us = heartbeat.echo_us,
                                                      .received_us = now_us,
                                                      .held_us = heartbeat.held_us,
                                                      .wall_ms = heartbeat.wall_ms});
}

node_id peers_frame(struct peers *peers, link_id link, uint16_t type, struct slice body,
                    uint64_t now_us, uint64_t wall_ms, struct peers_output *out)
{
    struct stranger *stranger = find_stranger(peers, link);
    struct peer *peer = peer_of_link(peers, link);
    if (stranger != NULL && type == MESSAGE_HELLO) {
        handle_hello(peers, stranger, body, now_us, wall_ms, out);
        return 0;
    }
    if (stranger != NULL) { /* P2 */
        peers->refused++;
        add_action(out, PEERS_CLOSE)->link = link;
        drop_stranger(peers, stranger, now_us);
        return 0;
    }
    if (peer == NULL)
        return 0;
    peer->heard_us = now_us;
    peer->backoff_ms = peers->params.reconnect_min_ms; /* not before: it may hang up on our HELLO */
    if (type == MESSAGE_HEARTBEAT)
        handle_heartbeat(peers, peer, body, now_us, wall_ms, out);
    return type == MESSAGE_HELLO || type == MESSAGE_HEARTBEAT ? 0 : peer->id;
}

static void send_heartbeats(struct peers *peers, uint64_t now_us, uint64_t wall_ms,
                            struct peers_output *out)
{
    for (uint32_t i = 0; i < peers->count; i++)
        if (peers->peers[i].link != 0)
            send_heartbeat(&peers->peers[i], now_us, wall_ms, out);
    peers->heartbeat_at_us = now_us + (uint64_t)peers->params.heartbeat_ms * 1000;
}

/*
 * Who left the cluster while it was down is dialed by nobody, and learns it only from whom it
 * dials itself. So a node that reaches nobody tries, one by one, also those that would dial it.
 */
static void dial_lonely(struct peers *peers, uint64_t now_us, struct peers_output *out)
{
    if (now_us < peers->lonely_at_us || !is_lonely(peers))
        return;
    struct peer *peer = &peers->peers[peers->lonely_next++ % peers->count];
    plan_lonely(peers, now_us, peers->params.reconnect_max_ms);
    if (!peer->dialing && !we_dial(peers, peer))
        dial(peer, out);
}

void peers_tick(struct peers *peers, uint64_t now_us, uint64_t wall_ms, struct peers_output *out)
{
    uint64_t timeout_us = (uint64_t)peers->params.peer_timeout_ms * 1000;
    if (now_us >= peers->heartbeat_at_us)
        send_heartbeats(peers, now_us, wall_ms, out);
    for (uint32_t i = peers->stranger_count; i-- > 0;) {
        if (now_us >= peers->strangers[i].deadline_us) {
            add_action(out, PEERS_CLOSE)->link = peers->strangers[i].link;
            drop_stranger(peers, &peers->strangers[i], now_us);
        }
    }
    for (uint32_t i = 0; i < peers->count; i++) {
        struct peer *peer = &peers->peers[i];
        if (peer->link != 0 && now_us - peer->heard_us >= timeout_us) {
            add_action(out, PEERS_CLOSE)->link = peer->link;
            take_down(peers, peer, now_us, out);
        }
        if (now_us >= peer->dial_at_us)
            dial(peer, out);
    }
    dial_lonely(peers, now_us, out);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t peers_deadline_us(const struct peers *peers)
{
    uint64_t deadline = peers->heartbeat_at_us;
    if (is_lonely(peers))
        deadline = least(deadline, peers->lonely_at_us);
    for (uint32_t i = 0; i < peers->stranger_count; i++)
        deadline = least(deadline, peers->strangers[i].deadline_us);
    for (uint32_t i = 0; i < peers->count; i++) {
        deadline = least(deadline, peers->peers[i].dial_at_us);
        if (peers->peers[i].link != 0)
            deadline = least(deadline, peers->peers[i].heard_us +
                                           (uint64_t)peers->params.peer_timeout_ms * 1000);
    }
    return deadline;
}

bool peers_is_up(const struct peers *peers, node_id node)
{
    return peers_link(peers, node) != 0;
}

link_id peers_link(const struct peers *peers, node_id node)
{
    const struct peer *peer = find_peer(peers, node);
    return peer == NULL ? 0 : peer->link;
}

uint64_t peers_silence_ms(const struct peers *peers, node_id node, uint64_t now_us)
{
    const struct peer *peer = find_peer(peers, node);
    if (peer == NULL || peer->heard_us == 0)
        return UINT64_MAX;
    return (now_us - peer->heard_us) / 1000;
}

uint64_t peers_refused_count(const struct peers *peers)
{
    return peers->refused;
}

void peers_note_incarnation(struct peers *peers, node_id node, uint16_t incarnation)
{
    struct peer *peer = find_peer(peers, node);
    if (peer != NULL && incarnation > peer->incarnation)
        peer->incarnation = incarnation;
}
