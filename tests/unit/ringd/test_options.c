#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "ringd/options.h"
#include "config_scratch.h"

struct fixture {
    struct options options;
    struct config config;
    struct buffer problems;
};

#define PARSE(f, ...)                                                                              \
    parse(f, (const char *const[]){"ringd", __VA_ARGS__},                                          \
          sizeof((const char *const[]){"ringd", __VA_ARGS__}) / sizeof(char *))

static enum status parse(struct fixture *f, const char *const *argv, size_t argc)
{
    config_deinit(&f->config);
    config_init(&f->config);
    buffer_clear(&f->problems);
    return options_parse((int)argc, argv, &f->options, &f->config, &f->problems);
}

static void deinit(struct fixture *f)
{
    config_deinit(&f->config);
    buffer_deinit(&f->problems);
}

static void settings_have_two_spellings(void **state)
{
    struct fixture f = {0};
    (void)state;
    assert_int_equal(PARSE(&f, "--clients-max", "5", "--heartbeat=100ms"), STATUS_OK);
    assert_int_equal(f.options.action, ACTION_SERVE);
    assert_int_equal(f.config.values.settings.clients_max, 5);
    assert_int_equal(f.config.values.settings.heartbeat_ms, 100);
    assert_int_equal(PARSE(&f, "--log-file="), STATUS_OK);
    assert_string_equal(f.config.values.log_file, "");
    deinit(&f);
}

static void the_command_line_overrides_the_file(void **state)
{
    struct fixture f = {0};
    struct config_scratch scratch;
    (void)state;
    config_scratch_init(&scratch);
    config_scratch_write(&scratch, "r.conf", "clients-max 1\nheartbeat 100ms\n");
    const char *file = config_scratch_file(&scratch, "r.conf");
    assert_int_equal(PARSE(&f, "--clients-max", "5", "--config", file), STATUS_OK);
    assert_int_equal(f.config.values.settings.clients_max, 5);
    assert_int_equal(f.config.values.settings.heartbeat_ms, 100);
    config_scratch_deinit(&scratch);
    deinit(&f);
}

static void what_to_do_is_said_once(void **state)
{
    struct fixture f = {0};
    (void)state;
    assert_int_equal(PARSE(&f, "--check-config"), STATUS_OK);
    assert_int_equal(f.options.action, ACTION_CHECK_CONFIG);
    assert_int_equal(PARSE(&f, "--check-config", "--init"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--init=yes"), STATUS_INVALID);
    deinit(&f);
}

static void a_plan_needs_its_parts(void **state)
{
    struct fixture f = {0};
    (void)state;
    assert_int_equal(PARSE(&f, "--plan-ring", "--replication", "eu:1", "--node", "a", "--node=b",
                           "--ring-file", "r", "--partitions", "64", "--keyspace", "number=1",
                           "--keyspace=number=2"),
                     STATUS_OK);
    assert_int_equal(f.options.action, ACTION_PLAN_RING);
    assert_int_equal(f.options.node_count, 2);
    assert_string_equal(f.options.nodes[1], "b");
    assert_int_equal(f.options.partition_count, 64);
    assert_int_equal(f.options.keyspace_count, 2);
    assert_string_equal(f.options.keyspaces[1], "number=2");
    assert_int_equal(PARSE(&f, "--plan-ring", "--replication", "eu:1", "--ring-file", "r"),
                     STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--node", "a"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--keyspace", "number=1"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--ring-file", "a"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--ring-file", "a", "--ring-file", "b", "--init"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--init", "--ring-file", "a"), STATUS_OK);
    deinit(&f);
}

static void problems_name_the_nearest_option(void **state)
{
    struct fixture f = {0};
    (void)state;
    assert_int_equal(PARSE(&f, "--chek-config"), STATUS_INVALID);
    buffer_put_u8(&f.problems, '\0');
    assert_string_equal((char *)f.problems.data,
                        "command line: unknown option --chek-config; the nearest is "
                        "--check-config\n");
    assert_int_equal(PARSE(&f, "--heartbeat"), STATUS_INVALID);
    buffer_put_u8(&f.problems, '\0');
    assert_string_equal((char *)f.problems.data, "command line: heartbeat needs a value\n");
    assert_int_equal(PARSE(&f, "ringd.conf"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "-h"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, "--"), STATUS_INVALID);
    assert_int_equal(PARSE(&f, ""), STATUS_INVALID);
    deinit(&f);
}

static void rules_between_settings_hold_here_too(void **state)
{
    struct fixture f = {0};
    (void)state;
    assert_int_equal(PARSE(&f, "--listen", "10.1.1.1:6379"), STATUS_INVALID);
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_have_two_spellings),
        cmocka_unit_test(the_command_line_overrides_the_file),
        cmocka_unit_test(what_to_do_is_said_once),
        cmocka_unit_test(a_plan_needs_its_parts),
        cmocka_unit_test(problems_name_the_nearest_option),
        cmocka_unit_test(rules_between_settings_hold_here_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
