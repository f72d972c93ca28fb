#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

#include "ringctl/arguments.h"

/* In the place of the real table, which comes with the verbs. */
const struct verb VERBS[] = {
    {"ring", NULL, 0, 0, 0, "", "", NULL},
    {"ring verify", NULL, 0, 0, OPTION_WAIT, "", "", NULL},
    {"key locate", "KEY", 1, 1, OPTION_KEYSPACE, "", "", NULL},
    {"help", "VERB", 0, 2, 0, "", "", NULL},
    {.words = "keyspace create",
     .operand = "NAME",
     .operands_min = 1,
     .operands_max = 1,
     .options = OPTION_NEW_KEYSPACE | OPTION_OF_KEYSPACE},
    {0},
};

enum { WORDS_MAX = 12 };

/* Parse words separated by single blanks. */
static enum status parse(const char *line, struct arguments *out, struct buffer *problem)
{
    static char copy[256]; /* operands borrow from it */
    char *argv[WORDS_MAX + 2] = {"ringctl"};
    char *rest = NULL;
    int argc = 1;
    strcpy(copy, line);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    buffer_clear(problem);
    return arguments_parse(argc, argv, out, problem);
}

static void options_may_stand_anywhere(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("-p 7001 ring --json verify --wait=5 -h ::1", &a, &problem), STATUS_OK);
    assert_string_equal(a.verb->words, "ring verify");
    assert_int_equal(a.address.port, 7001);
    assert_string_equal(a.address.host, "::1");
    assert_true(a.json && a.waits);
    assert_int_equal(a.wait_seconds, 5);
    buffer_deinit(&problem);
}

static void any_word_of_tls_means_it(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("ring", &a, &problem), STATUS_OK);
    assert_false(a.tls.wanted);
    assert_int_equal(parse("ring --tls", &a, &problem), STATUS_OK);
    assert_true(a.tls.wanted && !a.tls.insecure && a.tls.ca == NULL);
    assert_int_equal(parse("--cacert ca ring", &a, &problem), STATUS_OK);
    assert_true(a.tls.wanted && !a.tls.insecure);
    assert_string_equal(a.tls.ca, "ca");
    assert_int_equal(parse("ring --cert=c --key k", &a, &problem), STATUS_OK);
    assert_true(a.tls.wanted);
    assert_string_equal(a.tls.cert, "c");
    assert_string_equal(a.tls.key, "k");
    assert_int_equal(parse("ring --insecure", &a, &problem), STATUS_OK);
    assert_true(a.tls.wanted && a.tls.insecure);
    assert_int_equal(parse("ring --cert c", &a, &problem), STATUS_INVALID);
    assert_int_equal(parse("ring --tls --key k", &a, &problem), STATUS_INVALID);
    buffer_deinit(&problem);
}

static void the_defaults_are_the_local_node(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("ring", &a, &problem), STATUS_OK);
    assert_string_equal(a.verb->words, "ring");
    assert_string_equal(a.address.host, "127.0.0.1");
    assert_int_equal(a.address.port, 6379);
    assert_false(a.json || a.waits || a.help || a.version);
    assert_int_equal(a.timeout_ms, 3000);
    buffer_deinit(&problem);
}

static void a_key_may_look_like_anything_after_dashes(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("key locate --keyspace 3 -- --json", &a, &problem), STATUS_OK);
    assert_int_equal(a.keyspace, 3);
    assert_false(a.json);
    assert_string_equal(a.operands[0], "--json");
    assert_int_equal(parse("key locate -", &a, &problem), STATUS_OK);
    assert_string_equal(a.operands[0], "-");
    assert_int_equal(parse("help ring verify", &a, &problem), STATUS_OK);
    assert_int_equal(a.operand_count, 2);
    buffer_deinit(&problem);
}

static void options_of_a_keyspace_become_what_a_node_reads(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("keyspace create carts --number 3 --default-ttl 2m "
                           "--value-size-max 64kb --sloppy=no",
                           &a, &problem),
                     STATUS_OK);
    assert_string_equal(a.operands[0], "carts");
    assert_int_equal(a.setting_count, 4);
    assert_string_equal(a.settings[0], "number=3");
    assert_string_equal(a.settings[1], "default-ttl=120000");
    assert_string_equal(a.settings[2], "value-size-max=65536");
    assert_string_equal(a.settings[3], "sloppy=no");
    assert_int_equal(parse("keyspace create carts --default-ttl 90", &a, &problem), STATUS_INVALID);
    assert_int_equal(parse("ring --policy lww", &a, &problem), STATUS_INVALID);
    buffer_deinit(&problem);
}

static void help_needs_no_operands(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    assert_int_equal(parse("key locate --help", &a, &problem), STATUS_OK);
    assert_true(a.help);
    assert_string_equal(a.verb->words, "key locate");
    buffer_deinit(&problem);
}

static void wrong_command_lines_are_explained(void **state)
{
    static const struct {
        const char *line, *problem;
    } cases[] = {
        {"rng", "there is no verb \"rng\"; did you mean \"ring\"?"},
        {"nonsense", "there is no verb \"nonsense\"; see: ringctl --help"},
        {"ring --jsn", "there is no option \"--jsn\"; did you mean \"--json\"?"},
        {"ring --json=yes", "--json takes no value"},
        {"ring --wait 3", "ring does not take --wait; see: ringctl --help"},
        {"--wait 3", "ringctl alone does not take --wait; see: ringctl --help"},
        {"ring show", "\"show\" does not go with ring; see: ringctl ring --help"},
        {"key locate", "key locate needs KEY; see: ringctl key locate --help"},
        {"key locate a b", "\"b\" does not go with key locate; see: ringctl key locate --help"},
        {"key locate a b c", "\"c\" is one word too many; see: ringctl --help"},
        {"-p 0 ring", "-p takes PORT: its port for clients (default: 6379)"},
        {"-p 65536 ring", "-p takes PORT: its port for clients (default: 6379)"},
        {"ring -p", "-p takes PORT: its port for clients (default: 6379)"},
        {"--timeout 0 ring", "--timeout takes SECONDS: how long nodes may take to answer "
                             "(default: 3)"},
        {"ring --watch 0", "--watch takes SECONDS: look again after so long, until interrupted"},
        {"ring --watch 2", "ring does not take --watch; see: ringctl --help"},
        {"ring verify --wait -1", "--wait takes SECONDS: ask again until all is done, at most "
                                  "so long"},
    };
    struct arguments a;
    struct buffer problem = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].line, &a, &problem), STATUS_INVALID);
        buffer_put_u8(&problem, '\0');
        assert_string_equal((const char *)problem.data, cases[i].problem);
    }
    buffer_deinit(&problem);
}

static void a_long_option_is_no_overflow(void **state)
{
    struct arguments a;
    struct buffer problem = {0};
    char line[200];
    (void)state;
    memset(line, 'a', sizeof line);
    memcpy(line, "--", 2);
    line[sizeof line - 1] = '\0';
    assert_int_equal(parse(line, &a, &problem), STATUS_INVALID);
    memcpy(line, "ri", 2);
    assert_int_equal(parse(line, &a, &problem), STATUS_INVALID);
    buffer_deinit(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_anywhere),
        cmocka_unit_test(the_defaults_are_the_local_node),
        cmocka_unit_test(any_word_of_tls_means_it),
        cmocka_unit_test(a_key_may_look_like_anything_after_dashes),
        cmocka_unit_test(options_of_a_keyspace_become_what_a_node_reads),
        cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(wrong_command_lines_are_explained),
        cmocka_unit_test(a_long_option_is_no_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
