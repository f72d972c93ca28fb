#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "ringd/log_file.h"
#include "config_scratch.h"

static size_t read_lines(const char *path, char lines[][1200], size_t lines_max)
{
    FILE *file = fopen(path, "re");
    size_t count = 0;
    assert_non_null(file);
    while (count < lines_max && fgets(lines[count], 1200, file) != NULL)
        count++;
    fclose(file);
    return count;
}

static void a_line_has_time_level_and_text(void **state)
{
    static char lines[4][1200];
    struct config_scratch scratch;
    struct log_file *file = NULL;
    unsigned year, month, day, hour, minute, second, ms;
    char level[16], rest[64];
    (void)state;
    config_scratch_init(&scratch);
    assert_int_equal(log_file_open(config_scratch_file(&scratch, "log"), &file), STATUS_OK);
    struct log_sink sink = log_file_sink(file, LOG_INFO);
    log_line(&sink, LOG_DEBUG, "not this one");
    log_line(&sink, LOG_WARN, "disk node=%d", 3);
    assert_int_equal(read_lines(config_scratch_file(&scratch, "log"), lines, 4), 1);
    assert_int_equal(sscanf(lines[0], "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ %15s %63[^\n]", &year, &month,
                            &day, &hour, &minute, &second, &ms, level, rest),
                     9);
    assert_string_equal(level, "warn");
    assert_string_equal(rest, "disk node=3");
    assert_int_equal(lines[0][strlen("2026-01-01T00:00:00.000Z")], ' ');
    log_file_close(file);
    config_scratch_deinit(&scratch);
}

static void a_renamed_file_is_opened_again(void **state)
{
    static char lines[4][1200];
    struct config_scratch scratch;
    struct log_file *file = NULL;
    char old_path[2 * SCRATCH_PATH_MAX];
    (void)state;
    config_scratch_init(&scratch);
    strcpy(old_path, config_scratch_file(&scratch, "log.1"));
    assert_int_equal(log_file_open(config_scratch_file(&scratch, "log"), &file), STATUS_OK);
    struct log_sink sink = log_file_sink(file, LOG_INFO);
    log_line(&sink, LOG_INFO, "old");
    assert_int_equal(rename(config_scratch_file(&scratch, "log"), old_path), 0);
    log_line(&sink, LOG_INFO, "still old");
    assert_int_equal(log_file_reopen(file), STATUS_OK);
    log_line(&sink, LOG_INFO, "new");
    assert_int_equal(read_lines(old_path, lines, 4), 2);
    assert_int_equal(read_lines(config_scratch_file(&scratch, "log"), lines, 4), 1);
    assert_non_null(strstr(lines[0], " info new\n"));
    log_file_close(file);
    config_scratch_deinit(&scratch);
}

static void a_path_that_cannot_be_opened_is_told(void **state)
{
    struct config_scratch scratch;
    struct log_file *file = NULL;
    (void)state;
    config_scratch_init(&scratch);
    assert_int_equal(log_file_open(config_scratch_file(&scratch, "none/log"), &file), STATUS_IO);
    assert_null(file);
    config_scratch_deinit(&scratch);
}

static void *log_many(void *context)
{
    for (int i = 0; i < 500; i++)
        log_line(context, LOG_INFO, "%0900d", i);
    return NULL;
}

static void lines_of_two_threads_do_not_mix(void **state)
{
    static char lines[1001][1200];
    struct config_scratch scratch;
    struct log_file *file = NULL;
    pthread_t thread;
    (void)state;
    config_scratch_init(&scratch);
    assert_int_equal(log_file_open(config_scratch_file(&scratch, "log"), &file), STATUS_OK);
    struct log_sink sink = log_file_sink(file, LOG_INFO);
    assert_int_equal(pthread_create(&thread, NULL, log_many, &sink), 0);
    log_many(&sink);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(read_lines(config_scratch_file(&scratch, "log"), lines, 1001), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(strlen(lines[i]), strlen("2026-01-01T00:00:00.000Z info \n") + 900);
    log_file_close(file);
    config_scratch_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_text),
        cmocka_unit_test(a_renamed_file_is_opened_again),
        cmocka_unit_test(a_path_that_cannot_be_opened_is_told),
        cmocka_unit_test(lines_of_two_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
