#include "measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct measure measure;

static void seconds_add_up_and_the_worst_is_found(void **state)
{
    static const unsigned counts[] = {5, 2, 0, 7};
    (void)state;
    measure_init(&measure, 4, 1000);
    for (int s = 0; s < 4; s++) {
        for (unsigned i = 0; i < counts[s]; i++)
            measure_ok(&measure, OPERATION_READ, 100 * (i + 1));
        measure_error(&measure, "timeout", false);
        const struct second *second = measure_second(&measure);
        assert_int_equal(second->operations, counts[s]);
        assert_int_equal(second->errors, 1);
        assert_int_equal(second->max_ns, 100 * counts[s]);
    }
    assert_null(measure_second(&measure)); /* as many as asked for */
    assert_int_equal(measure_worst_second(&measure), 2);
    assert_int_equal(measure_operations(&measure), 14);
    measure_deinit(&measure);
}

static void errors_are_counted_by_their_first_word(void **state)
{
    (void)state;
    measure_init(&measure, 1, 0);
    measure_error(&measure, "UNCERTAIN w=1/2 sent", true);
    measure_error(&measure, "UNCERTAIN w=0/2 sent", true);
    measure_error(&measure, "NOREPLICAS no", false);
    assert_int_equal(measure.class_count, 2);
    assert_string_equal(measure.classes[0].name, "UNCERTAIN");
    assert_int_equal(measure.classes[0].uncertain, 2);
    assert_int_equal(measure.classes[0].failed, 0);
    assert_int_equal(measure_errors(&measure, true), 2);
    assert_int_equal(measure_errors(&measure, false), 3);
    measure_deinit(&measure);
}

static void more_kinds_of_errors_than_there_is_room_for_share_the_last(void **state)
{
    (void)state;
    measure_init(&measure, 1, 0);
    for (int i = 0; i < 3 * ERROR_CLASSES_MAX; i++) {
        char name[64];
        snprintf(name, sizeof name, "E%d-and-a-very-long-name-that-does-not-fit-in-there", i);
        measure_error(&measure, name, false);
    }
    assert_int_equal(measure.class_count, ERROR_CLASSES_MAX);
    assert_string_equal(measure.classes[ERROR_CLASSES_MAX - 1].name, "others");
    assert_int_equal(measure_errors(&measure, false), 3 * ERROR_CLASSES_MAX);
    measure_deinit(&measure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_add_up_and_the_worst_is_found),
        cmocka_unit_test(errors_are_counted_by_their_first_word),
        cmocka_unit_test(more_kinds_of_errors_than_there_is_room_for_share_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
