/*
 * partition_sync.h - pulling a partition whole, when no log reaches back far enough.
 *
 *     ask the own store side from whom and where to go on      MESSAGE_PARTITION_ASK
 *       --> ask that source for a page                         MESSAGE_PARTITION_PULL
 *       --> hand it to the own store side                      MESSAGE_PARTITION_APPLY
 *       --> and so on until all has come
 *
 * One machine for a node: one partition at a time, from one source; what is wanted beyond waits in
 * a list that has a place for each partition. What fails is dropped from it, and log sync, which
 * meets the short log again, brings it back.
 *
 *   - A partition is begun when logs were too short twice, some time apart: another owner's log may
 *     bring what is missing meanwhile. Who joins its owners has nothing, and begins at the first.
 *   - A source that was begun with is kept, for another one means to begin anew. One that is down,
 *     or cannot answer, is waited for up to PARTITION_SYNC_PATIENCE_US.
 *   - Nothing is remembered that a crash could lose: the place stands in the store.
 *   - Pages follow each other as fast as partition_sync_hold() lets them; what is under way is not
 *     held, so no time-out is hit by it.
 *
 * Source: reference "algorithms" A.3, 7.3.
 */
#ifndef REPAIR_PARTITION_SYNC_H
#define REPAIR_PARTITION_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "ring/ring.h"
#include "wire/message_partition.h"

#define PARTITION_SYNC_PATIENCE_US UINT64_C(30000000)

struct partition_sync;

enum partition_sync_want {
    PARTITION_SYNC_NOTHING,
    PARTITION_SYNC_ASK_STORE, /* MESSAGE_PARTITION_ASK to the own store side */
    PARTITION_SYNC_ASK_PEER,  /* MESSAGE_PARTITION_PULL to `peer` */
    PARTITION_SYNC_APPLY      /* MESSAGE_PARTITION_APPLY to the own store side */
};

/* What to do next; at most one thing at a time is under way. */
struct partition_sync_output {
    enum partition_sync_want want;
    node_id peer;
    struct buffer body;
};

/* Shares `ring` for its life. `interval_ms` is that of log sync, `timeout_ms` of each step. */
struct partition_sync *partition_sync_new(const struct ring *ring, node_id self,
                                          uint32_t interval_ms, uint32_t timeout_ms);
/* The members of the ring have changed. */
void partition_sync_follow_ring(struct partition_sync *sync);
/* Partitions have other owners than before. */
void partition_sync_follow_placement(struct partition_sync *sync);
void partition_sync_free(struct partition_sync *sync);

void partition_sync_peer_up(struct partition_sync *sync, node_id peer);
void partition_sync_peer_down(struct partition_sync *sync, node_id peer, uint64_t now_us);

/* `peer` cannot tell from its log what this node lacks of the partition. */
void partition_sync_trimmed(struct partition_sync *sync, partition_id partition, node_id peer,
                            uint64_t now_us);
void partition_sync_tick(struct partition_sync *sync, uint64_t now_us,
                         struct partition_sync_output *out);
/* The own store side answered PARTITION_SYNC_ASK_STORE. */
void partition_sync_place(struct partition_sync *sync, struct slice body, uint64_t now_us,
                          struct partition_sync_output *out);
void partition_sync_page(struct partition_sync *sync, node_id from, struct slice body,
                         uint64_t now_us, struct partition_sync_output *out);
void partition_sync_applied(struct partition_sync *sync,
                            const struct message_partition_applied *applied, uint64_t now_us,
                            struct partition_sync_output *out);
/* No page is asked for before `until_us`; 0: none is held back. */
void partition_sync_hold(struct partition_sync *sync, uint64_t until_us);
uint64_t partition_sync_deadline_us(const struct partition_sync *sync);
/* Partitions that wait or are under way. */
uint32_t partition_sync_count(const struct partition_sync *sync);

/* ---- for operators ------------------------------------------------------------------------- */

enum partition_pull_state {
    PARTITION_PULL_RUNNING,
    PARTITION_PULL_HELD,        /* between two pages, partition_sync_hold() */
    PARTITION_PULL_WAITS_TURN,  /* one at a time */
    PARTITION_PULL_WAITS_SOURCE /* who it was begun with cannot be reached, or cannot answer */
};

struct partition_pull {
    enum partition_pull_state state;
    node_id source;       /* 0: not known yet */
    uint64_t bytes;       /* of pages that were applied since this node has begun or gone on */
    uint64_t took_us;     /* since its first page was asked for */
    uint32_t thousandths; /* of the partition's positions, up to the place in the store */
    uint32_t first_thousandths; /* when this node has begun, or gone on */
};

/* false: that partition is not wanted whole. */
bool partition_sync_look(const struct partition_sync *sync, partition_id partition, uint64_t now_us,
                         struct partition_pull *out);

#endif
