/* From what nodes say to findings; the nodes' answers are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "made_replies.h"
#include "ringctl/doctor.h"

enum { NODES = 3, PARTITIONS = 2 };

static struct cluster_member members[NODES];
static uint16_t owners[PARTITIONS * NODES];
static struct cluster cluster;
static struct patient patients[NODES];
static struct findings *findings;
static struct examination examination;

/* Three nodes that answer and have nothing to say, and own everything. */
static int begin(void **state)
{
    (void)state;
    memset(members, 0, sizeof members);
    memset(patients, 0, sizeof patients);
    findings = memory_new(1, sizeof *findings);
    for (uint16_t i = 0; i < NODES; i++) {
        members[i].id = i + 1u;
        strcpy(members[i].role, "data");
        strcpy(members[i].region, "eu");
        snprintf(members[i].rack, sizeof members[i].rack, "r%u", i);
        snprintf(members[i].client.host, sizeof members[i].client.host, "10.0.0.%u", i + 1u);
        members[i].client.port = 6379;
        patients[i].status = made_reply("*2 cluster_id c");
        for (uint16_t p = 0; p < PARTITIONS; p++)
            owners[p * NODES + i] = i;
    }
    cluster = (struct cluster){.id = "c",
                               .members = members,
                               .member_count = NODES,
                               .partition_count = PARTITIONS,
                               .owner_count = NODES,
                               .owners = owners};
    examination = (struct examination){
        .cluster = &cluster, .patients = patients, .between_ms = 1000, .findings = findings};
    return 0;
}

static int end(void **state)
{
    (void)state;
    findings_deinit(findings);
    free(findings);
    made_replies_free();
    return 0;
}

static void look(void)
{
    findings_deinit(findings);
    memset(findings, 0, sizeof *findings);
    doctor_members(&examination);
    doctor_copies(&examination);
    doctor_stores(&examination);
    doctor_limits(&examination);
    doctor_paths(&examination);
    doctor_hints(&examination);
    doctor_keys(&examination);
    doctor_settings(&examination);
    for (size_t i = 0; i < findings->kept; i++) {
        assert_true(findings->items[i].cause.length > 1);
        assert_true(findings->items[i].next_step.length > 1); /* each has one */
    }
}

/* Exactly one finding of this check at this node; its cause has `text`. */
static const struct finding *expect(enum severity severity, const char *check, node_id node,
                                    const char *text)
{
    const struct finding *found = NULL;
    for (size_t i = 0; i < findings->kept; i++) {
        const struct finding *finding = &findings->items[i];
        if (strcmp(finding->check, check) != 0 || finding->node != node)
            continue;
        assert_null(found);
        found = finding;
    }
    assert_non_null(found);
    assert_int_equal(found->severity, severity);
    if (strstr((const char *)found->cause.data, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, (const char *)found->cause.data);
    return found;
}

static void expect_next(const struct finding *finding, const char *text)
{
    if (strstr((const char *)finding->next_step.data, text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, (const char *)finding->next_step.data);
}

static void expect_none(void)
{
    for (size_t i = 0; i < findings->kept; i++)
        print_message("%s\n", (const char *)findings->items[i].cause.data);
    assert_int_equal(findings->kept, 0);
}

static struct slice info(const char *text)
{
    return slice_text(text);
}

/* ---- members ---- */

static void who_says_nothing_is_not_found_fault_with(void **state)
{
    (void)state;
    look();
    expect_none();
}

/* What nodes 1 and 2 say of node 3, which does not answer. */
static void lose_third(const char *state, const char *silence_ms)
{
    for (size_t i = 0; i < 2; i++)
        patients[i].status = made_reply(
            "*4 cluster_id c members *1 *6 id :3 state %s silence_ms :%s", state, silence_ms);
    patients[2].status = NULL;
    strcpy(patients[2].reason, "no connection");
}

static void a_member_that_nobody_hears_of_is_gone(void **state)
{
    (void)state;
    lose_third("down", "86399999");
    look();
    expect_next(expect(SEVERITY_WARNING, "member", 3, "no node has heard of it for 23 h 59 min"),
                "start ringd on 10.0.0.3:6379");
    expect_next(expect(SEVERITY_WARNING, "partitions", 0, "2 of 2 partitions"), "3");
    assert_int_equal(findings->kept, 2);
}

static void who_is_gone_for_a_day_is_to_be_replaced(void **state)
{
    (void)state;
    lose_third("down", "172800000");
    look();
    expect_next(expect(SEVERITY_CRITICAL, "member", 3, "for 2 d 0 h"), "ringctl cluster replace 3");
}

static void who_is_up_for_others_and_silent_here_hangs(void **state)
{
    (void)state;
    lose_third("up", "10");
    look();
    expect(SEVERITY_WARNING, "member", 3, "2 nodes call it up");
}

static void two_of_three_gone_are_no_quorum(void **state)
{
    (void)state;
    lose_third("down", "100");
    patients[1].status = NULL;
    look();
    expect_next(expect(SEVERITY_CRITICAL, "partitions", 0, "fewer than 2 of their 3 owners"),
                "2 3");
}

static void a_clock_that_is_wrong_is_named(void **state)
{
    (void)state;
    patients[1].status = made_reply("*4 cluster_id c clock *4 offset_ms :3600000 fenced :1");
    patients[2].status = made_reply("*4 cluster_id c clock *4 offset_ms :-100 fenced :0");
    look();
    expect_next(expect(SEVERITY_CRITICAL, "clock", 2, "(1 h 0 min) ahead of the others"),
                "set the clock");
    expect(SEVERITY_WARNING, "clock", 3, "100 ms (0 s) behind the others");
    patients[1].status = made_reply("*4 cluster_id c clock *4 offset_ms :99 fenced :0");
    patients[2].status = patients[1].status;
    look();
    expect_none();
}

static void a_slow_member_is_named_by_who_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        patients[i].status =
            made_reply("*4 cluster_id c members *1 *8 id :3 state up slow :1 read_us :120000");
    look();
    expect(SEVERITY_WARNING, "slow", 3, "nodes 1, 2 wait about 120 ms");
}

static void another_cluster_or_epoch_is_seen(void **state)
{
    (void)state;
    patients[1].status = made_reply("*2 cluster_id d");
    patients[2].status = made_reply("*4 cluster_id c epoch :4");
    look();
    expect(SEVERITY_CRITICAL, "member", 2, "another cluster");
    expect(SEVERITY_WARNING, "member", 3, "epoch 4");
}

/* ---- stores and limits ---- */

static void a_full_disk_is_told_from_one_that_fills(void **state)
{
    (void)state;
    patients[0].info = info("store_free_bytes:100\r\nstore_free_floor_bytes:101\r\n"
                            "store_free_space_low:1\r\n");
    patients[1].info = info("store_free_bytes:199\r\nstore_free_floor_bytes:100\r\n");
    patients[2].info = info("store_free_bytes:200\r\nstore_free_floor_bytes:100\r\n");
    look();
    expect_next(expect(SEVERITY_CRITICAL, "disk", 1, "disk is full: 100 B are free"), "data-dir");
    expect(SEVERITY_WARNING, "disk", 2, "almost full");
    assert_int_equal(findings->kept, 2);
}

static void a_slow_disk_is_slow_beside_the_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES; i++) {
        patients[i].info = info("store_groups:10\r\nstore_sync_us:1000\r\n");
        patients[i].info_later = info("store_groups:20\r\nstore_sync_us:41000\r\n"); /* 4 ms */
    }
    patients[1].info_later = info("store_groups:20\r\nstore_sync_us:201000\r\n"); /* 20 ms */
    look();
    expect(SEVERITY_WARNING, "disk", 2, "a commit takes 20 ms, 4.0 ms at the node in the middle");
    patients[1].info_later = info("store_groups:20\r\nstore_sync_us:200000\r\n"); /* 19.9 ms */
    look();
    expect_none();
    patients[1].info_later = info("store_groups:10\r\nstore_sync_us:1000\r\n"); /* none */
    look();
    expect_none();
}

static void damage_is_told_while_it_heals_and_afterwards(void **state)
{
    (void)state;
    patients[0].status = made_reply("*4 cluster_id c store *2 state quarantined");
    patients[1].status = made_reply("*4 cluster_id c store *8 state rebuilding rebuilt_percent :40 "
                                    "damage_times :1 damage_reason checksum");
    patients[2].status =
        made_reply("*4 cluster_id c store *6 state serving damage_times :1 damage_ms :86400000");
    look();
    expect(SEVERITY_CRITICAL, "store", 1, "damaged");
    expect(SEVERITY_WARNING, "store", 2, "40 % are done; its store was damaged");
    expect_next(expect(SEVERITY_NOTICE, "store", 3, "1970-01-02T00:00:00Z"), "smartctl");
}

static void descriptors_and_memory_have_two_limits(void **state)
{
    (void)state;
    patients[0].info = info("open_descriptors:79\r\ndescriptors_max:100\r\n"
                            "used_memory:79\r\nmemory_limit_bytes:100\r\n");
    look();
    expect_none();
    patients[0].info = info("open_descriptors:80\r\ndescriptors_max:100\r\n"
                            "used_memory:94\r\nmemory_limit_bytes:100\r\n");
    patients[1].info = info("open_descriptors:95\r\ndescriptors_max:100\r\n"
                            "used_memory:95\r\nmemory_limit_bytes:100\r\n");
    look();
    expect(SEVERITY_WARNING, "descriptors", 1, "80 of the 100 descriptors");
    expect(SEVERITY_WARNING, "memory", 1, "94 B of the 100 B");
    expect(SEVERITY_CRITICAL, "descriptors", 2, "95 of");
    expect(SEVERITY_CRITICAL, "memory", 2, "95 B");
}

static void settings_that_need_more_than_there_is_are_named(void **state)
{
    (void)state;
    patients[0].info = info("open_descriptors:1\r\ndescriptors_max:1024\r\n"
                            "memory_limit_bytes:1073741824\r\n");
    patients[0].settings =
        made_reply("*6 clients-max 10000 store-open-files 500 cell-cache-size 1gb");
    look();
    expect(SEVERITY_NOTICE, "descriptors", 1, "may need 10500");
    expect(SEVERITY_WARNING, "memory", 1, "caches and write buffers may take 1.0 GiB");
}

static void certificates_are_told_from_30_days_on_and_urgent_below_7(void **state)
{
    (void)state;
    patients[0].info = info("tls_cert_expires_days:30\r\ntls_cluster_cert_expires_days:7\r\n");
    look();
    expect(SEVERITY_WARNING, "certificate", 1,
           "for other nodes (tls-cluster-cert-file) runs out "
           "in 7 days");
    assert_int_equal(findings->kept, 1);
    patients[0].info = info("tls_cluster_cert_expires_days:6\r\n");
    look();
    expect_next(expect(SEVERITY_CRITICAL, "certificate", 1, "6 days"), "ringctl tls reload");
    patients[0].info = info("tls_cert_expires_days:-1\r\n");
    look();
    expect(SEVERITY_CRITICAL, "certificate", 1, "for clients (tls-cert-file) has run out");
}

/* ---- copies ---- */

static void copies_in_one_rack_are_seen_where_there_are_more_racks(void **state)
{
    (void)state;
    strcpy(members[1].rack, "r0");
    look();
    expect_none(); /* three copies in two racks: it cannot be better */
    cluster.owner_count = 2;
    owners[0] = 0, owners[1] = 2; /* apart */
    owners[2] = 0, owners[3] = 1; /* together */
    look();
    expect_next(expect(SEVERITY_WARNING, "racks", 0,
                       "1 partitions have two copies in one of them: "
                       "of partition 1 nodes 1 and 2 stand in rack "
                       "r0"),
                "ringctl cluster rack");
}

static void one_rack_for_all_is_a_notice(void **state)
{
    (void)state;
    for (size_t i = 0; i < NODES; i++)
        strcpy(members[i].rack, "r0");
    look();
    expect(SEVERITY_NOTICE, "racks", 0, "all 3 nodes of region eu stand in one rack");
}

static void who_shares_a_host_shares_a_rack(void **state)
{
    (void)state;
    strcpy(members[2].client.host, "10.0.0.1");
    look();
    expect_next(expect(SEVERITY_WARNING, "racks", 0, "nodes 1 and 3 are on one host, 10.0.0.1"),
                "ringctl cluster rack 3 r0");
    for (size_t i = 0; i < NODES; i++)
        strcpy(members[i].client.host, "127.0.0.1"); /* a cluster to try things with */
    look();
    expect_none();
}

static void stewards_without_a_majority_are_named(void **state)
{
    (void)state;
    patients[0].status =
        made_reply("*4 cluster_id c register *4 stewards *3 :1 :2 :3 stewards_up :1");
    look();
    expect(SEVERITY_CRITICAL, "stewards", 0, "more than 1 of the 3 stewards");
    patients[1].status =
        made_reply("*4 cluster_id c register *4 stewards *3 :1 :2 :3 stewards_up :2");
    look();
    expect_none(); /* a node that is cut off does not speak for the others */
}

static void replicas_that_are_not_compared_are_named(void **state)
{
    (void)state;
    patients[0].info = info("ring_repair_paused:1\r\n");
    patients[1].info = info("ring_repair_oldest_comparison_seconds:86400\r\n");
    patients[2].info = info("ring_repair_oldest_comparison_seconds:86399\r\n");
    look();
    expect_next(expect(SEVERITY_WARNING, "repair", 1, "paused"), "ringctl repair resume");
    expect(SEVERITY_WARNING, "repair", 2, "for 1 d 0 h");
    assert_int_equal(findings->kept, 2);
}

/* ---- between nodes ---- */

static void a_path_that_is_cut_one_way_says_so(void **state)
{
    (void)state;
    patients[0].reach = made_reply("*1 *8 node :1 age_ms :10 reaches *1 :2 misses *1 *4 node :3 "
                                   "seconds :61");
    patients[1].reach = made_reply("*1 *8 node :2 age_ms :10 reaches *2 :1 :3 misses *0");
    patients[2].reach = made_reply("*1 *8 node :3 age_ms :10 reaches *2 :1 :2 misses *0");
    look();
    expect_next(expect(SEVERITY_WARNING, "path", 1, "not reached node 3 for 1 min (one way)"),
                "between 10.0.0.1 and 10.0.0.3");
    assert_int_equal(findings->kept, 1);
}

/* That node is a finding of its own, and not one for each path to it. */
static void a_dead_node_is_no_broken_path(void **state)
{
    (void)state;
    lose_third("down", "1000");
    patients[0].reach = made_reply("*1 *8 node :1 age_ms :10 reaches *1 :2 misses *1 *4 node :3 "
                                   "seconds :1");
    patients[1].reach = made_reply("*1 *8 node :2 age_ms :10 reaches *1 :1 misses *1 *4 node :3 "
                                   "seconds :1");
    look();
    for (size_t i = 0; i < findings->kept; i++)
        assert_string_not_equal(findings->items[i].check, "path");
}

static const struct resp_value *hints_for_third(unsigned bytes, unsigned oldest_ms)
{
    return made_reply(
        "*4 hint_bytes :%u targets *1 *10 node :3 hints :5 hint_bytes :%u oldest_ms :%u "
        "reason away",
        bytes, bytes, oldest_ms);
}

static void hints_that_grow_are_told_from_those_that_wait(void **state)
{
    (void)state;
    patients[0].hints = hints_for_third(2048, 60000);
    patients[0].hints_later = hints_for_third(4096, 61000);
    look();
    expect(SEVERITY_WARNING, "hints", 3,
           "2.0 KiB of hints for it, the oldest for 1 min: away; "
           "they grow by 2.0 KiB a second");
    patients[0].hints_later = hints_for_third(1024, 61000);
    look();
    expect_none(); /* on their way to an owner that is back */
    patients[0].hints = hints_for_third(2048, 600000);
    look();
    expect(SEVERITY_WARNING, "hints", 3, "the oldest for 10 min");
}

static void hints_near_their_limit_are_named(void **state)
{
    (void)state;
    patients[0].settings = made_reply("*2 hint-size-max 1kb");
    patients[0].hints = made_reply("*2 hint_bytes :799");
    look();
    expect_none();
    patients[0].hints = made_reply("*2 hint_bytes :820");
    look();
    expect(SEVERITY_WARNING, "hints", 1, "close to hint-size-max");
    patients[0].hints = made_reply("*4 hint_bytes :1024 full :1");
    look();
    expect(SEVERITY_CRITICAL, "hints", 1, "takes no more");
}

static void settings_that_differ_are_named(void **state)
{
    (void)state;
    patients[0].settings = made_reply("*6 heartbeat 1s max-clock-skew 10s data-dir /a");
    patients[1].settings = made_reply("*6 heartbeat 1s max-clock-skew 20s data-dir /b");
    patients[2].settings = made_reply("*6 heartbeat 2s max-clock-skew 10s data-dir /c");
    look();
    assert_int_equal(findings->kept, 2);
    assert_int_equal(findings->counts[SEVERITY_NOTICE], 1);
    findings_sort(findings);
    assert_string_equal(findings->items[0].cause.data,
                        "max-clock-skew is \"10s\" at most nodes, but node 2 has \"20s\"");
    assert_string_equal(findings->items[1].cause.data,
                        "heartbeat is \"1s\" at most nodes, but node 3 has \"2s\"");
}

/* ---- keys ---- */

static struct key_tops tops[2]; /* hot, large */

static void begin_tops(void)
{
    memset(tops, 0, sizeof tops);
    examination.hot = &tops[0];
    examination.large = &tops[1];
}

static void a_hot_key_of_several_nodes_is_one(void **state)
{
    (void)state;
    begin_tops();
    for (int i = 0; i < 2; i++) /* 500 a second at each, of 1000 */
        key_tops_take(&tops[0],
                      made_reply("*6 ms :10000 requests :10000 keys *1 *12 key user:1 length "
                                 ":6 keyspace :2 requests :5000 writes :10 error :0"));
    look();
    expect(SEVERITY_WARNING, "hot key", 0,
           "50 % of all requests are for one key, user:1 of keyspace 2: 1000 a second, 2 of them "
           "writes");
    memset(&tops[0], 0, sizeof tops[0]);
    key_tops_take(&tops[0], made_reply("*6 ms :10000 requests :10000 keys *1 *12 key user:1 length "
                                       ":6 keyspace :2 requests :1999 writes :10 error :0"));
    look();
    expect_none(); /* 19.99 % */
}

static void a_huge_key_is_told_by_what_it_has_now(void **state)
{
    (void)state;
    begin_tops();
    key_tops_take(&tops[1],
                  made_reply("*4 bytes :10 keys *1 *10 key big length :3 keyspace :0 bytes :5 "
                             "error :0"));
    strcpy(tops[1].keys[0].type, "set");
    tops[1].keys[0].elements = 99999;
    look();
    expect_none();
    tops[1].keys[0].elements = 100000;
    look();
    expect_next(
        expect(SEVERITY_WARNING, "huge key", 0, "the set big of keyspace 0 has about 100000"),
        "SCAN");
    tops[1].keys[0].elements = -1;
    tops[1].keys[0].size = 8 << 20;
    look();
    expect(SEVERITY_WARNING, "huge key", 0, "has 8.0 MiB");
}

static void a_page_tells_how_many_there_are(void **state)
{
    (void)state;
    assert_int_equal(key_tops_estimate(17, 0), 17);
    assert_int_equal(key_tops_estimate(100, (uint64_t)1 << 63), 200);
    assert_int_equal(key_tops_estimate(100, (uint64_t)1 << 54), 102400);
    assert_true(key_tops_estimate(100, 1) == INT64_MAX);
}

static void a_key_is_shown_as_plain_text(void **state)
{
    struct top_key key = {.key = slice_make("a\x1b\\b", 4), .length = 5};
    struct buffer out = {0};
    (void)state;
    key_tops_show(&key, &out);
    buffer_put_u8(&out, 0);
    assert_string_equal(out.data, "a\\x1b\\x5cb...");
    buffer_deinit(&out);
}

/* ---- findings ---- */

static void the_worst_comes_first_and_too_many_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < FINDINGS_MAX + 5; i++) {
        enum severity severity = i == 7 ? SEVERITY_CRITICAL : SEVERITY_NOTICE;
        findings_add(findings, severity, "check", 0, "number %d", i);
        findings_next(findings, "step %d", i);
    }
    findings_sort(findings);
    assert_int_equal(findings->kept, FINDINGS_MAX);
    assert_int_equal(findings->counts[SEVERITY_NOTICE], FINDINGS_MAX + 4);
    assert_string_equal(findings->items[0].cause.data, "number 7");
    assert_string_equal(findings->items[1].cause.data, "number 0");
    assert_string_equal(findings->items[FINDINGS_MAX - 1].next_step.data, "step 199");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_says_nothing_is_not_found_fault_with, begin, end),
        cmocka_unit_test_setup_teardown(a_member_that_nobody_hears_of_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(who_is_gone_for_a_day_is_to_be_replaced, begin, end),
        cmocka_unit_test_setup_teardown(who_is_up_for_others_and_silent_here_hangs, begin, end),
        cmocka_unit_test_setup_teardown(two_of_three_gone_are_no_quorum, begin, end),
        cmocka_unit_test_setup_teardown(a_clock_that_is_wrong_is_named, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_member_is_named_by_who_waits, begin, end),
        cmocka_unit_test_setup_teardown(another_cluster_or_epoch_is_seen, begin, end),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_from_one_that_fills, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_disk_is_slow_beside_the_others, begin, end),
        cmocka_unit_test_setup_teardown(damage_is_told_while_it_heals_and_afterwards, begin, end),
        cmocka_unit_test_setup_teardown(descriptors_and_memory_have_two_limits, begin, end),
        cmocka_unit_test_setup_teardown(settings_that_need_more_than_there_is_are_named, begin,
                                        end),
        cmocka_unit_test_setup_teardown(certificates_are_told_from_30_days_on_and_urgent_below_7,
                                        begin, end),
        cmocka_unit_test_setup_teardown(copies_in_one_rack_are_seen_where_there_are_more_racks,
                                        begin, end),
        cmocka_unit_test_setup_teardown(one_rack_for_all_is_a_notice, begin, end),
        cmocka_unit_test_setup_teardown(who_shares_a_host_shares_a_rack, begin, end),
        cmocka_unit_test_setup_teardown(stewards_without_a_majority_are_named, begin, end),
        cmocka_unit_test_setup_teardown(replicas_that_are_not_compared_are_named, begin, end),
        cmocka_unit_test_setup_teardown(a_path_that_is_cut_one_way_says_so, begin, end),
        cmocka_unit_test_setup_teardown(a_dead_node_is_no_broken_path, begin, end),
        cmocka_unit_test_setup_teardown(hints_that_grow_are_told_from_those_that_wait, begin, end),
        cmocka_unit_test_setup_teardown(hints_near_their_limit_are_named, begin, end),
        cmocka_unit_test_setup_teardown(settings_that_differ_are_named, begin, end),
        cmocka_unit_test_setup_teardown(a_hot_key_of_several_nodes_is_one, begin, end),
        cmocka_unit_test_setup_teardown(a_huge_key_is_told_by_what_it_has_now, begin, end),
        cmocka_unit_test(a_page_tells_how_many_there_are),
        cmocka_unit_test(a_key_is_shown_as_plain_text),
        cmocka_unit_test_setup_teardown(the_worst_comes_first_and_too_many_are_counted, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
