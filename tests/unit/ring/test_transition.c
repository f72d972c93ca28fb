/* Partitions on their way: tags of their own, both sets of owners, rules, and the one form in
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/transition.h"
#include "ring_fixture.h"

/* Of region `region`, who does not own the partition. */
static node_id spare(const struct ring *ring, partition_id partition, uint8_t region)
{
    for (uint16_t i = 0; i < ring->member_count; i++)
        if (ring->members[i].region == region && !ring_owns(ring, ring->members[i].id, partition))
            return ring->members[i].id;
    return 0;
}

/* The first owner of eu goes, and the spare node of eu comes. */
static struct ring_transition *move_first(struct ring *ring, partition_id partition)
{
    struct ring_transition *transition = ring_add_transition(ring, partition);
    transition->owners[0] = spare(ring, partition, 0);
    return transition;
}

static void a_change_moves_the_tag_of_its_partition_alone(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct ring_tag other = ring_tag_of(ring, 3);
    (void)state;
    move_first(ring, 2)->phase = RING_SWITCHED;
    ring_set_epoch(ring, 2, 7);
    assert_int_equal(ring_tag_of(ring, 2).epoch, 7);
    assert_int_equal(ring_tag_of(ring, 2).phase, RING_SWITCHED);
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, 3), other), 0);
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, 3), ring->tag), 0);
    ring_free(ring);
}

static void while_stable_both_sets_are_the_owners(void **state)
{
    struct ring *ring = fixture_small_ring();
    node_id replicas[RING_REPLICAS_MAX];
    (void)state;
    assert_null(ring_transition(ring, 5));
    assert_ptr_equal(ring_coming_owners(ring, 5), ring_owners(ring, 5));
    assert_ptr_equal(ring_read_owners(ring, 5), ring_owners(ring, 5));
    assert_int_equal(ring_replicas(ring, 5, replicas), 3);
    assert_memory_equal(replicas, ring_owners(ring, 5), 3 * sizeof replicas[0]);
    ring_free(ring);
}

static void reads_go_to_the_coming_owners_once_it_is_switched(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    struct ring_transition *transition = move_first(ring, 5);
    assert_ptr_equal(ring_read_owners(ring, 5), ring_owners(ring, 5));
    transition->phase = RING_SWITCHED;
    assert_ptr_equal(ring_read_owners(ring, 5), transition->owners);
    ring_free(ring);
}

static void replicas_are_both_sets_and_each_node_once(void **state)
{
    struct ring *ring = fixture_small_ring();
    node_id replicas[RING_REPLICAS_MAX];
    node_id leaves = ring_owners(ring, 5)[0], stays = ring_owners(ring, 5)[1];
    (void)state;
    node_id joins = move_first(ring, 5)->owners[0];
    assert_int_equal(ring_replicas(ring, 5, replicas), 4);
    assert_memory_equal(replicas, ring_owners(ring, 5), 3 * sizeof replicas[0]);
    assert_int_equal(replicas[3], joins);
    for (unsigned i = 0; i < 4; i++)
        assert_true(ring_replicates(ring, replicas[i], 5));
    assert_true(ring_joins(ring, joins, 5));
    assert_false(ring_leaves(ring, joins, 5));
    assert_true(ring_leaves(ring, leaves, 5));
    assert_false(ring_joins(ring, leaves, 5));
    assert_false(ring_joins(ring, stays, 5) || ring_leaves(ring, stays, 5));
    assert_false(ring_replicates(ring, 6, 5));
    ring_free(ring);
}

static void transitions_are_found_in_whatever_order_they_came(void **state)
{
    static const partition_id ORDER[] = {9, 0, 15, 4, 10};
    struct ring *ring = fixture_small_ring();
    char reason[RING_REASON_MAX];
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        move_first(ring, ORDER[i]);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(ring_transition(ring, ORDER[i])->partition, ORDER[i]);
    assert_null(ring_transition(ring, 5));
    ring_remove_transition(ring, 4);
    assert_null(ring_transition(ring, 4));
    assert_int_equal(ring_transition(ring, 9)->partition, 9);
    assert_int_equal(ring->transition_count, 4);
    ring_free(ring);
}

static void a_copy_shares_nothing_of_them(void **state)
{
    struct ring *ring = fixture_small_ring();
    (void)state;
    node_id joins = move_first(ring, 2)->owners[0];
    ring_set_epoch(ring, 3, 9);
    struct ring *copy = ring_copy(ring);
    ring_remove_transition(ring, 2);
    ring_set_epoch(ring, 3, 10);
    ring_free(ring);
    assert_int_equal(ring_transition(copy, 2)->owners[0], joins);
    assert_int_equal(ring_tag_of(copy, 3).epoch, 9);
    ring_free(copy);
}

/* Each row: what is made wrong, and a word of the sentence that says so. */
static void what_cannot_be_is_refused_with_its_reason(void **state)
{
    static const char *const WORDS[] = {
        "in no phase", "own it already",     "another region",     "no member",
        "twice",       "where it cannot be", "where it cannot be", "out of its turn"};
    (void)state;
    for (unsigned i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        struct ring *ring = fixture_small_ring();
        char reason[RING_REASON_MAX] = "";
        struct ring_transition *transition = move_first(ring, 2);
        node_id joins = transition->owners[0];
        switch (i) {
        case 0:
            transition->phase = RING_STABLE;
            break;
        case 1:
            transition->owners[0] = ring_owners(ring, 2)[0];
            break;
        case 2:
            transition->owners[0] = spare(ring, 2, 1);
            break;
        case 3:
            transition->owners[0] = 77;
            break;
        case 4:
            transition->owners[0] = transition->owners[1];
            break;
        case 5:
            transition->lost[0] = spare(ring, 2, 1);
            transition->lost_count = 1;
            break;
        case 6:
            transition->lost[0] = transition->lost[1] = joins;
            transition->lost_count = 2;
            break;
        default:
            transition->partition = 16;
        }
        assert_int_equal(ring_validate(ring, reason), STATUS_INVALID);
        if (strstr(reason, WORDS[i]) == NULL)
            fail_msg("case %u says \"%s\"", i, reason);
        ring_free(ring);
    }
}

static void too_many_joining_owners_are_refused(void **state)
{
    struct ring *ring = fixture_ring("eu:9", 16);
    char reason[RING_REASON_MAX];
    (void)state;
    fixture_add_many(ring, 18, "eu", 18);
    fixture_place(ring, NULL);
    struct ring_transition *transition = ring_add_transition(ring, 0);
    for (unsigned i = 0, joining = 0; joining < RING_JOINING_MAX; i++)
        if (!ring_owns(ring, i + 1, 0))
            transition->owners[joining++] = i + 1;
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    for (node_id id = 18; transition->owners[8] == ring_owners(ring, 0)[8]; id--)
        if (!ring_replicates(ring, id, 0))
            transition->owners[8] = id;
    assert_int_equal(ring_validate(ring, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "at most 8 at a time"));
    ring_free(ring);
}

/* ---- bytes ---- */

static struct ring *ring_with_everything(void)
{
    struct ring *ring = fixture_small_ring();
    struct ring_transition *transition = move_first(ring, 2);
    transition->phase = RING_SWITCHED;
    transition->lost[0] = transition->owners[0];
    transition->lost_count = 1;
    move_first(ring, 15);
    ring_set_epoch(ring, 2, 300);
    ring_set_epoch(ring, 0, UINT32_MAX);
    return ring;
}

static void a_ring_at_rest_takes_no_bytes(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct buffer bytes = {0};
    (void)state;
    ring_transitions_encode(ring, &bytes);
    assert_int_equal(bytes.length, 0);
    ring_set_epoch(ring, 4, ring->tag.epoch);
    ring_transitions_encode(ring, &bytes);
    assert_int_equal(bytes.length, 0);
    ring_free(ring);
}

static void all_of_it_comes_back(void **state)
{
    struct ring *ring = ring_with_everything(), *other = fixture_small_ring();
    struct buffer bytes = {0}, again = {0};
    char reason[RING_REASON_MAX];
    (void)state;
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    ring_transitions_encode(ring, &bytes);
    move_first(other, 7); /* is replaced, not added to */
    assert_int_equal(ring_transitions_decode(buffer_slice(&bytes), other), STATUS_OK);
    assert_null(ring_transition(other, 7));
    for (partition_id p = 0; p < ring->partition_count; p++)
        assert_int_equal(ring_tag_compare(ring_tag_of(ring, p), ring_tag_of(other, p)), 0);
    assert_true(ring_is_lost(other, ring_transition(ring, 2)->owners[0], 2));
    assert_memory_equal(ring_transition(other, 15)->owners, ring_transition(ring, 15)->owners,
                        3 * sizeof(node_id));
    ring_transitions_encode(other, &again);
    assert_int_equal(again.length, bytes.length);
    assert_memory_equal(again.data, bytes.data, bytes.length);
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    ring_free(ring);
    ring_free(other);
}

/* Whatever decodes is valid and has these bytes; whatever does not leaves the ring as it was. */
static void damaged_bytes_are_refused_or_mean_something_else(void **state)
{
    struct ring *ring = ring_with_everything();
    struct buffer bytes = {0};
    unsigned refused = 0;
    (void)state;
    ring_transitions_encode(ring, &bytes);
    for (size_t length = 0; length < bytes.length; length++) {
        struct ring *other = fixture_small_ring();
        assert_int_equal(ring_transitions_decode(slice_make(bytes.data, length), other),
                         STATUS_CORRUPT);
        assert_int_equal(other->transition_count, 0);
        assert_null(other->epochs);
        ring_free(other);
    }
    for (size_t at = 0; at < bytes.length; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            struct ring *other = fixture_small_ring();
            struct buffer again = {0};
            uint8_t right = bytes.data[at];
            bytes.data[at] = (uint8_t)byte;
            if (ring_transitions_decode(buffer_slice(&bytes), other) == STATUS_OK) {
                ring_transitions_encode(other, &again);
                assert_int_equal(again.length, bytes.length);
                assert_memory_equal(again.data, bytes.data, bytes.length);
            } else {
                assert_int_equal(other->transition_count, 0);
                refused++;
            }
            bytes.data[at] = right;
            buffer_deinit(&again);
            ring_free(other);
        }
    }
    assert_true(refused > bytes.length * 128);
    buffer_deinit(&bytes);
    ring_free(ring);
}

static void a_section_that_says_nothing_is_no_section(void **state)
{
    struct ring *ring = fixture_small_ring();
    static const uint8_t NOTHING[] = {0, 0};
    (void)state;
    assert_int_equal(ring_transitions_decode(slice_make(NOTHING, sizeof NOTHING), ring),
                     STATUS_CORRUPT);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_moves_the_tag_of_its_partition_alone),
        cmocka_unit_test(while_stable_both_sets_are_the_owners),
        cmocka_unit_test(reads_go_to_the_coming_owners_once_it_is_switched),
        cmocka_unit_test(replicas_are_both_sets_and_each_node_once),
        cmocka_unit_test(transitions_are_found_in_whatever_order_they_came),
        cmocka_unit_test(a_copy_shares_nothing_of_them),
        cmocka_unit_test(what_cannot_be_is_refused_with_its_reason),
        cmocka_unit_test(too_many_joining_owners_are_refused),
        cmocka_unit_test(a_ring_at_rest_takes_no_bytes),
        cmocka_unit_test(all_of_it_comes_back),
        cmocka_unit_test(damaged_bytes_are_refused_or_mean_something_else),
        cmocka_unit_test(a_section_that_says_nothing_is_no_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
