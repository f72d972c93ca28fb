/*
 * hashes.c - hashes: a cell for each field (replica/collection.h).
 *
 * A field that is set wins over a removal that has not seen it; of two values set at once the
 * newer is shown. Commands that name fields are one key request, whatever else the hash holds.
 * Those that show all of it ask page by page, and gather what one answer may hold.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/hash_sample.h"
#include "commands/types.h"
#include "ring/element_key.h"

enum {
    FIELDS_MAX = KEY_ENTRIES_MAX - 1,
    HASH_ANSWER_BYTES_MAX = 32 << 20,
    PAGE_FIELDS = 1000,
    HSCAN_COUNT_DEFAULT = 10
};

/* ---- asking for named fields ---- */

struct field_call {
    uint32_t first, step, count; /* arguments that name fields */
    struct mutation mutation; /* KEY_ELEMENTS_WRITE; with step 2 the value is from the arguments */
    uint8_t kind;
    void (*take)(struct call *call, const struct key_result *result);
};

static void make_fields(struct call *call, uint32_t index, struct key_request *request)
{
    const struct field_call *fields = call->work;
    struct key_entry *entries = call_entries(call, fields->count + 1);
    (void)index;
    entries[0].key = call_argument(call, 1);
    for (uint32_t i = 0; i < fields->count; i++) {
        uint32_t argument = fields->first + i * fields->step;
        entries[i + 1].key = call_argument(call, argument);
        entries[i + 1].mutation = fields->mutation;
        if (fields->step == 2)
            entries[i + 1].mutation.value = call_argument(call, argument + 1);
    }
    request->kind = fields->kind;
    request->collection = COLLECTION_HASH;
    request->partition = call_partition(call, entries[0].key);
    request->entry_count = (uint16_t)(fields->count + 1);
    request->entries = entries;
}

/* WAIT asks for the last field that was written; those before it have travelled with it. */
static void note_write(struct call *call, const struct field_call *fields,
                       const struct key_result *result)
{
    uint32_t last = fields->count;
    bool whole = result->outcome_count == fields->count + 1;
    while (whole && last > 1 && !result->outcomes[last].written)
        last--;
    call_note_element(call, call_argument(call, 1), COLLECTION_HASH,
                      call_argument(call, fields->first + (last - 1) * fields->step), result,
                      whole ? &result->outcomes[last] : NULL);
}

static void collect_fields(struct call *call, uint32_t index, const struct key_result *result)
{
    const struct field_call *fields = call->work;
    bool writes = fields->kind == KEY_ELEMENTS_WRITE;
    (void)index;
    if (writes)
        note_write(call, fields, result);
    if (result->status != STATUS_OK)
        call_reply_failure(call, writes ? KEY_WRITE : KEY_READ, result);
    else if (result->outcome_count != fields->count + 1)
        call_reply_error(call, "ERR the owner's answer has %u outcomes for %u fields",
                         result->outcome_count, fields->count);
    else
        fields->take(call, result);
}

static void nothing_left(struct call *call)
{
    (void)call; /* collect_fields() has replied */
}

bool hash_keyspace_is_right(struct call *call)
{
    const struct ring_keyspace *keyspace =
        ring_keyspace(call_environment(call)->ring, call->keyspace);
    if (keyspace != NULL && keyspace->policy == KEYSPACE_SIBLINGS)
        call_reply_error(call, "ERR a keyspace that keeps siblings has no hashes");
    else if (keyspace != NULL && keyspace->default_ttl_ms != 0)
        call_reply_error(call, "ERR a keyspace with a default time to live has no hashes");
    else
        return true;
    return false;
}

static bool check_fields(struct call *call, const struct field_call *fields)
{
    uint32_t maximum = call_value_bytes_max(call);
    if (fields->count > FIELDS_MAX) {
        call_reply_error(call, "TOOLARGE '%s' takes at most %u fields; nothing was written",
                         call->command->name, FIELDS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        uint32_t argument = fields->first + i * fields->step;
        if (!element_key_fits(call_argument(call, 1), call_argument(call, argument))) {
            call_reply_error(call,
                             "TOOLARGE a key and the name of a field have at most %u bytes "
                             "together; nothing was written",
                             ELEMENT_KEY_BYTES_MAX - ELEMENT_KEY_OVERHEAD);
            return false;
        }
        if (fields->step == 2 && call_argument(call, argument + 1).length > maximum) {
            call_reply_error(call, "TOOLARGE a value has at most %u bytes; nothing was written",
                             maximum);
            return false;
        }
    }
    return true;
}

static void ask_fields(struct call *call, struct field_call fields)
{
    if (!hash_keyspace_is_right(call) || !check_fields(call, &fields))
        return;
    struct field_call *kept = call_work(call, sizeof *kept);
    *kept = fields;
    call_scatter(call, 1, make_fields, collect_fields, nothing_left);
}

/* ---- writes ---- */

static void take_new(struct call *call, const struct key_result *result)
{
    int64_t count = 0;
    for (uint16_t i = 1; i < result->outcome_count; i++)
        count += !result->outcomes[i].visible; /* no value was there before */
    call_reply_integer(call, count);
}

static void take_ok(struct call *call, const struct key_result *result)
{
    (void)result;
    call_reply_ok(call);
}

static void take_written(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, result->outcomes[1].written);
}

static void take_removed(struct call *call, const struct key_result *result)
{
    int64_t count = 0;
    for (uint16_t i = 1; i < result->outcome_count; i++)
        count += result->outcomes[i].written;
    call_reply_integer(call, count);
}

static void set_fields(struct call *call,
                       void (*take)(struct call *call, const struct key_result *result))
{
    if (call->argument_count % 2 != 0) {
        call_reply_error(call, "ERR wrong number of arguments for '%s' command",
                         call->command->name);
        return;
    }
    ask_fields(call, (struct field_call){
                         .first = 2,
                         .step = 2,
                         .count = (call->argument_count - 2) / 2,
                         .mutation = {.operation = REGISTER_SET, .flags = MUTATION_RETURN_OLD},
                         .kind = KEY_ELEMENTS_WRITE,
                         .take = take});
}

static void start_hset(struct call *call)
{
    set_fields(call, take_new);
}

static void start_hmset(struct call *call)
{
    set_fields(call, take_ok);
}

static void start_hsetnx(struct call *call)
{
    ask_fields(call, (struct field_call){
                         .first = 2,
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
    ask_fields(call, (struct field_call){.first = 2,
                                         .step = 1,
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
        call_reply_error(call, FLOAT_OVERFLOW);
        break;
    }
}

static void start_hdel(struct call *call)
{
    ask_fields(call, (struct field_call){.first = 2,
                                         .step = 1,
                                         .count = call->argument_count - 2,
                                         .mutation = {.operation = REGISTER_DELETE},
                                         .kind = KEY_ELEMENTS_WRITE,
                                         .take = take_removed});
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

static void take_presence(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, result->outcomes[1].visible);
}

static void take_length(struct call *call, const struct key_result *result)
{
    call_reply_integer(call, (int64_t)result->outcomes[1].value.length);
}

static void get_fields(struct call *call,
                       void (*take)(struct call *call, const struct key_result *result))
{
    ask_fields(call, (struct field_call){.first = 2,
                                         .step = 1,
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
    get_fields(call, take_presence);
}

static void start_hstrlen(struct call *call)
{
    get_fields(call, take_length);
}

/* ---- walks ---- */

struct hash_walk {
    uint64_t place;
    uint32_t limit;
    bool one_page, done;
    bool fields, values; /* that are shown */
    bool has_pattern;
    struct slice pattern;
    uint64_t count; /* of fields that were met and match */
    bool too_large;
    struct key_result failure;
};

static void make_page(struct call *call, uint32_t index, struct key_request *request)
{
    const struct hash_walk *walk = call->work;
    (void)index;
    collection_make_walk(call, call_argument(call, 1), walk->place, walk->limit, request);
}

static void collect_page(struct call *call, uint32_t index, const struct key_result *result)
{
    struct hash_walk *walk = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (!collection_page_leads_on(result, walk->place)) {
        walk->failure = collection_page_failure(result);
        return;
    }
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        const struct key_outcome *outcome = &result->outcomes[i];
        if (walk->has_pattern && !glob_matches(walk->pattern, outcome->key, false))
            continue;
        if (walk->fields)
            resp_writer_bulk(writer, outcome->key);
        if (walk->values)
            resp_writer_bulk(writer, outcome->value);
        walk->count++;
    }
    walk->place = result->next_position;
    walk->done = result->scan_done;
    walk->too_large = call->scratch.length > HASH_ANSWER_BYTES_MAX;
    if (!walk->done && !walk->one_page && !walk->too_large)
        call_repeat(call, index);
}

/* true: the answer is the error. */
static bool reply_walk_failure(struct call *call)
{
    const struct hash_walk *walk = call->work;
    if (walk->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &walk->failure);
    else if (walk->too_large && !walk->one_page)
        call_reply_error(call, "TOOLARGE the hash has more than %u bytes; walk it with HSCAN",
                         HASH_ANSWER_BYTES_MAX);
    else
        return false;
    return true;
}

static void finish_list(struct call *call)
{
    const struct hash_walk *walk = call->work;
    if (reply_walk_failure(call))
        return;
    struct resp_writer writer = call_writer(call);
    if (walk->fields && walk->values)
        resp_writer_map(writer, walk->count);
    else
        resp_writer_array(writer, walk->count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void finish_count(struct call *call)
{
    const struct hash_walk *walk = call->work;
    if (!reply_walk_failure(call))
        call_reply_integer(call, (int64_t)walk->count);
}

static void start_walk(struct call *call, bool fields, bool values, call_next *then)
{
    if (!hash_keyspace_is_right(call))
        return;
    struct hash_walk *walk = call_work(call, sizeof *walk);
    walk->limit = PAGE_FIELDS;
    walk->fields = fields;
    walk->values = values;
    call_scatter(call, 1, make_page, collect_page, then);
}

static void start_hgetall(struct call *call)
{
    start_walk(call, true, true, finish_list);
}

static void start_hkeys(struct call *call)
{
    start_walk(call, true, false, finish_list);
}

static void start_hvals(struct call *call)
{
    start_walk(call, false, true, finish_list);
}

static void start_hlen(struct call *call)
{
    start_walk(call, false, false, finish_count);
}

static void finish_hscan(struct call *call)
{
    const struct hash_walk *walk = call->work;
    if (reply_walk_failure(call))
        return;
    struct resp_writer writer = call_writer(call);
    struct buffer cursor = {0};
    buffer_printf(&cursor, "%llu", walk->done ? 0 : (unsigned long long)walk->place);
    resp_writer_array(writer, 2);
    resp_writer_bulk(writer, buffer_slice(&cursor));
    resp_writer_array(writer, 2 * walk->count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    buffer_deinit(&cursor);
    call_finish(call);
}

/* false: the error is sent. */
static bool parse_hscan_option(struct call *call, uint32_t at, struct hash_walk *walk)
{
    int64_t count;
    if (at + 1 < call->argument_count && call_argument_is(call, at, "match")) {
        walk->has_pattern = true;
        walk->pattern = call_argument(call, at + 1);
        return true;
    }
    if (at + 1 >= call->argument_count || !call_argument_is(call, at, "count")) {
        call_reply_syntax_error(call);
        return false;
    }
    if (!parse_integer(call_argument(call, at + 1), &count)) {
        call_reply_not_an_integer(call);
        return false;
    }
    if (count < 1) {
        call_reply_syntax_error(call);
        return false;
    }
    walk->limit = count < SCAN_LIMIT_MAX ? (uint32_t)count : SCAN_LIMIT_MAX;
    return true;
}

static void start_hscan(struct call *call)
{
    struct hash_walk parsed = {
        .limit = HSCAN_COUNT_DEFAULT, .one_page = true, .fields = true, .values = true};
    struct slice cursor = call_argument(call, 2);
    while (cursor.length > 1 && cursor.data[0] == '0')
        cursor = slice_make(cursor.data + 1, cursor.length - 1);
    if (!parse_unsigned(cursor, &parsed.place)) {
        call_reply_error(call, "ERR invalid cursor");
        return;
    }
    for (uint32_t at = 3; at < call->argument_count; at += 2) {
        if (!parse_hscan_option(call, at, &parsed))
            return;
    }
    if (!hash_keyspace_is_right(call))
        return;
    struct hash_walk *walk = call_work(call, sizeof *walk);
    *walk = parsed;
    call_scatter(call, 1, make_page, collect_page, finish_hscan);
}

/* ---- rows ---- */

#define HASH_ROW(word, number, what, cost, arguments, count, bits, key_bits)                       \
    const struct command command_##word = {                                                        \
        .name = #word,                                                                             \
        .group = "hash",                                                                           \
        .since = number,                                                                           \
        .summary = what,                                                                           \
        .complexity = cost,                                                                        \
        .syntax = arguments,                                                                       \
        .arity = count,                                                                            \
        .flags = bits,                                                                             \
        .categories = CATEGORY_HASH,                                                               \
        .keys = {{key_bits, 1, 0, 1}},                                                             \
        .start = start_##word,                                                                     \
    }

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
