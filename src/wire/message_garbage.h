/*
 * message_garbage.h - bodies of the messages about what can be collected: reports of what is
 * durable, and what the two sides of a node tell each other of it.
 *
 * As wire/message.h says of encoders, decoders and replies.
 */
#ifndef WIRE_MESSAGE_GARBAGE_H
#define WIRE_MESSAGE_GARBAGE_H

#include "causal/hybrid_time.h"
#include "wire/message.h"

/*
 * MESSAGE_STABILITY: clocks of what is synced at the sender, of the partitions that it shares with
 * the receiver and whose clock has changed since the receiver last said MESSAGE_STABILITY_HEARD.
 */
struct message_stability {
    uint64_t number;    /* counts up; the receiver gives it back */
    bool keeps_hints;   /* the sender keeps hints, for whomever */
    uint64_t echo_us;   /* sent_us of the newest MESSAGE_STABILITY_HEARD of the receiver; 0: none */
    hybrid_time closed; /* with these clocks the receiver has of this node, in each partition, all
                           that it made up to then; what it makes later is later. 0: not said */
    bool waits_for_time; /* something at the sender waits for the closed times of others to rise */
    uint16_t count;
    struct slice reports; /* count times: struct stability_entry */
};

struct stability_entry {
    struct replica_address address;
    struct actor actor; /* under which the sender's replica mints now */
    bool rebuilding;    /* it does not count: its store was lost */
    struct clock clock;
};

void message_stability_encode(const struct message_stability *stability, struct buffer *out);
MUST_USE enum status message_stability_decode(struct slice body, struct message_stability *out);
void stability_entry_encode(const struct stability_entry *entry, struct buffer *out);
/* `out->clock` is to be released with clock_deinit(), also after a failure. */
void stability_entry_decode(struct reader *reader, struct stability_entry *out);

/* MESSAGE_STABILITY_HEARD. */
struct message_stability_heard {
    uint64_t number;
    uint64_t sent_us; /* by the sender's monotonic clock: what comes back with it is younger */
};

void message_stability_heard_encode(const struct message_stability_heard *heard,
                                    struct buffer *out);
MUST_USE enum status message_stability_heard_decode(struct slice body,
                                                    struct message_stability_heard *out);

/* ---- between the two sides of a node ------------------------------------------------------- */

enum stability_step_kind {
    STABILITY_STEP_ASK,     /* answer with MESSAGE_STABILITY for `node` */
    STABILITY_STEP_AFRESH,  /* the same with everything: the link is new */
    STABILITY_STEP_REPORT,  /* body: MESSAGE_STABILITY of `node`; answer MESSAGE_STABILITY_HEARD */
    STABILITY_STEP_HEARD,   /* number: `node` has that report; heard_us: sent_us of the message */
    STABILITY_STEP_FORGET,  /* `node` cannot be heard any more; answer MESSAGE_STABILITY_HEARD */
    STABILITY_STEP_COLLECT, /* number 0: begin a round of collecting, else go on; MESSAGE_GARBAGE */
    STABILITY_STEP_KIND_COUNT
};

struct message_stability_step {
    uint8_t kind; /* enum stability_step_kind */
    node_id node;
    uint64_t number;
    uint64_t heard_us;
    struct slice body;
};

void message_stability_step_encode(const struct message_stability_step *step, struct buffer *out);
MUST_USE enum status message_stability_step_decode(struct slice body,
                                                   struct message_stability_step *out);

enum { GARBAGE_HOLDERS_MAX = 32 }; /* the first ones; more are not told */

/* A member that is waited for, and in how many partitions of this node. */
struct garbage_holder {
    node_id node;
    bool may_hint; /* it has not said that it keeps no hints; else an owner that lacks something */
    uint32_t partitions;
};

/* MESSAGE_GARBAGE: all replicas of the node together. */
struct message_garbage {
    bool more;           /* something was left only because the step was long enough */
    uint64_t tombstones; /* cells with garbage */
    uint64_t waiting;    /* of these, stable and not yet for long enough, as far as looked at */
    uint64_t purged;     /* by this step */
    uint64_t log_records, log_bytes;
    uint8_t holder_count;
    struct garbage_holder holders[GARBAGE_HOLDERS_MAX];
};

void message_garbage_encode(const struct message_garbage *garbage, struct buffer *out);
MUST_USE enum status message_garbage_decode(struct slice body, struct message_garbage *out);

#endif
