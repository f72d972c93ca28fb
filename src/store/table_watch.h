/*
 * table_watch.h - has a file gone from the store's directory since we last looked?
 *
 * LevelDB answers a get "not found" when it cannot open the table that should hold the key,
 * because ENOENT is "NotFound" to it. So an absence is believed only when no file has gone, or
 * when all tables of the current version were seen to be there since. inotify queues the
 * removal before unlink() returns, so asking costs one system call and misses nothing.
 * Where there is no inotify every answer is "yes": slower, and still right.
 */
#ifndef STORE_TABLE_WATCH_H
#define STORE_TABLE_WATCH_H

#include <stdbool.h>

struct table_watch {
    int fd; /* -1: cannot be watched */
};

void table_watch_open(struct table_watch *watch, const char *path);
void table_watch_close(struct table_watch *watch);

/* Any thread. */
bool table_watch_has_news(const struct table_watch *watch);
/* Forget what was told so far. One thread at a time. */
void table_watch_clear(const struct table_watch *watch);

#endif
