/*
 * test_resp_reader.c - requests, inline commands, and what an attacker sends instead.
 */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../fuzz/resp_check.h"
#include "base/memory.h"

#define BYTES(literal) slice_make((literal), sizeof(literal) - 1)

static const struct resp_limits roomy = {.arguments_max = 2000000,
                                         .bulk_bytes_max = 64 << 20,
                                         .inline_bytes_max = 65536,
                                         .request_bytes_max = 128 << 20,
                                         .authenticated = true};

/* ---- a reader with one input, and what it says ---- */

struct fixture {
    struct resp_reader *reader;
    struct slice input;
    size_t offset;
    struct resp_request request;
};

static struct fixture fixture_make(struct slice input, const struct resp_limits *limits)
{
    return (struct fixture){.reader = resp_reader_new(limits), .input = input};
}

static enum resp_reader_progress next(struct fixture *f)
{
    return resp_reader_next(f->reader, f->input, &f->offset, &f->request);
}

static void assert_argument(const struct fixture *f, uint32_t i, struct slice expected)
{
    assert_true(i < f->request.argument_count);
    assert_int_equal(f->request.arguments[i].length, expected.length);
    assert_memory_equal(f->request.arguments[i].data, expected.data, expected.length);
}

static void assert_refused_with(struct slice input, const struct resp_limits *limits,
                                const char *text)
{
    struct fixture f = fixture_make(input, limits);
    enum resp_reader_progress progress = RESP_READER_REQUEST;
    while ((progress = next(&f)) == RESP_READER_REQUEST)
        ;
    assert_int_equal(progress, RESP_READER_ERROR);
    assert_string_equal(resp_reader_error(f.reader), text);
    resp_reader_free(f.reader);
}

static void assert_refused(struct slice input, const char *text)
{
    assert_refused_with(input, &roomy, text);
}

/* `words` as one string with a bar behind each; an input of one request. */
static void assert_words(struct slice input, const char *words)
{
    struct fixture f = fixture_make(input, &roomy);
    struct buffer got = {0};
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    for (uint32_t i = 0; i < f.request.argument_count; i++) {
        buffer_append_slice(&got, f.request.arguments[i]);
        buffer_append(&got, "|", 1);
    }
    buffer_put_u8(&got, 0);
    assert_string_equal((const char *)got.data, words);
    assert_int_equal(f.offset, input.length);
    buffer_deinit(&got);
    resp_reader_free(f.reader);
}

/* Nothing to do, nothing wrong: all of the input is skipped, and a request behind it is read. */
static void assert_skipped(struct slice input)
{
    struct buffer with_ping = {0};
    buffer_append_slice(&with_ping, input);
    buffer_append_slice(&with_ping, BYTES("*1\r\n$4\r\nPING\r\n"));
    struct fixture f = fixture_make(buffer_slice(&with_ping), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 1);
    assert_argument(&f, 0, BYTES("PING"));
    assert_int_equal(f.request.wire_bytes, 14);
    assert_int_equal(next(&f), RESP_READER_MORE);
    assert_int_equal(f.offset, with_ping.length);
    resp_reader_free(f.reader);
    buffer_deinit(&with_ping);
}

/* `count` times `byte`. */
static void append_many(struct buffer *out, int byte, size_t count)
{
    memset(buffer_reserve(out, count), byte, count);
    out->length += count;
}

/* ---- requests ---- */

static void reads_a_multibulk_request(void **state)
{
    (void)state;
    struct slice input = BYTES("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n");
    struct fixture f = fixture_make(input, &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 3);
    assert_argument(&f, 0, BYTES("SET"));
    assert_argument(&f, 1, BYTES("key"));
    assert_argument(&f, 2, BYTES("value"));
    assert_int_equal(f.request.wire_bytes, input.length);
    assert_int_equal(f.offset, input.length);
    assert_null(resp_reader_error(f.reader));
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_free(f.reader);
}

/* Zero copy is what keeps a large value from being copied twice. */
static void arguments_of_a_multibulk_request_lie_in_the_input(void **state)
{
    (void)state;
    struct slice input = BYTES("*1\r\n$4\r\nPING\r\n");
    struct fixture f = fixture_make(input, &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_ptr_equal(f.request.arguments[0].data, input.data + 8);
    resp_reader_free(f.reader);
}

static void pipelined_requests_come_one_at_a_time_in_order(void **state)
{
    (void)state;
    struct fixture f =
        fixture_make(BYTES("*1\r\n$1\r\na\r\nb\r\n*2\r\n$1\r\nc\r\n$0\r\n\r\n*1\r\n$1"), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_argument(&f, 0, BYTES("a"));
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_argument(&f, 0, BYTES("b"));
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_argument(&f, 0, BYTES("c"));
    assert_argument(&f, 1, BYTES(""));
    assert_int_equal(next(&f), RESP_READER_MORE);
    assert_int_equal(f.input.length - f.offset, 6);
    resp_reader_free(f.reader);
}

/* The caller may move its bytes while a request is under way: only offsets are kept. */
static void input_may_move_between_calls(void **state)
{
    (void)state;
    char first[] = "*2\r\n$3\r\nGET\r\n$3\r\nk";
    char second[] = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n";
    struct fixture f = fixture_make(BYTES(first), &roomy);
    assert_int_equal(next(&f), RESP_READER_MORE);
    assert_int_equal(f.offset, 0);
    memset(first, '#', sizeof first);
    f.input = BYTES(second);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_ptr_equal(f.request.arguments[0].data, second + 8);
    assert_ptr_equal(f.request.arguments[1].data, second + 17);
    resp_reader_free(f.reader);
}

static void empty_lines_and_empty_requests_are_skipped(void **state)
{
    (void)state;
    assert_skipped(BYTES(""));
    assert_skipped(BYTES("\r\n"));
    assert_skipped(BYTES("\n"));
    assert_skipped(BYTES(" \t \r\n"));
    assert_skipped(BYTES("*0\r\n"));
    assert_skipped(BYTES("*-1\r\n"));
    assert_skipped(BYTES("*-10\r\n"));
    assert_skipped(BYTES("\r\n\n*0\r\n  \n*-1\r\n\r\n"));
}

static void empty_bulk_is_an_empty_argument(void **state)
{
    (void)state;
    assert_words(BYTES("*1\r\n$0\r\n\r\n"), "|");
    assert_words(BYTES("*3\r\n$0\r\n\r\n$1\r\na\r\n$0\r\n\r\n"), "|a||");
}

static void arguments_are_binary(void **state)
{
    (void)state;
    struct fixture f =
        fixture_make(BYTES("*2\r\n$4\r\n\0\xff\r\n\r\n$6\r\n$1\r\n*\x80\r\n"), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_argument(&f, 0, BYTES("\0\xff\r\n"));
    assert_argument(&f, 1, BYTES("$1\r\n*\x80"));
    resp_reader_free(f.reader);
}

/* ---- inline commands ---- */

static void inline_words_are_separated_by_blanks(void **state)
{
    (void)state;
    assert_words(BYTES("PING\r\n"), "PING|");
    assert_words(BYTES("PING\n"), "PING|");
    assert_words(BYTES("  set  a\tb \r\n"), "set|a|b|");
    assert_words(BYTES("a\rb\r\r\n"), "a|b|");
    /* As Redis: these two are blanks between words, not within one. */
    assert_words(BYTES("\v a\vb \f c\n"), "a\vb|c|");
}

static void double_quotes_hold_blanks_and_escapes(void **state)
{
    (void)state;
    assert_words(BYTES("set \"a b\" \"\"\n"), "set|a b||");
    assert_words(BYTES("\"\\n\\r\\t\\b\\a\"\n"), "\n\r\t\b\a|");
    assert_words(BYTES("\"\\\\ \\\" \\q '\"\n"), "\\ \" q '|");
    assert_words(BYTES("\"\\x41\\x6a\\x6A\\xfF\"\n"), "Ajj\xff|");
    /* Not two hexadecimal digits: an escaped x. */
    assert_words(BYTES("\"\\x4g \\x4\"\n"), "x4g x4|");
    assert_words(BYTES("ab\"c d\"\n"), "abc d|");
}

static void single_quotes_hold_everything_but_their_end(void **state)
{
    (void)state;
    assert_words(BYTES("set 'a b' ''\n"), "set|a b||");
    assert_words(BYTES("'it\\'s' '\\n\\x41\\\\ ' '\"'\n"), "it's|\\n\\x41\\\\ |\"|");
}

static void escaped_nul_is_part_of_the_word(void **state)
{
    (void)state;
    struct fixture f = fixture_make(BYTES("\"a\\x00b\" c\0d\n"), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_argument(&f, 0, BYTES("a\0b"));
    assert_argument(&f, 1, BYTES("c\0d"));
    resp_reader_free(f.reader);
}

static void unbalanced_quotes_are_refused(void **state)
{
    (void)state;
    const char *const lines[] = {
        "set \"a\n",    "\"\n",      "'\n",     "set 'a\r\n", "\"a\"b\n",
        "'a'b\n",       "\"a\\\"\n", "'a\\'\n", "a\"\n",      "set \"\"\"key\"\"\" value\n",
        "\"a\"\"b\"\n", "\"\\\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_refused(slice_text(lines[i]), "ERR Protocol error: unbalanced quotes in request");
}

/* ---- the attack list of reliability 5.6 ---- */

static void attack_multibulk_length_out_of_range(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: invalid multibulk length";
    assert_refused(BYTES("*3000000000\r\n"), text);
    assert_refused(BYTES("*2147483648\r\n"), text);
    assert_refused(BYTES("*9223372036854775807\r\n"), text);
    assert_refused(BYTES("*9223372036854775808\r\n"), text);
    assert_refused(BYTES("*-9223372036854775809\r\n"), text);
    assert_refused(BYTES("*99999999999999999999999999999999\r\n"), text);
    assert_refused(BYTES("*2000001\r\n"), text);
}

static void attack_multibulk_length_is_not_a_number(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: invalid multibulk length";
    assert_refused(BYTES("*\r\n"), text);
    assert_refused(BYTES("*-\r\n"), text);
    assert_refused(BYTES("*abc\r\n"), text);
    assert_refused(BYTES("*+1\r\n"), text);
    assert_refused(BYTES("* 1\r\n"), text);
    assert_refused(BYTES("*1 \r\n"), text);
    assert_refused(BYTES("*01\r\n"), text);
    assert_refused(BYTES("*00\r\n"), text);
    assert_refused(BYTES("*-0\r\n"), text);
    assert_refused(BYTES("*1.0\r\n"), text);
    assert_refused(BYTES("*0x1\r\n"), text);
    assert_refused(BYTES("*1\r$"), text);
}

static void attack_bulk_length_out_of_range(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: invalid bulk length";
    assert_refused(BYTES("*1\r\n$2000000000\r\n"), text);
    assert_refused(BYTES("*1\r\n$-10\r\n"), text);
    assert_refused(BYTES("*1\r\n$-1\r\n"), text);
    assert_refused(BYTES("*1\r\n$4294967295\r\n"), text);
    assert_refused(BYTES("*1\r\n$9223372036854775807\r\n"), text);
    assert_refused(BYTES("*1\r\n$18446744073709551615\r\n"), text);
    assert_refused(BYTES("*1\r\n$-9223372036854775808\r\n"), text);
}

static void attack_bulk_length_is_not_a_number(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: invalid bulk length";
    assert_refused(BYTES("*1\r\n$blabla\r\n"), text);
    assert_refused(BYTES("*1\r\n$\r\n"), text);
    assert_refused(BYTES("*1\r\n$+4\r\nPING\r\n"), text);
    assert_refused(BYTES("*1\r\n$04\r\nPING\r\n"), text);
    assert_refused(BYTES("*1\r\n$ 4\r\nPING\r\n"), text);
    assert_refused(BYTES("*1\r\n$4\rPING\r\n"), text);
}

static void attack_bulk_header_missing(void **state)
{
    (void)state;
    assert_refused(BYTES("*1\r\nfoo\r\n"), "ERR Protocol error: expected '$', got 'f'");
    assert_refused(BYTES("*1\r\nfoo"), "ERR Protocol error: expected '$', got 'f'");
    assert_refused(BYTES("*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n"),
                   "ERR Protocol error: expected '$', got 'f'");
    assert_refused(BYTES("*1\r\n*1\r\n"), "ERR Protocol error: expected '$', got '*'");
}

/* The byte is the attacker's; the reply and the log are ours. */
static void attack_line_end_and_control_bytes_are_not_echoed(void **state)
{
    (void)state;
    assert_refused(BYTES("*1\r\n\r\n"), "ERR Protocol error: expected '$', got '\\x0d'");
    assert_refused(BYTES("*1\r\n\n"), "ERR Protocol error: expected '$', got '\\x0a'");
    assert_refused(BYTES("*1\r\n\0"), "ERR Protocol error: expected '$', got '\\x00'");
    assert_refused(BYTES("*1\r\n\x1b"), "ERR Protocol error: expected '$', got '\\x1b'");
    assert_refused(BYTES("*1\r\n\x7f"), "ERR Protocol error: expected '$', got '\\x7f'");
    assert_refused(BYTES("*1\r\n\xff"), "ERR Protocol error: expected '$', got '\\xff'");
}

/* A bulk that is longer than announced would make its tail the next command. */
static void attack_missing_crlf_behind_a_bulk(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: expected CRLF after a bulk";
    assert_refused(BYTES("*1\r\n$4\r\nPINGFLUSHALL\r\n"), text);
    assert_refused(BYTES("*1\r\n$4\r\nPING\n\n"), text);
    assert_refused(BYTES("*1\r\n$4\r\nPING\rx"), text);
    assert_refused(BYTES("*1\r\n$3\r\nPING\r\n"), text);
}

/* Redis' three desynchronisation tests: a NUL hid the line end from strchr(). */
static void attack_nul_then_endless_bytes(void **state)
{
    (void)state;
    const struct {
        struct slice start;
        const char *text;
    } cases[] = {
        {BYTES("\0"), "ERR Protocol error: too big inline request"},
        {BYTES("*\0"), "ERR Protocol error: too big mbulk count string"},
        {BYTES("*1\r\n$\0"), "ERR Protocol error: too big bulk count string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer input = {0};
        buffer_append_slice(&input, cases[i].start);
        append_many(&input, 'x', 70000);
        assert_refused(buffer_slice(&input), cases[i].text);
        buffer_deinit(&input);
    }
}

static void attack_header_of_digits_without_end(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append(&input, "*", 1);
    append_many(&input, '1', 65535);
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_free(f.reader);
    append_many(&input, '1', 1);
    assert_refused(buffer_slice(&input), "ERR Protocol error: too big mbulk count string");
    buffer_deinit(&input);
}

/* At the limit it is read, one byte above it is not, whether its end has arrived or not. */
static void attack_inline_request_above_64_kib(void **state)
{
    (void)state;
    struct buffer input = {0};
    append_many(&input, 'a', 65536);
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    assert_int_equal(next(&f), RESP_READER_MORE);
    buffer_append(&input, "\n", 1);
    f.input = buffer_slice(&input);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.arguments[0].length, 65536);
    resp_reader_free(f.reader);

    input.data[65536] = 'a';
    assert_refused(buffer_slice(&input), "ERR Protocol error: too big inline request");
    buffer_append(&input, "\n", 1);
    assert_refused(buffer_slice(&input), "ERR Protocol error: too big inline request");
    buffer_deinit(&input);
}

/* Without line ends a client that takes its time gets no further than one that does not. */
static void attack_line_feed_alone_does_not_end_a_header(void **state)
{
    (void)state;
    struct fixture f = fixture_make(BYTES("*1\n$4\nPING\n"), &roomy);
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_free(f.reader);
    assert_refused(BYTES("*1\n$4\nPING\n\r\n"), "ERR Protocol error: invalid multibulk length");
}

static void attack_http_request_is_refused(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: this port does not speak HTTP";
    assert_refused(BYTES("POST / HTTP/1.1\r\n"), text);
    assert_refused(BYTES("post /\n"), text);
    assert_refused(BYTES("GET / HTTP/1.1\r\nHost: 127.0.0.1:6379\r\n\r\nFLUSHALL\r\n"), text);
    assert_refused(BYTES("hOsT: a\n"), text);
    assert_refused(BYTES("*1\r\n$4\r\nPoSt\r\n"), text);
    assert_refused(BYTES("*2\r\n$5\r\nHost:\r\n$1\r\na\r\n"), text);
    assert_words(BYTES("POSTS /\n"), "POSTS|/|");
    assert_words(BYTES("Host a\n"), "Host|a|");
}

static void attack_tls_client_hello_is_refused_at_its_first_byte(void **state)
{
    (void)state;
    const char *text = "ERR Protocol error: TLS handshake on a port without TLS";
    assert_refused(BYTES("\x16"), text);
    assert_refused(BYTES("\x16\x03\x01\x02\x00\x01\x00"), text);
}

static void attack_command_name_of_high_bytes_is_only_a_name(void **state)
{
    (void)state;
    assert_words(BYTES("\xff\xfe\x80 a\r\n"), "\xff\xfe\x80|a|");
    assert_words(BYTES("*1\r\n$3\r\n\xff\xfe\x80\r\n"), "\xff\xfe\x80|");
}

static void attack_line_ends_in_a_name_stay_in_the_name(void **state)
{
    (void)state;
    assert_words(BYTES("*1\r\n$11\r\nA\r\nFLUSHALL\r\n"), "A\r\nFLUSHALL|");
}

static void attack_million_pipelined_requests(void **state)
{
    (void)state;
    static const char ping[] = "*1\r\n$4\r\nPING\r\n";
    struct buffer input = {0};
    for (int i = 0; i < 1000000; i++)
        buffer_append(&input, ping, sizeof ping - 1);
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    int count = 0;
    while (next(&f) == RESP_READER_REQUEST)
        count++;
    assert_int_equal(count, 1000000);
    assert_int_equal(f.offset, input.length);
    resp_reader_free(f.reader);
    buffer_deinit(&input);
}

/*
 * Byte by byte: a reader that began again at each piece would take three million
 * million steps here and not come back.
 */
static void attack_million_tiny_arguments_in_linear_time(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append_slice(&input, BYTES("*1000000\r\n"));
    for (int i = 0; i < 1000000; i++)
        buffer_append(&input, "$0\r\n\r\n", 6);
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    for (f.input.length = 1; f.input.length < input.length; f.input.length++)
        assert_true(next(&f) == RESP_READER_MORE);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 1000000);
    assert_int_equal(f.request.wire_bytes, input.length);
    resp_reader_free(f.reader);
    buffer_deinit(&input);
}

static void attack_same_key_a_hundred_thousand_times(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append_slice(&input, BYTES("*100001\r\n$3\r\nDEL\r\n"));
    for (int i = 0; i < 100000; i++)
        buffer_append_slice(&input, BYTES("$3\r\nkey\r\n"));
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 100001);
    assert_argument(&f, 100000, BYTES("key"));
    resp_reader_free(f.reader);
    buffer_deinit(&input);
}

/* Large blocks are mapped and counted apart. (Under a sanitizer both are 0.) */
static size_t allocated_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/*
 * 10,000 connections that each announce 2 million arguments must not cost 10,000 times 2 million.
 */
static void memory_follows_what_arrives_not_what_is_announced(void **state)
{
    (void)state;
    struct fixture f = fixture_make(BYTES("*2000000\r\n$1\r\na\r\n$67108864\r\nabc"), &roomy);
    size_t before = allocated_bytes();
    assert_int_equal(next(&f), RESP_READER_MORE);
    assert_true(allocated_bytes() <= before);
    resp_reader_free(f.reader);
}

/* An idle connection does not keep what its largest request needed. */
static void memory_of_a_large_request_is_given_back(void **state)
{
    (void)state;
    struct buffer input = {0};
    buffer_append_slice(&input, BYTES("*10000\r\n"));
    for (int i = 0; i < 10000; i++)
        buffer_append_slice(&input, BYTES("$1\r\na\r\n"));
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    size_t before = allocated_bytes();
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(next(&f), RESP_READER_MORE);
    assert_true(allocated_bytes() <= before);
    resp_reader_free(f.reader);
    buffer_deinit(&input);
}

/* ---- limits ---- */

static void argument_count_is_limited_exactly(void **state)
{
    (void)state;
    struct resp_limits limits = roomy;
    limits.arguments_max = 2;
    struct fixture f =
        fixture_make(BYTES("*2\r\n$1\r\na\r\n$1\r\nb\r\na b\r\n*1\r\n$1\r\na\r\n"), &limits);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 2);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    resp_reader_free(f.reader);
    assert_refused_with(BYTES("*3\r\n"), &limits, "ERR Protocol error: invalid multibulk length");
    assert_refused_with(BYTES("a b c\r\n"), &limits,
                        "ERR Protocol error: invalid multibulk length");
}

static void bulk_length_is_limited_exactly(void **state)
{
    (void)state;
    struct resp_limits limits = roomy;
    limits.bulk_bytes_max = 3;
    struct fixture f = fixture_make(BYTES("*1\r\n$3\r\nabc\r\nabc 'abc'\r\nab\r\n"), &limits);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    resp_reader_free(f.reader);
    assert_refused_with(BYTES("*1\r\n$4\r\n"), &limits, "ERR Protocol error: invalid bulk length");
    assert_refused_with(BYTES("abcd\r\n"), &limits, "ERR Protocol error: invalid bulk length");
}

/* Many arguments of allowed size must not add up to anything; known from the header on. */
static void request_length_is_limited_exactly(void **state)
{
    (void)state;
    struct resp_limits limits = roomy;
    limits.inline_bytes_max = 64;
    limits.request_bytes_max = 100;
    /* 4 + 5 + 50 + 2 = 61 bytes, then 5 + n + 2. */
    struct buffer input = {0};
    buffer_append_slice(&input, BYTES("*2\r\n$50\r\n"));
    append_many(&input, 'a', 50);
    buffer_append_slice(&input, BYTES("\r\n$32\r\n"));
    append_many(&input, 'b', 32);
    buffer_append_slice(&input, BYTES("\r\n"));
    assert_int_equal(input.length, 100);
    struct fixture f = fixture_make(buffer_slice(&input), &limits);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    resp_reader_free(f.reader);
    input.data[63] = '3'; /* $33: one more */
    input.length = 66;
    assert_memory_equal(input.data + 61, "$33\r\n", 5);
    assert_refused_with(buffer_slice(&input), &limits, "ERR Protocol error: too big request");
    buffer_deinit(&input);
}

/* Before a login Redis allows 10 arguments of 16 KiB and says so in its own words. */
static void limits_before_login_have_their_own_errors(void **state)
{
    (void)state;
    const struct resp_limits *before = &resp_limits_before_login;
    assert_refused_with(BYTES("*11\r\n"), before,
                        "ERR Protocol error: unauthenticated multibulk length");
    assert_refused_with(BYTES("1 2 3 4 5 6 7 8 9 10 11\n"), before,
                        "ERR Protocol error: unauthenticated multibulk length");
    assert_refused_with(BYTES("*1\r\n$16385\r\n"), before,
                        "ERR Protocol error: unauthenticated bulk length");
    assert_refused_with(BYTES("*3000000000\r\n"), before,
                        "ERR Protocol error: invalid multibulk length");
    assert_refused_with(BYTES("*1\r\n$-1\r\n"), before, "ERR Protocol error: invalid bulk length");
    struct fixture f = fixture_make(BYTES("*10\r\n$16384\r\n"), before);
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_free(f.reader);
}

static void limits_can_be_raised_between_requests(void **state)
{
    (void)state;
    struct fixture f = fixture_make(BYTES("AUTH secret\r\n1 2 3 4 5 6 7 8 9 10 11\r\n*11\r\n"),
                                    &resp_limits_before_login);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    resp_reader_set_limits(f.reader, &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(f.request.argument_count, 11);
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_free(f.reader);
}

/* RESET takes a login back while a line is half read. */
static void limits_can_be_lowered_in_the_middle_of_a_line(void **state)
{
    (void)state;
    struct resp_limits low = roomy;
    low.inline_bytes_max = 64;
    struct buffer input = {0};
    append_many(&input, 'a', 100);
    struct fixture f = fixture_make(buffer_slice(&input), &roomy);
    assert_int_equal(next(&f), RESP_READER_MORE);
    resp_reader_set_limits(f.reader, &low);
    assert_int_equal(next(&f), RESP_READER_ERROR);
    resp_reader_free(f.reader);
    buffer_deinit(&input);
}

/* What follows a broken request must never run: it may be the inside of a value. */
static void nothing_is_read_after_an_error(void **state)
{
    (void)state;
    struct fixture f =
        fixture_make(BYTES("*1\r\n$4\r\nPING\r\n*1\r\nx\r\n*1\r\n$8\r\nFLUSHALL\r\n"), &roomy);
    assert_int_equal(next(&f), RESP_READER_REQUEST);
    assert_int_equal(next(&f), RESP_READER_ERROR);
    assert_int_equal(f.offset, 14);
    f.offset = 21;
    assert_int_equal(next(&f), RESP_READER_ERROR);
    assert_int_equal(f.offset, 21);
    assert_string_equal(resp_reader_error(f.reader), "ERR Protocol error: expected '$', got 'x'");
    resp_reader_free(f.reader);
}

/* ---- pieces ---- */

static const char *const corpus[] = {
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n",
    "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\nPING\r\n",
    "\r\n\n*0\r\n*-1\r\n  \r\nset \"a \\x41\\n\" 'b\\'c' d\"e\"\r\nget x\n",
    "*2\r\n$4\r\n\r\n\r\n\r\n$6\r\n*1\r\n$1\r\n",
    "*20\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n$"
    "1\r\nh\r\n"
    "$1\r\ni\r\n$1\r\nj\r\n$1\r\nk\r\n$1\r\nl\r\n$1\r\nm\r\n$1\r\nn\r\n$1\r\no\r\n$1\r\np\r\n"
    "$1\r\nq\r\n$1\r\nr\r\n$1\r\ns\r\n$1\r\nt\r\n*1\r\n$4\r\nPING\r\n",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z\r\n\"last one\"\r\n",
    "PING\r\n*1\r\n$4\r\nPINGFLUSHALL\r\n",
    "*1\r\n$4\rPING",
    "*1\r\n$301\r\n",
    "*51\r\n",
    "*00000000000000000001\r\n",
    "set \"a\r\n",
    "*2\r\n$4\r\nPING\r\nHost: a\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\n",
    "\x16\x03\x01",
    "*1\r\n$300\r\n",
    "this inline request is longer than the limit of 128 bytes that the check has set for it, "
    "so wherever it is cut it must be refused\r\n",
    "*111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
    "1111111111111111111111111111111111111111111111111\r\n",
};

static void every_split_gives_the_same_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        struct slice input = slice_text(corpus[i]);
        for (size_t at = 1; at < input.length; at++)
            assert_true(resp_same_in_pieces(input, (struct resp_cut){.first = at}));
        for (size_t step = 1; step < 8; step++)
            assert_true(resp_same_in_pieces(input, (struct resp_cut){step, step}));
    }
}

/* The comparison above is worth nothing if the transcripts were empty. */
static void corpus_reads_as_intended(void **state)
{
    (void)state;
    struct buffer got = {0};
    struct resp_cut uncut = {0, 0};
    resp_transcript_requests(slice_text(corpus[2]), &resp_check_limits, uncut, &got);
    buffer_put_u8(&got, 0);
    assert_string_equal((const char *)got.data, "request of 28 bytes: [3] set [4] a A\n [3] b'c "
                                                "[2] de\nrequest of 6 bytes: [3] get [1] x\n");
    buffer_clear(&got);
    resp_transcript_requests(slice_text(corpus[6]), &resp_check_limits, uncut, &got);
    buffer_put_u8(&got, 0);
    assert_string_equal(
        (const char *)got.data,
        "request of 6 bytes: [4] PING\nerror: ERR Protocol error: expected CRLF after a bulk\n");
    buffer_deinit(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_multibulk_request),
        cmocka_unit_test(arguments_of_a_multibulk_request_lie_in_the_input),
        cmocka_unit_test(pipelined_requests_come_one_at_a_time_in_order),
        cmocka_unit_test(input_may_move_between_calls),
        cmocka_unit_test(empty_lines_and_empty_requests_are_skipped),
        cmocka_unit_test(empty_bulk_is_an_empty_argument),
        cmocka_unit_test(arguments_are_binary),
        cmocka_unit_test(inline_words_are_separated_by_blanks),
        cmocka_unit_test(double_quotes_hold_blanks_and_escapes),
        cmocka_unit_test(single_quotes_hold_everything_but_their_end),
        cmocka_unit_test(escaped_nul_is_part_of_the_word),
        cmocka_unit_test(unbalanced_quotes_are_refused),
        cmocka_unit_test(attack_multibulk_length_out_of_range),
        cmocka_unit_test(attack_multibulk_length_is_not_a_number),
        cmocka_unit_test(attack_bulk_length_out_of_range),
        cmocka_unit_test(attack_bulk_length_is_not_a_number),
        cmocka_unit_test(attack_bulk_header_missing),
        cmocka_unit_test(attack_line_end_and_control_bytes_are_not_echoed),
        cmocka_unit_test(attack_missing_crlf_behind_a_bulk),
        cmocka_unit_test(attack_nul_then_endless_bytes),
        cmocka_unit_test(attack_header_of_digits_without_end),
        cmocka_unit_test(attack_inline_request_above_64_kib),
        cmocka_unit_test(attack_line_feed_alone_does_not_end_a_header),
        cmocka_unit_test(attack_http_request_is_refused),
        cmocka_unit_test(attack_tls_client_hello_is_refused_at_its_first_byte),
        cmocka_unit_test(attack_command_name_of_high_bytes_is_only_a_name),
        cmocka_unit_test(attack_line_ends_in_a_name_stay_in_the_name),
        cmocka_unit_test(attack_million_pipelined_requests),
        cmocka_unit_test(attack_million_tiny_arguments_in_linear_time),
        cmocka_unit_test(attack_same_key_a_hundred_thousand_times),
        cmocka_unit_test(memory_follows_what_arrives_not_what_is_announced),
        cmocka_unit_test(memory_of_a_large_request_is_given_back),
        cmocka_unit_test(argument_count_is_limited_exactly),
        cmocka_unit_test(bulk_length_is_limited_exactly),
        cmocka_unit_test(request_length_is_limited_exactly),
        cmocka_unit_test(limits_before_login_have_their_own_errors),
        cmocka_unit_test(limits_can_be_raised_between_requests),
        cmocka_unit_test(limits_can_be_lowered_in_the_middle_of_a_line),
        cmocka_unit_test(nothing_is_read_after_an_error),
        cmocka_unit_test(every_split_gives_the_same_requests),
        cmocka_unit_test(corpus_reads_as_intended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
