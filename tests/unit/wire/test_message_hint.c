/*
 * test_message_hint.c - the messages and records of hints: there and back, and every damage.
 */
#include "../causal/cell_test.h"

#include "wire/message_hint.h"
#include "wire/record_hint.h"

/* ---- messages ----------------------------------------------------------------------------- */

static void put_deliveries(unsigned count, struct buffer *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct cell_delivery delivery = {.keyspace = 3,
                                         .key = slice_text(i == 0 ? "k" : "another"),
                                         .cell = slice_text("cell"),
                                         .dots = slice_text("dots")};
        cell_delivery_encode(&delivery, out);
    }
}

static void put_marks(unsigned count, struct buffer *out)
{
    for (unsigned i = 0; i < count; i++) {
        struct hint_mark mark = {.name = slice_text("Hc name"),
                                 .digest = 0x0102030405060708 + i,
                                 .first_ms = 1700000000000 + i};
        hint_mark_encode(&mark, out);
    }
}

static void sample_hint(struct buffer *out)
{
    struct buffer deliveries = {0}, body = {0};
    put_deliveries(2, &deliveries);
    struct message_replicate replicate = {.address = {.partition = 300, .tag = {.epoch = 7}},
                                          .delivery_count = 2,
                                          .deliveries = buffer_slice(&deliveries)};
    message_replicate_encode(&replicate, &body);
    message_hint_encode(77, buffer_slice(&body), out);
    buffer_deinit(&deliveries);
    buffer_deinit(&body);
}

static bool recode_hint(struct slice bytes, struct buffer *again)
{
    struct message_hint hint;
    struct buffer body = {0};
    if (message_hint_decode(bytes, &hint) != STATUS_OK)
        return false;
    message_replicate_encode(&hint.replicate, &body);
    message_hint_encode(hint.intended, buffer_slice(&body), again);
    buffer_deinit(&body);
    return true;
}

static void sample_state(struct buffer *out)
{
    static const uint8_t held[] = {0, 1, 0, 9, 63, 255}, full[] = {0, 9};
    struct message_hint_state state = {.flags = HINT_STATE_PRESSED,
                                       .held_count = 3,
                                       .held = slice_make(held, sizeof held),
                                       .full_count = 1,
                                       .full = slice_make(full, sizeof full)};
    message_hint_state_encode(&state, out);
}

static void sample_scan(struct buffer *out)
{
    struct message_hints_scan scan = {.partition = 3,
                                      .target = 4,
                                      .after = slice_text("Hc..."),
                                      .bytes_max = 4096,
                                      .count_max = UINT32_MAX};
    message_hints_scan_encode(&scan, out);
}

static void sample_page(struct buffer *out)
{
    struct buffer marks = {0}, deliveries = {0};
    put_marks(2, &marks);
    put_deliveries(2, &deliveries);
    struct message_hints_page page = {.done = true,
                                      .last = slice_text("Hc name"),
                                      .count = 2,
                                      .marks = buffer_slice(&marks),
                                      .deliveries = buffer_slice(&deliveries)};
    message_hints_page_encode(&page, out);
    buffer_deinit(&marks);
    buffer_deinit(&deliveries);
}

static void sample_drop(struct buffer *out)
{
    struct buffer marks = {0};
    put_marks(2, &marks);
    struct message_hints_drop drop = {
        .partition = 3, .target = 4, .count = 2, .marks = buffer_slice(&marks)};
    message_hints_drop_encode(&drop, out);
    buffer_deinit(&marks);
}

static void sample_dropped(struct buffer *out)
{
    message_hints_dropped_encode(&(struct message_hints_dropped){.status = STATUS_IO, .count = 9},
                                 out);
}

static void sample_counts(struct buffer *out)
{
    struct message_hint_counts counts = {.partition = 16383,
                                         .cells = 3,
                                         .bytes = 900,
                                         .debt_count = 2,
                                         .debts = {{1, 2, 600, 1700000000000}, {5, 3, 900, 1}},
                                         .full = true,
                                         .store_full = true,
                                         .store_bytes = 1000000,
                                         .aside = 1,
                                         .stored = 2,
                                         .merged = 3,
                                         .repeated = 4,
                                         .refused = 5};
    message_hint_counts_encode(&counts, out);
}

static void sample_debt(struct buffer *out)
{
    struct message_log_debt debt = {.kind = LOG_DEBT_PULLER, .request = 77, .node = 4};
    message_log_debt_encode(&debt, out);
}

static void sample_debts(struct buffer *out)
{
    struct buffer rows = {0};
    for (node_id node = 1; node <= 2; node++) {
        struct log_debt debt = {.node = node,
                                .unknown = 3,
                                .events_at_pull = 4,
                                .events = 500,
                                .bytes = 60000,
                                .unshown = 2};
        log_debt_encode(&debt, &rows);
    }
    message_log_debts_encode(
        &(struct message_log_debts){.count = 2, .mark = 300, .debts = buffer_slice(&rows)}, out);
    buffer_deinit(&rows);
}

#define RECODE(name, type)                                                                         \
    static bool recode_##name(struct slice bytes, struct buffer *again)                            \
    {                                                                                              \
        struct type message;                                                                       \
        if (type##_decode(bytes, &message) != STATUS_OK)                                           \
            return false;                                                                          \
        type##_encode(&message, again);                                                            \
        return true;                                                                               \
    }

RECODE(state, message_hint_state)
RECODE(scan, message_hints_scan)
RECODE(page, message_hints_page)
RECODE(drop, message_hints_drop)
RECODE(dropped, message_hints_dropped)
RECODE(counts, message_hint_counts)
RECODE(debt, message_log_debt)
RECODE(debts, message_log_debts)

static void every_message_comes_back_and_stands_damage(void **state)
{
    static const struct {
        void (*sample)(struct buffer *out);
        recode_function recode;
    } rows[] = {{sample_hint, recode_hint},     {sample_state, recode_state},
                {sample_scan, recode_scan},     {sample_page, recode_page},
                {sample_drop, recode_drop},     {sample_dropped, recode_dropped},
                {sample_counts, recode_counts}, {sample_debt, recode_debt},
                {sample_debts, recode_debts}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer bytes = {0};
        rows[i].sample(&bytes);
        assert_round_trip(rows[i].recode, &bytes);
        assert_every_truncation_fails(rows[i].recode, &bytes);
        assert_every_flip_fails_or_stays_canonical(rows[i].recode, &bytes);
        assert_random_bytes_stand(rows[i].recode, 40 + i, 2000);
        buffer_put_u8(&bytes, 0);
        assert_false(stands(rows[i].recode, bytes.data, bytes.length));
        buffer_deinit(&bytes);
    }
}

/* What a peer says twice, or out of order, would be searched for in vain. */
static void partitions_that_do_not_ascend_are_refused(void **state)
{
    static const uint8_t twice[] = {0, 4, 0, 4}, back[] = {0, 4, 0, 3}, beyond[] = {64, 0};
    const struct slice bad[] = {{twice, 4}, {back, 4}, {beyond, 2}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer bytes = {0};
        struct message_hint_state out;
        struct message_hint_state bad_state = {.held_count = (uint16_t)(bad[i].length / 2),
                                               .held = bad[i]};
        message_hint_state_encode(&bad_state, &bytes);
        assert_int_equal(message_hint_state_decode(buffer_slice(&bytes), &out), STATUS_CORRUPT);
        buffer_deinit(&bytes);
    }
}

/* ---- records ------------------------------------------------------------------------------ */

static void sample_record(struct buffer *out)
{
    struct hint_record record = {.intended_count = 2,
                                 .intended = {3, 9},
                                 .first_ms = 1700000000000,
                                 .dots = slice_text("dots"),
                                 .cell = slice_text("cell")};
    hint_record_encode(&record, out);
}

RECODE(record, hint_record)

static void a_record_comes_back_and_stands_damage(void **state)
{
    struct buffer bytes = {0};
    (void)state;
    sample_record(&bytes);
    assert_round_trip(recode_record, &bytes);
    assert_every_truncation_fails(recode_record, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode_record, &bytes);
    assert_random_bytes_stand(recode_record, 50, 2000);
    buffer_deinit(&bytes);
}

static void append_name(uint8_t kind, partition_id partition, uint64_t position, const char *key,
                        struct buffer *out)
{
    struct hint_name name = {
        .partition = partition, .position = position, .keyspace = 7, .key = slice_text(key)};
    buffer_clear(out);
    record_hint_name(kind, &name, out);
}

/* A page is a range, and what is set aside is in no page. */
static void names_sort_by_partition_and_position(void **state)
{
    struct buffer before = {0}, after = {0}, aside = {0};
    struct hint_name back;
    (void)state;
    append_name(RECORD_HINT_CELL, 3, 900, "zz", &before);
    append_name(RECORD_HINT_CELL, 3, 901, "a", &after);
    assert_true(slice_compare(buffer_slice(&before), buffer_slice(&after)) < 0);
    append_name(RECORD_HINT_CELL, 4, 0, "", &before);
    assert_true(slice_compare(buffer_slice(&after), buffer_slice(&before)) < 0);
    record_hint_name_aside(buffer_slice(&after), &aside);
    assert_int_equal(record_hint_name_decode(RECORD_HINT_CELL, buffer_slice(&aside), &back),
                     STATUS_NOT_FOUND);
    assert_int_equal(record_hint_name_decode(RECORD_HINT_ASIDE, buffer_slice(&aside), &back),
                     STATUS_OK);
    assert_int_equal(back.partition, 3);
    assert_int_equal(back.position, 901);
    assert_true(slice_equal(back.key, slice_text("a")));
    buffer_put_u8(&after, 1);
    assert_int_equal(record_hint_name_decode(RECORD_HINT_CELL, buffer_slice(&after), &back),
                     STATUS_CORRUPT);
    buffer_deinit(&before);
    buffer_deinit(&after);
    buffer_deinit(&aside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_and_stands_damage),
        cmocka_unit_test(partitions_that_do_not_ascend_are_refused),
        cmocka_unit_test(a_record_comes_back_and_stands_damage),
        cmocka_unit_test(names_sort_by_partition_and_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
