/*
 * test_fallbacks.c - what stands in for an owner counts once, and only where the request lets it.
 */
#include "request_driver.h"

#include <string.h>

#include "base/bytes.h"

enum { OWNERS = 3, FALLBACKS = 2, HOLDERS = OWNERS + FALLBACKS };

static struct key_request set_with(struct request_options options)
{
    struct key_request request = driver_set("v");
    request.options = options;
    return request;
}

static struct request_options sloppy(enum level level)
{
    return (struct request_options){.level = (uint8_t)level, .sloppy = SLOPPY_YES};
}

static void start_and_mint(struct request_driver *driver, struct request_options options)
{
    struct key_request request = set_with(options);
    driver_start(driver, &request);
    driver_minted(driver, STATUS_OK, true);
}

/* For whom the last hint sent to this fallback is; 0: none was sent. */
static node_id intended_of(const struct request_driver *driver, uint8_t fallback)
{
    const struct driver_sent *sent = driver_find_sent(driver, fallback, MESSAGE_HINT);
    if (sent == NULL)
        return 0;
    struct reader reader = reader_make(buffer_slice(&sent->body));
    node_id intended = reader_u32(&reader);
    assert_true(
        slice_equal(reader_take(&reader, reader_left(&reader)), slice_text("replicate me")));
    return intended;
}

static void assert_answer(const struct request_driver *driver, enum status status, uint8_t acks,
                          uint8_t needed, uint8_t hints)
{
    assert_true(driver->answered);
    assert_int_equal(driver->result.status, status);
    assert_int_equal(driver->result.acks, acks);
    assert_int_equal(driver->result.needed, needed);
    assert_int_equal(driver->result.hints, hints);
}

/* A read before a write asks owners alone: who is refused hears how many of these are there. */
static void fallbacks_that_do_not_count_are_not_told_to_be_in_reach(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 1 | 1 << 2);
    struct key_request request = driver_append("v");
    request.options = sloppy(LEVEL_QUORUM);
    driver_start(&driver, &request);
    assert_answer(&driver, STATUS_UNAVAILABLE, 1, 2, 0);
    driver_deinit(&driver);
}

static void a_fallback_stands_in_for_an_owner_that_is_down(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 1 | 1 << 2);
    start_and_mint(&driver, sloppy(LEVEL_QUORUM));
    assert_int_equal(intended_of(&driver, 3), driver.owners.nodes[1]);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 1);
    driver_replicated(&driver, 0, STATUS_OK);
    assert_false(driver.answered);
    driver_hinted(&driver, 3, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 2, 2, 1);
    driver_deinit(&driver);
}

/* The log of an owner is the hint for the others: a copy is made only where w wants one. */
static void no_hint_is_made_while_the_owners_suffice(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 2);
    start_and_mint(&driver, sloppy(LEVEL_QUORUM));
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 2, 2, 0);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 0);
    driver_deinit(&driver);
}

static void an_owner_that_refuses_on_the_way_is_replaced_too(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    start_and_mint(&driver, sloppy(LEVEL_THREE));
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_NO_SPACE);
    assert_int_equal(intended_of(&driver, 3), driver.owners.nodes[1]);
    driver_refused(&driver, 2, STATUS_UNAVAILABLE);
    assert_int_equal(intended_of(&driver, 4), driver.owners.nodes[2]);
    driver_hinted(&driver, 4, STATUS_OK);
    driver_hinted(&driver, 3, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 3, 3, 2);
    driver_deinit(&driver);
}

static void the_next_fallback_takes_over_from_one_that_is_full(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 1 | 1 << 2);
    start_and_mint(&driver, sloppy(LEVEL_QUORUM));
    driver_replicated(&driver, 0, STATUS_OK);
    driver_hinted(&driver, 3, STATUS_NO_SPACE);
    assert_int_equal(intended_of(&driver, 4), driver.owners.nodes[1]);
    driver_hinted(&driver, 4, STATUS_NO_SPACE);
    assert_answer(&driver, STATUS_UNCERTAIN, 1, 2, 0);
    driver_deinit(&driver);
}

/* The hint goes to its owner and is then deleted: both together are one copy. */
static void an_owner_and_its_stand_in_count_once(void **state)
{
    struct request_driver driver;
    (void)state;
    for (int owner_first = 0; owner_first < 2; owner_first++) {
        driver_init_with(&driver, "eu:3", 0, FALLBACKS);
        driver.params.usable &= ~(owner_mask)(1 << 2);
        start_and_mint(&driver, sloppy(LEVEL_THREE));
        assert_int_equal(intended_of(&driver, 3), driver.owners.nodes[2]);
        driver_replicated(&driver, 0, STATUS_OK);
        driver_tick(&driver, DRIVER_RETRY_MS); /* owner 1 is slow */
        assert_int_equal(intended_of(&driver, 4), driver.owners.nodes[1]);
        if (owner_first)
            driver_replicated(&driver, 1, STATUS_OK);
        driver_hinted(&driver, 4, STATUS_OK);
        if (!owner_first)
            driver_replicated(&driver, 1, STATUS_OK);
        assert_false(driver.answered);
        driver_hinted(&driver, 3, STATUS_OK);
        assert_answer(&driver, STATUS_OK, 3, 3, 1);
        driver_deinit(&driver);
    }
}

/* Networks repeat what they carry: the second answer may be the first one again. */
static void a_fallback_that_is_not_needed_any_more_is_not_asked_for_another_owner(void **state)
{
    (void)state;
    for (int owner_first = 0; owner_first < 2; owner_first++) {
        struct request_driver driver;
        driver_init_with(&driver, "eu:3", 0, FALLBACKS);
        start_and_mint(&driver, sloppy(LEVEL_QUORUM));
        driver_tick(&driver, DRIVER_RETRY_MS); /* the own disk is slow */
        assert_int_equal(intended_of(&driver, 3), driver.owners.nodes[0]);
        if (owner_first)
            driver_replicated(&driver, 0, STATUS_OK);
        driver_hinted(&driver, 3, STATUS_OK);
        if (!owner_first)
            driver_replicated(&driver, 0, STATUS_OK);
        driver_refused(&driver, 1, STATUS_UNAVAILABLE);
        driver_refused(&driver, 2, STATUS_UNAVAILABLE);
        driver_hinted(&driver, 3, STATUS_OK);
        assert_false(driver.answered);
        assert_int_equal(intended_of(&driver, 4), driver.owners.nodes[1]);
        driver_hinted(&driver, 4, STATUS_OK);
        assert_answer(&driver, STATUS_OK, 2, 2, 1);
        driver_deinit(&driver);
    }
}

static void a_slow_owner_is_replaced_only_while_the_level_is_not_met(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    start_and_mint(&driver, sloppy(LEVEL_QUORUM));
    driver_replicated(&driver, 0, STATUS_OK);
    driver_tick(&driver, DRIVER_RETRY_MS - 1);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 0);
    driver_tick(&driver, 1);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 1);
    driver_hinted(&driver, 3, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 2, 2, 1);
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 1);
    driver_deinit(&driver);
}

static void fallbacks_are_spread_over_racks_and_stay_in_the_region(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:2,us:1", 0, 4);
    driver.params.usable &= ~(owner_mask)(1 << 1 | 1 << 2);
    /* The second fallback shares the rack of the first. */
    for (uint16_t i = 0; i < driver.ring->member_count; i++) {
        struct ring_member *member = &driver.ring->members[i];
        if (member->id == driver.owners.nodes[3] || member->id == driver.owners.nodes[4])
            strcpy(member->rack, "shared");
    }
    start_and_mint(&driver, sloppy(LEVEL_THREE));
    assert_int_not_equal(intended_of(&driver, 3), 0);
    assert_int_equal(intended_of(&driver, 4), 0);
    assert_int_not_equal(intended_of(&driver, 5), 0);
    assert_int_equal(driver.owners.regions[5], 0);
    driver_deinit(&driver);
}

static void a_message_of_the_wrong_kind_counts_for_nobody(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 2);
    start_and_mint(&driver, sloppy(LEVEL_THREE));
    driver_replicated(&driver, 3, STATUS_OK);
    driver_hinted(&driver, 1, STATUS_OK);
    driver_hinted(&driver, 4, STATUS_OK); /* never asked */
    driver_replicated(&driver, 0, STATUS_OK);
    driver_replicated(&driver, 1, STATUS_OK);
    assert_false(driver.answered);
    driver_hinted(&driver, 3, STATUS_OK);
    driver_hinted(&driver, 3, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 3, 3, 1);
    driver_deinit(&driver);
}

/* One copy anywhere, even before the own replica has synced; strict asks for an owner's. */
static void any_is_content_with_a_hint(void **state)
{
    struct request_driver driver;
    (void)state;
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    driver.params.usable &= ~(owner_mask)(1 << 1 | 1 << 2);
    start_and_mint(&driver, (struct request_options){.level = LEVEL_ANY});
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_not_equal(intended_of(&driver, 3), 0);
    driver_hinted(&driver, 3, STATUS_OK);
    assert_answer(&driver, STATUS_OK, 1, 1, 1);
    driver_deinit(&driver);
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    start_and_mint(&driver, (struct request_options){.level = LEVEL_ANY, .sloppy = SLOPPY_NO});
    driver_tick(&driver, DRIVER_RETRY_MS);
    assert_int_equal(driver_count_sent(&driver, MESSAGE_HINT), 0);
    driver_deinit(&driver);
}

/* ---- every level against everything that can happen to owners and fallbacks ---- */

enum fate { FATE_STORES, FATE_REFUSES, FATE_DOWN, FATE_COUNT };

struct requirement {
    struct request_options options;
    uint8_t holders, owners; /* needed, of three owners in one region */
};

static const struct requirement requirements[] = {
    {{.level = LEVEL_DEFAULT, .sloppy = SLOPPY_YES}, 2, 0},
    {{.level = LEVEL_ONE, .sloppy = SLOPPY_YES}, 1, 0},
    {{.level = LEVEL_TWO, .sloppy = SLOPPY_YES}, 2, 0},
    {{.level = LEVEL_THREE, .sloppy = SLOPPY_YES}, 3, 0},
    {{.level = LEVEL_QUORUM, .sloppy = SLOPPY_YES}, 2, 0},
    {{.level = LEVEL_ALL, .sloppy = SLOPPY_YES}, 3, 3},
    {{.level = LEVEL_LOCAL_ONE, .sloppy = SLOPPY_YES}, 0, 1},
    {{.level = LEVEL_LOCAL_QUORUM, .sloppy = SLOPPY_YES}, 0, 2},
    {{.level = LEVEL_EACH_QUORUM, .sloppy = SLOPPY_YES}, 0, 2},
    {{.level = LEVEL_ANY}, 1, 0},
    {{.level = LEVEL_ONE, .w = OWNERS_ALL, .sloppy = SLOPPY_YES}, 3, 0},
    {{.level = LEVEL_ONE, .dw = 2, .sloppy = SLOPPY_YES}, 2, 0},
    {{.level = LEVEL_LOCAL_QUORUM, .dw = 3, .sloppy = SLOPPY_YES}, 3, 2},
    {{.level = LEVEL_QUORUM}, 2, 2},
    {{.level = LEVEL_QUORUM, .sloppy = SLOPPY_NO}, 2, 2},
    {{.level = LEVEL_THREE, .sloppy = SLOPPY_NO}, 3, 3},
    {{.level = LEVEL_ANY, .sloppy = SLOPPY_NO}, 1, 1},
};

static uint8_t smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* Whether so many owners and fallbacks are enough: a fallback only in place of an owner. */
static bool suffices(const struct requirement *r, uint8_t owners, uint8_t fallbacks)
{
    uint8_t stand_ins = smaller(fallbacks, (uint8_t)(OWNERS - owners));
    return owners >= r->owners && owners + stand_ins >= r->holders;
}

/* Answer whoever was asked and has not been answered, owners first, until nobody is left. */
static void answer_all(struct request_driver *driver, const enum fate *fates)
{
    bool done[HOLDERS] = {false};
    bool again = true;
    while (again) {
        again = false;
        for (uint8_t i = 0; i < HOLDERS; i++) {
            uint16_t type = i >= OWNERS ? MESSAGE_HINT : i == 0 ? MESSAGE_MINT : MESSAGE_REPLICATE;
            if (done[i] || driver_find_sent(driver, i, type) == NULL)
                continue;
            assert_true(fates[i] != FATE_DOWN);
            done[i] = again = true;
            enum status status = fates[i] == FATE_STORES ? STATUS_OK : STATUS_NO_SPACE;
            if (i < OWNERS)
                driver_replicated(driver, i, status);
            else
                driver_hinted(driver, i, status);
        }
    }
}

static void check_hints(const struct request_driver *driver, const struct requirement *r,
                        const enum fate *fates)
{
    node_id first = intended_of(driver, OWNERS), second = intended_of(driver, OWNERS + 1);
    if (!options_are_sloppy(&r->options) || r->holders <= r->owners)
        assert_true(first == 0 && second == 0);
    if (fates[OWNERS] == FATE_STORES && fates[OWNERS + 1] == FATE_STORES && first != 0)
        assert_int_not_equal(first, second);
}

static void check_case(const struct requirement *r, const enum fate *fates)
{
    struct request_driver driver;
    struct key_request request = set_with(r->options);
    uint8_t reach[2] = {0}, store[2] = {0}; /* owners, fallbacks */
    driver_init_with(&driver, "eu:3", 0, FALLBACKS);
    for (uint8_t i = 0; i < HOLDERS; i++) {
        reach[i >= OWNERS] = (uint8_t)(reach[i >= OWNERS] + (fates[i] != FATE_DOWN));
        store[i >= OWNERS] = (uint8_t)(store[i >= OWNERS] + (fates[i] == FATE_STORES));
        if (fates[i] == FATE_DOWN)
            driver.params.usable &= ~((owner_mask)1 << i);
    }
    driver_start(&driver, &request);
    if (!options_are_sloppy(&r->options))
        reach[1] = store[1] = 0;
    if (!suffices(r, reach[0], reach[1])) {
        assert_true(driver.answered);
        assert_int_equal(driver.result.status, STATUS_UNAVAILABLE);
        assert_int_equal(driver.sent_count, 0);
    } else {
        driver_minted(&driver, STATUS_OK, true);
        answer_all(&driver, fates);
        assert_true(driver.answered);
        assert_int_equal(driver.result.status,
                         suffices(r, store[0], store[1]) ? STATUS_OK : STATUS_UNCERTAIN);
        check_hints(&driver, r, fates);
    }
    driver_deinit(&driver);
}

/* The own replica mints, so it is there; what becomes of it later is drawn as well. */
static void each_level_is_met_exactly_by_those_that_may_count(void **state)
{
    enum { CASES = 2 * FATE_COUNT * FATE_COUNT * FATE_COUNT * FATE_COUNT };
    (void)state;
    for (size_t r = 0; r < sizeof requirements / sizeof requirements[0]; r++) {
        for (int number = 0; number < CASES; number++) {
            enum fate fates[HOLDERS];
            int left = number / 2;
            fates[0] = number % 2 == 0 ? FATE_STORES : FATE_REFUSES;
            for (int i = 1; i < HOLDERS; i++, left /= FATE_COUNT)
                fates[i] = (enum fate)(left % FATE_COUNT);
            check_case(&requirements[r], fates);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_that_do_not_count_are_not_told_to_be_in_reach),
        cmocka_unit_test(a_fallback_stands_in_for_an_owner_that_is_down),
        cmocka_unit_test(no_hint_is_made_while_the_owners_suffice),
        cmocka_unit_test(an_owner_that_refuses_on_the_way_is_replaced_too),
        cmocka_unit_test(the_next_fallback_takes_over_from_one_that_is_full),
        cmocka_unit_test(an_owner_and_its_stand_in_count_once),
        cmocka_unit_test(a_fallback_that_is_not_needed_any_more_is_not_asked_for_another_owner),
        cmocka_unit_test(a_slow_owner_is_replaced_only_while_the_level_is_not_met),
        cmocka_unit_test(fallbacks_are_spread_over_racks_and_stay_in_the_region),
        cmocka_unit_test(a_message_of_the_wrong_kind_counts_for_nobody),
        cmocka_unit_test(any_is_content_with_a_hint),
        cmocka_unit_test(each_level_is_met_exactly_by_those_that_may_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
