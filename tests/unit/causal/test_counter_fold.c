/*
 * test_counter_fold.c - counters whose ids are folded, against plain sets of events.
 *
 * Replicas count ids that carry a time, reset, and exchange cells of any age. When all hold all,
 * and some packets are still under way, that time is settled for some of them (F2 of
 * counter_fold.h); they fold with what they write next. What each shows must be the sum of its
 * events.
 */
#include "cell_test.h"

#include <inttypes.h>
#include <stdio.h>

#include "causal/counter_fold.h"
#include "causal/counter_state.h"
#include "causal/counter_write.h"
#include "causal/request_time.h"

enum { REPLICAS = 3, EVENTS_MAX = 60, STEPS = 260, RUNS = 300, KEPT_MAX = 400 };

struct replica {
    struct cell cell;
    struct clock clock;
    uint64_t sequence, settled_ms;
    uint64_t seen, reset; /* sets of events */
};

struct kept { /* a cell as it was, and what it had seen */
    struct cell cell;
    uint64_t seen, reset;
};

struct model {
    struct random random;
    struct replica replicas[REPLICAS];
    uint64_t times_ms[EVENTS_MAX]; /* of ids */
    uint32_t event_count;
    uint64_t now_ms;
    hybrid_time time;
    struct buffer states[KEPT_MAX]; /* of all versions that were made */
    uint32_t state_count;
    struct kept kept[KEPT_MAX];
    uint32_t kept_count;
    uint64_t folded, refused;
};

/* Ids of one time and client are numbers in a row at times. */
static void write_id(const struct model *model, uint32_t event, char *out, size_t room)
{
    uint64_t ms = model->times_ms[event];
    snprintf(out, room, "%08" PRIx64 "-%04" PRIx64 "-7abc-8def-client-%u", ms >> 16, ms & 0xffff,
             event);
}

static decimal amount_of(uint32_t event)
{
    return decimal_of(event % 3 == 0 ? 1 : event % 3 == 1 ? -7 : (int64_t)event * 100);
}

static void keep(struct model *model, const struct replica *replica)
{
    if (model->kept_count == KEPT_MAX)
        return;
    struct kept *kept = &model->kept[model->kept_count++];
    cell_copy(&replica->cell, &kept->cell);
    kept->seen = replica->seen;
    kept->reset = replica->reset;
}

/* As the owner that coordinates a write does it. The bytes of its state live in the model. */
static enum status write_at(struct model *model, uint32_t index, struct register_effect *effect,
                            struct slice id)
{
    struct replica *replica = &model->replicas[index];
    struct cell next = {0};
    struct buffer *state = &model->states[model->state_count];
    struct counter_write write = {.cell = &replica->cell,
                                  .dot = dot_of(index + 1, replica->sequence + 1),
                                  .now_ms = model->now_ms,
                                  .settled_ms = replica->settled_ms,
                                  .id = id};
    assert_true(model->state_count + 1 < KEPT_MAX);
    enum status status = counter_write(&write, effect, state);
    if (status != STATUS_OK || state->length == 0)
        return status;
    model->state_count++;
    model->folded += effect->folded;
    version_vector_join(&next.context, &replica->cell.context);
    struct sibling made[2] = {{.kind = SIBLING_TOMBSTONE},
                              {.kind = SIBLING_COUNTER, .value = buffer_slice(state)}};
    for (unsigned i = effect->replaces ? 0 : 1; i < 2; i++) {
        made[i].dot = dot_of(index + 1, ++replica->sequence);
        made[i].time = ++model->time;
        cell_insert(&next, &made[i]);
        clock_add(&replica->clock, &made[i].dot);
    }
    for (uint32_t i = 0; i < replica->cell.count && !effect->replaces; i++)
        if (replica->cell.siblings[i].kind != SIBLING_COUNTER)
            cell_insert(&next, &replica->cell.siblings[i]);
    cell_deinit(&replica->cell);
    replica->cell = next;
    return STATUS_OK;
}

static void increment(struct model *model, uint32_t index)
{
    struct register_effect effect = {.write = true, .count = COUNT_ADD};
    uint32_t event = model->event_count;
    char id[64];
    if (event == EVENTS_MAX || (event > 0 && random_chance(&model->random, 1, 3)))
        event = (uint32_t)random_below(&model->random, model->event_count);
    else /* some just before their window is over, some in a row */
        model->times_ms[model->event_count++] =
            random_chance(&model->random, 1, 3) && event > 0 ? model->times_ms[event - 1]
            : random_chance(&model->random, 1, 2)            ? model->now_ms
                                                  : model->now_ms - REQUEST_WINDOW_MS + 1000;
    write_id(model, event, id, sizeof id);
    effect.amount = amount_of(event);
    enum status status = write_at(model, index, &effect, slice_text(id));
    if (status == STATUS_REQUEST_TOO_OLD) {
        assert_true(model->times_ms[event] + REQUEST_WINDOW_MS <= model->now_ms);
        model->refused++;
        return;
    }
    assert_int_equal(status, STATUS_OK);
    model->replicas[index].seen |= (uint64_t)1 << event;
}

static void reset(struct model *model, uint32_t index)
{
    struct register_effect effect = {
        .write = true, .replaces = true, .count = COUNT_RESET, .kind = SIBLING_TOMBSTONE};
    if (!cell_has_counter(&model->replicas[index].cell))
        return;
    assert_int_equal(write_at(model, index, &effect, slice_make(NULL, 0)), STATUS_OK);
    model->replicas[index].reset |= model->replicas[index].seen;
}

static void deliver(struct replica *to, const struct cell *cell, uint64_t seen, uint64_t was_reset)
{
    struct cell incoming, merged;
    cell_copy(cell, &incoming);
    cell_filter_seen(&incoming, &to->clock, &to->cell);
    for (uint32_t i = 0; i < cell->count; i++)
        clock_add(&to->clock, &cell->siblings[i].dot);
    cell_merge(&to->cell, &incoming, MERGE_LWW, &merged);
    cell_deinit(&incoming);
    cell_deinit(&to->cell);
    to->cell = merged;
    to->seen |= seen;
    to->reset |= was_reset;
}

static void send(struct model *model, uint32_t to, uint32_t from)
{
    const struct replica *source = &model->replicas[from];
    if (to != from)
        deliver(&model->replicas[to], &source->cell, source->seen, source->reset);
}

/* All hear all; then this time is settled, and some learn it. */
static void settle(struct model *model)
{
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < REPLICAS; i++)
            for (uint32_t j = 0; j < REPLICAS; j++)
                send(model, i, j);
    for (uint32_t i = 0; i < REPLICAS; i++)
        if (random_chance(&model->random, 2, 3))
            model->replicas[i].settled_ms = model->now_ms;
}

static void check(const struct model *model, uint32_t index)
{
    const struct replica *replica = &model->replicas[index];
    struct counter counter = {0};
    decimal sum = 0;
    for (uint32_t i = 0; i < model->event_count; i++)
        if ((replica->seen >> i & 1) != 0 && (replica->reset >> i & 1) == 0)
            sum += amount_of(i);
    counter_join_cell(&counter, &replica->cell, 0, UINT64_MAX);
    assert_true(counter_total(&counter) == sum);
    assert_int_equal(counter_is_active(&counter), (replica->seen & ~replica->reset) != 0);
    counter_deinit(&counter);
}

static void step(struct model *model)
{
    uint32_t index = (uint32_t)random_below(&model->random, REPLICAS);
    uint64_t draw = random_below(&model->random, 100);
    model->now_ms += random_chance(&model->random, 1, 8) ? REQUEST_WINDOW_MS / 3 : 300;
    if (draw < 35)
        increment(model, index);
    else if (draw < 41)
        reset(model, index);
    else if (draw < 70)
        send(model, index, (uint32_t)random_below(&model->random, REPLICAS));
    else if (draw < 80)
        keep(model, &model->replicas[index]);
    else if (draw < 90 && model->kept_count > 0) {
        const struct kept *kept = &model->kept[random_below(&model->random, model->kept_count)];
        deliver(&model->replicas[index], &kept->cell, kept->seen, kept->reset);
    } else if (draw >= 95)
        settle(model);
    for (uint32_t i = 0; i < REPLICAS; i++)
        check(model, i);
}

/* ---- laws ---- */

static void join(struct counter *into, const struct counter *from, struct buffer *bytes)
{
    buffer_clear(bytes);
    counter_encode(from, bytes);
    assert_int_equal(counter_join(into, buffer_slice(bytes)), STATUS_OK);
}

static void join_all(const struct buffer *const *states, const unsigned *order, unsigned count,
                     struct buffer *out)
{
    struct counter counter = {0};
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(counter_join(&counter, buffer_slice(states[order[i]])), STATUS_OK);
    counter_encode(&counter, out);
    counter_deinit(&counter);
}

/* Of versions that were really made, in any order, one at a time or two first, or twice. */
static void check_laws(struct model *model)
{
    static const unsigned orders[][4] = {{0, 1, 2, 2}, {2, 1, 0, 0}, {1, 2, 0, 1}, {0, 2, 1, 0}};
    for (unsigned round = 0; round < 50 && model->state_count > 2; round++) {
        const struct buffer *states[3];
        struct buffer first = {0}, other = {0}, scratch = {0}, pair_bytes = {0};
        for (unsigned i = 0; i < 3; i++)
            states[i] = &model->states[random_below(&model->random, model->state_count)];
        join_all(states, orders[0], 4, &first);
        for (unsigned i = 1; i < 4; i++) {
            buffer_clear(&other);
            join_all(states, orders[i], 4, &other);
            assert_true(slice_equal(buffer_slice(&first), buffer_slice(&other)));
        }
        struct counter single = {0}, pair = {0};
        join_all(states, orders[2], 2, &pair_bytes); /* 1 and 2 first */
        assert_int_equal(counter_join(&pair, buffer_slice(&pair_bytes)), STATUS_OK);
        assert_int_equal(counter_join(&single, buffer_slice(states[0])), STATUS_OK);
        join(&single, &pair, &scratch);
        buffer_clear(&other);
        counter_encode(&single, &other);
        assert_true(slice_equal(buffer_slice(&first), buffer_slice(&other)));
        counter_deinit(&single);
        counter_deinit(&pair);
        buffer_deinit(&first);
        buffer_deinit(&other);
        buffer_deinit(&scratch);
        buffer_deinit(&pair_bytes);
    }
}

static void run(uint64_t seed, uint64_t *folded, uint64_t *refused)
{
    struct model *model = test_calloc(1, sizeof *model);
    model->random = random_make(seed);
    model->now_ms = 1764249205000;
    for (unsigned i = 0; i < STEPS; i++)
        step(model);
    check_laws(model);
    *folded += model->folded;
    *refused += model->refused;
    for (uint32_t i = 0; i < REPLICAS; i++) {
        cell_deinit(&model->replicas[i].cell);
        clock_deinit(&model->replicas[i].clock);
    }
    for (uint32_t i = 0; i < model->kept_count; i++)
        cell_deinit(&model->kept[i].cell);
    for (uint32_t i = 0; i < KEPT_MAX; i++)
        buffer_deinit(&model->states[i]);
    test_free(model);
}

static void folding_agrees_with_sets_of_events(void **state)
{
    uint64_t folded = 0, refused = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run(seed, &folded, &refused);
    assert_true(folded > RUNS * 10 && refused > RUNS);
}

/* ---- one counter ---- */

static const uint64_t MADE_MS = 1764249205000;

struct ids { /* counters borrow them */
    char text[COUNTER_RUNS_MAX + 1][64];
    unsigned count;
};

static const char *id_at(struct ids *ids, uint64_t ms, const char *rest)
{
    char *out = ids->text[ids->count++];
    snprintf(out, sizeof ids->text[0], "%08" PRIx64 "-%04" PRIx64 "-7abc-8def-%s", ms >> 16,
             ms & 0xffff, rest);
    return out;
}

static void add(struct counter *counter, node_id node, uint64_t sequence, int64_t amount,
                const char *id)
{
    struct dot dot = dot_of(node, sequence);
    bool known;
    assert_int_equal(counter_add(counter, &dot, decimal_of(amount), slice_text(id), &known),
                     STATUS_OK);
}

static void copy(const struct counter *from, struct counter *to, struct buffer *bytes)
{
    *to = (struct counter){0};
    join(to, from, bytes);
}

/* A month-old packet: its ids are in the sum. */
static void an_old_state_of_what_was_folded_adds_nothing(void **state)
{
    struct counter counter = {0}, old;
    struct buffer bytes = {0}, more = {0};
    struct ids ids = {0};
    (void)state;
    add(&counter, 1, 1, 5, id_at(&ids, MADE_MS, "a"));
    copy(&counter, &old, &bytes);
    add(&counter, 2, 1, -2, id_at(&ids, MADE_MS, "b"));
    assert_int_equal(counter_fold(&counter, MADE_MS + 1), 2);
    assert_int_equal(counter.run_count, 0);
    join(&counter, &old, &more);
    assert_true(counter_total(&counter) == decimal_of(3));
    assert_int_equal(counter.run_count, 0);
    join(&old, &counter, &more);
    assert_true(counter_total(&old) == decimal_of(3));
    counter_deinit(&counter);
    counter_deinit(&old);
    buffer_deinit(&bytes);
    buffer_deinit(&more);
}

/* One owner folds while another one resets the same ids. */
static void a_reset_reaches_what_was_folded_beside_it(void **state)
{
    struct counter folded = {0}, reset_there;
    struct buffer bytes = {0}, more = {0};
    struct ids ids = {0};
    (void)state;
    add(&folded, 1, 1, 5, id_at(&ids, MADE_MS, "a"));
    add(&folded, 2, 7, 3, id_at(&ids, MADE_MS + 10, "late"));
    copy(&folded, &reset_there, &bytes);
    counter_reset(&reset_there);
    add(&reset_there, 2, 8, 40, id_at(&ids, MADE_MS + 50000, "new"));
    counter_fold(&folded, MADE_MS + 100);
    assert_true(counter_total(&folded) == decimal_of(8));
    join(&folded, &reset_there, &more);
    assert_true(counter_total(&folded) == decimal_of(40));
    counter_deinit(&folded);
    counter_deinit(&reset_there);
    buffer_deinit(&bytes);
    buffer_deinit(&more);
}

static void ids_without_a_time_are_never_folded(void **state)
{
    struct counter counter = {0};
    (void)state;
    add(&counter, 1, 1, 5, "job:1");
    assert_int_equal(counter_fold(&counter, UINT64_MAX), 0);
    assert_int_equal(counter.run_count, 1);
    counter_deinit(&counter);
}

static void a_sum_beyond_the_range_is_not_made(void **state)
{
    struct counter counter = {0};
    struct dot dot = dot_of(1, 1);
    struct ids ids = {0};
    bool known;
    (void)state;
    for (unsigned i = 1; i <= 2; i++) {
        const char *id = id_at(&ids, MADE_MS + i, "x");
        dot.sequence++;
        assert_int_equal(counter_add(&counter, &dot, DECIMAL_MAX, slice_text(id), &known),
                         STATUS_OK);
    }
    assert_int_equal(counter_fold(&counter, UINT64_MAX), 0);
    assert_int_equal(counter.run_count, 2);
    assert_int_equal(counter.folded.cut_ms, 0);
    counter_deinit(&counter);
}

static void folding_makes_room_for_more_ids(void **state)
{
    struct counter counter = {0};
    struct ids *ids = test_calloc(1, sizeof *ids);
    (void)state;
    for (unsigned i = 0; i < COUNTER_RUNS_MAX; i++) {
        add(&counter, 1, i + 1, 1, id_at(ids, MADE_MS + i, "x"));
    }
    assert_int_equal(counter_fold(&counter, MADE_MS + 1000), 1000);
    assert_int_equal(counter.run_count, COUNTER_RUNS_MAX - 1000);
    add(&counter, 1, 5000, 1, id_at(ids, MADE_MS + 5000, "x"));
    assert_true(counter_total(&counter) == decimal_of(COUNTER_RUNS_MAX + 1));
    counter_deinit(&counter);
    test_free(ids);
}

/* ---- bytes ---- */

static void assert_refused(struct slice bytes)
{
    struct counter counter = {0};
    assert_int_equal(counter_join(&counter, bytes), STATUS_CORRUPT);
    counter_deinit(&counter);
}

/* What was written before ids could be folded reads as before, and is written as before. */
static void states_without_folding_have_their_old_bytes(void **state)
{
    static const uint8_t old[] = {0, 1, 4, 'j', 'o', 'b', ':', 2, 0, 0, 0, 5, 0};
    struct counter counter = {0};
    struct buffer bytes = {0};
    (void)state;
    assert_int_equal(counter_join(&counter, slice_make(old, sizeof old)), STATUS_OK);
    assert_true(counter_total(&counter) == decimal_of(5));
    counter_encode(&counter, &bytes);
    assert_true(slice_equal(buffer_slice(&bytes), slice_make(old, sizeof old)));
    counter_deinit(&counter);
    buffer_deinit(&bytes);
}

static void bytes_that_no_state_has_are_refused(void **state)
{
    struct counter counter = {0}, below;
    struct buffer bytes = {0}, scratch = {0};
    struct ids ids = {0};
    (void)state;
    buffer_put_varint(&bytes, (1 << 20) + 1); /* folding, and nothing that was folded */
    for (unsigned i = 0; i < 4; i++)
        buffer_put_u8(&bytes, 0);
    assert_refused(buffer_slice(&bytes));
    add(&counter, 1, 1, 5, id_at(&ids, MADE_MS, "a"));
    copy(&counter, &below, &scratch);
    counter_fold(&counter, MADE_MS + 1);
    buffer_clear(&bytes);
    counter_encode(&counter, &bytes);
    for (size_t length = 0; length < bytes.length; length++)
        assert_refused(slice_make(bytes.data, length));
    below.folded = counter.folded; /* an id below the cut */
    buffer_clear(&bytes);
    counter_encode(&below, &bytes);
    assert_refused(buffer_slice(&bytes));
    below.folded = (struct counter_folded){0};
    counter.folded.events = 0; /* a basis of nothing */
    buffer_clear(&bytes);
    counter_encode(&counter, &bytes);
    assert_refused(buffer_slice(&bytes));
    counter_deinit(&counter);
    counter_deinit(&below);
    buffer_deinit(&bytes);
    buffer_deinit(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folding_agrees_with_sets_of_events),
        cmocka_unit_test(an_old_state_of_what_was_folded_adds_nothing),
        cmocka_unit_test(a_reset_reaches_what_was_folded_beside_it),
        cmocka_unit_test(ids_without_a_time_are_never_folded),
        cmocka_unit_test(a_sum_beyond_the_range_is_not_made),
        cmocka_unit_test(folding_makes_room_for_more_ids),
        cmocka_unit_test(states_without_folding_have_their_old_bytes),
        cmocka_unit_test(bytes_that_no_state_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
