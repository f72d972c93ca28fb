/*
 * test_moving.c - requests for a partition on its way to other owners.
 *
 * Places 0, 1, 2 are read and place 3 is not: it joins in JOINT, where the owner at place 2 leaves.
 * Place 4 is a fallback.
 */
#include "request_driver.h"

#include <stdlib.h>
#include <string.h>

#include "ring/transition.h"

enum { LEAVES = 2, EXTRA = 3, FALLBACK = 4 };

static void moving(struct request_driver *driver, uint8_t self, enum ring_phase phase)
{
    driver_init_with(driver, "eu:3", self, 2);
    struct ring *ring = driver->ring;
    struct ring_transition *transition = ring_add_transition(ring, 0);
    for (node_id id = 5; transition->owners[2] == ring_owners(ring, 0)[2]; id--)
        if (!ring_owns(ring, id, 0))
            transition->owners[2] = id;
    transition->phase = (uint8_t)phase;
    preference_list_build(ring, 0, 0, &driver->owners);
    driver->params.self = driver->owners.nodes[self];
    assert_int_equal(driver->owners.count, 5);
    assert_int_equal(driver->owners.other_set, 1 << 0 | 1 << 1 | 1 << EXTRA);
}

static struct key_request set_at(struct request_options options)
{
    struct key_request request = driver_set("v");
    request.options = options;
    return request;
}

static void write_and_acknowledge(struct request_driver *driver, const struct key_request *request,
                                  unsigned acks)
{
    driver_start(driver, request);
    driver_minted(driver, STATUS_OK, true);
    for (uint8_t i = 0; i < 4; i++)
        if ((acks >> i & 1) != 0)
            driver_replicated(driver, i, STATUS_OK);
}

static void a_write_goes_to_all_replicas(void **state)
{
    (void)state;
    for (int phase = RING_JOINT; phase <= RING_SWITCHED; phase++) {
        struct request_driver driver;
        struct key_request request = driver_set("v");
        moving(&driver, 0, (enum ring_phase)phase);
        driver_start(&driver, &request);
        driver_minted(&driver, STATUS_OK, true);
        assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 3);
        for (uint8_t i = 1; i <= EXTRA; i++)
            assert_non_null(driver_find_sent(&driver, i, MESSAGE_REPLICATE));
        driver_deinit(&driver);
    }
}

static void ok_is_said_when_both_sets_have_their_level(void **state)
{
    (void)state;
    for (uint8_t w = 1; w <= 3; w++) {
        for (unsigned acks = 0; acks < 16; acks++) {
            struct request_driver driver;
            struct key_request request = set_at((struct request_options){.w = w});
            unsigned both = __builtin_popcount(acks & 3);
            moving(&driver, 0, RING_JOINT);
            write_and_acknowledge(&driver, &request, acks);
            assert_int_equal(driver.answered,
                             both + (acks >> LEAVES & 1) >= w && both + (acks >> EXTRA & 1) >= w);
            if (driver.answered)
                assert_int_equal(driver.result.status, STATUS_OK);
            driver_deinit(&driver);
        }
    }
}

static void a_write_that_one_set_cannot_take_is_not_begun(void **state)
{
    struct request_driver driver;
    struct key_request request = set_at((struct request_options){.level = LEVEL_QUORUM});
    (void)state;
    moving(&driver, 0, RING_JOINT);
    driver.params.usable = 1 << 0 | 1 << LEAVES;
    driver_start(&driver, &request);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

static void a_write_that_one_set_refuses_is_uncertain(void **state)
{
    struct request_driver driver;
    struct key_request request = set_at((struct request_options){.level = LEVEL_QUORUM});
    (void)state;
    moving(&driver, 0, RING_JOINT);
    write_and_acknowledge(&driver, &request, 1 << 0 | 1 << LEAVES);
    driver_replicated(&driver, 1, STATUS_IO);
    assert_false(driver.answered);
    driver_replicated(&driver, EXTRA, STATUS_IO);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

static void who_is_not_read_mints_nothing(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    moving(&driver, EXTRA, RING_JOINT);
    driver_start(&driver, &request);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_NOT_OWNER);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

static void a_stand_in_counts_where_its_owner_does(void **state)
{
    struct request_driver driver;
    struct key_request request =
        set_at((struct request_options){.level = LEVEL_QUORUM, .sloppy = SLOPPY_YES});
    (void)state;
    moving(&driver, 0, RING_JOINT);
    write_and_acknowledge(&driver, &request, 1 << 0 | 1 << LEAVES);
    driver_replicated(&driver, EXTRA, STATUS_IO);
    assert_null(driver_find_sent(&driver, FALLBACK, MESSAGE_HINT)); /* place 1 may do it */
    driver_replicated(&driver, 1, STATUS_IO);
    assert_non_null(driver_find_sent(&driver, FALLBACK, MESSAGE_HINT));
    assert_false(driver.answered);
    driver_hinted(&driver, FALLBACK, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_int_equal(driver.result.hints, 1);
    driver_deinit(&driver);
}

static void a_fallback_is_asked_for_an_owner_that_is_slow(void **state)
{
    struct request_driver driver;
    struct key_request request =
        set_at((struct request_options){.level = LEVEL_QUORUM, .sloppy = SLOPPY_YES});
    (void)state;
    moving(&driver, 0, RING_JOINT);
    write_and_acknowledge(&driver, &request, 1 << 0 | 1 << LEAVES);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_non_null(driver_find_sent(&driver, FALLBACK, MESSAGE_HINT));
    driver_hinted(&driver, FALLBACK, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    driver_deinit(&driver);
}

static void reads_know_one_set(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get();
    (void)state;
    moving(&driver, 0, RING_SWITCHED);
    request.options.level = LEVEL_ALL;
    driver_start(&driver, &request);
    assert_int_equal(driver.sent_count, 3);
    assert_null(driver_find_sent(&driver, EXTRA, MESSAGE_READ));
    driver_deinit(&driver);
}

/* Else the next read, which asks the other set, could show less. */
static void what_one_set_alone_may_have_is_written_to_the_other_before_it_is_shown(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get();
    struct cell cell = driver_cell(1, "v");
    (void)state;
    moving(&driver, 0, RING_JOINT);
    driver.params.usable &= ~(owner_mask)2; /* so that it asks 0 and the owner that leaves */
    request.options.level = LEVEL_QUORUM;
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, LEAVES, STATUS_OK, &cell);
    assert_false(driver.answered);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 1);
    assert_non_null(driver_find_sent(&driver, EXTRA, MESSAGE_REPLICATE));
    driver_replicated(&driver, EXTRA, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void what_both_sets_have_is_shown_at_once(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get();
    struct cell cell = driver_cell(1, "v");
    (void)state;
    moving(&driver, 0, RING_JOINT);
    request.options.level = LEVEL_QUORUM;
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    assert_true(driver.answered);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* ---- the tag moves while a request is under way ---- */

static owner_mask everybody(const struct request_driver *driver)
{
    return ((owner_mask)1 << driver->owners.count) - 1;
}

/* Partition 0 begins to move away from the owner at place LEAVES; the places stay. */
static void begin_to_move(struct request_driver *driver)
{
    struct ring_transition *transition = ring_add_transition(driver->ring, 0);
    for (node_id id = 5; transition->owners[2] == ring_owners(driver->ring, 0)[2]; id--)
        if (!ring_owns(driver->ring, id, 0))
            transition->owners[2] = id;
    preference_list_build(driver->ring, 0, 0, &driver->owners);
}

/* The own store has minted it, under the tag of the first ring; what that wants is kept. */
static void give_minted(struct request_driver *driver)
{
    struct buffer result = {0}, replicate = {0}, body = {0};
    struct key_outcome outcome = {.written = true, .number = 1};
    outcome.dot = (struct dot){.actor = {.node = driver->params.self}, .sequence = 1};
    key_result_encode(&(struct key_result){.outcome_count = 1, .outcomes = &outcome}, &result);
    message_replicate_encode(&(struct message_replicate){.address = {.tag = driver->ring->tag}},
                             &replicate);
    message_minted_encode(&(struct message_minted){.written = true,
                                                   .result = buffer_slice(&result),
                                                   .replicate = buffer_slice(&replicate)},
                          &body);
    coordinated_request_reply(driver->request, driver->params.self, MESSAGE_MINTED,
                              buffer_slice(&body), DRIVER_WALL_MS, &driver->output);
    buffer_deinit(&result);
    buffer_deinit(&replicate);
    buffer_deinit(&body);
}

static void follow(struct request_driver *driver)
{
    coordinated_request_follow(driver->request, &driver->output);
}

static struct ring_tag tag_sent(const struct request_driver *driver, uint8_t owner)
{
    struct message_replicate message;
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_REPLICATE);
    assert_non_null(sent);
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &message), STATUS_OK);
    return message.address.tag;
}

static void a_read_begins_anew(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get(), again;
    struct key_contexts contexts;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    follow(&driver); /* nothing has moved */
    assert_false(driver.output.anew);
    begin_to_move(&driver);
    follow(&driver);
    assert_true(driver.output.anew);
    assert_true(coordinated_request_done(driver.request));
    struct reader reader = reader_make(buffer_slice(&driver.output.result));
    assert_int_equal(key_request_decode(&reader, &again, &contexts), STATUS_OK);
    assert_int_equal(again.kind, KEY_READ);
    assert_true(slice_equal(again.entries[0].key, request.entries[0].key));
    free((void *)again.entries);
    key_contexts_free(&contexts);
    driver_deinit(&driver);
}

static void what_was_minted_is_sent_again_and_counted_afresh(void **state)
{
    struct request_driver driver;
    struct key_request request = set_at((struct request_options){.level = LEVEL_QUORUM});
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    give_minted(&driver);
    driver_replicated(&driver, 0, STATUS_OK); /* one of two */
    begin_to_move(&driver);
    follow(&driver);
    assert_true(driver.output.moved);
    coordinated_request_send_anew(driver.request, everybody(&driver), &driver.output);
    driver.output.moved = false;
    driver_replicated(&driver, 0, STATUS_OK); /* takes what was sent, too */
    for (uint8_t i = 0; i <= EXTRA; i++)
        assert_int_equal(tag_sent(&driver, i).phase, RING_JOINT);
    assert_false(driver.answered);
    driver_replicated(&driver, LEAVES, STATUS_OK); /* enough of C, and one of N */
    assert_false(driver.answered);
    driver_replicated(&driver, EXTRA, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    driver_deinit(&driver);
}

static void what_is_being_minted_is_sent_under_the_tag_of_then(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    begin_to_move(&driver);
    follow(&driver);
    assert_false(driver.output.moved || driver.output.anew);
    give_minted(&driver);
    assert_true(driver.output.moved);
    assert_int_equal(driver.output.send_count, 0);
    coordinated_output_clear(&driver.output);
    coordinated_request_send_anew(driver.request, everybody(&driver), &driver.output);
    assert_int_equal(driver.output.send_count, 4);
    driver_deinit(&driver);
}

static void a_mint_that_came_too_late_begins_anew(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    driver_minted(&driver, STATUS_STALE_TAG, false); /* the store side goes by it first */
    assert_false(driver.answered);
    assert_true(coordinated_request_is_held(driver.request));
    begin_to_move(&driver);
    follow(&driver);
    assert_true(driver.output.anew);
    driver_deinit(&driver);
}

static void who_is_no_replica_any_more_cannot_answer_for_it(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_set("v");
    (void)state;
    driver_init_with(&driver, "eu:3", LEAVES, 2);
    driver_start(&driver, &request);
    give_minted(&driver);
    coordinated_output_clear(&driver.output);
    begin_to_move(&driver);
    node_id *row = driver.ring->owners;
    row[LEAVES] = ring_coming_owners(driver.ring, 0)[LEAVES];
    ring_remove_transition(driver.ring, 0);
    ring_set_epoch(driver.ring, 0, driver.ring->tag.epoch + 1);
    follow(&driver);
    assert_true(driver.output.moved);
    coordinated_output_clear(&driver.output);
    coordinated_request_send_anew(driver.request, everybody(&driver), &driver.output);
    assert_int_equal(driver.output.send_count, 0);
    assert_true(driver.output.finished);
    assert_int_equal(driver.output.result.data[0], STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

/* A change that is on its way through the cluster costs time and no error. */
static void what_fails_for_another_tag_is_held_until_the_deadline(void **state)
{
    struct request_driver driver;
    struct key_request request = set_at((struct request_options){.level = LEVEL_QUORUM});
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    driver_minted(&driver, STATUS_OK, true);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_STALE_TAG);
    driver_replicated(&driver, LEAVES, STATUS_STALE_TAG);
    assert_false(driver.answered);
    assert_true(coordinated_request_is_held(driver.request));
    driver_tick(&driver, DRIVER_TIMEOUT_MS);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

/* Where nothing moves, one that is not ready is told as before. */
static void without_a_move_nothing_is_held(void **state)
{
    struct request_driver driver;
    struct key_request request = set_at((struct request_options){.level = LEVEL_QUORUM});
    (void)state;
    driver_init_with(&driver, "eu:3", 0, 2);
    driver_start(&driver, &request);
    driver_minted(&driver, STATUS_OK, true);
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_NOT_READY);
    driver_replicated(&driver, LEAVES, STATUS_NOT_READY);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_UNCERTAIN);
    driver_deinit(&driver);
}

static void a_read_that_others_refuse_for_its_tag_is_tried_again(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get();
    (void)state;
    moving(&driver, 0, RING_JOINT);
    request.options.level = LEVEL_ALL;
    driver_start(&driver, &request);
    driver_read_result(&driver, 1, STATUS_NOT_READY, NULL); /* it has not heard of it yet */
    assert_false(driver.answered);
    assert_true(coordinated_request_is_held(driver.request));
    driver.takes_again = true;
    coordinated_request_tick(driver.request, DRIVER_RETRY_MS * 1000, DRIVER_WALL_MS,
                             &(struct coordinate_allowance){0}, &driver.output);
    assert_true(driver.output.anew);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_goes_to_all_replicas),
        cmocka_unit_test(ok_is_said_when_both_sets_have_their_level),
        cmocka_unit_test(a_write_that_one_set_cannot_take_is_not_begun),
        cmocka_unit_test(a_write_that_one_set_refuses_is_uncertain),
        cmocka_unit_test(who_is_not_read_mints_nothing),
        cmocka_unit_test(a_stand_in_counts_where_its_owner_does),
        cmocka_unit_test(a_fallback_is_asked_for_an_owner_that_is_slow),
        cmocka_unit_test(reads_know_one_set),
        cmocka_unit_test(what_one_set_alone_may_have_is_written_to_the_other_before_it_is_shown),
        cmocka_unit_test(what_both_sets_have_is_shown_at_once),
        cmocka_unit_test(a_read_begins_anew),
        cmocka_unit_test(what_was_minted_is_sent_again_and_counted_afresh),
        cmocka_unit_test(what_is_being_minted_is_sent_under_the_tag_of_then),
        cmocka_unit_test(a_mint_that_came_too_late_begins_anew),
        cmocka_unit_test(who_is_no_replica_any_more_cannot_answer_for_it),
        cmocka_unit_test(what_fails_for_another_tag_is_held_until_the_deadline),
        cmocka_unit_test(without_a_move_nothing_is_held),
        cmocka_unit_test(a_read_that_others_refuse_for_its_tag_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
