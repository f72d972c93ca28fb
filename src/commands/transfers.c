/*
 * transfers.c - RING.TRANSFERS: partitions on their way to other owners, and those that wait.
 * The reply is described in task_reply.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/environment.h"
#include "commands/server_version.h"
#include "commands/task_reply.h"
#include "ring/transition.h"

enum { ROW_FIELDS = 8 };

struct transfer {
    partition_id partition;
    node_id source, target;
    const char *phase, *state;
    struct ring_wait wait;
    bool is_known;
};

static bool is_in(const struct ring *ring, const node_id *row, node_id node)
{
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (row[i] == node)
            return true;
    return false;
}

/* The owner that goes for owner `place` of the new row: the first of its region not yet taken. */
static node_id source_of(const struct ring *ring, const node_id *old, const node_id *new,
                         uint8_t place)
{
    uint8_t region = ring_member(ring, new[place])->region, earlier = 0;
    for (uint8_t i = 0; i < place; i++)
        earlier = (uint8_t)(earlier + (!is_in(ring, old, new[i]) &&
                                       ring_member(ring, new[i])->region == region));
    for (uint8_t i = 0; i < ring->owner_count; i++)
        if (!is_in(ring, new, old[i]) && ring_member(ring, old[i])->region == region &&
            earlier-- == 0)
            return old[i];
    return 0;
}

static void write_transfer(struct call *call, const struct register_value *value,
                           const struct transfer *transfer)
{
    struct resp_writer writer = call_writer(call);
    struct buffer reason = {0};
    char task[17] = "";
    if (value->work.plan_id != 0)
        snprintf(task, sizeof task, "%016" PRIx64, value->work.plan_id);
    if (transfer->is_known)
        ring_wait_print(transfer->wait, &reason);
    else
        buffer_printf(&reason, "not known at this node");
    resp_writer_map(writer, ROW_FIELDS);
    resp_writer_bulk(writer, slice_text("partition"));
    resp_writer_integer(writer, transfer->partition);
    resp_writer_bulk(writer, slice_text("source"));
    resp_writer_integer(writer, transfer->source);
    resp_writer_bulk(writer, slice_text("target"));
    resp_writer_integer(writer, transfer->target);
    resp_writer_bulk(writer, slice_text("task"));
    resp_writer_bulk(writer, slice_text(task));
    resp_writer_bulk(writer, slice_text("phase"));
    resp_writer_bulk(writer, slice_text(transfer->phase));
    resp_writer_bulk(writer, slice_text("state"));
    resp_writer_bulk(writer, slice_text(transfer->state));
    resp_writer_bulk(writer, slice_text("waits_for"));
    resp_writer_integer(writer, transfer->is_known ? transfer->wait.node : 0);
    resp_writer_bulk(writer, slice_text("reason"));
    resp_writer_bulk(writer, buffer_slice(&reason));
    buffer_deinit(&reason);
}

/* Of one partition, from one row of owners to another. */
static void write_row(struct call *call, const struct register_value *value, const node_id *new,
                      struct transfer *transfer)
{
    const struct ring *ring = value->ring;
    const node_id *old = ring_owners(ring, transfer->partition);
    for (uint8_t i = 0; i < ring->owner_count; i++) {
        if (is_in(ring, old, new[i]))
            continue;
        transfer->target = new[i];
        transfer->source = source_of(ring, old, new, i);
        write_transfer(call, value, transfer);
    }
}

static uint32_t count_row(const struct ring *ring, partition_id partition, const node_id *new)
{
    const node_id *old = ring_owners(ring, partition);
    uint32_t count = 0;
    for (uint8_t i = 0; i < ring->owner_count; i++)
        count += !is_in(ring, old, new[i]);
    return count;
}

/* A reply begins with how many there are; making each row costs more than counting it. */
static uint32_t count_all(const struct register_value *value)
{
    const struct ring *ring = value->ring;
    uint32_t count = 0;
    for (uint32_t i = 0; i < ring->transition_count; i++)
        count += count_row(ring, ring->transitions[i].partition, ring->transitions[i].owners);
    for (uint32_t i = 0; i < value->work.target_count; i++)
        count += count_row(ring, value->work.targets[i].partition, value->work.targets[i].owners);
    return count;
}

/* Whoever waits for data is still being sent some. */
static const char *state_of(const struct transfer *transfer)
{
    bool filled = transfer->is_known && transfer->wait.kind != RING_WAIT_INCOMPLETE &&
                  transfer->wait.kind != RING_WAIT_SILENT;
    return filled ? "done" : "running";
}

static void write_all(struct call *call, const struct environment *environment,
                      const struct register_value *value)
{
    const struct ring *ring = value->ring;
    for (uint32_t i = 0; i < ring->transition_count; i++) {
        const struct ring_transition *transition = &ring->transitions[i];
        struct transfer transfer = {.partition = transition->partition};
        transfer.is_known =
            environment->plan_wait != NULL &&
            environment->plan_wait(environment->node, transition->partition, &transfer.wait);
        transfer.phase = transition->phase == RING_JOINT ? "joint" : "switched";
        transfer.state = state_of(&transfer);
        write_row(call, value, transition->owners, &transfer);
    }
    for (uint32_t i = 0; i < value->work.target_count; i++) {
        const struct ring_target *target = &value->work.targets[i];
        struct transfer transfer = {.partition = target->partition,
                                    .phase = "stable",
                                    .state = "waiting",
                                    .wait = ring_wait_to_begin(ring, &value->work, target),
                                    .is_known = true};
        write_row(call, value, target->owners, &transfer);
    }
}

static void start_transfers(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct register_value *value = task_register(call);
    if (value == NULL)
        return;
    resp_writer_array(call_writer(call), count_all(value));
    write_all(call, environment, value);
    register_value_free(value);
    call_finish(call);
}

const struct command command_ring_transfers = {
    .name = "ring.transfers",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Partitions that get other owners by a committed plan: whence, whither, and what "
               "each waits for.",
    .complexity = "O(N) in the number of partitions that move or wait, and the size of the ring.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .access = ACCESS_ALONE,
    .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
    .start = start_transfers,
};
