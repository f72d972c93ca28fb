#include "causal/clock.h"

#include "causal_test.h"

enum { ACTORS = 4, SEQUENCES = 24 };

/* The oracle: a set of dots of the actors 1..ACTORS, as one flag for each. */
struct plain {
    bool has[ACTORS + 1][SEQUENCES + 1];
};

static void assert_canonical(const struct clock *clock)
{
    for (uint32_t i = 0; i < clock->count; i++) {
        const struct clock_entry *entry = &clock->entries[i];
        uint64_t end = entry->base;
        assert_true(i == 0 || actor_compare(&entry[-1].actor, &entry->actor) < 0);
        assert_true(entry->base > 0 || entry->range_count > 0);
        for (uint32_t k = 0; k < entry->range_count; k++) {
            assert_true(entry->ranges[k].first > end + 1);
            assert_true(entry->ranges[k].last >= entry->ranges[k].first);
            end = entry->ranges[k].last;
        }
    }
}

static void assert_as_plain(const struct clock *clock, const struct plain *plain)
{
    uint64_t count = 0;
    assert_canonical(clock);
    for (node_id node = 1; node <= ACTORS; node++) {
        uint64_t highest = 0;
        struct actor actor = actor_of(node);
        for (uint64_t sequence = 1; sequence <= SEQUENCES; sequence++) {
            struct dot dot = dot_of(node, sequence);
            assert_int_equal(clock_has(clock, &dot), plain->has[node][sequence]);
            count += plain->has[node][sequence];
            if (plain->has[node][sequence])
                highest = sequence;
        }
        assert_int_equal(clock_highest(clock, &actor), highest);
    }
    assert_int_equal(clock_dot_count(clock), count);
}

/* Dense clocks have bases and long ranges, sparse ones many short ranges, others are mixed. */
static void random_clock(struct random *random, struct clock *clock, struct plain *plain)
{
    uint64_t adds = random_below(random, random_chance(random, 1, 2) ? 12 : 120);
    *clock = (struct clock){0};
    *plain = (struct plain){0};
    for (uint64_t i = 0; i < adds; i++) {
        node_id node = 1 + (node_id)random_below(random, ACTORS);
        uint64_t first = 1 + random_below(random, SEQUENCES);
        uint64_t last = first;
        if (random_chance(random, 1, 5)) {
            struct actor actor = actor_of(node);
            last = first + random_below(random, SEQUENCES - first + 1);
            clock_add_range(clock, &actor, (struct clock_range){.first = first, .last = last});
        } else {
            struct dot dot = dot_of(node, first);
            assert_int_equal(clock_add(clock, &dot), !plain->has[node][first]);
        }
        for (uint64_t sequence = first; sequence <= last; sequence++)
            plain->has[node][sequence] = true;
    }
}

static void adds_agree_with_a_plain_set(void **state)
{
    struct random random = random_make(21);
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct clock clock;
        struct plain plain;
        random_clock(&random, &clock, &plain);
        assert_as_plain(&clock, &plain);
        clock_deinit(&clock);
    }
}

static bool plain_descends(const struct plain *a, const struct plain *b)
{
    for (node_id node = 1; node <= ACTORS; node++)
        for (uint64_t sequence = 1; sequence <= SEQUENCES; sequence++)
            if (b->has[node][sequence] && !a->has[node][sequence])
                return false;
    return true;
}

static void set_operations_agree_with_plain_sets(void **state)
{
    struct random random = random_make(22);
    unsigned descents = 0;
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct clock a;
        struct clock b;
        struct clock rest;
        struct plain plain_a;
        struct plain plain_b;
        struct plain plain_rest = {0};
        random_clock(&random, &a, &plain_a);
        random_clock(&random, &b, &plain_b);
        if (random_chance(&random, 1, 4)) { /* make one a descendant of the other */
            clock_join(&a, &b);
            for (node_id node = 1; node <= ACTORS; node++)
                for (uint64_t sequence = 1; sequence <= SEQUENCES; sequence++)
                    plain_a.has[node][sequence] |= plain_b.has[node][sequence];
        }
        descents += plain_descends(&plain_a, &plain_b);
        assert_as_plain(&a, &plain_a);
        assert_int_equal(clock_descends(&a, &b), plain_descends(&plain_a, &plain_b));
        for (node_id node = 1; node <= ACTORS; node++)
            for (uint64_t sequence = 1; sequence <= SEQUENCES; sequence++)
                plain_rest.has[node][sequence] =
                    plain_a.has[node][sequence] && !plain_b.has[node][sequence];
        clock_difference(&a, &b, &rest);
        assert_as_plain(&rest, &plain_rest);
        clock_join(&rest, &b); /* (a without b) with b is a with b */
        clock_join(&a, &b);
        assert_true(clock_equal(&rest, &a));
        assert_int_equal(clock_hash(&rest), clock_hash(&a));
        assert_true(clock_descends(&a, &b));
        clock_deinit(&a);
        clock_deinit(&b);
        clock_deinit(&rest);
    }
    assert_in_range(descents, 750, 2000);
}

/* The same dots give the same clock and hash whatever order they came in. */
static void the_order_of_arrival_leaves_no_trace(void **state)
{
    struct random random = random_make(23);
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        struct dot dots[40];
        struct clock forward = {0};
        struct clock shuffled = {0};
        for (unsigned i = 0; i < 40; i++) {
            dots[i] = dot_of(1 + (node_id)random_below(&random, ACTORS),
                             1 + random_below(&random, SEQUENCES));
            clock_add(&forward, &dots[i]);
        }
        for (unsigned i = 40; i > 0; i--) {
            unsigned pick = (unsigned)random_below(&random, i);
            clock_add(&shuffled, &dots[pick]);
            dots[pick] = dots[i - 1];
        }
        assert_true(clock_equal(&forward, &shuffled));
        assert_int_equal(clock_hash(&forward), clock_hash(&shuffled));
        struct dot another = dot_of(1, SEQUENCES + 2);
        clock_add(&shuffled, &another);
        assert_false(clock_equal(&forward, &shuffled));
        assert_int_not_equal(clock_hash(&forward), clock_hash(&shuffled));
        clock_deinit(&forward);
        clock_deinit(&shuffled);
    }
}

static void a_filled_gap_melts_into_the_base(void **state)
{
    struct clock clock = {0};
    (void)state;
    const uint64_t order[] = {1, 3, 5, 4, 2};
    for (unsigned i = 0; i < 5; i++) {
        struct dot dot = dot_of(1, order[i]);
        assert_true(clock_add(&clock, &dot));
        assert_false(clock_add(&clock, &dot));
    }
    assert_int_equal(clock.count, 1);
    assert_int_equal(clock.entries[0].base, 5);
    assert_int_equal(clock.entries[0].range_count, 0);
    clock_deinit(&clock);
}

static void a_vector_is_covered_by_bases_alone(void **state)
{
    struct clock clock = {0};
    struct version_vector vector = {0};
    struct actor actor = actor_of(2);
    (void)state;
    assert_true(clock_covers_vector(&clock, &vector));
    clock_add_range(&clock, &actor, (struct clock_range){.first = 1, .last = 5});
    clock_add_range(&clock, &actor, (struct clock_range){.first = 7, .last = 9});
    struct dot dot = dot_of(2, 5);
    version_vector_raise(&vector, &dot);
    assert_true(clock_covers_vector(&clock, &vector));
    dot.sequence = 6;
    version_vector_raise(&vector, &dot);
    assert_false(clock_covers_vector(&clock, &vector));
    dot.sequence = 7; /* in the clock, yet 6 is not */
    version_vector_raise(&vector, &dot);
    assert_false(clock_covers_vector(&clock, &vector));
    clock_add_range(&clock, &actor, (struct clock_range){.first = 6, .last = 6});
    assert_true(clock_covers_vector(&clock, &vector));
    dot = dot_of(1, 1); /* an actor the clock never heard of */
    version_vector_raise(&vector, &dot);
    assert_false(clock_covers_vector(&clock, &vector));
    version_vector_deinit(&vector);
    clock_deinit(&clock);
}

/* Nothing may wrap around at the highest sequence, which a peer can send. */
static void the_highest_sequences_do_not_overflow(void **state)
{
    struct clock clock = {0};
    struct clock top = {0};
    struct clock rest;
    struct actor actor = actor_of(1);
    struct dot last = dot_of(1, UINT64_MAX);
    (void)state;
    assert_true(clock_add(&clock, &last));
    assert_int_equal(clock.entries[0].base, 0);
    last.sequence--;
    assert_true(clock_add(&clock, &last));
    assert_int_equal(clock.entries[0].range_count, 1);
    clock_add_range(&top, &actor, (struct clock_range){.first = 1, .last = UINT64_MAX});
    assert_true(clock_descends(&top, &clock));
    clock_difference(&top, &clock, &rest);
    assert_int_equal(rest.entries[0].base, UINT64_MAX - 2);
    clock_join(&rest, &clock);
    assert_true(clock_equal(&rest, &top));
    clock_deinit(&rest);
    clock_difference(&clock, &top, &rest);
    assert_int_equal(rest.count, 0);
    clock_deinit(&clock);
    clock_deinit(&top);
}

static void a_copy_is_equal_and_separate(void **state)
{
    struct random random = random_make(24);
    struct clock clock;
    struct clock copy;
    struct plain plain;
    (void)state;
    random_clock(&random, &clock, &plain);
    clock_copy(&clock, &copy);
    assert_true(clock_equal(&clock, &copy));
    struct dot dot = dot_of(1, SEQUENCES + 2);
    clock_add(&copy, &dot);
    assert_as_plain(&clock, &plain);
    clock_deinit(&copy);
    clock_deinit(&clock);
}

static bool recode_clock(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct clock clock;
    clock_decode(&reader, &clock);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted) {
        assert_canonical(&clock);
        clock_encode(&clock, again);
    }
    if (reader.failed) {
        assert_null(clock.entries);
        assert_int_equal(clock.count, 0);
    }
    clock_deinit(&clock);
    return accepted;
}

static void encoded_clocks_come_back_and_damage_is_seen(void **state)
{
    struct random random = random_make(25);
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct clock clock;
        struct clock back;
        struct plain plain;
        struct buffer bytes = {0};
        random_clock(&random, &clock, &plain);
        clock_encode(&clock, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        clock_decode(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_true(clock_equal(&clock, &back));
        assert_as_plain(&back, &plain);
        assert_every_truncation_fails(recode_clock, &bytes);
        assert_every_flip_fails_or_stays_canonical(recode_clock, &bytes);
        clock_deinit(&clock);
        clock_deinit(&back);
        buffer_deinit(&bytes);
    }
    assert_random_bytes_stand(recode_clock, 26, 20000);
}

/* One entry of actor 1 with this base and, when `ranges` is 1, this range. */
static bool accepts_entry(uint64_t base, uint64_t ranges, uint64_t gap, uint64_t length)
{
    struct buffer bytes = {0};
    struct actor actor = actor_of(1);
    buffer_put_varint(&bytes, 1);
    actor_encode(&actor, &bytes);
    buffer_put_varint(&bytes, base);
    buffer_put_varint(&bytes, ranges);
    if (ranges > 0) {
        buffer_put_varint(&bytes, gap);
        buffer_put_varint(&bytes, length);
    }
    bool accepted = stands(recode_clock, bytes.data, bytes.length);
    buffer_deinit(&bytes);
    return accepted;
}

static void empty_entries_overflow_and_false_counts_fail(void **state)
{
    (void)state;
    assert_true(accepts_entry(5, 0, 0, 0));
    assert_true(accepts_entry(0, 1, 0, 0));
    assert_true(accepts_entry(5, 1, UINT64_MAX - 7, 0)); /* the range [UINT64_MAX, UINT64_MAX] */
    assert_false(accepts_entry(0, 0, 0, 0));
    assert_false(accepts_entry(5, 1, UINT64_MAX - 6, 0));
    assert_false(accepts_entry(5, 1, UINT64_MAX - 7, 1));
    assert_false(accepts_entry(UINT64_MAX - 1, 1, 0, 0));
    assert_false(accepts_entry(5, 2, 0, 0));
    assert_false(accepts_entry(5, UINT32_MAX, 0, 0));
}

static void entries_out_of_order_or_twice_fail(void **state)
{
    (void)state;
    const node_id pairs[][2] = {{2, 1}, {1, 1}};
    for (unsigned i = 0; i < 2; i++) {
        struct buffer bytes = {0};
        buffer_put_varint(&bytes, 2);
        for (unsigned k = 0; k < 2; k++) {
            struct actor actor = actor_of(pairs[i][k]);
            actor_encode(&actor, &bytes);
            buffer_put_varint(&bytes, 3);
            buffer_put_varint(&bytes, 0);
        }
        assert_false(stands(recode_clock, bytes.data, bytes.length));
        buffer_deinit(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_agree_with_a_plain_set),
        cmocka_unit_test(set_operations_agree_with_plain_sets),
        cmocka_unit_test(the_order_of_arrival_leaves_no_trace),
        cmocka_unit_test(a_filled_gap_melts_into_the_base),
        cmocka_unit_test(a_vector_is_covered_by_bases_alone),
        cmocka_unit_test(the_highest_sequences_do_not_overflow),
        cmocka_unit_test(a_copy_is_equal_and_separate),
        cmocka_unit_test(encoded_clocks_come_back_and_damage_is_seen),
        cmocka_unit_test(empty_entries_overflow_and_false_counts_fail),
        cmocka_unit_test(entries_out_of_order_or_twice_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
