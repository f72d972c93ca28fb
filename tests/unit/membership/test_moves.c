/* What the register says of partitions that move. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../ring/ring_fixture.h"
#include "membership/register_change.h"
#include "membership/register_value.h"
#include "ring/ring_steps.h"

enum { PARTITION = 3 };

static struct register_value *value_that_moves(void)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[RING_REASON_MAX];
    node_id row[RING_OWNERS_MAX];
    memcpy(row, ring_owners(ring, PARTITION), 3 * sizeof row[0]);
    for (node_id id = 1; id <= 3; id++)
        if (!ring_owns(ring, id, PARTITION))
            row[0] = id;
    assert_int_equal(ring_begin(value->ring, PARTITION, ring_tag_of(ring, PARTITION), row, reason),
                     STATUS_OK);
    ring_free(ring);
    return value;
}

static struct buffer bytes_of(const struct register_value *value)
{
    struct buffer bytes = {0};
    register_value_encode(value, &bytes);
    return bytes;
}

static void a_move_comes_back_and_takes_a_section(void **state)
{
    struct register_value *value = value_that_moves(), *read;
    struct buffer bytes = bytes_of(value);
    (void)state;
    assert_int_equal(bytes.data[0], 2);
    assert_int_equal(register_value_decode(buffer_slice(&bytes), &read), STATUS_OK);
    struct buffer again = bytes_of(read);
    assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
    assert_int_equal(ring_tag_of(read->ring, PARTITION).phase, RING_JOINT);
    assert_int_equal(ring_tag_of(read->ring, PARTITION + 1).phase, RING_STABLE);
    register_value_free(read);
    register_value_free(value);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
}

static void a_value_at_rest_is_one_of_the_first_version(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    struct buffer bytes = bytes_of(value);
    (void)state;
    assert_int_equal(bytes.data[0], 1);
    buffer_deinit(&bytes);
    register_value_free(value);
    ring_free(ring);
}

/* The checksum is made right again, so that the sections themselves must be looked at. */
static void damaged_moves_are_refused_or_equal(void **state)
{
    struct register_value *value = value_that_moves();
    struct buffer bytes = bytes_of(value);
    size_t body = bytes.length - 8;
    unsigned refused = 0;
    (void)state;
    for (size_t at = body - 12; at < body; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct register_value *read;
            struct buffer changed = {0};
            buffer_append(&changed, bytes.data, body);
            changed.data[at] = (uint8_t)byte;
            buffer_put_u64(&changed, register_value_digest(buffer_slice(&changed)));
            if (register_value_decode(buffer_slice(&changed), &read) == STATUS_OK) {
                struct buffer again = bytes_of(read);
                assert_true(slice_equal(buffer_slice(&changed), buffer_slice(&again)));
                register_value_free(read);
                buffer_deinit(&again);
            } else {
                refused++;
            }
            buffer_deinit(&changed);
        }
    }
    assert_true(refused > 12 * 128);
    register_value_free(value);
    buffer_deinit(&bytes);
}

static void a_ring_goes_by_what_moves(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = value_that_moves();
    char reason[RING_REASON_MAX];
    bool moved;
    (void)state;
    assert_false(ring_has_moved(ring));
    assert_true(register_value_apply(value, ring, &moved));
    assert_true(moved);
    assert_true(ring_has_moved(ring));
    assert_int_equal(ring_tag_of(ring, PARTITION).phase, RING_JOINT);
    assert_true(register_value_apply(value, ring, &moved));
    assert_false(moved);
    struct register_value *before = register_value_copy(value);
    assert_int_equal(
        ring_abort(value->ring, PARTITION, ring_tag_of(value->ring, PARTITION), reason), STATUS_OK);
    assert_true(register_value_apply(value, ring, &moved));
    assert_true(moved);
    assert_int_equal(ring_tag_of(ring, PARTITION).phase, RING_STABLE);
    assert_true(ring_has_moved(ring)); /* it has an epoch of its own for ever */
    assert_false(register_value_apply(before, ring, &moved)); /* back to an earlier tag */
    assert_false(moved);
    assert_int_equal(ring_tag_of(ring, PARTITION).phase, RING_STABLE);
    ring_free(ring);
    register_value_free(before);
    register_value_free(value);
}

static void a_ring_of_another_shape_is_not_gone_by(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = value_that_moves();
    bool moved;
    (void)state;
    ring->seed++;
    assert_false(register_value_apply(value, ring, &moved));
    ring->seed--;
    ring->secret[3]++;
    assert_false(register_value_apply(value, ring, &moved));
    ring->secret[3]--;
    node_id *row = ring->owners, first = row[0];
    row[0] = row[1]; /* the same tag, and another order of owners */
    row[1] = first;
    assert_false(register_value_apply(value, ring, &moved));
    assert_false(ring_has_moved(ring));
    ring_free(ring);
    register_value_free(value);
}

static void a_copy_moves_on_its_own(void **state)
{
    struct register_value *value = value_that_moves();
    struct register_value *copy = register_value_copy(value);
    char reason[RING_REASON_MAX];
    (void)state;
    assert_int_equal(
        ring_abort(value->ring, PARTITION, ring_tag_of(value->ring, PARTITION), reason), STATUS_OK);
    register_value_free(value);
    assert_int_equal(ring_tag_of(copy->ring, PARTITION).phase, RING_JOINT);
    register_value_free(copy);
}

/* ---- the change that takes steps ---- */

static struct register_change change_of(const struct ring_step *step)
{
    struct register_change change = {.kind = REGISTER_CHANGE_RING_STEPS};
    struct buffer bytes = {0};
    ring_step_encode(step, 3, &bytes);
    memcpy(change.words, bytes.data, bytes.length);
    change.words_length = (uint16_t)bytes.length;
    buffer_deinit(&bytes);
    return change;
}

static struct ballot ballot_of(uint64_t round)
{
    return (struct ballot){.round = round, .node = 1, .incarnation = 1};
}

static void steps_are_taken_once_and_by_whoever_comes_first(void **state)
{
    struct register_value *value = value_that_moves(), *next = NULL, *later = NULL;
    char reason[REGISTER_REASON_MAX];
    struct ring_step step = {.kind = RING_STEP_ABORT,
                             .partition = PARTITION,
                             .from = ring_tag_of(value->ring, PARTITION)};
    struct register_change change = change_of(&step);
    (void)state;
    assert_int_equal(register_change_apply(&change, ballot_of(1), value, &next, reason), STATUS_OK);
    assert_non_null(next);
    assert_int_equal(next->seq, value->seq + 1);
    assert_int_equal(ring_tag_of(next->ring, PARTITION).epoch, step.from.epoch + 1);
    assert_int_equal(register_change_apply(&change, ballot_of(2), next, &later, reason), STATUS_OK);
    assert_null(later);
    register_value_free(value);
    register_value_free(next);
}

static void nothing_begins_that_no_plan_names(void **state)
{
    struct register_value *value = value_that_moves(), *next = NULL;
    char reason[REGISTER_REASON_MAX] = "";
    struct ring_step step = {.kind = RING_STEP_BEGIN,
                             .partition = PARTITION,
                             .from = value->ring->tag,
                             .owners = {1, 2, 4}};
    struct register_change change = change_of(&step);
    (void)state;
    assert_int_equal(register_change_apply(&change, ballot_of(1), value, &next, reason), STATUS_OK);
    assert_null(next);
    change.words_length--;
    assert_int_equal(register_change_apply(&change, ballot_of(1), value, &next, reason),
                     STATUS_INVALID);
    assert_non_null(strstr(reason, "cannot be read"));
    register_value_free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_comes_back_and_takes_a_section),
        cmocka_unit_test(a_value_at_rest_is_one_of_the_first_version),
        cmocka_unit_test(damaged_moves_are_refused_or_equal),
        cmocka_unit_test(a_ring_goes_by_what_moves),
        cmocka_unit_test(a_ring_of_another_shape_is_not_gone_by),
        cmocka_unit_test(a_copy_moves_on_its_own),
        cmocka_unit_test(steps_are_taken_once_and_by_whoever_comes_first),
        cmocka_unit_test(nothing_begins_that_no_plan_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
