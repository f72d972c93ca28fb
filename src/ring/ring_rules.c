/*
 * ring_rules.c - what makes a ring valid, and the text form of its replication.
 *
 * Each check covers one part of the struct and writes its own sentence, so the
 * operator who wrote a bad setting and the decoder that met bad bytes share the
 * same rules.
 */
#include "ring/ring.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ring/transition.h"

enum status ring_refuse(enum status status, char reason[RING_REASON_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, RING_REASON_MAX, format, arguments);
    va_end(arguments);
    return status;
}

/* Length of a name of allowed characters at the start of `text`; stops at RING_NAME_MAX + 1. */
static size_t name_length(const char *text)
{
    size_t length = 0;
    while (length <= RING_NAME_MAX) {
        char c = text[length];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            break;
        length++;
    }
    return length;
}

bool ring_name_is_valid(const char *name)
{
    size_t length = name_length(name);
    return length >= 1 && length <= RING_NAME_MAX && name[length] == '\0';
}

static bool address_is_valid(const struct ring_address *address)
{
    size_t length = strnlen(address->host, sizeof address->host);
    if (length == 0 || length > RING_HOST_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (address->host[i] <= ' ' || address->host[i] > '~')
            return false;
    }
    return true;
}

/* The regions' replicas add up to 1..RING_OWNERS_MAX and no name stands twice. */
static enum status check_regions(const struct ring_region *regions, unsigned count,
                                 char reason[RING_REASON_MAX])
{
    unsigned owner_count = 0;
    if (count == 0 || count > RING_REGIONS_MAX)
        return ring_refuse(STATUS_INVALID, reason, "a ring has 1 to %d regions, not %u",
                           RING_REGIONS_MAX, count);
    for (unsigned i = 0; i < count; i++) {
        if (!ring_name_is_valid(regions[i].name))
            return ring_refuse(
                STATUS_INVALID, reason,
                "the name of region number %u is not 1 to %d characters of a-z 0-9 _ -", i + 1,
                RING_NAME_MAX);
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(regions[i].name, regions[j].name) == 0)
                return ring_refuse(STATUS_INVALID, reason, "region %s is named twice",
                                   regions[i].name);
        }
        owner_count += regions[i].replicas;
    }
    if (owner_count == 0 || owner_count > RING_OWNERS_MAX)
        return ring_refuse(STATUS_INVALID, reason,
                           "all regions together have 1 to %d replicas, not %u", RING_OWNERS_MAX,
                           owner_count);
    return STATUS_OK;
}

static enum status check_keyspaces(const struct ring *ring, char reason[RING_REASON_MAX])
{
    const struct ring_keyspace *keyspaces = ring->keyspaces;
    if (ring->keyspace_count > RING_KEYSPACES_MAX)
        return ring_refuse(STATUS_INVALID, reason, "a ring has at most %d keyspaces",
                           RING_KEYSPACES_MAX);
    for (unsigned i = 0; i < ring->keyspace_count; i++) {
        if (!ring_name_is_valid(keyspaces[i].name))
            return ring_refuse(STATUS_INVALID, reason,
                               "the name of keyspace %u is not 1 to %d characters of a-z 0-9 _ -",
                               keyspaces[i].number, RING_NAME_MAX);
        if (keyspaces[i].policy != KEYSPACE_LWW && keyspaces[i].policy != KEYSPACE_SIBLINGS)
            return ring_refuse(STATUS_INVALID, reason, "keyspace %s has no known policy",
                               keyspaces[i].name);
        if (keyspaces[i].read_level > RING_LEVEL_MAX || keyspaces[i].write_level > RING_LEVEL_MAX)
            return ring_refuse(STATUS_INVALID, reason,
                               "keyspace %s has a level that no version knows", keyspaces[i].name);
        if (keyspaces[i].default_ttl_ms > RING_TTL_MS_MAX)
            return ring_refuse(STATUS_INVALID, reason,
                               "the default ttl of keyspace %s is above 100 years",
                               keyspaces[i].name);
        if (keyspaces[i].number >= RING_KEYSPACES_MAX)
            return ring_refuse(STATUS_INVALID, reason, "keyspace %s has a number above %d",
                               keyspaces[i].name, RING_KEYSPACES_MAX - 1);
        if (ring->keyspace_drops[keyspaces[i].number] >= RING_KEYSPACE_DROPS_MAX)
            return ring_refuse(STATUS_INVALID, reason, "the number of keyspace %s is used up",
                               keyspaces[i].name);
        if (i > 0 && keyspaces[i].number <= keyspaces[i - 1].number)
            return ring_refuse(STATUS_INVALID, reason,
                               "keyspace %s does not follow in order of number", keyspaces[i].name);
        for (unsigned j = 0; j < i; j++) {
            if (strcmp(keyspaces[i].name, keyspaces[j].name) == 0)
                return ring_refuse(STATUS_INVALID, reason, "keyspace %s is named twice",
                                   keyspaces[i].name);
        }
    }
    for (unsigned i = 0; i < RING_KEYSPACES_MAX; i++)
        if (ring->keyspace_drops[i] > RING_KEYSPACE_DROPS_MAX)
            return ring_refuse(STATUS_INVALID, reason,
                               "number %u was used by more keyspaces than it can be", i);
    return STATUS_OK;
}

static enum status check_member(const struct ring *ring, const struct ring_member *member,
                                char reason[RING_REASON_MAX])
{
    if (member->storage_incarnation == 0)
        return ring_refuse(STATUS_INVALID, reason, "node %u has storage incarnation 0", member->id);
    if (member->region >= ring->region_count)
        return ring_refuse(STATUS_INVALID, reason, "node %u is in no region of the ring",
                           member->id);
    if (!ring_name_is_valid(member->rack))
        return ring_refuse(STATUS_INVALID, reason,
                           "the rack of node %u is not 1 to %d characters of a-z 0-9 _ -",
                           member->id, RING_NAME_MAX);
    if (member->role > MEMBER_LEAVING)
        return ring_refuse(STATUS_INVALID, reason, "node %u has no role that there is", member->id);
    if (member->role == MEMBER_GATEWAY && member->weight != 0)
        return ring_refuse(STATUS_INVALID, reason, "node %u is a gateway and has a weight",
                           member->id);
    if (member->role != MEMBER_GATEWAY && (member->weight == 0 || member->weight > RING_WEIGHT_MAX))
        return ring_refuse(STATUS_INVALID, reason, "the weight of node %u is not 1 to %d",
                           member->id, RING_WEIGHT_MAX);
    if (!address_is_valid(&member->client) || !address_is_valid(&member->peer))
        return ring_refuse(STATUS_INVALID, reason,
                           "a host of node %u is empty, too long or not printable", member->id);
    return STATUS_OK;
}

static enum status check_members(const struct ring *ring, char reason[RING_REASON_MAX])
{
    node_id previous = 0;
    if (ring->member_count > RING_MEMBERS_MAX)
        return ring_refuse(STATUS_INVALID, reason, "a ring has at most %d members",
                           RING_MEMBERS_MAX);
    for (unsigned i = 0; i < ring->member_count; i++) {
        const struct ring_member *member = &ring->members[i];
        if (member->id <= previous)
            return ring_refuse(STATUS_INVALID, reason, "node %u does not follow in order of id",
                               member->id);
        previous = member->id;
        enum status status = check_member(ring, member, reason);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status ring_validate_row(const struct ring *ring, partition_id partition,
                              const node_id *owners, char reason[RING_REASON_MAX])
{
    unsigned slot = 0;
    for (unsigned region = 0; region < ring->region_count; region++) {
        for (unsigned i = 0; i < ring->regions[region].replicas; i++, slot++) {
            const struct ring_member *member = ring_member(ring, owners[slot]);
            if (member == NULL)
                return ring_refuse(STATUS_INVALID, reason,
                                   "partition %u is owned by %u, which is no member", partition,
                                   owners[slot]);
            if (member->role != MEMBER_DATA)
                return ring_refuse(STATUS_INVALID, reason, "node %u is %s and owns partition %u",
                                   member->id,
                                   member->role == MEMBER_GATEWAY   ? "a gateway"
                                   : member->role == MEMBER_JOINING ? "still joining"
                                                                    : "leaving",
                                   partition);
            if (member->region != region)
                return ring_refuse(STATUS_INVALID, reason,
                                   "node %u owns partition %u for another region than its own",
                                   member->id, partition);
            for (unsigned j = 0; j < slot; j++) {
                if (owners[j] == member->id)
                    return ring_refuse(STATUS_INVALID, reason, "node %u owns partition %u twice",
                                       member->id, partition);
            }
        }
    }
    return STATUS_OK;
}

static enum status check_table(const struct ring *ring, char reason[RING_REASON_MAX])
{
    if (ring->owners == NULL)
        return ring_refuse(STATUS_INVALID, reason, "the ring has no table of owners");
    for (uint32_t p = 0; p < ring->partition_count; p++) {
        enum status status =
            ring_validate_row(ring, (partition_id)p, ring_owners(ring, (partition_id)p), reason);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status check_numbers(const struct ring *ring, char reason[RING_REASON_MAX])
{
    uint32_t partitions = ring->partition_count;
    unsigned owner_count = 0;
    if (ring->generation == 0)
        return ring_refuse(STATUS_INVALID, reason, "the ring has generation 0");
    if (ring->tag.epoch == 0)
        return ring_refuse(STATUS_INVALID, reason, "the ring has epoch 0");
    if (ring->tag.phase != RING_STABLE)
        return ring_refuse(STATUS_INVALID, reason, "the ring is not in phase stable");
    if (partitions < PARTITION_COUNT_MIN || partitions > PARTITION_COUNT_MAX ||
        (partitions & (partitions - 1)) != 0)
        return ring_refuse(STATUS_INVALID, reason,
                           "the number of partitions is a power of two from %d to %d, not %u",
                           PARTITION_COUNT_MIN, PARTITION_COUNT_MAX, partitions);
    for (unsigned i = 0; i < ring->region_count; i++)
        owner_count += ring->regions[i].replicas;
    if (owner_count != ring->owner_count)
        return ring_refuse(STATUS_INVALID, reason,
                           "the ring says %u owners per partition, its regions say %u",
                           ring->owner_count, owner_count);
    return STATUS_OK;
}

enum status ring_validate(const struct ring *ring, char reason[RING_REASON_MAX])
{
    enum status status = check_regions(ring->regions, ring->region_count, reason);
    if (status == STATUS_OK)
        status = check_numbers(ring, reason);
    if (status == STATUS_OK)
        status = check_keyspaces(ring, reason);
    if (status == STATUS_OK)
        status = check_members(ring, reason);
    if (status == STATUS_OK)
        status = check_table(ring, reason);
    if (status == STATUS_OK)
        status = ring_validate_transitions(ring, reason);
    return status;
}

/* One "name:replicas" at `*text`, which is moved behind it. */
static enum status parse_region(const char **text, struct ring_region *region,
                                char reason[RING_REASON_MAX])
{
    const char *at = *text;
    size_t length = name_length(at);
    if (length == 0 || length > RING_NAME_MAX || at[length] != ':')
        return ring_refuse(
            STATUS_INVALID, reason,
            "replication is NAME:REPLICAS[,...], a name 1 to %d characters of a-z 0-9 _ "
            "-; cannot read \"%.40s\"",
            RING_NAME_MAX, at);
    *region = (struct ring_region){0};
    memcpy(region->name, at, length);
    at += length + 1;

    unsigned replicas = 0;
    size_t digits = 0;
    while (at[digits] >= '0' && at[digits] <= '9' && replicas <= RING_OWNERS_MAX)
        replicas = replicas * 10 + (unsigned)(at[digits++] - '0');
    if (digits == 0 || replicas > RING_OWNERS_MAX)
        return ring_refuse(STATUS_INVALID, reason,
                           "region %s needs a number of replicas from 0 to %d after its colon",
                           region->name, RING_OWNERS_MAX);
    region->replicas = (uint8_t)replicas;
    *text = at + digits;
    return STATUS_OK;
}

enum status ring_parse_replication(const char *text, struct ring_region *regions,
                                   uint8_t *region_count, char reason[RING_REASON_MAX])
{
    struct ring_region parsed[RING_REGIONS_MAX];
    unsigned count = 0;
    for (;;) {
        if (count == RING_REGIONS_MAX)
            return ring_refuse(STATUS_INVALID, reason, "a ring has at most %d regions",
                               RING_REGIONS_MAX);
        enum status status = parse_region(&text, &parsed[count], reason);
        if (status != STATUS_OK)
            return status;
        count++;
        if (*text == '\0')
            break;
        if (*text != ',')
            return ring_refuse(STATUS_INVALID, reason,
                               "a comma or the end must follow region %s, not \"%.40s\"",
                               parsed[count - 1].name, text);
        text++;
    }
    enum status status = check_regions(parsed, count, reason);
    if (status != STATUS_OK)
        return status;
    memcpy(regions, parsed, count * sizeof *regions);
    *region_count = (uint8_t)count;
    return STATUS_OK;
}
