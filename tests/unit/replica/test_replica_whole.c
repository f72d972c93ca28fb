/*
 * test_replica_whole.c - logs that are cut, and partitions that are sent whole.
 */
#include "garbage_host.h"

#include <stdio.h>

enum { PAGE_BYTES = 200 };

static const struct position_range ALL = {.first = 0, .last = UINT64_MAX};

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

static uint32_t trim(struct garbage_host *host, uint64_t bytes_max)
{
    uint32_t trimmed = 0;
    assert_int_equal(replica_trim(&host->replica, &host->stability, bytes_max, 10000,
                                  &host->context, &trimmed),
                     STATUS_OK);
    garbage_host_commit(host);
    return trimmed;
}

static enum status pull(struct garbage_host *asker, struct garbage_host *source)
{
    struct sync_question question = {.address = {.tag = {.epoch = 1}},
                                     .clock = asker->replica.clock};
    struct sync_answer answer;
    struct buffer deliveries = {0};
    question.flags = asker->replica.filled ? 0 : SYNC_ALL | SYNC_WHOLE;
    enum status status = replica_sync_answer(&source->replica, &question, 0, 1 << 20,
                                             &source->context, &answer, &deliveries);
    struct reader reader = reader_make(buffer_slice(&deliveries));
    for (uint32_t i = 0; status == STATUS_OK && i < answer.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(replica_apply(&asker->replica, &delivery, MERGE_LWW, &asker->context,
                                       &changed),
                         STATUS_OK);
    }
    garbage_host_commit(asker);
    buffer_deinit(&deliveries);
    return status;
}

/* One page from where the asker has come to. */
struct page {
    struct message_partition_page message;
    struct buffer deliveries;
    struct clock clock;
};

static void take_page(const struct garbage_host *asker, struct garbage_host *source,
                      struct page *page)
{
    uint64_t position =
        asker->replica.whole.source == source->id ? asker->replica.whole.next_position : 0;
    *page = (struct page){.message = {.storage_incarnation = source->incarnation}};
    assert_int_equal(replica_whole_answer(&source->replica, position, ALL, PAGE_BYTES,
                                          &source->context, &page->message, &page->deliveries),
                     STATUS_OK);
    page->message.deliveries = buffer_slice(&page->deliveries);
    clock_copy(&source->replica.clock, &page->clock);
}

/* False when it does not go on where the sync has come to. */
static bool give_page(struct garbage_host *asker, node_id from, const struct page *page,
                      bool commit)
{
    struct reader reader = reader_make(page->message.deliveries);
    uint32_t dropped = 0;
    if (!replica_whole_begin(&asker->replica, from, &page->message, &page->clock, ALL))
        return false;
    for (uint32_t i = 0; i < page->message.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(replica_apply_whole(&asker->replica, &delivery, MERGE_LWW, &page->clock,
                                             &asker->context, &changed),
                         STATUS_OK);
    }
    assert_int_equal(replica_whole_drop(&asker->replica, &page->message, &page->clock, ALL,
                                        &asker->context, &dropped),
                     STATUS_OK);
    replica_whole_end(&asker->replica, &page->message, &asker->context);
    if (commit)
        garbage_host_commit(asker);
    return true;
}

static void free_page(struct page *page)
{
    buffer_deinit(&page->deliveries);
    clock_deinit(&page->clock);
}

/* Pages until the last one; how many there were. */
static unsigned fill(struct garbage_host *asker, struct garbage_host *source)
{
    unsigned pages = 0;
    for (bool done = false; !done; pages++) {
        struct page page;
        take_page(asker, source, &page);
        done = page.message.done;
        assert_true(give_page(asker, source->id, &page, true));
        free_page(&page);
        assert_true(pages < 1000);
    }
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

static void a_log_record_stays_until_all_owners_have_it(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    garbage_host_report_all(hosts, 3);
    write_many(hosts, 3, 5); /* nobody has said to have these */
    assert_int_equal(trim(&hosts[0], UINT64_MAX), 10);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_report_all(hosts, 3);
    assert_int_equal(trim(&hosts[0], UINT64_MAX), 5);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_LOG), 0);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_write_all(hosts, 3, 0, "more", "v");
    garbage_host_crash(&hosts[0]);
    garbage_host_assert_sums(&hosts[0]);
    assert_true(clock_equal(&hosts[0].replica.clock, &hosts[1].replica.clock));
    deinit_three(hosts);
}

static void a_log_that_is_too_large_is_cut_all_the_same(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    uint64_t half = hosts[0].replica.log_bytes / 2;
    uint32_t cut = trim(&hosts[0], half);
    assert_in_range(cut, 9, 11);
    assert_true(hosts[0].replica.log_bytes <= half);
    garbage_host_assert_sums(&hosts[0]);
    assert_int_equal(pull(&hosts[2], &hosts[0]), STATUS_LOG_TRIMMED);
    assert_int_equal(pull(&hosts[2], &hosts[1]), STATUS_OK); /* its log is whole */
    assert_int_equal(pull(&hosts[2], &hosts[0]), STATUS_OK);
    assert_true(clock_equal(&hosts[2].replica.clock, &hosts[0].replica.clock));
    deinit_three(hosts);
}

static void an_owner_that_was_away_gets_the_partition_whole(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_write_all(hosts, 2, 0, "k3", NULL);
    garbage_host_write_all(hosts, 2, 1, "k4", "new");
    trim(&hosts[0], 0);
    assert_int_equal(pull(&hosts[2], &hosts[0]), STATUS_LOG_TRIMMED);
    assert_true(fill(&hosts[2], &hosts[0]) > 1);
    assert_true(clock_equal(&hosts[2].replica.clock, &hosts[0].replica.clock));
    assert_int_equal(hosts[2].replica.digest, hosts[0].replica.digest);
    garbage_host_assert_value(&hosts[2], "k3", "");
    garbage_host_assert_value(&hosts[2], "k4", "new");
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(pull(&hosts[2], &hosts[0]), STATUS_OK);
    deinit_three(hosts);
}

/* K2: before the last page the clock would claim keys that have not come. */
static void the_clock_is_joined_with_the_last_page_only(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    take_page(&hosts[2], &hosts[0], &page);
    assert_false(page.message.done);
    assert_true(give_page(&hosts[2], 1, &page, true));
    uint64_t live = clock_dot_count(&hosts[2].replica.clock);
    assert_int_equal(live, page.message.delivery_count);
    free_page(&page);
    fill(&hosts[2], &hosts[0]);
    assert_int_equal(clock_dot_count(&hosts[2].replica.clock), 20);
    deinit_three(hosts);
}

static void a_restart_goes_on_where_it_was(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    for (int i = 0; i < 2; i++) {
        take_page(&hosts[2], &hosts[0], &page);
        assert_true(give_page(&hosts[2], 1, &page, true));
        free_page(&page);
    }
    uint64_t reached = hosts[2].replica.whole.next_position;
    assert_true(reached > 0);
    take_page(&hosts[2], &hosts[0], &page);
    assert_true(give_page(&hosts[2], 1, &page, false)); /* this page's group is lost */
    free_page(&page);
    garbage_host_crash(&hosts[2]);
    assert_true(hosts[2].replica.whole.next_position == reached);
    fill(&hosts[2], &hosts[0]);
    assert_int_equal(hosts[2].replica.digest, hosts[0].replica.digest);
    assert_int_equal(hosts[2].replica.whole.source, 0);
    garbage_host_crash(&hosts[2]);
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(hosts[2].replica.whole.source, 0);
    deinit_three(hosts);
}

static void a_page_that_comes_twice_is_not_taken_again(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    take_page(&hosts[2], &hosts[0], &page);
    assert_true(give_page(&hosts[2], 1, &page, true));
    assert_false(give_page(&hosts[2], 1, &page, true));
    free_page(&page);
    deinit_three(hosts);
}

/* W3: what the first clock claims is not in the later pages of a store that was lost. */
static void another_source_begins_anew(void **state)
{
    struct garbage_host hosts[3];
    struct page page;
    (void)state;
    init_three(hosts);
    write_many(hosts, 2, 20);
    take_page(&hosts[2], &hosts[0], &page);
    assert_true(give_page(&hosts[2], 1, &page, true));
    free_page(&page);
    assert_true(hosts[2].replica.whole.next_position > 0);
    garbage_host_wipe(&hosts[0]);
    take_page(&hosts[2], &hosts[0], &page); /* a page from the middle of an empty store */
    assert_false(give_page(&hosts[2], 1, &page, true));
    assert_int_equal(hosts[2].replica.whole.next_position, 0);
    assert_int_equal(clock_dot_count(&hosts[2].replica.whole.clock), 0);
    free_page(&page);
    fill(&hosts[2], &hosts[1]);
    assert_int_equal(hosts[2].replica.digest, hosts[1].replica.digest);
    deinit_three(hosts);
}

/* A value that was deleted and collected everywhere is brought to a new disk by an old hint. */
static void what_all_have_given_up_does_not_survive_on_a_new_disk(void **state)
{
    struct garbage_host hosts[3];
    struct buffer value = {0};
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_write(&hosts[0], "dead", "v", MERGE_LWW, &value);
    garbage_host_apply(&hosts[1], &value, MERGE_LWW);
    garbage_host_apply(&hosts[2], &value, MERGE_LWW);
    garbage_host_write_all(hosts, 3, 0, "dead", NULL);
    garbage_host_report_all(hosts, 3);
    for (unsigned i = 0; i < 3; i++) {
        garbage_host_ripen(&hosts[i]);
        assert_int_equal(garbage_host_purge(&hosts[i]), 1);
        garbage_host_commit(&hosts[i]);
    }
    garbage_host_wipe(&hosts[2]);
    assert_int_equal(pull(&hosts[2], &hosts[0]), STATUS_LOG_TRIMMED); /* G5: never from logs alone */
    assert_true(garbage_host_apply(&hosts[2], &value, MERGE_LWW)); /* before, in the same group */
    garbage_host_assert_value(&hosts[2], "dead", "v");
    fill(&hosts[2], &hosts[0]);
    garbage_host_assert_value(&hosts[2], "dead", "");
    garbage_host_assert_sums(&hosts[2]);
    assert_true(hosts[2].replica.filled);
    garbage_host_apply(&hosts[2], &value, MERGE_LWW); /* and after */
    garbage_host_assert_value(&hosts[2], "dead", "");
    buffer_deinit(&value);
    deinit_three(hosts);
}

/* W2: behind the walk, and before the clock is joined. */
static void a_late_copy_behind_the_walk_stays_dead(void **state)
{
    struct garbage_host hosts[3];
    struct buffer value = {0};
    bool passed = false;
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 20);
    garbage_host_write(&hosts[0], "dead", "v", MERGE_LWW, &value);
    garbage_host_apply(&hosts[1], &value, MERGE_LWW);
    garbage_host_apply(&hosts[2], &value, MERGE_LWW);
    garbage_host_write_all(hosts, 3, 0, "dead", NULL);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_commit(&hosts[0]);
    garbage_host_wipe(&hosts[2]);
    for (bool done = false; !done;) {
        struct page page;
        take_page(&hosts[2], &hosts[0], &page);
        done = page.message.done;
        assert_true(give_page(&hosts[2], 1, &page, false));
        free_page(&page);
        garbage_host_apply(&hosts[2], &value, MERGE_LWW); /* again and again, wherever the walk is */
        garbage_host_commit(&hosts[2]);
        passed = passed || !done;
    }
    assert_true(passed);
    garbage_host_assert_value(&hosts[2], "dead", "");
    assert_int_equal(hosts[2].replica.digest, hosts[0].replica.digest);
    garbage_host_assert_sums(&hosts[2]);
    buffer_deinit(&value);
    deinit_three(hosts);
}

/* What only the asker has is no less than before: absence is no delete. */
static void what_the_source_has_not_seen_stays(void **state)
{
    struct garbage_host hosts[3];
    struct buffer mine = {0};
    (void)state;
    init_three(hosts);
    write_many(hosts, 3, 10);
    garbage_host_write(&hosts[2], "mine", "v", MERGE_LWW, &mine);
    garbage_host_commit(&hosts[2]);
    fill(&hosts[2], &hosts[0]);
    garbage_host_assert_value(&hosts[2], "mine", "v");
    garbage_host_assert_value(&hosts[2], "k1", "v1");
    garbage_host_assert_sums(&hosts[2]);
    assert_int_equal(pull(&hosts[0], &hosts[2]), STATUS_OK);
    garbage_host_assert_value(&hosts[0], "mine", "v");
    buffer_deinit(&mine);
    deinit_three(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_record_stays_until_all_owners_have_it),
        cmocka_unit_test(a_log_that_is_too_large_is_cut_all_the_same),
        cmocka_unit_test(an_owner_that_was_away_gets_the_partition_whole),
        cmocka_unit_test(the_clock_is_joined_with_the_last_page_only),
        cmocka_unit_test(a_restart_goes_on_where_it_was),
        cmocka_unit_test(a_page_that_comes_twice_is_not_taken_again),
        cmocka_unit_test(another_source_begins_anew),
        cmocka_unit_test(what_all_have_given_up_does_not_survive_on_a_new_disk),
        cmocka_unit_test(a_late_copy_behind_the_walk_stays_dead),
        cmocka_unit_test(what_the_source_has_not_seen_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
