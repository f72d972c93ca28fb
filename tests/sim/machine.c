#include "sim/machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "membership/register_value.h"
#include "commands/environment.h"
#include "membership/register_change.h"
#include "ring/transition.h"
#include "sim/client.h"
#include "sim/contexts.h"
#include "sim/inside.h"
#include "sim/network.h"
#include "sim/oracle.h"
#include "sim/register_oracle.h"
#include "sim/script_client.h"
#include "sim/store_thread.h"
#include "sim/talk.h"
#include "sim/world.h"

enum { START_TAIL_US = 200000, MONO_BASE_US = 1000000 };

static void write_log(void *context, enum log_level level, const char *line)
{
    struct machine *machine = context;
    world_note(machine->world, "n%u %s %s", machine->id, log_level_name(level), line);
}

struct log_sink machine_log(struct machine *machine)
{
    struct log_sink sink = {.context = machine, .minimum = LOG_INFO};
    if (machine->world->trace != NULL)
        sink.write = write_log;
    return sink;
}

uint64_t machine_wall_ms(const struct machine *machine)
{
    const struct world *world = machine->world;
    int64_t drift_ms = (int64_t)(world->now_us / 1000) * machine->drift_ppm / 1000000;
    return world_true_ms(world) + (uint64_t)(machine->wall_offset_ms + drift_ms);
}

/* The adapter tells the node at its next turn, which in a new process is its first one. */
static void tell_condition(struct machine *machine)
{
    machine_loop_event(
        machine, &(struct event){.kind = EVENT_STORE_CONDITION, .status = machine->condition});
}

void machine_set_condition(struct machine *machine, enum status condition)
{
    machine->condition = condition;
    if (!machine->paused)
        tell_condition(machine);
}

/* Whether those that are up can still tell who is right. */
static void note_time(struct world *world)
{
    int64_t far_ms = (int64_t)world->plan.settings.max_clock_skew_ms / 2;
    unsigned far = 0, up = 0;
    for (uint32_t i = 0; i < plan_machines(&world->plan); i++) {
        const struct machine *machine = &world->machines[i];
        far += llabs(machine->wall_offset_ms) > far_ms;
        up += machine->state == MACHINE_UP && !machine->paused;
    }
    world->time_was_lost = world->time_was_lost || far > 1 || (far == 1 && up < 3);
}

void machine_set_clock(struct machine *machine, int64_t offset_ms)
{
    machine->wall_offset_ms = offset_ms;
    machine->world->clock_changed_at_us = machine->world->now_us;
    note_time(machine->world);
}

struct instant machine_now(struct machine *machine)
{
    struct world *world = machine->world;
    struct instant now = {.mono_us = MONO_BASE_US + world->now_us - machine->mono_lag_us,
                          .wall_ms = machine_wall_ms(machine)};
    if (now.wall_ms > world->wall_max_ms)
        world->wall_max_ms = now.wall_ms;
    int64_t ahead_ms = (int64_t)(now.wall_ms - world_true_ms(world));
    if (ahead_ms > world->ahead_max_ms)
        world->ahead_max_ms = ahead_ms;
    return now;
}

void machine_init(struct machine *machine, struct world *world, uint32_t index)
{
    const struct plan *plan = &world->plan;
    *machine = (struct machine){.world = world,
                                .index = index,
                                .id = index + 1,
                                .region = (uint8_t)(index % plan->region_count),
                                .storage_incarnation = 1,
                                .boot_epoch = 1,
                                .clean = true,
                                .timer_at_us = UINT64_MAX};
    machine->random = random_make(
        hash64_pair(slice_text("machine"), slice_make(&index, sizeof index), plan->seed));
    if (plan->clock_offset_ms > 0)
        machine->wall_offset_ms =
            (int64_t)random_below(&machine->random, 2 * (uint64_t)plan->clock_offset_ms + 1) -
            plan->clock_offset_ms;
    if (plan->clock_drift_ppm > 0)
        machine->drift_ppm =
            (int32_t)random_below(&machine->random, 2 * (uint64_t)plan->clock_drift_ppm + 1) -
            plan->clock_drift_ppm;
    image_init(&machine->image, random_u64(&machine->random));
    machine->port = image_port(&machine->image);
    machine->replica_states = memory_new(plan->partition_count, 1);
    machine->absent = index >= plan->first_count;
}

const struct ring *machine_first_ring(const struct machine *machine)
{
    return machine->first != NULL ? machine->first->ring : machine->world->first_ring;
}

static void drop_deferred(struct machine *machine)
{
    for (size_t i = 0; i < machine->deferred_count; i++)
        occurrence_free(machine->deferred[i]);
    machine->deferred_count = 0;
}

/* Which paths it took is known to itself alone. */
static void note_paths(struct machine *machine)
{
    const struct node_statistics *statistics = node_statistics(machine->loop);
    const struct {
        enum mark mark;
        uint64_t count;
    } paths[MACHINE_PATHS] = {
        {MARK_READ_SPECULATIVE, statistics->speculative_reads_sent},
        {MARK_READ_SPECULATIVE_WON, statistics->speculative_reads_won},
        {MARK_READ_SPECULATIVE_REFUSED, statistics->speculative_reads_refused},
        {MARK_READ_EXPLORING, statistics->exploring_reads_sent},
        {MARK_READ_RETRIED, statistics->read_retries_sent},
        {MARK_FORWARD_AROUND, statistics->requests_forwarded_around},
        {MARK_SLOPPY_READ, statistics->sloppy_reads},
        {MARK_HINT_READ, statistics->hints_read},
    };
    for (unsigned i = 0; i < MACHINE_PATHS; i++) {
        machine->world->marks->counts[paths[i].mark] += paths[i].count - machine->noted[i];
        machine->noted[i] = paths[i].count;
    }
}

static void free_loop(struct machine *machine)
{
    node_free(machine->loop);
    machine->loop = NULL;
    memset(machine->noted, 0, sizeof machine->noted);
}

void machine_deinit(struct machine *machine)
{
    machine->world->marks->counts[MARK_READ_ERROR] += machine->image.read_error_count;
    drop_deferred(machine);
    free(machine->deferred);
    free_loop(machine);
    store_thread_deinit(machine);
    image_deinit(&machine->image);
    disk_copy_deinit(&machine->copy);
    free(machine->replica_states);
    register_value_free(machine->first);
}

static void schedule_timer(struct machine *machine)
{
    struct world *world = machine->world;
    uint64_t deadline_us = node_deadline_us(machine->loop);
    if (deadline_us == UINT64_MAX) {
        machine->timer_at_us = UINT64_MAX;
        machine->timer_version++;
        return;
    }
    uint64_t at_us = deadline_us + machine->mono_lag_us - MONO_BASE_US;
    if (deadline_us + machine->mono_lag_us < MONO_BASE_US + world->now_us)
        at_us = world->now_us;
    if (at_us == machine->timer_at_us)
        return;
    machine->timer_at_us = at_us;
    world_after(world, at_us - world->now_us,
                &(struct occurrence){.kind = AT_LOOP_TICK,
                                     .machine = machine->index,
                                     .life = machine->life,
                                     .id = ++machine->timer_version});
}

/* The process stops serving at once, and a new store takes the place of this one. */
void machine_quarantine_later(struct machine *machine, uint16_t above, struct slice why)
{
    if (machine->quarantine_waiting)
        return;
    machine->quarantine_waiting = true;
    world_note(machine->world, "n%u must quarantine its store: %.*s", machine->id, (int)why.length,
               (const char *)why.data);
    world_after(machine->world, 1,
                &(struct occurrence){.kind = AT_STORE_QUARANTINE,
                                     .machine = machine->index,
                                     .life = machine->life,
                                     .id = above});
}

void machine_leave_later(struct machine *machine)
{
    world_after(machine->world, 1,
                &(struct occurrence){
                    .kind = AT_MACHINE_LEAVE, .machine = machine->index, .life = machine->life});
}

static void carry_out(struct machine *machine, const struct effects *effects)
{
    for (size_t i = 0; i < effects->count; i++) {
        const struct effect *effect = &effects->items[i];
        struct slice bytes = effect_bytes(effects, effect);
        switch (effect->kind) {
        case EFFECT_DIAL:
            network_dial(machine, effect->node);
            break;
        case EFFECT_LINK_SEND:
            register_oracle_sent(machine->world->register_oracle, machine, bytes);
            oracle_tags_sent(machine->world->oracle, machine, bytes);
            network_send(machine, effect->link, bytes);
            break;
        case EFFECT_LINK_CLOSE:
            network_close(machine, effect->link);
            break;
        case EFFECT_CLIENT_SEND:
            if (!talks_replied(machine, effect->connection, bytes) &&
                !script_client_replied(machine, effect->connection, bytes))
                client_set_replied(machine, effect->connection, bytes);
            break;
        case EFFECT_CLIENT_CLOSE:
            if (!talks_closed(machine, effect->connection) &&
                !script_client_closed(machine, effect->connection))
                client_set_closed(machine, effect->connection);
            break;
        case EFFECT_CLIENT_PAUSE:
        case EFFECT_CLIENT_RESUME:
            client_set_paused(machine, effect->connection, effect->kind == EFFECT_CLIENT_PAUSE);
            break;
        case EFFECT_STORE_WRITE:
            store_thread_write(machine, bytes);
            break;
        case EFFECT_STORE_READ:
            store_thread_read(machine, bytes);
            break;
        case EFFECT_STORE_QUARANTINE:
            machine_quarantine_later(machine, (uint16_t)effect->node, bytes);
            break;
        case EFFECT_LEAVE:
            machine_leave_later(machine);
            break;
        case EFFECT_PASSWORD_HASH:
            assert(!"nodes are made without passwords");
            break;
        }
    }
    network_flush(machine);
}

void machine_loop_event(struct machine *machine, const struct event *event)
{
    struct world *world = machine->world;
    struct effects effects = {0};
    struct event timed = *event;
    if (machine->loop == NULL)
        return;
    timed.now = machine_now(machine);
    node_step(machine->loop, &timed, &effects);
    note_paths(machine);
    world_trace(world, (uint64_t)machine->id << 32 | (uint64_t)event->kind << 16 | effects.count,
                event->bytes);
    world_trace(world, event->link ^ event->connection << 32, buffer_slice(&effects.bytes));
    carry_out(machine, &effects);
    effects_deinit(&effects);
    schedule_timer(machine);
}

void machine_change(struct machine *machine, const struct register_change *change)
{
    struct effects effects = {0};
    inside_change(machine->loop, machine_now(machine), change, &effects);
    world_trace(machine->world, machine->id, slice_make(change->words, change->words_length));
    carry_out(machine, &effects);
    effects_deinit(&effects);
    machine_loop_event(machine, &(struct event){.kind = EVENT_TICK});
}

void machine_event_after(struct machine *machine, uint64_t delay_us, enum event_kind kind,
                         node_id node, uint64_t id, struct slice bytes)
{
    struct occurrence what = {.kind = AT_LOOP_EVENT,
                              .machine = machine->index,
                              .life = machine->life,
                              .peer = node,
                              .detail = kind,
                              .id = id};
    buffer_append_slice(&what.bytes, bytes);
    world_after(machine->world, delay_us, &what);
}

/* The process exists from now on; its store side opens a little later. */
void machine_start(struct machine *machine)
{
    struct world *world = machine->world;
    assert(machine->state == MACHINE_DOWN);
    machine->life++;
    machine->quarantine_waiting = false;
    machine->state = MACHINE_UP;
    if (!machine->clean)
        machine->boot_epoch++;
    machine->clean = false;
    machine->timer_at_us = UINT64_MAX;
    world_note(world, "n%u starts life=%u incarnation=%u boot=%u", machine->id, machine->life,
               machine->storage_incarnation, machine->boot_epoch);
    machine->loop =
        node_new(&(struct node_params){.self = machine->id,
                                       .storage_incarnation = machine->storage_incarnation,
                                       .boot_epoch = machine->boot_epoch,
                                       .random_seed = random_u64(&machine->random),
                                       .ring = machine_first_ring(machine),
                                       .first = machine->first,
                                       .settings = &world->plan.settings,
                                       .log = machine_log(machine),
                                       .host = {.mac = contexts_mac}});
    store_thread_start(machine, random_below(&machine->random, START_TAIL_US));
    machine_loop_event(machine, &(struct event){.kind = EVENT_START});
    if (machine->condition != STATUS_OK)
        tell_condition(machine);
}

static void end_process(struct machine *machine, bool power_loss)
{
    network_machine_gone(machine, power_loss);
    client_set_machine_gone(machine, power_loss);
    talks_machine_gone(machine);
    script_client_machine_gone(machine);
    free_loop(machine);
    drop_deferred(machine);
    if (machine->paused) {
        machine->paused = false;
        machine->paused_total_us += machine->world->now_us - machine->paused_since_us;
    }
}

void machine_crash(struct machine *machine, bool power_loss)
{
    if (machine->state == MACHINE_DOWN)
        return;
    world_note(machine->world, "n%u crashes", machine->id);
    marks_hit(machine->world->marks, MARK_CRASH);
    end_process(machine, power_loss);
    store_thread_crash(machine);
    machine->state = MACHINE_DOWN;
    machine->life++;
    note_time(machine->world);
}

void machine_stop(struct machine *machine)
{
    if (machine->state != MACHINE_UP || machine->paused)
        return;
    world_note(machine->world, "n%u stops", machine->id);
    marks_hit(machine->world->marks, MARK_STOP);
    end_process(machine, false);
    machine->state = MACHINE_STOPPING;
    store_thread_stop(machine);
    note_time(machine->world);
}

static void replace_disk(struct machine *machine)
{
    struct world *world = machine->world;
    if (!machine->loss_told)
        oracle_disk_lost(world->oracle, machine);
    machine->loss_told = false;
    image_wipe(&machine->image);
    machine->wiped_at_us = world->now_us;
    machine->clean = true;
    memset(machine->replica_states, 0, world->plan.partition_count);
    machine->storage_incarnation++;
    machine->boot_epoch = 1;
}

void machine_wipe(struct machine *machine)
{
    struct world *world = machine->world;
    assert(machine->state == MACHINE_DOWN);
    world_note(world, "n%u loses its disk", machine->id);
    marks_hit(world->marks, MARK_WIPE);
    replace_disk(machine);
}

void machine_quarantine(struct machine *machine, uint16_t above)
{
    struct world *world = machine->world;
    marks_hit(world->marks, MARK_QUARANTINE);
    if (machine->loss_told)
        marks_hit(world->marks, MARK_ROLLBACK_NOTICED);
    world_note(world, "n%u quarantines its store", machine->id);
    end_process(machine, false);
    store_thread_crash(machine);
    machine->state = MACHINE_DOWN;
    machine->life++;
    if (above > machine->storage_incarnation)
        machine->storage_incarnation = above;
    replace_disk(machine);
    machine_start(machine);
}

void machine_leave(struct machine *machine)
{
    struct world *world = machine->world;
    world_note(world, "n%u has left the cluster", machine->id);
    marks_hit(world->marks, MARK_MEMBER_LEFT);
    end_process(machine, false);
    store_thread_crash(machine);
    machine->state = MACHINE_DOWN;
    machine->life++;
    machine->absent = true;
}

void machine_pause(struct machine *machine, bool stops_mono)
{
    if (machine->paused || machine->state != MACHINE_UP)
        return;
    world_note(machine->world, "n%u pauses", machine->id);
    marks_hit(machine->world->marks, MARK_PAUSE);
    machine->paused = true;
    machine->pause_stops_mono = stops_mono;
    machine->paused_since_us = machine->world->now_us;
    note_time(machine->world);
}

/* What waited happens now, in the order in which it came. */
void machine_resume(struct machine *machine)
{
    if (!machine->paused)
        return;
    world_note(machine->world, "n%u goes on", machine->id);
    uint64_t paused_us = machine->world->now_us - machine->paused_since_us;
    struct occurrence **waiting = machine->deferred;
    size_t count = machine->deferred_count;
    machine->paused = false;
    machine->paused_total_us += paused_us;
    if (machine->pause_stops_mono) {
        /* To the process, its wall clock has jumped. */
        machine->mono_lag_us += paused_us;
        machine->world->clock_changed_at_us = machine->world->now_us;
    }
    machine->deferred = NULL;
    machine->deferred_count = machine->deferred_capacity = 0;
    for (size_t i = 0; i < count; i++)
        world_dispatch(machine->world, waiting[i]);
    free(waiting);
    tell_condition(machine);
}

bool machine_is_damaged(const struct machine *machine)
{
    const struct world *world = machine->world;
    if (machine->state != MACHINE_UP || !machine->opened || machine->loss_told ||
        machine->image.rot_ppm > 0)
        return true;
    for (uint32_t i = 0; i < world->plan.partition_count; i++)
        if ((ring_owns(world->ring, machine->id, (partition_id)i) ||
             ring_is_read(world->ring, machine->id, (partition_id)i)) &&
            machine->replica_states[i] != REPLICA_ACTIVE)
            return true;
    return false;
}

static void defer(struct machine *machine, struct occurrence *what)
{
    if (machine->deferred_count == machine->deferred_capacity) {
        machine->deferred_capacity = machine->deferred_capacity * 2 + 16;
        machine->deferred = memory_resize(machine->deferred, machine->deferred_capacity,
                                          sizeof(struct occurrence *));
    }
    machine->deferred[machine->deferred_count++] = what;
}

static void loop_occurrence(struct machine *machine, const struct occurrence *what)
{
    struct event event = {.kind = (enum event_kind)what->detail, .node = what->peer};
    event.bytes = buffer_slice(&what->bytes);
    if (event.kind == EVENT_CLIENT_OPEN || event.kind == EVENT_CLIENT_BYTES ||
        event.kind == EVENT_CLIENT_CLOSED)
        event.connection = what->id;
    else
        event.link = what->id;
    machine_loop_event(machine, &event);
}

void machine_handle(struct machine *machine, struct occurrence *what)
{
    if (what->life != machine->life || machine->state == MACHINE_DOWN) {
        occurrence_free(what);
        return;
    }
    if (machine->paused) {
        defer(machine, what);
        return;
    }
    switch (what->kind) {
    case AT_STORE_QUARANTINE:
        machine_quarantine(machine, (uint16_t)what->id);
        break;
    case AT_MACHINE_LEAVE:
        machine_leave(machine);
        break;
    case AT_LOOP_EVENT:
        loop_occurrence(machine, what);
        break;
    case AT_LOOP_TICK:
        if (what->id != machine->timer_version)
            break;
        machine->timer_at_us = UINT64_MAX;
        machine_loop_event(machine, &(struct event){.kind = EVENT_TICK});
        break;
    case AT_LINK_BYTES:
        network_arrived(machine, what);
        break;
    case AT_LINK_LOST:
        network_link_lost(machine, what);
        break;
    case AT_CLIENT_BYTES:
        if (!talks_arrived(machine, what) && !script_client_arrived(machine, what))
            client_set_arrived(machine, what);
        break;
    default:
        store_thread_handle(machine, what);
        break;
    }
    occurrence_free(what);
}
