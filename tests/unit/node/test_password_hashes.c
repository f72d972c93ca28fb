/*
 * test_password_hashes.c - slow hashes between sessions and the host: bounded, and none is lost.
 */
#include "loop_host.h"

#include <stdio.h>
#include <string.h>

#include "wire/password_job.h"

enum { FIRST = 100 };

static void say(struct loop_host *host, connection_id id, const char *text)
{
    loop_host_step(
        host,
        (struct event){.kind = EVENT_CLIENT_BYTES, .connection = id, .bytes = slice_text(text)});
}

/* With a password of its own. */
static void log_in(struct loop_host *host, connection_id id, unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, "AUTH nobody pw%u\r\n", number);
    say(host, id, text);
}

static void open_client(struct loop_host *host, connection_id id)
{
    loop_host_step(host, (struct event){.kind = EVENT_CLIENT_OPEN,
                                        .connection = id,
                                        .bytes = slice_text("127.0.0.1:2")});
}

/* The ticket of the job that the last step has begun; 0: none. */
static uint64_t job_begun(const struct loop_host *host)
{
    for (size_t i = 0; i < host->effects.count; i++) {
        struct password_job job;
        if (host->effects.items[i].kind != EFFECT_PASSWORD_HASH)
            continue;
        assert_int_equal(
            password_job_decode(effect_bytes(&host->effects, &host->effects.items[i]), &job),
            STATUS_OK);
        return job.ticket;
    }
    return 0;
}

/* The host is done with some. */
static void finish(struct loop_host *host, const uint64_t *tickets, size_t count)
{
    struct buffer bytes = {0};
    for (size_t i = 0; i < count; i++)
        password_result_encode(&(struct password_result){.ticket = tickets[i]}, &bytes);
    loop_host_step(host,
                   (struct event){.kind = EVENT_PASSWORD_HASHED, .bytes = buffer_slice(&bytes)});
    buffer_deinit(&bytes);
}

static size_t replies(const struct loop_host *host, const char *start)
{
    size_t count = 0;
    for (size_t i = 0; i < host->effects.count; i++) {
        struct slice text = effect_bytes(&host->effects, &host->effects.items[i]);
        if (host->effects.items[i].kind == EFFECT_CLIENT_SEND && text.length >= strlen(start) &&
            memcmp(text.data, start, strlen(start)) == 0)
            count++;
    }
    return count;
}

static void a_result_finds_who_waits(void **state)
{
    struct loop_host host;
    uint64_t tickets[2];
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    for (unsigned i = 0; i < 2; i++) {
        open_client(&host, FIRST + i);
        log_in(&host, FIRST + i, i);
        tickets[i] = job_begun(&host);
        assert_true(tickets[i] != 0);
        assert_int_equal(replies(&host, ""), 0);
    }
    finish(&host, (uint64_t[]){tickets[1], tickets[0]}, 2);
    assert_int_equal(replies(&host, "-WRONGPASS"), 2);
    finish(&host, tickets, 2); /* twice is nothing */
    assert_int_equal(host.effects.count, 0);
    loop_host_deinit(&host);
}

static void no_more_than_a_bound_are_at_the_host(void **state)
{
    struct loop_host host;
    uint64_t tickets[PASSWORD_JOBS_MAX];
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    for (unsigned i = 0; i < PASSWORD_JOBS_MAX; i++) {
        open_client(&host, FIRST + i);
        log_in(&host, FIRST + i, i);
        tickets[i] = job_begun(&host);
        assert_true(tickets[i] != 0);
    }
    open_client(&host, 99);
    log_in(&host, 99, 99);
    assert_int_equal(job_begun(&host), 0);
    assert_int_equal(replies(&host, "-OVERLOADED"), 1);
    /* Who goes does not free the host. */
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = FIRST});
    log_in(&host, 99, 99);
    assert_int_equal(replies(&host, "-OVERLOADED"), 1);
    finish(&host, tickets, 1);
    assert_int_equal(replies(&host, ""), 0);
    log_in(&host, 99, 99);
    uint64_t ticket = job_begun(&host);
    assert_true(ticket != 0);
    finish(&host, &ticket, 1);
    assert_int_equal(replies(&host, "-WRONGPASS"), 1);
    loop_host_deinit(&host);
}

/* A pool of connections logs in at once. */
static void the_same_password_is_hashed_once(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    uint64_t ticket = 0;
    for (unsigned i = 0; i < PASSWORD_WAITERS_MAX; i++) {
        open_client(&host, FIRST + i);
        log_in(&host, FIRST + i, 0);
        if (i == 0)
            ticket = job_begun(&host);
        else
            assert_int_equal(job_begun(&host), 0);
        assert_int_equal(replies(&host, ""), 0);
    }
    open_client(&host, 99);
    log_in(&host, 99, 0);
    assert_int_equal(replies(&host, "-OVERLOADED"), 1);
    /* The first one goes, and one that waits; the others have their answer all the same. */
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = FIRST});
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = FIRST + 1});
    finish(&host, &ticket, 1);
    assert_int_equal(replies(&host, "-WRONGPASS"), PASSWORD_WAITERS_MAX - 2);
    loop_host_pass(&host, 3600000, 0); /* until so many failures are forgotten */
    log_in(&host, 99, 0);
    assert_true(job_begun(&host) != 0); /* what is over is made anew */
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_finds_who_waits),
        cmocka_unit_test(no_more_than_a_bound_are_at_the_host),
        cmocka_unit_test(the_same_password_is_hashed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
