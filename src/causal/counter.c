/*
 * counter.c - the state of a counter: join, reset, sum; and what a cell shows with it.
 */
#include "causal/counter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "causal/counter_fold.h"
#include "causal/counter_state.h"
#include "causal/expired.h"
#include "causal/hyperloglog.h"
#include "causal/request_time.h"

enum { NUMBER_DIGITS_MAX = 18 };

void counter_deinit(struct counter *counter)
{
    free(counter->slots);
    free(counter->runs);
    version_vector_deinit(&counter->folded.basis);
    version_vector_deinit(&counter->resets);
    *counter = (struct counter){0};
}

/* ---- join --------------------------------------------------------------------------------- */

static decimal larger(decimal a, decimal b)
{
    return a > b ? a : b;
}

static void join_slot(struct counter_slot *into, const struct counter_slot *from)
{
    into->events = from->events > into->events ? from->events : into->events;
    into->reset_events =
        from->reset_events > into->reset_events ? from->reset_events : into->reset_events;
    into->up = larger(into->up, from->up);
    into->down = larger(into->down, from->down);
    into->reset_up = larger(into->reset_up, from->reset_up);
    into->reset_down = larger(into->reset_down, from->reset_down);
}

static void join_slots(struct counter *into, const struct counter *from)
{
    uint32_t i = 0, j = 0, count = 0;
    struct counter_slot *slots =
        memory_new((size_t)into->slot_count + from->slot_count, sizeof *slots);
    while (i < into->slot_count || j < from->slot_count) {
        int order = i == into->slot_count   ? 1
                    : j == from->slot_count ? -1
                                            : dot_compare(&into->slots[i].id, &from->slots[j].id);
        slots[count] = order <= 0 ? into->slots[i] : from->slots[j];
        if (order == 0)
            join_slot(&slots[count], &from->slots[j]);
        i += order <= 0;
        j += order >= 0;
        count++;
    }
    free(into->slots);
    into->slots = slots;
    into->slot_count = count;
}

static void append_run(struct counter_run *runs, uint32_t *count, const struct counter_run *run)
{
    if (*count > 0 && counter_run_is_continued(&runs[*count - 1], run)) {
        runs[*count - 1].last = run->last;
        counter_run_keep_dot(&runs[*count - 1], &run->dot);
    } else {
        runs[(*count)++] = *run;
    }
}

/* The same numbers in both: a reset is for good; of two amounts the larger counts, everywhere. */
static struct counter_run joined_run(const struct counter_run *a, const struct counter_run *b)
{
    struct counter_run run = *a;
    run.reset = a->reset || b->reset;
    run.amount = run.reset ? 0 : larger(a->amount, b->amount);
    counter_run_keep_dot(&run, &b->dot);
    return run;
}

/* Walks both lists of runs, cutting them where one begins or ends within another. */
static void join_runs(struct counter *into, const struct counter *from)
{
    uint32_t i = 0, j = 0, count = 0;
    size_t room = 2 * ((size_t)into->run_count + from->run_count);
    struct counter_run *runs = memory_new(room, sizeof *runs);
    struct counter_run a = {0}, b = {0};
    bool has_a = false, has_b = false; /* what is left of the run that was taken last */
    for (;;) {
        if (!has_a && i < into->run_count) {
            a = into->runs[i++];
            has_a = true;
        }
        if (!has_b && j < from->run_count) {
            b = from->runs[j++];
            has_b = true;
        }
        if (!has_a && !has_b)
            break;
        int order = !has_a ? 1 : !has_b ? -1 : slice_compare(a.prefix, b.prefix);
        if (order < 0 || (order == 0 && has_a && a.last < b.first)) {
            append_run(runs, &count, &a);
            has_a = false;
        } else if (order > 0 || b.last < a.first) {
            append_run(runs, &count, &b);
            has_b = false;
        } else if (a.first != b.first) { /* the part that only one of them has */
            struct counter_run *lower = a.first < b.first ? &a : &b;
            struct counter_run part = *lower;
            part.last = (lower == &a ? b.first : a.first) - 1;
            append_run(runs, &count, &part);
            lower->first = part.last + 1;
        } else {
            struct counter_run both = joined_run(&a, &b);
            both.last = a.last < b.last ? a.last : b.last;
            append_run(runs, &count, &both);
            has_a = a.last > both.last;
            has_b = b.last > both.last;
            a.first = b.first = both.last + 1;
        }
        assert(count <= room);
    }
    free(into->runs);
    into->runs = runs;
    into->run_count = count;
}

enum status counter_join(struct counter *counter, struct slice value)
{
    struct reader reader = reader_make(value);
    struct counter other = {0};
    enum status status = STATUS_OK;
    counter_decode(&reader, &other);
    status = reader_end(&reader);
    if (status == STATUS_OK && counter->slots == NULL && counter->runs == NULL) {
        counter_deinit(counter); /* it may have room for what it does not hold */
        *counter = other;
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        join_slots(counter, &other);
        join_runs(counter, &other);
        counter_fold_join(counter, &other);
        counter_fold_settle(counter);
    }
    counter_deinit(&other);
    return status;
}

void counter_join_cell(struct counter *counter, const struct cell *cell, uint64_t from_ms,
                       uint64_t until_ms)
{
    for (uint32_t i = 0; i < cell->count; i++) {
        const struct sibling *sibling = &cell->siblings[i];
        uint64_t time_ms = hybrid_time_ms(sibling->time);
        if (sibling->kind != SIBLING_COUNTER || time_ms < from_ms || time_ms >= until_ms)
            continue;
        enum status status = counter_join(counter, sibling->value);
        assert(status == STATUS_OK); /* cell_decode() has looked */
    }
}

/* ---- what it counts ------------------------------------------------------------------------ */

bool counter_is_active(const struct counter *counter)
{
    if (counter->folded.events > 0)
        return true;
    for (uint32_t i = 0; i < counter->slot_count; i++)
        if (counter->slots[i].events > counter->slots[i].reset_events)
            return true;
    for (uint32_t i = 0; i < counter->run_count; i++)
        if (!counter->runs[i].reset)
            return true;
    return false;
}

/* A sum of 192 bits, high * 2^64 + low; cut where it is absurd. */
struct wide {
    decimal high;
    uint64_t low;
};

static void wide_add(struct wide *sum, decimal number, uint64_t times)
{
    const decimal absurd = (decimal)1 << 100;
    decimal_magnitude magnitude =
        number < 0 ? -(decimal_magnitude)number : (decimal_magnitude)number;
    decimal_magnitude low = (decimal_magnitude)(uint64_t)magnitude * times;
    decimal high = (decimal)((magnitude >> 64) * times) + (decimal)(low >> 64);
    uint64_t before = sum->low;
    if (number >= 0) {
        sum->low += (uint64_t)low;
        sum->high += high + (sum->low < before);
    } else {
        sum->low -= (uint64_t)low;
        sum->high -= high + (sum->low > before);
    }
    if (sum->high > absurd)
        sum->high = absurd;
    if (sum->high < -absurd)
        sum->high = -absurd;
}

static decimal wide_cut(const struct wide *sum)
{
    if (sum->high > INT64_MAX / 2)
        return DECIMAL_MAX;
    if (sum->high < -(INT64_MAX / 2))
        return -DECIMAL_MAX;
    decimal value = sum->high * ((decimal)1 << 64) + (decimal)sum->low;
    return value > DECIMAL_MAX ? DECIMAL_MAX : value < -DECIMAL_MAX ? -DECIMAL_MAX : value;
}

decimal counter_total(const struct counter *counter)
{
    struct wide sum = {0};
    wide_add(&sum, counter->folded.up, 1);
    wide_add(&sum, -counter->folded.down, 1);
    for (uint32_t i = 0; i < counter->slot_count; i++) {
        const struct counter_slot *slot = &counter->slots[i];
        wide_add(&sum, slot->up - slot->reset_up, 1);
        wide_add(&sum, -(slot->down - slot->reset_down), 1);
    }
    for (uint32_t i = 0; i < counter->run_count; i++) {
        const struct counter_run *run = &counter->runs[i];
        if (!run->reset)
            wide_add(&sum, run->amount, run->last - run->first + 1);
    }
    return wide_cut(&sum);
}

void counter_reset(struct counter *counter)
{
    uint32_t kept = 0;
    counter_fold_reset(counter);
    for (uint32_t i = 0; i < counter->slot_count; i++) {
        struct counter_slot *slot = &counter->slots[i];
        slot->reset_events = slot->events;
        slot->reset_up = slot->up;
        slot->reset_down = slot->down;
    }
    for (uint32_t i = 0; i < counter->run_count; i++) {
        struct counter_run run = counter->runs[i];
        run.reset = true;
        run.amount = 0;
        append_run(counter->runs, &kept, &run);
    }
    counter->run_count = kept;
}

/* ---- increments ---------------------------------------------------------------------------- */

/*
 * The longest number at the end of an id that has one form only, without leading zeros. It
 * is kept one higher: 0 stands for none, so ids and pairs are one to one.
 */
static struct counter_run run_of(struct slice id, decimal amount)
{
    struct counter_run run = {.prefix = id, .amount = amount};
    uint64_t number = 0, unit = 1;
    for (size_t digits = 1; digits <= NUMBER_DIGITS_MAX && digits <= id.length; digits++) {
        uint8_t byte = id.data[id.length - digits];
        if (byte < '0' || byte > '9')
            break;
        number += unit * (uint64_t)(byte - '0');
        unit *= 10;
        if (byte == '0' && digits > 1)
            continue;
        run.prefix = slice_make(id.data, id.length - digits);
        run.first = number + 1;
    }
    run.last = run.first;
    return run;
}

static enum status add_run(struct counter *counter, const struct counter_run *run, bool *known)
{
    for (uint32_t i = 0; i < counter->run_count; i++) {
        const struct counter_run *other = &counter->runs[i];
        if (!slice_equal(other->prefix, run->prefix) || run->first < other->first ||
            run->first > other->last)
            continue;
        *known = true;
        return other->reset || other->amount == run->amount ? STATUS_OK : STATUS_ID_CONFLICT;
    }
    struct counter_run copy = *run;
    struct counter one = {.runs = &copy, .run_count = 1};
    uint32_t before = counter->run_count;
    join_runs(counter, &one);
    return counter->run_count > before && counter->run_count > COUNTER_RUNS_MAX ? STATUS_ID_LIMIT
                                                                                : STATUS_OK;
}

/* The slot that the actor opened last and that can take the amount; NULL when there is none. */
static struct counter_slot *slot_of(struct counter *counter, const struct actor *actor,
                                    decimal magnitude, bool negative)
{
    for (uint32_t i = counter->slot_count; i > 0; i--) {
        struct counter_slot *slot = &counter->slots[i - 1];
        if (actor_compare(&slot->id.actor, actor) != 0)
            continue;
        return (negative ? slot->down : slot->up) <= DECIMAL_MAX - magnitude ? slot : NULL;
    }
    return NULL;
}

enum status counter_add(struct counter *counter, const struct dot *dot, decimal amount,
                        struct slice id, bool *known)
{
    decimal magnitude = amount < 0 ? -amount : amount;
    *known = false;
    assert(magnitude <= DECIMAL_MAX);
    if (id.length > 0) {
        struct counter_run run = run_of(id, amount);
        if (request_time_ms(id) != 0)
            run.dot = *dot;
        return add_run(counter, &run, known);
    }
    struct counter_slot *slot = slot_of(counter, &dot->actor, magnitude, amount < 0);
    if (slot == NULL) {
        struct counter_slot fresh = {.id = *dot};
        struct counter one = {.slots = &fresh, .slot_count = 1};
        if (counter->slot_count >= COUNTER_SLOTS_MAX)
            return STATUS_TOO_LARGE;
        join_slots(counter, &one);
        slot = slot_of(counter, &dot->actor, magnitude, amount < 0);
        assert(slot != NULL && dot_compare(&slot->id, dot) == 0);
    }
    slot->events++;
    if (amount < 0)
        slot->down += magnitude;
    else
        slot->up += magnitude;
    return STATUS_OK;
}

/* ---- a cell with counting versions ---------------------------------------------------------- */

bool cell_has_counter(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_COUNTER)
            return true;
    return false;
}

static bool counts(const struct cell *cell)
{
    struct counter counter = {0};
    bool active;
    if (!cell_has_counter(cell))
        return false;
    counter_join_cell(&counter, cell, cell_expired_at_ms(cell, 0), UINT64_MAX);
    active = counter_is_active(&counter);
    counter_deinit(&counter);
    return active;
}

bool cell_is_live(const struct cell *cell)
{
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].kind == SIBLING_STRING)
            return true;
    return counts(cell);
}

/* The join of all that are visible: `newest` is one of them. */
static void join_sketches(const struct cell *cell, uint64_t now_ms, struct buffer *text,
                          struct sibling *newest)
{
    struct hyperloglog sketch = {{0}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < cell->count; i++)
        count += cell->siblings[i].sketch && sibling_is_visible(&cell->siblings[i], now_ms);
    if (count < 2)
        return;
    for (uint32_t i = 0; i < cell->count; i++)
        if (cell->siblings[i].sketch && sibling_is_visible(&cell->siblings[i], now_ms))
            (void)hyperloglog_join(&sketch, cell->siblings[i].value, NULL);
    hyperloglog_encode(&sketch, text);
    newest->value = buffer_slice(text);
}

bool cell_shown(const struct cell *cell, uint64_t now_ms, struct buffer *text, struct sibling *out)
{
    const struct sibling *string = cell_visible(cell, now_ms);
    struct counter counter = {0};
    decimal number = 0;
    buffer_clear(text);
    *out = string != NULL ? *string : (struct sibling){.kind = SIBLING_STRING};
    if (out->sketch) {
        join_sketches(cell, now_ms, text, out);
        return true;
    }
    if (!cell_has_counter(cell))
        return string != NULL;
    counter_join_cell(&counter, cell, cell_expired_at_ms(cell, now_ms), UINT64_MAX);
    bool active = counter_is_active(&counter);
    if (active && (string == NULL || decimal_parse(string->value, &number) == DECIMAL_TEXT_OK)) {
        struct wide sum = {0};
        wide_add(&sum, number, 1);
        wide_add(&sum, counter_total(&counter), 1);
        decimal_format(wide_cut(&sum), text);
        out->value = buffer_slice(text);
        out->time = cell_time_max(cell);
    }
    counter_deinit(&counter);
    return string != NULL || active;
}
