/*
 * test_reply_reader.c - the client's reader of replies, with wire/resp_reply as oracle.
 */
#include "client/reply_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "wire/resp_reply.h"

enum { REPLIES = 3000, BYTES_MAX = 1 << 20 };

static const struct resp_reply_limits ORACLE_LIMITS = {.text_bytes_max = REPLY_LINE_MAX,
                                                       .elements_max = REPLY_VALUES_MAX,
                                                       .reply_bytes_max = BYTES_MAX};

static void write_value(struct random *random, struct buffer *out, unsigned depth);

static void write_elements(struct random *random, struct buffer *out, unsigned depth, char type)
{
    uint64_t count = random_below(random, 4);
    buffer_printf(out, "%c%d\r\n", type, (int)count);
    for (uint64_t i = 0; i < count * (type == '%' || type == '|' ? 2 : 1); i++)
        write_value(random, out, depth + 1);
}

static void write_value(struct random *random, struct buffer *out, unsigned depth)
{
    static const char *const plain[] = {"+OK\r\n",
                                        "-ERR no\r\n",
                                        ":-17\r\n",
                                        ",1.5\r\n",
                                        ",inf\r\n",
                                        "#t\r\n",
                                        "#f\r\n",
                                        "_\r\n",
                                        "$-1\r\n",
                                        "*-1\r\n",
                                        "(123456789012345\r\n",
                                        "$0\r\n\r\n",
                                        "$5\r\na\r\nbc\r\n",
                                        "=7\r\ntxt:abc\r\n",
                                        "!5\r\nERR x\r\n",
                                        "+\r\n",
                                        ":9223372036854775807\r\n"};
    uint64_t choice = random_below(random, depth < 5 ? 24 : 18);
    if (choice >= 18) {
        if (random_chance(random, 1, 8)) {
            write_elements(random, out, depth, '|');
            write_value(random, out, depth);
        } else {
            write_elements(random, out, depth, "*%~*%*"[choice - 18]);
        }
    } else {
        buffer_printf(out, "%s", plain[choice % 17]);
    }
}

static void assert_same(const struct ringdb_reply *found, const struct resp_value *expected)
{
    static const enum ringdb_type types[] = {[RESP_TYPE_SIMPLE] = RINGDB_SIMPLE,
                                             [RESP_TYPE_ERROR] = RINGDB_ERROR,
                                             [RESP_TYPE_BULK] = RINGDB_BULK,
                                             [RESP_TYPE_VERBATIM] = RINGDB_VERBATIM,
                                             [RESP_TYPE_BIG_NUMBER] = RINGDB_BIG_NUMBER,
                                             [RESP_TYPE_INTEGER] = RINGDB_INTEGER,
                                             [RESP_TYPE_DOUBLE] = RINGDB_DOUBLE,
                                             [RESP_TYPE_BOOLEAN] = RINGDB_BOOLEAN,
                                             [RESP_TYPE_NULL] = RINGDB_NULL,
                                             [RESP_TYPE_ARRAY] = RINGDB_ARRAY,
                                             [RESP_TYPE_MAP] = RINGDB_MAP,
                                             [RESP_TYPE_SET] = RINGDB_SET,
                                             [RESP_TYPE_PUSH] = RINGDB_PUSH};
    assert_int_equal(found->type, types[expected->type]);
    switch (found->type) {
    case RINGDB_SIMPLE:
    case RINGDB_ERROR:
    case RINGDB_BULK:
    case RINGDB_VERBATIM:
    case RINGDB_BIG_NUMBER:
        assert_int_equal(found->text.length, expected->text.length);
        assert_memory_equal(found->text.data, expected->text.data, expected->text.length + 1);
        break;
    case RINGDB_INTEGER:
        assert_int_equal(found->integer, expected->integer);
        break;
    case RINGDB_BOOLEAN:
        assert_int_equal(found->integer, expected->boolean);
        break;
    case RINGDB_DOUBLE:
        assert_true(found->real == expected->real);
        break;
    case RINGDB_NULL:
        break;
    default:
        assert_int_equal(found->element_count, expected->element_count);
        for (size_t i = 0; i < found->element_count; i++)
            assert_same(&found->elements[i], &expected->elements[i]);
    }
}

/* Offer the bytes in pieces; the reply and the bytes it takes. NULL: refused, or not complete. */
static struct ringdb_reply *read_in_pieces(struct slice bytes, struct random *random,
                                           size_t *wire_bytes)
{
    struct ringdb_memory memory = ringdb_memory_make(NULL, NULL);
    struct ringdb_reply_reader reader = {.bytes_max = BYTES_MAX};
    size_t values, text_bytes;
    for (size_t length = 0;;) {
        switch (ringdb_reply_find(&reader, bytes.data, length, wire_bytes, &values, &text_bytes)) {
        case REPLY_DONE:
            assert_int_equal(reader.scanned, 0);
            return ringdb_reply_build(&memory, bytes.data, *wire_bytes, values, text_bytes);
        case REPLY_REFUSED:
            return NULL;
        case REPLY_MORE:
            break;
        }
        if (length == bytes.length)
            return NULL;
        length += 1 + (random == NULL ? 0 : random_below(random, bytes.length - length));
    }
}

static void replies_in_any_pieces_are_those_of_the_other_reader(void **state)
{
    struct random random = random_make(1);
    (void)state;
    for (int i = 0; i < REPLIES; i++) {
        struct buffer bytes = {0};
        size_t offset = 0, wire_bytes = 0;
        struct resp_value *expected = NULL;
        write_value(&random, &bytes, 0);
        struct resp_reply_reader *oracle = resp_reply_reader_new(&ORACLE_LIMITS);
        assert_int_equal(resp_reply_reader_next(oracle, buffer_slice(&bytes), &offset, &expected),
                         RESP_REPLY_VALUE);
        struct ringdb_reply *found =
            read_in_pieces(buffer_slice(&bytes), i % 3 == 0 ? NULL : &random, &wire_bytes);
        assert_non_null(found);
        assert_int_equal(wire_bytes, offset);
        assert_same(found, expected);
        ringdb_reply_free(found);
        resp_value_free(expected);
        resp_reply_reader_free(oracle);
        buffer_deinit(&bytes);
    }
}

/* One byte changed: the readers agree on whether it is a reply, and which. */
static void broken_replies_are_refused_as_by_the_other_reader(void **state)
{
    struct random random = random_make(2);
    unsigned refused = 0;
    (void)state;
    for (int i = 0; i < REPLIES; i++) {
        struct buffer bytes = {0};
        size_t offset = 0, wire_bytes = 0;
        struct resp_value *expected = NULL;
        write_value(&random, &bytes, 0);
        bytes.data[random_below(&random, bytes.length)] =
            (uint8_t) "\r\n:$*%_-0123a"[random_below(&random, 13)];
        struct resp_reply_reader *oracle = resp_reply_reader_new(&ORACLE_LIMITS);
        enum resp_reply_progress progress =
            resp_reply_reader_next(oracle, buffer_slice(&bytes), &offset, &expected);
        struct ringdb_reply *found = read_in_pieces(buffer_slice(&bytes), NULL, &wire_bytes);
        assert_int_equal(found != NULL, progress == RESP_REPLY_VALUE);
        if (found != NULL)
            assert_same(found, expected);
        refused += progress == RESP_REPLY_ERROR;
        ringdb_reply_free(found);
        resp_value_free(expected);
        resp_reply_reader_free(oracle);
        buffer_deinit(&bytes);
    }
    assert_true(refused > REPLIES / 10);
}

static enum ringdb_reply_progress find(struct slice bytes, size_t bytes_max)
{
    struct ringdb_reply_reader reader = {.bytes_max = bytes_max};
    size_t wire_bytes, values, text_bytes;
    return ringdb_reply_find(&reader, bytes.data, bytes.length, &wire_bytes, &values, &text_bytes);
}

static void limits_hold_at_their_edge(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    buffer_printf(&bytes, "$%d\r\n", 100);
    buffer_append(buffer_reserve(&bytes, 100) == NULL ? NULL : &bytes, (char[100]){0}, 100);
    buffer_printf(&bytes, "\r\n");
    assert_int_equal(find(buffer_slice(&bytes), bytes.length), REPLY_DONE);
    assert_int_equal(find(buffer_slice(&bytes), bytes.length - 1), REPLY_REFUSED);
    assert_int_equal(find(slice_text("$101\r\n"), 100), REPLY_REFUSED); /* at once, not later */
    buffer_clear(&bytes);
    for (int i = 0; i < REPLY_DEPTH_MAX; i++)
        buffer_printf(&bytes, "*1\r\n");
    buffer_printf(&bytes, ":1\r\n");
    assert_int_equal(find(buffer_slice(&bytes), BYTES_MAX), REPLY_DONE);
    buffer_clear(&bytes);
    for (int i = 0; i <= REPLY_DEPTH_MAX; i++)
        buffer_printf(&bytes, "*1\r\n");
    assert_int_equal(find(buffer_slice(&bytes), BYTES_MAX), REPLY_REFUSED);
    buffer_clear(&bytes);
    buffer_printf(&bytes, "+");
    for (int i = 0; i < REPLY_LINE_MAX + 1; i++)
        buffer_put_u8(&bytes, 'x');
    assert_int_equal(find(buffer_slice(&bytes), BYTES_MAX), REPLY_REFUSED);
    buffer_deinit(&bytes);
    assert_int_equal(find(slice_text("*4194305\r\n"), BYTES_MAX), REPLY_REFUSED);
    assert_int_equal(find(slice_text("$?\r\n"), BYTES_MAX), REPLY_REFUSED);
}

static void maps_and_lists_give_values_by_name(void **state)
{
    size_t wire_bytes;
    (void)state;
    struct ringdb_reply *map =
        read_in_pieces(slice_text("*4\r\n$1\r\na\r\n:1\r\n+b\r\n:2\r\n"), NULL, &wire_bytes);
    assert_int_equal(ringdb_reply_get(map, "b")->integer, 2);
    assert_null(ringdb_reply_get(map, "c"));
    assert_null(ringdb_reply_get(ringdb_reply_get(map, "a"), "b"));
    assert_null(ringdb_reply_get(NULL, "a"));
    ringdb_reply_free(map);
    ringdb_reply_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_in_any_pieces_are_those_of_the_other_reader),
        cmocka_unit_test(broken_replies_are_refused_as_by_the_other_reader),
        cmocka_unit_test(limits_hold_at_their_edge),
        cmocka_unit_test(maps_and_lists_give_values_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
