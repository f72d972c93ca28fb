/*
 * test_cell_cache.c - the cache against a store and a group that are written down plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "replica/cell_cache.h"

enum { NAMES = 24, RECORD_BYTES_MAX = 400, BYTES_MAX = 3000 };

/* What a store and the group under way hold, written down as plainly as can be. */
struct plain {
    struct {
        uint8_t bytes[RECORD_BYTES_MAX];
        size_t length; /* 0: absent */
    } stored[NAMES], group[NAMES];
    bool changed[NAMES]; /* by the group */
};

static struct slice name_of(unsigned number, char room[16])
{
    snprintf(room, 16, "name-%u", number);
    return slice_text(room);
}

/* Whatever the cache says must be what is there now; and of the group it must say everything. */
static void assert_newest(struct cell_cache *cache, const struct plain *plain, unsigned number)
{
    char room[16];
    struct slice record;
    bool found = cell_cache_get(cache, name_of(number, room), &record);
    if (plain->changed[number]) {
        assert_true(found);
        assert_true(slice_equal(
            record, slice_make(plain->group[number].bytes, plain->group[number].length)));
    } else if (found) {
        assert_true(slice_equal(
            record, slice_make(plain->stored[number].bytes, plain->stored[number].length)));
    }
}

static void write_one(struct cell_cache *cache, struct plain *plain, struct random *random,
                      unsigned number)
{
    char room[16];
    size_t length = random_chance(random, 1, 5) ? 0 : random_below(random, RECORD_BYTES_MAX) + 1;
    for (size_t i = 0; i < length; i++)
        plain->group[number].bytes[i] = (uint8_t)random_below(random, 256);
    plain->group[number].length = length;
    plain->changed[number] = true;
    cell_cache_put(cache, name_of(number, room), slice_make(plain->group[number].bytes, length),
                   true);
}

/* As a replica does: what is not cached is read from the store, and what is absent is not kept. */
static void read_one(struct cell_cache *cache, struct plain *plain, unsigned number)
{
    char room[16];
    struct slice record;
    if (cell_cache_get(cache, name_of(number, room), &record) || plain->stored[number].length == 0)
        return;
    cell_cache_put(cache, name_of(number, room),
                   slice_make(plain->stored[number].bytes, plain->stored[number].length), false);
}

static void commit(struct cell_cache *cache, struct plain *plain)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (plain->changed[i])
            plain->stored[i] = plain->group[i];
    memset(plain->changed, 0, sizeof plain->changed);
    cell_cache_committed(cache);
    assert_true(cell_cache_statistics(cache).bytes <= BYTES_MAX);
}

static void no_history_makes_it_show_an_old_record(void **state)
{
    static struct plain plain;
    unsigned evictions = 0, failures = 0;
    (void)state;
    for (unsigned seed = 0; seed < 200; seed++) {
        struct random random = random_make(seed);
        struct cell_cache *cache = cell_cache_new(BYTES_MAX);
        memset(&plain, 0, sizeof plain);
        for (unsigned step = 0; step < 500; step++) {
            unsigned number = (unsigned)random_below(&random, NAMES);
            char room[16];
            size_t entries = cell_cache_statistics(cache).entries;
            switch (random_below(&random, 12)) {
            case 0:
                commit(cache, &plain);
                evictions += cell_cache_statistics(cache).entries < entries;
                break;
            case 1: /* its commit failed */
                memset(plain.changed, 0, sizeof plain.changed);
                cell_cache_drop_all(cache);
                failures++;
                break;
            case 2: /* the store may have lost it */
                cell_cache_forget(cache, name_of(number, room));
                break;
            case 3:
                if (random_chance(&random, 1, 4))
                    cell_cache_forget_stored(cache);
                break;
            case 4:
            case 5:
            case 6:
                read_one(cache, &plain, number);
                break;
            default:
                write_one(cache, &plain, &random, number);
            }
            for (unsigned i = 0; i < NAMES; i++)
                assert_newest(cache, &plain, i);
        }
        cell_cache_free(cache);
    }
    assert_true(evictions > 100 && failures > 100);
}

/* A group that is larger than the cache stays whole until it is durable. */
static void nothing_of_the_group_is_evicted(void **state)
{
    static struct plain plain;
    struct random random = random_make(3);
    struct cell_cache *cache = cell_cache_new(100);
    (void)state;
    for (unsigned i = 0; i < NAMES; i++)
        write_one(cache, &plain, &random, i);
    read_one(cache, &plain, 0);
    for (unsigned i = 0; i < NAMES; i++)
        assert_newest(cache, &plain, i);
    assert_int_equal(cell_cache_statistics(cache).entries, NAMES);
    cell_cache_committed(cache);
    assert_int_equal(cell_cache_statistics(cache).entries, 0);
    cell_cache_free(cache);
}

/* So the cell of a hot key is not read again because cold ones passed by. */
static void what_was_used_longest_ago_goes_first(void **state)
{
    struct cell_cache *cache = cell_cache_new(1000);
    uint8_t record[100] = {0};
    char room[16];
    struct slice found;
    (void)state;
    for (unsigned i = 0; i < 50; i++) {
        cell_cache_put(cache, name_of(i, room), slice_make(record, sizeof record), false);
        assert_true(cell_cache_get(cache, name_of(0, room), &found));
    }
    assert_false(cell_cache_get(cache, name_of(1, room), &found));
    assert_true(cell_cache_get(cache, name_of(49, room), &found));
    cell_cache_free(cache);
}

static void hits_and_misses_are_counted(void **state)
{
    struct cell_cache *cache = cell_cache_new(1000);
    struct slice found;
    (void)state;
    assert_false(cell_cache_get(cache, slice_text("a"), &found));
    cell_cache_put(cache, slice_text("a"), slice_text("record"), false);
    assert_true(cell_cache_get(cache, slice_text("a"), &found));
    assert_int_equal(cell_cache_statistics(cache).hits, 1);
    assert_int_equal(cell_cache_statistics(cache).misses, 1);
    cell_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_history_makes_it_show_an_old_record),
        cmocka_unit_test(nothing_of_the_group_is_evicted),
        cmocka_unit_test(what_was_used_longest_ago_goes_first),
        cmocka_unit_test(hits_and_misses_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
