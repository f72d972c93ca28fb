/*
 * fake_node.h - a node for tests of src/net: records its events, answers by a script.
 *
 * It is linked in place of src/node/node.c.
 */
#ifndef TEST_FAKE_NODE_H
#define TEST_FAKE_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "node/event.h"
#include "node/node.h"

struct fake_event {
    enum event_kind kind;
    node_id node;
    node_id proven;
    link_id link;
    connection_id connection;
    enum status status;
    struct buffer bytes;
};

struct node {
    struct fake_event *events;
    size_t event_count;
    uint64_t deadline_us;
    /* What it does about an event; NULL for nothing. */
    void (*react)(struct node *node, const struct event *event, struct effects *out);
    void *context;
};

struct node *fake_node_new(void);

size_t fake_node_count(const struct node *node, enum event_kind kind);
/* The last event of its kind, or NULL. */
const struct fake_event *fake_node_last(const struct node *node, enum event_kind kind);
/* All bytes of the events of one kind, one after the other. */
void fake_node_bytes(const struct node *node, enum event_kind kind, struct buffer *out);

#endif
