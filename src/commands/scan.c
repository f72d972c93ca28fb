/*
 * scan.c - commands over all keys of a keyspace: SCAN KEYS DBSIZE RANDOMKEY.
 *
 * Each partition answers for itself, from one or more owners as the level says, so
 * all of these cover the whole ring whichever node is asked. Rows stand in the order
 * of ring positions. A cursor is the position to go on from and nothing else: any
 * node takes it, at any later time, and keys that stay are seen at least once.
 */
#include <stdio.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/types.h"
#include "ring/position.h"

enum {
    SCAN_COUNT_DEFAULT = 10,
    SCAN_PARTITIONS_MAX = 16, /* asked by one SCAN */
    KEYS_MAX = 1000000,       /* answered by one KEYS */
    KEYS_PAGE = 1000,
    RANDOM_TRIES_MAX = 4
};

static uint32_t partition_count(const struct call *call)
{
    return call_environment(call)->ring->partition_count;
}

/* Whether a page of a scan leads on from `position`, as every page must. */
static bool page_is_sound(const struct call *call, partition_id partition, uint64_t position,
                          const struct key_result *result)
{
    return result->scan_done ||
           (result->next_position > position &&
            ring_partition_of_position(result->next_position, partition_count(call)) == partition);
}

/* A page that is OK and does not lead on is as bad as one that does not decode. */
static struct key_result failure_of(const struct key_result *result)
{
    return (struct key_result){
        .status = result->status == STATUS_OK ? STATUS_CORRUPT : result->status,
        .acks = result->acks,
        .needed = result->needed,
    };
}

static void make_page(struct call *call, uint64_t position, uint32_t limit,
                      struct key_request *request)
{
    request->kind = KEY_SCAN;
    request->partition = ring_partition_of_position(position, partition_count(call));
    request->position = position;
    request->limit = limit;
}

/* ---- SCAN ---- */

struct scan {
    uint64_t position;
    uint32_t asked; /* partitions */
    uint64_t seen, wanted;
    uint32_t matched; /* in call->scratch, encoded */
    bool has_pattern;
    struct slice type; /* of TYPE; empty: any */
    struct slice pattern;
    struct key_result failure;
};

static void reply_scan(struct call *call, uint64_t cursor)
{
    struct scan *scan = call->work;
    struct resp_writer writer = call_writer(call);
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)cursor);
    resp_writer_array(writer, 2);
    resp_writer_bulk(writer, slice_make(digits, (size_t)length));
    resp_writer_array(writer, scan->matched);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void make_scan(struct call *call, uint32_t index, struct key_request *request)
{
    struct scan *scan = call->work;
    uint64_t left = scan->wanted - scan->seen;
    (void)index;
    scan->asked++;
    make_page(call, scan->position, left < SCAN_LIMIT_MAX ? (uint32_t)left : SCAN_LIMIT_MAX,
              request);
}

static void collect_scan(struct call *call, uint32_t index, const struct key_result *result);

static void scan_on(struct call *call)
{
    struct scan *scan = call->work;
    if (scan->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_SCAN, &scan->failure);
    else if (scan->position == 0)
        reply_scan(call, 0); /* past the last partition */
    else if (scan->seen >= scan->wanted || scan->asked >= SCAN_PARTITIONS_MAX)
        reply_scan(call, scan->position);
    else
        call_scatter(call, 1, make_scan, collect_scan, scan_on);
}

static void collect_scan(struct call *call, uint32_t index, const struct key_result *result)
{
    struct scan *scan = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    partition_id partition = ring_partition_of_position(scan->position, partition_count(call));
    (void)index;
    if (result->status != STATUS_OK || !page_is_sound(call, partition, scan->position, result)) {
        scan->failure = failure_of(result);
        return;
    }
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        struct slice key = result->outcomes[i].key;
        const char *type = result->outcomes[i].collection == 0
                               ? "string"
                               : collection_type_name(result->outcomes[i].collection);
        if ((scan->type.length > 0 && !slice_is_word(scan->type, type)) ||
            (scan->has_pattern && !glob_matches(scan->pattern, key, false)))
            continue;
        resp_writer_bulk(writer, key);
        scan->matched++;
    }
    scan->seen += result->outcome_count;
    if (!result->scan_done)
        scan->position = result->next_position;
    else if ((uint32_t)partition + 1 == partition_count(call))
        scan->position = 0;
    else
        scan->position = ring_position_first((partition_id)(partition + 1), partition_count(call));
}

/* false: the error is sent. */
static bool parse_scan_option(struct call *call, uint32_t at, struct scan *scan)
{
    int64_t count;
    if (at + 1 >= call->argument_count) {
        call_reply_syntax_error(call);
        return false;
    }
    if (call_argument_is(call, at, "match")) {
        scan->has_pattern = true;
        scan->pattern = call_argument(call, at + 1);
    } else if (call_argument_is(call, at, "type")) {
        scan->type = call_argument(call, at + 1);
    } else if (call_argument_is(call, at, "count")) {
        if (!parse_integer(call_argument(call, at + 1), &count)) {
            call_reply_not_an_integer(call);
            return false;
        }
        if (count < 1) {
            call_reply_syntax_error(call);
            return false;
        }
        scan->wanted = (uint64_t)count;
    } else {
        call_reply_syntax_error(call);
        return false;
    }
    return true;
}

static void start_scan(struct call *call)
{
    struct scan *scan = call_work(call, sizeof *scan);
    scan->wanted = SCAN_COUNT_DEFAULT;
    struct slice cursor = call_argument(call, 1);
    while (cursor.length > 1 && cursor.data[0] == '0')
        cursor = slice_make(cursor.data + 1, cursor.length - 1);
    if (!parse_unsigned(cursor, &scan->position)) {
        call_reply_error(call, "ERR invalid cursor");
        return;
    }
    for (uint32_t at = 2; at < call->argument_count; at += 2) {
        if (!parse_scan_option(call, at, scan))
            return;
    }
    call_scatter(call, 1, make_scan, collect_scan, scan_on);
}

/* ---- KEYS ---- */

struct keys {
    uint32_t matched;
    bool too_many;
    struct key_result failure;
    uint64_t positions[]; /* of each partition, where to go on */
};

static void make_keys(struct call *call, uint32_t index, struct key_request *request)
{
    const struct keys *keys = call->work;
    make_page(call, keys->positions[index], KEYS_PAGE, request);
}

static void collect_keys(struct call *call, uint32_t index, const struct key_result *result)
{
    struct keys *keys = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (result->status != STATUS_OK ||
        !page_is_sound(call, (partition_id)index, keys->positions[index], result)) {
        keys->failure = failure_of(result);
        call_scatter_stop(call);
        return;
    }
    for (uint16_t i = 0; i < result->outcome_count; i++) {
        struct slice key = result->outcomes[i].key;
        if (!glob_matches(call_argument(call, 1), key, false))
            continue;
        if (keys->matched == KEYS_MAX) {
            keys->too_many = true;
            call_scatter_stop(call);
            return;
        }
        resp_writer_bulk(writer, key);
        keys->matched++;
    }
    keys->positions[index] = result->next_position;
    if (!result->scan_done && !keys->too_many && keys->failure.status == STATUS_OK)
        call_repeat(call, index);
}

static void finish_keys(struct call *call)
{
    struct keys *keys = call->work;
    if (keys->failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_SCAN, &keys->failure);
    } else if (keys->too_many) {
        call_reply_error(call, "ERR more than %u keys match; use SCAN", KEYS_MAX);
    } else {
        struct resp_writer writer = call_writer(call);
        resp_writer_array(writer, keys->matched);
        buffer_append_slice(writer.out, buffer_slice(&call->scratch));
        call_finish(call);
    }
}

static void start_keys(struct call *call)
{
    uint32_t count = partition_count(call);
    struct keys *keys = call_work(call, sizeof *keys + count * sizeof keys->positions[0]);
    for (uint32_t i = 0; i < count; i++)
        keys->positions[i] = ring_position_first((partition_id)i, count);
    call_scatter(call, count, make_keys, collect_keys, finish_keys);
}

/* ---- DBSIZE ---- */

/* A partition without collections is counted by one owner; another one is walked through. */
struct size {
    uint64_t count;
    struct key_result failure;
    uint64_t positions[]; /* of each partition that is walked through; else SIZE_COUNTED */
};

#define SIZE_COUNTED UINT64_MAX

static void make_count(struct call *call, uint32_t index, struct key_request *request)
{
    const struct size *size = call->work;
    if (size->positions[index] != SIZE_COUNTED) {
        make_page(call, size->positions[index], KEYS_PAGE, request);
        return;
    }
    request->kind = KEY_COUNT;
    request->partition = (partition_id)index;
}

static void collect_count(struct call *call, uint32_t index, const struct key_result *result)
{
    struct size *size = call->work;
    uint64_t *position = &size->positions[index];
    bool walked = *position != SIZE_COUNTED;
    if (size->failure.status != STATUS_OK)
        return;
    if (result->status != STATUS_OK ||
        (walked && !page_is_sound(call, (partition_id)index, *position, result))) {
        size->failure = failure_of(result);
        call_scatter_stop(call);
    } else if (walked) {
        size->count += result->outcome_count;
        *position = result->next_position;
        if (!result->scan_done)
            call_repeat(call, index);
    } else if (result->scan_done) {
        size->count += result->count;
    } else {
        *position = ring_position_first((partition_id)index, partition_count(call));
        call_repeat(call, index);
    }
}

static void finish_dbsize(struct call *call)
{
    struct size *size = call->work;
    if (size->failure.status != STATUS_OK) {
        call_reply_failure(call, KEY_COUNT, &size->failure);
        return;
    }
    struct environment *environment = call_environment(call);
    uint16_t number = keyspace_number(call->keyspace);
    environment->keyspace_sizes[number].id = call->keyspace;
    environment->keyspace_sizes[number].keys = size->count;
    call_reply_integer(call, (int64_t)size->count);
}

static void start_dbsize(struct call *call)
{
    uint32_t count = partition_count(call);
    struct size *size = call_work(call, sizeof *size + count * sizeof size->positions[0]);
    for (uint32_t i = 0; i < count; i++)
        size->positions[i] = SIZE_COUNTED;
    call_scatter(call, count, make_count, collect_count, finish_dbsize);
}

/* ---- RANDOMKEY ---- */

struct random_key {
    uint32_t tries;
    uint32_t found; /* partitions that had a key */
    uint64_t position;
    struct key_result failure;
};

/* Of the n-th key found, keep it with probability 1/n: each is as likely as the others. */
static void collect_random(struct call *call, uint32_t index, const struct key_result *result)
{
    struct random_key *random = call->work;
    (void)index;
    if (result->status != STATUS_OK) {
        random->failure = failure_of(result);
        return;
    }
    if (result->outcome_count == 0 ||
        random_below(&call_environment(call)->random, ++random->found) != 0)
        return;
    buffer_clear(&call->scratch);
    buffer_append_slice(&call->scratch, result->outcomes[0].key);
}

static void make_random(struct call *call, uint32_t index, struct key_request *request)
{
    const struct random_key *random = call->work;
    (void)index;
    make_page(call, random->position, 1, request);
}

static void make_first(struct call *call, uint32_t index, struct key_request *request)
{
    make_page(call, ring_position_first((partition_id)index, partition_count(call)), 1, request);
}

static void finish_random(struct call *call)
{
    const struct random_key *random = call->work;
    if (random->found > 0)
        call_reply_bulk(call, buffer_slice(&call->scratch));
    else if (random->failure.status != STATUS_OK)
        call_reply_failure(call, KEY_SCAN, &random->failure);
    else
        call_reply_null(call);
}

/* A few tries behind random positions; a keyspace with few keys is then looked through. */
static void try_random(struct call *call)
{
    struct random_key *random = call->work;
    if (random->found > 0) {
        finish_random(call);
    } else if (random->tries == RANDOM_TRIES_MAX) {
        random->failure = (struct key_result){0};
        call_scatter(call, partition_count(call), make_first, collect_random, finish_random);
    } else {
        random->tries++;
        random->position = random_u64(&call_environment(call)->random);
        call_scatter(call, 1, make_random, collect_random, try_random);
    }
}

static void start_randomkey(struct call *call)
{
    call_work(call, sizeof(struct random_key));
    try_random(call);
}

/* ---- rows ---- */

/* Redis' tips to ask all shards and to add up would count a ring once for each node. */
const struct command command_scan = {
    .name = "scan",
    .group = "generic",
    .since = "2.8.0",
    .summary = "Some keys of the keyspace from a cursor on, and the next cursor; 0 is the end. "
               "Any node continues any cursor.",
    .complexity = "O(COUNT), and at most 16 partitions.",
    .syntax = "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    .tips = "nondeterministic_output",
    .arity = -2,
    .access = ACCESS_RING,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_KEYSPACE,
    .start = start_scan,
};

const struct command command_keys = {
    .name = "keys",
    .group = "generic",
    .since = "1.0.0",
    .summary = "All keys of the keyspace that match a pattern, from the whole ring; at most a "
               "million.",
    .complexity = "O(N) in the number of keys of the keyspace.",
    .syntax = "pattern",
    .tips = "nondeterministic_output_order",
    .arity = 2,
    .access = ACCESS_RING,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_KEYSPACE | CATEGORY_DANGEROUS,
    .start = start_keys,
};

const struct command command_dbsize = {
    .name = "dbsize",
    .group = "server",
    .since = "1.0.0",
    .summary = "How many keys the keyspace has in the whole ring, each partition counted at one "
               "owner.",
    .complexity = "O(N) in the number of partitions.",
    .syntax = "",
    .arity = 1,
    .access = ACCESS_RING,
    .flags = COMMAND_READONLY | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .start = start_dbsize,
};

const struct command command_randomkey = {
    .name = "randomkey",
    .group = "generic",
    .since = "1.0.0",
    .summary = "Some key of the keyspace.",
    .complexity = "O(1), or O(N) in the number of partitions when there are few keys.",
    .syntax = "",
    .tips = "nondeterministic_output",
    .arity = 1,
    .access = ACCESS_RING,
    .flags = COMMAND_READONLY,
    .categories = CATEGORY_KEYSPACE,
    .start = start_randomkey,
};
