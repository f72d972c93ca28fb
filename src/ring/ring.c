#include "ring/ring.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "ring/element_key.h"
#include "ring/transition.h"

struct ring *ring_new(void)
{
    return memory_new(1, sizeof(struct ring));
}

void ring_free(struct ring *ring)
{
    if (ring == NULL)
        return;
    free(ring->members);
    free(ring->owners);
    free(ring->epochs);
    free(ring->transitions);
    free(ring);
}

static size_t table_bytes(const struct ring *ring)
{
    return (size_t)ring->partition_count * ring->owner_count * sizeof *ring->owners;
}

struct ring *ring_copy(const struct ring *ring)
{
    struct ring *copy = memory_copy(ring, sizeof *ring);
    if (ring->members != NULL)
        copy->members = memory_copy(ring->members, ring->member_count * sizeof *ring->members);
    if (ring->owners != NULL)
        copy->owners = memory_copy(ring->owners, table_bytes(ring));
    if (ring->epochs != NULL)
        copy->epochs = memory_copy(ring->epochs, ring->partition_count * sizeof *ring->epochs);
    copy->transitions = NULL;
    if (ring->transition_count > 0)
        copy->transitions =
            memory_copy(ring->transitions, ring->transition_count * sizeof *ring->transitions);
    return copy;
}

const node_id *ring_owners(const struct ring *ring, partition_id partition)
{
    assert(ring->owners != NULL);
    assert(partition < ring->partition_count);
    return ring->owners + (size_t)partition * ring->owner_count;
}

bool ring_owns(const struct ring *ring, node_id node, partition_id partition)
{
    const node_id *owners = ring_owners(ring, partition);
    for (unsigned i = 0; i < ring->owner_count; i++) {
        if (owners[i] == node)
            return true;
    }
    return false;
}

static int compare_id_with_member(const void *id, const void *member)
{
    node_id wanted = *(const node_id *)id;
    node_id found = ((const struct ring_member *)member)->id;
    return (wanted > found) - (wanted < found);
}

const struct ring_member *ring_member(const struct ring *ring, node_id id)
{
    if (ring->member_count == 0)
        return NULL;
    return bsearch(&id, ring->members, ring->member_count, sizeof *ring->members,
                   compare_id_with_member);
}

node_id ring_last_id(const struct ring *ring)
{
    node_id last = ring->member_count == 0 ? 0 : ring->members[ring->member_count - 1].id;
    return ring->last_id > last ? ring->last_id : last;
}

bool ring_is_fenced(const struct ring *ring, node_id id)
{
    return id != 0 && id <= ring_last_id(ring) && ring_member(ring, id) == NULL;
}

const struct ring_keyspace *ring_keyspace(const struct ring *ring, keyspace_id id)
{
    bool lives = ring->keyspace_drops[keyspace_number(id)] == id / RING_KEYSPACES_MAX;
    return lives ? ring_keyspace_numbered(ring, keyspace_number(id)) : NULL;
}

keyspace_id ring_keyspace_id(const struct ring *ring, const struct ring_keyspace *keyspace)
{
    unsigned drops = ring->keyspace_drops[keyspace->number];
    return (keyspace_id)(keyspace->number + RING_KEYSPACES_MAX * drops);
}

bool ring_keyspace_is_dropped(const struct ring *ring, keyspace_id id)
{
    keyspace_id keys = keyspace_of_keys(id);
    return keys / RING_KEYSPACES_MAX < ring->keyspace_drops[keyspace_number(keys)];
}

const struct ring_keyspace *ring_keyspace_numbered(const struct ring *ring, uint64_t number)
{
    for (unsigned i = 0; i < ring->keyspace_count; i++) {
        if (ring->keyspaces[i].number == number)
            return &ring->keyspaces[i];
    }
    return NULL;
}

uint64_t ring_rank(partition_id partition, node_id node)
{
    const uint8_t pair[6] = {
        (uint8_t)(partition >> 8), (uint8_t)partition,   (uint8_t)(node >> 24),
        (uint8_t)(node >> 16),     (uint8_t)(node >> 8), (uint8_t)node,
    };
    return hash64(slice_make(pair, sizeof pair), 0);
}

int ring_region_index(const struct ring *ring, const char *name)
{
    for (int i = 0; i < ring->region_count; i++) {
        if (strcmp(ring->regions[i].name, name) == 0)
            return i;
    }
    return -1;
}
