#include "commands/harness.h"

#include <string.h>

static void hello_answers_a_map_that_clients_can_read(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HELLO",
                 "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n"
                 "$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
                 "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    assert_reply(client, "HELLO 3 AUTH default x SETNAME bob",
                 "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.2.4\r\n"
                 "$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
                 "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    assert_reply(client, "CLIENT GETNAME", "$3\r\nbob\r\n");
    assert_reply(client, "GET none", "_\r\n");
}

static void a_refused_hello_changes_nothing(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    assert_reply(client, "HELLO 3 AUTH nobody x",
                 "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_reply(client, "HELLO 3 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
    assert_reply(client, "GET none", "$-1\r\n");
    assert_reply(client, "CLIENT GETNAME", "$-1\r\n");
}

static void select_takes_the_ring_s_keyspaces_only(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SELECT 3", "+OK\r\n");
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_keyspace, 3);
    assert_reply(client, "SELECT 2", "-ERR DB index is out of range\r\n");
    assert_reply(client, "SELECT 64", "-ERR DB index is out of range\r\n");
    assert_reply(client, "SELECT 65536", "-ERR DB index is out of range\r\n");
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_keyspace, 3);
}

static void with_sets_options_of_one_request(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "WITH cl=ONE r=all W=quorum PR=1 pw=all dw=2 timeout=50 GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_ONE);
    assert_int_equal(harness->last_options.r, OWNERS_ALL);
    assert_int_equal(harness->last_options.w, OWNERS_QUORUM);
    assert_int_equal(harness->last_options.pr, 1);
    assert_int_equal(harness->last_options.pw, OWNERS_ALL);
    assert_int_equal(harness->last_options.dw, 2);
    assert_int_equal(harness->last_options.timeout_ms, 50);
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_DEFAULT);
    assert_int_equal(harness->last_options.r, OWNERS_UNSET);
    assert_reply(client, "with ping", "+PONG\r\n");
    assert_reply(client, "WITH r=1 SET a 1", "+OK\r\n");
    assert_reply(client, "WITH r=1 CLIENT GETNAME", "$-1\r\n");
}

static void with_refuses_what_it_cannot_keep(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    static const char *const cases[][2] = {
        {"WITH r=0 GET a", "-ERR r must be a number from 1, quorum or all\r\n"},
        {"WITH w=x GET a", "-ERR w must be a number from 1, quorum or all\r\n"},
        {"WITH r=4 GET a", "-ERR r=4 cannot be met: a partition has 3 owners\r\n"},
        {"WITH cl=MOST GET a", "-ERR unknown consistency level 'MOST'\r\n"},
        {"WITH cl=ANY GET a",
         "-ERR the consistency level ANY is for writes: read with ONE or more\r\n"},
        {"WITH cl=SERIAL SET a 1", "-ERR the consistency level SERIAL is not offered yet\r\n"},
        {"WITH timeout=0 GET a", "-ERR timeout must be milliseconds from 1 to 3600000\r\n"},
        {"WITH timeout=-1 GET a", "-ERR timeout must be milliseconds from 1 to 3600000\r\n"},
        {"WITH pr=0 GET a", "-ERR pr must be a number from 1, quorum or all\r\n"},
        {"WITH pw=4 SET a 1", "-ERR pw=4 cannot be met: a partition has 3 owners\r\n"},
        {"WITH dw=255 SET a 1", "-ERR dw=255 cannot be met: a partition has 3 owners\r\n"},
        {"WITH w=-1 SET a 1", "-ERR w must be a number from 1, quorum or all\r\n"},
        {"WITH r= GET a", "-ERR r must be a number from 1, quorum or all\r\n"},
        {"WITH w=18446744073709551617 SET a 1",
         "-ERR w must be a number from 1, quorum or all\r\n"},
        {"WITH sloppy=maybe GET a", "-ERR sloppy must be yes or no\r\n"},
        {"WITH sloppy= GET a", "-ERR sloppy must be yes or no\r\n"},
        {"WITH id=x SET a 1", "-ERR the option 'id' is not offered yet\r\n"},
        {"WITH color=red GET a", "-ERR unknown option 'color'\r\n"},
        {"WITH", "-ERR wrong number of arguments for 'with' command\r\n"},
        {"WITH r=1", "-ERR wrong number of arguments for 'with' command\r\n"},
        {"WITH r=1 WITH r=2 GET a", "-ERR WITH cannot stand within WITH\r\n"},
        {"WITH r=1 GET", "-ERR wrong number of arguments for 'get' command\r\n"},
        {"WITH r=1 NOSUCH a", "-ERR unknown command 'NOSUCH', with args beginning with: 'a' \r\n"},
        {"WITH traceparent=00-x GET a",
         "-ERR traceparent must be 00-TRACEID-PARENTID-FLAGS in lower case\r\n"},
        {"WITH traceparent=00-00000000000000000000000000000000-00f067aa0ba902b7-01 GET a",
         "-ERR traceparent must be 00-TRACEID-PARENTID-FLAGS in lower case\r\n"},
        {"WITH traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 GET a",
         "$-1\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_reply(client, cases[i][0], cases[i][1]);
    assert_int_equal(harness->requests_seen, 1);
}

static void session_options_hold_until_the_request_says_otherwise(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "RING.SESSION r=1 w=2 pr=1 pw=2 dw=1 sloppy=yes timeout=70", "+OK\r\n");
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.r, 1);
    assert_int_equal(harness->last_options.timeout_ms, 70);
    assert_int_equal(harness->last_options.sloppy, SLOPPY_YES);
    assert_reply(client, "WITH sloppy=no GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.sloppy, SLOPPY_NO);
    assert_reply(client, "WITH r=2 GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.r, 2);
    assert_int_equal(harness->last_options.w, 2);
    assert_int_equal(harness->last_options.pw, 2);
    /* A level of the request is a choice for r and w; numbers of the connection do not undo it. */
    assert_reply(client, "WITH cl=ALL GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_ALL);
    assert_int_equal(harness->last_options.r, OWNERS_UNSET);
    assert_int_equal(harness->last_options.pr, OWNERS_UNSET);
    assert_int_equal(harness->last_options.pw, OWNERS_UNSET);
    assert_int_equal(harness->last_options.dw, 1);
    assert_reply(client, "RING.SESSION r=default cl=LOCAL_QUORUM", "+OK\r\n");
    assert_reply(client, "RING.SESSION",
                 "*16\r\n$2\r\ncl\r\n$12\r\nLOCAL_QUORUM\r\n$1\r\nr\r\n$7\r\ndefault\r\n"
                 "$1\r\nw\r\n$1\r\n2\r\n$2\r\npr\r\n$1\r\n1\r\n$2\r\npw\r\n$1\r\n2\r\n"
                 "$2\r\ndw\r\n$1\r\n1\r\n$6\r\nsloppy\r\n$3\r\nyes\r\n"
                 "$7\r\ntimeout\r\n$2\r\n70\r\n");
    assert_reply(client, "RING.SESSION r=1 color=red", "-ERR unknown option 'color'\r\n");
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.r, OWNERS_UNSET); /* none of a refused line holds */
    assert_reply(client, "RING.SESSION GET a", "-ERR syntax error\r\n");
}

/* A pool hands connections on: RESET must leave nothing of who had it before. */
static void reset_clears_the_session_options_and_hello_does_not(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "RING.SESSION cl=ALL r=1 w=1 pr=1 pw=1 dw=1 sloppy=no timeout=70",
                 "+OK\r\n");
    resp_value_free(client_value(client, "HELLO 2"));
    assert_reply(client, "GET a", "$-1\r\n");
    assert_int_equal(harness->last_options.level, LEVEL_ALL);
    assert_reply(client, "RESET", "+RESET\r\n");
    assert_reply(client, "GET a", "$-1\r\n");
    assert_memory_equal(&harness->last_options, &(struct request_options){0},
                        sizeof(struct request_options));
    assert_reply(client, "RING.SESSION",
                 "*16\r\n$2\r\ncl\r\n$7\r\ndefault\r\n$1\r\nr\r\n$7\r\ndefault\r\n"
                 "$1\r\nw\r\n$7\r\ndefault\r\n$2\r\npr\r\n$7\r\ndefault\r\n"
                 "$2\r\npw\r\n$7\r\ndefault\r\n$2\r\ndw\r\n$7\r\ndefault\r\n"
                 "$6\r\nsloppy\r\n$7\r\ndefault\r\n$7\r\ntimeout\r\n$7\r\ndefault\r\n");
}

static void unknown_commands_name_the_reason_and_keep_redis_words(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "JSON.GET",
                 "-ERR unknown command 'JSON.GET', with args beginning with: "
                 "\r\n");
    assert_reply(client, "lpush a b",
                 "-ERR unknown command 'lpush' (not offered by RingDB: there are no lists yet), "
                 "with args beginning with: 'a' 'b' \r\n");
    assert_reply(client, "MULTI",
                 "-ERR unknown command 'MULTI' (not offered by RingDB: there are no transactions "
                 "yet), with args beginning with: \r\n");
}

static void client_list_shows_every_connection(void **state)
{
    struct harness *harness = *state;
    struct client *first = harness_client(harness);
    struct client *second = harness_client(harness);
    client_command(second, "CLIENT SETNAME second");
    client_command(second, "CLIENT SETINFO LIB-NAME lib");
    client_command(second, "CLIENT SETINFO LIB-VER 1.2");
    client_command(second, "SELECT 3");
    harness_advance_ms(harness, 5000);
    struct resp_value *value = client_value(first, "CLIENT LIST");
    const char *text = (const char *)value->text.data;
    const char *line = strchr(text, '\n') + 1;
    assert_int_equal(strncmp(text, "id=1 addr=127.0.0.1:40001 ", 26), 0);
    assert_int_equal(strncmp(line, "id=2 addr=127.0.0.1:40002 ", 26), 0);
    assert_non_null(strstr(text, "cmd=client|list"));
    assert_non_null(strstr(line, " name=second age=5 idle=5 "));
    assert_non_null(strstr(line, " db=3 "));
    assert_non_null(strstr(line, " cmd=select "));
    assert_non_null(strstr(line, " lib-name=lib lib-ver=1.2 "));
    resp_value_free(value);
    value = client_value(first, "CLIENT LIST ID 2 99");
    assert_int_equal(strncmp((const char *)value->text.data, "id=2 ", 5), 0);
    resp_value_free(value);
    assert_reply(first, "CLIENT SETINFO WHAT x", "-ERR Unrecognized option 'WHAT'\r\n");
}

static void client_kill_closes_others_through_the_node(void **state)
{
    struct harness *harness = *state;
    struct client *first = harness_client(harness);
    (void)harness_client(harness);
    assert_reply(first, "CLIENT KILL ID 2", ":1\r\n");
    assert_int_equal(harness->closed_by_command, 2);
    harness->closed_by_command = 0;
    assert_reply(first, "CLIENT KILL 127.0.0.1:40002", "+OK\r\n");
    assert_int_equal(harness->closed_by_command, 2);
    harness->closed_by_command = 0;
    assert_reply(first, "CLIENT KILL ID 1", ":0\r\n"); /* itself is left out */
    assert_reply(first, "CLIENT KILL ID 7", ":0\r\n");
    assert_reply(first, "CLIENT KILL MAXAGE 100", ":0\r\n");
    assert_reply(first, "CLIENT KILL TYPE pubsub", ":0\r\n");
    assert_int_equal(harness->closed_by_command, 0);
    assert_false(first->closed);
    assert_reply(first, "CLIENT KILL ID 1 SKIPME no", ":1\r\n");
    assert_true(first->closed);
}

static void what_client_cannot_keep_is_refused(void **state)
{
    struct client *client = harness_client(*state);
    static const char *const commands[] = {
        "CLIENT TRACKING ON", "CLIENT CACHING YES", "CLIENT PAUSE 1000",
        "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct resp_value *value = client_value(client, commands[i]);
        assert_int_equal(value->type, RESP_TYPE_ERROR);
        resp_value_free(value);
    }
    assert_reply(client, "CLIENT NO-TOUCH ON", "+OK\r\n");
    assert_reply(client, "READONLY", "+OK\r\n");
    assert_reply(client, "READWRITE", "+OK\r\n");
    assert_reply(client, "ASKING", "+OK\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hello_answers_a_map_that_clients_can_read),
        TEST(a_refused_hello_changes_nothing),
        TEST(select_takes_the_ring_s_keyspaces_only),
        TEST(with_sets_options_of_one_request),
        TEST(with_refuses_what_it_cannot_keep),
        TEST(session_options_hold_until_the_request_says_otherwise),
        TEST(reset_clears_the_session_options_and_hello_does_not),
        TEST(unknown_commands_name_the_reason_and_keep_redis_words),
        TEST(client_list_shows_every_connection),
        TEST(client_kill_closes_others_through_the_node),
        TEST(what_client_cannot_keep_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
