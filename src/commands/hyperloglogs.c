/*
 * hyperloglogs.c - PFADD PFCOUNT PFMERGE: how many different elements keys have seen.
 *
 * PFADD makes a sketch of its elements and sends that; the owner joins it to what is there
 * (REGISTER_SKETCH), so adding again changes nothing, and additions at owners that do not see each
 * other are joined. PFCOUNT and PFMERGE read each key at the level of the request and join them
 * here. Unlike Redis, PFCOUNT writes nothing: the count is not cached in the value.
 */
#include "causal/hyperloglog.h"
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/types.h"

#define NOT_A_SKETCH "WRONGTYPE Key is not a valid HyperLogLog string value."
#define CORRUPTED    "INVALIDOBJ Corrupted HLL object detected"

struct joined {
    struct hyperloglog sketch;
    uint32_t first; /* argument with the first key that is read */
    call_next *then;
    struct key_result failure;
    enum hyperloglog_form form; /* of the first value that cannot be joined */
};

/* ---- PFADD ---- */

static void take_number(struct call *call, const struct key_outcome *outcome)
{
    call_reply_integer(call, outcome->number);
}

static void take_ok(struct call *call, const struct key_outcome *outcome)
{
    (void)outcome;
    call_reply_ok(call);
}

/* `call->scratch` becomes the sketch. */
static void write_sketch(struct call *call, const struct hyperloglog *sketch, call_take *take)
{
    buffer_clear(&call->scratch);
    hyperloglog_encode(sketch, &call->scratch);
    struct mutation mutation = {.operation = REGISTER_SKETCH,
                                .value = buffer_slice(&call->scratch)};
    call->failed_sum = NOT_A_SKETCH;
    call_write(call, call_argument(call, 1), &mutation, take);
}

static void start_pfadd(struct call *call)
{
    struct hyperloglog sketch = {{0}};
    for (uint32_t i = 2; i < call->argument_count; i++)
        hyperloglog_add(&sketch, call_argument(call, i));
    write_sketch(call, &sketch, take_number);
}

/* ---- reading several ---- */

static void make_read(struct call *call, uint32_t index, struct key_request *request)
{
    const struct joined *joined = call->work;
    struct key_entry *entry = call_entries(call, 1);
    entry->key = call_argument(call, joined->first + index);
    request->kind = KEY_READ;
    request->partition = call_partition(call, entry->key);
    request->entry_count = 1;
    request->entries = entry;
}

static void collect_sketch(struct call *call, uint32_t index, const struct key_result *result)
{
    struct joined *joined = call->work;
    if (result->status != STATUS_OK || result->outcome_count != 1) {
        joined->failure = collection_page_failure(result);
        call_scatter_stop(call);
        return;
    }
    const struct key_outcome *outcome = &result->outcomes[0];
    if (!outcome->visible) {
        if (outcome->collection != COLLECTION_NONE)
            flag_key(call, joined->first + index, outcome->collection, false);
        return;
    }
    enum hyperloglog_form form = hyperloglog_join(&joined->sketch, outcome->value, NULL);
    if (joined->form == HYPERLOGLOG_SOUND)
        joined->form = form;
}

static void judge(struct call *call)
{
    struct joined *joined = call->work;
    bool other_type = false;
    if (joined->failure.status == STATUS_OK)
        joined->failure = call->flagged_failure;
    for (uint32_t i = 0; i < flagged_count(call); i++)
        other_type = other_type || flagged_key(call, i)->present;
    if (joined->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &joined->failure);
    else if (other_type)
        call_reply_error(call, WRONG_TYPE);
    else if (joined->form != HYPERLOGLOG_SOUND)
        call_reply_error(call, "%s",
                         joined->form == HYPERLOGLOG_CORRUPT ? CORRUPTED : NOT_A_SKETCH);
    else
        joined->then(call);
}

static void look(struct call *call)
{
    const struct joined *joined = call->work;
    if (joined->failure.status != STATUS_OK || !flagged_look(call, judge))
        judge(call);
}

/* The keys from argument `first` on; there is at least one. */
static void join_keys(struct call *call, uint32_t first, call_next *then)
{
    struct joined *joined = call_work(call, sizeof *joined);
    joined->first = first;
    joined->then = then;
    call_scatter(call, call->argument_count - first, make_read, collect_sketch, look);
}

static void reply_count(struct call *call)
{
    const struct joined *joined = call->work;
    call_reply_integer(call, (int64_t)hyperloglog_count(&joined->sketch));
}

static void start_pfcount(struct call *call)
{
    join_keys(call, 1, reply_count);
}

static void write_merged(struct call *call)
{
    const struct joined *joined = call->work;
    write_sketch(call, &joined->sketch, take_ok);
}

/* The destination is one of the sources; it is joined once more where it is written. */
static void start_pfmerge(struct call *call)
{
    join_keys(call, 1, write_merged);
}

/* ---- rows ---- */

const struct command command_pfadd = {
    .name = "pfadd",
    .group = "hyperloglog",
    .since = "2.8.9",
    .summary = "Adds elements to a HyperLogLog; 1 when its count may have changed. Concurrent "
               "additions are joined, and adding again is safe.",
    .complexity = "O(N) in the number of elements, and the 16384 registers of the key.",
    .syntax = "key [element ...]",
    .arity = -2,
    .repeatable = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
    .categories = CATEGORY_HYPERLOGLOG,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_INSERT, 1, 0, 1}},
    .start = start_pfadd,
};

const struct command command_pfcount = {
    .name = "pfcount",
    .group = "hyperloglog",
    .since = "2.8.9",
    .summary = "How many different elements the keys have seen together, with a standard error of "
               "0.81 %. Each key is read for itself.",
    .complexity = "O(N) in the number of keys, each with 16384 registers.",
    .syntax = "key [key ...]",
    .arity = -2,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_HYPERLOGLOG,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, -1, 1}},
    .start = start_pfcount,
};

const struct command command_pfmerge = {
    .name = "pfmerge",
    .group = "hyperloglog",
    .since = "2.8.9",
    .summary = "Joins HyperLogLogs into the first key, and what is there. Not atomic: read there, "
               "then joined here; sending it again is safe.",
    .complexity = "O(N) in the number of keys, each with 16384 registers.",
    .syntax = "destkey [sourcekey ...]",
    .arity = -2,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_HYPERLOGLOG,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_INSERT, 1, 0, 1},
             {KEY_FLAG_RO | KEY_FLAG_ACCESS, 2, -1, 1}},
    .start = start_pfmerge,
};
