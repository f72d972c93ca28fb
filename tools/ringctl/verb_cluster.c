/*
 * verb_cluster.c - members that join and leave; RING.MEMBER does the work.
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
#include "store/durable_file.h"
#include "verbs.h"

enum { CHANGE_TIMEOUT_MS = 15000 };

static enum exit_code change(const struct arguments *arguments, const struct slice *words,
                             size_t count, struct exchange *out)
{
    struct arguments patient = *arguments;
    if (patient.timeout_ms < CHANGE_TIMEOUT_MS)
        patient.timeout_ms = CHANGE_TIMEOUT_MS;
    return cluster_ask_first(&patient, words, count, out);
}

/* What came of it, how far it is known, and what to do next. */
static void print_made(const struct arguments *arguments, const struct resp_value *made,
                       const char *what, const char *next_step)
{
    int64_t known = fields_integer(made, "known_by", 0);
    int64_t members = fields_integer(made, "members", 0);
    struct report *report = report_new();
    report_fact(report, what, REPORT_NUMBER, "%" PRId64, fields_integer(made, "id", 0));
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64, known);
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, members);
    report_fact(report, "next_step", REPORT_TEXT, "%s", next_step);
    verb_print(arguments, report);
}

enum exit_code verb_cluster_join(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[3 + SETTINGS_MAX] = {slice_text("RING.MEMBER"), slice_text("ADD"),
                                            slice_text("role=gateway")};
    if (!arguments->gateway || arguments->setting_count < 3) {
        verb_complain(arguments->gateway
                          ? "cluster join needs --region, --client and --peer; nothing was changed"
                          : "a node that stores data cannot join yet, for partitions cannot move: "
                            "give --gateway for one that serves clients; nothing was changed");
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < arguments->setting_count; i++)
        words[3 + i] = slice_text(arguments->settings[i]);
    enum exit_code code = change(arguments, words, 3 + arguments->setting_count, &exchange);
    if (code != EXIT_OK)
        return code;
    print_made(arguments, exchange.replies[0], "joined",
               "ringctl cluster export FILE; take FILE to its machine; set node-id there, and its "
               "listen and peer-listen; ringd --init --ring-file FILE; then start ringd");
    exchange_deinit(&exchange);
    return EXIT_OK;
}

enum exit_code verb_cluster_leave(const struct arguments *arguments)
{
    struct exchange exchange;
    struct slice words[] = {slice_text("RING.MEMBER"), slice_text("REMOVE"),
                            slice_text(arguments->operands[0])};
    enum exit_code code = change(arguments, words, 3, &exchange);
    if (code != EXIT_OK)
        return code;
    print_made(arguments, exchange.replies[0], "left",
               "the node ends by itself; its data directory is of no use any more");
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
    (void)arguments;
    verb_complain("nodes that store data cannot be added, removed or replaced yet: the owners of a "
                  "ring are those that ringd --plan-ring gave it; nothing was changed. Gateways "
                  "can, see: ringctl cluster join --help");
    return EXIT_FAILED;
}
