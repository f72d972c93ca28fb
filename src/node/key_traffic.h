/*
 * key_traffic.h - which keys the clients of this node ask for most, and write most to.
 *
 * Requests are counted in windows, the one under way and the one before it, so that what is told
 * is of the last 10 to 20 seconds. Bytes written are counted since the start: a key that has become
 * large has had many written to it. Each command counts at the node that the client is connected
 * to, and nowhere else. In memory alone, of a fixed size, and always on.
 *
 * One request in KEY_TRAFFIC_SAMPLE is looked at, and counts for so many; which one is drawn, so
 * that clients with a rhythm do not hide a key. So a count of n samples is right to about 1/sqrt(n)
 * of itself. A write of KEY_TRAFFIC_LARGE_BYTES or more counts always, with what it is.
 */
#ifndef NODE_KEY_TRAFFIC_H
#define NODE_KEY_TRAFFIC_H

#include <stdint.h>

#include "base/random.h"
#include "coordinator/key_request.h"
#include "coordinator/key_sketch.h"

enum {
    KEY_TRAFFIC_WINDOW_US = 10 * 1000 * 1000,
    KEY_TRAFFIC_SAMPLE = 8,
    KEY_TRAFFIC_LARGE_BYTES = 4096
};

/* All zero is empty; nothing to release. */
struct key_traffic {
    struct random random;
    uint32_t skip;                 /* so many requests more are not looked at */
    struct key_sketch requests[2]; /* by `current`, and the window before it */
    uint8_t current;
    uint64_t started_us;       /* the current window; 0: nothing was counted yet */
    uint64_t before_us;        /* how long the one before it was; 0: there was none */
    struct key_sketch written; /* bytes */
};

/* A request of a client begins. What commands ask about replicas and ranges does not count. */
void key_traffic_count(struct key_traffic *traffic, uint64_t seed,
                       const struct key_request *request, uint64_t now_us);

/* One key of those that are asked for most. */
struct key_traffic_row {
    const struct key_sketch_row *key;
    uint64_t requests, writes; /* in both windows */
    uint64_t error; /* requests may be so many too many, beside what sampling leaves open */
};

/*
 * The `room` keys with the most requests, the most first; returns how many there are. `total_out`
 * gets the requests of all keys, `us_out` the time in which they came.
 */
size_t key_traffic_requests(const struct key_traffic *traffic, uint64_t now_us,
                            struct key_traffic_row *out, size_t room, uint64_t *total_out,
                            uint64_t *us_out);
/* The `room` keys with the most bytes written, likewise. */
size_t key_traffic_written(const struct key_traffic *traffic, const struct key_sketch_row **out,
                           size_t room);

#endif
