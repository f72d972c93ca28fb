/*
 * test_cluster.c - the ring as CLUSTER and RING.* tell it. Seen from node 1 in eu.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ring/position.h"

/* 16 partitions in runs of four with the same owners: four ranges of 4096 slots. */
static void slots_are_merged_and_near_owners_stand_first(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *value = client_value(client, "CLUSTER SLOTS");
    static const int ports[4][3] = {
        {7001, 7002, 7004}, {7002, 7003, 7005}, {7003, 7001, 7004}, {7001, 7002, 7005}};
    assert_int_equal(value->element_count, 4);
    for (int i = 0; i < 4; i++) {
        const struct resp_value *range = &value->elements[i];
        assert_int_equal(range->element_count, 5);
        assert_int_equal(range->elements[0].integer, i * 4096);
        assert_int_equal(range->elements[1].integer, i * 4096 + 4095);
        for (int k = 0; k < 3; k++) {
            const struct resp_value *node = &range->elements[2 + k];
            assert_true(value_is(&node->elements[0], "127.0.0.1"));
            assert_int_equal(node->elements[1].integer, ports[i][k]);
            assert_int_equal(node->elements[2].text.length, 40);
        }
    }
    resp_value_free(value);
}

static void a_node_elsewhere_sees_its_region_first(void **state)
{
    struct harness *harness = *state;
    harness->environment.self = 5;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "CLUSTER SLOTS");
    assert_int_equal(value->elements[0].elements[2].elements[1].integer, 7004);
    assert_int_equal(value->elements[1].elements[2].elements[1].integer, 7005);
    resp_value_free(value);
}

/* A client that chooses among all owners must know which are near to it. */
static void ring_slots_names_regions_whatever_the_mode(void **state)
{
    struct harness *harness = *state;
    harness->environment.cluster_mode = CLUSTER_MODE_NO;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.SLOTS");
    static const char *const regions[] = {"eu", "eu", "us"};
    assert_int_equal(value->element_count, 4);
    for (int k = 0; k < 3; k++) {
        const struct resp_value *node = &value->elements[3].elements[2 + k];
        assert_int_equal(node->element_count, 4);
        assert_true(value_is(&node->elements[0], "127.0.0.1"));
        assert_int_equal(node->elements[3].element_count, 2);
        assert_true(value_is(&node->elements[3].elements[0], "region"));
        assert_true(value_is(&node->elements[3].elements[1], regions[k]));
    }
    resp_value_free(value);
}

static void shards_cover_each_slot_once(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *value = client_value(client, "CLUSTER SHARDS");
    static bool covered[SLOT_COUNT];
    memset(covered, 0, sizeof covered);
    for (size_t i = 0; i < value->element_count; i++) {
        const struct resp_value *slots = value_get(&value->elements[i], "slots");
        const struct resp_value *nodes = value_get(&value->elements[i], "nodes");
        assert_int_equal(nodes->element_count, 3);
        assert_true(value_is(value_get(&nodes->elements[0], "role"), "master"));
        assert_true(value_is(value_get(&nodes->elements[1], "role"), "replica"));
        assert_true(value_is(value_get(&nodes->elements[1], "health"), "online"));
        assert_true(value_is(value_get(&nodes->elements[1], "endpoint"), "127.0.0.1"));
        for (size_t k = 0; k < slots->element_count; k += 2) {
            for (int64_t slot = slots->elements[k].integer; slot <= slots->elements[k + 1].integer;
                 slot++) {
                assert_false(covered[slot]);
                covered[slot] = true;
            }
        }
    }
    for (int slot = 0; slot < SLOT_COUNT; slot++)
        assert_true(covered[slot]);
    resp_value_free(value);
}

static void nodes_have_one_line_each_with_their_slots(void **state)
{
    struct harness *harness = *state;
    harness->down[3] = true;
    struct client *client = harness_client(harness);
    struct resp_value *id = client_value(client, "CLUSTER MYID");
    struct resp_value *value = client_value(client, "CLUSTER NODES");
    const char *text = (const char *)value->text.data;
    assert_int_equal(memcmp(text, id->text.data, 40), 0);
    assert_non_null(strstr(text, " 127.0.0.1:7001@8001 myself,master - 0 0 7 connected 0-4095 "
                                 "12288-16383\n"));
    assert_non_null(strstr(text, " 127.0.0.1:7002@8002 master - 0 1699999999980 7 connected "
                                 "4096-8191\n"));
    assert_non_null(strstr(text, " 127.0.0.1:7003@8003 master,fail - 0 1699999999970 7 "
                                 "disconnected 8192-12287\n"));
    assert_non_null(strstr(text, " 127.0.0.1:7005@8005 master - 0 1699999999950 7 connected\n"));
    resp_value_free(id);
    resp_value_free(value);
}

static void the_state_is_ok_while_every_slot_has_a_majority(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->down[4] = true;
    struct resp_value *value = client_value(client, "CLUSTER INFO");
    const char *text = (const char *)value->text.data;
    assert_int_equal(strncmp(text,
                             "cluster_state:ok\r\ncluster_slots_assigned:16384\r\n"
                             "cluster_slots_ok:16384\r\n",
                             72),
                     0);
    assert_non_null(strstr(text, "\r\ncluster_known_nodes:5\r\ncluster_size:3\r\n"));
    resp_value_free(value);
    harness->down[2] = true; /* partitions 0 to 3 have 1, 2, 4 */
    value = client_value(client, "CLUSTER INFO");
    text = (const char *)value->text.data;
    assert_int_equal(strncmp(text, "cluster_state:fail\r\n", 20), 0);
    assert_non_null(strstr(text, "\r\ncluster_slots_ok:12288\r\n"));
    assert_non_null(strstr(text, "\r\ncluster_slots_fail:4096\r\n"));
    resp_value_free(value);
}

static void slots_of_keys_are_those_of_redis_cluster(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "CLUSTER KEYSLOT foo", ":12182\r\n");
    assert_reply(client, "CLUSTER KEYSLOT {foo}bar", ":12182\r\n");
    assert_reply(client, "CLUSTER KEYSLOT somekey", ":11058\r\n");
}

static void keys_of_a_slot_are_counted_and_listed(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    client_command(client, "MSET {foo}1 a {foo}2 b other c key d foo e");
    buffer_clear(&client->replies);
    assert_reply(client, "CLUSTER COUNTKEYSINSLOT 12182", ":3\r\n");
    assert_reply(client, "CLUSTER COUNTKEYSINSLOT 1", ":0\r\n");
    struct resp_value *value = client_value(client, "CLUSTER GETKEYSINSLOT 12182 2");
    assert_int_equal(value->element_count, 2);
    resp_value_free(value);
    assert_reply(client, "CLUSTER GETKEYSINSLOT 12182 0", "*0\r\n");
    assert_reply(client, "CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot\r\n");
    assert_reply(client, "CLUSTER GETKEYSINSLOT -1 1", "-ERR Invalid slot or number of keys\r\n");
    assert_reply(client, "CLUSTER COUNTKEYSINSLOT x",
                 "-ERR value is not an integer or out of range\r\n");
}

static void cluster_can_be_switched_off(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "CONFIG SET cluster-mode no", "+OK\r\n");
    assert_reply(client, "CLUSTER SLOTS", "-ERR This instance has cluster support disabled\r\n");
    assert_reply(client, "CLUSTER NODES", "-ERR This instance has cluster support disabled\r\n");
    assert_reply(client, "INFO cluster", "$30\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n");
    assert_reply(client, "CONFIG SET cluster-mode emulated", "+OK\r\n");
    assert_reply(client, "INFO cluster", "$30\r\n# Cluster\r\ncluster_enabled:1\r\n\r\n");
}

static int64_t number(const struct resp_value *map, const char *name)
{
    const struct resp_value *value = value_get(map, name);
    assert_non_null(value);
    assert_int_equal(value->type, RESP_TYPE_INTEGER);
    return value->integer;
}

static void ring_status_tells_members_and_partitions(void **state)
{
    struct harness *harness = *state;
    harness->down[4] = true;
    struct client *client = harness_client(harness);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    struct resp_value *value = client_value(client, "RING.STATUS");
    assert_int_equal(value->type, RESP_TYPE_MAP);
    assert_int_equal(number(value, "node_id"), 1);
    assert_int_equal(number(value, "epoch"), 7);
    assert_true(value_is(value_get(value, "phase"), "stable"));
    assert_true(value_is(value_get(value, "cluster_id"), "abababababababababababababababab"));
    assert_true(value_is(value_get(value, "replication"), "eu:2,us:1"));
    const struct resp_value *partitions = value_get(value, "partitions");
    assert_int_equal(number(partitions, "count"), 16);
    assert_int_equal(number(partitions, "all_owners"), 8);
    assert_int_equal(number(partitions, "quorum"), 8);
    assert_int_equal(number(partitions, "below_quorum"), 0);
    const struct resp_value *replicas = value_get(value, "replicas");
    assert_int_equal(number(replicas, "owned"), 12);
    assert_int_equal(number(replicas, "ready"), 11);
    assert_int_equal(number(replicas, "rebuilding"), 1);
    const struct resp_value *members = value_get(value, "members");
    assert_int_equal(members->element_count, 5);
    const struct resp_value *fourth = &members->elements[3];
    assert_int_equal(number(fourth, "id"), 4);
    assert_true(value_is(value_get(fourth, "region"), "us"));
    assert_true(value_is(value_get(fourth, "client"), "127.0.0.1:7004"));
    assert_true(value_is(value_get(fourth, "peer"), "127.0.0.1:8004"));
    assert_true(value_is(value_get(fourth, "state"), "down"));
    assert_int_equal(number(fourth, "silence_ms"), 40);
    assert_int_equal(number(fourth, "partitions"), 8);
    assert_int_equal(number(fourth, "read_us"), 0);
    assert_int_equal(number(fourth, "slow"), 0);
    assert_true(value_is(value_get(&members->elements[0], "state"), "self"));
    resp_value_free(value);
}

static void ring_show_has_every_partition(void **state)
{
    struct client *client = harness_client(*state);
    struct resp_value *value = client_value(client, "RING.SHOW");
    assert_int_equal(value->element_count, 16);
    for (int p = 0; p < 16; p++) {
        const struct resp_value *row = &value->elements[p];
        assert_int_equal(number(row, "partition"), p);
        assert_int_equal(number(row, "first_slot"), p * 1024);
        assert_int_equal(number(row, "last_slot"), p * 1024 + 1023);
        assert_int_equal(value_get(row, "owners")->element_count, 3);
        assert_int_equal(value_get(row, "coming")->element_count, 0);
    }
    resp_value_free(value);
}

static void ring_locate_names_owners_and_fallbacks(void **state)
{
    struct harness *harness = *state;
    harness->down[2] = true;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.LOCATE foo");
    assert_int_equal(number(value, "slot"), 12182);
    assert_int_equal(number(value, "partition"), 11);
    assert_int_equal(number(value, "keyspace"), 0);
    char position[17];
    snprintf(position, sizeof position, "%016llx",
             (unsigned long long)ring_position(slice_text("foo"), 0, harness->ring->seed));
    assert_true(value_is(value_get(value, "position"), position));
    const struct resp_value *owners = value_get(value, "owners");
    assert_int_equal(owners->element_count, 3);
    assert_int_equal(number(&owners->elements[0], "id"), 3);
    assert_true(value_is(value_get(&owners->elements[1], "state"), "self"));
    assert_true(value_is(value_get(&owners->elements[2], "region"), "us"));
    const struct resp_value *fallbacks = value_get(value, "fallbacks");
    assert_int_equal(fallbacks->element_count, 2);
    assert_int_equal(number(&fallbacks->elements[0], "id"), 2);
    assert_true(value_is(value_get(&fallbacks->elements[0], "state"), "down"));
    resp_value_free(value);
    assert_reply(client, "RING.LOCATE foo 2", "-ERR DB index is out of range\r\n");
    assert_reply(client, "RING.LOCATE foo x", "-ERR value is not an integer or out of range\r\n");
    assert_reply(client, "RING.LOCATE foo 1 2", "-ERR syntax error\r\n");
}

static void ring_digest_asks_this_node_s_replicas(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct resp_value *value = client_value(client, "RING.DIGEST");
    assert_int_equal(value->element_count, 12);
    assert_int_equal(harness->requests_seen, 12);
    assert_int_equal(number(&value->elements[3], "partition"), 3);
    assert_int_equal(number(&value->elements[3], "keys"), 3);
    assert_true(value_is(value_get(&value->elements[3], "state"), "ready"));
    assert_true(value_is(value_get(&value->elements[3], "clock"), "0000000000001111"));
    assert_true(value_is(value_get(&value->elements[3], "content"), "0000000000002222"));
    resp_value_free(value);
    harness->fail_status = STATUS_NOT_READY;
    value = client_value(client, "RING.DIGEST");
    assert_true(value_is(value_get(&value->elements[0], "state"), "not-ready"));
    resp_value_free(value);
}

static void ring_version_has_both_versions(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "RING.VERSION",
                 "*4\r\n$6\r\nringdb\r\n$5\r\n0.1.0\r\n$5\r\nredis\r\n$5\r\n7.2.4\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(slots_are_merged_and_near_owners_stand_first),
        TEST(a_node_elsewhere_sees_its_region_first),
        TEST(ring_slots_names_regions_whatever_the_mode),
        TEST(shards_cover_each_slot_once),
        TEST(nodes_have_one_line_each_with_their_slots),
        TEST(the_state_is_ok_while_every_slot_has_a_majority),
        TEST(slots_of_keys_are_those_of_redis_cluster),
        TEST(keys_of_a_slot_are_counted_and_listed),
        TEST(cluster_can_be_switched_off),
        TEST(ring_status_tells_members_and_partitions),
        TEST(ring_show_has_every_partition),
        TEST(ring_locate_names_owners_and_fallbacks),
        TEST(ring_digest_asks_this_node_s_replicas),
        TEST(ring_version_has_both_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
