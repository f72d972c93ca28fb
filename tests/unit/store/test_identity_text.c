#include "store/identity_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct identity_text whole(void)
{
    struct identity_text text = {
        .now = {.node = 4294967295u,
                .storage_incarnation = 65535,
                .boot_epoch = 7,
                .session = UINT64_MAX - 1,
                .clean = true},
        .changing = true,
        .counted = true,
        .inventory = {.files = 9, .bytes = 1048576, .digest = 0xfedcba9876543210u},
    };
    for (unsigned i = 0; i < sizeof text.now.cluster_id; i++)
        text.now.cluster_id[i] = (uint8_t)(i * 17);
    text.next = text.now;
    text.next.boot_epoch = 8;
    text.next.session = UINT64_MAX;
    text.next.clean = false;
    return text;
}

static void assert_same_identity(const struct identity *a, const struct identity *b)
{
    assert_memory_equal(a->cluster_id, b->cluster_id, sizeof a->cluster_id);
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->storage_incarnation, b->storage_incarnation);
    assert_int_equal(a->boot_epoch, b->boot_epoch);
    assert_int_equal(a->session, b->session);
    assert_int_equal(a->clean, b->clean);
}

static void comes_back_as_it_was_written(void **state)
{
    (void)state;
    for (int form = 0; form < 4; form++) {
        struct identity_text text = whole();
        struct identity_text found;
        struct buffer bytes = {0};
        text.changing = form & 1;
        text.counted = form & 2;
        identity_text_encode(&text, &bytes);
        assert_int_equal(identity_text_decode(buffer_slice(&bytes), &found), STATUS_OK);
        assert_same_identity(&found.now, &text.now);
        assert_int_equal(found.changing, text.changing);
        assert_int_equal(found.counted, text.counted);
        if (text.changing)
            assert_same_identity(&found.next, &text.next);
        if (text.counted)
            assert_memory_equal(&found.inventory, &text.inventory, sizeof text.inventory);
        buffer_deinit(&bytes);
    }
}

static void is_text_that_an_operator_can_read(void **state)
{
    struct identity_text text = {
        .now = {
            .node = 3, .storage_incarnation = 1, .boot_epoch = 7, .session = 21, .clean = false}};
    static const char LINES[] = "ringdb identity 1\n"
                                "cluster_id=00000000000000000000000000000000\n"
                                "node_id=3\n"
                                "storage_incarnation=1\n"
                                "boot_epoch=7\n"
                                "session=21\n"
                                "clean=no\n"
                                "checksum=";
    struct buffer bytes = {0};
    (void)state;
    identity_text_encode(&text, &bytes);
    assert_int_equal(bytes.length, strlen(LINES) + 17);
    assert_memory_equal(bytes.data, LINES, strlen(LINES));
    buffer_deinit(&bytes);
}

static void any_flipped_bit_is_damage(void **state)
{
    struct identity_text text = whole();
    struct buffer bytes = {0};
    (void)state;
    identity_text_encode(&text, &bytes);
    for (size_t i = 0; i < bytes.length * 8; i++) {
        struct identity_text found;
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(identity_text_decode(buffer_slice(&bytes), &found), STATUS_CORRUPT);
        bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    buffer_deinit(&bytes);
}

static void any_other_length_is_damage(void **state)
{
    struct identity_text text = whole();
    struct identity_text found;
    struct buffer bytes = {0};
    (void)state;
    identity_text_encode(&text, &bytes);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(identity_text_decode(slice_make(bytes.data, length), &found),
                         STATUS_CORRUPT);
    buffer_put_u8(&bytes, '\n');
    assert_int_equal(identity_text_decode(buffer_slice(&bytes), &found), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was_written),
        cmocka_unit_test(is_text_that_an_operator_can_read),
        cmocka_unit_test(any_flipped_bit_is_damage),
        cmocka_unit_test(any_other_length_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
