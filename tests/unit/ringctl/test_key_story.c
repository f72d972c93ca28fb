/* From what nodes have of a key to who is behind, why, and what won; answers are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "made_replies.h"
#include "ringctl/key_story.h"

/* Node 4 owns nothing. */
enum { NODES = 4, OWNERS = 3 };

static struct cluster_member members[NODES];
static uint16_t owners[OWNERS] = {0, 1, 2};
static struct cluster cluster;
static struct key_witness witnesses[NODES];
static struct key_story story;

/* The node has this: its clock, what its cell covers, and versions, as words. */
static void has(size_t i, const char *clock, const char *covers, const char *versions)
{
    witnesses[i].explain =
        made_reply("*12 partition :0 replica %s collection none clock %s covers %s versions %s",
                   i < OWNERS ? "active" : "none", clock, covers, versions);
}

#define FIRST  "*10 event 1.1.1.1:5 node :1 kind string written_ms :1000 written_count :0"
#define SECOND "*10 event 2.1.1.1:3 node :2 kind string written_ms :3000 written_count :0"

static int begin(void **state)
{
    (void)state;
    memset(members, 0, sizeof members);
    memset(witnesses, 0, sizeof witnesses);
    for (uint16_t i = 0; i < NODES; i++) {
        members[i].id = i + 1u;
        snprintf(members[i].client.host, sizeof members[i].client.host, "10.0.0.%u", i + 1u);
        members[i].client.port = 6379;
        has(i, "*0", "*0", "*0");
    }
    cluster = (struct cluster){.members = members,
                               .member_count = NODES,
                               .partition_count = 1,
                               .owner_count = OWNERS,
                               .owners = owners};
    return 0;
}

static int end(void **state)
{
    (void)state;
    key_story_deinit(&story);
    made_replies_free();
    return 0;
}

static void tell(bool keeps_siblings)
{
    key_story_make(&story, &cluster, witnesses, keeps_siblings);
}

static void expect(const struct buffer *text, const char *part)
{
    if (text->length == 0 || strstr((const char *)text->data, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text->length == 0 ? "" : (const char *)text->data);
}

static void expect_state(size_t i, enum holder_state state, const char *why, const char *next)
{
    assert_int_equal(story.holders[i].state, state);
    if (state == HOLDER_CURRENT)
        return;
    expect(&story.holders[i].why, why);
    expect(&story.holders[i].next_step, next);
}

static void all_that_have_the_same_are_current(void **state)
{
    (void)state;
    for (size_t i = 0; i < OWNERS; i++)
        has(i, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    tell(false);
    assert_true(story.agreed);
    assert_int_equal(story.holder_count, OWNERS);
    assert_int_equal(story.values, 1);
    assert_string_equal(story.type, "string");
    expect(&story.winner_by, "1.1.1.1:5 is the only version");
}

static void nothing_anywhere_is_agreement_too(void **state)
{
    (void)state;
    tell(false);
    assert_true(story.agreed);
    assert_null(story.winner);
    expect(&story.winner_by, "no node has a version");
}

static void who_has_not_seen_it_is_behind(void **state)
{
    (void)state;
    has(0, "*2 1.1.1.1:5 2.1.1.1:3", "*2 1.1.1.1:5 2.1.1.1:3", "*1 " SECOND);
    has(1, "*2 1.1.1.1:5 2.1.1.1:3", "*2 1.1.1.1:5 2.1.1.1:3", "*1 " SECOND);
    has(2, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    tell(false);
    assert_false(story.agreed);
    expect_state(0, HOLDER_CURRENT, "", "");
    expect_state(2, HOLDER_BEHIND, "on its way", "ringctl hints");
    expect(&story.winner_by, "2.1.1.1:3 replaced 1.1.1.1:5");
    expect(&story.winner_by, "2000 ms");
}

/* Its clock says that it had it: that heals by comparing, not by waiting. */
static void who_has_seen_it_has_lost_it(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 1.1.1.1:2,4-9", "*0", "*0");
    has(2, "*1 1.1.1.1:2,6-9", "*0", "*0");
    tell(false);
    expect_state(1, HOLDER_BEHIND, "lost it from its disk", "repair run --partition 0");
    expect_state(2, HOLDER_BEHIND, "on its way", "");
}

static void who_does_not_answer_is_unknown(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    witnesses[2].explain = NULL;
    strcpy(witnesses[2].reason, "no connection");
    for (size_t i = 0; i < 2; i++)
        witnesses[i].status = made_reply("*2 members *1 *6 id :3 state down silence_ms :172800000");
    tell(false);
    assert_false(story.agreed);
    expect_state(2, HOLDER_UNKNOWN, "no node has heard of it for 2 d", "start ringd on 10.0.0.3");
}

static void who_is_up_for_others_is_to_be_looked_for_in_the_network(void **state)
{
    (void)state;
    witnesses[2].explain = NULL;
    strcpy(witnesses[2].reason, "no answer");
    witnesses[0].status = made_reply("*2 members *1 *6 id :3 state up silence_ms :3");
    tell(false);
    expect_state(2, HOLDER_UNKNOWN, "no answer; 1 of the other nodes call it up", "net matrix");
}

static void a_cut_path_is_a_reason(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    witnesses[0].status = made_reply("*2 members *1 *6 id :3 state down silence_ms :3");
    tell(false);
    expect_state(2, HOLDER_BEHIND, "node 1 has it and cannot reach this node", "net matrix");
}

static void a_replica_that_is_filled_is_a_reason(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    witnesses[2].explain = made_reply("*10 partition :0 replica rebuilding clock *0 covers *0 "
                                      "versions *0");
    witnesses[2].status = made_reply("*2 store *4 state rebuilding rebuilt_percent :40");
    tell(false);
    expect_state(2, HOLDER_BEHIND, "being filled, 40 %", "transfers");
}

static void a_hint_is_a_reason_and_a_holder(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    witnesses[3].explain = made_reply("*10 partition :0 replica none hint_for *1 :3 hint_covers "
                                      "*1 1.1.1.1:5 hint_versions *1 " FIRST);
    tell(false);
    assert_int_equal(story.holder_count, OWNERS + 1);
    assert_true(story.holders[OWNERS].is_hint);
    expect_state(2, HOLDER_BEHIND, "a hint for it waits at node 4", "ringctl hints");
    assert_int_equal(story.values, 1);
}

/* Each was written where the other one was not known. */
static void of_two_that_never_met_the_later_one_wins(void **state)
{
    (void)state;
    has(0, "*1 1.1.1.1:5", "*1 1.1.1.1:5", "*1 " FIRST);
    has(1, "*1 2.1.1.1:3", "*1 2.1.1.1:3", "*1 " SECOND);
    tell(false);
    assert_int_equal(story.values, 2);
    expect(&story.winner_by, "without knowing of each other; the later one wins, by 2000 ms");
    expect_state(1, HOLDER_BEHIND, "on its way", "");
    key_story_deinit(&story);
    tell(true);
    expect(&story.winner_by, "keeps both");
}

static void garbage_from_a_hostile_node_is_survived(void **state)
{
    (void)state;
    has(0, "*3 x y: 1.1.1.1:", "*2 nocolon 1.1.1.1:x", "*2 *2 event y: *0");
    has(1, "*1 1.1.1.1:1,5-,x-y,", "*2 z:7 *0", "*1 " FIRST);
    tell(false);
    assert_int_equal(story.holder_count, OWNERS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_that_have_the_same_are_current),
        TEST(nothing_anywhere_is_agreement_too),
        TEST(who_has_not_seen_it_is_behind),
        TEST(who_has_seen_it_has_lost_it),
        TEST(who_does_not_answer_is_unknown),
        TEST(who_is_up_for_others_is_to_be_looked_for_in_the_network),
        TEST(a_cut_path_is_a_reason),
        TEST(a_replica_that_is_filled_is_a_reason),
        TEST(a_hint_is_a_reason_and_a_holder),
        TEST(of_two_that_never_met_the_later_one_wins),
        TEST(garbage_from_a_hostile_node_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
