/*
 * test_base64url.c - each byte string has one text, and no other text stands for it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "base/base64url.h"
#include "base/random.h"

static void assert_text(const char *bytes, const char *text)
{
    struct buffer encoded = {0}, decoded = {0};
    base64url_encode(slice_text(bytes), &encoded);
    assert_true(slice_equal(buffer_slice(&encoded), slice_text(text)));
    assert_int_equal(base64url_decode(slice_text(text), &decoded), STATUS_OK);
    assert_true(slice_equal(buffer_slice(&decoded), slice_text(bytes)));
    buffer_deinit(&encoded);
    buffer_deinit(&decoded);
}

/* RFC 4648, section 10, without the padding. */
static void the_vectors_of_the_source_hold(void **state)
{
    (void)state;
    assert_text("", "");
    assert_text("f", "Zg");
    assert_text("fo", "Zm8");
    assert_text("foo", "Zm9v");
    assert_text("foob", "Zm9vYg");
    assert_text("fooba", "Zm9vYmE");
    assert_text("foobar", "Zm9vYmFy");
    assert_text("\xfb\xef\xff", "--__");
}

static void random_bytes_come_back(void **state)
{
    struct random random = random_make(1);
    uint8_t bytes[64];
    (void)state;
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct buffer encoded = {0}, decoded = {0};
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)random_u64(&random);
        base64url_encode(slice_make(bytes, length), &encoded);
        assert_int_equal(encoded.length, (length * 4 + 2) / 3);
        assert_int_equal(base64url_decode(buffer_slice(&encoded), &decoded), STATUS_OK);
        assert_true(slice_equal(buffer_slice(&decoded), slice_make(bytes, length)));
        buffer_deinit(&encoded);
        buffer_deinit(&decoded);
    }
}

static void what_is_no_such_text_is_refused_and_leaves_nothing(void **state)
{
    static const char *const bad[] = {"Z",    "Zg==", "Zh",    "Zm9", "Zm9v!", "Zm9v Yg",
                                      "Zm9+", "Zm/v", "Zm9vY", "\n",  "Zm9v\n"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer decoded = {0};
        buffer_append_slice(&decoded, slice_text("kept"));
        assert_int_equal(base64url_decode(slice_text(bad[i]), &decoded), STATUS_INVALID);
        assert_true(slice_equal(buffer_slice(&decoded), slice_text("kept")));
        buffer_deinit(&decoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_source_hold),
        cmocka_unit_test(random_bytes_come_back),
        cmocka_unit_test(what_is_no_such_text_is_refused_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
