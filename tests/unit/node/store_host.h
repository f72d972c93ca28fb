/*
 * store_host.h - a store side on a store in memory, whose thread is the test.
 *
 * What the store side hands over is kept as frames: `early` at once, `late` after
 * store_host_commit(), as the real loop does.
 */
#ifndef TESTS_UNIT_NODE_STORE_HOST_H
#define TESTS_UNIT_NODE_STORE_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../replica/memory_store.h"
#include "coordinator/key_request.h"
#include "node/store_side.h"
#include "wire/frame.h"
#include "wire/message.h"

enum { STORE_HOST_WALL_MS = 1000000, STORE_HOST_MONO_MS = 5000 };

struct store_host {
    struct ring *ring;
    struct settings settings;
    struct memory_store store;
    struct store_port port;
    struct store_side *side;
    struct store_output out; /* of the present group */
    struct instant now;
    struct buffer early, late; /* frames that were handed over since store_host_forget() */
    node_id self;
    uint32_t boot_epoch;
    request_id last_request;
};

/* A ring of 16 partitions: each member owns all. Keyspace 0 is lww, 7 keeps siblings. */
struct ring *store_host_ring(const char *replication);

/* Not opened yet. `ring` is borrowed. */
void store_host_init(struct store_host *host, struct ring *ring, node_id self,
                     uint16_t storage_incarnation);
void store_host_deinit(struct store_host *host);
/* Opens, and commits what that writes. */
void store_host_open(struct store_host *host);

/* One frame into the present group; returns its request number. */
request_id store_host_write(struct store_host *host, uint16_t type, struct slice body);
void store_host_commit(struct store_host *host);
/* The commit fails; `stored`: although it failed, the batch is in the store. */
void store_host_fail(struct store_host *host, bool stored);
/* As after kill -9: the present group is lost; a store side of the next boot epoch opens. */
void store_host_restart(struct store_host *host);
/* Forget the frames that were handed over. */
void store_host_forget(struct store_host *host);

/* The `index`-th frame of this type among the frames; false when there are fewer. */
bool store_host_find(const struct buffer *frames, uint16_t type, unsigned index, struct frame *out);
unsigned store_host_count(const struct buffer *frames, uint16_t type);

/* MESSAGE_MINT of one request. */
request_id store_host_mint(struct store_host *host, const struct key_request *request);
/* SET key value in keyspace 0, and committed. */
void store_host_set(struct store_host *host, const char *key, const char *value);
/* Write some key, so that answers to the mints that follow come early (store_clock.h). */
void store_host_raise_ceiling(struct store_host *host);
/* The visible value in the committed state of keyspace 0; fails when it is another. NULL: none. */
void store_host_assert_value(struct store_host *host, const char *key, const char *value);
struct message_digest_result store_host_digest(struct store_host *host, partition_id partition);
partition_id store_host_partition(const struct store_host *host, const char *key);
struct replica_address store_host_address(const struct store_host *host, partition_id partition);

#endif
