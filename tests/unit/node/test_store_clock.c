/*
 * test_store_clock.c - the times that a store side issues, when clocks jump and processes die.
 */
#include "store_host.h"

#include <string.h>

#include "base/random.h"
#include "causal/hybrid_time.h"
#include "node/store_clock.h"
#include "wire/record.h"

enum { HOUR_MS = 3600000, SKEW_MS = 500 };

/* ---- a store side, its times and its restarts ----------------------------------------------- */

/* A day after the host's own start, so that the clock can go back an hour. */
static void open_host(struct store_host *host, struct ring *ring)
{
    store_host_init(host, ring, 1, 1);
    host->now.wall_ms = 24 * HOUR_MS;
    store_host_open(host);
    store_host_forget(host);
}

/* As a new process on the same disk. `stored`: the batch under way reached it. */
static void restart_process(struct store_host *host, bool stored)
{
    struct memory_store store = host->store;
    struct ring *ring = host->ring;
    struct instant now = host->now;
    uint32_t boot_epoch = host->boot_epoch + 1;
    if (stored)
        memory_store_apply(&store, buffer_slice(&host->out.batch));
    host->store = (struct memory_store){0};
    store_host_deinit(host);
    store_host_init(host, ring, 1, 1);
    host->store = store;
    host->now = now;
    host->boot_epoch = boot_epoch;
    store_host_open(host);
}

static void end_process(struct store_host *host)
{
    store_side_close(host->side, &host->out);
    memory_store_apply(&host->store, buffer_slice(&host->out.batch));
    store_output_clear(&host->out);
}

static void mint(struct store_host *host, const char *key)
{
    struct key_entry entry = {.key = slice_text(key)};
    entry.mutation = (struct mutation){.operation = REGISTER_SET, .value = slice_text("v")};
    struct key_request request = {.kind = KEY_WRITE,
                                  .partition = store_host_partition(host, key),
                                  .entry_count = 1,
                                  .entries = &entry};
    store_host_forget(host);
    store_host_mint(host, &request);
}

/* What the frames say of the latest mint; `time` gets that of its version, 0 when there is none. */
static enum status minted(const struct buffer *frames, hybrid_time *time)
{
    struct frame frame;
    struct message_minted answer;
    struct message_replicate replicate;
    struct cell_delivery delivery;
    struct cell cell;
    *time = 0;
    assert_true(store_host_find(frames, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &answer), STATUS_OK);
    if (answer.status != STATUS_OK)
        return answer.status;
    assert_int_equal(message_replicate_decode(answer.replicate, &replicate), STATUS_OK);
    struct reader reader = reader_make(replicate.deliveries);
    cell_delivery_decode(&reader, &delivery);
    reader = reader_make(delivery.cell);
    cell_decode(&reader, &cell);
    *time = cell_time_max(&cell);
    cell_deinit(&cell);
    return STATUS_OK;
}

/* A write that is committed: its time, wherever its answer stands. */
static hybrid_time write_time(struct store_host *host, const char *key)
{
    hybrid_time time;
    mint(host, key);
    bool early = store_host_count(&host->early, MESSAGE_MINTED) > 0;
    store_host_commit(host);
    assert_int_equal(minted(early ? &host->early : &host->late, &time), STATUS_OK);
    return time;
}

/* A write, and the body that the other owners get of it. */
static hybrid_time take_write(struct store_host *host, const char *key, struct buffer *body)
{
    struct frame frame;
    struct message_minted answer;
    hybrid_time time = write_time(host, key);
    bool early = store_host_count(&host->early, MESSAGE_MINTED) > 0;
    assert_true(store_host_find(early ? &host->early : &host->late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &answer), STATUS_OK);
    buffer_append_slice(body, answer.replicate);
    return time;
}

/* Another owner sends a write; what it hears after the commit. */
static enum status replicate(struct store_host *host, const struct buffer *body)
{
    struct frame frame;
    struct message_replicated answer;
    store_host_forget(host);
    store_host_write(host, MESSAGE_REPLICATE, buffer_slice(body));
    store_host_commit(host);
    assert_true(store_host_find(&host->late, MESSAGE_REPLICATED, 0, &frame));
    assert_int_equal(message_replicated_decode(frame.body, &answer), STATUS_OK);
    return answer.status;
}

/* When the first event of the key's partition was written, by its log. */
static uint64_t first_log_ms(struct store_host *host, const char *key)
{
    struct buffer name = {0}, value = {0};
    struct log_record record;
    record_log_name(store_host_partition(host, key), 1, &name);
    assert_int_equal(host->port.get(host->port.context, buffer_slice(&name), &value), STATUS_OK);
    assert_int_equal(log_record_decode(buffer_slice(&value), &record), STATUS_OK);
    clock_deinit(&record.dots);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return record.written_ms;
}

static void assert_refused(struct store_host *host, const char *key)
{
    hybrid_time time;
    mint(host, key);
    assert_int_equal(host->out.batch.length, 0);
    store_host_commit(host);
    assert_int_equal(minted(&host->late, &time), STATUS_CLOCK_SKEW);
}

static uint64_t mint_from_ms(const struct buffer *frames)
{
    struct frame frame;
    struct message_mint_from from;
    assert_true(store_host_find(frames, MESSAGE_MINT_FROM, 0, &frame));
    assert_int_equal(message_mint_from_decode(frame.body, &from), STATUS_OK);
    return from.wall_ms;
}

static hybrid_time stored_ceiling(struct store_host *host)
{
    struct buffer name = {0}, value = {0};
    hybrid_time ceiling = 0;
    record_ceiling_name(&name);
    enum status status = host->port.get(host->port.context, buffer_slice(&name), &value);
    if (status == STATUS_OK)
        assert_int_equal(ceiling_record_decode(buffer_slice(&value), &ceiling), STATUS_OK);
    else
        assert_int_equal(status, STATUS_NOT_FOUND);
    buffer_deinit(&name);
    buffer_deinit(&value);
    return ceiling;
}

static void tell(struct store_host *host, bool skewed, int64_t base_us)
{
    struct buffer body = {0};
    message_clock_encode(&(struct message_clock){.skewed = skewed, .base_us = base_us}, &body);
    store_host_write(host, MESSAGE_CLOCK, buffer_slice(&body));
    buffer_deinit(&body);
}

static int64_t base_us(const struct store_host *host)
{
    return (int64_t)(host->now.wall_ms * 1000) - (int64_t)host->now.mono_us;
}

/* ---- the ceiling ---------------------------------------------------------------------------- */

/* Handed over early it could outlive, at other owners, a ceiling that was never synced. */
static void a_time_above_the_ceiling_waits_for_the_batch_that_raises_it(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    hybrid_time time;
    (void)state;
    open_host(&host, ring);
    mint(&host, "k");
    assert_int_equal(store_host_count(&host.early, MESSAGE_MINTED), 0);
    store_host_commit(&host);
    assert_int_equal(minted(&host.late, &time), STATUS_OK);
    assert_true(time <= stored_ceiling(&host));
    mint(&host, "k"); /* from here on the ceiling is ahead */
    assert_int_equal(minted(&host.early, &time), STATUS_OK);
    assert_true(time <= stored_ceiling(&host));
    store_host_commit(&host);
    host.now.wall_ms += STORE_CLOCK_AHEAD_MS + 1; /* idle: now it is not */
    mint(&host, "k");
    assert_int_equal(store_host_count(&host.early, MESSAGE_MINTED), 0);
    store_host_commit(&host);
    store_host_deinit(&host);
    ring_free(ring);
}

/* Under load it is renewed ahead of time, so no answer waits for it, and not in every batch. */
static void the_ceiling_is_renewed_when_less_than_a_second_is_left(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    unsigned renewals = 0;
    (void)state;
    open_host(&host, ring);
    write_time(&host, "k");
    for (int i = 0; i < 1000; i++) {
        hybrid_time before = stored_ceiling(&host), time;
        host.now.wall_ms += 10;
        mint(&host, "k");
        assert_int_equal(minted(&host.early, &time), STATUS_OK);
        assert_true(time <= before);
        store_host_commit(&host);
        renewals += stored_ceiling(&host) != before;
        assert_true(hybrid_time_ms(stored_ceiling(&host)) >=
                    host.now.wall_ms + STORE_CLOCK_RENEW_MS);
    }
    assert_in_range(renewals, 9, 10);
    store_host_deinit(&host);
    ring_free(ring);
}

static void work_that_writes_nothing_does_not_renew_the_ceiling(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    open_host(&host, ring);
    write_time(&host, "k");
    host.now.wall_ms += HOUR_MS;
    hybrid_time before = stored_ceiling(&host);
    store_host_digest(&host, 0);
    tell(&host, false, base_us(&host));
    assert_int_equal(host.out.batch.length, 0);
    store_host_commit(&host);
    assert_true(stored_ceiling(&host) == before);
    store_host_deinit(&host);
    ring_free(ring);
}

/* T2 and T3: an hour of silence is better than a time that is lower, or refused elsewhere. */
static void after_a_restart_with_a_clock_an_hour_back_no_time_is_lower(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    for (int clean = 0; clean < 2; clean++) {
        open_host(&host, ring);
        hybrid_time last = 0;
        for (int i = 0; i < 100; i++) {
            host.now.wall_ms += 7;
            last = write_time(&host, "k");
        }
        uint64_t true_ms = host.now.wall_ms;
        if (clean)
            end_process(&host);
        host.now.wall_ms -= HOUR_MS;
        restart_process(&host, false);
        uint64_t from_ms = mint_from_ms(&host.early);
        uint64_t ahead_ms = clean ? 0 : STORE_CLOCK_AHEAD_MS;
        assert_in_range(from_ms, true_ms - SKEW_MS, true_ms + ahead_ms - SKEW_MS);
        assert_refused(&host, "k");
        assert_refused(&host, "another");
        assert_true(mint_from_ms(&host.late) == from_ms);
        host.now.wall_ms = from_ms - 1;
        assert_refused(&host, "another");
        host.now.wall_ms = from_ms;
        assert_true(write_time(&host, "another") > last);
        store_host_deinit(&host);
    }
    ring_free(ring);
}

/* What was seen of others counts as well: who writes after it must be above it. */
static void a_restart_is_above_the_times_that_others_sent_too(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host, other;
    struct buffer body = {0};
    (void)state;
    open_host(&host, ring);
    store_host_init(&other, ring, 2, 1);
    other.now.wall_ms = host.now.wall_ms + SKEW_MS - 1;
    store_host_open(&other);
    hybrid_time sent = take_write(&other, "k", &body);
    assert_int_equal(replicate(&host, &body), STATUS_OK);
    buffer_deinit(&body);
    assert_true(stored_ceiling(&host) > sent);
    restart_process(&host, false);
    host.now.wall_ms = mint_from_ms(&host.early);
    assert_true(write_time(&host, "another") > sent);
    store_host_deinit(&host);
    store_host_deinit(&other);
    ring_free(ring);
}

/* Neither the version nor its time has left: what comes after may be lower than what was lost. */
static void a_crash_before_the_ceiling_was_synced_has_promised_nothing(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    hybrid_time time;
    (void)state;
    for (int stored = 0; stored < 2; stored++) {
        open_host(&host, ring);
        hybrid_time last = write_time(&host, "k");
        host.now.wall_ms += 10 * STORE_CLOCK_AHEAD_MS;
        mint(&host, "k");
        assert_int_equal(store_host_count(&host.early, MESSAGE_MINTED), 0);
        assert_int_equal(store_host_count(&host.late, MESSAGE_MINTED), 0);
        restart_process(&host, stored == 1);
        assert_true(stored_ceiling(&host) > last);
        /* When its batch did reach the disk the ceiling did so too. */
        host.now.wall_ms -= 5 * STORE_CLOCK_AHEAD_MS;
        mint(&host, "k");
        store_host_commit(&host);
        assert_int_equal(minted(&host.late, &time), stored ? STATUS_CLOCK_SKEW : STATUS_OK);
        assert_true(stored || time > last);
        store_host_deinit(&host);
    }
    ring_free(ring);
}

/* A failed commit is followed by a new opening in the same process, which knows what it issued. */
static void a_reopened_store_goes_on_at_once_and_above(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    hybrid_time lost;
    (void)state;
    open_host(&host, ring);
    write_time(&host, "k");
    mint(&host, "k");
    assert_int_equal(minted(&host.early, &lost), STATUS_OK);
    store_host_restart(&host);
    assert_true(mint_from_ms(&host.early) <= host.now.wall_ms);
    assert_true(write_time(&host, "k") > lost);
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_clean_end_leaves_the_exact_time(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    open_host(&host, ring);
    hybrid_time last = write_time(&host, "k");
    end_process(&host);
    assert_true(stored_ceiling(&host) == last);
    restart_process(&host, false);
    assert_true(write_time(&host, "k") > last); /* without a wait */
    store_host_deinit(&host);
    ring_free(ring);
}

static void a_ceiling_that_cannot_be_read_keeps_the_store_shut(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    open_host(&host, ring);
    write_time(&host, "k");
    store_host_fail(&host, false);
    record_ceiling_name(&host.store.broken);
    assert_int_equal(store_side_open(host.side, 2, &host.out), STATUS_CORRUPT);
    store_host_deinit(&host);
    ring_free(ring);
}

/* ---- what the loop side says of the clock ---------------------------------------------------- */

static void nothing_is_minted_while_the_clock_is_called_skewed(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host;
    (void)state;
    open_host(&host, ring);
    write_time(&host, "k");
    tell(&host, true, base_us(&host));
    assert_refused(&host, "k");
    tell(&host, false, base_us(&host));
    write_time(&host, "k");
    store_host_deinit(&host);
    ring_free(ring);
}

/* The loop side has looked at the clock a moment ago; since then it was set. */
static void a_clock_that_jumps_after_it_was_looked_at_mints_nothing(void **state)
{
    static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS, SKEW_MS / 2 + 1, -SKEW_MS / 2 - 1};
    struct ring *ring = store_host_ring("eu:3");
    (void)state;
    for (unsigned i = 0; i < sizeof jumps_ms / sizeof jumps_ms[0]; i++) {
        struct store_host host;
        open_host(&host, ring);
        hybrid_time before = write_time(&host, "k");
        tell(&host, false, base_us(&host));
        host.now.wall_ms = (uint64_t)((int64_t)host.now.wall_ms + jumps_ms[i]);
        assert_refused(&host, "k");
        host.now.wall_ms = (uint64_t)((int64_t)host.now.wall_ms - jumps_ms[i]);
        hybrid_time after = write_time(&host, "k");
        assert_true(after > before && hybrid_time_ms(after) == host.now.wall_ms);
        store_host_deinit(&host);
    }
    ring_free(ring);
}

/* A write of another owner comes between the jump and the look at the clock. */
static void a_jump_that_nobody_has_looked_at_leaves_no_trace(void **state)
{
    static const int64_t jumps_ms[] = {HOUR_MS, -HOUR_MS};
    struct ring *ring = store_host_ring("eu:3");
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct store_host host, other;
        struct buffer body = {0};
        open_host(&host, ring);
        open_host(&other, ring);
        tell(&host, false, base_us(&host));
        host.now.wall_ms = (uint64_t)((int64_t)host.now.wall_ms + jumps_ms[i]);
        take_write(&other, "k", &body);
        assert_int_equal(replicate(&host, &body), STATUS_OK);
        assert_in_range(hybrid_time_ms(stored_ceiling(&host)), other.now.wall_ms,
                        other.now.wall_ms + STORE_CLOCK_AHEAD_MS);
        assert_in_range(first_log_ms(&host, "k"), other.now.wall_ms - 1, other.now.wall_ms + 1);
        buffer_deinit(&body);
        store_host_deinit(&host);
        store_host_deinit(&other);
    }
    ring_free(ring);
}

/* By its own clock, an hour behind, it would refuse every write of the others as future. */
static void a_skewed_node_takes_the_writes_of_others_by_the_agreed_time(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host, other;
    struct buffer body = {0};
    (void)state;
    open_host(&host, ring);
    open_host(&other, ring);
    int64_t right_base_us = base_us(&host);
    take_write(&other, "k", &body);
    host.now.wall_ms -= HOUR_MS;
    assert_int_equal(replicate(&host, &body), STATUS_CLOCK_SKEW);
    tell(&host, true, right_base_us);
    assert_int_equal(replicate(&host, &body), STATUS_OK);
    buffer_deinit(&body);
    store_host_deinit(&host);
    store_host_deinit(&other);
    ring_free(ring);
}

/* The ceiling would keep the node from minting for an hour after its clock is right again. */
static void a_clock_that_jumped_does_not_lift_the_ceiling(void **state)
{
    struct ring *ring = store_host_ring("eu:3");
    struct store_host host, other;
    struct frame frame;
    struct message_minted answer;
    (void)state;
    open_host(&host, ring);
    open_host(&other, ring);
    write_time(&other, "k");
    assert_true(store_host_find(&other.late, MESSAGE_MINTED, 0, &frame));
    assert_int_equal(message_minted_decode(frame.body, &answer), STATUS_OK);
    host.now.wall_ms += HOUR_MS;
    store_host_write(&host, MESSAGE_REPLICATE, answer.replicate);
    assert_true(host.out.batch.length > 0);
    store_host_commit(&host);
    assert_true(hybrid_time_ms(stored_ceiling(&host)) < host.now.wall_ms - HOUR_MS / 2);
    store_host_deinit(&host);
    store_host_deinit(&other);
    ring_free(ring);
}

/* ---- promises (T4) --------------------------------------------------------------------------- */

static struct store_clock promising_clock(uint64_t ceiling_ms, int64_t base_us)
{
    return (struct store_clock){.max_skew_ms = SKEW_MS,
                                .ceiling = (hybrid_time)ceiling_ms << 16,
                                .is_told = true,
                                .told = {.base_us = base_us}};
}

static void a_promise_stays_behind_the_wall_clock_and_below_the_ceiling(void **state)
{
    struct instant now = {.wall_ms = HOUR_MS};
    (void)state;
    struct store_clock ahead = promising_clock(HOUR_MS + 2000, (int64_t)HOUR_MS * 1000);
    assert_int_equal(hybrid_time_ms(store_clock_promise(&ahead, now, false)),
                     HOUR_MS - 2 * SKEW_MS);
    struct store_clock idle = promising_clock(HOUR_MS / 2, (int64_t)HOUR_MS * 1000);
    assert_int_equal(hybrid_time_ms(store_clock_promise(&idle, now, false)), HOUR_MS / 2 - SKEW_MS);
    idle.coming = (hybrid_time)(HOUR_MS + 2000) << 16; /* it may be lost */
    assert_int_equal(hybrid_time_ms(store_clock_promise(&idle, now, false)), HOUR_MS / 2 - SKEW_MS);
}

static void a_clock_that_was_not_looked_at_promises_nothing_unless_it_is_alone(void **state)
{
    struct instant now = {.wall_ms = HOUR_MS};
    struct store_clock clock = promising_clock(HOUR_MS, 0);
    (void)state;
    clock.is_told = false;
    assert_int_equal(store_clock_promise(&clock, now, false), 0);
    assert_true(store_clock_promise(&clock, now, true) > 0);
}

/* The wall clock goes back; what was promised does not. */
static void after_a_promise_times_and_judgements_are_later(void **state)
{
    struct instant now = {.wall_ms = HOUR_MS};
    struct store_clock clock = promising_clock(HOUR_MS + 2000, (int64_t)HOUR_MS * 1000);
    (void)state;
    hybrid_time closed = store_clock_promise(&clock, now, false);
    clock.told.base_us = (int64_t)HOUR_MS * 500;
    now.wall_ms = HOUR_MS / 2;
    assert_true(hybrid_clock_next(&clock.hybrid, now.wall_ms, 0) > closed);
    assert_true(store_clock_wall_ms(&clock, now) > hybrid_time_ms(closed));
    assert_true(store_clock_promise(&clock, now, false) == closed);
}

/* Property: whatever the clock shows in the next life, it mints and judges nothing before. */
static void a_promise_outlives_its_process(void **state)
{
    struct random random = random_make(7);
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct instant now = {.wall_ms = HOUR_MS + random_below(&random, 10000)};
        struct store_clock clock =
            promising_clock(HOUR_MS + random_below(&random, 12000), (int64_t)now.wall_ms * 1000);
        clock.hybrid.last = clock.ceiling - random_below(&random, 2000 << 16);
        hybrid_time closed = store_clock_promise(&clock, now, false);
        struct store_clock next = {.max_skew_ms = SKEW_MS, .hybrid.last = clock.ceiling};
        if (random_chance(&random, 1, 2)) { /* a clean end */
            struct buffer batch = {0};
            struct reader reader;
            enum store_operation operation;
            struct slice name, value;
            store_clock_close(&clock, &batch);
            reader = reader_make(buffer_slice(&batch));
            if (store_batch_next(&reader, &operation, &name, &value))
                assert_int_equal(ceiling_record_decode(value, &next.hybrid.last), STATUS_OK);
            buffer_deinit(&batch);
        }
        now.wall_ms = HOUR_MS - 5000 + random_below(&random, 20000);
        if (store_clock_may_mint(&next, now) != STATUS_OK)
            continue;
        assert_true(store_clock_wall_ms(&next, now) >= hybrid_time_ms(closed));
        assert_true(hybrid_clock_next(&next.hybrid, now.wall_ms, 0) > closed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_above_the_ceiling_waits_for_the_batch_that_raises_it),
        cmocka_unit_test(the_ceiling_is_renewed_when_less_than_a_second_is_left),
        cmocka_unit_test(work_that_writes_nothing_does_not_renew_the_ceiling),
        cmocka_unit_test(after_a_restart_with_a_clock_an_hour_back_no_time_is_lower),
        cmocka_unit_test(a_restart_is_above_the_times_that_others_sent_too),
        cmocka_unit_test(a_crash_before_the_ceiling_was_synced_has_promised_nothing),
        cmocka_unit_test(a_reopened_store_goes_on_at_once_and_above),
        cmocka_unit_test(a_clean_end_leaves_the_exact_time),
        cmocka_unit_test(a_ceiling_that_cannot_be_read_keeps_the_store_shut),
        cmocka_unit_test(nothing_is_minted_while_the_clock_is_called_skewed),
        cmocka_unit_test(a_clock_that_jumps_after_it_was_looked_at_mints_nothing),
        cmocka_unit_test(a_jump_that_nobody_has_looked_at_leaves_no_trace),
        cmocka_unit_test(a_skewed_node_takes_the_writes_of_others_by_the_agreed_time),
        cmocka_unit_test(a_clock_that_jumped_does_not_lift_the_ceiling),
        cmocka_unit_test(a_promise_stays_behind_the_wall_clock_and_below_the_ceiling),
        cmocka_unit_test(a_clock_that_was_not_looked_at_promises_nothing_unless_it_is_alone),
        cmocka_unit_test(after_a_promise_times_and_judgements_are_later),
        cmocka_unit_test(a_promise_outlives_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
