#include "client/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ring/slot.h"

static struct ringdb_memory memory;

static struct call *make(const struct ringdb_call *from, uint64_t now_us)
{
    char message[RINGDB_MESSAGE_MAX];
    struct call *call = NULL;
    assert_int_equal(ringdb_call_new(&memory, from, now_us, 10000, &call, message),
                     RINGDB_ERROR_NONE);
    return call;
}

static void assert_encodes(const struct call *call, uint64_t now_us, const char *expected)
{
    struct ringdb_queue out = {0};
    assert_true(ringdb_call_encode(call, now_us, &memory, &out));
    assert_int_equal(ringdb_queue_length(&out), strlen(expected));
    assert_memory_equal(ringdb_queue_data(&out), expected, strlen(expected));
    ringdb_queue_deinit(&out, &memory);
}

static void a_plain_call_is_sent_as_it_is(void **state)
{
    struct ringdb_bytes words[] = {ringdb_text("SET"), ringdb_text("k"), ringdb_bytes(NULL, 0)};
    (void)state;
    struct call *call = make(&(struct ringdb_call){.arguments = words, .argument_count = 3}, 0);
    assert_encodes(call, 0, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n");
    assert_false(call->read_only);
    assert_true(call->has_slot);
    assert_int_equal(call->slot, ring_slot(slice_text("k")));
    assert_int_equal(call->deadline_us, 10000000);
    ringdb_call_free(&memory, call);
}

static void options_become_words_of_with(void **state)
{
    struct ringdb_bytes words[] = {ringdb_text("set"), ringdb_text("k"), ringdb_text("v")};
    struct ringdb_call from = {.arguments = words,
                               .argument_count = 3,
                               .level = "ALL",
                               .r = "1",
                               .w = "quorum",
                               .dw = "all",
                               .context = ringdb_text("tok"),
                               .request_id = ringdb_text("i-1")};
    (void)state;
    struct call *call = make(&from, 0);
    assert_true(call->has_id);
    assert_encodes(call, 0,
                   "*10\r\n$4\r\nWITH\r\n$6\r\ncl=ALL\r\n$3\r\nr=1\r\n$8\r\nw=quorum\r\n"
                   "$6\r\ndw=all\r\n$11\r\ncontext=tok\r\n$6\r\nid=i-1\r\n$3\r\nset\r\n$1\r\nk\r\n"
                   "$1\r\nv\r\n");
    ringdb_call_free(&memory, call);
}

/* Their answer has to arrive before the client gives up, or it could not say what happened. */
static void servers_are_told_the_time_that_is_left(void **state)
{
    struct ringdb_bytes words[] = {ringdb_text("GET"), ringdb_text("k")};
    struct ringdb_call from = {.arguments = words, .argument_count = 2, .timeout_ms = 800};
    (void)state;
    struct call *call = make(&from, 1000);
    assert_true(call->read_only);
    assert_encodes(call, 1000,
                   "*4\r\n$4\r\nWITH\r\n$11\r\ntimeout=700\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    assert_encodes(call, 1000 + 720 * 1000,
                   "*4\r\n$4\r\nWITH\r\n$10\r\ntimeout=70\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    assert_encodes(call, 1000 + 900 * 1000,
                   "*4\r\n$4\r\nWITH\r\n$9\r\ntimeout=1\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    ringdb_call_free(&memory, call);
}

static void what_makes_no_sense_is_refused_with_a_sentence(void **state)
{
    char longest[CALL_REQUEST_ID_MAX + 2];
    struct ringdb_bytes set[] = {ringdb_text("SET"), ringdb_text("k"), ringdb_text("v")};
    struct ringdb_bytes empty[] = {ringdb_bytes(NULL, 0)};
    struct ringdb_bytes select[] = {ringdb_text("select"), ringdb_text("1")};
    struct ringdb_bytes with[] = {ringdb_text("WITH"), ringdb_text("cl=ONE")};
    memset(longest, 'x', sizeof longest);
    const struct {
        struct ringdb_call call;
        enum ringdb_error error;
    } cases[] = {
        {{.arguments = set}, RINGDB_ERROR_INVALID},
        {{.arguments = empty, .argument_count = 1}, RINGDB_ERROR_INVALID},
        {{.arguments = select, .argument_count = 2}, RINGDB_ERROR_UNSUPPORTED},
        {{.arguments = with, .argument_count = 2}, RINGDB_ERROR_UNSUPPORTED},
        {{.arguments = set, .argument_count = 3, .request_id = ringdb_text("a b")},
         RINGDB_ERROR_INVALID},
        {{.arguments = set,
          .argument_count = 3,
          .request_id = ringdb_bytes(longest, CALL_REQUEST_ID_MAX + 1)},
         RINGDB_ERROR_INVALID},
        {{.arguments = set, .argument_count = 3, .context = ringdb_text("a\nb")},
         RINGDB_ERROR_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[RINGDB_MESSAGE_MAX] = "";
        struct call *call = NULL;
        assert_int_equal(ringdb_call_new(&memory, &cases[i].call, 0, 1, &call, message),
                         cases[i].error);
        assert_null(call);
        assert_true(strlen(message) > 10);
    }
    struct ringdb_call at_limit = {.arguments = set,
                                   .argument_count = 3,
                                   .request_id = ringdb_bytes(longest, CALL_REQUEST_ID_MAX)};
    ringdb_call_free(&memory, make(&at_limit, 0));
}

static void the_key_is_where_the_command_has_it(void **state)
{
    struct ringdb_bytes object[] = {ringdb_text("OBJECT"), ringdb_text("FREQ"),
                                    ringdb_text("{a}b")};
    struct ringdb_bytes ping[] = {ringdb_text("PING"), ringdb_text("a")};
    struct ringdb_bytes get[] = {ringdb_text("GET")};
    (void)state;
    struct call *call = make(&(struct ringdb_call){.arguments = object, .argument_count = 3}, 0);
    assert_int_equal(call->slot, ring_slot(slice_text("a")));
    ringdb_call_free(&memory, call);
    call = make(&(struct ringdb_call){.arguments = ping, .argument_count = 2}, 0);
    assert_false(call->has_slot);
    ringdb_call_free(&memory, call);
    call = make(&(struct ringdb_call){.arguments = get, .argument_count = 1}, 0);
    assert_false(call->has_slot); /* the server says what is missing */
    ringdb_call_free(&memory, call);
}

static int make_memory(void **state)
{
    (void)state;
    memory = ringdb_memory_make(NULL, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_call_is_sent_as_it_is),
        cmocka_unit_test(options_become_words_of_with),
        cmocka_unit_test(servers_are_told_the_time_that_is_left),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_a_sentence),
        cmocka_unit_test(the_key_is_where_the_command_has_it),
    };
    return cmocka_run_group_tests(tests, make_memory, NULL);
}
