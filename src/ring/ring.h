/*
 * ring.h - the ring: members, policy and the explicit table of owners, as one value.
 *
 * A ring is immutable: a change makes a new one with a higher tag. Nodes store
 * the table and never recompute it, so versions cannot disagree about placement.
 *
 * Owners of a partition stand region by region in the order of `regions`, and
 * inside a region in preference order: the first one is the partition's primary
 * there. A node stands at most once in a partition's row.
 * Source: reference "algorithms" 1.1-1.6; DeCandia et al., "Dynamo", SOSP 2007, 6.2 strategy 3.
 */
#ifndef RING_RING_H
#define RING_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

#define RING_TTL_MS_MAX ((uint64_t)100 * 365 * 24 * 3600 * 1000) /* of a keyspace's default */

enum {
    RING_MEMBERS_MAX = 512,
    RING_REGIONS_MAX = 16,
    RING_OWNERS_MAX = 16, /* of one partition, all regions together */
    RING_KEYSPACES_MAX = 64,
    RING_KEYSPACE_DROPS_MAX = 511, /* of one number, which is then used up */
    RING_NAME_MAX = 32,            /* bytes of a region, rack or keyspace name: [a-z0-9_-], 1..32 */
    RING_HOST_MAX = 253,
    RING_WEIGHT_MAX = 10000,
    RING_SECRET_BYTES = 32,
    RING_LEVEL_MAX = 31,  /* a level that a ring can name; not all are known to every version */
    RING_REASON_MAX = 240 /* of a sentence for the operator, with its NUL */
};

struct ring_region {
    char name[RING_NAME_MAX + 1];
    uint8_t replicas; /* owners per partition in this region; 0..RING_OWNERS_MAX */
};

struct ring_address {
    char host[RING_HOST_MAX + 1]; /* never empty; printable ASCII without spaces */
    uint16_t port;
};

enum member_role {
    MEMBER_DATA = 0,    /* owns partitions, and is a fallback for those of others */
    MEMBER_GATEWAY = 1, /* serves clients and stores nothing: neither owner nor fallback */
    MEMBER_JOINING = 2, /* as a gateway, until a committed plan gives it partitions */
    /* As a gateway, but that it hands over the hints that it keeps; then it is no member. */
    MEMBER_LEAVING = 3
};

struct ring_member {
    node_id id;
    uint16_t storage_incarnation; /* 1.. ; raised when the node's store was lost */
    uint8_t role;                 /* enum member_role */
    uint8_t region;               /* index into regions */
    char rack[RING_NAME_MAX + 1];
    /* 1..RING_WEIGHT_MAX, share of copies relative to the region's others; 0 of a gateway */
    uint32_t weight;
    struct ring_address client; /* where clients reach it */
    struct ring_address peer;   /* where other nodes reach it */
};

enum keyspace_policy {
    KEYSPACE_LWW = 0,     /* the last writer by hybrid logical time wins; losses are counted */
    KEYSPACE_SIBLINGS = 1 /* concurrent values are all kept */
};

/*
 * Number, name and policy stay until it is dropped. The rest is what a request gets when neither
 * its connection nor itself says otherwise; all zero leaves it to the node's settings.
 */
struct ring_keyspace {
    uint16_t number; /* below RING_KEYSPACES_MAX, as SELECT takes it */
    char name[RING_NAME_MAX + 1];
    uint8_t policy;           /* enum keyspace_policy */
    uint8_t read_level;       /* enum level of coordinator/level.h, whose numbers never change; */
    uint8_t write_level;      /* 0: LEVEL_DEFAULT */
    bool sloppy;              /* fallbacks stand in for owners that cannot be reached */
    uint64_t default_ttl_ms;  /* of a value that is written without an expiry; 0: none */
    uint32_t value_bytes_max; /* of a client's value; 0: the setting, which binds in any case */
    uint32_t siblings_max;    /* likewise */
};

struct ring_transition; /* ring/transition.h */

struct ring {
    uint8_t cluster_id[16];
    uint64_t generation; /* raised only by force; 1 at first */
    struct ring_tag tag; /* RING_STABLE; of partitions that never moved: see ring/transition.h */
    /* Of ring_position(); positions are shown to clients, so it proves nothing. */
    uint64_t seed;
    uint8_t secret[RING_SECRET_BYTES]; /* keys MACs; only members know it */
    uint32_t partition_count; /* a power of two, PARTITION_COUNT_MIN .. PARTITION_COUNT_MAX */
    uint8_t region_count;
    /* sum of the regions' replicas: owners per partition, 1..RING_OWNERS_MAX */
    uint8_t owner_count;
    uint16_t member_count;
    uint16_t keyspace_count;
    struct ring_region regions[RING_REGIONS_MAX];       /* names differ */
    struct ring_keyspace keyspaces[RING_KEYSPACES_MAX]; /* by number, ascending; names differ */
    uint16_t keyspace_drops[RING_KEYSPACES_MAX];        /* by number: keyspaces of it that were
                                                           dropped, each with an id of its own */
    node_id last_id;             /* the highest ever given; 0: that of the last member */
    struct ring_member *members; /* by id, ascending */
    node_id *owners;             /* partition_count rows of owner_count ids; NULL until placed */
    /* ring/transition.h; heap memory of the ring too, and no part of its bytes or digests. */
    uint32_t *epochs;                    /* of each partition; NULL: that of `tag` */
    struct ring_transition *transitions; /* by partition, ascending */
    uint32_t transition_count;
};

/*
 * A ring with nothing in it, for its maker to fill; `members` and `owners` are
 * then heap memory that the ring owns. Release with ring_free(); NULL is fine there.
 */
struct ring *ring_new(void);
void ring_free(struct ring *ring);
/* Deep: shares no memory with `ring`, whose `owners` may still be NULL. */
struct ring *ring_copy(const struct ring *ring);

/* `reason` gets the sentence, cut to its size; returns `status`. */
enum status ring_refuse(enum status status, char reason[RING_REASON_MAX], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/*
 * Whether `ring` keeps every rule of this header, table included.
 * STATUS_INVALID: `reason` holds one sentence on the first rule that is broken.
 * Costs one pass over the table.
 */
MUST_USE enum status ring_validate(const struct ring *ring, char reason[RING_REASON_MAX]);
/* The same of one row, which may be another than the table's. */
MUST_USE enum status ring_validate_row(const struct ring *ring, partition_id partition,
                                       const node_id *owners, char reason[RING_REASON_MAX]);
/* Whether `name` can name a region, a rack or a keyspace. */
bool ring_name_is_valid(const char *name);

/* Whether it may keep hints, and so says of itself what is durable and what it keeps. */
static inline bool ring_member_keeps_hints(const struct ring_member *member)
{
    return member->role == MEMBER_DATA || member->role == MEMBER_LEAVING;
}

/* The owners of `partition`: ring->owner_count ids, valid as long as the ring. */
const node_id *ring_owners(const struct ring *ring, partition_id partition);
bool ring_owns(const struct ring *ring, node_id node, partition_id partition);
/* NULL when there is no such member. */
const struct ring_member *ring_member(const struct ring *ring, node_id id);
/* The highest id that a member has or had: ids are given in their order, and none twice. */
node_id ring_last_id(const struct ring *ring);
/* Whether a member had that id that is none any more. Nothing of it is ever taken again. */
bool ring_is_fenced(const struct ring *ring, node_id id);

/*
 * K1 of tests/models/keyspace_drop.py: the id is number + RING_KEYSPACES_MAX * (how often that
 * number was dropped before), so it is never given twice, and the first keyspace of a number has it
 * for id. What is left of a dropped keyspace, on any disk and in any message, never belongs to a
 * later one.
 */
static inline uint16_t keyspace_number(keyspace_id id)
{
    return id % RING_KEYSPACES_MAX;
}
/* NULL: there is none with that id, or not yet as far as this ring knows. */
const struct ring_keyspace *ring_keyspace(const struct ring *ring, keyspace_id id);
/* Likewise by the number that clients know; any number may be asked for. */
const struct ring_keyspace *ring_keyspace_numbered(const struct ring *ring, uint64_t number);
keyspace_id ring_keyspace_id(const struct ring *ring, const struct ring_keyspace *keyspace);
/* Whether it was dropped, also by the id of its elements. False for one not heard of here. */
bool ring_keyspace_is_dropped(const struct ring *ring, keyspace_id id);
/* The limit that binds of a keyspace's, where it has one, and the node's setting. */
static inline uint32_t ring_keyspace_limit(uint32_t of_keyspace, uint32_t setting)
{
    return of_keyspace != 0 && of_keyspace < setting ? of_keyspace : setting;
}
/*
 * A fixed pseudo-random number for this pair. Sorting nodes by it gives each
 * partition an order of its own, the same on every machine (rendezvous hashing).
 */
uint64_t ring_rank(partition_id partition, node_id node);
/* -1 when there is no region of that name. */
int ring_region_index(const struct ring *ring, const char *name);

/*
 * One canonical form with a checksum at its end: equal rings give equal bytes.
 * A ring to encode keeps every rule of this header; ring_encode() appends to `out`.
 * STATUS_CORRUPT: the bytes are damaged, of an unknown version, not the canonical
 * form, or break a rule of this header; `*out` is untouched. The caller owns `*out`.
 */
void ring_encode(const struct ring *ring, struct buffer *out);
MUST_USE enum status ring_decode(struct slice bytes, struct ring **out);
/* XXH3 of the canonical form without its checksum. */
uint64_t ring_digest(const struct ring *ring);
/*
 * XXH3 of what decides where everything lies: the table of owners, and how keys find their row.
 * Nodes of one tag that differ in it would lose data together; members and keyspaces differ for
 * as long as news of a change travels. Never 0.
 */
uint64_t ring_placement_digest(const struct ring *ring);

/*
 * "eu:2,us:1" -> the regions in that order and their replicas; `regions` has room
 * for RING_REGIONS_MAX. STATUS_INVALID: one sentence is in `reason`, and the other
 * results are untouched.
 */
MUST_USE enum status ring_parse_replication(const char *text, struct ring_region *regions,
                                            uint8_t *region_count, char reason[RING_REASON_MAX]);

#endif
