/*
 * test_wait.c - WAIT and WAITAOF tell how many owners hold the connection's last write.
 */
#include "commands/harness.h"

/* The executor acknowledges each write for two of three owners. */
static void what_the_write_itself_showed_is_not_asked_for(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    uint32_t before = harness->requests_seen;
    assert_reply(client, "WAIT 1 0", ":1\r\n");
    assert_reply(client, "WAIT 0 0", ":1\r\n");
    assert_reply(client, "WAITAOF 1 1 0", "*2\r\n:1\r\n:1\r\n");
    assert_reply(client, "WAITAOF 0 0 0", "*2\r\n:1\r\n:1\r\n");
    assert_int_equal(harness->requests_seen, before);
}

static void it_asks_until_enough_owners_have_the_write(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->coverage = 2;
    assert_reply(client, "SET a 1", "+OK\r\n");
    uint32_t before = harness->requests_seen;
    assert_reply(client, "WAIT 2 0", "");
    assert_int_equal(harness->requests_seen, before + 1);
    uint64_t due_us = session_deadline_us(client->session);
    assert_true(due_us > harness->now.mono_us && due_us < harness->now.mono_us + 1000000);
    client_tick(client); /* too early */
    assert_int_equal(harness->requests_seen, before + 1);
    harness->now.mono_us = due_us;
    client_tick(client);
    assert_int_equal(harness->requests_seen, before + 2);
    assert_replies(client, "");
    harness->coverage = 3;
    harness->now.mono_us = session_deadline_us(client->session);
    client_tick(client);
    assert_replies(client, ":2\r\n");
    assert_true(session_deadline_us(client->session) == UINT64_MAX);
}

static void its_time_ends_it(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    assert_reply(client, "WAIT 2 100", "");
    int turns = 0;
    while (session_deadline_us(client->session) != UINT64_MAX) {
        assert_true(++turns < 100);
        harness->now.mono_us = session_deadline_us(client->session);
        client_tick(client);
    }
    assert_replies(client, ":1\r\n");
    assert_int_equal(harness->now.mono_us, 5000000 + 100000);
}

/* There are three owners: no more than two others can ever have the write. */
static void it_ends_when_all_owners_have_the_write(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->coverage = 9;
    assert_reply(client, "SET a 1", "+OK\r\n");
    assert_reply(client, "WAIT 7 0", ":2\r\n");
    assert_reply(client, "WAITAOF 1 7 0", "*2\r\n:1\r\n:2\r\n");
}

static void failures_of_its_questions_are_asked_again(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    harness->fail_status = STATUS_UNAVAILABLE;
    harness->fail_kind = KEY_COVERAGE;
    assert_reply(client, "WAIT 2 0", "");
    harness->fail_status = STATUS_OK;
    harness->coverage = 3;
    harness->now.mono_us = session_deadline_us(client->session);
    client_tick(client);
    assert_replies(client, ":2\r\n");
}

static void without_a_write_nothing_is_missing(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "WAIT 2 0", ":2\r\n");
    assert_int_equal(harness->requests_seen, 0);
}

static void a_write_of_unknown_outcome_is_held_by_nobody(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    harness->fail_status = STATUS_UNCERTAIN;
    client_command(client, "SET b 1");
    harness->fail_status = STATUS_OK;
    buffer_clear(&client->replies);
    assert_reply(client, "WAIT 0 0", ":0\r\n");
    assert_reply(client, "WAIT 1 100", ":0\r\n");
}

static void a_refused_write_does_not_count_as_the_last(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    assert_reply(client, "SET a 2 NX", "$-1\r\n");
    assert_reply(client, "DEL none", ":0\r\n");
    assert_reply(client, "WAIT 1 0", ":1\r\n");
}

static void what_comes_after_waits_too(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    client_raw(client, "SET a 1\r\nWAIT 2 0\r\nGET a\r\n");
    assert_replies(client, "+OK\r\n");
    harness->coverage = 3;
    harness->now.mono_us = session_deadline_us(client->session);
    client_tick(client);
    assert_replies(client, ":2\r\n$1\r\n1\r\n");
}

static void another_connection_can_end_it(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness), *other = harness_client(harness);
    assert_reply(other, "CLIENT UNBLOCK 1", ":0\r\n");
    assert_reply(client, "SET a 1", "+OK\r\n");
    assert_reply(client, "WAIT 2 0", "");
    assert_reply(other, "CLIENT UNBLOCK 1", ":1\r\n");
    assert_int_equal(harness->woken_by_command, 1);
    assert_int_equal(session_deadline_us(client->session), 0);
    client_tick(client);
    assert_replies(client, ":1\r\n");
    assert_reply(client, "WAIT 2 0", "");
    assert_reply(other, "CLIENT UNBLOCK 1 ERROR", ":1\r\n");
    client_tick(client);
    assert_replies(client, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_reply(client, "WAIT 2 100", ""); /* the earlier wish is used up */
}

static void its_arguments_are_checked_as_by_redis(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "WAIT x 0", "-ERR value is not an integer or out of range\r\n");
    assert_reply(client, "WAIT 0 x", "-ERR timeout is not an integer or out of range\r\n");
    assert_reply(client, "WAIT 0 -1", "-ERR timeout is negative\r\n");
    assert_reply(client, "WAITAOF 2 0 0",
                 "-ERR value is out of range, value must between 0 and 1\r\n");
    assert_reply(client, "WAITAOF 1 -1 0", "-ERR value is out of range, must be positive\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_write_itself_showed_is_not_asked_for),
        TEST(it_asks_until_enough_owners_have_the_write),
        TEST(its_time_ends_it),
        TEST(it_ends_when_all_owners_have_the_write),
        TEST(failures_of_its_questions_are_asked_again),
        TEST(without_a_write_nothing_is_missing),
        TEST(a_write_of_unknown_outcome_is_held_by_nobody),
        TEST(a_refused_write_does_not_count_as_the_last),
        TEST(what_comes_after_waits_too),
        TEST(another_connection_can_end_it),
        TEST(its_arguments_are_checked_as_by_redis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
