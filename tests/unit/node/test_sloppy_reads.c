#include "loop_host.h"

#include "ring/position.h"
#include "ring/preference_list.h"
#include "wire/message_hint.h"
#include "wire/message_hint_read.h"

static partition_id partition_of(const char *key)
{
    return ring_partition_of_slot(ring_slot(slice_text(key)), 16);
}

static void start(struct loop_host *host, int place, char key[16], struct preference_list *owners)
{
    loop_host_init(host, "eu:3", 5);
    loop_host_let_all_in(host);
    loop_host_find_key(host, place, key);
    preference_list_build(host->ring, partition_of(key), 0, owners);
}

/* The peer tells that it keeps hints of the partition of `key`. */
static void tell_held(struct loop_host *host, node_id peer, const char *key)
{
    struct buffer held = {0}, body = {0};
    buffer_put_u16(&held, partition_of(key));
    message_hint_state_encode(
        &(struct message_hint_state){.held_count = 1, .held = buffer_slice(&held)}, &body);
    loop_host_give(host, peer, MESSAGE_HINT_STATE, 0, buffer_slice(&body));
    buffer_deinit(&held);
    buffer_deinit(&body);
}

static void get(struct loop_host *host, const char *options, const char *key)
{
    struct buffer text = {0};
    buffer_printf(&text, "WITH %s GET %s", options, key);
    buffer_put_u8(&text, '\0');
    loop_host_say(host, (const char *)text.data);
    buffer_deinit(&text);
}

static void only_a_fallback_that_keeps_hints_is_asked_and_only_sloppily(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    struct message_hint_read read;
    link_id link;
    char key[16];
    (void)state;
    start(&host, 0, key, &owners);
    node_id fallback = owners.nodes[owners.primary_count];
    get(&host, "sloppy=yes", key);
    assert_false(loop_host_find(&host, MESSAGE_HINT_READ, &frame, &link));
    tell_held(&host, fallback, key);
    get(&host, "sloppy=no", key);
    assert_false(loop_host_find(&host, MESSAGE_HINT_READ, &frame, &link));
    get(&host, "sloppy=yes", key);
    assert_true(loop_host_find(&host, MESSAGE_HINT_READ, &frame, &link));
    assert_int_equal(link, fallback);
    assert_int_equal(message_hint_read_decode(frame.body, &read), STATUS_OK);
    assert_true(slice_equal(read.key, slice_text(key)));
    loop_host_deinit(&host);
}

/* What it answered counts although no other owner is there; what it is silent about does not. */
static void a_fallback_answers_in_the_place_of_an_owner(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    struct buffer cell = {0}, cells = {0}, body = {0};
    link_id link;
    char key[16];
    (void)state;
    start(&host, 0, key, &owners);
    node_id fallback = owners.nodes[owners.primary_count];
    tell_held(&host, fallback, key);
    for (uint8_t i = 1; i < owners.primary_count; i++)
        loop_host_step(&host, (struct event){.kind = EVENT_LINK_DOWN, .link = owners.nodes[i]});
    get(&host, "r=2 sloppy=yes", key);
    assert_true(loop_host_find(&host, MESSAGE_HINT_READ, &frame, &link));
    request_id request = frame.request;
    cell_encode(&(struct cell){0}, true, &cell);
    buffer_put_bytes(&cells, buffer_slice(&cell));
    message_read_result_encode(
        &(struct message_read_result){.cell_count = 1, .cells = buffer_slice(&cells)}, &body);
    loop_host_give(&host, 0, MESSAGE_READ_RESULT, request, buffer_slice(&body));
    loop_host_assert_reply(&host, "");
    buffer_clear(&body);
    message_hint_read_result_encode(
        &(struct message_hint_read_result){
            .intended_count = 1,
            .intended = {owners.nodes[1]},
            .delivery = {.key = slice_text(key), .cell = buffer_slice(&cell)}},
        &body);
    loop_host_give(&host, fallback, MESSAGE_HINT_READ_RESULT, request, buffer_slice(&body));
    loop_host_assert_reply(&host, "$-1\r\n");
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_sloppy_reads:1\r\n"));
    buffer_deinit(&cell);
    buffer_deinit(&cells);
    buffer_deinit(&body);
    loop_host_deinit(&host);
}

static void ask_hint(struct loop_host *host, const char *key, uint32_t epochs)
{
    struct buffer body = {0};
    struct message_hint_read read = {
        .address = {.partition = partition_of(key), .tag = host->ring->tag},
        .key = slice_text(key)};
    read.address.tag.epoch += epochs;
    message_hint_read_encode(&read, &body);
    loop_host_give(host, 2, MESSAGE_HINT_READ, 77, buffer_slice(&body));
    buffer_deinit(&body);
}

static void who_owns_the_key_or_knows_another_ring_answers_for_no_hint(void **state)
{
    static const struct {
        int place;
        uint32_t epochs;
        enum status status; /* OK: its store is asked */
    } rows[] = {{-1, 0, STATUS_OK}, {0, 0, STATUS_INVALID}, {-1, 1, STATUS_NOT_READY}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct loop_host host;
        struct preference_list owners;
        struct message_hint_read_result result;
        struct frame frame;
        link_id link;
        char key[16];
        start(&host, rows[i].place, key, &owners);
        ask_hint(&host, key, rows[i].epochs);
        bool asked = loop_host_find(&host, MESSAGE_HINT_READ, &frame, &link);
        assert_int_equal(asked, rows[i].status == STATUS_OK);
        if (!asked) {
            assert_true(loop_host_find(&host, MESSAGE_HINT_READ_RESULT, &frame, &link));
            assert_int_equal(link, 2);
            assert_int_equal(message_hint_read_result_decode(frame.body, &result), STATUS_OK);
            assert_int_equal(result.status, rows[i].status);
        }
        loop_host_deinit(&host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_fallback_that_keeps_hints_is_asked_and_only_sloppily),
        cmocka_unit_test(a_fallback_answers_in_the_place_of_an_owner),
        cmocka_unit_test(who_owns_the_key_or_knows_another_ring_answers_for_no_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
