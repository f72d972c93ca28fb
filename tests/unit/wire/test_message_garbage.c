/*
 * test_message_garbage.c - bodies about garbage come back as they went, or are refused.
 */
#include "../causal/cell_test.h"

#include "wire/message_garbage.h"

#define RECODE(name)                                                                               \
    static bool recode_##name(struct slice bytes, struct buffer *again)                            \
    {                                                                                              \
        struct message_##name message;                                                             \
        if (message_##name##_decode(bytes, &message) != STATUS_OK)                                 \
            return false;                                                                          \
        message_##name##_encode(&message, again);                                                  \
        return true;                                                                               \
    }

RECODE(stability)
RECODE(stability_heard)
RECODE(stability_step)
RECODE(garbage)

static void sample_entries(struct buffer *out)
{
    struct stability_entry entry = {.address = {.partition = 300, .tag = {.epoch = 7}}};
    struct dot dot = dot_of(3, 900), other = dot_of(4, 1);
    entry.actor = dot.actor;
    clock_add(&entry.clock, &dot);
    clock_add(&entry.clock, &other);
    stability_entry_encode(&entry, out);
    entry.rebuilding = true;
    entry.address.partition = 301;
    stability_entry_encode(&entry, out);
    clock_deinit(&entry.clock);
}

static void sample_stability(struct buffer *out)
{
    struct buffer entries = {0};
    sample_entries(&entries);
    message_stability_encode(
        &(struct message_stability){.number = 1000, .count = 2, .reports = buffer_slice(&entries)},
        out);
    buffer_deinit(&entries);
}

static void sample_heard(struct buffer *out)
{
    message_stability_heard_encode(&(struct message_stability_heard){.number = 70000}, out);
}

static void sample_step(struct buffer *out)
{
    message_stability_step_encode(
        &(struct message_stability_step){.kind = STABILITY_STEP_HEARD, .node = 5, .number = 300},
        out);
}

static void sample_garbage(struct buffer *out)
{
    struct message_garbage garbage = {.more = true,
                                      .tombstones = 1000,
                                      .waiting = 200,
                                      .purged = 3,
                                      .log_records = 5000,
                                      .log_bytes = 1ull << 40,
                                      .holder_count = 2,
                                      .holders = {{.node = 2, .may_hint = true, .partitions = 7},
                                                  {.node = 9, .partitions = 300}}};
    message_garbage_encode(&garbage, out);
}

static const struct {
    void (*sample)(struct buffer *out);
    recode_function recode;
} rows[] = {{sample_stability, recode_stability},
            {sample_heard, recode_stability_heard},
            {sample_step, recode_stability_step},
            {sample_garbage, recode_garbage}};

static void every_body_comes_back_as_it_went_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer bytes = {0}, again = {0};
        rows[i].sample(&bytes);
        assert_true(rows[i].recode(buffer_slice(&bytes), &again));
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        assert_every_flip_fails_or_stays_canonical(rows[i].recode, &bytes);
        /* The body of a step is whatever follows, so it has no truncation of its own. */
        if (rows[i].recode != recode_stability_step)
            assert_every_truncation_fails(rows[i].recode, &bytes);
        buffer_deinit(&bytes);
        buffer_deinit(&again);
    }
}

static void a_report_with_entries_missing_is_refused(void **state)
{
    struct buffer bytes = {0}, entries = {0};
    struct message_stability message = {.number = 1, .count = 3};
    (void)state;
    sample_entries(&entries);
    message.reports = buffer_slice(&entries);
    message_stability_encode(&message, &bytes);
    assert_int_equal(message_stability_decode(buffer_slice(&bytes), &message), STATUS_CORRUPT);
    buffer_clear(&bytes);
    message = (struct message_stability){.count = 1, .reports = buffer_slice(&entries)};
    message_stability_encode(&message, &bytes);
    assert_int_equal(message_stability_decode(buffer_slice(&bytes), &message), STATUS_CORRUPT);
    buffer_deinit(&entries);
    buffer_deinit(&bytes);
}

static void a_step_of_no_known_kind_is_refused(void **state)
{
    struct buffer bytes = {0};
    struct message_stability_step step;
    (void)state;
    sample_step(&bytes);
    bytes.data[0] = STABILITY_STEP_KIND_COUNT;
    assert_int_equal(message_stability_step_decode(buffer_slice(&bytes), &step), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void more_holders_than_there_is_room_for_are_refused(void **state)
{
    struct buffer bytes = {0};
    struct message_garbage garbage = {.holder_count = GARBAGE_HOLDERS_MAX};
    (void)state;
    message_garbage_encode(&garbage, &bytes);
    assert_int_equal(message_garbage_decode(buffer_slice(&bytes), &garbage), STATUS_OK);
    bytes.data[6]++; /* the count stands behind five small numbers and a flag */
    buffer_put_u32(&bytes, 1);
    buffer_put_u8(&bytes, 0);
    buffer_put_varint(&bytes, 1);
    assert_int_equal(message_garbage_decode(buffer_slice(&bytes), &garbage), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_as_it_went_or_is_refused),
        cmocka_unit_test(a_report_with_entries_missing_is_refused),
        cmocka_unit_test(a_step_of_no_known_kind_is_refused),
        cmocka_unit_test(more_holders_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
