/*
 * verb_explain.c - key explain: what all nodes have of one key, in one picture (key_story.h).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "amounts.h"
#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "key_story.h"
#include "verbs.h"

static const struct report_column REPLICAS[] = {
    {"node", REPORT_NUMBER},  {"region", REPORT_TEXT},     {"role", REPORT_TEXT},
    {"state", REPORT_TEXT},   {"event", REPORT_TEXT},      {"kind", REPORT_TEXT},
    {"bytes", REPORT_NUMBER}, {"versions", REPORT_NUMBER}, {"written", REPORT_TEXT},
    {"reason", REPORT_TEXT},  {"next_step", REPORT_TEXT}};

enum { REPLICA_COLUMNS = sizeof REPLICAS / sizeof *REPLICAS, WRITTEN_TEXT_MAX = 96 };

/* "2026-11-28T03:02:11.123Z, 5 min ago". */
static const char *written(const struct resp_value *version, char out[WRITTEN_TEXT_MAX])
{
    struct tm parts;
    struct timeval now;
    char day[32], ago[AMOUNT_TEXT_MAX];
    int64_t ms = fields_integer(version, "written_ms", 0);
    time_t seconds = (time_t)(ms / 1000);
    gettimeofday(&now, NULL);
    int64_t age_ms = (int64_t)now.tv_sec * 1000 + now.tv_usec / 1000 - ms;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        snprintf(day, sizeof day, "?");
    snprintf(out, WRITTEN_TEXT_MAX, "%s.%03dZ, %s ago", day, (int)(ms % 1000),
             amount_time(age_ms < 0 ? 0 : (uint64_t)age_ms, ago));
    return out;
}

static const char *state_name(const struct key_holder *holder)
{
    if (holder->is_hint)
        return "hint";
    if (holder->state == HOLDER_UNKNOWN)
        return "unknown";
    if (holder->state == HOLDER_BEHIND)
        return "behind";
    return holder->shown == NULL ? "empty" : "current";
}

static void add_text(struct report_table *table, const struct buffer *text)
{
    if (text->length == 0)
        report_cell(table, NULL);
    else
        report_cell(table, "%.*s", (int)text->length, (const char *)text->data);
}

static void add_holder(struct report_table *table, const struct key_story *story,
                       const struct key_holder *holder)
{
    char when[WRITTEN_TEXT_MAX];
    const struct cluster_member *member = &story->cluster->members[holder->member];
    report_cell(table, "%" PRIu32, member->id);
    report_cell(table, "%s", member->region);
    report_cell(table, "%s", holder->is_hint ? "fallback" : holder->is_owner ? "owner" : "joining");
    report_cell(table, "%s", state_name(holder));
    if (holder->state != HOLDER_CURRENT)
        report_alarm(table);
    if (holder->shown == NULL) {
        for (unsigned i = 0; i < 3; i++)
            report_cell(table, NULL);
        report_cell(table, "%zu", fields_count(holder->versions));
        report_cell(table, NULL);
    } else {
        report_cell(table, "%s", fields_text(holder->shown, "event", "?"));
        report_cell(table, "%s", fields_text(holder->shown, "kind", "?"));
        report_cell(table, "%" PRId64, fields_integer(holder->shown, "bytes", 0));
        report_cell(table, "%zu", fields_count(holder->versions));
        report_cell(table, "%s", written(holder->shown, when));
    }
    add_text(table, &holder->why);
    add_text(table, &holder->next_step);
}

static enum exit_code print_story(const struct arguments *arguments, const struct key_story *story)
{
    char when[WRITTEN_TEXT_MAX];
    const struct resp_value *winner = story->winner;
    struct report *report = report_new();
    report_fact(report, "key", REPORT_TEXT, "%s", arguments->operands[0]);
    report_fact(report, "keyspace", REPORT_NUMBER, "%u", (unsigned)arguments->keyspace);
    report_fact(report, "partition", REPORT_NUMBER, "%" PRIu32, story->partition);
    report_fact(report, "policy", REPORT_TEXT, "%s", story->keeps_siblings ? "siblings" : "lww");
    report_fact(report, "type", REPORT_TEXT, "%s", story->type);
    report_fact(report, "agreed", REPORT_FLAG, "%s", story->agreed ? "yes" : "no");
    report_fact(report, "values", REPORT_NUMBER, "%zu", story->values);
    if (winner == NULL)
        report_fact(report, "winner", REPORT_TEXT, NULL);
    else
        report_fact(report, "winner", REPORT_TEXT, "%s", fields_text(winner, "event", "?"));
    report_fact(report, "winner_by", REPORT_TEXT, "%.*s", (int)story->winner_by.length,
                (const char *)story->winner_by.data);
    if (winner == NULL)
        report_fact(report, "winner_written", REPORT_TEXT, NULL);
    else
        report_fact(report, "winner_written", REPORT_TEXT, "%s", written(winner, when));
    struct report_table *table = report_table(report, "replicas", REPLICAS, REPLICA_COLUMNS);
    for (size_t i = 0; i < story->holder_count; i++)
        add_holder(table, story, &story->holders[i]);
    verb_print(arguments, report);
    return story->agreed ? EXIT_OK : EXIT_DEGRADED;
}

/* Whether a keyspace keeps siblings, as the first node that knows it says. */
static bool keeps_siblings(const struct cluster *cluster, const struct key_witness *witnesses,
                           keyspace_id number)
{
    for (size_t i = 0; i < cluster->member_count; i++) {
        const struct resp_value *list = fields_get(witnesses[i].status, "keyspaces");
        for (size_t j = 0; j < fields_count(list); j++)
            if (fields_integer(fields_at(list, j), "number", -1) == number)
                return strcmp(fields_text(fields_at(list, j), "policy", ""), "siblings") == 0;
    }
    return false;
}

static void take_answer(struct exchange *answer, struct key_witness *out)
{
    if (answer->status != STATUS_OK) {
        snprintf(out->reason, sizeof out->reason, "%s", answer->reason);
        return;
    }
    const struct resp_value *explain = answer->replies[0], *status = answer->replies[1];
    if (fields_is_list(explain))
        out->explain = explain;
    else
        snprintf(out->reason, sizeof out->reason, "%.*s", (int)explain->text.length,
                 (const char *)explain->text.data);
    if (fields_is_list(status))
        out->status = status;
}

enum exit_code verb_key_explain(const struct arguments *arguments)
{
    char number[16];
    struct cluster cluster;
    struct key_story story;
    bool heard = false;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    snprintf(number, sizeof number, "%u", (unsigned)arguments->keyspace);
    const char *const explain[] = {"RING.EXPLAIN", arguments->operands[0], number, NULL};
    const char *const status[] = {"RING.STATUS", NULL};
    const char *const *const commands[] = {explain, status};
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct key_witness *witnesses = memory_new(cluster.member_count, sizeof *witnesses);
    cluster_ask_all_these(&cluster, arguments, commands, 2, answers);
    for (size_t i = 0; i < cluster.member_count; i++) {
        take_answer(&answers[i], &witnesses[i]);
        heard |= witnesses[i].explain != NULL;
    }
    if (heard) {
        key_story_make(&story, &cluster, witnesses,
                       keeps_siblings(&cluster, witnesses, arguments->keyspace));
        code = print_story(arguments, &story);
        key_story_deinit(&story);
    } else {
        verb_complain("no node can say what it has of the key: %s", witnesses[0].reason);
        code = EXIT_FAILED;
    }
    cluster_forget(&cluster, answers);
    free(answers);
    free(witnesses);
    cluster_deinit(&cluster);
    return code;
}
