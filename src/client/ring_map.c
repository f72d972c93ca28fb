#include "client/ring_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ringdb_address_text(struct ringdb_bytes host, int64_t port, char out[MAP_ADDRESS_MAX])
{
    const char *text = host.data;
    if (host.length == 0 || host.length > 255 || port < 1 || port > 65535 ||
        memchr(text, '\0', host.length) != NULL)
        return false;
    bool brackets = memchr(text, ':', host.length) != NULL;
    int length = snprintf(out, MAP_ADDRESS_MAX, "%s%.*s%s:%d", brackets ? "[" : "",
                          (int)host.length, text, brackets ? "]" : "", (int)port);
    return length > 0 && length < MAP_ADDRESS_MAX;
}

static bool is_text(const struct ringdb_reply *value)
{
    return value->type == RINGDB_BULK || value->type == RINGDB_SIMPLE;
}

static bool is_list(const struct ringdb_reply *value, size_t at_least)
{
    return value->type == RINGDB_ARRAY && value->element_count >= at_least;
}

/* The region that the fourth element of an owner names. */
static bool is_in_region(const struct ringdb_reply *owner, const char *region)
{
    if (region == NULL || owner->element_count < 4)
        return false;
    const struct ringdb_reply *found = ringdb_reply_get(&owner->elements[3], "region");
    return found != NULL && is_text(found) && found->text.length == strlen(region) &&
           memcmp(found->text.data, region, found->text.length) == 0;
}

/* The index of the owner's address, which is added when it is new. */
static bool read_owner(struct ring_map *map, const struct ringdb_reply *owner, uint16_t *out)
{
    char address[MAP_ADDRESS_MAX];
    if (!is_list(owner, 2) || !is_text(&owner->elements[0]) ||
        owner->elements[1].type != RINGDB_INTEGER ||
        !ringdb_address_text(owner->elements[0].text, owner->elements[1].integer, address))
        return false;
    for (size_t i = 0; i < map->address_count; i++) {
        if (strcmp(map->addresses[i], address) == 0) {
            *out = (uint16_t)i;
            return true;
        }
    }
    if (map->address_count == MAP_NODES_MAX)
        return false;
    *out = (uint16_t)map->address_count;
    strcpy(map->addresses[map->address_count++], address);
    return true;
}

static bool read_range(struct ring_map *map, const struct ringdb_reply *row, const char *region,
                       struct map_range *out)
{
    if (!is_list(row, 3) || row->elements[0].type != RINGDB_INTEGER ||
        row->elements[1].type != RINGDB_INTEGER)
        return false;
    int64_t first = row->elements[0].integer, last = row->elements[1].integer;
    if (first < 0 || last < first || last >= MAP_SLOTS)
        return false;
    *out = (struct map_range){.first = (uint16_t)first, .last = (uint16_t)last};
    for (int near = 1; near >= 0; near--) {
        for (size_t i = 2; i < row->element_count && out->owner_count < MAP_OWNERS_MAX; i++) {
            const struct ringdb_reply *owner = &row->elements[i];
            if (owner->type != RINGDB_ARRAY || is_in_region(owner, region) != (near == 1))
                continue;
            if (!read_owner(map, owner, &out->owners[out->owner_count]))
                return false;
            out->owner_count++;
        }
    }
    return out->owner_count > 0;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct map_range *left = a, *right = b;
    return (int)left->first - (int)right->first;
}

static bool read_ranges(struct ring_map *map, const struct ringdb_reply *reply, const char *region)
{
    for (size_t i = 0; i < reply->element_count; i++) {
        if (!read_range(map, &reply->elements[i], region, &map->ranges[map->range_count]))
            return false;
        map->range_count++;
    }
    qsort(map->ranges, map->range_count, sizeof *map->ranges, compare_ranges);
    for (size_t i = 1; i < map->range_count; i++) {
        if (map->ranges[i].first <= map->ranges[i - 1].last)
            return false;
    }
    return true;
}

enum map_result ringdb_map_read(const struct ringdb_memory *memory,
                                const struct ringdb_reply *reply, const char *region,
                                struct ring_map *out)
{
    struct ring_map map = {0};
    if (!is_list(reply, 1) || reply->element_count > MAP_SLOTS)
        return MAP_NOT_UNDERSTOOD;
    /* Owners cannot be more than what the reply holds. */
    size_t addresses = reply->element_count * MAP_OWNERS_MAX;
    if (addresses > MAP_NODES_MAX)
        addresses = MAP_NODES_MAX;
    map.ranges = ringdb_memory_new(memory, reply->element_count * sizeof *map.ranges);
    map.addresses = ringdb_memory_new(memory, addresses * sizeof *map.addresses);
    if (map.ranges == NULL || map.addresses == NULL) {
        ringdb_map_deinit(&map, memory);
        return MAP_NO_MEMORY;
    }
    if (!read_ranges(&map, reply, region)) {
        ringdb_map_deinit(&map, memory);
        return MAP_NOT_UNDERSTOOD;
    }
    *out = map;
    return MAP_OK;
}

void ringdb_map_deinit(struct ring_map *map, const struct ringdb_memory *memory)
{
    ringdb_memory_free(memory, map->ranges);
    ringdb_memory_free(memory, map->addresses);
    *map = (struct ring_map){0};
}

const struct map_range *ringdb_map_find(const struct ring_map *map, uint16_t slot)
{
    size_t low = 0, high = map->range_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (map->ranges[middle].last < slot)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == map->range_count || map->ranges[low].first > slot)
        return NULL;
    return &map->ranges[low];
}
