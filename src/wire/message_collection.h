/*
 * message_collection.h - walks over the elements of a collection, and what its delete must know.
 *
 * Named elements are read with MESSAGE_READ: with KEYSPACE_ELEMENTS in its keyspace the first
 * "key" is the collection's key, the others are names of elements (ring/element_key.h).
 */
#ifndef WIRE_MESSAGE_COLLECTION_H
#define WIRE_MESSAGE_COLLECTION_H

#include "wire/message.h"

/* The cell of the key, and cells of its elements of one type from `place` on. */
struct message_elements {
    struct replica_address address;
    keyspace_id keyspace;
    uint8_t type; /* enum collection_type */
    uint64_t place;
    uint32_t limit; /* elements with a live value wanted; more come when places are equal */
    struct slice key;
};

void message_elements_encode(const struct message_elements *elements, struct buffer *out);
MUST_USE enum status message_elements_decode(struct slice body, struct message_elements *out);

/*
 * All that one moment of the replica's disk had, up to but not including `next_place`, without
 * elements that the cuts in `head` have removed with all that they ever were.
 */
struct message_elements_result {
    enum status status;
    bool done;    /* there is nothing behind it */
    uint8_t type; /* that the key has there, enum collection_type; not of HASH_COUNTS */
    uint64_t next_place;
    struct slice head; /* the key's cell, encoded */
    uint32_t entry_count;
    struct slice entries; /* entry_count times struct element_entry, ascending */
};

struct element_entry {
    uint64_t place;
    struct slice element;
    struct slice cell; /* encoded */
};

void element_entry_encode(const struct element_entry *entry, struct buffer *out);
void element_entry_decode(struct reader *reader, struct element_entry *out);
void message_elements_result_encode(const struct message_elements_result *result,
                                    struct buffer *out);
MUST_USE enum status message_elements_result_decode(struct slice body,
                                                    struct message_elements_result *out);

/* "Which events have you seen?": what a delete of all elements removes. */
struct message_collection_clock {
    struct replica_address address;
    keyspace_id keyspace;
    struct slice key;
};

void message_collection_clock_encode(const struct message_collection_clock *clock,
                                     struct buffer *out);
MUST_USE enum status message_collection_clock_decode(struct slice body,
                                                     struct message_collection_clock *out);

/* Of one moment, synced when it leaves. */
struct message_collection_clock_result {
    enum status status;
    struct slice head;  /* the key's cell, encoded */
    struct slice clock; /* encoded */
};

void message_collection_clock_result_encode(const struct message_collection_clock_result *result,
                                            struct buffer *out);
MUST_USE enum status
message_collection_clock_result_decode(struct slice body,
                                       struct message_collection_clock_result *out);

#endif
