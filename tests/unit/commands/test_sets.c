/*
 * test_sets.c - the S* commands of sets: what is written, what is joined, what is told.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "ring/element_key.h"

#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

/* ---- a model: which of so many members each of a few sets has ---- */

enum { SETS = 4, MEMBERS = 600 };

struct model {
    bool has[SETS][MEMBERS];
};

static void add(struct client *client, struct model *model, int set, int member)
{
    char line[64];
    snprintf(line, sizeof line, "SADD s%d m%d", set, member);
    client_command(client, line);
    model->has[set][member] = true;
}

/* The reply to the line must be exactly the members that are wanted. */
static void assert_members(struct client *client, const char *line, const bool *wanted)
{
    struct resp_value *value = client_value(client, line);
    bool met[MEMBERS] = {false};
    size_t count = 0;
    for (int i = 0; i < MEMBERS; i++)
        count += wanted[i];
    assert_int_equal(value->element_count, count);
    for (size_t i = 0; i < value->element_count; i++) {
        char text[16] = {0};
        assert_true(value->elements[i].text.length < sizeof text);
        memcpy(text, value->elements[i].text.data, value->elements[i].text.length);
        int member = atoi(text + 1);
        assert_true(wanted[member]);
        assert_false(met[member]);
        met[member] = true;
    }
    resp_value_free(value);
}

static void assert_number(struct client *client, const char *line, size_t number)
{
    char text[32];
    snprintf(text, sizeof text, ":%zu\r\n", number);
    assert_reply(client, line, text);
}

/* ---- named members ---- */

static void members_are_added_and_counted_when_they_are_new(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SADD s a b", ":2\r\n");
    assert_reply(client, "SADD s b c c", ":1\r\n");
    assert_reply(client, "SCARD s", ":3\r\n");
    assert_reply(client, "SMISMEMBER s a x c", "*3\r\n:1\r\n:0\r\n:1\r\n");
    assert_reply(client, "SREM s a x a", ":1\r\n");
    assert_reply(client, "SISMEMBER s a", ":0\r\n");
    assert_reply(client, "TYPE s", "+set\r\n");
}

/* Of a member that is there, too: else a removal that is under way would take it. */
static void each_addition_is_written(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SADD s a", ":1\r\n");
    uint64_t before = harness->sequence;
    assert_reply(client, "SADD s a", ":0\r\n");
    assert_true(harness->sequence > before);
}

static void one_command_is_one_request(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SADD s a b c", ":3\r\n");
    assert_reply(client, "SMISMEMBER s a b", "*2\r\n:1\r\n:1\r\n");
    assert_reply(client, "SREM s a b", ":2\r\n");
    assert_int_equal(harness->requests_seen, 3);
}

static void walks_go_through_all_pages(void **state)
{
    struct client *client = harness_client(*state);
    bool seen[MEMBERS] = {false};
    struct model model = {0};
    char line[64], cursor[32] = "0";
    int met = 0;
    for (int i = 0; i < MEMBERS; i++)
        add(client, &model, 0, i);
    buffer_clear(&client->replies);
    assert_number(client, "SCARD s0", MEMBERS);
    assert_members(client, "SMEMBERS s0", model.has[0]);
    do {
        snprintf(line, sizeof line, "SSCAN s0 %s COUNT 100", cursor);
        struct resp_value *value = client_value(client, line);
        const struct resp_value *list = &value->elements[1];
        for (size_t i = 0; i < list->element_count; i++, met++)
            seen[atoi((const char *)list->elements[i].text.data + 1)] = true;
        snprintf(cursor, sizeof cursor, "%.*s", (int)value->elements[0].text.length,
                 (const char *)value->elements[0].text.data);
        resp_value_free(value);
    } while (strcmp(cursor, "0") != 0);
    assert_int_equal(met, MEMBERS);
    for (int i = 0; i < MEMBERS; i++)
        assert_true(seen[i]);
    assert_reply(client, "SSCAN s0 0 MATCH m77 COUNT 5000", "*2\r\n$1\r\n0\r\n*1\r\n$3\r\nm77\r\n");
}

/* ---- several sets ---- */

/* Sets of all sizes, with many members of one page between two of another. */
static void joins_are_those_of_a_model(void **state)
{
    struct client *client = harness_client(*state);
    struct random random = random_make(7);
    for (int run = 0; run < 12; run++) {
        struct model model = {0};
        bool all[MEMBERS], any[MEMBERS], left[MEMBERS];
        size_t count = 0, rest = 0;
        char line[128];
        for (int set = 0; set < SETS; set++) {
            uint64_t one_in = (uint64_t)1 << random_below(&random, run % 3 == 0 ? 9 : 4);
            for (int i = 0; i < MEMBERS; i++)
                if (random_below(&random, one_in) == 0 || i == 5)
                    add(client, &model, set, i);
        }
        buffer_clear(&client->replies);
        for (int i = 0; i < MEMBERS; i++) {
            bool in_others = model.has[1][i] || model.has[2][i] || model.has[3][i];
            all[i] = model.has[0][i] && model.has[1][i] && model.has[2][i] && model.has[3][i];
            any[i] = model.has[0][i] || in_others;
            left[i] = model.has[0][i] && !in_others;
            count += all[i];
            rest += left[i];
        }
        assert_members(client, "SINTER s0 s1 s2 s3", all);
        assert_members(client, "SUNION s0 s1 s2 s3", any);
        assert_members(client, "SDIFF s0 s1 s2 s3", left);
        assert_number(client, "SINTERCARD 4 s0 s1 s2 s3", count);
        assert_number(client, "SINTERCARD 4 s0 s1 s2 s3 LIMIT 1", 1);
        assert_number(client, "SINTERSTORE d s0 s1 s2 s3", count);
        assert_members(client, "SMEMBERS d", all);
        assert_number(client, "SDIFFSTORE s0 s0 s1 s2 s3", rest); /* a source itself */
        assert_members(client, "SMEMBERS s0", left);
        for (int set = 0; set < SETS; set++) {
            snprintf(line, sizeof line, "DEL s%d d", set);
            client_command(client, line);
        }
        buffer_clear(&client->replies);
    }
}

/* What an intersection costs follows the smallest set. */
static void a_small_set_makes_an_intersection_cheap(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct model model = {0};
    for (int i = 0; i < MEMBERS; i++)
        add(client, &model, 0, i);
    add(client, &model, 1, 3);
    buffer_clear(&client->replies);
    harness->requests_seen = 0;
    assert_reply(client, "SINTER s0 s1", "*1\r\n$2\r\nm3\r\n");
    assert_in_range(harness->requests_seen, 2, 4);
}

static void a_result_takes_the_place_of_what_was_there(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SADD a 1 2 3", ":3\r\n");
    assert_reply(client, "SADD b 3", ":1\r\n");
    assert_reply(client, "SADD d 8 9", ":2\r\n");
    assert_reply(client, "SINTERSTORE d a b", ":1\r\n");
    assert_reply(client, "SMEMBERS d", "*1\r\n$1\r\n3\r\n");
    assert_reply(client, "SET t v", "+OK\r\n");
    assert_reply(client, "SINTERSTORE t a b", ":1\r\n");
    assert_reply(client, "TYPE t", "+set\r\n");
    assert_reply(client, "HSET h f 1", ":1\r\n");
    assert_reply(client, "HINCRBY h g 1", ":1\r\n");
    assert_reply(client, "SINTERSTORE h a b", ":1\r\n");
    assert_reply(client, "SMEMBERS h", "*1\r\n$1\r\n3\r\n");
    assert_reply(client, "HLEN h", WRONG);
    assert_reply(client, "SDIFFSTORE d b a", ":0\r\n");
    assert_reply(client, "EXISTS d", ":0\r\n");
}

/* As long as one may be: so nobody sees the half of it at one owner. */
static void a_small_result_is_stored_in_one_request(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SADD a 1 2 3", ":3\r\n");
    assert_reply(client, "SADD d 7 8 9", ":3\r\n");
    harness->requests_seen = 0;
    assert_reply(client, "SUNIONSTORE d a", ":3\r\n");
    assert_int_equal(harness->requests_seen, 3); /* the source, the destination, the change */
    assert_reply(client, "SCARD d", ":3\r\n");
}

static void a_store_that_fails_says_what_may_be_there(void **state)
{
    enum { MANY = 1500 };
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    char line[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(line, sizeof line, "SADD a %d", i);
        client_command(client, line);
    }
    buffer_clear(&client->replies);
    harness->fail_kind = KEY_ELEMENTS_WRITE;
    harness->fail_status = STATUS_TIMEOUT;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(client, "SUNIONSTORE d a",
                 "-NOREPLICAS not enough owners answered in time: need w=2, got 1; nothing was "
                 "written\r\n");
    harness->fail_after = 1;
    assert_reply(client, "SUNIONSTORE d a",
                 "-UNCERTAIN a part of the result is written, with what the destination held "
                 "before beside it: NOREPLICAS not enough owners answered in time: need w=2, got "
                 "1\r\n");
    assert_reply(client, "SCARD a", ":1500\r\n");
}

/* ---- members that leave ---- */

static void a_member_moves_by_way_of_both(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SADD s a b", ":2\r\n");
    assert_reply(client, "SMOVE s d a", ":1\r\n");
    assert_reply(client, "SMOVE s d a", ":0\r\n");
    assert_reply(client, "SMEMBERS s", "*1\r\n$1\r\nb\r\n");
    assert_reply(client, "SMEMBERS d", "*1\r\n$1\r\na\r\n");
    harness->fail_kind = KEY_ELEMENTS_WRITE;
    harness->fail_after = 1;
    harness->fail_status = STATUS_UNCERTAIN;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(client, "SMOVE s d b",
                 "-UNCERTAIN applied=1 unknown=1 of 2 keys; the member is in the destination, for "
                 "the source: UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may "
                 "apply\r\n");
    harness->fail_kind = 0;
    harness->fail_status = STATUS_OK;
    assert_reply(client, "SCARD d", ":2\r\n");
}

static void what_is_popped_is_gone(void **state)
{
    struct client *client = harness_client(*state);
    bool met[MEMBERS] = {false};
    struct model model = {0};
    for (int i = 0; i < MEMBERS; i++)
        add(client, &model, 0, i);
    buffer_clear(&client->replies);
    for (int i = 0; i < MEMBERS; i++) {
        struct resp_value *value = client_value(client, i % 2 == 0 ? "SPOP s0" : "SPOP s0 1");
        const struct resp_value *one = i % 2 == 0 ? value : &value->elements[0];
        char text[16] = {0};
        memcpy(text, one->text.data, one->text.length);
        assert_false(met[atoi(text + 1)]);
        met[atoi(text + 1)] = true;
        resp_value_free(value);
    }
    assert_reply(client, "SPOP s0", "$-1\r\n");
    assert_reply(client, "SPOP s0 3", "*0\r\n");
    assert_reply(client, "EXISTS s0", ":0\r\n");
}

static void more_than_one_request_takes_is_not_popped(void **state)
{
    enum { MANY = 4100 };
    struct client *client = harness_client(*state);
    char line[64];
    for (int i = 0; i < MANY; i++) {
        snprintf(line, sizeof line, "SADD s %d", i);
        client_command(client, line);
    }
    buffer_clear(&client->replies);
    assert_reply(client, "SPOP s 4100",
                 "-TOOLARGE 'spop' takes at most 4095 members; nothing was written\r\n");
    assert_reply(client, "SCARD s", ":4100\r\n");
}

static void draws_are_fair(void **state)
{
    enum { OF = 10, DRAWS = 1000, WANTED = 3 };
    struct client *client = harness_client(*state);
    int met[OF] = {0};
    assert_reply(client, "SADD s 0 1 2 3 4 5 6 7 8 9", ":10\r\n");
    for (int i = 0; i < DRAWS; i++) {
        bool seen[OF] = {false};
        struct resp_value *value = client_value(client, "SRANDMEMBER s 3");
        assert_int_equal(value->element_count, WANTED);
        for (size_t k = 0; k < value->element_count; k++) {
            int member = value->elements[k].text.data[0] - '0';
            assert_false(seen[member]);
            seen[member] = true;
            met[member]++;
        }
        resp_value_free(value);
    }
    for (int i = 0; i < OF; i++)
        assert_in_range(met[i], 220, 380); /* 300, and five deviations of 14.5 */
}

/* ---- types ---- */

static void other_types_are_refused(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SADD s a", ":1\r\n");
    assert_reply(client, "HSET h f 1", ":1\r\n");
    assert_reply(client, "SET t v", "+OK\r\n");
    for (const char *const *line = (const char *const[]){"SADD h a",
                                                         "SADD t a",
                                                         "SREM h a",
                                                         "SISMEMBER t a",
                                                         "SCARD h",
                                                         "SMEMBERS t",
                                                         "SSCAN h 0",
                                                         "SINTER s h",
                                                         "SUNION s t",
                                                         "SDIFF none h",
                                                         "SINTERSTORE d s h",
                                                         "SINTERCARD 2 none t",
                                                         "SMOVE h s f",
                                                         "SMOVE s t a",
                                                         "SPOP h",
                                                         "SRANDMEMBER t",
                                                         "HSET s a 1",
                                                         "HGET s a",
                                                         "HLEN s",
                                                         "HDEL s a",
                                                         "GET s",
                                                         "APPEND s x",
                                                         NULL};
         *line != NULL; line++)
        assert_reply(client, *line, WRONG);
    assert_reply(client, "SCARD s", ":1\r\n");
    assert_reply(client, "EXISTS d", ":0\r\n");
    assert_reply(client, "MGET s h t", "*3\r\n$-1\r\n$-1\r\n$1\r\nv\r\n");
    assert_reply(client, "DEL s h t", ":3\r\n");
}

/* An owner that is behind knows the key by a type that it has no more: a look tells. */
static void an_owner_that_is_behind_refuses_nothing(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->told_type = COLLECTION_HASH;
    assert_reply(client, "SADD s a b", ":2\r\n");
    assert_reply(client, "SISMEMBER s a", ":1\r\n");
    assert_reply(client, "SCARD s", ":2\r\n");
    assert_reply(client, "SSCAN s 0 MATCH a", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    assert_reply(client, "SINTER s s", "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_reply(client, "SUNIONSTORE d s", ":2\r\n");
    assert_reply(client, "SMOVE d e a", ":1\r\n");
    assert_reply(client, "SREM s a b", ":2\r\n");
    assert_reply(client, "SPOP e", "$1\r\na\r\n");
}

/* A hash and a set that are made at once: the hash is shown, and a delete takes both. */
static void a_hash_hides_a_set_until_it_is_deleted(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SADD k a", ":1\r\n");
    harness_put_field(harness, "k", "f");
    assert_reply(client, "TYPE k", "+hash\r\n");
    assert_reply(client, "SMEMBERS k", WRONG);
    assert_reply(client, "SADD k b", WRONG);
    assert_reply(client, "HGET k f", "$0\r\n\r\n");
    assert_reply(client, "DEL k", ":1\r\n");
    assert_reply(client, "EXISTS k", ":0\r\n");
    assert_reply(client, "SCARD k", ":0\r\n");
}

static void a_string_takes_the_place_of_a_set(void **state)
{
    struct client *client = harness_client(*state);
    for (const char *const *line =
             (const char *const[]){"SET s v", "SET s v XX", "SETEX s 100 v", "MSET s v i w", NULL};
         *line != NULL; line++) {
        assert_reply(client, "SADD s a b", ":2\r\n");
        assert_reply(client, *line, "+OK\r\n");
        assert_reply(client, "GETDEL s", "$1\r\nv\r\n");
        assert_reply(client, "EXISTS s", ":0\r\n");
    }
}

static void where_siblings_are_kept_there_are_no_sets(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->ring->keyspaces[0].policy = KEYSPACE_SIBLINGS;
    for (const char *const *line =
             (const char *const[]){"SADD s a", "SCARD s", "SINTER s s", "SUNIONSTORE d s",
                                   "SMOVE s d a", "SPOP s", "SSCAN s 0", NULL};
         *line != NULL; line++)
        assert_reply(client, *line, "-ERR a keyspace that keeps siblings has no sets\r\n");
    assert_int_equal(harness->requests_seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
        TEST(members_are_added_and_counted_when_they_are_new),
        TEST(each_addition_is_written),
        TEST(one_command_is_one_request),
        TEST(walks_go_through_all_pages),
        TEST(joins_are_those_of_a_model),
        TEST(a_small_set_makes_an_intersection_cheap),
        TEST(a_result_takes_the_place_of_what_was_there),
        TEST(a_small_result_is_stored_in_one_request),
        TEST(a_store_that_fails_says_what_may_be_there),
        TEST(a_member_moves_by_way_of_both),
        TEST(what_is_popped_is_gone),
        TEST(more_than_one_request_takes_is_not_popped),
        TEST(draws_are_fair),
        TEST(other_types_are_refused),
        TEST(an_owner_that_is_behind_refuses_nothing),
        TEST(a_hash_hides_a_set_until_it_is_deleted),
        TEST(a_string_takes_the_place_of_a_set),
        TEST(where_siblings_are_kept_there_are_no_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
