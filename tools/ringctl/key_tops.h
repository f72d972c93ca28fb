/*
 * key_tops.h - the keys that stand out at all members together.
 *
 * Each member tells the keys that its own clients asked for, or wrote to, most (RING.TOP). The same
 * key at several members is one here. How large they are now is looked up by key_look_up.h.
 */
#ifndef RINGCTL_KEY_TOPS_H
#define RINGCTL_KEY_TOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ids.h"
#include "wire/resp_reply.h"

enum { KEY_TOPS_MAX = 64, KEY_TYPE_MAX = 16 };

struct top_key {
    keyspace_id keyspace; /* its number */
    struct slice key;     /* borrowed from a reply; cut when it is shorter than `length` */
    uint64_t length;
    double requests, writes; /* in a second */
    uint64_t bytes;          /* written since the members started */
    char type[KEY_TYPE_MAX]; /* "": not looked up, or it is gone */
    int64_t elements;        /* of a collection, about; -1: not known */
    int64_t size;            /* of a string, in bytes; -1: not known */
};

struct key_tops {
    struct top_key keys[KEY_TOPS_MAX];
    size_t count;
    double requests; /* of all keys, in a second */
};

/* What one member answers to RING.TOP KEYS or RING.TOP WRITTEN; anything else adds nothing. */
void key_tops_take(struct key_tops *tops, const struct resp_value *reply);
/* The most requests, or bytes, first; no more than `count` stay. */
void key_tops_by_requests(struct key_tops *tops, size_t count);
void key_tops_by_bytes(struct key_tops *tops, size_t count);
/* The largest first: by elements and bytes. */
void key_tops_by_size(struct key_tops *tops);

/*
 * About how many elements a collection has of which one page, from the first place on, has `found`
 * and ends before the place `cursor`; 0: the page has all.
 */
int64_t key_tops_estimate(uint64_t found, uint64_t cursor);

/* The key as plain text, other bytes as \xHH, and "..." where it is cut. */
void key_tops_show(const struct top_key *key, struct buffer *out);

#endif
