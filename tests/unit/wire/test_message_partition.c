/*
 * test_message_partition.c - bodies about whole partitions come back as they went, or are refused.
 */
#include "../causal/cell_test.h"

#include "wire/message_partition.h"
#include "wire/record_request.h"
#include "wire/record_whole.h"

#define RECODE(name)                                                                               \
    static bool recode_##name(struct slice bytes, struct buffer *again)                            \
    {                                                                                              \
        struct message_##name message;                                                             \
        if (message_##name##_decode(bytes, &message) != STATUS_OK)                                 \
            return false;                                                                          \
        message_##name##_encode(&message, again);                                                  \
        return true;                                                                               \
    }

RECODE(partition_pull)
RECODE(partition_page)
RECODE(partition_ask)
RECODE(partition_applied)

static bool recode_place(struct slice bytes, struct buffer *again)
{
    struct partition_place place;
    if (partition_place_decode(bytes, &place) != STATUS_OK)
        return false;
    partition_place_encode(&place, again);
    return true;
}

static bool recode_whole(struct slice bytes, struct buffer *again)
{
    struct whole_record record;
    bool ok = whole_record_decode(bytes, &record) == STATUS_OK;
    if (ok)
        whole_record_encode(&record, again);
    whole_record_deinit(&record);
    return ok;
}

static void sample_pull(struct buffer *out)
{
    message_partition_pull_encode(
        &(struct message_partition_pull){.address = {.partition = 300, .tag = {.epoch = 7}},
                                         .from = slice_text("Dplace"),
                                         .clock = slice_text("clock")},
        out);
}

static void sample_request(struct buffer *out)
{
    struct buffer bytes = {0};
    struct request_record record = {.stamp = {.identity = {.id = slice_text("a"), .digest = 3},
                                              .entry_count = 1,
                                              .expire_at_ms = 5}};
    request_record_encode(&record, &bytes);
    buffer_put_bytes(out, buffer_slice(&bytes));
    buffer_deinit(&bytes);
}

static struct message_partition_page page_of(const struct buffer *deliveries,
                                             const struct buffer *requests)
{
    return (struct message_partition_page){.address = {.partition = 300, .tag = {.epoch = 7}},
                                           .storage_incarnation = 3,
                                           .from = slice_text("Da"),
                                           .next = slice_text("Db"),
                                           .clock = slice_text("clock"),
                                           .delivery_count = 1,
                                           .deliveries = buffer_slice(deliveries),
                                           .request_count = 1,
                                           .requests = buffer_slice(requests)};
}

static void sample_page(struct buffer *out)
{
    struct buffer deliveries = {0}, requests = {0};
    cell_delivery_encode(
        &(struct cell_delivery){.key = slice_text("k"), .cell = slice_text("cell")}, &deliveries);
    sample_request(&requests);
    struct message_partition_page page = page_of(&deliveries, &requests);
    message_partition_page_encode(&page, out);
    buffer_deinit(&deliveries);
    buffer_deinit(&requests);
}

static void sample_ask(struct buffer *out)
{
    message_partition_ask_encode(
        &(struct message_partition_ask){.partition = 9, .source_count = 2, .sources = {4, 7}}, out);
}

static void sample_place(struct buffer *out)
{
    struct buffer pull = {0};
    sample_pull(&pull);
    partition_place_encode(
        &(struct partition_place){.source = 4, .begun = 7, .pull = buffer_slice(&pull)}, out);
    buffer_deinit(&pull);
}

static void sample_applied(struct buffer *out)
{
    message_partition_applied_encode(&(struct message_partition_applied){.status = STATUS_TOO_LARGE,
                                                                         .done = true,
                                                                         .cell_count = 70},
                                     out);
}

static void sample_whole(struct buffer *out)
{
    struct whole_record record = {.source = 3, .source_incarnation = 2};
    struct dot dot = dot_of(3, 900);
    buffer_append_slice(&record.next, slice_text("Dplace"));
    clock_add(&record.clock, &dot);
    whole_record_encode(&record, out);
    whole_record_deinit(&record);
}

static const struct {
    void (*sample)(struct buffer *out);
    recode_function recode;
    bool open_ended; /* its last part is left to who decodes it */
} rows[] = {
    {sample_pull, recode_partition_pull, false},       {sample_page, recode_partition_page, false},
    {sample_ask, recode_partition_ask, false},         {sample_place, recode_place, true},
    {sample_applied, recode_partition_applied, false}, {sample_whole, recode_whole, false}};

static void every_body_comes_back_as_it_went_or_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer bytes = {0};
        rows[i].sample(&bytes);
        assert_round_trip(rows[i].recode, &bytes);
        assert_every_flip_fails_or_stays_canonical(rows[i].recode, &bytes);
        if (!rows[i].open_ended)
            assert_every_truncation_fails(rows[i].recode, &bytes);
        assert_random_bytes_stand(rows[i].recode, i + 1, 2000);
        buffer_deinit(&bytes);
    }
}

/* An asker that followed it would walk in a circle. */
static void a_page_that_does_not_move_on_is_refused(void **state)
{
    struct buffer deliveries = {0}, requests = {0}, bytes = {0};
    struct message_partition_page decoded;
    (void)state;
    cell_delivery_encode(
        &(struct cell_delivery){.key = slice_text("k"), .cell = slice_text("cell")}, &deliveries);
    sample_request(&requests);
    for (int wrong = 0; wrong < 3; wrong++) {
        struct message_partition_page page = page_of(&deliveries, &requests);
        if (wrong == 0)
            page.next = page.from;
        else if (wrong == 1)
            page.next = slice_text("");
        else
            page.done = true; /* and yet there is more */
        buffer_clear(&bytes);
        message_partition_page_encode(&page, &bytes);
        assert_int_equal(message_partition_page_decode(buffer_slice(&bytes), &decoded),
                         STATUS_CORRUPT);
    }
    buffer_deinit(&deliveries);
    buffer_deinit(&requests);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_comes_back_as_it_went_or_is_refused),
        cmocka_unit_test(a_page_that_does_not_move_on_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
