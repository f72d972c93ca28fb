#include "options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *line, struct bench_options *out)
{
    static char copy[512];
    char *words[32] = {"ringbench"}, *rest = copy;
    int count = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;)
        words[count++] = word;
    optind = 0; /* getopt begins anew */
    return options_parse(count, words, out);
}

static void defaults_measure_workload_a_in_a_closed_loop(void **state)
{
    struct bench_options options;
    (void)state;
    assert_true(parse("", &options));
    assert_int_equal(options.mix->letter, 'a');
    assert_int_equal(options.distribution, DISTRIBUTION_ZIPFIAN);
    assert_int_equal(options.clients, 51);
    assert_true(options.rate == 0);
    assert_true(options.loads && options.runs);
}

static void options_are_taken(void **state)
{
    struct bench_options options;
    (void)state;
    assert_true(parse("--hosts a:1,b:2 --workload d --rate 5000 --seconds 60 --value-size 1024 "
                      "--keys 7 --level ONE --json --no-load --keyspace 3 --theta 0.5 --timeout 9",
                      &options));
    assert_string_equal(options.hosts, "a:1,b:2");
    assert_int_equal(options.distribution, DISTRIBUTION_LATEST); /* workload d's */
    assert_true(options.rate == 5000);
    assert_int_equal(options.value_bytes, 1024);
    assert_int_equal(options.keyspace, 3);
    assert_true(options.json && !options.loads);
    assert_true(parse("--workload d --distribution uniform", &options));
    assert_int_equal(options.distribution, DISTRIBUTION_UNIFORM);
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const bad[] = {
        "--workload g",
        "--workload ab",
        "--rate 0",
        "--rate nan",
        "--rate 1e9",
        "--seconds 0",
        "--seconds 86401",
        "--seconds 1x",
        "--clients 0",
        "--clients 10001",
        "--pipeline 1025",
        "--keys 0",
        "--keys -1",
        "--value-size 0",
        "--value-size 1048577",
        "--theta 1",
        "--theta 0",
        "--keyspace 65536",
        "--distribution x",
        "--nosuch",
        "word",
        "--clients 10000 --pipeline 7",
    };
    struct bench_options options;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(parse(bad[i], &options));
    assert_true(
        parse("--value-size 1048576 --clients 10000 --pipeline 6 --seconds 86400", &options));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_measure_workload_a_in_a_closed_loop),
        cmocka_unit_test(options_are_taken),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
