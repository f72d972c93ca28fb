#include "causal/counter_write.h"

#include "causal/expired.h"

/* A new expiry is of the string alone; what is counted stays, and is not put into the string. */
static void keep(const struct counter_write *write, struct register_effect *effect)
{
    const struct sibling *string = cell_visible(write->cell, write->now_ms);
    if (cell_has_counter(write->cell) && effect->replaces)
        effect->value = string != NULL ? string->value : slice_text("0");
}

static void answer_known(const struct counter_write *write, struct register_effect *effect)
{
    effect->write = effect->replaces = false;
    effect->number = 0;
    if (write->shown != NULL && !register_is_integer(write->shown->value, &effect->number))
        effect->number = 0;
    effect->old = write->shown != NULL ? write->shown->value : slice_text("0");
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
    enum status status = counter_add(&counter, &dot, effect->amount, write->id, &known);
    if (status == STATUS_OK && known)
        answer_known(write, effect);
    else if (status == STATUS_OK)
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
        counter_reset(&counter);
        counter_encode(&counter, state);
        counter_deinit(&counter);
        break;
    }
    return STATUS_OK;
}
