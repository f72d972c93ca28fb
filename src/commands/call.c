/*
 * call.c - a call's arguments, its key requests and its reply.
 *
 * A call asks in rounds: call_read(), call_write() or call_scatter() starts one, and
 * the round ends with its last result. Of a scatter, CALL_REQUESTS_OPEN_MAX requests
 * are under way at most, so a command of a million keys is no flood.
 */
#include "commands/call.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "commands/arguments.h"
#include "commands/command_table.h"
#include "commands/options.h"
#include "commands/pubsub.h"
#include "commands/session_state.h"
#include "commands/siblings.h"
#include "commands/types.h"
#include "ring/position.h"

enum {
    CALL_KEYS_MAX = 64,          /* with more keys a call runs alone */
    CALL_KEPT_BYTES_MAX = 16384, /* of each buffer of a call in the pool */
    COMMAND_TEXT_MAX = 128,      /* of a request, in an error about it */
    ERROR_TEXT_MAX = 1024
};

/* ---- arguments ---- */

void call_set_arguments(struct call *call, const struct slice *arguments, uint32_t count)
{
    size_t bytes = 0, offset = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += arguments[i].length;
    if (call->slice_capacity < count) {
        call->slice_capacity = count < 8 ? 8 : count;
        call->arguments =
            memory_resize(call->arguments, call->slice_capacity, sizeof *call->arguments);
    }
    uint8_t *to = buffer_reserve(&call->text, bytes + 1);
    call->text.length = bytes;
    for (uint32_t i = 0; i < count; i++) {
        if (arguments[i].length > 0)
            memcpy(to + offset, arguments[i].data, arguments[i].length);
        call->arguments[i] = slice_make(to + offset, arguments[i].length);
        offset += arguments[i].length;
    }
    call->argument_count = count;
}

struct environment *call_environment(const struct call *call)
{
    return call->session->environment;
}

struct instant call_now(const struct call *call)
{
    return call->session->now;
}

enum resp_version call_version(const struct call *call)
{
    return call->session->version;
}

struct slice call_argument(const struct call *call, uint32_t index)
{
    assert(index < call->argument_count);
    return call->arguments[index];
}

bool call_argument_is(const struct call *call, uint32_t index, const char *word)
{
    return slice_is_word(call_argument(call, index), word);
}

void *call_work(struct call *call, size_t bytes)
{
    assert(call->work == NULL);
    call->work = memory_new(1, bytes);
    return call->work;
}

void call_free(struct call *call)
{
    if (call == NULL)
        return;
    free(call->arguments);
    free(call->keys);
    free(call->work);
    version_vector_deinit(&call->context);
    buffer_deinit(&call->scratch);
    buffer_deinit(&call->gathered);
    buffer_deinit(&call->place);
    buffer_deinit(&call->spare);
    buffer_deinit(&call->reply);
    buffer_deinit(&call->text);
    buffer_deinit(&call->flagged);
    buffer_deinit(&call->removal.names);
    free(call);
}

/* ---- what to run, and what it conflicts with ---- */

static void start_rejected(struct call *call)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_error(writer, buffer_slice(&call->scratch));
    call_finish(call);
}

/* Stands in for a request that no row answers; its error is in call->scratch. */
static const struct command rejected = {.name = "", .arity = -1, .start = start_rejected};

static void reject(struct call *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void reject(struct call *call, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_clear(&call->scratch);
    buffer_clear(&call->spare);
    buffer_append(&call->scratch, text,
                  (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    call->command = &rejected;
    call->number = COMMAND_COUNT;
}

/* The text ends at a NUL, as in Redis: clients compare it. */
static int shown_length(struct slice text, size_t maximum)
{
    size_t length = text.length < maximum ? text.length : maximum;
    const uint8_t *nul = length == 0 ? NULL : memchr(text.data, 0, length);
    return nul == NULL ? (int)length : (int)(nul - text.data);
}

static void reject_unknown(struct call *call)
{
    struct slice name = call->arguments[0];
    const char *reason = command_absent_reason(name);
    struct buffer words = {0};
    for (uint32_t i = 1; i < call->argument_count && words.length < COMMAND_TEXT_MAX; i++) {
        struct slice word = call->arguments[i];
        buffer_printf(&words, "'%.*s' ", shown_length(word, COMMAND_TEXT_MAX - words.length),
                      (const char *)word.data);
    }
    buffer_put_u8(&words, 0);
    if (reason == NULL)
        reject(call, "ERR unknown command '%.*s', with args beginning with: %s",
               shown_length(name, COMMAND_TEXT_MAX), (const char *)name.data,
               (const char *)words.data);
    else
        reject(call,
               "ERR unknown command '%.*s' (not offered by RingDB: %s), with args beginning "
               "with: %s",
               shown_length(name, COMMAND_TEXT_MAX), (const char *)name.data, reason,
               (const char *)words.data);
    buffer_deinit(&words);
}

static void reject_subcommand(struct call *call, const struct command *command)
{
    struct slice word = call->arguments[1];
    char container[32];
    size_t i = 0;
    for (; command->name[i] != '\0' && i + 1 < sizeof container; i++)
        container[i] =
            (char)(command->name[i] >= 'a' && command->name[i] <= 'z' ? command->name[i] - 32
                                                                      : command->name[i]);
    container[i] = '\0';
    struct buffer full = {0};
    buffer_printf(&full, "%s|%.*s", container, shown_length(word, COMMAND_TEXT_MAX),
                  (const char *)word.data);
    const char *reason = command_absent_reason(buffer_slice(&full));
    reject(call, "ERR unknown subcommand '%.*s'%s%s%s. Try %s HELP.",
           shown_length(word, COMMAND_TEXT_MAX), (const char *)word.data,
           reason != NULL ? " (not offered by RingDB: " : "", reason != NULL ? reason : "",
           reason != NULL ? ")" : "", container);
    buffer_deinit(&full);
}

static void reject_arity(struct call *call, const struct command *command)
{
    struct buffer name = {0};
    command_full_name(command, &name);
    reject(call, "ERR wrong number of arguments for '%.*s' command", (int)name.length,
           (const char *)name.data);
    buffer_deinit(&name);
}

/* Take WITH and its options off the front; false: rejected. */
static bool take_options(struct call *call)
{
    uint32_t at = 1;
    struct buffer reason = {0};
    for (; at < call->argument_count && option_is(call->arguments[at]); at++) {
        if (option_is_context(call->arguments[at], &call->context_text)) {
            if (call->has_context) {
                reject(call, "ERR context is given twice");
                return false;
            }
            call->has_context = true;
            continue;
        }
        bool again = call->request_id.length > 0;
        if (option_is_id(call->arguments[at], &call->request_id)) {
            if (again) {
                reject(call, "ERR id is given twice");
                return false;
            }
            if (call->request_id.length == 0 || call->request_id.length > REQUEST_ID_BYTES_MAX) {
                reject(call, "ERR an id has 1 to %u bytes", REQUEST_ID_BYTES_MAX);
                return false;
            }
            continue;
        }
        if (option_parse(call->arguments[at], call_environment(call)->ring, &call->options,
                         &reason) != STATUS_OK) {
            reject(call, "%.*s", (int)reason.length, (const char *)reason.data);
            buffer_deinit(&reason);
            return false;
        }
    }
    if (at == call->argument_count) {
        reject_arity(call, &command_with);
        return false;
    }
    if (slice_is_word(call->arguments[at], "with")) {
        reject(call, "ERR WITH cannot stand within WITH");
        return false;
    }
    memmove(call->arguments, call->arguments + at,
            (call->argument_count - at) * sizeof *call->arguments);
    call->argument_count -= at;
    return true;
}

static void find_command(struct call *call)
{
    struct session *session = call->session;
    int number = command_find_again(call->arguments[0], session->found_command);
    if (number == COMMAND_NUMBER_with) {
        if (!take_options(call))
            return;
        number = command_find_again(call->arguments[0], session->found_command);
    }
    if (number < 0) {
        reject_unknown(call);
        return;
    }
    session->found_command = number;
    const struct command *command = command_at((uint32_t)number);
    call->number = (uint32_t)number;
    if (command->subcommands != NULL && call->argument_count > 1) {
        const struct command *inner = command_find_subcommand(command, call->arguments[1]);
        if (inner == NULL) {
            reject_subcommand(call, command);
            return;
        }
        command = inner;
    }
    if (!command_arity_fits(command, call->argument_count)) {
        reject_arity(call, command);
        return;
    }
    call->command = command;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static bool check_key(struct call *call, struct slice key)
{
    uint32_t maximum = call_environment(call)->settings->key_bytes_max;
    if (key.length <= maximum)
        return true;
    reject(call, "TOOLARGE a key has at most %u bytes; nothing was written", maximum);
    call->access = ACCESS_KEYS;
    call->key_count = 0;
    return false;
}

static void find_keys(struct call *call)
{
    struct key_walk walk = key_walk_make(call->command, call->arguments, call->argument_count);
    while (key_walk_next(&walk)) {
        if (!check_key(call, call->arguments[walk.position]))
            return;
        if (call->key_count == CALL_KEYS_MAX) {
            call->access = ACCESS_ALONE;
            continue;
        }
        if (call->key_count == call->key_capacity) {
            call->key_capacity = call->key_capacity == 0 ? 4 : call->key_capacity * 2;
            call->keys = memory_resize(call->keys, call->key_capacity, sizeof *call->keys);
        }
        /* Without the keyspace: a command before this one may yet change it. */
        call->keys[call->key_count++] = hash64(call->arguments[walk.position], 0);
    }
    if (call->key_count > 1)
        qsort(call->keys, call->key_count, sizeof *call->keys, compare_hashes);
}

void call_prepare(struct call *call)
{
    call->options = (struct request_options){0};
    call->grows_value = call->adds_decimal = call->adds_to_field = false;
    call->takes_collections = call->times_each = false;
    call->type_text = call->failed_sum = NULL;
    call->check.tries = 0;
    buffer_clear(&call->flagged);
    call->flagged_failure.status = STATUS_OK;
    call->has_context = false;
    call->request_id = slice_make(NULL, 0);
    version_vector_deinit(&call->context);
    call->key_count = 0;
    find_command(call);
    call->access = call->command->access;
    call->writes = (call->command->flags & COMMAND_WRITE) != 0;
    if (command_has_keys(call->command))
        find_keys(call);
}

bool calls_conflict(const struct call *a, const struct call *b)
{
    if (a->access == ACCESS_ALONE || b->access == ACCESS_ALONE)
        return true;
    if (!a->writes && !b->writes)
        return false;
    if (a->access == ACCESS_RING || b->access == ACCESS_RING)
        return true;
    for (uint32_t i = 0, j = 0; i < a->key_count && j < b->key_count;) {
        if (a->keys[i] == b->keys[j])
            return true;
        if (a->keys[i] < b->keys[j])
            i++;
        else
            j++;
    }
    return false;
}

/* Of the words that make the request what it is; its options are no part of that. */
static uint64_t digest_words(const struct call *call)
{
    uint64_t digest = hash64(slice_text(call->command->name), call->keyspace);
    for (uint32_t i = 1; i < call->argument_count; i++)
        digest = hash64(call->arguments[i], digest);
    return digest;
}

/* false: the error is sent. */
static bool take_id(struct call *call)
{
    call->request_digest = digest_words(call);
    if (call->command->repeatable)
        return true;
    if (call->command->flags & COMMAND_WRITE)
        call_reply_error(call, "ERR an id is not offered for '%s'; nothing was written",
                         call->command->name);
    else
        call_reply_error(call, "ERR '%s' takes no id: only writes do", call->command->name);
    return false;
}

void call_start(struct call *call)
{
    struct session *session = call->session;
    call->state = CALL_RUNNING;
    call->started = session->now;
    call->keyspace = session->keyspace;
    options_join(&call->options, &session->options);
    if (session->rights != NULL && session->rights->has_options)
        options_join(&call->options, &session->rights->options);
    call->silent = session->reply_mode == REPLY_OFF || session->reply_skip;
    session->reply_skip = false;
    session->last_command = call->command;
    if (!session->is_free && !session_may_run(call))
        return;
    if (!pubsub_allows(call))
        return;
    if (call->command != &rejected && call->has_context && !context_take(call))
        return;
    if (call->command != &rejected && call->request_id.length > 0 && !take_id(call))
        return;
    bool reads = (call->command->flags & COMMAND_READONLY) != 0;
    if (reads && call->options.level == LEVEL_ANY && call->options.r == OWNERS_UNSET) {
        call_reply_error(call,
                         "ERR the consistency level ANY is for writes: read with ONE or more");
        return;
    }
    call->command->start(call);
}

/* ---- key requests ---- */

struct key_entry *call_entries(struct call *call, uint32_t count)
{
    struct session *session = call->session;
    struct entry_block *block = session->entry_blocks;
    if (block == NULL || block->capacity - block->count < count) {
        uint32_t capacity = block == NULL ? 4 : block->capacity * 2;
        if (capacity < count)
            capacity = count;
        struct entry_block *fresh =
            memory_new(1, sizeof *fresh + capacity * sizeof(struct key_entry));
        fresh->capacity = capacity;
        fresh->next = block;
        session->entry_blocks = block = fresh;
    }
    struct key_entry *entries = block->entries + block->count;
    memset(entries, 0, count * sizeof *entries);
    block->count += count;
    return entries;
}

void call_give_context(const struct call *call, struct key_entry *entry)
{
    if (!call->has_context)
        return;
    entry->context = &call->context;
    entry->context_time = call->context_time;
}

uint32_t call_value_bytes_max(const struct call *call)
{
    const struct environment *environment = call_environment(call);
    const struct ring_keyspace *keyspace = ring_keyspace(environment->ring, call->keyspace);
    uint32_t maximum = environment->settings->value_bytes_max;
    return keyspace != NULL ? ring_keyspace_limit(keyspace->value_bytes_max, maximum) : maximum;
}

partition_id call_partition(const struct call *call, struct slice key)
{
    return ring_partition_of_slot(ring_slot(key), call_environment(call)->ring->partition_count);
}

/* The later requests of a call have what the earlier ones left of its time. */
static void limit_timeout(const struct call *call, struct request_options *options)
{
    uint64_t spent_ms = (call->session->now.mono_us - call->started.mono_us) / 1000;
    uint32_t whole_ms = options->timeout_ms != 0
                            ? options->timeout_ms
                            : call_environment(call)->settings->request_timeout_ms;
    if (spent_ms > 0)
        options->timeout_ms = spent_ms >= whole_ms ? 1 : (uint32_t)(whole_ms - spent_ms);
}

/* The weakest word: the keyspace's. */
static void join_keyspace(const struct call *call, struct key_request *request)
{
    const struct ring_keyspace *keyspace =
        ring_keyspace(call_environment(call)->ring, request->keyspace);
    struct request_options weakest = {0};
    if (keyspace == NULL)
        return;
    weakest.level = key_request_writes(request) ? keyspace->write_level : keyspace->read_level;
    weakest.sloppy = keyspace->sloppy ? SLOPPY_YES : SLOPPY_DEFAULT;
    options_join(&request->options, &weakest);
}

static void send(struct call *call, uint32_t index, struct key_request *request)
{
    assert(index < (uint32_t)1 << CALL_INDEX_BITS);
    request->options = call->options;
    if (call->request_id.length > 0 && request->kind == KEY_WRITE)
        request->identity = (struct request_identity){
            .id = call->request_id, .part = index, .digest = call->request_digest};
    join_keyspace(call, request);
    if (!(call->command->flags & COMMAND_BLOCKING) && !call->times_each)
        limit_timeout(call, &request->options);
    call->request_open++;
    session_request(call->session, call, index, request);
}

static void ask_for_key(struct call *call, uint8_t kind, keyspace_id keyspace, struct slice key,
                        const struct mutation *mutation, call_take *take)
{
    struct key_entry *entry = call_entries(call, 1);
    assert(call->request_open == 0);
    entry->key = key;
    if (mutation != NULL) {
        entry->mutation = call->asked_mutation = *mutation;
        call_give_context(call, entry);
    }
    struct key_request request = {
        .kind = kind,
        .keyspace = keyspace,
        .partition = call_partition(call, key),
        .entry_count = 1,
        .entries = entry,
    };
    call->take = take;
    call->asked_key = key;
    call->asked_keyspace = keyspace;
    call->asked_kind = kind;
    call->request_total = call->request_next = 1;
    send(call, 0, &request);
}

void call_read_in(struct call *call, keyspace_id keyspace, struct slice key, call_take *take)
{
    ask_for_key(call, KEY_READ, keyspace, key, NULL, take);
}

void call_read(struct call *call, struct slice key, call_take *take)
{
    call_read_in(call, call->keyspace, key, take);
}

void call_write_in(struct call *call, keyspace_id keyspace, struct slice key,
                   const struct mutation *mutation, call_take *take)
{
    ask_for_key(call, KEY_WRITE, keyspace, key, mutation, take);
}

void call_write(struct call *call, struct slice key, const struct mutation *mutation,
                call_take *take)
{
    call_write_in(call, call->keyspace, key, mutation, take);
}

void call_repeat(struct call *call, uint32_t index)
{
    struct key_request request = {.keyspace = call->keyspace};
    call->make(call, index, &request);
    send(call, index, &request);
}

void call_scatter_stop(struct call *call)
{
    call->request_total = call->request_next;
}

static void send_more(struct call *call)
{
    while (call->request_next < call->request_total && call->request_open < CALL_REQUESTS_OPEN_MAX)
        call_repeat(call, call->request_next++);
}

void call_scatter(struct call *call, uint32_t total, call_make *make, call_collect *collect,
                  call_next *done)
{
    assert(call->request_open == 0);
    assert(total > 0);
    call->take = NULL;
    call->make = make;
    call->collect = collect;
    call->done = done;
    call->request_total = total;
    call->request_next = 0;
    send_more(call);
}

void call_note_write(struct call *call, keyspace_id keyspace, struct slice key,
                     const struct key_result *result, const struct key_outcome *outcome)
{
    struct last_write *last = &call->session->last_write;
    bool known = outcome != NULL && outcome->dot.sequence != 0;
    if (last->made && last->serial > call->serial)
        return;
    if (!key_status_is_uncertain(result->status) &&
        (result->status != STATUS_OK || outcome == NULL || !outcome->written))
        return;
    last->made = true;
    last->unknown = !known;
    last->serial = call->serial;
    last->keyspace = keyspace;
    last->acks = (uint8_t)(result->acks - result->hints); /* WAIT counts owners */
    if (known)
        last->dot = outcome->dot;
    last->collection = 0;
    buffer_clear(&last->key);
    buffer_append_slice(&last->key, key);
}

void call_note_element(struct call *call, struct slice key, uint8_t collection,
                       struct slice element, const struct key_result *result,
                       const struct key_outcome *outcome)
{
    struct last_write *last = &call->session->last_write;
    call_note_write(call, call->keyspace, key, result, outcome);
    if (last->serial != call->serial)
        return;
    last->collection = collection;
    buffer_clear(&last->element);
    buffer_append_slice(&last->element, element);
}

static void deliver_one(struct call *call, const struct key_result *result)
{
    const struct key_outcome *outcome = result->outcome_count == 1 ? &result->outcomes[0] : NULL;
    call_take *take = call->take;
    if (type_check_begins(call, result))
        return;
    if (call->asked_kind == KEY_WRITE)
        call_note_write(call, call->asked_keyspace, call->asked_key, result, outcome);
    if (result->status != STATUS_OK) {
        call_reply_failure(call, call->asked_kind, result);
        return;
    }
    if (outcome == NULL) {
        call_reply_error(call, "ERR the owner's answer has %u outcomes for one key",
                         result->outcome_count);
        return;
    }
    if (call->asked_kind == KEY_READ) {
        struct node_statistics *statistics = call_environment(call)->statistics;
        if (outcome->visible)
            statistics->keyspace_hits++;
        else
            statistics->keyspace_misses++;
    } else if (replaced_removal_begins(call, outcome)) {
        return;
    }
    take(call, outcome);
}

void call_deliver(struct call *call, uint32_t index, const struct key_result *result)
{
    assert(call->request_open > 0);
    call->request_open--;
    if (call->take != NULL) {
        deliver_one(call, result);
        return;
    }
    call->collect(call, index, result);
    send_more(call);
    if (call->request_open == 0)
        call->done(call);
}

void call_sleep(struct call *call, uint64_t when_us, call_next *wake)
{
    assert(call->command->access == ACCESS_ALONE); /* only the head of the queue is woken */
    call->wake = wake;
    call->wake_us = when_us;
}
