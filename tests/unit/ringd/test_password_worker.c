/*
 * test_password_worker.c - every job has its result, and those that are left are given up at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <semaphore.h>
#include <string.h>

#include "membership/users.h"
#include "ringd/password_hash.h"
#include "ringd/password_worker.h"
#include "wire/password_job.h"

static void wake(void *context)
{
    sem_post(context);
}

static void submit(struct password_worker *worker, uint64_t ticket, uint8_t cost)
{
    struct password_job job = {.ticket = ticket, .cost = cost, .digest = {(uint8_t)ticket}};
    struct buffer bytes = {0};
    password_job_encode(&job, &bytes);
    password_worker_submit(worker, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

static void each_job_has_its_own_result(void **state)
{
    enum { COST = 4 };
    struct password_worker *worker;
    struct buffer results = {0};
    bool seen[PASSWORD_JOBS_MAX + 1] = {0};
    sem_t there;
    (void)state;
    sem_init(&there, 0, 0);
    assert_int_equal(password_worker_start(wake, &there, &worker), STATUS_OK);
    for (uint64_t i = 1; i <= PASSWORD_JOBS_MAX; i++)
        submit(worker, i, COST);
    for (unsigned i = 0; i < PASSWORD_JOBS_MAX; i++)
        sem_wait(&there);
    password_worker_take(worker, &results);
    assert_int_equal(results.length, PASSWORD_JOBS_MAX * PASSWORD_RESULT_BYTES);
    struct reader reader = reader_make(buffer_slice(&results));
    for (unsigned i = 0; i < PASSWORD_JOBS_MAX; i++) {
        struct password_result result;
        uint8_t hash[USER_HASH_BYTES], salt[USER_SALT_BYTES] = {0};
        password_result_decode(&reader, &result);
        assert_true(result.ticket >= 1 && result.ticket <= PASSWORD_JOBS_MAX);
        assert_false(seen[result.ticket]);
        seen[result.ticket] = true;
        assert_int_equal(result.status, STATUS_OK);
        assert_int_equal(password_hash_slowly((uint8_t[USER_HASH_BYTES]){(uint8_t)result.ticket},
                                              COST, salt, hash),
                         STATUS_OK);
        assert_memory_equal(hash, result.hash, sizeof hash);
    }
    assert_int_equal(reader_end(&reader), STATUS_OK);
    buffer_clear(&results);
    password_worker_take(worker, &results);
    assert_int_equal(results.length, 0);
    password_worker_stop(worker);
    buffer_deinit(&results);
    sem_destroy(&there);
}

/* Sixty-four of the default cost would take seconds. */
static void an_end_waits_for_no_more_than_one_job(void **state)
{
    struct password_worker *worker;
    struct buffer results = {0};
    sem_t there;
    int made;
    (void)state;
    sem_init(&there, 0, 0);
    assert_int_equal(password_worker_start(wake, &there, &worker), STATUS_OK);
    for (uint64_t i = 1; i <= PASSWORD_JOBS_MAX; i++)
        submit(worker, i, 10);
    sem_wait(&there);
    password_worker_stop(worker);
    sem_getvalue(&there, &made);
    assert_true(made < PASSWORD_JOBS_MAX - 1);
    password_worker_stop(NULL);
    buffer_deinit(&results);
    sem_destroy(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_job_has_its_own_result),
        cmocka_unit_test(an_end_waits_for_no_more_than_one_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
