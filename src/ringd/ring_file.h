/*
 * ring_file.h - the ring as a file: what a plan writes, a data directory keeps, and a node starts
 * from.
 *
 * The content is ring_encode()'s form, or register_value_encode()'s for a node that joins
 * later, after changes were agreed on; both end with a checksum. A file is replaced whole
 * (store/durable_file.h) and readable by its owner alone, for it holds the cluster's secret.
 */
#ifndef RINGD_RING_FILE_H
#define RINGD_RING_FILE_H

#include "base/bytes.h"
#include "base/status.h"
#include "membership/register_value.h"

enum { RING_FILE_BYTES_MAX = 8 << 20 };

/*
 * STATUS_NOT_FOUND, STATUS_CORRUPT, STATUS_TOO_LARGE, STATUS_IO: one sentence was appended
 * to `reason`. The caller owns `*out`.
 */
MUST_USE enum status ring_file_read(const char *path, struct register_value **out,
                                    struct buffer *reason);

/* STATUS_NO_SPACE, STATUS_IO: likewise; an old file is still whole. */
MUST_USE enum status ring_file_write(const char *path, const struct register_value *value,
                                     struct buffer *reason);

#endif
