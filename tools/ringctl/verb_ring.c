/*
 * verb_ring.c - who owns what: per node, or partition by partition.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cluster.h"
#include "verbs.h"

static const struct report_column NODE_COLUMNS[] = {
    {"node", REPORT_NUMBER},         {"region", REPORT_TEXT},  {"rack", REPORT_TEXT},
    {"partitions", REPORT_NUMBER},   {"first", REPORT_NUMBER}, {"slots", REPORT_NUMBER},
    {"share_percent", REPORT_NUMBER}};

static const struct report_column PARTITION_COLUMNS[] = {{"partition", REPORT_NUMBER},
                                                         {"first_slot", REPORT_NUMBER},
                                                         {"last_slot", REPORT_NUMBER},
                                                         {"owners", REPORT_NUMBERS}};

enum {
    NODE_COLUMN_COUNT = sizeof NODE_COLUMNS / sizeof *NODE_COLUMNS,
    PARTITION_COLUMN_COUNT = sizeof PARTITION_COLUMNS / sizeof *PARTITION_COLUMNS
};

static void add_ring_facts(struct report *report, const struct cluster *cluster)
{
    report_fact(report, "cluster", REPORT_TEXT, "%s", cluster->id);
    report_fact(report, "epoch", REPORT_NUMBER, "%" PRId64, cluster->epoch);
    report_fact(report, "replication", REPORT_TEXT, "%s", cluster->replication);
    report_fact(report, "partitions", REPORT_NUMBER, "%" PRIu32, cluster->partition_count);
    report_fact(report, "slots_per_partition", REPORT_NUMBER, "%" PRIu32,
                SLOT_COUNT / cluster->partition_count);
    report_fact(report, "owners_per_partition", REPORT_NUMBER, "%" PRIu32, cluster->owner_count);
}

enum exit_code verb_ring(const struct arguments *arguments)
{
    struct cluster cluster;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    uint32_t *owned = memory_new(cluster.member_count, sizeof *owned);
    uint32_t *first = memory_new(cluster.member_count, sizeof *first);
    for (uint32_t p = 0; p < cluster.partition_count; p++) {
        const uint16_t *owners = cluster_owners(&cluster, p);
        for (uint32_t i = 0; i < cluster.owner_count; i++)
            owned[owners[i]]++;
        first[owners[0]]++;
    }
    struct report *report = report_new();
    add_ring_facts(report, &cluster);
    struct report_table *table = report_table(report, "nodes", NODE_COLUMNS, NODE_COLUMN_COUNT);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct cluster_member *member = &cluster.members[i];
        report_cell(table, "%" PRIu32, member->id);
        report_cell(table, "%s", member->region);
        report_cell(table, "%s", member->rack);
        report_cell(table, "%" PRIu32, owned[i]);
        report_cell(table, "%" PRIu32, first[i]);
        report_cell(table, "%" PRIu32, owned[i] * (SLOT_COUNT / cluster.partition_count));
        report_cell(table, "%.1f",
                    100.0 * owned[i] / ((double)cluster.partition_count * cluster.owner_count));
    }
    verb_print(arguments, report);
    free(owned);
    free(first);
    cluster_deinit(&cluster);
    return EXIT_OK;
}

enum exit_code verb_ring_show(const struct arguments *arguments)
{
    struct cluster cluster;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    uint32_t slots = SLOT_COUNT / cluster.partition_count;
    struct report *report = report_new();
    add_ring_facts(report, &cluster);
    struct report_table *table =
        report_table(report, "table", PARTITION_COLUMNS, PARTITION_COLUMN_COUNT);
    for (uint32_t p = 0; p < cluster.partition_count; p++) {
        struct buffer ids = {0};
        for (uint32_t i = 0; i < cluster.owner_count; i++)
            buffer_printf(&ids, "%s%" PRIu32, i == 0 ? "" : " ",
                          cluster.members[cluster_owners(&cluster, p)[i]].id);
        report_cell(table, "%" PRIu32, p);
        report_cell(table, "%" PRIu32, p * slots);
        report_cell(table, "%" PRIu32, (p + 1) * slots - 1);
        report_cell(table, "%.*s", (int)ids.length, (const char *)ids.data);
        buffer_deinit(&ids);
    }
    verb_print(arguments, report);
    cluster_deinit(&cluster);
    return EXIT_OK;
}
