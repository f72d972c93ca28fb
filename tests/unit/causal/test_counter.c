/*
 * test_counter.c - counters against plain sets of events, in any order of deliveries.
 *
 * A replica of the test holds a cell, and beside it what the oracle says of it: which
 * increments it has seen, which of these were reset by a write that had seen them, and the
 * last string. What the cell shows must be the sum of the difference.
 */
#include "cell_test.h"

#include <inttypes.h>
#include <stdio.h>

#include "causal/counter_write.h"

enum { REPLICAS = 3, EVENTS_MAX = 60, STEPS = 120, RUNS = 400 };

struct replica {
    struct buffer bytes; /* of the encoded cell */
    uint64_t sequence;
    uint64_t seen, reset; /* sets of events */
    hybrid_time string_time;
    bool has_string, is_tombstone;
    int64_t string; /* number in it */
};

struct model {
    struct random random;
    struct replica replicas[REPLICAS];
    decimal amounts[EVENTS_MAX];
    uint32_t event_count;
    uint32_t ids[EVENTS_MAX]; /* event of request id number i, or UINT32_MAX */
    hybrid_time time;
};

static void load(const struct replica *replica, struct cell *cell)
{
    struct reader reader = reader_make(buffer_slice(&replica->bytes));
    *cell = (struct cell){0};
    if (replica->bytes.length == 0)
        return;
    cell_decode(&reader, cell);
    assert_int_equal(reader_end(&reader), STATUS_OK);
}

static void save(struct replica *replica, const struct cell *cell)
{
    struct buffer bytes = {0};
    cell_encode(cell, true, &bytes);
    buffer_deinit(&replica->bytes);
    replica->bytes = bytes;
}

/* As the owner that coordinates a write does it. */
static void write_at(struct model *model, uint32_t index, struct register_effect *effect,
                     struct slice id)
{
    struct replica *replica = &model->replicas[index];
    struct cell cell, next = {0};
    struct sibling shown;
    struct buffer text = {0}, state = {0};
    load(replica, &cell);
    bool any = cell_shown(&cell, 0, &text, &shown);
    struct counter_write write = {.cell = &cell,
                                  .shown = any ? &shown : NULL,
                                  .dot = dot_of(index + 1, replica->sequence + 1),
                                  .id = id};
    assert_int_equal(counter_write(&write, effect, &state), STATUS_OK);
    if (effect->write) {
        struct sibling made[2] = {{.kind = effect->kind, .value = effect->value},
                                  {.kind = SIBLING_COUNTER, .value = buffer_slice(&state)}};
        for (uint32_t i = 0; i < cell.count; i++) {
            bool stays =
                cell.siblings[i].kind == SIBLING_COUNTER ? state.length == 0 : !effect->replaces;
            if (stays)
                cell_insert(&next, &cell.siblings[i]);
        }
        version_vector_join(&next.context, &cell.context);
        for (unsigned i = 0; i < 2; i++) {
            if (i == 0 ? !effect->replaces : state.length == 0)
                continue;
            made[i].dot = dot_of(index + 1, ++replica->sequence);
            made[i].time = ++model->time;
            cell_insert(&next, &made[i]);
        }
        save(replica, &next);
    }
    cell_deinit(&next);
    cell_deinit(&cell);
    buffer_deinit(&text);
    buffer_deinit(&state);
}

static void increment(struct model *model, uint32_t index)
{
    struct replica *replica = &model->replicas[index];
    struct register_effect effect = {.write = true, .count = COUNT_ADD};
    char id[32] = "";
    uint32_t event = model->event_count;
    if (random_chance(&model->random, 1, 2)) { /* by request id, perhaps once more */
        uint32_t number = (uint32_t)random_below(&model->random, EVENTS_MAX);
        snprintf(id, sizeof id, "%s%" PRIu32, number % 3 == 0 ? "job:" : "", number);
        if (model->ids[number] != UINT32_MAX)
            event = model->ids[number];
        if (event < EVENTS_MAX)
            model->ids[number] = event;
    }
    if (event == EVENTS_MAX)
        return;
    if (event == model->event_count) {
        int64_t amount = (int64_t)random_below(&model->random, 3);
        model->event_count++;
        model->amounts[event] = id[0] != '\0' ? DECIMAL_ONE : decimal_of(amount - 1);
    }
    effect.amount = model->amounts[event];
    write_at(model, index, &effect, slice_text(id));
    replica->seen |= (uint64_t)1 << event;
}

static void set_string(struct model *model, uint32_t index)
{
    struct replica *replica = &model->replicas[index];
    struct register_effect effect = {.write = true, .replaces = true, .count = COUNT_RESET};
    char text[16];
    replica->is_tombstone = random_chance(&model->random, 1, 2);
    replica->string = (int64_t)random_below(&model->random, 1000);
    snprintf(text, sizeof text, "%" PRId64, replica->string);
    effect.kind = replica->is_tombstone ? SIBLING_TOMBSTONE : SIBLING_STRING;
    if (!replica->is_tombstone)
        effect.value = slice_text(text);
    replica->reset |= replica->seen;
    replica->has_string = true;
    replica->string_time = model->time + 1;
    write_at(model, index, &effect, slice_make(NULL, 0));
}

static void deliver(struct model *model, uint32_t to, uint32_t from)
{
    struct replica *into = &model->replicas[to], *other = &model->replicas[from];
    struct cell a, b, merged;
    load(into, &a);
    load(other, &b);
    cell_merge(&a, &b, MERGE_LWW, &merged);
    save(into, &merged);
    cell_deinit(&merged);
    cell_deinit(&a);
    cell_deinit(&b);
    into->seen |= other->seen;
    into->reset |= other->reset;
    if (other->has_string && (!into->has_string || other->string_time > into->string_time)) {
        into->has_string = true;
        into->string_time = other->string_time;
        into->string = other->string;
        into->is_tombstone = other->is_tombstone;
    }
}

static void check(const struct model *model, uint32_t index)
{
    const struct replica *replica = &model->replicas[index];
    uint64_t counted = replica->seen & ~replica->reset;
    bool string = replica->has_string && !replica->is_tombstone;
    decimal sum = string ? decimal_of(replica->string) : 0;
    struct buffer text = {0}, wanted = {0};
    struct sibling shown;
    struct cell cell;
    for (uint32_t i = 0; i < model->event_count; i++)
        if ((counted >> i & 1) != 0)
            sum += model->amounts[i];
    decimal_format(sum, &wanted);
    load(replica, &cell);
    bool any = cell_shown(&cell, 0, &text, &shown);
    assert_int_equal(any, string || counted != 0);
    assert_int_equal(cell_is_live(&cell), any);
    assert_int_equal(cell_hash(&cell, slice_text("k"), 1) != 0, any);
    if (any)
        assert_true(slice_equal(shown.value, buffer_slice(&wanted)));
    cell_deinit(&cell);
    buffer_deinit(&text);
    buffer_deinit(&wanted);
}

static void run(uint64_t seed)
{
    struct model model = {.random = random_make(seed)};
    memset(model.ids, 0xff, sizeof model.ids);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t index = (uint32_t)random_below(&model.random, REPLICAS);
        uint64_t draw = random_below(&model.random, 100);
        if (draw < 45)
            increment(&model, index);
        else if (draw < 55)
            set_string(&model, index);
        else
            deliver(&model, index, (uint32_t)random_below(&model.random, REPLICAS));
        check(&model, index);
    }
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < REPLICAS; i++)
            for (uint32_t j = 0; j < REPLICAS; j++)
                deliver(&model, i, j);
    for (uint32_t i = 0; i < REPLICAS; i++) {
        check(&model, i);
        assert_true(slice_equal(buffer_slice(&model.replicas[i].bytes),
                                buffer_slice(&model.replicas[0].bytes)));
    }
    for (uint32_t i = 0; i < REPLICAS; i++)
        buffer_deinit(&model.replicas[i].bytes);
}

static void increments_and_resets_agree_with_sets_of_events(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(seed);
}

/* ---- one state ---- */

static decimal units(int64_t number)
{
    return decimal_of(number);
}

static void add(struct counter *counter, node_id node, uint64_t sequence, int64_t amount,
                const char *id)
{
    bool known;
    struct dot dot = dot_of(node, sequence);
    assert_int_equal(counter_add(counter, &dot, units(amount), slice_text(id), &known), STATUS_OK);
}

static void join(struct counter *into, const struct counter *from)
{
    static struct buffer bytes; /* prefixes of the join borrow from it */
    buffer_clear(&bytes);
    counter_encode(from, &bytes);
    assert_int_equal(counter_join(into, buffer_slice(&bytes)), STATUS_OK);
}

static bool recode(struct slice bytes, struct buffer *again)
{
    struct counter counter = {0};
    bool accepted = counter_join(&counter, bytes) == STATUS_OK;
    if (accepted)
        counter_encode(&counter, again);
    counter_deinit(&counter);
    return accepted;
}

static void bytes_are_canonical(void **state)
{
    struct counter counter = {0};
    struct buffer bytes = {0};
    (void)state;
    add(&counter, 1, 5, 3, "");
    add(&counter, 2, 7, -9, "");
    add(&counter, 1, 8, 1, "job:1");
    add(&counter, 1, 9, 1, "job:2");
    add(&counter, 1, 10, -4, "other");
    counter_encode(&counter, &bytes);
    assert_round_trip(recode, &bytes);
    assert_every_truncation_fails(recode, &bytes);
    assert_every_flip_fails_or_stays_canonical(recode, &bytes);
    assert_random_bytes_stand(recode, 99, 20000);
    counter_deinit(&counter);
    buffer_deinit(&bytes);
}

/* A client that counts its requests costs no memory for each of them. */
static void ids_in_a_row_share_a_run(void **state)
{
    struct counter counter = {0};
    char id[24];
    (void)state;
    for (unsigned i = 1; i <= 1000; i++) {
        snprintf(id, sizeof id, "client-%u", i <= 500 ? 2 * i : 2 * (i - 500) - 1);
        add(&counter, 1, i, 2, id);
    }
    assert_int_equal(counter.run_count, 1);
    assert_true(counter_total(&counter) == units(2000));
    counter_deinit(&counter);
}

static void leading_zeros_make_another_id(void **state)
{
    static const char *const ids[] = {"a7",
                                      "a07",
                                      "a007",
                                      "a",
                                      "a0",
                                      "a00",
                                      "7",
                                      "07",
                                      "0",
                                      "x999999999999999999",
                                      "x1999999999999999999",
                                      ""};
    struct counter counter = {0};
    (void)state;
    for (uint32_t i = 0; i + 1 < sizeof ids / sizeof ids[0]; i++)
        add(&counter, 1, i + 1, (int64_t)1 << i, ids[i]);
    assert_true(counter_total(&counter) == units((1 << 11) - 1));
    for (uint32_t i = 0; i + 1 < sizeof ids / sizeof ids[0]; i++) {
        bool known = false;
        struct dot dot = dot_of(2, i + 1);
        assert_int_equal(
            counter_add(&counter, &dot, units((int64_t)1 << i), slice_text(ids[i]), &known),
            STATUS_OK);
        assert_true(known);
    }
    assert_true(counter_total(&counter) == units((1 << 11) - 1));
    counter_deinit(&counter);
}

static void an_id_is_of_one_amount(void **state)
{
    struct counter counter = {0};
    bool known;
    struct dot dot = dot_of(1, 2);
    (void)state;
    add(&counter, 1, 1, 5, "x");
    assert_int_equal(counter_add(&counter, &dot, units(6), slice_text("x"), &known),
                     STATUS_ID_CONFLICT);
    counter_deinit(&counter);
}

/* Otherwise a late copy of a request would count after a DEL. */
static void an_id_stays_known_after_a_reset(void **state)
{
    struct counter counter = {0};
    bool known;
    struct dot dot = dot_of(1, 2);
    (void)state;
    add(&counter, 1, 1, 5, "x");
    counter_reset(&counter);
    assert_false(counter_is_active(&counter));
    assert_int_equal(counter_add(&counter, &dot, units(5), slice_text("x"), &known), STATUS_OK);
    assert_true(known);
    assert_true(counter_total(&counter) == 0);
    counter_deinit(&counter);
}

static void more_ids_than_a_counter_may_hold_are_refused(void **state)
{
    static char ids[COUNTER_RUNS_MAX][16];
    struct counter counter = {0};
    bool known;
    struct dot dot = dot_of(1, 1);
    (void)state;
    for (unsigned i = 0; i < COUNTER_RUNS_MAX; i++) {
        snprintf(ids[i], sizeof ids[i], "%u-x", i);
        add(&counter, 1, i + 1, 1, ids[i]);
    }
    assert_int_equal(counter_add(&counter, &dot, units(1), slice_text("one-more"), &known),
                     STATUS_ID_LIMIT);
    counter_deinit(&counter);
}

/* P and N of one actor may be huge though their difference is not. */
static void sums_beyond_the_range_go_on_in_a_new_slot(void **state)
{
    struct counter counter = {0}, copy = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        add(&counter, 1, 2 * i + 1, INT64_MAX, "");
        add(&counter, 1, 2 * i + 2, -INT64_MAX, "");
    }
    add(&counter, 1, 5000, 7, "");
    assert_true(counter.slot_count > 1);
    assert_true(counter_total(&counter) == units(7));
    join(&copy, &counter);
    join(&copy, &counter);
    assert_true(counter_total(&copy) == units(7));
    counter_deinit(&counter);
    counter_deinit(&copy);
}

/* Whoever opened the slot before may have been purged; its name must not come again. */
static void a_slot_is_named_by_the_event_that_opened_it(void **state)
{
    struct counter first = {0}, second = {0};
    (void)state;
    add(&first, 1, 3, 5, "");
    counter_reset(&first);
    add(&second, 1, 9, 2, "");
    join(&second, &first);
    assert_int_equal(second.slot_count, 2);
    assert_true(counter_total(&second) == units(2));
    counter_deinit(&first);
    counter_deinit(&second);
}

/* ---- strings and expiry ---- */

static struct sibling counting(struct dot dot, hybrid_time time, int64_t amount,
                               struct buffer *bytes)
{
    struct counter counter = {0};
    add(&counter, dot.actor.node, dot.sequence, amount, "");
    counter_encode(&counter, bytes);
    counter_deinit(&counter);
    return (struct sibling){
        .dot = dot, .time = time, .kind = SIBLING_COUNTER, .value = buffer_slice(bytes)};
}

static void assert_shown(const struct cell *cell, uint64_t now_ms, const char *wanted)
{
    struct buffer text = {0};
    struct sibling shown;
    bool any = cell_shown(cell, now_ms, &text, &shown);
    assert_int_equal(any, wanted != NULL);
    if (any)
        assert_true(slice_equal(shown.value, slice_text(wanted)));
    buffer_deinit(&text);
}

static void a_string_that_is_no_number_hides_increments(void **state)
{
    struct cell cell = {0};
    struct buffer bytes = {0};
    struct sibling string = string_of(dot_of(1, 1), 5, "hello");
    struct sibling count = counting(dot_of(2, 1), 6, 3, &bytes);
    (void)state;
    cell_insert(&cell, &string);
    cell_insert(&cell, &count);
    assert_shown(&cell, 0, "hello");
    cell_deinit(&cell);
    buffer_deinit(&bytes);
}

static void increments_before_an_expiry_go_with_it(void **state)
{
    struct cell cell = {0};
    struct buffer early = {0}, late = {0};
    struct sibling string = string_of(dot_of(1, 1), (hybrid_time)50 << 16, "10");
    struct sibling before = counting(dot_of(2, 1), (hybrid_time)60 << 16, 3, &early);
    struct sibling after = counting(dot_of(3, 1), (hybrid_time)120 << 16, 4, &late);
    (void)state;
    string.expire_at_ms = 100;
    cell_insert(&cell, &string);
    cell_insert(&cell, &before);
    assert_shown(&cell, 99, "13");
    assert_shown(&cell, 100, NULL);
    cell_insert(&cell, &after);
    assert_shown(&cell, 120, "4");
    cell_deinit(&cell);
    buffer_deinit(&early);
    buffer_deinit(&late);
}

/* The increment that finds an expired string must not bring back what went with it. */
static void a_new_life_begins_at_nothing(void **state)
{
    struct cell cell = {0};
    struct buffer early = {0}, state_bytes = {0};
    struct sibling string = string_of(dot_of(1, 1), (hybrid_time)50 << 16, "10");
    struct sibling before = counting(dot_of(2, 1), (hybrid_time)60 << 16, 3, &early);
    struct register_effect effect = {.write = true, .count = COUNT_ADD, .amount = DECIMAL_ONE};
    struct counter counter = {0};
    (void)state;
    string.expire_at_ms = 100;
    cell_insert(&cell, &string);
    cell_insert(&cell, &before);
    struct counter_write write = {.cell = &cell, .dot = dot_of(3, 8), .now_ms = 130};
    assert_int_equal(counter_write(&write, &effect, &state_bytes), STATUS_OK);
    assert_true(effect.replaces);
    assert_int_equal(effect.kind, SIBLING_TOMBSTONE);
    assert_int_equal(counter_join(&counter, buffer_slice(&state_bytes)), STATUS_OK);
    assert_true(counter_total(&counter) == DECIMAL_ONE);
    counter_deinit(&counter);
    cell_deinit(&cell);
    buffer_deinit(&early);
    buffer_deinit(&state_bytes);
}

/*
 * EXPIRE must not turn increments into a string: a concurrent one would be counted twice or lost.
 */
static void a_new_expiry_leaves_increments_alone(void **state)
{
    struct cell cell = {0};
    struct buffer bytes = {0}, state_bytes = {0};
    struct sibling count = counting(dot_of(2, 1), 6, 3, &bytes);
    struct register_effect effect = {.write = true,
                                     .replaces = true,
                                     .count = COUNT_KEEP,
                                     .value = slice_text("3"),
                                     .expire_at_ms = 900};
    (void)state;
    cell_insert(&cell, &count);
    struct counter_write write = {.cell = &cell, .dot = dot_of(3, 8)};
    assert_int_equal(counter_write(&write, &effect, &state_bytes), STATUS_OK);
    assert_int_equal(state_bytes.length, 0);
    assert_true(slice_equal(effect.value, slice_text("0")));
    cell_deinit(&cell);
    buffer_deinit(&bytes);
    buffer_deinit(&state_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(increments_and_resets_agree_with_sets_of_events),
        cmocka_unit_test(bytes_are_canonical),
        cmocka_unit_test(ids_in_a_row_share_a_run),
        cmocka_unit_test(leading_zeros_make_another_id),
        cmocka_unit_test(an_id_is_of_one_amount),
        cmocka_unit_test(an_id_stays_known_after_a_reset),
        cmocka_unit_test(more_ids_than_a_counter_may_hold_are_refused),
        cmocka_unit_test(sums_beyond_the_range_go_on_in_a_new_slot),
        cmocka_unit_test(a_slot_is_named_by_the_event_that_opened_it),
        cmocka_unit_test(a_string_that_is_no_number_hides_increments),
        cmocka_unit_test(increments_before_an_expiry_go_with_it),
        cmocka_unit_test(a_new_life_begins_at_nothing),
        cmocka_unit_test(a_new_expiry_leaves_increments_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
