/*
 * test_message.c - every message body: there and back, and every kind of damage.
 *
 * A row of `messages` is an encoder of one sample and a function that decodes
 * bytes and encodes what it got. All rows stand the same attacks.
 */
#include "../causal/cell_test.h"

#include "ring/element_key.h"
#include "wire/message_collection.h"
#include "wire/message.h"
#include "wire/message_fetch.h"
#include "wire/message_lookup.h"
#include "wire/record.h"

static const struct replica_address ADDRESS = {.partition = 300,
                                               .tag = {.epoch = 70000, .phase = RING_JOINT}};

/* ---- samples ------------------------------------------------------------------------------ */

static void put_cell(node_id node, uint64_t sequence, struct buffer *out)
{
    struct cell cell = {0};
    struct sibling sibling = string_of(dot_of(node, sequence), 9, "value");
    cell_insert(&cell, &sibling);
    cell_encode(&cell, true, out);
    cell_deinit(&cell);
}

static void put_clock(struct buffer *out)
{
    struct clock clock = {0};
    struct actor actor = actor_of(2);
    clock_add_range(&clock, &actor, (struct clock_range){1, 7});
    clock_add_range(&clock, &actor, (struct clock_range){9, 12});
    clock_encode(&clock, out);
    clock_deinit(&clock);
}

static void put_deliveries(struct buffer *out)
{
    struct buffer cell = {0}, dots = {0};
    put_cell(1, 1, &cell);
    put_clock(&dots);
    cell_delivery_encode(
        &(struct cell_delivery){.keyspace = 3, .key = slice_text("k"), .cell = buffer_slice(&cell)},
        out);
    cell_delivery_encode(&(struct cell_delivery){.keyspace = 4,
                                                 .key = slice_text("another"),
                                                 .cell = buffer_slice(&cell),
                                                 .dots = buffer_slice(&dots)},
                         out);
    buffer_deinit(&cell);
    buffer_deinit(&dots);
}

static void put_two_cells(struct buffer *out)
{
    struct buffer cell = {0};
    for (uint64_t i = 1; i <= 2; i++) {
        buffer_clear(&cell);
        put_cell(1, i, &cell);
        buffer_put_bytes(out, buffer_slice(&cell));
    }
    buffer_deinit(&cell);
}

static void sample_hello(struct buffer *out)
{
    struct message_hello hello = {.cluster_id = "sixteen bytes i",
                                  .generation = 1,
                                  .placement_digest = 0x0102030405060708,
                                  .tag = {.epoch = 3},
                                  .node = 4,
                                  .storage_incarnation = 5,
                                  .boot_epoch = 6,
                                  .features = 7};
    message_hello_encode(&hello, out);
}

static void sample_heartbeat(struct buffer *out)
{
    message_heartbeat_encode(
        &(struct message_heartbeat){
            .sent_us = 77, .wall_ms = 1234567, .echo_us = 5000000000, .held_us = 3000},
        out);
}

static void sample_clock(struct buffer *out)
{
    message_clock_encode(&(struct message_clock){.skewed = true, .base_us = -3600000000}, out);
}

static void sample_mint_from(struct buffer *out)
{
    message_mint_from_encode(&(struct message_mint_from){.wall_ms = 1700000000000}, out);
}

static void sample_read(struct buffer *out)
{
    struct buffer keys = {0};
    buffer_put_bytes(&keys, slice_text("k1"));
    buffer_put_bytes(&keys, slice_text(""));
    message_read_encode(&(struct message_read){.address = ADDRESS,
                                               .keyspace = 5,
                                               .value_bytes_max = UINT32_MAX,
                                               .key_count = 2,
                                               .keys = buffer_slice(&keys)},
                        out);
    buffer_deinit(&keys);
}

static void sample_read_result(struct buffer *out)
{
    struct buffer cells = {0};
    put_two_cells(&cells);
    message_read_result_encode(&(struct message_read_result){.cell_count = 2,
                                                             .collections = slice_make("\0\1", 2),
                                                             .cells = buffer_slice(&cells)},
                               out);
    buffer_deinit(&cells);
}

static void sample_fetch(struct buffer *out)
{
    struct buffer keys = {0}, dots = {0};
    for (uint64_t sequence = 1; sequence < 3; sequence++)
        dot_encode(&(struct dot){.actor = {.node = 3, .boot_epoch = 1}, .sequence = sequence},
                   &dots);
    fetch_key_encode(
        &(struct fetch_key){.key = slice_text("k1"), .dot_count = 2, .dots = buffer_slice(&dots)},
        &keys);
    fetch_key_encode(&(struct fetch_key){.key = slice_text("")}, &keys);
    message_fetch_encode(
        &(struct message_fetch){
            .address = ADDRESS, .keyspace = 5, .key_count = 2, .keys = buffer_slice(&keys)},
        out);
    buffer_deinit(&keys);
    buffer_deinit(&dots);
}

static const struct request_identity IDENTITY = {
    .id = {(const uint8_t *)"an id", 5}, .part = 3, .digest = 0x1234567890abcdef};

static void put_request_record(struct buffer *out)
{
    struct buffer dots = {0};
    request_dot_encode(0, &(struct dot){.actor = {.node = 3}, .sequence = 9}, &dots);
    request_dot_encode(1, &(struct dot){.actor = {.node = 3}, .sequence = 10}, &dots);
    request_record_encode(
        &(struct request_record){
            .stamp = {.identity = IDENTITY, .entry_count = 2, .expire_at_ms = 1700000000000},
            .dot_count = 2,
            .dots = buffer_slice(&dots),
            .result = slice_text("a result")},
        out);
    buffer_deinit(&dots);
}

static void sample_request_record(struct buffer *out)
{
    put_request_record(out);
}

static void sample_lookup(struct buffer *out)
{
    struct buffer keys = {0};
    buffer_put_bytes(&keys, slice_text("k1"));
    buffer_put_bytes(&keys, slice_text(""));
    message_lookup_encode(&(struct message_lookup){.address = ADDRESS,
                                                   .identity = IDENTITY,
                                                   .keyspace = 5,
                                                   .value_bytes_max = 255,
                                                   .key_count = 2,
                                                   .keys = buffer_slice(&keys)},
                          out);
    buffer_deinit(&keys);
}

static void sample_lookup_result(struct buffer *out)
{
    struct buffer record = {0}, cells = {0}, read = {0};
    put_request_record(&record);
    put_two_cells(&cells);
    message_read_result_encode(
        &(struct message_read_result){.cell_count = 2, .cells = buffer_slice(&cells)}, &read);
    message_lookup_result_encode(&(struct message_lookup_result){.state = REQUEST_KNOWN,
                                                                 .record = buffer_slice(&record),
                                                                 .covered = slice_make("\0\1", 2),
                                                                 .read = buffer_slice(&read)},
                                 out);
    buffer_deinit(&record);
    buffer_deinit(&cells);
    buffer_deinit(&read);
}

static void sample_mint_lookup(struct buffer *out)
{
    struct buffer vectors = {0};
    struct version_vector vector = {0};
    version_vector_encode(&vector, &vectors);
    version_vector_raise(&vector, &(struct dot){.actor = {.node = 3}, .sequence = 9});
    version_vector_encode(&vector, &vectors);
    mint_lookup_encode(&(struct mint_lookup){.vector_count = 2, .vectors = buffer_slice(&vectors)},
                       out);
    version_vector_deinit(&vector);
    buffer_deinit(&vectors);
}

static void sample_range(struct buffer *out)
{
    message_range_encode(&(struct message_range){.address = ADDRESS,
                                                 .keyspace = 5,
                                                 .position = UINT64_MAX,
                                                 .limit = 100,
                                                 .with_values = true},
                         out);
}

static void sample_range_result(struct buffer *out)
{
    struct buffer entries = {0}, cell = {0};
    put_cell(1, 1, &cell);
    for (uint64_t i = 0; i < 2; i++) {
        buffer_put_u64(&entries, i);
        buffer_put_bytes(&entries, slice_text("key"));
        buffer_put_bytes(&entries, buffer_slice(&cell));
        buffer_put_u8(&entries, (uint8_t)(i % 2));
    }
    message_range_result_encode(&(struct message_range_result){.next_position = 77,
                                                               .entry_count = 2,
                                                               .entries = buffer_slice(&entries)},
                                out);
    buffer_deinit(&entries);
    buffer_deinit(&cell);
}

static void sample_elements(struct buffer *out)
{
    message_elements_encode(&(struct message_elements){.address = ADDRESS,
                                                       .keyspace = 5,
                                                       .type = COLLECTION_HASH,
                                                       .place = UINT64_MAX,
                                                       .limit = 10,
                                                       .key = slice_text("key")},
                            out);
}

static void sample_elements_result(struct buffer *out)
{
    struct buffer entries = {0}, cell = {0};
    put_cell(1, 1, &cell);
    for (uint64_t i = 0; i < 2; i++)
        element_entry_encode(&(struct element_entry){.place = i,
                                                     .element = slice_text(i == 0 ? "" : "f"),
                                                     .cell = buffer_slice(&cell)},
                             &entries);
    message_elements_result_encode(
        &(struct message_elements_result){.done = true,
                                          .next_place = 7,
                                          .head = buffer_slice(&cell),
                                          .entry_count = 2,
                                          .entries = buffer_slice(&entries)},
        out);
    buffer_deinit(&entries);
    buffer_deinit(&cell);
}

static void sample_collection_clock(struct buffer *out)
{
    message_collection_clock_encode(&(struct message_collection_clock){.address = ADDRESS,
                                                                       .keyspace = 5,
                                                                       .key = slice_text("key")},
                                    out);
}

static void sample_collection_clock_result(struct buffer *out)
{
    message_collection_clock_result_encode(
        &(struct message_collection_clock_result){.head = slice_text("cell"),
                                                  .clock = slice_text("clock")},
        out);
}

static void sample_replicate(struct buffer *out)
{
    struct buffer deliveries = {0};
    put_deliveries(&deliveries);
    message_replicate_encode(&(struct message_replicate){.address = ADDRESS,
                                                         .delivery_count = 2,
                                                         .deliveries = buffer_slice(&deliveries)},
                             out);
    buffer_deinit(&deliveries);
}

static void sample_replicated(struct buffer *out)
{
    message_replicated_encode(&(struct message_replicated){.status = STATUS_CLOCK_SKEW}, out);
}

static void sample_digest(struct buffer *out)
{
    message_digest_encode(&(struct message_digest){.address = ADDRESS, .keyspace = 5}, out);
}

static void sample_digest_result(struct buffer *out)
{
    message_digest_result_encode(
        &(struct message_digest_result){
            .keyspace_count = 1, .count = 2, .clock_digest = 3, .content_digest = UINT64_MAX},
        out);
}

static void sample_question(struct buffer *out)
{
    struct buffer encoded = {0};
    struct sync_question question = {
        .address = ADDRESS, .flags = SYNC_ALL, .before = 300, .top = 70000};
    put_clock(&encoded);
    struct reader reader = reader_make(buffer_slice(&encoded));
    clock_decode(&reader, &question.clock);
    sync_question_encode(&question, out);
    clock_deinit(&question.clock);
    buffer_deinit(&encoded);
}

static void sample_answer(struct buffer *out)
{
    struct buffer deliveries = {0};
    put_deliveries(&deliveries);
    sync_answer_encode(&(struct sync_answer){.address = ADDRESS,
                                             .before = 300,
                                             .top = 70000,
                                             .delivery_count = 2,
                                             .deliveries = buffer_slice(&deliveries)},
                       out);
    buffer_deinit(&deliveries);
}

static void sample_mint(struct buffer *out)
{
    struct buffer cells = {0};
    put_two_cells(&cells);
    message_mint_encode(&(struct message_mint){.address = ADDRESS,
                                               .request = slice_text("request"),
                                               .cell_count = 2,
                                               .cells = buffer_slice(&cells)},
                        out);
    buffer_deinit(&cells);
}

static void sample_minted(struct buffer *out)
{
    message_minted_encode(&(struct message_minted){.written = true,
                                                   .result = slice_text("result"),
                                                   .replicate = slice_text("replicate")},
                          out);
}

static void sample_sync_clocks(struct buffer *out)
{
    struct message_sync_clocks clocks = {.count = SYNC_PARTITIONS_MAX};
    for (uint16_t i = 0; i < SYNC_PARTITIONS_MAX; i++)
        clocks.cursors[i] = (struct sync_cursor){.partition = i, .before = i * 100u, .top = i};
    message_sync_clocks_encode(&clocks, out);
}

static void sample_sync_apply(struct buffer *out)
{
    message_sync_apply_encode(&(struct message_sync_apply){.from = 9, .page = slice_text("a page")},
                              out);
}

static void sample_sync_applied(struct buffer *out)
{
    message_sync_applied_encode(
        &(struct message_sync_applied){.status = STATUS_IO, .cell_count = 12}, out);
}

static void sample_replica_state(struct buffer *out)
{
    message_replica_state_encode(
        &(struct message_replica_state){.partition = 16383, .state = REPLICA_ACTIVE}, out);
}

static void sample_store_counts(struct buffer *out)
{
    message_store_counts_encode(
        &(struct message_store_counts){.lww_losses = 3, .siblings_warned = 1ull << 40}, out);
}

/* ---- there and back ----------------------------------------------------------------------- */

#define RECODE(name)                                                                               \
    static bool recode_##name(struct slice bytes, struct buffer *again)                            \
    {                                                                                              \
        struct message_##name message;                                                             \
        if (message_##name##_decode(bytes, &message) != STATUS_OK)                                 \
            return false;                                                                          \
        message_##name##_encode(&message, again);                                                  \
        return true;                                                                               \
    }

RECODE(hello)
RECODE(heartbeat)
RECODE(clock)
RECODE(mint_from)
RECODE(read)
RECODE(read_result)
RECODE(fetch)
RECODE(lookup)
RECODE(lookup_result)
RECODE(range)
RECODE(range_result)
RECODE(elements)
RECODE(elements_result)
RECODE(collection_clock)
RECODE(collection_clock_result)
RECODE(replicate)
RECODE(replicated)
RECODE(digest)
RECODE(digest_result)
RECODE(mint)
RECODE(minted)
RECODE(sync_clocks)
RECODE(sync_apply)
RECODE(sync_applied)
RECODE(replica_state)
RECODE(store_counts)

static bool recode_mint_lookup(struct slice bytes, struct buffer *again)
{
    struct mint_lookup lookup;
    if (mint_lookup_decode(bytes, &lookup) != STATUS_OK)
        return false;
    mint_lookup_encode(&lookup, again);
    return true;
}

static bool recode_request_record(struct slice bytes, struct buffer *again)
{
    struct request_record record;
    if (request_record_decode(bytes, &record) != STATUS_OK)
        return false;
    request_record_encode(&record, again);
    return true;
}

static bool recode_question(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct sync_question question;
    sync_question_decode(&reader, &question);
    bool accepted = reader_end(&reader) == STATUS_OK;
    if (accepted)
        sync_question_encode(&question, again);
    clock_deinit(&question.clock);
    return accepted;
}

static bool recode_answer(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct sync_answer answer;
    sync_answer_decode(&reader, &answer);
    if (reader_end(&reader) != STATUS_OK)
        return false;
    sync_answer_encode(&answer, again);
    return true;
}

static const struct {
    const char *name;
    void (*sample)(struct buffer *out);
    recode_function recode;
    bool any_tail; /* ends with bytes that are opaque here, so any number of them is a body */
} messages[] = {
    {"hello", sample_hello, recode_hello, false},
    {"heartbeat", sample_heartbeat, recode_heartbeat, false},
    {"clock", sample_clock, recode_clock, false},
    {"mint-from", sample_mint_from, recode_mint_from, false},
    {"read", sample_read, recode_read, false},
    {"read-result", sample_read_result, recode_read_result, false},
    {"fetch", sample_fetch, recode_fetch, false},
    {"lookup", sample_lookup, recode_lookup, false},
    {"lookup-result", sample_lookup_result, recode_lookup_result, false},
    {"mint-lookup", sample_mint_lookup, recode_mint_lookup, false},
    {"request-record", sample_request_record, recode_request_record, false},
    {"range", sample_range, recode_range, false},
    {"range-result", sample_range_result, recode_range_result, false},
    {"elements", sample_elements, recode_elements, true},
    {"elements-result", sample_elements_result, recode_elements_result, false},
    {"collection-clock", sample_collection_clock, recode_collection_clock, true},
    {"collection-clock-result", sample_collection_clock_result, recode_collection_clock_result,
     false},
    {"replicate", sample_replicate, recode_replicate, false},
    {"replicated", sample_replicated, recode_replicated, false},
    {"digest", sample_digest, recode_digest, false},
    {"digest-result", sample_digest_result, recode_digest_result, false},
    {"sync-question", sample_question, recode_question, false},
    {"sync-answer", sample_answer, recode_answer, false},
    {"mint", sample_mint, recode_mint, false},
    {"minted", sample_minted, recode_minted, false},
    {"sync-clocks", sample_sync_clocks, recode_sync_clocks, false},
    {"sync-apply", sample_sync_apply, recode_sync_apply, true},
    {"sync-applied", sample_sync_applied, recode_sync_applied, false},
    {"replica-state", sample_replica_state, recode_replica_state, false},
    {"store-counts", sample_store_counts, recode_store_counts, false},
};

enum { MESSAGE_COUNT = sizeof messages / sizeof messages[0] };

static void every_message_comes_back_as_it_went(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct buffer bytes = {0};
        messages[i].sample(&bytes);
        if (!stands(messages[i].recode, bytes.data, bytes.length))
            fail_msg("%s is not decoded", messages[i].name);
        buffer_deinit(&bytes);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct buffer bytes = {0};
        messages[i].sample(&bytes);
        for (size_t length = 0; length < bytes.length && !messages[i].any_tail; length++)
            if (stands(messages[i].recode, bytes.data, length))
                fail_msg("%s is decoded from its first %zu bytes", messages[i].name, length);
        buffer_deinit(&bytes);
    }
}

static void trailing_bytes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct buffer bytes = {0};
        messages[i].sample(&bytes);
        buffer_put_u8(&bytes, 0);
        if (stands(messages[i].recode, bytes.data, bytes.length) != messages[i].any_tail)
            fail_msg("%s takes a byte too many", messages[i].name);
        buffer_deinit(&bytes);
    }
}

static void flipped_bits_never_give_a_second_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct buffer bytes = {0};
        messages[i].sample(&bytes);
        assert_every_flip_fails_or_stays_canonical(messages[i].recode, &bytes);
        buffer_deinit(&bytes);
    }
}

/* Several bytes change at once, to small numbers mostly: those pass the first checks. */
static void mutated_bodies_never_crash(void **state)
{
    struct random random = random_make(5);
    (void)state;
    for (size_t i = 0; i < MESSAGE_COUNT; i++) {
        struct buffer bytes = {0};
        messages[i].sample(&bytes);
        for (int round = 0; round < 1000; round++) {
            uint8_t *changed = memory_copy(bytes.data, bytes.length);
            for (uint64_t change = 1 + random_below(&random, 4); change > 0; change--)
                changed[random_below(&random, bytes.length)] =
                    (uint8_t)random_below(&random, random_chance(&random, 1, 3) ? 256 : 8);
            stands(messages[i].recode, changed, random_below(&random, bytes.length + 1));
            stands(messages[i].recode, changed, bytes.length);
            free(changed);
        }
        if (!messages[i].any_tail)
            assert_random_bytes_stand(messages[i].recode, 100 + i, 5000);
        buffer_deinit(&bytes);
    }
}

static void a_number_out_of_its_range_is_refused(void **state)
{
    struct message_sync_clocks clocks;
    struct message_replica_state replica;
    struct message_replicated replicated;
    struct replica_address address;
    struct buffer bytes = {0};
    (void)state;
    buffer_put_u8(&bytes, STATUS_COUNT);
    assert_int_equal(message_replicated_decode(buffer_slice(&bytes), &replicated), STATUS_CORRUPT);
    buffer_clear(&bytes);
    buffer_put_u16(&bytes, SYNC_PARTITIONS_MAX + 1);
    for (int i = 0; i < SYNC_PARTITIONS_MAX + 1; i++)
        buffer_append(&bytes, "\0\1\0\0", 4);
    assert_int_equal(message_sync_clocks_decode(buffer_slice(&bytes), &clocks), STATUS_CORRUPT);
    buffer_clear(&bytes);
    buffer_put_u16(&bytes, 3);
    buffer_put_u8(&bytes, REPLICA_ACTIVE + 1);
    assert_int_equal(message_replica_state_decode(buffer_slice(&bytes), &replica), STATUS_CORRUPT);
    buffer_clear(&bytes);
    replica_address_encode(
        &(struct replica_address){.partition = PARTITION_COUNT_MAX, .tag = {.epoch = 1}}, &bytes);
    struct reader reader = reader_make(buffer_slice(&bytes));
    replica_address_decode(&reader, &address);
    assert_int_equal(reader_end(&reader), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

/* The store has no name for such a key, so it may not come any further than here. */
static void a_key_that_no_record_can_name_is_refused(void **state)
{
    struct buffer key = {0}, bytes = {0};
    struct cell_delivery delivery;
    (void)state;
    for (size_t length = RECORD_KEY_BYTES_MAX; length <= RECORD_KEY_BYTES_MAX + 1; length++) {
        buffer_clear(&key);
        buffer_clear(&bytes);
        memset(buffer_reserve(&key, length), 'k', length);
        key.length = length;
        cell_delivery_encode(&(struct cell_delivery){.key = buffer_slice(&key)}, &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(reader_end(&reader),
                         length > RECORD_KEY_BYTES_MAX ? STATUS_CORRUPT : STATUS_OK);
    }
    buffer_deinit(&key);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back_as_it_went),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(flipped_bits_never_give_a_second_form),
        cmocka_unit_test(mutated_bodies_never_crash),
        cmocka_unit_test(a_number_out_of_its_range_is_refused),
        cmocka_unit_test(a_key_that_no_record_can_name_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
