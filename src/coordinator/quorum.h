/*
 * quorum.h - has the level been met, and can it still be?
 *
 * Owners are counted by their index in the partition's preference list, so one
 * that answers twice counts once. A level needs a number of all owners, or
 * numbers per region (LOCAL_*, EACH_QUORUM).
 */
#ifndef COORDINATOR_QUORUM_H
#define COORDINATOR_QUORUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "coordinator/level.h"
#include "ring/preference_list.h"

typedef uint32_t owner_mask; /* bit i: owner i of the preference list */

struct quorum {
    uint8_t owner_count;
    uint8_t needed;                          /* of all owners */
    uint8_t owners_needed;                   /* by pr and pw; at most `needed` */
    uint8_t region_needed[RING_REGIONS_MAX]; /* of each region's owners */
    uint8_t owner_region[RING_OWNERS_MAX];
    owner_mask counted;
    bool repairs; /* two such reads must not go backwards: see coordinator/request.c */
};

enum quorum_purpose { QUORUM_READ, QUORUM_WRITE };

/*
 * `home` is the region that LOCAL means. For writes dw raises w: every count here is
 * of synced copies. pr and pw raise r and w, for an owner whose replica is being rebuilt
 * answers no read and reports no copy: what is counted are owners that are up to date.
 * STATUS_INVALID: the level asks for more owners than there are.
 */
MUST_USE enum status quorum_init(struct quorum *quorum, const struct preference_list *owners,
                                 uint8_t home, const struct request_options *options,
                                 enum quorum_purpose purpose);

/* Count an owner; a second time changes nothing. */
void quorum_count(struct quorum *quorum, uint8_t owner);
bool quorum_met(const struct quorum *quorum);
/* Whether the level is met once the owners in `more` have been counted too. */
bool quorum_met_with(const struct quorum *quorum, owner_mask more);
/* Whether counting `owner` brings the level nearer when those in `more` are counted already. */
bool quorum_wants(const struct quorum *quorum, owner_mask more, uint8_t owner);
/* Owners counted, and owners needed: for the reply. */
uint8_t quorum_counted(const struct quorum *quorum);
uint8_t quorum_needed(const struct quorum *quorum);

#endif
