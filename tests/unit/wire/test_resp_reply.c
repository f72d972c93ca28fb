/*
 * test_resp_reply.c - replies as trees: both versions, any pieces, broken and hostile servers.
 */
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fuzz/resp_check.h"
#include "base/memory.h"

#define BYTES(literal) slice_make((literal), sizeof(literal) - 1)

static const struct resp_reply_limits roomy = {
    .text_bytes_max = 1 << 20, .elements_max = 2000000, .reply_bytes_max = 64 << 20};

/* Read the one reply that `input` is. */
static struct resp_value *read_one(struct slice input)
{
    struct resp_reply_reader *reader = resp_reply_reader_new(&roomy);
    struct resp_value *value = NULL;
    size_t offset = 0;
    assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), RESP_REPLY_VALUE);
    assert_int_equal(offset, input.length);
    resp_reply_reader_free(reader);
    return value;
}

static void assert_text_value(const struct resp_value *value, enum resp_type type,
                              const char *expected)
{
    assert_int_equal(value->type, type);
    assert_int_equal(value->text.length, strlen(expected));
    /* The NUL makes it a C string. */
    assert_string_equal((const char *)value->text.data, expected);
}

static void assert_reads_text(struct slice input, enum resp_type type, const char *expected)
{
    struct resp_value *value = read_one(input);
    assert_text_value(value, type, expected);
    resp_value_free(value);
}

static void assert_progress(struct slice input, const struct resp_reply_limits *limits,
                            enum resp_reply_progress expected)
{
    struct resp_reply_reader *reader = resp_reply_reader_new(limits);
    struct resp_value *value = NULL;
    size_t offset = 0;
    assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), expected);
    if (expected == RESP_REPLY_VALUE)
        resp_value_free(value);
    resp_reply_reader_free(reader);
}

static void reads_every_kind_of_text(void **state)
{
    (void)state;
    assert_reads_text(BYTES("+OK\r\n"), RESP_TYPE_SIMPLE, "OK");
    assert_reads_text(BYTES("+\r\n"), RESP_TYPE_SIMPLE, "");
    assert_reads_text(BYTES("-ERR no\r\n"), RESP_TYPE_ERROR, "ERR no");
    assert_reads_text(BYTES("!6\r\nERR\r\n!\r\n"), RESP_TYPE_ERROR, "ERR\r\n!");
    assert_reads_text(BYTES("$5\r\na\r\n-b\r\n"), RESP_TYPE_BULK, "a\r\n-b");
    assert_reads_text(BYTES("$0\r\n\r\n"), RESP_TYPE_BULK, "");
    assert_reads_text(BYTES("(-123456789012345678901234567890\r\n"), RESP_TYPE_BIG_NUMBER,
                      "-123456789012345678901234567890");
    struct resp_value *value = read_one(BYTES("=8\r\nmkd:text\r\n"));
    assert_text_value(value, RESP_TYPE_VERBATIM, "text");
    assert_string_equal(value->format, "mkd");
    resp_value_free(value);
}

static void reads_integers_at_both_ends_of_64_bits(void **state)
{
    static const struct {
        const char *input;
        int64_t expected;
    } cases[] = {{":0\r\n", 0},
                 {":+7\r\n", 7},
                 {":-1\r\n", -1},
                 {":9223372036854775807\r\n", INT64_MAX},
                 {":-9223372036854775808\r\n", INT64_MIN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct resp_value *value = read_one(slice_text(cases[i].input));
        assert_int_equal(value->type, RESP_TYPE_INTEGER);
        assert_true(value->integer == cases[i].expected);
        resp_value_free(value);
    }
}

static void reads_nulls_booleans_and_doubles(void **state)
{
    (void)state;
    const char *const nulls[] = {"$-1\r\n", "*-1\r\n", "_\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct resp_value *value = read_one(slice_text(nulls[i]));
        assert_int_equal(value->type, RESP_TYPE_NULL);
        resp_value_free(value);
    }
    const char *const doubles[] = {",1.5\r\n", ",-1e300\r\n", ",10\r\n", ",inf\r\n", ",-inf\r\n"};
    const double expected[] = {1.5, -1e300, 10, INFINITY, -INFINITY};
    for (size_t i = 0; i < 5; i++) {
        struct resp_value *value = read_one(slice_text(doubles[i]));
        assert_int_equal(value->type, RESP_TYPE_DOUBLE);
        assert_true(value->real == expected[i]);
        resp_value_free(value);
    }
    struct resp_value *value = read_one(BYTES(",nan\r\n"));
    assert_true(isnan(value->real));
    resp_value_free(value);
    value = read_one(BYTES("*2\r\n#t\r\n#f\r\n"));
    assert_int_equal(value->elements[0].type, RESP_TYPE_BOOLEAN);
    assert_true(value->elements[0].boolean);
    assert_false(value->elements[1].boolean);
    resp_value_free(value);
}

static void reads_nested_aggregates(void **state)
{
    (void)state;
    struct resp_value *root =
        read_one(BYTES("%2\r\n+modules\r\n*0\r\n+list\r\n~2\r\n:1\r\n*1\r\n$1\r\nx\r\n"));
    assert_int_equal(root->type, RESP_TYPE_MAP);
    assert_int_equal(root->element_count, 4);
    assert_text_value(&root->elements[0], RESP_TYPE_SIMPLE, "modules");
    assert_int_equal(root->elements[1].type, RESP_TYPE_ARRAY);
    assert_int_equal(root->elements[1].element_count, 0);
    const struct resp_value *set = &root->elements[3];
    assert_int_equal(set->type, RESP_TYPE_SET);
    assert_int_equal(set->element_count, 2);
    assert_int_equal(set->elements[0].integer, 1);
    assert_text_value(&set->elements[1].elements[0], RESP_TYPE_BULK, "x");
    resp_value_free(root);
}

/* A push comes between two answers and must not be taken for one. */
static void pushes_are_replies_of_their_own(void **state)
{
    (void)state;
    struct slice input = BYTES("+a\r\n>2\r\n+invalidate\r\n*0\r\n+b\r\n");
    struct resp_reply_reader *reader = resp_reply_reader_new(&roomy);
    const enum resp_type expected[] = {RESP_TYPE_SIMPLE, RESP_TYPE_PUSH, RESP_TYPE_SIMPLE};
    size_t offset = 0;
    for (size_t i = 0; i < 3; i++) {
        struct resp_value *value = NULL;
        assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), RESP_REPLY_VALUE);
        assert_int_equal(value->type, expected[i]);
        resp_value_free(value);
    }
    resp_reply_reader_free(reader);
}

static void attributes_are_left_out_wherever_they_stand(void **state)
{
    (void)state;
    assert_reads_text(BYTES("|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n"), RESP_TYPE_BULK, "x");
    assert_reads_text(BYTES("|0\r\n|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n+x\r\n"), RESP_TYPE_SIMPLE, "x");
    struct resp_value *root =
        read_one(BYTES("*2\r\n|1\r\n+a\r\n+b\r\n:1\r\n|1\r\n|1\r\n+c\r\n+d\r\n+e\r\n+f\r\n:2\r\n"));
    assert_int_equal(root->element_count, 2);
    assert_int_equal(root->elements[0].integer, 1);
    assert_int_equal(root->elements[1].integer, 2);
    resp_value_free(root);
}

static void eight_levels_are_read_and_nine_refused(void **state)
{
    (void)state;
    struct buffer input = {0};
    for (int level = 0; level < RESP_REPLY_DEPTH_MAX; level++)
        buffer_append_slice(&input, BYTES("*1\r\n"));
    buffer_append_slice(&input, BYTES(":7\r\n"));
    struct resp_value *root = read_one(buffer_slice(&input));
    const struct resp_value *value = root;
    for (int level = 0; level < RESP_REPLY_DEPTH_MAX; level++)
        value = &value->elements[0];
    assert_int_equal(value->integer, 7);
    resp_value_free(root);
    buffer_clear(&input);
    for (int level = 0; level <= RESP_REPLY_DEPTH_MAX; level++)
        buffer_append_slice(&input, BYTES("*1\r\n"));
    assert_progress(buffer_slice(&input), &roomy, RESP_REPLY_ERROR);
    buffer_deinit(&input);
}

static void what_is_not_the_protocol_is_an_error(void **state)
{
    (void)state;
    const char *const broken[] = {
        "HTTP/1.1 400 Bad Request\r\n",
        "\r\n",
        "OK\r\n",
        "+a\rb\r\n",
        ":\r\n",
        ":1a\r\n",
        ":--1\r\n",
        ": 1\r\n",
        ":9223372036854775808\r\n",
        ":-9223372036854775809\r\n",
        ":99999999999999999999\r\n",
        "$-2\r\n",
        "$x\r\n",
        "$?\r\n",
        "$3\r\nabcd\r\n",
        "$3\r\nabc\n\n",
        "$9223372036854775807\r\n",
        "$18446744073709551615\r\n",
        "*-2\r\n",
        "*?\r\n",
        "%-1\r\n",
        "~-1\r\n",
        ">-1\r\n",
        "|-1\r\n",
        "*9223372036854775807\r\n",
        "%4611686018427387905\r\n",
        "_x\r\n",
        "#x\r\n",
        "#\r\n",
        "#tt\r\n",
        ",\r\n",
        ",1x\r\n",
        ",0x10\r\n",
        ", 1\r\n",
        ",infinity\r\n",
        ",1.2.3\r\n",
        ",-\r\n",
        "(\r\n",
        "(-\r\n",
        "(12a\r\n",
        "=3\r\ntxt\r\n",
        "=5\r\ntxtax\r\n",
        "=-1\r\n",
        "!-1\r\n",
        "*1\r\n*1\r\n?\r\n",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_progress(slice_text(broken[i]), &roomy, RESP_REPLY_ERROR);
}

static void incomplete_replies_wait(void **state)
{
    (void)state;
    const char *const partial[] = {
        "",       "+",           "+OK",          "+OK\r",        "$3\r\nabc",
        "$3\r\n", "$3\r\nabc\r", "*2\r\n:1\r\n", "*1\r\n*1\r\n", "|1\r\n:1\r\n:2\r\n",
        "|0\r\n"};
    for (size_t i = 0; i < sizeof partial / sizeof *partial; i++)
        assert_progress(slice_text(partial[i]), &roomy, RESP_REPLY_MORE);
}

static void nothing_is_read_after_an_error(void **state)
{
    (void)state;
    struct resp_reply_reader *reader = resp_reply_reader_new(&roomy);
    struct resp_value *value = NULL;
    struct slice input = BYTES("*2\r\n+a\r\n?\r\n+OK\r\n");
    size_t offset = 0;
    assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), RESP_REPLY_ERROR);
    offset = 11;
    assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), RESP_REPLY_ERROR);
    assert_int_equal(offset, 11);
    assert_null(value);
    resp_reply_reader_free(reader);
}

static void limits_hold_exactly(void **state)
{
    (void)state;
    struct resp_reply_limits limits = {
        .text_bytes_max = 64, .elements_max = 3, .reply_bytes_max = 80};
    char text[128] = {0};
    memset(text, 'a', 65);
    struct buffer input = {0};
    buffer_printf(&input, "+%.64s\r\n", text);
    assert_progress(buffer_slice(&input), &limits, RESP_REPLY_VALUE);
    buffer_clear(&input);
    buffer_printf(&input, "+%.65s\r\n", text);
    assert_progress(buffer_slice(&input), &limits, RESP_REPLY_ERROR);
    assert_progress(BYTES("$64\r\n"), &limits, RESP_REPLY_MORE);
    assert_progress(BYTES("$65\r\n"), &limits, RESP_REPLY_ERROR);

    assert_progress(BYTES("*2\r\n:1\r\n:2\r\n"), &limits, RESP_REPLY_VALUE);
    assert_progress(BYTES("*3\r\n:1\r\n:2\r\n:3\r\n"), &limits, RESP_REPLY_ERROR);
    assert_progress(BYTES("*4\r\n"), &limits, RESP_REPLY_ERROR);
    assert_progress(BYTES("%2\r\n"), &limits, RESP_REPLY_ERROR);
    /* Attributes cost as much as what they decorate. */
    assert_progress(BYTES("|0\r\n|0\r\n+a\r\n"), &limits, RESP_REPLY_VALUE);
    assert_progress(BYTES("|0\r\n|0\r\n|0\r\n+a\r\n"), &limits, RESP_REPLY_ERROR);

    /* 4 + 5 + 64 + 2 = 75, so 5 more are allowed: an error is known from the header. */
    buffer_clear(&input);
    buffer_printf(&input, "*2\r\n$64\r\n%.64s\r\n:11\r\n", text);
    assert_progress(buffer_slice(&input), &limits, RESP_REPLY_VALUE);
    buffer_clear(&input);
    buffer_printf(&input, "*2\r\n$64\r\n%.64s\r\n:111\r\n", text);
    assert_progress(buffer_slice(&input), &limits, RESP_REPLY_ERROR);
    buffer_clear(&input);
    buffer_printf(&input, "*2\r\n+%.64s\r\n$4\r\n", text);
    assert_progress(buffer_slice(&input), &limits, RESP_REPLY_ERROR);
    buffer_deinit(&input);
}

/* Limits are per reply, not per connection. */
static void limits_start_again_with_each_reply(void **state)
{
    (void)state;
    struct resp_reply_limits limits = {
        .text_bytes_max = 64, .elements_max = 2, .reply_bytes_max = 64};
    struct buffer input = {0};
    for (int i = 0; i < 100; i++)
        buffer_append_slice(&input, BYTES("*1\r\n$1\r\na\r\n"));
    struct resp_reply_reader *reader = resp_reply_reader_new(&limits);
    struct resp_value *value = NULL;
    size_t offset = 0;
    int count = 0;
    while (resp_reply_reader_next(reader, buffer_slice(&input), &offset, &value) ==
           RESP_REPLY_VALUE) {
        resp_value_free(value);
        count++;
    }
    assert_int_equal(count, 100);
    resp_reply_reader_free(reader);
    buffer_deinit(&input);
}

/* Large blocks are mapped and counted apart. (Under a sanitizer both are 0.) */
static size_t allocated_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void memory_follows_what_arrives_not_what_is_announced(void **state)
{
    (void)state;
    struct resp_reply_reader *reader = resp_reply_reader_new(&roomy);
    struct slice input = BYTES("*1000000\r\n:1\r\n%400000\r\n:2\r\n$1000000\r\nabc");
    struct resp_value *value = NULL;
    size_t offset = 0;
    size_t before = allocated_bytes();
    assert_int_equal(resp_reply_reader_next(reader, input, &offset, &value), RESP_REPLY_MORE);
    /* Room for a few elements of each array, since one of each has arrived. */
    assert_true(allocated_bytes() <= before + 1000);
    resp_reply_reader_free(reader);
}

/* See the reader's test of the same kind: a quadratic reader would not come back. */
static void million_elements_byte_by_byte_are_linear(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append_slice(&input, BYTES("*1000000\r\n"));
    for (int i = 0; i < 1000000; i++)
        buffer_append_slice(&input, BYTES(":1\r\n"));
    struct resp_reply_reader *reader = resp_reply_reader_new(&roomy);
    struct resp_value *value = NULL;
    struct slice arrived = slice_make(input.data, 1);
    size_t offset = 0;
    for (; arrived.length < input.length; arrived.length++)
        assert_true(resp_reply_reader_next(reader, arrived, &offset, &value) == RESP_REPLY_MORE);
    assert_int_equal(resp_reply_reader_next(reader, arrived, &offset, &value), RESP_REPLY_VALUE);
    assert_int_equal(value->element_count, 1000000);
    resp_value_free(value);
    resp_reply_reader_free(reader);
    buffer_deinit(&input);
}

/* ---- what the writer writes, the reader reads ---- */

static void write_one_of_each(struct resp_writer writer)
{
    resp_writer_array(writer, 11);
    resp_writer_simple(writer, slice_text("OK"));
    resp_writer_error(writer, slice_text("ERR no"));
    resp_writer_integer(writer, INT64_MIN);
    resp_writer_bulk(writer, BYTES("a\r\nb"));
    resp_writer_null(writer);
    resp_writer_null_array(writer);
    resp_writer_map(writer, 1);
    resp_writer_bulk(writer, slice_text("key"));
    resp_writer_set(writer, 1);
    resp_writer_integer(writer, 1);
    resp_writer_double(writer, 0.1);
    resp_writer_boolean(writer, true);
    resp_writer_big_number(writer, slice_text("-99999999999999999999"));
    resp_writer_verbatim(writer, "txt", slice_text("text"));
    resp_writer_push(writer, 1);
    resp_writer_bulk(writer, slice_text("message"));
}

static void assert_round_trip(enum resp_version version, const char *expected)
{
    struct buffer wire = {0};
    struct buffer got = {0};
    write_one_of_each((struct resp_writer){&wire, version});
    resp_transcript_replies(buffer_slice(&wire), &roomy, (struct resp_cut){0, 0}, &got);
    buffer_put_u8(&got, 0);
    assert_string_equal((const char *)got.data, expected);
    for (size_t at = 1; at < wire.length; at++)
        assert_true(resp_same_in_pieces(buffer_slice(&wire), (struct resp_cut){.first = at}));
    assert_true(resp_same_in_pieces(buffer_slice(&wire), (struct resp_cut){1, 1}));
    buffer_deinit(&wire);
    buffer_deinit(&got);
}

static void written_replies_read_back_in_both_versions(void **state)
{
    (void)state;
    /* (type-and-format content): 0 simple, 1 error, 2 bulk, ... as in enum resp_type */
    assert_round_trip(RESP_VERSION_3,
                      "(9 (0 OK)(1 ERR no)(5 -9223372036854775808)(2 a\r\nb)(8 )(8 )"
                      "(10 (2 key)(11 (5 1)))(6 0x1.999999999999ap-4)(7 true)"
                      "(4 -99999999999999999999)(3txt text))\n(12 (2 message))\n");
    assert_round_trip(RESP_VERSION_2,
                      "(9 (0 OK)(1 ERR no)(5 -9223372036854775808)(2 a\r\nb)(8 )(8 )"
                      "(9 (2 key)(9 (5 1)))(2 0.1)(5 1)"
                      "(2 -99999999999999999999)(2 text))\n(9 (2 message))\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind_of_text),
        cmocka_unit_test(reads_integers_at_both_ends_of_64_bits),
        cmocka_unit_test(reads_nulls_booleans_and_doubles),
        cmocka_unit_test(reads_nested_aggregates),
        cmocka_unit_test(pushes_are_replies_of_their_own),
        cmocka_unit_test(attributes_are_left_out_wherever_they_stand),
        cmocka_unit_test(eight_levels_are_read_and_nine_refused),
        cmocka_unit_test(what_is_not_the_protocol_is_an_error),
        cmocka_unit_test(incomplete_replies_wait),
        cmocka_unit_test(nothing_is_read_after_an_error),
        cmocka_unit_test(limits_hold_exactly),
        cmocka_unit_test(limits_start_again_with_each_reply),
        cmocka_unit_test(memory_follows_what_arrives_not_what_is_announced),
        cmocka_unit_test(million_elements_byte_by_byte_are_linear),
        cmocka_unit_test(written_replies_read_back_in_both_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
