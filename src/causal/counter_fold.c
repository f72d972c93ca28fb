#include "causal/counter_fold.h"

#include <assert.h>

#include "causal/request_time.h"

bool counter_run_is_timed(const struct counter_run *run)
{
    return run->dot.sequence != 0;
}

void counter_run_keep_dot(struct counter_run *run, const struct dot *dot)
{
    int order = actor_compare(&run->dot.actor, &dot->actor);
    if (order > 0 || (order == 0 && run->dot.sequence < dot->sequence))
        run->dot = *dot;
}

static bool is_below(const struct counter_run *run, uint64_t cut_ms)
{
    return counter_run_is_timed(run) && request_time_ms(run->prefix) < cut_ms;
}

bool counter_has_ids_below(const struct counter *counter, uint64_t cut_ms)
{
    for (uint32_t i = 0; i < counter->run_count; i++)
        if (is_below(&counter->runs[i], cut_ms))
            return true;
    return false;
}

/* ---- folding ------------------------------------------------------------------------------- */

static bool add_times(decimal *sum, decimal magnitude, uint64_t times)
{
    if (magnitude > 0 &&
        (decimal_magnitude)(DECIMAL_MAX - *sum) / (decimal_magnitude)magnitude < times)
        return false;
    *sum += magnitude * (decimal)times;
    return true;
}

/* Into the sum; what was reset adds nothing. */
static bool fold_run(struct counter_folded *folded, const struct counter_run *run)
{
    uint64_t times = run->last - run->first + 1;
    if (run->reset)
        return true;
    folded->events += times;
    version_vector_raise(&folded->basis, &run->dot);
    return run->amount < 0 ? add_times(&folded->down, -run->amount, times)
                           : add_times(&folded->up, run->amount, times);
}

uint64_t counter_fold(struct counter *counter, uint64_t cut_ms)
{
    struct counter_folded folded = counter->folded;
    uint64_t gone = 0;
    bool fits = true;
    version_vector_copy(&counter->folded.basis, &folded.basis);
    for (uint32_t i = 0; i < counter->run_count && fits; i++) {
        if (!is_below(&counter->runs[i], cut_ms))
            continue;
        gone += counter->runs[i].last - counter->runs[i].first + 1;
        fits = fold_run(&folded, &counter->runs[i]);
    }
    if (gone == 0 || !fits) {
        version_vector_deinit(&folded.basis);
        return 0;
    }
    version_vector_deinit(&counter->folded.basis);
    counter->folded = folded;
    counter->folded.cut_ms = cut_ms;
    counter_fold_settle(counter);
    return gone;
}

/* ---- join and reset ------------------------------------------------------------------------ */

static decimal larger(decimal a, decimal b)
{
    return a > b ? a : b;
}

void counter_fold_join(struct counter *into, const struct counter *from)
{
    struct counter_folded *a = &into->folded;
    const struct counter_folded *b = &from->folded;
    version_vector_join(&into->resets, &from->resets);
    if (b->cut_ms < a->cut_ms)
        return;
    if (b->cut_ms > a->cut_ms) {
        version_vector_deinit(&a->basis);
        *a = *b;
        version_vector_copy(&b->basis, &a->basis);
        return;
    }
    /* F2: the same, or one of them was reset. */
    a->events = b->events > a->events ? b->events : a->events;
    a->up = larger(a->up, b->up);
    a->down = larger(a->down, b->down);
    version_vector_join(&a->basis, &b->basis);
}

void counter_fold_settle(struct counter *counter)
{
    struct counter_folded *folded = &counter->folded;
    uint32_t kept = 0;
    if (folded->cut_ms == 0)
        return;
    for (uint32_t i = 0; i < counter->run_count; i++)
        if (!is_below(&counter->runs[i], folded->cut_ms))
            counter->runs[kept++] = counter->runs[i];
    counter->run_count = kept;
    if (version_vector_descends(&counter->resets, &folded->basis)) {
        version_vector_deinit(&folded->basis);
        *folded = (struct counter_folded){.cut_ms = folded->cut_ms};
    }
}

void counter_fold_reset(struct counter *counter)
{
    for (uint32_t i = 0; i < counter->run_count; i++)
        if (counter_run_is_timed(&counter->runs[i]))
            version_vector_raise(&counter->resets, &counter->runs[i].dot);
    version_vector_join(&counter->resets, &counter->folded.basis);
    counter_fold_settle(counter);
}
