#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "node/request_times.h"

static struct request_class class_of(struct key_request request)
{
    struct ring *ring = fixture_small_ring();
    ring->keyspaces[0].read_level = LEVEL_LOCAL_ONE;
    struct request_class class = request_class_of(&request, ring);
    ring_free(ring);
    return class;
}

static void assert_class(struct key_request request, enum request_op op, unsigned level)
{
    struct request_class class = class_of(request);
    assert_int_equal(class.op, op);
    assert_int_equal(class.level, level);
}

/* A class says what was asked for: a count overrides a level, a level the keyspace's. */
static void a_class_is_what_the_request_goes_by(void **state)
{
    (void)state;
    assert_class((struct key_request){.kind = KEY_READ}, REQUEST_OP_READ, LEVEL_LOCAL_ONE);
    assert_class((struct key_request){.kind = KEY_WRITE}, REQUEST_OP_WRITE, LEVEL_QUORUM);
    assert_class((struct key_request){.kind = KEY_READ, .options = {.level = LEVEL_ALL}},
                 REQUEST_OP_READ, LEVEL_ALL);
    assert_class((struct key_request){.kind = KEY_READ, .options = {.level = LEVEL_ALL, .r = 1}},
                 REQUEST_OP_READ, REQUEST_LEVEL_COUNTED);
    assert_class((struct key_request){.kind = KEY_WRITE, .options = {.level = LEVEL_ONE, .r = 1}},
                 REQUEST_OP_WRITE, LEVEL_ONE);
    assert_class((struct key_request){.kind = KEY_ELEMENTS_WALK}, REQUEST_OP_SCAN, LEVEL_LOCAL_ONE);
    assert_class((struct key_request){.kind = KEY_COVERAGE}, REQUEST_OP_CHECK, LEVEL_LOCAL_ONE);
}

/* A level that another version of this program has sent is not known here. */
static void an_unknown_level_counts_as_the_usual_one(void **state)
{
    (void)state;
    assert_class((struct key_request){.kind = KEY_READ, .options = {.level = LEVEL_COUNT}},
                 REQUEST_OP_READ, LEVEL_QUORUM);
}

static void an_answer_counts_with_its_time_and_a_refusal_without(void **state)
{
    struct request_times times = {0};
    struct request_class class = {.op = REQUEST_OP_WRITE, .level = LEVEL_ONE};
    (void)state;
    request_times_answered(&times, class, STATUS_OK, 100);
    request_times_answered(&times, class, STATUS_UNCERTAIN, 5000);
    request_times_refused(&times, class, STATUS_OVERLOADED);
    request_times_refused(&times, class, STATUS_NO_SPACE);
    const struct request_class_counts *counts = times.classes[REQUEST_OP_WRITE][LEVEL_ONE];
    assert_int_equal(counts->outcomes[REQUEST_DONE], 1);
    assert_int_equal(counts->outcomes[REQUEST_UNCERTAIN], 1);
    assert_int_equal(counts->outcomes[REQUEST_OVERLOADED], 2);
    assert_int_equal(counts->times.count, 2);
    assert_int_equal(counts->times.sum, 5100);
    assert_null(times.classes[REQUEST_OP_READ][LEVEL_ONE]);
    request_times_deinit(&times);
    assert_null(times.classes[REQUEST_OP_WRITE][LEVEL_ONE]);
}

/* Whatever may have been written must never be counted with what was not. */
static void only_what_may_apply_is_uncertain(void **state)
{
    struct request_times times = {0};
    struct request_class class = {.op = REQUEST_OP_WRITE, .level = LEVEL_ONE};
    (void)state;
    for (unsigned status = 0; status < STATUS_COUNT; status++)
        request_times_refused(&times, class, (enum status)status);
    const struct request_class_counts *counts = times.classes[REQUEST_OP_WRITE][LEVEL_ONE];
    assert_int_equal(counts->outcomes[REQUEST_UNCERTAIN], 3);
    uint64_t sum = 0;
    for (unsigned i = 0; i < REQUEST_OUTCOME_COUNT; i++) {
        assert_true(counts->outcomes[i] > 0);
        sum += counts->outcomes[i];
    }
    assert_int_equal(sum, STATUS_COUNT);
    request_times_deinit(&times);
}

/* A label that is missing or the same twice would spoil a page. */
static void all_names_differ(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REQUEST_LEVELS; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(request_level_name(i), request_level_name(j));
    for (unsigned i = 0; i < REQUEST_OUTCOME_COUNT; i++)
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(request_outcome_name((enum request_outcome)i),
                                    request_outcome_name((enum request_outcome)j));
    for (unsigned i = 0; i < REQUEST_OP_COUNT; i++)
        assert_true(request_op_name((enum request_op)i)[0] != '\0');
    for (unsigned i = 0; i < REQUEST_STAGE_COUNT; i++)
        assert_true(request_stage_name((enum request_stage)i)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_is_what_the_request_goes_by),
        cmocka_unit_test(an_unknown_level_counts_as_the_usual_one),
        cmocka_unit_test(an_answer_counts_with_its_time_and_a_refusal_without),
        cmocka_unit_test(only_what_may_apply_is_uncertain),
        cmocka_unit_test(all_names_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
