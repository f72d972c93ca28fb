/*
 * test_key_states.c - RING.EXPLAIN between sessions and the own store side: bounded, always
 * answered, and an answer that nobody waits for does nothing.
 */
#include "loop_host.h"

#include <string.h>

#include "wire/message_key_state.h"

enum { FIRST = 100, AT_ONCE = 16 };

static void say(struct loop_host *host, connection_id id, const char *text)
{
    loop_host_step(
        host,
        (struct event){.kind = EVENT_CLIENT_BYTES, .connection = id, .bytes = slice_text(text)});
}

static void open_client(struct loop_host *host, connection_id id)
{
    loop_host_step(host, (struct event){.kind = EVENT_CLIENT_OPEN,
                                        .connection = id,
                                        .bytes = slice_text("127.0.0.1:2")});
}

/* The number of the question that the last step has put to the store side. */
static request_id asked(const struct loop_host *host)
{
    struct frame frame;
    link_id link;
    assert_true(loop_host_find(host, MESSAGE_KEY_STATE, &frame, &link));
    assert_int_equal(link, 0);
    return frame.request;
}

static void answer(struct loop_host *host, request_id request, enum status status)
{
    struct buffer body = {0}, clock = {0};
    clock_encode(&(struct clock){0}, &clock);
    struct message_key_state_result result = {.status = status,
                                              .held = status == STATUS_OK,
                                              .replica_state = REPLICA_ACTIVE,
                                              .clock = buffer_slice(&clock)};
    message_key_state_result_encode(&result, &body);
    loop_host_give(host, 0, MESSAGE_KEY_STATE_RESULT, request, buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&clock);
}

static void an_answer_finds_who_waits(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    loop_host_say(&host, "RING.EXPLAIN k");
    loop_host_assert_reply(&host, "");
    answer(&host, asked(&host), STATUS_OK);
    loop_host_assert_reply(&host, "*20\r\n$4\r\nnode\r\n:1\r\n");
    assert_true(loop_host_reply_has(&host, "$7\r\nreplica\r\n$6\r\nactive\r\n"));
    loop_host_deinit(&host);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    loop_host_say(&host, "RING.EXPLAIN k");
    answer(&host, asked(&host), STATUS_CORRUPT);
    loop_host_assert_reply(&host, "-ERR the store cannot read the key: ");
    loop_host_deinit(&host);
}

static void a_store_that_is_full_or_silent_is_told(void **state)
{
    struct loop_host host;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    loop_host_say(&host, "RING.EXPLAIN k");
    loop_host_give(&host, 0, MESSAGE_STORE_REFUSED, asked(&host), slice_make(NULL, 0));
    loop_host_assert_reply(&host, "-TRYAGAIN ");
    loop_host_say(&host, "RING.EXPLAIN k");
    request_id late = asked(&host);
    loop_host_pass(&host, host.settings.request_timeout_ms + 1, 0);
    loop_host_assert_reply(&host, "-TRYAGAIN ");
    answer(&host, late, STATUS_OK);
    loop_host_assert_reply(&host, "");
    loop_host_deinit(&host);
}

static void so_many_wait_at_once_and_no_more(void **state)
{
    struct loop_host host;
    request_id first = 0;
    (void)state;
    loop_host_init(&host, "eu:1", 1);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        open_client(&host, FIRST + i);
        say(&host, FIRST + i, "RING.EXPLAIN k\r\n");
        if (i == 0)
            first = asked(&host);
        loop_host_assert_reply(&host, "");
    }
    loop_host_say(&host, "RING.EXPLAIN k");
    loop_host_assert_reply(&host, "-OVERLOADED ");
    /* Who goes away makes room, and the answer to its question finds nobody. */
    loop_host_step(&host, (struct event){.kind = EVENT_CLIENT_CLOSED, .connection = FIRST});
    loop_host_say(&host, "RING.EXPLAIN k");
    loop_host_assert_reply(&host, "");
    request_id second = asked(&host);
    answer(&host, first, STATUS_OK);
    loop_host_assert_reply(&host, "");
    answer(&host, second, STATUS_OK);
    loop_host_assert_reply(&host, "*20\r\n");
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_finds_who_waits),
        cmocka_unit_test(what_cannot_be_read_is_an_error),
        cmocka_unit_test(a_store_that_is_full_or_silent_is_told),
        cmocka_unit_test(so_many_wait_at_once_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
