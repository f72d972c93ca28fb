/*
 * verb_net.c - who reaches whom, and which paths between nodes are broken (reach_picture.h).
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "reach_picture.h"
#include "verbs.h"

static const struct report_column NODES[] = {
    {"node", REPORT_NUMBER},   {"region", REPORT_TEXT},     {"report_age", REPORT_NUMBER},
    {"heard_by", REPORT_TEXT}, {"reaches", REPORT_NUMBERS}, {"misses", REPORT_NUMBERS}};
static const struct report_column PAIRS[] = {
    {"from", REPORT_NUMBER}, {"to", REPORT_NUMBER},          {"seconds", REPORT_NUMBER},
    {"kind", REPORT_TEXT},   {"reached_by", REPORT_NUMBERS}, {"next_step", REPORT_TEXT}};

enum { NODE_COLUMNS = sizeof NODES / sizeof *NODES, PAIR_COLUMNS = sizeof PAIRS / sizeof *PAIRS };

static void print_ids(struct report_table *table, const struct resp_value *list)
{
    struct buffer text = {0};
    for (size_t i = 0; i < fields_count(list); i++) {
        const struct resp_value *item = fields_at(list, i);
        int64_t id =
            item->type == RESP_TYPE_INTEGER ? item->integer : fields_integer(item, "node", 0);
        buffer_printf(&text, "%s%" PRId64, i == 0 ? "" : " ", id);
    }
    report_cell(table, "%.*s", (int)text.length, text.length == 0 ? "" : (const char *)text.data);
    buffer_deinit(&text);
}

static void add_node(struct report_table *table, const struct reach_picture *picture, size_t i)
{
    const struct cluster_member *member = &picture->cluster->members[i];
    const struct reach_row *row = &picture->rows[i];
    report_cell(table, "%" PRIu32, member->id);
    report_cell(table, "%s", member->region);
    if (row->report == NULL) {
        report_cell(table, NULL);
        report_cell(table, "nobody");
        report_alarm(table);
        report_cell(table, NULL);
        report_cell(table, NULL);
        return;
    }
    report_cell(table, "%" PRId64, row->age_ms / 1000);
    report_cell(table, "%s", row->direct ? "ringctl" : "other nodes");
    print_ids(table, fields_get(row->report, "reaches"));
    print_ids(table, fields_get(row->report, "misses"));
    if (fields_count(fields_get(row->report, "misses")) > 0)
        report_alarm(table);
}

static const char *next_step(bool to_is_silent, bool reached_by_others)
{
    if (reached_by_others)
        return "both run: look at the network between them";
    return to_is_silent ? "nobody reaches it: see whether it runs"
                        : "look at the network of that node";
}

/* A pair that both nodes call broken has one line. Returns how many there are. */
static uint32_t add_pairs(struct report_table *table, const struct reach_picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    struct buffer others = {0};
    uint32_t count = 0;
    for (size_t from = 0; from < cluster->member_count; from++)
        for (size_t to = 0; to < cluster->member_count; to++) {
            if (!reach_picture_is_broken(picture, from, to))
                continue;
            buffer_clear(&others);
            uint32_t reached_by = reach_picture_reached_by(picture, to, &others);
            report_cell(table, "%" PRIu32, cluster->members[from].id);
            report_cell(table, "%" PRIu32, cluster->members[to].id);
            report_cell(table, "%" PRId64, reach_picture_seconds(picture, from, to));
            report_cell(table, "%s", reach_picture_kind(picture, from, to));
            report_alarm(table);
            report_cell(table, "%.*s", (int)others.length,
                        others.length == 0 ? "" : (const char *)others.data);
            report_cell(table, "%s", next_step(picture->rows[to].report == NULL, reached_by > 0));
            count++;
        }
    buffer_deinit(&others);
    return count;
}

static enum exit_code print_picture(const struct arguments *arguments,
                                    struct reach_picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    struct report *report = report_new();
    uint32_t reporting = 0;
    for (size_t i = 0; i < cluster->member_count; i++)
        reporting += picture->rows[i].report != NULL;
    report_fact(report, "members", REPORT_NUMBER, "%zu", cluster->member_count);
    report_fact(report, "reporting", REPORT_NUMBER, "%" PRIu32, reporting);
    struct report_table *nodes = report_table(report, "nodes", NODES, NODE_COLUMNS);
    for (size_t i = 0; i < cluster->member_count; i++)
        add_node(nodes, picture, i);
    struct report_table *pairs = report_table(report, "broken", PAIRS, PAIR_COLUMNS);
    uint32_t broken = add_pairs(pairs, picture);
    report_fact(report, "broken_paths", REPORT_NUMBER, "%" PRIu32, broken);
    verb_print(arguments, report);
    return broken == 0 && reporting == cluster->member_count ? EXIT_OK : EXIT_DEGRADED;
}

enum exit_code verb_net_matrix(const struct arguments *arguments)
{
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct reach_picture picture;
    reach_picture_init(&picture, &cluster);
    cluster_ask_all(&cluster, arguments, "RING.REACH", answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply != NULL)
            reach_picture_take(&picture, i, reply);
    }
    code = print_picture(arguments, &picture);
    cluster_forget(&cluster, answers);
    free(answers);
    reach_picture_deinit(&picture);
    cluster_deinit(&cluster);
    return code;
}
