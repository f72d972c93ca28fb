/*
 * wait.c - WAIT and WAITAOF: how many owners hold the connection's last write.
 *
 * A replica that counts has the write on disk, so both ask the same question: the
 * owners of the last written key are asked for its dot, again and again with growing
 * pauses, until enough have it, all have it, or the time is over. A write whose outcome
 * is not known counts as held by nobody.
 */
#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/session_state.h"

enum { PAUSE_FIRST_US = 2000, PAUSE_MAX_US = 200000 };

struct wait {
    uint32_t wanted;   /* owners, this node's or whichever counts as local included */
    uint64_t until_us; /* UINT64_MAX: no end */
    uint64_t pause_us;
    uint32_t held;         /* owners known to have the write */
    bool local_and_others; /* WAITAOF's reply */
};

static uint32_t owner_count(const struct call *call)
{
    return call_environment(call)->ring->owner_count;
}

static void reply_held(struct call *call, uint32_t held)
{
    const struct wait *wait = call->work;
    int64_t others = held > 0 ? (int64_t)held - 1 : 0;
    if (!wait->local_and_others) {
        call_reply_integer(call, others);
        return;
    }
    struct resp_writer writer = call_writer(call);
    resp_writer_array(writer, 2);
    resp_writer_integer(writer, held > 0 ? 1 : 0);
    resp_writer_integer(writer, others);
    call_finish(call);
}

static void make_coverage(struct call *call, uint32_t index, struct key_request *request)
{
    const struct last_write *last = &call->session->last_write;
    struct key_entry *entry = call_entries(call, 2);
    (void)index;
    entry->key = buffer_slice(&last->key);
    if (last->collection != 0)
        entry[1].key = buffer_slice(&last->element);
    request->collection = last->collection;
    request->kind = KEY_COVERAGE;
    request->keyspace = last->keyspace;
    request->partition = call_partition(call, entry->key);
    request->entry_count = last->collection != 0 ? 2 : 1;
    request->entries = entry;
    request->dot = last->dot;
}

static void collect_coverage(struct call *call, uint32_t index, const struct key_result *result)
{
    struct wait *wait = call->work;
    (void)index;
    if (result->status == STATUS_OK && result->count > wait->held)
        wait->held =
            result->count < owner_count(call) ? (uint32_t)result->count : owner_count(call);
}

static void ask(struct call *call);

static void go_on(struct call *call)
{
    struct wait *wait = call->work;
    struct session *session = call->session;
    uint64_t now_us = call_now(call).mono_us;
    bool unblocked = session->unblocked;
    session->unblocked = false;
    if (unblocked && session->unblocked_with_error) {
        call_reply_error(call, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
        return;
    }
    if (wait->held >= wait->wanted || wait->held >= owner_count(call) || unblocked ||
        now_us >= wait->until_us) {
        reply_held(call, wait->held);
        return;
    }
    uint64_t left_us = wait->until_us - now_us;
    call_sleep(call, now_us + (wait->pause_us < left_us ? wait->pause_us : left_us), ask);
    wait->pause_us = wait->pause_us * 2 < PAUSE_MAX_US ? wait->pause_us * 2 : PAUSE_MAX_US;
}

static void ask(struct call *call)
{
    const struct wait *wait = call->work;
    if (call->session->unblocked || call_now(call).mono_us >= wait->until_us)
        go_on(call);
    else
        call_scatter(call, 1, make_coverage, collect_coverage, go_on);
}

/* `wanted` owners, for as long as argument number `timeout_at` says. */
static void wait_for(struct call *call, struct wait *wait, uint32_t timeout_at)
{
    const struct last_write *last = &call->session->last_write;
    int64_t timeout_ms;
    if (!parse_integer(call_argument(call, timeout_at), &timeout_ms)) {
        call_reply_error(call, "ERR timeout is not an integer or out of range");
        return;
    }
    if (timeout_ms < 0) {
        call_reply_error(call, "ERR timeout is negative");
        return;
    }
    call->session->unblocked = false;
    uint64_t now_us = call_now(call).mono_us;
    wait->until_us = timeout_ms == 0 || (uint64_t)timeout_ms > (UINT64_MAX - now_us) / 1000
                         ? UINT64_MAX
                         : now_us + (uint64_t)timeout_ms * 1000;
    wait->pause_us = PAUSE_FIRST_US;
    if (!last->made) {
        reply_held(call, owner_count(call)); /* nothing was written that could be missing */
    } else if (last->unknown) {
        reply_held(call, 0);
    } else {
        wait->held = last->acks < owner_count(call) ? last->acks : owner_count(call);
        if (wait->held >= wait->wanted)
            reply_held(call, wait->held);
        else
            ask(call);
    }
}

static void start_wait(struct call *call)
{
    struct wait *wait = call_work(call, sizeof *wait);
    int64_t replicas;
    if (!parse_integer(call_argument(call, 1), &replicas)) {
        call_reply_not_an_integer(call);
        return;
    }
    wait->wanted = replicas < 0                    ? 0
                   : replicas >= owner_count(call) ? owner_count(call)
                                                   : (uint32_t)replicas + 1;
    wait_for(call, wait, 2);
}

static void start_waitaof(struct call *call)
{
    struct wait *wait = call_work(call, sizeof *wait);
    int64_t local, replicas;
    wait->local_and_others = true;
    if (!parse_integer(call_argument(call, 1), &local)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (local < 0 || local > 1) {
        call_reply_error(call, "ERR value is out of range, value must between 0 and 1");
        return;
    }
    if (!parse_integer(call_argument(call, 2), &replicas)) {
        call_reply_not_an_integer(call);
        return;
    }
    if (replicas < 0) {
        call_reply_error(call, "ERR value is out of range, must be positive");
        return;
    }
    if (replicas == 0)
        wait->wanted = (uint32_t)local;
    else
        wait->wanted = replicas >= owner_count(call) ? owner_count(call) : (uint32_t)replicas + 1;
    wait_for(call, wait, 3);
}

const struct command command_wait = {
    .name = "wait",
    .group = "generic",
    .since = "3.0.0",
    .summary = "Waits until the connection's last write is on disk at as many owners besides "
               "one, or the time in milliseconds is over; answers how many have it.",
    .complexity = "O(1)",
    .syntax = "numreplicas timeout",
    .arity = 3,
    .access = ACCESS_ALONE,
    .flags = COMMAND_NOSCRIPT | COMMAND_BLOCKING,
    .categories = CATEGORY_CONNECTION,
    .start = start_wait,
};

const struct command command_waitaof = {
    .name = "waitaof",
    .group = "generic",
    .since = "7.2.0",
    .summary = "As WAIT; answers whether one owner has the write, and how many others.",
    .complexity = "O(1)",
    .syntax = "numlocal numreplicas timeout",
    .arity = 4,
    .access = ACCESS_ALONE,
    .flags = COMMAND_NOSCRIPT | COMMAND_BLOCKING,
    .categories = CATEGORY_CONNECTION,
    .start = start_waitaof,
};
