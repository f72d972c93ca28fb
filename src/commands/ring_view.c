#include "commands/ring_view.h"

#include <stdio.h>

#include "base/hash.h"

/* Bits of members that are up, by their place in ring->members. */
static uint32_t members_up(const struct environment *environment, bool up[RING_MEMBERS_MAX])
{
    uint32_t count = 0;
    for (uint16_t i = 0; i < environment->ring->member_count; i++) {
        node_id id = environment->ring->members[i].id;
        up[i] = environment->peer_state(environment->node, id) != PEER_DOWN;
        count += up[i];
    }
    return count;
}

void ring_view_take(const struct environment *environment, struct ring_view *out)
{
    const struct ring *ring = environment->ring;
    bool up[RING_MEMBERS_MAX];
    *out = (struct ring_view){.members_up = members_up(environment, up)};
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        const node_id *owners = ring_owners(ring, (partition_id)p);
        unsigned reachable = 0;
        for (uint8_t i = 0; i < ring->owner_count; i++) {
            reachable += up[ring_member(ring, owners[i]) - ring->members];
            if (owners[i] != environment->self)
                continue;
            out->owned++;
            out->ready += environment->replica_ready(environment->node, (partition_id)p);
        }
        if (reachable == ring->owner_count)
            out->partitions_all++;
        else if (reachable > ring->owner_count / 2u)
            out->partitions_quorum++;
        else
            out->partitions_below++;
    }
}

void ring_hex_id(const struct ring *ring, node_id node, char out[RING_HEX_ID_BYTES])
{
    struct slice cluster = slice_make(ring->cluster_id, sizeof ring->cluster_id);
    snprintf(out, RING_HEX_ID_BYTES, "%016llx%016llx%08lx",
             (unsigned long long)hash64(cluster, node),
             (unsigned long long)hash64(cluster, (uint64_t)node << 32), (unsigned long)node);
}

uint8_t ring_owners_from(const struct environment *environment, partition_id partition,
                         node_id out[RING_OWNERS_MAX])
{
    const struct ring *ring = environment->ring;
    const struct ring_member *self = ring_member(ring, environment->self);
    const node_id *owners = ring_owners(ring, partition);
    uint8_t count = 0;
    for (int turn = 0; turn < 4; turn++) { /* the own region, who stays before who drains */
        for (uint8_t i = 0; i < ring->owner_count; i++) {
            bool is_home = self != NULL && ring_member(ring, owners[i])->region == self->region;
            bool drains =
                environment->drains != NULL && environment->drains(environment->node, owners[i]);
            if (is_home == (turn < 2) && drains == (turn % 2 == 1))
                out[count++] = owners[i];
        }
    }
    return count;
}
