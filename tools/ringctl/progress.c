#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LINE_EVERY_MS = 1000 };

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct progress progress_begin(const char *what)
{
    return (struct progress){.what = what,
                             .terminal = isatty(STDERR_FILENO) == 1,
                             .began_ms = now_ms(),
                             .said_done = UINT64_MAX};
}

uint64_t progress_elapsed_ms(const struct progress *progress)
{
    return now_ms() - progress->began_ms;
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total)
{
    uint64_t now = now_ms();
    bool first = progress->said_done == UINT64_MAX;
    if (!progress->terminal && !first &&
        (progress->said_done == done || now - progress->said_ms < LINE_EVERY_MS))
        return;
    uint64_t percent = total == 0 ? 100 : 100 * done / total;
    uint64_t tenths = (now - progress->began_ms) / 100;
    fprintf(stderr, "%s%3" PRIu64 " %%  %" PRIu64 " of %" PRIu64 " %s  %" PRIu64 ".%" PRIu64 " s%s",
            progress->terminal ? "\r\033[K" : "", percent, done, total, progress->what, tenths / 10,
            tenths % 10, progress->terminal ? "" : "\n");
    fflush(stderr);
    progress->shown = progress->terminal;
    progress->said_done = done;
    progress->said_ms = now;
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputc('\n', stderr);
    progress->shown = false;
}
