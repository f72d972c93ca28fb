/*
 * test_publications.c - published messages between nodes: to whom, how often, and how many at most.
 */
#include "loop_host.h"

#include <stdlib.h>
#include <string.h>

#include "node/node_state.h"
#include "wire/message_publish.h"

enum { PEER = 2, MEMBERS = 3, BODY_BYTES = 1 << 20 };

static void begin(struct loop_host *host)
{
    loop_host_init(host, "eu:3", MEMBERS);
    loop_host_let_all_in(host);
}

static unsigned publishes_sent(const struct loop_host *host)
{
    unsigned count = 0;
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        struct frame frame;
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND)
            continue;
        assert_int_equal(frame_open(effect_bytes(&host->effects, effect), &frame, &used),
                         STATUS_OK);
        count += frame.type == MESSAGE_PUBLISH;
    }
    return count;
}

static void come(struct loop_host *host, const char *channel, struct slice message)
{
    struct buffer body = {0};
    message_publish_encode(
        &(struct message_publish){.channel = slice_text(channel), .message = message}, &body);
    loop_host_give(host, PEER, MESSAGE_PUBLISH, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void a_message_goes_once_to_each_peer_that_is_up(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_say(&host, "PUBLISH a x");
    assert_int_equal(publishes_sent(&host), 0);
    loop_host_let_in(&host, PEER);
    loop_host_say(&host, "PUBLISH a x");
    loop_host_assert_reply(&host, ":0\r\n");
    struct frame frame;
    link_id link;
    struct message_publish message;
    assert_int_equal(publishes_sent(&host), 1);
    assert_true(loop_host_find(&host, MESSAGE_PUBLISH, &frame, &link));
    assert_int_equal(link, PEER);
    assert_int_equal(message_publish_decode(frame.body, &message), STATUS_OK);
    assert_true(slice_equal(message.channel, slice_text("a")));
    assert_true(slice_equal(message.message, slice_text("x")));
    assert_false(message.sharded);
    assert_int_equal(node_statistics(host.node)->publications_sent, 1);
    loop_host_deinit(&host);
}

static void what_comes_is_given_to_who_listens_and_sent_on_to_nobody(void **state)
{
    struct loop_host host;
    (void)state;
    begin(&host);
    loop_host_say(&host, "SUBSCRIBE a");
    come(&host, "a", slice_text("hello"));
    loop_host_assert_reply(&host, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n");
    assert_int_equal(publishes_sent(&host), 0);
    come(&host, "b", slice_text("hello"));
    loop_host_assert_reply(&host, "");
    loop_host_give(&host, PEER, MESSAGE_PUBLISH, 0, slice_text("\2"));
    loop_host_assert_reply(&host, "");
    assert_int_equal(node_statistics(host.node)->frames_refused, 1);
    loop_host_deinit(&host);
}

static struct message_publish_taken taken_in(const struct loop_host *host)
{
    struct message_publish_taken taken = {0};
    struct frame frame;
    link_id link;
    if (loop_host_find(host, MESSAGE_PUBLISH_TAKEN, &frame, &link))
        assert_int_equal(message_publish_taken_decode(frame.body, &taken), STATUS_OK);
    return taken;
}

static void who_takes_messages_says_so_now_and_then(void **state)
{
    struct loop_host host;
    uint8_t *bytes = calloc(1, BODY_BYTES);
    (void)state;
    begin(&host);
    come(&host, "a", slice_text("small"));
    assert_int_equal(taken_in(&host).bytes, 0);
    come(&host, "a", slice_make(bytes, BODY_BYTES));
    uint64_t first = taken_in(&host).bytes;
    assert_true(first > BODY_BYTES);
    come(&host, "a", slice_make(bytes, BODY_BYTES));
    assert_true(taken_in(&host).bytes > first + BODY_BYTES);
    free(bytes);
    loop_host_deinit(&host);
}

/* A command of `bytes` bytes as the client's protocol has it. */
static void publish_bytes(struct loop_host *host, const uint8_t *bytes, size_t length)
{
    struct buffer text = {0};
    buffer_printf(&text, "*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$%zu\r\n", length);
    buffer_append(&text, bytes, length);
    buffer_append(&text, "\r\n", 2);
    loop_host_step(host, (struct event){.kind = EVENT_CLIENT_BYTES,
                                        .connection = LOOP_HOST_CLIENT,
                                        .bytes = buffer_slice(&text)});
    buffer_deinit(&text);
}

static void take(struct loop_host *host, uint64_t bytes)
{
    struct buffer body = {0};
    message_publish_taken_encode(&(struct message_publish_taken){.bytes = bytes}, &body);
    loop_host_give(host, PEER, MESSAGE_PUBLISH_TAKEN, 0, buffer_slice(&body));
    buffer_deinit(&body);
}

static void what_a_peer_does_not_take_is_bounded_and_dropped(void **state)
{
    struct loop_host host;
    uint8_t *bytes = calloc(1, BODY_BYTES);
    const struct node_statistics *statistics;
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_in(&host, PEER);
    statistics = node_statistics(host.node);
    for (int i = 0; i < 20; i++)
        publish_bytes(&host, bytes, BODY_BYTES);
    assert_int_equal(statistics->publications_sent, 7); /* of a MiB and a little more, in 8 MiB */
    assert_int_equal(statistics->publications_dropped, 13);
    take(&host, 99 * (uint64_t)BODY_BYTES); /* more than was ever sent: nobody believes it */
    publish_bytes(&host, bytes, BODY_BYTES);
    assert_int_equal(statistics->publications_sent, 7);
    take(&host, 6 * (uint64_t)BODY_BYTES);
    publish_bytes(&host, bytes, BODY_BYTES);
    assert_int_equal(statistics->publications_sent, 8);
    free(bytes);
    loop_host_deinit(&host);
}

static void a_new_link_begins_with_nothing_under_way(void **state)
{
    struct loop_host host;
    uint8_t *bytes = calloc(1, BODY_BYTES);
    (void)state;
    loop_host_init(&host, "eu:3", MEMBERS);
    loop_host_let_in(&host, PEER);
    for (int i = 0; i < 10; i++)
        publish_bytes(&host, bytes, BODY_BYTES);
    assert_int_equal(node_statistics(host.node)->publications_sent, 7);
    host.node->loads[0].publications.link = 999; /* as if those had gone over another one */
    publish_bytes(&host, bytes, BODY_BYTES);
    assert_int_equal(node_statistics(host.node)->publications_sent, 8);
    free(bytes);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_once_to_each_peer_that_is_up),
        cmocka_unit_test(what_comes_is_given_to_who_listens_and_sent_on_to_nobody),
        cmocka_unit_test(who_takes_messages_says_so_now_and_then),
        cmocka_unit_test(what_a_peer_does_not_take_is_bounded_and_dropped),
        cmocka_unit_test(a_new_link_begins_with_nothing_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
