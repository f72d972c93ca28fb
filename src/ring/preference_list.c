/*
 * preference_list.c - owners from the table, fallbacks by three criteria.
 *
 * A fallback is ranked by its region, then by whether its rack holds a copy
 * already, then by ring_rank(): a pseudo-random order of each partition's own,
 * so that the load of a lost node spreads over all the others.
 */
#include "ring/preference_list.h"

#include <assert.h>
#include <string.h>

_Static_assert(PREFERENCE_LIST_MAX <= UINT8_MAX, "a list's count is a byte");

struct fallback {
    uint32_t class; /* region, then rack; lower is better */
    uint64_t rank;
    node_id node;
    uint8_t region;
};

static void append(struct preference_list *list, node_id node, uint8_t region)
{
    list->nodes[list->count] = node;
    list->regions[list->count] = region;
    list->count++;
}

static bool has(const struct preference_list *list, node_id node, uint8_t *at)
{
    for (*at = 0; *at < list->count; ++*at)
        if (list->nodes[*at] == node)
            return true;
    return false;
}

/* The owners of a row that are not there yet, for one region; all of them are marked in `set`. */
static void append_region(const struct ring *ring, const node_id *row, uint8_t region,
                          struct preference_list *list, uint32_t *set)
{
    for (uint8_t i = 0; i < region; i++)
        row += ring->regions[i].replicas;
    for (uint8_t i = 0; i < ring->regions[region].replicas; i++) {
        uint8_t at;
        if (!has(list, row[i], &at))
            append(list, row[i], region);
        *set |= UINT32_C(1) << at;
    }
}

static void append_row(const struct ring *ring, const node_id *row, uint8_t home,
                       struct preference_list *list, uint32_t *set)
{
    append_region(ring, row, home, list, set);
    for (uint8_t region = 0; region < ring->region_count; region++)
        if (region != home)
            append_region(ring, row, region, list, set);
}

/* The home region comes before the others, and a rack without a copy before one with. */
static uint32_t class_of(const struct ring_member *member, uint8_t home,
                         const struct ring_member *const *replicas, uint32_t replica_count)
{
    uint32_t region = member->region == home ? 0 : 1u + member->region;
    uint32_t has_copy = 0;
    for (uint32_t i = 0; i < replica_count; i++) {
        if (replicas[i]->region == member->region && strcmp(replicas[i]->rack, member->rack) == 0)
            has_copy = 1;
    }
    return region * 2 + has_copy;
}

static bool is_better(const struct fallback *a, const struct fallback *b)
{
    if (a->class != b->class)
        return a->class < b->class;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->node < b->node;
}

/* Insert into the best `*count` of at most `count_max`, best first. */
static void keep_best(struct fallback *best, uint32_t *count, uint32_t count_max,
                      const struct fallback *candidate)
{
    uint32_t at = *count;
    if (at == count_max) {
        if (at == 0 || !is_better(candidate, &best[at - 1]))
            return;
        at--; /* the worst one leaves */
    } else {
        ++*count;
    }
    for (; at > 0 && is_better(candidate, &best[at - 1]); at--)
        best[at] = best[at - 1];
    best[at] = *candidate;
}

static void append_fallbacks(const struct ring *ring, partition_id partition, uint8_t home,
                             struct preference_list *list)
{
    const struct ring_member *replicas[RING_REPLICAS_MAX];
    uint8_t replica_count = list->count;
    struct fallback best[PREFERENCE_LIST_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < replica_count; i++)
        replicas[i] = ring_member(ring, list->nodes[i]);
    for (uint32_t i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (member->role != MEMBER_DATA || ring_replicates(ring, member->id, partition))
            continue;
        struct fallback candidate = {class_of(member, home, replicas, replica_count),
                                     ring_rank(partition, member->id), member->id, member->region};
        keep_best(best, &count, PREFERENCE_LIST_MAX - (uint32_t)replica_count, &candidate);
    }
    for (uint32_t i = 0; i < count; i++)
        append(list, best[i].node, best[i].region);
}

void preference_list_replicas_build(const struct ring *ring, partition_id partition, uint8_t home,
                                    struct preference_list *out)
{
    const node_id *read = ring_read_owners(ring, partition);
    const node_id *other = ring_coming_owners(ring, partition);
    uint32_t read_set = 0;
    assert(home < ring->region_count);
    *out = (struct preference_list){0};
    append_row(ring, read, home, out, &read_set);
    out->primary_count = out->count;
    if (read == other)
        other = ring_owners(ring, partition);
    if (read != other)
        append_row(ring, other, home, out, &out->other_set);
    out->extra_count = (uint8_t)(out->count - out->primary_count);
}

void preference_list_build(const struct ring *ring, partition_id partition, uint8_t home,
                           struct preference_list *out)
{
    preference_list_replicas_build(ring, partition, home, out);
    append_fallbacks(ring, partition, home, out);
}
