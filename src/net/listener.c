#include "net/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

enum { BACKLOG = 1024 };

struct listener {
    struct listener_params params;
    struct ev_io watcher;
    struct ev_timer rest;
    uint64_t failure_count;
    int fd;      /* -1 after listener_stop() */
    int reserve; /* -1 when it could not be had back yet */
};

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Why accept() failed, or the connection's own trouble that concerns nobody else. */
static bool is_out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Close one waiting connection with the reserve descriptor, then let the others wait. */
static void rest(struct listener *listener, int error)
{
    struct log_sink *log = &listener->params.log;
    listener->failure_count++;
    log_line(log, LOG_WARN, "could not accept a connection reason=\"%s\"", strerror(error));
    if (listener->reserve >= 0) {
        close(listener->reserve);
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
    }
    listener->reserve = open_reserve();
    ev_io_stop(listener->params.ev, &listener->watcher);
    ev_timer_set(&listener->rest, LISTENER_REST_MS / 1000.0, 0.);
    ev_timer_start(listener->params.ev, &listener->rest);
}

static void on_rested(struct ev_loop *ev, struct ev_timer *timer, int events)
{
    struct listener *listener = timer->data;
    (void)events;
    if (listener->reserve < 0)
        listener->reserve = open_reserve();
    ev_io_start(ev, &listener->watcher);
}

static void on_readable(struct ev_loop *ev, struct ev_io *watcher, int events)
{
    struct listener *listener = watcher->data;
    (void)ev;
    (void)events;
    for (int i = 0; i < LISTENER_BATCH; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->params.on_accept(listener->params.context, fd, (struct sockaddr *)&peer);
        } else if (is_out_of_resources(errno)) {
            rest(listener, errno);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        /* Any other error belongs to one connection that is already gone. */
    }
}

static int bind_socket(const struct listener_params *params)
{
    const struct socket_address *address = &params->address;
    const int yes = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        (address->storage.ss_family != AF_INET6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes) == 0) &&
        bind(fd, (const struct sockaddr *)&address->storage, address->length) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static void log_failure(const struct listener_params *params, int error)
{
    char text[ADDRESS_TEXT_MAX];
    log_line(&params->log, LOG_ERROR, "could not listen address=%s reason=\"%s\"",
             address_describe((const struct sockaddr *)&params->address.storage, text),
             strerror(error));
}

enum status listener_new(const struct listener_params *params, struct listener **out)
{
    assert(params->on_accept != NULL);
    int fd = bind_socket(params);
    if (fd < 0) {
        log_failure(params, errno);
        return STATUS_IO;
    }
    struct listener *listener = memory_new(1, sizeof *listener);
    listener->params = *params;
    listener->fd = fd;
    listener->reserve = open_reserve();
    ev_io_init(&listener->watcher, on_readable, fd, EV_READ);
    ev_timer_init(&listener->rest, on_rested, 0., 0.);
    listener->watcher.data = listener;
    listener->rest.data = listener;
    *out = listener;
    return STATUS_OK;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL)
        return;
    listener_stop(listener);
    if (listener->reserve >= 0)
        close(listener->reserve);
    free(listener);
}

enum status listener_start(struct listener *listener)
{
    assert(listener->fd >= 0);
    if (listen(listener->fd, BACKLOG) != 0) {
        log_failure(&listener->params, errno);
        return STATUS_IO;
    }
    ev_io_start(listener->params.ev, &listener->watcher);
    return STATUS_OK;
}

void listener_stop(struct listener *listener)
{
    if (listener->fd < 0)
        return;
    ev_io_stop(listener->params.ev, &listener->watcher);
    ev_timer_stop(listener->params.ev, &listener->rest);
    close(listener->fd);
    listener->fd = -1;
}

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(listener->fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

uint64_t listener_failure_count(const struct listener *listener)
{
    return listener->failure_count;
}
