/*
 * verb_cluster.c - members that join, and what they start from; RING.MEMBER does the work.
 *
 * The node answers when the members that are up have the change on their disks, which takes longer
 * than a question: it gets the time that a change may take.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cluster.h"
#include "fields.h"
#include "plan_base.h"
#include "store/durable_file.h"
#include "verbs.h"

/* What came of it, how far it is known, and what to do next. */
static void print_joined(const struct arguments *arguments, const struct resp_value *made,
                         const char *next_step)
{
    int64_t known = fields_integer(made, "known_by", 0);
    int64_t members = fields_integer(made, "members", 0);
    struct report *report = report_new();
    report_fact(report, "joined", REPORT_NUMBER, "%" PRId64, fields_integer(made, "id", 0));
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64, known);
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, members);
    report_fact(report, "next_step", REPORT_TEXT, "%s", next_step);
    verb_print(arguments, report);
}

enum exit_code verb_cluster_join(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[3 + SETTINGS_MAX] = {
        slice_text("RING.MEMBER"), slice_text("ADD"),
        slice_text(arguments->gateway ? "role=gateway" : "role=data")};
    if (arguments->setting_count < 3) {
        verb_complain("cluster join needs --region, --client and --peer; nothing was changed");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < arguments->setting_count; i++)
        words[3 + i] = slice_text(arguments->settings[i]);
    enum exit_code code =
        plan_base_change(arguments, words, 3 + arguments->setting_count, &exchange);
    if (code != EXIT_OK)
        return code;
    print_joined(arguments, exchange.replies[0],
                 arguments->gateway
                     ? "ringctl cluster export FILE; take FILE to its machine; set node-id there, "
                       "and its listen and peer-listen; ringd --init --ring-file FILE; then start "
                       "ringd"
                     : "ringctl cluster export FILE; take FILE to its machine; set node-id there, "
                       "and its listen and peer-listen; ringd --init --ring-file FILE; start "
                       "ringd; then ringctl cluster plan");
    exchange_deinit(&exchange);
    return EXIT_OK;
}

enum exit_code verb_cluster_export(const struct arguments *arguments)
{
    const char *path = arguments->operands[0];
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.MEMBER"), slice_text("EXPORT")};
    if (access(path, F_OK) == 0) {
        verb_complain("%s is there already; name a file that is not", path);
        return EXIT_USAGE;
    }
    enum exit_code code = cluster_ask_first(arguments, words, 2, &exchange);
    if (code != EXIT_OK)
        return code;
    struct slice bytes = exchange.replies[0]->text;
    if (durable_file_write(path, bytes) != STATUS_OK) {
        verb_complain("could not write %s: %s", path, strerror(errno));
        code = EXIT_FAILED;
    } else {
        struct report *report = report_new();
        report_fact(report, "file", REPORT_TEXT, "%s", path);
        report_fact(report, "bytes", REPORT_NUMBER, "%zu", bytes.length);
        report_fact(report, "next_step", REPORT_TEXT,
                    "on the new member's machine: ringd --init --ring-file %s, with its node-id in "
                    "ringd.conf",
                    path);
        verb_print(arguments, report);
    }
    exchange_deinit(&exchange);
    return code;
}

enum exit_code verb_cluster(const struct arguments *arguments)
{
    if (arguments->operand_count > 0 && strcmp(arguments->operands[0], "force-generation") == 0) {
        verb_complain("stewards decide by their majority, and one that is lost for good cannot be "
                      "replaced: what it alone knew was agreed on would be undone. Bring stewards "
                      "back with their stores until a majority is there; nothing was changed");
        return EXIT_FAILED;
    }
    verb_complain("regions and replication stay as ringd --plan-ring made them; nothing was "
                  "changed. What there is, see: ringctl help");
    return EXIT_FAILED;
}
