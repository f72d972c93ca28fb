/*
 * register_state.h - the inside of the register on the loop side, for its files.
 *
 * register.c knows, learns and tells; register_changes.c runs changes and looks after stewards;
 * register_new_store.c asks for a store that took the place of a lost one.
 */
#ifndef NODE_REGISTER_STATE_H
#define NODE_REGISTER_STATE_H

#include "membership/register_proposer.h"
#include "node/node_state.h"
#include "node/register.h"
#include "wire/message_register.h"

enum ticket_state { TICKET_FREE, TICKET_WAITING, TICKET_RUNNING, TICKET_SPREADING, TICKET_OVER };

struct ticket {
    uint64_t id;
    enum ticket_state state;
    struct register_change change;
    struct change_outcome outcome;
    uint64_t until_us; /* of spreading, or of keeping the outcome */
};

/* What a peer has told to be on its disk. */
struct register_peer {
    node_id id;
    uint64_t generation, seq;
    bool has_told; /* since the start */
};

struct new_store {
    bool asks;   /* nothing of this store is used yet */
    bool agreed; /* the stewards have, on this value, which may be on its way to the disk */
    uint64_t agreed_generation, agreed_seq;
    uint64_t ask_at_us;
    uint64_t said_us; /* that it waits; 0: it has just begun */
};

struct node_register {
    uint16_t incarnation;
    struct random random;
    struct register_value *known; /* on the own disk, or the ring file's */
    struct buffer known_bytes;
    struct register_value *learning; /* on its way there; NULL: nothing */
    struct buffer learning_bytes;
    request_id learning_request; /* 0: to be asked again at learn_at_us */
    uint64_t learn_at_us;
    struct register_peer *peers;
    uint32_t peer_count;
    uint64_t tell_at_us;
    uint64_t pull_until_us;             /* a pull is under way */
    uint64_t accepted_seq;              /* as a steward */
    uint64_t doubt_at_us;               /* UINT64_MAX: nothing is in doubt */
    uint64_t stewards_at_us;            /* look then whether stewards are to be changed */
    struct register_proposer *proposer; /* NULL: no change is under way */
    struct proposer_output output;
    struct ticket tickets[REGISTER_TICKETS_MAX];
    uint64_t last_ticket;
    struct new_store new_store;
    bool is_open;  /* the store side has told what it has */
    bool is_heard; /* a peer has told what it has */
};

static inline uint64_t register_after_ms(const struct node *node, uint64_t ms)
{
    return node->now.mono_us + ms * 1000;
}

static inline uint64_t register_earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline bool register_peer_is_behind(const struct register_peer *peer, uint64_t generation,
                                           uint64_t seq)
{
    return peer->generation != generation ? peer->generation < generation : peer->seq < seq;
}

/* ---- register.c ---- */

/* A question to the own store side, which answers or is given up. */
request_id register_ask_store(struct node *node, uint16_t type, struct slice body);
/* It is known to be chosen: to the own disk, then into force. */
void register_learn(struct node *node, const struct register_value *value);
/* The newest that this node has, be it on its disk yet or not. */
const struct register_value *register_newest(const struct node_register *reg);
/* Members that have the value on their disks, this one included. */
uint32_t register_count_knowing(const struct node_register *reg, uint64_t seq);

/* ---- register_new_store.c ---- */

/* Something is known that was not: perhaps it is enough. */
void register_new_store_look(struct node *node);
/* A change of this node is over. */
void register_new_store_ended(struct node *node, const struct register_proposer *proposer);
void register_new_store_tick(struct node *node);
uint64_t register_new_store_deadline_us(const struct node *node);

/* ---- register_changes.c ---- */

/* None is under way. */
void register_start_change(struct node *node, const struct register_change *change);

/* Carry out what the proposer wants in `output`; it may be over afterwards. */
void register_carry_out(struct node *node);
/* Tickets whose change is known by all are over. */
void register_look_at_spreading(struct node *node);
void register_changes_peer_down(struct node *node, node_id peer);
MUST_USE enum status register_take_promise(struct node *node, node_id from, struct slice body);
MUST_USE enum status register_take_accepted(struct node *node, node_id from, struct slice body);
void register_take_reserved(struct node *node, struct slice body);
/* The own store will not answer what the proposer asked of it. */
void register_changes_store_silent(struct node *node, uint16_t type);
void register_changes_tick(struct node *node);
uint64_t register_changes_deadline_us(const struct node *node);

#endif
