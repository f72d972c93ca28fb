#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ringd/config.h"
#include "ringd/config_file.h"
#include "ringd/nearest_name.h"
#include "config_scratch.h"

static void assert_text(struct buffer *buffer, const char *expected)
{
    buffer_put_u8(buffer, '\0');
    assert_string_equal((char *)buffer->data, expected);
    buffer_clear(buffer);
}

static void defaults_keep_their_own_rules(void **state)
{
    struct config config, other;
    struct buffer problems = {0}, value = {0};
    (void)state;
    config_init(&config);
    config_init(&other);
    assert_int_equal(config_check(&config, &problems), STATUS_OK);
    /* Every default is a value that the setting accepts, and says the same when set again. */
    for (const char *name = config_next(NULL); name != NULL; name = config_next(name)) {
        assert_true(config_get(&config, name, &value));
        buffer_put_u8(&value, '\0');
        assert_int_equal(config_set(&other, name, (char *)value.data, "test", &problems),
                         STATUS_OK);
        buffer_clear(&value);
    }
    assert_int_equal(problems.length, 0);
    assert_memory_equal(&config.values, &other.values, sizeof config.values);
    buffer_deinit(&value);
    config_deinit(&config);
    config_deinit(&other);
}

/* A number that no setting names could never be changed by an operator. */
static void every_number_of_a_node_has_one_setting(void **state)
{
    size_t base = offsetof(struct config_values, settings);
    (void)state;
    for (size_t at = 0; at < sizeof(struct settings); at += sizeof(uint32_t)) {
        int found = 0;
        for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++)
            found += CONFIG_TABLE[i].offset == base + at;
        if (found != 1)
            fail_msg("%d settings for the number at offset %zu", found, at);
    }
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONFIG_TABLE_COUNT; i++) {
        const struct config_setting *setting = &CONFIG_TABLE[i];
        size_t length = strlen(setting->help);
        assert_true(length > 0 && setting->help[length - 1] == '.');
        assert_true(strlen(setting->name) <= NEAREST_NAME_MAX);
        assert_true(setting->minimum <= setting->maximum);
        assert_true(setting->maximum <= UINT32_MAX);
        assert_true((setting->type == CONFIG_CHOICE) == (setting->choices != NULL));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(setting->name, CONFIG_TABLE[j].name);
    }
}

static void limits_are_exact(void **state)
{
    static const struct {
        const char *name, *low, *high, *below, *above;
    } cases[] = {
        {"clients-max", "1", "1000000", "0", "1000001"},
        {"heartbeat", "10ms", "1m", "9ms", "60001ms"},
        {"value-size-max", "1kb", "32mb", "1023", "33554433"},
        {"store-read-threads", "1", "16", "0", "17"},
    };
    struct config config;
    struct buffer problems = {0};
    (void)state;
    config_init(&config);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = cases[i].name;
        assert_int_equal(config_set(&config, name, cases[i].low, "t", &problems), STATUS_OK);
        assert_int_equal(config_set(&config, name, cases[i].high, "t", &problems), STATUS_OK);
        assert_int_equal(problems.length, 0);
        assert_int_equal(config_set(&config, name, cases[i].below, "t", &problems), STATUS_INVALID);
        assert_int_equal(config_set(&config, name, cases[i].above, "t", &problems), STATUS_INVALID);
        assert_true(problems.length > 0);
        buffer_clear(&problems);
    }
    /* A refused value leaves the one before. */
    assert_int_equal(config.values.settings.clients_max, 1000000);
    config_deinit(&config);
    buffer_deinit(&problems);
}

static void errors_say_where_and_what_is_accepted(void **state)
{
    struct config config;
    struct buffer problems = {0};
    (void)state;
    config_init(&config);
    assert_int_equal(config_set(&config, "client-max", "5", "x.conf:7", &problems),
                     STATUS_NOT_FOUND);
    assert_text(&problems,
                "x.conf:7: unknown setting \"client-max\"; the nearest is \"clients-max\"\n");
    assert_int_equal(config_set(&config, "frobnicate", "5", "x.conf:8", &problems),
                     STATUS_NOT_FOUND);
    assert_text(&problems, "x.conf:8: unknown setting \"frobnicate\"\n");
    assert_int_equal(config_set(&config, "log-level", "loud", "x.conf:9", &problems),
                     STATUS_INVALID);
    assert_text(&problems, "x.conf:9: log-level does not accept \"loud\"; it is one of debug, "
                           "info, warn, error\n");
    assert_int_equal(config_set(&config, "heartbeat", "500", "x.conf:10", &problems),
                     STATUS_INVALID);
    assert_text(&problems, "x.conf:10: heartbeat does not accept \"500\"; it is a time with its "
                           "unit from 10ms to 1m\n");
    assert_int_equal(config_set(&config, "advertise", "a:1 b:2", "x.conf:11", &problems),
                     STATUS_INVALID);
    assert_text(&problems,
                "x.conf:11: advertise does not accept \"a:1 b:2\"; it is HOST:PORT or empty\n");
    /* What somebody has written stays on its line, and moves no terminal's cursor. */
    assert_int_equal(config_set(&config, "no\nsuch", "5", "x.conf:12", &problems),
                     STATUS_NOT_FOUND);
    assert_text(&problems, "x.conf:12: unknown setting \"no\\x0asuch\"\n");
    assert_int_equal(config_set(&config, "advertise", "\033[2J\"", "x.conf:13", &problems),
                     STATUS_INVALID);
    assert_text(&problems, "x.conf:13: advertise does not accept \"\\x1b[2J\\\"\"; it is "
                           "HOST:PORT or empty\n");
    config_deinit(&config);
    buffer_deinit(&problems);
}

static enum status check_with(const char *name, const char *value)
{
    struct config config;
    struct buffer problems = {0};
    config_init(&config);
    assert_int_equal(config_set(&config, name, value, "t", &problems), STATUS_OK);
    enum status status = config_check(&config, &problems);
    assert_true((status == STATUS_OK) == (problems.length == 0));
    buffer_deinit(&problems);
    config_deinit(&config);
    return status;
}

static void only_loopback_is_listened_on(void **state)
{
    (void)state;
    assert_int_equal(check_with("listen", "127.0.0.1:1 [::1]:2"), STATUS_OK);
    assert_int_equal(check_with("listen", "0.0.0.0:6379"), STATUS_INVALID);
    assert_int_equal(check_with("listen", "127.0.0.1:1 10.0.0.1:2"), STATUS_INVALID);
    assert_int_equal(check_with("peer-listen", "[::]:7379"), STATUS_INVALID);
    assert_int_equal(check_with("peer-listen", "localhost:7379"), STATUS_INVALID);
    assert_int_equal(check_with("http-listen", ""), STATUS_OK);
    assert_int_equal(check_with("http-listen", "[::1]:9100"), STATUS_OK);
    assert_int_equal(check_with("http-listen", "0.0.0.0:9100"), STATUS_INVALID);
    /* What others are told may be anything: a proxy, a name. */
    assert_int_equal(check_with("advertise", "db1.example:6379"), STATUS_OK);
}

/* config_check() after settings, each a name and its value, up to NULL. */
static enum status check_all(const char *const *settings)
{
    struct config config;
    struct buffer problems = {0};
    config_init(&config);
    for (; *settings != NULL; settings += 2)
        assert_int_equal(config_set(&config, settings[0], settings[1], "test", &problems),
                         STATUS_OK);
    enum status status = config_check(&config, &problems);
    assert_true((status == STATUS_OK) == (problems.length == 0));
    buffer_deinit(&problems);
    config_deinit(&config);
    return status;
}

static void metrics_are_for_everybody_only_when_that_is_meant(void **state)
{
    const char *open[] = {"http-listen", "0.0.0.0:9100", "http-anywhere", "yes", NULL};
    const char *name[] = {"http-listen", "db1.example:9100", "http-anywhere", "yes", NULL};
    (void)state;
    assert_int_equal(check_all(open), STATUS_OK);
    assert_int_equal(check_all(name), STATUS_INVALID);
}

static void tls_opens_what_needs_it_and_wants_its_files(void **state)
{
    const char *clients[] = {"tls-listen",
                             "0.0.0.0:1",
                             "tls-cert-file",
                             "c",
                             "tls-key-file",
                             "k",
                             "tls-ca-cert-file",
                             "ca",
                             NULL,
                             NULL,
                             NULL};
    const char *cluster[] = {"peer-listen",
                             "10.0.0.1:1",
                             "tls-cluster",
                             "yes",
                             "tls-cluster-cert-file",
                             "c",
                             "tls-cluster-key-file",
                             "k",
                             "tls-cluster-ca-cert-file",
                             "ca",
                             NULL};
    (void)state;
    assert_int_equal(check_all(clients), STATUS_OK);
    assert_int_equal(check_all(cluster), STATUS_OK);
    for (size_t i = 3; i < 8; i += 2) { /* without one of the files */
        const char *file = clients[i];
        clients[i] = "";
        assert_int_equal(check_all(clients), STATUS_INVALID);
        clients[i] = file;
    }
    for (size_t i = 5; i < 10; i += 2) {
        const char *file = cluster[i];
        cluster[i] = "";
        assert_int_equal(check_all(cluster), STATUS_INVALID);
        cluster[i] = file;
    }
    cluster[3] = "no";
    assert_int_equal(check_all(cluster), STATUS_INVALID);
    /* Passwords must do then, which the node sees to. */
    clients[7] = "";
    clients[8] = "tls-auth-clients";
    clients[9] = "no";
    assert_int_equal(check_all(clients), STATUS_OK);
    clients[9] = "optional";
    assert_int_equal(check_all(clients), STATUS_INVALID);
    /* TLS alone will do, and nothing at all will not. */
    assert_int_equal(check_all((const char *[]){"listen", "", NULL}), STATUS_INVALID);
    clients[7] = "ca";
    clients[8] = "listen";
    clients[9] = "";
    assert_int_equal(check_all(clients), STATUS_OK);
}

static void settings_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check_with("request-size-max", "4mb"), STATUS_INVALID);
    assert_int_equal(check_with("peer-output-max", "8mb"), STATUS_INVALID);
    assert_int_equal(check_with("client-output-max", "8mb"), STATUS_INVALID);
    assert_int_equal(check_with("heartbeat", "2s"), STATUS_INVALID);
    assert_int_equal(check_with("reconnect-min", "3s"), STATUS_INVALID);
    assert_int_equal(check_with("read-retry", "6s"), STATUS_INVALID);
    assert_int_equal(check_with("read-retry", "5s"), STATUS_OK);
}

static void a_change_at_run_time_keeps_all_rules(void **state)
{
    struct config config;
    struct buffer reason = {0};
    (void)state;
    config_init(&config);
    assert_int_equal(config_change(&config, "Clients-Max", slice_text("7"), &reason), STATUS_OK);
    assert_int_equal(config.values.settings.clients_max, 7);
    assert_int_equal(reason.length, 0);
    assert_int_equal(config_change(&config, "data-dir", slice_text("x"), &reason),
                     STATUS_UNSUPPORTED);
    assert_text(&reason, "data-dir cannot be changed while ringd runs");
    assert_int_equal(config_change(&config, "heartbeat", slice_text("30s"), &reason),
                     STATUS_INVALID);
    assert_text(&reason, "heartbeat must be below peer-timeout");
    assert_int_equal(config.values.settings.heartbeat_ms, 500);
    assert_int_equal(config_change(&config, "clients-max", slice_make("7\0x", 3), &reason),
                     STATUS_INVALID);
    buffer_clear(&reason);
    assert_int_equal(config_change(&config, "nothing", slice_text("x"), &reason), STATUS_NOT_FOUND);
    assert_text(&reason, "unknown setting \"nothing\"");
    buffer_deinit(&reason);
    config_deinit(&config);
}

/* What --print-config says can be used as a file, and gives the same settings. */
static void what_is_printed_can_be_loaded(void **state)
{
    struct config config, back;
    struct buffer problems = {0}, text = {0}, again = {0};
    struct config_scratch scratch;
    (void)state;
    config_scratch_init(&scratch);
    config_init(&config);
    config_init(&back);
    assert_int_equal(config_set(&config, "data-dir", "a \"b\" \\ # c\td", "t", &problems),
                     STATUS_OK);
    assert_int_equal(config_set(&config, "listen", "127.0.0.1:7 [::1]:8", "t", &problems),
                     STATUS_OK);
    assert_int_equal(config_set(&config, "log-level", "WARN", "t", &problems), STATUS_OK);
    assert_int_equal(config.values.log_level, LOG_WARN);
    config_print(&config, &text);
    buffer_put_u8(&text, '\0');
    config_scratch_write(&scratch, "printed", (char *)text.data);
    assert_int_equal(config_file_load(&back, config_scratch_file(&scratch, "printed"), &problems),
                     STATUS_OK);
    assert_memory_equal(&back.values, &config.values, sizeof back.values);
    buffer_deinit(&text);
    buffer_deinit(&again);
    config_deinit(&config);
    config_deinit(&back);
    config_scratch_deinit(&scratch);
}

static void distances_are_those_of_the_definition(void **state)
{
    (void)state;
    assert_int_equal(nearest_name_distance("", ""), 0);
    assert_int_equal(nearest_name_distance("", "abc"), 3);
    assert_int_equal(nearest_name_distance("abc", ""), 3);
    assert_int_equal(nearest_name_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_name_distance("sitting", "kitten"), 3);
    assert_int_equal(nearest_name_distance("abc", "abd"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_keep_their_own_rules),
        cmocka_unit_test(every_number_of_a_node_has_one_setting),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(errors_say_where_and_what_is_accepted),
        cmocka_unit_test(only_loopback_is_listened_on),
        cmocka_unit_test(metrics_are_for_everybody_only_when_that_is_meant),
        cmocka_unit_test(tls_opens_what_needs_it_and_wants_its_files),
        cmocka_unit_test(settings_that_contradict_each_other_are_refused),
        cmocka_unit_test(a_change_at_run_time_keeps_all_rules),
        cmocka_unit_test(what_is_printed_can_be_loaded),
        cmocka_unit_test(distances_are_those_of_the_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
