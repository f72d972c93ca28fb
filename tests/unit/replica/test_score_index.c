/*
 * test_score_index.c - the score index says what the cells say, whatever brought them.
 */
#include "garbage_host.h"

#include <stdio.h>

#include "base/random.h"
#include "causal/score.h"
#include "replica/scrub.h"
#include "ring/element_key.h"
#include "wire/record_order.h"

static struct buffer name_of(const struct garbage_host *host, const char *member)
{
    struct buffer name = {0};
    element_key_encode(slice_text("z"), COLLECTION_ZSET, slice_text(member),
                       host->context.position_seed, &name);
    return name;
}

/* ZADD, ZINCRBY or ZREM. */
static void mint(struct garbage_host *host, const char *member, struct mutation mutation,
                 struct buffer *delivery)
{
    struct buffer name = name_of(host, member), old = {0};
    struct replica_mint wish = {.keyspace = KEYSPACE_ELEMENTS,
                                .policy = MERGE_ELEMENTS,
                                .key = buffer_slice(&name),
                                .mutation = &mutation};
    struct replica_minted minted;
    buffer_clear(delivery);
    assert_int_equal(
        replica_mint(&host->replica, &wish, false, &host->context, &minted, &old, delivery),
        STATUS_OK);
    garbage_host_commit(host);
    buffer_deinit(&name);
    buffer_deinit(&old);
}

static void set(struct garbage_host *host, const char *member, const char *score,
                struct buffer *delivery)
{
    mint(host, member, (struct mutation){.operation = REGISTER_SET, .value = slice_text(score)},
         delivery);
}

static void add(struct garbage_host *host, const char *member, const char *amount,
                struct buffer *delivery)
{
    mint(host, member,
         (struct mutation){.operation = REGISTER_INCREMENT,
                           .flags = MUTATION_DECIMAL,
                           .value = slice_text(amount)},
         delivery);
}

/* What the index says of the member by that score; false: nothing. */
static bool says(struct garbage_host *host, const char *member, double score,
                 struct order_value *out)
{
    struct buffer name = {0}, value = {0}, element = name_of(host, member);
    uint64_t position = replica_position(&host->context, KEYSPACE_ELEMENTS, buffer_slice(&element));
    record_order_prefix(position, 0, slice_text("z"), ORDER_SCORES, &name);
    buffer_put_u64(&name, score_to_order(score));
    buffer_append_slice(&name, slice_text(member));
    bool there = host->port.get(host->port.context, buffer_slice(&name), &value) == STATUS_OK;
    if (there)
        assert_int_equal(order_value_decode(buffer_slice(&value), out), STATUS_OK);
    buffer_deinit(&name);
    buffer_deinit(&value);
    buffer_deinit(&element);
    return there;
}

static void assert_records(struct garbage_host *host, size_t count)
{
    assert_int_equal(garbage_host_records(host, RECORD_ORDER), count);
}

static void a_member_stands_at_the_score_that_was_set(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    struct order_value value;
    (void)state;
    garbage_host_init(&host, 1);
    set(&host, "a", "5", &delivery);
    assert_true(says(&host, "a", 5, &value));
    assert_false(value.looks);
    struct dot first = value.dot;
    set(&host, "a", "5", &delivery); /* the same score, by a newer version */
    assert_true(says(&host, "a", 5, &value));
    assert_true(value.dot.sequence > first.sequence);
    set(&host, "a", "-7.5", &delivery);
    assert_false(says(&host, "a", 5, &value));
    assert_true(says(&host, "a", -7.5, &value));
    assert_records(&host, 1);
    mint(&host, "a", (struct mutation){.operation = REGISTER_DELETE}, &delivery);
    assert_records(&host, 0);
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

/* Z1: which of two rivals stands, another owner may know better. */
static void rivals_stand_at_both_scores_and_must_be_looked_at(void **state)
{
    struct garbage_host one, two;
    struct buffer from_one = {0}, from_two = {0};
    struct order_value value;
    (void)state;
    garbage_host_init(&one, 1);
    garbage_host_init(&two, 2);
    set(&one, "a", "1", &from_one);
    set(&two, "a", "2", &from_two);
    garbage_host_apply(&one, &from_two, MERGE_ELEMENTS);
    garbage_host_commit(&one);
    assert_true(says(&one, "a", 1, &value) && value.looks);
    assert_true(says(&one, "a", 2, &value) && value.looks);
    set(&one, "a", "3", &from_one); /* has seen both */
    assert_records(&one, 1);
    garbage_host_apply(&two, &from_one, MERGE_ELEMENTS);
    garbage_host_commit(&two);
    assert_records(&two, 1);
    assert_true(says(&two, "a", 3, &value) && !value.looks);
    buffer_deinit(&from_one);
    buffer_deinit(&from_two);
    garbage_host_deinit(&one);
    garbage_host_deinit(&two);
}

/* Z3. */
static void what_counts_is_marked_and_looked_at(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0};
    struct order_value value;
    (void)state;
    garbage_host_init(&host, 1);
    set(&host, "a", "5", &delivery);
    add(&host, "a", "2.5", &delivery);
    assert_true(says(&host, "a", 7.5, &value) && value.looks);
    assert_records(&host, 3); /* and that it counts, and the score that was set */
    add(&host, "b", "1", &delivery);
    assert_true(says(&host, "b", 1, &value) && value.looks);
    set(&host, "a", "1", &delivery); /* takes back what it has seen */
    set(&host, "b", "1", &delivery);
    assert_true(says(&host, "a", 1, &value));
    buffer_deinit(&delivery);
    garbage_host_deinit(&host);
}

static void scrub(struct garbage_host *host)
{
    struct scrub_step step = {0};
    struct scrub_result result;
    replica_scrub_begin(&host->replica, &host->context);
    while (!step.done)
        assert_int_equal(replica_scrub_step(&host->replica, 1000, 1 << 20, &host->context, &step),
                         STATUS_OK);
    replica_scrub_finish(&host->replica, &host->context, &result);
    garbage_host_commit(host);
}

/* Z4. */
static void a_scrub_makes_records_that_are_missing(void **state)
{
    struct garbage_host host;
    struct buffer delivery = {0}, batch = {0};
    struct order_value value;
    const uint8_t kind = RECORD_ORDER;
    (void)state;
    garbage_host_init(&host, 1);
    set(&host, "a", "5", &delivery);
    set(&host, "b", "6", &delivery);
    struct store_iterator *iterator = host.port.iterator_new(host.port.context);
    host.port.seek(iterator, slice_make(&kind, 1));
    assert_true(host.port.valid(iterator));
    store_batch_delete(&batch, host.port.key(iterator));
    host.port.iterator_free(iterator);
    memory_store_apply(&host.store, buffer_slice(&batch));
    assert_records(&host, 1);
    scrub(&host);
    assert_true(says(&host, "a", 5, &value));
    assert_true(says(&host, "b", 6, &value));
    assert_records(&host, 2);
    buffer_deinit(&delivery);
    buffer_deinit(&batch);
    garbage_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_stands_at_the_score_that_was_set),
        cmocka_unit_test(rivals_stand_at_both_scores_and_must_be_looked_at),
        cmocka_unit_test(what_counts_is_marked_and_looked_at),
        cmocka_unit_test(a_scrub_makes_records_that_are_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
