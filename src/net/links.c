#include "net/links.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/memory.h"
#include "base/table.h"
#include "net/handshakes.h"
#include "net/stream.h"
#include "net/turn.h"
#include "wire/frame.h"

struct link {
    link_id id;
    struct links *owner;
    struct stream stream;
    struct handshake handshake; /* active until both sides are known; then the node is told */
    node_id dialed;             /* 0: it came in */
    struct buffer input;        /* whole frames not yet handed over, or the start of one */
    bool proven;                /* has shown a valid frame */
    bool doomed;                /* over its output limit: ends at the next flush */
    bool queued;                /* in owner->dirty */
    struct link *prev;
    struct link *next;
    UT_hash_handle hh;
};

/* A connect() under way, or one that failed at once and waits for its report. */
struct dial {
    node_id node;
    struct links *owner;
    int fd; /* -1: failed */
    struct ev_io watcher;
    struct ev_timer timeout;
    struct dial *prev;
    struct dial *next;
};

struct peer {
    node_id node;
    bool resolved;
    struct ring_address name;
    struct socket_address address;
};

struct links {
    struct turn *turn;
    struct link *by_id;
    struct link *dirty;
    struct dial *dials;
    struct peer *peers;
    size_t peer_count;
    struct handshakes accepting;
    struct handshakes dialing;
    link_id last_id;
    struct stream_counters counters;
};

static void enqueue(struct link *link)
{
    if (link->queued)
        return;
    link->queued = true;
    DL_APPEND(link->owner->dirty, link);
}

static void dequeue(struct link *link)
{
    if (!link->queued)
        return;
    link->queued = false;
    DL_DELETE(link->owner->dirty, link);
}

static struct handshakes *handshakes_of(struct link *link)
{
    return link->dialed != 0 ? &link->owner->dialing : &link->owner->accepting;
}

static void release(struct link *link)
{
    struct links *links = link->owner;
    dequeue(link);
    handshakes_end(handshakes_of(link), &link->handshake);
    HASH_DEL(links->by_id, link);
    stream_deinit(&link->stream, links->turn->ev);
    buffer_deinit(&link->input);
    links->turn->statistics.links_open--;
    free(link);
}

static void report_failed_dial(struct turn *turn, node_id node)
{
    turn->statistics.dials_failed++;
    turn_step(turn, (struct event){.kind = EVENT_DIAL_FAILED, .node = node});
}

static void end_handshake(struct link *link, const char *why)
{
    struct links *links = link->owner;
    struct turn *turn = links->turn;
    struct handshakes *handshakes = handshakes_of(link);
    node_id dialed = link->dialed;
    char text[ADDRESS_TEXT_MAX];
    uint32_t others;
    turn->statistics.tls_handshakes_failed++;
    if (handshakes_may_log(handshakes, &others))
        log_line(&turn->log, LOG_WARN, "no TLS with a peer %s=%s reason=\"%s\" others=%" PRIu32,
                 dialed != 0 ? "dialed" : "from", stream_describe_peer(&link->stream, text), why,
                 others);
    /* An alert tells the other side; the link is closed whether that arrives or not. */
    (void)!stream_flush(&link->stream, turn->ev, 0, &links->counters);
    release(link);
    if (dialed != 0)
        report_failed_dial(turn, dialed);
}

static void on_handshake_over(struct handshake *handshake, const char *why)
{
    end_handshake(handshake->owner, why);
}

static void lose(struct link *link)
{
    struct turn *turn = link->owner->turn;
    link_id id = link->id;
    if (link->handshake.active) {
        end_handshake(link, "it went away");
        return;
    }
    if (link->stream.tls != NULL && link->stream.tls->failure[0] != '\0')
        log_line(&turn->log, LOG_WARN, "closed a peer connection link=%" PRIu64 " reason=\"%s\"",
                 id, link->stream.tls->failure);
    release(link);
    turn_step(turn, (struct event){.kind = EVENT_LINK_DOWN, .link = id});
}

static void tell_up(struct link *link)
{
    struct tls_session *tls = link->stream.tls;
    turn_step(link->owner->turn, (struct event){.kind = EVENT_LINK_UP,
                                                .link = link->id,
                                                .node = link->dialed,
                                                .proven = tls != NULL ? tls->node : 0});
}

/* A read gave `status` during the handshake. Whether the node knows of the link now. */
static bool greet(struct link *link, enum status status)
{
    struct turn *turn = link->owner->turn;
    struct tls_session *tls = link->stream.tls;
    if (status == STATUS_IO) {
        end_handshake(link, tls->failure[0] != '\0' ? tls->failure : "it went away");
        return false;
    }
    if (!tls->established)
        return false;
    if (!tls_session_is_current(tls, turn->tls) && !tls_session_verify(tls, turn->tls)) {
        end_handshake(link, tls->failure);
        return false;
    }
    handshakes_end(handshakes_of(link), &link->handshake);
    tell_up(link);
    return true;
}

/* Whether the frame that begins here is announced larger than this link may send. */
static bool announces_too_much(const struct link *link, struct slice rest)
{
    struct reader reader = reader_make(rest);
    uint32_t length = reader_u32(&reader);
    return !link->proven && !reader.failed && length > LINK_UNPROVEN_BYTES_MAX - 4;
}

/* Hand all whole frames over. STATUS_CORRUPT: the link cannot be used any longer. */
static enum status take_frames(struct link *link)
{
    struct slice rest = buffer_slice(&link->input);
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        struct frame frame;
        size_t used = 0;
        status = announces_too_much(link, rest) ? STATUS_CORRUPT : frame_parse(rest, &frame, &used);
        if (status != STATUS_OK)
            break;
        link->proven = true;
        rest = slice_make(rest.data + used, rest.length - used);
    }
    size_t whole = link->input.length - rest.length;
    if (whole > 0)
        turn_step(link->owner->turn, (struct event){.kind = EVENT_LINK_FRAMES,
                                                    .link = link->id,
                                                    .bytes = slice_make(link->input.data, whole)});
    buffer_consume(&link->input, whole);
    if (link->input.length == 0 && link->input.capacity > LINK_KEEP_BYTES)
        buffer_deinit(&link->input);
    return status == STATUS_NOT_FOUND ? STATUS_OK : STATUS_CORRUPT;
}

static void on_readable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct link *link = watcher->data;
    struct turn *turn = link->owner->turn;
    size_t got = 0;
    (void)ev;
    (void)events;
    uint8_t *into = buffer_reserve(&link->input, STREAM_READ_BYTES);
    enum status status =
        stream_read(&link->stream, into, STREAM_READ_BYTES, &got, &link->owner->counters);
    if (link->stream.tls != NULL && stream_unsent(&link->stream) > 0)
        enqueue(link); /* TLS has its own to say */
    if (link->handshake.active && !greet(link, status))
        return;
    if (status == STATUS_OK) {
        link->input.length += got;
        if (take_frames(link) != STATUS_OK) {
            log_line(&turn->log, LOG_WARN,
                     "closed a peer connection link=%" PRIu64
                     " reason=\"what it sent is no frame\"",
                     link->id);
            turn->statistics.links_closed_corrupt++;
            lose(link);
        }
    } else if (status == STATUS_IO) {
        lose(link);
    }
    turn_relieve(turn);
}

static void on_writable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct link *link = watcher->data;
    (void)ev;
    (void)events;
    link->stream.blocked = false;
    enqueue(link);
}

/* Takes `fd`, which it closes when TLS has no memory. `dialed` is 0 for an incoming link. */
static enum status open_link(struct links *links, int fd, node_id dialed)
{
    struct turn *turn = links->turn;
    const int yes = 1;
    bool secure = turn->tls != NULL && turn->tls->cluster != NULL;
    struct tls_session *session = NULL;
    if (secure)
        session = tls_session_new(turn->tls, dialed != 0 ? TLS_DIAL_PEER : TLS_ACCEPT_PEER);
    if (secure && session == NULL) {
        log_line(&turn->log, LOG_ERROR, "could not begin TLS with a peer reason=\"no memory\"");
        close(fd);
        return STATUS_IO;
    }
    /* Without it answers would only be later, not wrong. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct link *link = memory_new(1, sizeof *link);
    link->id = ++links->last_id;
    link->owner = links;
    link->dialed = dialed;
    stream_init(&link->stream, fd, on_readable, on_writable, link);
    stream_want_read(&link->stream, turn->ev, true);
    HASH_ADD(hh, links->by_id, id, sizeof link->id, link);
    turn->statistics.links_opened++;
    turn->statistics.links_open++;
    if (!secure) {
        tell_up(link);
        return STATUS_OK;
    }
    stream_secure(&link->stream, session);
    link->handshake.owner = link;
    handshakes_begin(handshakes_of(link), &link->handshake, turn->settings.handshake_timeout_ms);
    enqueue(link);
    return STATUS_OK;
}

void links_accept(struct links *links, int fd, const struct sockaddr *peer)
{
    char text[ADDRESS_TEXT_MAX];
    handshakes_make_room(&links->accepting, LINK_HANDSHAKES_MAX);
    if (links->turn->statistics.links_open >= LINKS_MAX) {
        log_line(&links->turn->log, LOG_WARN,
                 "refused a peer connection from=%s reason=\"%d are open\"",
                 address_describe(peer, text), LINKS_MAX);
        close(fd);
        return;
    }
    (void)!open_link(links, fd, 0); /* a failure was logged, and nobody waits for it */
}

static void free_dial(struct dial *dial)
{
    struct links *links = dial->owner;
    ev_io_stop(links->turn->ev, &dial->watcher);
    ev_timer_stop(links->turn->ev, &dial->timeout);
    if (dial->fd >= 0)
        close(dial->fd);
    DL_DELETE(links->dials, dial);
    free(dial);
}

static void fail_dial(struct dial *dial)
{
    struct turn *turn = dial->owner->turn;
    node_id node = dial->node;
    free_dial(dial);
    report_failed_dial(turn, node);
}

/*
 * A connect() to a free port of this host can meet itself when the kernel picks that
 * very port as its source. It would then hold the port that the peer needs.
 */
static bool met_itself(int fd)
{
    struct socket_address own = {.length = sizeof own.storage};
    struct socket_address peer = {.length = sizeof peer.storage};
    return getsockname(fd, (struct sockaddr *)&own.storage, &own.length) == 0 &&
           getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) == 0 &&
           own.length == peer.length && memcmp(&own.storage, &peer.storage, own.length) == 0;
}

static void on_dialed(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct dial *dial = watcher->data;
    struct links *links = dial->owner;
    node_id node = dial->node;
    int error = 0;
    socklen_t length = sizeof error;
    (void)ev;
    (void)events;
    if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0 ||
        met_itself(dial->fd)) {
        fail_dial(dial);
        return;
    }
    int fd = dial->fd;
    dial->fd = -1;
    ev_io_stop(links->turn->ev, &dial->watcher);
    free_dial(dial);
    if (open_link(links, fd, node) != STATUS_OK)
        report_failed_dial(links->turn, node);
}

static void on_dial_timeout(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    fail_dial(timer->data);
}

/* A socket whose connect() has begun, or -1. */
static int begin_connect(const struct links *links, const struct peer *peer)
{
    if (peer == NULL || !peer->resolved || links->turn->statistics.links_open >= LINKS_MAX)
        return -1;
    int fd = socket(peer->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&peer->address.storage, peer->address.length) == 0 ||
        errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

static struct peer *find_peer(const struct links *links, node_id node)
{
    for (size_t i = 0; i < links->peer_count; i++) {
        if (links->peers[i].node == node)
            return &links->peers[i];
    }
    return NULL;
}

static bool same_address(const struct ring_address *a, const struct ring_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

static void look_up(struct links *links, struct peer *peer)
{
    char text[ADDRESS_TEXT_MAX];
    peer->resolved = address_resolve(&peer->name, &peer->address) == STATUS_OK;
    if (!peer->resolved)
        log_line(&links->turn->log, LOG_ERROR,
                 "could not look up a peer's address node=%" PRIu32 " address=%s", peer->node,
                 address_format(&peer->name, text));
}

/* The peer at the address that an EFFECT_DIAL names, which may be news. */
static const struct peer *peer_at(struct links *links, node_id node, struct slice bytes)
{
    struct ring_address name = {0};
    struct reader reader = reader_make(bytes);
    name.port = reader_u16(&reader);
    size_t length = reader_left(&reader);
    if (reader.failed || length == 0 || length > RING_HOST_MAX)
        return NULL;
    memcpy(name.host, bytes.data + bytes.length - length, length);
    struct peer *peer = find_peer(links, node);
    if (peer == NULL) {
        links->peers = memory_resize(links->peers, links->peer_count + 1, sizeof *links->peers);
        peer = &links->peers[links->peer_count++];
        *peer = (struct peer){.node = node};
    }
    if (same_address(&peer->name, &name))
        return peer;
    peer->name = name;
    peer->resolved = false;
    if (address_is_numeric(&name)) /* else it would block the loop: a restart looks it up */
        look_up(links, peer);
    return peer;
}

/* Whether a dial of `node` has come as far as its handshake. */
static bool is_greeting(const struct links *links, node_id node)
{
    struct handshake *handshake;
    DL_FOREACH(links->dialing.oldest, handshake)
    {
        const struct link *link = handshake->owner;
        if (link->dialed == node)
            return true;
    }
    return false;
}

void links_dial(struct links *links, node_id node, struct slice address)
{
    struct turn *turn = links->turn;
    struct dial *dial = NULL;
    DL_SEARCH_SCALAR(links->dials, dial, node, node);
    if (dial != NULL || is_greeting(links, node))
        return;
    dial = memory_new(1, sizeof *dial);
    dial->node = node;
    dial->owner = links;
    dial->fd = begin_connect(links, peer_at(links, node, address));
    /* What failed at once is told from the loop, as every other failure is. */
    double timeout_s = dial->fd < 0 ? 0. : turn->settings.handshake_timeout_ms / 1000.0;
    ev_io_init(&dial->watcher, on_dialed, dial->fd, EV_WRITE);
    ev_timer_init(&dial->timeout, on_dial_timeout, timeout_s, 0.);
    dial->watcher.data = dial;
    dial->timeout.data = dial;
    if (dial->fd >= 0)
        ev_io_start(turn->ev, &dial->watcher);
    ev_timer_start(turn->ev, &dial->timeout);
    DL_APPEND(links->dials, dial);
}

static struct link *find(struct links *links, link_id id)
{
    struct link *link = NULL;
    HASH_FIND(hh, links->by_id, &id, sizeof id, link);
    return link;
}

void links_send(struct links *links, link_id id, struct slice bytes)
{
    struct turn *turn = links->turn;
    struct link *link = find(links, id);
    if (link == NULL || link->doomed)
        return;
    stream_append(&link->stream, bytes);
    if (stream_unsent(&link->stream) > turn->settings.peer_output_bytes_max) {
        log_line(&turn->log, LOG_WARN,
                 "closed a peer connection link=%" PRIu64 " reason=\"it does not read\"", id);
        turn->statistics.links_closed_output++;
        link->doomed = true;
    }
    enqueue(link);
}

void links_close(struct links *links, link_id id)
{
    struct link *link = find(links, id);
    if (link == NULL)
        return;
    if (!link->doomed &&
        stream_flush(&link->stream, links->turn->ev, 0, &links->counters) != STATUS_OK)
        log_line(&links->turn->log, LOG_DEBUG, "link was gone before its close link=%" PRIu64, id);
    release(link);
}

void links_verify(struct links *links)
{
    struct link *link, *next;
    HASH_ITER(hh, links->by_id, link, next)
    {
        struct tls_session *tls = link->stream.tls;
        if (tls == NULL || link->handshake.active || link->doomed ||
            tls_session_verify(tls, links->turn->tls))
            continue;
        link->doomed = true; /* the next flush says why */
        enqueue(link);
    }
}

void links_flush(struct links *links)
{
    while (links->dirty != NULL) {
        struct link *link = links->dirty;
        dequeue(link);
        if (link->doomed || stream_flush(&link->stream, links->turn->ev, LINK_KEEP_BYTES,
                                         &links->counters) != STATUS_OK)
            lose(link);
    }
    struct loop_statistics *statistics = &links->turn->statistics;
    statistics->link_read_calls = links->counters.read_calls;
    statistics->link_read_bytes = links->counters.read_bytes;
    statistics->link_write_calls = links->counters.write_calls;
    statistics->link_write_bytes = links->counters.write_bytes;
}

struct links *links_new(struct turn *turn, const struct ring *ring, node_id self)
{
    struct links *links = memory_new(1, sizeof *links);
    links->turn = turn;
    handshakes_init(&links->accepting, turn->ev, on_handshake_over);
    handshakes_init(&links->dialing, turn->ev, on_handshake_over);
    if (ring->member_count > 0)
        links->peers = memory_new(ring->member_count, sizeof *links->peers);
    for (size_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (member->id == self)
            continue;
        struct peer *peer = &links->peers[links->peer_count++];
        peer->node = member->id;
        peer->name = member->peer;
        look_up(links, peer);
    }
    return links;
}

void links_free(struct links *links)
{
    struct link *link, *next_link;
    struct dial *dial, *next_dial;
    if (links == NULL)
        return;
    HASH_ITER(hh, links->by_id, link, next_link)
    release(link);
    DL_FOREACH_SAFE(links->dials, dial, next_dial)
    free_dial(dial);
    handshakes_deinit(&links->accepting);
    handshakes_deinit(&links->dialing);
    free(links->peers);
    free(links);
}
