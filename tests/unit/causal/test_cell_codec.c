#include "causal/cell.h"

#include "cell_test.h"

static bool recode_cell(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct cell cell;
    cell_decode(&reader, &cell);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted)
        cell_encode(&cell, true, again);
    if (reader.failed) {
        assert_null(cell.siblings);
        assert_null(cell.context.entries);
        assert_int_equal(cell.count + cell.context.count, 0);
    }
    cell_deinit(&cell);
    return accepted;
}

static void encoded_cells_come_back_and_damage_is_seen(void **state)
{
    struct random random = random_make(41);
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct cell cell;
        struct cell back;
        struct buffer bytes = {0};
        random_cell(&random, 4, 3, &cell);
        cell_encode(&cell, true, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        cell_decode(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_true(same_cell(&cell, &back));
        assert_round_trip(recode_cell, &bytes);
        assert_every_truncation_fails(recode_cell, &bytes);
        assert_every_flip_fails_or_stays_canonical(recode_cell, &bytes);
        cell_deinit(&cell);
        cell_deinit(&back);
        buffer_deinit(&bytes);
    }
}

static void random_bytes_never_crash(void **state)
{
    (void)state;
    assert_random_bytes_stand(recode_cell, 42, 50000);
}

static void the_usual_cell_adds_21_bytes_to_its_value(void **state)
{
    struct sibling sibling = string_of(dot_of(3, 100), (hybrid_time)1 << 57, "value");
    struct cell cell = {0};
    struct buffer bytes = {0};
    (void)state;
    cell_insert(&cell, &sibling);
    cell_encode(&cell, true, &bytes);
    assert_int_equal(bytes.length - sibling.value.length, 21);
    cell_deinit(&cell);
    buffer_deinit(&bytes);
}

/* Sums of trees follow a cell by this; they are compared with sums of cell_hash(). */
static void the_change_of_a_hash_is_the_difference_of_both(void **state)
{
    struct random random = random_make(47);
    struct slice name = slice_text("name");
    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        struct cell before, after;
        random_cell(&random, 3, round % 4, &before);
        random_cell(&random, 3, 3, &after);
        assert_true(cell_hash_change(&before, &after, name, round) ==
                    cell_hash(&after, name, round) - cell_hash(&before, name, round));
        cell_deinit(&before);
        cell_deinit(&after);
    }
}

static void without_values_all_but_the_values_comes_back(void **state)
{
    struct random random = random_make(43);
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct cell cell;
        struct cell back;
        struct buffer bytes = {0};
        random_cell(&random, 4, 4, &cell);
        cell_encode(&cell, false, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        cell_decode_versions(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        bool omits = false;
        for (uint32_t i = 0; i < cell.count; i++) {
            assert_int_equal(back.siblings[i].omitted_bytes, cell.siblings[i].value.length);
            omits = omits || cell.siblings[i].value.length > 0;
            cell.siblings[i].value = slice_make(NULL, 0);
        }
        assert_true(same_cell(&cell, &back));
        assert_int_equal(cell_omits_values(&back), omits);
        struct buffer again = {0};
        cell_encode_versions(&back, UINT64_MAX, &again);
        assert_true(slice_equal(buffer_slice(&again), buffer_slice(&bytes)));
        buffer_deinit(&again);
        cell_deinit(&cell);
        cell_deinit(&back);
        buffer_deinit(&bytes);
    }
}

/* Kept as a cell it would stand for the empty value, under the dot of another one. */
static void a_cell_that_omits_a_value_is_no_cell_to_keep(void **state)
{
    struct cell cell = {0}, back;
    struct buffer bytes = {0};
    (void)state;
    cell_insert(&cell, &(struct sibling){.dot = {.actor = {.node = 1}, .sequence = 1},
                                         .time = 1,
                                         .value = slice_text("four")});
    for (unsigned bytes_max = 0; bytes_max < 6; bytes_max++) {
        buffer_clear(&bytes);
        cell_encode_versions(&cell, bytes_max, &bytes);
        struct reader strict = reader_make(buffer_slice(&bytes));
        cell_decode(&strict, &back);
        assert_int_equal(reader_end(&strict), bytes_max < 4 ? STATUS_CORRUPT : STATUS_OK);
        cell_deinit(&back);
        struct reader versions = reader_make(buffer_slice(&bytes));
        cell_decode_versions(&versions, &back);
        assert_int_equal(reader_end(&versions), STATUS_OK);
        assert_int_equal(cell_omitted_bytes(&back), bytes_max < 4 ? 4 : 0);
        assert_int_equal(back.siblings[0].value.length, bytes_max < 4 ? 0 : 4);
        cell_deinit(&back);
    }
    cell_deinit(&cell);
    buffer_deinit(&bytes);
}

/* A sibling as it stands in bytes, to be written wrongly. */
struct raw_sibling {
    uint64_t index;
    uint64_t behind;
    uint8_t kind;
    uint64_t expire_at_ms;
    const char *value;
};

/* Whether a cell with context {1:3, 2:1} and these siblings decodes. */
static bool accepts(const struct raw_sibling *siblings, uint64_t count, uint64_t written)
{
    struct version_vector context = {0};
    struct dot dots[2] = {dot_of(1, 3), dot_of(2, 1)};
    struct buffer bytes = {0};
    version_vector_raise(&context, &dots[0]);
    version_vector_raise(&context, &dots[1]);
    version_vector_encode(&context, &bytes);
    buffer_put_varint(&bytes, count);
    for (uint64_t i = 0; i < written; i++) {
        buffer_put_varint(&bytes, siblings[i].index);
        buffer_put_varint(&bytes, siblings[i].behind);
        buffer_put_u8(&bytes, siblings[i].kind);
        buffer_put_u64(&bytes, 77);
        buffer_put_varint(&bytes, siblings[i].expire_at_ms);
        buffer_put_bytes(&bytes, slice_text(siblings[i].value));
    }
    bool accepted = stands(recode_cell, bytes.data, bytes.length);
    version_vector_deinit(&context);
    buffer_deinit(&bytes);
    return accepted;
}

static bool accepts_one(struct raw_sibling sibling)
{
    return accepts(&sibling, 1, 1);
}

static void a_sibling_outside_the_context_fails(void **state)
{
    (void)state;
    assert_true(accepts_one((struct raw_sibling){0, 2, SIBLING_STRING, 0, "x"}));
    assert_false(accepts_one((struct raw_sibling){0, 3, SIBLING_STRING, 0, "x"}));
    assert_false(accepts_one((struct raw_sibling){0, UINT64_MAX, SIBLING_STRING, 0, "x"}));
    assert_false(accepts_one((struct raw_sibling){2, 0, SIBLING_STRING, 0, "x"}));
    assert_false(accepts_one((struct raw_sibling){UINT64_MAX, 0, SIBLING_STRING, 0, "x"}));
}

static void an_unknown_kind_fails(void **state)
{
    (void)state;
    assert_true(accepts_one((struct raw_sibling){0, 0, SIBLING_TOMBSTONE, 0, ""}));
    assert_false(accepts_one((struct raw_sibling){0, 0, SIBLING_KIND_COUNT, 0, ""}));
    assert_false(accepts_one((struct raw_sibling){0, 0, 255, 0, ""}));
}

/* One with an expiry was a value. */
static void a_tombstone_with_a_value_fails(void **state)
{
    (void)state;
    assert_true(accepts_one((struct raw_sibling){0, 0, SIBLING_STRING, 9, "x"}));
    assert_false(accepts_one((struct raw_sibling){0, 0, SIBLING_TOMBSTONE, 0, "x"}));
    assert_false(accepts_one((struct raw_sibling){0, 0, SIBLING_TOMBSTONE, 9, "x"}));
    assert_true(accepts_one((struct raw_sibling){0, 0, SIBLING_TOMBSTONE, 9, ""}));
}

static void siblings_out_of_order_or_twice_fail(void **state)
{
    (void)state;
    const struct raw_sibling sorted[] = {{0, 2, 0, 0, "x"}, {0, 1, 0, 0, "y"}, {1, 0, 0, 0, "z"}};
    const struct raw_sibling twice[] = {{0, 1, 0, 0, "x"}, {0, 1, 0, 0, "x"}};
    const struct raw_sibling falling[] = {{0, 1, 0, 0, "x"}, {0, 2, 0, 0, "y"}};
    const struct raw_sibling actors[] = {{1, 0, 0, 0, "x"}, {0, 0, 0, 0, "y"}};
    assert_true(accepts(sorted, 3, 3));
    assert_false(accepts(twice, 2, 2));
    assert_false(accepts(falling, 2, 2));
    assert_false(accepts(actors, 2, 2));
}

static void a_count_that_the_bytes_cannot_hold_fails(void **state)
{
    (void)state;
    const struct raw_sibling one[] = {{0, 0, 0, 0, "x"}};
    assert_false(accepts(one, 2, 1));
    assert_false(accepts(one, CELL_SIBLINGS_MAX, 1));
    assert_false(accepts(one, CELL_SIBLINGS_MAX + 1, 1));
    assert_false(accepts(one, UINT64_MAX, 1));
}

static void as_many_siblings_as_allowed_come_back(void **state)
{
    struct cell cell = {0};
    struct buffer bytes = {0};
    (void)state;
    for (uint64_t sequence = 1; sequence <= CELL_SIBLINGS_MAX; sequence++) {
        struct sibling sibling = string_of(dot_of(1, sequence), sequence, "v");
        cell_insert(&cell, &sibling);
    }
    cell_encode(&cell, true, &bytes);
    assert_round_trip(recode_cell, &bytes);
    cell_deinit(&cell);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoded_cells_come_back_and_damage_is_seen),
        cmocka_unit_test(random_bytes_never_crash),
        cmocka_unit_test(the_usual_cell_adds_21_bytes_to_its_value),
        cmocka_unit_test(the_change_of_a_hash_is_the_difference_of_both),
        cmocka_unit_test(without_values_all_but_the_values_comes_back),
        cmocka_unit_test(a_cell_that_omits_a_value_is_no_cell_to_keep),
        cmocka_unit_test(a_sibling_outside_the_context_fails),
        cmocka_unit_test(an_unknown_kind_fails),
        cmocka_unit_test(a_tombstone_with_a_value_fails),
        cmocka_unit_test(siblings_out_of_order_or_twice_fail),
        cmocka_unit_test(a_count_that_the_bytes_cannot_hold_fails),
        cmocka_unit_test(as_many_siblings_as_allowed_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
