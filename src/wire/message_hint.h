/*
 * message_hint.h - the bodies of the messages about hints; see message.h for the rules.
 *
 *     MESSAGE_HINT        coordinator -> fallback: keep this for an owner; answered by
 * MESSAGE_HINTED MESSAGE_HINT_STATE  to every peer, when it changes: what this node keeps, and what
 * it takes
 *
 * Hints are delivered to owners as MESSAGE_REPLICATE. Between the two sides of a node:
 *
 *     MESSAGE_HINTS_SCAN    a page of hints, please; answered by MESSAGE_HINTS_PAGE
 *     MESSAGE_HINTS_DROP    an owner has them now; answered by MESSAGE_HINTS_DROPPED
 *     MESSAGE_HINT_COUNTS   store side -> loop side, unasked: the hints of one partition
 *     MESSAGE_LOG_DEBT      what other owners lack of what is in the logs here, and how that is
 * known
 */
#ifndef WIRE_MESSAGE_HINT_H
#define WIRE_MESSAGE_HINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "ring/ring.h"
#include "wire/message.h"

/* MESSAGE_HINTED has the body of MESSAGE_REPLICATED: OK says that the copies are synced here. */
struct message_hint {
    node_id intended; /* the owner that could not be reached */
    struct message_replicate replicate;
};

/* `replicate` is an encoded struct message_replicate. */
void message_hint_encode(node_id intended, struct slice replicate, struct buffer *out);
MUST_USE enum status message_hint_decode(struct slice body, struct message_hint *out);

enum hint_state_flags {
    HINT_STATE_FULL = 1 << 0,    /* no more hints are taken here */
    HINT_STATE_PRESSED = 1 << 1, /* the store is in trouble: deliver no hints now */
    HINT_STATE_FLAGS_ALL = (1 << 2) - 1
};

/* Both lists ascend. */
struct message_hint_state {
    uint8_t flags;
    uint16_t held_count;
    struct slice held; /* partitions of which hints are kept: u16 each */
    uint16_t full_count;
    struct slice full; /* partitions of which no more are taken: u16 each */
};

void message_hint_state_encode(const struct message_hint_state *state, struct buffer *out);
MUST_USE enum status message_hint_state_decode(struct slice body, struct message_hint_state *out);

/* ---- between the two sides of a node ------------------------------------------------------- */

struct message_hints_scan {
    partition_id partition;
    node_id target;     /* hints that this owner lacks */
    struct slice after; /* the name of a record (wire/record_hint.h); empty: from the first on */
    uint32_t bytes_max; /* stop above it, but never before the first record */
    uint32_t count_max;
};

void message_hints_scan_encode(const struct message_hints_scan *scan, struct buffer *out);
MUST_USE enum status message_hints_scan_decode(struct slice body, struct message_hints_scan *out);

/* Which record, and what it held: one into which more was merged since has another digest. */
struct hint_mark {
    struct slice name;
    uint64_t digest;   /* of its cell and dots */
    uint64_t first_ms; /* wall clock of the fallback when the first write in it came */
};

void hint_mark_encode(const struct hint_mark *mark, struct buffer *out);
void hint_mark_decode(struct reader *reader, struct hint_mark *out);

/* The i-th mark is of the i-th delivery. */
struct message_hints_page {
    enum status status; /* not OK: nothing else counts */
    bool done;          /* no record follows */
    struct slice last;  /* the name of the last record that was looked at */
    uint32_t count;     /* of those among them that the target lacks */
    struct slice marks;
    struct slice deliveries;
};

void message_hints_page_encode(const struct message_hints_page *page, struct buffer *out);
MUST_USE enum status message_hints_page_decode(struct slice body, struct message_hints_page *out);

struct message_hints_drop {
    partition_id partition;
    node_id target; /* has acknowledged them */
    uint32_t count;
    struct slice marks;
};

void message_hints_drop_encode(const struct message_hints_drop *drop, struct buffer *out);
MUST_USE enum status message_hints_drop_decode(struct slice body, struct message_hints_drop *out);

struct message_hints_dropped {
    enum status status;
    uint32_t count; /* that the target does not lack any more; the others have changed */
};

void message_hints_dropped_encode(const struct message_hints_dropped *dropped, struct buffer *out);
MUST_USE enum status message_hints_dropped_decode(struct slice body,
                                                  struct message_hints_dropped *out);

/* What is kept of one partition for one owner. */
struct hint_debt {
    node_id target;
    uint64_t cells;
    uint64_t bytes;
    uint64_t oldest_ms; /* no hint of it is older */
};

struct message_hint_counts {
    partition_id partition;
    uint64_t cells; /* for several owners: each counts once */
    uint64_t bytes;
    uint8_t debt_count;
    struct hint_debt debts[RING_OWNERS_MAX];
    bool full; /* no more is taken of this partition */
    /* of the whole store, at this moment */
    bool store_full;
    uint64_t store_bytes; /* those set aside too */
    uint64_t aside;       /* records set aside */
    /* since the last message of this kind, in groups that are durable */
    uint64_t stored;   /* new hints */
    uint64_t merged;   /* hints that went into one that was there */
    uint64_t repeated; /* hints that said nothing new */
    uint64_t refused;  /* at a limit */
};

void message_hint_counts_encode(const struct message_hint_counts *counts, struct buffer *out);
MUST_USE enum status message_hint_counts_decode(struct slice body, struct message_hint_counts *out);

enum log_debt_kind {
    LOG_DEBT_PULLER, /* MESSAGE_SYNC_PULL number `request`, which follows, is from `node` */
    /*
     * To be answered with struct message_log_debts. `request` is a mark, 0: none. What is here when
     * a new one comes is what owners have to show that they have.
     */
    LOG_DEBT_ASK,
    LOG_DEBT_KIND_COUNT
};

/* Body of MESSAGE_LOG_DEBT to the store side. */
struct message_log_debt {
    uint8_t kind; /* enum log_debt_kind */
    request_id request;
    node_id node;
};

void message_log_debt_encode(const struct message_log_debt *debt, struct buffer *out);
MUST_USE enum status message_log_debt_decode(struct slice body, struct message_log_debt *out);

/* What one other owner lacks, of all partitions that it shares with this node. */
struct log_debt {
    node_id node;
    uint32_t unknown;        /* partitions whose clock it has not shown since this node started */
    uint64_t events_at_pull; /* when it last asked for what it lacks */
    uint64_t events;         /* with those that came since: at most so many */
    uint64_t bytes;          /* of these, by the mean size of an event here */
    uint32_t unshown; /* partitions of which it has not shown yet all that was here at the mark */
};

/* Body of MESSAGE_LOG_DEBT to the loop side. */
struct message_log_debts {
    uint16_t count;
    uint64_t mark;      /* of the question */
    struct slice debts; /* count times struct log_debt */
};

void log_debt_encode(const struct log_debt *debt, struct buffer *out);
void log_debt_decode(struct reader *reader, struct log_debt *out);
void message_log_debts_encode(const struct message_log_debts *debts, struct buffer *out);
MUST_USE enum status message_log_debts_decode(struct slice body, struct message_log_debts *out);

#endif
