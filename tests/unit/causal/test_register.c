#include "causal/register.h"

#include "causal_test.h"

enum { NOW_MS = 1000, VALUE_BYTES_MAX = 64 };

/* One evaluation and what it may borrow from. */
struct run {
    struct sibling seen;
    struct buffer built;
    struct register_effect effect;
    enum status status;
};

/* `seen` NULL: nothing is visible. The caller ends with end(). */
static struct run run(struct mutation mutation, const char *seen, uint64_t seen_expire_at_ms)
{
    struct run run = {.seen = {.kind = SIBLING_STRING, .expire_at_ms = seen_expire_at_ms}};
    if (seen != NULL)
        run.seen.value = slice_text(seen);
    run.status = register_mutate(&mutation, seen != NULL ? &run.seen : NULL, NOW_MS,
                                 VALUE_BYTES_MAX, &run.built, &run.effect);
    return run;
}

static void end(struct run *run)
{
    buffer_deinit(&run->built);
}

static void assert_writes(struct run run, const char *value, uint64_t expire_at_ms, int64_t number)
{
    assert_int_equal(run.status, STATUS_OK);
    assert_true(run.effect.write);
    assert_int_equal(run.effect.kind, SIBLING_STRING);
    assert_true(slice_equal(run.effect.value, slice_text(value)));
    assert_int_equal(run.effect.expire_at_ms, expire_at_ms);
    assert_int_equal(run.effect.number, number);
    end(&run);
}

static void assert_deletes(struct run run, int64_t number)
{
    assert_int_equal(run.status, STATUS_OK);
    assert_true(run.effect.write);
    assert_int_equal(run.effect.kind, SIBLING_TOMBSTONE);
    assert_int_equal(run.effect.value.length, 0);
    assert_int_equal(run.effect.expire_at_ms, 0);
    assert_int_equal(run.effect.number, number);
    end(&run);
}

static void assert_writes_nothing(struct run run, int64_t number)
{
    assert_int_equal(run.status, STATUS_OK);
    assert_false(run.effect.write);
    assert_int_equal(run.effect.number, number);
    end(&run);
}

static void assert_too_large(struct run run)
{
    assert_int_equal(run.status, STATUS_TOO_LARGE);
    assert_false(run.effect.write);
    end(&run);
}

static struct mutation set(const char *value, uint16_t flags, uint64_t expire_at_ms)
{
    return (struct mutation){.operation = REGISTER_SET,
                             .flags = flags,
                             .expire_at_ms = expire_at_ms,
                             .value = slice_text(value)};
}

static struct mutation append(const char *value)
{
    return (struct mutation){.operation = REGISTER_APPEND, .value = slice_text(value)};
}

static struct mutation set_range(uint64_t offset, const char *value)
{
    return (struct mutation){
        .operation = REGISTER_SET_RANGE, .offset = offset, .value = slice_text(value)};
}

static struct mutation expire(uint64_t expire_at_ms, uint16_t flags)
{
    return (struct mutation){
        .operation = REGISTER_EXPIRE, .flags = flags, .expire_at_ms = expire_at_ms};
}

static struct mutation plain(enum register_operation operation, uint16_t flags)
{
    return (struct mutation){.operation = (uint8_t)operation, .flags = flags};
}

static void set_replaces_value_and_expiry(void **state)
{
    (void)state;
    assert_writes(run(set("new", 0, 0), NULL, 0), "new", 0, 1);
    assert_writes(run(set("new", 0, 0), "old", 5000), "new", 0, 1);
    assert_writes(run(set("new", 0, 2000), "old", 5000), "new", 2000, 1);
    assert_writes(run(set("", 0, 0), "old", 0), "", 0, 1);
}

static void set_can_keep_the_expiry(void **state)
{
    (void)state;
    assert_writes(run(set("new", MUTATION_KEEP_EXPIRY, 0), "old", 5000), "new", 5000, 1);
    assert_writes(run(set("new", MUTATION_KEEP_EXPIRY, 0), NULL, 0), "new", 0, 1);
}

static void set_obeys_its_condition(void **state)
{
    (void)state;
    assert_writes(run(set("new", MUTATION_IF_ABSENT, 0), NULL, 0), "new", 0, 1);
    assert_writes_nothing(run(set("new", MUTATION_IF_ABSENT, 0), "old", 0), 0);
    assert_writes(run(set("new", MUTATION_IF_PRESENT, 0), "old", 0), "new", 0, 1);
    assert_writes_nothing(run(set("new", MUTATION_IF_PRESENT, 0), NULL, 0), 0);
}

static void the_old_value_is_returned_whether_or_not_set_writes(void **state)
{
    (void)state;
    struct run wrote = run(set("new", MUTATION_RETURN_OLD, 0), "old", 0);
    assert_true(wrote.effect.write);
    assert_true(wrote.effect.has_old);
    assert_true(slice_equal(wrote.effect.old, slice_text("old")));
    end(&wrote);
    struct run refused = run(set("new", MUTATION_RETURN_OLD | MUTATION_IF_ABSENT, 0), "old", 0);
    assert_false(refused.effect.write);
    assert_true(refused.effect.has_old);
    assert_true(slice_equal(refused.effect.old, slice_text("old")));
    end(&refused);
    struct run fresh = run(set("new", MUTATION_RETURN_OLD | MUTATION_IF_ABSENT, 0), NULL, 0);
    assert_true(fresh.effect.write);
    assert_false(fresh.effect.has_old);
    end(&fresh);
    struct run not_asked = run(set("new", 0, 0), "old", 0);
    assert_false(not_asked.effect.has_old);
    end(&not_asked);
}

static void set_with_a_past_expiry_leaves_the_key_absent(void **state)
{
    (void)state;
    assert_deletes(run(set("new", 0, NOW_MS), "old", 0), 1);
    assert_deletes(run(set("new", 0, 1), "old", 5000), 1);
    assert_deletes(run(set("new", MUTATION_IF_PRESENT, 1), "old", 0), 1);
    assert_writes(run(set("new", 0, NOW_MS + 1), "old", 0), "new", NOW_MS + 1, 1);
}

/* After a quorum read "nothing there" is known; after none, other owners may hold a value. */
static void a_past_expiry_over_nothing_writes_only_when_nothing_was_not_read(void **state)
{
    (void)state;
    assert_writes_nothing(run(set("new", MUTATION_IF_ABSENT, 1), NULL, 0), 1);
    assert_writes_nothing(run(set("new", MUTATION_RETURN_OLD, 1), NULL, 0), 1);
    assert_deletes(run(set("new", 0, 1), NULL, 0), 1);
}

static void delete_needs_something_there(void **state)
{
    (void)state;
    assert_deletes(run(plain(REGISTER_DELETE, 0), "old", 5000), 1);
    assert_writes_nothing(run(plain(REGISTER_DELETE, 0), NULL, 0), 0);
    struct run get_and_delete = run(plain(REGISTER_DELETE, MUTATION_RETURN_OLD), "old", 0);
    assert_true(get_and_delete.effect.has_old);
    assert_true(slice_equal(get_and_delete.effect.old, slice_text("old")));
    assert_deletes(get_and_delete, 1);
}

static void append_keeps_the_expiry_and_answers_the_length(void **state)
{
    (void)state;
    assert_writes(run(append("def"), "abc", 5000), "abcdef", 5000, 6);
    assert_writes(run(append("def"), NULL, 0), "def", 0, 3);
    assert_writes(run(append("def"), "", 5000), "def", 5000, 3);
    assert_writes(run(append(""), "abc", 5000), "abc", 5000, 3);
    assert_writes(run(append(""), NULL, 0), "", 0, 0);
}

static void set_range_patches_pads_and_extends(void **state)
{
    (void)state;
    assert_writes(run(set_range(6, "Redis"), "Hello World", 5000), "Hello Redis", 5000, 11);
    assert_writes(run(set_range(0, "J"), "Hello", 0), "Jello", 0, 5);
    assert_writes(run(set_range(3, "xyz"), "Hello", 0), "Helxyz", 0, 6);
    assert_writes(run(set_range(0, "abc"), NULL, 0), "abc", 0, 3);
    struct run padded = run(set_range(5, "x"), "ab", 0);
    assert_true(slice_equal(padded.effect.value, slice_make("ab\0\0\0x", 6)));
    assert_int_equal(padded.effect.number, 6);
    end(&padded);
}

static void set_range_with_nothing_answers_the_present_length(void **state)
{
    (void)state;
    assert_writes_nothing(run(set_range(0, ""), "abc", 0), 3);
    assert_writes_nothing(run(set_range(UINT64_MAX, ""), "abc", 0), 3);
    assert_writes_nothing(run(set_range(9, ""), NULL, 0), 0);
}

static void what_would_grow_above_the_limit_is_refused(void **state)
{
    char full[VALUE_BYTES_MAX + 2];
    (void)state;
    memset(full, 'x', sizeof full);
    full[VALUE_BYTES_MAX + 1] = '\0';
    assert_too_large(run(set(full, 0, 0), NULL, 0));
    assert_writes_nothing(run(set(full, MUTATION_IF_ABSENT, 0), "old", 0), 0);
    full[VALUE_BYTES_MAX] = '\0';
    assert_writes(run(set(full, 0, 0), NULL, 0), full, 0, 1);
    assert_too_large(run(append("y"), full, 0));
    assert_too_large(run(append(full), "y", 0));
    assert_writes(run(append(full), NULL, 0), full, 0, VALUE_BYTES_MAX);
    assert_too_large(run(set_range(VALUE_BYTES_MAX, "y"), NULL, 0));
    assert_too_large(run(set_range(UINT64_MAX, "yy"), "abc", 0));
    struct run last_byte = run(set_range(VALUE_BYTES_MAX - 1, "y"), NULL, 0);
    assert_int_equal(last_byte.effect.number, VALUE_BYTES_MAX);
    end(&last_byte);
}

static void expire_sets_or_deletes_what_is_there(void **state)
{
    (void)state;
    assert_writes(run(expire(5000, 0), "old", 0), "old", 5000, 1);
    assert_writes(run(expire(5000, 0), "old", 3000), "old", 5000, 1);
    assert_deletes(run(expire(NOW_MS, 0), "old", 0), 1);
    assert_deletes(run(expire(0, 0), "old", 0), 1);
    assert_writes_nothing(run(expire(5000, 0), NULL, 0), 0);
    assert_writes_nothing(run(expire(1, 0), NULL, 0), 0);
}

static void expire_obeys_its_condition(void **state)
{
    (void)state;
    assert_writes(run(expire(5000, MUTATION_EXPIRY_NX), "v", 0), "v", 5000, 1);
    assert_writes_nothing(run(expire(5000, MUTATION_EXPIRY_NX), "v", 3000), 0);
    assert_writes(run(expire(5000, MUTATION_EXPIRY_XX), "v", 3000), "v", 5000, 1);
    assert_writes_nothing(run(expire(5000, MUTATION_EXPIRY_XX), "v", 0), 0);
    assert_writes(run(expire(5000, MUTATION_EXPIRY_GT), "v", 4999), "v", 5000, 1);
    assert_writes_nothing(run(expire(5000, MUTATION_EXPIRY_GT), "v", 5000), 0);
    assert_writes_nothing(run(expire(5000, MUTATION_EXPIRY_GT), "v", 0), 0);
    assert_writes(run(expire(5000, MUTATION_EXPIRY_LT), "v", 5001), "v", 5000, 1);
    assert_writes(run(expire(5000, MUTATION_EXPIRY_LT), "v", 0), "v", 5000, 1);
    assert_writes_nothing(run(expire(5000, MUTATION_EXPIRY_LT), "v", 5000), 0);
    /* A condition that fails also saves the value from a time in the past. */
    assert_writes_nothing(run(expire(1, MUTATION_EXPIRY_GT), "v", 0), 0);
    assert_deletes(run(expire(1, MUTATION_EXPIRY_LT), "v", 0), 1);
}

static void expire_can_return_the_value(void **state)
{
    (void)state;
    struct run there = run(expire(5000, MUTATION_RETURN_OLD), "v", 0);
    assert_true(there.effect.has_old);
    assert_true(slice_equal(there.effect.old, slice_text("v")));
    assert_writes(there, "v", 5000, 1);
    struct run deleted = run(expire(1, MUTATION_RETURN_OLD), "v", 0);
    assert_true(deleted.effect.has_old);
    assert_deletes(deleted, 1);
    struct run absent = run(expire(5000, MUTATION_RETURN_OLD), NULL, 0);
    assert_false(absent.effect.has_old);
    assert_writes_nothing(absent, 0);
}

static void persist_removes_an_expiry_that_is_there(void **state)
{
    (void)state;
    assert_writes(run(plain(REGISTER_PERSIST, 0), "v", 5000), "v", 0, 1);
    assert_writes_nothing(run(plain(REGISTER_PERSIST, 0), "v", 0), 0);
    assert_writes_nothing(run(plain(REGISTER_PERSIST, 0), NULL, 0), 0);
    struct run kept = run(plain(REGISTER_PERSIST, MUTATION_RETURN_OLD), "v", 0);
    assert_true(kept.effect.has_old);
    assert_writes_nothing(kept, 0);
}

static void only_a_plain_set_does_not_read(void **state)
{
    (void)state;
    struct mutation mutation = set("v", 0, 0);
    assert_false(mutation_reads(&mutation));
    mutation = set("v", 0, 5000);
    assert_false(mutation_reads(&mutation));
    const uint16_t reading[] = {MUTATION_IF_ABSENT, MUTATION_IF_PRESENT, MUTATION_KEEP_EXPIRY,
                                MUTATION_RETURN_OLD};
    for (unsigned i = 0; i < 4; i++) {
        mutation = set("v", reading[i], 0);
        assert_true(mutation_reads(&mutation));
    }
    for (unsigned operation = REGISTER_DELETE; operation < REGISTER_OPERATION_COUNT; operation++) {
        mutation = plain((enum register_operation)operation, 0);
        assert_true(mutation_reads(&mutation));
    }
}

static void what_was_built_before_is_forgotten(void **state)
{
    struct sibling seen = {.kind = SIBLING_STRING, .value = slice_text("abc")};
    struct mutation mutation = append("def");
    struct buffer built = {0};
    struct register_effect effect;
    (void)state;
    buffer_append(&built, "left over", 9);
    assert_int_equal(register_mutate(&mutation, &seen, NOW_MS, VALUE_BYTES_MAX, &built, &effect),
                     STATUS_OK);
    assert_true(slice_equal(effect.value, slice_text("abcdef")));
    buffer_deinit(&built);
}

static bool recode_mutation(struct slice bytes, struct buffer *again)
{
    struct reader reader = reader_make(bytes);
    struct mutation mutation;
    mutation_decode(&reader, &mutation);
    if (reader.failed) {
        assert_int_equal(mutation.operation, 0);
        assert_int_equal(mutation.value.length, 0);
    }
    if (reader_end(&reader) != STATUS_OK)
        return false;
    mutation_encode(&mutation, again);
    return true;
}

static void encoded_mutations_come_back_and_damage_is_seen(void **state)
{
    (void)state;
    const struct mutation mutations[] = {
        set("value", MUTATION_FLAGS_ALL, UINT64_MAX), set_range(1u << 20, "x"), append(""),
        expire(1700000000000, MUTATION_EXPIRY_GT), plain(REGISTER_PERSIST, MUTATION_RETURN_OLD)};
    for (size_t i = 0; i < sizeof mutations / sizeof mutations[0]; i++) {
        struct buffer bytes = {0};
        struct mutation back;
        mutation_encode(&mutations[i], &bytes);
        struct reader reader = reader_make(buffer_slice(&bytes));
        mutation_decode(&reader, &back);
        assert_int_equal(reader_end(&reader), STATUS_OK);
        assert_int_equal(back.operation, mutations[i].operation);
        assert_int_equal(back.flags, mutations[i].flags);
        assert_int_equal(back.expire_at_ms, mutations[i].expire_at_ms);
        assert_int_equal(back.offset, mutations[i].offset);
        assert_true(slice_equal(back.value, mutations[i].value));
        assert_every_truncation_fails(recode_mutation, &bytes);
        assert_every_flip_fails_or_stays_canonical(recode_mutation, &bytes);
        buffer_deinit(&bytes);
    }
    assert_random_bytes_stand(recode_mutation, 61, 20000);
}

static void unknown_operations_and_flags_fail(void **state)
{
    (void)state;
    const uint64_t bad[][2] = {{REGISTER_OPERATION_COUNT, 0},
                               {255, 0},
                               {REGISTER_SET, MUTATION_FLAGS_ALL + 1},
                               {REGISTER_SET, 1 << 16}};
    for (unsigned i = 0; i < 4; i++) {
        struct buffer bytes = {0};
        buffer_put_u8(&bytes, (uint8_t)bad[i][0]);
        buffer_put_varint(&bytes, bad[i][1]);
        buffer_put_varint(&bytes, 0);
        buffer_put_varint(&bytes, 0);
        buffer_put_bytes(&bytes, slice_make(NULL, 0));
        assert_false(stands(recode_mutation, bytes.data, bytes.length));
        buffer_deinit(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_replaces_value_and_expiry),
        cmocka_unit_test(set_can_keep_the_expiry),
        cmocka_unit_test(set_obeys_its_condition),
        cmocka_unit_test(the_old_value_is_returned_whether_or_not_set_writes),
        cmocka_unit_test(set_with_a_past_expiry_leaves_the_key_absent),
        cmocka_unit_test(a_past_expiry_over_nothing_writes_only_when_nothing_was_not_read),
        cmocka_unit_test(delete_needs_something_there),
        cmocka_unit_test(append_keeps_the_expiry_and_answers_the_length),
        cmocka_unit_test(set_range_patches_pads_and_extends),
        cmocka_unit_test(set_range_with_nothing_answers_the_present_length),
        cmocka_unit_test(what_would_grow_above_the_limit_is_refused),
        cmocka_unit_test(expire_sets_or_deletes_what_is_there),
        cmocka_unit_test(expire_obeys_its_condition),
        cmocka_unit_test(expire_can_return_the_value),
        cmocka_unit_test(persist_removes_an_expiry_that_is_there),
        cmocka_unit_test(only_a_plain_set_does_not_read),
        cmocka_unit_test(what_was_built_before_is_forgotten),
        cmocka_unit_test(encoded_mutations_come_back_and_damage_is_seen),
        cmocka_unit_test(unknown_operations_and_flags_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
