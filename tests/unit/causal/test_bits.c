/*
 * test_bits.c - bits of a string against one bool for each.
 */
#include "causal_test.h"

#include "causal/bits.h"
#include "causal/register.h"

enum { BYTES_MAX = 9 };

static void random_value(struct random *random, struct buffer *value)
{
    buffer_clear(value);
    for (uint64_t i = 1 + random_below(random, BYTES_MAX); i > 0; i--)
        buffer_put_u8(value, random_chance(random, 1, 3)   ? 0xff
                             : random_chance(random, 1, 2) ? 0
                                                           : (uint8_t)random_u64(random));
}

static void counts_and_finds_as_bit_by_bit(void **state)
{
    struct random random = random_make(5);
    struct buffer value = {0};
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        random_value(&random, &value);
        uint64_t bits = value.length * 8;
        uint64_t first = random_below(&random, bits), last = first;
        last += random_below(&random, bits - first);
        bool wanted = random_chance(&random, 1, 2);
        uint64_t count = 0;
        int64_t found = -1;
        for (uint64_t i = first; i <= last; i++) {
            bool bit = (value.data[i / 8] & 0x80 >> i % 8) != 0;
            assert_int_equal(bits_get(buffer_slice(&value), i), bit);
            count += bit;
            if (bit == wanted && found < 0)
                found = (int64_t)i;
        }
        assert_int_equal(bits_count(buffer_slice(&value), first, last), count);
        assert_int_equal(bits_find(buffer_slice(&value), wanted, first, last), found);
    }
    assert_false(bits_get(buffer_slice(&value), UINT64_MAX));
    buffer_deinit(&value);
}

static struct bit_result run_one(struct buffer *value, struct bit_step step)
{
    struct buffer program = {0}, results = {0};
    struct bit_result result;
    bit_step_encode(&step, &program);
    assert_int_equal(bits_run(buffer_slice(&program), 100, value, &results), STATUS_OK);
    struct reader reader = reader_make(buffer_slice(&results));
    bit_result_decode(&reader, &result);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    buffer_deinit(&program);
    buffer_deinit(&results);
    return result;
}

/* Whatever the width and the place, and the bits beside it stay. */
static void a_field_gives_back_what_was_written(void **state)
{
    struct random random = random_make(6);
    struct buffer value = {0}, before = {0};
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct bit_step step = {.operation = BIT_SET, .is_signed = random_chance(&random, 1, 2)};
        step.width = (uint8_t)(1 + random_below(&random, 63 + step.is_signed));
        step.offset = random_below(&random, 100);
        step.number = (int64_t)random_u64(&random);
        random_value(&random, &value);
        buffer_clear(&before);
        buffer_append_slice(&before, buffer_slice(&value));
        run_one(&value, step);
        for (uint64_t i = 0; i < value.length * 8; i++)
            if (i < step.offset || i >= step.offset + step.width)
                assert_int_equal(bits_get(buffer_slice(&value), i),
                                 bits_get(buffer_slice(&before), i));
        for (unsigned i = 0; i < step.width; i++)
            assert_int_equal(bits_get(buffer_slice(&value), step.offset + step.width - 1 - i),
                             (uint64_t)step.number >> i & 1);
        step.operation = BIT_GET;
        int64_t read = run_one(&value, step).number;
        unsigned unused = 64u - step.width;
        assert_true((uint64_t)read << unused == (uint64_t)step.number << unused);
        assert_true(step.is_signed || read >= 0);
    }
    buffer_deinit(&value);
    buffer_deinit(&before);
}

static void a_program_that_does_not_decode_or_fit_changes_nothing(void **state)
{
    struct buffer value = {0}, program = {0}, results = {0};
    struct bit_step far = {.operation = BIT_SET, .width = 8, .offset = 800};
    (void)state;
    bit_step_encode(&far, &program);
    assert_int_equal(bits_run(buffer_slice(&program), 100, &value, &results), STATUS_TOO_LARGE);
    for (size_t length = 1; length < program.length; length++)
        assert_int_equal(bits_run(slice_make(program.data, length), 1000, &value, &results),
                         STATUS_INVALID);
    program.data[3] = 64; /* the width of an unsigned one */
    assert_int_equal(bits_run(buffer_slice(&program), 1000, &value, &results), STATUS_INVALID);
    assert_int_equal(value.length, 0);
    assert_int_equal(results.length, 0);
    buffer_deinit(&value);
    buffer_deinit(&program);
    buffer_deinit(&results);
}

/* The results stand behind the value in one buffer, which may move while it grows. */
static void a_mutation_gives_the_value_and_the_results(void **state)
{
    struct buffer built = {0}, program = {0};
    struct register_effect effect;
    struct sibling seen = {.kind = SIBLING_STRING, .value = slice_text("a"), .expire_at_ms = 5000};
    struct bit_step steps[] = {{.operation = BIT_SET, .width = 8, .offset = 8, .number = 'b'},
                               {.operation = BIT_GET, .width = 8, .offset = 0}};
    (void)state;
    for (unsigned i = 0; i < 2; i++)
        bit_step_encode(&steps[i], &program);
    struct mutation mutation = {.operation = REGISTER_BIT_FIELD, .value = buffer_slice(&program)};
    assert_true(mutation_reads(&mutation));
    assert_int_equal(register_mutate(&mutation, &seen, 0, 100, &built, &effect), STATUS_OK);
    assert_true(effect.write && effect.replaces && effect.has_old);
    assert_true(slice_equal(effect.value, slice_text("ab")));
    assert_int_equal(effect.expire_at_ms, 5000);
    struct reader reader = reader_make(effect.old);
    struct bit_result result;
    bit_result_decode(&reader, &result);
    assert_int_equal(result.number, 0);
    bit_result_decode(&reader, &result);
    assert_int_equal(result.number, 'a');
    struct mutation one = {.operation = REGISTER_SET_BIT, .offset = 6, .value = slice_text("0")};
    assert_int_equal(register_mutate(&one, &seen, 0, 100, &built, &effect), STATUS_OK);
    assert_int_equal(effect.number, 0);
    one.offset = 800;
    assert_int_equal(register_mutate(&one, &seen, 0, 100, &built, &effect), STATUS_TOO_LARGE);
    one.value = slice_text("");
    assert_int_equal(register_mutate(&one, &seen, 0, 100, &built, &effect), STATUS_INVALID);
    buffer_deinit(&built);
    buffer_deinit(&program);
}

static void a_result_that_neither_failed_nor_did_not_is_refused(void **state)
{
    struct buffer bytes = {0};
    struct bit_result result = {.failed = true, .number = 7};
    (void)state;
    bit_result_encode(&result, &bytes);
    for (uint8_t failed = 0; failed < 3; failed++) {
        bytes.data[0] = failed;
        struct reader reader = reader_make(buffer_slice(&bytes));
        bit_result_decode(&reader, &result);
        assert_int_equal(reader_end(&reader), failed < 2 ? STATUS_OK : STATUS_CORRUPT);
    }
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_finds_as_bit_by_bit),
        cmocka_unit_test(a_field_gives_back_what_was_written),
        cmocka_unit_test(a_program_that_does_not_decode_or_fit_changes_nothing),
        cmocka_unit_test(a_mutation_gives_the_value_and_the_results),
        cmocka_unit_test(a_result_that_neither_failed_nor_did_not_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
