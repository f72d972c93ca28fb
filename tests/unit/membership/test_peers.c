/*
 * test_peers.c - who is let in, who is up, and how often a lost peer is dialed.
 *
 * The node under test is 3 of members 1..5: it dials 4 and 5, and is dialed by 1 and 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/peers.h"
#include "ring/transition.h"
#include "wire/message.h"
#include "wire/message_lineage.h"

enum { SELF = 3, HEARTBEAT_MS = 500, TIMEOUT_MS = 2000, HANDSHAKE_MS = 1000 };
enum { BACKOFF_MIN_MS = 50, BACKOFF_MAX_MS = 2000 };

struct world {
    struct ring *ring;
    struct peers *peers;
    struct peers_output out;
    uint64_t now_ms;
};

static void init_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.ring = fixture_small_ring(), .now_ms = 10000};
    world->peers = peers_new(&(struct peers_params){.ring = world->ring,
                                                    .self = SELF,
                                                    .storage_incarnation = 1,
                                                    .boot_epoch = 7,
                                                    .heartbeat_ms = HEARTBEAT_MS,
                                                    .peer_timeout_ms = TIMEOUT_MS,
                                                    .handshake_timeout_ms = HANDSHAKE_MS,
                                                    .reconnect_min_ms = BACKOFF_MIN_MS,
                                                    .reconnect_max_ms = BACKOFF_MAX_MS,
                                                    .random_seed = seed});
    peers_start(world->peers, world->now_ms * 1000, &world->out);
}

static void deinit_world(struct world *world)
{
    peers_free(world->peers);
    peers_output_deinit(&world->out);
    ring_free(world->ring);
}

static void clear(struct world *world)
{
    peers_output_clear(&world->out);
}

static void tick(struct world *world, uint64_t ms)
{
    world->now_ms += ms;
    peers_tick(world->peers, world->now_ms * 1000, 1700000000000, &world->out);
}

static void link_up(struct world *world, link_id link, node_id dialed)
{
    peers_link_up(world->peers, (struct peers_link){.id = link, .dialed = dialed},
                  world->now_ms * 1000, &world->out);
}

static node_id frame(struct world *world, link_id link, uint16_t type, struct slice body)
{
    return peers_frame(world->peers, link, type, body, world->now_ms * 1000, 1700000000000,
                       &world->out);
}

static struct message_hello hello_of(const struct world *world, node_id node)
{
    struct message_hello hello = {.generation = world->ring->generation,
                                  .placement_digest = ring_placement_digest(world->ring),
                                  .tag = world->ring->tag,
                                  .node = node,
                                  .storage_incarnation = 1,
                                  .boot_epoch = 1};
    memcpy(hello.cluster_id, world->ring->cluster_id, sizeof hello.cluster_id);
    return hello;
}

static void say(struct world *world, link_id link, const struct message_hello *hello)
{
    struct buffer body = {0};
    message_hello_encode(hello, &body);
    assert_int_equal(frame(world, link, MESSAGE_HELLO, buffer_slice(&body)), 0);
    buffer_deinit(&body);
}

static void say_hello(struct world *world, link_id link, node_id node)
{
    struct message_hello hello = hello_of(world, node);
    say(world, link, &hello);
}

/* A peer that is up, over `link`. */
static void let_in(struct world *world, link_id link, node_id node)
{
    link_up(world, link, node > SELF ? node : 0);
    say_hello(world, link, node);
    assert_int_equal(peers_link(world->peers, node), link);
    clear(world);
}

static unsigned count(const struct world *world, enum peers_action_kind kind)
{
    unsigned found = 0;
    for (uint32_t i = 0; i < world->out.count; i++)
        found += world->out.actions[i].kind == kind;
    return found;
}

static const struct peers_action *find(const struct world *world, enum peers_action_kind kind)
{
    for (uint32_t i = 0; i < world->out.count; i++)
        if (world->out.actions[i].kind == kind)
            return &world->out.actions[i];
    fail_msg("no action of kind %d", (int)kind);
    return NULL;
}

/* ---- handshake ----------------------------------------------------------------------------- */

static void the_lower_id_dials(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    assert_int_equal(world.out.count, 2);
    assert_int_equal(world.out.actions[0].kind, PEERS_DIAL);
    assert_int_equal(world.out.actions[0].node, 4);
    assert_int_equal(world.out.actions[1].node, 5);
    clear(&world);
    tick(&world, 3 * TIMEOUT_MS - 1); /* 1 and 2 have to come by themselves */
    assert_int_equal(count(&world, PEERS_DIAL), 0);
    deinit_world(&world);
}

static void both_ends_say_hello_first(void **state)
{
    struct world world;
    struct message_hello hello;
    (void)state;
    init_world(&world, 1);
    clear(&world);
    link_up(&world, 11, 0);
    const struct peers_action *sent = find(&world, PEERS_SEND);
    assert_int_equal(world.out.count, 1);
    assert_int_equal(sent->link, 11);
    assert_int_equal(sent->type, MESSAGE_HELLO);
    assert_int_equal(message_hello_decode(
                         slice_make(world.out.bodies.data + sent->offset, sent->length), &hello),
                     STATUS_OK);
    assert_int_equal(hello.node, SELF);
    assert_int_equal(hello.boot_epoch, 7);
    assert_int_equal(hello.placement_digest, ring_placement_digest(world.ring));
    assert_memory_equal(hello.cluster_id, world.ring->cluster_id, sizeof hello.cluster_id);
    deinit_world(&world);
}

static void a_hello_that_fits_makes_a_peer_up(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    assert_true(peers_silence_ms(world.peers, 4, world.now_ms * 1000) == UINT64_MAX);
    link_up(&world, 11, 0);
    link_up(&world, 12, 4);
    clear(&world);
    assert_false(peers_is_up(world.peers, 1));
    say_hello(&world, 11, 1);
    say_hello(&world, 12, 4);
    assert_int_equal(world.out.count, 4); /* and a heartbeat to each */
    assert_int_equal(world.out.actions[0].kind, PEERS_UP);
    assert_int_equal(world.out.actions[0].node, 1);
    assert_int_equal(world.out.actions[0].link, 11);
    assert_int_equal(world.out.actions[2].kind, PEERS_UP);
    assert_int_equal(world.out.actions[2].node, 4);
    assert_int_equal(peers_link(world.peers, 1), 11);
    assert_int_equal(peers_link(world.peers, 4), 12);
    assert_int_equal(peers_link(world.peers, 99), 0);
    assert_int_equal(peers_silence_ms(world.peers, 4, world.now_ms * 1000 + 5000), 5);
    deinit_world(&world);
}

/* One may know more of what moves than the other: that is told by the tag of each message. */
static void tables_are_not_compared_once_partitions_move(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    struct message_hello ahead = hello_of(&world, 1), behind = hello_of(&world, 1);
    ahead.placement_digest = 0;
    link_up(&world, 100, 0);
    say(&world, 100, &ahead);
    assert_true(peers_is_up(world.peers, 1));
    ring_set_epoch(world.ring, 0, world.ring->tag.epoch + 1);
    behind.placement_digest++;
    link_up(&world, 101, 0);
    clear(&world);
    say(&world, 101, &behind);
    assert_int_equal(peers_link(world.peers, 1), 101);
    clear(&world);
    link_up(&world, 102, 0);
    const struct peers_action *sent = find(&world, PEERS_SEND);
    struct message_hello own;
    assert_int_equal(
        message_hello_decode(slice_make(world.out.bodies.data + sent->offset, sent->length), &own),
        STATUS_OK);
    assert_int_equal(own.placement_digest, 0);
    deinit_world(&world);
}

/* Every reason by itself; what is refused is closed, counted, and leaves no trace. */
static void a_hello_that_does_not_fit_is_refused(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    struct message_hello wrong[] = {
        hello_of(&world, 1), hello_of(&world, 1), hello_of(&world, 1),
        hello_of(&world, 1), hello_of(&world, 1), hello_of(&world, SELF),
        hello_of(&world, 6), hello_of(&world, 1), hello_of(&world, 1),
    };
    wrong[0].cluster_id[15] ^= 1;
    wrong[1].generation++;
    wrong[2].tag.epoch++;
    wrong[3].tag.phase = RING_JOINT;
    wrong[4].placement_digest++;
    /* 5: says that it is us; 6: is no member */
    wrong[7].storage_incarnation = 0;
    wrong[8].features = 1;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        link_id link = 100 + i;
        link_up(&world, link, 0);
        clear(&world);
        say(&world, link, &wrong[i]);
        assert_int_equal(world.out.count, i == 7 ? 2 : 1); /* who is old is told so first */
        assert_int_equal(find(&world, PEERS_CLOSE)->link, link);
        assert_int_equal(peers_refused_count(world.peers), i + 1);
        assert_false(peers_is_up(world.peers, 1));
        clear(&world);
        say_hello(&world, link, 1); /* its end was decided */
        assert_int_equal(world.out.count, 0);
    }
    link_up(&world, 200, 0);
    clear(&world);
    frame(&world, 200, MESSAGE_HELLO, slice_text("garbage"));
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 200);
    deinit_world(&world);
}

static void whoever_is_dialed_must_be_who_answers(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    link_up(&world, 11, 4);
    clear(&world);
    say_hello(&world, 11, 5);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 11);
    assert_false(peers_is_up(world.peers, 5));
    assert_false(peers_is_up(world.peers, 4));
    clear(&world);
    tick(&world, BACKOFF_MIN_MS + 2);
    assert_int_equal(find(&world, PEERS_DIAL)->node, 4);
    deinit_world(&world);
}

/* P4: a certificate is of one node, and its holder must not speak for another. */
static void who_has_proved_to_be_one_node_is_no_other(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 2);
    for (node_id claimed = 4; claimed <= 5; claimed++) {
        link_id link = 10 + claimed;
        clear(&world);
        peers_link_up(world.peers, (struct peers_link){.id = link, .dialed = 4, .proven = 5},
                      world.now_ms * 1000, &world.out);
        say_hello(&world, link, claimed);
        assert_int_equal(find(&world, PEERS_CLOSE)->link, link);
        assert_false(peers_is_up(world.peers, claimed));
    }
    clear(&world);
    peers_link_up(world.peers, (struct peers_link){.id = 20, .proven = 1}, world.now_ms * 1000,
                  &world.out);
    say_hello(&world, 20, 5);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 20);
    assert_false(peers_is_up(world.peers, 5));
    clear(&world);
    peers_link_up(world.peers, (struct peers_link){.id = 21, .proven = 1}, world.now_ms * 1000,
                  &world.out);
    say_hello(&world, 21, 1);
    assert_true(peers_is_up(world.peers, 1));
    deinit_world(&world);
}

/* P3: a node whose store was lost has a new incarnation; its old self must not come back. */
static void a_lower_storage_incarnation_is_refused(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    struct message_hello newer = hello_of(&world, 1), older = newer;
    newer.storage_incarnation = 3;
    older.storage_incarnation = 2;
    link_up(&world, 11, 0);
    say(&world, 11, &newer);
    assert_int_equal(peers_link(world.peers, 1), 11);
    link_up(&world, 12, 0);
    clear(&world);
    say(&world, 12, &older);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 12);
    assert_int_equal(peers_link(world.peers, 1), 11);
    peers_link_down(world.peers, 11, world.now_ms * 1000, &world.out);
    link_up(&world, 13, 0);
    clear(&world);
    say(&world, 13, &older); /* also when nobody is there any more */
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 13);
    assert_false(peers_is_up(world.peers, 1));
    link_up(&world, 14, 0);
    say(&world, 14, &newer); /* an equal one is the same store */
    assert_int_equal(peers_link(world.peers, 1), 14);
    deinit_world(&world);
}

/* P1: it came back before its end was noticed here. */
static void a_second_link_of_a_peer_replaces_the_first(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 1);
    link_up(&world, 12, 0);
    clear(&world);
    say_hello(&world, 12, 1);
    assert_int_equal(world.out.count, 4); /* what was asked over the first one is lost */
    assert_int_equal(world.out.actions[0].kind, PEERS_CLOSE);
    assert_int_equal(world.out.actions[0].link, 11);
    assert_int_equal(world.out.actions[1].kind, PEERS_DOWN);
    assert_int_equal(world.out.actions[2].kind, PEERS_UP);
    assert_int_equal(world.out.actions[2].link, 12);
    assert_int_equal(peers_link(world.peers, 1), 12);
    clear(&world);
    peers_link_down(world.peers, 11, world.now_ms * 1000, &world.out);
    assert_int_equal(world.out.count, 0);
    assert_int_equal(peers_link(world.peers, 1), 12);
    assert_int_equal(frame(&world, 11, MESSAGE_READ, slice_text("")), 0);
    deinit_world(&world);
}

/* P2 */
static void data_before_hello_closes_the_link(void **state)
{
    static const uint16_t types[] = {MESSAGE_READ, MESSAGE_HEARTBEAT, MESSAGE_REPLICATE, 9999};
    struct world world;
    (void)state;
    init_world(&world, 1);
    for (unsigned i = 0; i < 4; i++) {
        link_up(&world, 11 + i, 0);
        clear(&world);
        assert_int_equal(frame(&world, 11 + i, types[i], slice_text("body")), 0);
        assert_int_equal(find(&world, PEERS_CLOSE)->link, 11 + i);
        assert_int_equal(peers_refused_count(world.peers), i + 1);
    }
    deinit_world(&world);
}

static void frames_of_a_peer_are_handed_on_and_heartbeats_are_not(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 1);
    assert_int_equal(frame(&world, 11, MESSAGE_READ, slice_text("body")), 1);
    assert_int_equal(frame(&world, 11, MESSAGE_HEARTBEAT, slice_text("")), 0);
    say_hello(&world, 11, 1);
    assert_int_equal(frame(&world, 12, MESSAGE_READ, slice_text("body")), 0); /* no such link */
    assert_int_equal(world.out.count, 0);
    deinit_world(&world);
}

/* ---- strangers ----------------------------------------------------------------------------- */

static void a_stranger_that_says_nothing_is_closed(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    clear(&world);
    link_up(&world, 11, 0);
    tick(&world, HANDSHAKE_MS / 2);
    link_up(&world, 12, 4);
    clear(&world);
    tick(&world, HANDSHAKE_MS / 2 - 1);
    assert_int_equal(count(&world, PEERS_CLOSE), 0);
    assert_true(peers_deadline_us(world.peers) <= (world.now_ms + 1) * 1000);
    tick(&world, 1);
    assert_int_equal(count(&world, PEERS_CLOSE), 1);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 11);
    clear(&world);
    tick(&world, HANDSHAKE_MS / 2);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 12);
    clear(&world);
    tick(&world, BACKOFF_MIN_MS + 2); /* whom we dialed is dialed again */
    assert_int_equal(find(&world, PEERS_DIAL)->node, 4);
    deinit_world(&world);
}

/* Anybody can open connections: their number has a bound, and members get in afterwards. */
static void strangers_are_bounded(void **state)
{
    struct world world;
    link_id link = 1000;
    (void)state;
    init_world(&world, 1);
    clear(&world);
    while (count(&world, PEERS_CLOSE) == 0) {
        link_up(&world, ++link, 0);
        assert_true(link < 1100);
    }
    assert_in_range(link, 1010, 1100);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, link); /* the one too many */
    clear(&world);
    link_up(&world, ++link, 4);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, link);
    clear(&world);
    tick(&world, HANDSHAKE_MS);
    assert_in_range(count(&world, PEERS_CLOSE), 10, 100);
    assert_int_equal(find(&world, PEERS_DIAL)->node, 4);
    let_in(&world, ++link, 1);
    deinit_world(&world);
}

/* ---- failure detection --------------------------------------------------------------------- */

static void heartbeats_go_to_whoever_is_up(void **state)
{
    struct world world;
    struct message_heartbeat heartbeat;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 1);
    let_in(&world, 14, 4);
    link_up(&world, 12, 0); /* a stranger gets none */
    clear(&world);
    tick(&world, HEARTBEAT_MS - 1);
    assert_int_equal(count(&world, PEERS_SEND), 0);
    tick(&world, 1);
    assert_int_equal(count(&world, PEERS_SEND), 2);
    const struct peers_action *sent = find(&world, PEERS_SEND);
    assert_int_equal(sent->type, MESSAGE_HEARTBEAT);
    assert_int_equal(
        message_heartbeat_decode(slice_make(world.out.bodies.data + sent->offset, sent->length),
                                 &heartbeat),
        STATUS_OK);
    assert_int_equal(heartbeat.wall_ms, 1700000000000);
    clear(&world);
    tick(&world, 0);
    assert_int_equal(count(&world, PEERS_SEND), 0);
    tick(&world, HEARTBEAT_MS);
    assert_int_equal(count(&world, PEERS_SEND), 2);
    deinit_world(&world);
}

static void silence_makes_a_peer_down(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 1);
    tick(&world, TIMEOUT_MS - 1);
    assert_true(peers_is_up(world.peers, 1));
    frame(&world, 11, MESSAGE_HEARTBEAT, slice_text("")); /* any frame is life */
    tick(&world, TIMEOUT_MS - 1);
    assert_true(peers_is_up(world.peers, 1));
    assert_int_equal(peers_silence_ms(world.peers, 1, world.now_ms * 1000), TIMEOUT_MS - 1);
    clear(&world);
    tick(&world, 1);
    assert_false(peers_is_up(world.peers, 1));
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 11);
    assert_int_equal(find(&world, PEERS_DOWN)->node, 1);
    clear(&world);
    peers_link_down(world.peers, 11, world.now_ms * 1000, &world.out);
    assert_int_equal(world.out.count, 0); /* told once */
    deinit_world(&world);
}

static void a_lost_link_makes_a_peer_down_at_once(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 14, 4);
    peers_link_down(world.peers, 14, world.now_ms * 1000, &world.out);
    assert_int_equal(world.out.count, 1);
    assert_int_equal(find(&world, PEERS_DOWN)->node, 4);
    assert_false(peers_is_up(world.peers, 4));
    clear(&world);
    tick(&world, BACKOFF_MIN_MS + 2);
    assert_int_equal(find(&world, PEERS_DIAL)->node, 4);
    deinit_world(&world);
}

static void the_deadline_is_never_later_than_the_work(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 5);
    let_in(&world, 11, 1);
    peers_dial_failed(world.peers, 4, world.now_ms * 1000, &world.out);
    for (int step = 0; step < 2000; step++) {
        uint64_t due_ms = (peers_deadline_us(world.peers) + 999) / 1000;
        clear(&world);
        tick(&world, 1);
        if (world.now_ms < due_ms)
            assert_int_equal(world.out.count, 0);
        assert_true(peers_deadline_us(world.peers) > world.now_ms * 1000);
        if (count(&world, PEERS_DIAL) > 0)
            peers_dial_failed(world.peers, 4, world.now_ms * 1000, &world.out);
    }
    deinit_world(&world);
}

/* ---- dialing again ------------------------------------------------------------------------- */

static bool dials(const struct world *world, node_id node)
{
    for (uint32_t i = 0; i < world->out.count; i++)
        if (world->out.actions[i].kind == PEERS_DIAL && world->out.actions[i].node == node)
            return true;
    return false;
}

/* How long it waits after a failure until it dials 4 again, in ms. */
static uint64_t wait_for_dial(struct world *world)
{
    uint64_t start = world->now_ms;
    clear(world);
    while (!dials(world, 4)) {
        assert_true(world->now_ms - start < 2 * BACKOFF_MAX_MS);
        tick(world, 1);
    }
    return world->now_ms - start;
}

/* Full jitter: anywhere in an interval that doubles up to its bound. */
static void waits_grow_up_to_a_bound_and_differ(void **state)
{
    struct world world;
    uint64_t first[2], longest = 0, sum = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 2; seed++) {
        uint64_t bound = BACKOFF_MIN_MS;
        init_world(&world, seed + 1);
        for (int failure = 0; failure < 200; failure++) {
            peers_dial_failed(world.peers, 4, world.now_ms * 1000, &world.out);
            uint64_t wait = wait_for_dial(&world);
            assert_in_range(wait, 1, bound + 2);
            if (failure == 3)
                first[seed] = wait;
            if (failure >= 10) {
                longest = wait > longest ? wait : longest;
                sum += wait;
            }
            bound = 2 * bound > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : 2 * bound;
        }
        deinit_world(&world);
    }
    assert_true(first[0] != first[1]);
    assert_true(longest > BACKOFF_MAX_MS * 9 / 10);
    assert_in_range(sum / 380, BACKOFF_MAX_MS * 4 / 10, BACKOFF_MAX_MS * 6 / 10);
}

static void a_failure_that_was_not_ours_changes_nothing(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 14, 4);
    peers_dial_failed(world.peers, 4, world.now_ms * 1000, &world.out);
    peers_dial_failed(world.peers, 1, world.now_ms * 1000, &world.out);
    peers_dial_failed(world.peers, 99, world.now_ms * 1000, &world.out);
    tick(&world, HEARTBEAT_MS - 1);
    assert_int_equal(world.out.count, 0);
    deinit_world(&world);
}

static void a_peer_that_worked_is_dialed_quickly_again(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    for (int failure = 0; failure < 10; failure++) {
        peers_dial_failed(world.peers, 4, world.now_ms * 1000, &world.out);
        wait_for_dial(&world);
    }
    let_in(&world, 14, 4);
    frame(&world, 14, MESSAGE_HEARTBEAT, slice_text(""));
    peers_link_down(world.peers, 14, world.now_ms * 1000, &world.out);
    assert_in_range(wait_for_dial(&world), 1, BACKOFF_MIN_MS + 2);
    deinit_world(&world);
}

/* It says HELLO and then refuses ours: only waiting longer keeps the two from spinning. */
static void a_peer_that_hangs_up_on_us_is_dialed_ever_more_slowly(void **state)
{
    struct world world;
    uint64_t waited = 0;
    link_id link = 14;
    (void)state;
    init_world(&world, 1);
    for (int round = 0; round < 40; round++) {
        let_in(&world, ++link, 4);
        peers_link_down(world.peers, link, world.now_ms * 1000, &world.out);
        waited += wait_for_dial(&world);
    }
    assert_true(waited > 20 * BACKOFF_MAX_MS / 2);
    deinit_world(&world);
}

/* A link of ours that never got through its handshake must not end one that did. */
static void a_failed_handshake_does_not_disturb_a_peer_that_is_up(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    link_up(&world, 11, 4);
    link_up(&world, 12, 0);
    say_hello(&world, 12, 4); /* it dialed us after all */
    clear(&world);
    peers_link_down(world.peers, 11, world.now_ms * 1000, &world.out);
    for (int i = 0; i < 10; i++) {
        tick(&world, 100);
        frame(&world, 12, MESSAGE_HEARTBEAT, slice_text(""));
    }
    assert_int_equal(count(&world, PEERS_DIAL), 0);
    assert_int_equal(peers_link(world.peers, 4), 12);
    deinit_world(&world);
}

/* ---- members that come and go --------------------------------------------------------------- */

static void assert_told_fenced(const struct world *world, link_id link)
{
    const struct peers_action *sent = find(world, PEERS_SEND);
    struct message_lineage_judged judged;
    for (; sent->kind != PEERS_SEND || sent->type != MESSAGE_LINEAGE_JUDGED; sent++)
        assert_true(sent + 1 < world->out.actions + world->out.count);
    assert_int_equal(sent->link, link);
    assert_int_equal(message_lineage_judged_decode(
                         slice_make(world->out.bodies.data + sent->offset, sent->length), &judged),
                     STATUS_OK);
    assert_int_equal(judged.verdict, LINEAGE_FENCED);
    assert_true(find(world, PEERS_CLOSE) > sent);
}

static void a_new_member_is_dialed_and_let_in(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 4);
    fixture_add(world.ring, 6, "eu", "r1", 0);
    peers_follow_ring(world.peers, &world.out);
    assert_int_equal(world.out.count, 0);
    tick(&world, 1);
    assert_int_equal(find(&world, PEERS_DIAL)->node, 6);
    assert_int_equal(peers_link(world.peers, 4), 11);
    clear(&world);
    let_in(&world, 12, 6);
    assert_true(peers_is_up(world.peers, 6));
    deinit_world(&world);
}

/* Nobody will dial it again, so it must be told while there is a link. */
static void a_past_member_is_told_and_down(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    let_in(&world, 11, 4);
    let_in(&world, 12, 5);
    fixture_remove(world.ring, 5);
    world.ring->last_id = 5;
    peers_follow_ring(world.peers, &world.out);
    assert_told_fenced(&world, 12);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 12);
    assert_int_equal(find(&world, PEERS_DOWN)->node, 5);
    assert_int_equal(count(&world, PEERS_DOWN), 1);
    assert_false(peers_is_up(world.peers, 5));
    assert_int_equal(peers_link(world.peers, 4), 11);
    clear(&world);
    peers_link_down(world.peers, 12, world.now_ms * 1000, &world.out);
    peers_dial_failed(world.peers, 5, world.now_ms * 1000, &world.out);
    tick(&world, 1);
    assert_int_equal(count(&world, PEERS_DIAL), 0);
    deinit_world(&world);
}

static void who_has_left_is_refused_and_told(void **state)
{
    struct world world;
    (void)state;
    init_world(&world, 1);
    fixture_remove(world.ring, 1);
    peers_follow_ring(world.peers, &world.out);
    clear(&world);
    link_up(&world, 21, 0);
    clear(&world);
    say_hello(&world, 21, 1);
    assert_told_fenced(&world, 21);
    assert_int_equal(peers_refused_count(world.peers), 1);
    clear(&world);
    link_up(&world, 22, 0); /* an id that was never given is a stranger's, and is told nothing */
    clear(&world);
    say_hello(&world, 22, 9);
    assert_int_equal(count(&world, PEERS_SEND), 0);
    assert_int_equal(find(&world, PEERS_CLOSE)->link, 22);
    deinit_world(&world);
}

/* The one that was removed while it was down hears of it so: members do not dial it. */
static void who_reaches_nobody_dials_all(void **state)
{
    struct world world;
    bool dialed[6] = {0};
    (void)state;
    init_world(&world, 1);
    for (unsigned i = 0; i < 200; i++) {
        for (uint32_t j = 0; j < world.out.count; j++) {
            const struct peers_action action = world.out.actions[j];
            if (action.kind != PEERS_DIAL)
                continue;
            dialed[action.node] = true;
            peers_dial_failed(world.peers, action.node, world.now_ms * 1000, &world.out);
        }
        clear(&world);
        tick(&world, BACKOFF_MIN_MS * 2);
    }
    assert_true(dialed[1] && dialed[2] && dialed[4] && dialed[5]);
    let_in(&world, 31, 4);
    memset(dialed, 0, sizeof dialed);
    for (unsigned i = 0; i < 10; i++) {
        tick(&world, TIMEOUT_MS / 2);
        for (uint32_t j = 0; j < world.out.count; j++)
            dialed[world.out.actions[j].node] |= world.out.actions[j].kind == PEERS_DIAL;
        clear(&world);
        struct buffer body = {0};
        message_heartbeat_encode(&(struct message_heartbeat){.sent_us = 1}, &body);
        frame(&world, 31, MESSAGE_HEARTBEAT, buffer_slice(&body));
        buffer_deinit(&body);
        clear(&world);
    }
    assert_false(dialed[1] || dialed[2]); /* with one link it waits for those who dial it */
    deinit_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lower_id_dials),
        cmocka_unit_test(both_ends_say_hello_first),
        cmocka_unit_test(a_hello_that_fits_makes_a_peer_up),
        cmocka_unit_test(tables_are_not_compared_once_partitions_move),
        cmocka_unit_test(a_hello_that_does_not_fit_is_refused),
        cmocka_unit_test(whoever_is_dialed_must_be_who_answers),
        cmocka_unit_test(who_has_proved_to_be_one_node_is_no_other),
        cmocka_unit_test(a_lower_storage_incarnation_is_refused),
        cmocka_unit_test(a_second_link_of_a_peer_replaces_the_first),
        cmocka_unit_test(data_before_hello_closes_the_link),
        cmocka_unit_test(frames_of_a_peer_are_handed_on_and_heartbeats_are_not),
        cmocka_unit_test(a_stranger_that_says_nothing_is_closed),
        cmocka_unit_test(strangers_are_bounded),
        cmocka_unit_test(heartbeats_go_to_whoever_is_up),
        cmocka_unit_test(silence_makes_a_peer_down),
        cmocka_unit_test(a_lost_link_makes_a_peer_down_at_once),
        cmocka_unit_test(the_deadline_is_never_later_than_the_work),
        cmocka_unit_test(waits_grow_up_to_a_bound_and_differ),
        cmocka_unit_test(a_failure_that_was_not_ours_changes_nothing),
        cmocka_unit_test(a_peer_that_worked_is_dialed_quickly_again),
        cmocka_unit_test(a_peer_that_hangs_up_on_us_is_dialed_ever_more_slowly),
        cmocka_unit_test(a_failed_handshake_does_not_disturb_a_peer_that_is_up),
        cmocka_unit_test(a_new_member_is_dialed_and_let_in),
        cmocka_unit_test(a_past_member_is_told_and_down),
        cmocka_unit_test(who_has_left_is_refused_and_told),
        cmocka_unit_test(who_reaches_nobody_dials_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
