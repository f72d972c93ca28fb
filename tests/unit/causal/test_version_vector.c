#include "causal/version_vector.h"

#include "causal_test.h"

enum { ACTORS = 20, SEQUENCES = 4 };

/* The oracle: one number for each of the actors 1..ACTORS. */
struct plain {
    uint64_t highest[ACTORS + 1];
};

static void random_vector(struct random *random, struct version_vector *vector, struct plain *plain)
{
    uint64_t raises = random_below(random, random_chance(random, 1, 4) ? 40 : 5);
    *vector = (struct version_vector){0};
    *plain = (struct plain){0};
    for (uint64_t i = 0; i < raises; i++) {
        struct dot dot =
            dot_of(1 + (node_id)random_below(random, ACTORS), 1 + random_below(random, SEQUENCES));
        version_vector_raise(vector, &dot);
        if (plain->highest[dot.actor.node] < dot.sequence)
            plain->highest[dot.actor.node] = dot.sequence;
    }
}

static void assert_as_plain(const struct version_vector *vector, const struct plain *plain)
{
    uint32_t count = 0;
    for (node_id node = 1; node <= ACTORS; node++) {
        struct actor actor = actor_of(node);
        count += plain->highest[node] > 0;
        assert_int_equal(version_vector_get(vector, &actor), plain->highest[node]);
        for (uint64_t sequence = 1; sequence <= SEQUENCES + 1; sequence++) {
            struct dot dot = dot_of(node, sequence);
            assert_int_equal(version_vector_covers(vector, &dot), sequence <= plain->highest[node]);
        }
    }
    assert_int_equal(vector->count, count);
    for (uint32_t i = 1; i < vector->count; i++)
        assert_true(actor_compare(&vector->entries[i - 1].actor, &vector->entries[i].actor) < 0);
}

static bool plain_descends(const struct plain *a, const struct plain *b)
{
    for (node_id node = 1; node <= ACTORS; node++)
        if (a->highest[node] < b->highest[node])
            return false;
    return true;
}

static void agrees_with_a_plain_array_of_numbers(void **state)
{
    struct random random = random_make(11);
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        struct version_vector a;
        struct version_vector b;
        struct version_vector copy;
        struct plain plain_a;
        struct plain plain_b;
        random_vector(&random, &a, &plain_a);
        random_vector(&random, &b, &plain_b);
        assert_as_plain(&a, &plain_a);
        assert_int_equal(version_vector_descends(&a, &b), plain_descends(&plain_a, &plain_b));
        assert_int_equal(version_vector_equal(&a, &b),
                         plain_descends(&plain_a, &plain_b) && plain_descends(&plain_b, &plain_a));
        version_vector_copy(&a, &copy);
        assert_true(version_vector_equal(&a, &copy));
        version_vector_join(&a, &b);
        for (node_id node = 1; node <= ACTORS; node++)
            if (plain_a.highest[node] < plain_b.highest[node])
                plain_a.highest[node] = plain_b.highest[node];
        assert_as_plain(&a, &plain_a);
        assert_true(version_vector_descends(&a, &b));
        assert_true(version_vector_descends(&a, &copy));
        version_vector_deinit(&a);
        version_vector_deinit(&b);
        version_vector_deinit(&copy);
    }
}

static void the_empty_vector_covers_nothing_and_is_below_all(void **state)
{
    struct version_vector empty = {0};
    struct version_vector copy;
    struct version_vector one = {0};
    struct dot dot = dot_of(1, 1);
    (void)state;
    version_vector_raise(&one, &dot);
    version_vector_copy(&empty, &copy);
    assert_false(version_vector_covers(&empty, &dot));
    assert_true(version_vector_descends(&one, &empty));
    assert_false(version_vector_descends(&empty, &one));
    assert_true(version_vector_equal(&empty, &copy));
    version_vector_join(&copy, &empty);
    assert_int_equal(copy.count, 0);
    version_vector_deinit(&one);
    version_vector_deinit(&copy);
}

static bool recode_vector(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct version_vector vector;
    version_vector_decode(&reader, &vector);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted)
        version_vector_encode(&vector, again);
    if (reader.failed) {
        assert_null(vector.entries);
        assert_int_equal(vector.count, 0);
    }
    version_vector_deinit(&vector);
    return accepted;
}

static void encoded_vectors_come_back_and_damage_is_seen(void **state)
{
    struct random random = random_make(12);
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct version_vector vector;
        struct version_vector back;
        struct plain plain;
        struct buffer bytes = {0};
        random_vector(&random, &vector, &plain);
        version_vector_encode(&vector, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        version_vector_decode(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_true(version_vector_equal(&vector, &back));
        assert_every_truncation_fails(recode_vector, &bytes);
        assert_every_flip_fails_or_stays_canonical(recode_vector, &bytes);
        version_vector_deinit(&vector);
        version_vector_deinit(&back);
        buffer_deinit(&bytes);
    }
    assert_random_bytes_stand(recode_vector, 13, 20000);
}

static void assert_pair_fails(struct dot first, struct dot second)
{
    struct buffer bytes = {0};
    buffer_put_varint(&bytes, 2);
    dot_encode(&first, &bytes);
    dot_encode(&second, &bytes);
    assert_false(stands(recode_vector, bytes.data, bytes.length));
    buffer_deinit(&bytes);
}

static void entries_out_of_order_or_twice_fail(void **state)
{
    (void)state;
    assert_pair_fails(dot_of(2, 1), dot_of(1, 1));
    assert_pair_fails(dot_of(1, 1), dot_of(1, 2));
    assert_pair_fails(dot_of(1, 1), dot_of(1, 1));
}

/* The count alone must not make the decoder allocate. */
static void a_count_that_the_bytes_cannot_hold_fails(void **state)
{
    struct buffer bytes = {0};
    struct dot dot = dot_of(1, 1);
    (void)state;
    buffer_put_varint(&bytes, VERSION_VECTOR_ENTRIES_MAX);
    dot_encode(&dot, &bytes);
    assert_false(stands(recode_vector, bytes.data, bytes.length));
    buffer_clear(&bytes);
    buffer_put_varint(&bytes, VERSION_VECTOR_ENTRIES_MAX + 1);
    assert_false(stands(recode_vector, bytes.data, bytes.length));
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_plain_array_of_numbers),
        cmocka_unit_test(the_empty_vector_covers_nothing_and_is_below_all),
        cmocka_unit_test(encoded_vectors_come_back_and_damage_is_seen),
        cmocka_unit_test(entries_out_of_order_or_twice_fail),
        cmocka_unit_test(a_count_that_the_bytes_cannot_hold_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
