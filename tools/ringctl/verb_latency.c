/*
 * verb_latency.c - how long requests took at each node, and where their time went.
 *
 * A node tells of what it coordinated since its start. A request that it gave to another owner
 * counts there, and here in the stage "forward".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "verbs.h"

#define TIMES                                                                                      \
    {"count", REPORT_NUMBER}, {"p50_us", REPORT_NUMBER}, {"p99_us", REPORT_NUMBER},                \
        {"p999_us", REPORT_NUMBER},                                                                \
    {                                                                                              \
        "max_us", REPORT_NUMBER                                                                    \
    }

static const struct report_column REQUESTS[] = {
    {"node", REPORT_NUMBER}, {"op", REPORT_TEXT}, {"level", REPORT_TEXT}, TIMES};
static const struct report_column STAGES[] = {
    {"node", REPORT_NUMBER}, {"stage", REPORT_TEXT}, TIMES};

enum {
    REQUEST_COLUMNS = sizeof REQUESTS / sizeof *REQUESTS,
    STAGE_COLUMNS = sizeof STAGES / sizeof *STAGES
};

/* A row for each of `list`; in the columns after the node's there is what they are called. */
static void add_rows(struct report_table *table, const struct report_column *columns, size_t count,
                     node_id node, const struct resp_value *list)
{
    for (size_t i = 0; i < fields_count(list); i++) {
        const struct resp_value *row = fields_at(list, i);
        report_cell(table, "%" PRIu32, node);
        for (size_t j = 1; j < count; j++) {
            if (columns[j].type == REPORT_TEXT)
                report_cell(table, "%s", fields_text(row, columns[j].name, "?"));
            else
                report_cell(table, "%" PRId64, fields_integer(row, columns[j].name, 0));
        }
    }
}

enum exit_code verb_latency(const struct arguments *arguments)
{
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct report *report = report_new();
    cluster_ask_all(&cluster, arguments, "RING.LATENCY", answers);
    struct report_table *requests = report_table(report, "requests", REQUESTS, REQUEST_COLUMNS);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply == NULL) {
            verb_complain("node %" PRIu32 " did not answer: %s", cluster.members[i].id, reason);
            code = EXIT_DEGRADED;
        } else {
            add_rows(requests, REQUESTS, REQUEST_COLUMNS, cluster.members[i].id,
                     fields_get(reply, "requests"));
        }
    }
    struct report_table *stages = report_table(report, "stages", STAGES, STAGE_COLUMNS);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply != NULL)
            add_rows(stages, STAGES, STAGE_COLUMNS, cluster.members[i].id,
                     fields_get(reply, "stages"));
    }
    verb_print(arguments, report);
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return code;
}
