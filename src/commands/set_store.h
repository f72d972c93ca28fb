/*
 * set_store.h - a set in the place of what a key holds: SINTERSTORE and its like.
 *
 * Members that are not in the result are removed, the others added, in one request as long as one
 * may be. What others add at the same time stays.
 */
#ifndef COMMANDS_SET_STORE_H
#define COMMANDS_SET_STORE_H

#include "commands/elements.h"

enum { SET_STORED_AT_ONCE_MAX = 1024 };

/* A call that stores has its work begin with this; all zero, but for the room. */
struct set_store {
    struct element_work work;
    uint64_t count;                       /* members of the result */
    size_t kept_at, added_at, removed_at; /* in the result; in what is removed */
    bool kept;                            /* there is kept_name, which ends at kept_at */
    bool too_large;
    bool written; /* some of it */
    struct slice kept_name;
    struct slice *names; /* of one request: room for SET_STORED_AT_ONCE_MAX; */
    bool *removes;       /* and which of them go */
};

/* In the order in which walks show them. */
int member_compare(uint64_t place, struct slice name, uint64_t other_place, struct slice other);
/* Names stand one behind the other, each with its length. */
struct slice member_at(const struct buffer *names, size_t *at);

/*
 * Store the `count` names of call->scratch, in their order, under the key that is the first
 * argument, and answer how many. Takes call->spare, too.
 */
void set_store_begin(struct call *call, uint64_t count);

#endif
