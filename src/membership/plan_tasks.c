#include "membership/plan_tasks.h"

#include <assert.h>
#include <string.h>

struct plan_task *plan_tasks_running(struct plan_tasks *tasks)
{
    struct plan_task *last = tasks->count == 0 ? NULL : &tasks->items[tasks->count - 1];
    return last == NULL || plan_task_is_over(last) ? NULL : last;
}

const struct plan_task *plan_tasks_find(const struct plan_tasks *tasks, uint64_t id)
{
    for (uint8_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].id == id)
            return &tasks->items[i];
    return NULL;
}

static void drop_at(struct plan_tasks *tasks, uint8_t at)
{
    tasks->count--;
    memmove(&tasks->items[at], &tasks->items[at + 1],
            (size_t)(tasks->count - at) * sizeof tasks->items[0]);
    memset(&tasks->items[tasks->count], 0, sizeof tasks->items[0]);
}

/* A clock that went back forgets nothing. */
static void drop_old(struct plan_tasks *tasks, uint64_t now_ms)
{
    for (uint8_t i = tasks->count; i > 0; i--) {
        const struct plan_task *task = &tasks->items[i - 1];
        if (plan_task_is_over(task) && now_ms > task->ended_ms &&
            now_ms - task->ended_ms > PLAN_TASK_KEPT_MS)
            drop_at(tasks, (uint8_t)(i - 1));
    }
}

void plan_tasks_begin(struct plan_tasks *tasks, const struct plan_task *task)
{
    assert(plan_tasks_running(tasks) == NULL && task->id != 0 && !plan_task_is_over(task));
    drop_old(tasks, task->started_ms);
    const struct plan_task *same = plan_tasks_find(tasks, task->id);
    if (same != NULL)
        drop_at(tasks, (uint8_t)(same - tasks->items));
    else if (tasks->count == PLAN_TASKS_MAX)
        drop_at(tasks, 0);
    tasks->items[tasks->count++] = *task;
}

void plan_tasks_end(struct plan_tasks *tasks, uint64_t now_ms)
{
    struct plan_task *task = plan_tasks_running(tasks);
    assert(task != NULL);
    task->state = task->state == PLAN_TASK_ABORTING ? PLAN_TASK_ABORTED : PLAN_TASK_FINISHED;
    /* 0 would say that it is not over; an end before the start would be no end. */
    task->ended_ms = now_ms > task->started_ms ? now_ms : task->started_ms;
    if (task->ended_ms == 0)
        task->ended_ms = 1;
    drop_old(tasks, now_ms);
}

/* ---- bytes ---- */

void plan_tasks_encode(const struct plan_tasks *tasks, struct buffer *out)
{
    for (uint8_t i = 0; i < tasks->count; i++) {
        const struct plan_task *task = &tasks->items[i];
        buffer_put_u64(out, task->id);
        buffer_put_u8(out, task->state);
        buffer_put_varint(out, task->node);
        buffer_put_bytes(out, slice_text(task->user));
        buffer_put_varint(out, task->started_ms);
        buffer_put_varint(out, task->ended_ms);
        buffer_put_varint(out, task->partitions);
        buffer_put_varint(out, task->given_up);
        buffer_put_varint(out, task->joins);
        buffer_put_varint(out, task->leaves);
    }
}

static void read_task(struct reader *reader, struct plan_task *out)
{
    *out = (struct plan_task){.id = reader_u64(reader), .state = reader_u8(reader)};
    out->node = (node_id)reader_varint_max(reader, UINT32_MAX);
    struct slice user = reader_bytes(reader);
    if (user.length > USER_NAME_BYTES_MAX)
        reader->failed = true;
    else if (!reader->failed && user.length > 0)
        memcpy(out->user, user.data, user.length);
    if (strlen(out->user) != user.length)
        reader->failed = true;
    out->started_ms = reader_varint(reader);
    out->ended_ms = reader_varint(reader);
    out->partitions = (uint32_t)reader_varint_max(reader, PARTITION_COUNT_MAX);
    out->given_up = (uint32_t)reader_varint_max(reader, out->partitions);
    out->joins = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    out->leaves = (uint16_t)reader_varint_max(reader, UINT16_MAX);
    if (out->id == 0 || out->state < PLAN_TASK_RUNNING || out->state > PLAN_TASK_ABORTED ||
        plan_task_is_over(out) != (out->ended_ms != 0))
        reader->failed = true;
}

enum status plan_tasks_decode(struct slice bytes, struct plan_tasks *out)
{
    struct reader reader = reader_make(bytes);
    *out = (struct plan_tasks){0};
    while (!reader.failed && reader_left(&reader) > 0) {
        struct plan_task task;
        read_task(&reader, &task);
        if (out->count == PLAN_TASKS_MAX || plan_tasks_running(out) != NULL ||
            plan_tasks_find(out, task.id) != NULL)
            reader.failed = true;
        if (!reader.failed)
            out->items[out->count++] = task;
    }
    if (!reader.failed && out->count > 0)
        return STATUS_OK;
    *out = (struct plan_tasks){0};
    return STATUS_CORRUPT;
}
