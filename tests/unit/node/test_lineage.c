/*
 * test_lineage.c - a store is served only when a peer finds it as it was; both sides of a node.
 */
#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "store_host.h"
#include "wire/message_lineage.h"
#include "wire/message_partition.h"

/* ---- the loop side -------------------------------------------------------------------------- */

static void open_store(struct loop_host *host, const struct lineage *lineage,
                       const struct lineage_witness *witness)
{
    struct buffer body = {0};
    lineage_encode(lineage, &body);
    if (witness != NULL)
        lineage_witness_encode(witness, &body);
    loop_host_give(host, 0, MESSAGE_STORE_LINEAGE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

/* A node whose store shows two lives: it is not new. */
static const struct lineage OLD = {.storage_incarnation = 2,
                                   .count = 2,
                                   .lives = {{.id = 1, .opened = 0}, {.id = 2, .opened = 40}},
                                   .commits = 40};

static void start(struct loop_host *host, const struct lineage *lineage)
{
    loop_host_init_unconfirmed(host, "eu:3", 3);
    open_store(host, lineage, NULL);
    loop_host_let_all_in(host);
}

static void judge(struct loop_host *host, node_id by, enum lineage_verdict verdict,
                  uint16_t incarnation)
{
    struct buffer body = {0};
    struct message_lineage_judged judged = {
        .verdict = (uint8_t)verdict, .storage_incarnation = incarnation, .commits = 50};
    message_lineage_judged_encode(&judged, &body);
    loop_host_give(host, by, MESSAGE_LINEAGE_JUDGED, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static bool is_sent(const struct loop_host *host, uint16_t type)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, type, &frame, &link);
}

/* Whether the own replica is asked for a client's read at ONE. */
static bool serves(struct loop_host *host)
{
    char key[16], command[64];
    struct frame frame;
    link_id link;
    loop_host_find_key(host, 0, key);
    snprintf(command, sizeof command, "WITH cl=ONE GET %s", key);
    loop_host_say(host, command);
    return loop_host_find(host, MESSAGE_READ, &frame, &link) && link == 0;
}

static const struct effect *quarantine_of(const struct loop_host *host)
{
    for (size_t i = 0; i < host->effects.count; i++)
        if (host->effects.items[i].kind == EFFECT_STORE_QUARANTINE)
            return &host->effects.items[i];
    return NULL;
}

static void nothing_is_served_before_a_peer_finds_the_store_good(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host, &OLD);
    assert_false(serves(&host));
    judge(&host, 2, LINEAGE_UNKNOWN, 0); /* it does not know it, and it is not new */
    assert_false(serves(&host));
    judge(&host, 3, LINEAGE_GOOD, 2);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

/* Who pulls a partition whole takes over its clock, which may claim what was forgotten. */
static void no_partition_is_sent_whole_before(void **state)
{
    struct loop_host host;
    struct buffer body = {0};
    struct message_partition_page page;
    struct frame frame;
    link_id link;
    (void)state;
    start(&host, &OLD);
    struct message_partition_pull pull = {.address = {.partition = 3, .tag = host.ring->tag},
                                          .clock = slice_text("")};
    message_partition_pull_encode(&pull, &body);
    loop_host_give(&host, 2, MESSAGE_PARTITION_PULL, 7, buffer_slice(&body));
    assert_false(is_sent(&host, MESSAGE_PARTITION_PULL)); /* to the own store */
    assert_true(loop_host_find(&host, MESSAGE_PARTITION_PAGE, &frame, &link));
    assert_int_equal(link, 2);
    assert_int_equal(frame.request, 7);
    assert_int_equal(message_partition_page_decode(frame.body, &page), STATUS_OK);
    assert_int_equal(page.status, STATUS_NOT_READY);
    judge(&host, 3, LINEAGE_GOOD, 2);
    loop_host_give(&host, 2, MESSAGE_PARTITION_PULL, 8, buffer_slice(&body));
    assert_true(is_sent(&host, MESSAGE_PARTITION_PULL));
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* It may have forgotten which ballots it has used. */
static void no_change_of_the_register_is_proposed_before(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host, &OLD);
    loop_host_say(&host, "RING.KEYSPACE CREATE nine number=9");
    assert_false(is_sent(&host, MESSAGE_REGISTER_RESERVE));
    judge(&host, 3, LINEAGE_GOOD, 2);
    assert_true(is_sent(&host, MESSAGE_REGISTER_RESERVE));
    loop_host_deinit(&host);
}

static void a_new_store_has_nothing_to_forget(void **state)
{
    struct loop_host host;
    struct lineage fresh = {.storage_incarnation = 2, .count = 1, .lives = {{.id = 9}}};
    (void)state;
    start(&host, &fresh);
    assert_false(serves(&host));
    judge(&host, 2, LINEAGE_UNKNOWN, 1);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

static void a_node_alone_serves_after_the_time_of_a_silent_peer(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init_unconfirmed(&host, "eu:3", 3);
    open_store(&host, &OLD, NULL);
    loop_host_pass(&host, host.settings.peer_timeout_ms - 1, 0);
    assert_false(serves(&host));
    loop_host_pass(&host, 1, 0);
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

static void a_store_that_was_rolled_back_is_quarantined_once(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host, &OLD);
    judge(&host, 3, LINEAGE_GOOD, 2);
    judge(&host, 2, LINEAGE_ROLLED_BACK, 2);
    const struct effect *effect = quarantine_of(&host);
    assert_non_null(effect);
    assert_int_equal(effect->node, 2);
    assert_true(effect->length > 0);
    assert_false(serves(&host));
    judge(&host, 3, LINEAGE_ROLLED_BACK, 2);
    assert_null(quarantine_of(&host));
    judge(&host, 3, LINEAGE_GOOD, 2);
    loop_host_pass(&host, 60000, 0);
    loop_host_let_all_in(&host);
    assert_false(serves(&host));
    loop_host_deinit(&host);
}

/* A whole directory from before the last damage: the incarnation was given since. */
static void an_old_incarnation_is_quarantined_above_what_was_given(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host, &OLD);
    judge(&host, 2, LINEAGE_OLD_INCARNATION, 5);
    const struct effect *effect = quarantine_of(&host);
    assert_non_null(effect);
    assert_int_equal(effect->node, 5);
    loop_host_deinit(&host);
}

static void show(struct loop_host *host, node_id peer, const struct lineage *lineage)
{
    struct buffer body = {0};
    lineage_encode(lineage, &body);
    loop_host_give(host, peer, MESSAGE_LINEAGE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static enum lineage_verdict answered(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    struct message_lineage_judged judged;
    assert_true(loop_host_find(host, MESSAGE_LINEAGE_JUDGED, &frame, &link));
    assert_int_equal(link, 2);
    assert_int_equal(message_lineage_judged_decode(frame.body, &judged), STATUS_OK);
    return (enum lineage_verdict)judged.verdict;
}

/*
 * What is remembered stands in the own store: a judgement before it is open would be worth nothing.
 */
static void a_peer_is_judged_by_what_the_own_store_remembers(void **state)
{
    struct loop_host host;
    struct lineage peer = {.storage_incarnation = 1,
                           .count = 2,
                           .lives = {{.id = 70}, {.id = 71, .opened = 9}},
                           .commits = 9};
    struct lineage_witness witness = {
        .node = 2, .storage_incarnation = 1, .life = 70, .commits = 10};
    (void)state;
    loop_host_init_unconfirmed(&host, "eu:3", 3);
    loop_host_let_all_in(&host);
    show(&host, 2, &peer);
    assert_false(is_sent(&host, MESSAGE_LINEAGE_JUDGED));
    open_store(&host, &OLD, &witness);
    assert_int_equal(answered(&host), LINEAGE_ROLLED_BACK);
    loop_host_deinit(&host);
}

static void what_a_peer_showed_is_kept_in_the_store_and_idle_peers_cost_nothing(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    struct lineage_witness kept;
    struct buffer body = {0};
    (void)state;
    start(&host, &OLD);
    show(&host, 2, &OLD);
    assert_int_equal(answered(&host), LINEAGE_UNKNOWN);
    message_lineage_shown_encode(&(struct message_lineage_shown){.commits = 44}, &body);
    loop_host_give(&host, 2, MESSAGE_LINEAGE_SHOWN, 0, buffer_slice(&body));
    loop_host_pass(&host, 2000, 0);
    assert_true(loop_host_find(&host, MESSAGE_WITNESS, &frame, &link));
    struct reader reader = reader_make(frame.body);
    lineage_witness_decode(&reader, &kept);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(kept.node == 2 && kept.life == 2 && kept.commits == 44);
    for (unsigned i = 0; i < 10; i++) {
        loop_host_give(&host, 2, MESSAGE_LINEAGE_SHOWN, 0, buffer_slice(&body));
        loop_host_pass(&host, 2000, 0);
        assert_false(is_sent(&host, MESSAGE_WITNESS));
    }
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

static void new_commits_are_shown_at_the_pace_of_heartbeats(void **state)
{
    struct loop_host host;
    struct frame frame;
    link_id link;
    struct message_lineage_shown shown;
    struct buffer body = {0};
    (void)state;
    start(&host, &OLD);
    loop_host_pass(&host, host.settings.heartbeat_ms, 0);
    buffer_put_varint(&body, 41);
    loop_host_give(&host, 0, MESSAGE_STORE_COMMITS, 0, buffer_slice(&body));
    assert_true(loop_host_find(&host, MESSAGE_LINEAGE_SHOWN, &frame, &link));
    assert_int_equal(message_lineage_shown_decode(frame.body, &shown), STATUS_OK);
    assert_true(shown.commits == 41 && !shown.rebuilding);
    buffer_clear(&body);
    buffer_put_varint(&body, 42);
    loop_host_give(&host, 0, MESSAGE_STORE_COMMITS, 0, buffer_slice(&body));
    assert_false(is_sent(&host, MESSAGE_LINEAGE_SHOWN));
    loop_host_pass(&host, host.settings.heartbeat_ms, 0);
    assert_true(is_sent(&host, MESSAGE_LINEAGE_SHOWN));
    loop_host_pass(&host, 10 * host.settings.heartbeat_ms, 0);
    assert_false(is_sent(&host, MESSAGE_LINEAGE_SHOWN)); /* no news */
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* With one of three owners already rebuilding, the second loss would be a majority. */
static void a_store_is_not_given_up_when_a_majority_would_be_lost(void **state)
{
    struct loop_host host;
    struct buffer body = {0};
    (void)state;
    start(&host, &OLD);
    show(&host, 2, &OLD);
    assert_true(node_can_rebuild(host.node));
    message_lineage_shown_encode(&(struct message_lineage_shown){.commits = 44, .rebuilding = true},
                                 &body);
    loop_host_give(&host, 2, MESSAGE_LINEAGE_SHOWN, 0, buffer_slice(&body));
    assert_false(node_can_rebuild(host.node));
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

static void tell_state(struct loop_host *host, partition_id partition, uint8_t state)
{
    struct buffer body = {0};
    message_replica_state_encode(
        &(struct message_replica_state){.partition = partition, .state = state}, &body);
    loop_host_give(host, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void a_rebuild_shows_how_far_it_is_and_how_long_it_takes(void **state)
{
    struct loop_host host;
    (void)state;
    start(&host, &OLD);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_store_state:unconfirmed\r\n"));
    judge(&host, 3, LINEAGE_GOOD, 2);
    for (partition_id p = 0; p < 4; p++)
        tell_state(&host, p, REPLICA_REBUILDING);
    loop_host_pass(&host, 1000, 0);
    tell_state(&host, 0, REPLICA_ACTIVE);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_store_state:rebuilding\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_rebuilt_percent:25\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_rebuild_left_ms:3000\r\n"));
    for (partition_id p = 1; p < 4; p++)
        tell_state(&host, p, REPLICA_ACTIVE);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_store_state:serving\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_rebuilt_percent:100\r\n"));
    judge(&host, 2, LINEAGE_ROLLED_BACK, 2);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_store_state:quarantined\r\n"));
    loop_host_deinit(&host);
}

/* Nobody has what it lost: a store that is put back from a backup is all there is. */
static void where_there_is_one_copy_a_backup_is_welcome(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init_unconfirmed(&host, "eu:1", 3);
    open_store(&host, &OLD, NULL);
    loop_host_let_all_in(&host);
    assert_true(serves(&host));
    judge(&host, 2, LINEAGE_ROLLED_BACK, 2);
    assert_null(quarantine_of(&host));
    assert_true(serves(&host));
    loop_host_deinit(&host);
}

/* ---- the store side ------------------------------------------------------------------------- */

static struct lineage told(const struct store_host *host)
{
    struct frame frame;
    struct lineage lineage;
    assert_true(store_host_find(&host->late, MESSAGE_STORE_LINEAGE, 0, &frame));
    struct reader reader = reader_make(frame.body);
    lineage_decode(&reader, &lineage);
    assert_false(reader.failed);
    return lineage;
}

static uint64_t commits(const struct store_host *host)
{
    struct frame frame;
    uint64_t count = 0;
    for (unsigned i = 0; store_host_find(&host->late, MESSAGE_STORE_COMMITS, i, &frame); i++) {
        struct reader reader = reader_make(frame.body);
        count = reader_varint(&reader);
    }
    return count;
}

static void every_group_that_writes_is_counted_once(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    assert_int_equal(told(&host).count, 1);
    assert_int_equal(commits(&host), 1);
    store_host_set(&host, "a", "1");
    assert_int_equal(commits(&host), 2);
    store_host_set(&host, "b", "2");
    assert_int_equal(commits(&host), 3);
    store_host_restart(&host);
    assert_true(told(&host).commits >= 3);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_witness_is_kept_and_is_no_commit(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    struct frame frame;
    struct buffer body = {0};
    struct lineage lineage;
    struct lineage_witness witness = {.node = 3, .storage_incarnation = 1, .life = 5, .commits = 6};
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    uint64_t before = commits(&host);
    lineage_witness_encode(&witness, &body);
    store_host_write(&host, MESSAGE_WITNESS, buffer_slice(&body));
    store_host_commit(&host);
    assert_int_equal(commits(&host), before);
    store_host_restart(&host);
    assert_true(store_host_find(&host.late, MESSAGE_STORE_LINEAGE, 0, &frame));
    struct reader reader = reader_make(frame.body);
    lineage_decode(&reader, &lineage);
    lineage_witness_decode(&reader, &witness);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(witness.node == 3 && witness.commits == 6);
    buffer_deinit(&body);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_failed_group_is_not_counted(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    store_host_init(&host, ring, 1, 1);
    store_host_open(&host);
    store_host_set(&host, "a", "1");
    uint64_t before = commits(&host);
    store_host_mint(&host, &(struct key_request){.kind = KEY_WRITE});
    store_host_fail(&host, false);
    store_host_open(&host);
    store_host_set(&host, "b", "2");
    assert_true(commits(&host) > before);
    assert_true(commits(&host) <= before + 2);
    store_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_served_before_a_peer_finds_the_store_good),
        cmocka_unit_test(no_partition_is_sent_whole_before),
        cmocka_unit_test(no_change_of_the_register_is_proposed_before),
        cmocka_unit_test(a_new_store_has_nothing_to_forget),
        cmocka_unit_test(a_node_alone_serves_after_the_time_of_a_silent_peer),
        cmocka_unit_test(a_store_that_was_rolled_back_is_quarantined_once),
        cmocka_unit_test(an_old_incarnation_is_quarantined_above_what_was_given),
        cmocka_unit_test(a_peer_is_judged_by_what_the_own_store_remembers),
        cmocka_unit_test(what_a_peer_showed_is_kept_in_the_store_and_idle_peers_cost_nothing),
        cmocka_unit_test(new_commits_are_shown_at_the_pace_of_heartbeats),
        cmocka_unit_test(a_store_is_not_given_up_when_a_majority_would_be_lost),
        cmocka_unit_test(a_rebuild_shows_how_far_it_is_and_how_long_it_takes),
        cmocka_unit_test(where_there_is_one_copy_a_backup_is_welcome),
        cmocka_unit_test(every_group_that_writes_is_counted_once),
        cmocka_unit_test(a_witness_is_kept_and_is_no_commit),
        cmocka_unit_test(a_failed_group_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
