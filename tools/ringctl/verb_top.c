/*
 * verb_top.c - the keys that stand out: asked for most, or largest.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "key_look_up.h"
#include "key_tops.h"
#include "verbs.h"

enum { ROWS = 16 };

static const struct report_column KEYS[] = {{"key", REPORT_TEXT},
                                            {"keyspace", REPORT_NUMBER},
                                            {"requests", REPORT_NUMBER},
                                            {"writes", REPORT_NUMBER},
                                            {"percent", REPORT_NUMBER}};
static const struct report_column LARGE[] = {
    {"key", REPORT_TEXT},        {"keyspace", REPORT_NUMBER},   {"type", REPORT_TEXT},
    {"elements", REPORT_NUMBER}, {"size_bytes", REPORT_NUMBER}, {"written_bytes", REPORT_NUMBER}};

enum { KEYS_COLUMNS = sizeof KEYS / sizeof *KEYS, LARGE_COLUMNS = sizeof LARGE / sizeof *LARGE };

static void add_name(struct report_table *table, const struct top_key *key)
{
    struct buffer name = {0};
    key_tops_show(key, &name);
    report_cell(table, "%.*s", (int)name.length, name.length == 0 ? "" : (const char *)name.data);
    report_cell(table, "%u", (unsigned)key->keyspace);
    buffer_deinit(&name);
}

static void add_keys(struct report *report, const struct key_tops *tops)
{
    struct report_table *table = report_table(report, "keys", KEYS, KEYS_COLUMNS);
    for (size_t i = 0; i < tops->count; i++) {
        const struct top_key *key = &tops->keys[i];
        add_name(table, key);
        report_cell(table, "%.1f", key->requests);
        report_cell(table, "%.1f", key->writes);
        report_cell(table, "%.1f", tops->requests > 0 ? 100 * key->requests / tops->requests : 0);
    }
}

static void add_large(struct report *report, const struct key_tops *tops)
{
    struct report_table *table = report_table(report, "keys", LARGE, LARGE_COLUMNS);
    for (size_t i = 0; i < tops->count; i++) {
        const struct top_key *key = &tops->keys[i];
        add_name(table, key);
        report_cell(table, key->type[0] == '\0' ? NULL : "%s", key->type);
        report_cell(table, key->elements < 0 ? NULL : "%" PRId64, key->elements);
        report_cell(table, key->size < 0 ? NULL : "%" PRId64, key->size);
        report_cell(table, "%" PRIu64, key->bytes);
    }
}

/* Ask all, merge, and print; `large`: by what was written, with the sizes of now. */
static enum exit_code top(const struct arguments *arguments, bool large)
{
    const char *const question[] = {"RING.TOP", large ? "WRITTEN" : "KEYS", NULL};
    const char *const *const questions[] = {question};
    struct cluster cluster;
    char reason[EXCHANGE_REASON_MAX];
    size_t silent = 0;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct key_tops *tops = memory_new(1, sizeof *tops);
    cluster_ask_all_these(&cluster, arguments, questions, 1, answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        const struct resp_value *reply = cluster_reply(&answers[i], reason);
        key_tops_take(tops, reply);
        silent += reply == NULL;
        if (reply == NULL)
            verb_complain("node %" PRIu32 " is not counted: %s", cluster.members[i].id, reason);
    }
    struct report *report = report_new();
    if (large) {
        key_tops_by_bytes(tops, ROWS);
        key_look_up(tops, arguments);
        key_tops_by_size(tops);
        add_large(report, tops);
    } else {
        key_tops_by_requests(tops, ROWS);
        report_fact(report, "requests", REPORT_NUMBER, "%.1f", tops->requests);
        add_keys(report, tops);
    }
    report_fact(report, "silent", REPORT_NUMBER, "%zu", silent);
    verb_print(arguments, report);
    cluster_forget(&cluster, answers);
    free(tops);
    free(answers);
    cluster_deinit(&cluster);
    return silent > 0 ? EXIT_DEGRADED : EXIT_OK;
}

enum exit_code verb_top_keys(const struct arguments *arguments)
{
    return top(arguments, false);
}

enum exit_code verb_top_large(const struct arguments *arguments)
{
    return top(arguments, true);
}
