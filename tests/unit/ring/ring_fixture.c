#include "ring_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "ring/planner.h"

struct ring *fixture_ring(const char *replication, uint32_t partition_count)
{
    char reason[RING_REASON_MAX];
    struct ring *ring = ring_new();
    memcpy(ring->cluster_id, "sixteen bytes id", sizeof ring->cluster_id);
    ring->generation = 1;
    ring->tag.epoch = 1;
    ring->seed = 0x0123456789abcdef;
    memset(ring->secret, 0x5c, sizeof ring->secret);
    ring->partition_count = partition_count;
    assert_int_equal(
        ring_parse_replication(replication, ring->regions, &ring->region_count, reason), STATUS_OK);
    for (unsigned i = 0; i < ring->region_count; i++)
        ring->owner_count = (uint8_t)(ring->owner_count + ring->regions[i].replicas);
    return ring;
}

void fixture_add(struct ring *ring, node_id id, const char *region, const char *rack,
                 uint32_t weight)
{
    struct ring_member member = {.id = id,
                                 .storage_incarnation = 1,
                                 .role = weight == 0 ? MEMBER_GATEWAY : MEMBER_DATA,
                                 .weight = weight};
    int index = ring_region_index(ring, region);
    assert_true(index >= 0);
    member.region = (uint8_t)index;
    snprintf(member.rack, sizeof member.rack, "%s", rack);
    snprintf(member.client.host, sizeof member.client.host, "n%u.example", id);
    snprintf(member.peer.host, sizeof member.peer.host, "10.0.%u.%u", id >> 8, id & 255);
    member.client.port = 6379;
    member.peer.port = 7379;

    ring->members = memory_resize(ring->members, ring->member_count + 1u, sizeof *ring->members);
    unsigned at = ring->member_count++;
    for (; at > 0 && ring->members[at - 1].id > id; at--)
        ring->members[at] = ring->members[at - 1];
    ring->members[at] = member;
}

void fixture_remove(struct ring *ring, node_id id)
{
    const struct ring_member *member = ring_member(ring, id);
    assert_non_null(member);
    size_t at = (size_t)(member - ring->members);
    memmove(ring->members + at, ring->members + at + 1,
            (ring->member_count - at - 1) * sizeof *ring->members);
    ring->member_count--;
}

void fixture_add_many(struct ring *ring, uint32_t count, const char *region, uint32_t racks)
{
    for (uint32_t i = 0; i < count; i++) {
        char rack[RING_NAME_MAX + 1];
        snprintf(rack, sizeof rack, "r%u", i % racks);
        fixture_add(ring, i + 1, region, rack, 1);
    }
}

void fixture_place(struct ring *ring, const struct ring *before)
{
    struct planner_report report;
    assert_int_equal(planner_place(ring, before, &report), STATUS_OK);
}

struct ring *fixture_small_ring(void)
{
    struct ring *ring = fixture_ring("eu:2,us:1", 16);
    ring->keyspaces[0] = (struct ring_keyspace){.name = "default", .policy = KEYSPACE_LWW};
    ring->keyspaces[1] = (struct ring_keyspace){.number = 7,
                                                .name = "carts",
                                                .policy = KEYSPACE_SIBLINGS,
                                                .read_level = 4,
                                                .write_level = RING_LEVEL_MAX,
                                                .sloppy = true,
                                                .default_ttl_ms = RING_TTL_MS_MAX,
                                                .value_bytes_max = UINT32_MAX,
                                                .siblings_max = 9};
    ring->keyspace_count = 2;
    fixture_add(ring, 1, "eu", "a", 1);
    fixture_add(ring, 2, "eu", "b", 1);
    fixture_add(ring, 3, "eu", "c", 2);
    fixture_add(ring, 4, "us", "a", 1);
    fixture_add(ring, 5, "us", "b", 1);
    fixture_place(ring, NULL);
    return ring;
}
