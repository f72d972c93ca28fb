/*
 * test_failures.c - what a client is told when key requests fail, and what it may conclude.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "commands/call.h"

static struct client *failing_client(struct harness *harness, enum status status, uint8_t kind)
{
    harness->fail_status = status;
    harness->fail_kind = kind;
    harness->fail_after = 0;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    return harness->client_count > 0 ? &harness->clients[0] : harness_client(harness);
}

/* Fallbacks take no write of their own; and a count says how much of it are copies at them. */
static void what_hints_have_to_do_with_it_is_said(void **state)
{
    const struct key_result unreachable = {.status = STATUS_UNAVAILABLE, .needed = 1};
    const struct key_result hinted = {
        .status = STATUS_UNCERTAIN, .acks = 2, .needed = 3, .hints = 1};
    struct buffer text = {0};
    (void)state;
    call_failure_text(KEY_WRITE, &unreachable, &text);
    assert_true(slice_equal(
        buffer_slice(&text),
        slice_text("NOREPLICAS no owner that the level counts is reachable, and only an "
                   "owner takes a write")));
    buffer_clear(&text);
    call_failure_text(KEY_WRITE, &hinted, &text);
    assert_true(slice_equal(buffer_slice(&text),
                            slice_text("UNCERTAIN w=2/3 hints=1 the write was sent but not "
                                       "confirmed in time; it may apply")));
    buffer_deinit(&text);
}

static void each_status_has_its_word(void **state)
{
    static const struct {
        enum status status;
        const char *write, *read;
    } cases[] = {
        {STATUS_UNAVAILABLE,
         "-NOREPLICAS not enough owners reachable: need 2, can reach 1; nothing was written\r\n",
         "-NOREPLICAS not enough owners reachable: need 2, can reach 1\r\n"},
        {STATUS_TIMEOUT,
         "-NOREPLICAS not enough owners answered in time: need w=2, got 1; nothing was "
         "written\r\n",
         "-NOREPLICAS not enough owners answered in time: need r=2, got 1\r\n"},
        {STATUS_UNCERTAIN,
         "-UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may apply\r\n",
         "-NOREPLICAS the owner's answer was not usable\r\n"},
        {STATUS_OVERLOADED, "-OVERLOADED too many requests are under way; nothing was written\r\n",
         "-OVERLOADED too many requests are under way\r\n"},
        {STATUS_NO_SPACE,
         "-DISKFULL the owners' disks have too little free space; nothing was written\r\n",
         "-DISKFULL the owners' disks have too little free space\r\n"},
        {STATUS_CLOCK_SKEW,
         "-CLOCKSKEW the clocks of the owners within reach are too far from the others, or behind "
         "times that they gave before; try again, and see 'ringctl status'; nothing was "
         "written\r\n",
         "-CLOCKSKEW the clocks of the owners within reach are too far from the others, or behind "
         "times that they gave before; try again, and see 'ringctl status'\r\n"},
        {STATUS_TOO_LARGE,
         "-TOOLARGE the value would be larger than this server allows; nothing was written\r\n",
         "-TOOLARGE the values of the key are more than one answer can hold\r\n"},
        {STATUS_STALE_TAG, "-TRYAGAIN the ring has changed meanwhile; nothing was written\r\n",
         "-TRYAGAIN the ring has changed meanwhile\r\n"},
        {STATUS_NOT_READY,
         "-LOADING the owners' replicas are being rebuilt; nothing was written\r\n",
         "-LOADING the owners' replicas are being rebuilt\r\n"},
        {STATUS_WRONG_TYPE,
         "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
         "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"},
        {STATUS_IO, "-ERR the request failed: io-error; nothing was written\r\n",
         "-ERR the request failed: io-error\r\n"},
    };
    struct harness *harness = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *client = failing_client(harness, cases[i].status, 0);
        assert_reply(client, "SET a 1", cases[i].write);
        assert_reply(client, "GET a", cases[i].read);
        assert_reply(client, "DEL a", cases[i].write);
        assert_reply(client, "EXPIRE a 10", cases[i].write);
        assert_reply(client, "MGET a", cases[i].read);
        assert_reply(client, "EXISTS a", cases[i].read);
        assert_reply(client, "SCAN 0", cases[i].read);
        assert_reply(client, "KEYS *", cases[i].read);
        assert_reply(client, "DBSIZE", cases[i].read);
        assert_reply(client, "RANDOMKEY", cases[i].read);
        assert_reply(client, "OBJECT ENCODING a", cases[i].read);
    }
    assert_int_equal(harness->key_count, 0);
}

static void growing_values_have_redis_words_for_the_limit(void **state)
{
    struct client *client = failing_client(*state, STATUS_TOO_LARGE, KEY_WRITE);
    assert_reply(client, "APPEND a 1",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    assert_reply(client, "SETRANGE a 1 x",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
}

static void a_partly_failed_read_is_an_error_of_the_whole(void **state)
{
    struct harness *harness = *state;
    struct client *client = failing_client(harness, STATUS_UNAVAILABLE, KEY_READ);
    harness->fail_after = 2;
    assert_reply(client, "MGET a b c d",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1 (2 of 4 keys)\r\n");
}

static void a_partly_failed_write_is_uncertain(void **state)
{
    struct harness *harness = *state;
    struct client *client = failing_client(harness, STATUS_UNAVAILABLE, KEY_WRITE);
    harness->fail_after = 1;
    assert_reply(client, "MSET a 1 b 2 c 3",
                 "-UNCERTAIN applied=1 unknown=0 of 3 keys; NOREPLICAS not enough owners "
                 "reachable: need 2, can reach 1\r\n");
    client = failing_client(harness, STATUS_UNCERTAIN, KEY_WRITE);
    harness->fail_after = 1;
    assert_reply(client, "DEL a b c",
                 "-UNCERTAIN applied=1 unknown=2 of 3 keys; UNCERTAIN w=1/2 the write was sent "
                 "but not confirmed in time; it may apply\r\n");
}

static void keys_are_counted_not_requests(void **state)
{
    struct harness *harness = *state;
    struct client *client = failing_client(harness, STATUS_UNCERTAIN, KEY_WRITE);
    harness->fail_after = 1;
    /* {b} lies before {a}: three keys are written, two are not known. */
    assert_reply(client, "MSET {b}1 1 {a}1 2 {b}2 3 {a}2 4 {b}3 5",
                 "-UNCERTAIN applied=3 unknown=2 of 5 keys; UNCERTAIN w=1/2 the write was sent "
                 "but not confirmed in time; it may apply\r\n");
}

/* Nothing of it was written, so it may be tried again. */
static void a_write_that_failed_everywhere_is_definite(void **state)
{
    struct harness *harness = *state;
    struct client *client = failing_client(harness, STATUS_UNAVAILABLE, KEY_WRITE);
    assert_reply(client, "MSET a 1 b 2 c 3",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1; nothing was "
                 "written\r\n");
    assert_int_equal(harness->key_count, 0);
    client = failing_client(harness, STATUS_UNCERTAIN, KEY_WRITE);
    assert_reply(client, "MSETNX {t}a 1 {t}b 2",
                 "-UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may "
                 "apply\r\n");
}

static void a_rename_that_stops_half_way_says_so(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    failing_client(harness, STATUS_UNAVAILABLE, KEY_WRITE);
    assert_reply(client, "RENAME a b",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1; nothing was "
                 "written\r\n");
    harness->fail_after = 1;
    assert_reply(client, "RENAME a b",
                 "-UNCERTAIN applied=1 unknown=0 of 2 keys; the new key is written, for the old "
                 "one: NOREPLICAS not enough owners reachable: need 2, can reach 1\r\n");
    failing_client(harness, STATUS_UNCERTAIN, KEY_WRITE);
    harness->fail_after = 1;
    assert_reply(client, "RENAME a b",
                 "-UNCERTAIN applied=1 unknown=1 of 2 keys; the new key is written, for the old "
                 "one: UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may "
                 "apply\r\n");
    failing_client(harness, STATUS_UNAVAILABLE, KEY_READ);
    assert_reply(client, "RENAME a b",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1\r\n");
}

static void later_requests_of_a_command_have_the_time_that_is_left(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1", "+OK\r\n");
    harness->manual = true;
    client_command(client, "WITH timeout=100 RENAME a b");
    assert_int_equal(harness->last_timeout_ms, 100);
    harness_advance_ms(harness, 30);
    harness_answer(harness);
    assert_int_equal(harness->last_timeout_ms, 70);
    harness_advance_ms(harness, 500);
    harness_answer(harness);
    assert_int_equal(harness->last_timeout_ms, 1);
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n");
}

static void errors_are_counted_by_their_word(void **state)
{
    struct harness *harness = *state;
    struct client *client = failing_client(harness, STATUS_UNAVAILABLE, KEY_READ);
    client_command(client, "GET a");
    client_command(client, "GET a");
    client_command(client, "NOSUCH");
    buffer_clear(&client->replies);
    assert_int_equal(harness->statistics.errors_replied, 3);
    struct resp_value *value = client_value(client, "INFO errorstats");
    assert_true(value_is(value, "# Errorstats\r\nerrorstat_NOREPLICAS:count=2\r\n"
                                "errorstat_ERR:count=1\r\n"));
    resp_value_free(value);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_status_has_its_word),
        TEST(what_hints_have_to_do_with_it_is_said),
        TEST(growing_values_have_redis_words_for_the_limit),
        TEST(a_partly_failed_read_is_an_error_of_the_whole),
        TEST(a_partly_failed_write_is_uncertain),
        TEST(keys_are_counted_not_requests),
        TEST(a_write_that_failed_everywhere_is_definite),
        TEST(a_rename_that_stops_half_way_says_so),
        TEST(later_requests_of_a_command_have_the_time_that_is_left),
        TEST(errors_are_counted_by_their_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
