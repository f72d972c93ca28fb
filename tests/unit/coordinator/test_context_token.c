/*
 * test_context_token.c - a token is believed when it is one that this ring gave for this key.
 */
#include "../causal/causal_test.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/hash.h"
#include "base/random.h"
#include "coordinator/context_token.h"

/* No cryptography: enough to tell any change of key or message. */
static void test_mac(struct slice key, struct slice message, uint8_t out[CONTEXT_MAC_BYTES])
{
    uint64_t hash = hash64(key, 1);
    for (size_t i = 0; i < CONTEXT_MAC_BYTES; i++) {
        hash = hash64(message, hash);
        out[i] = (uint8_t)hash;
    }
}

struct fixture {
    struct ring *ring;
    struct context_place place;
    struct version_vector vector;
    struct buffer token;
};

static const hybrid_time TIME = 1700000000000ull << 16 | 3;

static void init(struct fixture *fixture, uint32_t entries)
{
    *fixture = (struct fixture){.ring = ring_new()};
    fixture->ring->seed = 42;
    memset(fixture->ring->secret, 7, sizeof fixture->ring->secret);
    fixture->place = (struct context_place){
        .ring = fixture->ring, .mac = test_mac, .keyspace = 3, .key = slice_text("cart:7")};
    for (uint32_t i = 1; i <= entries; i++) {
        struct dot dot = dot_of(i, 100 + i);
        version_vector_raise(&fixture->vector, &dot);
    }
    context_token_encode(&fixture->place, &fixture->vector, TIME, &fixture->token);
}

static void deinit(struct fixture *fixture)
{
    version_vector_deinit(&fixture->vector);
    buffer_deinit(&fixture->token);
    ring_free(fixture->ring);
}

/* NULL: taken, and equal to what went in. */
static const char *judge(const struct fixture *fixture, const struct context_place *place,
                         struct slice text)
{
    struct version_vector back;
    hybrid_time time;
    const char *why;
    enum status status = context_token_decode(place, text, &back, &time, &why);
    if (status == STATUS_OK) {
        assert_true(version_vector_equal(&back, &fixture->vector));
        assert_int_equal(time, TIME);
        assert_null(why);
    } else {
        assert_int_equal(status, STATUS_INVALID);
        assert_non_null(why);
        assert_int_equal(back.count, 0);
        assert_int_equal(time, 0);
    }
    version_vector_deinit(&back);
    return why;
}

static void a_token_comes_back_as_it_was_given(void **state)
{
    static const uint32_t counts[] = {0, 1, 3, CONTEXT_ENTRIES_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct fixture fixture;
        init(&fixture, counts[i]);
        assert_null(judge(&fixture, &fixture.place, buffer_slice(&fixture.token)));
        deinit(&fixture);
    }
}

/* The longest numbers still fit: what is given is always taken. */
static void the_longest_token_is_taken(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture, 0);
    for (uint32_t i = 0; i < CONTEXT_ENTRIES_MAX; i++) {
        struct dot dot = {.actor = {.node = UINT32_MAX - i,
                                    .storage_incarnation = UINT16_MAX,
                                    .kind = UINT16_MAX,
                                    .boot_epoch = UINT32_MAX,
                                    .adopt_epoch = UINT32_MAX},
                          .sequence = UINT64_MAX};
        version_vector_raise(&fixture.vector, &dot);
    }
    buffer_clear(&fixture.token);
    context_token_encode(&fixture.place, &fixture.vector, TIME, &fixture.token);
    assert_null(judge(&fixture, &fixture.place, buffer_slice(&fixture.token)));
    buffer_append(&fixture.token, "AAAAAAAA", 8);
    assert_non_null(judge(&fixture, &fixture.place, buffer_slice(&fixture.token)));
    deinit(&fixture);
}

static void every_bit_flip_and_every_cut_is_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture, 3);
    for (size_t i = 0; i < fixture.token.length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            fixture.token.data[i] ^= (uint8_t)(1u << bit);
            assert_non_null(judge(&fixture, &fixture.place, buffer_slice(&fixture.token)));
            fixture.token.data[i] ^= (uint8_t)(1u << bit);
        }
        assert_non_null(judge(&fixture, &fixture.place, slice_make(fixture.token.data, i)));
        assert_non_null(
            judge(&fixture, &fixture.place,
                  slice_make(fixture.token.data + i + 1, fixture.token.length - i - 1)));
    }
    buffer_put_u8(&fixture.token, 'A');
    assert_non_null(judge(&fixture, &fixture.place, buffer_slice(&fixture.token)));
    deinit(&fixture);
}

/* Positions are shown to clients, and the seed follows from enough of them. */
static void the_seed_of_positions_forges_nothing(void **state)
{
    struct fixture fixture;
    struct buffer again = {0};
    (void)state;
    init(&fixture, 2);
    fixture.ring->seed++;
    context_token_encode(&fixture.place, &fixture.vector, TIME, &again);
    assert_true(slice_equal(buffer_slice(&again), buffer_slice(&fixture.token)));
    buffer_deinit(&again);
    deinit(&fixture);
}

static void a_token_of_another_key_keyspace_or_cluster_is_refused(void **state)
{
    struct fixture fixture;
    (void)state;
    init(&fixture, 2);
    struct slice token = buffer_slice(&fixture.token);
    struct context_place other = fixture.place;
    other.key = slice_text("cart:8");
    assert_string_equal(judge(&fixture, &other, token), "is of another key or keyspace");
    other = fixture.place;
    other.keyspace = 4;
    assert_string_equal(judge(&fixture, &other, token), "is of another key or keyspace");
    for (unsigned i = 0; i < RING_SECRET_BYTES; i++) {
        fixture.ring->secret[i] ^= 1;
        assert_string_equal(judge(&fixture, &fixture.place, token), "is damaged or forged");
        fixture.ring->secret[i] ^= 1;
    }
    deinit(&fixture);
}

/* The token of `body` as the holder of the secret would make it for `key`. */
static void sign(const struct fixture *fixture, const struct buffer *body, struct slice key,
                 struct buffer *text)
{
    struct buffer message = {0}, token = {0};
    uint8_t mac[CONTEXT_MAC_BYTES];
    buffer_append_slice(&message, slice_text("ringdb context"));
    buffer_put_bytes(&message, buffer_slice(body));
    buffer_put_bytes(&message, key);
    test_mac(slice_make(fixture->ring->secret, RING_SECRET_BYTES), buffer_slice(&message), mac);
    buffer_append_slice(&token, buffer_slice(body));
    buffer_append(&token, mac, CONTEXT_MAC_KEPT_BYTES);
    buffer_clear(text);
    base64url_encode(buffer_slice(&token), text);
    buffer_deinit(&message);
    buffer_deinit(&token);
}

static void put_header(const struct fixture *fixture, uint8_t version, struct buffer *out)
{
    buffer_put_u8(out, version);
    buffer_put_u16(out, fixture->place.keyspace);
    buffer_put_u32(out, (uint32_t)hash64(fixture->place.key, fixture->place.keyspace));
    buffer_put_u64(out, TIME);
}

/* The hash in a token is short; two keys that share it must still be told apart. */
static void the_mac_covers_the_key_itself(void **state)
{
    struct fixture fixture;
    struct buffer body = {0}, text = {0};
    (void)state;
    init(&fixture, 2);
    put_header(&fixture, 1, &body);
    version_vector_encode(&fixture.vector, &body);
    sign(&fixture, &body, fixture.place.key, &text);
    assert_null(judge(&fixture, &fixture.place, buffer_slice(&text)));
    sign(&fixture, &body, slice_text("cart:8"), &text);
    assert_string_equal(judge(&fixture, &fixture.place, buffer_slice(&text)),
                        "is damaged or forged");
    buffer_deinit(&body);
    buffer_deinit(&text);
    deinit(&fixture);
}

/* As a token of a version to come, or of a maker that erred. */
static void a_token_with_a_good_mac_must_still_make_sense(void **state)
{
    struct fixture fixture;
    struct buffer body = {0}, text = {0};
    struct version_vector many = {0};
    (void)state;
    init(&fixture, 1);
    put_header(&fixture, 2, &body);
    version_vector_encode(&fixture.vector, &body);
    sign(&fixture, &body, fixture.place.key, &text);
    assert_string_equal(judge(&fixture, &fixture.place, buffer_slice(&text)),
                        "has an unknown version");
    for (uint32_t i = 1; i <= CONTEXT_ENTRIES_MAX + 1; i++) {
        struct dot dot = dot_of(i, 1);
        version_vector_raise(&many, &dot);
    }
    buffer_clear(&body);
    put_header(&fixture, 1, &body);
    version_vector_encode(&many, &body);
    sign(&fixture, &body, fixture.place.key, &text);
    assert_string_equal(judge(&fixture, &fixture.place, buffer_slice(&text)),
                        "has too many entries");
    buffer_clear(&body);
    put_header(&fixture, 1, &body);
    buffer_put_u8(&body, 9); /* entries that do not follow */
    sign(&fixture, &body, fixture.place.key, &text);
    assert_string_equal(judge(&fixture, &fixture.place, buffer_slice(&text)), "does not decode");
    version_vector_deinit(&many);
    buffer_deinit(&body);
    buffer_deinit(&text);
    deinit(&fixture);
}

static void random_text_is_refused(void **state)
{
    static const char digits[] = "ABCDabcd0123-_=\n";
    struct fixture fixture;
    struct random random = random_make(5);
    char text[200];
    (void)state;
    init(&fixture, 1);
    for (int i = 0; i < 5000; i++) {
        size_t length = (size_t)random_below(&random, sizeof text);
        for (size_t j = 0; j < length; j++)
            text[j] = digits[random_below(&random, sizeof digits - 1)];
        assert_non_null(judge(&fixture, &fixture.place, slice_make(text, length)));
    }
    deinit(&fixture);
}

/* A key that many generations of actors wrote still gets a token for what is shown of it. */
static void cutting_keeps_what_is_shown(void **state)
{
    struct version_vector vector = {0};
    struct dot shown[] = {dot_of(90, 5), dot_of(70, 1), dot_of(90, 9)};
    (void)state;
    for (uint32_t i = 1; i <= 100; i++) {
        struct dot dot = dot_of(i, 10);
        version_vector_raise(&vector, &dot);
    }
    context_cut(&vector, shown, 3);
    assert_int_equal(vector.count, CONTEXT_ENTRIES_MAX);
    for (size_t i = 0; i < 3; i++) {
        assert_true(version_vector_covers(&vector, &shown[i]));
        assert_int_equal(version_vector_get(&vector, &shown[i].actor), 10);
    }
    version_vector_deinit(&vector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_as_it_was_given),
        cmocka_unit_test(the_longest_token_is_taken),
        cmocka_unit_test(every_bit_flip_and_every_cut_is_refused),
        cmocka_unit_test(the_seed_of_positions_forges_nothing),
        cmocka_unit_test(a_token_of_another_key_keyspace_or_cluster_is_refused),
        cmocka_unit_test(the_mac_covers_the_key_itself),
        cmocka_unit_test(a_token_with_a_good_mac_must_still_make_sense),
        cmocka_unit_test(random_text_is_refused),
        cmocka_unit_test(cutting_keeps_what_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
