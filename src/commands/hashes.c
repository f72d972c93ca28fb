/*
 * hashes.c - hashes: a cell for each field (replica/collection.h).
 *
 * A field that is set wins over a removal that has not seen it; of two values set at once the
 * newer is shown.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/elements.h"
#include "ring/element_key.h"

static void ask_fields(struct call *call, struct element_ask ask)
{
    ask.type = COLLECTION_HASH;
    elements_ask_arguments(call, ask);
}

/* ---- writes ---- */

static void take_ok(struct call *call, const struct key_result *result)
{
    (void)result;
    call_reply_ok(call);
}

static void take_written(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, result->outcomes[1].written);
}

static void set_fields(struct call *call,
                       void (*take)(struct call *call, const struct key_result *result))
{
    if (call->argument_count % 2 != 0) {
        call_reply_error(call, "ERR wrong number of arguments for '%s' command",
                         call->command->name);
        return;
    }
    ask_fields(call, (struct element_ask){
                         .step = 2,
                         .count = (call->argument_count - 2) / 2,
                         .mutation = {.operation = REGISTER_SET, .flags = MUTATION_RETURN_OLD},
                         .kind = KEY_ELEMENTS_WRITE,
                         .take = take});
}

static void start_hset(struct call *call)
{
    set_fields(call, elements_take_new);
}

static void start_hmset(struct call *call)
{
    set_fields(call, take_ok);
}

static void start_hsetnx(struct call *call)
{
    ask_fields(call, (struct element_ask){
                         .step = 2,
                         .count = 1,
                         .mutation = {.operation = REGISTER_SET, .flags = MUTATION_IF_ABSENT},
                         .kind = KEY_ELEMENTS_WRITE,
                         .take = take_written});
}

static void take_number(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, result->outcomes[1].number);
}

static void take_sum(struct call *call, const struct key_result *result)
{
    call_reply_bulk(call, result->outcomes[1].value);
}

static void increment(struct call *call, uint16_t flags,
                      void (*take)(struct call *call, const struct key_result *result))
{
    call->adds_to_field = true;
    ask_fields(call, (struct element_ask){.step = 1,
                                          .count = 1,
                                          .mutation = {.operation = REGISTER_INCREMENT,
                                                       .flags = flags,
                                                       .value = call_argument(call, 3)},
                                          .kind = KEY_ELEMENTS_WRITE,
                                          .take = take});
}

static void start_hincrby(struct call *call)
{
    int64_t amount;
    if (parse_integer(call_argument(call, 3), &amount))
        increment(call, 0, take_number);
    else
        call_reply_not_an_integer(call);
}

/* Unlike a number that is too large: it has no digit. */
static bool is_infinity(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] >= '0' && text.data[i] <= '9')
            return false;
    return true;
}

static void start_hincrbyfloat(struct call *call)
{
    decimal amount;
    call->adds_decimal = true;
    switch (decimal_parse(call_argument(call, 3), &amount)) {
    case DECIMAL_TEXT_OK:
        increment(call, MUTATION_DECIMAL, take_sum);
        break;
    case DECIMAL_TEXT_BAD:
        call_reply_error(call, NOT_A_FLOAT);
        break;
    case DECIMAL_TEXT_TOO_LARGE:
        call_reply_error(call, is_infinity(call_argument(call, 3)) ? "ERR value is NaN or Infinity"
                                                                   : FLOAT_OVERFLOW);
        break;
    }
}

static void start_hdel(struct call *call)
{
    ask_fields(call, (struct element_ask){.step = 1,
                                          .count = call->argument_count - 2,
                                          .mutation = {.operation = REGISTER_DELETE},
                                          .kind = KEY_ELEMENTS_WRITE,
                                          .take = elements_take_removed});
}

/* ---- reads of named fields ---- */

static void take_value(struct call *call, const struct key_result *result)
{
    if (result->outcomes[1].visible)
        call_reply_bulk(call, result->outcomes[1].value);
    else
        call_reply_null(call);
}

static void take_values(struct call *call, const struct key_result *result)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, result->outcome_count - 1u);
    for (uint16_t i = 1; i < result->outcome_count; i++) {
        if (result->outcomes[i].visible)
            resp_writer_bulk(writer, result->outcomes[i].value);
        else
            resp_writer_null(writer);
    }
    call_finish(call);
}

static void take_length(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, (int64_t)result->outcomes[1].value.length);
}

static void get_fields(struct call *call,
                       void (*take)(struct call *call, const struct key_result *result))
{
    ask_fields(call, (struct element_ask){.step = 1,
                                          .count = call->argument_count - 2,
                                          .kind = KEY_ELEMENTS_GET,
                                          .take = take});
}

static void start_hget(struct call *call)
{
    get_fields(call, take_value);
}

static void start_hmget(struct call *call)
{
    get_fields(call, take_values);
}

static void start_hexists(struct call *call)
{
    get_fields(call, elements_take_presence);
}

static void start_hstrlen(struct call *call)
{
    get_fields(call, take_length);
}

/* ---- walks ---- */

static void finish_list(struct call *call)
{
    const struct element_list *list = call->work;
    if (elements_walk_failed(call))
        return;
    struct resp_writer writer = call_writer(call);
    if (list->names && list->values)
        resp_writer_map(writer, list->count);
    else
        resp_writer_array(writer, list->count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_hgetall(struct call *call)
{
    elements_list(call, COLLECTION_HASH, true, true, finish_list);
}

static void start_hkeys(struct call *call)
{
    elements_list(call, COLLECTION_HASH, true, false, finish_list);
}

static void start_hvals(struct call *call)
{
    elements_list(call, COLLECTION_HASH, false, true, finish_list);
}

static void start_hlen(struct call *call)
{
    elements_list(call, COLLECTION_HASH, false, false, elements_reply_count);
}

static void take_scanned(struct call *call, const struct key_outcome *outcome)
{
    struct element_scan *scan = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (scan->has_pattern && !glob_matches(scan->pattern, outcome->key, false))
        return;
    resp_writer_bulk(writer, outcome->key);
    resp_writer_bulk(writer, outcome->value);
    scan->shown += 2;
}

static void start_hscan(struct call *call)
{
    elements_scan(call, COLLECTION_HASH, take_scanned);
}

/* ---- rows ---- */

#define HASH_ROW(...) ELEMENTS_ROW("hash", CATEGORY_HASH, __VA_ARGS__)

#define HASH_WRITE (COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST)
#define HASH_READ  (COMMAND_READONLY | COMMAND_FAST)
#define OF_FIELDS  "O(N) in the number of fields that are named."
#define OF_ALL     "O(N) in the number of fields of the hash."

HASH_ROW(hset, "2.0.0",
         "Sets fields; how many are new. One that is set wins over a removal that has not seen it.",
         OF_FIELDS, "key field value [field value ...]", -4, HASH_WRITE,
         KEY_FLAG_RW | KEY_FLAG_UPDATE);
HASH_ROW(hmset, "2.0.0", "HSET that answers OK.", OF_FIELDS, "key field value [field value ...]",
         -4, HASH_WRITE, KEY_FLAG_RW | KEY_FLAG_UPDATE);
HASH_ROW(hsetnx, "2.0.0",
         "Sets a field that has no value. Two owners that cannot see each other may both do it.",
         "O(1)", "key field value", 4, HASH_WRITE, KEY_FLAG_RW | KEY_FLAG_INSERT);
HASH_ROW(hdel, "2.0.0", "Removes fields as far as they were seen; how many had a value.", OF_FIELDS,
         "key field [field ...]", -3, COMMAND_WRITE | COMMAND_FAST, KEY_FLAG_RW | KEY_FLAG_DELETE);
HASH_ROW(hincrby, "2.0.0",
         "Adds to the number in a field. Increments at different owners all count.", "O(1)",
         "key field increment", 4, HASH_WRITE, KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE);
HASH_ROW(
    hincrbyfloat, "2.6.0",
    "Adds to the number in a field: exact decimals, as INCRBYFLOAT. All count, as with HINCRBY.",
    "O(1)", "key field increment", 4, HASH_WRITE, KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_UPDATE);
HASH_ROW(hget, "2.0.0", "The value of a field.", "O(1)", "key field", 3, HASH_READ,
         KEY_FLAG_RO | KEY_FLAG_ACCESS);
HASH_ROW(hmget, "2.0.0", "The values of several fields, of one moment at each owner.", OF_FIELDS,
         "key field [field ...]", -3, HASH_READ, KEY_FLAG_RO | KEY_FLAG_ACCESS);
HASH_ROW(hexists, "2.0.0", "Whether a field has a value.", "O(1)", "key field", 3, HASH_READ,
         KEY_FLAG_RO);
HASH_ROW(hstrlen, "3.2.0", "The length of the value of a field.", "O(1)", "key field", 3, HASH_READ,
         KEY_FLAG_RO);
HASH_ROW(hgetall, "2.0.0",
         "All fields and values, read page by page; at most 32 MiB, more is walked with HSCAN.",
         OF_ALL, "key", 2, COMMAND_READONLY, KEY_FLAG_RO | KEY_FLAG_ACCESS);
HASH_ROW(hkeys, "2.0.0", "The names of all fields, read page by page; at most 32 MiB.", OF_ALL,
         "key", 2, COMMAND_READONLY, KEY_FLAG_RO | KEY_FLAG_ACCESS);
HASH_ROW(hvals, "2.0.0", "The values of all fields, read page by page; at most 32 MiB.", OF_ALL,
         "key", 2, COMMAND_READONLY, KEY_FLAG_RO | KEY_FLAG_ACCESS);
HASH_ROW(hlen, "2.0.0",
         "How many fields have a value: exact at the level that was asked, by a walk over them.",
         OF_ALL, "key", 2, COMMAND_READONLY, KEY_FLAG_RO);
HASH_ROW(hscan, "2.8.0",
         "Some fields from a cursor on, and the next cursor; 0 is the end. Any node continues any "
         "cursor.",
         "O(COUNT)", "key cursor [MATCH pattern] [COUNT count]", -3, COMMAND_READONLY,
         KEY_FLAG_RO | KEY_FLAG_ACCESS);
