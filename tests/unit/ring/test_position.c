/* Where keys lie: the same slots as Redis Cluster, and partitions that tile the ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/position.h"

static uint16_t slot_of(const char *key)
{
    return ring_slot(slice_text(key));
}

/* 0x31c3 is the check value of CRC16/XMODEM; the others are what CLUSTER KEYSLOT answers. */
static void slots_are_those_of_redis_cluster(void **state)
{
    (void)state;
    assert_int_equal(slot_of("123456789"), 0x31c3);
    assert_int_equal(slot_of("foo"), 12182);
    assert_int_equal(slot_of("bar"), 5061);
    assert_int_equal(slot_of(""), 0);
    assert_int_equal(ring_slot(slice_make(NULL, 0)), 0);
}

/* Bit by bit, as the polynomial is defined: keys of even and of odd length, and all bytes. */
static void slots_are_the_remainders_of_the_polynomial(void **state)
{
    struct random random = random_make(11);
    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        uint8_t key[40];
        size_t length = random_below(&random, sizeof key + 1);
        unsigned remainder = 0;
        for (size_t i = 0; i < length; i++) {
            key[i] = (uint8_t)random_below(&random, 256);
            key[i] = key[i] == '{' ? '}' : key[i];
            remainder ^= (unsigned)key[i] << 8;
            for (int bit = 0; bit < 8; bit++)
                remainder = (remainder << 1 ^ ((remainder & 0x8000) != 0 ? 0x1021 : 0)) & 0xffff;
        }
        assert_int_equal(ring_slot(slice_make(key, length)), remainder % SLOT_COUNT);
    }
}

static void a_hash_tag_alone_chooses_the_slot(void **state)
{
    (void)state;
    assert_int_equal(slot_of("{user1000}.following"), slot_of("user1000"));
    assert_int_equal(slot_of("{user1000}.followers"), slot_of("user1000"));
    assert_int_equal(slot_of("a{bar}"), slot_of("bar"));
    assert_int_equal(slot_of("foo{bar}{zap}"), slot_of("bar"));
    assert_int_equal(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    assert_int_equal(slot_of("}foo{bar}"), slot_of("bar"));
}

/* A slice that ends inside a tag shows the bytes used: those after it must not be. */
static uint16_t slot_of_first(const char *bytes, size_t length)
{
    return ring_slot(slice_make(bytes, length));
}

static void an_empty_or_open_tag_is_no_tag(void **state)
{
    (void)state;
    assert_int_not_equal(slot_of("{}x"), slot_of("{}y"));
    assert_int_not_equal(slot_of("{}x"), slot_of(""));
    assert_int_not_equal(slot_of("foo{}{bar}"), slot_of("bar"));
    assert_int_equal(slot_of("foo{}{bar}"), 8363);
    assert_int_not_equal(slot_of("foo{bar"), slot_of("bar"));
    assert_int_not_equal(slot_of("{"), 0);
    assert_int_equal(slot_of_first("{bar}x", 4), slot_of("{bar"));
    assert_int_not_equal(slot_of_first("{bar}x", 4), slot_of("bar"));
}

static void bytes_with_a_nul_count_whole(void **state)
{
    (void)state;
    assert_int_not_equal(slot_of_first("a\0b", 3), slot_of("a"));
    assert_int_equal(slot_of_first("x{a\0b}y", 7), slot_of_first("a\0b", 3));
}

static void the_top_of_a_position_is_the_slot(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        struct slice slice = slice_make(key, sizeof key);
        assert_int_equal(ring_slot_of_position(ring_position(slice, 3, 77)), ring_slot(slice));
    }
}

/* Without the secret seed nobody can aim many keys at one Merkle leaf. */
static void seed_and_keyspace_change_the_position_but_not_the_slot(void **state)
{
    struct slice key = slice_text("{tag}key");
    uint64_t position = ring_position(key, 0, 1);
    (void)state;
    assert_int_equal(position, ring_position(key, 0, 1));
    assert_int_not_equal(position, ring_position(key, 0, 2));
    assert_int_not_equal(position, ring_position(key, 1, 1));
    assert_int_not_equal(position, ring_position(key, 256, 1));
    assert_int_not_equal(position, ring_position(slice_text("{tag}other"), 0, 1));
    assert_int_equal(position >> 50, ring_position(key, 256, 2) >> 50);
}

static void partitions_tile_the_ring(void **state)
{
    (void)state;
    for (uint32_t count = PARTITION_COUNT_MIN; count <= PARTITION_COUNT_MAX; count *= 2) {
        uint64_t next = 0;
        for (uint32_t p = 0; p < count; p++) {
            uint64_t first = ring_position_first((partition_id)p, count);
            uint64_t last = ring_position_last((partition_id)p, count);
            assert_true(first == next && last > first);
            assert_int_equal(ring_partition_of_position(first, count), p);
            assert_int_equal(ring_partition_of_position(last, count), p);
            next = last + 1;
        }
        assert_true(next == 0); /* the last partition ends at the last position */
    }
}

static void a_slot_lies_in_one_partition(void **state)
{
    (void)state;
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        uint64_t first = (uint64_t)slot << 50;
        uint64_t last = first + (((uint64_t)1 << 50) - 1);
        assert_int_equal(ring_partition_of_slot((uint16_t)slot, 256), slot / 64);
        assert_int_equal(ring_partition_of_slot((uint16_t)slot, SLOT_COUNT), slot);
        assert_int_equal(ring_partition_of_position(first, 256), slot / 64);
        assert_int_equal(ring_partition_of_position(last, 256), slot / 64);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots_are_those_of_redis_cluster),
        cmocka_unit_test(slots_are_the_remainders_of_the_polynomial),
        cmocka_unit_test(a_hash_tag_alone_chooses_the_slot),
        cmocka_unit_test(an_empty_or_open_tag_is_no_tag),
        cmocka_unit_test(bytes_with_a_nul_count_whole),
        cmocka_unit_test(the_top_of_a_position_is_the_slot),
        cmocka_unit_test(seed_and_keyspace_change_the_position_but_not_the_slot),
        cmocka_unit_test(partitions_tile_the_ring),
        cmocka_unit_test(a_slot_lies_in_one_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
