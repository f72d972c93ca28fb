#include "ring/roster.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static node_id id_of(const void *item)
{
    node_id id;
    memcpy(&id, item, sizeof id);
    return id;
}

/* Both orders are by id, so each side is passed once. */
void *roster_follow(void *items, uint32_t *count, const struct ring *ring, node_id except,
                    const struct roster_kind *kind, void *context)
{
    unsigned char *old = items;
    unsigned char *new = memory_new(ring->member_count + 1u, kind->size);
    uint32_t old_at = 0, new_count = 0;
    for (uint16_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        unsigned char *item = new + new_count * kind->size;
        if (member->id == except)
            continue;
        for (; old_at < *count && id_of(old + old_at * kind->size) < member->id; old_at++)
            if (kind->end != NULL)
                kind->end(old + old_at * kind->size, context);
        new_count++;
        if (old_at < *count && id_of(old + old_at * kind->size) == member->id) {
            memcpy(item, old + old_at++ * kind->size, kind->size);
            continue;
        }
        memcpy(item, &member->id, sizeof member->id);
        if (kind->begin != NULL)
            kind->begin(item, member, context);
    }
    for (; old_at < *count; old_at++)
        if (kind->end != NULL)
            kind->end(old + old_at * kind->size, context);
    free(old);
    *count = new_count;
    return new;
}
