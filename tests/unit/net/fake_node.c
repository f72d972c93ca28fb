#include "fake_node.h"

#include <stdlib.h>

#include "base/memory.h"

struct node *fake_node_new(void)
{
    struct node *node = memory_new(1, sizeof *node);
    node->deadline_us = UINT64_MAX;
    return node;
}

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->event_count; i++)
        buffer_deinit(&node->events[i].bytes);
    free(node->events);
    free(node);
}

void node_step(struct node *node, const struct event *event, struct effects *out)
{
    node->events = memory_resize(node->events, node->event_count + 1, sizeof *node->events);
    struct fake_event *kept = &node->events[node->event_count++];
    *kept = (struct fake_event){.kind = event->kind,
                                .node = event->node,
                                .proven = event->proven,
                                .link = event->link,
                                .connection = event->connection,
                                .status = event->status};
    buffer_append_slice(&kept->bytes, event->bytes);
    if (node->react != NULL)
        node->react(node, event, out);
}

uint64_t node_deadline_us(const struct node *node)
{
    return node->deadline_us;
}

size_t fake_node_count(const struct node *node, enum event_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < node->event_count; i++)
        count += node->events[i].kind == kind;
    return count;
}

const struct fake_event *fake_node_last(const struct node *node, enum event_kind kind)
{
    for (size_t i = node->event_count; i > 0; i--) {
        if (node->events[i - 1].kind == kind)
            return &node->events[i - 1];
    }
    return NULL;
}

void fake_node_bytes(const struct node *node, enum event_kind kind, struct buffer *out)
{
    for (size_t i = 0; i < node->event_count; i++) {
        if (node->events[i].kind == kind)
            buffer_append_slice(out, buffer_slice(&node->events[i].bytes));
    }
}
