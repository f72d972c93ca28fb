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
        /* Nobody is told "need 2, can reach 3". */
        uint8_t reach = quorum_within_reach(&quorum, counted);
        assert_int_equal(reach >= quorum_needed(&quorum), should_be_met(row, counted));
        assert_true(reach <= count_in(row->topology, counted, -1));
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

/* ---- two sets of owners ---- */

/* A topology whose first owners are read, and the other set as places in all that there are. */
struct move {
    const struct topology *before;
    uint8_t extra_count;
    uint8_t extra_regions[3];
    owner_mask other;
};

static const struct move moves[] = {
    {&EU3, 1, {EU}, 0x0b},         {&EU3, 1, {EU}, 0x0d},         {&EU3, 1, {EU}, 0x0e},
    {&EU3, 2, {EU, EU}, 0x19},     {&EU3, 3, {EU, EU, EU}, 0x38}, {&EU2_US1, 1, {EU}, 0x0e},
    {&EU2_US1, 1, {US}, 0x0b},     {&EU2_US1, 2, {EU, US}, 0x1a}, {&EU3_US3, 1, {EU}, 0x7e},
    {&EU3_US3, 2, {EU, US}, 0xde},
};

static struct preference_list list_of(const struct move *move, uint8_t fallbacks)
{
    struct preference_list list = {.primary_count = move->before->owners,
                                   .extra_count = move->extra_count,
                                   .other_set = move->other};
    list.count = (uint8_t)(list.primary_count + list.extra_count + fallbacks);
    for (uint8_t i = 0; i < list.count; i++) {
        uint8_t extra = (uint8_t)(i - list.primary_count);
        list.nodes[i] = i + 1u;
        list.regions[i] = i < list.primary_count     ? move->before->regions[i]
                          : extra < list.extra_count ? move->extra_regions[extra]
                                                     : (uint8_t)EU;
    }
    return list;
}

static uint8_t count_region(const struct preference_list *list, owner_mask mask, int region)
{
    uint8_t count = 0;
    for (uint8_t i = 0; i < list->count; i++)
        if ((mask >> i & 1) != 0 && (region < 0 || list->regions[i] == region))
            count++;
    return count;
}

/* What the row says, of one set. */
static bool should_be_met_in(const struct row *row, const struct preference_list *list,
                             owner_mask mask)
{
    return count_region(list, mask, -1) >= row->all && count_region(list, mask, EU) >= row->eu &&
           count_region(list, mask, US) >= row->us;
}

static void check_move(const struct row *row, const struct move *move)
{
    struct preference_list list = list_of(move, 0);
    owner_mask read = ((owner_mask)1 << list.primary_count) - 1;
    owner_mask all = ((owner_mask)1 << list.count) - 1;
    struct quorum quorum;
    enum status status = quorum_init(&quorum, &list, row->home, &row->options, QUORUM_WRITE);
    assert_int_equal(status, row->all == NONE ? STATUS_INVALID : STATUS_OK);
    if (status != STATUS_OK)
        return;
    for (owner_mask mask = 0; mask <= all; mask++) {
        bool wanted = should_be_met_in(row, &list, mask & read) &&
                      should_be_met_in(row, &list, mask & move->other);
        uint8_t in_read = count_region(&list, mask & read, -1);
        uint8_t in_other = count_region(&list, mask & move->other, -1);
        assert_int_equal(quorum_met_with(&quorum, mask), wanted);
        quorum.counted = mask;
        assert_int_equal(quorum_counted(&quorum), in_read < in_other ? in_read : in_other);
        quorum.counted = 0;
        owner_mask asked = mask;
        for (uint8_t i = 0; i < list.count; i++)
            if (quorum_wants(&quorum, asked, i)) {
                assert_false(quorum_met_with(&quorum, asked));
                asked |= (owner_mask)1 << i;
            }
        assert_int_equal(quorum_met_with(&quorum, asked),
                         should_be_met_in(row, &list, read) &&
                             should_be_met_in(row, &list, move->other));
    }
}

static void a_write_to_two_sets_needs_its_level_in_each(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof moves / sizeof moves[0]; m++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (rows[i].topology == moves[m].before)
                check_move(&rows[i], &moves[m]);
        for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++)
            if (writes[i].topology == moves[m].before)
                check_move(&writes[i], &moves[m]);
    }
}

static void a_read_has_one_set(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof moves / sizeof moves[0]; m++) {
        struct preference_list list = list_of(&moves[m], 2);
        struct request_options options = {.level = LEVEL_QUORUM, .sloppy = SLOPPY_YES};
        struct quorum quorum;
        owner_mask read = ((owner_mask)1 << list.primary_count) - 1;
        owner_mask fallbacks = (owner_mask)3 << preference_list_replicas(&list);
        assert_int_equal(quorum_init(&quorum, &list, EU, &options, QUORUM_READ), STATUS_OK);
        assert_int_equal(quorum_owners(&quorum), read);
        assert_int_equal(quorum_holders(&quorum), read | fallbacks);
        for (uint8_t i = list.primary_count; i < preference_list_replicas(&list); i++) {
            assert_false(quorum_wants(&quorum, 0, i));
            quorum_count(&quorum, i);
        }
        assert_int_equal(quorum_counted(&quorum), 0);
    }
}

/* What a read shows must be in both sets, as many of each: the next one may ask the other. */
static void what_a_read_shows_is_written_to_both_sets(void **state)
{
    (void)state;
    for (size_t m = 0; m < sizeof moves / sizeof moves[0]; m++) {
        struct preference_list list = list_of(&moves[m], 0);
        struct request_options options = {.level = LEVEL_QUORUM};
        struct quorum read, back, write;
        assert_int_equal(quorum_init(&read, &list, EU, &options, QUORUM_READ), STATUS_OK);
        assert_int_equal(quorum_init(&write, &list, EU, &options, QUORUM_WRITE), STATUS_OK);
        quorum_count(&read, 0);
        quorum_write_back(&back, &read, &list);
        for (owner_mask mask = 0; mask < (owner_mask)1 << list.count; mask++)
            assert_int_equal(quorum_met_with(&back, mask), quorum_met_with(&write, mask));
    }
}

static void a_stand_in_counts_where_its_owner_does(void **state)
{
    /* Owners 0 1 2 and 0 1 3; the fallback has place 4. One owner of each set is counted. */
    static const struct {
        uint8_t stands_for;
        owner_mask counted;
        bool met, wanted;
    } cases[] = {{0, 0x02, true, true},  {2, 0x02, false, true}, {3, 0x02, false, true},
                 {2, 0x0a, true, true},  {3, 0x06, true, true},  {2, 0x06, false, false},
                 {3, 0x0a, false, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct preference_list list = list_of(&moves[0], 1);
        struct request_options options = {.level = LEVEL_QUORUM, .sloppy = SLOPPY_YES};
        struct quorum quorum;
        assert_int_equal(quorum_init(&quorum, &list, EU, &options, QUORUM_WRITE), STATUS_OK);
        assert_false(quorum_met_with(&quorum, cases[i].counted | 0x10)); /* stands for nobody */
        quorum_stand_in(&quorum, 4, 1);
        quorum_stand_in(&quorum, 4, cases[i].stands_for); /* not for both */
        assert_int_equal(quorum_met_with(&quorum, cases[i].counted | 0x10), cases[i].met);
        quorum.counted = cases[i].counted;
        assert_int_equal(quorum_wants(&quorum, 0, 4), cases[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_and_numbers_mean_the_same_for_reads_and_writes),
        cmocka_unit_test(a_write_needs_w_and_dw),
        cmocka_unit_test(a_read_needs_r_alone),
        cmocka_unit_test(two_quorums_always_meet),
        cmocka_unit_test(a_write_to_two_sets_needs_its_level_in_each),
        cmocka_unit_test(a_read_has_one_set),
        cmocka_unit_test(what_a_read_shows_is_written_to_both_sets),
        cmocka_unit_test(a_stand_in_counts_where_its_owner_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
