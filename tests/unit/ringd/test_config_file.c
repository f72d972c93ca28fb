#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/random.h"
#include "ringd/config.h"
#include "ringd/config_file.h"
#include "config_scratch.h"

struct fixture {
    struct config_scratch scratch;
    struct config config;
    struct buffer problems;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){0};
    config_scratch_init(&f->scratch);
    config_init(&f->config);
}

static void deinit(struct fixture *f)
{
    config_scratch_deinit(&f->scratch);
    config_deinit(&f->config);
    buffer_deinit(&f->problems);
}

static enum status load(struct fixture *f, const char *content)
{
    config_scratch_write(&f->scratch, "main.conf", content);
    return config_file_load(&f->config, config_scratch_file(&f->scratch, "main.conf"),
                            &f->problems);
}

/* The problems, with the scratch directory's name taken out. */
static void assert_problems(struct fixture *f, const char *expected)
{
    struct buffer text = {0};
    size_t skip = strlen(f->scratch.path) + 1;
    buffer_put_u8(&f->problems, '\0');
    for (const char *next = (char *)f->problems.data; *next != '\0';) {
        if (strncmp(next, f->scratch.path, skip - 1) == 0) {
            next += skip;
            continue;
        }
        buffer_put_u8(&text, (uint8_t)*next++);
    }
    buffer_put_u8(&text, '\0');
    assert_string_equal((char *)text.data, expected);
    buffer_clear(&f->problems);
    buffer_deinit(&text);
}

static void a_file_is_read_as_redis_would(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(load(&f, "# a comment\n"
                              "\n"
                              "  clients-max 5 # of them\r\n"
                              "\tdata-dir \"with blank\\x21\\t\"\n"
                              "log-file 'it''s'\n"),
                     STATUS_INVALID);
    assert_problems(&f, "main.conf:5: a closing quote must be followed by a blank\n");
    assert_int_equal(f.config.values.settings.clients_max, 5);
    assert_string_equal(f.config.values.data_dir, "with blank!\t");
    assert_int_equal(load(&f, "log-file 'it\\'s \\n'\nHEARTBEAT 1s\nlisten 127.0.0.1:1 [::1]:2"),
                     STATUS_OK);
    assert_string_equal(f.config.values.log_file, "it's \\n");
    assert_int_equal(f.config.values.settings.heartbeat_ms, 1000);
    assert_int_equal(f.config.values.listen.count, 2);
    deinit(&f);
}

static void a_later_line_overrides(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(load(&f, "clients-max 5\nclients-max 6\n"), STATUS_OK);
    assert_int_equal(f.config.values.settings.clients_max, 6);
    deinit(&f);
}

static void every_wrong_line_is_named(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(load(&f, "clients-mx 5\n"
                              "clients-max\n"
                              "clients-max 0\n"
                              "log-file \"open\n"
                              "log-file \"\\q\"\n"
                              "log-file \"\\x00\"\n"
                              "log-file a\"b\n"
                              "clients-max 9\n"),
                     STATUS_INVALID);
    assert_problems(
        &f,
        "main.conf:1: unknown setting \"clients-mx\"; the nearest is \"clients-max\"\n"
        "main.conf:2: a name needs a value; an empty one is \"\"\n"
        "main.conf:3: clients-max does not accept \"0\"; it is a number from 1 to 1000000\n"
        "main.conf:4: a quote is not closed\n"
        "main.conf:5: after a backslash only n r t \" \\ and x with two hexadecimal digits, not "
        "both 0, are known\n"
        "main.conf:6: after a backslash only n r t \" \\ and x with two hexadecimal digits, not "
        "both 0, are known\n"
        "main.conf:7: a quote can only begin a word\n");
    assert_int_equal(f.config.values.settings.clients_max, 9);
    deinit(&f);
}

static void include_reads_files_in_place(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(mkdir(config_scratch_file(&f.scratch, "conf.d"), 0700), 0);
    config_scratch_write(&f.scratch, "conf.d/2.conf", "clients-max 2\nheartbeat 200ms\n");
    config_scratch_write(&f.scratch, "conf.d/1.conf", "clients-max 1\npeer-timeout 9s\n");
    config_scratch_write(&f.scratch, "conf.d/ignored", "clients-max 77\n");
    assert_int_equal(load(&f, "clients-max 50\ninclude conf.d/*.conf\nheartbeat 300ms\n"
                              "include none.d/*.conf\n"),
                     STATUS_OK);
    assert_int_equal(f.config.values.settings.clients_max, 2);
    assert_int_equal(f.config.values.settings.peer_timeout_ms, 9000);
    assert_int_equal(f.config.values.settings.heartbeat_ms, 300);
    deinit(&f);
}

static void problems_of_an_included_file_name_it(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    config_scratch_write(&f.scratch, "other.conf", "\nheartbeat 5\n");
    assert_int_equal(load(&f, "include other.conf\ninclude missing.conf\n"), STATUS_INVALID);
    assert_problems(&f, "other.conf:2: heartbeat does not accept \"5\"; it is a time with its unit "
                        "from 10ms to 1m\n"
                        "main.conf:2: could not read missing.conf: No such file or directory\n");
    deinit(&f);
}

static void files_that_include_each_other_end(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(load(&f, "include main.conf\n"), STATUS_INVALID);
    assert_problems(&f, "main.conf:1: files are included too deep, or include each other\n");
    deinit(&f);
}

static void a_missing_file_is_a_problem(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    assert_int_equal(
        config_file_load(&f.config, config_scratch_file(&f.scratch, "none.conf"), &f.problems),
        STATUS_INVALID);
    assert_problems(&f, "could not read none.conf: No such file or directory\n");
    assert_int_equal(config_file_load(&f.config, f.scratch.path, &f.problems), STATUS_INVALID);
    deinit(&f);
}

static void a_file_that_is_too_large_is_refused(void **state)
{
    struct fixture f;
    (void)state;
    init(&f);
    char *content = malloc(CONFIG_FILE_BYTES_MAX + 2);
    assert_non_null(content);
    memset(content, '\n', CONFIG_FILE_BYTES_MAX + 1);
    content[CONFIG_FILE_BYTES_MAX + 1] = '\0';
    assert_int_equal(load(&f, content), STATUS_INVALID);
    content[CONFIG_FILE_BYTES_MAX] = '\0';
    assert_int_equal(load(&f, content), STATUS_OK);
    free(content);
    deinit(&f);
}

/* Whatever stands in a line: no crash, and what is cut has as many words as it says. */
static void any_line_can_be_cut(void **state)
{
    static const char alphabet[] = "ab \t\"'\\#x0n\0\r";
    struct random random = random_make(1);
    struct buffer words = {0};
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char line[24];
        size_t length = (size_t)random_below(&random, sizeof line);
        size_t count = 0, zeros = 0;
        const char *problem = NULL;
        for (size_t i = 0; i < length; i++)
            line[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
        buffer_clear(&words);
        enum status status = config_file_split(slice_make(line, length), &words, &count, &problem);
        assert_true((status == STATUS_OK) == (problem == NULL));
        for (size_t i = 0; i < words.length; i++)
            zeros += words.data[i] == '\0';
        if (status == STATUS_OK)
            assert_int_equal(zeros, count);
    }
    buffer_deinit(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_redis_would),
        cmocka_unit_test(a_later_line_overrides),
        cmocka_unit_test(every_wrong_line_is_named),
        cmocka_unit_test(include_reads_files_in_place),
        cmocka_unit_test(problems_of_an_included_file_name_it),
        cmocka_unit_test(files_that_include_each_other_end),
        cmocka_unit_test(a_missing_file_is_a_problem),
        cmocka_unit_test(a_file_that_is_too_large_is_refused),
        cmocka_unit_test(any_line_can_be_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
