#include <stdlib.h>

#include "base/memory.h"
#include "node/node_state.h"

static void number(struct node *node, struct pending *pending)
{
    pending->id = ++node->last_request;
    pending->previous = node->pending_last;
    pending->next = NULL;
    if (node->pending_last != NULL)
        node->pending_last->next = pending;
    else
        node->pending = pending;
    node->pending_last = pending;
    id_table_put(&node->pending_ids, pending->id, pending);
    deadline_heap_add(&node->timers, pending->deadline_us, pending->id);
}

static void take_out(struct node *node, struct pending *pending)
{
    id_table_remove(&node->pending_ids, pending->id);
    if (pending->previous != NULL)
        pending->previous->next = pending->next;
    else
        node->pending = pending->next;
    if (pending->next != NULL)
        pending->next->previous = pending->previous;
    else
        node->pending_last = pending->previous;
}

struct pending *pending_add(struct node *node, enum pending_kind kind, const struct origin *origin,
                            uint64_t deadline_us)
{
    struct pending *pending = node->spare_pending;
    if (pending == NULL) {
        pending = memory_new(1, sizeof *pending);
    } else {
        node->spare_pending = pending->next_spare;
        *pending = (struct pending){0};
    }
    pending->kind = kind;
    pending->origin = *origin;
    pending->started_us = node->now.mono_us;
    pending->deadline_us = deadline_us;
    number(node, pending);
    return pending;
}

struct pending *pending_find(struct node *node, request_id id)
{
    return id_table_find(&node->pending_ids, id);
}

void pending_await(struct node *node, struct pending *pending, node_id peer)
{
    struct peer_load *load = node_load(node, peer);
    if (load == NULL || pending->awaited_count == PREFERENCE_LIST_MAX)
        return;
    pending->awaited[pending->awaited_count++] = peer;
    load->in_flight++;
}

void pending_heard(struct node *node, struct pending *pending, node_id peer)
{
    for (uint8_t i = 0; i < pending->awaited_count; i++) {
        if (pending->awaited[i] == peer) {
            struct peer_load *load = node_load(node, peer);
            pending->awaited[i] = pending->awaited[--pending->awaited_count];
            if (load != NULL) /* else it has left the cluster */
                load->in_flight--;
            return;
        }
    }
}

void pending_renumber(struct node *node, struct pending *pending)
{
    while (pending->awaited_count > 0)
        pending_heard(node, pending, pending->awaited[0]);
    take_out(node, pending);
    number(node, pending);
}

void pending_remove(struct node *node, struct pending *pending)
{
    while (pending->awaited_count > 0)
        pending_heard(node, pending, pending->awaited[0]);
    if (pending->kind == PENDING_COORDINATED)
        node->coordinated_count--;
    if (pending->held_until_us != 0)
        node->held_count--;
    take_out(node, pending);
    coordinated_request_free(pending->coordinated);
    buffer_deinit(&pending->request);
    pending->next_spare = node->spare_pending;
    node->spare_pending = pending;
}

void pending_free_spare(struct node *node)
{
    while (node->spare_pending != NULL) {
        struct pending *pending = node->spare_pending;
        node->spare_pending = pending->next_spare;
        free(pending);
    }
    id_table_deinit(&node->pending_ids);
}
