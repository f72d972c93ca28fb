/* What is staged in the register for the next plan, and who joins meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "membership/register_change.h"

static uint64_t round_of_last;

static struct ballot next_ballot(void)
{
    return (struct ballot){.round = ++round_of_last, .node = 1, .incarnation = 1};
}

static struct register_value *first_value(void)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    ring_free(ring);
    return value;
}

/* The next value in the place of `*value`; false: it stands as it is. */
static bool change(struct register_value **value, const struct register_change *wanted)
{
    char reason[REGISTER_REASON_MAX] = "";
    struct register_value *next;
    enum status status = register_change_apply(wanted, next_ballot(), *value, &next, reason);
    assert_string_equal(status == STATUS_OK ? "" : reason, "");
    if (next == NULL)
        return false;
    register_value_free(*value);
    *value = next;
    return true;
}

static struct register_change stage_of(const struct ring_wish *wishes, size_t count)
{
    struct register_change wanted = {.kind = REGISTER_CHANGE_STAGE};
    struct buffer bytes = {0};
    for (size_t i = 0; i < count; i++)
        ring_wish_encode(&wishes[i], &bytes);
    memcpy(wanted.words, bytes.data, bytes.length);
    wanted.words_length = (uint16_t)bytes.length;
    buffer_deinit(&bytes);
    return wanted;
}

static bool stage(struct register_value **value, struct ring_wish wish)
{
    struct register_change wanted = stage_of(&wish, 1);
    return change(value, &wanted);
}

static struct ring_wish weight(node_id node, uint32_t number)
{
    return (struct ring_wish){.node = node, .kind = RING_WISH_WEIGHT, .weight = number};
}

static void refused(const struct register_value *value, const struct register_change *wanted,
                    const char *words)
{
    char reason[REGISTER_REASON_MAX] = "";
    struct register_value *next;
    assert_int_equal(register_change_apply(wanted, next_ballot(), value, &next, reason),
                     STATUS_INVALID);
    assert_null(next);
    if (strstr(reason, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
}

static struct register_change joins(void)
{
    struct register_change wanted = {
        .kind = REGISTER_CHANGE_MEMBER_ADD,
        .member = {.storage_incarnation = 1, .role = MEMBER_JOINING, .rack = "d", .weight = 2}};
    strcpy(wanted.member.client.host, "10.9.1.1");
    strcpy(wanted.member.peer.host, "10.9.2.1");
    wanted.member.client.port = 6379;
    wanted.member.peer.port = 7379;
    memcpy(wanted.words, "eu", wanted.words_length = 2);
    return wanted;
}

/* An older version goes on as long as nothing is staged, and again when it is cleared. */
static void what_is_staged_has_a_section_while_there_is_any(void **state)
{
    struct register_value *value = first_value(), *read;
    struct register_change clear = {.kind = REGISTER_CHANGE_STAGE_CLEAR};
    struct buffer bytes = {0}, again = {0};
    (void)state;
    assert_true(stage(&value, weight(2, 3)));
    register_value_encode(value, &bytes);
    assert_int_equal(bytes.data[0], 2);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &read), STATUS_OK);
    assert_int_equal(ring_wishes_find(&read->staged, 2, RING_WISH_WEIGHT)->weight, 3);
    register_value_encode(read, &again);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    register_value_free(read);
    assert_true(change(&value, &clear));
    buffer_clear(&bytes);
    register_value_encode(value, &bytes);
    assert_int_equal(bytes.data[0], 1);
    assert_false(change(&value, &clear));
    register_value_free(value);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

/* The checksum is made right again, so that the section itself must be looked at. */
static void a_damaged_section_is_refused_or_another_whole_one(void **state)
{
    struct register_value *value = first_value(), *read;
    struct buffer bytes = {0};
    unsigned refusals = 0;
    (void)state;
    assert_true(stage(&value, (struct ring_wish){.node = 1, .kind = RING_WISH_LEAVE}));
    assert_true(stage(&value, weight(2, 3)));
    register_value_encode(value, &bytes);
    size_t body = bytes.length - 8;
    for (size_t at = body - 8; at < body; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct buffer changed = {0}, again = {0};
            buffer_append(&changed, bytes.data, body);
            changed.data[at] = (uint8_t)byte;
            buffer_put_u64(&changed, register_value_digest(buffer_slice(&changed)));
            if (register_value_decode(buffer_slice(&changed), &read) == STATUS_OK) {
                register_value_encode(read, &again);
                assert_true(slice_equal(buffer_slice(&changed), buffer_slice(&again)));
                register_value_free(read);
            } else {
                refusals++;
            }
            buffer_deinit(&changed);
            buffer_deinit(&again);
        }
    }
    assert_true(refusals > 8 * 64);
    register_value_free(value);
    buffer_deinit(&bytes);
}

static void a_change_may_be_staged_twice_and_changes_nothing(void **state)
{
    struct register_value *value = first_value();
    (void)state;
    uint64_t placement = ring_placement_digest(value->ring);
    assert_true(stage(&value, weight(2, 3)));
    assert_int_equal(value->seq, 1);
    assert_false(stage(&value, weight(2, 3)));
    assert_true(stage(&value, weight(2, 4)));
    assert_int_equal(value->staged.count, 1);
    assert_int_equal(ring_member(value->ring, 2)->weight, 1);
    assert_int_equal(ring_placement_digest(value->ring), placement);
    register_value_free(value);
}

/* All or none: half of what was said at once would be another wish. */
static void one_that_cannot_be_keeps_the_others_out(void **state)
{
    struct register_value *value = first_value();
    struct ring_wish wishes[] = {weight(2, 3), {.node = 77, .kind = RING_WISH_LEAVE}};
    struct register_change wanted = stage_of(wishes, 2);
    (void)state;
    refused(value, &wanted, "no member");
    wanted = stage_of(wishes, 1);
    wanted.words[wanted.words_length++] = 2;
    refused(value, &wanted, "cannot be read");
    assert_int_equal(value->staged.count, 0);
    register_value_free(value);
}

static void no_more_is_staged_than_has_room(void **state)
{
    struct register_value *value = first_value();
    struct register_change wanted;
    (void)state;
    for (node_id node = 100; node < 100 + RING_WISHES_MAX; node++) {
        struct ring_wish wish = weight(node, 1); /* as of members that there might be */
        assert_true(ring_wishes_put(&value->staged, &wish));
    }
    wanted = stage_of((struct ring_wish[]){weight(2, 3)}, 1);
    refused(value, &wanted, "the most there can be");
    register_value_free(value);
}

static void a_copy_is_staged_on_its_own(void **state)
{
    struct register_value *value = first_value(), *copy;
    (void)state;
    assert_true(stage(&value, weight(2, 3)));
    copy = register_value_copy(value);
    assert_true(stage(&value, weight(2, 5)));
    assert_int_equal(ring_wishes_find(&copy->staged, 2, RING_WISH_WEIGHT)->weight, 3);
    register_value_free(value);
    register_value_free(copy);
}

/* It owns nothing, and is nobody's fallback, until a plan says so. */
static void who_is_to_store_data_joins_without_partitions(void **state)
{
    struct register_value *value = first_value(), *read;
    struct register_change wanted = joins();
    struct buffer bytes = {0};
    char reason[RING_REASON_MAX];
    (void)state;
    wanted.member.role = MEMBER_DATA;
    refused(value, &wanted, "begins as a joining member");
    wanted = joins();
    assert_true(change(&value, &wanted));
    assert_int_equal(ring_member(value->ring, 6)->role, MEMBER_JOINING);
    assert_int_equal(ring_member(value->ring, 6)->weight, 2);
    register_value_encode(value, &bytes);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &read), STATUS_OK);
    assert_int_equal(ring_member(read->ring, 6)->role, MEMBER_JOINING);
    register_value_free(read);
    size_t copies = (size_t)value->ring->partition_count * value->ring->owner_count;
    for (size_t i = 0; i < copies; i++)
        if (value->ring->owners[i] == 1)
            value->ring->owners[i] = 6;
    assert_int_equal(ring_validate(value->ring, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "still joining"));
    register_value_free(value);
    buffer_deinit(&bytes);
}

/* Else what was wished of it would be in the way of every plan. */
static void what_was_staged_of_a_member_goes_with_it(void **state)
{
    struct register_value *value = first_value();
    struct register_change wanted = joins();
    struct register_change removed = {.kind = REGISTER_CHANGE_MEMBER_REMOVE, .member = {.id = 6}};
    struct register_change leaves =
        stage_of((struct ring_wish[]){{.node = 6, .kind = RING_WISH_LEAVE}}, 1);
    (void)state;
    assert_true(change(&value, &wanted));
    refused(value, &leaves, "remove it at once");
    assert_true(stage(&value, weight(2, 3)));
    assert_true(stage(&value, weight(6, 3)));
    assert_true(stage(&value, (struct ring_wish){.node = 1, .kind = RING_WISH_REPLACE, .by = 6}));
    assert_int_equal(value->staged.count, 3);
    assert_true(change(&value, &removed));
    assert_int_equal(value->staged.count, 1);
    assert_int_equal(value->staged.items[0].node, 2);
    assert_true(ring_is_fenced(value->ring, 6));
    register_value_free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_staged_has_a_section_while_there_is_any),
        cmocka_unit_test(a_damaged_section_is_refused_or_another_whole_one),
        cmocka_unit_test(a_change_may_be_staged_twice_and_changes_nothing),
        cmocka_unit_test(one_that_cannot_be_keeps_the_others_out),
        cmocka_unit_test(no_more_is_staged_than_has_room),
        cmocka_unit_test(a_copy_is_staged_on_its_own),
        cmocka_unit_test(who_is_to_store_data_joins_without_partitions),
        cmocka_unit_test(what_was_staged_of_a_member_goes_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
