/*
 * multi_key.c - commands on many keys: MGET MSET MSETNX DEL UNLINK EXISTS TOUCH.
 *
 * Reads ask key by key. Writes are grouped: keys of one partition travel in one
 * request, as many as fit. Each key keeps the promise of the level for itself; only
 * MSETNX, which must lie in one slot, is all or nothing. When some parts of a write
 * went through and others did not, the answer is UNCERTAIN and says how many.
 */
#include <stdlib.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/types.h"
#include "ring/position.h"

enum { GROUP_BYTES_MAX = 4 << 20 }; /* values of one request, far below a frame */

/* ---- reads ---- */

struct span {
    size_t offset, length;
};

struct multi_read {
    uint32_t failed;
    struct key_result failure; /* the first one */
    int64_t visible;
    struct span spans[]; /* of each key's encoded value in call->scratch */
};

static void make_read(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = call_entries(call, 1);
    entry->key = call_argument(call, 1 + index);
    request->kind = KEY_READ;
    request->partition = call_partition(call, entry->key);
    request->entry_count = 1;
    request->entries = entry;
}

/* NULL: it failed, and that is noted. */
static const struct key_outcome *read_outcome(struct call *call, struct multi_read *read,
                                              const struct key_result *result)
{
    if (result->status == STATUS_OK && result->outcome_count == 1) {
        struct node_statistics *statistics = call_environment(call)->statistics;
        if (result->outcomes[0].visible)
            statistics->keyspace_hits++;
        else
            statistics->keyspace_misses++;
        return &result->outcomes[0];
    }
    if (read->failed++ == 0)
        read->failure = (struct key_result){
            .status = result->status == STATUS_OK ? STATUS_CORRUPT : result->status,
            .acks = result->acks,
            .hints = result->hints,
            .needed = result->needed,
        };
    return NULL;
}

/* true: the answer is the error. */
static bool reply_read_failure(struct call *call, struct multi_read *read)
{
    if (read->failed == 0)
        return false;
    uint32_t count = call->argument_count - 1;
    struct buffer text = {0};
    call_failure_text(KEY_READ, &read->failure, &text);
    if (count > 1)
        buffer_printf(&text, " (%u of %u keys)", read->failed, count);
    call_reply_error(call, "%.*s", (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
    return true;
}

static void collect_value(struct call *call, uint32_t index, const struct key_result *result)
{
    struct multi_read *read = call->work;
    const struct key_outcome *outcome = read_outcome(call, read, result);
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (outcome == NULL)
        return;
    read->spans[index].offset = call->scratch.length;
    if (outcome->visible)
        resp_writer_bulk(writer, outcome->value);
    else
        resp_writer_null(writer);
    read->spans[index].length = call->scratch.length - read->spans[index].offset;
}

static void finish_mget(struct call *call)
{
    struct multi_read *read = call->work;
    if (reply_read_failure(call, read))
        return;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, call->argument_count - 1);
    for (uint32_t i = 0; i + 1 < call->argument_count; i++)
        buffer_append(writer.out, call->scratch.data + read->spans[i].offset,
                      read->spans[i].length);
    call_finish(call);
}

static void start_mget(struct call *call)
{
    uint32_t count = call->argument_count - 1;
    call_work(call, sizeof(struct multi_read) + count * sizeof(struct span));
    call_scatter(call, count, make_read, collect_value, finish_mget);
}

static void collect_presence(struct call *call, uint32_t index, const struct key_result *result)
{
    struct multi_read *read = call->work;
    const struct key_outcome *outcome = read_outcome(call, read, result);
    if (outcome != NULL && outcome->visible)
        read->visible++;
    else if (outcome != NULL && outcome->collection != 0)
        flag_key(call, 1 + index, outcome->collection, false);
}

static void count_collections(struct call *call)
{
    struct multi_read *read = call->work;
    if (call->flagged_failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_READ, &call->flagged_failure);
        return;
    }
    for (uint32_t i = 0; i < flagged_count(call); i++)
        read->visible += flagged_key(call, i)->present;
    call_reply_integer(call, read->visible);
}

static void finish_exists(struct call *call)
{
    struct multi_read *read = call->work;
    if (!reply_read_failure(call, read) && !flagged_look(call, count_collections))
        call_reply_integer(call, read->visible);
}

static void start_exists(struct call *call)
{
    call_work(call, sizeof(struct multi_read));
    call_scatter(call, call->argument_count - 1, make_read, collect_presence, finish_exists);
}

/* ---- writes ---- */

struct key_place {
    uint32_t argument;
    partition_id partition;
};

struct group {
    uint32_t first, count; /* in places */
};

struct multi_write {
    struct mutation mutation; /* of each key; the value comes from the arguments */
    uint32_t step;            /* arguments per key */
    uint32_t place_count, group_count;
    uint32_t applied, unknown, failed; /* keys */
    struct key_result failure;         /* the first one, a definite one if there is any */
    int64_t number;                    /* sum of the outcomes' */
    struct group *groups;              /* behind the places */
    struct key_place places[];
};

/* By partition, then key; equal keys stand in the order of the request. */
static int compare_places(const void *a, const void *b, void *data)
{
    const struct key_place *left = a, *right = b;
    const struct call *call = data;
    if (left->partition != right->partition)
        return left->partition < right->partition ? -1 : 1;
    int order = slice_compare(call->arguments[left->argument], call->arguments[right->argument]);
    if (order != 0)
        return order;
    return left->argument < right->argument ? -1 : left->argument > right->argument;
}

/* Of a key that is named more than once the last one counts, as if done in order. */
static void drop_repeated(const struct call *call, struct multi_write *write)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < write->place_count; i++) {
        bool repeated = i + 1 < write->place_count &&
                        slice_equal(call->arguments[write->places[i].argument],
                                    call->arguments[write->places[i + 1].argument]);
        if (!repeated)
            write->places[kept++] = write->places[i];
    }
    write->place_count = kept;
}

static size_t place_bytes(const struct call *call, const struct multi_write *write,
                          const struct key_place *place)
{
    size_t bytes = call->arguments[place->argument].length;
    return write->step == 1 ? bytes : bytes + call->arguments[place->argument + 1].length;
}

static void make_groups(struct call *call, struct multi_write *write)
{
    size_t bytes = 0;
    struct group *group = NULL;
    for (uint32_t i = 0; i < write->place_count; i++) {
        size_t more = place_bytes(call, write, &write->places[i]);
        if (group == NULL || group->count == KEY_ENTRIES_MAX || bytes + more > GROUP_BYTES_MAX ||
            write->places[group->first].partition != write->places[i].partition) {
            group = &write->groups[write->group_count++];
            group->first = i;
            bytes = 0;
        }
        group->count++;
        bytes += more;
    }
}

/* `step` 1: keys; 2: keys, each with its value behind it. */
static struct multi_write *prepare_write(struct call *call, uint32_t step,
                                         enum register_operation operation)
{
    uint32_t count = (call->argument_count - 1) / step;
    struct multi_write *write =
        call_work(call, sizeof *write + count * (sizeof(struct key_place) + sizeof(struct group)));
    write->groups = (struct group *)(write->places + count);
    write->mutation.operation = operation;
    write->step = step;
    write->place_count = count;
    for (uint32_t i = 0; i < count; i++) {
        write->places[i].argument = 1 + i * step;
        write->places[i].partition = call_partition(call, call_argument(call, 1 + i * step));
    }
    qsort_r(write->places, count, sizeof *write->places, compare_places, call);
    drop_repeated(call, write);
    return write;
}

static void make_write(struct call *call, uint32_t index, struct key_request *request)
{
    struct multi_write *write = call->work;
    const struct group *group = &write->groups[index];
    struct key_entry *entries = call_entries(call, group->count);
    for (uint32_t i = 0; i < group->count; i++) {
        const struct key_place *place = &write->places[group->first + i];
        entries[i].key = call->arguments[place->argument];
        entries[i].mutation = write->mutation;
        call_give_context(call, &entries[i]);
        if (write->step == 2)
            entries[i].mutation.value = call->arguments[place->argument + 1];
    }
    request->kind = KEY_WRITE;
    request->partition = write->places[group->first].partition;
    request->entry_count = (uint16_t)group->count;
    request->entries = entries;
    if (write->mutation.flags & MUTATION_IF_ABSENT)
        request->flags |= KEY_ALL_OR_NOTHING;
}

static void note_failure(struct multi_write *write, enum status status,
                         const struct key_result *result)
{
    write->failure = (struct key_result){
        .status = status, .acks = result->acks, .hints = result->hints, .needed = result->needed};
}

static void collect_write(struct call *call, uint32_t index, const struct key_result *result)
{
    struct multi_write *write = call->work;
    const struct group *group = &write->groups[index];
    struct slice last_key =
        call->arguments[write->places[group->first + group->count - 1].argument];
    const struct key_outcome *last =
        result->outcome_count == group->count ? &result->outcomes[group->count - 1] : NULL;
    call_note_write(call, call->keyspace, last_key, result, last);
    if (result->status == STATUS_OK && last != NULL) {
        write->applied += group->count;
        for (uint32_t i = 0; i < group->count; i++) {
            write->number += result->outcomes[i].number;
            if (result->outcomes[i].collection == 0)
                continue;
            if (write->step == 2)
                flag_replaced(call, write->places[group->first + i].argument);
            else
                flag_key(call, write->places[group->first + i].argument,
                         result->outcomes[i].collection, result->outcomes[i].number > 0);
        }
    } else if (result->status == STATUS_OK || key_status_is_uncertain(result->status)) {
        /* Without its outcomes an answer says nothing of what was done. */
        write->unknown += group->count;
        if (write->failed == 0)
            note_failure(write, result->status == STATUS_OK ? STATUS_UNCERTAIN : result->status,
                         result);
    } else {
        if (write->failed == 0)
            note_failure(write, result->status, result);
        write->failed += group->count;
    }
}

/* true: the answer is an error. */
static bool reply_write_failure(struct call *call, struct multi_write *write)
{
    struct buffer text = {0};
    if (write->unknown == 0 && write->failed == 0)
        return false;
    if (write->group_count == 1 || write->failed == write->place_count) {
        call_reply_failure(call, KEY_WRITE, &write->failure);
        return true;
    }
    call_failure_text(KEY_WRITE, &write->failure, &text);
    call_reply_error(call, "UNCERTAIN applied=%u unknown=%u of %u keys; %.*s", write->applied,
                     write->unknown, write->place_count, (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
    return true;
}

/* true: fields that count could not all be removed, and the rest of their keys was left alone. */
static bool reply_removal_failure(struct call *call)
{
    struct buffer text = {0};
    if (call->flagged_failure.status == STATUS_OK)
        return false;
    call_failure_text(KEY_WRITE, &call->flagged_failure, &text);
    call_reply_error(call,
                     "UNCERTAIN collections are there still, perhaps without some fields: %.*s",
                     (int)text.length, (const char *)text.data);
    buffer_deinit(&text);
    return true;
}

static void reply_deleted(struct call *call)
{
    struct multi_write *write = call->work;
    if (!reply_removal_failure(call) && !reply_write_failure(call, write))
        call_reply_integer(call, write->number);
}

/* Of a key whose elements were to go: its string, if it had one, has gone before. */
static void collect_collection(struct call *call, uint32_t index, const struct key_result *result)
{
    struct multi_write *write = call->work;
    const struct key_outcome *outcome = result->outcome_count == 1 ? result->outcomes : NULL;
    const struct flagged_key *key = flagged_key(call, index);
    call_note_write(call, call->keyspace, key->key, result, outcome);
    if (result->status == STATUS_OK && outcome != NULL) {
        write->number += !key->counted && (outcome->written || key->reduced);
        return;
    }
    bool unknown = result->status == STATUS_OK || key_status_is_uncertain(result->status);
    write->applied--;
    write->unknown += unknown;
    write->failed += !unknown;
    note_failure(write, result->status == STATUS_OK ? STATUS_UNCERTAIN : result->status, result);
}

static void delete_collections(struct call *call)
{
    if (call->flagged_failure.status != STATUS_OK)
        call_reply_failure(call, KEY_READ, &call->flagged_failure);
    else if (call->request_id.length > 0)
        call_reply_error(call, "ERR an id is not offered for deletes of collections; they are as "
                               "they were");
    else if (!flagged_delete(call, collect_collection, reply_deleted))
        reply_deleted(call);
}

static void finish_del(struct call *call)
{
    struct multi_write *write = call->work;
    if (!reply_write_failure(call, write) && !flagged_look(call, delete_collections))
        call_reply_integer(call, write->number);
}

static void start_del(struct call *call)
{
    struct multi_write *write = prepare_write(call, 1, REGISTER_DELETE);
    make_groups(call, write);
    call_scatter(call, write->group_count, make_write, collect_write, finish_del);
}

/* false: the error is sent. */
static bool check_pairs(struct call *call)
{
    uint32_t maximum = call_value_bytes_max(call);
    if (call->argument_count % 2 == 0) {
        call_reply_error(call, "ERR wrong number of arguments for '%s' command",
                         call->command->name);
        return false;
    }
    for (uint32_t i = 2; i < call->argument_count; i += 2) {
        if (call_argument(call, i).length > maximum) {
            call_reply_error(call, "TOOLARGE a value has at most %u bytes; nothing was written",
                             maximum);
            return false;
        }
    }
    return true;
}

static void reply_set(struct call *call)
{
    if (!reply_removal_failure(call) && !reply_write_failure(call, call->work))
        call_reply_ok(call);
}

static void finish_mset(struct call *call)
{
    if (!reply_write_failure(call, call->work) &&
        !flagged_delete(call, collect_collection, reply_set))
        call_reply_ok(call);
}

static void start_mset(struct call *call)
{
    if (!check_pairs(call))
        return;
    struct multi_write *write = prepare_write(call, 2, REGISTER_SET);
    make_groups(call, write);
    call_scatter(call, write->group_count, make_write, collect_write, finish_mset);
}

static void finish_msetnx(struct call *call)
{
    struct multi_write *write = call->work;
    if (!reply_write_failure(call, write))
        call_reply_integer(call, write->number > 0 ? 1 : 0);
}

static void start_msetnx(struct call *call)
{
    if (!check_pairs(call))
        return;
    uint16_t slot = ring_slot(call_argument(call, 1));
    for (uint32_t i = 3; i < call->argument_count; i += 2) {
        if (ring_slot(call_argument(call, i)) != slot) {
            call_reply_error(call, "CROSSSLOT Keys in request don't hash to the same slot");
            return;
        }
    }
    struct multi_write *write = prepare_write(call, 2, REGISTER_SET);
    write->mutation.flags = MUTATION_IF_ABSENT;
    make_groups(call, write);
    if (write->group_count > 1) {
        call_reply_error(call,
                         "TOOLARGE MSETNX takes at most %u keys and %u bytes; "
                         "nothing was written",
                         KEY_ENTRIES_MAX, GROUP_BYTES_MAX);
        return;
    }
    call_scatter(call, 1, make_write, collect_write, finish_msetnx);
}

/* ---- rows ---- */

const struct command command_mget = {
    .name = "mget",
    .group = "string",
    .since = "1.0.0",
    .summary = "The values of several keys, each read for itself.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key [key ...]",
    .tips = "request_policy:multi_shard",
    .arity = -2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, -1, 1}},
    .start = start_mget,
};

const struct command command_mset = {
    .name = "mset",
    .group = "string",
    .since = "1.0.1",
    .summary = "Sets several keys. Atomic for each key, not for all of them together.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key value [key value ...]",
    .tips = "request_policy:multi_shard response_policy:all_succeeded",
    .arity = -3,
    .context = true,
    .repeatable = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_UPDATE, 1, -1, 2}},
    .start = start_mset,
};

const struct command command_msetnx = {
    .name = "msetnx",
    .group = "string",
    .since = "1.0.1",
    .summary = "Sets several keys of one slot if none of them has a value: all or nothing.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key value [key value ...]",
    .tips = "request_policy:multi_shard response_policy:agg_min",
    .arity = -3,
    .repeatable = true,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_STRING,
    .keys = {{KEY_FLAG_OW | KEY_FLAG_INSERT, 1, -1, 2}},
    .start = start_msetnx,
};

const struct command command_del = {
    .name = "del",
    .group = "generic",
    .since = "1.0.0",
    .summary = "Deletes keys, each for itself.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key [key ...]",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    .arity = -2,
    .context = true,
    .repeatable = true,
    .flags = COMMAND_WRITE,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RM | KEY_FLAG_DELETE, 1, -1, 1}},
    .start = start_del,
};

const struct command command_unlink = {
    .name = "unlink",
    .group = "generic",
    .since = "4.0.0",
    .summary = "Deletes keys; the same as DEL.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key [key ...]",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    .arity = -2,
    .context = true,
    .repeatable = true,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RM | KEY_FLAG_DELETE, 1, -1, 1}},
    .start = start_del,
};

const struct command command_exists = {
    .name = "exists",
    .group = "generic",
    .since = "1.0.0",
    .summary = "How many of the keys have a value.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key [key ...]",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    .arity = -2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RO, 1, -1, 1}},
    .start = start_exists,
};

const struct command command_touch = {
    .name = "touch",
    .group = "generic",
    .since = "3.2.1",
    .summary = "How many of the keys have a value; times of access are not kept.",
    .complexity = "O(N) in the number of keys.",
    .syntax = "key [key ...]",
    .tips = "request_policy:multi_shard response_policy:agg_sum",
    .arity = -2,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RO, 1, -1, 1}},
    .start = start_exists,
};
