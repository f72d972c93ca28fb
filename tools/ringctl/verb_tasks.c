/*
 * verb_tasks.c - what takes long: plans that were committed, how far they are, and their end.
 *
 * The plans and what is left of them stand in the register, which the first node tells
 * (RING.TASKS). What each waits for is known to the steward that drives it, so all are asked and
 * the one that knows is believed; and what is on its way now, and how fast, the targets say
 * (RING.PULLS).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "plan_base.h"
#include "progress.h"
#include "ring/transition.h"
#include "verbs.h"

static const struct report_column TASK_COLUMNS[] = {
    {"id", REPORT_TEXT},        {"kind", REPORT_TEXT},    {"state", REPORT_TEXT},
    {"percent", REPORT_NUMBER}, {"done", REPORT_NUMBER},  {"partitions", REPORT_NUMBER},
    {"moving", REPORT_NUMBER},  {"bytes", REPORT_NUMBER}, {"rate_bytes", REPORT_NUMBER},
    {"left_s", REPORT_NUMBER},  {"started", REPORT_TEXT}, {"ended", REPORT_TEXT},
    {"user", REPORT_TEXT},      {"node", REPORT_NUMBER},  {"waits_for", REPORT_NUMBER},
    {"reason", REPORT_TEXT}};
static const struct report_column TRANSFER_COLUMNS[] = {
    {"partition", REPORT_NUMBER}, {"source", REPORT_NUMBER},     {"target", REPORT_NUMBER},
    {"way", REPORT_TEXT},         {"state", REPORT_TEXT},        {"percent", REPORT_NUMBER},
    {"bytes", REPORT_NUMBER},     {"rate_bytes", REPORT_NUMBER}, {"left_s", REPORT_NUMBER},
    {"reason", REPORT_TEXT}};

enum {
    TASK_COLUMN_COUNT = sizeof TASK_COLUMNS / sizeof *TASK_COLUMNS,
    TRANSFER_COLUMN_COUNT = sizeof TRANSFER_COLUMNS / sizeof *TRANSFER_COLUMNS,
    ASK_EVERY_MS = 250,
    TEXT_MAX = 256,
    TIME_TEXT_MAX = 32
};

/* ---- what nodes tell ---- */

struct picture {
    struct cluster cluster;
    struct register_value *base;    /* in which partitions move */
    struct exchange *answers;       /* of each member: its pulls, then its tasks */
    const struct resp_value *tasks; /* of the first that has answered; NULL: of none */
    size_t silent;
};

/* What is on its way now, by the plan under way. */
struct traffic {
    uint64_t bytes, rate_bytes;
};

static const struct resp_value *reply_of(const struct picture *picture, size_t member, size_t at)
{
    char reason[EXCHANGE_REASON_MAX];
    const struct exchange *answer = &picture->answers[member];
    return cluster_reply(answer, reason) != NULL && fields_is_list(answer->replies[at])
               ? answer->replies[at]
               : NULL;
}

/* On failure a sentence was printed, and there is nothing to release. */
static enum exit_code load(const struct arguments *arguments, struct picture *out)
{
    static const char *const pulls[] = {"RING.PULLS", NULL}, *const tasks[] = {"RING.TASKS", "LIST",
                                                                               NULL};
    const char *const *const questions[] = {pulls, tasks};
    *out = (struct picture){0};
    enum exit_code code = cluster_load(arguments, &out->cluster);
    if (code != EXIT_OK)
        return code;
    code = plan_base_load(arguments, &out->base);
    if (code != EXIT_OK) {
        cluster_deinit(&out->cluster);
        return code;
    }
    out->answers = memory_new(out->cluster.member_count, sizeof *out->answers);
    cluster_ask_all_these(&out->cluster, arguments, questions, 2, out->answers);
    for (size_t i = 0; i < out->cluster.member_count; i++) {
        const struct resp_value *told = reply_of(out, i, 1);
        out->silent += told == NULL;
        if (out->tasks == NULL)
            out->tasks = told;
    }
    return EXIT_OK;
}

static void unload(struct picture *picture)
{
    cluster_forget(&picture->cluster, picture->answers);
    free(picture->answers);
    register_value_free(picture->base);
    cluster_deinit(&picture->cluster);
}

static const struct resp_value *task_in(const struct resp_value *tasks, const char *id)
{
    for (size_t i = 0; i < fields_count(tasks); i++)
        if (strcmp(fields_text(fields_at(tasks, i), "id", ""), id) == 0)
            return fields_at(tasks, i);
    return NULL;
}

static bool is_over(const struct resp_value *task)
{
    const char *state = fields_text(task, "state", "");
    return strcmp(state, "finished") == 0 || strcmp(state, "aborted") == 0;
}

/* The task as the one tells it that knows what it waits for; else as the first does. */
static const struct resp_value *knower_of(const struct picture *picture,
                                          const struct resp_value *task)
{
    for (size_t i = 0; i < picture->cluster.member_count && !is_over(task); i++) {
        const struct resp_value *told =
            task_in(reply_of(picture, i, 1), fields_text(task, "id", ""));
        if (told != NULL && !is_over(told) &&
            strcmp(fields_text(told, "reason", ""), "not known at this node") != 0)
            return told;
    }
    return task;
}

/* Whether the pull is of a partition that the plan under way moves to that node. */
static bool is_move(const struct picture *picture, const struct resp_value *pull)
{
    const struct ring *ring = picture->base->ring;
    int64_t partition = fields_integer(pull, "partition", -1);
    int64_t target = fields_integer(pull, "target", -1);
    return partition >= 0 && partition < (int64_t)ring->partition_count && target > 0 &&
           target <= UINT32_MAX && ring_joins(ring, (node_id)target, (partition_id)partition);
}

static struct traffic traffic_of(const struct picture *picture)
{
    struct traffic traffic = {0};
    for (size_t i = 0; i < picture->cluster.member_count; i++) {
        const struct resp_value *pulls = reply_of(picture, i, 0);
        for (size_t k = 0; k < fields_count(pulls); k++) {
            const struct resp_value *pull = fields_at(pulls, k);
            if (!is_move(picture, pull))
                continue;
            traffic.bytes += (uint64_t)fields_integer(pull, "bytes", 0);
            if (strcmp(fields_text(pull, "state", ""), "running") == 0)
                traffic.rate_bytes += (uint64_t)fields_integer(pull, "rate_bytes", 0);
        }
    }
    return traffic;
}

/* ---- printing ---- */

/* Of a task, in the order of TASK_COLUMNS. */
struct row {
    const char *id, *kind, *state, *user, *reason;
    int64_t percent, done, partitions, moving, node, waits_for;
    int64_t left_s; /* -1: it is not known, or over */
    struct traffic traffic;
    char started[TIME_TEXT_MAX], ended[TIME_TEXT_MAX];
};

static void print_time(int64_t ms, char out[TIME_TEXT_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    if (ms <= 0 || gmtime_r(&seconds, &utc) == NULL ||
        strftime(out, TIME_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = '\0';
}

/* As long as partitions took so far. Clocks of two machines are compared: it is an estimate. */
static int64_t left_seconds(const struct resp_value *task)
{
    int64_t done = fields_integer(task, "done", 0);
    int64_t open = fields_integer(task, "waiting", 0) + fields_integer(task, "moving", 0);
    int64_t took_s = (int64_t)time(NULL) - fields_integer(task, "started_ms", 0) / 1000;
    if (strcmp(fields_text(task, "state", ""), "running") != 0 || done <= 0 || took_s < 0)
        return -1;
    return took_s * open / done;
}

static struct row row_of(const struct picture *picture, const struct resp_value *task)
{
    const struct resp_value *knower = knower_of(picture, task);
    struct row row = {.id = fields_text(task, "id", "?"),
                      .kind = fields_text(task, "kind", "?"),
                      .state = fields_text(task, "state", "?"),
                      .user = fields_text(task, "user", "?"),
                      .reason = fields_text(knower, "reason", ""),
                      .percent = fields_integer(task, "percent", 0),
                      .done = fields_integer(task, "done", 0),
                      .partitions = fields_integer(task, "partitions", 0),
                      .moving = fields_integer(task, "moving", 0),
                      .node = fields_integer(task, "node", 0),
                      .waits_for = fields_integer(knower, "waits_for", 0),
                      .left_s = left_seconds(task)};
    if (!is_over(task)) /* there is one of these */
        row.traffic = traffic_of(picture);
    print_time(fields_integer(task, "started_ms", 0), row.started);
    print_time(fields_integer(task, "ended_ms", 0), row.ended);
    return row;
}

static void report_task(struct report_table *table, const struct row *row)
{
    bool over = *row->ended != '\0';
    report_cell(table, "%s", row->id);
    report_cell(table, "%s", row->kind);
    report_cell(table, "%s", row->state);
    report_cell(table, "%" PRId64, row->percent);
    report_cell(table, "%" PRId64, row->done);
    report_cell(table, "%" PRId64, row->partitions);
    report_cell(table, "%" PRId64, row->moving);
    report_cell(table, over ? NULL : "%" PRIu64, row->traffic.bytes);
    report_cell(table, over ? NULL : "%" PRIu64, row->traffic.rate_bytes);
    report_cell(table, row->left_s < 0 ? NULL : "%" PRId64, row->left_s);
    report_cell(table, "%s", row->started);
    report_cell(table, over ? "%s" : NULL, row->ended);
    report_cell(table, "%s", row->user);
    report_cell(table, "%" PRId64, row->node);
    report_cell(table, row->waits_for > 0 ? "%" PRId64 : NULL, row->waits_for);
    report_cell(table, "%s", row->reason);
}

static void report_transfer(struct report_table *table, const struct resp_value *pull)
{
    bool whole = strcmp(fields_text(pull, "way", ""), "whole") == 0;
    int64_t source = fields_integer(pull, "source", 0),
            left_ms = fields_integer(pull, "left_ms", 0);
    report_cell(table, "%" PRId64, fields_integer(pull, "partition", 0));
    report_cell(table, whole && source > 0 ? "%" PRId64 : NULL, source);
    report_cell(table, "%" PRId64, fields_integer(pull, "target", 0));
    report_cell(table, "%s", fields_text(pull, "way", "?"));
    report_cell(table, "%s", fields_text(pull, "state", "?"));
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "percent", 0));
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "bytes", 0));
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "rate_bytes", 0));
    report_cell(table, left_ms > 0 ? "%" PRId64 : NULL, (left_ms + 999) / 1000);
    report_cell(table, "%s", fields_text(pull, "reason", ""));
}

static void report_transfers(struct report *report, const struct picture *picture)
{
    struct report_table *table =
        report_table(report, "transfers", TRANSFER_COLUMNS, TRANSFER_COLUMN_COUNT);
    for (size_t i = 0; i < picture->cluster.member_count; i++) {
        const struct resp_value *pulls = reply_of(picture, i, 0);
        for (size_t k = 0; k < fields_count(pulls); k++)
            if (is_move(picture, fields_at(pulls, k)))
                report_transfer(table, fields_at(pulls, k));
    }
}

static void report_silent(struct report *report, const struct picture *picture)
{
    struct buffer nodes = {0};
    for (size_t i = 0; i < picture->cluster.member_count; i++)
        if (reply_of(picture, i, 1) == NULL)
            buffer_printf(&nodes, "%" PRIu32 " ", picture->cluster.members[i].id);
    report_fact(report, "silent", REPORT_NUMBERS, "%.*s", (int)nodes.length,
                nodes.length > 0 ? (const char *)nodes.data : "");
    buffer_deinit(&nodes);
}

/* ---- list, show ---- */

enum exit_code verb_tasks_list(const struct arguments *arguments)
{
    struct picture picture;
    enum exit_code code = load(arguments, &picture);
    if (code != EXIT_OK)
        return code;
    struct report *report = report_new();
    struct report_table *table = report_table(report, "tasks", TASK_COLUMNS, TASK_COLUMN_COUNT);
    for (size_t i = 0; i < fields_count(picture.tasks); i++) {
        struct row row = row_of(&picture, fields_at(picture.tasks, i));
        report_task(table, &row);
    }
    report_silent(report, &picture);
    verb_print(arguments, report);
    code = picture.silent > 0 ? EXIT_DEGRADED : EXIT_OK;
    unload(&picture);
    return code;
}

static void complain_unknown(const char *id)
{
    verb_complain("no task %s is known; those of the last seven days: ringctl tasks list", id);
}

static void report_facts(struct report *report, const struct resp_value *task,
                         const struct row *row)
{
    bool over = is_over(task);
    report_fact(report, "id", REPORT_TEXT, "%s", row->id);
    report_fact(report, "kind", REPORT_TEXT, "%s", row->kind);
    report_fact(report, "state", REPORT_TEXT, "%s", row->state);
    report_fact(report, "percent", REPORT_NUMBER, "%" PRId64, row->percent);
    report_fact(report, "partitions", REPORT_NUMBER, "%" PRId64, row->partitions);
    report_fact(report, "done", REPORT_NUMBER, "%" PRId64, row->done);
    report_fact(report, "moving", REPORT_NUMBER, "%" PRId64, row->moving);
    report_fact(report, "waiting", REPORT_NUMBER, "%" PRId64, fields_integer(task, "waiting", 0));
    report_fact(report, "given_up", REPORT_NUMBER, "%" PRId64, fields_integer(task, "given_up", 0));
    report_fact(report, "joins", REPORT_NUMBER, "%" PRId64, fields_integer(task, "joins", 0));
    report_fact(report, "leaves", REPORT_NUMBER, "%" PRId64, fields_integer(task, "leaves", 0));
    report_fact(report, "bytes", REPORT_NUMBER, over ? NULL : "%" PRIu64, row->traffic.bytes);
    report_fact(report, "rate_bytes", REPORT_NUMBER, over ? NULL : "%" PRIu64,
                row->traffic.rate_bytes);
    report_fact(report, "left_s", REPORT_NUMBER, row->left_s < 0 ? NULL : "%" PRId64, row->left_s);
    report_fact(report, "started", REPORT_TEXT, "%s", row->started);
    report_fact(report, "ended", REPORT_TEXT, over ? "%s" : NULL, row->ended);
    report_fact(report, "user", REPORT_TEXT, "%s", row->user);
    report_fact(report, "node", REPORT_NUMBER, "%" PRId64, row->node);
    report_fact(report, "waits_for", REPORT_NUMBER, row->waits_for > 0 ? "%" PRId64 : NULL,
                row->waits_for);
    report_fact(report, "reason", REPORT_TEXT, "%s", row->reason);
}

enum exit_code verb_tasks_show(const struct arguments *arguments)
{
    struct picture picture;
    enum exit_code code = load(arguments, &picture);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *task = task_in(picture.tasks, arguments->operands[0]);
    if (task == NULL) {
        complain_unknown(arguments->operands[0]);
        unload(&picture);
        return EXIT_FAILED;
    }
    struct row row = row_of(&picture, task);
    struct report *report = report_new();
    report_facts(report, task, &row);
    report_fact(report, "next_step", REPORT_TEXT, "%s",
                fields_text(knower_of(&picture, task), "unblock", ""));
    if (!is_over(task))
        report_transfers(report, &picture);
    report_silent(report, &picture);
    verb_print(arguments, report);
    code = picture.silent > 0 ? EXIT_DEGRADED : EXIT_OK;
    unload(&picture);
    return code;
}

/* ---- wait ---- */

/* What was told last. */
struct look {
    char state[TEXT_MAX], reason[TEXT_MAX], unblock[TEXT_MAX];
    int64_t partitions, settled; /* done or given up */
    bool over;
};

static enum exit_code look_at(const struct arguments *arguments, struct look *out)
{
    struct picture picture;
    enum exit_code code = load(arguments, &picture);
    if (code != EXIT_OK)
        return code;
    const struct resp_value *task = task_in(picture.tasks, arguments->operands[0]);
    if (task == NULL) {
        complain_unknown(arguments->operands[0]);
        code = EXIT_FAILED;
    } else {
        const struct resp_value *knower = knower_of(&picture, task);
        snprintf(out->state, sizeof out->state, "%s", fields_text(task, "state", "?"));
        snprintf(out->reason, sizeof out->reason, "%s", fields_text(knower, "reason", ""));
        snprintf(out->unblock, sizeof out->unblock, "%s", fields_text(knower, "unblock", ""));
        out->partitions = fields_integer(task, "partitions", 0);
        out->settled = fields_integer(task, "done", 0) + fields_integer(task, "given_up", 0);
        out->over = is_over(task);
    }
    unload(&picture);
    return code;
}

enum exit_code verb_tasks_wait(const struct arguments *arguments)
{
    uint64_t limit_ms = arguments->waits ? (uint64_t)arguments->wait_seconds * 1000 : UINT64_MAX;
    struct progress progress = progress_begin("partitions");
    struct look look = {0};
    enum exit_code code = look_at(arguments, &look);
    while (code == EXIT_OK && !look.over && progress_elapsed_ms(&progress) < limit_ms) {
        progress_show(&progress, (uint64_t)look.settled, (uint64_t)look.partitions);
        nanosleep(&(struct timespec){.tv_nsec = ASK_EVERY_MS * 1000000L}, NULL);
        code = look_at(arguments, &look);
    }
    progress_end(&progress);
    if (code != EXIT_OK)
        return code;
    struct report *report = report_new();
    report_fact(report, "id", REPORT_TEXT, "%s", arguments->operands[0]);
    report_fact(report, "state", REPORT_TEXT, "%s", look.state);
    report_fact(report, "reason", REPORT_TEXT, "%s", look.reason);
    report_fact(report, "next_step", REPORT_TEXT, "%s", look.unblock);
    verb_print(arguments, report);
    if (!look.over)
        return EXIT_DEGRADED;
    return strcmp(look.state, "finished") == 0 ? EXIT_OK : EXIT_FAILED;
}
