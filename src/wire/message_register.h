/*
 * message_register.h - the bodies of frames about the register (membership/register_value.h), and
 * its records in the store.
 *
 *     'C' 'a'   what this node promised and accepted as a steward
 *     'C' 'r'   the highest round that this node has taken for a ballot
 *     'C' 'v'   the newest value that it knows to be chosen
 *     'C' 'n'   this store asked for the register when it was new (T8); a version byte alone
 *
 * Every answer says for which ballot it is, so an answer that is late or comes twice is known
 * as such. Sources: Rystsov, "CASPaxos", arXiv 1802.07000; reference "algorithms" 9.3, A.2.
 */
#ifndef WIRE_MESSAGE_REGISTER_H
#define WIRE_MESSAGE_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

/*
 * One attempt of one node to change the register, never used for another. All zero: none.
 * The incarnation is that of the store which keeps the rounds, so a lost store reuses none.
 */
struct ballot {
    uint64_t round;
    node_id node;
    uint16_t incarnation;
};

/* Ordered by round, node, incarnation. */
int ballot_compare(struct ballot a, struct ballot b);
static inline bool ballot_is_none(struct ballot ballot)
{
    return ballot.round == 0;
}
void ballot_encode(struct ballot ballot, struct buffer *out);
struct ballot ballot_decode(struct reader *reader);

/* ---- between nodes ---- */

/* The newest value that the sender has on its disk. Told now and again, and after a change. */
struct message_register_known {
    uint64_t generation;
    uint64_t seq;
    uint64_t digest; /* of the bytes: equal for all who know this generation and seq */
};

void message_register_known_encode(const struct message_register_known *known, struct buffer *out);
MUST_USE enum status message_register_known_decode(struct slice body,
                                                   struct message_register_known *out);

/* MESSAGE_REGISTER_PULL has no body; the answer MESSAGE_REGISTER_VALUE has the value's bytes. */

struct message_register_prepare {
    struct ballot ballot;
};

void message_register_prepare_encode(const struct message_register_prepare *prepare,
                                     struct buffer *out);
MUST_USE enum status message_register_prepare_decode(struct slice body,
                                                     struct message_register_prepare *out);

/*
 * STATUS_OK: the sender will accept nothing below `ballot`; `accepted` and `value` are what it
 * accepted last. STATUS_STALE_TAG: it has promised `promised`, which is not below. Others: it could
 * not say. Each answer names the incarnation of the sender's store, because only a steward's own
 * store has kept its promises.
 */
struct message_register_promise {
    enum status status;
    struct ballot ballot;
    uint16_t incarnation;
    struct ballot promised;
    struct ballot accepted;
    struct slice value;
};

void message_register_promise_encode(const struct message_register_promise *promise,
                                     struct buffer *out);
MUST_USE enum status message_register_promise_decode(struct slice body,
                                                     struct message_register_promise *out);

struct message_register_accept {
    struct ballot ballot;
    struct slice value;
};

void message_register_accept_encode(const struct message_register_accept *accept,
                                    struct buffer *out);
MUST_USE enum status message_register_accept_decode(struct slice body,
                                                    struct message_register_accept *out);

/* As a promise, about an accept. */
struct message_register_accepted {
    enum status status;
    struct ballot ballot;
    uint16_t incarnation;
    struct ballot promised;
};

void message_register_accepted_encode(const struct message_register_accepted *accepted,
                                      struct buffer *out);
MUST_USE enum status message_register_accepted_decode(struct slice body,
                                                      struct message_register_accepted *out);

/* ---- between the two sides of a node ---- */

/* Store side -> loop side when the store opens, also again, and when something was accepted. */
struct message_register_state {
    uint64_t accepted_seq; /* of what this node has accepted as a steward; 0: nothing */
    bool asked;            /* MESSAGE_REGISTER_ASKED has come to this store before */
    struct slice value;    /* the newest on disk; empty: none but the first one */
};

void message_register_state_encode(const struct message_register_state *state, struct buffer *out);
MUST_USE enum status message_register_state_decode(struct slice body,
                                                   struct message_register_state *out);

/* Give me a round above this one that was never given before. */
struct message_register_reserve {
    uint64_t above;
};

void message_register_reserve_encode(const struct message_register_reserve *reserve,
                                     struct buffer *out);
MUST_USE enum status message_register_reserve_decode(struct slice body,
                                                     struct message_register_reserve *out);

struct message_register_reserved {
    enum status status;
    uint64_t round;
};

void message_register_reserved_encode(const struct message_register_reserved *reserved,
                                      struct buffer *out);
MUST_USE enum status message_register_reserved_decode(struct slice body,
                                                      struct message_register_reserved *out);

/* MESSAGE_REGISTER_LEARN: the bytes of a chosen value. The answer comes when it is on disk. */
struct message_register_learned {
    enum status status;
};

void message_register_learned_encode(const struct message_register_learned *learned,
                                     struct buffer *out);
MUST_USE enum status message_register_learned_decode(struct slice body,
                                                     struct message_register_learned *out);

/* ---- records ---- */

void record_register_acceptor_name(struct buffer *out);
void record_register_round_name(struct buffer *out);
void record_register_value_name(struct buffer *out);
void record_register_asked_name(struct buffer *out);

struct register_acceptor_record {
    struct ballot promised;
    struct ballot accepted;
    struct slice value; /* empty when nothing was accepted */
};

void register_acceptor_record_encode(const struct register_acceptor_record *record,
                                     struct buffer *out);
MUST_USE enum status register_acceptor_record_decode(struct slice bytes,
                                                     struct register_acceptor_record *out);
void register_round_record_encode(uint64_t round, struct buffer *out);
MUST_USE enum status register_round_record_decode(struct slice bytes, uint64_t *out);
/* A version byte before the value's own bytes. */
void register_value_record_encode(struct slice value, struct buffer *out);
MUST_USE enum status register_value_record_decode(struct slice bytes, struct slice *out);

#endif
