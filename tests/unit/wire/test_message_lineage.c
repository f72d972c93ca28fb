/*
 * test_message_lineage.c - what stores show each other comes back whole, and nothing else decodes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/message_lineage.h"

static const struct lineage EXAMPLE = {
    .storage_incarnation = 3,
    .count = 2,
    .lives = {{.id = UINT64_MAX, .opened = 0}, {.id = 7, .opened = 310}},
    .commits = 542};

static void lineages_come_back(void **state)
{
    struct buffer bytes = {0};
    struct lineage back;
    (void)state;
    lineage_record_encode(&EXAMPLE, &bytes);
    assert_int_equal(lineage_record_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_memory_equal(&back, &EXAMPLE, sizeof back);
    buffer_deinit(&bytes);
}

static void a_lineage_that_is_cut_or_grown_is_corrupt(void **state)
{
    struct buffer bytes = {0};
    struct lineage back;
    (void)state;
    lineage_record_encode(&EXAMPLE, &bytes);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(lineage_record_decode(slice_make(bytes.data, length), &back),
                         STATUS_CORRUPT);
    buffer_put_u8(&bytes, 0);
    assert_int_equal(lineage_record_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void lives_out_of_order_are_corrupt(void **state)
{
    struct lineage wrong = EXAMPLE;
    struct buffer bytes = {0};
    struct lineage back;
    (void)state;
    wrong.commits = 309; /* fewer than when its life began */
    lineage_record_encode(&wrong, &bytes);
    assert_int_equal(lineage_record_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_clear(&bytes);
    wrong = EXAMPLE;
    wrong.lives[0].opened = 311;
    lineage_record_encode(&wrong, &bytes);
    assert_int_equal(lineage_record_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    bytes.data[3] = LINEAGE_LIVES_MAX + 1;
    assert_int_equal(lineage_record_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void witnesses_come_back_and_name_a_node(void **state)
{
    struct lineage_witness witness = {
        .node = 9, .storage_incarnation = 2, .life = 5, .commits = 1u << 30};
    struct lineage_witness back;
    struct buffer bytes = {0};
    (void)state;
    witness_record_encode(&witness, &bytes);
    assert_int_equal(witness_record_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_true(back.node == 9 && back.storage_incarnation == 2 && back.life == 5 &&
                back.commits == 1u << 30);
    buffer_clear(&bytes);
    witness.node = 0;
    witness_record_encode(&witness, &bytes);
    assert_int_equal(witness_record_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

static void verdicts_and_commits_come_back(void **state)
{
    struct message_lineage_judged judged = {
        .verdict = LINEAGE_ROLLED_BACK, .storage_incarnation = 4, .commits = 77};
    struct message_lineage_judged back;
    struct message_lineage_shown shown = {.commits = 12, .rebuilding = true}, shown_back;
    struct buffer bytes = {0};
    (void)state;
    message_lineage_judged_encode(&judged, &bytes);
    assert_int_equal(message_lineage_judged_decode(buffer_slice(&bytes), &back), STATUS_OK);
    assert_true(back.verdict == judged.verdict && back.storage_incarnation == 4 &&
                back.commits == 77);
    bytes.data[0] = LINEAGE_FENCED + 1;
    assert_int_equal(message_lineage_judged_decode(buffer_slice(&bytes), &back), STATUS_CORRUPT);
    buffer_clear(&bytes);
    message_lineage_shown_encode(&shown, &bytes);
    assert_int_equal(message_lineage_shown_decode(buffer_slice(&bytes), &shown_back), STATUS_OK);
    assert_true(shown_back.commits == 12 && shown_back.rebuilding);
    bytes.data[bytes.length - 1] = 2;
    assert_int_equal(message_lineage_shown_decode(buffer_slice(&bytes), &shown_back),
                     STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lineages_come_back),
        cmocka_unit_test(a_lineage_that_is_cut_or_grown_is_corrupt),
        cmocka_unit_test(lives_out_of_order_are_corrupt),
        cmocka_unit_test(witnesses_come_back_and_name_a_node),
        cmocka_unit_test(verdicts_and_commits_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
