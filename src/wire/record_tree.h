/*
 * record_tree.h - the stored form of a replica's sum-tree (replica/sum_tree.h).
 *
 *     'R' partition(2) 'h'             header: depth, and which checkpoint it belongs to
 *     'R' partition(2) 'p' page(4)     sums of consecutive leaves
 *
 * They are written in the batch of the checkpoint that they belong to; the log
 * after it holds what changed since. A header of another checkpoint, or of another
 * number of partitions, says nothing: the tree is then made again by a scan.
 */
#ifndef WIRE_RECORD_TREE_H
#define WIRE_RECORD_TREE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

void record_tree_header_name(partition_id partition, struct buffer *out);
void record_tree_page_name(partition_id partition, uint32_t page, struct buffer *out);

struct tree_header_record {
    uint8_t partition_bits; /* of the ring: log2 of its number of partitions */
    uint8_t bits;           /* 2^bits leaves */
    uint64_t log_position;  /* of the checkpoint */
    uint64_t scrubbed_ms;   /* wall clock when all cells were last read and found right; 0: never */
};

void tree_header_encode(const struct tree_header_record *header, struct buffer *out);
MUST_USE enum status tree_header_decode(struct slice bytes, struct tree_header_record *out);

/* `count` leaves. The decoder fails on another number of them. */
void tree_page_encode(const uint64_t *hashes, const uint32_t *counts, uint32_t count,
                      struct buffer *out);
MUST_USE enum status tree_page_decode(struct slice bytes, uint32_t count, uint64_t *hashes,
                                      uint32_t *counts);

#endif
