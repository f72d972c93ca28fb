#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "net/tls_identity.h"

static enum status parse(const char *text, struct tls_identity *out)
{
    return tls_identity_parse(slice_text(text), out);
}

static void a_name_is_read_as_it_is_written(void **state)
{
    static const node_id nodes[] = {1, 7, 4294967295};
    char text[TLS_IDENTITY_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        struct tls_identity identity = {.node = nodes[i]}, read = {0};
        for (size_t j = 0; j < sizeof identity.cluster_id; j++)
            identity.cluster_id[j] = (uint8_t)(j * 17);
        assert_int_equal(parse(tls_identity_format(&identity, text), &read), STATUS_OK);
        assert_int_equal(read.node, nodes[i]);
        assert_memory_equal(read.cluster_id, identity.cluster_id, sizeof read.cluster_id);
    }
    assert_string_equal(text, "ringdb://00112233445566778899aabbccddeeff/node/4294967295");
}

/* A node has one name: what differs by a byte is another one, or none. */
static void nothing_else_is_a_name(void **state)
{
    static const char *const wrong[] = {
        "",
        "ringdb://",
        "ringdb://00112233445566778899aabbccddeeff",
        "ringdb://00112233445566778899aabbccddeeff/node/",
        "ringdb://00112233445566778899aabbccddeeff/node/0",
        "ringdb://00112233445566778899aabbccddeeff/node/01",
        "ringdb://00112233445566778899aabbccddeeff/node/+1",
        "ringdb://00112233445566778899aabbccddeeff/node/1 ",
        "ringdb://00112233445566778899aabbccddeeff/node/1/",
        "ringdb://00112233445566778899aabbccddeeff/node/4294967296",
        "ringdb://00112233445566778899aabbccddeeff/node/99999999999",
        "ringdb://00112233445566778899aabbccddeef/node/1",
        "ringdb://00112233445566778899AABBCCDDEEFF/node/1",
        "ringdb://00112233445566778899aabbccddeeff/client/1",
        "RINGDB://00112233445566778899aabbccddeeff/node/1",
        "http://00112233445566778899aabbccddeeff/node/1",
    };
    struct tls_identity out = {.node = 9};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(parse(wrong[i], &out), STATUS_INVALID);
        assert_int_equal(out.node, 9);
    }
    struct slice nul = slice_make("ringdb://00112233445566778899aabbccddeeff/node/1\0", 50);
    assert_int_equal(tls_identity_parse(nul, &out), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_read_as_it_is_written),
        cmocka_unit_test(nothing_else_is_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
