/*
 * test_keyspace_drop.c - a replica and a dropped keyspace: what comes is discarded, what is there
 * goes, and the sums are right at every moment.
 *
 * All hosts write into the keyspace of id 0, which a test drops for those that have heard of it.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "replica/expiry.h"
#include "replica/keyspace_drop.h"
#include "replica/leaf_compare.h"
#include "replica/replica_whole.h"
#include "replica/scrub.h"
#include "wire/record_expiry.h"

/* Lives as long as the hosts. */
static struct ring *ring_that_dropped(void)
{
    struct ring *ring = ring_new();
    ring->keyspace_drops[0] = 1;
    return ring;
}

static void learn(struct garbage_host *host, const struct ring *ring)
{
    host->context.ring = ring;
    replica_count_dropped_apart(&host->replica, &host->context);
}

/* As the store side keeps them: so small an index is far below its bounds. */
static void write_keys(struct garbage_host *host, unsigned count)
{
    char key[16];
    struct buffer delivery = {0};
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "k%u", i);
        garbage_host_write(host, key, "v", MERGE_LWW, &delivery);
    }
    garbage_host_commit(host);
    buffer_deinit(&delivery);
}

/* One step, committed. */
static struct drop_outcome step(struct garbage_host *host, struct buffer *place)
{
    struct drop_outcome outcome = {0};
    assert_int_equal(replica_remove_dropped(&host->replica, place, &host->context, &outcome),
                     STATUS_OK);
    garbage_host_commit(host);
    return outcome;
}

static bool discard(struct garbage_host *host, const struct buffer *deliveries)
{
    struct reader reader = reader_make(buffer_slice(deliveries));
    struct cell_delivery delivery;
    bool changed;
    cell_delivery_decode(&reader, &delivery);
    assert_int_equal(replica_discard(&host->replica, &delivery, &host->context, &changed),
                     STATUS_OK);
    garbage_host_commit(host);
    return changed;
}

/* K3: else log sync would ask for the same events for ever. */
static void what_is_discarded_enters_the_clock_once(void **state)
{
    struct garbage_host a, b;
    struct ring *ring = ring_that_dropped();
    struct buffer delivery = {0};
    (void)state;
    garbage_host_init(&a, 1);
    garbage_host_init(&b, 2);
    learn(&b, ring);
    garbage_host_write(&a, "k", "v", MERGE_LWW, &delivery);
    garbage_host_commit(&a);
    assert_true(discard(&b, &delivery));
    assert_true(clock_equal(&a.replica.clock, &b.replica.clock));
    assert_false(garbage_host_has_cell(&b, "k"));
    assert_int_equal(b.replica.log_position, 1);
    assert_false(discard(&b, &delivery));
    assert_int_equal(b.replica.log_position, 1);
    garbage_host_crash(&b);
    assert_true(clock_equal(&a.replica.clock, &b.replica.clock));
    buffer_deinit(&delivery);
    garbage_host_deinit(&a);
    garbage_host_deinit(&b);
    ring_free(ring);
}

static void all_cells_go_with_their_sums_and_index_records(void **state)
{
    struct garbage_host host;
    struct ring *ring = ring_that_dropped();
    struct buffer place = {0}, delivery = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_keys(&host, 20);
    garbage_host_write(&host, "k3", NULL, MERGE_LWW, &delivery);
    host.context.default_ttl_ms = 100;
    garbage_host_write(&host, "k4", "w", MERGE_LWW, &delivery);
    garbage_host_commit(&host);
    struct clock before = {0};
    clock_copy(&host.replica.clock, &before);
    learn(&host, ring);
    assert_int_equal(replica_dropped_left(&host.replica), 19);
    assert_int_equal(replica_count(&host.replica, 0), 0);
    struct drop_outcome outcome = step(&host, &place);
    assert_true(outcome.done);
    assert_int_equal(outcome.removed, 20); /* and the tombstone */
    assert_int_equal(place.length, 0);
    assert_int_equal(replica_dropped_left(&host.replica), 0);
    assert_int_equal(host.replica.tree.root.hash, 0);
    assert_int_equal(host.replica.garbage_count, 0);
    assert_int_equal(garbage_host_records(&host, RECORD_CELL), 0);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 0);
    assert_true(clock_equal(&host.replica.clock, &before));
    garbage_host_assert_sums(&host);
    clock_deinit(&before);
    buffer_deinit(&place);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
    ring_free(ring);
}

/* One of the hash "k0"; its keyspace is the key's own in all but the name. */
static void write_element(struct garbage_host *host, const char *element)
{
    struct buffer name = {0}, old = {0}, deliveries = {0};
    struct replica_minted minted;
    struct mutation set = {.operation = REGISTER_SET, .value = slice_text("v")};
    element_key_encode(slice_text("k0"), COLLECTION_HASH, slice_text(element),
                       host->context.position_seed, &name);
    struct replica_mint mint = {.keyspace = keyspace_of_elements(0),
                                .policy = MERGE_ELEMENTS,
                                .key = buffer_slice(&name),
                                .mutation = &set};
    assert_int_equal(
        replica_mint(&host->replica, &mint, false, &host->context, &minted, &old, &deliveries),
        STATUS_OK);
    garbage_host_commit(host);
    buffer_deinit(&name);
    buffer_deinit(&old);
    buffer_deinit(&deliveries);
}

static void elements_go_with_their_keys(void **state)
{
    struct garbage_host host;
    struct ring *ring = ring_that_dropped();
    struct buffer place = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_keys(&host, 2);
    write_element(&host, "a");
    write_element(&host, "b");
    assert_int_equal(replica_count(&host.replica, keyspace_of_elements(0)), 2);
    learn(&host, ring);
    assert_int_equal(replica_dropped_left(&host.replica), 4);
    assert_int_equal(replica_count(&host.replica, keyspace_of_elements(0)), 0);
    struct drop_outcome outcome = step(&host, &place);
    assert_true(outcome.done);
    assert_int_equal(outcome.removed, 4);
    assert_int_equal(replica_dropped_left(&host.replica), 0);
    assert_int_equal(garbage_host_records(&host, RECORD_CELL), 0);
    garbage_host_assert_sums(&host);
    buffer_deinit(&place);
    garbage_host_deinit(&host);
    ring_free(ring);
}

/*
 * The counts are exact after a crash, so a start knows what is left and need not remember where it
 * was.
 */
static void a_crash_between_two_steps_loses_nothing(void **state)
{
    enum { KEYS = 2 * DROP_CELLS_PER_STEP + 10 };
    struct garbage_host host;
    struct ring *ring = ring_that_dropped();
    struct buffer place = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_keys(&host, KEYS);
    learn(&host, ring);
    struct drop_outcome outcome = step(&host, &place);
    assert_false(outcome.done);
    assert_int_equal(outcome.removed, DROP_CELLS_PER_STEP);
    outcome = (struct drop_outcome){0};
    assert_int_equal(replica_remove_dropped(&host.replica, &place, &host.context, &outcome),
                     STATUS_OK);
    garbage_host_crash(&host); /* the second step is lost */
    assert_int_equal(replica_dropped_left(&host.replica), KEYS - DROP_CELLS_PER_STEP);
    garbage_host_assert_sums(&host);
    buffer_clear(&place);
    for (unsigned i = 0; !step(&host, &place).done; i++)
        assert_true(i < 4);
    assert_int_equal(replica_dropped_left(&host.replica), 0);
    garbage_host_crash(&host);
    assert_int_equal(garbage_host_records(&host, RECORD_CELL), 0);
    garbage_host_assert_sums(&host);
    buffer_deinit(&place);
    garbage_host_deinit(&host);
    ring_free(ring);
}

/* What `to` answers to a listing of `from`; its clocks are released. */
static struct message_tree_leaf_result compare(struct garbage_host *from, struct garbage_host *to,
                                               struct buffer *answer)
{
    struct buffer body = {0};
    struct leaf_range range = {0};
    struct message_tree_leaf leaf;
    struct message_tree_leaf_result result;
    assert_int_equal(leaf_list(&from->replica, &range, 1, &from->context, &body), STATUS_OK);
    assert_int_equal(message_tree_leaf_decode(buffer_slice(&body), &leaf), STATUS_OK);
    buffer_clear(answer);
    leaf_answer(&to->replica, &leaf, 1, &to->context, answer);
    assert_int_equal(message_tree_leaf_result_decode(buffer_slice(answer), &result), STATUS_OK);
    clock_deinit(&leaf.listing.clock);
    clock_deinit(&result.back.clock);
    buffer_deinit(&body);
    return result;
}

/* K5: one side has removed them, the other has not, and neither takes that for a loss. */
static void a_comparison_leaves_them_out_on_both_sides(void **state)
{
    struct garbage_host hosts[2];
    struct ring *ring = ring_that_dropped();
    struct buffer place = {0}, answer = {0};
    (void)state;
    garbage_host_init(&hosts[0], 1);
    garbage_host_init(&hosts[1], 2);
    garbage_host_write_all(hosts, 2, 0, "k", "v");
    hosts[1].context.ring = ring; /* removed there, and seen as a loss by who has not heard */
    learn(&hosts[1], ring);
    assert_true(step(&hosts[1], &place).done);
    assert_int_equal(compare(&hosts[1], &hosts[0], &answer).differences.corrupt, 1);
    struct message_tree_leaf_result result = compare(&hosts[0], &hosts[1], &answer);
    assert_int_equal(result.differences.corrupt + result.back.entry_count, 0);
    learn(&hosts[0], ring);
    for (unsigned asker = 0; asker < 2; asker++) {
        result = compare(&hosts[asker], &hosts[1 - asker], &answer);
        assert_int_equal(result.status, STATUS_OK);
        assert_int_equal(result.forced_count, 0);
        assert_int_equal(result.back.entry_count, 0);
        assert_int_equal(result.differences.corrupt, 0);
    }
    buffer_deinit(&place);
    buffer_deinit(&answer);
    garbage_host_deinit(&hosts[0]);
    garbage_host_deinit(&hosts[1]);
    ring_free(ring);
}

/* A count that is wrong for good would have the node look through its cells for ever. */
static void a_scrub_counts_them_apart(void **state)
{
    struct garbage_host host;
    struct ring *ring = ring_that_dropped();
    struct scrub_step done;
    struct scrub_result result;
    (void)state;
    garbage_host_init(&host, 1);
    write_keys(&host, 5);
    replica_scrub_begin(&host.replica, &host.context);
    learn(&host, ring);
    assert_false(replica_scrub_runs(&host.replica));
    replica_scrub_begin(&host.replica, &host.context);
    assert_int_equal(replica_scrub_step(&host.replica, 100, 1 << 20, &host.context, &done),
                     STATUS_OK);
    assert_true(done.done);
    replica_scrub_finish(&host.replica, &host.context, &result);
    assert_int_equal(result.leaves_wrong, 0);
    assert_int_equal(replica_dropped_left(&host.replica), 5);
    garbage_host_deinit(&host);
    ring_free(ring);
}

static void a_partition_is_sent_whole_without_them(void **state)
{
    struct garbage_host host;
    struct ring *ring = ring_that_dropped();
    struct whole_page page = {0};
    struct clock none = {0};
    struct buffer clock = {0};
    bool first;
    (void)state;
    garbage_host_init(&host, 1);
    write_keys(&host, 5);
    clock_join(&host.replica.trimmed, &host.replica.clock); /* so that a log will not do */
    clock_encode(&none, &clock);
    struct message_partition_pull pull = {.clock = buffer_slice(&clock)};
    learn(&host, ring);
    assert_int_equal(
        replica_whole_answer(&host.replica, &pull, 1 << 20, &host.context, &page, &first),
        STATUS_OK);
    assert_int_equal(page.page.delivery_count, 0);
    assert_true(page.page.done);
    whole_page_deinit(&page);
    buffer_deinit(&clock);
    garbage_host_deinit(&host);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_discarded_enters_the_clock_once),
        cmocka_unit_test(all_cells_go_with_their_sums_and_index_records),
        cmocka_unit_test(elements_go_with_their_keys),
        cmocka_unit_test(a_crash_between_two_steps_loses_nothing),
        cmocka_unit_test(a_comparison_leaves_them_out_on_both_sides),
        cmocka_unit_test(a_scrub_counts_them_apart),
        cmocka_unit_test(a_partition_is_sent_whole_without_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
