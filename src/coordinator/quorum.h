/*
 * quorum.h - has the level been met, and can it still be?
 *
 * Holders are counted by their index in the partition's preference list, so one
 * that answers twice counts once. The first `owner_count` are owners. The others are
 * fallbacks, which count in sloppy requests alone, and there only as holders of a copy:
 *
 *   needed          holders of any kind
 *   owners_needed   owners
 *   region_needed   owners of a region (LOCAL_*, EACH_QUORUM)
 *
 * While a partition moves (ring/transition.h) a write has two sets of owners and needs all that in
 * each of them. A node that is in both counts in both, and a fallback where its owner does.
 *
 * Source: Dynamo, SOSP 2007, 4.6; reference "algorithms" 4.1.
 */
#ifndef COORDINATOR_QUORUM_H
#define COORDINATOR_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "coordinator/level.h"
#include "ring/preference_list.h"

typedef uint32_t owner_mask; /* bit i: holder i of the preference list */
_Static_assert(PREFERENCE_LIST_MAX <= 32, "a bit for each holder");

enum { QUORUM_SETS_MAX = 2 };

struct quorum {
    uint8_t owner_count;  /* of all sets together: the first holders */
    uint8_t holder_count; /* the end of the fallbacks, which follow them; owner_count: of none */
    uint8_t set_count;
    uint8_t set_size;                        /* owners of each set */
    owner_mask sets[QUORUM_SETS_MAX];        /* owners of each */
    owner_mask stand_ins[QUORUM_SETS_MAX];   /* fallbacks that may count in each */
    uint8_t needed;                          /* of all holders, in each set */
    uint8_t owners_needed;                   /* of all owners; at most `needed` */
    uint8_t region_needed[RING_REGIONS_MAX]; /* of each region's owners */
    uint8_t region_end;                      /* above every region that is needed */
    uint8_t owner_region[RING_REPLICAS_MAX];
    owner_mask holders; /* all that may be counted: quorum_holders() */
    owner_mask counted;
    bool repairs; /* two such reads must not go backwards: see coordinator/read.c */
};

enum quorum_purpose { QUORUM_READ, QUORUM_WRITE };

/*
 * `home` is the region that LOCAL means. For writes dw raises w: every count here is
 * of synced copies. pr and pw raise r and w, for an owner whose replica is being rebuilt
 * answers no read and reports no copy: what is counted are owners that are up to date.
 * STATUS_INVALID: the level asks for more owners than there are.
 */
MUST_USE enum status quorum_init(struct quorum *quorum, const struct preference_list *holders,
                                 uint8_t home, const struct request_options *options,
                                 enum quorum_purpose purpose);

/* A read that asks at least as many owners, of each region too, as the write needs for certain. */
void quorum_cover(struct quorum *read, const struct quorum *write);

/*
 * What must hold a version before the read shows it: as many as it asked, of the other set of
 * owners too while the partition moves. Nobody is counted yet.
 */
void quorum_write_back(struct quorum *quorum, const struct quorum *read,
                       const struct preference_list *holders);

/* The fallback stands in for that owner from now on. Of one set every fallback may count. */
void quorum_stand_in(struct quorum *quorum, uint8_t fallback, uint8_t owner);
/* Count a holder; a second time changes nothing, and a fallback only in a sloppy request. */
void quorum_count(struct quorum *quorum, uint8_t holder);
bool quorum_met(const struct quorum *quorum);
/* Whether the level is met once the holders in `more` have been counted too. */
bool quorum_met_with(const struct quorum *quorum, owner_mask more);
/* Whether counting `holder` brings the level nearer when those in `more` are counted already. */
bool quorum_wants(const struct quorum *quorum, owner_mask more, uint8_t holder);
/* All holders that can be counted, and the owners among them. */
owner_mask quorum_holders(const struct quorum *quorum);
owner_mask quorum_owners(const struct quorum *quorum);
/* Holders counted (in the set that has fewer), fallbacks among all, and needed: for the reply. */
uint8_t quorum_counted(const struct quorum *quorum);
uint8_t quorum_counted_fallbacks(const struct quorum *quorum);
uint8_t quorum_needed(const struct quorum *quorum);
/*
 * How many of those that are needed can be had of the holders in `mask`: as many as are needed when
 * they meet the level, and fewer when they do not, however many of others they are.
 */
uint8_t quorum_within_reach(const struct quorum *quorum, owner_mask mask);

#endif
