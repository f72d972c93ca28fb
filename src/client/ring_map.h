/*
 * ring_map.h - which nodes own a slot, as a node has told with RING.SLOTS or CLUSTER SLOTS.
 *
 * The owners of a range stand nearest first: those of the client's own region, then the others,
 * each in the order in which they were told, which begins with the partition's
 * primary. So load spreads by keys, and each key's requests meet at one node.
 */
#ifndef CLIENT_RING_MAP_H
#define CLIENT_RING_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/memory.h"
#include "client/ringdb.h"

enum { MAP_SLOTS = 16384, MAP_OWNERS_MAX = 16, MAP_NODES_MAX = 1024, MAP_ADDRESS_MAX = 272 };

struct map_range {
    uint16_t first, last;
    uint8_t owner_count;
    uint16_t owners[MAP_OWNERS_MAX]; /* indexes into `addresses` */
};

/* All zero is no map. */
struct ring_map {
    struct map_range *ranges; /* ascending, without overlap */
    size_t range_count;
    char (*addresses)[MAP_ADDRESS_MAX]; /* "HOST:PORT", each once */
    size_t address_count;
};

enum map_result { MAP_OK, MAP_NOT_UNDERSTOOD, MAP_NO_MEMORY };

/* `region` may be NULL. On anything but MAP_OK `out` needs no release. */
MUST_USE enum map_result ringdb_map_read(const struct ringdb_memory *memory,
                                         const struct ringdb_reply *reply, const char *region,
                                         struct ring_map *out);
void ringdb_map_deinit(struct ring_map *map, const struct ringdb_memory *memory);

/* NULL: nobody is said to own the slot. */
const struct map_range *ringdb_map_find(const struct ring_map *map, uint16_t slot);

/* "HOST:PORT", with brackets around a host that has colons. False: too long, or no host. */
bool ringdb_address_text(struct ringdb_bytes host, int64_t port, char out[MAP_ADDRESS_MAX]);

#endif
