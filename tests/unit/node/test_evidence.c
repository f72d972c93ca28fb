/*
 * test_evidence.c - what a node says of its replicas of partitions that move.
 *
 * Partition 0 of a ring of three owners and four members moves away from node 1, which is asked.
 */
#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "node/node_state.h"
#include "ring/ring_evidence.h"
#include "ring/position.h"
#include "ring/transition.h"
#include "wire/message_ring.h"

enum { ASKER = 2, OWNERS = 3, MEMBERS = 4 };

static void move_away(struct ring *ring, partition_id partition)
{
    node_id row[OWNERS];
    char reason[RING_REASON_MAX];
    memcpy(row, ring_owners(ring, partition), sizeof row);
    for (node_id id = 1; id <= MEMBERS; id++)
        for (int i = 0; i < OWNERS && !ring_owns(ring, id, partition); i++)
            if (row[i] == LOOP_HOST_SELF)
                row[i] = id;
    assert_int_equal(ring_begin(ring, partition, ring_tag_of(ring, partition), row, reason),
                     STATUS_OK);
}

static partition_id owned(const struct loop_host *host)
{
    partition_id partition = 0;
    while (!ring_owns(host->ring, LOOP_HOST_SELF, partition))
        partition++;
    return partition;
}

static void ask(struct loop_host *host, struct ring_testimony *out)
{
    struct frame frame;
    link_id link;
    loop_host_give(host, ASKER, MESSAGE_RING_ASK, 77, slice_make(NULL, 0));
    assert_true(loop_host_find(host, MESSAGE_RING_TOLD, &frame, &link));
    assert_int_equal(link, ASKER);
    assert_int_equal(frame.request, 77);
    assert_int_equal(message_ring_told_decode(frame.body, out), STATUS_OK);
}

static bool tells_news(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    return loop_host_find(host, MESSAGE_RING_NEWS, &frame, &link);
}

static void a_stable_ring_leaves_nothing_to_say(void **state)
{
    struct loop_host host;
    struct ring_testimony testimony;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    ask(&host, &testimony);
    assert_int_equal(testimony.count, 0);
    assert_int_equal(testimony.storage_incarnation, 1);
    ring_testimony_deinit(&testimony);
    loop_host_deinit(&host);
}

static void a_replica_is_complete_once_it_answers_reads(void **state)
{
    struct loop_host host;
    struct ring_testimony testimony;
    struct buffer body = {0};
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    partition_id partition = owned(&host);
    move_away(host.node->ring, partition);
    ask(&host, &testimony);
    assert_int_equal(testimony.count, 1);
    assert_int_equal(testimony.holdings[0].partition, partition);
    assert_int_equal(testimony.holdings[0].flags, RING_HOLDING_COMPLETE | RING_HOLDING_QUIET);
    assert_int_equal(testimony.holdings[0].tag.phase, RING_JOINT);
    ring_testimony_deinit(&testimony);
    message_replica_state_encode(
        &(struct message_replica_state){.partition = partition, .state = REPLICA_REBUILDING},
        &body);
    loop_host_give(&host, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
    ask(&host, &testimony);
    assert_int_equal(testimony.holdings[0].flags, RING_HOLDING_QUIET);
    ring_testimony_deinit(&testimony);
    buffer_clear(&body);
    message_replica_state_encode(
        &(struct message_replica_state){.partition = partition, .state = REPLICA_ACTIVE}, &body);
    loop_host_give(&host, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
    assert_true(tells_news(&host)); /* at once, to who may drive */
    loop_host_give(&host, 0, MESSAGE_REPLICA_STATE, 0, buffer_slice(&body));
    assert_false(tells_news(&host));
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

/* A store that may have forgotten what it had persisted vouches for nothing. */
static void a_store_that_is_not_confirmed_says_nothing(void **state)
{
    struct loop_host host;
    struct ring_testimony testimony;
    (void)state;
    loop_host_init_unconfirmed(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    move_away(host.node->ring, owned(&host));
    ask(&host, &testimony);
    assert_int_equal(testimony.count, 0);
    ring_testimony_deinit(&testimony);
    loop_host_deinit(&host);
}

/* T4: a write of its own that was minted before may still be counted by the old tag. */
static void a_write_from_before_the_tag_is_not_quiet_until_it_is_over(void **state)
{
    struct loop_host host;
    struct ring_testimony testimony;
    char key[16], command[64];
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_all_in(&host);
    loop_host_find_key(&host, 0, key);
    partition_id partition = ring_partition_of_slot(ring_slot(slice_text(key)), 16);
    snprintf(command, sizeof command, "SET %s v", key);
    loop_host_say(&host, command);
    struct frame frame;
    link_id link;
    assert_true(loop_host_find(&host, MESSAGE_MINT, &frame, &link));
    move_away(host.node->ring, partition);
    ask(&host, &testimony);
    assert_int_equal(testimony.holdings[0].flags, RING_HOLDING_COMPLETE);
    ring_testimony_deinit(&testimony);
    loop_host_pass(&host, 10 * (uint64_t)host.settings.request_timeout_ms, 0);
    loop_host_let_in(&host, ASKER);
    ask(&host, &testimony);
    assert_int_equal(testimony.holdings[0].flags, RING_HOLDING_COMPLETE | RING_HOLDING_QUIET);
    ring_testimony_deinit(&testimony);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stable_ring_leaves_nothing_to_say),
        cmocka_unit_test(a_replica_is_complete_once_it_answers_reads),
        cmocka_unit_test(a_store_that_is_not_confirmed_says_nothing),
        cmocka_unit_test(a_write_from_before_the_tag_is_not_quiet_until_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
