/*
 * types.h - what a key holds when it shows no string: which collection, if any?
 *
 * An owner that answers says whether it knows of elements; it may be behind. So a walk for one
 * live element, at the level of the request, decides before the client is told. It writes back
 * what the owners lack, and a write that was refused for what is not there is then sent again.
 */
#ifndef COMMANDS_TYPES_H
#define COMMANDS_TYPES_H

#include "commands/call.h"

#define WRONG_TYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

/* "hash", "set", "zset"; the word of TYPE and SCAN. */
const char *collection_type_name(uint8_t type);

/* Fill in a walk over the key's elements of that type from `place` on. */
void collection_make_walk(struct call *call, struct slice key, uint8_t type, uint64_t place,
                          uint32_t limit, struct key_request *request);

/*
 * Look which type the key shows; then `then`, which is told below. An owner's word may be that of
 * one who is behind: so whoever was refused for another type looks, and asks again with
 * KEY_TYPE_SEEN.
 */
void type_look(struct call *call, struct slice key, call_next *then);
struct type_seen {
    bool string;
    uint8_t type;                     /* COLLECTION_NONE: no collection */
    const struct key_result *failure; /* NULL: none */
};
struct type_seen type_seen(const struct call *call);

/* Whether it is a page of a walk as it must be, the end or one that goes on behind `place`. */
bool collection_page_leads_on(const struct key_result *result, uint64_t place);
/* The failure of one that is not. */
struct key_result collection_page_failure(const struct key_result *result);

/*
 * The outcome of the one key that the call has asked for: true when its type has to be looked at
 * first. The call goes on by itself then: with the command's take function, or an error.
 */
bool type_check_begins(struct call *call, const struct key_result *result);

/*
 * The one key that the call has written: true when its string has taken the place of elements. They
 * are removed first; the command's take function or an error follows.
 */
bool replaced_removal_begins(struct call *call, const struct key_outcome *outcome);

/*
 * Remove what the key holds, whatever it is; then `then`. What went wrong is in
 * call->flagged_failure, and part of it may be removed.
 */
void key_remove(struct call *call, struct slice key, call_next *then);

/* ---- of commands on many keys ---- */

/* A key of which an owner says that it has elements. */
struct flagged_key {
    uint64_t place; /* where the walk goes on */
    struct slice key;
    keyspace_id keyspace;
    uint8_t type; /* that is walked over */
    bool present; /* it has a live one */
    bool listed;  /* all of its fields that count were met */
    bool counted; /* something of the key is counted already */
    bool reduced; /* the delete has removed a field of it that counted */
};

void flag_name(struct call *call, struct slice key, keyspace_id keyspace, uint8_t type);
/* By the argument that names it; owners know it by no lower `type`. */
void flag_key(struct call *call, uint32_t argument, uint8_t type, bool counted);
uint32_t flagged_count(const struct call *call);
const struct flagged_key *flagged_key(const struct call *call, uint32_t index);
/* Look at each; false: none is flagged. A failure is in call->flagged_failure. */
bool flagged_look(struct call *call, call_next *then);
/* One that certainly has elements, hidden by the string that was set. */
void flag_replaced(struct call *call, uint32_t argument);
/*
 * Delete the elements of those that are present; false: none is. Fields that count are removed one
 * by one first, for a cut does not reset them (causal/cut.h). The owner that is asked to may not
 * know what another one has shown, below a quorum: then the outcome says that nothing was written.
 */
bool flagged_delete(struct call *call, call_collect *collect, call_next *then);

#endif
