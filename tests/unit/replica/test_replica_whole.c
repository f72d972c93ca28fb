/*
 * test_replica_whole.c - partitions that are sent whole.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "replica/replica_requests.h"
#include "replica/replica_trim.h"
#include "replica/replica_whole.h"
#include "ring/position.h"

enum { PAGE_BYTES = 200 };

static void init_three(struct garbage_host hosts[3])
{
    for (unsigned i = 0; i < 3; i++)
        garbage_host_init(&hosts[i], (node_id)(i + 1));
}

static void deinit_three(struct garbage_host hosts[3])
{
    for (unsigned i = 0; i < 3; i++)
        garbage_host_deinit(&hosts[i]);
}

static void cut_log(struct garbage_host *host)
{
    struct trim_limits limits = {.kept_from = UINT64_MAX, .budget = 10000};
    uint32_t trimmed;
    assert_int_equal(
        replica_trim(&host->replica, &host->stability, &limits, &host->context, &trimmed),
        STATUS_OK);
    garbage_host_commit(host);
    assert_int_equal(garbage_host_records(host, RECORD_LOG), 0);
}

/* What log sync brings in one page. */
static enum status pull_log(struct garbage_host *asker, struct garbage_host *source)
{
    struct sync_question question = {
        .address = {.tag = {.epoch = 1}}, .flags = SYNC_ALL, .clock = asker->replica.clock};
    struct sync_answer answer;
    struct buffer deliveries = {0};
    enum status status = replica_sync_answer(&source->replica, &question, 0, 1 << 20,
                                             &source->context, &answer, &deliveries);
    struct reader reader = reader_make(buffer_slice(&deliveries));
    for (uint32_t i = 0; status == STATUS_OK && i < answer.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(
            replica_apply(&asker->replica, &delivery, MERGE_LWW, &asker->context, &changed),
            STATUS_OK);
    }
    garbage_host_commit(asker);
    buffer_deinit(&deliveries);
    return status;
}

/* One page from where the asker has come to, as it comes over the wire. */
struct page {
    struct buffer body;
    struct message_partition_page message;
};

static enum status take_page(const struct garbage_host *asker, struct garbage_host *source,
                             struct page *page)
{
    struct buffer clock = {0}, place = {0};
    struct whole_page answer = {0};
    bool first;
    clock_encode(&asker->replica.clock, &clock);
    buffer_append_slice(&place, replica_whole_place(&asker->replica, source->id));
    struct message_partition_pull pull = {.address = {.tag = {.epoch = 1}},
                                          .from = buffer_slice(&place),
                                          .clock = buffer_slice(&clock)};
    enum status status = replica_whole_answer(&source->replica, &pull, PAGE_BYTES, &source->context,
                                              &answer, &first);
    *page = (struct page){0};
    if (status == STATUS_OK) {
        assert_int_equal(first, place.length == 0);
        answer.page.storage_incarnation = source->incarnation;
        message_partition_page_encode(&answer.page, &page->body);
        assert_int_equal(message_partition_page_decode(buffer_slice(&page->body), &page->message),
                         STATUS_OK);
    }
    whole_page_deinit(&answer);
    buffer_deinit(&clock);
    buffer_deinit(&place);
    return status;
}

/* False when it does not go on where the sync has come to. */
static bool give_page(struct garbage_host *asker, node_id from, const struct page *page)
{
    struct reader reader = reader_make(page->message.deliveries);
    struct reader encoded = reader_make(page->message.clock);
    struct clock clock;
    clock_decode(&encoded, &clock);
    bool fits = replica_whole_begin(&asker->replica, from, &page->message, &clock);
    clock_deinit(&clock);
    for (uint32_t i = 0; fits && i < page->message.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(
            replica_apply(&asker->replica, &delivery, MERGE_LWW, &asker->context, &changed),
            STATUS_OK);
    }
    if (fits)
        assert_int_equal(replica_whole_end(&asker->replica, &page->message, &asker->context),
                         STATUS_OK);
    return fits;
}

/* One page, committed. True when it was the last. */
static bool step(struct garbage_host *asker, struct garbage_host *source)
{
    struct page page;
    assert_int_equal(take_page(asker, source, &page), STATUS_OK);
    bool done = page.message.done;
    assert_true(give_page(asker, source->id, &page));
    garbage_host_commit(asker);
    buffer_deinit(&page.body);
    return done;
}

/* Pages until the last one; how many there were. */
static unsigned fill(struct garbage_host *asker, struct garbage_host *source)
{
    unsigned pages = 1;
    for (; !step(asker, source); pages++)
        assert_true(pages < 1000);
    return pages;
}

static void write_many(struct garbage_host hosts[3], unsigned count, int keys)
{
    for (int i = 0; i < keys; i++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", i);
        snprintf(value, sizeof value, "v%d", i);
        garbage_host_write_all(hosts, count, (unsigned)i % 2, key, value);
    }
}

static void assert_equal(const struct garbage_host *a, const struct garbage_host *b)
{
    assert_true(clock_equal(&a->replica.clock, &b->replica.clock));
    assert_true(tree_node_equal(a->replica.tree.root, b->replica.tree.root));
}

static void an_owner_that_was_away_gets_the_partition_whole(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_write_all(hosts, 2, 0, "k3", NULL);
    garbage_host_write_all(hosts, 2, 1, "k4", "new");
    cut_log(&hosts[0]);
    assert_int_equal(pull_log(&hosts[2], &hosts[0]), STATUS_LOG_TRIMMED);
    assert_true(fill(&hosts[2], &hosts[0]) > 1);
    assert_equal(&hosts[2], &hosts[0]);
    garbage_host_assert_value(&hosts[2], "k3", "");
    garbage_host_assert_value(&hosts[2], "k4", "new");
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(pull_log(&hosts[2], &hosts[0]), STATUS_OK);
    deinit_three(hosts);
}

static void a_lost_store_is_filled_so(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_write_all(hosts, 3, 0, "k3", NULL);
    cut_log(&hosts[0]);
    garbage_host_wipe(&hosts[2]);
    fill(&hosts[2], &hosts[0]);
    assert_equal(&hosts[2], &hosts[0]);
    garbage_host_crash(&hosts[2]);
    garbage_host_assert_sums(&hosts[2]);
    assert_equal(&hosts[2], &hosts[0]);
    deinit_three(hosts);
}

/* Another log may have brought it between the short log and the pull. */
static void a_log_that_suffices_is_preferred(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 5);
    cut_log(&hosts[0]);
    assert_int_equal(pull_log(&hosts[2], &hosts[0]), STATUS_LOG_TRIMMED);
    assert_int_equal(pull_log(&hosts[2], &hosts[1]), STATUS_OK);
    assert_int_equal(take_page(&hosts[2], &hosts[0], &page), STATUS_NOT_FOUND);
    assert_equal(&hosts[2], &hosts[0]);
    deinit_three(hosts);
}

/* W1: before the last page the clock would claim keys that have not come. */
static void the_clock_is_joined_with_the_last_page_only(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    write_many(hosts, 2, 20);
    cut_log(&hosts[0]);
    for (bool done = false; !done;) {
        done = step(&hosts[2], &hosts[0]);
        uint64_t live = replica_count_all(&hosts[2].replica);
        assert_int_equal(clock_dot_count(&hosts[2].replica.clock), done ? 40 : live);
    }
    deinit_three(hosts);
}

/* W2 and Q1 of replica_requests.h, for an event that another has replaced since. */
static void requests_with_ids_come_before_the_clock(void **state)
{
    struct garbage_host hosts[3];
    struct buffer stamp = {0}, dots = {0}, delivery = {0}, old = {0}, found = {0};
    struct mutation mutation = {.operation = REGISTER_SET, .value = slice_text("v")};
    struct request_record record = {.stamp = {.identity = {.id = slice_text("job-1"), .digest = 5},
                                              .entry_count = 1,
                                              .expire_at_ms = GARBAGE_HOST_WALL_MS + 60000},
                                    .dot_count = 1,
                                    .result = slice_text("result")};
    struct replica_minted minted;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    request_stamp_encode(&record.stamp, &stamp);
    struct replica_mint wish = {.policy = MERGE_LWW,
                                .key = slice_text("k7"),
                                .mutation = &mutation,
                                .stamp = buffer_slice(&stamp)};
    assert_int_equal(
        replica_mint(&hosts[0].replica, &wish, false, &hosts[0].context, &minted, &old, &delivery),
        STATUS_OK);
    request_dot_encode(0, &minted.dot, &dots);
    record.dots = buffer_slice(&dots);
    assert_int_equal(replica_keep_request(&hosts[0].replica, &record, &hosts[0].context),
                     STATUS_OK);
    garbage_host_write_all(hosts, 1, 0, "k7", "newer");
    cut_log(&hosts[0]);
    hosts[2].context.requests.count = 1; /* something is remembered: lookups are not cut short */
    for (bool done = false; !done;) {
        done = step(&hosts[2], &hosts[0]);
        enum status status = replica_find_request(&hosts[2].replica, &record.stamp.identity,
                                                  &hosts[2].context, &found);
        if (clock_has(&hosts[2].replica.clock, &minted.dot))
            assert_int_equal(status, STATUS_OK);
        assert_int_equal(done, clock_has(&hosts[2].replica.clock, &minted.dot));
    }
    garbage_host_crash(&hosts[2]);
    buffer_clear(&found);
    assert_int_equal(
        replica_find_request(&hosts[2].replica, &record.stamp.identity, &hosts[2].context, &found),
        STATUS_OK);
    assert_int_equal(request_record_decode(buffer_slice(&found), &record), STATUS_OK);
    assert_true(slice_equal(record.result, slice_text("result")));
    buffer_deinit(&stamp);
    buffer_deinit(&dots);
    buffer_deinit(&delivery);
    buffer_deinit(&old);
    buffer_deinit(&found);
    deinit_three(hosts);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    struct buffer reached = {0};
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    cut_log(&hosts[0]);
    step(&hosts[2], &hosts[0]);
    step(&hosts[2], &hosts[0]);
    buffer_append_slice(&reached, replica_whole_place(&hosts[2].replica, 1));
    assert_true(reached.length > 0);
    assert_int_equal(take_page(&hosts[2], &hosts[0], &page), STATUS_OK);
    assert_true(give_page(&hosts[2], 1, &page)); /* this page's group is lost */
    buffer_deinit(&page.body);
    garbage_host_crash(&hosts[2]);
    garbage_host_crash(&hosts[0]); /* the source may restart as well */
    assert_true(slice_equal(replica_whole_place(&hosts[2].replica, 1), buffer_slice(&reached)));
    assert_int_equal(replica_whole_place(&hosts[2].replica, 2).length, 0);
    fill(&hosts[2], &hosts[0]);
    assert_equal(&hosts[2], &hosts[0]);
    garbage_host_crash(&hosts[2]);
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(hosts[2].replica.whole.source, 0);
    buffer_deinit(&reached);
    deinit_three(hosts);
}

static void a_page_that_comes_twice_is_not_taken_again(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    cut_log(&hosts[0]);
    assert_int_equal(take_page(&hosts[2], &hosts[0], &page), STATUS_OK);
    assert_true(give_page(&hosts[2], 1, &page));
    assert_false(give_page(&hosts[2], 1, &page));
    buffer_deinit(&page.body);
    deinit_three(hosts);
}

/* W3: what the first clock claims is not in the later pages of a store that was lost. */
static void a_source_that_lost_something_begins_anew(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    cut_log(&hosts[0]);
    cut_log(&hosts[1]);
    step(&hosts[2], &hosts[0]);
    garbage_host_wipe(&hosts[0]);
    assert_int_equal(take_page(&hosts[2], &hosts[0], &page), STATUS_OK); /* of an empty store */
    assert_false(give_page(&hosts[2], 1, &page));
    assert_int_equal(replica_whole_place(&hosts[2].replica, 1).length, 0);
    assert_int_equal(clock_dot_count(&hosts[2].replica.whole.clock), 0);
    buffer_deinit(&page.body);
    fill(&hosts[2], &hosts[1]); /* and so does another one */
    assert_equal(&hosts[2], &hosts[1]);
    deinit_three(hosts);
}

/* W4: a source that has lost a cell behind its clock must not spread that. */
static void what_does_not_come_stays_where_it_is(void **state)
{
    struct garbage_host hosts[3];
    struct buffer mine = {0}, name = {0}, batch = {0};
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    write_many(hosts, 2, 1);
    garbage_host_write(&hosts[2], "mine", "v", MERGE_LWW, &mine);
    garbage_host_commit(&hosts[2]);
    cut_log(&hosts[0]);
    record_cell_name(ring_position(slice_text("k5"), 0, hosts[0].context.position_seed), 0,
                     slice_text("k5"), &name);
    store_batch_delete(&batch, buffer_slice(&name));
    memory_store_apply(&hosts[0].store, buffer_slice(&batch));
    fill(&hosts[2], &hosts[0]);
    garbage_host_assert_value(&hosts[2], "k5", "v5");
    garbage_host_assert_value(&hosts[2], "mine", "v");
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(pull_log(&hosts[0], &hosts[2]), STATUS_OK);
    garbage_host_assert_value(&hosts[0], "mine", "v");
    buffer_deinit(&mine);
    buffer_deinit(&name);
    buffer_deinit(&batch);
    deinit_three(hosts);
}

/* Writes go on while pages are on their way; what the walk has passed comes by the log. */
static void what_changes_behind_the_walk_comes_by_the_log(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 30);
    cut_log(&hosts[0]);
    for (int i = 0; !step(&hosts[2], &hosts[0]); i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i % 30);
        garbage_host_write_all(hosts, 2, 1, key, i % 3 == 0 ? NULL : "changed");
    }
    assert_int_equal(pull_log(&hosts[2], &hosts[0]), STATUS_OK);
    assert_equal(&hosts[2], &hosts[0]);
    garbage_host_assert_sums(&hosts[2]);
    deinit_three(hosts);
}

static void a_pull_that_does_not_decode_is_refused(void **state)
{
    struct garbage_host host;
    struct whole_page answer = {0};
    struct message_partition_pull pull = {.clock = slice_text("nonsense")};
    bool first;
    (void)state;
    garbage_host_init(&host, 1);
    assert_int_equal(
        replica_whole_answer(&host.replica, &pull, PAGE_BYTES, &host.context, &answer, &first),
        STATUS_CORRUPT);
    whole_page_deinit(&answer);
    garbage_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_owner_that_was_away_gets_the_partition_whole),
        cmocka_unit_test(a_lost_store_is_filled_so),
        cmocka_unit_test(a_log_that_suffices_is_preferred),
        cmocka_unit_test(the_clock_is_joined_with_the_last_page_only),
        cmocka_unit_test(requests_with_ids_come_before_the_clock),
        cmocka_unit_test(a_restart_goes_on_where_it_was),
        cmocka_unit_test(a_page_that_comes_twice_is_not_taken_again),
        cmocka_unit_test(a_source_that_lost_something_begins_anew),
        cmocka_unit_test(what_does_not_come_stays_where_it_is),
        cmocka_unit_test(what_changes_behind_the_walk_comes_by_the_log),
        cmocka_unit_test(a_pull_that_does_not_decode_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
