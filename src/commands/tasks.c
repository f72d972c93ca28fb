/*
 * tasks.c - RING.TASKS: plans that were committed, how far they are and what they wait for.
 * The replies are described in task_reply.h.
 */
#include <inttypes.h>
#include <stdio.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/environment.h"
#include "commands/help.h"
#include "commands/server_version.h"
#include "commands/task_reply.h"

/* Why it does not end now. */
struct stop {
    struct ring_wait wait;
    bool is_known;
    bool is_over;
};

static struct stop stop_of(struct call *call, const struct register_value *value,
                           const struct plan_task *task)
{
    const struct environment *environment = call_environment(call);
    const struct ring *ring = value->ring;
    struct stop stop = {.is_over = plan_task_is_over(task)};
    if (stop.is_over || environment->plan_wait == NULL)
        return stop;
    stop.is_known = environment->plan_end_wait(environment->node, &stop.wait);
    for (uint32_t i = 0; stop.is_known && i < ring->transition_count; i++) {
        struct ring_wait wait;
        partition_id partition = ring->transitions[i].partition;
        stop.is_known = environment->plan_wait(environment->node, partition, &wait);
        /* Whoever is silent needs help; data that is on its way needs time. */
        if (stop.is_known && (stop.wait.kind == RING_WAIT_NOTHING || wait.kind == RING_WAIT_SILENT))
            stop.wait = wait;
    }
    if (value->work.paused && value->work.target_count > 0 && ring->transition_count == 0)
        stop = (struct stop){.wait = {.kind = RING_WAIT_PAUSED}, .is_known = true};
    return stop;
}

static void write_number(struct resp_writer writer, const char *name, uint64_t number)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_integer(writer, (int64_t)number);
}

static void write_text(struct resp_writer writer, const char *name, const char *text)
{
    resp_writer_bulk(writer, slice_text(name));
    resp_writer_bulk(writer, slice_text(text));
}

static const char *state_of(const struct register_value *value, const struct plan_task *task)
{
    switch ((enum plan_task_state)task->state) {
    case PLAN_TASK_RUNNING:
        break;
    case PLAN_TASK_ABORTING:
        return "aborting";
    case PLAN_TASK_FINISHED:
        return "finished";
    case PLAN_TASK_ABORTED:
        return "aborted";
    }
    return value->work.paused ? "paused" : "running";
}

static void write_progress(struct resp_writer writer, const struct register_value *value,
                           const struct plan_task *task)
{
    bool over = plan_task_is_over(task);
    uint32_t waiting = over ? 0 : value->work.target_count;
    uint32_t moving = over ? 0 : value->ring->transition_count;
    uint32_t open = waiting + moving + task->given_up;
    uint32_t done = task->partitions > open ? task->partitions - open : 0;
    write_number(writer, "partitions", task->partitions);
    write_number(writer, "waiting", waiting);
    write_number(writer, "moving", moving);
    write_number(writer, "given_up", task->given_up);
    write_number(writer, "done", done);
    write_number(writer, "percent",
                 over || task->partitions == 0
                     ? 100
                     : (uint64_t)(done + task->given_up) * 100 / task->partitions);
}

static void write_stop(struct resp_writer writer, const struct stop *stop)
{
    struct buffer reason = {0};
    char unblock[64] = "";
    if (!stop->is_over && !stop->is_known)
        buffer_printf(&reason, "not known at this node");
    else
        ring_wait_print(stop->wait, &reason);
    if (stop->wait.kind == RING_WAIT_PAUSED)
        snprintf(unblock, sizeof unblock, "ringctl cluster resume");
    else if (stop->wait.kind == RING_WAIT_SILENT)
        snprintf(unblock, sizeof unblock,
                 "start node %" PRIu32 ", or ringctl cluster lost %" PRIu32, stop->wait.node,
                 stop->wait.node);
    write_number(writer, "waits_for", stop->wait.node);
    resp_writer_bulk(writer, slice_text("reason"));
    resp_writer_bulk(writer, buffer_slice(&reason));
    write_text(writer, "unblock", unblock);
    buffer_deinit(&reason);
}

static void write_task(struct call *call, const struct register_value *value,
                       const struct plan_task *task)
{
    struct resp_writer writer = call_writer(call);
    struct stop stop = stop_of(call, value, task);
    char id[17];
    snprintf(id, sizeof id, "%016" PRIx64, task->id);
    resp_writer_map(writer, 18);
    write_text(writer, "id", id);
    write_text(writer, "kind", "plan");
    write_text(writer, "state", state_of(value, task));
    write_number(writer, "node", task->node);
    write_text(writer, "user", task->user);
    write_number(writer, "started_ms", task->started_ms);
    write_number(writer, "ended_ms", task->ended_ms);
    write_progress(writer, value, task);
    write_number(writer, "joins", task->joins);
    write_number(writer, "leaves", task->leaves);
    write_stop(writer, &stop);
}

/* Changes of the register forget old ones; between changes it is done by not showing them. */
static bool is_kept(const struct plan_task *task, uint64_t now_ms)
{
    return !plan_task_is_over(task) || now_ms < task->ended_ms ||
           now_ms - task->ended_ms <= PLAN_TASK_KEPT_MS;
}

static void start_list(struct call *call)
{
    struct register_value *value = task_register(call);
    uint64_t now_ms = call_now(call).wall_ms;
    uint32_t count = 0;
    if (value == NULL)
        return;
    for (uint8_t i = 0; i < value->tasks.count; i++)
        count += is_kept(&value->tasks.items[i], now_ms);
    resp_writer_array(call_writer(call), count);
    for (uint8_t i = value->tasks.count; i > 0; i--)
        if (is_kept(&value->tasks.items[i - 1], now_ms))
            write_task(call, value, &value->tasks.items[i - 1]);
    register_value_free(value);
    call_finish(call);
}

static void start_show(struct call *call)
{
    uint64_t id;
    if (!task_id_take(call, 2, &id))
        return;
    struct register_value *value = task_register(call);
    if (value == NULL)
        return;
    const struct plan_task *task = plan_tasks_find(&value->tasks, id);
    if (task != NULL && is_kept(task, call_now(call).wall_ms)) {
        write_task(call, value, task);
        call_finish(call);
    } else {
        call_reply_error(call, "ERR no task %016" PRIx64 " is kept", id);
    }
    register_value_free(value);
}

static const struct command subcommands[] = {
    HELP_ROW("ring.tasks", RINGDB_SINCE_FIRST, 0),
    {
        .name = "list",
        .container = "ring.tasks",
        .group = "server",
        .since = RINGDB_SINCE_FIRST,
        .summary = "Committed plans of the last seven days, the newest first: how far they are, "
                   "and why they do not end now.",
        .complexity = "O(N) in the size of the ring.",
        .syntax = "",
        .tips = "nondeterministic_output",
        .arity = 2,
        .access = ACCESS_ALONE,
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
        .start = start_list,
    },
    {
        .name = "show",
        .container = "ring.tasks",
        .group = "server",
        .since = RINGDB_SINCE_FIRST,
        .summary = "One of them.",
        .complexity = "O(N) in the size of the ring.",
        .syntax = "plan-id",
        .tips = "nondeterministic_output",
        .arity = 3,
        .access = ACCESS_ALONE,
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE,
        .start = start_show,
    },
    {0},
};

const struct command command_ring_tasks = {
    .name = "ring.tasks",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Shows what takes long: committed plans, and how far they are.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = subcommands,
};
