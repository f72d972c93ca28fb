/*
 * key_request.h - one read or change of keys in one partition, and its outcome.
 *
 * The command layer turns a Redis command into key requests; the coordinator
 * carries each out at its level. Both have a wire form, because a node that does
 * not own the partition forwards the request once to an owner.
 */
#ifndef COORDINATOR_KEY_REQUEST_H
#define COORDINATOR_KEY_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "causal/register.h"
#include "causal/version_vector.h"
#include "coordinator/level.h"
#include "ring/element_key.h"
#include "ring/ring.h"
#include "wire/record_request.h"

enum key_request_kind {
    KEY_READ = 1,      /* entries[0].key: its visible value */
    KEY_WRITE,         /* all entries change in one atomic step, or none does */
    KEY_SCAN,          /* visible keys of the partition from a ring position on */
    KEY_COUNT,         /* how many keys one owner holds in the partition (tombstones not counted) */
    KEY_COVERAGE,      /* how many owners durably hold `dot` of the last entry */
    KEY_DIGEST,        /* state of this node's own replica of the partition; never forwarded */
    KEY_ELEMENTS_GET,  /* entries[0].key: a collection; its elements are entries[1].key, ... */
    KEY_ELEMENTS_WALK, /* its elements in the order of their places, from `position` on */
    KEY_ELEMENTS_WRITE,      /* all its elements in entries change in one atomic step */
    KEY_COLLECTION_DELETE,   /* all elements that the read quorum has seen are removed */
    KEY_COLLECTION_DEADLINE, /* entries[0]: until when its elements live (causal/deadline.h) */
    KEY_REQUEST_KIND_COUNT
};

enum { KEY_ENTRIES_MAX = 4096, SCAN_LIMIT_MAX = 10000 };

enum key_request_flags {
    KEY_ALL_OR_NOTHING = 1 << 0, /* KEY_WRITE: if one entry's condition fails, none is written */
    KEY_WITH_VALUES = 1 << 1,    /* KEY_SCAN: results carry values too */
    KEY_SIBLINGS = 1 << 2,       /* KEY_READ: an outcome for each visible version, newest first */
    KEY_AGAIN = 1 << 3,  /* KEY_WRITE: it was minted once, blindly: read first, and never say that
                            nothing was written */
    KEY_HIDDEN = 1 << 4, /* KEY_ELEMENTS_...: nothing that the key shows hides them */
    KEY_TYPE_SEEN = 1 << 5, /* KEY_ELEMENTS_...: a look has shown no elements of another type */
    KEY_ORDERED = 1 << 6,   /* KEY_ELEMENTS_WALK: of a sorted set, by scores (order.h) */
    KEY_NEW_LIFE = 1 << 7   /* KEY_ELEMENTS_WRITE: a look has shown no element at all, or all
                               are replaced. Each of the eight bits has its meaning */
};

struct key_entry {
    struct slice key;
    struct mutation mutation; /* KEY_WRITE */
    /*
     * KEY_WRITE: what the writer has read; NULL: nothing that it tells. In a siblings keyspace
     * those versions are replaced and others stay. The new version is later than
     * `context_time` in any keyspace.
     */
    const struct version_vector *context;
    hybrid_time context_time; /* the highest that was read; 0 without a context */
};

struct key_request {
    uint8_t kind; /* enum key_request_kind */
    uint8_t flags;
    keyspace_id keyspace;
    partition_id partition; /* of every key in entries */
    uint8_t region;         /* what LOCAL means: 1 + its index; 0: the coordinator's own */
    struct request_options options;
    struct request_identity identity; /* KEY_WRITE of a command with an id; else all zero */
    uint8_t collection; /* KEY_ELEMENTS_..., KEY_COVERAGE of an element: enum collection_type */
    uint16_t entry_count;
    const struct key_entry *entries; /* borrowed; NULL when entry_count is 0 */
    /* KEY_SCAN: first ring position wanted; KEY_ELEMENTS_WALK: first place; see KEY_ORDERED */
    uint64_t position;
    uint32_t limit; /* KEY_SCAN, KEY_ELEMENTS_WALK: keys, elements wanted, 1..SCAN_LIMIT_MAX */
    struct dot dot; /* KEY_COVERAGE */
};

struct key_outcome {
    bool written;          /* KEY_WRITE: a new version was made */
    bool visible;          /* KEY_READ: a value is there. KEY_WRITE: with RETURN_OLD, one was */
    int64_t number;        /* KEY_WRITE: as the mutation says (register.h) */
    uint64_t expire_at_ms; /* KEY_READ: 0 when it has none; also of a collection */
    struct dot dot;        /* KEY_WRITE: of the new version when written. KEY_SIBLINGS: its own */
    hybrid_time time;      /* KEY_SIBLINGS */
    struct slice key;      /* KEY_SCAN; KEY_ELEMENTS_WALK: the element */
    /*
     * KEY_SCAN: enum collection_type of what is no string. KEY_READ that shows nothing, and
     * KEY_WRITE that deletes, or sets a string where none was: an owner says that the key has such
     * elements; it may be behind.
     */
    uint8_t collection;
    struct slice value; /* KEY_READ, KEY_SCAN; KEY_WRITE: the old one */
};

/*
 * status says which promise holds:
 *   OK             the level was met (a write whose condition failed is OK with written=false)
 *   UNCERTAIN      a write was sent, its level was not met in time: it may apply
 *   REQUEST_UNKNOWN, REQUEST_DONE, REQUEST_TOO_OLD
 *                  this attempt wrote nothing; an earlier one with its id may have, or has and
 *                  its answer is lost
 *   anything else  definite: nothing was and will be applied, or the read has no answer
 */
struct key_result {
    enum status status;
    uint8_t acks;   /* holders that answered, of a write: that hold it durably */
    uint8_t needed; /* by the level */
    uint8_t hints;  /* of acks: fallbacks, which hold it for owners (sloppy requests alone) */
    uint16_t outcome_count;
    struct key_outcome
        *outcomes; /* owned; their slices borrow from what the result was decoded from */
    bool lent;     /* not owned: the array of key_result_decode_on() */
    struct version_vector context; /* KEY_READ: what the answer covers */
    hybrid_time time;              /* KEY_READ: the highest in the answer */
    uint64_t next_position;        /* KEY_SCAN, KEY_ELEMENTS_WALK: where to go on */
    /* KEY_SCAN, KEY_ELEMENTS_WALK: nothing is left. KEY_COUNT: there is no collection beside. */
    bool scan_done;
    uint64_t count;          /* KEY_COUNT, KEY_COVERAGE, KEY_DIGEST (keys of all keyspaces) */
    uint64_t clock_digest;   /* KEY_DIGEST: equal clocks have equal digests */
    uint64_t content_digest; /* KEY_DIGEST: sum of cell_hash() of all cells */
    uint32_t wait_ms; /* CLOCK_SKEW: who answers may mint after so long; 0: nobody knows when */
};

/* Whether it makes new versions. */
static inline bool key_request_writes(const struct key_request *request)
{
    return request->kind == KEY_WRITE || request->kind == KEY_ELEMENTS_WRITE ||
           request->kind == KEY_COLLECTION_DELETE || request->kind == KEY_COLLECTION_DEADLINE;
}
/* Whether entries[0].key is a collection, and the others are elements of it. */
static inline bool key_request_is_collection(const struct key_request *request)
{
    return request->kind >= KEY_ELEMENTS_GET ||
           (request->kind == KEY_COVERAGE && request->collection != COLLECTION_NONE);
}
static inline bool key_request_is_ordered(const struct key_request *request)
{
    return request->kind == KEY_ELEMENTS_WALK && (request->flags & KEY_ORDERED) != 0;
}
/* Whether the request as the client means it, all attempts together, may have been applied. */
bool key_status_is_uncertain(enum status status);
/*
 * Whether the request is looked up and remembered by its id. An increment is not: its counter
 * keeps the ids, and counts each once wherever it was minted (causal/counter.h).
 */
bool key_request_is_recorded(const struct key_request *request);
/* Whether it must know what is there: all but writes that say all themselves. */
bool key_request_needs_read(const struct key_request *request);
void key_result_deinit(struct key_result *result);
/* A result without outcomes. */
struct key_result key_result_failed(enum status status, uint8_t acks, uint8_t needed);

void key_request_encode(const struct key_request *request, struct buffer *out);
/*
 * The entries and what they were written with stand in `contexts`, to release with
 * key_contexts_free() in any case; slices borrow from the reader's bytes.
 */
struct key_contexts {
    struct key_entry *entries;
    struct version_vector *vectors;
    uint16_t count;
    struct key_entry entry;       /* these two are of a request with one entry, as most have: */
    struct version_vector vector; /* so the struct is not to be copied */
};
void key_contexts_free(struct key_contexts *contexts);
MUST_USE enum status key_request_decode(struct reader *reader, struct key_request *out,
                                        struct key_contexts *contexts);
void key_result_encode(const struct key_result *result, struct buffer *out);
/* Overwrite what an encoded result says of acks. */
void key_result_set_acks(struct buffer *encoded, uint8_t acks, uint8_t needed, uint8_t hints);
MUST_USE enum status key_result_decode(struct reader *reader, struct key_result *out);
/* The same, and if there is one outcome it stands in `one`, which must live as long as `out`. */
MUST_USE enum status key_result_decode_on(struct reader *reader, struct key_outcome *one,
                                          struct key_result *out);

#endif
