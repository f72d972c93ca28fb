#include "loop_host.h"

#include "coordinator/owner_rank.h"
#include "ring/position.h"
#include "ring/preference_list.h"

enum { SERVICE_US_MAX = (1 << 20) - 1 };

static void start(struct loop_host *host, int place, char key[16], struct preference_list *owners)
{
    loop_host_init(host, "eu:3", 5);
    loop_host_let_all_in(host);
    loop_host_find_key(host, place, key);
    preference_list_build(host->ring, ring_partition_of_slot(ring_slot(slice_text(key)), 16), 0,
                          owners);
}

static void say(struct loop_host *host, const char *command, const char *key, const char *rest)
{
    struct buffer text = {0};
    buffer_printf(&text, "%s %s%s", command, key, rest);
    buffer_put_u8(&text, '\0');
    loop_host_say(host, (const char *)text.data);
    buffer_deinit(&text);
}

/* Time goes on without a tick, as on a wire. */
static void wait_us(struct loop_host *host, uint64_t us)
{
    host->now.mono_us += us;
}

/* The node that is asked for the values among those that this step asks; 0: nobody is. */
static node_id asked_for_values(const struct loop_host *host, struct frame *out)
{
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        struct message_read read;
        size_t used;
        if (effect->kind != EFFECT_LINK_SEND && effect->kind != EFFECT_STORE_READ)
            continue;
        assert_int_equal(frame_open(effect_bytes(&host->effects, effect), out, &used), STATUS_OK);
        if (out->type == MESSAGE_READ && message_read_decode(out->body, &read) == STATUS_OK &&
            read.value_bytes_max == UINT32_MAX)
            return effect->kind == EFFECT_STORE_READ ? LOOP_HOST_SELF : (node_id)effect->link;
    }
    return 0;
}

static unsigned count_asked(const struct loop_host *host, uint16_t type)
{
    unsigned count = 0;
    for (size_t i = 0; i < host->effects.count; i++) {
        const struct effect *effect = &host->effects.items[i];
        struct frame frame;
        size_t used;
        if (effect->kind == EFFECT_LINK_SEND &&
            frame_open(effect_bytes(&host->effects, effect), &frame, &used) == STATUS_OK)
            count += frame.type == type;
    }
    return count;
}

/* An absent key. `link` 0: from the own store side. */
static void answer_read(struct loop_host *host, link_id link, request_id request,
                        enum status status)
{
    struct buffer cell = {0}, cells = {0}, body = {0};
    struct message_read_result result = {.status = status};
    cell_encode(&(struct cell){0}, true, &cell);
    buffer_put_bytes(&cells, buffer_slice(&cell));
    if (status == STATUS_OK) {
        result.cell_count = 1;
        result.cells = buffer_slice(&cells);
    }
    size_t offset = frame_start(&body, MESSAGE_READ_RESULT, request,
                                owner_load_pack(0, SERVICE_US_MAX)); /* all but the network */
    message_read_result_encode(&result, &body);
    frame_finish(&body, offset);
    loop_host_step(host, (struct event){.kind = link == 0 ? EVENT_STORE_FRAMES : EVENT_LINK_FRAMES,
                                        .link = link,
                                        .bytes = buffer_slice(&body)});
    buffer_deinit(&cell);
    buffer_deinit(&cells);
    buffer_deinit(&body);
}

static void a_write_goes_to_the_owner_that_answers_fastest(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    link_id link;
    char key[16];
    (void)state;
    start(&host, -1, key, &owners);
    say(&host, "SET", key, " v");
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, owners.nodes[0]);
    wait_us(&host, 50000);
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNCERTAIN);
    say(&host, "SET", key, " v");
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, owners.nodes[1]);
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNCERTAIN);
    say(&host, "APPEND", key, " v"); /* such writes meet at the first owner, fast or not */
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, owners.nodes[0]);
    loop_host_deinit(&host);
}

/* A refusal is fast: it must not draw the next request. */
static void an_owner_that_refused_is_asked_last_for_a_while(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    link_id link;
    char key[16];
    (void)state;
    start(&host, -1, key, &owners);
    say(&host, "SET", key, " v");
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    loop_host_answer_forward(&host, link, frame.request, STATUS_NOT_READY);
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    wait_us(&host, 50000);
    loop_host_answer_forward(&host, link, frame.request, STATUS_UNCERTAIN);
    say(&host, "SET", key, " v");
    assert_true(loop_host_find(&host, MESSAGE_FORWARD, &frame, &link));
    assert_int_equal(link, owners.nodes[2]);
    loop_host_deinit(&host);
}

static void the_values_come_from_the_own_replica_unless_it_is_slow(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    char key[16];
    (void)state;
    start(&host, 1, key, &owners);
    say(&host, "WITH cl=ONE GET", key, "");
    assert_int_equal(asked_for_values(&host, &frame), LOOP_HOST_SELF);
    wait_us(&host, 80000);
    answer_read(&host, 0, frame.request, STATUS_OK);
    loop_host_assert_reply(&host, "$-1\r\n");
    say(&host, "WITH cl=ONE GET", key, "");
    assert_int_not_equal(asked_for_values(&host, &frame), LOOP_HOST_SELF);
    loop_host_deinit(&host);
}

/* Else a slow owner would be known by its fast answers alone. */
static void answers_that_nobody_waits_for_are_measured(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    char key[16];
    (void)state;
    start(&host, -1, key, &owners);
    say(&host, "GET", key, ""); /* two are asked, and one to be measured */
    assert_int_equal(count_asked(&host, MESSAGE_READ), 3);
    assert_int_equal(asked_for_values(&host, &frame), owners.nodes[0]);
    request_id request = frame.request;
    wait_us(&host, 500);
    answer_read(&host, owners.nodes[0], request, STATUS_OK);
    answer_read(&host, owners.nodes[1], request, STATUS_OK);
    loop_host_assert_reply(&host, "$-1\r\n");
    wait_us(&host, 100000);
    answer_read(&host, owners.nodes[2], request, STATUS_OK);
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_members_slow:1\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_exploring_reads_sent:1\r\n"));
    loop_host_deinit(&host);
}

static void a_late_read_asks_one_more_within_the_budget(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct frame frame;
    char key[16];
    (void)state;
    start(&host, -1, key, &owners);
    for (unsigned i = 0; i < 12; i++) { /* the first one explores; then nine are late */
        say(&host, "WITH cl=ONE GET", key, "");
        node_id first = asked_for_values(&host, &frame);
        request_id request = frame.request;
        assert_true(first != 0);
        loop_host_pass(&host, 11, 0);
        node_id second = asked_for_values(&host, &frame);
        if (i >= 9) {
            assert_int_equal(second, 0);
            answer_read(&host, first, request, STATUS_OK);
        } else {
            assert_true(second != 0 && second != first);
            answer_read(&host, second, request, STATUS_OK);
            answer_read(&host, first, request, STATUS_OK);
        }
    }
    loop_host_say(&host, "INFO ring");
    assert_true(loop_host_reply_has(&host, "ring_speculative_reads_sent:9\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_speculative_reads_won:9\r\n"));
    assert_true(loop_host_reply_has(&host, "ring_speculative_reads_refused_by_budget:3\r\n"));
    loop_host_deinit(&host);
}

static void an_answer_tells_the_queue_and_the_time_it_took(void **state)
{
    struct loop_host host;
    struct preference_list owners;
    struct buffer body = {0}, keys = {0};
    struct frame frame;
    request_id numbers[2];
    link_id link;
    char key[16];
    (void)state;
    start(&host, 0, key, &owners);
    buffer_put_bytes(&keys, slice_text(key));
    message_read_encode(&(struct message_read){.address = {.partition = ring_partition_of_slot(
                                                               ring_slot(slice_text(key)), 16),
                                                           .tag = host.ring->tag},
                                               .key_count = 1,
                                               .keys = buffer_slice(&keys)},
                        &body);
    for (unsigned i = 0; i < 2; i++) {
        loop_host_give(&host, 2, MESSAGE_READ, 70 + i, buffer_slice(&body));
        assert_true(loop_host_find(&host, MESSAGE_READ, &frame, &link));
        numbers[i] = frame.request;
    }
    wait_us(&host, 700);
    answer_read(&host, 0, numbers[0], STATUS_OK);
    assert_true(loop_host_find(&host, MESSAGE_READ_RESULT, &frame, &link));
    assert_int_equal(frame.left_ms, owner_load_pack(1, 700));
    answer_read(&host, 0, numbers[1], STATUS_OK);
    assert_true(loop_host_find(&host, MESSAGE_READ_RESULT, &frame, &link));
    assert_int_equal(frame.left_ms, owner_load_pack(0, 700));
    buffer_deinit(&body);
    buffer_deinit(&keys);
    loop_host_deinit(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_goes_to_the_owner_that_answers_fastest),
        cmocka_unit_test(an_owner_that_refused_is_asked_last_for_a_while),
        cmocka_unit_test(the_values_come_from_the_own_replica_unless_it_is_slow),
        cmocka_unit_test(answers_that_nobody_waits_for_are_measured),
        cmocka_unit_test(a_late_read_asks_one_more_within_the_budget),
        cmocka_unit_test(an_answer_tells_the_queue_and_the_time_it_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
