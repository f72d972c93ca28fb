/*
 * repair.c - RING.REPAIR: anti-entropy and scrub of this node, for ringctl.
 */
#include <assert.h>

#include "commands/arguments.h"
#include "commands/call.h"
#include "commands/command_list.h"
#include "commands/help.h"
#include "commands/repair_view.h"
#include "commands/server_version.h"

static void write_name(struct resp_writer writer, const char *name)
{
    resp_writer_bulk(writer, slice_text(name));
}

static void write_number(struct resp_writer writer, const char *name, uint64_t value)
{
    write_name(writer, name);
    resp_writer_integer(writer, (int64_t)value);
}

/* -1: it never happened. */
static void write_age(struct resp_writer writer, const char *name, bool happened, uint64_t age_ms)
{
    write_name(writer, name);
    resp_writer_integer(writer, happened ? (int64_t)age_ms : -1);
}

static void write_differences(struct resp_writer writer,
                              const struct repair_differences *differences)
{
    write_number(writer, "behind", differences->behind);
    write_number(writer, "superseded", differences->superseded);
    write_number(writer, "in_flight", differences->in_flight);
    write_number(writer, "corrupt", differences->corrupt);
    write_number(writer, "expired", differences->expired);
}

static bool answers(struct call *call)
{
    if (call_environment(call)->repair_view != NULL)
        return true;
    call_reply_error(call, "ERR this node repairs nothing");
    return false;
}

/* ---- RING.REPAIR STATUS ---- */

static void write_run(struct resp_writer writer, const struct repair_view *view)
{
    write_name(writer, "run");
    resp_writer_map(writer, 4);
    write_number(writer, "number", view->run);
    write_number(writer, "dry_run", view->dry_run);
    write_number(writer, "pairs", view->run_pairs);
    write_number(writer, "done", view->run_done);
}

static void write_scrub(struct resp_writer writer, const struct repair_view *view)
{
    write_name(writer, "scrub");
    resp_writer_map(writer, 7);
    write_number(writer, "ordered", view->scrub_run_replicas);
    write_number(writer, "done", view->scrub_run_done);
    write_number(writer, "replicas", view->scrubs);
    write_number(writer, "cells", view->scrub_cells);
    write_number(writer, "bytes", view->scrub_bytes);
    write_number(writer, "ranges_wrong", view->scrub_ranges_wrong);
    write_name(writer, "partition");
    resp_writer_integer(writer, view->scrub_runs ? (int64_t)view->scrub_partition : -1);
}

static void write_pair(struct resp_writer writer, const struct repair_pair_view *pair)
{
    resp_writer_map(writer, 12);
    write_number(writer, "partition", pair->partition);
    write_number(writer, "peer", pair->peer);
    write_age(writer, "compared_ms_ago", pair->compared, pair->age_ms);
    write_name(writer, "status");
    resp_writer_bulk(writer, slice_text(status_name(pair->status)));
    write_number(writer, "equal", pair->equal);
    write_number(writer, "pending", pair->run_pending);
    write_differences(writer, &pair->differences);
    write_number(writer, "repaired", pair->repaired);
}

static void write_replica(struct resp_writer writer, const struct repair_replica_view *replica)
{
    resp_writer_map(writer, 6);
    write_number(writer, "partition", replica->partition);
    write_number(writer, "cells", replica->cells);
    write_number(writer, "tree", replica->tree_fits);
    write_number(writer, "damaged", replica->damaged);
    write_age(writer, "scrubbed_ms_ago", replica->scrubbed, replica->age_ms);
    write_number(writer, "pending", replica->run_pending);
}

static void start_status(struct call *call)
{
    const struct environment *environment = call_environment(call);
    struct repair_view view;
    if (!answers(call))
        return;
    environment->repair_view(environment->node, call_now(call), &view);
    struct resp_writer writer = call_writer(call);
    resp_writer_map(writer, 23);
    write_number(writer, "paused", view.paused);
    write_number(writer, "yielding", view.yielding);
    write_number(writer, "interval_ms", view.interval_ms);
    write_number(writer, "scrub_interval_ms", view.scrub_interval_ms);
    write_number(writer, "bytes_per_second", view.bytes_per_second);
    write_number(writer, "pair_count", view.pairs);
    write_number(writer, "pairs_compared", view.pairs_compared);
    write_number(writer, "replica_count", view.replicas);
    write_number(writer, "exchanges", view.exchanges);
    write_number(writer, "exchanges_equal", view.exchanges_equal);
    write_number(writer, "exchanges_failed", view.exchanges_failed);
    write_number(writer, "bytes_sent", view.bytes_sent);
    write_number(writer, "bytes_received", view.bytes_received);
    write_differences(writer, &view.differences);
    write_number(writer, "repaired", view.repaired);
    write_run(writer, &view);
    write_scrub(writer, &view);
    write_name(writer, "pairs");
    resp_writer_array(writer, view.pairs);
    for (uint32_t i = 0; i < view.pairs; i++) {
        struct repair_pair_view pair;
        environment->repair_pair(environment->node, call_now(call), i, &pair);
        write_pair(writer, &pair);
    }
    write_name(writer, "replicas");
    resp_writer_array(writer, view.replicas);
    for (uint32_t i = 0; i < view.replicas; i++) {
        struct repair_replica_view replica;
        environment->repair_replica(environment->node, call_now(call), i, &replica);
        write_replica(writer, &replica);
    }
    call_finish(call);
}

/* ---- orders ---- */

struct order {
    uint32_t partition;
    bool dry_run;
};

/* [PARTITION number] and, for RUN, [DRYRUN]. False when it was answered with an error. */
static bool read_order(struct call *call, bool may_dry_run, struct order *order)
{
    *order = (struct order){.partition = REPAIR_ALL_PARTITIONS};
    for (uint32_t i = 2; i < call->argument_count; i++) {
        int64_t partition;
        if (may_dry_run && call_argument_is(call, i, "dryrun")) {
            order->dry_run = true;
            continue;
        }
        if (!call_argument_is(call, i, "partition") || i + 1 >= call->argument_count) {
            call_reply_syntax_error(call);
            return false;
        }
        if (!parse_integer(call_argument(call, ++i), &partition)) {
            call_reply_not_an_integer(call);
            return false;
        }
        if (partition < 0 || partition >= call_environment(call)->ring->partition_count) {
            call_reply_error(call, "ERR there is no such partition");
            return false;
        }
        order->partition = (uint32_t)partition;
    }
    return true;
}

/* Answers how many pairs, or replicas, it is for. */
static void give_order(struct call *call, enum repair_order what, uint32_t partition)
{
    const struct environment *environment = call_environment(call);
    struct repair_view view;
    enum status status = environment->repair_order(environment->node, what, partition);
    if (status == STATUS_NOT_OWNER) {
        call_reply_integer(call, 0);
        return;
    }
    assert(status == STATUS_OK);
    environment->repair_view(environment->node, call_now(call), &view);
    if (what == REPAIR_PAUSE || what == REPAIR_RESUME)
        call_reply_ok(call);
    else
        call_reply_integer(call, what == REPAIR_SCRUB ? view.scrub_run_replicas : view.run_pairs);
}

static void start_run(struct call *call)
{
    struct order order;
    if (answers(call) && read_order(call, true, &order))
        give_order(call, order.dry_run ? REPAIR_DRY_RUN : REPAIR_RUN, order.partition);
}

static void start_scrub(struct call *call)
{
    struct order order;
    if (answers(call) && read_order(call, false, &order))
        give_order(call, REPAIR_SCRUB, order.partition);
}

static void start_pause(struct call *call)
{
    if (answers(call))
        give_order(call, REPAIR_PAUSE, REPAIR_ALL_PARTITIONS);
}

static void start_resume(struct call *call)
{
    if (answers(call))
        give_order(call, REPAIR_RESUME, REPAIR_ALL_PARTITIONS);
}

/* ---- rows ---- */

#define REPAIR_ROW(word, count, arguments, what)                                                   \
    {                                                                                              \
        .name = #word, .container = "ring.repair", .group = "server", .since = RINGDB_SINCE_FIRST, \
        .summary = what, .complexity = "O(N) in the number of partitions.", .syntax = arguments,   \
        .tips = "nondeterministic_output", .arity = count,                                         \
        .flags = COMMAND_ADMIN | COMMAND_LOADING | COMMAND_STALE, .start = start_##word,           \
    }

static const struct command repair_subcommands[] = {
    HELP_ROW("ring.repair", RINGDB_SINCE_FIRST, 0),
    REPAIR_ROW(pause, 2, "",
               "Stops comparing and scrubbing at this node until RESUME or a restart."),
    REPAIR_ROW(resume, 2, "", "Goes on after PAUSE."),
    REPAIR_ROW(run, -2, "[PARTITION partition] [DRYRUN]",
               "Compares now; answers with how many other owners. DRYRUN only counts differences."),
    REPAIR_ROW(scrub, -2, "[PARTITION partition]",
               "Reads and checks all cells now; answers of how many replicas."),
    REPAIR_ROW(status, 2, "", "Comparisons and scrubs of this node, by partition and peer."),
    {0},
};

const struct command command_ring_repair = {
    .name = "ring.repair",
    .group = "server",
    .since = RINGDB_SINCE_FIRST,
    .summary = "Compares replicas with those of other owners, and with what is on the disk.",
    .complexity = "That of the subcommand.",
    .syntax = "",
    .arity = -2,
    .subcommands = repair_subcommands,
};
