/*
 * test_quorum.c - every level and number against every subset of owners.
 *
 * A row says in numbers what a level needs: of all owners, of those in eu, of
 * those in us. That table is the specification; each row is compared with the
 * module for every subset counted and every subset that may still be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "coordinator/quorum.h"

enum { EU, US, NONE = 99 };

struct topology {
    uint8_t owners;
    uint8_t regions[6];
};

static const struct topology EU3 = {3, {EU, EU, EU}};
static const struct topology EU2_US1 = {3, {EU, EU, US}};
static const struct topology EU3_US3 = {6, {EU, EU, EU, US, US, US}};

struct row {
    const struct topology *topology;
    uint8_t home;
    struct request_options options; /* level, and r and w, which are set alike, and dw */
    uint8_t all, eu, us;            /* needed; all = NONE: invalid */
    bool repairs;
};

#define LEVEL(name)                                                                                \
    {                                                                                              \
        .level = LEVEL_##name                                                                      \
    }
#define NUMBER(number)                                                                             \
    {                                                                                              \
        .r = (number), .w = (number)                                                               \
    }

static const struct row rows[] = {
    {&EU3, EU, LEVEL(DEFAULT), 2, 0, 0, true},
    {&EU3, EU, LEVEL(ONE), 1, 0, 0, false},
    {&EU3, EU, LEVEL(TWO), 2, 0, 0, true},
    {&EU3, EU, LEVEL(THREE), 3, 0, 0, true},
    {&EU3, EU, LEVEL(QUORUM), 2, 0, 0, true},
    {&EU3, EU, LEVEL(ALL), 3, 0, 0, true},
    {&EU3, EU, LEVEL(LOCAL_ONE), 0, 1, 0, false},
    {&EU3, EU, LEVEL(LOCAL_QUORUM), 0, 2, 0, true},
    {&EU3, EU, LEVEL(EACH_QUORUM), 0, 2, 0, true},
    {&EU3, US, LEVEL(LOCAL_ONE), 0, 0, 1, false},
    {&EU3, US, LEVEL(LOCAL_QUORUM), 0, 0, 1, true},
    {&EU3, EU, NUMBER(1), 1, 0, 0, false},
    {&EU3, EU, NUMBER(2), 2, 0, 0, true},
    {&EU3, EU, NUMBER(3), 3, 0, 0, true},
    {&EU3, EU, NUMBER(4), NONE, 0, 0, false},
    {&EU3, EU, NUMBER(253), NONE, 0, 0, false},
    {&EU3, EU, NUMBER(OWNERS_QUORUM), 2, 0, 0, true},
    {&EU3, EU, NUMBER(OWNERS_ALL), 3, 0, 0, true},

    {&EU2_US1, EU, LEVEL(DEFAULT), 2, 0, 0, true},
    {&EU2_US1, EU, LEVEL(ONE), 1, 0, 0, false},
    {&EU2_US1, EU, LEVEL(THREE), 3, 0, 0, true},
    {&EU2_US1, EU, LEVEL(ALL), 3, 0, 0, true},
    {&EU2_US1, EU, LEVEL(LOCAL_ONE), 0, 1, 0, false},
    {&EU2_US1, US, LEVEL(LOCAL_ONE), 0, 0, 1, false},
    {&EU2_US1, EU, LEVEL(LOCAL_QUORUM), 0, 2, 0, true},
    {&EU2_US1, US, LEVEL(LOCAL_QUORUM), 0, 0, 1, true},
    {&EU2_US1, EU, LEVEL(EACH_QUORUM), 0, 2, 1, true},
    {&EU2_US1, US, LEVEL(EACH_QUORUM), 0, 2, 1, true},

    {&EU3_US3, EU, LEVEL(DEFAULT), 4, 0, 0, true},
    {&EU3_US3, EU, LEVEL(ONE), 1, 0, 0, false},
    {&EU3_US3, EU, LEVEL(TWO), 2, 0, 0, false},
    {&EU3_US3, EU, LEVEL(THREE), 3, 0, 0, false},
    {&EU3_US3, US, LEVEL(QUORUM), 4, 0, 0, true},
    {&EU3_US3, EU, LEVEL(ALL), 6, 0, 0, true},
    {&EU3_US3, EU, LEVEL(LOCAL_ONE), 0, 1, 0, false},
    {&EU3_US3, EU, LEVEL(LOCAL_QUORUM), 0, 2, 0, true},
    {&EU3_US3, US, LEVEL(LOCAL_QUORUM), 0, 0, 2, true},
    {&EU3_US3, EU, LEVEL(EACH_QUORUM), 0, 2, 2, true},
    {&EU3_US3, EU, NUMBER(5), 5, 0, 0, true},
    {&EU3_US3, EU, NUMBER(7), NONE, 0, 0, false},
    {&EU3_US3, EU, NUMBER(OWNERS_QUORUM), 4, 0, 0, true},
    {&EU3_US3, EU, NUMBER(OWNERS_ALL), 6, 0, 0, true},
};

/* A number binds stronger than a name. dw only raises, and only a write. */
static const struct row writes[] = {
    {&EU3, EU, {.level = LEVEL_ALL, .w = 1}, 1, 0, 0, false},
    {&EU3, EU, {.level = LEVEL_ONE, .w = OWNERS_ALL}, 3, 0, 0, true},
    {&EU3, EU, {.level = LEVEL_ONE, .dw = 2}, 2, 0, 0, true},
    {&EU3, EU, {.level = LEVEL_ALL, .dw = 1}, 3, 0, 0, true},
    {&EU3, EU, {.level = LEVEL_ONE, .dw = OWNERS_QUORUM}, 2, 0, 0, true},
    {&EU3, EU, {.level = LEVEL_ONE, .dw = OWNERS_ALL}, 3, 0, 0, true},
    {&EU3, EU, {.level = LEVEL_ONE, .dw = 4}, NONE, 0, 0, false},
    {&EU3, EU, {.level = LEVEL_ALL, .r = 1}, 3, 0, 0, true},
    {&EU3_US3, EU, {.level = LEVEL_LOCAL_QUORUM, .dw = 3}, 3, 2, 0, true},
    {&EU3_US3, EU, {.level = LEVEL_EACH_QUORUM, .dw = 1}, 1, 2, 2, true},
    {&EU3_US3, EU, {.level = LEVEL_EACH_QUORUM, .w = 2}, 2, 0, 0, false},
};

static const struct row reads[] = {
    {&EU3, EU, {.level = LEVEL_ONE, .w = 3, .dw = 3}, 1, 0, 0, false},
    {&EU3, EU, {.level = LEVEL_ALL, .r = 1}, 1, 0, 0, false},
    {&EU3, EU, {.level = LEVEL_ONE, .r = 4}, NONE, 0, 0, false},
};

static uint8_t count_in(const struct topology *topology, owner_mask mask, int region)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < topology->owners; i++)
        if ((mask >> i & 1) != 0 && (region < 0 || topology->regions[i] == region))
            count++;
    return count;
}

static bool should_be_met(const struct row *row, owner_mask mask)
{
    return count_in(row->topology, mask, -1) >= row->all &&
           count_in(row->topology, mask, EU) >= row->eu &&
           count_in(row->topology, mask, US) >= row->us;
}

static enum status init(struct quorum *quorum, const struct row *row, enum quorum_purpose purpose)
{
    struct preference_list owners = {.primary_count = row->topology->owners,
                                     .count = row->topology->owners};
    for (uint8_t i = 0; i < owners.count; i++) {
        owners.nodes[i] = i + 1u;
        owners.regions[i] = row->topology->regions[i];
    }
    return quorum_init(quorum, &owners, row->home, &row->options, purpose);
}

/* Asking only who is wanted must lead to the level, and must stop there. */
static void check_wants(const struct quorum *quorum, const struct row *row)
{
    owner_mask asked = 0;
    for (uint8_t i = 0; i < row->topology->owners; i++) {
        if (quorum_wants(quorum, asked, i)) {
            assert_false(quorum_met_with(quorum, asked));
            asked |= (owner_mask)1 << i;
            assert_false(quorum_wants(quorum, asked, i));
        }
    }
    owner_mask all = ((owner_mask)1 << row->topology->owners) - 1;
    assert_int_equal(quorum_met_with(quorum, asked), should_be_met(row, all));
}

static void check_row(const struct row *row, enum quorum_purpose purpose)
{
    struct quorum quorum;
    owner_mask all = ((owner_mask)1 << row->topology->owners) - 1;
    if (row->all == NONE) {
        assert_int_equal(init(&quorum, row, purpose), STATUS_INVALID);
        return;
    }
    for (owner_mask counted = 0; counted <= all; counted++) {
        assert_int_equal(init(&quorum, row, purpose), STATUS_OK);
        assert_int_equal(quorum.repairs, row->repairs);
        for (int twice = 0; twice < 2; twice++) /* a second time changes nothing */
            for (uint8_t i = 0; i < row->topology->owners; i++)
                if ((counted >> i & 1) != 0)
                    quorum_count(&quorum, i);
        assert_int_equal(quorum_counted(&quorum), count_in(row->topology, counted, -1));
        assert_int_equal(quorum_met(&quorum), should_be_met(row, counted));
        for (owner_mask more = 0; more <= all; more++)
            assert_int_equal(quorum_met_with(&quorum, more), should_be_met(row, counted | more));
        check_wants(&quorum, row);
    }
    uint8_t regions = (uint8_t)(row->eu + row->us);
    assert_int_equal(quorum_needed(&quorum), row->all > regions ? row->all : regions);
}

static void levels_and_numbers_mean_the_same_for_reads_and_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check_row(&rows[i], QUORUM_READ);
        check_row(&rows[i], QUORUM_WRITE);
    }
}

static void a_write_needs_w_and_dw(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
        check_row(&writes[i], QUORUM_WRITE);
}

static void a_read_needs_r_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        check_row(&reads[i], QUORUM_READ);
}

/* The promise behind "strict": any two quorums of one partition share an owner. */
static void two_quorums_always_meet(void **state)
{
    static const struct topology *const topologies[] = {&EU3, &EU2_US1, &EU3_US3};
    (void)state;
    for (size_t t = 0; t < 3; t++) {
        struct row row = {topologies[t], EU, LEVEL(QUORUM), 0, 0, 0, true};
        struct quorum quorum;
        owner_mask all = ((owner_mask)1 << row.topology->owners) - 1;
        assert_int_equal(init(&quorum, &row, QUORUM_READ), STATUS_OK);
        for (owner_mask a = 0; a <= all; a++)
            for (owner_mask b = 0; b <= all; b++)
                if (quorum_met_with(&quorum, a) && quorum_met_with(&quorum, b))
                    assert_true((a & b) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_and_numbers_mean_the_same_for_reads_and_writes),
        cmocka_unit_test(a_write_needs_w_and_dw),
        cmocka_unit_test(a_read_needs_r_alone),
        cmocka_unit_test(two_quorums_always_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
