#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

enum { VARINT_LENGTH_MAX = 10 };

static struct reader reader_of(const struct buffer *buffer)
{
    return reader_make(buffer_slice(buffer));
}

/* Decode `length` bytes as one varint and nothing else. */
static enum status decode_varint(const void *bytes, size_t length, uint64_t *out)
{
    struct reader reader = reader_make(slice_make(bytes, length));
    *out = reader_varint(&reader);
    return reader_end(&reader);
}

static void assert_varint_refused(const void *bytes, size_t length)
{
    uint64_t value = 1;
    assert_int_equal(decode_varint(bytes, length, &value), STATUS_CORRUPT);
    assert_true(value == 0);
}

static void slices_are_equal_when_their_bytes_are(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_make("ab\0c", 4), slice_make("ab\0c", 4)));
    assert_false(slice_equal(slice_make("ab\0c", 4), slice_make("ab\0d", 4)));
    assert_false(slice_equal(slice_text("ab"), slice_text("abc")));
    assert_true(slice_equal(slice_make(NULL, 0), slice_text("")));
}

static void slices_sort_by_byte_and_the_shorter_first(void **state)
{
    (void)state;
    assert_true(slice_compare(slice_text("a"), slice_text("b")) < 0);
    assert_true(slice_compare(slice_text("b"), slice_text("a")) > 0);
    assert_true(slice_compare(slice_text("a"), slice_text("aa")) < 0);
    assert_true(slice_compare(slice_text("b"), slice_text("aa")) > 0);
    assert_true(slice_compare(slice_text("\x7f"), slice_text("\x80")) < 0); /* as unsigned */
    assert_int_equal(slice_compare(slice_make(NULL, 0), slice_text("")), 0);
    assert_true(slice_compare(slice_make(NULL, 0), slice_text("a")) < 0);
}

static void a_buffer_grows_and_keeps_its_bytes(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        buffer_put_u8(&buffer, (uint8_t)i);
    assert_int_equal(buffer.length, 5000);
    assert_true(buffer.capacity >= buffer.length);
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(buffer.data[i], (uint8_t)i);
    buffer_deinit(&buffer);
}

static void reserving_makes_room_and_leaves_the_length(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_append_slice(&buffer, slice_text("ab"));
    uint8_t *to = buffer_reserve(&buffer, 1000);
    assert_ptr_equal(to, buffer.data + 2);
    assert_int_equal(buffer.length, 2);
    memset(to, 'x', 1000); /* the sanitizer sees a room that is too small */
    assert_memory_equal(buffer.data, "ab", 2);
    buffer_deinit(&buffer);
}

/* An empty message is built by the same code as any other. */
static void nothing_can_be_done_to_an_empty_buffer(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    (void)buffer_reserve(&buffer, 0);
    buffer_append(&buffer, NULL, 0);
    buffer_append_slice(&buffer, slice_make(NULL, 0));
    buffer_consume(&buffer, 0);
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    struct reader reader = reader_of(&buffer);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    buffer_deinit(&buffer);
}

static void clearing_keeps_the_memory_and_deinit_does_not(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_put_u64(&buffer, 1);
    uint8_t *before = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    assert_ptr_equal(buffer.data, before);
    buffer_deinit(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, 0);
    buffer_put_u8(&buffer, 5); /* and it can be used again */
    assert_int_equal(buffer.data[0], 5);
    buffer_deinit(&buffer);
}

/* More than fits moves out of the array, and nothing is written behind its end. */
static void a_buffer_on_an_array_moves_out_when_it_outgrows_it(void **state)
{
    uint8_t room[9] = {0};
    struct buffer buffer = buffer_on(room, 8);
    (void)state;
    buffer_append(&buffer, "12345678", 8);
    assert_ptr_equal(buffer.data, room);
    buffer_put_u8(&buffer, '9');
    assert_ptr_not_equal(buffer.data, room);
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("123456789")));
    assert_int_equal(room[8], 0);
    buffer_deinit(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
}

static void releasing_a_buffer_leaves_the_array_alone(void **state)
{
    uint8_t room[8];
    struct buffer buffer = buffer_on(room, sizeof room);
    (void)state;
    buffer_put_u64(&buffer, 7);
    buffer_deinit(&buffer);
    assert_int_equal(room[7], 7);
    buffer_put_u8(&buffer, 1); /* an empty buffer as any other */
    assert_ptr_not_equal(buffer.data, room);
    buffer_deinit(&buffer);
}

static void consuming_takes_from_the_front(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_append_slice(&buffer, slice_text("abcdef"));
    buffer_consume(&buffer, 2);
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("cdef")));
    buffer_consume(&buffer, 0);
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("cdef")));
    buffer_consume(&buffer, 4);
    assert_int_equal(buffer.length, 0);
    buffer_deinit(&buffer);
}

static void printing_appends_text_without_its_nul(void **state)
{
    char long_text[2000];
    struct buffer buffer = {0};
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    buffer_printf(&buffer, "%s=%d", "node", 3);
    buffer_printf(&buffer, "%s", "");
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("node=3")));
    buffer_printf(&buffer, "%s", long_text);
    assert_int_equal(buffer.length, 6 + sizeof long_text - 1);
    assert_memory_equal(buffer.data + 6, long_text, sizeof long_text - 1);
    buffer_deinit(&buffer);
}

static void integers_are_big_endian(void **state)
{
    static const uint8_t EXPECTED[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                       0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0xff};
    struct buffer buffer = {0};
    (void)state;
    buffer_put_u8(&buffer, 0x01);
    buffer_put_u16(&buffer, 0x0203);
    buffer_put_u32(&buffer, 0x04050607);
    buffer_put_u64(&buffer, 0x08090a0b0c0d0effu);
    assert_true(slice_equal(buffer_slice(&buffer), slice_make(EXPECTED, sizeof EXPECTED)));
    buffer_deinit(&buffer);
}

/* The store relies on it: keys are compared as bytes. */
static void encoded_integers_sort_as_numbers(void **state)
{
    struct random random = random_make(11);
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct buffer a = {0}, b = {0};
        uint64_t x = random_u64(&random) >> random_below(&random, 64);
        uint64_t y = random_u64(&random) >> random_below(&random, 64);
        buffer_put_u64(&a, x);
        buffer_put_u64(&b, y);
        int order = slice_compare(buffer_slice(&a), buffer_slice(&b));
        assert_int_equal((order > 0) - (order < 0), (x > y) - (x < y));
        buffer_deinit(&a);
        buffer_deinit(&b);
    }
}

static void what_is_put_is_read_back(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_put_u8(&buffer, UINT8_MAX);
    buffer_put_u16(&buffer, UINT16_MAX);
    buffer_put_u32(&buffer, UINT32_MAX);
    buffer_put_u64(&buffer, UINT64_MAX);
    buffer_put_varint(&buffer, 300);
    buffer_put_bytes(&buffer, slice_text("value"));
    buffer_put_bytes(&buffer, slice_make(NULL, 0));
    buffer_append_slice(&buffer, slice_text("tail"));

    struct reader reader = reader_of(&buffer);
    assert_int_equal(reader_u8(&reader), UINT8_MAX);
    assert_int_equal(reader_u16(&reader), UINT16_MAX);
    assert_int_equal(reader_u32(&reader), UINT32_MAX);
    assert_true(reader_u64(&reader) == UINT64_MAX);
    assert_int_equal(reader_varint(&reader), 300);
    assert_true(slice_equal(reader_bytes(&reader), slice_text("value")));
    assert_int_equal(reader_bytes(&reader).length, 0);
    assert_int_equal(reader_left(&reader), 4);
    assert_int_equal(reader_end(&reader), STATUS_CORRUPT); /* something is left over */
    assert_true(slice_equal(reader_take(&reader, 4), slice_text("tail")));
    assert_int_equal(reader_end(&reader), STATUS_OK);
    buffer_deinit(&buffer);
}

static void setting_overwrites_in_place(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_append_slice(&buffer, slice_text("abcdefghijklmn"));
    buffer_set_u32(&buffer, 1, 0x31323334);
    buffer_set_u64(&buffer, 6, 0x4142434445464748u);
    assert_true(slice_equal(buffer_slice(&buffer), slice_text("a1234fABCDEFGH")));
    buffer_deinit(&buffer);
}

static void varints_have_the_documented_bytes(void **state)
{
    static const struct {
        uint64_t value;
        const char *bytes;
        size_t length;
    } CASES[] = {
        {0, "\x00", 1},
        {1, "\x01", 1},
        {127, "\x7f", 1},
        {128, "\x80\x01", 2},
        {300, "\xac\x02", 2},
        {16383, "\xff\x7f", 2},
        {16384, "\x80\x80\x01", 3},
        {UINT64_MAX / 2, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
        {UINT64_MAX / 2 + 1, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10},
        {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct buffer buffer = {0};
        uint64_t value = ~CASES[i].value;
        buffer_put_varint(&buffer, CASES[i].value);
        assert_int_equal(buffer.length, CASES[i].length);
        assert_memory_equal(buffer.data, CASES[i].bytes, CASES[i].length);
        assert_int_equal(decode_varint(buffer.data, buffer.length, &value), STATUS_OK);
        assert_true(value == CASES[i].value);
        buffer_deinit(&buffer);
    }
}

static void varints_round_trip_at_every_length(void **state)
{
    struct random random = random_make(12);
    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct buffer buffer = {0};
        uint64_t expected = random_u64(&random) >> random_below(&random, 64), value = 0;
        buffer_put_varint(&buffer, expected);
        assert_in_range(buffer.length, 1, VARINT_LENGTH_MAX);
        assert_int_equal(decode_varint(buffer.data, buffer.length, &value), STATUS_OK);
        assert_true(value == expected);
        buffer_deinit(&buffer);
    }
}

/* Two encodings of one number would give one cell two checksums. */
static void a_varint_longer_than_needed_is_refused(void **state)
{
    (void)state;
    assert_varint_refused("\x80\x00", 2);
    assert_varint_refused("\xff\x00", 2);
    assert_varint_refused("\x80\x80\x00", 3);
    assert_varint_refused("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10);
}

static void a_varint_of_more_than_64_bits_is_refused(void **state)
{
    (void)state;
    assert_varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    assert_varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10);
    assert_varint_refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11);
    assert_varint_refused("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11);
}

/* Whatever bytes are accepted, they are the ones that the value is written with. */
static void an_accepted_varint_is_the_only_one(void **state)
{
    struct random random = random_make(13);
    int accepted = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[12];
        size_t last = random_below(&random, sizeof bytes), length = last + 1;
        uint64_t value = 0;
        for (size_t j = 0; j <= last; j++)
            bytes[j] = (uint8_t)(random_below(&random, 256) | (j < last ? 0x80 : 0));
        bytes[last] &= (uint8_t)random_below(&random, 256);
        if (decode_varint(bytes, length, &value) != STATUS_OK)
            continue;
        struct buffer again = {0};
        buffer_put_varint(&again, value);
        assert_true(slice_equal(buffer_slice(&again), slice_make(bytes, length)));
        buffer_deinit(&again);
        accepted++;
    }
    assert_true(accepted > 1000);
}

static void a_varint_over_its_maximum_is_refused(void **state)
{
    (void)state;
    struct reader at_maximum = reader_make(slice_text("\xac\x02"));
    assert_int_equal(reader_varint_max(&at_maximum, 300), 300);
    assert_int_equal(reader_end(&at_maximum), STATUS_OK);
    struct reader above = reader_make(slice_text("\xac\x02"));
    assert_int_equal(reader_varint_max(&above, 299), 0);
    assert_int_equal(reader_end(&above), STATUS_CORRUPT);
}

/* A torn record fails at whatever byte it was torn. */
static void every_shorter_prefix_is_corrupt(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_put_u8(&buffer, 1);
    buffer_put_u16(&buffer, 2);
    buffer_put_u32(&buffer, 3);
    buffer_put_u64(&buffer, 4);
    buffer_put_varint(&buffer, UINT64_MAX);
    buffer_put_bytes(&buffer, slice_text("some bytes"));
    for (size_t length = 0; length <= buffer.length; length++) {
        struct reader reader = reader_make(slice_make(buffer.data, length));
        (void)reader_u8(&reader);
        (void)reader_u16(&reader);
        (void)reader_u32(&reader);
        (void)reader_u64(&reader);
        (void)reader_varint(&reader);
        (void)reader_bytes(&reader);
        assert_int_equal(reader_end(&reader), length == buffer.length ? STATUS_OK : STATUS_CORRUPT);
    }
    buffer_deinit(&buffer);
}

static void after_a_failure_every_read_gives_nothing(void **state)
{
    struct reader reader = reader_make(slice_text("\x01\x02\x03"));
    (void)state;
    assert_int_equal(reader_u32(&reader), 0);
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_u16(&reader), 0);
    assert_int_equal(reader_u64(&reader), 0);
    assert_int_equal(reader_varint(&reader), 0);
    assert_int_equal(reader_bytes(&reader).length, 0);
    assert_int_equal(reader_take(&reader, 1).length, 0);
    assert_int_equal(reader_left(&reader), 0);
    assert_int_equal(reader_end(&reader), STATUS_CORRUPT);
}

/* A length from outside can be anything; it must not be added to an address first. */
static void a_length_beyond_the_end_is_refused(void **state)
{
    struct buffer buffer = {0};
    (void)state;
    buffer_put_varint(&buffer, UINT64_MAX);
    buffer_append_slice(&buffer, slice_text("abc"));
    struct reader huge = reader_of(&buffer);
    assert_int_equal(reader_bytes(&huge).length, 0);
    assert_int_equal(reader_end(&huge), STATUS_CORRUPT);
    struct reader one_more = reader_make(slice_text("\x04"
                                                    "abc"));
    assert_int_equal(reader_bytes(&one_more).length, 0);
    assert_int_equal(reader_end(&one_more), STATUS_CORRUPT);
    struct reader take = reader_make(slice_text("abc"));
    assert_int_equal(reader_take(&take, SIZE_MAX).length, 0);
    assert_int_equal(reader_end(&take), STATUS_CORRUPT);
    buffer_deinit(&buffer);
}

static void bytes_are_borrowed_from_what_is_read(void **state)
{
    static const char ENCODED[] = "\x03"
                                  "abc";
    struct reader reader = reader_make(slice_make(ENCODED, 4));
    (void)state;
    assert_ptr_equal(reader_bytes(&reader).data, ENCODED + 1);
}

static void a_reader_of_nothing_is_at_its_end(void **state)
{
    struct reader reader = reader_make(slice_make(NULL, 0));
    (void)state;
    assert_int_equal(reader_left(&reader), 0);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(reader_take(&reader, 0).length, 0);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_int_equal(reader_u8(&reader), 0);
    assert_int_equal(reader_end(&reader), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_equal_when_their_bytes_are),
        cmocka_unit_test(slices_sort_by_byte_and_the_shorter_first),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_bytes),
        cmocka_unit_test(reserving_makes_room_and_leaves_the_length),
        cmocka_unit_test(nothing_can_be_done_to_an_empty_buffer),
        cmocka_unit_test(clearing_keeps_the_memory_and_deinit_does_not),
        cmocka_unit_test(a_buffer_on_an_array_moves_out_when_it_outgrows_it),
        cmocka_unit_test(releasing_a_buffer_leaves_the_array_alone),
        cmocka_unit_test(consuming_takes_from_the_front),
        cmocka_unit_test(printing_appends_text_without_its_nul),
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(encoded_integers_sort_as_numbers),
        cmocka_unit_test(what_is_put_is_read_back),
        cmocka_unit_test(setting_overwrites_in_place),
        cmocka_unit_test(varints_have_the_documented_bytes),
        cmocka_unit_test(varints_round_trip_at_every_length),
        cmocka_unit_test(a_varint_longer_than_needed_is_refused),
        cmocka_unit_test(a_varint_of_more_than_64_bits_is_refused),
        cmocka_unit_test(an_accepted_varint_is_the_only_one),
        cmocka_unit_test(a_varint_over_its_maximum_is_refused),
        cmocka_unit_test(every_shorter_prefix_is_corrupt),
        cmocka_unit_test(after_a_failure_every_read_gives_nothing),
        cmocka_unit_test(a_length_beyond_the_end_is_refused),
        cmocka_unit_test(bytes_are_borrowed_from_what_is_read),
        cmocka_unit_test(a_reader_of_nothing_is_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
