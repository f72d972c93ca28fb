#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct exchange {
    const char *command, *reply;
};

#define run_all(client, exchanges)                                                                 \
    run_exchanges((client), (exchanges), sizeof(exchanges) / sizeof(exchanges)[0])

static void run_exchanges(struct client *client, const struct exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_reply(client, exchanges[i].command, exchanges[i].reply);
}

static void set_and_get_do_what_redis_does(void **state)
{
    static const struct exchange exchanges[] = {
        {"SET a 1", "+OK\r\n"},
        {"GET a", "$1\r\n1\r\n"},
        {"SET a 2 NX", "$-1\r\n"},
        {"SET a 2 XX GET", "$1\r\n1\r\n"},
        {"SET b 2 XX", "$-1\r\n"},
        {"SET b 2 GET", "$-1\r\n"},
        {"SET b 3 EX 10", "+OK\r\n"},
        {"SET b 4 KEEPTTL", "+OK\r\n"},
        {"TTL b", ":10\r\n"},
        {"SET b 5", "+OK\r\n"},
        {"TTL b", ":-1\r\n"},
        {"SET b 5 EX 10 PX 10", "-ERR syntax error\r\n"},
        {"SET b 5 EX 0", "-ERR invalid expire time in 'set' command\r\n"},
        {"SET b 5 EX ten", "-ERR value is not an integer or out of range\r\n"},
        {"SETNX b 6", ":0\r\n"},
        {"SETNX c 6", ":1\r\n"},
        {"SETEX c 5 7", "+OK\r\n"},
        {"PSETEX c 5000 8", "+OK\r\n"},
        {"PTTL c", ":5000\r\n"},
        {"GETSET c 9", "$1\r\n8\r\n"},
        {"TTL c", ":-1\r\n"},
        {"GETDEL c", "$1\r\n9\r\n"},
        {"GETDEL c", "$-1\r\n"},
        {"GETEX b EX 5", "$1\r\n5\r\n"},
        {"TTL b", ":5\r\n"},
        {"GETEX b PERSIST", "$1\r\n5\r\n"},
        {"TTL b", ":-1\r\n"},
        {"GETEX b WHAT", "-ERR syntax error\r\n"},
        {"APPEND d ab", ":2\r\n"},
        {"APPEND d cd", ":4\r\n"},
        {"STRLEN d", ":4\r\n"},
        {"GETRANGE d 1 -2", "$2\r\nbc\r\n"},
        {"SUBSTR d 2 9", "$2\r\ncd\r\n"},
        {"SETRANGE d 1 XY", ":4\r\n"},
        {"GET d", "$4\r\naXYd\r\n"},
        {"TYPE d", "+string\r\n"},
        {"TYPE e", "+none\r\n"},
    };
    run_all(harness_client(*state), exchanges);
}

static void null_has_its_form_in_version_3(void **state)
{
    struct client *client = harness_client(*state);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    assert_reply(client, "GET a", "_\r\n");
    assert_reply(client, "SET a 1 XX", "_\r\n");
    assert_reply(client, "MGET a b", "*2\r\n_\r\n_\r\n");
}

static void expired_keys_are_gone(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SET a 1 PX 1500", "+OK\r\n");
    harness_advance_ms(harness, 600);
    assert_reply(client, "TTL a", ":1\r\n");
    assert_reply(client, "PTTL a", ":900\r\n");
    assert_reply(client, "EXPIRETIME a", ":1700000002\r\n");
    assert_reply(client, "PEXPIRETIME a", ":1700000001500\r\n");
    harness_advance_ms(harness, 900);
    assert_reply(client, "GET a", "$-1\r\n");
    assert_reply(client, "TTL a", ":-2\r\n");
}

static void expiry_conditions_hold(void **state)
{
    static const struct exchange exchanges[] = {
        {"EXPIRE a 10", ":0\r\n"},
        {"SET a 1", "+OK\r\n"},
        {"EXPIRE a 10 XX", ":0\r\n"},
        {"EXPIRE a 10 GT", ":0\r\n"},
        {"EXPIRE a 10 NX", ":1\r\n"},
        {"EXPIRE a 5 GT", ":0\r\n"},
        {"EXPIRE a 20 GT", ":1\r\n"},
        {"PEXPIRE a 30000 LT", ":0\r\n"},
        {"TTL a", ":20\r\n"},
        {"PERSIST a", ":1\r\n"},
        {"PERSIST a", ":0\r\n"},
        {"EXPIRE a 1 NX GT",
         "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
        {"EXPIRE a 1 GT LT", "-ERR GT and LT options at the same time are not compatible\r\n"},
        {"EXPIRE a 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n"},
        {"EXPIREAT a 1", ":1\r\n"},
        {"EXISTS a", ":0\r\n"},
        {"SET a 1", "+OK\r\n"},
        {"PEXPIREAT a 0", ":1\r\n"},
        {"EXISTS a", ":0\r\n"},
    };
    run_all(harness_client(*state), exchanges);
}

static void values_above_the_limit_are_refused_unsent(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->settings.value_bytes_max = 10;
    harness->settings.key_bytes_max = 5;
    static const struct exchange exchanges[] = {
        {"SET a 12345678901", "-TOOLARGE a value has at most 10 bytes; nothing was written\r\n"},
        {"MSET b 1 a 12345678901",
         "-TOOLARGE a value has at most 10 bytes; nothing was written\r\n"},
        {"SETNX a 12345678901", "-TOOLARGE a value has at most 10 bytes; nothing was written\r\n"},
        {"APPEND a 12345678901",
         "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"},
        {"SETRANGE a 6 12345", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n"},
        {"SETRANGE a 18446744073709551615 1", "-ERR value is not an integer or out of range\r\n"},
        {"GET 123456", "-TOOLARGE a key has at most 5 bytes; nothing was written\r\n"},
        {"DEL a b 123456", "-TOOLARGE a key has at most 5 bytes; nothing was written\r\n"},
    };
    run_all(client, exchanges);
    assert_int_equal(harness->requests_seen, 0);
    assert_reply(client, "SET a 1234567890", "+OK\r\n");
    assert_reply(client, "APPEND a 1",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    assert_reply(client, "STRLEN a", ":10\r\n");
}

static void bytes_of_keys_and_values_are_kept(void **state)
{
    struct client *client = harness_client(*state);
    const struct slice set[] = {slice_text("SET"), slice_make("k\0\r\n", 4),
                                slice_make("\0\xff\r\n$5", 6)};
    const struct slice get[] = {slice_text("GET"), slice_make("k\0\r\n", 4)};
    client_words(client, 3, set);
    client_words(client, 2, get);
    static const char expected[] = "+OK\r\n$6\r\n\0\xff\r\n$5\r\n";
    assert_int_equal(client->replies.length, sizeof expected - 1);
    assert_memory_equal(client->replies.data, expected, sizeof expected - 1);
    client->replies.length = 0;
}

static void many_keys_scatter_and_gather(void **state)
{
    static const struct exchange exchanges[] = {
        {"MSET a 1 b 2 c 3 d 4", "+OK\r\n"},
        {"MGET d x c b a a",
         "*6\r\n$1\r\n4\r\n$-1\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n1\r\n$1\r\n1\r\n"},
        {"EXISTS a a x b", ":3\r\n"},
        {"TOUCH a x", ":1\r\n"},
        {"MSET a 1 a 2 a 3", "+OK\r\n"},
        {"GET a", "$1\r\n3\r\n"},
        {"DEL a a b x", ":2\r\n"},
        {"UNLINK c d c", ":2\r\n"},
        {"EXISTS a b c d", ":0\r\n"},
        {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n"},
        {"MSETNX a 1 b 2", "-CROSSSLOT Keys in request don't hash to the same slot\r\n"},
        {"MSETNX {t}a 1 {t}b 2", ":1\r\n"},
        {"MSETNX {t}c 1 {t}b 3", ":0\r\n"},
        {"MGET {t}a {t}b {t}c", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n"},
    };
    struct client *client = harness_client(*state);
    run_all(client, exchanges);
    client_command(client, "HELLO 3");
    buffer_clear(&client->replies);
    assert_reply(client, "MGET {t}a x", "*2\r\n$1\r\n1\r\n_\r\n");
}

/* 16 partitions, a thousand keys: each partition is written by one request. */
static void writes_are_grouped_by_partition(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer line = {0};
    buffer_printf(&line, "MSET");
    for (int i = 0; i < 1000; i++)
        buffer_printf(&line, " key%d v%d", i, i);
    buffer_printf(&line, "\r\n");
    client_bytes(client, line.data, line.length);
    assert_int_equal(harness->requests_seen, 16);
    assert_replies(client, "+OK\r\n");
    assert_reply(client, "MGET key0 key999", "*2\r\n$2\r\nv0\r\n$4\r\nv999\r\n");
    buffer_deinit(&line);
}

static void a_group_has_a_bounded_number_of_keys_and_bytes(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer line = {0};
    harness->manual = true;
    buffer_printf(&line, "DEL");
    for (int i = 0; i < 4097; i++)
        buffer_printf(&line, " {t}%d", i);
    buffer_printf(&line, "\r\n");
    client_bytes(client, line.data, line.length);
    assert_int_equal(harness->pending_count, 2);
    buffer_clear(&line);
    harness_answer_all(harness);
    assert_replies(client, ":0\r\n");
    /* Three values of two megabytes are more than one request carries. */
    char *value = memory_new(2 << 20, 1);
    memset(value, 'v', 2 << 20);
    const struct slice words[] = {slice_text("MSET"),         slice_text("{t}1"),
                                  slice_make(value, 2 << 20), slice_text("{t}2"),
                                  slice_make(value, 2 << 20), slice_text("{t}3"),
                                  slice_make(value, 2 << 20)};
    client_words(client, 7, words);
    assert_int_equal(harness->pending_count, 3);
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n");
    const struct slice all[] = {slice_text("MSETNX"),       slice_text("{t}4"),
                                slice_make(value, 2 << 20), slice_text("{t}5"),
                                slice_make(value, 2 << 20), slice_text("{t}6"),
                                slice_make(value, 2 << 20)};
    client_words(client, 7, all);
    assert_int_equal(harness->pending_count, 0);
    assert_replies(client, "-TOOLARGE MSETNX takes at most 4096 keys and 4194304 bytes; nothing "
                           "was written\r\n");
    free(value);
    buffer_deinit(&line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(set_and_get_do_what_redis_does),
        TEST(null_has_its_form_in_version_3),
        TEST(expired_keys_are_gone),
        TEST(expiry_conditions_hold),
        TEST(values_above_the_limit_are_refused_unsent),
        TEST(bytes_of_keys_and_values_are_kept),
        TEST(many_keys_scatter_and_gather),
        TEST(writes_are_grouped_by_partition),
        TEST(a_group_has_a_bounded_number_of_keys_and_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
