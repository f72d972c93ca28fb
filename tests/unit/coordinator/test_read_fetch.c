/*
 * test_read_fetch.c - values that answers named and did not bring.
 */
#include "request_driver.h"

#include "wire/message_fetch.h"

static const char LONG[] = "a value that no answer brings along when only versions are asked";

static struct key_request quorum_get(void)
{
    struct key_request request = driver_get();
    request.options.level = LEVEL_QUORUM;
    return request;
}

static struct cell cell_of(uint8_t node, uint64_t sequence, const char *value)
{
    struct cell cell = {0};
    cell_insert(&cell, &(struct sibling){.dot = {.actor = {.node = node}, .sequence = sequence},
                                         .time = 100 + sequence,
                                         .value = slice_text(value)});
    return cell;
}

/* Versions only: nothing but the empty value comes along. */
static void versions(struct request_driver *driver, uint8_t owner, const struct cell *cell)
{
    driver_versions(driver, owner, MESSAGE_READ_RESULT, cell, 0);
}

static void fetched(struct request_driver *driver, uint8_t owner, const struct cell *cell)
{
    driver_versions(driver, owner, MESSAGE_FETCH_RESULT, cell, UINT64_MAX);
}

static uint32_t bytes_asked(const struct request_driver *driver, uint8_t owner)
{
    struct message_read read;
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_READ);
    assert_non_null(sent);
    assert_int_equal(message_read_decode(buffer_slice(&sent->body), &read), STATUS_OK);
    return read.value_bytes_max;
}

/* The owner was asked for this version's value and no other. */
static void assert_fetches(const struct request_driver *driver, uint8_t owner,
                           const struct dot *wanted)
{
    struct message_fetch fetch;
    struct fetch_key key;
    struct dot dot;
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_FETCH);
    assert_non_null(sent);
    assert_int_equal(message_fetch_decode(buffer_slice(&sent->body), &fetch), STATUS_OK);
    assert_int_equal(fetch.key_count, 1);
    struct reader reader = reader_make(fetch.keys);
    fetch_key_decode(&reader, &key);
    assert_true(slice_equal(key.key, slice_text("k")));
    assert_int_equal(key.dot_count, 1);
    struct reader dots = reader_make(key.dots);
    dot_decode(&dots, &dot);
    assert_int_equal(dot_compare(&dot, wanted), 0);
}

static void assert_shown(const struct request_driver *driver, const char *value)
{
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, STATUS_OK);
    assert_int_equal(driver->result.outcome_count, 1);
    assert_true(slice_equal(driver->result.outcomes[0].value, slice_text(value)));
}

static void one_owner_is_asked_for_the_value_and_the_others_for_versions(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell cell = cell_of(1, 1, LONG);
    (void)state;
    driver_init(&driver, "eu:5", 2);
    driver_start(&driver, &request);
    assert_int_equal(bytes_asked(&driver, 2), UINT32_MAX); /* the own replica */
    assert_int_equal(bytes_asked(&driver, 0), 255);
    assert_int_equal(bytes_asked(&driver, 1), 255);
    versions(&driver, 0, &cell);
    driver_read_result(&driver, 2, STATUS_OK, &cell);
    versions(&driver, 1, &cell);
    assert_shown(&driver, LONG);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_FETCH), 0);
    assert_int_equal(driver.omitted_bytes, 2 * (sizeof LONG - 1));
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* Else its loss would cost one more round trip. */
static void when_the_one_with_the_value_fails_or_is_slow_another_is_asked_for_it(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell cell = cell_of(1, 1, LONG);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_IO, NULL);
    assert_int_equal(bytes_asked(&driver, 2), UINT32_MAX);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(bytes_asked(&driver, 2), UINT32_MAX);
    versions(&driver, 1, &cell);
    driver_read_result(&driver, 2, STATUS_OK, &cell);
    assert_shown(&driver, LONG);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(bytes_asked(&driver, 2), 255); /* the value is here already */
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void a_value_that_was_only_named_is_fetched_from_who_has_it(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    assert_false(driver.answered);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_FETCH), 1);
    assert_fetches(&driver, 1, &new.siblings[0].dot);
    assert_int_equal(driver.fetches, 1);
    fetched(&driver, 1, &new);
    assert_false(driver.answered); /* the own replica does not hold it yet */
    struct message_replicate replicate;
    const struct driver_sent *sent = driver_find_sent(&driver, 0, MESSAGE_REPLICATE);
    assert_non_null(sent);
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &replicate), STATUS_OK);
    struct cell_delivery delivery;
    struct reader deliveries = reader_make(replicate.deliveries);
    cell_delivery_decode(&deliveries, &delivery);
    struct cell repaired;
    struct reader reader = reader_make(delivery.cell);
    cell_decode(&reader, &repaired); /* with its value, or it would not decode */
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(slice_equal(repaired.siblings[0].value, slice_text(LONG)));
    driver_replicated(&driver, 0, STATUS_OK);
    assert_shown(&driver, LONG);
    cell_deinit(&repaired);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* The value was superseded while it was fetched: what replaced it is as good, and newer. */
static void an_owner_that_has_moved_on_brings_all_it_has(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG), newer = cell_of(1, 3, "3");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    fetched(&driver, 1, &newer);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_shown(&driver, "3");
    cell_deinit(&old);
    cell_deinit(&new);
    cell_deinit(&newer);
    driver_deinit(&driver);
}

/* What only the lost owner has named was never shown, so the others may answer without it. */
static void an_owner_that_cannot_give_what_it_named_is_as_one_that_never_answered(void **state)
{
    enum { REFUSES, LOST, NAMES_AGAIN, GIVES_NOTHING, GARBAGE, WAYS };
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG), none = {0};
    (void)state;
    for (int way = 0; way < WAYS; way++) {
        struct request_driver driver;
        struct key_request request = quorum_get();
        driver_init(&driver, "eu:3", 0);
        driver_start(&driver, &request);
        driver_read_result(&driver, 0, STATUS_OK, &old);
        versions(&driver, 1, &new);
        if (way == REFUSES) {
            struct buffer body = {0};
            message_read_result_encode(&(struct message_read_result){.status = STATUS_IO}, &body);
            driver_reply(&driver, 1, MESSAGE_FETCH_RESULT, buffer_slice(&body));
            buffer_deinit(&body);
        } else if (way == LOST) {
            driver_refused(&driver, 1, STATUS_UNAVAILABLE);
        } else if (way == NAMES_AGAIN) {
            driver_versions(&driver, 1, MESSAGE_FETCH_RESULT, &new, 0);
        } else if (way == GIVES_NOTHING) {
            fetched(&driver, 1, &none);
        } else {
            driver_reply(&driver, 1, MESSAGE_FETCH_RESULT, slice_text("garbage"));
        }
        assert_false(driver.answered);
        assert_non_null(driver_find_sent(&driver, 2, MESSAGE_READ)); /* one more is asked */
        driver_read_result(&driver, 2, STATUS_OK, &old);
        assert_shown(&driver, "old");
        assert_int_equal(driver_count_sent(&driver, MESSAGE_FETCH), 1);
        driver_end(&driver);
        /* And without another owner there is no answer, and no wrong one. */
        driver.params.usable = 3;
        driver_start(&driver, &request);
        driver_read_result(&driver, 0, STATUS_OK, &old);
        versions(&driver, 1, &new);
        driver_refused(&driver, 1, STATUS_UNAVAILABLE);
        assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
        driver_deinit(&driver);
    }
    cell_deinit(&old);
    cell_deinit(&new);
}

static void another_holder_takes_the_place_of_one_that_fails(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG);
    (void)state;
    driver_init(&driver, "eu:5", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    versions(&driver, 2, &new);
    assert_fetches(&driver, 1, &new.siblings[0].dot);
    assert_null(driver_find_sent(&driver, 2, MESSAGE_FETCH)); /* one is enough */
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_non_null(driver_find_sent(&driver, 3, MESSAGE_READ)); /* for the level */
    driver_read_result(&driver, 3, STATUS_OK, &old);
    assert_fetches(&driver, 2, &new.siblings[0].dot);
    fetched(&driver, 2, &new);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 3, STATUS_OK);
    assert_shown(&driver, LONG);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

static void a_silent_one_is_done_without_when_that_can_be_and_waited_for_when_not(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_non_null(driver_find_sent(&driver, 2, MESSAGE_READ));
    fetched(&driver, 1, &new); /* too late: nobody waits for it */
    assert_false(driver.answered);
    driver_read_result(&driver, 2, STATUS_OK, &old);
    assert_shown(&driver, "old");
    driver_end(&driver);

    driver.params.usable = 3;
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_false(driver.answered);
    fetched(&driver, 1, &new);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_shown(&driver, LONG);
    driver_end(&driver);

    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    assert_int_equal(driver.result.status, STATUS_TIMEOUT);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

static void each_missing_sibling_comes_from_one_that_has_it(void **state)
{
    struct request_driver driver;
    struct key_request request = quorum_get();
    struct cell a = cell_of(1, 1, "short, and here"), b = cell_of(2, 2, LONG),
                c = cell_of(3, 3, "another one of some length");
    (void)state;
    request.keyspace = 7;
    request.flags = KEY_SIBLINGS;
    driver_init(&driver, "eu:5", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &a);
    versions(&driver, 1, &b);
    versions(&driver, 2, &c);
    assert_fetches(&driver, 1, &b.siblings[0].dot);
    assert_fetches(&driver, 2, &c.siblings[0].dot);
    fetched(&driver, 2, &c);
    assert_false(driver.answered);
    fetched(&driver, 1, &b);
    for (uint8_t i = 0; i < 3; i++)
        driver_replicated(&driver, i, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 3);
    assert_true(slice_equal(driver.result.outcomes[1].value, slice_text(LONG)));
    cell_deinit(&a);
    cell_deinit(&b);
    cell_deinit(&c);
    driver_deinit(&driver);
}

/* What a write depends on is fetched before anything is minted. */
static void a_write_that_reads_mints_with_whole_values(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_append("x");
    struct cell old = cell_of(1, 1, "old"), new = cell_of(1, 2, LONG);
    struct message_mint mint;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    versions(&driver, 1, &new);
    assert_null(driver_find_sent(&driver, 0, MESSAGE_MINT));
    fetched(&driver, 1, &new);
    const struct driver_sent *sent = driver_find_sent(&driver, 0, MESSAGE_MINT);
    assert_non_null(sent);
    assert_int_equal(message_mint_decode(buffer_slice(&sent->body), &mint), STATUS_OK);
    struct reader cells = reader_make(mint.cells);
    struct reader reader = reader_make(reader_bytes(&cells));
    struct cell read;
    cell_decode(&reader, &read);
    assert_int_equal(reader_end(&reader), STATUS_OK);
    assert_true(slice_equal(read.siblings[0].value, slice_text(LONG)));
    cell_deinit(&read);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_owner_is_asked_for_the_value_and_the_others_for_versions),
        cmocka_unit_test(when_the_one_with_the_value_fails_or_is_slow_another_is_asked_for_it),
        cmocka_unit_test(a_value_that_was_only_named_is_fetched_from_who_has_it),
        cmocka_unit_test(an_owner_that_has_moved_on_brings_all_it_has),
        cmocka_unit_test(an_owner_that_cannot_give_what_it_named_is_as_one_that_never_answered),
        cmocka_unit_test(another_holder_takes_the_place_of_one_that_fails),
        cmocka_unit_test(a_silent_one_is_done_without_when_that_can_be_and_waited_for_when_not),
        cmocka_unit_test(each_missing_sibling_comes_from_one_that_has_it),
        cmocka_unit_test(a_write_that_reads_mints_with_whole_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
