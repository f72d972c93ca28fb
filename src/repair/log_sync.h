/*
 * log_sync.h - catching up with one peer: compare clocks, pull what is missing.
 *
 *     ask the own store side for the clocks of some shared partitions
 *       --> send them to the peer (MESSAGE_SYNC_PULL)
 *       --> it answers with the cells behind the dots that we lack (MESSAGE_SYNC_PAGE)
 *       --> hand the page to the own store side (MESSAGE_SYNC_APPLY)
 *       --> what was left over is asked next, else the next partitions
 *
 * An owner's log is thereby the hint for the other owners. Each node pulls from
 * each peer; while nothing differs, one exchange of at most SYNC_PARTITIONS_MAX
 * clocks goes out every `interval_ms`; while something does, without a pause.
 * Nothing is remembered that a crash could lose: the clocks say where to go on.
 *
 * A partition that one peer is asked for is left to it, so that what several owners could bring
 * comes once; whoever brings nothing for LOG_SYNC_HOLD_MS holds it no longer, and what was left to
 * one exchange is not left to the next one: two peers in step would else never both be asked.
 * Source: reference "algorithms" 5.2, 6.1 (L1), A.3.
 */
#ifndef REPAIR_LOG_SYNC_H
#define REPAIR_LOG_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring.h"
#include "wire/message.h"

struct log_sync;

enum { LOG_SYNC_HOLD_MS = 1000 };

/*
 * Whether an exchange with another peer asks for the partition, begun by `since_us`; 0: at any
 * time.
 */
typedef bool (*log_sync_asked)(const void *context, partition_id partition, uint64_t since_us);

enum log_sync_want {
    LOG_SYNC_NOTHING,
    LOG_SYNC_ASK_STORE, /* MESSAGE_SYNC_CLOCKS with the body to the own store side */
    LOG_SYNC_ASK_PEER,  /* MESSAGE_SYNC_PULL with the body to the peer */
    LOG_SYNC_APPLY      /* MESSAGE_SYNC_APPLY with the body to the own store side */
};

/* What to do next; at most one thing at a time is under way. */
struct log_sync_output {
    enum log_sync_want want;
    struct buffer body;
    uint16_t trimmed_count; /* of the page: the peer's log is too short (partition_sync.h) */
    partition_id trimmed[SYNC_PARTITIONS_MAX];
};

/* Shares `ring` for its life. */
struct log_sync *log_sync_new(const struct ring *ring, node_id self, node_id peer,
                              uint32_t interval_ms, uint32_t timeout_ms);
void log_sync_free(struct log_sync *sync);
/*
 * Partitions have other owners than before. An exchange under way goes on: what is no longer shared
 * is refused by who has it. A whole round follows without pauses.
 */
void log_sync_follow_ring(struct log_sync *sync, const struct ring *ring, node_id self,
                          uint64_t now_us);

/* The peer is up: one whole round follows without pauses. Down: what was under way is forgotten. */
void log_sync_peer_up(struct log_sync *sync, uint64_t now_us);
void log_sync_peer_down(struct log_sync *sync);
/* The peer waits to be asked for all that is lacked here: a whole round without pauses, now. */
void log_sync_hurry(struct log_sync *sync, uint64_t now_us);

void log_sync_tick(struct log_sync *sync, uint64_t now_us, log_sync_asked asked,
                   const void *context, struct log_sync_output *out);
/* Whether the exchange under way is about the partition, began by then and got on lately. */
bool log_sync_asks(const struct log_sync *sync, partition_id partition, uint64_t since_us,
                   uint64_t now_us);
/* The own store side answered LOG_SYNC_ASK_STORE. */
void log_sync_clocks(struct log_sync *sync, struct slice body, uint64_t now_us,
                     struct log_sync_output *out);
/* `rebuilding`: own replicas wait to hear that they have everything. */
void log_sync_page(struct log_sync *sync, struct slice body, bool rebuilding, uint64_t now_us,
                   struct log_sync_output *out);
void log_sync_applied(struct log_sync *sync, const struct message_sync_applied *applied,
                      uint64_t now_us, struct log_sync_output *out);
uint64_t log_sync_deadline_us(const struct log_sync *sync);

#endif
