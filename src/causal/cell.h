/*
 * cell.h - the unit of replication: live versions of one key, and what they cover.
 *
 * A cell is state, joined by one merge; it is never a command to execute. Merge
 * is idempotent, commutative and associative for a policy.
 *
 *   merge(x, y): a sibling of x stays iff y has it too or y.context does not
 *   cover its dot, and the other way round; context = pointwise maximum. With
 *   last-writer-wins the highest (time, dot) of the rest's strings and tombstones stays
 *   alone; what counts or cuts has no rivals, and stays beside it. So does a sketch
 *   (causal/hyperloglog.h), whatever is newer, and an older string does not stay beside it.
 *
 * Source: Almeida et al., "Scalable and Accurate Causality Tracking for
 * Eventually Consistent Stores", DAIS 2014; reference "algorithms" 3.3.
 */
#ifndef CAUSAL_CELL_H
#define CAUSAL_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "causal/clock.h"
#include "causal/dot.h"
#include "causal/hybrid_time.h"
#include "causal/version_vector.h"

enum sibling_kind {
    SIBLING_STRING = 0,
    SIBLING_TOMBSTONE = 1,
    SIBLING_COUNTER = 2,  /* increments beside the string or tombstone (causal/counter.h) */
    SIBLING_CUT = 3,      /* what deletes of a whole collection removed (causal/cut.h) */
    SIBLING_DEADLINE = 4, /* until when elements live (causal/deadline.h) */
    SIBLING_KIND_COUNT
};

enum {
    SIBLING_REQUEST_BYTES_MAX = 96,  /* of a stamp */
    CELL_SIBLINGS_MAX = 4096,        /* accepted by the decoder; far above the client limit */
    CELL_VALUES_BYTES_MAX = 22 << 20 /* of siblings together; one value alone has its own limit */
};

enum merge_policy {
    MERGE_LWW = 0, /* the first two as enum keyspace_policy */
    MERGE_SIBLINGS = 1,
    MERGE_ELEMENTS = 2 /* what is concurrent stays; a new version replaces all that its maker saw */
};

/* Beside the strings and tombstones of a cell, and no rival of them. */
static inline bool sibling_is_beside(uint8_t kind)
{
    return kind == SIBLING_COUNTER || kind == SIBLING_CUT || kind == SIBLING_DEADLINE;
}

struct sibling {
    struct dot dot;
    hybrid_time time;
    uint64_t expire_at_ms;  /* ms since 1970; 0: never. From then on the value is absent. Not 0 of
                               a tombstone: it was a value (causal/expired.h). Of a deadline:
                               the end of all elements */
    uint8_t kind;           /* enum sibling_kind */
    bool sketch;            /* a string that joins with others like it (causal/hyperloglog.h) */
    struct slice value;     /* borrowed from what was decoded; empty for a tombstone */
    struct slice request;   /* the stamp of the request it was made for (wire/record_request.h);
                               borrowed; empty: the request had no id */
    uint32_t omitted_bytes; /* not 0: the value has so many bytes, and is not here */
};

/*
 * All zero is the empty cell. Siblings ascend by dot and each is covered by the
 * context. Values are borrowed: a cell must not outlive the bytes it came from.
 * Each `out` and `to` below is overwritten, not released, but where `_on` says otherwise.
 */
struct cell {
    struct version_vector context;
    struct sibling *siblings;
    uint32_t count;
    uint32_t capacity;
    bool lent; /* `siblings` is the array of the room that cell_on() was given */
};

/* What one version takes, of a key that a few nodes have written; uninitialised. */
enum { CELL_ROOM_ACTORS = 6, CELL_ROOM_SIBLINGS = 2 };

struct cell_room {
    struct dot dots[CELL_ROOM_ACTORS];
    struct sibling siblings[CELL_ROOM_SIBLINGS];
};

/*
 * An empty cell that begins in a room of the caller, as buffer_on() does: most cells cost no
 * allocation, larger ones move out. It is released as any other, and a copy of the struct must not
 * outlive the room.
 */
static inline struct cell cell_on(struct cell_room *room)
{
    struct cell cell = {.context = version_vector_on(room->dots, CELL_ROOM_ACTORS),
                        .siblings = room->siblings,
                        .capacity = CELL_ROOM_SIBLINGS,
                        .lent = true};
    return cell;
}

void cell_deinit(struct cell *cell);
/* Make room for `capacity` siblings in all. */
void cell_reserve(struct cell *cell, uint32_t capacity);
void cell_copy(const struct cell *from, struct cell *to);
const struct sibling *cell_find(const struct cell *cell, const struct dot *dot);
/* Insert a sibling and raise the context to its dot; one that has this dot already is kept. */
void cell_insert(struct cell *cell, const struct sibling *sibling);

/*
 * out = merge(a, b); `out` is written from empty and borrows values from both.
 * Returns how many concurrent *values* last-writer-wins dropped.
 */
uint32_t cell_merge(const struct cell *a, const struct cell *b, enum merge_policy policy,
                    struct cell *out);
/* The same; `out` is empty, and all zero or made by cell_on(). */
uint32_t cell_merge_on(const struct cell *a, const struct cell *b, enum merge_policy policy,
                       struct cell *out);
/*
 * Whether a merge of the two is `incoming` as it is, under any policy, and is another version than
 * `local`: whoever made its one sibling had seen all that `local` has.
 */
bool cell_overwrites(const struct cell *incoming, const struct cell *local);
/*
 * The seen-filter: remove from `incoming` each sibling whose dot is in `seen` and
 * which is not live in `local` (may be NULL). It stops late copies of what was superseded.
 */
void cell_filter_seen(struct cell *incoming, const struct clock *seen, const struct cell *local);
/* Remove the siblings that `observed` covers (a write that read them replaces them). */
void cell_drop_observed(struct cell *cell, const struct version_vector *observed);
/* The highest (time, dot), tombstones and expired ones included; NULL when there is none. */
const struct sibling *cell_winner(const struct cell *cell);
/* A string, and not expired at `now_ms`. */
bool sibling_is_visible(const struct sibling *sibling, uint64_t now_ms);
/* The highest (time, dot) of those that are visible at `now_ms`; NULL when there is none. */
const struct sibling *cell_visible(const struct cell *cell, uint64_t now_ms);
/*
 * Whether the cell can be encoded and sent: counts and bytes within the limits above. A
 * merge of cells that others sent may exceed them; it must then be refused.
 */
bool cell_fits(const struct cell *cell);
/* Context and dots of both are equal (values are functional in the dot, until they expire). */
bool cell_same_version(const struct cell *a, const struct cell *b);
hybrid_time cell_time_max(const struct cell *cell);
/* XXH3 of the cell's name and its live dots without garbage; 0 when cell_is_live() is false. */
uint64_t cell_hash(const struct cell *cell, struct slice name, uint64_t seed);
/* cell_hash() of `after` less that of `before`, for less than both cost. */
uint64_t cell_hash_change(const struct cell *before, const struct cell *after, struct slice name,
                          uint64_t seed);

/* Whether a version in it was made for a request with an id. */
bool cell_has_requests(const struct cell *cell);
/* Whether a sibling's value is not here; such a cell may be compared and merged, never kept. */
bool cell_omits_values(const struct cell *cell);
uint64_t cell_omitted_bytes(const struct cell *cell);

/* `with_values` false: as cell_encode_versions() with 0. A cell to keep omits nothing. */
void cell_encode(const struct cell *cell, bool with_values, struct buffer *out);
/* Strings above `value_bytes_max` are omitted: their length stands for them. */
void cell_encode_versions(const struct cell *cell, uint64_t value_bytes_max, struct buffer *out);
/*
 * Fails the reader on what breaks the rules above; `out` is then empty. An omitted value is
 * refused: taken for the empty one it would replace what it stands for.
 */
void cell_decode(struct reader *reader, struct cell *out);
/* The same, and values may be omitted. */
void cell_decode_versions(struct reader *reader, struct cell *out);
/* As these two; `out` is empty, and all zero or made by cell_on(). */
void cell_decode_on(struct reader *reader, struct cell *out);
void cell_decode_versions_on(struct reader *reader, struct cell *out);

#endif
