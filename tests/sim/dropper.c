#include "sim/dropper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "causal/cell.h"
#include "causal/counter.h"
#include "sim/machine.h"
#include "sim/register_oracle.h"
#include "sim/spread.h"
#include "sim/talk.h"
#include "sim/world.h"
#include "wire/record_hint.h"

enum {
    CLIENTS_MAX = 4,
    NUMBER = 40, /* of the keyspace; operators take lower ones */
    KEYS = 12,
    PAUSE_US = 60000,
    SELECTED_US = 400000, /* for so long a session stays with what it has selected */
    NO_LIFE = -1
};

enum part { PART_SELECT, PART_USE, PART_CHANGE };

struct drop_client {
    uint32_t index;
    struct random random;
    struct talk talk;
    enum part part;
    bool waits;       /* between two parts */
    unsigned replies; /* of the part */
    int lives[3]; /* of the keyspace, by the register of the node: before SELECT, after it, now */
    bool selected;
    bool drops;     /* PART_CHANGE: else it makes the keyspace */
    uint32_t wrote; /* number of the value that is set; 0: a read */
};

struct drop_value {
    int life; /* NO_LIFE: not known */
    bool seen;
    keyspace_id id; /* under which it lies, once seen */
};

struct dropper {
    struct drop_client items[CLIENTS_MAX];
    uint32_t count;
    bool stopped;
    struct drop_value *values; /* by number - 1 */
    uint32_t value_count, value_capacity;
};

static talk_heard heard;

/* ---- life ---- */

static void step_after(struct world *world, struct drop_client *client, uint64_t delay_us)
{
    world_after(world, 1 + delay_us,
                &(struct occurrence){.kind = AT_DROPPER_STEP, .peer = client->index});
}

struct dropper *dropper_new(struct world *world)
{
    struct dropper *dropper = memory_new(1, sizeof *dropper);
    dropper->count = world->plan.dropper_count;
    for (uint32_t i = 0; i < dropper->count; i++) {
        struct drop_client *client = &dropper->items[i];
        client->index = i;
        client->talk = (struct talk){.heard = heard, .owner = client, .address = "10.9.0.2:1024"};
        client->random = random_make(
            hash64_pair(slice_text("dropper"), slice_make(&i, sizeof i), world->plan.seed));
        step_after(world, client, random_below(&client->random, 1000000));
    }
    return dropper;
}

void dropper_free(struct dropper *dropper)
{
    if (dropper == NULL)
        return;
    for (uint32_t i = 0; i < dropper->count; i++)
        talk_deinit(&dropper->items[i].talk);
    free(dropper->values);
    free(dropper);
}

void dropper_stop(struct world *world)
{
    world->dropper->stopped = true;
}

bool dropper_idle(const struct world *world)
{
    for (uint32_t i = 0; i < world->dropper->count; i++)
        if (world->dropper->items[i].talk.machine != NULL)
            return false;
    return true;
}

static struct drop_value *value_of(struct dropper *dropper, uint32_t number)
{
    return number == 0 || number > dropper->value_count ? NULL : &dropper->values[number - 1];
}

static uint32_t new_value(struct dropper *dropper, int life)
{
    if (dropper->value_count == dropper->value_capacity) {
        dropper->value_capacity = dropper->value_capacity * 2 + 64;
        dropper->values =
            memory_resize(dropper->values, dropper->value_capacity, sizeof *dropper->values);
    }
    dropper->values[dropper->value_count] = (struct drop_value){.life = life};
    return ++dropper->value_count;
}

/* The number in "drop-N"; 0: it is another text. */
static uint32_t number_in(struct slice text)
{
    char copy[24];
    unsigned number = 0;
    if (text.length >= sizeof copy)
        return 0;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    return sscanf(copy, "drop-%u", &number) == 1 ? number : 0;
}

/* ---- asking ---- */

static void add(struct world *world, struct drop_client *client, const char *const *words)
{
    talk_ask(world, &client->talk, &client->random, words);
}

static void add_status(struct world *world, struct drop_client *client)
{
    add(world, client, (const char *const[]){"RING.STATUS", NULL});
}

/* The session may be of a life that is over: then the command must fail. */
static void add_use(struct world *world, struct drop_client *client)
{
    char key[16], value[24];
    bool sure = client->lives[0] == client->lives[1];
    snprintf(key, sizeof key, "k%u", (unsigned)random_below(&client->random, KEYS));
    client->wrote = 0;
    if (random_chance(&client->random, 2, 5)) {
        add(world, client, (const char *const[]){"GET", key, NULL});
        return;
    }
    if (random_chance(&client->random, 1, 8)) {
        add(world, client, (const char *const[]){"DEL", key, NULL});
        return;
    }
    client->wrote = new_value(world->dropper, sure ? client->lives[0] : NO_LIFE);
    snprintf(value, sizeof value, "drop-%u", client->wrote);
    if (random_chance(&client->random, 1, 6))
        add(world, client, (const char *const[]){"SET", key, value, "PX", "2000", NULL});
    else if (random_chance(&client->random, 1, 2))
        add(world, client, (const char *const[]){"WITH", "sloppy=yes", "SET", key, value, NULL});
    else
        add(world, client, (const char *const[]){"SET", key, value, NULL});
}

static void add_change(struct world *world, struct drop_client *client)
{
    client->drops = random_chance(&client->random, 1, 2);
    if (client->drops)
        add(world, client, (const char *const[]){"RING.KEYSPACE", "DROP", "dropped", NULL});
    else
        add(world, client,
            (const char *const[]){"RING.KEYSPACE", "CREATE", "dropped", "number=40", NULL});
}

/* What the present part asks. */
static void send(struct world *world, struct drop_client *client)
{
    char number[8];
    client->replies = 0;
    if (client->part == PART_CHANGE) {
        add_change(world, client);
    } else if (client->part == PART_SELECT) {
        snprintf(number, sizeof number, "%d", NUMBER);
        add_status(world, client);
        add(world, client, (const char *const[]){"SELECT", number, NULL});
        add_status(world, client);
    } else {
        add_status(world, client);
        add_use(world, client);
    }
}

static void call(struct world *world, struct drop_client *client, struct machine *machine)
{
    client->part = random_chance(&client->random, 1, 6) ? PART_CHANGE : PART_SELECT;
    talk_open(world, &client->talk, machine);
    send(world, client);
}

void dropper_handle(struct world *world, const struct occurrence *what)
{
    struct dropper *dropper = world->dropper;
    struct drop_client *client = &dropper->items[what->peer];
    if (client->talk.machine != NULL && client->waits) {
        client->waits = false;
        client->part = PART_USE;
        send(world, client);
        return;
    }
    if (dropper->stopped || client->talk.machine != NULL)
        return;
    struct machine *machine =
        &world->machines[random_below(&client->random, world->plan.node_count)];
    if (machine->state == MACHINE_UP)
        call(world, client, machine);
    else
        step_after(world, client, random_below(&client->random, PAUSE_US));
}

/* ---- answers ---- */

static const struct resp_value *field(const struct resp_value *map, const char *name)
{
    for (size_t i = 0; map != NULL && map->type == RESP_TYPE_ARRAY && i + 1 < map->element_count;
         i += 2)
        if (slice_equal(map->elements[i].text, slice_text(name)))
            return &map->elements[i + 1];
    return NULL;
}

/* In which life the keyspace is by the value that the node goes by; NO_LIFE: there is none. */
static int life_in(const struct world *world, const struct resp_value *status)
{
    const struct resp_value *seq = field(field(status, "register"), "seq");
    uint16_t drops = 0;
    bool exists = false;
    if (seq == NULL || seq->type != RESP_TYPE_INTEGER ||
        !register_oracle_keyspace(world->register_oracle, (uint64_t)seq->integer, NUMBER, &drops,
                                  &exists))
        return NO_LIFE;
    return exists ? drops : NO_LIFE;
}

static void fail(struct world *world, const char *rule, const struct drop_client *client,
                 const char *what, int a, int b)
{
    world_fail(world, VERDICT_WRONG, rule, "n%u: %s (life %d, %d)", client->talk.machine->id, what,
               a, b);
}

/* What one command on a key was answered, in a session of lives[0] .. lives[1]. */
static void judge_use(struct world *world, struct drop_client *client,
                      const struct resp_value *reply)
{
    bool sure = client->lives[0] == client->lives[1] && client->lives[0] != NO_LIFE;
    bool failed = reply->type == RESP_TYPE_ERROR;
    if (sure && client->lives[2] != client->lives[0]) {
        marks_hit(world->marks, MARK_DROP_REFUSED);
        if (!failed)
            fail(world, "D2", client, "a command in a dropped keyspace is answered",
                 client->lives[0], client->lives[2]);
        if (client->wrote != 0 && failed) /* it was written nowhere */
            value_of(world->dropper, client->wrote)->life = NO_LIFE;
        return;
    }
    if (failed || client->wrote != 0 || reply->type != RESP_TYPE_BULK || !sure)
        return;
    uint32_t number = number_in(reply->text);
    const struct drop_value *value = value_of(world->dropper, number);
    if (value == NULL)
        fail(world, "D1", client, "a read shows what nobody wrote", client->lives[0], -1);
    else if (value->life != NO_LIFE && value->life != client->lives[0])
        fail(world, "D1", client, "a read shows what was written in another life of the keyspace",
             client->lives[0], value->life);
    else
        marks_hit(world->marks, MARK_DROP_READ);
}

static void judge_change(struct world *world, const struct drop_client *client,
                         const struct resp_value *reply)
{
    const struct resp_value *seq = field(reply, "seq");
    uint16_t drops = 0;
    bool exists;
    if (seq == NULL)
        return;
    if (client->drops)
        marks_hit(world->marks, MARK_DROP);
    else if (register_oracle_keyspace(world->register_oracle, (uint64_t)seq->integer, NUMBER,
                                      &drops, &exists) &&
             drops > 0)
        marks_hit(world->marks, MARK_DROP_MADE_AGAIN);
}

/* False: the conversation is over. */
static bool take(struct world *world, struct drop_client *client, const struct resp_value *reply)
{
    unsigned place = client->replies++;
    if (client->part == PART_CHANGE) {
        judge_change(world, client, reply);
        return false;
    }
    if (client->part == PART_SELECT) {
        if (place == 1)
            client->selected = reply->type == RESP_TYPE_SIMPLE;
        else
            client->lives[place / 2] = life_in(world, reply);
        if (place < 2)
            return true;
        if (!client->selected)
            return false;
        client->waits = true;
        step_after(world, client, spread_tail(&client->random, SELECTED_US));
        return true;
    }
    if (place == 0) {
        client->lives[2] = life_in(world, reply);
        return true;
    }
    judge_use(world, client, reply);
    return false;
}

static void heard(struct world *world, struct talk *talk, const struct resp_value *reply)
{
    struct drop_client *client = talk->owner;
    if (reply != NULL && take(world, client, reply))
        return;
    talk_hang_up(world, talk);
    client->waits = false;
    step_after(world, client, spread_tail(&client->random, PAUSE_US));
}

/* ---- disks ---- */

bool dropper_owns(keyspace_id keyspace)
{
    return keyspace_number(keyspace) == NUMBER;
}

/* A drop that comes in the same batch is not in force yet: then take the disk without any of it. */
static bool is_over(const struct ordered_map *disk, keyspace_id keyspace)
{
    return keyspace / RING_KEYSPACES_MAX < register_oracle_drops_on(disk, NUMBER);
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

/* Whether something stands in `after` that was not there. */
static bool is_news(const struct cell *before, const struct cell *after)
{
    for (uint32_t i = 0; i < after->count; i++)
        if (cell_find(before, &after->siblings[i].dot) == NULL)
            return true;
    return false;
}

static void check_id(struct world *world, const struct machine *machine,
                     const struct cell_name *name, const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++) {
        struct drop_value *value = value_of(world->dropper, number_in(cell->siblings[i].value));
        if (value == NULL)
            continue;
        if (value->seen && value->id != name->keyspace)
            world_fail(world, VERDICT_WRONG, "D4", "n%u stores a value of keyspace %u in %u",
                       machine->id, value->id, name->keyspace);
        value->seen = true;
        value->id = name->keyspace;
    }
}

void dropper_cell_stored(struct world *world, const struct machine *machine,
                         const struct cell_name *name, struct slice record,
                         const struct ordered_map *before)
{
    struct buffer key = {0};
    struct slice old_record;
    struct cell old = {0}, cell;
    record_cell_name(name->position, name->keyspace, name->key, &key);
    if (!open_cell(record, &cell))
        world_fail(world, VERDICT_WRONG, "I10", "n%u writes a cell that does not decode",
                   machine->id);
    if (ordered_map_get(before, buffer_slice(&key), &old_record) && !open_cell(old_record, &old))
        world_fail(world, VERDICT_WRONG, "I10", "n%u has a cell that does not decode", machine->id);
    if (is_over(&machine->image.visible, name->keyspace) && is_news(&old, &cell))
        world_fail(world, VERDICT_WRONG, "D3", "n%u takes a version of a dropped keyspace",
                   machine->id);
    check_id(world, machine, name, &cell);
    cell_deinit(&old);
    cell_deinit(&cell);
    buffer_deinit(&key);
}

void dropper_cell_removed(struct world *world, const struct machine *machine,
                          const struct cell_name *name, const struct ordered_map *before)
{
    struct buffer key = {0};
    struct slice record;
    struct cell cell = {0};
    record_cell_name(name->position, name->keyspace, name->key, &key);
    bool there = ordered_map_get(before, buffer_slice(&key), &record) && open_cell(record, &cell);
    if (is_over(&machine->image.visible, name->keyspace))
        marks_hit(world->marks, MARK_DROP_CELL_REMOVED);
    else if (there && cell_is_live(&cell))
        world_fail(world, VERDICT_WRONG, "D3", "n%u removes a live key of a keyspace that is there",
                   machine->id);
    cell_deinit(&cell);
    buffer_deinit(&key);
}

void dropper_hint_changed(struct world *world, const struct machine *machine, struct slice name,
                          bool removed)
{
    struct hint_name decoded;
    if (record_hint_name_decode(RECORD_HINT_CELL, name, &decoded) != STATUS_OK)
        return;
    bool over = is_over(&machine->image.visible, decoded.keyspace);
    if (over && removed)
        marks_hit(world->marks, MARK_DROP_HINT_REMOVED);
    if (over && !removed)
        world_fail(world, VERDICT_WRONG, "D3", "n%u keeps a hint of a dropped keyspace",
                   machine->id);
}

bool dropper_is_quiet(struct world *world, char *reason, size_t size)
{
    const uint8_t prefix = RECORD_CELL;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        struct ordered_map_cursor cursor;
        const struct ordered_map *disk = &world->machines[i].image.synced;
        ordered_map_seek(disk, slice_make(&prefix, 1), &cursor);
        for (; ordered_map_valid(&cursor); ordered_map_next(&cursor)) {
            struct cell_name name;
            if (record_cell_name_decode(ordered_map_key(&cursor), &name) != STATUS_OK)
                break;
            if (world->machines[i].absent || !dropper_owns(name.keyspace) ||
                !is_over(disk, name.keyspace))
                continue;
            snprintf(reason, size, "n%u has cells of a dropped keyspace", world->machines[i].id);
            return false;
        }
    }
    if (dropper_idle(world))
        return true;
    snprintf(reason, size, "a client of the dropped keyspace waits");
    return false;
}
