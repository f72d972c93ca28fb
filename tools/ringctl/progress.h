/*
 * progress.h - says on standard error how far a long thing is.
 *
 * On a terminal it is one line that changes; elsewhere lines that follow each other, at
 * most one a second, so that logs stay readable.
 */
#ifndef RINGCTL_PROGRESS_H
#define RINGCTL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *what; /* "partitions equal"; borrowed */
    bool terminal;
    bool shown; /* the line on the terminal is to be ended */
    uint64_t began_ms, said_ms;
    uint64_t said_done; /* what the last line told; UINT64_MAX: none was written */
};

struct progress progress_begin(const char *what);
uint64_t progress_elapsed_ms(const struct progress *progress);
void progress_show(struct progress *progress, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

#endif
