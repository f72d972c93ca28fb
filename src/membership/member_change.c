#include "membership/member_change.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static bool same_address(const struct ring_address *a, const struct ring_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* Two nodes at one address would be taken for each other. */
static const struct ring_member *at_its_address(const struct ring *ring,
                                                const struct ring_member *wanted)
{
    for (uint16_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (same_address(&member->peer, &wanted->peer) ||
            same_address(&member->client, &wanted->client) ||
            same_address(&member->peer, &wanted->client) ||
            same_address(&member->client, &wanted->peer))
            return member;
    }
    return NULL;
}

static enum status check_add(const struct ring *ring, const struct ring_member *wanted,
                             const char *region, char reason[RING_REASON_MAX])
{
    const struct ring_member *other = at_its_address(ring, wanted);
    if (ring_region_index(ring, region) < 0)
        snprintf(reason, RING_REASON_MAX, "there is no region %s", region);
    else if (same_address(&wanted->client, &wanted->peer))
        snprintf(reason, RING_REASON_MAX, "clients and peers need an address each");
    else if (other != NULL)
        snprintf(reason, RING_REASON_MAX, "node %u has one of these addresses already", other->id);
    else if (ring->member_count == RING_MEMBERS_MAX)
        snprintf(reason, RING_REASON_MAX, "there are %d members already, the most there can be",
                 RING_MEMBERS_MAX);
    else if (ring_last_id(ring) == UINT32_MAX)
        snprintf(reason, RING_REASON_MAX, "all ids of members were given");
    else if (wanted->role == MEMBER_DATA)
        snprintf(reason, RING_REASON_MAX, "a node that stores data begins as a joining member");
    else
        return STATUS_OK;
    return STATUS_INVALID;
}

enum status member_add(struct ring *ring, const struct ring_member *wanted, const char *region,
                       char reason[RING_REASON_MAX])
{
    if (check_add(ring, wanted, region, reason) != STATUS_OK)
        return STATUS_INVALID;
    node_id id = ring_last_id(ring) + 1;
    ring->members = memory_resize(ring->members, ring->member_count + 1u, sizeof *ring->members);
    struct ring_member *member = &ring->members[ring->member_count++];
    *member = *wanted;
    member->id = id;
    member->region = (uint8_t)ring_region_index(ring, region);
    ring->last_id = id;
    return STATUS_OK;
}

void member_retire(struct ring *ring, node_id id)
{
    const struct ring_member *member = ring_member(ring, id);
    assert(member != NULL);
    ring->last_id = ring_last_id(ring);
    size_t at = (size_t)(member - ring->members);
    ring->member_count--;
    memmove(ring->members + at, ring->members + at + 1,
            (ring->member_count - at) * sizeof *ring->members);
}

enum status member_remove(struct ring *ring, node_id id, char reason[RING_REASON_MAX])
{
    const struct ring_member *member = ring_member(ring, id);
    if (member == NULL) {
        snprintf(reason, RING_REASON_MAX, "node %u is no member%s", id,
                 ring_is_fenced(ring, id) ? ": it has left" : "");
        return STATUS_INVALID;
    }
    if (ring_member_keeps_hints(member)) {
        snprintf(reason, RING_REASON_MAX,
                 "node %u stores data: it leaves by a plan, when what it owns has other owners",
                 id);
        return STATUS_INVALID;
    }
    member_retire(ring, id);
    return STATUS_OK;
}
