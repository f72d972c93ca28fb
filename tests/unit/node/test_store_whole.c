/*
 * test_store_whole.c - logs that are trimmed and partitions that are sent whole, at store sides.
 */
#include "store_host.h"

#include <stdio.h>

#include "causal/clock.h"
#include "wire/message_garbage.h"
#include "wire/message_partition.h"
#include "wire/record.h"

enum { KEYS = 60 };

/* Node `self` of three that own everything. */
static void init(struct store_host *host, struct ring *ring, node_id self, uint16_t incarnation,
                 uint32_t log_bytes_max)
{
    store_host_init(host, ring, self, incarnation);
    store_side_free(host->side);
    host->settings.sync_page_bytes = 300;
    host->settings.log_bytes_max = log_bytes_max;
    host->side = store_side_new(&(struct store_side_params){.self = self,
                                                            .storage_incarnation = incarnation,
                                                            .ring = ring,
                                                            .settings = &host->settings,
                                                            .port = &host->port});
    store_host_open(host);
}

/* All of one partition. */
static void write_many(struct store_host *host, const char *value)
{
    for (int i = 0; i < KEYS; i++) {
        char key[24];
        snprintf(key, sizeof key, "{same}%d", i);
        store_host_set(host, key, value);
    }
}

static size_t log_records(const struct store_host *host)
{
    size_t count = 0;
    for (size_t i = 0; i < host->store.count; i++)
        count += host->store.records[i].key.data[0] == RECORD_LOG;
    return count;
}

/* One round of collecting. */
static void collect(struct store_host *host)
{
    struct message_garbage garbage = {.more = true};
    for (unsigned steps = 0; garbage.more; steps++) {
        struct message_stability_step step = {.kind = STABILITY_STEP_COLLECT, .number = steps};
        struct buffer body = {0};
        struct frame frame;
        message_stability_step_encode(&step, &body);
        store_host_forget(host);
        store_host_write(host, MESSAGE_STABILITY_STEP, buffer_slice(&body));
        store_host_commit(host);
        assert_true(store_host_find(&host->late, MESSAGE_GARBAGE, 0, &frame));
        assert_int_equal(message_garbage_decode(frame.body, &garbage), STATUS_OK);
        assert_int_equal(garbage.log_records, log_records(host));
        buffer_deinit(&body);
        assert_true(steps < 100);
    }
}

/* What each of the others has is told to `host`. */
static void report_all(struct store_host *host, struct store_host *const *others, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct message_stability_step step = {.kind = STABILITY_STEP_AFRESH, .node = host->self};
        struct buffer body = {0}, report = {0};
        struct frame frame;
        message_stability_step_encode(&step, &body);
        store_host_forget(others[i]);
        store_host_write(others[i], MESSAGE_STABILITY_STEP, buffer_slice(&body));
        store_host_commit(others[i]);
        assert_true(store_host_find(&others[i]->late, MESSAGE_STABILITY, 0, &frame));
        buffer_append_slice(&report, frame.body);
        buffer_clear(&body);
        step = (struct message_stability_step){
            .kind = STABILITY_STEP_REPORT, .node = others[i]->self, .body = buffer_slice(&report)};
        message_stability_step_encode(&step, &body);
        store_host_write(host, MESSAGE_STABILITY_STEP, buffer_slice(&body));
        store_host_commit(host);
        buffer_deinit(&body);
        buffer_deinit(&report);
    }
}

/* ---- one partition, as the loop sides bring it --------------------------------------------- */

/* From whom and where the asker would go on; `pull` gets the body for that source. */
static struct partition_place place_of(struct store_host *asker, partition_id partition,
                                       const node_id *sources, uint8_t count, struct buffer *pull)
{
    struct message_partition_ask ask = {.partition = partition, .source_count = count};
    struct partition_place place;
    struct buffer body = {0};
    struct frame frame;
    for (uint8_t i = 0; i < count; i++)
        ask.sources[i] = sources[i];
    message_partition_ask_encode(&ask, &body);
    store_host_forget(asker);
    store_host_write(asker, MESSAGE_PARTITION_ASK, buffer_slice(&body));
    store_host_commit(asker);
    assert_true(store_host_find(&asker->late, MESSAGE_PARTITION_ASK, 0, &frame));
    assert_int_equal(partition_place_decode(frame.body, &place), STATUS_OK);
    buffer_clear(pull);
    buffer_append_slice(pull, place.pull);
    place.pull = buffer_slice(pull);
    buffer_deinit(&body);
    return place;
}

static enum status page_of(struct store_host *source, struct slice pull, struct buffer *page)
{
    struct message_partition_page message;
    struct frame frame;
    store_host_forget(source);
    store_host_write(source, MESSAGE_PARTITION_PULL, pull);
    assert_int_equal(source->late.length, 0); /* not before the commit of its group */
    store_host_commit(source);
    assert_true(store_host_find(&source->late, MESSAGE_PARTITION_PAGE, 0, &frame));
    assert_int_equal(message_partition_page_decode(frame.body, &message), STATUS_OK);
    buffer_clear(page);
    buffer_append_slice(page, frame.body);
    return message.status;
}

static struct message_partition_applied give(struct store_host *asker, node_id from,
                                             const struct buffer *page)
{
    struct message_partition_apply apply = {.from = from, .page = buffer_slice(page)};
    struct message_partition_applied applied;
    struct buffer body = {0};
    struct frame frame;
    message_partition_apply_encode(&apply, &body);
    store_host_forget(asker);
    store_host_write(asker, MESSAGE_PARTITION_APPLY, buffer_slice(&body));
    store_host_commit(asker);
    assert_true(store_host_find(&asker->late, MESSAGE_PARTITION_APPLIED, 0, &frame));
    assert_int_equal(message_partition_applied_decode(frame.body, &applied), STATUS_OK);
    buffer_deinit(&body);
    return applied;
}

/* One page of it. STATUS_NOT_FOUND: the source's log would do. */
static enum status step(struct store_host *asker, struct store_host *source, partition_id partition,
                        bool *done)
{
    struct buffer pull = {0}, page = {0};
    struct partition_place place = place_of(asker, partition, &source->self, 1, &pull);
    assert_int_equal(place.source, source->self);
    enum status status = page_of(source, buffer_slice(&pull), &page);
    if (status == STATUS_OK) {
        struct message_partition_applied applied = give(asker, source->self, &page);
        status = applied.status;
        *done = applied.done;
    }
    buffer_deinit(&pull);
    buffer_deinit(&page);
    return status;
}

static void fill(struct store_host *asker, struct store_host *source)
{
    for (partition_id p = 0; p < 16; p++) {
        bool done = false;
        enum status status = STATUS_OK;
        for (unsigned pages = 0; status == STATUS_OK && !done; pages++) {
            status = step(asker, source, p, &done);
            assert_true(pages < 100);
        }
        assert_true(done || status == STATUS_NOT_FOUND);
    }
}

static void assert_equal_replicas(struct store_host *a, struct store_host *b)
{
    for (partition_id p = 0; p < 16; p++) {
        struct message_digest_result x = store_host_digest(a, p), y = store_host_digest(b, p);
        assert_true(x.clock_digest == y.clock_digest);
        assert_true(x.content_digest == y.content_digest);
    }
}

/* ---- tests --------------------------------------------------------------------------------- */

static void what_all_owners_have_leaves_the_log_once_it_rests(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host hosts[3];
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        init(&hosts[i], ring, (node_id)(i + 1), 1, 1 << 30);
    write_many(&hosts[0], "v");
    report_all(&hosts[0], (struct store_host *const[]){&hosts[1], &hosts[2]}, 2);
    collect(&hosts[0]);
    collect(&hosts[0]);
    assert_int_equal(log_records(&hosts[0]), KEYS); /* the others have none of it */
    write_many(&hosts[0], "w");
    fill(&hosts[1], &hosts[0]);
    report_all(&hosts[0], (struct store_host *const[]){&hosts[1], &hosts[2]}, 2);
    collect(&hosts[0]);
    collect(&hosts[0]);
    assert_int_equal(log_records(&hosts[0]), 2 * KEYS); /* nor has the third */
    for (unsigned i = 0; i < 3; i++)
        store_host_deinit(&hosts[i]);
    ring_free(ring);
}

static void a_single_owner_needs_no_log(void **state)
{
    struct ring *ring = store_host_ring("eu:1");
    struct store_host host;
    (void)state;
    init(&host, ring, 1, 1, 1 << 30);
    write_many(&host, "v");
    collect(&host);
    assert_int_equal(log_records(&host), KEYS); /* it may go on: a checkpoint each time is dear */
    collect(&host);
    assert_int_equal(log_records(&host), 0);
    store_host_restart(&host);
    store_host_assert_value(&host, "{same}7", "v");
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_partition_comes_whole_when_the_log_was_cut(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host away, here;
    (void)state;
    init(&away, ring, 1, 1, 1 << 30);
    init(&here, ring, 2, 1, 1000);
    write_many(&here, "v");
    write_many(&here, "w");
    collect(&here);
    assert_true(log_records(&here) < KEYS / 2); /* down to the share of each */
    fill(&away, &here);
    assert_equal_replicas(&away, &here);
    store_host_assert_value(&away, "{same}7", "w");
    store_host_restart(&away);
    assert_equal_replicas(&away, &here);
    fill(&away, &here); /* the log says that nothing is lacking */
    store_host_deinit(&away);
    store_host_deinit(&here);
    ring_free(ring);
}

/* Else the asker would find it cut again when it has all, and begin once more. */
static void the_log_is_kept_for_who_is_sent_the_partition(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host away, here;
    bool done = false;
    (void)state;
    init(&away, ring, 1, 1, 1 << 30);
    init(&here, ring, 2, 1, 1000);
    write_many(&here, "v");
    collect(&here);
    for (partition_id p = 0; p < 16; p++)
        step(&away, &here, p, &done);
    size_t before = log_records(&here);
    write_many(&here, "w");
    collect(&here);
    collect(&here);
    assert_true(log_records(&here) >= KEYS);
    assert_true(log_records(&here) <= before + KEYS);
    here.now.mono_us += UINT64_C(61000000); /* nobody asks any more */
    collect(&here);
    assert_true(log_records(&here) < KEYS);
    store_host_deinit(&away);
    store_host_deinit(&here);
    ring_free(ring);
}

static void the_source_that_was_begun_with_is_preferred(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host away, here;
    struct buffer pull = {0};
    const node_id sources[] = {3, 2};
    bool done = false;
    (void)state;
    init(&away, ring, 1, 1, 1 << 30);
    init(&here, ring, 2, 1, 1000);
    write_many(&here, "v");
    partition_id partition = store_host_partition(&here, "{same}");
    collect(&here);
    struct partition_place place = place_of(&away, partition, sources, 2, &pull);
    assert_int_equal(place.source, 3);
    assert_int_equal(place.begun, 0);
    assert_int_equal(step(&away, &here, partition, &done), STATUS_OK);
    assert_false(done);
    store_host_restart(&away);
    place = place_of(&away, partition, sources, 2, &pull);
    assert_int_equal(place.source, 2);
    place = place_of(&away, partition, sources, 1, &pull);
    assert_int_equal(place.source, 3);
    assert_int_equal(place.begun, 2);
    buffer_deinit(&pull);
    store_host_deinit(&away);
    store_host_deinit(&here);
    ring_free(ring);
}

/* What it has is not all of anything, and its clock says so of nothing. */
static void one_that_rebuilds_is_no_source(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host lost, here;
    struct buffer pull = {0}, page = {0};
    (void)state;
    init(&lost, ring, 1, 2, 1 << 30);
    init(&here, ring, 2, 1, 1000);
    place_of(&here, 3, &lost.self, 1, &pull);
    assert_int_equal(page_of(&lost, buffer_slice(&pull), &page), STATUS_NOT_READY);
    assert_int_equal(give(&here, 1, &page).status, STATUS_NOT_READY);
    write_many(&here, "v");
    collect(&here);
    fill(&lost, &here); /* but it is filled */
    store_host_assert_value(&lost, "{same}3", "v");
    buffer_deinit(&pull);
    buffer_deinit(&page);
    store_host_deinit(&lost);
    store_host_deinit(&here);
    ring_free(ring);
}

static void pages_that_are_out_of_turn_or_broken_do_no_harm(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host away, here;
    struct buffer pull = {0}, page = {0};
    (void)state;
    init(&away, ring, 1, 1, 1 << 30);
    init(&here, ring, 2, 1, 1000);
    write_many(&here, "v");
    partition_id partition = store_host_partition(&here, "{same}");
    collect(&here);
    place_of(&away, partition, &here.self, 1, &pull);
    assert_int_equal(page_of(&here, buffer_slice(&pull), &page), STATUS_OK);
    assert_int_equal(give(&away, 2, &page).status, STATUS_OK);
    assert_int_equal(give(&away, 2, &page).status, STATUS_INVALID);
    page.data[page.length - 1] ^= 0x40;
    for (size_t length = 0; length < page.length; length += 7) {
        struct buffer cut = {0};
        buffer_append(&cut, page.data, length);
        assert_int_not_equal(give(&away, 2, &cut).status, STATUS_OK);
        buffer_deinit(&cut);
    }
    bool done = false;
    while (!done)
        assert_int_equal(step(&away, &here, partition, &done), STATUS_OK);
    assert_true(store_host_digest(&away, partition).clock_digest ==
                store_host_digest(&here, partition).clock_digest);
    buffer_deinit(&pull);
    buffer_deinit(&page);
    store_host_deinit(&away);
    store_host_deinit(&here);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_owners_have_leaves_the_log_once_it_rests),
        cmocka_unit_test(a_single_owner_needs_no_log),
        cmocka_unit_test(a_partition_comes_whole_when_the_log_was_cut),
        cmocka_unit_test(the_log_is_kept_for_who_is_sent_the_partition),
        cmocka_unit_test(the_source_that_was_begun_with_is_preferred),
        cmocka_unit_test(one_that_rebuilds_is_no_source),
        cmocka_unit_test(pages_that_are_out_of_turn_or_broken_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
