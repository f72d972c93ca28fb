/*
 * Reads that ask one owner more than they need: because others are late, or to measure it.
 */
#include "request_driver.h"

enum { PATIENCE_MS = 10 };

static struct key_request get_at(enum level level)
{
    struct key_request request = driver_get();
    request.options.level = (uint8_t)level;
    return request;
}

static void start(struct request_driver *driver, enum level level)
{
    struct key_request request = get_at(level);
    driver_init(driver, "eu:3", 0);
    for (unsigned i = 0; i < 3; i++)
        driver->params.patience_us[i] = PATIENCE_MS * 1000;
    driver_start(driver, &request);
}

static uint32_t inline_bytes_max(const struct request_driver *driver, uint8_t owner)
{
    struct message_read read;
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_READ);
    assert_non_null(sent);
    assert_int_equal(message_read_decode(buffer_slice(&sent->body), &read), STATUS_OK);
    return read.value_bytes_max;
}

static void one_more_is_asked_after_the_patience(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, LEVEL_ONE);
    assert_int_equal(coordinated_request_deadline_us(driver.request), PATIENCE_MS * 1000);
    driver_tick(&driver, PATIENCE_MS - 1);
    assert_int_equal(driver.sent_count, 1);
    driver_tick(&driver, 1);
    assert_int_equal(driver.sent_count, 2);
    assert_int_equal(driver.speculated, 1);
    assert_int_equal(inline_bytes_max(&driver, 1), UINT32_MAX); /* the values were not coming */
    assert_int_equal(coordinated_request_deadline_us(driver.request), DRIVER_RETRY_MS * 1000);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_int_equal(driver.speculation_won, 1);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void who_was_asked_first_may_still_win(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, LEVEL_ONE);
    driver_tick(&driver, PATIENCE_MS);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_int_equal(driver.speculated, 1);
    assert_int_equal(driver.speculation_won, 0);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* At a quorum the version that is late counts as much as the data. */
static void any_owner_that_is_late_is_helped(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, LEVEL_QUORUM);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_tick(&driver, PATIENCE_MS);
    assert_int_equal(driver.speculated, 1);
    assert_int_not_equal(inline_bytes_max(&driver, 2), UINT32_MAX); /* the values have come */
    driver_read_result(&driver, 2, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_int_equal(driver.speculation_won, 1);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void the_longest_patience_of_those_asked_counts(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver.params.patience_us[0] = 1000;
    driver.params.patience_us[1] = 7000;
    driver.params.patience_us[2] = 50000; /* is not asked */
    driver_start(&driver, &request);
    assert_int_equal(coordinated_request_deadline_us(driver.request), 7000);
    driver_deinit(&driver);
}

static void nothing_is_asked_beyond_the_budget(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, LEVEL_ONE);
    driver.no_speculation = driver.no_retry = true;
    driver_tick(&driver, PATIENCE_MS);
    assert_int_equal(driver.sent_count, 1);
    assert_int_equal(driver.speculation_refused, 1);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(driver.sent_count, 1);
    assert_int_equal(driver.retry_refused, 1);
    driver.no_retry = false; /* more was earned: the next turn is allowed */
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(driver.sent_count, 2);
    assert_int_equal(driver.retried, 1);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_int_equal(driver.speculation_won, 0);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void a_read_that_needs_all_owners_has_nobody_else_to_ask(void **state)
{
    struct request_driver driver;
    (void)state;
    start(&driver, LEVEL_ALL);
    driver_tick(&driver, PATIENCE_MS);
    assert_int_equal(driver.sent_count, 3);
    assert_int_equal(driver.speculated + driver.speculation_refused, 0);
    driver_deinit(&driver);
}

static void explore_from(struct request_driver *driver, owner_mask among)
{
    struct key_request request = get_at(LEVEL_ONE);
    driver_init(driver, "eu:3", 0);
    driver->params.explore = among;
    driver_start(driver, &request);
}

/* The reader does not wait for it, and it brings no values. */
static void exploring_costs_no_time(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    explore_from(&driver, 0x6);
    assert_int_equal(driver.explored, 1);
    assert_int_equal(driver.sent_count, 2);
    assert_int_not_equal(inline_bytes_max(&driver, 1), UINT32_MAX);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_true(coordinated_request_done(driver.request));
    driver_end(&driver);
    driver_deinit(&driver);
    explore_from(&driver, 0x1); /* it is asked anyway */
    assert_int_equal(driver.explored, 0);
    assert_int_equal(driver.sent_count, 1);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void owners_are_asked_in_the_order_given(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    const uint8_t order[] = {2, 0, 1};
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver.params.order = order;
    driver_start(&driver, &request);
    assert_int_equal(inline_bytes_max(&driver, 2), UINT32_MAX);
    assert_int_not_equal(inline_bytes_max(&driver, 0), UINT32_MAX);
    assert_null(driver_find_sent(&driver, 1, MESSAGE_READ));
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_is_asked_after_the_patience),
        cmocka_unit_test(who_was_asked_first_may_still_win),
        cmocka_unit_test(any_owner_that_is_late_is_helped),
        cmocka_unit_test(the_longest_patience_of_those_asked_counts),
        cmocka_unit_test(nothing_is_asked_beyond_the_budget),
        cmocka_unit_test(a_read_that_needs_all_owners_has_nobody_else_to_ask),
        cmocka_unit_test(exploring_costs_no_time),
        cmocka_unit_test(owners_are_asked_in_the_order_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
