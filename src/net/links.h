/*
 * links.h - the peer connections of a loop, by link_id, and the dials that become some.
 *
 * Input is cut into whole frames by their length and checksum (wire/frame.h); what
 * they say is the node's matter. A link whose bytes are no frame is closed, and so
 * is one that announces more than LINK_UNPROVEN_BYTES_MAX before its first valid frame:
 * whoever has shown nothing gets no memory. Everything that ends a link without
 * EFFECT_LINK_CLOSE is one EVENT_LINK_DOWN. What stood in the input as whole frames
 * before a corrupt one still reaches the node.
 *
 * When the cluster speaks TLS, a link reaches the node once both sides have shown their
 * certificates, and with the node that the other one's names; until then it is a handshake, of
 * which LINK_HANDSHAKES_MAX may be under way that others began (net/handshakes.h). That of a
 * dial is a part of the dial.
 *
 * Effects that name an unknown link are for one that has just gone; they are ignored.
 */
#ifndef NET_LINKS_H
#define NET_LINKS_H

#include <sys/socket.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring.h"

struct turn; /* net/turn.h */
struct links;

enum {
    LINK_KEEP_BYTES = 256 << 10, /* of an idle link's input and output */
    LINK_HANDSHAKES_MAX = 512
};

/*
 * Looks up the peer addresses of all members but `self`, which may block. One that
 * has no address now is logged, and dialing it always fails. `turn` must outlive the result.
 */
struct links *links_new(struct turn *turn, const struct ring *ring, node_id self);
void links_free(struct links *links);

/* Takes `fd`. */
void links_accept(struct links *links, int fd, const struct sockaddr *peer);

/*
 * Connect to `node` within S.handshake_timeout_ms: EVENT_LINK_UP or EVENT_DIAL_FAILED
 * follows, never during this call. A second dial while one is under way is the same dial.
 * `address` is that of EFFECT_DIAL; one that was not known at the start must be a number, for
 * looking a name up would hold up everything.
 */
void links_dial(struct links *links, node_id node, struct slice address);
void links_send(struct links *links, link_id id, struct slice bytes);
/* Hand what is queued to the kernel if it takes it now, then close. */
void links_close(struct links *links, link_id id);

/* The rules of TLS have changed: end those whose certificate is not accepted any more. */
void links_verify(struct links *links);

/* Write once what each link has; step the node for those that are gone. */
void links_flush(struct links *links);

#endif
