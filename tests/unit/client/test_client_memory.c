/*
 * test_client_memory.c - every allocation of a client fails once, and then all from there on.
 *
 * The client must go on, tell the truth about each call, and leave nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/fake_server.h"
#include "client/ringdb.h"

struct heap {
    size_t allocations, fails_at;
    bool stays; /* all later ones fail too, but those that give memory back */
    long blocks;
};

static void *resize(void *context, void *old, size_t bytes)
{
    struct heap *heap = context;
    if (bytes == 0) {
        heap->blocks -= old != NULL;
        free(old);
        return NULL;
    }
    size_t number = heap->allocations++;
    if (number == heap->fails_at || (heap->stays && number > heap->fails_at))
        return NULL;
    heap->blocks += old == NULL;
    return realloc(old, bytes);
}

struct answer {
    enum ringdb_outcome outcome;
    enum ringdb_error error;
    unsigned *open;
};

static void take(void *context, struct ringdb_result *result)
{
    struct answer *answer = context;
    answer->outcome = result->outcome;
    answer->error = result->error;
    --*answer->open;
}

static void submit(struct ringdb *client, struct answer *answer, uint64_t now_us,
                   const char *command, const char *value)
{
    struct ringdb_bytes words[] = {ringdb_text(command), ringdb_text("a"), ringdb_text(value)};
    struct ringdb_call call = {.arguments = words,
                               .argument_count = value == NULL ? 2 : 3,
                               .timeout_ms = 400,
                               .done = take,
                               .done_context = answer};
    answer->error = ringdb_submit(client, &call, now_us, NULL);
    answer->outcome = RINGDB_FAILED;
    *answer->open += answer->error == RINGDB_ERROR_NONE;
}

/* One life of a client; whether the failure was reached. */
static bool live(size_t fails_at, bool stays)
{
    struct heap heap = {.fails_at = fails_at, .stays = stays};
    struct fake_server server;
    char message[RINGDB_MESSAGE_MAX], slots[1024];
    struct ringdb *client = NULL;
    unsigned open = 0;
    uint64_t now_us = 1000000;
    struct answer write = {.open = &open}, read = {.open = &open};
    fake_server_start(&server);
    server.slots = fake_slots(slots, sizeof slots, &server, &server);
    struct ringdb_options options = {.hosts = server.address,
                                     .seed = 1,
                                     .region = "eu",
                                     .user = "default",
                                     .password = "secret",
                                     .resize = resize,
                                     .resize_context = &heap};
    enum ringdb_error error = ringdb_new(&options, &client, message);
    if (error == RINGDB_ERROR_NONE) {
        submit(client, &write, now_us, "SET", "1");
        fake_run(client, &server, 1, &open, &now_us, 1000);
        unsigned applied = fake_server_applied(&server, "a");
        assert_true(applied <= 1);
        if (write.outcome == RINGDB_OK)
            assert_int_equal(applied, 1);
        if (write.outcome == RINGDB_FAILED)
            assert_int_equal(applied, 0);
        submit(client, &read, now_us, "GET", NULL);
        fake_run(client, &server, 1, &open, &now_us, 1000);
        if (!stays && fails_at < 4)
            assert_int_equal(read.outcome, RINGDB_OK);
        assert_int_not_equal(read.outcome, RINGDB_UNCERTAIN);
    } else {
        assert_int_equal(error, RINGDB_ERROR_MEMORY);
    }
    ringdb_free(client);
    fake_server_deinit(&server);
    assert_int_equal(heap.blocks, 0);
    return heap.allocations > fails_at;
}

static void one_failure_is_an_error_of_a_call_at_most(void **state)
{
    size_t count = 0;
    (void)state;
    while (live(count, false))
        count++;
    assert_true(count > 15);
}

static void no_memory_at_all_from_some_point_on(void **state)
{
    size_t count = 0;
    (void)state;
    while (live(count, true))
        count++;
    assert_true(count > 15);
}

int main(void)
{
    alarm(240);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failure_is_an_error_of_a_call_at_most),
        cmocka_unit_test(no_memory_at_all_from_some_point_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
