/*
 * plan.c - RING.PLAN: what is staged for the next change of owners, and the life of the plan that
 * was made of it.
 *
 * Whoever plans makes the plan of what BASE gives (ring/change_plan.h), for a large ring takes
 * long; its id tells whether it is true still. Committing makes it once more, at this node, to see
 * so.
 */
#include <assert.h>
#include <string.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/change_call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/server_version.h"
#include "commands/session_state.h"
#include "commands/task_reply.h"
#include "ring/ring_wish.h"

static const char *const WISH_NAMES[] = {[RING_WISH_LEAVE] = "leave",
                                         [RING_WISH_REPLACE] = "replace",
                                         [RING_WISH_WEIGHT] = "weight",
                                         [RING_WISH_RACK] = "rack",
                                         [RING_WISH_REPEAT_RACKS] = "repeat-racks"};

/* ---- STAGE, CLEAR ---- */

static bool take_number(struct call *call, uint32_t at, const char *what, uint32_t maximum,
                        uint32_t *out)
{
    int64_t number;
    if (!parse_integer(call_argument(call, at), &number) || number < 1 || number > maximum) {
        call_reply_error(call, "ERR %s is a number from 1 to %u", what, maximum);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

static bool take_rack(struct call *call, uint32_t at, char out[RING_NAME_MAX + 1])
{
    struct slice name = call_argument(call, at);
    if (name.length > 0 && name.length <= RING_NAME_MAX) {
        memcpy(out, name.data, name.length);
        if (strlen(out) == name.length && ring_name_is_valid(out))
            return true;
    }
    call_reply_error(call, "ERR a rack is 1 to %d characters of a-z 0-9 _ -", RING_NAME_MAX);
    return false;
}

/* The kind that the word names; 0: it names none. */
static uint8_t kind_of(struct slice word)
{
    for (uint8_t kind = RING_WISH_LEAVE; kind <= RING_WISH_REPEAT_RACKS; kind++)
        if (slice_is_word(word, WISH_NAMES[kind]))
            return kind;
    return 0;
}

/* The wish that begins at argument `*at`, which is moved behind it. */
static bool take_wish(struct call *call, uint32_t *at, struct ring_wish *out)
{
    static const uint32_t WORDS[] = {[RING_WISH_LEAVE] = 1,
                                     [RING_WISH_REPLACE] = 2,
                                     [RING_WISH_WEIGHT] = 2,
                                     [RING_WISH_RACK] = 2,
                                     [RING_WISH_REPEAT_RACKS] = 0};
    uint32_t first = *at + 1;
    *out = (struct ring_wish){.kind = kind_of(call_argument(call, *at))};
    if (out->kind == 0 || call->argument_count - first < WORDS[out->kind]) {
        call_reply_syntax_error(call);
        return false;
    }
    *at = first + WORDS[out->kind];
    if (out->kind != RING_WISH_REPEAT_RACKS &&
        !take_number(call, first, "the id of a node", UINT32_MAX, &out->node))
        return false;
    switch ((enum ring_wish_kind)out->kind) {
    case RING_WISH_REPLACE:
        return take_number(call, first + 1, "the id of a node", UINT32_MAX, &out->by);
    case RING_WISH_WEIGHT:
        return take_number(call, first + 1, "a weight", RING_WEIGHT_MAX, &out->weight);
    case RING_WISH_RACK:
        return take_rack(call, first + 1, out->rack);
    case RING_WISH_LEAVE:
    case RING_WISH_REPEAT_RACKS:
        break;
    }
    return true;
}

static void reply_staged(struct call *call, const struct change_outcome *outcome)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 3);
    resp_writer_bulk(writer, slice_text("seq"));
    resp_writer_integer(writer, (int64_t)outcome->seq);
    resp_writer_bulk(writer, slice_text("known_by"));
    resp_writer_integer(writer, outcome->known_by);
    resp_writer_bulk(writer, slice_text("members"));
    resp_writer_integer(writer, outcome->members);
    call_finish(call);
}

static void start_stage(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_STAGE};
    struct buffer wishes = {0};
    bool good = true;
    for (uint32_t at = 2; at < call->argument_count && good;) {
        struct ring_wish wish;
        good = take_wish(call, &at, &wish);
        if (good)
            ring_wish_encode(&wish, &wishes);
    }
    if (good && wishes.length > sizeof change.words) {
        call_reply_error(call, "ERR too much is to be staged at once: stage it one by one");
        good = false;
    }
    if (good) {
        memcpy(change.words, wishes.data, wishes.length);
        change.words_length = (uint16_t)wishes.length;
        change_call_start(call, &change, reply_staged);
    }
    buffer_deinit(&wishes);
}

static void start_clear(struct call *call)
{
    struct register_change change = {.kind = REGISTER_CHANGE_STAGE_CLEAR};
    change_call_start(call, &change, reply_staged);
}

/* ---- COMMIT, PAUSE, RESUME, ABORT, LOST ---- */

static void reply_life(struct call *call, const struct change_outcome *outcome)
{
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 4);
    resp_writer_bulk(writer, slice_text("id"));
    resp_writer_bulk(writer, call_argument(call, 2));
    resp_writer_bulk(writer, slice_text("seq"));
    resp_writer_integer(writer, (int64_t)outcome->seq);
    resp_writer_bulk(writer, slice_text("known_by"));
    resp_writer_integer(writer, outcome->known_by);
    resp_writer_bulk(writer, slice_text("members"));
    resp_writer_integer(writer, outcome->members);
    call_finish(call);
}

/* With the id that is the second argument; false: it is none, and the call was answered. */
static bool take_life(struct call *call, enum register_change_kind kind,
                      struct register_change *out)
{
    *out = (struct register_change){.kind = (uint8_t)kind,
                                    .member = {.id = call_environment(call)->self},
                                    .now_ms = call_now(call).wall_ms};
    return task_id_take(call, 2, &out->plan_id);
}

static void start_life(struct call *call, enum register_change_kind kind)
{
    struct register_change change;
    if (take_life(call, kind, &change))
        change_call_start(call, &change, reply_life);
}

static void start_commit(struct call *call)
{
    struct register_change change;
    if (call_environment(call)->settings->ring_changes == 0) {
        call_reply_error(call, "ERR ring-changes is no at this node, so no plan can be committed "
                               "here; nothing was changed, and what is staged stays so");
        return;
    }
    if (!take_life(call, REGISTER_CHANGE_PLAN_COMMIT, &change))
        return;
    const char *user = session_user_name(call->session);
    size_t length = strlen(user);
    assert(length < sizeof change.user);
    memcpy(change.user, user, length);
    change_call_start(call, &change, reply_life);
}

static void start_pause(struct call *call)
{
    start_life(call, REGISTER_CHANGE_PLAN_PAUSE);
}

static void start_resume(struct call *call)
{
    start_life(call, REGISTER_CHANGE_PLAN_RESUME);
}

static void start_abort(struct call *call)
{
    start_life(call, REGISTER_CHANGE_PLAN_ABORT);
}

static void start_lost(struct call *call)
{
    struct register_change change;
    if (take_life(call, REGISTER_CHANGE_PLAN_LOSE, &change) &&
        take_number(call, 3, "the id of a node", UINT32_MAX, &change.member.id))
        change_call_start(call, &change, reply_life);
}

/* ---- SHOW, BASE ---- */

static void write_wish(struct resp_writer writer, const struct ring_wish *wish)
{
    resp_writer_map(writer, 5);
    resp_writer_bulk(writer, slice_text("change"));
    resp_writer_bulk(writer, slice_text(WISH_NAMES[wish->kind]));
    resp_writer_bulk(writer, slice_text("node"));
    resp_writer_integer(writer, wish->node);
    resp_writer_bulk(writer, slice_text("by"));
    resp_writer_integer(writer, wish->by);
    resp_writer_bulk(writer, slice_text("weight"));
    resp_writer_integer(writer, wish->weight);
    resp_writer_bulk(writer, slice_text("rack"));
    resp_writer_bulk(writer, slice_text(wish->rack));
}

static void start_show(struct call *call)
{
    struct register_value *value = task_register(call);
    if (value == NULL)
        return;
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, value->staged.count);
    for (uint32_t i = 0; i < value->staged.count; i++)
        write_wish(writer, &value->staged.items[i]);
    register_value_free(value);
    call_finish(call);
}

/* Who plans needs neither the secret of the ring nor the users. */
static void start_base(struct call *call)
{
    struct register_value *value = task_register(call);
    struct buffer bytes = {0};
    if (value == NULL)
        return;
    memset(value->ring->secret, 0, sizeof value->ring->secret);
    user_set_deinit(&value->users);
    register_value_encode(value, &bytes);
    resp_writer_bulk(call_writer(call), buffer_slice(&bytes));
    buffer_deinit(&bytes);
    register_value_free(value);
    call_finish(call);
}

/* ---- rows ---- */

#define ROW(word, count, arguments, what)                                                          \
    {                                                                                              \
        .name = #word, .container = "ring.plan", .group = "server", .since = RINGDB_SINCE_FIRST,   \
        .summary = what, .complexity = "O(N) in the size of the ring.", .syntax = arguments,       \
        .tips = "nondeterministic_output", .arity = count, .access = ACCESS_ALONE,                 \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,           \
    }

static const struct command subcommands[] = {
    ROW(abort, 3, "plan-id",
        "Gives the plan up: what has not begun stays where it is, what reads have not left goes "
        "back, and what they have left goes on. Nobody leaves."),
    ROW(base, 2, "",
        "What a plan follows from, for ringctl: the ring without its secret, and what is staged."),
    ROW(clear, 2, "", "Drops all that is staged. Who is joining stays."),
    ROW(commit, 3, "plan-id",
        "Begins the plan that follows from what is staged, if it is the one with this id. Refused "
        "while another one is under way, and unless ring-changes is yes."),
    HELP_ROW("ring.plan", RINGDB_SINCE_FIRST, 0),
    ROW(lost, 4, "plan-id node",
        "The plan waits no longer for what that node alone has, which is lost with its store: all "
        "it acknowledged alone."),
    ROW(pause, 3, "plan-id", "Begins nothing more of the plan. What has begun goes on."),
    ROW(resume, 3, "plan-id", "Goes on with a plan that was paused."),
    ROW(show, 2, "", "What is staged for the next plan, by node."),
    ROW(stage, -3, "change [change ...]",
        "Stages changes of nodes that store data, all or none: LEAVE id, REPLACE id by, WEIGHT id "
        "weight, RACK id rack; REPEAT-RACKS accepts more copies of a partition in one rack than "
        "today. A later one of a kind and node takes the place of an earlier one. Nothing moves."),
    {0},
};

const struct command command_ring_plan = {
    .name = "ring.plan",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Stages changes of who owns what, and begins, pauses and aborts the plan of them.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = subcommands,
};
