/*
 * owner_rank.h - in which order the owners of a partition are asked.
 *
 * The own replica comes first, then the owners of the own region, then the others;
 * within each of these by cost. Whoever is slow loses its place: one that takes
 * OWNER_SLOW_FACTOR times what the fastest owner takes, and at least OWNER_SLOW_US, stands with
 * those of other regions, by cost alone. Last are those that refuse, or are known not to be ready.
 *
 * The cost of an owner is what C3 calls its score: the time of the network, and the
 * time that it takes for one question multiplied by the cube of its queue. The queue is
 * what it last said of itself and what is in flight to it from here.
 *
 * One that lost its place is asked no more, so nothing would tell that it has healed. Therefore
 * one that was not measured for a while may be asked beside those that are needed
 * (owner_rank_candidate()): exploring costs an extra question, and never a reader's time.
 * Unlike C3 what is in flight is not multiplied by the number of askers, because an answer
 * tells the queue that all of them have made; and nothing is limited by rate: peer-inflight-max
 * and the refusals of owners do that.
 * Sources: C3, NSDI 2015, 3.2; reference "algorithms" 4.2.
 */
#ifndef COORDINATOR_OWNER_RANK_H
#define COORDINATOR_OWNER_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ids.h"
#include "coordinator/quorum.h"
#include "ring/preference_list.h"
#include "ring/ring.h"

enum rank_lane {
    RANK_READ,    /* MESSAGE_READ */
    RANK_FORWARD, /* MESSAGE_FORWARD */
    RANK_LANES
};

enum {
    OWNER_SLOW_FACTOR = 4,
    OWNER_SLOW_US = 2000,
    OWNER_PATIENCE_US = 10 * 1000, /* at most, beside the network */
    OWNER_PATIENCE_MIN_US = 1000,
    OWNER_REFUSED_US = 1000 * 1000,  /* for so long one that refused is asked last */
    OWNER_UNMEASURED_US = 500 * 1000 /* not measured for so long: worth an extra question */
};

struct owner_rank;

struct owner_rank *owner_rank_new(const struct ring *ring, node_id self);
/* The members of the ring have changed. */
void owner_rank_follow_ring(struct owner_rank *rank);
void owner_rank_free(struct owner_rank *rank);

/* What an answer says of its sender, in the frame's `left`, which answers need for nothing else. */
uint32_t owner_load_pack(uint32_t queue, uint64_t service_us);

void owner_rank_asked(struct owner_rank *rank, node_id node, enum rank_lane lane,
                      request_id request, uint64_t now_us);
/*
 * Also when nobody waits for it any more. `load` is as packed by the sender, 0 of an own replica.
 */
void owner_rank_answered(struct owner_rank *rank, node_id node, enum rank_lane lane,
                         request_id request, uint32_t load, uint64_t now_us);
/* It answered that it cannot, or the frame did not reach it. */
void owner_rank_refused(struct owner_rank *rank, node_id node, enum rank_lane lane,
                        request_id request, uint64_t now_us);
/* What was asked of it will not be answered. */
void owner_rank_lost(struct owner_rank *rank, node_id node);

/* What the node knows of the owners now, by their place in the preference list. */
struct owner_facts {
    uint32_t in_flight[RING_OWNERS_MAX];
    owner_mask unready; /* known not to answer */
};

/* `order` gets the places of all owners, the best first. */
void owner_rank_order(const struct owner_rank *rank, enum rank_lane lane,
                      const struct preference_list *owners, uint8_t home,
                      const struct owner_facts *facts, uint64_t now_us,
                      uint8_t order[RING_OWNERS_MAX]);
/* The owners of region `home` in `among` of whom nothing was heard for a while. */
owner_mask owner_rank_candidates(const struct owner_rank *rank, enum rank_lane lane,
                                 const struct preference_list *owners, uint8_t home,
                                 owner_mask among, uint64_t now_us);
/*
 * After how long without an answer another owner is worth asking: the 99th percentile of this
 * one, within bounds, because a percentile alone grows as its owner ails.
 */
uint64_t owner_rank_patience_us(const struct owner_rank *rank, node_id node, enum rank_lane lane);

struct owner_rank_view {
    uint64_t expected_us[RANK_LANES]; /* 0: nothing is known */
    uint64_t p99_us[RANK_LANES];
    uint32_t queue; /* as it last said */
    bool slow;      /* for reads, beside the fastest node of the own region */
};
void owner_rank_look(const struct owner_rank *rank, node_id node, uint64_t now_us,
                     struct owner_rank_view *out);

#endif
