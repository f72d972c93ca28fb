#include "causal/counter_write.h"

#include "causal/counter_fold.h"
#include "causal/expired.h"
#include "causal/request_time.h"

/* A new expiry is of the string alone; what is counted stays, and is not put into the string. */
static void keep(const struct counter_write *write, struct register_effect *effect)
{
    const struct sibling *string = cell_visible(write->cell, write->now_ms);
    if (cell_has_counter(write->cell) && effect->replaces && !effect->sketch)
        effect->value = string != NULL ? string->value : slice_text("0");
}

/*
 * What it is answered by was read at some owners; written once more it is acknowledged as a write.
 */
static void answer_known(const struct counter_write *write, struct register_effect *effect)
{
    effect->number = 0;
    if (write->shown != NULL && !register_is_integer(write->shown->value, &effect->number))
        effect->number = 0;
    effect->old = write->shown != NULL ? write->shown->value : slice_text("0");
}

/* F2 of counter_fold.h. */
static void fold(const struct counter_write *write, struct counter *counter,
                 struct register_effect *effect)
{
    if (write->settled_ms > REQUEST_WINDOW_MS)
        effect->folded = counter_fold(counter, write->settled_ms - REQUEST_WINDOW_MS);
    effect->ids_wait = write->now_ms > REQUEST_WINDOW_MS &&
                       counter_has_ids_below(counter, write->now_ms - REQUEST_WINDOW_MS);
}

/* What was folded is known to nobody: only its time tells that it may have been counted. */
static enum status check_time(const struct counter_write *write, const struct counter *counter)
{
    uint64_t time_ms = request_time_ms(write->id);
    if (time_ms != 0 && time_ms < counter->folded.cut_ms)
        return STATUS_REQUEST_TOO_OLD;
    return request_time_check(write->id, write->now_ms);
}

static enum status add(const struct counter_write *write, struct register_effect *effect,
                       struct buffer *state)
{
    struct counter counter = {0};
    uint64_t expired_at_ms = cell_expired_at_ms(write->cell, write->now_ms);
    struct dot dot = write->dot;
    bool known = false;
    if (expired_at_ms != 0) {
        counter_join_cell(&counter, write->cell, 0, expired_at_ms);
        counter_reset(&counter);
        counter_join_cell(&counter, write->cell, expired_at_ms, UINT64_MAX);
        effect->replaces = true;
        effect->kind = SIBLING_TOMBSTONE;
    } else {
        counter_join_cell(&counter, write->cell, 0, UINT64_MAX);
    }
    dot.sequence += effect->replaces;
    fold(write, &counter, effect);
    enum status in_time = check_time(write, &counter);
    enum status status = counter_add(&counter, &dot, effect->amount, write->id, &known);
    if (!known && in_time != STATUS_OK)
        status = in_time;
    if (status == STATUS_OK && known)
        answer_known(write, effect);
    if (status == STATUS_OK)
        counter_encode(&counter, state);
    counter_deinit(&counter);
    return status;
}

enum status counter_write(const struct counter_write *write, struct register_effect *effect,
                          struct buffer *state)
{
    struct counter counter = {0};
    buffer_clear(state);
    if (!effect->write)
        return STATUS_OK;
    switch ((enum count_effect)effect->count) {
    case COUNT_KEEP:
        keep(write, effect);
        break;
    case COUNT_ADD:
        return add(write, effect, state);
    case COUNT_RESET:
        if (!cell_has_counter(write->cell))
            break;
        counter_join_cell(&counter, write->cell, 0, UINT64_MAX);
        fold(write, &counter, effect);
        counter_reset(&counter);
        counter_encode(&counter, state);
        counter_deinit(&counter);
        break;
    }
    return STATUS_OK;
}
