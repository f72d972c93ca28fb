/*
 * verb_hints.c - writes that wait for their owners, and waiting for them.
 *
 * There are two debts to an owner that was away: hints, which fallbacks keep for it, and events in
 * the logs of other owners. Each node tells its own; hints of several nodes for one owner may
 * be copies of one write, and what several logs have is mostly the same, so hints are added
 * up and of the logs the largest counts.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "cluster.h"
#include "fields.h"
#include "progress.h"
#include "verbs.h"

enum { ASK_EVERY_MS = 500 };

/* What all answering nodes say of one owner. */
struct owner_debt {
    uint64_t hints, hint_bytes, oldest_ms, rate_bytes, left_ms;
    uint64_t log_events, log_bytes;
    bool log_unknown; /* nobody can tell how much */
    struct buffer reasons;
};

static const struct report_column COLUMNS[] = {
    {"owner", REPORT_NUMBER},       {"hints", REPORT_NUMBER},      {"hint_bytes", REPORT_NUMBER},
    {"oldest_s", REPORT_NUMBER},    {"rate_bytes", REPORT_NUMBER}, {"left_s", REPORT_NUMBER},
    {"log_events", REPORT_NUMBER},  {"log_bytes", REPORT_NUMBER},  {"kept_at", REPORT_NUMBERS},
    {"why_they_wait", REPORT_TEXTS}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

struct picture {
    const struct cluster *cluster;
    struct exchange *answers;
    const struct resp_value **replies; /* NULL: no answer */
    size_t silent;
};

static void ask_all(const struct arguments *arguments, struct picture *picture)
{
    char reason[EXCHANGE_REASON_MAX];
    cluster_ask_all(picture->cluster, arguments, "RING.HINTS", picture->answers);
    picture->silent = 0;
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        picture->replies[i] = cluster_reply(&picture->answers[i], reason);
        picture->silent += picture->replies[i] == NULL;
    }
}

static uint64_t number_of(const struct resp_value *map, const char *name)
{
    int64_t number = fields_integer(map, name, 0);
    return number < 0 ? 0 : (uint64_t)number;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The row of the reply that is of this owner; NULL: there is none. */
static const struct resp_value *row_of(const struct resp_value *reply, node_id owner)
{
    const struct resp_value *rows = fields_get(reply, "targets");
    for (size_t i = 0; i < fields_count(rows); i++)
        if (fields_integer(fields_at(rows, i), "node", 0) == owner)
            return fields_at(rows, i);
    return NULL;
}

static void add_reason(struct owner_debt *debt, node_id keeper, const char *reason)
{
    if (debt->reasons.length > 0)
        buffer_put_u8(&debt->reasons, '\n');
    buffer_printf(&debt->reasons, "node %" PRIu32 ": %s", keeper, reason);
}

/* Adds what one node says; true when it keeps hints for that owner. */
static bool add_row(struct owner_debt *debt, node_id keeper, const struct resp_value *row)
{
    uint64_t hints = number_of(row, "hints");
    debt->log_events = larger(debt->log_events, number_of(row, "log_events"));
    debt->log_bytes = larger(debt->log_bytes, number_of(row, "log_bytes"));
    debt->log_unknown = debt->log_unknown || number_of(row, "log_unknown") > 0;
    if (hints == 0)
        return false;
    debt->hints += hints;
    debt->hint_bytes += number_of(row, "hint_bytes");
    debt->oldest_ms = larger(debt->oldest_ms, number_of(row, "oldest_ms"));
    debt->rate_bytes += number_of(row, "rate_bytes");
    debt->left_ms = larger(debt->left_ms, number_of(row, "left_ms"));
    add_reason(debt, keeper, fields_text(row, "reason", "?"));
    return true;
}

/* One row of the table; whether anything waits for the owner. */
static bool report_owner(struct report_table *table, const struct picture *picture, node_id owner)
{
    struct owner_debt debt = {0};
    struct buffer keepers = {0};
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        const struct resp_value *row = row_of(picture->replies[i], owner);
        node_id keeper = picture->cluster->members[i].id;
        if (row != NULL && add_row(&debt, keeper, row))
            buffer_printf(&keepers, "%" PRIu32 " ", keeper);
    }
    bool waits = debt.hints > 0 || debt.log_events > 0;
    report_cell(table, "%" PRIu32, owner);
    report_cell(table, "%" PRIu64, debt.hints);
    report_cell(table, "%" PRIu64, debt.hint_bytes);
    report_cell(table, debt.hints > 0 ? "%" PRIu64 : NULL, debt.oldest_ms / 1000);
    report_cell(table, debt.hints > 0 ? "%" PRIu64 : NULL, debt.rate_bytes);
    report_cell(table, debt.hints > 0 ? "%" PRIu64 : NULL, (debt.left_ms + 999) / 1000);
    bool known = debt.log_events > 0 || !debt.log_unknown;
    report_cell(table, known ? "%" PRIu64 : NULL, debt.log_events);
    report_cell(table, known ? "%" PRIu64 : NULL, debt.log_bytes);
    report_cell(table, "%.*s", (int)keepers.length, (const char *)keepers.data);
    report_cell(table, "%.*s", (int)debt.reasons.length, (const char *)debt.reasons.data);
    buffer_deinit(&keepers);
    buffer_deinit(&debt.reasons);
    return waits;
}

/* Sentences about nodes that keep no more, or keep what they cannot deliver. */
static void report_trouble(struct report *report, const struct picture *picture, bool json)
{
    struct buffer text = {0};
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        const struct resp_value *reply = picture->replies[i];
        node_id id = picture->cluster->members[i].id;
        const char *separator = text.length > 0 ? "\n" : "";
        uint64_t aside = number_of(reply, "set_aside");
        uint64_t full = number_of(reply, "partitions_full");
        if (reply == NULL)
            buffer_printf(&text, "%snode %" PRIu32 " does not answer: what it keeps is not counted",
                          separator, id);
        else if (number_of(reply, "full") != 0)
            buffer_printf(&text, "%snode %" PRIu32 " takes no more hints (hint-size-max)",
                          separator, id);
        else if (full > 0)
            buffer_printf(&text,
                          "%snode %" PRIu32 " takes no more hints of %" PRIu64
                          " partitions (hint-partition-size-max)",
                          separator, id, full);
        separator = text.length > 0 ? "\n" : "";
        if (aside > 0)
            buffer_printf(&text,
                          "%snode %" PRIu32 " has set aside %" PRIu64
                          " hints that it cannot read; its log says which",
                          separator, id, aside);
    }
    report_fact(report, "trouble", REPORT_TEXTS, "%.*s", (int)text.length,
                text.length > 0 || json ? (const char *)text.data : "none");
    buffer_deinit(&text);
}

static enum exit_code print_picture(const struct arguments *arguments,
                                    const struct picture *picture)
{
    struct report *report = report_new();
    uint64_t hints = 0, bytes = 0;
    bool waits = false;
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        hints += number_of(picture->replies[i], "hints");
        bytes += number_of(picture->replies[i], "hint_bytes");
    }
    report_fact(report, "hints", REPORT_NUMBER, "%" PRIu64, hints);
    report_fact(report, "hint_bytes", REPORT_NUMBER, "%" PRIu64, bytes);
    report_fact(report, "silent", REPORT_NUMBER, "%zu", picture->silent);
    struct report_table *table = report_table(report, "owners", COLUMNS, COLUMN_COUNT);
    for (size_t i = 0; i < picture->cluster->member_count; i++)
        waits = report_owner(table, picture, picture->cluster->members[i].id) || waits;
    report_trouble(report, picture, arguments->json);
    verb_print(arguments, report);
    return waits || picture->silent > 0 ? EXIT_DEGRADED : EXIT_OK;
}

static enum exit_code picture_init(const struct arguments *arguments, struct cluster *cluster,
                                   struct picture *picture)
{
    enum exit_code code = cluster_load(arguments, cluster);
    if (code != EXIT_OK)
        return code;
    *picture =
        (struct picture){.cluster = cluster,
                         .answers = memory_new(cluster->member_count, sizeof *picture->answers),
                         .replies = memory_new(cluster->member_count, sizeof *picture->replies)};
    return EXIT_OK;
}

static void picture_deinit(struct picture *picture, struct cluster *cluster)
{
    free(picture->answers);
    free(picture->replies);
    cluster_deinit(cluster);
}

enum exit_code verb_hints(const struct arguments *arguments)
{
    struct cluster cluster;
    struct picture picture;
    enum exit_code code = picture_init(arguments, &cluster, &picture);
    if (code != EXIT_OK)
        return code;
    ask_all(arguments, &picture);
    code = print_picture(arguments, &picture);
    cluster_forget(&cluster, picture.answers);
    picture_deinit(&picture, &cluster);
    return code;
}

/* ---- hints wait ---------------------------------------------------------------------------- */

/* What is waited for at one node. */
struct wait {
    bool known;       /* it has answered once */
    uint64_t from_ms; /* by its own clock: when it first did */
    bool done;
};

/*
 * Hints that are older than the first answer of the node that keeps them. `silent` counts nodes
 * that may keep some and do not answer.
 */
static uint64_t look(const struct picture *picture, struct wait *waits, size_t *silent)
{
    uint64_t left = 0;
    *silent = 0;
    for (size_t i = 0; i < picture->cluster->member_count; i++) {
        const struct resp_value *reply = picture->replies[i];
        struct wait *wait = &waits[i];
        if (wait->done)
            continue;
        if (reply == NULL) {
            ++*silent;
            continue;
        }
        if (!wait->known)
            wait->from_ms = number_of(reply, "now_ms");
        wait->known = true;
        wait->done =
            number_of(reply, "hints") == 0 || number_of(reply, "oldest_at_ms") > wait->from_ms;
        left += wait->done ? 0 : number_of(reply, "hints");
    }
    return left;
}

enum exit_code verb_hints_wait(const struct arguments *arguments)
{
    struct cluster cluster;
    struct picture picture;
    enum exit_code code = picture_init(arguments, &cluster, &picture);
    if (code != EXIT_OK)
        return code;
    struct wait *waits = memory_new(cluster.member_count, sizeof *waits);
    struct progress progress = progress_begin("hints are delivered");
    uint64_t limit_ms = arguments->waits ? (uint64_t)arguments->wait_seconds * 1000 : UINT64_MAX;
    uint64_t most = 0, left;
    size_t silent;
    for (;;) {
        ask_all(arguments, &picture);
        left = look(&picture, waits, &silent);
        cluster_forget(&cluster, picture.answers);
        most = larger(most, left);
        progress_show(&progress, most - left, most);
        bool done = left == 0 && silent == 0;
        if (done || progress_elapsed_ms(&progress) >= limit_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = ASK_EVERY_MS * 1000000L}, NULL);
    }
    progress_end(&progress);
    if (silent > 0)
        verb_complain("%zu nodes do not answer and may keep hints; see: ringctl status", silent);
    if (left > 0)
        verb_complain("%" PRIu64 " hints wait still; why: ringctl hints", left);
    struct report *report = report_new();
    bool delivered = left == 0 && silent == 0;
    report_fact(report, "delivered", REPORT_FLAG, "%s", delivered ? "yes" : "no");
    report_fact(report, "left", REPORT_NUMBER, "%" PRIu64, left);
    report_fact(report, "silent", REPORT_NUMBER, "%zu", silent);
    verb_print(arguments, report);
    free(waits);
    picture_deinit(&picture, &cluster);
    return delivered ? EXIT_OK : EXIT_DEGRADED;
}
