#include "client/ring_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/reply_reader.h"

#define OWNER(host, port, region) "*4\r\n$1\r\n" host "\r\n:" port "\r\n$1\r\nx\r\n" region
#define EU                        "*2\r\n$6\r\nregion\r\n$2\r\neu\r\n"
#define US                        "*2\r\n$6\r\nregion\r\n$2\r\nus\r\n"

static const char GOOD[] = "*2\r\n*5\r\n:8192\r\n:16383\r\n" OWNER("b", "7", EU) OWNER("a", "7", US)
    OWNER("c", "7", US) "*4\r\n:0\r\n:8191\r\n" OWNER("a", "7", US) OWNER("d", "7", EU);

static enum map_result read_map(const char *text, const char *region, struct ring_map *out)
{
    struct ringdb_memory memory = ringdb_memory_make(NULL, NULL);
    struct ringdb_reply_reader reader = {.bytes_max = 1 << 20};
    size_t wire_bytes, values, text_bytes;
    assert_int_equal(ringdb_reply_find(&reader, (const uint8_t *)text, strlen(text), &wire_bytes,
                                       &values, &text_bytes),
                     REPLY_DONE);
    struct ringdb_reply *reply =
        ringdb_reply_build(&memory, (const uint8_t *)text, wire_bytes, values, text_bytes);
    enum map_result result = ringdb_map_read(&memory, reply, region, out);
    ringdb_reply_free(reply);
    return result;
}

static void assert_owners(const struct ring_map *map, uint16_t slot, const char *expected)
{
    char found[64] = "";
    const struct map_range *range = ringdb_map_find(map, slot);
    assert_non_null(range);
    for (unsigned i = 0; i < range->owner_count; i++)
        strncat(found, map->addresses[range->owners[i]], 1);
    assert_string_equal(found, expected);
}

static void owners_of_the_own_region_come_first(void **state)
{
    struct ringdb_memory memory = ringdb_memory_make(NULL, NULL);
    struct ring_map map;
    (void)state;
    assert_int_equal(read_map(GOOD, NULL, &map), MAP_OK);
    assert_int_equal(map.address_count, 4);
    assert_owners(&map, 0, "ad");
    assert_owners(&map, 8191, "ad");
    assert_owners(&map, 8192, "bac");
    ringdb_map_deinit(&map, &memory);
    assert_int_equal(read_map(GOOD, "us", &map), MAP_OK);
    assert_owners(&map, 5, "ad");
    assert_owners(&map, 16383, "acb");
    ringdb_map_deinit(&map, &memory);
    assert_int_equal(read_map(GOOD, "eu", &map), MAP_OK);
    assert_owners(&map, 5, "da");
    ringdb_map_deinit(&map, &memory);
}

static void slots_without_owner_are_nobodys(void **state)
{
    struct ringdb_memory memory = ringdb_memory_make(NULL, NULL);
    struct ring_map map;
    (void)state;
    assert_int_equal(read_map("*1\r\n*3\r\n:5\r\n:6\r\n" OWNER("a", "7", EU), NULL, &map), MAP_OK);
    assert_null(ringdb_map_find(&map, 4));
    assert_non_null(ringdb_map_find(&map, 5));
    assert_non_null(ringdb_map_find(&map, 6));
    assert_null(ringdb_map_find(&map, 7));
    ringdb_map_deinit(&map, &memory);
}

static void what_is_no_list_of_slots_is_refused(void **state)
{
    static const char *const bad[] = {
        "+OK\r\n",
        "*0\r\n",
        "*1\r\n*2\r\n:0\r\n:1\r\n",
        "*1\r\n*3\r\n:1\r\n:0\r\n" OWNER("a", "7", EU),
        "*1\r\n*3\r\n:-1\r\n:0\r\n" OWNER("a", "7", EU),
        "*1\r\n*3\r\n:0\r\n:16384\r\n" OWNER("a", "7", EU),
        "*1\r\n*3\r\n:0\r\n:1\r\n" OWNER("a", "0", EU),
        "*1\r\n*3\r\n:0\r\n:1\r\n" OWNER("a", "65536", EU),
        "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:7\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n_\r\n:7\r\n",
        "*2\r\n*3\r\n:0\r\n:5\r\n" OWNER("a", "7", EU) "*3\r\n:5\r\n:9\r\n" OWNER("a", "7", EU),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ring_map map;
        assert_int_equal(read_map(bad[i], "eu", &map), MAP_NOT_UNDERSTOOD);
    }
}

static void addresses_with_colons_get_brackets(void **state)
{
    char text[MAP_ADDRESS_MAX];
    (void)state;
    assert_true(ringdb_address_text(ringdb_text("::1"), 7001, text));
    assert_string_equal(text, "[::1]:7001");
    assert_true(ringdb_address_text(ringdb_text("host"), 1, text));
    assert_string_equal(text, "host:1");
    assert_false(ringdb_address_text(ringdb_text("host"), 0, text));
    assert_false(ringdb_address_text(ringdb_bytes("a\0b", 3), 1, text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_of_the_own_region_come_first),
        cmocka_unit_test(slots_without_owner_are_nobodys),
        cmocka_unit_test(what_is_no_list_of_slots_is_refused),
        cmocka_unit_test(addresses_with_colons_get_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
