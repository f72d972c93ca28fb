#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINE_LENGTH_MAX = 1023 };

/* What a sink was given last, and how often. */
struct recorded {
    int lines;
    enum log_level level;
    char line[4096];
};

static void record(void *context, enum log_level level, const char *line)
{
    struct recorded *recorded = context;
    recorded->lines++;
    recorded->level = level;
    snprintf(recorded->line, sizeof recorded->line, "%s", line);
}

static void a_line_is_formatted_and_handed_over_with_its_level(void **state)
{
    struct recorded recorded = {0};
    struct log_sink sink = {.write = record, .context = &recorded, .minimum = LOG_DEBUG};
    (void)state;
    log_line(&sink, LOG_WARN, "could not send hint node=n%d reason=%s", 3, "timeout");
    assert_int_equal(recorded.lines, 1);
    assert_int_equal(recorded.level, LOG_WARN);
    assert_string_equal(recorded.line, "could not send hint node=n3 reason=timeout");
}

static void lines_below_the_minimum_are_dropped(void **state)
{
    struct recorded recorded = {0};
    struct log_sink sink = {.write = record, .context = &recorded, .minimum = LOG_WARN};
    (void)state;
    log_line(&sink, LOG_DEBUG, "debug");
    log_line(&sink, LOG_INFO, "info");
    assert_int_equal(recorded.lines, 0);
    log_line(&sink, LOG_WARN, "warn");
    assert_int_equal(recorded.lines, 1);
    log_line(&sink, LOG_ERROR, "error");
    assert_int_equal(recorded.lines, 2);
}

static void log_text_of_length(struct recorded *recorded, size_t length)
{
    char text[2048];
    struct log_sink sink = {.write = record, .context = recorded, .minimum = LOG_DEBUG};
    assert_true(length < sizeof text);
    memset(text, 'x', length);
    text[length] = '\0';
    log_line(&sink, LOG_INFO, "%s", text);
}

static void a_line_of_the_greatest_length_is_whole(void **state)
{
    struct recorded recorded = {0};
    (void)state;
    log_text_of_length(&recorded, LINE_LENGTH_MAX);
    assert_int_equal(strlen(recorded.line), LINE_LENGTH_MAX);
}

static void a_longer_line_is_cut(void **state)
{
    struct recorded recorded = {0};
    (void)state;
    log_text_of_length(&recorded, LINE_LENGTH_MAX + 1);
    assert_int_equal(strlen(recorded.line), LINE_LENGTH_MAX);
    log_text_of_length(&recorded, 2000);
    assert_int_equal(strlen(recorded.line), LINE_LENGTH_MAX);
    assert_int_equal(recorded.lines, 2);
}

/* A machine under test is often given no sink at all. */
static void no_sink_and_an_empty_sink_are_silent(void **state)
{
    struct log_sink empty = {0};
    int formatted = 0;
    (void)state;
    log_line(NULL, LOG_ERROR, "nobody listens%n", &formatted);
    log_line(&empty, LOG_ERROR, "nobody listens%n", &formatted);
    assert_int_equal(formatted, 0);
}

static void levels_have_the_names_that_configuration_uses(void **state)
{
    (void)state;
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
    assert_string_equal(log_level_name(LOG_INFO), "info");
    assert_string_equal(log_level_name(LOG_WARN), "warn");
    assert_string_equal(log_level_name(LOG_ERROR), "error");
    assert_string_equal(log_level_name((enum log_level)77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_formatted_and_handed_over_with_its_level),
        cmocka_unit_test(lines_below_the_minimum_are_dropped),
        cmocka_unit_test(a_line_of_the_greatest_length_is_whole),
        cmocka_unit_test(a_longer_line_is_cut),
        cmocka_unit_test(no_sink_and_an_empty_sink_are_silent),
        cmocka_unit_test(levels_have_the_names_that_configuration_uses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
