/*
 * store_register.h - the register on the store side: the acceptor's state and the newest value on
 * disk.
 *
 * Every answer is `late`: it leaves once the group that it speaks of is on disk. A newer value
 * comes into force here when its group is committed, and the loop side hears of it after that.
 */
#ifndef NODE_STORE_REGISTER_H
#define NODE_STORE_REGISTER_H

#include "membership/register_acceptor.h"
#include "membership/register_value.h"
#include "node/store_side.h"
#include "wire/frame.h"

struct store_side;

/* All zero is one before its first opening. */
struct store_register {
    struct register_acceptor acceptor;
    uint64_t accepted_seq;         /* of the acceptor's value; 0: none */
    uint64_t round;                /* the highest reserved */
    bool asked;                    /* for the register, when this store was new */
    uint64_t generation, seq;      /* of `value` */
    struct buffer value;           /* committed; empty: the ring file's */
    struct register_value *coming; /* in the batch of the present group */
    struct buffer coming_bytes;
};

/* STATUS_CORRUPT, STATUS_IO: the store cannot be used. */
MUST_USE enum status store_register_open(struct store_side *side);
/* Tell the loop side what is known. */
void store_register_append_state(const struct store_side *side, struct buffer *out);
bool store_register_is_type(uint16_t type);
void store_register_handle(struct store_side *side, const struct frame *frame,
                           struct store_output *out);
/* The decided answer to a frame that cannot be handled. */
void store_register_refuse(const struct store_side *side, const struct frame *frame,
                           enum status status, struct buffer *out);
void store_register_committed(struct store_side *side);
/* What was in the batch may or may not be on disk: nothing is known until the next opening. */
void store_register_failed(struct store_side *side);

#endif
