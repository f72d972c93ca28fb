/*
 * test_message_tree.c - messages of anti-entropy: what is encoded decodes, and nothing else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/message_tree.h"
#include "wire/message_tree_local.h"

static struct buffer bytes;

static void start(void)
{
    buffer_clear(&bytes);
}

static struct tree_listing a_listing(struct buffer *entries)
{
    struct tree_listing listing = {.claim = {.mono_ms = 77, .boot_epoch = 3},
                                   .from = slice_text("from"),
                                   .to = slice_text("to"),
                                   .entry_count = 2};
    buffer_put_bytes(entries, slice_text("a"));
    buffer_put_bytes(entries, slice_text("cell"));
    buffer_put_bytes(entries, slice_text("b"));
    buffer_put_bytes(entries, slice_text(""));
    listing.entries = buffer_slice(entries);
    clock_add(&listing.clock, &(struct dot){.actor = {.node = 4}, .sequence = 9});
    return listing;
}

static void assert_same_listing(const struct tree_listing *a, const struct tree_listing *b)
{
    assert_true(clock_equal(&a->clock, &b->clock));
    assert_int_equal(a->claim.mono_ms, b->claim.mono_ms);
    assert_int_equal(a->claim.boot_epoch, b->claim.boot_epoch);
    assert_true(slice_equal(a->from, b->from));
    assert_true(slice_equal(a->to, b->to));
    assert_int_equal(a->entry_count, b->entry_count);
    assert_true(slice_equal(a->entries, b->entries));
}

static void a_root_comes_through(void **state)
{
    struct message_tree_root root = {.address = {.partition = 5, .tag = {.epoch = 2}},
                                     .fits = true,
                                     .bits = 14,
                                     .hash = 0x1234567890abcdefu,
                                     .count = 1000000,
                                     .clock_hash = 42};
    struct message_tree_root out;
    (void)state;
    start();
    message_tree_root_encode(&root, &bytes);
    assert_true(bytes.length < 40); /* an idle pair costs this */
    assert_int_equal(message_tree_root_decode(buffer_slice(&bytes), &out), STATUS_OK);
    assert_int_equal(out.address.partition, 5);
    assert_true(out.fits);
    assert_int_equal(out.bits, 14);
    assert_int_equal(out.hash, root.hash);
    assert_int_equal(out.count, root.count);
    assert_int_equal(out.clock_hash, 42);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(message_tree_root_decode(slice_make(bytes.data, length), &out),
                         STATUS_CORRUPT);
}

static void nodes_come_through(void **state)
{
    static struct message_tree_nodes nodes, out;
    (void)state;
    nodes = (struct message_tree_nodes){.parent_bits = 8, .bits = 14, .parent = 200, .count = 64};
    for (uint16_t i = 0; i < nodes.count; i++) {
        nodes.hashes[i] = UINT64_MAX - i;
        nodes.counts[i] = i;
    }
    start();
    message_tree_nodes_encode(&nodes, &bytes);
    assert_int_equal(message_tree_nodes_decode(buffer_slice(&bytes), &out), STATUS_OK);
    assert_int_equal(out.count, 64);
    assert_int_equal(out.hashes[63], UINT64_MAX - 63);
    assert_int_equal(out.counts[63], 63);
    for (size_t length = 0; length < bytes.length; length++)
        assert_int_equal(message_tree_nodes_decode(slice_make(bytes.data, length), &out),
                         STATUS_CORRUPT);
}

/* Each would be a walk outside of the tree. */
static void a_node_outside_of_the_tree_is_refused(void **state)
{
    static struct message_tree_nodes nodes, out;
    struct message_tree_leaf leaf = {.bits = 3, .index = 8};
    struct message_tree_leaf decoded;
    (void)state;
    nodes = (struct message_tree_nodes){.parent_bits = 2, .bits = 2, .parent = 4, .count = 1};
    start();
    message_tree_nodes_encode(&nodes, &bytes);
    assert_int_equal(message_tree_nodes_decode(buffer_slice(&bytes), &out), STATUS_CORRUPT);
    start();
    message_tree_leaf_encode(&leaf, &bytes);
    assert_int_equal(message_tree_leaf_decode(buffer_slice(&bytes), &decoded), STATUS_CORRUPT);
    clock_deinit(&decoded.listing.clock);
}

static void a_leaf_comes_through(void **state)
{
    struct buffer entries = {0};
    struct message_tree_leaf leaf = {.flags = TREE_DRY_RUN, .bits = 4, .index = 15};
    struct message_tree_leaf out;
    (void)state;
    leaf.listing = a_listing(&entries);
    start();
    message_tree_leaf_encode(&leaf, &bytes);
    assert_int_equal(message_tree_leaf_decode(buffer_slice(&bytes), &out), STATUS_OK);
    assert_int_equal(out.flags, TREE_DRY_RUN);
    assert_int_equal(out.index, 15);
    assert_same_listing(&out.listing, &leaf.listing);
    clock_deinit(&out.listing.clock);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_equal(message_tree_leaf_decode(slice_make(bytes.data, length), &out),
                         STATUS_CORRUPT);
        clock_deinit(&out.listing.clock);
    }
    clock_deinit(&leaf.listing.clock);
    buffer_deinit(&entries);
}

/* Two lists are walked side by side, which needs an order. */
static void names_that_do_not_ascend_are_refused(void **state)
{
    struct buffer entries = {0};
    struct message_tree_leaf leaf = {.listing = {.entry_count = 2}};
    struct message_tree_leaf out;
    (void)state;
    for (int i = 0; i < 2; i++) {
        buffer_put_bytes(&entries, slice_text("same"));
        buffer_put_bytes(&entries, slice_text(""));
    }
    leaf.listing.entries = buffer_slice(&entries);
    start();
    message_tree_leaf_encode(&leaf, &bytes);
    assert_int_equal(message_tree_leaf_decode(buffer_slice(&bytes), &out), STATUS_CORRUPT);
    clock_deinit(&out.listing.clock);
    buffer_deinit(&entries);
}

static void an_answer_with_copies_comes_through(void **state)
{
    struct buffer entries = {0}, copies = {0};
    struct message_tree_leaf_result result = {.next = slice_text("next"),
                                              .differences = {1, 2, 3, 4, 5},
                                              .claim = {.mono_ms = 5, .boot_epoch = 6},
                                              .forced_count = 1};
    struct message_tree_leaf_result out;
    struct forced_delivery forced = {.expected = 99, .delivery = slice_text("delivery")};
    struct forced_delivery first;
    (void)state;
    forced_delivery_encode(&forced, &copies);
    result.forced = buffer_slice(&copies);
    result.back = a_listing(&entries);
    start();
    message_tree_leaf_result_encode(&result, &bytes);
    assert_int_equal(message_tree_leaf_result_decode(buffer_slice(&bytes), &out), STATUS_OK);
    assert_int_equal(out.differences.behind, 1);
    assert_int_equal(out.differences.corrupt, 4);
    assert_true(slice_equal(out.next, result.next));
    assert_same_listing(&out.back, &result.back);
    struct reader reader = reader_make(out.forced);
    forced_delivery_decode(&reader, &first);
    assert_int_equal(first.expected, 99);
    assert_true(slice_equal(first.delivery, forced.delivery));
    clock_deinit(&out.back.clock);
    for (size_t length = 0; length < bytes.length; length++) {
        assert_int_equal(message_tree_leaf_result_decode(slice_make(bytes.data, length), &out),
                         STATUS_CORRUPT);
        clock_deinit(&out.back.clock);
    }
    clock_deinit(&result.back.clock);
    buffer_deinit(&entries);
    buffer_deinit(&copies);
}

/* One meaning, one form: else a byte that no node writes would go on as something that one does. */
static void a_status_or_a_yes_that_does_not_exist_is_refused(void **state)
{
    struct message_scrubbed scrubbed = {.status = STATUS_NOT_FOUND, .finished = true}, out;
    struct message_tree_state tree = {.fits = true}, tree_out;
    struct message_tree_applied applied = {0}, applied_out;
    (void)state;
    start();
    message_scrubbed_encode(&scrubbed, &bytes);
    assert_int_equal(message_scrubbed_decode(buffer_slice(&bytes), &out), STATUS_OK);
    assert_int_equal(out.status, STATUS_NOT_FOUND);
    bytes.data[1] = 2;
    assert_int_equal(message_scrubbed_decode(buffer_slice(&bytes), &out), STATUS_CORRUPT);
    bytes.data[1] = 1;
    bytes.data[0] = STATUS_COUNT;
    assert_int_equal(message_scrubbed_decode(buffer_slice(&bytes), &out), STATUS_CORRUPT);
    start();
    message_tree_applied_encode(&applied, &bytes);
    bytes.data[0] = STATUS_COUNT;
    assert_int_equal(message_tree_applied_decode(buffer_slice(&bytes), &applied_out),
                     STATUS_CORRUPT);
    start();
    message_tree_state_encode(&tree, &bytes);
    bytes.data[2] = 2;
    assert_int_equal(message_tree_state_decode(buffer_slice(&bytes), &tree_out), STATUS_CORRUPT);
}

static int free_bytes(void **state)
{
    (void)state;
    buffer_deinit(&bytes);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_comes_through),
        cmocka_unit_test(nodes_come_through),
        cmocka_unit_test(a_node_outside_of_the_tree_is_refused),
        cmocka_unit_test(a_leaf_comes_through),
        cmocka_unit_test(names_that_do_not_ascend_are_refused),
        cmocka_unit_test(an_answer_with_copies_comes_through),
        cmocka_unit_test(a_status_or_a_yes_that_does_not_exist_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, free_bytes);
}
