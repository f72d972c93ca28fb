/* Plans as tasks: how long they are kept, and their bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "membership/plan_tasks.h"

static void begin(struct plan_tasks *tasks, uint64_t id, uint64_t now_ms)
{
    plan_tasks_begin(tasks, &(struct plan_task){.id = id,
                                                .state = PLAN_TASK_RUNNING,
                                                .node = 3,
                                                .user = "otto",
                                                .started_ms = now_ms,
                                                .partitions = 9,
                                                .joins = 1});
}

static void the_task_under_way_is_the_last(void **state)
{
    struct plan_tasks tasks = {0};
    (void)state;
    assert_null(plan_tasks_running(&tasks));
    begin(&tasks, 1, 10);
    assert_int_equal(plan_tasks_running(&tasks)->id, 1);
    plan_tasks_end(&tasks, 20);
    assert_null(plan_tasks_running(&tasks));
    begin(&tasks, 2, 30);
    plan_tasks_running(&tasks)->state = PLAN_TASK_ABORTING;
    plan_tasks_end(&tasks, 40);
    assert_int_equal(plan_tasks_find(&tasks, 1)->state, PLAN_TASK_FINISHED);
    assert_int_equal(plan_tasks_find(&tasks, 2)->state, PLAN_TASK_ABORTED);
    assert_null(plan_tasks_find(&tasks, 3));
}

static void one_that_is_over_is_kept_for_seven_days(void **state)
{
    struct plan_tasks tasks = {0};
    (void)state;
    begin(&tasks, 1, 10);
    plan_tasks_end(&tasks, 1000);
    begin(&tasks, 2, 1000 + PLAN_TASK_KEPT_MS);
    assert_int_equal(tasks.count, 2);
    plan_tasks_end(&tasks, 1001 + PLAN_TASK_KEPT_MS);
    assert_int_equal(tasks.count, 1);
    assert_int_equal(tasks.items[0].id, 2);
    begin(&tasks, 3, 5); /* a clock that went back */
    assert_int_equal(tasks.count, 2);
    plan_tasks_end(&tasks, 0);
    assert_int_equal(tasks.items[1].ended_ms, 5);
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
    struct plan_tasks tasks = {0};
    (void)state;
    for (uint64_t id = 1; id <= PLAN_TASKS_MAX + 3; id++) {
        begin(&tasks, id, id);
        plan_tasks_end(&tasks, id);
    }
    assert_int_equal(tasks.count, PLAN_TASKS_MAX);
    assert_int_equal(tasks.items[0].id, 4);
}

static void the_same_plan_again_is_one_task(void **state)
{
    struct plan_tasks tasks = {0};
    (void)state;
    begin(&tasks, 1, 10);
    plan_tasks_end(&tasks, 20);
    begin(&tasks, 2, 30);
    plan_tasks_end(&tasks, 40);
    begin(&tasks, 1, 50);
    assert_int_equal(tasks.count, 2);
    assert_int_equal(tasks.items[1].id, 1);
    assert_int_equal(tasks.items[1].started_ms, 50);
}

static void bytes_come_back_or_are_refused(void **state)
{
    struct plan_tasks tasks = {0}, read;
    struct buffer bytes = {0}, again = {0};
    unsigned refused = 0;
    (void)state;
    plan_tasks_encode(&tasks, &bytes);
    assert_int_equal(bytes.length, 0);
    assert_int_equal(plan_tasks_decode(buffer_slice(&bytes), &read), STATUS_CORRUPT);
    begin(&tasks, 1, 10);
    plan_tasks_end(&tasks, 20);
    begin(&tasks, 2, 30);
    plan_tasks_encode(&tasks, &bytes);
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct buffer damaged = {0};
            buffer_append_slice(&damaged, buffer_slice(&bytes));
            damaged.data[at] = (uint8_t)byte;
            if (plan_tasks_decode(buffer_slice(&damaged), &read) == STATUS_OK) {
                buffer_clear(&again);
                plan_tasks_encode(&read, &again);
                assert_true(slice_equal(buffer_slice(&damaged), buffer_slice(&again)));
            } else {
                refused++;
                assert_int_equal(read.count, 0);
            }
            buffer_deinit(&damaged);
        }
    }
    assert_true(refused > 500);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_task_under_way_is_the_last),
        cmocka_unit_test(one_that_is_over_is_kept_for_seven_days),
        cmocka_unit_test(the_oldest_go_when_there_are_too_many),
        cmocka_unit_test(the_same_plan_again_is_one_task),
        cmocka_unit_test(bytes_come_back_or_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
