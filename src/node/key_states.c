/*
 * key_states.c - sessions that wait for what the own store side has of a key (RING.EXPLAIN).
 *
 * A slot is taken until its session has taken the answer, or is gone. The question may outlive it:
 * then its answer finds no slot and does nothing.
 */
#include <stdlib.h>

#include "node/node_state.h"
#include "wire/message_key_state.h"

static struct key_state_slot *find_slot(struct node *node, uint64_t ticket)
{
    for (unsigned i = 0; i < KEY_STATES_MAX; i++)
        if (node->key_states[i].ticket == ticket)
            return &node->key_states[i];
    return NULL;
}

static void free_slot(struct key_state_slot *slot)
{
    buffer_deinit(&slot->body);
    *slot = (struct key_state_slot){0};
}

uint64_t key_state_start(void *context, connection_id id, const struct message_key_state *question)
{
    struct node *node = context;
    struct buffer body = {0};
    struct key_state_slot *slot = find_slot(node, 0);
    if (slot == NULL)
        return 0;
    uint64_t deadline_us = node->now.mono_us + (uint64_t)node->settings.request_timeout_ms * 1000;
    struct pending *pending =
        pending_add(node, PENDING_KEY_STATE, &(struct origin){0}, deadline_us);
    *slot = (struct key_state_slot){.ticket = pending->id, .connection = id};
    message_key_state_encode(question, &body);
    node_send_store(node, MESSAGE_KEY_STATE, pending->id, deadline_us, buffer_slice(&body));
    buffer_deinit(&body);
    return slot->ticket;
}

enum status key_state_take(void *context, uint64_t ticket, struct buffer *body)
{
    struct key_state_slot *slot = find_slot(context, ticket);
    if (!slot->is_over)
        return STATUS_NOT_READY;
    enum status status = slot->status;
    buffer_append_slice(body, buffer_slice(&slot->body));
    free_slot(slot);
    return status;
}

void key_state_answered(struct node *node, struct pending *pending, enum status status,
                        struct slice body)
{
    struct key_state_slot *slot = find_slot(node, pending->id);
    pending_remove(node, pending);
    if (slot == NULL)
        return;
    slot->is_over = true;
    slot->status = status;
    buffer_append_slice(&slot->body, body);
    if (!client_wake(node, slot->connection))
        free_slot(slot);
}

void key_states_forget(struct node *node, connection_id id)
{
    for (unsigned i = 0; i < KEY_STATES_MAX; i++)
        if (node->key_states[i].ticket != 0 && node->key_states[i].connection == id)
            free_slot(&node->key_states[i]);
}

void key_states_deinit(struct node *node)
{
    for (unsigned i = 0; i < KEY_STATES_MAX; i++)
        free_slot(&node->key_states[i]);
}
