/*
 * verb_plan_life.c - a plan is begun, paused, gone on with, and given up.
 *
 * Who commits names the plan that he has seen; the other verbs are about the one under way.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cluster.h"
#include "fields.h"
#include "plan_base.h"
#include "ring/change_plan.h"
#include "verbs.h"

enum { ID_BYTES = 17, WORDS_MAX = 4 };

static void print_change(const struct arguments *arguments, const struct resp_value *reply,
                         const char *what, const char *next_step)
{
    struct report *report = report_new();
    int64_t known = fields_integer(reply, "known_by", 0);
    int64_t members = fields_integer(reply, "members", 0);
    report_fact(report, what, REPORT_TEXT, "%s", fields_text(reply, "id", ""));
    report_fact(report, "known_by", REPORT_NUMBER, "%" PRId64, known);
    report_fact(report, "members", REPORT_NUMBER, "%" PRId64, members);
    report_fact(report, "next_step", REPORT_TEXT, "%s", next_step);
    verb_print(arguments, report);
}

/* RING.PLAN `verb` and the words behind it. */
static enum exit_code change(const struct arguments *arguments, const char *verb, const char *id,
                             const char *node, const char *what, const char *next_step)
{
    struct slice words[WORDS_MAX] = {slice_text("RING.PLAN"), slice_text(verb), slice_text(id)};
    size_t count = 3;
    struct exchange exchange;
    if (node != NULL)
        words[count++] = slice_text(node);
    enum exit_code code = plan_base_change(arguments, words, count, &exchange);
    if (code != EXIT_OK)
        return code;
    print_change(arguments, exchange.replies[0], what, next_step);
    exchange_deinit(&exchange);
    return EXIT_OK;
}

/* ---- commit ---- */

/* The plan that is true now: "" when there is none, and why. */
static void plan_now(const struct register_value *base, char id[ID_BYTES],
                     char reason[RING_REASON_MAX])
{
    struct change_plan plan;
    id[0] = '\0';
    if (base->work.plan_id != 0) {
        snprintf(reason, RING_REASON_MAX,
                 "plan %016" PRIx64 " is under way: wait for its end, or ringctl cluster abort",
                 base->work.plan_id);
    } else if (change_plan_make(base->ring, &base->staged, &plan, reason) == STATUS_OK) {
        snprintf(id, ID_BYTES, "%016" PRIx64, plan.id);
        change_plan_deinit(&plan);
    }
}

/* EXIT_CONFLICT: another plan is true, or none. */
static enum exit_code check_plan(const struct arguments *arguments, bool complain)
{
    struct register_value *base;
    char reason[RING_REASON_MAX] = "", id[ID_BYTES];
    enum exit_code code = plan_base_load(arguments, &base);
    if (code != EXIT_OK)
        return code;
    plan_now(base, id, reason);
    register_value_free(base);
    if (strcmp(id, arguments->operands[0]) == 0)
        return EXIT_OK;
    if (complain)
        verb_complain("plan %s is not true, or is so no longer%s%s; nothing was changed. See: "
                      "ringctl cluster plan",
                      arguments->operands[0], *id == '\0' ? ": " : "", *id == '\0' ? reason : "");
    return EXIT_CONFLICT;
}

enum exit_code verb_cluster_commit(const struct arguments *arguments)
{
    enum exit_code code = check_plan(arguments, true);
    if (code != EXIT_OK)
        return code;
    code = change(arguments, "COMMIT", arguments->operands[0], NULL, "committed",
                  "ringctl tasks list: how far it is; ringctl cluster abort gives up what reads "
                  "have not left");
    /* Somebody may have been faster; then what was refused was no longer true. */
    if (code == EXIT_FAILED && check_plan(arguments, false) == EXIT_CONFLICT)
        return EXIT_CONFLICT;
    return code;
}

/* ---- the plan under way ---- */

static const char ABORTED_NEXT[] = "what reads have left already goes on; ringctl tasks list: when "
                                   "it is over, and a new plan can be made";

static enum exit_code find_running(const struct arguments *arguments, char id[ID_BYTES])
{
    struct register_value *base;
    enum exit_code code = plan_base_load(arguments, &base);
    if (code != EXIT_OK)
        return code;
    snprintf(id, ID_BYTES, "%016" PRIx64, base->work.plan_id);
    if (base->work.plan_id == 0) {
        verb_complain("no plan is under way; see: ringctl cluster plan");
        code = EXIT_FAILED;
    }
    register_value_free(base);
    return code;
}

enum exit_code verb_cluster_pause(const struct arguments *arguments)
{
    char id[ID_BYTES];
    enum exit_code code = find_running(arguments, id);
    return code != EXIT_OK ? code
                           : change(arguments, "PAUSE", id, NULL, "paused",
                                    "what has begun goes on; ringctl cluster resume begins the "
                                    "rest");
}

enum exit_code verb_cluster_resume(const struct arguments *arguments)
{
    char id[ID_BYTES];
    enum exit_code code = find_running(arguments, id);
    return code != EXIT_OK ? code
                           : change(arguments, "RESUME", id, NULL, "resumed",
                                    "ringctl tasks list: how far it is");
}

enum exit_code verb_cluster_abort(const struct arguments *arguments)
{
    char id[ID_BYTES];
    enum exit_code code = find_running(arguments, id);
    return code != EXIT_OK ? code : change(arguments, "ABORT", id, NULL, "aborted", ABORTED_NEXT);
}

enum exit_code verb_tasks_abort(const struct arguments *arguments)
{
    struct register_value *base;
    char id[ID_BYTES];
    enum exit_code code = plan_base_load(arguments, &base);
    if (code != EXIT_OK)
        return code;
    snprintf(id, ID_BYTES, "%016" PRIx64, base->work.plan_id);
    register_value_free(base);
    if (strcmp(id, arguments->operands[0]) == 0)
        return change(arguments, "ABORT", id, NULL, "aborted", ABORTED_NEXT);
    verb_complain("task %s is not under way; nothing was changed. See: ringctl tasks list",
                  arguments->operands[0]);
    return EXIT_CONFLICT;
}

/* ---- a store that is lost ---- */

/* Whether the operator types the id of the node. */
static enum exit_code confirm_lost(const struct arguments *arguments)
{
    char line[16] = "";
    const char *node = arguments->operands[0];
    if (arguments->yes)
        return EXIT_OK;
    if (isatty(STDIN_FILENO) != 1) {
        verb_complain("what node %s alone has acknowledged would be given up for good, and nobody "
                      "can be asked here: give --yes; nothing was changed",
                      node);
        return EXIT_USAGE;
    }
    fprintf(
        stderr,
        "The plan would wait no longer for the store of node %s. Writes that were acknowledged\n"
        "at ONE or ANY and are nowhere else are then lost, also if the node comes back.\n"
        "Type its id to go on: ",
        node);
    if (fgets(line, sizeof line, stdin) != NULL)
        line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, node) == 0)
        return EXIT_OK;
    verb_complain("the id was not typed; nothing was changed");
    return EXIT_FAILED;
}

enum exit_code verb_cluster_lost(const struct arguments *arguments)
{
    char id[ID_BYTES];
    enum exit_code code = find_running(arguments, id);
    if (code == EXIT_OK)
        code = confirm_lost(arguments);
    return code != EXIT_OK ? code
                           : change(arguments, "LOST", id, arguments->operands[0], "waits_less_in",
                                    "ringctl tasks list: how far it is");
}
