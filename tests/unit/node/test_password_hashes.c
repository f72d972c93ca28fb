/*
 * test_password_hashes.c - slow hashes between sessions and the host: bounded, and none is lost.
 */
#include "loop_host.h"

#include <string.h>

#include "wire/password_job.h"

enum { FIRST = 100 };

static void say(struct loop_host *host, connection_id id, const char *text)
{
    loop_host_step(
        host,
        (struct event){.kind = EVENT_CLIENT_BYTES, .connection = id, .bytes = slice_text(text)});
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
        say(&host, FIRST + i, "AUTH nobody pw\r\n");
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
        say(&host, FIRST + i, "AUTH nobody pw\r\n");
        tickets[i] = job_begun(&host);
        assert_true(tickets[i] != 0);
    }
    open_client(&host, 99);
    say(&host, 99, "AUTH nobody pw\r\n");
    assert_int_equal(job_begun(&host), 0);
    assert_int_equal(replies(&host, "-OVERLOADED"), 1);
    /* Who goes does not free the host. */
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = FIRST});
    say(&host, 99, "AUTH nobody pw\r\n");
    assert_int_equal(replies(&host, "-OVERLOADED"), 1);
    finish(&host, tickets, 1);
    assert_int_equal(replies(&host, ""), 0);
    say(&host, 99, "AUTH nobody pw\r\n");
    uint64_t ticket = job_begun(&host);
    assert_true(ticket != 0);
    finish(&host, &ticket, 1);
    assert_int_equal(replies(&host, "-WRONGPASS"), 1);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_finds_who_waits),
        cmocka_unit_test(no_more_than_a_bound_are_at_the_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
