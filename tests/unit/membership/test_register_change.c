/*
 * test_register_change.c - what each change makes of a value, and what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../ring/ring_fixture.h"
#include "membership/register_change.h"

static enum status apply(const struct register_change *change, struct register_value **value,
                         char reason[REGISTER_REASON_MAX])
{
    static uint64_t round; /* ids only have to differ */
    struct register_value *next;
    enum status status =
        register_change_apply(change, (struct ballot){++round, 1, 1}, *value, &next, reason);
    if (status == STATUS_OK) {
        assert_true(next->seq == (*value)->seq + 1);
        register_value_free(*value);
        *value = next;
    }
    return status;
}

static struct register_change create(const char *name, int number)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_CREATE,
                                     .any_number = number < 0};
    snprintf(change.keyspace.name, sizeof change.keyspace.name, "%s", name);
    change.keyspace.number = number < 0 ? 0 : (keyspace_id)number;
    return change;
}

static void a_keyspace_is_created_once(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    (void)state;
    struct register_change change = create("one", -1);
    assert_int_equal(apply(&change, &value, reason), STATUS_OK);
    assert_string_equal(ring_keyspace(value->ring, 1)->name, "one");
    assert_int_equal(apply(&change, &value, reason), STATUS_INVALID);
    assert_string_equal(reason, "there is a keyspace one already, number 1");
    change = create("two", 7);
    assert_int_equal(apply(&change, &value, reason), STATUS_INVALID);
    assert_string_equal(reason, "keyspace number 7 is taken by carts");
    change = create("Bad Name", -1);
    assert_int_equal(apply(&change, &value, reason), STATUS_INVALID);
    assert_true(value->seq == 1);
    register_value_free(value);
    ring_free(ring);
}

static void there_are_so_many_keyspaces(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX], name[16];
    (void)state;
    for (unsigned i = 0; i < RING_KEYSPACES_MAX - 2; i++) {
        snprintf(name, sizeof name, "k%u", i);
        struct register_change change = create(name, -1);
        assert_int_equal(apply(&change, &value, reason), STATUS_OK);
    }
    struct register_change change = create("last", -1);
    assert_int_equal(apply(&change, &value, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "64 keyspaces"));
    register_value_free(value);
    ring_free(ring);
}

static struct register_change drop(const char *name)
{
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_DROP};
    strcpy(change.keyspace.name, name);
    return change;
}

/* What is stored under the id of the dropped one is nothing of the new one. */
static void a_number_that_is_used_again_has_another_id(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    (void)state;
    for (unsigned life = 0; life < 3; life++) {
        keyspace_id id = ring_keyspace_id(value->ring, ring_keyspace_numbered(value->ring, 7));
        assert_int_equal(id, 7 + 64 * life);
        assert_false(ring_keyspace_is_dropped(value->ring, id));
        struct register_change gone = drop("carts");
        assert_int_equal(apply(&gone, &value, reason), STATUS_OK);
        assert_null(ring_keyspace(value->ring, id));
        assert_null(ring_keyspace_numbered(value->ring, 7));
        assert_true(ring_keyspace_is_dropped(value->ring, id));
        assert_false(ring_keyspace_is_dropped(value->ring, (keyspace_id)(id + 64)));
        struct register_change again = create("carts", 7);
        assert_int_equal(apply(&again, &value, reason), STATUS_OK);
        assert_null(ring_keyspace(value->ring, id));
    }
    register_value_free(value);
    ring_free(ring);
}

static void dropping_takes_the_named_one_alone(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    struct register_change last = create("last", 9), gone = drop("carts");
    (void)state;
    assert_int_equal(apply(&last, &value, reason), STATUS_OK);
    assert_int_equal(apply(&gone, &value, reason), STATUS_OK);
    assert_int_equal(value->ring->keyspace_count, 2);
    assert_string_equal(value->ring->keyspaces[0].name, "default");
    assert_string_equal(value->ring->keyspaces[1].name, "last");
    assert_int_equal(apply(&gone, &value, reason), STATUS_INVALID);
    assert_string_equal(reason, "there is no keyspace carts");
    register_value_free(value);
    ring_free(ring);
}

static void the_keyspace_that_connections_begin_with_stays(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    struct register_change gone = drop("default");
    (void)state;
    assert_int_equal(apply(&gone, &value, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "cannot be dropped"));
    assert_non_null(ring_keyspace_numbered(value->ring, 0));
    register_value_free(value);
    ring_free(ring);
}

/* An id has 16 bits. */
static void a_number_is_used_up_after_so_many_keyspaces(void **state)
{
    struct ring *ring = fixture_small_ring();
    char reason[REGISTER_REASON_MAX];
    struct register_change gone = drop("carts"), again = create("carts", 7);
    struct register_change other = create("other", -1);
    (void)state;
    ring->keyspace_drops[7] = RING_KEYSPACE_DROPS_MAX - 1;
    ring->keyspace_drops[1] = RING_KEYSPACE_DROPS_MAX;
    struct register_value *value = register_value_first(ring);
    assert_int_equal(apply(&gone, &value, reason), STATUS_OK);
    assert_int_equal(apply(&again, &value, reason), STATUS_INVALID);
    assert_non_null(strstr(reason, "take another"));
    assert_int_equal(apply(&other, &value, reason), STATUS_OK);
    assert_non_null(ring_keyspace_numbered(value->ring, 2)); /* 1 is used up */
    register_value_free(value);
    ring_free(ring);
}

static void setting_changes_the_named_fields_alone(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    struct register_change change = {.kind = REGISTER_CHANGE_KEYSPACE_SET,
                                     .fields = KEYSPACE_DEFAULT_TTL | KEYSPACE_SLOPPY,
                                     .keyspace = {.name = "carts", .default_ttl_ms = 5}};
    (void)state;
    assert_int_equal(apply(&change, &value, reason), STATUS_OK);
    const struct ring_keyspace *carts = ring_keyspace(value->ring, 7);
    assert_true(carts->default_ttl_ms == 5);
    assert_false(carts->sloppy);
    assert_int_equal(carts->policy, KEYSPACE_SIBLINGS);
    assert_int_equal(carts->siblings_max, 9);
    strcpy(change.keyspace.name, "trolleys");
    assert_int_equal(apply(&change, &value, reason), STATUS_INVALID);
    assert_string_equal(reason, "there is no keyspace trolleys");
    register_value_free(value);
    ring_free(ring);
}

static void a_steward_with_a_new_store_returns_in_two_steps(void **state)
{
    struct ring *ring = fixture_small_ring();
    struct register_value *value = register_value_first(ring);
    char reason[REGISTER_REASON_MAX];
    struct register_change back = {.kind = REGISTER_CHANGE_STEWARD_RETURN,
                                   .steward = {.node = 3, .incarnation = 4}};
    struct register_change settle = {.kind = REGISTER_CHANGE_STEWARDS_SETTLE};
    struct register_value *next;
    (void)state;
    assert_int_equal(apply(&back, &value, reason), STATUS_OK);
    assert_true(steward_set_find(&value->stewards, 3, 1) >= 0);
    assert_true(steward_set_find(&value->coming, 3, 4) >= 0);
    assert_int_equal(value->coming.count, 5);
    /* One change of stewards at a time. */
    back.steward.node = 2;
    assert_int_equal(register_change_apply(&back, (struct ballot){900, 1, 1}, value, &next, reason),
                     STATUS_OK);
    assert_null(next);
    assert_int_equal(apply(&settle, &value, reason), STATUS_OK);
    assert_int_equal(value->coming.count, 0);
    assert_true(steward_set_find(&value->stewards, 3, 4) >= 0);
    assert_int_equal(steward_set_find(&value->stewards, 3, 1), -1);
    assert_int_equal(
        register_change_apply(&settle, (struct ballot){901, 1, 1}, value, &next, reason),
        STATUS_OK);
    assert_null(next);
    /* An older store is none to return with. */
    back.steward = (struct steward){.node = 3, .incarnation = 2};
    assert_int_equal(register_change_apply(&back, (struct ballot){902, 1, 1}, value, &next, reason),
                     STATUS_OK);
    assert_null(next);
    register_value_free(value);
    ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyspace_is_created_once),
        cmocka_unit_test(there_are_so_many_keyspaces),
        cmocka_unit_test(a_number_that_is_used_again_has_another_id),
        cmocka_unit_test(dropping_takes_the_named_one_alone),
        cmocka_unit_test(the_keyspace_that_connections_begin_with_stays),
        cmocka_unit_test(a_number_is_used_up_after_so_many_keyspaces),
        cmocka_unit_test(setting_changes_the_named_fields_alone),
        cmocka_unit_test(a_steward_with_a_new_store_returns_in_two_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
