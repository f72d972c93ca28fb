/*
 * replica_model.c - the world of replica_model.h.
 *
 * Sections: what a replica does, what happens to the world, the end of a run.
 */
#include "replica_model.h"

#include <stdlib.h>
#include <string.h>

#include "causal_test.h"
#include "event_oracle.h"

#include "causal/clock.h"
#include "causal/hybrid_time.h"

enum { OWNERS = 3, NODES = 5, KEYS = 2, STEPS = 220, WIPES_MAX = 2, TOKENS_MAX = 32 };
enum { LATE_COPIES = 5 };

/* ---- the world ---- */

struct message {
    unsigned to;
    uint16_t incarnation; /* of the receiver; hints are for the partition and ignore it */
    unsigned key;
    struct dot dot;
    struct cell cell;
    struct event_set known;
};

struct messages {
    struct message *items;
    size_t count;
    size_t capacity;
};

struct record {
    struct dot dot;
    unsigned key;
};

struct node {
    unsigned index;
    bool up;
    bool rebuilding;
    uint16_t incarnation;
    uint64_t sequence;
    struct hybrid_clock time;
    uint64_t wall_offset_ms;
    struct cell cells[KEYS]; /* an empty context: not there */
    struct clock clock;
    struct record log[EVENTS_MAX];
    unsigned log_count;
    struct clock reported[OWNERS]; /* the clocks of the others when they last said them */
    struct messages hints;
    struct event_set known[KEYS]; /* the oracle's */
};

/* What a client keeps of a read. */
struct token {
    unsigned key;
    struct version_vector context;
    hybrid_time time;
    struct event_set observed;
    struct event_set known;
};

struct world {
    struct random random;
    enum merge_policy policy;
    enum deviation deviation;
    struct marks *marks;
    const unsigned *weights; /* of the kinds of steps */
    bool healing;
    uint64_t step;
    struct node nodes[NODES];
    struct messages net;
    struct token tokens[TOKENS_MAX];
    unsigned token_count;
    struct event events[EVENTS_MAX];
    unsigned event_count;
    unsigned wipes;
    bool wrong;
};

enum step_kind {
    STEP_WRITE,
    STEP_DELIVER,
    STEP_HINT,
    STEP_REPORT,
    STEP_PURGE,
    STEP_SYNC,
    STEP_UP_OR_DOWN,
    STEP_WIPE,
    STEP_KIND_COUNT
};

/* Busy worlds have many events under way; in calm ones much becomes stable between them. */
static const unsigned temperaments[][STEP_KIND_COUNT] = {
    {30, 30, 10, 10, 6, 6, 5, 3},
    {10, 14, 6, 34, 18, 12, 3, 3},
    {10, 4, 6, 40, 24, 12, 2, 2},
};

static bool chance(struct world *world, unsigned percent)
{
    return random_chance(&world->random, percent, 100);
}

static unsigned below(struct world *world, size_t bound)
{
    return (unsigned)random_below(&world->random, bound);
}

static struct actor actor_of_node(const struct node *node)
{
    return (struct actor){
        .node = node->index + 1, .storage_incarnation = node->incarnation, .boot_epoch = 1};
}

static void messages_push(struct messages *messages, const struct message *message, unsigned to,
                          uint16_t incarnation)
{
    if (messages->count == messages->capacity) {
        messages->capacity = messages->capacity == 0 ? 16 : messages->capacity * 2;
        messages->items =
            memory_resize(messages->items, messages->capacity, sizeof *messages->items);
    }
    struct message *copy = &messages->items[messages->count++];
    *copy = *message;
    copy->to = to;
    copy->incarnation = incarnation;
    cell_copy(&message->cell, &copy->cell);
}

static void messages_remove(struct messages *messages, size_t index)
{
    cell_deinit(&messages->items[index].cell);
    messages->items[index] = messages->items[--messages->count];
}

static void messages_deinit(struct messages *messages)
{
    while (messages->count > 0)
        messages_remove(messages, messages->count - 1);
    free(messages->items);
    *messages = (struct messages){0};
}

static void replace_cell(struct cell *cell, struct cell *by)
{
    cell_deinit(cell);
    *cell = *by;
}

static void replace_clock(struct clock *clock, const struct clock *by)
{
    clock_deinit(clock);
    clock_copy(by, clock);
}

/* The event behind a sibling: named by its value; a tombstone has only its dot. */
static unsigned event_of(const struct world *world, const struct sibling *sibling)
{
    if (sibling->kind == SIBLING_STRING)
        return sibling->value.data[0];
    for (unsigned i = world->event_count; i-- > 0;)
        if (dot_compare(&world->events[i].dot, &sibling->dot) == 0)
            return i;
    fail_msg("a tombstone that nobody wrote");
    return 0;
}

static void check_node(struct world *world, const struct node *node)
{
    for (unsigned key = 0; key < KEYS; key++) {
        const struct cell *cell = &node->cells[key];
        struct event_set have = {0};
        struct event_set want =
            live_values(world->events, world->event_count, &node->known[key], world->policy);
        for (uint32_t i = 0; i < cell->count; i++) {
            if (cell->siblings[i].kind == SIBLING_STRING)
                set_add(&have, event_of(world, &cell->siblings[i]));
            world->wrong |= !clock_has(&node->clock, &cell->siblings[i].dot);
            world->wrong |= !version_vector_covers(&cell->context, &cell->siblings[i].dot);
        }
        world->wrong |= !set_equal(&have, &want);
    }
}

/* ---- what a replica does ---- */

static void absorb(struct node *node, const struct dot *dot, unsigned key)
{
    if (!clock_add(&node->clock, dot))
        return;
    assert_true(node->log_count < EVENTS_MAX);
    node->log[node->log_count++] = (struct record){.dot = *dot, .key = key};
}

/* The one way a cell comes in; the caller absorbs further dots that it stands for. */
static void apply(struct world *world, struct node *node, unsigned key, const struct cell *cell,
                  const struct event_set *known)
{
    struct cell *local = &node->cells[key];
    struct cell incoming;
    cell_copy(cell, &incoming);
    if (world->deviation != NO_SEEN_FILTER)
        cell_filter_seen(&incoming, &node->clock, local);
    world->marks->filtered += incoming.count < cell->count;
    bool obsolete = incoming.count == 0 && local->context.count == 0 &&
                    clock_covers_vector(&node->clock, &incoming.context);
    if (!obsolete) {
        struct cell merged;
        world->marks->dropped_values += cell_merge(local, &incoming, world->policy, &merged);
        replace_cell(local, &merged);
    }
    cell_deinit(&incoming);
    for (uint32_t i = 0; i < cell->count; i++)
        absorb(node, &cell->siblings[i].dot, key);
    hybrid_clock_observe(&node->time, cell_time_max(cell));
    set_join(&node->known[key], known);
    check_node(world, node);
}

static void deliver(struct world *world, struct node *node, const struct message *message)
{
    apply(world, node, message->key, &message->cell, &message->known);
    absorb(node, &message->dot, message->key);
}

static unsigned new_event(struct world *world, const struct dot *dot, hybrid_time time,
                          const struct token *token)
{
    assert_true(world->event_count < EVENTS_MAX);
    unsigned number = world->event_count++;
    world->events[number] = (struct event){.dot = *dot,
                                           .time = time,
                                           .key = token->key,
                                           .tombstone = chance(world, 40),
                                           .observed = token->observed,
                                           .number = (uint8_t)number};
    return number;
}

static void send_to_owners(struct world *world, struct node *from, const struct message *message)
{
    for (unsigned i = 0; i < OWNERS; i++) {
        struct node *owner = &world->nodes[i];
        if (owner == from)
            continue;
        if (owner->up) {
            messages_push(&world->net, message, i, owner->incarnation);
            continue;
        }
        struct node *keeper =
            chance(world, 50) ? from : &world->nodes[OWNERS + below(world, NODES - OWNERS)];
        if (keeper->up)
            messages_push(&keeper->hints, message, i, 0);
    }
}

/* An owner's write by the rules: a dot of its own, over exactly what the client observed. */
static void write_event(struct world *world, struct node *node, const struct token *token)
{
    struct cell *local = &node->cells[token->key];
    struct cell empty = {0};
    struct cell next;
    struct cell collapsed;
    struct dot dot = {.actor = actor_of_node(node), .sequence = ++node->sequence};
    hybrid_time time =
        hybrid_clock_next(&node->time, world->step + node->wall_offset_ms, token->time);
    unsigned number = new_event(world, &dot, time, token);
    const struct event *event = &world->events[number];
    struct sibling sibling = {.dot = dot, .time = time, .kind = SIBLING_TOMBSTONE};
    if (!event->tombstone) {
        sibling.kind = SIBLING_STRING;
        sibling.value = slice_make(&event->number, 1);
    }
    cell_copy(local, &next);
    cell_drop_observed(&next, &token->context);
    version_vector_join(&next.context, &token->context);
    cell_insert(&next, &sibling);
    cell_merge(&next, &empty, world->policy, &collapsed);
    cell_deinit(&next);
    replace_cell(local, &collapsed);
    absorb(node, &dot, token->key);
    set_join(&node->known[token->key], &token->known);
    set_add(&node->known[token->key], number);
    check_node(world, node);
    send_to_owners(
        world, node,
        &(struct message){
            .key = token->key, .dot = dot, .cell = *local, .known = node->known[token->key]});
}

/* `to` pulls from `from` every cell that holds events which it lacks. */
static void log_sync(struct world *world, struct node *to, struct node *from)
{
    struct clock missing;
    if (!to->up || !from->up || from->rebuilding)
        return;
    clock_difference(&from->clock, &to->clock, &missing);
    for (unsigned key = 0; key < KEYS; key++) {
        bool lacks = false;
        for (unsigned i = 0; i < from->log_count; i++)
            lacks |= from->log[i].key == key && clock_has(&missing, &from->log[i].dot);
        if (!lacks)
            continue;
        apply(world, to, key, &from->cells[key], &from->known[key]);
        for (unsigned i = 0; i < from->log_count; i++)
            if (from->log[i].key == key && clock_has(&missing, &from->log[i].dot))
                absorb(to, &from->log[i].dot, key);
    }
    clock_deinit(&missing);
    assert_true(clock_descends(&to->clock, &from->clock));
}

static void report_clock(struct node *to, const struct node *from)
{
    static const struct clock nothing = {0};
    replace_clock(&to->reported[from->index], from->rebuilding ? &nothing : &from->clock);
}

/* Every owner has everything that the vector covers, as far as `node` was told. */
static bool is_stable(const struct node *node, const struct version_vector *vector)
{
    for (unsigned i = 0; i < OWNERS; i++) {
        const struct clock *clock = i == node->index ? &node->clock : &node->reported[i];
        if (!clock_covers_vector(clock, vector))
            return false;
    }
    return true;
}

/*
 * Under last-writer-wins a tombstone also beats rivals that it never observed. It
 * may go only when no rival is under way: an owner that reported to have the
 * tombstone mints later times only, so it is enough to have all that it had then.
 */
static bool rivals_arrived(const struct world *world, const struct node *node)
{
    if (world->policy != MERGE_LWW || world->deviation == PURGE_BEFORE_RIVALS_ARRIVED)
        return true;
    for (unsigned i = 0; i < OWNERS; i++)
        if (!clock_descends(&node->clock, &node->reported[i]))
            return false;
    return true;
}

static uint32_t tombstone_count(const struct cell *cell)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        count += cell->siblings[i].kind == SIBLING_TOMBSTONE;
    return count;
}

/* Leave in the context the live dots, and what is above stability if that is asked. */
static void strip_context(const struct world *world, const struct node *node, struct cell *cell,
                          bool keep_unstable)
{
    struct version_vector stripped = {0};
    for (uint32_t i = 0; i < cell->context.count; i++) {
        struct version_vector one = {.entries = &cell->context.entries[i], .count = 1};
        if (keep_unstable && !is_stable(node, &one))
            version_vector_raise(&stripped, &cell->context.entries[i]);
    }
    for (uint32_t i = 0; i < cell->count; i++)
        version_vector_raise(&stripped, &cell->siblings[i].dot);
    world->marks->stripped += !version_vector_equal(&stripped, &cell->context);
    version_vector_deinit(&cell->context);
    cell->context = stripped;
}

static void purge_cell(const struct world *world, const struct node *node, struct cell *cell)
{
    bool stable = is_stable(node, &cell->context);
    if (cell->count > 0 && world->deviation == STRIP_STABLE_ENTRIES)
        strip_context(world, node, cell, true);
    if (!stable || !rivals_arrived(world, node))
        return;
    if (tombstone_count(cell) == 0) {
        if (cell->count > 0 && world->deviation == STRIP_WHOLE_STABLE_CELLS)
            strip_context(world, node, cell, false);
        return;
    }
    struct cell kept = {0};
    version_vector_copy(&cell->context, &kept.context);
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind != SIBLING_TOMBSTONE)
            cell_insert(&kept, &cell->siblings[i]);
    replace_cell(cell, &kept);
    if (cell->count == 0)
        cell_deinit(cell);
    world->marks->purged += !world->healing;
}

static void purge(struct world *world, struct node *node)
{
    if (node->rebuilding)
        return;
    for (unsigned key = 0; key < KEYS; key++)
        purge_cell(world, node, &node->cells[key]);
    check_node(world, node);
}

static void clear_node(struct node *node)
{
    for (unsigned key = 0; key < KEYS; key++) {
        cell_deinit(&node->cells[key]);
        node->known[key] = (struct event_set){0};
    }
    clock_deinit(&node->clock);
    node->log_count = 0;
    messages_deinit(&node->hints);
}

/* The disk is gone. The hybrid clock is not: it also follows the peers' heartbeats. */
static void wipe(struct world *world, struct node *node)
{
    clear_node(node);
    node->sequence = 0;
    node->rebuilding = true;
    for (size_t i = world->net.count; i-- > 0;)
        if (world->net.items[i].to == node->index)
            messages_remove(&world->net, i);
    world->marks->wiped++;
    if (world->deviation == WIPE_KEEPS_ACTOR)
        return;
    node->incarnation++;
    for (unsigned i = 0; i < OWNERS; i++)
        clock_deinit(&world->nodes[i].reported[node->index]);
}

static void rebuild(struct world *world, struct node *node)
{
    unsigned sources = 0;
    for (unsigned i = 0; i < OWNERS; i++)
        sources += i != node->index && world->nodes[i].up && !world->nodes[i].rebuilding;
    if (sources < OWNERS - 1)
        return;
    for (unsigned i = 0; i < OWNERS; i++)
        if (i != node->index)
            log_sync(world, node, &world->nodes[i]);
    node->rebuilding = false;
}

/* ---- what happens to the world ---- */

static void token_deinit(struct token *token)
{
    version_vector_deinit(&token->context);
}

static struct token token_copy(const struct token *token)
{
    struct token copy = *token;
    version_vector_copy(&token->context, &copy.context);
    return copy;
}

/* Read one or two owners; false when none can answer. */
static bool read_key(struct world *world, unsigned key, struct token *out)
{
    unsigned ready[OWNERS];
    unsigned count = 0;
    struct cell merged = {0};
    *out = (struct token){.key = key};
    for (unsigned i = 0; i < OWNERS; i++)
        if (world->nodes[i].up && !world->nodes[i].rebuilding)
            ready[count++] = i;
    if (count == 0)
        return false;
    for (unsigned asked = 1 + below(world, count < 2 ? count : 2); asked > 0; asked--) {
        unsigned pick = below(world, count);
        const struct node *node = &world->nodes[ready[pick]];
        struct cell next;
        ready[pick] = ready[--count];
        cell_merge(&merged, &node->cells[key], world->policy, &next);
        replace_cell(&merged, &next);
        set_join(&out->known, &node->known[key]);
    }
    for (uint32_t i = 0; i < merged.count; i++)
        set_add(&out->observed, event_of(world, &merged.siblings[i]));
    out->time = cell_time_max(&merged);
    version_vector_copy(&merged.context, &out->context);
    cell_deinit(&merged);
    return true;
}

/* Blind, or with a fresh context, or with one that a client kept for a while. */
static bool choose_token(struct world *world, struct token *out)
{
    unsigned key = below(world, KEYS);
    unsigned mode = below(world, 10);
    *out = (struct token){.key = key};
    if (mode < 4)
        return true;
    if (mode < 8 || world->token_count == 0) {
        if (!read_key(world, key, out))
            return false;
        if (world->token_count < TOKENS_MAX && chance(world, 30))
            world->tokens[world->token_count++] = token_copy(out);
        return true;
    }
    *out = token_copy(&world->tokens[below(world, world->token_count)]);
    return true;
}

static void step_write(struct world *world)
{
    struct node *node = &world->nodes[below(world, OWNERS)];
    struct token token;
    if (!node->up || node->rebuilding || !choose_token(world, &token))
        return;
    write_event(world, node, &token);
    token_deinit(&token);
}

static void step_deliver(struct world *world)
{
    if (world->net.count == 0)
        return;
    size_t index = below(world, world->net.count);
    const struct message *message = &world->net.items[index];
    struct node *node = &world->nodes[message->to];
    bool lost = chance(world, 20);
    if (!lost && node->up && message->incarnation == node->incarnation)
        deliver(world, node, message);
    if (lost || chance(world, 80)) /* what stays comes again */
        messages_remove(&world->net, index);
}

static void step_hint(struct world *world)
{
    struct node *keeper = &world->nodes[below(world, NODES)];
    if (!keeper->up || keeper->hints.count == 0)
        return;
    size_t index = below(world, keeper->hints.count);
    const struct message *hint = &keeper->hints.items[index];
    struct node *node = &world->nodes[hint->to];
    if (!node->up || node->rebuilding)
        return;
    deliver(world, node, hint);
    if (chance(world, 80))
        messages_remove(&keeper->hints, index);
}

/* Only one owner is down at a time: a single failure is what quorums of two survive. */
static void step_up_or_down(struct world *world)
{
    struct node *node = &world->nodes[below(world, NODES)];
    bool owner_down = false;
    for (unsigned i = 0; i < OWNERS; i++)
        owner_down |= !world->nodes[i].up;
    if (!node->up)
        node->up = true;
    else if (node->index >= OWNERS || !owner_down)
        node->up = false;
}

/* Only what another owner has too may be lost: so much a quorum of two promises. */
static void step_wipe(struct world *world)
{
    struct node *node = &world->nodes[below(world, OWNERS)];
    struct clock elsewhere = {0};
    bool ready = world->wipes < WIPES_MAX;
    for (unsigned i = 0; i < OWNERS; i++) {
        ready &= world->nodes[i].up && !world->nodes[i].rebuilding;
        if (i != node->index)
            clock_join(&elsewhere, &world->nodes[i].clock);
    }
    if (ready && clock_descends(&elsewhere, &node->clock)) {
        world->wipes++;
        wipe(world, node);
    }
    clock_deinit(&elsewhere);
}

static enum step_kind choose_kind(struct world *world)
{
    unsigned roll = below(world, 100);
    unsigned kind = 0;
    while (roll >= world->weights[kind])
        roll -= world->weights[kind++];
    return (enum step_kind)kind;
}

static void take_step(struct world *world)
{
    struct node *a = &world->nodes[below(world, OWNERS)];
    struct node *b = &world->nodes[(a->index + 1 + below(world, OWNERS - 1)) % OWNERS];
    world->step++;
    switch (choose_kind(world)) {
    case STEP_WRITE:
        step_write(world);
        break;
    case STEP_DELIVER:
        step_deliver(world);
        break;
    case STEP_HINT:
        step_hint(world);
        break;
    case STEP_REPORT:
        if (a->up && b->up)
            report_clock(a, b);
        break;
    case STEP_PURGE:
        if (a->up)
            purge(world, a);
        break;
    case STEP_SYNC:
        if (!a->rebuilding)
            log_sync(world, a, b);
        else if (a->up)
            rebuild(world, a);
        break;
    case STEP_UP_OR_DOWN:
        step_up_or_down(world);
        break;
    case STEP_WIPE:
        step_wipe(world);
        break;
    case STEP_KIND_COUNT:
        break;
    }
}

/* ---- the end of a run ---- */

static void deliver_all(struct world *world)
{
    for (size_t i = world->net.count; i > 0; i--) {
        const struct message *message = &world->net.items[below(world, world->net.count)];
        struct node *node = &world->nodes[message->to];
        if (message->incarnation == node->incarnation)
            deliver(world, node, message);
    }
    for (unsigned i = 0; i < NODES; i++)
        for (size_t k = 0; k < world->nodes[i].hints.count; k++) {
            const struct message *hint = &world->nodes[i].hints.items[k];
            deliver(world, &world->nodes[hint->to], hint);
        }
}

static void exchange_all(struct world *world, bool reports)
{
    for (unsigned i = 0; i < OWNERS; i++)
        for (unsigned k = 0; k < OWNERS; k++) {
            if (i == k)
                continue;
            if (reports)
                report_clock(&world->nodes[i], &world->nodes[k]);
            else
                log_sync(world, &world->nodes[i], &world->nodes[k]);
        }
}

static void replay_late_copies(struct world *world)
{
    for (unsigned i = 0; i < LATE_COPIES && world->net.count > 0; i++) {
        const struct message *message = &world->net.items[below(world, world->net.count)];
        struct node *node = &world->nodes[message->to];
        if (message->incarnation == node->incarnation)
            deliver(world, node, message);
    }
}

/* Everything heals: then each owner has all events' effects, and no tombstone is left. */
static void heal(struct world *world)
{
    world->healing = true;
    for (unsigned i = 0; i < NODES; i++)
        world->nodes[i].up = true;
    for (unsigned i = 0; i < OWNERS; i++)
        if (world->nodes[i].rebuilding)
            rebuild(world, &world->nodes[i]);
    deliver_all(world);
    exchange_all(world, false);
    exchange_all(world, false);
    exchange_all(world, true);
    for (unsigned i = 0; i < OWNERS; i++)
        purge(world, &world->nodes[i]);
    replay_late_copies(world);
}

static void check_end(struct world *world)
{
    for (unsigned key = 0; key < KEYS; key++) {
        struct event_set all = {0};
        for (unsigned i = 0; i < world->event_count; i++)
            if (world->events[i].key == key)
                set_add(&all, i);
        for (unsigned i = 0; i < OWNERS; i++) {
            const struct node *node = &world->nodes[i];
            world->wrong |= !set_equal(&node->known[key], &all);
            world->wrong |= tombstone_count(&node->cells[key]) != 0;
            world->wrong |= !clock_equal(&node->clock, &world->nodes[0].clock);
        }
    }
}

static void world_init(struct world *world, uint64_t seed, enum merge_policy policy,
                       enum deviation deviation, struct marks *marks)
{
    *world = (struct world){.random = random_make(seed),
                            .policy = policy,
                            .deviation = deviation,
                            .marks = marks,
                            .step = 1000};
    world->weights = temperaments[below(world, sizeof temperaments / sizeof temperaments[0])];
    for (unsigned i = 0; i < NODES; i++) {
        world->nodes[i].index = i;
        world->nodes[i].up = true;
        world->nodes[i].incarnation = 1;
        world->nodes[i].wall_offset_ms = below(world, 60);
    }
}

static void world_deinit(struct world *world)
{
    for (unsigned i = 0; i < NODES; i++) {
        clear_node(&world->nodes[i]);
        for (unsigned k = 0; k < OWNERS; k++)
            clock_deinit(&world->nodes[i].reported[k]);
    }
    messages_deinit(&world->net);
    for (unsigned i = 0; i < world->token_count; i++)
        token_deinit(&world->tokens[i]);
}

bool replica_model_goes_wrong(uint64_t seed, enum merge_policy policy, enum deviation deviation,
                              struct marks *marks)
{
    static struct world world;
    world_init(&world, seed, policy, deviation, marks);
    for (unsigned i = 0; i < STEPS && !world.wrong; i++)
        take_step(&world);
    if (!world.wrong) {
        heal(&world);
        check_end(&world);
    }
    world_deinit(&world);
    return world.wrong;
}
