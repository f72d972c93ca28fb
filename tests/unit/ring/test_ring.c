/* The ring as a value: look-ups, copies, and the rules that ring_validate() enforces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring.h"
#include "ring_fixture.h"

static void finds_members_keyspaces_and_regions(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    for (node_id id = 1; id <= 5; id++)
        assert_int_equal(ring_member(ring, id)->id, id);
    assert_null(ring_member(ring, 0));
    assert_null(ring_member(ring, 6));
    assert_string_equal(ring_keyspace(ring, 7)->name, "carts");
    assert_null(ring_keyspace(ring, 1));
    assert_int_equal(ring_region_index(ring, "us"), 1);
    assert_int_equal(ring_region_index(ring, "u"), -1);
    ring_free(ring);
}

static void an_empty_ring_finds_nobody_and_is_freed(void **state)
{
    struct ring *ring = ring_new();
    (void)state;
    assert_null(ring_member(ring, 1));
    assert_null(ring_keyspace(ring, 0));
    assert_int_equal(ring_region_index(ring, "eu"), -1);
    ring_free(ring);
    ring_free(NULL);
}

static void owns_exactly_what_its_rows_say(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    for (partition_id p = 0; p < ring->partition_count; p++) {
        unsigned found = 0;
        for (node_id id = 0; id <= 6; id++)
            found += ring_owns(ring, id, p);
        assert_int_equal(found, 3);
        for (unsigned i = 0; i < 3; i++)
            assert_true(ring_owns(ring, ring_owners(ring, p)[i], p));
    }
    ring_free(ring);
}

static void a_copy_shares_no_memory(void **state)
{
    struct ring *ring = fixture_small_ring();
    uint64_t digest = ring_digest(ring);
    struct ring *copy = ring_copy(ring);
    (void)state;
    assert_int_equal(ring_digest(copy), digest);
    copy->members[0].weight = 9;
    copy->owners[0] = 0;
    copy->keyspaces[0].policy = KEYSPACE_SIBLINGS;
    assert_int_equal(ring_digest(ring), digest);
    ring_free(ring);
    assert_int_equal(copy->members[0].weight, 9);
    ring_free(copy);
}

static void a_ring_without_a_table_can_be_copied(void **state)
{
    struct ring *ring = fixture_ring("eu:1", 16);
    fixture_add(ring, 1, "eu", "a", 1);
    struct ring *copy = ring_copy(ring);
    (void)state;
    assert_null(copy->owners);
    assert_int_equal(copy->members[0].id, 1);
    ring_free(ring);
    ring_free(copy);
}

/* One way to break a rule, and a word that the sentence about it holds. */
struct breakage {
    void (*apply)(struct ring *ring);
    const char *word;
};

static void no_generation(struct ring *ring)
{
    ring->generation = 0;
}

static void no_epoch(struct ring *ring)
{
    ring->tag.epoch = 0;
}

static void not_stable(struct ring *ring)
{
    ring->tag.phase = RING_JOINT;
}

static void odd_partition_count(struct ring *ring)
{
    ring->partition_count = 24;
}

static void few_partitions(struct ring *ring)
{
    ring->partition_count = PARTITION_COUNT_MIN / 2;
}

static void many_partitions(struct ring *ring)
{
    ring->partition_count = PARTITION_COUNT_MAX * 2;
}

static void no_region(struct ring *ring)
{
    ring->region_count = 0;
}

static void many_regions(struct ring *ring)
{
    ring->region_count = RING_REGIONS_MAX + 1;
}

static void region_without_name(struct ring *ring)
{
    ring->regions[1].name[0] = '\0';
}

static void region_in_capitals(struct ring *ring)
{
    ring->regions[1].name[0] = 'U';
}

static void region_name_without_end(struct ring *ring)
{
    memset(ring->regions[1].name, 'x', sizeof ring->regions[1].name);
}

static void region_twice(struct ring *ring)
{
    strcpy(ring->regions[1].name, "eu");
}

static void no_replicas(struct ring *ring)
{
    ring->regions[0].replicas = ring->regions[1].replicas = 0;
}

static void many_replicas(struct ring *ring)
{
    ring->regions[0].replicas = RING_OWNERS_MAX;
}

static void owner_count_off(struct ring *ring)
{
    ring->owner_count = 2;
}

static void many_keyspaces(struct ring *ring)
{
    ring->keyspace_count = RING_KEYSPACES_MAX + 1;
}

static void keyspace_number_twice(struct ring *ring)
{
    ring->keyspaces[1].number = 0;
}

static void keyspace_name_twice(struct ring *ring)
{
    strcpy(ring->keyspaces[1].name, "default");
}

static void keyspace_name_bad(struct ring *ring)
{
    ring->keyspaces[1].name[2] = ' ';
}

static void keyspace_policy_unknown(struct ring *ring)
{
    ring->keyspaces[1].policy = 2;
}

static void keyspace_level_unknown(struct ring *ring)
{
    ring->keyspaces[1].write_level = RING_LEVEL_MAX + 1;
}

static void keyspace_lives_too_long(struct ring *ring)
{
    ring->keyspaces[1].default_ttl_ms = RING_TTL_MS_MAX + 1;
}

static void keyspace_number_too_high(struct ring *ring)
{
    ring->keyspaces[1].number = RING_KEYSPACES_MAX;
}

static void keyspace_number_used_up(struct ring *ring)
{
    ring->keyspace_drops[7] = RING_KEYSPACE_DROPS_MAX;
}

static void number_dropped_too_often(struct ring *ring)
{
    ring->keyspace_drops[3] = RING_KEYSPACE_DROPS_MAX + 1;
}

static void member_nobody(struct ring *ring)
{
    ring->members[0].id = 0;
}

static void members_out_of_order(struct ring *ring)
{
    ring->members[1].id = 9;
}

static void many_members(struct ring *ring)
{
    ring->member_count = RING_MEMBERS_MAX + 1;
}

static void member_without_incarnation(struct ring *ring)
{
    ring->members[0].storage_incarnation = 0;
}

static void member_without_region(struct ring *ring)
{
    ring->members[0].region = 2;
}

static void member_without_rack(struct ring *ring)
{
    ring->members[0].rack[0] = '\0';
}

static void member_weightless(struct ring *ring)
{
    ring->members[0].weight = 0;
}

static void gateway_with_weight(struct ring *ring)
{
    ring->members[0].role = MEMBER_GATEWAY;
}

static void member_of_no_role(struct ring *ring)
{
    ring->members[0].role = MEMBER_LEAVING + 1;
}

static void member_too_heavy(struct ring *ring)
{
    ring->members[0].weight = RING_WEIGHT_MAX + 1;
}

static void member_without_host(struct ring *ring)
{
    ring->members[0].client.host[0] = '\0';
}

/* It would break the lines of CLUSTER NODES. */
static void member_host_with_space(struct ring *ring)
{
    ring->members[0].peer.host[1] = ' ';
}

static void member_host_without_end(struct ring *ring)
{
    memset(ring->members[0].peer.host, 'x', sizeof ring->members[0].peer.host);
}

static void owner_nobody(struct ring *ring)
{
    ring->owners[47] = 0;
}

static void owner_unknown(struct ring *ring)
{
    ring->owners[4] = 6;
}

static void owner_gateway(struct ring *ring)
{
    fixture_add(ring, 6, "eu", "r1", 0);
    ring->owners[1] = 6;
}

static void owner_twice(struct ring *ring)
{
    ring->owners[1] = ring->owners[0];
}

static void owner_of_another_region(struct ring *ring)
{
    node_id swapped = ring->owners[0];
    ring->owners[0] = ring->owners[2];
    ring->owners[2] = swapped;
}

static const struct breakage BREAKAGES[] = {
    {no_generation, "generation"},
    {no_epoch, "epoch"},
    {not_stable, "phase"},
    {odd_partition_count, "power of two"},
    {few_partitions, "power of two"},
    {many_partitions, "power of two"},
    {no_region, "regions"},
    {many_regions, "regions"},
    {region_without_name, "region number 2"},
    {region_in_capitals, "region number 2"},
    {region_name_without_end, "region number 2"},
    {region_twice, "eu"},
    {no_replicas, "replicas"},
    {many_replicas, "replicas"},
    {owner_count_off, "owners per partition"},
    {many_keyspaces, "keyspaces"},
    {keyspace_number_twice, "carts"},
    {keyspace_name_twice, "default"},
    {keyspace_name_bad, "keyspace 7"},
    {keyspace_policy_unknown, "carts"},
    {keyspace_level_unknown, "level"},
    {keyspace_lives_too_long, "ttl"},
    {keyspace_number_too_high, "carts"},
    {keyspace_number_used_up, "carts"},
    {number_dropped_too_often, "number 3"},
    {member_nobody, "node 0"},
    {members_out_of_order, "order"},
    {many_members, "members"},
    {member_without_incarnation, "incarnation"},
    {member_without_region, "region"},
    {member_without_rack, "rack"},
    {member_weightless, "weight"},
    {gateway_with_weight, "weight"},
    {member_of_no_role, "role"},
    {member_too_heavy, "weight"},
    {member_without_host, "host"},
    {member_host_with_space, "host"},
    {member_host_without_end, "host"},
    {owner_nobody, "no member"},
    {owner_unknown, "no member"},
    {owner_gateway, "gateway"},
    {owner_twice, "twice"},
    {owner_of_another_region, "another region"},
};

static void every_broken_rule_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof BREAKAGES / sizeof *BREAKAGES; i++) {
        char reason[RING_REASON_MAX] = "";
        struct ring *ring = fixture_small_ring();
        assert_int_equal(ring_validate(ring, reason), STATUS_OK);
        BREAKAGES[i].apply(ring);
        assert_int_equal(ring_validate(ring, reason), STATUS_INVALID);
        if (strstr(reason, BREAKAGES[i].word) == NULL)
            fail_msg("breakage %zu: no \"%s\" in \"%s\"", i, BREAKAGES[i].word, reason);
        ring_free(ring);
    }
}

static void a_ring_without_a_table_is_not_valid(void **state)
{
    char reason[RING_REASON_MAX];
    struct ring *ring = fixture_ring("eu:1", 16);
    fixture_add(ring, 1, "eu", "a", 1);
    (void)state;
    assert_int_equal(ring_validate(ring, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "no table"));
    ring_free(ring);
}

static void names_have_few_characters(void **state)
{
    (void)state;
    assert_true(ring_name_is_valid("a"));
    assert_true(ring_name_is_valid("eu-west_1"));
    assert_true(ring_name_is_valid("12345678901234567890123456789012"));
    assert_false(ring_name_is_valid("123456789012345678901234567890123"));
    assert_false(ring_name_is_valid(""));
    assert_false(ring_name_is_valid("Eu"));
    assert_false(ring_name_is_valid("a b"));
    assert_false(ring_name_is_valid("\xc3\xbc"));
}

static void reads_replication(void **state)
{
    struct ring_region regions[RING_REGIONS_MAX];
    uint8_t count = 0;
    char reason[RING_REASON_MAX];
    (void)state;
    assert_int_equal(ring_parse_replication("eu:2,us:1", regions, &count, reason), STATUS_OK);
    assert_int_equal(count, 2);
    assert_string_equal(regions[0].name, "eu");
    assert_int_equal(regions[0].replicas, 2);
    assert_string_equal(regions[1].name, "us");
    assert_int_equal(regions[1].replicas, 1);
    assert_int_equal(ring_parse_replication("a:16", regions, &count, reason), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(regions[0].replicas, 16);
    assert_int_equal(ring_parse_replication("a:0,b:3", regions, &count, reason), STATUS_OK);
    assert_int_equal(regions[0].replicas, 0);
}

static void refuses_bad_replication_with_a_sentence(void **state)
{
    static const char *const BAD[] = {
        "",
        "eu",
        "eu:",
        "eu:x",
        ":2",
        "eu:2,",
        ",eu:2",
        "eu:2 ",
        "eu:2;us:1",
        " eu:2",
        "eu:-1",
        "eu:17",
        "eu:99999999999999999999",
        "EU:2",
        "eu:2,eu:1",
        "eu:0",
        "eu:9,us:8",
        "a:1,b:0,c:0,d:0,e:0,f:0,g:0,h:0,i:0,j:0,k:0,l:0,m:0,n:0,o:0,p:0,q:0",
        "a23456789012345678901234567890123:1",
    };
    struct ring_region regions[RING_REGIONS_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        uint8_t count = 99;
        char reason[RING_REASON_MAX] = "";
        assert_int_equal(ring_parse_replication(BAD[i], regions, &count, reason), STATUS_INVALID);
        assert_int_equal(count, 99);
        assert_true(strlen(reason) > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members_keyspaces_and_regions),
        cmocka_unit_test(an_empty_ring_finds_nobody_and_is_freed),
        cmocka_unit_test(owns_exactly_what_its_rows_say),
        cmocka_unit_test(a_copy_shares_no_memory),
        cmocka_unit_test(a_ring_without_a_table_can_be_copied),
        cmocka_unit_test(every_broken_rule_is_named),
        cmocka_unit_test(a_ring_without_a_table_is_not_valid),
        cmocka_unit_test(names_have_few_characters),
        cmocka_unit_test(reads_replication),
        cmocka_unit_test(refuses_bad_replication_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
