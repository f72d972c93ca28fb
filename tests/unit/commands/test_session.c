#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "commands/command_table.h"

static struct client *manual_client(struct harness *harness)
{
    struct client *client = harness_client(harness);
    harness->manual = true;
    return client;
}

static void replies_stand_in_the_order_of_requests(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET a 1\r\nSET b 2\r\nPING\r\nGET c\r\nECHO end\r\n");
    assert_int_equal(harness->pending_count, 3); /* all at the same time */
    assert_replies(client, "");
    harness_answer_at(harness, 2);
    harness_answer_at(harness, 1);
    assert_replies(client, ""); /* the first one is still open */
    harness_answer_at(harness, 0);
    assert_replies(client, "+OK\r\n+OK\r\n+PONG\r\n$-1\r\n$3\r\nend\r\n");
}

static void replies_leave_as_soon_as_those_before_are_out(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET a\r\nGET b\r\nGET c\r\n");
    harness_answer_at(harness, 0);
    assert_replies(client, "$-1\r\n");
    harness_answer_at(harness, 1);
    assert_replies(client, "");
    harness_answer_at(harness, 0);
    assert_replies(client, "$-1\r\n$-1\r\n");
}

static void writers_of_a_key_wait_for_each_other(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET a 1\r\nAPPEND a 2\r\nGET a\r\nSET a 3\r\nGET a\r\n");
    for (int step = 0; step < 5; step++) {
        assert_int_equal(harness->pending_count, 1);
        harness_answer(harness);
    }
    assert_replies(client, "+OK\r\n:2\r\n$2\r\n12\r\n+OK\r\n$1\r\n3\r\n");
}

static void readers_of_a_key_overlap(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET a\r\nSTRLEN a\r\nTTL a\r\nSET a 1\r\nGET a\r\nGET a\r\n");
    assert_int_equal(harness->pending_count, 3);
    harness_answer(harness);
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 1); /* the writer waits for all readers */
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 1);
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 2); /* and readers for the writer */
    harness_answer_all(harness);
    assert_replies(client, "$-1\r\n:0\r\n:-2\r\n+OK\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

static void a_waiting_call_holds_only_what_conflicts(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET a 1\r\nGET a\r\nSET b 1\r\nGET b\r\nSET c 1\r\n");
    assert_int_equal(harness->pending_count, 3); /* the three writes */
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n1\r\n+OK\r\n");
}

static void commands_of_several_keys_conflict_on_each(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET b 1\r\nMGET a b c\r\nSET c 9\r\nSET d 1\r\n");
    assert_int_equal(harness->pending_count, 2); /* SET b and SET d */
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 4); /* SET d and three reads */
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n*3\r\n$-1\r\n$1\r\n1\r\n$-1\r\n+OK\r\n+OK\r\n");
}

static void what_sees_all_keys_waits_for_writers(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET x\r\nSET a 1\r\nDBSIZE\r\nSET b 1\r\nPING\r\n");
    assert_int_equal(harness->pending_count, 2); /* GET and the first SET */
    harness_answer_all(harness);
    assert_replies(client, "$-1\r\n+OK\r\n:1\r\n+OK\r\n+PONG\r\n");
}

static void select_holds_what_comes_after(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET a 0\r\nSELECT 1\r\nSET a 1\r\nSELECT 0\r\nGET a\r\n");
    assert_int_equal(harness->pending_count, 1);
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 1);
    assert_int_equal(harness->last_keyspace, 1);
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n+OK\r\n+OK\r\n+OK\r\n$1\r\n0\r\n");
}

/* Hashes of waiting calls were made before an earlier SELECT ran; they must still conflict. */
static void order_of_a_key_holds_across_select(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET z\r\nSELECT 1\r\nSET a 1\r\n");
    harness_answer(harness); /* SELECT and SET a run */
    client_raw(client, "GET a\r\n");
    assert_int_equal(harness->pending_count, 1);
    harness_answer_all(harness);
    assert_replies(client, "$-1\r\n+OK\r\n+OK\r\n$1\r\n1\r\n");
}

static void many_keys_run_alone(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    struct buffer line = {0};
    buffer_printf(&line, "GET other\r\nMGET");
    for (int i = 0; i < 65; i++)
        buffer_printf(&line, " k%d", i);
    buffer_printf(&line, "\r\nGET third\r\n");
    client_bytes(client, line.data, line.length);
    assert_int_equal(harness->pending_count, 1);
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 65);
    harness_answer_all(harness);
    client->replies.length = 0;
    buffer_deinit(&line);
}

static void a_command_has_a_bounded_number_of_requests_under_way(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    struct buffer line = {0};
    buffer_printf(&line, "EXISTS");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&line, " k%d", i);
    buffer_printf(&line, "\r\n");
    client_bytes(client, line.data, line.length);
    assert_int_equal(harness->pending_count, 128);
    harness_answer_all(harness);
    assert_int_equal(harness->pending_most, 128);
    assert_int_equal(harness->requests_seen, 1000);
    assert_replies(client, ":0\r\n");
    buffer_deinit(&line);
}

static void the_client_is_paused_at_the_bound_and_resumed(void **state)
{
    struct harness *harness = *state;
    harness->settings.pipeline_max = 8;
    struct client *client = manual_client(harness);
    struct buffer lines = {0}, expected = {0};
    for (int i = 0; i < 20; i++) {
        buffer_printf(&lines, "GET k%d\r\n", i);
        buffer_printf(&expected, "$-1\r\n");
    }
    buffer_put_u8(&expected, 0);
    client_bytes(client, lines.data, lines.length);
    assert_int_equal(harness->pending_count, 8);
    assert_true(client->paused);
    harness_answer(harness);
    assert_int_equal(harness->pending_count, 8); /* from what had come already */
    assert_true(client->paused);
    harness_answer_all(harness);
    assert_false(client->paused);
    assert_int_equal(harness->pending_most, 8);
    assert_int_equal(client->pauses, 1);
    assert_int_equal(client->resumes, 1);
    assert_replies(client, (const char *)expected.data);
    buffer_deinit(&lines);
    buffer_deinit(&expected);
}

static void bytes_of_requests_are_bounded_too(void **state)
{
    struct harness *harness = *state;
    harness->settings.request_bytes_max = 10000;
    struct client *client = manual_client(harness);
    char value[6001];
    struct buffer lines = {0};
    memset(value, 'v', 6000);
    value[6000] = '\0';
    for (int i = 0; i < 3; i++)
        buffer_printf(&lines, "*3\r\n$3\r\nSET\r\n$1\r\n%d\r\n$6000\r\n%s\r\n", i, value);
    client_bytes(client, lines.data, lines.length);
    assert_int_equal(harness->pending_count, 2);
    assert_true(client->paused);
    harness_answer_all(harness);
    assert_false(client->paused);
    assert_replies(client, "+OK\r\n+OK\r\n+OK\r\n");
    buffer_deinit(&lines);
}

static void requests_may_come_in_any_pieces(void **state)
{
    struct client *client = harness_client(*state);
    const char *text = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nx\r\n\r\nGET a\r\n*1\r\n$4\r\nPING\r\n";
    for (size_t i = 0; i < strlen(text); i++)
        client_bytes(client, text + i, 1);
    assert_replies(client, "+OK\r\n$3\r\nx\r\n\r\n+PONG\r\n");
    for (size_t cut = 1; cut < strlen(text); cut++) {
        client_bytes(client, text, cut);
        client_bytes(client, text + cut, strlen(text) - cut);
        assert_replies(client, "+OK\r\n$3\r\nx\r\n\r\n+PONG\r\n");
    }
}

static void quit_answers_everything_before_and_nothing_after(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET a\r\nQUIT\r\nSET a 1\r\n");
    assert_false(client->closed);
    harness_answer(harness);
    assert_true(client->closed);
    assert_int_equal(harness->pending_count, 0);
    assert_replies(client, "$-1\r\n+OK\r\n");
    client_raw(client, "PING\r\n"); /* bytes that were under way */
    assert_replies(client, "");
}

static void protocol_errors_close_after_the_replies(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "GET a\r\n*1\r\n$x\r\n");
    assert_replies(client, "");
    assert_false(client->closed);
    harness_answer(harness);
    assert_true(client->closed);
    assert_replies(client, "$-1\r\n-ERR Protocol error: invalid bulk length\r\n");
}

static void empty_lines_are_skipped(void **state)
{
    struct client *client = harness_client(*state);
    client_raw(client, "\r\n\r\n*0\r\nPING\r\n");
    assert_replies(client, "+PONG\r\n");
}

static void reset_puts_the_connection_back(void **state)
{
    struct client *client = harness_client(*state);
    client_command(client, "HELLO 3");
    client_command(client, "SELECT 1");
    client_command(client, "CLIENT SETNAME bob");
    client_command(client, "RING.SESSION r=1");
    client_command(client, "CLIENT REPLY OFF");
    buffer_clear(&client->replies);
    assert_reply(client, "RESET", "+RESET\r\n");
    assert_reply(client, "GET a", "$-1\r\n"); /* version 2 */
    assert_reply(client, "CLIENT GETNAME", "$-1\r\n");
    struct harness *harness = *state;
    assert_int_equal(harness->last_keyspace, 0);
    assert_int_equal(harness->last_options.r, 0);
}

static void client_reply_leaves_replies_out(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "CLIENT REPLY SKIP", "");
    assert_reply(client, "PING", "");
    assert_reply(client, "PING", "+PONG\r\n");
    assert_reply(client, "CLIENT REPLY OFF", "");
    assert_reply(client, "SET a 1", "");
    assert_reply(client, "NOSUCH", "");
    assert_reply(client, "CLIENT REPLY SKIP", "");
    assert_reply(client, "CLIENT REPLY ON", "+OK\r\n");
    assert_reply(client, "GET a", "$1\r\n1\r\n");
}

static void skipping_a_reply_keeps_the_order_in_a_pipeline(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    harness->lifo = true;
    client_raw(client, "GET a\r\nCLIENT REPLY SKIP\r\nGET b\r\nECHO c\r\nGET d\r\n");
    harness_answer_all(harness);
    assert_replies(client, "$-1\r\n$1\r\nc\r\n$-1\r\n");
}

static void a_session_may_end_with_requests_under_way(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "MSET a 1 b 2\r\nMGET a b\r\nSELECT 1\r\nKEYS *\r\n*3\r\n$3\r\nSE");
    assert_true(harness->pending_count > 0);
    /* The teardown frees it; the sanitizers see what is left. */
    client->closed = true;
}

/*
 * A client that sends anything gets what one would get who waits for each reply:
 * whatever runs at the same time and in whatever order results come.
 */
static void pipelines_answer_as_single_requests_do(void **state)
{
    struct harness *harness = *state;
    struct random random = random_make(7);
    for (int round = 0; round < 60; round++) {
        struct buffer lines = {0};
        struct client *alone = &harness->clients[0], *piped = &harness->clients[1];
        if (round == 0) {
            alone = harness_client(harness);
            piped = harness_client(harness);
        }
        harness->settings.pipeline_max = 4 + round % 29;
        for (int i = 0; i < 40; i++) {
            unsigned key = (unsigned)random_below(&random, 4);
            static const char *const forms[] = {"SET %s%u v%d\r\n", "APPEND %s%u x%d\r\n",
                                                "GET %s%u\r\n",     "GETSET %s%u %d\r\n",
                                                "DEL %s%u\r\n",     "MGET %s%u %s0\r\n",
                                                "DBSIZE %s%u\r\n",  "EXISTS %s%u %s1\r\n",
                                                "STRLEN %s%u\r\n",  "MSET %s%u 1 %s2 2\r\n"};
            unsigned form = (unsigned)random_below(&random, 10);
            if (form == 5 || form == 7 || form == 9)
                buffer_printf(&lines, forms[form], "@", key, "@");
            else
                buffer_printf(&lines, forms[form], "@", key, i);
        }
        buffer_put_u8(&lines, 0);
        char *text = (char *)lines.data;
        for (char *at = text; *at != '\0'; at++)
            *at = *at == '@' ? 'p' : *at;
        harness->manual = true;
        client_raw(piped, text);
        while (harness->pending_count > 0)
            harness_answer_at(harness, (uint32_t)random_below(&random, harness->pending_count));
        for (char *at = text; *at != '\0'; at++)
            *at = *at == 'p' ? 'q' : *at;
        harness->manual = false;
        for (char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            client_bytes(alone, line, strcspn(line, "\n") + 1);
        assert_int_equal(alone->replies.length, piped->replies.length);
        assert_memory_equal(alone->replies.data, piped->replies.data, alone->replies.length);
        buffer_clear(&alone->replies);
        buffer_clear(&piped->replies);
        buffer_deinit(&lines);
    }
}

/* A request that waited long for those before it still has its whole time. */
static void waiting_in_the_queue_costs_no_time_of_the_request(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    client_raw(client, "SET a 1\r\nSELECT 1\r\nWITH timeout=100 GET a\r\n");
    harness_advance_ms(harness, 4000);
    harness_answer(harness);
    assert_int_equal(harness->last_timeout_ms, 100);
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n+OK\r\n$-1\r\n");
}

/* How many replies of version 2 or 3 the bytes are; -1: they are none. */
static int count_replies(const struct buffer *bytes)
{
    struct resp_reply_limits limits = {
        .text_bytes_max = 1 << 24, .elements_max = 1 << 20, .reply_bytes_max = 1 << 26};
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    enum resp_reply_progress progress = RESP_REPLY_VALUE;
    size_t offset = 0;
    int count = 0;
    while (offset < bytes->length && progress == RESP_REPLY_VALUE) {
        struct resp_value *value = NULL;
        progress = resp_reply_reader_next(reader, buffer_slice(bytes), &offset, &value);
        resp_value_free(value);
        count += progress == RESP_REPLY_VALUE;
    }
    resp_reply_reader_free(reader);
    return progress == RESP_REPLY_VALUE ? count : -1;
}

static void add_random_request(struct random *random, struct buffer *out)
{
    static const char *const words[] = {
        "a",     "b",        "{t}1",    "{t}2", "1",    "0",    "-1",  "10",
        "abc",   "*",        "nx",      "XX",   "GET",  "EX",   "PX",  "KEEPTTL",
        "count", "MATCH",    "replace", "DB",   "3",    "on",   "id",  "9223372036854775807",
        "",      "r=1",      "slots",   "info", "list", "docs", "get", "set",
        "usage", "encoding", "len",     "WITH"};
    const struct command *row = command_at((uint32_t)random_below(random, COMMAND_COUNT));
    uint32_t least = (uint32_t)(row->arity < 0 ? -row->arity : row->arity);
    uint32_t count = least + (uint32_t)random_below(random, 4);
    const struct command *inner = row->subcommands;
    /* What ends, silences or holds the connection, or has several replies, has its own tests. */
    if (strcmp(row->name, "quit") == 0 || strncmp(row->name, "wait", 4) == 0 ||
        strcmp(row->name, "client") == 0 || strstr(row->name, "subscribe") != NULL)
        row = &command_ping;
    buffer_printf(out, "*%u\r\n$%zu\r\n%s\r\n", count, strlen(row->name), row->name);
    for (uint32_t i = 1; i < count; i++) {
        const char *word = words[random_below(random, sizeof words / sizeof words[0])];
        if (i == 1 && inner != NULL && row->subcommands != NULL)
            word = inner[random_below(random, 3)].name;
        if (word == NULL)
            word = "x";
        buffer_printf(out, "$%zu\r\n%s\r\n", strlen(word), word);
    }
}

/* Whatever is asked, and however requests end: one reply each, and it parses. */
static void each_request_gets_exactly_one_reply(void **state)
{
    struct harness *harness = *state;
    struct client *client = manual_client(harness);
    struct random random = random_make(11);
    static const enum status ends[] = {STATUS_OK,        STATUS_OK,          STATUS_OK,
                                       STATUS_UNCERTAIN, STATUS_UNAVAILABLE, STATUS_TIMEOUT};
    harness->settings.request_timeout_ms = 100;
    for (int round = 0; round < 300; round++) {
        struct buffer bytes = {0};
        int count = 1 + (int)random_below(&random, 12);
        for (int i = 0; i < count; i++)
            add_random_request(&random, &bytes);
        size_t cut = (size_t)random_below(&random, bytes.length);
        client_bytes(client, bytes.data, cut);
        client_bytes(client, bytes.data + cut, bytes.length - cut);
        while (harness->pending_count > 0) {
            harness->fail_status = ends[random_below(&random, sizeof ends / sizeof ends[0])];
            harness->fail_after = 0;
            harness_advance_ms(harness, random_below(&random, 3));
            harness_answer_at(harness, (uint32_t)random_below(&random, harness->pending_count));
        }
        assert_false(client->closed);
        assert_int_equal(count_replies(&client->replies), count);
        buffer_clear(&client->replies);
        buffer_deinit(&bytes);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

/* Values wait in memory for their turn, and for a client that may never read them. */
static void no_more_is_begun_than_large_replies_have_room(void **state)
{
    enum { VALUE = 1 << 20, ROOM = 4 << 20, AT_FIRST = 8, ASKED = 64 };
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer value = {0};
    memset(buffer_reserve(&value, VALUE), 'x', VALUE);
    value.length = VALUE;
    struct slice words[] = {slice_text("SET"), slice_text("large"), buffer_slice(&value)};
    client_words(client, 3, words);
    assert_replies(client, "+OK\r\n");
    struct client *reader = harness_client(harness);
    harness->manual = true;
    for (unsigned i = 0; i < ASKED; i++)
        client_raw(reader, "GET large\r\n");
    assert_int_equal(harness->pending_count, AT_FIRST);
    assert_true(reader->paused);
    unsigned answered = 0;
    for (; harness_answer(harness); answered++)
        if (answered >= AT_FIRST)
            assert_in_range(harness->pending_count, 0, ROOM / VALUE);
    assert_int_equal(answered, ASKED);
    assert_true(reader->replies.length > (size_t)ASKED * VALUE);
    assert_false(reader->paused);
    buffer_deinit(&value);
}

/* A client that has had large replies is not slow for ever. */
static void small_replies_make_room_again(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    for (unsigned i = 0; i < 64; i++)
        assert_reply(client, "GET absent", "$-1\r\n");
    harness->manual = true;
    for (unsigned i = 0; i < harness->settings.pipeline_max + 1; i++)
        client_raw(client, "GET absent\r\n");
    assert_int_equal(harness->pending_count, harness->settings.pipeline_max);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replies_stand_in_the_order_of_requests),
        TEST(replies_leave_as_soon_as_those_before_are_out),
        TEST(writers_of_a_key_wait_for_each_other),
        TEST(readers_of_a_key_overlap),
        TEST(a_waiting_call_holds_only_what_conflicts),
        TEST(commands_of_several_keys_conflict_on_each),
        TEST(what_sees_all_keys_waits_for_writers),
        TEST(select_holds_what_comes_after),
        TEST(order_of_a_key_holds_across_select),
        TEST(many_keys_run_alone),
        TEST(a_command_has_a_bounded_number_of_requests_under_way),
        TEST(the_client_is_paused_at_the_bound_and_resumed),
        TEST(bytes_of_requests_are_bounded_too),
        TEST(requests_may_come_in_any_pieces),
        TEST(quit_answers_everything_before_and_nothing_after),
        TEST(protocol_errors_close_after_the_replies),
        TEST(empty_lines_are_skipped),
        TEST(reset_puts_the_connection_back),
        TEST(client_reply_leaves_replies_out),
        TEST(skipping_a_reply_keeps_the_order_in_a_pipeline),
        TEST(a_session_may_end_with_requests_under_way),
        TEST(pipelines_answer_as_single_requests_do),
        TEST(waiting_in_the_queue_costs_no_time_of_the_request),
        TEST(each_request_gets_exactly_one_reply),
        TEST(no_more_is_begun_than_large_replies_have_room),
        TEST(small_replies_make_room_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
