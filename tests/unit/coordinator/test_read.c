/*
 * test_read.c - whom a read asks, what it answers, and what it writes back before.
 */
#include "request_driver.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

static struct key_request get_at(enum level level)
{
    struct key_request request = driver_get();
    request.options.level = (uint8_t)level;
    return request;
}

static void assert_asked(const struct request_driver *driver, owner_mask owners)
{
    owner_mask asked = 0;
    for (unsigned i = 0; i < driver->sent_count; i++) {
        if (driver->sent[i].type != MESSAGE_READ)
            continue;
        assert_int_equal(asked >> driver->sent[i].owner & 1, 0); /* never twice */
        asked |= (owner_mask)1 << driver->sent[i].owner;
    }
    assert_int_equal(asked, owners);
}

/* NULL: answered, and nothing is there. */
static void assert_value(const struct request_driver *driver, const char *value)
{
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, STATUS_OK);
    assert_int_equal(driver->result.outcome_count, 1);
    assert_int_equal(driver->result.outcomes[0].visible, value != NULL);
    if (value != NULL)
        assert_true(slice_equal(driver->result.outcomes[0].value, slice_text(value)));
}

/* ---- whom it asks -------------------------------------------------------------------------- */

static void a_read_asks_as_many_owners_as_its_level_needs(void **state)
{
    static const struct {
        uint8_t self;
        enum level level;
        owner_mask asked;
    } cases[] = {
        {0, LEVEL_ONE, 1},    {1, LEVEL_ONE, 2}, /* the own replica first, then by preference */
        {0, LEVEL_QUORUM, 3}, {2, LEVEL_QUORUM, 5}, {0, LEVEL_ALL, 7}, {2, LEVEL_ALL, 7},
    };
    struct request_driver driver;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct key_request request = get_at(cases[i].level);
        driver_init(&driver, "eu:3", cases[i].self);
        driver_start(&driver, &request);
        assert_asked(&driver, cases[i].asked);
        assert_false(driver.answered);
        driver_deinit(&driver);
    }
}

static void the_question_names_partition_tag_and_key(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_ONE);
    struct message_read read;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    assert_int_equal(
        message_read_decode(buffer_slice(&driver_find_sent(&driver, 0, MESSAGE_READ)->body), &read),
        STATUS_OK);
    assert_int_equal(read.address.partition, 0);
    assert_int_equal(ring_tag_compare(read.address.tag, driver.ring->tag), 0);
    assert_int_equal(read.key_count, 1);
    struct reader keys = reader_make(read.keys);
    assert_true(slice_equal(reader_bytes(&keys), slice_text("k")));
    driver_deinit(&driver);
}

static void one_that_refuses_is_replaced_by_the_next(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 1, STATUS_NOT_READY, NULL);
    assert_asked(&driver, 7);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 2, STATUS_OK, &cell);
    assert_value(&driver, "v");
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_asked(&driver, 7);
    assert_false(driver.answered);
    driver_refused(&driver, 2, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.acks, 1);
    assert_int_equal(driver.result.needed, 2);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* Silence is no refusal: whoever of the two answers first counts. */
static void one_that_is_silent_is_joined_by_the_next(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    assert_int_equal(coordinated_request_deadline_us(driver.request), DRIVER_RETRY_MS * 1000);
    driver_tick(&driver, DRIVER_RETRY_MS - 1);
    assert_asked(&driver, 3);
    driver_tick(&driver, 1);
    assert_asked(&driver, 7);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    assert_value(&driver, "v");
    assert_true(coordinated_request_done(driver.request));
    cell_deinit(&cell);
    driver_deinit(&driver);
}

static void when_all_are_silent_it_times_out(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_ONE);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    for (int i = 0; i < 9; i++) {
        driver_tick(&driver, DRIVER_RETRY_MS);
        assert_false(driver.answered);
    }
    assert_asked(&driver, 7);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(driver.result.status, STATUS_TIMEOUT);
    assert_true(coordinated_request_done(driver.request));
    driver_deinit(&driver);
}

static void too_few_usable_owners_are_refused_before_anything_is_sent(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver.params.usable = 1;
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.acks, 1);
    assert_int_equal(driver.result.needed, 2);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

/* A replica that is being rebuilt has no answers, and must not be counted on to have one. */
static void an_own_replica_that_is_not_ready_is_not_asked(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver.params.self_ready = false;
    driver_start(&driver, &request);
    assert_asked(&driver, 6);
    driver_end(&driver);
    driver.params.usable = 3;
    driver_start(&driver, &request);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.acks, 1);
    assert_int_equal(driver.sent_count, 0);
    driver_deinit(&driver);
}

static void an_owner_that_went_away_before_its_turn_is_not_asked(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_ONE);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    driver_read_result(&driver, 0, STATUS_IO, NULL);
    assert_asked(&driver, 5);
    driver_deinit(&driver);
}

/* ---- what it answers ----------------------------------------------------------------------- */

static void a_value_a_tombstone_and_nothing_are_told_apart(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_ONE);
    struct cell value = driver_cell(1, "v"), tombstone = driver_cell(2, NULL);
    struct cell expired = driver_cell(3, "old"), lasting = driver_cell(4, "new");
    (void)state;
    expired.siblings[0].expire_at_ms = DRIVER_WALL_MS;
    lasting.siblings[0].expire_at_ms = DRIVER_WALL_MS + 1;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &value);
    assert_value(&driver, "v");
    assert_true(version_vector_covers(&driver.result.context, &value.siblings[0].dot));
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &tombstone);
    assert_value(&driver, NULL);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    assert_value(&driver, NULL);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &expired);
    assert_value(&driver, NULL);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &lasting);
    assert_value(&driver, "new");
    assert_int_equal(driver.result.outcomes[0].expire_at_ms, DRIVER_WALL_MS + 1);
    cell_deinit(&value);
    cell_deinit(&tombstone);
    cell_deinit(&expired);
    cell_deinit(&lasting);
    driver_deinit(&driver);
}

/* Absence is no evidence: one owner without the key does not outvote one that has it. */
static void a_value_that_one_owner_has_is_found(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_value(&driver, "v");
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* ---- repair -------------------------------------------------------------------------------- */

static void assert_repair_carries(const struct request_driver *driver, uint8_t owner,
                                  const struct cell *expected)
{
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_REPLICATE);
    struct message_replicate replicate;
    struct cell_delivery delivery;
    struct cell cell;
    assert_non_null(sent);
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &replicate), STATUS_OK);
    assert_int_equal(replicate.delivery_count, 1);
    struct reader reader = reader_make(replicate.deliveries);
    cell_delivery_decode(&reader, &delivery);
    assert_true(slice_equal(delivery.key, slice_text("k")));
    struct reader inner = reader_make(delivery.cell);
    cell_decode(&inner, &cell);
    assert_true(cell_same_version(&cell, expected));
    assert_true(slice_equal(cell.siblings[0].value, expected->siblings[0].value));
    cell_deinit(&cell);
}

static void the_newest_is_answered_only_when_enough_owners_hold_it(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    for (uint8_t stale = 0; stale < 2; stale++) {
        driver_init(&driver, "eu:3", 0);
        driver_start(&driver, &request);
        driver_read_result(&driver, stale, STATUS_OK, &old);
        driver_read_result(&driver, !stale, STATUS_OK, &new);
        assert_false(driver.answered);
        assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 1);
        assert_repair_carries(&driver, stale, &new);
        assert_int_equal(driver.read_repairs, 1);
        driver_replicated(&driver, !stale, STATUS_OK); /* nobody asked that one */
        assert_false(driver.answered);
        driver_replicated(&driver, stale, STATUS_OK);
        assert_value(&driver, "new");
        assert_true(coordinated_request_done(driver.request));
        driver_deinit(&driver);
    }
    cell_deinit(&old);
    cell_deinit(&new);
}

static void nothing_is_written_back_when_enough_owners_hold_it(void **state)
{
    struct request_driver driver;
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    struct key_request request = get_at(LEVEL_QUORUM);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &new);
    assert_value(&driver, "new");
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    driver_read_result(&driver, 1, STATUS_OK, NULL);
    assert_value(&driver, NULL);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* Below a majority no later read could be sure to meet the copy, so none is made. */
static void a_read_of_one_repairs_nothing(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_TWO);
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &old);
    driver_read_result(&driver, 1, STATUS_OK, &new);
    assert_value(&driver, "new");
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* Each of two owners may hold what the other lacks: then neither holds the answer. */
static void concurrent_versions_are_written_back_to_both(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell x = driver_cell(1, "x"), y = driver_cell(1, "y");
    (void)state;
    request.keyspace = 7;
    y.siblings[0].dot.actor.node = 2;
    y.context.entries[0].actor.node = 2;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &x);
    driver_read_result(&driver, 1, STATUS_OK, &y);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 2);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_false(driver.answered);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_value(&driver, "y"); /* equal times: the higher dot shows */
    assert_true(version_vector_covers(&driver.result.context, &x.siblings[0].dot));
    assert_true(version_vector_covers(&driver.result.context, &y.siblings[0].dot));
    cell_deinit(&x);
    cell_deinit(&y);
    driver_deinit(&driver);
}

/* One that fails now must not make a read fail while another owner can take its place. */
static void a_repair_that_is_refused_goes_to_another_owner(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &old);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_false(driver.answered);
    assert_repair_carries(&driver, 2, &new);
    driver_replicated(&driver, 2, STATUS_OK);
    assert_value(&driver, "new");
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &old);
    driver_replicated(&driver, 1, STATUS_IO);
    driver_replicated(&driver, 2, STATUS_IO);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

static void a_repair_that_is_not_answered_goes_to_another_owner(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_tick(&driver, 10);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &old);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 1);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_repair_carries(&driver, 2, &new);
    driver_replicated(&driver, 2, STATUS_OK);
    assert_value(&driver, "new");
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &old);
    driver_tick(&driver, DRIVER_TIMEOUT_MS); /* a read that shows nothing has no doubt to tell of */
    assert_int_equal(driver.result.status, STATUS_TIMEOUT);
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

/* Each answer fits in a message; what they merge to need not. */
static void siblings_that_no_message_can_carry_are_too_large(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    char *value = memory_new(MESSAGE_PAYLOAD_BYTES_MAX, 1);
    (void)state;
    memset(value, 'v', MESSAGE_PAYLOAD_BYTES_MAX * 2 / 3);
    struct cell x = driver_cell(1, value), y = driver_cell(1, value);
    y.siblings[0].dot.actor.node = 2;
    y.context.entries[0].actor.node = 2;
    request.keyspace = 7;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &x);
    driver_read_result(&driver, 1, STATUS_OK, &y);
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 0);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 1, STATUS_TOO_LARGE, NULL); /* one owner alone holds too much */
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    cell_deinit(&x);
    cell_deinit(&y);
    free(value);
    driver_deinit(&driver);
}

static void a_local_quorum_repairs_its_own_region(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_LOCAL_QUORUM);
    struct cell old = driver_cell(1, "old"), new = driver_cell(2, "new");
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    driver_start(&driver, &request);
    assert_asked(&driver, 3);
    driver_read_result(&driver, 0, STATUS_OK, &new);
    driver_read_result(&driver, 1, STATUS_OK, &old);
    driver_refused(&driver, 1, STATUS_UNAVAILABLE);
    assert_repair_carries(&driver, 2, &new);
    driver_replicated(&driver, 2, STATUS_OK);
    assert_value(&driver, "new");
    cell_deinit(&old);
    cell_deinit(&new);
    driver_deinit(&driver);
}

static void each_quorum_asks_and_counts_both_regions(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_EACH_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3,us:3", 0);
    driver_start(&driver, &request);
    assert_asked(&driver, 0x1b); /* two of each */
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    driver_read_result(&driver, 3, STATUS_OK, &cell);
    assert_false(driver.answered);
    driver_refused(&driver, 4, STATUS_UNAVAILABLE);
    assert_asked(&driver, 0x3b); /* the third of us, not of eu */
    driver_read_result(&driver, 5, STATUS_OK, &cell);
    assert_value(&driver, "v");
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* ---- what peers may get wrong -------------------------------------------------------------- */

static void doubled_and_unasked_answers_count_for_nothing(void **state)
{
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 0, STATUS_OK, &cell);
    driver_read_result(&driver, 2, STATUS_OK, &cell);
    driver_replicated(&driver, 1, STATUS_OK);
    driver_minted(&driver, STATUS_OK, true);
    coordinated_request_reply(driver.request, 999, MESSAGE_READ_RESULT, slice_text(""),
                              DRIVER_WALL_MS, &driver.output);
    coordinated_request_refused(driver.request, 999, STATUS_IO, DRIVER_WALL_MS, &driver.output);
    assert_false(driver.answered);
    driver_read_result(&driver, 1, STATUS_OK, &cell);
    assert_value(&driver, "v");
    driver_read_result(&driver, 1, STATUS_OK, &cell); /* late */
    driver_refused(&driver, 0, STATUS_UNAVAILABLE);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* Bytes with a good checksum may still be nonsense: then the peer has not answered. */
static void garbage_is_a_refusal(void **state)
{
    static const uint8_t two_cells[] = {STATUS_OK, 0, 2, 0, 0}, no_cell[] = {STATUS_OK, 0, 0},
                         bad_cell[] = {STATUS_OK, 0, 1, 2, 0xff, 0xff};
    const struct {
        uint16_t type;
        struct slice body;
    } cases[] = {
        {MESSAGE_READ_RESULT, slice_text("")},
        {MESSAGE_READ_RESULT, slice_text("garbage")},
        {MESSAGE_READ_RESULT, slice_make(two_cells, sizeof two_cells)},
        {MESSAGE_READ_RESULT, slice_make(no_cell, sizeof no_cell)},
        {MESSAGE_READ_RESULT, slice_make(bad_cell, sizeof bad_cell)},
        {MESSAGE_RANGE_RESULT, slice_text("")},
        {MESSAGE_DIGEST_RESULT, slice_text("")},
    };
    struct request_driver driver;
    struct key_request request = get_at(LEVEL_QUORUM);
    struct cell cell = driver_cell(1, "v");
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        driver_start(&driver, &request);
        driver_reply(&driver, 1, cases[i].type, cases[i].body);
        assert_asked(&driver, 7);
        driver_read_result(&driver, 0, STATUS_OK, &cell);
        driver_read_result(&driver, 2, STATUS_OK, &cell);
        assert_value(&driver, "v");
        driver_end(&driver);
    }
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* ---- monotonic reads ----------------------------------------------------------------------- */

/* The owner stores what was written back to it. */
static void store_repair(const struct request_driver *driver, uint8_t owner, uint64_t held[3])
{
    struct message_replicate replicate;
    struct cell_delivery delivery;
    struct cell cell;
    const struct driver_sent *sent = driver_find_sent(driver, owner, MESSAGE_REPLICATE);
    assert_int_equal(message_replicate_decode(buffer_slice(&sent->body), &replicate), STATUS_OK);
    struct reader reader = reader_make(replicate.deliveries);
    cell_delivery_decode(&reader, &delivery);
    struct reader inner = reader_make(delivery.cell);
    cell_decode(&inner, &cell);
    if (cell.siblings[0].dot.sequence > held[owner])
        held[owner] = cell.siblings[0].dot.sequence;
    cell_deinit(&cell);
}

/*
 * A read at a majority with refusals and silence on the way: the version shown, 0 when it failed.
 */
static uint64_t read_once(struct request_driver *driver, struct random *random, uint64_t held[3])
{
    struct key_request request = get_at(LEVEL_QUORUM);
    driver_start(driver, &request);
    while (!driver->answered) {
        uint8_t owner = (uint8_t)random_below(random, 3);
        struct cell cell = driver_cell(held[owner], "v");
        if (random_chance(random, 1, 6)) {
            driver_tick(driver, 60);
        } else if (random_chance(random, 1, 20)) {
            driver_refused(driver, owner, STATUS_UNAVAILABLE);
        } else if (driver_find_sent(driver, owner, MESSAGE_REPLICATE) != NULL) {
            store_repair(driver, owner, held);
            if (random_chance(random, 1, 2)) /* else its answer is on its way */
                driver_replicated(driver, owner, STATUS_OK);
        } else if (driver_find_sent(driver, owner, MESSAGE_READ) != NULL) {
            driver_read_result(driver, owner, STATUS_OK, &cell);
        }
        cell_deinit(&cell);
    }
    uint64_t shown =
        driver->result.status == STATUS_OK ? driver->result.context.entries[0].sequence : 0;
    driver_end(driver);
    return shown;
}

/* The promise of Attiya, Bar-Noy and Dolev: of two reads the second never shows less. */
static void reads_at_a_majority_never_go_backwards(void **state)
{
    struct request_driver driver;
    unsigned compared = 0, raised = 0;
    (void)state;
    driver_init(&driver, "eu:3", 0);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct random random = random_make(seed);
        uint64_t held[3], shown = 0;
        for (int i = 0; i < 3; i++)
            held[i] = 1 + random_below(&random, 3);
        for (int read = 0; read < 4; read++) {
            driver.params.self = driver.owners.nodes[random_below(&random, 3)];
            uint64_t next = read_once(&driver, &random, held);
            if (next == 0)
                continue; /* it failed, and promised nothing */
            assert_true(next >= shown);
            compared += shown != 0;
            raised += next > shown && shown != 0;
            shown = next;
        }
    }
    assert_true(compared > 2000);
    assert_true(raised > 50);
    driver_deinit(&driver);
}

/* ---- other questions ----------------------------------------------------------------------- */

static void coverage_counts_the_owners_that_hold_the_dot(void **state)
{
    struct request_driver driver;
    struct key_request request = driver_get();
    struct cell without = driver_cell(4, "old"), with = driver_cell(5, "v");
    struct cell later = driver_cell(6, NULL); /* superseded there: that covers it too */
    (void)state;
    request.kind = KEY_COVERAGE;
    request.dot = with.siblings[0].dot;
    driver_init(&driver, "eu:3,us:3", 0);
    driver_start(&driver, &request);
    assert_asked(&driver, 0x3f);
    driver_read_result(&driver, 0, STATUS_OK, &with);
    driver_read_result(&driver, 1, STATUS_OK, &without);
    driver_read_result(&driver, 2, STATUS_OK, &later);
    driver_read_result(&driver, 3, STATUS_OK, NULL);
    driver_read_result(&driver, 4, STATUS_NOT_READY, NULL);
    assert_false(driver.answered);
    driver_refused(&driver, 5, STATUS_UNAVAILABLE);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_int_equal(driver.result.count, 2);
    driver_end(&driver);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &with);
    driver_tick(&driver, DRIVER_RETRY_MS); /* what is known in time counts */
    assert_int_equal(driver.result.count, 1);
    cell_deinit(&without);
    cell_deinit(&with);
    cell_deinit(&later);
    driver_deinit(&driver);
}

static void answer_digest(struct request_driver *driver, uint8_t owner, enum status status)
{
    struct buffer body = {0};
    struct message_digest_result digest = {
        .status = status, .keyspace_count = 3, .count = 10, .clock_digest = 7, .content_digest = 8};
    message_digest_result_encode(&digest, &body);
    driver_reply(driver, owner, MESSAGE_DIGEST_RESULT, buffer_slice(&body));
    buffer_deinit(&body);
}

static void a_count_is_of_one_owner_and_one_keyspace(void **state)
{
    struct request_driver driver;
    struct key_request request = {.kind = KEY_COUNT};
    (void)state;
    driver_init(&driver, "eu:3", 1);
    driver_start(&driver, &request);
    assert_int_equal(driver.sent_count, 1);
    answer_digest(&driver, 1, STATUS_NOT_READY);
    assert_non_null(driver_find_sent(&driver, 0, MESSAGE_DIGEST));
    answer_digest(&driver, 0, STATUS_OK);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_int_equal(driver.result.count, 3);
    driver_deinit(&driver);
}

static void a_digest_is_of_the_own_replica_alone(void **state)
{
    struct request_driver driver;
    struct key_request request = {.kind = KEY_DIGEST};
    (void)state;
    driver_init(&driver, "eu:3", 2);
    driver.params.self_ready = false; /* what is being rebuilt has a state too */
    driver_start(&driver, &request);
    assert_int_equal(driver.sent_count, 1);
    answer_digest(&driver, 2, STATUS_OK);
    assert_int_equal(driver.result.count, 10);
    assert_int_equal(driver.result.clock_digest, 7);
    assert_int_equal(driver.result.content_digest, 8);
    driver_end(&driver);
    driver_start(&driver, &request);
    answer_digest(&driver, 2, STATUS_NOT_READY);
    assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
    assert_int_equal(driver.sent_count, 1);
    driver_deinit(&driver);
}

/* ---- siblings ------------------------------------------------------------------------------ */

/* Key "k" in the keyspace that keeps siblings. */
static struct key_request get_siblings(enum level level)
{
    struct key_request request = get_at(level);
    request.keyspace = 7;
    request.flags = KEY_SIBLINGS;
    return request;
}

static void add_version(struct cell *cell, node_id node, uint64_t sequence, hybrid_time time,
                        const char *value, uint64_t expire_at_ms)
{
    struct sibling sibling = {.dot = {.actor = {.node = node}, .sequence = sequence},
                              .time = time,
                              .kind = value == NULL ? SIBLING_TOMBSTONE : SIBLING_STRING,
                              .expire_at_ms = expire_at_ms};
    if (value != NULL)
        sibling.value = slice_text(value);
    cell_insert(cell, &sibling);
}

static void all_visible_siblings_are_answered_newest_first(void **state)
{
    struct request_driver driver;
    struct key_request request = get_siblings(LEVEL_ALL);
    struct cell cell = {0};
    (void)state;
    add_version(&cell, 1, 1, 30, "first", 0);
    add_version(&cell, 2, 1, 50, "newest", DRIVER_WALL_MS + 1);
    add_version(&cell, 2, 2, 40, "expired", DRIVER_WALL_MS);
    add_version(&cell, 3, 1, 60, NULL, 0);
    add_version(&cell, 3, 2, 30, "tied", 0);
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    for (uint8_t i = 0; i < 3; i++)
        driver_read_result(&driver, i, STATUS_OK, &cell);
    assert_true(driver.answered);
    const struct key_result *result = &driver.result;
    assert_int_equal(result->outcome_count, 3);
    static const char *const values[] = {"newest", "tied", "first"};
    static const hybrid_time times[] = {50, 30, 30};
    static const node_id nodes[] = {2, 3, 1};
    for (unsigned i = 0; i < 3; i++) {
        assert_true(result->outcomes[i].visible);
        assert_true(slice_equal(result->outcomes[i].value, slice_text(values[i])));
        assert_int_equal(result->outcomes[i].time, times[i]);
        assert_int_equal(result->outcomes[i].dot.actor.node, nodes[i]);
    }
    assert_int_equal(result->outcomes[0].expire_at_ms, DRIVER_WALL_MS + 1);
    assert_true(version_vector_equal(&result->context, &cell.context)); /* the tombstone's too */
    assert_int_equal(result->time, 60);
    cell_deinit(&cell);
    driver_deinit(&driver);
}

/* A context may cover only what a quorum keeps: else its write replaces what may yet be lost. */
static void siblings_are_answered_after_their_repair(void **state)
{
    struct request_driver driver;
    struct key_request request = get_siblings(LEVEL_QUORUM);
    struct cell a = {0}, b = {0};
    (void)state;
    add_version(&a, 1, 1, 30, "a", 0);
    add_version(&b, 2, 1, 40, "b", 0);
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &a);
    driver_read_result(&driver, 1, STATUS_OK, &b);
    assert_false(driver.answered);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_REPLICATE), 2);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_false(driver.answered);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_true(driver.answered);
    assert_int_equal(driver.result.outcome_count, 2);
    cell_deinit(&a);
    cell_deinit(&b);
    driver_deinit(&driver);
}

static void an_absent_key_has_no_siblings_and_an_empty_context(void **state)
{
    struct request_driver driver;
    struct key_request request = get_siblings(LEVEL_ONE);
    (void)state;
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, NULL);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_OK);
    assert_int_equal(driver.result.outcome_count, 0);
    assert_int_equal(driver.result.context.count, 0);
    assert_int_equal(driver.result.time, 0);
    driver_deinit(&driver);
}

/* Owners send what no frame could hold together; the encoder would stop the process. */
static void a_merge_that_fits_no_message_is_a_definite_error(void **state)
{
    struct request_driver driver;
    struct key_request request = get_siblings(LEVEL_QUORUM);
    struct cell a = {0}, b = {0};
    (void)state;
    for (uint32_t i = 1; i <= CELL_SIBLINGS_MAX; i++)
        add_version(&a, 1, i, i, "", 0);
    add_version(&b, 2, 1, 40, "b", 0);
    driver_init(&driver, "eu:3", 0);
    driver_start(&driver, &request);
    driver_read_result(&driver, 0, STATUS_OK, &a);
    driver_read_result(&driver, 1, STATUS_OK, &b);
    assert_true(driver.answered);
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    assert_true(coordinated_request_done(driver.request));
    driver_end(&driver);
    driver_start(&driver, &request); /* as a replica answers that holds more than a frame */
    driver_read_result(&driver, 1, STATUS_TOO_LARGE, NULL);
    assert_int_equal(driver.result.status, STATUS_TOO_LARGE);
    cell_deinit(&a);
    cell_deinit(&b);
    driver_deinit(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_asks_as_many_owners_as_its_level_needs),
        cmocka_unit_test(the_question_names_partition_tag_and_key),
        cmocka_unit_test(one_that_refuses_is_replaced_by_the_next),
        cmocka_unit_test(one_that_is_silent_is_joined_by_the_next),
        cmocka_unit_test(when_all_are_silent_it_times_out),
        cmocka_unit_test(too_few_usable_owners_are_refused_before_anything_is_sent),
        cmocka_unit_test(an_own_replica_that_is_not_ready_is_not_asked),
        cmocka_unit_test(an_owner_that_went_away_before_its_turn_is_not_asked),
        cmocka_unit_test(a_value_a_tombstone_and_nothing_are_told_apart),
        cmocka_unit_test(a_value_that_one_owner_has_is_found),
        cmocka_unit_test(the_newest_is_answered_only_when_enough_owners_hold_it),
        cmocka_unit_test(nothing_is_written_back_when_enough_owners_hold_it),
        cmocka_unit_test(a_read_of_one_repairs_nothing),
        cmocka_unit_test(concurrent_versions_are_written_back_to_both),
        cmocka_unit_test(a_repair_that_is_refused_goes_to_another_owner),
        cmocka_unit_test(a_repair_that_is_not_answered_goes_to_another_owner),
        cmocka_unit_test(siblings_that_no_message_can_carry_are_too_large),
        cmocka_unit_test(a_local_quorum_repairs_its_own_region),
        cmocka_unit_test(each_quorum_asks_and_counts_both_regions),
        cmocka_unit_test(doubled_and_unasked_answers_count_for_nothing),
        cmocka_unit_test(garbage_is_a_refusal),
        cmocka_unit_test(reads_at_a_majority_never_go_backwards),
        cmocka_unit_test(coverage_counts_the_owners_that_hold_the_dot),
        cmocka_unit_test(a_count_is_of_one_owner_and_one_keyspace),
        cmocka_unit_test(a_digest_is_of_the_own_replica_alone),
        cmocka_unit_test(all_visible_siblings_are_answered_newest_first),
        cmocka_unit_test(siblings_are_answered_after_their_repair),
        cmocka_unit_test(an_absent_key_has_no_siblings_and_an_empty_context),
        cmocka_unit_test(a_merge_that_fits_no_message_is_a_definite_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
