/*
 * test_message_register.c - messages and records of the register: there and back, and damage.
 */
#include "../causal/causal_test.h"

#include "wire/message_register.h"

static const struct ballot LOW = {.round = 1, .node = 2, .incarnation = 1};
static const struct ballot HIGH = {.round = 70000, .node = 300, .incarnation = 500};

#define SAMPLE(name, ...)                                                                          \
    static void sample_##name(struct buffer *out)                                                  \
    {                                                                                              \
        message_register_##name##_encode(&(struct message_register_##name){__VA_ARGS__}, out);     \
    }                                                                                              \
    static bool recode_##name(struct slice bytes, struct buffer *again)                            \
    {                                                                                              \
        struct message_register_##name message;                                                    \
        if (message_register_##name##_decode(bytes, &message) != STATUS_OK)                        \
            return false;                                                                          \
        message_register_##name##_encode(&message, again);                                         \
        return true;                                                                               \
    }

SAMPLE(known, .generation = 1, .seq = 300, .digest = 77)
SAMPLE(prepare, .ballot = HIGH)
SAMPLE(promise, .ballot = HIGH, .incarnation = 3, .promised = HIGH, .accepted = LOW,
       .value = slice_text("value"))
SAMPLE(accept, .ballot = HIGH, .value = slice_text("value"))
SAMPLE(accepted, .status = STATUS_STALE_TAG, .ballot = LOW, .incarnation = 1, .promised = HIGH)
SAMPLE(state, .accepted_seq = 5, .value = slice_text("value"))
SAMPLE(reserve, .above = 300)
SAMPLE(reserved, .status = STATUS_OK, .round = 301)
SAMPLE(learned, .status = STATUS_IO)

static void sample_acceptor(struct buffer *out)
{
    register_acceptor_record_encode(
        &(struct register_acceptor_record){
            .promised = HIGH, .accepted = LOW, .value = slice_text("value")},
        out);
}

static bool recode_acceptor(struct slice bytes, struct buffer *again)
{
    struct register_acceptor_record record;
    if (register_acceptor_record_decode(bytes, &record) != STATUS_OK)
        return false;
    register_acceptor_record_encode(&record, again);
    return true;
}

static void sample_round(struct buffer *out)
{
    register_round_record_encode(300, out);
}

static bool recode_round(struct slice bytes, struct buffer *again)
{
    uint64_t round;
    if (register_round_record_decode(bytes, &round) != STATUS_OK)
        return false;
    register_round_record_encode(round, again);
    return true;
}

static void sample_value(struct buffer *out)
{
    register_value_record_encode(slice_text("value"), out);
}

static bool recode_value(struct slice bytes, struct buffer *again)
{
    struct slice value;
    if (register_value_record_decode(bytes, &value) != STATUS_OK)
        return false;
    register_value_record_encode(value, again);
    return true;
}

static const struct {
    const char *name;
    void (*sample)(struct buffer *out);
    recode_function recode;
    bool any_tail; /* ends with a value, which is opaque here */
} rows[] = {
    {"known", sample_known, recode_known, false},
    {"prepare", sample_prepare, recode_prepare, false},
    {"promise", sample_promise, recode_promise, true},
    {"accept", sample_accept, recode_accept, true},
    {"accepted", sample_accepted, recode_accepted, false},
    {"state", sample_state, recode_state, true},
    {"reserve", sample_reserve, recode_reserve, false},
    {"reserved", sample_reserved, recode_reserved, false},
    {"learned", sample_learned, recode_learned, false},
    {"acceptor record", sample_acceptor, recode_acceptor, true},
    {"round record", sample_round, recode_round, false},
    {"value record", sample_value, recode_value, true},
};

static void all_stand_the_attacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buffer bytes = {0};
        rows[i].sample(&bytes);
        if (!stands(rows[i].recode, bytes.data, bytes.length))
            fail_msg("%s is not decoded", rows[i].name);
        for (size_t length = 0; length < bytes.length; length++)
            if (stands(rows[i].recode, bytes.data, length) && !rows[i].any_tail)
                fail_msg("%s is decoded from its first %zu bytes", rows[i].name, length);
        assert_every_flip_fails_or_stays_canonical(rows[i].recode, &bytes);
        assert_random_bytes_stand(rows[i].recode, i, 2000);
        buffer_put_u8(&bytes, 0);
        if (stands(rows[i].recode, bytes.data, bytes.length) != rows[i].any_tail)
            fail_msg("%s: a byte more", rows[i].name);
        buffer_deinit(&bytes);
    }
}

static void ballots_are_ordered_by_round_then_node_then_store(void **state)
{
    static const struct ballot ascending[] = {
        {0, 0, 0}, {1, 1, 1}, {1, 1, 2}, {1, 2, 1}, {2, 1, 1}};
    (void)state;
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            assert_int_equal(ballot_compare(ascending[i], ascending[j]), (i > j) - (i < j));
}

/* A question without a ballot could be answered by anybody about anything. */
static void a_message_names_somebodys_ballot(void **state)
{
    struct buffer bytes = {0};
    struct message_register_prepare prepare;
    struct message_register_promise promise;
    (void)state;
    message_register_prepare_encode(&(struct message_register_prepare){0}, &bytes);
    assert_int_equal(message_register_prepare_decode(buffer_slice(&bytes), &prepare),
                     STATUS_CORRUPT);
    buffer_clear(&bytes);
    buffer_put_varint(&bytes, 3);
    buffer_put_varint(&bytes, 0);
    buffer_put_varint(&bytes, 1);
    assert_int_equal(message_register_prepare_decode(buffer_slice(&bytes), &prepare),
                     STATUS_CORRUPT);
    buffer_clear(&bytes);
    message_register_promise_encode(
        &(struct message_register_promise){.ballot = LOW, .promised = LOW, .accepted = LOW},
        &bytes);
    assert_int_equal(message_register_promise_decode(buffer_slice(&bytes), &promise),
                     STATUS_CORRUPT); /* accepted, and no value */
    buffer_deinit(&bytes);
}

static void an_acceptor_cannot_have_accepted_above_its_promise(void **state)
{
    struct buffer bytes = {0};
    struct register_acceptor_record record;
    (void)state;
    register_acceptor_record_encode(
        &(struct register_acceptor_record){
            .promised = LOW, .accepted = HIGH, .value = slice_text("value")},
        &bytes);
    assert_int_equal(register_acceptor_record_decode(buffer_slice(&bytes), &record),
                     STATUS_CORRUPT);
    buffer_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_stand_the_attacks),
        cmocka_unit_test(ballots_are_ordered_by_round_then_node_then_store),
        cmocka_unit_test(a_message_names_somebodys_ballot),
        cmocka_unit_test(an_acceptor_cannot_have_accepted_above_its_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
