#include "sim/sketchers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "causal/cell.h"
#include "causal/hyperloglog.h"
#include "ring/position.h"
#include "sim/machine.h"
#include "sim/spread.h"
#include "sim/talk.h"
#include "sim/world.h"

enum {
    CLIENTS_MAX = 4,
    NUMBER = 41, /* of the keyspace */
    KEYS = 4,
    ELEMENTS_MAX = 30, /* of one PFADD */
    PAUSE_US = 40000
};

static const char SELECT_TEXT[] = "41";

enum task { TASK_ADD, TASK_MERGE, TASK_READ };

struct sketcher {
    uint32_t index;
    struct random random;
    struct talk talk;
    enum task task;
    uint32_t key, source;
    bool selected;
    struct hyperloglog wrote; /* of the task: what the key holds once it is done */
    struct hyperloglog floor; /* of a read: what was acknowledged when it was asked */
};

struct sketchers {
    struct sketcher items[CLIENTS_MAX];
    uint32_t count;
    uint32_t element; /* the next new one */
    bool stopped;
    struct hyperloglog acked[KEYS];
    struct hyperloglog asked[KEYS]; /* for by anybody, whatever came of it */
    bool flows[KEYS][KEYS];         /* a join of the second into the first was asked for */
    char names[KEYS][8];
};

static talk_heard heard;

/* ---- registers, without the product's joins ---- */

static void raise(struct hyperloglog *to, const struct hyperloglog *by)
{
    for (unsigned i = 0; i < HYPERLOGLOG_REGISTERS; i++)
        if (by->registers[i] > to->registers[i])
            to->registers[i] = by->registers[i];
}

static bool is_within(const struct hyperloglog *low, const struct hyperloglog *high)
{
    for (unsigned i = 0; i < HYPERLOGLOG_REGISTERS; i++)
        if (low->registers[i] > high->registers[i])
            return false;
    return true;
}

/* Of all its live versions: these bytes were checked when they were decoded. */
static void registers_of(const struct cell *cell, struct hyperloglog *out)
{
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < cell->count; i++) {
        struct hyperloglog one = {{0}};
        if (hyperloglog_join(&one, cell->siblings[i].value, NULL) == HYPERLOGLOG_SOUND)
            raise(out, &one);
    }
}

/* What was asked for flows on, now and later, where a join was asked for. */
static void spread_asked(struct sketchers *all)
{
    for (unsigned round = 0; round < KEYS; round++)
        for (unsigned to = 0; to < KEYS; to++)
            for (unsigned from = 0; from < KEYS; from++)
                if (all->flows[to][from])
                    raise(&all->asked[to], &all->asked[from]);
}

/* ---- life ---- */

static void step_after(struct world *world, struct sketcher *client, uint64_t delay_us)
{
    world_after(world, 1 + delay_us,
                &(struct occurrence){.kind = AT_SKETCHER_STEP, .peer = client->index});
}

struct sketchers *sketchers_new(struct world *world)
{
    struct sketchers *all = memory_new(1, sizeof *all);
    all->count = world->plan.sketcher_count;
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(all->names[i], sizeof all->names[i], "s%u", i);
    for (uint32_t i = 0; i < all->count; i++) {
        struct sketcher *client = &all->items[i];
        client->index = i;
        client->talk = (struct talk){.heard = heard, .owner = client, .address = "10.9.0.4:1024"};
        client->random = random_make(
            hash64_pair(slice_text("sketchers"), slice_make(&i, sizeof i), world->plan.seed));
        step_after(world, client, random_below(&client->random, 1000000));
    }
    return all;
}

void sketchers_free(struct sketchers *all)
{
    if (all == NULL)
        return;
    for (uint32_t i = 0; i < all->count; i++)
        talk_deinit(&all->items[i].talk);
    free(all);
}

void sketchers_stop(struct world *world)
{
    world->sketchers->stopped = true;
}

void sketchers_keyspace(struct ring_keyspace *out)
{
    *out = (struct ring_keyspace){.number = NUMBER, .policy = KEYSPACE_LWW};
    strcpy(out->name, "sketches");
}

/* ---- asking ---- */

/* Half of the elements were added before, by somebody to some key. */
static void ask_to_add(struct world *world, struct sketcher *client)
{
    struct sketchers *all = world->sketchers;
    const char *words[ELEMENTS_MAX + 3] = {"PFADD", all->names[client->key]};
    char texts[ELEMENTS_MAX][16];
    uint32_t count = (uint32_t)spread_log(&client->random, 1, ELEMENTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t element = random_chance(&client->random, 1, 2)
                               ? all->element++
                               : (uint32_t)random_below(&client->random, all->element + 1);
        snprintf(texts[i], sizeof texts[i], "e%u", element);
        words[2 + i] = texts[i];
        hyperloglog_add(&client->wrote, slice_text(texts[i]));
    }
    raise(&all->asked[client->key], &client->wrote);
    talk_ask(world, &client->talk, &client->random, words);
}

static void send(struct world *world, struct sketcher *client)
{
    struct sketchers *all = world->sketchers;
    client->key = (uint32_t)random_below(&client->random, KEYS);
    client->source = (uint32_t)random_below(&client->random, KEYS);
    memset(&client->wrote, 0, sizeof client->wrote);
    client->task = random_chance(&client->random, 1, 2)   ? TASK_ADD
                   : random_chance(&client->random, 1, 6) ? TASK_MERGE
                                                          : TASK_READ;
    const char *key = all->names[client->key], *source = all->names[client->source];
    if (client->task == TASK_ADD) {
        ask_to_add(world, client);
    } else if (client->task == TASK_MERGE) {
        all->flows[client->key][client->source] = true;
        client->wrote = all->acked[client->source];
        talk_ask(world, &client->talk, &client->random,
                 (const char *const[]){"PFMERGE", key, source, NULL});
    } else {
        client->floor = all->acked[client->key];
        talk_ask(world, &client->talk, &client->random, (const char *const[]){"GET", key, NULL});
    }
    spread_asked(all);
}

void sketchers_handle(struct world *world, const struct occurrence *what)
{
    struct sketcher *client = &world->sketchers->items[what->peer];
    if (world->sketchers->stopped || client->talk.machine != NULL)
        return;
    struct machine *machine =
        &world->machines[random_below(&client->random, world->plan.node_count)];
    if (machine->state != MACHINE_UP) {
        step_after(world, client, random_below(&client->random, PAUSE_US));
        return;
    }
    client->selected = false;
    talk_open(world, &client->talk, machine);
    talk_ask(world, &client->talk, &client->random,
             (const char *const[]){"SELECT", SELECT_TEXT, NULL});
}

/* ---- answers ---- */

static void judge_read(struct world *world, const struct sketcher *client,
                       const struct resp_value *reply)
{
    struct hyperloglog shown = {{0}};
    if (reply->type == RESP_TYPE_ERROR)
        return;
    if (reply->type == RESP_TYPE_BULK &&
        hyperloglog_join(&shown, reply->text, NULL) != HYPERLOGLOG_SOUND)
        world_fail(world, VERDICT_WRONG, "S1", "n%u: %s is no HyperLogLog",
                   client->talk.machine->id, world->sketchers->names[client->key]);
    else if (!is_within(&client->floor, &shown))
        world_fail(world, VERDICT_WRONG, "S1", "n%u: %s lacks elements that were acknowledged",
                   client->talk.machine->id, world->sketchers->names[client->key]);
    else if (!is_within(&shown, &world->sketchers->asked[client->key]))
        world_fail(world, VERDICT_WRONG, "S1", "n%u: %s has elements that nobody added",
                   client->talk.machine->id, world->sketchers->names[client->key]);
    else
        marks_hit(world->marks, MARK_SKETCH_READ);
}

static void judge(struct world *world, struct sketcher *client, const struct resp_value *reply)
{
    if (client->task == TASK_READ) {
        judge_read(world, client, reply);
    } else if (reply->type != RESP_TYPE_ERROR) {
        raise(&world->sketchers->acked[client->key], &client->wrote);
        marks_hit(world->marks, MARK_SKETCH_WRITTEN);
    }
}

static void heard(struct world *world, struct talk *talk, const struct resp_value *reply)
{
    struct sketcher *client = talk->owner;
    if (reply != NULL && !client->selected) {
        client->selected = reply->type != RESP_TYPE_ERROR;
        if (client->selected) {
            send(world, client);
            return;
        }
    } else if (reply != NULL) {
        judge(world, client, reply);
    }
    talk_hang_up(world, talk);
    step_after(world, client, spread_tail(&client->random, PAUSE_US));
}

/* ---- disks ---- */

bool sketchers_own(keyspace_id keyspace)
{
    return keyspace_number(keyspace) == NUMBER;
}

static bool open_cell(struct slice record, struct cell *out)
{
    struct slice bytes;
    *out = (struct cell){0};
    if (record_cell_open(record, &bytes) != STATUS_OK)
        return false;
    struct reader reader = reader_make(bytes);
    cell_decode(&reader, out);
    return reader_end(&reader) == STATUS_OK;
}

void sketchers_cell_stored(struct world *world, const struct machine *machine,
                           const struct cell_name *name, struct slice record,
                           const struct ordered_map *before)
{
    struct buffer key = {0};
    struct slice old_record;
    struct cell old = {0}, cell;
    struct hyperloglog was, is;
    record_cell_name(name->position, name->keyspace, name->key, &key);
    bool there = ordered_map_get(before, buffer_slice(&key), &old_record);
    if (!open_cell(record, &cell) || (there && !open_cell(old_record, &old)))
        world_fail(world, VERDICT_WRONG, "I10", "n%u has a cell that does not decode", machine->id);
    registers_of(&old, &was);
    registers_of(&cell, &is);
    if (!is_within(&was, &is))
        world_fail(world, VERDICT_WRONG, "S2", "n%u lowers a register of %.*s", machine->id,
                   (int)name->key.length, (const char *)name->key.data);
    if (cell.count > 1)
        marks_hit(world->marks, MARK_SKETCH_CONCURRENT);
    cell_deinit(&old);
    cell_deinit(&cell);
    buffer_deinit(&key);
}

/* Whether the owner has all that was acknowledged of the key. */
static bool has_all(const struct world *world, const struct machine *machine, unsigned key)
{
    struct buffer name = {0};
    struct slice record, text = slice_text(world->sketchers->names[key]);
    struct cell cell = {0};
    struct hyperloglog held;
    uint64_t position = ring_position(text, NUMBER, world->ring->seed);
    partition_id partition = ring_partition_of_position(position, world->ring->partition_count);
    if (!ring_owns(world->ring, machine->id, partition) || machine->absent)
        return true;
    record_cell_name(position, NUMBER, text, &name);
    if (ordered_map_get(&machine->image.synced, buffer_slice(&name), &record))
        (void)open_cell(record, &cell);
    registers_of(&cell, &held);
    cell_deinit(&cell);
    buffer_deinit(&name);
    return is_within(&world->sketchers->acked[key], &held);
}

bool sketchers_are_quiet(struct world *world, char *reason, size_t size)
{
    struct sketchers *all = world->sketchers;
    for (uint32_t i = 0; i < all->count; i++) {
        if (all->items[i].talk.machine == NULL)
            continue;
        snprintf(reason, size, "a client of HyperLogLogs waits");
        return false;
    }
    for (uint32_t i = 0; i < world->plan.node_count && all->count > 0; i++)
        for (unsigned key = 0; key < KEYS; key++) {
            if (has_all(world, &world->machines[i], key))
                continue;
            snprintf(reason, size, "n%u lacks elements of %s", world->machines[i].id,
                     all->names[key]);
            return false;
        }
    return true;
}
