/* RING.MEMBER: what becomes a change of the register, and what it answers. */
#include "commands/harness.h"

#include <stdio.h>
#include <string.h>

#define ADDRESSES "client=10.0.0.7:6379 peer=10.0.0.7:7379"

/* The register of the node around the session. */
static struct {
    unsigned changes;
    struct register_change last;
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
    buffer_append_slice(out, slice_text("a=b"));
}

static struct client *setup(void **state)
{
    struct harness *harness = *state;
    memset(&node, 0, sizeof node);
    harness->environment.change_start = change_start;
    harness->environment.change_take = change_take;
    harness->environment.register_export = register_export;
    return harness_client(harness);
}

static void options_become_a_member(void **state)
{
    struct client *client = setup(state);
    const struct ring_member *member = &node.last.member;
    client_command(client, "RING.MEMBER ADD role=gateway region=us rack=r4 client=edge.example:80 "
                           "peer=[fd00::7]:7379");
    assert_int_equal(node.last.kind, REGISTER_CHANGE_MEMBER_ADD);
    assert_int_equal(member->id, 0);
    assert_int_equal(member->role, MEMBER_GATEWAY);
    assert_int_equal(member->weight, 0);
    assert_int_equal(member->storage_incarnation, 1);
    assert_memory_equal(node.last.words, "us", 2);
    assert_int_equal(node.last.words_length, 2);
    assert_string_equal(member->rack, "r4");
    assert_string_equal(member->client.host, "edge.example");
    assert_int_equal(member->client.port, 80);
    assert_string_equal(member->peer.host, "fd00::7");
    assert_int_equal(member->peer.port, 7379);
    assert_replies(client, "*8\r\n$2\r\nid\r\n:0\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by\r\n:4\r\n"
                           "$7\r\nmembers\r\n:5\r\n");
    client_command(client, "RING.MEMBER ADD weight=4 role=data region=us " ADDRESSES);
    assert_int_equal(member->role, MEMBER_JOINING);
    assert_int_equal(member->weight, 4);
    client_command(client, "RING.MEMBER ADD role=data region=us " ADDRESSES);
    assert_int_equal(member->weight, 100);
    client->replies.length = 0;
    client_command(client, "RING.MEMBER REMOVE 6");
    assert_int_equal(node.last.kind, REGISTER_CHANGE_MEMBER_REMOVE);
    assert_int_equal(node.last.member.id, 6);
    assert_replies(client, "*8\r\n$2\r\nid\r\n:6\r\n$3\r\nseq\r\n:7\r\n$8\r\nknown_by\r\n:4\r\n"
                           "$7\r\nmembers\r\n:5\r\n");
}

static void wrong_options_change_nothing(void **state)
{
    static const struct {
        const char *command, *reply;
    } cases[] = {
        {"ADD role=owner region=eu " ADDRESSES, "-ERR role must be data or gateway\r\n"},
        {"ADD role=data weight=0 region=eu " ADDRESSES,
         "-ERR weight must be a number from 1 to 10000\r\n"},
        {"ADD role=gateway region=Eu " ADDRESSES,
         "-ERR region must be the name of a region of the ring\r\n"},
        {"ADD role=gateway region=eu rack= " ADDRESSES,
         "-ERR rack must be 1 to 32 characters of a-z 0-9 _ -\r\n"},
        {"ADD role=gateway region=eu client=10.0.0.7 peer=10.0.0.7:7379",
         "-ERR client must be HOST:PORT\r\n"},
        {"ADD role=gateway region=eu client=:6379 peer=10.0.0.7:7379",
         "-ERR client must be HOST:PORT\r\n"},
        {"ADD role=gateway region=eu client=10.0.0.7:65536 peer=10.0.0.7:7379",
         "-ERR client must be HOST:PORT\r\n"},
        {"ADD role=gateway region=eu client=10.0.0.7:6379 peer=cafe.example:7379",
         "-ERR peer must be HOST:PORT with the number of an IP address as HOST\r\n"},
        {"ADD role=gateway region=eu peer=10.0.0.7:7379 rack=r1",
         "-ERR a member needs role=, region=, client= and peer=\r\n"},
        {"ADD region=eu rack=r1 " ADDRESSES,
         "-ERR a member needs role=, region=, client= and peer=\r\n"},
        {"ADD role=gateway region=eu weight=4 " ADDRESSES,
         "-ERR a gateway stores nothing and has no weight\r\n"},
        {"ADD role=data region=eu color=4 " ADDRESSES, "-ERR a member has no option 'color'\r\n"},
        {"ADD role=gateway region " ADDRESSES, "-ERR syntax error\r\n"},
        {"REMOVE 0", "-ERR value is not an integer or out of range\r\n"},
        {"REMOVE 4294967296", "-ERR value is not an integer or out of range\r\n"},
        {"REMOVE x", "-ERR value is not an integer or out of range\r\n"},
    };
    struct client *client = setup(state);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char command[160];
        snprintf(command, sizeof command, "RING.MEMBER %s", cases[i].command);
        assert_reply(client, command, cases[i].reply);
    }
    assert_int_equal(node.changes, 0);
}

static void export_gives_the_bytes(void **state)
{
    struct client *client = setup(state);
    assert_reply(client, "RING.MEMBER EXPORT", "$3\r\na=b\r\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_become_a_member),
        TEST(wrong_options_change_nothing),
        TEST(export_gives_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
