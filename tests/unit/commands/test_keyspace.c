/*
 * test_keyspace.c - RING.KEYSPACE: what becomes a change of the register, and what it answers.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

/* The register of the node around the session. */
static struct {
    unsigned changes;
    struct register_change last;
    struct change_outcome outcome;
    unsigned looks_left; /* before it is over */
    bool full;
} node;

static uint64_t change_start(void *context, const struct register_change *change)
{
    (void)context;
    node.last = *change;
    node.changes++;
    return node.full ? 0 : node.changes;
}

static bool change_take(void *context, uint64_t ticket, struct change_outcome *out)
{
    (void)context;
    assert_int_equal(ticket, node.changes);
    if (node.looks_left > 0) {
        node.looks_left--;
        return false;
    }
    *out = node.outcome;
    return true;
}

static struct client *setup(void **state)
{
    struct harness *harness = *state;
    memset(&node, 0, sizeof node);
    node.outcome =
        (struct change_outcome){.status = STATUS_OK, .seq = 7, .known_by = 4, .members = 5};
    harness->environment.change_start = change_start;
    harness->environment.change_take = change_take;
    return harness_client(harness);
}

static void options_become_a_change(void **state)
{
    struct client *client = setup(state);
    client_command(client, "RING.KEYSPACE CREATE new number=9 policy=siblings level=ONE "
                           "write-level=any sloppy=yes default-ttl=5 value-size-max=6 "
                           "siblings-max=7");
    const struct ring_keyspace *k = &node.last.keyspace;
    assert_int_equal(node.last.kind, REGISTER_CHANGE_KEYSPACE_CREATE);
    assert_false(node.last.any_number);
    assert_string_equal(k->name, "new");
    assert_int_equal(k->number, 9);
    assert_int_equal(k->policy, KEYSPACE_SIBLINGS);
    assert_int_equal(k->read_level, LEVEL_ONE);
    assert_int_equal(k->write_level, LEVEL_ANY);
    assert_true(k->sloppy);
    assert_true(k->default_ttl_ms == 5);
    assert_int_equal(k->value_bytes_max, 6);
    assert_int_equal(k->siblings_max, 7);
    assert_replies(client, "*6\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by\r\n:4\r\n"
                           "$7\r\nmembers\r\n:5\r\n");
    struct resp_value *reply =
        client_value(client, "RING.KEYSPACE SET carts read-level=default sloppy=no");
    assert_true(value_is(value_get(reply, "name"), "carts"));
    resp_value_free(reply);
    assert_int_equal(node.last.kind, REGISTER_CHANGE_KEYSPACE_SET);
    assert_int_equal(node.last.fields, KEYSPACE_READ_LEVEL | KEYSPACE_SLOPPY);
    reply = client_value(client, "RING.KEYSPACE CREATE other");
    resp_value_free(reply);
    assert_true(node.last.any_number);
}

static void wrong_options_change_nothing(void **state)
{
    static const struct {
        const char *command, *reply;
    } cases[] = {
        {"CREATE Up", "-ERR the name of a keyspace is 1 to 32 characters of a-z 0-9 _ -\r\n"},
        {"CREATE x number=64", "-ERR number must be a number from 0 to 63\r\n"},
        {"CREATE x number=-1", "-ERR number must be a number from 0 to 63\r\n"},
        {"CREATE x policy=first", "-ERR policy must be lww or siblings\r\n"},
        {"CREATE x level=SOME", "-ERR level must be a consistency level, or default\r\n"},
        {"CREATE x level=any",
         "-ERR level must be a level of reads: ANY is one of writes alone\r\n"},
        {"CREATE x sloppy=maybe", "-ERR sloppy must be yes or no\r\n"},
        {"CREATE x default-ttl=3153600000001",
         "-ERR default-ttl must be milliseconds up to 100 years, 0 for none\r\n"},
        {"CREATE x siblings-max=many",
         "-ERR siblings-max must be a number, 0 for the setting of each node\r\n"},
        {"CREATE x speed=high", "-ERR a keyspace has no option 'speed'\r\n"},
        {"CREATE x number", "-ERR syntax error\r\n"},
        {"SET carts policy=lww",
         "-ERR the policy of a keyspace cannot be changed: what is stored goes by it\r\n"},
        {"SET carts number=2",
         "-ERR the number of a keyspace cannot be changed: what is stored goes by it\r\n"},
        {"SET carts", "-ERR wrong number of arguments for 'ring.keyspace|set' command\r\n"},
        {"SHOW none", "-ERR there is no keyspace none\r\n"},
    };
    struct client *client = setup(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[128];
        snprintf(command, sizeof command, "RING.KEYSPACE %s", cases[i].command);
        assert_reply(client, command, cases[i].reply);
    }
    assert_int_equal(node.changes, 0);
}

static void each_outcome_has_its_error(void **state)
{
    static const struct {
        enum status status;
        const char *start;
    } cases[] = {
        {STATUS_INVALID, "-ERR why\r\n"},
        {STATUS_UNAVAILABLE, "-NOREPLICAS why\r\n"},
        {STATUS_UNCERTAIN, "-UNCERTAIN why\r\n"},
        {STATUS_CORRUPT, "-UNCERTAIN why\r\n"},
    };
    struct client *client = setup(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        node.outcome = (struct change_outcome){.status = cases[i].status, .reason = "why"};
        assert_reply(client, "RING.KEYSPACE CREATE new", cases[i].start);
    }
    node.full = true;
    client_command(client, "RING.KEYSPACE CREATE new");
    assert_replies(client, "-OVERLOADED too many changes of the ring wait at this node: try again; "
                           "nothing was changed\r\n");
}

/* Commands behind it wait: they may use what it makes. */
static void the_answer_comes_when_the_change_is_over(void **state)
{
    struct harness *harness = *state;
    struct client *client = setup(state);
    node.looks_left = 2;
    node.outcome = (struct change_outcome){.status = STATUS_INVALID, .reason = "why"};
    client_command(client, "RING.KEYSPACE CREATE new");
    client_command(client, "PING");
    assert_replies(client, "");
    harness_advance_ms(harness, 5);
    client_tick(client);
    assert_replies(client, "");
    harness_advance_ms(harness, 5);
    client_tick(client);
    assert_replies(client, "-ERR why\r\n+PONG\r\n");
}

static void a_keyspace_is_shown_whole(void **state)
{
    struct client *client = setup(state);
    struct resp_value *reply = client_value(client, "RING.KEYSPACE SHOW carts");
    assert_true(value_is(value_get(reply, "policy"), "siblings"));
    assert_true(value_is(value_get(reply, "read_level"), "default"));
    assert_true(value_is(value_get(reply, "sloppy"), "no"));
    assert_int_equal(value_get(reply, "number")->integer, 3);
    resp_value_free(reply);
    reply = client_value(client, "RING.KEYSPACE LIST");
    assert_int_equal(reply->element_count, 3);
    assert_true(value_is(value_get(&reply->elements[2], "name"), "carts"));
    resp_value_free(reply);
}

static void a_limit_of_the_keyspace_binds_before_the_servers(void **state)
{
    struct harness *harness = *state;
    struct client *client = setup(state);
    harness->ring->keyspaces[1].value_bytes_max = 3;
    assert_reply(client, "SET k four", "+OK\r\n");
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "SET k thr", "+OK\r\n");
    assert_reply(client, "SET k four",
                 "-TOOLARGE a value has at most 3 bytes; nothing was written\r\n");
    assert_reply(client, "MSET a b k four",
                 "-TOOLARGE a value has at most 3 bytes; nothing was written\r\n");
}

/* Weakest first: keyspace, connection, request. */
static void a_level_of_the_keyspace_binds_the_weakest(void **state)
{
    struct harness *harness = *state;
    struct client *client = setup(state);
    harness->ring->keyspaces[1].read_level = LEVEL_ONE;
    harness->ring->keyspaces[1].write_level = LEVEL_ALL;
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_DEFAULT);
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_ALL);
    assert_reply(client, "GET k", "$1\r\nv\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_ONE);
    assert_reply(client, "WITH w=2 SET k v", "+OK\r\n");
    assert_int_equal(harness->last_options.w, 2); /* a number binds stronger than a level */
    harness->ring->keyspaces[1].sloppy = true;
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_true(options_are_sloppy(&harness->last_options));
    assert_reply(client, "WITH sloppy=no SET k v", "+OK\r\n");
    assert_false(options_are_sloppy(&harness->last_options));
    assert_reply(client, "RING.SESSION cl=TWO", "+OK\r\n");
    assert_reply(client, "GET k", "$1\r\nv\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_TWO);
    assert_reply(client, "WITH cl=QUORUM GET k", "$1\r\nv\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_QUORUM);
}

static void dropping_becomes_a_change(void **state)
{
    struct client *client = setup(state);
    assert_reply(client, "RING.KEYSPACE DROP carts",
                 "*6\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by\r\n:4\r\n$7\r\nmembers\r\n:5\r\n");
    assert_int_equal(node.last.kind, REGISTER_CHANGE_KEYSPACE_DROP);
    assert_string_equal(node.last.keyspace.name, "carts");
    assert_reply(client, "RING.KEYSPACE DROP carts number=3",
                 "-ERR wrong number of arguments for 'ring.keyspace|drop' command\r\n");
    assert_int_equal(node.changes, 1);
}

/* What is asked of nodes goes by the id; clients see the number. */
static void a_number_that_is_used_again_names_another_keyspace(void **state)
{
    struct harness *harness = *state;
    struct client *client = setup(state);
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "SET k old", "+OK\r\n");
    assert_reply(client, "DBSIZE", ":1\r\n");
    harness->ring->keyspace_drops[1] = 5;
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "GET k", "$-1\r\n");
    assert_reply(client, "SET k new", "+OK\r\n");
    struct resp_value *reply = client_value(client, "CLIENT INFO");
    assert_non_null(strstr((const char *)reply->text.data, " db=1 "));
    resp_value_free(reply);
    reply = client_value(client, "INFO keyspace"); /* the size was that of the one before */
    assert_null(strstr((const char *)reply->text.data, "db1:"));
    resp_value_free(reply);
    assert_reply(client, "SELECT 0", "+OK\r\n");
    assert_reply(client, "SET k zero", "+OK\r\n");
    assert_reply(client, "COPY k copied DB 1", ":1\r\n");
    assert_reply(client, "SELECT 1", "+OK\r\n");
    assert_reply(client, "GET copied", "$4\r\nzero\r\n");
    assert_reply(client, "GET k", "$3\r\nnew\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_become_a_change),
        TEST(wrong_options_change_nothing),
        TEST(each_outcome_has_its_error),
        TEST(the_answer_comes_when_the_change_is_over),
        TEST(a_keyspace_is_shown_whole),
        TEST(a_limit_of_the_keyspace_binds_before_the_servers),
        TEST(a_level_of_the_keyspace_binds_the_weakest),
        TEST(dropping_becomes_a_change),
        TEST(a_number_that_is_used_again_names_another_keyspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
