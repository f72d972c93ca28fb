/*
 * message_order.h - walks over a sorted set in the order of scores.
 *
 * Order names are a score of eight bytes, as causal/score.h makes it, with the member behind it.
 */
#ifndef WIRE_MESSAGE_ORDER_H
#define WIRE_MESSAGE_ORDER_H

#include "wire/message.h"
#include "wire/record_order.h"

/* "What stands from there on?" */
struct message_order {
    struct replica_address address;
    keyspace_id keyspace;
    bool reversed; /* downwards, below `from`; else upwards, from there on */
    uint32_t limit;
    struct slice key;
    struct slice from; /* bytes of an order name; empty: from the end of that side */
};

void message_order_encode(const struct message_order *order, struct buffer *out);
MUST_USE enum status message_order_decode(struct slice body, struct message_order *out);

/*
 * All that one moment of the replica's disk had, from there up to but not including `next`, or down
 * to `next` with it. Without scores that the cuts in `head` have removed.
 */
struct message_order_result {
    enum status status;
    bool done;         /* there is nothing behind it */
    bool counts;       /* some member of the set counts */
    uint8_t type;      /* that the key has there, enum collection_type */
    struct slice head; /* the key's cell, encoded */
    struct slice next; /* unless it is done */
    uint32_t entry_count;
    struct slice entries; /* entry_count times struct order_entry, in the order of the walk */
};

struct order_entry {
    struct slice name;
    struct order_value value;
};

void order_entry_encode(const struct order_entry *entry, struct buffer *out);
void order_entry_decode(struct reader *reader, struct order_entry *out);
void message_order_result_encode(const struct message_order_result *result, struct buffer *out);
MUST_USE enum status message_order_result_decode(struct slice body,
                                                 struct message_order_result *out);

#endif
