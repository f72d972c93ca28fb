/*
 * test_hashes.c - the H* commands, and what other commands say of a key that holds a hash.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRONG "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"

static void fields_are_set_and_counted_when_they_are_new(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
    assert_reply(client, "HSET h b 3 c 4 c 5", ":1\r\n");
    assert_reply(client, "HMSET h d 6", "+OK\r\n");
    assert_reply(client, "HSETNX h d 7", ":0\r\n");
    assert_reply(client, "HSETNX h e 7", ":1\r\n");
    assert_reply(client, "HMGET h a b c d e f",
                 "*6\r\n$1\r\n1\r\n$1\r\n3\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$-1\r\n");
    assert_reply(client, "HDEL h a x a", ":1\r\n");
    assert_reply(client, "HGET h a", "$-1\r\n");
    assert_reply(client, "HEXISTS h b", ":1\r\n");
    assert_reply(client, "HSTRLEN h b", ":1\r\n");
    assert_reply(client, "HSTRLEN h x", ":0\r\n");
    assert_reply(client, "HLEN h", ":4\r\n");
    assert_reply(client, "HSET h a", "-ERR wrong number of arguments for 'hset' command\r\n");
    assert_reply(client, "HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command\r\n");
}

static void one_command_is_one_request(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "HSET h a 1 b 2 c 3", ":3\r\n");
    assert_int_equal(harness->requests_seen, 1);
    assert_reply(client, "HMGET h a b", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert_int_equal(harness->requests_seen, 2);
}

static void walks_go_through_all_pages(void **state)
{
    enum { FIELDS = 2500 };
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    bool seen[FIELDS] = {false};
    char line[64], cursor[32] = "0";
    int met = 0, pages = 0;
    for (int i = 0; i < FIELDS; i++) {
        snprintf(line, sizeof line, "HSET h f%d %d", i, i);
        client_command(client, line);
    }
    buffer_clear(&client->replies);
    harness->requests_seen = 0;
    assert_reply(client, "HLEN h", ":2500\r\n");
    assert_int_equal(harness->requests_seen, 3); /* a thousand each */
    do {
        snprintf(line, sizeof line, "HSCAN h %s COUNT 400", cursor);
        struct resp_value *value = client_value(client, line);
        const struct resp_value *list = &value->elements[1];
        for (size_t i = 0; i < list->element_count; i += 2, met++)
            seen[atoi((const char *)list->elements[i].text.data + 1)] = true;
        snprintf(cursor, sizeof cursor, "%.*s", (int)value->elements[0].text.length,
                 (const char *)value->elements[0].text.data);
        resp_value_free(value);
        assert_true(++pages < 100);
    } while (strcmp(cursor, "0") != 0);
    assert_int_equal(met, FIELDS);
    for (int i = 0; i < FIELDS; i++)
        assert_true(seen[i]);
    assert_int_equal(pages, 7);
    assert_reply(client, "HSCAN h 0 MATCH f77 COUNT 5000",
                 "*2\r\n$1\r\n0\r\n*2\r\n$3\r\nf77\r\n$2\r\n77\r\n");
    assert_reply(client, "HSCAN h x", "-ERR invalid cursor\r\n");
    assert_reply(client, "HSCAN h 0 COUNT 0", "-ERR syntax error\r\n");
    assert_reply(client, "HSCAN h 0 LIMIT 1", "-ERR syntax error\r\n");
}

static void fields_count(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "HINCRBY h a 5", ":5\r\n");
    assert_reply(client, "HINCRBY h a -7", ":-2\r\n");
    assert_reply(client, "HSET h b 10 t text", ":2\r\n");
    assert_reply(client, "HINCRBYFLOAT h b 0.5", "$4\r\n10.5\r\n");
    assert_reply(client, "HINCRBY h b 1", "-ERR hash value is not an integer\r\n");
    assert_reply(client, "HINCRBYFLOAT h t 1", "-ERR hash value is not a float\r\n");
    assert_reply(client, "HINCRBYFLOAT h t x", "-ERR value is not a valid float\r\n");
    assert_reply(client, "HINCRBY h a x", "-ERR value is not an integer or out of range\r\n");
    assert_reply(client, "HLEN h", ":3\r\n");
    assert_reply(client, "WITH id=1 HINCRBY h a 1",
                 "-ERR an id is not offered for 'hincrby'; nothing was written\r\n");
}

/* Their sums are in no cut: a delete removes them one by one, in as many requests as it takes. */
static void a_delete_removes_fields_that_count_first(void **state)
{
    enum { FIELDS = 250 };
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    char line[64];
    for (int i = 0; i < FIELDS; i++) {
        snprintf(line, sizeof line, "HINCRBY h f%d 1", i);
        client_command(client, line);
    }
    client_command(client, "HINCRBY i f 1");
    client_command(client, "HSET j f 1");
    buffer_clear(&client->replies);
    harness->requests_seen = 0;
    assert_reply(client, "DEL h i j", ":3\r\n");
    /*
     * Strings and looks of three keys; pages of names and removals of h: 3, of i: 1, j: one page;
     * and a page of each for members of sorted sets that count.
     */
    assert_int_equal(harness->requests_seen, 3 + 3 + 3 * 2 + 2 + 1 + 3 + 3);
    assert_int_equal(harness->key_count, 0);
    client_command(client, "HINCRBY h f 1");
    buffer_clear(&client->replies);
    assert_reply(client, "SET h v", "+OK\r\n");
    assert_int_equal(harness->key_count, 1);
    client_command(client, "HINCRBY k f 1");
    buffer_clear(&client->replies);
    harness->fail_kind = KEY_ELEMENTS_WRITE;
    harness->fail_status = STATUS_UNCERTAIN;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(
        client, "DEL k",
        "-UNCERTAIN collections are there still, perhaps without some fields: UNCERTAIN w=1/2 "
        "the write was sent but not confirmed in time; it may apply\r\n");
}

/* A distinct sample has no field twice; each field comes about as often as any other. */
static void samples_are_distinct_and_fair(void **state)
{
    enum { FIELDS = 10, DRAWS = 1000, WANTED = 3 };
    struct client *client = harness_client(*state);
    int met[FIELDS] = {0};
    assert_reply(client, "HSET h f0 0 f1 1 f2 2 f3 3 f4 4 f5 5 f6 6 f7 7 f8 8 f9 9", ":10\r\n");
    for (int i = 0; i < DRAWS; i++) {
        bool seen[FIELDS] = {false};
        struct resp_value *value = client_value(client, "HRANDFIELD h 3 WITHVALUES");
        assert_int_equal(value->element_count, 2 * WANTED);
        for (size_t k = 0; k < value->element_count; k += 2) {
            int field = value->elements[k].text.data[1] - '0';
            assert_int_equal(value->elements[k + 1].text.data[0] - '0', field);
            assert_false(seen[field]);
            seen[field] = true;
            met[field]++;
        }
        resp_value_free(value);
    }
    for (int i = 0; i < FIELDS; i++)
        assert_in_range(met[i], 220, 380); /* 300, and five deviations of 14.5 */
    struct resp_value *value = client_value(client, "HRANDFIELD h -25");
    assert_int_equal(value->element_count, 25);
    resp_value_free(value);
    value = client_value(client, "HRANDFIELD h 25");
    assert_int_equal(value->element_count, FIELDS);
    resp_value_free(value);
    assert_reply(client, "HRANDFIELD h -9000000000",
                 "-TOOLARGE the sample has more than 33554432 bytes\r\n");
    assert_reply(client, "HRANDFIELD none", "$-1\r\n");
    assert_reply(client, "HRANDFIELD none -9000000000", "*0\r\n");
}

static void other_commands_look_at_a_hash(void **state)
{
    struct client *client = harness_client(*state);
    char line[64];
    assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
    assert_reply(client, "OBJECT ENCODING h", "$8\r\nlistpack\r\n");
    assert_reply(client, "OBJECT REFCOUNT h", ":1\r\n");
    assert_reply(client, "OBJECT IDLETIME h", "-ERR idle time is not tracked\r\n");
    assert_reply(client, "MEMORY USAGE h", ":166\r\n");
    for (int i = 0; i < 130; i++) {
        snprintf(line, sizeof line, "HSET h f%d 1", i);
        client_command(client, line);
    }
    buffer_clear(&client->replies);
    assert_reply(client, "OBJECT ENCODING h", "$9\r\nhashtable\r\n");
}

/* What does not fit into one answer is not gathered without an end. */
static void an_answer_has_a_bound(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct buffer value = {0};
    memset(buffer_reserve(&value, 8 << 20), 'x', 8 << 20);
    value.length = 8 << 20;
    harness->settings.value_bytes_max = 16 << 20;
    for (int i = 0; i < 5; i++) {
        char field[8];
        snprintf(field, sizeof field, "f%d", i);
        const struct slice words[] = {slice_text("HSET"), slice_text("h"), slice_text(field),
                                      buffer_slice(&value)};
        client_words(client, 4, words);
    }
    buffer_clear(&client->replies);
    assert_reply(client, "HGETALL h",
                 "-TOOLARGE the hash has more than 33554432 bytes; walk it with HSCAN\r\n");
    assert_reply(client, "HLEN h", ":5\r\n");
    buffer_deinit(&value);
}

static void other_types_are_refused(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET h a 1", ":1\r\n");
    assert_reply(client, "SET s v", "+OK\r\n");
    for (const char *const *line =
             (const char *const[]){"HSET s a 1", "HGET s a", "HDEL s a", "HGETALL s", "HLEN s",
                                   "HSCAN s 0", "GET h", "APPEND h x", "INCR h", "GETRANGE h 0 1",
                                   "STRLEN h", "SETBIT h 0 1", "GETSET h v", NULL};
         *line != NULL; line++)
        assert_reply(client, *line, WRONG);
    assert_reply(client, "SETNX h v", ":0\r\n");
    assert_reply(client, "SET h v NX", "$-1\r\n");
    assert_reply(client, "RENAME h i",
                 "-ERR collections are not copied or renamed yet; nothing was written\r\n");
    assert_reply(client, "TYPE h", "+hash\r\n");
    assert_reply(client, "TTL h", ":-1\r\n");
    assert_reply(client, "MGET h s", "*2\r\n$-1\r\n$1\r\nv\r\n");
    assert_reply(client, "EXISTS h s x", ":2\r\n");
}

static void fields_have_an_end_together(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "EXPIRE h 10", ":0\r\n");
    assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
    assert_reply(client, "TTL h", ":-1\r\n");
    assert_reply(client, "PERSIST h", ":0\r\n");
    assert_reply(client, "EXPIRE h 10 XX", ":0\r\n");
    assert_reply(client, "EXPIRE h 10", ":1\r\n");
    assert_reply(client, "TTL h", ":10\r\n");
    assert_reply(client, "PTTL h", ":10000\r\n");
    assert_reply(client, "EXPIRE h 5 GT", ":0\r\n");
    assert_reply(client, "PEXPIRE h 20000 GT", ":1\r\n");
    assert_reply(client, "TTL h", ":20\r\n");
    assert_reply(client, "HSET h a 3", ":0\r\n");
    assert_reply(client, "HSET h c 3", ":1\r\n");
    assert_reply(client, "TTL h", ":20\r\n");
    assert_reply(client, "PERSIST h", ":1\r\n");
    assert_reply(client, "TTL h", ":-1\r\n");
    assert_reply(client, "EXPIRE h x", "-ERR value is not an integer or out of range\r\n");
}

/* Else what is added later would go with what was removed before. */
static void a_new_life_has_not_the_old_end(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET h a 1", ":1\r\n");
    assert_reply(client, "EXPIRE h 10", ":1\r\n");
    assert_reply(client, "HDEL h a", ":1\r\n");
    assert_reply(client, "TTL h", ":-2\r\n");
    assert_reply(client, "HSET h b 1", ":1\r\n");
    assert_reply(client, "TTL h", ":-1\r\n");
}

static void an_end_that_has_passed_removes_at_once(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
    assert_reply(client, "EXPIRE h -1", ":1\r\n");
    assert_reply(client, "HGETALL h", "*0\r\n");
    assert_reply(client, "EXISTS h", ":0\r\n");
    assert_reply(client, "HSET h a 1", ":1\r\n");
    assert_reply(client, "PEXPIREAT h 1", ":1\r\n");
    assert_reply(client, "TYPE h", "+none\r\n");
}

static void a_delete_takes_hashes_and_strings(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
    assert_reply(client, "HSET i a 1", ":1\r\n");
    assert_reply(client, "SET s v", "+OK\r\n");
    assert_reply(client, "DEL h s x", ":2\r\n");
    assert_reply(client, "EXISTS h s i", ":1\r\n");
    assert_reply(client, "HGETALL h", "*0\r\n");
    assert_reply(client, "TYPE h", "+none\r\n");
    assert_reply(client, "WITH id=1 DEL i",
                 "-ERR an id is not offered for deletes of collections; they are as they were\r\n");
    assert_reply(client, "HLEN i", ":1\r\n");
}

/*
 * The look is answered by one owner and the delete by another, at ONE, which knows of no event yet:
 * nothing is removed, and the answer may not say that something was.
 */
static void a_delete_that_removes_nothing_counts_nothing(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "HSET h a 1", ":1\r\n");
    assert_reply(client, "HINCRBY i a 1", ":1\r\n");
    assert_reply(client, "SET s v", "+OK\r\n");
    harness->cuts_nothing = true;
    assert_reply(client, "DEL h", ":0\r\n");
    assert_reply(client, "DEL h s", ":1\r\n");
    assert_reply(client, "DEL i", ":1\r\n"); /* its field was removed by name */
    harness->cuts_nothing = false;
    assert_reply(client, "DEL h i", ":1\r\n");
}

/* Whatever sets a string takes the place of a hash, which is then gone for good. */
static void a_string_takes_the_place_of_a_hash(void **state)
{
    struct client *client = harness_client(*state);
    for (const char *const *line =
             (const char *const[]){"SET h v", "SET h v XX", "SET h v KEEPTTL", "SETEX h 100 v",
                                   "MSET h v i w", "COPY s h REPLACE", NULL};
         *line != NULL; line++) {
        assert_reply(client, "HSET h a 1 b 2", ":2\r\n");
        assert_reply(client, "SET s v", "+OK\r\n");
        bool copies = (*line)[0] == 'C';
        assert_reply(client, *line, copies ? ":1\r\n" : "+OK\r\n");
        assert_reply(client, "GET h", "$1\r\nv\r\n");
        assert_reply(client, "GETDEL h", "$1\r\nv\r\n");
        assert_reply(client, "EXISTS h", ":0\r\n");
    }
    assert_reply(client, "HSET h a 1", ":1\r\n");
    assert_reply(client, "SET h v GET", WRONG);
    assert_reply(client, "SET h v XX GET", WRONG);
    assert_reply(client, "SET h v NX", "$-1\r\n");
    assert_reply(client, "HLEN h", ":1\r\n");
}

static void a_hash_that_outlives_its_string_is_told_of(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "HSET h a 1", ":1\r\n");
    harness->fail_kind = KEY_COLLECTION_DELETE;
    harness->fail_status = STATUS_TIMEOUT;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(
        client, "SET h v",
        "-UNCERTAIN the value is written, and hides a collection that is there still: NOREPLICAS "
        "not enough owners answered in time: need w=2, got 1\r\n");
    assert_reply(client, "GET h", "$1\r\nv\r\n");
}

/* Both are there when they were made at once; the string hides the hash. */
static void a_delete_takes_both_and_counts_one_key(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "HSET k a 1", ":1\r\n");
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_reply(client, "TYPE k", "+string\r\n");
    assert_reply(client, "DEL k", ":1\r\n");
    assert_reply(client, "EXISTS k", ":0\r\n");
}

static void where_siblings_are_kept_there_are_no_hashes(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->ring->keyspaces[0].policy = KEYSPACE_SIBLINGS;
    assert_reply(client, "HSET h a 1", "-ERR a keyspace that keeps siblings has no hashes\r\n");
    assert_reply(client, "HLEN h", "-ERR a keyspace that keeps siblings has no hashes\r\n");
    harness->ring->keyspaces[0].policy = KEYSPACE_LWW;
    harness->ring->keyspaces[0].default_ttl_ms = 1000;
    assert_reply(client, "HSET h a 1",
                 "-ERR a keyspace with a default time to live has no hashes\r\n");
    harness->ring->keyspaces[0].default_ttl_ms = 0;
    assert_int_equal(harness->requests_seen, 0);
}

static void what_is_too_long_is_refused_before_it_is_sent(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    static char field[UINT16_MAX + 1];
    memset(field, 'f', sizeof field - 1);
    const struct slice words[] = {slice_text("HSET"), slice_text("h"), slice_text(field),
                                  slice_text("1")};
    client_words(client, 4, words);
    assert_replies(client, "-TOOLARGE a key and the name of a field have at most 65524 bytes "
                           "together; nothing was written\r\n");
    harness->settings.value_bytes_max = 3;
    assert_reply(client, "HSET h a 1234",
                 "-TOOLARGE a value has at most 3 bytes; nothing was written\r\n");
    assert_int_equal(harness->requests_seen, 0);
}

static void failures_of_each_kind_have_their_word(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "HSET h a 1", ":1\r\n");
    harness->fail_status = STATUS_UNCERTAIN;
    harness->fail_kind = KEY_ELEMENTS_WRITE;
    harness->fail_acks = 1;
    harness->fail_needed = 2;
    assert_reply(client, "HSET h a 2",
                 "-UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may apply\r\n");
    harness->fail_kind = KEY_COLLECTION_DELETE;
    assert_reply(client, "DEL h",
                 "-UNCERTAIN w=1/2 the write was sent but not confirmed in time; it may apply\r\n");
    harness->fail_kind = KEY_ELEMENTS_WALK;
    harness->fail_status = STATUS_TIMEOUT;
    for (const char *const *line = (const char *const[]){"HGETALL h", "HSCAN h 0", "TYPE h",
                                                         "GET h", "EXISTS h", "DEL h", NULL};
         *line != NULL; line++)
        assert_reply(client, *line,
                     "-NOREPLICAS not enough owners answered in time: need r=2, got 1\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)
        TEST(fields_are_set_and_counted_when_they_are_new),
        TEST(one_command_is_one_request),
        TEST(walks_go_through_all_pages),
        TEST(fields_count),
        TEST(a_delete_removes_fields_that_count_first),
        TEST(samples_are_distinct_and_fair),
        TEST(other_commands_look_at_a_hash),
        TEST(an_answer_has_a_bound),
        TEST(other_types_are_refused),
        TEST(fields_have_an_end_together),
        TEST(a_new_life_has_not_the_old_end),
        TEST(an_end_that_has_passed_removes_at_once),
        TEST(a_delete_takes_hashes_and_strings),
        TEST(a_delete_that_removes_nothing_counts_nothing),
        TEST(a_string_takes_the_place_of_a_hash),
        TEST(a_hash_that_outlives_its_string_is_told_of),
        TEST(a_delete_takes_both_and_counts_one_key),
        TEST(where_siblings_are_kept_there_are_no_hashes),
        TEST(what_is_too_long_is_refused_before_it_is_sent),
        TEST(failures_of_each_kind_have_their_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
