/*
 * test_deadlines.c - the end of a key's elements at three owners: made, put off, passed, swept.
 */
#include "garbage_host.h"

#include "causal/counter.h"
#include "causal/deadline.h"
#include "replica/collection.h"
#include "replica/expiry.h"
#include "replica/replica_cells.h"
#include "ring/element_key.h"

enum { WALL = GARBAGE_HOST_WALL_MS, END = WALL + 100, HOSTS = 3 };

static struct slice key(void)
{
    return slice_text("k");
}

static hybrid_time at_ms(uint64_t ms)
{
    return ms << 16;
}

static void name_of(const struct garbage_host *host, const char *element, struct buffer *out)
{
    buffer_clear(out);
    element_key_encode(key(), COLLECTION_HASH, slice_text(element), host->context.position_seed,
                       out);
}

/* Encoded, as a read quorum that knows nothing has it. */
static void put_empty(struct buffer *out)
{
    struct buffer cell = {0};
    cell_encode(&(struct cell){0}, true, &cell);
    buffer_put_bytes(out, buffer_slice(&cell));
    buffer_deinit(&cell);
}

static struct replica_past past_of(struct garbage_host *host)
{
    struct buffer cells = {0};
    struct replica_past past;
    put_empty(&cells);
    assert_int_equal(
        replica_join_past(&host->replica, 0, key(), buffer_slice(&cells), &host->context, &past),
        STATUS_OK);
    buffer_deinit(&cells);
    return past;
}

/* As HSET, or HINCRBY of 1; at the host and at those behind it. */
static void change(struct garbage_host *hosts, unsigned count, const char *element,
                   enum register_operation operation)
{
    struct garbage_host *host = &hosts[0];
    struct buffer name = {0}, old = {0}, delivery = {0};
    struct mutation mutation = {.operation = operation, .value = slice_text("1")};
    struct replica_past past = past_of(host);
    struct replica_minted minted;
    name_of(host, element, &name);
    struct replica_mint mint = {.keyspace = KEYSPACE_ELEMENTS,
                                .policy = MERGE_ELEMENTS,
                                .key = buffer_slice(&name),
                                .mutation = &mutation,
                                .past = &past.past};
    assert_int_equal(
        replica_mint(&host->replica, &mint, false, &host->context, &minted, &old, &delivery),
        STATUS_OK);
    garbage_host_commit(host);
    for (unsigned i = 1; i < count; i++) {
        garbage_host_apply(&hosts[i], &delivery, MERGE_ELEMENTS);
        garbage_host_commit(&hosts[i]);
    }
    past_deinit(&past.past);
    buffer_deinit(&name);
    buffer_deinit(&old);
    buffer_deinit(&delivery);
}

static void set(struct garbage_host *hosts, unsigned count, const char *element)
{
    change(hosts, count, element, REGISTER_SET);
}

static int64_t end(struct garbage_host *hosts, unsigned count, const struct mutation *mutation)
{
    struct buffer cell = {0}, delivery = {0};
    struct replica_minted minted;
    cell_encode(&(struct cell){0}, true, &cell);
    struct replica_deadline wish = {
        .key = key(), .read_cell = buffer_slice(&cell), .mutation = mutation};
    assert_int_equal(
        replica_set_deadline(&hosts[0].replica, &wish, &hosts[0].context, &minted, &delivery),
        STATUS_OK);
    garbage_host_commit(&hosts[0]);
    for (unsigned i = 1; i < count && minted.written; i++) {
        garbage_host_apply(&hosts[i], &delivery, MERGE_LWW);
        garbage_host_commit(&hosts[i]);
    }
    buffer_deinit(&cell);
    buffer_deinit(&delivery);
    return minted.number;
}

static int64_t expire(struct garbage_host *hosts, unsigned count, uint64_t expire_at_ms)
{
    return end(hosts, count,
               &(struct mutation){.operation = REGISTER_EXPIRE, .expire_at_ms = expire_at_ms});
}

/* What the element shows there; "" for nothing. */
static void assert_shown(struct garbage_host *host, const char *element, const char *value)
{
    struct buffer name = {0}, text = {0};
    struct replica_past past = past_of(host);
    struct local_cell local;
    struct sibling shown;
    name_of(host, element, &name);
    assert_int_equal(
        local_cell_load(&host->context, KEYSPACE_ELEMENTS, buffer_slice(&name), &local), STATUS_OK);
    cell_drop_past(&local.cell, &past.past);
    bool visible = cell_shown(&local.cell, host->context.wall_ms, &text, &shown);
    assert_int_equal(visible, value[0] != '\0');
    if (visible)
        assert_true(slice_equal(shown.value, slice_text(value)));
    local_cell_deinit(&local);
    past_deinit(&past.past);
    buffer_deinit(&name);
    buffer_deinit(&text);
}

static bool has_cell(struct garbage_host *host, const char *element)
{
    struct buffer name = {0};
    struct local_cell local;
    name_of(host, element, &name);
    assert_int_equal(
        local_cell_load(&host->context, KEYSPACE_ELEMENTS, buffer_slice(&name), &local), STATUS_OK);
    bool present = local.present;
    local_cell_deinit(&local);
    buffer_deinit(&name);
    return present;
}

static void set_clocks(struct garbage_host *hosts, uint64_t wall_ms)
{
    for (unsigned i = 0; i < HOSTS; i++)
        hosts[i].context.wall_ms = wall_ms;
}

static struct expiry_outcome drop(struct garbage_host *host, uint64_t safe_ms)
{
    struct expiry_outcome outcome = {0};
    host->context.may_mint = true;
    assert_int_equal(expiry_drop(&host->replica, at_ms(safe_ms), &host->stability, 1000,
                                 &host->context, &outcome),
                     STATUS_OK);
    garbage_host_commit(host);
    host->context.groups++; /* as the store side does */
    host->context.expiry_indexed = false;
    return outcome;
}

static void pull(struct garbage_host *asker, struct garbage_host *answerer)
{
    struct sync_question question = {.flags = SYNC_ALL};
    struct sync_answer answer;
    struct buffer deliveries = {0};
    clock_copy(&asker->replica.clock, &question.clock);
    assert_int_equal(replica_sync_answer(&answerer->replica, &question, 0, 1 << 20,
                                         &answerer->context, &answer, &deliveries),
                     STATUS_OK);
    struct reader reader = reader_make(buffer_slice(&deliveries));
    for (uint32_t i = 0; i < answer.delivery_count; i++) {
        struct cell_delivery delivery;
        bool changed;
        cell_delivery_decode(&reader, &delivery);
        assert_int_equal(
            replica_apply(&asker->replica, &delivery,
                          keyspace_has_elements(delivery.keyspace) ? MERGE_ELEMENTS : MERGE_LWW,
                          &asker->context, &changed),
            STATUS_OK);
    }
    garbage_host_commit(asker);
    clock_deinit(&question.clock);
    buffer_deinit(&deliveries);
}

static void begin(struct garbage_host *hosts)
{
    for (unsigned i = 0; i < HOSTS; i++)
        garbage_host_init(&hosts[i], (node_id)(i + 1));
}

static void finish(struct garbage_host *hosts)
{
    for (unsigned i = 0; i < HOSTS; i++)
        garbage_host_deinit(&hosts[i]);
}

static void all_die_at_the_end_and_nothing_that_comes_after_it(void **state)
{
    struct garbage_host hosts[HOSTS];
    (void)state;
    begin(hosts);
    set(hosts, HOSTS, "a");
    assert_int_equal(expire(hosts, HOSTS, END), 1);
    set_clocks(hosts, END - 1);
    set(hosts, HOSTS, "b");
    assert_shown(&hosts[1], "a", "1");
    assert_shown(&hosts[1], "b", "1");
    set_clocks(hosts, END);
    assert_shown(&hosts[1], "a", "");
    assert_shown(&hosts[1], "b", "");
    set(&hosts[1], 2, "c");
    assert_shown(&hosts[1], "c", "1");
    assert_shown(&hosts[2], "c", "1");
    set_clocks(hosts, END + 1000000);
    assert_shown(&hosts[2], "c", "1");
    finish(hosts);
}

/* L2: else the sum of before would go on in it. */
static void what_counts_begins_anew_after_the_end(void **state)
{
    struct garbage_host hosts[HOSTS];
    (void)state;
    begin(hosts);
    change(hosts, HOSTS, "n", REGISTER_INCREMENT);
    change(hosts, HOSTS, "n", REGISTER_INCREMENT);
    expire(hosts, HOSTS, END);
    assert_shown(&hosts[2], "n", "2");
    hosts[1].context.clock->last = at_ms(END); /* it has heard of such a time; its wall clock is
                                                  behind */
    change(&hosts[1], 2, "n", REGISTER_INCREMENT);
    set_clocks(hosts, END);
    assert_shown(&hosts[1], "n", "1");
    assert_shown(&hosts[2], "n", "1");
    finish(hosts);
}

/* L3. */
static void a_new_end_does_not_bring_back_what_the_old_one_took(void **state)
{
    struct garbage_host hosts[HOSTS];
    (void)state;
    begin(hosts);
    set(hosts, HOSTS, "a");
    expire(hosts, HOSTS, END);
    set_clocks(hosts, END);
    set(&hosts[1], 2, "b");
    assert_int_equal(expire(&hosts[1], 2, END + 500), 1);
    assert_shown(&hosts[1], "a", "");
    assert_shown(&hosts[2], "a", "");
    assert_shown(&hosts[2], "b", "1");
    assert_int_equal(end(&hosts[1], 2, &(struct mutation){.operation = REGISTER_PERSIST}), 1);
    assert_int_equal(end(&hosts[1], 2, &(struct mutation){.operation = REGISTER_PERSIST}), 0);
    set_clocks(hosts, END + 1000);
    assert_shown(&hosts[2], "a", "");
    assert_shown(&hosts[2], "b", "1");
    finish(hosts);
}

/* Times that are ahead of the wall clock are no reason to end anything early. */
static void an_end_is_never_before_what_is_there(void **state)
{
    struct garbage_host hosts[HOSTS];
    (void)state;
    begin(hosts);
    hosts[0].context.clock->last = at_ms(END + 50);
    set(hosts, HOSTS, "a");
    assert_int_equal(expire(hosts, HOSTS, END), 1);
    set_clocks(hosts, END + 50);
    assert_shown(&hosts[1], "a", "1");
    set_clocks(hosts, END + 51);
    assert_shown(&hosts[1], "a", "");
    assert_int_equal(expire(hosts, HOSTS, WALL), DEADLINE_HAS_PASSED);
    finish(hosts);
}

static void sweep_all(struct garbage_host *hosts, uint64_t safe_ms)
{
    for (unsigned i = 0; i < HOSTS; i++)
        drop(&hosts[i], safe_ms);
    drop(&hosts[0], safe_ms);
}

/* Only the maker of the deadline does it, and in a group after the one in which all was known. */
static void one_owner_sweeps_past_the_safe_time(void **state)
{
    struct garbage_host hosts[HOSTS];
    (void)state;
    begin(hosts);
    set(hosts, HOSTS, "a");
    change(hosts, HOSTS, "n", REGISTER_INCREMENT);
    expire(hosts, HOSTS, END);
    set_clocks(hosts, END + 500);
    set(&hosts[1], 2, "b");
    garbage_host_report_all(hosts, HOSTS);
    assert_int_equal(drop(&hosts[0], END).dropped, 0); /* in its millisecond more may come */
    assert_int_equal(drop(&hosts[1], END + 1).dropped, 0);
    assert_int_equal(drop(&hosts[1], END + 1).dropped, 0);
    assert_int_equal(drop(&hosts[0], END + 1).dropped, 0);
    assert_int_equal(drop(&hosts[0], END + 1).dropped, 2);
    for (unsigned i = 1; i < HOSTS; i++)
        pull(&hosts[i], &hosts[0]);
    pull(&hosts[0], &hosts[1]);
    for (unsigned i = 0; i < HOSTS; i++) {
        assert_shown(&hosts[i], "a", "");
        assert_shown(&hosts[i], "n", "");
        assert_shown(&hosts[i], "b", "1");
    }
    garbage_host_report_all(hosts, HOSTS);
    for (unsigned i = 0; i < HOSTS; i++) {
        garbage_host_ripen(&hosts[i]);
        assert_int_equal(garbage_host_purge(&hosts[i]), 3); /* two elements, and the key's cell */
        assert_false(has_cell(&hosts[i], "a"));
        assert_false(has_cell(&hosts[i], "n"));
        assert_false(garbage_host_has_cell(&hosts[i], "k"));
        assert_shown(&hosts[i], "b", "1");
        assert_int_equal(garbage_host_records(&hosts[i], 'E'), 0);
    }
    finish(hosts);
}

/* L5: an EXPIRE that the sweeper has not seen stays as it was asked for. */
static void a_sweep_does_not_undo_a_new_end(void **state)
{
    struct garbage_host hosts[HOSTS];
    struct replica_past past;
    (void)state;
    begin(hosts);
    set(hosts, HOSTS, "a");
    expire(hosts, HOSTS, END);
    set_clocks(hosts, END + 500);
    set(&hosts[1], 1, "b");
    assert_int_equal(expire(&hosts[1], 1, END + 5000), 1);
    set_clocks(hosts, END + 600);
    garbage_host_report_all(hosts, HOSTS);
    sweep_all(hosts, END + 1);
    pull(&hosts[1], &hosts[0]);
    pull(&hosts[0], &hosts[1]);
    for (unsigned i = 0; i < 2; i++) {
        past = past_of(&hosts[i]);
        assert_int_equal(past.deadline.expire_at_ms, END + 5000);
        past_deinit(&past.past);
        assert_shown(&hosts[i], "b", "1");
        assert_shown(&hosts[i], "a", "");
    }
    finish(hosts);
}

/* A delete takes the end that is to come; what has ended stays dead beside it. */
static void a_delete_takes_the_end_along(void **state)
{
    struct garbage_host hosts[HOSTS];
    struct buffer cell = {0}, delivery = {0};
    struct replica_minted minted;
    (void)state;
    begin(hosts);
    cell_encode(&(struct cell){0}, true, &cell);
    set(hosts, HOSTS, "a");
    expire(hosts, HOSTS, END);
    struct replica_cut cut = {
        .key = key(), .read_cell = buffer_slice(&cell), .seen = &hosts[0].replica.clock};
    assert_int_equal(replica_cut(&hosts[0].replica, &cut, &hosts[0].context, &minted, &delivery),
                     STATUS_OK);
    garbage_host_commit(&hosts[0]);
    garbage_host_apply(&hosts[1], &delivery, MERGE_LWW);
    garbage_host_commit(&hosts[1]);
    set(hosts, 2, "b");
    set_clocks(hosts, END + 1);
    assert_shown(&hosts[1], "a", "");
    assert_shown(&hosts[1], "b", "1");
    buffer_deinit(&cell);
    buffer_deinit(&delivery);
    finish(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_die_at_the_end_and_nothing_that_comes_after_it),
        cmocka_unit_test(what_counts_begins_anew_after_the_end),
        cmocka_unit_test(a_new_end_does_not_bring_back_what_the_old_one_took),
        cmocka_unit_test(an_end_is_never_before_what_is_there),
        cmocka_unit_test(one_owner_sweeps_past_the_safe_time),
        cmocka_unit_test(a_sweep_does_not_undo_a_new_end),
        cmocka_unit_test(a_delete_takes_the_end_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
