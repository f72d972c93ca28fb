/*
 * slot.h - the Redis Cluster slot of a key, by which clients and nodes find its partition.
 *
 * Alone in its file because the client library has it too, and nothing else of the ring.
 * Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
 */
#ifndef RING_SLOT_H
#define RING_SLOT_H

#include <stdint.h>

#include "base/bytes.h"

/* 0 .. 16383: CRC16 (XMODEM) of the key, or of what stands in its first non-empty {tag}. */
uint16_t ring_slot(struct slice key);

#endif
