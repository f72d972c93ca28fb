/*
 * verb_tls.c - the certificates of all nodes: how long they are good, and reading them again.
 *
 * A reload is asked of all nodes at once. Each does it wholly or not at all, and they do not wait
 * for each other: certificates are changed so that the old and the new ones go together for a
 * while (ringca(1)).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "node_tls.h"
#include "verbs.h"

static const struct report_column SHOWN[] = {
    {"node", REPORT_NUMBER},      {"clients", REPORT_FLAG},   {"auth_clients", REPORT_TEXT},
    {"cert_days", REPORT_NUMBER}, {"cluster", REPORT_FLAG},   {"cluster_cert_days", REPORT_NUMBER},
    {"crl_days", REPORT_NUMBER},  {"reloads", REPORT_NUMBER}, {"problem", REPORT_TEXT}};
static const struct report_column RELOADED[] = {
    {"node", REPORT_NUMBER}, {"reloaded", REPORT_FLAG}, {"problem", REPORT_TEXT}};

enum {
    SHOWN_COLUMNS = sizeof SHOWN / sizeof *SHOWN,
    RELOADED_COLUMNS = sizeof RELOADED / sizeof *RELOADED
};

static void add_days(struct report_table *table, int64_t days)
{
    report_cell(table, days == NODE_TLS_DAYS_NONE ? NULL : "%" PRId64, days);
    if (days < NODE_TLS_WARN_DAYS)
        report_alarm(table);
}

/* Whether all is well with that node. */
static bool add_node(struct report_table *table, node_id node, const struct resp_value *info,
                     const char *reason)
{
    struct node_tls tls;
    node_tls_read(info, &tls);
    report_cell(table, "%" PRIu32, node);
    if (info == NULL) {
        for (unsigned i = 1; i + 1 < SHOWN_COLUMNS; i++)
            report_cell(table, NULL);
        report_cell(table, "%s", reason);
        report_alarm(table);
        return false;
    }
    report_cell(table, "%s", tls.for_clients ? "yes" : "no");
    report_cell(table, tls.for_clients ? "%s" : NULL, tls.auth_clients);
    add_days(table, tls.cert_days);
    report_cell(table, "%s", tls.for_cluster ? "yes" : "no");
    add_days(table, tls.cluster_cert_days);
    add_days(table, tls.crl_days);
    report_cell(table, "%" PRId64, tls.reloads);
    report_cell(table, tls.problem[0] == '\0' ? NULL : "%s", tls.problem);
    if (tls.problem[0] != '\0')
        report_alarm(table);
    return !node_tls_is_degraded(&tls) && tls.cert_days >= NODE_TLS_WARN_DAYS &&
           tls.cluster_cert_days >= NODE_TLS_WARN_DAYS && tls.crl_days >= NODE_TLS_WARN_DAYS;
}

enum exit_code verb_tls_show(const struct arguments *arguments)
{
    static const char *const question[] = {"INFO", "tls", NULL};
    const char *const *const commands[] = {question};
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    bool well = true;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct report *report = report_new();
    struct report_table *table = report_table(report, "nodes", SHOWN, SHOWN_COLUMNS);
    cluster_ask_all_these(&cluster, arguments, commands, 1, answers);
    for (size_t i = 0; i < cluster.member_count; i++)
        well &= add_node(table, cluster.members[i].id, cluster_reply(&answers[i], reason), reason);
    verb_print(arguments, report);
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return well ? EXIT_OK : EXIT_DEGRADED;
}

enum exit_code verb_tls_reload(const struct arguments *arguments)
{
    static const char *const order[] = {"RING.TLS", "RELOAD", NULL};
    const char *const *const commands[] = {order};
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    size_t done = 0;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct report *report = report_new();
    struct report_table *table = report_table(report, "nodes", RELOADED, RELOADED_COLUMNS);
    cluster_ask_all_these(&cluster, arguments, commands, 1, answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        bool good = cluster_reply(&answers[i], reason) != NULL;
        report_cell(table, "%" PRIu32, cluster.members[i].id);
        report_cell(table, "%s", good ? "yes" : "no");
        if (!good)
            report_alarm(table);
        report_cell(table, good ? NULL : "%s", reason);
        done += good;
    }
    verb_print(arguments, report);
    if (done < cluster.member_count)
        verb_complain("%zu of %zu nodes go by what they had before; make that good and do it again",
                      cluster.member_count - done, cluster.member_count);
    code = done == cluster.member_count ? EXIT_OK : EXIT_FAILED;
    cluster_forget(&cluster, answers);
    free(answers);
    cluster_deinit(&cluster);
    return code;
}
