/*
 * register_acceptor.h - what a steward promised and accepted: CASPaxos' acceptor.
 *
 * It lives on the store side of its node. The caller puts the record of the new state into
 * the batch of the group and answers only when that is on disk (A1).
 *
 * Invariants:
 *   A1  no answer leaves before the state that it speaks of is on disk
 *   A2  promised never decreases; accepted <= promised
 *   A3  of one ballot at most one value is accepted
 * Source: Rystsov, "CASPaxos", arXiv 1802.07000, 2.2; reference "algorithms" 9.3.
 */
#ifndef MEMBERSHIP_REGISTER_ACCEPTOR_H
#define MEMBERSHIP_REGISTER_ACCEPTOR_H

#include "base/bytes.h"
#include "base/status.h"
#include "wire/message_register.h"

/* All zero: nothing was promised nor accepted. */
struct register_acceptor {
    struct ballot promised;
    struct ballot accepted;
    struct buffer value;
};

void register_acceptor_deinit(struct register_acceptor *acceptor);

/* STATUS_OK: promised, the state has changed. STATUS_STALE_TAG: not above what was promised. */
MUST_USE enum status register_acceptor_prepare(struct register_acceptor *acceptor,
                                               struct ballot ballot);
/*
 * STATUS_OK: accepted, now or before. STATUS_STALE_TAG: below what was promised. STATUS_CORRUPT:
 * another value has this ballot (A3): its proposer is wrong, and the first one stands.
 */
MUST_USE enum status register_acceptor_accept(struct register_acceptor *acceptor,
                                              struct ballot ballot, struct slice value);

/* The record that holds the state, and back. */
void register_acceptor_save(const struct register_acceptor *acceptor, struct buffer *out);
MUST_USE enum status register_acceptor_load(struct register_acceptor *acceptor,
                                            struct slice record);

#endif
