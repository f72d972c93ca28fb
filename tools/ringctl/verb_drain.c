/*
 * verb_drain.c - has a node hand over what it does, and waits until it can be stopped.
 *
 * The node itself says how far it is and what it waits for (RING.DRAIN); its word is of now.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cluster.h"
#include "fields.h"
#include "progress.h"
#include "verbs.h"

enum { ASK_EVERY_MS = 250, TEXT_MAX = 256 };

/* What the node said last. */
struct drain {
    char state[TEXT_MAX], reason[TEXT_MAX];
    int64_t hints, clients;
};

static const struct cluster_member *find_member(const struct cluster *cluster, const char *operand)
{
    char *end;
    unsigned long id = strtoul(operand, &end, 10);
    for (size_t i = 0; i < cluster->member_count && *end == '\0'; i++)
        if (cluster->members[i].id == id)
            return &cluster->members[i];
    verb_complain("there is no node \"%s\"; see: ringctl status", operand);
    return NULL;
}

/* Ask the node; `order` NULL: only how far it is. On failure a sentence was printed. */
static enum exit_code ask(const struct arguments *arguments, const struct cluster_member *member,
                          const char *order, struct drain *out)
{
    const char *const words[] = {"RING.DRAIN", order, arguments->force ? "FORCE" : NULL, NULL};
    struct exchange exchange = {.address = member->client};
    char reason[EXCHANGE_REASON_MAX];
    enum exit_code code = EXIT_OK;
    exchange_ask_texts(&exchange, words);
    exchange_run(&exchange, 1, arguments->timeout_ms);
    const struct resp_value *reply = cluster_reply(&exchange, reason);
    if (reply != NULL) {
        snprintf(out->state, sizeof out->state, "%s", fields_text(reply, "state", "?"));
        snprintf(out->reason, sizeof out->reason, "%s", fields_text(reply, "reason", ""));
        out->hints = fields_integer(reply, "hints", 0);
        out->clients = fields_integer(reply, "clients", 0) - 1; /* without this question's */
    } else {
        verb_complain("node %" PRIu32 ": %s", member->id, reason);
        code = exchange.status == STATUS_OK ? EXIT_FAILED : EXIT_UNREACHABLE;
    }
    exchange_deinit(&exchange);
    return code;
}

static void print_drain(const struct arguments *arguments, node_id node, const struct drain *drain,
                        bool safe)
{
    struct report *report = report_new();
    report_fact(report, "node", REPORT_NUMBER, "%" PRIu32, node);
    report_fact(report, "state", REPORT_TEXT, "%s", drain->state);
    report_fact(report, "safe_to_stop", REPORT_FLAG, "%s", safe ? "yes" : "no");
    report_fact(report, "waits_for", REPORT_TEXT, "%s",
                *drain->reason != '\0' || arguments->json ? drain->reason : "nothing");
    report_fact(report, "hints", REPORT_NUMBER, "%" PRId64, drain->hints);
    report_fact(report, "clients", REPORT_NUMBER, "%" PRId64, drain->clients);
    report_fact(report, "next_step", REPORT_TEXT, "%s%" PRIu32 "%s",
                safe ? "stop the node; to keep it: ringctl drain " : "ringctl drain ", node,
                safe ? " --undo" : "");
    verb_print(arguments, report);
}

static enum exit_code undo(const struct arguments *arguments, const struct cluster_member *member)
{
    struct drain drain;
    enum exit_code code = ask(arguments, member, "UNDO", &drain);
    if (code != EXIT_OK)
        return code;
    struct report *report = report_new();
    report_fact(report, "node", REPORT_NUMBER, "%" PRIu32, member->id);
    report_fact(report, "state", REPORT_TEXT, "%s", drain.state);
    verb_print(arguments, report);
    return EXIT_OK;
}

/* One line for each thing that is waited for. */
static void say(const struct cluster_member *member, const struct drain *drain, char *said)
{
    if (strcmp(said, drain->reason) == 0)
        return;
    snprintf(said, TEXT_MAX, "%s", drain->reason);
    if (*said != '\0')
        fprintf(stderr, "node %" PRIu32 " drains: %s\n", member->id, said);
}

static enum exit_code drain(const struct arguments *arguments, const struct cluster_member *member)
{
    uint64_t limit_ms = arguments->waits ? (uint64_t)arguments->wait_seconds * 1000 : UINT64_MAX;
    struct progress progress = progress_begin("");
    struct drain last;
    char said[TEXT_MAX] = "";
    enum exit_code code = ask(arguments, member, "START", &last);
    while (code == EXIT_OK && strcmp(last.state, "draining") == 0 &&
           progress_elapsed_ms(&progress) < limit_ms) {
        say(member, &last, said);
        nanosleep(&(struct timespec){.tv_nsec = ASK_EVERY_MS * 1000000L}, NULL);
        code = ask(arguments, member, NULL, &last);
    }
    if (code != EXIT_OK)
        return code;
    bool safe = strcmp(last.state, "drained") == 0;
    if (strcmp(last.state, "serving") == 0) {
        verb_complain("the drain of node %" PRIu32 " was ended: somebody undid it, or the node was "
                      "started again",
                      member->id);
        return EXIT_FAILED;
    }
    if (!safe)
        verb_complain("node %" PRIu32 " cannot be stopped yet and goes on draining; to end that: "
                      "ringctl drain %" PRIu32 " --undo",
                      member->id, member->id);
    print_drain(arguments, member->id, &last, safe);
    return safe ? EXIT_OK : EXIT_DEGRADED;
}

enum exit_code verb_drain(const struct arguments *arguments)
{
    struct cluster cluster;
    if (arguments->undo && arguments->force) {
        verb_complain("--undo and --force exclude each other");
        return EXIT_USAGE;
    }
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    const struct cluster_member *member = find_member(&cluster, arguments->operands[0]);
    if (member == NULL)
        code = EXIT_USAGE;
    else
        code = arguments->undo ? undo(arguments, member) : drain(arguments, member);
    cluster_deinit(&cluster);
    return code;
}
