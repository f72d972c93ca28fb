/*
 * password_hashes.c - slow hashes that sessions wait for, while the host makes them.
 *
 * A slot is taken from the job's effect to the moment its session has taken the result, so no more
 * than PASSWORD_JOBS_MAX are ever at the host. When the client goes first, its slot stays taken
 * until the host is done with the job: a result finds its slot, or nobody waits for it.
 */
#include <string.h>

#include "node/node_state.h"

static struct password_slot *find_slot(struct node *node, uint64_t ticket)
{
    for (unsigned i = 0; i < PASSWORD_JOBS_MAX; i++)
        if (node->passwords.slots[i].ticket == ticket)
            return &node->passwords.slots[i];
    return NULL;
}

uint64_t password_hash_start(void *context, connection_id id, uint8_t cost, const uint8_t *salt,
                             const uint8_t *digest)
{
    struct node *node = context;
    struct password_slot *slot = find_slot(node, 0);
    struct buffer bytes = {0};
    if (slot == NULL)
        return 0;
    struct password_job job = {.ticket = ++node->passwords.last_ticket, .cost = cost};
    memcpy(job.salt, salt, sizeof job.salt);
    memcpy(job.digest, digest, sizeof job.digest);
    *slot = (struct password_slot){.ticket = job.ticket, .connection = id};
    password_job_encode(&job, &bytes);
    effects_add_bytes(node->out, EFFECT_PASSWORD_HASH, buffer_slice(&bytes));
    buffer_deinit(&bytes);
    return job.ticket;
}

enum status password_hash_take(void *context, uint64_t ticket, uint8_t *out)
{
    struct password_slot *slot = find_slot(context, ticket);
    if (!slot->is_over)
        return STATUS_NOT_READY;
    enum status status = slot->status;
    memcpy(out, slot->hash, sizeof slot->hash);
    *slot = (struct password_slot){0};
    return status;
}

void password_hashes_take(struct node *node, struct slice results)
{
    struct reader reader = reader_make(results);
    while (reader_left(&reader) > 0) {
        struct password_result result;
        password_result_decode(&reader, &result);
        if (reader.failed)
            break;
        struct password_slot *slot = find_slot(node, result.ticket);
        if (result.ticket == 0 || slot == NULL || slot->is_over)
            continue;
        slot->is_over = true;
        slot->status = result.status;
        memcpy(slot->hash, result.hash, sizeof slot->hash);
        if (!client_wake(node, slot->connection))
            *slot = (struct password_slot){0};
    }
}

void password_hashes_forget(struct node *node, connection_id id)
{
    for (unsigned i = 0; i < PASSWORD_JOBS_MAX; i++) {
        struct password_slot *slot = &node->passwords.slots[i];
        if (slot->is_over && slot->connection == id)
            *slot = (struct password_slot){0};
    }
}
