/*
 * ring.c - how a client learns the ring and follows its changes.
 *
 * It asks a node for RING.SLOTS, and one that does not know that for CLUSTER SLOTS: at
 * the beginning, when a connection was lost, when a node answers MOVED, and every
 * refresh_ms while there are calls. Without an answer calls go to any node, which costs a hop.
 */
#include "client/client_state.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { REFRESH_GAP_US = 200 * 1000, REFRESH_TIMEOUT_MS = 2000 };

void ringdb_ring_doubt(struct ringdb *client)
{
    if (client->refresh_us > client->refresh_first_us)
        client->refresh_us = client->refresh_first_us;
}

/* Allocations and nodes must not change within ringdb_ready(), so the reply is kept. */
static void take_answer(void *context, struct ringdb_result *result)
{
    struct ringdb *client = context;
    client->asks_ring = false;
    client->refresh_us = client->now_us + (uint64_t)client->refresh_ms * 1000;
    if (result->outcome == RINGDB_OK) {
        ringdb_reply_free(client->new_map);
        client->new_map = result->reply;
        result->reply = NULL;
    } else if (result->error == RINGDB_ERROR_SERVER && !client->asks_cluster) {
        client->asks_cluster = true;
        client->refresh_us = client->now_us;
    } else if (result->error != RINGDB_ERROR_SERVER) {
        client->refresh_us = client->now_us + REFRESH_GAP_US;
    }
}

static void ask(struct ringdb *client)
{
    char message[RINGDB_MESSAGE_MAX];
    struct call *call;
    struct ringdb_bytes words[2] = {ringdb_text("CLUSTER"), ringdb_text("SLOTS")};
    if (!client->asks_cluster)
        words[0] = ringdb_text("RING.SLOTS");
    struct ringdb_call question = {.arguments = words,
                                   .argument_count = client->asks_cluster ? 2 : 1,
                                   .done = take_answer,
                                   .done_context = client};
    client->refresh_first_us = client->now_us + REFRESH_GAP_US;
    client->refresh_us = client->refresh_first_us;
    if (!ringdb_due_heap_reserve(&client->due, &client->memory) ||
        ringdb_call_new(&client->memory, &question, client->now_us, REFRESH_TIMEOUT_MS, &call,
                        message) != RINGDB_ERROR_NONE)
        return;
    call->internal = true;
    client->asks_ring = true;
    ringdb_due_heap_add(&client->due, call);
    ringdb_client_make_ready(client, call);
}

/* Its calls go elsewhere, once what is under way there has ended. */
static bool forget_node(struct ringdb *client, struct node *node)
{
    ringdb_node_release(client, node);
    for (struct connection *c = node->connections; c != NULL; c = c->next) {
        if (c->calls.count > 0)
            return false; /* then the next map forgets the node */
    }
    while (node->connections != NULL)
        ringdb_connection_close(client, node->connections, RINGDB_ERROR_CONNECTION,
                                "it is no member any more");
    for (size_t i = 0; i < client->due.count; i++) {
        struct call *call = client->due.items[i];
        if (call->avoided == node)
            call->avoided = NULL;
        if (call->pinned == node)
            call->pinned = NULL;
    }
    return true;
}

/* Nodes that left the ring and are no way in. */
static void forget_nodes(struct ringdb *client)
{
    client->next_node = NULL;
    for (struct node **place = &client->nodes; *place != NULL;) {
        struct node *node = *place;
        if (node->in_map || node->is_way_in || !forget_node(client, node)) {
            place = &node->next;
            continue;
        }
        *place = node->next;
        ringdb_memory_free(&client->memory, node);
    }
}

/* False: no memory; the old map stays. */
static bool install(struct ringdb *client, struct ring_map *map)
{
    struct node **nodes =
        ringdb_memory_new(&client->memory, map->address_count * sizeof(struct node *));
    for (size_t i = 0; nodes != NULL && i < map->address_count; i++) {
        nodes[i] = ringdb_node_get(client, map->addresses[i]);
        if (nodes[i] == NULL) {
            ringdb_memory_free(&client->memory, nodes);
            nodes = NULL;
        }
    }
    if (nodes == NULL)
        return false;
    ringdb_map_deinit(&client->map, &client->memory);
    ringdb_memory_free(&client->memory, client->map_nodes);
    client->map = *map;
    client->map_nodes = nodes;
    for (struct node *node = client->nodes; node != NULL; node = node->next)
        node->in_map = false;
    for (size_t i = 0; i < map->address_count; i++)
        nodes[i]->in_map = true;
    client->refreshes++;
    forget_nodes(client);
    return true;
}

static void read_answer(struct ringdb *client)
{
    struct ring_map map;
    struct ringdb_reply *reply = client->new_map;
    client->new_map = NULL;
    enum map_result result = ringdb_map_read(&client->memory, reply, client->region, &map);
    ringdb_reply_free(reply);
    if (result == MAP_NOT_UNDERSTOOD)
        snprintf(client->last_error, sizeof client->last_error,
                 "a node's list of slots is not understood");
    if (result == MAP_OK && !install(client, &map)) {
        ringdb_map_deinit(&map, &client->memory);
        result = MAP_NO_MEMORY;
    }
    if (result == MAP_NO_MEMORY)
        client->refresh_us = client->now_us + REFRESH_GAP_US;
}

void ringdb_ring_advance(struct ringdb *client)
{
    if (client->new_map != NULL)
        read_answer(client);
    if (!client->direct && !client->asks_ring && client->call_count > 0 &&
        client->now_us >= client->refresh_us)
        ask(client);
}

uint64_t ringdb_ring_deadline_us(const struct ringdb *client)
{
    if (client->new_map != NULL)
        return 0;
    if (client->direct || client->asks_ring || client->call_count == 0)
        return UINT64_MAX;
    return client->refresh_us;
}

void ringdb_ring_free(struct ringdb *client)
{
    ringdb_reply_free(client->new_map);
    ringdb_map_deinit(&client->map, &client->memory);
    ringdb_memory_free(&client->memory, client->map_nodes);
}
