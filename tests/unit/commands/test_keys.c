#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_COUNT_TESTED = 300 };

static struct client *client_with_keys(struct harness *harness)
{
    struct client *client = harness_client(harness);
    for (int i = 0; i < KEY_COUNT_TESTED; i++) {
        char line[64];
        snprintf(line, sizeof line, "SET key%d %d", i, i);
        client_command(client, line);
    }
    buffer_clear(&client->replies);
    harness->requests_seen = 0;
    return client;
}

/* Marks the keys of one SCAN reply; returns the next cursor as text. */
static void scan_once(struct client *client, char cursor[32], const char *more, int *seen)
{
    char line[128];
    snprintf(line, sizeof line, "SCAN %s%s", cursor, more);
    struct resp_value *value = client_value(client, line);
    assert_int_equal(value->type, RESP_TYPE_ARRAY);
    assert_int_equal(value->element_count, 2);
    const struct resp_value *keys = &value->elements[1];
    for (size_t i = 0; i < keys->element_count; i++)
        seen[atoi((const char *)keys->elements[i].text.data + 3)]++;
    snprintf(cursor, 32, "%s", (const char *)value->elements[0].text.data);
    resp_value_free(value);
}

static void scan_walks_the_whole_ring(void **state)
{
    struct client *client = client_with_keys(*state);
    static const char *const forms[] = {
        "", " COUNT 1", " COUNT 7", " COUNT 1000", " MATCH key*", " TYPE string"};
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        int seen[KEY_COUNT_TESTED] = {0}, turns = 0;
        char cursor[32] = "0";
        do {
            scan_once(client, cursor, forms[f], seen);
            assert_true(++turns < 1000);
        } while (strcmp(cursor, "0") != 0);
        for (int i = 0; i < KEY_COUNT_TESTED; i++)
            assert_int_equal(seen[i], 1);
    }
}

/* A cursor is a position and no more, so another connection, or node, can go on with it. */
static void any_connection_continues_a_scan(void **state)
{
    struct harness *harness = *state;
    struct client *clients[2] = {client_with_keys(harness), harness_client(harness)};
    int seen[KEY_COUNT_TESTED] = {0}, turn = 0;
    char cursor[32] = "0";
    do {
        scan_once(clients[turn++ % 2], cursor, " COUNT 20", seen);
    } while (strcmp(cursor, "0") != 0);
    for (int i = 0; i < KEY_COUNT_TESTED; i++)
        assert_int_equal(seen[i], 1);
}

static void scan_filters(void **state)
{
    struct harness *harness = *state;
    struct client *client = client_with_keys(harness);
    assert_reply(client, "SCAN 0 COUNT 10000 MATCH key17",
                 "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nkey17\r\n");
    assert_reply(client, "SCAN 0 COUNT 10000 TYPE hash", "*2\r\n$1\r\n0\r\n*0\r\n");
    assert_reply(client, "SCAN 0 COUNT", "-ERR syntax error\r\n");
    assert_reply(client, "SCAN 0 COUNT 0", "-ERR syntax error\r\n");
    assert_reply(client, "SCAN x", "-ERR invalid cursor\r\n");
}

static void scan_looks_at_count_keys(void **state)
{
    struct client *client = client_with_keys(*state);
    struct resp_value *value = client_value(client, "SCAN 0 COUNT 7");
    assert_int_equal(value->elements[1].element_count, 7);
    resp_value_free(value);
    value = client_value(client, "SCAN 0");
    assert_int_equal(value->elements[1].element_count, 10);
    resp_value_free(value);
}

/* Partitions are asked one after the other, and an empty ring does not hold a SCAN for long. */
static void scan_asks_sixteen_partitions_at_most(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SCAN 0 COUNT 10", "*2\r\n$1\r\n0\r\n*0\r\n");
    assert_int_equal(harness->requests_seen, 16);
    assert_int_equal(harness->pending_most, 1);
}

static void keys_and_dbsize_cover_the_whole_ring(void **state)
{
    struct harness *harness = *state;
    struct client *client = client_with_keys(harness);
    struct resp_value *value = client_value(client, "KEYS *");
    assert_int_equal(value->element_count, KEY_COUNT_TESTED);
    resp_value_free(value);
    value = client_value(client, "KEYS key1?");
    assert_int_equal(value->element_count, 10);
    resp_value_free(value);
    assert_reply(client, "DBSIZE", ":300\r\n");
    assert_int_equal(harness->environment.keyspace_sizes[0].keys, 300);
    value = client_value(client, "INFO keyspace");
    assert_true(value_is(value, "# Keyspace\r\ndb0:keys=300,expires=0,avg_ttl=0\r\n"));
    resp_value_free(value);
    client_command(client, "SELECT 1");
    buffer_clear(&client->replies);
    assert_reply(client, "DBSIZE", ":0\r\n");
    assert_reply(client, "KEYS *", "*0\r\n");
}

/* More keys in a partition than a page has: {t} puts them all in one. */
static void pages_of_a_partition_are_put_together(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer line = {0};
    buffer_printf(&line, "MSET");
    for (int i = 0; i < 2500; i++)
        buffer_printf(&line, " {t}%d v", i);
    buffer_printf(&line, "\r\n");
    client_bytes(client, line.data, line.length);
    buffer_clear(&client->replies);
    struct resp_value *value = client_value(client, "KEYS *");
    assert_int_equal(value->element_count, 2500);
    resp_value_free(value);
    buffer_deinit(&line);
}

static void a_failed_page_fails_the_command(void **state)
{
    struct harness *harness = *state;
    struct client *client = client_with_keys(harness);
    harness->fail_status = STATUS_UNAVAILABLE;
    harness->fail_kind = KEY_SCAN;
    harness->fail_after = 5;
    harness->fail_needed = 2;
    assert_reply(client, "KEYS *",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 0\r\n");
    harness->fail_after = 1;
    assert_reply(client, "SCAN 0 COUNT 1000",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 0\r\n");
}

static void randomkey_finds_keys_however_few(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "RANDOMKEY", "$-1\r\n");
    assert_reply(client, "SET only 1", "+OK\r\n");
    for (int i = 0; i < 20; i++)
        assert_reply(client, "RANDOMKEY", "$4\r\nonly\r\n");
    int seen[2] = {0};
    assert_reply(client, "SET both 1", "+OK\r\n");
    for (int i = 0; i < 100; i++) {
        struct resp_value *value = client_value(client, "RANDOMKEY");
        seen[value_is(value, "both")]++;
        resp_value_free(value);
    }
    assert_true(seen[0] > 10 && seen[1] > 10);
}

static void rename_moves_value_and_expiry(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SET a 1 EX 100", "+OK\r\n");
    assert_reply(client, "RENAME a b", "+OK\r\n");
    assert_reply(client, "EXISTS a", ":0\r\n");
    assert_reply(client, "GET b", "$1\r\n1\r\n");
    assert_reply(client, "TTL b", ":100\r\n");
    assert_reply(client, "RENAME a b", "-ERR no such key\r\n");
    assert_reply(client, "RENAME b b", "+OK\r\n");
    assert_reply(client, "SET c 2", "+OK\r\n");
    assert_reply(client, "RENAMENX b c", ":0\r\n");
    assert_reply(client, "GET b", "$1\r\n1\r\n");
    assert_reply(client, "RENAMENX b d", ":1\r\n");
    assert_reply(client, "RENAMENX d d", ":0\r\n");
    assert_reply(client, "MGET b c d", "*3\r\n$-1\r\n$1\r\n2\r\n$1\r\n1\r\n");
}

static void copy_reaches_other_keyspaces(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SET a 1 EX 100", "+OK\r\n");
    assert_reply(client, "COPY a b", ":1\r\n");
    assert_reply(client, "TTL b", ":100\r\n");
    assert_reply(client, "COPY a b", ":0\r\n");
    assert_reply(client, "SET a 2", "+OK\r\n");
    assert_reply(client, "COPY a b REPLACE", ":1\r\n");
    assert_reply(client, "TTL b", ":-1\r\n");
    assert_reply(client, "COPY a a DB 3", ":1\r\n");
    assert_reply(client, "COPY a a DB 2", "-ERR DB index is out of range\r\n");
    assert_reply(client, "COPY a a", "-ERR source and destination objects are the same\r\n");
    assert_reply(client, "COPY none b", ":0\r\n");
    assert_reply(client, "SELECT 3", "+OK\r\n");
    assert_reply(client, "GET a", "$1\r\n2\r\n");
    assert_reply(client, "GET b", "$-1\r\n");
}

static void object_and_memory_tell_what_they_know(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "MSET int 12 word abc", "+OK\r\n");
    assert_reply(client, "OBJECT ENCODING int", "$3\r\nint\r\n");
    assert_reply(client, "OBJECT ENCODING word", "$6\r\nembstr\r\n");
    assert_reply(client, "OBJECT ENCODING none", "$-1\r\n");
    assert_reply(client, "OBJECT REFCOUNT word", ":1\r\n");
    assert_reply(client, "OBJECT IDLETIME word", "-ERR idle time is not tracked\r\n");
    assert_reply(client, "MEMORY USAGE word", ":71\r\n");
    assert_reply(client, "MEMORY USAGE none", "$-1\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scan_walks_the_whole_ring),
        TEST(any_connection_continues_a_scan),
        TEST(scan_filters),
        TEST(scan_looks_at_count_keys),
        TEST(scan_asks_sixteen_partitions_at_most),
        TEST(keys_and_dbsize_cover_the_whole_ring),
        TEST(pages_of_a_partition_are_put_together),
        TEST(a_failed_page_fails_the_command),
        TEST(randomkey_finds_keys_however_few),
        TEST(rename_moves_value_and_expiry),
        TEST(copy_reaches_other_keyspaces),
        TEST(object_and_memory_tell_what_they_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
