/*
 * reach_picture.h - who reaches whom, from what all nodes have heard (RING.REACH).
 *
 * Every node tells whom it reaches, also of those that ringctl cannot ask: their reports come by
 * way of others. Of each node the newest report is taken. A pair is broken when one of its nodes
 * says that it does not reach the other; a node that nobody has a report of is silent, not cut off.
 */
#ifndef RINGCTL_REACH_PICTURE_H
#define RINGCTL_REACH_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster.h"
#include "wire/resp_reply.h"

enum reach_said { REACH_SAYS_NOTHING, REACH_SAYS_YES, REACH_SAYS_NO };

/* The newest report of one member. */
struct reach_row {
    const struct resp_value *report; /* NULL: there is none; borrowed from a reply */
    int64_t age_ms;
    bool direct; /* it told itself */
};

struct reach_picture {
    const struct cluster *cluster; /* borrowed */
    struct reach_row *rows;        /* as cluster->members */
};

void reach_picture_init(struct reach_picture *picture, const struct cluster *cluster);
void reach_picture_deinit(struct reach_picture *picture);

/* What the member `by` has heard: it knows best of itself, and of others while nobody is fresher.
 */
void reach_picture_take(struct reach_picture *picture, size_t by, const struct resp_value *reports);

/* What the member `from` says of `to`; both are indexes into the members. */
enum reach_said reach_picture_says(const struct reach_picture *picture, size_t from, size_t to);
/* The same of the other direction, where that was said since `from` misses `to`. */
enum reach_said reach_picture_says_back(const struct reach_picture *picture, size_t from,
                                        size_t to);
/* How long `from` has missed `to`. */
int64_t reach_picture_seconds(const struct reach_picture *picture, size_t from, size_t to);

/*
 * Whether `from` -> `to` is a line of its own among the broken paths: a pair of which both call
 * the other lost has one, under the lower of them.
 */
bool reach_picture_is_broken(const struct reach_picture *picture, size_t from, size_t to);

/* "cut", "one way" or "unconfirmed", of a path that is broken. */
const char *reach_picture_kind(const struct reach_picture *picture, size_t from, size_t to);

/* Appends the ids of those that reach `to`, separated by blanks. Returns how many there are. */
uint32_t reach_picture_reached_by(const struct reach_picture *picture, size_t to,
                                  struct buffer *out);

#endif
