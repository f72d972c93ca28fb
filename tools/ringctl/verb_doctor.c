/*
 * verb_doctor.c - everything that ringctl can find wrong with a cluster, in one answer for cron.
 *
 * Bounded in time: the first node is asked for the members, then all members at once, and once
 * more a moment later; each round lasts as long as --timeout at most. Nothing is changed, and a
 * node is asked only for what it has at hand.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "doctor.h"
#include "fields.h"
#include "info_text.h"
#include "key_look_up.h"
#include "verbs.h"

enum { BETWEEN_MS = 1000, LARGE_LOOKED_UP = 8 };

static const struct report_column COLUMNS[] = {{"severity", REPORT_TEXT},
                                               {"check", REPORT_TEXT},
                                               {"node", REPORT_NUMBER},
                                               {"cause", REPORT_TEXT},
                                               {"next_step", REPORT_TEXT}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

/* ---- asking ---- */

/* The k-th reply; NULL when there is none or it is an error. */
static const struct resp_value *reply_of(const struct exchange *exchange, size_t k)
{
    const struct resp_value *reply = exchange->status == STATUS_OK ? exchange->replies[k] : NULL;
    return reply == NULL || reply->type == RESP_TYPE_ERROR ? NULL : reply;
}

static void take_first(const struct exchange *answer, struct patient *patient)
{
    patient->status = cluster_reply(answer, patient->reason);
    if (patient->status == NULL)
        return;
    patient->info = info_text_of(reply_of(answer, 1));
    patient->reach = reply_of(answer, 2);
    patient->hints = reply_of(answer, 3);
    patient->settings = reply_of(answer, 4);
    patient->top_keys = reply_of(answer, 5);
    patient->top_written = reply_of(answer, 6);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Who answered the first time is asked again for what grows. */
static void ask_again(const struct examination *e, const struct arguments *arguments,
                      struct patient *patients, struct exchange *out)
{
    static const char *const info[] = {"INFO", "persistence", NULL};
    static const char *const hints[] = {"RING.HINTS", NULL};
    const char *const *const questions[] = {info, hints};
    size_t *asked = memory_new(e->cluster->member_count, sizeof *asked);
    size_t count = 0;
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        if (patients[i].status == NULL)
            continue;
        asked[count] = i;
        out[count] = (struct exchange){.address = e->cluster->members[i].client};
        for (size_t k = 0; k < sizeof questions / sizeof *questions; k++)
            exchange_ask_texts(&out[count], questions[k]);
        count++;
    }
    exchange_run(out, count, arguments->timeout_ms);
    for (size_t k = 0; k < count; k++) {
        patients[asked[k]].info_later = info_text_of(reply_of(&out[k], 0));
        patients[asked[k]].hints_later = reply_of(&out[k], 1);
    }
    free(asked);
}

/* The keys of all members together; only of a few it is looked up how large they are now. */
static void gather_keys(const struct examination *e, const struct arguments *arguments,
                        struct key_tops *hot, struct key_tops *large)
{
    for (size_t i = 0; i < e->cluster->member_count; i++) {
        key_tops_take(hot, e->patients[i].top_keys);
        key_tops_take(large, e->patients[i].top_written);
    }
    key_tops_by_bytes(large, LARGE_LOOKED_UP);
    key_look_up(large, arguments);
}

/* ---- telling ---- */

static enum exit_code print_findings(const struct arguments *arguments,
                                     const struct cluster *cluster, struct findings *findings,
                                     size_t answering)
{
    struct report *report = report_new();
    size_t count = 0;
    for (size_t i = 0; i < SEVERITY_COUNT; i++)
        count += findings->counts[i];
    bool well = findings->counts[SEVERITY_WARNING] + findings->counts[SEVERITY_CRITICAL] == 0;
    findings_sort(findings);
    report_fact(report, "cluster", REPORT_TEXT, "%s", cluster->id);
    report_fact(report, "members", REPORT_NUMBER, "%zu", cluster->member_count);
    report_fact(report, "answering", REPORT_NUMBER, "%zu", answering);
    for (size_t i = SEVERITY_COUNT; i-- > 0;)
        report_fact(report, severity_name((enum severity)i), REPORT_NUMBER, "%zu",
                    findings->counts[i]);
    if (count > findings->kept)
        report_fact(report, "not_shown", REPORT_NUMBER, "%zu", count - findings->kept);
    report_fact(report, "health", REPORT_TEXT, "%s", well ? "ok" : "degraded");
    if (findings->kept > 0 || arguments->json) {
        struct report_table *table = report_table(report, "findings", COLUMNS, COLUMN_COUNT);
        for (size_t i = 0; i < findings->kept; i++) {
            const struct finding *finding = &findings->items[i];
            report_cell(table, "%s", severity_name(finding->severity));
            if (finding->severity == SEVERITY_CRITICAL)
                report_alarm(table);
            report_cell(table, "%s", finding->check);
            report_cell(table, finding->node == 0 ? NULL : "%" PRIu32, finding->node);
            report_cell(table, "%s", (const char *)finding->cause.data);
            report_cell(table, "%s", (const char *)finding->next_step.data);
        }
    }
    verb_print(arguments, report);
    return well ? EXIT_OK : EXIT_DEGRADED;
}

enum exit_code verb_doctor(const struct arguments *arguments)
{
    static const char *const status[] = {"RING.STATUS", NULL}, *const reach[] = {"RING.REACH",
                                                                                 NULL};
    static const char *const hints[] = {"RING.HINTS", NULL};
    static const char *const settings[] = {"CONFIG", "GET", "*", NULL};
    static const char *const info[] = {"INFO", "clients", "memory", "persistence",
                                       "ring", "tls",     NULL};
    static const char *const keys[] = {"RING.TOP", "KEYS", "8", NULL};
    static const char *const written[] = {"RING.TOP", "WRITTEN", "16", NULL};
    const char *const *const questions[] = {status, info, reach, hints, settings, keys, written};
    struct cluster cluster;
    size_t answering = 0;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct findings *findings = memory_new(1, sizeof *findings);
    struct patient *patients = memory_new(cluster.member_count, sizeof *patients);
    struct exchange *answers = memory_new(cluster.member_count, sizeof *answers);
    struct exchange *later = memory_new(cluster.member_count, sizeof *later);
    struct key_tops *tops = memory_new(2, sizeof *tops);
    struct examination e = {.cluster = &cluster,
                            .patients = patients,
                            .hot = &tops[0],
                            .large = &tops[1],
                            .findings = findings};
    cluster_ask_all_these(&cluster, arguments, questions, sizeof questions / sizeof *questions,
                          answers);
    uint64_t asked_ms = now_ms();
    for (size_t i = 0; i < cluster.member_count; i++) {
        take_first(&answers[i], &patients[i]);
        answering += patients[i].status != NULL;
    }
    nanosleep(
        &(struct timespec){.tv_sec = BETWEEN_MS / 1000, .tv_nsec = BETWEEN_MS % 1000 * 1000000L},
        NULL);
    e.between_ms = now_ms() - asked_ms;
    ask_again(&e, arguments, patients, later);
    gather_keys(&e, arguments, &tops[0], &tops[1]);
    doctor_members(&e);
    doctor_copies(&e);
    doctor_stores(&e);
    doctor_limits(&e);
    doctor_paths(&e);
    doctor_hints(&e);
    doctor_keys(&e);
    doctor_settings(&e);
    code = print_findings(arguments, &cluster, findings, answering);
    cluster_forget(&cluster, later);
    cluster_forget(&cluster, answers);
    findings_deinit(findings);
    free(tops);
    free(later);
    free(answers);
    free(patients);
    free(findings);
    cluster_deinit(&cluster);
    return code;
}
