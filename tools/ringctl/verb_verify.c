/*
 * verb_verify.c - whether all owners of each partition hold the same.
 *
 * A replica tells two digests, of its cells (content) and of the events it has
 * seen (clock). Equal contents with different clocks are not yet at rest: one of
 * them still has to learn that nothing is missing. Digests of different nodes are
 * not taken at one moment, so while clients write, some partitions always differ.
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

enum { ASK_EVERY_MS = 250 };

/* What one owner says of one partition. */
struct copy {
    bool known; /* it answered, and its replica is complete */
    uint64_t keys, clock, content;
};

enum verdict { EQUAL, CONTENT_DIFFERS, CLOCK_DIFFERS, COPY_UNKNOWN };

static const char *const VERDICTS[] = {[EQUAL] = "nothing",
                                       [CONTENT_DIFFERS] = "content",
                                       [CLOCK_DIFFERS] = "clock",
                                       [COPY_UNKNOWN] = "no answer"};

static const struct report_column COLUMNS[] = {{"partition", REPORT_NUMBER},
                                               {"differs", REPORT_TEXT},
                                               {"owners", REPORT_NUMBERS},
                                               {"without_answer", REPORT_NUMBERS},
                                               {"keys", REPORT_NUMBERS}};

enum { COLUMN_COUNT = sizeof COLUMNS / sizeof *COLUMNS };

/* The place of member `member` among the owners of `partition`; owner_count: it is none. */
static uint32_t owner_place(const struct cluster *cluster, uint32_t partition, size_t member)
{
    uint32_t place = 0;
    while (place < cluster->owner_count && cluster_owners(cluster, partition)[place] != member)
        place++;
    return place;
}

/* The rows of one member's answer go to their places in `copies`. */
static void take_rows(const struct cluster *cluster, size_t member, const struct resp_value *rows,
                      struct copy *copies)
{
    for (size_t i = 0; i < fields_count(rows); i++) {
        const struct resp_value *row = fields_at(rows, i);
        int64_t partition = fields_integer(row, "partition", -1);
        if (partition < 0 || partition >= cluster->partition_count)
            continue;
        uint32_t place = owner_place(cluster, (uint32_t)partition, member);
        if (place == cluster->owner_count || strcmp(fields_text(row, "state", ""), "ready") != 0)
            continue;
        copies[(size_t)partition * cluster->owner_count + place] = (struct copy){
            .known = true,
            .keys = (uint64_t)fields_integer(row, "keys", 0),
            .clock = strtoull(fields_text(row, "clock", "0"), NULL, 16),
            .content = strtoull(fields_text(row, "content", "0"), NULL, 16),
        };
    }
}

static enum verdict judge(const struct copy *copies, uint32_t count)
{
    enum verdict verdict = EQUAL;
    for (uint32_t i = 0; i < count; i++) {
        if (!copies[i].known)
            return COPY_UNKNOWN;
        if (copies[i].content != copies[0].content || copies[i].keys != copies[0].keys)
            verdict = CONTENT_DIFFERS;
        else if (copies[i].clock != copies[0].clock && verdict == EQUAL)
            verdict = CLOCK_DIFFERS;
    }
    return verdict;
}

/* Ask everybody once. Returns how many partitions are equal. */
static uint32_t compare(const struct arguments *arguments, const struct cluster *cluster,
                        struct copy *copies, enum verdict *verdicts)
{
    uint32_t equal = 0;
    char reason[EXCHANGE_REASON_MAX];
    struct exchange *answers = memory_new(cluster->member_count, sizeof *answers);
    memset(copies, 0, (size_t)cluster->partition_count * cluster->owner_count * sizeof *copies);
    cluster_ask_all(cluster, arguments, "RING.DIGEST", answers);
    for (size_t i = 0; i < cluster->member_count; i++)
        take_rows(cluster, i, cluster_reply(&answers[i], reason), copies);
    cluster_forget(cluster, answers);
    free(answers);
    for (uint32_t p = 0; p < cluster->partition_count; p++) {
        verdicts[p] = judge(copies + (size_t)p * cluster->owner_count, cluster->owner_count);
        equal += verdicts[p] == EQUAL;
    }
    return equal;
}

static uint32_t compare_until_equal(const struct arguments *arguments,
                                    const struct cluster *cluster, struct copy *copies,
                                    enum verdict *verdicts)
{
    struct progress progress = progress_begin("partitions are equal");
    uint64_t limit_ms = (uint64_t)arguments->wait_seconds * 1000;
    uint32_t equal;
    for (;;) {
        equal = compare(arguments, cluster, copies, verdicts);
        if (arguments->waits)
            progress_show(&progress, equal, cluster->partition_count);
        if (equal == cluster->partition_count || progress_elapsed_ms(&progress) >= limit_ms)
            break;
        nanosleep(&(struct timespec){.tv_nsec = ASK_EVERY_MS * 1000000L}, NULL);
    }
    progress_end(&progress);
    return equal;
}

static void add_row(struct report_table *table, const struct cluster *cluster, uint32_t partition,
                    const struct copy *copies, enum verdict verdict)
{
    struct buffer owners = {0}, silent = {0}, keys = {0};
    for (uint32_t i = 0; i < cluster->owner_count; i++) {
        node_id id = cluster->members[cluster_owners(cluster, partition)[i]].id;
        buffer_printf(&owners, "%" PRIu32 " ", id);
        if (copies[i].known)
            buffer_printf(&keys, "%" PRIu64 " ", copies[i].keys);
        else
            buffer_printf(&silent, "%" PRIu32 " ", id);
    }
    report_cell(table, "%" PRIu32, partition);
    report_cell(table, "%s", VERDICTS[verdict]);
    report_cell(table, "%.*s", (int)owners.length, (const char *)owners.data);
    report_cell(table, "%.*s", (int)silent.length, (const char *)silent.data);
    report_cell(table, "%.*s", (int)keys.length, (const char *)keys.data);
    buffer_deinit(&owners);
    buffer_deinit(&silent);
    buffer_deinit(&keys);
}

static void print_result(const struct arguments *arguments, const struct cluster *cluster,
                         const struct copy *copies, const enum verdict *verdicts, uint32_t equal)
{
    struct report *report = report_new();
    uint64_t keys = 0;
    for (uint32_t p = 0; p < cluster->partition_count; p++)
        keys += copies[(size_t)p * cluster->owner_count].keys;
    report_fact(report, "partitions", REPORT_NUMBER, "%" PRIu32, cluster->partition_count);
    report_fact(report, "equal", REPORT_NUMBER, "%" PRIu32, equal);
    report_fact(report, "different", REPORT_NUMBER, "%" PRIu32, cluster->partition_count - equal);
    if (equal == cluster->partition_count)
        report_fact(report, "keys", REPORT_NUMBER, "%" PRIu64, keys);
    else
        report_fact(report, "keys", REPORT_NUMBER, NULL);
    if (equal < cluster->partition_count || arguments->json) {
        struct report_table *table = report_table(report, "differences", COLUMNS, COLUMN_COUNT);
        for (uint32_t p = 0; p < cluster->partition_count; p++) {
            if (verdicts[p] != EQUAL)
                add_row(table, cluster, p, copies + (size_t)p * cluster->owner_count, verdicts[p]);
        }
    }
    verb_print(arguments, report);
}

enum exit_code verb_ring_verify(const struct arguments *arguments)
{
    struct cluster cluster;
    enum exit_code code = cluster_load(arguments, &cluster);
    if (code != EXIT_OK)
        return code;
    struct copy *copies =
        memory_new((size_t)cluster.partition_count * cluster.owner_count, sizeof *copies);
    enum verdict *verdicts = memory_new(cluster.partition_count, sizeof *verdicts);
    uint32_t equal = compare_until_equal(arguments, &cluster, copies, verdicts);
    print_result(arguments, &cluster, copies, verdicts, equal);
    code = equal == cluster.partition_count ? EXIT_OK : EXIT_DEGRADED;
    free(copies);
    free(verdicts);
    cluster_deinit(&cluster);
    return code;
}
