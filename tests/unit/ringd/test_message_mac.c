#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "ringd/message_mac.h"

/* RFC 4231, section 4.3: test case 2 for HMAC-SHA-256. */
static void the_mac_is_hmac_sha_256(void **state)
{
    static const uint8_t expected[CONTEXT_MAC_BYTES] = {
        0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
        0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
        0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t made[CONTEXT_MAC_BYTES];
    (void)state;
    message_mac(slice_text("Jefe"), slice_text("what do ya want for nothing?"), made);
    assert_memory_equal(made, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mac_is_hmac_sha_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
