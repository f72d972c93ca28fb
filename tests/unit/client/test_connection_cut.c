/*
 * test_connection_cut.c - the connection ends at every byte, in both directions.
 *
 * Whatever the client says must be true of what the server applied:
 *     OK         the write was applied, once
 *     FAILED     it was not
 *     UNCERTAIN  it was, or was not, and at most once
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/fake_server.h"
#include "client/ringdb.h"

enum { BYTES_MAX = 400 };

struct answer {
    enum ringdb_outcome outcome;
    bool is_error;
    unsigned *open;
};

static void take(void *context, struct ringdb_result *result)
{
    struct answer *answer = context;
    answer->outcome = result->outcome;
    answer->is_error = result->outcome == RINGDB_OK && result->reply->type == RINGDB_ERROR;
    --*answer->open;
}

static struct ringdb *make(const struct fake_server *server, bool direct)
{
    struct ringdb *client = NULL;
    char message[RINGDB_MESSAGE_MAX];
    assert_int_equal(
        ringdb_new(&(struct ringdb_options){.hosts = server->address, .direct = direct, .seed = 3},
                   &client, message),
        RINGDB_ERROR_NONE);
    return client;
}

static void submit(struct ringdb *client, struct answer *answer, const char *id,
                   const char *command, const char *key, const char *value)
{
    struct ringdb_bytes words[] = {ringdb_text(command), ringdb_text(key), ringdb_text(value)};
    struct ringdb_call call = {.arguments = words,
                               .argument_count = value == NULL ? 2 : 3,
                               .request_id = ringdb_text(id),
                               .done = take,
                               .done_context = answer};
    assert_int_equal(ringdb_submit(client, &call, 1000000, NULL), RINGDB_ERROR_NONE);
    ++*answer->open;
}

/* Three pipelined calls while the connection is cut once; how often the write was in doubt. */
static unsigned cut_once(size_t received, size_t sent, size_t piece, const char *id)
{
    struct fake_server server;
    unsigned open = 0;
    uint64_t now_us = 1000000;
    struct answer first = {.open = &open}, second = {.open = &open}, read = {.open = &open};
    fake_server_start(&server);
    struct ringdb *client = make(&server, false);
    server.close_received = received;
    server.close_sent = sent;
    server.piece = piece;
    submit(client, &first, id, "SET", "a", "1");
    submit(client, &read, NULL, "GET", "a", NULL);
    submit(client, &second, NULL, "SET", "b", "2");
    fake_run(client, &server, 1, &open, &now_us, 1000);
    const struct answer *writes[] = {&first, &second};
    const char *const keys[] = {"a", "b"};
    unsigned uncertain = 0;
    for (int i = 0; i < 2; i++) {
        unsigned applied = fake_server_applied(&server, keys[i]);
        assert_true(applied <= 1);
        if (writes[i]->outcome == RINGDB_OK)
            assert_int_equal(applied, 1);
        if (writes[i]->outcome == RINGDB_FAILED)
            assert_int_equal(applied, 0);
        uncertain += writes[i]->outcome == RINGDB_UNCERTAIN;
    }
    if (id != NULL)
        assert_int_equal(first.outcome, RINGDB_OK);
    assert_int_equal(read.outcome, RINGDB_OK);
    assert_false(read.is_error);
    ringdb_free(client);
    fake_server_deinit(&server);
    return uncertain;
}

static void the_truth_is_told_wherever_the_server_stops_reading(void **state)
{
    unsigned uncertain = 0;
    (void)state;
    for (size_t cut = 1; cut < BYTES_MAX; cut++)
        uncertain += cut_once(cut, SIZE_MAX, 0, NULL);
    assert_true(uncertain > 10); /* else the cuts have missed the writes */
}

static void the_truth_is_told_wherever_the_answer_ends(void **state)
{
    unsigned uncertain = 0;
    (void)state;
    for (size_t cut = 1; cut < 80; cut++)
        uncertain += cut_once(SIZE_MAX, cut, 1 + cut % 3, NULL);
    assert_true(uncertain > 10);
}

static void a_write_with_an_id_comes_through_every_cut_once(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < BYTES_MAX; cut++)
        (void)cut_once(cut, SIZE_MAX, 0, "id");
    for (size_t cut = 1; cut < 80; cut++)
        (void)cut_once(SIZE_MAX, cut, 2, "id");
}

/*
 * Garbage in the place of a reply ends the connection, and no call gets a reply that is not its
 * own.
 */
static void an_answer_that_nobody_asked_for_ends_the_connection(void **state)
{
    struct fake_server server;
    unsigned open = 0;
    uint64_t now_us = 1000000;
    struct answer answer = {.open = &open};
    struct ringdb_state known;
    (void)state;
    fake_server_start(&server);
    struct ringdb *client = make(&server, true);
    submit(client, &answer, NULL, "GET", "a", NULL);
    fake_run(client, &server, 1, &open, &now_us, 1000);
    buffer_printf(&server.peers[0].out, "+OK\r\n");
    for (int i = 0; i < 1000; i++) {
        fake_server_step(&server);
        if (ringdb_wait_count(client) > 0)
            ringdb_ready(client, ringdb_wait_at(client, 0).fd, RINGDB_WAIT_READ, now_us);
    }
    ringdb_state(client, &known);
    assert_int_equal(known.connections_lost, 1);
    submit(client, &answer, NULL, "GET", "a", NULL);
    fake_run(client, &server, 1, &open, &now_us, 1000);
    assert_int_equal(answer.outcome, RINGDB_OK);
    ringdb_free(client);
    fake_server_deinit(&server);
}

int main(void)
{
    alarm(240);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_truth_is_told_wherever_the_server_stops_reading),
        cmocka_unit_test(the_truth_is_told_wherever_the_answer_ends),
        cmocka_unit_test(a_write_with_an_id_comes_through_every_cut_once),
        cmocka_unit_test(an_answer_that_nobody_asked_for_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
