/*
 * test_record.c - names sort as the ring does, and records come back whole or not at all.
 */
#include "../causal/cell_test.h"

#include "wire/message.h"
#include "wire/record.h"

static void put_name(uint64_t position, keyspace_id keyspace, const char *key, struct buffer *out)
{
    buffer_clear(out);
    record_cell_name(position, keyspace, slice_text(key), out);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

/* A partition, a scan and a transfer rely on it: a range of positions is a range of names. */
static void names_of_cells_sort_by_position_first(void **state)
{
    static const uint64_t edges[] = {0,          1,          255,        256,
                                     UINT32_MAX, 1ull << 50, 1ull << 63, UINT64_MAX};
    static const char *const keys[] = {"", "a", "b", "aa", "\xff"};
    struct random random = random_make(3);
    struct buffer one = {0}, two = {0};
    (void)state;
    for (int round = 0; round < 5000; round++) {
        uint64_t p = edges[random_below(&random, 8)], q = edges[random_below(&random, 8)];
        put_name(p, (keyspace_id)random_below(&random, 3), keys[random_below(&random, 5)], &one);
        put_name(q, (keyspace_id)random_below(&random, 3), keys[random_below(&random, 5)], &two);
        int order = sign(slice_compare(buffer_slice(&one), buffer_slice(&two)));
        if (p != q)
            assert_int_equal(order, compare_numbers(p, q));
    }
    buffer_deinit(&one);
    buffer_deinit(&two);
}

static void a_bound_lies_just_before_its_position(void **state)
{
    struct buffer bound = {0}, name = {0};
    (void)state;
    record_cell_bound(1000, &bound);
    put_name(999, UINT16_MAX, "\xff\xff", &name);
    assert_true(slice_compare(buffer_slice(&name), buffer_slice(&bound)) < 0);
    put_name(1000, 0, "", &name);
    assert_true(slice_compare(buffer_slice(&name), buffer_slice(&bound)) > 0);
    buffer_deinit(&bound);
    buffer_deinit(&name);
}

static bool recode_cell_name(struct slice bytes, struct buffer *again)
{
    struct cell_name name;
    if (record_cell_name_decode(bytes, &name) != STATUS_OK)
        return false;
    record_cell_name(name.position, name.keyspace, name.key, again);
    return true;
}

static bool recode_log_name(struct slice bytes, struct buffer *again)
{
    partition_id partition;
    uint64_t position;
    if (record_log_name_decode(bytes, &partition, &position) != STATUS_OK)
        return false;
    record_log_name(partition, position, again);
    return true;
}

static void names_decode_to_what_they_name(void **state)
{
    struct buffer name = {0};
    struct cell_name cell;
    partition_id partition;
    uint64_t position;
    (void)state;
    put_name(77, 5, "a key", &name);
    assert_int_equal(record_cell_name_decode(buffer_slice(&name), &cell), STATUS_OK);
    assert_int_equal(cell.position, 77);
    assert_int_equal(cell.keyspace, 5);
    assert_true(slice_equal(cell.key, slice_text("a key")));
    assert_every_truncation_fails(recode_cell_name, &name);
    assert_every_flip_fails_or_stays_canonical(recode_cell_name, &name);
    buffer_clear(&name);
    record_log_name(300, 1ull << 40, &name);
    assert_int_equal(record_log_name_decode(buffer_slice(&name), &partition, &position), STATUS_OK);
    assert_int_equal(partition, 300);
    assert_int_equal(position, 1ull << 40);
    assert_every_truncation_fails(recode_log_name, &name);
    assert_every_flip_fails_or_stays_canonical(recode_log_name, &name);
    buffer_deinit(&name);
}

/* The end of a walk over one kind must not look like damage. */
static void a_name_of_another_kind_is_not_found(void **state)
{
    struct buffer log = {0}, checkpoint = {0}, cell = {0};
    struct cell_name name;
    partition_id partition;
    uint64_t position;
    (void)state;
    record_log_name(1, 2, &log);
    record_checkpoint_name(1, &checkpoint);
    put_name(1, 0, "k", &cell);
    assert_int_equal(record_cell_name_decode(buffer_slice(&log), &name), STATUS_NOT_FOUND);
    assert_int_equal(record_cell_name_decode(buffer_slice(&checkpoint), &name), STATUS_NOT_FOUND);
    assert_int_equal(record_log_name_decode(buffer_slice(&cell), &partition, &position),
                     STATUS_NOT_FOUND);
    assert_int_equal(record_log_name_decode(buffer_slice(&checkpoint), &partition, &position),
                     STATUS_NOT_FOUND);
    cell.length--;
    assert_int_equal(record_cell_name_decode(buffer_slice(&cell), &name), STATUS_CORRUPT);
    buffer_deinit(&log);
    buffer_deinit(&checkpoint);
    buffer_deinit(&cell);
}

static void logs_sort_by_partition_and_position(void **state)
{
    struct buffer one = {0}, two = {0};
    (void)state;
    record_log_name(1, UINT64_MAX, &one);
    record_log_name(2, 0, &two);
    assert_true(slice_compare(buffer_slice(&one), buffer_slice(&two)) < 0);
    buffer_clear(&one);
    record_log_name(2, 255, &one);
    buffer_clear(&two);
    record_log_name(2, 256, &two);
    assert_true(slice_compare(buffer_slice(&one), buffer_slice(&two)) < 0);
    buffer_deinit(&one);
    buffer_deinit(&two);
}

static bool recode_cell(struct slice bytes, struct buffer *again)
{
    struct slice encoded;
    struct cell cell;
    if (record_cell_open(bytes, &encoded) != STATUS_OK)
        return false;
    struct reader reader = reader_make(encoded);
    cell_decode(&reader, &cell);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted)
        record_cell_encode(&cell, again);
    cell_deinit(&cell);
    return accepted;
}

static void a_cell_record_comes_back_or_is_refused(void **state)
{
    struct random random = random_make(8);
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct cell cell;
        struct buffer bytes = {0};
        random_cell(&random, 3, 4, &cell);
        record_cell_encode(&cell, &bytes);
        assert_round_trip(recode_cell, &bytes);
        assert_every_truncation_fails(recode_cell, &bytes);
        bytes.data[0] = RECORD_VERSION + 1;
        assert_false(stands(recode_cell, bytes.data, bytes.length));
        cell_deinit(&cell);
        buffer_deinit(&bytes);
    }
}

static bool recode_log(struct slice bytes, struct buffer *again)
{
    struct log_record record;
    bool accepted = log_record_decode(bytes, &record) == STATUS_OK;
    if (accepted)
        log_record_encode(&record, again);
    clock_deinit(&record.dots);
    return accepted;
}

static void a_log_record_comes_back_or_is_refused(void **state)
{
    struct buffer bytes = {0};
    struct log_record record = {.written_ms = 1700000000000,
                                .keyspace = 9,
                                .key = slice_text("key"),
                                .count_delta = -1,
                                .garbage_delta = 1,
                                .left_garbage = true,
                                .digest_delta = UINT64_MAX - 4};
    struct log_record back;
    struct dot dot = dot_of(3, 900);
    (void)state;
    clock_add(&record.dots, &dot);
    log_record_encode(&record, &bytes);
    assert_int_equal(log_record_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(back.written_ms, record.written_ms);
    assert_int_equal(back.keyspace, 9);
    assert_true(slice_equal(back.key, slice_text("key")));
    assert_int_equal(back.count_delta, -1);
    assert_int_equal(back.garbage_delta, 1);
    assert_true(back.left_garbage);
    assert_true(back.digest_delta == UINT64_MAX - 4);
    assert_true(clock_equal(&back.dots, &record.dots));
    assert_every_truncation_fails(recode_log, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode_log, &bytes);
    assert_random_bytes_stand(recode_log, 21, 5000);
    buffer_put_u8(&bytes, 0);
    assert_false(stands(recode_log, bytes.data, bytes.length));
    clock_deinit(&back.dots);
    clock_deinit(&record.dots);
    buffer_deinit(&bytes);
}

static bool recode_checkpoint(struct slice bytes, struct buffer *again)
{
    struct checkpoint_record record;
    bool accepted = checkpoint_record_decode(bytes, &record) == STATUS_OK;
    if (accepted)
        checkpoint_record_encode(&record, again);
    clock_deinit(&record.trimmed);
    clock_deinit(&record.clock);
    return accepted;
}

static struct checkpoint_record sample_checkpoint(void)
{
    struct checkpoint_record record = {
        .state = REPLICA_REBUILDING,
        .tag = {.epoch = 4, .phase = RING_SWITCHED},
        .adopt_epoch = 2,
        .log_position = 5000,
        .digest = 0x8877665544332211,
        .count_count = 2,
        .counts = {{.keyspace = 0, .count = 300}, {.keyspace = 7, .count = 1}},
        .rebuilt_from_count = 2,
        .rebuilt_from = {3, 5},
        .garbage_count = 12,
        .garbage_first = 4000,
        .garbage_last = 4711,
        .log_first = 4321,
        .log_bytes = 1 << 20};
    struct dot dot = dot_of(3, 900), old = dot_of(3, 800);
    clock_add(&record.clock, &dot);
    clock_add(&record.clock, &old);
    clock_add(&record.trimmed, &old);
    return record;
}

static void a_checkpoint_comes_back_or_is_refused(void **state)
{
    struct checkpoint_record record = sample_checkpoint(), back;
    struct buffer bytes = {0};
    (void)state;
    checkpoint_record_encode(&record, &bytes);
    assert_int_equal(checkpoint_record_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(back.state, REPLICA_REBUILDING);
    assert_int_equal(ring_tag_compare(back.tag, record.tag), 0);
    assert_int_equal(back.adopt_epoch, 2);
    assert_int_equal(back.log_position, 5000);
    assert_true(back.digest == record.digest);
    assert_int_equal(back.count_count, 2);
    assert_int_equal(back.counts[1].keyspace, 7);
    assert_int_equal(back.counts[0].count, 300);
    assert_int_equal(back.rebuilt_from_count, 2);
    assert_int_equal(back.rebuilt_from[1], 5);
    assert_int_equal(back.garbage_count, 12);
    assert_int_equal(back.garbage_first, 4000);
    assert_int_equal(back.garbage_last, 4711);
    assert_int_equal(back.log_first, 4321);
    assert_int_equal(back.log_bytes, 1 << 20);
    assert_true(clock_equal(&back.trimmed, &record.trimmed));
    assert_true(clock_equal(&back.clock, &record.clock));
    assert_every_truncation_fails(recode_checkpoint, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode_checkpoint, &bytes);
    assert_random_bytes_stand(recode_checkpoint, 22, 5000);
    buffer_put_u8(&bytes, 0);
    assert_false(stands(recode_checkpoint, bytes.data, bytes.length));
    clock_deinit(&back.trimmed);
    clock_deinit(&back.clock);
    clock_deinit(&record.trimmed);
    clock_deinit(&record.clock);
    buffer_deinit(&bytes);
}

static bool recode_garbage(struct slice bytes, struct buffer *again)
{
    struct garbage_record record;
    bool accepted = garbage_record_decode(bytes, &record) == STATUS_OK;
    if (accepted)
        garbage_record_encode(&record, again);
    version_vector_deinit(&record.context);
    return accepted;
}

static void a_garbage_record_comes_back_or_is_refused(void **state)
{
    struct garbage_record record = {.keyspace = 9, .key = slice_text("key")}, back;
    struct buffer bytes = {0};
    struct dot dot = dot_of(3, 900), other = dot_of(4, 1);
    (void)state;
    version_vector_raise(&record.context, &dot);
    version_vector_raise(&record.context, &other);
    garbage_record_encode(&record, &bytes);
    assert_int_equal(garbage_record_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_int_equal(back.keyspace, 9);
    assert_true(slice_equal(back.key, slice_text("key")));
    assert_true(version_vector_equal(&back.context, &record.context));
    assert_every_truncation_fails(recode_garbage, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode_garbage, &bytes);
    assert_random_bytes_stand(recode_garbage, 23, 5000);
    buffer_put_u8(&bytes, 0);
    assert_false(stands(recode_garbage, bytes.data, bytes.length));
    version_vector_deinit(&back.context);
    version_vector_deinit(&record.context);
    buffer_deinit(&bytes);
}

/*
 * Such a state would be believed at the next start: whether reads may be answered, under which tag.
 */
static void a_checkpoint_of_no_known_state_is_refused(void **state)
{
    struct checkpoint_record record = sample_checkpoint();
    struct buffer bytes = {0};
    (void)state;
    checkpoint_record_encode(&record, &bytes);
    static const uint8_t wrong_states[] = {REPLICA_ABSENT, REPLICA_ACTIVE + 1, 255};
    for (size_t i = 0; i < sizeof wrong_states; i++) {
        bytes.data[1] = wrong_states[i];
        assert_false(stands(recode_checkpoint, bytes.data, bytes.length));
    }
    bytes.data[1] = REPLICA_ACTIVE;
    assert_true(stands(recode_checkpoint, bytes.data, bytes.length));
    bytes.data[6] = RING_SWITCHED + 1;
    assert_false(stands(recode_checkpoint, bytes.data, bytes.length));
    clock_deinit(&record.trimmed);
    clock_deinit(&record.clock);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_cells_sort_by_position_first),
        cmocka_unit_test(a_bound_lies_just_before_its_position),
        cmocka_unit_test(names_decode_to_what_they_name),
        cmocka_unit_test(a_name_of_another_kind_is_not_found),
        cmocka_unit_test(logs_sort_by_partition_and_position),
        cmocka_unit_test(a_cell_record_comes_back_or_is_refused),
        cmocka_unit_test(a_log_record_comes_back_or_is_refused),
        cmocka_unit_test(a_checkpoint_comes_back_or_is_refused),
        cmocka_unit_test(a_garbage_record_comes_back_or_is_refused),
        cmocka_unit_test(a_checkpoint_of_no_known_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
