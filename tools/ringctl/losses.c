#include "losses.h"

#include <inttypes.h>
#include <string.h>

static uint32_t living_in(const struct losses *losses, const uint16_t *table, uint32_t partition,
                          const bool *lost)
{
    uint32_t living = 0, count = losses->cluster->owner_count;
    const uint16_t *owners = table + (size_t)partition * count;
    for (uint32_t i = 0; i < count; i++)
        living += losses->answers[owners[i]] && (lost == NULL || !lost[owners[i]]);
    return living;
}

/* While it moves: of the owners of which fewer live. */
static uint32_t living_owners(const struct losses *losses, uint32_t partition, const bool *lost)
{
    uint32_t living = living_in(losses, losses->cluster->owners, partition, lost);
    if (losses->cluster->coming == NULL)
        return living;
    uint32_t coming = living_in(losses, losses->cluster->coming, partition, lost);
    return coming < living ? coming : living;
}

uint32_t losses_below(const struct losses *losses, const bool *lost, uint32_t owners)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < losses->cluster->partition_count; p++)
        count += living_owners(losses, p, lost) < owners;
    return count;
}

uint32_t losses_quorum(const struct losses *losses)
{
    return losses->cluster->owner_count / 2 + 1;
}

uint32_t losses_nodes(const struct losses *losses)
{
    uint32_t quorum = losses_quorum(losses), least = losses->cluster->owner_count;
    for (uint32_t p = 0; p < losses->cluster->partition_count; p++) {
        uint32_t living = living_owners(losses, p, NULL);
        least = living < least ? living : least;
    }
    return least < quorum ? 0 : least - quorum;
}

/* Members that go together. */
struct place {
    const char *region;
    const char *rack; /* NULL: all of the region */
};

static bool stands_in(const struct cluster_member *member, const struct place *place)
{
    return strcmp(member->region, place->region) == 0 &&
           (place->rack == NULL || strcmp(member->rack, place->rack) == 0);
}

static bool is_there(const struct losses *losses, const struct place *place)
{
    for (size_t i = 0; i < losses->cluster->member_count; i++)
        if (losses->answers[i] && stands_in(&losses->cluster->members[i], place))
            return true;
    return false;
}

/* Whether every partition keeps its quorum without it. */
static bool is_spare(const struct losses *losses, const struct place *place)
{
    bool lost[RING_MEMBERS_MAX] = {false};
    for (size_t i = 0; i < losses->cluster->member_count; i++)
        lost[i] = stands_in(&losses->cluster->members[i], place);
    return losses_below(losses, lost, losses_quorum(losses)) == 0;
}

/* Of a place whose first member with data is member `index`; false: it is another one's. */
static bool place_of(const struct losses *losses, size_t index, bool by_rack, struct place *out)
{
    const struct cluster_member *members = losses->cluster->members;
    *out = (struct place){.region = members[index].region,
                          .rack = by_rack ? members[index].rack : NULL};
    for (size_t i = 0; i < index; i++)
        if (!members[i].stores_nothing && stands_in(&members[i], out))
            return false;
    return !members[index].stores_nothing;
}

/* "any one rack", "rack eu/a or eu/b"; nothing where one place alone answers, or none can go. */
static void describe_places(const struct losses *losses, bool by_rack, struct buffer *out)
{
    uint32_t count = 0, spare = 0;
    struct buffer names = {0};
    struct place place;
    for (size_t i = 0; i < losses->cluster->member_count; i++) {
        if (!place_of(losses, i, by_rack, &place) || !is_there(losses, &place))
            continue;
        count++;
        if (!is_spare(losses, &place))
            continue;
        spare++;
        buffer_printf(&names, "%s%s%s%s", spare == 1 ? "" : " or ", place.region,
                      by_rack ? "/" : "", by_rack ? place.rack : "");
    }
    const char *word = by_rack ? "rack" : "region", *join = out->length == 0 ? "" : ", or ";
    if (count > 1 && spare == count)
        buffer_printf(out, "%sany one %s", join, word);
    else if (count > 1 && spare > 0)
        buffer_printf(out, "%s%s %.*s", join, word, (int)names.length, (const char *)names.data);
    buffer_deinit(&names);
}

void losses_describe(const struct losses *losses, struct buffer *out)
{
    uint32_t nodes = losses_nodes(losses);
    if (nodes > 0)
        buffer_printf(out, "any %" PRIu32 " more node%s", nodes, nodes == 1 ? "" : "s");
    describe_places(losses, true, out);
    describe_places(losses, false, out);
    if (out->length == 0)
        buffer_printf(out, "nothing that all partitions keep their quorum without");
}
