#include "sim/register_oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "membership/register_value.h"
#include "sim/machine.h"
#include "sim/movers.h"
#include "sim/oracle_state.h"
#include "sim/placements.h"
#include "sim/world.h"
#include "wire/frame.h"
#include "wire/message_register.h"

/* A value on its way to some disk, as the newest known or as accepted. */
struct seen_value {
    struct ballot ballot; /* none: known to be chosen */
    uint64_t generation, seq;
    uint64_t digest;
    uint16_t keyspace_count;
    struct ring_keyspace keyspaces[RING_KEYSPACES_MAX];
    uint32_t users[OPERATORS_MAX]; /* the mark of each operator's user; 0: there is none */
    uint16_t drops[RING_KEYSPACES_MAX];
};

struct judged {
    struct operator_change change;
    uint64_t seq; /* 0: refused */
};

struct register_oracle {
    struct world *world;
    struct seen_value *values;
    size_t value_count, value_capacity;
    struct judged *changes;
    size_t change_count, change_capacity;
};

struct register_oracle *register_oracle_new(struct world *world)
{
    struct register_oracle *oracle = memory_new(1, sizeof *oracle);
    oracle->world = world;
    return oracle;
}

void register_oracle_free(struct register_oracle *oracle)
{
    if (oracle == NULL)
        return;
    free(oracle->values);
    free(oracle->changes);
    free(oracle);
}

static void fail(struct register_oracle *oracle, const char *kind, const struct machine *machine,
                 const char *what, uint64_t seq)
{
    world_fail(oracle->world, VERDICT_WRONG, kind, "n%u: %s (seq %" PRIu64 ")", machine->id, what,
               seq);
}

/* ---- R4 ---- */

/* The user has the mark of the change, or of a later one. */
static bool shows_user(const struct seen_value *value, const struct operator_change *change)
{
    return value->users[change->index] >= change->mark;
}

uint64_t register_oracle_seq_of_user(const struct register_oracle *oracle,
                                     const struct operator_change *change)
{
    uint64_t chosen = 0, accepted = 0;
    for (size_t i = 0; i < oracle->value_count; i++) {
        const struct seen_value *value = &oracle->values[i];
        if (!shows_user(value, change))
            continue;
        if (!ballot_is_none(value->ballot))
            accepted = value->seq > accepted ? value->seq : accepted; /* in some attempt */
        else if (chosen == 0 || value->seq < chosen)
            chosen = value->seq;
    }
    return chosen != 0 ? chosen : accepted;
}

static bool shows(const struct seen_value *value, const struct operator_change *change,
                  bool refused)
{
    if (change->of_user)
        return refused ? value->users[change->index] == change->mark : shows_user(value, change);
    for (uint16_t i = 0; i < value->keyspace_count; i++) {
        const struct ring_keyspace *keyspace = &value->keyspaces[i];
        if (strcmp(keyspace->name, change->keyspace) == 0)
            return change->creates || keyspace->siblings_max == change->mark;
    }
    return false;
}

static void judge(struct register_oracle *oracle, const struct machine *machine,
                  const struct judged *judged, const struct seen_value *value)
{
    if (!ballot_is_none(value->ballot))
        return; /* not known to be chosen */
    bool has = shows(value, &judged->change, judged->seq == 0);
    if (judged->seq == 0 && has)
        fail(oracle, "R4", machine, "a refused change is in a value", value->seq);
    bool must = judged->seq != 0 &&
                (judged->change.creates ? value->seq >= judged->seq : value->seq == judged->seq);
    if (must && !has)
        fail(oracle, "R4", machine, "a change that was made is missing in a value", value->seq);
}

static void keep_change(struct register_oracle *oracle, const struct machine *machine,
                        const struct operator_change *change, uint64_t seq)
{
    if (oracle->change_count == oracle->change_capacity) {
        oracle->change_capacity = oracle->change_capacity * 2 + 16;
        oracle->changes =
            memory_resize(oracle->changes, oracle->change_capacity, sizeof *oracle->changes);
    }
    struct judged *judged = &oracle->changes[oracle->change_count++];
    *judged = (struct judged){.change = *change, .seq = seq};
    for (size_t i = 0; i < oracle->value_count; i++)
        judge(oracle, machine, judged, &oracle->values[i]);
}

void register_oracle_made(struct register_oracle *oracle, const struct machine *machine,
                          const struct operator_change *change, uint64_t seq)
{
    keep_change(oracle, machine, change, seq);
}

void register_oracle_refused(struct register_oracle *oracle, const struct machine *machine,
                             const struct operator_change *change)
{
    keep_change(oracle, machine, change, 0);
}

/* ---- R1, R2 ---- */

static uint32_t mark_of_user(const struct user_set *users, uint32_t index)
{
    static const char option[] = "timeout=";
    char name[16];
    snprintf(name, sizeof name, "op%u", index);
    const struct user *user = user_set_find(users, slice_text(name));
    uint32_t mark = 0;
    if (user == NULL)
        return 0;
    for (size_t i = sizeof option - 1; i < user->options.length; i++)
        mark = mark * 10 + (uint32_t)(user->options.data[i] - '0');
    return mark;
}

static bool stages_members(const struct register_value *value)
{
    for (uint32_t i = 0; i < value->staged.count; i++) {
        const struct ring_wish *wish = &value->staged.items[i];
        if (wish->node != 0 && ring_member(value->ring, wish->node) == NULL)
            return false;
        if (wish->kind == RING_WISH_REPLACE && ring_member(value->ring, wish->by) == NULL)
            return false;
    }
    return true;
}

static void keep_value(struct register_oracle *oracle, const struct machine *machine,
                       struct ballot ballot, struct slice bytes)
{
    struct register_value *decoded;
    struct buffer again = {0};
    if (register_value_decode(bytes, &decoded) != STATUS_OK) {
        fail(oracle, "I10", machine, "a value of the register does not decode", 0);
        return;
    }
    register_value_encode(decoded, &again);
    if (!slice_equal(buffer_slice(&again), bytes))
        fail(oracle, "I10", machine, "a value of the register is not canonical", decoded->seq);
    if (!stages_members(decoded))
        fail(oracle, "R6", machine, "something is staged of who is no member", decoded->seq);
    struct seen_value value = {.ballot = ballot,
                               .generation = decoded->ring->generation,
                               .seq = decoded->seq,
                               .digest = hash64(bytes, 0),
                               .keyspace_count = decoded->ring->keyspace_count};
    memcpy(value.keyspaces, decoded->ring->keyspaces, sizeof value.keyspaces);
    for (uint32_t i = 0; i < OPERATORS_MAX; i++)
        value.users[i] = mark_of_user(&decoded->users, i);
    memcpy(value.drops, decoded->ring->keyspace_drops, sizeof value.drops);
    if (decoded->coming.count > 0)
        marks_hit(oracle->world->marks, MARK_REGISTER_JOINT);
    if (ballot_is_none(ballot))
        placements_chosen(oracle->world, decoded);
    buffer_deinit(&again);
    register_value_free(decoded);
    for (size_t i = 0; i < oracle->value_count; i++) {
        const struct seen_value *other = &oracle->values[i];
        bool same = ballot_is_none(ballot)
                        ? ballot_is_none(other->ballot) && other->generation == value.generation &&
                              other->seq == value.seq
                        : ballot_compare(other->ballot, ballot) == 0;
        if (same && other->digest != value.digest)
            fail(oracle, ballot_is_none(ballot) ? "R2" : "R1", machine,
                 "two values where there must be one", value.seq);
        if (same)
            return;
    }
    if (oracle->value_count == oracle->value_capacity) {
        oracle->value_capacity = oracle->value_capacity * 2 + 16;
        oracle->values =
            memory_resize(oracle->values, oracle->value_capacity, sizeof *oracle->values);
    }
    oracle->values[oracle->value_count++] = value;
    for (size_t i = 0; i < oracle->change_count; i++)
        judge(oracle, machine, &oracle->changes[i], &value);
}

/* ---- R3 ---- */

static bool get(const struct machine *machine, void (*put_name)(struct buffer *),
                struct slice *record)
{
    struct buffer name = {0};
    put_name(&name);
    bool found = ordered_map_get(&machine->image.synced, buffer_slice(&name), record);
    buffer_deinit(&name);
    return found;
}

static struct register_acceptor_record steward_on_disk(const struct machine *machine)
{
    struct slice record;
    struct register_acceptor_record acceptor = {0};
    if (!get(machine, record_register_acceptor_name, &record) ||
        register_acceptor_record_decode(record, &acceptor) != STATUS_OK)
        acceptor = (struct register_acceptor_record){0};
    return acceptor;
}

static void check_answer(struct register_oracle *oracle, const struct machine *machine,
                         const struct frame *frame)
{
    struct register_acceptor_record disk = steward_on_disk(machine);
    struct message_register_promise promise;
    struct message_register_accepted accepted;
    if (frame->type == MESSAGE_REGISTER_PROMISE &&
        message_register_promise_decode(frame->body, &promise) == STATUS_OK &&
        promise.status == STATUS_OK && ballot_compare(disk.promised, promise.ballot) < 0)
        fail(oracle, "R3", machine, "a promise leaves that is not on the disk", 0);
    if (frame->type == MESSAGE_REGISTER_ACCEPTED &&
        message_register_accepted_decode(frame->body, &accepted) == STATUS_OK &&
        accepted.status == STATUS_OK && ballot_compare(disk.accepted, accepted.ballot) < 0)
        fail(oracle, "R3", machine, "an accepted value is not on the disk", 0);
}

static void note_proposal(struct machine *machine, const struct frame *frame)
{
    struct message_register_accept accept;
    if (frame->type == MESSAGE_REGISTER_ACCEPT &&
        message_register_accept_decode(frame->body, &accept) == STATUS_OK)
        movers_value_proposed(machine, accept.value);
}

void register_oracle_sent(struct register_oracle *oracle, struct machine *machine,
                          struct slice frames)
{
    struct frame frame;
    size_t used;
    while (frames.length > 0 && frame_open(frames, &frame, &used) == STATUS_OK) {
        check_answer(oracle, machine, &frame);
        note_proposal(machine, &frame);
        frames = slice_make(frames.data + used, frames.length - used);
    }
}

static void check_acceptor(struct register_oracle *oracle, const struct machine *machine,
                           struct slice record, struct slice before)
{
    struct register_acceptor_record now, then;
    if (register_acceptor_record_decode(record, &now) != STATUS_OK) {
        fail(oracle, "I10", machine, "a steward's record does not decode", 0);
        return;
    }
    if (before.length > 0 && register_acceptor_record_decode(before, &then) == STATUS_OK) {
        if (ballot_compare(now.promised, then.promised) < 0 ||
            ballot_compare(now.accepted, then.accepted) < 0)
            fail(oracle, "R3", machine, "a steward takes a promise back", 0);
        if (!ballot_is_none(then.accepted) && ballot_compare(now.accepted, then.accepted) != 0 &&
            slice_equal(now.value, then.value))
            marks_hit(oracle->world->marks, MARK_REGISTER_PROPOSED_AGAIN);
    }
    if (now.value.length > 0)
        keep_value(oracle, machine, now.accepted, now.value);
}

static void check_value(struct register_oracle *oracle, const struct machine *machine,
                        struct slice record, struct slice before)
{
    struct slice now, then;
    struct register_value *newer, *older;
    if (register_value_record_decode(record, &now) != STATUS_OK) {
        fail(oracle, "I10", machine, "the record of a value does not decode", 0);
        return;
    }
    keep_value(oracle, machine, (struct ballot){0}, now);
    if (before.length == 0 || register_value_record_decode(before, &then) != STATUS_OK)
        return;
    if (register_value_decode(now, &newer) != STATUS_OK)
        return;
    if (register_value_decode(then, &older) == STATUS_OK) {
        if (register_value_compare(newer, older) <= 0)
            fail(oracle, "R3", machine, "a node goes back to an older value", newer->seq);
        oracle_moves_sealed(oracle->world->oracle, machine, newer->ring, older->ring);
        register_value_free(older);
    }
    register_value_free(newer);
}

static void check_round(struct register_oracle *oracle, const struct machine *machine,
                        struct slice record, struct slice before)
{
    uint64_t now, then;
    if (register_round_record_decode(record, &now) != STATUS_OK)
        fail(oracle, "I10", machine, "the record of a round does not decode", 0);
    else if (before.length > 0 && register_round_record_decode(before, &then) == STATUS_OK &&
             now <= then)
        fail(oracle, "R3", machine, "a round is given twice", now);
}

void register_oracle_record(struct register_oracle *oracle, const struct machine *machine,
                            struct slice name, struct slice record, struct slice before)
{
    switch (name.length == 2 ? name.data[1] : 0) {
    case 'a':
        check_acceptor(oracle, machine, record, before);
        break;
    case 'r':
        check_round(oracle, machine, record, before);
        break;
    case 'v':
        check_value(oracle, machine, record, before);
        break;
    case 'n':
        if (machine->storage_incarnation == 1)
            fail(oracle, "T8", machine, "a first store says that it asked", 0);
        marks_hit(oracle->world->marks, MARK_NEW_STORE_ASKED);
        break;
    default:
        fail(oracle, "I10", machine, "a record of the register has no known name", 0);
    }
}

/* ---- keyspaces that are dropped ---- */

bool register_oracle_keyspace(const struct register_oracle *oracle, uint64_t seq, uint16_t number,
                              uint16_t *drops, bool *exists)
{
    *drops = 0;
    *exists = false;
    for (size_t i = 0; i < oracle->value_count; i++) {
        const struct seen_value *value = &oracle->values[i];
        if (value->seq != seq || !ballot_is_none(value->ballot))
            continue;
        *drops = value->drops[number];
        for (uint16_t k = 0; k < value->keyspace_count; k++)
            *exists = *exists || value->keyspaces[k].number == number;
        return true;
    }
    return seq == 0; /* the ring that all begin with has it not */
}

uint16_t register_oracle_drops_on(const struct ordered_map *disk, uint16_t number)
{
    struct buffer name = {0};
    struct slice record, bytes;
    struct register_value *value;
    uint16_t drops = 0;
    record_register_value_name(&name);
    if (ordered_map_get(disk, buffer_slice(&name), &record) &&
        register_value_record_decode(record, &bytes) == STATUS_OK &&
        register_value_decode(bytes, &value) == STATUS_OK) {
        drops = value->ring->keyspace_drops[number];
        register_value_free(value);
    }
    buffer_deinit(&name);
    return drops;
}

/* ---- R5 ---- */

static uint64_t seq_of(struct slice bytes)
{
    struct register_value *value;
    if (register_value_decode(bytes, &value) != STATUS_OK)
        return 0;
    uint64_t seq = value->seq;
    register_value_free(value);
    return seq;
}

/* The newest that the machine knows: what is on its disk, or the ring's. */
static struct register_value *known_value(const struct machine *machine)
{
    struct slice record, bytes;
    struct register_value *value;
    if (!get(machine, record_register_value_name, &record) ||
        register_value_record_decode(record, &bytes) != STATUS_OK ||
        register_value_decode(bytes, &value) != STATUS_OK)
        return machine->first != NULL ? register_value_copy(machine->first)
                                      : register_value_first(machine->world->first_ring);
    return value;
}

/* Of a steward that still has the store it became one with; 0 for others. */
static uint64_t accepted_seq(const struct machine *machine, const struct register_value *known)
{
    struct register_acceptor_record acceptor = steward_on_disk(machine);
    bool counts =
        steward_set_find(&known->stewards, machine->id, machine->storage_incarnation) >= 0;
    return counts && acceptor.value.length > 0 ? seq_of(acceptor.value) : 0;
}

/* Stewards that have the stores they became stewards with can agree. */
static bool can_agree_without(const struct world *world, const struct steward_set *set,
                              const struct machine *lost)
{
    unsigned whole = 0;
    for (uint8_t i = 0; i < set->count; i++) {
        const struct machine *machine = &world->machines[set->items[i].node - 1];
        whole += machine != lost && machine->storage_incarnation == set->items[i].incarnation;
    }
    return set->count == 0 || whole >= steward_set_majority(set);
}

static bool can_agree(const struct world *world, const struct steward_set *set)
{
    return can_agree_without(world, set, NULL);
}

bool register_oracle_may_lose(const struct register_oracle *oracle, const struct machine *machine)
{
    const struct world *world = oracle->world;
    bool may = true;
    for (uint32_t i = 0; may && i < plan_machines(&world->plan); i++) {
        if (world->machines[i].absent)
            continue;
        struct register_value *known = known_value(&world->machines[i]);
        may = can_agree_without(world, &known->stewards, machine) &&
              can_agree_without(world, &known->coming, machine);
        register_value_free(known);
    }
    return may;
}

/* All stewards are there with the stores that they have. */
static bool are_settled(const struct world *world, const struct register_value *known)
{
    if (known->coming.count > 0)
        return false;
    for (uint8_t i = 0; i < known->stewards.count; i++)
        if (world->machines[known->stewards.items[i].node - 1].storage_incarnation !=
            known->stewards.items[i].incarnation)
            return false;
    return true;
}

static bool check_quiet(const struct world *world, const struct register_value *known, char *reason,
                        size_t size)
{
    bool agreeing = can_agree(world, &known->stewards) && can_agree(world, &known->coming);
    for (uint32_t i = 0; i < plan_machines(&world->plan); i++) {
        const struct machine *machine = &world->machines[i];
        if (machine->absent)
            continue;
        struct register_value *other = known_value(machine);
        uint64_t seq = other->seq;
        register_value_free(other);
        if (seq != known->seq) {
            snprintf(reason, size, "n1 knows seq %" PRIu64 " of the register, n%u seq %" PRIu64,
                     known->seq, machine->id, seq);
            return false;
        }
        if (agreeing && accepted_seq(machine, known) > known->seq) {
            snprintf(reason, size, "n%u has accepted seq %" PRIu64 ", known is %" PRIu64,
                     machine->id, accepted_seq(machine, known), known->seq);
            return false;
        }
    }
    if (agreeing && !are_settled(world, known)) {
        snprintf(reason, size, "stewards with new stores have not returned");
        return false;
    }
    return true;
}

bool register_oracle_is_quiet(const struct register_oracle *oracle, char *reason, size_t size)
{
    const struct machine *first = oracle->world->machines;
    while (first->absent)
        first++;
    struct register_value *known = known_value(first);
    bool quiet = check_quiet(oracle->world, known, reason, size);
    register_value_free(known);
    return quiet;
}
