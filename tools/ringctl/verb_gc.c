/*
 * verb_gc.c - what cannot be collected yet, and whom the nodes wait for.
 *
 * Every owner keeps a tombstone until all owners of the key have said that it is on their disk.
 * So one owner that is away holds back all deletes since. So does a member that keeps hints, or
 * cannot say: a hint may hold what a delete would have won over. Each node names whom it waits for,
 * in how many partitions and since when. A cluster that deletes waits a little all the time; it is
 * degraded when somebody is down, or is waited for during HELD_LONG_SECONDS.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "verbs.h"

static const struct report_column NODES[] = {{"node", REPORT_NUMBER},
                                             {"tombstones", REPORT_NUMBER},
                                             {"stable", REPORT_NUMBER},
                                             {"collected", REPORT_NUMBER},
                                             {"log_records", REPORT_NUMBER},
                                             {"log_bytes", REPORT_NUMBER},
                                             {"dropped_keys", REPORT_NUMBER},
                                             {"partitions_wanted", REPORT_NUMBER},
                                             {"partitions_received", REPORT_NUMBER}};
static const struct report_column HOLDERS[] = {
    {"node", REPORT_NUMBER},          {"state", REPORT_TEXT},        {"reason", REPORT_TEXT},
    {"waited_for_by", REPORT_NUMBER}, {"partitions", REPORT_NUMBER}, {"seconds", REPORT_NUMBER},
    {"next_step", REPORT_TEXT}};

enum {
    NODE_COLUMNS = sizeof NODES / sizeof *NODES,
    HOLDER_COLUMNS = sizeof HOLDERS / sizeof *HOLDERS,
    HELD_LONG_SECONDS = 60
};

static const char *next_step(bool down, bool hints)
{
    if (down)
        return "start that node again";
    return hints ? "it keeps hints for other nodes: see ringctl hints"
                 : "it is catching up: wait, and look at its log if this does not shrink";
}

static void add_node(struct report_table *table, node_id node, const struct resp_value *reply)
{
    report_cell(table, "%" PRIu32, node);
    for (unsigned i = 1; i < NODE_COLUMNS; i++) {
        if (reply == NULL)
            report_cell(table, NULL);
        else
            report_cell(table, "%" PRId64, fields_integer(reply, NODES[i].name, 0));
    }
    if (reply == NULL)
        report_alarm(table);
}

/* A row for each whom the node `by` waits for. Returns how many of them are worth an alarm. */
static uint32_t add_holders(struct report_table *table, node_id by, const struct resp_value *reply)
{
    const struct resp_value *holders = fields_get(reply, "held_back_by");
    uint32_t alarms = 0;
    for (size_t i = 0; i < fields_count(holders); i++) {
        const struct resp_value *holder = fields_at(holders, i);
        const char *state = fields_text(holder, "state", "unknown");
        const char *reason = fields_text(holder, "reason", "lacks");
        int64_t seconds = fields_integer(holder, "seconds", 0);
        bool down = strcmp(state, "down") == 0;
        bool alarm = down || seconds >= HELD_LONG_SECONDS;
        report_cell(table, "%" PRId64, fields_integer(holder, "node", 0));
        report_cell(table, "%s", state);
        if (alarm)
            report_alarm(table);
        report_cell(table, "%s", reason);
        report_cell(table, "%" PRIu32, by);
        report_cell(table, "%" PRId64, fields_integer(holder, "partitions", 0));
        report_cell(table, "%" PRId64, seconds);
        report_cell(table, "%s", next_step(down, strcmp(reason, "hints") == 0));
        alarms += alarm;
    }
    return alarms;
}

enum exit_code verb_gc_status(const struct arguments *arguments)
{
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct report *report = report_new();
    int64_t tombstones = 0;
    uint32_t alarms = 0, silent = 0;
    cluster_ask_all(&cluster, arguments, "RING.GC", answers);
    for (size_t i = 0; i < cluster.member_count; i++)
        tombstones += fields_integer(cluster_reply(&answers[i], reason), "tombstones", 0);
    report_fact(report, "tombstones", REPORT_NUMBER, "%" PRId64, tombstones);
    struct report_table *nodes = report_table(report, "nodes", NODES, NODE_COLUMNS);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        silent += reply == NULL;
        add_node(nodes, cluster.members[i].id, reply);
    }
    struct report_table *table = report_table(report, "held_back_by", HOLDERS, HOLDER_COLUMNS);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply != NULL)
            alarms += add_holders(table, cluster.members[i].id, reply);
    }
    verb_print(arguments, report);
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return alarms + silent > 0 ? EXIT_DEGRADED : EXIT_OK;
}
