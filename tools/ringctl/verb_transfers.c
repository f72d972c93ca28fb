/*
 * verb_transfers.c - partitions on their way from node to node, and what they wait for.
 *
 * Every node tells which of its replicas are being filled (RING.PULLS): bytes, pace and how far.
 * What a committed plan moves stands in the register, and the first node tells it (RING.TRANSFERS),
 * if it knows that command. A row of both is one row.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "verbs.h"

static const struct report_column COLUMNS[] = {
    {"partition", REPORT_NUMBER}, {"source", REPORT_NUMBER},     {"target", REPORT_NUMBER},
    {"way", REPORT_TEXT},         {"state", REPORT_TEXT},        {"percent", REPORT_NUMBER},
    {"bytes", REPORT_NUMBER},     {"rate_bytes", REPORT_NUMBER}, {"left_s", REPORT_NUMBER},
    {"task", REPORT_TEXT},        {"reason", REPORT_TEXT}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

struct picture {
    const struct cluster *cluster;
    const struct resp_value **pulls; /* of each member; NULL: no answer */
    const struct resp_value *moves;  /* NULL: none are known */
    size_t running, waiting, silent;
};

/* What the target says of its replica of the partition; NULL: nothing. */
static const struct resp_value *pull_of(const struct picture *picture, int64_t target,
                                        int64_t partition)
{
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        if (picture->cluster->members[i].id != target)
            continue;
        for (size_t k = 0; k < fields_count(picture->pulls[i]); k++) {
            const struct resp_value *row = fields_at(picture->pulls[i], k);
            if (fields_integer(row, "partition", -1) == partition)
                return row;
        }
    }
    return NULL;
}

static bool is_move(const struct picture *picture, const struct resp_value *pull)
{
    for (size_t i = 0; i < fields_count(picture->moves); i++) {
        const struct resp_value *row = fields_at(picture->moves, i);
        if (fields_integer(row, "partition", -1) == fields_integer(pull, "partition", -2) &&
            fields_integer(row, "target", -1) == fields_integer(pull, "target", -2))
            return true;
    }
    return false;
}

/* `move` or `pull` may be NULL, not both. */
static void report_row(struct report_table *table, struct picture *picture,
                       const struct resp_value *move, const struct resp_value *pull)
{
    const struct resp_value *row = move != NULL ? move : pull;
    const char *state = fields_text(row, "state", "?");
    const char *reason = fields_text(row, "reason", "");
    bool whole = pull != NULL && strcmp(fields_text(pull, "way", ""), "whole") == 0;
    int64_t source = fields_integer(whole ? pull : row, "source", 0);
    int64_t left_ms = fields_integer(pull, "left_ms", 0);
    if (*reason == '\0' && pull != NULL)
        reason = fields_text(pull, "reason", "");
    picture->running += strcmp(state, "running") == 0;
    picture->waiting += strcmp(state, "waiting") == 0;
    report_cell(table, "%" PRId64, fields_integer(row, "partition", 0));
    report_cell(table, source > 0 ? "%" PRId64 : NULL, source);
    report_cell(table, "%" PRId64, fields_integer(row, "target", 0));
    report_cell(table, pull != NULL ? "%s" : NULL, fields_text(pull, "way", "?"));
    report_cell(table, "%s", state);
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "percent", 0));
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "bytes", 0));
    report_cell(table, whole ? "%" PRId64 : NULL, fields_integer(pull, "rate_bytes", 0));
    report_cell(table, left_ms > 0 ? "%" PRId64 : NULL, (left_ms + 999) / 1000);
    report_cell(table, move != NULL ? "%s" : NULL, fields_text(move, "task", ""));
    report_cell(table, "%s", reason);
}

static void report_rows(struct report *report, struct picture *picture)
{
    struct report_table *table = report_table(report, "transfers", COLUMNS, COLUMN_COUNT);
    for (size_t i = 0; i < fields_count(picture->moves); i++) {
        const struct resp_value *move = fields_at(picture->moves, i);
        report_row(table, picture, move,
                   pull_of(picture, fields_integer(move, "target", -1),
                           fields_integer(move, "partition", -1)));
    }
    for (size_t i = 0; i < picture->cluster->member_count; i++)
        for (size_t k = 0; k < fields_count(picture->pulls[i]); k++)
            if (!is_move(picture, fields_at(picture->pulls[i], k)))
                report_row(table, picture, NULL, fields_at(picture->pulls[i], k));
}

static void report_silent(struct report *report, const struct picture *picture)
{
    struct buffer nodes = {0};
    for (size_t i = 0; i < picture->cluster->member_count; i++)
        if (picture->pulls[i] == NULL)
            buffer_printf(&nodes, "%" PRIu32 " ", picture->cluster->members[i].id);
    report_fact(report, "silent", REPORT_NUMBERS, "%.*s", (int)nodes.length,
                nodes.length > 0 ? (const char *)nodes.data : "");
    buffer_deinit(&nodes);
}

enum exit_code verb_transfers(const struct arguments *arguments)
{
    static const char *const pulls[] = {"RING.PULLS", NULL}, *const moves[] = {"RING.TRANSFERS",
                                                                               NULL};
    const char *const *const questions[] = {pulls, moves};
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct picture picture = {.cluster = &cluster,
                              .pulls = memory_new(cluster.member_count, sizeof *picture.pulls)};
    cluster_ask_all_these(&cluster, arguments, questions, 2, answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        picture.pulls[i] = cluster_reply(&answers[i], reason);
        picture.silent += picture.pulls[i] == NULL;
        if (picture.moves == NULL && picture.pulls[i] != NULL &&
            fields_is_list(answers[i].replies[1]))
            picture.moves = answers[i].replies[1];
    }
    struct report *report = report_new();
    report_rows(report, &picture);
    report_fact(report, "running", REPORT_NUMBER, "%zu", picture.running);
    report_fact(report, "waiting", REPORT_NUMBER, "%zu", picture.waiting);
    report_silent(report, &picture);
    verb_print(arguments, report);
    free(picture.pulls);
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return picture.silent > 0 ? EXIT_DEGRADED : EXIT_OK;
}
