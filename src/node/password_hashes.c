/*
 * password_hashes.c - slow hashes that sessions wait for, while the host makes them.
 *
 * Who asks for what is being made already waits for the same result: a pool of a hundred
 * connections that logs in at once costs one hash. So there are more slots than jobs. A slot is
 * taken until its session has taken the result; that of a job, also when its client goes, until the
 * host is done with it. So no more than PASSWORD_JOBS_MAX are ever at the host.
 */
#include <string.h>

#include "node/node_state.h"

static struct password_slot *find_slot(struct node *node, uint64_t ticket)
{
    for (unsigned i = 0; i < PASSWORD_WAITERS_MAX; i++)
        if (node->passwords.slots[i].ticket == ticket)
            return &node->passwords.slots[i];
    return NULL;
}

/* The job under way that makes the same; 0: there is none. `count`: of all under way. */
static uint64_t find_job(const struct node *node, const struct password_job *wanted,
                         unsigned *count)
{
    uint64_t found = 0;
    *count = 0;
    for (unsigned i = 0; i < PASSWORD_WAITERS_MAX; i++) {
        const struct password_slot *slot = &node->passwords.slots[i];
        if (slot->ticket == 0 || slot->is_over || slot->job != slot->ticket)
            continue;
        ++*count;
        if (slot->asked.cost == wanted->cost &&
            memcmp(slot->asked.salt, wanted->salt, sizeof wanted->salt) == 0 &&
            memcmp(slot->asked.digest, wanted->digest, sizeof wanted->digest) == 0)
            found = slot->job;
    }
    return found;
}

uint64_t password_hash_start(void *context, connection_id id, uint8_t cost, const uint8_t *salt,
                             const uint8_t *digest)
{
    struct node *node = context;
    struct password_slot *slot = find_slot(node, 0);
    struct password_job job = {.cost = cost};
    unsigned count;
    memcpy(job.salt, salt, sizeof job.salt);
    memcpy(job.digest, digest, sizeof job.digest);
    uint64_t same = find_job(node, &job, &count);
    if (slot == NULL || (same == 0 && count == PASSWORD_JOBS_MAX))
        return 0;
    job.ticket = ++node->passwords.last_ticket;
    *slot = (struct password_slot){
        .ticket = job.ticket, .job = same != 0 ? same : job.ticket, .connection = id, .asked = job};
    if (same == 0) {
        struct buffer bytes = {0};
        password_job_encode(&job, &bytes);
        effects_add_bytes(node->out, EFFECT_PASSWORD_HASH, buffer_slice(&bytes));
        buffer_deinit(&bytes);
    }
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

static void take_result(struct node *node, const struct password_result *result)
{
    for (unsigned i = 0; i < PASSWORD_WAITERS_MAX; i++) {
        struct password_slot *slot = &node->passwords.slots[i];
        if (slot->ticket == 0 || slot->job != result->ticket || slot->is_over)
            continue;
        slot->is_over = true;
        slot->status = result->status;
        memcpy(slot->hash, result->hash, sizeof slot->hash);
        if (!client_wake(node, slot->connection))
            *slot = (struct password_slot){0};
    }
}

void password_hashes_take(struct node *node, struct slice results)
{
    struct reader reader = reader_make(results);
    while (reader_left(&reader) > 0) {
        struct password_result result;
        password_result_decode(&reader, &result);
        if (reader.failed)
            return;
        take_result(node, &result);
    }
}

void password_hashes_forget(struct node *node, connection_id id)
{
    for (unsigned i = 0; i < PASSWORD_WAITERS_MAX; i++) {
        struct password_slot *slot = &node->passwords.slots[i];
        if (slot->connection == id && (slot->is_over || slot->job != slot->ticket))
            *slot = (struct password_slot){0};
    }
}
