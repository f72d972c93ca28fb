/* RING.PLAN: what becomes a change of the register, and what a plan is made from. */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#include "ring/ring_wish.h"

#define STAGED "*6\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by\r\n:4\r\n$7\r\nmembers\r\n:5\r\n"

/* The register of the node around the session. */
static struct {
    unsigned changes;
    struct register_change last;
    struct buffer value;
} node;

static uint64_t change_start(void *context, const struct register_change *change)
{
    (void)context;
    node.last = *change;
    return ++node.changes;
}

static bool change_take(void *context, uint64_t ticket, struct change_outcome *out)
{
    (void)context;
    assert_int_equal(ticket, node.changes);
    *out = (struct change_outcome){.status = STATUS_OK, .seq = 7, .known_by = 4, .members = 5};
    return true;
}

static void register_export(void *context, struct buffer *out)
{
    (void)context;
    buffer_append_slice(out, buffer_slice(&node.value));
}

static struct client *setup(void **state)
{
    struct harness *harness = *state;
    buffer_deinit(&node.value);
    memset(&node, 0, sizeof node);
    harness->environment.change_start = change_start;
    harness->environment.change_take = change_take;
    harness->environment.register_export = register_export;
    return harness_client(harness);
}

static struct ring_wish read_wish(struct reader *reader)
{
    struct ring_wish wish;
    ring_wish_decode(reader, &wish);
    assert_false(reader->failed);
    return wish;
}

static void words_become_wishes_in_their_order(void **state)
{
    struct client *client = setup(state);
    client_command(client, "RING.PLAN STAGE leave 3 REPLACE 1 9 weight 2 10000 rack 2 r-4 "
                           "repeat-racks");
    assert_replies(client, STAGED);
    assert_int_equal(node.last.kind, REGISTER_CHANGE_STAGE);
    struct reader reader = reader_make(slice_make(node.last.words, node.last.words_length));
    struct ring_wish wish = read_wish(&reader);
    assert_int_equal(wish.kind, RING_WISH_LEAVE);
    assert_int_equal(wish.node, 3);
    wish = read_wish(&reader);
    assert_int_equal(wish.kind, RING_WISH_REPLACE);
    assert_int_equal(wish.by, 9);
    wish = read_wish(&reader);
    assert_int_equal(wish.weight, 10000);
    wish = read_wish(&reader);
    assert_string_equal(wish.rack, "r-4");
    wish = read_wish(&reader);
    assert_int_equal(wish.kind, RING_WISH_REPEAT_RACKS);
    assert_int_equal(reader_left(&reader), 0);
    assert_reply(client, "RING.PLAN CLEAR", STAGED);
    assert_int_equal(node.last.kind, REGISTER_CHANGE_STAGE_CLEAR);
}

static void wrong_words_stage_nothing(void **state)
{
    static const struct {
        const char *words, *reply;
    } cases[] = {
        {"vanish 3", "-ERR syntax error\r\n"},
        {"leave", "-ERR syntax error\r\n"},
        {"weight 3", "-ERR syntax error\r\n"},
        {"leave 3 replace 1", "-ERR syntax error\r\n"},
        {"leave 0", "-ERR the id of a node is a number from 1 to 4294967295\r\n"},
        {"leave 4294967296", "-ERR the id of a node is a number from 1 to 4294967295\r\n"},
        {"replace 1 x", "-ERR the id of a node is a number from 1 to 4294967295\r\n"},
        {"weight 1 0", "-ERR a weight is a number from 1 to 10000\r\n"},
        {"weight 1 10001", "-ERR a weight is a number from 1 to 10000\r\n"},
        {"rack 1 R", "-ERR a rack is 1 to 32 characters of a-z 0-9 _ -\r\n"},
        {"rack 1 abcdefghijklmnopqrstuvwxyz0123456",
         "-ERR a rack is 1 to 32 characters of a-z 0-9 _ -\r\n"},
    };
    struct client *client = setup(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[120];
        snprintf(command, sizeof command, "RING.PLAN STAGE %s", cases[i].words);
        assert_reply(client, command, cases[i].reply);
    }
    assert_int_equal(node.changes, 0);
}

static void more_than_a_change_holds_is_refused(void **state)
{
    struct client *client = setup(state);
    struct buffer command = {0};
    buffer_printf(&command, "RING.PLAN STAGE");
    for (unsigned i = 0; i < 80; i++)
        buffer_printf(&command, " rack %u abcdefghijklmnopqrstuvwxyz", i + 1);
    buffer_put_u8(&command, 0);
    assert_reply(client, (const char *)command.data,
                 "-ERR too much is to be staged at once: stage it one by one\r\n");
    assert_int_equal(node.changes, 0);
    buffer_deinit(&command);
}

static void a_plan_is_committed_by_who_may_where_it_may(void **state)
{
    struct client *client = setup(state);
    struct harness *harness = *state;
    harness->environment.settings->ring_changes = 0;
    assert_reply(client, "RING.PLAN COMMIT 00000000000000ab",
                 "-ERR ring-changes is no at this node, so no plan can be committed here; nothing "
                 "was changed, and what is staged stays so\r\n");
    assert_int_equal(node.changes, 0);
    harness->environment.settings->ring_changes = 1;
    assert_reply(client, "RING.PLAN COMMIT 00000000000000ab",
                 "*8\r\n$2\r\nid\r\n$16\r\n00000000000000ab\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by"
                 "\r\n:4\r\n$7\r\nmembers\r\n:5\r\n");
    assert_int_equal(node.last.kind, REGISTER_CHANGE_PLAN_COMMIT);
    assert_int_equal(node.last.plan_id, 0xab);
    assert_int_equal(node.last.member.id, harness->environment.self);
    assert_string_equal(node.last.user, "default");
}

/* A plan that is under way is paused and given up where none may be committed, too. */
static void the_plan_under_way_is_named_by_its_id(void **state)
{
    static const struct {
        const char *words;
        enum register_change_kind kind;
    } cases[] = {{"PAUSE ffffffffffffffff", REGISTER_CHANGE_PLAN_PAUSE},
                 {"RESUME ffffffffffffffff", REGISTER_CHANGE_PLAN_RESUME},
                 {"ABORT ffffffffffffffff", REGISTER_CHANGE_PLAN_ABORT},
                 {"LOST ffffffffffffffff 3", REGISTER_CHANGE_PLAN_LOSE}};
    static const char *const wrong[] = {"PAUSE 1", "ABORT 0000000000000000",
                                        "RESUME 00000000000000AB", "LOST 00000000000000abc 3",
                                        "COMMIT 000000000000000x"};
    struct client *client = setup(state);
    struct harness *harness = *state;
    char command[64];
    harness->environment.settings->ring_changes = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(command, sizeof command, "RING.PLAN %s", wrong[i]);
        assert_reply(client, command,
                     "-ERR the id of a plan is 16 hexadecimal digits, as RING.TASKS LIST and "
                     "ringctl cluster plan show it\r\n");
    }
    assert_reply(client, "RING.PLAN LOST ffffffffffffffff 0",
                 "-ERR the id of a node is a number from 1 to 4294967295\r\n");
    assert_int_equal(node.changes, 0);
    harness->environment.settings->ring_changes = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(command, sizeof command, "RING.PLAN %s", cases[i].words);
        client_command(client, command);
        assert_int_equal(node.changes, i + 1);
        assert_int_equal(node.last.kind, cases[i].kind);
        assert_true(node.last.plan_id == UINT64_MAX);
    }
    assert_int_equal(node.last.member.id, 3);
}

/* A value with something staged, a secret and a user. */
static void fill_value(const struct harness *harness)
{
    struct register_value *value = register_value_first(harness->environment.ring);
    struct ring_wish wish = {.node = 2, .kind = RING_WISH_WEIGHT, .weight = 4};
    struct user user;
    memset(value->ring->secret, 7, sizeof value->ring->secret);
    assert_true(ring_wishes_put(&value->staged, &wish));
    user_init(&user, "alice");
    user_set_put(&value->users, &user);
    register_value_encode(value, &node.value);
    register_value_free(value);
}

static void show_tells_what_is_staged(void **state)
{
    struct client *client = setup(state);
    fill_value(*state);
    assert_reply(
        client, "RING.PLAN SHOW",
        "*1\r\n*10\r\n$6\r\nchange\r\n$6\r\nweight\r\n$4\r\nnode\r\n:2\r\n$2\r\nby\r\n:0\r\n"
        "$6\r\nweight\r\n:4\r\n$4\r\nrack\r\n$0\r\n\r\n");
}

/* Who may plan need not be one who may impersonate. */
static void base_holds_neither_the_secret_nor_users(void **state)
{
    struct client *client = setup(state);
    struct harness *harness = *state;
    struct register_value *value;
    static const uint8_t none[RING_SECRET_BYTES];
    fill_value(harness);
    struct resp_value *reply = client_value(client, "RING.PLAN BASE");
    assert_int_equal(register_value_decode(reply->text, &value), STATUS_OK);
    resp_value_free(reply);
    assert_memory_equal(value->ring->secret, none, sizeof none);
    assert_int_equal(value->users.count, 0);
    assert_int_equal(value->staged.count, 1);
    assert_int_equal(ring_placement_digest(value->ring),
                     ring_placement_digest(harness->environment.ring));
    register_value_free(value);
    buffer_deinit(&node.value);
}

static void a_node_without_a_register_says_so(void **state)
{
    struct client *client = setup(state);
    struct harness *harness = *state;
    harness->environment.register_export = NULL;
    assert_reply(client, "RING.PLAN SHOW", "-ERR this node has no register\r\n");
    assert_reply(client, "RING.PLAN BASE", "-ERR this node has no register\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(words_become_wishes_in_their_order),
        TEST(wrong_words_stage_nothing),
        TEST(more_than_a_change_holds_is_refused),
        TEST(a_plan_is_committed_by_who_may_where_it_may),
        TEST(the_plan_under_way_is_named_by_its_id),
        TEST(show_tells_what_is_staged),
        TEST(base_holds_neither_the_secret_nor_users),
        TEST(a_node_without_a_register_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
