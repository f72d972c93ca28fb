/*
 * test_collection.c - elements, deletes of all of them, and sweeps at replicas that exchange cells.
 *
 * The oracle is the history, as in tests/models/collections.py: what each event had seen. An
 * element lives where an event that adds it is known, and none that had seen it.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "base/random.h"
#include "causal/cut.h"
#include "replica/collection.h"
#include "replica/replica_cells.h"
#include "ring/element_key.h"

enum { HOSTS = 3, ELEMENTS = 4, EVENTS_MAX = 192, MESSAGES_MAX = 512, STEPS = 120 };

enum event_kind { EVENT_ADD, EVENT_REMOVE, EVENT_DELETE };

struct event {
    struct dot dot;
    uint8_t kind;
    uint8_t element;
    uint64_t seen[EVENTS_MAX / 64];
};

struct message {
    uint8_t to;
    bool element;
    struct buffer delivery;
};

struct world {
    struct garbage_host hosts[HOSTS];
    struct random random;
    struct event events[EVENTS_MAX];
    uint32_t event_count;
    struct message messages[MESSAGES_MAX];
    uint32_t message_count;
};

static struct slice key(void)
{
    return slice_text("k");
}

static void name_element(const struct garbage_host *host, unsigned element, struct buffer *out)
{
    char text[8];
    snprintf(text, sizeof text, "e%u", element);
    buffer_clear(out);
    element_key_encode(key(), COLLECTION_HASH, slice_text(text), host->context.position_seed, out);
}

/* The cell of an element, or of the key; decoded from `record`. */
static void load(struct garbage_host *host, int element, struct buffer *record, struct cell *out)
{
    struct buffer name = {0};
    struct slice encoded;
    *out = (struct cell){0};
    buffer_clear(record);
    if (element >= 0)
        name_element(host, (unsigned)element, &name);
    enum status status = replica_load_cell(&host->context, element >= 0 ? KEYSPACE_ELEMENTS : 0,
                                           element >= 0 ? buffer_slice(&name) : key(), record);
    if (status == STATUS_OK) {
        assert_int_equal(record_cell_open(buffer_slice(record), &encoded), STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, out);
        assert_int_equal(reader_end(&reader), STATUS_OK);
    } else {
        assert_int_equal(status, STATUS_NOT_FOUND);
    }
    buffer_deinit(&name);
}

/* As a writer does whose read quorum knows no more than its own replica. */
static void join_past(struct garbage_host *host, struct replica_past *past)
{
    struct buffer cell = {0}, cells = {0};
    cell_encode(&(struct cell){0}, true, &cell);
    buffer_put_bytes(&cells, buffer_slice(&cell));
    assert_int_equal(
        replica_join_past(&host->replica, 0, key(), buffer_slice(&cells), &host->context, past),
        STATUS_OK);
    buffer_deinit(&cell);
    buffer_deinit(&cells);
}

static bool lives(struct garbage_host *host, unsigned element)
{
    struct buffer record = {0};
    struct cell cell;
    struct replica_past past;
    join_past(host, &past);
    load(host, (int)element, &record, &cell);
    cell_drop_past(&cell, &past.past);
    bool visible = cell_visible(&cell, GARBAGE_HOST_WALL_MS) != NULL;
    cell_deinit(&cell);
    past_deinit(&past.past);
    buffer_deinit(&record);
    return visible;
}

/* ---- the oracle ---- */

static void note_event(struct world *world, const struct dot *dot, uint8_t kind, uint8_t element,
                       const struct cell *observed, const struct clock *clock)
{
    assert_true(world->event_count < EVENTS_MAX);
    struct event *event = &world->events[world->event_count];
    *event = (struct event){.dot = *dot, .kind = kind, .element = element};
    for (uint32_t i = 0; i < world->event_count; i++) {
        const struct dot *other = &world->events[i].dot;
        bool saw = observed != NULL ? cell_find(observed, other) != NULL : clock_has(clock, other);
        if (saw)
            event->seen[i / 64] |= (uint64_t)1 << i % 64;
    }
    world->event_count++;
}

static bool knows(struct garbage_host *host, const struct event *event)
{
    struct buffer record = {0};
    struct cell cell;
    if (clock_has(&host->replica.clock, &event->dot))
        return true;
    load(host, event->kind == EVENT_DELETE ? -1 : event->element, &record, &cell);
    bool covered = version_vector_covers(&cell.context, &event->dot);
    cell_deinit(&cell);
    buffer_deinit(&record);
    return covered;
}

static void check(struct world *world, struct garbage_host *host)
{
    uint64_t gone[EVENTS_MAX / 64] = {0};
    bool known[EVENTS_MAX], expected[ELEMENTS] = {false};
    for (uint32_t i = 0; i < world->event_count; i++) {
        known[i] = knows(host, &world->events[i]);
        for (unsigned w = 0; known[i] && w < EVENTS_MAX / 64; w++)
            gone[w] |= world->events[i].seen[w];
    }
    for (uint32_t i = 0; i < world->event_count; i++)
        if (known[i] && world->events[i].kind == EVENT_ADD && (gone[i / 64] >> i % 64 & 1) == 0)
            expected[world->events[i].element] = true;
    for (unsigned e = 0; e < ELEMENTS; e++)
        if (lives(host, e) != expected[e])
            fail_msg("host %u: element %u should %s", host->id, e,
                     expected[e] ? "live" : "be gone");
}

/* ---- what happens ---- */

static void tell_others(struct world *world, unsigned maker, bool element,
                        const struct buffer *delivery)
{
    for (unsigned i = 0; i < HOSTS; i++) {
        if (i == maker || world->message_count == MESSAGES_MAX)
            continue;
        struct message *message = &world->messages[world->message_count++];
        *message = (struct message){.to = (uint8_t)i, .element = element};
        buffer_append_slice(&message->delivery, buffer_slice(delivery));
    }
}

static void change(struct world *world, unsigned maker, unsigned element, bool adds)
{
    struct garbage_host *host = &world->hosts[maker];
    struct buffer name = {0}, old = {0}, delivery = {0}, record = {0};
    struct cell before;
    struct replica_past past;
    struct mutation mutation = {.operation = adds ? REGISTER_SET : REGISTER_DELETE,
                                .flags = adds ? MUTATION_RETURN_OLD : 0,
                                .value = slice_text(adds ? "v" : "")};
    struct replica_minted minted;
    name_element(host, element, &name);
    load(host, (int)element, &record, &before);
    bool lived = lives(host, element);
    join_past(host, &past);
    struct replica_mint mint = {.keyspace = KEYSPACE_ELEMENTS,
                                .policy = MERGE_ELEMENTS,
                                .key = buffer_slice(&name),
                                .mutation = &mutation,
                                .past = &past.past};
    assert_int_equal(
        replica_mint(&host->replica, &mint, false, &host->context, &minted, &old, &delivery),
        STATUS_OK);
    assert_int_equal(minted.written, adds || lived);
    if (adds)
        assert_int_equal(minted.had_old, lived);
    if (minted.written) {
        note_event(world, &minted.dot, adds ? EVENT_ADD : EVENT_REMOVE, (uint8_t)element, &before,
                   NULL);
        tell_others(world, maker, true, &delivery);
    }
    cell_deinit(&before);
    past_deinit(&past.past);
    buffer_deinit(&record);
    buffer_deinit(&name);
    buffer_deinit(&old);
    buffer_deinit(&delivery);
}

/* By `maker`, who has asked itself and perhaps another one. */
static void delete_all(struct world *world, unsigned maker, unsigned asked)
{
    struct garbage_host *host = &world->hosts[maker], *other = &world->hosts[asked];
    struct buffer head = {0}, record = {0}, delivery = {0};
    struct clock seen = {0};
    struct cell cell;
    struct replica_minted minted;
    load(other, -1, &record, &cell);
    cell_encode(&cell, true, &head);
    clock_copy(&host->replica.clock, &seen);
    clock_join(&seen, &other->replica.clock);
    struct replica_cut cut = {.key = key(), .read_cell = buffer_slice(&head), .seen = &seen};
    assert_int_equal(replica_cut(&host->replica, &cut, &host->context, &minted, &delivery),
                     STATUS_OK);
    if (minted.written) {
        note_event(world, &minted.dot, EVENT_DELETE, 0, NULL, &seen);
        tell_others(world, maker, false, &delivery);
    }
    cell_deinit(&cell);
    clock_deinit(&seen);
    buffer_deinit(&head);
    buffer_deinit(&record);
    buffer_deinit(&delivery);
}

static void deliver(struct world *world, uint32_t index, bool keep)
{
    struct message *message = &world->messages[index];
    garbage_host_apply(&world->hosts[message->to], &message->delivery,
                       message->element ? MERGE_ELEMENTS : MERGE_LWW);
    if (keep)
        return;
    buffer_deinit(&message->delivery);
    *message = world->messages[--world->message_count];
}

static void pull(struct garbage_host *asker, struct garbage_host *answerer)
{
    struct sync_question question = {.flags = SYNC_ALL};
    struct sync_answer answer;
    struct buffer deliveries = {0};
    garbage_host_commit(answerer);
    clock_copy(&asker->replica.clock, &question.clock);
    assert_int_equal(replica_sync_answer(&answerer->replica, &question, 0, 1 << 20,
                                         &answerer->context, &answer, &deliveries),
                     STATUS_OK);
    struct reader reader = reader_make(buffer_slice(&deliveries));
    for (uint32_t i = 0; i < answer.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(
            replica_apply(&asker->replica, &delivery,
                          keyspace_has_elements(delivery.keyspace) ? MERGE_ELEMENTS : MERGE_LWW,
                          &asker->context, &changed),
            STATUS_OK);
    }
    clock_deinit(&question.clock);
    buffer_deinit(&deliveries);
}

/* A step of collecting, at an owner that may or may not make tombstones. */
static void collect(struct world *world, unsigned at)
{
    struct garbage_host *host = &world->hosts[at];
    struct purge_outcome outcome = {0};
    for (unsigned i = 0; i < HOSTS; i++) {
        garbage_host_commit(&world->hosts[i]);
        if (i != at)
            garbage_host_report(host, &world->hosts[i]);
    }
    garbage_host_ripen(host);
    host->context.may_mint = random_chance(&world->random, 3, 4);
    assert_int_equal(
        replica_purge(&host->replica, &host->stability, 1000, &host->context, &outcome), STATUS_OK);
    garbage_host_commit(host);
}

static void begin(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = random_make(seed)};
    for (unsigned i = 0; i < HOSTS; i++)
        garbage_host_init(&world->hosts[i], (node_id)(i + 1));
}

static void end(struct world *world)
{
    for (uint32_t i = 0; i < world->message_count; i++)
        buffer_deinit(&world->messages[i].delivery);
    for (unsigned i = 0; i < HOSTS; i++)
        garbage_host_deinit(&world->hosts[i]);
}

static void exchange_all(struct world *world)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < HOSTS; i++)
            for (unsigned k = 0; k < HOSTS; k++)
                if (i != k)
                    pull(&world->hosts[i], &world->hosts[k]);
}

/* Sweeps make events: they go round, until nothing is left. */
static void collect_all(struct world *world)
{
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < HOSTS; i++) {
            collect(world, i);
            world->hosts[i].context.may_mint = true;
        }
        exchange_all(world);
    }
}

static void step(struct world *world)
{
    struct random *random = &world->random;
    unsigned at = (unsigned)random_below(random, HOSTS);
    uint64_t draw = random_below(random, 100);
    if (draw < 30)
        change(world, at, (unsigned)random_below(random, ELEMENTS), true);
    else if (draw < 40)
        change(world, at, (unsigned)random_below(random, ELEMENTS), false);
    else if (draw < 47)
        delete_all(world, at, (unsigned)random_below(random, HOSTS));
    else if (draw < 78 && world->message_count > 0)
        deliver(world, (uint32_t)random_below(random, world->message_count),
                random_chance(random, 3, 10));
    else if (draw < 84)
        pull(&world->hosts[at], &world->hosts[random_below(random, HOSTS)]);
    else if (draw < 94)
        collect(world, at);
    else if (draw < 97)
        garbage_host_commit(&world->hosts[at]);
    else {
        garbage_host_commit(&world->hosts[at]);
        garbage_host_crash(&world->hosts[at]);
    }
}

static void replicas_agree_with_the_history_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct world world;
        begin(&world, seed);
        for (unsigned i = 0; i < STEPS; i++) {
            step(&world);
            for (unsigned h = 0; h < HOSTS; h++)
                check(&world, &world.hosts[h]);
        }
        exchange_all(&world);
        collect_all(&world);
        for (unsigned h = 0; h < HOSTS; h++) {
            check(&world, &world.hosts[h]);
            garbage_host_assert_sums(&world.hosts[h]);
            assert_int_equal(world.hosts[h].replica.garbage_count, 0);
            assert_int_equal(world.hosts[h].replica.tree.root.hash,
                             world.hosts[0].replica.tree.root.hash);
        }
        while (world.message_count > 0) /* copies of any age, after all was collected */
            deliver(&world, 0, false);
        for (unsigned h = 0; h < HOSTS; h++)
            check(&world, &world.hosts[h]);
        end(&world);
    }
}

/* A vector of highest numbers would take the second add with it. */
static void a_delete_leaves_what_it_has_not_seen(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 1);
    change(&world, 0, 0, true); /* messages 0, 1 */
    change(&world, 0, 1, true); /* messages 2, 3 */
    change(&world, 0, 2, true); /* messages 4, 5 */
    garbage_host_apply(&world.hosts[1], &world.messages[0].delivery, MERGE_ELEMENTS);
    garbage_host_apply(&world.hosts[1], &world.messages[4].delivery, MERGE_ELEMENTS);
    delete_all(&world, 1, 1);
    assert_false(lives(&world.hosts[1], 0));
    assert_false(lives(&world.hosts[1], 2));
    garbage_host_apply(&world.hosts[1], &world.messages[2].delivery, MERGE_ELEMENTS);
    assert_true(lives(&world.hosts[1], 1));
    end(&world);
}

static void a_delete_removes_what_its_quorum_has_seen(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 1);
    change(&world, 0, 0, true);
    delete_all(&world, 1, 0); /* replica 1 has never had the element */
    garbage_host_apply(&world.hosts[0], &world.messages[2].delivery, MERGE_LWW);
    assert_false(lives(&world.hosts[0], 0));
    garbage_host_apply(&world.hosts[1], &world.messages[0].delivery, MERGE_ELEMENTS);
    assert_false(lives(&world.hosts[1], 0));
    end(&world);
}

static void a_swept_collection_leaves_nothing_on_the_disk(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 3);
    for (unsigned e = 0; e < ELEMENTS; e++)
        change(&world, e % HOSTS, e, true);
    exchange_all(&world);
    delete_all(&world, 0, 1);
    exchange_all(&world);
    collect_all(&world);
    for (unsigned h = 0; h < HOSTS; h++) {
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_CELL), 0);
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_GARBAGE), 0);
        assert_int_equal(replica_count(&world.hosts[h].replica, KEYSPACE_ELEMENTS), 0);
    }
    end(&world);
}

/* The tombstones of a delete are left to its maker, and that may have given the partition away. */
static void another_owner_sweeps_for_one_that_left(void **state)
{
    static const node_id owners[] = {2, 3};
    struct world world;
    (void)state;
    begin(&world, 3);
    for (unsigned e = 0; e < ELEMENTS; e++)
        change(&world, e % HOSTS, e, true);
    exchange_all(&world);
    delete_all(&world, 0, 1);
    exchange_all(&world);
    for (unsigned h = 1; h < HOSTS; h++) {
        stability_deinit(&world.hosts[h].stability);
        stability_init(&world.hosts[h].stability, owners, 2, world.hosts[h].id);
    }
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned h = 1; h < HOSTS; h++) {
            struct garbage_host *host = &world.hosts[h], *other = &world.hosts[HOSTS - h];
            garbage_host_commit(other);
            garbage_host_report(host, other);
            garbage_host_ripen(host);
            host->context.may_mint = true;
            garbage_host_purge(host);
        }
        pull(&world.hosts[1], &world.hosts[2]);
        pull(&world.hosts[2], &world.hosts[1]);
    }
    for (unsigned h = 1; h < HOSTS; h++) {
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_CELL), 0);
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_GARBAGE), 0);
    }
    end(&world);
}

/* The third owner may still be sent elements that the delete has seen. */
static void a_cut_stays_while_an_owner_lacks_what_it_covers(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 3);
    change(&world, 0, 0, true);
    garbage_host_apply(&world.hosts[1], &world.messages[0].delivery, MERGE_ELEMENTS);
    delete_all(&world, 0, 0); /* the third owner gets the delete and not the element */
    garbage_host_apply(&world.hosts[1], &world.messages[2].delivery, MERGE_LWW);
    garbage_host_apply(&world.hosts[2], &world.messages[3].delivery, MERGE_LWW);
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < HOSTS; i++)
            collect(&world, i);
    garbage_host_apply(&world.hosts[2], &world.messages[1].delivery, MERGE_ELEMENTS);
    assert_false(lives(&world.hosts[2], 0));
    assert_true(garbage_host_has_cell(&world.hosts[2], "k"));
    end(&world);
}

/* Else the cut, and what it killed, would stay on all disks for ever. */
static void what_was_lost_with_its_maker_holds_no_cut_back(void **state)
{
    struct world world;
    (void)state;
    begin(&world, 3);
    change(&world, 0, 0, true); /* nobody else is sent it */
    change(&world, 0, 1, true);
    garbage_host_apply(&world.hosts[1], &world.messages[2].delivery, MERGE_ELEMENTS);
    delete_all(&world, 1, 0); /* the first owner's clock has both */
    garbage_host_crash(&world.hosts[0]);
    exchange_all(&world);
    assert_true(garbage_host_has_cell(&world.hosts[0], "k"));
    collect_all(&world);
    for (unsigned h = 0; h < HOSTS; h++) {
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_CELL), 0);
        assert_int_equal(garbage_host_records(&world.hosts[h], RECORD_GARBAGE), 0);
    }
    end(&world);
}

static void a_cut_of_what_its_maker_has_yet_to_make_is_refused(void **state)
{
    struct world world;
    struct clock seen = {0};
    struct buffer head = {0}, deliveries = {0};
    struct replica_minted minted;
    (void)state;
    begin(&world, 3);
    struct dot coming = replica_next_dot(&world.hosts[0].replica);
    clock_add(&seen, &coming);
    cell_encode(&(struct cell){0}, true, &head);
    struct replica_cut cut = {.key = key(), .read_cell = buffer_slice(&head), .seen = &seen};
    assert_int_equal(
        replica_cut(&world.hosts[0].replica, &cut, &world.hosts[0].context, &minted, &deliveries),
        STATUS_CORRUPT);
    assert_int_equal(world.hosts[0].batch.length, 0);
    clock_deinit(&seen);
    buffer_deinit(&head);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_agree_with_the_history_in_any_order),
        cmocka_unit_test(a_delete_leaves_what_it_has_not_seen),
        cmocka_unit_test(a_delete_removes_what_its_quorum_has_seen),
        cmocka_unit_test(a_swept_collection_leaves_nothing_on_the_disk),
        cmocka_unit_test(another_owner_sweeps_for_one_that_left),
        cmocka_unit_test(a_cut_stays_while_an_owner_lacks_what_it_covers),
        cmocka_unit_test(what_was_lost_with_its_maker_holds_no_cut_back),
        cmocka_unit_test(a_cut_of_what_its_maker_has_yet_to_make_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
