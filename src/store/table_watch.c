#include "store/table_watch.h"

#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

void table_watch_open(struct table_watch *watch, const char *path)
{
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0)
        return;
    uint32_t events = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF;
    if (inotify_add_watch(watch->fd, path, events) < 0)
        table_watch_close(watch);
}

void table_watch_close(struct table_watch *watch)
{
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = -1;
}

bool table_watch_has_news(const struct table_watch *watch)
{
    int waiting = 0;
    return watch->fd < 0 || ioctl(watch->fd, FIONREAD, &waiting) != 0 || waiting > 0;
}

void table_watch_clear(const struct table_watch *watch)
{
    char events[4096];
    while (watch->fd >= 0 && read(watch->fd, events, sizeof events) > 0)
        ;
}
