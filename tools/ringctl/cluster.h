/*
 * cluster.h - the members and the ring as one node tells them, and questions to all members.
 *
 * The first node is only the way in: verbs ask every member by the address that clients
 * are given, and compare what they hear.
 */
#ifndef RINGCTL_CLUSTER_H
#define RINGCTL_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arguments.h"
#include "exchange.h"
#include "ring/ring.h"

enum { CLUSTER_TEXT_MAX = 64 };

struct cluster_member {
    node_id id;
    char role[CLUSTER_TEXT_MAX]; /* data, joining, gateway */
    bool stores_nothing;         /* a gateway, or one that is joining */
    char region[RING_NAME_MAX + 1];
    char rack[RING_NAME_MAX + 1];
    struct ring_address client;
};

struct cluster {
    char id[CLUSTER_TEXT_MAX];
    char replication[16 * CLUSTER_TEXT_MAX];
    int64_t epoch;
    size_t member_count;
    struct cluster_member *members;
    uint32_t partition_count; /* 1..PARTITION_COUNT_MAX */
    uint32_t owner_count;     /* of each partition; 1..RING_OWNERS_MAX */
    uint16_t *owners;         /* partition_count rows of owner_count indexes into `members` */
    uint16_t *coming; /* likewise, those to which partitions move; the same where none does. NULL:
                         nothing moves */
};

/*
 * Ask the first node. When it fails, one line on standard error has said why and what to
 * do, and `out` needs no release.
 */
MUST_USE enum exit_code cluster_load(const struct arguments *arguments, struct cluster *out);
void cluster_deinit(struct cluster *cluster);

/* The owners of a partition: cluster->owner_count indexes into `members`. */
static inline const uint16_t *cluster_owners(const struct cluster *cluster, uint32_t partition)
{
    return cluster->owners + (size_t)partition * cluster->owner_count;
}

/*
 * Ask every member the same command, which takes no arguments. `out` has room for
 * member_count exchanges, which the caller releases with cluster_forget().
 */
void cluster_ask_all(const struct cluster *cluster, const struct arguments *arguments,
                     const char *command, struct exchange *out);
/*
 * The same for `count` commands of up to 8 words, each with NULL behind: replies[k] answers the
 * k-th.
 */
void cluster_ask_all_these(const struct cluster *cluster, const struct arguments *arguments,
                           const char *const *const commands[], size_t count, struct exchange *out);
void cluster_forget(const struct cluster *cluster, struct exchange *exchanges);

/*
 * The one reply of an exchange; NULL when there is none or it is an error. Then `reason`
 * gets a sentence.
 */
const struct resp_value *cluster_reply(const struct exchange *exchange,
                                       char reason[EXCHANGE_REASON_MAX]);

/* Ask the first node one thing; as cluster_load() when it fails. Release with exchange_deinit(). */
MUST_USE enum exit_code cluster_ask_first(const struct arguments *arguments,
                                          const struct slice *words, size_t count,
                                          struct exchange *out);

/* The same in keyspace arguments->keyspace, for commands that take none. */
MUST_USE enum exit_code cluster_ask_first_in(const struct arguments *arguments,
                                             const struct slice *words, size_t count,
                                             struct exchange *out);

#endif
