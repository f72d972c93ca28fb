#include "sim/oracle_counter.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "causal/counter.h"
#include "ring/position.h"

enum { SET_WORDS = COUNTER_EVENTS_MAX / 64, SLOTS_MAX = 1024 };

/*
 * A slot as in the newest version of its actor: one that was collected leaves the next one alone.
 */
struct slot_sums {
    struct dot id;
    uint64_t events;
    decimal up, down;
};

struct counter_track {
    struct write *events[COUNTER_EVENTS_MAX];
    uint32_t event_count;
    struct slot_sums slots[SLOTS_MAX];
    uint32_t slot_count;
};

void oracle_counter_begin(struct oracle_key *key)
{
    key->counter = memory_new(1, sizeof(struct counter_track));
}

void oracle_counter_add_keys(struct oracle *oracle)
{
    for (uint32_t i = 0; i < COUNTER_KEY_COUNT; i++) {
        struct oracle_key *key = &oracle->keys[oracle->key_count++];
        *key = (struct oracle_key){0};
        oracle_counter_begin(key);
        snprintf(key->name, sizeof key->name, "count:%u", i);
        key->position = ring_position(slice_text(key->name), 0, oracle->world->ring->seed);
        key->partition =
            ring_partition_of_position(key->position, oracle->world->ring->partition_count);
    }
}

void oracle_counter_free(struct oracle_key *key)
{
    for (uint32_t i = 0; key->counter != NULL && i < key->version_count; i++)
        free(key->versions[i]->sets);
    free(key->counter);
}

static void fail(struct oracle *oracle, const struct machine *machine, const struct oracle_key *key,
                 const char *kind, const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, kind, "n%u %s: %s", machine->id, key->name, what);
}

/* ---- sets ---- */

static bool has(const uint64_t *set, uint32_t event)
{
    return (set[event / 64] >> event % 64 & 1) != 0;
}

static void join(uint64_t *into, const uint64_t *from)
{
    for (unsigned i = 0; i < SET_WORDS; i++)
        into[i] |= from[i];
}

static bool contains(const uint64_t *set, const uint64_t *part)
{
    for (unsigned i = 0; i < SET_WORDS; i++)
        if ((part[i] & ~set[i]) != 0)
            return false;
    return true;
}

bool oracle_counter_is_reset(const struct version *version)
{
    return version->sets != NULL && contains(version->sets->reset, version->sets->seen);
}

static void join_version(struct count_sets *into, const struct version *version)
{
    join(into->seen, version->sets->seen);
    join(into->reset, version->sets->reset);
}

/* Of all live versions of a cell. */
static void sets_of(struct oracle *oracle, const struct oracle_key *key, const struct cell *cell,
                    struct count_sets *out)
{
    *out = (struct count_sets){0};
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &cell->siblings[i].dot);
        if (version != NULL && version->sets != NULL)
            join_version(out, version);
    }
}

/* Events that were reset by what was collected since: no cell remembers them. */
static void join_collected(const struct oracle_key *key, struct count_sets *out)
{
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->collected && key->versions[i]->sets != NULL)
            join(out->reset, key->versions[i]->sets->reset);
}

/* ---- a new version ---- */

static struct slot_sums *sums_of(struct counter_track *track, const struct dot *id)
{
    for (uint32_t i = 0; i < track->slot_count; i++)
        if (dot_compare(&track->slots[i].id, id) == 0)
            return &track->slots[i];
    assert(track->slot_count < SLOTS_MAX);
    track->slots[track->slot_count] = (struct slot_sums){.id = *id};
    return &track->slots[track->slot_count++];
}

/* What the version adds to its maker's own slots, which are then remembered. */
static struct slot_sums added_by(struct counter_track *track, const struct sibling *sibling)
{
    struct counter counter = {0};
    struct slot_sums added = {.id = sibling->dot};
    enum status status = counter_join(&counter, sibling->value);
    assert(status == STATUS_OK);
    for (uint32_t i = 0; i < counter.slot_count; i++) {
        const struct counter_slot *slot = &counter.slots[i];
        if (actor_compare(&slot->id.actor, &sibling->dot.actor) != 0)
            continue;
        struct slot_sums *before = sums_of(track, &slot->id);
        added.events += slot->events - before->events;
        added.up += slot->up - before->up;
        added.down += slot->down - before->down;
        *before = (struct slot_sums){
            .id = slot->id, .events = slot->events, .up = slot->up, .down = slot->down};
    }
    counter_deinit(&counter);
    return added;
}

/* The command behind one more event of the maker; NULL: there is none like it. */
static struct write *write_behind(const struct oracle *oracle, const struct oracle_key *key,
                                  const struct slot_sums *added)
{
    int64_t amount;
    if (added->events != 1 || !decimal_to_integer(added->up - added->down, &amount))
        return NULL;
    struct write *write = oracle_find_write(oracle, (uint32_t)(amount < 0 ? -amount : amount));
    bool fits = write != NULL && write->kind == COMMAND_INCREMENT &&
                write->key == oracle_key_index(oracle, key) && write->takes == (amount < 0);
    return fits ? write : NULL;
}

/* Whether the counter that kept the id was deleted and collected: then it counts anew. */
static bool is_forgotten(const struct oracle_key *key, uint32_t event)
{
    struct count_sets collected = {0};
    join_collected(key, &collected);
    return has(collected.reset, event);
}

/* The command whose id the version has beside what its maker had seen; NULL: there is none. */
static struct write *write_by_id(const struct oracle *oracle, const struct oracle_key *key,
                                 const struct sibling *sibling, const struct count_sets *observed)
{
    struct counter counter = {0};
    struct write *found = NULL;
    enum status status = counter_join(&counter, sibling->value);
    assert(status == STATUS_OK);
    for (uint32_t i = 0; i < counter.run_count && found == NULL; i++) {
        struct slot_sums one = {.events = 1, .up = counter.runs[i].amount};
        struct write *write = counter.runs[i].reset ? NULL : write_behind(oracle, key, &one);
        bool known = false;
        for (uint32_t e = 0; write != NULL && e < key->counter->event_count; e++)
            known = known || (key->counter->events[e] == write && has(observed->seen, e) &&
                              !is_forgotten(key, e));
        if (write != NULL && write->has_id && !known)
            found = write;
    }
    counter_deinit(&counter);
    return found;
}

/* Two owners have counted one id. */
static bool note_repeated(const struct oracle_key *key, struct version *version,
                          const struct write *write)
{
    for (uint32_t e = 0; e < key->counter->event_count; e++) {
        if (key->counter->events[e] != write || is_forgotten(key, e))
            continue;
        version->write = write->number;
        version->sets->seen[e / 64] |= (uint64_t)1 << e % 64;
        return true;
    }
    return false;
}

static void note_event(struct oracle *oracle, const struct machine *machine,
                       const struct oracle_key *key, struct version *version, struct write *write)
{
    struct counter_track *track = key->counter;
    bool forgotten = false;
    for (uint32_t e = 0; write->has_id && e < track->event_count; e++)
        forgotten = forgotten || (track->events[e] == write && is_forgotten(key, e));
    if (write->version != NULL && !forgotten)
        fail(oracle, machine, key, "once", "one increment counts twice");
    if (write->outcome == OUTCOME_FAILED)
        fail(oracle, machine, key, "definite", "an increment was made after a definite error");
    write->version = version;
    version->write = write->number;
    if (track->event_count == COUNTER_EVENTS_MAX)
        return;
    uint32_t event = track->event_count++;
    track->events[event] = write;
    version->sets->seen[event / 64] |= (uint64_t)1 << event % 64;
    marks_hit(oracle->world->marks, MARK_INCREMENT);
}

static void note_string(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, struct version *version,
                        const struct sibling *sibling)
{
    uint64_t number = 0;
    for (size_t i = 0; i < sibling->value.length; i++)
        number = number * 10 + (uint64_t)(sibling->value.data[i] - '0');
    if (sibling->kind == SIBLING_TOMBSTONE)
        return;
    struct write *write = oracle_find_write(oracle, (uint32_t)number);
    if (write == NULL || write->key != oracle_key_index(oracle, key) ||
        write->kind != COMMAND_COUNTER_SET) {
        fail(oracle, machine, key, "I3", "a string that nobody wrote here");
        return;
    }
    version->write = write->number;
    if (write->version == NULL)
        write->version = version;
    else
        marks_hit(oracle->world->marks, MARK_WRITE_AGAIN);
    if (write->outcome == OUTCOME_FAILED)
        fail(oracle, machine, key, "definite", "a string was made after a definite error");
}

/* Give sets to the versions of `cell` that have none: they were made at once, by one write. */
static void judge_new(struct oracle *oracle, const struct machine *machine, struct oracle_key *key,
                      const struct cell *cell)
{
    struct count_sets observed = {0};
    bool replaces = false, any = false;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &cell->siblings[i].dot);
        any = any || version->sets == NULL;
        replaces = replaces || (version->sets == NULL && version->kind != SIBLING_COUNTER);
    }
    for (uint32_t i = 0; any && i < key->version_count; i++)
        if (key->versions[i]->sets != NULL &&
            version_vector_covers(&cell->context, &key->versions[i]->dot))
            join_version(&observed, key->versions[i]);
    if (any) /* a context may cover what was reset, and not the reset: that is collected */
        join_collected(key, &observed);
    if (replaces)
        join(observed.reset, observed.seen);
    for (uint32_t i = 0; any && i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        struct version *version = oracle_find_version(oracle, key, &sibling->dot);
        if (version->sets != NULL)
            continue;
        version->sets = memory_new(1, sizeof *version->sets);
        *version->sets = observed;
        if (sibling->kind != SIBLING_COUNTER) {
            note_string(oracle, machine, key, version, sibling);
            continue;
        }
        struct slot_sums added = added_by(key->counter, sibling);
        struct write *write = write_behind(oracle, key, &added);
        struct write *by_id = write == NULL ? write_by_id(oracle, key, sibling, &observed) : NULL;
        if (by_id != NULL && note_repeated(key, version, by_id))
            marks_hit(oracle->world->marks, MARK_INCREMENT_REPEATED);
        else if (by_id != NULL)
            note_event(oracle, machine, key, version, by_id);
        else if (write != NULL)
            note_event(oracle, machine, key, version, write);
        else if (added.events == 0 && oracle->world->plan.request_ids)
            marks_hit(oracle->world->marks, MARK_INCREMENT_REPEATED);
        else if (!replaces || added.events != 0)
            fail(oracle, machine, key, "I3", "a version adds what no command has asked for");
    }
}

/* ---- a cell on a disk ---- */

static bool string_shown(const struct oracle *oracle, const struct oracle_key *key,
                         const struct cell *cell, int64_t *number)
{
    const struct version *last = NULL;
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct version *version = oracle_find_version(oracle, key, &cell->siblings[i].dot);
        if (version->kind != SIBLING_COUNTER && oracle_is_above(version, last))
            last = version;
    }
    *number = last == NULL || last->kind == SIBLING_TOMBSTONE ? 0 : (int64_t)last->write;
    return last != NULL && last->kind == SIBLING_STRING;
}

/* false: the key is absent. */
static bool expected(struct oracle *oracle, const struct oracle_key *key, const struct cell *cell,
                     int64_t *sum)
{
    struct count_sets sets;
    bool any = string_shown(oracle, key, cell, sum);
    sets_of(oracle, key, cell, &sets);
    for (uint32_t i = 0; i < key->counter->event_count; i++) {
        const struct write *write = key->counter->events[i];
        if (!has(sets.seen, i) || has(sets.reset, i))
            continue;
        any = true;
        *sum += write->takes ? -(int64_t)write->number : (int64_t)write->number;
    }
    return any;
}

static void check_shown(struct oracle *oracle, const struct machine *machine,
                        const struct oracle_key *key, const struct cell *cell)
{
    struct buffer text = {0}, wanted = {0};
    struct sibling shown;
    int64_t sum;
    bool any = expected(oracle, key, cell, &sum);
    buffer_printf(&wanted, "%" PRId64, sum);
    if (cell_shown(cell, 0, &text, &shown) != any)
        fail(oracle, machine, key, "counter", any ? "increments are lost" : "nothing is counted");
    else if (any && !slice_equal(shown.value, buffer_slice(&wanted)))
        world_fail(oracle->world, VERDICT_WRONG, "counter",
                   "n%u %s shows %.*s, its events are %.*s", machine->id, key->name,
                   (int)shown.value.length, (const char *)shown.value.data, (int)wanted.length,
                   (const char *)wanted.data);
    buffer_deinit(&text);
    buffer_deinit(&wanted);
}

static uint64_t cut_of(const struct cell *cell)
{
    struct counter counter = {0};
    counter_join_cell(&counter, cell, 0, UINT64_MAX);
    uint64_t cut_ms = counter.folded.cut_ms;
    counter_deinit(&counter);
    return cut_ms;
}

static void mark(struct oracle *oracle, const struct oracle_key *key, const struct cell *before,
                 const struct cell *after)
{
    struct count_sets old, new;
    uint32_t counting = 0;
    bool survives = false;
    sets_of(oracle, key, before, &old);
    sets_of(oracle, key, after, &new);
    for (uint32_t i = 0; i < after->count; i++)
        counting += after->siblings[i].kind == SIBLING_COUNTER;
    for (uint32_t i = 0; i < key->counter->event_count; i++)
        survives = survives || (has(new.seen, i) && !has(new.reset, i) && !has(old.seen, i));
    if (cut_of(after) > cut_of(before))
        marks_hit(oracle->world->marks, MARK_INCREMENT_FOLDED);
    if (counting > 1)
        marks_hit(oracle->world->marks, MARK_COUNTERS_JOINED);
    if (!contains(old.reset, new.reset))
        marks_hit(oracle->world->marks, MARK_COUNTER_RESET);
    if (survives && counting > 1 && !contains(old.reset, new.reset))
        marks_hit(oracle->world->marks, MARK_RESET_BESIDE_INCREMENT);
}

void oracle_counter_stored(struct oracle *oracle, const struct machine *machine,
                           struct oracle_key *key, const struct cell *before,
                           const struct cell *after)
{
    struct count_sets old, new;
    uint32_t strings = 0;
    judge_new(oracle, machine, key, after);
    sets_of(oracle, key, before, &old);
    sets_of(oracle, key, after, &new);
    if (!contains(new.seen, old.seen) || !contains(new.reset, old.reset))
        fail(oracle, machine, key, "I3", "what a cell had counted or reset is forgotten");
    for (uint32_t i = 0; i < after->count; i++)
        strings += after->siblings[i].kind != SIBLING_COUNTER;
    if (strings > 1 && key->tally == TALLY_NONE)
        fail(oracle, machine, key, "I3", "last-writer-wins kept two strings");
    if (!version_vector_descends(&after->context, &before->context))
        fail(oracle, machine, key, "I3", "the context of a cell shrank");
    check_shown(oracle, machine, key, after);
    mark(oracle, key, before, after);
}

void oracle_counter_purged(struct oracle *oracle, const struct machine *machine,
                           const struct oracle_key *key, const struct cell *before,
                           const struct cell *after)
{
    int64_t shown, left;
    bool any = expected(oracle, key, before, &shown);
    if (expected(oracle, key, after, &left) != any || left != shown)
        fail(oracle, machine, key, "purge", "collecting changed what the key shows");
    check_shown(oracle, machine, key, after);
    for (uint32_t i = 0; i < before->count; i++)
        if (before->siblings[i].kind == SIBLING_COUNTER &&
            cell_find(after, &before->siblings[i].dot) == NULL)
            marks_hit(oracle->world->marks, MARK_COUNTER_PURGED);
}

/* ---- answers ---- */

/*
 * Whether one of those that took the string holds the event for certain. Who is rebuilt takes
 * strings, and does not know yet what its lost disk had counted; reads do not go there.
 */
static bool string_meets(const struct oracle *oracle, const struct version *event, uint8_t owners)
{
    return oracle_meets(oracle, event, owners) &&
           event->certain + owners > oracle->world->ring->owner_count + event->destroyed;
}

static void check_replaced(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, uint32_t index)
{
    const struct oracle_key *key = oracle_key(oracle, index);
    /*
     * A string takes along what its owners have; a delete what its read saw. Hints reset nothing.
     */
    uint8_t owners = command->kind == COMMAND_COUNTER_SET ? oracle_write_certain(oracle, command)
                                                          : oracle_read_owners(oracle, command);
    struct count_sets all = {0};
    for (uint32_t i = 0; i < key->version_count; i++)
        if (command->kind != COMMAND_COUNTER_SET ||
            key->versions[i]->write == command->writes[0]->number)
            join_version(&all, key->versions[i]);
    join_collected(key, &all);
    for (uint32_t i = 0; i < key->counter->event_count; i++) {
        const struct version *event = key->counter->events[i]->version;
        bool meets = command->kind == COMMAND_COUNTER_SET ? string_meets(oracle, event, owners)
                                                          : oracle_meets(oracle, event, owners);
        if (event->acked && event->acked_us < command->start_us && meets && !has(all.reset, i))
            oracle_fail_answer(oracle, machine, command, index, "counter",
                               "an increment acknowledged before has survived");
    }
}

void oracle_counter_replaced(struct oracle *oracle, const struct machine *machine,
                             const struct command *command)
{
    check_replaced(oracle, machine, command, command->keys[0]);
}

void oracle_counter_removed(struct oracle *oracle, const struct machine *machine,
                            const struct command *command, uint32_t index)
{
    check_replaced(oracle, machine, command, index);
}

void oracle_counter_last(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, const struct resp_value *reply)
{
    const struct world *world = oracle->world;
    const struct oracle_key *key = oracle_key(oracle, command->keys[0]);
    const node_id *owners = ring_owners(world->ring, key->partition);
    struct buffer wanted = {0};
    struct cell cell;
    int64_t sum;
    oracle_load(oracle, &world->machines[owners[0] - 1].image.synced, key, &cell);
    bool any = expected(oracle, key, &cell, &sum);
    buffer_printf(&wanted, "%" PRId64, sum);
    if (any != (reply->type == RESP_TYPE_BULK) ||
        (any && !slice_equal(reply->text, buffer_slice(&wanted))))
        oracle_fail_answer(oracle, machine, command, command->keys[0], "end",
                           "the last sum is not that of the events");
    cell_deinit(&cell);
    buffer_deinit(&wanted);
}

/* Whether a tombstone not below `promised` has done its work. */
static bool is_deleted_for_good(const struct oracle_key *key, const struct version *promised)
{
    for (uint32_t i = 0; i < key->version_count; i++)
        if (key->versions[i]->collected && key->versions[i]->kind == SIBLING_TOMBSTONE &&
            !oracle_is_above(promised, key->versions[i]))
            return true;
    return false;
}

void oracle_counter_end(struct oracle *oracle, const struct machine *owner,
                        const struct oracle_key *key, const struct cell *cell)
{
    const struct version *promised = NULL, *last = NULL;
    struct count_sets sets, collected = {0};
    sets_of(oracle, key, cell, &sets);
    join_collected(key, &collected);
    for (uint32_t i = 0; i < key->counter->event_count; i++) {
        const struct version *event = key->counter->events[i]->version;
        if (event->acked && !event->excused && !has(sets.seen, i) && !has(collected.reset, i))
            fail(oracle, owner, key, "end", "an acknowledged increment is lost");
    }
    /* A field has tombstones alone beside its sum, and a delete of its hash takes them along. */
    for (uint32_t i = 0; key->tally == TALLY_NONE && i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind == SIBLING_COUNTER)
            continue;
        if (version->acked && !version->excused && oracle_is_above(version, promised))
            promised = version;
        if (cell_find(cell, &version->dot) != NULL)
            last = version;
    }
    if (last == NULL && promised != NULL && is_deleted_for_good(key, promised))
        return;
    if (promised != NULL && (last == NULL || oracle_is_above(promised, last)))
        fail(oracle, owner, key, "end", "an acknowledged string lost to nothing or an older one");
}
