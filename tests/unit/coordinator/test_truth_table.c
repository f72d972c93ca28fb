/*
 * test_truth_table.c - every level and option against every set of lost owners.
 *
 * What must come out is said here a second time, as a predicate over the set of owners that
 * answer, and shares no code with quorum.c. What does come out is asked of the whole
 * machine: requests are started, and each owner answers, refuses, is silent or is known
 * to be lost before anything begins.
 */
#include "request_driver.h"

enum { OWNERS_TEST_MAX = 6, REGION_NONE = 9 };

enum loss {
    LOSS_KNOWN,   /* before the request begins */
    LOSS_REFUSES, /* it answers that it cannot */
    LOSS_SILENT,
    LOSS_COUNT
};

static const char *const rings[] = {"eu:1",      "eu:2",      "eu:3",           "eu:5",
                                    "eu:2,us:1", "eu:3,us:3", "eu:1,us:1,ap:1", "eu:2,us:2,ap:1"};

/* ---- what must come out -------------------------------------------------------------------- */

struct expected {
    bool possible; /* enough owners exist for the numbers that were given */
    bool met;      /* by those that answer */
};

static unsigned count_in(const struct preference_list *owners, owner_mask mask, unsigned region)
{
    unsigned count = 0;
    for (uint8_t i = 0; i < owners->primary_count; i++)
        if ((mask >> i & 1) != 0 && (region == REGION_NONE || owners->regions[i] == region))
            count++;
    return count;
}

static bool is_majority(unsigned count, unsigned all)
{
    return 2 * count > all;
}

static bool number_met(uint8_t number, unsigned count, unsigned all)
{
    if (number == OWNERS_QUORUM)
        return is_majority(count, all);
    return count >= (number == OWNERS_ALL ? all : number);
}

static bool number_possible(uint8_t number, unsigned all)
{
    return number == OWNERS_QUORUM || number == OWNERS_ALL || number <= all;
}

static struct expected level_met(const struct preference_list *owners, uint8_t level,
                                 unsigned local, owner_mask alive)
{
    const owner_mask everyone = ~(owner_mask)0;
    unsigned all = owners->primary_count;
    unsigned count = count_in(owners, alive, REGION_NONE);
    struct expected out = {.possible = true};
    switch (level) {
    case LEVEL_ANY: /* fallbacks are out of reach here: test_fallbacks has them */
        out.met = count >= 1;
        break;
    case LEVEL_ONE:
    case LEVEL_TWO:
    case LEVEL_THREE:
        out.possible = all >= level - LEVEL_ONE + 1u;
        out.met = count >= level - LEVEL_ONE + 1u;
        break;
    case LEVEL_ALL:
        out.met = count == all;
        break;
    case LEVEL_LOCAL_ONE:
        out.met = count_in(owners, alive, local) >= 1;
        break;
    case LEVEL_LOCAL_QUORUM:
        out.met = is_majority(count_in(owners, alive, local), count_in(owners, everyone, local));
        break;
    case LEVEL_EACH_QUORUM:
        out.met = true;
        for (unsigned region = 0; region < REGION_NONE; region++)
            if (count_in(owners, everyone, region) > 0)
                out.met = out.met && is_majority(count_in(owners, alive, region),
                                                 count_in(owners, everyone, region));
        break;
    default:
        out.met = is_majority(count, all);
    }
    return out;
}

/* `number` is r or w, `owners_number` pr or pw, `durable` dw or nothing. */
static struct expected expect(const struct preference_list *owners, uint8_t level, uint8_t number,
                              uint8_t owners_number, uint8_t durable, unsigned local,
                              owner_mask alive)
{
    unsigned all = owners->primary_count;
    unsigned count = count_in(owners, alive, REGION_NONE);
    struct expected out = {number_possible(number, all), number_met(number, count, all)};
    if (number == OWNERS_UNSET)
        out = level_met(owners, level, local, alive);
    out.possible = out.possible && number_possible(owners_number, all);
    out.possible = out.possible && number_possible(durable, all);
    out.met = out.met && number_met(owners_number, count, all) && number_met(durable, count, all);
    return out;
}

/* ---- what does come out -------------------------------------------------------------------- */

struct trial {
    struct request_driver driver;
    owner_mask lost;
    enum loss loss;
};

static void answer(struct trial *trial, const struct driver_sent *sent)
{
    struct request_driver *driver = &trial->driver;
    bool lost = (trial->lost >> sent->owner & 1) != 0;
    assert_false(lost && trial->loss == LOSS_KNOWN); /* who is known to be lost is not asked */
    if (lost && trial->loss == LOSS_SILENT)
        return;
    if (sent->type == MESSAGE_MINT) {
        driver_minted(driver, STATUS_OK, true);
        driver_replicated(driver, sent->owner, STATUS_OK);
    } else if (sent->type == MESSAGE_READ) {
        driver_read_result(driver, sent->owner, lost ? STATUS_IO : STATUS_OK, NULL);
    } else {
        assert_int_equal(sent->type, MESSAGE_REPLICATE);
        driver_replicated(driver, sent->owner, lost ? STATUS_IO : STATUS_OK);
    }
}

static enum status run(struct trial *trial, const struct key_request *request)
{
    struct request_driver *driver = &trial->driver;
    owner_mask all = ((owner_mask)1 << driver->ring->owner_count) - 1;
    bool known = trial->loss == LOSS_KNOWN;
    driver->params.usable = known ? all & ~trial->lost : all;
    driver->params.self_ready = !known || (trial->lost & 1) == 0;
    driver_start(driver, request);
    for (unsigned done = 0; !driver->answered;) {
        if (done < driver->sent_count)
            answer(trial, &driver->sent[done++]);
        else
            driver_tick(driver, DRIVER_RETRY_MS);
    }
    enum status status = driver->result.status;
    driver_end(driver);
    return status;
}

/* ---- reads --------------------------------------------------------------------------------- */

static void check_read(struct trial *trial, struct request_options options, uint8_t region)
{
    static const enum status failed[LOSS_COUNT] = {STATUS_UNAVAILABLE, STATUS_UNAVAILABLE,
                                                   STATUS_TIMEOUT};
    const struct preference_list *owners = &trial->driver.owners;
    owner_mask all = ((owner_mask)1 << owners->primary_count) - 1;
    struct key_request request = driver_get();
    request.options = options;
    request.region = region;
    for (trial->lost = 0; trial->lost <= all; trial->lost++) {
        struct expected expected = expect(owners, options.level, options.r, options.pr, 0,
                                          region == 0 ? 0 : region - 1u, all & ~trial->lost);
        struct expected whole = expect(owners, options.level, options.r, options.pr, 0,
                                       region == 0 ? 0 : region - 1u, all);
        for (trial->loss = 0; trial->loss < LOSS_COUNT; trial->loss++) {
            enum status status = run(trial, &request);
            if (!expected.possible)
                assert_int_equal(status, STATUS_INVALID);
            else if (expected.met)
                assert_int_equal(status, STATUS_OK);
            else /* what nobody could ever meet is not tried */
                assert_int_equal(status, whole.met ? failed[trial->loss] : STATUS_UNAVAILABLE);
        }
    }
}

/* Numbers that are tried: none, 1 .. one too many, and the words. */
static unsigned numbers_of(unsigned owners, uint8_t numbers[OWNERS_TEST_MAX + 4])
{
    unsigned count = 0;
    for (uint8_t i = 0; i <= owners + 1; i++)
        numbers[count++] = i;
    numbers[count++] = OWNERS_QUORUM;
    numbers[count++] = OWNERS_ALL;
    return count;
}

static void a_read_has_an_answer_exactly_when_its_level_and_numbers_can_be_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        struct trial trial;
        uint8_t numbers[OWNERS_TEST_MAX + 4];
        driver_init(&trial.driver, rings[i], 0);
        unsigned count = numbers_of(trial.driver.ring->owner_count, numbers);
        for (uint8_t level = LEVEL_DEFAULT; level < LEVEL_COUNT; level++) {
            for (uint8_t region = 0; region <= trial.driver.ring->region_count; region++)
                check_read(&trial, (struct request_options){.level = level}, region);
            for (unsigned n = 1; n < count; n++) {
                check_read(&trial, (struct request_options){.level = level, .r = numbers[n]}, 0);
                check_read(&trial, (struct request_options){.level = level, .pr = numbers[n]}, 0);
            }
        }
        for (unsigned r = 1; r < count; r++)
            for (unsigned pr = 1; pr < count; pr++)
                check_read(&trial,
                           (struct request_options){
                               .level = LEVEL_ONE, .r = numbers[r], .pr = numbers[pr]},
                           0);
        driver_deinit(&trial.driver);
    }
}

/* ---- writes -------------------------------------------------------------------------------- */

/* The own replica mints, so it is never lost here; a write that reads first needs both levels. */
static void check_write(struct trial *trial, struct request_options options, uint8_t region,
                        bool reads)
{
    const struct preference_list *owners = &trial->driver.owners;
    owner_mask all = ((owner_mask)1 << owners->primary_count) - 1;
    unsigned local = region == 0 ? 0 : region - 1u;
    struct key_request request = reads ? driver_append("v") : driver_set("v");
    request.options = options;
    request.region = region;
    for (trial->lost = 0; trial->lost <= all; trial->lost += 2) {
        owner_mask alive = all & ~trial->lost;
        struct expected write =
            expect(owners, options.level, options.w, options.pw, options.dw, local, alive);
        struct expected read =
            expect(owners, options.level, options.r, options.pr, 0, local, alive);
        bool ever =
            expect(owners, options.level, options.w, options.pw, options.dw, local, all).met &&
            (!reads || expect(owners, options.level, options.r, options.pr, 0, local, all).met);
        for (trial->loss = 0; trial->loss < LOSS_COUNT; trial->loss++) {
            enum status status = run(trial, &request);
            if (!write.possible || !read.possible)
                assert_int_equal(status, STATUS_INVALID);
            else if (write.met && (!reads || read.met))
                assert_int_equal(status, STATUS_OK);
            else if (trial->loss == LOSS_KNOWN || !ever)
                assert_int_equal(status, STATUS_UNAVAILABLE); /* and nothing was minted */
            else if (reads && !read.met) /* lost before anything was minted: definite */
                assert_int_equal(status,
                                 trial->loss == LOSS_SILENT ? STATUS_TIMEOUT : STATUS_UNAVAILABLE);
            else
                assert_int_equal(status, STATUS_UNCERTAIN);
        }
    }
}

static void a_write_is_acknowledged_exactly_when_its_level_and_numbers_are_met(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        struct trial trial;
        uint8_t numbers[OWNERS_TEST_MAX + 4];
        driver_init(&trial.driver, rings[i], 0);
        unsigned count = numbers_of(trial.driver.ring->owner_count, numbers);
        for (uint8_t level = LEVEL_DEFAULT; level < LEVEL_COUNT; level++) {
            for (uint8_t region = 0; region <= trial.driver.ring->region_count; region++)
                for (int reads = 0; reads < 2; reads++)
                    check_write(&trial, (struct request_options){.level = level}, region,
                                reads != 0);
            for (unsigned n = 1; n < count; n++) {
                const struct request_options options[] = {
                    {.level = level, .w = numbers[n]},
                    {.level = level, .pw = numbers[n]},
                    {.level = level, .dw = numbers[n]},
                };
                for (unsigned o = 0; o < 3; o++)
                    check_write(&trial, options[o], 0, false);
                check_write(&trial, options[0], 0, true);
            }
        }
        for (unsigned w = 1; w < count; w++)
            for (unsigned pw = 1; pw < count; pw++)
                check_write(
                    &trial,
                    (struct request_options){.r = 1, .w = numbers[w], .pw = numbers[pw], .dw = 1},
                    0, (w + pw) % 2 != 0);
        driver_deinit(&trial.driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_has_an_answer_exactly_when_its_level_and_numbers_can_be_met),
        cmocka_unit_test(a_write_is_acknowledged_exactly_when_its_level_and_numbers_are_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
