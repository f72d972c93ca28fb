/*
 * handshakes.h - TLS handshakes that are under way, bounded in number and time.
 *
 * Whoever has not finished one has shown nothing, so it may hold little: when there are
 * `count_max` of them the oldest one gives way to a new one. A stranger who opens many and says
 * nothing on them so meets only its own, while a handshake that goes on is over within
 * milliseconds.
 *
 * All of them have the same time, so the oldest is also the first to be late, and one timer does.
 */
#ifndef NET_HANDSHAKES_H
#define NET_HANDSHAKES_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct handshake {
    void *owner; /* whatever on_over() needs */
    bool active;
    ev_tstamp begun;
    struct handshake *prev;
    struct handshake *next;
};

struct handshakes {
    struct ev_loop *ev;
    struct ev_timer timer;
    struct handshake *oldest;
    uint32_t count;
    uint32_t unlogged; /* failures since the last line */
    ev_tstamp logged;
    double timeout_s;
    /* Ends the connection of one that is late or gives way; it calls handshakes_end(). */
    void (*on_over)(struct handshake *handshake, const char *why);
};

void handshakes_init(struct handshakes *handshakes, struct ev_loop *ev,
                     void (*on_over)(struct handshake *handshake, const char *why));
/* All must have ended. */
void handshakes_deinit(struct handshakes *handshakes);

/* Before a new one, for which there is room afterwards. */
void handshakes_make_room(struct handshakes *handshakes, uint32_t count_max);
/* `timeout_ms` counts for all from now on. */
void handshakes_begin(struct handshakes *handshakes, struct handshake *handshake,
                      uint32_t timeout_ms);
/*
 * Whether a failure is to be logged: one a second, so that a stranger cannot fill the disk.
 * `others` gets how many were not since the last one.
 */
bool handshakes_may_log(struct handshakes *handshakes, uint32_t *others);
/* Finished, or its connection is gone; one that is not active is fine. */
void handshakes_end(struct handshakes *handshakes, struct handshake *handshake);

#endif
