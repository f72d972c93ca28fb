/* test_score.c - scores as text and as numbers in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/random.h"
#include "causal/score.h"

static void assert_text(const char *text, const char *wanted)
{
    struct buffer out = {0};
    double score;
    assert_true(score_parse(slice_text(text), &score));
    score_format(score, &out);
    assert_true(slice_equal(buffer_slice(&out), slice_text(wanted)));
    buffer_deinit(&out);
}

static void texts_are_those_of_redis(void **state)
{
    (void)state;
    assert_text("1", "1");
    assert_text("1.0", "1");
    assert_text("-0", "0");
    assert_text("0.1", "0.10000000000000001");
    assert_text("1e20", "1e+20");
    assert_text("12345678901234567", "12345678901234568");
    assert_text("+inf", "inf");
    assert_text("-Infinity", "-inf");
    assert_text("0x10", "16");
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const texts[] = {"", "x", "1x", " 1", "nan", "1e999", "1e-999", "1 "};
    double score;
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_false(score_parse(slice_text(texts[i]), &score));
    assert_false(score_parse(slice_make((const uint8_t *)"1\0", 2), &score));
}

static double draw(struct random *random)
{
    static const double some[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, 1e308, -1e308, 5e-324};
    if (random_chance(random, 1, 3))
        return some[random_below(random, sizeof some / sizeof some[0])];
    return ((double)random_below(random, 2000) - 1000) / 8;
}

static void numbers_stand_in_the_order_of_scores(void **state)
{
    struct random random = random_make(1);
    (void)state;
    for (int i = 0; i < 100000; i++) {
        double a = draw(&random), b = draw(&random);
        assert_int_equal(a < b, score_to_order(a) < score_to_order(b));
        assert_int_equal(a == b, score_to_order(a) == score_to_order(b));
        assert_true(score_of_order(score_to_order(a)) == a);
    }
}

/* The text of a score gives the number back, so what is stored is what was set. */
static void a_score_survives_its_text(void **state)
{
    struct random random = random_make(2);
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t order = random_u64(&random);
        double score = score_of_order(order);
        struct buffer text = {0};
        if (isnan(score) || fpclassify(score) == FP_SUBNORMAL)
            continue;
        score_format(score, &text);
        assert_true(score_of_value(buffer_slice(&text)) == score);
        buffer_deinit(&text);
    }
    assert_true(score_of_value(slice_text("no number")) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_redis),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(numbers_stand_in_the_order_of_scores),
        cmocka_unit_test(a_score_survives_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
