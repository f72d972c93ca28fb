/*
 * nodes.c - the nodes a client knows, and which of them gets a call.
 *
 * A call with a key goes to the first of its owners, nearest first, that can be used; without a
 * usable owner, or without a key, to any node, because every node serves every request.
 * A node that failed gets no calls before a connection to it is open again, so
 * probing it costs nobody anything; only when all have failed do calls wait for one.
 */
#include "client/client_state.h"

#include <string.h>

enum { BACKOFF_FIRST_US = 50 * 1000, BACKOFF_MAX_US = 2000 * 1000 };

struct node *ringdb_node_get(struct ringdb *client, const char *address)
{
    struct node **end = &client->nodes;
    for (; *end != NULL; end = &(*end)->next) {
        if (strcmp((*end)->address, address) == 0)
            return *end;
    }
    struct node *node = ringdb_memory_new(&client->memory, sizeof *node);
    if (node == NULL)
        return NULL;
    strncpy(node->address, address, sizeof node->address - 1);
    *end = node;
    return node;
}

void ringdb_nodes_free(struct ringdb *client)
{
    while (client->nodes != NULL) {
        struct node *node = client->nodes;
        client->nodes = node->next;
        ringdb_memory_free(&client->memory, node);
    }
}

void ringdb_node_failed(struct ringdb *client, struct node *node)
{
    uint64_t longest_us = BACKOFF_FIRST_US;
    for (unsigned i = 0; i < node->failures && longest_us < BACKOFF_MAX_US; i++)
        longest_us *= 2;
    if (longest_us > BACKOFF_MAX_US)
        longest_us = BACKOFF_MAX_US;
    node->failures++;
    /* Half of it is chance, so that many clients do not come back at one moment. */
    node->retry_us =
        client->now_us + longest_us / 2 + random_below(&client->random, longest_us / 2);
}

void ringdb_node_release(struct ringdb *client, struct node *node)
{
    while (node->queue.first != NULL) {
        struct call *call = node->queue.first;
        ringdb_call_list_remove(&node->queue, call);
        call->state = CALL_READY;
        call->avoided = node;
        call->pinned = NULL;
        if (client->direct)
            ringdb_outcome_finish(client, call, RINGDB_FAILED, RINGDB_ERROR_CONNECTION, NULL,
                                  client->last_error);
        else
            ringdb_client_make_ready(client, call);
    }
}

static bool is_usable(const struct node *node)
{
    return node->failures == 0 || node->open_count > 0;
}

/* The nearest owner that can be used and has not just failed the call. */
static struct node *choose_owner(struct ringdb *client, const struct call *call)
{
    const struct map_range *range = ringdb_map_find(&client->map, call->slot);
    if (range == NULL)
        return NULL;
    struct node *second_best = NULL;
    for (unsigned i = 0; i < range->owner_count; i++) {
        struct node *node = client->map_nodes[range->owners[i]];
        if (!is_usable(node))
            continue;
        if (node != call->avoided)
            return node;
        second_best = node;
    }
    return second_best;
}

static bool is_member(const struct ringdb *client, const struct node *node)
{
    return node->in_map || node->is_way_in || client->map.range_count == 0;
}

/* Nodes take turns. */
static struct node *choose_any(struct ringdb *client, const struct call *call)
{
    struct node *second_best = NULL;
    struct node *start = client->next_node != NULL ? client->next_node : client->nodes;
    struct node *node = start;
    do {
        if (is_usable(node) && is_member(client, node)) {
            if (node != call->avoided) {
                client->next_node = node->next;
                return node;
            }
            second_best = node;
        }
        node = node->next != NULL ? node->next : client->nodes;
    } while (node != start);
    return second_best;
}

struct node *ringdb_node_choose(struct ringdb *client, const struct call *call, uint64_t *when_us)
{
    if (client->nodes == NULL) {
        *when_us = UINT64_MAX;
        return NULL;
    }
    if (client->direct)
        return client->nodes; /* its calls fail with the attempt to connect */
    if (call->pinned != NULL && is_usable(call->pinned))
        return call->pinned;
    struct node *node = call->has_slot ? choose_owner(client, call) : NULL;
    if (node == NULL)
        node = choose_any(client, call);
    if (node != NULL)
        return node;
    *when_us = UINT64_MAX;
    for (node = client->nodes; node != NULL; node = node->next) {
        uint64_t at_us =
            node->connection_count > 0 ? node->connections->deadline_us : node->retry_us;
        if (at_us < *when_us)
            *when_us = at_us;
    }
    /* A connection under way may be ready at any moment. */
    if (*when_us > client->now_us + BACKOFF_FIRST_US)
        *when_us = client->now_us + BACKOFF_FIRST_US;
    return NULL;
}

const char *ringdb_node_nearest(const struct ringdb *client, const struct map_range *range)
{
    for (unsigned i = 0; i < range->owner_count; i++) {
        if (is_usable(client->map_nodes[range->owners[i]]))
            return client->map_nodes[range->owners[i]]->address;
    }
    return NULL;
}
