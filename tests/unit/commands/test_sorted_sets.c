/*
 * test_sorted_sets.c - the Z* commands against a model: what is set, which range is shown.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "causal/score.h"
#include "ring/element_key.h"

#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

/* ---- a model ---- */

enum { MEMBERS = 300 };

struct member {
    char name[8];
    double score;
};

struct model {
    struct member members[MEMBERS]; /* ascending */
    int count;
};

static int compare(const void *a, const void *b)
{
    const struct member *one = a, *other = b;
    if (one->score != other->score)
        return one->score < other->score ? -1 : 1;
    return strcmp(one->name, other->name);
}

/* As many members with few scores, so that many are equal. */
static void fill(struct client *client, struct random *random, struct model *model, int count)
{
    char line[64];
    resp_value_free(client_value(client, "DEL z"));
    model->count = count;
    for (int i = 0; i < count; i++) {
        struct member *member = &model->members[i];
        snprintf(member->name, sizeof member->name, "m%d", i);
        member->score = (double)random_below(random, 40) - 20;
        snprintf(line, sizeof line, "ZADD z %g %s", member->score, member->name);
        assert_reply(client, line, ":1\r\n");
    }
    qsort(model->members, (size_t)count, sizeof *model->members, compare);
}

/* The reply to the line is exactly those from the first to the last one, or backwards. */
static void assert_shows(struct client *client, const char *line, const struct model *model,
                         int first, int last, bool reversed)
{
    struct resp_value *value = client_value(client, line);
    size_t count = last < first ? 0 : (size_t)(last - first) + 1;
    if (value->element_count != count)
        fail_msg("%s: %zu members, not %zu", line, value->element_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct member *member = &model->members[reversed ? last - (int)i : first + (int)i];
        if (!slice_equal(value->elements[i].text, slice_text(member->name)))
            fail_msg("%s: %.*s at %zu, not %s", line, (int)value->elements[i].text.length,
                     (const char *)value->elements[i].text.data, i, member->name);
    }
    resp_value_free(value);
}

static void assert_number(struct client *client, const char *line, long number)
{
    char text[32];
    snprintf(text, sizeof text, ":%ld\r\n", number);
    assert_reply(client, line, text);
}

/* Places, as Redis counts them, of a range of that many members. */
static void clamp(int count, int *start, int *stop)
{
    *start = *start < 0 ? *start + count : *start;
    *stop = *stop < 0 ? *stop + count : *stop;
    *start = *start < 0 ? 0 : *start;
    *stop = *stop >= count ? count - 1 : *stop;
}

static void check_places(struct client *client, struct random *random, const struct model *model)
{
    char line[64];
    int start = (int)random_below(random, 640) - 320, stop = (int)random_below(random, 640) - 320;
    int first = start, last = stop;
    bool reversed = random_chance(random, 1, 2);
    snprintf(line, sizeof line, "ZRANGE z %d %d%s", start, stop, reversed ? " REV" : "");
    clamp(model->count, &first, &last);
    if (reversed && first <= last)
        assert_shows(client, line, model, model->count - 1 - last, model->count - 1 - first, true);
    else
        assert_shows(client, line, model, first, last, false);
}

static void check_scores(struct client *client, struct random *random, const struct model *model)
{
    char line[96];
    int min = (int)random_below(random, 50) - 25, max = (int)random_below(random, 50) - 25;
    bool without_min = random_chance(random, 1, 3), without_max = random_chance(random, 1, 3);
    bool reversed = random_chance(random, 1, 2);
    int offset = (int)random_below(random, 5), limit = (int)random_below(random, 60);
    int first = 0, last = model->count - 1;
    while (first < model->count &&
           (without_min ? model->members[first].score <= min : model->members[first].score < min))
        first++;
    while (last >= 0 &&
           (without_max ? model->members[last].score >= max : model->members[last].score > max))
        last--;
    snprintf(line, sizeof line, "ZCOUNT z %s%d %s%d", without_min ? "(" : "", min,
             without_max ? "(" : "", max);
    assert_number(client, line, last < first ? 0 : last - first + 1);
    snprintf(line, sizeof line, "%s z %s%d %s%d LIMIT %d %d",
             reversed ? "ZREVRANGEBYSCORE" : "ZRANGEBYSCORE",
             (reversed ? without_max : without_min) ? "(" : "", reversed ? max : min,
             (reversed ? without_min : without_max) ? "(" : "", reversed ? min : max, offset,
             limit);
    if (reversed)
        assert_shows(client, line, model,
                     last - offset - limit + 1 > first ? last - offset - limit + 1 : first,
                     last - offset, true);
    else
        assert_shows(client, line, model, first + offset,
                     first + offset + limit - 1 < last ? first + offset + limit - 1 : last, false);
}

static void check_rank(struct client *client, struct random *random, const struct model *model)
{
    char line[64];
    int place = (int)random_below(random, (uint64_t)model->count);
    snprintf(line, sizeof line, "ZRANK z %s", model->members[place].name);
    assert_number(client, line, place);
    snprintf(line, sizeof line, "ZREVRANK z %s", model->members[place].name);
    assert_number(client, line, model->count - 1 - place);
}

static void check_all(struct client *client, uint64_t seed)
{
    struct random random = random_make(seed);
    struct model model;
    for (int round = 0; round < 4; round++) {
        fill(client, &random, &model, 1 + (int)random_below(&random, MEMBERS));
        for (int i = 0; i < 60; i++) {
            check_places(client, &random, &model);
            check_scores(client, &random, &model);
            check_rank(client, &random, &model);
        }
    }
}

static void ranges_are_those_of_a_sorted_list(void **state)
{
    check_all(harness_client(*state), 1);
}

/* No index says anything for certain: then each member is looked at. */
static void ranges_are_right_where_every_member_is_looked_at(void **state)
{
    struct harness *harness = *state;
    harness->looks = true;
    check_all(harness_client(harness), 2);
}

/* Members named by a score that is past are shown where they are now, and once. */
static void a_score_that_is_past_shows_nothing(void **state)
{
    struct harness *harness = *state;
    harness->stale_score = "3";
    check_all(harness_client(harness), 3);
}

static void ranges_are_right_where_all_members_are_walked_over(void **state)
{
    struct harness *harness = *state;
    harness->counts_apart = true;
    check_all(harness_client(harness), 4);
}

/* ---- named members ---- */

static void a_score_is_set_under_its_conditions(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZADD z 1 a 2 b", ":2\r\n");
    assert_reply(client, "ZADD z 3 a", ":0\r\n");
    assert_reply(client, "ZADD z CH 3 a 4 b", ":1\r\n");
    assert_reply(client, "ZADD z NX 9 a 9 c", ":1\r\n");
    assert_reply(client, "ZADD z XX CH 5 a 9 d", ":1\r\n");
    assert_reply(client, "ZADD z GT CH 4 a 6 b", ":1\r\n");
    assert_reply(client, "ZADD z LT CH 4 a 7 b", ":1\r\n");
    assert_reply(client, "ZADD z LT 7 e", ":1\r\n");
    assert_reply(client, "ZMSCORE z a b c d e",
                 "*5\r\n$1\r\n4\r\n$1\r\n6\r\n$1\r\n9\r\n$-1\r\n$1\r\n7\r\n");
    assert_reply(client, "ZADD z GT INCR -1 a", "$-1\r\n");
    assert_reply(client, "ZADD z LT INCR -1.5 a", "$3\r\n2.5\r\n");
    assert_reply(client, "ZADD z XX INCR 1 f", "$-1\r\n");
    assert_reply(client, "ZADD z NX INCR 1 f", "$1\r\n1\r\n");
    assert_reply(client, "ZINCRBY z 0.1 f", "$18\r\n1.1000000000000001\r\n");
    assert_reply(client, "TYPE z", "+zset\r\n");
}

/* Of a score that is there, too: else a removal that is under way would take it. */
static void each_score_is_written(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "ZADD z 1 a", ":1\r\n");
    uint64_t before = harness->sequence;
    assert_reply(client, "ZADD z 1 a", ":0\r\n");
    assert_int_equal(harness->sequence, before + 1);
}

static void what_cannot_be_added_exactly_is_refused(void **state)
{
    struct client *client = harness_client(*state);
    const char *error = "-ERR a score is incremented as an exact decimal: neither it nor the "
                        "increment may be infinite or beyond 10^21\r\n";
    assert_reply(client, "ZADD z inf a 1e300 b", ":2\r\n");
    assert_reply(client, "ZINCRBY z 1 a", error);
    assert_reply(client, "ZINCRBY z 1 b", error);
    assert_reply(client, "ZINCRBY z inf c", error);
    assert_reply(client, "ZINCRBY z x c", "-ERR value is not a valid float\r\n");
    assert_reply(client, "ZCARD z", ":2\r\n");
}

/* ---- removals ---- */

static void popped_members_are_gone(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZADD z 1 a 2 b 3 c 4 d 5 e", ":5\r\n");
    assert_reply(client, "ZPOPMIN z", "*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    assert_reply(client, "ZPOPMAX z 2", "*4\r\n$1\r\ne\r\n$1\r\n5\r\n$1\r\nd\r\n$1\r\n4\r\n");
    assert_reply(client, "ZPOPMIN z 0", "*0\r\n");
    assert_reply(client, "ZPOPMIN z 9", "*4\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\nc\r\n$1\r\n3\r\n");
    assert_reply(client, "ZPOPMIN z", "*0\r\n");
    assert_reply(client, "EXISTS z", ":0\r\n");
}

/* More than one request takes. */
static void ranges_are_removed_piece_by_piece(void **state)
{
    struct client *client = harness_client(*state);
    struct random random = random_make(7);
    struct model model;
    fill(client, &random, &model, MEMBERS);
    assert_number(client, "ZREMRANGEBYRANK z 2 -3", MEMBERS - 4);
    model.members[2] = model.members[MEMBERS - 2];
    model.members[3] = model.members[MEMBERS - 1];
    assert_shows(client, "ZRANGE z 0 -1", &model, 0, 3, false);
    fill(client, &random, &model, MEMBERS);
    assert_number(client, "ZREMRANGEBYSCORE z -inf +inf", MEMBERS);
    assert_reply(client, "ZCARD z", ":0\r\n");
}

static void a_removal_that_fails_half_way_says_so(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct random random = random_make(8);
    struct model model;
    fill(client, &random, &model, MEMBERS);
    harness->fail_status = STATUS_UNAVAILABLE;
    harness->fail_kind = KEY_ELEMENTS_WRITE;
    harness->fail_after = 1;
    struct resp_value *value = client_value(client, "ZREMRANGEBYRANK z 0 -1");
    assert_int_equal(value->type, RESP_TYPE_ERROR);
    assert_true(value->text.length > 22);
    assert_true(slice_equal(slice_make(value->text.data, 21), slice_text("UNCERTAIN removed=256")));
    resp_value_free(value);
}

/* ---- members in their own order ---- */

static void members_of_one_score_are_ordered_by_name(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZADD z 0 a 0 b 0 c 0 d 0 dd 0 e", ":6\r\n");
    assert_reply(client, "ZRANGEBYLEX z (a [d", "*3\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n");
    assert_reply(client, "ZRANGEBYLEX z - + LIMIT 4 1", "*1\r\n$2\r\ndd\r\n");
    assert_reply(client, "ZREVRANGEBYLEX z [dd [c", "*3\r\n$2\r\ndd\r\n$1\r\nd\r\n$1\r\nc\r\n");
    assert_reply(client, "ZREVRANGEBYLEX z (dd (c", "*1\r\n$1\r\nd\r\n");
    assert_reply(client, "ZLEXCOUNT z [b (dd", ":3\r\n");
    assert_reply(client, "ZLEXCOUNT z + -", ":0\r\n");
    assert_reply(client, "ZRANGEBYLEX z b c", "-ERR min or max not valid string range item\r\n");
    assert_reply(client, "ZREMRANGEBYLEX z - [b", ":2\r\n");
    assert_reply(client, "ZCARD z", ":4\r\n");
}

/* ---- types ---- */

static void another_type_is_told(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZADD z 1 a", ":1\r\n");
    assert_reply(client, "SADD s a", ":1\r\n");
    assert_reply(client, "SADD z a", WRONG);
    assert_reply(client, "GET z", WRONG);
    for (const char *const *line =
             (const char *const[]){"ZADD s 1 a", "ZSCORE s a", "ZRANGE s 0 -1", "ZRANK s a",
                                   "ZCOUNT s 1 2", "ZPOPMIN s", "ZREMRANGEBYRANK s 0 1",
                                   "ZRANDMEMBER s", "ZSCAN s 0", NULL};
         *line != NULL; line++)
        assert_reply(client, *line, WRONG);
}

/* An owner that is behind may take the key for something else; a look decides. */
static void what_an_owner_says_of_the_type_is_looked_at(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "ZADD z 1 a", ":1\r\n");
    harness->told_type = COLLECTION_HASH;
    assert_reply(client, "ZRANGE z 0 -1", "*1\r\n$1\r\na\r\n");
    assert_reply(client, "ZCOUNT z 0 9", ":1\r\n");
    assert_reply(client, "ZADD z 2 b", ":1\r\n");
}

static void a_delete_takes_members_that_count(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "ZINCRBY z 2 a", "$1\r\n2\r\n");
    assert_reply(client, "ZADD z 1 b", ":1\r\n");
    assert_reply(client, "DEL z", ":1\r\n");
    assert_reply(client, "ZCARD z", ":0\r\n");
    assert_reply(client, "ZINCRBY z 3 a", "$1\r\n3\r\n");
    assert_reply(client, "SET z x", "+OK\r\n");
    assert_reply(client, "GETDEL z", "$1\r\nx\r\n");
    assert_reply(client, "ZINCRBY z 4 a", "$1\r\n4\r\n");
}

static void where_siblings_are_kept_there_are_no_sorted_sets(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->ring->keyspaces[0].policy = KEYSPACE_SIBLINGS;
    for (const char *const *line =
             (const char *const[]){"ZADD z 1 a", "ZCARD z", "ZRANGE z 0 -1", "ZRANK z a",
                                   "ZPOPMIN z", "ZRANDMEMBER z", "ZSCAN z 0", NULL};
         *line != NULL; line++)
        assert_reply(client, *line, "-ERR a keyspace that keeps siblings has no sorted sets\r\n");
    assert_int_equal(harness->requests_seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
        TEST(ranges_are_those_of_a_sorted_list),
        TEST(ranges_are_right_where_every_member_is_looked_at),
        TEST(a_score_that_is_past_shows_nothing),
        TEST(ranges_are_right_where_all_members_are_walked_over),
        TEST(a_score_is_set_under_its_conditions),
        TEST(each_score_is_written),
        TEST(what_cannot_be_added_exactly_is_refused),
        TEST(popped_members_are_gone),
        TEST(ranges_are_removed_piece_by_piece),
        TEST(a_removal_that_fails_half_way_says_so),
        TEST(members_of_one_score_are_ordered_by_name),
        TEST(another_type_is_told),
        TEST(what_an_owner_says_of_the_type_is_looked_at),
        TEST(a_delete_takes_members_that_count),
        TEST(where_siblings_are_kept_there_are_no_sorted_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
