/*
 * oracle_answer.c - what answers promise, and whether it was true when they were sent.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "coordinator/level.h"
#include "ring/element_key.h"
#include "sim/oracle_counter.h"
#include "sim/oracle_hash.h"
#include "sim/oracle_tally.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"

/* Nodes agree on the time within max_clock_skew_ms, once they have heard of each other's clocks. */
enum { CLOCKS_AGREE_AFTER_US = 5000000 };

/* What the owners have of a key, for whoever looks for the reason. */
static void note_owners(struct oracle *oracle, uint32_t index)
{
    const struct world *world = oracle->world;
    const struct oracle_key *key = &oracle->keys[index];
    const node_id *owners = ring_owners(world->ring, key->partition);
    for (uint8_t i = 0; i < world->ring->owner_count; i++) {
        struct cell cell;
        oracle_load(oracle, &world->machines[owners[i] - 1].image.synced, key, &cell);
        world_note(oracle->world, "n%u holds of %s: %u live", owners[i], key->name, cell.count);
        for (uint32_t j = 0; j < cell.count; j++)
            world_note(oracle->world, "  live dot=%u.%u.%u:%" PRIu64 " time=%" PRIu64,
                       cell.siblings[j].dot.actor.node,
                       cell.siblings[j].dot.actor.storage_incarnation,
                       cell.siblings[j].dot.actor.boot_epoch, cell.siblings[j].dot.sequence,
                       cell.siblings[j].time);
        cell_deinit(&cell);
    }
}

void oracle_fail_answer(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, uint32_t key, const char *kind,
                        const char *what)
{
    world_fail(oracle->world, VERDICT_WRONG, kind,
               "%s (keyspace %u), command %" PRIu64 " kind %u level %u answered by n%u: %s",
               oracle->keys[key].name, oracle->keys[key].keyspace, command->serial,
               (unsigned)command->kind, command->level, machine->id, what);
    note_owners(oracle, key);
}

/* ---- what a read must not miss ---- */

/*
 * An acknowledged write and a read meet when their owners overlap. After disks
 * were lost that holds only for writes on a majority, which rebuilding meets.
 */
bool oracle_meets(const struct oracle *oracle, const struct version *version, uint8_t read_owners)
{
    uint8_t owners = oracle->world->ring->owner_count;
    if (!version->acked || version->excused || version->certain + read_owners <= owners)
        return false;
    return version->destroyed == 0 || version->certain > owners / 2;
}

static const struct version *floor_of(const struct oracle *oracle, const struct oracle_key *key,
                                      const struct command *command)
{
    uint8_t read_owners = oracle_read_owners(oracle, command);
    const struct version *floor = NULL;
    if (key->counter != NULL || key->hash != 0 || key->tally != TALLY_NONE)
        return NULL; /* it is no single version */
    for (uint32_t i = 0; i < key->version_count; i++)
        if (oracle_meets(oracle, key->versions[i], read_owners) &&
            oracle_is_above(key->versions[i], floor))
            floor = key->versions[i];
    if (read_owners > oracle->world->ring->owner_count / 2 && key->read_floor != NULL &&
        !key->read_floor->excused && oracle_is_above(key->read_floor, floor))
        floor = key->read_floor;
    return floor;
}

void oracle_sent(struct oracle *oracle, const struct machine *machine, struct command *command)
{
    struct world *world = oracle->world;
    oracle->command_count++;
    command->start_us = world->now_us;
    if (command->attempt == 0) { /* sent again it may answer as of then */
        command->first_us = world->now_us;
        command->wall_min_ms = UINT64_MAX;
    }
    command->region = machine->region;
    for (uint32_t i = 0; i < world->plan.node_count; i++) {
        uint64_t wall_ms = machine_wall_ms(&world->machines[i]);
        if (wall_ms < command->wall_min_ms)
            command->wall_min_ms = wall_ms;
    }
    for (uint32_t i = 0; i < command->key_count; i++) {
        const struct oracle_key *key = &oracle->keys[command->keys[i]];
        struct write *write = command->writes[i];
        if (command->attempt == 0) /* sent again it answers as of then */
            command->floors[i] = floor_of(oracle, key, command);
        else if (write != NULL && write->outcome != OUTCOME_ACKED)
            write->outcome = OUTCOME_UNCERTAIN;
        world_note(world,
                   "command %" PRIu64 " kind=%u level=%u at n%u %s write=<%u> floor=%" PRIu64,
                   command->serial, (unsigned)command->kind, command->level, machine->id, key->name,
                   command->writes[i] == NULL ? 0 : command->writes[i]->number,
                   command->floors[i] == NULL ? 0 : command->floors[i]->time);
    }
}

static bool is_absent(const struct oracle *oracle, const struct version *version)
{
    if (version->kind == SIBLING_TOMBSTONE)
        return true;
    if (version->expire_at_ms == 0 || version->expire_at_ms > world_latest_ms(oracle->world))
        return false;
    marks_hit(oracle->world->marks, MARK_EXPIRED);
    return true;
}

/* The key was seen as absent: something at or above the floor must say so. */
static void check_absent(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, uint32_t index)
{
    const struct oracle_key *key = &oracle->keys[command->keys[index]];
    const struct version *floor = command->floors[index];
    if (floor == NULL || floor->excused)
        return;
    marks_hit(oracle->world->marks, MARK_READ_FLOOR_CHECKED);
    for (uint32_t i = 0; i < key->version_count; i++)
        if (!oracle_is_above(floor, key->versions[i]) && is_absent(oracle, key->versions[i]))
            return;
    oracle_fail_answer(oracle, machine, command, command->keys[index], "read",
                       "an acknowledged or already read value was not seen (absent)");
}

/*
 * The newest or the oldest version of the key with this value, or NULL: an expiry that is changed
 * gives a value another dot, and the answer does not tell which one was read.
 */
static const struct version *find_value(const struct oracle_key *key, struct slice value,
                                        bool newest)
{
    const struct version *found = NULL;
    uint64_t digest = hash64(value, 0);
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind != SIBLING_TOMBSTONE && version->value_digest == digest &&
            (found == NULL || oracle_is_above(version, found) == newest))
            found = version;
    }
    return found;
}

static bool all_expired(const struct oracle_key *key, const struct version *like, uint64_t wall_ms)
{
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *version = key->versions[i];
        if (version->kind != SIBLING_TOMBSTONE && version->value_digest == like->value_digest &&
            (version->expire_at_ms == 0 || version->expire_at_ms > wall_ms))
            return false;
    }
    return true;
}

/*
 * Whether what this command read must not be missed by a later read on a majority. One that writes
 * as well shows what its write stands on, so the write must be on a majority too.
 */
static bool is_monotonic(const struct oracle *oracle, const struct command *command)
{
    uint8_t half = oracle->world->ring->owner_count / 2;
    return oracle_read_owners(oracle, command) > half &&
           (command->writes[0] == NULL || oracle_write_certain(oracle, command) > half);
}

static void check_value(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, uint32_t index, struct slice value)
{
    struct oracle_key *key = &oracle->keys[command->keys[index]];
    const struct version *floor = command->floors[index];
    const struct version *version = find_value(key, value, true);
    if (version == NULL) {
        oracle_fail_answer(oracle, machine, command, command->keys[index], "read",
                           "a value that no version has");
        return;
    }
    uint64_t skew_ms = oracle->world->plan.settings.max_clock_skew_ms;
    bool clocks_agree =
        oracle->world->clock_changed_at_us + CLOCKS_AGREE_AFTER_US < command->first_us;
    if (clocks_agree && all_expired(key, version, command->wall_min_ms - skew_ms))
        oracle_fail_answer(oracle, machine, command, command->keys[index], "expiry",
                           "an expired value was shown");
    if (floor != NULL && !floor->excused) {
        marks_hit(oracle->world->marks, MARK_READ_FLOOR_CHECKED);
        if (oracle_is_above(floor, version))
            oracle_fail_answer(oracle, machine, command, command->keys[index], "read",
                               "an older value than one acknowledged or already read");
    }
    const struct version *oldest = find_value(key, value, false);
    if (is_monotonic(oracle, command) && oracle_is_above(oldest, key->read_floor))
        key->read_floor = oldest;
    if (command->last && !oracle_may_be_last(oracle, command->keys[index], version))
        oracle_fail_answer(oracle, machine, command, command->keys[index], "end",
                           "the last value is not one that may win");
}

static void check_read(struct oracle *oracle, const struct machine *machine,
                       const struct command *command, uint32_t index,
                       const struct resp_value *reply)
{
    oracle_moves_answered(oracle, &oracle->keys[command->keys[index]], false);
    if (oracle_keeps_siblings(&oracle->keys[command->keys[index]])) {
        oracle_siblings_got(oracle, machine, command, reply);
    } else if (reply->type == RESP_TYPE_BULK) {
        check_value(oracle, machine, command, index, reply->text);
    } else if (reply->type == RESP_TYPE_NULL) {
        check_absent(oracle, machine, command, index);
        if (command->last && !oracle_may_be_last(oracle, command->keys[index], NULL))
            oracle_fail_answer(oracle, machine, command, command->keys[index], "end",
                               "a key that must be there is absent");
    } else {
        oracle_fail_answer(oracle, machine, command, command->keys[index], "I8",
                           "the answer to a read is neither a value nor nothing");
    }
}

/* ---- acknowledged writes ---- */

/* I2: copies on synced disks by region; a disk that was lost since counts as one that was there. */
static void count_copies(struct oracle *oracle, const struct version *version, const node_id *row,
                         uint64_t since_us, uint8_t *by_region)
{
    const struct world *world = oracle->world;
    memset(by_region, 0, PLAN_REGIONS_MAX);
    for (uint8_t i = 0; i < world->ring->owner_count; i++) {
        const struct machine *owner = &world->machines[row[i] - 1];
        bool lost_since = owner->wiped_at_us > since_us;
        if (lost_since || oracle_holds(oracle, &owner->image.synced, version))
            by_region[owner->region]++;
    }
}

static bool is_durable_in(struct oracle *oracle, const struct command *command,
                          const struct version *version, const node_id *row)
{
    uint8_t by_region[PLAN_REGIONS_MAX];
    count_copies(oracle, version, row, command->first_us, by_region);
    if (oracle_write_met(oracle, command, by_region, 0))
        return true;
    if (!oracle_is_sloppy(command) ||
        !oracle_write_met(oracle, command, by_region,
                          oracle_hint_copies(oracle, version, row, command->first_us)))
        return false;
    marks_hit(oracle->world->marks, MARK_SLOPPY_WRITE);
    return true;
}

/* Under a tag that the partition has, or had: in both sets of owners (T2). */
static bool is_durable(struct oracle *oracle, const struct command *command,
                       const struct version *version)
{
    uint32_t count;
    const struct placement *placements =
        placements_of(oracle->world, oracle->keys[version->key].partition, &count);
    for (; count > 0; count--)
        if (is_durable_in(oracle, command, version, placements[count - 1].owners) &&
            is_durable_in(oracle, command, version, placements[count - 1].coming))
            return true;
    return false;
}

/* Whether the version can be what the write made, when its value does not name it. */
static bool can_be_of(const struct command *command, const struct version *version)
{
    if (version->made_us < command->first_us)
        return false;
    switch (command->kind) {
    case COMMAND_DEL:
    case COMMAND_COUNTER_DEL:
    case COMMAND_GETDEL:
    case COMMAND_HASH_DEL:
    case COMMAND_SET: /* with an expiry that has passed on its way */
    case COMMAND_SETNX:
        return version->kind == SIBLING_TOMBSTONE;
    case COMMAND_HASH_CLEAR:
        return version->kind == SIBLING_CUT;
    case COMMAND_HASH_END:
        return version->kind == SIBLING_DEADLINE &&
               (version->expire_at_ms == command->expire_at_ms ||
                (version->expire_at_ms == hybrid_time_ms(version->time) + 1 &&
                 version->expire_at_ms > command->expire_at_ms)); /* times were ahead */
    case COMMAND_HASH_SET: /* of a member, which has no value */
        return version->kind == SIBLING_STRING;
    case COMMAND_EXPIRE_AT: /* a time that has passed deletes */
        return version->expire_at_ms == command->expire_at_ms || version->kind == SIBLING_TOMBSTONE;
    default:
        assert(command->kind == COMMAND_PERSIST);
        return version->kind != SIBLING_TOMBSTONE && version->expire_at_ms == 0;
    }
}

/*
 * Whether the version can be what a request with the same id made that came later. The value of
 * the one before may be lost, and its time over by then: so the later one deletes.
 */
static bool is_of_repeat(const struct command *command, const struct write *write,
                         const struct version *version)
{
    if (command->expire_at_ms != 0 && version->kind == SIBLING_TOMBSTONE)
        return can_be_of(command, version);
    return version->write == write->number;
}

/* The least durable version that this command can have made, or NULL. */
static struct version *find_durable(struct oracle *oracle, const struct command *command,
                                    const struct write *write)
{
    const struct oracle_key *key = &oracle->keys[write->key];
    struct version *found = NULL;
    for (uint32_t i = 0; i < key->version_count; i++) {
        struct version *version = key->versions[i];
        bool candidate = write->version == NULL
                             ? can_be_of(command, version)
                             : version == write->version || (command->identity != 0 &&
                                                             is_of_repeat(command, write, version));
        if (candidate && (found == NULL || oracle_is_above(found, version)) &&
            is_durable(oracle, command, version))
            found = version;
    }
    return found;
}

static void acknowledged(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, uint32_t index)
{
    struct write *write = command->writes[index];
    write->outcome = OUTCOME_ACKED;
    bool named = command->kind != COMMAND_DEL && command->kind != COMMAND_GETDEL &&
                 command->kind != COMMAND_COUNTER_DEL && command->kind != COMMAND_PERSIST &&
                 command->kind != COMMAND_HASH_DEL && command->kind != COMMAND_HASH_CLEAR &&
                 command->collection != COLLECTION_SET && command->expire_at_ms == 0;
    struct version *version = NULL;
    if (!named || write->version != NULL)
        version = find_durable(oracle, command, write);
    if (version == NULL) {
        oracle_fail_answer(oracle, machine, command, write->key, "I2",
                           named && write->version == NULL
                               ? "an acknowledged write was never made"
                               : "an acknowledged write is on too few synced disks");
        return;
    }
    oracle_moves_answered(oracle, &oracle->keys[write->key], true);
    if (!version->acked)
        version->acked_us = oracle->world->now_us;
    version->acked = true;
    if (oracle_write_owners(oracle, command) > version->copies)
        version->copies = oracle_write_owners(oracle, command);
    if (oracle_write_certain(oracle, command) > version->certain)
        version->certain = oracle_write_certain(oracle, command);
}

static bool is_empty(const struct oracle_key *key, const struct version *version)
{
    return key->empty_write != NULL && version->write == key->empty_write->number;
}

/* An append stands on what a read of its level must see. */
static void check_append_base(struct oracle *oracle, const struct machine *machine,
                              const struct command *command)
{
    const struct version *made = command->writes[0]->version;
    const struct version *floor = command->floors[0];
    if (made == NULL || floor == NULL || floor->excused)
        return;
    const struct oracle_key *key = &oracle->keys[command->keys[0]];
    for (uint32_t i = 0; i < key->version_count; i++) {
        const struct version *base = key->versions[i];
        bool is_base = made->base_write != 0 ? base->write == made->base_write
                                             : is_absent(oracle, base) || is_empty(key, base);
        if (base != made && is_base && !oracle_is_above(floor, base))
            return;
    }
    oracle_fail_answer(oracle, machine, command, command->keys[0], "read",
                       "appended to an older value than one acknowledged");
}

/* ---- errors ---- */

static bool begins(struct slice text, const char *word)
{
    size_t length = strlen(word);
    return text.length > length && memcmp(text.data, word, length) == 0 && text.data[length] == ' ';
}

static void set_outcomes(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, enum outcome outcome)
{
    for (uint32_t i = 0; i < command->key_count; i++) {
        struct write *write = command->writes[i];
        if (write == NULL || write->outcome == OUTCOME_ACKED)
            continue;
        /* Of a request that was sent again, such an answer is of this attempt alone. */
        write->outcome = command->attempt > 0 ? OUTCOME_UNCERTAIN : outcome;
        if (command->attempt > 0)
            continue;
        if (write->version != NULL && outcome == OUTCOME_FAILED)
            oracle_fail_answer(oracle, machine, command, write->key, "definite",
                               "a definite error, but the write was made");
        if (write->version != NULL && outcome == OUTCOME_NOTHING)
            oracle_fail_answer(oracle, machine, command, write->key, "definite",
                               "it answered that nothing was written, but a write was made");
    }
}

static void error_answered(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, struct slice text)
{
    static const struct {
        const char *word;
        enum mark mark;
    } known[] = {{"NOREPLICAS", MARK_COMMAND_UNAVAILABLE}, {"OVERLOADED", MARK_COMMAND_OVERLOADED},
                 {"CLOCKSKEW", MARK_COMMAND_CLOCK_SKEW},   {"LOADING", MARK_COMMAND_LOADING},
                 {"DISKFULL", MARK_COMMAND_DISK_FULL},     {"TRYAGAIN", MARK_COMMAND_OTHER_ERROR},
                 {"BADCONTEXT", MARK_CONTEXT_REFUSED},     {"SIBLINGLIMIT", MARK_SIBLING_LIMIT},
                 {"ERR", MARK_COMMAND_OTHER_ERROR}};
    world_note(oracle->world, "command %" PRIu64 " at n%u: %.*s", command->serial, machine->id,
               (int)text.length, (const char *)text.data);
    bool bad = command->context == CONTEXT_FORGED || command->context == CONTEXT_FOREIGN;
    bool never = command->level >= LEVEL_ONE && command->level <= LEVEL_THREE &&
                 command->level - LEVEL_ONE + 1 > oracle->world->ring->owner_count;
    /* Either reason is a good one; and before users are known nothing of a command is looked at. */
    if (bad != begins(text, "BADCONTEXT") && !(bad && (never || begins(text, "LOADING"))))
        oracle_fail_answer(oracle, machine, command, command->keys[0], "context",
                           bad ? "a forged context was not refused as such"
                               : "a context that a node gave was refused");
    if (begins(text, "WRONGTYPE") && command->collection != COLLECTION_NONE) {
        set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
        oracle_hash_refused(oracle, machine, command);
        return;
    }
    if (begins(text, "UNCERTAIN the id"))
        marks_hit(oracle->world->marks, MARK_REQUEST_TOO_OLD);
    if (begins(text, "UNCERTAIN the"))
        marks_hit(oracle->world->marks, MARK_REQUEST_UNKNOWN);
    if (begins(text, "UNCERTAIN")) {
        marks_hit(oracle->world->marks, MARK_COMMAND_UNCERTAIN);
        set_outcomes(oracle, machine, command, OUTCOME_UNCERTAIN);
        return;
    }
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!begins(text, known[i].word))
            continue;
        marks_hit(oracle->world->marks, known[i].mark);
        set_outcomes(oracle, machine, command, OUTCOME_FAILED);
        return;
    }
    world_fail(oracle->world, VERDICT_WRONG, "I8", "n%u answers with an unknown error: %.*s",
               machine->id, (int)text.length, (const char *)text.data);
}

/* ---- answers ---- */

/* WAIT counts the owners beside the first that have the connection's last write on disk. */
static void check_waited(struct oracle *oracle, const struct machine *machine,
                         const struct command *command, int64_t others)
{
    const struct version *version = command->waits_for;
    uint32_t count;
    int64_t most = 0;
    if (version == NULL || others == 0)
        return;
    const struct placement *placements =
        placements_of(oracle->world, oracle->keys[version->key].partition, &count);
    for (; count > 0; count--) {
        uint8_t by_region[PLAN_REGIONS_MAX];
        int64_t copies = 0;
        count_copies(oracle, version, placements[count - 1].coming, version->made_us, by_region);
        for (uint32_t i = 0; i < PLAN_REGIONS_MAX; i++)
            copies += by_region[i];
        most = copies > most ? copies : most;
    }
    if (most < others + 1)
        oracle_fail_answer(oracle, machine, command, command->waits_for->key, "I2",
                           "WAIT counts owners that do not hold the last write");
}

/* Commands that answer with a number: whether they wrote, or whether a key was there. */
static void number_answered(struct oracle *oracle, const struct machine *machine,
                            const struct command *command, int64_t number)
{
    switch (command->kind) {
    case COMMAND_APPEND:
        check_append_base(oracle, machine, command);
        acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_EXISTS:
        if (number == 0)
            check_absent(oracle, machine, command, 0);
        break;
    case COMMAND_MSETNX:
        for (uint32_t i = 0; number != 0 && i < command->key_count; i++) {
            check_absent(oracle, machine, command, i);
            acknowledged(oracle, machine, command, i);
        }
        if (number == 0)
            set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
        break;
    case COMMAND_WAIT:
        check_waited(oracle, machine, command, number);
        break;
    case COMMAND_DBSIZE:
        break;
    case COMMAND_INCREMENT:
        acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_HASH_GET: /* of a member */
        oracle_hash_has_member(oracle, machine, command, number != 0);
        break;
    case COMMAND_HASH_SET: /* the number of new fields */
        acknowledged(oracle, machine, command, 0);
        oracle_hash_taken(oracle, machine, command);
        break;
    case COMMAND_HASH_DEL:
    case COMMAND_HASH_CLEAR:
        if (number == 0)
            set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
        else
            acknowledged(oracle, machine, command, 0);
        if (command->kind == COMMAND_HASH_DEL)
            oracle_hash_taken(oracle, machine, command);
        if (oracle->keys[command->keys[0]].tally == TALLY_KEY)
            oracle_tally_removed(oracle, machine, command);
        else
            oracle_hash_removed(oracle, machine, command);
        break;
    case COMMAND_HASH_END:
        if (number != 0 && command->expire_at_ms <= world_latest_ms(oracle->world))
            break; /* it had passed, and deleted what was there, if anything */
        if (number != 0) {
            acknowledged(oracle, machine, command, 0);
            break;
        }
        set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
        oracle_hash_not_there(oracle, machine, command);
        break;
    case COMMAND_COUNTER_DEL:
        if (number == 0) {
            set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
            break;
        }
        acknowledged(oracle, machine, command, 0);
        oracle_counter_replaced(oracle, machine, command);
        break;
    default:
        if (number != 0) {
            acknowledged(oracle, machine, command, 0);
            break;
        }
        if (command->attempt == 0)
            command->writes[0]->outcome = OUTCOME_NOTHING;
        if (command->context != CONTEXT_NONE)
            oracle_siblings_not_deleted(oracle, machine, command);
        else if (command->kind != COMMAND_PERSIST)
            check_absent(oracle, machine, command, 0);
        break;
    }
}

/* KEYS and SCAN show only keys that exist; at the end, KEYS shows all of them. */
static void keys_listed(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, const struct resp_value *list)
{
    struct world *world = oracle->world;
    memset(oracle->listed, 0, oracle->key_count * sizeof *oracle->listed);
    for (size_t i = 0; i < list->element_count; i++) {
        const struct oracle_key *key = list->elements[i].type == RESP_TYPE_BULK
                                           ? oracle_find_key(oracle, 0, list->elements[i].text)
                                           : NULL;
        if (key == NULL || oracle->listed[oracle_key_index(oracle, key)])
            world_fail(world, VERDICT_WRONG, "keys", "n%u lists a key twice, or one that is none",
                       machine->id);
        else
            oracle->listed[oracle_key_index(oracle, key)] = true;
    }
    if (command->last && oracle->listed[oracle_tally_key(oracle)] != oracle_tally_is_there(oracle))
        world_fail(world, VERDICT_WRONG, "keys", "n%u: KEYS is wrong about the tally", machine->id);
    for (uint32_t h = 0; command->last && h < HASH_COUNT; h++) {
        uint32_t index = oracle_hash_key(oracle, h);
        if (oracle->listed[index] != oracle_hash_is_there(oracle, &oracle->keys[index]))
            world_fail(world, VERDICT_WRONG, "keys", "n%u: KEYS is wrong about %s", machine->id,
                       oracle->keys[index].name);
    }
    for (uint32_t i = 0; command->last && i < oracle->key_counts[0]; i++) {
        bool may_be_absent = oracle_may_be_last(oracle, i, NULL);
        bool may_be_there = false;
        for (uint32_t j = 0; j < oracle->keys[i].version_count; j++)
            may_be_there =
                may_be_there || (oracle->keys[i].versions[j]->kind != SIBLING_TOMBSTONE &&
                                 oracle_may_be_last(oracle, i, oracle->keys[i].versions[j]));
        if (oracle->listed[i] ? !may_be_there : !may_be_absent)
            world_fail(world, VERDICT_WRONG, "keys", "n%u: KEYS is wrong about %s", machine->id,
                       oracle->keys[i].name);
    }
}

static bool is_kind(const struct resp_value *reply, enum resp_type type)
{
    return reply->type == type;
}

/* Whether the answer has the form that the command's answers have. */
static bool has_form(const struct command *command, const struct resp_value *reply)
{
    switch (command->kind) {
    case COMMAND_GET:
    case COMMAND_GETSET:
    case COMMAND_GETDEL:
    case COMMAND_COUNTER_GET:
        return is_kind(reply, RESP_TYPE_BULK) || is_kind(reply, RESP_TYPE_NULL);
    case COMMAND_HASH_GET:
        if (command->collection == COLLECTION_SET)
            return is_kind(reply, RESP_TYPE_INTEGER);
        return is_kind(reply, RESP_TYPE_BULK) || is_kind(reply, RESP_TYPE_NULL);
    case COMMAND_SET:
    case COMMAND_COUNTER_SET:
    case COMMAND_MSET:
        return is_kind(reply, RESP_TYPE_SIMPLE);
    case COMMAND_SETNX:
        return is_kind(reply, RESP_TYPE_SIMPLE) || is_kind(reply, RESP_TYPE_NULL);
    case COMMAND_MGET:
        return is_kind(reply, RESP_TYPE_ARRAY) && reply->element_count == command->key_count;
    case COMMAND_SCAN:
        return is_kind(reply, RESP_TYPE_ARRAY) && reply->element_count == 2 &&
               is_kind(&reply->elements[0], RESP_TYPE_BULK) &&
               is_kind(&reply->elements[1], RESP_TYPE_ARRAY);
    case COMMAND_HASH_ALL:
        return is_kind(reply, RESP_TYPE_ARRAY) &&
               (command->collection == COLLECTION_SET || reply->element_count % 2 == 0);
    case COMMAND_KEYS:
    case COMMAND_RING_GET:
        return is_kind(reply, RESP_TYPE_ARRAY);
    case COMMAND_INCREMENT: /* ZINCRBY shows the sum as text */
        return is_kind(reply, RESP_TYPE_INTEGER) || is_kind(reply, RESP_TYPE_BULK);
    default:
        return is_kind(reply, RESP_TYPE_INTEGER);
    }
}

static void value_answered(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, const struct resp_value *reply)
{
    switch (command->kind) {
    case COMMAND_GET:
        check_read(oracle, machine, command, 0, reply);
        break;
    case COMMAND_GETSET:
        check_read(oracle, machine, command, 0, reply);
        acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_GETDEL:
        check_read(oracle, machine, command, 0, reply);
        if (reply->type == RESP_TYPE_BULK)
            acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_SETNX:
        if (reply->type == RESP_TYPE_NULL) {
            set_outcomes(oracle, machine, command, OUTCOME_NOTHING);
            break;
        }
        check_absent(oracle, machine, command, 0);
        acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_SET:
    case COMMAND_MSET:
        for (uint32_t i = 0; i < command->key_count; i++)
            acknowledged(oracle, machine, command, i);
        break;
    case COMMAND_COUNTER_SET:
        acknowledged(oracle, machine, command, 0);
        oracle_counter_replaced(oracle, machine, command);
        break;
    case COMMAND_COUNTER_GET:
        if (command->last)
            oracle_counter_last(oracle, machine, command, reply);
        break;
    case COMMAND_HASH_GET:
        if (reply->type == RESP_TYPE_INTEGER)
            number_answered(oracle, machine, command, reply->integer);
        else
            oracle_hash_shown(oracle, machine, command, reply);
        break;
    case COMMAND_HASH_ALL:
        oracle_hash_shown(oracle, machine, command, reply);
        break;
    case COMMAND_INCREMENT:
        acknowledged(oracle, machine, command, 0);
        break;
    case COMMAND_MGET:
        for (uint32_t i = 0; i < command->key_count; i++)
            check_read(oracle, machine, command, i, &reply->elements[i]);
        break;
    case COMMAND_SCAN:
        keys_listed(oracle, machine, command, &reply->elements[1]);
        break;
    case COMMAND_KEYS:
        keys_listed(oracle, machine, command, reply);
        break;
    case COMMAND_RING_GET:
        oracle_siblings_shown(oracle, machine, command, reply);
        break;
    default:
        number_answered(oracle, machine, command, reply->integer);
        break;
    }
}

static void note_answer(struct oracle *oracle, const struct machine *machine,
                        const struct command *command, const struct resp_value *reply)
{
    enum { SHOWN_MAX = 60 };
    if (reply->type == RESP_TYPE_BULK || reply->type == RESP_TYPE_SIMPLE)
        world_note(oracle->world, "command %" PRIu64 " at n%u: %.*s", command->serial, machine->id,
                   reply->text.length < SHOWN_MAX ? (int)reply->text.length : SHOWN_MAX,
                   (const char *)reply->text.data);
    else if (reply->type == RESP_TYPE_INTEGER)
        world_note(oracle->world, "command %" PRIu64 " at n%u: %" PRId64, command->serial,
                   machine->id, reply->integer);
    else
        world_note(oracle->world, "command %" PRIu64 " at n%u: reply of type %u", command->serial,
                   machine->id, (unsigned)reply->type);
}

uint64_t oracle_answer_digest(const struct resp_value *reply)
{
    bool is_number = reply->type == RESP_TYPE_INTEGER;
    uint64_t digest =
        is_number ? (uint64_t)reply->integer : hash64(reply->text, (uint64_t)reply->type);
    return digest == 0 ? 1 : digest;
}

/* A request that was acknowledged, and made once, is answered as it was. */
static void check_repeated(struct oracle *oracle, const struct machine *machine,
                           const struct command *command, const struct resp_value *reply)
{
    const struct write *write = command->writes[0];
    const struct oracle_key *key = &oracle->keys[command->keys[0]];
    uint32_t made = 0;
    if (command->answered_digest == 0 || command->key_count != 1 || write->version == NULL ||
        command->kind == COMMAND_INCREMENT) /* it answers with the sum of now */
        return;
    for (uint32_t i = 0; i < key->version_count; i++)
        made += key->versions[i]->write == write->number;
    if (made != 1 || key->expiry_writes > 0 || write->version->destroyed > 0 ||
        !oracle_meets(oracle, write->version, oracle_read_owners(oracle, command)))
        return;
    marks_hit(oracle->world->marks, MARK_REQUEST_ANSWERED_AGAIN);
    if (command->answered_digest != oracle_answer_digest(reply))
        oracle_fail_answer(oracle, machine, command, command->keys[0], "once",
                           "sent again, a request has another answer than the first");
}

void oracle_answered(struct oracle *oracle, const struct machine *machine,
                     const struct command *command, const struct resp_value *reply)
{
    if (reply->type == RESP_TYPE_ERROR) {
        error_answered(oracle, machine, command, reply->text);
        return;
    }
    if (!has_form(command, reply)) {
        world_fail(oracle->world, VERDICT_WRONG, "I8",
                   "n%u answers command %" PRIu64 " of kind %u with a reply of type %u",
                   machine->id, command->serial, (unsigned)command->kind, (unsigned)reply->type);
        return;
    }
    if (command->context == CONTEXT_FORGED || command->context == CONTEXT_FOREIGN)
        oracle_fail_answer(oracle, machine, command, command->keys[0], "context",
                           "a forged context was taken");
    marks_hit(oracle->world->marks, MARK_COMMAND_OK);
    note_answer(oracle, machine, command, reply);
    if (command->attempt > 0)
        check_repeated(oracle, machine, command, reply);
    value_answered(oracle, machine, command, reply);
}

const struct version *oracle_last_written(const struct command *command)
{
    const struct write *write = command->key_count == 1 ? command->writes[0] : NULL;
    if (command->attempt > 0)
        return NULL; /* of several that were made, the answer does not tell which one it is of */
    return write != NULL && write->outcome == OUTCOME_ACKED ? write->version : NULL;
}

void oracle_unanswered(struct oracle *oracle, const struct command *command)
{
    (void)oracle;
    for (uint32_t i = 0; i < command->key_count; i++)
        if (command->writes[i] != NULL && command->writes[i]->outcome != OUTCOME_ACKED)
            command->writes[i]->outcome = OUTCOME_UNCERTAIN;
}
