/*
 * sets.c - sets: a cell for each member, without a value (replica/collection.h).
 *
 * A member that is added wins over a removal that has not seen it. So each SADD writes, also of a
 * member that is there: else a removal under way could take what was added after it.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/elements.h"
#include "ring/element_key.h"

static void ask_members(struct call *call, struct element_ask ask)
{
    ask.type = COLLECTION_SET;
    ask.step = 1;
    ask.count = call->argument_count - 2;
    elements_ask_arguments(call, ask);
}

/* ---- named members ---- */

static void start_sadd(struct call *call)
{
    ask_members(call, (struct element_ask){
                          .mutation = {.operation = REGISTER_SET, .flags = MUTATION_RETURN_OLD},
                          .kind = KEY_ELEMENTS_WRITE,
                          .take = elements_take_new});
}

static void start_srem(struct call *call)
{
    ask_members(call, (struct element_ask){.mutation = {.operation = REGISTER_DELETE},
                                           .kind = KEY_ELEMENTS_WRITE,
                                           .take = elements_take_removed});
}

static void start_sismember(struct call *call)
{
    ask_members(call,
                (struct element_ask){.kind = KEY_ELEMENTS_GET, .take = elements_take_presence});
}

static void take_presences(struct call *call, const struct key_result *result)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, result->outcome_count - 1u);
    for (uint16_t i = 1; i < result->outcome_count; i++)
        resp_writer_integer(writer, result->outcomes[i].visible);
    call_finish(call);
}

static void start_smismember(struct call *call)
{
    ask_members(call, (struct element_ask){.kind = KEY_ELEMENTS_GET, .take = take_presences});
}

/* ---- walks ---- */

static void finish_members(struct call *call)
{
    const struct element_list *list = call->work;
    if (elements_walk_failed(call))
        return;
    struct resp_writer writer = call_writer(call);
    resp_writer_set(writer, list->count);
    buffer_append_slice(writer.out, buffer_slice(&call->scratch));
    call_finish(call);
}

static void start_smembers(struct call *call)
{
    elements_list(call, COLLECTION_SET, true, false, finish_members);
}

static void start_scard(struct call *call)
{
    elements_list(call, COLLECTION_SET, false, false, elements_reply_count);
}

static void take_scanned(struct call *call, const struct key_outcome *outcome)
{
    struct element_scan *scan = call->work;
    struct resp_writer writer = {.out = &call->scratch, .version = call_version(call)};
    if (scan->has_pattern && !glob_matches(scan->pattern, outcome->key, false))
        return;
    resp_writer_bulk(writer, outcome->key);
    scan->shown++;
}

static void start_sscan(struct call *call)
{
    elements_scan(call, COLLECTION_SET, take_scanned);
}

/* ---- a member that moves ---- */

/*
 * It is looked for in the source, added to the destination, removed from the source: three
 * requests to partitions that may differ. In the destination first, so that a failure between
 * leaves it in both, and not in none.
 */
struct move {
    struct element_work work;
    bool found;
};

static void ask_member(struct call *call, uint32_t key, uint8_t kind,
                       enum register_operation operation, element_take *take, element_take *fail,
                       call_next *then)
{
    elements_ask(call, &(struct element_ask){.kind = kind,
                                             .type = COLLECTION_SET,
                                             .key = call_argument(call, key),
                                             .names = call->arguments + 3,
                                             .step = 1,
                                             .count = 1,
                                             .mutation = {.operation = operation},
                                             .take = take,
                                             .fail = fail,
                                             .then = then});
}

static void take_moved(struct call *call, const struct key_result *result)
{
    (void)result;
    call_reply_integer(call, 1);
}

static void fail_moved(struct call *call, const struct key_result *result)
{
    struct buffer text = {0};
    call_failure_text(KEY_WRITE, result, &text);
    call_reply_error(call,
                     "UNCERTAIN applied=1 unknown=%u of 2 keys; the member is in the destination, "
                     "for the source: %.*s",
                     key_status_is_uncertain(result->status), (int)text.length,
                     (const char *)text.data);
    buffer_deinit(&text);
}

static void remove_moved(struct call *call)
{
    ask_member(call, 1, KEY_ELEMENTS_WRITE, REGISTER_DELETE, take_moved, fail_moved, NULL);
}

static void take_added(struct call *call, const struct key_result *result)
{
    (void)call;
    (void)result;
}

static void take_found(struct call *call, const struct key_result *result)
{
    struct move *move = call->work;
    move->found = result->outcomes[1].visible;
}

static void move_found(struct call *call)
{
    const struct move *move = call->work;
    if (!move->found)
        call_reply_integer(call, 0);
    else if (slice_equal(call_argument(call, 1), call_argument(call, 2)))
        call_reply_integer(call, 1);
    else
        ask_member(call, 2, KEY_ELEMENTS_WRITE, REGISTER_SET, take_added, NULL, remove_moved);
}

static void start_smove(struct call *call)
{
    call_work(call, sizeof(struct move));
    ask_member(call, 1, KEY_ELEMENTS_GET, REGISTER_SET, take_found, NULL, move_found);
}

/* ---- rows ---- */

#define SET_ROW(...) ELEMENTS_ROW("set", CATEGORY_SET, __VA_ARGS__)

#define SET_READ   (COMMAND_READONLY | COMMAND_FAST)
#define OF_MEMBERS "O(N) in the number of members that are named."
#define OF_ALL     "O(N) in the number of members of the set."

SET_ROW(sadd, "1.0.0",
        "Adds members; how many are new. One that is added wins over a removal that has not seen "
        "it.",
        OF_MEMBERS, "key member [member ...]", -3, COMMAND_WRITE | COMMAND_DENYOOM | COMMAND_FAST,
        KEY_FLAG_RW | KEY_FLAG_INSERT);
SET_ROW(srem, "1.0.0", "Removes members as far as they were seen; how many there were.", OF_MEMBERS,
        "key member [member ...]", -3, COMMAND_WRITE | COMMAND_FAST, KEY_FLAG_RW | KEY_FLAG_DELETE);
SET_ROW(sismember, "1.0.0", "Whether it is a member.", "O(1)", "key member", 3, SET_READ,
        KEY_FLAG_RO);
SET_ROW(smismember, "6.2.0", "Which are members, of one moment at each owner.", OF_MEMBERS,
        "key member [member ...]", -3, SET_READ, KEY_FLAG_RO);
SET_ROW(scard, "1.0.0",
        "How many members there are: exact at the level that was asked, by a walk over them.",
        OF_ALL, "key", 2, COMMAND_READONLY, KEY_FLAG_RO);
SET_ROW(smembers, "1.0.0",
        "All members, read page by page; at most 32 MiB, more is walked with SSCAN.", OF_ALL, "key",
        2, COMMAND_READONLY, KEY_FLAG_RO | KEY_FLAG_ACCESS);
SET_ROW(sscan, "2.8.0",
        "Some members from a cursor on, and the next cursor; 0 is the end. Any node continues any "
        "cursor.",
        "O(COUNT)", "key cursor [MATCH pattern] [COUNT count]", -3, COMMAND_READONLY,
        KEY_FLAG_RO | KEY_FLAG_ACCESS);

const struct command command_smove = {
    .name = "smove",
    .group = "set",
    .since = "1.0.0",
    .summary = "Adds a member of one set to another and removes it there. Not atomic: others may "
               "see it in both.",
    .complexity = "O(1)",
    .syntax = "source destination member",
    .arity = 4,
    .flags = COMMAND_WRITE | COMMAND_FAST,
    .categories = CATEGORY_SET,
    .keys = {{KEY_FLAG_RW | KEY_FLAG_ACCESS | KEY_FLAG_DELETE, 1, 0, 1},
             {KEY_FLAG_RW | KEY_FLAG_INSERT, 2, 0, 1}},
    .start = start_smove,
};
