/*
 * test_geo.c - places as numbers, areas as ranges of them, and what is refused; answers beside
 * those of Redis are in corpus.txt.
 */
#include "commands/harness.h"

#include <math.h>

#include "base/random.h"
#include "commands/geo_grid.h"

static void a_number_gives_its_place_back(void **state)
{
    struct random random = random_make(7);
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        struct geo_point point = {
            .longitude = (double)random_below(&random, 360000001) / 1000000 - 180,
            .latitude = (double)random_below(&random, 170000001) / 1000000 - 85};
        struct geo_point back = geo_point_of(geo_number(&point));
        assert_true(fabs(back.longitude - point.longitude) < 360.0 / (1 << 26));
        assert_true(fabs(back.latitude - point.latitude) < 171.0 / (1 << 26));
        assert_true(geo_number(&back) == geo_number(&point));
    }
}

/* The ranges may have more than the area, and never less of what one meets in practice. */
static void the_ranges_cover_the_area(void **state)
{
    struct random random = random_make(11);
    unsigned inside = 0;
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct geo_area area = {
            .center = {.longitude = (double)random_below(&random, 300001) / 1000 - 150,
                       .latitude = (double)random_below(&random, 120001) / 1000 - 60},
            .is_box = random_chance(&random, 1, 2),
            .unit_m = 1000};
        area.radius = (double)random_below(&random, 1000);
        area.width = area.height = 2 * area.radius;
        struct geo_point point = {
            .longitude = area.center.longitude + (double)random_below(&random, 20001) / 1000 - 10,
            .latitude = area.center.latitude + (double)random_below(&random, 20001) / 1000 - 10};
        struct geo_range ranges[GEO_RANGES_MAX];
        double distance;
        unsigned count = geo_cover(&area, ranges);
        bool covered = false;
        assert_in_range(count, 1, GEO_RANGES_MAX);
        for (unsigned r = 0; r < count; r++)
            covered = covered ||
                      (geo_number(&point) >= ranges[r].first && geo_number(&point) < ranges[r].end);
        bool has = geo_area_has(&area, &point, &distance);
        inside += has;
        assert_true(covered || !has);
    }
    assert_true(inside > 1000);
}

static void of_two_columns_none_is_looked_through_twice(void **state)
{
    struct geo_area area = {.radius = 20000, .unit_m = 1000};
    struct geo_range ranges[GEO_RANGES_MAX];
    (void)state;
    unsigned count = geo_cover(&area, ranges);
    assert_int_equal(count, 4);
    for (unsigned i = 0; i < count; i++)
        for (unsigned j = 0; j < i; j++)
            assert_true(ranges[i].first != ranges[j].first);
}

static void what_is_not_offered_is_refused(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "GEOADD g 13.361389 38.115556 a", ":1\r\n");
    assert_reply(client, "GEORADIUS g 13 38 100 km STORE d",
                 "-ERR 'georadius' does not store; GEOSEARCHSTORE does\r\n");
    assert_reply(client, "GEORADIUSBYMEMBER g a 100 km STOREDIST d",
                 "-ERR 'georadiusbymember' does not store; GEOSEARCHSTORE does\r\n");
    assert_reply(client, "EXISTS d", ":0\r\n");
}

/* A member that is shown in no place of the globe is in the first cell of it. */
static void scores_that_are_no_places_do_no_harm(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZADD g -5 a 1e300 b inf c", ":3\r\n");
    assert_reply(client, "GEOHASH g a", "*1\r\n$11\r\n00bh0hbj200\r\n");
    assert_reply(client, "GEOSEARCH g FROMMEMBER a BYRADIUS 1 m", "*0\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_gives_its_place_back),
        cmocka_unit_test(the_ranges_cover_the_area),
        cmocka_unit_test(of_two_columns_none_is_looked_through_twice),
        cmocka_unit_test_setup_teardown(what_is_not_offered_is_refused, harness_setup,
                                        harness_teardown),
        cmocka_unit_test_setup_teardown(scores_that_are_no_places_do_no_harm, harness_setup,
                                        harness_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
