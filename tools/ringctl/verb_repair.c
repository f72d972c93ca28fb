/*
 * verb_repair.c - comparing replicas with each other and with their disks: see it, do it now, stop
 * it.
 *
 * Each pair of owners of a partition is compared by one of the two, which tells when and with
 * what result. So all nodes are asked, and each pair is told once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "progress.h"
#include "verbs.h"

enum {
    ASK_EVERY_MS = 300,
    OLDEST_ROWS = 10,
    ALARM_AGE_MS = 24 * 3600 * 1000,
    WORDS_MAX = 8,
    WORD_MAX = 16
};

struct pair_row {
    uint32_t partition;
    node_id node, peer;
    int64_t age_ms; /* -1: never compared */
    char status[32];
    bool pending, equal;
    uint64_t behind, superseded, in_flight, corrupt, repaired;
};

/* What all nodes say together. */
struct overview {
    uint32_t silent; /* nodes without an answer */
    uint32_t paused, yielding;
    uint64_t interval_ms, bytes_per_second;
    uint64_t bytes, exchanges, exchanges_equal;
    uint64_t behind, superseded, in_flight, corrupt, repaired; /* since the nodes started */
    uint64_t scrubbed, scrub_cells, ranges_wrong;
    uint32_t replicas, replicas_pending, replicas_damaged, replicas_never;
    int64_t oldest_scrub_ms;
    struct pair_row *pairs;
    size_t pair_count, pair_capacity;
    uint32_t pending, unreachable; /* pairs of an order; of those, whose peer is down */
};

static void overview_deinit(struct overview *overview)
{
    free(overview->pairs);
    *overview = (struct overview){0};
}

/* ---- asking --------------------------------------------------------------------------------- */

static void ask_everybody(const struct cluster *cluster, const struct arguments *arguments,
                          const char *const *words, struct exchange *out)
{
    for (size_t i = 0; i < cluster->member_count; i++) {
        out[i] = (struct exchange){.address = cluster->members[i].client};
        exchange_ask_texts(&out[i], words);
    }
    exchange_run(out, cluster->member_count, arguments->timeout_ms);
}

static uint64_t field(const struct resp_value *map, const char *name)
{
    int64_t value = fields_integer(map, name, 0);
    return value < 0 ? 0 : (uint64_t)value;
}

static void add_pair(struct overview *out, node_id node, const struct resp_value *row)
{
    if (out->pair_count == out->pair_capacity) {
        out->pair_capacity = out->pair_capacity * 2 + 64;
        out->pairs = memory_resize(out->pairs, out->pair_capacity, sizeof *out->pairs);
    }
    struct pair_row *pair = &out->pairs[out->pair_count++];
    *pair = (struct pair_row){.partition = (uint32_t)field(row, "partition"),
                              .node = node,
                              .peer = (node_id)field(row, "peer"),
                              .age_ms = fields_integer(row, "compared_ms_ago", -1),
                              .pending = field(row, "pending") != 0,
                              .equal = field(row, "equal") != 0,
                              .behind = field(row, "behind"),
                              .superseded = field(row, "superseded"),
                              .in_flight = field(row, "in_flight"),
                              .corrupt = field(row, "corrupt"),
                              .repaired = field(row, "repaired")};
    snprintf(pair->status, sizeof pair->status, "%s", fields_text(row, "status", "unknown"));
    out->pending += pair->pending;
    out->unreachable += pair->pending && strcmp(pair->status, "unavailable") == 0;
}

static void add_replica(struct overview *out, const struct resp_value *row)
{
    int64_t age_ms = fields_integer(row, "scrubbed_ms_ago", -1);
    out->replicas++;
    out->replicas_pending += field(row, "pending") != 0;
    out->replicas_damaged += field(row, "damaged") != 0;
    out->replicas_never += age_ms < 0;
    if (age_ms > out->oldest_scrub_ms)
        out->oldest_scrub_ms = age_ms;
}

static void add_node(struct overview *out, node_id node, const struct resp_value *status)
{
    const struct resp_value *pairs = fields_get(status, "pairs");
    const struct resp_value *replicas = fields_get(status, "replicas");
    const struct resp_value *scrub = fields_get(status, "scrub");
    out->paused += field(status, "paused") != 0;
    out->yielding += field(status, "yielding") != 0;
    out->interval_ms = field(status, "interval_ms");
    out->bytes_per_second = field(status, "bytes_per_second");
    out->bytes += field(status, "bytes_sent") + field(status, "bytes_received");
    out->exchanges += field(status, "exchanges");
    out->exchanges_equal += field(status, "exchanges_equal");
    out->behind += field(status, "behind");
    out->superseded += field(status, "superseded");
    out->in_flight += field(status, "in_flight");
    out->corrupt += field(status, "corrupt");
    out->repaired += field(status, "repaired");
    out->scrubbed += field(scrub, "replicas");
    out->scrub_cells += field(scrub, "cells");
    out->ranges_wrong += field(scrub, "ranges_wrong");
    for (size_t i = 0; i < fields_count(pairs); i++)
        add_pair(out, node, fields_at(pairs, i));
    for (size_t i = 0; i < fields_count(replicas); i++)
        add_replica(out, fields_at(replicas, i));
}

static void take_overview(const struct cluster *cluster, const struct arguments *arguments,
                          struct overview *out)
{
    struct exchange *answers = memory_new(cluster->member_count, sizeof *answers);
    overview_deinit(out);
    ask_everybody(cluster, arguments, (const char *const[]){"RING.REPAIR", "STATUS", NULL},
                  answers);
    for (size_t i = 0; i < cluster->member_count; i++) {
        char reason[EXCHANGE_REASON_MAX];
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply == NULL)
            out->silent++;
        else
            add_node(out, cluster->members[i].id, reply);
    }
    cluster_forget(cluster, answers);
    free(answers);
}

/* ---- telling -------------------------------------------------------------------------------- */

static const struct report_column PAIR_COLUMNS[] = {
    {"partition", REPORT_NUMBER},      {"node", REPORT_NUMBER},      {"peer", REPORT_NUMBER},
    {"compared_s_ago", REPORT_NUMBER}, {"status", REPORT_TEXT},      {"behind", REPORT_NUMBER},
    {"superseded", REPORT_NUMBER},     {"in_flight", REPORT_NUMBER}, {"corrupt", REPORT_NUMBER},
    {"repaired", REPORT_NUMBER}};

enum { PAIR_COLUMN_COUNT = sizeof PAIR_COLUMNS / sizeof *PAIR_COLUMNS };

/* Never compared first, then the longest ago. */
static int by_age(const void *left, const void *right)
{
    const struct pair_row *a = left, *b = right;
    uint64_t age_a = a->age_ms < 0 ? UINT64_MAX : (uint64_t)a->age_ms;
    uint64_t age_b = b->age_ms < 0 ? UINT64_MAX : (uint64_t)b->age_ms;
    if (age_a != age_b)
        return age_a > age_b ? -1 : 1;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void add_pair_row(struct report_table *table, const struct pair_row *pair)
{
    report_cell(table, "%" PRIu32, pair->partition);
    report_cell(table, "%" PRIu32, pair->node);
    report_cell(table, "%" PRIu32, pair->peer);
    if (pair->age_ms < 0)
        report_cell(table, NULL);
    else
        report_cell(table, "%" PRId64, pair->age_ms / 1000);
    report_cell(table, "%s", pair->status);
    report_cell(table, "%" PRIu64, pair->behind);
    report_cell(table, "%" PRIu64, pair->superseded);
    report_cell(table, "%" PRIu64, pair->in_flight);
    report_cell(table, "%" PRIu64, pair->corrupt);
    if (pair->corrupt > 0)
        report_alarm(table);
    report_cell(table, "%" PRIu64, pair->repaired);
}

static bool in_scope(const struct arguments *arguments, const struct pair_row *pair)
{
    return !arguments->has_partition || pair->partition == arguments->partition;
}

static void add_counts(struct report *report, uint64_t behind, uint64_t superseded,
                       uint64_t in_flight, uint64_t corrupt, uint64_t repaired)
{
    report_fact(report, "behind", REPORT_NUMBER, "%" PRIu64, behind);
    report_fact(report, "superseded", REPORT_NUMBER, "%" PRIu64, superseded);
    report_fact(report, "in_flight", REPORT_NUMBER, "%" PRIu64, in_flight);
    report_fact(report, "corrupt", REPORT_NUMBER, "%" PRIu64, corrupt);
    report_fact(report, "repaired", REPORT_NUMBER, "%" PRIu64, repaired);
}

static const char *next_step(const struct overview *overview, uint64_t oldest_ms)
{
    if (overview->silent > 0)
        return "bring back the nodes that do not answer: ringctl status";
    if (overview->replicas_damaged > 0)
        return "a store cannot be read: see the log of its node, and ringctl status";
    if (overview->paused > 0)
        return "repair is paused: ringctl repair resume";
    if (overview->interval_ms == 0)
        return "comparisons are off: set repair-interval";
    if (oldest_ms > ALARM_AGE_MS)
        return "a pair was not compared for a day: ringctl repair run";
    if (overview->corrupt > 0)
        return "cells were lost behind a clock: check the disks, then ringctl repair scrub";
    return "nothing";
}

static const char *state_name(const struct overview *overview, const struct cluster *cluster)
{
    if (overview->paused == 0)
        return overview->yielding > 0 ? "yielding" : "running";
    return overview->paused + overview->silent >= cluster->member_count ? "paused"
                                                                        : "paused in part";
}

static void print_status(const struct arguments *arguments, const struct cluster *cluster,
                         struct overview *overview, uint64_t oldest_ms)
{
    struct report *report = report_new();
    size_t recent = 0, scope = 0, rows = 0;
    qsort(overview->pairs, overview->pair_count, sizeof *overview->pairs, by_age);
    for (size_t i = 0; i < overview->pair_count; i++) {
        const struct pair_row *pair = &overview->pairs[i];
        scope += in_scope(arguments, pair);
        recent += in_scope(arguments, pair) && pair->age_ms >= 0 &&
                  (uint64_t)pair->age_ms <= 2 * overview->interval_ms;
    }
    report_fact(report, "state", REPORT_TEXT, "%s", state_name(overview, cluster));
    report_fact(report, "nodes_silent", REPORT_NUMBER, "%" PRIu32, overview->silent);
    report_fact(report, "interval_s", REPORT_NUMBER, "%" PRIu64, overview->interval_ms / 1000);
    report_fact(report, "bytes_per_second_max", REPORT_NUMBER, "%" PRIu64,
                overview->bytes_per_second);
    report_fact(report, "pairs", REPORT_NUMBER, "%zu", scope);
    report_fact(report, "compared_percent", REPORT_NUMBER, "%zu",
                scope == 0 ? 100 : recent * 100 / scope);
    report_fact(report, "oldest_s", REPORT_NUMBER, "%" PRIu64, oldest_ms / 1000);
    report_fact(report, "exchanges", REPORT_NUMBER, "%" PRIu64, overview->exchanges);
    report_fact(report, "exchanges_equal", REPORT_NUMBER, "%" PRIu64, overview->exchanges_equal);
    report_fact(report, "bytes", REPORT_NUMBER, "%" PRIu64, overview->bytes);
    add_counts(report, overview->behind, overview->superseded, overview->in_flight,
               overview->corrupt, overview->repaired);
    report_fact(report, "replicas", REPORT_NUMBER, "%" PRIu32, overview->replicas);
    report_fact(report, "replicas_damaged", REPORT_NUMBER, "%" PRIu32, overview->replicas_damaged);
    report_fact(report, "replicas_never_scrubbed", REPORT_NUMBER, "%" PRIu32,
                overview->replicas_never);
    report_fact(report, "oldest_scrub_s", REPORT_NUMBER, "%" PRId64,
                overview->oldest_scrub_ms / 1000);
    report_fact(report, "scrub_cells", REPORT_NUMBER, "%" PRIu64, overview->scrub_cells);
    report_fact(report, "scrub_ranges_wrong", REPORT_NUMBER, "%" PRIu64, overview->ranges_wrong);
    report_fact(report, "next_step", REPORT_TEXT, "%s", next_step(overview, oldest_ms));
    struct report_table *table = report_table(
        report, arguments->json ? "pair" : "compared_longest_ago", PAIR_COLUMNS, PAIR_COLUMN_COUNT);
    for (size_t i = 0; i < overview->pair_count; i++) {
        if (!in_scope(arguments, &overview->pairs[i]) || (!arguments->json && rows >= OLDEST_ROWS))
            continue;
        add_pair_row(table, &overview->pairs[i]);
        rows++;
    }
    verb_print(arguments, report);
}

enum exit_code verb_repair_status(const struct arguments *arguments)
{
    struct cluster cluster;
    struct overview overview = {0};
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    take_overview(&cluster, arguments, &overview);
    uint64_t oldest_ms = 0;
    for (size_t i = 0; i < overview.pair_count; i++)
        if (overview.pairs[i].age_ms > 0 && (uint64_t)overview.pairs[i].age_ms > oldest_ms)
            oldest_ms = (uint64_t)overview.pairs[i].age_ms;
    print_status(arguments, &cluster, &overview, oldest_ms);
    if (overview.silent > 0 || overview.replicas_damaged > 0 || oldest_ms > ALARM_AGE_MS)
        code = EXIT_DEGRADED;
    overview_deinit(&overview);
    cluster_deinit(&cluster);
    return code;
}

/* ---- orders --------------------------------------------------------------------------------- */

/* RING.REPAIR and the order for all nodes. How many of them did not take it. */
static uint32_t give_order(const struct cluster *cluster, const struct arguments *arguments,
                           const char *order, bool takes_partition)
{
    const char *words[WORDS_MAX] = {"RING.REPAIR", order};
    char number[WORD_MAX];
    size_t count = 2;
    uint32_t refused = 0;
    struct exchange *answers = memory_new(cluster->member_count, sizeof *answers);
    if (takes_partition && arguments->has_partition) {
        snprintf(number, sizeof number, "%" PRIu32, arguments->partition);
        words[count++] = "PARTITION";
        words[count++] = number;
    }
    if (arguments->dry_run)
        words[count++] = "DRYRUN";
    ask_everybody(cluster, arguments, words, answers);
    for (size_t i = 0; i < cluster->member_count; i++) {
        char reason[EXCHANGE_REASON_MAX];
        if (cluster_reply(&answers[i], reason) != NULL)
            continue;
        verb_complain("node %" PRIu32 ": %s", cluster->members[i].id, reason);
        refused++;
    }
    cluster_forget(cluster, answers);
    free(answers);
    return refused;
}

/*
 * Ask until nothing of the order is left, or only what cannot be done now. `left` tells how
 * much there is in an overview. Returns how much was left.
 */
static uint32_t wait_for(const struct cluster *cluster, const struct arguments *arguments,
                         const char *what, uint32_t (*left)(const struct overview *),
                         struct overview *overview)
{
    struct progress progress = progress_begin(what);
    uint32_t total = 0, pending;
    for (;;) {
        take_overview(cluster, arguments, overview);
        pending = left(overview);
        if (pending > total)
            total = pending;
        progress_show(&progress, total - pending, total);
        bool stuck = overview->pending > 0 && overview->unreachable == overview->pending;
        bool late = arguments->waits &&
                    progress_elapsed_ms(&progress) >= (uint64_t)arguments->wait_seconds * 1000;
        if (pending == 0 || stuck || late || overview->paused > 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = ASK_EVERY_MS * 1000000L}, NULL);
    }
    progress_end(&progress);
    return pending;
}

static uint32_t pairs_left(const struct overview *overview)
{
    return overview->pending;
}

static uint32_t replicas_left(const struct overview *overview)
{
    return overview->replicas_pending;
}

static void print_run(const struct arguments *arguments, struct overview *overview, uint32_t left)
{
    struct report *report = report_new();
    struct pair_row sum = {0};
    size_t pairs = 0;
    for (size_t i = 0; i < overview->pair_count; i++) {
        const struct pair_row *pair = &overview->pairs[i];
        if (!in_scope(arguments, pair))
            continue;
        pairs++;
        sum.behind += pair->behind;
        sum.superseded += pair->superseded;
        sum.in_flight += pair->in_flight;
        sum.corrupt += pair->corrupt;
        sum.repaired += pair->repaired;
    }
    report_fact(report, "pairs", REPORT_NUMBER, "%zu", pairs);
    report_fact(report, "compared", REPORT_NUMBER, "%zu", pairs - left);
    report_fact(report, "dry_run", REPORT_FLAG, "%s", arguments->dry_run ? "yes" : "no");
    add_counts(report, sum.behind, sum.superseded, sum.in_flight, sum.corrupt, sum.repaired);
    report_fact(report, "next_step", REPORT_TEXT, "%s",
                overview->paused > 0                    ? "repair is paused: ringctl repair resume"
                : left > 0                              ? "bring back the nodes of the pairs below"
                : sum.corrupt > 0 && arguments->dry_run ? "mend them: ringctl repair run"
                : sum.corrupt > 0 ? "check the disks of these nodes: ringctl repair scrub"
                                  : "nothing");
    struct report_table *table =
        report_table(report, "differences", PAIR_COLUMNS, PAIR_COLUMN_COUNT);
    qsort(overview->pairs, overview->pair_count, sizeof *overview->pairs, by_age);
    for (size_t i = 0; i < overview->pair_count; i++) {
        const struct pair_row *pair = &overview->pairs[i];
        if (in_scope(arguments, pair) &&
            (pair->pending ||
             pair->behind + pair->superseded + pair->in_flight + pair->corrupt > 0))
            add_pair_row(table, pair);
    }
    verb_print(arguments, report);
}

enum exit_code verb_repair_run(const struct arguments *arguments)
{
    struct cluster cluster;
    struct overview overview = {0};
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    uint32_t refused = give_order(&cluster, arguments, "RUN", true);
    uint32_t left =
        wait_for(&cluster, arguments, "pairs of owners are compared", pairs_left, &overview);
    uint64_t corrupt = 0;
    for (size_t i = 0; i < overview.pair_count; i++)
        corrupt += in_scope(arguments, &overview.pairs[i]) ? overview.pairs[i].corrupt : 0;
    print_run(arguments, &overview, left);
    if (refused > 0 || left > 0 || (arguments->dry_run && corrupt > 0))
        code = EXIT_DEGRADED;
    overview_deinit(&overview);
    cluster_deinit(&cluster);
    return code;
}

enum exit_code verb_repair_scrub(const struct arguments *arguments)
{
    struct cluster cluster;
    struct overview before = {0}, overview = {0};
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    take_overview(&cluster, arguments, &before);
    uint32_t refused = give_order(&cluster, arguments, "SCRUB", true);
    uint32_t left = wait_for(&cluster, arguments, "replicas are read", replicas_left, &overview);
    struct report *report = report_new();
    uint64_t wrong = overview.ranges_wrong - before.ranges_wrong;
    report_fact(report, "replicas_read", REPORT_NUMBER, "%" PRIu64,
                overview.scrubbed - before.scrubbed);
    report_fact(report, "replicas_left", REPORT_NUMBER, "%" PRIu32, left);
    report_fact(report, "replicas_damaged", REPORT_NUMBER, "%" PRIu32, overview.replicas_damaged);
    report_fact(report, "cells", REPORT_NUMBER, "%" PRIu64,
                overview.scrub_cells - before.scrub_cells);
    report_fact(report, "ranges_wrong", REPORT_NUMBER, "%" PRIu64, wrong);
    report_fact(report, "next_step", REPORT_TEXT, "%s",
                overview.replicas_damaged > 0
                    ? "a store cannot be read: see the log of its node, and ringctl status"
                : wrong > 0 ? "bring back what is missing: ringctl repair run"
                            : "nothing");
    verb_print(arguments, report);
    if (refused > 0 || left > 0 || wrong > 0 || overview.replicas_damaged > 0)
        code = EXIT_DEGRADED;
    overview_deinit(&before);
    overview_deinit(&overview);
    cluster_deinit(&cluster);
    return code;
}

static enum exit_code order_all(const struct arguments *arguments, const char *order)
{
    struct cluster cluster;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    uint32_t refused = give_order(&cluster, arguments, order, false);
    struct report *report = report_new();
    report_fact(report, "nodes", REPORT_NUMBER, "%zu", cluster.member_count - refused);
    report_fact(report, "nodes_silent", REPORT_NUMBER, "%" PRIu32, refused);
    verb_print(arguments, report);
    cluster_deinit(&cluster);
    return refused > 0 ? EXIT_DEGRADED : EXIT_OK;
}

enum exit_code verb_repair_pause(const struct arguments *arguments)
{
    return order_all(arguments, "PAUSE");
}

enum exit_code verb_repair_resume(const struct arguments *arguments)
{
    return order_all(arguments, "RESUME");
}
