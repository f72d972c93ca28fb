/* What can be lost, on clusters made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ringctl/losses.h"

enum { NODES = 6 };

static struct cluster_member members[NODES];
static bool answers[NODES];
static uint16_t owners[NODES]; /* one partition */
static uint16_t coming[NODES];
static struct cluster cluster;
static struct losses losses;

/* One partition that all of `count` nodes own; node i stands in places[i], "region/rack". */
static void make(uint32_t count, const char *const *places)
{
    memset(members, 0, sizeof members);
    for (uint32_t i = 0; i < count; i++) {
        const char *slash = strchr(places[i], '/');
        members[i].id = i + 1;
        memcpy(members[i].region, places[i], (size_t)(slash - places[i]));
        strcpy(members[i].rack, slash + 1);
        answers[i] = true;
        owners[i] = coming[i] = (uint16_t)i;
    }
    cluster = (struct cluster){.members = members,
                               .member_count = count,
                               .partition_count = 1,
                               .owner_count = count,
                               .owners = owners,
                               .coming = coming};
    losses = (struct losses){.cluster = &cluster, .answers = answers};
}

static void expect(uint32_t nodes, const char *text)
{
    struct buffer out = {0};
    losses_describe(&losses, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal(out.data, text);
    assert_int_equal(losses_nodes(&losses), nodes);
    buffer_deinit(&out);
}

static void three_racks_bear_the_loss_of_any(void **state)
{
    static const char *const places[] = {"eu/a", "eu/b", "eu/c"};
    (void)state;
    make(3, places);
    expect(1, "any 1 more node, or any one rack");
    answers[1] = false;
    expect(0, "nothing that all partitions keep their quorum without");
    answers[2] = false;
    expect(0, "nothing that all partitions keep their quorum without");
}

static void a_rack_that_holds_most_cannot_go(void **state)
{
    static const char *const places[] = {"eu/a", "eu/a", "eu/b"};
    (void)state;
    make(3, places);
    expect(1, "any 1 more node, or rack eu/b");
}

/* From nodes 1, 2, 3 to 1, 2, 4. */
static void a_partition_that_moves_needs_both_majorities(void **state)
{
    static const char *const places[] = {"eu/a", "eu/b", "eu/c", "eu/d"};
    (void)state;
    make(4, places);
    cluster.owner_count = 3;
    coming[2] = 3;
    expect(1, "any 1 more node, or any one rack");
    answers[3] = false;
    expect(0, "rack eu/c");
    answers[3] = true;
    answers[2] = false;
    expect(0, "rack eu/d");
    coming[2] = 2;
    expect(0, "rack eu/d"); /* which owns nothing */
}

static void two_regions_of_three_bear_two_nodes_and_no_region(void **state)
{
    static const char *const places[] = {"eu/a", "eu/b", "eu/c", "us/a", "us/b", "us/c"};
    (void)state;
    make(6, places);
    expect(2, "any 2 more nodes, or any one rack");
    members[5].stores_nothing = true; /* and stands in no rack that counts */
    cluster.owner_count = 5;
    expect(2, "any 2 more nodes, or any one rack, or region us");
}

static void three_regions_bear_the_loss_of_any(void **state)
{
    static const char *const places[] = {"eu/a", "us/a", "ap/a"};
    (void)state;
    make(3, places);
    expect(1, "any 1 more node, or any one rack, or any one region");
}

static void one_node_bears_nothing(void **state)
{
    static const char *const places[] = {"eu/a"};
    (void)state;
    make(1, places);
    expect(0, "nothing that all partitions keep their quorum without");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_racks_bear_the_loss_of_any),
        cmocka_unit_test(a_rack_that_holds_most_cannot_go),
        cmocka_unit_test(a_partition_that_moves_needs_both_majorities),
        cmocka_unit_test(two_regions_of_three_bear_two_nodes_and_no_region),
        cmocka_unit_test(three_regions_bear_the_loss_of_any),
        cmocka_unit_test(one_node_bears_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
