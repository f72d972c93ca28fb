/*
 * key_story.h - what became of one key: which node has which version, who is behind and why, and
 * why one value is shown and not another. Made of what all nodes said (RING.EXPLAIN, RING.STATUS).
 *
 * A version is named by its event. It is live when no holder covers it without having it; an owner
 * is behind when it covers not all that is live. What a holder has dropped for a later value it
 * covers too, so two values that nobody has seen together are concurrent as far as can be told.
 */
#ifndef RINGCTL_KEY_STORY_H
#define RINGCTL_KEY_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "cluster.h"
#include "wire/resp_reply.h"

/* What one member said. */
struct key_witness {
    const struct resp_value *explain; /* NULL: nothing */
    const struct resp_value *status;  /* NULL: nothing */
    char reason[EXCHANGE_REASON_MAX]; /* why there is no `explain` */
};

enum holder_state { HOLDER_CURRENT, HOLDER_BEHIND, HOLDER_UNKNOWN };

/* One replica, or one hint. */
struct key_holder {
    size_t member; /* index in the cluster */
    bool is_owner;
    bool is_hint; /* else a replica */
    enum holder_state state;
    const struct resp_value *covers, *versions; /* NULL: not known */
    const struct resp_value *shown; /* of its versions the one that a reader sees; NULL: none */
    const struct resp_value *lacks; /* the newest live version that it does not cover */
    struct buffer why, next_step;   /* with a NUL behind, as long as it is not current */
};

struct key_story {
    const struct cluster *cluster;
    const struct key_witness *witnesses; /* by member */
    uint32_t partition;
    bool keeps_siblings;        /* the policy of its keyspace */
    struct key_holder *holders; /* owners in their order, then others */
    size_t holder_count;
    const struct resp_value *winner; /* a version, perhaps a tombstone; NULL: there is none */
    const char *type;                /* string, hash, set, zset, none; borrowed from a witness */
    size_t values;                   /* live strings */
    struct buffer winner_by;         /* why, with a NUL behind */
    bool agreed;                     /* every owner was asked, and is current */
};

/* `witnesses`: one for each member, borrowed as the cluster is. At least one has an `explain`. */
void key_story_make(struct key_story *story, const struct cluster *cluster,
                    const struct key_witness *witnesses, bool keeps_siblings);
void key_story_deinit(struct key_story *story);

#endif
