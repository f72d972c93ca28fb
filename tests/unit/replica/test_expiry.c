/*
 * test_expiry.c - which values leave the disk when, what stays of them, and what may not come back.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "base/random.h"
#include "causal/counter.h"
#include "replica/expiry.h"
#include "replica/scrub.h"
#include "wire/record_expiry.h"

enum { TTL_MS = 100, EXPIRE_MS = GARBAGE_HOST_WALL_MS + TTL_MS };

static hybrid_time at_ms(uint64_t ms)
{
    return ms << 16;
}

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

/* SET with an expiry. */
static void write_expiring(struct garbage_host *host, const char *key, const char *value,
                           struct buffer *delivery)
{
    host->context.default_ttl_ms = TTL_MS;
    garbage_host_write(host, key, value, MERGE_LWW, delivery);
    host->context.default_ttl_ms = 0;
    garbage_host_commit(host);
}

/* At the first maker's and the two others. */
static void write_expiring_all(struct garbage_host hosts[3], const char *key, const char *value)
{
    struct buffer delivery = {0};
    write_expiring(&hosts[0], key, value, &delivery);
    for (unsigned i = 1; i < 3; i++) {
        garbage_host_apply(&hosts[i], &delivery, MERGE_LWW);
        garbage_host_commit(&hosts[i]);
    }
    buffer_deinit(&delivery);
}

static struct expiry_outcome drop(struct garbage_host *host, hybrid_time safe)
{
    struct expiry_outcome outcome = {0};
    assert_int_equal(
        expiry_drop(&host->replica, safe, &host->stability, 1000, &host->context, &outcome),
        STATUS_OK);
    garbage_host_commit(host);
    host->context.expiry_indexed = false; /* as the store side does */
    return outcome;
}

static void an_expired_value_leaves_nothing(void **state)
{
    struct garbage_host hosts[3];
    (void)state;
    init_three(hosts);
    write_expiring_all(hosts, "k", "v");
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_EXPIRY), 1);
    assert_int_equal(drop(&hosts[0], at_ms(EXPIRE_MS + 1)).dropped, 1);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_EXPIRY), 0);
    assert_int_equal(replica_count_all(&hosts[0].replica), 0);
    assert_int_equal(hosts[0].replica.tree.root.hash, 0);
    assert_int_equal(hosts[0].replica.garbage_count, 1);
    garbage_host_assert_sums(&hosts[0]);
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_assert_sums(&hosts[0]);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_CELL), 0);
    assert_int_equal(garbage_host_records(&hosts[0], RECORD_GARBAGE), 0);
    deinit_three(hosts);
}

static void nothing_goes_before_the_safe_time_is_past_it(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_expiring(&host, "k", "v", &delivery);
    struct expiry_outcome outcome = drop(&host, at_ms(EXPIRE_MS));
    assert_int_equal(outcome.dropped, 0);
    assert_int_equal(outcome.waiting, 0); /* it has not expired by the wall clock */
    host.context.wall_ms = EXPIRE_MS + 1000;
    outcome = drop(&host, at_ms(EXPIRE_MS) + 0xffff);
    assert_int_equal(outcome.dropped, 0);
    assert_int_equal(outcome.waiting, 1);
    assert_int_equal(outcome.waits_for_ms, EXPIRE_MS);
    garbage_host_assert_value(&host, "k", "v");
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 1)).dropped, 1);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* X3: whatever changes a cell changes its records. */
static void the_index_follows_every_change_of_a_cell(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_expiring(&host, "k", "v", &delivery);
    host.context.wall_ms += 10;
    write_expiring(&host, "k", "w", &delivery); /* later */
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 1);
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 10)).dropped, 0);
    garbage_host_write(&host, "k", "x", MERGE_LWW, &delivery); /* without an expiry */
    garbage_host_commit(&host);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 0);
    write_expiring(&host, "k", "v", &delivery);
    garbage_host_write(&host, "k", NULL, MERGE_LWW, &delivery);
    garbage_host_commit(&host);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 0);
    garbage_host_assert_sums(&host);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* X1: as long as the value stands anywhere, what it beat is beaten everywhere. */
static void a_rival_that_comes_late_stays_beaten(void **state)
{
    struct garbage_host hosts[3];
    struct buffer rival = {0};
    (void)state;
    init_three(hosts);
    garbage_host_write(&hosts[1], "k", "rival", MERGE_LWW, &rival);
    garbage_host_commit(&hosts[1]);
    hosts[0].context.wall_ms++; /* the value is newer, and has not seen it */
    write_expiring_all(hosts, "k", "v");
    drop(&hosts[0], at_ms(EXPIRE_MS + 2));
    garbage_host_apply(&hosts[0], &rival, MERGE_LWW);
    garbage_host_apply(&hosts[2], &rival, MERGE_LWW);
    garbage_host_assert_value(&hosts[0], "k", "");
    garbage_host_assert_value(&hosts[2], "k", "v"); /* by the wall clock of the host */
    garbage_host_assert_sums(&hosts[0]);
    buffer_deinit(&rival);
    deinit_three(hosts);
}

static void copies_of_any_age_bring_nothing_back(void **state)
{
    struct garbage_host hosts[3];
    struct buffer copy = {0};
    (void)state;
    init_three(hosts);
    write_expiring(&hosts[0], "k", "v", &copy);
    for (unsigned i = 1; i < 3; i++)
        garbage_host_apply(&hosts[i], &copy, MERGE_LWW);
    drop(&hosts[0], at_ms(EXPIRE_MS + 1));
    assert_false(garbage_host_apply(&hosts[0], &copy, MERGE_LWW));
    garbage_host_assert_value(&hosts[0], "k", "");
    garbage_host_report_all(hosts, 3);
    garbage_host_ripen(&hosts[0]);
    assert_int_equal(garbage_host_purge(&hosts[0]), 1);
    garbage_host_commit(&hosts[0]);
    assert_false(garbage_host_apply(&hosts[0], &copy, MERGE_LWW));
    assert_false(garbage_host_has_cell(&hosts[0], "k"));
    buffer_deinit(&copy);
    deinit_three(hosts);
}

static void a_restart_finds_the_same_sums(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_expiring(&host, "k", "v", &delivery);
    write_expiring(&host, "l", "v", &delivery);
    drop(&host, at_ms(EXPIRE_MS + 1));
    garbage_host_crash(&host); /* without a checkpoint since */
    garbage_host_assert_sums(&host);
    assert_int_equal(host.replica.garbage_count, 2);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* Nothing is lost or done twice when the batch is lost. */
static void a_lost_batch_is_done_again(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    struct expiry_outcome outcome = {0};
    (void)state;
    garbage_host_init(&host, 1);
    write_expiring(&host, "k", "v", &delivery);
    assert_int_equal(expiry_drop(&host.replica, at_ms(EXPIRE_MS + 1), &host.stability, 1000,
                                 &host.context, &outcome),
                     STATUS_OK);
    garbage_host_crash(&host);
    garbage_host_assert_value(&host, "k", "v");
    assert_true(expiry_is_due(&host.replica, EXPIRE_MS));
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 1)).dropped, 1);
    garbage_host_assert_sums(&host);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

static void a_step_is_bounded_and_the_oldest_go_first(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    struct expiry_outcome outcome = {0};
    (void)state;
    garbage_host_init(&host, 1);
    for (unsigned i = 0; i < 5; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", 9 - i);
        write_expiring(&host, key, "v", &delivery);
        host.context.wall_ms++;
    }
    assert_int_equal(expiry_drop(&host.replica, at_ms(EXPIRE_MS + 50), &host.stability, 2,
                                 &host.context, &outcome),
                     STATUS_OK);
    garbage_host_commit(&host);
    assert_true(outcome.more);
    assert_int_equal(outcome.dropped, 2);
    assert_true(expiry_is_due(&host.replica, 1));
    garbage_host_assert_value(&host, "k9", "");
    garbage_host_assert_value(&host, "k8", "");
    garbage_host_assert_value(&host, "k7", "v");
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 50)).dropped, 3);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* A walk reads what is committed, and must not forget what the same group has added. */
static void what_the_present_group_adds_is_found_later(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    struct expiry_outcome outcome = {0};
    (void)state;
    garbage_host_init(&host, 1);
    drop(&host, at_ms(1));
    assert_false(expiry_is_due(&host.replica, EXPIRE_MS));
    host.context.default_ttl_ms = TTL_MS;
    garbage_host_write(&host, "k", "v", MERGE_LWW, &delivery);
    assert_int_equal(expiry_drop(&host.replica, at_ms(EXPIRE_MS + 1), &host.stability, 9,
                                 &host.context, &outcome),
                     STATUS_OK);
    assert_int_equal(outcome.dropped, 0);
    garbage_host_commit(&host);
    host.context.expiry_indexed = false;
    assert_true(expiry_is_due(&host.replica, EXPIRE_MS));
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 1)).dropped, 1);
    assert_false(expiry_is_due(&host.replica, UINT64_MAX - 1));
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* X4. */
static void a_record_without_its_cell_goes(void **state)
{
    struct garbage_host host;
    struct buffer name = {0};
    (void)state;
    garbage_host_init(&host, 1);
    record_expiry_name(&(struct expiry_name){.expire_at_ms = 5, .key = slice_text("k")}, &name);
    store_batch_put(&host.batch, buffer_slice(&name), slice_text("\1"));
    garbage_host_commit(&host);
    assert_int_equal(drop(&host, at_ms(10)).dropped, 0);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 0);
    assert_int_equal(garbage_host_records(&host, RECORD_LOG), 0);
    buffer_deinit(&name);
    garbage_host_deinit(&host);
}

static void a_scrub_makes_a_record_that_is_missing(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0}, name = {0};
    struct scrub_step step;
    struct scrub_result result;
    (void)state;
    garbage_host_init(&host, 1);
    write_expiring(&host, "k", "v", &delivery);
    write_expiring(&host, "l", "v", &delivery);
    record_expiry_name(&(struct expiry_name){.expire_at_ms = EXPIRE_MS, .key = slice_text("k")},
                       &name);
    store_batch_delete(&host.batch, buffer_slice(&name));
    garbage_host_commit(&host);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 1);
    replica_scrub_begin(&host.replica, &host.context);
    do
        assert_int_equal(replica_scrub_step(&host.replica, 10, 1 << 20, &host.context, &step),
                         STATUS_OK);
    while (!step.done);
    assert_int_equal(host.batch.length, 0); /* it runs between groups */
    replica_scrub_finish(&host.replica, &host.context, &result);
    garbage_host_commit(&host);
    assert_int_equal(garbage_host_records(&host, RECORD_EXPIRY), 2);
    assert_int_equal(drop(&host, at_ms(EXPIRE_MS + 1)).dropped, 2);
    buffer_deinit(&delivery);
    buffer_deinit(&name);
    garbage_host_deinit(&host);
}

static void a_record_that_is_damaged_is_said_to_be(void **state)
{
    struct garbage_host host;
    struct expiry_outcome outcome = {0};
    static const uint8_t name[] = {RECORD_EXPIRY, 0, 0, 1};
    (void)state;
    garbage_host_init(&host, 1);
    store_batch_put(&host.batch, slice_make(name, sizeof name), slice_text("\1"));
    garbage_host_commit(&host);
    assert_int_equal(
        expiry_drop(&host.replica, at_ms(10), &host.stability, 9, &host.context, &outcome),
        STATUS_CORRUPT);
    garbage_host_deinit(&host);
}

/* ---- counters that expire ------------------------------------------------------------------- */

enum { REPLICAS = 3, COPIES_MAX = 80, RUNS = 250, TURNS = 80 };

/* The same history twice: in the second one replicas drop what has expired. */
struct twins {
    struct random random;
    struct garbage_host hosts[2][REPLICAS];
    struct buffer copies[2][COPIES_MAX];
    unsigned copy_count, dropped, purged;
    uint64_t wall_ms;
};

static struct mutation random_mutation(struct twins *twins)
{
    uint64_t later_ms = twins->wall_ms + 1 + random_below(&twins->random, 40);
    switch (random_below(&twins->random, 10)) {
    case 0:
        return (struct mutation){.operation = REGISTER_SET, .value = slice_text("100")};
    case 1:
    case 2:
        return (struct mutation){
            .operation = REGISTER_SET, .value = slice_text("200"), .expire_at_ms = later_ms};
    case 3:
        return (struct mutation){.operation = REGISTER_DELETE};
    case 4:
        return (struct mutation){.operation = REGISTER_PERSIST};
    case 5:
        return (struct mutation){.operation = REGISTER_EXPIRE, .expire_at_ms = later_ms};
    default:
        return (struct mutation){.operation = REGISTER_INCREMENT, .value = slice_text("1")};
    }
}

static void mint_both(struct twins *twins, unsigned host)
{
    struct mutation mutation = random_mutation(twins);
    struct replica_minted minted[2];
    for (unsigned w = 0; w < 2; w++) {
        struct garbage_host *at = &twins->hosts[w][host];
        struct replica_mint wish = {.key = slice_text("k"), .mutation = &mutation};
        struct buffer old = {0};
        assert_int_equal(replica_mint(&at->replica, &wish, false, &at->context, &minted[w], &old,
                                      &twins->copies[w][twins->copy_count]),
                         STATUS_OK);
        garbage_host_commit(at);
        buffer_deinit(&old);
    }
    assert_int_equal(minted[0].written, minted[1].written);
    assert_int_equal(minted[0].number, minted[1].number);
    twins->copy_count += minted[0].written;
}

static void deliver_both(struct twins *twins, unsigned copy, unsigned host)
{
    for (unsigned w = 0; w < 2; w++) {
        garbage_host_apply(&twins->hosts[w][host], &twins->copies[w][copy], MERGE_LWW);
        garbage_host_commit(&twins->hosts[w][host]);
    }
}

/* The safe time of a replica that has all there is. */
static void drop_if_complete(struct twins *twins, unsigned host)
{
    struct garbage_host *at = &twins->hosts[1][host];
    for (unsigned i = 0; i < REPLICAS; i++)
        if (!clock_descends(&at->replica.clock, &twins->hosts[1][i].replica.clock))
            return;
    twins->dropped += drop(at, at_ms(twins->wall_ms) - 1).dropped;
}

/* When all replicas have all there is, and no copy is under way of what none has. */
static void purge_if_stable(struct twins *twins, unsigned host)
{
    struct garbage_host *hosts = twins->hosts[1];
    for (unsigned i = 0; i < REPLICAS; i++)
        if (!clock_equal(&hosts[i].replica.clock, &hosts[0].replica.clock))
            return;
    garbage_host_report_all(hosts, REPLICAS);
    garbage_host_ripen(&hosts[host]);
    twins->purged += garbage_host_purge(&hosts[host]);
    garbage_host_commit(&hosts[host]);
}

static void pass_time(struct twins *twins, uint64_t ms)
{
    twins->wall_ms += ms;
    for (unsigned w = 0; w < 2; w++)
        for (unsigned i = 0; i < REPLICAS; i++)
            twins->hosts[w][i].context.wall_ms = twins->wall_ms;
}

static void show(struct garbage_host *host, struct buffer *out)
{
    struct buffer record = {0}, text = {0};
    struct slice encoded;
    struct sibling shown;
    struct cell cell = {0};
    buffer_clear(out);
    if (replica_load_cell(&host->context, 0, slice_text("k"), &record) == STATUS_OK) {
        assert_int_equal(record_cell_open(buffer_slice(&record), &encoded), STATUS_OK);
        struct reader reader = reader_make(encoded);
        cell_decode(&reader, &cell);
    }
    if (cell_shown(&cell, host->context.wall_ms, &text, &shown))
        buffer_append_slice(out, shown.value);
    cell_deinit(&cell);
    buffer_deinit(&record);
    buffer_deinit(&text);
}

static void assert_both_show_the_same(struct twins *twins)
{
    struct buffer kept = {0}, without = {0};
    for (unsigned i = 0; i < REPLICAS; i++) {
        show(&twins->hosts[0][i], &kept);
        show(&twins->hosts[1][i], &without);
        assert_true(slice_equal(buffer_slice(&kept), buffer_slice(&without)));
    }
    buffer_deinit(&kept);
    buffer_deinit(&without);
}

/*
 * Property: whoever drops what when, every reader and every writer sees what it saw without that.
 */
static void dropping_changes_nothing_that_is_seen_of_counters(void **state)
{
    unsigned dropped = 0, purged = 0;
    (void)state;
    for (unsigned run = 0; run < RUNS; run++) {
        struct twins twins = {.random = random_make(run), .wall_ms = GARBAGE_HOST_WALL_MS};
        for (unsigned w = 0; w < 2; w++)
            for (unsigned i = 0; i < REPLICAS; i++)
                garbage_host_init(&twins.hosts[w][i], i + 1);
        for (unsigned turn = 0; turn < TURNS; turn++) {
            unsigned host = (unsigned)random_below(&twins.random, REPLICAS);
            uint64_t choice = random_below(&twins.random, 10);
            if (choice < 3 && twins.copy_count < COPIES_MAX)
                mint_both(&twins, host);
            else if (choice < 7 && twins.copy_count > 0)
                deliver_both(&twins, (unsigned)random_below(&twins.random, twins.copy_count), host);
            else if (choice < 8)
                pass_time(&twins, 1 + random_below(&twins.random, 15));
            else if (choice < 9)
                drop_if_complete(&twins, host);
            else
                purge_if_stable(&twins, host);
            assert_both_show_the_same(&twins);
        }
        for (unsigned i = 0; i < REPLICAS; i++)
            for (unsigned copy = 0; copy < twins.copy_count; copy++)
                deliver_both(&twins, copy, i);
        pass_time(&twins, 100);
        for (unsigned i = 0; i < REPLICAS; i++)
            drop_if_complete(&twins, i);
        for (unsigned i = 0; i < REPLICAS; i++)
            purge_if_stable(&twins, i);
        assert_both_show_the_same(&twins);
        for (unsigned i = 0; i < REPLICAS; i++) {
            assert_int_equal(garbage_host_records(&twins.hosts[1][i], RECORD_EXPIRY), 0);
            assert_int_equal(twins.hosts[1][i].replica.tree.root.hash,
                             twins.hosts[1][0].replica.tree.root.hash);
        }
        dropped += twins.dropped;
        purged += twins.purged;
        for (unsigned w = 0; w < 2; w++) {
            for (unsigned i = 0; i < REPLICAS; i++)
                garbage_host_deinit(&twins.hosts[w][i]);
            for (unsigned i = 0; i < COPIES_MAX; i++)
                buffer_deinit(&twins.copies[w][i]);
        }
    }
    assert_true(dropped > RUNS / 2); /* it does happen */
    assert_true(purged > RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_value_leaves_nothing),
        cmocka_unit_test(nothing_goes_before_the_safe_time_is_past_it),
        cmocka_unit_test(the_index_follows_every_change_of_a_cell),
        cmocka_unit_test(a_rival_that_comes_late_stays_beaten),
        cmocka_unit_test(copies_of_any_age_bring_nothing_back),
        cmocka_unit_test(a_restart_finds_the_same_sums),
        cmocka_unit_test(a_lost_batch_is_done_again),
        cmocka_unit_test(a_step_is_bounded_and_the_oldest_go_first),
        cmocka_unit_test(what_the_present_group_adds_is_found_later),
        cmocka_unit_test(a_record_without_its_cell_goes),
        cmocka_unit_test(a_scrub_makes_a_record_that_is_missing),
        cmocka_unit_test(a_record_that_is_damaged_is_said_to_be),
        cmocka_unit_test(dropping_changes_nothing_that_is_seen_of_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
