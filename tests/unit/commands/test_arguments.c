#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "commands/arguments.h"
#include "commands/syntax.h"

static void integers_have_one_form(void **state)
{
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"-0", false, 0},
        {"00", false, 0},
        {"01", false, 0},
        {"-01", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = 0;
        assert_int_equal(parse_integer(slice_text(cases[i].text), &value), cases[i].good);
        assert_true(value == cases[i].value);
    }
}

static void patterns_match_as_in_redis(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},           {"", "a", false},          {"*", "", true},
        {"*", "abc", true},       {"a*c", "abc", true},      {"a*c", "ac", true},
        {"a*c", "abcd", false},   {"?", "", false},          {"?", "a", true},
        {"a?c", "abc", true},     {"[abc]", "b", true},      {"[abc]", "d", false},
        {"[a-c]", "b", true},     {"[c-a]", "b", true},      {"[^a-c]", "b", false},
        {"[^a-c]", "d", true},    {"\\*", "*", true},        {"\\*", "a", false},
        {"[\\]]", "]", true},     {"a\\", "a\\", true},      {"[a", "a", true},
        {"[a", "b", false},       {"[", "[", false},         {"**a**", "xax", true},
        {"*a*b*", "xaybz", true}, {"*a*b*", "xbyaz", false}, {"h[^e]llo", "hallo", true},
        {"[a-]", "]", true},      {"x[", "x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (glob_matches(slice_text(cases[i].pattern), slice_text(cases[i].text), false) !=
            cases[i].match)
            fail_msg("%s %s", cases[i].pattern, cases[i].text);
    }
    assert_true(glob_matches(slice_text("GET*"), slice_text("getrange"), true));
    assert_false(glob_matches(slice_text("GET*"), slice_text("getrange"), false));
}

/* The plain definition, which takes exponential time: what the fast one is measured by. */
static bool matches_by_definition(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return matches_by_definition(pattern + 1, text) ||
               (*text != '\0' && matches_by_definition(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
           matches_by_definition(pattern + 1, text + 1);
}

static void patterns_match_by_their_definition(void **state)
{
    struct random random = random_make(3);
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char pattern[8], text[8];
        size_t pattern_length = (size_t)random_below(&random, 7);
        size_t text_length = (size_t)random_below(&random, 7);
        for (size_t i = 0; i < pattern_length; i++)
            pattern[i] = "ab?*"[random_below(&random, 4)];
        for (size_t i = 0; i < text_length; i++)
            text[i] = "ab"[random_below(&random, 2)];
        pattern[pattern_length] = text[text_length] = '\0';
        if (glob_matches(slice_text(pattern), slice_text(text), false) !=
            matches_by_definition(pattern, text))
            fail_msg("%s %s", pattern, text);
    }
}

/* By trying all ways of all stars, this would take longer than the universe has. */
static void many_stars_cost_little(void **state)
{
    char pattern[256], text[4096];
    (void)state;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    assert_false(
        glob_matches(slice_make(pattern, sizeof pattern), slice_make(text, sizeof text), false));
}

static const struct syntax_node *child(const struct syntax *syntax, uint8_t node, unsigned index)
{
    uint8_t at = syntax->nodes[node].first_child;
    while (index-- > 0)
        at = syntax->nodes[at].next;
    return &syntax->nodes[at];
}

static void syntax_lines_become_trees(void **state)
{
    struct syntax syntax;
    (void)state;
    assert_int_equal(syntax_parse("key value [NX | XX] [GET] [EX seconds | KEEPTTL]", &syntax),
                     STATUS_OK);
    assert_int_equal(child(&syntax, 0, 0)->type, SYNTAX_KEY);
    assert_int_equal(child(&syntax, 0, 1)->type, SYNTAX_STRING);
    assert_int_equal(child(&syntax, 0, 2)->type, SYNTAX_ONE_OF);
    assert_true(child(&syntax, 0, 2)->optional);
    assert_int_equal(child(&syntax, 0, 3)->type, SYNTAX_PURE_TOKEN);
    const struct syntax_node *expiry = child(&syntax, 0, 4);
    assert_int_equal(syntax.nodes[expiry->first_child].type, SYNTAX_INTEGER);
    assert_true(slice_equal(syntax.nodes[expiry->first_child].token, slice_text("EX")));
    assert_int_equal(syntax_parse("key value [key value ...]", &syntax), STATUS_OK);
    assert_int_equal(child(&syntax, 0, 0)->type, SYNTAX_BLOCK);
    assert_true(child(&syntax, 0, 0)->multiple);
    assert_false(child(&syntax, 0, 0)->optional);
    assert_int_equal(child(&syntax, 0, 0)->next, 0);
    assert_int_equal(syntax_parse("key [key ...]", &syntax), STATUS_OK);
    assert_int_equal(child(&syntax, 0, 0)->type, SYNTAX_KEY);
    assert_true(child(&syntax, 0, 0)->multiple);
    assert_int_equal(child(&syntax, 0, 0)->next, 0);
}

static void broken_syntax_lines_are_refused(void **state)
{
    static const char *const lines[] = {"[",      "]",   "a [b", "a ]",   "<a",     "[a | ]",
                                        "[ | a]", "...", "[]",   "a | b", "[... a]"};
    struct syntax syntax;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (syntax_parse(lines[i], &syntax) != STATUS_INVALID)
            fail_msg("%s", lines[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_have_one_form),
        cmocka_unit_test(patterns_match_as_in_redis),
        cmocka_unit_test(patterns_match_by_their_definition),
        cmocka_unit_test(many_stars_cost_little),
        cmocka_unit_test(syntax_lines_become_trees),
        cmocka_unit_test(broken_syntax_lines_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
