/*
 * collection.h - key requests on the elements of a collection (coordinator/key_request.h).
 *
 *     get, write    MESSAGE_READ of the key and of each element; then as for keys
 *     walk          MESSAGE_ELEMENTS of a page from each owner that the level needs; what all of
 *                   them cover is merged, written back where it is missing, and answered
 *     delete        MESSAGE_COLLECTION_CLOCK: the read quorum's clocks are what is removed
 *
 * Entry 0 of such a request is the key; the elements follow. Its cell merges as that of any key,
 * an element's keeps what is concurrent: so an add wins over a removal that has not seen it.
 * Source: reference "algorithms" A.5 (a page at a time, by the least last place), 8.3.
 */
#ifndef COORDINATOR_COLLECTION_H
#define COORDINATOR_COLLECTION_H

#include "coordinator/request_state.h"

/* Of entry `index` of any request: how its cells merge, in which keyspace, by which name. */
static inline bool collection_is_element(const struct coordinated_request *c, uint16_t index)
{
    return index > 0 && key_request_is_collection(&c->request);
}
static inline enum merge_policy collection_policy(const struct coordinated_request *c,
                                                  uint16_t index)
{
    return collection_is_element(c, index) ? MERGE_ELEMENTS : c->policy;
}
static inline keyspace_id collection_keyspace(const struct coordinated_request *c, uint16_t index)
{
    return collection_is_element(c, index) ? keyspace_of_elements(c->request.keyspace)
                                           : c->request.keyspace;
}
/* The name of an element, made in `made`, which is cleared. */
struct slice collection_element_name(const struct coordinated_request *c, uint16_t index,
                                     struct buffer *made);
/* Borrowed from the request, or made likewise. */
static inline struct slice collection_name(const struct coordinated_request *c, uint16_t index,
                                           struct buffer *made)
{
    return collection_is_element(c, index) ? collection_element_name(c, index, made)
                                           : c->request.entries[index].key;
}

void collection_encode_walk(const struct coordinated_request *c, struct buffer *body);
void collection_encode_clock(const struct coordinated_request *c, struct buffer *body);
/* Whether the body is a good answer to what was asked. */
enum status collection_judge(const struct coordinated_request *c, uint16_t type, struct slice body);

/* The level is met. */
void collection_got(struct coordinated_request *c, uint64_t wall_ms,
                    struct coordinated_output *out);
void collection_walked(struct coordinated_request *c, uint64_t wall_ms,
                       struct coordinated_output *out);
void collection_clocks_gathered(struct coordinated_request *c, struct coordinated_output *out);

/*
 * Whether the type that the read quorum shows forbids the request: a string or another collection
 * where elements are asked for or written, elements where a value is changed.
 */
bool collection_forbids(const struct coordinated_request *c, uint64_t wall_ms);
/*
 * L4 of causal/deadline.h: whether elements are to be added to a key with an end, and none of those
 * that are named is there: then whoever asked looks whether another is.
 */
bool collection_must_be_looked_at(const struct coordinated_request *c, uint64_t wall_ms);
/* Merge what the counted owners have of one cell, encoded; by place in the preference list. */
void collection_merge_cells(const struct coordinated_request *c, const struct slice *cells,
                            enum merge_policy policy, struct cell *out);
/* Whether an owner that answered knows the key by another type, and no look has shown otherwise. */
bool collection_has_other_type(const struct coordinated_request *c);
/* Of which type some owner that answered has elements under entry `index`, and no string. */
uint8_t collection_beside(const struct coordinated_request *c, uint16_t index);
/* Note that in the outcomes of deletes that found no string. */
void collection_note_beside(const struct coordinated_request *c, struct key_result *result);

#endif
