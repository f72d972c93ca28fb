/*
 * message_lineage.h - the history of a store, so that others notice when it is rolled back.
 *
 * A store counts its commits: the groups of writes that changed it. A process that opens it
 * begins a new life, and the store keeps a list of its lives:
 *
 *     lives    A opened at 0      B opened at 310      C opened at 542
 *              |--- commits 1..310 ---|--- 311..542 ----|--- 543..
 *
 * So a store that once showed "life B, 500 commits" to others has B in its list for good, and
 * whatever came after B was opened with 500 commits or more. One that was put back from a copy,
 * or lost its newest records, shows something else, whatever it did since.
 * Source: reference "algorithms" 2.4 (clock regression test). A clock for each partition would
 * say the same of one store, whose batches are durable in their order, with more bytes.
 */
#ifndef WIRE_MESSAGE_LINEAGE_H
#define WIRE_MESSAGE_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

enum { LINEAGE_LIVES_MAX = 32 }; /* the oldest are forgotten */

struct lineage_life {
    uint64_t id;     /* random */
    uint64_t opened; /* commits in the store when this life began */
};

/* A plain value. All zero: a store whose commits are not durable shows nothing. */
struct lineage {
    uint16_t storage_incarnation;
    uint8_t count;
    struct lineage_life
        lives[LINEAGE_LIVES_MAX]; /* the oldest first; the last is the present one */
    uint64_t commits;             /* durable */
};

void lineage_encode(const struct lineage *lineage, struct buffer *out);
/* Fails the reader when it is not one encoded lineage. */
void lineage_decode(struct reader *reader, struct lineage *out);

/* What a node remembers of another one's store: the most that it showed. */
struct lineage_witness {
    node_id node;
    uint16_t storage_incarnation; /* 0: nothing is known */
    uint64_t life;
    uint64_t commits;
};

void lineage_witness_encode(const struct lineage_witness *witness, struct buffer *out);
void lineage_witness_decode(struct reader *reader, struct lineage_witness *out);

enum lineage_verdict {
    LINEAGE_GOOD = 0,
    LINEAGE_UNKNOWN = 1, /* this incarnation was never seen here */
    LINEAGE_ROLLED_BACK = 2,
    LINEAGE_OLD_INCARNATION = 3,
    LINEAGE_FENCED = 4 /* the node is no member any more */
};

/* MESSAGE_LINEAGE_JUDGED, the answer to MESSAGE_LINEAGE, whose body is a lineage. */
struct message_lineage_judged {
    uint8_t verdict;
    uint16_t storage_incarnation; /* the highest that was seen; 0: none */
    uint64_t commits;             /* the most that this incarnation showed */
};

void message_lineage_judged_encode(const struct message_lineage_judged *judged, struct buffer *out);
MUST_USE enum status message_lineage_judged_decode(struct slice body,
                                                   struct message_lineage_judged *out);

/* MESSAGE_LINEAGE_SHOWN: what has come to the present life since; at the pace of heartbeats. */
struct message_lineage_shown {
    uint64_t commits;
    bool rebuilding; /* some replica of the sender is */
};

void message_lineage_shown_encode(const struct message_lineage_shown *shown, struct buffer *out);
MUST_USE enum status message_lineage_shown_decode(struct slice body,
                                                  struct message_lineage_shown *out);

/* MESSAGE_STORE_LINEAGE, store side -> loop side: the body is a lineage and then the witnesses. */
enum { RECORD_LINEAGE = 'W' };

/*
 * Records: 'W' 'l' the lives, 'W' 'c' the commits, 'W' 'n' node(4) a witness. The commits are in
 * every batch that counts, so they are of the same state as all else.
 */
void record_lineage_name(struct buffer *out);
void record_commits_name(struct buffer *out);
void record_witness_name(node_id node, struct buffer *out);

void lineage_record_encode(const struct lineage *lineage, struct buffer *out);
MUST_USE enum status lineage_record_decode(struct slice bytes, struct lineage *out);
void commits_record_encode(uint64_t commits, struct buffer *out);
MUST_USE enum status commits_record_decode(struct slice bytes, uint64_t *out);
void witness_record_encode(const struct lineage_witness *witness, struct buffer *out);
MUST_USE enum status witness_record_decode(struct slice bytes, struct lineage_witness *out);

#endif
