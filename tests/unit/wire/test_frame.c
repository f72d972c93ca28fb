/*
 * test_frame.c - what goes into an envelope comes out of it, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "wire/frame.h"

static void put_frame(struct buffer *out, uint16_t type, request_id request, uint32_t left_ms,
                      const char *body)
{
    size_t offset = frame_start(out, type, request, left_ms);
    buffer_append_slice(out, slice_text(body));
    frame_finish(out, offset);
}

/* Parse from memory of the exact size, so that a sanitizer sees a read beyond the end. */
static enum status parse_exact(const uint8_t *bytes, size_t length)
{
    uint8_t *exact = malloc(length > 0 ? length : 1);
    struct frame frame;
    size_t used = 0;
    assert_non_null(exact);
    if (length > 0)
        memcpy(exact, bytes, length);
    enum status status = frame_parse(slice_make(exact, length), &frame, &used);
    if (status == STATUS_OK)
        assert_in_range(used, FRAME_HEADER_BYTES, length);
    free(exact);
    return status;
}

static void frames_come_out_as_they_went_in(void **state)
{
    static const char *const bodies[] = {"", "x", "a body of some bytes"};
    struct buffer bytes = {0};
    size_t offset = 0;
    (void)state;
    for (uint16_t i = 0; i < 3; i++)
        put_frame(&bytes, (uint16_t)(7 + i), UINT64_MAX - i, UINT32_MAX - i, bodies[i]);
    for (uint16_t i = 0; i < 3; i++) {
        struct frame frame;
        size_t used;
        assert_int_equal(
            frame_parse(slice_make(bytes.data + offset, bytes.length - offset), &frame, &used),
            STATUS_OK);
        assert_int_equal(frame.type, 7 + i);
        assert_true(frame.request == UINT64_MAX - i);
        assert_int_equal(frame.left_ms, UINT32_MAX - i);
        assert_true(slice_equal(frame.body, slice_text(bodies[i])));
        assert_int_equal(used, FRAME_HEADER_BYTES + strlen(bodies[i]));
        offset += used;
    }
    assert_int_equal(offset, bytes.length);
    buffer_deinit(&bytes);
}

static void every_truncation_wants_more(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    put_frame(&bytes, 3, 4, 5, "a body");
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(parse_exact(bytes.data, length), STATUS_NOT_FOUND);
    assert_int_equal(parse_exact(bytes.data, bytes.length), STATUS_OK);
    buffer_deinit(&bytes);
}

/* A length that grew may ask for more bytes than there are; no other change may pass. */
static void every_flipped_bit_is_noticed(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    put_frame(&bytes, 3, 4, 5, "a body");
    for (size_t i = 0; i < bytes.length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            bytes.data[i] ^= (uint8_t)(1u << bit);
            enum status status = parse_exact(bytes.data, bytes.length);
            if (i < 4)
                assert_int_not_equal(status, STATUS_OK);
            else
                assert_int_equal(status, STATUS_CORRUPT);
            bytes.data[i] ^= (uint8_t)(1u << bit);
        }
    }
    buffer_deinit(&bytes);
}

/* Who goes on by it would hand over a frame that is none. */
static void a_corrupt_frame_has_no_size(void **state)
{
    struct buffer bytes = {0};
    struct frame frame;
    size_t used = 77;
    (void)state;
    put_frame(&bytes, 3, 4, 5, "a body");
    bytes.data[bytes.length - 1] ^= 1;
    assert_int_equal(frame_parse(buffer_slice(&bytes), &frame, &used), STATUS_CORRUPT);
    assert_int_equal(used, 77);
    buffer_deinit(&bytes);
}

/*
 * The reader of a link reserves what a length asks for, so it is judged before the rest is there.
 */
static void a_length_out_of_bounds_is_refused_at_once(void **state)
{
    static const struct {
        uint32_t length;
        enum status expected;
    } cases[] = {
        {0, STATUS_CORRUPT},
        {FRAME_HEADER_BYTES - 5, STATUS_CORRUPT},
        {FRAME_HEADER_BYTES - 4, STATUS_NOT_FOUND},
        {FRAME_BYTES_MAX - 4, STATUS_NOT_FOUND},
        {FRAME_BYTES_MAX - 3, STATUS_CORRUPT},
        {UINT32_MAX, STATUS_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buffer bytes = {0};
        buffer_put_u32(&bytes, cases[i].length);
        assert_int_equal(parse_exact(bytes.data, bytes.length), cases[i].expected);
        buffer_deinit(&bytes);
    }
}

static void the_longest_frame_passes(void **state)
{
    struct buffer bytes = {0};
    struct frame frame;
    size_t used;
    (void)state;
    size_t offset = frame_start(&bytes, 1, 1, 0);
    size_t body_bytes = FRAME_BYTES_MAX - FRAME_HEADER_BYTES;
    memset(buffer_reserve(&bytes, body_bytes), 'x', body_bytes);
    bytes.length += body_bytes;
    frame_finish(&bytes, offset);
    assert_int_equal(frame_parse(buffer_slice(&bytes), &frame, &used), STATUS_OK);
    assert_int_equal(used, FRAME_BYTES_MAX);
    assert_int_equal(frame.body.length, body_bytes);
    buffer_deinit(&bytes);
}

/* It is for what was parsed before, so only its bounds are checked, without which nothing goes. */
static void an_opened_frame_is_the_parsed_one(void **state)
{
    struct buffer bytes = {0};
    struct frame parsed, opened;
    size_t used, used_again;
    (void)state;
    put_frame(&bytes, 3, 4, 5, "a body");
    assert_int_equal(frame_parse(buffer_slice(&bytes), &parsed, &used), STATUS_OK);
    assert_int_equal(frame_open(buffer_slice(&bytes), &opened, &used_again), STATUS_OK);
    assert_int_equal(used_again, used);
    assert_int_equal(opened.type, parsed.type);
    assert_true(opened.request == parsed.request);
    assert_int_equal(opened.left_ms, parsed.left_ms);
    assert_true(slice_equal(opened.body, parsed.body));
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(frame_open(slice_make(bytes.data, length), &opened, &used),
                         STATUS_NOT_FOUND);
    bytes.data[5] = FRAME_VERSION + 1;
    assert_int_equal(frame_open(buffer_slice(&bytes), &opened, &used), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

/* What stays within a node is opened; elsewhere it would be noticed. */
static void a_frame_without_a_checksum_is_for_the_inside_alone(void **state)
{
    struct buffer bytes = {0};
    struct frame frame;
    size_t used;
    (void)state;
    size_t offset = frame_start(&bytes, 3, 4, 5);
    buffer_append_slice(&bytes, slice_text("a body"));
    frame_finish_inside(&bytes, offset);
    assert_int_equal(frame_parse(buffer_slice(&bytes), &frame, &used), STATUS_CORRUPT);
    assert_int_equal(frame_open(buffer_slice(&bytes), &frame, &used), STATUS_OK);
    assert_int_equal(used, bytes.length);
    assert_true(slice_equal(frame.body, slice_text("a body")));
    buffer_deinit(&bytes);
}

static void another_version_is_refused(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    put_frame(&bytes, 3, 4, 5, "a body");
    assert_int_equal(bytes.data[5], FRAME_VERSION);
    bytes.data[5] = FRAME_VERSION + 1;
    assert_int_equal(parse_exact(bytes.data, bytes.length), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void random_bytes_are_no_frame(void **state)
{
    struct random random = random_make(11);
    uint8_t bytes[128];
    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t length = random_below(&random, sizeof bytes + 1);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)random_u64(&random);
        if (length >= 4) { /* a length that fits, so that the rest is looked at */
            bytes[0] = bytes[1] = bytes[2] = 0;
            bytes[3] = (uint8_t)(length - 4);
        }
        assert_int_not_equal(parse_exact(bytes, length), STATUS_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_as_they_went_in),
        cmocka_unit_test(every_truncation_wants_more),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(a_corrupt_frame_has_no_size),
        cmocka_unit_test(a_length_out_of_bounds_is_refused_at_once),
        cmocka_unit_test(the_longest_frame_passes),
        cmocka_unit_test(an_opened_frame_is_the_parsed_one),
        cmocka_unit_test(a_frame_without_a_checksum_is_for_the_inside_alone),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(random_bytes_are_no_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
