/*
 * frame.h - the envelope of every peer message.
 *
 *      0        4        6        8               16       20               28
 *     +--------+--------+--------+----------------+--------+----------------+-------
 *     | length | version| type   | request        | left   | checksum       | body
 *     +--------+--------+--------+----------------+--------+----------------+-------
 *
 * length counts everything after itself. `left` is the remaining time of the
 * request in ms, 0 for none: deadlines travel as durations because clocks
 * differ. In an answer it is what the sender tells of its load (coordinator/owner_rank.h), 0 for
 * nothing. checksum is XXH3-64 over bytes 4..20 and the body.
 */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"

enum { FRAME_VERSION = 1, FRAME_HEADER_BYTES = 28, FRAME_BYTES_MAX = 64 << 20 };

struct frame {
    uint16_t type; /* enum message_type */
    request_id request;
    uint32_t left_ms;
    struct slice body; /* borrowed */
};

/* Append a header; returns the offset to hand to frame_finish() when the body has been appended. */
size_t frame_start(struct buffer *out, uint16_t type, request_id request, uint32_t left_ms);
void frame_finish(struct buffer *out, size_t offset);
/* For the other side of this node: without a checksum, so it is for frame_open() alone. */
void frame_finish_inside(struct buffer *out, size_t offset);

/*
 * Take one frame from the front of `bytes`; `used` gets its size.
 * STATUS_NOT_FOUND: more bytes are needed. STATUS_CORRUPT: length, version or
 * checksum is wrong; the connection cannot be used any longer. `*used` is set with STATUS_OK alone.
 */
MUST_USE enum status frame_parse(struct slice bytes, struct frame *out, size_t *used);
/*
 * As frame_parse() for frames that were made in this process, or that an adapter has parsed: the
 * checksum has had its use and is not computed again.
 */
MUST_USE enum status frame_open(struct slice bytes, struct frame *out, size_t *used);

#endif
