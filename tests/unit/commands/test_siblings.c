/*
 * test_siblings.c - RING.GET, and which contexts a write may carry.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dot dot_of(node_id node, uint64_t sequence)
{
    return (struct dot){.actor = {.node = node, .boot_epoch = 1}, .sequence = sequence};
}

static void put_siblings(struct harness *harness)
{
    harness->siblings[0] = (struct key_outcome){.visible = true,
                                                .value = slice_text("new"),
                                                .dot = dot_of(3, 9),
                                                .time = 1700000000500ull << 16 | 7,
                                                .expire_at_ms = harness->now.wall_ms + 250};
    harness->siblings[1] = (struct key_outcome){.visible = true,
                                                .value = slice_text("old"),
                                                .dot = dot_of(2, 4),
                                                .time = 1700000000400ull << 16};
    harness->sibling_count = 2;
}

/* The context that RING.GET gives for a key; release with free(). */
static char *context_of(struct client *client, const char *key)
{
    char words[64];
    snprintf(words, sizeof words, "RING.GET %s", key);
    struct resp_value *reply = client_value(client, words);
    const struct resp_value *token = value_get(reply, "context");
    assert_non_null(token);
    assert_int_equal(token->type, RESP_TYPE_BULK);
    char *copy = strndup((const char *)token->text.data, token->text.length);
    resp_value_free(reply);
    return copy;
}

/* `format` has one %s for the context. */
static void say_with(struct client *client, const char *format, const char *context)
{
    char words[4096];
    snprintf(words, sizeof words, format, context);
    client_command(client, words);
}

static bool replied(struct client *client, const char *beginning)
{
    buffer_put_u8(&client->replies, 0);
    bool same = strncmp((const char *)client->replies.data, beginning, strlen(beginning)) == 0;
    if (!same)
        print_message("%s\n", (const char *)client->replies.data);
    buffer_clear(&client->replies);
    return same;
}

static void all_values_come_with_when_where_and_how_long(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    put_siblings(harness);
    struct resp_value *reply = client_value(client, "RING.GET k");
    assert_int_equal(reply->type, RESP_TYPE_ARRAY); /* a flat list in version 2 */
    assert_int_equal(reply->element_count, 4);
    const struct resp_value *siblings = value_get(reply, "siblings");
    assert_int_equal(siblings->element_count, 2);
    const struct resp_value *first = &siblings->elements[0];
    const struct resp_value *second = &siblings->elements[1];
    assert_int_equal(first->element_count, 8);
    assert_true(value_is(value_get(first, "value"), "new"));
    assert_int_equal(value_get(first, "time")->integer, 1700000000500);
    assert_int_equal(value_get(first, "ttl")->integer, 250);
    assert_int_equal(value_get(first, "node")->integer, 3);
    assert_true(value_is(value_get(second, "value"), "old"));
    assert_int_equal(value_get(second, "ttl")->integer, -1);
    resp_value_free(reply);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    reply = client_value(client, "RING.GET k");
    assert_int_equal(reply->type, RESP_TYPE_MAP);
    resp_value_free(reply);
    assert_int_equal(harness->statistics.keyspace_hits, 2);
}

static void an_absent_key_has_a_context_too(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct resp_value *reply = client_value(client, "RING.GET k");
    assert_int_equal(value_get(reply, "siblings")->element_count, 0);
    resp_value_free(reply);
    assert_int_equal(harness->statistics.keyspace_misses, 1);
    char *context = context_of(client, "k");
    say_with(client, "WITH context=%s SET k v", context);
    assert_replies(client, "+OK\r\n");
    assert_true(harness->last_has_context);
    assert_int_equal(harness->last_context.count, 0);
    free(context);
}

static void the_level_of_the_request_holds_for_it(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    client_command(client, "WITH cl=ALL r=2 RING.GET k");
    assert_int_equal(harness->last_options.level, LEVEL_ALL);
    assert_int_equal(harness->last_options.r, 2);
    buffer_clear(&client->replies);
    harness->fail_status = STATUS_UNAVAILABLE;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(client, "RING.GET k",
                 "-NOREPLICAS not enough owners reachable: need 2, can reach 1\r\n");
}

static void a_write_carries_what_its_context_covers(void **state)
{
    static const char *const writes[] = {"WITH context=%s SET k v",
                                         "WITH context=%s SET k v PX 10",
                                         "WITH cl=ONE context=%s SETEX k 9 v",
                                         "with CONTEXT=%s psetex k 9 v",
                                         "WITH context=%s GETSET k v",
                                         "WITH context=%s SETNX k v",
                                         "WITH context=%s DEL k",
                                         "WITH context=%s UNLINK k",
                                         "WITH context=%s GETDEL k",
                                         "WITH context=%s MSET k v"};
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    put_siblings(harness);
    client_command(client, "SELECT 3");
    buffer_clear(&client->replies);
    char *context = context_of(client, "k");
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        struct dot shown[] = {dot_of(3, 9), dot_of(2, 4), dot_of(3, 10)};
        harness->last_has_context = false;
        say_with(client, writes[i], context);
        if (client->replies.data[0] == '-')
            fail_msg("%s: %.*s", writes[i], (int)client->replies.length,
                     (const char *)client->replies.data);
        buffer_clear(&client->replies);
        assert_true(harness->last_has_context);
        assert_true(version_vector_covers(&harness->last_context, &shown[0]));
        assert_true(version_vector_covers(&harness->last_context, &shown[1]));
        assert_false(version_vector_covers(&harness->last_context, &shown[2]));
        assert_int_equal(harness->last_context_time, harness->now.wall_ms << 16);
    }
    client_command(client, "SET k v"); /* and the next one carries nothing */
    assert_false(harness->last_has_context);
    free(context);
}

static void a_context_that_is_not_of_the_key_is_refused(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    char *context = context_of(client, "k");
    uint32_t requests = harness->requests_seen;
    say_with(client, "WITH context=%s SET other v", context);
    assert_true(replied(client, "-BADCONTEXT the context is of another key or keyspace; nothing "
                                "was written; read the key with RING.GET and write with the "
                                "context of the answer\r\n"));
    say_with(client, "WITH context=%sA SET k v", context);
    assert_true(replied(client, "-BADCONTEXT "));
    context[4] ^= 1;
    say_with(client, "WITH context=%s DEL k", context);
    assert_true(replied(client, "-BADCONTEXT "));
    client_command(client, "WITH context= SET k v");
    assert_true(replied(client, "-BADCONTEXT the context is cut short"));
    client_command(client, "WITH context=hello SET k v");
    assert_true(replied(client, "-BADCONTEXT "));
    context[4] ^= 1;
    client_command(client, "SELECT 3");
    buffer_clear(&client->replies);
    say_with(client, "WITH context=%s SET k v", context);
    assert_true(replied(client, "-BADCONTEXT "));
    assert_int_equal(harness->requests_seen, requests);
    assert_int_equal(harness->statistics.contexts_refused, 6);
    free(context);
}

/* The keyspace is that of the moment when the command runs, not when it was sent. */
static void a_context_is_judged_where_the_command_runs(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    client_command(client, "SELECT 3");
    buffer_clear(&client->replies);
    char *context = context_of(client, "k"), text[4096];
    client_command(client, "SELECT 0");
    buffer_clear(&client->replies);
    snprintf(text, sizeof text, "SELECT 3\r\nWITH context=%s SET k v\r\n", context);
    client_raw(client, text);
    assert_replies(client, "+OK\r\n+OK\r\n");
    free(context);
}

static void a_context_where_none_belongs_is_an_error_that_says_so(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    char *context = context_of(client, "k");
    say_with(client, "WITH context=%s DEL k other", context);
    assert_true(replied(client, "-ERR a context is of one key, and the command names 2; nothing "
                                "was written\r\n"));
    say_with(client, "WITH context=%s MSET k v other v", context);
    assert_true(replied(client, "-ERR a context is of one key"));
    say_with(client, "WITH context=%s GET k", context);
    assert_true(replied(client, "-ERR 'get' takes no context: only writes that replace a value "
                                "do\r\n"));
    say_with(client, "WITH context=%s APPEND k v", context);
    assert_true(replied(client, "-ERR 'append' takes no context"));
    say_with(client, "WITH context=%s PING", context);
    assert_true(replied(client, "-ERR 'ping' takes no context"));
    say_with(client, "WITH context=%s context=x SET k v", context);
    assert_true(replied(client, "-ERR context is given twice\r\n"));
    say_with(client, "RING.SESSION context=%s", context);
    assert_true(replied(client, "-ERR a context is of one request: give it with WITH\r\n"));
    say_with(client, "WITH context=%s NOSUCH k", context);
    assert_true(replied(client, "-ERR unknown command 'NOSUCH'"));
    free(context);
}

static void too_many_siblings_is_an_error_with_a_way_out(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->fail_status = STATUS_SIBLING_LIMIT;
    harness->fail_kind = KEY_WRITE;
    assert_reply(client, "SET k v",
                 "-SIBLINGLIMIT the key has as many concurrent values as it may: read it with "
                 "RING.GET and write with the context of the answer; nothing was written\r\n");
}

/* A key of many generations of writers: its token is cut to what is taken back. */
static void the_context_of_a_key_of_many_actors_is_taken(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    put_siblings(harness);
    for (node_id node = 100; node < 300; node++) {
        struct dot dot = dot_of(node, 1);
        version_vector_raise(&harness->more_context, &dot);
    }
    char *context = context_of(client, "k");
    say_with(client, "WITH context=%s SET k v", context);
    assert_replies(client, "+OK\r\n");
    assert_int_equal(harness->last_context.count, CONTEXT_ENTRIES_MAX);
    struct dot shown = dot_of(3, 9);
    assert_true(version_vector_covers(&harness->last_context, &shown));
    free(context);
}

int main(void)
{
#define SIBLING_TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
    const struct CMUnitTest tests[] = {
        SIBLING_TEST(all_values_come_with_when_where_and_how_long),
        SIBLING_TEST(an_absent_key_has_a_context_too),
        SIBLING_TEST(the_level_of_the_request_holds_for_it),
        SIBLING_TEST(a_write_carries_what_its_context_covers),
        SIBLING_TEST(a_context_that_is_not_of_the_key_is_refused),
        SIBLING_TEST(a_context_is_judged_where_the_command_runs),
        SIBLING_TEST(a_context_where_none_belongs_is_an_error_that_says_so),
        SIBLING_TEST(too_many_siblings_is_an_error_with_a_way_out),
        SIBLING_TEST(the_context_of_a_key_of_many_actors_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
