/*
 * durable_file.h - small files that are replaced whole and survive a crash at any moment.
 *
 * A write makes PATH.tmp, syncs it, renames it over PATH and syncs the directory:
 * a reader sees the old content or the new one, also after a power loss.
 * Source: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, section 4.
 */
#ifndef STORE_DURABLE_FILE_H
#define STORE_DURABLE_FILE_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

/*
 * STATUS_NO_SPACE: PATH has its old content. STATUS_IO: the old or the new one, and as a sync
 * may have failed, the caller must not try again; errno says why.
 */
MUST_USE enum status durable_file_write(const char *path, struct slice content);

/*
 * Append the content to `out`. STATUS_NOT_FOUND, STATUS_TOO_LARGE (over `bytes_max`), STATUS_IO
 * with errno.
 */
MUST_USE enum status durable_file_read(const char *path, size_t bytes_max, struct buffer *out);

/*
 * Make names that were added to or removed from the directory `path` durable. STATUS_IO with errno.
 */
MUST_USE enum status durable_file_sync_directory(const char *path);

#endif
