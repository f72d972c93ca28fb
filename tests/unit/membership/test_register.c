/*
 * test_register.c - a whole cluster of proposers and acceptors in one process, with a network that
 * loses, doubles and reorders, and disks that keep only what was synced; then each rule by itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "base/memory.h"
#include "membership/register_acceptor.h"
#include "membership/register_proposer.h"
#include "wire/message.h"

enum { NODES = 5, MESSAGES_MAX = 4096, LEARNED_MAX = 256, CHANGES_MAX = 256 };

struct message {
    node_id from, to;
    uint16_t type;
    struct buffer body;
};

struct member {
    node_id id;
    struct register_acceptor acceptor;
    struct buffer disk; /* the acceptor's record that is synced */
    uint64_t rounds;    /* reserved on disk */
    struct register_value *known;
    struct register_proposer *proposer;
    char wanted[RING_NAME_MAX + 1]; /* the keyspace that it creates */
    bool up;
};

struct cluster {
    struct random random;
    struct member members[NODES + 1]; /* by id */
    struct message net[MESSAGES_MAX];
    size_t message_count;
    uint64_t now_us;
    unsigned created;
    uint64_t digests[LEARNED_MAX]; /* of the learned values, by seq; 0: none */
    unsigned done, refused, uncertain, unavailable;
    char made[CHANGES_MAX][RING_NAME_MAX + 1];
    unsigned made_count;
    char never[CHANGES_MAX][RING_NAME_MAX + 1];
    unsigned never_count;
};

static const char *const REGIONS[] = {"eu", "us"};

static struct ring *small_ring(void)
{
    return fixture_small_ring();
}

static void init_cluster(struct cluster *cluster, uint64_t seed)
{
    struct ring *ring = small_ring();
    *cluster = (struct cluster){.random = random_make(seed), .now_us = 1000000};
    for (node_id id = 1; id <= NODES; id++) {
        cluster->members[id] =
            (struct member){.id = id, .known = register_value_first(ring), .up = true};
    }
    ring_free(ring);
}

static void drop_message(struct cluster *cluster, size_t at)
{
    buffer_deinit(&cluster->net[at].body);
    cluster->net[at] = cluster->net[--cluster->message_count];
}

static void deinit_cluster(struct cluster *cluster)
{
    while (cluster->message_count > 0)
        drop_message(cluster, 0);
    for (node_id id = 1; id <= NODES; id++) {
        register_value_free(cluster->members[id].known);
        register_proposer_free(cluster->members[id].proposer);
        register_acceptor_deinit(&cluster->members[id].acceptor);
        buffer_deinit(&cluster->members[id].disk);
    }
}

static void send(struct cluster *cluster, node_id from, node_id to, uint16_t type,
                 struct slice body)
{
    if (cluster->message_count == MESSAGES_MAX)
        return; /* lost */
    struct message *message = &cluster->net[cluster->message_count++];
    *message = (struct message){.from = from, .to = to, .type = type};
    buffer_append_slice(&message->body, body);
}

static void learn(struct cluster *cluster, struct member *member,
                  const struct register_value *value)
{
    struct buffer bytes = {0};
    register_value_encode(value, &bytes);
    uint64_t digest = register_value_digest(buffer_slice(&bytes));
    buffer_deinit(&bytes);
    assert_true(value->seq < LEARNED_MAX);
    if (cluster->digests[value->seq] == 0)
        cluster->digests[value->seq] = digest;
    assert_true(cluster->digests[value->seq] == digest); /* one value of one seq */
    if (register_value_compare(value, member->known) <= 0)
        return;
    struct register_value *copy = register_value_copy(value);
    register_value_free(member->known);
    member->known = copy;
}

static void note_end(struct cluster *cluster, struct member *member)
{
    struct register_proposer *p = member->proposer;
    if (p->chosen != NULL)
        learn(cluster, member, p->chosen);
    switch (p->outcome) {
    case STATUS_OK:
        cluster->done++;
        if (p->change.kind == REGISTER_CHANGE_KEYSPACE_CREATE)
            strcpy(cluster->made[cluster->made_count++], member->wanted);
        break;
    case STATUS_UNCERTAIN:
        cluster->uncertain++;
        break;
    case STATUS_INVALID:
    case STATUS_UNAVAILABLE:
        cluster->refused++;
        cluster->unavailable += p->outcome == STATUS_UNAVAILABLE;
        if (p->change.kind == REGISTER_CHANGE_KEYSPACE_CREATE)
            strcpy(cluster->never[cluster->never_count++], member->wanted);
        break;
    default:
        fail_msg("outcome %s: %s", status_name(p->outcome), p->reason);
    }
    register_proposer_free(p);
    member->proposer = NULL;
}

/* What the proposer wants done; a reserved round is on disk before it is used. */
static void carry_out(struct cluster *cluster, struct member *member, struct proposer_output *out)
{
    while (member->proposer != NULL && out->reserve) {
        uint64_t above = out->above;
        proposer_output_clear(out);
        member->rounds = (above > member->rounds ? above : member->rounds) + 1;
        register_proposer_reserved(member->proposer, member->rounds, cluster->now_us, out);
    }
    for (uint8_t i = 0; i < out->target_count; i++)
        send(cluster, member->id, out->targets[i], out->type, buffer_slice(&out->body));
    if (member->proposer != NULL && register_proposer_is_over(member->proposer))
        note_end(cluster, member);
    proposer_output_deinit(out);
}

static void propose(struct cluster *cluster, struct member *member,
                    const struct register_change *change)
{
    struct proposer_output out = {0};
    assert_null(member->proposer);
    memcpy(member->wanted, change->keyspace.name, sizeof member->wanted);
    member->proposer =
        register_proposer_new(&(struct register_proposer_params){.self = member->id,
                                                                 .incarnation = 1,
                                                                 .random_seed = cluster->created,
                                                                 .known = member->known,
                                                                 .change = change},
                              cluster->now_us, &out);
    carry_out(cluster, member, &out);
}

static void create_keyspace(struct cluster *cluster, struct member *member)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_CREATE, .any_number = true};
    snprintf(change.keyspace.name, sizeof change.keyspace.name, "k%u", cluster->created++);
    propose(cluster, member, &change);
}

static void sync_disk(struct member *member)
{
    buffer_clear(&member->disk);
    register_acceptor_save(&member->acceptor, &member->disk);
}

static void crash(struct cluster *cluster, struct member *member)
{
    if (member->proposer != NULL) {
        /* Whoever asked will never know. */
        register_proposer_free(member->proposer);
        member->proposer = NULL;
        cluster->uncertain++;
    }
    register_acceptor_deinit(&member->acceptor);
    if (member->disk.length > 0)
        assert_int_equal(register_acceptor_load(&member->acceptor, buffer_slice(&member->disk)),
                         STATUS_OK);
    member->up = !member->up;
}

static void answer_prepare(struct cluster *cluster, struct member *member, const struct message *m)
{
    struct message_register_prepare prepare;
    struct buffer body = {0};
    assert_int_equal(message_register_prepare_decode(buffer_slice(&m->body), &prepare), STATUS_OK);
    struct message_register_promise promise = {.ballot = prepare.ballot, .incarnation = 1};
    promise.status = register_acceptor_prepare(&member->acceptor, prepare.ballot);
    promise.promised = member->acceptor.promised;
    promise.accepted = member->acceptor.accepted;
    promise.value = buffer_slice(&member->acceptor.value);
    sync_disk(member);
    message_register_promise_encode(&promise, &body);
    send(cluster, member->id, m->from, MESSAGE_REGISTER_PROMISE, buffer_slice(&body));
    buffer_deinit(&body);
}

static void answer_accept(struct cluster *cluster, struct member *member, const struct message *m)
{
    struct message_register_accept accept;
    struct buffer body = {0};
    assert_int_equal(message_register_accept_decode(buffer_slice(&m->body), &accept), STATUS_OK);
    struct message_register_accepted accepted = {.ballot = accept.ballot, .incarnation = 1};
    accepted.status = register_acceptor_accept(&member->acceptor, accept.ballot, accept.value);
    accepted.promised = member->acceptor.promised;
    sync_disk(member);
    message_register_accepted_encode(&accepted, &body);
    send(cluster, member->id, m->from, MESSAGE_REGISTER_ACCEPTED, buffer_slice(&body));
    buffer_deinit(&body);
}

static void take_answer(struct cluster *cluster, struct member *member, const struct message *m)
{
    struct proposer_output out = {0};
    struct message_register_promise promise;
    struct message_register_accepted accepted;
    if (member->proposer == NULL)
        return;
    if (m->type == MESSAGE_REGISTER_PROMISE) {
        assert_int_equal(message_register_promise_decode(buffer_slice(&m->body), &promise),
                         STATUS_OK);
        register_proposer_promise(member->proposer, m->from, &promise, cluster->now_us, &out);
    } else {
        assert_int_equal(message_register_accepted_decode(buffer_slice(&m->body), &accepted),
                         STATUS_OK);
        register_proposer_accepted(member->proposer, m->from, &accepted, cluster->now_us, &out);
    }
    carry_out(cluster, member, &out);
}

static void deliver(struct cluster *cluster, const struct message *m)
{
    struct member *member = &cluster->members[m->to];
    if (!member->up)
        return;
    if (m->type == MESSAGE_REGISTER_PREPARE)
        answer_prepare(cluster, member, m);
    else if (m->type == MESSAGE_REGISTER_ACCEPT)
        answer_accept(cluster, member, m);
    else
        take_answer(cluster, member, m);
}

/* `keep`: it comes again. */
static void deliver_at(struct cluster *cluster, size_t at, bool keep)
{
    struct message copy = cluster->net[at];
    copy.body = (struct buffer){0};
    buffer_append_slice(&copy.body, buffer_slice(&cluster->net[at].body));
    if (!keep)
        drop_message(cluster, at);
    deliver(cluster, &copy);
    buffer_deinit(&copy.body);
}

static void tick(struct cluster *cluster, uint64_t ms)
{
    cluster->now_us += ms * 1000;
    for (node_id id = 1; id <= NODES; id++) {
        struct member *member = &cluster->members[id];
        struct proposer_output out = {0};
        if (member->proposer == NULL)
            continue;
        register_proposer_tick(member->proposer, cluster->now_us, &out);
        carry_out(cluster, member, &out);
    }
}

static struct member *any_member(struct cluster *cluster)
{
    return &cluster->members[1 + random_below(&cluster->random, NODES)];
}

static void gossip(struct cluster *cluster)
{
    struct member *from = any_member(cluster), *to = any_member(cluster);
    struct proposer_output out = {0};
    if (!from->up || !to->up)
        return;
    learn(cluster, to, from->known);
    if (to->proposer == NULL)
        return;
    register_proposer_learned(to->proposer, from->known, cluster->now_us, &out);
    carry_out(cluster, to, &out);
}

static void step(struct cluster *cluster)
{
    uint64_t draw = random_below(&cluster->random, 100);
    struct member *member = any_member(cluster);
    if (draw < 5) {
        if (member->up && member->proposer == NULL && cluster->created < 40)
            create_keyspace(cluster, member);
    } else if (draw < 7) {
        crash(cluster, member);
    } else if (draw < 12) {
        tick(cluster, 1 + random_below(&cluster->random, 300));
    } else if (draw < 16) {
        gossip(cluster);
    } else if (cluster->message_count > 0) {
        size_t at = (size_t)random_below(&cluster->random, cluster->message_count);
        if (random_chance(&cluster->random, 1, 15))
            drop_message(cluster, at);
        else
            deliver_at(cluster, at, random_chance(&cluster->random, 1, 10));
    }
}

static bool has_keyspace(const struct register_value *value, const char *name)
{
    unsigned count = 0;
    for (uint16_t i = 0; i < value->ring->keyspace_count; i++)
        count += strcmp(value->ring->keyspaces[i].name, name) == 0;
    assert_true(count <= 1);
    return count == 1;
}

/* All up, nothing lost: one more change must be possible, and shows what was chosen before. */
static void heal_and_check(struct cluster *cluster)
{
    for (node_id id = 1; id <= NODES; id++)
        cluster->members[id].up = true;
    for (unsigned i = 0; i < 100 && cluster->members[1].proposer != NULL; i++)
        tick(cluster, 100);
    unsigned before = cluster->done;
    create_keyspace(cluster, &cluster->members[1]);
    for (unsigned i = 0; i < 3000 && cluster->members[1].proposer != NULL; i++) {
        if (cluster->message_count > 0)
            deliver_at(cluster, (size_t)random_below(&cluster->random, cluster->message_count),
                       false);
        if (i % 50 == 0)
            tick(cluster, 10);
    }
    assert_true(cluster->done > before);
    const struct register_value *last = cluster->members[1].known;
    for (unsigned i = 0; i < cluster->made_count; i++)
        assert_true(has_keyspace(last, cluster->made[i]));
    for (unsigned i = 0; i < cluster->never_count; i++)
        assert_false(has_keyspace(last, cluster->never[i]));
}

static void random_runs_agree(void **state)
{
    unsigned done = 0, refused = 0, uncertain = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct cluster *cluster = memory_new(1, sizeof *cluster);
        init_cluster(cluster, seed);
        for (unsigned i = 0; i < 1500; i++)
            step(cluster);
        heal_and_check(cluster);
        done += cluster->done;
        refused += cluster->refused;
        uncertain += cluster->uncertain;
        deinit_cluster(cluster);
        free(cluster);
    }
    assert_true(done > 500);
    assert_true(refused > 20);
    assert_true(uncertain > 100);
}

/* ---- one rule each ---- */

static void pump(struct cluster *cluster)
{
    while (cluster->message_count > 0)
        deliver_at(cluster, 0, false);
}

static struct cluster *new_cluster(void)
{
    struct cluster *cluster = memory_new(1, sizeof *cluster);
    init_cluster(cluster, 1);
    return cluster;
}

static void free_cluster(struct cluster *cluster)
{
    deinit_cluster(cluster);
    free(cluster);
}

static void a_change_is_made_by_any_node(void **state)
{
    struct cluster *cluster = new_cluster();
    (void)state;
    for (node_id id = 1; id <= NODES; id++) {
        create_keyspace(cluster, &cluster->members[id]);
        pump(cluster);
        assert_int_equal(cluster->done, id);
        assert_true(cluster->members[id].known->seq == id);
    }
    assert_int_equal(cluster->members[5].known->ring->keyspace_count, 2 + NODES);
    assert_int_equal(ring_keyspace(cluster->members[5].known->ring, 1)->number, 1);
    free_cluster(cluster);
}

static void stewards_stand_in_different_places(void **state)
{
    struct ring *ring = fixture_ring("eu:1,us:1", 16);
    (void)state;
    for (node_id id = 1; id <= 12; id++)
        fixture_add(ring, id, REGIONS[id > 9], id < 8 ? "a" : "b", 1);
    fixture_place(ring, NULL);
    struct register_value *value = register_value_first(ring);
    /* us has one rack; eu has two, and node 8 is the first of the second one. */
    const node_id expected[] = {1, 2, 8, 10, 11};
    assert_int_equal(value->stewards.count, 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(value->stewards.items[i].node, expected[i]);
    assert_int_equal(value->coming.count, 0);
    register_value_free(value);
    ring_free(ring);
}

static void a_small_ring_has_few_stewards(void **state)
{
    static const uint8_t expected[] = {0, 1, 2, 3, 3, 5, 5};
    (void)state;
    for (node_id count = 1; count <= 6; count++) {
        struct ring *ring = fixture_ring("eu:1", 16);
        for (node_id id = 1; id <= count; id++)
            fixture_add(ring, id, "eu", "a", 1);
        fixture_place(ring, NULL);
        struct register_value *value = register_value_first(ring);
        assert_int_equal(value->stewards.count, expected[count]);
        register_value_free(value);
        ring_free(ring);
    }
}

static void a_minority_changes_nothing_and_says_so(void **state)
{
    struct cluster *cluster = new_cluster();
    (void)state;
    create_keyspace(cluster, &cluster->members[1]);
    for (node_id id = 3; id <= 5; id++) {
        struct proposer_output out = {0};
        if (cluster->members[1].proposer != NULL)
            register_proposer_unreachable(cluster->members[1].proposer, id, cluster->now_us, &out);
        carry_out(cluster, &cluster->members[1], &out);
    }
    assert_int_equal(cluster->unavailable, 1);
    assert_int_equal(cluster->uncertain, 0);
    pump(cluster);
    for (node_id id = 1; id <= NODES; id++)
        assert_true(ballot_is_none(cluster->members[id].acceptor.accepted));
    free_cluster(cluster);
}

/* The value of an attempt that failed half way is not lost and not made twice. */
static void an_accepted_value_is_built_on(void **state)
{
    struct cluster *cluster = new_cluster();
    (void)state;
    create_keyspace(cluster, &cluster->members[1]);
    for (size_t at = 0; at < cluster->message_count;) {
        uint16_t type = cluster->net[at].type;
        if (type == MESSAGE_REGISTER_ACCEPT && cluster->net[at].to != 4)
            drop_message(cluster, at); /* one steward alone accepts */
        else if (type == MESSAGE_REGISTER_ACCEPTED)
            drop_message(cluster, at);
        else
            deliver_at(cluster, at, false);
    }
    assert_int_equal(cluster->done, 0);
    assert_false(ballot_is_none(cluster->members[4].acceptor.accepted));
    cluster->members[5].up = false; /* so 4 is in every majority but one */
    cluster->members[3].up = false;
    create_keyspace(cluster, &cluster->members[2]);
    for (unsigned i = 0; i < 20 && cluster->members[2].proposer != NULL; i++) {
        pump(cluster);
        tick(cluster, 100);
    }
    assert_true(has_keyspace(cluster->members[2].known, "k0"));
    assert_true(has_keyspace(cluster->members[2].known, "k1"));
    free_cluster(cluster);
}

/*
 * A ballot that others overtook leaves a value at one steward that nobody will ever choose.
 * Agreeing on what is known takes it away, else the steward would be in doubt for ever.
 */
static void a_doubt_ends_although_nothing_is_left_to_choose(void **state)
{
    struct cluster *cluster = new_cluster();
    struct register_change nothing = {.kind = REGISTER_CHANGE_NONE};
    struct member *doubts = &cluster->members[4];
    struct register_value *overtaken = NULL;
    char reason[REGISTER_REASON_MAX];
    (void)state;
    cluster->members[1].rounds = 5;
    create_keyspace(cluster, &cluster->members[1]);
    pump(cluster);
    learn(cluster, doubts, cluster->members[1].known);
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_CREATE, .any_number = true};
    strcpy(change.keyspace.name, "other");
    assert_int_equal(
        register_change_apply(&change, (struct ballot){2, 2, 1}, doubts->known, &overtaken, reason),
        STATUS_OK);
    doubts->acceptor.accepted = (struct ballot){2, 2, 1}; /* before that of the one that is known */
    buffer_clear(&doubts->acceptor.value);
    register_value_encode(overtaken, &doubts->acceptor.value);
    propose(cluster, doubts, &nothing);
    for (unsigned i = 0; i < 20 && doubts->proposer != NULL; i++) {
        pump(cluster);
        tick(cluster, 100);
    }
    assert_null(doubts->proposer);
    struct buffer known = {0};
    register_value_encode(doubts->known, &known);
    assert_true(slice_equal(buffer_slice(&doubts->acceptor.value), buffer_slice(&known)));
    assert_int_equal(doubts->known->seq, 1);
    buffer_deinit(&known);
    register_value_free(overtaken);
    free_cluster(cluster);
}

/* P3: what a refusal goes by may be a value that nobody else will ever see. */
static void a_refusal_waits_until_its_value_is_chosen(void **state)
{
    struct cluster *cluster = new_cluster();
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_CREATE, .any_number = true};
    (void)state;
    strcpy(change.keyspace.name, "same");
    propose(cluster, &cluster->members[1], &change);
    while (cluster->members[1].proposer->phase != PROPOSER_ACCEPTING)
        deliver_at(cluster, 0, false);
    for (size_t at = 0; at < cluster->message_count;) {
        if (cluster->net[at].type == MESSAGE_REGISTER_ACCEPT && cluster->net[at].to == 4)
            deliver_at(cluster, at, false);
        else
            drop_message(cluster, at);
    }
    while (cluster->message_count > 0)
        drop_message(cluster, 0);
    cluster->members[5].up = cluster->members[1].up = false;
    propose(cluster, &cluster->members[2], &change);
    while (cluster->members[2].proposer != NULL && cluster->message_count > 0 &&
           cluster->members[2].proposer->phase != PROPOSER_ACCEPTING)
        deliver_at(cluster, 0, false);
    assert_non_null(cluster->members[2].proposer);
    assert_int_equal(cluster->members[2].proposer->phase, PROPOSER_ACCEPTING);
    assert_int_equal(cluster->members[2].proposer->refusal, STATUS_INVALID);
    pump(cluster);
    assert_int_equal(cluster->refused, 1);
    assert_true(cluster->members[2].known->seq == 1);
    free_cluster(cluster);
}

/* A store that was lost keeps the node's name and nothing of what it promised. */
static void a_steward_with_another_store_does_not_count(void **state)
{
    struct cluster *cluster = new_cluster();
    (void)state;
    create_keyspace(cluster, &cluster->members[1]);
    struct register_proposer *p = cluster->members[1].proposer;
    struct message_register_promise promise = {.ballot = p->ballot, .promised = p->ballot};
    struct proposer_output out = {0};
    for (node_id id = 1; id <= 2; id++) {
        promise.incarnation = 1;
        register_proposer_promise(p, id, &promise, cluster->now_us, &out);
    }
    promise.incarnation = 2;
    register_proposer_promise(p, 3, &promise, cluster->now_us, &out);
    register_proposer_promise(p, 4, &promise, cluster->now_us, &out);
    assert_int_equal(p->phase, PROPOSER_PREPARING);
    register_proposer_promise(p, 5, &promise, cluster->now_us, &out);
    assert_int_equal(p->phase, PROPOSER_OVER);
    assert_int_equal(p->outcome, STATUS_UNAVAILABLE);
    carry_out(cluster, &cluster->members[1], &out);
    free_cluster(cluster);
}

static void an_answer_counts_once_and_for_its_ballot_only(void **state)
{
    struct cluster *cluster = new_cluster();
    (void)state;
    create_keyspace(cluster, &cluster->members[1]);
    struct register_proposer *p = cluster->members[1].proposer;
    struct proposer_output out = {0};
    struct message_register_promise promise = {
        .ballot = p->ballot, .promised = p->ballot, .incarnation = 1};
    for (unsigned i = 0; i < 5; i++)
        register_proposer_promise(p, 2, &promise, cluster->now_us, &out);
    promise.ballot.round--;
    promise.ballot.round += 7;
    register_proposer_promise(p, 3, &promise, cluster->now_us, &out);
    register_proposer_promise(p, 4, &promise, cluster->now_us, &out);
    assert_int_equal(p->phase, PROPOSER_PREPARING);
    assert_int_equal(p->yes.count, 1);
    proposer_output_deinit(&out);
    free_cluster(cluster);
}

static void an_acceptor_keeps_its_promises(void **state)
{
    struct register_acceptor acceptor = {0};
    struct ballot low = {1, 9, 1}, high = {2, 1, 1};
    struct buffer record = {0};
    (void)state;
    assert_int_equal(register_acceptor_prepare(&acceptor, high), STATUS_OK);
    assert_int_equal(register_acceptor_prepare(&acceptor, high), STATUS_STALE_TAG);
    assert_int_equal(register_acceptor_prepare(&acceptor, low), STATUS_STALE_TAG);
    assert_int_equal(register_acceptor_accept(&acceptor, low, slice_text("x")), STATUS_STALE_TAG);
    assert_int_equal(register_acceptor_accept(&acceptor, high, slice_text("y")), STATUS_OK);
    assert_int_equal(register_acceptor_accept(&acceptor, high, slice_text("y")), STATUS_OK);
    assert_int_equal(register_acceptor_accept(&acceptor, high, slice_text("z")), STATUS_CORRUPT);
    register_acceptor_save(&acceptor, &record);
    register_acceptor_deinit(&acceptor);
    assert_int_equal(register_acceptor_load(&acceptor, buffer_slice(&record)), STATUS_OK);
    assert_int_equal(ballot_compare(acceptor.accepted, high), 0);
    assert_true(slice_equal(buffer_slice(&acceptor.value), slice_text("y")));
    assert_int_equal(register_acceptor_accept(&acceptor, low, slice_text("x")), STATUS_STALE_TAG);
    buffer_deinit(&record);
    register_acceptor_deinit(&acceptor);
}

static void damaged_values_are_corrupt(void **state)
{
    struct ring *ring = small_ring();
    struct register_value *value = register_value_first(ring), *back = NULL;
    struct buffer bytes = {0}, again = {0};
    (void)state;
    for (unsigned i = 0; i < REGISTER_CHANGES_MAX + 3; i++)
        register_value_note(value, (struct ballot){i + 1, 2, 1});
    value->seq = 77;
    register_value_encode(value, &bytes);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_true(back->seq == 77);
    assert_true(register_value_holds(back, (struct ballot){REGISTER_CHANGES_MAX + 3, 2, 1}));
    assert_false(register_value_holds(back, (struct ballot){3, 2, 1}));
    register_value_encode(back, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    register_value_free(back);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(register_value_decode(slice_make(bytes.data, length), &back),
                         STATUS_CORRUPT);
    for (size_t at = 0; at < bytes.length; at++) {
        bytes.data[at] ^= 4;
        assert_int_equal(register_value_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
        bytes.data[at] ^= 4;
    }
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    register_value_free(value);
    ring_free(ring);
}

/* While stewards change, a majority of the old ones is not enough, nor one of the new. */
static void a_joint_value_needs_both_majorities(void **state)
{
    struct cluster *cluster = new_cluster();
    struct register_change back = {.kind = REGISTER_CHANGE_STEWARD_RETURN,
                                   .steward = {.node = 3, .incarnation = 2}};
    (void)state;
    propose(cluster, &cluster->members[1], &back);
    pump(cluster);
    assert_int_equal(cluster->done, 1);
    const struct register_value *joint = cluster->members[1].known;
    assert_int_equal(joint->coming.count, 5);
    struct register_change create_one = {
        .kind = REGISTER_CHANGE_KEYSPACE_CREATE, .any_number = true, .keyspace = {.name = "one"}};
    propose(cluster, &cluster->members[1], &create_one);
    struct register_proposer *p = cluster->members[1].proposer;
    struct proposer_output out = {0};
    struct buffer bytes = {0};
    register_value_encode(joint, &bytes);
    struct message_register_promise promise = {.ballot = p->ballot,
                                               .promised = p->ballot,
                                               .incarnation = 1,
                                               .accepted = {1, 1, 1},
                                               .value = buffer_slice(&bytes)};
    /* 1, 2 and 3 with its old store: a majority of the old, two of the coming ones. */
    for (node_id id = 1; id <= 3; id++)
        register_proposer_promise(p, id, &promise, cluster->now_us, &out);
    assert_int_equal(p->phase, PROPOSER_PREPARING);
    register_proposer_promise(p, 4, &promise, cluster->now_us, &out);
    assert_int_equal(p->phase, PROPOSER_ACCEPTING);
    buffer_deinit(&bytes);
    carry_out(cluster, &cluster->members[1], &out);
    free_cluster(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_runs_agree),
        cmocka_unit_test(a_change_is_made_by_any_node),
        cmocka_unit_test(stewards_stand_in_different_places),
        cmocka_unit_test(a_small_ring_has_few_stewards),
        cmocka_unit_test(a_minority_changes_nothing_and_says_so),
        cmocka_unit_test(an_accepted_value_is_built_on),
        cmocka_unit_test(a_doubt_ends_although_nothing_is_left_to_choose),
        cmocka_unit_test(a_refusal_waits_until_its_value_is_chosen),
        cmocka_unit_test(a_steward_with_another_store_does_not_count),
        cmocka_unit_test(an_answer_counts_once_and_for_its_ballot_only),
        cmocka_unit_test(an_acceptor_keeps_its_promises),
        cmocka_unit_test(damaged_values_are_corrupt),
        cmocka_unit_test(a_joint_value_needs_both_majorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
