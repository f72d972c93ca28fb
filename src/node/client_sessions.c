/*
 * client_sessions.c - client sessions: bytes to them, their wishes to the rest of the node.
 *
 * A result is never handed to a session while another call into the session runs:
 * it is queued and delivered at the end of the step.
 */
#include <stdlib.h>

#include "base/memory.h"
#include "node/node_state.h"

enum { COMPLETION_ROOM_BYTES = 512 }; /* of a small result: see buffer_on() */

static struct client *find_client(struct node *node, connection_id id)
{
    struct client *client = NULL;
    HASH_FIND(hh, node->clients, &id, sizeof id, client);
    return client;
}

static void remove_client(struct node *node, struct client *client)
{
    HASH_DEL(node->clients, client);
    password_hashes_forget(node, client->id);
    key_states_forget(node, client->id);
    session_free(client->session);
    free(client);
}

static void start_requests(struct node *node, connection_id connection)
{
    struct session_output *out = &node->session_output;
    for (uint32_t i = 0; i < out->request_count; i++) {
        const struct session_request *wanted = &out->requests[i];
        struct origin origin = {.connection = connection, .token = wanted->token};
        uint32_t timeout_ms = wanted->request.options.timeout_ms;
        if (timeout_ms == 0)
            timeout_ms = node->settings.request_timeout_ms;
        key_traffic_count(&node->traffic, node->ring->seed, &wanted->request, node->now.mono_us);
        key_request_start(node, &origin, &wanted->request, timeout_ms,
                          wanted->request.kind != KEY_DIGEST);
    }
}

/* Carry out what a call into a session wants. */
static void carry_out(struct node *node, struct client *client)
{
    struct session_output *out = &node->session_output;
    connection_id id = client->id;
    if (out->replies.length > 0) {
        effects_add_bytes(node->out, EFFECT_CLIENT_SEND, buffer_slice(&out->replies))->connection =
            id;
        node->statistics.client_bytes_out += out->replies.length;
    }
    start_requests(node, id);
    if (out->pause)
        effects_add(node->out, EFFECT_CLIENT_PAUSE)->connection = id;
    if (out->resume)
        effects_add(node->out, EFFECT_CLIENT_RESUME)->connection = id;
    bool close = out->close;
    session_output_clear(out);
    if (close) {
        effects_add(node->out, EFFECT_CLIENT_CLOSE)->connection = id;
        remove_client(node, client);
        return;
    }
    uint64_t due = session_deadline_us(client->session);
    if (due < client->timer_us) {
        client->timer_us = due;
        deadline_heap_add(&node->client_timers, due, id);
    }
}

void client_event(struct node *node, const struct event *event)
{
    struct client *client = find_client(node, event->connection);
    switch (event->kind) {
    case EVENT_CLIENT_OPEN:
        client = memory_new(1, sizeof *client);
        client->id = event->connection;
        client->timer_us = UINT64_MAX;
        client->session =
            session_new(event->connection, &node->environment, event->bytes, node->now);
        if (event->stranger)
            session_distrust(client->session);
        HASH_ADD(hh, node->clients, id, sizeof client->id, client);
        break;
    case EVENT_CLIENT_BYTES:
        if (client == NULL)
            break;
        node->statistics.client_bytes_in += event->bytes.length;
        session_bytes(client->session, event->bytes, node->now, &node->session_output);
        carry_out(node, client);
        break;
    case EVENT_CLIENT_CLOSED:
        if (client != NULL)
            remove_client(node, client);
        break;
    default:
        break;
    }
}

void client_complete(struct node *node, const struct origin *origin, struct slice result)
{
    if (node->completion_count == node->completion_capacity) {
        node->completion_capacity =
            node->completion_capacity == 0 ? 64 : node->completion_capacity * 2;
        node->completions =
            memory_resize(node->completions, node->completion_capacity, sizeof *node->completions);
    }
    node->completions[node->completion_count++] =
        (struct completion){.connection = origin->connection,
                            .token = origin->token,
                            .offset = node->completion_bytes.length,
                            .length = result.length};
    buffer_append_slice(&node->completion_bytes, result);
}

static void run_completion(struct node *node, const struct completion *completion)
{
    struct client *client = find_client(node, completion->connection);
    struct key_result result;
    struct key_outcome one;
    uint8_t room[COMPLETION_ROOM_BYTES];
    struct buffer copy = buffer_on(room, sizeof room);
    if (client == NULL)
        return; /* the client has gone */
    struct slice encoded =
        slice_make(node->completion_bytes.data + completion->offset, completion->length);
    /* The session may cause further results, which may move completion_bytes. */
    buffer_append_slice(&copy, encoded);
    struct reader reader = reader_make(buffer_slice(&copy));
    if (key_result_decode_on(&reader, &one, &result) != STATUS_OK)
        result = key_result_failed(STATUS_UNCERTAIN, 0, 0);
    session_result(client->session, completion->token, &result, node->now, &node->session_output);
    carry_out(node, client);
    key_result_deinit(&result);
    buffer_deinit(&copy);
}

void client_sessions_run_completions(struct node *node)
{
    for (size_t i = 0; i < node->completion_count; i++) {
        struct completion completion = node->completions[i];
        run_completion(node, &completion);
    }
    node->completion_count = 0;
    buffer_clear(&node->completion_bytes);
}

void client_sessions_tick(struct node *node)
{
    uint64_t id;
    while (deadline_heap_take(&node->client_timers, node->now.mono_us, &id)) {
        struct client *client = find_client(node, id);
        if (client == NULL)
            continue;
        client->timer_us = UINT64_MAX;
        if (session_deadline_us(client->session) <= node->now.mono_us)
            session_tick(client->session, node->now, &node->session_output);
        carry_out(node, client);
    }
}

bool client_wake(struct node *node, connection_id id)
{
    struct client *client = find_client(node, id);
    if (client == NULL)
        return false;
    session_wake(client->session);
    deadline_heap_add(&node->client_timers, node->now.mono_us, id);
    return true;
}

void client_send(void *context, connection_id id, struct slice bytes)
{
    struct node *node = context;
    effects_add_bytes(node->out, EFFECT_CLIENT_SEND, bytes)->connection = id;
    node->statistics.client_bytes_out += bytes.length;
}

void client_close_later(struct node *node, connection_id id)
{
    struct client *client = find_client(node, id);
    if (client != NULL)
        client->doomed = node->any_doomed = true;
}

void client_sessions_close_doomed(struct node *node)
{
    struct client *client, *next;
    if (!node->any_doomed)
        return;
    node->any_doomed = false;
    HASH_ITER(hh, node->clients, client, next)
    {
        if (!client->doomed)
            continue;
        effects_add(node->out, EFFECT_CLIENT_CLOSE)->connection = client->id;
        remove_client(node, client);
    }
}

void client_sessions_free(struct node *node)
{
    struct client *client, *next;
    HASH_ITER(hh, node->clients, client, next)
    remove_client(node, client);
}
