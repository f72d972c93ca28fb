#include "sim/store_thread.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "sim/gray_slow.h"
#include "sim/machine.h"
#include "sim/oracle.h"
#include "sim/script_trap.h"
#include "sim/silent_loss.h"
#include "sim/spread.h"
#include "sim/world.h"
#include "wire/frame.h"
#include "wire/message_hint.h"
#include "wire/message_expiry.h"
#include "wire/message_garbage.h"
#include "wire/message_partition.h"

enum { HAND_OVER_US = 30, REOPEN_TAIL_US = 300000, OPEN_ATTEMPTS_MAX = 5 };

static void schedule(struct machine *machine, uint64_t delay_us, enum occurrence_kind kind)
{
    world_after(
        machine->world, delay_us,
        &(struct occurrence){.kind = kind, .machine = machine->index, .life = machine->life});
}

static void hand_over(struct machine *machine, const struct buffer *frames)
{
    if (frames->length > 0 && machine->state == MACHINE_UP)
        machine_event_after(machine, 1 + random_below(&machine->random, HAND_OVER_US),
                            EVENT_STORE_FRAMES, 0, 0, buffer_slice(frames));
}

static void schedule_group(struct machine *machine)
{
    if (machine->queue_count == 0 || machine->group_waiting || machine->syncing ||
        !machine->opened || machine->state != MACHINE_UP)
        return;
    machine->group_waiting = true;
    schedule(machine, 1 + random_below(&machine->random, HAND_OVER_US), AT_STORE_GROUP);
}

static void mark_hints(struct machine *machine, const struct message_hint_counts *counts)
{
    uint64_t *marks = machine->world->marks->counts;
    marks[MARK_HINT_STORED] += counts->stored;
    marks[MARK_HINT_MERGED] += counts->merged;
    marks[MARK_HINT_REPEATED] += counts->repeated;
    marks[MARK_HINT_REFUSED] += counts->refused;
}

static void mark_whole(struct machine *machine, const struct frame *frame)
{
    struct message_partition_applied applied;
    struct message_partition_page page;
    if (frame->type == MESSAGE_PARTITION_APPLIED &&
        message_partition_applied_decode(frame->body, &applied) == STATUS_OK && applied.done)
        marks_hit(machine->world->marks, MARK_PARTITION_SENT_WHOLE);
    if (frame->type == MESSAGE_PARTITION_PAGE &&
        message_partition_page_decode(frame->body, &page) == STATUS_OK && page.request_count > 0)
        marks_hit(machine->world->marks, MARK_REQUESTS_SENT_WHOLE);
}

/* What the loop side learns about its replicas is also how the world knows who is whole. */
static void note_replica_states(struct machine *machine, struct slice frames)
{
    struct frame frame;
    struct message_replica_state state;
    struct message_hint_counts counts;
    struct message_garbage garbage;
    struct message_expiry_state expiry;
    size_t used;
    while (frames.length > 0 && frame_open(frames, &frame, &used) == STATUS_OK) {
        if (frame.type == MESSAGE_REPLICA_STATE &&
            message_replica_state_decode(frame.body, &state) == STATUS_OK) {
            if (state.state == REPLICA_ACTIVE &&
                machine->replica_states[state.partition] == REPLICA_REBUILDING)
                marks_hit(machine->world->marks, MARK_REBUILT);
            machine->replica_states[state.partition] = state.state;
        }
        if (frame.type == MESSAGE_HINT_COUNTS &&
            message_hint_counts_decode(frame.body, &counts) == STATUS_OK)
            mark_hints(machine, &counts);
        mark_whole(machine, &frame);
        if (frame.type == MESSAGE_GARBAGE &&
            message_garbage_decode(frame.body, &garbage) == STATUS_OK && garbage.holder_count > 0)
            marks_hit(machine->world->marks, MARK_PURGE_HELD_BACK);
        if (frame.type == MESSAGE_EXPIRY_STATE &&
            message_expiry_state_decode(frame.body, &expiry) == STATUS_OK &&
            expiry.holder_count > 0)
            marks_hit(machine->world->marks, MARK_SAFE_TIME_HELD_BACK);
        frames = slice_make(frames.data + used, frames.length - used);
    }
}

static uint64_t sync_time_us(struct machine *machine)
{
    const struct plan *plan = &machine->world->plan;
    uint64_t time_us = plan->sync_us + spread_tail(&machine->random, plan->sync_tail_us);
    if (machine->slow_factor > 0)
        time_us *= machine->slow_factor;
    if (machine->stall_us > 0)
        time_us += random_below(&machine->random, machine->stall_us);
    return time_us;
}

static void close_side(struct machine *machine)
{
    store_output_clear(&machine->output);
    store_side_close(machine->side, &machine->output);
    oracle_batch(machine->world->oracle, machine, buffer_slice(&machine->output.batch));
    image_write(&machine->image, buffer_slice(&machine->output.batch), false);
    schedule(machine, sync_time_us(machine), AT_STORE_CLOSED);
}

/* The batch is where it has to be: what waited for it may leave. */
static void finish_group(struct machine *machine)
{
    struct store_output *output = &machine->output;
    store_side_committed(machine->side, machine_now(machine), output);
    note_replica_states(machine, buffer_slice(&output->late));
    silent_loss_note_frames(machine, buffer_slice(&output->late));
    hand_over(machine, &output->late);
    store_output_clear(output);
    if (machine->state == MACHINE_STOPPING)
        close_side(machine);
    else
        schedule_group(machine);
}

/* The store side must be opened again; of the batch, `kept` says whether it is in the database. */
static void give_up_group(struct machine *machine, bool kept)
{
    image_crash(&machine->image, kept ? machine->image.unsynced_count : 0);
    store_side_failed(machine->side);
    store_output_clear(&machine->output);
    machine->opened = false;
    machine->image.closed = true;
    schedule(machine, 1000 + random_below(&machine->random, REOPEN_TAIL_US), AT_STORE_REOPEN);
}

/* Damage that a handler met: the process is not to go on with this store. */
static bool is_damaged(struct machine *machine)
{
    if (!machine->image.damaged)
        return false;
    machine_quarantine_later(machine, 0, slice_text("a record fails its checksum"));
    return true;
}

/* Everything of the group is known: start its sync, or end it when nothing is to be written. */
static void commit_group(struct machine *machine)
{
    struct world *world = machine->world;
    struct store_output *output = &machine->output;
    note_replica_states(machine, buffer_slice(&output->early));
    oracle_batch(world->oracle, machine, buffer_slice(&output->batch));
    world_trace(world, machine->id, buffer_slice(&output->batch));
    hand_over(machine, &output->early);
    if (is_damaged(machine)) {
        store_output_clear(output);
        store_side_failed(machine->side);
        machine->opened = false;
        return;
    }
    if (output->discard) {
        marks_hit(world->marks, MARK_GROUP_DISCARDED);
        give_up_group(machine, false);
        return;
    }
    bool promise_early = world->mutant == MUTANT_ACK_BEFORE_SYNC;
    if (output->batch.length > 0) {
        image_write(&machine->image, buffer_slice(&output->batch), promise_early);
        trap_written(machine, buffer_slice(&output->batch));
        machine->syncing = !promise_early;
        schedule(machine, sync_time_us(machine), AT_STORE_SYNCED);
    }
    if (output->batch.length == 0 || promise_early)
        finish_group(machine);
}

static void open_side(struct machine *machine)
{
    image_crash(&machine->image, 0);
    machine->image.closed = false;
    store_output_clear(&machine->output);
    enum status status = store_side_open(machine->side, machine->boot_epoch, &machine->output);
    if (status == STATUS_OK) {
        machine->opened = true;
        machine->opens_failed = 0;
        silent_loss_check_trees(machine->world, machine);
        commit_group(machine);
        return;
    }
    marks_hit(machine->world->marks, MARK_OPEN_FAILED);
    store_output_clear(&machine->output);
    if (is_damaged(machine))
        return;
    machine->opens_failed++;
    world_note(machine->world, "n%u could not open its store: %s", machine->id,
               status_name(status));
    if (status == STATUS_CORRUPT || machine->opens_failed > OPEN_ATTEMPTS_MAX) {
        if (machine->image.read_errors_ppm == 0)
            world_fail(machine->world, VERDICT_WRONG, "I10", "n%u cannot open its store: %s",
                       machine->id, status_name(status));
    }
    schedule(machine, 1000 + random_below(&machine->random, REOPEN_TAIL_US), AT_STORE_OPEN);
}

/* Whether a failed batch is in the database is known only after reopening it. */
static void write_failed(struct machine *machine)
{
    bool kept = random_chance(&machine->random, 1, 2);
    world_note(machine->world, "n%u write fails, batch %s", machine->id, kept ? "kept" : "lost");
    marks_hit(machine->world->marks, kept ? MARK_WRITE_ERROR_KEPT : MARK_WRITE_ERROR_LOST);
    give_up_group(machine, kept);
}

static void synced(struct machine *machine)
{
    bool ack_before_sync = machine->world->mutant == MUTANT_ACK_BEFORE_SYNC;
    if (machine->image.unsynced_count == 0)
        return; /* the mutant's sync, and the batch went another way since */
    if (!ack_before_sync && machine->write_errors_ppm > 0 &&
        random_chance(&machine->random, machine->write_errors_ppm, 1000000)) {
        machine->syncing = false;
        if (machine->world->mutant == MUTANT_GO_ON_AFTER_WRITE_ERROR) {
            image_crash(&machine->image, 0);
            finish_group(machine);
        } else {
            write_failed(machine);
        }
        return;
    }
    image_sync(&machine->image, 1);
    trap_synced(machine);
    machine->syncing = false;
    if (!ack_before_sync)
        finish_group(machine);
}

static void drop_frames(struct machine *machine, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buffer_deinit(&machine->queue[i]);
    machine->queue_count -= count;
    for (size_t i = 0; i < machine->queue_count; i++)
        machine->queue[i] = machine->queue[i + count];
}

static void handle_group(struct machine *machine)
{
    const struct plan *plan = &machine->world->plan;
    size_t limit = plan->settings.group_records_max;
    size_t count = 0;
    size_t bytes = 0;
    machine->group_waiting = false;
    if (plan->group_frames_max < limit)
        limit = plan->group_frames_max;
    limit = 1 + random_below(&machine->random, limit);
    store_output_clear(&machine->output);
    while (count < limit && count < machine->queue_count &&
           bytes < plan->settings.group_bytes_max) {
        const struct buffer *frame = &machine->queue[count++];
        bytes += frame->length;
        store_side_write(machine->side, buffer_slice(frame), machine_now(machine),
                         &machine->output);
    }
    if (count > 1)
        marks_hit(machine->world->marks, MARK_GROUP_OF_MANY);
    drop_frames(machine, count);
    commit_group(machine);
}

/* Without a draw, which would shift all later ones. */
static uint64_t life_of(const struct machine *machine)
{
    uint64_t parts[] = {machine->world->plan.seed, machine->index, machine->life};
    return hash64(slice_make(parts, sizeof parts), 0);
}

void store_thread_start(struct machine *machine, uint64_t delay_us)
{
    struct world *world = machine->world;
    machine->side = store_side_new(
        &(struct store_side_params){.self = machine->id,
                                    .storage_incarnation = machine->storage_incarnation,
                                    .boot_epoch = machine->boot_epoch,
                                    .life = life_of(machine),
                                    .ring = machine_first_ring(machine),
                                    .settings = &world->plan.settings,
                                    .port = &machine->port,
                                    .log = machine_log(machine)});
    machine->opened = false;
    machine->group_waiting = false;
    machine->syncing = false;
    machine->opens_failed = 0;
    machine->reads_waiting = 0;
    schedule(machine, 1 + delay_us, AT_STORE_OPEN);
}

static void refuse(struct machine *machine, struct slice bytes, enum mark mark)
{
    struct frame frame;
    struct buffer answer = {0};
    size_t used;
    enum status status = frame_open(bytes, &frame, &used);
    assert(status == STATUS_OK);
    frame_finish(&answer, frame_start(&answer, MESSAGE_STORE_REFUSED, frame.request, 0));
    marks_hit(machine->world->marks, mark);
    machine_event_after(machine, 1, EVENT_STORE_FRAMES, 0, 0, buffer_slice(&answer));
    buffer_deinit(&answer);
}

void store_thread_write(struct machine *machine, struct slice frame)
{
    if (machine->queue_count >= machine->world->plan.settings.store_queue_max) {
        refuse(machine, frame, MARK_STORE_QUEUE_FULL);
        return;
    }
    if (machine->queue_count == machine->queue_capacity) {
        machine->queue_capacity = machine->queue_capacity * 2 + 16;
        machine->queue =
            memory_resize(machine->queue, machine->queue_capacity, sizeof *machine->queue);
    }
    struct buffer *copy = &machine->queue[machine->queue_count++];
    *copy = (struct buffer){0};
    buffer_append_slice(copy, frame);
    schedule_group(machine);
}

void store_thread_read(struct machine *machine, struct slice frame)
{
    const struct plan *plan = &machine->world->plan;
    if (machine->reads_waiting >= plan->settings.store_queue_max) {
        refuse(machine, frame, MARK_STORE_READS_FULL);
        return;
    }
    machine->reads_waiting++;
    struct occurrence what = {
        .kind = AT_STORE_READ, .machine = machine->index, .life = machine->life};
    uint64_t delay_us = 1 + spread_tail(&machine->random, plan->store_read_us);
    if (machine->slow_factor > 0)
        delay_us *= machine->slow_factor;
    gray_slow_reads(machine->world, machine, frame);
    if (machine->stall_us > 0 && random_chance(&machine->random, 1, 10))
        delay_us += random_below(&machine->random, machine->stall_us);
    buffer_append_slice(&what.bytes, frame);
    world_after(machine->world, delay_us, &what);
}

static void serve_read(struct machine *machine, struct slice frame)
{
    struct buffer replies = {0};
    machine->reads_waiting--;
    store_side_read(&machine->port, machine->world->ring, frame, machine_now(machine), &replies);
    is_damaged(machine);
    hand_over(machine, &replies);
    buffer_deinit(&replies);
}

static void forget_queue(struct machine *machine)
{
    drop_frames(machine, machine->queue_count);
    store_output_clear(&machine->output);
}

void store_thread_stop(struct machine *machine)
{
    drop_frames(machine, machine->queue_count);
    if (!machine->opened) {
        /* Nothing to close: the next start treats this end as unclean. */
        store_thread_crash(machine);
        machine->state = MACHINE_DOWN;
        machine->life++;
    } else if (!machine->syncing) {
        close_side(machine);
    }
}

static void closed(struct machine *machine)
{
    image_sync(&machine->image, machine->image.unsynced_count);
    store_side_free(machine->side);
    machine->side = NULL;
    forget_queue(machine);
    machine->opened = false;
    machine->clean = true;
    machine->state = MACHINE_DOWN;
    machine->life++;
    world_note(machine->world, "n%u has ended clean", machine->id);
}

void store_thread_crash(struct machine *machine)
{
    size_t unsynced = machine->image.unsynced_count;
    size_t keep = random_below(&machine->random, unsynced + 1);
    if (machine->crash_keeps != CRASH_KEEPS_SOME)
        keep = machine->crash_keeps == CRASH_KEEPS_ALL ? unsynced : 0;
    if (keep < unsynced)
        marks_hit(machine->world->marks, MARK_CRASH_LOST_BATCH);
    if (keep > 0)
        marks_hit(machine->world->marks, MARK_CRASH_KEPT_BATCH);
    image_crash(&machine->image, keep);
    machine->image.closed = false;
    store_side_free(machine->side);
    machine->side = NULL;
    machine->opened = false;
    forget_queue(machine);
}

void store_thread_handle(struct machine *machine, const struct occurrence *what)
{
    switch (what->kind) {
    case AT_STORE_REOPEN:
        machine->boot_epoch++;
        open_side(machine);
        break;
    case AT_STORE_OPEN:
        open_side(machine);
        break;
    case AT_STORE_GROUP:
        if (machine->state == MACHINE_UP && machine->opened)
            handle_group(machine);
        else
            machine->group_waiting = false;
        break;
    case AT_STORE_SYNCED:
        synced(machine);
        break;
    case AT_STORE_CLOSED:
        closed(machine);
        break;
    case AT_STORE_READ:
        if (machine->state == MACHINE_UP)
            serve_read(machine, buffer_slice(&what->bytes));
        break;
    default:
        assert(!"an occurrence of the store thread");
    }
}

void store_thread_deinit(struct machine *machine)
{
    store_side_free(machine->side);
    machine->side = NULL;
    forget_queue(machine);
    free(machine->queue);
    store_output_deinit(&machine->output);
}
