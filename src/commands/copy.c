/*
 * copy.c - RENAME, RENAMENX and COPY: read the source, write the destination and, for a
 * rename, delete the source.
 *
 * These are two or three requests to partitions that may differ, so they are not
 * atomic: another client can see both keys, and a change of the source between the
 * first and the last step is lost. Once the destination is written, a failure is
 * answered with UNCERTAIN and says what is there.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"

struct copy {
    bool only_if_absent;
    bool rename;
    bool number_reply; /* 1 or 0 instead of OK */
    keyspace_id target;
    struct mutation mutation;
};

static void reply_done(struct call *call, bool done)
{
    const struct copy *copy = call->work;
    if (copy->number_reply)
        call_reply_integer(call, done ? 1 : 0);
    else
        call_reply_ok(call);
}

static void make_removal(struct call *call, uint32_t index, struct key_request *request)
{
    struct key_entry *entry = call_entries(call, 1);
    (void)index;
    entry->key = call_argument(call, 1);
    entry->mutation.operation = REGISTER_DELETE;
    request->kind = KEY_WRITE;
    request->partition = call_partition(call, entry->key);
    request->entry_count = 1;
    request->entries = entry;
}

static void collect_removal(struct call *call, uint32_t index, const struct key_result *result)
{
    (void)index;
    struct buffer text = {0};
    if (result->status == STATUS_OK) {
        call_note_write(call, call->keyspace, call_argument(call, 1), result,
                        result->outcome_count == 1 ? &result->outcomes[0] : NULL);
        return;
    }
    call_failure_text(KEY_WRITE, result, &text);
    buffer_clear(&call->scratch);
    buffer_printf(&call->scratch,
                  "UNCERTAIN applied=1 unknown=%u of 2 keys; the new key is "
                  "written, for the old one: %.*s",
                  result->status == STATUS_UNCERTAIN ? 1 : 0, (int)text.length,
                  (const char *)text.data);
    buffer_deinit(&text);
}

static void finish_removal(struct call *call)
{
    struct slice error = buffer_slice(&call->scratch);
    if (error.length > 0)
        call_reply_error(call, "%.*s", (int)error.length, (const char *)error.data);
    else
        reply_done(call, true);
}

static void take_written(struct call *call, const struct key_outcome *outcome)
{
    const struct copy *copy = call->work;
    if (!outcome->written) {
        reply_done(call, false);
    } else if (!copy->rename) {
        reply_done(call, true);
    } else {
        buffer_clear(&call->scratch); /* the value; from here on an error's text */
        call_scatter(call, 1, make_removal, collect_removal, finish_removal);
    }
}

static void take_source(struct call *call, const struct key_outcome *outcome)
{
    struct copy *copy = call->work;
    if (!outcome->visible && copy->rename) {
        call_reply_error(call, "ERR no such key");
        return;
    }
    if (!outcome->visible) {
        call_reply_integer(call, 0);
        return;
    }
    if (copy->rename && slice_equal(call_argument(call, 1), call_argument(call, 2))) {
        reply_done(call, false);
        return;
    }
    buffer_append_slice(&call->scratch, outcome->value);
    copy->mutation = (struct mutation){
        .operation = REGISTER_SET,
        .flags = copy->only_if_absent ? MUTATION_IF_ABSENT : 0,
        .expire_at_ms = outcome->expire_at_ms,
        .value = buffer_slice(&call->scratch),
    };
    call_write_in(call, copy->target, call_argument(call, 2), &copy->mutation, take_written);
}

static void start_rename(struct call *call)
{
    struct copy *copy = call_work(call, sizeof *copy);
    copy->rename = true;
    copy->target = call->keyspace;
    copy->only_if_absent = copy->number_reply = call->command == &command_renamenx;
    call->type_text = "ERR collections are not copied or renamed yet; nothing was written";
    call_read(call, call_argument(call, 1), take_source);
}

static void start_copy(struct call *call)
{
    struct copy *copy = call_work(call, sizeof *copy);
    copy->only_if_absent = copy->number_reply = true;
    copy->target = call->keyspace;
    for (uint32_t i = 3; i < call->argument_count; i++) {
        int64_t number;
        if (call_argument_is(call, i, "replace")) {
            copy->only_if_absent = false;
        } else if (call_argument_is(call, i, "db") && i + 1 < call->argument_count) {
            if (!parse_integer(call_argument(call, ++i), &number)) {
                call_reply_not_an_integer(call);
                return;
            }
            const struct ring *ring = call_environment(call)->ring;
            const struct ring_keyspace *keyspace = ring_keyspace_numbered(ring, (uint64_t)number);
            if (keyspace == NULL) {
                call_reply_error(call, "ERR DB index is out of range");
                return;
            }
            copy->target = ring_keyspace_id(ring, keyspace);
        } else {
            call_reply_syntax_error(call);
            return;
        }
    }
    if (copy->target == call->keyspace &&
        slice_equal(call_argument(call, 1), call_argument(call, 2))) {
        call_reply_error(call, "ERR source and destination objects are the same");
        return;
    }
    call->type_text = "ERR collections are not copied or renamed yet; nothing was written";
    call_read(call, call_argument(call, 1), take_source);
}

const struct command command_rename = {
    .name = "rename",
    .group = "generic",
    .since = "1.0.0",
    .summary = "Gives a value and its expiry another key. Not atomic: written there, then "
               "deleted here.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key newkey",
    .arity = 3,
    .flags = COMMAND_WRITE,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE, 1, 0, 1},
             {KEY_FLAG_OW | KEY_FLAG_UPDATE, 2, 0, 1}},
    .start = start_rename,
};

const struct command command_renamenx = {
    .name = "renamenx",
    .group = "generic",
    .since = "1.0.0",
    .summary = "RENAME when the new key has no value. Not atomic.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "key newkey",
    .arity = 3,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE, 1, 0, 1},
             {KEY_FLAG_OW | KEY_FLAG_INSERT, 2, 0, 1}},
    .start = start_rename,
};

const struct command command_copy = {
    .name = "copy",
    .group = "generic",
    .since = "6.2.0",
    .summary = "Copies a value and its expiry to another key, of another keyspace if wanted.",
    .complexity = "O(N) in the length of the value.",
    .syntax = "source destination [DB destination-db] [REPLACE]",
    .arity = -3,
    .flags = COMMAND_WRITE | COMMAND_DENYOOM,
    .categories = CATEGORY_KEYSPACE,
    .keys = {{KEY_FLAG_RO | KEY_FLAG_ACCESS, 1, 0, 1}, {KEY_FLAG_OW | KEY_FLAG_UPDATE, 2, 0, 1}},
    .start = start_copy,
};
