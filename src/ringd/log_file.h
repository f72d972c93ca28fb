/*
 * log_file.h - the sink of log lines: standard error or a file that can be rotated.
 *
 *     2026-01-01T00:00:00.000Z info listening client=127.0.0.1:6379
 *
 * Time is UTC. A line is one write() to a descriptor in append mode, so lines of
 * several threads do not mix and need no lock. A line that cannot be written is lost:
 * logging never stops the server.
 */
#ifndef RINGD_LOG_FILE_H
#define RINGD_LOG_FILE_H

#include "base/log.h"
#include "base/status.h"

struct log_file;

/*
 * Append to `path`; the empty path is standard error.
 * STATUS_IO with errno: the file cannot be opened or made.
 */
MUST_USE enum status log_file_open(const char *path, struct log_file **out);
void log_file_close(struct log_file *file); /* NULL is fine */

/*
 * Open the same path again after it was renamed or removed; other threads may
 * write meanwhile. STATUS_IO with errno: the old file stays in use.
 */
MUST_USE enum status log_file_reopen(struct log_file *file);

/* A sink for lines of at least `minimum`; any thread may use it until the close. */
struct log_sink log_file_sink(struct log_file *file, enum log_level minimum);

#endif
