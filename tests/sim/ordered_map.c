#include "sim/ordered_map.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { PRIORITY_SEED = 0x7265 };

struct record {
    uint32_t references;
    uint32_t key_bytes;
    size_t value_bytes;
    uint8_t bytes[]; /* key, then value */
};

struct ordered_map_node {
    uint32_t references;
    uint64_t priority;
    struct ordered_map_node *left;
    struct ordered_map_node *right;
    struct record *record;
};

static struct slice record_key(const struct record *record)
{
    return slice_make(record->bytes, record->key_bytes);
}

static struct slice record_value(const struct record *record)
{
    return slice_make(record->bytes + record->key_bytes, record->value_bytes);
}

static struct record *record_new(struct slice key, struct slice value)
{
    struct record *record = memory_new(1, sizeof *record + key.length + value.length);
    record->references = 1;
    record->key_bytes = (uint32_t)key.length;
    record->value_bytes = value.length;
    if (key.length > 0)
        memcpy(record->bytes, key.data, key.length);
    if (value.length > 0)
        memcpy(record->bytes + key.length, value.data, value.length);
    return record;
}

static void record_release(struct record *record)
{
    if (--record->references == 0)
        free(record);
}

static struct ordered_map_node *retain(struct ordered_map_node *node)
{
    if (node != NULL)
        node->references++;
    return node;
}

static void release(struct ordered_map_node *node)
{
    if (node == NULL || --node->references > 0)
        return;
    release(node->left);
    release(node->right);
    record_release(node->record);
    free(node);
}

/* Takes a reference and gives one to a node that nobody else sees. */
static struct ordered_map_node *unshared(struct ordered_map_node *node)
{
    if (node->references == 1)
        return node;
    struct ordered_map_node *copy = memory_new(1, sizeof *copy);
    *copy = (struct ordered_map_node){.references = 1,
                                      .priority = node->priority,
                                      .left = retain(node->left),
                                      .right = retain(node->right),
                                      .record = node->record};
    copy->record->references++;
    node->references--;
    return copy;
}

static struct ordered_map_node *rotate_right(struct ordered_map_node *node)
{
    struct ordered_map_node *up = node->left;
    node->left = up->right;
    up->right = node;
    return up;
}

static struct ordered_map_node *rotate_left(struct ordered_map_node *node)
{
    struct ordered_map_node *up = node->right;
    node->right = up->left;
    up->left = node;
    return up;
}

/* Takes `node` and `record`. */
static struct ordered_map_node *put(struct ordered_map_node *node, struct record *record)
{
    if (node == NULL) {
        struct ordered_map_node *leaf = memory_new(1, sizeof *leaf);
        leaf->references = 1;
        leaf->priority = hash64(record_key(record), PRIORITY_SEED);
        leaf->record = record;
        return leaf;
    }
    node = unshared(node);
    int order = slice_compare(record_key(record), record_key(node->record));
    if (order == 0) {
        record_release(node->record);
        node->record = record;
    } else if (order < 0) {
        node->left = put(node->left, record);
        if (node->left->priority > node->priority)
            node = rotate_right(node);
    } else {
        node->right = put(node->right, record);
        if (node->right->priority > node->priority)
            node = rotate_left(node);
    }
    return node;
}

/* Takes both; every key of `left` is below every key of `right`. */
static struct ordered_map_node *join(struct ordered_map_node *left, struct ordered_map_node *right)
{
    if (left == NULL)
        return right;
    if (right == NULL)
        return left;
    if (left->priority > right->priority) {
        left = unshared(left);
        left->right = join(left->right, right);
        return left;
    }
    right = unshared(right);
    right->left = join(left, right->left);
    return right;
}

/* Takes `node`; the key is in it. */
static struct ordered_map_node *cut(struct ordered_map_node *node, struct slice key)
{
    node = unshared(node);
    int order = slice_compare(key, record_key(node->record));
    if (order < 0) {
        node->left = cut(node->left, key);
        return node;
    }
    if (order > 0) {
        node->right = cut(node->right, key);
        return node;
    }
    struct ordered_map_node *rest = join(node->left, node->right);
    node->left = NULL;
    node->right = NULL;
    release(node);
    return rest;
}

void ordered_map_deinit(struct ordered_map *map)
{
    release(map->root);
    map->root = NULL;
}

void ordered_map_assign(struct ordered_map *to, const struct ordered_map *from)
{
    struct ordered_map_node *root = retain(from->root);
    release(to->root);
    to->root = root;
}

void ordered_map_put(struct ordered_map *map, struct slice key, struct slice value)
{
    map->root = put(map->root, record_new(key, value));
}

void ordered_map_remove(struct ordered_map *map, struct slice key)
{
    struct slice value;
    if (ordered_map_get(map, key, &value))
        map->root = cut(map->root, key);
}

bool ordered_map_get(const struct ordered_map *map, struct slice key, struct slice *value)
{
    const struct ordered_map_node *node = map->root;
    while (node != NULL) {
        int order = slice_compare(key, record_key(node->record));
        if (order == 0) {
            *value = record_value(node->record);
            return true;
        }
        node = order < 0 ? node->left : node->right;
    }
    return false;
}

bool ordered_map_empty(const struct ordered_map *map)
{
    return map->root == NULL;
}

/*
 * The path goes from the root to the record. Seeking walks down to a leaf and
 * cuts the path back to the last node on the wanted side.
 */
static void push(struct ordered_map_cursor *cursor, const struct ordered_map_node *node)
{
    assert(cursor->depth < ORDERED_MAP_DEPTH_MAX);
    cursor->path[cursor->depth++] = node;
}

void ordered_map_seek(const struct ordered_map *map, struct slice key,
                      struct ordered_map_cursor *cursor)
{
    int found = 0;
    cursor->depth = 0;
    for (const struct ordered_map_node *node = map->root; node != NULL;) {
        push(cursor, node);
        if (slice_compare(record_key(node->record), key) >= 0) {
            found = cursor->depth;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    cursor->depth = found;
}

void ordered_map_seek_before(const struct ordered_map *map, struct slice key,
                             struct ordered_map_cursor *cursor)
{
    int found = 0;
    cursor->depth = 0;
    for (const struct ordered_map_node *node = map->root; node != NULL;) {
        push(cursor, node);
        if (slice_compare(record_key(node->record), key) < 0) {
            found = cursor->depth;
            node = node->right;
        } else {
            node = node->left;
        }
    }
    cursor->depth = found;
}

/* Up to the first node that was reached by going to the other side. */
static void climb(struct ordered_map_cursor *cursor, bool from_right)
{
    while (cursor->depth > 0) {
        const struct ordered_map_node *child = cursor->path[--cursor->depth];
        if (cursor->depth == 0)
            return;
        const struct ordered_map_node *parent = cursor->path[cursor->depth - 1];
        if ((parent->right == child) != from_right)
            return;
    }
}

void ordered_map_next(struct ordered_map_cursor *cursor)
{
    assert(cursor->depth > 0);
    const struct ordered_map_node *node = cursor->path[cursor->depth - 1]->right;
    if (node == NULL) {
        climb(cursor, true);
        return;
    }
    for (; node != NULL; node = node->left)
        push(cursor, node);
}

void ordered_map_previous(struct ordered_map_cursor *cursor)
{
    assert(cursor->depth > 0);
    const struct ordered_map_node *node = cursor->path[cursor->depth - 1]->left;
    if (node == NULL) {
        climb(cursor, false);
        return;
    }
    for (; node != NULL; node = node->right)
        push(cursor, node);
}

struct slice ordered_map_key(const struct ordered_map_cursor *cursor)
{
    assert(cursor->depth > 0);
    return record_key(cursor->path[cursor->depth - 1]->record);
}

struct slice ordered_map_value(const struct ordered_map_cursor *cursor)
{
    assert(cursor->depth > 0);
    return record_value(cursor->path[cursor->depth - 1]->record);
}
