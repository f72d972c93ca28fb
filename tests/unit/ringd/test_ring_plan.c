#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "ringd/ring_plan.h"

#define NODE(i, region) "id=" #i ",region=" region ",client=h:100" #i ",peer=h:200" #i

static enum status plan(const char *replication, uint32_t partitions, const char *const *nodes,
                        size_t count, struct ring **ring, struct buffer *problems)
{
    struct planner_report report;
    struct ring_plan plan = {.replication = replication,
                             .partition_count = partitions,
                             .nodes = nodes,
                             .node_count = count,
                             .random = {.cluster_id = "cluster", .seed = 9}};
    return ring_plan_make(&plan, ring, &report, problems);
}

static void a_plan_is_a_valid_ring(void **state)
{
    static const char *const nodes[] = {NODE(3, "us"), NODE(1, "eu") ",rack=r1,weight=50",
                                        NODE(2, "eu")};
    struct ring *ring = NULL;
    struct buffer problems = {0};
    char reason[RING_REASON_MAX];
    (void)state;
    assert_int_equal(plan("eu:2,us:1", 64, nodes, 3, &ring, &problems), STATUS_OK);
    assert_int_equal(problems.length, 0);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    assert_int_equal(ring->tag.epoch, 1);
    assert_int_equal(ring->generation, 1);
    assert_int_equal(ring->owner_count, 3);
    assert_int_equal(ring->keyspace_count, RING_PLAN_KEYSPACES);
    const struct ring_member *first = ring_member(ring, 1);
    assert_string_equal(first->rack, "r1");
    assert_int_equal(first->weight, 50);
    assert_int_equal(first->storage_incarnation, 1);
    assert_string_equal(first->client.host, "h");
    assert_int_equal(first->client.port, 1001);
    assert_int_equal(first->peer.port, 2001);
    assert_int_equal(ring_member(ring, 3)->region, 1);
    ring_free(ring);
}

static void assert_refused(const char *replication, uint32_t partitions, const char *node)
{
    const char *const nodes[] = {NODE(1, "eu"), node};
    struct ring *ring = NULL;
    struct buffer problems = {0};
    assert_int_equal(plan(replication, partitions, nodes, 2, &ring, &problems), STATUS_INVALID);
    assert_true(problems.length > 0);
    assert_null(ring);
    buffer_deinit(&problems);
}

static void a_wrong_plan_is_refused_with_a_reason(void **state)
{
    static const char *const wrong[] = {
        "",
        "id=2",
        "id=2,region=eu,client=h:1",
        "id=2,client=h:1,peer=h:2,region=mars",
        "id=0,region=eu,client=h:1,peer=h:2",
        "id=x,region=eu,client=h:1,peer=h:2",
        "id=4294967296,region=eu,client=h:1,peer=h:2",
        "id=2,region=eu,client=h:1,peer=h:2,weight=0",
        "id=2,region=eu,client=h:1,peer=h:2,weight=10001",
        "id=2,region=eu,client=h:1,peer=h:2,rack=R 1",
        "id=2,region=eu,client=h,peer=h:2",
        "id=2,region=eu,client=h:1,peer=h:0",
        "id=2,region=eu,client=h:1,peer=h:2,color=red",
        "id=2,region=eu,client=h:1,peer=h:2,rack",
        "id=2,region=eu,client=h:1,peer=h:1",
        NODE(1, "eu"),
        "id=2,region=eu,client=h:1001,peer=h:2",
        "id=2,region=eu,client=h:2001,peer=h:2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused("eu:1", 64, wrong[i]);
    assert_refused("eu", 64, NODE(2, "eu"));
    assert_refused("eu:1", 63, NODE(2, "eu"));
    assert_refused("eu:1", 8, NODE(2, "eu"));
    assert_refused("eu:1", 32768, NODE(2, "eu"));
    /* Which region, when there are two? */
    assert_refused("eu:1,us:1", 64, "id=2,client=h:1,peer=h:2");
}

static void too_few_nodes_are_infeasible(void **state)
{
    static const char *const nodes[] = {NODE(1, "eu"), NODE(2, "eu")};
    struct ring *ring = NULL;
    struct buffer problems = {0};
    (void)state;
    assert_int_equal(plan("eu:3", 64, nodes, 2, &ring, &problems), STATUS_INFEASIBLE);
    assert_true(problems.length > 0);
    assert_null(ring);
    buffer_deinit(&problems);
}

static void one_node_owns_everything(void **state)
{
    static const struct ring_random random = {.cluster_id = "x", .seed = 1};
    static const struct ring_address client = {.host = "::1", .port = 6379};
    static const struct ring_address peer = {.host = "::1", .port = 7379};
    char reason[RING_REASON_MAX];
    (void)state;
    struct ring *ring = ring_plan_one_node(UINT32_MAX, &client, &peer, &random);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    assert_int_equal(ring->partition_count, RING_PLAN_PARTITIONS);
    for (uint32_t i = 0; i < ring->partition_count; i++)
        assert_true(ring_owns(ring, UINT32_MAX, (partition_id)i));
    assert_string_equal(ring->members[0].client.host, "::1");
    ring_free(ring);
}

static enum status plan_keyspaces(const char *const *keyspaces, size_t count, struct ring **ring,
                                  struct buffer *problems)
{
    static const char *const nodes[] = {NODE(1, "eu")};
    struct planner_report report;
    struct ring_plan plan = {.replication = "eu:1",
                             .partition_count = 16,
                             .nodes = nodes,
                             .node_count = 1,
                             .keyspaces = keyspaces,
                             .keyspace_count = count};
    *ring = NULL;
    return ring_plan_make(&plan, ring, &report, problems);
}

static void keyspaces_take_the_place_of_those_with_their_number(void **state)
{
    static const char *const wanted[] = {"number=40", "number=1,name=carts,policy=siblings",
                                         "policy=lww,number=0"};
    struct ring *ring;
    struct buffer problems = {0};
    char reason[RING_REASON_MAX];
    (void)state;
    assert_int_equal(plan_keyspaces(wanted, 3, &ring, &problems), STATUS_OK);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    assert_int_equal(ring->keyspace_count, RING_PLAN_KEYSPACES + 1);
    assert_string_equal(ring_keyspace(ring, 1)->name, "carts");
    assert_int_equal(ring_keyspace(ring, 1)->policy, KEYSPACE_SIBLINGS);
    assert_string_equal(ring_keyspace(ring, 0)->name, "db0");
    assert_int_equal(ring_keyspace(ring, 0)->policy, KEYSPACE_LWW);
    assert_string_equal(ring_keyspace(ring, 40)->name, "db40");
    assert_int_equal(ring_keyspace(ring, 15)->policy, KEYSPACE_LWW);
    assert_int_equal(problems.length, 0);
    ring_free(ring);
}

static void bad_keyspaces_are_refused_with_a_line_each(void **state)
{
    static const char *const bad[] = {
        "",           "name=carts",        "number=64",        "number=-1",
        "number=x",   "number=1,name=A",   "number=1,name=",   "number=1,policy=crdt",
        "number=1,1", "number=1,number=2", "number=1,color=2", "number=2,name=db1"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ring *ring;
        struct buffer problems = {0};
        assert_int_equal(plan_keyspaces(&bad[i], 1, &ring, &problems), STATUS_INVALID);
        assert_null(ring);
        assert_true(problems.length > 0 && problems.data[problems.length - 1] == '\n');
        buffer_deinit(&problems);
    }
    static const char *const twice[] = {"number=3", "number=3,name=other"};
    struct ring *ring;
    struct buffer problems = {0};
    assert_int_equal(plan_keyspaces(twice, 2, &ring, &problems), STATUS_INVALID);
    buffer_put_u8(&problems, 0);
    assert_string_equal((const char *)problems.data, "keyspace number 3 is given twice\n");
    buffer_deinit(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_a_valid_ring),
        cmocka_unit_test(a_wrong_plan_is_refused_with_a_reason),
        cmocka_unit_test(too_few_nodes_are_infeasible),
        cmocka_unit_test(one_node_owns_everything),
        cmocka_unit_test(keyspaces_take_the_place_of_those_with_their_number),
        cmocka_unit_test(bad_keyspaces_are_refused_with_a_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
