#include "coordinator/owner_rank.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "coordinator/latency.h"
#include "ring/roster.h"

enum {
    QUEUE_BITS = 12, /* of a packed load; the others are the time of service in us */
    QUEUE_MAX = (1 << QUEUE_BITS) - 1,
    SERVICE_US_MAX = (1 << 20) - 1,
    LOAD_STALE_US = 1000 * 1000, /* what a node said of its queue is news for so long */
    COST_QUEUE_MAX = 1000
};

_Static_assert(QUEUE_BITS + 20 == 32, "a load fills a frame's `left`");

struct measured_node {
    node_id id;
    struct latency lanes[RANK_LANES];
    uint64_t service_us[RANK_LANES]; /* of one question without its queue; mean */
    uint64_t network_us;             /* of a round trip; mean */
    uint32_t queue;
    uint64_t told_us;                /* when it said so; 0: never */
    uint64_t refused_us[RANK_LANES]; /* when it last refused; 0: not since it last answered */
};

struct owner_rank {
    node_id self;
    uint8_t home;
    const struct ring *ring;
    struct measured_node *nodes; /* all members */
    uint32_t count;
};

void owner_rank_follow_ring(struct owner_rank *rank)
{
    static const struct roster_kind NODES = {.size = sizeof(struct measured_node)};
    rank->nodes = roster_follow(rank->nodes, &rank->count, rank->ring, 0, &NODES, NULL);
}

struct owner_rank *owner_rank_new(const struct ring *ring, node_id self)
{
    struct owner_rank *rank = memory_new(1, sizeof *rank);
    rank->self = self;
    rank->home = ring_member(ring, self)->region;
    rank->ring = ring;
    owner_rank_follow_ring(rank);
    return rank;
}

void owner_rank_free(struct owner_rank *rank)
{
    if (rank == NULL)
        return;
    free(rank->nodes);
    free(rank);
}

static const struct measured_node *look_up(const struct owner_rank *rank, node_id id)
{
    if (id - 1 < rank->count && rank->nodes[id - 1].id == id) /* as long as no number is missing */
        return &rank->nodes[id - 1];
    for (uint32_t i = 0; i < rank->count; i++)
        if (rank->nodes[i].id == id)
            return &rank->nodes[i];
    return NULL;
}

static struct measured_node *node_of(struct owner_rank *rank, node_id id)
{
    return (struct measured_node *)look_up(rank, id);
}

uint32_t owner_load_pack(uint32_t queue, uint64_t service_us)
{
    if (queue > QUEUE_MAX)
        queue = QUEUE_MAX;
    if (service_us > SERVICE_US_MAX)
        service_us = SERVICE_US_MAX;
    return queue << 20 | (uint32_t)service_us;
}

/* An eighth of what is new. */
static uint64_t mix(uint64_t mean, uint64_t value)
{
    return mean == 0 ? value : (mean * 7 + value + 4) / 8;
}

void owner_rank_asked(struct owner_rank *rank, node_id id, enum rank_lane lane, request_id request,
                      uint64_t now_us)
{
    struct measured_node *node = node_of(rank, id);
    if (node != NULL)
        latency_asked(&node->lanes[lane], request, now_us);
}

void owner_rank_answered(struct owner_rank *rank, node_id id, enum rank_lane lane,
                         request_id request, uint32_t load, uint64_t now_us)
{
    struct measured_node *node = node_of(rank, id);
    uint64_t took_us, service_us = load & SERVICE_US_MAX;
    if (node == NULL || !latency_answered(&node->lanes[lane], request, now_us, &took_us))
        return;
    if (service_us > took_us || id == rank->self)
        service_us = took_us;
    node->queue = load >> 20;
    node->told_us = now_us;
    node->refused_us[lane] = 0;
    node->network_us = mix(node->network_us, took_us - service_us);
    node->service_us[lane] = mix(node->service_us[lane], service_us / (node->queue + 1));
}

void owner_rank_refused(struct owner_rank *rank, node_id id, enum rank_lane lane,
                        request_id request, uint64_t now_us)
{
    struct measured_node *node = node_of(rank, id);
    if (node == NULL)
        return;
    latency_refused(&node->lanes[lane], request);
    node->refused_us[lane] = now_us;
}

void owner_rank_lost(struct owner_rank *rank, node_id id)
{
    struct measured_node *node = node_of(rank, id);
    for (unsigned lane = 0; node != NULL && lane < RANK_LANES; lane++)
        latency_lost(&node->lanes[lane]);
}

static uint64_t cost_of(const struct measured_node *node, enum rank_lane lane, uint64_t expected_us,
                        uint32_t in_flight, uint64_t now_us)
{
    uint64_t service_us = node->service_us[lane], queue = 1 + (uint64_t)in_flight;
    if (node->told_us != 0 && now_us - node->told_us < LOAD_STALE_US)
        queue += node->queue;
    if (queue > COST_QUEUE_MAX)
        queue = COST_QUEUE_MAX;
    if (service_us > expected_us)
        service_us = expected_us;
    return expected_us - service_us + queue * queue * queue * service_us;
}

static bool is_slow(uint64_t expected_us, uint64_t least_us)
{
    return expected_us >= OWNER_SLOW_US && expected_us >= OWNER_SLOW_FACTOR * least_us;
}

static bool refuses(const struct measured_node *node, enum rank_lane lane, uint64_t now_us)
{
    return node->refused_us[lane] != 0 && now_us - node->refused_us[lane] < OWNER_REFUSED_US;
}

enum { PLACE_SELF, PLACE_HOME, PLACE_AWAY, PLACE_LAST };

struct place {
    uint8_t class;
    uint8_t owner;
    uint64_t cost;
};

static bool is_before(const struct place *a, const struct place *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    return a->cost < b->cost; /* insertion keeps the preference order of equals */
}

void owner_rank_order(const struct owner_rank *rank, enum rank_lane lane,
                      const struct preference_list *owners, uint8_t home,
                      const struct owner_facts *facts, uint64_t now_us,
                      uint8_t order[RING_OWNERS_MAX])
{
    struct place places[RING_OWNERS_MAX];
    const struct measured_node *nodes[RING_OWNERS_MAX];
    uint64_t expected_us[RING_OWNERS_MAX], least_us = UINT64_MAX;
    owner_mask last = facts->unready;
    for (uint8_t i = 0; i < owners->primary_count; i++) {
        nodes[i] = look_up(rank, owners->nodes[i]);
        expected_us[i] = latency_expected_us(&nodes[i]->lanes[lane], now_us);
        if (refuses(nodes[i], lane, now_us))
            last |= (owner_mask)1 << i;
        else if (expected_us[i] < least_us)
            least_us = expected_us[i];
    }
    for (uint8_t i = 0; i < owners->primary_count; i++) {
        struct place place = {.owner = i, .class = PLACE_AWAY};
        if ((last >> i & 1) != 0)
            place.class = PLACE_LAST;
        else if (is_slow(expected_us[i], least_us))
            place.class = PLACE_AWAY;
        else if (nodes[i]->id == rank->self)
            place.class = PLACE_SELF;
        else if (owners->regions[i] == home)
            place.class = PLACE_HOME;
        if (place.class != PLACE_SELF) /* which is alone in its class */
            place.cost = cost_of(nodes[i], lane, expected_us[i], facts->in_flight[i], now_us);
        uint8_t at = i;
        for (; at > 0 && is_before(&place, &places[at - 1]); at--)
            places[at] = places[at - 1];
        places[at] = place;
    }
    for (uint8_t i = 0; i < owners->primary_count; i++)
        order[i] = places[i].owner;
}

owner_mask owner_rank_candidates(const struct owner_rank *rank, enum rank_lane lane,
                                 const struct preference_list *owners, uint8_t home,
                                 owner_mask among, uint64_t now_us)
{
    owner_mask found = 0;
    for (uint8_t i = 0; i < owners->primary_count; i++)
        if ((among >> i & 1) != 0 && owners->regions[i] == home &&
            latency_is_older(&look_up(rank, owners->nodes[i])->lanes[lane], OWNER_UNMEASURED_US,
                             now_us))
            found |= (owner_mask)1 << i;
    return found;
}

uint64_t owner_rank_patience_us(const struct owner_rank *rank, node_id id, enum rank_lane lane)
{
    const struct measured_node *node = look_up(rank, id);
    uint64_t most_us = OWNER_PATIENCE_US + node->network_us + node->network_us / 2;
    uint64_t p99_us = node->lanes[lane].p99_us;
    if (p99_us == 0 || p99_us > most_us)
        return most_us;
    return p99_us < OWNER_PATIENCE_MIN_US ? OWNER_PATIENCE_MIN_US : p99_us;
}

void owner_rank_look(const struct owner_rank *rank, node_id id, uint64_t now_us,
                     struct owner_rank_view *out)
{
    const struct measured_node *node = look_up(rank, id);
    uint64_t least_us = UINT64_MAX;
    *out = (struct owner_rank_view){0};
    if (node == NULL)
        return;
    for (unsigned lane = 0; lane < RANK_LANES; lane++) {
        out->expected_us[lane] = latency_expected_us(&node->lanes[lane], now_us);
        out->p99_us[lane] = node->lanes[lane].p99_us;
    }
    for (uint32_t i = 0; i < rank->count; i++) {
        uint64_t expected_us = latency_expected_us(&rank->nodes[i].lanes[RANK_READ], now_us);
        if (rank->ring->members[i].region == rank->home && expected_us < least_us)
            least_us = expected_us;
    }
    out->queue = node->queue;
    out->slow = is_slow(out->expected_us[RANK_READ], least_us);
}
