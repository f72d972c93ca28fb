/*
 * test_password_hash.c - passwords hash as in Redis, and secrets are not twice the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "ringd/password_hash.h"

/* The test vectors of FIPS 180-2, B.1, and of the empty message. */
static void hashes_are_sha_256(void **state)
{
    static const struct {
        const char *password, *hash;
    } cases[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t hash[USER_HASH_BYTES];
        char text[2 * USER_HASH_BYTES + 1];
        password_hash(slice_text(cases[i].password), hash);
        for (size_t k = 0; k < USER_HASH_BYTES; k++)
            snprintf(text + 2 * k, 3, "%02x", hash[k]);
        assert_string_equal(text, cases[i].hash);
    }
}

/* Made with Python's hashlib.scrypt(sha256(b"abc"), salt=bytes(range(16)), n=1024, r=8, p=1). */
static void the_slow_hash_is_scrypt(void **state)
{
    uint8_t digest[USER_HASH_BYTES], salt[USER_SALT_BYTES], hash[USER_HASH_BYTES];
    char text[2 * USER_HASH_BYTES + 1];
    (void)state;
    password_hash(slice_text("abc"), digest);
    for (uint8_t i = 0; i < USER_SALT_BYTES; i++)
        salt[i] = i;
    assert_int_equal(password_hash_slowly(digest, 10, salt, hash), STATUS_OK);
    for (size_t k = 0; k < USER_HASH_BYTES; k++)
        snprintf(text + 2 * k, 3, "%02x", hash[k]);
    assert_string_equal(text, "4c122df72f7fd017f3c64ab76a6237c00b79f34e7796aea6f2e41be14fddfab9");
    assert_int_equal(password_hash_slowly(digest, USER_COST_DEFAULT, salt, hash), STATUS_OK);
    assert_int_equal(password_hash_slowly(digest, USER_COST_MIN, salt, hash), STATUS_OK);
}

static void secrets_of_any_length_differ(void **state)
{
    static const size_t lengths[] = {16, 256, 257, 512};
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t one[513] = {0}, two[513] = {0};
        assert_true(random_secret(one, lengths[i]));
        assert_true(random_secret(two, lengths[i]));
        assert_memory_not_equal(one, two, lengths[i]);
        /* To the last byte: the chance of sixteen that are zero is none. */
        assert_memory_not_equal(one + lengths[i] - 16, (uint8_t[16]){0}, 16);
        assert_int_equal(one[lengths[i]], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_sha_256),
        cmocka_unit_test(the_slow_hash_is_scrypt),
        cmocka_unit_test(secrets_of_any_length_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
