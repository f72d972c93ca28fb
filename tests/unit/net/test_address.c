#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "net/address.h"

static void reads_what_it_writes(void **state)
{
    static const char *const texts[] = {"127.0.0.1:6379", "[::1]:1", "node-3.example:65535"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ring_address address;
        char text[ADDRESS_TEXT_MAX];
        assert_int_equal(address_parse(texts[i], &address), STATUS_OK);
        assert_string_equal(address_format(&address, text), texts[i]);
    }
}

static void refuses_what_is_no_address(void **state)
{
    static const char *const texts[] = {
        "",      "127.0.0.1",     ":6379",   "h:",       "h:0",       "h:65536",   "h:-1",
        "h:+1",  "h:01",          "h:6379x", "::1:6379", "[::1:6379", "::1]:6379", "[]:6379",
        "a b:1", "h:99999999999", "a,b:1",   "[[::1]]:1"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ring_address address = {.port = 7};
        assert_int_equal(address_parse(texts[i], &address), STATUS_INVALID);
        assert_int_equal(address.port, 7);
    }
}

static void bounds_the_host(void **state)
{
    struct ring_address address;
    char text[RING_HOST_MAX + 16];
    (void)state;
    memset(text, 'a', RING_HOST_MAX);
    strcpy(text + RING_HOST_MAX, ":1");
    assert_int_equal(address_parse(text, &address), STATUS_OK);
    memset(text, 'a', RING_HOST_MAX + 1);
    strcpy(text + RING_HOST_MAX + 1, ":1");
    assert_int_equal(address_parse(text, &address), STATUS_INVALID);
}

static bool is_loopback(const char *text)
{
    struct ring_address address;
    struct socket_address socket_address;
    assert_int_equal(address_parse(text, &address), STATUS_OK);
    assert_true(address_is_numeric(&address));
    assert_int_equal(address_resolve(&address, &socket_address), STATUS_OK);
    return address_is_loopback(&socket_address);
}

static void knows_loopback(void **state)
{
    (void)state;
    assert_true(is_loopback("127.0.0.1:1"));
    assert_true(is_loopback("127.255.3.4:1"));
    assert_true(is_loopback("[::1]:1"));
    assert_true(is_loopback("[::ffff:127.0.0.1]:1"));
    assert_false(is_loopback("0.0.0.0:1"));
    assert_false(is_loopback("[::]:1"));
    assert_false(is_loopback("10.0.0.1:1"));
    assert_false(is_loopback("[::ffff:10.0.0.1]:1"));
    assert_false(is_loopback("[fe80::1]:1"));
}

static void a_name_is_not_numeric(void **state)
{
    struct ring_address address;
    (void)state;
    assert_int_equal(address_parse("localhost:1", &address), STATUS_OK);
    assert_false(address_is_numeric(&address));
}

static void describes_socket_addresses(void **state)
{
    struct ring_address address;
    struct socket_address socket_address;
    char text[ADDRESS_TEXT_MAX];
    const struct sockaddr unknown = {.sa_family = AF_UNIX};
    (void)state;
    assert_int_equal(address_parse("[::1]:77", &address), STATUS_OK);
    assert_int_equal(address_resolve(&address, &socket_address), STATUS_OK);
    assert_string_equal(address_describe((struct sockaddr *)&socket_address.storage, text),
                        "[::1]:77");
    assert_string_equal(address_describe(&unknown, text), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),  cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(bounds_the_host),       cmocka_unit_test(knows_loopback),
        cmocka_unit_test(a_name_is_not_numeric), cmocka_unit_test(describes_socket_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
