/*
 * store_writes.h - writes to a store side: requests as a coordinator makes them, and what comes of
 * them, for the tests that share them.
 */
#ifndef TESTS_UNIT_NODE_STORE_WRITES_H
#define TESTS_UNIT_NODE_STORE_WRITES_H

#include "store_host.h"

struct mutation set_to(const char *value);
struct mutation append_of(const char *value);
/* A write of entries whose keys share a {tag}, so that they lie in one partition. */
struct key_request write_of(const struct store_host *host, struct key_entry *entries,
                            uint16_t count, uint8_t flags);
request_id mint_one(struct store_host *host, const char *key, struct mutation mutation);
/*
 * The first times that a store side issues wait for the ceiling of its clock (store_clock.h): what
 * it mints then is answered late. Afterwards it is answered early.
 */
void warm_clock(struct store_host *host);
/* The only MESSAGE_MINTED among the frames, with its result decoded. */
struct message_minted minted_in(const struct buffer *frames, struct key_result *result);
enum status minted_status(const struct buffer *frames);
enum status replicated_status(const struct buffer *frames, unsigned index);
/* The body for the other owners of what was just minted. */
void take_replicate(const struct store_host *host, struct buffer *out);
void assert_equal_replicas(struct store_host *a, struct store_host *b);
enum replica_state state_of(const struct buffer *frames, partition_id partition);

#endif
