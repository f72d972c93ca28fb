/*
 * verb_config.c - settings of all nodes: what they are, where they differ, and changing one.
 *
 * Settings belong to nodes. A change is asked of all at once, and each makes it or refuses it by
 * itself; it lasts until the node ends, for the file that a node starts from is its operator's.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "settings_compare.h"
#include "verbs.h"

static const struct report_column VALUES[] = {
    {"setting", REPORT_TEXT}, {"node", REPORT_NUMBER}, {"value", REPORT_TEXT}};
static const struct report_column DIFFERENCES[] = {{"setting", REPORT_TEXT},
                                                   {"usual", REPORT_TEXT},
                                                   {"node", REPORT_NUMBER},
                                                   {"value", REPORT_TEXT},
                                                   {"must_agree", REPORT_FLAG}};
static const struct report_column CHANGED[] = {
    {"node", REPORT_NUMBER}, {"changed", REPORT_FLAG}, {"problem", REPORT_TEXT}};

enum {
    VALUE_COLUMNS = sizeof VALUES / sizeof *VALUES,
    DIFFERENCE_COLUMNS = sizeof DIFFERENCES / sizeof *DIFFERENCES,
    CHANGED_COLUMNS = sizeof CHANGED / sizeof *CHANGED
};

struct picture {
    struct cluster cluster;
    struct exchange *answers;
    const struct resp_value **replies; /* NULL: no answer */
    size_t silent;
};

/* Ask all members one thing; who does not answer is named on standard error. */
static enum exit_code ask_all(const struct arguments *arguments, const char *const *words,
                              struct picture *out)
{
    const char *const *const commands[] = {words};
    char reason[EXCHANGE_REASON_MAX];
    *out = (struct picture){0};
    enum exit_code code = cluster_load(arguments, &out->cluster);
    if (code != EXIT_OK)
        return code;
    size_t count = out->cluster.member_count;
    out->answers = memory_new(count, sizeof *out->answers);
    out->replies = memory_new(count, sizeof *out->replies);
    cluster_ask_all_these(&out->cluster, arguments, commands, 1, out->answers);
    for (size_t i = 0; i < count; i++) {
        out->replies[i] = cluster_reply(&out->answers[i], reason);
        out->silent += out->replies[i] == NULL;
    }
    return EXIT_OK;
}

static void complain_of_silent(const struct picture *picture)
{
    char reason[EXCHANGE_REASON_MAX];
    for (size_t i = 0; i < picture->cluster.member_count; i++)
        if (cluster_reply(&picture->answers[i], reason) == NULL)
            verb_complain("node %" PRIu32 ": %s", picture->cluster.members[i].id, reason);
}

static void forget(struct picture *picture)
{
    cluster_forget(&picture->cluster, picture->answers);
    free(picture->answers);
    free(picture->replies);
    cluster_deinit(&picture->cluster);
}

/* ---- config get ---- */

enum exit_code verb_config_get(const struct arguments *arguments)
{
    const char *pattern = arguments->operand_count > 0 ? arguments->operands[0] : "*";
    const char *const words[] = {"CONFIG", "GET", pattern, NULL};
    struct picture picture;
    size_t found = 0;
    enum exit_code code = ask_all(arguments, words, &picture);
    if (code != EXIT_OK)
        return code;
    struct report *report = report_new();
    struct report_table *table = report_table(report, "settings", VALUES, VALUE_COLUMNS);
    for (size_t i = 0; i < picture.cluster.member_count; i++)
        for (size_t k = 0; k + 1 < fields_count(picture.replies[i]); k += 2) {
            const struct resp_value *name = fields_at(picture.replies[i], k);
            const struct resp_value *value = fields_at(picture.replies[i], k + 1);
            if (name->type != RESP_TYPE_BULK || value->type != RESP_TYPE_BULK)
                continue;
            report_cell(table, "%s", (const char *)name->text.data);
            report_cell(table, "%" PRIu32, picture.cluster.members[i].id);
            report_cell(table, "%s", (const char *)value->text.data);
            found++;
        }
    verb_print(arguments, report);
    complain_of_silent(&picture);
    code = picture.silent > 0 ? EXIT_DEGRADED : EXIT_OK;
    if (found == 0 && picture.silent == 0) {
        verb_complain("there is no setting \"%s\"; see: ringctl config get", pattern);
        code = EXIT_FAILED;
    }
    forget(&picture);
    return code;
}

/* ---- config diff ---- */

/* A row for each node that has another value. Returns how many there are. */
static size_t add_differences(struct report_table *table, const struct picture *picture,
                              const struct setting_values *setting)
{
    size_t count = 0;
    for (size_t i = 0; i < picture->cluster.member_count; i++) {
        const char *value = setting->values[i];
        if (value == NULL || strcmp(value, setting->usual) == 0)
            continue;
        bool must_agree = setting_must_agree(setting->name);
        report_cell(table, "%s", setting->name);
        report_cell(table, "%s", setting->usual);
        report_cell(table, "%" PRIu32, picture->cluster.members[i].id);
        report_cell(table, "%s", value);
        report_cell(table, "%s", must_agree ? "yes" : "no");
        if (must_agree)
            report_alarm(table);
        count++;
    }
    return count;
}

enum exit_code verb_config_diff(const struct arguments *arguments)
{
    static const char *const words[] = {"CONFIG", "GET", "*", NULL};
    struct picture picture;
    const struct resp_value *first = NULL;
    size_t count = 0;
    enum exit_code code = ask_all(arguments, words, &picture);
    if (code != EXIT_OK)
        return code;
    struct setting_values setting = {
        .values = memory_new(picture.cluster.member_count, sizeof *setting.values)};
    struct report *report = report_new();
    struct report_table *table =
        report_table(report, "differences", DIFFERENCES, DIFFERENCE_COLUMNS);
    for (size_t i = 0; i < picture.cluster.member_count && first == NULL; i++)
        first = picture.replies[i];
    for (size_t k = 0; k + 1 < fields_count(first); k += 2) {
        const struct resp_value *name = fields_at(first, k);
        if (name->type != RESP_TYPE_BULK || setting_is_own((const char *)name->text.data))
            continue;
        setting_values_take((const char *)name->text.data, picture.replies,
                            picture.cluster.member_count, &setting);
        count += setting.others == 0 ? 0 : add_differences(table, &picture, &setting);
    }
    report_fact(report, "different", REPORT_NUMBER, "%zu", count);
    report_fact(report, "silent", REPORT_NUMBER, "%zu", picture.silent);
    verb_print(arguments, report);
    complain_of_silent(&picture);
    code = count > 0 || picture.silent > 0 ? EXIT_DEGRADED : EXIT_OK;
    free(setting.values);
    forget(&picture);
    return code;
}

/* ---- config set ---- */

enum exit_code verb_config_set(const struct arguments *arguments)
{
    const char *const words[] = {"CONFIG", "SET", arguments->operands[0], arguments->operands[1],
                                 NULL};
    struct picture picture;
    char reason[EXCHANGE_REASON_MAX];
    if (setting_is_own(arguments->operands[0])) {
        verb_complain("%s is each node's own: change it in the file of that node",
                      arguments->operands[0]);
        return EXIT_USAGE;
    }
    enum exit_code code = ask_all(arguments, words, &picture);
    if (code != EXIT_OK)
        return code;
    size_t count = picture.cluster.member_count;
    struct report *report = report_new();
    struct report_table *table = report_table(report, "nodes", CHANGED, CHANGED_COLUMNS);
    for (size_t i = 0; i < count; i++) {
        bool good = cluster_reply(&picture.answers[i], reason) != NULL;
        report_cell(table, "%" PRIu32, picture.cluster.members[i].id);
        report_cell(table, "%s", good ? "yes" : "no");
        if (!good)
            report_alarm(table);
        report_cell(table, good ? NULL : "%s", reason);
    }
    verb_print(arguments, report);
    if (picture.silent == 0)
        verb_complain("this holds until a node ends; put it into the files of all nodes as well");
    else
        verb_complain("%zu of %zu nodes go by what they had before; see: ringctl config diff",
                      picture.silent, count);
    code = picture.silent == 0 ? EXIT_OK : EXIT_FAILED;
    forget(&picture);
    return code;
}
