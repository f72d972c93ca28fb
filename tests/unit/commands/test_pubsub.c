/*
 * test_pubsub.c - channels of one node: who gets what, in which order and form.
 */
#include "commands/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "commands/pubsub.h"
#include "commands/session_state.h"
#include "commands/subscriptions.h"

#define SUBSCRIBED(word, name, count) "*3\r\n$" word "\r\n$1\r\n" name "\r\n:" count "\r\n"

static void who_listens_is_given_it_and_the_publisher_is_told_how_many(void **state)
{
    struct client *first = harness_client(*state), *second = harness_client(*state);
    struct client *publisher = harness_client(*state);
    assert_reply(first, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    assert_reply(second, "SUBSCRIBE a b",
                 SUBSCRIBED("9\r\nsubscribe", "a", "1") SUBSCRIBED("9\r\nsubscribe", "b", "2"));
    assert_reply(publisher, "PUBLISH a hi", ":2\r\n");
    assert_replies(first, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    assert_replies(second, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
    assert_reply(publisher, "PUBLISH b hi", ":1\r\n");
    assert_replies(first, "");
    assert_replies(second, "*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$2\r\nhi\r\n");
    assert_reply(publisher, "PUBLISH c hi", ":0\r\n");
}

static void a_pattern_and_a_channel_give_it_each(void **state)
{
    struct client *client = harness_client(*state), *publisher = harness_client(*state);
    assert_reply(client, "PSUBSCRIBE a*", "*3\r\n$10\r\npsubscribe\r\n$2\r\na*\r\n:1\r\n");
    assert_reply(client, "SUBSCRIBE ab", "*3\r\n$9\r\nsubscribe\r\n$2\r\nab\r\n:2\r\n");
    assert_reply(publisher, "PUBLISH ab x", ":2\r\n");
    assert_replies(client, "*3\r\n$7\r\nmessage\r\n$2\r\nab\r\n$1\r\nx\r\n"
                           "*4\r\n$8\r\npmessage\r\n$2\r\na*\r\n$2\r\nab\r\n$1\r\nx\r\n");
    assert_reply(publisher, "PUBLISH b x", ":0\r\n");
    assert_replies(client, "");
}

static void sharded_channels_have_names_of_their_own(void **state)
{
    struct client *client = harness_client(*state), *publisher = harness_client(*state);
    assert_reply(client, "SSUBSCRIBE a", SUBSCRIBED("10\r\nssubscribe", "a", "1"));
    assert_reply(client, "SUBSCRIBE b", SUBSCRIBED("9\r\nsubscribe", "b", "1"));
    assert_reply(publisher, "PUBLISH a x", ":0\r\n");
    assert_replies(client, "");
    assert_reply(publisher, "SPUBLISH a x", ":1\r\n");
    assert_replies(client, "*3\r\n$8\r\nsmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_reply(publisher, "SPUBLISH b x", ":0\r\n");
    assert_reply(publisher, "PUBSUB SHARDNUMSUB a b", "*4\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n:0\r\n");
    assert_reply(publisher, "PUBSUB NUMSUB a b", "*4\r\n$1\r\na\r\n:0\r\n$1\r\nb\r\n:1\r\n");
    assert_reply(publisher, "PUBSUB SHARDCHANNELS", "*1\r\n$1\r\na\r\n");
    assert_reply(publisher, "PUBSUB CHANNELS", "*1\r\n$1\r\nb\r\n");
}

static void with_version_3_messages_are_pushed_and_all_commands_go_on(void **state)
{
    struct client *client = harness_client(*state);
    resp_value_free(client_value(client, "HELLO 3"));
    assert_reply(client, "SUBSCRIBE a", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    assert_reply(client, "SET k v", "+OK\r\n");
    assert_reply(client, "PING", "+PONG\r\n");
    /* Its own messages come before the answer to whoever published them. */
    assert_reply(client, "PUBLISH a x", ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n:1\r\n");
}

static void with_version_2_who_listens_has_few_commands(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    assert_reply(client, "GET k",
                 "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
                 "RESET are allowed in this context\r\n");
    assert_reply(client, "CLIENT ID",
                 "-ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                 "QUIT / RESET are allowed in this context\r\n");
    assert_reply(client, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    assert_reply(client, "PING hi", "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    assert_reply(client, "UNSUBSCRIBE a", SUBSCRIBED("11\r\nunsubscribe", "a", "0"));
    assert_reply(client, "GET k", "$-1\r\n");
    assert_reply(client, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    assert_reply(client, "RESET", "+RESET\r\n");
    assert_reply(client, "GET k", "$-1\r\n");
}

static void unsubscribing_from_all_names_each(void **state)
{
    struct client *client = harness_client(*state);
    assert_reply(client, "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    assert_reply(client, "SUBSCRIBE a b a",
                 SUBSCRIBED("9\r\nsubscribe", "a", "1") SUBSCRIBED("9\r\nsubscribe", "b", "2")
                     SUBSCRIBED("9\r\nsubscribe", "a", "2"));
    assert_reply(client, "PUNSUBSCRIBE", "*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:2\r\n");
    assert_reply(client, "UNSUBSCRIBE",
                 SUBSCRIBED("11\r\nunsubscribe", "a", "1")
                     SUBSCRIBED("11\r\nunsubscribe", "b", "0"));
    assert_reply(client, "UNSUBSCRIBE x", SUBSCRIBED("11\r\nunsubscribe", "x", "0"));
}

static void who_is_told_of_a_write_finds_it(void **state)
{
    struct harness *harness = *state;
    struct client *listener = harness_client(harness), *client = harness_client(harness);
    assert_reply(listener, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    harness->manual = true;
    client_raw(client, "SET k v\r\nPUBLISH a done\r\n");
    assert_replies(listener, "");
    harness_answer_all(harness);
    assert_replies(client, "+OK\r\n:1\r\n");
    assert_replies(listener, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\ndone\r\n");
}

static void a_message_comes_between_two_answers(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness), *publisher = harness_client(harness);
    resp_value_free(client_value(client, "HELLO 3"));
    client_command(client, "SUBSCRIBE a");
    assert_replies(client, ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    harness->manual = true;
    client_raw(client, "GET k\r\nECHO x\r\n");
    assert_reply(publisher, "PUBLISH a m", ":1\r\n");
    harness_answer_all(harness);
    assert_replies(client, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n_\r\n$1\r\nx\r\n");
}

static void messages_of_other_nodes_are_given_likewise(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    assert_int_equal(pubsub_deliver(&harness->environment, false, slice_text("a"), slice_text("x")),
                     1);
    assert_replies(client, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    assert_int_equal(pubsub_deliver(&harness->environment, true, slice_text("a"), slice_text("x")),
                     0);
}

static void the_other_nodes_are_handed_what_is_published_here(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    assert_reply(client, "PUBLISH a x", ":0\r\n");
    assert_int_equal(harness->published, 1);
    assert_false(harness->published_sharded);
    assert_reply(client, "SPUBLISH a x", ":0\r\n");
    assert_int_equal(harness->published, 2);
    assert_true(harness->published_sharded);
}

static void what_is_too_large_is_told_to_nobody(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    harness->settings.key_bytes_max = 4;
    harness->settings.value_bytes_max = 8;
    assert_reply(client, "PUBLISH abcde x",
                 "-TOOLARGE the name of a channel has at most 4 bytes; nobody was told\r\n");
    assert_reply(client, "PUBLISH a 123456789",
                 "-TOOLARGE a message has at most 8 bytes; nobody was told\r\n");
    assert_reply(client, "PUBLISH abcd 12345678", ":0\r\n");
    assert_reply(client, "SUBSCRIBE a abcde",
                 "-TOOLARGE the name of a channel has at most 4 bytes\r\n");
    assert_int_equal(harness->published, 1);
    assert_reply(client, "PUBSUB CHANNELS", "*0\r\n");
}

static void names_of_one_connection_are_bounded(void **state)
{
    struct harness *harness = *state;
    struct client *client = harness_client(harness);
    struct subscriptions *all = harness->environment.subscriptions;
    uint32_t count = SUBSCRIPTION_BYTES_MAX / (SUBSCRIPTION_COST_BYTES + 8);
    char name[9];
    for (uint32_t i = 0; i <= count; i++) {
        snprintf(name, sizeof name, "%08u", i);
        assert_int_equal(subscriptions_add(all, client->session, TOPIC_CHANNEL, slice_text(name)),
                         i < count ? STATUS_OK : STATUS_OVERLOADED);
    }
    assert_reply(client, "SUBSCRIBE other",
                 "-ERR this connection listens to as many names as it may: use a pattern, or "
                 "another connection\r\n");
    assert_int_equal(subscriptions_add(all, client->session, TOPIC_CHANNEL, slice_text("00000000")),
                     STATUS_OK);
    subscriptions_remove(all, client->session, TOPIC_CHANNEL, slice_text("00000000"));
    assert_int_equal(subscriptions_add(all, client->session, TOPIC_CHANNEL, slice_text("00000001")),
                     STATUS_OK);
    assert_int_equal(client->session->listener.counts[TOPIC_CHANNEL], count - 1);
    subscriptions_remove_all(all, client->session);
    assert_int_equal(client->session->listener.bytes, 0);
    assert_int_equal(subscriptions_count(all, TOPIC_CHANNEL), 0);
}

static void who_goes_listens_no_more(void **state)
{
    struct harness *harness = *state;
    struct client *listener = harness_client(harness), *client = harness_client(harness);
    client_command(listener, "SUBSCRIBE a");
    client_command(listener, "PSUBSCRIBE b*");
    assert_reply(client, "PUBSUB NUMPAT", ":1\r\n");
    session_free(listener->session);
    listener->session = NULL;
    assert_reply(client, "PUBLISH a x", ":0\r\n");
    assert_reply(client, "PUBSUB NUMPAT", ":0\r\n");
    assert_reply(client, "PUBSUB CHANNELS", "*0\r\n");
}

static void client_reply_off_keeps_no_message_back(void **state)
{
    struct client *client = harness_client(*state), *publisher = harness_client(*state);
    client_command(client, "CLIENT REPLY OFF");
    assert_reply(client, "SUBSCRIBE a", SUBSCRIBED("9\r\nsubscribe", "a", "1"));
    assert_reply(publisher, "PUBLISH a x", ":1\r\n");
    assert_replies(client, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
}

static void client_list_tells_who_listens(void **state)
{
    struct client *listener = harness_client(*state), *client = harness_client(*state);
    client_command(listener, "SUBSCRIBE a b");
    client_command(listener, "PSUBSCRIBE a*");
    struct resp_value *list = client_value(client, "CLIENT LIST TYPE pubsub");
    struct slice text = list->text;
    char copy[4096];
    assert_true(text.length > 0 && text.length < sizeof copy);
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    assert_non_null(strstr(copy, "id=1 "));
    assert_null(strstr(copy, "id=2 "));
    assert_non_null(strstr(copy, " flags=P "));
    assert_non_null(strstr(copy, " sub=2 psub=1 ssub=0 "));
    resp_value_free(list);
    assert_reply(client, "CLIENT KILL TYPE pubsub", ":1\r\n");
}

#define CLAIM(test) cmocka_unit_test_setup_teardown(test, harness_setup, harness_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(who_listens_is_given_it_and_the_publisher_is_told_how_many),
        CLAIM(a_pattern_and_a_channel_give_it_each),
        CLAIM(sharded_channels_have_names_of_their_own),
        CLAIM(with_version_3_messages_are_pushed_and_all_commands_go_on),
        CLAIM(with_version_2_who_listens_has_few_commands),
        CLAIM(unsubscribing_from_all_names_each),
        CLAIM(who_is_told_of_a_write_finds_it),
        CLAIM(a_message_comes_between_two_answers),
        CLAIM(messages_of_other_nodes_are_given_likewise),
        CLAIM(the_other_nodes_are_handed_what_is_published_here),
        CLAIM(what_is_too_large_is_told_to_nobody),
        CLAIM(names_of_one_connection_are_bounded),
        CLAIM(who_goes_listens_no_more),
        CLAIM(client_reply_off_keeps_no_message_back),
        CLAIM(client_list_tells_who_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
