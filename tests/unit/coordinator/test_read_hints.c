/*
 * Sloppy reads: owners 0, 1 and 2, fallbacks 3 and 4; the coordinator is owner 0 unless said.
 */
#include "request_driver.h"

#include "causal/clock.h"
#include "wire/message_hint_read.h"

enum { OWNERS = 3, FIRST = 3, SECOND = 4 };

static struct key_request get_sloppily(uint8_t r)
{
    struct key_request request = driver_get();
    request.options = (struct request_options){.r = r, .sloppy = SLOPPY_YES};
    return request;
}

/* Of the owners only those in `up` can be asked; both fallbacks keep hints of the partition. */
static void start(struct request_driver *driver, uint8_t r, owner_mask up)
{
    struct key_request request = get_sloppily(r);
    driver_init_with(driver, "eu:3", 0, 2);
    assert_int_equal(driver->owners.count, 5);
    driver->params.keeping = 1 << FIRST | 1 << SECOND;
    driver->params.usable = up | driver->params.keeping;
    driver->params.self_ready = (up & 1) != 0;
    driver_start(driver, &request);
}

/* The fallback keeps `cell` for the owners in `intended`; none: it keeps nothing of the key. */
static void answer_hint(struct request_driver *driver, uint8_t fallback, owner_mask intended,
                        const struct cell *cell)
{
    struct buffer encoded = {0}, dots = {0}, body = {0};
    struct clock clock = {0};
    struct message_hint_read_result result = {0};
    for (uint8_t i = 0; i < OWNERS; i++)
        if ((intended >> i & 1) != 0)
            result.intended[result.intended_count++] = driver->owners.nodes[i];
    if (cell != NULL) {
        cell_encode(cell, true, &encoded);
        clock_add(&clock, &cell->siblings[0].dot);
        clock_encode(&clock, &dots);
        result.delivery = (struct cell_delivery){
            .key = slice_text("k"), .cell = buffer_slice(&encoded), .dots = buffer_slice(&dots)};
    }
    message_hint_read_result_encode(&result, &body);
    driver_reply(driver, fallback, MESSAGE_HINT_READ_RESULT, buffer_slice(&body));
    buffer_deinit(&encoded);
    buffer_deinit(&dots);
    buffer_deinit(&body);
    clock_deinit(&clock);
}

static void assert_value(const struct request_driver *driver, const char *value, uint8_t acks,
                         uint8_t hints)
{
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, STATUS_OK);
    assert_int_equal(driver->result.acks, acks);
    assert_int_equal(driver->result.hints, hints);
    assert_int_equal(driver->result.outcomes[0].visible, value != NULL);
    if (value != NULL)
        assert_true(slice_equal(driver->result.outcomes[0].value, slice_text(value)));
}

static void a_sloppy_write_is_readable_with_two_owners_cut_off(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 2, 0x1);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_READ), 1);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT_READ), 2);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    assert_false(driver.answered);
    answer_hint(&driver, FIRST, 1 << 1, &cell);
    assert_false(driver.answered); /* the other may have something newer */
    answer_hint(&driver, SECOND, 0, NULL);
    assert_value(&driver, "v", 2, 1);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* Absence is no evidence, least of all at a node that does not own the key. */
static void a_fallback_without_a_hint_counts_for_nobody(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 2, 0x1);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 0, NULL);
    answer_hint(&driver, SECOND, 0, NULL);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void an_owner_and_its_stand_in_count_once(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 2, 0x1); /* both hints are for owner 1: they are one copy of it */
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 1 << 0 | 1 << 1, &cell);
    answer_hint(&driver, SECOND, 1 << 1, &cell);
    assert_value(&driver, "v", 2, 1);
    driver_end(&driver);
    driver_deinit(&driver);
    start(&driver, 3, 0x1);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 1 << 1, &cell);
    answer_hint(&driver, SECOND, 1 << 0 | 1 << 1, &cell);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    driver_end(&driver);
    driver_deinit(&driver);
    start(&driver, 3, 0x1); /* whoever can be moved makes place for the other */
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 1 << 1 | 1 << 2, &cell);
    answer_hint(&driver, SECOND, 1 << 1, &cell);
    assert_value(&driver, "v", 3, 2);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void an_owner_that_answers_needs_no_stand_in(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 3, 0x3);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 1 << 1, &cell);
    answer_hint(&driver, SECOND, 0, NULL);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* The owner that minted it is away; the one that answers has missed it. */
static void what_a_hint_tells_goes_to_the_owners_that_answered_first(void **state)
{
    struct request_driver driver;
    struct message_replicate replicate;
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    start(&driver, 2, 0x4);
    driver_read_result(&driver, 2, STATUS_OK, &old);
    answer_hint(&driver, FIRST, 1 << 1, &new);
    answer_hint(&driver, SECOND, 0, NULL);
    assert_false(driver.answered);
    const struct driver_sent *sent = driver_find_sent(&driver, 2, MESSAGE_REPLICATE);
    assert_non_null(sent);
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &replicate), STATUS_OK);
    assert_int_equal(replicate.delivery_count, 1);
    driver_replicated(&driver, 2, STATUS_OK);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_READ), 2);
    driver_read_result(&driver, 2, STATUS_OK, &new);
    assert_value(&driver, "new", 2, 1);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* The owner has seen its event, and nothing is left of the key but its clock. */
static void a_hint_older_than_a_forgotten_delete_shows_nothing(void **state)
{
    struct request_driver driver;
    struct cell old = driver_cell(1, "deleted long ago");
    (void)state;
    start(&driver, 2, 0x4);
    driver_read_result(&driver, 2, STATUS_OK, NULL);
    answer_hint(&driver, FIRST, 1 << 1, &old);
    answer_hint(&driver, SECOND, 0, NULL);
    assert_false(driver.answered);
    driver_replicated(&driver, 2, STATUS_OK); /* it has seen the event: it takes nothing */
    driver_read_result(&driver, 2, STATUS_OK, NULL);
    assert_value(&driver, NULL, 2, 1);
    cell_deinit(&old);
    driver_deinit(&driver);
}

static void an_owner_that_cannot_take_a_hint_does_not_vouch_for_it(void **state)
{
    struct request_driver driver;
    struct cell new = driver_cell(2, "new");
    (void)state;
    start(&driver, 2, 0x4);
    driver_read_result(&driver, 2, STATUS_OK, NULL);
    answer_hint(&driver, FIRST, 1 << 1, &new);
    answer_hint(&driver, SECOND, 0, NULL);
    driver_replicated(&driver, 2, STATUS_CLOCK_SKEW);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    cell_deinit(&new);
    driver_deinit(&driver);
}

static void fallbacks_alone_give_no_answer(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 1, 0);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    driver_end(&driver);
    driver_deinit(&driver);
    start(&driver, 1, 0x1);
    answer_hint(&driver, FIRST, 1 << 1 | 1 << 2, &cell);
    answer_hint(&driver, SECOND, 1 << 1 | 1 << 2, &cell);
    assert_false(driver.answered);
    driver_refused(&driver, 0, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void a_stand_in_takes_the_place_of_an_owner_that_is_silent(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    (void)state;
    start(&driver, 3, 0x7);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    answer_hint(&driver, FIRST, 1 << 2, &cell);
    assert_false(driver.answered); /* the owner may yet answer, and the other fallback */
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_value(&driver, "v", 3, 1);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void strict_reads_and_writes_ask_no_fallback(void **state)
{
    struct request_driver driver;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct key_request request = i < 2 ? driver_get() : driver_append("x");
        request.options = (struct request_options){.r = 2, .sloppy = i == 2 ? SLOPPY_YES : i};
        driver_init_with(&driver, "eu:3", 0, 2);
        driver.params.keeping = 1 << FIRST | 1 << SECOND;
        driver_start(&driver, &request);
        assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT_READ), 0);
        driver_end(&driver);
        driver_deinit(&driver);
    }
}

static void levels_of_owners_stay_levels_of_owners(void **state)
{
    const struct request_options options[] = {
        {.level = LEVEL_ALL, .sloppy = SLOPPY_YES},
        {.level = LEVEL_LOCAL_QUORUM, .sloppy = SLOPPY_YES},
        {.r = 2, .pr = 2, .sloppy = SLOPPY_YES},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof options / sizeof options[0]; i++) {
        struct request_driver driver;
        struct key_request request = driver_get();
        request.options = options[i];
        driver_init_with(&driver, "eu:3", 0, 2);
        driver.params.keeping = 1 << FIRST | 1 << SECOND;
        driver.params.usable = 1 | driver.params.keeping;
        driver_start(&driver, &request);
        assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
        driver_deinit(&driver);
    }
}

static void an_answer_that_is_no_hint_of_the_key_is_refused(void **state)
{
    struct request_driver driver;
    struct cell cell = driver_cell(1, "v");
    struct buffer body = {0};
    (void)state;
    start(&driver, 2, 0x1);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    buffer_put_u8(&body, STATUS_OK);
    driver_reply(&driver, FIRST, MESSAGE_HINT_READ_RESULT, buffer_slice(&body));
    answer_hint(&driver, FIRST, 1 << 1, &cell); /* a second time: not listened to */
    assert_false(driver.answered);
    buffer_clear(&body);
    struct message_hint_read_result other = {
        .intended_count = 1,
        .intended = {driver.owners.nodes[1]},
        .delivery = {.key = slice_text("other"), .cell = slice_text("x")}};
    message_hint_read_result_encode(&other, &body);
    driver_reply(&driver, SECOND, MESSAGE_HINT_READ_RESULT, buffer_slice(&body));
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    buffer_deinit(&body);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sloppy_write_is_readable_with_two_owners_cut_off),
        cmocka_unit_test(a_fallback_without_a_hint_counts_for_nobody),
        cmocka_unit_test(an_owner_and_its_stand_in_count_once),
        cmocka_unit_test(an_owner_that_answers_needs_no_stand_in),
        cmocka_unit_test(what_a_hint_tells_goes_to_the_owners_that_answered_first),
        cmocka_unit_test(a_hint_older_than_a_forgotten_delete_shows_nothing),
        cmocka_unit_test(an_owner_that_cannot_take_a_hint_does_not_vouch_for_it),
        cmocka_unit_test(fallbacks_alone_give_no_answer),
        cmocka_unit_test(a_stand_in_takes_the_place_of_an_owner_that_is_silent),
        cmocka_unit_test(strict_reads_and_writes_ask_no_fallback),
        cmocka_unit_test(levels_of_owners_stay_levels_of_owners),
        cmocka_unit_test(an_answer_that_is_no_hint_of_the_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
