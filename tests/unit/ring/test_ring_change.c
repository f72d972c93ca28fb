/* The steps of a ring change, against what they are for: sets of copies, tried out one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring/ring_change.h"
#include "ring_fixture.h"

enum { PARTITION = 3 };

/* One region, owners 1..count of the partition; others up to 8 are there. */
static struct ring *one_region(unsigned count)
{
    char replication[] = "eu:0";
    replication[3] = (char)('0' + count);
    struct ring *ring = fixture_ring(replication, 16);
    fixture_add_many(ring, 8, "eu", 8);
    fixture_place(ring, NULL);
    for (unsigned i = 0; i < count; i++)
        ring->owners[PARTITION * count + i] = i + 1;
    return ring;
}

/* The last `moving` owners go; 6, 7.. come. */
static struct ring *moving(unsigned count, unsigned moving_count, enum ring_phase phase)
{
    struct ring *ring = one_region(count);
    struct ring_transition *transition = ring_add_transition(ring, PARTITION);
    for (unsigned i = 0; i < moving_count; i++)
        transition->owners[count - 1 - i] = 6 + i;
    transition->phase = (uint8_t)phase;
    return ring;
}

/* Bit i is node i. */
static struct node_set set_of(unsigned mask)
{
    struct node_set set = {0};
    for (node_id id = 1; id < 32; id++)
        if ((mask >> id & 1) != 0)
            node_set_add(&set, id);
    return set;
}

static unsigned row_mask(const node_id *row, unsigned count)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < count; i++)
        mask |= 1u << row[i];
    return mask;
}

static unsigned bits(unsigned mask)
{
    return (unsigned)__builtin_popcount(mask);
}

/* Whether some majority of `owners` has no copy that `sources` could have brought. */
static bool a_majority_is_missed(unsigned owners, unsigned node, unsigned sources)
{
    for (unsigned held = owners;; held = (held - 1) & owners) {
        if (bits(held) > bits(owners) / 2 && (held & sources & ~node) == 0 && (held & ~node) != 0)
            return true;
        if (held == 0)
            return false;
    }
}

static void who_absorbed_every_majority_and_all_that_leave_is_complete(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 5; count++) {
        for (unsigned moves = 1; moves <= count && moves <= 3; moves++) {
            struct ring *ring = moving(count, moves, RING_JOINT);
            unsigned old = row_mask(ring_owners(ring, PARTITION), count);
            unsigned coming = row_mask(ring_coming_owners(ring, PARTITION), count);
            for (unsigned sources = 0; sources < 1u << 9; sources += 2) {
                struct node_set absorbed = set_of(sources);
                for (node_id node = 1; node <= 8; node++) {
                    unsigned self = 1u << node;
                    if (((old | coming) & self) == 0)
                        continue;
                    bool wanted = !a_majority_is_missed(old, self, sources) &&
                                  (old & ~coming & ~self & ~sources) == 0;
                    if (ring_is_complete(ring, PARTITION, node, &absorbed) != wanted)
                        fail_msg("%u owners, %u move: node %u with sources %x", count, moves,
                                 (unsigned)node, sources);
                }
            }
            ring_free(ring);
        }
    }
}

static void a_lost_store_is_no_source_that_is_waited_for(void **state)
{
    struct ring *ring = moving(3, 1, RING_JOINT);
    char reason[RING_REASON_MAX];
    struct node_set others = set_of(1 << 1 | 1 << 2);
    (void)state;
    assert_false(ring_is_complete(ring, PARTITION, 6, &others));
    assert_int_equal(ring_declare_lost(ring, PARTITION, ring_tag_of(ring, PARTITION), 3, reason),
                     STATUS_OK);
    assert_true(ring_is_complete(ring, PARTITION, 6, &others));
    others = set_of(1 << 1);
    assert_false(ring_is_complete(ring, PARTITION, 6, &others));
    ring_free(ring);
}

/* A write at LOCAL_QUORUM counts its region alone, so a majority of all is not enough of it. */
static void a_joining_owner_meets_the_majorities_of_its_region(void **state)
{
    struct ring *ring = fixture_ring("eu:2,us:3", 16);
    (void)state;
    for (node_id id = 1; id <= 3; id++)
        fixture_add(ring, id, "eu", "a", 1);
    for (node_id id = 4; id <= 7; id++)
        fixture_add(ring, id, "us", "b", 1);
    fixture_place(ring, NULL);
    static const node_id OWNERS[] = {1, 2, 4, 5, 6};
    memcpy(ring->owners + PARTITION * 5, OWNERS, sizeof OWNERS);
    struct ring_transition *transition = ring_add_transition(ring, PARTITION);
    transition->owners[4] = 7;
    struct node_set far = set_of(1 << 1 | 1 << 2 | 1 << 6);
    struct node_set near = set_of(1 << 1 | 1 << 5 | 1 << 6);
    assert_false(ring_is_complete(ring, PARTITION, 7, &far));
    assert_true(ring_is_complete(ring, PARTITION, 7, &near));
    ring_free(ring);
}

/* T4 and T8 in sets: nobody counts on what goes, and what only those that leave have is somewhere.
 */
static void it_ends_when_nobody_and_nothing_depends_on_those_that_leave(void **state)
{
    unsigned ended = 0;
    (void)state;
    for (unsigned moves = 1; moves <= 2; moves++) {
        for (unsigned lost = 0; lost < 1u << 8; lost += 2) {
            struct ring *ring = moving(3, moves, RING_SWITCHED);
            struct ring_transition *transition = &ring->transitions[0];
            unsigned old = row_mask(ring_owners(ring, PARTITION), 3);
            unsigned coming = row_mask(transition->owners, 3);
            unsigned leavers = old & ~coming & ~lost, joining = coming & ~old;
            if ((lost & ~(old | coming)) != 0) {
                ring_free(ring);
                continue;
            }
            for (node_id id = 1; id < 8; id++)
                if ((lost >> id & 1) != 0)
                    transition->lost[transition->lost_count++] = id;
            for (unsigned complete = coming;; complete = (complete - 1) & coming) {
                for (unsigned by = old;; by = (by - 1) & old) {
                    struct ring_evidence evidence = {.complete = set_of(complete),
                                                     .goes_by = set_of(by)};
                    bool wanted = (coming & ~lost & ~complete) == 0 && bits(complete) >= 2 &&
                                  (leavers == 0 || (complete & joining) != 0) &&
                                  (leavers & ~by) == 0 && bits(by) >= 2;
                    if (ring_may_finish(ring, PARTITION, &evidence) != wanted)
                        fail_msg("lost %x complete %x goes by %x", lost, complete, by);
                    ended += wanted;
                    if (by == 0)
                        break;
                }
                if (complete == 0)
                    break;
            }
            ring_free(ring);
        }
    }
    assert_true(ended > 0);
}

static void a_majority_in_every_region_is_asked_for(void **state)
{
    struct ring *ring = fixture_small_ring(); /* eu:2,us:1 */
    struct ring_transition *transition = ring_add_transition(ring, PARTITION);
    const node_id *row = ring_owners(ring, PARTITION);
    struct ring_evidence evidence = {0};
    (void)state;
    for (node_id id = 1; id <= 3; id++)
        if (!ring_owns(ring, id, PARTITION))
            transition->owners[0] = id;
    node_set_add(&evidence.complete, transition->owners[0]);
    node_set_add(&evidence.complete, row[1]);
    assert_false(ring_may_switch(ring, PARTITION, &evidence)); /* 2 of 3, and none of us */
    node_set_add(&evidence.complete, row[2]);
    assert_true(ring_may_switch(ring, PARTITION, &evidence));
    transition->phase = RING_SWITCHED;
    node_set_add(&evidence.goes_by, row[0]);
    node_set_add(&evidence.goes_by, row[1]);
    assert_false(ring_may_finish(ring, PARTITION, &evidence));
    node_set_add(&evidence.goes_by, row[2]);
    assert_true(ring_may_finish(ring, PARTITION, &evidence));
    ring_free(ring);
}

static void a_change_goes_through_its_phases(void **state)
{
    struct ring *ring = one_region(3);
    char reason[RING_REASON_MAX];
    static const node_id COMING[] = {1, 6, 2};
    struct ring_evidence all = {.complete = set_of(1 << 1 | 1 << 2 | 1 << 6),
                                .goes_by = set_of(1 << 1 | 1 << 2 | 1 << 3)};
    struct ring_tag tag = ring_tag_of(ring, PARTITION);
    (void)state;
    assert_int_equal(ring_begin(ring, PARTITION, tag, COMING, reason), STATUS_OK);
    tag.phase = RING_JOINT;
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, PARTITION), tag), 0);
    assert_int_equal(ring_switch(ring, PARTITION, tag, &all, reason), STATUS_OK);
    tag.phase = RING_SWITCHED;
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, PARTITION), tag), 0);
    assert_int_equal(ring_finish(ring, PARTITION, tag, &all, reason), STATUS_OK);
    tag = (struct ring_tag){.epoch = tag.epoch + 1, .phase = RING_STABLE};
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, PARTITION), tag), 0);
    assert_memory_equal(ring_owners(ring, PARTITION), COMING, sizeof COMING);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    ring_free(ring);
}

static void who_looked_too_early_changes_nothing(void **state)
{
    struct ring *ring = one_region(3);
    char reason[RING_REASON_MAX];
    static const node_id COMING[] = {1, 2, 6}, OTHER[] = {7, 2, 3};
    struct ring_evidence all = {.complete = set_of(1 << 1 | 1 << 2 | 1 << 6),
                                .goes_by = set_of(1 << 1 | 1 << 2 | 1 << 3)};
    struct ring_tag stable = ring_tag_of(ring, PARTITION);
    struct ring_tag joint = {.epoch = stable.epoch, .phase = RING_JOINT};
    (void)state;
    assert_int_equal(ring_begin(ring, PARTITION, stable, COMING, reason), STATUS_OK);
    assert_int_equal(ring_begin(ring, PARTITION, stable, OTHER, reason), STATUS_STALE_TAG);
    assert_memory_equal(ring_coming_owners(ring, PARTITION), COMING, sizeof COMING);
    assert_int_equal(ring_abort(ring, PARTITION, stable, reason), STATUS_STALE_TAG);
    assert_int_equal(ring_switch(ring, PARTITION, joint, &all, reason), STATUS_OK);
    assert_int_equal(ring_switch(ring, PARTITION, joint, &all, reason), STATUS_STALE_TAG);
    assert_int_equal(ring_abort(ring, PARTITION, joint, reason), STATUS_STALE_TAG);
    assert_int_equal(ring_finish(ring, PARTITION, joint, &all, reason), STATUS_STALE_TAG);
    assert_int_equal(ring_declare_lost(ring, PARTITION, joint, 3, reason), STATUS_STALE_TAG);
    assert_int_equal(ring_tag_of(ring, PARTITION).phase, RING_SWITCHED);
    ring_free(ring);
}

static void a_phase_is_never_left_out(void **state)
{
    struct ring *ring = one_region(3);
    char reason[RING_REASON_MAX];
    static const node_id COMING[] = {1, 2, 6}, SAME[] = {3, 2, 1};
    struct ring_evidence all = {.complete = set_of(1 << 1 | 1 << 2 | 1 << 6),
                                .goes_by = set_of(1 << 1 | 1 << 2 | 1 << 3)};
    struct ring_evidence none = {0};
    struct ring_tag tag = ring_tag_of(ring, PARTITION);
    (void)state;
    assert_int_equal(ring_switch(ring, PARTITION, tag, &all, reason), STATUS_INVALID);
    assert_int_equal(ring_finish(ring, PARTITION, tag, &all, reason), STATUS_INVALID);
    assert_int_equal(ring_abort(ring, PARTITION, tag, reason), STATUS_INVALID);
    assert_int_equal(ring_declare_lost(ring, PARTITION, tag, 1, reason), STATUS_INVALID);
    assert_int_equal(ring_begin(ring, PARTITION, tag, SAME, reason), STATUS_INVALID);
    assert_int_equal(ring->transition_count, 0);
    assert_int_equal(ring_begin(ring, PARTITION, tag, COMING, reason), STATUS_OK);
    tag.phase = RING_JOINT;
    assert_int_equal(ring_begin(ring, PARTITION, tag, COMING, reason), STATUS_INVALID);
    assert_int_equal(ring_finish(ring, PARTITION, tag, &all, reason), STATUS_INVALID);
    assert_int_equal(ring_switch(ring, PARTITION, tag, &none, reason), STATUS_INVALID);
    assert_int_equal(ring_switch(ring, PARTITION, tag, &all, reason), STATUS_OK);
    tag.phase = RING_SWITCHED;
    assert_int_equal(ring_abort(ring, PARTITION, tag, reason), STATUS_INVALID);
    assert_int_equal(ring_finish(ring, PARTITION, tag, &none, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "partition 3 cannot be finished"));
    ring_free(ring);
}

static void one_that_is_given_up_is_an_epoch_too(void **state)
{
    struct ring *ring = one_region(3);
    char reason[RING_REASON_MAX];
    static const node_id COMING[] = {1, 2, 6}, OLD[] = {1, 2, 3};
    struct ring_tag tag = ring_tag_of(ring, PARTITION);
    (void)state;
    assert_int_equal(ring_begin(ring, PARTITION, tag, COMING, reason), STATUS_OK);
    tag.phase = RING_JOINT;
    assert_int_equal(ring_abort(ring, PARTITION, tag, reason), STATUS_OK);
    assert_int_equal(ring_tag_of(ring, PARTITION).epoch, tag.epoch + 1);
    assert_int_equal(ring_tag_of(ring, PARTITION).phase, RING_STABLE);
    assert_memory_equal(ring_owners(ring, PARTITION), OLD, sizeof OLD);
    ring_free(ring);
}

static void a_lost_store_is_noted_once_and_in_order(void **state)
{
    struct ring *ring = moving(3, 1, RING_SWITCHED);
    char reason[RING_REASON_MAX];
    struct ring_tag tag = ring_tag_of(ring, PARTITION);
    static const node_id ORDER[] = {6, 1, 3, 1};
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ring_declare_lost(ring, PARTITION, tag, ORDER[i], reason), STATUS_OK);
    assert_int_equal(ring->transitions[0].lost_count, 3);
    assert_int_equal(ring_validate(ring, reason), STATUS_OK);
    assert_int_equal(ring_declare_lost(ring, PARTITION, tag, 7, reason), STATUS_INVALID);
    assert_int_equal(ring_tag_compare(ring_tag_of(ring, PARTITION), tag), 0);
    ring_free(ring);
}

static void the_last_epoch_begins_nothing(void **state)
{
    struct ring *ring = one_region(3);
    char reason[RING_REASON_MAX];
    static const node_id COMING[] = {1, 2, 6};
    (void)state;
    ring_set_epoch(ring, PARTITION, UINT32_MAX);
    assert_int_equal(ring_begin(ring, PARTITION, ring_tag_of(ring, PARTITION), COMING, reason),
                     STATUS_INVALID);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_absorbed_every_majority_and_all_that_leave_is_complete),
        cmocka_unit_test(a_lost_store_is_no_source_that_is_waited_for),
        cmocka_unit_test(a_joining_owner_meets_the_majorities_of_its_region),
        cmocka_unit_test(it_ends_when_nobody_and_nothing_depends_on_those_that_leave),
        cmocka_unit_test(a_majority_in_every_region_is_asked_for),
        cmocka_unit_test(a_change_goes_through_its_phases),
        cmocka_unit_test(who_looked_too_early_changes_nothing),
        cmocka_unit_test(a_phase_is_never_left_out),
        cmocka_unit_test(one_that_is_given_up_is_an_epoch_too),
        cmocka_unit_test(a_lost_store_is_noted_once_and_in_order),
        cmocka_unit_test(the_last_epoch_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
