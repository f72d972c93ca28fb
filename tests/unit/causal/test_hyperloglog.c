#include "causal/hyperloglog.h"

#include "causal_test.h"

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "causal/counter.h"

static void add_number(struct hyperloglog *sketch, uint64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    hyperloglog_add(sketch, slice_make(text, (size_t)length));
}

/* A few elements up to far more than the sparse form takes, of a space in which some repeat. */
static void random_sketch(struct random *random, struct hyperloglog *out)
{
    uint64_t count = random_below(random, random_chance(random, 1, 3) ? 8000 : 300);
    memset(out, 0, sizeof *out);
    while (count-- > 0)
        add_number(out, random_below(random, 20000));
}

static struct hyperloglog joined(const struct hyperloglog *a, const struct hyperloglog *b)
{
    struct hyperloglog out = *a;
    struct buffer bytes = {0};
    hyperloglog_encode(b, &bytes);
    assert_int_equal(hyperloglog_join(&out, buffer_slice(&bytes), NULL), HYPERLOGLOG_SOUND);
    buffer_deinit(&bytes);
    return out;
}

static void assert_same(const struct hyperloglog *a, const struct hyperloglog *b)
{
    assert_memory_equal(a->registers, b->registers, sizeof a->registers);
}

static void joins_are_idempotent_commutative_and_associative(void **state)
{
    struct random random = random_make(81);
    (void)state;
    for (unsigned round = 0; round < 60; round++) {
        struct hyperloglog a, b, c;
        random_sketch(&random, &a);
        random_sketch(&random, &b);
        random_sketch(&random, &c);
        struct hyperloglog ab = joined(&a, &b), ba = joined(&b, &a), bc = joined(&b, &c);
        struct hyperloglog left = joined(&ab, &c), right = joined(&a, &bc), aa = joined(&a, &a);
        assert_same(&ab, &ba);
        assert_same(&left, &right);
        assert_same(&aa, &a);
    }
}

static void equal_registers_have_equal_bytes_and_come_back(void **state)
{
    struct random random = random_make(82);
    unsigned sparse = 0;
    (void)state;
    for (unsigned round = 0; round < 100; round++) {
        struct hyperloglog sketch, back = {{0}};
        struct buffer once = {0}, twice = {0};
        bool changed = false;
        random_sketch(&random, &sketch);
        hyperloglog_encode(&sketch, &once);
        assert_int_equal(hyperloglog_join(&back, buffer_slice(&once), &changed), HYPERLOGLOG_SOUND);
        assert_same(&back, &sketch);
        hyperloglog_encode(&back, &twice);
        assert_true(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
        assert_true(once.length <= HYPERLOGLOG_BYTES_MAX);
        sparse += once.length < HYPERLOGLOG_BYTES_MAX;
        changed = false;
        assert_int_equal(hyperloglog_join(&back, buffer_slice(&once), &changed), HYPERLOGLOG_SOUND);
        assert_false(changed);
        buffer_deinit(&once);
        buffer_deinit(&twice);
    }
    assert_in_range(sparse, 10, 90);
}

/* A rank above what a run can tell. */
static void a_high_rank_is_told_by_the_dense_form(void **state)
{
    struct hyperloglog sketch = {{0}}, back = {{0}};
    struct buffer bytes = {0};
    (void)state;
    sketch.registers[HYPERLOGLOG_REGISTERS - 1] = HYPERLOGLOG_RANK_MAX;
    hyperloglog_encode(&sketch, &bytes);
    assert_int_equal(bytes.length, HYPERLOGLOG_BYTES_MAX);
    assert_int_equal(hyperloglog_join(&back, buffer_slice(&bytes), NULL), HYPERLOGLOG_SOUND);
    assert_same(&back, &sketch);
    buffer_deinit(&bytes);
}

/* Whatever is cut off, put behind or changed: nothing is joined, or registers that are in range. */
static void damaged_bytes_are_refused_or_in_range(void **state)
{
    struct random random = random_make(83);
    (void)state;
    for (unsigned round = 0; round < 400; round++) {
        struct hyperloglog sketch, back = {{0}}, nothing = {{0}};
        struct buffer bytes = {0};
        random_sketch(&random, &sketch);
        hyperloglog_encode(&sketch, &bytes);
        size_t cut = (size_t)random_below(&random, bytes.length);
        if (random_chance(&random, 1, 2))
            bytes.length = cut;
        else if (random_chance(&random, 1, 3))
            buffer_put_u8(&bytes, (uint8_t)random_below(&random, 256));
        else
            bytes.data[cut] ^= (uint8_t)(1 + random_below(&random, 255));
        if (hyperloglog_join(&back, buffer_slice(&bytes), NULL) != HYPERLOGLOG_SOUND)
            assert_same(&back, &nothing);
        for (unsigned i = 0; i < HYPERLOGLOG_REGISTERS; i++)
            assert_true(back.registers[i] <= HYPERLOGLOG_RANK_MAX);
        assert_true(hyperloglog_count(&back) > 0 || memcmp(&back, &nothing, sizeof back) == 0);
        buffer_deinit(&bytes);
    }
}

/* What redis-server 7.0.15 answers for the same elements. */
static void counts_are_those_of_redis(void **state)
{
    static const uint64_t counts[] = {1, 10, 100, 1001, 9987, 99565, 1009972};
    struct hyperloglog sketch = {{0}};
    uint64_t added = 0, wanted = 1;
    (void)state;
    assert_int_equal(hyperloglog_count(&sketch), 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++, wanted *= 10) {
        for (; added < wanted; added++)
            add_number(&sketch, added);
        assert_int_equal(hyperloglog_count(&sketch), counts[i]);
    }
}

static struct sibling sketch_of(node_id node, hybrid_time time, struct slice value)
{
    return (struct sibling){.dot = dot_of(node, 1),
                            .time = time,
                            .kind = SIBLING_STRING,
                            .sketch = true,
                            .value = value};
}

/* Two owners that did not see each other: last-writer-wins would lose the elements of one. */
static void concurrent_sketches_are_shown_joined(void **state)
{
    struct hyperloglog first = {{0}}, second = {{0}}, both = {{0}};
    struct buffer one = {0}, two = {0}, text = {0};
    struct cell a = {0}, b = {0}, merged;
    struct sibling shown;
    (void)state;
    add_number(&first, 1);
    add_number(&second, 2);
    hyperloglog_encode(&first, &one);
    hyperloglog_encode(&second, &two);
    struct sibling of_a = sketch_of(1, 5, buffer_slice(&one));
    struct sibling of_b = sketch_of(2, 6, buffer_slice(&two));
    cell_insert(&a, &of_a);
    cell_insert(&b, &of_b);
    assert_int_equal(cell_merge(&a, &b, MERGE_LWW, &merged), 0);
    assert_int_equal(merged.count, 2);
    assert_true(cell_shown(&merged, 1, &text, &shown));
    assert_int_equal(hyperloglog_join(&both, shown.value, NULL), HYPERLOGLOG_SOUND);
    assert_int_equal(hyperloglog_count(&both), 2);
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
    buffer_deinit(&one);
    buffer_deinit(&two);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins_are_idempotent_commutative_and_associative),
        cmocka_unit_test(equal_registers_have_equal_bytes_and_come_back),
        cmocka_unit_test(a_high_rank_is_told_by_the_dense_form),
        cmocka_unit_test(damaged_bytes_are_refused_or_in_range),
        cmocka_unit_test(counts_are_those_of_redis),
        cmocka_unit_test(concurrent_sketches_are_shown_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
