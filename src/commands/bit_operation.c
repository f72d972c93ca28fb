/*
 * bit_operation.c - BITOP: read the sources one by one, put them together, write the result.
 *
 * The sources may lie in partitions that differ, so this is not atomic: each is read at the
 * level of the request, and what changes afterwards is not in the result.
 */
#include "commands/call.h"
#include "commands/command_list.h"

#include <string.h>

enum bit_operator { OPERATOR_AND, OPERATOR_OR, OPERATOR_XOR, OPERATOR_NOT };

enum { FIRST_SOURCE = 3 };

struct bit_operation {
    enum bit_operator kind;
    bool any; /* a source has been taken; the result so far is in call->scratch */
    struct key_result failure;
};

static void make_read(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = call_entries(call, 1);
    entry->key = call_argument(call, FIRST_SOURCE + index);
    request->kind = KEY_READ;
    request->partition = call_partition(call, entry->key);
    request->entry_count = 1;
    request->entries = entry;
}

static void lengthen(struct buffer *value, size_t length)
{
    if (length <= value->length)
        return;
    uint8_t *to = buffer_reserve(value, length - value->length);
    memset(to, 0, length - value->length);
    value->length = length;
}

/* One more source; the shorter of two goes on with zeros. AND, OR and XOR need no order. */
static void put_together(struct bit_operation *work, struct slice source, struct buffer *value)
{
    lengthen(value, source.length);
    for (size_t i = 0; i < value->length; i++) {
        uint8_t byte = i < source.length ? source.data[i] : 0;
        if (work->kind == OPERATOR_NOT)
            value->data[i] = (uint8_t)~byte;
        else if (!work->any || work->kind == OPERATOR_OR)
            value->data[i] |= byte;
        else if (work->kind == OPERATOR_XOR)
            value->data[i] ^= byte;
        else
            value->data[i] &= byte;
    }
    work->any = true;
}

static void collect_source(struct call *call, uint32_t index, const struct key_result *result)
{
    struct bit_operation *work = call->work;
    (void)index;
    if (result->status != STATUS_OK || result->outcome_count != 1) {
        work->failure = (struct key_result){.status = result->status == STATUS_OK ? STATUS_CORRUPT
                                                                                  : result->status,
                                            .acks = result->acks,
                                            .needed = result->needed};
        call_scatter_stop(call);
        return;
    }
    const struct key_outcome *outcome = &result->outcomes[0];
    if (outcome->collection != 0) {
        work->failure = (struct key_result){.status = STATUS_WRONG_TYPE};
        call_scatter_stop(call);
        return;
    }
    put_together(work, outcome->visible ? outcome->value : slice_make(NULL, 0), &call->scratch);
}

static void take_result(struct call *call, const struct key_outcome *outcome)
{
    (void)outcome;
    call_reply_integer(call, (int64_t)call->scratch.length);
}

static void write_result(struct call *call)
{
    const struct bit_operation *work = call->work;
    bool empty = call->scratch.length == 0;
    struct mutation mutation = {.operation = empty ? REGISTER_DELETE : REGISTER_SET,
                                .value = buffer_slice(&call->scratch)};
    if (work->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &work->failure);
    else
        call_write(call, call_argument(call, 2), &mutation, take_result);
}

static void start_bitop(struct call *call)
{
    static const char *const names[] = {[OPERATOR_AND] = "and",
                                        [OPERATOR_OR] = "or",
                                        [OPERATOR_XOR] = "xor",
                                        [OPERATOR_NOT] = "not"};
    struct bit_operation *work = call_work(call, sizeof *work);
    uint32_t sources = call->argument_count - FIRST_SOURCE;
    unsigned i = 0;
    while (i <= OPERATOR_NOT && !call_argument_is(call, 1, names[i]))
        i++;
    if (i > OPERATOR_NOT) {
        call_reply_syntax_error(call);
        return;
    }
    work->kind = (enum bit_operator)i;
    if (work->kind == OPERATOR_NOT && sources != 1)
        call_reply_error(call, "ERR BITOP NOT must be called with a single source key.");
    else
        call_scatter(call, sources, make_read, collect_source, write_result);
}

const struct command command_bitop = {
    .name = "bitop",
    .group = "bitmap",
    .since = "2.6.0",
    .summary = "Puts strings together bit by bit: AND, OR, XOR, or NOT of one. Not atomic: read "
               "there, then written here.",
    .complexity = "O(N) in the length of all strings.",
    .syntax = "operation destkey key [key ...]",
    .arity = -4,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_BITMAP,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 2, 0, 1}, {KEY_FLAG_RO | KEY_FLAG_ACCESS, 3, -1, 1}},
    .start = start_bitop,
};
