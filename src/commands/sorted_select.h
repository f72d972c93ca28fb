/*
 * sorted_select.h - members of a sorted set in their order: from here, up to there, so many.
 *
 * Pages come from the score indexes of the owners (coordinator/order.h), a few members at first and
 * more with each. What stands is taken as it is; other members are asked for by name, and go by the
 * score that they have then. Where increments forbid to trust the order of owners, all members are
 * walked over instead, and those that are wanted are kept.
 *
 * A page is of one moment at each owner, a selection of many pages is not: who moves meanwhile may
 * be met twice, or not at all.
 */
#ifndef COMMANDS_SORTED_SELECT_H
#define COMMANDS_SORTED_SELECT_H

#include "commands/elements.h"

enum sorted_range {
    SORTED_ALL,
    SORTED_BY_SCORE,
    SORTED_BY_MEMBER, /* which is right where all have one score, as in Redis */
    SORTED_BEFORE     /* the bound `score`, `member`, on the way */
};

/* What is wanted. */
struct sorted_wish {
    struct slice key;
    bool reversed; /* the highest first */
    uint8_t range; /* enum sorted_range */
    double min, max;
    bool without_min, without_max;
    struct slice least, greatest; /* members; without them: no bound */
    bool has_least, has_greatest;
    double score;
    struct slice member;
    uint64_t skip, keep; /* of those in the range; keep UINT64_MAX: all */
    bool counts_all;     /* also those that are not kept */
};

enum { SORTED_LOOKS_MAX = 256 };

/*
 * call->work of a call that selects begins with this. When `then` goes on, call->scratch has the
 * members, each as sorted_next() reads it, and `met` says how many were in the range, skipped ones
 * too: all of them with counts_all, else at least those that had to be met. A failure is answered.
 */
struct sorted_selection {
    struct element_work work;
    struct sorted_wish wish;
    call_next *then;
    uint64_t met, kept;
    bool over;         /* nothing that comes is wanted */
    bool probes;       /* for the score that all have */
    uint32_t limit;    /* of the next page */
    size_t from_bytes; /* in call->place: where the page began; behind them where the next does */
    size_t look_at;    /* in call->spare: members up to here are looked at */
    uint32_t look_count;
    int64_t start, stop; /* places */
    call_next *then_places;
    struct slice looks[SORTED_LOOKS_MAX];
    size_t look_places[SORTED_LOOKS_MAX];
};

/* Into call->work, which begins with a struct sorted_selection. A wrong keyspace is answered. */
void sorted_select(struct call *call, const struct sorted_wish *wish, call_next *then);

/* The same by places of the order, from 0; below 0 they are counted from its end. */
void sorted_select_ranks(struct call *call, struct slice key, int64_t start, int64_t stop,
                         bool reversed, call_next *then);

/* Read what was selected; false: there is no more. `at` begins at 0. */
bool sorted_next(const struct buffer *selected, size_t *at, double *score, struct slice *member);
/* Let `count` of them stay, from the one of that index on; the last of them first if `reversed`. */
void sorted_cut(struct call *call, uint64_t first, uint64_t count, bool reversed);

#endif
