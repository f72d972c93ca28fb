/*
 * test_write.c - when a write is answered, and with what.
 */
#include "request_driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static struct key_request with_options(struct key_request request, struct request_options options)
{
    request.options = options;
    return request;
}

static void start_and_mint(struct request_driver *driver, const struct key_request *request)
{
    driver_start(driver, request);
    driver_minted(driver, STATUS_OK, true);
}

static void assert_answer(const struct request_driver *driver, enum status status, uint8_t acks,
                          uint8_t needed)
{
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, status);
    assert_int_equal(driver->result.acks, acks);
    assert_int_equal(driver->result.needed, needed);
}

static void a_blind_write_is_minted_here_and_sent_to_all_others_at_once(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 1);
    driver_start(&driver, &request);
    assert_int_equal(driver.sent_count, 1);
    assert_non_null(driver_find_sent(&driver, 1, MESSAGE_MINT));
    driver_minted(&driver, STATUS_OK, true);
    assert_int_equal(driver.sent_count, 3);
    for (uint8_t owner = 0; owner <= 2; owner += 2) {
        const struct driver_sent *sent = driver_find_sent(&driver, owner, MESSAGE_REPLICATE);
        assert_non_null(sent);
        assert_true(slice_equal(buffer_slice(&sent->body), slice_text("replicate me")));
    }
    assert_false(driver.answered);
    driver_deinit(&driver);
}

/* C1, C3: neither an owner that repeats itself nor one that only took the cell brings it nearer. */
static void ok_comes_exactly_at_the_wth_distinct_durable_ack(void **state)
{
    static const uint8_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    struct request_driver driver;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (uint8_t w = 1; w <= 3; w++) {
        for (size_t order = 0; order < 6; order++) {
            struct key_request request =
                with_options(driver_set("v"), (struct request_options){.w = w});
            start_and_mint(&driver, &request);
            for (uint8_t i = 0; i < 3; i++) {
                assert_int_equal(driver.answered, i >= w);
                driver_replicated(&driver, orders[order][i], STATUS_OK);
                assert_int_equal(driver.answered, i + 1 >= w);
                driver_replicated(&driver, orders[order][i], STATUS_OK);
                assert_int_equal(driver.answered, i + 1 >= w);
            }
            assert_answer(&driver, STATUS_OK, w, w);
            assert_true(driver.result.outcomes[0].written);
            assert_true(coordinated_request_done(driver.request));
            driver_end(&driver);
        }
    }
    driver_deinit(&driver);
}

/* Once answered, the other owners still get their copy, and their answers are awaited. */
static void stragglers_go_on_after_the_answer(void **state)
{
    struct request_driver driver;
    struct key_request request = with_options(driver_set("v"), (struct request_options){.w = 1});
    (void)state;
    driver_init(&driver, "eu:3", 0);
    start_and_mint(&driver, &request);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_true(driver.answered);
    assert_false(coordinated_request_done(driver.request));
    assert_true(coordinated_request_waits_for(driver.request, driver.owners.nodes[2]));
    driver_replicated(&driver, 2, STATUS_OK);
    assert_false(coordinated_request_waits_for(driver.request, driver.owners.nodes[2]));
    assert_false(coordinated_request_done(driver.request));
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    assert_true(coordinated_request_done(driver.request));
    driver_deinit(&driver);
}

static void acknowledge_beside_unseen_increments(struct request_driver *driver, uint8_t owner)
{
    struct message_replicated replicated = {.unseen_increments = true};
    struct buffer body = {0};
    message_replicated_encode(&replicated, &body);
    driver_reply(driver, owner, MESSAGE_REPLICATED, buffer_slice(&body));
    buffer_deinit(&body);
}

/* Increments acknowledged before a SET must not be added to it, though nobody told its owner. */
static void a_blind_write_beside_unseen_increments_is_done_again(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v"), again;
    struct key_contexts contexts;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    start_and_mint(&driver, &request);
    driver_replicated(&driver, 0, STATUS_OK);
    driver.takes_again = true;
    acknowledge_beside_unseen_increments(&driver, 1);
    assert_false(driver.answered);
    assert_true(driver.again.length > 0);
    struct reader reader = reader_make(buffer_slice(&driver.again));
    assert_int_equal(key_request_decode(&reader, &again, &contexts), STATUS_OK);
    assert_int_equal(again.flags, KEY_AGAIN);
    driver_end(&driver);
    driver_start(&driver, &again); /* it reads now */
    assert_null(driver_find_sent(&driver, 0, MESSAGE_MINT));
    assert_non_null(driver_find_sent(&driver, 0, MESSAGE_READ));
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    driver_read_result(&driver, 1, STATUS_OK, NULL);
    driver_minted(&driver, STATUS_OK, true);
    driver_replicated(&driver, 0, STATUS_OK);
    acknowledge_beside_unseen_increments(&driver, 1);
    assert_answer(&driver, STATUS_OK, 2, 2); /* those are later than the read */
    key_contexts_free(&contexts);
    driver_deinit(&driver);
}

/* Two owners acknowledged the increments, so one that reads alone may miss them again. */
static void a_write_done_again_reads_as_many_owners_as_it_writes(void **state)
{
    struct request_driver driver;
    struct key_request request =
        with_options(driver_set("v"), (struct request_options){.r = 1, .w = 2});
    (void)state;
    request.flags = KEY_AGAIN;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    assert_null(driver_find_sent(&driver, 0, MESSAGE_MINT));
    driver_read_result(&driver, 1, STATUS_OK, NULL);
    assert_non_null(driver_find_sent(&driver, 0, MESSAGE_MINT));
    driver_deinit(&driver);
}

/* C2: it has been minted the first time. */
static void a_write_done_again_never_says_that_nothing_was_written(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    request.flags = KEY_AGAIN;
    driver_init(&driver, "eu:3", 0);
    driver.params.usable = 1;
    driver_start(&driver, &request);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_end(&driver);
    driver.params.usable = 7;
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    driver_read_result(&driver, 1, STATUS_OK, NULL);
    driver_minted(&driver, STATUS_OVERLOADED, false);
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

static void too_few_usable_owners_are_refused_at_once_and_nothing_is_sent(void **state)
{
    static const struct {
        owner_mask usable;
        uint8_t w;
        enum status expected;
    } cases[] = {{1, 2, STATUS_UNAVAILABLE},
                 {3, 3, STATUS_UNAVAILABLE},
                 {1, OWNERS_ALL, STATUS_UNAVAILABLE},
                 {7, 4, STATUS_INVALID}};
    struct request_driver driver;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key_request request =
            with_options(driver_set("v"), (struct request_options){.w = cases[i].w});
        driver.params.usable = cases[i].usable;
        driver_start(&driver, &request);
        assert_true(driver.answered);
        assert_int_equal(driver.result.status, cases[i].expected);
        assert_int_equal(driver.sent_count, 0);
        assert_true(coordinated_request_done(driver.request));
        driver_end(&driver);
    }
    driver.params.usable = 3;
    struct key_request request = with_options(driver_set("v"), (struct request_options){.w = 3});
    driver_start(&driver, &request);
    assert_answer(&driver, STATUS_UNAVAILABLE, 2, 3); /* how many there are, how many it takes */
    driver_deinit(&driver);
}

static void a_node_that_may_not_mint_says_so(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver.params.self_ready = false;
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_NOT_READY);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

static void a_keyspace_that_is_not_there_is_named(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    request.keyspace = 3;
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_NO_KEYSPACE);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

/* A message has a bound; what does not fit is refused here, not by an assertion further on. */
static void a_write_that_no_message_can_carry_is_too_large(void **state)
{
    struct request_driver driver;
    char *value = memory_new(MESSAGE_PAYLOAD_BYTES_MAX + 1, 1);
    (void)state;
    memset(value, 'v', MESSAGE_PAYLOAD_BYTES_MAX);
    struct key_request request = driver_set(value);
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    assert_int_equal(driver.sent_count, 0);
    assert_true(coordinated_request_done(driver.request));
    free(value);
    driver_deinit(&driver);
}

static void a_quorum_that_dies_in_flight_is_uncertain_at_once(void **state)
{
    struct request_driver driver;
    struct key_request request = with_options(driver_set("v"), (struct request_options){.w = 2});
    (void)state;
    driver_init(&driver, "eu:3", 0);
    start_and_mint(&driver, &request);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_false(driver.answered);
    driver_refused(&driver, 2, STATUS_UNAVAILABLE);
    assert_answer(&driver, STATUS_UNCERTAIN, 1, 2);
    assert_true(coordinated_request_done(driver.request));
    driver_deinit(&driver);
}

static void a_replica_that_answers_no_is_no_ack(void **state)
{
    struct request_driver driver;
    struct key_request request = with_options(driver_set("v"), (struct request_options){.w = 2});
    (void)state;
    driver_init(&driver, "eu:3", 0);
    start_and_mint(&driver, &request);
    driver_replicated(&driver, 1, STATUS_CLOCK_SKEW);
    driver_replicated(&driver, 1, STATUS_OK); /* it has spoken */
    driver_replicated(&driver, 0, STATUS_OK);
    assert_false(driver.answered);
    driver_reply(&driver, 2, MESSAGE_REPLICATED, slice_text("garbage"));
    assert_answer(&driver, STATUS_UNCERTAIN, 1, 2);
    driver_deinit(&driver);
}

static void after_minting_the_deadline_is_uncertain(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request); /* the store side may have minted, and not have said so yet */
    driver_tick(&driver, DRIVER_TIMEOUT_MS - 1);
    assert_false(driver.answered);
    driver_tick(&driver, 1);
    assert_answer(&driver, STATUS_UNCERTAIN, 0, 2);
    driver_end(&driver);
    start_and_mint(&driver, &request);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    assert_answer(&driver, STATUS_UNCERTAIN, 1, 2);
    driver_replicated(&driver, 1, STATUS_OK); /* too late, and C4 */
    assert_true(coordinated_request_done(driver.request));
    driver_deinit(&driver);
}

static void before_minting_the_deadline_is_definite(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    assert_int_equal(driver.result.status, STATUS_TIMEOUT);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), 0);
    driver_deinit(&driver);
}

static void a_refused_mint_is_definite(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_refused(&driver, 0, STATUS_OVERLOADED); /* never got into the store's queue */
    assert_int_equal(driver.result.status, STATUS_OVERLOADED);
    assert_true(coordinated_request_done(driver.request));
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_minted(&driver, STATUS_TOO_LARGE, false);
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    assert_true(coordinated_request_done(driver.request));
    driver_deinit(&driver);
}

/* The store's answer may come after the client was told, and once more. */
static void a_late_or_doubled_mint_is_not_sent_out_again(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    start_and_mint(&driver, &request);
    driver_minted(&driver, STATUS_OK, true);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 2);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    driver_minted(&driver, STATUS_OK, true);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    driver_deinit(&driver);
}

/* A link that was lost before anything was asked of that owner is not to be used later. */
static void an_owner_that_went_away_before_its_turn_is_not_sent_to(void **state)
{
    struct request_driver driver;
    struct key_request request = with_options(driver_set("v"), (struct request_options){.w = 2});
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_false(driver.answered);
    driver_minted(&driver, STATUS_OK, true);
    assert_null(driver_find_sent(&driver, 1, MESSAGE_REPLICATE));
    assert_non_null(driver_find_sent(&driver, 2, MESSAGE_REPLICATE));
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    driver_refused(&driver, 2, STATUS_UNAVAILABLE);
    driver_minted(&driver, STATUS_OK, true);
    assert_answer(&driver, STATUS_UNCERTAIN, 0, 2); /* its own copy is on its way to the disk */
    driver_deinit(&driver);
}

/* ---- writes that depend on the value ------------------------------------------------------- */

static void assert_mint_carries(const struct request_driver *driver, const struct cell *expected)
{
    struct message_mint mint;
    struct cell cell;
    const struct driver_sent *sent = driver_find_sent(driver, 0, MESSAGE_MINT);
    assert_non_null(sent);
    assert_int_equal(message_mint_decode(buffer_slice(&sent->body), &mint), STATUS_OK);
    assert_int_equal(mint.cell_count, 1);
    struct reader cells = reader_make(mint.cells);
    struct reader reader = reader_make(reader_bytes(&cells));
    cell_decode(&reader, &cell);
    assert_true(cell_same_version(&cell, expected));
    assert_true(slice_equal(cell.siblings[0].value, expected->siblings[0].value));
    cell_deinit(&cell);
}

static void a_write_that_depends_on_the_value_reads_a_quorum_first(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("v");
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_READ), 2);
    assert_int_equal(driver.sent_count, 2);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), 0);
    driver_read_result(&driver, 1, STATUS_OK, &new);
    assert_mint_carries(&driver, &new);
    driver_minted(&driver, STATUS_OK, true);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 2, 2);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* As long as nothing was minted the failure can be definite. */
static void a_write_whose_quorum_dies_while_it_reads_is_not_minted(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("v");
    struct cell cell = driver_cell(1, "there");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    request.options = (struct request_options){.r = 1, .w = 2};
    driver_start(&driver, &request);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    driver_refused(&driver, 2, STATUS_UNAVAILABLE);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_MINT), 0);
    assert_true(coordinated_request_done(driver.request));
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void a_condition_that_fails_writes_nothing_anywhere(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("v");
    struct cell cell = driver_cell(1, "there");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    driver_minted(&driver, STATUS_OK, false);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_false(driver.result.outcomes[0].written);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    assert_true(coordinated_request_done(driver.request));
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* "It is there" shows a value as much as a read does: a later one may not say that it is not. */
static void a_condition_that_fails_on_a_value_of_one_owner_repairs_it_first(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("v");
    struct cell cell = driver_cell(1, "there");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    driver_minted(&driver, STATUS_OK, false);
    assert_false(driver.answered);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 1);
    assert_non_null(driver_find_sent(&driver, 0, MESSAGE_REPLICATE));
    driver_replicated(&driver, 0, STATUS_OK);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_false(driver.result.outcomes[0].written);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* ---- regions ------------------------------------------------------------------------------- */

static void local_quorum_counts_the_home_region_alone(void **state)
{
    struct request_driver driver;
    struct key_request request =
        with_options(driver_set("v"), (struct request_options){.level = LEVEL_LOCAL_QUORUM});
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    start_and_mint(&driver, &request);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 5);
    for (uint8_t us = 3; us < 6; us++)
        driver_replicated(&driver, us, STATUS_OK);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_false(driver.answered);
    driver_replicated(&driver, 2, STATUS_OK);
    assert_int_equal(driver.result.status, STATUS_OK);
    driver_deinit(&driver);
}

static void each_quorum_counts_every_region(void **state)
{
    struct request_driver driver;
    struct key_request request =
        with_options(driver_set("v"), (struct request_options){.level = LEVEL_EACH_QUORUM});
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    start_and_mint(&driver, &request);
    for (uint8_t eu = 0; eu < 3; eu++)
        driver_replicated(&driver, eu, STATUS_OK);
    driver_replicated(&driver, 3, STATUS_OK);
    assert_false(driver.answered);
    driver_replicated(&driver, 5, STATUS_OK);
    assert_int_equal(driver.result.status, STATUS_OK);
    driver_end(&driver);
    start_and_mint(&driver, &request);
    driver_refused(&driver, 3, STATUS_UNAVAILABLE);
    assert_false(driver.answered);
    driver_refused(&driver, 4, STATUS_UNAVAILABLE); /* us has one left of the two it takes */
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

static void a_region_without_enough_usable_owners_is_unavailable(void **state)
{
    struct request_driver driver;
    struct key_request request =
        with_options(driver_set("v"), (struct request_options){.level = LEVEL_EACH_QUORUM});
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    driver.params.usable = 0x0f; /* eu and one of us */
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

/* ---- any order ----------------------------------------------------------------------------- */

struct history {
    bool minted;
    owner_mask acks; /* of owners that were asked */
};

/* One random thing that can happen to a write. */
static void random_event(struct request_driver *driver, struct random *random,
                         struct history *history)
{
    uint8_t owner = (uint8_t)random_below(random, 3);
    bool was_awaited =
        coordinated_request_waits_for(driver->request, driver->owners.nodes[owner]) &&
        history->minted;
    switch (random_below(random, 8)) {
    case 0:
        driver_refused(driver, owner, STATUS_UNAVAILABLE);
        break;
    case 1:
        history->minted = true;
        driver_minted(driver, STATUS_OK, true);
        break;
    case 2:
        driver_reply(driver, owner, MESSAGE_READ_RESULT, slice_text("stray"));
        break;
    case 3:
        driver_tick(driver, random_below(random, 200));
        break;
    case 4:
        driver_replicated(driver, owner, STATUS_IO);
        break;
    default:
        if (was_awaited)
            history->acks |= (owner_mask)1 << owner;
        driver_replicated(driver, owner, STATUS_OK);
    }
}

/* Whatever comes in whatever order: C2 and C3 hold for the answer, and there is one. */
static void no_order_of_events_breaks_a_promise(void **state)
{
    struct request_driver driver;
    unsigned outcomes[STATUS_COUNT] = {0};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct random random = random_make(seed);
        uint8_t w = (uint8_t)(1 + random_below(&random, 3));
        struct key_request request =
            with_options(driver_set("v"), (struct request_options){.w = w});
        struct history history = {0};
        driver_start(&driver, &request);
        while (!driver.answered)
            random_event(&driver, &random, &history);
        assert_true(driver.now_ms < DRIVER_TIMEOUT_MS + 200);
        bool ok = driver.result.status == STATUS_OK;
        assert_int_equal(ok, __builtin_popcount(history.acks) >= w);
        if (history.minted)
            assert_true(ok || driver.result.status == STATUS_UNCERTAIN);
        outcomes[driver.result.status]++;
        driver_tick(&driver, DRIVER_TIMEOUT_MS);
        assert_true(coordinated_request_done(driver.request));
        driver_end(&driver);
    }
    assert_true(outcomes[STATUS_OK] > 500);
    assert_true(outcomes[STATUS_UNCERTAIN] > 500);
    assert_true(outcomes[STATUS_UNAVAILABLE] > 100); /* the store refused before it minted */
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blind_write_is_minted_here_and_sent_to_all_others_at_once),
        cmocka_unit_test(ok_comes_exactly_at_the_wth_distinct_durable_ack),
        cmocka_unit_test(stragglers_go_on_after_the_answer),
        cmocka_unit_test(a_blind_write_beside_unseen_increments_is_done_again),
        cmocka_unit_test(a_write_done_again_reads_as_many_owners_as_it_writes),
        cmocka_unit_test(a_write_done_again_never_says_that_nothing_was_written),
        cmocka_unit_test(too_few_usable_owners_are_refused_at_once_and_nothing_is_sent),
        cmocka_unit_test(a_node_that_may_not_mint_says_so),
        cmocka_unit_test(a_keyspace_that_is_not_there_is_named),
        cmocka_unit_test(a_write_that_no_message_can_carry_is_too_large),
        cmocka_unit_test(a_quorum_that_dies_in_flight_is_uncertain_at_once),
        cmocka_unit_test(a_replica_that_answers_no_is_no_ack),
        cmocka_unit_test(after_minting_the_deadline_is_uncertain),
        cmocka_unit_test(before_minting_the_deadline_is_definite),
        cmocka_unit_test(a_refused_mint_is_definite),
        cmocka_unit_test(a_late_or_doubled_mint_is_not_sent_out_again),
        cmocka_unit_test(an_owner_that_went_away_before_its_turn_is_not_sent_to),
        cmocka_unit_test(a_write_that_depends_on_the_value_reads_a_quorum_first),
        cmocka_unit_test(a_write_whose_quorum_dies_while_it_reads_is_not_minted),
        cmocka_unit_test(a_condition_that_fails_writes_nothing_anywhere),
        cmocka_unit_test(a_condition_that_fails_on_a_value_of_one_owner_repairs_it_first),
        cmocka_unit_test(local_quorum_counts_the_home_region_alone),
        cmocka_unit_test(each_quorum_counts_every_region),
        cmocka_unit_test(a_region_without_enough_usable_owners_is_unavailable),
        cmocka_unit_test(no_order_of_events_breaks_a_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
