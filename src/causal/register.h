/*
 * register.h - what a command does to a string: a pure function from the value
 * seen to the next value and the answer.
 *
 * Evaluated by the coordinating owner against the merged state of the read
 * quorum and its own; what is replicated is the resulting cell, never the mutation.
 */
#ifndef CAUSAL_REGISTER_H
#define CAUSAL_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"
#include "causal/cell.h"
#include "causal/decimal.h"

enum register_operation {
    REGISTER_SET = 0,   /* value, expire_at_ms; one in the past leaves the key absent */
    REGISTER_DELETE,    /* number: 1 when a value was there; writes nothing when not */
    REGISTER_APPEND,    /* value; number: the new length; keeps the expiry */
    REGISTER_SET_RANGE, /* value at offset, gaps are zero bytes; number: the new length */
    REGISTER_EXPIRE,    /* expire_at_ms, in the past deletes; number: 1 when set */
    REGISTER_PERSIST,   /* number: 1 when an expiry was removed */
    REGISTER_SET_BIT,   /* offset in bits, value "0" or "1"; number: the bit before */
    REGISTER_BIT_FIELD, /* value: a program of bits.h; `old`: its results */
    REGISTER_INCREMENT, /* value: the amount as text; number: the sum. See counter.h; IF_ABSENT and
                           IF_PRESENT as of SET, has_old then says that it was made */
    REGISTER_SKETCH,    /* value: a HyperLogLog that joins what is there; number: 1 when something
                           changed or was made. See hyperloglog.h */
    REGISTER_OPERATION_COUNT
};

enum mutation_flags {
    MUTATION_IF_ABSENT = 1 << 0,   /* SET NX: write only when no value is visible */
    MUTATION_IF_PRESENT = 1 << 1,  /* SET XX */
    MUTATION_KEEP_EXPIRY = 1 << 2, /* SET KEEPTTL */
    MUTATION_RETURN_OLD = 1 << 3,  /* the answer carries the value seen before */
    MUTATION_EXPIRY_NX = 1 << 4,   /* EXPIRE NX: only when there is no expiry */
    MUTATION_EXPIRY_XX = 1 << 5,   /* only when there is one */
    MUTATION_EXPIRY_GT = 1 << 6,   /* only when later than the present one (none = infinite) */
    MUTATION_EXPIRY_LT = 1 << 7,   /* only when earlier */
    MUTATION_DECIMAL = 1 << 8,     /* INCREMENT: numbers may have a fraction; `old` is the sum */
    MUTATION_SCORE_GT = 1 << 9,  /* SET, INCREMENT: not of a value that is there, unless the new */
    MUTATION_SCORE_LT = 1 << 10, /* one is a higher score than it (score.h); a lower one */
    MUTATION_FLAGS_ALL = (1 << 11) - 1
};

struct mutation {
    uint8_t operation; /* enum register_operation */
    uint16_t flags;
    uint64_t expire_at_ms; /* 0: none */
    uint64_t offset;
    struct slice value; /* borrowed */
};

/* What becomes of the increments that the writer sees. */
enum count_effect {
    COUNT_RESET, /* they are part of what the new version replaces */
    COUNT_KEEP,
    COUNT_ADD /* one more */
};

/* What a mutation gives. `value` borrows from the input or from `built`. */
struct register_effect {
    bool write;            /* false: nothing changes */
    bool replaces;         /* there is a new string or tombstone */
    uint8_t count;         /* enum count_effect */
    decimal amount;        /* COUNT_ADD */
    uint8_t kind;          /* enum sibling_kind of the new version */
    bool sketch;           /* it is one */
    uint64_t expire_at_ms; /* of the new version */
    struct slice value;    /* of the new version */
    int64_t number;        /* see the operations; SET: 1 written, 0 condition not met */
    bool has_old;          /* with MUTATION_RETURN_OLD: a value was visible before */
    uint64_t folded;       /* ids that leave the counter (counter_fold.h) */
    bool ids_wait;         /* so will others, whose window is over */
    struct slice old; /* that value; with MUTATION_DECIMAL the new one; or BIT_FIELD's results */
};

/* Whether answer or effect depend on the value before; then a read quorum is asked first. */
bool mutation_reads(const struct mutation *mutation);
/* Whether a value has the one form of a 64-bit integer. */
bool register_is_integer(struct slice value, int64_t *out);

/*
 * `seen` is the visible value or NULL: of the read quorum if the mutation reads, else
 * of one owner. `built` is cleared and takes a value that had to be made.
 * STATUS_TOO_LARGE: the new value would be above `value_bytes_max`. STATUS_NOT_A_NUMBER: `seen`
 * cannot be incremented, or not by this, or is no sketch. STATUS_OVERFLOW. Then nothing changes.
 */
MUST_USE enum status register_mutate(const struct mutation *mutation, const struct sibling *seen,
                                     uint64_t now_ms, uint64_t value_bytes_max,
                                     struct buffer *built, struct register_effect *out);

void mutation_encode(const struct mutation *mutation, struct buffer *out);
void mutation_decode(struct reader *reader, struct mutation *out);

#endif
