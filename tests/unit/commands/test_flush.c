/*
 * test_flush.c - FLUSHDB and FLUSHALL: what goes, what stays, and what is said when it fails.
 *
 * The fake executor scans strings alone; that collections go is in tests/system/test_hyperloglogs.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/key_request.h"

enum { MANY = 3000 }; /* more than one page of some partition */

static struct client *switched_on(struct harness *harness)
{
    harness->settings.flush_commands = 1;
    return harness_client(harness);
}

static void fill(struct client *client, unsigned count)
{
    char words[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(words, sizeof words, "SET key%u v", i);
        assert_reply(client, words, "+OK\r\n");
    }
}

static void it_is_refused_unless_switched_on(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_reply(client, "FLUSHDB",
                 "-ERR 'flushdb' is switched off at this node: it deletes all keys in the whole "
                 "cluster; set flush-commands yes\r\n");
    assert_reply(client, "FLUSHALL SYNC",
                 "-ERR 'flushall' is switched off at this node: it deletes all keys in the whole "
                 "cluster; set flush-commands yes\r\n");
    assert_reply(client, "GET k", "$1\r\nv\r\n");
}

static void all_keys_of_the_keyspace_go_and_of_no_other(void **state)
{
    struct client *client = switched_on(*state);
    fill(client, MANY);
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "SET other v", "+OK\r\n");
    assert_reply(client, "SELECT 0", "+OK\r\n");
    assert_reply(client, "FLUSHDB", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":0\r\n");
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":1\r\n");
}

static void all_keyspaces_are_emptied_from_any(void **state)
{
    struct client *client = switched_on(*state);
    fill(client, 40);
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "SET other v", "+OK\r\n");
    assert_reply(client, "FLUSHALL ASYNC", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":0\r\n");
    assert_reply(client, "SELECT 0", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":0\r\n");
}

static void what_cannot_be_looked_through_is_left_as_it_is(void **state)
{
    struct harness *harness = *state;
    struct client *client = switched_on(harness);
    fill(client, 40);
    harness->fail_status = STATUS_UNAVAILABLE;
    harness->fail_kind = KEY_SCAN;
    harness->fail_needed = 2;
    harness->fail_acks = 1;
    assert_reply(client, "FLUSHDB",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1\r\n");
    harness->fail_status = STATUS_OK;
    assert_reply(client, "DBSIZE", ":40\r\n");
}

/* Whoever sends it again has the rest removed. */
static void a_failure_in_between_says_what_is_gone(void **state)
{
    struct harness *harness = *state;
    struct client *client = switched_on(harness);
    fill(client, MANY);
    harness->fail_status = STATUS_UNCERTAIN;
    harness->fail_kind = KEY_WRITE;
    harness->fail_after = 3;
    harness->fail_needed = 2;
    harness->fail_acks = 1;
    client_command(client, "FLUSHDB");
    unsigned applied = 0, unknown = 0;
    buffer_put_u8(&client->replies, 0);
    assert_int_equal(sscanf((const char *)client->replies.data,
                            "-UNCERTAIN applied=%u unknown=%u keys", &applied, &unknown),
                     2);
    assert_non_null(strstr((const char *)client->replies.data, "the same command goes on"));
    buffer_clear(&client->replies);
    assert_in_range(applied, 3, MANY);
    assert_in_range(unknown, 1, MANY);
    harness->fail_status = STATUS_OK;
    assert_reply(client, "FLUSHDB", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":0\r\n");
}

/* A keyspace of many keys takes longer than one request may. */
static void each_request_has_the_whole_time(void **state)
{
    struct harness *harness = *state;
    struct client *client = switched_on(harness);
    fill(client, MANY);
    harness->manual = true;
    client_command(client, "FLUSHDB");
    while (harness->pending_count > 0) {
        harness_advance_ms(harness, 100);
        assert_true(harness_answer(harness));
        assert_int_equal(harness->last_options.timeout_ms, 0);
    }
    harness->manual = false;
    assert_replies(client, "+OK\r\n");
}

static void nothing_else_of_its_connection_runs_beside_it(void **state)
{
    struct harness *harness = *state;
    struct client *client = switched_on(harness);
    fill(client, 5);
    harness->manual = true;
    client_command(client, "SET key9 v");
    client_command(client, "FLUSHDB");
    client_command(client, "SET after v");
    assert_int_equal(harness->pending_count, 1);
    harness_answer_all(harness);
    harness->manual = false;
    assert_replies(client, "+OK\r\n+OK\r\n+OK\r\n");
    assert_reply(client, "KEYS *", "*1\r\n$5\r\nafter\r\n");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        CASE(it_is_refused_unless_switched_on),
        CASE(all_keys_of_the_keyspace_go_and_of_no_other),
        CASE(all_keyspaces_are_emptied_from_any),
        CASE(what_cannot_be_looked_through_is_left_as_it_is),
        CASE(a_failure_in_between_says_what_is_gone),
        CASE(each_request_has_the_whole_time),
        CASE(nothing_else_of_its_connection_runs_beside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
