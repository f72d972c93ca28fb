/* Steps as one change of the ring: their bytes, what is left out, and two who drive at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "ring/ring_steps.h"
#include "ring_fixture.h"

enum { OWNERS = 3, MEMBERS = 6 };

static struct ring *six_nodes(void)
{
    struct ring *ring = fixture_ring("eu:3", 16);
    fixture_add_many(ring, MEMBERS, "eu", MEMBERS);
    fixture_place(ring, NULL);
    return ring;
}

/* Of the tag that the partition has, with everybody as evidence. */
static struct ring_step step_of(const struct ring *ring, enum ring_step_kind kind,
                                partition_id partition)
{
    struct ring_step step = {.kind = (uint8_t)kind,
                             .partition = partition,
                             .from = ring_tag_of(ring, partition),
                             .node = ring_owners(ring, partition)[0]};
    memcpy(step.owners, ring_owners(ring, partition), OWNERS * sizeof step.owners[0]);
    for (node_id id = 1; id <= MEMBERS; id++) {
        if (!ring_owns(ring, id, partition))
            step.owners[0] = id;
        if (kind != RING_STEP_SWITCH && kind != RING_STEP_FINISH)
            continue;
        node_set_add(&step.evidence.complete, id);
        node_set_add(&step.evidence.goes_by, id);
    }
    return step;
}

static void add(struct buffer *steps, const struct ring *ring, enum ring_step_kind kind,
                partition_id partition)
{
    struct ring_step step = step_of(ring, kind, partition);
    ring_step_encode(&step, OWNERS, steps);
}

static enum status apply(struct ring *ring, struct buffer *steps, uint32_t *taken, char *reason)
{
    enum status status = ring_steps_apply(ring, buffer_slice(steps), taken, reason);
    buffer_clear(steps);
    return status;
}

static void steps_come_back_and_damaged_ones_do_not(void **state)
{
    struct ring *ring = six_nodes();
    (void)state;
    for (int kind = RING_STEP_BEGIN; kind <= RING_STEP_LOST; kind++) {
        struct buffer bytes = {0}, again = {0};
        struct ring_step read;
        add(&bytes, ring, (enum ring_step_kind)kind, 300 % 16);
        struct reader reader = reader_make(buffer_slice(&bytes));
        ring_step_decode(&reader, OWNERS, &read);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        ring_step_encode(&read, OWNERS, &again);
        assert_true(slice_equal(buffer_slice(&bytes), buffer_slice(&again)));
        for (size_t length = 0; length < bytes.length; length++) {
            reader = reader_make(slice_make(bytes.data, length));
            ring_step_decode(&reader, OWNERS, &read);
            assert_true(reader.failed);
        }
        buffer_deinit(&bytes);
        buffer_deinit(&again);
    }
    ring_free(ring);
}

/* Whoever is complete twice in a message must not make a majority. */
static void a_node_is_named_once_in_evidence(void **state)
{
    static const uint8_t TWICE[] = {RING_STEP_FINISH, 3, 1, RING_SWITCHED, 2, 5, 5, 0};
    struct reader reader = reader_make(slice_make(TWICE, sizeof TWICE));
    struct ring_step step;
    (void)state;
    ring_step_decode(&reader, OWNERS, &step);
    assert_true(reader.failed);
}

static void partitions_move_together(void **state)
{
    struct ring *ring = six_nodes();
    struct buffer steps = {0};
    char reason[RING_REASON_MAX];
    uint32_t taken;
    (void)state;
    for (partition_id p = 0; p < 8; p++)
        add(&steps, ring, RING_STEP_BEGIN, p);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_OK);
    assert_int_equal(taken, 8);
    add(&steps, ring, RING_STEP_ABORT, 0);
    for (partition_id p = 1; p < 8; p++)
        add(&steps, ring, RING_STEP_SWITCH, p);
    add(&steps, ring, RING_STEP_LOST, 2); /* it was switched just before: left out */
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_OK);
    assert_int_equal(taken, 8);
    assert_int_equal(ring_tag_of(ring, 0).phase, RING_STABLE);
    assert_int_equal(ring_tag_of(ring, 7).phase, RING_SWITCHED);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    buffer_deinit(&steps);
    ring_free(ring);
}

static void what_was_done_already_is_left_out(void **state)
{
    struct ring *ring = six_nodes();
    struct buffer steps = {0}, twice = {0};
    char reason[RING_REASON_MAX];
    uint32_t taken;
    (void)state;
    add(&steps, ring, RING_STEP_BEGIN, 3);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_OK);
    add(&steps, ring, RING_STEP_SWITCH, 3);
    buffer_append_slice(&twice, buffer_slice(&steps));
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_OK);
    assert_int_equal(taken, 1);
    assert_int_equal(apply(ring, &twice, &taken, reason), STATUS_OK);
    assert_int_equal(taken, 0);
    assert_int_equal(ring_tag_of(ring, 3).phase, RING_SWITCHED);
    buffer_deinit(&steps);
    buffer_deinit(&twice);
    ring_free(ring);
}

static void assert_untouched(const struct ring *ring)
{
    for (partition_id p = 0; p < 16; p++)
        assert_int_equal(ring_tag_compare(ring_tag_of(ring, p), ring->tag), 0);
}

/* A plan that is no longer true is not begun for the half of it that still is. */
static void all_begin_or_none(void **state)
{
    struct ring *ring = six_nodes(), *later = ring_copy(ring);
    struct buffer steps = {0};
    char reason[RING_REASON_MAX];
    uint32_t taken;
    (void)state;
    ring_set_epoch(later, 5, 2);
    add(&steps, ring, RING_STEP_BEGIN, 4);
    add(&steps, later, RING_STEP_BEGIN, 5);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_STALE_TAG);
    assert_untouched(ring);
    buffer_deinit(&steps);
    ring_free(ring);
    ring_free(later);
}

static void a_step_that_may_not_be_taken_undoes_the_change(void **state)
{
    struct ring *ring = six_nodes();
    struct buffer steps = {0};
    char reason[RING_REASON_MAX];
    uint32_t taken;
    (void)state;
    add(&steps, ring, RING_STEP_BEGIN, 4);
    add(&steps, ring, RING_STEP_ABORT, 5);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "partition 5"));
    assert_untouched(ring);
    add(&steps, ring, RING_STEP_BEGIN, 4);
    buffer_put_u8(&steps, 99);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_CORRUPT);
    assert_untouched(ring);
    buffer_put_u8(&steps, RING_STEP_ABORT);
    buffer_put_varint(&steps, 16);
    buffer_put_varint(&steps, 1);
    buffer_put_u8(&steps, RING_STABLE);
    assert_int_equal(apply(ring, &steps, &taken, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "no partition 16"));
    assert_untouched(ring);
    buffer_deinit(&steps);
    ring_free(ring);
}

/* Each drives by what it saw last, which is often long over. */
static void two_who_drive_leave_out_no_phase(void **state)
{
    struct random random = random_make(7);
    unsigned finished = 0, given_up = 0;
    (void)state;
    for (unsigned run = 0; run < 50; run++) {
        struct ring *ring = six_nodes(), *seen[2] = {ring_copy(ring), ring_copy(ring)};
        for (unsigned turn = 0; turn < 120; turn++) {
            struct buffer steps = {0};
            char reason[RING_REASON_MAX];
            uint32_t taken;
            unsigned driver = (unsigned)random_below(&random, 2);
            partition_id p = (partition_id)random_below(&random, 3);
            enum ring_step_kind kind = (enum ring_step_kind)(1 + random_below(&random, 5));
            struct ring_tag before = ring_tag_of(ring, p);
            if (random_below(&random, 3) == 0) {
                ring_free(seen[driver]);
                seen[driver] = ring_copy(ring);
            }
            add(&steps, seen[driver], kind, p);
            enum status status = apply(ring, &steps, &taken, reason);
            struct ring_tag after = ring_tag_of(ring, p);
            assert_int_equal(ring_validate(ring, reason), STATUS_OK);
            if (status != STATUS_OK || taken == 0 || kind == RING_STEP_LOST) {
                assert_int_equal(ring_tag_compare(before, after), 0);
            } else if (after.phase == RING_STABLE) {
                assert_int_equal(after.epoch, before.epoch + 1);
                assert_int_equal(before.phase,
                                 kind == RING_STEP_ABORT ? RING_JOINT : RING_SWITCHED);
                finished += kind == RING_STEP_FINISH;
                given_up += kind == RING_STEP_ABORT;
            } else {
                assert_int_equal(after.epoch, before.epoch);
                assert_int_equal(after.phase, before.phase + 1);
            }
            buffer_deinit(&steps);
        }
        ring_free(ring);
        ring_free(seen[0]);
        ring_free(seen[1]);
    }
    assert_true(finished > 20 && given_up > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_come_back_and_damaged_ones_do_not),
        cmocka_unit_test(a_node_is_named_once_in_evidence),
        cmocka_unit_test(partitions_move_together),
        cmocka_unit_test(what_was_done_already_is_left_out),
        cmocka_unit_test(all_begin_or_none),
        cmocka_unit_test(a_step_that_may_not_be_taken_undoes_the_change),
        cmocka_unit_test(two_who_drive_leave_out_no_phase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
