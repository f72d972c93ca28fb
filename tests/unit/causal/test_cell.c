#include "causal/cell.h"

#include "cell_test.h"

static struct cell cell_with(const struct sibling *siblings, uint32_t count)
{
    struct cell cell = {0};
    for (uint32_t i = 0; i < count; i++)
        cell_insert(&cell, &siblings[i]);
    return cell;
}

static void inserted_siblings_stand_sorted_and_covered(void **state)
{
    struct random random = random_make(31);
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct cell cell = {0};
        for (unsigned i = 0; i < 40; i++) {
            struct sibling sibling = sibling_of(
                dot_of(1 + (node_id)random_below(&random, 5), 1 + random_below(&random, 9)));
            cell_insert(&cell, &sibling);
            assert_non_null(cell_find(&cell, &sibling.dot));
        }
        for (uint32_t i = 0; i < cell.count; i++) {
            assert_true(i == 0 ||
                        dot_compare(&cell.siblings[i - 1].dot, &cell.siblings[i].dot) < 0);
            assert_true(version_vector_covers(&cell.context, &cell.siblings[i].dot));
        }
        struct dot absent = dot_of(6, 1);
        assert_null(cell_find(&cell, &absent));
        cell_deinit(&cell);
    }
}

static void a_sibling_with_the_same_dot_is_kept(void **state)
{
    struct sibling first = string_of(dot_of(1, 1), 5, "first");
    struct sibling second = string_of(dot_of(1, 1), 6, "second");
    struct cell cell = {0};
    (void)state;
    cell_insert(&cell, &first);
    cell_insert(&cell, &second);
    assert_int_equal(cell.count, 1);
    assert_true(slice_equal(cell.siblings[0].value, slice_text("first")));
    cell_deinit(&cell);
}

static void a_copy_is_equal_and_separate(void **state)
{
    struct random random = random_make(32);
    struct cell cell;
    struct cell copy;
    (void)state;
    random_cell(&random, 4, 6, &cell);
    cell_copy(&cell, &copy);
    assert_true(same_cell(&cell, &copy));
    struct sibling sibling = sibling_of(dot_of(9, 1));
    cell_insert(&copy, &sibling);
    assert_null(cell_find(&cell, &sibling.dot));
    assert_false(cell_same_version(&cell, &copy));
    cell_deinit(&cell);
    cell_deinit(&copy);
}

static void versions_differ_by_context_or_by_dots(void **state)
{
    struct sibling one = string_of(dot_of(1, 1), 5, "x");
    struct dot other = dot_of(2, 1);
    struct cell a = cell_with(&one, 1);
    struct cell b = cell_with(&one, 1);
    (void)state;
    assert_true(cell_same_version(&a, &b));
    version_vector_raise(&b.context, &other);
    assert_false(cell_same_version(&a, &b));
    version_vector_raise(&a.context, &other);
    assert_true(cell_same_version(&a, &b));
    cell_drop_observed(&a, &b.context);
    assert_false(cell_same_version(&a, &b));
    cell_deinit(&a);
    cell_deinit(&b);
}

/* A node that lags sends what the other has long replaced. */
static void merge_drops_what_the_other_side_covers(void **state)
{
    struct sibling old = string_of(dot_of(1, 1), 5, "old");
    struct sibling new = string_of(dot_of(2, 1), 6, "new");
    struct cell behind = cell_with(&old, 1);
    struct cell ahead = cell_with(&new, 1);
    struct cell merged;
    (void)state;
    version_vector_raise(&ahead.context, &old.dot);
    assert_int_equal(cell_merge(&behind, &ahead, MERGE_SIBLINGS, &merged), 0);
    assert_true(same_cell(&merged, &ahead));
    cell_deinit(&merged);
    assert_int_equal(cell_merge(&behind, &ahead, MERGE_LWW, &merged), 0);
    assert_true(same_cell(&merged, &ahead));
    cell_deinit(&merged);
    cell_deinit(&behind);
    cell_deinit(&ahead);
}

static void concurrent_siblings_all_stay(void **state)
{
    struct sibling siblings[2] = {string_of(dot_of(1, 1), 5, "a"), tombstone_of(dot_of(2, 1), 6)};
    struct cell a = cell_with(&siblings[0], 1);
    struct cell b = cell_with(&siblings[1], 1);
    struct cell both = cell_with(siblings, 2);
    struct cell merged;
    (void)state;
    assert_int_equal(cell_merge(&a, &b, MERGE_SIBLINGS, &merged), 0);
    assert_true(same_cell(&merged, &both));
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
    cell_deinit(&both);
}

static void the_last_writer_stays_alone_and_lost_values_are_counted(void **state)
{
    const struct sibling siblings[] = {
        string_of(dot_of(1, 1), 5, "lost"), tombstone_of(dot_of(2, 1), 4),
        string_of(dot_of(3, 1), 9, "kept"), string_of(dot_of(4, 1), 9, "wins the tie"),
        string_of(dot_of(5, 1), 2, "lost")};
    struct cell a = cell_with(siblings, 3);
    struct cell b = cell_with(siblings + 3, 2);
    struct cell merged;
    (void)state;
    assert_int_equal(cell_merge(&a, &b, MERGE_LWW, &merged), 3);
    assert_int_equal(merged.count, 1);
    assert_true(slice_equal(merged.siblings[0].value, slice_text("wins the tie")));
    for (unsigned i = 0; i < 5; i++) /* the dropped stay covered, so they cannot come back */
        assert_true(version_vector_covers(&merged.context, &siblings[i].dot));
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
}

static void a_tombstone_can_win_and_its_loss_is_not_counted(void **state)
{
    struct sibling value = string_of(dot_of(1, 1), 5, "lost");
    struct sibling tombstone = tombstone_of(dot_of(2, 1), 6);
    struct sibling later = string_of(dot_of(3, 1), 7, "kept");
    struct cell a = cell_with(&value, 1);
    struct cell b = cell_with(&tombstone, 1);
    struct cell c = cell_with(&later, 1);
    struct cell merged;
    (void)state;
    assert_int_equal(cell_merge(&a, &b, MERGE_LWW, &merged), 1);
    assert_int_equal(merged.siblings[0].kind, SIBLING_TOMBSTONE);
    cell_deinit(&merged);
    assert_int_equal(cell_merge(&b, &c, MERGE_LWW, &merged), 0);
    assert_int_equal(merged.siblings[0].kind, SIBLING_STRING);
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
    cell_deinit(&c);
}

/* Values are omitted by a replica that was asked for versions only. */
static void merge_takes_the_value_from_whichever_side_has_it(void **state)
{
    struct sibling full = string_of(dot_of(1, 1), 5, "value");
    struct sibling bare = string_of(dot_of(1, 1), 5, "");
    bare.omitted_bytes = 5;
    struct cell a = cell_with(&full, 1);
    struct cell b = cell_with(&bare, 1);
    struct cell merged;
    (void)state;
    cell_merge(&a, &b, MERGE_LWW, &merged);
    assert_true(same_cell(&merged, &a));
    cell_deinit(&merged);
    cell_merge(&b, &a, MERGE_LWW, &merged);
    assert_true(same_cell(&merged, &a));
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
}

static void the_seen_filter_stops_late_copies_and_nothing_else(void **state)
{
    const struct sibling siblings[] = {string_of(dot_of(1, 1), 5, "seen and superseded"),
                                       string_of(dot_of(1, 2), 5, "seen and live"),
                                       string_of(dot_of(2, 7), 5, "never seen")};
    struct cell incoming = cell_with(siblings, 3);
    struct cell local = cell_with(&siblings[1], 1);
    struct cell unfiltered;
    struct clock seen = {0};
    (void)state;
    cell_copy(&incoming, &unfiltered);
    clock_add(&seen, &siblings[0].dot);
    clock_add(&seen, &siblings[1].dot);
    cell_filter_seen(&incoming, &seen, &local);
    assert_int_equal(incoming.count, 2);
    assert_null(cell_find(&incoming, &siblings[0].dot));
    assert_true(version_vector_equal(&incoming.context, &unfiltered.context));
    cell_filter_seen(&unfiltered, &seen, NULL);
    assert_int_equal(unfiltered.count, 1);
    assert_non_null(cell_find(&unfiltered, &siblings[2].dot));
    cell_deinit(&incoming);
    cell_deinit(&local);
    cell_deinit(&unfiltered);
    clock_deinit(&seen);
}

static void a_write_replaces_only_what_it_observed(void **state)
{
    const struct sibling siblings[] = {string_of(dot_of(1, 3), 5, "read"),
                                       string_of(dot_of(1, 4), 5, "written since"),
                                       string_of(dot_of(2, 1), 5, "of another")};
    struct cell cell = cell_with(siblings, 3);
    struct version_vector observed = {0};
    (void)state;
    version_vector_raise(&observed, &siblings[0].dot);
    cell_drop_observed(&cell, &observed);
    assert_int_equal(cell.count, 2);
    assert_null(cell_find(&cell, &siblings[0].dot));
    assert_true(version_vector_covers(&cell.context, &siblings[0].dot));
    cell_deinit(&cell);
    version_vector_deinit(&observed);
}

static void the_winner_has_the_highest_time_then_dot(void **state)
{
    const struct sibling siblings[] = {string_of(dot_of(1, 1), 7, "early"),
                                       string_of(dot_of(2, 1), 9, "tied"),
                                       string_of(dot_of(3, 1), 9, "winner"),
                                       string_of(dot_of(4, 1), 8, "later dot, earlier time")};
    struct cell cell = cell_with(siblings, 4);
    struct cell empty = {0};
    (void)state;
    assert_true(slice_equal(cell_winner(&cell)->value, slice_text("winner")));
    assert_int_equal(cell_time_max(&cell), 9);
    assert_null(cell_winner(&empty));
    assert_int_equal(cell_time_max(&empty), 0);
    cell_deinit(&cell);
}

static void an_expired_or_deleted_value_is_not_visible(void **state)
{
    struct sibling expiring = string_of(dot_of(2, 1), 6, "expires");
    struct sibling tombstone = tombstone_of(dot_of(3, 1), 7);
    expiring.expire_at_ms = 1000;
    struct cell cell = cell_with(&expiring, 1);
    (void)state;
    assert_ptr_equal(cell_visible(&cell, 999), cell_winner(&cell));
    assert_null(cell_visible(&cell, 1000));
    cell_insert(&cell, &tombstone);
    assert_null(cell_visible(&cell, 1000));
    cell_deinit(&cell);
    assert_null(cell_visible(&cell, 0));
}

/* Nobody who deleted or let expire has seen it, so it is there. */
static void a_value_outlives_what_is_concurrent_with_it(void **state)
{
    struct sibling value = string_of(dot_of(1, 1), 5, "lives");
    struct sibling expiring = string_of(dot_of(2, 1), 6, "expires");
    struct sibling tombstone = tombstone_of(dot_of(3, 1), 7);
    expiring.expire_at_ms = 1000;
    struct cell cell = cell_with(&value, 1);
    (void)state;
    cell_insert(&cell, &tombstone);
    assert_true(slice_equal(cell_visible(&cell, 0)->value, slice_text("lives")));
    cell_insert(&cell, &expiring);
    assert_true(slice_equal(cell_visible(&cell, 999)->value, slice_text("expires")));
    assert_true(slice_equal(cell_visible(&cell, 1000)->value, slice_text("lives")));
    cell_deinit(&cell);
}

/* What a merge of foreign cells may exceed, the encoder asserts and a frame cannot hold. */
static void a_cell_beyond_what_can_be_sent_does_not_fit(void **state)
{
    static uint8_t bytes[CELL_VALUES_BYTES_MAX / 2 + 1];
    struct cell cell = {0};
    (void)state;
    for (uint32_t i = 1; i <= CELL_SIBLINGS_MAX; i++) {
        struct sibling value = string_of(dot_of(1, i), i, "");
        cell_insert(&cell, &value);
    }
    assert_true(cell_fits(&cell));
    struct sibling more = string_of(dot_of(2, 1), 9, "");
    cell_insert(&cell, &more);
    assert_false(cell_fits(&cell));
    cell_deinit(&cell);
    struct sibling large = string_of(dot_of(1, 1), 1, "");
    large.value = slice_make(bytes, sizeof bytes);
    cell_insert(&cell, &large);
    assert_true(cell_fits(&cell));
    large.dot.sequence = 2;
    cell_insert(&cell, &large);
    assert_false(cell_fits(&cell));
    cell_deinit(&cell);
}

static void equal_live_dots_have_equal_hashes_whatever_the_context(void **state)
{
    struct sibling value = string_of(dot_of(1, 1), 5, "x");
    struct sibling tombstone = tombstone_of(dot_of(2, 1), 6);
    struct dot covered = dot_of(3, 9);
    struct cell a = cell_with(&value, 1);
    struct cell b = cell_with(&value, 1);
    struct slice name = slice_text("name");
    (void)state;
    version_vector_raise(&b.context, &covered);
    cell_insert(&b, &tombstone);
    assert_int_equal(cell_hash(&a, name, 1), cell_hash(&b, name, 1));
    assert_int_not_equal(cell_hash(&a, name, 1), 0);
    cell_deinit(&a);
    cell_deinit(&b);
}

static void the_hash_is_zero_only_without_live_values(void **state)
{
    struct sibling tombstone = tombstone_of(dot_of(2, 1), 6);
    struct cell cell = {0};
    (void)state;
    assert_int_equal(cell_hash(&cell, slice_text("name"), 1), 0);
    cell_insert(&cell, &tombstone);
    assert_int_equal(cell_hash(&cell, slice_text("name"), 1), 0);
    cell_deinit(&cell);
}

static void the_hash_depends_on_name_seed_and_each_part_of_each_dot(void **state)
{
    struct sibling base = string_of(dot_of(1, 1), 5, "x");
    struct sibling others[6] = {base, base, base, base, base, base};
    struct sibling second = string_of(dot_of(1, 2), 5, "x");
    struct cell cell = cell_with(&base, 1);
    uint64_t hash = cell_hash(&cell, slice_text("name"), 1);
    (void)state;
    assert_int_not_equal(hash, cell_hash(&cell, slice_text("nam"), 1));
    assert_int_not_equal(hash, cell_hash(&cell, slice_text("name"), 2));
    cell_insert(&cell, &second);
    assert_int_not_equal(hash, cell_hash(&cell, slice_text("name"), 1));
    cell_deinit(&cell);
    others[0].dot.actor.node++;
    others[1].dot.actor.storage_incarnation++;
    others[2].dot.actor.kind++;
    others[3].dot.actor.boot_epoch++;
    others[4].dot.actor.adopt_epoch++;
    others[5].dot.sequence += (uint64_t)1 << 40;
    for (unsigned i = 0; i < 6; i++) {
        cell = cell_with(&others[i], 1);
        assert_int_not_equal(hash, cell_hash(&cell, slice_text("name"), 1));
        cell_deinit(&cell);
    }
}

static void assert_same_bytes(const struct cell *a, const struct cell *b)
{
    struct buffer a_bytes = {0}, b_bytes = {0};
    cell_encode(a, true, &a_bytes);
    cell_encode(b, true, &b_bytes);
    assert_true(slice_equal(buffer_slice(&a_bytes), buffer_slice(&b_bytes)));
    buffer_deinit(&a_bytes);
    buffer_deinit(&b_bytes);
}

/* Those that fit into the room, and those that move out of it in any of three ways. */
static void a_cell_that_begins_in_a_room_is_as_any_other(void **state)
{
    struct random random = random_make(71);
    unsigned stayed = 0, moved = 0;
    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct cell_room a_room, b_room, merged_room, made_room;
        struct cell a, b, merged, made = cell_on(&made_room);
        struct cell a_in = cell_on(&a_room), b_in = cell_on(&b_room);
        struct cell merged_in = cell_on(&merged_room);
        struct buffer bytes = {0};
        random_cell(&random, 1 + round % 5, 1 + round % 7, &a);
        random_cell(&random, 1 + round % 5, 1 + round % 3, &b);
        cell_encode(&a, true, &bytes);
        size_t first = bytes.length;
        cell_encode(&b, true, &bytes);
        struct reader reader = reader_make(slice_make(bytes.data, first));
        cell_decode_on(&reader, &a_in);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        reader = reader_make(slice_make(bytes.data + first, bytes.length - first));
        cell_decode_versions_on(&reader, &b_in);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_same_bytes(&a, &a_in);
        assert_int_equal(cell_merge(&a, &b, MERGE_SIBLINGS, &merged),
                         cell_merge_on(&a_in, &b_in, MERGE_SIBLINGS, &merged_in));
        assert_same_bytes(&merged, &merged_in);
        for (uint32_t i = merged.count; i > 0; i--)
            cell_insert(&made, &merged.siblings[i - 1]);
        version_vector_join(&made.context, &merged.context);
        assert_same_bytes(&merged, &made);
        stayed += merged_in.lent && merged_in.context.lent;
        moved += !merged_in.lent && !made.lent;
        cell_deinit(&a);
        cell_deinit(&b);
        cell_deinit(&merged);
        cell_deinit(&made);
        cell_deinit(&a_in);
        cell_deinit(&b_in);
        cell_deinit(&merged_in);
        buffer_deinit(&bytes);
    }
    assert_true(stayed > 100 && moved > 100);
}

static void damaged_bytes_leave_nothing_in_a_room(void **state)
{
    struct sibling value = string_of(dot_of(1, 1), 5, "x");
    struct cell cell = cell_with(&value, 1);
    struct buffer bytes = {0};
    (void)state;
    cell_encode(&cell, true, &bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        struct cell_room room;
        struct cell in = cell_on(&room);
        struct reader reader = reader_make(slice_make(bytes.data, length));
        cell_decode_on(&reader, &in);
        assert_true(reader.failed);
        assert_int_equal(in.count, 0);
        assert_int_equal(in.context.count, 0);
    }
    buffer_deinit(&bytes);
    cell_deinit(&cell);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inserted_siblings_stand_sorted_and_covered),
        cmocka_unit_test(a_sibling_with_the_same_dot_is_kept),
        cmocka_unit_test(a_copy_is_equal_and_separate),
        cmocka_unit_test(versions_differ_by_context_or_by_dots),
        cmocka_unit_test(merge_drops_what_the_other_side_covers),
        cmocka_unit_test(concurrent_siblings_all_stay),
        cmocka_unit_test(the_last_writer_stays_alone_and_lost_values_are_counted),
        cmocka_unit_test(a_tombstone_can_win_and_its_loss_is_not_counted),
        cmocka_unit_test(merge_takes_the_value_from_whichever_side_has_it),
        cmocka_unit_test(the_seen_filter_stops_late_copies_and_nothing_else),
        cmocka_unit_test(a_write_replaces_only_what_it_observed),
        cmocka_unit_test(the_winner_has_the_highest_time_then_dot),
        cmocka_unit_test(an_expired_or_deleted_value_is_not_visible),
        cmocka_unit_test(a_value_outlives_what_is_concurrent_with_it),
        cmocka_unit_test(a_cell_beyond_what_can_be_sent_does_not_fit),
        cmocka_unit_test(equal_live_dots_have_equal_hashes_whatever_the_context),
        cmocka_unit_test(the_hash_is_zero_only_without_live_values),
        cmocka_unit_test(the_hash_depends_on_name_seed_and_each_part_of_each_dot),
        cmocka_unit_test(a_cell_that_begins_in_a_room_is_as_any_other),
        cmocka_unit_test(damaged_bytes_leave_nothing_in_a_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
