/*
 * verb_net.c - who reaches whom, and which paths between nodes are broken.
 *
 * Every node tells whom it reaches, also of those that ringctl cannot ask: their reports come by
 * way of others. Of each node the newest report is taken. A pair is broken when one of its nodes
 * says that it does not reach the other; a node that nobody has a report of is silent, not cut off.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "verbs.h"

static const struct report_column NODES[] = {
    {"node", REPORT_NUMBER},   {"region", REPORT_TEXT},     {"report_age", REPORT_NUMBER},
    {"heard_by", REPORT_TEXT}, {"reaches", REPORT_NUMBERS}, {"misses", REPORT_NUMBERS}};
static const struct report_column PAIRS[] = {
    {"from", REPORT_NUMBER}, {"to", REPORT_NUMBER},          {"seconds", REPORT_NUMBER},
    {"kind", REPORT_TEXT},   {"reached_by", REPORT_NUMBERS}, {"next_step", REPORT_TEXT}};

enum { NODE_COLUMNS = sizeof NODES / sizeof *NODES, PAIR_COLUMNS = sizeof PAIRS / sizeof *PAIRS };

/* The newest report of one member. */
struct row {
    const struct resp_value *report; /* NULL: there is none */
    int64_t age_ms;
    bool direct; /* it told itself */
};

struct picture {
    const struct cluster *cluster;
    struct row *rows; /* as cluster->members */
};

enum said { SAYS_NOTHING, SAYS_YES, SAYS_NO };

static size_t index_of(const struct cluster *cluster, int64_t id)
{
    size_t i = 0;
    while (i < cluster->member_count && cluster->members[i].id != id)
        i++;
    return i;
}

/* What node `by` has heard: it knows best of itself, and of others while nobody is fresher. */
static void gather(struct picture *picture, size_t by, const struct resp_value *reports)
{
    for (size_t i = 0; i < fields_count(reports); i++) {
        const struct resp_value *report = fields_at(reports, i);
        size_t of = index_of(picture->cluster, fields_integer(report, "node", 0));
        int64_t age_ms = fields_integer(report, "age_ms", -1);
        if (of == picture->cluster->member_count || age_ms < 0)
            continue;
        struct row *row = &picture->rows[of];
        bool direct = of == by;
        bool says = fields_count(fields_get(report, "reaches")) +
                        fields_count(fields_get(report, "misses")) >
                    0;
        if (!direct && (!says || row->direct || (row->report != NULL && row->age_ms <= age_ms)))
            continue;
        *row = (struct row){.report = report, .age_ms = age_ms, .direct = direct};
    }
}

static bool names(const struct resp_value *list, int64_t id)
{
    for (size_t i = 0; i < fields_count(list); i++) {
        const struct resp_value *item = fields_at(list, i);
        if (item->type == RESP_TYPE_INTEGER ? item->integer == id
                                            : fields_integer(item, "node", 0) == id)
            return true;
    }
    return false;
}

static enum said says(const struct picture *picture, size_t from, size_t to)
{
    const struct resp_value *report = picture->rows[from].report;
    int64_t id = picture->cluster->members[to].id;
    if (report == NULL)
        return SAYS_NOTHING;
    if (names(fields_get(report, "misses"), id))
        return SAYS_NO;
    return names(fields_get(report, "reaches"), id) ? SAYS_YES : SAYS_NOTHING;
}

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

static void add_node(struct report_table *table, const struct picture *picture, size_t i)
{
    const struct cluster_member *member = &picture->cluster->members[i];
    const struct row *row = &picture->rows[i];
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

static int64_t seconds_of(const struct picture *picture, size_t from, size_t to)
{
    const struct resp_value *misses = fields_get(picture->rows[from].report, "misses");
    for (size_t i = 0; i < fields_count(misses); i++)
        if (fields_integer(fields_at(misses, i), "node", 0) == picture->cluster->members[to].id)
            return fields_integer(fields_at(misses, i), "seconds", 0);
    return 0;
}

/* What the other node says back, if it has said so since. */
static enum said says_back(const struct picture *picture, size_t from, size_t to)
{
    enum said back = says(picture, to, from);
    bool older = picture->rows[to].age_ms >= 1000 * seconds_of(picture, from, to);
    return back == SAYS_YES && older ? SAYS_NOTHING : back;
}

static const char *kind_of(enum said back)
{
    return back == SAYS_NO ? "cut" : back == SAYS_YES ? "one way" : "unconfirmed";
}

static const char *next_step(bool to_is_silent, bool reached_by_others)
{
    if (reached_by_others)
        return "both run: look at the network between them";
    return to_is_silent ? "nobody reaches it: see whether it runs"
                        : "look at the network of that node";
}

/* Who else reaches it. Returns how many. */
static uint32_t print_others(struct report_table *table, const struct picture *picture, size_t to)
{
    struct buffer text = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < picture->cluster->member_count; i++)
        if (i != to && says(picture, i, to) == SAYS_YES)
            buffer_printf(&text, "%s%" PRIu32, count++ == 0 ? "" : " ",
                          picture->cluster->members[i].id);
    report_cell(table, "%.*s", (int)text.length, text.length == 0 ? "" : (const char *)text.data);
    buffer_deinit(&text);
    return count;
}

/* A pair that both nodes call broken has one line. Returns how many there are. */
static uint32_t add_pairs(struct report_table *table, const struct picture *picture)
{
    const struct cluster *cluster = picture->cluster;
    uint32_t count = 0;
    for (size_t from = 0; from < cluster->member_count; from++)
        for (size_t to = 0; to < cluster->member_count; to++) {
            enum said back = says_back(picture, from, to);
            if (says(picture, from, to) != SAYS_NO || (back == SAYS_NO && to < from))
                continue;
            report_cell(table, "%" PRIu32, cluster->members[from].id);
            report_cell(table, "%" PRIu32, cluster->members[to].id);
            report_cell(table, "%" PRId64, seconds_of(picture, from, to));
            report_cell(table, "%s", kind_of(back));
            report_alarm(table);
            uint32_t others = print_others(table, picture, to);
            report_cell(table, "%s", next_step(picture->rows[to].report == NULL, others > 0));
            count++;
        }
    return count;
}

static enum exit_code print_picture(const struct arguments *arguments, struct picture *picture)
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
    struct picture picture = {.cluster = &cluster};
    picture.rows = memory_new(cluster.member_count, sizeof *picture.rows);
    cluster_ask_all(&cluster, arguments, "RING.REACH", answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        if (reply != NULL)
            gather(&picture, i, reply);
    }
    code = print_picture(arguments, &picture);
    cluster_forget(&cluster, answers);
    free(answers);
    free(picture.rows);
    cluster_deinit(&cluster);
    return code;
}
